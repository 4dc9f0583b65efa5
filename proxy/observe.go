package proxy

import (
	"bytes"
	"context"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// Mode observe forwards every request as it came and lets the caches follow unseen: they are filled with what clients are
// answered anyway, never by a read of their own, so it costs nothing and changes nothing. Each read, and each key of a
// batch, is compared with what the caches would have answered. It is a lower bound: a fill that would have had to be strong,
// or to ask for more than its client did, is not made. How many would have been is told.

// watched is what the caches have to say of a read that is about to be forwarded, or of one key of a BatchGetItem.
type watched struct {
	suspect
	op   ddb.Operation
	read coherence.Read
	// shown is what they would answer, for a hit.
	shown []byte
	// unfilled says that what the client is answered does not fill the caches as they would have been: they would have read strongly, or more.
	unfilled bool
	// fill takes the backend's answer for the flight that the read leads; false when it will not do.
	fill func(resp *ddb.Response) bool
	// fail ends that flight without an answer.
	fail func()
	// left reports whether the response says nothing of it, as of a key that was left unprocessed; nil where it always does.
	left func(resp *ddb.Response) bool
	// actual is the part of the response that is compared.
	actual func(resp *ddb.Response) ([]byte, bool)
	// cost is what the read costs in half read units, for a hit.
	cost func() int64
}

// observe serves a request in mode observe.
func (p *Proxy) observe(ctx context.Context, req *ddb.Request, o Options, reply *Reply) error {
	reply.waits()
	watch := watchers[req.Op]
	if watch == nil {
		return p.forward(ctx, req, o, reply)
	}
	all := watch(p, ctx, req)
	if all == nil {
		p.sight(metrics.WouldForward)
		return p.forward(ctx, req, o, reply)
	}
	reply.Result, reply.Table = Forward, tableOf(all)
	// A read of the guard's own kind would tell the caches of the answer, which a hit would never have got.
	resp, err := p.guard.Fill(ctx, req)
	for _, w := range all {
		if err != nil || w.left != nil && w.left(resp) {
			w.end()
			p.sight(metrics.WouldForward)
			continue
		}
		p.compare(w, resp)
	}
	if err != nil {
		return err
	}
	return answered(resp, reply)
}

// tableOf is the counters of the one table that was read, nil for several.
func tableOf(all []*watched) *metrics.Table {
	for _, w := range all[1:] {
		if w.schema != all[0].schema {
			return nil
		}
	}
	return all[0].schema.Counters
}

// watchers are how reads are watched, by operation. They return nil for what the caches would not serve.
var watchers = [ddb.NumOperations]func(*Proxy, context.Context, *ddb.Request) []*watched{
	ddb.GetItem:      (*Proxy).watchItem,
	ddb.BatchGetItem: (*Proxy).watchBatch,
	ddb.Query: func(p *Proxy, ctx context.Context, req *ddb.Request) []*watched {
		return p.watchPage(ctx, req, p.newQuery)
	},
	ddb.Scan: func(p *Proxy, ctx context.Context, req *ddb.Request) []*watched {
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
		if w.unfilled {
			p.sight(metrics.WouldFill)
		} else {
			p.sight(metrics.WouldMiss)
		}
		if !w.fill(resp) {
			w.fail()
		}
	case coherence.Joined:
		p.sight(metrics.WouldHit) // answered by a read under way, which costs nothing more
		w.spared()
	default:
		w.spared()
		actual, ok := w.actual(resp)
		if ok && bytes.Equal(actual, w.shown) {
			p.sight(metrics.WouldHit)
			return
		}
		p.sight(metrics.WouldDiffer)
		p.lookInto(w)
	}
}

// spared enters what a read cost that the caches would have answered.
func (w *watched) spared() {
	n := w.cost()
	avoided(w.schema, n)
	w.schema.Account.Consumed(int(w.op), uint64(max(0, n)))
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
