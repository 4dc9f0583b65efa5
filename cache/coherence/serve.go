package coherence

import "time"

// verdict is what the serving rule says of a slot.
type verdict uint8

const (
	vacant verdict = iota // nothing there
	serve                 // may be answered
	hold                  // may not be answered now or to this reader; stays
	dead                  // will not be answered again; must go (R8)
)

// servable is the serving rule, the only one: whether the entry e of a slot of t, whose busy part is b, may answer a reader
// with options o at now; e and b may be nil. The slot's shard is locked, for reading at least.
//
// Linearizability on an authoritative table: take the moment x at which this function runs under the lock, and an entry it
// lets through. Claim: the entry's value is the committed one at x, so the read may be placed at x, which lies within it.
//   - Item stored by a flight: no Pending of the key came since the flight began (Void), none was open when it began
//     (Born), none is open now (Hide), and any later Settled replaced or removed the entry (Swap). A commit is visible
//     only after its Pending returned and before its Settled is called, so none became visible from the flight's
//     beginning to x, and the flight read the value that was current throughout.
//   - Item stored by Settled: its commit was visible by then and is the last announced one (commit.go); the rest as above.
//   - Page: the same with "positions inside the scanned interval" for "the key" (Kill, Touch, Born in page.go), under the
//     node's lock; items inside the interval alone determine the page (R45, R46).
//   - Scan and whole-index events: counter.same holds at x, see counter.
//
// On other tables strong reads are refused, and what an own write left behind is handled where it settles.
func (c *Core) servable(now Time, t *Table, e *entry, b *busy, o *ReadOptions) verdict {
	rules := &c.rules
	if e == nil {
		return vacant
	}
	if rules.Epoch && !t.epoch.same(e.Epoch) { // R25
		return dead
	}
	if p := e.Page; p != nil {
		if stamps := c.stampsOf(p); !c.pageFresh(t, &stamps) || rules.Prov && p.until != 0 && now > p.until { // R48, R43, R44
			return dead
		}
	}
	if rules.TTL && c.outlived(now, e, o) { // R55
		return dead
	}
	if !o.stale && !c.fresh(now, t, Time(e.ValidAt)) { // R53
		if o.KeepStale { // R6 removes it if the answer that comes differs
			return hold
		}
		return dead
	}
	if rules.Hide && b != nil && b.pending > 0 { // R57, R14
		return hold
	}
	if o.NoCache || o.MaxAge > 0 && age(now, e) > o.MaxAge {
		return hold
	}
	if rules.Bypass && o.Strong && !t.authoritative() { // R56
		return hold
	}
	return serve
}

// outlived reports whether e is past the time to live that a reader goes by.
func (c *Core) outlived(now Time, e *entry, o *ReadOptions) bool {
	ttl := o.TTL
	if e.Absent && c.rules.R9 { // R9
		ttl = o.NegativeTTL
	}
	return ttl > 0 && age(now, e) > ttl
}

// age is the time since the entry's value was known to be current.
func age(now Time, e *entry) time.Duration { return max(0, time.Duration(now-Time(e.ValidAt))) }

// pageFresh reports whether what the stamps of a page or its flight carry has not moved.
func (c *Core) pageFresh(t *Table, st *stamps) bool {
	if st.scan && c.rules.R48 && !t.writes.same(st.writes) { // R48
		return false
	}
	return !c.rules.Index || st.index.epoch.same(st.epoch) // R43
}
