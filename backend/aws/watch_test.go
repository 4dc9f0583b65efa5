package aws_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"millrace/backend/aws"
)

// An upstream that goes away is noticed though nobody asks for anything, and so is its return.
func TestUpstreamIsWatchedInSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(l net.Listener) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
		s.Listener.Close()
		s.Listener = l
		s.Start()
		return s
	}
	upstream := serve(l)
	b := forwarder(t, upstream.URL, func(c *aws.Config) { c.AttemptTimeout = time.Second })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	until := func(down bool) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(30 * time.Second); b.Down().IsZero() == down; <-tick.C {
			if time.Now().After(end) {
				t.Fatalf("Down() = %v after 30 s, want down %v", b.Down(), down)
			}
		}
	}
	upstream.Close()
	until(true)
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	upstream = serve(l)
	defer upstream.Close()
	until(false)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
