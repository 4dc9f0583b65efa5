package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

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
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
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

// commit writes an item through the core as an announced commit does.
func commit(store *Store, s *Schema, key string, n int) {
	k, _ := s.AppendKey(nil, ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(key)}))
	img := ItemImage(testItem(key, n), true)
	m := []coherence.Mutation{{Table: s.Table, Key: k, New: &img}}
	store.core.Pending(store.Now(), m)
	store.core.Settled(store.Now(), m)
	store.Relieve()
}

// The experiments on ristretto, numbered as they were made when it was chosen, each with the store in its place: what
// goes wrong there must not be seen here.

// 1: a Set of a new key is not visible until a buffer was worked off.
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

// 2, 3: of two quick Sets of a new key the older stays. 9: readers see values older than the last Set.
func TestLastOfTwoQuickWritesIsServed(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()
	for i := range 2000 {
		key := fmt.Sprint(i)
		commit(store, s, key, 10)
		commit(store, s, key, 20)
		short, _ := cached(items, s, key)
		store.policy.settle()
		store.evict()
		if n, ok := cached(items, s, key); ok && n != short {
			t.Fatalf("item %d has %d bytes once the policy has settled, %d before", i, n, short)
		}
		if want := len(ItemImage(testItem(key, 20), true).Bytes); short != want {
			t.Fatalf("item %d has %d bytes, want %d", i, short, want)
		}
	}
}

// 4: what was deleted comes back. 7: an old version is accepted after a Del.
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
			store.policy.settle()
		}
		if _, ok := cached(items, s, key); ok {
			t.Fatalf("item %d is served after it was removed", i)
		}
	}
}

// 5: bursts of Sets are dropped. What the policy does not know it could never evict, so it must not stay.
func TestWhatThePolicyDroppedIsNotKept(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	// The policy hears of entries that nobody has room to queue.
	const burst = 200_000
	for i := range burst {
		store.policy.Added(uint64(i)+1, 1)
	}
	store.policy.settle()
	dropped := map[uint64]bool{}
	for _, hash := range store.policy.take() {
		dropped[hash] = true
	}
	known := 0
	for i := range burst {
		if _, ok := store.policy.cache.Get(uint64(i) + 1); ok {
			known++
		}
	}
	if known+len(dropped) != burst {
		t.Errorf("%d entries known and %d given up, want %d together", known, len(dropped), burst)
	}
}

// 8: a cost that grows evicts nothing in ristretto. 6: memory of expired entries is given back late.
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

// 10: Del in a callback waits for itself, and hashes are all that ristretto compares. Many writers, fills and removals
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
	store.policy.settle()
	store.evict()
	store.policy.settle()
	limit := store.policy.cache.MaxCost()
	if got, want := limit-store.policy.cache.RemainingCost(), store.core.Bytes()+policyEntryBytes*store.core.Entries(); got != want {
		t.Errorf("the policy counts %d bytes, the core %d", got, want)
	}
}

func TestItemLargerThanTheBudgetIsNotKept(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 16<<10)
	s, items := testSchema(store), store.Items()
	fill(items, s, "big", 100<<10)
	store.policy.settle()
	store.Relieve()
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
