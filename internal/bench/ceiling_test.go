package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// drivable reports whether there is a wire.
func drivable(_ *testing.T) bool { return runtime.GOOS == "linux" }

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
	return strings.TrimPrefix(srv.URL, "http://")
}

// wireTo is a wire whose requests have bodies of many sizes, with what they are.
func wireTo(t *testing.T, address, mark string, right func(i int, body []byte) bool) (*wire, error) {
	t.Helper()
	var requests [][]byte
	for i := range 40 {
		requests = append(requests, httpRequest("GetItem", sized(i)))
	}
	w, err := newWire(address, 7, requests, httpWhole(mark, right))
	if err == nil {
		t.Cleanup(w.close)
	}
	return w, err
}

// sized is body i.
func sized(i int) string { return strings.Repeat(fmt.Sprint(i), 1+i*i) }

func TestWireComparesEveryAnswer(t *testing.T) {
	t.Parallel()
	if !drivable(t) {
		return
	}
	f := func(mark string, wrong int, want string) {
		t.Helper()
		w, err := wireTo(t, echoing(t), mark, func(i int, body []byte) bool { return i != wrong && string(body) == sized(i) })
		if err != nil {
			t.Fatal(err)
		}
		span := 100 * time.Millisecond
		if want != "" {
			span = time.Minute // the wrong answer ends it
		}
		for _, rate := range []float64{0, 2000} {
			o, err := w.run(t.Context(), span, rate)
			if want != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("run gives %v, want %q", err, want)
				}
				return
			}
			if err != nil || o.requests == 0 || rate > 0 && (len(o.latencies) != o.requests || o.latencies[0] <= 0) {
				t.Errorf("run at %v gives %d requests, %d latencies, %v", rate, o.requests, len(o.latencies), err)
			}
		}
	}
	f("X-Mark: here\r\n", -1, "")
	f("X-Mark: there\r\n", -1, "is wrong")
	f("", 3, "answer to request 3 is wrong")
}

func TestWireReportsRefusalsAndHangUps(t *testing.T) {
	t.Parallel()
	if !drivable(t) {
		return
	}
	f := func(answer http.HandlerFunc, want string) {
		t.Helper()
		w, err := wireTo(t, strings.TrimPrefix(answering(t, answer), "http://"), "", func(int, []byte) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.run(t.Context(), time.Minute, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run gives %v, want %q", err, want)
		}
	}
	f(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, "answered with \"HTTP/1.1 418")
	f(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "read answer: ")
}

func TestPacedLatencyCountsFromWhenItWasDue(t *testing.T) {
	t.Parallel()
	if !drivable(t) {
		return
	}
	// No more than 7 of the requests that are due can be on their way, so the others wait.
	w, err := wireTo(t, echoing(t), "", func(int, []byte) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	o, err := w.run(t.Context(), 100*time.Millisecond, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	// All the time the run took but for what was due when it ended was spent waiting by the last request.
	if got, least := o.quantile(1), (time.Since(start)-time.Duration(o.requests)*time.Microsecond)/2; got < least {
		t.Errorf("the longest latency is %v of a run that overran, want %v at least", got, least)
	}
}

func TestAnswersKnownToTheByte(t *testing.T) {
	t.Parallel()
	whole := sameBytes([][]byte{[]byte("$2\r\nab\r\n")})
	for got, want := range map[string]int{"": 0, "$2\r\na": 0, "$2\r\nab\r\n": 8, "$2\r\nab\r\nmore": 8} {
		if n, err := whole(0, []byte(got)); n != want || err != nil {
			t.Errorf("%q is whole at %d, %v; want %d", got, n, err, want)
		}
	}
	if n, err := whole(0, []byte("$2\r\nac")); err == nil {
		t.Errorf("a wrong answer is whole at %d", n)
	}
}

// Both bare servers give the headers and the body of the answer they were given.
func TestBareServersGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "answer")
	answer := "HTTP/1.1 200 OK\r\nServer: millrace\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\nX-Millrace-Cache: hit\r\nX-Amz-Crc32: 1\r\n\r\n{}"
	if err := os.WriteFile(file, []byte(answer), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range bareKinds {
		address, _, err := freePorts()
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- serveBare(ctx, kind, address, file) }()
		raw, err := rawAnswer("http://"+address, httpRequest("GetItem", "{}"), httpWhole(hitMark, func(_ int, body []byte) bool { return string(body) == "{}" }))
		for start := time.Now(); err != nil && time.Since(start) < 20*time.Second; {
			raw, err = rawAnswer("http://"+address, httpRequest("GetItem", "{}"), httpWhole(hitMark, func(_ int, body []byte) bool { return string(body) == "{}" }))
		}
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		for _, line := range strings.Split(strings.TrimSpace(answer), "\r\n") {
			if !strings.Contains(string(raw), line) {
				t.Errorf("%s answers %q, which lacks %q", kind, raw, line)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s ended with %v", kind, err)
		}
	}
}

func TestCeilingRequestsCoverEveryKeyOnce(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		requests [][]byte
		keys     int
	}{"GetItem": {getItems(), ceilingKeys}, "BatchGetItem": {batches(), ceilingKeys / batchKeys * batchKeys}, "Query": {queries(), peerPartitions}} {
		seen := map[string]bool{}
		for _, r := range f.requests {
			for _, found := range strings.Split(string(r), `{"S":"`)[1:] {
				seen[found[:keyLength]] = true
			}
		}
		if len(seen) != f.keys {
			t.Errorf("%s has %d keys, want %d", name, len(seen), f.keys)
		}
	}
}
