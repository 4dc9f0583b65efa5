package node

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"millrace/metrics"
)

// collector takes what is sent by OTLP over HTTP.
type collector struct {
	t      *testing.T
	server *httptest.Server

	mu sync.Mutex

	spans    []*trace.Span
	families map[string]*metricspb.Metric
	service  string
	raw      bytes.Buffer
}

// newCollector starts one and points the environment to it.
func newCollector(t *testing.T) *collector {
	c := &collector{t: t, families: map[string]*metricspb.Metric{}}
	c.server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.server.URL)
	return c
}

// take answers POST /v1/traces and /v1/metrics.
func (c *collector) take(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			c.t.Error(err)
			return
		}
	}
	b, err := io.ReadAll(body)
	if err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("%s with %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(b)
	switch r.URL.Path {
	case "/v1/traces":
		var m collecttraces.ExportTraceServiceRequest
		if err := proto.Unmarshal(b, &m); err != nil {
			c.t.Error(err)
		}
		for _, rs := range m.ResourceSpans {
			c.service = attributesOf(rs.Resource.Attributes)["service.name"]
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
	case "/v1/metrics":
		var m collectmetrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(b, &m); err != nil {
			c.t.Error(err)
		}
		for _, rm := range m.ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				for _, f := range sm.Metrics {
					c.families[f.Name] = f
				}
			}
		}
	default:
		c.t.Errorf("sent to %s", r.URL.Path)
	}
}

// attributesOf are attributes as texts.
func attributesOf(list []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[kv.Key] = v.StringValue
		case *common.AnyValue_ArrayValue:
			var parts []string
			for _, e := range v.ArrayValue.Values {
				parts = append(parts, e.GetStringValue())
			}
			out[kv.Key] = strings.Join(parts, ",")
		default:
			out[kv.Key] = kv.Value.String()
		}
	}
	return out
}

// find gives the spans of a trace by kind, operation and, of the server's, result.
func (c *collector) find(traceID string, kind trace.Span_SpanKind, name, result string) (found []*trace.Span) {
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) == traceID && s.Kind == kind && s.Name == name &&
			(result == "" || attributesOf(s.Attributes)["millrace.cache.result"] == result) {
			found = append(found, s)
		}
	}
	return found
}

// The trace that the test's client begins, as a header.
const (
	clientTrace  = "0af7651916cd43dd8448eb211c80319c"
	clientSpan   = "b7ad6b7169203331"
	traceHeader  = "Traceparent: 00-" + clientTrace + "-" + clientSpan + "-01\r\n"
	unsampled    = "11111111111111111111111111111111"
	notThisTrace = "Traceparent: 00-" + unsampled + "-" + clientSpan + "-00\r\n"
)

// TestSpansAndMetricsAreSent sends requests through a millrace that forwards to another, both of which tell a collector.
func TestSpansAndMetricsAreSent(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_SERVICE_NAME", "orders-sidecar")
	upstream := run(t, testConfig())
	config := testConfig()
	config.Backend, config.Upstream.URL, config.Upstream.Region = "aws", "http://"+upstream.node.Addr().String(), "us-east-1"
	config.Tables = map[string]TableConfig{"*": {Rewrite: RewriteConfig{ConsumedCapacity: "on"}}}
	t.Setenv("AWS_ACCESS_KEY_ID", "any")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "any")
	r := run(t, config)
	r.mustCall("CreateTable", createTable)
	r.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"secret-key"},"v":{"S":"secret-value"}}}`, traceHeader)
	const get = `{"TableName":"t-1","Key":{"p":{"S":"secret-key"}},"ReturnConsumedCapacity":"TOTAL"}`
	const query = `{"TableName":"t-1","KeyConditionExpression":"p=:p","ExpressionAttributeValues":{":p":{"S":"secret-key"}},"Limit":5}`
	for range 2 {
		r.mustCall("GetItem", get, traceHeader)
		r.mustCall("GetItem", get, notThisTrace)
		r.mustCall("Query", query, traceHeader)
	}
	r.call("GetItem", `{"TableName":"none","Key":{"p":{"S":"x"}}}`, traceHeader)
	// No fill is weak so soon after the start, when replicas may lack what is known. Others test when one is.
	r.node.metrics.Table("t-1").Weakened(metrics.WeakCold)
	for _, n := range []*running{r, upstream} {
		if err := n.wait(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(n.log.String(), "not delivered") || !strings.Contains(n.log.String(), `what="spans and metrics"`) {
			t.Errorf("the log: %s", n.log)
		}
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.service != "orders-sidecar" {
		t.Errorf("service.name is %q", c.service)
	}
	// Each server span is below the client's, or below the span of who forwarded to it.
	parents := map[string]*trace.Span{}
	for _, s := range c.spans {
		parents[hex.EncodeToString(s.SpanId)] = s
	}
	puts := c.find(clientTrace, trace.Span_SPAN_KIND_SERVER, "DynamoDB.PutItem", "forward")
	if len(puts) != 2 {
		t.Fatalf("%d server spans of PutItem, want one of each millrace", len(puts))
	}
	if hex.EncodeToString(puts[0].ParentSpanId) != clientSpan {
		puts[0], puts[1] = puts[1], puts[0]
	}
	asked := parents[hex.EncodeToString(puts[1].ParentSpanId)]
	if hex.EncodeToString(puts[0].ParentSpanId) != clientSpan || asked == nil || asked.Kind != trace.Span_SPAN_KIND_CLIENT || !bytes.Equal(asked.ParentSpanId, puts[0].SpanId) {
		t.Errorf("the chain of a write is broken: %v, %v", puts[0], asked)
	} else {
		a := attributesOf(asked.Attributes)
		for key, want := range map[string]string{"db.system.name": "aws.dynamodb", "db.operation.name": "PutItem", "rpc.method": "DynamoDB/PutItem", "aws.dynamodb.table_names": "t-1"} {
			if a[key] != want {
				t.Errorf("attribute %s of the backend's span is %q, want %q", key, a[key], want)
			}
		}
		if len(a["aws.request_id"]) != 52 {
			t.Errorf("the request id is %q", a["aws.request_id"])
		}
	}
	if n := len(c.find(clientTrace, trace.Span_SPAN_KIND_SERVER, "DynamoDB.GetItem", "hit")); n == 0 {
		t.Error("a hit has no span")
	}
	if n := len(c.find(clientTrace, trace.Span_SPAN_KIND_SERVER, "DynamoDB.Query", "miss")); n != 2 {
		t.Errorf("%d spans of a Query that both missed", n)
	}
	missed := c.find(clientTrace, trace.Span_SPAN_KIND_CLIENT, "DynamoDB.Query", "")
	if len(missed) == 0 {
		t.Fatal("the backend's read for a Query has no span")
	}
	if a := attributesOf(missed[0].Attributes); !strings.Contains(a["aws.dynamodb.count"], "1") || !strings.Contains(a["aws.dynamodb.limit"], "5") || !strings.Contains(a["aws.dynamodb.consumed_capacity"], "CapacityUnits") {
		t.Errorf("the backend's span of a Query has %v", a)
	}
	failed := c.find(clientTrace, trace.Span_SPAN_KIND_SERVER, "DynamoDB.GetItem", "forward")
	if len(failed) == 0 || attributesOf(failed[0].Attributes)["error.type"] != "ResourceNotFoundException" || failed[0].Status.GetCode() == trace.Status_STATUS_CODE_ERROR {
		t.Errorf("a user error's span is %v", failed)
	}
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) == unsampled {
			t.Errorf("a span of a trace that its client does not sample: %v", s)
		}
	}
	if bytes.Contains(c.raw.Bytes(), []byte("secret")) {
		t.Error("keys or values of items were sent")
	}

	for _, i := range metrics.Instruments() {
		// These have no numbers here: nothing streams, retries, is slow or renewed.
		if strings.HasPrefix(i.OTLP, "millrace.stream") || strings.HasPrefix(i.OTLP, "millrace.capacity") || strings.HasPrefix(i.OTLP, "millrace.tls") || i.OTLP == "millrace.index.lag" ||
			i.OTLP == "millrace.staleness" || i.OTLP == "millrace.upstream.retries" || i.OTLP == "millrace.hot_key.share" {
			continue
		}
		f := c.families[i.OTLP]
		if f == nil || f.Unit != i.Unit {
			t.Errorf("metric %s is not sent, or with unit %q", i.OTLP, f.GetUnit())
		}
	}
	d := c.families["db.client.operation.duration"].GetHistogram().GetDataPoints()
	if len(d) == 0 || attributesOf(d[0].Attributes)["db.system.name"] != "aws.dynamodb" || len(d[0].BucketCounts) != len(d[0].ExplicitBounds)+1 {
		t.Errorf("the database client's metric is %v", d)
	}
	if c.families["go.goroutine.count"] == nil {
		t.Error("the runtime's metrics are not sent")
	}
}

func TestTelemetryIsOffWithoutAnEndpoint(t *testing.T) {
	f := func(want string, env ...string) {
		t.Helper()
		for i := 0; i < len(env); i += 2 {
			t.Setenv(env[i], env[i+1])
		}
		telemetry, err := metrics.NewTelemetry(t.Context(), metrics.New(metricNames()), "test", slog.New(slog.DiscardHandler))
		if err != nil {
			if want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("with %q: %v, want %q", env, err, want)
			}
			return
		}
		if got := telemetry.Sending(); got != want || (telemetry.Tracer != nil) != strings.Contains(want, "spans") {
			t.Errorf("with %q sent is %q, want %q", env, got, want)
		}
		// Nobody listens where spans of nothing would go.
		_ = telemetry.Close(t.Context())
	}
	f("nothing")
	c := newCollector(t)
	f("spans and metrics")
	f("metrics", "OTEL_TRACES_EXPORTER", "none")
	f("nothing", "OTEL_METRICS_EXPORTER", "none")
	f("nothing", "OTEL_TRACES_EXPORTER", "otlp", "OTEL_SDK_DISABLED", "true")
	f(`OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; millrace sends http/protobuf`, "OTEL_SDK_DISABLED", "", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	f("spans", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
	f("nothing", "OTEL_EXPORTER_OTLP_ENDPOINT", "")
	f("spans", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", c.server.URL+"/v1/traces")
}

func TestLogsTellTheTrace(t *testing.T) {
	newCollector(t)
	var out bytes.Buffer
	log := slog.New(metrics.TraceLog(slog.NewJSONHandler(&out, nil)))
	telemetry, err := metrics.NewTelemetry(t.Context(), metrics.New(metricNames()), "test", log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := telemetry.Tracer.Ask(t.Context(), "GetItem")
	log.With("a", 1).WithGroup("g").InfoContext(ctx, "heard")
	if !strings.Contains(out.String(), `"trace_id":"`+span.TraceID()+`","span_id":"`) || span.TraceID() == "" {
		t.Errorf("the log is %s", out.String())
	}
	out.Reset()
	log.InfoContext(t.Context(), "heard")
	if strings.Contains(out.String(), "trace_id") {
		t.Errorf("without a span the log is %s", out.String())
	}
	span.End(metrics.Answer{})
	if err := telemetry.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
