package node

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// silencer stands between a node and its upstream on the wire. While it is mute it takes connections and requests, and nothing
// comes back on any of them.
type silencer struct {
	net.Listener

	behind string
	mute   atomic.Bool
	// looks are how often somebody asked whether anybody is there.
	looks atomic.Int32

	mu sync.Mutex

	open []net.Conn
}

// newSilencer starts one before behind.
func newSilencer(t *testing.T, behind *running) *silencer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silencer{Listener: l, behind: behind.node.Addr().String()}
	var pipes sync.WaitGroup
	pipes.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", s.behind)
			if err != nil {
				t.Error(err)
				_ = c.Close()
				return
			}
			s.mu.Lock()
			s.open = append(s.open, c, up)
			s.mu.Unlock()
			pipes.Go(func() { s.pipe(up, c) })
			pipes.Go(func() { s.pipe(c, up) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, c := range s.open {
			_ = c.Close()
		}
		s.mu.Unlock()
		pipes.Wait()
	})
	return s
}

// pipe hands bytes on, or swallows them. What was swallowed is never made up for.
func (s *silencer) pipe(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if bytes.HasPrefix(buf[:n], []byte("GET / ")) {
			s.looks.Add(1)
		}
		if n > 0 && !s.mute.Load() {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// refuse ends all connections and takes no more: the system refuses them.
func (s *silencer) refuse() {
	_ = s.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
}

// url is its address.
func (s *silencer) url() string { return "http://" + s.Addr().String() }

// timed is a reply and how long it took.
type timed struct {
	op, body string
	status   int
	result   string
	took     time.Duration
}

// time sends requests at once and waits for their replies.
func (r *running) time(requests ...[2]string) []timed {
	r.t.Helper()
	out := make([]timed, len(requests))
	var all sync.WaitGroup
	for i, request := range requests {
		all.Go(func() {
			out[i] = timed{op: request[0]}
			req, err := http.NewRequest("POST", r.address(), strings.NewReader(request[1]))
			if err != nil {
				r.t.Error(err)
				return
			}
			req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+request[0])
			req.Header.Set("Content-Type", "application/x-amz-json-1.0")
			req.Header.Set("X-Amz-Date", "20260101T000000Z")
			req.Header.Set("Authorization", strings.TrimSpace(strings.TrimPrefix(credential("AKID", "us-east-1", nil), "Authorization:")))
			start := time.Now()
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				r.t.Error(err)
				return
			}
			body, err := io.ReadAll(resp.Body)
			if out[i].took = time.Since(start); err != nil {
				r.t.Error(err)
			}
			_ = resp.Body.Close()
			out[i].status, out[i].result, out[i].body = resp.StatusCode, resp.Header.Get("X-Millrace-Cache"), string(body)
		})
	}
	all.Wait()
	return out
}

// An upstream that takes requests and says nothing holds nobody for long: reads that wait are given up when a question whether
// anybody is there gets no answer either, what comes later fails fast, and hits go on. When it speaks again all is served.
func TestMuteUpstreamHoldsNobody(t *testing.T) {
	t.Parallel()
	// held is the longest that a reader is to be held, on a machine that may be slow: 3 s is what follows from the settings.
	// One of which nothing is known is given 6 s.
	// Its return is seen within 5 s, and what waits for a table's description then takes another 3 s.
	const first, held, fast, returned = 16 * time.Second, 8 * time.Second, 2 * time.Second, 12 * time.Second
	get := func(key string) [2]string {
		return [2]string{"GetItem", `{"TableName":"t-1","Key":{"p":{"S":"` + key + `"}}}`}
	}
	put := [2]string{"PutItem", `{"TableName":"t-1","Item":{"p":{"S":"w"}}}`}
	query := [2]string{"Query", `{"TableName":"t-1","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`}
	list := [2]string{"ListTables", `{}`}
	refused := func(t *testing.T, when string, bound time.Duration, replies []timed) {
		t.Helper()
		for _, r := range replies {
			t.Logf("%s: %s %d after %v", when, r.op, r.status, r.took.Round(10*time.Millisecond))
			if r.status != http.StatusServiceUnavailable || r.took > bound {
				t.Errorf("%s: %s = %d %s after %v, want it refused within %v", when, r.op, r.status, r.body, r.took, bound)
			}
		}
	}
	back := func(t *testing.T, r *running, s *silencer, key string) {
		t.Helper()
		s.mute.Store(false)
		began := time.Now()
		for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
			got := r.time(get(key))[0]
			if got.result == "hit" || got.result == "negative" {
				t.Logf("served %v after upstream is back", time.Since(began).Round(10*time.Millisecond))
				tick.Stop()
				return
			}
			if time.Since(began) > returned {
				t.Fatalf("%v after upstream is back: %+v", time.Since(began), got)
			}
		}
	}
	// A node knows that its looks are answered when it looks again.
	watched := func(t *testing.T, s *silencer) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(time.Minute); s.looks.Load() < 2; <-tick.C {
			if time.Now().After(end) {
				t.Fatal("upstream is not watched")
			}
		}
	}
	t.Run("from the start", func(t *testing.T) {
		t.Parallel()
		behind := run(t, testConfig())
		behind.mustCall("CreateTable", createTable)
		s := newSilencer(t, behind)
		s.mute.Store(true)
		front := run(t, upstreamConfig(s.url()))
		refused(t, "a single first reader", first, front.time(get("a")))
		refused(t, "the next one", held, front.time(get("a")))
		back(t, front, s, "b")
	})
	t.Run("cold", func(t *testing.T) {
		t.Parallel()
		behind := run(t, testConfig())
		behind.mustCall("CreateTable", createTable)
		behind.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"b"}}}`)
		s := newSilencer(t, behind)
		front := run(t, upstreamConfig(s.url()))
		watched(t, s)
		s.mute.Store(true)
		refused(t, "first requests", held, front.time(get("a"), get("b"), get("c"), get("d"), query, list, put))
		refused(t, "later ones", fast, front.time(get("a"), query, put, list))
		back(t, front, s, "b")
	})
	t.Run("warm", func(t *testing.T) {
		t.Parallel()
		behind := run(t, testConfig())
		behind.mustCall("CreateTable", createTable)
		s := newSilencer(t, behind)
		front := run(t, upstreamConfig(s.url()))
		watched(t, s)
		front.time(put, get("a"), query)
		front.time(get("a"), query)
		s.mute.Store(true)
		refused(t, "misses", held, front.time(get("b"), get("c"), list))
		refused(t, "later ones", fast, front.time(get("b"), put, list))
		for _, r := range front.time(get("a"), query) {
			if r.status != http.StatusOK || r.result != "negative" && r.result != "hit" || r.took > fast {
				t.Errorf("%s of what is cached = %d (%s) after %v, want it served", r.op, r.status, r.result, r.took)
			}
		}
		back(t, front, s, "b")
	})
}
