package node

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// leaderless stands between a node and its upstream and refuses strongly consistent reads while it has an answer for them.
type leaderless struct {
	URL string

	mu sync.Mutex

	status int // 0 refuses nothing
	body   string
	all    bool     // eventual ones too
	sent   []string // reads, as "Operation strong" or "Operation"
}

// newLeaderless starts one before behind.
func newLeaderless(t *testing.T, behind *running) *leaderless {
	t.Helper()
	l := &leaderless{}
	l.URL = overridden(t, behind, func(w http.ResponseWriter, r *http.Request) bool {
		operation, body := askedOf(r)
		strong := strings.Contains(body, `"ConsistentRead":true`)
		l.mu.Lock()
		status, answer := l.status, l.body
		switch operation {
		case "GetItem", "BatchGetItem", "Query", "Scan":
			l.sent = append(l.sent, operation+strings.Repeat(" strong", map[bool]int{true: 1}[strong]))
			if !strong && !l.all {
				status = 0
			}
		default:
			status = 0
		}
		l.mu.Unlock()
		if status == 0 {
			return false
		}
		w.Header().Set("X-Amzn-Requestid", "REFUSED")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
		return true
	})
	return l
}

// refuse has strong reads be answered so from now on, or all reads; status 0 ends it.
func (l *leaderless) refuse(status int, body string, all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status, l.body, l.all, l.sent = status, body, all, nil
}

// take gives the reads that have arrived since the last time.
func (l *leaderless) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := strings.Join(l.sent, ", ")
	l.sent = nil
	return sent
}

// A read that fails only because it was made strong for the caches is made once more as its client sent it, where nothing is known
// that a replica may not show; its answer is handed on and not cached. Elsewhere, and when that fails too, the client has upstream's error.
func TestStrongFillsFallBack(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	l := newLeaderless(t, behind)
	config := upstreamConfig(l.URL)
	config.Upstream.Attempts = 2
	front := run(t, config)
	front.mustCall("CreateTable", strings.NewReplacer(`"KeyType":"HASH"}`, `"KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}`,
		`"AttributeType":"S"}`, `"AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"}`).Replace(createTable))
	for _, p := range []string{"a", "b", "c", "d", "e"} {
		behind.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"`+p+`"},"s":{"S":"1"}}}`)
	}
	get := func(p string) string { return `{"TableName":"t-1","Key":{"p":{"S":"` + p + `"},"s":{"S":"1"}}}` }
	query := func(p string) string {
		return `{"TableName":"t-1","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"` + p + `"}}}`
	}
	batch := func(keys ...string) string {
		var all []string
		for _, p := range keys {
			all = append(all, `{"p":{"S":"`+p+`"},"s":{"S":"1"}}`)
		}
		return `{"RequestItems":{"t-1":{"Keys":[` + strings.Join(all, ",") + `]}}}`
	}
	const scan = `{"TableName":"t-1"}`
	const internal, throttle = `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"no leader"}`,
		`{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"too much"}`

	// When a table was first used a replica may lack what another process has just shown.
	front.mustCall("GetItem", get("a"))
	front.mustCall("DeleteItem", get("nobody"))
	front.quiet()
	f := func(op, body, wantSent string) {
		t.Helper()
		l.take()
		header, got := front.mustCall(op, body)
		if sent := l.take(); sent != wantSent || !strings.HasPrefix(header.Get("X-Millrace-Cache"), "forward") {
			t.Errorf("%s: %s after %q, want forward after %q", op, header.Get("X-Millrace-Cache"), sent, wantSent)
		}
		if _, want := behind.mustCall(op, body); got != want {
			t.Errorf("%s = %s, want %s", op, got, want)
		}
	}
	failing := func(op, body string, status int, want, wantSent string) {
		t.Helper()
		l.take()
		got, header, answer := front.call(op, body)
		if got != status || answer != want || header.Get("X-Amzn-Requestid") != "REFUSED" {
			t.Errorf("%s = %d %s of %s, want upstream's %d %s", op, got, answer, header.Get("X-Amzn-Requestid"), status, want)
		}
		if sent := l.take(); sent != wantSent {
			t.Errorf("%s was sent as %q, want %q", op, sent, wantSent)
		}
	}
	l.refuse(http.StatusInternalServerError, internal, false)
	f("GetItem", get("b"), "GetItem strong, GetItem")
	f("Query", query("b"), "Query strong, Query")
	f("Query", query("b"), "Query strong, Query") // it was not cached
	f("Scan", scan, "Scan strong, Scan")
	f("BatchGetItem", batch("c", "d"), "BatchGetItem strong, BatchGetItem")
	// And so for as long as strong reads fail, however often an item is asked for.
	f("GetItem", get("b"), "GetItem strong, GetItem")
	f("BatchGetItem", batch("c", "e"), "BatchGetItem strong, BatchGetItem")
	// What a failed condition has shown must be seen.
	if status, _, body := front.call("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"d"},"s":{"S":"1"}},"ConditionExpression":"attribute_not_exists(p)"}`); status != http.StatusBadRequest {
		t.Fatalf("PutItem = %d %s", status, body)
	}
	failing("GetItem", get("d"), http.StatusInternalServerError, internal, "GetItem strong, GetItem strong, GetItem strong")
	failing("BatchGetItem", batch("c", "d"), http.StatusInternalServerError, internal, "BatchGetItem strong, BatchGetItem strong, BatchGetItem strong")
	// Whoever asks for a strong read gets that or nothing.
	failing("GetItem", strings.Replace(get("e"), "{", `{"ConsistentRead":true,`, 1), http.StatusInternalServerError, internal, "GetItem strong, GetItem strong")
	// An own write must be seen.
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"e"},"s":{"S":"2"}}}`)
	failing("Query", query("e"), http.StatusInternalServerError, internal, "Query strong, Query strong, Query strong")
	failing("Scan", scan, http.StatusInternalServerError, internal, "Scan strong, Scan strong, Scan strong")

	// A throttle leads to one more request, and no other.
	front.quiet()
	l.refuse(http.StatusBadRequest, throttle, false)
	f("GetItem", get("c"), "GetItem strong, GetItem")
	f("Query", query("c"), "Query strong, Query")
	l.refuse(http.StatusBadRequest, throttle, true)
	failing("GetItem", get("d"), http.StatusBadRequest, throttle, "GetItem strong, GetItem")
	if status, _, body := front.call("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"d"},"s":{"S":"1"}},"ConditionExpression":"attribute_not_exists(p)"}`); status != http.StatusBadRequest {
		t.Fatalf("PutItem = %d %s", status, body)
	}
	failing("GetItem", get("d"), http.StatusBadRequest, throttle, "GetItem strong, GetItem strong")

	for _, c := range front.node.coherence() {
		if c.WeakFills["refused"] != 7 || c.WeakFills["throttled"] != 2 {
			t.Errorf("weak fills %v, want 7 that were refused and 2 that were throttled", c.WeakFills)
		}
	}
	// And afterwards all is cached as ever.
	l.refuse(0, "", false)
	front.mustCall("GetItem", get("b"))
	if header, _ := front.mustCall("GetItem", get("b")); header.Get("X-Millrace-Cache") != "hit" {
		t.Errorf("an item is %s after the leader is back", header.Get("X-Millrace-Cache"))
	}
}

// In an outage of everything second chances end with the budget of retries.
func TestFallbackIsPaidFromTheRetryBudget(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	behind.mustCall("CreateTable", createTable)
	l := newLeaderless(t, behind)
	config := upstreamConfig(l.URL)
	config.Upstream.Attempts = 1
	front := run(t, config)
	front.mustCall("GetItem", rewriteGet)
	front.quiet()
	l.refuse(http.StatusInternalServerError, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}`, true)
	const reads = 400
	for i := range reads {
		if status, _, _ := front.call("GetItem", strings.Replace(rewriteGet, `"a"`, `"k`+string(rune('A'+i%26))+string(rune('A'+i/26))+`"`, 1)); status != http.StatusInternalServerError {
			t.Fatalf("GetItem = %d in an outage", status)
		}
	}
	if sent := strings.Count(l.take(), "GetItem"); sent > reads+110 {
		t.Errorf("%d reads were sent as %d, want no more than the budget of 100 beside them", reads, sent)
	}
}

// quiet lets so much time pass that every replica shows what is known by now.
func (r *running) quiet() {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for from := r.node.store.Now(); time.Duration(r.node.store.Now()-from) < 2100*time.Millisecond; <-tick.C {
	}
}
