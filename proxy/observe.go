package proxy

import (
	"bytes"
	"context"
	"time"

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
	schema *cache.Schema
	read   coherence.Read
	// answer is what they would answer, for a hit.
	answer []byte
	// fill takes the backend's answer for the flight that the read leads; false when it will not do.
	fill func(resp *ddb.Response) bool
	// fail ends that flight without an answer.
	fail func()
	// again looks once more, without leading a read: what would be answered now.
	again func() ([]byte, bool)
	// strong reads the same from the backend strongly; nil for what cannot be read so.
	strong func(ctx context.Context) ([]byte, error)
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
		if ok && bytes.Equal(actual, w.answer) {
			p.sight(metrics.WouldHit)
			return
		}
		p.sight(metrics.WouldDiffer)
		p.suspect(w)
	}
}

// sight counts a read.
func (p *Proxy) sight(s metrics.Sighting) { p.observations.Saw(s) }

// maxSuspects bounds the answers that are being looked into.
const maxSuspects = 16

// suspect finds out, in the background, whether what the caches would have answered was old, and for how long they go on.
// Both tell: the client's own read may have been the older one, for it was eventually consistent.
func (p *Proxy) suspect(w *watched) {
	select {
	case p.suspects <- struct{}{}:
	default:
		p.observations.Judged(metrics.Unresolved)
		return
	}
	p.reads.Go(func() {
		defer func() { <-p.suspects }()
		p.observations.Judged(p.judge(w))
	})
}

// judge is the verdict on the answer of w.
func (p *Proxy) judge(w *watched) metrics.Verdict {
	bound := w.schema.Settings.Delta
	if bound <= 0 || !w.schema.Table.Covered() {
		bound = w.schema.Settings.ItemTTL
	}
	end := time.Now().Add(bound)
	if w.strong != nil {
		ctx, cancel := context.WithTimeout(context.Background(), p.config.ReadTimeout)
		current, err := w.strong(ctx)
		cancel()
		if err != nil {
			return metrics.Unresolved
		}
		if bytes.Equal(current, w.answer) {
			return metrics.BackendOlder
		}
	}
	// The caches are right again as soon as they do not answer that any more.
	tick := time.NewTicker(max(bound/50, 5*time.Millisecond))
	defer tick.Stop()
	for {
		if now, ok := w.again(); !ok || !bytes.Equal(now, w.answer) {
			return metrics.WithinBound
		}
		if time.Now().After(end) {
			return p.confirm(w)
		}
		select {
		case <-tick.C:
		case <-p.closing:
			return metrics.Unresolved
		}
	}
}

// confirm looks whether an answer that outlived its bound is old still: what it says may have become true again.
func (p *Proxy) confirm(w *watched) metrics.Verdict {
	if w.strong == nil {
		return metrics.Unresolved // an index has no strong read to be held against
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.config.ReadTimeout)
	defer cancel()
	current, err := w.strong(ctx)
	now, ok := w.again()
	switch {
	case err != nil:
		return metrics.Unresolved
	case !ok || !bytes.Equal(now, w.answer) || bytes.Equal(current, w.answer):
		return metrics.WithinBound
	}
	p.config.Logger.Error("an entry is served beyond its bound", "table", w.schema.Name,
		"bound", w.schema.Settings.Delta, "watermark_age", p.items.WatermarkAge(w.schema))
	return metrics.BeyondBound
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
	w := &watched{schema: g.schema, read: r}
	w.answer, _ = show(r.Body, r.Outcome == coherence.Negative)
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
	w.again = func() ([]byte, bool) {
		now, ok := p.items.Peek(g.schema, g.cacheKey)
		if !ok {
			return nil, false
		}
		return show(now.Body, now.Outcome == coherence.Negative)
	}
	w.strong = func(ctx context.Context) ([]byte, error) {
		strong := true
		in := &ddb.GetItemInput{TableName: g.schema.Name, Key: g.key, ConsistentRead: &strong}
		resp, err := p.fill(ctx, g.schema.Scope, in)
		if err != nil {
			return nil, err
		}
		out, err := ddb.OutputAs[ddb.GetItemOutput](resp)
		if err != nil || out.Item == nil {
			return nil, err
		}
		g.schema.Account.Add(metrics.Audits, uint64(itemHalves(int64(out.Item.Size()), true)))
		shown, _ := show(ddb.AppendItemJSON(nil, out.Item), false)
		return shown, nil
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
	w := &watched{schema: q.schema, read: r, answer: r.Body}
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
	w.again = func() ([]byte, bool) {
		now, ok := p.pages.Peek(q.schema, q.key, q.settings)
		return now.Body, ok
	}
	if !q.index.Global {
		w.strong = func(ctx context.Context) ([]byte, error) {
			got, err := q.fetch(ctx, p, true)
			if err != nil {
				return nil, err
			}
			q.schema.Account.Add(metrics.Audits, uint64(2*eventualHalves(unitsOf(got.cost, q.index.Name, true))))
			return got.body, nil
		}
	}
	return w, true
}
