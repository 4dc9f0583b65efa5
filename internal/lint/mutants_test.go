package lint

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"millrace/internal/sim/runs"
)

// The documentation has a row for each switch, which says what the switch's comment says and by how many seeds of which simulator it
// is missed. That the numbers are still true is what the simulators' own tests check.

// mostSeeds is how many seeds a simulator may need to miss a rule.
const mostSeeds = 10_000

func TestTablesOfMutantsAreComplete(t *testing.T) {
	rules := map[string]string{}
	for level, path := range ruleFiles {
		f, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for name, comment := range switches(f) {
			if level == "core" { // Its table has the number in a column of its own.
				_, comment, _ = strings.Cut(comment, ": ")
			} else {
				name = level + "." + name
			}
			rules[name] = comment
		}
	}
	for _, wrong := range judgeMutants(rules, read(t, coreDoc)) {
		t.Error(wrong)
	}
}

// judgeMutants says what is wrong with the tables of mutants in doc: a switch that has no row, or one that says something else than its
// comment; one that no simulator misses within mostSeeds; and a row of no switch.
func judgeMutants(rules map[string]string, doc string) (wrong []string) {
	says := runs.Column(doc, "what it says")
	columns := []map[string]string{runs.Column(doc, runs.OfCore), runs.Column(doc, runs.OfNodes), runs.Column(doc, runs.OfTailer)}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if says[name] != rules[name] {
			wrong = append(wrong, fmt.Sprintf("rule %s: its row says %q, its comment %q", name, says[name], rules[name]))
			continue
		}
		if !slices.ContainsFunc(columns, func(of map[string]string) bool {
			number, _, _ := strings.Cut(of[name], " ")
			n, err := strconv.Atoi(number)
			return err == nil && n > 0 && n <= mostSeeds
		}) {
			wrong = append(wrong, fmt.Sprintf("rule %s: its row has no simulator that misses it within %d seeds", name, mostSeeds))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(says)) {
		if _, ok := rules[name]; !ok {
			wrong = append(wrong, fmt.Sprintf("there is no rule %s", name))
		}
	}
	return wrong
}

// TestTablesOfMutantsAreJudged breaks each demand on small tables of its own.
func TestTablesOfMutantsAreJudged(t *testing.T) {
	const doc = "| rule | R | what it says | worlds | " + runs.OfCore + " |\n|---|---|---|---|---|\n| R1 | R1 | first | all | 3 |\n| | R8 | told | | |\n\n" +
		"| rule | what it says | " + runs.OfNodes + " | " + runs.OfTailer + " |\n|---|---|---|---|\n| guard.Old | R2: second | 26 aimed | |\n| stream.End | R3: third | – | 91 |\n\n" +
		"| rule | world | states |\n|---|---|---|\n| R7 | of no matter here | 1 |\n"
	rules := map[string]string{"R1": "first", "guard.Old": "R2: second", "stream.End": "R3: third"}
	for _, x := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"a row that is missing", "| guard.Old |", "| guard.Odd |", `rule guard.Old: its row says ""`},
		{"a row of no switch", "| guard.Old |", "| guard.Odd |", "there is no rule guard.Odd"},
		{"a row that says something else", "| first |", "| fist |", `rule R1: its row says "fist"`},
		{"no number", "| 91 |", "| |", "rule stream.End: its row has no simulator"},
		{"no number of the core", "| 3 |", "| – |", "rule R1: its row has no simulator"},
		{"nought", "| 26 aimed |", "| 0 |", "rule guard.Old: its row has no simulator"},
		{"too many", "| 91 |", "| 10001 |", "rule stream.End: its row has no simulator"},
	} {
		wrong := judgeMutants(rules, strings.Replace(doc, x.old, x.new, 1))
		switch {
		case x.want == "" && len(wrong) > 0, x.want != "" && len(wrong) == 0:
			t.Errorf("%s: %q", x.name, wrong)
		case x.want != "" && !strings.Contains(strings.Join(wrong, "\n"), x.want):
			t.Errorf("%s: %q, want %q", x.name, wrong, x.want)
		}
	}
}
