package invalidation

import (
	"context"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/ddb/partiql"
)

// A statement names the item that it writes in its text. One that is understood is announced for that item and nothing
// else; a SELECT for nothing; and one that is not understood, or does not name one item as far as can be told, for
// everything. Nothing is ever installed: what a write leaves is not known from its text, and a transaction that is
// repeated under its ClientRequestToken succeeds without writing.

// statementSource is a statement as a request carries it.
type statementSource struct {
	text       string
	parameters []ddb.AttributeValue
}

// planExecuteStatement plans one statement.
func planExecuteStatement(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.ExecuteStatementInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	return planStatements(g, ctx, req, []statementSource{{in.Statement, in.Parameters}})
}

// planBatchExecuteStatement plans every statement of a batch, each of which succeeds or fails by itself.
func planBatchExecuteStatement(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.BatchExecuteStatementInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	sources := make([]statementSource, len(in.Statements))
	for i, s := range in.Statements {
		sources[i] = statementSource{s.Statement, s.Parameters}
	}
	p := planStatements(g, ctx, req, sources)
	p.outcomes = func(resp *ddb.Response, err error, result coherence.Result) []outcome {
		out := p.all(result)
		if err != nil {
			return out
		}
		answer, err := ddb.OutputAs[ddb.BatchExecuteStatementOutput](resp)
		for i := range out {
			member := p.keys[i].member
			switch {
			case err != nil || member >= len(answer.Responses):
				out[i].result = coherence.Ambiguous
			case answer.Responses[member].Error != nil:
				out[i].result = memberResult(answer.Responses[member].Error.Code)
			}
		}
		return out
	}
	return p
}

// memberResult is what the code of a failed statement in a batch tells. (API Reference, BatchStatementError: Code.)
func memberResult(code string) coherence.Result {
	switch code {
	case "ConditionalCheckFailed", "DuplicateItem":
		return coherence.ConditionFailed
	case "InternalServerError", "":
		return coherence.Ambiguous
	}
	return coherence.NotApplied
}

// planExecuteTransaction plans every statement of a transaction.
func planExecuteTransaction(g *Guard, ctx context.Context, req *ddb.Request) *plan {
	in, err := ddb.InputAs[ddb.ExecuteTransactionInput](req)
	if err != nil {
		return planEverything(g, ctx, req)
	}
	sources := make([]statementSource, len(in.TransactStatements))
	for i, s := range in.TransactStatements {
		sources[i] = statementSource{s.Statement, s.Parameters}
	}
	p := planStatements(g, ctx, req, sources)
	p.transaction = true
	p.outcomes = func(_ *ddb.Response, err error, result coherence.Result) []outcome {
		return p.transacted(&g.config.Rules, err, result)
	}
	return p
}

// planStatements plans statements.
func planStatements(g *Guard, ctx context.Context, req *ddb.Request, sources []statementSource) *plan {
	p := &plan{}
	if g.store.Authoritative() {
		return p // what is written is announced
	}
	for i, s := range sources {
		e, err := partiql.Classify(s.text, s.parameters)
		switch {
		case err != nil:
			return &plan{everything: true}
		case e.Writes:
			p.add(g, ctx, req, e.Table, change{key: e.Item, member: i})
		}
	}
	return p
}
