package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"millrace/ddb"
)

// loaders is how many connections fill tables.
const loaders = 8

// loadBatch is how many items go into one BatchWriteItem. (API Reference, BatchWriteItem: at most 25.)
const loadBatch = 25

// stock is what a schedule's tables hold at first.
type stock struct {
	tables []*tableDef
	// items is how many there are, put appends the ith as JSON and names its table. It is called by many goroutines, each
	// with a writer of its own.
	items int
	put   func(w *writer, dst []byte, i int) (item []byte, table string)
}

// stock is what a mix begins with.
func (m *mix) stock(seed uint64, now int64) stock {
	total := 0
	for _, k := range m.kinds {
		total += k.count()
	}
	return stock{tables: m.tables, items: total, put: func(w *writer, dst []byte, i int) ([]byte, string) {
		for _, k := range m.kinds {
			if i < k.count() {
				return w.initial(dst, k, seed, i, now), k.table.name
			}
			i -= k.count()
		}
		panic("an item beyond the last")
	}}
}

// load puts the stock's items through target. progress hears how many are done.
func (s stock) load(ctx context.Context, target *rawTarget, fill []byte, progress func(done int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range loaders {
		wg.Go(func() {
			c := newControl(target)
			defer c.close()
			w := newWriter(fill)
			for {
				from := int(next.Add(loadBatch) - loadBatch)
				if from >= s.items || ctx.Err() != nil {
					return
				}
				to := min(from+loadBatch, s.items)
				if err := s.loadSome(ctx, c, w, from, to); err != nil {
					cancel(err)
					return
				}
				progress(int(done.Add(int64(to - from))))
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("load items: %w", context.Cause(ctx))
	}
	return nil
}

// loadSome puts the items numbered from to to in one batch.
func (s stock) loadSome(ctx context.Context, c *control, w *writer, from, to int) error {
	tables := map[string][]byte{}
	for i := from; i < to; i++ {
		item, table := s.put(w, nil, i)
		b := tables[table]
		if len(b) > 0 {
			b = append(b, ',')
		}
		tables[table] = append(append(append(b, `{"PutRequest":{"Item":`...), item...), `}}`...)
	}
	var parts []string
	for _, table := range sortedKeys(tables) {
		parts = append(parts, fmt.Sprintf(`"%s":[%s]`, table, tables[table]))
	}
	wanted := []byte("{" + strings.Join(parts, ",") + "}")
	for try := 0; ; try++ {
		answer, err := c.call(ctx, ddb.BatchWriteItem, fmt.Appendf(nil, `{"RequestItems":%s}`, wanted))
		if err != nil {
			return err
		}
		if !bytes.Contains(answer, []byte(`"UnprocessedItems":{"`)) {
			return nil
		}
		var left struct{ UnprocessedItems json.RawMessage }
		if err := json.Unmarshal(answer, &left); err != nil {
			return fmt.Errorf("decode answer of BatchWriteItem: %w", err)
		}
		wanted = left.UnprocessedItems
		if err := pause(ctx, backoff(try)); err != nil {
			return err
		}
	}
}
