package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"millrace/cache"
	"millrace/invalidation"
	"millrace/metrics"
)

// follower follows one stream: it does what its tailer says. The tailer belongs to the table's goroutine, which gives it what
// comes out of events; requests are sent by a goroutine for listings and one for each shard.
type follower struct {
	table  *table
	config *Config
	arn    string
	view   atomic.Pointer[string]
	tailer *Tailer
	events chan Event

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	lister mailbox[Action]
	shards map[string]*reader
	covers bool
	denied string // the request that was denied
}

// reader is the goroutine of a shard, seen from outside.
type reader struct {
	actions mailbox[Action]
	cancel  context.CancelFunc
	gen     uint64
}

// follow starts to follow a stream of t.
func (t *table) follow(ctx context.Context, arn string) *follower {
	c := &t.manager.config
	f := &follower{
		table: t, config: c, arn: arn, tailer: NewTailer(c.tailer(t.lag)), events: make(chan Event),
		lister: newMailbox[Action](), shards: map[string]*reader{},
	}
	f.ctx, f.cancel = context.WithCancel(ctx)
	f.done.Go(func() { f.serve(f.ctx, f.lister) })
	f.obey(f.tailer.Start(c.Clock()))
	return f
}

// stop ends all requests and waits for that. Nothing is applied or told afterwards.
func (f *follower) stop() {
	f.cancel()
	f.done.Wait()
}

// step gives the tailer what happened.
func (f *follower) step(e Event) {
	if r := f.shards[e.Of.Shard]; r != nil && r.gen == e.Of.Gen && e.Of.Kind == Read && e.Failure == None && e.Page.Next == "" {
		f.release(e.Of.Shard)
	}
	f.obey(f.tailer.Step(e))
}

// release ends the goroutine of a shard.
func (f *follower) release(shard string) {
	if r := f.shards[shard]; r != nil {
		r.cancel()
		delete(f.shards, shard)
	}
}

// obey does what the tailer says.
func (f *follower) obey(actions []Action) {
	t := f.table
	inv, ref, log := t.manager.inv, t.ref, f.config.Log
	for _, a := range actions {
		switch a.Kind {
		case List:
			f.lister.put(a)
		case Iterate, Read:
			f.reader(a).put(a)
		case Begin:
			if f.covers {
				t.gaps.Add(1)
				t.manager.counts.gaps.Add(1)
				t.metrics.Gap()
				inv.Lost(ref.scope, ref.name, a.Why)
			} else {
				f.covers = true
				inv.Cover(ref.scope, ref.name, invalidation.Coverage{Mode: cache.Stream})
				t.tell(metrics.Followed)
				log.Info("following the table's stream", "table", ref.name, "stream", f.arn, "shards", len(f.shards))
			}
			for id, r := range f.shards {
				if r.gen != a.Gen {
					f.release(id)
				}
			}
		case Advance:
			inv.Advance(ref.scope, ref.name, a.Watermark)
			t.metrics.Watermark(f.config.Wall().Add(time.Duration(a.Watermark - f.config.Clock())))
		case Check:
			t.describeSoon()
		case Denied:
			f.denied = a.Why
		}
	}
}

// reader is where the actions of a shard go; its goroutine is started when there is none.
func (f *follower) reader(a Action) mailbox[Action] {
	r := f.shards[a.Shard]
	if r == nil {
		r = &reader{actions: newMailbox[Action]()}
		f.shards[a.Shard] = r
		var ctx context.Context
		ctx, r.cancel = context.WithCancel(f.ctx)
		f.done.Go(func() { f.serve(ctx, r.actions) })
	}
	r.gen = a.Gen
	return r.actions
}

// serve does requests one after the other until ctx ends. One that is not begun gives way to a newer one.
func (f *follower) serve(ctx context.Context, actions mailbox[Action]) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var a Action
	due := false
	for {
		select {
		case <-ctx.Done():
			return
		case a = <-actions:
			due = true
			timer.Reset(a.Delay)
			continue
		case <-timer.C:
			if !due {
				continue
			}
			due = false
		}
		e := f.request(ctx, &a)
		if ctx.Err() != nil {
			return
		}
		select {
		case f.events <- e:
		case <-ctx.Done():
			return
		}
	}
}

// request does one request. What is claimed of its answer goes by when it was sent: however long this process is stopped,
// between there and the answer or anywhere else, it claims no more than what it has read.
func (f *follower) request(ctx context.Context, a *Action) Event {
	e := Event{Of: *a, Sent: f.config.Clock()}
	var err error
	switch a.Kind {
	case List:
		e.Shards, e.Enabled, err = f.listShards(ctx, a.Shard)
	case Iterate:
		e.Iterator, err = f.iterate(ctx, a)
	case Read:
		e.Page, err = f.readPage(ctx, a)
	}
	e.Now, e.Page.Wall = f.config.Clock(), f.config.Wall().UnixNano()
	if e.Failure = failureOf(err); err != nil && ctx.Err() == nil {
		f.table.failed(requestNames[a.Kind], e.Failure, err)
	}
	return e
}
