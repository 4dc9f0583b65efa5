package engine

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"millrace/ddb"
)

func TestManyDeletesMakeATableDueForCompaction(t *testing.T) {
	t.Parallel()
	g := newGarbage()
	// Too few to be felt.
	g.add(1, garbageFloor-1, 0)
	if table, due := g.take(); due {
		t.Fatalf("table %d is due after %d deletes", table, garbageFloor-1)
	}
	// Enough, but the table has more items still: a scan has its own work to do.
	g.add(1, 1, 10*garbageFloor)
	if _, due := g.take(); due {
		t.Error("a table is due whose items outnumber its deletes")
	}
	g.add(1, 9*garbageFloor, 10*garbageFloor)
	if table, due := g.take(); !due || table != 1 {
		t.Errorf("take = %d, %v, want table 1", table, due)
	}
	// The count begins anew.
	g.add(1, garbageFloor-1, 0)
	if _, due := g.take(); due {
		t.Error("deletes were counted twice")
	}
}

func TestDeletedItemsAreNotSteppedOverForLong(t *testing.T) {
	t.Parallel()
	// #176: what one scan of the last items steps over, in the store's own count, is a small multiple of the items.
	h := newHarness(t)
	h.answer(ddb.CreateTable, churnTable)
	const total, left = 12_000, 100
	fillTable(t, h.e, total)
	deleteItems(t, h.e, total-left)
	for {
		table, due := h.e.committer.garbage.take()
		if !due {
			break
		}
		if err := h.e.compactTable(t.Context(), table); err != nil {
			t.Fatal(err)
		}
	}
	// A store of one file on disk is cleared by Pebble by itself once it lies at the bottom, soon after.
	for {
		n, steps := countSteps(t, h.e)
		if n != left {
			t.Fatalf("scan found %d items, want %d", n, left)
		}
		if steps <= 2*garbageFloor+2*left {
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("scan of %d items takes %d steps", n, steps)
		}
	}
}

// countSteps scans churn and returns the number of items and of the store's own steps.
func countSteps(t *testing.T, e *Engine) (items, steps int) {
	t.Helper()
	v := e.acquireView()
	defer v.release()
	tab, _ := v.table("", "churn")
	c, err := v.scan(tab, nil, nil, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for c.next() {
		items++
	}
	stats := c.it.Stats()
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	return items, stats.ForwardStepCount[pebble.InternalIterCall]
}

// fillTable puts n small items into churn.
func fillTable(t testing.TB, e *Engine, n int) {
	t.Helper()
	change(t, e, n, func(tab *table, key ddb.Item) mutation {
		return mutation{table: tab, key: key, new: key.With("v", ddb.StringValue("some value of moderate length")), hasNew: true}
	})
}

// deleteItems deletes the first n of them.
func deleteItems(t testing.TB, e *Engine, n int) {
	t.Helper()
	change(t, e, n, func(tab *table, key ddb.Item) mutation {
		return mutation{table: tab, key: key, old: key.With("v", ddb.StringValue("some value of moderate length")), hadOld: true}
	})
}

// change commits mutations of n items in batches of 100.
func change(t testing.TB, e *Engine, n int, f func(*table, ddb.Item) mutation) {
	t.Helper()
	for i := 0; i < n; i += 100 {
		err := e.write(t.Context(), "", nil, func(v *view) ([]mutation, error) {
			tab, notFound := v.table("", "churn")
			if notFound != nil {
				return nil, notFound
			}
			var ms []mutation
			for j := i; j < min(i+100, n); j++ {
				ms = append(ms, f(tab, ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue(fmt.Sprintf("item-%06d", j))})))
			}
			return ms, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
