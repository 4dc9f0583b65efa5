package coherence

import "time"

// ReadOptions is what one reader asks for.
type ReadOptions struct {
	// Strong asks for a strongly consistent read.
	Strong bool
	// NoCache asks for the backend's answer; it may still be stored.
	NoCache bool
	// Exclusive never joins another reader's flight.
	Exclusive bool
	// MaxAge bounds the age of a hit; 0 is no bound.
	MaxAge time.Duration
	// TTL and NegativeTTL bound the age of any hit and drop what is older; 0 is no bound.
	TTL, NegativeTTL time.Duration
	// Thrift makes a fill of a FillAuto table that would have to be strong an eventual one that is not stored. Such an
	// answer keeps no promise to its reader beyond what the backend's eventual read keeps: neither P1 nor P2.
	Thrift bool
	// KeepStale leaves an entry in place that Delta refuses, for StaleItem or StalePage if the backend has no answer.
	KeepStale bool

	stale bool // StaleItem, StalePage
}

// Outcome says what a reader got.
type Outcome uint8

const (
	// Hit: Read.Body holds the bytes.
	Hit Outcome = iota + 1
	// Negative: the item is known to be absent.
	Negative
	// Joined: wait for Read.Flight's call, led by another reader.
	Joined
	// Lead: make the backend read of Read.Flight, then call Done or Fail exactly once.
	Lead
)

// Read is the answer to a reader.
type Read struct {
	Outcome
	// Refill reports that an entry stood there but might not be served.
	Refill bool
	// Body is dst with the bytes appended; dst itself unless Hit.
	Body []byte
	// Meta is the entry's, for Hit and Negative.
	Meta Meta
	// Age is the time since the value was known to be current, and ValidAt when that was; it tells an entry from a later one
	// of the same bytes.
	Age     time.Duration
	ValidAt Time
	// Flight is set for Joined and Lead.
	Flight *Flight
}

// ReadItem looks up the item with the canonical key, borrowed for the call. A hit appends its bytes to dst under the
// lock, allocates nothing itself, and is one shared lock.
func (c *Core) ReadItem(now Time, t *Table, key []byte, o ReadOptions, dst []byte) Read {
	h := c.hash(t.itemSalt, key)
	sh := c.shard(h)
	if r, ok := c.lookup(now, sh, h, t, false, key, &o, dst); ok {
		return r
	}
	sh.mu.Lock()
	s := c.demand(sh, h, t, false, key)
	r, _ := c.arrive(now, sh, s, &o, dst)
	switch r.Outcome {
	case Joined:
		s.busy.dirty = s.busy.dirty || s.busy.fences > 0 && c.rules.R13 // R13
	case Lead:
		f := r.Flight
		f.decide(t, &o, func() bool {
			return c.rules.R4 && c.recent(now, c.cfg.Tq, c.quar.at(h), Time(t.quarAt.Load()))
		})
		f.barred = f.barred || c.rules.R17 && c.ambiguous(sh, h, t, now) // R17
		s.busy.dirty = s.busy.dirty || s.busy.fences > 0 && c.rules.R13  // R13
	}
	sh.tidy(s)
	sh.mu.Unlock()
	c.drain(sh)
	return r
}

// lookup answers a hit under the shared lock; ok is false for anything else.
func (c *Core) lookup(now Time, sh *shard, h uint64, t *Table, page bool, key []byte, o *ReadOptions, dst []byte) (r Read, ok bool) {
	if o.NoCache {
		return r, false
	}
	sh.mu.RLock()
	var e *entry
	var b *busy
	var rest entry
	if s := c.linked(sh, h, t, page, key); s != nil {
		e, b = s.entry, s.busy
	} else if !page && c.view(sh, h, t, key, &rest) {
		e = &rest
	}
	if c.servable(now, t, e, b, o) == serve {
		r, ok = c.hit(now, sh, e, dst), true
	}
	sh.mu.RUnlock()
	if ok && c.cfg.Observer != nil {
		c.cfg.Observer.Touched(h)
	}
	return r, ok
}

// hit answers from e. The shard is locked: the bytes are copied under it, so that they may be reused after.
func (c *Core) hit(now Time, sh *shard, e *entry, dst []byte) Read {
	sh.hits.Add(1)
	r := Read{Outcome: Hit, Body: dst, Meta: e.img.Meta, Age: e.age(now), ValidAt: e.validAt}
	if e.img.Absent {
		r.Outcome = Negative
		return r
	}
	r.Body = append(dst, e.img.Bytes...)
	return r
}

// arrive is a reader coming to s, whose shard is locked: a hit after all, else a joined or a new flight. The entry's page
// that it removed, if any, is to be unlinked once the locks are released.
func (c *Core) arrive(now Time, sh *shard, s *slot, o *ReadOptions, dst []byte) (r Read, gone *pageEntry) {
	v := c.servable(now, s.table, s.entry, s.busy, o)
	switch v {
	case serve:
		return c.hit(now, sh, s.entry, dst), nil
	case dead:
		// R8: an entry refused once must not come to life again. Under R6 the read that now passes through would
		// remove it as well, if it differs; it goes at once because it is dead weight.
		why := Invalidated
		if c.outlived(now, s.entry, o) {
			why = Expired
		}
		gone = c.remove(sh, s, why)
	}
	r = Read{Refill: v != vacant && !o.NoCache, Body: dst}
	if f := s.busy.open; f != nil && c.joinable(now, s, f, o) {
		sh.joins.Add(1)
		r.Outcome, r.Flight = Joined, f
		return r, gone
	}
	sh.misses.Add(1)
	r.Outcome, r.Flight = Lead, c.lead(now, s)
	return r, gone
}
