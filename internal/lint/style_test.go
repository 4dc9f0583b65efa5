package lint

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"millrace/ddb"
)

// tableFiles are the files that may decide by operation: the tables that have a row for each.
var tableFiles = []string{
	"ddb/operation.go", "ddb/operation_facts.go", "proxy/route.go", "invalidation/effects.go", "backend/engine/engine.go",
}

// operationNames are the identifiers of ddb.Operation's constants.
func operationNames() map[string]bool {
	names := map[string]bool{"UnknownOperation": true}
	for op := ddb.UnknownOperation + 1; op < ddb.NumOperations; op++ {
		names[op.String()] = true
	}
	return names
}

func TestNoSwitchOnOperationsOutsideTheTables(t *testing.T) {
	names := operationNames()
	for _, s := range sources(t) {
		if s.test || slices.Contains(tableFiles, s.path) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			clause, ok := n.(*ast.CaseClause)
			if !ok {
				return true
			}
			for _, e := range clause.List {
				switch e := e.(type) {
				case *ast.SelectorExpr:
					if pkg, ok := e.X.(*ast.Ident); ok && pkg.Name == "ddb" && names[e.Sel.Name] {
						t.Errorf("%s: a switch decides by operation; give a table a column instead", s.at(e))
					}
				case *ast.Ident:
					if s.file.Name.Name == "ddb" && names[e.Name] {
						t.Errorf("%s: a switch decides by operation; give a table a column instead", s.at(e))
					}
				}
			}
			return true
		})
	}
}

// testEntry matches functions that go test calls; their names say what they check.
var testEntry = regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)`)

func TestEveryTopLevelDeclarationHasAComment(t *testing.T) {
	for _, s := range sources(t) {
		sharedUntil := 0 // the last line of a function whose comment one on the next line shares
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				shares := s.fset.Position(d.Pos()).Line == sharedUntil+1
				if d.Doc != nil || shares {
					sharedUntil = s.fset.Position(d.End()).Line
				}
				if d.Doc == nil && !shares && !(s.test && testEntry.MatchString(d.Name.Name)) && !isMain(s, d) && !isSortMethod(d) {
					t.Errorf("%s: %s has no comment", s.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				if d.Tok == token.IMPORT || d.Doc != nil {
					continue
				}
				introduced := false
				for _, spec := range d.Specs {
					name, documented := specComment(spec)
					introduced = introduced || documented
					if !documented && name != "_" && !(introduced && continues(spec)) {
						t.Errorf("%s: %s has no comment", s.at(spec), name)
					}
				}
			}
		}
	}
}

// isMain tells the one function that needs no comment because the package's says it all.
func isMain(s source, d *ast.FuncDecl) bool {
	return s.file.Name.Name == "main" && d.Name.Name == "main" && d.Recv == nil
}

// isSortMethod tells the methods of sort.Interface and heap.Interface, about which there is nothing to add.
func isSortMethod(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Len", "Less", "Swap", "Push", "Pop"}, d.Name.Name)
}

// continues tells a constant that goes on with the enumeration above it.
func continues(spec ast.Spec) bool {
	v, ok := spec.(*ast.ValueSpec)
	return ok && len(v.Values) == 0 && v.Type == nil
}

// specComment gives a declared name and whether something says what it is: a comment of its own, above or behind it,
// the type of the enumeration that it begins, or the help text of a flag.
func specComment(spec ast.Spec) (name string, documented bool) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return spec.Name.Name, spec.Doc != nil || spec.Comment != nil
	case *ast.ValueSpec:
		enumeration := spec.Type != nil && len(spec.Values) == 1 && startsAtIota(spec.Values[0])
		return spec.Names[0].Name, spec.Doc != nil || spec.Comment != nil || enumeration || isFlag(spec)
	}
	return "", true
}

// startsAtIota tells whether a constant's value is made of iota.
func startsAtIota(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == "iota"
		return true
	})
	return found
}

// isFlag tells whether a variable is set to one of package flag's flags.
func isFlag(v *ast.ValueSpec) bool {
	if len(v.Values) != 1 {
		return false
	}
	call, ok := v.Values[0].(*ast.CallExpr)
	return ok && strings.HasPrefix(qualified(call.Fun), "flag.")
}

func TestEveryPackageHasAComment(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		dir := s.path[:max(0, strings.LastIndex(s.path, "/"))]
		documented[dir] = documented[dir] || s.file.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment", dir)
		}
	}
}

// vagueNames are package names that say nothing about what is in them.
var vagueNames = []string{"util", "utils", "common", "base", "misc", "types", "helpers", "options", "errors"}

func TestPackageNamesAreNouns(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains(vagueNames, s.file.Name.Name) {
			t.Errorf("%s: package %s", s.path, s.file.Name.Name)
		}
	}
}

// memos are the package-level variables that do change, with what makes that harmless.
var memos = map[string]string{
	"ddb/expr/keyform.go: keyFormsSeen": "what texts say, the same whoever reads them first",
	"ddb/shape.go: shapes":              "plans computed from Go types, the same whoever computes them first",
}

func TestNoPackageLevelMutableState(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s: an init function", s.at(f))
			}
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				if memos[s.path+": "+v.Names[0].Name] != "" {
					continue
				}
				// A variable without a value is there to be changed; so is one that starts empty. Pools hold
				// nothing but scratch memory, and go:embed fills its variable at compile time.
				if len(v.Values) == 0 && !isType(v.Type, "sync", "Pool") && !isType(v.Type, "embed", "FS") {
					t.Errorf("%s: package-level variable %s has no value", s.at(v), v.Names[0].Name)
				}
				for _, value := range v.Values {
					if call, ok := value.(*ast.CallExpr); ok {
						if f, ok := call.Fun.(*ast.Ident); ok && (f.Name == "make" || f.Name == "new") {
							t.Errorf("%s: package-level variable %s starts empty", s.at(v), v.Names[0].Name)
						}
					}
				}
			}
		}
	}
}

// isType tells whether e is the type pkg.name.
func isType(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func TestTestsNeitherSleepNorSkip(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			ast.Walk(sleepVisitor{t: t, s: s}, s.file)
		}
	}
}

// sleepVisitor looks for sleeping and skipping. Sleep is fine on the fake clock of testing/synctest, and in the body of
// a loop that polls for a state.
type sleepVisitor struct {
	t  *testing.T
	s  source
	ok bool // inside of such a place
}

// Visit implements ast.Visitor.
func (v sleepVisitor) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.ForStmt:
		v.ok = true
	case *ast.CallExpr:
		name := qualified(n.Fun)
		test := strings.SplitN(name, ".", 2)[0]
		switch {
		case name == "synctest.Test":
			v.ok = true
		case name == "time.Sleep" && !v.ok:
			v.t.Errorf("%s: a test sleeps; wait for what it waits for", v.s.at(n))
		case strings.HasPrefix(name, test+".Skip") && slices.Contains([]string{"t", "b", "f", "tb"}, test):
			v.t.Errorf("%s: a test skips itself", v.s.at(n))
		}
	}
	return v
}

// qualified is e as "x.Name" where it is that simple, else empty.
func qualified(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			return x.Name + "." + sel.Sel.Name
		}
	}
	return ""
}

// unfinished matches marks of work left for later, unless they point to an issue.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b(\(https?://|\(#)?`)

func TestNothingIsLeftForLater(t *testing.T) {
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if m := unfinished.FindStringSubmatch(c.Text); m != nil && m[2] == "" {
					t.Errorf("%s: %s without an issue", s.at(c), m[1])
				}
			}
		}
	}
}
