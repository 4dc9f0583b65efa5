// Package nodetest runs a millrace in the process of a test, over real sockets, and asks it, or anything else that speaks DynamoDB's protocol,
// as a client would. It is for tests of other packages alone.
package nodetest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"millrace/internal/node"
)

// Start runs a millrace on a free port, with its store in memory and without an admin port, and returns its URL and what ends it, which the
// test's end does too.
func Start(t testing.TB, change ...func(*node.Config)) (url string, stop func()) {
	t.Helper()
	n, stop := Run(t, change...)
	return "http://" + n.Addr().String(), stop
}

// Run is Start, and gives the node itself.
func Run(t testing.TB, change ...func(*node.Config)) (n *node.Node, stop func()) {
	t.Helper()
	c := node.DefaultConfig()
	c.Listen, c.Admin.Listen, c.InMemory, c.Shutdown.Delay = "127.0.0.1:0", "", true, 0
	for _, f := range change {
		f(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := node.New(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return n, stop
}

// Uncached switches the caches off.
func Uncached(c *node.Config) { c.Cache.Enabled = false }

// Call asks the endpoint at url for an operation, with a signature that is one in form, over a connection of its own.
func Call(t testing.TB, url, operation, body string) (status int, reply string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(out)
}
