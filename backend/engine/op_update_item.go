package engine

import (
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// updateItem changes attributes of an item, which it creates if there is none.
func (e *Engine) updateItem(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.UpdateItemInput](req)
	if err != nil {
		return nil, err
	}
	bad := mixedParameters(
		[]parameter{{"AttributeUpdates", in.AttributeUpdates != nil}, {"Expected", in.Expected != nil},
			{"ConditionalOperator", in.ConditionalOperator != nil}},
		[]parameter{{"UpdateExpression", in.UpdateExpression != nil}, {"ConditionExpression", in.ConditionExpression != nil}})
	if bad == nil {
		bad = checkValues(in.Key)
	}
	if bad != nil {
		return nil, bad
	}
	x := newExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expr.Supplied{Kind: expr.UpdateExpression, Present: in.UpdateExpression != nil},
		expr.Supplied{Kind: expr.ConditionExpression, Present: in.ConditionExpression != nil})
	u := x.update(nil, in.AttributeUpdates)
	condition := x.expected(in.Expected, in.ConditionalOperator)
	x.begin()
	if in.UpdateExpression != nil {
		u = x.update(in.UpdateExpression, nil)
	}
	if in.ConditionExpression != nil {
		condition = x.condition(expr.ConditionExpression, in.ConditionExpression)
	}
	if bad := x.finish(); bad != nil {
		return nil, bad
	}
	var touched *expr.Touched
	m, err := e.writeItem(ctx, e.scopeOf(req), itemWrite{
		table:            in.TableName,
		condition:        condition,
		conditionFailure: in.ReturnValuesOnConditionCheckFailure,
		check:            func(t *table) *ddb.Error { return checkUpdate(t, in.Key, u) },
		key:              func(*table) ddb.Item { return in.Key },
		change: func(t *table, m *mutation) (err *ddb.Error) {
			touched, err = applyUpdate(t, u, m)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.UpdateItemOutput{
		Attributes:            returnedValues(in.ReturnValues, m, touched),
		ConsumedCapacity:      consumedByWrites(in.ReturnConsumedCapacity, in.TableName, m),
		ItemCollectionMetrics: e.collectionMetrics(in.ReturnItemCollectionMetrics, m),
	}), nil
}

// checkUpdate checks key and u, nil for an update of nothing, against t.
func checkUpdate(t *table, key ddb.Item, u *expr.Update) *ddb.Error {
	if err := checkKey(t, key); err != nil || u == nil {
		return err
	}
	if err := checkNotKey(t, u.TopLevelNames()); err != nil {
		return err
	}
	return checkScalarPaths(t, u.NestedNames())
}

// applyUpdate makes m.new from m.old. Without an item it makes one, even when u is nil, but not when u does nothing
// but remove.
func applyUpdate(t *table, u *expr.Update, m *mutation) (*expr.Touched, *ddb.Error) {
	if u == nil {
		m.new, m.hasNew = m.old, true
		if !m.hadOld {
			m.new = m.key
		}
		return nil, nil
	}
	updated, touched, err := u.Apply(m.key, m.old, m.hadOld)
	if err != nil || updated == nil {
		return touched, err
	}
	if err := checkUpdatedIndexKeys(t, updated, u.TopLevelNames()); err != nil {
		return nil, err
	}
	if updated.Size() > ddb.MaxItemBytes {
		return nil, ddb.Validation("Item size to update has exceeded the maximum allowed size")
	}
	m.new, m.hasNew = updated, true
	return touched, nil
}
