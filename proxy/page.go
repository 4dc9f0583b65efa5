package proxy

import (
	"context"
	"encoding/binary"
	"slices"

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
	table    string // what the client calls it, as in itemRead
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
	// whole says that it is of a global index and shows all that this holds of the items in its interval.
	whole bool

	// passing says that it lasts no longer than its request, as what a scannedQuery leads to.
	passing bool

	// read takes the page out of the response to a request of this kind.
	read func(resp *ddb.Response) (page, error)
	// fetch reads the page from the backend, with all that it cost.
	fetch func(ctx context.Context, p *Proxy, how strength) (page, error)
}

// page is what the backend answered.
type page struct {
	body []byte // without ConsumedCapacity
	size int    // of the items in it
	last ddb.Item
	cost *ddb.ConsumedCapacity
	id   string        // the backend's of the request
	lent *ddb.Response // that body is part of; nil where that has memory of its own
}

// plainPage is a page as the backend wrote it, which is not decoded. It takes the memory of body over; false means that
// nothing was done.
func plainPage(body []byte) (page, bool) {
	p, ok := ddb.ReadPlainPage(body)
	return page{body: p.Body, size: p.Size, last: p.LastEvaluatedKey, cost: p.ConsumedCapacity}, ok
}

// maxPageKeyBytes is the longest canonical request that is cached; longer ones would cost more memory than the pages.
const maxPageKeyBytes = 16 << 10

// servePage answers a page.
func (p *Proxy) servePage(ctx context.Context, req *ddb.Request, o Options, reply *Reply, q *pageRead) error {
	n := len(reply.Body)
	reply.Table = q.schema.Counters
	look := cache.Lookup{Strong: q.strong, NoCache: o.NoCache, MaxAge: o.MaxAge, Thrift: thrift(q.schema), KeepStale: p.config.StaleIfError,
		Lend: reply.Lend && !wantsCapacity(q.capacity)}
	for {
		r := p.pages.Read(q.schema, q.key, p.registered(q), q.settings, look, reply.Body)
		if q.schema.Stale() {
			p.leavePage(r)
			return p.forward(ctx, req, o, reply)
		}
		var units cache.Units
		if r.Outcome == coherence.Hit {
			units, reply.Result = cache.UnitsOf(r.Meta), Hit
			shown := r.Body
			if r.Lent {
				reply.Page = r.Body
			} else {
				reply.Body, shown = r.Body, r.Body[n:]
			}
			reply.CRC, reply.Summed = r.Meta.CRC, look.Lend
			if !q.untold(units) { // else it is read all the same
				avoided(q.schema, halves(eventualHalves(units), q.strong))
				if q.schema.Sampled() { // once it is known what such a page costs
					if lasting, ok := q.lasting(req); ok {
						p.auditPage(lasting, r, shown)
					}
				}
			}
		} else {
			reply.waits()
			if reply.Result = missOf(r, o); look.NoCache && !o.NoCache {
				reply.Result = Refill // the entry there did not tell what it cost
			}
			var fill *pageFill
			if r.Outcome == coherence.Lead {
				fill = &pageFill{page: q, flight: r.Flight}
				p.background(ctx, fill)
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
			case isUnread(a.Err):
				return p.handOn(ctx, req, o, reply, a.Err, !wantsCapacity(q.capacity))
			case a.Err != nil:
				stale, ok := p.stalePage(q, o, a.Err)
				if !ok {
					return a.Err
				}
				a, reply.Result = stale, Stale
			}
			reply.RequestID = a.RequestID
			reply.weakly(&a)
			reply.CRC, reply.Summed = a.Meta.CRC, look.Lend
			units = cache.UnitsOf(a.Meta)
			switch lent := fill.memory(); {
			case lent != nil:
				reply.Body = append(reply.Body, a.Body...)
				lent.Release()
			case look.Lend:
				reply.Page = a.Body
			default:
				reply.Body = append(reply.Body, a.Body...)
			}
		}
		if r.Outcome != coherence.Lead && r.Outcome != coherence.Hit {
			avoided(q.schema, halves(eventualHalves(units), q.strong))
		}
		if wantsCapacity(q.capacity) {
			if q.untold(units) {
				if !look.NoCache {
					reply.Body = reply.Body[:n]
					look.NoCache = true
					continue
				}
				return nil
			}
			cc := pageCapacity(*q.capacity, q.table, q.index, units, q.strong)
			reply.Body = appendCapacity(reply.Body, n, cc)
		}
		return nil
	}
}

// lasting is q, which is req's, or one that can be kept where q passes.
func (q *pageRead) lasting(req *ddb.Request) (*pageRead, bool) {
	if !q.passing {
		return q, true
	}
	in, err := ddb.InputAs[ddb.QueryInput](req)
	if err != nil {
		return nil, false
	}
	return queryOf(req.Op, q.schema, in)
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

// pageFill reads a page for the flight that it leads.
type pageFill struct {
	page   *pageRead
	flight *coherence.Flight
	lent   *ddb.Response // what the page is part of that the flight ends with
}

// memory is the response whose memory the page is, if that is nobody's but the leader's once the flight has brought it: then it is used
// again when the client has a copy. l may be nil.
func (l *pageFill) memory() *ddb.Response {
	if l == nil || l.flight.Shared() {
		return nil
	}
	return l.lent
}

// failed is part of backendRead.
func (l *pageFill) failed(p *Proxy, a cache.Answer) { p.pages.Fail(l.flight, a) }

// read is part of backendRead: it reads the page from the backend.
func (l *pageFill) read(ctx context.Context, p *Proxy) {
	q, f := l.page, l.flight
	how, asked := forCaches(f.Strong, q.strong), p.items.Now()
	got, err := q.fetch(ctx, p, how)
	if err != nil && how.once {
		got, how, err = p.fetchAgain(ctx, q, f, err)
	}
	if err != nil {
		p.failPage(f, failed(err))
		return
	}
	cache.Identify(f, got.id)
	units := q.unitsOf(&got, how.strong)
	filled(q.schema, q.op, eventualHalves(units), how.strong && !q.index.Global, q.strong)
	scanned := p.config.Rules.scanned(q.span, q.index, q.start, got.last, q.reverse)
	if q.whole {
		f.Complete = p.guard.IndexPage(q.schema, q.index, scanned, q.start == nil && got.last == nil, asked, got.body)
	}
	l.lent = got.lent
	p.pages.Done(f, got.body, units, scanned)
}

// fetchAgain is q.fetch after it has failed with err.
func (p *Proxy) fetchAgain(ctx context.Context, q *pageRead, f *coherence.Flight, err error) (got page, how strength, _ error) {
	err = p.secondChance(err, q.schema, func() bool { return p.pages.Weaken(f) }, func(as strength) (err error) {
		how = as
		got, err = q.fetch(ctx, p, as)
		return err
	})
	return got, how, err
}

// canonical builds a canonical request: fields one after the other, each with its length before it.
type canonical []byte

// canonicalRoom is room for most.
const canonicalRoom = 192

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
	at := len(*c)
	b := write(append(*c, 0)) // a length below 128 is one byte
	n := len(b) - at - 1
	var length [binary.MaxVarintLen64]byte
	*c = slices.Replace(b, at, at+1, binary.AppendUvarint(length[:0], uint64(n))...)
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
