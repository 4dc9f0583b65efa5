package engine

import (
	"context"
	"fmt"

	"millrace/ddb"
)

// An index that UpdateTable adds is there at once for every write, and empty. The items that are older than it are
// put into it in the order of their keys, a stretch at a time. An item is locked while its entry is made of its current
// image, for no longer than one commit: a writer waits for that at most. What the entry would be made of may be in the
// index already, from a writer; it is not counted twice, and a writer does not take an entry for there that is not.

// fillBatch is how many items one step of a fill locks, or of a restore writes.
const fillBatch = 128

// fillIndex puts the items of one stretch into the index that the table is filling, and makes the index ready for
// reads after the last one.
func (e *Engine) fillIndex(ctx context.Context, number uint32) error {
	f, err := e.nextStretch(number)
	if err != nil {
		return err
	}
	if f.next == nil && len(f.keys) == 0 {
		return e.activateIndex(ctx, f)
	}
	return e.commit(ctx, f.keys, func(v *view) (writeSet, error) { return f.entries(v) })
}

// stretch is a part of a table's items whose entries are to be put into an index.
type stretch struct {
	table *table
	index *index
	// keys are the items that may be missing in the index.
	keys []lockKey
	// next is where the stretch after this one begins; nil if this is the last.
	next []byte
}

// nextStretch finds the next stretch of a table that is filling an index.
func (e *Engine) nextStretch(number uint32) (*stretch, error) {
	v := e.acquireView()
	defer v.release()
	t := v.cat.byNumber[number]
	if t == nil {
		return nil, errChoreMoved
	}
	idx, ok := t.index(t.record.Filling)
	if !ok {
		return nil, errChoreMoved
	}
	f := &stretch{table: t, index: idx}
	from, err := v.progress(number, idx.number)
	if err != nil {
		return nil, fmt.Errorf("fill index %q of table %q: %w", idx.Name, t.desc.TableName, err)
	}
	return f, f.read(v, from, e.stepItems)
}

// read collects the stretch that begins at from, a store key, with at most limit items to lock; nil is the table's first.
func (f *stretch) read(v *view, from []byte, limit int) (err error) {
	c, err := v.scan(f.table, nil, from, nil, false)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := c.close(); err == nil {
			err = closeErr
		}
	}()
	bytes := 0
	for seen := 0; c.next(); seen++ {
		if seen == choreStretch || len(f.keys) == limit || bytes > choreBytes {
			f.next = append([]byte(nil), c.key()...)
			return nil
		}
		item, err := c.item()
		if err != nil {
			return err
		}
		entry := f.table.storedEntryOf(f.index, item, true, c.key())
		if entry.key == nil {
			continue
		}
		if there, err := v.snap.has(entry.key); there || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		bytes += len(entry.value)
		f.keys = append(f.keys, append(lockKey(nil), c.key()...))
	}
	return nil
}

// entries writes what is missing in the index of the stretch's items, which are locked, and how far the fill has come.
func (f *stretch) entries(v *view) (writeSet, error) {
	var missing []storedEntry
	count := counterChange{id: counterID{f.table.number, f.index.number}}
	for _, k := range f.keys {
		item, found, err := v.get(f.table, k)
		if err != nil {
			return writeSet{}, err
		}
		entry := f.table.storedEntryOf(f.index, item, found, k)
		if entry.key == nil {
			continue
		}
		there, err := v.snap.has(entry.key)
		if err != nil {
			return writeSet{}, fmt.Errorf("fill index %q of table %q: %w", f.index.Name, f.table.desc.TableName, err)
		}
		if !there {
			missing = append(missing, entry)
			count.items++
			count.bytes += int64(entry.size)
		}
	}
	next := f.next
	if next == nil {
		// Past everything: what comes after the last stretch is one without items.
		_, next = keyspaceRange(f.table.number, baseIndex)
	}
	return writeSet{
		counts: []counterChange{count},
		records: func(cat *catalog, b *batch) error {
			if f.current(cat) == nil {
				return errChoreMoved
			}
			for _, entry := range missing {
				b.set(entry.key, entry.value)
			}
			b.set(progressKey(f.table.number, f.index.number), next)
			return nil
		},
	}, nil
}

// current is the newest version of the stretch's table; nil if the index is not being filled any more.
func (f *stretch) current(cat *catalog) *table {
	t := cat.byNumber[f.table.number]
	if t == nil {
		return nil
	}
	if idx, ok := t.index(t.record.Filling); !ok || idx.number != f.index.number {
		return nil
	}
	return t
}

// activateIndex makes the index, which has an entry for every item that belongs there, ready for reads.
func (e *Engine) activateIndex(ctx context.Context, f *stretch) error {
	return e.changeTables(ctx, f.table.name(), func(cat *catalog, b *batch) (*catalog, error) {
		t := f.current(cat)
		if t == nil {
			return nil, errChoreMoved
		}
		b.delete(progressKey(t.number, f.index.number))
		return cat.changeTable(t.changed(func(r *tableRecord) {
			r.Filling = ""
			r.Description.TableStatus = "ACTIVE"
			r.changeIndex(f.index.Name, func(x *ddb.GlobalSecondaryIndexDescription) {
				x.IndexStatus, x.Backfilling = "ACTIVE", nil
			})
		}), b), nil
	})
}
