package stream

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/cache/coherence"
)

// The model's time goes in ticks. Two are a second, which dates are cut to; L and Settle are one.
const (
	tick   = 500 * time.Millisecond
	second = 2
)

// modelConfig is the tailer's configuration in the model. Delays do not matter: an action is done at any time.
func modelConfig(rules Rules) TailerConfig {
	return TailerConfig{
		Lag: NewLag(tick), Poll: tick, Idle: tick, Walk: 20 * tick, Settle: tick, Kept: 3 * tick, Retry: tick, RetryMax: tick, Rules: rules,
	}
}

// budget is how often each thing may still happen. Refusals are failures of any request, throttles among them; repeats are
// answers that begin with the record that the one before ended with; clocks are settings of the local clock.
type budget struct{ commits, rolls, splits, expiries, trims, fillers, failures, refusals, repeats, clocks int }

// entry is a place in a shard's log: a record, or nothing, which a read answers empty.
type entry struct {
	committed int // tick
	order     int // among all events
	filler    bool
	applied   bool
}

// dated is the entry's date as the stream tells it, cut to the second.
func (e entry) dated() int64 { return int64(e.committed/second*second) * int64(tick) }

// modelShard is a shard upstream.
type modelShard struct {
	id, parent string
	hidden     []entry // committed and not shown yet
	log        []entry
	horizon    int // entries below are trimmed
	read       int // entries below were consumed by answers that were delivered; -1 before any
	closed     bool
	failed     bool // a read failed since; what is not read yet may be shown behind empty answers
	listedAt   int  // tick, -1 while not listed
	stray      bool // nothing leads to it, and what is committed to it before it is found cannot be accounted for
}

// world is the upstream, the tailer, and the requests between them.
type world struct {
	now, order int
	skew       int // ticks that the local clock is set ahead
	left       budget
	shards     []*modelShard
	epoch      int // of iterators: those of older ones have expired
	pending    []Action
	due        []coherence.Time // when the tailer wants pending to be sent; only settle goes by it
	answers    []Event

	tailer    *Tailer
	watermark coherence.Time
	begun     int // order of the last Begin
	wrong     string
	mayLose   bool // something happened that can cost the position
}

// newWorld is a stream of some shards, and a tailer that was just started.
func newWorld(rules Rules, left budget, shards ...*modelShard) *world {
	w := &world{left: left, shards: shards, tailer: NewTailer(modelConfig(rules)), now: 10}
	w.obey(w.tailer.Start(w.time()))
	return w
}

// time is now as the tailer sees it.
func (w *world) time() coherence.Time { return coherence.Time(w.now) * coherence.Time(tick) }

// clone is a copy that shares nothing that changes.
func (w *world) clone() *world {
	c := *w
	c.shards = make([]*modelShard, len(w.shards))
	for i, s := range w.shards {
		x := *s
		x.hidden, x.log = slices.Clone(s.hidden), slices.Clone(s.log)
		c.shards[i] = &x
	}
	c.pending, c.answers = slices.Clone(w.pending), slices.Clone(w.answers)
	c.due = slices.Clone(w.due)
	t := *w.tailer
	t.shards = maps.Clone(t.shards)
	for id, s := range t.shards {
		x := *s
		t.shards[id] = &x
	}
	c.tailer = &t
	return &c
}

// sum identifies the state.
func (w *world) sum() [2]uint64 {
	b := make([]byte, 0, 512)
	add := func(v ...int) {
		for _, x := range v {
			b = binary.AppendVarint(b, int64(x))
		}
	}
	text := func(v ...string) {
		for _, x := range v {
			b = append(append(b, x...), 0)
		}
	}
	flag := func(v ...bool) {
		for _, x := range v {
			b = strconv.AppendBool(b, x)
		}
	}
	entries := func(list []entry) {
		add(len(list))
		for _, e := range list {
			add(e.committed)
			flag(e.filler, e.applied, e.order < w.begun)
		}
	}
	add(w.now, w.epoch, int(w.watermark/coherence.Time(tick)), w.skew)
	add(w.left.commits, w.left.rolls, w.left.splits, w.left.expiries, w.left.trims, w.left.fillers, w.left.failures)
	add(w.left.refusals, w.left.repeats, w.left.clocks)
	for _, s := range w.shards {
		text(s.id)
		entries(s.hidden)
		entries(s.log)
		add(s.horizon, s.read, s.listedAt)
		flag(s.closed, s.failed)
	}
	requests := make([]string, 0, len(w.pending)+len(w.answers))
	for _, a := range w.pending {
		requests = append(requests, fmt.Sprint("p", a.Kind, a.Gen == w.tailer.gen, a.Shard, a.From, a.Sequence, a.Iterator, a.look == w.tailer.looks))
	}
	for _, e := range w.answers {
		a := e.Of
		requests = append(requests, fmt.Sprint("a", a.Kind, a.Gen == w.tailer.gen, a.Shard, a.Iterator, a.look == w.tailer.looks, e.Sent, e.Failure, e.Shards, e.Iterator, e.Page))
	}
	slices.Sort(requests)
	text(requests...)
	t := w.tailer
	add(int(t.listedNew), int(t.begunAt), int(t.listing), int(t.walked), t.fails, t.gaps, int(t.gapAt), int(t.checked), int(t.watermark), int(t.dates.least[0]), int(t.dates.least[1]), int(t.dates.since))
	flag(t.began, t.confirmed, w.mayLose)
	for _, id := range slices.Sorted(maps.Keys(t.shards)) {
		s := t.shards[id]
		text(id, s.iterator, s.last)
		add(int(s.phase), int(s.from), s.fails, int(s.watermark), s.empties, int(s.ended), int(s.child), s.looks)
		flag(s.closed, s.old, s.tip, s.confirmed)
	}
	h := fnv.New128a()
	_, _ = h.Write(b)
	sum := h.Sum(nil)
	return [2]uint64{binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])}
}

// obey takes the tailer's actions.
func (w *world) obey(actions []Action) {
	for _, a := range actions {
		switch a.Kind {
		case Begin:
			w.begun, w.watermark = w.order, 0
		case Advance:
			w.watermark = a.Watermark
		case List, Iterate, Read:
			if a.Kind == List {
				w.drop(func(p Action) bool { return p.Kind == List })
			}
			w.pending, w.due = append(w.pending, a), append(w.due, w.time()+coherence.Time(a.Delay))
		}
	}
	w.drop(func(p Action) bool { return p.Gen != w.tailer.gen })
	if w.tailer.rules.Stale {
		w.answers = slices.DeleteFunc(w.answers, func(e Event) bool { return e.Of.Gen != w.tailer.gen })
	}
	w.check()
}

// drop leaves requests unsent.
func (w *world) drop(which func(Action) bool) {
	for i := len(w.pending) - 1; i >= 0; i-- {
		if which(w.pending[i]) {
			w.unqueue(i)
		}
	}
}

// unqueue takes a request out of those that are not sent.
func (w *world) unqueue(i int) Action {
	a := w.pending[i]
	w.pending, w.due = slices.Delete(w.pending, i, i+1), slices.Delete(w.due, i, i+1)
	return a
}

// check is the invariant: what was committed up to the watermark is applied, or was before all that is cached; and a
// shard is read by one request at a time, which keeps the order of its records; and the position is not given up
// without need. Time passes so quickly here, beside how long records are kept, that coming too late is one.
func (w *world) check() {
	if w.tailer.gaps > 0 && !w.mayLose && !strings.HasSuffix(w.tailer.why, "too late") {
		w.wrong = "the position was given up: " + w.tailer.why
	}
	busy := map[string]int{}
	for _, a := range w.pending {
		if a.Kind != List {
			busy[a.Shard]++
		}
	}
	for _, e := range w.answers {
		if e.Of.Kind != List && e.Of.Gen == w.tailer.gen {
			busy[e.Of.Shard]++
		}
	}
	for id, n := range busy {
		if n > 1 {
			w.wrong = fmt.Sprintf("shard %s has %d requests at a time", id, n)
		}
	}
	for _, s := range w.shards {
		if s.stray {
			continue
		}
		for _, list := range [][]entry{s.log, s.hidden} {
			for _, e := range list {
				if !e.filler && !e.applied && e.order >= w.begun && coherence.Time(e.committed)*coherence.Time(tick) <= w.watermark {
					w.wrong = fmt.Sprintf("shard %s: committed at %d, not applied, watermark %d", s.id, e.committed, w.watermark/coherence.Time(tick))
				}
			}
		}
	}
}

// shard finds a shard.
func (w *world) shard(id string) *modelShard {
	for _, s := range w.shards {
		if s.id == id {
			return s
		}
	}
	return nil
}

// execute does a request upstream.
func (w *world) execute(a Action) Event {
	e := Event{Of: a, Sent: w.time()}
	switch a.Kind {
	case List:
		e.Enabled = true
		for _, s := range w.shards {
			if s.listedAt >= 0 && (a.Shard == "" || s.parent == a.Shard) {
				e.Shards = append(e.Shards, Shard{ID: s.id, Parent: s.parent, Closed: s.closed})
			}
		}
	case Iterate:
		s := w.shard(a.Shard)
		at := 0
		switch a.From {
		case Latest:
			at = len(s.log)
		case Horizon:
			at = s.horizon
		case After:
			n, _ := strconv.Atoi(a.Sequence)
			at = n + 1
		}
		if at < s.horizon {
			e.Failure = Trimmed
		}
		e.Iterator = w.iterator(at)
	case Read:
		w.executeRead(&e)
	}
	return e
}

// iterator is one for a place.
func (w *world) iterator(at int) string { return fmt.Sprintf("%d %d", at, w.epoch) }

// placeOf is the place of an iterator.
func placeOf(iterator string) int {
	place, _, _ := strings.Cut(iterator, " ")
	at, _ := strconv.Atoi(place)
	return at
}

// executeRead answers up to the next filler, or the filler.
func (w *world) executeRead(e *Event) {
	s := w.shard(e.Of.Shard)
	place, epoch, _ := strings.Cut(e.Of.Iterator, " ")
	at, _ := strconv.Atoi(place)
	switch n, _ := strconv.Atoi(epoch); {
	case n != w.epoch:
		e.Failure = ExpiredIterator
		return
	case at < s.horizon:
		e.Failure = Trimmed
		return
	}
	s.failed = false // from now on what it does not show is the next one's to show
	to := at
	if to < len(s.log) && s.log[to].filler {
		to++
	} else {
		for to < len(s.log) && !s.log[to].filler {
			to++
		}
		if e.Page.Records = to - at; to > at {
			e.Page.Last = strconv.Itoa(to - 1)
			e.Page.Created = s.log[to-1].dated()
		}
	}
	if !s.closed || to < len(s.log) || len(s.hidden) > 0 {
		e.Page.Next = w.iterator(to)
	}
}

// deliver gives an answer to the tailer, after applying what it brings.
func (w *world) deliver(e Event) {
	e.Now, e.Page.Wall = w.time(), int64(w.time())+int64(w.skew)*int64(tick)
	if e.Of.Kind == Read && e.Failure == None {
		s := w.shard(e.Of.Shard)
		to := len(s.log)
		if e.Page.Next != "" {
			to = placeOf(e.Page.Next)
		}
		last, _ := strconv.Atoi(e.Page.Last)
		for i := range e.Page.Records {
			s.log[last-i].applied = true
		}
		s.read = max(s.read, to)
	}
	w.obey(w.tailer.Step(e))
}
