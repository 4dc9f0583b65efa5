package stack

import (
	"context"
	"time"
)

// draw is a number that the seed, the time and which determine, so that it stays when the script shrinks.
func (w *world) draw(which int) uint64 {
	h := w.sc.Seed*0x9e3779b97f4a7c15 + uint64(w.now())*0xbf58476d1ce4e5b9 + uint64(which)*0x94d049bb133111eb
	h ^= h >> 31
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

// one reports true once in n times.
func (w *world) one(which, n int) bool { return n > 0 && w.draw(which)%uint64(n) == 0 }

// span is a time up to most, to the nanosecond.
func (w *world) span(which int, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(w.draw(which) % uint64(most))
}

// latency is how long one way to the backend takes: a few milliseconds, now and then much more.
func (w *world) latency(which int) time.Duration {
	d := 500*time.Microsecond + w.span(which, 6*time.Millisecond)
	if w.one(which+1, 24) && !w.sc.Calm && !w.healed {
		d += w.span(which+2, 1200*time.Millisecond)
	}
	return d
}

// now is the virtual time since the run began.
func (w *world) now() time.Duration { return time.Since(w.began) }

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
