package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"millrace/cache/coherence"
)

// budgetPhases are ways to fill a cache that have broken bounds elsewhere: costs that grow in place, keys that are asked for
// once, sizes that shift so that memory kept for the old ones is of no use, entries larger than a segment, and pages.
var budgetPhases = []struct {
	name string
	do   func(store *Store, s *Schema, items *ItemCache, r *rand.Rand, i int)
}{
	{"small items", func(store *Store, s *Schema, items *ItemCache, r *rand.Rand, i int) {
		fill(items, s, fmt.Sprint("small", i), r.IntN(100))
	}},
	{"growing updates", func(store *Store, s *Schema, _ *ItemCache, r *rand.Rand, i int) {
		commit(store, s, fmt.Sprint("grow", r.IntN(2000)), i)
	}},
	{"large items", func(store *Store, s *Schema, items *ItemCache, r *rand.Rand, i int) {
		if i%20 == 0 {
			fill(items, s, fmt.Sprint("large", i), r.IntN(200_000))
		}
	}},
	{"one-shot keys of items that do not exist", func(store *Store, s *Schema, _ *ItemCache, r *rand.Rand, i int) {
		key := fmt.Appendf(nil, "%01000d", i)
		if read := store.core.ReadItem(store.clock(), s.Table, key, coherence.ReadOptions{}, nil); read.Outcome == coherence.Lead {
			store.core.Done(store.clock(), read.Flight, coherence.Image{Absent: true})
			store.Relieve()
		}
	}},
	{"pages", func(store *Store, s *Schema, _ *ItemCache, r *rand.Rand, i int) {
		span := coherence.Span{Partition: fmt.Appendf(nil, "%d", i%500), Lo: fmt.Appendf(nil, "%d", i)}
		read := store.core.ReadPage(store.clock(), s.Table, fmt.Appendf(nil, "page%d", i), span, coherence.ReadOptions{}, nil)
		if read.Outcome == coherence.Lead {
			store.core.DonePage(store.clock(), read.Flight, coherence.Image{Bytes: make([]byte, r.IntN(8000))}, span)
			store.Relieve()
		}
	}},
	{"items of one size", func(store *Store, s *Schema, items *ItemCache, r *rand.Rand, i int) {
		fill(items, s, fmt.Sprint("even", i), 400)
	}},
}

// TestBudgetHolds checks that what is held never exceeds the budget by more than 3 %, in one cache through all phases, that the policy
// is what keeps it, not the last resort, and that the budget is put to use.
func TestBudgetHolds(t *testing.T) {
	t.Parallel()
	const memory = 16 << 20
	store := newTestStore(t, memory)
	s, items := testSchema(store), store.Items()
	r := rand.New(rand.NewPCG(1, 1))
	for _, phase := range budgetPhases {
		most := int64(0)
		for i := range 20_000 {
			phase.do(store, s, items, r, i)
			if i%100 == 0 {
				most = max(most, store.Held())
			}
		}
		store.Relieve()
		t.Logf("%s: %.3f of the budget held at most, %.3f at the end, %d entries", phase.name, float64(most)/memory, float64(store.Held())/memory, store.core.Entries())
		if most > memory+memory*3/100 {
			t.Errorf("%s: %d bytes are held, want at most %d and 3 %%", phase.name, most, memory)
		}
	}
	if held := store.Held(); held < memory*3/4 {
		t.Errorf("%d bytes are held, want most of %d", held, memory)
	}
	left := map[string]uint64{}
	store.core.EachDeparture(func(r coherence.Reason, entries, _ uint64) { left[r.String()] = entries })
	t.Logf("left: %v", left)
	if left["shed"] > 0 {
		t.Errorf("%d entries were shed without regard to their use, %d evicted", left["shed"], left["capacity"])
	}
}

// TestArenasGiveMemoryBack checks that a cache which was full and is forgotten holds next to nothing.
func TestArenasGiveMemoryBack(t *testing.T) {
	t.Parallel()
	const memory = 16 << 20
	store := newTestStore(t, memory)
	s, items := testSchema(store), store.Items()
	for i := range 30_000 {
		fill(items, s, fmt.Sprint(i), 400)
	}
	full := store.core.Held()
	store.core.Shed(1 << 40)
	const trails = memory / 512 // what is remembered of what happened, of a fixed size
	if empty := store.core.Held(); full < memory/2 || empty > memory/32+trails {
		t.Errorf("%d bytes are held when full and %d when empty, of %d", full, empty, memory)
	}
}
