package engine

import (
	"context"
	"errors"
	"sync"
)

// What a delete leaves behind is stepped over by every scan until the store compacts it away. Pebble does that when
// tables on disk are dense with deletes, but not for what is still in memory or spread thin. So deletes are counted per
// table, and when there are as many as the table has items, and enough to be felt, its range is compacted. The price of
// a compaction is in proportion to what it reads, which is at most twice the deletes that paid for it and then some.
const garbageFloor = 1000

// garbage counts deleted keys by table and remembers the tables that are due for a compaction.
type garbage struct {
	// deleted belongs to the committer.
	deleted map[uint32]int64
	// wake has a token when due has grown.
	wake chan struct{}

	mu sync.Mutex

	due map[uint32]bool
}

// newGarbage starts counting.
func newGarbage() *garbage {
	return &garbage{deleted: make(map[uint32]int64), wake: make(chan struct{}, 1), due: make(map[uint32]bool)}
}

// noteGarbage counts the deletes of committed requests.
func (c *committer) noteGarbage(group []*commitRequest) {
	for _, req := range group {
		for _, d := range req.ready.counts {
			if d.deleted > 0 {
				c.garbage.add(d.id.table, int64(d.deleted), c.counters[counterID{d.id.table, baseIndex}].items)
			}
		}
	}
}

// add counts n deletes in a table that has so many items left.
func (g *garbage) add(table uint32, n, items int64) {
	g.deleted[table] += n
	if d := g.deleted[table]; d < garbageFloor || d < items {
		return
	}
	delete(g.deleted, table)
	g.mu.Lock()
	g.due[table] = true
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// take returns a table that is due.
func (g *garbage) take() (uint32, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for table := range g.due {
		delete(g.due, table)
		return table, true
	}
	return 0, false
}

// collect compacts tables that are due, one at a time, until ctx ends.
func (e *Engine) collect(ctx context.Context) error {
	g := e.committer.garbage
	for {
		table, ok := g.take()
		if !ok {
			select {
			case <-g.wake:
				continue
			case <-e.done:
				return errClosed
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := e.compactTable(ctx, table); err != nil {
			if errors.Is(err, errClosed) || ctx.Err() != nil {
				return err
			}
			// Scans stay slow, nothing else is wrong; Pebble's own compactions go on.
			e.cfg.Logger.Warn("compaction of deleted items failed", "error", err)
		}
	}
}

// compactTable drops the deleted keys of a table and its indexes.
func (e *Engine) compactTable(ctx context.Context, table uint32) error {
	if !e.enter() {
		return errClosed
	}
	defer e.gate.RUnlock()
	lower, upper := prefixRange(familyItem, table)
	return e.store.compact(ctx, lower, upper)
}
