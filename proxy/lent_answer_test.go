package proxy

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"millrace/backend/engine"
	"millrace/ddb"
)

// Properties: whatever is answered from memory that a backend has lent, to who led the read, to all who joined it, and to those who hit
// what it brought, is what the backend would say; for items, for pages that the caches copy and for those that they keep as they lie;
// with replies that may be lent a page and with others. What the backend gets back is spoilt, see poisoner.
func TestLentAnswersGoBackUnread(t *testing.T) {
	t.Parallel()
	for _, lend := range []bool{false, true} {
		r := bookRig(t, rigOptions{remote: true, lend: lend, wrap: func(e *engine.Engine) backendLike { return &remoteLike{Engine: e} }})
		for i := range 20 {
			r.putBook("small", fmt.Sprint(i), "g", 1990, "note")
			r.putBook("large", fmt.Sprint(i), "g", 1990, strings.Repeat("note ", 500))
			r.putBook("huge", fmt.Sprint(i), "g", 1990, strings.Repeat("note ", 1500))
		}
		f := func(op ddb.Operation, body string) (results [NumResults]int) {
			t.Helper()
			want := r.bare(op, body).text()
			for range 30 {
				r.forget()
				var wg sync.WaitGroup
				var answers [8]answer
				for i := range answers {
					wg.Go(func() { answers[i] = r.do(op, body) })
				}
				wg.Wait()
				for _, a := range answers {
					if results[a.result]++; a.text() != want {
						t.Fatalf("%v %s (%v): got %s, want %s", op, body, a.result, a.text(), want)
					}
				}
			}
			return results
		}
		f(ddb.GetItem, getBook("small", "1", ""))
		f(ddb.GetItem, getBook("small", "1", `,"ProjectionExpression":"note"`))
		f(ddb.GetItem, getBook("none", "1", ""))
		f(ddb.Query, queryBooks("none", "author=:a", "", ""))
		shared := 0
		for _, author := range []string{"small", "large", "huge"} {
			for _, more := range []string{"", `,"Limit":3`, `,"ReturnConsumedCapacity":"TOTAL"`} {
				shared += f(ddb.Query, queryBooks(author, "author=:a", "", more))[Shared]
			}
			f(ddb.BatchGetItem, getBooks("", bookKey(author, "1"), bookKey(author, "2")))
		}
		// A busy machine may run one reader after another.
		for round := 0; shared == 0 && round < 100; round++ {
			shared += f(ddb.Query, queryBooks("large", "author=:a", "", ""))[Shared]
		}
		if shared == 0 {
			t.Error("nobody joined a read, so nothing was tried")
		}
	}
}
