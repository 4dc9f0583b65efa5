package coherence

import (
	"cmp"

	"millrace/cache/interval"
)

// Span is the part of an index that a page depends on.
type Span struct {
	// Index is the index's name, "" for the base table.
	Index string
	// Partition is the canonical partition key; nil for a scan, which depends on every write to the table.
	Partition []byte
	// Lo and Hi bound the positions within the partition, Lo inclusive, Hi exclusive; nil is open.
	Lo, Hi []byte
	// Eventual says that the index cannot be read strongly (a global secondary index outside the embedded engine).
	Eventual bool
}

// stamps are the counters that a page carries beside the table's epoch.
type stamps struct {
	index  *index
	epoch  uint64 // index.epoch
	writes uint64 // Table.writes, for a scan
	scan   bool
}

// pageEntry is the page part of an entry. It rests with the page, so it names what it is about and points at nothing.
type pageEntry struct {
	id            uint64 // no other page has it
	at            uint64 // the partition's hash
	epoch, writes uint64 // its stamps
	until         Time   // R44: the last moment at which a provisional page is served; 0 is no such bound
	index         uint32 // index.id
	scan          bool
}

// stampsOf are the stamps of a page.
func (c *Core) stampsOf(p *pageEntry) stamps {
	return stamps{index: c.indexOf(p.index), epoch: p.epoch, writes: p.writes, scan: p.scan}
}

// pageFlight is the page part of a flight.
type pageFlight struct {
	stamps
	shard *nodeShard // of node, nil for a scan
	node  *node
	span  reach         // the whole condition, while the flight is under way
	hull  interval.Hull // positions inside it touched since the flight began; guarded by the node's lock

	at       uint64 // the partition's hash
	eventual bool   // Span.Eventual
	until    Time   // of the entry, if it comes to one
	watched  bool   // until is for R58
	weight   int64  // likewise: memory of the page's part of node
	id       uint64 // likewise
	kept     reach  // the page's interval until its partition rests
}

// ReadPage looks up a page by its canonical request, which must determine span. See ReadItem.
func (c *Core) ReadPage(now Time, t *Table, key []byte, span Span, o ReadOptions, dst []byte) Read {
	h := c.shelf.Hash(t.pages, key)
	sh := c.shelf.Shard(h)
	if r, ok := c.lookup(now, sh, h, t, t.pages, key, &o, dst); ok {
		return r
	}
	idx := c.index(t, span.Index)
	var n *node
	var ns *nodeShard
	var at uint64 // the partition's hash
	if span.Partition != nil {
		ns, at = c.nodeShard(idx, span.Partition)
		ns.Mu.Lock()
		n = ns.Demand(at, idx.id, span.Partition)
	}
	sh.Mu.Lock()
	s := c.shelf.Demand(sh, h, t.pages, key)
	r := c.arrive(now, sh, s, t, &o, dst)
	if r.Outcome == Lead {
		f := r.Flight
		p := &pageFlight{at: at, eventual: span.Eventual, stamps: stamps{index: idx, epoch: idx.epoch.now(), writes: t.writes.now(), scan: n == nil}, shard: ns, node: n}
		f.page = p
		c.decidePage(now, f, &span, &o)
		if n != nil {
			ns.Insert(n, &p.span, span.Lo, span.Hi, tenant{Flight: f})
			if c.rules.Born && n.Pending > 0 && n.Hull.Meets(span.Lo, span.Hi) { // R57
				p.hull.Join(&n.Hull)
			}
		}
	}
	tidy(sh, s)
	sh.Mu.Unlock()
	if n != nil {
		ns.Settle(n)
		ns.Mu.Unlock()
	}
	c.shelf.Drain(sh)
	return r
}

// decidePage settles how the page of f is read and for how long it may be served.
func (c *Core) decidePage(now Time, f *Flight, span *Span, o *ReadOptions) {
	t, p := f.table, f.page
	f.barred = f.barred || c.rules.R17 && c.pageAmbiguous(t, p, p.at, now) // R17
	if !span.Eventual {
		f.decide(t, o, func() bool {
			stamps := c.pageStamps(t, p, true)
			return c.rules.R4 && c.recent(now, c.cfg.Tq, stamps[:]...) // R4
		})
	}
	if t.authoritative() {
		return
	}
	options := t.options.Load()
	if stamps := c.pageStamps(t, p, true); span.Eventual {
		switch {
		case c.rules.R44 && c.recent(now, cmp.Or(options.IndexLag, c.cfg.Tq), stamps[:]...): // R44
			// The index lags behind the write that invalidated it, and nothing tells by how much.
			p.until = now.after(options.Provisional)
			f.barred = f.barred || options.Provisional == 0
		case c.rules.Watch && options.Delta > 0 && c.recent(now, options.IndexWatch, stamps[:]...): // R58
			// What it lacks it may lack for good: the record that would have removed it has come.
			p.until, p.watched = now.after(options.Delta), true
		}
	}
	// R48: a scan that the next write will kill before it is asked for again is not worth its memory.
	f.barred = f.barred || p.scan && now < Time(t.lastWrite.Load()).after(options.Provisional)
}

// pageStamps are the quarantine stamps that bear on a page. Unlike items, pages are stamped by writes only: P2 is not
// promised of pages. lost is whether it bears on them that the table's place in its stream was lost.
func (c *Core) pageStamps(t *Table, p *pageFlight, lost bool) [4]Time {
	lostAt := Time(0)
	if lost {
		lostAt = Time(t.lostAt.Load())
	}
	if p.scan {
		return [4]Time{Time(t.lastWrite.Load()), Time(t.quarAt.Load()), lostAt}
	}
	return [4]Time{c.quar.At(p.at), Time(p.index.quarAt.Load()), Time(t.quarAt.Load()), lostAt}
}

// pageAmbiguous reports whether a write of unknown outcome may still change the page's partition or table (R17).
func (c *Core) pageAmbiguous(t *Table, p *pageFlight, at uint64, now Time) bool {
	until := max(Time(t.ambItems.Load()), Time(p.index.amb.Load()))
	if p.scan {
		return now <= max(until, Time(t.ambScans.Load()))
	}
	return now <= max(until, c.windows.End(at))
}

// DonePage ends a page's flight with the backend's answer and reports whether it was stored. scanned, within the span the
// flight was led with, is the interval that determines the page: from its start to the LastEvaluatedKey included, or to
// the condition's end without one (R45). Items filtered out lie inside it (R46).
//
// The fill was registered before it was sent, so every write since has marked it (Fills, Touch); a commit that was under
// way when it began marked it at birth (Born). It is stored iff no mark lies inside the scanned interval. It is then
// registered under the same hold of the node's lock, so no write falls between.
func (c *Core) DonePage(now Time, f *Flight, img Image, scanned Span) (stored bool) {
	p := f.page
	sh := c.shelf.Shard(f.slot.Hash())
	ns, clean := p.shard, true
	if !c.rules.R45 && p.node != nil { // R45
		scanned.Lo, scanned.Hi = p.span.Lo, p.span.Hi
	}
	if ns != nil {
		ns.Mu.Lock()
		ns.Remove(p.node, &p.span)
		clean = !p.hull.Meets(scanned.Lo, scanned.Hi)
		p.weight = p.node.Weight(scanned.Lo, scanned.Hi)
	}
	sh.Mu.Lock()
	if f.Complete && p.watched {
		p.until = 0
	}
	stored = c.complete(now, sh, f, img, clean)
	if stored && ns != nil {
		r := &p.kept
		if !p.node.Rests() {
			r = new(reach) // it stays, and the flight's memory need not
		}
		ns.Insert(p.node, r, scanned.Lo, scanned.Hi, tenant{Hash: f.slot.Hash(), ID: p.id})
	}
	tidy(sh, f.slot)
	sh.Mu.Unlock()
	if ns != nil {
		ns.Settle(p.node)
		ns.Mu.Unlock()
	}
	c.shelf.Drain(sh)
	return stored
}

// unlink takes the interval of a page that left the shelf out of its partition. No lock is held. Until it has run, the
// interval may be hit by a write, which finds the slot empty or otherwise filled and does nothing.
func (c *Core) unlink(p pageEntry) {
	if !p.scan {
		c.nodes.Shard(p.at).ForgetPage(p.at, p.id)
	}
}
