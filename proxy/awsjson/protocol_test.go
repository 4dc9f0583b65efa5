package awsjson

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
	"millrace/proxy"
)

// Bodies of errors without a message.
const (
	notJSON       = `{"__type":"com.amazon.coral.service#SerializationException"}`
	unknownTarget = `{"__type":"com.amazon.coral.service#UnknownOperationException"}`
)

func TestBothTargetPrefixes(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #1
	for _, target := range []string{"DynamoDB_20120810.PutItem", "DynamoDBStreams_20120810.GetRecords"} {
		_, op, _ := strings.Cut(target, ".")
		r := f.exchange(request("X-Amz-Target: "+target+"\r\n"+jsonType+signed, "{}"))
		r.want(t, 200, `{"op":"`+op+`","got":{}}`)
	}
	// Header names are case-insensitive, and the query does not matter.
	r := f.exchange("POST /?a=b HTTP/1.1\r\nhost: h\r\nx-amz-TARGET: DynamoDB_20120810.PutItem\r\n" + strings.ToLower(jsonType) + signed + "content-length: 2\r\n\r\n{}")
	r.want(t, 200, `{"op":"PutItem","got":{}}`)
}

func TestHealthText(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #2
	f.exchange("GET / HTTP/1.1\r\nHost: dynamodb.us-east-1.amazonaws.com\r\n\r\n").want(t, 200, "healthy: dynamodb.us-east-1.amazonaws.com ")
	f.exchange("GET / HTTP/1.1\r\nHost: "+f.addr+"\r\n\r\n").want(t, 200, "healthy: "+f.addr+" ")
	f.exchange("GET / HTTP/1.0\r\n\r\n").want(t, 200, "healthy: "+f.addr+" ")
	if r := f.exchange("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"); r.status != 200 || r.body != "" {
		t.Errorf("HEAD / = %d %q, want 200 and no body", r.status, r.body)
	}
}

func TestWhatIsNoCallIsNotFound(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	check := func(text string) {
		t.Helper()
		r := f.exchange(text)
		r.want(t, 404, "<UnknownOperationException/>\n")
		if r.header.Get("X-Amz-Crc32") != "3552371480" {
			t.Errorf("crc %q, want 3552371480", r.header.Get("X-Amz-Crc32"))
		}
	}
	// #3
	check("GET /index.html HTTP/1.1\r\nHost: h\r\n\r\n")
	check("GET /healthy HTTP/1.1\r\nHost: h\r\n\r\n")
	// #4
	check("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}")
	check("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n")
	check("OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n")
	check("PATCH / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
	check(request(getItem+signed, "{}"))
	// #1: only POST / carries operations.
	check(strings.Replace(request(good, "{}"), "POST / ", "POST /other ", 1))
	// #5
	for _, contentType := range []string{"application/x-amz-json-1.1", "application/x-amz-json-1.0x", "application/jsonp", "text/plain", "application/x-www-form-urlencoded"} {
		check(request(getItem+"Content-Type: "+contentType+"\r\n"+signed, "{}"))
	}
}

func TestContentTypeIsEchoed(t *testing.T) {
	t.Parallel()
	long := start(t, answering(`{"x":"`+strings.Repeat("y", 20000)+`"}`, nil), nil)
	bad := start(t, answering("", ddb.Validation("no")), nil)
	theirs := &ddb.Error{Code: "ValidationException", Status: 400, Raw: []byte(`{"__type":"ValidationException"}`), Headers: []ddb.Header{{Name: "Content-Type", Value: "application/x-amz-json-1.0"}}}
	remote := start(t, answering("", theirs), nil)
	check := func(sent, want string) {
		t.Helper()
		// #5, #6: on success, on long replies and on errors, our own and a backend's.
		for _, f := range []*front{long, bad, remote} {
			r := f.exchange(request(getItem+"Content-Type: "+sent+"\r\n"+signed, "{}"))
			checkReply(t, r)
			if got := r.header.Get("Content-Type"); got != want {
				t.Errorf("%d reply to %q has type %q, want %q", r.status, sent, got, want)
			}
		}
		if got := long.exchange(request("Content-Type: "+sent+"\r\n"+signed, "{}")).header.Get("Content-Type"); got != want {
			t.Errorf("reply to an unknown operation sent as %q has type %q, want %q", sent, got, want)
		}
	}
	check("application/x-amz-json-1.0", "application/x-amz-json-1.0")
	check("application/json", "application/json")
	check(" application/json ; charset=utf-8", "application/json")
	check("application/x-amz-json-1.0;charset=utf-8", "application/x-amz-json-1.0")
}

func TestRequestIDsDifferAndTheBackendsIsKept(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	c := f.dial()
	seen := map[string]bool{}
	for range 100 {
		id := c.send(request(good, "{}")).receive("POST").header.Get("X-Amzn-Requestid")
		if seen[id] || !requestIDPattern.MatchString(id) {
			t.Fatalf("request id %q is malformed or was given before (#7)", id)
		}
		seen[id] = true
	}
	id := strings.Repeat("A", 52)
	g := start(t, handlerFunc(func(_ context.Context, _ *ddb.Request, _ proxy.Options, r *proxy.Reply) error {
		r.RequestID, r.Body = id, append(r.Body, "{}"...)
		return nil
	}), nil)
	if got := g.exchange(request(good, "{}")).header.Get("X-Amzn-Requestid"); got != id {
		t.Errorf("request id %q, want the backend's %q", got, id)
	}
}

func TestConnectionReuseAndClose(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #11
	c := f.dial()
	for range 3 {
		c.send(request(good, `{"a":1}`)).receive("POST").want(t, 200, `{"op":"GetItem","got":{"a":1}}`)
	}
	// Two requests in one packet are answered in order.
	c.send(request(good, `{"a":1}`) + request(good, `{"b":2}`))
	c.receive("POST").want(t, 200, `{"op":"GetItem","got":{"a":1}}`)
	c.receive("POST").want(t, 200, `{"op":"GetItem","got":{"b":2}}`)
	r := c.send(request(good+"Connection: close\r\n", "{}")).receive("POST")
	r.want(t, 200, `{"op":"GetItem","got":{}}`)
	if !r.close || !c.closed() {
		t.Error("Connection: close was not honoured")
	}
	// HTTP/1.0 closes by default.
	c = f.dial()
	c.send(strings.Replace(request(good, "{}"), "HTTP/1.1", "HTTP/1.0", 1)).receive("POST").want(t, 200, `{"op":"GetItem","got":{}}`)
	if !c.closed() {
		t.Error("an HTTP/1.0 connection was kept")
	}
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	check := func(err error, status int, body string) {
		t.Helper()
		f := start(t, answering("", err), nil)
		f.exchange(request(good, "{}")).want(t, status, body)
	}
	const service = `{"__type":"com.amazonaws.dynamodb.v20120810#`
	// #12, #13: which prefix, and message or Message.
	check(ddb.Validation("bad"), 400, `{"__type":"com.amazon.coral.validate#ValidationException","message":"bad"}`)
	check(ddb.Serialization("NUMBER_VALUE cannot be converted to String"), 400,
		`{"__type":"com.amazon.coral.service#SerializationException","message":"NUMBER_VALUE cannot be converted to String"}`)
	check(ddb.ResourceNotFound("Requested resource not found"), 400, service+`ResourceNotFoundException","message":"Requested resource not found"}`)
	check(ddb.ResourceInUse("x"), 400, service+`ResourceInUseException","message":"x"}`)
	check(ddb.UnknownOperationError(), 400, unknownTarget)
	check(ddb.InternalServerError("Internal server error"), 500, service+`InternalServerError","message":"Internal server error"}`)
	check(&ddb.Error{Code: "AccessDeniedException", Message: "no"}, 400, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}`)
	check(&ddb.Error{Code: "UnrecognizedClientException", Message: "no"}, 400, `{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"no"}`)
	check(ddb.ConditionalCheckFailed(nil, false), 400, service+`ConditionalCheckFailedException","message":"The conditional request failed"}`)
	check(ddb.ConditionalCheckFailed(ddb.Item{}, true), 400, service+`ConditionalCheckFailedException","message":"The conditional request failed","Item":{}}`)
	check(&ddb.Error{Code: "TransactionCanceledException", Message: "m", CancellationReasons: []ddb.CancellationReason{
		{Code: "None"}, {Code: "ConditionalCheckFailed", Message: "failed", Item: ddb.Item{}, HasItem: true},
	}}, 400, service+`TransactionCanceledException","Message":"m","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"failed","Item":{}}]}`)
	// #192: an action that did not fail has no message.
	check(&ddb.Error{Code: "TransactionCanceledException", Message: "m", CancellationReasons: []ddb.CancellationReason{
		{Code: "TransactionConflict", Message: "Transaction is ongoing for the item"}, {Code: "None"},
	}}, 400, service+`TransactionCanceledException","Message":"m","CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"},{"Code":"None"}]}`)
	// #198
	check(&ddb.Error{Code: "TransactionConflictException", Message: "m"}, 400, service+`TransactionConflictException","message":"m"}`)
	// #196
	check(&ddb.Error{Code: "IdempotentParameterMismatchException", Message: "m"}, 400, service+`IdempotentParameterMismatchException","Message":"m"}`)
	check(&ddb.Error{Code: "TransactionInProgressException", Message: "m"}, 400, service+`TransactionInProgressException","Message":"m"}`)
	// #14
	check(ddb.Validation("say \"no\"\n\\"), 400, `{"__type":"com.amazon.coral.validate#ValidationException","message":"say \"no\"\n\\"}`)
	// A backend's own body is passed on, byte for byte.
	check(&ddb.Error{Code: "X", Status: 503, Raw: []byte(`{"__type":"y#X"} `)}, 503, `{"__type":"y#X"} `)
	// What is no service exception is not told to strangers.
	check(errors.New("disk full at /secret"), 500, service+`InternalServerError","message":"Internal server error"}`)
	check(context.DeadlineExceeded, 500, service+`InternalServerError","message":"Internal server error"}`)
}

func TestBodyThatIsNotJSON(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #15: the crc of the canonical body. The front looks only where an earlier answer than the operation's is due.
	r := f.exchange(request(jsonType, "hello"))
	r.want(t, 400, notJSON)
	if got := r.header.Get("X-Amz-Crc32"); got != "3948637019" {
		t.Errorf("crc %q, want 3948637019", got)
	}
	f.exchange(request(jsonType, "")).want(t, 400, notJSON)
	// #28: nesting that a recursive parser would not survive.
	deep := strings.Repeat("[", 200000)
	f.exchange(request(jsonType, deep)).want(t, 400, notJSON)
}

func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	const missing = `{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException","message":"Request is missing Authentication Token"}`
	// #17: content type, then JSON, then target, then signature.
	f.exchange(request("Content-Type: text/plain\r\n", "{")).want(t, 404, notFoundBody)
	f.exchange(request(jsonType+"X-Amz-Target: nonsense\r\n", "{")).want(t, 400, notJSON)
	f.exchange(request(jsonType+getItem, "{")).want(t, 400, notJSON)
	f.exchange(request(jsonType+"X-Amz-Target: nonsense\r\n", "{}")).want(t, 400, unknownTarget)
	f.exchange(request(jsonType+"X-Amz-Target: DynamoDB_20120810.Nonsense\r\n", "{}")).want(t, 400, unknownTarget)
	f.exchange(request(jsonType+getItem, "{}")).want(t, 400, missing)
	f.exchange(request(good, "{}")).want(t, 200, `{"op":"GetItem","got":{}}`)
}

func TestUnknownOperations(t *testing.T) {
	t.Parallel()
	f := start(t, handlerFunc(func(ctx context.Context, req *ddb.Request, o proxy.Options, r *proxy.Reply) error {
		if req.Op == ddb.UnknownOperation {
			if req.Name == "" {
				t.Error("an unknown operation came without its name")
			}
			return ddb.UnknownOperationError()
		}
		return echo(ctx, req, o, r)
	}), nil)
	// #18
	for _, target := range []string{"", "GetItem", "DynamoDB_20111205.GetItem", "DynamoDB_20120810", "DynamoDB_20120810.", "DynamoDB_20120810.getItem",
		"DynamoDB_20120810.GetItem.x", "DynamoDBStreams_20120810.GetItem", "DynamoDB_20120810.GetRecords"} {
		f.exchange(request("X-Amz-Target: "+target+"\r\n"+jsonType+signed, "{}")).want(t, 400, unknownTarget)
	}
	f.exchange(request(jsonType+signed, "{}")).want(t, 400, unknownTarget)
}

// Before a backend that may know more, what other services' targets name is handed on by name; what names nothing is not.
func TestTargetsOfOtherServicesAreLeftToTheBackend(t *testing.T) {
	t.Parallel()
	f := start(t, handlerFunc(func(_ context.Context, req *ddb.Request, _ proxy.Options, r *proxy.Reply) error {
		r.Body = fmt.Appendf(r.Body, `{"known":%v,"is":"%s.%s"}`, req.Op != ddb.UnknownOperation, req.Service, req.Name)
		return nil
	}), func(c *Config) { c.AnyService = true })
	for _, target := range []string{"DynamoDB_20111205.GetItem", "AmazonDAXV3.DescribeClusters", "DynamoDB_20120810.getItem", "x.GetItem.y"} {
		f.exchange(request("X-Amz-Target: "+target+"\r\n"+jsonType+signed, "{}")).want(t, 200, `{"known":false,"is":"`+target+`"}`)
	}
	for _, target := range []string{"", "GetItem", ".GetItem", "DynamoDB_20111205", "DynamoDB_20111205."} {
		f.exchange(request("X-Amz-Target: "+target+"\r\n"+jsonType+signed, "{}")).want(t, 400, unknownTarget)
	}
}

func TestEmptyAnswerIsZeroBytes(t *testing.T) {
	t.Parallel()
	// #33
	f := start(t, answering("", nil), nil)
	f.exchange(request("X-Amz-Target: DynamoDB_20120810.TagResource\r\n"+jsonType+signed, "{}")).want(t, 200, "")
}

func TestDescribeEndpointsKnowsTheHost(t *testing.T) {
	t.Parallel()
	// #34
	f := start(t, handlerFunc(func(_ context.Context, req *ddb.Request, _ proxy.Options, r *proxy.Reply) error {
		r.Body = append(r.Body, req.Host...)
		return nil
	}), nil)
	f.exchange(request("X-Amz-Target: DynamoDB_20120810.DescribeEndpoints\r\n"+jsonType+signed, "{}")).want(t, 200, "example.test")
}

func TestCORS(t *testing.T) {
	t.Parallel()
	f := start(t, echo, nil)
	// #32
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\nOrigin: http://page.test\r\n\r\n",
		request(good+"Origin: http://page.test\r\n", "{}"),
		request(jsonType+"Origin: http://page.test\r\n", "{}"),
		"OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: http://page.test\r\n\r\n",
	} {
		r := f.exchange(text)
		checkReply(t, r)
		if r.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "x-amzn-requestid") {
			t.Errorf("%.20q with an origin got %v", text, r.header)
		}
	}
	r := f.exchange("OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: null\r\nAccess-Control-Request-Headers: a, b\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
	r.want(t, 200, "")
	for name, want := range map[string]string{"Access-Control-Allow-Headers": "a, b", "Access-Control-Allow-Methods": "PUT", "Access-Control-Max-Age": "172800"} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", request(good, "{}"), "OPTIONS / HTTP/1.1\r\nHost: h\r\nAccess-Control-Request-Method: PUT\r\n\r\n"} {
		for name := range f.exchange(text).header {
			if strings.HasPrefix(name, "Access-Control") {
				t.Errorf("%.20q without an origin got %s", text, name)
			}
		}
	}
}
