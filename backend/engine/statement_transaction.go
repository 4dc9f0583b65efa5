package engine

import (
	"context"
	"crypto/sha256"

	"millrace/ddb"
	"millrace/ddb/expr"
	"millrace/ddb/partiql"
)

// executeTransaction runs up to 100 statements, all reads or all writes, all or nothing. It is a TransactGetItems or
// TransactWriteItems in other words, but what is wrong with a statement as such is told with its place, of every
// statement that does not fit its table there is a reason, and an answer to writes has no Responses. (All that captured
// from the service: github.com/paritysuite/dynamodb-conformance and github.com/floci-io/floci, pull request 3798.)
func (e *Engine) executeTransaction(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.ExecuteTransactionInput](req)
	if err != nil {
		return nil, err
	}
	for i := range in.TransactStatements {
		if bad := partiql.CheckParameters(in.TransactStatements[i].Parameters); bad != nil {
			return nil, bad
		}
	}
	statements := make([]*partiql.Statement, len(in.TransactStatements))
	for i := range in.TransactStatements {
		var bad *ddb.Error
		if statements[i], bad = partiql.Parse(in.TransactStatements[i].Statement); bad != nil {
			return nil, inStatement(i, bad)
		}
	}
	if bad := checkMixed(statements, "ExecuteTransaction"); bad != nil {
		return nil, bad
	}
	if statements[0].Verb.Writes() {
		return e.executeWrites(ctx, e.scopeOf(req), statements, in)
	}
	return e.executeReads(e.scopeOf(req), statements, in)
}

// inStatement is bad with the place of the statement that it is about. An empty key is told without.
func inStatement(i int, bad *ddb.Error) *ddb.Error {
	if bad.Code != "ValidationException" || isEmptyKey(bad) {
		return bad
	}
	return ddb.Validation("Validation failed in TransactStatements[%d]: %s", i, bad.Message)
}

// executeReads answers a transaction of SELECTs, each of one item by its key.
func (e *Engine) executeReads(scope string, statements []*partiql.Statement, in *ddb.ExecuteTransactionInput) (*ddb.Response, error) {
	selects := make([]*selectRead, len(statements))
	reads := make([]itemRead, len(statements))
	faults := make([]*ddb.Error, len(statements))
	v := e.acquireView()
	defer v.release()
	for i, s := range statements {
		var bad *ddb.Error
		if selects[i], faults[i], bad = planTransactSelect(v, scope, s, in.TransactStatements[i].Parameters); bad != nil {
			return nil, inStatement(i, bad)
		}
		if faults[i] != nil {
			continue
		}
		key := selects[i].Key
		reads[i] = itemRead{
			table: s.Table,
			check: func(t *table) *ddb.Error { return checkKey(t, key) },
			key:   func(*table) ddb.Item { return key },
		}
	}
	if bad := cancelled(faults); bad != nil {
		return nil, bad
	}
	items, err := e.transactRead(scope, reads)
	if err != nil {
		return nil, err
	}
	out := &ddb.ExecuteTransactionOutput{
		Responses:        make([]ddb.ItemResponse, len(items)),
		ConsumedCapacity: consumedByReads(in.ReturnConsumedCapacity, reads, items),
	}
	for i, item := range items {
		if shown := selects[i].show(item); len(shown) > 0 {
			out.Responses[i].Item = shown
		}
	}
	return ddb.NewTypedResponse(out), nil
}

// planTransactSelect translates a SELECT of a transaction. A fault cancels the transaction, bad refuses the request.
func planTransactSelect(v *view, scope string, s *partiql.Statement, parameters []ddb.AttributeValue) (r *selectRead, fault, bad *ddb.Error) {
	if _, missing := v.table(scope, s.Table); missing != nil {
		return nil, missing, nil
	}
	if s.Index != "" {
		return nil, nil, ddb.Validation("Reads on indices are not supported within transactions.")
	}
	if r, bad = translateSelect(v, scope, s, parameters, true); bad != nil {
		return nil, nil, bad
	}
	if r.KeyFault == nil {
		if bad = r.plan(); bad != nil {
			return nil, nil, bad
		}
	}
	switch {
	case r.Key == nil:
		return nil, nil, ddb.Validation("Select statements within ExecuteTransaction must specify the primary key in the where clause.")
	case r.KeyFault != nil:
		return nil, ddb.Validation(textSchemaMismatch), nil
	}
	return r, nil, nil
}

// executeWrites answers a transaction of INSERTs, UPDATEs, DELETEs and EXISTS.
func (e *Engine) executeWrites(ctx context.Context, scope string, statements []*partiql.Statement, in *ddb.ExecuteTransactionInput) (*ddb.Response, error) {
	tx := transaction{scope: scope, op: ddb.ExecuteTransaction, actions: make([]itemWrite, len(statements))}
	names := make([]string, len(statements))
	faults := make([]*ddb.Error, len(statements))
	payload := 0
	for i, s := range statements {
		member := &in.TransactStatements[i]
		w, fault, bad := e.planTransactWrite(scope, s, member.Parameters)
		if bad != nil {
			return nil, inStatement(i, bad)
		}
		if faults[i] = fault; fault != nil {
			continue
		}
		w.conditionFailure = member.ReturnValuesOnConditionCheckFailure
		tx.actions[i], names[i] = w.itemWrite, s.Table
		payload += w.payload
		for _, p := range member.Parameters {
			payload += p.Size()
		}
	}
	if bad := cancelled(faults); bad != nil {
		return nil, bad
	}
	if bad := checkTransactionSize(payload); bad != nil {
		return nil, bad
	}
	if in.ClientRequestToken != nil {
		tx.token, tx.digest = *in.ClientRequestToken, digestStatements(*in)
	}
	done, err := e.transact(ctx, tx)
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.ExecuteTransactionOutput{
		Responses:        []ddb.ItemResponse{},
		ConsumedCapacity: done.consumed(in.ReturnConsumedCapacity, names),
	}), nil
}

// planTransactWrite translates a write of a transaction and checks it against its table. A fault cancels the transaction,
// bad refuses the request.
func (e *Engine) planTransactWrite(scope string, s *partiql.Statement, parameters []ddb.AttributeValue) (w *statementWrite, fault, bad *ddb.Error) {
	v := e.acquireView()
	defer v.release()
	if _, missing := v.table(scope, s.Table); missing != nil {
		return nil, missing, nil
	}
	if s.Returning != "" {
		return nil, nil, ddb.Validation("RETURNING clause is not supported in ExecuteTransaction.")
	}
	w, bad = e.planStatement(scope, s, parameters)
	switch {
	case bad != nil && partiql.IsIncompleteKey(bad):
		return nil, ddb.Validation(textSchemaMismatch), nil
	case bad != nil:
		return nil, nil, bad
	}
	if s.Verb == partiql.Update {
		// Nothing is returned, so nothing has to be noted of what was touched.
		w.change = transactedChange(w.update)
	}
	if _, fault = w.checked(v, scope); isEmptyKey(fault) {
		return nil, nil, fault
	}
	return w, fault, nil
}

// transactedChange is the change of an UPDATE in a transaction.
func transactedChange(u *expr.Update) func(*table, *mutation) *ddb.Error {
	return func(t *table, m *mutation) *ddb.Error { return shortNesting(applyTransactedUpdate(t, u, m)) }
}

// digestStatements tells apart requests that are not the same but for their token.
func digestStatements(in ddb.ExecuteTransactionInput) [sha256.Size]byte {
	in.ClientRequestToken = nil
	return sha256.Sum256(ddb.AppendShape(nil, &in))
}
