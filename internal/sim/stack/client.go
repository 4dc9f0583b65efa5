package stack

import (
	"context"
	"fmt"
	"time"

	"millrace/ddb"
	"millrace/proxy"
)

// request is one client's request to a node, and what must hold of its answer.
type request struct {
	life    *life
	record  *record
	begun   time.Duration
	floor   [numKeys]int // P1, P2: by key, at the beginning
	weak    [numKeys]int // likewise, of what is read weakly
	visible int          // the latest commit then
	acks    int          // of the node's acknowledged writes, those that came before
	covered bool
	held    held
	reply   proxy.Reply
}

// ask sends a request to the node as it lives now, and waits. It reports false when there is no answer to judge: it failed,
// or the node died meanwhile.
func (n *node) ask(o *Op, op ddb.Operation, in any) (*request, error) {
	ctx := context.Background()
	if err := n.gate(ctx, 1000*o.ID); err != nil {
		return nil, err
	}
	l := n.life
	q := n.arrive(l.covered())
	q.life = l
	l.asking.Add(1)
	defer l.asking.Done()
	body := ddb.AppendShape(nil, in)
	q.held = n.holds(string(body))
	n.note("node %d asks %d %v strong=%v %s", n.id, o.ID, op, o.Strong, body)
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, recordKey{}, q.record), 12*time.Second)
	defer cancel()
	err := l.proxy.Do(ctx, ddb.NewRequest(op, body), proxy.Options{NoCache: o.Fresh}, &q.reply)
	if gerr := n.gate(context.Background(), 1000*o.ID+1); gerr != nil {
		return nil, gerr
	}
	if l != n.life {
		return nil, errDied
	}
	n.note("node %d answers %d %v: %s %v", n.id, o.ID, q.reply.Result, q.reply.Body, err)
	if n.mutant.answered != nil {
		n.mutant.answered(n, q)
	}
	if err != nil {
		n.res.Errors++
		n.judgeFailure(q, op, err)
	}
	return q, err
}

// arrive is a request that arrives now, with what its answer owes.
func (n *node) arrive(covered bool) *request {
	q := &request{record: &record{}, begun: n.now(), visible: n.model.last(), acks: len(n.acks), covered: covered}
	for k := range numKeys {
		q.weak[k] = max(n.acked[k], n.read[k])
		q.floor[k] = max(q.weak[k], n.readWeak[k])
	}
	return q
}

// errDied is what a client sees whose node was killed.
var errDied = fmt.Errorf("the node died")

// do does one operation of the script.
func (n *node) do(o *Op) {
	n.note("%v", o)
	doings[o.Kind](n, o)
}

// doings are what operations do.
var doings = [opKinds]func(n *node, o *Op){
	opGet: (*node).get, opBatchGet: (*node).batchGet, opQuery: (*node).query, opScan: (*node).scan, opTransactGet: (*node).transactGet,
	opPut: (*node).put, opUpdate: (*node).update, opDelete: (*node).delete, opBatchWrite: (*node).batchWrite,
	opTransactWrite: (*node).transactWrite, opForeign: (*node).foreign, opEvict: (*node).evict, opPause: (*node).pause,
	opRestart: (*node).restart, opRoll: (*node).roll, opTrim: (*node).trim, opCut: (*node).cutStreams, opRough: (*node).roughTime,
	opDrop: (*node).drop, opReplace: (*node).replace, opStream: (*node).otherStream,
}

// name is the value that an operation writes to its i-th item.
func (o *Op) name(i int) string { return fmt.Sprintf("v%d.%d", o.ID, i) }

// pointer makes an optional value.
func pointer[T any](v T) *T { return &v }

// get is a GetItem.
func (n *node) get(o *Op) {
	in := &ddb.GetItemInput{TableName: tableName, Key: keyItem(o.Key)}
	if o.Strong {
		in.ConsistentRead = &o.Strong
	}
	projected := o.bit(0, 6) == 0
	if projected {
		in.ProjectionExpression = pointer("v, l")
	}
	if q, err := n.ask(o, ddb.GetItem, in); err == nil {
		n.judgeGet(q, o.Key, o.Strong, projected)
	}
}

// batchGet is a BatchGetItem of some keys.
func (n *node) batchGet(o *Op) {
	part := ddb.KeysAndAttributes{}
	for i := range numKeys {
		if i == o.Key || o.bit(i, 3) == 0 {
			part.Keys = append(part.Keys, keyItem(i))
		}
	}
	if o.Strong {
		part.ConsistentRead = &o.Strong
	}
	q, err := n.ask(o, ddb.BatchGetItem, &ddb.BatchGetItemInput{RequestItems: map[string]ddb.KeysAndAttributes{tableName: part}})
	if err == nil {
		n.judgeBatch(q, part.Keys, o.Strong)
	}
}

// transactGet is a TransactGetItems of two keys.
func (n *node) transactGet(o *Op) {
	keys := []int{o.Key, (o.Key + 1 + o.bit(0, numKeys-1)) % numKeys}
	in := &ddb.TransactGetItemsInput{}
	for _, k := range keys {
		in.TransactItems = append(in.TransactItems, ddb.TransactGetItem{Get: &ddb.TransactGet{TableName: tableName, Key: keyItem(k)}})
	}
	if q, err := n.ask(o, ddb.TransactGetItems, in); err == nil {
		n.judgeTransact(q, keys)
	}
}

// query is a Query and, with a limit, those of the pages that follow.
func (n *node) query(o *Op) {
	index := []string{"", "", local, []string{global, keysIn}[o.bit(8, 2)]}[o.bit(4, 4)]
	hash := string(rune('a' + o.Key/perPart))
	if index == global || index == keysIn {
		hash = string(rune('x' + o.Key%2))
	}
	in := &ddb.QueryInput{TableName: tableName, ExpressionAttributeValues: ddb.Values{":h": ddb.StringValue(hash)}}
	in.KeyConditionExpression = pointer(schemaOf(index).Hash() + " = :h")
	if index != "" {
		in.IndexName = &index
	}
	if o.bit(12, 4) == 0 {
		*in.KeyConditionExpression += " AND " + schemaOf(index).Range() + []string{" >= :r", " <= :r", " = :r"}[o.bit(16, 3)]
		in.ExpressionAttributeValues[":r"] = ddb.StringValue(string(rune("12"[o.bit(18, 2)])))
	}
	in.Limit = []*int{nil, pointer(1), pointer(2)}[o.bit(20, 3)]
	if o.bit(24, 5) == 0 {
		in.ScanIndexForward = pointer(false)
	}
	if o.bit(28, 6) == 0 && index != keysIn {
		in.FilterExpression = pointer("attribute_exists(g)")
		if index == global {
			in.FilterExpression = pointer("attribute_exists(l)")
		}
	}
	if o.Strong && index != global && index != keysIn {
		in.ConsistentRead = pointer(true)
	}
	for range 3 {
		q, err := n.ask(o, ddb.Query, in)
		if err != nil {
			return
		}
		read, perr := newQuery(in)
		if perr != nil {
			n.fail("query: %v", perr)
			return
		}
		last := n.judgePage(q, read, string(ddb.AppendShape(nil, in)))
		if last == nil {
			return
		}
		in.ExclusiveStartKey = last
		n.think(o)
	}
}

// scan is a Scan.
func (n *node) scan(o *Op) {
	in := &ddb.ScanInput{TableName: tableName, Limit: []*int{nil, pointer(5)}[o.bit(0, 2)]}
	if o.Strong {
		in.ConsistentRead = &o.Strong
	}
	q, err := n.ask(o, ddb.Scan, in)
	if err != nil {
		return
	}
	read, perr := newScan(in)
	if perr != nil {
		n.fail("scan: %v", perr)
		return
	}
	n.judgePage(q, read, string(ddb.AppendShape(nil, in)))
}

// think is the time between a client's requests.
func (n *node) think(o *Op) {
	if err := sleep(context.Background(), 50*time.Microsecond+n.span(200+o.ID, 2*time.Millisecond)); err != nil {
		n.fail("%v", err)
	}
}

// condition gives a write a condition that may fail, now and then.
func (o *Op) condition() (cond *string, onFailure *string) {
	if o.bit(0, 3) > 0 {
		return nil, nil
	}
	if o.bit(4, 2) == 0 {
		onFailure = pointer("ALL_OLD")
	}
	return pointer([]string{"attribute_exists(v)", "attribute_not_exists(v)", "attribute_exists(g)"}[o.bit(8, 3)]), onFailure
}

// put is a PutItem.
func (n *node) put(o *Op) {
	in := &ddb.PutItemInput{TableName: tableName, Item: makeItem(o.Key, o.name(0), o.bit(12, 16))}
	in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure = o.condition()
	in.ReturnValues = []*string{nil, pointer("ALL_OLD")}[o.bit(20, 2)]
	q, err := n.ask(o, ddb.PutItem, in)
	n.written(q, err)
	if err == nil {
		n.judgeReturned(q, text(in.ReturnValues), nil)
	}
}

// delete is a DeleteItem.
func (n *node) delete(o *Op) {
	in := &ddb.DeleteItemInput{TableName: tableName, Key: keyItem(o.Key)}
	in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure = o.condition()
	in.ReturnValues = []*string{nil, pointer("ALL_OLD")}[o.bit(20, 2)]
	q, err := n.ask(o, ddb.DeleteItem, in)
	n.written(q, err)
	if err == nil {
		n.judgeReturned(q, text(in.ReturnValues), nil)
	}
}

// update is an UpdateItem, which may move the item in the indexes.
func (n *node) update(o *Op) {
	in := &ddb.UpdateItemInput{TableName: tableName, Key: keyItem(o.Key), ExpressionAttributeValues: ddb.Values{":v": ddb.StringValue(o.name(0))}}
	in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure = o.condition()
	update := []string{"SET v = :v", "SET v = :v, l = :l", "SET v = :v REMOVE g", "SET v = :v, g = :g", "SET v = :v REMOVE l"}[o.bit(12, 5)]
	switch o.bit(12, 5) {
	case 1:
		in.ExpressionAttributeValues[":l"] = ddb.StringValue(string(rune('0' + o.bit(16, 3))))
	case 3:
		in.ExpressionAttributeValues[":g"] = ddb.StringValue(string(rune('x' + o.bit(16, 2))))
	}
	in.UpdateExpression = &update
	in.ReturnValues = []*string{nil, nil, pointer("NONE"), pointer("ALL_NEW"), pointer("ALL_OLD"), pointer("UPDATED_NEW"), pointer("UPDATED_OLD")}[o.bit(20, 7)]
	q, err := n.ask(o, ddb.UpdateItem, in)
	n.written(q, err)
	if err == nil {
		n.judgeReturned(q, text(in.ReturnValues), updating(in.Key, update, nil, in.ExpressionAttributeValues))
	}
}

// batchWrite is a BatchWriteItem of some keys.
func (n *node) batchWrite(o *Op) {
	var list []ddb.WriteRequest
	for k := range numKeys {
		if k != o.Key && o.bit(2*k, 4) > 0 {
			continue
		}
		if o.bit(2*k+1, 4) == 0 {
			list = append(list, ddb.WriteRequest{DeleteRequest: &ddb.DeleteRequest{Key: keyItem(k)}})
		} else {
			list = append(list, ddb.WriteRequest{PutRequest: &ddb.PutRequest{Item: makeItem(k, o.name(k), o.bit(k, 16))}})
		}
	}
	q, err := n.ask(o, ddb.BatchWriteItem, &ddb.BatchWriteItemInput{RequestItems: map[string][]ddb.WriteRequest{tableName: list}})
	n.written(q, err)
}

// transactWrite is a TransactWriteItems, sent again with its token some time after it has succeeded, as clients do that were
// not answered.
func (n *node) transactWrite(o *Op) {
	in := &ddb.TransactWriteItemsInput{}
	for i := range 1 + o.bit(0, 3) {
		k := (o.Key + i*5) % numKeys
		x := ddb.TransactWriteItem{}
		switch o.bit(4+3*i, 5) {
		case 0:
			x.Delete = &ddb.TransactDelete{TableName: tableName, Key: keyItem(k)}
		case 1:
			x.Update = &ddb.TransactUpdate{TableName: tableName, Key: keyItem(k), UpdateExpression: pointer("SET v = :v"),
				ExpressionAttributeValues: ddb.Values{":v": ddb.StringValue(o.name(i))}}
		case 2:
			if i > 0 {
				x.ConditionCheck = &ddb.TransactConditionCheck{TableName: tableName, Key: keyItem(k), ConditionExpression: pointer("attribute_exists(v)")}
				break
			}
			fallthrough
		default:
			x.Put = &ddb.TransactPut{TableName: tableName, Item: makeItem(k, o.name(i), o.bit(16+i, 16))}
			if o.bit(30, 5) == 0 {
				x.Put.ConditionExpression = pointer("attribute_not_exists(v)")
			}
		}
		in.TransactItems = append(in.TransactItems, x)
	}
	again := o.bit(20, 2) == 1
	if again {
		in.ClientRequestToken = pointer(fmt.Sprintf("token-%d", o.ID))
	}
	q, err := n.ask(o, ddb.TransactWriteItems, in)
	n.written(q, err)
	if again && err == nil {
		if err := sleep(context.Background(), 5*time.Millisecond+n.span(300+o.ID, 120*time.Millisecond)); err == nil {
			q, err = n.ask(o, ddb.TransactWriteItems, in)
			n.written(q, err)
		}
	}
}

// foreign is a write that no node sees.
func (n *node) foreign(o *Op) {
	m := n.model
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return
	}
	old := m.current()[o.Key]
	if o.bit(0, 4) == 0 {
		if old != nil {
			m.commit([]change{{o.Key, old, nil}}, o.bit(4, 2) == 0)
		}
		return
	}
	m.commit([]change{{o.Key, old, makeItem(o.Key, o.name(0), o.bit(8, 16))}}, false)
}

// evict is the eviction policy giving something up.
func (n *node) evict(o *Op) {
	for i := range 1 + o.bit(0, 4) {
		n.life.store.Core().Evict(uint64(o.bit(4+6*i, 1<<hashBits)))
	}
}

// pause is the node standing still.
func (n *node) pause(o *Op) {
	n.paused = max(n.paused, n.now()+time.Duration(o.Pick%12000+1)*time.Millisecond)
}

// restart is the node being killed and started.
func (n *node) restart(*Op) {
	old := n.life
	if err := n.start(); err != nil {
		n.fail("start: %v", err)
		return
	}
	old.end()
}

// roll is a shard closing.
func (n *node) roll(o *Op) {
	n.model.mu.Lock()
	defer n.model.mu.Unlock()
	n.model.roll(o.bit(0, 64), o.bit(8, 2) == 0)
}

// trim is the stream forgetting old records.
func (n *node) trim(*Op) {
	n.model.mu.Lock()
	defer n.model.mu.Unlock()
	n.model.trim()
}

// cutStreams is the streams' endpoint being out of reach.
func (n *node) cutStreams(o *Op) {
	n.model.cut = n.now() + time.Duration(o.Pick%11000)*time.Millisecond
}

// roughTime is a time in which much fails.
func (n *node) roughTime(o *Op) {
	n.model.rough = n.now() + time.Duration(o.Pick%2500)*time.Millisecond
}

// drop deletes the table through the node, and makes it anew.
func (n *node) drop(o *Op) {
	q, err := n.ask(o, ddb.DeleteTable, &ddb.DeleteTableInput{TableName: tableName})
	n.written(q, err)
	n.think(o)
	for try := range 20 {
		q, err := n.ask(o, ddb.CreateTable, &ddb.CreateTableInput{
			TableName: tableName, KeySchema: schemaOf(""), AttributeDefinitions: n.model.describe().AttributeDefinitions, BillingMode: pointer("PAY_PER_REQUEST"),
		})
		n.written(q, err)
		if n.model.settled() {
			return
		}
		n.note("try %d to make the table", try)
		n.think(o)
	}
}

// settled reports whether the table exists.
func (m *model) settled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.gone
}

// replace is somebody else doing that.
func (n *node) replace(o *Op) {
	m := n.model
	m.mu.Lock()
	_, err := m.deleteTable(context.Background(), nil)
	m.mu.Unlock()
	if err != nil {
		return
	}
	n.think(o)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.createTable(context.Background(), nil); err != nil {
		n.note("replace: %v", err)
	}
}

// otherStream switches the table's stream off and another one on.
func (n *node) otherStream(*Op) {
	n.model.mu.Lock()
	defer n.model.mu.Unlock()
	if n.model.stream != nil {
		n.model.endStream()
		n.model.newStream()
		n.note("the stream is another one")
	}
}
