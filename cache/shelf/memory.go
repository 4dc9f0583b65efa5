package shelf

import (
	"bytes"
	"unsafe"

	"millrace/cache/slab"
)

// Observer hears what enters and leaves, so that an eviction policy can stand beside the shelf. Added and Removed come in
// the order in which they happened to their hash, one at a time per shard, with no lock of the shelf held; Touched comes
// from many goroutines at once. It may call Evict from within.
type Observer interface {
	// Added says that entries of hash now cost so many bytes together, key and overhead included.
	Added(hash uint64, cost int64)
	// Removed says that no entry of hash is left.
	Removed(hash uint64)
	// Touched says that an entry of hash was served.
	Touched(hash uint64)
}

// change is something to be told once the shard is unlocked: what a hash now costs, to the Observer, or a page that left.
type change[P any] struct {
	hash uint64
	cost int64 // 0 for Removed
	left bool  // page did
	page P
}

// slotOverhead is the memory of a large page's slot and entry but for the owner's part, as the allocator rounds it, and its part of
// the shard's map (assumed 40 bytes).
const slotOverhead = int64(unsafe.Sizeof(Slot[int, int]{})+unsafe.Sizeof(Entry[int]{})) + 40

// cost is the memory that the entry of s holds.
func (x *Shelf[B, P]) cost(sh *Shard[B, P], s *Slot[B, P]) int64 {
	if s.Entry.standing() {
		var page P
		return slotOverhead + int64(unsafe.Sizeof(page)) + s.Entry.Weight + int64(len(s.key)) + int64(cap(s.Entry.Bytes))
	}
	return x.blobCost(sh.rest.arena.At(s.Entry.blob))
}

// Install puts e in place of what s held. The shard is locked; call Drain when it is not.
func (x *Shelf[B, P]) Install(sh *Shard[B, P], s *Slot[B, P], e *Entry[P]) {
	h := x.holding(s)
	var old slab.Handle
	if s.Entry != nil {
		x.count(h, s, -x.cost(sh, s))
		old = s.Entry.blob
		x.depart(sh, s.Entry.Page)
	} else {
		h.entries.Add(1)
	}
	s.Entry = e
	switch {
	case !s.space.pages || len(e.Bytes) <= restingPage:
		x.lay(sh, s, e, old)
	default:
		e.Bytes = clip(e.Bytes)
		if old != 0 {
			x.lift(sh, s.hash, old)
		}
	}
	x.count(h, s, x.cost(sh, s))
	sh.Stores.Add(1)
	x.changed(sh, s.hash)
}

// Remove drops the entry of s, if any. The shard is locked; call Drain when it is not.
func (x *Shelf[B, P]) Remove(sh *Shard[B, P], s *Slot[B, P], why Reason) {
	if s.Entry == nil {
		return
	}
	h, cost := x.holding(s), x.cost(sh, s)
	x.count(h, s, -cost)
	h.entries.Add(-1)
	x.left[why].entries.Add(1)
	x.left[why].bytes.Add(uint64(cost))
	x.depart(sh, s.Entry.Page)
	if !s.Entry.standing() {
		x.lift(sh, s.hash, s.Entry.blob)
	}
	s.Entry = nil
	x.changed(sh, s.hash)
}

// count counts what the entry of s costs, or no longer costs.
func (x *Shelf[B, P]) count(h *holding, s *Slot[B, P], cost int64) {
	h.bytes.Add(cost)
	if s.Entry.standing() {
		x.standing.Add(cost)
	}
}

// clip returns b without waste: what is counted as a cache's memory is what it holds.
func clip(b []byte) []byte {
	if cap(b)-len(b) > 32+len(b)/8 {
		return bytes.Clone(b)
	}
	return b
}

// depart queues a page that left. The shard is locked.
func (x *Shelf[B, P]) depart(sh *Shard[B, P], page *P) {
	if page != nil {
		sh.queue = append(sh.queue, change[P]{left: true, page: *page})
		sh.queued.Store(true)
	}
}

// changed queues for the Observer what hash now costs. The shard is locked, so the queue has the order of the changes.
func (x *Shelf[B, P]) changed(sh *Shard[B, P], hash uint64) {
	if x.cfg.Observer == nil {
		return
	}
	cost := x.restCost(sh, hash)
	for s := sh.slots[hash]; s != nil; s = s.next {
		if s.Entry.standing() {
			cost += x.cost(sh, s)
		}
	}
	sh.queue = append(sh.queue, change[P]{hash: hash, cost: cost})
	sh.queued.Store(true)
}

// keptQueue is the longest queue whose memory is used again.
const keptQueue = 64

// Drain tells what is queued. No lock is held. One goroutine at a time drains a shard, so the order stands; the others
// leave their changes to it, and it looks again after it has let go, so none is left behind. For the same reason an
// Observer that evicts from within does not wait for itself.
func (x *Shelf[B, P]) Drain(sh *Shard[B, P]) {
	for sh.queued.Load() && sh.policy.TryLock() {
		sh.Mu.Lock()
		queue := sh.queue
		sh.queue, sh.told = sh.told[:0], nil
		sh.queued.Store(false)
		sh.Mu.Unlock()
		for _, c := range queue {
			switch {
			case c.left:
				x.gone(c.page)
			case c.cost == 0:
				x.cfg.Observer.Removed(c.hash)
			default:
				x.cfg.Observer.Added(c.hash, c.cost)
			}
		}
		sh.told = queue[:0:min(cap(queue), keptQueue)]
		sh.policy.Unlock()
	}
}

// Touched tells the Observer of a hit. No lock is held.
func (x *Shelf[B, P]) Touched(hash uint64) {
	if x.cfg.Observer != nil {
		x.cfg.Observer.Touched(hash)
	}
}
