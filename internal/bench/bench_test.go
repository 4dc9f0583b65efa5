package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answering runs an HTTP server with one answer and returns its URL.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	return srv.URL
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "no such table", http.StatusBadRequest)
}

func TestClientReadsAnswersOfEitherFraming(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 20_000)
	url := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if got := r.Header.Get("X-Amz-Target"); got != "DynamoDB_20120810.GetItem" {
			t.Errorf("X-Amz-Target is %q", got)
		}
		if string(body) == "chunks" {
			// Without a length, and in two writes with a flush between, it goes out in chunks.
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, long)
	})
	c, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]*client{c})
	// One connection answers all of them.
	for _, f := range []struct{ body, want string }{{"plain", long}, {"chunks", "some" + long}, {"plain", long}} {
		got, err := c.do(httpRequest("GetItem", f.body))
		if err != nil || string(got) != f.want {
			t.Fatalf("answer to %q has %d bytes, %v; want %d", f.body, len(got), err, len(f.want))
		}
	}
}

func TestClientReportsRefusals(t *testing.T) {
	t.Parallel()
	url := answering(t, refuse)
	c, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]*client{c})
	if _, err := c.do(httpRequest("GetItem", "{}")); err == nil || !strings.Contains(err.Error(), "400 no such table") {
		t.Errorf("a refusal gives %v", err)
	}
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var key [keyLength]byte
	for i := range uint64(100_000) {
		writeKey(key[:], i)
		if seen[string(key[:])] {
			t.Fatalf("key %d, %s, was there before", i, key)
		}
		seen[string(key[:])] = true
	}
}

func TestTemplateFillsEveryPlace(t *testing.T) {
	t.Parallel()
	filled := newTemplate("BatchWriteItem", batchPut("t", 3, "")).fill(newSource(1), 7, 2)
	for i := range uint64(3) {
		var key [keyLength]byte
		writeKey(key[:], 7+2*i)
		if bytes.Count(filled, key[:]) != 1 {
			t.Errorf("key %d, %s, is not there once: %s", i, key, filled)
		}
	}
	for _, blank := range []string{blankKey, blankValue} {
		if bytes.Contains(filled, []byte(blank)) {
			t.Errorf("a place was left blank: %s", filled)
		}
	}
}

func TestRatiosAreMadeWithinARound(t *testing.T) {
	t.Parallel()
	s := samples{}
	for _, v := range []float64{10, 1, 30} {
		s.add("a", v)
		s.add("b", v/2)
	}
	if got := spread(s.over("a", "b")); got != "2 (2..2)" {
		t.Errorf("ratios are %s, want 2 in every round", got)
	}
	if got := spreadTo(4, []float64{1.1004}); got != "1.1 (1.1..1.1)" {
		t.Errorf("to four digits 1.1004 is %s", got)
	}
	if got := spreadTo(4, []float64{1.0957}); got != "1.096 (1.096..1.096)" {
		t.Errorf("to four digits 1.0957 is %s", got)
	}
	if got := spread(s.over("a", "absent")); got != "not measured" {
		t.Errorf("ratio to an absent side is %q", got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median is %v, want 2.5", got)
	}
}

func TestDriveEndsAtTheFirstError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	start, failed := time.Now(), make(chan struct{})
	_, err := drive(t.Context(), 4, time.Hour, func(worker int) error {
		if worker == 2 {
			close(failed)
			return broken
		}
		<-failed
		return nil
	})
	if !errors.Is(err, broken) || time.Since(start) > time.Minute {
		t.Errorf("drive returned %v after %v", err, time.Since(start))
	}
}

func TestSizesAscend(t *testing.T) {
	t.Parallel()
	var l sizeList
	for text, ok := range map[string]bool{"x": false, "0GB": false, "-1MB": false} {
		if err := l.Set(text); (err == nil) != ok {
			t.Errorf("-data %s gives %v", text, err)
		}
	}
	if err := errors.Join(l.Set("500MB"), l.Set("1GB")); err != nil || l[0] != 5e8 || l[1] != 1e9 {
		t.Errorf("sizes are %v, %v", l, err)
	}
	if l.Set("2MB") == nil {
		t.Error("a size below the one before is taken")
	}
	if math.Abs(median(nil)) != 0 {
		t.Error("median of nothing is not 0")
	}
}
