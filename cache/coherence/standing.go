package coherence

// Standing tells how one item or page stands with its table, for those who look into an answer that was wrong. It holds no
// key and no value.
type Standing struct {
	// Cached is whether an entry is there, ValidAt when its value was known to be current, Current whether it carries its
	// table's epoch.
	Cached  bool
	ValidAt Time
	Current bool
	// Watermark is the moment up to which every commit to the table was applied; 0 is none.
	Watermark Time
	// Stamped is when something was last known of the item, or of something that shares its stripe: a write, a record, an
	// answer. It may lie in the future. A page has none of its own. TableStamped is the same for all of the table.
	Stamped, TableStamped Time
	// Writes and Forgotten count the table's writes and how often it was forgotten.
	Writes, Forgotten uint64
	// Reads, OwnWrites and Commits are under way.
	Reads, OwnWrites, Commits int
}

// ItemStanding tells how the item with the canonical key stands.
func (c *Core) ItemStanding(t *Table, key []byte) Standing {
	return c.standing(t, c.hash(t.itemSalt, key), false, key)
}

// PageStanding is ItemStanding for a page.
func (c *Core) PageStanding(t *Table, key []byte) Standing {
	return c.standing(t, c.hash(t.pageSalt, key), true, key)
}

// standing tells how what is under key stands.
func (c *Core) standing(t *Table, h uint64, page bool, key []byte) Standing {
	st := Standing{
		Watermark: c.Watermark(t), TableStamped: Time(t.quarAt.Load()), Writes: t.writes.now(), Forgotten: t.epoch.now(),
	}
	if !page {
		st.Stamped = c.quar.at(h)
	}
	sh := c.shard(h)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	s := c.find(sh, h, t, page, key)
	if s == nil {
		return st
	}
	if e := s.entry; e != nil {
		st.Cached, st.ValidAt, st.Current = true, e.validAt, t.epoch.same(e.epoch)
	}
	if b := s.busy; b != nil {
		st.Reads, st.OwnWrites, st.Commits = b.flights, b.fences, b.pending
	}
	return st
}
