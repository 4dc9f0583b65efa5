package proxy

import (
	"fmt"
	"strings"
	"testing"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/ddb"
)

// What a forwarded request is answered with goes back to the backend at once, and is spoilt here (see poisoner). Nothing of it is left
// in the caches: not what mode observe has filled them with, of pages that they copy and of those that they keep as they lie, nor what a
// write has told of its item.
func TestNothingIsKeptOfForwardedAnswers(t *testing.T) {
	t.Parallel()
	for _, observe := range []bool{false, true} {
		r := bookRig(t, rigOptions{remote: true, config: Config{Observe: observe, StaleIfError: true},
			wrap: func(e *engine.Engine) backendLike { return &remoteLike{Engine: e} }})
		for i := range 20 {
			r.putBook("small", fmt.Sprint(i), "g", 1990, "note")
			r.putBook("huge", fmt.Sprint(i), "g", 1990, strings.Repeat("note ", 1500))
		}
		r.forget()
		stored := 0
		for _, author := range []string{"small", "huge"} {
			query := queryBooks(author, "author=:a", "", "")
			key := fmt.Sprintf(`"Key":{"author":{"S":%q},"title":{"S":"1"}}`, author)
			for i, write := range []struct {
				op   ddb.Operation
				body string
			}{
				{ddb.PutItem, `{"TableName":"books","ReturnValues":"ALL_OLD","Item":` + book(author, "1", "h", 1991, "other") + `}`},
				{ddb.UpdateItem, `{"TableName":"books",` + key + `,"UpdateExpression":"SET note=:n","ExpressionAttributeValues":{":n":{"S":"new"}},"ReturnValues":"ALL_NEW"}`},
				{ddb.UpdateItem, `{"TableName":"books",` + key + `,"UpdateExpression":"SET note=:n","ExpressionAttributeValues":{":n":{"S":"newer"}}}`},
				{ddb.ExecuteStatement, fmt.Sprintf(`{"Statement":"UPDATE books SET note='s' WHERE author='%s' AND title='1' RETURNING ALL NEW *"}`, author)},
				{ddb.TransactGetItems, `{"TransactItems":[{"Get":{"TableName":"books",` + key + `}}]}`},
				{ddb.DeleteItem, `{"TableName":"books",` + key + `,"ReturnValues":"ALL_OLD"}`},
			} {
				for range 2 {
					r.must(write.op, write.body)
					for i := range 4 {
						strong := ""
						if i%2 == 0 { // which mode observe stores soon after a write
							strong = `,"ConsistentRead":true`
						}
						r.same(ddb.GetItem, getBook(author, "1", strong))
						r.same(ddb.Query, queryBooks(author, "author=:a", "", strong))
						r.same(ddb.BatchGetItem, getBooks("", bookKey(author, "1"), bookKey(author, "2")))
					}
				}
				stored += r.cachedAsIs(i, query)
			}
		}
		if stored == 0 {
			t.Errorf("observe is %v: no page was stored, so nothing was tried", observe)
		}
	}
}

// cachedAsIs looks up the page that a Query asks for without a read, holds it against the engine's, and tells whether there was one.
func (r *rig) cachedAsIs(i int, query string) int {
	r.t.Helper()
	req := ddb.NewRequest(ddb.Query, []byte(query))
	q, ok := r.proxy.newQuery(r.t.Context(), req)
	if !ok {
		r.t.Fatalf("%s was not understood", query)
	}
	got, ok := r.store.Pages().Stale(q.schema, q.key, q.settings, cache.Lookup{}, nil)
	if !ok {
		return 0
	}
	if want := r.bare(ddb.Query, query).body; !samePage(got.Body, []byte(want)) {
		r.t.Errorf("after write %d the page cached of %s is %.80s, want %.80s", i, query, got.Body, want)
	}
	return 1
}
