package coherence

import (
	"fmt"
	"testing"
)

// TestTablesDoNotShareItems checks that equal keys of two tables are two items when all hashes collide (R51).
func TestTablesDoNotShareItems(t *testing.T) {
	c := New(Config{Shards: 1, FixedHash: 1, Memory: 1})
	store := func(table, key, text string) {
		r := c.ReadItem(1, c.Table(table), []byte(key), ReadOptions{}, nil)
		if r.Outcome != Lead || !c.Done(1, r.Flight, image(text)) {
			t.Fatalf("%s of %s was not stored", key, table)
		}
	}
	for i := range 20 {
		store("a", fmt.Sprint(i), fmt.Sprint("a", i))
		store("b", fmt.Sprint(i), fmt.Sprint("b", i))
	}
	for i := range 20 {
		for _, table := range []string{"a", "b"} {
			if got, ok := c.PeekItem(1, c.Table(table), fmt.Append(nil, i), ReadOptions{}, nil); !ok || string(got.Body) != fmt.Sprint(table, i) {
				t.Errorf("item %d of %s is %q", i, table, got.Body)
			}
		}
	}
	if n := c.PurgeItems(c.Table("a"), []byte("1")); n != 11 {
		t.Errorf("PurgeItems of a, 1… = %d, want 11", n)
	}
	if st := c.Stats(); st.Entries != 29 || st.Slots != 29 {
		t.Errorf("%d entries and %d slots are left, want 29", st.Entries, st.Slots)
	}
	c.Evict(0)
	c.Evict(1)
	if st := c.Stats(); st.Entries != 0 || st.Bytes != 0 || st.Slots != 0 {
		t.Errorf("Stats = %+v once all is evicted", st)
	}
}

// TestImageIsTheCallersAfterDone checks that the core keeps a copy.
func TestImageIsTheCallersAfterDone(t *testing.T) {
	x := newFixture(t, TableOptions{})
	img := image("value")
	x.core.Done(x.now, x.lead("k", ReadOptions{}), img)
	clear(img.Bytes)
	x.want("k", "value")
}
