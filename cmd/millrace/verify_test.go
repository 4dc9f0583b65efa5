package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/internal/verify"
)

func TestVerifyReportsOnEveryTarget(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	log := newLineWriter()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--in-memory", "--listen", "127.0.0.1:0", "--admin-listen", "", "--drain-delay", "0", "--log-level", "info"}, log, log)
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	url := log.endpoint(t)
	jsonFile, htmlFile := filepath.Join(t.TempDir(), "r.json"), filepath.Join(t.TempDir(), "r.html")
	code, out, stderr := command(t, "verify", "--target", "one="+url, "--target", "two="+url, "--writer", url, "--rounds", "4", "--concurrency", "2",
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
