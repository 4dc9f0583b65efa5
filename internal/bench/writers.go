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

// What the writers part runs with.
const (
	// pacedWriters write pacedRate items a second among them, whatever else goes on.
	pacedWriters, pacedRate = 32, 1000
	// standingItems are in the table that is scanned and gets an index.
	standingItems = 100_000
	// expiringItems run out in every round.
	expiringItems = 50_000
	// longestWork bounds the time given to a scan, an expiry or a backfill.
	longestWork = 15 * time.Second
)

// writersPart measures writers' latency, at a fixed rate, while a table is scanned, while items expire and while an
// index is filled, beside the same writers alone.
type writersPart struct {
	s      *settings
	got    samples
	server *server
	load   *loader
	loop   *loop
	source *source
	next   uint64
}

// newWritersPart makes the part.
func newWritersPart(s *settings) *writersPart {
	return &writersPart{s: s, got: samples{}, source: newSource(0)}
}

// setUp fills the standing table.
func (p *writersPart) setUp(ctx context.Context) (err error) {
	if p.server, err = startServer(ctx, p.s.binary, filepath.Join(p.s.dir, "writers")); err != nil {
		return err
	}
	if p.load, err = newLoader(p.server.endpoint); err != nil {
		return err
	}
	if p.loop, err = newLoop(false); err != nil {
		return err
	}
	if err := p.load.table(ctx, createTable("standing", false)); err != nil {
		return err
	}
	return p.load.batches(ctx, 0, standingItems, func(n int) string { return batchPut("standing", n, `,"g":{"S":"group"}`) })
}

// tearDown stops the server.
func (p *writersPart) tearDown() (err error) {
	if p.load != nil {
		p.load.close()
	}
	if p.server != nil {
		err = p.server.stop()
	}
	if p.loop != nil {
		err = errors.Join(err, p.loop.close())
	}
	return err
}

// round measures writers alone and beside each of the three.
func (p *writersPart) round(ctx context.Context, number int) error {
	expiring := fmt.Sprintf("expiring-%d", number)
	if err := p.load.table(ctx, createTable(expiring, false)); err != nil {
		return err
	}
	past := fmt.Sprintf(`,"t":{"N":"%d"}`, time.Now().Add(-time.Hour).Unix())
	if err := p.load.batches(ctx, 0, expiringItems, func(n int) string { return batchPut(expiring, n, past) }); err != nil {
		return err
	}
	err := alternate(number, func() error {
		return p.beside(ctx, "alone", "standing", func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}, p.s.span)
	}, func() error {
		return p.beside(ctx, "scan", "standing", func(ctx context.Context) error { return p.scan("standing") }, longestWork)
	}, func() error {
		return p.beside(ctx, "expiry", expiring, func(ctx context.Context) error { return p.expire(ctx, expiring) }, longestWork)
	}, func() error {
		return p.beside(ctx, "backfill", "standing", func(ctx context.Context) error { return p.backfill(ctx, number) }, longestWork)
	})
	if err != nil {
		return err
	}
	_, err = p.load.call("DeleteTable", fmt.Sprintf(`{"TableName":%q}`, expiring))
	return err
}

// beside lets the writers write to table while work is done, and no longer, so that what it does to them is not
// thinned. Work that does not end within the limit is an error, unless it waits for just that.
func (p *writersPart) beside(ctx context.Context, name, table string, work func(ctx context.Context) error, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	worked := make(chan error, 1)
	start := time.Now()
	go func() {
		worked <- work(ctx)
		cancel()
	}()
	put := newTemplate("PutItem", putBody(table))
	f := &fleet{loop: p.loop, whole: httpWhole("", func(_ int, body []byte) bool { return string(body) == "{}" }), next: func() (int, []byte) {
		// Half of the writes replace items that the scan and the backfill come by, half add new ones: keys beyond
		// standingItems are used by nobody else.
		p.next++
		key := p.next / 2
		if p.next%2 == 0 {
			key %= standingItems
		} else {
			key += standingItems + expiringItems
		}
		return 0, put.fill(p.source, key, 0)
	}}
	o, err := f.drive(ctx, p.server.endpoint, pacedWriters, load{span: limit, rate: pacedRate})
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // what the writers were beside has ended
	}
	cancel()
	if err := errors.Join(err, <-worked); err != nil {
		return fmt.Errorf("beside %s: %w", name, err)
	}
	p.got.add(name, millis(o.quantile(0.99)))
	p.got.add(name+" longest", millis(o.quantile(1)))
	p.got.add(name+" seconds", time.Since(start).Seconds())
	return nil
}

// scan reads all pages of a table, three times over.
func (p *writersPart) scan(table string) error {
	for range 3 {
		items, start := 0, ""
		for {
			page, err := p.load.call("Scan", fmt.Sprintf(`{"TableName":%q%s}`, table, start))
			if err != nil {
				return err
			}
			items += strings.Count(page, `"pk":`)
			// Keys hold no braces: what follows the name up to the second closing one is the key.
			at := strings.LastIndex(page, `"LastEvaluatedKey":`)
			if at < 0 {
				break
			}
			key := page[at+len(`"LastEvaluatedKey":`):]
			end := strings.Index(key, "}}")
			if end < 0 {
				return fmt.Errorf("page ends with %.100q", key)
			}
			items--
			start = `,"ExclusiveStartKey":` + key[:end+2]
		}
		if items < standingItems {
			return fmt.Errorf("scan saw %d items of %d", items, standingItems)
		}
	}
	return nil
}

// expire switches time to live on and waits until the store has nothing left that ran out.
func (p *writersPart) expire(ctx context.Context, table string) error {
	_, err := p.load.call("UpdateTimeToLive", fmt.Sprintf(
		`{"TableName":%q,"TimeToLiveSpecification":{"Enabled":true,"AttributeName":"t"}}`, table))
	if err != nil {
		return err
	}
	// Writers may have replaced items that would have expired, so it is the items that are asked for.
	query := fmt.Sprintf(`{"TableName":%q,"Limit":2000,"FilterExpression":"attribute_exists(t)","Select":"COUNT"}`, table)
	for {
		page, err := p.load.call("Scan", query)
		if err != nil {
			return err
		}
		if strings.Contains(page, `"Count":0`) {
			return nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("items expire: %w", err)
		}
	}
}

// backfill adds an index, waits until it is filled, and takes it away.
func (p *writersPart) backfill(ctx context.Context, number int) error {
	index := fmt.Sprintf("filled-%d", number)
	_, err := p.load.call("UpdateTable", fmt.Sprintf(`{"TableName":"standing","AttributeDefinitions":[{"AttributeName":"g","AttributeType":"S"},`+
		`{"AttributeName":"pk","AttributeType":"S"}],"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":%q,"KeySchema":[`+
		`{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"pk","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}}]}`, index))
	if err != nil {
		return err
	}
	if err := p.load.active(ctx, "standing"); err != nil {
		return fmt.Errorf("index is filled: %w", err)
	}
	_, err = p.load.call("UpdateTable", fmt.Sprintf(`{"TableName":"standing","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":%q}}]}`, index))
	if err != nil {
		return err
	}
	return p.load.active(ctx, "standing")
}

// table makes a table and waits for it.
func (l *loader) table(ctx context.Context, body string) error {
	if _, err := l.call("CreateTable", body); err != nil {
		return err
	}
	_, name, _ := strings.Cut(body, `"TableName":"`)
	name, _, _ = strings.Cut(name, `"`)
	return l.active(ctx, name)
}

// drop deletes a table if there is one and waits until it has gone.
func (l *loader) drop(ctx context.Context, table string) error {
	name := fmt.Sprintf(`{"TableName":%q}`, table)
	for {
		_, err := l.call("DeleteTable", name)
		switch {
		case err == nil, strings.Contains(err.Error(), "ResourceInUseException"):
		case strings.Contains(err.Error(), "ResourceNotFoundException"):
			return nil
		default:
			return err
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// active waits until neither the table nor one of its indexes is on its way to another state.
func (l *loader) active(ctx context.Context, table string) error {
	for {
		description, err := l.call("DescribeTable", fmt.Sprintf(`{"TableName":%q}`, table))
		if err != nil {
			return err
		}
		if !strings.Contains(description, `"CREATING"`) && !strings.Contains(description, `"UPDATING"`) && !strings.Contains(description, `"DELETING"`) {
			return nil
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// wait passes some time, unless ctx ends before.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// report prints the ratios. What else runs takes CPU from writers on a machine of few cores; what it must not do is
// make them wait for its end, which the longest wait against its duration tells.
func (p *writersPart) report(out io.Writer) {
	fmt.Fprintf(out, "writers at %d a second while something else runs, latency from when each put was due\n", pacedRate)
	for _, work := range []string{"scan", "expiry", "backfill"} {
		row(out, "p99 beside "+work+" ÷ p99 alone", p.got.over(work, "alone"), "")
		row(out, "  the longest wait ÷ the duration of the "+work, p.perSecond(work), "")
	}
	row(out, "p99 alone, ms", p.got["alone"], "")
}

// perSecond is the share of work's duration that the writer who waited longest waited.
func (p *writersPart) perSecond(work string) []float64 {
	var shares []float64
	for i, longest := range p.got[work+" longest"] {
		shares = append(shares, longest/1000/p.got[work+" seconds"][i])
	}
	return shares
}
