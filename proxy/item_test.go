package proxy

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// getBook is the body of a GetItem.
func getBook(author, title, more string) string {
	return fmt.Sprintf(`{"TableName":"books","Key":{"author":{"S":%q},"title":{"S":%q}}%s}`, author, title, more)
}

func TestGetItemIsCachedWholeAndProjectedOnTheWayOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "t", "g", 1, "n")
	r.forget()
	// A projected miss is fetched whole, so that the next projection and the whole item are hits.
	r.expect(Miss, ddb.GetItem, getBook("a", "t", `,"ProjectionExpression":"note"`))
	r.expect(Hit, ddb.GetItem, getBook("a", "t", `,"ProjectionExpression":"#y","ExpressionAttributeNames":{"#y":"year"}`))
	r.expect(Hit, ddb.GetItem, getBook("a", "t", `,"ProjectionExpression":"nowhere"`))
	r.expect(Hit, ddb.GetItem, getBook("a", "t", ""))
	// With the embedded engine a strong read may be a hit.
	r.expect(Hit, ddb.GetItem, getBook("a", "t", `,"ConsistentRead":true`))
}

func TestAbsenceIsCachedUntilTheItemIsPut(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	r.expect(Miss, ddb.GetItem, getBook("a", "t", ""))
	r.expect(Negative, ddb.GetItem, getBook("a", "t", ""))
	r.expect(Negative, ddb.GetItem, getBook("a", "t", `,"ProjectionExpression":"note"`))
	r.putBook("a", "t", "", 0, "")
	r.expect(Hit, ddb.GetItem, getBook("a", "t", ""))
	r.must(ddb.DeleteItem, `{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"t"}}}`)
	r.expect(Negative, ddb.GetItem, getBook("a", "t", ""))
}

// #67: 1, 1.0 and 1e0 are one key.
func TestEqualNumbersAreOneEntry(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, hashTable)
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"},"n":{"N":"7.50"}}}`)
	r.forget()
	r.expect(Miss, ddb.GetItem, `{"TableName":"counters","Key":{"id":{"N":"1"}}}`)
	for _, n := range []string{"1", "1.0", "01", "1e0", "+1", "10E-1"} {
		r.expect(Hit, ddb.GetItem, `{"TableName":"counters","Key":{"id":{"N":"`+n+`"}}}`)
	}
}

func TestUnusualGetItemIsForwarded(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "t", "g", 1, "n")
	for _, body := range []string{
		`{}`,
		`{"TableName":"books"}`,
		`{"TableName":"nope","Key":{"author":{"S":"a"},"title":{"S":"t"}}}`,
		`{"TableName":"books","Key":{"author":{"S":"a"}}}`,                                                   // #78
		`{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"t"},"year":{"N":"1"}}}`,                // #78
		`{"TableName":"books","Key":{"author":{"S":"a"},"title":{"N":"1"}}}`,                                 // #78
		`{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":""}}}`,                                  // #59
		`{"TableName":"books","Key":{"author":{"S":"` + strings.Repeat("x", 2049) + `"},"title":{"S":"t"}}}`, // #73
		`{"TableName":"books","Key":{"author":{"S":"a"},"title":{"S":"` + strings.Repeat("x", 1025) + `"}}}`, // #73
		getBook("a", "t", `,"ProjectionExpression":""`),                                                      // #86
		getBook("a", "t", `,"ProjectionExpression":"name"`),                                                  // #88
		getBook("a", "t", `,"ProjectionExpression":"#x"`),                                                    // #89
		getBook("a", "t", `,"ProjectionExpression":"note","ExpressionAttributeNames":{"#x":"y"}`),            // #90
		getBook("a", "t", `,"ExpressionAttributeNames":{"#x":"y"}`),                                          // #91
		getBook("a", "t", `,"ProjectionExpression":"note","ExpressionAttributeNames":{}`),                    // #92
		getBook("a", "t", `,"ProjectionExpression":"title.x"`),                                               // #81
		getBook("a", "t", `,"ProjectionExpression":"genre[0]"`),                                              // #81
		getBook("a", "t", `,"ProjectionExpression":"note, note"`),                                            // #119
		getBook("a", "t", `,"AttributesToGet":["note"]`),                                                     // #120
		getBook("a", "t", `,"ReturnConsumedCapacity":"SOME"`),
		getBook("a", "t", `,"ConsistentRead":5`), // #35
	} {
		r.expect(Forward, ddb.GetItem, body)
	}
}

// #154: a read costs by the size of the whole item, whatever is projected, and an absent item the least.
func TestHitReportsTheCapacityOfTheSameReadWithoutCache(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	for _, size := range []int{1, 4000, 4096, 4097, 9000} {
		r.putBook("a", "t", "g", 1, strings.Repeat("x", size))
		for _, more := range []string{"", `,"ConsistentRead":true`, `,"ProjectionExpression":"title"`} {
			for _, mode := range []string{"NONE", "TOTAL", "INDEXES"} {
				r.expect(Hit, ddb.GetItem, getBook("a", "t", more+`,"ReturnConsumedCapacity":"`+mode+`"`))
			}
		}
	}
	r.same(ddb.GetItem, getBook("a", "none", `,"ReturnConsumedCapacity":"TOTAL"`))
	r.expect(Negative, ddb.GetItem, getBook("a", "none", `,"ReturnConsumedCapacity":"TOTAL"`))
	r.expect(Negative, ddb.GetItem, getBook("a", "none", `,"ReturnConsumedCapacity":"INDEXES","ConsistentRead":true`))
}

// fakeClock is a clock that tests set.
type fakeClock struct{ now atomic.Int64 }

// read is the clock as the store wants it.
func (c *fakeClock) read() coherence.Time { return coherence.Time(c.now.Load()) }

// pass lets time pass.
func (c *fakeClock) pass(d time.Duration) { c.now.Add(int64(d)) }

func TestCacheControl(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{}
	clock.pass(time.Hour)
	r := newRig(t, rigOptions{store: cache.Config{Clock: clock.read}})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "t", "g", 1, "n")
	r.expect(Hit, ddb.GetItem, getBook("a", "t", ""))
	r.expect(Bypass, ddb.GetItem, getBook("a", "t", ""), Options{NoCache: true})
	clock.pass(10 * time.Second)
	r.expect(Hit, ddb.GetItem, getBook("a", "t", ""), Options{MaxAge: time.Minute})
	r.expect(Refill, ddb.GetItem, getBook("a", "t", ""), Options{MaxAge: 9 * time.Second})
	r.expect(Hit, ddb.GetItem, getBook("a", "t", ""), Options{MaxAge: 9 * time.Second})
	query := `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`
	r.expect(Miss, ddb.Query, query)
	r.expect(Bypass, ddb.Query, query, Options{NoCache: true})
	clock.pass(10 * time.Second)
	r.expect(Refill, ddb.Query, query, Options{MaxAge: 9 * time.Second})
	r.expect(Hit, ddb.Query, query)
}

func TestEntriesEndWithTheirTimeToLive(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{}
	clock.pass(time.Hour)
	r := newRig(t, rigOptions{store: cache.Config{Clock: clock.read, Tables: map[string]cache.TableConfig{
		"*":     {ItemTTL: time.Minute, NegativeTTL: time.Second},
		"books": {QueryTTL: 10 * time.Second, Indexes: map[string]cache.IndexConfig{"genre-*": {QueryTTL: 2 * time.Second}}},
	}}})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "t", "g", 1, "n")
	base := `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`
	index := `{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre=:a","ExpressionAttributeValues":{":a":{"S":"g"}}}`
	f := func(op ddb.Operation, body string, ttl time.Duration) {
		t.Helper()
		r.do(op, body)
		clock.pass(ttl)
		if a := r.same(op, body); a.result != Hit && a.result != Negative {
			t.Errorf("%v after %v: %v, want a hit", op, ttl, a.result)
		}
		clock.pass(1)
		r.expect(Refill, op, body)
	}
	f(ddb.GetItem, getBook("a", "t", ""), time.Minute)
	f(ddb.GetItem, getBook("a", "none", ""), time.Second)
	f(ddb.Query, base, 10*time.Second)
	f(ddb.Query, index, 2*time.Second)
}

func TestTablesAreCachedAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{store: cache.Config{Tables: map[string]cache.TableConfig{
		"counters": {Cache: cache.Off}, "books": {Cache: cache.ItemsOnly, Indexes: map[string]cache.IndexConfig{"by-year": {Cache: cache.On}}},
	}}})
	r.must(ddb.CreateTable, bookTable)
	r.must(ddb.CreateTable, hashTable)
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"}}}`)
	r.putBook("a", "t", "g", 1, "n")
	for range 2 {
		r.expect(Forward, ddb.GetItem, `{"TableName":"counters","Key":{"id":{"N":"1"}}}`)
		r.expect(Forward, ddb.Scan, `{"TableName":"counters"}`)
		r.expect(Hit, ddb.GetItem, getBook("a", "t", ""))
		r.expect(Forward, ddb.Scan, `{"TableName":"books"}`)
	}
	r.expect(Miss, ddb.Scan, `{"TableName":"books","IndexName":"by-year"}`)
	r.expect(Hit, ddb.Scan, `{"TableName":"books","IndexName":"by-year"}`)
}

func TestTableMadeAnewWithItsKeysSwappedServesNothingOld(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	create := func(hash, sort string) {
		r.must(ddb.CreateTable, fmt.Sprintf(`{"TableName":"swap","BillingMode":"PAY_PER_REQUEST",
		 "AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"},{"AttributeName":"b","AttributeType":"S"}],
		 "KeySchema":[{"AttributeName":%q,"KeyType":"HASH"},{"AttributeName":%q,"KeyType":"RANGE"}]}`, hash, sort))
	}
	get := func(a, b string) string {
		return fmt.Sprintf(`{"TableName":"swap","Key":{"a":{"S":%q},"b":{"S":%q}}}`, a, b)
	}
	query := `{"TableName":"swap","KeyConditionExpression":"a=:x","ExpressionAttributeValues":{":x":{"S":"1"}}}`
	create("a", "b")
	r.must(ddb.PutItem, `{"TableName":"swap","Item":{"a":{"S":"1"},"b":{"S":"2"}}}`)
	r.expect(Hit, ddb.GetItem, get("1", "2"))
	r.expect(Miss, ddb.Query, query)
	r.must(ddb.DeleteTable, `{"TableName":"swap"}`)
	r.expect(Forward, ddb.GetItem, get("1", "2"))
	create("b", "a")
	r.expect(Miss, ddb.GetItem, get("1", "2"))
	r.same(ddb.Query, query)
	r.must(ddb.PutItem, `{"TableName":"swap","Item":{"a":{"S":"2"},"b":{"S":"1"}}}`)
	r.expect(Negative, ddb.GetItem, get("1", "2"))
	r.expect(Hit, ddb.GetItem, get("2", "1"))
}

// gate is a backend whose reads of items wait until the test lets them through.
type gate struct {
	*engine.Engine
	next    backendLike // nil is the engine
	arrived chan *ddb.Request
	pass    chan error // nil sends the request on
}

// gated makes a gate for a rig; release opens it for good.
func gated(g **gate) func(*engine.Engine) backendLike {
	return func(e *engine.Engine) backendLike {
		*g = &gate{Engine: e, arrived: make(chan *ddb.Request, 100), pass: make(chan error)}
		return *g
	}
}

// Do waits with reads.
func (g *gate) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if req.Op.Facts().Kind == ddb.ReadOperation {
		g.arrived <- req
		select {
		case err := <-g.pass:
			if err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if g.next != nil {
		return g.next.Do(ctx, req)
	}
	return g.Engine.Do(ctx, req)
}

// start sends body on its own goroutine.
func (r *rig) start(ctx context.Context, op ddb.Operation, body string) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		var reply Reply
		err := r.proxy.Do(ctx, ddb.NewRequest(op, []byte(body)), Options{}, &reply)
		out <- answer{body: string(reply.Body), result: reply.Result, hits: reply.Hits, err: err, id: reply.RequestID}
	}()
	return out
}

// joined waits until n readers have joined flights.
func (r *rig) joined(n uint64) {
	for r.store.Core().Stats().Joins < n {
		runtime.Gosched()
	}
}

func TestIdenticalConcurrentMissesMakeOneRead(t *testing.T) {
	t.Parallel()
	var g *gate
	r := newRig(t, rigOptions{wrap: gated(&g)})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "t", "g", 1, "n")
	r.forget()
	first := r.start(t.Context(), ddb.GetItem, getBook("a", "t", ""))
	<-g.arrived
	var others []<-chan answer
	for range 20 {
		others = append(others, r.start(t.Context(), ddb.GetItem, getBook("a", "t", `,"ProjectionExpression":"note"`)))
	}
	r.joined(20)
	g.pass <- nil
	if a := <-first; a.result != Miss || a.err != nil {
		t.Errorf("first reader: %v, %v, want a miss", a.result, a.err)
	}
	want := r.bare(ddb.GetItem, getBook("a", "t", `,"ProjectionExpression":"note"`)).body
	for _, o := range others {
		if a := <-o; a.result != Shared || a.body != want {
			t.Errorf("later reader: %v %s %v, want shared %s", a.result, a.body, a.err, want)
		}
	}
	if len(g.arrived) != 0 {
		t.Errorf("%d more backend reads", len(g.arrived))
	}
}

func TestOneCallersCancellationReachesNoOther(t *testing.T) {
	t.Parallel()
	f := func(name string, op ddb.Operation, body string) {
		t.Run(name, func(t *testing.T) {
			var g *gate
			r := newRig(t, rigOptions{wrap: gated(&g)})
			r.must(ddb.CreateTable, bookTable)
			r.putBook("a", "t", "g", 1, "n")
			r.forget()
			ctx, cancel := context.WithCancel(t.Context())
			leader := r.start(ctx, op, body)
			<-g.arrived
			ctx2, cancel2 := context.WithCancel(t.Context())
			leaver := r.start(ctx2, op, body)
			stayer := r.start(t.Context(), op, body)
			r.joined(2)
			cancel()
			if a := <-leader; !errors.Is(a.err, context.Canceled) {
				t.Errorf("leader: %v, want it cancelled", a.err)
			}
			cancel2()
			if a := <-leaver; !errors.Is(a.err, context.Canceled) {
				t.Errorf("leaver: %v, want it cancelled", a.err)
			}
			g.pass <- nil
			if a := <-stayer; a.err != nil || a.text() != r.bare(op, body).text() {
				t.Errorf("stayer: %v %s", a.err, a.body)
			}
			if a := r.do(op, body); a.result != Hit {
				t.Errorf("afterwards: %v, want a hit", a.result)
			}
		})
	}
	f("item", ddb.GetItem, getBook("a", "t", ""))
	f("page", ddb.Query, `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`)
	f("batch", ddb.BatchGetItem, `{"RequestItems":{"books":{"Keys":[{"author":{"S":"a"},"title":{"S":"t"}}]}}}`)
}

// The time that a backend read may take began with its leader. Who joined it later is not done waiting when it ends.
func TestOneReadersTimeoutReachesNoOther(t *testing.T) {
	t.Parallel()
	f := func(name string, op ddb.Operation, body string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g *gate
			r := newRig(t, rigOptions{wrap: gated(&g)})
			r.proxy.config.ReadTimeout = 3 * time.Second
			r.must(ddb.CreateTable, bookTable)
			r.putBook("a", "t", "g", 1, "n")
			r.forget()
			leader := r.start(t.Context(), op, body)
			<-g.arrived
			late := r.start(t.Context(), op, body)
			r.joined(1)
			if a := <-leader; !errors.Is(a.err, context.DeadlineExceeded) {
				t.Errorf("leader: %v, want it timed out", a.err)
			}
			select {
			case <-g.arrived: // it reads for itself
				g.pass <- nil
			case a := <-late:
				t.Fatalf("late: ended with the leader's read: %v", a.err)
			}
			if a := <-late; a.err != nil || a.text() != r.bare(op, body).text() {
				t.Errorf("late: %v %s", a.err, a.body)
			}
		})
	}
	f("item", ddb.GetItem, getBook("a", "t", ""))
	f("page", ddb.Query, `{"TableName":"books","KeyConditionExpression":"author=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`)
	f("batch", ddb.BatchGetItem, `{"RequestItems":{"books":{"Keys":[{"author":{"S":"a"},"title":{"S":"t"}}]}}}`)
}

func TestBackendFailureReachesAllWhoWaitAndIsNotCached(t *testing.T) {
	t.Parallel()
	var g *gate
	r := newRig(t, rigOptions{wrap: gated(&g)})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "t", "g", 1, "n")
	r.forget()
	throttled := &ddb.Error{Code: "ThrottlingException", Message: "slow down"}
	first := r.start(t.Context(), ddb.GetItem, getBook("a", "t", ""))
	<-g.arrived
	second := r.start(t.Context(), ddb.GetItem, getBook("a", "t", ""))
	r.joined(1)
	g.pass <- throttled
	for _, c := range []<-chan answer{first, second} {
		if a := <-c; a.err != error(throttled) {
			t.Errorf("got %v, want %v", a.err, throttled)
		}
	}
	third := r.start(t.Context(), ddb.GetItem, getBook("a", "t", ""))
	<-g.arrived
	g.pass <- nil
	if a := <-third; a.result != Miss || a.err != nil {
		t.Errorf("after the failure: %v %v, want a miss", a.result, a.err)
	}
}

func TestPanicInABackendReadIsAnErrorToThoseWhoWait(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{wrap: func(e *engine.Engine) backendLike { return panicking{e} }})
	r.must(ddb.CreateTable, bookTable)
	for _, body := range []string{getBook("a", "t", ""), getBook("a", "t", "")} {
		a := <-r.start(t.Context(), ddb.GetItem, body)
		if a.err == nil || !strings.Contains(a.err.Error(), "panic in a backend read: boom") {
			t.Errorf("got %v, want the panic", a.err)
		}
	}
}

// R25: a table that someone else made anew with another key is noticed by the backend's refusal.
func TestRefusalForTheSchemasSakeForgetsTheTable(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{remote: true})
	create := func(hash string) string {
		return fmt.Sprintf(`{"TableName":"swap","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":%q,"AttributeType":"S"}],
		 "KeySchema":[{"AttributeName":%q,"KeyType":"HASH"}]}`, hash, hash)
	}
	get := func(hash, v string) string {
		return fmt.Sprintf(`{"TableName":"swap","Key":{%q:{"S":%q}}}`, hash, v)
	}
	r.must(ddb.CreateTable, create("a"))
	r.expect(Miss, ddb.GetItem, get("a", "1"))
	r.expect(Negative, ddb.GetItem, get("a", "1"))
	for _, step := range []request{{ddb.DeleteTable, `{"TableName":"swap"}`}, {ddb.CreateTable, create("b")}} {
		if a := r.bare(step.op, step.body); a.err != nil {
			t.Fatal(a.err)
		}
	}
	r.expect(Forward, ddb.GetItem, get("a", "2")) // refused by the backend, which tells
	r.expect(Refill, ddb.GetItem, get("b", "1"))  // the bytes of the key are the old entry's
	r.expect(Forward, ddb.GetItem, get("a", "1"))
}

// panicking is a backend that panics on reads.
type panicking struct{ *engine.Engine }

// Do panics on reads.
func (p panicking) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if req.Op == ddb.GetItem {
		panic("boom")
	}
	return p.Engine.Do(ctx, req)
}

// A write that settles while a read is under way must be seen by readers who come after it, who therefore must not
// join that read.
func TestReaderAfterAWriteDoesNotJoinAReadFromBeforeIt(t *testing.T) {
	t.Parallel()
	var g *gate
	r := newRig(t, rigOptions{wrap: gated(&g)})
	r.must(ddb.CreateTable, bookTable)
	old := r.start(t.Context(), ddb.GetItem, getBook("a", "t", ""))
	<-g.arrived
	r.putBook("a", "t", "g", 1, "new")
	if a := r.do(ddb.GetItem, getBook("a", "t", "")); a.result != Hit || !strings.Contains(a.body, "new") {
		t.Errorf("after the write: %v %s", a.result, a.body)
	}
	g.pass <- nil
	<-old
	if a := r.do(ddb.GetItem, getBook("a", "t", "")); a.result != Hit || !strings.Contains(a.body, "new") {
		t.Errorf("after the old read ended: %v %s", a.result, a.body)
	}
}
