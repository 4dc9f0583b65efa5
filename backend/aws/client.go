package aws

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// idleConnection is how long an unused connection is kept; maxConnection is how long a used one, so that what Amazon's
// name servers say reaches busy nodes too.
const (
	idleConnection = time.Minute
	maxConnection  = 15 * time.Minute
)

// client sends requests to one address, over connections that it keeps. How many are under way at once is bounded by its
// endpoint's limiter. It never sends a request twice.
type client struct {
	// dial makes a connection until a time. Its errors are errDial.
	dial func(until time.Time) (*conn, error)

	mu sync.Mutex
	// idle are the connections that wait for a request; the one used last is last, and is taken first.
	idle []*conn
	// busy are those with a request under way.
	busy []*conn
	// closed is true when no connection is to be kept any more.
	closed bool
}

// errand is what a request is for: some are given up sooner than others.
type errand uint8

// The errands.
const (
	// change may change something.
	change errand = iota
	// read changes nothing, and may be made again.
	read
	// look asks whether anybody is there.
	look
)

// errUnsent marks an error as one of a request of which no byte was written.
var errUnsent = errors.New("the request was not sent")

// errGivenUp is the error of a request that giveUp has ended.
var errGivenUp = errors.New("nothing has come back for some time")

// do sends a request, head and body as they are, and reads its answer until a time. What is in a besides the body is
// valid until a is used again.
func (c *client) do(head, body []byte, until time.Time, what errand, a *answer) error {
	k := c.take(what)
	if k == nil {
		made, err := c.dial(until)
		if err != nil {
			return err
		}
		k = made
		c.mu.Lock()
		c.enter(k, what)
		c.mu.Unlock()
	}
	keep, err := k.exchange(head, body, until, a)
	if err != nil || !keep {
		if c.drop(k); k.givenUp && err != nil {
			return errGivenUp
		}
		return err
	}
	c.put(k)
	return nil
}

// take takes an idle connection, nil if there is none.
func (c *client) take(what errand) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle) - 1
	if n < 0 {
		return nil
	}
	k := c.idle[n]
	c.idle[n] = nil
	c.idle = c.idle[:n]
	c.enter(k, what)
	return k
}

// enter takes k among the busy, and leave takes it out, if it is there. The lock is held.
func (c *client) enter(k *conn, what errand) {
	c.busy = append(c.busy, k)
	k.place, k.since, k.errand = len(c.busy), time.Now(), what
}

// leave is described at enter.
func (c *client) leave(k *conn) {
	last := c.busy[len(c.busy)-1]
	c.busy[k.place-1], last.place = last, k.place
	c.busy[len(c.busy)-1] = nil
	c.busy = c.busy[:len(c.busy)-1]
	k.place = 0
}

// giveUp ends the requests that began before a time: reads before one, and what may change something before another.
func (c *client) giveUp(reads, changes time.Time) {
	c.end([...]time.Time{change: changes, read: reads, look: {}})
}

// endLooks ends the looks that are under way.
func (c *client) endLooks() { c.end([...]time.Time{change: {}, read: {}, look: time.Now()}) }

// end ends the requests of each errand that began before a time.
func (c *client) end(before [3]time.Time) {
	c.mu.Lock()
	var old []*conn
	for _, k := range c.busy {
		if k.since.Before(before[k.errand]) {
			k.givenUp = true
			old = append(old, k)
		}
	}
	c.mu.Unlock()
	for _, k := range old {
		_ = k.Close()
	}
}

// drop closes a connection whose request has ended.
func (c *client) drop(k *conn) {
	c.mu.Lock()
	c.leave(k)
	c.mu.Unlock()
	_ = k.Close()
}

// put keeps a connection for the next request, unless it has been used for long enough.
func (c *client) put(k *conn) {
	now := time.Now()
	if now.Sub(k.made) > maxConnection {
		c.drop(k)
		return
	}
	k.idleSince = now
	c.mu.Lock()
	c.leave(k)
	if c.closed || k.givenUp { // its answer came all the same
		c.mu.Unlock()
		_ = k.Close()
		return
	}
	c.idle = append(c.idle, k)
	old := now.Add(-idleConnection)
	waiting := c.idle[0].idleSince.Before(old)
	c.mu.Unlock()
	if waiting {
		c.sweep(old)
	}
}

// sweep closes the connections that nobody has used since a time.
func (c *client) sweep(since time.Time) {
	c.mu.Lock()
	n := 0
	for n < len(c.idle) && c.idle[n].idleSince.Before(since) {
		n++
	}
	old := slices.Clone(c.idle[:n])
	c.idle = slices.Delete(c.idle, 0, n)
	c.mu.Unlock()
	for _, k := range old {
		_ = k.Close()
	}
}

// closeIdle closes all connections without a request.
func (c *client) closeIdle() { c.sweep(time.Now().Add(time.Hour)) }

// close closes the connections without a request, and the others when theirs are answered.
func (c *client) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.closeIdle()
}

// sweep closes the connections of all endpoints that nobody has used since a time.
func (e *endpoints) sweep(since time.Time) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, one := range e.byURL {
		one.client.sweep(since)
	}
}
