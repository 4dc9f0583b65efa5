package metrics

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// slowKept is how many slow requests are kept.
const slowKept = 128

// defaultSlow is the time from which a request counts as slow when nobody says otherwise.
const defaultSlow = 100 * time.Millisecond

// SlowRequest is a request that took long. It holds nothing of an item and no key.
type SlowRequest struct {
	At                                    time.Time
	Operation, Table, Result, Class, Code string
	Took                                  time.Duration
	RequestID, TraceID                    string
	// Key is the hash of the key that it was about, 0 if there was none or several.
	Key uint64
}

// SlowRequests keeps the latest requests that took long.
type SlowRequests struct {
	threshold atomic.Int64
	seen      atomic.Uint64

	mu sync.Mutex

	ring [slowKept]SlowRequest
	next int
}

// init sets the default.
func (s *SlowRequests) init() { s.threshold.Store(int64(defaultSlow)) }

// Configure sets the time from which a request counts as slow; 0 is never.
func (s *SlowRequests) Configure(threshold time.Duration) { s.threshold.Store(int64(threshold)) }

// Is reports whether a request that took so long is to be added.
func (s *SlowRequests) Is(took time.Duration) bool {
	t := s.threshold.Load()
	return int64(took) >= t && t > 0
}

// Add keeps r in place of the oldest.
func (s *SlowRequests) Add(r SlowRequest) {
	s.seen.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring[s.next%slowKept] = r
	s.next++
}

// Latest are those that are kept, the latest first.
func (s *SlowRequests) Latest() []SlowRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(s.next, slowKept)
	out := make([]SlowRequest, 0, n)
	for i := s.next - n; i < s.next; i++ {
		out = append(out, s.ring[i%slowKept])
	}
	slices.Reverse(out)
	return out
}
