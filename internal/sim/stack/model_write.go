package stack

import (
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// single is a write of one item before it is decided.
type single struct {
	key       int
	condition *string
	names     ddb.Names
	values    ddb.Values
	onFailure *string
	// make gives the item after, and what an update touched.
	make func(old ddb.Item) (ddb.Item, *expr.Touched, error)
}

// check evaluates the condition on the item as it is.
func (s *single) check(old ddb.Item) error {
	if s.condition == nil {
		return nil
	}
	c, err := expr.ParseCondition(expr.ConditionExpression, *s.condition, expr.NewEnv(s.names, s.values))
	if err != nil {
		return err
	}
	if c.Match(old) {
		return nil
	}
	if old != nil && text(s.onFailure) == "ALL_OLD" {
		return ddb.ConditionalCheckFailed(old, true)
	}
	return ddb.ConditionalCheckFailed(nil, false)
}

// write does a write of one item and gives the Attributes of its answer.
func (m *model) write(ctx context.Context, s *single, returns *string) (ddb.Item, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	r, old := recordOf(ctx), m.current()[s.key]
	r.seen, r.at = []int{s.key}, m.last()
	if err := s.check(old); err != nil {
		return nil, err
	}
	after, touched, err := s.make(old)
	if err != nil {
		return nil, err
	}
	r.commits = append(r.commits, m.commit([]change{{s.key, old, after}}, false))
	r.old, r.new = old, after
	return returned(text(returns), old, after, touched), nil
}

// returned is what ReturnValues asks for.
func returned(mode string, old, new ddb.Item, touched *expr.Touched) ddb.Item {
	var out ddb.Item
	switch mode {
	case "ALL_OLD":
		out = old
	case "ALL_NEW":
		out = new
	case "UPDATED_OLD":
		if old != nil {
			out = touched.Select(old)
		}
	case "UPDATED_NEW":
		out = touched.Select(new)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// putting is what leaves an item as it is given; nil for none.
func putting(it ddb.Item) func(ddb.Item) (ddb.Item, *expr.Touched, error) {
	return func(ddb.Item) (ddb.Item, *expr.Touched, error) { return it, nil, nil }
}

// putItem is PutItem.
func (m *model) putItem(ctx context.Context, in *ddb.PutItemInput) (*ddb.PutItemOutput, error) {
	s := &single{key: keyOf(in.Item), condition: in.ConditionExpression, names: in.ExpressionAttributeNames,
		values: in.ExpressionAttributeValues, onFailure: in.ReturnValuesOnConditionCheckFailure, make: putting(in.Item)}
	a, err := m.write(ctx, s, in.ReturnValues)
	return &ddb.PutItemOutput{Attributes: a}, err
}

// deleteItem is DeleteItem.
func (m *model) deleteItem(ctx context.Context, in *ddb.DeleteItemInput) (*ddb.DeleteItemOutput, error) {
	s := &single{key: keyOf(in.Key), condition: in.ConditionExpression, names: in.ExpressionAttributeNames,
		values: in.ExpressionAttributeValues, onFailure: in.ReturnValuesOnConditionCheckFailure, make: putting(nil)}
	a, err := m.write(ctx, s, in.ReturnValues)
	return &ddb.DeleteItemOutput{Attributes: a}, err
}

// updating is what an update expression makes.
func updating(key ddb.Item, update string, names ddb.Names, values ddb.Values) func(ddb.Item) (ddb.Item, *expr.Touched, error) {
	return func(old ddb.Item) (ddb.Item, *expr.Touched, error) {
		u, err := expr.ParseUpdate(update, expr.NewEnv(names, values))
		if err != nil {
			return nil, nil, err
		}
		it, touched, err := u.Apply(key, old, old != nil)
		if err != nil {
			return nil, nil, err
		}
		return it, touched, nil
	}
}

// updateItem is UpdateItem.
func (m *model) updateItem(ctx context.Context, in *ddb.UpdateItemInput) (*ddb.UpdateItemOutput, error) {
	s := &single{key: keyOf(in.Key), condition: in.ConditionExpression, names: in.ExpressionAttributeNames,
		values: in.ExpressionAttributeValues, onFailure: in.ReturnValuesOnConditionCheckFailure,
		make: updating(in.Key, text(in.UpdateExpression), in.ExpressionAttributeNames, in.ExpressionAttributeValues)}
	a, err := m.write(ctx, s, in.ReturnValues)
	return &ddb.UpdateItemOutput{Attributes: a}, err
}

// batchWrite is BatchWriteItem, which leaves some now and then.
func (m *model) batchWrite(ctx context.Context, in *ddb.BatchWriteItemInput) (*ddb.BatchWriteItemOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	out := &ddb.BatchWriteItemOutput{UnprocessedItems: map[string][]ddb.WriteRequest{}}
	r := recordOf(ctx)
	for i, x := range in.RequestItems[tableName] {
		if m.w.sc.Faults > 0 && m.w.one(60+i, 3) {
			out.UnprocessedItems[tableName] = append(out.UnprocessedItems[tableName], x)
			continue
		}
		var key int
		var after ddb.Item
		if x.PutRequest != nil {
			key, after = keyOf(x.PutRequest.Item), x.PutRequest.Item
		} else {
			key = keyOf(x.DeleteRequest.Key)
		}
		r.commits = append(r.commits, m.commit([]change{{key, m.current()[key], after}}, false))
	}
	return out, nil
}

// transactWrite is TransactWriteItems. A token that has succeeded succeeds again and does nothing.
func (m *model) transactWrite(ctx context.Context, in *ddb.TransactWriteItemsInput) (*ddb.TransactWriteItemsOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	r := recordOf(ctx)
	if in.ClientRequestToken != nil && m.tokens[*in.ClientRequestToken] {
		r.replay = true
		return &ddb.TransactWriteItemsOutput{}, nil
	}
	var changes []change
	reasons, failed := make([]ddb.CancellationReason, len(in.TransactItems)), false
	for i, x := range in.TransactItems {
		s := transacted(&x)
		old := m.current()[s.key]
		reasons[i].Code = "None"
		if err := s.check(old); err != nil {
			e, ok := err.(*ddb.Error)
			if !ok {
				return nil, err
			}
			failed, reasons[i] = true, ddb.CancellationReason{Code: "ConditionalCheckFailed", Message: e.Message, Item: e.Item, HasItem: e.HasItem}
			r.seen, r.at = append(r.seen, s.key), m.last()
			continue
		}
		if s.make == nil {
			continue
		}
		after, _, err := s.make(old)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change{s.key, old, after})
	}
	if failed {
		return nil, &ddb.Error{Code: "TransactionCanceledException", Message: "Transaction cancelled", CancellationReasons: reasons}
	}
	if len(changes) > 0 {
		r.commits = append(r.commits, m.commit(changes, false))
	}
	if in.ClientRequestToken != nil {
		m.tokens[*in.ClientRequestToken] = true
	}
	return &ddb.TransactWriteItemsOutput{}, nil
}

// transacted is one action of a transaction; make is nil for one that only checks.
func transacted(x *ddb.TransactWriteItem) *single {
	switch {
	case x.Put != nil:
		return &single{key: keyOf(x.Put.Item), condition: x.Put.ConditionExpression, names: x.Put.ExpressionAttributeNames,
			values: x.Put.ExpressionAttributeValues, make: putting(x.Put.Item)}
	case x.Delete != nil:
		return &single{key: keyOf(x.Delete.Key), condition: x.Delete.ConditionExpression, make: putting(nil)}
	case x.Update != nil:
		u := x.Update
		return &single{key: keyOf(u.Key), condition: u.ConditionExpression, names: u.ExpressionAttributeNames, values: u.ExpressionAttributeValues,
			make: updating(u.Key, text(u.UpdateExpression), u.ExpressionAttributeNames, u.ExpressionAttributeValues)}
	}
	c := x.ConditionCheck
	return &single{key: keyOf(c.Key), condition: c.ConditionExpression, names: c.ExpressionAttributeNames, values: c.ExpressionAttributeValues}
}

// describeTable is DescribeTable.
func (m *model) describeTable(_ context.Context, _ *ddb.DescribeTableInput) (*ddb.DescribeTableOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	return &ddb.DescribeTableOutput{Table: m.describe()}, nil
}

// deleteTable is DeleteTable: all items are gone at once, and the stream ends.
func (m *model) deleteTable(ctx context.Context, _ *ddb.DeleteTableInput) (*ddb.DeleteTableOutput, error) {
	if err := m.absentTable(); err != nil {
		return nil, err
	}
	d := m.describe()
	m.gone = true
	m.log = append(m.log, commit{at: m.w.now()})
	m.born = m.last()
	m.w.note("commit %d: the table is gone", m.last())
	r := recordOf(ctx)
	r.commits = append(r.commits, m.last())
	m.endStream()
	return &ddb.DeleteTableOutput{TableDescription: d}, nil
}

// createTable is CreateTable: the table of that name is another one.
func (m *model) createTable(context.Context, *ddb.CreateTableInput) (*ddb.CreateTableOutput, error) {
	if !m.gone {
		return nil, ddb.ResourceInUse("Table already exists: %s", tableName)
	}
	m.gone = false
	m.generation++
	m.newStream()
	m.w.note("the table is another one")
	return &ddb.CreateTableOutput{TableDescription: m.describe()}, nil
}
