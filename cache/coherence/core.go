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
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache/slab"
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

// Core is the table of truth behind a cache. The zero value is not usable; see New.
//
// Lock order: node shard, then slot shard. Table.mu and the policy mutexes are leaves and roots of their own: nothing is
// locked under Table.mu, and a policy mutex is only ever taken with no other lock held.
type Core struct {
	cfg    Config
	rules  Rules
	seed   maphash.Seed
	shards []shard
	nodes  []nodeShard
	quar   quarantine
	pool   *slab.Pool // of the shards' arenas
	held   [2]holding // items, pages
	left   [numReasons]departure
	shed   atomic.Uint64

	indexed atomic.Int64 // memory of the shards' indexes

	mu     sync.RWMutex
	tables map[string]*Table
	byID   atomic.Pointer[[]*Table] // a longer one each time
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
	if cfg.Tq == 0 {
		cfg.Tq = 2 * time.Second
	}
	if cfg.Tamb == 0 {
		cfg.Tamb = 30 * time.Second
	}
	if cfg.Rules == (Rules{}) {
		cfg.Rules = AllRules()
	}
	n := ceilPow2(cfg.Shards)
	c := &Core{
		cfg: cfg, rules: cfg.Rules, seed: maphash.MakeSeed(),
		shards: make([]shard, n), nodes: make([]nodeShard, n),
		quar:   quarantine{stripes: make([]atomic.Int64, ceilPow2(cfg.QuarantineStripes))},
		pool:   slab.NewPool(cfg.Memory, n),
		tables: map[string]*Table{},
	}
	c.byID.Store(&[]*Table{})
	for i := range c.shards {
		c.shards[i].rest.arena.Pool = c.pool
		c.shards[i].slots = map[uint64]*slot{}
		c.nodes[i].nodes = map[place]*node{}
		c.nodes[i].dice = uint64(i)*0x9e3779b97f4a7c15 + 1
	}
	return c
}

// ceilPow2 returns the least power of two not below n.
func ceilPow2(n int) int { return 1 << bits.Len(uint(n-1)) }

// hash places key, told apart by salt (a table's items, its pages, an index's partitions). Equal hashes mean nothing
// more than a shared place: identity is always the full key (R51).
func (c *Core) hash(salt uint64, key []byte) uint64 {
	if c.cfg.FixedHash == 0 {
		return maphash.Bytes(c.seed, key) ^ salt
	}
	return (fnv(key) ^ salt) & (1<<c.cfg.FixedHash - 1)
}

// saltOf derives the salt of a named space.
func (c *Core) saltOf(name string) uint64 {
	if c.cfg.FixedHash == 0 {
		return maphash.String(c.seed, name)
	}
	return fnv([]byte(name))
}

// fnv is FNV-1a folded once, the hash that repeats across processes (http://www.isthe.com/chongo/tech/comp/fnv/).
func fnv(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, x := range b {
		h = (h ^ uint64(x)) * 1099511628211
	}
	return h ^ h>>32
}

// shard is one lock and the slots under it. The policy part lets the Observer hear of changes in order; see memory.go.
type shard struct {
	mu sync.RWMutex

	slots map[uint64]*slot // pages, and items that are busy
	rest  atRest           // all entries of items
	amb   map[uint64]Time  // R17: hash → end of its ambiguity window
	queue []change

	queued atomic.Bool
	policy sync.Mutex
	hits   atomic.Uint64
	misses atomic.Uint64
	joins  atomic.Uint64
	stores atomic.Uint64
	_      [40]byte
}

// slot is the place of one item or page. That of a page exists while it has an entry or is busy, that of an item while it is
// busy, and no longer.
type slot struct {
	next  *slot // of the same 64-bit hash
	table *Table
	key   string
	hash  uint64
	entry *entry
	busy  *busy
	page  bool
}

// entry is a cached image and what its truth hangs on.
type entry struct {
	img     Image
	validAt Time // when the validating read was sent (less Tq if eventual), or the own write begun
	epoch   uint64
	blob    slab.Handle // of an item; img.Bytes is then part of it, and moves with it
	page    *pageEntry  // nil for an item
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

// Image is what is cached of an item or page.
type Image struct {
	// Bytes are served as they are. Those of a page are the core's once stored; an item's are copied.
	Bytes []byte
	// Sum is the identity of the value: equal sums are taken for equal images, so it must be a digest.
	Sum [16]byte
	// Absent marks a negative entry: the item is known not to exist.
	Absent bool
	// Transient forbids storing it; it still counts as an answer given out.
	Transient bool
	// Meta travels along.
	Meta Meta
}

// Meta is what a hit must know beside the bytes.
type Meta struct {
	Size int64 // in DynamoDB's bytes, for capacity
	A, B int64 // the caller's
}

// identity tells images apart: absence is a value like any other (R9).
type identity struct {
	sum    [16]byte
	absent bool
}

// identity returns the image's identity.
func (m *Image) identity() identity { return identity{m.Sum, m.Absent} }

// shard returns the shard of hash h.
func (c *Core) shard(h uint64) *shard { return &c.shards[h&uint64(len(c.shards)-1)] }

// linked returns the slot of key or nil. The shard is locked, for reading at least.
func (c *Core) linked(sh *shard, h uint64, t *Table, page bool, key []byte) *slot {
	for s := sh.slots[h]; s != nil; s = s.next {
		if s.table == t && s.page == page && (s.key == string(key) || !c.rules.R51) { // R51, see view
			return s
		}
	}
	return nil
}

// find returns the slot of key, or one made to look at an item at rest, or nil. What is not linked is only good until
// another entry of the shard is removed. The shard is locked.
func (c *Core) find(sh *shard, h uint64, t *Table, page bool, key []byte) *slot {
	s := c.linked(sh, h, t, page, key)
	if s == nil && !page {
		s = c.rested(sh, h, t, key)
	}
	return s
}

// demand returns the slot of key, made if need be and busy either way. The shard is locked; call tidy when done.
func (c *Core) demand(sh *shard, h uint64, t *Table, page bool, key []byte) *slot {
	s := c.linked(sh, h, t, page, key)
	if s == nil {
		if !page {
			s = c.rested(sh, h, t, key)
		}
		if s == nil {
			s = &slot{table: t, hash: h, page: page}
		}
		s.key, s.next = string(key), sh.slots[h]
		sh.slots[h] = s
	}
	if s.busy == nil {
		s.busy = &busy{}
	}
	return s
}

// tidy drops what of s holds nothing any more: an item's entry is at rest without it. The shard is locked.
func (sh *shard) tidy(s *slot) {
	if b := s.busy; b != nil && b.flights == 0 && b.fences == 0 && b.pending == 0 {
		s.busy = nil
	}
	if s.busy != nil || s.page && s.entry != nil {
		return
	}
	head := sh.slots[s.hash]
	if head == s {
		if s.next == nil {
			delete(sh.slots, s.hash)
		} else {
			sh.slots[s.hash] = s.next
		}
		return
	}
	for x := head; x != nil; x = x.next {
		if x.next == s {
			x.next = s.next
			return
		}
	}
}

// void makes every flight now under way on s unfit to be stored (R1) and to be joined (R3).
func (c *Core) void(s *slot) {
	if s.busy == nil {
		return
	}
	if c.rules.R1 {
		s.busy.gen++
	}
	if c.rules.R3 {
		s.busy.open = nil
	}
}
