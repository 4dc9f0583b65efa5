package proxy

import (
	"context"

	"millrace/cache"
	"millrace/ddb"
	"millrace/ddb/expr"
	"millrace/invalidation"
)

// query serves Query.
func (p *Proxy) query(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	if q := p.recall(req); q != nil {
		return p.servePage(ctx, req, o, reply, q)
	}
	if x := p.scanQuery(ctx, req); x != nil {
		return p.queryScanned(ctx, req, o, reply, x)
	}
	return p.page(ctx, req, o, reply, p.newQuery)
}

// scan serves Scan.
func (p *Proxy) scan(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	if q := p.recall(req); q != nil {
		return p.servePage(ctx, req, o, reply, q)
	}
	return p.page(ctx, req, o, reply, p.newScan)
}

// page serves a Query or Scan that is not remembered, if parse understands it.
func (p *Proxy) page(ctx context.Context, req *ddb.Request, o Options, reply *Reply, parse func(context.Context, *ddb.Request) (*pageRead, bool)) error {
	reply.waits()
	q, ok := parse(ctx, req)
	if !ok {
		return p.forward(ctx, req, o, reply)
	}
	err := p.servePage(ctx, req, o, reply, q)
	if err == nil && reply.Result == Hit {
		p.remember(req, q)
	}
	return err
}

// pageExpressions are the parsed expressions of a Query or Scan.
type pageExpressions struct {
	projection *expr.Projection
	filter     *expr.Condition
	key        *expr.KeyCondition
}

// parsePageExpressions parses what a page's request has, with env's memory; nil texts are none. It reports false when DynamoDB would
// refuse any of it.
func parsePageExpressions(env *expr.Env, names ddb.Names, values ddb.Values, projection, filter, key *string) (x pageExpressions, ok bool) {
	if projection == nil && filter == nil && key == nil {
		return x, names == nil && values == nil
	}
	env.Reset(names, values)
	if env.CheckSupplied(
		expr.Supplied{Kind: expr.FilterExpression, Present: filter != nil},
		expr.Supplied{Kind: expr.ProjectionExpression, Present: projection != nil},
		expr.Supplied{Kind: expr.KeyConditionExpression, Present: key != nil},
	) != nil {
		return x, false
	}
	var err *ddb.Error
	if projection != nil {
		if x.projection, err = expr.ParseProjection(*projection, env); err != nil {
			return x, false
		}
	}
	if filter != nil {
		if x.filter, err = expr.ParseCondition(expr.FilterExpression, *filter, env); err != nil {
			return x, false
		}
	}
	if key != nil {
		if x.key, err = expr.ParseKeyCondition(*key, env); err != nil {
			return x, false
		}
	}
	return x, env.Unused() == nil
}

// pageTable finds the table, the index and the settings of a page; false when it is not cached.
func (p *Proxy) pageTable(ctx context.Context, req *ddb.Request, table string, index *string, strong bool) (*pageRead, bool) {
	s := p.schema(ctx, req, table)
	if s == nil {
		return nil, false
	}
	q := new(pageRead)
	return q, q.of(req.Op, s, table, index, strong)
}

// of makes q a read of a table, by the name that the client has for it, and an index of that; false when it is not cached.
func (q *pageRead) of(op ddb.Operation, s *cache.Schema, table string, index *string, strong bool) bool {
	name := ""
	if index != nil {
		if name = *index; name == "" {
			return false
		}
	}
	x, ok := s.Index(name)
	if !ok || strong && x.Global {
		return false
	}
	settings := s.Pages(name)
	*q = pageRead{op: op, schema: s, table: table, index: x, settings: settings, strong: strong}
	return settings.Pages
}

// fetches reports whether the page may show or test attributes that its index does not hold.
func (q *pageRead) fetches(choice *string, x pageExpressions) bool {
	if q.index.ProjectsAll() {
		return false
	}
	if choice != nil && *choice == "ALL_ATTRIBUTES" {
		return true
	}
	var names []string
	if x.projection != nil {
		names = append(names, x.projection.TopLevelNames()...)
	}
	if x.filter != nil {
		names = append(names, x.filter.TopLevelNames()...)
	}
	for _, name := range names {
		if !q.index.Projects(name) {
			return true
		}
	}
	return false
}

// expressions adds the filter and the projection.
func (c *canonical) expressions(x pageExpressions) {
	c.field(func(dst []byte) []byte {
		if x.filter == nil {
			return dst
		}
		return x.filter.AppendCanonical(dst)
	})
	c.field(func(dst []byte) []byte {
		if x.projection == nil {
			return dst
		}
		return x.projection.AppendCanonical(dst)
	})
}

// keyRange adds a bound key condition.
func (c *canonical) keyRange(r expr.KeyRange) {
	c.number(len(r.RangeEq))
	c.number(int(r.Op))
	c.field(func(dst []byte) []byte {
		for _, v := range r.Hash {
			dst = ddb.AppendKeyValue(dst, v)
		}
		for _, v := range r.RangeEq {
			dst = ddb.AppendKeyValue(dst, v)
		}
		if r.Op != expr.RangeNone {
			dst = ddb.AppendKeyValue(dst, r.A)
		}
		if r.Op == expr.RangeBetween {
			dst = ddb.AppendKeyValue(dst, r.B)
		}
		return dst
	})
}

// newQuery decodes and checks a Query; false means that it must be forwarded.
func (p *Proxy) newQuery(ctx context.Context, req *ddb.Request) (*pageRead, bool) {
	in, err := ddb.InputAs[ddb.QueryInput](req)
	if err != nil || req.Partial() || in.KeyConditionExpression == nil || in.KeyConditions != nil || in.QueryFilter != nil ||
		in.ConditionalOperator != nil || in.AttributesToGet != nil {
		return nil, false
	}
	s := p.schema(ctx, req, in.TableName)
	if s == nil {
		return nil, false
	}
	return queryOf(req.Op, s, in)
}

// queryOf makes a page's read of a Query of a table that is known; false means that it must be forwarded.
func queryOf(op ddb.Operation, s *cache.Schema, in *ddb.QueryInput) (*pageRead, bool) {
	q := new(pageRead)
	if !q.of(op, s, in.TableName, in.IndexName, isTrue(in.ConsistentRead)) || !q.query(in, new(expr.Env), make(canonical, 0, canonicalRoom)) {
		return nil, false
	}
	q.fetch = func(ctx context.Context, p *Proxy, how strength) (page, error) {
		sent, req := *in, new(ddb.Request)
		return fetchQuery(ctx, p, q, &sent, req, nil, how)
	}
	return q, true
}

// query takes in what a Query asks for of q's table, in memory of env's and c's; false means that it must be forwarded.
func (q *pageRead) query(in *ddb.QueryInput, env *expr.Env, c canonical) bool {
	x, ok := parsePageExpressions(env, in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		in.ProjectionExpression, in.FilterExpression, in.KeyConditionExpression)
	if !ok {
		return false
	}
	r, bad := x.key.Bind(q.index.KeySchema(), q.schema.Description.AttributeKind)
	if bad != nil {
		return false
	}
	q.reverse = in.ScanIndexForward != nil && !*in.ScanIndexForward
	q.start, q.capacity = in.ExclusiveStartKey, in.ReturnConsumedCapacity
	q.span = querySpan(q.index, q.index.SpanName(q.fetches(in.Select, x)), r)

	q.whole = q.index.Global && x.filter == nil && x.projection == nil && (in.Select == nil || *in.Select != "COUNT")

	c = append(c, 'Q')
	c.text(q.index.Name)
	c.selection(in.Select, q.index.Name != "", x.projection != nil)
	c.optional(in.Limit)
	if q.reverse {
		c.number(1)
	} else {
		c.number(0)
	}
	if !c.startKey(in.ExclusiveStartKey) {
		return false
	}
	c.keyRange(r)
	c.expressions(x)
	q.key = c
	q.read = readPage[ddb.QueryOutput]
	return len(c) <= maxPageKeyBytes
}

// fetchQuery reads a Query's page from the backend, with in, which it changes for that, in a request whose body is made in room if that
// is not nil.
func fetchQuery(ctx context.Context, p *Proxy, q *pageRead, in *ddb.QueryInput, req *ddb.Request, room []byte, how strength) (page, error) {
	in.ReturnConsumedCapacity, in.ConsistentRead = p.capacityMode(q), consistency(q.index, how.strong)
	*req = *ddb.NewTypedRequest(in)
	req.MakeIn(room)
	return p.fetchPage(ctx, q, req, in.ReturnConsumedCapacity, how)
}

// fetchPage reads q's page with req, which asks for its cost in this way.
func (p *Proxy) fetchPage(ctx context.Context, q *pageRead, req *ddb.Request, capacity *string, how strength) (page, error) {
	resp, err := p.send(ctx, q.schema.Scope, req, how)
	if err != nil {
		return page{}, err
	}
	if capacity != q.capacity {
		p.guard.Worked(q.schema, invalidation.RewriteCapacity)
	}
	got, ok := plainPage(resp.Body())
	if !ok {
		got, err = q.read(resp) // in memory of its own
	} else if resp.Lent() {
		got.lent = resp
	}
	got.id = resp.RequestID
	return got, err
}

// readPage takes a page out of a Query's or a Scan's response, which are of the same members.
func readPage[T ddb.QueryOutput | ddb.ScanOutput](resp *ddb.Response) (page, error) {
	out, err := wholeOutput[T](resp)
	if err != nil {
		return page{}, err
	}
	bare := ddb.QueryOutput(*out)
	got := page{size: sizeOf(bare.Items), last: bare.LastEvaluatedKey, cost: bare.ConsumedCapacity}
	bare.ConsumedCapacity = nil
	got.body = ddb.AppendShape(make([]byte, 0, pageRoom(bare.Items)), &bare)
	return got, nil
}

// sizeOf is what DynamoDB counts the items as.
func sizeOf(items []ddb.Item) (n int) {
	for _, item := range items {
		n += item.Size()
	}
	return n
}

// pageRoom is about how long the JSON of a page with these items is, so that it need not grow while it is written.
func pageRoom(items []ddb.Item) int {
	n := len(`{"Items":[],"Count":1000000,"ScannedCount":1000000}`)
	for _, item := range items {
		n += len(`{},`) + len(item)*len(`"":{"S":""},`) + item.Size()
	}
	return n
}

// consistency is the ConsistentRead to send; a global index cannot be read strongly.
func consistency(x *cache.IndexLayout, strong bool) *bool {
	if !strong || x.Global {
		return nil
	}
	return &strongRead
}

// newScan decodes and checks a Scan; false means that it must be forwarded.
func (p *Proxy) newScan(ctx context.Context, req *ddb.Request) (*pageRead, bool) {
	in, err := ddb.InputAs[ddb.ScanInput](req)
	if err != nil || req.Partial() || in.ScanFilter != nil || in.ConditionalOperator != nil || in.AttributesToGet != nil {
		return nil, false
	}
	q, ok := p.pageTable(ctx, req, in.TableName, in.IndexName, isTrue(in.ConsistentRead))
	if !ok {
		return nil, false
	}
	x, ok := parsePageExpressions(new(expr.Env), in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		in.ProjectionExpression, in.FilterExpression, nil)
	if !ok {
		return nil, false
	}
	q.start, q.capacity = in.ExclusiveStartKey, in.ReturnConsumedCapacity
	q.span.Index, q.span.Eventual = q.index.SpanName(q.fetches(in.Select, x)), q.index.Global

	c := append(make(canonical, 0, canonicalRoom), 'S')
	c.text(q.index.Name)
	c.selection(in.Select, q.index.Name != "", x.projection != nil)
	c.optional(in.Limit)
	c.optional(in.Segment)
	c.optional(in.TotalSegments)
	if !c.startKey(in.ExclusiveStartKey) {
		return nil, false
	}
	c.expressions(x)
	q.key = c
	q.read = readPage[ddb.ScanOutput]
	q.fetch = func(ctx context.Context, p *Proxy, how strength) (page, error) {
		return fetchScan(ctx, p, q, *in, how)
	}
	return q, len(c) <= maxPageKeyBytes
}

// fetchScan reads a Scan's page from the backend.
func fetchScan(ctx context.Context, p *Proxy, q *pageRead, in ddb.ScanInput, how strength) (page, error) {
	in.ReturnConsumedCapacity, in.ConsistentRead = p.capacityMode(q), consistency(q.index, how.strong)
	return p.fetchPage(ctx, q, ddb.NewTypedRequest(&in), in.ReturnConsumedCapacity, how)
}
