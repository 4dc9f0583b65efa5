package doctor

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"millrace/backend/aws"
	"millrace/internal/node/nodetest"
)

func TestMain(m *testing.M) {
	// What the SDK's chain finds first.
	_ = os.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	_ = os.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	os.Exit(m.Run())
}

// upstream is a second millrace with tables: "plain" has nothing, "whole" a stream of both images and an expiry, "keys" a
// stream of keys and a binary and a number key.
func upstream(t *testing.T) string {
	t.Helper()
	url, _ := nodetest.Start(t, nodetest.Uncached)
	for _, call := range [][2]string{
		{"CreateTable", `{"TableName":"plain","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}]}`},
		{"CreateTable", `{"TableName":"whole","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"g","AttributeType":"S"}],"GlobalSecondaryIndexes":[{"IndexName":"one","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}},{"IndexName":"two","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"p","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}],"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`},
		{"CreateTable", `{"TableName":"keys","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"B"},{"AttributeName":"s","AttributeType":"N"}],"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}}`},
		{"UpdateTimeToLive", `{"TableName":"whole","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"e"}}`},
		{"UpdateTimeToLive", `{"TableName":"plain","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"e"}}`},
		{"PutItem", `{"TableName":"plain","Item":{"p":{"S":"a"}}}`},
	} {
		if status, body := nodetest.Call(t, url, call[0], call[1]); status != 200 {
			t.Fatalf("%s: %d %s", call[0], status, body)
		}
	}
	return url
}

// examine runs the doctor on url.
func examine(t *testing.T, url string, change func(*Config)) []Finding {
	t.Helper()
	c := Config{Upstream: aws.DefaultConfig()}
	c.Upstream.Endpoint.URL, c.Upstream.Region = url, "us-east-1"
	if change != nil {
		change(&c)
	}
	return Run(t.Context(), c)
}

// expect checks that among findings there is one of the given level, check and table, with words in its detail.
func expect(t *testing.T, findings []Finding, level Level, check, table, words string) {
	t.Helper()
	for _, f := range findings {
		if f.Level == level && f.Check == check && f.Table == table && strings.Contains(f.Detail, words) {
			if f.Level != OK && f.Next == "" {
				t.Errorf("%s %s %q says nothing of what to do", f.Level, f.Check, f.Detail)
			}
			return
		}
	}
	t.Errorf("no finding %s, %s, %q with %q among %+v", level, check, table, words, findings)
}

// worst is the highest level among findings.
func worst(findings []Finding) Level {
	level := OK
	for _, f := range findings {
		if f.Level == Fail || f.Level == Warn && level == OK {
			level = f.Level
		}
	}
	return level
}

func TestHealthyUpstream(t *testing.T) {
	t.Parallel()
	url := upstream(t)
	got := examine(t, url, nil)
	expect(t, got, OK, "endpoint", "", url+" answers in")
	expect(t, got, OK, "streams endpoint", "", url)
	expect(t, got, OK, "clock", "", "within seconds")
	expect(t, got, OK, "credentials", "", "key …MPLE from EnvConfigCredentials, region us-east-1")
	expect(t, got, OK, "tables", "", "looking at 3 tables")
	expect(t, got, OK, "DescribeTable", "plain", "ACTIVE, no secondary indexes")
	expect(t, got, OK, "DescribeTable", "whole", "ACTIVE, 2 secondary indexes")
	all := "allowed: GetItem, BatchGetItem, Query, Scan, PutItem, UpdateItem, DeleteItem"
	expect(t, got, OK, "permissions", "plain", all)
	expect(t, got, OK, "permissions", "keys", all)
	expect(t, got, Warn, "stream", "plain", "has no stream")
	expect(t, got, Warn, "time to live", "plain", `by attribute "e"; without a stream`)
	expect(t, got, OK, "stream", "whole", "NEW_AND_OLD_IMAGES")
	expect(t, got, OK, "time to live", "whole", "leave the caches")
	expect(t, got, Warn, "stream", "keys", "KEYS_ONLY")
	if worst(got) != Warn {
		t.Errorf("something fails: %+v", got)
	}
	// Nothing was written.
	if _, body := nodetest.Call(t, url, "Scan", `{"TableName":"plain"}`); body != `{"Items":[{"p":{"S":"a"}}],"Count":1,"ScannedCount":1}` {
		t.Errorf("after the examination the table holds %s", body)
	}
	// With a table named there is a word about that one alone.
	for _, f := range examine(t, url, func(c *Config) { c.Tables = []string{"whole", "missing"} }) {
		if f.Table == "plain" || f.Table == "missing" && f.Level != Fail {
			t.Errorf("finding %+v", f)
		}
	}
}

// What fails for a reason of the moment, or of the upstream's, is not put down to the table's name or to permissions.
func TestNextStepsFitTheReason(t *testing.T) {
	t.Parallel()
	f := func(status int, body, next string) {
		t.Helper()
		got := examine(t, stub(t, status, body, 0), func(c *Config) { c.Tables = []string{"t"} })
		if last := got[len(got)-1]; last.Level != Fail || !strings.Contains(last.Next, next) {
			t.Errorf("%d %s: %+v, want a failure whose next step is %q", status, body, last, next)
		}
	}
	f(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}`, "too much to do")
	f(429, `{"__type":"com.example#SlowDown"}`, "too much to do")
	f(200, `<html>`, "speaks DynamoDB's protocol")
	if got := examine(t, stub(t, 200, `{"TableNames":[]}`, 0), nil); !strings.Contains(got[len(got)-1].Detail, "there are none in region us-east-1") {
		t.Errorf("without any table: %+v", got[len(got)-1])
	}
	missing := examine(t, upstream(t), func(c *Config) { c.Tables = []string{"missing"} })
	if last := missing[len(missing)-1]; last.Table != "missing" || !strings.Contains(last.Next, "the table's name and the region") {
		t.Errorf("a table that is not there: %+v", last)
	}
}

func TestClosedPort(t *testing.T) {
	t.Parallel()
	const url = "http://127.0.0.1:1" // a port that was free a moment ago another test may have by now
	got := examine(t, url, nil)
	expect(t, got, Fail, "endpoint", "", "connection refused")
	if len(got) != 1 {
		t.Errorf("%d findings, want none after the address: %+v", len(got), got)
	}
	// Streams elsewhere are looked at by themselves.
	got = examine(t, upstream(t), func(c *Config) { c.Upstream.Endpoint.StreamsURL = url; c.Tables = []string{"whole"} })
	expect(t, got, Warn, "streams endpoint", "", "connection refused")
	expect(t, got, Warn, "stream", "whole", "Upstream cannot be reached")
	// So are streams whose endpoint takes connections and says nothing.
	mute, err := net.Listen("tcp", "127.0.0.1:0") // the system takes connections by itself
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mute.Close() }()
	got = examine(t, upstream(t), func(c *Config) {
		c.Upstream.Endpoint.StreamsURL, c.Tables = "http://"+mute.Addr().String(), []string{"whole"}
		c.Upstream.AttemptTimeout, c.Upstream.Timeout = 300*time.Millisecond, 400*time.Millisecond
	})
	expect(t, got, OK, "endpoint", "", "answers in")
	expect(t, got, Warn, "streams endpoint", "", mute.Addr().String())
	expect(t, got, Warn, "stream", "whole", "")
	if worst(got) != Warn {
		t.Errorf("a table that can be cached without its stream fails: %+v", got)
	}
	for _, f := range got {
		t.Logf("%s %s %s: %s; %s", f.Level, f.Check, f.Table, f.Detail, f.Next)
	}
}

// stub answers every POST with a status and body, and GET with a Date that far off.
func stub(t *testing.T, status int, body string, off time.Duration) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	f := func(status int, body, detail, next string) {
		t.Helper()
		got := examine(t, stub(t, status, body, 0), nil)
		expect(t, got, Fail, "tables", "", detail)
		if last := got[len(got)-1]; !strings.Contains(last.Next, next) {
			t.Errorf("%d %s: next is %q, want %q", status, body, last.Next, next)
		}
	}
	f(400, `{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}`, "UnrecognizedClientException", "the access key does not exist")
	f(403, `{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"The request signature we calculated does not match"}`, "does not match", "the secret key does not belong")
	f(400, `{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token included in the request is expired"}`, "expired", "get credentials anew")
	f(403, `<html><body>Forbidden by policy</body></html>`, "UnknownError", "proxies and firewalls on the way")
	f(508, `{"__type":"com.amazonaws.dynamodb.v20120810#LoopDetectedException","message":"loop"}`, "LoopDetectedException", "point --upstream at DynamoDB")
}

func TestSkewedClocks(t *testing.T) {
	t.Parallel()
	f := func(off time.Duration, level Level, words string) {
		t.Helper()
		expect(t, examine(t, stub(t, 200, `{"TableNames":[]}`, off), nil), level, "clock", "", words)
	}
	f(0, OK, "within seconds")
	f(-time.Hour, Fail, "behind this machine's")
	f(10*time.Minute, Fail, "ahead of this machine's")
	f(time.Minute, Warn, "ahead of this machine's")
}

// Whoever is allowed only some operations is told which.
func TestDeniedOperations(t *testing.T) {
	t.Parallel()
	target, err := url.Parse(upstream(t))
	if err != nil {
		t.Fatal(err)
	}
	denying := func(operations string) string {
		pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
			if r.Method == http.MethodPost && (operations == "" || strings.Contains(" "+operations+" ", " "+operation+" ")) {
				w.WriteHeader(400)
				fmt.Fprintf(w, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized to perform: dynamodb:%s"}`, operation)
				return
			}
			pass.ServeHTTP(w, r)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	got := examine(t, denying("PutItem UpdateItem DeleteItem GetRecords ListTables DescribeTimeToLive"), func(c *Config) { c.Tables = []string{"whole"} })
	expect(t, got, OK, "permissions", "whole", "allowed: GetItem, BatchGetItem, Query, Scan")
	expect(t, got, Warn, "permissions", "whole", "denied: PutItem, UpdateItem, DeleteItem")
	expect(t, got, Warn, "stream", "whole", "dynamodb:GetRecords")
	expect(t, got, Warn, "time to live", "whole", "dynamodb:DescribeTimeToLive")
	// That a stream may not be read is wrong only where the settings ask for it.
	if worst(got) != Warn {
		t.Errorf("a denied stream that nothing asks for fails: %+v", got)
	}
	for _, setting := range []string{"streams: enable", "delta: 2s"} {
		needing := func(c *Config) {
			c.Tables, c.Needs = []string{"whole", "plain"}, func(table string) string { return setting }
		}
		got := examine(t, denying("DescribeStream"), needing)
		expect(t, got, Fail, "stream", "whole", "settings ask for its stream: "+setting)
		if setting == "streams: enable" {
			expect(t, got, Warn, "stream", "plain", "millrace makes one")
		} else {
			expect(t, got, Fail, "stream", "plain", "settings ask for its stream: "+setting)
		}
	}
	expect(t, examine(t, denying("ListTables"), nil), Warn, "tables", "", "dynamodb:ListTables")
	expect(t, examine(t, denying("DescribeTable"), nil), Fail, "DescribeTable", "keys", "dynamodb:DescribeTable")
}

func TestMisleadingEnvironment(t *testing.T) {
	t.Parallel()
	got := examine(t, stub(t, 200, `{"TableNames":[]}`, 0), func(c *Config) {
		c.Environ = []string{"AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000", "HTTPS_PROXY=http://p:1", "AWS_ENDPOINT_URL=", "HOME=/"}
	})
	expect(t, got, Warn, "environment", "", "AWS_ENDPOINT_URL_DYNAMODB steers")
	expect(t, got, Warn, "environment", "", "HTTPS_PROXY is not used")
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	got := examine(t, "nowhere", nil)
	expect(t, got, Fail, "upstream", "", `url is "nowhere"`)
}
