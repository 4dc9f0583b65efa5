package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// before starts a loop with a stub on it.
func before(t *testing.T, delay time.Duration) (*loop, *stub) {
	t.Helper()
	l, err := newLoop(false)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStub(l, delay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.close()
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l, s
}

// getting is a fleet of n connections that gets items of ever new keys.
func getting(t *testing.T, l *loop, endpoint string, n int) *fleet {
	t.Helper()
	next, get, source := uint64(0), newTemplate("GetItem", getBody("bench")), newSource(0)
	return connected(t, n, endpoint, &fleet{
		loop: l, whole: httpWhole("", func(int, []byte) bool { return true }),
		next: func() (int, []byte) { next++; return 0, get.fill(source, next, 1) },
	})
}

// connected connects f.
func connected(t *testing.T, n int, endpoint string, f *fleet) *fleet {
	t.Helper()
	if err := f.connect(strings.TrimPrefix(endpoint, "http://"), n); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNoAnswerIsEarlierThanTheStubsDelay(t *testing.T) {
	t.Parallel()
	const delay = 3 * time.Millisecond
	l, s := before(t, delay)
	f := getting(t, l, s.endpoint(), 4)
	for _, rate := range []float64{0, 500} {
		o, err := f.run(t.Context(), load{span: time.Second, warmUp: 50 * time.Millisecond, rate: rate, draw: rand.New(rand.NewPCG(1, 2))})
		if err != nil {
			t.Fatal(err)
		}
		if o.latencies[0] < delay {
			t.Errorf("at rate %v there were %d answers, the first after %v; none may come before %v", rate, o.requests, o.quantile(0), delay)
		}
		if most := 4 * int(o.took/delay); rate == 0 && o.requests > most {
			t.Errorf("4 clients were answered %d times in %v, which cannot be more than %d", o.requests, o.took, most)
		}
		if asked := int(s.asked.Load()); asked < o.requests {
			t.Errorf("the stub counts %d requests, the fleet %d answers", asked, o.requests)
		}
	}
}

func TestFleetCountsFromWhenARequestWasDue(t *testing.T) {
	t.Parallel()
	l, s := before(t, 50*time.Millisecond)
	// One connection serves 20 a second; of 400 a second most wait for it ever longer.
	o, err := getting(t, l, s.endpoint(), 1).run(t.Context(), load{span: 100 * time.Millisecond, rate: 400})
	if err != nil {
		t.Fatal(err)
	}
	if o.requests != 40 {
		t.Errorf("%d requests were answered, want all 40 that were due", o.requests)
	}
	// The last was due after 97.5 ms, and answered when 40 had been waited for, each for 50 ms.
	if got, least := o.quantile(1), 1900*time.Millisecond; got < least {
		t.Errorf("the longest latency is %v, which leaves out the wait for a connection: want %v", got, least)
	}
	if got := quantile(o.late, 1); got > time.Second { // a busy machine may be late, but not by that much
		t.Errorf("a request was sent %v late, which counts the wait for the server as the client's fault", got)
	}
}

func TestFleetEndsWhenToldTo(t *testing.T) {
	t.Parallel()
	l, s := before(t, time.Millisecond)
	f := getting(t, l, s.endpoint(), 2)
	for _, rate := range []float64{0, 100} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		o, err := f.run(ctx, load{span: time.Hour, rate: rate})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || o.requests == 0 {
			t.Errorf("at rate %v a load that is ended gives %d answers and %v", rate, o.requests, err)
		}
	}
	if o, err := f.run(t.Context(), load{span: 20 * time.Millisecond}); err != nil {
		t.Errorf("the load after gives %d answers and %v", o.requests, err)
	}
}

// echoing is a server that answers with the request's body.
func echoing(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("X-Mark", "here")
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// sized is body i.
func sized(i int) string { return strings.Repeat(fmt.Sprint(i), 1+i*i) }

// sending is a fleet whose requests have bodies of many sizes, on a loop that stays awake.
func sending(t *testing.T, endpoint, mark string, right func(i int, body []byte) bool) *fleet {
	t.Helper()
	l, err := newLoop(false)
	if err == nil {
		err = l.stayAwake()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	var requests [][]byte
	for i := range 40 {
		requests = append(requests, httpRequest("GetItem", sized(i)))
	}
	n := 0
	return connected(t, 7, endpoint, &fleet{
		loop: l, whole: httpWhole(mark, right),
		next: func() (int, []byte) { n++; return n % len(requests), requests[n%len(requests)] },
	})
}

func TestFleetComparesEveryAnswer(t *testing.T) {
	t.Parallel()
	f := func(mark string, wrong int, want string) {
		t.Helper()
		fleet := sending(t, echoing(t), mark, func(i int, body []byte) bool { return i != wrong && string(body) == sized(i) })
		if want != "" {
			for range 2 { // the wrong answer ends it, and it stays so
				if _, err := fleet.run(t.Context(), load{span: time.Minute}); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("run gives %v, want %q", err, want)
				}
			}
			return
		}
		for _, rate := range []float64{0, 2000} {
			o, err := fleet.run(t.Context(), load{span: 500 * time.Millisecond, rate: rate})
			if err != nil || o.requests == 0 || len(o.latencies) != o.requests || o.latencies[0] <= 0 || o.clientCPU <= 0 {
				t.Errorf("run at %v gives %d requests, %d latencies, %v of CPU, %v", rate, o.requests, len(o.latencies), o.clientCPU, err)
			}
		}
	}
	f("X-Mark: here\r\n", -1, "")
	f("X-Mark: there\r\n", -1, "is wrong")
	f("", 3, "answer to request 3 is wrong")
}

func TestFleetReportsRefusalsAndHangUps(t *testing.T) {
	t.Parallel()
	f := func(answer http.HandlerFunc, want string) {
		t.Helper()
		fleet := sending(t, answering(t, answer), "", func(int, []byte) bool { return true })
		if _, err := fleet.run(t.Context(), load{span: time.Minute}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run gives %v, want %q", err, want)
		}
	}
	f(refuse, "no such table")
	f(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, "answered with \"HTTP/1.1 418")
	f(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "read answer: ")
}

func TestStubWaitsForAWholeRequest(t *testing.T) {
	t.Parallel()
	whole := httpRequest("PutItem", putBody("bench"))
	head := bytes.Index(whole, []byte("\r\n\r\n")) + 4
	for n := range head {
		if _, _, size, err := readHead(whole[:n]); size != 0 || err != nil {
			t.Fatalf("%d of %d bytes are a head of %d, %v", n, head, size, err)
		}
	}
	operation, length, size, err := readHead(whole)
	if string(operation) != "PutItem" || size != head || size+length != len(whole) || err != nil {
		t.Errorf("head is %q, %d, %d, %v", operation, length, size, err)
	}
}
