package proxy

import (
	"context"
	"sync"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// scannedQuery is a Query that was read without the decoder: the plainest one there is, of members that each come once, with strings
// without escapes, and with values of type S, or N in canonical form. It borrows from the client's body, and its memory is used again,
// so it is for a request that is over when its client is answered.
//
// scan takes no body that the full decoder would refuse or read otherwise; the other way round it gives up on anything unusual, so
// that it can be small. (FuzzScanQuery holds it to that.)
type scannedQuery struct {
	page pageRead
	// in is what was scanned; the rest of what it leads to is below.
	in                   ddb.QueryInput
	table                []byte
	condition, indexName string
	limit                int
	forward, strong      bool
	names                ddb.Names
	values               ddb.Values
	env                  expr.Env
	key                  [canonicalRoom]byte
	// sent and req are its request to the backend, whose body is made in body.
	sent ddb.QueryInput
	req  ddb.Request
	body [2 * canonicalRoom]byte
	// fetch is the page's, made once.
	fetch func(ctx context.Context, p *Proxy, how strength) (page, error)
}

// maxPlaceholders is how many names, and how many values, are scanned at most: so many have room in a map from the beginning.
const maxPlaceholders = 8

// scannedQueries are those that are used again.
var scannedQueries = sync.Pool{New: func() any {
	x := &scannedQuery{names: make(ddb.Names, maxPlaceholders), values: make(ddb.Values, maxPlaceholders)}
	x.fetch = func(ctx context.Context, p *Proxy, how strength) (page, error) {
		x.sent = x.in
		return fetchQuery(ctx, p, &x.page, &x.sent, &x.req, x.body[:0], how)
	}
	return x
}}

// release lets go of what was borrowed, so that x can be used again.
func (x *scannedQuery) release() {
	x.page, x.in, x.sent, x.req = pageRead{}, ddb.QueryInput{}, ddb.QueryInput{}, ddb.Request{}
	x.table, x.condition, x.indexName = nil, "", ""
	clear(x.names)
	clear(x.values)
	x.env.Reset(nil, nil)
	scannedQueries.Put(x)
}

// scanQuery reads a Query of a table that is known, for a caller who stays; nil for one that is left to newQuery.
func (p *Proxy) scanQuery(ctx context.Context, req *ddb.Request) *scannedQuery {
	if req.Body() == nil || !stays(ctx) {
		return nil
	}
	x := scannedQueries.Get().(*scannedQuery)
	if x.scan(req.Body()) {
		if s := p.schemas.Known(req.Scope, x.table); s != nil && x.page.of(req.Op, s, s.Name, x.in.IndexName, isTrue(x.in.ConsistentRead)) {
			// Names outlive requests, in counters for one.
			x.in.TableName, x.indexName = s.Name, x.page.index.Name
			if x.page.query(&x.in, &x.env, x.key[:0]) {
				x.page.fetch, x.page.passing = x.fetch, true
				return x
			}
		}
	}
	x.release()
	return nil
}

// queryScanned serves a Query that was scanned.
func (p *Proxy) queryScanned(ctx context.Context, req *ddb.Request, o Options, reply *Reply, x *scannedQuery) error {
	err := p.servePage(ctx, req, o, reply, &x.page)
	if err == nil && reply.Result == Hit && p.remembered.again(req) {
		if q, ok := x.page.lasting(req); ok {
			p.remember(req, q)
		}
	}
	// A panic leaves it to the garbage collector, for who knows who has it.
	x.release()
	return err
}

// scan reads body into x.in and reports whether it understood all of it.
func (x *scannedQuery) scan(body []byte) bool {
	s := bodyScanner{b: body}
	if !s.take('{') {
		return false
	}
	in := &x.in
	for {
		name, ok := s.str()
		if !ok || !s.take(':') {
			return false
		}
		switch string(name) {
		case "TableName":
			if in.TableName != "" {
				return false
			}
			x.table, ok = s.str()
			in.TableName = borrowed(x.table)
		case "IndexName":
			ok = in.IndexName == nil && s.text(&x.indexName)
			in.IndexName = &x.indexName
		case "KeyConditionExpression":
			ok = in.KeyConditionExpression == nil && s.text(&x.condition)
			in.KeyConditionExpression = &x.condition
		case "Limit":
			ok = in.Limit == nil && s.small(&x.limit)
			in.Limit = &x.limit
		case "ScanIndexForward":
			ok = in.ScanIndexForward == nil && s.truth(&x.forward)
			in.ScanIndexForward = &x.forward
		case "ConsistentRead":
			ok = in.ConsistentRead == nil && s.truth(&x.strong)
			in.ConsistentRead = &x.strong
		case "ExpressionAttributeNames":
			ok = in.ExpressionAttributeNames == nil && x.scanNames(&s)
			in.ExpressionAttributeNames = x.names
		case "ExpressionAttributeValues":
			ok = in.ExpressionAttributeValues == nil && x.scanValues(&s)
			in.ExpressionAttributeValues = x.values
		default:
			return false
		}
		if !ok {
			return false
		}
		if s.take(',') {
			continue
		}
		return s.take('}') && s.end() && in.TableName != "" && in.KeyConditionExpression != nil
	}
}

// scanNames reads the value of ExpressionAttributeNames.
func (x *scannedQuery) scanNames(s *bodyScanner) bool {
	return s.placeholders(func(key string) bool {
		var name string
		if _, again := x.names[key]; again || len(x.names) == maxPlaceholders || !s.text(&name) || len(name) > ddb.MaxPlaceholderBytes {
			return false
		}
		x.names[key] = name
		return true
	})
}

// scanValues reads the value of ExpressionAttributeValues.
func (x *scannedQuery) scanValues(s *bodyScanner) bool {
	return s.placeholders(func(key string) bool {
		if _, again := x.values[key]; again || len(x.values) == maxPlaceholders || !s.take('{') {
			return false
		}
		kind, ok := s.str()
		if !ok || !s.take(':') {
			return false
		}
		text, ok := s.str()
		if !ok || !s.take('}') {
			return false
		}
		switch {
		case string(kind) == "S":
			x.values[key] = ddb.StringValue(borrowed(text))
		case string(kind) == "N" && len(text) > 0 && isPlainInteger(text):
			x.values[key] = ddb.CanonicalNumber(borrowed(text))
		default:
			return false
		}
		return true
	})
}

// placeholders reads an object that is not empty, of placeholders, each of which value reads the value of.
func (s *bodyScanner) placeholders(value func(key string) bool) bool {
	if !s.take('{') {
		return false
	}
	for {
		var key string
		if !s.text(&key) || len(key) > ddb.MaxPlaceholderBytes || !s.take(':') || !value(key) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// text reads a string into v, which borrows it.
func (s *bodyScanner) text(v *string) bool {
	raw, ok := s.str()
	*v = borrowed(raw)
	return ok
}

// small reads a number from 1 to 99999 into v.
func (s *bodyScanner) small(v *int) bool {
	s.space()
	*v = 0
	start := s.pos
	for s.pos < len(s.b) && s.pos < start+5 && s.b[s.pos] >= '0' && s.b[s.pos] <= '9' {
		*v = *v*10 + int(s.b[s.pos]-'0')
		s.pos++
	}
	return *v > 0 && s.b[start] != '0'
}
