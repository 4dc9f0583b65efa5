package metrics

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// newTest is a small set of instruments.
func newTest() *Metrics {
	return New(Names{
		Operations: []string{"Unknown", "GetItem", "PutItem"},
		Results:    []string{"hit", "miss"},
		CacheOf:    func(op int) string { return []string{"", "item", ""}[op] },
	})
}

// scrape is the text of one scrape.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("scrape answered %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestScrapeShowsWhatWasCounted(t *testing.T) {
	t.Parallel()
	m := newTest()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 250 {
				m.Request(1, 0, OK, 10*time.Microsecond, 100, 400)
			}
		})
	}
	wg.Wait()
	m.Request(1, 1, OK, 30*time.Microsecond, 0, 0)
	m.Request(2, -1, User, 200*time.Second, 1, 2)
	m.Refused()
	m.Panic()
	if err := m.Register(Build("1.2.3", "go")); err != nil {
		t.Fatal(err)
	}
	if err := m.Register(Connections(func() int { return 7 })); err != nil {
		t.Fatal(err)
	}
	text := scrape(t, m)
	for _, want := range []string{
		`millrace_requests_total{class="ok",operation="GetItem"} 1001`,
		`millrace_requests_total{class="user",operation="PutItem"} 1`,
		`millrace_cache_requests_total{cache="item",operation="GetItem",result="hit"} 1000`,
		`millrace_cache_requests_total{cache="item",operation="GetItem",result="miss"} 1`,
		`millrace_request_duration_seconds_bucket{operation="GetItem",le="2.5e-05"} 1000`,
		`millrace_request_duration_seconds_bucket{operation="GetItem",le="5e-05"} 1001`,
		`millrace_request_duration_seconds_bucket{operation="PutItem",le="13.1072"} 0`,
		`millrace_request_duration_seconds_bucket{operation="PutItem",le="+Inf"} 1`,
		`millrace_request_duration_seconds_sum{operation="PutItem"} 200`,
		`millrace_network_receive_bytes_total 100001`,
		`millrace_network_transmit_bytes_total 400002`,
		`millrace_requests_refused_total 1`,
		`millrace_panics_total 1`,
		`millrace_build_info{goversion="go",version="1.2.3"} 1`,
		`millrace_client_connections 7`,
		`go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("scrape lacks %q", want)
		}
	}
	if strings.Contains(text, "Unknown") || strings.Contains(text, `cache=""`) {
		t.Error("scrape shows an operation nobody asked for, or a cache without a name")
	}
}

func TestBucketEndsAreInclusive(t *testing.T) {
	t.Parallel()
	m := newTest()
	for _, d := range []time.Duration{-time.Second, 0, firstBucket, firstBucket + 1, 2 * firstBucket, 2*firstBucket + 1} {
		m.Request(1, 0, OK, d, 0, 0)
	}
	text := scrape(t, m)
	for _, want := range []string{`le="2.5e-05"} 3`, `le="5e-05"} 5`, `le="0.0001"} 6`} {
		if !strings.Contains(text, want) {
			t.Errorf("scrape lacks %q in\n%s", want, text)
		}
	}
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	m := newTest()
	if n := testing.AllocsPerRun(100, func() { m.Request(1, 0, OK, time.Microsecond, 1, 1) }); n != 0 {
		t.Errorf("Request allocates %v times, want 0", n)
	}
}
