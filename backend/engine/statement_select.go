package engine

import (
	"bytes"
	"slices"

	"millrace/ddb"
	"millrace/ddb/expr"
	"millrace/ddb/partiql"
)

// selectRead is a SELECT after it was understood for its table: the spans of store keys to read, one after the other,
// and what to keep of what is there.
type selectRead struct {
	*partiql.Read
	table *table
	index *index
	spans []selectSpan
	// fetch is pageRead's.
	fetch      bool
	consistent bool
}

// selectSpan is a part of one partition, or for a scan all of the table or index. The bounds are store keys.
type selectSpan struct {
	hash         ddb.AttributeValue
	lower, upper []byte
	// negated is partiql.Range's.
	negated bool
	// point is true where there is one item at most.
	point bool
}

// maxSelectItems is the most items in an answer that is put together from several ranges of keys.
// (Developer Guide, "PartiQL operators": IN, "Results are returned in pages of up to 10 items".)
const maxSelectItems = 10

// executeSelect answers a SELECT.
func (e *Engine) executeSelect(scope string, s *partiql.Statement, in *ddb.ExecuteStatementInput) (*ddb.Response, error) {
	v := e.acquireView()
	defer v.release()
	r, bad := planSelect(v, scope, s, in.Parameters, isTrue(in.ConsistentRead))
	if bad != nil {
		return nil, bad
	}
	from := selectPlace{}
	id := r.identity(scope, in.Statement, in.Parameters)
	if in.NextToken != nil {
		if from, bad = e.openToken(*in.NextToken, id); bad != nil {
			return nil, bad
		}
	}
	limit := 0
	if in.Limit != nil {
		limit = *in.Limit
	}
	seen := e.replica(v, r.table, r.index, r.consistent)
	defer seen.releaseUnless(v)
	got, next, err := r.run(seen, from, limit)
	if err != nil {
		return nil, err
	}
	if bad := e.admitRead(r.table, got.cost); bad != nil {
		return nil, bad
	}
	out := &ddb.ExecuteStatementOutput{
		Items:            r.shown(got.items),
		ConsumedCapacity: got.cost.consumed(in.ReturnConsumedCapacity, s.Table),
	}
	if next != nil {
		token := e.sealToken(*next, id)
		out.NextToken, out.LastEvaluatedKey = &token, next.key
	}
	return ddb.NewTypedResponse(out), nil
}

// selectOne answers a SELECT in a batch: that of one item by its key, and by nothing else.
func (e *Engine) selectOne(scope string, s *partiql.Statement, in *ddb.BatchStatementRequest) (ddb.Item, cost, error) {
	v := e.acquireView()
	defer v.release()
	consistent := isTrue(in.ConsistentRead)
	r, bad := planSelect(v, scope, s, in.Parameters, consistent)
	if bad != nil {
		return nil, cost{}, bad
	}
	if r.Key == nil || r.index != nil {
		return nil, cost{}, ddb.Validation("Select statements within BatchExecuteStatement must specify the primary key in the where clause.")
	}
	if bad := checkKey(r.table, r.Key); bad != nil {
		return nil, cost{}, bad
	}
	seen := e.replica(v, r.table, nil, consistent)
	defer seen.releaseUnless(v)
	item, found, err := keyRead{}.get(seen, r.table, r.Key)
	if err != nil {
		return nil, cost{}, err
	}
	c := cost{table: readHalves(item.Size(), consistent)}
	if bad := e.admitRead(r.table, c); bad != nil {
		return nil, cost{}, bad
	}
	if !found {
		return nil, c, nil
	}
	return r.show(item), c, nil
}

// planSelect looks up the table and index of a SELECT and translates it.
func planSelect(v *view, scope string, s *partiql.Statement, parameters []ddb.AttributeValue, consistent bool) (*selectRead, *ddb.Error) {
	r, bad := translateSelect(v, scope, s, parameters, consistent)
	if bad != nil {
		return nil, bad
	}
	if r.KeyFault != nil {
		return nil, r.KeyFault
	}
	return r, r.plan()
}

// translateSelect is planSelect up to the ranges to read.
func translateSelect(v *view, scope string, s *partiql.Statement, parameters []ddb.AttributeValue, consistent bool) (*selectRead, *ddb.Error) {
	t, bad := v.table(scope, s.Table)
	if bad != nil {
		return nil, bad
	}
	r := &selectRead{table: t, consistent: consistent}
	if s.Index != "" {
		if r.index, bad = selectIndex(t, s.Index, consistent); bad != nil {
			return nil, bad
		}
	}
	schema := r.schema()
	if len(schema.HashAll()) > 1 || len(schema.RangeAll()) > 1 {
		return nil, ddb.Validation("PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.")
	}
	r.Read, bad = s.Read(parameters, schema, t.desc.AttributeKind)
	return r, bad
}

// selectIndex is the index that a SELECT names. Query says the first two in other words.
func selectIndex(t *table, name string, consistent bool) (*index, *ddb.Error) {
	idx, ok := t.index(name)
	switch {
	case !ok:
		return nil, ddb.Validation("The table does not have the specified index")
	case idx.Global && consistent:
		return nil, ddb.Validation("Strongly consistent read is not supported on Global Secondary Indexes")
	case idx.filling:
		// Assumed: the text is that of Query.
		return nil, ddb.Validation("Cannot read from backfilling global secondary index: %s", name)
	}
	return idx, nil
}

// schema is the key of what is read.
func (r *selectRead) schema() ddb.KeySchema {
	if r.index != nil {
		return r.index.KeySchema
	}
	return r.table.desc.KeySchema
}

// plan checks the attributes that r mentions and finds its spans.
func (r *selectRead) plan() *ddb.Error {
	names := r.Filter.TopLevelNames()
	nested := r.Filter.NestedNames()
	var columns []string
	for _, c := range r.Columns {
		columns = append(columns, c.Path.TopLevel())
		if c.Path.Nested() {
			nested = append(nested, c.Path.TopLevel())
		}
	}
	for _, name := range slices.Concat(names, columns) {
		if bad := checkName(name); bad != nil {
			return bad
		}
	}
	if bad := checkScalarPaths(r.table, nested); bad != nil {
		return bad
	}
	var bad *ddb.Error
	if r.fetch, bad = checkProjected(r.index, nil, columns); bad != nil {
		return bad
	}
	if !r.Keyed {
		lower, upper := r.table.segmentBounds(r.index, 0, 1)
		r.spans = []selectSpan{{lower: lower, upper: upper}}
		return nil
	}
	return r.planSpans()
}

// planSpans finds the spans of a read by key. Of the attributes that conditions mention, those of the first span have
// to be in the index. (That it is the first in the order of hashes fits what was captured from the service:
// github.com/floci-io/floci, pull request 3798.)
func (r *selectRead) planSpans() *ddb.Error {
	var first []byte
	var names []string
	for i := range r.Ranges {
		s, ok, bad := r.span(&r.Ranges[i])
		if bad != nil {
			return bad
		}
		if !ok {
			continue
		}
		if first == nil || bytes.Compare(s.lower, first) < 0 {
			first, names = s.lower, r.Ranges[i].Names
		}
		r.spans = append(r.spans, s)
	}
	slices.SortStableFunc(r.spans, func(a, b selectSpan) int { return bytes.Compare(a.lower, b.lower) })
	if bad := r.mergeSpans(); bad != nil {
		return bad
	}
	if bad := checkFilterProjected(r.index, names); bad != nil && !r.fetch {
		return bad
	}
	if r.Ordered {
		slices.SortStableFunc(r.spans, r.compareSpans)
	}
	return nil
}

// compareSpans is the order of spans under ORDER BY: by partition key, then by sort key.
func (r *selectRead) compareSpans(a, b selectSpan) int {
	c, _ := ddb.Compare(a.hash, b.hash)
	if r.HashDescending {
		c = -c
	}
	if c == 0 {
		if c = bytes.Compare(a.lower, b.lower); r.SortDescending {
			c = -c
		}
	}
	return c
}

// span is the span of store keys that x asks for; false if no key can be in it.
func (r *selectRead) span(x *partiql.Range) (selectSpan, bool, *ddb.Error) {
	schema := r.schema()
	if kind := emptyKind(x.Hash); kind != "" {
		return selectSpan{}, false, emptyKeyError(schema.Hash(), kind)
	}
	prefix := r.table.partitionPrefix(r.index, x.Hash)
	s := selectSpan{hash: x.Hash, negated: x.Negated}
	s.lower, s.upper = rangeBounds(prefix, expr.RangeNone, ddb.AttributeValue{}, ddb.AttributeValue{})
	equal := schema.Range() == ""
	for _, c := range x.Sort {
		if kind := emptyKind(c.A); kind != "" {
			return selectSpan{}, false, emptyKeyError(schema.Range(), kind)
		}
		lower, upper := rangeBounds(bytes.Clone(prefix), c.Op, c.A, c.B)
		s.lower = slices.MaxFunc([][]byte{s.lower, lower}, bytes.Compare)
		s.upper = slices.MinFunc([][]byte{s.upper, upper}, bytes.Compare)
		equal = equal || c.Op == expr.RangeEQ
	}
	s.point = equal && r.index == nil
	return s, bytes.Compare(s.lower, s.upper) < 0, nil
}

// mergeSpans refuses spans that overlap, except where one excludes keys: such a one is put together with those it
// overlaps with. The spans are in order.
func (r *selectRead) mergeSpans() *ddb.Error {
	var merged []selectSpan
	for _, s := range r.spans {
		n := len(merged)
		if n == 0 || bytes.Compare(s.lower, merged[n-1].upper) >= 0 {
			merged = append(merged, s)
			continue
		}
		last := &merged[n-1]
		if !s.negated && !last.negated {
			return ddb.Validation("Overlapping conditions with range keys are not supported in where clause")
		}
		last.upper = slices.MaxFunc([][]byte{last.upper, s.upper}, bytes.Compare)
		last.negated, last.point = true, last.point && s.point
	}
	r.spans = merged
	return nil
}

// selectPlace is where a SELECT goes on: in the span of that number, behind the item with that key; a nil key is the
// span's beginning.
type selectPlace struct {
	span int
	key  ddb.Item
}

// run reads a page from there on: up to limit items before the filter, 0 for no limit, and 1 MB. next is where the next
// page begins, nil when there is none.
func (r *selectRead) run(v *view, from selectPlace, limit int) (got *page, next *selectPlace, err error) {
	got = &page{items: []ddb.Item{}}
	if from.span >= len(r.spans) && (from.span > 0 || from.key != nil) || from.key != nil && !r.inSpan(from) {
		return nil, nil, tokenMismatched()
	}
	for i := from.span; i < len(r.spans); i++ {
		s := &r.spans[i]
		p := &pageRead{
			table: r.table, index: r.index, lower: s.lower, upper: s.upper, reverse: r.Ordered && r.SortDescending,
			filter: r.Filter, fetch: r.fetch, consistent: r.consistent,
		}
		if limit > 0 {
			p.limit = limit - got.scanned
		}
		if len(r.spans) > 1 {
			p.most = maxSelectItems - len(got.items)
		}
		if i == from.span && from.key != nil {
			p.resume(from.key)
		}
		part, err := p.run(v)
		if err != nil {
			return nil, nil, err
		}
		got.items = append(got.items, part.items...)
		got.scanned += part.scanned
		got.pageBytes += part.pageBytes
		got.cost.add(part.cost)
		if part.last != nil && !s.point {
			return got, &selectPlace{i, part.last}, nil
		}
		full := got.scanned == limit && limit > 0 || got.pageBytes >= ddb.MaxPageBytes || len(got.items) >= maxSelectItems
		if full && i+1 < len(r.spans) {
			return got, &selectPlace{span: i + 1}, nil
		}
	}
	return got, nil, nil
}

// inSpan reports whether a page can begin behind p.key: whether that is a key of what is read, and in p's span.
func (r *selectRead) inSpan(p selectPlace) bool {
	if len(p.key) != startKeySize(r.table, r.index) || checkStartTableKey(r.table, p.key) != nil ||
		checkStartSchema(r.table, r.schema(), p.key) != nil {
		return false
	}
	at, s := r.table.cursorKey(r.index, p.key), &r.spans[p.span]
	return bytes.Compare(at, s.lower) >= 0 && bytes.Compare(at, s.upper) < 0
}

// shown is what the SELECT shows of items.
func (r *selectRead) shown(items []ddb.Item) []ddb.Item {
	for i := range items {
		items[i] = r.show(items[i])
	}
	return items
}

// show is what the SELECT shows of one item: every column under its name, and none where the item has nothing.
func (r *selectRead) show(item ddb.Item) ddb.Item {
	if r.Columns == nil {
		return item
	}
	attrs := make([]ddb.Attribute, 0, len(r.Columns))
	for _, c := range r.Columns {
		if value, ok := c.Path.Find(item); ok {
			attrs = append(attrs, ddb.Attribute{Name: c.Name, Value: value})
		}
	}
	return ddb.ItemOf(attrs...)
}
