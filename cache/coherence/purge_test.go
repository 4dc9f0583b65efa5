package coherence

import (
	"testing"

	"millrace/cache/shelf"
)

func TestPurgeItemsTakesThoseWithThePrefix(t *testing.T) {
	for _, authoritative := range []bool{false, true} {
		x := newFixture(t, TableOptions{Authoritative: authoritative})
		x.fill("a/1", "v")
		x.fill("a/2", "")
		x.fill("b/1", "v")
		// A read under way is not stored and not joined.
		f := x.lead("a/3", ReadOptions{})
		if n := x.core.PurgeItems(x.table, []byte("a/")); n != 2 {
			t.Errorf("%d entries were purged, want 2", n)
		}
		if x.core.Done(x.now, f, image("old")) {
			t.Error("a read that began before the purge was stored")
		}
		x.want("b/1", "v")
		for _, key := range []string{"a/1", "a/2", "a/3"} {
			if r := x.read(key, ReadOptions{}); r.Outcome != Lead {
				t.Errorf("%s after the purge: outcome %d, want a read of the backend", key, r.Outcome)
			}
		}
		if n := x.core.PurgeItems(x.table, nil); n != 1 {
			t.Errorf("%d entries were left, want 1", n)
		}
		var purged uint64
		x.core.EachDeparture(func(r Reason, entries, _ uint64) {
			if r == shelf.Purged {
				purged = entries
			}
		})
		if purged != 3 {
			t.Errorf("%d departures count as purged, want 3", purged)
		}
	}
}
