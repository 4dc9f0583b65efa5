package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
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
	// missWarmUp is how long load goes on before anything is counted.
	missWarmUp = 200 * time.Millisecond
)

// missLoads are the shares of capacity at which latency is taken.
var missLoads = []float64{0.3, 0.7}

// missesPart measures what millrace adds to an upstream that takes 2 ms: for reads that are always misses, because no key
// comes twice, and for writes. All ways lead to the same stub, driven by the same clients, which together have one core for
// themselves; millrace, its caches on, has the others. Capacity is millrace's own: as much as those cores can do, with more
// clients than it can serve at once, found out in each round anew. (That of the stub is many times that.)
//
// The third way, through a forwarder that looks at nothing, is what any process between them adds on this machine; see forwarder.
//
// A round gives each way several short stretches in turns. What was due about when the host demonstrably took a core is left out,
// on all ways; see spoiltBy.
type missesPart struct {
	s    *settings
	got  samples
	loop *loop
	stub *stub
	// ways are those that are measured; the first is direct.
	ways   []*missWay
	next   atomic.Uint64
	source *source
	// vigils look after each core; there are none where that is not allowed, and blind is why.
	vigils []*vigil
	blind  error
	procs  int // GOMAXPROCS as it was
	// all are the latencies of all requests that count, by name; measured is how long load was measured in all, and kept how much
	// of that counts.
	all            map[string][]time.Duration
	measured, kept time.Duration
}

// newMissesPart makes the part.
func newMissesPart(s *settings) *missesPart {
	return &missesPart{s: s, got: samples{}, source: newSource(0), all: map[string][]time.Duration{}}
}

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
	p.ways = []*missWay{{name: directWay, address: strings.TrimPrefix(p.stub.endpoint(), "http://")}}
	if err := errors.Join(p.addForwarder(ctx), p.addMillrace(ctx, millraceWay, p.s.binary)); err != nil {
		return err
	}
	if p.s.before != "" {
		if err := p.addMillrace(ctx, beforeWay, p.s.before); err != nil {
			return err
		}
	}
	// A vigil keeps the processor of Go's scheduler that it has, so each brings one along.
	p.procs = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(p.procs + runtime.NumCPU())
	for core := range runtime.NumCPU() {
		v, err := newVigil(core)
		if err != nil {
			p.blind = err
			break
		}
		p.vigils = append(p.vigils, v)
	}
	return nil
}

// tearDown stops all.
func (p *missesPart) tearDown() (err error) {
	for _, v := range p.vigils {
		v.stop()
	}
	if p.procs > 0 {
		runtime.GOMAXPROCS(p.procs)
	}
	for _, w := range p.ways {
		if w.stop != nil {
			err = errors.Join(err, w.stop())
		}
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
func (p *missesPart) load(ctx context.Context, way *missWay, operation, body string, n int, span time.Duration, rate float64, seed uint64) (outcome, error) {
	asked := p.stub.asked.Load()
	t := newTemplate(operation, body)
	f := &fleet{
		loop: p.loop, next: func() (int, []byte) { return 0, t.fill(p.source, p.next.Add(1), 1) },
		whole: httpWhole("", func(int, []byte) bool { return true }),
	}
	o, err := f.drive(ctx, way.address, n, load{span: span, warmUp: missWarmUp, rate: rate, draw: rand.New(rand.NewPCG(seed, 2))})
	if asked = p.stub.asked.Load() - asked; err == nil && asked < int64(o.requests) {
		err = fmt.Errorf("upstream was asked %d times for %d answers, which are no misses then", asked, o.requests)
	}
	o.asked = int(asked)
	return o, err
}

// round takes all ways for each figure.
func (p *missesPart) round(ctx context.Context, number int) error {
	for _, w := range p.ways {
		if w.from == 0 {
			w.from = time.Since(w.started)
		}
	}
	for _, w := range missCalls {
		var asFastAsItGoes []missStretch
		for range missStretches {
			s, err := p.stretch(ctx, p.way(millraceWay), w.operation, w.body, pacedClients, 0, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", w.operation, err)
			}
			asFastAsItGoes = append(asFastAsItGoes, s)
		}
		all := join(asFastAsItGoes)
		most := all.rate()
		if all.span < p.s.span/10 { // too little to go by counts
			most = asFastAsItGoes[0].outcome.rate()
		}
		p.got.add(w.operation+" capacity", most)
		for _, share := range append([]float64{0}, missLoads...) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := p.measure(ctx, number, w.operation, w.body, share, share*most); err != nil {
				return fmt.Errorf("%s: %w", w.operation, err)
			}
		}
	}
	return nil
}

// missStretches are how many stretches each way has for one figure of a round.
const missStretches = 3

// missStretch is what one stretch of one way came to.
type missStretch struct {
	outcome
	// counted are the latencies of the requests that count, and span for how long those that count were due.
	counted []time.Duration
	span    time.Duration
	// cpu is what stands between used, and waited how long its threads were ready and had no core.
	cpu, waited time.Duration
	// starved is how long the clients were ready and had no core.
	starved time.Duration
	// late is how late the stub's answers were sent, in ascending order.
	late []time.Duration
}

// stretch puts load on one way: at rate a second, or as fast as it goes where rate is 0.
func (p *missesPart) stretch(ctx context.Context, way *missWay, operation, body string, n int, rate float64, seed uint64) (s missStretch, err error) {
	// The client's own garbage is collected when nothing is measured.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if _, err := p.stub.lateness(); err != nil {
		return s, err
	}
	for _, v := range p.vigils {
		v.take()
	}
	before, cpu, starved := stallsOf(way.pid), cpuOf(way.pid), waitedBy(os.Getpid(), p.loop.thread)
	if s.outcome, err = p.load(ctx, way, operation, body, n, p.s.span/missStretches, rate, seed); err != nil {
		return s, err
	}
	s.cpu, s.waited = cpuOf(way.pid)-cpu, stallsOf(way.pid).since(before).waited
	s.starved = waitedBy(os.Getpid(), p.loop.thread) - starved
	var away []absence
	for _, v := range p.vigils {
		away = append(away, v.take()...)
	}
	s.counted, s.span = clean(s.each, spoiltBy(away), s.from, s.until)
	p.measured, p.kept = p.measured+s.until.Sub(s.from), p.kept+s.span
	s.late, err = p.stub.lateness()
	return s, err
}

// rate is requests a second, of those that count.
func (s *missStretch) rate() float64 {
	return float64(len(s.counted)) / max(s.span, time.Millisecond).Seconds()
}

// join makes one of all stretches of a way.
func join(stretches []missStretch) (all missStretch) {
	for _, s := range stretches {
		all.counted = append(all.counted, s.counted...)
		all.late = append(all.late, s.late...)
		all.span, all.cpu, all.waited, all.starved = all.span+s.span, all.cpu+s.cpu, all.waited+s.waited, all.starved+s.starved
		all.asked, all.took = all.asked+s.asked, all.took+s.took+missWarmUp
	}
	slices.Sort(all.counted)
	slices.Sort(all.late)
	return all
}

// measure notes one figure of a round, from stretches of all ways in turns: throughput where share is 0, else latency at that share
// of capacity.
func (p *missesPart) measure(ctx context.Context, number int, operation, body string, share, rate float64) error {
	clients, at := closedClients, fmt.Sprintf("at %.0f%%", 100*share)
	if share > 0 {
		clients = pacedClients
	}
	stretches := make([][]missStretch, len(p.ways))
	for i := range missStretches {
		for turn := range stretches {
			way := (number + i + turn) % len(stretches)
			// All ways have their requests due at the same times.
			s, err := p.stretch(ctx, p.ways[way], operation, body, clients, rate, uint64(number*missStretches+i))
			if err != nil {
				return err
			}
			stretches[way] = append(stretches[way], s)
		}
	}
	all := make([]missStretch, len(stretches))
	for way := range stretches {
		if all[way] = join(stretches[way]); len(all[way].counted) == 0 {
			return nil // which the report tells
		}
	}
	for way, s := range all {
		p.note(p.ways[way].name, operation, at, share, &s, &all[0])
	}
	return nil
}

// note notes one way's figure beside that of the direct one.
func (p *missesPart) note(way, operation, at string, share float64, s, direct *missStretch) {
	if share == 0 {
		p.got.add(figure(operation, way, "rate"), s.rate())
		p.got.add(figure(operation, way, "cpu"), micros(s.cpu)/float64(s.asked))
		return
	}
	p.all[figure(operation, way, at)] = append(p.all[figure(operation, way, at)], s.counted...)
	p.got.add(figure(way, "late", at), micros(quantile(s.late, 0.99)))
	p.got.add(figure(way, "starved"), millis(s.starved)/s.took.Seconds())
	for name, q := range missQuantiles {
		p.got.add(figure(operation, way, name, at), micros(quantile(s.counted, q)))
		p.got.add(figure(operation, way, "added", name, at), micros(quantile(s.counted, q)-quantile(direct.counted, q)))
	}
	p.got.add(figure(operation, way, "waited", at), millis(s.waited)/s.took.Seconds())
	p.got.add(figure(operation, way, "busy", at), s.cpu.Seconds()/s.took.Seconds())
	p.got.add(figure(operation, way, "cpu", at), micros(s.cpu)/float64(s.asked))
}

// figure is the name of one.
func figure(words ...string) string { return strings.Join(words, " ") }

// missQuantiles are those that are owed something.
var missQuantiles = map[string]float64{"p50": 0.5, "p99": 0.99}

// micros is d in microseconds.
func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
