package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/cache/coherence"
	"millrace/ddb"
)

// newTestStore makes a store of the given memory over an authoritative backend.
func newTestStore(t testing.TB, memory int64) *Store {
	t.Helper()
	s, err := NewStore(Config{Memory: memory, Authoritative: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testSchema is the schema of a table keyed by a string.
func testSchema(s *Store) *Schema {
	desc := &ddb.TableDescription{
		TableName: "t", TableStatus: "ACTIVE",
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: "h", AttributeType: "S"}},
		KeySchema:            ddb.KeySchema{{AttributeName: "h", KeyType: "HASH"}},
	}
	c := NewSchemaCache(s, func(context.Context, string, string) (*ddb.TableDescription, error) { return desc, nil })
	schema, err := c.Get(context.Background(), "", "t")
	if err != nil {
		panic(err)
	}
	return schema
}

// testItem is an item with a value of n bytes.
func testItem(key string, n int) ddb.Item {
	return ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(key)},
		ddb.Attribute{Name: "v", Value: ddb.StringValue(strings.Repeat("x", n))})
}

// fill caches an item by a flight, and reports whether it leads one.
func fill(items *ItemCache, s *Schema, key string, n int) bool {
	k, _ := s.AppendKey(nil, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(key)}))
	r := items.Read(s, k, Lookup{}, nil)
	if r.Outcome != coherence.Lead {
		return false
	}
	items.Done(r.Flight, testItem(key, n), true)
	return true
}

// cached reports what is served under key, and its length.
func cached(items *ItemCache, s *Schema, key string) (int, bool) {
	k, _ := s.AppendKey(nil, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(key)}))
	r := items.Read(s, k, Lookup{Alone: true}, nil)
	if r.Outcome == coherence.Lead {
		items.Fail(r.Flight, Answer{})
		return 0, false
	}
	return len(r.Body), true
}

// mutation is what a commit does to the item under key; no image is a commit that does not tell what it left.
func mutation(s *Schema, key string, img *coherence.Image) []coherence.Mutation {
	k, _ := s.AppendKey(nil, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(key)}))
	return []coherence.Mutation{{Table: s.Table, Key: k, New: img}}
}

// lead begins a backend read of an item, whatever is cached of it.
func lead(t *testing.T, items *ItemCache, s *Schema, key string) *coherence.Flight {
	t.Helper()
	r := items.Read(s, mutation(s, key, nil)[0].Key, Lookup{NoCache: true}, nil)
	if r.Outcome != coherence.Lead {
		t.Fatalf("a read that looks at no entry has outcome %d, want %d", r.Outcome, coherence.Lead)
	}
	return r.Flight
}

// imageLen is how long the image of testItem is.
func imageLen(key string, n int) int { return len(ItemImage(testItem(key, n), true).Bytes) }

// commit writes an item through the core as an announced commit does.
func commit(store *Store, s *Schema, key string, n int) {
	img := ItemImage(testItem(key, n), true)
	m := mutation(s, key, &img)
	store.core.Pending(store.Now(), m)
	store.core.Settled(store.Now(), m)
	store.Relieve()
}

// What went wrong with buffering policies when they were tried in place of the store, by the number of the experiment: none of it may
// be seen through the store, whatever the policy.

// 1: a new entry is not visible until a buffer was worked off.
func TestNewEntryIsServedAtOnce(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()
	for i := range 1000 {
		key := fmt.Sprint(i)
		fill(items, s, key, 10)
		if _, ok := cached(items, s, key); !ok {
			t.Fatalf("item %d is not served right after it was stored", i)
		}
	}
}

// 2, 3: of two quick changes of a new entry the older stays.
func TestLastOfTwoQuickWritesIsServed(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()
	for i := range 2000 {
		key := fmt.Sprint(i)
		commit(store, s, key, 10)
		commit(store, s, key, 20)
		short, _ := cached(items, s, key)
		if want := imageLen(key, 20); short != want {
			t.Fatalf("item %d has %d bytes, want %d", i, short, want)
		}
	}
}

// 9: readers see values older than the last change. While one writer commits version after version, no reader gets one that is
// older than what was acknowledged, or than what any reader had been given, when it began; one of them always asks the backend.
func TestReadersBesideAWriterSeeNothingOld(t *testing.T) {
	t.Parallel()
	const versions, key = 20000, "k"
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()
	k := mutation(s, key, nil)[0].Key
	item := func(version int64) ddb.Item {
		return ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(key)},
			ddb.Attribute{Name: "v", Value: ddb.CanonicalNumber(fmt.Sprint(version))})
	}
	// visible is the backend's version; known is the newest one that any writer or reader knows.
	var visible, known atomic.Int64
	learn := func(version int64) {
		for old := known.Load(); old < version && !known.CompareAndSwap(old, version); old = known.Load() {
		}
	}
	visible.Store(1)
	var hits, reads atomic.Int64
	read := func(l Lookup) {
		floor := known.Load()
		r := items.Read(s, k, l, nil)
		body := r.Body
		switch r.Outcome {
		case coherence.Hit:
			hits.Add(1)
		case coherence.Joined:
			a, err := callOf(r.Flight).Wait(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			body = a.Body
		case coherence.Lead:
			reads.Add(1)
			version := visible.Load()
			runtime.Gosched() // a write may settle before the answer is there
			body = items.Done(r.Flight, item(version), true).Body
		}
		version := int64(0)
		if _, err := fmt.Sscanf(string(body), `{"h":{"S":"k"},"v":{"N":"%d"}}`, &version); err != nil {
			t.Errorf("read %s: %v", body, err)
		} else if version < floor {
			t.Errorf("read version %d by outcome %d when %d was known", version, r.Outcome, floor)
		}
		learn(version)
	}
	var wg sync.WaitGroup
	for _, l := range []Lookup{{}, {}, {Alone: true}, {NoCache: true}} {
		wg.Go(func() {
			for known.Load() < versions && !t.Failed() {
				read(l)
				runtime.Gosched()
			}
		})
	}
	for version := int64(2); version <= versions && !t.Failed(); version++ {
		img := ItemImage(item(version), true)
		m := mutation(s, key, &img)
		if version%3 == 0 {
			m[0].New = nil
		}
		store.core.Pending(store.Now(), m)
		runtime.Gosched()
		visible.Store(version)
		runtime.Gosched() // some read it from the backend before it settles
		store.core.Settled(store.Now(), m)
		learn(version)
		runtime.Gosched()
	}
	wg.Wait()
	if hits.Load() == 0 || reads.Load() == 0 {
		t.Errorf("%d hits and %d backend reads, want some of both", hits.Load(), reads.Load())
	}
}

// 4: what was removed comes back, and what ends late counts as new. Of two fills and of two writes the one that began first ends
// last.
func TestWhatEndsInTheOtherOrderBringsNothingBack(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()

	first := lead(t, items, s, "k")
	commit(store, s, "k", 20)
	second := lead(t, items, s, "k")
	items.Done(second, testItem("k", 20), true)
	items.Done(first, testItem("k", 10), true)
	if n, ok := cached(items, s, "k"); !ok || n != imageLen("k", 20) {
		t.Errorf("%d bytes are served (%v) after an older fill ended after a newer one, want the newer's %d", n, ok, imageLen("k", 20))
	}

	older, newer := ItemImage(testItem("k", 30), true), ItemImage(testItem("k", 40), true)
	before, after := mutation(s, "k", &older), mutation(s, "k", &newer)
	store.core.Pending(store.Now(), before)
	store.core.Pending(store.Now(), after)
	store.core.Settled(store.Now(), after)
	store.core.Settled(store.Now(), before)
	if n, ok := cached(items, s, "k"); ok {
		t.Errorf("%d bytes are served after two writes that met, want nothing: nobody knows which was last", n)
	}
	if !fill(items, s, "k", 40) {
		t.Error("the item is not read anew after two writes that met")
	}
	if n, ok := cached(items, s, "k"); !ok || n != imageLen("k", 40) {
		t.Errorf("%d bytes are served (%v) after it was read anew, want %d", n, ok, imageLen("k", 40))
	}
}

// 7: an old version is accepted after a removal: by fills that began before it and end after it.
func TestOldVersionIsNotTakenAfterARemoval(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()
	absent := coherence.Image{Absent: true}
	f := func(how string, remove func(m []coherence.Mutation), rest bool) {
		t.Helper()
		fill(items, s, how, 10)
		old := lead(t, items, s, how)
		remove(mutation(s, how, &absent))
		items.Done(old, testItem(how, 10), true)
		if n, ok := cached(items, s, how); n != 0 || ok != rest {
			t.Errorf("%s: %d bytes are served (%v) when an old version was offered after it, want none", how, n, ok)
		}
	}
	f("purge", func(m []coherence.Mutation) { store.core.Purge(s.Table, m[0].Key) }, false)
	f("delete", func(m []coherence.Mutation) {
		store.core.Pending(store.Now(), m)
		store.core.Settled(store.Now(), m)
	}, true)
	f("untold", func(m []coherence.Mutation) {
		m[0].New = nil
		store.core.Pending(store.Now(), m)
		store.core.Settled(store.Now(), m)
	}, false)
}

// 4: what was removed comes back.
func TestRemovedEntryStaysRemoved(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()
	for i := range 2000 {
		key := fmt.Sprint(i)
		fill(items, s, key, 10)
		k, _ := s.AppendKey(nil, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(key)}))
		store.core.Purge(s.Table, k)
		if i%2 == 0 {
			store.Relieve()
		}
		if _, ok := cached(items, s, key); ok {
			t.Fatalf("item %d is served after it was removed", i)
		}
	}
}

// 5: bursts of new entries are dropped. What the policy does not know it could never evict, so after a burst beyond all room, from many
// sides, it must know exactly what is left.
func TestBurstLeavesNothingThatThePolicyDoesNotKnow(t *testing.T) {
	t.Parallel()
	const memory = 1 << 20
	store := newTestStore(t, memory)
	s, items := testSchema(store), store.Items()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5000 {
				fill(items, s, fmt.Sprint(g, " ", i), 100)
			}
		})
	}
	wg.Wait()
	store.Relieve()
	if got, want := store.policy.Entries(), store.core.Entries(); got != want {
		t.Errorf("the policy knows %d entries, the core has %d", got, want)
	}
	if b := store.Held(); b > memory+memory/64 {
		t.Errorf("%d bytes are held, want at most %d", b, memory)
	}
}

// 6: memory of expired entries is given back late. An entry is served to the end of its time to live, not a tick longer, and who
// finds it expired gives its memory back.
func TestExpiredEntriesAreNeitherServedNorHeld(t *testing.T) {
	t.Parallel()
	now := coherence.Time(time.Hour)
	store, err := NewStore(Config{
		Memory: 64 << 20, Authoritative: true, Clock: func() coherence.Time { return now },
		Tables: map[string]TableConfig{"t": {ItemTTL: 2 * time.Second, NegativeTTL: time.Second}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, items := testSchema(store), store.Items()
	const entries = 100
	bare := store.core.Bytes()
	for i := range entries {
		fill(items, s, fmt.Sprint(i), 100)
		items.Done(lead(t, items, s, fmt.Sprint("none", i)), nil, false)
	}
	count := func() (there, absent int) {
		for i := range entries {
			if _, ok := cached(items, s, fmt.Sprint(i)); ok {
				there++
			}
			if _, ok := cached(items, s, fmt.Sprint("none", i)); ok {
				absent++
			}
		}
		return there, absent
	}
	start := now
	f := func(after coherence.Time, wantThere, wantAbsent int) {
		t.Helper()
		now = start + after
		there, absent := count()
		if there != wantThere || absent != wantAbsent {
			t.Errorf("after %v %d items and %d absences are served, want %d and %d", time.Duration(after), there, absent, wantThere, wantAbsent)
		}
		if n := store.core.Entries(); n != int64(wantThere+wantAbsent) {
			t.Errorf("after %v %d entries are held, want %d", time.Duration(after), n, wantThere+wantAbsent)
		}
	}
	f(second, entries, entries)
	f(second+1, entries, 0)
	f(2*second, entries, 0)
	f(2*second+1, 0, 0)
	if b := store.core.Bytes(); b != bare {
		t.Errorf("%d bytes are held of expired entries", b-bare)
	}
}

// 8: an entry that grows evicts nothing.
func TestMemoryHoldsWhenEntriesGrow(t *testing.T) {
	t.Parallel()
	const memory = 256 << 10
	store := newTestStore(t, memory)
	s := testSchema(store)
	for n := 10; n <= 5000; n *= 2 {
		for i := range 200 {
			commit(store, s, fmt.Sprint(i), n)
			if b := store.Held(); b > memory+memory/16 {
				t.Fatalf("%d bytes are held with items of %d, want at most %d", b, n, memory)
			}
		}
	}
	if b := store.core.Bytes(); b < memory/4 {
		t.Errorf("only %d bytes are held, want most of %d", b, memory)
	}
}

// 10: a removal from within a callback waits for itself, and hashes are all that is compared. Many writers, fills and removals
// with constant evictions must go on, and the store must hold its budget and end with exact books.
func TestMemoryHoldsUnderConcurrentFillsAndWrites(t *testing.T) {
	t.Parallel()
	const memory = 512 << 10
	store := newTestStore(t, memory)
	s, items := testSchema(store), store.Items()
	var wg sync.WaitGroup
	for g := range 8 {
		rng := rand.New(rand.NewPCG(1, uint64(g)))
		wg.Go(func() {
			for range 4000 {
				key := fmt.Sprint(rng.IntN(3000))
				switch rng.IntN(4) {
				case 0:
					commit(store, s, key, rng.IntN(1500))
				default:
					fill(items, s, key, rng.IntN(1500))
				}
				// Eight may be installing at this moment, with 2 KB each.
				if b := store.Held(); b > memory+memory/16 {
					t.Errorf("%d bytes are held, want at most %d", b, memory)
					return
				}
			}
		})
	}
	wg.Wait()
	store.Relieve()
	if got, want := store.policy.Cost(), store.core.Bytes(); got != want {
		t.Errorf("the policy counts %d bytes, the core %d", got, want)
	}
	if got, want := store.policy.Entries(), store.core.Entries(); got != want {
		t.Errorf("the policy counts %d entries, the core %d", got, want)
	}
}

func TestItemLargerThanTheBudgetIsNotKept(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 16<<10)
	s, items := testSchema(store), store.Items()
	fill(items, s, "big", 100<<10)
	if _, ok := cached(items, s, "big"); ok {
		t.Error("an item larger than the budget is served")
	}
	if b := store.core.Bytes(); b > 16<<10 {
		t.Errorf("%d bytes are held", b)
	}
}

// Hot items stay when many are asked for once: the policy hears of hits.
func TestHotItemsOutliveAScan(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 1<<20)
	s, items := testSchema(store), store.Items()
	hot := func(i int) string { return fmt.Sprint("hot", i) }
	for range 50 {
		for i := range 100 {
			fill(items, s, hot(i), 500)
		}
	}
	for i := range 20000 {
		fill(items, s, fmt.Sprint("cold", i), 500)
		fill(items, s, hot(i%100), 500)
	}
	served := 0
	for i := range 100 {
		if _, ok := cached(items, s, hot(i)); ok {
			served++
		}
	}
	if served < 80 {
		t.Errorf("%d of 100 hot items are cached after a scan, want 80", served)
	}
}
