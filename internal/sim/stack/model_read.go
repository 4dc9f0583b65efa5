package stack

import (
	"context"
	"time"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// indexLags are how far indexes lag at most in a slow world, for a spell each.
var indexLags = [...]time.Duration{200 * time.Millisecond, indexLag, 2 * time.Second, 5 * time.Second, 5 * time.Second}

// indexLag is how far indexes lag at a time, at most.
func (s *Scenario) indexLag(at time.Duration) time.Duration {
	if !s.Slow {
		return indexLag
	}
	if s.Behind {
		return indexLags[len(indexLags)-1]
	}
	return indexLags[(s.Seed/7+uint64(at/spell)*0x9e3779b97f4a7c15>>33)%uint64(len(indexLags))]
}

// indexSince is the moment of whose state an index may fall short in no answer that it gives from one time to another.
func (s *Scenario) indexSince(from, to time.Duration) time.Duration {
	oldest := from - s.indexLag(from)
	for at := from.Truncate(spell) + spell; at <= to; at += spell {
		oldest = min(oldest, at-s.indexLag(at))
	}
	return oldest
}

// lagged is the state that a read sees.
func (m *model) lagged(index string, strong bool) *state {
	most := replicaLag
	if index == global || index == keysIn {
		most, strong = m.w.sc.indexLag(m.w.now()), false
	}
	if strong {
		return m.current()
	}
	if m.w.one(40, 2) || m.w.healed && m.w.sc.Calm {
		most = most / 8
	}
	return &m.log[max(m.born, m.at(m.w.now()-m.w.span(41, most)))].state
}

// leaderless is the refusal of a strongly consistent read in a spell in which nobody leads the table's partition. In some the
// read is throttled, as it is where only half of what it costs is left.
func (m *model) leaderless(index string, strong bool) error {
	sc, n := m.w.sc, uint64(m.w.now()/spell)
	if !strong || index == global || index == keysIn || !sc.Leaderless || m.w.healed {
		return nil
	}
	switch (sc.Seed/5 + n*0x9e3779b97f4a7c15>>33) % 5 {
	case 0, 1:
		return ddb.InternalServerError("Internal server error")
	case 2:
		return throttled()
	}
	return nil
}

// truth is an optional boolean.
func truth(b *bool) bool { return b != nil && *b }

// getItem is GetItem.
func (m *model) getItem(_ context.Context, in *ddb.GetItemInput) (*ddb.GetItemOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	if err := m.leaderless("", truth(in.ConsistentRead)); err != nil {
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
	if err := m.leaderless("", truth(part.ConsistentRead)); err != nil {
		return nil, err
	}
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
	if err == nil {
		err = m.leaderless(q.index, q.strong)
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
	if err == nil {
		err = m.leaderless(q.index, q.strong)
	}
	if err != nil {
		return nil, err
	}
	p := q.read(m.lagged(q.index, q.strong))
	return &ddb.ScanOutput{Items: p.items, Count: len(p.items), ScannedCount: p.scanned, LastEvaluatedKey: p.last}, nil
}
