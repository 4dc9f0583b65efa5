package coherence

import (
	"unsafe"

	"millrace/cache/slab"
)

// Observer hears what enters and leaves, so that an eviction policy can stand beside the core. Added and Removed come in
// the order in which they happened to their hash, one at a time per shard, with no lock of the core held; Touched comes
// from many goroutines at once. It may call Evict from within.
type Observer interface {
	// Added says that entries of hash now cost so many bytes together, key and overhead included.
	Added(hash uint64, cost int64)
	// Removed says that no entry of hash is left.
	Removed(hash uint64)
	// Touched says that an entry of hash was served.
	Touched(hash uint64)
}

// change is one event for the Observer.
type change struct {
	hash uint64
	cost int64 // 0 for Removed
}

// The memory of a page beside its key and image, as the allocator rounds it: a slot, its part of the shard's map
// (assumed 40 bytes), the entry, its stamps and its interval; for a partition its node and its part of the shard's map
// (assumed 60 bytes).
const (
	slotOverhead = int64(unsafe.Sizeof(slot{})+unsafe.Sizeof(entry{})) + 40
	pageOverhead = slotOverhead + int64(unsafe.Sizeof(pageEntry{})+unsafe.Sizeof(interval{}))
	nodeOverhead = int64(unsafe.Sizeof(node{})) + 60
)

// cost is the memory that the entry of s holds.
func (c *Core) cost(sh *shard, s *slot) int64 {
	if p := s.entry.page; p != nil {
		return pageOverhead + p.weight + int64(len(s.key)) + int64(cap(s.entry.img.Bytes))
	}
	return c.blobCost(len(sh.rest.arena.At(s.entry.blob)))
}

// pageWeight is what a page over lo to hi adds to n beside its own structures. Pages of a partition share its memory: each
// takes over the part that is its own when it comes, the first all of it, so that they never pay for less than it while
// they leave together, as most do. n's shard is locked.
func pageWeight(n *node, lo, hi []byte) int64 {
	return int64(len(lo)+len(hi)) + (nodeOverhead+int64(len(n.at.partition)))/int64(n.pages+1)
}

// install puts e in place of what s held. The shard is locked. The page that left is to be unlinked.
func (c *Core) install(sh *shard, s *slot, e *entry) (gone *pageEntry) {
	h := c.holding(s)
	var old slab.Handle
	if s.entry != nil {
		h.bytes.Add(-c.cost(sh, s))
		gone, old = s.entry.page, s.entry.blob
	} else {
		h.entries.Add(1)
	}
	s.entry = e
	if !s.page {
		c.lay(sh, s, e, old)
	}
	h.bytes.Add(c.cost(sh, s))
	c.changed(sh, s.hash)
	return gone
}

// remove drops the entry of s, if any. The shard is locked. The page that left is to be unlinked.
func (c *Core) remove(sh *shard, s *slot, why Reason) (gone *pageEntry) {
	if s.entry == nil {
		return nil
	}
	h, cost := c.holding(s), c.cost(sh, s)
	h.bytes.Add(-cost)
	h.entries.Add(-1)
	c.left[why].entries.Add(1)
	c.left[why].bytes.Add(uint64(cost))
	gone = s.entry.page
	if !s.page {
		c.lift(sh, s.hash, s.entry.blob)
	}
	s.entry = nil
	c.changed(sh, s.hash)
	return gone
}

// changed queues for the Observer what hash now costs. The shard is locked, so the queue has the order of the changes.
func (c *Core) changed(sh *shard, hash uint64) {
	if c.cfg.Observer == nil {
		return
	}
	cost := c.restCost(sh, hash)
	for s := sh.slots[hash]; s != nil; s = s.next {
		if s.entry != nil && s.page {
			cost += c.cost(sh, s)
		}
	}
	sh.queue = append(sh.queue, change{hash, cost})
	sh.queued.Store(true)
}

// drain tells the Observer what is queued. No lock is held. One goroutine at a time drains a shard, so the order stands;
// the others leave their changes to it, and it looks again after it has let go, so none is left behind. For the same
// reason an Observer that evicts from within does not wait for itself.
func (c *Core) drain(sh *shard) {
	for sh.queued.Load() && sh.policy.TryLock() {
		sh.mu.Lock()
		queue := sh.queue
		sh.queue = nil
		sh.queued.Store(false)
		sh.mu.Unlock()
		for _, x := range queue {
			if x.cost == 0 {
				c.cfg.Observer.Removed(x.hash)
			} else {
				c.cfg.Observer.Added(x.hash, x.cost)
			}
		}
		sh.policy.Unlock()
	}
}

// Evict removes every entry of hash. Removing is always safe: quarantine was stamped when the entry came in (R5).
func (c *Core) Evict(hash uint64) {
	sh := c.shard(hash)
	sh.mu.Lock()
	gone := c.evict(sh, hash, Capacity)
	c.compact(sh)
	sh.mu.Unlock()
	c.unlinkAll(gone)
	c.drain(sh)
}

// evict removes the entries of hash. The shard is locked. The pages returned are to be unlinked.
func (c *Core) evict(sh *shard, hash uint64, why Reason) (gone []*pageEntry) {
	var next *slot
	for s := sh.slots[hash]; s != nil; s = next {
		next = s.next
		if p := c.remove(sh, s, why); p != nil {
			gone = append(gone, p)
		}
		sh.tidy(s)
	}
	for b := c.blobOf(sh, hash); b != 0; b = c.blobOf(sh, hash) {
		c.remove(sh, c.resting(sh, b), why)
	}
	return gone
}

// Shed removes entries without regard to their use until at least so many bytes are free or none is left, and returns the
// bytes freed. It is the last resort against a policy that falls behind.
func (c *Core) Shed(bytes int64) (freed int64) {
	before := c.Bytes()
	for range c.shards {
		sh := &c.shards[c.shed.Add(1)&uint64(len(c.shards)-1)]
		var gone []*pageEntry
		sh.mu.Lock()
		enough := func() bool { return before-c.Bytes() >= bytes }
		for hash := range sh.slots {
			if enough() {
				break
			}
			gone = append(gone, c.evict(sh, hash, Shedding)...)
		}
		for i := 0; i < sh.rest.index.Places() && !enough(); i++ {
			for b := sh.rest.index.Place(i); b != 0 && !enough(); b = sh.rest.index.Place(i) {
				gone = append(gone, c.evict(sh, c.blobHash(sh.rest.arena.At(b)), Shedding)...)
			}
		}
		c.compact(sh)
		sh.mu.Unlock()
		c.unlinkAll(gone)
		c.drain(sh)
		if before-c.Bytes() >= bytes {
			break
		}
	}
	return before - c.Bytes()
}

// unlinkAll unlinks pages.
func (c *Core) unlinkAll(gone []*pageEntry) {
	for _, p := range gone {
		c.unlink(p)
	}
}
