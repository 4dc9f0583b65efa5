package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/backend"
	"millrace/backend/aws"
	"millrace/backend/engine"
	"millrace/cache"
	"millrace/ddb"
	"millrace/internal/admin"
	"millrace/invalidation"
	"millrace/invalidation/stream"
)

// store is the backend of a node: the embedded engine or an upstream.
type store interface {
	backend.Backend
	Run(ctx context.Context) error
}

// openEngine opens the embedded engine, which announces every commit to hooks.
func (n *Node) openEngine(hooks *invalidation.Invalidator) error {
	ec := n.config.engine()
	ec.Logger = n.log
	if n.config.Cache.Enabled {
		ec.Hooks = hooks
	}
	ec.OnFatal = func(err error) { n.fatal <- err }
	e, err := engine.Open(ec)
	if err != nil {
		return withAdvice(err)
	}
	if n.config.Engine.Faults.Enabled && n.admin != nil {
		newFaultsAdmin(e, n.config).register(n.admin)
	}
	n.backend = e
	return nil
}

// upstreamStart bounds how long reading the SDK's settings may take.
const upstreamStart = 20 * time.Second

// openUpstream makes the backend that forwards; it connects to nobody yet. nodeID names this process to the next
// millrace.
func (n *Node) openUpstream(nodeID string) error {
	ctx, cancel := context.WithTimeout(context.Background(), upstreamStart)
	defer cancel()
	ac := n.config.Upstream.Backend()
	ac.NodeID, ac.Logger, ac.Metrics = nodeID, n.log, &n.metrics.Upstream
	ac.Self = []string{n.addr.String(), n.config.Listen}
	b, err := aws.New(ctx, ac)
	if err != nil {
		return err
	}
	if ac.Endpoint.Names(n.addr.String()) {
		_ = b.Close()
		return fmt.Errorf("upstream.url is %q, which is millrace's own address; name the DynamoDB behind it", ac.Endpoint.URL)
	}
	n.backend, n.upstream = b, b
	return nil
}

// serveRegion tells the front whose requests are ours: those signed for the region that was named, or else, before an upstream
// where regions mean nothing to us, for the one of the first request that reads or changes data. One is served in any case, for
// nothing is known of whether the upstream keeps the regions' tables apart.
func (n *Node) serveRegion() {
	if n.upstream.Settled() {
		n.front.ServeRegion(n.upstream.Region())
		return
	}
	n.front.SettleRegion(func(op ddb.Operation, region string) string {
		if op.Facts().Kind == ddb.ControlOperation && !n.guard.Changes(op) {
			return "" // it lists or describes: somebody looks around
		}
		own := n.upstream.Settle(region)
		n.log.Info("serving the region of the first request; others are forwarded uncached", "region", own)
		return own
	})
}

// followStreams makes the reader of tables' streams, through which the caches learn of writes that others make.
func (n *Node) followStreams(hooks *invalidation.Invalidator) {
	c := stream.ConfigFor(string(n.upstream.Kind()))
	c.Clock, c.Log, c.Metrics = n.store.Now, n.log, &n.metrics.Streams
	if poll := n.config.Upstream.StreamPoll.Of(); poll > 0 {
		c.Poll, c.Idle = poll, max(poll, c.Idle)
	}
	if lag := n.config.Upstream.StreamLag.Of(); lag > 0 {
		c.LagFloor = lag
	}
	n.streams = stream.New(c, n.guard, hooks)
}

// runBehind runs what requests need, until ctx ends: the backend, and before it what keeps the caches right.
func (n *Node) runBehind(ctx context.Context) error {
	// Reading streams ends before the backend does, which it reads through.
	backendCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, backendFailed := errgroup.WithContext(backendCtx)
	g.Go(func() error { return n.backend.Run(backendCtx) })
	if n.streams != nil {
		reading, end := context.WithCancel(ctx)
		defer end()
		g.Go(func() error { return n.streams.Run(reading) })
	}
	select {
	case <-ctx.Done():
	case <-backendFailed.Done():
	}
	stop()
	return g.Wait()
}

// newNodeID is what a process calls itself; it is another one after every start.
func newNodeID() string { return rand.Text() }

// behind are the log attributes that tell where items are and what is promised of them.
func (n *Node) behind() []any {
	c := n.config
	if n.upstream != nil {
		region := n.upstream.Region()
		if !n.upstream.Settled() {
			region = "that of the first request"
		}
		return []any{"upstream", n.upstream.URL(), "kind", string(n.upstream.Kind()), "region", region}
	}
	scope := "one store for all keys and regions (use --isolate to separate them)"
	if c.Isolate {
		scope = "one store for each access key and region"
	}
	durability := c.Durability
	if c.InMemory {
		durability = "none"
	} else if c.Durability == "async" {
		durability = "async, a crash may lose the last " + c.Engine.AsyncWindow.String()
	}
	return []any{"store", c.store(), "durability", durability, "scope", scope}
}

// upstreamCheck tells whether upstream answers. It is advisory: what is cached is served without it, and an
// orchestrator that took away every node would help nobody.
func (n *Node) upstreamCheck() admin.Check {
	c := admin.Check{Name: "upstream", Advisory: true}
	if since := n.upstream.Down(); !since.IsZero() {
		c.Fault = fmt.Sprintf("%s has not answered for %v", n.upstream.URL(), time.Since(since).Round(time.Second))
	}
	return c
}

// mostToldOf is how many tables a check names, and newly how long an error of a stream's reader bears on it: what fails is tried again within
// five seconds, and may take ten.
const (
	mostToldOf = 3
	newly      = 20 * time.Second
)

// streamsCheck tells of which tables the stream says too little at the moment, and what follows. Their endpoint may be away while that of
// the tables answers, so upstreamCheck tells nothing of it. It is advisory too: what is cached is served for a shorter time, or foreign writes
// are seen late, and every request is answered.
func streamsCheck(tables []stream.TableState) admin.Check {
	c := admin.Check{Name: "streams", Advisory: true}
	var faults []string
	for _, t := range tables {
		var fault string
		failing := t.LastError != "" && time.Since(t.LastErrorAt) < newly
		switch {
		case t.Mode == cache.Stream && t.Delta > 0 && t.Age > t.Delta:
			fault = fmt.Sprintf("that of table %s tells nothing of the last %v: what is cached is served for delta, %v, only", t.Table, t.Age.Round(time.Second), t.Delta)
		case t.Mode == cache.TTL && t.ARN != "" && failing:
			fault = fmt.Sprintf("that of table %s is not followed yet: writes of others are seen when the time to live is over", t.Table)
		case !t.Lost.IsZero():
			fault = fmt.Sprintf("table %s has none any more, found out at %s: writes of others are seen when the time to live is over, until it is enabled again", t.Table, t.Lost.UTC().Format(time.RFC3339))
		default:
			continue
		}
		if failing {
			fault += " (" + t.LastError + ")"
		}
		faults = append(faults, fault)
	}
	if more := len(faults) - mostToldOf; more > 0 {
		faults = append(faults[:mostToldOf], fmt.Sprintf("and %d more", more))
	}
	c.Fault = strings.Join(faults, "; ")
	return c
}
