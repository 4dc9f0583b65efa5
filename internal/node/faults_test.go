package node

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/ddb"
)

// aidedConfig is testConfig with the test aids, and with caches or not.
func aidedConfig(cached bool) Config {
	c := testConfig()
	c.Engine.Faults.Enabled, c.Cache.Enabled = true, cached
	return c
}

// administer sends a request to the admin port.
func (r *running) administer(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.node.AdminAddr().String()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, string(got)
}

// putFaults puts faults into force.
func (r *running) putFaults(body string) {
	r.t.Helper()
	if status, got := r.administer("PUT", "/faults", body); status != 200 {
		r.t.Fatalf("PUT /faults %s = %d %s", body, status, got)
	}
}

func TestFaultsAreSetWhileTheNodeRuns(t *testing.T) {
	t.Parallel()
	r := run(t, aidedConfig(true))
	r.mustCall("CreateTable", createTable)
	const put = `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`
	r.putFaults("rules:\n  busy:\n    operations: PutItem, UpdateItem\n    tables: t-*\n    error: ProvisionedThroughputExceededException\n    count: 2\n")
	for range 2 {
		status, _, body := r.call("PutItem", put)
		if status != 400 || !strings.Contains(body, `"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"`) {
			t.Errorf("PutItem = %d %s", status, body)
		}
	}
	r.mustCall("PutItem", put)
	if _, got := r.administer("GET", "/faults/counts", ""); got != `{"busy":2}`+"\n" {
		t.Errorf("counts are %s", got)
	}
	// What is shown can be sent back.
	_, shown := r.administer("GET", "/faults", "")
	r.putFaults(shown)
	if _, again := r.administer("GET", "/faults", ""); again != shown || !strings.Contains(shown, "busy") {
		t.Errorf("sent back, faults are\n%s\nwant\n%s", again, shown)
	}
	if status, _, _ := r.call("PutItem", put); status != 400 {
		t.Errorf("rules do not begin anew when they are set: PutItem = %d", status)
	}
	// JSON is YAML.
	r.putFaults(`{"rules":{"down":{"error":"InternalServerError","operations":"DescribeTimeToLive"}}}`)
	r.mustCall("PutItem", put)
	if status, _, body := r.call("DescribeTimeToLive", `{"TableName":"t-1"}`); status != 500 {
		t.Errorf("DescribeTimeToLive = %d %s", status, body)
	}
	if status, _ := r.administer("DELETE", "/faults", ""); status != 200 {
		t.Errorf("DELETE /faults = %d", status)
	}
	r.mustCall("DescribeTimeToLive", `{"TableName":"t-1"}`)
	// What cannot be is refused and changes nothing.
	f := func(body, says string) {
		t.Helper()
		if status, got := r.administer("PUT", "/faults", body); status != 400 || !strings.Contains(got, says) {
			t.Errorf("PUT /faults %s = %d %s, want 400 %s", body, status, got, says)
		}
	}
	f("rules: {x: {error: Nonsense}}", "ThrottlingException")
	f("rules: {x: {latency: fast}}", `latency "fast"`)
	f("rules: {x: {operations: Get, latency: 1ms}}", `"Get"`)
	f("rules: {x: {probability: 2, latency: 1ms}}", "probability")
	f("rules: {x: {probability: 0, latency: 1ms}}", "probability")
	f("rules: {x: {when: later, latency: 1ms}}", "when")
	f("rules: {x: {}}", "does nothing")
	f("lag: 1s", `unknown setting "lag" in engine.faults`)
	f("\n: :", "line")
	f("replica_lag: 1s", "cache.enabled false")
	if _, got := r.administer("GET", "/faults", ""); strings.Contains(got, "rules:") {
		t.Errorf("refused faults are in force: %s", got)
	}
}

func TestFaultsAreNotThereUnlessEnabled(t *testing.T) {
	t.Parallel()
	r := run(t, testConfig())
	for _, path := range []string{"/faults", "/faults/counts", "/clock"} {
		if status, body := r.administer("GET", path, ""); status != 404 {
			t.Errorf("GET %s = %d %s, want 404", path, status, body)
		}
	}
}

func TestOnlyThisMachineMaySetFaults(t *testing.T) {
	t.Parallel()
	f := func(addr string, want bool) {
		t.Helper()
		if got := fromHere(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("fromHere(%q) = %t, want %t", addr, got, want)
		}
	}
	f("127.0.0.1:4711", true)
	f("[::1]:4711", true)
	f("192.0.2.1:4711", false)
	f("[2001:db8::1]:4711", false)
	f("", false)
}

func TestTheClockIsMovedWhileTheNodeRuns(t *testing.T) {
	t.Parallel()
	r := run(t, aidedConfig(true))
	clock := func(method, query string) (offset time.Duration) {
		t.Helper()
		status, body := r.administer(method, "/clock"+query, "")
		var out struct {
			Now    time.Time
			Offset string
		}
		if err := json.Unmarshal([]byte(body), &out); status != 200 || err != nil {
			t.Fatalf("%s /clock%s = %d %s (%v)", method, query, status, body, err)
		}
		offset, err := time.ParseDuration(out.Offset)
		if err != nil || time.Until(out.Now)-offset > time.Minute || time.Until(out.Now)-offset < -time.Minute {
			t.Errorf("the clock says %s", body)
		}
		return offset
	}
	if got := clock("GET", ""); got != 0 {
		t.Errorf("the clock is %v ahead at first", got)
	}
	clock("PUT", "?advance=24h")
	if got := clock("PUT", "?advance=1h"); got != 25*time.Hour {
		t.Errorf("the clock is %v ahead, want 25h", got)
	}
	if got := clock("PUT", "?offset=-1h"); got != -time.Hour {
		t.Errorf("the clock is %v ahead, want -1h", got)
	}
	if status, _ := r.administer("PUT", "/clock?advance=soon", ""); status != 400 {
		t.Errorf("PUT /clock?advance=soon = %d", status)
	}
	if status, _ := r.administer("PUT", "/clock", ""); status != 400 {
		t.Errorf("PUT /clock = %d", status)
	}
	if got := clock("GET", ""); got != -time.Hour {
		t.Errorf("the clock is %v ahead, want -1h", got)
	}
}

func TestLaggingReadsAreServedWithoutCaches(t *testing.T) {
	t.Parallel()
	r := run(t, aidedConfig(false))
	r.mustCall("CreateTable", createTable)
	r.putFaults("{replica_lag: 1h, replica_lag_min: 1h}")
	const get = `{"TableName":"t-1","Key":{"p":{"S":"a"}}%s}`
	r.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`)
	if _, body := r.mustCall("GetItem", strings.Replace(get, "%s", "", 1)); body != `{}` {
		t.Errorf("an eventually consistent read gives %s, want what was there an hour ago", body)
	}
	if _, body := r.mustCall("GetItem", strings.Replace(get, "%s", `,"ConsistentRead":true`, 1)); body != `{"Item":{"p":{"S":"a"}}}` {
		t.Errorf("a strongly consistent read gives %s", body)
	}
}

// The promises of the caches hold whatever fails behind them.
func TestCachesStayRightWhenRequestsFail(t *testing.T) {
	t.Parallel()
	r := run(t, aidedConfig(true))
	r.mustCall("CreateTable", createTable)
	item := func(key, value string) string { return `{"p":{"S":"` + key + `"},"v":{"N":"` + value + `"}}` }
	get := func(key, want string) {
		t.Helper()
		body := `{"TableName":"t-1","Key":{"p":{"S":"` + key + `"}}}`
		for range 2 {
			if _, got := r.mustCall("GetItem", body); got != want {
				t.Errorf("item %s is %s, want %s", key, got, want)
			}
		}
	}
	for _, key := range []string{"a", "b"} {
		r.mustCall("PutItem", `{"TableName":"t-1","Item":`+item(key, "1")+`}`)
		get(key, `{"Item":`+item(key, "1")+`}`)
	}
	fail := func(when, key string) {
		t.Helper()
		r.putFaults(`{rules: {x: {operations: PutItem, error: InternalServerError, when: ` + when + `}}}`)
		if status, _, body := r.call("PutItem", `{"TableName":"t-1","Item":`+item(key, "2")+`}`); status != 500 {
			t.Errorf("PutItem = %d %s", status, body)
		}
		r.putFaults(``)
	}
	fail("before", "a")
	get("a", `{"Item":`+item("a", "1")+`}`)
	fail("after", "b")
	get("b", `{"Item":`+item("b", "2")+`}`)
	// A key that was not read is not taken for absent, nor an element that was not written for written.
	r.mustCall("DeleteItem", `{"TableName":"t-1","Key":{"p":{"S":"c"}}}`)
	r.putFaults(`{rules: {x: {unprocessed: true, skip: 1}}}`)
	_, got := r.mustCall("BatchWriteItem", `{"RequestItems":{"t-1":[{"PutRequest":{"Item":`+item("c", "1")+`}},{"PutRequest":{"Item":`+item("d", "1")+`}}]}}`)
	if want := `{"UnprocessedItems":{"t-1":[{"PutRequest":{"Item":` + item("d", "1") + `}}]}}`; got != want {
		t.Errorf("BatchWriteItem = %s, want %s", got, want)
	}
	r.putFaults(`{}`)
	get("c", `{"Item":`+item("c", "1")+`}`)
	get("d", `{}`)
	r.mustCall("BatchWriteItem", `{"RequestItems":{"t-1":[{"PutRequest":{"Item":`+item("d", "1")+`}},{"PutRequest":{"Item":`+item("e", "1")+`}}]}}`)
	r.putFaults(`{rules: {x: {unprocessed: true, skip: 1}}}`)
	_, got = r.mustCall("BatchGetItem", `{"RequestItems":{"t-1":{"Keys":[{"p":{"S":"x"}},{"p":{"S":"y"}},{"p":{"S":"z"}}]}}}`)
	if !strings.Contains(got, `"UnprocessedKeys":{"t-1":{"Keys":[{"p":{"S":"y"}},{"p":{"S":"z"}}]}}`) {
		t.Errorf("BatchGetItem = %s", got)
	}
	r.putFaults(`{}`)
	for _, key := range []string{"x", "y", "z"} {
		r.mustCall("PutItem", `{"TableName":"t-1","Item":`+item(key, "3")+`}`)
		get(key, `{"Item":`+item(key, "3")+`}`)
	}
}

func TestProvisionedTablesAreThrottledWhenAsked(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Engine.Throttle = true
	r := run(t, c)
	r.mustCall("CreateTable", strings.Replace(createTable, `"BillingMode":"PAY_PER_REQUEST"`, `"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}`, 1))
	refused := ""
	for range 50 {
		if status, _, body := r.call("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`); status != 200 {
			refused = body
			break
		}
	}
	const want = `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."}`
	if refused != want {
		t.Errorf("the refusal is %s, want %s", refused, want)
	}
}

func TestFaultsOfAFile(t *testing.T) {
	t.Parallel()
	path := write(t, `
cache: {enabled: false}
engine:
  throttle: true
  faults:
    enabled: true
    seed: 7
    replica_lag: 500ms
    index_lag: 2s
    index_lag_min: 1s
    stream_lag: 100ms
    creating: 3s
    rules:
      slow:
        latency: 2ms~40ms
      fail:
        operations: "PutItem,GetRecords"
        tables: "orders-*"
        probability: 0.25
        skip: 1
        count: 3
        error: InternalServerError
        when: after
      left: {unprocessed: true}
`)
	l, err := Load(Sources{File: path})
	if err != nil {
		t.Fatal(err)
	}
	e := l.Config.engine()
	want := engine.Faults{
		Seed: 7, ReplicaLag: engine.Lag{Max: 500 * time.Millisecond}, IndexLag: engine.Lag{Min: time.Second, Max: 2 * time.Second},
		StreamLag: engine.Lag{Max: 100 * time.Millisecond}, Creating: 3 * time.Second,
		Rules: []engine.FaultRule{
			{Name: "fail", Operations: []ddb.Operation{ddb.PutItem, ddb.GetRecords}, Tables: "orders-*", Probability: 0.25, Skip: 1, Count: 3, Error: "InternalServerError", After: true},
			{Name: "left", Unprocessed: true},
			{Name: "slow", Latency: engine.Latency{Min: 2 * time.Millisecond, Max: 40 * time.Millisecond, Skewed: true}},
		},
	}
	if !reflect.DeepEqual(e.Faults, want) || !e.Throttle {
		t.Errorf("the engine gets %+v, throttle %t; want %+v", e.Faults, e.Throttle, want)
	}
	var out bytes.Buffer
	if err := l.Print(&out); err != nil {
		t.Fatal(err)
	}
	back, err := Load(Sources{File: write(t, out.String())})
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	if !reflect.DeepEqual(back.Config, l.Config) {
		t.Errorf("read back as %+v, want %+v", back.Config.Engine, l.Config.Engine)
	}
}

func TestFaultsThatCannotBeNameTheirSetting(t *testing.T) {
	t.Parallel()
	f := func(change func(*FaultsConfig), cached bool, want string) {
		t.Helper()
		c := aidedConfig(cached)
		change(&c.Engine.Faults)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Validate = %v, want %q", err, want)
		}
	}
	f(func(c *FaultsConfig) { c.Enabled, c.Creating = false, 1 }, true, "engine.faults.enabled is false")
	f(func(c *FaultsConfig) { c.ReplicaLag = 1 }, true, "engine.faults.replica_lag is 1ns, but simulated lag needs cache.enabled false")
	f(func(c *FaultsConfig) { c.IndexLag = 1 }, true, "engine.faults.index_lag is 1ns, but simulated lag needs cache.enabled false")
	f(func(c *FaultsConfig) { c.ReplicaLagMin = 1 }, false, "engine.faults.replica_lag_min ")
	f(func(c *FaultsConfig) { c.StreamLagMin = 1 }, false, "engine.faults.stream_lag_min ")
	f(func(c *FaultsConfig) { c.Rules = map[string]FaultRuleConfig{"x": {Tables: "["}} }, false, "engine.faults.rules.x: ")
	c := aidedConfig(true)
	c.Engine.Faults.StreamLag, c.Engine.Faults.Deleting = 1, 1
	if err := c.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
}
