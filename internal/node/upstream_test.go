package node

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
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
	ours, other := run(t, testConfig()), run(t, testConfig())
	c := upstreamConfig(ours.address())
	c.Upstream.Kind = "aws"
	c.Upstream.Regions = map[string]UpstreamRegion{"eu-west-1": {URL: other.address()}}
	front := run(t, c)
	there := as("AKID", "eu-west-1")
	front.mustCall("CreateTable", createTable)
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
	put("ours")
	put("theirs", there)
	read("theirs", "forward", there)
	front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
	read("ours", "hit")
	read("theirs", "forward", there)
	// A change of the other table leaves ours cached, and a change of ours is not seen there.
	front.mustCall("UpdateItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}},"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"S":"theirs2"}},"ReturnValues":"ALL_NEW"}`, there)
	front.mustCall("DeleteTable", `{"TableName":"t-1"}`, there)
	read("ours", "hit")
	if status, _, body := front.call("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`, there); status != 400 || !strings.Contains(body, "ResourceNotFoundException") {
		t.Errorf("GetItem of the deleted table there: %d %s", status, body)
	}
}

// A table of another account, named by its ARN, is not our table of that name.
func TestForeignARNsAreNotMixed(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	// The engine serves its own ARNs only; for others a stand-in says yes to everything.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, _ := url.Parse(behind.address())
		if r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.PutItem" && r.ContentLength > 100 {
			_, _ = w.Write([]byte(`{}`))
			return
		}
		(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}).ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	front := run(t, upstreamConfig(proxy.URL))
	front.mustCall("CreateTable", createTable)
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"S":"ours"}}}`)
	get := func() string {
		_, body := front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
		return body
	}
	get()
	foreign := `{"TableName":"arn:aws:dynamodb:us-east-1:999999999999:table/t-1","Item":{"p":{"S":"a"},"v":{"S":"theirs"}}}`
	front.mustCall("PutItem", foreign)
	header, body := front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`)
	if !strings.Contains(body, "ours") || header.Get("X-Millrace-Cache") != "hit" {
		t.Errorf("after a write to a foreign ARN: %s (%s), want ours from the cache", body, header.Get("X-Millrace-Cache"))
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
