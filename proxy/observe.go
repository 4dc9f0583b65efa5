package proxy

import (
	"bytes"
	"context"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// Mode observe forwards every request as it came and lets the caches follow unseen: they are filled with what clients are
// answered anyway, never by a read of their own, so it costs nothing and changes nothing. Each read is compared with what
// the caches would have answered. It is a lower bound: a fill that would have had to be strong, or to ask for more than
// its client did, is not made.

// watched is what the caches have to say of a read that is about to be forwarded.
type watched struct {
	suspect
	read coherence.Read
	// shown is what they would answer, for a hit.
	shown []byte
	// fill takes the backend's answer for the flight that the read leads; false when it will not do.
	fill func(resp *ddb.Response) bool
	// fail ends that flight without an answer.
	fail func()
	// actual is the part of the response that is compared.
	actual func(resp *ddb.Response) ([]byte, bool)
	// cost is what the read costs in half read units, for a hit.
	cost func() int64
}

// observe serves a request in mode observe.
func (p *Proxy) observe(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	watch := watchers[req.Op]
	if watch == nil {
		return p.forward(ctx, req, o, reply)
	}
	w, ok := watch(p, ctx, req)
	if !ok {
		p.sight(metrics.WouldForward)
		return p.forward(ctx, req, o, reply)
	}
	reply.Result, reply.Table = Forward, w.schema.Counters
	// A read of the guard's own kind would tell the caches of the answer, which a hit would never have got.
	resp, err := p.guard.Fill(ctx, req)
	if err != nil {
		w.end()
		p.sight(metrics.WouldForward)
		return err
	}
	p.compare(w, resp)
	return answered(resp, reply)
}

// watchers are how reads are watched, by operation.
var watchers = [ddb.NumOperations]func(*Proxy, context.Context, *ddb.Request) (*watched, bool){
	ddb.GetItem: (*Proxy).watchItem,
	ddb.Query: func(p *Proxy, ctx context.Context, req *ddb.Request) (*watched, bool) {
		return p.watchPage(ctx, req, p.newQuery)
	},
	ddb.Scan: func(p *Proxy, ctx context.Context, req *ddb.Request) (*watched, bool) {
		return p.watchPage(ctx, req, p.newScan)
	},
}

// end gives up the flight that w leads, if any.
func (w *watched) end() {
	if w.read.Outcome == coherence.Lead {
		w.fail()
	}
}

// compare notes what the caches would have done, and fills them.
func (p *Proxy) compare(w *watched, resp *ddb.Response) {
	switch w.read.Outcome {
	case coherence.Lead:
		p.sight(metrics.WouldMiss)
		if !w.fill(resp) {
			w.fail()
		}
	case coherence.Joined:
		p.sight(metrics.WouldHit) // answered by a read under way, which costs nothing more
		avoided(w.schema, w.cost())
	default:
		avoided(w.schema, w.cost())
		actual, ok := w.actual(resp)
		if ok && bytes.Equal(actual, w.shown) {
			p.sight(metrics.WouldHit)
			return
		}
		p.sight(metrics.WouldDiffer)
		p.lookInto(w)
	}
}

// sight counts a read.
func (p *Proxy) sight(s metrics.Sighting) { p.observations.Saw(s) }

// maxSuspects bounds the answers that are being looked into.
const maxSuspects = 64

// lookInto finds out, in the background, whether what the caches would have answered was old, and for how long they go on.
// Both tell: the client's own read may have been the older one, for it was eventually consistent.
func (p *Proxy) lookInto(w *watched) {
	select {
	case p.suspects <- struct{}{}:
	default:
		p.observations.Judged(metrics.Unresolved)
		return
	}
	p.reads.Go(func() {
		defer func() { <-p.suspects }()
		p.observations.Judged(p.judge(&w.suspect).Observed())
	})
}

// watchItem watches a GetItem.
func (p *Proxy) watchItem(ctx context.Context, req *ddb.Request) (*watched, bool) {
	g, ok := p.newItemRead(ctx, req, Options{})
	if !ok {
		return nil, false
	}
	look := cache.Lookup{Strong: g.strong, Thrift: true}
	r := p.items.Read(g.schema, g.cacheKey, look, nil)
	if g.schema.Stale() {
		p.leave(r)
		return nil, false
	}
	show := func(image []byte, absent bool) ([]byte, bool) {
		if absent {
			return nil, true
		}
		shown, err := appendProjected(nil, image, g.projection)
		return shown, err == nil
	}
	w := &watched{suspect: p.itemSuspect(g, r), read: r}
	w.shown, _ = show(r.Body, r.Outcome == coherence.Negative)
	w.cost = func() int64 { return itemHalves(r.Meta.Size, g.strong) }
	w.fail = func() { p.leave(r) }
	item := func(resp *ddb.Response) (ddb.Item, bool) {
		out, err := ddb.OutputAs[ddb.GetItemOutput](resp)
		if err != nil {
			return nil, false
		}
		return out.Item, true
	}
	w.fill = func(resp *ddb.Response) bool {
		got, ok := item(resp)
		if !ok || g.projection != nil || r.Flight.Strong && !g.strong {
			return false
		}
		a := p.items.Done(r.Flight, got, got != nil)
		filled(g.schema, itemHalves(a.Meta.Size, false), g.strong, g.strong)
		return true
	}
	w.actual = func(resp *ddb.Response) ([]byte, bool) {
		got, ok := item(resp)
		if !ok || got == nil {
			return nil, ok
		}
		return ddb.AppendItemJSON(nil, got), true
	}
	return w, true
}

// watchPage watches a Query or Scan.
func (p *Proxy) watchPage(ctx context.Context, req *ddb.Request, parse func(context.Context, *ddb.Request) (*pageRead, bool)) (*watched, bool) {
	q, ok := parse(ctx, req)
	if !ok {
		return nil, false
	}
	look := cache.Lookup{Strong: q.strong, Thrift: true}
	r := p.pages.Read(q.schema, q.key, q.span, q.settings, look, nil)
	if q.schema.Stale() {
		p.leavePage(r)
		return nil, false
	}
	w := &watched{suspect: p.pageSuspect(q, r), read: r, shown: r.Body}
	w.cost = func() int64 { return halves(eventualHalves(cache.UnitsOf(r.Meta)), q.strong) }
	w.fail = func() { p.leavePage(r) }
	w.fill = func(resp *ddb.Response) bool {
		got, err := q.read(resp)
		if err != nil || r.Flight.Strong && !q.strong {
			return false
		}
		units := unitsOf(got.cost, q.index.Name, q.strong)
		p.pages.Done(r.Flight, got.body, units, scanned(q.span, q.index, q.start, got.last, q.reverse))
		return true
	}
	w.actual = func(resp *ddb.Response) ([]byte, bool) {
		got, err := q.read(resp)
		return got.body, err == nil
	}
	return w, true
}
