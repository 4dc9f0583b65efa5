package node

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"millrace/internal/units"
)

// upstreamConfig is a node that forwards to url.
func upstreamConfig(url string) Config {
	c := testConfig()
	c.Backend, c.Upstream.URL, c.Upstream.Region = "aws", url, "us-east-1"
	return c
}

// address is the URL of a node's data port.
func (r *running) address() string { return "http://" + r.node.Addr().String() }

// inFront starts a node before another one with the embedded engine.
func inFront(t *testing.T) (front, behind *running) {
	t.Helper()
	behind = run(t, testConfig())
	return run(t, upstreamConfig(behind.address())), behind
}

func TestRoundTripThroughUpstream(t *testing.T) {
	t.Parallel()
	front, behind := inFront(t)
	front.mustCall("CreateTable", createTable)
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"1"}}}`)
	const get = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`
	front.mustCall("GetItem", get)
	header, body := front.mustCall("GetItem", get)
	if body != `{"Item":{"p":{"S":"a"},"v":{"N":"1"}}}` || header.Get("X-Millrace-Cache") != "hit" {
		t.Errorf("second read: %q (%s)", body, header.Get("X-Millrace-Cache"))
	}
	// A write through millrace is in the next answer.
	front.mustCall("UpdateItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}},"UpdateExpression":"SET v = v + :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`)
	if _, body := front.mustCall("GetItem", get); body != `{"Item":{"p":{"S":"a"},"v":{"N":"2"}}}` {
		t.Errorf("after an update: %s", body)
	}
	// What upstream refuses, it refuses in its own words.
	for op, body := range map[string]string{
		"GetItem": `{"TableName":"nope","Key":{"p":{"S":"a"}}}`, "PutItem": `{"TableName":"t-1","Item":{}}`,
		"InventedYesterday": `{}`, "Query": `{"TableName":"t-1"}`, "CreateTable": createTable,
		"UpdateItem": `{"TableName":"t-1","Key":{"p":{"S":"a"}},"UpdateExpression":"SET v = :x","ConditionExpression":"v = :x","ReturnValuesOnConditionCheckFailure":"ALL_OLD","ExpressionAttributeValues":{":x":{"N":"9"}}}`,
	} {
		status, header, got := front.call(op, body)
		wantStatus, wantHeader, want := behind.call(op, body)
		if status != wantStatus || got != want {
			t.Errorf("%s %s: %d %s, upstream itself %d %s", op, body, status, got, wantStatus, want)
		}
		if id := header.Get("X-Amzn-Requestid"); len(id) != len(wantHeader.Get("X-Amzn-Requestid")) {
			t.Errorf("%s: request id %q", op, id)
		}
	}
	if err := front.wait(); err != nil || !strings.Contains(front.log.String(), "kind=generic") {
		t.Errorf("the upstream is not announced: %s", front.log)
	}
}

// What belongs to a service that this build knows nothing of goes upstream as it came, and may have changed anything: what is cached is
// forgotten if it succeeds.
func TestOtherServicesAreForwarded(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 1)
	front := run(t, upstreamConfig(overridden(t, run(t, testConfig()), func(w http.ResponseWriter, r *http.Request) bool {
		name := r.Header.Get("X-Amz-Target")
		if strings.HasPrefix(name, "DynamoDB_20120810.") {
			return false
		}
		_, body := askedOf(r)
		heard <- name + " " + body
		_, _ = io.WriteString(w, `{"ConsumedCapacityUnits":1.0}`)
		return true
	})))
	front.mustCall("CreateTable", createTable)
	const get = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`
	front.mustCall("GetItem", get)
	if header, _ := front.mustCall("GetItem", get); header.Get("X-Millrace-Cache") != "negative" {
		t.Fatalf("the second read is a %s, want it cached", header.Get("X-Millrace-Cache"))
	}
	const old = `{"TableName":"t-1", "Item":{"p":{"S":"a"}}}`
	head := "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDB_20111205.PutItem\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\n"
	status, _, body := front.exchange(head + credential("AKID", "us-east-1", nil) + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(old), old))
	if status != 200 || body != `{"ConsumedCapacityUnits":1.0}` {
		t.Fatalf("DynamoDB_20111205.PutItem: %d %s", status, body)
	}
	if got := <-heard; got != "DynamoDB_20111205.PutItem "+old {
		t.Errorf("upstream got %q", got)
	}
	if header, _ := front.mustCall("GetItem", get); header.Get("X-Millrace-Cache") == "negative" {
		t.Error("what was cached before a request that may change anything is still served")
	}
}

// A request that comes back to where it was sent from is refused there, with words that say what to change.
func TestLoopIsDetected(t *testing.T) {
	t.Parallel()
	var target *url.URL
	mirror := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(mirror.Close)
	front := run(t, upstreamConfig(mirror.URL))
	target, _ = url.Parse(front.address())
	status, _, body := front.call("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`)
	if status != 508 || !strings.Contains(body, "#LoopDetectedException") || !strings.Contains(body, "--upstream") {
		t.Errorf("PutItem through a loop: %d %s", status, body)
	}
	// Two in a row are no loop.
	second := run(t, upstreamConfig(run(t, testConfig()).address()))
	third := run(t, upstreamConfig(second.address()))
	third.mustCall("CreateTable", createTable)
	third.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
}

// An upstream that is millrace's own address is refused before anything is sent.
func TestOwnAddressIsNoUpstream(t *testing.T) {
	t.Parallel()
	c := upstreamConfig("http://localhost:8000")
	c.Listen = "127.0.0.1:8000"
	if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), `upstream.url is "http://localhost:8000", which is millrace's own address`) {
		t.Errorf("Validate() = %v", err)
	}
}

// Tables of another region that are called like ours are others: what is written and read there neither comes from our
// cache nor goes into it.
func TestOtherRegionsAreNotMixed(t *testing.T) {
	t.Parallel()
	t.Run("at addresses of their own", func(t *testing.T) {
		t.Parallel()
		c := upstreamConfig(run(t, testConfig()).address())
		c.Upstream.Kind = "aws"
		c.Upstream.Regions = map[string]UpstreamRegion{"eu-west-1": {URL: run(t, testConfig()).address()}}
		keepsRegionsApart(t, run(t, c), c.Upstream.Kind == "aws", as("AKID", "us-east-1"), as("AKID", "eu-west-1"))
	})
	// One address, which keeps apart what is signed for different regions.
	for _, kind := range []string{"generic", "alternator"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			apart := testConfig()
			apart.Isolate = true
			c := upstreamConfig(run(t, apart).address())
			c.Upstream.Kind = kind
			keepsRegionsApart(t, run(t, c), c.Upstream.Kind == "aws", as("AKID", "us-east-1"), as("AKID", "eu-west-1"))
			// Without a word about regions the first request that is about data decides, not one that looks around.
			c.Upstream.Region = ""
			front := run(t, c)
			front.mustCall("ListTables", `{}`, as("AKID", "us-east-1"))
			keepsRegionsApart(t, front, false, as("AKID", "eu-west-1"), as("AKID", "local"))
		})
	}
}

// An upstream may have one store for all regions and accounts, as millrace's own engine has: then what is written to the table
// of that name elsewhere is written to ours, and the next read by name shows it.
func TestWritesElsewhereMayBeToOurTables(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	behind.mustCall("CreateTable", createTable)
	const arn = `arn:aws:dynamodb:eu-west-1:000000000000:table/t-1`
	// The engine refuses ARNs of others; a lenient upstream does not look at them.
	target, _ := url.Parse(behind.address())
	lenient := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		body, err := io.ReadAll(r.In.Body)
		if err != nil {
			t.Error(err)
		}
		body = bytes.ReplaceAll(body, []byte(arn), []byte("t-1"))
		r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.SetURL(target)
	}})
	t.Cleanup(lenient.Close)
	c := upstreamConfig(lenient.URL)
	c.Cache.ItemTTL, c.Cache.QueryTTL = units.Duration(time.Hour), units.Duration(time.Hour)
	front := run(t, c)
	here, there := as("AKID", "us-east-1"), as("AKID", "eu-west-1")
	const key = `"Key":{"p":{"S":"a"}}`
	reads := map[string]string{
		"GetItem":      `{"TableName":"t-1",` + key + `}`,
		"Query":        `{"TableName":"t-1","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
		"BatchGetItem": `{"RequestItems":{"t-1":{"Keys":[{"p":{"S":"a"}}]}}}`,
	}
	behind.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`)
	n := 0
	write := func(op, body, header string) {
		t.Helper()
		n++
		v := fmt.Sprintf("v%d", n)
		for read, body := range reads { // all of it is cached when the write comes
			front.mustCall(read, body, here)
			if header, _ := front.mustCall(read, body, here); !strings.HasPrefix(header.Get("X-Millrace-Cache"), "hit") {
				t.Errorf("before %s: %s was not cached (%s)", op, read, header.Get("X-Millrace-Cache"))
			}
		}
		front.mustCall(op, strings.ReplaceAll(body, "NEW", v), header)
		for read, body := range reads {
			if header, got := front.mustCall(read, body, here); !strings.Contains(got, `"`+v+`"`) {
				t.Errorf("%s after %s %s = %s (%s), want %s", read, op, body, got, header.Get("X-Millrace-Cache"), v)
			}
		}
	}
	for _, w := range []struct{ table, header string }{{"t-1", there}, {arn, here}, {arn, there}} {
		write("PutItem", `{"TableName":"`+w.table+`","Item":{"p":{"S":"a"},"v":{"S":"NEW"}}}`, w.header)
		write("UpdateItem", `{"TableName":"`+w.table+`",`+key+`,"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"S":"NEW"}}}`, w.header)
		write("BatchWriteItem", `{"RequestItems":{"`+w.table+`":[{"PutRequest":{"Item":{"p":{"S":"a"},"v":{"S":"NEW"}}}}]}}`, w.header)
		write("TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"`+w.table+`","Item":{"p":{"S":"a"},"v":{"S":"NEW"}}}}]}`, w.header)
	}
	write("ExecuteStatement", `{"Statement":"UPDATE \"t-1\" SET v='NEW' WHERE p='a'"}`, there)
	front.mustCall("DeleteTable", `{"TableName":"t-1"}`, there)
	if status, _, body := front.call("GetItem", reads["GetItem"], here); status != 400 || !strings.Contains(body, "ResourceNotFoundException") {
		t.Errorf("GetItem after the table was deleted there: %d %s", status, body)
	}
}

// keepsRegionsApart holds a front, before an upstream that keeps regions apart, to caching only what is signed as here. known
// says that the upstream is known to.
func keepsRegionsApart(t *testing.T, front *running, known bool, here, there string) {
	t.Helper()
	front.mustCall("CreateTable", createTable, here)
	front.mustCall("CreateTable", createTable, there)
	put := func(v string, headers ...string) {
		t.Helper()
		front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"S":"`+v+`"}}}`, headers...)
	}
	read := func(want, result string, headers ...string) {
		t.Helper()
		header, body := front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`, headers...)
		if !strings.Contains(body, `"`+want+`"`) || header.Get("X-Millrace-Cache") != result {
			t.Errorf("GetItem = %s (%s), want %s (%s)", body, header.Get("X-Millrace-Cache"), want, result)
		}
	}
	put("ours", here)
	put("theirs", there)
	read("theirs", "forward", there)
	front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`, here)
	read("ours", "hit", here)
	read("theirs", "forward", there)
	// A change of the other table leaves ours cached where they are known to be two, and a change of ours is not seen there.
	front.mustCall("UpdateItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}},"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"S":"theirs2"}},"ReturnValues":"ALL_NEW"}`, there)
	front.mustCall("DeleteTable", `{"TableName":"t-1"}`, there)
	if !known {
		read("ours", "miss", here)
	}
	read("ours", "hit", here)
	if status, _, body := front.call("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`, there); status != 400 || !strings.Contains(body, "ResourceNotFoundException") {
		t.Errorf("GetItem of the deleted table there: %d %s", status, body)
	}
}

// A table of another account, named by its ARN, is not our table of that name.
func TestForeignARNsAreNotMixed(t *testing.T) {
	t.Parallel()
	// The engine serves its own ARNs only; for others a stand-in says yes to everything.
	front := run(t, upstreamConfig(overridden(t, run(t, testConfig()), func(w http.ResponseWriter, r *http.Request) bool {
		others := r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.PutItem" && r.ContentLength > 100
		if others {
			_, _ = w.Write([]byte(`{}`))
		}
		return others
	})))
	front.mustCall("CreateTable", createTable)
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"S":"ours"}}}`)
	get := func() string {
		_, body := front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
		return body
	}
	get()
	foreign := `{"TableName":"arn:aws:dynamodb:us-east-1:999999999999:table/t-1","Item":{"p":{"S":"a"},"v":{"S":"theirs"}}}`
	front.mustCall("PutItem", foreign)
	// Another upstream could take it for a write to ours, so what was cached is read anew; what was written is not cached.
	for _, word := range []string{"miss", "hit"} {
		header, body := front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
		if !strings.Contains(body, "ours") || header.Get("X-Millrace-Cache") != word {
			t.Errorf("after a write to a foreign ARN: %s (%s), want ours (%s)", body, header.Get("X-Millrace-Cache"), word)
		}
	}
	// Our own ARN is our own table.
	_, description := front.mustCall("DescribeTable", `{"TableName":"t-1"}`)
	_, rest, _ := strings.Cut(description, `"TableArn":"`)
	arn, _, _ := strings.Cut(rest, `"`)
	front.mustCall("DeleteItem", `{"TableName":"`+arn+`","Key":{"p":{"S":"a"}}}`)
	if got := get(); got != `{}` {
		t.Errorf("after a delete by our own ARN: %s", got)
	}
}

// A write whose connection is cut may still be under way upstream, for as long as upstream may take over any request. Where no stream
// would tell of it, nothing of its item is cached until then.
func TestCutWriteIsFearedForAsLongAsUpstreamMayTake(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	for _, x := range []struct{ timeout, want time.Duration }{{0, 65 * time.Second}, {40 * time.Second, 50 * time.Second}, {10 * time.Second, 30 * time.Second}} {
		c := upstreamConfig(overridden(t, behind, func(_ http.ResponseWriter, r *http.Request) bool {
			if operation, _ := askedOf(r); operation == "ExecuteStatement" {
				panic(http.ErrAbortHandler)
			}
			return false
		}))
		if x.timeout > 0 {
			c.Upstream.Timeout = units.Duration(x.timeout)
		}
		front := run(t, c)
		front.call("CreateTable", createTable)
		front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
		store := front.node.store
		before := store.Now()
		// What it would have changed is not understood, so it concerns the table.
		if status, _, body := front.call("ExecuteStatement", `{"Statement":"EXCHANGE t-1"}`); status != 500 {
			t.Fatalf("ExecuteStatement = %d %s, want a 500", status, body)
		}
		ends := store.Core().State(store.Table("", "t-1")).AmbiguityEnds
		if got := time.Duration(ends - before); got < x.want || got > x.want+10*time.Second {
			t.Errorf("with a timeout of %v a cut write is feared for %v, want %v", time.Duration(c.Upstream.Timeout), got, x.want)
		}
	}
}

// With upstream gone, what is cached and within its bound is served, everything else fails fast with what SDKs retry,
// and readiness stays as it is. When upstream is back, so is everything.
func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.InMemory, c.DataDir = false, t.TempDir()
	behind := run(t, c)
	front := run(t, upstreamConfig(behind.address()))
	front.mustCall("CreateTable", createTable)
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"}}}`)
	front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
	c.Listen = behind.node.Addr().String()
	if err := behind.wait(); err != nil {
		t.Fatal(err)
	}
	header, _ := front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
	if header.Get("X-Millrace-Cache") != "hit" {
		t.Errorf("a cached read is %s", header.Get("X-Millrace-Cache"))
	}
	for op, body := range map[string]string{
		"GetItem": `{"TableName":"t-1","Key":{"p":{"S":"b"}}}`, "PutItem": `{"TableName":"t-1","Item":{"p":{"S":"c"}}}`, "ListTables": `{}`,
	} {
		status, _, reply := front.call(op, body)
		if status != 503 || !strings.Contains(reply, "#ServiceUnavailable") {
			t.Errorf("%s without upstream: %d %s, want a 503", op, status, reply)
		}
	}
	if status, body := front.admin("/readyz?verbose"); status != 200 || !strings.Contains(body, "[!] upstream: "+front.node.upstream.URL()+" has not answered for") {
		t.Errorf("/readyz?verbose = %d %s", status, body)
	}
	run(t, c)
	for {
		// The breaker lets nobody through for a moment.
		if status, _, _ := front.call("ListTables", `{}`); status == 200 {
			break
		}
	}
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"c"}}}`)
	if status, body := front.admin("/readyz?verbose"); status != 200 || !strings.Contains(body, "[+] upstream: ok") {
		t.Errorf("/readyz?verbose = %d %s", status, body)
	}
}
