package invalidation

import (
	"context"
	"sync"
	"time"
)

// patience is the context of a write that was sent: it has the values of the client's own but not its end, and ends at a
// time. Unlike context.WithTimeout's it has no timer until somebody waits for it, which a write that finds its item
// unlocked never does.
type patience struct {
	context.Context
	at time.Time

	mu sync.Mutex
	// timed is made at the first Done, with what stops its timer.
	timed context.Context
	stop  context.CancelFunc
}

// newPatience makes the context of a write that may take so long. Call end.
func newPatience(ctx context.Context, timeout time.Duration) *patience {
	p := new(patience)
	p.begin(ctx, timeout)
	return p
}

// begin is newPatience in p, which is zero.
func (p *patience) begin(ctx context.Context, timeout time.Duration) {
	p.Context, p.at = context.WithoutCancel(ctx), time.Now().Add(timeout)
}

// end frees the timer, if there is one.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		p.stop()
	}
}

// Deadline is part of context.Context.
func (p *patience) Deadline() (time.Time, bool) { return p.at, true }

// Done is part of context.Context.
func (p *patience) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed == nil {
		p.timed, p.stop = context.WithDeadline(p.Context, p.at)
	}
	return p.timed.Done()
}

// Err is part of context.Context.
func (p *patience) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.timed != nil:
		return p.timed.Err()
	case !time.Now().Before(p.at):
		return context.DeadlineExceeded
	}
	return nil
}
