package engine

import (
	"fmt"
	"io"
	"sync/atomic"

	"millrace/ddb"
)

// view is what readers see: the store and the catalog as of one commit that is durable. It is published by the
// committer and shared by all who read at that time; whoever acquired it must release it.
type view struct {
	snap *snapshot
	cat  *catalog

	// states are what tables are shown in besides what the catalog says; nil in views that are never published.
	states *tableStates

	// refs counts the publisher, while it is the newest, and the readers. The snapshot is closed at zero.
	refs atomic.Int64
}

// newView publishes snap and cat; the publisher holds the one reference.
func newView(snap *snapshot, cat *catalog) *view {
	v := &view{snap: snap, cat: cat}
	v.refs.Store(1)
	return v
}

// acquireView returns the newest view. It holds every write that was acknowledged before the call.
func (e *Engine) acquireView() *view {
	for {
		// The view may be replaced and closed between the two steps; then there is a newer one.
		if v := e.current.Load(); v.acquire() {
			return v
		}
	}
}

// acquire takes a reference unless there is none left.
func (v *view) acquire() bool {
	for {
		n := v.refs.Load()
		if n == 0 {
			return false
		}
		if v.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives back what acquireView returned. Cursors over the view must be closed before.
func (v *view) release() {
	if v.refs.Add(-1) == 0 {
		v.snap.close()
	}
}

// table looks up a table for an operation on items, by name or ARN. The account and region of an ARN are not looked
// at: one store serves them all.
func (v *view) table(scope, name string) (*table, *ddb.Error) {
	t, ok := v.cat.byName[tableName{scope, ddb.TableName(name)}]
	if !ok {
		return nil, ddb.ResourceNotFound("Requested resource not found")
	}
	if status := v.states.of(t); status == "CREATING" || status == "DELETING" {
		return nil, ddb.ResourceNotFound("Requested resource not found")
	}
	return t, nil
}

// tableForControl looks up a table, by name or ARN, for an operation on tables.
func (v *view) tableForControl(scope, name string) (*table, *ddb.Error) {
	return v.cat.table(tableName{scope, ddb.TableName(name)})
}

// get reads the item at itemKey, from table.itemKey. An error is the store's, never DynamoDB's.
func (v *view) get(t *table, itemKey []byte) (item ddb.Item, found bool, err error) {
	value, done, found, err := v.snap.get(itemKey)
	return decodeFound(t, value, done, found, err)
}

// old is get for an item that is to be written, which need not be there.
func (v *view) old(t *table, itemKey []byte) (item ddb.Item, found bool, err error) {
	value, done, found, err := v.snap.probe(itemKey)
	return decodeFound(t, value, done, found, err)
}

// decodeFound decodes what was read of t, and closes done.
func decodeFound(t *table, value []byte, done io.Closer, found bool, err error) (ddb.Item, bool, error) {
	if err != nil {
		return nil, false, fmt.Errorf("read item of table %q: %w", t.desc.TableName, err)
	}
	if !found {
		return nil, false, nil
	}
	defer done.Close()
	item, err := decodeItem(value)
	if err != nil {
		return nil, false, fmt.Errorf("read item of table %q: %w", t.desc.TableName, err)
	}
	return item, true, nil
}

// stored reads the item at itemKey as it is stored; nil is no item. The bytes are the caller's.
func (v *view) stored(t *table, itemKey []byte) ([]byte, error) {
	value, done, found, err := v.snap.get(itemKey)
	if err != nil {
		return nil, fmt.Errorf("read item of table %q: %w", t.desc.TableName, err)
	}
	if !found {
		return nil, nil
	}
	defer done.Close()
	return append(make([]byte, 0, len(value)), value...), nil
}

// cursor walks over items of a table, or entries of an index, in the order of their store keys. It starts before the
// first; call next first. It is for one goroutine.
type cursor struct {
	it      *storeIterator
	table   *table
	reverse bool
	begun   bool
}

// scan makes a cursor over lower <= key < upper, from the end if reverse. Bounds are store keys, such as
// partitionPrefix, segmentBounds and cursorKey make them; they are not kept. Close it before the view is released.
func (v *view) scan(t *table, idx *index, lower, upper []byte, reverse bool) (*cursor, error) {
	low, high := keyspaceRange(t.number, idx.numberOrBase())
	if lower != nil {
		low = lower
	}
	if upper != nil {
		high = upper
	}
	it, err := v.snap.iterate(low, high)
	if err != nil {
		return nil, fmt.Errorf("scan table %q: %w", t.desc.TableName, err)
	}
	return &cursor{it: it, table: t, reverse: reverse}, nil
}

// next moves on and reports whether there is an item. What made it report false early, close tells.
func (c *cursor) next() bool {
	first := !c.begun
	c.begun = true
	switch {
	case first && c.reverse:
		return c.it.Last()
	case first:
		return c.it.First()
	case c.reverse:
		return c.it.Prev()
	}
	return c.it.Next()
}

// key is the store key here; valid until next.
func (c *cursor) key() []byte { return c.it.Key() }

// size is the item's size in DynamoDB's units, without decoding it; for an index that of the projected attributes.
func (c *cursor) size() int {
	value, err := c.it.ValueAndErr()
	if err != nil {
		return 0
	}
	return storedSize(value)
}

// stored is the item, or the projected part of it in an index, as it is stored; valid until next.
func (c *cursor) stored() ([]byte, error) {
	value, err := c.it.ValueAndErr()
	if err != nil {
		return nil, fmt.Errorf("scan table %q: %w", c.table.desc.TableName, err)
	}
	return value, nil
}

// item decodes the item, or the projected part of it in an index.
func (c *cursor) item() (ddb.Item, error) {
	value, err := c.it.ValueAndErr()
	if err == nil {
		var item ddb.Item
		if item, err = decodeItem(value); err == nil {
			return item, nil
		}
	}
	return nil, fmt.Errorf("scan table %q: %w", c.table.desc.TableName, err)
}

// close releases the cursor and returns the error that made next report false before the end, if one did.
func (c *cursor) close() error {
	if err := c.it.Close(); err != nil {
		return fmt.Errorf("scan table %q: %w", c.table.desc.TableName, err)
	}
	return nil
}
