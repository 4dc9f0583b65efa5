package aws

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
)

// errStale is the error of a write on a pooled connection that the upstream has closed meanwhile. Nothing was written.
var errStale = errors.New("the pooled connection was closed by upstream")

// conn is a connection that notices, before it writes a new request, that the other side has closed it: then the
// request was certainly not sent. Without this, every connection that upstream gave up while it was idle would make
// the outcome of one write unknown.
type conn struct {
	net.Conn
	// raw is the socket; nil for a connection that has none.
	raw syscall.RawConn
	// answered is true from the first read of an answer to the next write.
	answered atomic.Bool
}

// newConn wraps a connection that was just made.
func newConn(made net.Conn) *conn {
	c := &conn{Conn: made}
	if sys, ok := made.(syscall.Conn); ok {
		// An error is one of a connection that is closed, which writing to it tells too.
		c.raw, _ = sys.SyscallConn()
	}
	return c
}

// established tells that a handshake is over: what comes next is the first request.
func (c *conn) established() { c.answered.Store(false) }

// Read is part of net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.answered.Store(true)
	return c.Conn.Read(p)
}

// Write is part of net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if c.answered.Swap(false) && !c.quiet() {
		return 0, errStale
	}
	return c.Conn.Write(p)
}

// quiet reports whether nothing came in on the connection while it was idle: neither its end, nor bytes that nobody
// asked for, which would be taken for the answer to the next request. A connection that cannot tell is quiet.
func (c *conn) quiet() bool {
	if c.raw == nil {
		return true
	}
	quiet := false
	// Control, because Read would look at the deadline of the request before.
	err := c.raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
	})
	return err == nil && quiet
}
