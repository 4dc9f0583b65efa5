package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
