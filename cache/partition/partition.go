// Package partition keeps the intervals that cached pages, and fills under way, depend on, by partition of an index, under one lock
// to a shard. Partitions with few pages and nothing under way rest outside the garbage collector's heap.
//
// It promises that a partition has the intervals that were inserted into it and not removed, whether it rests or stands, and that
// their memory is counted. Indexes are numbers to it. What an interval is good for is its owner's affair (package coherence), and so
// is what F is: a fill.
package partition

import (
	"bytes"
	"sync"
	"sync/atomic"
	"unsafe"

	"millrace/cache/interval"
	"millrace/cache/slab"
)

// Set is all partitions.
type Set[F any] struct {
	shards []Shard[F]
	pool   *slab.Pool
	// beside is the memory of partitions that stand and have pages, and of the indexes of those that rest.
	beside atomic.Int64
}

// New makes an empty set of so many shards, a power of two, for a cache of about memory bytes.
func New[F any](memory int64, shards int) *Set[F] {
	s := &Set[F]{shards: make([]Shard[F], shards), pool: slab.NewPool(memory/memoryShare, shards)}
	for i := range s.shards {
		s.shards[i] = Shard[F]{nodes: map[uint64]*Node[F]{}, beside: &s.beside, dice: interval.Dice(uint64(i)*0x9e3779b97f4a7c15 + 1)}
		s.shards[i].arena.Pool = s.pool
	}
	return s
}

// memoryShare is the part of a cache's memory that its partitions are expected to take at most; it sizes what they take theirs in.
const memoryShare = 16

// Shard is the shard of hash h.
func (s *Set[F]) Shard(h uint64) *Shard[F] { return &s.shards[h&uint64(len(s.shards)-1)] }

// Held is the memory of all as it is held, but for partitions that stand for what is under way alone.
func (s *Set[F]) Held() int64 { return s.pool.Held() + s.beside.Load() }

// Mapped is the part of Held that is outside the garbage collector's heap.
func (s *Set[F]) Mapped() int64 { return s.pool.Mapped() }

// Reserve is what may be held however few there are.
func (s *Set[F]) Reserve() int64 { return s.pool.Reserve(len(s.shards)) }

// Stats counts partitions, and the pages and fills in them, a shard at a time.
func (s *Set[F]) Stats() (partitions, pages, fills int) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.Mu.Lock()
		for _, n := range sh.nodes {
			for ; n != nil; n = n.next {
				partitions++
			}
		}
		partitions += sh.index.Len()
		pages, fills = pages+sh.pages, fills+sh.fills
		sh.Mu.Unlock()
	}
	return partitions, pages, fills
}

// Reset forgets all fills, and all that stands, when no page is left.
func (s *Set[F]) Reset() {
	for i := range s.shards {
		clear(s.shards[i].nodes)
		s.shards[i].pages, s.shards[i].fills = 0, 0
	}
}

// Shard is one lock and the partitions under it.
type Shard[F any] struct {
	Mu sync.Mutex

	nodes  map[uint64]*Node[F] // those that stand, by hash
	arena  slab.Arena          // the others
	index  slab.Index
	beside *atomic.Int64
	dice   interval.Dice
	pages  int
	fills  int
	_      [32]byte
}

// Node is a partition that stands: while its shard's lock is held for it, and beyond that while something is under way or its pages
// are many.
type Node[F any] struct {
	// Pending is how many positions are announced, and Hull where they are.
	Pending int
	Hull    interval.Hull

	of        uint32 // its index
	partition string
	hash      uint64
	next      *Node[F] // of the same hash
	tree      interval.Tree[Tenant[F]]
	pages     int                  // in tree
	fills     int                  // in tree
	bounds    int                  // bytes of the pages' bounds
	named     map[uint64]*Reach[F] // the pages by id, where they are many
	counted   int64                // its part of Set.beside
}

// Reach is the interval of a page or a fill in its partition.
type Reach[F any] = interval.Node[Tenant[F]]

// Tenant is whose interval it is: a fill's, or that of the page with a hash and an id that no other page has.
type Tenant[F any] struct {
	Flight   *F
	Hash, ID uint64
}

// Find returns a partition of hash h, which stands then, or nil; call Settle when done. The shard is locked.
func (sh *Shard[F]) Find(h uint64, index uint32, partition []byte) *Node[F] {
	for n := sh.nodes[h]; n != nil; n = n.next {
		if n.of == index && n.partition == string(partition) {
			return n
		}
	}
	blob := sh.resting(h, func(b []byte) bool {
		p := open(b)
		return p.index == index && bytes.Equal(p.partition, partition)
	})
	if blob == 0 {
		return nil
	}
	return sh.stand(blob)
}

// Demand is Find, and makes the partition if need be.
func (sh *Shard[F]) Demand(h uint64, index uint32, partition []byte) *Node[F] {
	n := sh.Find(h, index, partition)
	if n == nil {
		n = sh.link(&Node[F]{of: index, partition: string(partition), hash: h})
	}
	return n
}

// Settle lets n rest if it can, or drops it if it holds nothing; it is not used any more. The shard is locked.
func (sh *Shard[F]) Settle(n *Node[F]) {
	held := int64(0)
	switch size, rests := n.size(); {
	case n.tree.Empty() && n.Pending == 0:
		sh.unlink(n)
	case rests:
		held -= sh.index.Bytes()
		blob, b := sh.arena.Alloc(size)
		n.pack(b)
		sh.index.Add(n.hash, blob)
		held += sh.index.Bytes()
		sh.unlink(n)
	case n.pages > 0:
		held = nodeOverhead + int64(len(n.partition)+n.bounds) + int64(n.pages)*reachBytes - n.counted
		n.counted += held
		sh.beside.Add(held)
		return
	}
	if held -= n.counted; held != 0 {
		sh.beside.Add(held)
		n.counted = 0
	}
}

// link adds n to those that stand.
func (sh *Shard[F]) link(n *Node[F]) *Node[F] {
	n.next = sh.nodes[n.hash]
	sh.nodes[n.hash] = n
	return n
}

// unlink takes n, which is there, out of those that stand.
func (sh *Shard[F]) unlink(n *Node[F]) {
	head := sh.nodes[n.hash]
	switch {
	case head != n:
		for head.next != n {
			head = head.next
		}
		head.next = n.next
	case n.next == nil:
		delete(sh.nodes, n.hash)
	default:
		sh.nodes[n.hash] = n.next
	}
}

// Insert adds the interval of a page or a fill to n, as r; its bounds are copied. The shard is locked.
func (sh *Shard[F]) Insert(n *Node[F], r *Reach[F], lo, hi []byte, whose Tenant[F]) {
	r.Lo, r.Hi, r.Value = bytes.Clone(lo), bytes.Clone(hi), whose
	n.add(r, &sh.dice)
	sh.count(r, 1)
}

// Remove takes r out of n. The shard is locked.
func (sh *Shard[F]) Remove(n *Node[F], r *Reach[F]) {
	n.take(r)
	sh.count(r, -1)
}

// Forget removes r from n, if it is still there. No lock is held.
func (sh *Shard[F]) Forget(n *Node[F], r *Reach[F]) {
	sh.Mu.Lock()
	if r.In() {
		sh.Remove(n, r)
		sh.Settle(n)
	}
	sh.Mu.Unlock()
}

// ForgetPage is Forget for the page with an id in a partition of hash h.
func (sh *Shard[F]) ForgetPage(h, id uint64) {
	sh.Mu.Lock()
	if n, r := sh.Page(h, id); r != nil {
		sh.Remove(n, r)
		sh.Settle(n)
	}
	sh.Mu.Unlock()
}

// Page is the interval of the page with an id in a partition of hash h, which stands then; nil where it is in none. The shard is
// locked.
func (sh *Shard[F]) Page(h, id uint64) (*Node[F], *Reach[F]) {
	for n := sh.nodes[h]; n != nil; n = n.next {
		if r := n.page(id); r != nil {
			return n, r
		}
	}
	if blob := sh.resting(h, func(b []byte) bool { return holds(b, id) }); blob != 0 {
		n := sh.stand(blob)
		return n, n.page(id)
	}
	return nil, nil
}

// count keeps the numbers for Stats.
func (sh *Shard[F]) count(r *Reach[F], by int) {
	if r.Value.Flight != nil {
		sh.fills += by
	} else {
		sh.pages += by
	}
}

// Stab appends the intervals of n that hold pos; nil is every one.
func (n *Node[F]) Stab(pos []byte, found []*Reach[F]) []*Reach[F] { return n.tree.Stab(pos, found) }

// Rests reports whether n will rest with one more page, whose bounds are not too long.
func (n *Node[F]) Rests() bool { return n.quiet() && n.pages < mostPacked }

// quiet reports whether nothing is under way in n.
func (n *Node[F]) quiet() bool { return n.Pending == 0 && n.fills == 0 }

// Weight is the memory of a page over lo to hi in n beside its entry. Pages of a partition share its memory: each takes over
// the part that is its own when it comes, the first all of it, so that they never pay for less than it while they leave
// together, as most do. The shard is locked.
func (n *Node[F]) Weight(lo, hi []byte) int64 {
	if n.pages >= mostPacked {
		return reachBytes + int64(len(lo)+len(hi))
	}
	return int64(packedPage+len(lo)+len(hi)) + int64(packedOverhead+len(n.partition))/int64(n.pages+1)
}

// nodeOverhead is the memory of a partition that stands and its part of the shard's map (assumed 40 bytes), reachBytes that of a page in
// it beside its bounds, and packedOverhead that of one that rests, beside its name and its pages.
const (
	nodeOverhead   = int64(unsafe.Sizeof(Node[int]{})) + 40
	reachBytes     = int64(unsafe.Sizeof(Reach[int]{})) + 40
	packedOverhead = packedHead + 32
)

// page is the interval of the page with an id in n, or nil.
func (n *Node[F]) page(id uint64) (found *Reach[F]) {
	if n.named != nil {
		return n.named[id]
	}
	n.tree.Each(func(r *Reach[F]) {
		if r.Value.Flight == nil && r.Value.ID == id {
			found = r
		}
	})
	return found
}

// add adds the interval of a page or a fill to n. Where pages are many they are found by their ids.
func (n *Node[F]) add(r *Reach[F], dice *interval.Dice) {
	n.tree.Insert(r, dice)
	if r.Value.Flight != nil {
		n.fills++
		return
	}
	n.pages++
	n.bounds += len(r.Lo) + len(r.Hi)
	switch {
	case n.named != nil:
		n.named[r.Value.ID] = r
	case n.pages > mostPacked:
		n.named = map[uint64]*Reach[F]{}
		n.tree.Each(func(r *Reach[F]) {
			if r.Value.Flight == nil {
				n.named[r.Value.ID] = r
			}
		})
	}
}

// take takes r out of n.
func (n *Node[F]) take(r *Reach[F]) {
	n.tree.Remove(r)
	if r.Value.Flight != nil {
		n.fills--
		return
	}
	n.pages--
	n.bounds -= len(r.Lo) + len(r.Hi)
	if delete(n.named, r.Value.ID); n.pages <= mostPacked {
		n.named = nil
	}
}
