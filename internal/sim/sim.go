// Package sim drives the real coherence core through seeded scripts of reads, writes, failures and evictions, with a
// backend whose replicas lag and whose answers are late, and judges every answer. One seed is one run, repeatable to the
// event. It has no goroutines and no clock.
//
// There are three kinds of worlds: an authoritative table, which announces its commits; a remote one, where only times to live
// bound what others write; and one with a stream, which one or two nodes read: its records are late, repeated, out of order
// between shards, and lost with the reader's place; readers stand still, coverage ends and begins, the table is made
// anew, processes are killed, flights outlast Delta, a lagging index is behind.
//
// Oracles, by the names of docs/COHERENCE.md: P1 read your writes; P2 monotonic reads of an item; P3 nothing older than
// Delta while the stream is read; P4 nothing older than its TTL; P5 convergence: after quiet, what is servable equals a strong
// read, and what was read once is then a hit, longer than for Delta; P6 no value that was never committed; P7 a page is a
// page of some legal moment; P8 a page of a lagging index is no staler than the index and Delta; P9 strong reads are
// linearizable, and on an authoritative table all reads are; nothing leaks; a fill that nothing disturbed is stored.
package sim

import (
	"container/heap"
	"fmt"
	"slices"

	"millrace/cache/coherence"
)

// Time limits of the simulated world, in ticks.
const (
	lag     = 30 // replicas, at most
	tq      = 35
	tamb    = 60
	ttl     = 250 // where foreign writers are
	negTTL  = 140
	epochAt = 1000 // the core's clock at tick 0

	indexLag    = 25  // of index "g" behind the table, at most, where there is a stream
	slowIndex   = 110 // likewise, in worlds whose index is slower than its window
	indexWindow = 28
	indexWatch  = 115
	provisional = 6
)

// Result is the outcome of one run.
type Result struct {
	Violations []string
	Trace      []string // if asked for
	// Reads and hits among reads that could be hits, by items and pages.
	Reads, Hits, PageReads, PageHits int
	// Judged is how many hits were judged.
	Judged int
}

// event is something to happen.
type event struct {
	at, seq int
	do      func()
}

// agenda is a heap of events by time and order of planning.
type agenda []event

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push is heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(event)) }

// Pop is heap.Interface.
func (a *agenda) Pop() any {
	x := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return x
}

// world is one run.
type world struct {
	sc      *Scenario
	rules   coherence.Rules
	nodes   []*node
	agenda  agenda
	planned int // events of the script that are to come, those of stream readers aside
	now     int
	seq     int
	last    int // when the script's last operation begins
	crowded int // the next tick with a crowd
	log     history
	streams streams
	born    int // the commit that made the table
	res     Result
	trace   bool

	engine engine
	// harm, if set, does something to a node before a check at rest, by its name, that the check must report.
	harm func(w *node, check string)
	// events that an undisturbed fill must not meet (authoritative)
	disturbed []disturbance
}

// Run runs a scenario under rules.
func Run(sc *Scenario, rules coherence.Rules, trace bool) *Result {
	return (&world{sc: sc, rules: rules, trace: trace, streams: make(streams, 1)}).run()
}

// run runs the world's scenario.
func (w *world) run() *Result {
	sc := w.sc
	first := commit{at: -1000, key: -1}
	for k := range first.state {
		first.state[k] = k - 1 // the first is absent
	}
	w.log.add(first)
	for i := range sc.Nodes {
		n := &node{world: w, id: i}
		w.nodes = append(w.nodes, n)
		n.begin(epochAt)
		if sc.Stream {
			n.cover([4]int{1 + i, 2})
		}
	}
	for i := range sc.Ops {
		op := &sc.Ops[i]
		w.last = max(w.last, op.At)
		w.in(op.At, func() { w.nodes[op.Node%len(w.nodes)].start(op) })
	}
	w.drain()
	w.quiesce()
	return &w.res
}

// time is the core's clock.
func (w *world) time() coherence.Time { return coherence.Time(epochAt + w.now) }

// in plans do after d ticks.
func (w *world) in(d int, do func()) {
	w.planned++
	w.aside(d, func() {
		w.planned--
		do()
	})
}

// aside plans what goes on only as long as something else does.
func (w *world) aside(d int, do func()) {
	w.seq++
	heap.Push(&w.agenda, event{w.now + d, w.seq, do})
}

// drain runs until nothing is planned.
func (w *world) drain() {
	for len(w.agenda) > 0 {
		e := heap.Pop(&w.agenda).(event)
		if w.sc.Dense && w.crowded < e.at && w.crowded <= w.last {
			heap.Push(&w.agenda, e) // its tick is still to come
			w.now = w.crowded
			w.crowded++
			w.crowd()
			continue
		}
		w.now = e.at
		e.do()
	}
}

// note adds a line to the trace.
func (w *world) note(format string, args ...any) {
	if w.trace {
		w.res.Trace = append(w.res.Trace, fmt.Sprintf("%5d  ", w.now)+fmt.Sprintf(format, args...))
	}
}

// fail records a violation.
func (w *world) fail(format string, args ...any) {
	w.res.Violations = append(w.res.Violations, fmt.Sprintf("%d: ", w.now)+fmt.Sprintf(format, args...))
	w.note("VIOLATION "+format, args...)
}

// start begins an operation.
func (w *node) start(o *Op) {
	w.note("%s", o)
	switch o.Kind {
	case opRead:
		w.readItem(o)
	case opPage:
		w.readPage(o)
	case opTransact:
		w.transact(o)
	case opWrite:
		if w.sc.Authoritative {
			w.writeEngine(o)
		} else {
			w.writeRemote(o)
		}
	case opForeign:
		w.foreign(o)
	case opEvict:
		w.policy.evict(w.core, o.Pick)
	case opPurge:
		if o.Pick%2 == 0 {
			w.core.Purge(w.table, itemKey(o.Key))
			w.disturb(w.now, w.now, -1, nil)
		} else {
			p := positions(o.Key, o.Pick>>1&1, o.Pick>>1&1)
			w.core.PurgePartition(w.time(), w.table, p[o.Pick>>2%2].Index, p[o.Pick>>2%2].Partition)
			w.disturb(w.now, w.now, -1, nil)
		}
	case opForget:
		w.core.Forget(w.table)
		w.disturb(w.now, w.now, -1, nil)
	case opPause:
		w.reader.shards[o.Key%streamShards].paused = w.now + o.Pick%200
	case opRepeat:
		w.repeat(o.Pick)
	case opLose:
		if w.reader.covered {
			w.cover(o.D)
		}
	case opCover:
		if w.reader.wanted {
			w.uncover()
		} else {
			w.cover(o.D)
		}
	case opRecreate:
		w.recreate(o)
	case opRestart:
		w.reader.turn++
		w.reader.covered = false
		w.begin(w.time())
		w.cover(o.D)
	}
}

// foreign is a write that did not pass through the proxy. An authoritative engine announces it like any other (the TTL
// deleter, an import); elsewhere nobody does.
func (w *node) foreign(o *Op) {
	switch {
	case w.sc.Authoritative:
		w.engine.enqueue(w, &commitOp{op: o})
	case w.sc.Foreign:
		w.commit(o.Key, o.Val)
	}
}

// commit makes a write visible and returns its number.
func (w *world) commit(key, val int) int {
	st := *w.log.current()
	w.publish(key, st[key], val)
	st[key] = val
	w.log.add(commit{at: w.now, key: key, state: st})
	w.note("commit %d: key %d = %d", w.log.last(), key, val)
	return w.log.last()
}

// lagged is the number of the commit that an eventual read sees, of an index of a table with a stream if index is set.
func (w *world) lagged(pick int, index bool) int {
	most := lag
	if index && w.sc.Stream {
		most = w.sc.indexLag()
	}
	return max(w.born, w.log.at(w.now-pick%(most+1)))
}

// policy is the observer: it knows what the core told it, and evicts by it.
type policy map[uint64]int64

// Added implements coherence.Observer.
func (p policy) Added(hash uint64, cost int64) { p[hash] = cost }

// Removed implements coherence.Observer.
func (p policy) Removed(hash uint64) { delete(p, hash) }

// Touched implements coherence.Observer.
func (p policy) Touched(uint64) {}

// evict drops one of the hashes held.
func (p policy) evict(c *coherence.Core, pick int) {
	if len(p) == 0 {
		return
	}
	hashes := make([]uint64, 0, len(p))
	for h := range p {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	c.Evict(hashes[pick%len(hashes)])
}

// total is what the policy believes the core to hold.
func (p policy) total() (n int64) {
	for _, cost := range p {
		n += cost
	}
	return n
}
