package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/ddb"
)

// hookRecorder writes down what the hooks are told and what can be read meanwhile.
type hookRecorder struct {
	e *Engine

	mu      sync.Mutex
	pending []ddb.Change
	log     []string
	faults  []string
	before  *catalog
}

// Pending notes a commit that must not be visible yet.
func (r *hookRecorder) Pending(changes []ddb.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending != nil {
		r.faults = append(r.faults, "Pending while another commit is pending")
	}
	r.pending = changes
	for i := range changes {
		c := &changes[i]
		r.note("pending", c)
		r.check(c, c.Old, c.HasOld, "before the commit")
	}
}

// Settled notes a commit that must be visible.
func (r *hookRecorder) Settled(changes []ddb.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(changes) == 0 || len(r.pending) != len(changes) || &r.pending[0] != &changes[0] {
		r.faults = append(r.faults, "Settled with another slice than Pending")
	}
	r.pending = nil
	for i := range changes {
		c := &changes[i]
		r.note("settled", c)
		r.check(c, c.New, c.HasNew, "after the commit")
	}
}

// TablesChanging notes the table, and the catalog that readers have now.
func (r *hookRecorder) TablesChanging(_, table string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, "changing "+table)
	r.before = r.e.current.Load().cat
}

// TablesChanged notes the table, and that readers have another catalog since TablesChanging, which had the one before.
func (r *hookRecorder) TablesChanged(_, table string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, "changed "+table)
	if now := r.e.current.Load().cat; r.before == nil || r.before == now {
		r.faults = append(r.faults, "TablesChanging came when the change was visible, or not at all")
	}
	r.before = nil
}

// note logs a change.
func (r *hookRecorder) note(what string, c *ddb.Change) {
	r.log = append(r.log, fmt.Sprintf("%s %s %s", what, c.Table.TableName, ddb.AppendItemJSON(nil, c.Key)))
}

// check compares what a reader gets now with the image it should get. Within one batch a later request may have changed
// the item again only if it came later, and locks forbid that.
func (r *hookRecorder) check(c *ddb.Change, want ddb.Item, has bool, when string) {
	v := r.e.acquireView()
	defer v.release()
	t, notFound := v.table(c.Scope, c.Table.TableName)
	if notFound != nil {
		r.faults = append(r.faults, notFound.Error())
		return
	}
	k, _ := t.itemKey(c.Key)
	item, found, err := v.get(t, k)
	if err != nil || found != has || !ddb.EqualItems(item, want) {
		r.faults = append(r.faults, fmt.Sprintf("%s a reader got %v %v %v, want %v %v", when, item, found, err, want, has))
	}
}

// openWith opens an engine in memory with hooks.
func openWith(t testing.TB, r *hookRecorder) *harness {
	t.Helper()
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Hooks = true, r
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.e = e
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &harness{t: t, e: e}
}

func TestHooksHearOfEveryCommitBeforeAndAfterItIsVisible(t *testing.T) {
	t.Parallel()
	r := &hookRecorder{}
	h := openWith(t, r)
	h.answer(ddb.CreateTable, churnTable)
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"a"},"v":{"N":"1"}}}`)
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"a"},"v":{"N":"2"}}}`)
	// An equal image writes nothing, and so does the delete of what is not there.
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"v":{"N":"2.0"},"pk":{"S":"a"}}}`)
	h.answer(ddb.DeleteItem, `{"TableName":"churn","Key":{"pk":{"S":"b"}}}`)
	h.answer(ddb.DeleteItem, `{"TableName":"churn","Key":{"pk":{"S":"a"}}}`)
	h.answer(ddb.DeleteTable, `{"TableName":"churn"}`)
	key := `{"pk":{"S":"a"}}`
	want := []string{"changing churn", "changed churn"}
	for range 3 {
		want = append(want, "pending churn "+key, "settled churn "+key)
	}
	want = append(want, "changing churn", "changed churn")
	if fmt.Sprint(r.log) != fmt.Sprint(want) {
		t.Errorf("hooks heard\n%q\nwant\n%q", r.log, want)
	}
	for _, f := range r.faults {
		t.Error(f)
	}
}

func TestHooksHearCommitsOneByOneUnderLoad(t *testing.T) {
	t.Parallel()
	r := &hookRecorder{}
	h := openWith(t, r)
	h.answer(ddb.CreateTable, churnTable)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 50 {
				body := fmt.Sprintf(`{"TableName":"churn","Item":{"pk":{"S":"%d"},"v":{"N":"%d"}}}`, (w+i)%8, w*1000+i)
				if _, err := h.e.Do(context.Background(), ddb.NewRequest(ddb.PutItem, []byte(body))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, f := range r.faults {
		t.Error(f)
	}
	mustHold(t, h.e)
}

// heldDisk is a file system that stands still from hold on until release.
type heldDisk struct {
	*crashFS
	still         atomic.Bool
	held, release chan struct{}
}

// newHeldDisk makes one that counts the log's syncs.
func newHeldDisk() *heldDisk {
	d := &heldDisk{crashFS: newCrashFS(), held: make(chan struct{}, 1), release: make(chan struct{})}
	d.skip = -1 // counts syncs of the log, skips none
	d.before = func(int64) {
		if d.still.Load() {
			select {
			case d.held <- struct{}{}:
			default:
			}
			<-d.release
		}
	}
	return d
}

func TestManyWritersShareASync(t *testing.T) {
	t.Parallel()
	disk := newHeldDisk()
	cfg := crashConfig(disk.crashFS)
	cfg.MemTableBytes = DefaultConfig().MemTableBytes // a flush begins with a sync, for which writers wait too
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	h := &harness{t: t, e: e}
	h.answer(ddb.CreateTable, churnTable)
	v := e.acquireView()
	table, _ := v.table("", "churn")
	v.release()
	var wg sync.WaitGroup
	put := func(i int) {
		wg.Go(func() {
			body := fmt.Sprintf(`{"TableName":"churn","Item":{"pk":{"S":"%d"}}}`, i)
			if _, err := e.Do(context.Background(), ddb.NewRequest(ddb.PutItem, []byte(body))); err != nil {
				t.Error(err)
			}
		})
	}
	// applied counts the writes from..to-1 that are in the store, and waiting those that wait for the committer.
	counts := func(from, to int) (applied, waiting int) {
		for i := from; i < to; i++ {
			found, err := e.store.has(mustItemKey(t, table, fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			if found {
				applied++
			}
		}
		e.committer.mu.Lock()
		defer e.committer.mu.Unlock()
		return applied, len(e.committer.waiting)
	}
	disk.still.Store(true)
	before := disk.syncs.Load()
	put(0)
	<-disk.held
	// While one write is on its way to the disk the next is applied at once, and those behind it as soon as there are some.
	put(1)
	for applied := 0; applied < 1; {
		applied, _ = counts(1, 2)
	}
	put(2)
	applied, waiting := 0, 0
	for applied+waiting < 1 {
		applied, waiting = counts(2, 3)
	}
	if waiting != 1 {
		t.Error("a write behind two groups was applied, want it to gather others")
	}
	for i := range 39 {
		put(i + 3)
	}
	for applied+waiting < 40 || waiting >= gatherWrites {
		applied, waiting = counts(2, 42)
	}
	v = e.acquireView()
	for i := range 42 {
		if _, found, err := v.get(table, mustItemKey(t, table, fmt.Sprint(i))); found || err != nil {
			t.Errorf("item %d is seen before it is durable (%v)", i, err)
		}
	}
	v.release()
	disk.still.Store(false)
	close(disk.release)
	wg.Wait()
	// Those that were applied share the second, and those that were not the third.
	if n := disk.syncs.Load() - before; n < 2 || n > 3 {
		t.Errorf("42 writes took %d syncs, want 2 or 3", n)
	}
	mustHold(t, e)
}

// mustItemKey is the store key of the item pk of a table with that key alone.
func mustItemKey(t *testing.T, table *table, pk string) []byte {
	t.Helper()
	key, bad := table.itemKey(ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue(pk)}))
	if bad != nil {
		t.Fatal(bad)
	}
	return key
}

// blockingHooks calls f before every commit.
type blockingHooks struct{ f func() }

// Pending calls f.
func (h blockingHooks) Pending([]ddb.Change) { h.f() }

// Settled does nothing.
func (blockingHooks) Settled([]ddb.Change) {}

// TablesChanging does nothing.
func (blockingHooks) TablesChanging(string, string) {}

// TablesChanged does nothing.
func (blockingHooks) TablesChanged(string, string) {}

func TestAWriteToATableThatHasGoneIsRefusedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.answer(ddb.CreateTable, churnTable)
	v := h.e.acquireView()
	old, _ := v.table("", "churn")
	v.release()
	h.answer(ddb.DeleteTable, `{"TableName":"churn"}`)
	h.answer(ddb.CreateTable, churnTable)
	// A writer that read the first table comes late: neither table may get the item. #221
	item := ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue("x")})
	set := []mutation{{table: old, key: item, new: item, hasNew: true}}
	ready, err := prepare(h.e.store, set, newCatalog(old), h.e.store.has, true)
	if err != nil {
		t.Fatal(err)
	}
	err = h.e.committer.submit(&commitRequest{writes: writeSet{mutations: set}, ready: ready})
	if e, ok := ddb.AsError(err); !ok || e.Code != "ResourceNotFoundException" {
		t.Errorf("write to a deleted table: %v, want ResourceNotFoundException", err)
	}
	h.ok(ddb.Scan, `{"TableName":"churn","Select":"COUNT"}`, `{"Count":0,"ScannedCount":0}`)
	mustHold(t, h.e)
}

func TestAWriteIsMadeForTheTableAsItIsWhenItCommits(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.answer(ddb.CreateTable, churnTable)
	v := h.e.acquireView()
	old, _ := v.table("", "churn")
	before := v.cat
	v.release()
	h.answer(ddb.UpdateTimeToLive, `{"TableName":"churn","TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
	if err := h.e.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The writer prepared its batch before time to live was on; the item must be in the queue all the same.
	item := ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue("x")}, ddb.Attribute{Name: "t", Value: ddb.CanonicalNumber("99999999999")})
	set := []mutation{{table: old, key: item, new: item, hasNew: true}}
	ready, err := prepare(h.e.store, set, before, h.e.store.has, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.e.committer.submit(&commitRequest{writes: writeSet{mutations: set}, ready: ready}); err != nil {
		t.Fatal(err)
	}
	mustHold(t, h.e)
	v = h.e.acquireView()
	defer v.release()
	if !v.cat.byName[tableName{"", "churn"}].ttl.Filled {
		t.Error("the queue was never filled")
	}
}

func TestAViewStaysAsItIs(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.answer(ddb.CreateTable, churnTable)
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"a"},"v":{"N":"1"}}}`)
	v := h.e.acquireView()
	tab, _ := v.table("", "churn")
	h.answer(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"a"},"v":{"N":"2"}}}`)
	h.answer(ddb.DeleteTable, `{"TableName":"churn"}`)
	k, _ := tab.itemKey(ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue("a")}))
	item, found, err := v.get(tab, k)
	if n, _ := item.Get("v"); err != nil || !found || n.Num() != "1" {
		t.Errorf("an old view shows %v %v %v, want v = 1", item, found, err)
	}
	v.release()
	if v.acquire() {
		t.Error("a view that nobody holds can be acquired")
	}
}

// slowTablesHooks calls f when a table is about to be changed, which is after its group was admitted and before it is written.
type slowTablesHooks struct {
	blockingHooks
	changing func()
}

// TablesChanging calls f.
func (h slowTablesHooks) TablesChanging(string, string) { h.changing() }

// A refusal tells of what refused it. When that is another request of the same group, which is not on stable storage
// yet, the refusal waits for it too: a crash would take back what it told.
func TestARefusalWaitsForTheSyncOfWhatItTellsOf(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.answer(ddb.CreateTable, strings.Replace(churnTable, "churn", "other", 1))
	held, release := make(chan struct{}), make(chan struct{})
	changing, written := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.e.committer.hooks = slowTablesHooks{
		blockingHooks: blockingHooks{func() { once.Do(func() { close(held); <-release }) }},
		changing:      func() { close(changing); <-written },
	}
	answers := make(chan error, 2)
	send := func(op ddb.Operation, body string) error {
		_, err := h.e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
		return err
	}
	var first sync.WaitGroup
	first.Go(func() {
		if err := send(ddb.PutItem, `{"TableName":"other","Item":{"pk":{"S":"a"}}}`); err != nil {
			t.Error(err)
		}
	})
	<-held
	for range 2 {
		go func() { answers <- send(ddb.CreateTable, churnTable) }()
	}
	for waiting := 0; waiting < 2; {
		h.e.committer.mu.Lock()
		waiting = len(h.e.committer.waiting)
		h.e.committer.mu.Unlock()
	}
	close(release)
	first.Wait()
	<-changing
	select {
	case err := <-answers:
		t.Errorf("answered before the table is durable: %v", err)
		answers <- err
	case <-time.After(50 * time.Millisecond):
	}
	close(written)
	a, b := <-answers, <-answers
	if a == nil {
		a, b = b, a
	}
	if e, ok := ddb.AsError(a); b != nil || !ok || e.Code != "ResourceInUseException" {
		t.Errorf("two creations of a table are answered %v and %v, want success and ResourceInUseException", a, b)
	}
}
