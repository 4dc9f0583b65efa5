package stack

import (
	"bytes"
	"context"
	"time"

	"millrace/ddb"
	"millrace/proxy"
)

// quiesce is the end: nothing fails any more, nobody writes, and everything has had its time. What is answered must equal
// what is stored (P5); what was read must be a hit then, and on a table whose stream is read still after Delta; and
// nothing may be left under way.
func (w *world) quiesce() {
	w.heal()
	// Late applications, records, the description's turn, a permission's, and the reader's way to the end.
	quiet := 15*time.Second + w.sc.PublishLag
	if w.sc.Stream {
		w.rest(quiet)
	} else {
		w.rest(quiet + itemTTL)
	}
	for _, n := range w.nodes {
		covered := n.life.covered()
		if w.sc.Stream && !covered {
			n.fail("live: the stream is not followed at rest")
		}
		n.sweep("P5", false)
		n.empty() // so that all is of one age
		n.sweep("P5", false)
		n.sweep("live", true)
		if covered && !w.sc.Late && n.attainable() {
			w.rest(delta + time.Second)
			n.sweep("live after Delta", true)
		}
		for _, s := range n.life.manager.Tables() {
			w.note("node %d: %+v", n.id, s)
		}
		w.rest(time.Millisecond)
		n.leaks()
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
	for _, n := range w.nodes {
		if err := n.gate(context.Background(), 9); err != nil {
			w.fail("%v", err)
		}
		n.get(&Op{Pick: 1}) // so that it knows of the table
	}
}

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
	check := func(what string, reply *proxy.Reply, err error, want []byte) {
		switch {
		case err != nil:
			n.fail("%s: %s at rest: %v", name, what, err)
		case !bytes.Equal(reply.Body, want):
			n.fail("%s: %s at rest is answered %s as a %v, stored is %s", name, what, reply.Body, reply.Result, want)
		case live && reply.Result != proxy.Hit && reply.Result != proxy.Negative:
			n.fail("%s: %s at rest is a %v though it was read", name, what, reply.Result)
		}
	}
	ask := func(op ddb.Operation, in any) (*proxy.Reply, error) {
		reply := &proxy.Reply{}
		err := n.life.proxy.Do(context.Background(), ddb.NewRequest(op, ddb.AppendShape(nil, in)), proxy.Options{}, reply)
		return reply, err
	}
	for k := range numKeys {
		reply, err := ask(ddb.GetItem, &ddb.GetItemInput{TableName: tableName, Key: keyItem(k)})
		check(itemText(k, nil), reply, err, itemBody(n.model.current()[k], false))
	}
	for _, in := range restPages() {
		read, err := newQuery(in)
		if err != nil {
			n.fail("query: %v", err)
			return
		}
		reply, err := ask(ddb.Query, in)
		check(string(ddb.AppendShape(nil, in)), reply, err, read.body(read.read(n.model.current())))
	}
}

// attainable reports whether the stream's lag, as the node has learned it, leaves anything to be served until Delta. What it
// learned wrongly is counted.
func (n *node) attainable() bool {
	for _, s := range n.life.manager.Tables() {
		if s.Lag > 2*time.Second {
			n.res.Slow++
		}
		if s.Lag+time.Second >= delta {
			return false
		}
	}
	return true
}

// empty removes every entry.
func (n *node) empty() {
	for core := n.life.store.Core(); core.Entries() > 0; {
		core.Shed(1 << 40)
	}
}

// leaks checks that nothing is under way and that the core can be emptied.
func (n *node) leaks() {
	core := n.life.store.Core()
	if st := core.Stats(); st.Flights+st.Fences+st.Pending+st.Fills != 0 || st.Slots != st.Entries {
		n.fail("leak: %+v", st)
	}
	n.empty()
	if st := core.Stats(); st.Slots != 0 || st.Nodes != 0 || st.Pages != 0 || st.Bytes != 0 {
		n.fail("leak: emptied core still holds %+v", st)
	}
}
