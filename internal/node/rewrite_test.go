package node

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/admin"
)

// recorder stands between a node and its upstream, keeps what goes by, and may deny it.
type recorder struct {
	URL string

	mu sync.Mutex

	sent []string // "Operation body", but for descriptions of tables
	deny func(operation, body string) bool
}

// record starts a recorder before behind.
func record(t *testing.T, behind *running) *recorder {
	t.Helper()
	p := &recorder{}
	p.URL = overridden(t, behind, func(w http.ResponseWriter, r *http.Request) bool {
		operation, body := askedOf(r)
		p.mu.Lock()
		if operation != "DescribeTable" && operation != "" { // the latter looks whether the upstream is there
			p.sent = append(p.sent, operation+" "+body)
		}
		denied := p.deny != nil && p.deny(operation, body)
		p.mu.Unlock()
		if denied {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:iam::1:user/u is not authorized to perform: dynamodb:`+operation+`"}`)
		}
		return denied
	})
	return p
}

// take gives what has gone by since the last time.
func (p *recorder) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

// The requests that rewrites are about.
const (
	rewriteUpdate = `{"TableName":"t-1", "Key":{"p":{"S":"a"}},"UpdateExpression":"ADD v :one","ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnConsumedCapacity":"TOTAL"}`
	rewriteGet    = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`
	rewritePart   = `{"TableName":"t-1","Key":{"p":{"S":"a"}},"ProjectionExpression":"v"}`
)

// An update that asks for nothing is sent asking for the item it leaves, which is cached; its client gets what it asked for.
func TestUpdatesBringTheirImage(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	p := record(t, behind)
	front := run(t, upstreamConfig(p.URL))
	front.mustCall("CreateTable", createTable)
	front.mustCall("GetItem", rewriteGet)
	p.take()
	f := func(body, wantSent, wantReply string) {
		t.Helper()
		_, reply := front.mustCall("UpdateItem", body)
		if sent := p.take(); len(sent) != 1 || sent[0] != "UpdateItem "+wantSent {
			t.Errorf("sent %q, want %s", sent, wantSent)
		}
		if reply != wantReply {
			t.Errorf("UpdateItem %s = %s, want %s", body, reply, wantReply)
		}
	}
	f(rewriteUpdate, strings.TrimSuffix(rewriteUpdate, "}")+`,"ReturnValues":"ALL_NEW"}`, `{"ConsumedCapacity":{"TableName":"t-1","CapacityUnits":1.0}}`)
	header, body := front.mustCall("GetItem", rewriteGet)
	if header.Get("X-Millrace-Cache") != "hit" || !strings.Contains(body, `"v":{"N":"1"}`) {
		t.Errorf("after the update: %s (%s), want a hit on what it left", body, header.Get("X-Millrace-Cache"))
	}
	none := strings.Replace(rewriteUpdate, `"TableName"`, `"ReturnValues" : "NONE","TableName"`, 1)
	f(none, strings.Replace(none, `"NONE"`, `"ALL_NEW"`, 1), `{"ConsumedCapacity":{"TableName":"t-1","CapacityUnits":1.0}}`)
	// What asks for something gets exactly that, and is sent as it is.
	old := strings.Replace(rewriteUpdate, `"TableName"`, `"ReturnValues":"UPDATED_OLD","TableName"`, 1)
	f(old, old, `{"Attributes":{"v":{"N":"2"}},"ConsumedCapacity":{"TableName":"t-1","CapacityUnits":1.0}}`)
}

// Where the rewrite is denied and the client's own request is not, it is switched off with one warning, and the
// client hears nothing of it.
func TestDeniedRewritesAreSwitchedOff(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	p := record(t, behind)
	p.deny = func(operation, body string) bool {
		return strings.Contains(body, "ALL_NEW") || operation == "GetItem" && !strings.Contains(body, "ProjectionExpression") ||
			operation == "Query" && strings.Contains(body, "INDEXES")
	}
	config := upstreamConfig(p.URL)
	config.Tables = map[string]TableConfig{"*": {Rewrite: RewriteConfig{ConsumedCapacity: "on"}}}
	front := run(t, config)
	front.mustCall("CreateTable", createTable)
	status, _, _ := front.call("GetItem", rewriteGet) // teaches the schema
	if status != 400 {
		t.Fatalf("GetItem of a whole item = %d, want it denied", status)
	}
	const query = `{"TableName":"t-1","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`
	p.take()
	front.mustCall("UpdateItem", rewriteUpdate)
	front.mustCall("UpdateItem", rewriteUpdate)
	if sent := p.take(); len(sent) != 3 || sent[1] != "UpdateItem "+rewriteUpdate || sent[2] != sent[1] {
		t.Errorf("sent %q, want the rewrite once and then the client's own words", sent)
	}
	for range 2 {
		if _, body := front.mustCall("GetItem", rewritePart); body != `{"Item":{"v":{"N":"2"}}}` {
			t.Errorf("a part of the item: %s", body)
		}
	}
	if sent := p.take(); len(sent) != 3 || sent[1] != "GetItem "+rewritePart || sent[2] != sent[1] {
		t.Errorf("sent %q, want the whole item once and then the client's own words", sent)
	}
	for range 2 {
		front.mustCall("Query", query)
	}
	if sent := p.take(); len(sent) != 3 || sent[1] != "Query "+query || !strings.Contains(sent[2], `"ConsistentRead":true`) || strings.Contains(sent[2], "Capacity") {
		t.Errorf("sent %q, want the page with its cost once, the client's own words, and then fills that do not ask for the cost", sent)
	}
	if header, _ := front.mustCall("Query", query); header.Get("X-Millrace-Cache") != "hit" {
		t.Errorf("a page is %s where its cost may not be asked for, want it cached", header.Get("X-Millrace-Cache"))
	}
	// What is denied in the client's own words is the client's to hear, and says nothing of the rewrite.
	p.mu.Lock()
	p.deny = func(string, string) bool { return true }
	p.mu.Unlock()
	if status, _, body := front.call("UpdateItem", rewriteUpdate); status != 400 || !strings.Contains(body, "not authorized to perform: dynamodb:UpdateItem") {
		t.Errorf("UpdateItem = %d %s", status, body)
	}
	if err := front.wait(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(front.log.String(), "a rewrite was denied"); got != 3 {
		t.Errorf("%d warnings, want one for each rewrite:\n%s", got, front.log)
	}
}

// Unless it is switched on a page is not asked what it costs on another's behalf, and is cached all the same. Whoever asks is told
// what upstream told, by a read of their own if it has to be; the ledger estimates.
func TestPagesAreCachedWithoutTheirPrice(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	p := record(t, behind)
	front := run(t, upstreamConfig(p.URL))
	front.mustCall("CreateTable", createTable)
	front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"S":"`+strings.Repeat("x", 5000)+`"}}}`)
	for _, op := range []string{"Query", "Scan"} {
		const condition = `,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}`
		body := func(mode string) string {
			b := `{"TableName":"t-1"` + strings.Repeat(condition, strings.Count(op, "Query"))
			if mode != "" {
				b += `,"ReturnConsumedCapacity":"` + mode + `"`
			}
			return b + `}`
		}
		f := func(mode, want string, sends int) {
			t.Helper()
			p.take()
			header, got := front.mustCall(op, body(mode))
			sent := p.take()
			if header.Get("X-Millrace-Cache") != want || len(sent) != sends {
				t.Errorf("%s %s: %s after %d requests, want %s after %d", op, mode, header.Get("X-Millrace-Cache"), len(sent), want, sends)
			}
			for _, s := range sent {
				if strings.Contains(s, "Capacity") != (mode != "") || mode != "" && !strings.Contains(s, `"`+mode+`"`) {
					t.Errorf("%s %s was sent as %s", op, mode, s)
				}
			}
			if _, plain := behind.mustCall(op, body(mode)); got != plain {
				t.Errorf("%s %s = %.60s… and %s, want what upstream answers: %s", op, mode, got, tail(got), tail(plain))
			}
		}
		for end := time.Now().Add(2 * time.Minute); ; { // a scan is worth caching some time after the last write
			if header, _ := front.mustCall(op, body("")); header.Get("X-Millrace-Cache") == "hit" {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s is never a hit", op)
			}
		}
		f("", "hit", 0)
		f("TOTAL", "refill", 1) // the entry does not tell
		f("TOTAL", "hit", 0)
		f("INDEXES", "refill", 1) // nor the parts
		f("INDEXES", "hit", 0)
		f("TOTAL", "hit", 0)
		f("", "hit", 0)
	}
	l := front.ledger()
	if i := slices.IndexFunc(l.Tables, func(t admin.LedgerTable) bool { return t.Table == "t-1" }); i < 0 || !l.Tables[i].Estimated || l.Tables[i].ReadsAvoided < 2 {
		t.Errorf("ledger %+v, want what reads of two units saved, and that it was estimated", l.Tables)
	}
}

// tail is the end of an answer.
func tail(s string) string { return s[max(0, len(s)-150):] }

// Bodies that are forwarded arrive as they were sent, byte for byte, whatever they hold.
func TestForwardedBodiesAreVerbatim(t *testing.T) {
	t.Parallel()
	p := record(t, run(t, testConfig()))
	front := run(t, upstreamConfig(p.URL))
	front.mustCall("CreateTable", createTable)
	for op, body := range map[string]string{
		"PutItem":            "{ \"Item\" : {\"p\":{\"S\":\"\\u0061\"}, \"n\":{\"N\":\"1.50\"}},\n\"TableName\":\"t-1\"}",
		"DeleteItem":         `{"Key":{"p":{"S":"a"}},"TableName":"t-1","Unheard":[1]}`,
		"TransactWriteItems": `{"TransactItems":[{"Put":{"TableName":"t-1","Item":{"p":{"S":"a"}}}}]}`,
		"ExecuteStatement":   `{"Statement":"SELECT * FROM \"t-1\""}`,
		"ListTables":         `{ }`,
		"InventedYesterday":  `{"A":{"b":[1,2.0,3e5]}}`,
		// Twice the same member is unusual, so not even the rewrite touches it.
		"UpdateItem": `{"TableName":"t-1","Key":{"p":{"S":"a"}},"ReturnValues":"NONE","ReturnValues":"NONE"}`,
		"GetItem":    `{"TableName":"t-1","Key":{"p":{"S":"a"}},"AttributesToGet":["p"]}`,
	} {
		p.take()
		front.call(op, body)
		if sent := p.take(); len(sent) == 0 || sent[len(sent)-1] != op+" "+body {
			t.Errorf("%s: sent %q, want %q", op, sent, body)
		}
	}
}
