package engine

import (
	"context"
	"sync"

	"millrace/ddb"
)

// write is the only way to change items. It locks keys, which must cover every item that fn reads to decide or
// mutates; runs fn with a view that is no older than any acknowledged write; commits the mutations that fn returns, all
// or none; and returns when they are durable and visible. A *ddb.Error, from fn or because the table has gone, means
// that nothing was written; so does an error of ctx, which is looked at until fn has run. Any other error leaves it open.
// keys are sorted in place. scope is that of the request; mutations carry their own table's.
func (e *Engine) write(ctx context.Context, scope string, keys []lockKey, fn func(v *view) ([]mutation, error)) error {
	return e.commit(ctx, keys, func(v *view) (writeSet, error) {
		mutations, err := fn(v)
		return writeSet{mutations: mutations}, err
	})
}

// commit is write for all that can be written: see writeSet.
func (e *Engine) commit(ctx context.Context, keys []lockKey, fn func(v *view) (writeSet, error)) error {
	return e.commitAs(ctx, patient, keys, fn)
}

// commitAs is commit for any claim to the locks. A *conflict means that nothing was written.
func (e *Engine) commitAs(ctx context.Context, as claim, keys []lockKey, fn func(v *view) (writeSet, error)) error {
	held, err := e.locks.lockAs(ctx, as, keys)
	if err != nil {
		return err
	}
	defer e.locks.unlock(held)
	req, err := e.prepareRequest(ctx, fn)
	if err != nil || req == nil {
		return err
	}
	// From here on the write runs to its end whatever becomes of ctx: the committer bounds the wait.
	return e.committer.submit(req)
}

// prepareRequest runs fn; nil without an error is nothing to write.
func (e *Engine) prepareRequest(ctx context.Context, fn func(v *view) (writeSet, error)) (req *commitRequest, err error) {
	v := e.acquireView()
	defer func() {
		if req == nil {
			v.snap.forget()
		}
		v.release()
	}()
	set, err := fn(v)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ready, err := prepare(e.store, set.mutations, v.cat, v.snap.has, e.committer.heard())
	if err != nil {
		return nil, err
	}
	if ready.batch.empty() && set.records == nil && set.tables == nil {
		ready.batch.release()
		return nil, nil
	}
	return &commitRequest{writes: set, ready: ready}, nil
}

// prepared is a request's mutations as bytes, made outside the committer so that it is done in parallel.
type prepared struct {
	batch *batch
	// changes are for the hooks; nil where nobody hears of them.
	changes []ddb.Change
	heard   bool
	counts  []counterChange
	// scratch is room to encode an item in, until it is in the batch.
	scratch []byte
	// has tells whether a key is in the store, as of the old images.
	has func(key []byte) (bool, error)
	// events are the stream records, in the order of the mutations; nil where no table has a stream.
	events []streamEvent
}

// scratches has the buffers that items are encoded in.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is the largest buffer worth keeping.
const maxScratch = 64 << 10

// counterChange is what a mutation does to one table or index: what is added to its counter, and how many keys are
// deleted from it.
type counterChange struct {
	id counterID
	counter
	deleted int
}

// prepare makes mutations into writes for the tables as they are in cat, which has them all. has tells whether a key is
// in the store. Asking it of what belongs to a mutation's item, which is locked, gets the same answer now and at the commit.
// heard is whether hooks hear of it.
func prepare(s *store, mutations []mutation, cat *catalog, has func(key []byte) (bool, error), heard bool) (*prepared, error) {
	w := &prepared{batch: s.newBatch(), has: has, heard: heard}
	scratch := scratches.Get().(*[]byte)
	w.scratch = *scratch
	defer func() {
		if cap(w.scratch) <= maxScratch {
			*scratch = w.scratch
		}
		w.scratch = nil
		scratches.Put(scratch)
	}()
	for i := range mutations {
		m := &mutations[i]
		t := cat.byNumber[m.table.number]
		if t == nil {
			w.batch.release()
			return nil, ddb.ResourceNotFound("Requested resource not found")
		}
		if err := w.add(t, m); err != nil {
			w.batch.release()
			return nil, err
		}
	}
	return w, nil
}

// add adds one mutation: the item, its index entries, its place in the expiry queue, the counters and the table's stream.
// A mutation that changes nothing adds nothing.
func (w *prepared) add(t *table, m *mutation) error {
	if m.hadOld == m.hasNew && (!m.hasNew || ddb.EqualItems(m.old, m.new)) {
		return nil
	}
	itemKey, err := t.itemKey(m.key)
	if err != nil {
		return err
	}
	oldSize, newSize := 0, 0
	if m.hadOld {
		oldSize = m.old.Size()
	}
	if m.hasNew {
		newSize = m.new.Size()
		w.scratch = appendItem(w.scratch[:0], m.new, newSize)
		w.batch.set(itemKey, w.scratch)
	} else {
		w.batch.delete(itemKey)
	}
	w.count(t, baseIndex, m.hadOld, m.hasNew, !m.hasNew, oldSize, newSize)
	for _, idx := range t.indexes {
		if err := w.maintain(t, idx, m, itemKey); err != nil {
			return err
		}
	}
	w.queueExpiry(t, m, itemKey)
	if t.record.Stream == 0 && !w.heard {
		return nil
	}
	key, ok := t.desc.KeySchema.KeyOf(m.key)
	if !ok {
		key = m.key
	}
	if t.record.Stream != 0 {
		w.note(t, m, itemKey, key)
	}
	if !w.heard {
		return nil
	}
	w.changes = append(w.changes, ddb.Change{
		Scope: t.scope, Table: t.desc, Key: key,
		Old: m.old, New: m.new, HasOld: m.hadOld, HasNew: m.hasNew, Expired: m.expired,
	})
	return nil
}

// count notes a change from an item or entry (if had) to another (if has); deleted is whether a key went.
func (w *prepared) count(t *table, index uint16, had, has, deleted bool, oldSize, newSize int) {
	d := counterChange{id: counterID{t.number, index}}
	if had {
		d.items--
		d.bytes -= int64(oldSize)
	}
	if has {
		d.items++
		d.bytes += int64(newSize)
	}
	if deleted {
		d.deleted++
	}
	if d.counter != (counter{}) || deleted {
		w.counts = append(w.counts, d)
	}
}
