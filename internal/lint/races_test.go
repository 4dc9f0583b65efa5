package lint

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every race that docs/COHERENCE.md numbers is answered by a switch that the simulators must miss, or there is a reason why not; and the
// list that says so is complete.

// races is how many there are.
const races = 65

// ruleFiles are the files with switches, and what they are called in the documentation's tables.
var ruleFiles = map[string]string{
	"core": "cache/coherence/rules.go", "guard": "invalidation/rules.go", "proxy": "proxy/rules.go", "stream": "invalidation/stream/rules.go",
}

// TestEveryRaceHasItsSwitches compares the list with the switches.
func TestEveryRaceHasItsSwitches(t *testing.T) {
	cites := map[string]string{}
	for level, path := range ruleFiles {
		f, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for name, comment := range switches(f) {
			cites[level+"."+name], _, _ = strings.Cut(comment, ": ")
		}
	}
	for _, wrong := range judgeRaces(cites, read(t, coreDoc), races) {
		t.Error(wrong)
	}
}

// raceRow matches a row of the list: what goes wrong, the number, and the switches or why there are none.
var raceRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| R([0-9]+) \| ([^|]+) \|$`)

// switchName is how the list names a switch.
var switchName = regexp.MustCompile(`\b(?:core|guard|proxy|stream)\.[A-Z][A-Za-z0-9]*`)

// judgeRaces says what is wrong with the list in doc: a number up to last that it lacks or has twice or out of order; a row that
// names neither a switch nor a reason; a switch that there is not; and one that is not in the row of the number that it cites. cites
// are the numbers, or promises, of all switches.
func judgeRaces(cites map[string]string, doc string, last int) (wrong []string) {
	named := map[string]string{} // by number
	next := 1
	for _, m := range raceRow.FindAllStringSubmatch(doc, -1) {
		number := "R" + m[2]
		if want := fmt.Sprintf("R%d", next); number != want {
			wrong = append(wrong, fmt.Sprintf("the list has %s where %s should be", number, want))
		}
		next++
		named[number] = m[3]
		names := switchName.FindAllString(m[3], -1)
		if len(names) == 0 && !strings.HasPrefix(m[3], "none: ") {
			wrong = append(wrong, fmt.Sprintf("%s has no switch and no reason", number))
		}
		for _, name := range names {
			if _, ok := cites[name]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s: there is no switch %s", number, name))
			}
		}
	}
	if next != last+1 {
		wrong = append(wrong, fmt.Sprintf("the list has %d rows, want %d", next-1, last))
	}
	for _, name := range slices.Sorted(maps.Keys(cites)) {
		if number := cites[name]; strings.HasPrefix(number, "R") && !slices.Contains(switchName.FindAllString(named[number], -1), name) {
			wrong = append(wrong, fmt.Sprintf("the row of %s in %s does not name its switch %s", number, coreDoc, name))
		}
	}
	return wrong
}

// TestRacesAreJudged breaks each demand on a small list of its own.
func TestRacesAreJudged(t *testing.T) {
	const doc = "| what goes wrong | R | switches |\n|---|---|---|\n| this | R1 | core.R1, guard.Old |\n| that | R2 | none: it cannot |\n| it | R3 | proxy.Last |\n" +
		"| R1 | R1 | a row of another table | 7 |\n"
	cites := map[string]string{"core.R1": "R1", "guard.Old": "R1", "proxy.Last": "R3", "guard.Settle": "P1"}
	for _, x := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"a row that is missing", "| it | R3 | proxy.Last |\n", "", "the list has 2 rows"},
		{"a row in the wrong place", "R2", "R4", "has R4 where R2 should be"},
		{"no reason", "none: it cannot", "none", "R2 has no switch and no reason"},
		{"a switch that there is not", "guard.Old", "guard.Old, guard.Odd", "R1: there is no switch guard.Odd"},
		{"a switch that is not named", ", guard.Old", "", "the row of R1 in docs/COHERENCE.md does not name its switch guard.Old"},
		{"a switch at another number", "none: it cannot", "guard.Old", ""},
	} {
		wrong := judgeRaces(cites, strings.Replace(doc, x.old, x.new, 1), 3)
		switch {
		case x.want == "" && len(wrong) > 0, x.want != "" && len(wrong) == 0:
			t.Errorf("%s: %q", x.name, wrong)
		case x.want != "" && !strings.Contains(strings.Join(wrong, "\n"), x.want):
			t.Errorf("%s: %q, want %q", x.name, wrong, x.want)
		}
	}
}
