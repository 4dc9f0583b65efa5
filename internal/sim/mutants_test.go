package sim

import (
	"reflect"
	"testing"

	"millrace/cache/coherence"
	"millrace/internal/sim/runs"
)

// worlds are, for each switch of coherence.Rules, the worlds in which its absence can show: "authoritative", "remote", "stream", or
// "all". Within how many of their seeds it must is what docs/COHERENCE.md says of it.
var worlds = map[string]string{
	"R1": "remote", "R3": "remote", "R4": "remote", "R5": "remote", "R6": "remote", "R6q": "remote", "R7": "remote", "R9": "remote",
	"R11": "remote", "R13": "remote", "R16": "remote", "R17": "remote", "R17own": "remote", "R42": "remote",
	"Fills": "remote", "TTL": "remote", "Bypass": "remote", "Weak": "remote",
	"R44": "stream", "Prov": "stream", "R2": "stream", "R12": "stream", "R29": "stream", "R41": "stream", "R43": "stream", "Watch": "stream",
	"Gate": "stream", "Late": "stream", "Lost": "stream", "LostQuar": "stream", "LostAmb": "stream",
	"R45": "authoritative", "Hide": "authoritative", "Born": "authoritative", "Void": "authoritative", "Swap": "authoritative",
	"Kill": "authoritative", "Touch": "authoritative", "Cross": "authoritative", "Count": "authoritative",
	"R48": "all", "R51": "all", "Epoch": "all", "Index": "all",
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

// TestMutantsAreCaught turns every rule off alone. A rule that no seed misses is not a rule, or the scripts are too tame; and one
// that takes many more seeds than the documentation says has made its table untrue.
func TestMutantsAreCaught(t *testing.T) {
	all, told := reflect.TypeFor[coherence.Rules](), runs.Documented(t, runs.OfCore)
	if all.NumField() != len(worlds) {
		t.Errorf("%d rules, worlds of %d", all.NumField(), len(worlds))
	}
	for i := range all.NumField() {
		name := all.Field(i).Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, need := worlds[name], told[name]
			if kind == "" || need.Seeds == 0 {
				t.Fatalf("rule %s: worlds %q, and docs/COHERENCE.md says that %d seeds are needed", name, kind, need.Seeds)
			}
			rules := coherence.AllRules()
			reflect.ValueOf(&rules).Elem().Field(i).SetBool(false)
			for n := range need.Within() {
				seed := seedOf(kind, n)
				if v := Run(Generate(seed), rules, false).Violations; len(v) > 0 {
					t.Logf("%s killed after %d %s seeds, by seed %d: %s", name, n+1, kind, seed, v[0])
					return
				}
			}
			t.Errorf("core without rule %s survives %d %s seeds; docs/COHERENCE.md says that %d are enough", name, need.Within(), kind, need.Seeds)
		})
	}
}
