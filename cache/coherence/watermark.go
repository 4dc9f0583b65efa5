package coherence

import (
	"time"

	"millrace/cache/moments"
	"millrace/cache/shelf"
)

// The gate of a covered table, whose foreign changes arrive as records. The watermark is a moment up to which every commit
// to the table has been applied; where it comes from, and what it assumes, is its reader's affair. A value is servable
// while the time since it was certainly current, the later of its own reading and the watermark, is at most Delta (R53).
// A reader that lags or is cut off lets the watermark stand: values then age by themselves and the cache becomes one with
// a time to live of Delta; when the reader catches up without a gap they live again. A gap is Lost.

// fresh reports whether a value known to be current at validAt is within the table's Delta.
func (c *Core) fresh(now Time, t *Table, validAt Time) bool {
	delta := t.options.Load().Delta
	return delta <= 0 || !c.rules.Gate || // R53
		time.Duration(now-max(validAt, Time(t.watermark.Load()))) <= delta
}

// Advance tells that every commit to t up to watermark, on this clock, has been applied by Record. It never lowers it.
func (c *Core) Advance(t *Table, watermark Time) { moments.Raise(&t.watermark, watermark) }

// Watermark returns the moment up to which every commit to t has been applied; 0 is none since the last Lost.
func (c *Core) Watermark(t *Table) Time { return Time(t.watermark.Load()) }

// Lost forgets everything of t because commits may have gone by unseen: the position in its stream is lost, its stream or
// the table itself is another one, or coverage begins or ends. Call it when records of every later commit are certain to
// come, or when none are; configure the table for what is to come first.
//
// What was cached and is being read goes with the epoch. A commit that went by unseen within the last Tq is one that
// lagging replicas may not show, so fills are strong (quarantine). If the table is not covered any more, a write of unknown
// outcome that was left to its record will never be heard of, so its ambiguity window opens now (R17).
func (c *Core) Lost(now Time, t *Table) {
	if c.rules.Lost { // R32
		t.epoch.advance()
	}
	if c.rules.LostQuar { // R32
		moments.Raise(&t.lostAt, now)
	}
	// All that is servable from here on was read after now, so the watermark's old value bears on nothing. It is
	// taken back so that nobody is shown a moment that is not reached.
	t.watermark.Store(0)
	if c.rules.LostAmb && !t.options.Load().Covered { // R32
		until := Time(t.lateUntil.Load())
		moments.Raise(&t.ambItems, until) // of scans too: see pageAmbiguous
		moments.Raise(&t.quarAt, until)
	}
}

// PeekItem looks up an item without beginning or joining a read; false if none may be served.
func (c *Core) PeekItem(now Time, t *Table, key []byte, o ReadOptions, dst []byte) (Read, bool) {
	return c.peek(now, t, t.items, key, o, dst)
}

// PeekPage is PeekItem for a page.
func (c *Core) PeekPage(now Time, t *Table, key []byte, o ReadOptions, dst []byte) (Read, bool) {
	return c.peek(now, t, t.pages, key, o, dst)
}

// StaleItem looks up an item that Delta refuses and nothing else does, for a reader whom the backend gave no answer. It is
// older than P3 promises: say so to whoever gets it.
func (c *Core) StaleItem(now Time, t *Table, key []byte, o ReadOptions, dst []byte) (Read, bool) {
	o.stale = true
	return c.peek(now, t, t.items, key, o, dst)
}

// StalePage is StaleItem for a page.
func (c *Core) StalePage(now Time, t *Table, key []byte, o ReadOptions, dst []byte) (Read, bool) {
	o.stale = true
	return c.peek(now, t, t.pages, key, o, dst)
}

// peek is lookup by key.
func (c *Core) peek(now Time, t *Table, in *shelf.Space, key []byte, o ReadOptions, dst []byte) (Read, bool) {
	h := c.shelf.Hash(in, key)
	return c.lookup(now, c.shelf.Shard(h), h, t, in, key, &o, dst)
}
