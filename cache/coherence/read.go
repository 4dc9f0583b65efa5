package coherence

import (
	"time"

	"millrace/cache/shelf"
	"millrace/cache/trail"
)

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
	// Lend takes a large page's bytes as the core holds them instead of a copy behind dst. They are never changed: a page that
	// follows has bytes of its own.
	Lend bool

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
	// Body is dst with the bytes appended; dst itself unless Hit. Where they are Lent it is they alone.
	Body []byte
	Lent bool
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
	h := c.shelf.Hash(t.items, key)
	sh := c.shelf.Shard(h)
	if r, ok := c.lookup(now, sh, h, t, t.items, key, &o, dst); ok {
		return r
	}
	sh.Mu.Lock()
	s := c.shelf.Demand(sh, h, t.items, key)
	r := c.arrive(now, sh, s, t, &o, dst)
	if f := r.Flight; f != nil {
		s.Busy.passed(&c.rules)
		if r.Outcome == Lead {
			f.decide(t, &o, func() bool {
				return c.rules.R4 && c.recent(now, c.cfg.Tq, c.quar.At(h), Time(t.quarAt.Load()), Time(t.lostAt.Load())) // R4
			})
			f.barred = f.barred || c.rules.R17 && c.ambiguous(h, t, now) // R17
		}
	}
	c.unlock(sh, s)
	return r
}

// lookup answers a hit under the shared lock; ok is false for anything else.
func (c *Core) lookup(now Time, sh *shard, h uint64, t *Table, in *shelf.Space, key []byte, o *ReadOptions, dst []byte) (r Read, ok bool) {
	if o.NoCache {
		return r, false
	}
	sh.Mu.RLock()
	var room entry
	e, b := c.shelf.Peek(sh, h, in, key, &room)
	if c.servable(now, t, e, b, o) == serve {
		r, ok = c.hit(now, sh, e, o, dst), true
	}
	sh.Mu.RUnlock()
	if ok {
		c.shelf.Touched(h)
	}
	return r, ok
}

// hit answers from e. The shard is locked: bytes are copied under it, because their memory is used again. A large page's are the
// collector's.
func (c *Core) hit(now Time, sh *shard, e *entry, o *ReadOptions, dst []byte) Read {
	sh.Hits.Add(1)
	r := Read{Outcome: Hit, Body: dst, Meta: e.Meta, Age: age(now, e), ValidAt: Time(e.ValidAt)}
	if e.Absent {
		r.Outcome = Negative
		return r
	}
	if o.Lend && e.Lasts() {
		r.Body, r.Lent = e.Bytes, true
		return r
	}
	r.Body = append(dst, e.Bytes...)
	return r
}

// arrive is a reader coming to s, whose shard is locked: a hit after all, else a joined or a new flight.
func (c *Core) arrive(now Time, sh *shard, s *slot, t *Table, o *ReadOptions, dst []byte) Read {
	v := c.servable(now, t, s.Entry, s.Busy, o)
	switch v {
	case serve:
		return c.hit(now, sh, s.Entry, o, dst)
	case dead:
		// R8: an entry refused once must not come to life again. Under R6 the read that now passes through would
		// remove it as well, if it differs; it goes at once because it is dead weight.
		why := shelf.Invalidated
		if c.outlived(now, s.Entry, o) {
			why = shelf.Expired
		}
		c.shelf.Remove(sh, s, why)
		c.note(now, s.Hash(), trail.Refused)
	}
	r := Read{Refill: v != vacant && !o.NoCache, Body: dst}
	if f := s.Busy.open; f != nil && c.joinable(now, f, o) {
		sh.Joins.Add(1)
		r.Outcome, r.Flight = Joined, f
		f.shared = true
		return r
	}
	sh.Misses.Add(1)
	r.Outcome, r.Flight = Lead, c.lead(now, s, t)
	return r
}
