package awsjson

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"millrace/ddb"
	"millrace/internal/units"
	"millrace/proxy"
)

// lending is a handler that answers like a cached page of n bytes, lent where it may be.
func lending(n int) handlerFunc {
	page := []byte(`"` + strings.Repeat("page", n/4) + `"`)
	return func(_ context.Context, _ *ddb.Request, _ proxy.Options, r *proxy.Reply) error {
		if r.Result = proxy.Hit; r.Lend {
			r.Page, r.CRC, r.Summed = page, crc32.ChecksumIEEE(page), true
		} else {
			r.Body = append(r.Body, page...)
		}
		return nil
	}
}

// splicing is a handler that answers like a batch of n items of n KB, lent where they may be.
func splicing(n int) handlerFunc {
	item := []byte(`"` + strings.Repeat("item", n<<8) + `"`)
	return func(_ context.Context, _ *ddb.Request, _ proxy.Options, r *proxy.Reply) error {
		r.Body = append(r.Body, '[')
		for i := range n {
			if i > 0 {
				r.Body = append(r.Body, ',')
			}
			if r.Lend {
				r.Splices = append(r.Splices, proxy.Splice{At: len(r.Body), Bytes: item})
			} else {
				r.Body = append(r.Body, item...)
			}
		}
		r.Body = append(r.Body, ']')
		return nil
	}
}

// However two pipelined requests are cut in two, both are answered, in turn.
func TestRequestsCutAnywhereAreAnswered(t *testing.T) {
	t.Parallel()
	for _, h := range []Handler{echo, prompt{echo}} {
		cutAnywhere(t, h)
	}
}

// cutAnywhere is that test with one handler.
func cutAnywhere(t *testing.T, h Handler) {
	t.Helper()
	f := start(t, h, nil)
	c := f.dial()
	text := request(good, `{"n":1}`) + request(good, `{"n":2}`)
	for cut := range len(text) {
		c.send(text[:cut]).send(text[cut:])
		for _, want := range []string{`{"op":"GetItem","got":{"n":1}}`, `{"op":"GetItem","got":{"n":2}}`} {
			c.receive(http.MethodPost).want(t, 200, want)
		}
		if t.Failed() {
			t.Fatalf("cut at %d of %d", cut, len(text))
		}
	}
}

// A client that ends its side with its request, or between requests, gets its answer and then the end, at once.
func TestHalfClosedClientsAreAnsweredAndClosed(t *testing.T) {
	t.Parallel()
	for _, h := range []Handler{echo, prompt{echo}} {
		halfClosed(t, h)
	}
}

// halfClosed is that test with one handler.
func halfClosed(t *testing.T, h Handler) {
	t.Helper()
	f := start(t, h, nil)
	for _, before := range []int{0, 1, 3} {
		for _, parts := range [][]string{{request(good, "{}")}, {request(good, "{}")[:200], request(good, "{}")[200:]}, {}, {request(good, "{}") + request(good, "{}")}} {
			begun, answers := time.Now(), strings.Count(strings.Join(parts, ""), "POST")
			c := f.dial()
			for range before {
				c.send(request(good, "{}")).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
			}
			for _, p := range parts {
				c.send(p)
			}
			if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			for range answers {
				c.receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
			}
			if !c.closed() || time.Since(begun) > 20*time.Second {
				t.Errorf("after %d requests and %d at the end the connection was not closed, or after %v", before, answers, time.Since(begun))
			}
		}
	}
	waitFor(t, "the connections to be gone", func() bool { return f.server.Connections() == 0 })
}

// A client that reads late gets all of an answer that is larger than the socket's buffers, and what follows.
func TestSlowReadersGetAllOfAnAnswer(t *testing.T) {
	t.Parallel()
	const size = 24 << 20 // more than both sockets hold
	page := `"` + strings.Repeat("page", size/4) + `"`
	for _, handler := range []Handler{lending(size), answering(page, nil), prompt{lending(size)}, prompt{answering(page, nil)}} {
		f := start(t, handler, nil)
		for _, headers := range []string{good, good + "X-Millrace-Cache-Control: no-cache\r\n"} { // ours, and fasthttp's
			c := f.dial()
			for range 2 {
				c.send(request(headers, "{}"))
				waitFor(t, "the answer to have begun", func() bool { return f.active() > 0 })
				c.receive(http.MethodPost).want(t, 200, page)
			}
		}
	}
}

// A client that reads nothing is cut off when its time is over, in the middle of an answer, and costs nobody else anything.
func TestClientsThatDoNotReadAreCutOff(t *testing.T) {
	t.Parallel()
	f := start(t, prompt{lending(64 << 20)}, func(c *Config) { c.WriteTimeout = units.Duration(time.Second) })
	begun := time.Now()
	deaf := f.dial().send(request(good, "{}"))
	if _, err := deaf.r.Peek(1); err != nil { // the answer has begun, and be it over
		t.Fatal(err)
	}
	waitFor(t, "the client to be cut off", func() bool { return f.server.Connections() == 0 })
	if took := time.Since(begun); took < 700*time.Millisecond {
		t.Errorf("cut off after %v already", took)
	}
	n, err := io.Copy(io.Discard, deaf.Conn)
	if n >= 64<<20 {
		t.Errorf("%d bytes were sent to a client that had read next to nothing in time, %v", n, err)
	}
}

// A client that goes away, in whatever way, while it is waited for takes only its connection with it.
func TestClientsThatGoAwayWhileWaitedFor(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	for i := range 6 {
		c := f.dial()
		c.send(request(good, "{}")).receive(http.MethodPost).want(t, 200, `{"op":"GetItem","got":{}}`)
		if i%2 == 0 { // a reset instead of an end
			if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		if i > 3 { // with a request that nobody will read the answer of
			c.send(request(good, "{}"))
		}
		_ = c.Close()
	}
	waitFor(t, "the connections to be gone", func() bool { return f.server.Connections() == 0 })
	f.exchange(request(good, "{}")).want(t, 200, `{"op":"GetItem","got":{}}`)
}

// A front that drains while connections wait, some in the middle of an answer that is not read, ends all of them.
func TestDrainEndsWaitingConnections(t *testing.T) {
	t.Parallel()
	f := start(t, prompt{lending(64 << 20)}, func(c *Config) { c.DrainTimeout = units.Duration(3 * time.Second) })
	f.dial().send(request(good, "{}"))
	waitFor(t, "the answer to have begun", func() bool { return f.active() == 1 })
	waiting := f.dial()
	waitFor(t, "both to be connected", func() bool { return f.server.Connections() == 2 })
	begun := time.Now()
	err := f.wait()
	if err == nil || !strings.Contains(err.Error(), "1 connections were cut off") || time.Since(begun) > 30*time.Second {
		t.Errorf("Run: %v after %v", err, time.Since(begun))
	}
	if !waiting.closed() {
		t.Error("a waiting connection did not end cleanly")
	}
	waitFor(t, "the cut off connection to be gone", func() bool { return f.server.Connections() == 0 })
}

// Many requests on many connections at once are each answered with what they asked for.
func TestAnswersFindTheirConnections(t *testing.T) {
	t.Parallel()
	for _, h := range []Handler{echo, prompt{echo}} {
		manyAtOnce(t, h)
	}
}

// manyAtOnce is that test with one handler.
func manyAtOnce(t *testing.T, h Handler) {
	t.Helper()
	f := start(t, h, nil)
	done := make(chan error, 8)
	for i := range cap(done) {
		c := f.dial()
		go func() {
			for n := range 300 {
				body := fmt.Sprintf(`{"from":%d,"n":%d}`, i, n)
				if _, err := io.WriteString(c.Conn, request(good, body)); err != nil {
					done <- err
					return
				}
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil {
					done <- err
					return
				}
				got, err := io.ReadAll(resp.Body)
				if want := `{"op":"GetItem","got":` + body + `}`; err != nil || string(got) != want {
					done <- fmt.Errorf("got %q, %w, want %q", got, err, want)
					return
				}
			}
			done <- nil
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
