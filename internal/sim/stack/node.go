package stack

import (
	"context"
	"sync"
	"time"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
	"millrace/invalidation/stream"
	"millrace/proxy"
)

// Mutant is what is broken on purpose; the zero value breaks nothing.
type Mutant struct {
	Core   coherence.Rules
	Guard  invalidation.Rules
	Stream stream.Rules
	Proxy  proxy.Rules
	// harm, if set, does something to a node before a check at rest, by its name, that the check must report.
	harm func(n *node, check string)
	// lose, if set, has a node fail requests of its own accord.
	lose func(req *ddb.Request) bool
	// answered, if set, is told of every answer.
	answered func(n *node, q *request)
}

// The caches' times, short so that a run sees their ends.
const (
	delta    = 5 * time.Second
	itemTTL  = 20 * time.Second
	negTTL   = 9 * time.Second
	queryTTL = 14 * time.Second
	indexTTL = 11 * time.Second
	prov     = 200 * time.Millisecond
)

// node is one process with caches before the model, and what its clients have been promised across its restarts.
type node struct {
	*world
	id     int
	paused time.Duration // until then nothing of it runs
	life   *life
	lives  int

	// Floors, by commit: the least that a reader arriving now may be shown.
	acked, read [numKeys]int
	// readWeak is read of weak reads, which no weak read has to follow.
	readWeak [numKeys]int
	acks     []ack // own acknowledged writes, as pages see them
	known    known
	refusals []refusal
	// asked are the pages that clients have asked for, by the bodies of their requests, which are asked for again at rest.
	asked map[string]*pageRead
}

// life is a node from one start to its end.
type life struct {
	*node
	number  int
	store   *cache.Store
	inv     *invalidation.Invalidator
	guard   *invalidation.Guard
	manager *stream.Manager
	proxy   *proxy.Proxy
	stop    context.CancelFunc
	reading sync.WaitGroup // the manager
	asking  sync.WaitGroup // clients
}

// port is the backend as one life of a node reaches it.
type port struct{ life *life }

// Do is part of backend.Backend. While the node stands still its requests do not leave, and answers are not read.
func (p port) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	which := identity(p.life.id, req)
	if err := p.life.gate(ctx, which); err != nil {
		return nil, err
	}
	if lose := p.life.mutant.lose; lose != nil && lose(req) {
		return nil, errReset
	}
	resp, err := p.life.world.model.serve(ctx, req, p.life.id)
	if gerr := p.life.gate(ctx, which+5); gerr != nil && err == nil {
		return nil, gerr
	}
	if err != nil {
		err = p.life.refuse(req.Op, err)
	}
	return resp, err
}

// Close is part of backend.Backend.
func (p port) Close() error { return nil }

// gate waits until the node runs. Those who wait go on one after the other, in an order that which tells.
func (n *node) gate(ctx context.Context, which int) error {
	for n.now() < n.paused {
		if err := sleep(ctx, n.paused-n.now()+n.span(which, 100*time.Microsecond)); err != nil {
			return err
		}
	}
	return nil
}

// start begins a life of the node.
func (n *node) start() error {
	n.lives++
	n.known = known{}
	l := &life{node: n, number: n.lives}
	sc := n.sc
	table := cache.TableConfig{ItemTTL: itemTTL, NegativeTTL: negTTL, QueryTTL: queryTTL, IndexTTL: indexTTL, Remote: cache.RemoteConfig{Delta: delta}}
	if sc.Audit {
		table.Audit = "1"
	}
	if sc.Frugal {
		table.Remote.RefillRate = 1
	}
	if sc.Auto {
		table.Remote.Fill = "auto"
	}
	var err error
	l.store, err = cache.NewStore(cache.Config{
		Memory: 1 << 20, Tables: map[string]cache.TableConfig{"*": table}, IndexLag: tgsi, Provisional: prov, IndexWatch: indexWatch,
		Core: coherence.Config{Shards: 4, Tq: tq, Tamb: tamb, QuarantineStripes: 32, FixedHash: hashBits, Rules: n.mutant.Core},
	})
	if err != nil {
		return err
	}
	l.inv = invalidation.NewInvalidator(l.store)
	l.guard = invalidation.NewGuard(port{l}, l.inv, invalidation.GuardConfig{WriteTimeout: 20 * time.Second, Rules: n.mutant.Guard})
	c := stream.ConfigFor("aws")
	c.Clock, c.Describe, c.Walk, c.Kept, c.Forgive = l.store.Now, 7*time.Second, 9*time.Second, kept, 5*time.Second
	c.Jitter = func() float64 { return float64(n.draw(7000+n.id)%1024) / 1024 }
	c.Full, c.Rules = pageMost, n.mutant.Stream
	l.manager = stream.New(c, l.guard, l.inv)
	l.proxy = proxy.New(proxy.Config{ReadTimeout: 15 * time.Second, Rules: n.mutant.Proxy, Audit: proxy.AuditConfig{
		Budget: 1000, Breach: n.found,
		Lag: func(s *cache.Schema) time.Duration { return l.manager.Lag(s.Scope, s.Name) },
	}}, l.guard, l.store)
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	l.reading.Go(func() {
		if err := l.manager.Run(ctx); err != nil {
			n.fail("manager: %v", err)
		}
	})
	n.life = l
	return nil
}

// found hears of an entry that an audit saw outlive its bound. Where the stream keeps its lag and loses nothing, and an index its
// watch, there is none.
func (n *node) found(s *cache.Schema, late time.Duration) {
	n.mu.Lock()
	n.res.Found++
	n.mu.Unlock()
	n.note("node %d: an audit finds an entry %v late", n.id, late)
	if !n.sc.Late && !n.sc.Slow {
		n.fail("audit: an entry is found to be served %v too long", late)
	}
	n.life.manager.Late(s.Scope, s.Name, late)
}

// end ends a life: the process is killed, or told to go. Whoever asked it something hears nothing more, or hears it before.
func (l *life) end() {
	l.stop()
	l.reading.Wait()
	l.asking.Wait()
	for _, close := range []func() error{l.proxy.Close, l.guard.Close} {
		if err := close(); err != nil {
			l.fail("close: %v", err)
		}
	}
}

// covered reports whether the caches count on a stream.
func (l *life) covered() bool { return l.store.CoverageOf("", tableName) == cache.Stream }

// hashBits are few, so that hashes meet.
const hashBits = 6
