package coherence

import (
	"bytes"
	"sync"
	"unsafe"

	"millrace/cache/interval"
	"millrace/cache/moments"
	"millrace/cache/shelf"
	"millrace/cache/trail"
)

// node is one partition of an index. It exists while pages of it are cached or being filled, or a commit to it is pending.
//
// Pages and fills stand in a tree, where a write finds those that hold its position. Each page found is removed, so its
// share was paid for when it was stored. A fill found stays, to be marked again: a write's cost is linear only in the
// backend reads under way whose condition holds its position.
type node struct {
	at      place
	tree    interval.Tree[tenant]
	pages   int           // in tree, beside the fills
	pending int           // positions announced by Pending and not settled
	hull    interval.Hull // of those positions
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
	dice  interval.Dice
	pages int
	fills int
	_     [32]byte
}

// nodeShard returns the shard of a partition and its hash.
func (c *Core) nodeShard(idx *index, partition []byte) (*nodeShard, uint64) {
	h := c.shelf.Hash(idx.space, partition)
	return &c.nodes[h&uint64(len(c.nodes)-1)], h
}

// demand returns the node, made if need be; call tidy when done. The shard is locked.
func (ns *nodeShard) demand(idx *index, partition []byte) *node {
	n := ns.nodes[place{idx, unsafe.String(unsafe.SliceData(partition), len(partition))}]
	if n == nil {
		n = &node{at: place{idx, string(partition)}}
		ns.nodes[n.at] = n
	}
	return n
}

// tidy drops n if it holds nothing. The shard is locked.
func (ns *nodeShard) tidy(n *node) {
	if n.tree.Empty() && n.pending == 0 {
		delete(ns.nodes, n.at)
	}
}

// reach is the interval of a page or a fill in its node's tree.
type reach = interval.Node[tenant]

// tenant is whose interval it is.
type tenant struct {
	entry  *pageEntry // one of the two
	flight *Flight
}

// insert adds the interval of a page or a fill to n, as r. The shard is locked.
func (ns *nodeShard) insert(n *node, r *reach, s *Span, whose tenant) {
	r.Lo, r.Hi, r.Value = bytes.Clone(s.Lo), bytes.Clone(s.Hi), whose
	n.tree.Insert(r, &ns.dice)
	ns.count(n, r, 1)
}

// remove takes r out of n. The shard is locked.
func (ns *nodeShard) remove(n *node, r *reach) {
	n.tree.Remove(r)
	ns.count(n, r, -1)
}

// forget removes r from n, if it is still there. No lock is held.
func (ns *nodeShard) forget(n *node, r *reach) {
	ns.mu.Lock()
	if r.In() {
		ns.remove(n, r)
		ns.tidy(n)
	}
	ns.mu.Unlock()
}

// count keeps the numbers for Stats and pageWeight.
func (ns *nodeShard) count(n *node, r *reach, by int) {
	if r.Value.flight != nil {
		ns.fills += by
	} else {
		ns.pages += by
		n.pages += by
	}
}

// nodeOverhead is the memory of a node and its part of the shard's map (assumed 60 bytes).
const nodeOverhead = int64(unsafe.Sizeof(node{})) + 60

// pageWeight is the memory of a page over lo to hi in n beside its entry. Pages of a partition share its memory: each
// takes over the part that is its own when it comes, the first all of it, so that they never pay for less than it while
// they leave together, as most do. n's shard is locked.
func pageWeight(n *node, lo, hi []byte) int64 {
	return int64(unsafe.Sizeof(pageEntry{})) + int64(len(lo)+len(hi)) +
		(nodeOverhead+int64(len(n.at.partition)))/int64(n.pages+1)
}

// touch is a write to the positions, settled or pending: pages that hold one of them go if kill is set, fills under way
// are marked if mark is set. late opens their ambiguity windows (R17).
func (c *Core) touch(now Time, t *Table, positions []Position, late, kill, mark bool) {
	for i := range positions {
		p := &positions[i]
		idx := c.index(t, p.Index)
		if p.Partition == nil { // R43: it may be anywhere
			idx.epoch.advance()
			moments.Raise(&idx.quarAt, now)
			if late {
				moments.Raise(&idx.amb, now.after(c.cfg.Tamb))
				moments.Raise(&idx.quarAt, now.after(c.cfg.Tamb))
			}
			continue
		}
		ns, h := c.nodeShard(idx, p.Partition)
		ns.mu.Lock()
		if c.rules.R4 && !t.authoritative() { // R4
			c.quar.Raise(h, now)
		}
		if late {
			c.windows.Open(h, now, now.after(c.cfg.Tamb))
			c.quar.Raise(h, now.after(c.cfg.Tamb))
		}
		var killed []*shard
		if n := ns.nodes[place{idx, string(p.Partition)}]; n != nil {
			killed = c.strike(now, ns, n, p.Pos, kill, mark)
			ns.tidy(n)
		}
		ns.mu.Unlock()
		for _, sh := range killed {
			c.shelf.Drain(sh)
		}
	}
}

// strike kills the pages of n that hold pos and marks the fills. The shard is locked; the slot shards returned are to be
// drained once it is not.
func (c *Core) strike(now Time, ns *nodeShard, n *node, pos []byte, kill, mark bool) (killed []*shard) {
	var room [16]*reach
	for _, r := range n.tree.Stab(pos, room[:0]) {
		if f := r.Value.flight; f != nil && mark {
			f.page.hull.Add(pos)
		}
		if r.Value.flight != nil || !kill {
			continue
		}
		s := r.Value.entry.slot
		sh := c.shelf.Shard(s.Hash())
		sh.Mu.Lock()
		if s.Entry != nil && s.Entry.Page == r.Value.entry {
			c.shelf.Remove(sh, s, shelf.Invalidated)
			c.note(now, s.Hash(), trail.Struck)
			tidy(sh, s)
		}
		sh.Mu.Unlock()
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
		n.hull.Add(p.Pos)
		killed := c.strike(now, ns, n, p.Pos, c.rules.Kill, c.rules.Touch) // R57
		ns.mu.Unlock()
		for _, sh := range killed {
			c.shelf.Drain(sh)
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
				n.hull = interval.Hull{}
			}
			ns.tidy(n)
		}
		ns.mu.Unlock()
	}
}
