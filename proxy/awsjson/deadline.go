package awsjson

import (
	"context"
	"sync"
	"time"
)

// deadline is a request's context: it ends at a time or when the request has been answered. Unlike
// context.WithDeadline it makes its channel and timer only when somebody waits, which a cache hit never does.
type deadline struct {
	at time.Time
	// values, unless nil, has what the context carries: the span that is under way. A context that somebody may still
	// hold is not used again, so what it carries is never another request's.
	values context.Context

	mu    sync.Mutex
	done  chan struct{}
	timer *time.Timer
	err   error
}

// start readies a released or new deadline.
func (d *deadline) start(at time.Time) { d.at, d.values = at, nil }

// release ends the context. It reports whether d may be used again: not when somebody asked for its channel,
// because they may still hold it.
func (d *deadline) release() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		return true
	}
	d.timer.Stop()
	d.end(context.Canceled)
	return false
}

// end closes the channel once; d.mu is held.
func (d *deadline) end(err error) {
	if d.err == nil {
		d.err = err
		close(d.done)
	}
}

// Deadline is part of context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done is part of context.Context.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
		d.timer = time.AfterFunc(time.Until(d.at), func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.end(context.DeadlineExceeded)
		})
	}
	return d.done
}

// Err is part of context.Context.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil && d.done == nil && !time.Now().Before(d.at) {
		return context.DeadlineExceeded
	}
	return d.err
}

// Value is part of context.Context.
func (d *deadline) Value(key any) any {
	if d.values == nil {
		return nil
	}
	return d.values.Value(key)
}

// Patient is part of proxy.Patient: this front does not learn that a client has gone before it answers.
func (d *deadline) Patient() {}
