package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/ddb"
)

// testClock is a clock that stands still until it is set.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

// now is Config.Clock.
func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// add sets the clock forward, or back.
func (c *testClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// newClockedHarness is newHarness with a clock.
func newClockedHarness(t testing.TB) (*harness, *testClock) {
	t.Helper()
	clock := &testClock{at: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)}
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Clock = true, clock.now
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &harness{t: t, e: e}, clock
}

// withToken is the body of a TransactWriteItems under a token.
func withToken(token string, actions ...string) string {
	return fmt.Sprintf(`{"ClientRequestToken":%q,`, token) + transactBody(actions...)[1:]
}

// tokens counts the records of tokens.
func (h *harness) tokens() int {
	h.t.Helper()
	v := h.e.acquireView()
	defer v.release()
	n := 0
	if err := v.snap.each([]byte{familyToken}, func(_, _ []byte) error { n++; return nil }); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// mismatchText is what a token's second payload is answered with.
const mismatchText = "DynamoDB rejected the request because you retried a request with a different payload but with an idempotent token that was already used."

func TestATokenMakesATransactionHappenOnce(t *testing.T) {
	t.Parallel()
	// #196
	h, clock := newClockedHarness(t)
	h.create(hashTable)
	send := func(want int) {
		t.Helper()
		h.ok(ddb.TransactWriteItems, withToken("t", addToA), `{}`)
		h.got("hash", "a", fmt.Sprintf(`{"p":{"S":"a"},"n":{"N":"%d"}}`, want))
	}
	send(1)
	send(1)
	clock.add(tokenLife - time.Millisecond)
	send(1)
	// The token's time counts from the first request, and then it is new.
	clock.add(time.Millisecond)
	send(2)
	send(2)
	// A clock that is set back does not make it new.
	clock.add(-tokenLife)
	send(2)
	clock.add(tokenLife)
	// Another token, and none, are other requests.
	h.ok(ddb.TransactWriteItems, withToken("u", addToA), `{}`)
	h.ok(ddb.TransactWriteItems, transactBody(addToA), `{}`)
	h.ok(ddb.TransactWriteItems, transactBody(addToA), `{}`)
	h.got("hash", "a", `{"p":{"S":"a"},"n":{"N":"5"}}`)
}

func TestATokenStandsForOneRequest(t *testing.T) {
	t.Parallel()
	// #196
	h, _ := newClockedHarness(t)
	h.create(hashTable)
	const item = `{"Put":{"TableName":"hash","Item":{"p":{"S":"a"},"n":{"N":"10"},"s":{"SS":["x","y"]}}}}`
	h.ok(ddb.TransactWriteItems, withToken("t", item), `{}`)
	differs := func(body string) {
		t.Helper()
		h.fails(ddb.TransactWriteItems, body, "IdempotentParameterMismatchException", mismatchText)
	}
	differs(withToken("t", putA))
	differs(withToken("t", item, putB))
	differs(withToken("t", strings.Replace(item, "10", "11", 1)))
	differs(`{"ReturnConsumedCapacity":"TOTAL",` + withToken("t", item)[1:])
	// Written in another way it is the same request.
	h.ok(ddb.TransactWriteItems, ` { "TransactItems": [ {"Put": {"Item": {"s":{"SS":["y","x"]}, "n":{"N":"1e1"}, "p":{"S":"a"}}, "TableName":"hash"} } ], "ClientRequestToken": "t"}`, `{}`)
	// #196: 1 to 36 characters.
	h.ok(ddb.TransactWriteItems, withToken(strings.Repeat("x", 36), putB), `{}`)
	h.invalid(ddb.TransactWriteItems, withToken(strings.Repeat("x", 37), putB),
		"1 validation error detected: Value '"+strings.Repeat("x", 37)+"' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to 36")
	h.invalid(ddb.TransactWriteItems, withToken("", putB),
		"1 validation error detected: Value '' at 'clientRequestToken' failed to satisfy constraint: Member must have length greater than or equal to 1")
}

func TestACancelledTransactionUsesNoToken(t *testing.T) {
	t.Parallel()
	h, _ := newClockedHarness(t)
	h.create(hashTable)
	h.put("hash", `{"p":{"S":"a"}}`)
	h.cancels(ddb.TransactWriteItems, withToken("t", checkNoA, putB), failedReason, "None")
	h.answer(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`)
	h.ok(ddb.TransactWriteItems, withToken("t", checkNoA, putB), `{}`)
	h.got("hash", "b", `{"p":{"S":"b"},"v":{"N":"1"}}`)
	// Once it has succeeded, its conditions are not looked at again. Neither is a transaction lost that changes nothing.
	h.put("hash", `{"p":{"S":"a"}}`)
	h.ok(ddb.TransactWriteItems, withToken("t", checkNoA, putB), `{}`)
	const check = `{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"a"}},"ConditionExpression":"attribute_exists(p)"}}`
	h.ok(ddb.TransactWriteItems, withToken("u", check), `{}`)
	h.answer(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`)
	h.ok(ddb.TransactWriteItems, withToken("u", check), `{}`)
}

func TestAReplayCostsAsARead(t *testing.T) {
	t.Parallel()
	h, _ := newClockedHarness(t)
	h.create(hashTable)
	h.put("hash", `{"p":{"S":"a"},"x":{"S":`+chars(1500)+`}}`)
	body := `{"ReturnConsumedCapacity":"TOTAL",` + withToken("t", deleteA, putB)[1:]
	h.ok(ddb.TransactWriteItems, body, `{"ConsumedCapacity":[{"TableName":"hash","CapacityUnits":6.0,"WriteCapacityUnits":6.0}]}`)
	h.ok(ddb.TransactWriteItems, body, `{"ConsumedCapacity":[{"TableName":"hash","CapacityUnits":4.0,"ReadCapacityUnits":4.0}]}`)
}

func TestTokensAreForgottenInTheEnd(t *testing.T) {
	t.Parallel()
	h, clock := newClockedHarness(t)
	h.create(hashTable)
	for i := range 3 {
		h.ok(ddb.TransactWriteItems, withToken(fmt.Sprint("old", i), addToA), `{}`)
	}
	sweep := func(want int) {
		t.Helper()
		if err := h.e.dropTokens(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := h.tokens(); n != want {
			t.Errorf("%d tokens are kept, want %d", n, want)
		}
	}
	sweep(3)
	clock.add(tokenLife)
	h.ok(ddb.TransactWriteItems, withToken("new", addToA), `{}`)
	sweep(4)
	clock.add(tokenLife)
	sweep(1)
	clock.add(tokenLife)
	sweep(0)
	sweep(0)
	mustHold(t, h.e)
}

func TestTokensAreForgottenInTheBackground(t *testing.T) {
	t.Parallel()
	clock := &testClock{at: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)}
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Clock, cfg.SweepInterval = true, clock.now, time.Millisecond
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	h := (&harness{t: t, e: e}).create(hashTable)
	h.ok(ddb.TransactWriteItems, withToken("t", addToA), `{}`)
	clock.add(3 * tokenLife)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	for h.tokens() > 0 && ctx.Err() == nil {
		h.got("hash", "a", `{"p":{"S":"a"},"n":{"N":"1"}}`)
	}
	if n := h.tokens(); n != 0 {
		t.Errorf("%d tokens are left", n)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTokensAreOfTheirScope(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Isolate = true, true
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, scope := range []string{"one", "two"} {
		for _, step := range []struct {
			op   ddb.Operation
			body string
		}{{ddb.CreateTable, hashTable}, {ddb.TransactWriteItems, withToken("t", putA)}} {
			req := ddb.NewRequest(step.op, []byte(step.body))
			req.Scope = scope
			if _, err := e.Do(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		req := ddb.NewRequest(ddb.GetItem, []byte(`{"TableName":"hash","Key":{"p":{"S":"a"}}}`))
		req.Scope = scope
		resp, err := e.Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := resp.JSON(); !sameJSON(t, string(body), `{"Item":{"p":{"S":"a"},"v":{"N":"1"}}}`) {
			t.Errorf("scope %s: %s", scope, body)
		}
	}
}

func TestTokensOutliveTheProcess(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Dir = t.TempDir()
	for i := range 3 {
		e, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		h := &harness{t: t, e: e}
		if i == 0 {
			h.create(hashTable)
		}
		h.ok(ddb.TransactWriteItems, withToken("t", addToA), `{}`)
		h.got("hash", "a", `{"p":{"S":"a"},"n":{"N":"1"}}`)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
