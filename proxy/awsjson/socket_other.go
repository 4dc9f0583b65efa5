//go:build !linux || !(amd64 || arm64)

package awsjson

// socket is Linux's; see socket_linux.go. Here package net reads and writes.
type socket struct{}

// attach does nothing.
func (c *conn) attach() {}

// receive is Read of package net.
func (c *conn) receive(p []byte) (int, error) { return c.Conn.Read(p) }

// push writes nothing.
func (c *conn) push([]byte, []byte) int { return 0 }

// lends reports that a page is not written from where it lies.
func (c *conn) lends() bool { return false }
