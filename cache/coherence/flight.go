package coherence

import (
	"time"

	"millrace/cache/shelf"
	"millrace/cache/trail"
)

// Flight is one backend read under way and those who wait for it. It outlives the reader that began it while others wait:
// end it by what the backend answered, not by what one reader's context says.
type Flight struct {
	// Strong says that the backend must be read strongly.
	Strong bool
	// Weak says that it is read eventually where it would have been read strongly, and will not be stored; see Weaken.
	Weak bool
	// Thrift says that it is read eventually, and not stored, where it would have to be strong: see ReadOptions.Thrift.
	Thrift bool
	// Complete is set by who leads it, before DonePage, for a page of an index that shows every write to its interval of which a
	// record has come within IndexWatch (R58).
	Complete bool
	// Call is what Config.NewCall made: where joined readers wait.
	Call any

	table  *Table
	slot   *slot
	start  Time
	epoch  uint64 // the table's, at the start
	gen    uint64 // busy.gen at the start
	reads  uint64 // busy.reads at the start
	barred bool   // begun inside an ambiguity window (R17), between Pending and Settled (R57), thrifty, or weak
	shared bool   // see Shared
	page   *pageFlight
}

// Shared reports of a flight that has ended whether its image's bytes may be somebody's beside its leader's: of a reader who joined
// it, or the cache's, which takes a large page as it lies there. All that happens under the shard's lock before Done or DonePage returns,
// for nobody joins a flight that has ended.
func (f *Flight) Shared() bool { return f.shared }

// lead begins a flight on s. The shard is locked. The newest flight is the one to join.
func (c *Core) lead(now Time, s *slot, t *Table) *Flight {
	b := s.Busy
	f := &Flight{table: t, slot: s, start: now, epoch: t.epoch.now(), gen: b.gen, reads: b.reads}
	if c.cfg.NewCall != nil {
		f.Call = c.cfg.NewCall()
	}
	b.flights++
	b.open = f
	if b.pending > 0 && c.rules.Born { // R57
		f.barred, b.open = true, nil
	}
	return f
}

// validAt is the moment at which what f reads is certain to be current: when it was sent, less what a replica may lag. A
// page of an index that lags shows what the index shows then; its own lag is no part of the promise (P8).
func (c *Core) validAt(f *Flight) Time {
	if f.Strong || f.table.authoritative() || f.page != nil && f.page.eventual {
		return f.start
	}
	return f.start.after(-c.cfg.Tq)
}

// joinable reports whether a reader arriving now may take the answer of f, its slot's open flight (R3). The shard is locked.
//
// What f may have read before the arrival must still be good at the arrival. On any table: no write settled and no read
// completed since f began, or f would not be open; so nothing this reader could know of is newer. On an authoritative
// table moreover: no commit of the key was announced since f began, or f would have been voided, and none was under way
// when it began, or f would never have been open; so what f reads is current at the arrival or read after it, and even
// a strong read may join. Elsewhere a strong read may join only a backend read sent after its own arrival, which the core
// cannot know, so it leads (R56). A flight under way for longer than a value may be old is too old to join (R54).
func (c *Core) joinable(now Time, f *Flight, o *ReadOptions) bool {
	t, validAt := f.table, c.validAt(f)
	if o.Exclusive || o.NoCache || o.Strong && !(f.Strong && t.authoritative()) || f.Thrift && !o.Thrift {
		return false
	}
	ttl := o.TTL
	if o.NegativeTTL > 0 {
		ttl = min(ttl, o.NegativeTTL) // for there may be no item
	}
	if c.rules.Late && (!c.fresh(now, t, validAt) || ttl > 0 && time.Duration(now-validAt) > ttl) { // R54
		return false
	}
	if f.page != nil && f.page.until != 0 && c.rules.Prov { // R44: of what a lagging index showed then the watermark knows nothing
		if delta := t.options.Load().Delta; delta > 0 && time.Duration(now-validAt) > delta {
			return false
		}
	}
	if c.rules.Epoch && !t.epoch.same(f.epoch) { // R25
		return false
	}
	return f.page == nil || f.page.hull.Empty() && c.pageFresh(t, &f.page.stamps)
}

// Done ends an item's flight with the backend's answer and reports whether it was stored. Call it before any reader is
// given the answer.
func (c *Core) Done(now Time, f *Flight, img Image) (stored bool) {
	sh := c.shelf.Shard(f.slot.Hash())
	sh.Mu.Lock()
	stored = c.complete(now, sh, f, img, true)
	c.unlock(sh, f.slot)
	return stored
}

// Fail ends a flight, of an item or a page, that has no answer. Nothing is learned from a failure.
func (c *Core) Fail(now Time, f *Flight) {
	if f.page != nil && f.page.shard != nil {
		f.page.shard.Forget(f.page.node, &f.page.span)
	}
	sh := c.shelf.Shard(f.slot.Hash())
	sh.Mu.Lock()
	f.slot.Busy.leave(f)
	c.unlock(sh, f.slot)
}

// Observed is a backend read of an item answered outside a flight (TransactGetItems, a page with whole items): an answer
// given out that is not stored (R6). Call it before the answer is given.
func (c *Core) Observed(now Time, t *Table, key []byte, img Image) {
	if t.authoritative() {
		return // the entry is current whatever others read
	}
	sh, h := c.lock(t.items, key)
	s := c.shelf.Find(sh, h, t.items, key)
	if s != nil {
		c.constrain(s.Busy, identify(&img))
		c.passed(now, sh, s, identify(&img))
	}
	if c.rules.R6q { // R6
		c.quar.Raise(h, now)
	}
	c.unlock(sh, s)
}

// complete ends f with img and stores it if the rules allow. clean is false if a page's own conditions failed. The shard is
// locked.
//
// The floor of a key is the newest value that any reader or writer of this process may know. A stored value is never
// below it: f was read after everything known when it began (it is strong, or nothing became known for Tq: R4, R5, R6);
// what became known since is an own settled write, which voids f (R1), or another read's completion, which lets f be
// stored only if equal (R7). On an authoritative table neither R6 nor R7 is needed: entries are current, see servable.
func (c *Core) complete(now Time, sh *shard, f *Flight, img Image, clean bool) (stored bool) {
	s, t, b, id := f.slot, f.table, f.slot.Busy, identify(&img)
	b.leave(f)
	auth := t.authoritative()
	stored = clean && !f.barred && !img.Transient && b.gen == f.gen && // R1, R17, R57
		(!c.rules.Epoch || t.epoch.same(f.epoch)) && // R25
		(f.page == nil || c.pageFresh(t, &f.page.stamps)) && // R48, R43
		(auth || !c.rules.R7 || b.agrees(f, id)) // R7
	if !auth {
		c.constrain(b, id)
	}
	if stored {
		e := s.NewEntry()
		e.Image, e.ValidAt, e.Epoch = img, int64(c.validAt(f)), f.epoch
		if p := f.page; p != nil {
			p.id = c.ids.Add(1)
			*e.Page = pageEntry{id: p.id, at: p.at, epoch: p.epoch, writes: p.writes, until: p.until, index: p.index.id, scan: p.scan}
			e.Weight = p.weight
		}
		c.shelf.Install(sh, s, e)
		f.shared = f.shared || e.Lasts()
		c.note(now, s.Hash(), trail.Filled)
		if !auth && c.rules.R5 && f.page == nil { // R5
			c.quar.Raise(s.Hash(), now)
		}
		return true
	}
	c.note(now, s.Hash(), trail.Unfit)
	if !auth {
		c.passed(now, sh, s, id)
		if lasting := f.Weak && t.options.Load().Fill == FillStrong; c.rules.R6q && f.page == nil && !f.Thrift && !lasting { // R6; thrift and Weaken must not end themselves
			c.quar.Raise(s.Hash(), now)
		}
	}
	return false
}

// constrain makes the flights of b, which may be nil, unjoinable and lets them store only an image equal to id (R7).
func (c *Core) constrain(b *busy, id identity) {
	if b == nil {
		return
	}
	b.reads++
	if b.reads == 1 || b.run != id {
		b.runFrom, b.run = b.reads, id
	}
	if c.rules.R3 { // R3
		b.open = nil
	}
}

// agrees reports whether every read completed since f began answered id.
func (b *busy) agrees(f *Flight, id identity) bool {
	return b.reads == f.reads || b.run == id && b.runFrom <= f.reads+1
}

// passed is an answer given out and not stored: an entry that differs may be older and goes; a write under way is no
// longer alone (R6, R13).
func (c *Core) passed(now Time, sh *shard, s *slot, id identity) {
	if c.rules.R6 && s.Entry != nil && identify(&s.Entry.Image) != id { // R6
		c.shelf.Remove(sh, s, shelf.Invalidated)
		c.note(now, s.Hash(), trail.Contradicted)
	}
	s.Busy.passed(&c.rules)
}

// passed is a backend read of the key of b, which may be nil, beside the writes under way (R13).
func (b *busy) passed(rules *Rules) {
	if b != nil && b.fences > 0 && rules.R13 { // R13
		b.dirty = true
	}
}

// leave takes f off the flights under way.
func (b *busy) leave(f *Flight) {
	b.flights--
	if b.open == f {
		b.open = nil
	}
}
