package awsjson

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"millrace/ddb"
	"millrace/internal/units"
	"millrace/metrics"
	"millrace/proxy"
)

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var panics atomic.Bool
	panics.Store(true)
	f := startLogged(t, handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		if panics.Load() {
			r.Body = append(r.Body, "half an ans"...)
			panic("broken invariant 42")
		}
		return echo(ctx, req, o, r)
	}), nil, slog.New(slog.NewTextHandler(&log, nil)))
	c := f.dial()
	c.send(request(good, "{}")).receive("POST").want(t, 500, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal server error"}`)
	panics.Store(false)
	c.send(request(good, "{}")).receive("POST").want(t, 200, `{"op":"GetItem","got":{}}`)
	if err := f.wait(); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); strings.Count(text, "broken invariant 42") != 1 || !strings.Contains(text, "server_test.go") {
		t.Errorf("the panic is not logged once with its stack:\n%s", text)
	}
}

func TestDeadlineOfARequest(t *testing.T) {
	t.Parallel()
	f := start(t, handlerFunc(func(ctx context.Context, _ *ddb.Request, _ proxy.Options, _ *proxy.Reply) error {
		<-ctx.Done()
		return ctx.Err()
	}), func(c *Config) { c.RequestTimeout = units.Duration(50 * time.Millisecond) })
	r := f.exchange(request(good, "{}"))
	r.want(t, 500, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal server error"}`)
}

func TestDeadlineContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := new(deadline)
		d.start(time.Now().Add(time.Second))
		if at, ok := d.Deadline(); !ok || time.Until(at) != time.Second || d.Err() != nil {
			t.Errorf("deadline in %v, err %v", time.Until(at), d.Err())
		}
		if !d.release() {
			t.Error("a context nobody waited for cannot be used again")
		}
		// Time passes, with and without somebody waiting.
		d.start(time.Now().Add(time.Second))
		<-time.After(time.Second)
		if d.Err() != context.DeadlineExceeded {
			t.Errorf("Err after the deadline is %v", d.Err())
		}
		d = new(deadline)
		d.start(time.Now().Add(time.Second))
		child, cancel := context.WithCancel(d)
		defer cancel()
		<-child.Done()
		if d.Err() != context.DeadlineExceeded || child.Err() != context.DeadlineExceeded {
			t.Errorf("after the deadline: %v, child %v", d.Err(), child.Err())
		}
		d.release()
		if d.Err() != context.DeadlineExceeded {
			t.Errorf("release changed the error to %v", d.Err())
		}
		// A request that ends before its time ends what waits for it.
		d = new(deadline)
		d.start(time.Now().Add(time.Hour))
		child, cancel2 := context.WithCancel(d)
		defer cancel2()
		if d.release() {
			t.Error("a context that somebody holds may be used again")
		}
		<-child.Done()
		if d.Err() != context.Canceled {
			t.Errorf("after release: %v", d.Err())
		}
	})
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	f := start(t, echo, func(c *Config) { c.MaxConnections = 2 })
	var kept []*client
	for range 2 {
		c := f.dial()
		c.send(request(good, "{}")).receive("POST").want(t, 200, `{"op":"GetItem","got":{}}`)
		kept = append(kept, c)
	}
	r := f.dial().send(request(good, "{}")).receive("POST")
	checkReply(t, r)
	if r.status != 503 || !strings.Contains(r.body, "#ServiceUnavailable") {
		t.Errorf("the third client got %d %s, want 503", r.status, r.body)
	}
	kept[0].send(request(good, "{}")).receive("POST").want(t, 200, `{"op":"GetItem","got":{}}`)
}

func TestDrainAnswersWhatHasBegun(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	f := start(t, handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		if req.Op == ddb.PutItem {
			entered <- struct{}{}
			<-leave
		}
		return echo(ctx, req, o, r)
	}), nil)

	// Properties: (1) a request being worked on is answered; (2) one whose bytes are half sent is answered; (3) one
	// that arrives on an idle connection at the last moment is answered; (4) replies after that say close;
	// (5) connections without a request end by EOF, without a byte; (6) nobody can connect any more.
	working, half, idle, fresh := f.dial(), f.dial(), f.dial(), f.dial()
	working.send(request("X-Amz-Target: DynamoDB_20120810.PutItem\r\n"+jsonType+signed, "{}"))
	<-entered
	text := request(good, `{"half":1}`)
	half.send(text[:len(text)/2])
	idle.send(request(good, "{}")).receive("POST")
	late := f.dial()
	late.send(request(good, "{}")).receive("POST")
	waitFor(t, "the half request to have begun", func() bool { return f.active() == 2 })

	late.send(request(good, `{"late":1}`))
	stopped := make(chan error, 1)
	go func() { stopped <- f.wait() }()
	// It may have been read before the drain began, and then does not say close.
	late.receive("POST").want(t, 200, `{"op":"GetItem","got":{"late":1}}`)
	if !late.closed() {
		t.Error("the late connection did not end cleanly")
	}
	for name, c := range map[string]*client{"idle": idle, "fresh": fresh} {
		if !c.closed() {
			t.Errorf("the %s connection did not end cleanly", name)
		}
	}
	half.send(text[len(text)/2:])
	half.receiveClosing(`{"op":"GetItem","got":{"half":1}}`)
	select {
	case err := <-stopped:
		t.Fatalf("Run returned (%v) while a request was being worked on", err)
	default:
	}
	if c, err := net.Dial("tcp", f.addr); err == nil {
		_ = c.Close()
		t.Error("a client could connect to a draining server")
	}
	close(leave)
	working.receiveClosing(`{"op":"PutItem","got":{}}`)
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// receiveClosing reads a reply that must end the connection.
func (c *client) receiveClosing(body string) {
	c.t.Helper()
	r := c.receive("POST")
	r.want(c.t, 200, body)
	if !r.close || !c.closed() {
		c.t.Errorf("the connection was kept after %q", body)
	}
}

// active is how many connections have a request under way.
func (f *front) active() int {
	f.server.listener.mu.Lock()
	defer f.server.listener.mu.Unlock()
	n := 0
	for c := range f.server.listener.conns {
		if c.active.Load() {
			n++
		}
	}
	return n
}

// waitFor polls until done or the test has waited for long.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

func TestDrainCutsOffWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	f := start(t, handlerFunc(func(context.Context, *ddb.Request, proxy.Options, *proxy.Reply) error {
		close(entered)
		<-leave
		return nil
	}), func(c *Config) { c.DrainTimeout = units.Duration(50 * time.Millisecond) })
	c := f.dial().send(request(good, "{}"))
	<-entered
	err := f.wait()
	if err == nil || !strings.Contains(err.Error(), "1 connections were cut off") {
		t.Errorf("Run: %v", err)
	}
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("a cut off client got a byte")
	}
	close(leave)
	waitFor(t, "the handler to end", func() bool { return f.server.Connections() == 0 })
}

func TestQuiesceSendsClientsAwayAndServesThem(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	c := f.dial()
	c.send(request(good, "{}")).receive("POST")
	f.server.Quiesce()
	c.send(request(good, "{}")).receiveClosing(`{"op":"GetItem","got":{}}`)
	f.dial().send(request(good, "{}")).receiveClosing(`{"op":"GetItem","got":{}}`)
}

func TestDrainUnderLoadLosesNoReply(t *testing.T) {
	t.Parallel()
	// Properties: every request that the handler saw is answered in full, and a client that sees an error sees
	// it before any byte of a reply.
	var handled, answered atomic.Int64
	f := start(t, handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		handled.Add(1)
		return echo(ctx, req, o, r)
	}), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for ctx.Err() == nil {
				// Without GetBody the transport does not send a request twice.
				req, _ := http.NewRequestWithContext(ctx, "POST", "http://"+f.addr+"/", strings.NewReader("{}"))
				req.GetBody = nil
				req.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-Amz-Date", "x")
				req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c")
				resp, err := transport.RoundTrip(req)
				if err != nil {
					return
				}
				var body bytes.Buffer
				if _, err := body.ReadFrom(resp.Body); err != nil || body.String() != `{"op":"GetItem","got":{}}` {
					t.Errorf("got %q, %v", body.String(), err)
				}
				_ = resp.Body.Close()
				answered.Add(1)
			}
		})
	}
	waitFor(t, "load", func() bool { return answered.Load() > 500 })
	if err := f.wait(); err != nil {
		t.Errorf("Run: %v", err)
	}
	wg.Wait()
	if handled.Load() != answered.Load() {
		t.Errorf("%d requests were handled and %d answered", handled.Load(), answered.Load())
	}
}

func TestClientThatGoesAwayEndsOnlyItsConnection(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	var ended atomic.Int64
	f := start(t, handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		if req.Op != ddb.PutItem {
			return echo(ctx, req, o, r)
		}
		entered <- struct{}{}
		<-leave
		ended.Add(1)
		// The client is gone, and the write went on to its end.
		return ctx.Err()
	}), nil)
	c := f.dial()
	c.send(request("X-Amz-Target: DynamoDB_20120810.PutItem\r\n"+jsonType+signed, "{}"))
	<-entered
	_ = c.Close()
	close(leave)
	waitFor(t, "the connection to end", func() bool { return ended.Load() == 1 && f.server.Connections() == 0 })
	f.exchange(request(good, "{}")).want(t, 200, `{"op":"GetItem","got":{}}`)
}

func TestListenOnATakenPort(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	s := New(DefaultConfig(), echo, metrics.New(testNames()), slog.New(slog.DiscardHandler))
	var oe *net.OpError
	if _, err := s.Listen(f.addr); !errors.As(err, &oe) {
		t.Errorf("Listen on a taken port: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close of a server that never listened: %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	f := func(change func(*Config), want string) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Validate = %v, want %q", err, want)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	f(func(c *Config) { c.HeaderTimeout = 0 }, "header_timeout ")
	f(func(c *Config) { c.BodyTimeout = 0 }, "body_timeout ")
	f(func(c *Config) { c.WriteTimeout = 0 }, "write_timeout ")
	f(func(c *Config) { c.IdleTimeout = 0 }, "idle_timeout ")
	f(func(c *Config) { c.RequestTimeout = 0 }, "request_timeout ")
	f(func(c *Config) { c.DrainTimeout = 0 }, "drain_timeout ")
	f(func(c *Config) { c.MaxConnections = 0 }, "max_connections ")
}
