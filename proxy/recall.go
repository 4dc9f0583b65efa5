package proxy

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"millrace/ddb"
)

// A page is cached because the same request comes again, mostly in the same bytes. What those mean was found out before, so
// the last of them are remembered with their meaning: a hit then decodes and parses nothing. Only bytes that were answered
// from the cache once are, so that requests that never come again take nobody's place.

const (
	// rememberedPages is how many requests are remembered at most, each in the one place that its hash gives it.
	rememberedPages = 1024
	// longestRemembered is the longest body. With it all that is remembered takes some 4 MB at most, usually one.
	longestRemembered = 1 << 10
)

// pageMemory is what is remembered. It is safe for concurrent use.
type pageMemory struct {
	seed   maphash.Seed
	places [rememberedPages]atomic.Pointer[remembered]
	// seen are hashes of the requests that were answered last and are not remembered, by place.
	seen [rememberedPages]atomic.Uint64
}

// remembered is one request's bytes and meaning. It never changes, nor does anything that it leads to.
type remembered struct {
	op    ddb.Operation
	scope string
	body  []byte
	page  *pageRead
}

// place is where a request is remembered, nil if it would not be.
func (m *pageMemory) place(req *ddb.Request) *atomic.Pointer[remembered] {
	body := req.Body()
	if len(body) == 0 || len(body) > longestRemembered {
		return nil
	}
	return &m.places[maphash.Bytes(m.seed, body)%rememberedPages]
}

// again reports whether a request was the last of its place about which this was asked. It is dear to find out what is remembered of a
// request, and most come not that often.
func (m *pageMemory) again(req *ddb.Request) bool {
	body := req.Body()
	if len(body) == 0 || len(body) > longestRemembered {
		return false
	}
	h := maphash.Bytes(m.seed, body)
	seen := &m.seen[h%rememberedPages]
	if seen.Load() == h {
		return true
	}
	seen.Store(h)
	return false
}

// recall returns the meaning of a request that is remembered and still has it, else nil.
func (p *Proxy) recall(req *ddb.Request) *pageRead {
	place := p.remembered.place(req)
	if place == nil {
		return nil
	}
	r := place.Load()
	if r == nil || r.op != req.Op || r.scope != req.Scope || !bytes.Equal(r.body, req.Body()) {
		return nil
	}
	// All that decides on it but the bytes is the schema, its settings among it.
	if r.page.schema.Stale() {
		return nil
	}
	return r.page
}

// remember keeps the meaning of a request that was answered from the cache.
func (p *Proxy) remember(req *ddb.Request, q *pageRead) {
	if place := p.remembered.place(req); place != nil && len(q.key) <= longestRemembered {
		place.Store(&remembered{op: req.Op, scope: req.Scope, body: bytes.Clone(req.Body()), page: q})
	}
}
