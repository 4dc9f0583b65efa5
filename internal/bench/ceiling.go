package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// What the ceiling parts run with.
const (
	// ceilingConns are the connections to each side, ceilingKeys the keys that requests draw from at random.
	ceilingConns, ceilingKeys = 50, 4096
	// batchKeys is how many keys a BatchGetItem has.
	batchKeys = 25
	// scrapeInterval is how often the metrics of the side that has them read are scraped and pushed.
	scrapeInterval = time.Second
)

// The sides that are compared.
const (
	hitSide     = "millrace"
	scrapedSide = "millrace, metrics read"
	batchSide   = "millrace, BatchGetItem"
	redisSide   = "Redis GET"
	cachedSide  = "memcached get"
)

// hitMark is in the head of every answer from millrace's caches, and so of the bare servers', which give the same.
const hitMark = "X-Millrace-Cache: hit"

// ceilingWorkload is one request in many forms, and who is to answer it.
type ceilingWorkload struct {
	name  string
	about string
	// requests makes the requests.
	requests func() [][]byte
	// sides adds the sides beside millrace's own.
	sides func(p *ceilingPart, ctx context.Context) error
	// rows prints what the figures are held against.
	rows func(p *ceilingPart, out io.Writer)
}

// ceilingWorkloads are the parts of that name.
var ceilingWorkloads = []ceilingWorkload{
	{"getitem", "GetItem of a cached item, 400 bytes", getItems, (*ceilingPart).besideGetItem, (*ceilingPart).reportGetItem},
	{"query", "Query of a cached page of 100 items, 46 KB", queries, (*ceilingPart).besideQuery, (*ceilingPart).reportQuery},
	{"batch", "BatchGetItem of 25 cached items", getItems, (*ceilingPart).besideBatch, (*ceilingPart).reportBatch},
	{"peers", "GetItem of a cached item, beside other DynamoDBs", getItems, (*ceilingPart).besidePeers, (*ceilingPart).reportPeers},
}

// contender is one side of a ceiling part.
type contender struct {
	name, address string
	pid           int
	requests      [][]byte
	whole         func(i int, buf []byte) (int, error)
	// during, unless nil, runs while the side is under load and returns when ctx ends.
	during func(ctx context.Context) error
	// refresh, unless nil, makes what is asked for cached anew. refreshed is when that was done.
	refresh   func() error
	refreshed time.Time
	// paced is the rate at which latency is taken.
	paced float64
	// fleet has its connections, once there are some, and used is when they last were.
	fleet *fleet
	used  time.Time
}

// ceilingPart measures hits as shipped beside bare servers that give the same bytes and beside other caches. Every side is
// a process of its own on one core, millrace as a sidecar before an engine that is asked once for each key; the client has
// the other core.
type ceilingPart struct {
	s        *settings
	workload ceilingWorkload
	dir      string
	got      samples
	sides    []*contender
	missing  []string
	stops    []func() error
	// requests are millrace's, answers the bodies it gave to them.
	requests, answers [][]byte
	upstream, server  *server
	// loop is what the client runs on, once it has run.
	loop *loop
}

// newCeilingPart makes the part.
func newCeilingPart(s *settings, w ceilingWorkload) *ceilingPart {
	return &ceilingPart{s: s, workload: w, got: samples{}}
}

// getItems are GetItems of all keys.
func getItems() [][]byte {
	return ceilingRequests("GetItem", `{"ConsistentRead":false,"Key":{"pk":{"S":"`+blankKey+`"}},"TableName":"peers"}`, ceilingKeys, 0)
}

// queries are Queries of all partitions.
func queries() [][]byte {
	return ceilingRequests("Query", `{"ExpressionAttributeValues":{":p":{"S":"`+blankKey+`"}},"KeyConditionExpression":"pk = :p","TableName":"pages"}`, peerPartitions, 0)
}

// batches are BatchGetItems that have every key once, but for those left over.
func batches() [][]byte {
	key := `{"pk":{"S":"` + blankKey + `"}},`
	body := `{"RequestItems":{"peers":{"Keys":[` + strings.TrimSuffix(strings.Repeat(key, batchKeys), ",") + `]}}}`
	return ceilingRequests("BatchGetItem", body, ceilingKeys/batchKeys, 1)
}

// ceilingRequests makes n requests; each has the keys from its own number on, or, with step 1, those that no other has.
func ceilingRequests(operation, body string, n int, step uint64) (requests [][]byte) {
	t, src := newTemplate(operation, body), newSource(0)
	for i := range uint64(n) {
		first := i
		if step > 0 {
			first *= uint64(len(t.keys))
		}
		requests = append(requests, bytes.Clone(t.fill(src, first, step)))
	}
	return requests
}

// setUp starts all sides and fills the caches.
func (p *ceilingPart) setUp(ctx context.Context) error {
	p.dir = filepath.Join(p.s.dir, "ceiling-"+p.workload.name)
	var err error
	if p.upstream, err = startServer(ctx, p.s.binary, filepath.Join(p.dir, "upstream"), "--in-memory"); err != nil {
		return err
	}
	p.stops = append(p.stops, p.upstream.stop)
	if err := fillPeer(ctx, p.upstream.endpoint, newSource(0)); err != nil {
		return err
	}
	p.requests = p.workload.requests()
	if p.server, err = p.startSidecar(ctx, hitSide); err != nil {
		return err
	}
	if p.answers, err = warm(p.server.endpoint, p.requests); err != nil {
		return err
	}
	p.addHits(hitSide, p.server, p.requests, p.answers)
	if err := p.workload.sides(p, ctx); err != nil {
		return err
	}
	return nil
}

// pace sets the rate at which each side's latency is taken in this round: half of what it has just done in a closed loop. A
// shared host gives now twice as much as a minute before. Those that speak the same protocol are held to the same rate, the
// strictest: half of what the bare server did.
func (p *ceilingPart) pace(got samples) {
	for _, c := range p.sides {
		as := c
		if bare := p.side(bareKinds[0]); bare != nil && (c.name == hitSide || c.name == scrapedSide) {
			as = bare
		}
		c.paced = median(got[as.name+" rate"]) / 2
	}
}

// side is the side with a name, or nil.
func (p *ceilingPart) side(name string) *contender {
	if i := slices.IndexFunc(p.sides, func(c *contender) bool { return c.name == name }); i >= 0 {
		return p.sides[i]
	}
	return nil
}

// startSidecar starts a millrace as it is shipped, before the upstream.
func (p *ceilingPart) startSidecar(ctx context.Context, name string, environment ...string) (srv *server, err error) {
	environment = append(environment, "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=secret")
	err = onCore(serverCore, func() error {
		srv, err = startServerWith(ctx, environment, p.s.binary, filepath.Join(p.dir, strings.ReplaceAll(name, " ", "-")),
			"--backend", "aws", "--upstream", p.upstream.endpoint, "--upstream-kind", "generic", "--region", "us-east-1", "--cache", "on")
		return err
	})
	if err == nil {
		p.stops = append(p.stops, srv.stop)
	}
	return srv, err
}

// addHits adds a side that answers requests from millrace's caches, with answers.
func (p *ceilingPart) addHits(name string, srv *server, requests, answers [][]byte) *contender {
	c := &contender{name: name, address: strings.TrimPrefix(srv.endpoint, "http://"), pid: srv.cmd.Process.Pid, requests: requests,
		whole: httpWhole(hitMark, func(i int, body []byte) bool { return bytes.Equal(body, answers[i]) })}
	c.refresh = func() error { return refill(srv.endpoint, requests) }
	c.refreshed = time.Now()
	p.sides = append(p.sides, c)
	return c
}

// refreshAfter is the age at which what is cached is read anew: before it is too old to be served, which the settings as
// shipped bound for pages to a minute.
const refreshAfter = 20 * time.Second

// refill sends each request once, to be answered by the backend and cached again.
func refill(endpoint string, requests [][]byte) error {
	c, err := dial(endpoint)
	if err != nil {
		return err
	}
	defer closeAll([]*client{c})
	for _, r := range requests {
		if _, err := c.do(bytes.Replace(r, []byte("\r\n\r\n"), []byte("\r\nX-Millrace-Cache-Control: no-cache\r\n\r\n"), 1)); err != nil {
			return err
		}
	}
	return nil
}

// warm sends each request once and returns the bodies of the answers, which must hold what was asked for.
func warm(endpoint string, requests [][]byte) (answers [][]byte, err error) {
	c, err := dial(endpoint)
	if err != nil {
		return nil, err
	}
	defer closeAll([]*client{c})
	for _, r := range requests {
		answer, err := c.do(r)
		if err != nil {
			return nil, err
		}
		for _, at := range places(r, `"pk":{"S":"`) {
			if !bytes.Contains(answer, r[at:at+len(`"pk":{"S":"`)+keyLength]) {
				return nil, fmt.Errorf("answer lacks what was asked for: %.300q to %q", answer, r)
			}
		}
		answers = append(answers, bytes.Clone(answer))
	}
	return answers, nil
}

// tearDown stops all sides.
func (p *ceilingPart) tearDown() error {
	var failed []error
	if p.loop != nil {
		failed = append(failed, p.loop.close())
	}
	for _, stop := range slices.Backward(p.stops) {
		failed = append(failed, stop())
	}
	return errors.Join(failed...)
}

// keptIdle is for how long a side is not asked and its connections are kept. (Node.js hangs up after five seconds.)
const keptIdle = 2 * time.Second

// load drives one side for a while, as fast as it goes where rate is 0, and notes what the server used.
func (p *ceilingPart) load(ctx context.Context, c *contender, span time.Duration, rate float64) (o outcome, err error) {
	if c.refresh != nil && time.Since(c.refreshed) > refreshAfter {
		c.refreshed = time.Now()
		if err := c.refresh(); err != nil {
			return o, err
		}
	}
	var beside sync.WaitGroup
	var aside error
	if c.during != nil {
		ctx, stop := context.WithCancel(ctx)
		beside.Go(func() { aside = c.during(ctx) })
		defer func() {
			stop()
			beside.Wait()
			err = errors.Join(err, aside)
		}()
	}
	if c.fleet != nil && time.Since(c.used) > keptIdle {
		err = c.fleet.close()
		c.fleet = nil
	}
	defer func() { c.used = time.Now() }()
	if err == nil && c.fleet == nil {
		c.fleet, err = p.connect(c)
	}
	if err != nil {
		return o, err
	}
	// Connections are served, and caches of the processor warm, before anything is measured.
	if _, err := c.fleet.run(ctx, load{span: span / 10, rate: rate}); err != nil {
		return o, err
	}
	// The client's own garbage is collected when nothing is measured.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before := cpuOf(c.pid)
	o, err = c.fleet.run(ctx, load{span: span, rate: rate})
	o.serverCPU = cpuOf(c.pid) - before
	return o, err
}

// connect makes the clients of one side. All sides' are on one loop, of which only one side's are busy at a time.
func (p *ceilingPart) connect(c *contender) (*fleet, error) {
	if p.loop == nil {
		var err error
		if p.loop, err = newLoop(true); err != nil {
			return nil, err
		}
		if err := p.loop.stayAwake(); err != nil {
			return nil, err
		}
	}
	draw := rand.New(rand.NewPCG(1, 2))
	f := &fleet{loop: p.loop, whole: c.whole, next: func() (int, []byte) {
		i := draw.IntN(len(c.requests))
		return i, c.requests[i]
	}}
	return f, f.connect(c.address, ceilingConns)
}

// stretches are how many short stretches a side's time in a round is made of, taken in turns with the others'. What disturbs a
// shared machine for a while spoils those that it falls into, and a disturbance of a few milliseconds makes a backlog that takes
// many times as long to be gone. The round's figure is the median of its stretches.
const stretches = 5

// round takes all sides in turns, first as fast as they go and then, for latency, at half of that.
func (p *ceilingPart) round(ctx context.Context, number int) error {
	var closed, open []func() error
	span, got := p.s.span/stretches, samples{}
	for _, c := range p.sides {
		closed = append(closed, func() error {
			o, err := p.load(ctx, c, span, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			got.add(c.name+" rate", o.rate())
			got.add(c.name+" client", o.clientCPU.Seconds()/o.took.Seconds())
			if c.pid != 0 {
				got.add(c.name+" cpu", max(o.serverCPU, clockTick).Seconds()*1e6/float64(o.requests))
			}
			return nil
		})
		open = append(open, func() error {
			stolen := stolenTime()
			o, err := p.load(ctx, c, span, c.paced)
			if err != nil {
				return fmt.Errorf("%s at %.0f/s: %w", c.name, c.paced, err)
			}
			got.add(c.name+" p50", float64(o.quantile(0.5).Nanoseconds())/1e3)
			got.add(c.name+" p99", float64(o.quantile(0.99).Nanoseconds())/1e3)
			got.add("late", float64(quantile(o.late, 0.99).Nanoseconds())/1e3)
			got.add("stolen", float64((stolenTime() - stolen).Milliseconds()))
			return nil
		})
	}
	for i := range stretches {
		if err := alternate(number+i, closed...); err != nil {
			return err
		}
	}
	p.pace(got)
	for i := range stretches {
		if err := alternate(number+i, open...); err != nil {
			return err
		}
	}
	for name, values := range got {
		p.got.add(name, median(values))
	}
	p.got.add("most late", slices.Max(got["late"]))
	p.got.add("most stolen", slices.Max(got["stolen"]))
	return nil
}
