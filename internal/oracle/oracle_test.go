package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// seed makes the random lists of these tests; each test prints the one it used.
var seed = flag.Uint64("seed", 0, "seed of the first list; 0 draws one")

// drawn is the seed to use.
func drawn(t *testing.T) uint64 {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-seed %d", s)
	return s
}

// decimal is a seed as a flag takes it.
func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// engine runs one until the test ends and gives its URL.
func engine(t *testing.T) string {
	t.Helper()
	address, stop, err := startEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return address
}

// proxied is an engine behind a proxy that changes the bodies of its answers.
func proxied(t *testing.T, change func(operation string, body []byte) []byte) string {
	t.Helper()
	behind, err := url.Parse(engine(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		_, operation, _ := strings.Cut(r.Request.Header.Get("X-Amz-Target"), ".")
		body = change(operation, body)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Del("Content-Length")
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

func TestEngineAgreesWithItself(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := run(t.Context(), []string{"-endpoint", engine(t), "-seed", decimal(drawn(t)), "-lists", "30"}, &out)
	if err != nil || !strings.Contains(out.String(), "1800 operations were answered alike") {
		t.Errorf("run = %v, want no divergence\n%s", err, out.String())
	}
}

func TestChangedAnswerIsFoundAndShrunk(t *testing.T) {
	t.Parallel()
	// The other side forgets one attribute of what it reads.
	other := proxied(t, func(operation string, body []byte) []byte {
		answer, err := decode(body)
		item, found := answer["Item"].(object)
		if operation != "GetItem" || err != nil || !found {
			return body
		}
		delete(item, "a")
		return []byte(encode(answer))
	})
	reference, first := engine(t), drawn(t)
	args := func() []string {
		return []string{"-reference", reference, "-endpoint", other, "-seed", decimal(first), "-lists", "40", "-skip", "ExecuteStatement"}
	}
	// One list in ten reads an item that has it, so that once in 75 times no one of forty does. Then those that follow are played; four thousand
	// without one do not happen by chance.
	var out bytes.Buffer
	err := run(t.Context(), args(), &out)
	for tries := 1; err == nil && tries < 100; tries++ {
		first += 40
		out.Reset()
		err = run(t.Context(), args(), &out)
	}
	if !errors.Is(err, errDiverged) {
		t.Fatalf("run = %v, want errDiverged\n%s", err, out.String())
	}
	_, text, _ := strings.Cut(out.String(), "\ndivergence, from seed ")
	text, _, _ = strings.Cut(text, "\n# other: ")
	lines := strings.Split(text, "\n")[1:]
	// A table, something that gives the item its attribute, and the read; then the comment.
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "CreateTable ") || !strings.HasPrefix(lines[2], "GetItem ") {
		t.Fatalf("the list was not shrunk to three operations:\n%s", text)
	}
	if strings.Contains(lines[2], "ReturnConsumedCapacity") || strings.Contains(lines[0], "SecondaryIndexes") {
		t.Errorf("members that do not matter were not left out:\n%s", text)
	}

	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-reference", reference, "-endpoint", other, "-replay", file}, io.Discard); !errors.Is(err, errDiverged) {
		t.Errorf("replay of what was printed = %v, want errDiverged", err)
	}
	if err := run(t.Context(), []string{"-reference", reference, "-endpoint", engine(t), "-replay", file}, io.Discard); err != nil {
		t.Errorf("replay against an engine = %v, want no divergence", err)
	}
	// One that is passed over does not end a list.
	out.Reset()
	err = run(t.Context(), append(args(), "-ignore", "^GetItem: body"), &out)
	if err != nil || !strings.Contains(out.String(), "2400 operations were answered alike") {
		t.Errorf("run that ignores the divergence = %v\n%s", err, out.String())
	}
}

func TestTextsOfErrorsCountUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	other := proxied(t, func(_ string, body []byte) []byte {
		return bytes.ReplaceAll(body, []byte("key element"), []byte("key thing"))
	})
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte(`
CreateTable {"TableName":"$hash","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"}
# a key that is none
GetItem {"TableName":"$hash","Key":{"x":{"S":"a"}}}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	reference := engine(t)
	if err := run(t.Context(), []string{"-reference", reference, "-endpoint", other, "-replay", file}, io.Discard); !errors.Is(err, errDiverged) {
		t.Errorf("run = %v, want errDiverged", err)
	}
	if err := run(t.Context(), []string{"-reference", reference, "-endpoint", other, "-replay", file, "-texts=false"}, io.Discard); err != nil {
		t.Errorf("run without texts = %v, want no divergence", err)
	}
}

func TestAmazonIsRefusedUnlessSpendingIsAllowed(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{
		"https://dynamodb.us-east-1.amazonaws.com", "https://DynamoDB.eu-west-1.AMAZONAWS.com./", "https://dynamodb.cn-north-1.amazonaws.com.cn:443/x",
		"https://123456789012.ddb.us-east-1.amazonaws.com", "https://dynamodb.us-east-1.api.aws",
	} {
		for _, flag := range []string{"-endpoint", "-reference"} {
			_, err := parse([]string{"-endpoint", "http://127.0.0.1:1", flag, endpoint})
			if err == nil || !strings.Contains(err.Error(), "-yes-spend") {
				t.Errorf("parse with %s %s = %v, want a refusal that names -yes-spend", flag, endpoint, err)
			}
			if _, err := parse([]string{"-endpoint", "http://127.0.0.1:1", flag, endpoint, "-yes-spend"}); err != nil {
				t.Errorf("parse with -yes-spend = %v", err)
			}
		}
	}
	for _, endpoint := range []string{"http://127.0.0.1:8000", "http://localhost:8000", "http://amazonaws.com.example.org"} {
		if _, err := parse([]string{"-endpoint", endpoint}); err != nil {
			t.Errorf("parse with %s = %v", endpoint, err)
		}
	}
	for _, bad := range [][]string{{}, {"-endpoint", "127.0.0.1:8000"}, {"-endpoint", "http://a", "-ignore", "("}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("parse(%q) = nil, want an error", bad)
		}
	}
}

func TestOneSeedMakesOneList(t *testing.T) {
	t.Parallel()
	s := drawn(t)
	for i := range uint64(20) {
		a, b := generate(s+i, 80, nil), generate(s+i, 80, nil)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d makes two lists", s+i)
		}
		for _, o := range a {
			if again, err := parseOp(o.line()); err != nil || again.line() != o.line() {
				t.Fatalf("%s is read back as %s (%v)", o.line(), again.line(), err)
			}
		}
	}
	for _, o := range generate(s, 200, []string{"Scan", "Query"}) {
		if o.operation == "Scan" || o.operation == "Query" {
			t.Fatalf("a list has %s, which is to be skipped", o.operation)
		}
	}
}

func TestRequestsAreMostlyGood(t *testing.T) {
	t.Parallel()
	p := &player{endpoint: newEndpoint(engine(t), "us-east-1", credentials{}), prefix: "good-"}
	good, all := map[string]int{}, map[string]int{}
	for i := range uint64(30) {
		p.prefix = "good-" + decimal(i) + "-"
		for _, o := range generate(i, 80, nil) {
			a, err := p.do(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if all[o.operation]++; a.status == 200 {
				good[o.operation]++
			}
		}
	}
	// What is only ever refused would test little.
	for operation, n := range all {
		if operation != "UpdateTable" && good[operation]*5 < n {
			t.Errorf("%d of %d requests of %s succeed, want at least a fifth", good[operation], n, operation)
		}
	}
}

func TestAnswersAreComparedByValue(t *testing.T) {
	t.Parallel()
	f := func(operation, a, b string, want string) {
		t.Helper()
		read := func(text string) answer {
			body, err := decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			return normalise(op{operation: operation}, reply{200, body}, "oracle-1-")
		}
		if got := differ(read(a), read(b), true); got != want {
			t.Errorf("differ(%s, %s) = %q, want %q", a, b, got, want)
		}
	}
	// Numbers, sets and names of tables.
	f("GetItem", `{"ConsumedCapacity":{"TableName":"oracle-1-hash","CapacityUnits":1.0}}`, `{"ConsumedCapacity":{"CapacityUnits":1,"TableName":"$hash"}}`, "")
	f("GetItem", `{"Item":{"a":{"SS":["x","y"]}}}`, `{"Item":{"a":{"SS":["y","x"]}}}`, "")
	f("GetItem", `{"Item":{"a":{"L":[{"S":"x"},{"S":"y"}]}}}`, `{"Item":{"a":{"L":[{"S":"y"},{"S":"x"}]}}}`, "body.Item.a.L[0].S")
	f("GetItem", `{"Item":{"a":{"N":"1"}}}`, `{"Item":{"a":{"N":"1.0"}}}`, "body.Item.a.N")
	f("GetItem", `{}`, `{"Item":{}}`, "body.Item")
	// Orders that are promised and orders that are not.
	f("Scan", `{"Items":[{"a":{"S":"x"}},{"a":{"S":"y"}}]}`, `{"Items":[{"a":{"S":"y"}},{"a":{"S":"x"}}]}`, "")
	f("Query", `{"Items":[{"a":{"S":"x"}},{"a":{"S":"y"}}]}`, `{"Items":[{"a":{"S":"y"}},{"a":{"S":"x"}}]}`, "body.Items[0].a.S")
	f("BatchGetItem", `{"Responses":{"oracle-1-t":[{"a":{"S":"x"}},{"a":{"S":"y"}}]}}`, `{"Responses":{"$t":[{"a":{"S":"y"}},{"a":{"S":"x"}}]}}`, "")
	// What names a moment.
	f("DescribeTable", `{"Table":{"TableId":"1","TableStatus":"ACTIVE","TableName":"t"}}`, `{"Table":{"TableId":"2","TableName":"t"}}`, "")
	// Errors.
	f("GetItem", `{"__type":"a#X","message":"m"}`, `{"__type":"b#X","Message":"m"}`, "")
	f("GetItem", `{"__type":"a#X","message":"m"}`, `{"__type":"a#Y","message":"m"}`, "exception")
	f("GetItem", `{"__type":"a#X","message":"m"}`, `{"__type":"a#X","message":"n"}`, "text")
	f("PutItem", `{"__type":"a#X","message":"m","Item":{}}`, `{"__type":"a#X","message":"m"}`, "body.Item")
}

func TestSignaturesAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	// AWS's Signature Version 4 test suite: get-vanilla and post-vanilla.
	for method, want := range map[string]string{
		"GET":  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		"POST": "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
	} {
		req, err := http.NewRequest(method, "https://example.amazonaws.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		sign(req, nil, credentials{key: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, "us-east-1", "service", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
		wanted := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + want
		if got := req.Header.Get("Authorization"); got != wanted {
			t.Errorf("%s: Authorization = %s, want %s", method, got, wanted)
		}
	}
}
