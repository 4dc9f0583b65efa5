package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// knownPeers are the implementations that the report always has a line for, measured or not.
// Those with the suffix keep their data on disk.
var knownPeers = []string{"dynamodb-local", "dynamodb-local" + onDisk, "dynoxide", "dynoxide" + onDisk, "dynalite"}

// onDisk ends the name of a peer whose writes are meant to last. It is compared with ours on disk, the others with ours
// in memory; both are printed.
const onDisk = "-disk"

// owedPeers is what targets row 18 owes against each, for every operation.
var owedPeers = map[string]float64{"dynamodb-local": 5, "dynoxide": 1}

// side is one implementation under load.
type side struct {
	name, endpoint string
	// pid is its process, whose CPU is counted; 0 if it is not known.
	pid int
}

// peerList is the flag -peer, by name.
type peerList map[string]side

// String is part of flag.Value.
func (l peerList) String() string { return "" }

// Set adds one name=URL or name=URL,PID.
func (l peerList) Set(text string) (err error) {
	s := side{}
	var ok bool
	if s.name, s.endpoint, ok = strings.Cut(text, "="); !ok || s.name == "" {
		return fmt.Errorf("%q is not name=URL", text)
	}
	endpoint, pid, ok := strings.Cut(s.endpoint, ",")
	if s.endpoint = endpoint; ok {
		if s.pid, err = strconv.Atoi(pid); err != nil {
			return fmt.Errorf("%q does not end with a process id", text)
		}
	}
	l[s.name] = s
	return nil
}

// What the peers part runs with.
const (
	// peerClients is how many are connected to each side.
	peerClients = 16
	// peerItems is how many items GetItem reads from and PutItem replaces, in random order.
	peerItems = 5000
	// peerPartitions and pageItems are the partitions that Query reads from, each one page of pageItems.
	peerPartitions, pageItems = 20, 100
)

// operation is one request that all sides get.
type operation struct {
	name string
	body string
	// items is from how many keys it draws.
	items uint64
	// least is the fewest bytes a right answer has.
	least int
}

// peerOperations are the operations of row 18.
var peerOperations = []operation{
	{"GetItem", getBody("peers"), peerItems, valueLength},
	{"PutItem", putBody("peers"), peerItems, len("{}")},
	{"Query", `{"ConsistentRead":true,"ExpressionAttributeValues":{":p":{"S":"` + blankKey + `"}},"KeyConditionExpression":"pk = :p","TableName":"pages"}`,
		peerPartitions, pageItems * valueLength},
}

// peersPart measures reads and writes that no cache answers, beside other implementations. Ours runs twice: with
// its store on disk and every write synced, as it is shipped, and in memory, as most of the others are.
type peersPart struct {
	s       *settings
	got     samples
	servers []*server
	sides   []side
	loop    *loop
	source  *source
}

// newPeersPart makes the part.
func newPeersPart(s *settings) *peersPart {
	return &peersPart{s: s, got: samples{}, source: newSource(0)}
}

// The names of our own sides.
const (
	oursOnDisk   = "millrace"
	oursInMemory = "millrace in memory"
)

// setUp starts ours and fills all sides with the same items.
func (p *peersPart) setUp(ctx context.Context) (err error) {
	if p.loop, err = newLoop(false); err != nil {
		return err
	}
	sides := maps.Clone(p.s.peers)
	for name, args := range map[string][]string{oursOnDisk: nil, oursInMemory: {"--in-memory"}} {
		srv, err := startServer(ctx, p.s.binary, filepath.Join(p.s.dir, strings.ReplaceAll(name, " ", "-")), args...)
		if err != nil {
			return err
		}
		p.servers = append(p.servers, srv)
		sides[name] = side{name, srv.endpoint, srv.cmd.Process.Pid}
	}
	for _, name := range slices.Sorted(maps.Keys(sides)) {
		if err := fillPeer(ctx, sides[name].endpoint, p.source); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p.sides = append(p.sides, sides[name])
	}
	return nil
}

// fillPeer makes the tables on one side and puts the items in, with values from src. Tables of an earlier run are replaced.
func fillPeer(ctx context.Context, endpoint string, src *source) error {
	l, err := newLoader(endpoint)
	if err != nil {
		return err
	}
	defer l.close()
	for _, table := range []string{"peers", "pages"} {
		if err := l.drop(ctx, table); err != nil {
			return err
		}
		if err := l.table(ctx, createTable(table, table == "pages")); err != nil {
			return err
		}
	}
	if err := l.batches(ctx, 0, peerItems, func(n int) string { return batchPut("peers", n, "") }); err != nil {
		return err
	}
	for partition := range uint64(peerPartitions) {
		for from := 0; from < pageItems; from += batchSize {
			t := newTemplate("BatchWriteItem", pageBatch(from))
			if _, err := l.clients[0].do(t.fill(src, partition, 0)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pageBatch puts the items from on into one partition.
func pageBatch(from int) string {
	var puts []string
	for i := range batchSize {
		puts = append(puts, fmt.Sprintf(`{"PutRequest":{"Item":{"pk":{"S":"%s"},"sk":{"N":"%d"},"v":{"S":"%s"}}}}`, blankKey, from+i, blankValue))
	}
	return `{"RequestItems":{"pages":[` + strings.Join(puts, ",") + `]}}`
}

// tearDown stops ours.
func (p *peersPart) tearDown() error {
	var failed []error
	for _, srv := range p.servers {
		failed = append(failed, srv.stop())
	}
	if p.loop != nil {
		failed = append(failed, p.loop.close())
	}
	return errors.Join(failed...)
}

// round puts each side under each operation's load.
func (p *peersPart) round(ctx context.Context, number int) error {
	for _, op := range peerOperations {
		var sides []func() error
		for _, s := range p.sides {
			sides = append(sides, func() error { return p.load(ctx, s, op) })
		}
		if err := alternate(number, sides...); err != nil {
			return err
		}
	}
	return nil
}

// load measures one operation on one side.
func (p *peersPart) load(ctx context.Context, s side, op operation) error {
	t := newTemplate(op.name, op.body)
	f := &fleet{
		loop: p.loop, next: func() (int, []byte) { return 0, t.fill(p.source, p.source.r.Uint64N(op.items), 0) },
		whole: httpWhole("", func(_ int, body []byte) bool {
			return len(body) >= op.least && !bytes.Contains(body[max(0, len(body)-200):], []byte("LastEvaluatedKey"))
		}),
	}
	before := cpuOf(s.pid)
	// Connections are new each time: some hang up on clients that are silent while others are measured.
	o, err := f.drive(ctx, s.endpoint, peerClients, load{span: p.s.span / 2})
	if err != nil {
		return fmt.Errorf("%s on %s: %w", op.name, s.name, err)
	}
	p.got.add(op.name+" "+s.name, o.rate())
	if s.pid != 0 {
		// At least what the clock can tell.
		used := max(cpuOf(s.pid)-before, clockTick)
		p.got.add(op.name+" CPU "+s.name, used.Seconds()/float64(o.requests))
	}
	p.got.add(op.name+" client share "+s.name, o.clientCPU.Seconds()/o.took.Seconds())
	return nil
}

// report prints row 18.
func (p *peersPart) report(out io.Writer) {
	fmt.Fprintf(out, "row 18: uncached over HTTP, %d clients, ÷ peers, rate\n", peerClients)
	names := slices.Clone(knownPeers)
	for _, name := range slices.Sorted(maps.Keys(p.s.peers)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, peer := range names {
		for _, ours := range []string{oursOnDisk, oursInMemory} {
			for _, op := range peerOperations {
				ratio := p.got.over(op.name+" "+ours, op.name+" "+peer)
				verdict := func([]float64) string { return "" }
				kind, lasting := strings.CutSuffix(peer, onDisk)
				if owed, ok := owedPeers[kind]; ok && lasting == (ours == oursOnDisk) {
					verdict = func(values []float64) string { return atLeast(values, owed) }
				}
				what := op.name
				if op.name == "Query" {
					what = fmt.Sprintf("Query of %d", pageItems)
				}
				row(out, fmt.Sprintf("%s: %s ÷ %s", what, ours, peer), ratio, verdict(ratio))
				if cpu := p.got.over(op.name+" CPU "+peer, op.name+" CPU "+ours); len(cpu) > 0 {
					row(out, "  requests per CPU second, likewise", cpu, verdict(cpu))
				}
			}
		}
	}
	for _, op := range peerOperations {
		row(out, fmt.Sprintf("cores the client keeps busy, %s on %s", op.name, oursOnDisk), p.got[op.name+" client share "+oursOnDisk], "")
	}
}
