package engine

import (
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
	"millrace/ddb/partiql"
)

// statementWrite is an INSERT, UPDATE, DELETE or EXISTS after it was understood for its table: the same itemWrite that a
// request of the data plane becomes. An EXISTS has no change.
type statementWrite struct {
	itemWrite
	// payload is how much of a transaction's largest size it takes.
	payload int

	returning string
	// update is what an UPDATE changes.
	update *expr.Update
	// touched is set by change.
	touched *expr.Touched
}

// writeStatement runs an INSERT, UPDATE or DELETE.
func (e *Engine) writeStatement(ctx context.Context, scope string, s *partiql.Statement, parameters []ddb.AttributeValue,
	conditionFailure *string) (*statementWrite, mutation, error) {
	w, bad := e.planStatement(scope, s, parameters)
	if bad != nil {
		return nil, mutation{}, bad
	}
	w.conditionFailure = conditionFailure
	m, err := e.writeItem(ctx, scope, w.itemWrite)
	return w, m, err
}

// planStatement looks up the table of an INSERT, UPDATE, DELETE or EXISTS and translates it. Should the table be
// another by the time it is run, the write's own checks find that out.
func (e *Engine) planStatement(scope string, s *partiql.Statement, parameters []ddb.AttributeValue) (*statementWrite, *ddb.Error) {
	v := e.acquireView()
	defer v.release()
	t, bad := v.table(scope, s.Table)
	if bad != nil {
		return nil, bad
	}
	if s.Verb == partiql.Insert {
		item, bad := s.Item(parameters)
		if bad != nil {
			return nil, bad
		}
		return newInsert(s, item)
	}
	c, bad := s.Change(parameters, t.desc.KeySchema)
	if bad != nil {
		return nil, bad
	}
	return newChange(s, t, c)
}

// newInsert is an INSERT, which unlike a PutItem never replaces.
func newInsert(s *partiql.Statement, item ddb.Item) (*statementWrite, *ddb.Error) {
	if bad := checkValues(item); bad != nil {
		return nil, bad
	}
	if bad := checkPutSize(item); bad != nil {
		return nil, bad
	}
	return &statementWrite{payload: item.Size(), itemWrite: itemWrite{
		table: s.Table,
		check: func(t *table) *ddb.Error { return checkItemKeys(t, item) },
		key:   func(t *table) ddb.Item { key, _ := t.desc.KeySchema.KeyOf(item); return key },
		change: func(_ *table, m *mutation) *ddb.Error {
			if m.hadOld {
				return &ddb.Error{Code: "DuplicateItemException", Message: "Duplicate primary key exists in table"}
			}
			m.new, m.hasNew = item, true
			return nil
		},
	}}, nil
}

// newChange is an UPDATE, DELETE or EXISTS of one item of t. An UPDATE never makes an item; a DELETE of none succeeds
// whatever its condition.
func newChange(s *partiql.Statement, t *table, c *partiql.Change) (*statementWrite, *ddb.Error) {
	exists, bad := expr.Call("attribute_exists", expr.At(expr.NewPath(t.desc.KeySchema.Hash())))
	if bad != nil {
		return nil, bad
	}
	w := &statementWrite{returning: s.Returning, update: c.Update, payload: c.Key.Size(), itemWrite: itemWrite{
		table:     s.Table,
		condition: c.Condition,
		check: func(t *table) *ddb.Error {
			if bad := checkStatementNames(c); bad != nil {
				return bad
			}
			return checkUpdate(t, c.Key, c.Update)
		},
		key: func(*table) ddb.Item { return c.Key },
	}}
	switch s.Verb {
	case partiql.Exists:
		// A check of an item that is not there fails, as a SELECT of it finds nothing: assumed.
		w.condition = expr.And(exists, c.Condition)
	case partiql.Update:
		w.condition = expr.And(exists, c.Condition)
		w.change = func(t *table, m *mutation) (bad *ddb.Error) {
			w.touched, bad = applyUpdate(t, c.Update, m)
			return shortNesting(bad)
		}
	case partiql.Delete:
		if c.Condition != nil {
			w.condition = expr.Or(expr.Not(exists), c.Condition)
		}
		w.change = func(*table, *mutation) *ddb.Error { return nil }
	}
	return w, nil
}

// checkStatementNames refuses names that no attribute may have.
func checkStatementNames(c *partiql.Change) *ddb.Error {
	names := c.Condition.TopLevelNames()
	if c.Update != nil {
		names = append(names, c.Update.TopLevelNames()...)
	}
	for _, name := range names {
		if bad := checkName(name); bad != nil {
			return bad
		}
	}
	return nil
}

// shortNesting gives the refusal of an item that was made too deep, which may be nil, the words that statements have
// for it. (Captured from the service: github.com/floci-io/floci, pull request 3798.)
func shortNesting(bad *ddb.Error) *ddb.Error {
	if bad != nil && bad.Message == ddb.NestingText {
		return ddb.Validation("Nesting Levels have exceeded supported limits")
	}
	return bad
}

// returningModes are the RETURNING clauses in the words of ReturnValues.
var returningModes = map[string]string{
	"ALL OLD *": "ALL_OLD", "ALL NEW *": "ALL_NEW", "MODIFIED OLD *": "UPDATED_OLD", "MODIFIED NEW *": "UPDATED_NEW",
}

// returned is what the RETURNING clause asks for of m; nil for nothing.
func (w *statementWrite) returned(m mutation) ddb.Item {
	if w.returning == "" {
		return nil
	}
	mode := returningModes[w.returning]
	return returnedValues(&mode, m, w.touched)
}
