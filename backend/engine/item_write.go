package engine

import (
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// itemWrite is a PutItem, UpdateItem or DeleteItem after everything that does not depend on the table was checked.
type itemWrite struct {
	// table is the table as the request names it.
	table string
	// condition must hold for the item as it is; nil always does.
	condition *expr.Condition
	// conditionFailure is ReturnValuesOnConditionCheckFailure.
	conditionFailure *string
	// check checks the request against the table.
	check func(t *table) *ddb.Error
	// key is the item's primary key; called after check.
	key func(t *table) ddb.Item
	// change fills in m.new and m.hasNew from m.old; called when the condition holds.
	change func(t *table, m *mutation) *ddb.Error
}

// writeItem checks w against its table, then under the item's lock evaluates the condition and the change and
// commits. It returns the mutation that was committed. A *ddb.Error means that nothing was.
func (e *Engine) writeItem(ctx context.Context, scope string, w itemWrite) (mutation, error) {
	v := e.acquireView()
	t, bad := w.checked(v, scope)
	v.release()
	if bad != nil {
		return mutation{}, bad
	}
	key := w.key(t)
	lock, bad := t.itemKey(key)
	if bad != nil {
		return mutation{}, bad
	}
	var m mutation
	err := e.commitAs(ctx, single, []lockKey{lock}, func(v *view) (writeSet, error) {
		now, bad := v.table(scope, w.table)
		if bad != nil {
			return writeSet{}, bad
		}
		if now != t {
			// The table changed while we waited: an index may have come, or another table have taken its name.
			if now.number != t.number {
				return writeSet{}, ddb.ResourceNotFound("Requested resource not found")
			}
			if now, bad = w.checked(v, scope); bad != nil {
				return writeSet{}, bad
			}
		}
		m = mutation{table: now, key: key}
		var err error
		if m.old, m.hadOld, err = v.old(now, lock); err != nil {
			return writeSet{}, err
		}
		if w.condition != nil && !w.condition.Match(m.old) {
			if bad := e.admitFailure(m); bad != nil {
				return writeSet{}, bad
			}
			return writeSet{}, conditionFailed(w.conditionFailure, m.old, m.hadOld)
		}
		if bad := w.change(now, &m); bad != nil {
			return writeSet{}, bad
		}
		if bad := e.admitWrite(m); bad != nil {
			return writeSet{}, bad
		}
		return writeSet{mutations: []mutation{m}}, nil
	})
	if _, refused := err.(*conflict); refused {
		return mutation{}, transactionConflict()
	}
	return m, err
}

// checked looks the table up in v and checks w against it.
func (w *itemWrite) checked(v *view, scope string) (*table, *ddb.Error) {
	t, err := v.table(scope, w.table)
	if err != nil {
		return nil, err
	}
	if w.condition != nil {
		if err := checkScalarPaths(t, w.condition.NestedNames()); err != nil {
			return nil, err
		}
	}
	return t, w.check(t)
}
