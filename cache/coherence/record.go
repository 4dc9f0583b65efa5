package coherence

import (
	"millrace/cache/moments"
	"millrace/cache/shelf"
	"millrace/cache/trail"
)

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
			moments.Raise(&t.quarAt, now)
		} else {
			c.recordItem(now, r)
		}
		if !c.rules.R43 || t.options.Load().PagesUntilTTL { // R43
			continue
		}
		t.writes.advance()
		moments.Raise(&t.lastWrite, now)
		c.touch(now, t, r.Positions, false, true, true)
	}
}

// recordItem is Record for the item of r.
func (c *Core) recordItem(now Time, r *Record) {
	sh, h := c.lock(r.Table.items, r.Key)
	s := c.shelf.Find(sh, h, r.Table.items, r.Key)
	if s != nil {
		what := trail.Echoed
		if c.rules.R29 && s.Entry != nil && (r.Image == nil || identify(&s.Entry.Image) != identify(r.Image)) { // R29
			c.shelf.Remove(sh, s, shelf.Invalidated)
			what = trail.Recorded
		}
		c.note(now, h, what)
		if c.rules.R2 && r.Image == nil { // R2
			c.void(s)
		} else if c.rules.R2 { // R2
			c.constrain(s.Busy, identify(r.Image))
		}
		if b := s.Busy; b != nil && b.fences > 0 && c.rules.R12 { // R12
			b.dirty = true
		}
	}
	if c.rules.R41 { // R41
		c.quar.Raise(h, now)
	}
	c.unlock(sh, s)
}

// Holds reports whether anything of the item is cached or under way, so that a record's image would be looked at.
func (c *Core) Holds(t *Table, key []byte) bool {
	h := c.shelf.Hash(t.items, key)
	sh := c.shelf.Shard(h)
	sh.Mu.RLock()
	defer sh.Mu.RUnlock()
	var room entry
	e, b := c.shelf.Peek(sh, h, t.items, key, &room)
	return e != nil || b != nil
}
