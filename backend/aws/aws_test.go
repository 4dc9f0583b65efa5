package aws

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"millrace/ddb"
)

func TestBodiesGoThroughVerbatim(t *testing.T) {
	t.Parallel()
	// Spaces, escapes, order and unknown members are nobody's business on the way.
	body := "{ \"TableName\" : \"t\\u0041\",\n\t\"Zzz\":[1.0e3,null], \"Key\":{\"p\":{\"S\":\"\\/é\"}}}"
	answer := "{\"Item\" : {\"b\":{\"B\":\"AA==\"},\"a\":{\"N\":\"01.50\"}} }\n"
	up := script(t, reply(200, answer))
	b := open(t, testConfig(up.url))
	for _, op := range []ddb.Operation{ddb.GetItem, ddb.PutItem, ddb.SearchVectors, ddb.ListStreams} {
		req := ddb.NewRequest(op, []byte(body))
		resp, err := b.Do(t.Context(), req)
		if err != nil {
			t.Fatalf("%v: %v", op, err)
		}
		if out, _ := resp.JSON(); string(out) != answer || resp.RequestID != "UPSTREAMID" {
			t.Errorf("%v: got %q, id %q; want %q", op, out, resp.RequestID, answer)
		}
	}
	unknown := ddb.NewRequest(ddb.UnknownOperation, []byte(body))
	unknown.Name, unknown.Service = "InventedYesterday", ddb.StreamsService
	if _, err := b.Do(t.Context(), unknown); err != nil {
		t.Fatal(err)
	}
	targets := []string{"DynamoDB_20120810.GetItem", "DynamoDB_20120810.PutItem", "DynamoDB_20120810.SearchVectors",
		"DynamoDBStreams_20120810.ListStreams", "DynamoDBStreams_20120810.InventedYesterday"}
	for i, r := range up.got() {
		if r.body != body || r.header.Get(headerTarget) != targets[i] {
			t.Errorf("request %d: target %q, body %q; want %q, %q", i, r.header.Get(headerTarget), r.body, targets[i], body)
		}
		if got := r.header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("request %d: Accept-Encoding %q, want identity", i, got)
		}
		if got := r.header.Get("Content-Type"); got != contentType {
			t.Errorf("request %d: Content-Type %q, want %q", i, got, contentType)
		}
	}
}

func TestEmptyAnswersAreAnswers(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, ``))
	got, err := do(open(t, testConfig(up.url)), ddb.TagResource, `{}`)
	if err != nil || got != "" {
		t.Errorf("TagResource = %q, %v; want nothing", got, err)
	}
}

// A client that looks for endpoints is told to stay where it is.
func TestDescribeEndpointsNamesMillrace(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, `{"Endpoints":[{"Address":"dynamodb.eu-west-1.amazonaws.com","CachePeriodInMinutes":1440}]}`))
	req := ddb.NewRequest(ddb.DescribeEndpoints, []byte(`{}`))
	req.Host = "millrace:8000"
	resp, err := open(t, testConfig(up.url)).Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := resp.JSON(); string(got) != `{"Endpoints":[{"Address":"millrace:8000","CachePeriodInMinutes":1440}]}` {
		t.Errorf("DescribeEndpoints = %s", got)
	}
}

func TestErrorsGoThroughVerbatim(t *testing.T) {
	t.Parallel()
	f := func(status int, body, code string, more ...string) *ddb.Error {
		t.Helper()
		up := script(t, reply(status, body, more...))
		c := testConfig(up.url)
		c.Attempts = 1
		_, err := do(open(t, c), ddb.TransactWriteItems, `{}`)
		e, ok := err.(*ddb.Error)
		if !ok {
			t.Fatalf("status %d, body %q: error %v, want a *ddb.Error", status, body, err)
		}
		if e.Code != code || e.HTTPStatus() != status || string(e.Raw) != body || e.Raw == nil || e.RequestID != "UPSTREAMID" {
			t.Errorf("status %d, body %q: code %q, status %d, raw %q, id %q", status, body, e.Code, e.HTTPStatus(), e.Raw, e.RequestID)
		}
		return e
	}
	f(400, `{ "__type" : "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message":"no such thing" }`, "ResourceNotFoundException")
	f(400, `{"__type":"BareException"}`, "BareException")
	f(400, `{"message":"typed by header"}`, "HeaderException", headerErrorType, "HeaderException:http://internal.amazon.com/")
	f(413, ``, "UnknownError")
	f(502, `<html>bad gateway</html>`, "InternalServerError")
	e := f(400, `{"__type":"x#ConditionalCheckFailedException","message":"The conditional request failed","Item":{"p":{"S":"a"}}}`, "ConditionalCheckFailedException")
	if !e.HasItem || len(e.Item) != 1 || e.Message != "The conditional request failed" {
		t.Errorf("the failed condition's item is %v (%v), message %q", e.Item, e.HasItem, e.Message)
	}
	e = f(400, `{"__type":"x#TransactionCanceledException","Message":"why","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"m","Item":{"p":{"S":"a"}}}]}`, "TransactionCanceledException")
	if len(e.CancellationReasons) != 2 || e.CancellationReasons[1].Code != "ConditionalCheckFailed" || !e.CancellationReasons[1].HasItem || e.Message != "why" {
		t.Errorf("the reasons are %+v, message %q", e.CancellationReasons, e.Message)
	}
}

// With an error come the headers that say what its body is and what to do, whether or not the answer is of the usual form.
func TestErrorsHaveTheirHeaders(t *testing.T) {
	t.Parallel()
	for _, unusual := range [][]string{nil, {"Trailer", "X"}} {
		up := script(t, reply(503, "<html>later</html>", append([]string{"Content-Type", "text/html", "retry-after", "7", "Location", "https://status.example/", "Set-Cookie", "a=b",
			"Content-Encoding", "br", "X-Amzn-ErrorMessage", "later"}, unusual...)...))
		c := testConfig(up.url)
		c.Attempts = 1
		_, err := do(open(t, c), ddb.PutItem, `{}`)
		e, ok := err.(*ddb.Error)
		if !ok {
			t.Fatalf("error %v, want a *ddb.Error", err)
		}
		got := map[string]string{}
		for _, h := range e.Headers {
			got[h.Name] = h.Value
		}
		want := map[string]string{"Content-Type": "text/html", "Retry-After": "7", "Location": "https://status.example/", "Content-Encoding": "br", "X-Amzn-Errormessage": "later"}
		if !maps.Equal(got, want) || len(e.Headers) != len(want) {
			t.Errorf("with %q: headers %v, want %v", unusual, e.Headers, want)
		}
	}
}

// What arrives is signed rightly, by the judgement of the SDK's own signer, and for the region and host it goes to.
func TestRequestsAreSignedAnew(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, `{}`))
	b := open(t, testConfig(up.url))
	for _, body := range []string{`{"TableName":"t"}`, `{"TableName":"another, longer one"}`} {
		if _, err := do(b, ddb.GetItem, body); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range up.got() {
		at, err := time.Parse("20060102T150405Z", r.header.Get(headerDate))
		if err != nil {
			t.Fatal(err)
		}
		again, err := http.NewRequest(http.MethodPost, "http://"+r.host+"/", bytes.NewReader([]byte(r.body)))
		if err != nil {
			t.Fatal(err)
		}
		again.Header.Set("Content-Type", r.header.Get("Content-Type"))
		again.Header.Set(headerTarget, r.header.Get(headerTarget))
		creds, _ := fixed().Retrieve(t.Context())
		sum := sha256.Sum256([]byte(r.body))
		if err := v4.NewSigner().SignHTTP(context.Background(), creds, again, hex.EncodeToString(sum[:]), "dynamodb", "eu-west-1", at); err != nil {
			t.Fatal(err)
		}
		if got, want := r.header.Get(headerAuth), again.Header.Get(headerAuth); got != want {
			t.Errorf("Authorization\n got %s\nwant %s", got, want)
		}
		if r.header.Get(headerToken) != "token" || !strings.Contains(r.host, "127.0.0.1:") {
			t.Errorf("token %q, host %q", r.header.Get(headerToken), r.host)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	f := func(c Config, region string, streams bool, want string) {
		t.Helper()
		c.Kind = cmp.Or(c.Kind, Amazon)
		if got := c.address("us-east-1", region, streams); got != want {
			t.Errorf("address(%q, %v) of %+v = %q, want %q", region, streams, c.Endpoint, got, want)
		}
	}
	f(Config{}, "us-east-1", false, "https://dynamodb.us-east-1.amazonaws.com")
	f(Config{}, "us-east-1", true, "https://streams.dynamodb.us-east-1.amazonaws.com")
	f(Config{}, "cn-north-1", true, "https://streams.dynamodb.cn-north-1.amazonaws.com.cn")
	f(Config{}, "us-isob-east-1", false, "https://dynamodb.us-isob-east-1.sc2s.sgov.gov")
	one := Config{Endpoint: Endpoint{URL: "http://127.0.0.1:1"}}
	f(one, "us-east-1", true, "http://127.0.0.1:1")
	f(one, "eu-west-1", false, "https://dynamodb.eu-west-1.amazonaws.com")
	two := Config{Endpoint: Endpoint{URL: "http://127.0.0.1:1", StreamsURL: "http://127.0.0.1:2"}, Regions: map[string]Endpoint{"eu-west-1": {URL: "http://127.0.0.1:3"}}}
	f(two, "us-east-1", true, "http://127.0.0.1:2")
	f(two, "eu-west-1", true, "http://127.0.0.1:3")
	// What is not Amazon's has one address for all regions, unless others are named.
	one.Kind, two.Kind = Generic, Alternator
	f(one, "eu-west-1", true, "http://127.0.0.1:1")
	f(two, "eu-west-1", true, "http://127.0.0.1:3")
	f(two, "local", true, "http://127.0.0.1:2")
}

// A region that a client names becomes part of a host's name, so only what looks like a region is ever used.
func TestInventedRegionsGoNowhere(t *testing.T) {
	t.Parallel()
	c := testConfig("http://127.0.0.1:1")
	c.Kind = Amazon
	b := open(t, c)
	for _, region := range []string{"evil.example/", "local", "us-east-1.evil.example", "us-east-1:80", strings.Repeat("us-", 20) + "1", "US-EAST-1"} {
		req := ddb.NewRequest(ddb.GetItem, []byte(`{}`))
		req.Region = region
		_, err := b.Do(t.Context(), req)
		if e, ok := err.(*ddb.Error); !ok || e.Code != "InvalidSignatureException" || !e.NotSent {
			t.Errorf("region %q: %v, want InvalidSignatureException", region, err)
		}
	}
}

func TestRegionsHaveEndpointsOfTheirOwn(t *testing.T) {
	t.Parallel()
	own, other := script(t, reply(200, `{"own":1}`)), script(t, reply(200, `{"other":1}`))
	c := testConfig(own.url)
	c.Kind, c.Regions = Amazon, map[string]Endpoint{"us-west-2": {URL: other.url}}
	b := open(t, c)
	f := func(b *Backend, region, want, signedFor string, up *scripted) {
		t.Helper()
		req := ddb.NewRequest(ddb.GetItem, []byte(`{}`))
		req.Region = region
		resp, err := b.Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if out, _ := resp.JSON(); string(out) != want {
			t.Errorf("region %q: %s, want %s", region, out, want)
		}
		requests := up.got()
		if auth := requests[len(requests)-1].header.Get(headerAuth); !strings.Contains(auth, "/"+signedFor+"/dynamodb/") {
			t.Errorf("region %q is signed %s, want for %s", region, auth, signedFor)
		}
	}
	f(b, "", `{"own":1}`, "eu-west-1", own)
	f(b, "us-west-2", `{"other":1}`, "us-west-2", other)
	// An endpoint that is not Amazon's is one for all regions, and is told which one is meant.
	c.Kind, c.Regions = Generic, nil
	b = open(t, c)
	f(b, "us-west-2", `{"own":1}`, "us-west-2", own)
	f(b, "local", `{"own":1}`, "local", own)
	f(b, "", `{"own":1}`, "eu-west-1", own)
}

// Clients who name ever more regions cost no more than so many endpoints, keep nobody from a region that is asked for afterwards, and do
// not end those that are in use.
func TestManyRegionsLockNobodyOut(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, `{}`))
	b := open(t, testConfig(up.url))
	ask := func(region string) {
		t.Helper()
		req := ddb.NewRequest(ddb.GetItem, []byte(`{}`))
		req.Region = region
		if _, err := b.Do(t.Context(), req); err != nil {
			t.Errorf("region %q: %v", region, err)
		}
	}
	endpointOf := func(region string) *endpoint {
		b.endpoints.mu.RLock()
		defer b.endpoints.mu.RUnlock()
		return b.endpoints.byKey[endpointKey{region: region}]
	}
	ask("")
	ask("used")
	own, used := endpointOf(b.Region()), endpointOf("used")
	for i := range 3 * maxEndpoints {
		ask(fmt.Sprint("made-up-", i))
		if i%(maxEndpoints/2) == 0 {
			ask("used")
		}
	}
	ask("made-up-0")
	if got := endpointOf(b.Region()); got != own || own == nil {
		t.Error("our own region's endpoint was made anew")
	}
	if got := endpointOf("used"); got != used || used == nil {
		t.Error("the endpoint of a region that is asked for all the time was made anew")
	}
	if n, keys := len(b.endpoints.byURL), len(b.endpoints.byKey); n > maxEndpoints || keys > 2*maxEndpoints {
		t.Errorf("%d endpoints by %d names, want at most %d", n, keys, maxEndpoints)
	}
	// What has given way keeps no connection.
	gone := b.connectTo("x", used.url)
	gone.client.close()
	if err := gone.client.do([]byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"), nil, time.Now().Add(5*time.Second), change, new(answer)); err != nil {
		t.Fatal(err)
	}
	if n := len(gone.client.idle); n != 0 {
		t.Errorf("%d connections are kept, want none", n)
	}
}

func TestRegionIsSettledOnce(t *testing.T) {
	t.Setenv("AWS_REGION", "ap-southeast-2")
	f := func(kind Kind, region string, settled bool, want string, choices ...string) {
		t.Helper()
		c := testConfig("http://127.0.0.1:1")
		c.Kind, c.Region, c.Credentials = kind, region, nil
		b := open(t, c)
		if b.Settled() != settled {
			t.Errorf("kind %s, region %q: Settled() = %v, want %v", kind, region, !settled, settled)
		}
		for _, choice := range choices {
			b.Settle(choice)
		}
		if b.Region() != want {
			t.Errorf("kind %s, region %q, after %q: Region() = %q, want %q", kind, region, choices, b.Region(), want)
		}
	}
	f(Amazon, "", true, "ap-southeast-2", "us-east-1")
	f(Generic, "eu-west-1", true, "eu-west-1", "us-east-1")
	// Where regions have no endpoints of their own, the environment only says what to sign for until a client does.
	f(Generic, "", false, "ap-southeast-2")
	f(Generic, "", false, "ap-southeast-2", "", "not a name")
	f(Generic, "", false, "local", "local")
}

func TestEnvironmentDoesNotNameTheUpstream(t *testing.T) {
	up := script(t, reply(200, `{}`))
	trap := script(t, reply(200, `{"trap":true}`))
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, trap.url)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "FROMENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("AWS_REGION", "ap-south-1")
	c := testConfig(up.url)
	c.Credentials, c.Region = nil, ""
	b := open(t, c)
	if _, err := do(b, ddb.GetItem, `{}`); err != nil {
		t.Fatal(err)
	}
	c = DefaultConfig()
	if got := open(t, c).URL(); got != "https://dynamodb.ap-south-1.amazonaws.com" {
		t.Errorf("without --upstream it goes to %q", got)
	}
	if len(trap.got()) != 0 || len(up.got()) != 1 {
		t.Fatalf("%d requests went to the variables' address, %d upstream", len(trap.got()), len(up.got()))
	}
	if auth := up.got()[0].header.Get(headerAuth); !strings.Contains(auth, "Credential=FROMENV/") || !strings.Contains(auth, "/ap-south-1/") {
		t.Errorf("signed %s, want with the environment's key and region", auth)
	}
	if b.Source() != "EnvConfigCredentials" {
		t.Errorf("Source() = %q", b.Source())
	}
}

func TestTheWayIsTold(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, `{}`))
	c := testConfig(up.url)
	c.NodeID = "B"
	b := open(t, c)
	for _, via := range []string{"", "A", ""} {
		req := ddb.NewRequest(ddb.GetItem, []byte(`{}`))
		req.Via = via
		if _, err := b.Do(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"B", "A, B", "B"} {
		if got := up.got()[i].header.Get(HeaderVia); got != want {
			t.Errorf("request %d: %s is %q, want %q", i, HeaderVia, got, want)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	f := func(want string, change func(*Config)) {
		t.Helper()
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("Validate() = %v, want %q", err, want)
		}
	}
	f("", func(*Config) {})
	f("kind is \"x\"", func(c *Config) { c.Kind = "x" })
	f("url is empty", func(c *Config) { c.Kind = Alternator })
	f("url is \"127.0.0.1:8000\"", func(c *Config) { c.Endpoint.URL = "127.0.0.1:8000" })
	f("url is \"http://h/x\"", func(c *Config) { c.Endpoint.URL = "http://h/x" })
	f("streams_url is \"ftp://h\"", func(c *Config) { c.Endpoint.StreamsURL = "ftp://h" })
	f("region is \"nowhere\"", func(c *Config) { c.Region = "nowhere" })
	f("regions: \"x\"", func(c *Config) { c.Regions = map[string]Endpoint{"x": {}} })
	f("regions.us-east-1.url is", func(c *Config) { c.Regions = map[string]Endpoint{"us-east-1": {URL: "x"}} })
	f("timeout is 0s", func(c *Config) { c.Timeout = 0 })
	f("attempt_timeout is 1m", func(c *Config) { c.AttemptTimeout = time.Minute })
	f("attempts is 0", func(c *Config) { c.Attempts = 0 })
	f("max_in_flight is 0", func(c *Config) { c.MaxInFlight = 0 })
}

func TestKindFollowsFromTheAddress(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]Kind{
		"": Amazon, "https://dynamodb.eu-west-1.amazonaws.com": Amazon, "https://vpce-1.dynamodb.cn-north-1.vpce.amazonaws.com.cn": Amazon,
		"https://dynamodb.eu-west-1.api.aws": Amazon, "https://DynamoDB.us-east-1.AmazonAWS.com.": Amazon, "https://dynamodb.eusc-de-east-1.amazonaws.eu": Amazon,
		"http://127.0.0.1:8000": Generic, "https://amazonaws.com.evil.example": Generic,
	} {
		if got := KindOf(url); got != want {
			t.Errorf("KindOf(%q) = %q, want %q", url, got, want)
		}
	}
}

// Amazon has an address of its own for streams; others have one for both unless they are said to have two.
func TestStreamsAreAskedWhereTheyAre(t *testing.T) {
	t.Parallel()
	const region, public = "eu-west-1", "https://streams.dynamodb.eu-west-1.amazonaws.com"
	for _, c := range []struct {
		endpoint        Endpoint
		tables, streams string
	}{
		{Endpoint{}, "https://dynamodb.eu-west-1.amazonaws.com", public},
		{Endpoint{URL: "https://dynamodb.eu-west-1.amazonaws.com"}, "https://dynamodb.eu-west-1.amazonaws.com", public},
		{Endpoint{URL: "https://dynamodb.eu-west-1.api.aws"}, "https://dynamodb.eu-west-1.api.aws", public},
		{Endpoint{URL: "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com", StreamsURL: "https://vpce-2.streams.dynamodb.eu-west-1.vpce.amazonaws.com"},
			"https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com", "https://vpce-2.streams.dynamodb.eu-west-1.vpce.amazonaws.com"},
		{Endpoint{URL: "http://127.0.0.1:8000"}, "http://127.0.0.1:8000", "http://127.0.0.1:8000"},
	} {
		config := Config{Endpoint: c.endpoint, Kind: KindOf(c.endpoint.URL)}
		if got := config.address(region, region, false); got != c.tables {
			t.Errorf("with %+v tables are at %s, want %s", c.endpoint, got, c.tables)
		}
		if got := config.address(region, region, true); got != c.streams {
			t.Errorf("with %+v streams are at %s, want %s", c.endpoint, got, c.streams)
		}
	}
}

func TestSelfProxyIsIgnored(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:8000": true, "localhost:8000": true, "0.0.0.0:8000": true, "[::1]:8000": true,
		"127.0.0.1:8001": false, "10.0.0.1:8000": false,
	} {
		if got := sameAddress(address, "127.0.0.1:8000"); got != want {
			t.Errorf("sameAddress(%q) = %v, want %v", address, got, want)
		}
	}
	if fmt.Sprint(Endpoint{URL: "http://localhost:8000"}.Names("127.0.0.1:8000")) != "true" {
		t.Error("an endpoint at our own port is not ours")
	}
}
