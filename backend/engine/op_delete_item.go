package engine

import (
	"context"

	"millrace/ddb"
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
	c := conditioned{in.Expected, in.ConditionalOperator, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.ReturnValues}
	var bad *ddb.Error
	if w.condition, bad = c.check(in.Key); bad != nil {
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
