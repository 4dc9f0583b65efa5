package proxy

import (
	"context"
	"maps"
	"slices"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/ddb/expr"
	"millrace/invalidation"
)

// batchGetItem serves BatchGetItem: what is cached is answered from the cache, what is missing is fetched in one call.
func (p *Proxy) batchGetItem(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	b, ok := p.batchHits(ctx, req, o, reply)
	if ok {
		return nil
	}
	reply.waits()
	if b == nil {
		if b, ok = p.newBatch(ctx, req); !ok {
			return p.forward(ctx, req, o, reply)
		}
	}
	return p.serveBatch(ctx, req, o, reply, b)
}

// batch is a BatchGetItem after all checks.
type batch struct {
	tables   []batchTable // by name
	capacity *string
	keys     int
	// hits are the answers to the first keys, where those were looked up before the batch was decoded.
	hits []coherence.Read
}

// batchTable is one table's part of a batch.
type batchTable struct {
	name       string // or ARN, as the client has it
	in         ddb.KeysAndAttributes
	schema     *cache.Schema
	projection *expr.Projection
	strong     bool
	keys       []batchKey
	// nameless is set where responses do not show which item is which.
	nameless bool
}

// batchKey is one key on its way.
type batchKey struct {
	key      ddb.Item
	cacheKey []byte
	read     coherence.Read
	answer   cache.Answer
	// left is true when the backend did not process the key, alone when someone else's read of it is of no use here.
	left, alone bool
}

// newBatch decodes and checks a BatchGetItem; false means that it must be forwarded.
func (p *Proxy) newBatch(ctx context.Context, req *ddb.Request) (*batch, bool) {
	in, err := ddb.InputAs[ddb.BatchGetItemInput](req)
	if err != nil || req.Partial() || len(in.RequestItems) == 0 {
		return nil, false
	}
	b := &batch{tables: make([]batchTable, 0, len(in.RequestItems)), capacity: in.ReturnConsumedCapacity}
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		part := in.RequestItems[name]
		s := p.schema(ctx, req, name)
		if b.of(s) != nil {
			return nil, false // by its name and by its ARN
		}
		if s == nil || !s.Settings.Items || part.AttributesToGet != nil {
			return nil, false
		}
		t := batchTable{name: name, in: part, schema: s, strong: isTrue(part.ConsistentRead), keys: make([]batchKey, len(part.Keys))}
		var ok bool
		if t.projection, ok = parseProjection(s, part.ProjectionExpression, part.ExpressionAttributeNames); !ok {
			return nil, false
		}
		if t.projection != nil && !p.guard.MayRewrite(s, invalidation.RewriteProjection) {
			return nil, false
		}
		seen := make(map[string]bool, len(part.Keys))
		room := make([]byte, 0, 48*len(part.Keys))
		for i, key := range part.Keys {
			start := len(room)
			if room, ok = s.AppendKey(room, key); !ok {
				return nil, false
			}
			at := room[start:len(room):len(room)]
			if seen[string(at)] {
				return nil, false // duplicates
			}
			seen[string(at)] = true
			t.keys[i] = batchKey{key: key, cacheKey: at}
		}
		b.keys += len(t.keys)
		b.tables = append(b.tables, t)
	}
	return b, b.keys > 0 && b.keys <= ddb.MaxBatchGetKeys
}

// of is the part of the table with a schema, nil if there is none.
func (b *batch) of(s *cache.Schema) *batchTable {
	for i := range b.tables {
		if b.tables[i].schema == s {
			return &b.tables[i]
		}
	}
	return nil
}

// each calls fn for every key.
func (b *batch) each(fn func(*batchTable, *batchKey)) {
	for i := range b.tables {
		for j := range b.tables[i].keys {
			fn(&b.tables[i], &b.tables[i].keys[j])
		}
	}
}

// projected are the schemas of tables of which less is asked for than is read.
func (b *batch) projected() []*cache.Schema {
	var out []*cache.Schema
	for i := range b.tables {
		if b.tables[i].projection != nil {
			out = append(out, b.tables[i].schema)
		}
	}
	return out
}

// stale reports whether any of the tables was changed since the keys were made.
func (b *batch) stale() bool {
	return slices.ContainsFunc(b.tables, func(t batchTable) bool { return t.schema.Stale() })
}

// requestID is the backend's id of the read that answered the whole batch; empty where parts of it came from elsewhere.
func (b *batch) requestID() string {
	id, same := b.tables[0].keys[0].answer.RequestID, true
	b.each(func(_ *batchTable, k *batchKey) { same = same && k.answer.RequestID == id })
	if !same {
		return ""
	}
	return id
}

// spliceFrom is how long an item is that is lent to a front as it lies there: of shorter ones a copy is cheaper.
const spliceFrom = 8 << 10

// respond writes the response. Of items that are more than 16 MB together, hits and misses alike, the first that does
// not fit and those after it are left unprocessed; a batch makes progress in any case, as no item is as large.
// (API Reference, BatchGetItem: "up to 16 MB of data".)
func (b *batch) respond(reply *Reply) error {
	var size int64
	var left map[string]ddb.KeysAndAttributes
	var capacity []ddb.ConsumedCapacity
	body := append(slices.Grow(reply.Body, b.room(reply)), `{"Responses":{`...)
	for i := range b.tables {
		t := &b.tables[i]
		if i > 0 {
			body = append(body, ',')
		}
		body = append(ddb.AppendJSONString(body, t.name), `:[`...)
		var cost int64
		first, full := true, false
		for j := range t.keys {
			k := &t.keys[j]
			if !full && size > 0 && size+k.answer.Meta.Size > ddb.MaxBatchGetBytes {
				full, size = true, ddb.MaxBatchGetBytes
			}
			if full || k.left {
				if left == nil {
					left = map[string]ddb.KeysAndAttributes{}
				}
				rest := left[t.name]
				if rest.Keys == nil {
					rest = t.in
					rest.Keys = nil
				}
				rest.Keys = append(rest.Keys, k.key)
				left[t.name] = rest
				continue
			}
			size += k.answer.Meta.Size
			cost += itemHalves(k.answer.Meta.Size, t.strong)
			if k.answer.Absent {
				continue
			}
			if !first {
				body = append(body, ',')
			}
			first = false
			if reply.splices(t, k) {
				reply.Splices = append(reply.Splices, Splice{len(body), k.answer.Body})
				continue
			}
			var err error
			if body, err = appendProjected(body, k.answer.Body, t.projection); err != nil {
				reply.Splices = nil
				return err
			}
		}
		body = append(body, ']')
		if wantsCapacity(b.capacity) {
			capacity = append(capacity, *tableCapacity(*b.capacity, t.name, cost))
		}
	}
	if left == nil && capacity == nil {
		reply.Body = append(body, nothingLeft...)
		return nil
	}
	if left == nil {
		left = map[string]ddb.KeysAndAttributes{}
	}
	// The rest is written as the backend would write it, from behind its own empty Responses.
	tail := ddb.AppendShape(nil, &ddb.BatchGetItemOutput{
		Responses: map[string][]ddb.Item{}, UnprocessedKeys: left, ConsumedCapacity: capacity,
	})
	body = append(append(body, '}'), tail[len(`{"Responses":{}`):]...)
	reply.Body = body
	return nil
}

// nothingLeft ends an answer of which no key was left unprocessed, from the end of Responses on.
const nothingLeft = `},"UnprocessedKeys":{}}`

// splices reports whether the item of k is given to the front as it lies there.
func (r *Reply) splices(t *batchTable, k *batchKey) bool {
	return r.Lend && t.projection == nil && len(k.answer.Body) >= spliceFrom
}

// room is about how many bytes the response takes, of items that are shown whole at least, but for what is spliced in: a buffer that
// grew to megabytes would leave several times as much garbage.
func (b *batch) room(reply *Reply) int {
	n := len(`{"Responses":{`) + len(nothingLeft)
	b.each(func(t *batchTable, k *batchKey) {
		if t.projection == nil && !k.left && !reply.splices(t, k) {
			n += len(k.answer.Body)
		}
		n++
	})
	for i := range b.tables {
		n += len(b.tables[i].name) + len(`"":[],`)
	}
	return n
}
