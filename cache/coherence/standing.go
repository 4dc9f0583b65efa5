package coherence

import (
	"millrace/cache/shelf"
	"millrace/cache/trail"
)

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
	st := c.standing(t, t.items, key)
	st.Stamped = c.quar.At(c.shelf.Hash(t.items, key))
	return st
}

// PageStanding is ItemStanding for a page.
func (c *Core) PageStanding(t *Table, key []byte) Standing {
	return c.standing(t, t.pages, key)
}

// standing tells how what is under key stands.
func (c *Core) standing(t *Table, in *shelf.Space, key []byte) Standing {
	st := Standing{
		Watermark: c.Watermark(t), TableStamped: Time(max(t.quarAt.Load(), t.lostAt.Load())), Writes: t.writes.now(), Forgotten: t.epoch.now(),
	}
	h := c.shelf.Hash(in, key)
	sh := c.shelf.Shard(h)
	sh.Mu.RLock()
	defer sh.Mu.RUnlock()
	var room entry
	e, b := c.shelf.Peek(sh, h, in, key, &room)
	if e != nil {
		st.Cached, st.ValidAt, st.Current = true, Time(e.ValidAt), t.epoch.same(e.Epoch)
	}
	if b != nil {
		st.Reads, st.OwnWrites, st.Commits = b.flights, b.fences, b.pending
	}
	return st
}

// trailMost is how much is told of what happened to one key.
const trailMost = 16

// note remembers what happened to what has hash h, whose shard is locked.
func (c *Core) note(now Time, h uint64, e trail.Event) {
	c.trails.At(h).Note(h, int64(now), e)
}

// ItemTrail tells what happened lately to the item with the canonical key, oldest first.
func (c *Core) ItemTrail(t *Table, key []byte) []trail.Mark { return c.trail(t.items, key) }

// PageTrail is ItemTrail for a page.
func (c *Core) PageTrail(t *Table, key []byte) []trail.Mark { return c.trail(t.pages, key) }

// trail tells what happened lately to what is under key, or to something of its hash.
func (c *Core) trail(in *shelf.Space, key []byte) []trail.Mark {
	h := c.shelf.Hash(in, key)
	sh := c.shelf.Shard(h)
	sh.Mu.RLock()
	defer sh.Mu.RUnlock()
	return c.trails.At(h).Of(h, trailMost)
}
