package coherence

import "time"

// Flight is one backend read under way and those who wait for it. It outlives the reader that began it while others wait:
// end it by what the backend answered, not by what one reader's context says.
type Flight struct {
	// Strong says that the backend must be read strongly.
	Strong bool
	// Call is what Config.NewCall made: where joined readers wait.
	Call any

	slot   *slot
	start  Time
	epoch  uint64 // the table's, at the start
	gen    uint64 // busy.gen at the start
	reads  uint64 // busy.reads at the start
	barred bool   // begun inside an ambiguity window (R17), between Pending and Settled (P10), or thrifty
	thrift bool   // eventual where it would have to be strong: see ReadOptions.Thrift
	page   *pageFlight
}

// lead begins a flight on s. The shard is locked. The newest flight is the one to join.
func (c *Core) lead(now Time, s *slot) *Flight {
	b := s.busy
	f := &Flight{slot: s, start: now, epoch: s.table.epoch.now(), gen: b.gen, reads: b.reads}
	if c.cfg.NewCall != nil {
		f.Call = c.cfg.NewCall()
	}
	b.flights++
	b.open = f
	if b.pending > 0 && c.rules.Born { // P10
		f.barred, b.open = true, nil
	}
	return f
}

// validAt is the moment at which what f reads is certain to be current: when it was sent, less what a replica may lag. A
// page of an index that lags shows what the index shows then; its own lag is no part of the promise (P8).
func (c *Core) validAt(f *Flight) Time {
	if f.Strong || f.slot.table.authoritative() || f.page != nil && f.page.eventual {
		return f.start
	}
	return f.start.after(-c.cfg.Tq)
}

// joinable reports whether a reader arriving now may take the answer of f, the open flight of s (R3). The shard is locked.
//
// What f may have read before the arrival must still be good at the arrival. On any table: no write settled and no read
// completed since f began, or f would not be open; so nothing this reader could know of is newer. On an authoritative
// table moreover: no commit of the key was announced since f began, or f would have been voided, and none was under way
// when it began, or f would never have been open; so what f reads is current at the arrival or read after it, and even
// a strong read may join. Elsewhere a strong read may join only a backend read sent after its own arrival, which the core
// cannot know, so it leads (coherence §1.3). A flight under way for longer than a value may be old is too old to join (P3, P4).
func (c *Core) joinable(now Time, s *slot, f *Flight, o *ReadOptions) bool {
	t := s.table
	if f.thrift && !o.Thrift {
		return false
	}
	if validAt := c.validAt(f); c.rules.Late {
		ttl := o.TTL
		if o.NegativeTTL > 0 && o.NegativeTTL < ttl {
			ttl = o.NegativeTTL // for there may be no item
		}
		if !c.fresh(now, t, validAt) || ttl > 0 && time.Duration(now-validAt) > ttl {
			return false
		}
	}
	if f.page != nil && f.page.until != 0 && c.rules.Prov { // R44: of what a lagging index showed then the watermark knows nothing
		if delta := t.options.Load().Delta; delta > 0 && time.Duration(now-c.validAt(f)) > delta {
			return false
		}
	}
	if o.Exclusive || o.NoCache || o.Strong && !(f.Strong && t.authoritative()) {
		return false
	}
	if c.rules.Epoch && !t.epoch.same(f.epoch) {
		return false
	}
	return f.page == nil || f.page.hull.empty() && c.pageFresh(t, &f.page.stamps)
}

// Done ends an item's flight with the backend's answer and reports whether it was stored. Call it before any reader is
// given the answer.
func (c *Core) Done(now Time, f *Flight, img Image) (stored bool) {
	sh := c.shard(f.slot.hash)
	sh.mu.Lock()
	stored, _ = c.complete(now, sh, f, img, true)
	sh.tidy(f.slot)
	sh.mu.Unlock()
	c.drain(sh)
	return stored
}

// Fail ends a flight, of an item or a page, that has no answer. Nothing is learned from a failure.
func (c *Core) Fail(now Time, f *Flight) {
	if f.page != nil && f.page.shard != nil {
		f.page.shard.forget(f.page.node, f.page.span)
	}
	sh := c.shard(f.slot.hash)
	sh.mu.Lock()
	f.slot.busy.leave(f)
	sh.tidy(f.slot)
	sh.mu.Unlock()
}

// Observed is a backend read of an item answered outside a flight (TransactGetItems, a page with whole items): an answer
// given out that is not stored (R6). Call it before the answer is given.
func (c *Core) Observed(now Time, t *Table, key []byte, img Image) {
	if t.authoritative() {
		return // the entry is current whatever others read
	}
	h := c.hash(t.itemSalt, key)
	sh := c.shard(h)
	sh.mu.Lock()
	if s := c.find(sh, h, t, false, key); s != nil {
		c.constrain(s, img.identity())
		c.passed(sh, s, img.identity())
		sh.tidy(s)
	}
	if c.rules.R6q {
		c.quar.stamp(h, now)
	}
	sh.mu.Unlock()
	c.drain(sh)
}

// complete ends f with img and stores it if the rules allow. clean is false if a page's own conditions failed. The shard is
// locked. A page that left the slot is returned to be unlinked.
//
// The floor of a key is the newest value that any reader or writer of this process may know. A stored value is never
// below it: f was read after everything known when it began (it is strong, or nothing became known for Tq: R4, R5, R6);
// what became known since is an own settled write, which voids f (R1), or another read's completion, which lets f be
// stored only if equal (R7). On an authoritative table neither R6 nor R7 is needed: entries are current, see servable.
func (c *Core) complete(now Time, sh *shard, f *Flight, img Image, clean bool) (stored bool, gone *pageEntry) {
	s := f.slot
	b, t, id := s.busy, s.table, img.identity()
	b.leave(f)
	auth := t.authoritative()
	stored = clean && !f.barred && !img.Transient && b.gen == f.gen // R1, R17, P10
	if c.rules.Epoch && !t.epoch.same(f.epoch) {                    // precision 6
		stored = false
	}
	if f.page != nil && !c.pageFresh(t, &f.page.stamps) {
		stored = false
	}
	if !auth {
		if c.rules.R7 && !b.agrees(f, id) {
			stored = false
		}
		c.constrain(s, id)
	}
	if stored {
		e := &entry{img: img, validAt: c.validAt(f), epoch: f.epoch}
		if f.page != nil {
			e.page = &pageEntry{slot: s, stamps: f.page.stamps, until: f.page.until, weight: f.page.weight}
		}
		gone = c.install(sh, s, e)
		sh.stores.Add(1)
		if !auth && c.rules.R5 && f.page == nil {
			c.quar.stamp(s.hash, now)
		}
		return true, gone
	}
	if !auth {
		gone = c.passed(sh, s, id)
		if c.rules.R6q && f.page == nil && !f.thrift { // a thrifty answer promises nothing, and must not go on for ever
			c.quar.stamp(s.hash, now)
		}
	}
	return false, gone
}

// constrain makes the other flights of s unjoinable and lets them store only an image equal to id (R7, precision 1).
func (c *Core) constrain(s *slot, id identity) {
	b := s.busy
	if b == nil {
		return
	}
	b.reads++
	if b.reads == 1 || b.run != id {
		b.runFrom, b.run = b.reads, id
	}
	if c.rules.R3 {
		b.open = nil
	}
}

// agrees reports whether every read completed since f began answered id.
func (b *busy) agrees(f *Flight, id identity) bool {
	return b.reads == f.reads || b.run == id && b.runFrom <= f.reads+1
}

// passed is an answer given out and not stored: an entry that differs may be older and goes; a write under way is no
// longer alone (R6, R13).
func (c *Core) passed(sh *shard, s *slot, id identity) (gone *pageEntry) {
	if c.rules.R6 && s.entry != nil && s.entry.img.identity() != id {
		gone = c.remove(sh, s, Invalidated)
	}
	if c.rules.R13 && s.busy != nil && s.busy.fences > 0 {
		s.busy.dirty = true
	}
	return gone
}

// leave takes f off the flights under way.
func (b *busy) leave(f *Flight) {
	b.flights--
	if b.open == f {
		b.open = nil
	}
}

// clip returns b without waste: what is counted as a cache's memory is what it holds.
func clip(b []byte) []byte {
	if cap(b)-len(b) > 32+len(b)/8 {
		return append(make([]byte, 0, len(b)), b...)
	}
	return b
}
