package stack

import (
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// lagged is the state that a read sees.
func (m *model) lagged(index string, strong bool) *state {
	most := replicaLag
	if index == global || index == keysIn {
		most, strong = indexLag, false
	}
	if strong {
		return m.current()
	}
	if m.w.one(40, 2) || m.w.healed && m.w.sc.Calm {
		most = most / 8
	}
	return &m.log[max(m.born, m.at(m.w.now()-m.w.span(41, most)))].state
}

// truth is an optional boolean.
func truth(b *bool) bool { return b != nil && *b }

// getItem is GetItem.
func (m *model) getItem(_ context.Context, in *ddb.GetItemInput) (*ddb.GetItemOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	it := m.lagged("", truth(in.ConsistentRead))[keyOf(in.Key)]
	if in.ProjectionExpression != nil && it != nil {
		p, err := expr.ParseProjection(*in.ProjectionExpression, expr.NewEnv(in.ExpressionAttributeNames, nil))
		if err != nil {
			return nil, err
		}
		it = p.Apply(it)
	}
	return &ddb.GetItemOutput{Item: it}, nil
}

// batchGet is BatchGetItem, which leaves some keys now and then.
func (m *model) batchGet(_ context.Context, in *ddb.BatchGetItemInput) (*ddb.BatchGetItemOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	part := in.RequestItems[tableName]
	out := &ddb.BatchGetItemOutput{Responses: map[string][]ddb.Item{tableName: {}}, UnprocessedKeys: map[string]ddb.KeysAndAttributes{}}
	left := part
	left.Keys = nil
	for i, key := range part.Keys {
		if i > 0 && m.w.sc.Faults > 0 && !m.w.healed && m.w.one(50+i, 6) {
			left.Keys = append(left.Keys, key)
			continue
		}
		if it := m.lagged("", truth(part.ConsistentRead))[keyOf(key)]; it != nil {
			out.Responses[tableName] = append(out.Responses[tableName], it)
		}
	}
	if len(left.Keys) > 0 {
		out.UnprocessedKeys[tableName] = left
	}
	return out, nil
}

// transactGet is TransactGetItems.
func (m *model) transactGet(_ context.Context, in *ddb.TransactGetItemsInput) (*ddb.TransactGetItemsOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	out := &ddb.TransactGetItemsOutput{}
	for _, t := range in.TransactItems {
		out.Responses = append(out.Responses, ddb.ItemResponse{Item: m.current()[keyOf(t.Get.Key)]})
	}
	return out, nil
}

// query is Query.
func (m *model) query(_ context.Context, in *ddb.QueryInput) (*ddb.QueryOutput, error) {
	q, err := newQuery(in)
	if err == nil {
		err = m.absentTable()
	}
	if err != nil {
		return nil, err
	}
	p := q.read(m.lagged(q.index, q.strong))
	return &ddb.QueryOutput{Items: p.items, Count: len(p.items), ScannedCount: p.scanned, LastEvaluatedKey: p.last}, nil
}

// scan is Scan.
func (m *model) scan(_ context.Context, in *ddb.ScanInput) (*ddb.ScanOutput, error) {
	q, err := newScan(in)
	if err == nil {
		err = m.absentTable()
	}
	if err != nil {
		return nil, err
	}
	p := q.read(m.lagged(q.index, q.strong))
	return &ddb.ScanOutput{Items: p.items, Count: len(p.items), ScannedCount: p.scanned, LastEvaluatedKey: p.last}, nil
}
