package coherence

// Stats is what a core holds and has done.
type Stats struct {
	Hits, Misses, Joins, Stores uint64 // since New; Misses are flights led

	Bytes   int64 // memory of all entries, see Observer.Added
	Entries int   // items, negative entries and pages
	Slots   int
	Flights int
	Fences  int // own writes under way, by key
	Pending int // commits announced and not settled, by key
	Nodes   int // partitions
	Pages   int // pages registered in partitions
	Fills   int // page flights registered in partitions
	Windows int // ambiguity windows remembered
}

// Bytes returns the memory of all entries, cheaply.
func (c *Core) Bytes() int64 { return c.bytes.Load() }

// Entries returns the number of entries, cheaply.
func (c *Core) Entries() int64 { return c.entries.Load() }

// Stats counts what is there. It walks everything, a shard at a time, so it is for tests.
func (c *Core) Stats() Stats {
	st := Stats{Bytes: c.bytes.Load()}
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
				if s.entry != nil {
					st.Entries++
				}
				if b := s.busy; b != nil {
					st.Flights += b.flights
					st.Fences += b.fences
					st.Pending += b.pending
				}
			}
		}
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
