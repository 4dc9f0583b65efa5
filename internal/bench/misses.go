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
// It has less to do at the same rate, so it is also measured as millrace is: at shares of what as many clients get through it.
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

// missCall is an operation that is measured, with the body that it has.
type missCall struct{ operation, body string }

// missCalls are all of them.
var missCalls = []missCall{
	{"GetItem", fmt.Sprintf(`{"Key":{"pk":{"S":"%s"}},"TableName":"bench"}`, blankKey)},
	{"Query", fmt.Sprintf(`{"ExpressionAttributeValues":{":p":{"S":"%s"}},"KeyConditionExpression":"pk = :p","TableName":"pages"}`, blankKey)},
	{"PutItem", putBody("bench")},
}

// floorCalls are those of missCalls that the forwarder is measured with at rates of its own: a short answer and a long one.
var floorCalls = []string{"GetItem", "Query"}

// missLoad is what is put on ways in turns for one figure; at is what the figure is called.
type missLoad struct {
	missCall
	at      string
	clients int
	rate    float64 // 0 is as fast as it goes
}

// atShare and atOwnShare are the names of latencies at a share of millrace's capacity, and of the forwarder's.
func atShare(share float64) string    { return fmt.Sprintf("at %.0f%%", 100*share) }
func atOwnShare(share float64) string { return atShare(share) + " of its own" }

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

// load puts a load on one way.
func (p *missesPart) load(ctx context.Context, way *missWay, l missLoad, span time.Duration, seed uint64) (outcome, error) {
	asked := p.stub.asked.Load()
	t := newTemplate(l.operation, l.body)
	f := &fleet{
		loop: p.loop, next: func() (int, []byte) { return 0, t.fill(p.source, p.next.Add(1), 1) },
		whole: httpWhole("", func(int, []byte) bool { return true }),
	}
	o, err := f.drive(ctx, way.address, l.clients, load{span: span, warmUp: missWarmUp, rate: l.rate, draw: rand.New(rand.NewPCG(seed, 2))})
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
	for _, c := range missCalls {
		if err := p.call(ctx, number, c); err != nil {
			return fmt.Errorf("%s: %w", c.operation, err)
		}
	}
	return nil
}

// call takes all figures of an operation.
func (p *missesPart) call(ctx context.Context, number int, c missCall) error {
	most, _, err := p.most(ctx, p.way(millraceWay), c)
	if err != nil {
		return err
	}
	p.got.add(c.operation+" capacity", most)
	if err := p.measure(ctx, number, p.ways, missLoad{missCall: c, clients: closedClients}); err != nil {
		return err
	}
	for _, share := range missLoads {
		if err := p.measure(ctx, number, p.ways, missLoad{c, atShare(share), pacedClients, share * most}); err != nil {
			return err
		}
	}
	if slices.Contains(floorCalls, c.operation) {
		return p.floor(ctx, number, c)
	}
	return nil
}

// floor notes what the forwarder adds at shares of what gets through it, beside direct at the same rates.
func (p *missesPart) floor(ctx context.Context, number int, c missCall) error {
	forwarder := p.way(forwarderWay)
	most, all, err := p.most(ctx, forwarder, c)
	if err != nil {
		return err
	}
	p.got.add(figure(c.operation, "most"), most)
	p.got.add(figure(c.operation, "most busy"), all.cpu.Seconds()/all.took.Seconds())
	p.got.add(figure(c.operation, "most clients"), all.clientCPU.Seconds()/all.took.Seconds())
	for _, share := range missLoads {
		if err := p.measure(ctx, number, []*missWay{p.way(directWay), forwarder}, missLoad{c, atOwnShare(share), pacedClients, share * most}); err != nil {
			return err
		}
	}
	return nil
}

// most is how many requests a second get through a way with more clients than it can serve at once, and what that was found in.
func (p *missesPart) most(ctx context.Context, way *missWay, c missCall) (most float64, all missStretch, err error) {
	var stretches []missStretch
	for range missStretches {
		s, err := p.stretch(ctx, way, missLoad{missCall: c, clients: pacedClients}, 0)
		if err != nil {
			return 0, all, err
		}
		stretches = append(stretches, s)
	}
	if all = join(stretches); all.span < p.s.span/10 { // too little to go by counts
		return stretches[0].outcome.rate(), all, nil
	}
	return all.rate(), all, nil
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

// stretch puts load on one way and looks at what comes of it.
func (p *missesPart) stretch(ctx context.Context, way *missWay, l missLoad, seed uint64) (s missStretch, err error) {
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
	if s.outcome, err = p.load(ctx, way, l, p.s.span/missStretches, seed); err != nil {
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
		all.asked, all.took, all.clientCPU = all.asked+s.asked, all.took+s.took+missWarmUp, all.clientCPU+s.clientCPU
	}
	slices.Sort(all.counted)
	slices.Sort(all.late)
	return all
}

// measure notes one figure of a round, from stretches of ways in turns, the first of which is direct.
func (p *missesPart) measure(ctx context.Context, number int, ways []*missWay, l missLoad) error {
	stretches := make([][]missStretch, len(ways))
	for i := range missStretches {
		for turn := range stretches {
			way := (number + i + turn) % len(stretches)
			// All ways have their requests due at the same times.
			s, err := p.stretch(ctx, ways[way], l, uint64(number*missStretches+i))
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
		p.note(ways[way].name, l, &s, &all[0])
	}
	return nil
}

// note notes one way's figure beside that of the direct one.
func (p *missesPart) note(way string, l missLoad, s, direct *missStretch) {
	if l.rate == 0 {
		p.got.add(figure(l.operation, way, "rate"), s.rate())
		p.got.add(figure(l.operation, way, "cpu"), micros(s.cpu)/float64(s.asked))
		return
	}
	p.all[figure(l.operation, way, l.at)] = append(p.all[figure(l.operation, way, l.at)], s.counted...)
	p.got.add(figure(way, "late", l.at), micros(quantile(s.late, 0.99)))
	p.got.add(figure(way, "starved", l.at), millis(s.starved)/s.took.Seconds())
	for name, q := range missQuantiles {
		p.got.add(figure(l.operation, way, name, l.at), micros(quantile(s.counted, q)))
		p.got.add(figure(l.operation, way, "added", name, l.at), micros(quantile(s.counted, q)-quantile(direct.counted, q)))
	}
	p.got.add(figure(l.operation, way, "waited", l.at), millis(s.waited)/s.took.Seconds())
	p.got.add(figure(l.operation, way, "busy", l.at), s.cpu.Seconds()/s.took.Seconds())
	p.got.add(figure(l.operation, way, "cpu", l.at), micros(s.cpu)/float64(s.asked))
}

// figure is the name of one.
func figure(words ...string) string { return strings.Join(words, " ") }

// missQuantiles are those that are owed something.
var missQuantiles = map[string]float64{"p50": 0.5, "p99": 0.99}

// micros is d in microseconds.
func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
