package stack

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/proxy"
)

// pretend makes a world without nodes that live: at 1 s somebody changes key 0, whose partition, local and global index have
// it before and after.
func pretend() *node {
	w := &world{sc: &Scenario{Nodes: 1}, began: time.Now()}
	w.model = &model{w: w}
	first := commit{at: -time.Hour}
	for k := range 2 {
		first.state[k] = makeItem(k, fmt.Sprintf("v0.%d", k), 5)
	}
	w.model.log = []commit{first}
	n := &node{world: w}
	w.nodes = []*node{n}
	w.rest(time.Second)
	w.model.commit([]change{{0, first.state[0], makeItem(0, "v1.0", 5)}}, false)
	return n
}

// askers judge an answer from the cache that shows the state as of some commits, as of one kind of request.
var askers = map[string]func(n *node, q *request, strong bool, shown state){
	"get": func(n *node, q *request, strong bool, shown state) {
		q.reply.Body = itemBody(shown[0], false)
		n.judgeGet(q, 0, strong, false)
	},
	"batch": func(n *node, q *request, strong bool, shown state) {
		out := &ddb.BatchGetItemOutput{Responses: map[string][]ddb.Item{tableName: {}}}
		for k := range 2 {
			if shown[k] != nil {
				out.Responses[tableName] = append(out.Responses[tableName], shown[k])
			}
		}
		q.reply.Body = ddb.AppendShape(nil, out)
		n.judgeBatch(q, []ddb.Item{keyItem(0), keyItem(1)}, strong)
	},
	"transact": func(n *node, q *request, _ bool, shown state) {
		q.reply.Body = ddb.AppendShape(nil, &ddb.TransactGetItemsOutput{Responses: []ddb.ItemResponse{{Item: shown[0]}, {Item: shown[1]}}})
		n.judgeTransact(q, []int{0, 1})
	},
	"query":  pretendQuery("", "a"),
	"local":  pretendQuery(local, "a"),
	"global": pretendQuery(global, "y"),
	"scan": func(n *node, q *request, strong bool, shown state) {
		read, err := newScan(&ddb.ScanInput{TableName: tableName, ConsistentRead: &strong})
		if err != nil {
			n.fail("%v", err)
			return
		}
		q.reply.Body = read.body(read.read(&shown))
		n.judgePage(q, read, "scan")
	},
}

// pretendQuery asks for a partition.
func pretendQuery(index, hash string) func(n *node, q *request, strong bool, shown state) {
	return func(n *node, q *request, strong bool, shown state) {
		read, err := newQuery(&ddb.QueryInput{TableName: tableName, IndexName: &index, KeyConditionExpression: pointer(schemaOf(index).Hash() + " = :h"),
			ExpressionAttributeValues: ddb.Values{":h": ddb.StringValue(hash)}, ConsistentRead: &strong})
		if err != nil {
			n.fail("%v", err)
			return
		}
		q.reply.Body = read.body(read.read(&shown))
		n.judgePage(q, read, "query")
	}
}

// Each clause of the oracle is fed an answer that breaks it alone, and one that just does not.
func TestEveryClauseReports(t *testing.T) {
	ms := time.Millisecond
	acked := func(n *node) { n.acknowledge(1) }
	read := func(n *node) { n.read[0] = 1 }
	absent := func(s *state) { s[0] = nil }
	never := func(s *state) { s[0] = makeItem(0, "never", 5) }
	for _, c := range []struct {
		clause  string
		asks    string // of askers
		covered bool   // by a stream
		strong  bool   // consistent
		before  func(*node)
		wait    time.Duration // after the commit; the answer shows what was before it
		lie     func(*state)
		within  time.Duration // after which the same is no violation; negative: none such
	}{
		{"P1/P2/P12", "get", true, false, acked, ms, nil, -1},
		{"P1/P2/P12", "get", true, false, read, ms, nil, -1},
		{"P1/P2/P12", "batch", true, false, acked, ms, nil, -1},
		{"P3", "get", true, false, nil, delta + ms, nil, delta - ms},
		{"P3", "batch", true, false, nil, delta + ms, nil, delta - ms},
		{"P3", "query", true, false, nil, delta + ms, nil, delta - ms},
		{"P3", "local", true, false, nil, delta + ms, nil, delta - ms},
		{"P3", "scan", true, false, nil, delta + ms, nil, delta - ms},
		{"P4", "get", false, false, nil, itemTTL + ms, nil, itemTTL - ms},
		{"P4", "batch", false, false, nil, itemTTL + ms, nil, itemTTL - ms},
		{"P4", "query", false, false, nil, queryTTL + ms, nil, queryTTL - ms},
		{"P4", "scan", false, false, nil, queryTTL + ms, nil, queryTTL - ms},
		{"P6", "get", true, false, nil, ms, never, -1},
		{"P6", "get", true, false, nil, ms, absent, -1},
		{"P6", "batch", true, false, nil, ms, never, -1},
		{"P6", "query", true, false, nil, ms, never, -1},
		{"P6", "global", true, false, nil, ms, never, -1},
		{"P7", "query", true, false, acked, ms, nil, -1},
		{"P7", "local", true, false, acked, ms, nil, -1},
		{"P7", "scan", true, false, acked, ms, nil, -1},
		{"P8", "global", true, false, nil, delta + indexLag + ms, nil, delta + indexLag - ms},
		{"P8", "global", false, false, nil, indexTTL + indexLag + ms, nil, indexTTL + indexLag - ms},
		{"P9", "get", true, true, nil, ms, nil, -1},
		{"P9", "batch", true, true, nil, ms, nil, -1},
		{"P9", "query", true, true, nil, ms, nil, -1},
		{"P9", "scan", true, true, nil, ms, nil, -1},
		{"P9", "transact", true, false, nil, ms, nil, -1},
		{"P9", "transact", true, false, nil, ms, never, -1},
	} {
		t.Run(fmt.Sprintf("%s of %s", c.clause, c.asks), func(t *testing.T) {
			reported := func(wait time.Duration, shown int) (v []string) {
				synctest.Test(t, func(*testing.T) {
					n := pretend()
					n.rest(wait)
					if c.before != nil {
						c.before(n)
					}
					q := n.arrive(c.covered)
					q.reply.Result = proxy.Hit
					state := n.model.log[shown].state
					if c.lie != nil && shown == 0 {
						c.lie(&state)
					}
					askers[c.asks](n, q, c.strong, state)
					v = n.res.Violations
				})
				return v
			}
			if v := reported(c.wait, 0); len(v) != 1 || !strings.Contains(v[0], ": "+c.clause+": ") {
				t.Errorf("is not reported, or not alone: %q", v)
			}
			if v := reported(c.wait, 1); len(v) > 0 {
				t.Errorf("what is current is reported: %q", v)
			}
			if c.within >= 0 {
				if v := reported(c.within, 0); len(v) > 0 {
					t.Errorf("what is allowed is reported: %q", v)
				}
			}
		})
	}
}

// A transaction that shows its items as of different moments shows none.
func TestTornTransactionsAreReported(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		n := pretend()
		q := n.arrive(true)
		m := n.model
		old, before := m.current()[1], m.current()[0]
		m.commit([]change{{0, before, nil}, {1, old, makeItem(1, "v2.1", 5)}}, false)
		torn := m.log[1].state
		torn[1] = m.current()[1]
		askers["transact"](n, q, false, torn)
		if v := n.res.Violations; len(v) != 1 || !strings.Contains(v[0], ": P9: ") {
			t.Errorf("a torn transaction: %q", v)
		}
	})
}

// What goes wrong at rest is reported by the check that looks for it.
func TestEveryCheckAtRestReports(t *testing.T) {
	leakFence := func(n *node) {
		core := n.life.store.Core()
		core.Begin(n.life.store.Now(), []coherence.Effect{{Table: core.Table("leak"), Key: []byte("k")}})
	}
	leakFlight := func(n *node) {
		core := n.life.store.Core()
		core.ReadItem(n.life.store.Now(), core.Table("leak"), []byte("k"), coherence.ReadOptions{}, nil)
	}
	secretly := func(n *node) { // what is cached changes, and nobody is told
		n.get(&Op{Pick: 1})
		n.model.log[n.model.last()].state[0] = makeItem(0, "never", 5)
	}
	for _, c := range []struct {
		check, reports string
		seed           uint64
		harm           func(n *node)
	}{
		{"P5, alone", "P5, alone: ", 5, secretly},
		{"P5", "P5: ", 7, secretly},
		{soon, soon + ": ", 7, secretly},
		{"live", "live: ", 7, (*node).empty},
		{"live after Delta", "live after Delta: ", 7, (*node).empty},
		{"leaks", "leak: ", 7, leakFence},
		{"leaks", "leak: ", 7, leakFlight},
		{"emptied", "leak, emptied: ", 7, leakFence},
		{"followed", "live: the stream is not followed", 7, func(n *node) {
			n.model.cut = n.now() + time.Hour
			n.model.endStream()
			n.rest(30 * time.Second)
		}},
	} {
		t.Run(c.check, func(t *testing.T) {
			sc, done := Generate(c.seed), false
			sc.Ops = sc.Ops[:20]
			v := run(t, sc, Mutant{harm: func(n *node, check string) {
				if check == c.check && !done {
					done = true
					c.harm(n)
				}
			}}, false).Violations
			if !strings.Contains(strings.Join(v, "\n"), ": "+c.reports) {
				t.Errorf("reported is %q", v)
			}
		})
	}
}

// A request that fails must have been refused by the backend while it was under way, and with that very error.
func TestFailuresOfItsOwnAreReported(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		n := pretend()
		before := n.refuse(ddb.GetItem, errReset)
		n.rest(time.Millisecond)
		q := n.arrive(true)
		n.rest(time.Millisecond)
		for what, err := range map[string]error{
			"one of before": before, "one of the streams": n.refuse(ddb.GetRecords, errReset), "another request's": n.refuse(ddb.Query, throttled()),
			"nobody's": errReset, "a timeout of its own": context.DeadlineExceeded,
		} {
			n.res.Violations = nil
			n.judgeFailure(q, ddb.GetItem, err)
			if v := n.res.Violations; len(v) != 1 || !strings.Contains(v[0], ": P10: ") {
				t.Errorf("a failure that is %s: %q", what, v)
			}
		}
		n.res.Violations = nil
		n.judgeFailure(q, ddb.GetItem, fmt.Errorf("get: %w", n.refuse(ddb.GetItem, errReset)))
		n.judgeFailure(q, ddb.GetItem, n.refuse(ddb.BatchGetItem, throttled()))
		n.judgeFailure(q, ddb.GetItem, n.refuse(ddb.DescribeTable, throttled()))
		n.paused = n.now() + time.Second
		n.judgeFailure(q, ddb.GetItem, context.DeadlineExceeded)
		if v := n.res.Violations; len(v) != 0 {
			t.Errorf("refusals that are handed on: %q", v)
		}
	})
}

// A node that fails reads of its own accord is reported.
func TestNodesThatFailAreReported(t *testing.T) {
	sc := Generate(7)
	sc.Ops = sc.Ops[:20]
	v := run(t, sc, Mutant{lose: func(req *ddb.Request) bool { return req.Op == ddb.GetItem }}, false).Violations
	if !strings.Contains(strings.Join(v, "\n"), ": P10: a GetItem ") {
		t.Errorf("reported is %q", v)
	}
}

// With its stream cut off for longer than Delta a node goes on answering, from what it read within Delta (P10).
func TestHitsGoOnWithoutTheStream(t *testing.T) {
	sc := &Scenario{Seed: 1, Nodes: 1, Stream: true, View: "NEW_AND_OLD_IMAGES", PublishLag: publishLag}
	at := 100 * time.Millisecond
	for id := 1; at < 60*time.Second; id++ {
		o := &Op{At: at, Kind: opGet, ID: id, Pick: 1}
		switch {
		case id == 100 || id == 140 || id == 180: // from 25 s on, until 56 s
			o.Kind, o.Pick = opCut, 10_900
		case id%15 == 0:
			o.Kind, o.Pick = opForeign, 1
		}
		sc.Ops = append(sc.Ops, o)
		at += 250*time.Millisecond + time.Duration(id)
	}
	before, cut := Share{}, Share{}
	res := run(t, sc, Mutant{answered: func(n *node, q *request) {
		switch {
		case n.healed:
		case q.begun < n.model.cut && q.begun > 35*time.Second: // 10 s after it began
			cut.add(true, q.reply.Result == proxy.Hit)
		case q.begun > 10*time.Second && q.begun < 25*time.Second:
			before.add(true, q.reply.Result == proxy.Hit)
		}
	}}, false)
	t.Logf("hits with the stream: %+v, without: %+v; %d requests failed", before, cut, res.Errors)
	if len(res.Violations) > 0 || res.Errors > 0 {
		t.Errorf("%d requests fail: %q", res.Errors, res.Violations)
	}
	if cut.Omniscient < 50 || cut.Hits*2 < cut.Omniscient {
		t.Errorf("of %d reads with the stream cut off %d hit, want at least half", cut.Omniscient, cut.Hits)
	}
}
