package proxy

import (
	"fmt"
	"testing"

	"millrace/ddb"
)

// A request that comes again in the same bytes means what it meant, in hits and misses, whatever became of the bytes that
// it was first read from; and no longer once the table was changed.
func TestRememberedPagesMeanTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	for i := range 5 {
		r.putBook("a", fmt.Sprint(i), "g", 1990+i, "note")
	}
	bodies := map[ddb.Operation][]string{
		ddb.Query: {
			queryBooks("a", "author=:a", "", ""),
			queryBooks("a", "author=:a AND title > :t", "1", `,"FilterExpression":"#y > :a","ExpressionAttributeNames":{"#y":"note"}`),
			queryBooks("a", "author=:a", "", `,"Limit":2,"ReturnConsumedCapacity":"TOTAL"`),
			queryBooks("a", "author=:a", "", `,"ScanIndexForward":false`),
		},
		ddb.Scan: {`{"TableName":"books"}`, `{"TableName":"books","Limit":3,"ConsistentRead":true}`},
	}
	for op, list := range bodies {
		for _, body := range list {
			want := r.bare(op, body)
			if want.err != nil {
				t.Fatalf("%s: %v", body, want.err)
			}
			const any = NumResults
			ask := func(result Result) {
				t.Helper()
				sent := []byte(body)
				var reply Reply
				if err := r.proxy.Do(t.Context(), ddb.NewRequest(op, sent), Options{}, &reply); err != nil || string(reply.Body) != want.body || result != any && reply.Result != result {
					t.Errorf("%s = %s (%v), %v; want %s (%v)", body, reply.Body, reply.Result, err, want.body, result)
				}
				clear(sent)
			}
			r.forget()
			ask(Miss)
			ask(Hit)
			if q := r.proxy.recall(ddb.NewRequest(op, []byte(body))); q == nil {
				t.Errorf("%s was a hit and is not remembered", body)
			}
			ask(Hit)
			r.forget()
			ask(Miss)
			ask(Hit)
			r.putBook("a", "0", "g", 1990, "other")
			r.putBook("a", "0", "g", 1990, "note")
			ask(any)
		}
	}
	body := bodies[ddb.Query][0]
	r.must(ddb.Query, body)
	r.expect(Hit, ddb.Query, body)
	if q := r.proxy.recall(ddb.NewRequest(ddb.Scan, []byte(body))); q != nil {
		t.Errorf("a Query is remembered as a Scan")
	}
	other := ddb.NewRequest(ddb.Query, []byte(body))
	other.Scope = "somebody"
	if q := r.proxy.recall(other); q != nil {
		t.Errorf("a request is remembered for another scope")
	}
	r.must(ddb.DeleteTable, `{"TableName":"books"}`)
	if q := r.proxy.recall(ddb.NewRequest(ddb.Query, []byte(body))); q != nil {
		t.Errorf("%s has a meaning after its table is gone", body)
	}
}

// A request that is scanned is remembered by its second hit, for only then is it decoded; and it means the same before and after.
func TestScannedPagesAreRememberedByTheirSecondHit(t *testing.T) {
	t.Parallel()
	r := bookRig(t, rigOptions{})
	body := queryBooks("ann", "author=:a", "", `,"Limit":3`)
	r.forget()
	for i, want := range []Result{Miss, Hit, Hit, Hit} {
		r.expect(want, ddb.Query, body)
		if got := r.proxy.recall(ddb.NewRequest(ddb.Query, []byte(body))) != nil; got != (i >= 2) {
			t.Errorf("after request %d (%v) it is remembered: %v", i, want, got)
		}
	}
}
