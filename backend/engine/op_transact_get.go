package engine

import (
	"context"

	"millrace/ddb"
)

// transactGetItems reads up to 100 items of any tables at one moment: all are of one published view, which has every
// write that was acknowledged before. It is cancelled if a TransactWriteItems is ongoing for one of them, as
// DynamoDB's is; see transact.go.
func (e *Engine) transactGetItems(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.TransactGetItemsInput](req)
	if err != nil {
		return nil, err
	}
	projections := make([]keyRead, len(in.TransactItems))
	reads := make([]itemRead, len(in.TransactItems))
	for i := range in.TransactItems {
		get := in.TransactItems[i].Get
		r, bad := newKeyRead(nil, get.ProjectionExpression, get.ExpressionAttributeNames, get.Key)
		if bad != nil {
			return nil, bad
		}
		projections[i] = r
		reads[i] = itemRead{
			table: get.TableName,
			check: func(t *table) *ddb.Error { return r.check(t, get.Key) },
			key:   func(*table) ddb.Item { return get.Key },
		}
	}
	items, err := e.transactRead(e.scopeOf(req), reads)
	if err != nil {
		return nil, err
	}
	out := &ddb.TransactGetItemsOutput{Responses: make([]ddb.ItemResponse, len(items))}
	for i, item := range items {
		// An item of which nothing is projected is left out as if it were not there. (Checked against the service:
		// github.com/paritysuite/dynamodb-conformance, transactGet.test.ts.)
		if shown := projections[i].project(item); len(shown) > 0 {
			out.Responses[i].Item = shown
		}
	}
	out.ConsumedCapacity = consumedByReads(in.ReturnConsumedCapacity, reads, items)
	return ddb.NewTypedResponse(out), nil
}

// itemRead is one read of a transaction after everything that does not depend on its table was checked.
type itemRead struct {
	// table is the table as the request names it.
	table string
	// check checks the request against the table.
	check func(t *table) *ddb.Error
	// key is the item's primary key; called after check.
	key func(t *table) ddb.Item
}

// transactRead reads items at one moment. The result has one for each of reads, nil where there is no item. What is
// wrong with a read is told as with an action of a TransactWriteItems; see planTransaction.
func (e *Engine) transactRead(scope string, reads []itemRead) ([]ddb.Item, error) {
	actions := make([]itemWrite, len(reads))
	for i, r := range reads {
		actions[i] = itemWrite{table: r.table, check: r.check, key: r.key}
	}
	v := e.acquireView()
	defer v.release()
	p, bad := planTransaction(v, scope, actions)
	if bad != nil {
		return nil, bad
	}
	if bad := e.conflicted(p.keys, nil); bad != nil {
		return nil, bad
	}
	items := make([]ddb.Item, len(reads))
	total := 0
	for i, key := range p.keys {
		item, found, err := v.get(p.tables[i], key)
		if err != nil {
			return nil, err
		}
		if found && item == nil {
			item = ddb.Item{}
		}
		items[i] = item
		total += item.Size()
	}
	if bad := checkTransactionSize(total); bad != nil {
		return nil, bad
	}
	if bad := e.admitTransactedReads(p.tables, items); bad != nil {
		return nil, bad
	}
	return items, nil
}

// consumedByReads is the ConsumedCapacity of a transaction that read items, the answers to reads.
func consumedByReads(mode *string, reads []itemRead, items []ddb.Item) []ddb.ConsumedCapacity {
	var costs tableCosts
	for i, r := range reads {
		costs.add(r.table, transactedReadCost(items[i].Size()))
	}
	return costs.consumed(mode, false)
}
