package awsjson

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair is an accepted connection and its client.
func pair(t *testing.T) (*listener, *conn, net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(inner, 16)
	client, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = client.Close(), c.Close(), inner.Close() })
	return l, c.(*conn), client
}

func TestIdleConnectionSeesARequestThatCameBeforeTheDrain(t *testing.T) {
	t.Parallel()
	l, c, client := pair(t)
	if _, err := io.WriteString(client, "POST"); err != nil {
		t.Fatal(err)
	}
	// The bytes are in the kernel, the drain begins, and only then the connection is read.
	l.draining.Store(true)
	l.wake()
	buf := make([]byte, 10)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "POST" {
		t.Errorf("Read = %q, %v, want what the client had sent", buf[:n], err)
	}
	// From then on it is a request under way, with all its time.
	c.active.Store(true)
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	l.wake()
	if _, err := io.WriteString(client, " /"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != " /" {
		t.Errorf("Read within a request = %q, %v", buf[:n], err)
	}
	if err := c.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read past a request's own deadline: %v", err)
	}
}

func TestIdleConnectionEndsInADrainHoweverTheyMeet(t *testing.T) {
	t.Parallel()
	// The drain comes before or after the server asks for the idle time; both times the wait is short.
	for _, drainFirst := range []bool{true, false} {
		l, c, _ := pair(t)
		drain := func() { l.draining.Store(true); l.wake() }
		if drainFirst {
			drain()
		}
		if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if !drainFirst {
			drain()
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read of an idle connection in a drain (first: %v): %v, want EOF", drainFirst, err)
		}
	}
}

// Who is connected when accepting ends is accepted, however long that takes; but for those who come without end.
func TestAcceptTakesWhoIsAlreadyConnected(t *testing.T) {
	t.Parallel()
	const clients = 5
	for before, want := range map[int]int{0: clients, lastAccepts - 2: 2} {
		if n := acceptedLate(t, clients, before); n != want {
			t.Errorf("%d of %d clients that were connected were accepted after %d others, want %d", n, clients, before, want)
		}
	}
}

// acceptedLate is how many of clients that are connected are accepted when so many were before, since accepting should end.
func acceptedLate(t *testing.T, clients, before int) (n int) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(inner, 16)
	l.late = before
	defer func() { _ = l.Close() }()
	for range clients {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	l.stopAccepting()
	for ; ; n++ {
		c, err := l.Accept()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
}
