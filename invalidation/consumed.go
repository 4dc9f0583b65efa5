package invalidation

import (
	"bytes"
	"encoding/json"

	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// What passes the guard as the client sent it is entered into the ledger here, where a remote backend charges for it: what
// the answer says, for those who asked for it, and otherwise what follows from the sizes that are known. That is the least
// it can have been: of an index, and of an item that was overwritten and not cached, nothing is known. What fills the caches
// is entered by whoever fills them.

// readUnitBytes and writeUnitBytes are what a unit reads strongly, or writes. (Developer Guide, "DynamoDB read and write
// operations".)
const (
	readUnitBytes  = 4096
	writeUnitBytes = 1024
)

// unitHalves is what size bytes cost in half units of so many bytes; nothing costs a unit too.
func unitHalves(size, unit int) uint64 { return 2 * uint64(max(1, (size+unit-1)/unit)) }

// toldCapacity is the part of an answer that says what it cost, by the ReturnConsumedCapacity of its request.
type toldCapacity struct {
	TableName     string
	CapacityUnits float64
}

// toldBy is what the answer to req says that it cost; nil if it does not.
func toldBy(req *ddb.Request, resp *ddb.Response) []toldCapacity {
	if !bytes.Contains(req.Body(), []byte("ReturnConsumedCapacity")) {
		return nil
	}
	body, err := resp.JSON()
	if err != nil {
		return nil
	}
	var out struct{ ConsumedCapacity json.RawMessage }
	if json.Unmarshal(body, &out) != nil || len(out.ConsumedCapacity) == 0 {
		return nil
	}
	var list []toldCapacity
	if json.Unmarshal(out.ConsumedCapacity, &list) == nil {
		return list
	}
	var one toldCapacity
	if json.Unmarshal(out.ConsumedCapacity, &one) == nil && one.TableName != "" {
		return []toldCapacity{one}
	}
	return nil
}

// readCost is what an answer costs on one table in half units.
type readCost struct {
	table  string
	halves uint64
}

// readCosts tell by the items in it what the answer to a read cost at least.
var readCosts = [ddb.NumOperations]func(*ddb.Request, *ddb.Response) []readCost{
	ddb.GetItem:          costOfGet,
	ddb.TransactGetItems: costOfTransactGet,
}

// costOfGet is what a GetItem cost.
func costOfGet(req *ddb.Request, resp *ddb.Response) []readCost {
	in, inErr := ddb.InputAs[ddb.GetItemInput](req)
	out, outErr := ddb.OutputAs[ddb.GetItemOutput](resp)
	if inErr != nil || outErr != nil {
		return nil
	}
	n := unitHalves(out.Item.Size(), readUnitBytes)
	if in.ConsistentRead == nil || !*in.ConsistentRead {
		n /= 2
	}
	return []readCost{{in.TableName, n}}
}

// costOfTransactGet is what a TransactGetItems cost: twice a strong read of each. (Developer Guide, "Managing complex workflows
// with DynamoDB transactions", capacity management.)
func costOfTransactGet(req *ddb.Request, resp *ddb.Response) []readCost {
	in, inErr := ddb.InputAs[ddb.TransactGetItemsInput](req)
	out, outErr := ddb.OutputAs[ddb.TransactGetItemsOutput](resp)
	if inErr != nil || outErr != nil || len(in.TransactItems) != len(out.Responses) {
		return nil
	}
	var costs []readCost
	for i, action := range in.TransactItems {
		if action.Get != nil {
			costs = append(costs, readCost{action.Get.TableName, 2 * unitHalves(out.Responses[i].Item.Size(), readUnitBytes)})
		}
	}
	return costs
}

// countRead enters a read that was forwarded.
func (g *Guard) countRead(req *ddb.Request, resp *ddb.Response) {
	if told := toldBy(req, resp); told != nil {
		for _, t := range told {
			g.store.Account(ddb.TableName(t.TableName)).Consumed(int(req.Op), uint64(2*t.CapacityUnits))
		}
		return
	}
	if cost := readCosts[req.Op]; cost != nil {
		for _, c := range cost(req, resp) {
			g.store.Account(ddb.TableName(c.table)).Consumed(int(req.Op), c.halves)
		}
	}
}

// metered reports whether the backend charges, and somebody counts.
func (g *Guard) metered() bool { return !g.store.Authoritative() && g.store.Metrics() != nil }

// count enters a write that ended so.
func (w *write) count(req *ddb.Request, resp *ddb.Response, err error, outcomes []outcome) {
	g := w.guard
	enter := func(a *metrics.Account, halves uint64) {
		a.Consumed(int(req.Op), halves)
		a.Add(metrics.WritesConsumed, halves)
	}
	if err == nil {
		if told := toldBy(req, resp); told != nil {
			for _, t := range told {
				enter(g.store.Account(ddb.TableName(t.TableName)), uint64(2*t.CapacityUnits))
			}
			return
		}
	}
	for i := range outcomes {
		k, o := &w.plan.keys[i], &outcomes[i]
		if k.elsewhere {
			continue
		}
		// A condition that failed is charged like the write. (Developer Guide, "DynamoDB read and write operations".) Of a batch
		// that outcome also says that a member was left.
		if o.result == coherence.Applied || o.result == coherence.ConditionFailed && err != nil {
			halves := unitHalves(w.sizeOf(i, o), writeUnitBytes)
			if w.plan.transaction {
				halves *= 2
			}
			enter(k.schema.Account, halves)
		}
	}
}

// sizeOf is the larger of what is known of the i-th item before the write and after it.
func (w *write) sizeOf(i int, o *outcome) int {
	size := max(o.old.item.Size(), o.new.item.Size(), w.plan.keys[i].item.Size())
	if !o.old.known {
		size = max(size, w.cached(i).item.Size())
	}
	return size
}
