package proxy

import (
	"context"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// watchItem watches a GetItem.
func (p *Proxy) watchItem(ctx context.Context, req *ddb.Request) []*watched {
	g, ok := p.newItemRead(ctx, req, Options{})
	if !ok {
		return nil
	}
	w := p.watchKey(req.Op, g, func(resp *ddb.Response) (ddb.Item, bool) {
		out, err := wholeOutput[ddb.GetItemOutput](resp)
		if err != nil || g.projection == nil && g.isAnother(resp, out.Item) {
			return nil, false
		}
		return out.Item, true
	})
	if w == nil {
		return nil
	}
	return []*watched{w}
}

// watchBatch watches the keys of a BatchGetItem, each like a GetItem.
func (p *Proxy) watchBatch(ctx context.Context, req *ddb.Request) []*watched {
	b, ok := p.newBatch(ctx, req)
	if !ok {
		return nil
	}
	// The one response is sorted once; nil is one that cannot be understood.
	var got *batchAnswer
	sorted := false
	answer := func(resp *ddb.Response) *batchAnswer {
		if !sorted {
			got, _ = b.answer(resp)
			sorted = true
		}
		return got
	}
	all := make([]*watched, 0, b.keys)
	changed := false
	b.each(func(t *batchTable, k *batchKey) {
		if changed {
			return
		}
		t.nameless = t.projection != nil && len(t.projection.Apply(k.key)) < len(k.key)
		ref := batchRef{t.name, string(k.cacheKey)}
		g := &itemRead{schema: t.schema, key: k.key, cacheKey: k.cacheKey, projection: t.projection, strong: t.strong}
		w := p.watchKey(req.Op, g, func(resp *ddb.Response) (ddb.Item, bool) {
			got := answer(resp)
			if got == nil {
				return nil, false
			}
			return got.items[ref], true
		})
		if w == nil {
			changed = true
			return
		}
		w.left = func(resp *ddb.Response) bool {
			got := answer(resp)
			return t.nameless || got != nil && got.left[ref]
		}
		all = append(all, w)
	})
	if changed {
		for _, w := range all {
			w.end()
		}
		return nil
	}
	return all
}

// watchKey watches the read of one item by op; nil when its table was changed meanwhile. item finds the item in the response, nil
// for none, and reports false when that cannot be understood.
func (p *Proxy) watchKey(op ddb.Operation, g *itemRead, item func(*ddb.Response) (ddb.Item, bool)) *watched {
	r := p.items.Read(g.schema, g.cacheKey, cache.Lookup{Strong: g.strong, Thrift: true}, nil)
	if g.schema.Stale() {
		p.leave(r)
		return nil
	}
	w := &watched{suspect: p.itemSuspect(g, r), op: op, read: r}
	if r.Outcome == coherence.Hit {
		w.shown, _ = appendProjected(nil, r.Body, g.projection)
	}
	w.unfilled = unfilled(r, g.strong) || r.Outcome == coherence.Lead && g.projection != nil
	w.cost = func() int64 { return itemHalves(r.Meta.Size, g.strong) }
	w.fail = func() { p.leave(r) }
	w.fill = func(resp *ddb.Response) bool {
		got, ok := item(resp)
		if !ok || g.projection != nil || r.Flight.Strong && !g.strong {
			return false
		}
		a := p.items.Done(r.Flight, got, got != nil)
		filled(g.schema, w.op, itemHalves(a.Meta.Size, false), g.strong, g.strong)
		return true
	}
	w.actual = func(resp *ddb.Response) ([]byte, bool) {
		got, ok := item(resp)
		if !ok || got == nil {
			return nil, ok
		}
		return ddb.AppendItemJSON(nil, got), true
	}
	return w
}

// unfilled reports whether a read that leads would have been made strongly though its client's is not.
func unfilled(r coherence.Read, strong bool) bool {
	return r.Outcome == coherence.Lead && !strong && (r.Flight.Strong || r.Flight.Thrift)
}

// watchPage watches a Query or Scan.
func (p *Proxy) watchPage(ctx context.Context, req *ddb.Request, parse func(context.Context, *ddb.Request) (*pageRead, bool)) []*watched {
	q, ok := parse(ctx, req)
	if !ok {
		return nil
	}
	look := cache.Lookup{Strong: q.strong, Thrift: true}
	r := p.pages.Read(q.schema, q.key, q.span, q.settings, look, nil)
	if q.schema.Stale() {
		p.leavePage(r)
		return nil
	}
	w := &watched{suspect: p.pageSuspect(q, r), op: q.op, read: r, shown: r.Body, unfilled: unfilled(r, q.strong)}
	w.cost = func() int64 { return halves(eventualHalves(cache.UnitsOf(r.Meta)), q.strong) }
	w.fail = func() { p.leavePage(r) }
	w.fill = func(resp *ddb.Response) bool {
		got, err := q.read(resp)
		if err != nil || r.Flight.Strong && !q.strong {
			return false
		}
		units := q.unitsOf(&got, q.strong)
		p.pages.Done(r.Flight, got.body, units, p.config.Rules.scanned(q.span, q.index, q.start, got.last, q.reverse))
		return true
	}
	w.actual = func(resp *ddb.Response) ([]byte, bool) {
		got, err := q.read(resp)
		return got.body, err == nil
	}
	return []*watched{w}
}
