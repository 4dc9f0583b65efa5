package verify

import (
	"context"
	"testing"
	"time"
)

// A row sends no more than its budgets hold, reads by the requests that each takes, and ends when one is used up.
func TestRowsKeepToTheirBudgets(t *testing.T) {
	t.Parallel()
	f := func(what string, act func(context.Context, *driver, *group) bool, want int) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		d := &driver{p: &prober{begun: time.Now()}, row: &row{name: what}, stop: stop}
		d.reads.Store(7)
		d.writes.Store(3)
		g, done := d.newGroup(0), 0
		for range 10 {
			if act(ctx, d, g) {
				done++
			}
		}
		if done != want || ctx.Err() == nil {
			t.Errorf("%s: %d succeed and the row's context has the error %v, want %d and one", what, done, ctx.Err(), want)
		}
		if n := d.errors.Load(); n != 0 {
			t.Errorf("%s: the end of a budget counts as %d errors, want none", what, n)
		}
	}
	read := readShape{name: "Query", requests: 2, send: func(context.Context, *endpoint, string, string, []int) (map[int]int, error) { return nil, nil }}
	f("reads", func(ctx context.Context, d *driver, g *group) bool {
		_, ok := d.read(ctx, "client", nil, g, read, 0)
		return ok
	}, 3)
	write := writeShape{name: "PutItem", items: 1, send: func(context.Context, *endpoint, string, string, []int, []int) error { return nil }}
	f("writes", func(ctx context.Context, d *driver, g *group) bool {
		return d.write(ctx, "client", g, write, []int{0})
	}, 3)
}
