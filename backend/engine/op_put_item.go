package engine

import (
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// putItem stores an item, replacing the one with its key.
func (e *Engine) putItem(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.PutItemInput](req)
	if err != nil {
		return nil, err
	}
	w := itemWrite{
		table:            in.TableName,
		conditionFailure: in.ReturnValuesOnConditionCheckFailure,
		check:            func(t *table) *ddb.Error { return checkItemKeys(t, in.Item) },
		key:              func(t *table) ddb.Item { key, _ := t.desc.KeySchema.KeyOf(in.Item); return key },
		change:           func(_ *table, m *mutation) *ddb.Error { m.new, m.hasNew = in.Item, true; return nil },
	}
	bad := mixedParameters(
		[]parameter{{"Expected", in.Expected != nil}, {"ConditionalOperator", in.ConditionalOperator != nil}},
		[]parameter{{"ConditionExpression", in.ConditionExpression != nil}})
	if bad == nil {
		bad = checkValues(in.Item)
	}
	if bad != nil {
		return nil, bad
	}
	x := newExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expr.Supplied{Kind: expr.ConditionExpression, Present: in.ConditionExpression != nil})
	x.require(returnsOldOnly(in.ReturnValues))
	x.require(checkPutSize(in.Item))
	w.condition = x.expected(in.Expected, in.ConditionalOperator)
	x.begin()
	if in.ConditionExpression != nil {
		w.condition = x.condition(expr.ConditionExpression, in.ConditionExpression)
	}
	if bad := x.finish(); bad != nil {
		return nil, bad
	}
	m, err := e.writeItem(ctx, e.scopeOf(req), w)
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.PutItemOutput{
		Attributes:            returnedValues(in.ReturnValues, m, nil),
		ConsumedCapacity:      consumedByWrites(in.ReturnConsumedCapacity, in.TableName, m),
		ItemCollectionMetrics: e.collectionMetrics(in.ReturnItemCollectionMetrics, m),
	}), nil
}
