package proxy

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// bench sends the bodies round robin, in a request that is used again, as the front's are.
func bench(b *testing.B, r *rig, op ddb.Operation, want Result, bodies [][]byte) {
	b.ReportAllocs()
	reply, req := Reply{Body: make([]byte, 0, 64<<10)}, new(ddb.Request)
	i := 0
	for b.Loop() {
		reply.Body = reply.Body[:0]
		*req = *ddb.NewRequest(op, bodies[i%len(bodies)])
		if err := r.proxy.Do(context.Background(), req, Options{}, &reply); err != nil {
			b.Fatal(err)
		}
		i++
	}
	if reply.Result != want {
		b.Fatalf("the last result is %v, want %v", reply.Result, want)
	}
}

// benchBooks makes n books with notes of 400 bytes and returns the bodies of their GetItems.
func benchBooks(b *testing.B, r *rig, n int) [][]byte {
	r.must(ddb.CreateTable, bookTable)
	var bodies [][]byte
	for i := range n {
		author, title := fmt.Sprintf("author%d", i/100), fmt.Sprintf("title%04d", i)
		r.putBook(author, title, "x", i+1, strings.Repeat("n", 300))
		bodies = append(bodies, []byte(getBook(author, title, "")))
	}
	b.ResetTimer()
	return bodies
}

func BenchmarkGetItemHit(b *testing.B) {
	r := newRig(b, rigOptions{})
	bench(b, r, ddb.GetItem, Hit, benchBooks(b, r, 1000))
}

func BenchmarkGetItemHitProjected(b *testing.B) {
	r := newRig(b, rigOptions{})
	bodies := benchBooks(b, r, 1000)
	for i, body := range bodies {
		bodies[i] = []byte(strings.TrimSuffix(string(body), "}") + `,"ProjectionExpression":"title, genre"}`)
	}
	bench(b, r, ddb.GetItem, Hit, bodies)
}

func BenchmarkGetItemMiss(b *testing.B) {
	r := newRig(b, rigOptions{})
	bodies := benchBooks(b, r, 1000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var reply Reply
		if err := r.proxy.Do(context.Background(), ddb.NewRequest(ddb.GetItem, bodies[i%len(bodies)]), Options{NoCache: true}, &reply); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkBatchGetItem25Hits(b *testing.B) {
	r := newRig(b, rigOptions{})
	benchBooks(b, r, 100)
	var keys []string
	for i := range 25 {
		keys = append(keys, bookKey("author0", fmt.Sprintf("title%04d", i)))
	}
	bench(b, r, ddb.BatchGetItem, Hit, [][]byte{[]byte(getBooks("", keys...))})
}

func BenchmarkQueryHit(b *testing.B) {
	r := newRig(b, rigOptions{})
	benchBooks(b, r, 1000)
	var bodies [][]byte
	for i := range 10 {
		bodies = append(bodies, []byte(queryBooks(fmt.Sprintf("author%d", i), "author=:a", "", "")))
	}
	bench(b, r, ddb.Query, Hit, bodies)
}

func BenchmarkPutItem(b *testing.B) {
	r := newRig(b, rigOptions{})
	benchBooks(b, r, 100)
	var bodies [][]byte
	for i := range 100 {
		bodies = append(bodies, []byte(`{"TableName":"books","Item":`+book("author0", fmt.Sprintf("title%04d", i), "x", i+1, strings.Repeat("m", 300))+`}`))
	}
	bench(b, r, ddb.PutItem, Forward, bodies)
}
