package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// stub answers like a DynamoDB whose latency is known: answer k takes what latency says, and whatever comes during a stall
// waits for its end first. It notes when each answer was ready.
type stub struct {
	latency func(k int) time.Duration
	// stalls are stretches of time since start, in order.
	start  time.Time
	stalls [][2]time.Duration
	// reply is what is answered; "{}" if empty. header is added to it.
	reply  func(k int) (status int, body string)
	header string

	mu sync.Mutex

	ready map[int]time.Time
	wg    sync.WaitGroup
}

// newStub makes one whose time begins now.
func newStub(latency func(k int) time.Duration) *stub {
	return &stub{latency: latency, start: time.Now(), ready: map[int]time.Time{}}
}

// number finds which request a body is: the digits behind "n-".
func number(body []byte) int {
	_, rest, _ := bytes.Cut(body, []byte("n-"))
	n, _ := strconv.Atoi(string(rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]))
	return n
}

// wait is how long request k has to wait from now on.
func (s *stub) wait(k int) time.Duration {
	at := time.Since(s.start)
	from := at
	for _, stall := range s.stalls {
		if from >= stall[0] && from < stall[1] {
			from = stall[1]
		}
	}
	return from + s.latency(k) - at
}

// serve answers what comes over a connection until it ends.
func (s *stub) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		k := number(body)
		<-time.After(s.wait(k))
		status, text := 200, "{}"
		if s.reply != nil {
			status, text = s.reply(k)
		}
		s.mu.Lock()
		s.ready[k] = time.Now()
		s.mu.Unlock()
		if _, err := fmt.Fprintf(conn, "HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s", status, len(text), s.header, text); err != nil {
			return
		}
	}
}

// pipe is a dial function for connections within the process.
func (s *stub) pipe(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	s.wg.Go(func() { s.serve(far) })
	return near, nil
}

// listen serves on a port of the loopback interface until the test ends, and returns its URL.
func (s *stub) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// counting is a schedule whose kth request has its number in it.
type counting struct{ times []time.Duration }

// due is part of schedule.
func (c counting) due() []time.Duration { return c.times }

// labels is part of schedule.
func (c counting) labels() []string { return []string{"put"} }

// label is part of schedule.
func (c counting) label(int) int { return 0 }

// build is part of schedule.
func (c counting) build(_ *writer, k int, r *request) {
	r.op, r.thenOp, r.reads = 2, 0, true
	r.body = fmt.Appendf(r.body[:0], `{"TableName":"t","Item":{"id":{"S":"n-%d"}}}`, k)
}

// newStubFleet makes a fleet to a stub over dial; within a bubble of testing/synctest sleep must be time.Sleep.
func newStubFleet(t *testing.T, connections int, timeout time.Duration, dial func(context.Context) (net.Conn, error), sleep func() func(time.Duration)) *fleet {
	t.Helper()
	c := clock{time.Now()}
	target, err := newRawTarget("http://127.0.0.1:1", c, timeout, nil)
	if err != nil {
		t.Fatal(err)
	}
	target.dial = dial
	f := newFleet(c, connections, newFill(1), func() connection { return newRawConn(target) })
	f.sleep = sleep
	return f
}

// bubbleSleep is preciseSleep for bubbles.
func bubbleSleep() func(time.Duration) { return time.Sleep }

// gather puts what a fleet has into stats.
func gather(f *fleet, s *stats) {
	f.collect(func(p *sample) { s.add(p, p.at) }, func(name string, n int) { s.errors[name] += n })
}
