package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/ddb"
)

// ttlHarness is an engine whose clock stands at now until it is moved.
type ttlHarness struct {
	*harness
	now atomic.Int64
}

// newTTLHarness opens an engine in memory at second 2 000 000 000.
func newTTLHarness(t *testing.T, hooks CommitHooks) *ttlHarness {
	t.Helper()
	h := &ttlHarness{}
	h.now.Store(2_000_000_000)
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Hooks = true, hooks
	cfg.Clock = func() time.Time { return time.Unix(h.now.Load(), 0) }
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	h.harness = &harness{t: t, e: e}
	return h
}

// sweep expires what is due and checks that everything still fits together.
func (h *ttlHarness) sweep() {
	h.t.Helper()
	if err := h.e.sweep(h.t.Context()); err != nil {
		h.t.Fatalf("sweep: %v", err)
	}
	mustHold(h.t, h.e)
}

// count checks the number of items in a table.
func (h *ttlHarness) count(table string, want int) {
	h.t.Helper()
	h.ok(ddb.Scan, `{"TableName":"`+table+`","Select":"COUNT"}`, fmt.Sprintf(`{"Count":%d,"ScannedCount":%d}`, want, want))
}

// enable and disable set the time to live of churn on attribute t.
func (h *ttlHarness) enable()  { h.setTTL("churn", "t", true) }
func (h *ttlHarness) disable() { h.setTTL("churn", "t", false) }

// setTTL sets a table's time to live.
func (h *ttlHarness) setTTL(table, attribute string, on bool) {
	h.t.Helper()
	spec := fmt.Sprintf(`{"AttributeName":%q,"Enabled":%v}`, attribute, on)
	h.ok(ddb.UpdateTimeToLive, `{"TableName":"`+table+`","TimeToLiveSpecification":`+spec+`}`, `{"TimeToLiveSpecification":`+spec+`}`)
}

func TestOnlyTimesInTheLastFiveYearsExpire(t *testing.T) {
	t.Parallel()
	// #251
	h := newTTLHarness(t, nil)
	h.answer(ddb.CreateTable, churnTable)
	h.enable()
	f := func(value string, expires bool) {
		t.Helper()
		h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"k"},"t":`+value+`}}`)
		h.sweep()
		if expires {
			h.count("churn", 0)
		} else {
			h.count("churn", 1)
			h.answer(ddb.DeleteItem, `{"TableName":"churn","Key":{"pk":{"S":"k"}}}`)
		}
	}
	// A second ago; now; with a fraction.
	f(`{"N":"1999999999"}`, true)
	f(`{"N":"2000000000"}`, true)
	f(`{"N":"1999999999.75"}`, true)
	// In a second, or in a fraction of one.
	f(`{"N":"2000000001"}`, false)
	f(`{"N":"2000000000.5"}`, false)
	// Just inside five years ago, and outside.
	f(`{"N":"1842320001"}`, true)
	f(`{"N":"1842319999"}`, false)
	f(`{"N":"0"}`, false)
	f(`{"N":"-5"}`, false)
	// Not a number, however much it looks like one.
	f(`{"S":"1999999999"}`, false)
	f(`{"NS":["1999999999"]}`, false)
	f(`{"L":[{"N":"1999999999"}]}`, false)
	f(`{"NULL":true}`, false)
	// Milliseconds instead of seconds, and other numbers that are no times.
	f(`{"N":"1999999999000"}`, false)
	f(`{"N":"9.9E+125"}`, false)
	f(`{"N":"1E-130"}`, false)
}

func TestItemsExpireWhenTheirTimeComes(t *testing.T) {
	t.Parallel()
	r := &expiredHooks{}
	h := newTTLHarness(t, r)
	h.answer(ddb.CreateTable, churnTable)
	h.enable()
	for i := range 5 {
		h.answer(ddb.PutItem, fmt.Sprintf(`{"TableName":"churn","Item":{"pk":{"S":"%d"},"t":{"N":"%d"}}}`, i, 2_000_000_010+i*10))
	}
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"stays"}}}`)
	// An update moves an item's time; removing the attribute takes it away.
	h.answer(ddb.UpdateItem, `{"TableName":"churn","Key":{"pk":{"S":"0"}},"UpdateExpression":"SET t = :t","ExpressionAttributeValues":{":t":{"N":"2000000100"}}}`)
	h.answer(ddb.UpdateItem, `{"TableName":"churn","Key":{"pk":{"S":"1"}},"UpdateExpression":"REMOVE t"}`)
	h.sweep()
	h.count("churn", 6)
	h.now.Store(2_000_000_040)
	h.sweep()
	h.count("churn", 4)
	h.now.Store(2_000_000_200)
	h.sweep()
	h.count("churn", 2)
	if r.expired != 4 || r.others != 0 {
		t.Errorf("hooks heard of %d expired and %d other deletions, want 4 and 0", r.expired, r.others)
	}
}

// expiredHooks counts deletions.
type expiredHooks struct {
	noHooks
	expired, others int
}

// Settled counts.
func (r *expiredHooks) Settled(changes []ddb.Change) {
	for i := range changes {
		switch {
		case changes[i].Expired:
			r.expired++
		case !changes[i].HasNew:
			r.others++
		}
	}
}

func TestItemsOlderThanTheSettingExpireToo(t *testing.T) {
	t.Parallel()
	h := newTTLHarness(t, nil)
	h.answer(ddb.CreateTable, churnTable)
	const n = 3 * sweepBatch
	for i := range n {
		h.answer(ddb.PutItem, fmt.Sprintf(`{"TableName":"churn","Item":{"pk":{"S":"%d"},"t":{"N":"%d"}}}`, i, 1_999_999_000+i%2*10_000))
	}
	h.enable()
	h.sweep()
	h.count("churn", n/2)
	// Off: the queue goes, nothing expires. On again: the rest does.
	h.disable()
	h.now.Add(100_000)
	h.sweep()
	h.count("churn", n/2)
	h.enable()
	h.sweep()
	h.count("churn", 0)
}

func TestExpiryOfKeyAndIndexAttributes(t *testing.T) {
	t.Parallel()
	// #251: the attribute may be a key or index key, and expired items leave their indexes.
	h := newTTLHarness(t, nil)
	h.answer(ddb.CreateTable, `{"TableName":"keyed","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"t","AttributeType":"N"}],
		"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"t","KeyType":"RANGE"}]}`)
	h.answer(ddb.CreateTable, crashTable)
	h.setTTL("keyed", "t", true)
	h.setTTL("crash", "l", true)
	h.answer(ddb.PutItem, `{"TableName":"keyed","Item":{"pk":{"S":"a"},"t":{"N":"1999999999"}}}`)
	h.answer(ddb.PutItem, `{"TableName":"keyed","Item":{"pk":{"S":"a"},"t":{"N":"2999999999"}}}`)
	h.answer(ddb.PutItem, `{"TableName":"crash","Item":{"pk":{"S":"a"},"sk":{"S":"a"},"g":{"S":"g"},"l":{"N":"1999999999"}}}`)
	h.sweep()
	h.count("keyed", 1)
	h.count("crash", 0)
	h.ok(ddb.Query, `{"TableName":"crash","IndexName":"by-g","Select":"COUNT","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"g"}}}`,
		`{"Count":0,"ScannedCount":0}`)
	// A table that is deleted takes its queue with it.
	h.answer(ddb.DeleteTable, `{"TableName":"keyed"}`)
	h.sweep()
}

func TestAnItemThatIsRenewedAsItExpiresStays(t *testing.T) {
	t.Parallel()
	h := newTTLHarness(t, nil)
	h.answer(ddb.CreateTable, churnTable)
	h.enable()
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"k"},"t":{"N":"1999999999"}}}`)
	v := h.e.acquireView()
	tab, _ := v.table("", "churn")
	k, _ := tab.itemKey(ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue("k")}))
	v.release()
	// 1. the item's lock is held  2. the sweeper finds the item due and waits for it  3. the item is renewed
	held, err := h.e.locks.lock(t.Context(), []lockKey{lockKey(k)})
	if err != nil {
		t.Fatal(err)
	}
	swept := make(chan error, 1)
	go func() { swept <- h.e.sweep(context.Background()) }()
	waitForLockWaiter(h.e.locks, k)
	renewed := ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue("k")}, ddb.Attribute{Name: "t", Value: ddb.CanonicalNumber("2999999999")})
	req, err := h.e.prepareRequest(t.Context(), func(v *view) (writeSet, error) {
		old, had, err := v.get(tab, k)
		now, _ := v.table("", "churn")
		return writeSet{mutations: []mutation{{table: now, key: renewed, old: old, hadOld: had, new: renewed, hasNew: true}}}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.e.committer.submit(req); err != nil {
		t.Fatal(err)
	}
	h.e.locks.unlock(held)
	if err := <-swept; err != nil {
		t.Fatal(err)
	}
	h.count("churn", 1)
	mustHold(t, h.e)
}

// waitForLockWaiter returns when somebody waits for key's lock.
func waitForLockWaiter(l *lockTable, key []byte) {
	sh := l.shard(key)
	for waiting := false; !waiting; {
		sh.mu.Lock()
		waiting = sh.held[string(key)].users > 1
		sh.mu.Unlock()
	}
}

func TestTimeToLiveSettings(t *testing.T) {
	t.Parallel()
	// #249, #250, #252
	h := newTTLHarness(t, nil)
	h.answer(ddb.CreateTable, churnTable)
	update := func(attribute string, on bool) string {
		return fmt.Sprintf(`{"TableName":"churn","TimeToLiveSpecification":{"AttributeName":%q,"Enabled":%v}}`, attribute, on)
	}
	describe := `{"TableName":"churn"}`
	h.ok(ddb.DescribeTimeToLive, describe, `{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}`)
	h.invalid(ddb.UpdateTimeToLive, update("t", false), "TimeToLive is already disabled")
	h.enable()
	h.ok(ddb.DescribeTimeToLive, describe, `{"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"t"}}`)
	h.invalid(ddb.UpdateTimeToLive, update("t", true), "TimeToLive is already enabled")
	h.invalid(ddb.UpdateTimeToLive, update("other", false), "TimeToLive is active on a different AttributeName: current AttributeName is t")
	h.disable()
	h.ok(ddb.DescribeTimeToLive, describe, `{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}`)
	missing := "Requested resource not found: Table: nothing not found"
	h.fails(ddb.DescribeTimeToLive, `{"TableName":"nothing"}`, "ResourceNotFoundException", missing)
	h.fails(ddb.UpdateTimeToLive, `{"TableName":"nothing","TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`, "ResourceNotFoundException", missing)
	if _, bad := h.do(ddb.UpdateTimeToLive, `{"TableName":"churn","TimeToLiveSpecification":{"Enabled":true}}`); bad == nil || bad.Code != "ValidationException" {
		t.Errorf("UpdateTimeToLive without AttributeName: %v, want ValidationException", bad)
	}
}

func TestRunExpiresInTheBackground(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	h := newTTLHarness(t, settledHooks{func(c *ddb.Change) {
		if c.Expired {
			close(gone)
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.e.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	h.answer(ddb.CreateTable, churnTable)
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"k"},"t":{"N":"1999999999"}}}`)
	h.enable()
	<-gone
	cancel()
	wg.Wait()
	h.count("churn", 0)
}

// settledHooks calls f with every change.
type settledHooks struct{ f func(*ddb.Change) }

// Pending does nothing.
func (settledHooks) Pending([]ddb.Change) {}

// Settled calls f.
func (h settledHooks) Settled(changes []ddb.Change) {
	for i := range changes {
		h.f(&changes[i])
	}
}

// TablesChanging does nothing.
func (settledHooks) TablesChanging(string, string) {}

// TablesChanged does nothing.
func (settledHooks) TablesChanged(string, string) {}

func TestExpiryGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	fs := newCrashFS()
	e, err := Open(crashConfig(fs))
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, e: e}
	h.answer(ddb.CreateTable, churnTable)
	past := time.Now().Unix() - 100
	h.answer(ddb.PutItem, fmt.Sprintf(`{"TableName":"churn","Item":{"pk":{"S":"k"},"t":{"N":"%d"}}}`, past))
	// Enabled, but stopped before the queue was filled.
	h.answer(ddb.UpdateTimeToLive, `{"TableName":"churn","TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
	files := fs.crash(0, 0)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(crashConfig(files)); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustHold(t, e)
	(&harness{t: t, e: e}).ok(ddb.Scan, `{"TableName":"churn","Select":"COUNT"}`, `{"Count":0,"ScannedCount":0}`)
}
