package engine

import (
	"fmt"

	"millrace/ddb"
)

// While one batch is on its way to the disk those behind it are applied, so that the next sync, which Pebble begins by itself,
// takes all of them along: the disk, which takes most of a write's time, is not kept waiting for the CPU, nor the other
// way round. Only acknowledging stays one after the other.

// maxAhead bounds how many groups are applied and not durable. With gatherWrites to a group that is more writes than there
// are at once; beyond it they gather.
const maxAhead = 64

// commitGroup is a batch that was applied, and those who wait for it.
type commitGroup struct {
	batch *batch
	// view is the store and the catalog right after the batch; nil if there was nothing to write, or it failed.
	view *view
	// err is why the batch could not be applied. It leaves the outcome open.
	err error
	// changes and tables are for the hooks.
	changes []ddb.Change
	tables  []tableName
	// Refusals are answered with the rest: what refused a request may be another of the group, or of one before it,
	// which is not durable yet.
	admitted, refused []*commitRequest
}

// acknowledge has g made durable, published and answered: by the goroutine that waits for syncs, or at once if there is
// nothing to wait for.
func (c *committer) acknowledge(g *commitGroup) {
	if c.sync {
		c.mu.Lock()
		c.ahead++
		c.mu.Unlock()
		c.applied <- g
		return
	}
	c.complete(g)
}

// acknowledgeAll is the goroutine that waits for syncs.
func (c *committer) acknowledgeAll() {
	defer close(c.quit)
	for g := range c.applied {
		if g.view != nil {
			g.err = c.store.synced(g.batch)
		}
		c.durable()
		c.complete(g)
	}
}

// durable has what waits applied: the sync under way now does not take it along, and the next begins when that ends.
func (c *committer) durable() {
	c.mu.Lock()
	c.ahead--
	c.due = true
	waiting := len(c.waiting) > 0
	c.mu.Unlock()
	if waiting {
		c.poke()
	}
}

// finish ends what follows the goroutine that applies.
func (c *committer) finish() {
	if c.sync {
		close(c.applied)
		return
	}
	close(c.quit)
}

// complete publishes g, which is as durable as Durability promises, and answers its requests.
func (c *committer) complete(g *commitGroup) {
	defer g.batch.release()
	if g.err != nil {
		if g.view != nil {
			g.view.release()
		}
		err := fmt.Errorf("commit: %w", g.err)
		c.answer(g.refused, err)
		c.answer(g.admitted, err)
		return
	}
	if g.view != nil {
		if len(g.changes) > 0 {
			c.hooks.Pending(g.changes)
		}
		for _, t := range g.tables {
			c.hooks.TablesChanging(t.scope, t.name)
		}
		c.publish(g.view)
		if len(g.changes) > 0 {
			c.hooks.Settled(g.changes)
		}
		for _, t := range g.tables {
			c.hooks.TablesChanged(t.scope, t.name)
		}
	}
	c.answer(g.refused, nil)
	c.answer(g.admitted, nil)
}

// answer tells the requests their outcome and gives their memory back. An err is the outcome of all; without one those
// that were refused hear why.
func (c *committer) answer(group []*commitRequest, err error) {
	for _, req := range group {
		req.ready.batch.release()
		if err == nil {
			req.done <- req.refused
			continue
		}
		req.done <- err
	}
}
