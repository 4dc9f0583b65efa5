package coherence

import "cmp"

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

// pageEntry is the page part of an entry.
type pageEntry struct {
	stamps
	slot  *slot
	until Time       // R44: the last moment at which a provisional page is served; 0 is no such bound
	shard *nodeShard // of node, nil for a scan
	node  *node
	span  *interval // in the node
	// weight is the memory of span's bounds and of the page's part of node; it never changes, as costs must not.
	weight int64
}

// pageFlight is the page part of a flight.
type pageFlight struct {
	stamps
	shard *nodeShard // of node, nil for a scan
	node  *node
	span  *interval // the whole condition, while the flight is under way
	hull  hull      // positions inside it touched since the flight began; guarded by the node's lock

	eventual bool  // Span.Eventual
	until    Time  // of the entry, if it comes to one
	weight   int64 // likewise
}

// ReadPage looks up a page by its canonical request, which must determine span. See ReadItem.
func (c *Core) ReadPage(now Time, t *Table, key []byte, span Span, o ReadOptions, dst []byte) Read {
	h := c.hash(t.pageSalt, key)
	sh := c.shard(h)
	if r, ok := c.lookup(now, sh, h, t, true, key, &o, dst); ok {
		return r
	}
	idx := c.index(t, span.Index)
	var n *node
	var ns *nodeShard
	var at uint64 // the partition's hash
	if span.Partition != nil {
		ns, at = c.nodeShard(idx, span.Partition)
		ns.mu.Lock()
		n = ns.demand(idx, span.Partition)
	}
	sh.mu.Lock()
	s := c.demand(sh, h, t, true, key)
	r, gone := c.arrive(now, sh, s, &o, dst)
	if r.Outcome == Lead {
		f := r.Flight
		p := &pageFlight{eventual: span.Eventual, stamps: stamps{index: idx, epoch: idx.epoch.now(), writes: t.writes.now(), scan: n == nil}, shard: ns, node: n}
		f.page = p
		c.decidePage(now, f, &span, &o, at)
		if n != nil {
			p.span = ns.insert(n, &interval{lo: clone(span.Lo), hi: clone(span.Hi), flight: f})
			if c.rules.Born && n.pending > 0 && n.hull.meets(span.Lo, span.Hi) { // P10
				p.hull.join(&n.hull)
			}
		}
	}
	sh.tidy(s)
	sh.mu.Unlock()
	if n != nil {
		ns.tidy(n)
		ns.mu.Unlock()
	}
	c.unlink(gone)
	c.drain(sh)
	return r
}

// decidePage settles how the page of f is read and for how long it may be served.
func (c *Core) decidePage(now Time, f *Flight, span *Span, o *ReadOptions, at uint64) {
	t, p := f.slot.table, f.page
	f.barred = f.barred || c.rules.R17 && c.pageAmbiguous(t, p.index, p.shard, at, now)
	if !span.Eventual {
		f.decide(t, o, func() bool { return c.rules.R4 && c.recent(now, c.cfg.Tq, c.pageStamps(t, p.index, !p.scan, at)...) })
	}
	if t.authoritative() {
		return
	}
	options := t.options.Load()
	if lag := cmp.Or(options.IndexLag, c.cfg.Tq); span.Eventual && c.rules.R44 && c.recent(now, lag, c.pageStamps(t, p.index, !p.scan, at)...) {
		// R44: the index lags behind the write that invalidated it, and nothing tells by how much.
		p.until = now.after(options.Provisional)
		f.barred = f.barred || options.Provisional == 0
	}
	// R48: a scan that the next write will kill before it is asked for again is not worth its memory.
	f.barred = f.barred || p.scan && now < Time(t.lastWrite.Load()).after(options.Provisional)
}

// pageStamps are the quarantine stamps that bear on a page. Unlike items, pages are stamped by writes only: P2 is not
// promised of pages.
func (c *Core) pageStamps(t *Table, idx *index, partition bool, at uint64) []Time {
	if partition {
		return []Time{c.quar.at(at), Time(idx.quarAt.Load()), Time(t.quarAt.Load())}
	}
	return []Time{Time(t.lastWrite.Load()), Time(t.quarAt.Load())}
}

// pageAmbiguous reports whether a write of unknown outcome may still change the page's partition or table (R17).
// ns is the partition's shard, locked, or nil for a scan.
func (c *Core) pageAmbiguous(t *Table, idx *index, ns *nodeShard, at uint64, now Time) bool {
	if now <= Time(t.ambItems.Load()) || now <= Time(idx.amb.Load()) {
		return true
	}
	if ns == nil {
		return now <= Time(t.ambScans.Load())
	}
	until, ok := ns.amb[at]
	return ok && now <= until
}

// DonePage ends a page's flight with the backend's answer and reports whether it was stored. scanned, within the span the
// flight was led with, is the interval that determines the page: from its start to the LastEvaluatedKey included, or to
// the condition's end without one (R45). Items filtered out lie inside it (R46).
//
// The fill was registered before it was sent, so every write since has marked it (Fills, Touch); a commit that was under
// way when it began marked it at birth (Born). It is stored iff no mark lies inside the scanned interval. It is then
// registered under the same hold of the node's lock, so no write falls between.
func (c *Core) DonePage(now Time, f *Flight, img Image, scanned Span) (stored bool) {
	img.Bytes = clip(img.Bytes)
	p := f.page
	sh := c.shard(f.slot.hash)
	ns, clean := p.shard, true
	if !c.rules.R45 && p.span != nil {
		scanned.Lo, scanned.Hi = p.span.lo, p.span.hi
	}
	if ns != nil {
		ns.mu.Lock()
		ns.remove(p.node, p.span)
		clean = !p.hull.meets(scanned.Lo, scanned.Hi)
		p.weight = pageWeight(p.node, scanned.Lo, scanned.Hi)
	}
	sh.mu.Lock()
	stored, gone := c.complete(now, sh, f, img, clean)
	if stored && ns != nil {
		e := f.slot.entry.page
		e.span = ns.insert(p.node, &interval{lo: clone(scanned.Lo), hi: clone(scanned.Hi), entry: e})
		e.shard, e.node = ns, p.node
	}
	sh.tidy(f.slot)
	sh.mu.Unlock()
	if ns != nil {
		ns.tidy(p.node)
		ns.mu.Unlock()
	}
	c.unlink(gone)
	c.drain(sh)
	return stored
}

// unlink takes the interval of a page that left its slot out of its partition. No lock is held. Until it has run, the
// interval may be hit by a write, which finds the slot empty or otherwise filled and does nothing.
func (c *Core) unlink(p *pageEntry) {
	if p != nil && p.shard != nil {
		p.shard.forget(p.node, p.span)
	}
}

// forget removes r from n, if it is still there.
func (ns *nodeShard) forget(n *node, r *interval) {
	ns.mu.Lock()
	if r.linked {
		ns.remove(n, r)
		ns.tidy(n)
	}
	ns.mu.Unlock()
}

// clone copies b and keeps nil nil.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}
