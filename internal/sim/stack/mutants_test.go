package stack

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"millrace/cache/coherence"
	"millrace/internal/sim/runs"
	"millrace/invalidation"
	"millrace/invalidation/stream"
	"millrace/proxy"
)

var (
	tableFlag  = flag.Int("table", 0, "print which of so many seeds kills each mutant first, as a table")
	mutantFlag = flag.String("mutant", "", "only this rule, as guard.Settle")
)

// mutants calls fn with every rule of the guard, the proxy and the stream reader switched off alone.
func mutants(fn func(name string, m Mutant)) {
	for _, level := range []struct {
		name string
		all  func(m *Mutant) reflect.Value
	}{
		{"guard", func(m *Mutant) reflect.Value {
			m.Guard = invalidation.AllRules()
			return reflect.ValueOf(&m.Guard).Elem()
		}},
		{"proxy", func(m *Mutant) reflect.Value { m.Proxy = proxy.AllRules(); return reflect.ValueOf(&m.Proxy).Elem() }},
		{"stream", func(m *Mutant) reflect.Value { m.Stream = stream.AllRules(); return reflect.ValueOf(&m.Stream).Elem() }},
		{"core", func(m *Mutant) reflect.Value { m.Core = coherence.AllRules(); return reflect.ValueOf(&m.Core).Elem() }},
	} {
		var m Mutant
		for i := range level.all(&m).NumField() {
			var m Mutant
			v := level.all(&m)
			v.Field(i).SetBool(false)
			fn(level.name+"."+v.Type().Field(i).Name, m)
		}
	}
}

// aimFlag has mutants meet only the worlds that are aimed.
var aimFlag = flag.Bool("aimed", false, "mutants meet only every eighth world, which is made for the rare")

// killed is the number of seeds that it takes to notice a mutant, 0 if so many do not, and what was noticed.
func killed(t *testing.T, m Mutant, from uint64, worlds int, aimed bool) (int, string) {
	t.Helper()
	for n := range worlds {
		seed := from + uint64(n)
		if aimed {
			seed = from + 8*uint64(n) + 5
		}
		if v := run(t, Generate(seed), m, false).Violations; len(v) > 0 {
			_, what, _ := strings.Cut(v[0], ": ")
			what, _, _ = strings.Cut(what, ":")
			return n + 1, what
		}
	}
	return 0, ""
}

// TestPrintMutants prints, if asked to, a row for each rule: how many seeds it takes to notice that it is off, and by what.
func TestPrintMutants(t *testing.T) {
	if *tableFlag == 0 {
		return
	}
	began := time.Now()
	mutants(func(name string, m Mutant) {
		if !strings.HasPrefix(name, *mutantFlag) {
			return
		}
		if !seeds.InTime(began) {
			t.Errorf("no time is left for rule %s", name)
			return
		}
		n, what := killed(t, m, *seeds.From, *tableFlag, *aimFlag)
		if _, err := fmt.Fprintf(os.Stdout, "| %s | %d | %s |\n", name, n, what); err != nil {
			t.Error(err)
		}
	})
}

// noticedFlag says which rows of the documentation's table are gone through.
var noticedFlag = flag.Int("noticed", 9, "turn off every rule of which docs/COHERENCE.md says that so many seeds notice")

// TestMutantsAreCaught turns off, alone, every rule that is noticed soon by docs/COHERENCE.md. A simulator that lets such a mutant
// live judges less than its table says.
func TestMutantsAreCaught(t *testing.T) {
	told, tried := runs.Documented(t, runs.OfNodes), 0
	told["core.Weak"] = runs.Needed{Seeds: 3}
	mutants(func(name string, m Mutant) {
		need := told[name]
		if need.Seeds == 0 || need.Seeds > *noticedFlag {
			return
		}
		tried++
		after, by := killed(t, m, 0, need.Within(), need.Aimed)
		if after == 0 {
			t.Errorf("whole nodes without rule %s survive %d seeds; docs/COHERENCE.md says that %d are enough", name, need.Within(), need.Seeds)
		}
		t.Logf("%s: %d seeds by %s, %d documented", name, after, by, need.Seeds)
	})
	if tried < 10 {
		t.Errorf("%d rules are documented as noticed within %d seeds, want many more", tried, *noticedFlag)
	}
}

// In half of the worlds that are made for an index's lag a page is read when it must show a write and does not.
func TestMutantsAreCaughtWhereAimed(t *testing.T) {
	mutants(func(rule string, m Mutant) {
		if rule == "guard.Shown" {
			if after, _ := killed(t, m, 0, 16, true); after == 0 {
				t.Errorf("without rule %s 16 worlds that are made for the rare pass", rule)
			}
		}
	})
}
