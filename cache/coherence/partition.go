package coherence

import (
	"bytes"
	"sync"
)

// node is one partition of an index. It exists while pages of it are cached or being filled, or a commit to it is pending.
//
// Pages and fills stand in a treap ordered by the start of their interval and augmented by the greatest end below, so a
// write to a partition with n of them finds the k that hold its position in expected O(log n + k log n). Each page found
// is removed, so its share was paid for when it was stored. A fill found stays, to be marked again: a write's cost is
// linear only in the backend reads under way whose condition holds its position.
type node struct {
	at      place
	root    *interval
	pages   int  // in root, beside the fills
	pending int  // positions announced by Pending and not settled
	hull    hull // of those positions
}

// place names a partition, in full (R51).
type place struct {
	index     *index
	partition string
}

// nodeShard is one lock over nodes.
type nodeShard struct {
	mu sync.Mutex

	nodes map[place]*node
	amb   map[uint64]Time // R17: partition hash → end of its ambiguity window
	dice  uint64
	pages int
	fills int
	_     [24]byte
}

// nodeShard returns the shard of a partition and its hash.
func (c *Core) nodeShard(idx *index, partition []byte) (*nodeShard, uint64) {
	h := c.hash(idx.salt, partition)
	return &c.nodes[h&uint64(len(c.nodes)-1)], h
}

// demand returns the node, made if need be; call tidy when done. The shard is locked.
func (ns *nodeShard) demand(idx *index, partition []byte) *node {
	n := ns.nodes[place{idx, string(partition)}]
	if n == nil {
		n = &node{at: place{idx, string(partition)}}
		ns.nodes[n.at] = n
	}
	return n
}

// tidy drops n if it holds nothing. The shard is locked.
func (ns *nodeShard) tidy(n *node) {
	if n.root == nil && n.pending == 0 {
		delete(ns.nodes, n.at)
	}
}

// hull is the least closed range around some positions: all that is kept of them, so that many cost no more than one.
type hull struct {
	any, all bool
	lo, hi   []byte
}

// empty reports whether no position was added.
func (h *hull) empty() bool { return !h.any }

// add takes in a position, copied; nil is all of the partition.
func (h *hull) add(pos []byte) {
	switch {
	case h.all:
	case pos == nil:
		*h = hull{any: true, all: true}
	case !h.any:
		p := clone(pos)
		h.any, h.lo, h.hi = true, p, p
	case bytes.Compare(pos, h.lo) < 0:
		h.lo = clone(pos)
	case bytes.Compare(pos, h.hi) > 0:
		h.hi = clone(pos)
	}
}

// join takes in another hull.
func (h *hull) join(o *hull) {
	if o.all {
		h.add(nil)
	} else if o.any {
		h.add(o.lo)
		h.add(o.hi)
	}
}

// meets reports whether the hull and the interval from lo inclusive to hi exclusive have anything in common.
func (h *hull) meets(lo, hi []byte) bool {
	return h.all || h.any && (hi == nil || bytes.Compare(h.lo, hi) < 0) && bytes.Compare(h.hi, lo) >= 0
}

// interval is a cached page or a fill in its node's treap.
type interval struct {
	lo, hi      []byte // hi nil is open
	maxHi       []byte // greatest hi at or below; nil is open
	left, right *interval
	dice        uint64 // heap order of the treap, and tie-break of lo
	linked      bool
	entry       *pageEntry // one of the two
	flight      *Flight
}

// insert adds r to n and returns it. The shard is locked.
func (ns *nodeShard) insert(n *node, r *interval) *interval {
	ns.dice ^= ns.dice << 13
	ns.dice ^= ns.dice >> 7
	ns.dice ^= ns.dice << 17
	r.dice, r.linked = ns.dice, true
	low, high := split(n.root, r)
	r.update()
	n.root = merge(merge(low, r), high)
	ns.count(n, r, 1)
	return r
}

// remove takes r out of n. The shard is locked.
func (ns *nodeShard) remove(n *node, r *interval) {
	n.root = cut(n.root, r)
	r.linked, r.left, r.right = false, nil, nil
	ns.count(n, r, -1)
}

// count keeps the numbers for Stats and pageWeight.
func (ns *nodeShard) count(n *node, r *interval, by int) {
	if r.flight != nil {
		ns.fills += by
	} else {
		ns.pages += by
		n.pages += by
	}
}

// before is the treap's order.
func (r *interval) before(o *interval) bool {
	if k := bytes.Compare(r.lo, o.lo); k != 0 {
		return k < 0
	}
	return r.dice < o.dice
}

// update recomputes maxHi from the children.
func (r *interval) update() {
	r.maxHi = r.hi
	for _, x := range [2]*interval{r.left, r.right} {
		if x != nil && r.maxHi != nil && (x.maxHi == nil || bytes.Compare(x.maxHi, r.maxHi) > 0) {
			r.maxHi = x.maxHi
		}
	}
}

// split parts t into what is before r and what is not.
func split(t, r *interval) (low, high *interval) {
	if t == nil {
		return nil, nil
	}
	if t.before(r) {
		t.right, high = split(t.right, r)
		t.update()
		return t, high
	}
	low, t.left = split(t.left, r)
	t.update()
	return low, t
}

// merge joins two treaps of which all of a is before all of b.
func merge(a, b *interval) *interval {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.dice > b.dice:
		a.right = merge(a.right, b)
		a.update()
		return a
	}
	b.left = merge(a, b.left)
	b.update()
	return b
}

// cut returns t without r, which is in it.
func cut(t, r *interval) *interval {
	if t == r {
		return merge(t.left, t.right)
	}
	if r.before(t) {
		t.left = cut(t.left, r)
	} else {
		t.right = cut(t.right, r)
	}
	t.update()
	return t
}

// stab appends the intervals that hold pos to found; nil is every interval.
func stab(t *interval, pos []byte, found []*interval) []*interval {
	if t == nil || pos != nil && t.maxHi != nil && bytes.Compare(t.maxHi, pos) <= 0 {
		return found
	}
	found = stab(t.left, pos, found)
	if pos != nil && bytes.Compare(t.lo, pos) > 0 {
		return found // and so is everything to the right
	}
	if pos == nil || t.hi == nil || bytes.Compare(pos, t.hi) < 0 {
		found = append(found, t)
	}
	return stab(t.right, pos, found)
}

// touch is a write to the positions, settled or pending: pages that hold one of them go if kill is set, fills under way
// are marked if mark is set. late opens their ambiguity windows (R17).
func (c *Core) touch(now Time, t *Table, positions []Position, late, kill, mark bool) {
	for i := range positions {
		p := &positions[i]
		idx := c.index(t, p.Index)
		if p.Partition == nil { // precision 7: it may be anywhere
			idx.epoch.advance()
			raise(&idx.quarAt, now)
			if late {
				raise(&idx.amb, now.after(c.cfg.Tamb))
				raise(&idx.quarAt, now.after(c.cfg.Tamb))
			}
			continue
		}
		ns, h := c.nodeShard(idx, p.Partition)
		ns.mu.Lock()
		if c.rules.R4 && !t.authoritative() {
			c.quar.stamp(h, now)
		}
		if late {
			ns.amb = openWindow(ns.amb, h, now, now.after(c.cfg.Tamb))
			c.quar.stamp(h, now.after(c.cfg.Tamb))
		}
		var killed []*shard
		if n := ns.nodes[place{idx, string(p.Partition)}]; n != nil {
			killed = c.strike(ns, n, p.Pos, kill, mark)
			ns.tidy(n)
		}
		ns.mu.Unlock()
		for _, sh := range killed {
			c.drain(sh)
		}
	}
}

// strike kills the pages of n that hold pos and marks the fills. The shard is locked; the slot shards returned are to be
// drained once it is not.
func (c *Core) strike(ns *nodeShard, n *node, pos []byte, kill, mark bool) (killed []*shard) {
	var room [16]*interval
	for _, r := range stab(n.root, pos, room[:0]) {
		if r.flight != nil {
			if mark {
				r.flight.page.hull.add(pos)
			}
			continue
		}
		if !kill {
			continue
		}
		s := r.entry.slot
		sh := c.shard(s.hash)
		sh.mu.Lock()
		if s.entry != nil && s.entry.page == r.entry {
			c.remove(sh, s, Invalidated)
			sh.tidy(s)
		}
		sh.mu.Unlock()
		ns.remove(n, r)
		killed = append(killed, sh)
	}
	return killed
}

// pendPositions is Pending for positions: pages go now, and until settlePositions the node remembers them, so that a fill
// begun in between is marked at birth.
func (c *Core) pendPositions(now Time, t *Table, positions []Position) {
	for i := range positions {
		p := &positions[i]
		idx := c.index(t, p.Index)
		if p.Partition == nil {
			idx.epoch.begin()
			continue
		}
		ns, _ := c.nodeShard(idx, p.Partition)
		ns.mu.Lock()
		n := ns.demand(idx, p.Partition)
		n.pending++
		n.hull.add(p.Pos)
		killed := c.strike(ns, n, p.Pos, c.rules.Kill, c.rules.Touch)
		ns.mu.Unlock()
		for _, sh := range killed {
			c.drain(sh)
		}
	}
}

// settlePositions ends pendPositions.
func (c *Core) settlePositions(t *Table, positions []Position) {
	for i := range positions {
		p := &positions[i]
		idx := c.index(t, p.Index)
		if p.Partition == nil {
			idx.epoch.end()
			continue
		}
		ns, _ := c.nodeShard(idx, p.Partition)
		ns.mu.Lock()
		if n := ns.nodes[place{idx, string(p.Partition)}]; n != nil {
			if n.pending--; n.pending == 0 {
				n.hull = hull{}
			}
			ns.tidy(n)
		}
		ns.mu.Unlock()
	}
}
