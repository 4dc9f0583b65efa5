package engine

import (
	"millrace/ddb"
	"millrace/ddb/expr"
)

// pageRequest is a Query or Scan after everything that does not depend on the table was checked.
type pageRequest struct {
	table string
	// capacity is ReturnConsumedCapacity.
	capacity *string
	// plan checks the request against its table.
	plan func(t *table) (*pageRead, *ddb.Error)
	// output makes the operation's own output of Query's: they have the same members.
	output func(*ddb.QueryOutput) any
}

// answerPage reads the page that r asks for, and answers with it.
func (e *Engine) answerPage(req *ddb.Request, r pageRequest) (*ddb.Response, error) {
	v := e.acquireView()
	defer v.release()
	t, bad := v.table(e.scopeOf(req), r.table)
	if bad != nil {
		return nil, bad
	}
	p, bad := r.plan(t)
	if bad != nil {
		return nil, bad
	}
	got, err := e.readPage(v, p)
	if err != nil {
		return nil, err
	}
	return got.respond(func(items []ddb.Item) any {
		return r.output(&ddb.QueryOutput{
			Items:            items,
			Count:            got.count,
			ScannedCount:     got.scanned,
			LastEvaluatedKey: got.last,
			ConsumedCapacity: got.cost.consumed(r.capacity, r.table),
			Cost:             &got.read,
		})
	}), nil
}

// pageChoice is what a Query or Scan says of its page beside where it begins and ends.
type pageChoice struct {
	filter     *expr.Condition
	projection *expr.Projection
	// choice is Select.
	choice     *string
	limit      *int
	consistent *bool
}

// read makes a page of t or idx that has no bounds yet.
func (c pageChoice) read(t *table, idx *index) *pageRead {
	p := &pageRead{
		table: t, index: idx, filter: c.filter, projection: c.projection,
		count: c.choice != nil && *c.choice == "COUNT", consistent: isTrue(c.consistent), copies: true,
	}
	if c.limit != nil {
		p.limit = *c.limit
	}
	return p
}
