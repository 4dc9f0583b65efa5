package engine

import (
	"context"
	"maps"
	"slices"

	"millrace/ddb"
)

// batchGetItem reads up to 100 items of any tables, all of one view. What would make the answer larger than 16 MB, and what
// a table's throughput does not suffice for, comes back as UnprocessedKeys.
func (e *Engine) batchGetItem(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.BatchGetItemInput](req)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(in.RequestItems))
	reads, bad := newBatchReads(in, names)
	if bad != nil {
		return nil, bad
	}
	v := e.acquireView()
	defer v.release()
	b := batchGet{engine: e, view: v, seen: make(map[string]bool), out: &ddb.BatchGetItemOutput{
		Responses:       make(map[string][]ddb.Item, len(names)),
		UnprocessedKeys: make(map[string]ddb.KeysAndAttributes),
	}}
	tables := make([]*table, len(names))
	for i, name := range names {
		if tables[i], bad = b.check(e.scopeOf(req), name, in.RequestItems[name], reads[i]); bad != nil {
			return nil, bad
		}
	}
	for i, name := range names {
		c, err := b.read(tables[i], name, in.RequestItems[name], reads[i])
		if err != nil {
			return nil, err
		}
		if consumed := c.consumed(in.ReturnConsumedCapacity, name); consumed != nil {
			b.out.ConsumedCapacity = append(b.out.ConsumedCapacity, *consumed)
		}
	}
	if b.refused != nil && b.processed == 0 {
		// (API Reference, BatchGetItem: "If none of the items can be processed due to insufficient provisioned throughput".)
		return nil, b.refused
	}
	return ddb.NewTypedResponse(b.out), nil
}

// newBatchReads checks in up to its tables. names are those of the tables, in the order to look at them.
func newBatchReads(in *ddb.BatchGetItemInput, names []string) ([]keyRead, *ddb.Error) {
	if len(names) == 0 {
		return nil, ddb.Validation("The requestItems parameter is required for BatchGetItem")
	}
	reads := make([]keyRead, len(names))
	total := 0
	for i, name := range names {
		k := in.RequestItems[name]
		total += len(k.Keys)
		var bad *ddb.Error
		if reads[i], bad = newKeyRead(k.AttributesToGet, k.ProjectionExpression, k.ExpressionAttributeNames, k.Keys...); bad != nil {
			return nil, bad
		}
	}
	if total > ddb.MaxBatchGetKeys {
		return nil, ddb.Validation("Too many items requested for the BatchGetItem call")
	}
	return reads, nil
}

// batchGet is a BatchGetItem on its way.
type batchGet struct {
	engine *Engine
	view   *view
	// seen has the store keys of all items asked for.
	seen map[string]bool
	// bytes is the size of the items found so far.
	bytes int
	// processed is the number of keys that were read, refused why the last of the others was not; nil for its size.
	processed int
	refused   *ddb.Error
	out       *ddb.BatchGetItemOutput
}

// check looks up a table and checks what is asked of it, duplicates included.
func (b *batchGet) check(scope, name string, k ddb.KeysAndAttributes, r keyRead) (*table, *ddb.Error) {
	t, bad := b.view.table(scope, name)
	if bad != nil {
		return nil, bad
	}
	for _, key := range k.Keys {
		if bad := r.check(t, key); bad != nil {
			return nil, bad
		}
		at, bad := t.itemKey(key)
		if bad != nil {
			return nil, bad
		}
		if b.seen[string(at)] {
			return nil, ddb.Validation("Provided list of item keys contains duplicates")
		}
		b.seen[string(at)] = true
	}
	return t, nil
}

// read reads the keys of one table. The first item is always answered, however large; the first that does not fit
// into the answer and all after it stay unprocessed, with the table's options.
func (b *batchGet) read(t *table, name string, k ddb.KeysAndAttributes, r keyRead) (cost, error) {
	var c cost
	found := []ddb.Item{}
	var left []ddb.Item
	for i, key := range k.Keys {
		item, ok, err := b.item(t, key, k, r)
		if err != nil {
			return c, err
		}
		size := item.Size()
		if b.bytes > 0 && b.bytes+size > ddb.MaxBatchGetBytes {
			left = append(left, k.Keys[i:]...)
			// Nothing of the tables after this one is read either.
			b.bytes = ddb.MaxBatchGetBytes
			break
		}
		halves := readHalves(size, isTrue(k.ConsistentRead))
		if bad := b.admit(t, name, halves); bad != nil {
			left, b.refused = append(left, key), bad
			continue
		}
		b.processed++
		b.bytes += size
		c.table += halves
		if ok {
			found = append(found, r.project(item))
		}
	}
	if left != nil {
		rest := k
		rest.Keys = left
		b.out.UnprocessedKeys[name] = rest
	}
	b.out.Responses[name] = found
	return c, nil
}

// item reads one item. Every key is read from a replica of its own choice.
func (b *batchGet) item(t *table, key ddb.Item, k ddb.KeysAndAttributes, r keyRead) (ddb.Item, bool, error) {
	seen := b.engine.replica(b.view, t, nil, isTrue(k.ConsistentRead))
	defer seen.releaseUnless(b.view)
	return r.get(seen, t, key)
}

// admit tells why an element that costs halves is to stay unprocessed, nil if it is not.
func (b *batchGet) admit(t *table, name string, halves int64) *ddb.Error {
	if b.engine.leaves(ddb.BatchGetItem, name) {
		return errThroughput()
	}
	return b.engine.admitRead(t, cost{table: halves})
}
