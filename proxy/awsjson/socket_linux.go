//go:build amd64 || arm64

package awsjson

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// A socket of package net never blocks; yet each of its reads and writes asks Go's scheduler for leave as one that may: it lets
// go of the thread's turn, takes it back, and wakes the runtime's watchdog thread if all was idle, in which a request that is
// answered from memory spends more than in looking its item up. Here the calls are made without, inside the callbacks of a
// syscall.RawConn, which keep the descriptor open and wait for readiness as package net does: the callback comes before each
// wait and after it, so that what arrives at any moment is seen. What a socket does not take at once is left to package net.

// socket is what of a connection belongs to that.
type socket struct {
	raw syscall.RawConn // nil for a connection that is read and written by package net alone
	// readable and writable are the callbacks, made once.
	readable, writable func(fd uintptr) bool
	glance             func(fd uintptr)
	// in is where to read to, out and page what to write.
	in, out, page []byte
	// n is how many bytes were read or written, and errno what was wrong.
	n     int
	errno syscall.Errno
	// turn is who has the connection of a loop, and slot what the kernel calls it.
	turn atomic.Uint32
	slot int32
}

// attach makes the connection's socket known, if it has one and speaks plain TCP.
func (c *conn) attach() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			c.raw, c.readable, c.writable, c.glance = raw, c.take, c.give, c.glanced
		}
	}
}

// receive is Read of package net.
func (c *conn) receive(p []byte) (int, error) {
	if c.raw == nil || len(p) == 0 {
		return c.Conn.Read(p)
	}
	c.in, c.n, c.errno = p, 0, 0
	err := c.raw.Read(c.readable)
	c.in = nil
	switch {
	case err != nil:
		return 0, err
	case c.errno != 0:
		return 0, os.NewSyscallError("recvfrom", c.errno)
	case c.n == 0:
		return 0, io.EOF
	}
	return c.n, nil
}

// take reads, and returns false to wait until there is something.
func (c *conn) take(fd uintptr) (done bool) {
	for {
		n, errno := receiveNow(fd, c.in)
		switch errno {
		case 0:
			c.n = n
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			c.errno = errno
			return true
		}
	}
}

// push writes what the socket takes of out, and behind it of page, without waiting, and tells how much that was. What is wrong
// with the connection the next write will tell.
func (c *conn) push(out, page []byte) int {
	if c.raw == nil {
		return 0
	}
	c.out, c.page, c.n = out, page, 0
	if c.raw.Write(c.writable) != nil {
		return 0
	}
	c.out, c.page = nil, nil
	return c.n
}

// give is what push does, once.
func (c *conn) give(fd uintptr) (done bool) {
	if n, errno := sendNow(fd, c.out, c.page); errno == 0 {
		c.n = n
	}
	return true
}

// lends reports whether a page can be written from where it lies.
func (c *conn) lends() bool { return c.raw != nil }
