package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Properties of the forwarder, each over real sockets:
//   - every client gets upstream's answers to its own requests, of any size and in any number of pieces;
//   - where one side does not read, what is under way waits and nothing is lost, both ways at once;
//   - a client gets all that upstream wrote and then the end when upstream ends, and the end when there is no upstream;
//   - who sends no more still gets its answer, and upstream sees the end of a client that has gone;
//   - the end of the context ends it, with connections open and data under way.
//
// Its tests do not run beside others: it keeps a processor of Go's scheduler, so each brings one along.

// forwarding runs a forwarder and returns its address and what stops it, which gives what it ended with.
func forwarding(t *testing.T, upstream string) (address string, stop func() error) {
	t.Helper()
	address, _, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	procs := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(procs + 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveForwarder(ctx, address, upstream) }()
	stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		runtime.GOMAXPROCS(procs)
		return err
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the forwarder ended with %v", err)
		}
	})
	for start := time.Now(); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return address, stop
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal(err)
		}
	}
}

// upstreamListener is an upstream whose part the test plays itself.
func upstreamListener(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

// held is a connection that ends with the test at the latest; one that hangs fails.
func held(t *testing.T, c net.Conn, err error) *net.TCPConn {
	t.Helper()
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
		err = c.SetDeadline(time.Now().Add(time.Minute))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// joined is a client's connection to a forwarder, the one upstream that belongs to it, and what stops the forwarder.
func joined(t *testing.T) (client, upstream *net.TCPConn, stop func() error) {
	t.Helper()
	l := upstreamListener(t)
	address, stop := forwarding(t, l.Addr().String())
	// The first was there to find out whether there is a forwarder.
	c, err := l.Accept()
	gone(t, held(t, c, err))
	c, err = net.Dial("tcp", address)
	client = held(t, c, err)
	c, err = l.Accept()
	return client, held(t, c, err), stop
}

// gone fails unless c ends without another byte.
func gone(t *testing.T, c *net.TCPConn) {
	t.Helper()
	if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
		t.Errorf("a connection ends after %d bytes with %v, want neither", len(b), err)
	}
}

// pattern is n bytes of which no part looks like another.
func pattern(n int) []byte {
	b := make([]byte, 0, n+20)
	for i := 0; len(b) < n; i++ {
		b = fmt.Append(b, i, ",")
	}
	return b[:n]
}

// fill writes b to c until c takes no more for a while, and tells how much it took.
func fill(t *testing.T, c *net.TCPConn, b []byte) int {
	t.Helper()
	if err := c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Write(b)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("nobody reads, and %d of %d bytes were taken, %v", n, len(b), err)
	}
	if err := c.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestForwarderPassesRequestsAndAnswersOn(t *testing.T) {
	address, _ := forwarding(t, strings.TrimPrefix(echoing(t), "http://"))
	f := sending(t, "http://"+address, "X-Mark: here\r\n", func(i int, body []byte) bool { return string(body) == sized(i) })
	for _, rate := range []float64{0, 2000} {
		if o, err := f.run(t.Context(), load{span: 500 * time.Millisecond, rate: rate}); err != nil || o.requests == 0 {
			t.Errorf("at rate %v %d requests of 7 clients were answered, %v", rate, o.requests, err)
		}
	}
}

func TestForwarderHoldsWhatIsNotTaken(t *testing.T) {
	client, upstream, _ := joined(t)
	want := pattern(32 << 20)
	// Both fill all there is between them while nobody reads.
	sent := map[*net.TCPConn]int{client: fill(t, client, want), upstream: fill(t, upstream, want)}
	var sides sync.WaitGroup
	for name, c := range map[string]*net.TCPConn{"client": client, "upstream": upstream} {
		sides.Go(func() {
			_, err := c.Write(want[sent[c]:])
			if err = errors.Join(err, c.CloseWrite()); err != nil {
				t.Errorf("%s cannot write: %v", name, err)
			}
		})
		sides.Go(func() {
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s got %d bytes, %v; want the %d that were sent", name, len(got), err, len(want))
			}
		})
	}
	sides.Wait()
}

func TestForwarderAnswersWhoSendsNoMore(t *testing.T) {
	client, upstream, _ := joined(t)
	request, answer := pattern(100_000), pattern(5_000_000)
	var sides sync.WaitGroup
	sides.Go(func() {
		got, err := io.ReadAll(upstream)
		if err != nil || !bytes.Equal(got, request) {
			t.Errorf("upstream got %d bytes, %v; want %d", len(got), err, len(request))
		}
		_, err = upstream.Write(answer)
		if err = errors.Join(err, upstream.Close()); err != nil {
			t.Error(err)
		}
	})
	_, err := client.Write(request)
	if err = errors.Join(err, client.CloseWrite()); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(client); err != nil || !bytes.Equal(got, answer) {
		t.Errorf("client got %d bytes, %v; want %d", len(got), err, len(answer))
	}
	sides.Wait()
}

func TestForwarderPassesTheEndOn(t *testing.T) {
	t.Run("of upstream after an answer", func(t *testing.T) {
		client, upstream, _ := joined(t)
		want := pattern(1000)
		if _, err := upstream.Write(want); err != nil {
			t.Fatal(err)
		}
		_ = upstream.Close()
		if got, err := io.ReadAll(client); err != nil || !bytes.Equal(got, want) {
			t.Errorf("client got %d bytes, %v; want all %d and the end", len(got), err, len(want))
		}
	})
	t.Run("of upstream before the answer", func(t *testing.T) {
		client, upstream, _ := joined(t)
		if _, err := client.Write(pattern(1000)); err != nil {
			t.Fatal(err)
		}
		_ = upstream.SetLinger(0) // a reset
		_ = upstream.Close()
		if got, err := io.ReadAll(client); len(got) != 0 {
			t.Errorf("client got %d bytes, %v; want an end", len(got), err)
		}
	})
	t.Run("of the client", func(t *testing.T) {
		client, upstream, _ := joined(t)
		_ = client.Close()
		gone(t, upstream)
	})
	t.Run("of the client with an answer under way", func(t *testing.T) {
		client, upstream, _ := joined(t)
		fill(t, upstream, pattern(32<<20))
		_ = client.Close()
		for err := error(nil); err == nil; { // until it is told
			if _, err = upstream.Write(pattern(1 << 20)); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("upstream is not told that its client has gone")
			}
		}
	})
	t.Run("where there is no upstream", func(t *testing.T) {
		nobody, _, err := freePorts()
		if err != nil {
			t.Fatal(err)
		}
		address, _ := forwarding(t, nobody)
		c, err := net.Dial("tcp", address)
		if got, err := io.ReadAll(held(t, c, err)); len(got) != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("client got %d bytes, %v; want an end", len(got), err)
		}
	})
}

func TestForwarderEndsWithItsContext(t *testing.T) {
	client, upstream, stop := joined(t)
	fill(t, upstream, pattern(32<<20))
	if err := stop(); err != nil {
		t.Errorf("the forwarder ended with %v", err)
	}
	for name, c := range map[string]*net.TCPConn{"client": client, "upstream": upstream} {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the %s's connection is still there", name)
		}
	}
}

func TestForwarderTellsWhatItCannotServe(t *testing.T) {
	l := upstreamListener(t)
	free, _, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct{ address, upstream, want string }{
		{"localhost", free, "IPv4"},
		{free, "[::1]:80", "IPv4"},
		{l.Addr().String(), free, "listen on " + l.Addr().String()},
	} {
		if err := serveForwarder(t.Context(), f.address, f.upstream); err == nil || !strings.Contains(err.Error(), f.want) {
			t.Errorf("a forwarder from %s to %s gives %v, want %q", f.address, f.upstream, err, f.want)
		}
	}
}
