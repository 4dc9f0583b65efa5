package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"millrace/ddb"
)

// Lag is how far behind a read may be: drawn from Min to Max for each. The zero value is not at all.
type Lag struct{ Min, Max time.Duration }

// lagKinds is the most lags that one read has.
const lagKinds = 2

// lagSteps is about how many older views are kept: they are at least Max/lagSteps apart. More would pin more of the store.
const lagSteps = 64

// lag keeps views that are no longer the newest, to read from them as from a replica that has not caught up. What a read sees
// was current at most Max before the read began. That it is no younger than Min holds to within a step of the largest Max.
//
// It goes by the clock below the engine's offset, so that moving the engine's time does not move the replicas.
type lag struct {
	seed                    uint64
	replica, index, streams Lag
	// bound is the most that any read lags.
	bound time.Duration
	clock func() time.Time
	// reads numbers the draws.
	reads atomic.Uint64

	mu sync.Mutex

	closed bool
	// since is when the newest view was published; zero if that was before lag was simulated.
	since time.Time
	// kept is in the order of publication.
	kept []keptView
}

// keptView is a view that was the newest from published until superseded.
type keptView struct {
	view                  *view
	published, superseded time.Time
}

// newLag simulates f's lag, nil if it has none.
func newLag(f Faults, clock func() time.Time) *lag {
	bound := max(f.ReplicaLag.Max, f.IndexLag.Max, f.StreamLag.Max)
	if bound == 0 {
		return nil
	}
	return &lag{
		seed: seedOf(f.Seed, "lag"), replica: f.ReplicaLag, index: f.IndexLag, streams: f.StreamLag, bound: bound, clock: clock,
	}
}

// keep takes over the reference to old, which a newer view replaced at the time superseded: no later than any reader
// could have seen the newer one, so that nothing is thought younger than it is.
func (l *lag) keep(old *view, superseded time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	published := l.since
	l.since = superseded
	if l.closed {
		old.release()
		return
	}
	fresh := superseded.Add(-l.bound)
	stale := 0
	for stale < len(l.kept) && l.kept[stale].superseded.Before(fresh) {
		l.kept[stale].view.release()
		stale++
	}
	l.kept = append(l.kept[:0], l.kept[stale:]...)
	// By the times of their end: a view that lived long is kept however soon after another it came.
	if n := len(l.kept); n > 0 && superseded.Sub(l.kept[n-1].superseded) < l.bound/lagSteps {
		old.release()
		return
	}
	l.kept = append(l.kept, keptView{old, published, superseded})
}

// close releases the views.
func (l *lag) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, k := range l.kept {
		k.view.release()
	}
	l.kept = nil
}

// view is what the next read sees, which lags as the largest of lags says, acquired for the caller; nil for the newest view.
// Only views that serve are taken, and none that is older than one that does not.
func (l *lag) view(serves func(*view) bool, lags ...Lag) *view {
	n := l.reads.Add(1) * uint64(lagKinds)
	var behind, bound time.Duration
	for i, g := range lags {
		behind, bound = max(behind, between(g.Min, g.Max, uniform(l.seed, n+uint64(i)))), max(bound, g.Max)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	at, fresh := now.Add(-behind), now.Add(-bound)
	if !at.Before(l.since) {
		return nil
	}
	var seen *view
	for i := len(l.kept) - 1; i >= 0; i-- {
		k := &l.kept[i]
		if k.superseded.Before(fresh) || !serves(k.view) {
			break
		}
		seen = k.view
		if !k.published.After(at) {
			break
		}
	}
	if seen != nil {
		// The reference that is kept is alive, so this one can be had.
		seen.acquire()
	}
	return seen
}

// serves reports whether idx of t could be read when v was the newest view: a table that was not there yet is read as empty, but
// an index is not shown as it was being built, nor a table as it was being restored.
func (v *view) serves(t *table, idx *index) bool {
	old := v.cat.byNumber[t.number]
	if old == nil {
		return true
	}
	if old.record.Restoring != 0 {
		return false
	}
	if idx == nil || !idx.Global {
		return true
	}
	was, ok := old.index(idx.Name)
	return ok && was.number == idx.number && indexStatus(old.desc, idx.Name) == "ACTIVE"
}

// indexStatus is the status of a global index; empty if d has none of that name.
func indexStatus(d *ddb.TableDescription, name string) string {
	for i := range d.GlobalSecondaryIndexes {
		if x := &d.GlobalSecondaryIndexes[i]; x.IndexName == name {
			return x.IndexStatus
		}
	}
	return ""
}

// replica is the view that a read of idx of t, nil for the table, sees: v, which is the newest, unless lag is simulated and the
// read may lag. Give it back by releaseUnless(v).
func (e *Engine) replica(v *view, t *table, idx *index, consistent bool) *view {
	l := e.lag.Load()
	if l == nil || consistent {
		return v
	}
	lags := []Lag{l.replica}
	if idx != nil && idx.Global {
		lags = append(lags, l.index)
	}
	return v.or(l.view(func(old *view) bool { return old.serves(t, idx) }, lags...))
}

// streamReplica is replica for a shard of a stream, which s and sh describe as of v. They are given as of the view that is seen;
// sh is nil where there was no such shard yet.
func (e *Engine) streamReplica(v *view, s *stream, sh *shard) (*view, *stream, *shard) {
	l := e.lag.Load()
	if l == nil || l.streams == (Lag{}) {
		return v, s, sh
	}
	seen := v.or(l.view(func(*view) bool { return true }, l.streams))
	old := seen.cat.streams.byNumber[s.number]
	if old == nil {
		return seen, s, nil
	}
	was, ok := old.numbered(sh.number)
	if !ok {
		return seen, s, nil
	}
	return seen, old, was
}

// or is older, or v where that is nil. A reader who holds v holds it once, also when it was replaced meanwhile and older is v.
func (v *view) or(older *view) *view {
	switch older {
	case nil:
		return v
	case v:
		older.release()
	}
	return older
}

// releaseUnless releases v unless it is the one that its reader releases anyway.
func (v *view) releaseUnless(newest *view) {
	if v != newest {
		v.release()
	}
}

// publish makes v what readers get from now on.
func (e *Engine) publish(v *view) {
	v.states = &e.states
	l := e.lag.Load()
	if l == nil {
		e.current.Swap(v).release()
		return
	}
	superseded := l.clock()
	l.keep(e.current.Swap(v), superseded)
}
