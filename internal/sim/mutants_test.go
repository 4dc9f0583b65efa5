package sim

import (
	"reflect"
	"testing"

	"millrace/cache/coherence"
)

// mutants has a row per switch of coherence.Rules: in which worlds its absence can show, and within how many of their
// seeds it must. The bounds are about four times what was measured.
var mutants = map[string]struct {
	worlds string // "authoritative", "remote", "stream" or "all"
	within int
}{
	"R1": {"remote", 100}, "R3": {"remote", 200}, "R4": {"remote", 100}, "R5": {"remote", 3000},
	"R6": {"remote", 400}, "R6q": {"remote", 3000}, "R7": {"remote", 400}, "R9": {"remote", 5000},
	"R11": {"remote", 600}, "R13": {"remote", 1500}, "R16": {"remote", 1000}, "R17": {"remote", 500},
	"R17own": {"remote", 4000}, "Retry": {"remote", 200}, "R42": {"remote", 100}, "Fills": {"remote", 100},
	"R44": {"stream", 2000}, "R45": {"authoritative", 200}, "R48": {"all", 100}, "R51": {"all", 100},
	"Epoch": {"all", 500}, "Index": {"all", 100}, "TTL": {"remote", 200}, "Bypass": {"remote", 100},
	"Hide": {"authoritative", 100}, "Born": {"authoritative", 100}, "Void": {"authoritative", 200},
	"Swap": {"authoritative", 100}, "Kill": {"authoritative", 100}, "Touch": {"authoritative", 100},
	"Cross": {"authoritative", 200}, "Count": {"authoritative", 100},
	"Prov": {"stream", 2000}, "R2": {"stream", 200}, "R12": {"stream", 100}, "R29": {"stream", 100}, "R41": {"stream", 1000}, "R43": {"stream", 100},
	"Gate": {"stream", 100}, "Late": {"stream", 100}, "Lost": {"stream", 200}, "LostQuar": {"stream", 1500}, "LostAmb": {"stream", 1000},
}

// seedOf is the n-th seed of a kind of worlds; see Generate.
func seedOf(worlds string, n int) uint64 {
	switch worlds {
	case "authoritative":
		return uint64(3 * n)
	case "remote":
		return uint64(3*n + 1)
	case "stream":
		return uint64(3*n + 2)
	}
	return uint64(n)
}

// TestMutantsAreCaught turns every rule off alone. A rule that no seed misses is not a rule, or the scripts are too tame.
func TestMutantsAreCaught(t *testing.T) {
	all := reflect.TypeFor[coherence.Rules]()
	if all.NumField() != len(mutants) {
		t.Errorf("%d rules, %d mutants", all.NumField(), len(mutants))
	}
	for i := range all.NumField() {
		name := all.Field(i).Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ok := mutants[name]
			if !ok {
				t.Fatalf("rule %s has no mutant", name)
			}
			rules := coherence.AllRules()
			reflect.ValueOf(&rules).Elem().Field(i).SetBool(false)
			for n := range m.within {
				seed := seedOf(m.worlds, n)
				if v := Run(Generate(seed), rules, false).Violations; len(v) > 0 {
					t.Logf("%s killed after %d %s seeds, by seed %d: %s", name, n+1, m.worlds, seed, v[0])
					return
				}
			}
			t.Errorf("core without rule %s survives %d %s seeds", name, m.within, m.worlds)
		})
	}
}
