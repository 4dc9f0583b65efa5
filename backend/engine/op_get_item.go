package engine

import (
	"context"
	"fmt"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// getItem reads one item. The published snapshot has every acknowledged write, so ConsistentRead changes only what
// the read costs.
func (e *Engine) getItem(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.GetItemInput](req)
	if err != nil {
		return nil, err
	}
	read, bad := newKeyRead(in.AttributesToGet, in.ProjectionExpression, in.ExpressionAttributeNames, in.Key)
	if bad != nil {
		return nil, bad
	}
	v := e.acquireView()
	defer v.release()
	t, bad := v.table(e.scopeOf(req), in.TableName)
	if bad != nil {
		return nil, bad
	}
	if bad := read.check(t, in.Key); bad != nil {
		return nil, bad
	}
	seen := e.replica(v, t, nil, isTrue(in.ConsistentRead))
	defer seen.releaseUnless(v)
	k, bad := t.itemKey(in.Key)
	if bad != nil {
		return nil, bad
	}
	stored, err := seen.stored(t, k)
	if err != nil {
		return nil, err
	}
	c := cost{table: readHalves(storedSize(stored), isTrue(in.ConsistentRead))}
	if bad := e.admitRead(t, c); bad != nil {
		return nil, bad
	}
	consumed := c.consumed(in.ReturnConsumedCapacity, in.TableName)
	switch {
	case stored == nil:
		return ddb.NewTypedResponse(&ddb.GetItemOutput{ConsumedCapacity: consumed}), nil
	case read.projection == nil:
		return ddb.NewAnswer(&itemAnswer{stored, consumed}), nil
	}
	item, err := decodeItem(stored)
	if err != nil {
		return nil, fmt.Errorf("read item of table %q: %w", t.desc.TableName, err)
	}
	return ddb.NewTypedResponse(&ddb.GetItemOutput{Item: read.project(item), ConsumedCapacity: consumed}), nil
}

// keyRead is the part of a GetItem, or of one table in a BatchGetItem, that does not depend on the table.
type keyRead struct{ projection *expr.Projection }

// newKeyRead checks the parameters of a read of keys, up to the table.
func newKeyRead(attributes []string, projection *string, names ddb.Names, keys ...ddb.Item) (keyRead, *ddb.Error) {
	if err := mixedParameters(
		[]parameter{{"AttributesToGet", attributes != nil}},
		[]parameter{{"ProjectionExpression", projection != nil}},
	); err != nil {
		return keyRead{}, err
	}
	for _, key := range keys {
		if err := checkValues(key); err != nil {
			return keyRead{}, err
		}
	}
	x := newExpressions(names, nil, expr.Supplied{Kind: expr.ProjectionExpression, Present: projection != nil})
	x.begin()
	r := keyRead{projection: x.projection(projection, attributes)}
	return r, x.finish()
}

// check checks r and one key against t.
func (r keyRead) check(t *table, key ddb.Item) *ddb.Error {
	if r.projection != nil {
		if err := checkScalarPaths(t, r.projection.NestedNames()); err != nil {
			return err
		}
	}
	return checkKey(t, key)
}

// get reads the whole item at key.
func (r keyRead) get(v *view, t *table, key ddb.Item) (ddb.Item, bool, error) {
	k, bad := t.itemKey(key)
	if bad != nil {
		return nil, false, bad
	}
	return v.get(t, k)
}

// project is what r returns of item. It is never nil: nil would say that there is no item.
func (r keyRead) project(item ddb.Item) ddb.Item {
	if r.projection != nil {
		item = r.projection.Apply(item)
	}
	if item == nil {
		item = ddb.Item{}
	}
	return item
}

// isTrue is the value of an optional boolean that defaults to false.
func isTrue(b *bool) bool { return b != nil && *b }
