package aws

import (
	"context"
	"time"

	"millrace/ddb"
)

// limiter bounds the requests that are upstream at once.
type limiter struct{ slots chan struct{} }

// newLimiter makes a limiter with n slots.
func newLimiter(n int) limiter { return limiter{make(chan struct{}, n)} }

// acquire takes a slot, waiting at most patience and no longer than ctx. Give it back with release.
func (l limiter) acquire(ctx context.Context, patience time.Duration) error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return &ddb.Error{Code: "ThrottlingException", NotSent: true,
			Message: "Rate of requests exceeds what millrace has under way at once; raise upstream.max_in_flight or slow down."}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives a slot back.
func (l limiter) release() { <-l.slots }
