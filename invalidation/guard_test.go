package invalidation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/backend"
	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// testTable is the CreateTable request of the table that the tests write to.
const testTable = `{"TableName":"ttt","BillingMode":"PAY_PER_REQUEST",
 "AttributeDefinitions":[{"AttributeName":"h","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"}],
 "KeySchema":[{"AttributeName":"h","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}]}`

// setup is a guard over an engine that announces nothing, so that all invalidation is the guard's.
type setup struct {
	t     *testing.T
	store *cache.Store
	inv   *Invalidator
	guard *Guard
	next  *faulty
}

// faulty is a backend whose next call can be made to end otherwise.
type faulty struct {
	*engine.Engine
	// then, if set, is given what the engine answered and says what is answered.
	then func(context.Context, *ddb.Request, *ddb.Response, error) (*ddb.Response, error)
}

// Do calls the engine and then then.
func (f *faulty) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	resp, err := f.Engine.Do(ctx, req)
	if f.then != nil {
		return f.then(ctx, req, resp, err)
	}
	return resp, err
}

var _ backend.Backend = (*faulty)(nil)

// newSetup makes a setup with one table.
func newSetup(t *testing.T) *setup {
	t.Helper()
	return newSetupWith(t, cache.Config{})
}

// newSetupWith is newSetup with caches of the given configuration.
func newSetupWith(t *testing.T, caches cache.Config) *setup {
	t.Helper()
	store, err := cache.NewStore(caches)
	if err != nil {
		t.Fatal(err)
	}
	config := engine.DefaultConfig()
	config.InMemory = true
	e, err := engine.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	inv := NewInvalidator(store)
	next := &faulty{Engine: e}
	s := &setup{t: t, store: store, inv: inv, next: next, guard: NewGuard(next, inv, GuardConfig{})}
	t.Cleanup(func() {
		if err := s.guard.Close(); err != nil {
			t.Error(err)
		}
	})
	s.must(ddb.CreateTable, testTable)
	return s
}

// do sends body through the guard.
func (s *setup) do(op ddb.Operation, body string) (*ddb.Response, error) {
	return s.guard.Do(s.t.Context(), ddb.NewRequest(op, []byte(body)))
}

// must is do without an error.
func (s *setup) must(op ddb.Operation, body string) *ddb.Response {
	s.t.Helper()
	resp, err := s.do(op, body)
	if err != nil {
		s.t.Fatalf("%v %s: %v", op, body, err)
	}
	return resp
}

// put is the body of a put with more members.
func put(h, v, more string) string {
	return fmt.Sprintf(`{"TableName":"ttt","Item":{"h":{"S":%q},"s":{"S":"s"},"v":{"S":%q}}%s}`, h, v, more)
}

// entry is what is cached under a key: the image, "absent" for a negative entry, "" for nothing.
func (s *setup) entry(h string) string {
	s.t.Helper()
	schema, err := s.guard.Schemas().Get(s.t.Context(), "", "ttt")
	if err != nil || schema == nil {
		s.t.Fatalf("schema: %v, %v", schema, err)
	}
	r := s.store.Items().Read(schema, s.key(schema, h), cache.Lookup{Alone: true}, nil)
	switch r.Outcome {
	case coherence.Hit:
		return string(r.Body)
	case coherence.Negative:
		return "absent"
	case coherence.Lead:
		s.store.Items().Fail(r.Flight, cache.Answer{})
	}
	return ""
}

// key is the cache key of h.
func (s *setup) key(schema *cache.Schema, h string) []byte {
	k, ok := schema.AppendKey(nil, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(h)},
		ddb.Attribute{Name: "s", Value: ddb.StringValue("s")}))
	if !ok {
		s.t.Fatal("key")
	}
	return k
}

// expect checks what is cached under a key.
func (s *setup) expect(h, want string) {
	s.t.Helper()
	if got := s.entry(h); got != want {
		s.t.Errorf("cached under %q is %q, want %q", h, got, want)
	}
}

// image is the item that put makes.
func image(h, v string) string {
	return fmt.Sprintf(`{"h":{"S":%q},"s":{"S":"s"},"v":{"S":%q}}`, h, v)
}

func TestAcknowledgedWritesAreCachedOrForgotten(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	key := `"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}}`
	s.must(ddb.PutItem, put("a", "1", ""))
	s.expect("a", image("a", "1"))
	s.must(ddb.UpdateItem, `{`+key+`,"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":{"S":"2"}},"ReturnValues":"ALL_NEW"}`)
	s.expect("a", image("a", "2"))
	// R15: an update that asks for nothing is sent asking for what it left, and answered with nothing.
	resp := s.must(ddb.UpdateItem, `{`+key+`,"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":{"S":"3"}}}`)
	if got, err := resp.JSON(); err != nil || string(got) != "{}" {
		t.Errorf("UpdateItem = %s, %v", got, err)
	}
	s.expect("a", image("a", "3"))
	// One that asks for something else does not tell what it left, and is only forgotten.
	s.must(ddb.UpdateItem, `{`+key+`,"UpdateExpression":"SET v=:v","ExpressionAttributeValues":{":v":{"S":"3"}},"ReturnValues":"UPDATED_NEW"}`)
	s.expect("a", "")
	s.must(ddb.DeleteItem, `{`+key+`}`)
	s.expect("a", "absent")
	s.must(ddb.BatchWriteItem, `{"RequestItems":{"ttt":[{"PutRequest":{"Item":`+image("a", "4")+`}},{"DeleteRequest":{"Key":{"h":{"S":"b"},"s":{"S":"s"}}}}]}}`)
	s.expect("a", image("a", "4"))
	s.expect("b", "absent")
}

// R16: a failed condition shows that what is cached may be why the client was wrong.
func TestFailedConditionForgetsTheItem(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	if _, err := s.do(ddb.PutItem, put("a", "2", `,"ConditionExpression":"attribute_not_exists(h)"`)); err == nil {
		t.Fatal("the condition did not fail")
	}
	s.expect("a", "")
}

func TestRefusedWriteForgetsNothing(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	if _, err := s.do(ddb.PutItem, put("a", "2", `,"ConditionExpression":"x"`)); err == nil {
		t.Fatal("the put was not refused")
	}
	s.expect("a", image("a", "1"))
}

// R17: an unknown outcome is a write and no write at once, and may yet come.
func TestUnknownOutcomeForgetsAndKeepsForgetting(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{errors.New("connection reset"), context.DeadlineExceeded, ddb.InternalServerError("x")} {
		s := newSetup(t)
		s.must(ddb.PutItem, put("a", "1", ""))
		s.next.then = func(context.Context, *ddb.Request, *ddb.Response, error) (*ddb.Response, error) { return nil, failure }
		if _, err := s.do(ddb.PutItem, put("a", "2", "")); err != failure {
			t.Fatalf("got %v, want %v", err, failure)
		}
		s.next.then = nil
		s.expect("a", "")
		s.must(ddb.PutItem, put("a", "3", ""))
		s.expect("a", "") // the write before may land on top of it
		s.must(ddb.PutItem, put("b", "3", ""))
		s.expect("b", image("b", "3"))
	}
}

// R17: what a status leaves unknown is the same of all from 500 on, by whatever name. A balancer that has passed a write on and got no
// answer says 502, 503 or 504, and one before a compatible store what it likes.
func TestStatusesTellOutcomes(t *testing.T) {
	t.Parallel()
	rules := AllRules()
	for status := 400; status < 600; status++ {
		want := coherence.NotApplied
		if status >= 500 {
			want = coherence.Ambiguous
		}
		for _, code := range []string{"InternalServerError", "ServiceUnavailable", "ValidationException", "ThrottlingException", ""} {
			e := &ddb.Error{Code: code, Status: status}
			if got := rules.resultOf(e); got != want {
				t.Errorf("a write answered %d %q counts as %d, want %d", status, code, got, want)
			}
			// What was not sent was not applied, whatever it is answered with.
			if e.NotSent = true; rules.resultOf(e) != coherence.NotApplied {
				t.Errorf("a write that was not sent and is answered %d %q counts as sent", status, code)
			}
		}
	}
	f := func(err error, want coherence.Result) {
		t.Helper()
		if got := rules.resultOf(err); got != want {
			t.Errorf("%v counts as %d, want %d", err, got, want)
		}
	}
	f(nil, coherence.Applied)
	f(&ddb.Error{Code: "ValidationException"}, coherence.NotApplied) // without a status it is 400
	f(&ddb.Error{Code: "TransactionInProgressException"}, coherence.Ambiguous)
	f(&ddb.Error{Code: "ConditionalCheckFailedException"}, coherence.ConditionFailed)
	f(&ddb.Error{Code: "DuplicateItemException"}, coherence.ConditionFailed)
	f(&ddb.Error{Code: "ConditionalCheckFailedException", Status: 502}, coherence.Ambiguous)
}

func TestPanicInTheBackendCountsAsUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.next.then = func(context.Context, *ddb.Request, *ddb.Response, error) (*ddb.Response, error) { panic("boom") }
	func() {
		defer func() { _ = recover() }()
		_, _ = s.do(ddb.PutItem, put("a", "2", ""))
	}()
	s.next.then = nil
	s.expect("a", "")
	if st := s.store.Core().Stats(); st.Fences != 0 {
		t.Errorf("%d fences are left", st.Fences)
	}
}

// A client that goes away does not end a write, which is settled when its outcome is known.
func TestCancelledClientDoesNotEndItsWrite(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.next.then = func(ctx context.Context, _ *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
		cancel()
		if ctx.Err() != nil {
			t.Error("the write's context ended with the client's")
		}
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the write has no deadline of its own")
		}
		return resp, err
	}
	if _, err := s.guard.Do(ctx, ddb.NewRequest(ddb.PutItem, []byte(put("a", "1", "")))); err != nil {
		t.Fatal(err)
	}
	s.next.then = nil
	s.expect("a", image("a", "1"))
	// A client that is gone before the write is sent has written nothing.
	if _, err := s.guard.Do(ctx, ddb.NewRequest(ddb.PutItem, []byte(put("b", "1", "")))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// Without caches there is nothing to announce, but a write that was sent is waited for all the same.
func TestUncachedGuardAnnouncesNothingAndFinishesWrites(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	guard := NewGuard(s.next, s.inv, GuardConfig{Uncached: true})
	ctx, cancel := context.WithCancel(t.Context())
	s.next.then = func(ctx context.Context, _ *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
		cancel()
		if _, ok := ctx.Deadline(); ctx.Err() != nil || !ok {
			t.Errorf("the write's context ended with the client's (%v), or has no end of its own (%v)", ctx.Err(), ok)
		}
		if st := s.store.Core().Stats(); st.Fences != 0 {
			t.Errorf("%d fences for a write that no cache needs to hear of", st.Fences)
		}
		return resp, err
	}
	if _, err := guard.Do(ctx, ddb.NewRequest(ddb.PutItem, []byte(put("a", "1", "")))); err != nil {
		t.Fatal(err)
	}
	s.next.then = nil
	if _, err := guard.Do(ctx, ddb.NewRequest(ddb.PutItem, []byte(put("b", "1", "")))); !errors.Is(err, context.Canceled) {
		t.Errorf("after the client left: got %v, want context.Canceled", err)
	}
	if got := s.must(ddb.Scan, `{"TableName":"ttt","Select":"COUNT"}`); !strings.Contains(jsonOf(t, got), `"Count":1`) {
		t.Errorf("Scan = %s, want the one write that was sent", jsonOf(t, got))
	}
}

// jsonOf is resp's body.
func jsonOf(t *testing.T, resp *ddb.Response) string {
	t.Helper()
	body, err := resp.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// R18: what a batch did not write is not cached as written, nor as it was: it may have failed half-way.
func TestUnprocessedItemsOfABatchAreNotCached(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.next.then = func(_ context.Context, req *ddb.Request, _ *ddb.Response, _ error) (*ddb.Response, error) {
		in, err := ddb.InputAs[ddb.BatchWriteItemInput](req)
		if err != nil {
			return nil, err
		}
		return ddb.NewTypedResponse(&ddb.BatchWriteItemOutput{UnprocessedItems: map[string][]ddb.WriteRequest{"ttt": in.RequestItems["ttt"][:1]}}), nil
	}
	s.must(ddb.BatchWriteItem, `{"RequestItems":{"ttt":[{"PutRequest":{"Item":`+image("a", "2")+`}},{"PutRequest":{"Item":`+image("b", "2")+`}}]}}`)
	s.next.then = nil
	s.expect("a", "")
	s.expect("b", image("b", "2"))
}

// R19, R20: a transaction only forgets: a replayed token succeeds without writing.
func TestTransactionsAndStatementsOnlyForget(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	answer := func(err error) {
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, e error) (*ddb.Response, error) {
			if req.Op == ddb.DescribeTable {
				return resp, e
			}
			return ddb.NewTypedResponse(&ddb.TransactWriteItemsOutput{}), err
		}
	}
	transaction := `{"TransactItems":[{"Put":{"TableName":"ttt","Item":` + image("a", "9") + `}},` +
		`{"ConditionCheck":{"TableName":"ttt","Key":{"h":{"S":"b"},"s":{"S":"s"}},"ConditionExpression":"attribute_exists(h)"}}]}`
	prepare := func() {
		s.next.then = nil
		for _, h := range []string{"a", "b", "c"} {
			s.must(ddb.PutItem, put(h, "1", ""))
		}
	}
	prepare()
	answer(nil)
	s.must(ddb.TransactWriteItems, transaction)
	s.expect("a", "")
	s.expect("c", image("c", "1"))
	prepare()
	answer(&ddb.Error{Code: "TransactionCanceledException", CancellationReasons: []ddb.CancellationReason{{Code: "None"}, {Code: "ConditionalCheckFailed"}}})
	if _, err := s.do(ddb.TransactWriteItems, transaction); err == nil {
		t.Fatal("the transaction was not cancelled")
	}
	s.expect("a", image("a", "1"))
	s.expect("b", "")
	prepare()
	answer(nil)
	s.must(ddb.ExecuteStatement, `{"Statement":"DELETE FROM ttt WHERE h='a'"}`)
	s.next.then = nil
	for _, h := range []string{"a", "b", "c"} {
		s.expect(h, "")
	}
	// An operation that this build does not know may change anything.
	prepare()
	answer(nil)
	if _, err := s.do(ddb.UnknownOperation, `{}`); err != nil {
		t.Fatal(err)
	}
	s.next.then = nil
	s.expect("a", "")
}

// R25: a table that is made anew shares nothing with the one before.
func TestTableOperationsForgetTheTable(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	old := s.guard.Schemas().Known("", []byte("ttt"))
	s.must(ddb.DeleteTable, `{"TableName":"ttt"}`)
	s.must(ddb.CreateTable, testTable)
	if !old.Stale() {
		t.Error("the old schema is not stale")
	}
	s.expect("a", "")
}

// A write planned with the schema of a table that was made anew meanwhile has fenced the wrong key.
func TestTableChangedDuringAWriteIsForgotten(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("b", "1", ""))
	s.next.then = func(_ context.Context, _ *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
		s.inv.TablesChanging("", "ttt")
		s.inv.TablesChanged("", "ttt")
		return resp, err
	}
	s.must(ddb.PutItem, put("a", "1", ""))
	s.next.then = nil
	s.expect("a", "")
	s.expect("b", "")
}

// R6: what a read outside the caches showed a client may be newer than what is cached.
func TestForwardedReadsCorrectWhatIsCached(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	f := func(op ddb.Operation, body, want string) {
		t.Helper()
		s.must(ddb.PutItem, put("a", "1", ""))
		// Someone else writes.
		if _, err := s.next.Engine.Do(t.Context(), ddb.NewRequest(ddb.PutItem, []byte(put("a", "2", "")))); err != nil {
			t.Fatal(err)
		}
		s.expect("a", image("a", "1"))
		s.must(op, body)
		s.expect("a", want)
		// A read of what is cached changes nothing.
		s.must(ddb.PutItem, put("b", "1", ""))
		s.must(ddb.GetItem, `{"TableName":"ttt","Key":{"h":{"S":"b"},"s":{"S":"s"}}}`)
		s.expect("b", image("b", "1"))
	}
	f(ddb.GetItem, `{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}}}`, "")
	f(ddb.GetItem, `{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}},"ProjectionExpression":"v"}`, "")
	f(ddb.BatchGetItem, `{"RequestItems":{"ttt":{"Keys":[{"h":{"S":"a"},"s":{"S":"s"}}]}}}`, "")
}

func TestEveryOperationHasEffects(t *testing.T) {
	t.Parallel()
	for op := range ddb.NumOperations {
		row := &effects[op]
		if row.reads == (row.plan != nil) {
			t.Errorf("%v: reads is %v and there is a plan: %v", op, row.reads, row.plan != nil)
		}
		if kind := op.Facts().Kind; op != ddb.UnknownOperation && row.reads && (kind == ddb.WriteOperation || kind == ddb.StatementOperation) {
			t.Errorf("%v may write and has the effects of a read", op)
		}
		if row.plan != nil && op.Facts().Kind == ddb.ReadOperation {
			t.Errorf("%v reads and has a plan", op)
		}
	}
}

func TestFillRefusesWrites(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	defer func() {
		if recover() == nil {
			t.Error("a write went through the door for reads")
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, _ = s.guard.Fill(ctx, ddb.NewRequest(ddb.PutItem, []byte(put("a", "1", ""))))
}

// Whoever names tables that do not exist, in writes of which nobody knows how they ended, makes nothing grow; and a table that
// is first used afterwards begins in quarantine, for one of them may have been it.
func TestNamesOfNoTableAreNotKept(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
		if req.Op == ddb.PutItem || req.Op == ddb.DeleteTable {
			return nil, ddb.InternalServerError("Internal server error")
		}
		return resp, err
	}
	tables := func() (n int) {
		s.store.EachTable(func(*coherence.Table) { n++ })
		return n
	}
	earlier := s.store.Table("", "earlier")
	before := tables()
	for i := range 2000 {
		if _, err := s.do(ddb.PutItem, fmt.Sprintf(`{"TableName":"none-%d","Item":{"p":{"S":"a"}}}`, i)); err == nil {
			t.Fatal("a write to no table succeeded")
		}
		if _, err := s.do(ddb.DeleteTable, fmt.Sprintf(`{"TableName":"none-%d"}`, i)); err == nil {
			t.Fatal("the deletion of no table succeeded")
		}
	}
	if n := tables(); n != before {
		t.Errorf("%d tables are kept, there were %d", n, before)
	}
	later := s.store.Table("", "later")
	if got, least := s.store.Core().State(later).QuarantineEnds, s.store.Core().State(earlier).QuarantineEnds; got <= least {
		t.Errorf("a table that is used first now is in quarantine until %v, one used before until %v", got, least)
	}
}
