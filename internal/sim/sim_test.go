package sim

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"millrace/cache/coherence"
)

var (
	seedFlag  = flag.Int64("seed", -1, "run only this seed, with its script and trace")
	seedsFlag = flag.Int("seeds", 500, "number of seeds to run")
)

// report runs a failing scenario again, shrunk, and prints its script and trace.
func report(t *testing.T, sc *Scenario, rules coherence.Rules) {
	t.Helper()
	small := Shrink(sc, rules)
	res := Run(small, rules, true)
	t.Errorf("seed %d fails; shrunk from %d to %d operations:\n%s\n%s",
		sc.Seed, len(sc.Ops), len(small.Ops), small, strings.Join(res.Trace, "\n"))
}

// floors are the least shares of hits over all seeds, in percent, by items and pages. The scripts are hostile: a write in
// every few reads, evictions everywhere; a core that is right because it stores nothing must still fail.
var floors = map[string][2]int{"authoritative": {20, 8}, "remote": {25, 9}, "stream": {25, 6}}

func TestSeedsKeepTheContract(t *testing.T) {
	if *seedFlag >= 0 {
		sc := Generate(uint64(*seedFlag))
		res := Run(sc, coherence.AllRules(), true)
		t.Logf("%s\n%s", sc, strings.Join(res.Trace, "\n"))
		if len(res.Violations) > 0 {
			report(t, sc, coherence.AllRules())
		}
		return
	}
	failed := 0
	sums := map[string]*Result{"authoritative": {}, "remote": {}, "stream": {}}
	for seed := range uint64(*seedsFlag) {
		sc := Generate(seed)
		res := Run(sc, coherence.AllRules(), false)
		if len(res.Violations) > 0 {
			report(t, sc, coherence.AllRules())
			if failed++; failed == 3 {
				t.FailNow()
			}
		}
		s := sums[sc.kind()]
		s.Reads, s.Hits = s.Reads+res.Reads, s.Hits+res.Hits
		s.PageReads, s.PageHits = s.PageReads+res.PageReads, s.PageHits+res.PageHits
	}
	for kind, s := range sums {
		items, pages := 100*s.Hits/max(1, s.Reads), 100*s.PageHits/max(1, s.PageReads)
		t.Logf("%s: %d of %d item reads hit (%d %%), %d of %d page reads (%d %%)",
			kind, s.Hits, s.Reads, items, s.PageHits, s.PageReads, pages)
		if want := floors[kind]; items < want[0] || pages < want[1] {
			t.Errorf("%s: hits %d %% of items and %d %% of pages, want at least %v", kind, items, pages, want)
		}
	}
}

func TestRunsRepeat(t *testing.T) {
	for seed := range uint64(50) {
		a := Run(Generate(seed), coherence.AllRules(), true)
		b := Run(Generate(seed), coherence.AllRules(), true)
		if !slices.Equal(a.Trace, b.Trace) {
			t.Fatalf("seed %d runs differently the second time", seed)
		}
	}
}

func TestShrinkKeepsTheFailure(t *testing.T) {
	rules := coherence.AllRules()
	rules.R1 = false
	for seed := uint64(1); ; seed += 3 {
		sc := Generate(seed)
		if len(Run(sc, rules, false).Violations) == 0 {
			continue
		}
		small := Shrink(sc, rules)
		if len(Run(small, rules, false).Violations) == 0 || len(small.Ops) > 6 {
			t.Errorf("seed %d shrinks from %d to %d operations:\n%s", seed, len(sc.Ops), len(small.Ops), small)
		}
		return
	}
}
