package engine

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"millrace/ddb"
	"millrace/ddb/partiql"
)

// The order in which DynamoDB looks for faults in a statement: its parameters' values; its syntax, and what it works on;
// the table and index; its meaning for these, expressions in the order of the text; and then what a request of the
// data plane that does the same would be refused for. That names of tables are looked up before expressions are
// understood is assumed where they are not malformed.

// executeStatement runs one statement.
func (e *Engine) executeStatement(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.ExecuteStatementInput](req)
	if err != nil {
		return nil, err
	}
	s, bad := parseStatement(in.Statement, in.Parameters)
	if bad != nil {
		return nil, bad
	}
	switch s.Verb {
	case partiql.Exists:
		return nil, ddb.Validation("EXISTS can only be used in ExecuteTransaction write requests.")
	case partiql.Select:
		return e.executeSelect(e.scopeOf(req), s, in)
	}
	w, m, err := e.writeStatement(ctx, e.scopeOf(req), s, in.Parameters, in.ReturnValuesOnConditionCheckFailure)
	if err != nil {
		return nil, err
	}
	out := &ddb.ExecuteStatementOutput{Items: []ddb.Item{}}
	if item := w.returned(m); item != nil {
		out.Items = append(out.Items, item)
	}
	c := writeCost(m)
	out.ConsumedCapacity = c.consumed(in.ReturnConsumedCapacity, s.Table)
	return ddb.NewTypedResponse(out), nil
}

// parseStatement reads a statement, after a look at the values for its question marks.
func parseStatement(text string, parameters []ddb.AttributeValue) (*partiql.Statement, *ddb.Error) {
	if bad := partiql.CheckParameters(parameters); bad != nil {
		return nil, bad
	}
	return partiql.Parse(text)
}

// batchExecuteStatement runs up to 25 statements side by side, all reads or all writes, each on one item. Each succeeds
// or fails by itself.
func (e *Engine) batchExecuteStatement(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.BatchExecuteStatementInput](req)
	if err != nil {
		return nil, err
	}
	statements := make([]*partiql.Statement, len(in.Statements))
	faults := make([]*ddb.Error, len(in.Statements))
	for i, member := range in.Statements {
		statements[i], faults[i] = parseStatement(member.Statement, member.Parameters)
	}
	if bad := checkMixed(statements, "BatchExecuteStatement"); bad != nil {
		return nil, bad
	}
	out := &ddb.BatchExecuteStatementOutput{Responses: make([]ddb.BatchStatementResponse, len(statements))}
	consumed := make([]*ddb.ConsumedCapacity, len(statements))
	// Side by side, writes share a commit.
	var g errgroup.Group
	for i, s := range statements {
		r := &out.Responses[i]
		if faults[i] != nil {
			r.Error = batchStatementError(faults[i])
			continue
		}
		r.TableName = ddb.TableName(s.Table)
		g.Go(func() error {
			item, c, err := e.executeMember(ctx, e.scopeOf(req), s, &in.Statements[i])
			if bad, ok := err.(*ddb.Error); ok {
				r.Error = batchStatementError(bad)
				return nil
			}
			r.Item, consumed[i] = item, c.consumed(in.ReturnConsumedCapacity, s.Table)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, c := range consumed {
		if c != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *c)
		}
	}
	return ddb.NewTypedResponse(out), nil
}

// checkMixed refuses reads beside writes; those that could not be read, nil, are neither. The text is that of
// ExecuteTransaction; that BatchExecuteStatement has the same is assumed.
func checkMixed(statements []*partiql.Statement, operation string) *ddb.Error {
	reads, writes := false, false
	for _, s := range statements {
		if s != nil {
			reads = reads || !s.Verb.Writes()
			writes = writes || s.Verb.Writes()
		}
	}
	if reads && writes {
		return ddb.Validation("%s API does not support both read and write operations in the same request.", operation)
	}
	return nil
}

// executeMember runs one statement of a batch and returns the item it answers with, nil for none.
func (e *Engine) executeMember(ctx context.Context, scope string, s *partiql.Statement, in *ddb.BatchStatementRequest) (ddb.Item, cost, error) {
	switch s.Verb {
	case partiql.Exists:
		return nil, cost{}, ddb.Validation("EXISTS can only be used in ExecuteTransaction write requests.")
	case partiql.Select:
		return e.selectOne(scope, s, in)
	}
	w, m, err := e.writeStatement(ctx, scope, s, in.Parameters, in.ReturnValuesOnConditionCheckFailure)
	if err != nil {
		return nil, cost{}, err
	}
	return w.returned(m), writeCost(m), nil
}

// batchCodes are the codes of exceptions within a batch that do not come of leaving "Exception" off.
// (API Reference, BatchStatementError: Code.)
var batchCodes = map[string]string{"ValidationException": "ValidationError", "ThrottlingException": "ThrottlingError"}

// batchStatementError is bad as a batch tells it.
func batchStatementError(bad *ddb.Error) *ddb.BatchStatementError {
	code, ok := batchCodes[bad.Code]
	if !ok {
		code = strings.TrimSuffix(bad.Code, "Exception")
	}
	out := &ddb.BatchStatementError{Code: code, Message: bad.Message}
	if bad.HasItem {
		out.Item = bad.Item
	}
	return out
}
