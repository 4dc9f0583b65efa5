package sim

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"millrace/cache/coherence"
)

// tableFlag asks for the table of mutants that docs/COHERENCE.md shows.
var tableFlag = flag.Int("table", 0, "print how many of so many seeds each mutant fails, as a table")

// mutantFlag leaves rows out.
var mutantFlag = flag.String("mutant", ".", "only rules whose names match, as ^R4")

// TestPrintMutants prints, if asked to, a row for each rule: what it says, in which worlds, the first seed that fails without
// it, and how many of so many do.
func TestPrintMutants(t *testing.T) {
	comments, only := ruleComments(t), regexp.MustCompile(*mutantFlag)
	all := reflect.TypeFor[coherence.Rules]()
	var out strings.Builder
	fmt.Fprintf(&out, "| rule | R | what it says | worlds | seeds to the first failure | failing of %d |\n|---|---|---|---|---|---|\n", *tableFlag)
	for i := range all.NumField() {
		name := all.Field(i).Name
		if !only.MatchString(name) {
			continue
		}
		if comments[name] == "" {
			t.Errorf("rule %s has no comment", name)
		}
		rules := coherence.AllRules()
		reflect.ValueOf(&rules).Elem().Field(i).SetBool(false)
		first, failing := 0, 0
		for n := range *tableFlag {
			if len(Run(Generate(seedOf(worlds[name], n)), rules, false).Violations) > 0 {
				failing++
				if first == 0 {
					first = n + 1
				}
			}
		}
		race, says, _ := strings.Cut(comments[name], ": ")
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %d | %d |\n", name, race, says, worlds[name], first, failing)
	}
	if *tableFlag > 0 {
		if _, err := os.Stdout.WriteString(out.String()); err != nil {
			t.Error(err)
		}
	}
}

// ruleComments are the comments of the rules' switches.
func ruleComments(t *testing.T) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), "../../cache/coherence/rules.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Comment != nil && len(field.Names) == 1 {
			comments[field.Names[0].Name] = strings.TrimSpace(field.Comment.Text())
		}
		return true
	})
	return comments
}
