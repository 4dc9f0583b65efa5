package proxy

import (
	"context"
	"errors"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
)

// batchServing is a batch that is being answered.
type batchServing struct {
	p     *Proxy
	req   *ddb.Request
	o     Options
	reply *Reply
	b     *batch

	look cache.Lookup
	hits int
	// leads are the keys that this batch is the one to read, joins those that somebody reads already; neither was waited for yet.
	leads *batchFill
	joins []*batchKey
}

// serveBatch looks up every key, leads one read for those that nobody reads yet, and waits for the others' reads
// only when its own is under way: two batches that join each other's flights must not wait for each other first.
func (p *Proxy) serveBatch(ctx context.Context, req *ddb.Request, o Options, reply *Reply, b *batch) error {
	s := &batchServing{
		p: p, req: req, o: o, reply: reply, b: b, leads: newBatchFill(b, b.keys),
		look: cache.Lookup{NoCache: o.NoCache, MaxAge: o.MaxAge, KeepStale: p.config.StaleIfError},
	}
	if len(b.tables) == 1 {
		reply.Table = b.tables[0].schema.Counters
	}
	b.each(s.lookup)
	for {
		if b.stale() {
			s.leads.failed(p, cache.Answer{Alone: true})
			return p.forward(ctx, req, o, reply)
		}
		p.startBatch(ctx, s.leads)
		failed, again, err := s.wait(ctx)
		if err != nil {
			return err
		}
		if failed != nil {
			return s.fail(ctx, failed.answer.Err)
		}
		if !again {
			return s.finish()
		}
		// Someone else's read ended for reasons of its own, or failed: what the backend says to a GetItem, such as that it has too
		// much to do, it says to a batch by the key, among UnprocessedKeys. Read what it was for in a call of our own.
		s.look.Alone = true
		b.each(func(t *batchTable, k *batchKey) {
			if k.alone {
				k.alone = false
				s.lookup(t, k)
			}
		})
	}
}

// lookup asks the cache for a key, or finds out who reads it.
func (s *batchServing) lookup(t *batchTable, k *batchKey) {
	s.look.Strong, s.look.Thrift = t.strong, thrift(t.schema)
	if len(s.b.hits) > 0 {
		k.read, s.b.hits = s.b.hits[0], s.b.hits[1:]
	} else {
		k.read = s.p.items.Read(t.schema, k.cacheKey, s.look, nil)
	}
	switch k.read.Outcome {
	case coherence.Hit:
		s.hits++
		k.answer = cache.Answer{Body: k.read.Body, Meta: k.read.Meta}
	case coherence.Negative:
		s.hits++
		k.answer = cache.Answer{Absent: true}
	case coherence.Joined:
		s.joins = append(s.joins, k)
	case coherence.Lead:
		s.leads.add(t, k)
		if f := k.read.Flight; s.look.Batched == cache.Unbatched && f.Weak {
			s.look.Batched = cache.BatchedWeak
		} else if s.look.Batched == cache.Unbatched && f.Strong && !t.strong {
			s.look.Batched = cache.BatchedStrong
		}
	}
}

// wait waits for the reads that are under way, up to the first of our own that failed, whose key it returns. It reports whether keys must be
// read again, which are marked as alone.
func (s *batchServing) wait(ctx context.Context) (failed *batchKey, again bool, err error) {
	waiting := append(s.leads.keys(), s.joins...)
	s.leads, s.joins = newBatchFill(s.b, 0), nil
	for _, k := range waiting {
		a, err := cache.CallOf(k.read).Wait(ctx)
		if err != nil {
			return nil, false, err
		}
		if k.read.Outcome == coherence.Joined && (a.Alone || a.Err != nil) {
			k.alone, again = true, true
			continue
		}
		k.answer, k.left = a, errors.Is(a.Err, errUnprocessed)
		if a.Err != nil && !k.left {
			return k, false, nil
		}
	}
	return nil, again, nil
}

// fail answers a batch whose read failed with err.
func (s *batchServing) fail(ctx context.Context, err error) error {
	switch projected := s.b.projected(); {
	case isRefusal(err):
		for i := range s.b.tables {
			s.p.doubt(err, s.b.tables[i].schema)
		}
		return s.p.forward(ctx, s.req, s.o, s.reply)
	case isUnread(err):
		return s.p.forward(ctx, s.req, s.o, s.reply)
	case isDenied(err) && len(projected) > 0:
		return s.p.ownWords(ctx, s.req, s.o, s.reply, err, invalidation.RewriteProjection, projected...)
	case s.p.staleBatch(s.b, s.o, err):
		s.reply.Result, s.reply.Hits, s.reply.Keys = Stale, s.hits, s.b.keys
		return s.b.respond(s.reply)
	}
	return err
}

// finish answers a batch of which every key was looked up or read, or left unprocessed.
func (s *batchServing) finish() error {
	b, reply := s.b, s.reply
	reply.Hits, reply.Keys = s.hits, b.keys
	b.each(func(t *batchTable, k *batchKey) {
		reply.Weak = reply.Weak || k.answer.Weak
		if k.read.Outcome != coherence.Lead && !k.left {
			avoided(t.schema, itemHalves(k.answer.Meta.Size, t.strong))
		} else if t.projection != nil && !k.left {
			s.p.guard.Worked(t.schema, invalidation.RewriteProjection)
		}
		if (k.read.Outcome == coherence.Hit || k.read.Outcome == coherence.Negative) && t.schema.Sampled() {
			s.p.auditItem(&itemRead{schema: t.schema, key: k.key, cacheKey: k.cacheKey, strong: t.strong}, k.read)
		}
	})
	switch {
	case s.o.NoCache:
		reply.Result = Bypass
	case s.hits == b.keys:
		reply.Result = Hit
	case s.hits > 0:
		reply.Result = Partial
	case reply.Weak:
		reply.Result = Forward
	default:
		reply.Result = Miss
	}
	reply.RequestID = b.requestID()
	return b.respond(reply)
}
