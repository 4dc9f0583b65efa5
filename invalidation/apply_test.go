package invalidation

import (
	"context"
	"errors"
	"testing"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// streamed is a setup whose table's stream is read, and the table's description.
func streamed(t *testing.T) (*setup, *ddb.TableDescription) {
	t.Helper()
	s := newSetup(t)
	schema, err := s.guard.Schemas().Get(t.Context(), "", "ttt")
	if err != nil {
		t.Fatal(err)
	}
	s.inv.Cover("", "ttt", Coverage{Mode: cache.Stream})
	return s, schema.Description
}

// thing is an item of the table, or its key when v is empty.
func thing(h, v string) ddb.Item {
	attributes := []ddb.Attribute{{Name: "h", Value: ddb.StringValue(h)}, {Name: "s", Value: ddb.StringValue("s")}}
	if v != "" {
		attributes = append(attributes, ddb.Attribute{Name: "v", Value: ddb.StringValue(v)})
	}
	return ddb.ItemOf(attributes...)
}

// R29: a record takes away what it contradicts; an own write's echo leaves what the write left.
func TestRecordsForgetWhatTheyContradict(t *testing.T) {
	t.Parallel()
	s, desc := streamed(t)
	record := func(c ddb.Change) {
		c.Table, c.Key = desc, thing("a", "")
		s.inv.Apply([]ddb.Change{c})
	}
	s.must(ddb.PutItem, put("a", "1", ""))
	record(ddb.Change{HasNew: true, New: thing("a", "1")})
	s.expect("a", image("a", "1"))
	record(ddb.Change{HasOld: true, HasNew: true, Old: thing("a", "1"), New: thing("a", "2")})
	s.expect("a", "")
	s.must(ddb.PutItem, put("a", "3", ""))
	record(ddb.Change{HasOld: true, HasNew: true, OldUnknown: true, NewUnknown: true}) // keys only
	s.expect("a", "")
	s.must(ddb.DeleteItem, `{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}}}`)
	record(ddb.Change{HasOld: true, OldUnknown: true, NewUnknown: true}) // keys only, but gone is gone
	s.expect("a", "absent")
	s.must(ddb.PutItem, put("b", "1", ""))
	s.inv.Lost("", "ttt", "test")
	s.expect("b", "")
}

// The lag of a stream is learned from own writes, each told once, and by its own record: what others write to the item
// later must not pass for a stream that lags.
func TestAcknowledgedWritesAreTimedOnce(t *testing.T) {
	t.Parallel()
	s, desc := streamed(t)
	asked := func(h, v string) bool {
		c := ddb.Change{Table: desc, Key: thing(h, ""), HasNew: v != "", NewUnknown: v == "?"}
		if v != "" && v != "?" {
			c.New = thing(h, v)
		}
		at, ok := s.inv.AckedAt(&c)
		if ok && (at <= 0 || at > s.store.Now()) {
			t.Errorf("acknowledged at %d, and it is %d", at, s.store.Now())
		}
		return ok
	}
	if asked("a", "1") {
		t.Error("an item that was never written was acknowledged")
	}
	s.must(ddb.PutItem, put("a", "1", ""))
	if !asked("a", "1") || asked("a", "1") {
		t.Error("a write is not told once, by its own record")
	}
	s.must(ddb.PutItem, put("a", "1b", ""))
	if asked("a", "?") || asked("a", "1b") {
		t.Error("a record that may have been the write's own is not taken for that")
	}
	s.must(ddb.PutItem, put("a", "2", ""))
	if asked("a", "3") || asked("a", "2") {
		t.Error("somebody else's record is taken for a write's own, or what came after it is")
	}
	s.must(ddb.DeleteItem, `{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}}}`)
	if !asked("a", "") {
		t.Error("a deletion is not told")
	}
	s.inv.Cover("", "ttt", Coverage{Mode: cache.TTL})
	s.must(ddb.PutItem, put("b", "1", ""))
	if asked("b", "1") {
		t.Error("a write to a table without a stream is remembered")
	}
}

// A record that comes while its write is under way leaves nothing to be waited for: somebody who deletes the item much later
// would be taken for the writer.
func TestAWriteWhoseRecordCameFirstIsNotTimed(t *testing.T) {
	t.Parallel()
	s, _ := streamed(t)
	var o ownWrites
	tab, gone := s.store.Table("", "ttt"), coherence.Image{Absent: true}
	take := func(now coherence.Time) bool {
		_, ok := o.take(tab, []byte("k"), now, func() coherence.Image { return gone })
		return ok
	}
	if take(20) {
		t.Error("a record is taken for a write that nobody made")
	}
	o.note(tab, []byte("k"), &gone, 10, 30)
	if take(5000) {
		t.Error("a deletion by somebody else is taken for an own one whose record came before its answer")
	}
	o.note(tab, []byte("k"), &gone, 6000, 6010)
	if !take(6500) {
		t.Error("a deletion is not timed after a record that came before it")
	}
}

// R16: a failed condition that shows the item leaves it cached, if nothing else happened to it meanwhile.
func TestFailedConditionThatShowsTheItemCachesIt(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.store.EachTable(s.store.Core().Forget)
	if _, err := s.do(ddb.PutItem, put("a", "2", `,"ConditionExpression":"attribute_not_exists(h)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"`)); err == nil {
		t.Fatal("the condition did not fail")
	}
	s.expect("a", image("a", "1"))
}

// R19: a check of a transaction that passed touches nothing.
func TestConditionCheckThatPassedForgetsNothing(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.must(ddb.TransactWriteItems, `{"TransactItems":[
	 {"ConditionCheck":{"TableName":"ttt","Key":{"h":{"S":"a"},"s":{"S":"s"}},"ConditionExpression":"attribute_exists(h)"}},
	 {"Put":{"TableName":"ttt","Item":`+image("b", "1")+`}}]}`)
	s.expect("a", image("a", "1"))
	s.expect("b", "")
}

// A write to a table that may not be described, or cannot be just now, concerns no other table; and what is read of it
// while the write is under way, should its schema be learned then, is not kept.
func TestWriteToATableOfUnknownKeysForgetsNoOther(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	s.must(ddb.CreateTable, `{"TableName":"other","BillingMode":"PAY_PER_REQUEST",
	 "AttributeDefinitions":[{"AttributeName":"h","AttributeType":"S"}],"KeySchema":[{"AttributeName":"h","KeyType":"HASH"}]}`)
	write := `{"TableName":"other","Item":{"h":{"S":"x"},"v":{"S":"new"}}}`
	refuse := func(failure error, during func()) {
		refused := false
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
			switch {
			case req.Op == ddb.DescribeTable && !refused:
				refused = true
				return nil, failure
			case req.Op == ddb.PutItem && during != nil:
				during()
			}
			return resp, err
		}
		s.must(ddb.PutItem, write)
		s.next.then = nil
	}
	var learned *cache.Schema
	refuse(errors.New("connection reset"), func() {
		// Somebody reads while the write is under way, and would keep what was before.
		var err error
		if learned, err = s.guard.Schemas().Get(t.Context(), "", "other"); err != nil || learned == nil {
			t.Fatalf("schema: %v, %v", learned, err)
		}
		r := s.store.Items().Read(learned, []byte("x"), cache.Lookup{}, nil)
		s.store.Items().Done(r.Flight, nil, false)
	})
	if r := s.store.Items().Read(learned, []byte("x"), cache.Lookup{}, nil); r.Flight == nil {
		t.Errorf("what was read before the write is served after it: %d", r.Outcome)
	}
	s.expect("a", image("a", "1"))
	s.guard.Schemas().Drop("", "other")
	refuse(&ddb.Error{Code: "AccessDeniedException"}, nil)
	s.expect("a", image("a", "1"))
}

// A write that the backend refuses because the table's keys are others drops what is known of them.
func TestSchemaMismatchDropsTheSchema(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	s.must(ddb.PutItem, put("a", "1", ""))
	old := s.guard.Schemas().Known("", []byte("ttt"))
	for _, e := range []*ddb.Error{
		{Code: "ValidationException", Message: "The provided key element does not match the schema"},
		{Code: "ResourceNotFoundException", Message: "Requested resource not found"},
	} {
		s.next.then = func(_ context.Context, req *ddb.Request, resp *ddb.Response, err error) (*ddb.Response, error) {
			if req.Op == ddb.PutItem {
				return nil, e
			}
			return resp, err
		}
		if _, err := s.do(ddb.PutItem, put("a", "1", "")); err == nil {
			t.Fatal("the put was not refused")
		}
		s.next.then = nil
		if got := s.guard.Schemas().Known("", []byte("ttt")); !old.Stale() || got != nil {
			t.Errorf("%s left the schema as it was", e.Code)
		}
		s.expect("a", "")
		old = s.guard.Schemas().Known("", []byte("ttt"))
		s.must(ddb.PutItem, put("a", "1", ""))
	}
}
