package coherence

import (
	"fmt"

	"millrace/cache/shelf"
	"millrace/cache/trail"
)

// Mutation is one item's part of a commit to an authoritative table.
type Mutation struct {
	Table *Table
	// Key is the item's canonical key; nil means anything in the table.
	Key []byte
	// New is the item after the commit (Absent if deleted), or nil to only remove.
	New *Image
	// Positions are the old and the new place in every index, the base table included, whose content changed.
	Positions []Position
}

// Pending announces a commit before any of it is visible. The same mutations must follow in Settled, always. It must
// return before the commit may become visible.
//
// Interleavings defended against, for one key, with F a fill and C the commit:
//  1. F reads, Pending, C visible, Settled, F done: F would store the old value. Pending voids F (Void).
//  2. Pending, F begins and reads, C visible, Settled, F done: as above, but F began after Pending. F is born barred (Born).
//  3. Pending, C visible, another reader sees the new value, a hit follows before Settled: the old entry would go back in
//     time. Entries are hidden from Pending to Settled (Hide).
//  4. Pending, F begins and reads the old value, C visible, another reader sees the new one, a third joins F. F is never
//     open (Born); a flight that was open is closed by Pending (Void).
//  5. Pages: the same by position, with Kill for Hide, since a page is not replaced but filled anew.
//  6. Scans: Pending moves the count before C is visible (Count).
func (c *Core) Pending(now Time, m []Mutation) {
	for i := range m {
		t := m[i].Table
		if c.rules.Count { // R57
			t.writes.begin()
		}
		if m[i].Key == nil {
			t.epoch.begin()
		} else {
			c.pendItem(&m[i])
		}
		c.pendPositions(now, t, m[i].Positions)
	}
}

// pendItem hides the item of m and voids its flights.
func (c *Core) pendItem(m *Mutation) {
	sh, h := c.lock(m.Table.items, m.Key)
	s := c.shelf.Demand(sh, h, m.Table.items, m.Key)
	b := s.Busy
	b.crossed = b.crossed || b.pending > 0 && c.rules.Cross // R57
	b.pending++
	b.pendedAt = m.Table.epoch.now()
	b.wanted = b.wanted || s.Entry != nil || b.flights > 0
	if c.rules.Void { // R57
		b.gen++
		b.open = nil
	}
	c.unlock(sh, s)
}

// Settled announces that the commit of Pending is visible to every read that begins from now on, before its writer is
// acknowledged.
func (c *Core) Settled(now Time, m []Mutation) {
	for i := range m {
		t := m[i].Table
		if m[i].Key == nil {
			t.epoch.end()
		} else {
			c.settleCommit(now, &m[i])
		}
		c.settlePositions(t, m[i].Positions)
		if c.rules.Count { // R57
			t.writes.end()
		}
	}
}

// settleCommit puts the committed image of m in place of the hidden entry.
//
// The image is the last committed one if no other commit of the key was announced before this one settled; if one was,
// the order in which they became visible is not known here and the entry goes (crossed). The table's epoch must be as it
// was at Pending, or the image may belong to a table deleted since.
func (c *Core) settleCommit(now Time, m *Mutation) {
	t := m.Table
	sh, h := c.lock(t.items, m.Key)
	s := c.shelf.Demand(sh, h, t.items, m.Key)
	b := s.Busy
	if b.pending == 0 {
		panic(fmt.Sprintf("coherence: Settled without Pending for a key of table %q", t.name))
	}
	b.pending--
	wanted := b.wanted || b.flights > 0 || !t.options.Load().NoInstallOnWrite
	sole := !b.crossed && b.pending == 0
	current := !c.rules.Epoch || t.epoch.same(b.pendedAt) // R25
	switch {
	case !c.rules.Swap: // R57
	case m.New != nil && !m.New.Transient && wanted && sole && current:
		c.shelf.Install(sh, s, &entry{Image: *m.New, ValidAt: int64(now), Epoch: b.pendedAt})
		c.note(now, h, trail.Written)
	default:
		c.shelf.Remove(sh, s, shelf.Invalidated)
		c.note(now, h, trail.Unsure)
	}
	if b.pending == 0 {
		b.crossed, b.wanted = false, false
	}
	c.unlock(sh, s)
}
