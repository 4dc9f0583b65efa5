package node

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/internal/units"
)

// overridden is a stand before an upstream that answers requests of its own choice itself.
func overridden(t *testing.T, behind *running, answer func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(behind.address())
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// askedOf is the operation that a request is for, and its body, which can be read again.
func askedOf(r *http.Request) (operation, body string) {
	b, _ := io.ReadAll(r.Body) // a client that leaves asks for nothing
	r.Body = io.NopCloser(bytes.NewReader(b))
	_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return operation, string(b)
}

// What upstream, or something before it, answers instead of serving a request comes to the client with what it needs to make of it, for reads
// that would have filled the cache as for writes; and a redirect in answer to a write leaves nothing cached of its item.
func TestErrorsComeAsUpstreamSentThem(t *testing.T) {
	t.Parallel()
	var refused atomic.Pointer[string]
	behind := run(t, testConfig())
	front := run(t, upstreamConfig(overridden(t, behind, func(w http.ResponseWriter, r *http.Request) bool {
		op := refused.Load()
		if op == nil || r.Header.Get("X-Amz-Target") != "DynamoDB_20120810."+*op {
			return false
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Retry-After", "9")
		w.Header().Set("Location", "https://elsewhere.example/")
		status := http.StatusMovedPermanently
		if *op == "GetItem" {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>not here</html>")
		return true
	})))
	front.mustCall("CreateTable", createTable)
	const put, get = `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`, `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`
	f := func(op, body string, status int) {
		t.Helper()
		refused.Store(&op)
		got, header, text := front.call(op, body)
		refused.Store(nil)
		if got != status || text != "<html>not here</html>" {
			t.Errorf("%s: %d %q", op, got, text)
		}
		for name, want := range map[string]string{"Content-Type": "text/html", "Retry-After": "9", "Location": "https://elsewhere.example/"} {
			if header.Get(name) != want {
				t.Errorf("%s: header %s is %q, want %q", op, name, header.Get(name), want)
			}
		}
	}
	f("GetItem", get, 503)
	front.mustCall("PutItem", put)
	if header, _ := front.mustCall("GetItem", get); header.Get("X-Millrace-Cache") != "hit" {
		t.Fatalf("the item that was put is a %s, want it cached", header.Get("X-Millrace-Cache"))
	}
	f("PutItem", put, 301)
	if header, _ := front.mustCall("GetItem", get); header.Get("X-Millrace-Cache") == "hit" {
		t.Error("an item is cached as it was before a write that may have been applied")
	}
}

// An upstream that answers a look and no requests is taken for slow: reads are held for as long as requests may take, and no longer.
func TestMuteDataHoldsReadsUntilTheirTimeout(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, r.Body) // or it is not seen when the client goes
			select {
			case <-end:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(end) })
	c := upstreamConfig(s.URL)
	const held = 5 * time.Second // longer than what tells a mute upstream
	c.HTTP.RequestTimeout = units.Duration(held)
	c.Upstream.Timeout = units.Duration(held - time.Millisecond)
	c.Upstream.AttemptTimeout = c.Upstream.Timeout
	front := run(t, c)
	got := front.time([2]string{"GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`})[0]
	if got.status != http.StatusInternalServerError && got.status != http.StatusServiceUnavailable || got.took < held-held/10 || got.took > 4*held {
		t.Errorf("a read of what never comes: %d %s after %v, want it refused after %v", got.status, got.body, got.took, held)
	}
}
