package proxy

import (
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// gaveNoAnswer reports whether err says that the backend is in trouble, or that somebody else answers in its place, and nothing of the request. A
// request whose caller left, or that was refused, is not helped by an old answer.
func gaveNoAnswer(err error) bool {
	e, ok := err.(*ddb.Error)
	return !ok || e.HTTPStatus() >= 500 || e.Stranger()
}

// staleItem is an answer for a reader whom the backend gave none, older than its table's Delta; false if there is none or
// none was asked for. A strong read has none.
func (p *Proxy) staleItem(g *itemRead, o Options, err error) (cache.Answer, bool) {
	if !p.config.StaleIfError || g.strong || o.NoCache || !gaveNoAnswer(err) {
		return cache.Answer{}, false
	}
	r, ok := p.items.Stale(g.schema, g.cacheKey, cache.Lookup{MaxAge: o.MaxAge}, nil)
	return cache.Answer{Body: r.Body, Meta: r.Meta, Absent: r.Outcome == coherence.Negative}, ok
}

// stalePage is staleItem for a page.
func (p *Proxy) stalePage(q *pageRead, o Options, err error) (cache.Answer, bool) {
	if !p.config.StaleIfError || q.strong || o.NoCache || !gaveNoAnswer(err) {
		return cache.Answer{}, false
	}
	r, ok := p.pages.Stale(q.schema, q.key, q.settings, cache.Lookup{MaxAge: o.MaxAge}, nil)
	return cache.Answer{Body: r.Body, Meta: r.Meta}, ok
}

// staleBatch answers the keys of a batch that the caches did not have, for a reader whom the backend gave no answer. It
// reports false, and the batch is of no use, unless all of them can be answered.
func (p *Proxy) staleBatch(b *batch, o Options, err error) bool {
	if !p.config.StaleIfError || o.NoCache || !gaveNoAnswer(err) {
		return false
	}
	all := true
	b.each(func(t *batchTable, k *batchKey) {
		if !all || k.read.Outcome == coherence.Hit || k.read.Outcome == coherence.Negative {
			return
		}
		if all = !t.strong; !all {
			return
		}
		var r coherence.Read
		if r, all = p.items.Stale(t.schema, k.cacheKey, cache.Lookup{MaxAge: o.MaxAge}, nil); all {
			k.answer, k.left = cache.Answer{Body: r.Body, Meta: r.Meta, Absent: r.Outcome == coherence.Negative}, false
		}
	})
	return all
}
