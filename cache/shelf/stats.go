package shelf

import "sync/atomic"

// Stats is what a shelf holds, and what readers got.
type Stats struct {
	Hits, Misses, Joins, Stores uint64 // since New

	Bytes   int64 // memory of all entries, see Observer.Added
	Entries int   // items, negative entries and pages
	Slots   int   // keys that have an entry or are busy
}

// Stats counts what is there, and calls busy for what is under way. It walks everything, a shard at a time, so it is for tests.
func (x *Shelf[B, P]) Stats(busy func(*B)) Stats {
	st := Stats{Bytes: x.Bytes()}
	for i := range x.shards {
		sh := &x.shards[i]
		st.Hits += sh.Hits.Load()
		st.Misses += sh.Misses.Load()
		st.Joins += sh.Joins.Load()
		st.Stores += sh.Stores.Load()
		sh.Mu.RLock()
		for _, s := range sh.slots {
			for ; s != nil; s = s.next {
				if s.Entry.standing() {
					st.Entries++
				}
				if s.Entry == nil || s.Entry.standing() { // what rests is counted below
					st.Slots++
				}
				if s.Busy != nil {
					busy(s.Busy)
				}
			}
		}
		st.Slots += sh.rest.index.Len()
		st.Entries += sh.rest.index.Len()
		sh.Mu.RUnlock()
	}
	return st
}

// holding counts entries of one kind.
type holding struct {
	bytes, entries atomic.Int64
	_              [48]byte
}

// holding is where the entry of s is counted.
func (x *Shelf[B, P]) holding(s *Slot[B, P]) *holding {
	if s.space.pages {
		return &x.held[1]
	}
	return &x.held[0]
}

// Reason says why an entry left for good.
type Reason uint8

// The reasons.
const (
	// Capacity: the eviction policy gave it up.
	Capacity Reason = iota
	// Shedding: the policy fell behind.
	Shedding
	// Expired: its time to live was over when somebody asked for it.
	Expired
	// Invalidated: it was, or may have been, out of date.
	Invalidated
	// Purged: somebody asked for it.
	Purged
	numReasons
)

// reasonNames are the words for reasons.
var reasonNames = [numReasons]string{"capacity", "shed", "expired", "invalidated", "purged"}

// String is the word for r.
func (r Reason) String() string { return reasonNames[r] }

// departure counts entries that left for one reason.
type departure struct{ entries, bytes atomic.Uint64 }

// EachDeparture calls fn with what has left since New, for every reason.
func (x *Shelf[B, P]) EachDeparture(fn func(r Reason, entries, bytes uint64)) {
	for r := range numReasons {
		fn(r, x.left[r].entries.Load(), x.left[r].bytes.Load())
	}
}

// Items returns the number and memory of entries that are items, or their absence.
func (x *Shelf[B, P]) Items() (entries, bytes int64) {
	return x.held[0].entries.Load(), x.held[0].bytes.Load()
}

// Pages is Items for pages.
func (x *Shelf[B, P]) Pages() (entries, bytes int64) {
	return x.held[1].entries.Load(), x.held[1].bytes.Load()
}

// Bytes returns the memory of all entries, cheaply.
func (x *Shelf[B, P]) Bytes() int64 { return x.held[0].bytes.Load() + x.held[1].bytes.Load() }

// Entries returns the number of entries, cheaply.
func (x *Shelf[B, P]) Entries() int64 { return x.held[0].entries.Load() + x.held[1].entries.Load() }

// Held is the memory of all that is cached as it is held: what is mapped, garbage included, the indexes, and large pages.
func (x *Shelf[B, P]) Held() int64 {
	return x.pool.Held() + x.indexed.Load() + x.standing.Load()
}

// Mapped is the part of Held that is outside the garbage collector's heap.
func (x *Shelf[B, P]) Mapped() int64 { return x.pool.Mapped() }

// Reserve is what may be held beyond Bytes however little is cached.
func (x *Shelf[B, P]) Reserve() int64 { return x.pool.Reserve(len(x.shards)) }
