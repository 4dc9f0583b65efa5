package cache

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/dgraph-io/ristretto/v2"

	"millrace/cache/coherence"
)

// countersPerEntry sizes the frequency sketch, and with it for how long ristretto remembers: it halves all counts when
// as many uses were counted as it has counters. With two for each entry expected 0.51 of requests with a skew of 0.99 hit a
// cache of 1 % of the keys, with four 0.53, with eight 0.56, in the same memory, of which eight take a sixteenth to an eighth.
const countersPerEntry = 8

// policyEntryBytes is what ristretto takes for an entry beside its sketch: two maps. Measured as 120 to 155, by how full
// the maps are, which halves when they grow.
const policyEntryBytes = 150

// policy is admission and eviction: ristretto knows the hash and the cost of every entry of the core, counts its
// hits, and says which must go. It holds no values and decides nothing else. What it says may come late, twice,
// or for an entry that has been replaced since: entries are only ever removed on its word, which is always safe.
//
// Four of ristretto's ways would break even that much, and are kept out:
//   - A Set may be dropped when its buffer is full. Then the entry would be nobody's to evict, so it goes at once.
//   - A Set of a key that it already holds changes the cost but evicts nothing, and may be dropped without a word.
//     So a changed entry is deleted and set anew, and shouldUpdate keeps every Set on the path of new keys: after
//     a Del the value of an earlier Set may yet come back, and the next Set would pass for a change of it.
//   - Its callbacks run on the goroutine that empties the buffer; a Del from there can wait for itself. So they only
//     note the victim, and whoever installed something evicts (Store.relieve).
//   - Its buffer holds 32k Sets that cost nothing yet. So whoever finds the core above its budget waits for the
//     buffer to be worked off before going on.
type policy struct {
	cache *ristretto.Cache[uint64, struct{}]
	fixed int64 // memory of its sketch

	mu      sync.Mutex
	victims []uint64
}

var _ coherence.Observer = (*policy)(nil)

// newPolicy makes a policy for memory bytes of entries of about entryBytes each, its own part included.
func newPolicy(memory, entryBytes int64) (*policy, error) {
	counters := max(1024, countersPerEntry*memory/entryBytes)
	// Four rows of half a byte each and a filter of ten bits, all rounded up to a power of two.
	p := &policy{fixed: 4 << bits.Len64(uint64(counters-1))}
	note := func(item *ristretto.Item[struct{}]) { p.note(item.Key) }
	c, err := ristretto.NewCache(&ristretto.Config[uint64, struct{}]{
		NumCounters:        counters,
		MaxCost:            memory,
		BufferItems:        64, // ristretto's own advice
		IgnoreInternalCost: true,
		KeyToHash:          func(hash uint64) (uint64, uint64) { return hash, 0 },
		OnEvict:            note,
		OnReject:           note,
		ShouldUpdate:       func(_, _ struct{}) bool { return false },
	})
	if err != nil {
		return nil, fmt.Errorf("make eviction policy: %w", err)
	}
	p.cache = c
	return p, nil
}

// note keeps hash for the next relieve. It never blocks.
func (p *policy) note(hash uint64) {
	p.mu.Lock()
	p.victims = append(p.victims, hash)
	p.mu.Unlock()
}

// take returns the victims noted so far and forgets them.
func (p *policy) take() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.victims
	p.victims = nil
	return v
}

// Added hears that an entry was installed, or changed its cost.
func (p *policy) Added(hash uint64, cost int64) {
	p.cache.Get(hash) // a use: what misses again and again is worth keeping too, and ristretto counts in Get alone
	p.cache.Del(hash)
	if !p.cache.Set(hash, struct{}{}, cost+policyEntryBytes) {
		p.note(hash)
	}
}

// Removed hears that an entry is gone.
func (p *policy) Removed(hash uint64) { p.cache.Del(hash) }

// Touched hears of a hit.
func (p *policy) Touched(hash uint64) { p.cache.Get(hash) }

// limit tells for how much memory it has to keep entries, its own part of each included.
func (p *policy) limit(memory int64) { p.cache.UpdateMaxCost(max(1, memory)) }

// held is the memory that it takes for so many entries.
func (p *policy) held(entries int64) int64 { return p.fixed + entries*policyEntryBytes }

// settle waits until everything that was added and removed before is accounted for.
func (p *policy) settle() { p.cache.Wait() }

// close stops ristretto's goroutine.
func (p *policy) close() { p.cache.Close() }
