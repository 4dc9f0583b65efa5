package proxy

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"millrace/backend/engine"
	"millrace/ddb"
)

// numbering is a backend that gives its answers ids, one after the other.
type numbering struct {
	backendLike
	n atomic.Int64
}

// Do is part of backend.Backend.
func (b *numbering) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	resp, err := b.backendLike.Do(ctx, req)
	if err == nil {
		resp.RequestID = fmt.Sprint("id-", b.n.Add(1))
	}
	return resp, err
}

// last is the id given last.
func (b *numbering) last() string { return fmt.Sprint("id-", b.n.Load()) }

// An answer that is the backend's own has the backend's id of the one read it came from; what is, or is in part, from a cache has none
// of the backend's.
func TestBackendsRequestIDIsKeptOnFills(t *testing.T) {
	t.Parallel()
	var b *numbering
	r := newRig(t, rigOptions{wrap: func(e *engine.Engine) backendLike {
		b = &numbering{backendLike: e}
		return b
	}})
	r.must(ddb.CreateTable, bookTable)
	for _, title := range []string{"1", "2", "3", "4"} {
		r.putBook("a", title, "g", 1, "n")
	}
	r.forget()
	f := func(want Result, own bool, op ddb.Operation, body string, o ...Options) {
		t.Helper()
		a := r.do(op, body, o...)
		id := ""
		if own {
			id = b.last()
		}
		if a.err != nil || a.result != want || a.id != id {
			t.Errorf("%v %s: %v with id %q, %v; want %v with %q", op, body, a.result, a.id, a.err, want, id)
		}
	}
	item, part := getBook("a", "1", ""), getBook("a", "2", `,"ProjectionExpression":"note"`)
	f(Miss, true, ddb.GetItem, item)
	f(Hit, false, ddb.GetItem, item)
	f(Bypass, true, ddb.GetItem, item, Options{NoCache: true})
	f(Miss, true, ddb.GetItem, part)
	f(Hit, false, ddb.GetItem, part)
	f(Miss, true, ddb.GetItem, getBook("a", "none", ""))
	f(Negative, false, ddb.GetItem, getBook("a", "none", ""))
	for _, shape := range []string{"", `,"Select":"COUNT"`, `,"ReturnConsumedCapacity":"TOTAL"`} {
		page := queryBooks("a", "author = :a", "", shape)
		if shape != `,"ReturnConsumedCapacity":"TOTAL"` {
			f(Miss, true, ddb.Query, page)
		}
		f(Hit, false, ddb.Query, page)
	}
	f(Miss, true, ddb.Scan, `{"TableName":"books"}`)
	f(Partial, false, ddb.BatchGetItem, getBooks("", bookKey("a", "1"), bookKey("a", "3")))
	f(Miss, true, ddb.BatchGetItem, getBooks("", bookKey("a", "4"), bookKey("a", "5")))
	f(Hit, false, ddb.BatchGetItem, getBooks("", bookKey("a", "4"), bookKey("a", "5")))
}

// Those who join a read have its id too: under it the backend knows what they were answered with.
func TestWhoJoinsAReadHasItsRequestID(t *testing.T) {
	t.Parallel()
	var g *gate
	var b *numbering
	r := newRig(t, rigOptions{wrap: func(e *engine.Engine) backendLike {
		b = &numbering{backendLike: gated(&g)(e)}
		return b
	}})
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "1", "g", 1, "n")
	r.forget()
	page := queryBooks("a", "author = :a", "", "")
	for i, read := range []struct {
		op   ddb.Operation
		body string
	}{{ddb.GetItem, getBook("a", "1", "")}, {ddb.Query, page}} {
		first := r.start(t.Context(), read.op, read.body)
		<-g.arrived
		second := r.start(t.Context(), read.op, read.body)
		r.joined(uint64(i + 1))
		g.pass <- nil
		x, y := <-first, <-second
		if x.result != Miss || y.result != Shared || x.id != b.last() || y.id != x.id {
			t.Errorf("%v: %v with id %q and %v with %q, want a miss and a shared one with %q", read.op, x.result, x.id, y.result, y.id, b.last())
		}
	}
}
