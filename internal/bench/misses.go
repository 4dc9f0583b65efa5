package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"
)

// What the misses part runs with.
const (
	// closedClients are the connections that measure throughput, and pacedClients those that latency is taken with.
	closedClients, pacedClients = 16, 64
)

// missLoads are the shares of capacity at which latency is taken.
var missLoads = []float64{0.3, 0.7}

// missesPart measures what millrace adds to an upstream that takes 2 ms: for reads that are never cached, because no
// key comes twice, and for writes. Both ways lead to the same stub, driven by the same client.
type missesPart struct {
	s      *settings
	got    samples
	stub   *stub
	server *server
	next   atomic.Uint64
	rates  map[string]float64 // capacity through millrace, by operation
}

// newMissesPart makes the part.
func newMissesPart(s *settings) *missesPart {
	return &missesPart{s: s, got: samples{}, rates: map[string]float64{}}
}

// missWays are the two ways to upstream.
var missWays = []string{"direct", "millrace"}

// missCalls are the operations that are measured, with the body of each.
var missCalls = []struct{ operation, body string }{
	{"GetItem", fmt.Sprintf(`{"Key":{"pk":{"S":"%s"}},"TableName":"bench"}`, blankKey)},
	{"PutItem", putBody("bench")},
}

// setUp starts the stub and a millrace before it, and finds out what it can do.
func (p *missesPart) setUp(ctx context.Context) (err error) {
	if p.stub, err = newStub(stubDelay); err != nil {
		return err
	}
	p.server, err = startServer(ctx, p.s.binary, filepath.Join(p.s.dir, "misses"),
		"--backend", "aws", "--upstream", p.stub.endpoint(), "--upstream-kind", "generic", "--region", "us-east-1")
	if err != nil {
		return err
	}
	for _, w := range missCalls {
		o, err := p.load(ctx, "millrace", w.operation, w.body, pacedClients, time.Second, 0)
		if err != nil {
			return err
		}
		p.rates[w.operation] = o.rate()
	}
	return nil
}

// tearDown stops both.
func (p *missesPart) tearDown() (err error) {
	if p.server != nil {
		err = p.server.stop()
	}
	if p.stub != nil {
		p.stub.close()
	}
	return err
}

// load drives one way with n clients: at rate a second, or as fast as it goes where rate is 0.
func (p *missesPart) load(ctx context.Context, way, operation, body string, n int, span time.Duration, rate float64) (outcome, error) {
	endpoint := p.server.endpoint
	if way == "direct" {
		endpoint = p.stub.endpoint()
	}
	clients, err := dialAll(endpoint, n)
	if err != nil {
		return outcome{}, err
	}
	defer closeAll(clients)
	requests, sources := make([]*template, n), make([]*source, n)
	for w := range n {
		requests[w], sources[w] = newTemplate(operation, body), newSource(w)
	}
	do := func(w int) error {
		_, err := clients[w].do(requests[w].fill(sources[w], p.next.Add(1), 1))
		return err
	}
	// Connections are made, and their first requests answered, before anything is measured.
	if _, err := drive(ctx, n, 100*time.Millisecond, do); err != nil {
		return outcome{}, err
	}
	if rate == 0 {
		return drive(ctx, n, span, do)
	}
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	return pace(ctx, n, rate, do)
}

// round takes both ways once for each figure.
func (p *missesPart) round(ctx context.Context, number int) error {
	for _, w := range missCalls {
		for _, share := range append([]float64{0}, missLoads...) {
			err := alternate(number,
				func() error { return p.measure(ctx, missWays[0], w.operation, w.body, share) },
				func() error { return p.measure(ctx, missWays[1], w.operation, w.body, share) })
			if err != nil {
				return fmt.Errorf("%s: %w", w.operation, err)
			}
		}
	}
	return nil
}

// measure notes one stretch of one way: throughput where share is 0, else latency at that share of capacity.
func (p *missesPart) measure(ctx context.Context, way, operation, body string, share float64) error {
	if share == 0 {
		before := p.server.cpu()
		o, err := p.load(ctx, way, operation, body, closedClients, p.s.span, 0)
		if err == nil && o.requests == 0 {
			err = errors.New("no request was answered")
		}
		p.got.add(fmt.Sprintf("%s %s rate", way, operation), o.rate())
		if way == "millrace" && err == nil {
			p.got.add(operation+" cpu", float64((p.server.cpu()-before).Microseconds())/float64(o.requests))
		}
		return err
	}
	o, err := p.load(ctx, way, operation, body, pacedClients, p.s.span, share*p.rates[operation])
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		p.got.add(fmt.Sprintf("%s %s %s at %.0f%%", way, operation, name, 100*share), float64(o.quantile(q).Microseconds()))
	}
	return err
}

// added is, round by round, how much longer the way through millrace took, in microseconds.
func (p *missesPart) added(name string) []float64 {
	direct, through := p.got[missWays[0]+" "+name], p.got[missWays[1]+" "+name]
	out := make([]float64, min(len(direct), len(through)))
	for i := range out {
		out[i] = through[i] - direct[i]
	}
	return out
}

// report prints rows 15 and 16 of the targets.
func (p *missesPart) report(out io.Writer) {
	fmt.Fprintf(out, "A miss and a write before an upstream that takes %v (%d clients closed loop, %d open loop)\n", stubDelay, closedClients, pacedClients)
	for _, w := range missCalls {
		op := w.operation
		row(out, op+": rate through millrace / direct", p.got.over("millrace "+op+" rate", "direct "+op+" rate"),
			atLeast(p.got.over("millrace "+op+" rate", "direct "+op+" rate"), 0.90))
		row(out, op+": rate direct, a second", p.got["direct "+op+" rate"], "")
		row(out, op+": millrace's CPU a request, us", p.got[op+" cpu"], "")
		for _, share := range missLoads {
			at := fmt.Sprintf("at %.0f%%", 100*share)
			for _, q := range []struct {
				name  string
				limit float64
			}{{"p50", 100}, {"p99", 400}} {
				name := fmt.Sprintf("%s %s %s", op, q.name, at)
				row(out, fmt.Sprintf("%s: added to %s %s of %.0f/s, us", op, q.name, at, p.rates[op]), p.added(name), atMost(p.added(name), q.limit))
				row(out, fmt.Sprintf("%s: %s %s direct, us", op, q.name, at), p.got["direct "+name], "")
			}
		}
	}
}
