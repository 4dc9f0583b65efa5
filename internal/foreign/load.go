package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The shape of the data: partitions of itemsEach items, of which a query shows the first pageItems; an item belongs to
// one group of the index at a time, and there are as many groups as a fifth of the partitions.
const (
	itemsEach, pageItems = 4, 3
	groupShare           = 5
)

// The load beside the foreign writes: own writers and how many writes a second they make together, and foreign writers.
const (
	ownWriters, ownRate = 4, 50
	foreignWriters      = 16
)

// kind is what is read.
type kind uint8

// The kinds of reads.
const (
	readItem kind = iota
	readPage
	readIndex

	numKinds
)

// kindNames are words for the kinds.
var kindNames = [numKinds]string{"items", "base queries", "index queries"}

// instant is a time since the load began.
type instant = time.Duration

// read is an answer: of which key, when it was asked for and when it was there, and what it showed.
type read struct {
	kind     kind
	key      int
	from, to instant
	hit      bool
	// known is whether an omniscient cache would have had it.
	known bool
	// lively is whether it would have had it if it kept what it has for delta.
	lively bool
	word   string
	shown  []shown
}

// write is an acknowledged write.
type write struct {
	item       int
	version    int64
	from, to   instant
	own        bool
	group, to2 int // the groups before and after, for the index; equal where it stayed
}

// load is what one variant is put under.
type load struct {
	o     *options
	w     *world
	start time.Time

	front, behind *client
	groups        []atomic.Int32 // of each item, as the writer that owns it knows
	ranks         zipf

	mu sync.Mutex

	reads  []read
	writes []write

	failedReads, failedWrites, appended atomic.Int64
}

// newLoad makes one.
func newLoad(o *options, w *world) *load {
	return &load{o: o, w: w, front: newClient(w.front.url, o.readers+ownWriters), behind: newClient(w.upstream.url, foreignWriters),
		groups: make([]atomic.Int32, o.partitions*itemsEach), ranks: newZipf(o.partitions)}
}

// numGroups is how many groups of the index there are.
func (l *load) numGroups() int { return l.o.partitions / groupShare }

// now is the time of the load.
func (l *load) now() instant { return time.Since(l.start) }

// fill makes the table through millrace and its items at the upstream.
func (l *load) fill(ctx context.Context) error {
	if _, err := l.front.call(ctx, "CreateTable", table); err != nil {
		return err
	}
	items := l.o.partitions * itemsEach
	var wg sync.WaitGroup
	var next atomic.Int64
	failed := make([]error, 8)
	for n := range failed {
		wg.Go(func() {
			for {
				from := int(next.Add(25)) - 25
				if from >= items || ctx.Err() != nil {
					return
				}
				var puts []string
				for i := from; i < min(from+25, items); i++ {
					g := i % l.numGroups()
					l.groups[i].Store(int32(g))
					puts = append(puts, fmt.Sprintf(`{"PutRequest":{"Item":{"P":{"S":"p%d"},"S":{"N":"%d"},"V":{"N":"0"},"G":{"S":"g%d"}}}}`, i/itemsEach, i%itemsEach, g))
				}
				if _, err := l.behind.call(ctx, "BatchWriteItem", `{"RequestItems":{"foreign":[`+strings.Join(puts, ",")+`]}}`); err != nil {
					failed[n] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// coverTimeout is how long the stream may take to be followed, and coverPatience when that is given up: a run that begins before is held to a
// bound that holds from then on only.
const coverPatience, coverTimeout = 20 * time.Second, time.Minute

// covered waits until millrace follows the table's stream: then a foreign write is seen. In a build without
// invalidation it never is, and the run goes on to show so.
func (l *load) covered(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, coverTimeout)
	defer cancel()
	began := time.Now()
	for n := 1; ; n++ {
		if _, err := l.behind.call(ctx, "UpdateItem", fmt.Sprintf(updateFormat, 0, 0)); err != nil {
			return err
		}
		for range 50 {
			a, err := l.ask(ctx, "GetItem", fmt.Sprintf(getFormat, 0, 0))
			if err != nil {
				return fmt.Errorf("wait for the stream to be followed: %w", err)
			}
			list, err := itemsOf(a.body)
			if err != nil {
				return err
			}
			if n > 3 && strings.HasPrefix(a.word, "hit") && list[0].version == int64(n) {
				return nil
			}
			if n > 10 && time.Since(began) > coverPatience {
				return nil
			}
			if err := wait(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	}
}

// run puts everything under load for the duration, with the variant's disturbance in the middle third.
func (l *load) run(ctx context.Context, v variant) error {
	l.start = time.Now()
	running, stop := context.WithTimeout(ctx, l.o.duration)
	defer stop()
	var wg sync.WaitGroup
	for n := range foreignWriters {
		wg.Go(func() { l.write(running, l.behind, n, foreignWriters, float64(l.o.rate)/foreignWriters, false) })
	}
	for n := range ownWriters {
		wg.Go(func() { l.write(running, l.front, n, ownWriters, float64(ownRate)/ownWriters, true) })
	}
	for n := range l.o.readers {
		wg.Go(func() { l.readAll(running, n) })
	}
	var err error
	if v.disturb != nil {
		if err = wait(ctx, l.o.duration/3); err == nil {
			err = v.disturb(l.w, ctx, l.o.duration/3)
		}
	}
	wg.Wait()
	return errors.Join(err, ctx.Err())
}

// write makes writes at a rate until ctx ends. A writer has the items to itself whose number leaves n when divided by
// of, among foreign writers or among own ones; the two share items, and versions order their writes.
func (l *load) write(ctx context.Context, c *client, n, of int, rate float64, own bool) {
	r := rand.New(rand.NewPCG(l.o.seed, uint64(n)<<1|map[bool]uint64{true: 1}[own]))
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		p := l.ranks.draw(r)
		if !own && r.IntN(20) == 0 {
			// Behind every page that is read.
			if _, err := c.call(ctx, "PutItem", fmt.Sprintf(appendFormat, p, itemsEach+r.IntN(1<<20))); err == nil {
				l.appended.Add(1)
			}
			continue
		}
		i := p*itemsEach + r.IntN(itemsEach)
		i += (n - i%of + of) % of
		if i >= len(l.groups) {
			continue
		}
		w := write{item: i, own: own, group: int(l.groups[i].Load())}
		w.to2 = w.group
		body := fmt.Sprintf(updateFormat, i/itemsEach, i%itemsEach)
		if !own && r.IntN(10) == 0 {
			w.to2 = r.IntN(l.numGroups())
			body = fmt.Sprintf(moveFormat, i/itemsEach, i%itemsEach, w.to2)
		}
		w.from = l.now()
		a, err := c.call(ctx, "UpdateItem", body)
		w.to = l.now()
		if err != nil {
			l.failedWrites.Add(1)
			continue
		}
		l.groups[i].Store(int32(w.to2))
		if w.version, err = written(a.body); err != nil {
			l.failedWrites.Add(1)
			continue
		}
		l.mu.Lock()
		l.writes = append(l.writes, w)
		l.mu.Unlock()
		if own {
			// Its own writer looks at once.
			l.read(ctx, readItem, i, nil)
			l.read(ctx, readPage, i/itemsEach, nil)
		}
	}
}

// readAll reads until ctx ends.
func (l *load) readAll(ctx context.Context, n int) {
	r := rand.New(rand.NewPCG(l.o.seed, uint64(n)+1000))
	var mine []read
	for ctx.Err() == nil {
		p := l.ranks.draw(r)
		switch d := r.IntN(20); {
		case d < 12:
			l.read(ctx, readItem, p*itemsEach+r.IntN(itemsEach), &mine)
		case d < 17:
			l.read(ctx, readPage, p, &mine)
		default:
			l.read(ctx, readIndex, p%l.numGroups(), &mine)
		}
	}
	l.mu.Lock()
	l.reads = append(l.reads, mine...)
	l.mu.Unlock()
}

// requestOf is a read's operation and body.
func requestOf(k kind, key int) (operation, body string) {
	switch k {
	case readItem:
		return "GetItem", fmt.Sprintf(getFormat, key/itemsEach, key%itemsEach)
	case readPage:
		return "Query", fmt.Sprintf(queryFormat, key, pageItems)
	}
	return "Query", fmt.Sprintf(indexFormat, key)
}

// read makes one and notes it, in mine or, where that is nil, among all.
func (l *load) read(ctx context.Context, k kind, key int, mine *[]read) {
	operation, body := requestOf(k, key)
	r := read{kind: k, key: key, from: l.now()}
	a, err := l.front.call(ctx, operation, body)
	r.to = l.now()
	if err == nil {
		r.hit, r.word = strings.HasPrefix(a.word, "hit"), a.word
		r.shown, err = itemsOf(a.body)
	}
	if err != nil {
		if ctx.Err() == nil {
			l.failedReads.Add(1)
		}
		return
	}
	if mine != nil {
		*mine = append(*mine, r)
		return
	}
	l.mu.Lock()
	l.reads = append(l.reads, r)
	l.mu.Unlock()
}

// attempts is how often a read beside the load is made at most: as by the SDKs. (SDKs and Tools Reference Guide, "Retry behavior":
// max_attempts.)
const attempts = 3

// ask makes a read through millrace, and again when it fails: an upstream that the machine starves for seconds may be told to be away.
func (l *load) ask(ctx context.Context, operation, body string) (a answer, err error) {
	for n := range attempts {
		if a, err = l.front.call(ctx, operation, body); err == nil || n == attempts-1 {
			return a, err
		}
		if err := wait(ctx, time.Second<<n); err != nil {
			return a, err
		}
	}
	return a, err
}

// zipf draws numbers below n, the smaller the likelier: as 1/rank.
type zipf struct {
	harmonic float64
	n        int
}

// newZipf makes one.
func newZipf(n int) zipf { return zipf{math.Log(float64(n) + 1), n} }

// draw draws a rank and spreads ranks over the numbers, so that hot ones are no neighbours.
func (z zipf) draw(r *rand.Rand) int {
	rank := int(math.Exp(r.Float64()*z.harmonic)) - 1
	return int(uint64(min(rank, z.n-1)) * 7919 % uint64(z.n))
}

// hot are the n likeliest numbers.
func (z zipf) hot(n int) []int {
	var out []int
	for rank := range n {
		out = append(out, int(uint64(rank)*7919%uint64(z.n)))
	}
	return out
}

// hotKeys is how many of each kind must be hits once all is quiet.
const hotKeys = 100

// quiet lets delta pass without writes; then every hot key is read, and read again, and the second time it must be a hit.
func (l *load) quiet(ctx context.Context, out io.Writer) error {
	if err := wait(ctx, l.o.delta+2*time.Second); err != nil {
		return err
	}
	var missed []string
	for _, p := range l.ranks.hot(hotKeys) {
		for _, q := range []struct {
			kind kind
			key  int
		}{{readItem, p * itemsEach}, {readPage, p}, {readIndex, p % l.numGroups()}} {
			operation, body := requestOf(q.kind, q.key)
			var word string
			for range 2 {
				a, err := l.ask(ctx, operation, body)
				if err != nil {
					return err
				}
				word = a.word
			}
			if !strings.HasPrefix(word, "hit") {
				missed = append(missed, fmt.Sprintf("%s %d: %s", kindNames[q.kind], q.key, word))
			}
		}
	}
	fmt.Fprintf(out, "after quiet: %d of %d hot keys are hits\n", 3*hotKeys-len(missed), 3*hotKeys)
	if len(missed) > 0 {
		return fmt.Errorf("hot keys that are no hits after quiet: %v", missed[:min(5, len(missed))])
	}
	return nil
}

// appendsTried is how many pages are appended behind.
const appendsTried = 50

// appends writes behind the ends of cached pages; they must stay cached when the stream has told of it.
func (l *load) appends(ctx context.Context, out io.Writer) error {
	pages := l.ranks.hot(appendsTried)
	// Young ones, that time alone does not end.
	if err := l.w.purge(ctx); err != nil {
		return err
	}
	for _, p := range pages {
		operation, body := requestOf(readPage, p)
		if _, err := l.ask(ctx, operation, body); err != nil {
			return err
		}
	}
	for _, p := range pages {
		if _, err := l.behind.call(ctx, "PutItem", fmt.Sprintf(appendFormat, p, 1<<21)); err != nil {
			return err
		}
	}
	if err := wait(ctx, time.Second); err != nil {
		return err
	}
	var killed []string
	for _, p := range pages {
		operation, body := requestOf(readPage, p)
		a, err := l.ask(ctx, operation, body)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(a.word, "hit") {
			killed = append(killed, fmt.Sprintf("%d: %s", p, a.word))
		}
	}
	fmt.Fprintf(out, "appends behind %d cached pages ended %d of them\n", len(pages), len(killed))
	if len(killed) > 0 {
		return fmt.Errorf("pages were ended by appends behind them: %v", killed)
	}
	return nil
}
