package proxy

import (
	"bytes"
	"context"
	"errors"
	"unsafe"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/ddb/expr"
	"millrace/invalidation"
)

// keyBytes is room on the stack for the cache keys of most items.
const keyBytes = 192

// getItem serves GetItem. The common body is read without decoding it; everything else is decoded, and what is
// unusual is forwarded.
func (p *Proxy) getItem(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	var g scannedGet
	if body := req.Body(); body != nil && !o.NoCache && g.scan(body) {
		if s := p.schemas.Known(req.Scope, g.table); s != nil && s.Settings.Items {
			var room [keyBytes]byte
			if key, ok := g.appendKey(room[:0], s); ok {
				return p.getScanned(ctx, req, o, reply, s, key, &g)
			}
		}
	}
	return p.getDecoded(ctx, req, o, reply)
}

// getScanned serves a GetItem of a whole item without ConsumedCapacity. What get and key borrow is copied for a read of the
// backend, which others may wait for when the client's bytes are gone.
func (p *Proxy) getScanned(ctx context.Context, req *ddb.Request, o Options, reply *Reply, s *cache.Schema, key []byte, get *scannedGet) error {
	n, strong := len(reply.Body), get.strong
	reply.Table = s.Counters
	reply.Body = append(reply.Body, `{"Item":`...)
	r := p.items.Read(s, key, cache.Lookup{Strong: strong, MaxAge: o.MaxAge, Thrift: thrift(s), KeepStale: p.config.StaleIfError}, reply.Body)
	switch r.Outcome {
	case coherence.Hit:
		reply.Body, reply.Result = append(r.Body, '}'), Hit
		avoided(s, itemHalves(r.Meta.Size, strong))
	case coherence.Negative:
		reply.Body, reply.Result = append(reply.Body[:n], `{}`...), Negative
		avoided(s, itemHalves(0, strong))
	default:
		reply.Body = reply.Body[:n]
		return p.resume(ctx, req, o, reply, &itemRead{schema: s, key: get.item(), cacheKey: bytes.Clone(key), strong: strong}, r)
	}
	if s.Stale() {
		// The table was changed before the lookup; the key may have been another item's.
		reply.Body = reply.Body[:n]
		return p.forward(ctx, req, o, reply)
	}
	if s.Sampled() {
		p.auditScanned(ctx, req, o, r, r.Body[n+len(`{"Item":`):])
	}
	return nil
}

// itemRead is a GetItem after all checks.
type itemRead struct {
	schema     *cache.Schema
	key        ddb.Item
	cacheKey   []byte
	projection *expr.Projection
	strong     bool
	capacity   *string
}

// newItemRead decodes and checks a GetItem; false means that it must be forwarded.
func (p *Proxy) newItemRead(ctx context.Context, req *ddb.Request, _ Options) (*itemRead, bool) {
	in, err := ddb.InputAs[ddb.GetItemInput](req)
	if err != nil || in.AttributesToGet != nil {
		return nil, false
	}
	s := p.schema(ctx, req, in.TableName)
	if s == nil || !s.Settings.Items {
		return nil, false
	}
	g := &itemRead{schema: s, key: in.Key, strong: isTrue(in.ConsistentRead), capacity: in.ReturnConsumedCapacity}
	var ok bool
	if g.projection, ok = parseProjection(s, in.ProjectionExpression, in.ExpressionAttributeNames); !ok {
		return nil, false
	}
	if g.projection != nil && !p.guard.MayRewrite(s, invalidation.RewriteProjection) {
		return nil, false
	}
	g.cacheKey, ok = s.AppendKey(nil, in.Key)
	return g, ok
}

// parseProjection parses a read's projection, nil when it has none. It reports false when DynamoDB would refuse it.
func parseProjection(s *cache.Schema, text *string, names ddb.Names) (*expr.Projection, bool) {
	if text == nil {
		return nil, names == nil
	}
	env := expr.NewEnv(names, nil)
	if env.CheckSupplied(expr.Supplied{Kind: expr.ProjectionExpression, Present: true}) != nil {
		return nil, false
	}
	projection, err := expr.ParseProjection(*text, env)
	if err != nil || env.Unused() != nil {
		return nil, false
	}
	for _, name := range projection.NestedNames() {
		if s.IsKey(name) {
			return nil, false // a path into a scalar
		}
	}
	return projection, true
}

// isTrue is the value of an optional boolean that defaults to false.
func isTrue(b *bool) bool { return b != nil && *b }

// getDecoded serves any GetItem.
func (p *Proxy) getDecoded(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	g, ok := p.newItemRead(ctx, req, o)
	if !ok {
		return p.forward(ctx, req, o, reply)
	}
	reply.Table = g.schema.Counters
	r := p.items.Read(g.schema, g.cacheKey, cache.Lookup{Strong: g.strong, NoCache: o.NoCache, MaxAge: o.MaxAge, Thrift: thrift(g.schema), KeepStale: p.config.StaleIfError}, nil)
	return p.resume(ctx, req, o, reply, g, r)
}

// resume goes on from a lookup.
func (p *Proxy) resume(ctx context.Context, req *ddb.Request, o Options, reply *Reply, g *itemRead, r coherence.Read) error {
	for {
		if g.schema.Stale() {
			p.leave(r)
			return p.forward(ctx, req, o, reply)
		}
		var a cache.Answer
		switch r.Outcome {
		case coherence.Hit:
			reply.Result = Hit
			a = cache.Answer{Body: r.Body, Meta: r.Meta}
		case coherence.Negative:
			reply.Result = Negative
			a = cache.Answer{Absent: true}
		default:
			reply.Result = missOf(r, o)
			if r.Outcome == coherence.Lead {
				p.background(ctx, func(ctx context.Context) { p.fillItem(ctx, g, r.Flight) },
					func(err error) { p.items.Fail(r.Flight, cache.Answer{Err: err}) })
			}
			var err error
			if a, err = cache.CallOf(r).Wait(ctx); err != nil {
				return err
			}
		}
		switch {
		case a.Alone && r.Outcome == coherence.Joined:
			r = p.items.Read(g.schema, g.cacheKey, cache.Lookup{Strong: g.strong, NoCache: o.NoCache, MaxAge: o.MaxAge, Alone: true}, nil)
			continue
		case isRefusal(a.Err):
			p.doubt(a.Err, g.schema)
			return p.forward(ctx, req, o, reply)
		case g.projection != nil && isDenied(a.Err):
			return p.ownWords(ctx, req, o, reply, a.Err, invalidation.RewriteProjection, g.schema)
		case a.Err != nil:
			stale, ok := p.staleItem(g, o, a.Err)
			if !ok {
				return a.Err
			}
			reply.Result = Stale
			return p.respondItem(reply, g, stale)
		}
		if (r.Outcome == coherence.Hit || r.Outcome == coherence.Negative) && g.schema.Sampled() {
			p.auditItem(g, r)
		}
		if r.Outcome != coherence.Lead { // what a leader read is entered where it is read
			avoided(g.schema, itemHalves(a.Meta.Size, g.strong))
		}
		return p.respondItem(reply, g, a)
	}
}

// missOf is the result word for a read that no entry answered.
func missOf(r coherence.Read, o Options) Result {
	switch {
	case o.NoCache:
		return Bypass
	case r.Outcome == coherence.Joined:
		return Shared
	case r.Refill:
		return Refill
	}
	return Miss
}

// leave gives up a read; if it leads a flight, those who joined it read for themselves.
func (p *Proxy) leave(r coherence.Read) {
	if r.Outcome == coherence.Lead {
		p.items.Fail(r.Flight, cache.Answer{Alone: true})
	}
}

// fillItem reads the whole item from the backend for a flight. The request is made anew: the client's may ask for
// less, and its bytes are gone when the client is.
func (p *Proxy) fillItem(ctx context.Context, g *itemRead, f *coherence.Flight) {
	strong := g.strong || f.Strong
	in := &ddb.GetItemInput{TableName: g.schema.Name, Key: g.key}
	if strong {
		in.ConsistentRead = &strong
	}
	req := ddb.NewTypedRequest(in)
	req.Scope = g.schema.Scope
	resp, err := p.guard.Fill(ctx, req)
	if err != nil {
		p.items.Fail(f, failed(err))
		return
	}
	out, err := ddb.OutputAs[ddb.GetItemOutput](resp)
	if err != nil {
		p.items.Fail(f, cache.Answer{Err: err})
		return
	}
	a := p.items.Done(f, out.Item, out.Item != nil)
	filled(g.schema, ddb.GetItem, itemHalves(a.Meta.Size, false), strong, g.strong)
}

// failed is the answer of a backend read that brought none. A read that ran out of time did so for whoever led it: those
// who joined it later have time left.
func failed(err error) cache.Answer {
	return cache.Answer{Err: err, Alone: errors.Is(err, context.DeadlineExceeded)}
}

// respondItem writes the response for an item's image.
func (p *Proxy) respondItem(reply *Reply, g *itemRead, a cache.Answer) error {
	n := len(reply.Body)
	if a.Absent {
		reply.Body = append(reply.Body, `{}`...)
	} else {
		reply.Body = append(reply.Body, `{"Item":`...)
		var err error
		if reply.Body, err = appendProjected(reply.Body, a.Body, g.projection); err != nil {
			return err
		}
		reply.Body = append(reply.Body, '}')
	}
	if wantsCapacity(g.capacity) {
		cc := tableCapacity(*g.capacity, g.schema.Name, itemHalves(a.Meta.Size, g.strong))
		reply.Body = appendCapacity(reply.Body, n, cc)
	}
	return nil
}

// appendProjected appends the item with the given image as projection shows it; nil shows all of it.
func appendProjected(dst, image []byte, projection *expr.Projection) ([]byte, error) {
	if projection == nil {
		return append(dst, image...), nil
	}
	item, err := ddb.ParseItemJSON(image)
	if err != nil {
		return dst, err
	}
	return ddb.AppendItemJSON(dst, projection.Apply(item)), nil
}

// borrowed is b as a string that must not outlive it.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
