package engine

import (
	"bytes"
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// query reads a page of one partition of a table or index.
func (e *Engine) query(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.QueryInput](req)
	if err != nil {
		return nil, err
	}
	q, bad := newQueryRead(in)
	if bad != nil {
		return nil, bad
	}
	return e.answerPage(req, pageRequest{
		table:    in.TableName,
		capacity: in.ReturnConsumedCapacity,
		plan:     func(t *table) (*pageRead, *ddb.Error) { return q.plan(t, in) },
		output:   func(out *ddb.QueryOutput) any { return out },
	})
}

// queryRead is a Query after everything that does not depend on the table was checked.
type queryRead struct {
	projection *expr.Projection
	filter     *expr.Condition
	// filterName is what messages call the filter.
	filterName string
	key        *expr.KeyCondition
}

// newQueryRead checks in up to the table.
func newQueryRead(in *ddb.QueryInput) (*queryRead, *ddb.Error) {
	legacy := []parameter{
		{"AttributesToGet", in.AttributesToGet != nil}, {"QueryFilter", in.QueryFilter != nil},
		{"ConditionalOperator", in.ConditionalOperator != nil},
	}
	if in.KeyConditionExpression != nil {
		// KeyConditions beside the other expressions is one of the mixtures that DynamoDB takes.
		legacy = append(legacy, parameter{"KeyConditions", in.KeyConditions != nil})
	}
	if err := mixedParameters(legacy, []parameter{
		{"ProjectionExpression", in.ProjectionExpression != nil}, {"FilterExpression", in.FilterExpression != nil},
		{"KeyConditionExpression", in.KeyConditionExpression != nil},
	}); err != nil {
		return nil, err
	}
	if err := checkStartValues(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	x := newExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expr.Supplied{Kind: expr.FilterExpression, Present: in.FilterExpression != nil},
		expr.Supplied{Kind: expr.ProjectionExpression, Present: in.ProjectionExpression != nil},
		expr.Supplied{Kind: expr.KeyConditionExpression, Present: in.KeyConditionExpression != nil})
	if err := checkSelect(in.Select, projectionParameter(in.ProjectionExpression, in.AttributesToGet), in.IndexName != nil); err != nil {
		// Query words these as a broken constraint, Scan does not.
		x.require(ddb.Validation("%s", "1 validation error detected: "+err.Message))
	}
	q := &queryRead{filterName: "QueryFilter"}
	q.filter = x.filter(in.QueryFilter, in.ConditionalOperator)
	x.begin()
	q.projection = x.projection(in.ProjectionExpression, in.AttributesToGet)
	if in.FilterExpression != nil {
		q.filterName = "Filter Expression"
		q.filter = x.condition(expr.FilterExpression, in.FilterExpression)
	}
	q.key = x.keyCondition(in.KeyConditionExpression, in.KeyConditions)
	if err := x.finish(); err != nil {
		return nil, err
	}
	return q, q.key.Check()
}

// projectionParameter names the parameter that says which attributes to return, if there is one.
func projectionParameter(projection *string, attributes []string) string {
	switch {
	case projection != nil:
		return "ProjectionExpression"
	case attributes != nil:
		return "AttributesToGet"
	}
	return ""
}

// plan checks q against t.
func (q *queryRead) plan(t *table, in *ddb.QueryInput) (*pageRead, *ddb.Error) {
	idx, bad := findIndex(t, in.IndexName, isTrue(in.ConsistentRead))
	if bad != nil {
		return nil, bad
	}
	schema := t.desc.KeySchema
	if idx != nil {
		schema = idx.KeySchema
	}
	start := in.ExclusiveStartKey
	if start != nil {
		if len(start) != startKeySize(t, idx) {
			return nil, ddb.Validation(textStartKey)
		}
		if err := checkStartSchema(t, schema, start); err != nil {
			return nil, err
		}
	}
	r, bad := q.key.Bind(schema, t.desc.AttributeKind)
	if bad != nil {
		return nil, bad
	}
	if bad := checkRangeValues(schema, r); bad != nil {
		return nil, bad
	}
	if start != nil {
		if err := checkQueryStart(t, idx, schema, r, start); err != nil {
			return nil, err
		}
	}
	p := pageChoice{q.filter, q.projection, in.Select, in.Limit, in.ConsistentRead}.read(t, idx)
	p.reverse = in.ScanIndexForward != nil && !*in.ScanIndexForward
	if bad := q.checkAttributes(p, in.Select, schema); bad != nil {
		return nil, bad
	}
	p.lower, p.upper = queryBounds(t, idx, r)
	if start != nil {
		p.resume(start)
	}
	return p, nil
}

// checkAttributes checks what p filters by and returns against the table and index, and decides whether p fetches.
func (q *queryRead) checkAttributes(p *pageRead, choice *string, schema ddb.KeySchema) *ddb.Error {
	var names []string
	if p.projection != nil {
		names = p.projection.TopLevelNames()
		if err := checkScalarPaths(p.table, p.projection.NestedNames()); err != nil {
			return err
		}
	}
	if p.filter != nil {
		for _, e := range schema {
			for _, name := range p.filter.TopLevelNames() {
				if name == e.AttributeName {
					return ddb.Validation("%s can only contain non-primary key attributes: Primary key attribute: %s", q.filterName, name)
				}
			}
		}
		if err := checkScalarPaths(p.table, p.filter.NestedNames()); err != nil {
			return err
		}
	}
	var bad *ddb.Error
	if p.fetch, bad = checkProjected(p.index, choice, names); bad != nil {
		return bad
	}
	if p.filter != nil && !p.fetch {
		return checkFilterProjected(p.index, p.filter.TopLevelNames())
	}
	return nil
}

// resume makes p begin after start, which lies within its bounds.
func (p *pageRead) resume(start ddb.Item) {
	at := p.table.cursorKey(p.index, start)
	if p.reverse {
		p.upper = at
		return
	}
	p.lower = append(at, 0)
}

// checkRangeValues refuses key condition operands that no key could equal.
func checkRangeValues(schema ddb.KeySchema, r expr.KeyRange) *ddb.Error {
	f := func(name string, vs ...ddb.AttributeValue) *ddb.Error {
		for _, v := range vs {
			if kind := emptyKind(v); kind != "" {
				return emptyKeyError(name, kind)
			}
		}
		return nil
	}
	for i, name := range schema.HashAll() {
		if err := f(name, r.Hash[i]); err != nil {
			return err
		}
	}
	names := schema.RangeAll()
	for i, v := range r.RangeEq {
		if err := f(names[i], v); err != nil {
			return err
		}
	}
	switch r.Op {
	case expr.RangeNone:
		return nil
	case expr.RangeBetween:
		return f(names[len(r.RangeEq)], r.A, r.B)
	}
	return f(names[len(r.RangeEq)], r.A)
}

// queryBounds bounds the store keys of everything that satisfies r.
func queryBounds(t *table, idx *index, r expr.KeyRange) (lower, upper []byte) {
	prefix := t.partitionPrefix(idx, r.Hash...)
	for _, v := range r.RangeEq {
		prefix = ddb.AppendKeyValue(prefix, v)
	}
	return rangeBounds(prefix, r.Op, r.A, r.B)
}

// rangeBounds bounds the keys that begin with prefix and go on with a value v for which v op a holds, or v between a
// and b. A nil upper bound is open.
func rangeBounds(prefix []byte, op expr.RangeOp, a, b ddb.AttributeValue) (lower, upper []byte) {
	from := func(v ddb.AttributeValue) []byte { return ddb.AppendKeyValue(bytes.Clone(prefix), v) }
	after := func(v ddb.AttributeValue) []byte { return prefixEnd(from(v)) }
	switch op {
	case expr.RangeEQ:
		return from(a), after(a)
	case expr.RangeLT:
		return prefix, from(a)
	case expr.RangeLE:
		return prefix, after(a)
	case expr.RangeGT:
		return after(a), prefixEnd(prefix)
	case expr.RangeGE:
		return from(a), prefixEnd(prefix)
	case expr.RangeBetween:
		return from(a), after(b)
	case expr.RangeBeginsWith:
		lower := ddb.AppendKeyPrefix(bytes.Clone(prefix), a)
		return lower, prefixEnd(lower)
	}
	return prefix, prefixEnd(prefix)
}
