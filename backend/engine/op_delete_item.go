package engine

import (
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// deleteItem removes an item; that there is none is no fault.
func (e *Engine) deleteItem(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DeleteItemInput](req)
	if err != nil {
		return nil, err
	}
	w := itemWrite{
		table:            in.TableName,
		conditionFailure: in.ReturnValuesOnConditionCheckFailure,
		check:            func(t *table) *ddb.Error { return checkKey(t, in.Key) },
		key:              func(*table) ddb.Item { return in.Key },
		change:           func(*table, *mutation) *ddb.Error { return nil },
	}
	bad := mixedParameters(
		[]parameter{{"Expected", in.Expected != nil}, {"ConditionalOperator", in.ConditionalOperator != nil}},
		[]parameter{{"ConditionExpression", in.ConditionExpression != nil}})
	if bad == nil {
		bad = checkValues(in.Key)
	}
	if bad != nil {
		return nil, bad
	}
	x := newExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expr.Supplied{Kind: expr.ConditionExpression, Present: in.ConditionExpression != nil})
	x.require(returnsOldOnly(in.ReturnValues))
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
	return ddb.NewTypedResponse(&ddb.DeleteItemOutput{
		Attributes:            returnedValues(in.ReturnValues, m, nil),
		ConsumedCapacity:      consumedByWrites(in.ReturnConsumedCapacity, in.TableName, m),
		ItemCollectionMetrics: e.collectionMetrics(in.ReturnItemCollectionMetrics, m),
	}), nil
}
