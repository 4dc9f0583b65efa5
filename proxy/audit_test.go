package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// auditRig is a rig whose every hit is audited.
func auditRig(t *testing.T, o rigOptions) (*rig, *metrics.Metrics) {
	t.Helper()
	m := metrics.New(metrics.Names{Operations: make([]string, ddb.NumOperations), Results: []string{"-"}})
	table := o.store.Tables["*"]
	table.Audit = "1"
	o.store.Metrics, o.store.Tables = m, map[string]cache.TableConfig{"*": table}
	o.config.Metrics = m
	if o.config.Audit.Budget == 0 {
		o.config.Audit.Budget = 1e6
	}
	return newRig(t, o), m
}

// earn lets the table's cache save more than it cost, without which nothing is audited before a remote backend.
func earn(m *metrics.Metrics, table string) {
	for range 1 << 15 {
		m.Ledger.Table(table).Add(metrics.ReadsAvoided, 64)
	}
}

// Whatever kind of answer is a hit, it is held against the backend, and right ones agree: an item, a part of one, an absent
// one, keys of a batch, pages of table, local and global index, a scan.
func TestAuditsAgreeWithWhatIsRight(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		r, m := auditRig(t, rigOptions{remote: remote, store: cache.Config{IndexLag: time.Nanosecond}})
		r.must(ddb.CreateTable, bookTable)
		earn(m, "books")
		for i := range 5 {
			r.putBook("ann", fmt.Sprint("b", i), "sea", 1990+i, "note")
		}
		want := uint64(0)
		for op, bodies := range map[ddb.Operation][]string{
			ddb.GetItem: {getBook("ann", "b1", ""), getBook("ann", "none", ""), getBook("ann", "b2", `,"ProjectionExpression":"note"`)},
			ddb.Query: {
				`{"TableName":"books","KeyConditionExpression":"author = :a","ExpressionAttributeValues":{":a":{"S":"ann"}},"Limit":2}`,
				`{"TableName":"books","IndexName":"by-year","KeyConditionExpression":"author = :a","ExpressionAttributeValues":{":a":{"S":"ann"}}}`,
				`{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre = :a","ExpressionAttributeValues":{":a":{"S":"sea"}}}`,
			},
			ddb.BatchGetItem: {`{"RequestItems":{"books":{"Keys":[{"author":{"S":"ann"},"title":{"S":"b3"}},{"author":{"S":"ann"},"title":{"S":"b4"}}]}}}`},
		} {
			for _, body := range bodies {
				for a, end := (answer{}), time.Now().Add(2*time.Minute); a.result != Hit && a.result != Negative; {
					if a = r.must(op, body); time.Now().After(end) {
						t.Fatalf("%v %s is never a hit", op, body)
					}
					want += uint64(a.hits)
				}
				if op != ddb.BatchGetItem {
					want++
				}
			}
		}
		r.proxy.reads.Wait()
		if got := m.Audited.Table("books").Counts(); got.Agreed != want || got.WithinBound+got.BeyondBound+got.Unresolved+got.Skipped != 0 {
			t.Errorf("remote %v: audits of %d hits are %+v, want all to agree", remote, want, got)
		}
		if units := m.Ledger.Table("books").Units(metrics.Audits); remote && units < float64(want)/2 {
			t.Errorf("%d audits cost %v read units in the ledger", want, units)
		}
	}
}

// An item that others write while nobody tells of it, and a watermark that claims everybody did: the entry outlives its
// bound, and that is found, told, and ended.
func TestAuditFindsWhatIsServedBeyondItsBound(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var mu sync.Mutex
	late := map[string]time.Duration{}
	r, m := auditRig(t, rigOptions{
		remote: true,
		store:  cache.Config{Tables: map[string]cache.TableConfig{"*": {Remote: cache.RemoteConfig{Delta: 100 * time.Millisecond}}}},
		config: Config{
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Audit: AuditConfig{
				Lag: func(*cache.Schema) time.Duration { return 50 * time.Millisecond },
				Breach: func(s *cache.Schema, d time.Duration) {
					mu.Lock()
					defer mu.Unlock()
					late[s.Name] = d
				},
			},
		},
	})
	r.must(ddb.CreateTable, hashTable)
	earn(m, "counters")
	r.store.Cover("", "counters", cache.Stream, 0)
	// It claims so for an hour ahead: nothing here hangs on when what runs.
	r.store.Advance("", "counters", r.store.Now()+coherence.Time(time.Hour))
	const get = `{"TableName":"counters","Key":{"id":{"N":"4242"}}}`
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"4242"},"v":{"S":"secret-1"}}}`)
	if a := r.bare(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"4242"},"v":{"S":"secret-2"}}}`); a.err != nil {
		t.Fatal(a.err)
	}
	if a := r.must(ddb.GetItem, get); a.result != Hit || !strings.Contains(a.body, "secret-1") {
		t.Fatalf("GetItem = %s (%v), want what is cached", a.body, a.result)
	}
	r.proxy.reads.Wait()
	if got := m.Audited.Table("counters").Counts(); got.BeyondBound != 1 || got.P99 < 100*time.Millisecond {
		t.Errorf("audits: %+v, want one beyond its bound of 150ms", got)
	}
	if a := r.must(ddb.GetItem, get); a.result == Hit || !strings.Contains(a.body, "secret-2") {
		t.Errorf("GetItem afterwards = %s (%v), want the table forgotten", a.body, a.result)
	}
	mu.Lock()
	defer mu.Unlock()
	if d := late["counters"]; d < 150*time.Millisecond {
		t.Errorf("the stream is told to be %v late, want 150ms or more", d)
	}
	for _, want := range []string{"an entry is served beyond its bound", "key_hash=", "history=", "watermark", "coverage=stream", "ago: stored by an own write]"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q: %s", want, &log)
		}
	}
	for _, never := range []string{"secret", "4242"} {
		if strings.Contains(log.String(), never) {
			t.Errorf("the log shows data: %s", &log)
		}
	}
}

// indexQuery is a page of a global index.
const indexQuery = `{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre = :a","ExpressionAttributeValues":{":a":{"S":"sea"}}}`

// A page of a global index, which is read like any client does: two answers that agree with each other and not with the page,
// a bound apart, are a breach; answers that keep changing for as long as the page lives tell nothing.
func TestAuditsOfAnIndexTakeTwoAnswers(t *testing.T) {
	t.Parallel()
	f := func(moving bool, want func(metrics.AuditCounts) bool) {
		t.Helper()
		r, m := auditRig(t, rigOptions{
			remote: true,
			store: cache.Config{
				IndexLag: time.Nanosecond, IndexWatch: time.Nanosecond,
				Tables: map[string]cache.TableConfig{"*": {IndexTTL: 4 * time.Second, Remote: cache.RemoteConfig{Delta: time.Second}}},
			},
		})
		r.must(ddb.CreateTable, bookTable)
		earn(m, "books")
		r.store.Cover("", "books", cache.Stream, 0)
		// The watermark is an hour ahead, or a page would be served for as long only as this keeps up with it.
		r.store.Advance("", "books", r.store.Now()+coherence.Time(time.Hour))
		r.putBook("ann", "b", "sea", 1990, "note")
		year := 1990
		foreign := func() {
			year++
			if a := r.bare(ddb.PutItem, `{"TableName":"books","Item":`+book("ann", "b", "sea", year, "note")+`}`); a.err != nil {
				t.Error(a.err)
			}
		}
		r.must(ddb.Query, indexQuery)
		foreign()
		if a := r.must(ddb.Query, indexQuery); a.result != Hit {
			t.Fatalf("a page of an index is a %v, want a hit", a.result)
		}
		stop := make(chan struct{})
		var done sync.WaitGroup
		if moving {
			done.Go(func() {
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
						foreign()
					case <-stop:
						return
					}
				}
			})
		}
		r.proxy.reads.Wait()
		close(stop)
		done.Wait()
		if got := m.Audited.Table("books").Counts(); !want(got) {
			t.Errorf("index moving %v: audits %+v", moving, got)
		}
	}
	f(false, func(c metrics.AuditCounts) bool { return c.BeyondBound == 1 && c.Unresolved == 0 })
	f(true, func(c metrics.AuditCounts) bool { return c.BeyondBound == 0 && c.Unresolved == 1 })
}

// deafBackend fails reads when told to.
type deafBackend struct {
	*engine.Engine
	silent atomic.Bool
}

// Do answers, or not.
func (b *deafBackend) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if b.silent.Load() {
		return nil, errors.New("no answer")
	}
	return b.Engine.Do(ctx, req)
}

// An audit that the backend does not answer finds nothing out, and blames nobody.
func TestAuditsWithoutAnAnswerAreUnresolved(t *testing.T) {
	t.Parallel()
	var backend *deafBackend
	r, m := auditRig(t, rigOptions{remote: true, wrap: func(e *engine.Engine) backendLike {
		backend = &deafBackend{Engine: e}
		return backend
	}})
	r.must(ddb.CreateTable, hashTable)
	earn(m, "counters")
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"}}}`)
	backend.silent.Store(true)
	const get = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`
	for range 3 {
		if a := r.must(ddb.GetItem, get); a.result != Hit {
			t.Fatalf("GetItem is a %v, want a hit", a.result)
		}
	}
	r.proxy.reads.Wait()
	if got := m.Audited.Table("counters").Counts(); got.Unresolved != 3 || got.BeyondBound+got.WithinBound+got.Agreed != 0 {
		t.Errorf("audits: %+v, want three unresolved", got)
	}
	if a := r.must(ddb.GetItem, get); a.result != Hit {
		t.Errorf("GetItem afterwards is a %v, want the entry kept", a.result)
	}
}

// With invalidation unconnected, the embedded engine's caches are wrong from the next write on, and the first audit says so.
func TestAuditFindsAnEmbeddedCacheThatHearsNothing(t *testing.T) {
	t.Parallel()
	r, m := auditRig(t, rigOptions{unwired: true})
	r.must(ddb.CreateTable, hashTable)
	put := func(v int) {
		r.must(ddb.PutItem, fmt.Sprintf(`{"TableName":"counters","Item":{"id":{"N":"1"},"v":{"N":"%d"}}}`, v))
	}
	put(1)
	const get = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`
	r.must(ddb.GetItem, get)
	put(2)
	r.must(ddb.GetItem, get)
	r.proxy.reads.Wait()
	if got := m.Audited.Table("counters").Counts(); got.BeyondBound != 1 {
		t.Errorf("audits: %+v, want one beyond its bound", got)
	}
	if a := r.same(ddb.GetItem, get); a.result == Hit {
		t.Errorf("GetItem afterwards is a %v, want the table forgotten", a.result)
	}
}

// Writers and readers of the embedded engine at once: every commit is announced, so no audit finds anything beyond the bound,
// which is none.
func TestAuditsOfARightCacheBlameNobody(t *testing.T) {
	t.Parallel()
	r, m := auditRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	var busy sync.WaitGroup
	for w := range 4 {
		busy.Go(func() {
			for i := range 300 {
				r.putBook("ann", fmt.Sprint("b", i%3), "sea", 1990+i%2, fmt.Sprint("note", i%2, w%2)) // values come back
				r.must(ddb.GetItem, getBook("ann", fmt.Sprint("b", (i+1)%3), ""))
				r.must(ddb.Query, `{"TableName":"books","IndexName":"genre-year","KeyConditionExpression":"genre = :a","ExpressionAttributeValues":{":a":{"S":"sea"}}}`)
				r.must(ddb.Query, `{"TableName":"books","KeyConditionExpression":"author = :a","ExpressionAttributeValues":{":a":{"S":"ann"}}}`)
			}
		})
	}
	busy.Wait()
	r.proxy.reads.Wait()
	got := m.Audited.Table("books").Counts()
	if got.BeyondBound != 0 || got.Agreed == 0 || got.WithinBound == 0 {
		t.Errorf("audits: %+v, want some that agree, some that came too late, and none beyond the bound", got)
	}
}

// What is spent never exceeds the budget by more than the reads under way.
func TestAuditsKeepToTheirBudget(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := newBudget(5, func() time.Time { return now })
	spent := 0.0
	for range 1000 {
		now = now.Add(10 * time.Millisecond)
		for range 3 {
			if b.take(1) {
				b.spend(0.5) // dearer than expected
				spent += 1.5
			}
		}
	}
	if most := 5 + 5*10.0 + 1.5; spent > most || spent < 45 {
		t.Errorf("%v units were spent in 10 s at 5 a second, want 45 to %v", spent, most)
	}
	if b.take(100); b.take(1) {
		t.Error("an overdrawn bucket gives more")
	}
	now = now.Add(time.Hour)
	if !b.take(100) {
		t.Error("a read that is dearer than a second brings is never made")
	}
}

// Before a real backend: a thousand hits, and a budget of two units a second.
func TestAuditsOverBudgetAreSkipped(t *testing.T) {
	t.Parallel()
	r, m := auditRig(t, rigOptions{remote: true, config: Config{Audit: AuditConfig{Budget: 2}}})
	r.must(ddb.CreateTable, hashTable)
	earn(m, "counters")
	const get = `{"TableName":"counters","Key":{"id":{"N":"1"}}}`
	r.must(ddb.PutItem, `{"TableName":"counters","Item":{"id":{"N":"1"}}}`)
	r.must(ddb.GetItem, get)
	start := time.Now()
	for range 1000 {
		r.must(ddb.GetItem, get)
	}
	r.proxy.reads.Wait()
	took := time.Since(start)
	got, units := m.Audited.Table("counters").Counts(), m.Ledger.Table("counters").Units(metrics.Audits)
	if most := 2 + 2*took.Seconds(); units > most || units == 0 {
		t.Errorf("audits cost %v units in %v, want above 0 and at most %v", units, took, most)
	}
	if got.Skipped == 0 || got.Agreed == 0 {
		t.Errorf("audits: %+v, want some done and most skipped", got)
	}
}
