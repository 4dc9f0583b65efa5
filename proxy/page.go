package proxy

import (
	"context"
	"encoding/binary"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
)

// pageRead is a Query or Scan after all checks that could show that DynamoDB might refuse it for the way it is
// written. What it asks for is known to be right or wrong only from the backend's answer; an error is never cached,
// so a cached page proves that the same request is right.
type pageRead struct {
	op       ddb.Operation
	schema   *cache.Schema
	index    *cache.IndexLayout
	settings cache.IndexSettings

	// key is the canonical request: everything that decides what the page shows, and nothing else. ConsistentRead is
	// not in it: it decides which entries may be served, and what the read costs.
	key      []byte
	span     coherence.Span
	start    ddb.Item
	reverse  bool
	strong   bool
	capacity *string

	// read takes the page out of the response to a request of this kind.
	read func(resp *ddb.Response) (page, error)
	// fetch reads the page from the backend, with all that it cost.
	fetch func(ctx context.Context, p *Proxy, strong bool) (page, error)
}

// page is what the backend answered.
type page struct {
	body []byte // without ConsumedCapacity
	last ddb.Item
	cost *ddb.ConsumedCapacity
}

// maxPageKeyBytes is the longest canonical request that is cached; longer ones would cost more memory than the pages.
const maxPageKeyBytes = 16 << 10

// capacityIndexes is the ReturnConsumedCapacity that every page is read with, for another caller may ask for it.
const capacityIndexes = "INDEXES"

// servePage answers a page.
func (p *Proxy) servePage(ctx context.Context, req *ddb.Request, o Options, reply *Reply, q *pageRead) error {
	n := len(reply.Body)
	reply.Table = q.schema.Counters
	look := cache.Lookup{Strong: q.strong, NoCache: o.NoCache, MaxAge: o.MaxAge, Thrift: thrift(q.schema), KeepStale: p.config.StaleIfError}
	for {
		r := p.pages.Read(q.schema, q.key, p.registered(q), q.settings, look, reply.Body)
		if q.schema.Stale() {
			p.leavePage(r)
			return p.forward(ctx, req, o, reply)
		}
		var units cache.Units
		if r.Outcome == coherence.Hit {
			reply.Body, units, reply.Result = r.Body, cache.UnitsOf(r.Meta), Hit
			if q.schema.Sampled() {
				p.auditPage(q, r, r.Body[n:])
			}
		} else {
			if reply.Result = missOf(r, o); look.NoCache && !o.NoCache {
				reply.Result = Refill // the entry there did not tell what it cost
			}
			if r.Outcome == coherence.Lead {
				p.background(ctx, func(ctx context.Context) { p.fillPage(ctx, q, r.Flight) },
					func(err error) { p.pages.Fail(r.Flight, cache.Answer{Err: err}) })
			}
			a, err := cache.CallOf(r).Wait(ctx)
			switch {
			case err != nil:
				return err
			case r.Outcome == coherence.Joined && a.Alone:
				look.Alone = true
				continue
			case isRefusal(a.Err):
				p.doubt(a.Err, q.schema)
				// Most likely the request is wrong; its own error is what its own words deserve.
				return p.forward(ctx, req, o, reply)
			case isDenied(a.Err):
				return p.ownWords(ctx, req, o, reply, a.Err, invalidation.RewriteCapacity, q.schema)
			case a.Err != nil:
				stale, ok := p.stalePage(q, o, a.Err)
				if !ok {
					return a.Err
				}
				a, reply.Result = stale, Stale
			}
			reply.Body, units = append(reply.Body, a.Body...), cache.UnitsOf(a.Meta)
		}
		if r.Outcome != coherence.Lead {
			avoided(q.schema, halves(eventualHalves(units), q.strong))
		}
		if wantsCapacity(q.capacity) {
			if !known(units) {
				if !look.NoCache {
					reply.Body = reply.Body[:n]
					look.NoCache = true
					continue
				}
				return nil
			}
			cc := pageCapacity(*q.capacity, q.schema.Name, q.index, units, q.strong)
			reply.Body = appendCapacity(reply.Body, n, cc)
		}
		return nil
	}
}

// registered is the interval that a read of q is registered with before it is sent.
func (p *Proxy) registered(q *pageRead) coherence.Span {
	span := q.span
	if !p.config.Rules.Register && span.Partition != nil { // R42
		span.Lo = []byte{0xff, 0xff}
		span.Hi = span.Lo
	}
	return span
}

// leavePage gives up a read; if it leads a flight, those who joined it read for themselves.
func (p *Proxy) leavePage(r coherence.Read) {
	if r.Outcome == coherence.Lead {
		p.pages.Fail(r.Flight, cache.Answer{Alone: true})
	}
}

// fillPage reads the page from the backend for a flight.
func (p *Proxy) fillPage(ctx context.Context, q *pageRead, f *coherence.Flight) {
	strong := q.strong || f.Strong
	got, err := q.fetch(ctx, p, strong)
	if err != nil {
		p.pages.Fail(f, failed(err))
		return
	}
	units := unitsOf(got.cost, q.index.Name, strong)
	filled(q.schema, q.op, eventualHalves(units), strong && !q.index.Global, q.strong)
	p.pages.Done(f, got.body, units, p.config.Rules.scanned(q.span, q.index, q.start, got.last, q.reverse))
}

// fill sends a page's request.
func (p *Proxy) fill(ctx context.Context, scope string, in ddb.Input) (*ddb.Response, error) {
	req := ddb.NewTypedRequest(in)
	req.Scope = scope
	return p.guard.Fill(ctx, req)
}

// canonical builds a canonical request: fields one after the other, each with its length before it.
type canonical []byte

// text adds a field.
func (c *canonical) text(s string) {
	*c = binary.AppendUvarint(*c, uint64(len(s)))
	*c = append(*c, s...)
}

// number adds a number.
func (c *canonical) number(n int) { *c = binary.AppendUvarint(*c, uint64(n)) }

// optional adds a number that may be absent.
func (c *canonical) optional(n *int) {
	if n == nil {
		c.number(0)
		return
	}
	c.number(*n + 1)
}

// field adds what write appends.
func (c *canonical) field(write func(dst []byte) []byte) {
	var room [256]byte
	b := write(room[:0])
	*c = binary.AppendUvarint(*c, uint64(len(b)))
	*c = append(*c, b...)
}

// startKey adds an ExclusiveStartKey, and reports false for one that is none: empty, or with values that are no
// values.
func (c *canonical) startKey(start ddb.Item) bool {
	if start == nil {
		c.number(0)
		return true
	}
	for _, a := range start {
		if a.Value.Kind() == ddb.KindInvalid {
			return false
		}
	}
	c.field(func(dst []byte) []byte { return ddb.AppendItemJSON(dst, start) })
	return len(start) > 0
}

// selection adds Select, with the same word for what is the same: without a projection nothing given is what the
// table or index has, with one it is SPECIFIC_ATTRIBUTES. (API Reference, Query: Select.)
func (c *canonical) selection(choice *string, indexed, projected bool) {
	switch {
	case choice != nil:
		c.text(*choice)
	case projected:
		c.text("SPECIFIC_ATTRIBUTES")
	case indexed:
		c.text("ALL_PROJECTED_ATTRIBUTES")
	default:
		c.text("ALL_ATTRIBUTES")
	}
}
