package engine

import (
	"errors"
	"sync"
	"time"

	"millrace/ddb"
)

// errClosed is the answer to a write that comes after Close.
var errClosed = errors.New("engine is closed")

// maxGroupBytes is about the most that is written in one sync: enough to make the sync's price small, little enough
// that a large batch does not keep the small ones that came with it waiting.
const maxGroupBytes = 4 << 20

// CommitHooks hears of every commit, whoever made it: requests, time to live, background work. Pending is called
// before the batch can be read, Settled after, both with the same slice, in commit order, by one goroutine. Of a commit
// whose outcome is unknown nothing is heard: it is never read. TablesChanging is called when a table is about to be made,
// changed or deleted, and TablesChanged when every read sees that, before the request for it is answered; they come in
// pairs. None may block or call the engine.
//
// The items of a table that is being restored are not announced one by one: nobody reads the table before TablesChanged.
type CommitHooks interface {
	Pending([]ddb.Change)
	Settled([]ddb.Change)
	TablesChanging(scope, table string)
	TablesChanged(scope, table string)
}

// noHooks is used when Config has none.
type noHooks struct{}

// heard reports whether anybody hears of commits.
func (c *committer) heard() bool { return c.hooks != CommitHooks(noHooks{}) }

// Pending does nothing.
func (noHooks) Pending([]ddb.Change) {}

// Settled does nothing.
func (noHooks) Settled([]ddb.Change) {}

// TablesChanging does nothing.
func (noHooks) TablesChanging(string, string) {}

// TablesChanged does nothing.
func (noHooks) TablesChanged(string, string) {}

// commitRequest is one atomic write on its way through the committer.
type commitRequest struct {
	writes writeSet
	ready  *prepared
	// done has room for the one answer.
	done chan error
	// refused is why the committer did not take it, until that is told.
	refused error
}

// writeSet is what one request writes, all of it or nothing.
type writeSet struct {
	// mutations are of different items.
	mutations []mutation
	// records adds what is no item, such as an expiry queue's entries, in commit order: it is run by the committer
	// right before the mutations are added, and given the newest catalog. An error refuses the whole write set.
	records func(cat *catalog, b *batch) error
	// tables changes the catalog. It is given the newest one and adds the records to b; an error refuses the set.
	tables func(cat *catalog, b *batch) (*catalog, error)
	// changed is the table that tables changes. The zero value is none: nothing that readers see of a table changes.
	changed tableName
	// counts is what records and tables add to counters, beside what the mutations do.
	counts []counterChange
	// silent keeps the mutations from the hooks: they are of a table that nobody can read yet.
	silent bool
}

// mutation is the change of one item: from the image that was read under the item's lock to a new one. Equal images
// are allowed and write nothing.
type mutation struct {
	table  *table
	key    ddb.Item
	old    ddb.Item
	hadOld bool
	new    ddb.Item
	hasNew bool
	// expired marks a deletion by time to live.
	expired bool
}

// committer is the one goroutine that writes to the store. It takes all writes that wait, makes one batch of them and
// applies it; acknowledge.go has what follows when the batch is durable.
type committer struct {
	store *store
	hooks CommitHooks
	// sync is false when Durability is Async.
	sync    bool
	publish func(*view)
	// applied carries batches from the goroutine to the one that waits for their sync.
	applied chan *commitGroup
	// quit is closed when both goroutines have ended.
	quit chan struct{}

	// The fields up to mu belong to the goroutine. What is in them has been applied, not published.
	cat      *catalog
	counters map[counterID]counter
	garbage  *garbage
	streams  StreamConfig
	sequence sequencer
	heat     *heat

	mu sync.Mutex

	waiting []*commitRequest
	// ahead is how many groups were applied and are not durable yet; due is set when one has become so, until the next is
	// taken.
	ahead  int
	due    bool
	closed bool
	// wake has a token when waiting or closed changed.
	wake chan struct{}
}

// counterID names what a counter counts.
type counterID struct {
	table uint32
	index uint16
}

// counter is the number of items of a table, or of entries of an index, and the sum of their sizes in DynamoDB's
// units. It is exact in every view, which DynamoDB's own, refreshed about every six hours, is not.
// (API Reference, TableDescription: ItemCount.)
type counter struct{ items, bytes int64 }

// submit hands over a write and returns its outcome when it is known. Once called, the write is not withdrawn.
func (c *committer) submit(req *commitRequest) error {
	if req.done == nil {
		req.done = make(chan error, 1)
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return errClosed
	}
	c.waiting = append(c.waiting, req)
	ready := c.worthwhile()
	c.mu.Unlock()
	if ready {
		c.poke()
	}
	return <-req.done
}

// gatherWrites is how many writes are applied together while the disk is busy and one group is on its way to it and
// another is behind that: what a group costs beside its writes is then shared by some.
const gatherWrites = 16

// worthwhile reports whether what waits is to be applied now. It is when the next sync can take it along: as the first
// behind the sync under way; as a group of some size; or, whatever its size, because a sync has just ended and the next,
// which takes all that was applied, is under way. c.mu is held.
func (c *committer) worthwhile() bool {
	return c.ahead <= 1 || c.due || len(c.waiting) >= gatherWrites || c.closed
}

// poke wakes the goroutine.
func (c *committer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// close lets everything that waits be committed and ends the goroutine.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.poke()
	<-c.quit
}

// run is the goroutine. With window > 0 it makes unsynced commits durable that often.
func (c *committer) run(window time.Duration) {
	defer c.finish()
	var tick <-chan time.Time
	if window > 0 {
		t := time.NewTicker(window)
		defer t.Stop()
		tick = t.C
	}
	unsynced := false
	for {
		group, closed := c.take()
		if len(group) == 0 {
			if closed {
				return
			}
			select {
			case <-c.wake:
			case <-tick:
				if unsynced {
					unsynced = false
					// A failure has stopped the store and called onFatal: the next write reports it.
					_ = c.store.sync()
				}
			}
			continue
		}
		c.acknowledge(c.commit(group))
		unsynced = true
	}
}

// take removes the next group from the queue, if it is time for one.
func (c *committer) take() (group []*commitRequest, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.worthwhile() {
		return nil, false
	}
	c.due = false
	size := 0
	for i, req := range c.waiting {
		if size += req.ready.batch.size(); size > maxGroupBytes && i > 0 {
			group = c.waiting[:i:i]
			c.waiting = c.waiting[i:]
			return group, c.closed
		}
	}
	group, c.waiting = c.waiting, nil
	return group, c.closed
}

// commit applies a group's writes. The result is to be acknowledged.
func (c *committer) commit(group []*commitRequest) *commitGroup {
	g := &commitGroup{batch: c.store.newBatch(), admitted: group[:0]}
	cat := c.cat
	touched := make(map[counterID]counter)
	for _, req := range group {
		next, err := c.admit(req, cat, g.batch)
		if err != nil {
			req.refused = err
			g.refused = append(g.refused, req)
			continue
		}
		if next != cat {
			cat = next
			if req.writes.changed != (tableName{}) {
				g.tables = append(g.tables, req.writes.changed)
			}
		}
		for _, counts := range [][]counterChange{req.ready.counts, req.writes.counts} {
			for _, d := range counts {
				n, ok := touched[d.id]
				if !ok {
					n = c.counters[d.id]
				}
				touched[d.id] = counter{n.items + d.items, n.bytes + d.bytes}
			}
		}
		if !req.writes.silent {
			g.changes = append(g.changes, req.ready.changes...)
		}
		g.admitted = append(g.admitted, req)
	}
	if g.batch.empty() {
		return g
	}
	for id, n := range touched {
		// A table or index that was deleted in this group takes its counters with it.
		if !cat.counts(id) {
			delete(touched, id)
			continue
		}
		g.batch.set(counterKey(id.table, id.index), n.encode())
	}
	if g.err = c.store.apply(g.batch, c.sync); g.err != nil {
		return g
	}
	for id := range c.counters {
		if cat != c.cat && !cat.counts(id) {
			delete(c.counters, id)
		}
	}
	for id, n := range touched {
		c.counters[id] = n
	}
	c.cat = cat
	c.noteGarbage(g.admitted)
	g.view = newView(c.store.snapshot(), cat)
	return g
}

// admit adds a request's writes to b, or refuses it with b unchanged. The result is the catalog after it.
func (c *committer) admit(req *commitRequest, cat *catalog, b *batch) (*catalog, error) {
	// The table may have been changed or deleted since the request read it: an index that it did not know of must be
	// written as well, and nothing may be written to a table that is gone.
	for i := range req.writes.mutations {
		m := &req.writes.mutations[i]
		now := cat.byNumber[m.table.number]
		if now == nil {
			return nil, ddb.ResourceNotFound("Requested resource not found")
		}
		if now != m.table {
			req.ready.batch.release()
			ready, err := prepare(c.store, req.writes.mutations, cat, c.store.has, c.heard())
			if err != nil {
				req.ready = &prepared{batch: c.store.newBatch()}
				return nil, err
			}
			req.ready = ready
			break
		}
	}
	// The streams and shards of the moment: what tables changes is in force after this request.
	at := cat
	if req.writes.records != nil || req.writes.tables != nil {
		// Aside first, so that b is unchanged if one of them refuses.
		extra := c.store.newBatch()
		defer extra.release()
		if req.writes.records != nil {
			if err := req.writes.records(cat, extra); err != nil {
				return nil, err
			}
		}
		if req.writes.tables != nil {
			next, err := req.writes.tables(cat, extra)
			if err != nil {
				return nil, err
			}
			cat = next
		}
		b.append(extra)
	}
	b.append(req.ready.batch)
	c.record(req.ready.events, at, b)
	return cat, nil
}
