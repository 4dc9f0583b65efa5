package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"millrace/ddb"
)

// A transaction holds the locks of all its items, those it only checks included, from before it reads them until it is
// acknowledged, and is one commit. So it is serializable with every other write, and a reader of one view sees all of it
// or nothing.
//
// A conflict is with a transaction, always. From the moment a TransactWriteItems asks for an item's lock until it is
// answered, it is ongoing for that item, and is told so to whoever comes meanwhile:
//
//   - A PutItem, UpdateItem or DeleteItem of the item, or a statement like one, ends in TransactionConflictException.
//   - Another TransactWriteItems with the item is cancelled, and so is a TransactGetItems, with the reason
//     TransactionConflict for every item that is taken.
//   - A BatchWriteItem waits: it has no such exception. So does the engine's own background work.
//   - Reads do not notice: they are of the published view.
//
// A transaction that meets another kind of write does not conflict with it, but waits for its turn; that is one commit
// away, and nobody who comes later is let in before. So under any load of single writes a transaction gets through, and
// under any load of transactions one of those that meet does. DynamoDB, where a single write is over in an instant,
// hardly ever shows the difference; its documentation lists the same conflicts but for one: a TransactGetItems may also
// conflict with a single write there. (Developer Guide, "Amazon DynamoDB Transactions: How it works", Transaction conflict
// handling in DynamoDB; that single writes in flight do not cancel a TransactWriteItems is taken from that list.)
//
// Nobody waits in a circle: all take their locks in one order, and who is refused one lets go of the others first.

// transaction is a TransactWriteItems, or an ExecuteTransaction that writes, after everything that does not depend on
// the tables was checked.
type transaction struct {
	scope string
	// actions are what it does, each to another item. One without a change only checks its condition.
	actions []itemWrite
	// token is the ClientRequestToken, empty for none. It stands for this operation with this digest of all other
	// parameters.
	token  string
	op     ddb.Operation
	digest [sha256.Size]byte
}

// transacted is how a transaction succeeded.
type transacted struct {
	// mutations has one for each action, with equal images where it only checked; nil when nothing was done because the
	// transaction had succeeded before, under the same token.
	mutations []mutation
	// sizes are, for each action, the larger of the item's sizes before and after, the first time.
	sizes []int
}

// transact commits tx, all or nothing. Its errors are DynamoDB's for the transaction as a whole; a
// TransactionCanceledException has a reason for each action. An error that is no *ddb.Error leaves the outcome open,
// which sending the same token again settles.
func (e *Engine) transact(ctx context.Context, tx transaction) (transacted, error) {
	if tx.token == "" {
		return e.transactOnce(ctx, tx)
	}
	// The lock keeps two requests with one token from both finding that they are the first.
	held, err := e.locks.lockAs(ctx, transactional, []lockKey{tx.tokenKey(0)})
	if err != nil {
		// Nobody but transactions asks for it.
		return transacted{}, transactionInProgress()
	}
	defer e.locks.unlock(held)
	v := e.acquireView()
	known, found, err := v.token(&tx, e.cfg.Clock())
	v.release()
	switch {
	case err != nil:
		return transacted{}, err
	case found && known.digest != tx.digest:
		return transacted{}, tokenMismatch()
	case found:
		return transacted{sizes: known.sizes}, nil
	}
	return e.transactOnce(ctx, tx)
}

// transactOnce is transact for a token that is new or empty.
func (e *Engine) transactOnce(ctx context.Context, tx transaction) (transacted, error) {
	v := e.acquireView()
	p, bad := planTransaction(v, tx.scope, tx.actions)
	v.release()
	if bad != nil {
		return transacted{}, bad
	}
	var done transacted
	err := e.commitAs(ctx, transactional, slices.Clone(p.keys), func(v *view) (writeSet, error) {
		var err error
		if done.mutations, err = p.run(v); err != nil {
			return writeSet{}, err
		}
		if bad := e.admitTransaction(done.mutations); bad != nil {
			return writeSet{}, bad
		}
		done.sizes = make([]int, len(done.mutations))
		for i, m := range done.mutations {
			done.sizes[i] = max(m.old.Size(), m.new.Size())
		}
		set := writeSet{mutations: done.mutations}
		if tx.token != "" {
			set.records = func(_ *catalog, b *batch) error {
				tx.remember(b, done.sizes, e.cfg.Clock())
				return nil
			}
		}
		return set, nil
	})
	if refused, ok := errors.AsType[*conflict](err); ok {
		return transacted{}, e.conflicted(p.keys, refused)
	}
	if err != nil {
		return transacted{}, err
	}
	return done, nil
}

// transactionPlan is a transaction's actions with the tables and items that they are about.
type transactionPlan struct {
	scope   string
	actions []itemWrite
	// tables and keys, the items' locks and store keys, are in the order of actions.
	tables []*table
	keys   []lockKey
}

// planTransaction checks actions against their tables. A table that is not there is told before anything else, then an
// empty value for a key; what else is wrong with an action cancels the transaction, at the first such action, and
// conditions are not looked at. That two actions are on one item is told after that. (The order was captured from the
// service for each pair of the first three: github.com/paritysuite/dynamodb-conformance, pull requests 46 and 60; the place
// of the last is assumed.)
func planTransaction(v *view, scope string, actions []itemWrite) (*transactionPlan, *ddb.Error) {
	p := &transactionPlan{
		scope: scope, actions: actions, tables: make([]*table, len(actions)), keys: make([]lockKey, len(actions)),
	}
	for i := range actions {
		t, bad := v.table(scope, actions[i].table)
		if bad != nil {
			return nil, bad
		}
		p.tables[i] = t
	}
	faults := make([]*ddb.Error, len(actions))
	for i := range actions {
		if _, faults[i] = actions[i].checked(v, scope); isEmptyKey(faults[i]) {
			return nil, faults[i]
		}
	}
	if bad := firstFault(faults); bad != nil {
		return nil, bad
	}
	seen := make(map[string]bool, len(actions))
	for i, t := range p.tables {
		key, bad := t.itemKey(actions[i].key(t))
		if bad != nil {
			return nil, bad
		}
		if seen[string(key)] {
			return nil, severalOperations()
		}
		seen[string(key)] = true
		p.keys[i] = key
	}
	return p, nil
}

// run reads the items, evaluates all conditions and makes all changes. The locks are held. Every action that fails is
// among the reasons of the error.
func (p *transactionPlan) run(v *view) ([]mutation, error) {
	mutations := make([]mutation, len(p.actions))
	faults := make([]*ddb.Error, len(p.actions))
	for i := range p.actions {
		a := &p.actions[i]
		now, bad := v.table(p.scope, a.table)
		if bad != nil {
			return nil, bad
		}
		if now != p.tables[i] {
			// The table changed while we waited: an index may have come, or another table have taken its name.
			if now.number != p.tables[i].number {
				return nil, ddb.ResourceNotFound("Requested resource not found")
			}
			_, faults[i] = a.checked(v, p.scope)
		}
		if faults[i] == nil {
			var err error
			if mutations[i], faults[i], err = a.run(v, now, p.keys[i]); err != nil {
				return nil, err
			}
		}
		if isEmptyKey(faults[i]) {
			return nil, faults[i]
		}
	}
	if bad := cancelled(faults); bad != nil {
		return nil, bad
	}
	return mutations, nil
}

// run makes w's mutation of the item at key, or tells why there is none. An error is the store's.
func (w *itemWrite) run(v *view, t *table, key lockKey) (mutation, *ddb.Error, error) {
	m := mutation{table: t, key: w.key(t)}
	var err error
	if m.old, m.hadOld, err = v.get(t, key); err != nil {
		return m, nil, err
	}
	if w.condition != nil && !w.condition.Match(m.old) {
		return m, conditionFailed(w.conditionFailure, m.old, m.hadOld), nil
	}
	if w.change == nil {
		m.new, m.hasNew = m.old, m.hadOld
		return m, nil, nil
	}
	return m, w.change(t, &m), nil
}

// conflicted is the cancellation of a transaction that was refused a lock: besides that one, it tells of all items for
// which a transaction is ongoing now.
func (e *Engine) conflicted(keys []lockKey, refused *conflict) *ddb.Error {
	faults := make([]*ddb.Error, len(keys))
	for i, k := range keys {
		if refused != nil && string(k) == refused.key || e.locks.ongoing(k) {
			faults[i] = transactionConflict()
		}
	}
	return cancelled(faults)
}

// reasonCodes are the codes of cancellation reasons, by the code of the exception that an action alone would end in.
// (API Reference, TransactWriteItems: TransactionCanceledException.)
var reasonCodes = map[string]string{
	"ConditionalCheckFailedException":          "ConditionalCheckFailed",
	"DuplicateItemException":                   "DuplicateItem",
	"ItemCollectionSizeLimitExceededException": "ItemCollectionSizeLimitExceeded",
	"ProvisionedThroughputExceededException":   "ProvisionedThroughputExceeded",
	"ResourceNotFoundException":                "ResourceNotFound",
	"ThrottlingException":                      "ThrottlingError",
	"TransactionConflictException":             "TransactionConflict",
	"ValidationException":                      "ValidationError",
}

// cancelled is the TransactionCanceledException of a transaction whose actions have these faults, nil for none; it is
// nil if all are.
func cancelled(faults []*ddb.Error) *ddb.Error {
	if !slices.ContainsFunc(faults, func(bad *ddb.Error) bool { return bad != nil }) {
		return nil
	}
	reasons := make([]ddb.CancellationReason, len(faults))
	codes := make([]string, len(faults))
	for i, bad := range faults {
		codes[i] = "None"
		if bad != nil {
			codes[i] = reasonCodes[bad.Code]
			reasons[i].Message, reasons[i].Item, reasons[i].HasItem = bad.Message, bad.Item, bad.HasItem
		}
		reasons[i].Code = codes[i]
	}
	return &ddb.Error{
		Code: "TransactionCanceledException",
		Message: "Transaction cancelled, please refer cancellation reasons for specific reasons [" +
			strings.Join(codes, ", ") + "]",
		CancellationReasons: reasons,
	}
}

// firstFault is cancelled for faults that were found before the transaction ran: only the first of them is told.
func firstFault(faults []*ddb.Error) *ddb.Error {
	first := make([]*ddb.Error, len(faults))
	for i, bad := range faults {
		if bad != nil {
			first[i] = bad
			break
		}
	}
	return cancelled(first)
}

// isEmptyKey reports whether bad, which may be nil, refuses an empty value for an attribute of a key or index key: that
// is told of a transaction as a whole, where all else that is wrong with an action cancels it. (Captured from the
// service: github.com/paritysuite/dynamodb-conformance, pull requests 46 and 60.)
func isEmptyKey(bad *ddb.Error) bool {
	return bad != nil && bad.Code == "ValidationException" && strings.HasPrefix(bad.Message, textNotValid)
}

// transactionConflict refuses a request to write one item for which a transaction is ongoing.
func transactionConflict() *ddb.Error {
	return &ddb.Error{Code: "TransactionConflictException", Message: "Transaction is ongoing for the item"}
}

// transactionInProgress refuses a token under which a transaction is ongoing.
func transactionInProgress() *ddb.Error {
	return &ddb.Error{Code: "TransactionInProgressException", Message: "Transaction from previous request is still in progress"}
}

// tokenMismatch refuses a token that stands for another request. The text is that of the exception's documentation; what
// the service sends is not known.
func tokenMismatch() *ddb.Error {
	return &ddb.Error{
		Code: "IdempotentParameterMismatchException",
		Message: "DynamoDB rejected the request because you retried a request with a different payload but with an " +
			"idempotent token that was already used.",
	}
}

// severalOperations refuses a transaction with two actions on one item.
func severalOperations() *ddb.Error {
	return ddb.Validation("Transaction request cannot include multiple operations on one item")
}

// checkTransactionSize refuses a transaction that carries, or reads, more than it may. (That the limit is on what the
// request carries, so that deleting large items is free, was checked against the service by Alternator's tests:
// test_transact.py. The text has "size cannot exceed" there; the rest of it is assumed.)
func checkTransactionSize(bytes int) *ddb.Error {
	if bytes > ddb.MaxTransactBytes {
		return ddb.Validation("Transaction payload size cannot exceed %d bytes", ddb.MaxTransactBytes)
	}
	return nil
}
