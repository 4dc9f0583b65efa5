package aws

import (
	"sync"
	"time"
)

// The breaker opens after breakAfter requests in a row got no answer, or when requests wait for one and a look whether anybody
// is there gets none either. It lets one through to try again after a time that begins at breakFirst and doubles up to breakMost.
const (
	breakAfter = 5
	breakFirst = 250 * time.Millisecond
	breakMost  = 5 * time.Second
	// firstLooks is how many looks are made at once to find out whether upstream answers any.
	firstLooks = 3
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
	until    time.Time     // when the next one may try
	waiting  int           // requests that are under way
	life     time.Time     // when upstream answered last
	begun    time.Time     // when the last look began
	asking   int           // looks that have neither been answered nor called vain
	looked   time.Time     // when a look was last answered
	watched  bool          // somebody looks whether upstream is back
	looks    bool          // and has been answered before, so that no request has to find out
	vain     int           // looks that were not answered before one was
	took     time.Duration // how long looks that are answered take, at most, lately
}

// allow reports whether a request may be sent. After true call answered, failed or unknown once.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		if b.watched && b.looks || b.probing || b.clock().Before(b.until) {
			return false
		}
		b.probing = true
	}
	b.waiting++
	return true
}

// answered tells that upstream is there.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting--
	b.close()
}

// close is a sign of life. The lock is held.
func (b *breaker) close() {
	b.heard, b.failures, b.open, b.probing, b.wait = b.clock(), 0, false, false, 0
	b.life = b.heard
}

// unknown ends a request that says nothing about upstream.
func (b *breaker) unknown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting--
	b.probing = false
}

// failed tells that upstream did not answer. It reports true when that has just opened the breaker.
func (b *breaker) failed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting--
	b.probing = false
	return b.count(breakAfter, b.clock())
}

// count counts a failure, and opens the breaker at the given one in a row. What is waited before the next one begins at from. The lock is held.
func (b *breaker) count(most int, from time.Time) (opened bool) {
	now := b.clock()
	b.heard = now
	if b.failures++; b.failures == 1 {
		b.since = now
	}
	opened = !b.open && b.failures >= most
	if opened || b.open && !now.Before(b.until) {
		b.open = true
		b.wait = min(max(2*b.wait, breakFirst), breakMost)
		// Half of it is drawn, so that many nodes do not come back at once.
		b.until = from.Add(b.wait/2 + time.Duration(b.random()*float64(b.wait/2)))
	}
	return opened
}

// watch tells whether somebody calls due, and seen or unseen, from now on.
func (b *breaker) watch(watched bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watched = watched
}

// due reports whether it is time to look whether upstream is there: nothing was heard of it, neither good nor bad, for longer
// than is usual between requests, or than requests that are under way should have to wait; or it was not there, and may be back. A look
// that is under way holds up the next one for shortestLook only: it may be lost, and upstream back.
func (b *breaker) due() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	since := now.Sub(b.begun)
	switch {
	case !b.looks && b.vain < firstLooks:
		return b.asking == 0 || since >= longestLook // to know whether they are answered at all, before it matters
	case b.asking > 0 && since < shortestLook:
		return false
	case b.waiting > 0 && now.Sub(b.life) >= patience:
		return since >= patience
	case b.open:
		return !now.Before(b.until)
	case b.looks && since >= often:
		return true
	case b.waiting > 0:
		return false
	default:
		return now.Sub(b.heard) >= silence
	}
}

// ask begins a look. It tells how long that has before it is called vain: a little while where upstream is known to answer sooner, and longer where
// nothing is known of it. Who answers later is there all the same: upstream has become slow, and later looks have the time that it takes.
func (b *breaker) ask() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun = b.clock()
	b.asking++
	if !b.looks && b.life.IsZero() {
		return longestLook
	}
	return min(max(shortestLook, 3*b.took), longestLook)
}

// asked tells that a look was answered, has failed, or has had its time.
func (b *breaker) asked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asking--
}

// seen tells that upstream answered a look, and how long that took. While requests wait for it that says nothing of them: who answers may be something on the
// way, so those that fail still count.
func (b *breaker) seen(took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == 0 || b.open {
		b.close()
	}
	b.heard, b.looks = b.clock(), true
	b.looked = b.heard
	b.took = max(took, b.took/2) // there is a look often, so that one that took long counts for half a minute at most
}

// unseen tells that upstream did not answer a look that began at a time. It reports true when that has just opened the breaker,
// as it does at once if requests wait for an answer and none has come since then; unless it is one that answers requests and
// never a look.
func (b *breaker) unseen(began time.Time) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.vain++
	most := breakAfter
	switch {
	case b.life.After(began) || b.looked.After(began):
		return false
	case b.waiting > 0 && (b.looks || b.life.IsZero()):
		most = 1
	}
	return b.count(most, began) // the time that the look had is a part of what is waited before the next one
}

// mute reports whether the breaker is open while requests wait for an answer.
func (b *breaker) mute() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open && b.waiting > 0
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
