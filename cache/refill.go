package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache/coherence"
	"millrace/metrics"
)

// A table whose cache was dropped as a whole, because the place in its stream was lost, it was changed, an audit found it wrong or the process has
// just started, is cold: all of its readers miss at once, and each miss is read strongly, at twice the price of what its client sent. So
// strong fills of a cold table are kept within a budget. What is over is read as its client sent it, which is never stale and is not
// stored, unless a replica may lack what is known (coherence.Core.Weaken), a write above all; then it is read strongly all the same. A key
// that is asked for often has many chances at the budget, so what is hot is warm first.

const (
	// coldLeast is how long a table is cold at least; later it is warm as soon as its misses keep within the budget by themselves.
	coldLeast = 10 * time.Second
	// coldMore is how many seconds of the budget a table is cold for at most, beside one fill for each entry that was dropped.
	coldMore = 20
)

// refill is the budget of a table's strong fills while it is cold.
type refill struct {
	// warm is true while there is nothing to keep; epoch is the table's as it was when that was found out.
	warm  atomic.Bool
	epoch atomic.Uint64

	mu sync.Mutex

	since  coherence.Time // it is cold
	owed   int64          // fills until it is warm
	tokens float64        // fills that may be made now, a second's at most; below 0 if more had to be
	at     coherence.Time // when tokens was so
}

// newRefill is that of a table which has just been used for the first time.
func newRefill() *refill {
	r := &refill{}
	r.epoch.Store(^uint64(0))
	return r
}

// spend asks for a strong fill at now of a table with the given epoch; held is how many entries there are in all. It reports false
// if the budget of so many a second does not allow for it.
func (r *refill) spend(now coherence.Time, epoch uint64, rate int, held int64) bool {
	if r.warm.Load() && r.epoch.Load() == epoch {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	most := float64(rate)
	if r.epoch.Load() != epoch {
		r.warm.Store(false)
		r.epoch.Store(epoch)
		r.since, r.owed, r.tokens, r.at = now, held+coldMore*int64(rate), most, now
	}
	if r.over(now, most) {
		r.warm.Store(true)
		return true
	}
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	r.owed--
	return true
}

// over brings the budget up to now and reports whether the table is warm. The lock is held.
func (r *refill) over(now coherence.Time, most float64) bool {
	r.tokens = min(most, r.tokens+most*max(0, time.Duration(now-r.at)).Seconds())
	r.at = max(r.at, now)
	return r.owed <= 0 || r.tokens >= most && time.Duration(now-r.since) >= coldLeast
}

// cold reports whether a table with the given epoch is cold.
func (r *refill) cold(now coherence.Time, epoch uint64, rate int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch.Load() != epoch || !r.warm.Load() && !r.over(now, float64(rate))
}

// force enters a strong fill that had to be made beyond the budget.
func (r *refill) force(rate int) {
	r.mu.Lock()
	r.tokens = max(-float64(rate), r.tokens-1)
	r.owed--
	r.mu.Unlock()
}

// Batched is what the first miss of a batch was, for the batch is read strongly or not as a whole.
type Batched uint8

// The words for Batched.
const (
	// Unbatched: there was none, or it is no batch.
	Unbatched Batched = iota
	// BatchedStrong and BatchedWeak: it is read strongly, or as the client sent it.
	BatchedStrong
	BatchedWeak
)

// temper is asked of a flight that a reader leads who did not ask for a strong read. It makes it an eventual one that is not stored
// if the table is cold and its budget spent, where that may be. A batch may overdraw it, or it would never be full enough for one.
func (s *Store) temper(schema *Schema, f *coherence.Flight, batched Batched) {
	r := schema.refill
	if r == nil {
		return
	}
	rate := schema.Settings.RefillRate
	if batched != BatchedWeak && r.spend(s.clock(), schema.Table.Epoch(), rate, s.core.Entries()) {
		return
	}
	if batched == BatchedStrong || !s.core.Weaken(s.clock(), f) {
		r.force(rate)
		return
	}
	schema.Counters.Weakened(metrics.WeakCold)
}

// Cold reports whether the table's strong fills are kept within its budget, because its cache was dropped as a whole not long ago.
func (s *Store) Cold(schema *Schema) bool {
	return schema.refill != nil && schema.refill.cold(s.clock(), schema.Table.Epoch(), schema.Settings.RefillRate)
}
