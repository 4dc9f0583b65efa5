package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"millrace/ddb"
	"millrace/ddb/expr"
	"millrace/proxy"
)

// ack is an acknowledged own write of one item, or a failed condition that showed it, by the commit that made it so.
type ack struct{ commit, key int }

// itemBody is a GetItem's answer.
func itemBody(it ddb.Item, projected bool) []byte {
	if it != nil && projected {
		it = it.Without("p").Without("s").Without("g").Without("w")
	}
	return ddb.AppendShape(nil, &ddb.GetItemOutput{Item: it})
}

// oldest is how old an answer may be, and whether anything is promised of it at all: what is forwarded is as good as
// DynamoDB's own eventual read.
func (q *request) oldest(absent bool, page *pageRead, late bool) time.Duration {
	bound := itemTTL
	switch {
	case page != nil && (page.index == global || page.index == keysIn):
		bound = indexTTL
	case page != nil:
		bound = queryTTL
	case absent:
		bound = negTTL
	}
	if q.covered && !late {
		bound = min(bound, max(delta, prov))
	}
	return bound
}

// bounded names the promise that says how old an answer may be.
func (n *node) bounded(q *request, lagging bool) string {
	switch {
	case lagging:
		return "P8"
	case q.covered && !n.sc.Late:
		return "P3"
	}
	return "P4"
}

// refusal is an operation that was refused to a node, or failed on its way.
type refusal struct {
	at time.Duration
	op ddb.Operation
}

// refuse gives an error a mark by which it is known again, whoever hands it on.
func (n *node) refuse(op ddb.Operation, err error) error {
	n.refusals = append(n.refusals, refusal{n.now(), op})
	mark := fmt.Sprintf(" [refusal %d]", len(n.refusals)-1)
	if e, ok := err.(*ddb.Error); ok {
		marked := *e
		marked.Message += mark
		return &marked
	}
	return fmt.Errorf("%w%s", err, mark)
}

// marked finds the refusal that an error tells of.
func (n *node) marked(err error) (refusal, bool) {
	_, after, ok := strings.Cut(err.Error(), " [refusal ")
	number, _, closed := strings.Cut(after, "]")
	i, aerr := strconv.Atoi(number)
	if !ok || !closed || aerr != nil || i >= len(n.refusals) {
		return refusal{}, false
	}
	return n.refusals[i], true
}

// joins are the reads whose flights other reads join, and whose failures they share.
var joins = map[ddb.Operation]ddb.Operation{ddb.GetItem: ddb.BatchGetItem, ddb.BatchGetItem: ddb.GetItem}

// judgeFailure judges a request that failed: its error must be one that the backend gave while it was under way, to such a
// request, as it does for a failed condition too, or to one for the table's description; or the client's patience ended while the node
// stood still. That streams cannot be reached is no reason (P10).
func (n *node) judgeFailure(q *request, op ddb.Operation, err error) {
	r, ok := n.marked(err)
	joined, joins := joins[op]
	switch {
	case ok && r.at >= q.begun && (r.op == op || r.op == ddb.DescribeTable || joins && r.op == joined):
	case errors.Is(err, context.DeadlineExceeded) && n.paused > q.begun:
	default:
		n.fail("P10: a %v asked at %v fails though it was not refused: %v", op, q.begun, err)
	}
}

// hit reports whether an answer came from the cache, and counts it.
func (n *node) hit(q *request) bool {
	h := q.reply.Result == proxy.Hit || q.reply.Result == proxy.Negative
	if h {
		n.res.Judged++
	}
	return h
}

// judgeGet judges a GetItem.
func (n *node) judgeGet(q *request, k int, strong, projected bool) {
	hit := n.hit(q)
	if q.reply.Result != proxy.Bypass && !strong {
		n.useItem(q, k, hit)
	}
	n.judgeItem(q, k, strong, func(it ddb.Item) bool { return bytes.Equal(q.reply.Body, itemBody(it, projected)) }, q.reply.Body)
}

// judgeBatch judges a BatchGetItem, key by key.
func (n *node) judgeBatch(q *request, keys []ddb.Item, strong bool) {
	out, err := ddb.OutputAs[ddb.BatchGetItemOutput](ddb.NewResponse(q.reply.Body))
	if err != nil {
		n.fail("P6: batch: %v", err)
		return
	}
	n.res.Judged += q.reply.Hits
	left := map[int]bool{}
	for _, key := range out.UnprocessedKeys[tableName].Keys {
		left[keyOf(key)] = true
	}
	shown := map[int]ddb.Item{}
	for _, it := range out.Responses[tableName] {
		shown[keyOf(it)] = it
	}
	for _, key := range keys {
		k := keyOf(key)
		if left[k] {
			continue
		}
		if !strong {
			n.learn(q, k)
		}
		got := itemBody(shown[k], false)
		n.judgeItem(q, k, strong, func(it ddb.Item) bool { return bytes.Equal(got, itemBody(it, false)) }, got)
	}
}

// judgeItem checks an item's answer and raises the floor of later readers.
func (n *node) judgeItem(q *request, k int, strong bool, same func(ddb.Item) bool, body []byte) {
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	forwarded, weak := q.reply.Result == proxy.Forward, q.reply.Weak
	least := q.floor[k]
	switch {
	case strong: // P9
		least = q.visible
	case weak:
		least = q.weak[k]
	case forwarded:
		least = 0
	}
	ever, found, fresh := false, -1, false
	absent := same(nil)
	oldest := q.begun - q.oldest(absent, nil, n.sc.Late)
	if forwarded && !weak {
		oldest = q.begun - tq
	}
	match := false
	for i := m.last(); i >= 0; i-- {
		if i == m.last() || len(m.log[i+1].changes) == 0 || touchesKey(&m.log[i+1], k) {
			match = same(m.log[i].state[k])
		}
		if !match {
			continue
		}
		ever = true
		if i < least {
			break
		}
		found = i
		fresh = fresh || m.until(i) >= oldest
	}
	switch {
	case !ever:
		n.fail("P6: key %d asked at %v is %s, which never was", k, q.begun, body)
	case found < 0:
		clause := "P1/P2/P12"
		if strong {
			clause = "P9"
		}
		n.fail("%s: key %d asked at %v is %s, older than commit %d (acked %d, read %d)", clause, k, q.begun, body, least, n.acked[k], n.read[k])
	case !fresh:
		n.fail("%s: key %d asked at %v is %s, not current since %v", n.bounded(q, false), k, q.begun, body, oldest)
	}
	switch {
	case found < 0:
	case weak:
		n.readWeak[k] = max(n.readWeak[k], found)
	case !forwarded:
		n.read[k] = max(n.read[k], found)
	}
}

// touchesKey reports whether a commit is of key k.
func touchesKey(c *commit, k int) bool {
	for _, ch := range c.changes {
		if ch.key == k {
			return true
		}
	}
	return false
}

// judgeTransact judges a TransactGetItems: its items are those of one moment while it ran.
func (n *node) judgeTransact(q *request, keys []int) {
	out, err := ddb.OutputAs[ddb.TransactGetItemsOutput](ddb.NewResponse(q.reply.Body))
	if err != nil || len(out.Responses) != len(keys) {
		n.fail("P6: transact: %v %s", err, q.reply.Body)
		return
	}
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := m.last(); i >= q.visible; i-- {
		all := true
		for j, k := range keys {
			all = all && bytes.Equal(itemBody(out.Responses[j].Item, false), itemBody(m.log[i].state[k], false))
		}
		if !all {
			continue
		}
		for j, k := range keys {
			first := i
			for first > q.visible && bytes.Equal(itemBody(out.Responses[j].Item, false), itemBody(m.log[first-1].state[k], false)) {
				first--
			}
			n.read[k] = max(n.read[k], first)
		}
		return
	}
	n.fail("P9: transaction asked at %v answers %s, which is no moment's since", q.begun, q.reply.Body)
}

// judgePage judges a page and gives its LastEvaluatedKey.
func (n *node) judgePage(q *request, read *pageRead, name string) ddb.Item {
	hit := n.hit(q)
	n.remember(read, name)
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	lagging := read.index == global || read.index == keysIn
	if !read.strong && q.reply.Result != proxy.Bypass {
		n.usePage(q, read, name, hit)
	}
	forwarded := q.reply.Result == proxy.Forward
	i := m.last()
	var p page
	for ; i >= 0; i-- {
		if p = read.read(&m.log[i].state); bytes.Equal(read.body(p), q.reply.Body) {
			break
		}
	}
	if i < 0 {
		n.fail("P6: %s asked at %v answers %s, which never was", name, q.begun, q.reply.Body)
		return nil
	}
	oldest := q.begun - q.oldest(false, read, n.sc.Late)
	if forwarded && !q.reply.Weak {
		oldest = q.begun - tq
	}
	if lagging { // P8: no staler than what the index itself would have answered then
		oldest = n.sc.indexSince(max(oldest, 0), n.now())
	}
	switch {
	case read.strong && i < q.visible:
		n.fail("P9: %s asked at %v answers %s, older than commit %d", name, q.begun, q.reply.Body, q.visible)
	case m.until(i) < oldest:
		n.fail("%s: %s asked at %v answers %s, not current since %v", n.bounded(q, lagging), name, q.begun, q.reply.Body, oldest)
	case !lagging && (!forwarded || q.reply.Weak):
		for _, a := range n.acks[:q.acks] {
			if a.commit > i && n.pageShows(read, p, a) {
				n.fail("P7: %s asked at %v answers %s, without own commit %d", name, q.begun, q.reply.Body, a.commit)
				break
			}
		}
	}
	return p.last
}

// pageShows reports whether an acknowledged write lies in the interval that determined a page.
func (n *node) pageShows(read *pageRead, p page, a ack) bool {
	if a.key < 0 {
		return true
	}
	m := n.model
	return read.touches(p, m.log[a.commit].state[a.key]) || read.touches(p, m.log[a.commit-1].state[a.key])
}

// written raises the floors by a write's answer.
func (n *node) written(q *request, err error) {
	if q == nil {
		return
	}
	m, r := n.model, q.record
	m.mu.Lock()
	defer m.mu.Unlock()
	e, _ := err.(*ddb.Error)
	switch {
	case err == nil:
		for _, c := range r.commits {
			n.acknowledge(c)
		}
	case e != nil && (e.Code == "ConditionalCheckFailedException" || e.Code == "TransactionCanceledException"):
		for _, k := range r.seen {
			c := r.at
			for c > 0 && len(m.log[c].changes) > 0 && !touchesKey(&m.log[c], k) {
				c--
			}
			n.acked[k] = max(n.acked[k], c)
			if c > 0 {
				n.acks = append(n.acks, ack{c, k})
			}
		}
	}
}

// acknowledge raises the floors for all that a commit changed.
func (n *node) acknowledge(c int) {
	if len(n.model.log[c].changes) == 0 { // the table went
		for k := range numKeys {
			n.acked[k] = max(n.acked[k], c)
		}
		n.acks = append(n.acks, ack{c, -1})
		return
	}
	for _, ch := range n.model.log[c].changes {
		n.acked[ch.key] = max(n.acked[ch.key], c)
		n.acks = append(n.acks, ack{c, ch.key})
		n.wrote(ch.key, c)
	}
}

// judgeReturned checks the Attributes of a write's answer against what the model did. update is set for an UpdateItem.
func (n *node) judgeReturned(q *request, mode string, update func(ddb.Item) (ddb.Item, *expr.Touched, error)) {
	r := q.record
	var touched *expr.Touched
	if update != nil {
		var err error
		if _, touched, err = update(r.old); err != nil {
			n.fail("update: %v", err)
			return
		}
	}
	want := ddb.AppendShape(nil, &ddb.UpdateItemOutput{Attributes: returned(mode, r.old, r.new, touched)})
	if !bytes.Equal(want, q.reply.Body) {
		n.fail("P6: a write with ReturnValues %q answers %s, want %s", mode, q.reply.Body, want)
	}
}
