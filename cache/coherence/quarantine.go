package coherence

import (
	"sync/atomic"
	"time"
)

// quarantine remembers, by stripes of hashes, when something last happened that a lagging replica may not show yet:
// a write settled (R4), an entry was installed (R5, stamped then and not at eviction, so that evicting needs no memory
// of its own), an answer was given out without being stored (R6). Stripes are fixed and never evicted; a collision only
// makes a fill strong that need not be.
type quarantine struct {
	stripes []atomic.Int64
}

// stamp raises the stripe of h to now, which may lie in the future (the end of an ambiguity window).
func (q *quarantine) stamp(h uint64, now Time) { raise(&q.stripes[h&uint64(len(q.stripes)-1)], now) }

// at returns the latest stamp of h.
func (q *quarantine) at(h uint64) Time { return Time(q.stripes[h&uint64(len(q.stripes)-1)].Load()) }

// raise lifts v to now unless it is there already.
func raise(v *atomic.Int64, now Time) {
	for {
		old := v.Load()
		if old >= int64(now) || v.CompareAndSwap(old, int64(now)) {
			return
		}
	}
}

// recent reports whether now is inside the quarantine of the given length that any of the stamps opens.
func (c *Core) recent(now Time, length time.Duration, stamps ...Time) bool {
	for _, at := range stamps {
		if now <= at.after(length) {
			return true
		}
	}
	return false
}

// decide settles whether f is read strongly (precision 9). quarantined is asked only if it matters.
func (f *Flight) decide(t *Table, o *ReadOptions, quarantined func() bool) {
	fill := t.options.Load().Fill
	f.Strong = o.Strong || fill == FillStrong
	if f.Strong || fill != FillAuto || !quarantined() {
		return
	}
	f.Strong = !o.Thrift
	f.thrift, f.barred = o.Thrift, f.barred || o.Thrift
}

// openWindow adds to windows the one of h in which a write of unknown outcome may still be applied (R17). Windows that have
// passed are swept whenever the map reaches a power of two, so it stays in proportion to the live ones.
func openWindow(windows map[uint64]Time, h uint64, now, until Time) map[uint64]Time {
	if windows == nil {
		windows = map[uint64]Time{}
	}
	if n := len(windows); n >= 16 && n&(n-1) == 0 {
		for k, end := range windows {
			if end < now {
				delete(windows, k)
			}
		}
	}
	windows[h] = max(windows[h], until)
	return windows
}

// ambiguous reports whether a write of unknown outcome to h, or to an unknown key of t, may be applied at or after the
// moment from. The shard is locked.
func (c *Core) ambiguous(sh *shard, h uint64, t *Table, from Time) bool {
	if from <= Time(t.ambItems.Load()) {
		return true
	}
	until, ok := sh.amb[h]
	return ok && from <= until
}
