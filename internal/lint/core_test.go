package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The coherence core is small enough to be read in one go, and stays so; and who reads it can follow each rule to what it is
// for, and back.

// coreDir is the package, coreLines the most lines of code that it may have, coreDoc where its R numbers are told.
const (
	coreDir   = "cache/coherence/"
	coreLines = 1500
	coreDoc   = "docs/COHERENCE.md"
)

// TestCoreIsSmallAndCitesItsRules holds the core to it.
func TestCoreIsSmallAndCitesItsRules(t *testing.T) {
	doc, err := os.ReadFile(root + "/" + coreDoc)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, s := range sources(t) {
		if strings.HasPrefix(s.path, coreDir) && !s.test {
			text, err := os.ReadFile(root + "/" + s.path)
			if err != nil {
				t.Fatal(err)
			}
			files[s.path] = string(text)
		}
	}
	for _, wrong := range judgeCore(files, string(doc), coreLines) {
		t.Error(wrong)
	}
}

// raceNumber is how a race or rule is cited.
var raceNumber = regexp.MustCompile(`\bR[0-9]+\b`)

// judgeCore says what is wrong with a core of these files: too many lines of code; a switch of Rules that does not begin with
// its R number, or has no row in the documentation; a line that asks for a switch and does not cite its number, or a switch
// that is asked for nowhere; a number that the documentation's tables do not have.
func judgeCore(files map[string]string, doc string, most int) (wrong []string) {
	told, rows := documented(doc)
	cites := map[string]string{} // of switches
	fset := token.NewFileSet()
	parsed := map[string]*ast.File{}
	lines := 0
	for _, path := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(fset, path, files[path], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return []string{err.Error()}
		}
		parsed[path] = f
		lines += codeLines(files[path])
		for name, comment := range switches(f) {
			cite, text, ok := strings.Cut(comment, ": ")
			if !ok || raceNumber.FindString(cite) != cite || text == "" {
				wrong = append(wrong, fmt.Sprintf("rule %s: its comment %q does not begin with an R number", name, comment))
				cite = ""
			}
			if !rows[name] {
				wrong = append(wrong, fmt.Sprintf("rule %s has no row in a table of %s", name, coreDoc))
			}
			cites[name] = cite
		}
	}
	if lines > most {
		wrong = append(wrong, fmt.Sprintf("%d lines of code, %d are allowed: what is no rule belongs beside the core", lines, most))
	}
	asked := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(parsed)) {
		comments := map[int]string{} // by line
		for _, group := range parsed[path].Comments {
			for _, c := range group.List {
				line := fset.Position(c.Pos()).Line
				comments[line] += c.Text
				for _, number := range raceNumber.FindAllString(c.Text, -1) {
					if !told[number] {
						wrong = append(wrong, fmt.Sprintf("%s:%d: no table of %s has %s", path, line, coreDoc, number))
					}
				}
			}
		}
		ast.Inspect(parsed[path], func(n ast.Node) bool {
			name := askedFor(n)
			cite, ok := cites[name]
			if !ok {
				return true
			}
			asked[name] = true
			if line := fset.Position(n.End()).Line; cite != "" && !slices.Contains(raceNumber.FindAllString(comments[line], -1), cite) {
				wrong = append(wrong, fmt.Sprintf("%s:%d: asks for rule %s and does not cite %s", path, line, name, cite))
			}
			return true
		})
	}
	for _, name := range slices.Sorted(maps.Keys(cites)) {
		if !asked[name] {
			wrong = append(wrong, fmt.Sprintf("rule %s is asked for nowhere", name))
		}
	}
	return wrong
}

// codeLines counts the lines that are neither blank nor comment.
func codeLines(text string) (n int) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

// switches are the fields of type Rules and their comments.
func switches(f *ast.File) map[string]string {
	out := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Rules" {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					out[name.Name] = strings.TrimSpace(field.Comment.Text())
				}
			}
		}
		return false
	})
	return out
}

// askedFor is the field of something called rules or Rules that n reads, or "".
func askedFor(n ast.Node) string {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	switch x := s.X.(type) {
	case *ast.Ident:
		if strings.EqualFold(x.Name, "rules") {
			return s.Sel.Name
		}
	case *ast.SelectorExpr:
		if strings.EqualFold(x.Sel.Name, "rules") {
			return s.Sel.Name
		}
	}
	return ""
}

// documented are the R numbers in the rows of a text's tables, and the words that rows begin with.
func documented(doc string) (numbers, rows map[string]bool) {
	numbers, rows = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(doc) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		rows[strings.TrimSpace(first)] = true
		for _, number := range raceNumber.FindAllString(line, -1) {
			numbers[number] = true
		}
	}
	return numbers, rows
}

// TestCoreIsJudged breaks each demand on a small core of its own.
func TestCoreIsJudged(t *testing.T) {
	const (
		rules = "package core\n\n// Rules are switches.\ntype Rules struct {\n\tR1   bool // R1: first\n\tGate bool // R53: second\n}\n"
		asks  = "package core\n\n// serve cites R8.\nfunc serve(c core) bool {\n\treturn c.rules.R1 && // R1\n\t\tc.rules.Gate // R53, R1\n}\n"
		doc   = "R9 is told in no table.\n\n| rule | R |\n|---|---|\n| R1 | R1 |\n| Gate | R53 |\n| | R8 |\n"
	)
	for _, x := range []struct{ name, rules, asks, doc, want string }{
		{"nothing", rules, asks, doc, ""},
		{"a line too many", rules, asks + "\nvar x = 1\n", doc, "11 lines of code, 10 are allowed"},
		{"comments and blank lines do not count", rules, asks + "\n// x\n\n\t// y\n", doc, ""},
		{"a switch without a number", strings.Replace(rules, "R53: ", "", 1), asks, doc, `rule Gate: its comment "second" does not begin`},
		{"a switch with a promise for a number", strings.Replace(rules, "R53: ", "P3: ", 1), asks, doc, `rule Gate: its comment "P3: second" does not begin`},
		{"a line that does not cite", rules, strings.Replace(asks, "// R53, R1", "", 1), doc, "asks for rule Gate and does not cite R53"},
		{"a line that cites another", rules, strings.Replace(asks, "// R53, R1", "// R8", 1), doc, "asks for rule Gate and does not cite R53"},
		{"a line that cites a longer number", rules, strings.Replace(asks, "&& // R1", "&& // R10", 1), doc + "| | R10 |\n", "asks for rule R1 and does not cite R1"},
		{"a citation on the line before", rules, strings.Replace(asks, "\t\tc.rules.Gate // R53, R1", "\t\t// R53\n\t\tc.rules.Gate", 1), doc, "asks for rule Gate and does not cite R53"},
		{"a switch that nothing asks for", rules, strings.Replace(asks, "c.rules.Gate", "true", 1), doc, "rule Gate is asked for nowhere"},
		{"a number that is not told", rules, strings.Replace(asks, "R8", "R9", 1), doc, "core/serve.go:3: no table of docs/COHERENCE.md has R9"},
		{"a switch without a row", rules, asks, strings.Replace(doc, "| Gate | R53 |", "| | R53 |", 1), "rule Gate has no row"},
	} {
		wrong := judgeCore(map[string]string{"core/rules.go": x.rules, "core/serve.go": x.asks}, x.doc, 10)
		switch {
		case x.want == "" && len(wrong) > 0, x.want != "" && len(wrong) != 1:
			t.Errorf("%s: %q", x.name, wrong)
		case x.want != "" && !strings.Contains(wrong[0], x.want):
			t.Errorf("%s: %q, want %q", x.name, wrong[0], x.want)
		}
	}
}
