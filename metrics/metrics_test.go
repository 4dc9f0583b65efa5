package metrics

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// newTest is a small set of instruments.
func newTest() *Metrics {
	return New(Names{
		Operations: []string{"Unknown", "GetItem", "PutItem"},
		Results:    []string{"forward", "hit", "miss"},
		CacheOf:    func(op int) string { return []string{"", "item", ""}[op] },
	})
}

// fill counts something with every instrument there is.
func fill(m *Metrics) {
	books := m.Table("books")
	books.Weakened(WeakCold)
	for range 3 {
		m.Request(1, 1, OK, books, 10*time.Microsecond, 100, 400)
	}
	m.Request(1, 2, OK, books, 30*time.Microsecond, 0, 0)
	m.Request(2, 0, User, nil, 200*time.Second, 1, 2)
	nonsense, _ := m.KnownTable([]byte("nonsense"))
	m.Request(2, 0, Throttle, nonsense, time.Second, 0, 0)
	m.Batch(2, 1)
	m.Refused()
	m.Panic()
	m.Slow.Add(SlowRequest{Operation: "GetItem"})
	m.Backend.Begin()
	m.Backend.Begin()
	m.Backend.End(1, OK, 3*time.Millisecond)
	m.Upstream.Begin()
	m.Upstream.End(1, Throttle, 2*time.Millisecond)
	m.Upstream.Retry(1, RetryThrottle)
	s := m.Streams.Table("books")
	s.Follows(Unwanted, Followed)
	s.Watermark(time.Now().Add(-2 * time.Second))
	s.Asked()
	s.Applied(5, 300*time.Millisecond)
	s.Gap()
	s.IndexLag(1500 * time.Millisecond)
	found := m.Audited.Table("books")
	found.Judged(AuditWithinBound)
	found.Stale(40 * time.Millisecond)
	a := m.Ledger.Table("books")
	a.Add(ReadsAvoided, 20)
	a.Add(StrongFills, 3)
	a.Add(WritesConsumed, 100)
	a.Consumed(1, 7)
	m.Observations.Saw(WouldHit)
	m.Observations.Judged(WithinBound)
	m.Invalidations.Add(FromWrite, 2)
	for range hotSample * 40 {
		m.HotKeys.Touch(books, []byte("k"))
	}
	m.Attach(Sources{
		Version: "1.2.3", GoVersion: "go", Backend: "embedded",
		Connections: func() Connections { return Connections{7, 9, 1} },
		Draining:    func() bool { return true },
		Caches: func() Caches {
			return Caches{[]Held{{"item", 3, 300}, {"query", 2, 200}}, []Left{{"capacity", 1, 100}}, 1000}
		},
		CertificateEnds: func() time.Time { return time.Unix(2000000000, 0) },
	})
}

// scrape is the text of one scrape.
func scrapeText(t *testing.T, m *Metrics) string {
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
	fill(m)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 250 {
				m.Request(1, 1, OK, m.Table("books"), 10*time.Microsecond, 100, 400)
			}
		})
	}
	wg.Wait()
	text := scrapeText(t, m)
	for _, want := range []string{
		`millrace_requests_total{class="ok",operation="GetItem",table="books"} 1004`,
		`millrace_requests_total{class="user",operation="PutItem",table="-"} 1`,
		`millrace_requests_total{class="throttle",operation="PutItem",table="other"} 1`,
		`millrace_cache_requests_total{cache="item",operation="GetItem",result="hit",table="books"} 1003`,
		`millrace_cache_requests_total{cache="item",operation="GetItem",result="miss",table="books"} 1`,
		`millrace_cache_batch_keys_total{result="hit"} 2`,
		`millrace_request_duration_seconds_bucket{operation="GetItem",result="hit",le="8e-06"} 0`,
		`millrace_request_duration_seconds_bucket{operation="GetItem",result="hit",le="1.6e-05"} 1003`,
		`millrace_request_duration_seconds_bucket{operation="PutItem",result="forward",le="+Inf"} 2`,
		`millrace_request_duration_seconds_sum{operation="PutItem",result="forward"} 201`,
		`millrace_network_receive_bytes_total 100301`,
		`millrace_network_transmit_bytes_total 401202`,
		`millrace_requests_refused_total 1`,
		`millrace_requests_slow_total 1`,
		`millrace_panics_total 1`,
		`millrace_backend_in_flight 1`,
		`millrace_backend_duration_seconds_count{class="ok",operation="GetItem"} 1`,
		`millrace_upstream_in_flight 0`,
		`millrace_upstream_duration_seconds_count{class="throttle",operation="GetItem"} 1`,
		`millrace_upstream_retries_total{operation="GetItem",reason="throttle"} 1`,
		`millrace_stream_followed{table="books"} 1`,
		`millrace_stream_watermark_age_seconds{table="books"} 2`,
		`millrace_stream_requests_total{table="books"} 1`,
		`millrace_stream_records_total{table="books"} 5`,
		`millrace_stream_gaps_total{table="books"} 1`,
		`millrace_stream_lag_seconds_sum{table="books"} 0.3`,
		`millrace_index_lag_seconds{table="books"} 1.5`,
		`millrace_staleness_seconds_count{table="books"} 1`,
		`millrace_audits_total{table="books",verdict="within_bound"} 1`,
		`millrace_audits_total{table="books",verdict="beyond_bound"} 0`,
		`millrace_capacity_units_total{entry="reads_avoided",table="books"} 10`,
		`millrace_capacity_units_total{entry="writes_consumed",table="books"} 50`,
		`millrace_capacity_consumed_total{operation="GetItem",table="books"} 3.5`,
		`millrace_capacity_net_units{table="books"} 8.5`,
		`millrace_invalidations_total{source="write"} 2`,
		`millrace_hot_key_share_ratio{rank="1",table="books"} 1`,
		`millrace_cache_entries{cache="query"} 2`,
		`millrace_cache_bytes{cache="item"} 300`,
		`millrace_cache_max_bytes 1000`,
		`millrace_cache_evictions_total{reason="capacity"} 1`,
		`millrace_cache_evicted_bytes_total{reason="capacity"} 100`,
		`millrace_build_info{backend="embedded",goversion="go",version="1.2.3"} 1`,
		`millrace_client_connections 7`,
		`millrace_client_connections_accepted_total 9`,
		`millrace_client_connections_cut_total 1`,
		`millrace_draining 1`,
		`millrace_config_last_reload_successful 1`,
		`millrace_config_last_reload_success_timestamp_seconds `,
		`millrace_tls_certificate_expiry_timestamp_seconds 2e+09`,
		`go_goroutines `, `process_cpu_seconds_total `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("scrape lacks %q", want)
		}
	}
	if strings.Contains(text, "Unknown") || strings.Contains(text, `cache=""`) || strings.Contains(text, "nonsense") {
		t.Error("scrape shows an operation nobody asked for, a cache without a name or a table that is none")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestScrapeIsWellFormed applies the rules that `promtool check metrics` does.
func TestScrapeIsWellFormed(t *testing.T) {
	t.Parallel()
	m := newTest()
	fill(m)
	text := scrapeText(t, m)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, i := range Instruments() {
		if !strings.Contains(text, "# TYPE "+i.Prometheus+" ") {
			t.Errorf("%s is an instrument and not in a full scrape", i.Prometheus)
		}
	}
}

func TestBucketEndsAreInclusive(t *testing.T) {
	t.Parallel()
	m := newTest()
	for _, d := range []time.Duration{-time.Second, 0, firstBucket, firstBucket + 1, 2 * firstBucket, 2*firstBucket + 1, time.Hour} {
		m.Request(1, 1, OK, nil, d, 0, 0)
	}
	text := scrapeText(t, m)
	for _, want := range []string{`le="1e-06"} 3`, `le="2e-06"} 5`, `le="4e-06"} 6`, `le="16.777216"} 6`, `le="+Inf"} 7`} {
		if !strings.Contains(text, want) {
			t.Errorf("scrape lacks %q in\n%s", want, text)
		}
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	h := newHistograms(1)
	for range 90 {
		h.observe(0, 0, 3*time.Microsecond)
	}
	for range 10 {
		h.observe(1, 0, 3*time.Millisecond)
	}
	d, ok := h.read(0)
	f := func(q float64, lo, hi time.Duration) {
		t.Helper()
		if got := d.quantile(q); !ok || got < lo || got > hi {
			t.Errorf("quantile %v is %v, want %v to %v", q, got, lo, hi)
		}
	}
	f(0.5, 2*time.Microsecond, 4*time.Microsecond)
	f(0.9, 2*time.Microsecond, 4*time.Microsecond)
	f(0.99, 2*time.Millisecond, 4096*time.Microsecond)
	f(1, 2*time.Millisecond, 4096*time.Microsecond)
	if got := (&distribution{}).quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestTablesPastTheCapShareALabel(t *testing.T) {
	t.Parallel()
	m := newTest()
	for i := range maxTables + 50 {
		name := fmt.Sprintf("table-%d", i)
		m.Request(1, 1, OK, m.Table(name), time.Microsecond, 0, 0)
		m.Streams.Table(name).Gap()
		m.Ledger.Table(name).Add(ReadsAvoided, 2)
	}
	text := scrapeText(t, m)
	for _, want := range []string{
		`millrace_requests_total{class="ok",operation="GetItem",table="other"} 50`,
		`millrace_requests_total{class="ok",operation="GetItem",table="table-99"} 1`,
		`millrace_stream_gaps_total{table="other"} 50`,
		`millrace_capacity_units_total{entry="reads_avoided",table="other"} 50`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("scrape lacks %q", want)
		}
	}
	if n := strings.Count(text, "millrace_requests_total{"); n != maxTables+1 {
		t.Errorf("%d series of requests, want %d", n, maxTables+1)
	}
}

// Two tables that share a label, for their name or past the cap: it tells of the worse of them. What was applied goes with the loss, and
// comes again with what is applied after it.
func TestStreamsTellWhetherTheyAreFollowed(t *testing.T) {
	t.Parallel()
	m := newTest()
	x := m.Streams.Table("t")
	const followed, age = "millrace_stream_followed{table=\"t\"}", "millrace_stream_watermark_age_seconds{table=\"t\"}"
	for i, step := range []struct {
		before, now Following
		want        string // of the gauge; empty is absent
		aged        bool   // after this step
	}{
		{Unwanted, Unwanted, "", false},
		{Unwanted, Unfollowed, "0", false},
		{Unfollowed, Followed, "1", true},
		{Followed, Followed, "1", true},
		{Unwanted, Unfollowed, "0", true},
		{Unfollowed, Followed, "1", true},
		{Followed, Unfollowed, "0", false},
		{Unfollowed, Unwanted, "1", false},
		{Followed, Unwanted, "", false},
	} {
		x.Follows(step.before, step.now)
		if step.now == Followed {
			x.Watermark(time.Now())
		}
		text := scrapeText(t, m)
		got, there := "", strings.Contains(text, "\n"+age)
		if _, after, ok := strings.Cut(text, "\n"+followed+" "); ok {
			got, _, _ = strings.Cut(after, "\n")
		}
		if got != step.want || there != step.aged {
			t.Errorf("step %d: %s is %q, want %q; its age is told: %v, want %v", i, followed, got, step.want, there, step.aged)
		}
	}
}

func TestNilRecordersCountNothing(t *testing.T) {
	t.Parallel()
	var m *Metrics
	if m.Table("x") != nil {
		t.Error("no metrics have a table")
	}
	var u *Upstream
	u.Begin()
	u.End(1, OK, 0)
	u.Retry(1, RetryFault)
	var s *Streams
	s.Table("x").Applied(1, 0)
	s.Table("x").Watermark(time.Now())
	s.Table("x").Gap()
	s.Table("x").Follows(Unwanted, Followed)
	var au *Audited
	au.Table("x").Judged(AuditAgreed)
	au.Table("x").Stale(0)
	var l *Ledger
	l.Table("x").Add(Audits, 1)
	var i *Invalidations
	i.Add(FromBus, 1)
	var h *HotKeys
	h.Touch(nil, nil)
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	m := newTest()
	books, key := m.Table("books"), []byte("some key")
	if n := testing.AllocsPerRun(10000, func() {
		m.HotKeys.Touch(books, key)
		m.Request(1, 1, OK, books, time.Microsecond, 1, 1)
	}); n != 0 {
		t.Errorf("counting a request allocates %v times, want 0", n)
	}
}

// BenchmarkRequest is what counting adds to a request; BenchmarkHotKeys what looking for hot keys does.
func BenchmarkRequest(b *testing.B) {
	m := newTest()
	books := m.Table("books")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Request(1, 1, OK, books, 3*time.Microsecond, 100, 400)
		}
	})
}

func BenchmarkHotKeys(b *testing.B) {
	m := newTest()
	books, key := m.Table("books"), []byte("some key of usual length")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.HotKeys.Touch(books, key)
		}
	})
}

// What reading a stream costs is taken off what may be spent, as long as it has a price, and is called a loss when it has been
// more than what was saved for long.
func TestAccountWeighsTheStream(t *testing.T) {
	t.Parallel()
	for _, streamUnits := range []float64{1.6, 0} {
		m := newTest()
		m.Ledger.Price(streamUnits)
		a := m.Ledger.Table("books")
		save := func(n int) {
			for range n {
				a.Add(ReadsAvoided, 1)
			}
		}
		f := func(when string, thrifty, loses bool) {
			t.Helper()
			if a.Thrifty() != thrifty || a.Loses() != loses {
				t.Errorf("with a GetRecords worth %v units, %s: thrifty %v, loses %v; want %v, %v", streamUnits, when, a.Thrifty(), a.Loses(), thrifty, loses)
			}
		}
		f("at first", true, false)
		save(1000)
		f("with 500 units saved", false, false)
		a.Add(StreamReads, 2*300)
		f("after 300 requests", streamUnits > 0, false)
		if a.Poor() {
			t.Error("audits go by read units alone, but the account is poor")
		}
		// A hit in many looks whether the stream is paid for.
		save(20_000)
		f("with 10 500 units saved", false, false)
		a.Add(StreamReads, 2*lossAfter)
		f("after an hour of requests", streamUnits > 0, streamUnits > 0)
		a.Add(ReadsAvoided, 100*2*lossAfter)
		f("when hits have paid for it", true, false) // a read that was worth so much may come again
	}
}

// A dear read is held in mind for as long as the like of it may be under way, and not for good.
func TestAccountForgetsTheDearest(t *testing.T) {
	t.Parallel()
	a := newTest().Ledger.Table("books")
	a.Add(ReadsAvoided, 20_000) // a hit on a scan
	hits := 0
	for a.Thrifty() && hits < 10*dearestWindow {
		a.Add(ReadsAvoided, 1)
		hits++
	}
	if hits < dearestWindow || hits > 2*dearestWindow {
		t.Errorf("after a dear read it took %d hits until some may be spent, want from %d to %d", hits, dearestWindow, 2*dearestWindow)
	}
	if net := a.Net(); net < reserve*cheapest/2 {
		t.Errorf("%v units are saved, less than what is held back", net)
	}
	// And what is still dear is still held in mind.
	for range 3 * dearestWindow {
		a.Add(StrongFills, 1)
		a.Add(ReadsAvoided, 1)
	}
	a.Add(StrongFills, 300)
	if !a.Thrifty() {
		t.Error("a fill that cost 150 units more is not held in mind")
	}
}

// One surcharge is never more than what is held back, whatever was seen before.
func TestAccountHoldsBackTheDearest(t *testing.T) {
	t.Parallel()
	a := newTest().Ledger.Table("books")
	for a.Thrifty() {
		a.Add(ReadsAvoided, 1)
	}
	a.Add(StrongFills, 256) // of a page of 1 MB
	if net := a.Net(); net < 0 || !a.Poor() || !a.Thrifty() {
		t.Errorf("after the dearest of fills the net is %v, poor %v; want 0 or more, true", net, a.Poor())
	}
}
