package proxy

import (
	"testing"

	"millrace/cache"
	"millrace/ddb"
)

func TestEveryOperationHasARoute(t *testing.T) {
	t.Parallel()
	for op := range ddb.NumOperations {
		if routes[op].serve == nil {
			t.Errorf("%v has no route", op)
		}
	}
}

func TestResultsHaveTheirWords(t *testing.T) {
	t.Parallel()
	for r := range NumResults {
		if r.String() == "" {
			t.Errorf("result %d has no word", r)
		}
	}
}

func TestWithoutCachesEverythingIsForwarded(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{store: cache.Config{Tables: map[string]cache.TableConfig{"*": {Cache: cache.Off}}}})
	r.proxy = New(Config{}, r.guard, nil)
	r.must(ddb.CreateTable, bookTable)
	r.putBook("a", "t", "g", 1, "n")
	for range 2 {
		r.expect(Forward, ddb.GetItem, getBook("a", "t", ""))
		r.expect(Forward, ddb.Scan, `{"TableName":"books"}`)
	}
}
