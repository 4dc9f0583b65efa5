package node

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/units"
	"millrace/metrics"
)

// streamGate stands between nodes and their upstream. While it is locked GetRecords waits; while trimmed is set it is refused,
// as for a position whose records are gone.
type streamGate struct {
	url string

	mu sync.RWMutex

	trimmed bool
}

// newStreamGate puts one before behind.
func newStreamGate(t *testing.T, behind *running) *streamGate {
	t.Helper()
	target, err := url.Parse(behind.address())
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	g := &streamGate{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetRecords") {
			g.mu.RLock()
			defer g.mu.RUnlock()
			if g.trimmed {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#TrimmedDataAccessException","message":"gone"}`)
				return
			}
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

// movements is what scrapes of nodes showed: the families of which a number was another than in the node's first scrape.
type movements struct {
	t     *testing.T
	first map[*running]map[string]float64
	moved map[string]bool
}

// sampleLine is a line of a scrape.
var sampleLine = regexp.MustCompile(`^(millrace_[a-z_]+)(\{.*\})? (\S+)$`)

// samples are the numbers of a node by name and labels, those of histograms by their counts.
func (m *movements) samples(r *running) map[string]float64 {
	m.t.Helper()
	w := httptest.NewRecorder()
	r.node.metrics.Handler().ServeHTTP(w, httptest.NewRequestWithContext(m.t.Context(), "GET", "/metrics", nil))
	out := map[string]float64{}
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if found := sampleLine.FindStringSubmatch(lines.Text()); found != nil {
			v, err := strconv.ParseFloat(found[3], 64)
			if err != nil {
				m.t.Fatalf("a scrape has %q", lines.Text())
			}
			out[found[1]+found[2]] = v
		}
	}
	return out
}

// look scrapes a node.
func (m *movements) look(r *running) {
	m.t.Helper()
	now := m.samples(r)
	before, ok := m.first[r]
	if !ok {
		m.first[r] = now
		return
	}
	for name, v := range now {
		family, _, _ := strings.Cut(name, "{")
		if v != before[name] {
			m.moved[family] = true
		}
	}
}

// until looks at a node until a sample that begins with name is there and holds what is wanted. do is done before each look.
func (m *movements) until(r *running, name string, do func(), wanted func(float64) bool) {
	m.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		if do != nil {
			do()
		}
		m.look(r)
		now := m.samples(r)
		for sample, v := range now {
			if strings.HasPrefix(sample, name) && wanted(v) {
				return
			}
		}
		if time.Now().After(end) {
			family, _, _ := strings.Cut(name, "{")
			maps.DeleteFunc(now, func(sample string, _ float64) bool { return !strings.HasPrefix(sample, family) })
			m.t.Fatalf("%s did not come within two minutes; there are %v", name, now)
		}
	}
}

// above reports whether a number is more than n.
func above(n float64) func(float64) bool { return func(v float64) bool { return v > n } }

// still are the instruments that no test makes move, and why.
var still = map[string]string{
	"millrace_panics_total":                                 "a request that panics is a fault of ours; the front's own tests have one",
	"millrace_build_info":                                   "it is always 1",
	"millrace_cache_max_bytes":                              "it is a setting",
	"millrace_config_last_reload_successful":                "TestBadReloadChangesNothing makes it 0",
	"millrace_config_last_reload_success_timestamp_seconds": "it is that of the start",
	"millrace_tls_certificate_expiry_timestamp_seconds":     "it is the certificate's",
}

// Every instrument that is documented counts something: nodes before a real upstream, one that serves and one that observes, are
// put through all that instruments are about. And what the alerts are about is among them.
func TestEveryInstrumentMoves(t *testing.T) {
	t.Parallel()
	behind := run(t, aidedConfig(false))
	gate := newStreamGate(t, behind)
	config := auditedConfig(gate.url, 8*time.Second)
	config.Metrics.SlowThreshold = units.Duration(time.Nanosecond)
	config.HTTP.DrainTimeout = units.Duration(50 * time.Millisecond)
	front := run(t, config)
	config = auditedConfig(gate.url, 8*time.Second)
	config.Mode = "observe"
	watching := run(t, config)
	files := tlsFiles(t)
	writeCertificate(t, files, 1, time.Now().Add(time.Hour))
	config = testConfig()
	config.TLS = files
	secure := run(t, config)

	m := &movements{t: t, first: map[*running]map[string]float64{}, moved: map[string]bool{}}
	m.look(front)
	m.look(watching)
	front.mustCall("CreateTable", streamed)
	front.put(1)
	front.covered()
	for range 3 {
		front.mustCall("BatchGetItem", `{"RequestItems":{"t-1":{"Keys":[{"p":{"S":"a"}},{"p":{"S":"b"}}]}}}`)
		front.mustCall("Query", `{"TableName":"t-1","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`)
	}
	front.mustCall("TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"t-1","Key":{"p":{"S":"a"}}}}]}`)
	front.exchange("NONSENSE\r\n\r\n")
	behind.putFaults("rules: {busy: {operations: GetItem, error: ProvisionedThroughputExceededException, count: 1}}")
	front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"busy"}},"ConsistentRead":true}`)
	for fault, status := range map[string]int{"ThrottlingException": 400, "InternalServerError": 500} {
		behind.putFaults("rules: {down: {operations: DescribeTimeToLive, error: " + fault + "}}")
		if got, _, body := front.call("DescribeTimeToLive", `{"TableName":"t-1"}`); got != status {
			t.Errorf("with %s upstream the front answers %d %s", fault, got, body)
		}
	}

	// The observing node follows the stream too, and would hit.
	m.until(watching, `millrace_stream_watermark_age_seconds{`, func() { watching.mustCall("GetItem", auditGet) }, above(0))
	m.until(watching, `millrace_observe_reads_total{result="hit"}`, func() { watching.mustCall("GetItem", auditGet) }, above(0))

	// A write of others that the streams do not tell of yet: the answers are old, and are found to be when it comes.
	gate.mu.Lock()
	behind.put(2)
	// Hits are audited once they have earned that again which reading the stream has cost meanwhile.
	const skipped = `millrace_audits_total{table="t-1",verdict="skipped"}`
	all := m.samples(front)[skipped]
	m.until(front, skipped, func() {
		front.mustCall("GetItem", auditGet)
		all++
	}, func(v float64) bool { return v < all })
	for range 20 {
		watching.mustCall("GetItem", auditGet)
	}
	for _, r := range []*running{front, watching} {
		m.until(r, `millrace_upstream_in_flight`, nil, above(0))
	}
	gate.mu.Unlock()
	m.until(front, `millrace_audits_total{table="t-1",verdict="within_bound"}`, nil, above(0))
	m.until(watching, `millrace_observe_verdicts_total{verdict="within_bound"}`, nil, above(0))

	// The place in the stream is lost.
	gate.mu.Lock()
	gate.trimmed = true
	gate.mu.Unlock()
	m.until(front, `millrace_stream_gaps_total{table="t-1"}`, nil, above(0))
	gate.mu.Lock()
	gate.trimmed = false
	gate.mu.Unlock()

	// The stream of another table is lost, and comes back. What was applied of it has no age meanwhile that would grow.
	const other = `t-2`
	front.mustCall("CreateTable", strings.Replace(streamed, "t-1", other, 1))
	read := func() { front.mustCall("GetItem", strings.Replace(auditGet, "t-1", other, 1)) }
	for _, step := range []struct {
		spec     string // of UpdateTable
		followed float64
	}{{"", 1}, {`{"StreamEnabled":false}`, 0}, {`{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}`, 1}} {
		if step.spec != "" {
			front.mustCall("UpdateTable", `{"TableName":"`+other+`","StreamSpecification":`+step.spec+`}`)
		}
		m.until(front, `millrace_stream_followed{table="`+other+`"}`, read, func(v float64) bool { return v == step.followed })
		if age, ok := m.samples(front)[`millrace_stream_watermark_age_seconds{table="`+other+`"}`]; ok && step.followed == 0 {
			t.Errorf("a stream that is lost is told to be %v s behind", age)
		}
	}

	// One key is hot, and a client stays connected.
	conn, err := net.Dial("tcp", front.node.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := bufio.NewReader(conn)
	request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Date: 20260101T000000Z\r\n%sContent-Length: %d\r\n\r\n%s", as("AKID", "us-east-1"), len(auditGet), auditGet)
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	m.until(front, `millrace_hot_key_share_ratio{rank="1",table="t-1"}`, func() {
		for range 500 {
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(client, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
		}
	}, above(0))
	m.look(watching)
	m.look(secure)

	fresh := 0
	m.until(front, `millrace_cache_weak_fills_total{`, func() { // once nothing is known that a replica may lack
		fresh++
		behind.putFaults("rules: {busy: {operations: GetItem, error: ProvisionedThroughputExceededException, count: 1}}")
		front.mustCall("GetItem", fmt.Sprintf(`{"TableName":"t-1","Key":{"p":{"S":"fresh-%d"}}}`, fresh))
	}, above(0))

	// What was consumed, by operation, and the ledger's entries.
	for _, want := range []string{
		`millrace_capacity_consumed_total{operation="PutItem",table="t-1"}`, `millrace_capacity_consumed_total{operation="GetItem",table="t-1"}`,
		`millrace_capacity_consumed_total{operation="BatchGetItem",table="t-1"}`, `millrace_capacity_consumed_total{operation="Query",table="t-1"}`,
		`millrace_capacity_consumed_total{operation="TransactGetItems",table="t-1"}`,
		`millrace_capacity_units_total{entry="writes_consumed",table="t-1"}`, `millrace_capacity_units_total{entry="stream_reads",table="t-1"}`,
		`millrace_capacity_units_total{entry="reads_consumed",table="t-1"}`, `millrace_capacity_units_total{entry="reads_avoided",table="t-1"}`,
		`millrace_capacity_units_total{entry="strong_fills",table="t-1"}`, `millrace_capacity_units_total{entry="audits",table="t-1"}`,
	} {
		m.until(front, want, nil, above(0))
	}
	if now := m.samples(front); now[`millrace_capacity_units_total{entry="stream_reads",table="t-1"}`] > now[`millrace_stream_requests_total{table="t-1"}`] {
		t.Errorf("the ledger has more GetRecords requests than were sent: %v", now)
	}

	// The front stops under a client that has not sent all of its request.
	if _, err := io.WriteString(conn, request[:len(request)-10]); err != nil {
		t.Fatal(err)
	}
	if err := front.wait(); err != nil {
		t.Logf("the front ended with %v", err)
	}
	m.look(front)

	shown, series := map[string]bool{}, map[string]bool{}
	for _, r := range []*running{front, watching, secure} {
		for name := range m.samples(r) {
			family, _, _ := strings.Cut(name, "{")
			shown[family], series[name] = true, true
		}
	}
	documented := map[string]bool{}
	for _, i := range metrics.Instruments() {
		name := i.Prometheus
		documented[name] = true
		if i.Kind == "histogram" {
			name += "_count"
		}
		if why, ok := still[i.Prometheus]; ok {
			if !shown[name] {
				t.Errorf("%s is nowhere in a scrape; it is not to move because %s", name, why)
			}
			continue
		}
		if !m.moved[name] {
			t.Errorf("%s never moved", name)
		}
	}
	rules, err := os.ReadFile("../../docker/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	selectors := regexp.MustCompile(`(millrace_[a-z_]+)(\{[^}]*\})?`).FindAllStringSubmatch(string(rules), -1)
	if len(selectors) < 20 {
		t.Errorf("the alerts are about %d series", len(selectors))
	}
	for _, s := range selectors {
		if name := s[1]; !documented[name] && !documented[strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")] {
			t.Errorf("an alert is about %s, which is no instrument", name)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(series)), func(series string) bool { return selects(t, s[1], s[2], series) }) {
			t.Errorf("an alert is about %s, of which there is no series", s[0])
		}
	}
}

// matcher is one condition of a selector.
var matcher = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"([^"]*)"`)

// selects reports whether a selector of PromQL is about a series, as a scrape writes it. A label that is not there is empty.
func selects(t *testing.T, name, selector, series string) bool {
	t.Helper()
	family, labels, _ := strings.Cut(series, "{")
	if family != name {
		return false
	}
	for _, c := range matcher.FindAllStringSubmatch(selector, -1) {
		value := ""
		if found := regexp.MustCompile(`(?:^|,)` + c[1] + `="([^"]*)"`).FindStringSubmatch(labels); found != nil {
			value = found[1]
		}
		pattern := c[3]
		if strings.HasSuffix(c[2], "=") {
			pattern = regexp.QuoteMeta(pattern)
		}
		matches, err := regexp.MatchString("^(?:"+pattern+")$", value)
		if err != nil {
			t.Fatal(err)
		}
		if matches == strings.HasPrefix(c[2], "!") {
			return false
		}
	}
	return true
}
