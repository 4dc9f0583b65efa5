package coherence

import "sync/atomic"

// Stats is what a core holds and has done.
type Stats struct {
	Hits, Misses, Joins, Stores uint64 // since New; Misses are flights led

	Bytes   int64 // memory of all entries, see Observer.Added
	Entries int   // items, negative entries and pages
	Slots   int   // keys that have an entry or are busy
	Flights int
	Fences  int // own writes under way, by key
	Pending int // commits announced and not settled, by key
	Nodes   int // partitions
	Pages   int // pages registered in partitions
	Fills   int // page flights registered in partitions
	Windows int // ambiguity windows remembered
}

// holding counts entries of one kind.
type holding struct {
	bytes, entries atomic.Int64
	_              [48]byte
}

// Reason says why an entry left for good.
type Reason uint8

// The reasons.
const (
	// Capacity: the eviction policy gave it up.
	Capacity Reason = iota
	// Shedding: the policy fell behind.
	Shedding
	// Expired: its time to live was over when somebody asked for it.
	Expired
	// Invalidated: it was, or may have been, out of date.
	Invalidated
	// Purged: somebody asked for it.
	Purged
	numReasons
)

// reasonNames are the words for reasons.
var reasonNames = [numReasons]string{"capacity", "shed", "expired", "invalidated", "purged"}

// String is the word for r.
func (r Reason) String() string { return reasonNames[r] }

// departure counts entries that left for one reason.
type departure struct{ entries, bytes atomic.Uint64 }

// EachDeparture calls fn with what has left since New, for every reason.
func (c *Core) EachDeparture(fn func(r Reason, entries, bytes uint64)) {
	for r := range numReasons {
		fn(r, c.left[r].entries.Load(), c.left[r].bytes.Load())
	}
}

// Items and Pages return the number and memory of entries that are items, or their absence, and that are pages.
func (c *Core) Items() (entries, bytes int64) {
	return c.held[0].entries.Load(), c.held[0].bytes.Load()
}

// Pages is Items for pages.
func (c *Core) Pages() (entries, bytes int64) {
	return c.held[1].entries.Load(), c.held[1].bytes.Load()
}

// holding is where the entry of s is counted.
func (c *Core) holding(s *slot) *holding {
	if s.page {
		return &c.held[1]
	}
	return &c.held[0]
}

// Bytes returns the memory of all entries, cheaply.
func (c *Core) Bytes() int64 { return c.held[0].bytes.Load() + c.held[1].bytes.Load() }

// Entries returns the number of entries, cheaply.
func (c *Core) Entries() int64 { return c.held[0].entries.Load() + c.held[1].entries.Load() }

// Stats counts what is there. It walks everything, a shard at a time, so it is for tests.
func (c *Core) Stats() Stats {
	st := Stats{Bytes: c.Bytes()}
	for i := range c.shards {
		sh := &c.shards[i]
		st.Hits += sh.hits.Load()
		st.Misses += sh.misses.Load()
		st.Joins += sh.joins.Load()
		st.Stores += sh.stores.Load()
		sh.mu.RLock()
		for _, s := range sh.slots {
			for ; s != nil; s = s.next {
				st.Slots++
				if s.entry != nil && s.page {
					st.Entries++
				}
				if s.entry != nil && !s.page && s.busy != nil {
					st.Slots-- // its entry is counted below
				}
				if b := s.busy; b != nil {
					st.Flights += b.flights
					st.Fences += b.fences
					st.Pending += b.pending
				}
			}
		}
		st.Slots += sh.rest.index.Len()
		st.Entries += sh.rest.index.Len()
		st.Windows += len(sh.amb)
		sh.mu.RUnlock()
	}
	for i := range c.nodes {
		ns := &c.nodes[i]
		ns.mu.Lock()
		st.Nodes += len(ns.nodes)
		st.Pages += ns.pages
		st.Fills += ns.fills
		st.Windows += len(ns.amb)
		ns.mu.Unlock()
	}
	return st
}

// TableState tells how t stands, for operators.
type TableState struct {
	TableOptions
	// Changing is true while a change of the table is about to be visible.
	Changing bool
	// Forgotten is how often everything of the table was forgotten, and Writes how many writes ended its scans.
	Forgotten, Writes uint64
	// Watermark is the moment up to which every commit was applied; 0 is none.
	Watermark Time
	// QuarantineEnds is until when all its fills are read strongly, and AmbiguityEnds until when a write of unknown outcome
	// may still land on it that is not known by key. Both may lie in the past.
	QuarantineEnds, AmbiguityEnds Time
}

// State returns how t stands.
func (c *Core) State(t *Table) TableState {
	return TableState{
		TableOptions: *t.options.Load(), Changing: t.epoch.pending.Load() > 0,
		Forgotten: t.epoch.n.Load(), Writes: t.writes.n.Load(), Watermark: c.Watermark(t),
		QuarantineEnds: Time(t.quarAt.Load()).after(c.cfg.Tq), AmbiguityEnds: Time(t.ambItems.Load()),
	}
}
