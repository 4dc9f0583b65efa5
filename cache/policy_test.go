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

// 2, 3: of two quick changes of a new entry the older stays. 9: readers see values older than the last change.
func TestLastOfTwoQuickWritesIsServed(t *testing.T) {
	t.Parallel()
	store := newTestStore(t, 64<<20)
	s, items := testSchema(store), store.Items()
	for i := range 2000 {
		key := fmt.Sprint(i)
		commit(store, s, key, 10)
		commit(store, s, key, 20)
		short, _ := cached(items, s, key)
		if want := len(ItemImage(testItem(key, 20), true).Bytes); short != want {
			t.Fatalf("item %d has %d bytes, want %d", i, short, want)
		}
	}
}

// 4: what was removed comes back. 7: an old version is accepted after a removal.
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

// 8: an entry that grows evicts nothing. 6: memory of expired entries is given back late.
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
