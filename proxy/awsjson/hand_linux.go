//go:build amd64 || arm64

package awsjson

import (
	"bytes"
	"log/slog"
	"syscall"
	"time"
)

// mostIdleHands is how many goroutines wait for a loop at most. Each has some 30 KB, and those that are not needed go.
const mostIdleHands = 256

// hand is a goroutine that tends a loop, until a request that it serves has to wait; then another one does, and it
// comes back when the request is answered.
type hand struct {
	l *loop
	// in is where requests are read to. Requests borrow from it until they are answered.
	in []byte
	// tends is whether the loop is this hand's.
	tends bool
	// given gets a value with the loop, and is closed when the loop ends or has hands enough.
	given chan struct{}
	// waits is pass, made once.
	waits func()
}

// start makes a hand that tends the loop.
func (l *loop) start() {
	h := &hand{l: l, in: make([]byte, maxHeader), given: make(chan struct{}, 1)}
	h.waits = h.pass
	l.hands.Go(h.run)
}

// run is a hand's life.
func (h *hand) run() {
	for open := true; open; open = h.rest() {
		h.tends = true
		for h.tends {
			if h.l.at == h.l.n && !h.l.wait() {
				return
			}
			c, events := h.l.ready[h.l.at], h.l.events[h.l.at].Events
			h.l.ready[h.l.at] = nil
			h.l.at++
			if c != nil && c.claim() {
				h.serve(c, events&^syscall.EPOLLIN != 0)
			}
		}
	}
}

// pass gives the loop to another hand, if it is this one's.
func (h *hand) pass() {
	if !h.tends {
		return
	}
	h.tends = false
	l := h.l
	l.mu.Lock()
	n := len(l.idle) - 1
	if n < 0 {
		l.mu.Unlock()
		l.start()
		return
	}
	next := l.idle[n]
	l.idle[n], l.idle = nil, l.idle[:n]
	l.spare = min(l.spare, n)
	l.mu.Unlock()
	next.given <- struct{}{}
}

// rest waits to be given the loop; false ends the hand.
func (h *hand) rest() bool {
	l := h.l
	l.mu.Lock()
	if l.closed || len(l.idle) == mostIdleHands {
		l.mu.Unlock()
		return false
	}
	l.idle = append(l.idle, h)
	if l.clock == nil {
		l.wind() // the last connection went before
	}
	l.mu.Unlock()
	_, open := <-h.given
	return open
}

// claim makes the connection the caller's, or sees to it that who has it looks again.
func (c *conn) claim() bool {
	for !c.turn.CompareAndSwap(atRest, taken) {
		if c.turn.CompareAndSwap(taken, wanted) || c.turn.Load() == wanted {
			return false
		}
	}
	return true
}

// serve serves one request on a connection. hungUp says that the client has closed it, at least in one direction.
func (h *hand) serve(c *conn, hungUp bool) {
	c.wait = h.waits
	n, open := c.look(h.in)
	switch {
	case !open:
		h.end(c)
		return
	case n > 0:
		done := h.l.server.direct(c, h.in[:n], len(h.in))
		if done == wantsMore {
			h.pass()
			if m, err := c.serve(h.in, n); err != nil {
				done = ended
			} else if m > 0 {
				c.by = c.deadline // until when it had to be there
				h.l.part(c, h.in[:m])
				return
			} else {
				done = answered
			}
		}
		switch done {
		case leftAlone:
			h.l.part(c, h.in[:n])
			return
		case ended:
			h.end(c)
			return
		}
		c.plain = true
	}
	// The kernel tells again of what comes from now on. What came before, and may not have been read, it is asked for.
	more := n == len(h.in) || hungUp && n > 0
	if !c.turn.CompareAndSwap(taken, atRest) {
		more = true
		c.turn.Store(atRest)
	}
	if h.l.server.listener.draining.Load() && c.turn.CompareAndSwap(atRest, taken) {
		h.l.part(c, nil) // nobody else looks after it now
	} else if more {
		// Whoever has closed it meanwhile needs no telling.
		_ = h.l.watch(c, syscall.EPOLL_CTL_MOD)
	}
}

// end closes a connection.
func (h *hand) end(c *conn) {
	h.l.forget(c)
	_ = c.Close() // the client's end is as good
}

// part lets fasthttp serve a connection to its end, from the bytes on that were read. The caller owns it.
func (l *loop) part(c *conn, read []byte) {
	l.forget(c)
	_ = l.watch(c, syscall.EPOLL_CTL_DEL) // or it was closed
	c.wait, c.rest = nil, bytes.Clone(read)
	l.hands.Go(func() {
		if err := l.server.http.ServeConn(c); err != nil {
			l.server.log.Debug("fasthttp", slog.String("client", c.RemoteAddr().String()), slog.Any("error", err))
		}
	})
}

// look reads what there is, without waiting. open is false when there will be no more.
func (c *conn) look(in []byte) (n int, open bool) {
	c.in, c.n, c.errno = in, 0, 0
	err := c.raw.Control(c.glance)
	c.in = nil
	switch {
	case err != nil:
		return 0, false
	case c.errno == syscall.EAGAIN:
		return 0, true
	}
	return c.n, c.errno == 0 && c.n > 0
}

// glanced is the callback of look.
func (c *conn) glanced(fd uintptr) {
	for {
		n, errno := receiveNow(fd, c.in)
		if errno != syscall.EINTR {
			c.n, c.errno = n, errno
			return
		}
	}
}

// wind sets the clock for the next look at silent connections; l.mu is held.
func (l *loop) wind() {
	config := &l.server.config
	next := min(config.HeaderTimeout.Of(), config.IdleTimeout.Of()) / 8
	if l.clock == nil {
		l.clock = time.AfterFunc(next, l.tick)
		return
	}
	l.clock.Reset(next)
}

// tick closes connections that have been silent for too long, to within an eighth: those that have sent nothing yet have the time of
// a request's headers, others IdleTimeout. It also ends hands that were not needed.
func (l *loop) tick() {
	l.looking.Lock()
	defer l.looking.Unlock()
	now, config := time.Now(), &l.server.config
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	look := l.silent
	l.silent = nil
	all := now.Sub(l.swept) >= config.IdleTimeout.Of()/8
	if all {
		l.swept = now
		for range l.spare {
			close(l.idle[0].given)
			l.idle[0], l.idle = nil, l.idle[1:]
		}
		l.spare = len(l.idle)
	}
	if l.count.Load() > 0 || len(l.idle) > 0 {
		l.wind()
	} else {
		l.clock = nil // until there is a connection again, or a hand that comes back late
	}
	l.mu.Unlock()
	if all {
		look = l.all()
	}
	var silent []*conn
	for _, c := range look {
		if !c.turn.CompareAndSwap(atRest, taken) {
			continue
		}
		may := config.IdleTimeout.Of()
		if !c.plain {
			may = config.HeaderTimeout.Of()
		}
		if now.Sub(c.now) >= may-may/8 {
			l.forget(c)
			_ = c.Close()
			continue
		}
		if !c.plain {
			silent = append(silent, c)
		}
		if !c.turn.CompareAndSwap(taken, atRest) {
			c.turn.Store(atRest)
			_ = l.watch(c, syscall.EPOLL_CTL_MOD)
		}
	}
	l.mu.Lock()
	l.silent = append(l.silent, silent...)
	l.mu.Unlock()
}
