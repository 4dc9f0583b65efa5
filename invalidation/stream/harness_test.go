package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend"
	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/invalidation"
)

// rig is an engine as the upstream, written to by others than millrace, and a manager before it.
type rig struct {
	t       testing.TB
	engine  *engine.Engine
	client  backend.Backend // those who write behind millrace's back
	next    *middle
	store   *cache.Store
	guard   *invalidation.Guard
	manager *Manager
	record  *recorder
	log     *lines
	clock   *leap
}

// leap is a clock that can be moved ahead.
type leap struct {
	start time.Time
	ahead atomic.Int64
}

// now is what the clock shows.
func (c *leap) now() coherence.Time {
	return coherence.Time(time.Since(c.start)) + coherence.Time(c.ahead.Load()) + 1
}

// middle is between the guard and the engine.
type middle struct {
	backend.Backend
	// before, if set, may answer instead of the engine; after, if set, is called with each answer before it goes on.
	before atomic.Pointer[func(*ddb.Request) error]
	after  atomic.Pointer[func(*ddb.Request)]
	// spoil, if set, makes another answer of one.
	spoil atomic.Pointer[func(*ddb.Request, *ddb.Response) *ddb.Response]
}

// Do is part of backend.Backend.
func (m *middle) Do(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	if f := m.before.Load(); f != nil {
		if err := (*f)(req); err != nil {
			return nil, err
		}
	}
	resp, err := m.Backend.Do(ctx, req)
	if f := m.spoil.Load(); f != nil && err == nil {
		resp = (*f)(req, resp)
	}
	if f := m.after.Load(); f != nil {
		(*f)(req)
	}
	return resp, err
}

// recorder is the invalidator, and remembers what it is told.
type recorder struct {
	*invalidation.Invalidator
	changed chan struct{} // has a token after every call

	mu sync.Mutex

	applied   map[string]int // by value of the attribute v: the number of the call
	changes   []ddb.Change
	advances  []advance
	watermark coherence.Time
	covers    []cache.Coverage
	lost      []string
	calls     int
}

// advance is one call of Advance.
type advance struct {
	call      int
	watermark coherence.Time
}

// note makes a call known.
func (r *recorder) note(f func()) {
	r.mu.Lock()
	r.calls++
	f()
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Apply is part of sink.
func (r *recorder) Apply(changes []ddb.Change) {
	r.Invalidator.Apply(changes)
	r.note(func() {
		for i := range changes {
			r.changes = append(r.changes, changes[i])
			if v, ok := changes[i].New.Get("v"); ok {
				r.applied[v.Str()] = r.calls
			}
		}
	})
}

// Cover is part of sink.
func (r *recorder) Cover(scope, table string, c invalidation.Coverage) {
	r.Invalidator.Cover(scope, table, c)
	r.note(func() { r.covers, r.watermark = append(r.covers, c.Mode), 0 })
}

// Advance is part of sink.
func (r *recorder) Advance(scope, table string, watermark coherence.Time) {
	r.Invalidator.Advance(scope, table, watermark)
	r.note(func() { r.watermark, r.advances = watermark, append(r.advances, advance{r.calls, watermark}) })
}

// Lost is part of sink.
func (r *recorder) Lost(scope, table, why string) {
	r.Invalidator.Lost(scope, table, why)
	r.note(func() { r.lost, r.watermark = append(r.lost, why), 0 })
}

// lines are what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write is part of io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count is how often text was logged.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// options of a rig.
type options struct {
	streams engine.StreamConfig
	config  func(*Config)
	tables  cache.TableConfig
	view    string // of the stream; empty is none
	sockets bool   // the upstream is reached over TCP, by millrace and by others
}

// newRig starts everything, with a table "ttt".
func newRig(t testing.TB, o options) *rig {
	t.Helper()
	r := &rig{t: t, log: &lines{}, clock: &leap{start: time.Now()}}
	ec := engine.DefaultConfig()
	ec.InMemory = true
	if o.streams.Shards != 0 {
		ec.Streams = o.streams
	}
	var err error
	if r.engine, err = engine.Open(ec); err != nil {
		t.Fatal(err)
	}
	r.client = r.engine
	r.next = &middle{Backend: r.engine}
	if o.sockets {
		url := r.serve()
		r.next.Backend, r.client = forward(t, url), forward(t, url)
	}
	r.store, err = cache.NewStore(cache.Config{Clock: r.clock.now, Tables: map[string]cache.TableConfig{"*": o.tables}})
	if err != nil {
		t.Fatal(err)
	}
	inv := invalidation.NewInvalidator(r.store)
	r.guard = invalidation.NewGuard(r.next, inv, invalidation.GuardConfig{})
	c := ConfigFor("generic")
	c.Clock, c.Log, c.LagFloor, c.Poll, c.Idle = r.store.Now, slog.New(slog.NewTextHandler(r.log, nil)), time.Microsecond, time.Millisecond, 4*time.Millisecond
	c.Wall = func() time.Time { return time.Now().Add(r.engine.ClockOffset()) }
	c.Retry, c.RetryMax = time.Millisecond, 10*time.Millisecond
	c.Describe, c.Walk = 20*time.Millisecond, 50*time.Millisecond
	if o.config != nil {
		o.config(&c)
	}
	r.manager = New(c, r.guard, inv)
	r.record = &recorder{Invalidator: inv, changed: make(chan struct{}, 1), applied: map[string]int{}}
	r.manager.inv = r.record
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.engine.Run(ctx); err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	done.Go(func() {
		if err := r.manager.Run(ctx); err != nil {
			t.Errorf("manager: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
		if err := errors.Join(r.guard.Close(), r.engine.Close()); err != nil {
			t.Error(err)
		}
	})
	r.create("ttt", o.view)
	return r
}

// create makes a table upstream and has millrace learn it.
func (r *rig) create(table, view string) {
	r.t.Helper()
	spec := ""
	if view != "" {
		spec = fmt.Sprintf(`,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":%q}`, view)
	}
	r.upstream(ddb.CreateTable, fmt.Sprintf(`{"TableName":%q,"BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"h","AttributeType":"S"}],"KeySchema":[{"AttributeName":"h","KeyType":"HASH"}]%s}`, table, spec))
	r.learn(table)
}

// learn has millrace learn a table.
func (r *rig) learn(table string) *cache.Schema {
	r.t.Helper()
	s, err := r.guard.Schemas().Get(r.t.Context(), "", table)
	if err != nil || s == nil {
		r.t.Fatalf("schema of %q: %v, %v", table, s, err)
	}
	return s
}

// upstream does a request behind millrace's back.
func (r *rig) upstream(op ddb.Operation, body string) {
	r.t.Helper()
	if _, err := r.client.Do(context.Background(), ddb.NewRequest(op, []byte(body))); err != nil {
		r.t.Fatalf("%v %s: %v", op, body, err)
	}
}

// put is the body of a put into "ttt".
func put(h, v string) string {
	return fmt.Sprintf(`{"TableName":"ttt","Item":{"h":{"S":%q},"v":{"S":%q}}}`, h, v)
}

// foreign puts an item behind millrace's back, and returns a moment at which it was committed.
func (r *rig) foreign(h, v string) coherence.Time {
	r.t.Helper()
	r.upstream(ddb.PutItem, put(h, v))
	return r.store.Now()
}

// own puts an item through millrace.
func (r *rig) own(h, v string) {
	r.t.Helper()
	if _, err := r.guard.Do(r.t.Context(), ddb.NewRequest(ddb.PutItem, []byte(put(h, v)))); err != nil {
		r.t.Fatal(err)
	}
}

// patience bounds every wait.
const patience = 2 * time.Minute

// await waits until f holds, which is asked whenever the recorder was told something, and now and then besides.
func (r *rig) await(what string, f func() bool) {
	r.t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !f() {
		select {
		case <-r.record.changed:
		case <-again.C:
		case <-end.C:
			r.t.Fatalf("waited in vain until %s; tables %+v; lost %v", what, r.manager.Tables(), r.record.losses())
		}
	}
}

// losses are the reasons of all Losts.
func (r *recorder) losses() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lost...)
}

// has reports whether the write of v was applied.
func (r *recorder) has(v string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied[v] != 0
}

// past waits until the watermark has passed a moment.
func (r *rig) past(at coherence.Time) {
	r.t.Helper()
	r.await(fmt.Sprintf("the watermark passes %d", at), func() bool {
		r.record.mu.Lock()
		defer r.record.mu.Unlock()
		return r.record.watermark >= at
	})
}

// covered waits until the table's stream is followed and its watermark is at this moment.
func (r *rig) covered() {
	r.t.Helper()
	r.past(r.store.Now())
}

// state is the only table's state.
func (r *rig) state() TableState {
	if tables := r.manager.Tables(); len(tables) == 1 {
		return tables[0]
	}
	return TableState{}
}

// faults puts rules into force upstream.
func (r *rig) faults(rules ...engine.FaultRule) {
	r.t.Helper()
	if err := r.engine.SetFaults(engine.Faults{Rules: rules}); err != nil {
		r.t.Fatal(err)
	}
}
