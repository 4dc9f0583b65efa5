package coherence

import "millrace/cache/shelf"

// Purge forgets one item: its entry goes, and reads under way neither store nor are joined.
func (c *Core) Purge(t *Table, key []byte) {
	sh, h := c.lock(t.items, key)
	s := c.shelf.Find(sh, h, t.items, key)
	if s != nil {
		c.purge(sh, s)
	}
	c.unlock(sh, s)
}

// purge is Purge for a slot that was found. The shard is locked.
func (c *Core) purge(sh *shard, s *slot) {
	c.shelf.Remove(sh, s, shelf.Purged)
	c.void(s) // R1
	if s.Busy != nil && s.Busy.fences > 0 {
		s.Busy.dirty = true
	}
}

// PurgeItems is Purge for every item of t whose key begins with prefix, and returns how many had an entry. It walks
// everything, a shard at a time. Items that come meanwhile are read anew in any case.
func (c *Core) PurgeItems(t *Table, prefix []byte) (entries int) {
	return c.shelf.Purge(t.items, prefix, c.purge)
}

// PurgePartition forgets the pages of one partition of an index; a nil partition is the whole index.
func (c *Core) PurgePartition(now Time, t *Table, indexName string, partition []byte) {
	c.touch(now, t, []Position{{Index: indexName, Partition: partition}}, false, true, true)
}

// PurgeScans forgets the pages of scans of t.
func (c *Core) PurgeScans(t *Table) { t.writes.advance() }

// Evict removes every entry of hash. Removing is always safe: quarantine was stamped when the entry came in (R5).
func (c *Core) Evict(hash uint64) { c.shelf.Evict(hash) }

// Shed removes entries without regard to their use until at least so many bytes are free or none is left.
func (c *Core) Shed(bytes int64) (freed int64) { return c.shelf.Shed(bytes) }
