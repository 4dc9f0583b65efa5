package sim

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/cache/coherence"
	"millrace/internal/sim/runs"
)

var (
	// seeds are those that are run.
	seeds     = runs.Flags(500)
	denseFlag = flag.Bool("dense", false, "crowd all worlds with readers")
)

// TestTooFewSeedsFail runs seeds with less time than they take.
func TestTooFewSeedsFail(t *testing.T) { runs.FailIfTooFew(t, "TestSeedsKeepTheContract") }

// scenario makes the scenario that the flags ask for.
func scenario(seed uint64) *Scenario {
	sc := Generate(seed)
	sc.Dense = *denseFlag
	return sc
}

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
	if *seeds.One >= 0 {
		sc := scenario(uint64(*seeds.One))
		res := Run(sc, coherence.AllRules(), true)
		t.Logf("%s\n%s", sc, strings.Join(res.Trace, "\n"))
		if len(res.Violations) > 0 {
			report(t, sc, coherence.AllRules())
		}
		return
	}
	sums := map[string]*Result{"authoritative": {}, "remote": {}, "stream": {}}
	runSeeds(t, scenario, sums)
	for kind, s := range sums {
		items, pages := 100*s.Hits/max(1, s.Reads), 100*s.PageHits/max(1, s.PageReads)
		t.Logf("%s: %d of %d item reads hit (%d %%), %d of %d page reads (%d %%)",
			kind, s.Hits, s.Reads, items, s.PageHits, s.PageReads, pages)
		if want := floors[kind]; (items < want[0] || pages < want[1]) && !*denseFlag {
			t.Errorf("%s: hits %d %% of items and %d %% of pages, want at least %v", kind, items, pages, want)
		}
	}
}

// runSeeds runs the seeds that the flags say and adds up what they did, by kind of world.
func runSeeds(t *testing.T, make func(seed uint64) *Scenario, sums map[string]*Result) {
	t.Helper()
	began, failed, judged, n := time.Now(), 0, 0, 0
	progress := func(what string) {
		took := time.Since(began)
		t.Logf("%s: %d seeds from %d, %d cached reads checked, %.0f a second, %d seeds fail",
			what, n, *seeds.From, judged, float64(judged)/took.Seconds(), failed)
	}
	for ; n < seeds.Asked() && seeds.InTime(began); n++ {
		sc := make(*seeds.From + uint64(n))
		res := Run(sc, coherence.AllRules(), false)
		if len(res.Violations) > 0 {
			report(t, sc, coherence.AllRules())
			if failed++; failed == 3 {
				t.FailNow()
			}
		}
		judged += res.Judged
		s := sums[sc.kind()]
		s.Reads, s.Hits, s.Judged = s.Reads+res.Reads, s.Hits+res.Hits, s.Judged+res.Judged
		s.PageReads, s.PageHits = s.PageReads+res.PageReads, s.PageHits+res.PageHits
		if n%20000 == 19999 {
			progress("so far")
		}
	}
	progress("all")
	seeds.Ran(t, n)
}

// TestCrowdsSeeNothingElse runs a few worlds with a reader of everything at every tick.
func TestCrowdsSeeNothingElse(t *testing.T) {
	judged := 0
	for seed := range uint64(18) {
		sc := Generate(seed)
		sc.Dense = true
		res := Run(sc, coherence.AllRules(), false)
		if len(res.Violations) > 0 {
			report(t, sc, coherence.AllRules())
		}
		judged += res.Judged
	}
	if judged < 18*1000 {
		t.Errorf("18 crowded worlds have %d hits, want many more", judged)
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

// digestFlag asks for a digest of the traces of so many seeds.
var digestFlag = flag.Int("digest", 0, "print a digest of the traces of so many seeds, for TestRunsRepeatInAnotherProcess")

// TestPrintDigest prints it.
func TestPrintDigest(t *testing.T) {
	if *digestFlag > 0 {
		t.Logf("digest %x", traces(uint64(*digestFlag)))
	}
}

// traces is a digest of the traces of so many seeds, crowds among them.
func traces(seeds uint64) []byte {
	h := sha256.New()
	for seed := range seeds {
		sc := Generate(seed)
		sc.Dense = seed%16 == 3
		for _, line := range Run(sc, coherence.AllRules(), true).Trace {
			fmt.Fprintln(h, line)
		}
	}
	return h.Sum(nil)
}

// TestRunsRepeatInAnotherProcess starts this test once more: a seed's trace is the same there.
func TestRunsRepeatInAnotherProcess(t *testing.T) {
	const seeds = 60
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), self, "-test.run", "^TestPrintDigest$", "-test.v", "-digest", strconv.Itoa(seeds)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := fmt.Sprintf("digest %x", traces(seeds)); !strings.Contains(string(out), want) {
		t.Errorf("another process prints\n%swant %s", out, want)
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
