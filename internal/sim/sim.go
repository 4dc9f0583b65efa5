// Package sim drives the real coherence core through seeded scripts of reads, writes, failures and evictions, with a
// backend whose replicas lag and whose answers are late, and judges every answer. One seed is one run, repeatable to the
// event. It has no goroutines and no clock.
//
// Oracles, by the names of the coherence design: P1 read your writes; P2 monotonic reads of an item; P4 nothing older
// than its TTL; P5 convergence: after quiet, what is servable equals a strong read, and what was read once is then a hit;
// P6 no value that was never committed; P7 a page is a page of some legal moment; P9 strong reads are linearizable, and on
// an authoritative table all reads are; nothing leaks; a fill that nothing disturbed is stored.
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
	negTTL  = 100
	epochAt = 1000 // the core's clock at tick 0
)

// Result is the outcome of one run.
type Result struct {
	Violations []string
	Trace      []string // if asked for
	// Reads and hits among reads that could be hits, by items and pages.
	Reads, Hits, PageReads, PageHits int
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
	sc     *Scenario
	core   *coherence.Core
	table  *coherence.Table
	agenda agenda
	now    int
	seq    int
	log    history
	policy policy
	res    Result
	trace  bool

	// Floors: the least commit that a reader arriving now may be shown.
	acked [numKeys]int // own acknowledged writes, and failed conditions (P1)
	read  [numKeys]int // completed reads (P2)
	// own acknowledged writes as pages see them
	acks []ack

	engine engine
	// events that an undisturbed fill must not meet (authoritative)
	disturbed []disturbance
}

// ack is an acknowledged own write.
type ack struct {
	seq, key int // key -1: any
	old, new int
}

// Run runs a scenario under rules.
func Run(sc *Scenario, rules coherence.Rules, trace bool) *Result {
	w := &world{sc: sc, trace: trace, policy: policy{}}
	w.core = coherence.New(coherence.Config{
		Shards: 2, Tq: tq, Tamb: tamb, QuarantineStripes: 8, Rules: rules, Observer: w.policy,
		NewCall: func() any { return &call{} }, Start: epochAt, FixedHash: 3,
	})
	w.table = w.core.Table("t")
	o := coherence.TableOptions{Authoritative: sc.Authoritative, NoInstallOnWrite: !sc.WriteThrough}
	if sc.Auto {
		o.Fill = coherence.FillAuto
	}
	w.core.Configure(w.table, o)
	first := commit{at: -1000, key: -1}
	for k := range first.state {
		first.state[k] = k - 1 // the first is absent
	}
	w.log = history{first}
	for i := range sc.Ops {
		op := &sc.Ops[i]
		w.in(op.At, func() { w.start(op) })
	}
	w.drain()
	w.quiesce()
	return &w.res
}

// time is the core's clock.
func (w *world) time() coherence.Time { return coherence.Time(epochAt + w.now) }

// in plans do after d ticks.
func (w *world) in(d int, do func()) {
	w.seq++
	heap.Push(&w.agenda, event{w.now + d, w.seq, do})
}

// drain runs until nothing is planned.
func (w *world) drain() {
	for len(w.agenda) > 0 {
		e := heap.Pop(&w.agenda).(event)
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
func (w *world) start(o *Op) {
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
	}
}

// foreign is a write that did not pass through the proxy. An authoritative engine announces it like any other (the TTL
// deleter, an import); elsewhere nobody does.
func (w *world) foreign(o *Op) {
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
	st[key] = val
	w.log = append(w.log, commit{at: w.now, key: key, state: st})
	w.note("commit %d: key %d = %d", w.log.last(), key, val)
	return w.log.last()
}

// lagged is the number of the commit that an eventual read sees.
func (w *world) lagged(pick int) int { return w.log.at(w.now - pick%(lag+1)) }

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
