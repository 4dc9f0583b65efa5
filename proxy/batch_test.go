package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"millrace/backend/engine"
	"millrace/ddb"
)

// bookKey is a key of books.
func bookKey(author, title string) string {
	return fmt.Sprintf(`{"author":{"S":%q},"title":{"S":%q}}`, author, title)
}

// getBooks is the body of a BatchGetItem.
func getBooks(more string, keys ...string) string {
	return `{"RequestItems":{"books":{"Keys":[` + strings.Join(keys, ",") + `]` + more + `}}}`
}

// recorder is a backend that keeps the reads it was asked for.
type recorder struct {
	*engine.Engine
	reads []*ddb.Request
	// batch, if set, answers BatchGetItem.
	batch func(*ddb.BatchGetItemInput, *ddb.BatchGetItemOutput)
}

// recorded makes a recorder for a rig.
func recorded(rec **recorder) func(*engine.Engine) backendLike {
	return func(e *engine.Engine) backendLike {
		*rec = &recorder{Engine: e}
		return *rec
	}
}

// Do keeps reads of items.
func (c *recorder) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if req.Op.Facts().Kind == ddb.ReadOperation {
		c.reads = append(c.reads, req)
	}
	resp, err := c.Engine.Do(ctx, req)
	if err == nil && req.Op == ddb.BatchGetItem && c.batch != nil {
		in, _ := ddb.InputAs[ddb.BatchGetItemInput](req)
		out, _ := ddb.OutputAs[ddb.BatchGetItemOutput](resp)
		c.batch(in, out)
	}
	return resp, err
}

func TestBatchServesItsHitsAndFetchesOnlyItsMisses(t *testing.T) {
	t.Parallel()
	var rec *recorder
	r := newRig(t, rigOptions{wrap: recorded(&rec)})
	r.must(ddb.CreateTable, bookTable)
	for _, title := range []string{"1", "2", "3"} {
		r.putBook("a", title, "g", 1, "n")
	}
	r.forget()
	r.must(ddb.GetItem, getBook("a", "1", ""))
	r.must(ddb.GetItem, getBook("a", "none", ""))
	rec.reads = nil
	keys := []string{bookKey("a", "2"), bookKey("a", "1"), bookKey("a", "none"), bookKey("a", "3"), bookKey("a", "nor")}
	if a := r.expect(Partial, ddb.BatchGetItem, getBooks("", keys...)); a.hits != 2 {
		t.Errorf("%d hits, want 2", a.hits)
	}
	if len(rec.reads) != 1 {
		t.Fatalf("%d backend reads, want 1", len(rec.reads))
	}
	in, err := ddb.InputAs[ddb.BatchGetItemInput](rec.reads[0])
	if err != nil {
		t.Fatal(err)
	}
	if n := len(in.RequestItems["books"].Keys); n != 3 {
		t.Errorf("fetched %d keys, want the 3 misses", n)
	}
	if a := r.expect(Hit, ddb.BatchGetItem, getBooks(`,"ProjectionExpression":"#y","ExpressionAttributeNames":{"#y":"year"}`, keys...)); a.hits != 5 {
		t.Errorf("%d hits, want 5", a.hits)
	}
	// What the batch fetched serves GetItem too, absence included.
	r.expect(Hit, ddb.GetItem, getBook("a", "3", ""))
	r.expect(Negative, ddb.GetItem, getBook("a", "nor", ""))
	r.expect(Bypass, ddb.BatchGetItem, getBooks("", keys...), Options{NoCache: true})
}

func TestBatchOptionsAreEachTablesOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	r.must(ddb.CreateTable, hashTable)
	r.putBook("a", "1", "g", 1, strings.Repeat("x", 5000))
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"7"},"year":{"S":"x"}}}`)
	body := `{"RequestItems":{
	 "counters":{"Keys":[{"id":{"N":"7.0"}},{"id":{"N":"8"}}],"ConsistentRead":true,"ProjectionExpression":"#y","ExpressionAttributeNames":{"#y":"year"}},
	 "books":{"Keys":[` + bookKey("a", "1") + `],"ProjectionExpression":"#y","ExpressionAttributeNames":{"#y":"genre"}}},"ReturnConsumedCapacity":"INDEXES"}`
	r.expect(Partial, ddb.BatchGetItem, body)
	r.expect(Hit, ddb.BatchGetItem, body)
	r.forget()
	r.forget()
	r.expect(Miss, ddb.BatchGetItem, strings.Replace(body, "INDEXES", "TOTAL", 1))
}

func TestUnusualBatchIsForwarded(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	r.must(ddb.CreateTable, hashTable)
	many := make([]string, 101)
	for i := range many {
		many[i] = bookKey("a", fmt.Sprint(i))
	}
	for _, body := range []string{
		`{}`, `{"RequestItems":{}}`, // #178
		getBooks("", many...), // #179
		`{"RequestItems":{"counters":{"Keys":[{"id":{"N":"1"}}]},"books":{"Keys":[` + strings.Join(many[:100], ",") + `]}}}`, // #179
		getBooks("", bookKey("a", "1"), bookKey("a", "2"), bookKey("a", "1")),                                                // #181
		`{"RequestItems":{"counters":{"Keys":[{"id":{"N":"1"}},{"id":{"N":"1.0"}}]}}}`,                                       // #181
		getBooks("", bookKey("a", "1"), `{"author":{"S":"a"}}`),                                                              // #182
		getBooks(`,"ProjectionExpression":"note","ExpressionAttributeNames":{"#u":"x"}`, bookKey("a", "1")),                  // #90
		getBooks(`,"AttributesToGet":["note"]`, bookKey("a", "1")),
		`{"RequestItems":{"nope":{"Keys":[{"id":{"N":"1"}}]}}}`, // #187
	} {
		r.expect(Forward, ddb.BatchGetItem, body)
	}
}

// #185: what is more than 16 MB together comes back as UnprocessedKeys, hits or not.
func TestBatchLimitCountsHitsAndMissesTogether(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	r.must(ddb.CreateTable, hashTable)
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"}}}`)
	keys := make([]string, 60)
	for i := range keys {
		keys[i] = bookKey("a", fmt.Sprintf("%03d", i))
		r.putBook("a", fmt.Sprintf("%03d", i), "g", 1, strings.Repeat("x", 300<<10))
	}
	body := `{"RequestItems":{"books":{"Keys":[` + strings.Join(keys, ",") +
		`],"ProjectionExpression":"title","ConsistentRead":true},"counters":{"Keys":[{"id":{"N":"9"}},{"id":{"N":"1"}},{"id":{"N":"8"}}]}},"ReturnConsumedCapacity":"TOTAL"}`
	if a := r.same(ddb.BatchGetItem, body); !strings.Contains(a.body, `"UnprocessedKeys":{"books"`) {
		t.Fatalf("nothing unprocessed: %.200s", a.body)
	}
	r.same(ddb.BatchGetItem, body)
	r.forget()
	for i := 0; i < len(keys); i += 2 {
		r.must(ddb.GetItem, getBook("a", fmt.Sprintf("%03d", i), ""))
	}
	r.expect(Partial, ddb.BatchGetItem, body)
}

// R9: a key that the backend left unprocessed is not absent.
func TestUnprocessedKeysOfTheBackendAreNotCachedAsAbsent(t *testing.T) {
	t.Parallel()
	var rec *recorder
	r := newRig(t, rigOptions{wrap: recorded(&rec)})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "1", "g", 1, "n")
	r.putBook("a", "2", "g", 1, "n")
	r.forget()
	rec.batch = func(in *ddb.BatchGetItemInput, out *ddb.BatchGetItemOutput) {
		part := in.RequestItems["books"]
		out.Responses["books"] = out.Responses["books"][:1]
		out.UnprocessedKeys["books"] = ddb.KeysAndAttributes{Keys: part.Keys[1:]}
	}
	a := r.do(ddb.BatchGetItem, getBooks(`,"ConsistentRead":true`, bookKey("a", "1"), bookKey("a", "2"), bookKey("a", "3")))
	want := `{"Responses":{"books":[` + book("a", "1", "g", 1, "n") + `]},"UnprocessedKeys":{"books":{"Keys":[` +
		bookKey("a", "2") + `,` + bookKey("a", "3") + `],"ConsistentRead":true}}}`
	if got, want := sorted(a.text()), sorted(want); got != want {
		t.Errorf("got %s\nwant %s", a.text(), want)
	}
	rec.batch = nil
	r.expect(Hit, ddb.GetItem, getBook("a", "1", ""))
	r.expect(Miss, ddb.GetItem, getBook("a", "2", ""))
	r.expect(Miss, ddb.GetItem, getBook("a", "3", ""))
}

// sorted is s with its bytes in order, to compare JSON regardless of the order of members.
func sorted(s string) string {
	b := []byte(s)
	for i := range b {
		for j := i; j > 0 && b[j] < b[j-1]; j-- {
			b[j], b[j-1] = b[j-1], b[j]
		}
	}
	return string(b)
}

// A reader who joined a batch's flight must not suffer for what went wrong with the rest of the batch.
func TestReaderWhoJoinedABatchSurvivesItsFailure(t *testing.T) {
	t.Parallel()
	var g *gate
	r := newRig(t, rigOptions{wrap: gated(&g)})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "1", "g", 1, "n")
	r.forget()
	batch := r.start(t.Context(), ddb.BatchGetItem, getBooks("", bookKey("a", "1"), bookKey("a", "2")))
	<-g.arrived
	single := r.start(t.Context(), ddb.GetItem, getBook("a", "1", ""))
	r.joined(1)
	g.pass <- &ddb.Error{Code: "ThrottlingException"}
	if a := <-batch; a.err == nil {
		t.Error("the batch has an answer, want its error")
	}
	<-g.arrived
	g.pass <- nil
	if a := <-single; a.err != nil || a.text() != r.bare(ddb.GetItem, getBook("a", "1", "")).text() {
		t.Errorf("the single reader: %v %s", a.err, a.body)
	}
}

// A batch that joined a GetItem's read does not fail with it: it asks for the key itself, and what the backend leaves of it is among the
// unprocessed keys, as if there had been no GetItem.
func TestBatchThatJoinedAGetItemSurvivesItsFailure(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{&ddb.Error{Code: "ProvisionedThroughputExceededException"}, &ddb.Error{Code: "AccessDeniedException"}, errors.New("cut off")} {
		var g *gate
		var rec *recorder
		r := newRig(t, rigOptions{wrap: func(e *engine.Engine) backendLike {
			rec = &recorder{Engine: e}
			g = &gate{Engine: e, next: rec, arrived: make(chan *ddb.Request, 100), pass: make(chan error)}
			return g
		}})
		r.must(ddb.CreateTable, bookTable)
		r.putBook("a", "1", "g", 1, "n")
		r.putBook("a", "2", "g", 1, "n")
		r.forget()
		single := r.start(t.Context(), ddb.GetItem, getBook("a", "1", ""))
		<-g.arrived
		batch := r.start(t.Context(), ddb.BatchGetItem, getBooks("", bookKey("a", "1")))
		r.joined(1)
		g.pass <- failure
		if a := <-single; a.err == nil {
			t.Errorf("%v: the single reader has an answer, want its error", failure)
		}
		if req := <-g.arrived; req.Op != ddb.BatchGetItem {
			t.Fatalf("%v: then a %v is sent, want the batch's own read", failure, req.Op)
		}
		rec.batch = func(in *ddb.BatchGetItemInput, out *ddb.BatchGetItemOutput) {
			out.Responses["books"] = nil
			out.UnprocessedKeys["books"] = ddb.KeysAndAttributes{Keys: in.RequestItems["books"].Keys}
		}
		g.pass <- nil
		want := `{"Responses":{"books":[]},"UnprocessedKeys":{"books":{"Keys":[` + bookKey("a", "1") + `]}}}`
		if a := <-batch; a.text() != want {
			t.Errorf("%v: the batch is answered %s, want %s", failure, a.text(), want)
		}
	}
}

// Two batches that each lead what the other needs must not wait for each other before they read.
func TestBatchesThatJoinEachOtherBothEnd(t *testing.T) {
	t.Parallel()
	var g *gate
	r := newRig(t, rigOptions{wrap: gated(&g)})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "1", "g", 1, "n")
	r.putBook("a", "2", "g", 1, "n")
	r.forget()
	first := r.start(t.Context(), ddb.BatchGetItem, getBooks("", bookKey("a", "1"), bookKey("a", "2")))
	<-g.arrived
	second := r.start(t.Context(), ddb.BatchGetItem, getBooks("", bookKey("a", "3"), bookKey("a", "2")))
	<-g.arrived
	third := r.start(t.Context(), ddb.BatchGetItem, getBooks("", bookKey("a", "1"), bookKey("a", "3")))
	r.joined(3)
	g.pass <- nil
	g.pass <- nil
	for i, c := range []<-chan answer{first, second, third} {
		if a := <-c; a.err != nil {
			t.Errorf("batch %d: %v", i+1, a.err)
		}
	}
}
