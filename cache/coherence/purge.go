package coherence

import (
	"bytes"
	"strings"
)

// Purge forgets one item: its entry goes, and reads under way neither store nor are joined.
func (c *Core) Purge(t *Table, key []byte) {
	h := c.hash(t.itemSalt, key)
	sh := c.shard(h)
	sh.mu.Lock()
	if s := c.find(sh, h, t, false, key); s != nil {
		c.purge(sh, s)
	}
	sh.mu.Unlock()
	c.drain(sh)
}

// purge is Purge for a slot that was found. The shard is locked.
func (c *Core) purge(sh *shard, s *slot) {
	c.remove(sh, s, Purged)
	c.void(s)
	if s.busy != nil && s.busy.fences > 0 {
		s.busy.dirty = true
	}
	sh.tidy(s)
}

// PurgeItems is Purge for every item of t whose key begins with prefix, and returns how many had an entry. It walks
// everything, a shard at a time. Items that come meanwhile are read anew in any case.
func (c *Core) PurgeItems(t *Table, prefix []byte) (entries int) {
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.Lock()
		for _, s := range sh.slots {
			var next *slot
			for ; s != nil; s = next {
				next = s.next // a purged slot leaves its chain
				if s.table != t || s.page || !strings.HasPrefix(s.key, string(prefix)) {
					continue
				}
				if s.entry != nil {
					entries++
				}
				c.purge(sh, s)
			}
		}
		for i := 0; i < sh.rest.index.Places(); {
			b := sh.rest.index.Place(i)
			if b != 0 {
				if table, key, _ := keyAt(sh.rest.arena.At(b)); table == t.id && bytes.HasPrefix(key, prefix) {
					entries++
					c.remove(sh, c.resting(sh, b), Purged)
					continue // another may stand here now
				}
			}
			i++
		}
		c.compact(sh)
		sh.mu.Unlock()
		c.drain(sh)
	}
	return entries
}

// PurgePartition forgets the pages of one partition of an index; a nil partition is the whole index.
func (c *Core) PurgePartition(now Time, t *Table, indexName string, partition []byte) {
	c.touch(now, t, []Position{{Index: indexName, Partition: partition}}, false, true, true)
}

// PurgeScans forgets the pages of scans of t.
func (c *Core) PurgeScans(t *Table) { t.writes.advance() }
