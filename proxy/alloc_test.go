//go:build !race

package proxy

import (
	"context"
	"runtime/debug"
	"testing"

	"millrace/cache"
	"millrace/ddb"
)

// The path from a request's body to the response's bytes, when all that is asked for is cached, allocates nothing: without
// audits, and with them for the hits that are not drawn.
func TestHitsDoNotAllocate(t *testing.T) {
	for _, sample := range []string{"off", "1e-15"} {
		testHitAllocs(t, sample)
	}
}

// testHitAllocs is TestHitsDoNotAllocate for a share of hits that are audited.
func testHitAllocs(t *testing.T, sample string) {
	r := newRig(t, rigOptions{store: cache.Config{Tables: map[string]cache.TableConfig{"*": {Audit: sample}}}})
	r.must(ddb.CreateTable, bookTable)
	r.must(ddb.CreateTable, hashTable)
	r.putBook("ann", "b", "x", 1, "note")
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"17"}}}`)
	f := func(want Result, op ddb.Operation, body string) {
		t.Helper()
		r.do(op, body)
		r.do(op, body)
		b := []byte(body)
		reply := Reply{Body: make([]byte, 0, 4096)}
		req := ddb.NewRequest(op, b)
		allocs := testing.AllocsPerRun(1000, func() {
			*req = *ddb.NewRequest(op, b)
			reply.Body = reply.Body[:0]
			if err := r.proxy.Do(context.Background(), req, Options{}, &reply); err != nil {
				t.Fatal(err)
			}
		})
		if reply.Result != want || allocs != 0 {
			t.Errorf("%s: %v with %v allocations, want %v with 0", body, reply.Result, allocs, want)
		}
	}
	f(Hit, ddb.GetItem, getBook("ann", "b", ""))
	f(Hit, ddb.GetItem, `{"TableName": "books", "Key": {"title": {"S": "b"}, "author": {"S": "ann"}}, "ConsistentRead": true}`)
	f(Hit, ddb.GetItem, `{"TableName":"counters","Key":{"id":{"N":"17"}}}`)
	f(Negative, ddb.GetItem, getBook("ann", "none", ""))
	f(Hit, ddb.BatchGetItem, getBooks("", bookKey("ann", "b"), bookKey("ann", "none")))
	f(Hit, ddb.BatchGetItem, getBooks(`,"ConsistentRead":true`, bookKey("ann", "b")))
	f(Hit, ddb.Query, queryBooks("ann", "author=:a", "", ""))
	f(Hit, ddb.Query, queryBooks("ann", "author=:a", "", `,"ConsistentRead":true,"ProjectionExpression":"title"`))
	f(Hit, ddb.Scan, `{"TableName":"books"}`)
}

// What a miss and a write make in garbage, sockets aside, is known and may only become less: the collector was a tenth of what a
// missed Query cost. It is counted with tables grown and between collections, for these empty the pools, and how often they come is
// the machine's.
func TestMissesMakeLittleGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	most := map[string]float64{"GetItem": 6, "Query": 16, "BatchGetItem": 131, "PutItem": 17}
	for i, c := range cannedCalls {
		call := cannedCall(t, i)
		for range 1000 {
			call()
		}
		if n := testing.AllocsPerRun(2000, call); n > most[c.name] {
			t.Errorf("a %s that misses makes %v allocations, want %v at most", c.name, n, most[c.name])
		} else {
			t.Logf("%s: %v", c.name, n)
		}
	}
}
