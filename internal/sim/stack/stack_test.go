package stack

import (
	"flag"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seedFlag  = flag.Int64("seed", -1, "run only this seed, with its script and trace")
	loudFlag  = flag.Bool("loud", false, "trace requests to streams too")
	seedsFlag = flag.Int("seeds", 48, "number of seeds to run")
	fromFlag  = flag.Uint64("from", 0, "the first seed")
	forFlag   = flag.Duration("for", time.Hour, "stop before a seed after this long")
)

// TestMain leaves one processor, so that goroutines that wake at different instants run one after the other.
func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

// run runs a scenario in a bubble of its own.
func run(t *testing.T, sc *Scenario, mutant Mutant, trace bool) (res *Result) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { res = Run(sc, mutant, trace) })
	return res
}

// shrink deletes operations from a failing scenario as long as it keeps failing, and returns what is left.
func shrink(t *testing.T, sc *Scenario, mutant Mutant) *Scenario {
	t.Helper()
	best := *sc
	for size := len(best.Ops) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(best.Ops); {
			try := best
			try.Ops = append(slices.Clone(best.Ops[:from]), best.Ops[from+size:]...)
			if len(run(t, &try, mutant, false).Violations) > 0 {
				best = try
			} else {
				from += size
			}
		}
	}
	return &best
}

// report runs a failing scenario again, shrunk, and prints its script and trace.
func report(t *testing.T, sc *Scenario) {
	t.Helper()
	small := shrink(t, sc, Mutant{})
	small.Loud = *loudFlag
	res := run(t, small, Mutant{}, true)
	t.Errorf("seed %d fails: %s\nshrunk from %d to %d operations:\n%s\n%s", sc.Seed, strings.Join(res.Violations, "\n"),
		len(sc.Ops), len(small.Ops), small, strings.Join(res.Trace, "\n"))
}

// floors are what this cache must answer of what an omniscient one would, in calm worlds.
var floors = []struct {
	name  string
	least float64
	share func(*Result) *Share
}{
	{"items", 0.95, func(r *Result) *Share { return &r.Items }},
	{"base queries", 0.85, func(r *Result) *Share { return &r.Base }},
	{"index queries", 0.70, func(r *Result) *Share { return &r.Index }},
}

func TestSeedsKeepTheContract(t *testing.T) {
	if *seedFlag >= 0 {
		sc := Generate(uint64(*seedFlag))
		res := run(t, sc, Mutant{}, true)
		t.Logf("%s\n%s\n%+v", sc, strings.Join(res.Trace, "\n"), res.Violations)
		if len(res.Violations) > 0 {
			report(t, sc)
		}
		return
	}
	var sum Result
	began, failed, n := time.Now(), 0, 0
	for ; n < *seedsFlag && time.Since(began) < *forFlag; n++ {
		sc := Generate(*fromFlag + uint64(n))
		res := run(t, sc, Mutant{}, false)
		if len(res.Violations) > 0 {
			report(t, sc)
			if failed++; failed == 3 {
				t.FailNow()
			}
		}
		sum.Slow += res.Slow
		sum.Judged, sum.Errors, sum.Calls = sum.Judged+res.Judged, sum.Errors+res.Errors, sum.Calls+res.Calls
		for _, f := range floors {
			to, from := f.share(&sum), f.share(res)
			to.Omniscient, to.Hits = to.Omniscient+from.Omniscient, to.Hits+from.Hits
		}
	}
	t.Logf("%d seeds from %d in %v: %d cached reads checked, %d requests failed, the backend had %d; %d nodes took the stream for slower than it was",
		n, *fromFlag, time.Since(began).Round(time.Millisecond), sum.Judged, sum.Errors, sum.Calls, sum.Slow)
	for _, f := range floors {
		s := f.share(&sum)
		got := float64(s.Hits) / float64(max(1, s.Omniscient))
		t.Logf("%s: %d hits, an omniscient cache has %d: %.3f", f.name, s.Hits, s.Omniscient, got)
		if n >= 400 && got < f.least {
			t.Errorf("%s: %.3f of an omniscient cache's hits, want at least %.2f", f.name, got, f.least)
		}
	}
}

func TestRunsRepeat(t *testing.T) {
	for seed := range uint64(4) {
		a, b := run(t, Generate(seed), Mutant{}, true), run(t, Generate(seed), Mutant{}, true)
		for i := range min(len(a.Trace), len(b.Trace)) {
			if a.Trace[i] != b.Trace[i] {
				t.Fatalf("seed %d runs differently the second time, from line %d:\n%s\n%s", seed, i, a.Trace[i], b.Trace[i])
			}
		}
		if len(a.Trace) != len(b.Trace) {
			t.Fatalf("seed %d has %d lines, and then %d", seed, len(a.Trace), len(b.Trace))
		}
	}
}

// TestSeedsThatHaveFailed runs what has found something in what it drives: a stream that was followed before its table was
// learned anew (6), outages and deletions taken for a stream's lag (35, 76), an own write to a table that was not known
// yet, and a transaction that showed an item of such a table, with eventual fills (354, 5307).
func TestSeedsThatHaveFailed(t *testing.T) {
	for _, seed := range []uint64{6, 35, 76, 354, 5307} {
		if sc := Generate(seed); len(run(t, sc, Mutant{}, false).Violations) > 0 {
			report(t, sc)
		}
	}
}
