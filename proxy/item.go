package proxy

import (
	"bytes"
	"context"
	"errors"
	"sync"
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

// getScanned serves a GetItem of a whole item without ConsumedCapacity.
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
		reply.waits()
		reply.Body = reply.Body[:n]
		return p.resumeScanned(ctx, req, o, reply, s, key, get, r)
	}
	if s.Stale() {
		// The table was changed before the lookup; the key may have been another item's.
		reply.Body = reply.Body[:n]
		return p.forward(ctx, req, o, reply)
	}
	if s.Sampled() {
		reply.waits()
		p.auditScanned(ctx, req, o, r, r.Body[n+len(`{"Item":`):])
	}
	return nil
}

// resumeScanned goes on from the lookup of getScanned, which was no hit. A read of the backend that others may wait for when the
// client's bytes are gone needs bytes of its own; one that is over before the client is answered borrows them, and its memory is
// used again.
func (p *Proxy) resumeScanned(ctx context.Context, req *ddb.Request, o Options, reply *Reply, s *cache.Schema, key []byte, get *scannedGet, r coherence.Read) error {
	if r.Outcome != coherence.Lead || !stays(ctx) {
		return p.resume(ctx, req, o, reply, &itemRead{schema: s, key: get.item(), cacheKey: bytes.Clone(key), strong: get.strong}, r)
	}
	g := itemReads.Get().(*itemRead)
	g.schema, g.strong = s, get.strong
	g.cacheKey = append(g.keyRoom[:0], key...)
	g.key = get.borrowed(g.attributes[:0], s)
	err := p.resume(ctx, req, o, reply, g, r)
	g.schema, g.flight, g.lent, g.req, g.in, g.attributes = nil, nil, nil, ddb.Request{}, ddb.GetItemInput{}, [2]ddb.Attribute{}
	g.key, g.cacheKey = nil, nil
	itemReads.Put(g)
	return err
}

// itemReads are those that are used again.
var itemReads = sync.Pool{New: func() any { return new(itemRead) }}

// itemRead is a GetItem after all checks.
type itemRead struct {
	schema *cache.Schema
	// table is what the client calls the table: its name or its ARN, which ConsumedCapacity repeats.
	// (API Reference, ConsumedCapacity: TableName.)
	table      string
	key        ddb.Item
	cacheKey   []byte
	projection *expr.Projection
	strong     bool
	capacity   *string

	// flight is the one that it leads; in and req are its request to the backend, and the rest is memory for that.
	flight     *coherence.Flight
	lent       *ddb.Response // what the item is part of that the flight ends with
	in         ddb.GetItemInput
	req        ddb.Request
	attributes [2]ddb.Attribute
	keyRoom    [keyBytes]byte
	body       [2 * keyBytes]byte
}

// newItemRead decodes and checks a GetItem; false means that it must be forwarded. So must a request that says more
// than is understood here, word for word: what upstream makes of the rest is not known, and another request would not say it.
func (p *Proxy) newItemRead(ctx context.Context, req *ddb.Request, _ Options) (*itemRead, bool) {
	in, err := ddb.InputAs[ddb.GetItemInput](req)
	if err != nil || req.Partial() || in.AttributesToGet != nil {
		return nil, false
	}
	s := p.schema(ctx, req, in.TableName)
	if s == nil || !s.Settings.Items {
		return nil, false
	}
	g := &itemRead{schema: s, table: in.TableName, key: in.Key, strong: isTrue(in.ConsistentRead), capacity: in.ReturnConsumedCapacity}
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
	reply.waits()
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
				g.flight = r.Flight
				p.background(ctx, g)
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
		case isUnread(a.Err):
			return p.handOn(ctx, req, o, reply, a.Err, g.projection == nil && !wantsCapacity(g.capacity))
		case a.Err != nil:
			stale, ok := p.staleItem(g, o, a.Err)
			if !ok {
				return a.Err
			}
			reply.Result = Stale
			return p.respondItem(reply, g, stale)
		}
		reply.RequestID = a.RequestID
		reply.weakly(&a)
		if r.Outcome != coherence.Lead { // what a leader read is entered where it is read
			avoided(g.schema, itemHalves(a.Meta.Size, g.strong))
		} else if g.projection != nil {
			p.guard.Worked(g.schema, invalidation.RewriteProjection)
		}
		if (r.Outcome == coherence.Hit || r.Outcome == coherence.Negative) && g.schema.Sampled() {
			p.auditItem(g, r)
		}
		err := p.respondItem(reply, g, a)
		if r.Outcome == coherence.Lead && g.lent != nil && !r.Flight.Shared() {
			g.lent.Release() // all that was to be had of it is copied, and nobody else has any
			g.lent = nil
		}
		return err
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

// failed is part of backendRead.
func (g *itemRead) failed(p *Proxy, a cache.Answer) { p.items.Fail(g.flight, a) }

// strongRead is a ConsistentRead that nobody writes.
var strongRead = true

// read is part of backendRead: it reads the whole item from the backend. The request is made anew: the client's may ask for
// less, and its bytes are gone when the client is.
func (g *itemRead) read(ctx context.Context, p *Proxy) {
	f := g.flight
	how := forCaches(f.Strong, g.strong)
	resp, err := p.sendGet(ctx, g, how)
	if err != nil && how.once {
		resp, how, err = p.sendGetAgain(ctx, g, f, err)
	}
	if err != nil {
		p.items.Fail(f, failed(err))
		return
	}
	cache.Identify(f, resp.RequestID)
	var a cache.Answer
	if it, ok := ddb.ReadPlainItem(resp.Body(), g.key); ok {
		if resp.Lent() {
			g.lent = resp
		}
		a = p.items.DonePlain(f, it)
	} else {
		out, err := wholeOutput[ddb.GetItemOutput](resp)
		if err == nil && g.isAnother(resp, out.Item) {
			err = &unread{resp}
		}
		if err != nil {
			p.failItem(f, cache.Answer{Err: err})
			return
		}
		a = p.items.Done(f, out.Item, out.Item != nil)
	}
	filled(g.schema, ddb.GetItem, itemHalves(a.Meta.Size, false), how.strong, g.strong)
}

// isAnother reports whether the answer of upstream's to a read of the whole item shows one that does not have the key. It is
// no answer that can be understood.
func (g *itemRead) isAnother(resp *ddb.Response, item ddb.Item) bool {
	if item == nil || resp.Body() == nil {
		return false
	}
	var room [keyBytes]byte
	key, ok := g.schema.AppendItemKey(room[:0], item)
	return !ok || !bytes.Equal(key, g.cacheKey)
}

// sendGet sends the read of g's whole item.
func (p *Proxy) sendGet(ctx context.Context, g *itemRead, how strength) (*ddb.Response, error) {
	g.in = ddb.GetItemInput{TableName: g.schema.Name, Key: g.key}
	if how.strong {
		g.in.ConsistentRead = &strongRead
	}
	g.req = *ddb.NewTypedRequest(&g.in)
	g.req.Scope, g.req.Once = g.schema.Scope, how.once
	g.req.MakeIn(g.body[:0])
	return p.guard.Fill(ctx, &g.req)
}

// sendGetAgain is sendGet after it has failed with err.
func (p *Proxy) sendGetAgain(ctx context.Context, g *itemRead, f *coherence.Flight, err error) (resp *ddb.Response, how strength, _ error) {
	err = p.secondChance(err, g.schema, func() bool { return p.items.Weaken(f) }, func(as strength) (err error) {
		how = as
		resp, err = p.sendGet(ctx, g, as)
		return err
	})
	return resp, how, err
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
		cc := tableCapacity(*g.capacity, g.table, itemHalves(a.Meta.Size, g.strong))
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
