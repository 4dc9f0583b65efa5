package node

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"millrace/ddb"
	"millrace/internal/admin"
	"millrace/internal/units"
)

// api calls the admin API and returns status and body.
func (r *running) api(method, path, body string) (int, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.node.AdminAddr().String()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, b
}

// apiAs is api for an answer of type T, which must be a success.
func apiAs[T any](r *running, method, path, body string) (v T) {
	r.t.Helper()
	status, b := r.api(method, path, body)
	if err := json.Unmarshal(b, &v); status != 200 || err != nil {
		r.t.Fatalf("%s %s = %d %s (%v)", method, path, status, b, err)
	}
	return v
}

// items is what the API lists.
type items[T any] struct{ Items []T }

// indexedTable makes table orders with a local and a global index.
const indexedTable = `{"TableName":"orders","BillingMode":"PAY_PER_REQUEST",
 "KeySchema":[{"AttributeName":"c","KeyType":"HASH"},{"AttributeName":"o","KeyType":"RANGE"}],
 "AttributeDefinitions":[{"AttributeName":"c","AttributeType":"S"},{"AttributeName":"o","AttributeType":"N"},{"AttributeName":"d","AttributeType":"S"}],
 "LocalSecondaryIndexes":[{"IndexName":"local","KeySchema":[{"AttributeName":"c","KeyType":"HASH"},{"AttributeName":"d","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}],
 "GlobalSecondaryIndexes":[{"IndexName":"by-date","KeySchema":[{"AttributeName":"d","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`

// order is an item of orders.
func order(customer string, n int, date string) string {
	return fmt.Sprintf(`{"c":{"S":%q},"o":{"N":"%d"},"d":{"S":%q}}`, customer, n, date)
}

// orderReads are reads of every kind, by name.
var orderReads = map[string][2]string{
	"item":      {"GetItem", `{"TableName":"orders","Key":{"c":{"S":"ann"},"o":{"N":"1"}}}`},
	"sibling":   {"GetItem", `{"TableName":"orders","Key":{"c":{"S":"ann"},"o":{"N":"2"}}}`},
	"other":     {"GetItem", `{"TableName":"orders","Key":{"c":{"S":"bob"},"o":{"N":"1"}}}`},
	"page":      {"Query", `{"TableName":"orders","KeyConditionExpression":"c=:c","ExpressionAttributeValues":{":c":{"S":"ann"}}}`},
	"otherpage": {"Query", `{"TableName":"orders","KeyConditionExpression":"c=:c","ExpressionAttributeValues":{":c":{"S":"bob"}}}`},
	"local":     {"Query", `{"TableName":"orders","IndexName":"local","KeyConditionExpression":"c=:c","ExpressionAttributeValues":{":c":{"S":"ann"}}}`},
	"global":    {"Query", `{"TableName":"orders","IndexName":"by-date","KeyConditionExpression":"d=:d","ExpressionAttributeValues":{":d":{"S":"mon"}}}`},
	"scan":      {"Scan", `{"TableName":"orders"}`},
}

// warmOrders makes the table with three items and reads everything into the caches.
func (r *running) warmOrders() {
	r.t.Helper()
	r.mustCall("CreateTable", indexedTable)
	for _, item := range []string{order("ann", 1, "mon"), order("ann", 2, "tue"), order("bob", 1, "mon")} {
		r.mustCall("PutItem", `{"TableName":"orders","Item":`+item+`}`)
	}
	r.cached()
	if got := r.cached(); len(got) != len(orderReads) {
		r.t.Fatalf("after two reads each, cached are only %q", got)
	}
}

// cached reads everything and tells which reads were hits.
func (r *running) cached() (hits []string) {
	r.t.Helper()
	for name, read := range orderReads {
		if header, _ := r.mustCall(read[0], read[1]); header.Get("X-Millrace-Cache") == "hit" {
			hits = append(hits, name)
		}
	}
	slices.Sort(hits)
	return hits
}

func TestPurgeForgetsWhatWasNamed(t *testing.T) {
	t.Parallel()
	r := run(t, testConfig())
	r.warmOrders()
	f := func(body, what string, left ...string) {
		t.Helper()
		if got := apiAs[admin.Purged](r, "POST", "/api/v1/purge", body); !strings.Contains(got.Purged, what) {
			t.Errorf("purge %s = %q, want %q", body, got.Purged, what)
		}
		if got := r.cached(); !slices.Equal(got, left) {
			t.Errorf("after purge %s cached are %q, want %q", body, got, left)
		}
		r.cached()
	}
	f(`{"table":"orders","key":{"c":{"S":"ann"},"o":{"N":"1.0"}}}`, "one item", "other", "otherpage", "sibling")
	f(`{"table":"orders","partition":{"c":{"S":"ann"}}}`, "one partition of table orders", "global", "local", "other", "otherpage")
	f(`{"table":"orders","index":"local","partition":{"c":{"S":"ann"}}}`, "one partition of index local", "global", "item", "other", "otherpage", "page", "scan", "sibling")
	f(`{"table":"orders","index":"by-date"}`, "index by-date", "item", "local", "other", "otherpage", "page", "scan", "sibling")
	f(`{"table":"orders"}`, "table orders")
	f(`{"all":true}`, "everything")
}

func TestPurgeRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	r := run(t, testConfig())
	r.warmOrders()
	f := func(body string, status int, says string) {
		t.Helper()
		got, answer := r.api("POST", "/api/v1/purge", body)
		var p admin.Problem
		if err := json.Unmarshal(answer, &p); err != nil || got != status || !strings.Contains(p.Error+"; "+p.Advice, says) {
			t.Errorf("purge %s = %d %s, want %d with %q", body, got, answer, status, says)
		}
	}
	f(`{}`, 400, "name a table, or all")
	f(`{"all":true,"table":"orders"}`, 400, "all and a table")
	f(`{"tabel":"orders"}`, 400, "unknown field")
	f(`{"table":"orders"} {}`, 400, "something follows")
	f(`nonsense`, 400, "/api/v1/openapi.json describes it")
	f(`{"table":"orders","key":"x"}`, 400, "write it as DynamoDB does")
	f(`{"table":"orders","key":{"c":{"S":"ann"}}}`, 400, `which is made of "c" of type S and "o" of type N`)
	f(`{"table":"orders","key":{"c":{"S":"ann"},"o":{"S":"1"}}}`, 400, "not one of table")
	f(`{"table":"orders","key":{"c":{"S":"a"},"o":{"N":"1"}},"index":"local"}`, 400, "a key is named beside an index")
	f(`{"table":"orders","index":"none"}`, 400, `no index "none"`)
	f(`{"table":"orders","index":"none","partition":{"d":{"S":"x"}}}`, 400, `no index "none"`)
	f(`{"table":"orders","partition":{"d":{"S":"x"}}}`, 400, "not a partition key")
	f(`{"table":"none"}`, 404, "GET /api/v1/tables lists")
	if got := r.cached(); len(got) != len(orderReads) {
		t.Errorf("after refused purges cached are only %q", got)
	}
	for _, path := range []string{"/api/v1/nonsense", "/api/v1/purge"} {
		if status, body := r.api("GET", path, ""); status != 404 || !strings.Contains(string(body), "openapi.json lists them") {
			t.Errorf("GET %s = %d %s", path, status, body)
		}
	}
}

// TestAnswersAreAsTheDescriptionSays calls every operation that the OpenAPI file has, and checks what it answers, well and
// badly, against the schemas there.
func TestAnswersAreAsTheDescriptionSays(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Metrics = MetricsConfig{HotKeys: "plain", SlowThreshold: units.Duration(1)}
	r := run(t, c)
	r.node.Reloadable(&Loaded{Config: c}, func() (*Loaded, error) { return &Loaded{Config: c}, nil }, nil)
	r.warmOrders()
	// One key in some hundreds is looked at.
	key := ddb.AppendKeyValue(ddb.AppendKeyValue(nil, ddb.StringValue("ann")), ddb.CanonicalNumber("1"))
	for range 20_000 {
		r.node.metrics.HotKeys.Touch(r.node.metrics.Table("orders"), key)
	}
	if hot := apiAs[items[admin.HotKey]](r, "GET", "/api/v1/hot-keys", "").Items; len(hot) == 0 || string(hot[0].Key) != `[{"S":"ann"},{"N":"1"}]` {
		t.Errorf("the hottest keys are %+v", hot)
	}
	var o openAPI
	_, text := r.api("GET", "/api/v1/openapi.json", "")
	if err := json.Unmarshal(text, &o.doc); err != nil || o.doc.OpenAPI != "3.1.0" {
		t.Fatalf("the description: %v, version %q", err, o.doc.OpenAPI)
	}
	// What each operation is sent, and the statuses it must answer with.
	requests := map[string]map[int]string{
		"POST /api/v1/purge": {200: `{"table":"orders"}`, 400: `{}`, 404: `{"table":"none"}`},
	}
	ids := map[string]bool{}
	for path, methods := range o.doc.Paths {
		for method, op := range methods {
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s has no operationId of its own", method, path)
			}
			ids[op.OperationID] = true
			at := strings.ToUpper(method) + " " + path
			bodies := requests[at]
			if bodies == nil {
				bodies = map[int]string{200: ""}
			}
			for want, body := range bodies {
				status, answer := r.api(strings.ToUpper(method), path, body)
				var v any
				if err := json.Unmarshal(answer, &v); err != nil || status != want {
					t.Errorf("%s %s = %d %s, want %d", at, body, status, answer, want)
					continue
				}
				response, ok := op.Responses[strconv.Itoa(want)]
				if !ok {
					t.Errorf("%s: no response %d is described", at, want)
					continue
				}
				for _, fault := range o.check(response.Content["application/json"].Schema, v, at) {
					t.Error(fault)
				}
				if op.RequestBody != nil && want == 200 {
					var sent any
					_ = json.Unmarshal([]byte(body), &sent)
					for _, fault := range o.check(op.RequestBody.Content["application/json"].Schema, sent, at+" request") {
						t.Error(fault)
					}
				}
			}
		}
	}
	// Nothing that was listed was empty.
	for _, path := range []string{"tables", "coherence", "hot-keys", "slow-requests"} {
		r.cached()
		if got := apiAs[items[any]](r, "GET", "/api/v1/"+path, ""); len(got.Items) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
}

func TestStatsAndSettingsAreTold(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Admin.Token = testToken
	c.Tables = map[string]TableConfig{"orders": {ItemTTL: units.Duration(7e9)}}
	c.Metrics.SlowThreshold = 1
	r := run(t, c)
	if status, _ := r.api("GET", "/api/v1/stats", ""); status != 401 {
		t.Fatalf("without the token: %d", status)
	}
	r.warmOrders()
	client := admin.Client{Address: r.node.AdminAddr().String(), Token: testToken, Timeout: adminWait}
	get := func(path string, v any) string {
		t.Helper()
		b, err := client.Get(t.Context(), "/api/v1/"+path)
		if err == nil && v != nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return string(b)
	}
	var s admin.Stats
	n := uint64(len(orderReads))
	get("stats", &s)
	if s.Total.Requests != 2*n+4 || s.Slow != 2*n+4 || s.Total.Lookups != 2*n || s.Total.Hits < n || !s.Ready || s.Version != "test" || s.Backend != "embedded" ||
		s.Caches.Held["item"].Entries != 3 || s.Caches.Held["query"].Entries == 0 || s.Invalidations["commit"] != 3 || s.Connections.Accepted != 2*n+4 {
		t.Errorf("stats are %+v", s)
	}
	var tables items[admin.Table]
	get("tables", &tables)
	if len(tables.Items) != 1 || tables.Items[0].ItemTTL != 7 || len(tables.Items[0].Indexes) != 2 || tables.Items[0].Coherence != "embedded" {
		t.Errorf("tables are %+v", tables)
	}
	var slow items[admin.SlowRequest]
	get("slow-requests", &slow)
	for _, q := range slow.Items {
		if withKey := q.Operation == "GetItem" || q.Operation == "PutItem"; withKey && q.Table == "orders" && q.KeyHash == "" && q.Result != "forward" {
			t.Errorf("slow request %+v does not tell its key's hash", q)
		}
	}
	if len(slow.Items) != len(orderReads)*2+4 {
		t.Errorf("%d slow requests are kept", len(slow.Items))
	}
	text := get("slow-requests", nil) + get("hot-keys", nil) + get("config", nil)
	for _, secret := range []string{"ann", "bob", testToken} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is told:\n%s", secret, text)
		}
	}
	if !strings.Contains(text, "item_ttl: 7s") {
		t.Errorf("the configuration lacks a setting:\n%s", text)
	}
}
