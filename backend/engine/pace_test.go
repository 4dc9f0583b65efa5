package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackgroundWorkRestsWhileClientsAreServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{done: make(chan struct{})}
		p := e.newPace()
		step := func(works time.Duration, clients uint64) time.Duration {
			t.Helper()
			<-time.After(works)
			e.served.Add(clients)
			began := time.Now()
			if err := p.rest(t.Context()); err != nil {
				t.Errorf("rest: %v", err)
			}
			return time.Since(began)
		}
		for _, s := range []struct {
			works   time.Duration
			clients uint64
			want    time.Duration
		}{
			{3 * time.Millisecond, 0, 0},
			{3 * time.Millisecond, 1, 3 * time.Millisecond},
			// The rest before is no part of the work.
			{5 * time.Millisecond, 7, 5 * time.Millisecond},
			{time.Second, 1, longestRest},
			{3 * time.Millisecond, 0, 0},
		} {
			if got := step(s.works, s.clients); got != s.want {
				t.Errorf("after %v of work beside %d requests it rested %v, want %v", s.works, s.clients, got, s.want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.rest(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("rest after the end = %v, want %v", err, context.Canceled)
		}
		e.served.Add(1)
		<-time.After(time.Millisecond)
		close(e.done)
		if err := p.rest(t.Context()); !errors.Is(err, errClosed) {
			t.Errorf("rest of a closed engine = %v, want %v", err, errClosed)
		}
	})
}
