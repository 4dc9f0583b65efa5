package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
)

// What the misses part runs with.
const (
	// closedClients are the connections that throughput is measured with: 16 are 8000 requests a second of an upstream that
	// takes 2 ms, and so less than a core of millrace can do.
	closedClients = 16
	// pacedClients are those that latency is taken with, and that find capacity out: more than are ever busy at 70 % of it.
	pacedClients = 128
)

// missLoads are the shares of capacity at which latency is taken.
var missLoads = []float64{0.3, 0.7}

// missesPart measures what millrace adds to an upstream that takes 2 ms: for reads that are always misses, because no key
// comes twice, and for writes. Both ways lead to the same stub, driven by the same clients, which together have one core for
// themselves; millrace, its caches on, has the others. Capacity is millrace's own: as much as those cores can do, with more
// clients than it can serve at once, found out in each round anew. (That of the stub is many times that.)
type missesPart struct {
	s      *settings
	got    samples
	loop   *loop
	stub   *stub
	server *server
	next   atomic.Uint64
	source *source
}

// newMissesPart makes the part.
func newMissesPart(s *settings) *missesPart {
	return &missesPart{s: s, got: samples{}, source: newSource(0)}
}

// missWays are the two ways to upstream.
var missWays = []string{"direct", "millrace"}

// missCalls are the operations that are measured, with the body of each.
var missCalls = []struct{ operation, body string }{
	{"GetItem", fmt.Sprintf(`{"Key":{"pk":{"S":"%s"}},"TableName":"bench"}`, blankKey)},
	{"Query", fmt.Sprintf(`{"ExpressionAttributeValues":{":p":{"S":"%s"}},"KeyConditionExpression":"pk = :p","TableName":"pages"}`, blankKey)},
	{"PutItem", putBody("bench")},
}

// setUp starts the stub and a millrace before it.
func (p *missesPart) setUp(ctx context.Context) (err error) {
	if p.loop, err = newLoop(p.s.pin); err != nil {
		return err
	}
	if p.stub, err = newStub(p.loop, stubDelay); err != nil {
		return err
	}
	return p.start(ctx)
}

// start starts millrace on the cores that are not the loop's.
func (p *missesPart) start(ctx context.Context) error {
	type started struct {
		server *server
		err    error
	}
	result := make(chan started)
	go func() {
		runtime.LockOSThread() // whose cores the process inherits; it ends with the goroutine
		var s started
		if p.s.pin {
			s.err = lastCore(true)
		}
		if s.err == nil {
			s.server, s.err = startServer(ctx, p.s.binary, filepath.Join(p.s.dir, "misses"), "--cache", "on",
				"--backend", "aws", "--upstream", p.stub.endpoint(), "--upstream-kind", "generic", "--region", "us-east-1")
		}
		result <- s
	}()
	s := <-result
	p.server = s.server
	return s.err
}

// tearDown stops all.
func (p *missesPart) tearDown() (err error) {
	if p.server != nil {
		err = p.server.stop()
	}
	if p.stub != nil {
		p.stub.close()
	}
	if p.loop != nil {
		err = errors.Join(err, p.loop.close())
	}
	return err
}

// load drives one way with n clients: at rate a second, or as fast as it goes where rate is 0.
func (p *missesPart) load(way, operation, body string, n int, span time.Duration, rate float64, seed uint64) (outcome, error) {
	endpoint := p.server.endpoint
	if way == "direct" {
		endpoint = p.stub.endpoint()
	}
	asked := p.stub.asked.Load()
	f := &fleet{
		loop: p.loop, template: newTemplate(operation, body), source: p.source, rate: rate,
		number: func() uint64 { return p.next.Add(1) },
	}
	o, err := f.drive(endpoint, n, span, seed)
	if asked = p.stub.asked.Load() - asked; err == nil && asked < int64(o.requests) {
		err = fmt.Errorf("upstream was asked %d times for %d answers, which are no misses then", asked, o.requests)
	}
	if err == nil && o.requests == 0 {
		err = errors.New("no request was answered")
	}
	return o, err
}

// round takes both ways once for each figure.
func (p *missesPart) round(ctx context.Context, number int) error {
	for _, w := range missCalls {
		most, err := p.load("millrace", w.operation, w.body, pacedClients, p.s.span, 0, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", w.operation, err)
		}
		p.got.add(w.operation+" capacity", most.rate())
		for _, share := range append([]float64{0}, missLoads...) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := alternate(number,
				func() error { return p.measure(number, missWays[0], w.operation, w.body, share, most.rate()) },
				func() error { return p.measure(number, missWays[1], w.operation, w.body, share, most.rate()) })
			if err != nil {
				return fmt.Errorf("%s: %w", w.operation, err)
			}
		}
	}
	return nil
}

// measure notes one stretch of one way: throughput where share is 0, else latency at that share of capacity.
func (p *missesPart) measure(number int, way, operation, body string, share, capacity float64) error {
	if share == 0 {
		before, asked := p.server.cpu(), p.stub.asked.Load()
		o, err := p.load(way, operation, body, closedClients, p.s.span, 0, 0)
		if err != nil {
			return err
		}
		p.got.add(fmt.Sprintf("%s %s rate", way, operation), o.rate())
		if way == "millrace" {
			p.got.add(operation+" cpu", float64((p.server.cpu()-before).Microseconds())/float64(p.stub.asked.Load()-asked))
		}
		return nil
	}
	// Both ways of a round have their requests due at the same times.
	o, err := p.load(way, operation, body, pacedClients, p.s.span, share*capacity, uint64(number))
	if err != nil {
		return err
	}
	at := fmt.Sprintf("at %.0f%%", 100*share)
	for name, q := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		p.got.add(fmt.Sprintf("%s %s %s %s", way, operation, name, at), float64(o.quantile(q).Nanoseconds())/1000)
	}
	p.got.add(fmt.Sprintf("late %s", at), float64(quantile(o.late, 0.99).Nanoseconds())/1000)
	return nil
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
	fmt.Fprintf(out, "A miss and a write before an upstream that takes %v (%d clients closed loop, %d open loop, poisson arrivals)\n", stubDelay, closedClients, pacedClients)
	for _, w := range missCalls {
		op := w.operation
		row(out, op+": rate through millrace / direct", p.got.over("millrace "+op+" rate", "direct "+op+" rate"),
			atLeast(p.got.over("millrace "+op+" rate", "direct "+op+" rate"), 0.90))
		row(out, op+": rate direct, a second", p.got["direct "+op+" rate"], "")
		row(out, op+": millrace's CPU a request, us", p.got[op+" cpu"], "")
		row(out, fmt.Sprintf("%s: capacity, %d clients closed loop, a second", op, pacedClients), p.got[op+" capacity"], "")
		for _, share := range missLoads {
			at := fmt.Sprintf("at %.0f%%", 100*share)
			for _, q := range []struct {
				name  string
				limit float64
			}{{"p50", 100}, {"p99", 400}} {
				name := fmt.Sprintf("%s %s %s", op, q.name, at)
				row(out, fmt.Sprintf("%s: added to %s %s of capacity, us", op, q.name, at), p.added(name), atMost(p.added(name), q.limit))
				row(out, fmt.Sprintf("%s: %s %s direct, us", op, q.name, at), p.got["direct "+name], "")
			}
		}
	}
	for _, share := range missLoads {
		at := fmt.Sprintf("at %.0f%%", 100*share)
		row(out, fmt.Sprintf("requests sent late %s, p99, us", at), p.got["late "+at], "")
	}
}
