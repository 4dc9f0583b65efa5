package gosdk

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/guregu/dynamo/v2"
)

// visit is a record of the table that the tests of guregu/dynamo use.
type visit struct {
	Page  string `dynamo:",hash" index:"ByUser,range"`
	At    int    `dynamo:",range"`
	User  string `index:"ByUser,hash"`
	Count int
	Tags  []string `dynamo:",set,omitempty"`
}

// visits makes the table by guregu/dynamo itself.
func visits(t *testing.T, name string) (*dynamo.DB, dynamo.Table) {
	t.Helper()
	db := dynamo.NewFromIface(newClient(t))
	resume := shared.pause()
	defer resume()
	if err := db.CreateTable(name, visit{}).OnDemand(true).Wait(t.Context()); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	table := db.Table(name)
	t.Cleanup(func() {
		defer shared.pause()()
		if err := table.DeleteTable().Wait(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("delete %s: %v", name, err)
		}
	})
	return db, table
}

func TestGureguWritesAreSeenByTheNextRead(t *testing.T) {
	_, table := visits(t, "GureguWrites")
	one := func() (visit, error) {
		var got visit
		err := table.Get("Page", "/").Range("At", dynamo.Equal, 1).One(t.Context(), &got)
		return got, err
	}
	if _, err := one(); !errors.Is(err, dynamo.ErrNotFound) {
		t.Fatalf("get before the put: %v, want ErrNotFound", err)
	}
	want := visit{Page: "/", At: 1, User: "ada", Count: 1, Tags: []string{"x", "y"}}
	if err := table.Put(want).If("attribute_not_exists($)", "Page").Run(t.Context()); err != nil {
		t.Fatalf("put: %v", err)
	}
	for range 2 {
		got, err := one()
		if err != nil {
			t.Fatalf("get: %v", err)
		}
		equal(t, "visit", got, want)
	}
	if err := table.Put(want).If("attribute_not_exists($)", "Page").Run(t.Context()); !dynamo.IsCondCheckFailed(err) {
		t.Errorf("second put: %v, want a failed condition", err)
	}
	var updated visit
	if err := table.Update("Page", "/").Range("At", 1).Add("Count", 2).DeleteStringsFromSet("Tags", "x").Value(t.Context(), &updated); err != nil {
		t.Fatalf("update: %v", err)
	}
	want.Count, want.Tags = 3, []string{"y"}
	got, err := one()
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	equal(t, "updated visit", updated, want)
	equal(t, "visit after update", got, want)
	if err := table.Delete("Page", "/").Range("At", 1).Run(t.Context()); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if _, err := one(); !errors.Is(err, dynamo.ErrNotFound) {
		t.Errorf("get after the delete: %v, want ErrNotFound", err)
	}
}

func TestGureguQueriesBatchesAndTransactions(t *testing.T) {
	db, table := visits(t, "GureguReads")
	var all []any
	for i := range 30 {
		all = append(all, visit{Page: "/", At: i, User: fmt.Sprintf("u%d", i%3), Count: i})
	}
	if wrote, err := table.Batch("Page", "At").Write().Put(all...).Run(t.Context()); wrote != len(all) || err != nil {
		t.Fatalf("batch write: %d, %v", wrote, err)
	}
	counts := func(q *dynamo.Query) []int {
		t.Helper()
		var found []visit
		if err := q.All(t.Context(), &found); err != nil {
			t.Fatalf("query: %v", err)
		}
		var out []int
		for _, v := range found {
			out = append(out, v.Count)
		}
		return out
	}
	for range 2 {
		equal(t, "range", counts(table.Get("Page", "/").Range("At", dynamo.Between, 4, 6)), []int{4, 5, 6})
		equal(t, "backwards", counts(table.Get("Page", "/").Order(dynamo.Descending).Limit(3)), []int{29, 28, 27})
		equal(t, "index with a filter", len(counts(table.Get("User", "u1").Index("ByUser").Filter("'Count' > ?", 20))), 3)
		var got []visit
		keys := []dynamo.Keyed{dynamo.Keys{"/", 3}, dynamo.Keys{"/", 4}, dynamo.Keys{"/", 99}}
		if err := table.Batch("Page", "At").Get(keys...).All(t.Context(), &got); err != nil {
			t.Fatalf("batch get: %v", err)
		}
		equal(t, "batch", len(got), 2)
	}
	tx := db.WriteTx().Put(table.Put(visit{Page: "/", At: 30, User: "u1", Count: 30})).Delete(table.Delete("Page", "/").Range("At", 0))
	if err := tx.Run(t.Context()); err != nil {
		t.Fatalf("transaction: %v", err)
	}
	equal(t, "ends", []int{counts(table.Get("Page", "/").Limit(1))[0], counts(table.Get("Page", "/").Order(dynamo.Descending).Limit(1))[0]}, []int{1, 30})
	n, err := table.Scan().Count(t.Context())
	if err != nil || n != 30 {
		t.Errorf("scan counts %d, %v, want 30", n, err)
	}
}
