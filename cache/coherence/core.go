// Package coherence decides what a cache may answer. It holds the cached images of items and pages together with
// everything that bears on their truth (fences of writes, flights of reads, partitions, counters, quarantine), and
// one function, servable, is the serving rule.
//
// It promises, per process: an item read after an acknowledged write returns that write or a later one (P1); reads of one
// item never go back (P2); nothing stays stale for ever (P5); nothing is served that was never committed (P6); a page is a
// page that some legal read returned, and reflects acknowledged writes to its partition (P7). On an authoritative table,
// whose every commit is announced by Pending and Settled, strong reads may be hits and are linearizable.
//
// It never does I/O, starts a goroutine, waits, or reads a clock: time is passed in. All methods are safe for concurrent use.
package coherence

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache/moments"
	"millrace/cache/partition"
	"millrace/cache/shelf"
	"millrace/cache/trail"
)

// Time is a reading of the caller's monotonic clock in nanoseconds. Its origin is free; it must never go back.
type Time int64

// after returns the moment d after t.
func (t Time) after(d time.Duration) Time { return t + Time(d) }

// Config fixes a core for its life.
type Config struct {
	// Memory is about how much will be cached, in bytes; it sizes what memory is taken in. Default 256 MiB.
	Memory int64
	// Shards is the number of locks over entries, rounded up to a power of two. By default it grows with Memory, to 512:
	// each has an arena, a part of which is not in use.
	Shards int
	// Tq is the assumed bound on how far an eventually consistent read may lag. AWS publishes none. Default 2 s.
	Tq time.Duration
	// Tamb is how long a write of unknown outcome may still be applied. It must exceed the backend's request
	// timeout. Too small: a late write is never seen before the TTL. Too large: the key is uncached for longer. Default 30 s.
	Tamb time.Duration
	// QuarantineStripes is the number of quarantine stamps (8 bytes each), rounded up to a power of two. Too few
	// make fills strong that need not be. Default 1<<18.
	QuarantineStripes int
	// Rules switches single rules off for mutation tests. The zero value means AllRules.
	Rules Rules
	// Observer hears of installs, removals and hits; nil for none.
	Observer Observer
	// NewCall makes Flight.Call for a leading read, under a lock: it must return at once. May be nil.
	NewCall func() any
	// Start is the time of creation: until Start+Tq everything is in quarantine, for another process may just have
	// answered what a lagging replica does not show.
	Start Time
	// FixedHash, if not 0, is the number of bits of a hash that is the same in every process, so that a simulation
	// repeats and hashes collide. 0 is the hash for production: 64 bits, seeded per process.
	FixedHash uint
}

// What the core knows of a key stands on a shelf: entries, and what is under way.
type (
	slot  = shelf.Slot[busy, pageEntry]
	entry = shelf.Entry[pageEntry]
	shard = shelf.Shard[busy, pageEntry]
	// Image is what is cached of an item or page, and Meta what a hit must know beside the bytes.
	Image = shelf.Image
	Meta  = shelf.Meta
	// Observer hears of installs, removals and hits.
	Observer = shelf.Observer
	// Reason says why an entry left.
	Reason = shelf.Reason
)

// Core is the table of truth behind a cache. The zero value is not usable; see New.
//
// Lock order: node shard, then slot shard. Table.mu, the windows' lock and the policy mutexes are leaves and roots of their
// own: nothing is locked under the first two, and a policy mutex is only ever taken with no other lock held.
type Core struct {
	cfg    Config
	rules  Rules
	shelf  *shelf.Shelf[busy, pageEntry]
	nodes  *partition.Set[Flight]
	trails trail.Rings // by shard, guarded by its lock
	// quar is when something last happened that a lagging replica may not show yet: a write settled (R4), an entry was installed (R5,
	// told then and not at eviction, so that evicting needs no memory of its own), an answer was given out without being stored (R6).
	// Or it is the end of an ambiguity window, which lies in the future. Hashes that meet only make a fill strong that need not be.
	quar moments.Stripes[Time]
	// windows are the items and partitions on which a write of unknown outcome may still be applied, and until when (R17). Who opens
	// one does so under the lock of what the hash names, as who asks does, so none is missed.
	windows moments.Windows[Time]
	start   atomic.Int64 // Config.Start, or when something was last known of a table that is not here; see Unseen

	indexes atomic.Pointer[[]*index] // of all tables, by id; a longer one each time
	known   atomic.Int64             // bytes of tables and indexes, see tableBytes
	ids     atomic.Uint64            // the last page's

	mu     sync.RWMutex
	tables map[string]*Table
}

// New makes an empty core. It starts nothing.
func New(cfg Config) *Core {
	if cfg.Memory <= 0 {
		cfg.Memory = 256 << 20
	}
	if cfg.Shards <= 0 {
		cfg.Shards = int(max(1, min(cfg.Memory>>18, 16), min(cfg.Memory>>21, 512)))
	}
	if cfg.QuarantineStripes <= 0 {
		cfg.QuarantineStripes = 1 << 18
	}
	if cfg.Rules == (Rules{}) {
		cfg.Rules = AllRules()
	}
	cfg.Tq = cmp.Or(cfg.Tq, 2*time.Second)
	cfg.Tamb = cmp.Or(cfg.Tamb, 30*time.Second)
	c := &Core{
		cfg: cfg, rules: cfg.Rules,
		nodes:  partition.New[Flight](cfg.Memory, shelf.CeilPow2(cfg.Shards)),
		trails: trail.NewRings(cfg.Memory, shelf.CeilPow2(cfg.Shards)),
		quar:   moments.NewStripes[Time](shelf.CeilPow2(cfg.QuarantineStripes)),
		tables: map[string]*Table{},
	}
	c.start.Store(int64(cfg.Start))
	c.indexes.Store(&[]*index{})
	c.shelf = shelf.New[busy](shelf.Config{
		Memory: cfg.Memory, Shards: cfg.Shards, FixedHash: cfg.FixedHash, Observer: cfg.Observer,
		ByHash: !cfg.Rules.R51, // R51: a hash is no identity
	}, c.unlink)
	return c
}

// busy is the part of a slot that concerns reads and writes under way.
//
// Voiding and constraining flights takes no walk over them: a flight remembers gen and reads as they were when it
// began, and what has happened since is read off the difference.
type busy struct {
	flights int
	open    *Flight // the flight that a reader may join, if any
	gen     uint64  // moves when every flight now under way becomes unfit to be stored (R1)

	reads   uint64   // backend reads completed (R7)
	runFrom uint64   // first of the latest run of equal answers
	run     identity // the answer of that run

	fences  int  // own writes under way
	overlap bool // two of them met (R11)
	dirty   bool // a backend read of the key met one of them (R13)

	pending  int    // commits announced and not settled (authoritative)
	crossed  bool   // two of them met
	wanted   bool   // there was an entry or a flight at Pending
	pendedAt uint64 // the table's epoch at Pending
}

// identity tells images apart: absence is a value like any other (R9).
type identity struct {
	sum    [16]byte
	absent bool
}

// identify returns the image's identity.
func identify(m *Image) identity { return identity{m.Sum, m.Absent} }

// lock locks the shard of a key, and returns it and the key's hash.
func (c *Core) lock(in *shelf.Space, key []byte) (*shard, uint64) {
	h := c.shelf.Hash(in, key)
	sh := c.shelf.Shard(h)
	sh.Mu.Lock()
	return sh, h
}

// unlock ends lock: s, which may be nil, is looked at no more. No other lock is held.
func (c *Core) unlock(sh *shard, s *slot) {
	tidy(sh, s)
	sh.Mu.Unlock()
	c.shelf.Drain(sh)
}

// tidy drops what of s, which may be nil, holds nothing any more. The shard is locked.
func tidy(sh *shard, s *slot) {
	if s == nil {
		return
	}
	if b := s.Busy; b != nil && b.flights == 0 && b.fences == 0 && b.pending == 0 {
		s.Busy = nil
	}
	sh.Tidy(s)
}

// void makes every flight now under way on s unfit to be stored (R1) and to be joined (R3).
func (c *Core) void(s *slot) {
	if s.Busy == nil {
		return
	}
	if c.rules.R1 { // R1
		s.Busy.gen++
	}
	if c.rules.R3 { // R3
		s.Busy.open = nil
	}
}
