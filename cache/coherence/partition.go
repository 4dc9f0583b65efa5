package coherence

import (
	"millrace/cache/interval"
	"millrace/cache/moments"
	"millrace/cache/partition"
	"millrace/cache/shelf"
	"millrace/cache/trail"
)

// What the core knows of a partition: the intervals of its cached pages and of fills under way (package partition). Pages found by a
// write are removed, so their share was paid for when they were stored. A fill found stays, to be marked again: a write's cost is
// linear only in the backend reads under way whose condition holds its position. A partition is named in full (R51).
type (
	nodeShard = partition.Shard[Flight]
	node      = partition.Node[Flight]
	reach     = partition.Reach[Flight]
	tenant    = partition.Tenant[Flight]
)

// nodeShard returns the shard of a partition and its hash.
func (c *Core) nodeShard(idx *index, name []byte) (*nodeShard, uint64) {
	h := c.shelf.Hash(idx.space, name)
	return c.nodes.Shard(h), h
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
		ns.Mu.Lock()
		if c.rules.R4 && !t.authoritative() { // R4
			c.quar.Raise(h, now)
		}
		if late {
			c.windows.Open(h, now, now.after(c.cfg.Tamb))
			c.quar.Raise(h, now.after(c.cfg.Tamb))
		}
		var killed []*shard
		if n := ns.Find(h, idx.id, p.Partition); n != nil {
			killed = c.strike(now, ns, n, p.Pos, kill, mark)
			ns.Settle(n)
		}
		ns.Mu.Unlock()
		for _, sh := range killed {
			c.shelf.Drain(sh)
		}
	}
}

// strike kills the pages of n that hold pos and marks the fills. The shard is locked; the slot shards returned are to be
// drained once it is not.
func (c *Core) strike(now Time, ns *nodeShard, n *node, pos []byte, kill, mark bool) (killed []*shard) {
	var room [16]*reach
	for _, r := range n.Stab(pos, room[:0]) {
		if f := r.Value.Flight; f != nil && mark {
			f.page.hull.Add(pos)
		}
		if r.Value.Flight != nil || !kill {
			continue
		}
		sh := c.shelf.Shard(r.Value.Hash)
		sh.Mu.Lock()
		if s := c.shelf.FindPage(sh, r.Value.Hash, func(p *pageEntry) bool { return p.id == r.Value.ID }); s != nil {
			c.shelf.Remove(sh, s, shelf.Invalidated)
			c.note(now, s.Hash(), trail.Struck)
			tidy(sh, s)
		}
		sh.Mu.Unlock()
		ns.Remove(n, r)
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
		ns, h := c.nodeShard(idx, p.Partition)
		ns.Mu.Lock()
		n := ns.Demand(h, idx.id, p.Partition)
		n.Pending++
		n.Hull.Add(p.Pos)
		killed := c.strike(now, ns, n, p.Pos, c.rules.Kill, c.rules.Touch) // R57
		ns.Settle(n)
		ns.Mu.Unlock()
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
		ns, h := c.nodeShard(idx, p.Partition)
		ns.Mu.Lock()
		if n := ns.Find(h, idx.id, p.Partition); n != nil {
			if n.Pending--; n.Pending == 0 {
				n.Hull = interval.Hull{}
			}
			ns.Settle(n)
		}
		ns.Mu.Unlock()
	}
}
