package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"millrace/ddb"
)

// gateHooks stops the committer at every commit that changes items until the test lets it go.
type gateHooks struct {
	noHooks
	// arrived has the changes of the commit that stands, pass a token to let it go. A closed pass lets all go.
	arrived chan []ddb.Change
	pass    chan struct{}
	// settled collects the changes of commits that were let go.
	settled [][]ddb.Change
}

// Pending stands.
func (g *gateHooks) Pending(c []ddb.Change) {
	select {
	case g.arrived <- c:
		<-g.pass
	case <-g.pass:
	}
}

// Settled notes.
func (g *gateHooks) Settled(c []ddb.Change) { g.settled = append(g.settled, c) }

// TablesChanging does nothing.
func (g *gateHooks) TablesChanging(string, string) {}

// newGate opens an engine whose commits wait.
func newGate(t *testing.T) (*harness, *gateHooks) {
	t.Helper()
	g := &gateHooks{arrived: make(chan []ddb.Change), pass: make(chan struct{})}
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Hooks = true, g
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return (&harness{t: t, e: e}).create(hashTable), g
}

// begin sends a request that will stand in the committer, or behind one that does, and returns where its outcome comes.
func (h *harness) begin(op ddb.Operation, body string) chan *ddb.Error {
	result := make(chan *ddb.Error, 1)
	go func() {
		_, err := h.e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
		bad, _ := ddb.AsError(err)
		if err == nil {
			bad = nil
		}
		result <- bad
	}()
	return result
}

// succeed checks outcomes of begin.
func (h *harness) succeed(results ...chan *ddb.Error) {
	h.t.Helper()
	for i, r := range results {
		if bad := <-r; bad != nil {
			h.t.Errorf("request %d: %v, want success", i, bad)
		}
	}
}

// The requests of these tests.
const (
	conflictReason = "TransactionConflict|Transaction is ongoing for the item"
	checkB         = `{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"b"}},"ConditionExpression":"attribute_not_exists(p)"}}`
	getA           = `{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}}}}`
	getB           = `{"Get":{"TableName":"hash","Key":{"p":{"S":"b"}}}}`
	getC           = `{"Get":{"TableName":"hash","Key":{"p":{"S":"c"}}}}`
	putC           = `{"Put":{"TableName":"hash","Item":{"p":{"S":"c"}}}}`
)

func TestAnOngoingTransactionConflicts(t *testing.T) {
	t.Parallel()
	// #198
	h, g := newGate(t)
	transaction := h.begin(ddb.TransactWriteItems, transactBody(putA, checkB))
	<-g.arrived
	conflicts := func(op ddb.Operation, body string) {
		t.Helper()
		h.fails(op, body, "TransactionConflictException", "Transaction is ongoing for the item")
	}
	// Single writes of its items, those it only checks included.
	conflicts(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}}}`)
	conflicts(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"REMOVE x"}`)
	conflicts(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"b"}}}`)
	// Transactions with its items, whatever they do; one reason for each item that is taken.
	h.cancels(ddb.TransactWriteItems, transactBody(putC, deleteA), "None", conflictReason)
	h.cancels(ddb.TransactWriteItems, transactBody(checkB, putC, checkNoA), conflictReason, "None", conflictReason)
	h.cancels(ddb.TransactGetItems, transactBody(getC, getB, getA), "None", conflictReason, conflictReason)
	// Reads see what was there before.
	h.got("hash", "a", ``)
	h.ok(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[{"p":{"S":"a"}}]}}}`, `{"Responses":{"hash":[]},"UnprocessedKeys":{}}`)
	h.ok(ddb.TransactGetItems, transactBody(getC), `{"Responses":[{}]}`)
	// A batch waits, and other items are free.
	batch := h.begin(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"PutRequest":{"Item":{"p":{"S":"a"},"by":{"S":"batch"}}}}]}}`)
	other := h.begin(ddb.TransactWriteItems, transactBody(putC))
	close(g.pass)
	h.succeed(transaction, batch, other)
	h.got("hash", "a", `{"p":{"S":"a"},"by":{"S":"batch"}}`)
	// It is over.
	h.put("hash", `{"p":{"S":"a"}}`)
	h.answer(ddb.TransactWriteItems, transactBody(deleteA, checkB))
	h.ok(ddb.TransactGetItems, transactBody(getA), `{"Responses":[{}]}`)
	empty(t, h.e.locks)
}

func TestATransactionWaitsForSingleWrites(t *testing.T) {
	t.Parallel()
	h, g := newGate(t)
	first := h.begin(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`)
	<-g.arrived
	// Reading both it and another in one transaction is no conflict: neither is a transaction.
	h.ok(ddb.TransactGetItems, transactBody(getA, getC), `{"Responses":[{},{}]}`)
	transaction := h.begin(ddb.TransactWriteItems, transactBody(addToA, putC))
	for !h.e.locks.ongoing(h.lockOf("a")) {
		// It is on its way to the lock.
		h.got("hash", "a", ``)
	}
	// It is ongoing while it waits.
	h.fails(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}}}`, "TransactionConflictException", "Transaction is ongoing for the item")
	h.cancels(ddb.TransactWriteItems, transactBody(deleteA), conflictReason)
	close(g.pass)
	h.succeed(first, transaction)
	h.got("hash", "a", `{"p":{"S":"a"},"n":{"N":"2"}}`)
	empty(t, h.e.locks)
}

// lockOf is the lock of the item of the table hash with partition key p.
func (h *harness) lockOf(p string) lockKey {
	h.t.Helper()
	v := h.e.acquireView()
	defer v.release()
	tab, bad := v.table("", "hash")
	if bad != nil {
		h.t.Fatal(bad)
	}
	key, bad := tab.itemKey(ddb.ItemOf(ddb.Attribute{Name: "p", Value: ddb.StringValue(p)}))
	if bad != nil {
		h.t.Fatal(bad)
	}
	return key
}

func TestATokenInUseIsToldSo(t *testing.T) {
	t.Parallel()
	h, g := newGate(t)
	first := h.begin(ddb.TransactWriteItems, withToken("t", addToA))
	<-g.arrived
	h.fails(ddb.TransactWriteItems, withToken("t", addToA), "TransactionInProgressException", "Transaction from previous request is still in progress")
	h.fails(ddb.TransactWriteItems, withToken("t", putB), "TransactionInProgressException", "Transaction from previous request is still in progress")
	close(g.pass)
	h.succeed(first)
	h.ok(ddb.TransactWriteItems, withToken("t", addToA), `{}`)
	h.got("hash", "a", `{"p":{"S":"a"},"n":{"N":"1"}}`)
	empty(t, h.e.locks)
}

func TestHooksHearOfATransactionAtOnce(t *testing.T) {
	t.Parallel()
	h, g := newGate(t)
	tx := h.begin(ddb.TransactWriteItems, transactBody(putA, checkB, putC))
	pending := <-g.arrived
	close(g.pass)
	h.succeed(tx)
	var keys []string
	for _, c := range pending {
		p, _ := c.Key.Get("p")
		keys = append(keys, p.Str())
	}
	if got := strings.Join(keys, " "); got != "a c" {
		t.Errorf("pending are %q, want what was written: a c", got)
	}
	if err := h.e.Close(); err != nil {
		t.Fatal(err)
	}
	if len(g.settled) != 1 || &g.settled[0][0] != &pending[0] {
		t.Errorf("settled %v, want the slice that was pending, once", g.settled)
	}
}

func TestATransactionThatGivesUpLeavesNothing(t *testing.T) {
	t.Parallel()
	h, g := newGate(t)
	first := h.begin(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}}}`)
	<-g.arrived
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := h.e.Do(ctx, ddb.NewRequest(ddb.TransactWriteItems, []byte(transactBody(addToA, putC))))
		result <- err
	}()
	for !h.e.locks.ongoing(h.lockOf("a")) {
		h.got("hash", "a", ``)
	}
	cancel()
	if err := <-result; err != context.Canceled {
		t.Errorf("transaction whose client went: %v", err)
	}
	// Nobody takes it for ongoing any more.
	h.ok(ddb.TransactGetItems, transactBody(getA), `{"Responses":[{}]}`)
	close(g.pass)
	h.succeed(first)
	h.got("hash", "c", ``)
	empty(t, h.e.locks)
}

func TestTransactionsAndOthersShareLocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLockTable()
		var order []string
		take := func(name string, as claim, keys ...lockKey) chan struct{} {
			leave := make(chan struct{})
			go func() {
				held, err := l.lockAs(t.Context(), as, keys)
				if err != nil {
					order = append(order, name+" refused")
					return
				}
				order = append(order, name)
				<-leave
				l.unlock(held)
			}()
			synctest.Wait()
			return leave
		}
		a, b := lockKey("a"), lockKey("b")
		first := take("first", single, a)
		second := take("second", single, a)
		tx := take("transaction", transactional, a, b)
		// It waits for a and has not asked for b.
		otherB := take("b", single, b)
		take("late", single, a)
		take("rival", transactional, a)
		batch := take("batch", patient, a)
		close(first)
		synctest.Wait()
		close(second)
		synctest.Wait()
		// It has a and waits for b now.
		take("late", single, b)
		close(otherB)
		synctest.Wait()
		take("late", single, b)
		close(tx)
		synctest.Wait()
		// It is gone, though others have waited for it.
		last := take("last", single, a)
		close(batch)
		synctest.Wait()
		close(last)
		synctest.Wait()
		const want = "first, b, late refused, rival refused, second, late refused, transaction, late refused, batch, last"
		if got := strings.Join(order, ", "); got != want {
			t.Errorf("order\n got %s\nwant %s", got, want)
		}
		empty(t, l)
	})
}

// TestATransactionGetsThroughSingleWrites writes one item without a pause from several clients. Every transaction on it
// must succeed at the first attempt, and every single write that is not told of a conflict must count.
func TestATransactionGetsThroughSingleWrites(t *testing.T) {
	t.Parallel()
	const writers, transactions = 4, 200
	h := newHarness(t).create(hashTable)
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var counted atomic.Int64
	for range writers {
		clients.Go(func() {
			for ctx.Err() == nil {
				_, bad := h.do(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`)
				if bad == nil {
					counted.Add(1)
				} else if bad.Code != "TransactionConflictException" {
					t.Error(bad)
				}
			}
		})
	}
	for range transactions {
		if _, bad := h.transact(addToA, putC); bad != nil {
			t.Errorf("transaction among single writes: %v", bad)
		}
	}
	stop()
	clients.Wait()
	h.got("hash", "a", fmt.Sprintf(`{"p":{"S":"a"},"n":{"N":"%d"}}`, counted.Load()+transactions))
	empty(t, h.e.locks)
}

// TestClaimsExcludeAndNeverDeadlock is TestLocksExcludeAndNeverDeadlock with all kinds of claims.
func TestClaimsExcludeAndNeverDeadlock(t *testing.T) {
	t.Parallel()
	const clients, rounds, keys = 9, 300, 5
	l := newLockTable()
	var counts [keys]int
	var wanted, conflicts atomic.Int64
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(c), 11))
			as := []claim{patient, single, transactional}[c%3]
			for range rounds {
				n := 1 // a single write has one item
				if as != single {
					n += r.IntN(3)
				}
				names := make([]lockKey, n)
				picked := map[int]bool{}
				for i := range names {
					k := r.IntN(keys)
					picked[k] = true
					names[i] = lockKey(strconv.Itoa(k))
				}
				held, err := l.lockAs(t.Context(), as, names)
				if err != nil {
					if _, ok := err.(*conflict); !ok || as == patient {
						t.Errorf("claim %d: %v", as, err)
					}
					conflicts.Add(1)
					continue
				}
				for k := range picked {
					counts[k]++
				}
				runtime.Gosched()
				l.unlock(held)
				wanted.Add(int64(len(picked)))
			}
		})
	}
	wg.Wait()
	got := 0
	for _, n := range counts {
		got += n
	}
	if int64(got) != wanted.Load() || conflicts.Load() == 0 {
		t.Errorf("%d changes under locks, want %d; %d conflicts, want some", got, wanted.Load(), conflicts.Load())
	}
	empty(t, l)
}
