package aws

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// errStale is the error of a request for which a pooled connection was taken that the upstream has closed meanwhile. Nothing
// was written.
var errStale = errors.New("the pooled connection was closed by upstream")

// conn is a connection upstream, for one request at a time. Before it writes a request it looks whether the other side has
// closed it: then the request was certainly not sent. Without this, every connection that upstream gave up while it was idle
// would make the outcome of one write unknown.
type conn struct {
	net.Conn
	// raw is the socket; nil for a connection that has none.
	raw syscall.RawConn
	// plain is true where bytes go over the socket as they are. Then a request and the beginning of its answer take one turn
	// on it; see begin.
	plain bool
	// used is true once an answer was read: before, what comes in may belong to the handshake.
	used bool

	made, idleSince time.Time
	// place is where it stands among the client's busy ones, from 1, since when, and what for; givenUp is true if giveUp
	// has closed it. The client's lock guards them.
	place   int
	since   time.Time
	errand  errand
	givenUp bool

	turn turn
	// silent is what peek saw last.
	silent bool
	// step and peek are take and the look of quiet, made once.
	step func(fd uintptr) bool
	peek func(fd uintptr)
}

// newConn wraps a connection that was just made; socket is what is under it.
func newConn(made, socket net.Conn) *conn {
	c := &conn{Conn: made, plain: made == socket, made: time.Now()}
	if sys, ok := socket.(syscall.Conn); ok {
		// An error is one of a connection that is closed, which writing to it tells too.
		c.raw, _ = sys.SyscallConn()
	}
	c.step, c.peek = c.take, func(fd uintptr) { c.silent = quiet(fd) }
	return c
}

// exchange sends a request and reads its answer into a. It reports whether the connection may be used for another one. An
// error is errStale or errUnsent if no byte was written.
func (c *conn) exchange(head, body []byte, until time.Time, a *answer) (keep bool, err error) {
	if err := c.SetDeadline(until); err != nil {
		return false, fmt.Errorf("%w: %w", errUnsent, err)
	}
	n, err := c.begin(head, body, a.begin())
	if err != nil {
		return false, err
	}
	c.used = true
	return a.read(c.Conn, n)
}

// begin sends a request and reads the first bytes of its answer into in.
//
// Where it can, it does both in one turn of the poller: the request is written after the poller was told that somebody will
// read, so that the answer's arrival cannot be missed, and nothing is read before there is something. That spares the read
// that finds nothing.
func (c *conn) begin(head, body, in []byte) (int, error) {
	if !c.plain || c.raw == nil {
		if c.used && !c.quiet() {
			return 0, errStale
		}
		return c.finish(0, head, body, in)
	}
	c.turn = turn{out: head, look: c.used}
	if len(body) == 0 {
		c.turn.in = in
	}
	err := c.raw.Read(c.step)
	t := c.turn
	c.turn = turn{} // it borrows
	switch {
	case t.err != nil:
		return 0, t.err
	case err != nil:
		return 0, unlessWritten(t.written, err)
	case !t.reading:
		return c.finish(t.written, head, body, in)
	case t.read == 0:
		return 0, io.ErrUnexpectedEOF
	}
	return t.read, nil
}

// finish is begin from the byte of head on that comes next.
func (c *conn) finish(written int, head, body, in []byte) (int, error) {
	for _, b := range [][]byte{head[written:], body} {
		if len(b) == 0 {
			continue
		}
		n, err := c.Write(b)
		if written += n; err != nil {
			return 0, unlessWritten(written, err)
		}
	}
	n, err := c.Read(in)
	if n > 0 {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return 0, err
}

// unlessWritten marks err as one of an unsent request if no byte of it was written.
func unlessWritten(n int, err error) error {
	if n > 0 {
		return err
	}
	return fmt.Errorf("%w: %w", errUnsent, err)
}

// turn is the state of one turn on a socket.
type turn struct {
	// out is to be written, in has room for what is read then; nil is for not reading.
	out, in []byte
	// look is true if nothing may be waiting to be read before.
	look bool
	// written and read are how many bytes were; reading is true once all is written.
	written, read int
	reading       bool
	err           error
}

// take takes c's turn until it reports true. It is called at once, when it writes, and then whenever there may be something
// to read.
func (c *conn) take(fd uintptr) bool {
	t := &c.turn
	if !t.reading {
		if t.look && !quiet(fd) {
			t.err = errStale
			return true
		}
		n, err := transmit(fd, t.out)
		switch {
		case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
			return true // the rest is written with patience
		case err != nil:
			t.err = fmt.Errorf("%w: %w", errStale, err)
			return true
		}
		t.written = n
		t.reading = n == len(t.out) && t.in != nil
		return !t.reading
	}
	n, err := receive(fd, t.in, 0)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		return false
	}
	t.read, t.err = n, err
	return true
}

// quiet reports whether nothing came in on the connection while it was idle: neither its end, nor bytes that nobody
// asked for, which would be taken for the answer to the next request. A connection that cannot tell is quiet.
func (c *conn) quiet() bool {
	if c.raw == nil {
		return true
	}
	// Control, because Read would look at the deadline of the request before.
	err := c.raw.Control(c.peek)
	return err == nil && c.silent
}

// quiet is conn.quiet for a socket.
func quiet(fd uintptr) bool {
	var one [1]byte
	_, err := receive(fd, one[:], syscall.MSG_PEEK)
	return errors.Is(err, syscall.EAGAIN)
}
