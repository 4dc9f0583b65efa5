package aws

import (
	"sync"
	"time"
)

// The breaker opens after breakAfter requests in a row got no answer, and lets one through to try again after a time
// that begins at breakFirst and doubles up to breakMost.
const (
	breakAfter = 5
	breakFirst = 250 * time.Millisecond
	breakMost  = 5 * time.Second
)

// breaker keeps callers from waiting for an upstream that does not answer. Any answer, an error's too, is a sign of life.
type breaker struct {
	clock  func() time.Time
	random func() float64

	mu sync.Mutex

	heard    time.Time // when it was last known whether upstream answers
	failures int       // in a row
	since    time.Time // of the first of them
	open     bool
	probing  bool // one request is finding out whether upstream is back
	wait     time.Duration
	until    time.Time // when the next one may try
}

// allow reports whether a request may be sent. After true call answered, failed or unknown once.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true
	}
	if b.probing || b.clock().Before(b.until) {
		return false
	}
	b.probing = true
	return true
}

// answered tells that upstream is there.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard, b.failures, b.open, b.probing, b.wait = b.clock(), 0, false, false, 0
}

// unknown ends a request that says nothing about upstream.
func (b *breaker) unknown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// failed tells that upstream did not answer. It reports true when that has just opened the breaker.
func (b *breaker) failed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	b.heard = now
	if b.failures++; b.failures == 1 {
		b.since = now
	}
	b.probing = false
	opened := !b.open && b.failures >= breakAfter
	if opened || b.open && !now.Before(b.until) {
		b.open = true
		b.wait = min(max(2*b.wait, breakFirst), breakMost)
		// Half of it is drawn, so that many nodes do not come back at once.
		b.until = now.Add(b.wait/2 + time.Duration(b.random()*float64(b.wait/2)))
	}
	return opened
}

// silent reports whether nothing was heard of upstream for d, neither good nor bad.
func (b *breaker) silent(d time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock().Sub(b.heard) >= d
}

// down tells since when upstream has not answered; the zero time when it does or nobody has asked.
func (b *breaker) down() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return time.Time{}
	}
	return b.since
}
