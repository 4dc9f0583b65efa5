package awsjson

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// How long and how much is read and thrown away from a client whose request was refused before its end, so that
// closing does not reset the connection under a reply the client has yet to read (RFC 9112 §9.6).
const (
	lingerTime  = 5 * time.Second
	lingerBytes = 128 << 20
)

// lastLook is how long an idle connection is still listened to when the front closes it: a request that was
// already on its way is then answered instead of being met by a reset.
const lastLook = 25 * time.Millisecond

// Accepting ends when nobody comes for lastWait, or when lastAccepts have come, so that clients who keep connecting cannot put it off. No more than
// these wait at a time (net.core.somaxconn is 4096), and no clock decides on them: a process that stands still for a while takes them all the same.
const (
	lastWait    = 25 * time.Millisecond
	lastAccepts = 4096
)

// wantsTLS answers a client that speaks plain HTTP where TLS is spoken.
const wantsTLS = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks TLS; use https in the endpoint.\n"

// listener hands fasthttp connections that know whether they are between requests, and keeps count of them.
// fasthttp's own Shutdown closes whatever it believes to be idle, a connection with an unread request included.
type listener struct {
	net.Listener
	// tls, unless nil, is what connections speak TLS with.
	tls *tls.Config

	// draining is set once, before the connections are woken.
	draining atomic.Bool
	// late is how many were accepted since. It is Accept's.
	late int

	mu    sync.Mutex
	conns map[*conn]struct{}
	// empty is closed when the last connection has gone after draining began.
	empty chan struct{}
	// accepted is how many there ever were.
	accepted atomic.Uint64
	// most is how many connections are served; the ones after it are told to go.
	most int
	// server, unless nil, answers plain requests itself.
	server *Server
	// loops look after connections between requests.
	loops *loops
}

// spareConnections is how many clients past Config.MaxConnections still get a proper refusal. Those after them are
// fasthttp's to refuse, in its own words.
const spareConnections = 256

// newListener wraps a TCP listener, most of whose connections at a time are served.
func newListener(l net.Listener, most int) *listener {
	return &listener{Listener: l, conns: make(map[*conn]struct{}), empty: make(chan struct{}), most: most, loops: &loops{}}
}

// Accept returns io.EOF once draining has begun and nobody waits to be accepted, which ends fasthttp's Serve
// without an error.
func (l *listener) Accept() (net.Conn, error) {
	for l.late < lastAccepts {
		c, err := l.Listener.Accept()
		if err != nil {
			if l.draining.Load() {
				// A client whose handshake is done counts itself connected: take
				// all of those before the socket goes.
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					return nil, io.EOF
				}
				if tl, ok := l.Listener.(*net.TCPListener); ok && tl.SetDeadline(time.Now().Add(lastWait)) == nil {
					if c, err = tl.Accept(); err == nil {
						l.late++
						return l.track(c), nil
					}
				}
				return nil, io.EOF
			}
			if isTemporary(err) {
				// Out of file descriptors: connections that end free some.
				time.Sleep(10 * time.Millisecond)
				continue
			}
			return nil, err
		}
		if l.draining.Load() {
			l.late++
		}
		if t := l.track(c); !l.loops.take(t) {
			return t, nil
		}
	}
	return nil, io.EOF
}

// isTemporary reports whether accepting may work again after err.
func isTemporary(err error) bool {
	ne, ok := errors.AsType[*net.OpError](err)
	return ok && ne.Temporary() //nolint:staticcheck // deprecated for its vagueness; for accept it means EMFILE, ECONNABORTED and the like
}

// track makes the connection known to drain.
func (l *listener) track(nc net.Conn) *conn {
	if l.tls != nil {
		// The handshake is made by the first Read, under that one's deadline.
		nc = tls.Server(nc, l.tls)
	}
	c := &conn{Conn: nc, l: l}
	c.attach()
	l.accepted.Add(1)
	l.mu.Lock()
	l.conns[c] = struct{}{}
	c.refused = len(l.conns) > l.most
	l.mu.Unlock()
	return c
}

// forget is called once for every tracked connection.
func (l *listener) forget(c *conn) {
	l.mu.Lock()
	delete(l.conns, c)
	if l.draining.Load() && len(l.conns) == 0 {
		l.closeEmpty()
	}
	l.mu.Unlock()
}

// closeEmpty closes empty once; l.mu is held.
func (l *listener) closeEmpty() {
	select {
	case <-l.empty:
	default:
		close(l.empty)
	}
}

// stopAccepting makes Accept take who already waits and then return io.EOF.
func (l *listener) stopAccepting() {
	l.draining.Store(true)
	if tl, ok := l.Listener.(*net.TCPListener); ok {
		if tl.SetDeadline(time.Now()) == nil {
			return
		}
	}
	_ = l.Close()
}

// wake lets every connection between requests notice the drain. Call it when Accept has returned io.EOF; the
// channel it returns is closed when no connection is left.
func (l *listener) wake() <-chan struct{} {
	defer l.loops.sweep() // after deadlines were set, which those swept set anew
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		// Read sees the time-out, and tells a connection with a request under way from one without.
		_ = c.Conn.SetReadDeadline(time.Now())
	}
	if len(l.conns) == 0 {
		l.closeEmpty()
	}
	return l.empty
}

// abort closes what is left, whatever it is doing.
func (l *listener) abort() {
	l.mu.Lock()
	left := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		left = append(left, c)
	}
	l.mu.Unlock()
	for _, c := range left {
		_ = c.Conn.Close()
	}
}

// conn is one client's connection. Read, SetReadDeadline and the flags without a lock belong to the goroutine
// that serves it.
type conn struct {
	net.Conn
	l *listener

	// active is true from the first byte of a request to the last of its reply.
	active atomic.Bool
	// deadline is what fasthttp last asked for; a drain's wake-up overrides it at the socket.
	deadline time.Time
	looked   bool
	// refused is a connection too many: its first request is answered with 503. It is set before anybody serves it.
	refused bool
	// writeBy is the socket's write deadline.
	writeBy time.Time
	// plain is true once a request was answered that fasthttp has not seen.
	plain bool
	// now is when the last of those was answered.
	now time.Time
	// wait, unless nil, lets another goroutine serve the connections that this one serves too.
	wait func()
	// rest is what a loop has read of a request that fasthttp is to serve, and by, unless zero, until when all of it has to come.
	rest []byte
	by   time.Time
	socket
	// linger makes Close read the rest of a refused request.
	linger bool
	once   sync.Once
}

// SetReadDeadline remembers t so that a wake-up can be told from a real time-out. Interleaving with wake:
// (1) draining is stored, (2) wake sets the socket's deadline. If we set ours after (2), we see draining and
// shorten it again; if before, (2) overrides it.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadline = t
	err := c.Conn.SetReadDeadline(t)
	if err == nil && c.l.draining.Load() && !c.active.Load() {
		c.looked = true
		err = c.Conn.SetReadDeadline(time.Now().Add(lastLook))
	}
	return err
}

// Read ends a connection without a request under way by io.EOF, so that nothing is written to a client that
// asked for nothing, both when it was silent for too long and when the front drains.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		if c.rest = c.rest[n:]; !c.by.IsZero() {
			return n, c.SetReadDeadline(c.by)
		}
		return n, nil
	}
	for {
		n, err := c.receive(p)
		if n > 0 && err == nil && !c.active.Load() && !c.refused && c.l.server != nil {
			// fasthttp waits for a new request, so it holds nothing that was sent before.
			if n, err = c.serve(p, n); n == 0 && err == nil {
				if err = c.allowRead(c.now, c.l.server.config.IdleTimeout.Of()); err == nil {
					continue
				}
			}
			return n, err
		}
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil {
			// Nothing has been encrypted yet, so that the client can be told in its own words.
			_, _ = io.WriteString(plain.Conn, wantsTLS)
			return 0, io.EOF
		}
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if c.active.Load() {
			// Woken in the middle of a request: it has the time it always had.
			if c.l.draining.Load() && (c.deadline.IsZero() || time.Now().Before(c.deadline)) {
				if err := c.Conn.SetReadDeadline(c.deadline); err != nil {
					return 0, err
				}
				continue
			}
			return n, err
		}
		if c.l.draining.Load() && !c.looked {
			// Go refuses to read at all once a deadline has passed, so what the
			// kernel already holds is only seen under a new one.
			c.looked = true
			if err := c.Conn.SetReadDeadline(time.Now().Add(lastLook)); err != nil {
				return 0, err
			}
			continue
		}
		return 0, io.EOF
	}
}

// serve answers the plain requests that begin with the n bytes in p. What is left is fasthttp's: 0 bytes if nothing is.
func (c *conn) serve(p []byte, n int) (int, error) {
	s, waited := c.l.server, false
	for {
		switch s.direct(c, p[:n], len(p)) {
		case answered:
			c.plain = true
			return 0, nil
		case ended:
			return 0, io.EOF
		case wantsMore:
			// Some clients send the body after the headers. All of it has the time that fasthttp would give it.
			if !waited {
				waited = true
				c.active.Store(true)
				if c.SetReadDeadline(time.Now().Add(s.config.HeaderTimeout.Of())) != nil {
					return n, nil //nolint:nilerr // fasthttp meets the same, and ends the connection
				}
			}
			m, err := c.receive(p[n:])
			if n += m; err != nil {
				return n, nil //nolint:nilerr // fasthttp, which gets what there is, meets it again
			}
		case leftAlone:
			if c.plain && !waited {
				// To fasthttp this is a new connection's first request, whose time began when it was opened.
				_ = c.SetReadDeadline(time.Now().Add(s.config.HeaderTimeout.Of()))
			}
			return n, nil
		}
	}
}

// allowRead lets the client be silent for d, to within an eighth.
func (c *conn) allowRead(now time.Time, d time.Duration) error {
	if c.deadline.Sub(now) < d-d/8 || c.deadline.Sub(now) > d {
		return c.SetReadDeadline(now.Add(d))
	}
	return nil
}

// allowWrite lets the client take d to read an answer, to within an eighth.
func (c *conn) allowWrite(now time.Time, d time.Duration) error {
	if c.writeBy.Sub(now) < d-d/8 {
		return c.SetWriteDeadline(now.Add(d))
	}
	return nil
}

// send writes an answer and behind it page, if there is one. What the socket does not take at once the client has d to read.
func (c *conn) send(out, page []byte, now time.Time, d time.Duration) error {
	n := c.push(out, page)
	if n == len(out)+len(page) {
		return nil
	}
	c.pause()
	err := c.allowWrite(now, d)
	if n < len(out) && err == nil {
		_, err = c.Conn.Write(out[n:])
		n = len(out)
	}
	if n -= len(out); n < len(page) && err == nil {
		_, err = c.Conn.Write(page[n:])
	}
	c.now = time.Now()
	return err
}

// pause is called before whoever serves the connection waits or is busy for long.
func (c *conn) pause() {
	if c.wait != nil {
		c.wait()
	}
}

// Write is fasthttp's.
func (c *conn) Write(b []byte) (int, error) {
	if n := c.push(b, nil); n < len(b) {
		m, err := c.Conn.Write(b[n:])
		return n + m, err
	}
	return len(b), nil
}

// SetWriteDeadline remembers t.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeBy = t
	return c.Conn.SetWriteDeadline(t)
}

// Close is fasthttp's: it waits for a client that is still sending a refused request.
func (c *conn) Close() error {
	if c.linger {
		c.linger = false
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil &&
			c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
	}
	err := c.Conn.Close()
	c.once.Do(func() { c.l.forget(c) })
	return err
}
