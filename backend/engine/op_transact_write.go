package engine

import (
	"context"
	"crypto/sha256"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// transactWriteItems puts, updates, deletes and checks up to 100 items of any tables, all or nothing.
func (e *Engine) transactWriteItems(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.TransactWriteItemsInput](req)
	if err != nil {
		return nil, err
	}
	tx := transaction{scope: e.scopeOf(req), op: req.Op, actions: make([]itemWrite, len(in.TransactItems))}
	names := make([]string, len(in.TransactItems))
	payload := 0
	for i := range in.TransactItems {
		a, bad := newAction(&in.TransactItems[i])
		if bad != nil {
			return nil, bad
		}
		tx.actions[i], names[i] = a.itemWrite, a.table
		payload += a.payload
	}
	if bad := checkTransactionSize(payload); bad != nil {
		return nil, bad
	}
	if in.ClientRequestToken != nil {
		tx.token, tx.digest = *in.ClientRequestToken, digestTransaction(*in)
	}
	done, err := e.transact(ctx, tx)
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.TransactWriteItemsOutput{
		ConsumedCapacity:      done.consumed(in.ReturnConsumedCapacity, names),
		ItemCollectionMetrics: e.transactedCollections(in.ReturnItemCollectionMetrics, tx.actions, done),
	}), nil
}

// digestTransaction tells apart requests that are not the same but for their token. How the client wrote them in JSON does
// not count: members and sets are in order, numbers in one form.
func digestTransaction(in ddb.TransactWriteItemsInput) [sha256.Size]byte {
	in.ClientRequestToken = nil
	return sha256.Sum256(ddb.AppendShape(nil, &in))
}

// transactedCollections is the answer's ItemCollectionMetrics: those of every item that was written. Nothing is told of a
// transaction that was done before. (That a check has none is assumed.)
func (e *Engine) transactedCollections(mode *string, actions []itemWrite, done transacted) map[string][]ddb.ItemCollectionMetrics {
	var out map[string][]ddb.ItemCollectionMetrics
	for i, m := range done.mutations {
		if actions[i].change == nil {
			continue
		}
		if metrics := e.collectionMetrics(mode, m); metrics != nil {
			if out == nil {
				out = make(map[string][]ddb.ItemCollectionMetrics)
			}
			name := actions[i].table
			out[name] = append(out[name], *metrics)
		}
	}
	return out
}

// transactAction is one action after everything that does not depend on its table was checked.
type transactAction struct {
	itemWrite
	// payload is how much of the transaction's largest size it takes.
	payload int
}

// newAction checks an action: that it is one, its values, the size of an item that it puts, and its expressions. What is
// wrong here is told of the request as a whole, whatever other actions are.
func newAction(in *ddb.TransactWriteItem) (transactAction, *ddb.Error) {
	kinds := 0
	for _, sent := range []bool{in.ConditionCheck != nil, in.Put != nil, in.Delete != nil, in.Update != nil} {
		if sent {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return transactAction{}, ddb.Validation("TransactItems can only contain one of Check, Put, Update or Delete")
	case in.ConditionCheck != nil:
		c := in.ConditionCheck
		return newKeyAction(c.TableName, c.Key, nil, c.ConditionExpression, c.ReturnValuesOnConditionCheckFailure,
			c.ExpressionAttributeNames, c.ExpressionAttributeValues)
	case in.Put != nil:
		return newPutAction(in.Put)
	case in.Delete != nil:
		d := in.Delete
		a, bad := newKeyAction(d.TableName, d.Key, nil, d.ConditionExpression, d.ReturnValuesOnConditionCheckFailure,
			d.ExpressionAttributeNames, d.ExpressionAttributeValues)
		a.change = func(*table, *mutation) *ddb.Error { return nil }
		return a, bad
	case in.Update != nil:
		u := in.Update
		return newKeyAction(u.TableName, u.Key, u.UpdateExpression, u.ConditionExpression, u.ReturnValuesOnConditionCheckFailure,
			u.ExpressionAttributeNames, u.ExpressionAttributeValues)
	}
	return transactAction{}, ddb.Validation("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
}

// newPutAction is newAction for a Put.
func newPutAction(in *ddb.TransactPut) (transactAction, *ddb.Error) {
	if bad := checkValues(in.Item); bad != nil {
		return transactAction{}, bad
	}
	x := newExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expr.Supplied{Kind: expr.ConditionExpression, Present: in.ConditionExpression != nil})
	x.require(checkPutSize(in.Item))
	x.begin()
	a := transactAction{payload: in.Item.Size() + valuesSize(in.ExpressionAttributeValues), itemWrite: itemWrite{
		table:            in.TableName,
		condition:        x.condition(expr.ConditionExpression, in.ConditionExpression),
		conditionFailure: in.ReturnValuesOnConditionCheckFailure,
		check:            func(t *table) *ddb.Error { return checkItemKeys(t, in.Item) },
		key:              func(t *table) ddb.Item { key, _ := t.desc.KeySchema.KeyOf(in.Item); return key },
		change:           func(_ *table, m *mutation) *ddb.Error { m.new, m.hasNew = in.Item, true; return nil },
	}}
	return a, x.finish()
}

// newKeyAction is newAction for an action that names its item by key. Without an update it has no change.
func newKeyAction(name string, key ddb.Item, update, condition, conditionFailure *string, names ddb.Names, values ddb.Values) (transactAction, *ddb.Error) {
	if bad := checkValues(key); bad != nil {
		return transactAction{}, bad
	}
	sent := []expr.Supplied{{Kind: expr.ConditionExpression, Present: condition != nil}}
	if update != nil {
		sent = append([]expr.Supplied{{Kind: expr.UpdateExpression, Present: true}}, sent...)
	}
	x := newExpressions(names, values, sent...)
	x.begin()
	u := x.update(update, nil)
	a := transactAction{payload: key.Size() + valuesSize(values), itemWrite: itemWrite{
		table:            name,
		condition:        x.condition(expr.ConditionExpression, condition),
		conditionFailure: conditionFailure,
		check:            func(t *table) *ddb.Error { return checkUpdate(t, key, u) },
		key:              func(*table) ddb.Item { return key },
	}}
	if u != nil {
		a.change = func(t *table, m *mutation) *ddb.Error { return applyTransactedUpdate(t, u, m) }
	}
	return a, x.finish()
}

// valuesSize is how much of a transaction's largest size the values of expressions take. (Assumed: what is known is that
// the request's size counts, and not that of the items that are in the table.)
func valuesSize(values ddb.Values) int {
	n := 0
	for _, v := range values {
		n += v.Size()
	}
	return n
}

// applyTransactedUpdate is applyUpdate, but for the text of an index key attribute in a wrong kind, which is PutItem's.
// (Captured from the service: github.com/paritysuite/dynamodb-conformance, pull request 46.)
func applyTransactedUpdate(t *table, u *expr.Update, m *mutation) *ddb.Error {
	_, bad := applyUpdate(t, u, m)
	if bad == nil || isEmptyKey(bad) {
		return bad
	}
	updated, _, err := u.Apply(m.key, m.old, m.hadOld)
	if err != nil || updated == nil {
		return bad
	}
	for _, name := range u.TopLevelNames() {
		if mismatch := checkIndexKind(t, name, updated); mismatch != nil {
			return mismatch
		}
	}
	return bad
}

// checkIndexKind refuses an item whose attribute called name is in a kind that an index of t cannot have as a key.
func checkIndexKind(t *table, name string, it ddb.Item) *ddb.Error {
	for _, idx := range t.indexes {
		v, ok := it.Get(name)
		if want := t.desc.AttributeKind(name); ok && idx.KeySchema.Has(name) && v.Kind() != want {
			return ddb.Validation(textInvalid+"Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s",
				name, want, v.Kind(), idx.Name)
		}
	}
	return nil
}
