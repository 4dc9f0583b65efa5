// Package policy says which entries of a cache are not worth their memory. It knows each by a hash and a cost in bytes, learns how
// often it is used, and names victims when they cost more together than they may.
//
// An entry's place in the order is how often it will be used, going by an aged count of its uses and by how long the last one is
// over, for each byte. Newcomers wait in a small window until they compete with the worst of a sample; those who lose are
// remembered with their count for a while, as what is asked for twice within days should be known to have been. Sampling
// takes the place of queues, so an entry costs 20 bytes and a use changes one word. (Sampled eviction: Psounis and Prabhakar,
// "A randomized web-cache replacement scheme", INFOCOM 2001. Admission by frequency, and the window: Einziger, Friedman and
// Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Trans. Storage 2017.)
//
// It promises that every entry it was told of and not told to be gone is held, or has been named as a victim once; that it
// has pointers to nothing; and that it never waits but for its own locks, which a use takes none of. It starts nothing.
package policy

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// How memory is divided.
const (
	// entriesPerShard and bytesPerShard are how much a shard has at least when all is in use: fewer make poor samples, and an entry
	// should not be most of a shard. maxShards bounds how many share the work.
	entriesPerShard = 256
	bytesPerShard   = 256 << 10
	maxShards       = 256
)

// Policy is an eviction policy. It is safe for concurrent use.
type Policy struct {
	seed   uint64
	shards []shard

	limit atomic.Int64
	total atomic.Int64 // cost of all entries
	own   atomic.Int64 // memory of all shards
	next  atomic.Uint32
	duel  duel

	mu      sync.Mutex
	victims []uint64
}

// New makes a policy for entries that may cost limit bytes in all, about entryBytes each.
func New(limit, entryBytes int64) *Policy {
	entries := limit / max(1, entryBytes)
	n := 1
	for n < maxShards && int64(2*n*entriesPerShard) <= entries && int64(2*n*bytesPerShard) <= limit {
		n *= 2
	}
	p := &Policy{seed: rand.Uint64(), shards: make([]shard, n)}
	for i := range p.shards {
		s := &p.shards[i]
		s.past = newHistory(1)
		s.dice, s.leads = rand.Uint64(), leadOf(i, n)
		s.table.Store((&table{seed: p.seed}).resized(minSlots))
		s.setPace()
		p.own.Add(s.bytes())
	}
	p.limit.Store(limit)
	return p
}

// shard is the shard of a mixed hash.
func (p *Policy) shard(mixed uint64) *shard {
	return &p.shards[mixed>>32&uint64(len(p.shards)-1)]
}

// Added hears that an entry was installed, which counts as a use of it, or changed its cost.
func (p *Policy) Added(hash uint64, cost int64) {
	mixed := mix(hash, p.seed)
	s := p.shard(mixed)
	s.mu.Lock()
	s.add(p, hash, mixed, uint32(min(max(1, cost), math.MaxUint32)))
	s.mu.Unlock()
	p.relieve(s)
}

// Removed hears that an entry is gone.
func (p *Policy) Removed(hash uint64) {
	mixed := mix(hash, p.seed)
	s := p.shard(mixed)
	s.mu.Lock()
	if i := s.table.Load().seek(hash, mixed); i >= 0 {
		s.remove(p, i)
	}
	s.mu.Unlock()
}

// Touched hears of a use. It takes no lock: uses that meet may count as one.
func (p *Policy) Touched(hash uint64) {
	mixed := mix(hash, p.seed)
	s := p.shard(mixed)
	dice := rand.Uint64()
	if dice>>32&(clockSample-1) == 0 {
		s.clock.Add(s.pace.Load() * clockSample)
	}
	t := s.table.Load()
	i := t.seek(hash, mixed)
	if i < 0 {
		return
	}
	word := &t.slots[i].meta
	old := meta(word.Load())
	if old&live == 0 {
		return // it left meanwhile
	}
	if m := old.touched(s.now(), uint32(dice)); m != old {
		word.CompareAndSwap(uint64(old), uint64(m))
	}
}

// Limit sets what all entries may cost.
func (p *Policy) Limit(bytes int64) {
	p.limit.Store(max(0, bytes))
	p.relieve(nil)
}

// Allowed is what all entries may cost.
func (p *Policy) Allowed() int64 { return p.limit.Load() }

// relieve names victims until the rest costs no more than it may: first of shard s, while it has more than its share, then of
// others that have, then of any.
func (p *Policy) relieve(s *shard) {
	for idle := 0; idle <= 2*len(p.shards) && p.total.Load() > p.limit.Load(); {
		if s == nil {
			s = &p.shards[int(p.next.Add(1))&(len(p.shards)-1)]
		}
		if s.trim(p, idle > len(p.shards)) {
			idle = 0
			continue
		}
		s = nil
		idle++
	}
}

// name makes hash a victim.
func (p *Policy) name(hash uint64) {
	p.mu.Lock()
	p.victims = append(p.victims, hash)
	p.mu.Unlock()
}

// Take returns the victims named since the last call.
func (p *Policy) Take() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.victims
	p.victims = nil
	return v
}

// Cost is what all entries cost together.
func (p *Policy) Cost() int64 { return p.total.Load() }

// Entries is how many there are.
func (p *Policy) Entries() (n int64) {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		n += int64(s.table.Load().count)
		s.mu.Unlock()
	}
	return n
}

// Held is the memory that the policy takes itself.
func (p *Policy) Held() int64 { return p.own.Load() }
