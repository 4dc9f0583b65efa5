package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// What the deletes part runs with: the items left, those deleted around them, and the ratio that is allowed.
const (
	itemsLeft     = 1000
	itemsDeleted  = 100_000
	allowedAfter  = 2
	scansInARound = 20
)

// deletesPart measures a Scan of a table that most items were deleted from, beside one that never had more.
type deletesPart struct {
	s      *settings
	got    samples
	server *server
}

// newDeletesPart makes the part.
func newDeletesPart(s *settings) *deletesPart { return &deletesPart{s: s, got: samples{}} }

// setUp makes the fresh table. The other is made in every round: what is measured is the scan right after the deletes,
// and some time after.
func (p *deletesPart) setUp(ctx context.Context) (err error) {
	if p.server, err = startServer(ctx, p.s.binary, filepath.Join(p.s.dir, "deletes")); err != nil {
		return err
	}
	return p.with(func(l *loader) error {
		if err := l.table(ctx, createTable("fresh", false)); err != nil {
			return err
		}
		return l.batches(ctx, 0, itemsLeft, func(n int) string { return batchPut("fresh", n, "") })
	})
}

// with lends f a loader.
func (p *deletesPart) with(f func(l *loader) error) error {
	l, err := newLoader(p.server.endpoint)
	if err != nil {
		return err
	}
	defer l.close()
	return f(l)
}

// tearDown stops the server.
func (p *deletesPart) tearDown() error {
	if p.server == nil {
		return nil
	}
	return p.server.stop()
}

// settleTime is how long after the deletes the second look is.
const settleTime = 3 * time.Second

// round makes and empties a table and scans both.
func (p *deletesPart) round(ctx context.Context, number int) error {
	table := fmt.Sprintf("emptied-%d", number)
	return p.with(func(l *loader) error {
		if err := l.table(ctx, createTable(table, false)); err != nil {
			return err
		}
		// Keys of growing numbers are in no order, so that what is left lies among what goes.
		if err := l.batches(ctx, 0, itemsLeft+itemsDeleted, func(n int) string { return batchPut(table, n, "") }); err != nil {
			return err
		}
		if err := l.batches(ctx, itemsLeft, itemsLeft+itemsDeleted, func(n int) string { return batchDelete(table, n) }); err != nil {
			return err
		}
		if err := p.both(l.clients[0], number, table, "at once"); err != nil {
			return err
		}
		time.Sleep(settleTime)
		if err := p.both(l.clients[0], number, table, "later"); err != nil {
			return err
		}
		_, err := l.call("DeleteTable", fmt.Sprintf(`{"TableName":%q}`, table))
		return err
	})
}

// both scans the two tables over c.
func (p *deletesPart) both(c *client, number int, table, when string) error {
	f := func(table, name string) func() error {
		return func() error {
			var took []float64
			request := httpRequest("Scan", fmt.Sprintf(`{"ConsistentRead":true,"TableName":%q}`, table))
			for range scansInARound {
				start := time.Now()
				b, err := c.do(request)
				took = append(took, millis(time.Since(start)))
				if err != nil || !strings.Contains(string(b), fmt.Sprintf(`"Count":%d`, itemsLeft)) {
					return errors.Join(fmt.Errorf("scan of %s gave %d bytes, not %d items", table, len(b), itemsLeft), err)
				}
			}
			p.got.add(name+" "+when, median(took))
			p.got.add(name+" first "+when, took[0])
			return nil
		}
	}
	return alternate(number, f("fresh", "fresh"), f(table, "emptied"))
}

// report prints the ratios.
func (p *deletesPart) report(out io.Writer) {
	fmt.Fprintf(out, "scan of the %d items left after %d deletes ÷ of a table that never had more\n", itemsLeft, itemsDeleted)
	for _, when := range []string{"at once", "later"} {
		ratio := p.got.over("emptied "+when, "fresh "+when)
		row(out, when, ratio, atMost(ratio, allowedAfter))
	}
	row(out, "the very first scan after the deletes", p.got.over("emptied first at once", "fresh at once"), "")
}
