package cache

import (
	"context"

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
	// Err is why there is no image.
	Err error
	// Alone tells those who joined to read for themselves: what went wrong concerns only the caller who led.
	Alone bool
}

// Call is where those who joined a flight wait for its leader's backend read.
type Call struct {
	done   chan struct{}
	answer Answer
}

// newCall is the core's hook for a new flight.
func newCall() any { return &Call{done: make(chan struct{})} }

// callOf is the call of a flight.
func callOf(f *coherence.Flight) *Call { return f.Call.(*Call) }

// Wait returns the answer, or ctx's error when that is done first; the read goes on then.
func (c *Call) Wait(ctx context.Context) (Answer, error) {
	select {
	case <-c.done:
		return c.answer, nil
	default:
	}
	select {
	case <-c.done:
		return c.answer, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// finished reports whether finish was called, on the leader's own goroutine.
func (c *Call) finished() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// finish gives everyone waiting the answer. It is called once.
func (c *Call) finish(a Answer) {
	c.answer = a
	close(c.done)
}
