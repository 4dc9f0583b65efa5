package coherence

import (
	"slices"
	"time"
)

// recent reports whether now is inside the quarantine of the given length that any of the stamps opens.
func (c *Core) recent(now Time, length time.Duration, stamps ...Time) bool {
	return now <= slices.Max(stamps).after(length)
}

// decide settles whether f is read strongly (R4). quarantined is asked only if it matters.
func (f *Flight) decide(t *Table, o *ReadOptions, quarantined func() bool) {
	fill := t.options.Load().Fill
	f.Strong = o.Strong || fill == FillStrong
	if f.Strong || fill != FillAuto || !quarantined() {
		return
	}
	f.Strong = !o.Thrift
	f.Thrift, f.barred = o.Thrift, f.barred || o.Thrift
}

// ambiguous reports whether a write of unknown outcome to item h, or to an unknown key of t, may be applied at or after the
// moment from.
func (c *Core) ambiguous(h uint64, t *Table, from Time) bool {
	return from <= max(Time(t.ambItems.Load()), c.windows.End(h))
}
