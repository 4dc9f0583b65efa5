package engine

import (
	"context"
	"time"
)

// pace keeps work that nobody waits for from taking a machine of few cores away from those who wait: while clients are
// served it rests as long as it works. It is for one goroutine; nothing may be held while it rests.
type pace struct {
	engine *Engine
	// served is how many requests there had been after the step before.
	served uint64
	began  time.Time
}

// longestRest bounds one rest: what a step waited for, such as a lock, is no work that it did.
const longestRest = 20 * time.Millisecond

// newPace begins the first step.
func (e *Engine) newPace() *pace { return &pace{e, e.served.Load(), time.Now()} }

// A page of a scan is many times the work of a write, and some writes come while it is read. yieldBytes of it are read at a
// time, some tenths of a millisecond, and then, if others are being served, it gives up its thread for yieldTime: Go looks
// at the network when a thread has nothing to do, but otherwise every 10 ms, and on two cores a page and a compaction are
// enough to keep all threads busy.
const (
	yieldBytes = 64 << 10
	yieldTime  = 50 * time.Microsecond
)

// yield lets others run if there are any.
func (p *pace) yield() {
	if served := p.engine.served.Load(); served != p.served {
		p.served = served
		// Not a Gosched: that looks for goroutines, and not at the network.
		time.Sleep(yieldTime)
	}
}

// rest ends a step and returns when the next one may begin.
func (p *pace) rest(ctx context.Context) error {
	served := p.engine.served.Load()
	busy := served != p.served
	p.served = served
	took := min(time.Since(p.began), longestRest)
	defer func() { p.began = time.Now() }()
	if !busy {
		return ctx.Err()
	}
	t := time.NewTimer(took)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-p.engine.done:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
