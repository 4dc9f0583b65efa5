//go:build linux && (amd64 || arm64)

package awsjson

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"millrace/ddb"
	"millrace/internal/units"
	"millrace/proxy"
)

// gate is a handler that says that it waits, and then does until the gate is open, for each request whose body says so.
func gate(open <-chan struct{}) Handler {
	return prompt{handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		if bytes.Contains(req.Body(), []byte("wait")) {
			if r.Wait != nil {
				r.Wait()
			}
			<-open
		}
		return echo(ctx, req, o, r)
	})}
}

// idleHands is how many goroutines wait for a loop.
func (s *Server) idleHands() (n int) {
	for _, l := range s.listener.loops.all {
		l.mu.Lock()
		n += len(l.idle)
		l.mu.Unlock()
	}
	return n
}

// Requests that wait hold nobody else up, though there are more of them than loops, and are answered in the end. The goroutines that
// they took are used again, and go when they are not needed.
func TestRequestsThatWaitHoldNobodyUp(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	f := start(t, gate(open), func(c *Config) { c.IdleTimeout = units.Duration(time.Hour) })
	var waiting []*client
	for range 8 * runtime.GOMAXPROCS(0) {
		waiting = append(waiting, f.dial().send(request(good, `"wait"`)))
	}
	waitFor(t, "all to be waiting", func() bool { return f.active() == len(waiting) })
	for range 4 * runtime.GOMAXPROCS(0) {
		c := f.dial()
		for range 3 {
			c.send(request(good, `{}`)).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
		}
	}
	close(open)
	for _, c := range waiting {
		c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":"wait"}`)
	}
	if os.Getenv(withoutLoops) != "" {
		return // each connection has its own
	}
	waitFor(t, "the goroutines to be back", func() bool { return f.server.idleHands() >= len(waiting) })
	for _, c := range waiting {
		c.send(request(good, `"wait"`)).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":"wait"}`)
	}
	waitFor(t, "them to be idle", func() bool { return f.server.idleHands() >= len(waiting) })
	for range 2 { // the first time they have just been used
		for _, l := range f.server.listener.loops.all {
			l.mu.Lock()
			l.swept = time.Time{}
			l.mu.Unlock()
			l.tick()
		}
	}
	if n := f.server.idleHands(); n > 0 {
		t.Errorf("%d goroutines are kept that nobody needed", n)
	}
	waiting[0].send(request(good, `"wait"`)).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":"wait"}`)
}

// The goroutines that many halves of requests took go though no connection is left, and then nothing ticks.
func TestGoroutinesGoWithoutConnections(t *testing.T) {
	t.Parallel()
	if os.Getenv(withoutLoops) != "" {
		return // each connection has its own
	}
	f := start(t, prompt{echo}, func(c *Config) { c.IdleTimeout = units.Duration(4 * time.Second) })
	first := f.dial()
	first.send(request(good, `{}`)).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
	_ = first.Close() // the server runs
	loops := f.server.listener.loops.all
	// Until they were all seen to be idle none goes.
	sweep := func(from time.Time) {
		for _, l := range loops {
			l.mu.Lock()
			l.swept = from
			l.mu.Unlock()
		}
	}
	sweep(time.Now().Add(time.Hour))
	var halves []*client
	whole := request(good, `{}`)
	for range 16 * len(loops) {
		halves = append(halves, f.dial().send(whole[:len(whole)/2]))
	}
	waitFor(t, "each to have a goroutine", func() bool {
		n := 0
		for _, l := range loops {
			for _, c := range l.all() {
				if c.turn.Load() == taken {
					n++
				}
			}
		}
		return n == len(halves)
	})
	for _, c := range halves {
		_ = c.Close()
	}
	waitFor(t, "the goroutines to be idle", func() bool { return f.server.idleHands() >= len(halves) })
	waitFor(t, "all connections to be gone", func() bool { return f.server.Connections() == 0 })
	sweep(time.Time{})
	waitFor(t, "all goroutines to be gone", func() bool { return f.server.idleHands() == 0 })
	waitFor(t, "the clocks to stop", func() bool {
		for _, l := range loops {
			l.mu.Lock()
			ticks := l.clock != nil
			l.mu.Unlock()
			if ticks {
				return false
			}
		}
		return true
	})
	f.exchange(request(good, `{}`)).want(t, 200, `{"op":"GetItem","got":{}}`)
}

// What a client sends while its request waits is answered after it, and in turn.
func TestWhatComesWhileARequestWaits(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	f := start(t, gate(open), nil)
	c := f.dial().send(request(good, `"wait"`))
	waitFor(t, "it to be waiting", func() bool { return f.active() == 1 })
	c.send(request(good, `{"n":1}`)) // the kernel tells of it once, and nobody reads it now
	for range 3 {
		f.exchange(request(good, `{}`)).want(t, 200, `{"op":"GetItem","got":{}}`)
	}
	close(open)
	c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":"wait"}`)
	c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{"n":1}}`)
	c.send(request(good, `{"n":2}`)).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{"n":2}}`)
}

// A request that fills the buffer to its last byte does not hide what comes behind it.
func TestRequestsThatFillTheBuffer(t *testing.T) {
	t.Parallel()
	f := start(t, prompt{echo}, nil)
	body := func(n int) string { return `{"x":"` + strings.Repeat("x", n) + `"}` }
	long := request(good, body(10_000))
	long = request(good, body(10_000+maxHeader-len(long)))
	if len(long) != maxHeader {
		t.Fatalf("%d bytes", len(long))
	}
	_, sent, _ := strings.Cut(long, "\r\n\r\n")
	c := f.dial().send(long + request(good, `{"n":1}`) + long)
	c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":`+sent+`}`)
	c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{"n":1}}`)
	c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":`+sent+`}`)
}

// Who has sent nothing yet has the time of a request's headers, who has been answered may be silent for longer.
func TestSilentConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	const header, idle = 2 * time.Second, 3 * time.Second
	f := start(t, prompt{echo}, func(c *Config) {
		c.HeaderTimeout, c.IdleTimeout = units.Duration(header), units.Duration(idle)
	})
	for _, asks := range []int{0, 1, 2} {
		c, least := f.dial(), header-header/8
		begun := time.Now()
		for range asks {
			least, begun = idle-idle/8, time.Now()
			c.send(request(good, `{}`)).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
		}
		if !c.closed() || time.Since(begun) < least || time.Since(begun) > 30*time.Second {
			t.Errorf("after %d requests a silent connection was closed after %v, want about %v", asks, time.Since(begun), least)
		}
	}
	waitFor(t, "all to be gone", func() bool { return f.server.Connections() == 0 })
}

// Places of connections that are gone are used again.
func TestPlacesOfConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	f := start(t, prompt{echo}, nil)
	for n := range 20 * runtime.GOMAXPROCS(0) {
		c := f.dial()
		c.send(request(good, fmt.Sprint(n))).receive(http.MethodPost).want(t, 200, fmt.Sprintf(`{"op":"GetItem","got":%d}`, n))
		_ = c.Close()
		waitFor(t, "it to be gone", func() bool { return f.server.Connections() == 0 })
	}
	for _, l := range f.server.listener.loops.all {
		l.mu.Lock()
		if n := len(l.slots); n > 2 {
			t.Errorf("a loop has %d places for one connection at a time", n)
		}
		l.mu.Unlock()
	}
}

// All of this package's tests hold for connections with goroutines of their own, as on other systems. They do not run beside those with
// loops: together they are too much for a small machine under the race detector.
func TestAllHoldWithoutLoops(t *testing.T) {
	if os.Getenv(withoutLoops) != "" {
		return // this is how
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.timeout=5m")
	cmd.Env = append(os.Environ(), withoutLoops+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
