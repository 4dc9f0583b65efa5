package proxy

import (
	"bytes"
	"context"
	"slices"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// scannedBatch is what scan found in the body of a BatchGetItem: the plainest one there is, with the keys of one table, each
// as plain as a GetItem's, and ConsistentRead. It borrows from the body.
//
// scan takes no body that the full decoder would refuse or read otherwise, as a GetItem's does. (FuzzScanBatch holds it to
// that.)
type scannedBatch struct {
	table  []byte
	schema *cache.Schema
	strong bool
	// told is true if ConsistentRead was there.
	told  bool
	count int
	// at is where each key begins in the body.
	at [ddb.MaxBatchGetKeys]int
	// keys are the item cache's keys one behind the other, and ends where each ends in it.
	keys []byte
	ends [ddb.MaxBatchGetKeys]int
	// reads are what was looked up, each with its bytes in the reply.
	reads [ddb.MaxBatchGetKeys]coherence.Read
}

// turnBytes is how much of a batch is copied before whoever serves others on the same goroutine lets another one go on with those: a batch
// may have 16 MB, which take as long as thousands of items do, and giving the others away takes as long as a few.
const turnBytes = 256 << 10

// keptBatchKeys is the most memory for keys that is kept for another batch.
const keptBatchKeys = 16 << 10

// newScannedBatch is one to scan with; release gives its memory back.
func (p *Proxy) newScannedBatch() *scannedBatch {
	if g, ok := p.batches.Get().(*scannedBatch); ok {
		return g
	}
	return &scannedBatch{keys: make([]byte, 0, 2048)}
}

// release is called once after the last use of g.
func (p *Proxy) release(g *scannedBatch) {
	clear(g.reads[:g.count])
	g.table, g.schema, g.strong, g.told, g.count, g.keys = nil, nil, false, false, 0, g.keys[:0]
	if cap(g.keys) <= keptBatchKeys {
		p.batches.Put(g)
	}
}

// key is cache key i.
func (g *scannedBatch) key(i int) []byte {
	if i == 0 {
		return g.keys[:g.ends[0]]
	}
	return g.keys[g.ends[i-1]:g.ends[i]]
}

// scan reads body and reports whether it understood all of it. known finds the schema of a table.
func (g *scannedBatch) scan(body []byte, known func(table []byte) *cache.Schema) bool {
	s := bodyScanner{b: body}
	if !s.take('{') {
		return false
	}
	name, ok := s.str()
	if !ok || string(name) != "RequestItems" || !s.take(':') || !s.take('{') {
		return false
	}
	if g.table, ok = s.str(); !ok || !s.take(':') || !s.take('{') {
		return false
	}
	if g.schema = known(g.table); g.schema == nil || !g.schema.Settings.Items {
		return false
	}
	for {
		if name, ok = s.str(); !ok || !s.take(':') {
			return false
		}
		switch string(name) {
		case "Keys":
			if g.count > 0 || !g.scanKeys(&s) {
				return false
			}
		case "ConsistentRead":
			if g.told || !s.truth(&g.strong) {
				return false
			}
			g.told = true
		default:
			return false
		}
		if s.take(',') {
			continue
		}
		for range 3 { // of the table, of RequestItems and of the body
			if !s.take('}') {
				return false
			}
		}
		return s.end() && g.count > 0 && g.distinct()
	}
}

// scanKeys reads the value of Keys.
func (g *scannedBatch) scanKeys(s *bodyScanner) bool {
	if !s.take('[') {
		return false
	}
	for {
		var one scannedGet
		s.space()
		at := s.pos
		if g.count == len(g.ends) || !one.scanKey(s) {
			return false
		}
		g.at[g.count] = at
		var ok bool
		if g.keys, ok = one.appendKey(g.keys, g.schema); !ok {
			return false
		}
		g.ends[g.count] = len(g.keys)
		g.count++
		if s.take(',') {
			continue
		}
		return s.take(']')
	}
}

// distinct reports whether no two keys are the same.
func (g *scannedBatch) distinct() bool {
	var seen keyPlaces
	for i := range g.count {
		place, at := seen.find(g.key(i), func(j int) bool { return bytes.Equal(g.key(j-1), g.key(i)) })
		if place != 0 {
			return false
		}
		*at = uint8(i + 1)
	}
	return true
}

// batch is what g found in body, in memory of its own: its reads may outlive the request. hits is how many of the first keys were
// looked up already.
func (g *scannedBatch) batch(body []byte, hits int) *batch {
	body = bytes.Clone(body)
	t := batchTable{name: string(g.table), schema: g.schema, strong: g.strong, keys: make([]batchKey, g.count)}
	if g.told {
		t.in.ConsistentRead = &t.strong
	}
	cacheKeys, room, start := bytes.Clone(g.keys), make([]ddb.Attribute, 2*g.count), 0
	for i, end := range g.ends[:g.count] {
		var one scannedGet
		one.scanKey(&bodyScanner{b: body, pos: g.at[i]}) // which was scanned before
		t.keys[i] = batchKey{key: one.borrowed(room[2*i:2*i:2*i+2], g.schema), cacheKey: cacheKeys[start:end:end]}
		start = end
	}
	b := &batch{tables: []batchTable{t}, keys: g.count, hits: slices.Clone(g.reads[:hits])}
	for i := range b.hits {
		b.hits[i].Body = bytes.Clone(b.hits[i].Body)
	}
	return b
}

// batchHits answers a plain batch all of whose items, or their absence, are cached, and reports whether it did. Of another
// plain batch it returns what it found out, so that nothing is decoded, or looked up twice.
func (p *Proxy) batchHits(ctx context.Context, req *ddb.Request, o Options, reply *Reply) (rest *batch, ok bool) {
	if req.Body() == nil || o.NoCache {
		return nil, false
	}
	g := p.newScannedBatch()
	defer p.release(g)
	if !g.scan(req.Body(), func(table []byte) *cache.Schema { return p.schemas.Known(req.Scope, table) }) {
		return nil, false
	}
	look := cache.Lookup{Strong: g.strong, MaxAge: o.MaxAge, Thrift: thrift(g.schema)}
	var size, cost int64
	n := len(reply.Body)
	body := append(ddb.AppendJSONString(append(reply.Body, `{"Responses":{`...), borrowed(g.table)), `:[`...)
	first := len(body)
	for i := range g.count {
		at := len(body)
		if at > first {
			body = append(body, ',')
		}
		from := len(body)
		r, hit := p.items.Hit(g.schema, g.key(i), look, body)
		if hit {
			size += r.Meta.Size
			cost += itemHalves(r.Meta.Size, g.strong)
			if body = r.Body; r.Outcome == coherence.Negative {
				body, from = body[:at], at
			}
			r.Body = body[from:]
			g.reads[i] = r
			if len(body)-n > turnBytes {
				reply.waits()
			}
		}
		if !hit || size > ddb.MaxBatchGetBytes {
			if hit {
				i++
			}
			reply.Body = body[:n]
			return g.batch(req.Body(), i), false
		}
	}
	if g.schema.Stale() {
		// The table was changed before the lookups; the keys may have been other items'.
		reply.Body = body[:n]
		return nil, false
	}
	reply.Body = append(body, `]},"UnprocessedKeys":{}}`...)
	reply.Table, reply.Result, reply.Hits, reply.Keys = g.schema.Counters, Hit, g.count, g.count
	avoided(g.schema, cost)
	p.auditBatch(ctx, req, g, reply)
	return nil, true
}

// auditBatch audits those of the hits of g that are drawn.
func (p *Proxy) auditBatch(ctx context.Context, req *ddb.Request, g *scannedBatch, reply *Reply) {
	var b *batch
	for i := range g.count {
		if !g.schema.Sampled() {
			continue
		}
		if b == nil {
			reply.waits()
			var ok bool
			if b, ok = p.newBatch(ctx, req); !ok || b.tables[0].schema != g.schema {
				return
			}
		}
		k, r := &b.tables[0].keys[i], g.reads[i]
		r.Body = bytes.Clone(r.Body)
		p.auditItem(&itemRead{schema: g.schema, key: k.key, cacheKey: k.cacheKey, strong: g.strong}, r)
	}
}
