package engine

import (
	"bytes"
	"context"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// scan reads a page of a whole table or index, or of one of the segments it is cut into.
func (e *Engine) scan(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.ScanInput](req)
	if err != nil {
		return nil, err
	}
	s, bad := newScanRead(in)
	if bad != nil {
		return nil, bad
	}
	return e.answerPage(req, pageRequest{
		table:    in.TableName,
		capacity: in.ReturnConsumedCapacity,
		plan:     func(t *table) (*pageRead, *ddb.Error) { return s.plan(t, in) },
		output:   func(out *ddb.QueryOutput) any { return (*ddb.ScanOutput)(out) },
	})
}

// scanRead is a Scan after everything that does not depend on the table was checked.
type scanRead struct {
	projection *expr.Projection
	filter     *expr.Condition
}

// newScanRead checks in up to the table.
func newScanRead(in *ddb.ScanInput) (*scanRead, *ddb.Error) {
	if err := mixedParameters(
		[]parameter{{"AttributesToGet", in.AttributesToGet != nil}, {"ScanFilter", in.ScanFilter != nil},
			{"ConditionalOperator", in.ConditionalOperator != nil}},
		[]parameter{{"ProjectionExpression", in.ProjectionExpression != nil}, {"FilterExpression", in.FilterExpression != nil}},
	); err != nil {
		return nil, err
	}
	if err := checkStartValues(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	x := newExpressions(in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		expr.Supplied{Kind: expr.FilterExpression, Present: in.FilterExpression != nil},
		expr.Supplied{Kind: expr.ProjectionExpression, Present: in.ProjectionExpression != nil})
	x.require(checkSegments(in.Segment, in.TotalSegments))
	x.require(checkSelect(in.Select, projectionParameter(in.ProjectionExpression, in.AttributesToGet), in.IndexName != nil))
	s := &scanRead{filter: x.filter(in.ScanFilter, in.ConditionalOperator)}
	x.begin()
	s.projection = x.projection(in.ProjectionExpression, in.AttributesToGet)
	if in.FilterExpression != nil {
		s.filter = x.condition(expr.FilterExpression, in.FilterExpression)
	}
	return s, x.finish()
}

// checkSegments refuses a Segment without TotalSegments, the reverse, and a segment that there is not.
func checkSegments(segment, total *int) *ddb.Error {
	switch {
	case segment == nil && total == nil:
		return nil
	case total == nil:
		return ddb.Validation("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case segment == nil:
		return ddb.Validation("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	case *segment >= *total:
		return ddb.Validation("The Segment parameter is zero-based and must be less than parameter TotalSegments: "+
			"Segment: %d is not less than TotalSegments: %d", *segment, *total)
	}
	return nil
}

// plan checks s against t.
func (s *scanRead) plan(t *table, in *ddb.ScanInput) (*pageRead, *ddb.Error) {
	idx, bad := findIndex(t, in.IndexName, isTrue(in.ConsistentRead))
	if bad != nil {
		return nil, bad
	}
	start := in.ExclusiveStartKey
	if bad := checkScanStart(t, idx, start); bad != nil {
		return nil, bad
	}
	p := pageChoice{s.filter, s.projection, in.Select, in.Limit, in.ConsistentRead}.read(t, idx)
	segment, total := 0, 1
	if in.Segment != nil {
		segment, total = *in.Segment, *in.TotalSegments
	}
	p.lower, p.upper = t.segmentBounds(idx, segment, total)
	if start != nil {
		at := t.cursorKey(idx, start)
		if bytes.Compare(at, p.lower) < 0 || p.upper != nil && bytes.Compare(at, p.upper) >= 0 {
			return nil, ddb.Validation(textStartKey+": Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. "+
				"TotalSegments: %d Segment: %d", total, segment)
		}
		p.resume(start)
	}
	if p.projection != nil {
		if err := checkScalarPaths(t, p.projection.NestedNames()); err != nil {
			return nil, err
		}
	}
	if p.filter != nil {
		if err := checkScalarPaths(t, p.filter.NestedNames()); err != nil {
			return nil, err
		}
	}
	var names []string
	if p.projection != nil {
		names = p.projection.TopLevelNames()
	}
	p.fetch, bad = checkProjected(idx, in.Select, names)
	return p, bad
}

// checkScanStart refuses an ExclusiveStartKey that is no key of t or idx; nil is none.
func checkScanStart(t *table, idx *index, start ddb.Item) *ddb.Error {
	if start == nil {
		return nil
	}
	if len(start) != startKeySize(t, idx) {
		if idx == nil {
			return ddb.Validation(textStartKey + ": " + textSchemaMismatch)
		}
		return ddb.Validation(textStartKey)
	}
	if idx != nil {
		if err := checkStartSchema(t, idx.KeySchema, start); err != nil {
			return err
		}
	}
	return checkStartTableKey(t, start)
}
