// Package listappend judges whether transactions are serializable. Run sends list-append transactions, single writes and
// reads from many clients to anything that answers requests, and keeps a history; Check looks for anomalies in it.
//
// Every item is a list to which transactions append elements that are never used twice. So a read tells which
// transactions wrote the item before it and in which order, and from all reads together follows who depends on whom. A
// history is serializable, in an order that agrees with real time, if these dependencies have no cycle. (Kingsbury and
// Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations", VLDB 2020; the names of the anomalies are
// Adya's: "Weak Consistency", MIT 1999.)
//
// The scripts of the clients follow from a seed, their interleaving does not.
package listappend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"millrace/ddb"
)

// Do answers one request, as backend.Backend's does.
type Do func(context.Context, *ddb.Request) (*ddb.Response, error)

// Size is how much a run does: so many clients send so many requests each, for so few items that they meet all the time.
type Size struct{ Clients, Requests, Items int }

// DefaultSize is a run of a few hundredths of a second on an engine in memory.
func DefaultSize() Size { return Size{Clients: 16, Requests: 20, Items: 6} }

// Tables are the bodies of the CreateTable requests to be sent before a run.
func Tables() []string {
	var bodies []string
	for _, name := range tableNames {
		bodies = append(bodies, `{"TableName":"`+name+`","BillingMode":"PAY_PER_REQUEST",
			"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],
			"KeySchema":[{"AttributeName":"p","KeyType":"HASH"}]}`)
	}
	return bodies
}

// tableNames are the tables that the items lie in, in turn.
var tableNames = []string{"append-even", "append-odd"}

// run is clients at work.
type run struct {
	do   Do
	size Size
	// clock and element only grow.
	clock, element atomic.Int64

	mu sync.Mutex

	txs []Tx
}

// Run makes a history. Its last transaction reads all items after the others are over. The error is of a request that
// ended in something other than a conflict or a condition that did not hold.
func Run(ctx context.Context, do Do, seed uint64, size Size) ([]Tx, error) {
	r := &run{do: do, size: size}
	var clients sync.WaitGroup
	errs := make(chan error, size.Clients)
	for c := range size.Clients {
		clients.Go(func() {
			if err := r.client(ctx, rand.New(rand.NewPCG(seed, uint64(c)))); err != nil {
				errs <- fmt.Errorf("client %d: %w", c, err)
			}
		})
	}
	clients.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return nil, err
	}
	all := make([]int, size.Items)
	for i := range all {
		all[i] = i
	}
	last := newTx("the last read")
	if err := r.record(last, func() error { return r.readAll(ctx, last, all) }); err != nil {
		return nil, fmt.Errorf("last read: %w", err)
	}
	fillChecked(r.txs)
	return r.txs, nil
}

// newTx makes an empty transaction.
func newTx(name string) *Tx {
	return &Tx{Name: name, Appends: make(map[string][]int), Reads: make(map[string][]int)}
}

// client sends one client's requests.
func (r *run) client(ctx context.Context, random *rand.Rand) error {
	known := make(map[int]int) // how many elements the client last saw in an item
	for range r.size.Requests {
		items := random.Perm(r.size.Items)[:1+random.IntN(4)]
		var tx *Tx
		var send func() error
		switch random.IntN(6) {
		case 0, 1:
			tx = newTx("read")
			send = func() error { return r.readAll(ctx, tx, items) }
		case 2:
			tx = newTx("append")
			send = func() error { return r.appendAll(ctx, tx, items, nil, random) }
		case 3:
			tx = newTx(checkedName)
			send = func() error { return r.appendAll(ctx, tx, items, known, random) }
		case 4:
			tx = newTx("single append")
			send = func() error { return r.appendOne(ctx, tx, items[0], 1+random.IntN(2)) }
		case 5:
			tx = newTx("single read")
			send = func() error { return r.readOne(ctx, tx, items[0]) }
		}
		if err := r.record(tx, send); err != nil {
			return err
		}
		for _, i := range items {
			if read, ok := tx.Reads[itemName(i)]; ok {
				known[i] = len(read)
			}
		}
	}
	return nil
}

// record runs one transaction and adds it to the history.
func (r *run) record(tx *Tx, send func() error) error {
	tx.Start = r.clock.Add(1)
	err := send()
	tx.End = r.clock.Add(1)
	if bad, ok := errors.AsType[*ddb.Error](err); ok && refused(bad) {
		tx.Failed, tx.Reads, err = true, nil, nil
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tx.Name = fmt.Sprintf("%s %d", tx.Name, len(r.txs))
	r.txs = append(r.txs, *tx)
	return nil
}

// refused reports whether bad is a conflict or a condition that did not hold: then nothing was done.
func refused(bad *ddb.Error) bool {
	for _, reason := range bad.CancellationReasons {
		if reason.Code == "ValidationError" {
			return false
		}
	}
	return bad.Code == "TransactionConflictException" || bad.Code == "TransactionCanceledException"
}

// ask sends a request and decodes the answer; a nil into is not interested in it.
func (r *run) ask(ctx context.Context, op ddb.Operation, body string, into any) error {
	resp, err := r.do(ctx, ddb.NewRequest(op, []byte(body)))
	if err != nil || into == nil {
		return err
	}
	answer, err := resp.JSON()
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// item is an item in an answer.
type item struct {
	V struct{ L []struct{ N string } }
}

// elements are the item's.
func (a item) elements() []int {
	var out []int
	for _, e := range a.V.L {
		n, _ := strconv.Atoi(e.N)
		out = append(out, n)
	}
	return out
}

// itemName is what item i is called in the history.
func itemName(i int) string { return "item " + strconv.Itoa(i) }

// itemKey names item i in a request.
func itemKey(i int) string {
	return fmt.Sprintf(`"TableName":%q,"Key":{"p":{"S":"%d"}}`, tableNames[i%len(tableNames)], i)
}

// transaction is the body of a request with these actions, under a token unless that is empty.
func transaction(token string, actions []string) string {
	if token != "" {
		token = `"ClientRequestToken":"` + token + `",`
	}
	return `{` + token + `"TransactItems":[` + strings.Join(actions, ",") + `]}`
}

// readAll reads items in one transaction. It is sent until it is in no conflict: nothing is lost by that.
func (r *run) readAll(ctx context.Context, tx *Tx, items []int) error {
	gets := make([]string, len(items))
	for k, i := range items {
		gets[k] = `{"Get":{` + itemKey(i) + `}}`
	}
	for {
		var out struct{ Responses []struct{ Item item } }
		err := r.ask(ctx, ddb.TransactGetItems, transaction("", gets), &out)
		if bad, ok := errors.AsType[*ddb.Error](err); ok && refused(bad) {
			runtime.Gosched()
			continue
		}
		if err != nil {
			return err
		}
		for k, i := range items {
			tx.Reads[itemName(i)] = out.Responses[k].Item.elements()
		}
		return nil
	}
}

// readOne reads one item by itself.
func (r *run) readOne(ctx context.Context, tx *Tx, i int) error {
	var out struct{ Item item }
	err := r.ask(ctx, ddb.GetItem, `{"ConsistentRead":true,`+itemKey(i)+`}`, &out)
	tx.Reads[itemName(i)] = out.Item.elements()
	return err
}

// newElements makes n elements for item i and notes them in tx.
func (r *run) newElements(tx *Tx, i, n int) string {
	list := make([]string, n)
	for k := range list {
		e := int(r.element.Add(1))
		tx.Appends[itemName(i)] = append(tx.Appends[itemName(i)], e)
		list[k] = fmt.Sprintf(`{"N":"%d"}`, e)
	}
	return strings.Join(list, ",")
}

// appendOne appends to one item by itself.
func (r *run) appendOne(ctx context.Context, tx *Tx, i, n int) error {
	return r.ask(ctx, ddb.UpdateItem, `{`+update(i, r.newElements(tx, i, n), condition{})+`}`, nil)
}

// checkedName is what transactions with a condition are called.
const checkedName = "checked append"

// appendAll appends to items in one transaction. With known, it is on condition that the first item still has as many
// elements, and half of the time leaves that item as it is: either way it has read it.
func (r *run) appendAll(ctx context.Context, tx *Tx, items []int, known map[int]int, random *rand.Rand) error {
	var actions []string
	for k, i := range items {
		var c condition
		if known != nil && k == 0 {
			c = condition{set: true, size: known[i]}
			tx.Reads[itemName(i)] = make([]int, c.size)
			if random.IntN(2) == 0 {
				actions = append(actions, `{"ConditionCheck":{`+itemKey(i)+c.expression()+c.values("")+`}}`)
				continue
			}
		}
		actions = append(actions, `{"Update":{`+update(i, r.newElements(tx, i, 1+random.IntN(2)), c)+`}}`)
	}
	// Under a token, as clients send it.
	return r.ask(ctx, ddb.TransactWriteItems, transaction(strconv.FormatInt(r.element.Add(1), 10), actions), nil)
}

// update is the members of an update that appends elements if c holds.
func update(i int, elements string, c condition) string {
	return itemKey(i) + `,"UpdateExpression":"SET V = list_append(if_not_exists(V, :e), :v)"` + c.expression() +
		c.values(`":e":{"L":[]},":v":{"L":[`+elements+`]}`)
}

// condition is that a list has so many elements, if it is set.
type condition struct {
	set  bool
	size int
}

// expression is the member ConditionExpression.
func (c condition) expression() string {
	switch {
	case !c.set:
		return ""
	case c.size == 0:
		return `,"ConditionExpression":"attribute_not_exists(V)"`
	}
	return `,"ConditionExpression":"size(V) = :n"`
}

// values is the member ExpressionAttributeValues, with others beside the condition's.
func (c condition) values(others string) string {
	if c.set && c.size > 0 {
		if others != "" {
			others += ","
		}
		others += fmt.Sprintf(`":n":{"N":"%d"}`, c.size)
	}
	if others == "" {
		return ""
	}
	return `,"ExpressionAttributeValues":{` + others + `}`
}

// fillChecked makes the reads of transactions with a condition, of which only the length is known, into lists: the list
// was as long, and the last read tells with which elements.
func fillChecked(txs []Tx) {
	final := txs[len(txs)-1].Reads
	for i := range txs {
		if !strings.HasPrefix(txs[i].Name, checkedName) {
			continue
		}
		for name, read := range txs[i].Reads {
			txs[i].Reads[name] = slices.Clone(final[name][:min(len(read), len(final[name]))])
		}
	}
}

// Succeeded counts the transactions of each kind that were not refused.
func Succeeded(txs []Tx) map[string]int {
	n := make(map[string]int)
	for i := range txs {
		if !txs[i].Failed {
			n[txs[i].Name[:strings.LastIndexByte(txs[i].Name, ' ')]]++
		}
	}
	return n
}
