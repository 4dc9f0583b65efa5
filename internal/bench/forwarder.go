package main

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// forwarder passes requests on to upstream and answers back, and looks at nothing but where each ends: two reads and two writes
// of the same bytes, on a goroutine and with a connection upstream for each client, all of it package net's. What it adds to a
// request is something to go by: most of it is what the machine takes for two more sockets and two wake-ups, some of it package net's own.
type forwarder struct {
	upstream string
	serving  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

// serveForwarder is a process that forwards what comes on address until ctx ends.
func serveForwarder(ctx context.Context, address, upstream string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	f := &forwarder{upstream: upstream, conns: map[net.Conn]struct{}{}}
	accepted := make(chan error, 1)
	go func() { accepted <- f.accept(l) }()
	select {
	case err = <-accepted:
	case <-ctx.Done():
		_ = l.Close()
		<-accepted
	}
	f.close()
	return err
}

// accept takes clients until l is closed.
func (f *forwarder) accept(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		f.serving.Go(func() { f.serve(c) })
	}
}

// serve serves one client. Whatever ends it, the client sees the end of the connection.
func (f *forwarder) serve(client net.Conn) {
	defer client.Close()
	upstream, err := net.Dial("tcp", f.upstream)
	if err != nil {
		return
	}
	defer upstream.Close()
	if !f.hold(client, upstream) {
		return
	}
	defer f.letGo(client, upstream)
	b := make([]byte, 64<<10)
	for pass(client, upstream, b) == nil && pass(upstream, client, b) == nil {
	}
}

// pass hands one message on; b has room for it.
func pass(from, to net.Conn, b []byte) error {
	for n := 0; ; {
		m, err := from.Read(b[n:])
		if err != nil {
			return err
		}
		n += m
		_, length, size, err := readHead(b[:n])
		switch {
		case err != nil:
			return err
		case size+length > len(b) || size == 0 && n == len(b):
			return fmt.Errorf("a message is longer than %d bytes", len(b))
		case size > 0 && n >= size+length:
			_, err := to.Write(b[:n])
			return err
		}
	}
}

// hold has close end connections; false means that it was called before.
func (f *forwarder) hold(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		f.conns[c] = struct{}{}
	}
	return !f.closed
}

// letGo forgets connections.
func (f *forwarder) letGo(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		delete(f.conns, c)
	}
}

// close ends all connections and waits for who served them.
func (f *forwarder) close() {
	f.mu.Lock()
	f.closed = true
	for c := range f.conns {
		_ = c.Close() // who serves it sees it end, either way
	}
	f.mu.Unlock()
	f.serving.Wait()
}
