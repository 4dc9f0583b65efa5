package coherence

// Record is one item's commit as a stream or another node tells it, after the fact.
type Record struct {
	// Table is the table.
	Table *Table
	// Key is the item's canonical key; nil means anything in the table.
	Key []byte
	// Image is the item after the commit, Absent when it was removed; nil when that is not known. Only its identity
	// is used: an image that a record brings is never stored, for it may be older than an own write (R29).
	Image *Image
	// Positions are the old and the new place in every index, the base table included, whose content changed.
	Positions []Position
}

// Record applies commits that were made elsewhere, or the echoes of own ones; nothing tells them apart. A record may come
// late, twice, and in any order: it only removes.
//
//   - An entry of the same image stays (R29): whatever commit made it stale has a record of its own to come. Any other
//     goes. So an own write's echo does not take away what the write left.
//   - Flights under way may have read what was before (R2). Every commit after what a flight read tells its own record,
//     during the flight or later, whatever the order; so if all records during the flight show the image that it read, that
//     image may be stored. Otherwise not; and no later reader joins (R3).
//   - A write under way is no longer alone (R12): the record may be of a commit after it.
//   - Fills read strongly for Tq, for a replica may not show the commit yet (R41).
//   - Pages, indexes and the count of writes always move, own echo or not (R43).
func (c *Core) Record(now Time, records []Record) {
	for i := range records {
		r := &records[i]
		t := r.Table
		if r.Key == nil {
			t.epoch.advance()
			raise(&t.quarAt, now)
		} else {
			c.recordItem(now, r)
		}
		if !c.rules.R43 || t.options.Load().PagesUntilTTL {
			continue
		}
		t.writes.advance()
		raise(&t.lastWrite, now)
		c.touch(now, t, r.Positions, false, true, true)
	}
}

// recordItem is Record for the item of r.
func (c *Core) recordItem(now Time, r *Record) {
	h := c.hash(r.Table.itemSalt, r.Key)
	sh := c.shard(h)
	sh.mu.Lock()
	if s := c.find(sh, h, r.Table, false, r.Key); s != nil {
		if c.rules.R29 && s.entry != nil && (r.Image == nil || s.entry.img.identity() != r.Image.identity()) {
			c.remove(sh, s, Invalidated)
		}
		if b := s.busy; b != nil {
			if c.rules.R2 {
				if r.Image == nil {
					c.void(s)
				} else {
					c.constrain(s, r.Image.identity())
				}
			}
			b.dirty = b.dirty || b.fences > 0 && c.rules.R12
		}
		sh.tidy(s)
	}
	if c.rules.R41 {
		c.quar.stamp(h, now)
	}
	sh.mu.Unlock()
	c.drain(sh)
}

// Holds reports whether anything of the item is cached or under way, so that a record's image would be looked at.
func (c *Core) Holds(t *Table, key []byte) bool {
	h := c.hash(t.itemSalt, key)
	sh := c.shard(h)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	var e entry
	return c.linked(sh, h, t, false, key) != nil || c.view(sh, h, t, key, &e)
}
