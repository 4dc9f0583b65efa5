package proxy

import (
	"strings"
	"testing"

	"millrace/cache"
	"millrace/ddb"
)

// A batch that is answered without being decoded gets the same bytes as one that is decoded.
func TestPlainBatchesAreAnsweredLikeOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	for _, title := range []string{"1", "2", "3"} {
		r.putBook("a", title, "g", 1, "n")
	}
	one, two, three, none := bookKey("a", "1"), bookKey("a", "2"), bookKey("a", "3"), bookKey("a", "none")
	for _, keys := range [][]string{{one}, {none}, {none, one}, {one, none, three}, {three, two, one}} {
		for _, more := range []string{"", `,"ConsistentRead":true`, `,"ConsistentRead":false`} {
			body := getBooks(more, keys...)
			r.must(ddb.BatchGetItem, body)
			plain := r.expect(Hit, ddb.BatchGetItem, body)
			other := r.expect(Hit, ddb.BatchGetItem, strings.TrimSuffix(body, "}")+`,"ReturnConsumedCapacity":"NONE"}`)
			if plain.body != other.body || plain.hits != len(keys) || other.hits != len(keys) {
				t.Errorf("%s\nis answered with %s (%d hits), decoded with %s (%d hits)", body, plain.body, plain.hits, other.body, other.hits)
			}
		}
	}
}

// What a plain batch finds out before its first miss is neither read nor counted again.
func TestPlainBatchGoesOnFromItsHits(t *testing.T) {
	t.Parallel()
	var rec *recorder
	r := newRig(t, rigOptions{wrap: recorded(&rec)})
	r.must(ddb.CreateTable, bookTable)
	for _, title := range []string{"1", "2", "3", "4"} {
		r.putBook("a", title, "g", 1, "n")
	}
	r.forget()
	keys := []string{bookKey("a", "1"), bookKey("a", "none"), bookKey("a", "2"), bookKey("a", "3"), bookKey("a", "4")}
	want := r.must(ddb.BatchGetItem, getBooks("", keys...))
	r.forget()
	for _, key := range []string{"1", "none", "2", "4"} {
		r.must(ddb.GetItem, getBook("a", key, ""))
	}
	rec.reads = nil
	before := r.store.Core().Stats()
	got := r.expect(Partial, ddb.BatchGetItem, getBooks("", keys...))
	if after := r.store.Core().Stats(); got.body != want.body || got.hits != 4 || after.Hits-before.Hits != 4 || len(rec.reads) != 1 {
		t.Errorf("got %s with %d hits, %d counted, %d backend reads; want %s with 4, 4, 1", got.body, got.hits, after.Hits-before.Hits, len(rec.reads), want.body)
	}
}

// FuzzScanBatch holds the scanner of BatchGetItem to the decoder, as FuzzScanGetItem does the other.
func FuzzScanBatch(f *testing.F) {
	for _, seed := range []string{
		`{"RequestItems":{"t":{"Keys":[{"h":{"S":"x"},"n":{"N":"1"}},{"n":{"N":"2"},"h":{"S":"x"}}],"ConsistentRead":true}}}`,
		`{"RequestItems": {"t": {"ConsistentRead": false, "Keys": [{"h":{"S":"é"},"n":{"N":"-7"}}]}}}`,
		`{"RequestItems":{"t":{"Keys":[{"h":{"S":"x"},"n":{"N":"1"}},{"h":{"S":"x"},"n":{"N":"1"}}]}}}`,
		`{"RequestItems":{"t":{"Keys":[]}}}`,
		`"RequestItems":{"t":{"Keys":[{"h":{"S":"x"},"n":{"N":"1"}}]}}}`,
		`{"RequestItems":{"t":{"Keys":[{"h":{"S":"x"},"n":{"N":"1"}}]},"t":{"Keys":[{"h":{"S":"x"},"n":{"N":"2"}}]}}}`,
	} {
		f.Add([]byte(seed))
	}
	s := scanSchema()
	s.Settings.Items = true
	f.Fuzz(func(t *testing.T, body []byte) {
		var g scannedBatch
		if !g.scan(body, func([]byte) *cache.Schema { return s }) {
			return
		}
		req := ddb.NewRequest(ddb.BatchGetItem, body)
		in, err := ddb.InputAs[ddb.BatchGetItemInput](req)
		if err != nil {
			// A table by a name that no table can have is not known.
			if nameFault(string(g.table)) || len(g.table) == 0 {
				return
			}
			t.Fatalf("%q: the decoder says %v", body, err)
		}
		if req.Partial() {
			t.Fatalf("%q says more than the scanner understands", body)
		}
		part, ok := in.RequestItems[string(g.table)]
		if !ok || len(in.RequestItems) != 1 || len(part.Keys) != g.count || isTrue(part.ConsistentRead) != g.strong ||
			part.ProjectionExpression != nil || part.AttributesToGet != nil || part.ExpressionAttributeNames != nil || in.ReturnConsumedCapacity != nil {
			t.Fatalf("%q: the decoder reads %+v", body, in)
		}
		seen := map[string]bool{}
		for i, key := range part.Keys {
			want, ok := s.AppendKey(nil, key)
			if !ok || string(want) != string(g.key(i)) || seen[string(want)] {
				t.Fatalf("%q: key %d is %x, the decoder's is %x (%v), there before: %v", body, i, g.key(i), want, ok, seen[string(want)])
			}
			seen[string(want)] = true
		}
	})
}
