package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"millrace/ddb"
)

// harness sends JSON requests to an engine in memory, as a front does, and compares JSON answers.
type harness struct {
	t testing.TB
	e *Engine
}

// newHarness opens an engine in memory that is closed with the test.
func newHarness(t testing.TB) *harness {
	t.Helper()
	cfg := DefaultConfig()
	cfg.InMemory = true
	return openHarness(t, cfg)
}

// openHarness opens an engine that is closed with the test.
func openHarness(t testing.TB, cfg Config) *harness {
	t.Helper()
	e, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &harness{t: t, e: e}
}

// do sends one request and returns the body of the answer, or the service exception.
func (h *harness) do(op ddb.Operation, body string) (string, *ddb.Error) {
	h.t.Helper()
	resp, err := h.e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		e, ok := ddb.AsError(err)
		if !ok {
			h.t.Fatalf("%s %s: unexpected error %v", op, clip(body), err)
		}
		return "", e
	}
	out, err := resp.JSON()
	if err != nil {
		h.t.Fatalf("%s %s: JSON of the answer: %v", op, clip(body), err)
	}
	return string(out), nil
}

// answer is do for a request that must succeed.
func (h *harness) answer(op ddb.Operation, body string) string {
	h.t.Helper()
	out, bad := h.do(op, body)
	if bad != nil {
		h.t.Fatalf("%s %s: error %v, want success", op, clip(body), bad)
	}
	return out
}

// ok checks that the request is answered with want, as JSON values: the order of object members does not count.
func (h *harness) ok(op ddb.Operation, body, want string) {
	h.t.Helper()
	if got := h.answer(op, body); !sameJSON(h.t, got, want) {
		h.t.Errorf("%s %s\n got %s\nwant %s", op, clip(body), clip(got), clip(want))
	}
}

// fails checks that the request is refused with exactly this exception.
func (h *harness) fails(op ddb.Operation, body, code, message string) *ddb.Error {
	h.t.Helper()
	out, bad := h.do(op, body)
	switch {
	case bad == nil:
		h.t.Errorf("%s %s: answer %s, want %s: %s", op, clip(body), clip(out), code, message)
		return &ddb.Error{}
	case bad.Code != code || bad.Message != message:
		h.t.Errorf("%s %s: error\n got %s: %s\nwant %s: %s", op, clip(body), bad.Code, bad.Message, code, message)
	}
	return bad
}

// invalid is fails for a ValidationException.
func (h *harness) invalid(op ddb.Operation, body, message string) {
	h.t.Helper()
	h.fails(op, body, "ValidationException", message)
}

// put puts items, given as JSON, into table.
func (h *harness) put(table string, items ...string) {
	h.t.Helper()
	for _, it := range items {
		h.ok(ddb.PutItem, fmt.Sprintf(`{"TableName":%q,"Item":%s}`, table, it), `{}`)
	}
}

// items is the Items member of a JSON answer.
func (h *harness) items(op ddb.Operation, body string) string {
	h.t.Helper()
	var out struct{ Items json.RawMessage }
	if err := json.Unmarshal([]byte(h.answer(op, body)), &out); err != nil {
		h.t.Fatalf("%s %s: %v", op, clip(body), err)
	}
	return string(out.Items)
}

// member is the member called name of a JSON answer; empty if there is none.
func (h *harness) member(op ddb.Operation, body, name string) string {
	h.t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(h.answer(op, body)), &out); err != nil {
		h.t.Fatalf("%s %s: %v", op, clip(body), err)
	}
	return string(out[name])
}

// sameJSON reports whether a and b are equal JSON values; both empty is equal.
func sameJSON(t testing.TB, a, b string) bool {
	t.Helper()
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatalf("not JSON: %s: %v", clip(a), err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatalf("not JSON: %s: %v", clip(b), err)
	}
	return reflect.DeepEqual(x, y)
}

// clip keeps messages about large bodies readable.
func clip(s string) string {
	if len(s) > 1000 {
		return s[:1000] + fmt.Sprintf("… (%d bytes)", len(s))
	}
	return s
}

// The tables of these tests.
const (
	// hashTable has a partition key p (S).
	hashTable = `{"TableName":"hash","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"}]}`
	// rangeTable has p (S) and s (N).
	rangeTable = `{"TableName":"range","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}]}`
	// stringTable has p (S) and s (S).
	stringTable = `{"TableName":"string","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}]}`
	// binaryTable has p (B) and s (B).
	binaryTable = `{"TableName":"binary","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"B"},{"AttributeName":"s","AttributeType":"B"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}]}`
	// indexTable has p (S) and s (S); global indexes all (g, h; ALL), inc (g; INCLUDE a) and keys (g; KEYS_ONLY);
	// local indexes lall (p, l; ALL), linc (p, l; INCLUDE a) and lkeys (p, l; KEYS_ONLY). g, l are S, h is N.
	indexTable = `{"TableName":"index","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"},
			{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"h","AttributeType":"N"},{"AttributeName":"l","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
		"GlobalSecondaryIndexes":[
			{"IndexName":"all","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"h","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}},
			{"IndexName":"inc","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["a"]}},
			{"IndexName":"keys","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}],
		"LocalSecondaryIndexes":[
			{"IndexName":"lall","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}},
			{"IndexName":"linc","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["a"]}},
			{"IndexName":"lkeys","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}`
)

// create makes tables, each given as the body of a CreateTable.
func (h *harness) create(tables ...string) *harness {
	h.t.Helper()
	for _, body := range tables {
		h.answer(ddb.CreateTable, body)
	}
	return h
}

// chars is n times the letter x, quoted as JSON.
func chars(n int) string { return `"` + strings.Repeat("x", n) + `"` }
