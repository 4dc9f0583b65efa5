package engine

import (
	"context"

	"millrace/ddb"
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
	c := conditioned{in.Expected, in.ConditionalOperator, in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.ReturnValues}
	var bad *ddb.Error
	if w.condition, bad = c.check(in.Item, checkPutSize); bad != nil {
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
