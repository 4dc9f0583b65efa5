package coherence

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// store is a table of counters with real concurrency. Every write of a key raises its counter, so "not older than" is
// "not less than".
type store struct {
	mu     sync.RWMutex
	values [stressKeys]uint64
}

// stressKeys is the number of items, all in one partition.
const stressKeys = 6

// waiting is the wait object of the stress test's flights.
type waiting struct {
	done chan struct{}
	body []byte
	ok   bool
}

// stress is one table under load.
type stress struct {
	core  *Core
	table *Table
	store store
	floor [stressKeys]atomic.Uint64 // what a reader of the item arriving now must see at least (P1, P2)
	acked [stressKeys]atomic.Uint64 // what a reader of a page must see at least (P7)
	ceil  [stressKeys]atomic.Uint64 // what it may see at most: raised before a write
	start time.Time
	heard heard
	fails atomic.Int64
	t     *testing.T
}

// heard is an Observer that checks the order: what it believes must be what there is at the end.
type heard struct {
	mu    sync.Mutex
	costs map[uint64]int64
	core  *Core
	n     uint64
}

// Added implements Observer; now and then it refuses, from within.
func (h *heard) Added(hash uint64, cost int64) {
	h.mu.Lock()
	h.costs[hash] = cost
	h.n++
	refuse := h.n%13 == 0
	h.mu.Unlock()
	if refuse {
		h.core.Evict(hash)
	}
}

// Removed implements Observer.
func (h *heard) Removed(hash uint64) {
	h.mu.Lock()
	delete(h.costs, hash)
	h.mu.Unlock()
}

// Touched implements Observer.
func (h *heard) Touched(uint64) {}

// newStress makes a core with few shards, so that locks meet.
func newStress(t *testing.T, o TableOptions) *stress {
	x := &stress{t: t, start: time.Now()}
	x.heard.costs = map[uint64]int64{}
	x.core = New(Config{Memory: 1, Shards: 2, Tq: time.Millisecond, Tamb: time.Millisecond, Observer: &x.heard,
		NewCall: func() any { return &waiting{done: make(chan struct{})} }})
	x.heard.core = x.core
	x.table = x.core.Table("t")
	x.core.Configure(x.table, o)
	return x
}

// now is the test's clock.
func (x *stress) now() Time { return Time(time.Since(x.start)) + 1 }

// lift raises a bound to at least v.
func lift(a *atomic.Uint64, v uint64) {
	for {
		old := a.Load()
		if old >= v || a.CompareAndSwap(old, v) {
			return
		}
	}
}

// counterImage encodes a counter as an image.
func counterImage(v uint64) Image {
	img := Image{Bytes: binary.BigEndian.AppendUint64(nil, v)}
	copy(img.Sum[:], img.Bytes)
	return img
}

// check judges an answer against the bounds of key k.
func (x *stress) check(what string, k int, got, floor uint64) {
	if got < floor || got > x.ceil[k].Load() {
		x.fails.Add(1)
		x.t.Errorf("%s of key %d = %d, want between %d and %d", what, k, got, floor, x.ceil[k].Load())
	}
}

// readItem reads one item, waits or leads as told, and returns the answer.
func (x *stress) readItem(r *rand.Rand, k int) {
	floor := x.floor[k].Load()
	strong := r.IntN(4) == 0
	read := x.core.ReadItem(x.now(), x.table, []byte{byte(k)}, ReadOptions{Strong: strong}, nil)
	body := read.Body
	switch read.Outcome {
	case Joined:
		call := read.Flight.Call.(*waiting)
		<-call.done
		if body = call.body; !call.ok {
			return
		}
	case Lead:
		call := read.Flight.Call.(*waiting)
		defer close(call.done)
		if r.IntN(20) == 0 {
			x.core.Fail(x.now(), read.Flight)
			return
		}
		x.store.mu.RLock()
		v := x.store.values[k]
		x.store.mu.RUnlock()
		runtime.Gosched() // answers take time
		img := counterImage(v)
		call.body, call.ok = img.Bytes, true
		x.core.Done(x.now(), read.Flight, img)
		body = call.body
	}
	v := binary.BigEndian.Uint64(body)
	x.check("item", k, v, floor)
	lift(&x.floor[k], v) // P2: later readers see at least this
}

// readPage reads keys lo to hi as a page, or all of them as a scan, and checks each.
func (x *stress) readPage(r *rand.Rand, scan bool) {
	lo := r.IntN(stressKeys)
	hi := lo + 1 + r.IntN(stressKeys-lo)
	span := Span{Partition: []byte("p"), Lo: []byte{byte(lo)}, Hi: []byte{byte(hi)}}
	if scan {
		lo, hi, span = 0, stressKeys, Span{}
	}
	var floors [stressKeys]uint64
	for k := lo; k < hi; k++ {
		floors[k] = x.acked[k].Load()
	}
	read := x.core.ReadPage(x.now(), x.table, fmt.Appendf(nil, "%v %d-%d", scan, lo, hi), span, ReadOptions{}, nil)
	body := read.Body
	switch read.Outcome {
	case Joined:
		call := read.Flight.Call.(*waiting)
		<-call.done
		body = call.body
	case Lead:
		call := read.Flight.Call.(*waiting)
		defer close(call.done)
		x.store.mu.RLock()
		for k := lo; k < hi; k++ {
			call.body = binary.BigEndian.AppendUint64(call.body, x.store.values[k])
		}
		x.store.mu.RUnlock()
		runtime.Gosched()
		img := Image{Bytes: call.body}
		for i, b := range call.body {
			img.Sum[i%16] ^= b
		}
		x.core.DonePage(x.now(), read.Flight, img, span)
		body = call.body
	}
	for k := lo; k < hi; k++ {
		x.check("page", k, binary.BigEndian.Uint64(body[8*(k-lo):]), floors[k])
	}
}

// commit raises key k in the store.
func (x *stress) commit(k int) uint64 {
	x.store.mu.Lock()
	defer x.store.mu.Unlock()
	x.store.values[k]++
	return x.store.values[k]
}

// effects are those of a write to key k.
func (x *stress) effects(k int) []Effect {
	return []Effect{{Table: x.table, Key: []byte{byte(k)}, Positions: []Position{{Partition: []byte("p"), Pos: []byte{byte(k)}}}}}
}

// writeRemote is an own write of an unannounced table.
func (x *stress) writeRemote(r *rand.Rand, k int) {
	x.ceil[k].Add(1)
	w := x.core.Begin(x.now(), x.effects(k))
	v := x.commit(k)
	img := counterImage(v)
	x.core.Settle(x.now(), w, 0, Applied, &img, nil)
	x.core.End(x.now(), w)
	lift(&x.floor[k], v)
	lift(&x.acked[k], v)
}

// run drives readers, writers and an evictor at once and returns the final statistics.
func (x *stress) run(write func(r *rand.Rand, k int)) Stats {
	seed := rand.Uint64()
	x.t.Logf("seed %d", seed)
	const workers, rounds = 8, 4000
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range rounds {
				k := r.IntN(stressKeys)
				switch n := r.IntN(100); {
				case n < 60:
					x.readItem(r, k)
				case n < 80:
					x.readPage(r, false)
				case n < 85:
					x.readPage(r, true)
				case n < 95:
					write(r, k)
				case n < 98:
					x.core.Evict(x.core.shelf.Hash(x.table.items, []byte{byte(k)}))
				case n < 99:
					x.core.Purge(x.table, []byte{byte(k)})
				default:
					x.core.PurgePartition(x.now(), x.table, "", []byte("p"))
				}
				if x.fails.Load() > 5 {
					return
				}
			}
		})
	}
	wg.Wait()
	st := x.core.Stats()
	if st.Flights+st.Fences+st.Pending+st.Fills != 0 || st.Slots != st.Entries {
		x.t.Errorf("at rest Stats = %+v", st)
	}
	var told int64
	for _, cost := range x.heard.costs {
		told += cost
	}
	if told != st.Bytes {
		x.t.Errorf("the observer was told of %d bytes, the core holds %d", told, st.Bytes)
	}
	x.core.Shed(1 << 40)
	if st := x.core.Stats(); st.Slots != 0 || st.Nodes != 0 || st.Pages != 0 || st.Bytes != 0 || len(x.heard.costs) != 0 {
		x.t.Errorf("emptied, Stats = %+v, %d known to the observer", st, len(x.heard.costs))
	}
	if st.Hits == 0 || st.Joins == 0 {
		x.t.Errorf("no hits or no joins: %+v", st)
	}
	return st
}

// Properties: no reader sees less than was acknowledged before it arrived (P1) or than an earlier reader saw (P2), nor what
// was never written (P6); pages and scans show what was acknowledged (P7); nothing is left behind.
func TestRemoteTableUnderRace(t *testing.T) {
	t.Parallel()
	x := newStress(t, TableOptions{})
	t.Logf("%+v", x.run(x.writeRemote))
}

// Properties: as above, and the floor is raised when a commit becomes visible, not when it is acknowledged, for pages and
// scans too: all reads are linearizable.
func TestAuthoritativeTableUnderRace(t *testing.T) {
	t.Parallel()
	x := newStress(t, TableOptions{Authoritative: true})
	var committer sync.Mutex
	t.Logf("%+v", x.run(func(_ *rand.Rand, k int) {
		w := x.core.Begin(x.now(), x.effects(k))
		committer.Lock()
		x.store.mu.RLock()
		v := x.store.values[k] + 1
		x.store.mu.RUnlock()
		lift(&x.ceil[k], v)
		img := counterImage(v)
		m := []Mutation{{Table: x.table, Key: []byte{byte(k)}, New: &img, Positions: x.effects(k)[0].Positions}}
		x.core.Pending(x.now(), m)
		x.commit(k)
		lift(&x.floor[k], v)
		lift(&x.acked[k], v)
		x.core.Settled(x.now(), m)
		committer.Unlock()
		x.core.Settle(x.now(), w, 0, Applied, nil, nil)
		x.core.End(x.now(), w)
	}))
}
