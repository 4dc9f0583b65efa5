package cache

import (
	"context"
	"sync"

	"millrace/cache/coherence"
)

// Answer is what a backend read of a flight brought.
type Answer struct {
	// Body is the image: the item's JSON, or a page's without ConsumedCapacity. Read only.
	Body []byte
	// Meta travels with the image.
	Meta coherence.Meta
	// Absent is true when there is no such item.
	Absent bool
	// Weak is true for what was read eventually where it would have been read strongly, and is not cached.
	Weak bool
	// Err is why there is no image.
	Err error
	// Alone tells those who joined to read for themselves: what went wrong concerns only the caller who led.
	Alone bool
	// RequestID is the backend's for the read, where it gave one.
	RequestID string
}

// Call is where those who joined a flight wait for its leader's backend read.
type Call struct {
	mu sync.Mutex

	ended  bool
	answer Answer
	id     string
	// done is closed at the end; it is made by the first who waits, for most flights are joined by nobody.
	done chan struct{}
}

// newCall is the core's hook for a new flight.
func newCall() any { return new(Call) }

// callOf is the call of a flight.
func callOf(f *coherence.Flight) *Call { return f.Call.(*Call) }

// Wait returns the answer, or ctx's error when that is done first; the read goes on then.
func (c *Call) Wait(ctx context.Context) (Answer, error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return c.answer, nil // which does not change any more
	}
	if c.done == nil {
		c.done = make(chan struct{})
	}
	done := c.done
	c.mu.Unlock()
	select {
	case <-done:
		return c.answer, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// finished reports whether finish was called, on the leader's own goroutine.
func (c *Call) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Identify tells the backend's request id of a flight's read, on the leader's own goroutine before the flight ends. Those who joined are
// given it too: it is the one under which the backend knows what they were answered with.
func Identify(f *coherence.Flight, id string) { callOf(f).id = id }

// finish gives everyone waiting the answer. It is called once.
func (c *Call) finish(a Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.RequestID = c.id
	c.answer, c.ended = a, true
	if c.done != nil {
		close(c.done)
	}
}
