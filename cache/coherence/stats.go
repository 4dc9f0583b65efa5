package coherence

import "millrace/cache/shelf"

// Stats is what a core holds and has done.
type Stats struct {
	shelf.Stats // Misses are flights led

	Flights int
	Fences  int // own writes under way, by key
	Pending int // commits announced and not settled, by key
	Nodes   int // partitions
	Pages   int // pages registered in partitions
	Fills   int // page flights registered in partitions
	Windows int // ambiguity windows remembered
}

// Stats counts what is there. It walks everything, a shard at a time, so it is for tests.
func (c *Core) Stats() (st Stats) {
	st.Stats = c.shelf.Stats(func(b *busy) {
		st.Flights += b.flights
		st.Fences += b.fences
		st.Pending += b.pending
	})
	st.Nodes, st.Pages, st.Fills = c.nodes.Stats()
	st.Windows = c.windows.Len()
	return st
}

// EachDeparture calls fn with what has left since New, for every reason.
func (c *Core) EachDeparture(fn func(r Reason, entries, bytes uint64)) { c.shelf.EachDeparture(fn) }

// Items and Pages return the number and memory of entries that are items, or their absence, and that are pages.
func (c *Core) Items() (entries, bytes int64) { return c.shelf.Items() }

// Pages is Items for pages.
func (c *Core) Pages() (entries, bytes int64) { return c.shelf.Pages() }

// Bytes and Entries return the memory and the number of all entries, cheaply.
func (c *Core) Bytes() int64 { return c.shelf.Bytes() }

// Entries is the number of entries.
func (c *Core) Entries() int64 { return c.shelf.Entries() }

// Held is the memory of all that is cached as it is held: what is mapped, garbage included, the indexes, large pages, partitions,
// trails, and what is known of tables, gone ones too.
func (c *Core) Held() int64 {
	return c.shelf.Held() + c.nodes.Held() + c.trails.Bytes() + c.known.Load()
}

// Mapped is the part of Held that is outside the garbage collector's heap.
func (c *Core) Mapped() int64 { return c.shelf.Mapped() + c.nodes.Mapped() }

// Reserve is what may be held beyond Bytes however little is cached.
func (c *Core) Reserve() int64 { return c.shelf.Reserve() + c.nodes.Reserve() }

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
		QuarantineEnds: Time(max(t.quarAt.Load(), t.lostAt.Load())).after(c.cfg.Tq), AmbiguityEnds: Time(t.ambItems.Load()),
	}
}
