package invalidation

import (
	"context"

	"millrace/cache"
	"millrace/ddb"
)

// observed tells the core that a read outside any flight showed a client the whole item, or its absence.
func (g *Guard) observed(req *ddb.Request, table string, key, item ddb.Item, whole bool) {
	if g.foreign(context.Background(), req, table) {
		return
	}
	name := ddb.TableName(table)
	s := g.schemas.Known(req.Scope, []byte(name))
	if s == nil {
		// Nothing of the table is cached; but whoever learns its schema next must not read eventually what is older.
		if !g.store.Authoritative() {
			g.store.Unseen(req.Scope, name)
		}
		return
	}
	k, ok := s.AppendItemKey(nil, key)
	if !ok {
		g.store.Core().Forget(s.Table)
		return
	}
	if !whole {
		// What was shown of it may be newer than what is cached, and cannot be compared.
		g.store.Core().Purge(s.Table, k)
		return
	}
	g.store.Core().Observed(g.store.Now(), s.Table, k, cache.ItemImage(item, item != nil))
}

// observeGetItem tells of a GetItem that was forwarded.
func observeGetItem(g *Guard, req *ddb.Request, resp *ddb.Response) {
	in, err := ddb.InputAs[ddb.GetItemInput](req)
	if err != nil {
		return
	}
	out, ok := ddb.WholeOutputAs[ddb.GetItemOutput](resp)
	whole := ok && !req.Partial() && in.ProjectionExpression == nil && in.AttributesToGet == nil
	var item ddb.Item
	if whole {
		item = out.Item
	}
	g.observed(req, in.TableName, in.Key, item, whole)
}

// observeBatchGetItem tells of a BatchGetItem that was forwarded.
func observeBatchGetItem(g *Guard, req *ddb.Request, _ *ddb.Response) {
	in, err := ddb.InputAs[ddb.BatchGetItemInput](req)
	if err != nil {
		return
	}
	for table, part := range in.RequestItems {
		for _, key := range part.Keys {
			g.observed(req, table, key, nil, false)
		}
	}
}

// observeTransactGetItems tells of a TransactGetItems.
func observeTransactGetItems(g *Guard, req *ddb.Request, resp *ddb.Response) {
	in, err := ddb.InputAs[ddb.TransactGetItemsInput](req)
	if err != nil {
		return
	}
	out, ok := ddb.WholeOutputAs[ddb.TransactGetItemsOutput](resp)
	for i, action := range in.TransactItems {
		if action.Get == nil {
			continue
		}
		whole := ok && !req.Partial() && action.Get.ProjectionExpression == nil && i < len(out.Responses)
		var item ddb.Item
		if whole {
			item = out.Responses[i].Item
		}
		g.observed(req, action.Get.TableName, action.Get.Key, item, whole)
	}
}
