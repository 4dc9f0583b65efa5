package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/ddb"
)

// The properties of transactions, at any crash:
//
//	T1 the store opens, and what is derived from items is what they say
//	T2 every acknowledged transaction is there, whole
//	T3 one that was not acknowledged is there whole or not at all, and only if it was begun
//	T4 no reader ever saw a part of one
//	T5 sending one again under its token has no second effect, and has the first if it did not happen before the crash
//
// Each writer's n-th transaction adds one to its counter in one table, puts item n and deletes item n-2 in another, and
// adds one to a sum that all writers share; so n tells all that must be there.

// The size of one run.
const (
	transactWriters = 3
	transactSteps   = 12
)

// transactTables are the tables of these tests.
var transactTables = []string{
	`{"TableName":"left","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"}]}`,
	`{"TableName":"right","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"},{"AttributeName":"g","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
		"GlobalSecondaryIndexes":[{"IndexName":"by-g","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`,
}

// transactStep is a writer's n-th transaction.
func transactStep(w, n int) string {
	add := `{"Update":{"TableName":"left","Key":{"p":{"S":"%s"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}}`
	own := "w" + strconv.Itoa(w)
	return withToken(fmt.Sprintf("%s-%d", own, n),
		fmt.Sprintf(add, own),
		fmt.Sprintf(`{"Put":{"TableName":"right","Item":{"p":{"S":"%s"},"s":{"N":"%d"},"g":{"S":"%s"}},"ConditionExpression":"attribute_not_exists(p)"}}`, own, n, own),
		fmt.Sprintf(`{"Delete":{"TableName":"right","Key":{"p":{"S":"%s"},"s":{"N":"%d"}}}}`, own, n-2),
		fmt.Sprintf(add, "sum"),
		`{"ConditionCheck":{"TableName":"left","Key":{"p":{"S":"none"}},"ConditionExpression":"attribute_not_exists(p)"}}`)
}

// sendTransaction sends a transaction until it is not in conflict.
func sendTransaction(e *Engine, body string) error {
	for {
		_, err := e.Do(context.Background(), ddb.NewRequest(ddb.TransactWriteItems, []byte(body)))
		if bad, ok := errors.AsType[*ddb.Error](err); !ok || !inConflict(bad) {
			return err
		}
		runtime.Gosched()
	}
}

// inConflict reports whether bad says nothing but that another transaction was in the way.
func inConflict(bad *ddb.Error) bool {
	if bad.Code == "TransactionConflictException" {
		return true
	}
	for _, r := range bad.CancellationReasons {
		if r.Code != "None" && r.Code != "TransactionConflict" {
			return false
		}
	}
	return bad.Code == "TransactionCanceledException"
}

// transactCrash is one crash: the files it left, and how many transactions of each writer must and may be in them.
type transactCrash struct {
	op          int64
	percent     int
	files       *vfs.MemFS
	least, most [transactWriters]int64
}

// transactCrashRun is an engine at work on a crashFS.
type transactCrashRun struct {
	seed           uint64
	fs             *crashFS
	every          int64
	started, acked [transactWriters]atomic.Int64
	// working is set once the tables are there: crashes before are other tests'.
	working atomic.Bool

	mu    sync.Mutex
	cases []transactCrash
}

// cut records a crash before operation op, as crashRun's does.
func (r *transactCrashRun) cut(op int64) {
	if !r.working.Load() || (op+int64(r.seed))%r.every != 0 {
		return
	}
	c := transactCrash{op: op, percent: []int{0, 50, 100}[(uint64(op)/uint64(r.every)+r.seed)%3]}
	for w := range c.least {
		c.least[w] = r.acked[w].Load()
	}
	c.files = r.fs.crash(c.percent, r.seed+uint64(op))
	for w := range c.most {
		c.most[w] = r.started[w].Load()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cases = append(r.cases, c)
}

// runTransactCrashes runs writers and a reader, cuts the files before every every-th operation, and checks each copy.
// forget drops the tokens after each crash, which T5 has to catch. It returns the number of crashes and the first broken
// property.
func runTransactCrashes(seed uint64, every int64, forget bool) (int, error) {
	r := &transactCrashRun{seed: seed, fs: newCrashFS(), every: every}
	r.fs.before = r.cut
	e, err := Open(crashConfig(r.fs))
	if err != nil {
		return 0, fmt.Errorf("open: %w", err)
	}
	for _, body := range transactTables {
		if _, err := e.Do(context.Background(), ddb.NewRequest(ddb.CreateTable, []byte(body))); err != nil {
			return 0, fmt.Errorf("create table: %w", err)
		}
	}
	r.working.Store(true)
	err = r.work(e)
	if closeErr := e.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close: %w", closeErr)
	}
	if err != nil {
		return 0, err
	}
	for i := range r.cases {
		c := &r.cases[i]
		if err := r.check(c, forget); err != nil {
			return len(r.cases), fmt.Errorf("seed %d, crash before operation %d, %d%% of unsynced data kept: %w", seed, c.op, c.percent, err)
		}
	}
	return len(r.cases), nil
}

// work runs all writers to their end, and a reader beside them.
func (r *transactCrashRun) work(e *Engine) error {
	errs := make(chan error, transactWriters+1)
	var writers, reader sync.WaitGroup
	for w := range transactWriters {
		writers.Go(func() {
			for n := 1; n <= transactSteps; n++ {
				r.started[w].Add(1)
				if err := sendTransaction(e, transactStep(w, n)); err != nil {
					errs <- fmt.Errorf("writer %d, transaction %d: %w", w, n, err)
					return
				}
				r.acked[w].Add(1)
			}
		})
	}
	done := make(chan struct{})
	reader.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := transactState(e); err != nil {
				errs <- fmt.Errorf("T4: %w", err)
				return
			}
		}
	})
	writers.Wait()
	close(done)
	reader.Wait()
	close(errs)
	return <-errs
}

// transactState reads one view and tells how many transactions of each writer are in it. The error is the first thing
// that contradicts itself.
func transactState(e *Engine) ([transactWriters]int64, error) {
	var state [transactWriters]int64
	v := e.acquireView()
	defer v.release()
	left, bad := v.table("", "left")
	if bad != nil {
		return state, bad
	}
	right, bad := v.table("", "right")
	if bad != nil {
		return state, bad
	}
	counter := func(p string) (int64, error) {
		key, bad := left.itemKey(ddb.ItemOf(ddb.Attribute{Name: "p", Value: ddb.StringValue(p)}))
		if bad != nil {
			return 0, bad
		}
		item, found, err := v.get(left, key)
		if err != nil || !found {
			return 0, err
		}
		n, _ := item.Get("n")
		return strconv.ParseInt(n.Num(), 10, 64)
	}
	sum := int64(0)
	for w := range state {
		own := "w" + strconv.Itoa(w)
		n, err := counter(own)
		if err != nil {
			return state, err
		}
		state[w] = n
		sum += n
		if err := checkTransactItems(v, right, own, n); err != nil {
			return state, err
		}
	}
	total, err := counter("sum")
	if err == nil && total != sum {
		err = fmt.Errorf("the sum is %d after %v transactions", total, state)
	}
	return state, err
}

// checkTransactItems checks that a writer with n transactions has items n-1 and n, and no others.
func checkTransactItems(v *view, right *table, own string, n int64) error {
	prefix := right.partitionPrefix(nil, ddb.StringValue(own))
	c, err := v.scan(right, nil, prefix, prefixEnd(prefix), false)
	if err != nil {
		return err
	}
	got := ""
	for c.next() {
		item, err := c.item()
		if err != nil {
			_ = c.close()
			return err
		}
		s, _ := item.Get("s")
		got += " " + s.Num()
	}
	want := ""
	for s := max(n-1, 1); s <= n; s++ {
		want += " " + strconv.FormatInt(s, 10)
	}
	if err := c.close(); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("after %d transactions of writer %s its items are%s, want%s", n, own, got, want)
	}
	return nil
}

// check opens what a crash left and checks all properties.
func (r *transactCrashRun) check(c *transactCrash, forget bool) error {
	e, err := Open(crashConfig(wrapCrashFS(c.files)))
	if err != nil {
		return fmt.Errorf("T1: %w", err)
	}
	defer e.Close()
	if err := checkInvariants(e); err != nil {
		return fmt.Errorf("T1: %w", err)
	}
	state, err := transactState(e)
	if err != nil {
		return fmt.Errorf("T3: %w", err)
	}
	for w, n := range state {
		if n < c.least[w] {
			return fmt.Errorf("T2: writer %d is at transaction %d, but %d was acknowledged", w, n, c.least[w])
		}
		if n > c.most[w] {
			return fmt.Errorf("T3: writer %d is at transaction %d, but only %d were begun", w, n, c.most[w])
		}
	}
	if forget {
		if err := e.forgetAllTokens(); err != nil {
			return err
		}
	}
	// What a client does that has heard nothing: it sends what is not acknowledged again, and maybe more.
	want := state
	for w := range state {
		for n := max(state[w]-1, 1); n <= c.most[w]; n++ {
			want[w] = max(want[w], n)
			for range 2 {
				if err := sendTransaction(e, transactStep(w, int(n))); err != nil {
					return fmt.Errorf("T5: transaction %d of writer %d again: %w", n, w, err)
				}
			}
		}
	}
	after, err := transactState(e)
	if err == nil && after != want {
		err = fmt.Errorf("after sending again it is at %v, want %v", after, want)
	}
	if err != nil {
		return fmt.Errorf("T5: %w", err)
	}
	if err := checkInvariants(e); err != nil {
		return fmt.Errorf("T1: %w", err)
	}
	return nil
}

// forgetAllTokens is the mutant of T5.
func (e *Engine) forgetAllTokens() error {
	return e.commit(context.Background(), nil, func(*view) (writeSet, error) {
		return writeSet{records: func(_ *catalog, b *batch) error {
			b.deleteRange([]byte{familyToken}, []byte{familyToken + 1})
			return nil
		}}, nil
	})
}

// TestTransactionsAreWholeAfterACrash does the seeded rounds. Each crash of a run is a round.
func TestTransactionsAreWholeAfterACrash(t *testing.T) {
	t.Parallel()
	if *crashSeed != 0 {
		if _, err := runTransactCrashes(*crashSeed, 1+int64(*crashSeed)%5, false); err != nil {
			t.Fatal(err)
		}
		return
	}
	done := 0
	for seed := 1 + uint64(rand.N(1<<20)); done < *crashRounds; seed++ {
		n, err := runTransactCrashes(seed, 1+int64(seed)%5, false)
		if err != nil {
			t.Fatalf("%v (rerun with -crash-seed=%d)", err, seed)
		}
		done += n
	}
	t.Logf("%d crashes", done)
}

// TestForgottenTokensAreCaught is the harness's own proof.
func TestForgottenTokensAreCaught(t *testing.T) {
	t.Parallel()
	_, err := runTransactCrashes(1, 3, true)
	if err == nil {
		t.Fatal("transactions were sent again without their tokens, and nothing was noticed")
	}
	t.Log(err)
}
