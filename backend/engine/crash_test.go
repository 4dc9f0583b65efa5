package engine

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/ddb"
)

// The properties, at any crash:
//
//	D1 the store opens
//	D2 every acknowledged write is there
//	D3 a write that was not acknowledged is there whole or not at all, and only if it was begun
//	D4 what any reader saw is still there
//	D5 readers saw, and recovery shows, states that some prefix of each writer's requests makes, never a mixture
//	D6 index entries, expiry queues and counters are what the items say
//	D7 a second crash right after takes nothing back
//	D8 the table's stream has exactly the changes that made the items what they are, each item's in their order
//	D9 what goes on in the background goes on: indexes are filled, backups written and restored with what they are to hold

// crashSeed picks one seed of the crash tests, for looking into a failure.
var crashSeed = flag.Uint64("crash-seed", 0, "run only this seed of the crash tests")

// crashRounds is how many crashes each of the crash tests goes through. CI takes far more than go test does.
var crashRounds = flag.Int("crash-rounds", 150, "crashes in each of the crash tests")

// crashWriters and crashSteps are the size of one run: so many writers with so many requests each.
const (
	crashWriters = 3
	crashSteps   = 16
)

// script is what one writer does: states[i] is the content of its partition after i requests.
type script struct {
	id     string
	steps  []step
	states []map[string]string

	// started and acked are how many requests were begun and acknowledged, seen the most that a reader saw.
	started, acked, seen atomic.Int64
}

// step is one request: for each sort key the new item, nil to delete it.
type step map[string]ddb.Item

// newScript makes up a writer. Every request writes the item "step", by which a reader can tell which state it sees.
func newScript(r *rand.Rand, id string) *script {
	s := &script{id: id, states: []map[string]string{{}}}
	for i := 1; i <= crashSteps; i++ {
		st := step{"step": s.item(r, "step", i)}
		for range r.IntN(3) {
			k := "k" + strconv.Itoa(r.IntN(4))
			if r.IntN(4) == 0 {
				st[k] = nil
			} else {
				st[k] = s.item(r, k, i)
			}
		}
		next := maps.Clone(s.states[i-1])
		for k, item := range st {
			if item == nil {
				delete(next, k)
			} else {
				next[k] = string(appendItem(nil, item, item.Size()))
			}
		}
		s.steps = append(s.steps, st)
		s.states = append(s.states, next)
	}
	return s
}

// item makes up an item of request i, in and out of the indexes, small or larger than a block.
func (s *script) item(r *rand.Rand, sort string, i int) ddb.Item {
	item := ddb.ItemOf(
		ddb.Attribute{Name: "pk", Value: ddb.StringValue(s.id)},
		ddb.Attribute{Name: "sk", Value: ddb.StringValue(sort)},
		ddb.Attribute{Name: "n", Value: ddb.CanonicalNumber(strconv.Itoa(i))},
		ddb.Attribute{Name: "pad", Value: ddb.StringValue(strings.Repeat(string(rune('a'+i)), r.IntN(50)*r.IntN(50)))},
	)
	if r.IntN(3) > 0 {
		item = item.With("g", ddb.StringValue("g"+strconv.Itoa(r.IntN(3))))
	}
	if r.IntN(3) > 0 {
		item = item.With("l", ddb.CanonicalNumber(strconv.Itoa(r.IntN(3))))
	}
	return item
}

// crashTable is the table of the crash tests: a global index of everything, one of keys, and a local one.
const crashTable = `{"TableName":"crash","BillingMode":"PAY_PER_REQUEST",
	"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"},
	"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"S"},
		{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"l","AttributeType":"N"}],
	"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],
	"LocalSecondaryIndexes":[{"IndexName":"by-l","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},
		{"AttributeName":"l","KeyType":"RANGE"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["n"]}}],
	"GlobalSecondaryIndexes":[
		{"IndexName":"by-g","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}},
		{"IndexName":"by-g-l","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],
			"Projection":{"ProjectionType":"KEYS_ONLY"}}]}`

// churnTable is made, filled with items that expire, and deleted all the time.
const churnTable = `{"TableName":"churn","BillingMode":"PAY_PER_REQUEST",
	"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"},
	"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
	"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}`

// crashConfig is an engine whose store flushes often.
func crashConfig(fs vfs.FS) Config {
	cfg := DefaultConfig()
	cfg.Dir, cfg.FS = "data", fs
	cfg.MemTableBytes = 64 << 10
	cfg.CacheBytes = 1 << 20
	cfg.SweepInterval = time.Millisecond
	cfg.Streams = crashStreams()
	return cfg
}

// crashCase is one crash: the files it left and what must, and what may, be in them.
type crashCase struct {
	op      int64
	percent int
	files   *vfs.MemFS
	// created is whether the table was acknowledged; least and most bound the state of each writer.
	created     bool
	least, most []int64
	// churnLeast and churnMost bound the number of table operations on churn, which is there after an odd number.
	churnLeast, churnMost int64
	// tendLeast and tendMost bound the number of steps done by tend.
	tendLeast, tendMost int64
	// redone is set when the backup was not complete at the crash.
	redone bool
}

// crashRun is an engine at work on a crashFS.
type crashRun struct {
	seed    uint64
	fs      *crashFS
	every   int64
	scripts []*script
	created atomic.Bool

	churnStarted, churnAcked atomic.Int64
	tendStarted, tendAcked   atomic.Int64

	mu    sync.Mutex
	cases []crashCase
}

// cut records a crash before operation op. What is acknowledged before the files are copied must be in the copy; what
// is begun before the copy is done may be.
func (r *crashRun) cut(op int64) {
	if (op+int64(r.seed))%r.every != 0 {
		return
	}
	percent := []int{0, 1 + int(r.seed*31+uint64(op))%99, 100}[(uint64(op)/uint64(r.every)+r.seed)%3]
	c := crashCase{
		op: op, percent: percent, created: r.created.Load(), churnLeast: r.churnAcked.Load(), tendLeast: r.tendAcked.Load(),
	}
	for _, s := range r.scripts {
		c.least = append(c.least, max(s.acked.Load(), s.seen.Load()))
	}
	c.files = r.fs.crash(percent, r.seed+uint64(op))
	for _, s := range r.scripts {
		c.most = append(c.most, s.started.Load())
	}
	c.churnMost, c.tendMost = r.churnStarted.Load(), r.tendStarted.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cases = append(r.cases, c)
}

// runCrashes runs writers, a reader, a maker of tables and the sweeper, cuts the files before every every-th operation,
// and checks each copy. skip is the sync to leave out, 0 for none. It returns the number of crashes and the first
// broken property.
func runCrashes(seed uint64, every, skip int64) (int, error) {
	random := rand.New(rand.NewPCG(seed, 0))
	r := &crashRun{seed: seed, fs: newCrashFS(), every: every}
	r.fs.skip = skip
	for i := range crashWriters {
		r.scripts = append(r.scripts, newScript(random, "w"+strconv.Itoa(i)))
	}
	r.fs.before = r.cut
	e, err := Open(crashConfig(r.fs))
	if err != nil {
		return 0, fmt.Errorf("open: %w", err)
	}
	if _, err := e.Do(context.Background(), ddb.NewRequest(ddb.CreateTable, []byte(crashTable))); err != nil {
		return 0, fmt.Errorf("create table: %w", err)
	}
	r.created.Store(true)
	e.stepItems = 2
	err = r.work(e)
	if closeErr := e.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close: %w", closeErr)
	}
	if err != nil {
		return 0, err
	}
	for i := range r.cases {
		if err := r.check(&r.cases[i]); err != nil {
			c := &r.cases[i]
			return len(r.cases), fmt.Errorf("seed %d, crash before operation %d, %d%% of unsynced data kept: %w", seed, c.op, c.percent, err)
		}
	}
	return len(r.cases), nil
}

// work runs all scripts to their end.
func (r *crashRun) work(e *Engine) error {
	errs := make(chan error, 2*crashWriters+3)
	var writers, others sync.WaitGroup
	for _, s := range r.scripts {
		writers.Go(func() { errs <- s.run(e) })
	}
	writers.Go(func() { errs <- r.churn(e) })
	ran := make(chan struct{})
	writers.Go(func() { errs <- r.tend(e, ran) })
	done := make(chan struct{})
	others.Go(func() { errs <- r.read(e, done) })
	ctx, cancel := context.WithCancel(context.Background())
	others.Go(func() { errs <- e.Run(ctx); close(ran) })
	writers.Wait()
	cancel()
	close(done)
	others.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// run sends one writer's requests.
func (s *script) run(e *Engine) error {
	for _, st := range s.steps {
		s.started.Add(1)
		if err := s.send(e, st); err != nil {
			return fmt.Errorf("writer %s: %w", s.id, err)
		}
		s.acked.Add(1)
	}
	return nil
}

// send writes all of a step in one request.
func (s *script) send(e *Engine, st step) error {
	v := e.acquireView()
	t, notFound := v.table("", "crash")
	v.release()
	if notFound != nil {
		return notFound
	}
	var keys []lockKey
	for sort := range st {
		k, err := t.itemKey(s.key(sort))
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	return e.write(context.Background(), "", keys, func(v *view) ([]mutation, error) {
		var ms []mutation
		for sort, item := range st {
			k, _ := t.itemKey(s.key(sort))
			old, had, err := v.get(t, k)
			if err != nil {
				return nil, err
			}
			ms = append(ms, mutation{table: t, key: s.key(sort), old: old, hadOld: had, new: item, hasNew: item != nil})
		}
		return ms, nil
	})
}

// key is the primary key of one of the writer's items.
func (s *script) key(sort string) ddb.Item {
	return ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue(s.id)}, ddb.Attribute{Name: "sk", Value: ddb.StringValue(sort)})
}

// state reads the content of the writer's partition and the number of requests that made it.
func (s *script) state(v *view, t *table) (map[string]string, int64, error) {
	prefix := t.partitionPrefix(nil, ddb.StringValue(s.id))
	got := make(map[string]string)
	n := int64(0)
	c, err := v.scan(t, nil, prefix, prefixEnd(prefix), false)
	if err != nil {
		return nil, 0, err
	}
	for c.next() {
		item, err := c.item()
		if err != nil {
			_ = c.close()
			return nil, 0, err
		}
		sort, _ := item.Get("sk")
		got[sort.Str()] = string(appendItem(nil, item, item.Size()))
		if sort.Str() == "step" {
			v, _ := item.Get("n")
			n, _ = strconv.ParseInt(v.Num(), 10, 64)
		}
	}
	return got, n, c.close()
}

// read looks at writers until done, and checks that each is in one of its states.
func (r *crashRun) read(e *Engine, done chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-done:
			return nil
		default:
		}
		s := r.scripts[i%len(r.scripts)]
		v := e.acquireView()
		t, notFound := v.table("", "crash")
		if notFound != nil {
			v.release()
			return notFound
		}
		got, n, err := s.state(v, t)
		if err == nil {
			err = s.checkLog(v, t, n)
		}
		v.release()
		if err != nil {
			return err
		}
		if !maps.Equal(got, s.states[n]) {
			return fmt.Errorf("D5: a reader saw writer %s in no state of its own at step %d", s.id, n)
		}
		s.seen.Store(max(s.seen.Load(), n))
	}
}

// churn makes and deletes a table and writes to it in between.
func (r *crashRun) churn(e *Engine) error {
	do := func(op ddb.Operation, body string) error {
		_, err := e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
		return err
	}
	for range 4 {
		r.churnStarted.Add(1)
		if err := do(ddb.CreateTable, churnTable); err != nil {
			return fmt.Errorf("create churn: %w", err)
		}
		r.churnAcked.Add(1)
		if err := do(ddb.UpdateTimeToLive, `{"TableName":"churn","TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`); err != nil {
			return fmt.Errorf("enable expiry on churn: %w", err)
		}
		past := strconv.FormatInt(time.Now().Unix()-10, 10)
		for i := range 3 {
			item := `{"TableName":"churn","Item":{"pk":{"S":"` + strconv.Itoa(i) + `"},"t":{"N":"` + past + `"}}}`
			if err := do(ddb.PutItem, item); err != nil {
				return fmt.Errorf("put in churn: %w", err)
			}
		}
		r.churnStarted.Add(1)
		if err := do(ddb.DeleteTable, `{"TableName":"churn"}`); err != nil {
			return fmt.Errorf("delete churn: %w", err)
		}
		r.churnAcked.Add(1)
	}
	return nil
}

// check opens what a crash left and checks all properties.
func (r *crashRun) check(c *crashCase) error {
	fs := wrapCrashFS(c.files)
	e, err := Open(crashConfig(fs))
	if err != nil {
		return fmt.Errorf("D1: %w", err)
	}
	states, err := r.checkOpen(e, c)
	if err == nil {
		err = c.checkTended(e)
	}
	// D7: the same again after a crash that keeps nothing which recovery did not sync.
	again := fs.crash(0, 0)
	if closeErr := e.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close: %w", closeErr)
	}
	if err != nil || c.op%4 != 0 {
		return err
	}
	e, err = Open(crashConfig(again))
	if err != nil {
		return fmt.Errorf("D7: %w", err)
	}
	defer e.Close()
	after, err := r.checkOpen(e, c)
	if err == nil {
		err = c.checkTended(e)
	}
	if err == nil && !slices.Equal(states, after) {
		err = errors.New("what was read after the first recovery is gone")
	}
	if err != nil {
		return fmt.Errorf("D7: %w", err)
	}
	return nil
}

// checkOpen checks a recovered engine and returns the state of each writer.
func (r *crashRun) checkOpen(e *Engine, c *crashCase) ([]int64, error) {
	if err := checkInvariants(e); err != nil {
		return nil, fmt.Errorf("D6: %w", err)
	}
	v := e.acquireView()
	defer v.release()
	if n := c.churnLeast; n == c.churnMost && (v.cat.byName[tableName{"", "churn"}] != nil) != (n%2 == 1) {
		return nil, fmt.Errorf("D2: after %d operations on it the table churn is not as it was acknowledged", n)
	}
	t, notFound := v.table("", "crash")
	if notFound != nil {
		if c.created {
			return nil, errors.New("D2: the table is gone")
		}
		return nil, nil
	}
	states := make([]int64, len(r.scripts))
	for i, s := range r.scripts {
		got, n, err := s.state(v, t)
		switch {
		case err != nil:
			return nil, err
		case n < c.least[i]:
			return nil, fmt.Errorf("D2/D4: writer %s is at step %d, but step %d was acknowledged or seen", s.id, n, c.least[i])
		case n > c.most[i]:
			return nil, fmt.Errorf("D3: writer %s is at step %d, but only %d were begun", s.id, n, c.most[i])
		case !maps.Equal(got, s.states[n]):
			return nil, fmt.Errorf("D3/D5: writer %s at step %d is in no state of its own", s.id, n)
		}
		if err := s.checkLog(v, t, n); err != nil {
			return nil, err
		}
		states[i] = n
	}
	return states, nil
}

// TestNothingIsLostInACrash does the seeded rounds. Each crash of a run is a round.
func TestNothingIsLostInACrash(t *testing.T) {
	t.Parallel()
	if *crashSeed != 0 {
		if _, err := runCrashes(*crashSeed, 1+int64(*crashSeed)%23, 0); err != nil {
			t.Fatal(err)
		}
		return
	}
	done := 0
	for seed := uint64(1); done < *crashRounds; seed++ {
		n, err := runCrashes(seed, 1+int64(seed)%23, 0)
		if err != nil {
			t.Fatalf("%v (rerun with -crash-seed=%d)", err, seed)
		}
		done += n
	}
	t.Logf("%d crashes", done)
}

// TestASkippedSyncIsCaught is the harness's own proof: with one sync of the log left out, a crash before the next
// operation must break a property in some run.
func TestASkippedSyncIsCaught(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 20; seed++ {
		if _, err := runCrashes(seed, 1, 5+int64(seed)); err != nil {
			if !strings.Contains(err.Error(), "D2") {
				t.Fatalf("run with a skipped sync ended in %v, want a lost write", err)
			}
			return
		}
	}
	t.Error("20 runs with a skipped sync each: none was caught")
}
