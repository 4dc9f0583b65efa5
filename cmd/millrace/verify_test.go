package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/internal/verify"
)

// serveInMemory runs a node until the test ends and returns its URL.
func serveInMemory(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := newLineWriter()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--in-memory", "--listen", "127.0.0.1:0", "--admin-listen", "", "--drain-delay", "0", "--log-level", "info"}, log, log)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return log.endpoint(t)
}

func TestVerifyReportsOnEveryTarget(t *testing.T) {
	t.Parallel()
	url := serveInMemory(t)
	jsonFile, htmlFile := filepath.Join(t.TempDir(), "r.json"), filepath.Join(t.TempDir(), "r.html")
	code, out, stderr := command(t, "verify", "--target", "one="+url, "--target", "two="+url, "--writer", url, "--rounds", "36", "--concurrency", "2",
		"--only", "own-item,own-query,foreign-query", "--json", jsonFile, "--html", htmlFile, "--seed", "5")
	if code != 0 || !strings.Contains(out, "one: "+url) || !strings.Contains(out, "two: "+url) || !strings.HasSuffix(out, "verdict: holds\n") {
		t.Errorf("verify: exit %d, %s\n%s", code, out, stderr)
	}
	if bound, _, _ := strings.Cut(stderr, "\n"); !strings.HasPrefix(bound, "at most ") || !strings.Contains(bound, "$") {
		t.Errorf("the first line is %q, want what it costs at most", bound)
	}
	text, err := os.ReadFile(jsonFile)
	if err != nil {
		t.Fatal(err)
	}
	var report verify.Report
	if err := json.Unmarshal(text, &report); err != nil || len(report.Targets) != 2 || report.Seed != 5 || len(report.Targets[0].Rows) != 3 {
		t.Errorf("the JSON is %.200s (%v)", text, err)
	}
	if page, err := os.ReadFile(htmlFile); err != nil || !strings.Contains(string(page), "<svg") {
		t.Errorf("the page is %.200s (%v)", page, err)
	}
}

// lackTransactGet serves a proxy before a node that denies having TransactGetItems, and returns its URL.
func lackTransactGet(t *testing.T, node string) string {
	t.Helper()
	upstream, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactGetItems") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#UnknownOperationException"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.URL
}

func TestVerifySaysSoWhenItProvedNothing(t *testing.T) {
	t.Parallel()
	node := serveInMemory(t)
	proxy := lackTransactGet(t, node)
	f := func(want int, verdict, says string, args ...string) {
		t.Helper()
		code, out, stderr := command(t, append([]string{"verify"}, args...)...)
		if code != want || !strings.HasSuffix(out, "verdict: "+verdict+"\n") || !strings.Contains(stderr, says) {
			t.Errorf("verify %q: exit %d, %s\n%s\nwant exit %d, verdict %s and %q", args, code, out, stderr, want, verdict, says)
		}
	}
	const nothing = "nothing that was asked for could be judged"
	f(3, "could not be run", nothing, "--target", node, "--only", "foreign-item")
	f(3, "could not be run", nothing, "--target", proxy, "--only", "own-transact-get")
	f(3, "could not be run", nothing, "--target", proxy, "--only", "foreign-item,own-transact-get")
	f(3, "could not be run", "lacks: "+nothing, "--target", "has="+node, "--target", "lacks="+proxy, "--only", "own-transact-get", "--rounds", "20")
	f(0, "holds", "", "--target", proxy, "--only", "own-strong,own-transact-get,foreign-item", "--rounds", "20")
	f(1, "too few samples", "target one: 1 of 1 rows do not hold, or prove too little", "--target", "one="+node, "--only", "own-strong", "--rounds", "1")
}

func TestVerifyExitCodes(t *testing.T) {
	t.Parallel()
	f := func(want int, says string, args ...string) {
		t.Helper()
		code, _, stderr := command(t, append([]string{"verify"}, args...)...)
		if code != want || !strings.Contains(stderr, says) {
			t.Errorf("verify %q: exit %d, %q; want exit %d with %q", args, code, stderr, want, says)
		}
	}
	f(2, "missing flags: --target")
	f(2, "no row \"nonsense\"", "--target", "http://127.0.0.1:1", "--only", "nonsense")
	f(2, "bound is 0s", "--target", "http://127.0.0.1:1", "--bound", "0")
	f(2, "must be one of", "--target", "http://127.0.0.1:1", "--promise", "much")
	f(2, "--yes-spend", "--target", "https://dynamodb.us-east-1.amazonaws.com")
	f(2, "--yes-spend", "--target", "http://127.0.0.1:1", "--writer", "https://dynamodb.us-east-1.amazonaws.com")
	f(3, "is no URL", "--target", "127.0.0.1:8000")
	f(3, "connection refused", "--target", "http://127.0.0.1:1")
}
