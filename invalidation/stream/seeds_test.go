package stream

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/internal/sim/runs"
)

// The exhaustive model knows every order of little. Seeds draw long orders of much: shards by the dozen, several losses of the
// place, throttles, records twice, a clock that is set. What they miss of the rules the model has, and the other way round.

var (
	// seeds are those that are run.
	seeds     = runs.Flags(1000)
	tableFlag = flag.Int("table", 0, "print which of so many seeds notice each rule's absence, as a table")
)

// beginnings are where the worlds of seeds begin: where those of the model do.
var beginnings = slices.Sorted(maps.Keys(scenarios))

// generate makes the world of a seed, and what draws its steps.
func generate(rules Rules, seed uint64) (*world, *rand.Rand) {
	r := rand.New(rand.NewPCG(seed, 0x7461696c6572))
	some := func(most int) int { return r.IntN(2) * r.IntN(most+1) }
	start := scenarios[beginnings[r.IntN(len(beginnings))]].start
	return start(rules, budget{
		commits: 2 + r.IntN(9), rolls: some(4), splits: some(3), expiries: some(3), trims: some(3), fillers: some(5), failures: some(3),
		refusals: some(4), repeats: some(4), clocks: some(1),
	}), r
}

// likely are how likely each kind of step is in one world: time may fly there, or answers stay on their way.
func likely(r *rand.Rand) map[string]int {
	out := map[string]int{}
	for _, kind := range []string{"tick", "commit", "show", "filler", "roll", "split", "list", "trim", "expire", "clock", "send", "answer", "fail", "refuse", "repeat"} {
		out[kind] = []int{1, 3, 9}[r.IntN(3)]
	}
	return out
}

// draw is one of the steps.
func draw(r *rand.Rand, steps []step, weights map[string]int) step {
	kind := func(s step) int {
		name, _, _ := strings.Cut(s.name, " ")
		return weights[name]
	}
	total := 0
	for _, s := range steps {
		total += kind(s)
	}
	x := r.IntN(total)
	for _, s := range steps {
		if x -= kind(s); x < 0 {
			return s
		}
	}
	panic("no step is likely")
}

// walk goes through a seed's world, and says by which steps it went and what was wrong then.
func walk(rules Rules, seed uint64) (names []string, wrong string) {
	w, r := generate(rules, seed)
	weights, length := likely(r), 20+r.IntN(120)
	for range length {
		steps := w.steps()
		if len(steps) == 0 {
			break
		}
		s := draw(r, steps, weights)
		names = append(names, s.name)
		w.order++
		if s.do(w); w.wrong != "" {
			return names, w.wrong
		}
		if r.IntN(24) == 0 {
			if wrong = w.settle(); wrong != "" {
				return names, wrong
			}
		}
	}
	return names, w.settle()
}

// replay goes through a seed's world by the steps named, as far as they can happen there.
func replay(rules Rules, seed uint64, names []string) string {
	w, _ := generate(rules, seed)
	for _, name := range names {
		steps := w.steps()
		if i := slices.IndexFunc(steps, func(s step) bool { return s.name == name }); i >= 0 {
			w.order++
			if steps[i].do(w); w.wrong != "" {
				return w.wrong
			}
		}
	}
	return w.settle()
}

// shrink leaves out steps as long as something is wrong without them.
func shrink(rules Rules, seed uint64, names []string) []string {
	for size := max(1, len(names)/2); size > 0; size /= 2 {
		for from := 0; from+size <= len(names); {
			try := append(slices.Clone(names[:from]), names[from+size:]...)
			if replay(rules, seed, try) != "" {
				names = try
			} else {
				from += size
			}
		}
	}
	return names
}

// TestSeedsKeepThePosition walks the real tailer through the worlds of seeds.
func TestSeedsKeepThePosition(t *testing.T) {
	if *seeds.One >= 0 {
		names, wrong := walk(AllRules(), uint64(*seeds.One))
		t.Logf("%s\n%s", strings.Join(names, "; "), wrong)
	}
	began, failed, steps, n := time.Now(), 0, 0, 0
	for ; n < seeds.Asked() && seeds.InTime(began) && failed < 3; n++ {
		seed := *seeds.From + uint64(n)
		names, wrong := walk(AllRules(), seed)
		if steps += len(names); wrong != "" {
			failed++
			small := shrink(AllRules(), seed, names)
			t.Errorf("seed %d: %s\nshrunk from %d steps to\n%s", seed, wrong, len(names), strings.Join(small, "\n"))
		}
	}
	t.Logf("%d seeds from %d, %d steps", n, *seeds.From, steps)
	seeds.Ran(t, n)
}

// TestTooFewSeedsFail runs seeds with less time than they take.
func TestTooFewSeedsFail(t *testing.T) { runs.FailIfTooFew(t, "TestSeedsKeepThePosition") }

// killed is how many of so many seeds notice that a rule is off, and after how many the first one does; it stops there if first is
// all that is asked for.
func killed(rules Rules, worlds int, first bool) (after, failing int) {
	for n := range worlds {
		if _, wrong := walk(rules, uint64(n)); wrong != "" {
			if failing++; after == 0 {
				after = n + 1
			}
			if first {
				break
			}
		}
	}
	return after, failing
}

// TestMutantsAreCaughtBySeeds turns every rule off alone: it must be noticed about as soon as docs/COHERENCE.md says.
func TestMutantsAreCaughtBySeeds(t *testing.T) {
	told := runs.Documented(t, runs.OfTailer)
	for name, rules := range without() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			need := told["stream."+name]
			if need.Seeds == 0 {
				t.Fatalf("docs/COHERENCE.md does not say how many seeds notice that rule %s is off", name)
			}
			if after, _ := killed(rules, need.Within(), true); after == 0 {
				t.Errorf("a tailer without rule %s survives %d seeds; docs/COHERENCE.md says that %d are enough", name, need.Within(), need.Seeds)
			}
		})
	}
}

// without are the rules but for one, by its name.
func without() map[string]Rules {
	out := map[string]Rules{}
	for i := range reflect.TypeFor[Rules]().NumField() {
		rules := AllRules()
		reflect.ValueOf(&rules).Elem().Field(i).SetBool(false)
		out[reflect.TypeFor[Rules]().Field(i).Name] = rules
	}
	return out
}

// TestPrintMutants prints, if asked to, a row for each rule: after how many seeds its absence is noticed first, and how many of
// so many notice it.
func TestPrintMutants(t *testing.T) {
	mutants := without()
	for i := range reflect.TypeFor[Rules]().NumField() {
		if *tableFlag > 0 {
			name := reflect.TypeFor[Rules]().Field(i).Name
			after, failing := killed(mutants[name], *tableFlag, false)
			if _, err := fmt.Fprintf(os.Stdout, "| stream.%s | %d | %d |\n", name, after, failing); err != nil {
				t.Error(err)
			}
		}
	}
}
