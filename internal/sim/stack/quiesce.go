package stack

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/internal/sim/runs"
	"millrace/proxy"
)

// quiesce is the end: nothing fails any more, nobody writes, and everything has had its time. What is answered must equal
// what is stored (P5); what was read must be a hit then, and on a table whose stream is read still after Delta; and
// nothing may be left under way.
func (w *world) quiesce() {
	w.heal()
	if w.sc.Alone {
		// All that may be applied late has been, and what lags has come. Where nobody else writes nothing is unknown.
		w.rest(tq + prov)
		w.nodes[0].sweep("P5, alone", false)
	}
	w.early()
	// Late applications, records, the description's turn, a permission's, and the reader's way to the end.
	quiet := 15*time.Second + w.sc.PublishLag
	if w.sc.Slow {
		quiet += 4 * 8 * time.Second // of the lag that was learned, at most
	}
	if w.sc.Stream && !w.sc.Lossy {
		w.rest(quiet)
	} else {
		w.rest(quiet + itemTTL)
	}
	for _, n := range w.nodes {
		n.harmed("followed")
		covered := n.life.covered()
		if w.sc.Stream && !covered {
			n.fail("live: the stream is not followed at rest")
		}
		n.sweep("P5", false)
		n.empty() // so that all is of one age
		n.sweep("P5", false)
		if w.sc.Frugal {
			w.rest(coldFor) // what was over the budget is not cached; and what was is to be as young as the rest
			n.sweep("P5", false)
		}
		n.sweep("live", true)
		if covered && !w.sc.Late && n.attainable() {
			watch := n.indexWatch()
			w.rest(delta + time.Second)
			if n.indexWatch() > watch { // an index was seen to lag for longer than before, and its pages went
				n.sweep("P5", false)
				w.rest(time.Second)
			}
			n.sweep("live after Delta", true)
		}
		for _, s := range n.life.manager.Tables() {
			w.note("node %d: %+v", n.id, s)
		}
		w.rest(time.Millisecond)
		n.leaks()
	}
}

// soon is the name of the check of what was cached under load.
const soon = "P5, soon"

// early looks at what was cached while there was load, as soon as nothing of it may be older than what is stored and before its time to live
// takes it away: where the stream loses nothing, and neither it nor indexes lag by seconds.
func (w *world) early() {
	if !w.sc.Stream || w.sc.Lossy || w.sc.Late || w.sc.Slow {
		return
	}
	w.rest(delta + 1500*time.Millisecond + w.sc.PublishLag)
	for _, n := range w.nodes {
		if n.life.covered() {
			n.replay(soon)
			n.sweep(soon, false)
		}
	}
}

// remember keeps what a client has asked for.
func (n *node) remember(read *pageRead, body string) {
	if read.strong {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked == nil {
		n.asked = map[string]*pageRead{}
	}
	n.asked[body] = read
}

// replay asks for all pages again that clients have asked for: ranges, filters, either order, pages that begin within, scans.
func (n *node) replay(name string) {
	for _, body := range slices.Sorted(maps.Keys(n.asked)) {
		read, op := n.asked[body], ddb.Query
		if read.scan {
			op = ddb.Scan
		}
		reply := &proxy.Reply{}
		err := n.life.proxy.Do(context.Background(), ddb.NewRequest(op, []byte(body)), proxy.Options{}, reply)
		n.check(name, body, reply, err, read.body(read.read(n.model.current())), false, &n.res.AtRest.Pages)
	}
}

// heal ends whatever goes wrong.
func (w *world) heal() {
	m := w.model
	m.mu.Lock()
	w.healed, m.cut, m.rough = true, 0, 0
	if m.gone {
		if _, err := m.createTable(context.Background(), nil); err != nil {
			w.note("heal: %v", err)
		}
	}
	m.mu.Unlock()
	w.rest(2 * time.Second) // a table whose description could not be had is not asked for again for a second
	for _, n := range w.nodes {
		if err := n.gate(context.Background(), 9); err != nil {
			w.fail("%v", err)
		}
		n.get(&Op{Pick: 1}) // so that it knows of the table
	}
}

// coldFor is longer than a table is cold of which little is asked, and than anything is cached.
const coldFor = 11*time.Second + itemTTL

// restPages are the pages that are asked for at rest.
func restPages() (out []*ddb.QueryInput) {
	add := func(index, hash string, limit *int) {
		in := &ddb.QueryInput{TableName: tableName, Limit: limit, KeyConditionExpression: pointer(schemaOf(index).Hash() + " = :h"),
			ExpressionAttributeValues: ddb.Values{":h": ddb.StringValue(hash)}}
		if index != "" {
			in.IndexName = &index
		}
		out = append(out, in)
	}
	for _, p := range []string{"a", "b", "c"} {
		add("", p, nil)
		add("", p, pointer(2))
		add(local, p, nil)
	}
	for _, g := range []string{"x", "y"} {
		add(global, g, nil)
		add(keysIn, g, nil)
		add(global, g, pointer(1))
	}
	return out
}

// sweep reads everything through the node. Answers must be what is stored; they must be hits if live is set.
func (n *node) sweep(name string, live bool) {
	n.harmed(name)
	n.note("sweep: %s", name)
	ask := func(op ddb.Operation, in any) (*proxy.Reply, error) {
		reply := &proxy.Reply{}
		err := n.life.proxy.Do(context.Background(), ddb.NewRequest(op, ddb.AppendShape(nil, in)), proxy.Options{}, reply)
		return reply, err
	}
	for k := range numKeys {
		reply, err := ask(ddb.GetItem, &ddb.GetItemInput{TableName: tableName, Key: keyItem(k)})
		n.check(name, itemText(k, nil), reply, err, itemBody(n.model.current()[k], false), live, &n.res.AtRest.Items)
	}
	for _, in := range restPages() {
		read, err := newQuery(in)
		if err != nil {
			n.fail("query: %v", err)
			return
		}
		reply, err := ask(ddb.Query, in)
		n.check(name, string(ddb.AppendShape(nil, in)), reply, err, read.body(read.read(n.model.current())), live, &n.res.AtRest.Pages)
	}
}

// check judges an answer at rest, and counts it if it is of what was cached under load.
func (n *node) check(name, what string, reply *proxy.Reply, err error, want []byte, live bool, cached *int) {
	hit := reply.Result == proxy.Hit || reply.Result == proxy.Negative
	switch {
	case err != nil:
		n.fail("%s: %s at rest: %v", name, what, err)
	case !bytes.Equal(reply.Body, want):
		n.fail("%s: %s at rest is answered %s as a %v, stored is %s", name, what, reply.Body, reply.Result, want)
	case live && !hit:
		n.fail("%s: %s at rest is a %v though it was read", name, what, reply.Result)
	case hit && name == soon:
		*cached++
	}
}

// attainable reports whether the stream's lag, as the node has learned it, leaves anything to be served until Delta. What it
// learned wrongly is counted.
func (n *node) attainable() bool {
	for _, s := range n.life.manager.Tables() {
		if s.Lag > 2*time.Second && !n.sc.Late {
			n.res.Slow++
		}
		if s.Lag+time.Second >= delta {
			return false
		}
	}
	return true
}

// indexWatch is how long the node takes pages of an index for no more than what was shown.
func (n *node) indexWatch() (d time.Duration) {
	n.life.store.EachTable(func(t *coherence.Table) { d = max(d, n.life.store.IndexLag(t).Watch) })
	return d
}

// empty removes every entry.
func (n *node) empty() {
	for core := n.life.store.Core(); core.Entries() > 0; {
		core.Shed(1 << 40)
	}
}

// leaks checks that nothing is under way and that the core can be emptied.
func (n *node) leaks() {
	n.harmed("leaks")
	core := n.life.store.Core()
	if st := core.Stats(); runs.Busy(&st) {
		n.fail("leak: %+v", st)
	}
	n.empty()
	n.harmed("emptied")
	if st := core.Stats(); runs.Holding(&st) {
		n.fail("leak, emptied: %+v", st)
	}
}

// harmed lets a test of the checks at rest break what they look at.
func (n *node) harmed(check string) {
	if n.mutant.harm != nil {
		n.mutant.harm(n, check)
	}
}
