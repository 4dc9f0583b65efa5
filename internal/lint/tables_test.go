package lint

import (
	"go/ast"
	"testing"
)

// operationTables are the tables that must say something of every operation, by file and variable.
var operationTables = map[string]string{
	"ddb/operation_facts.go":  "operationFacts",
	"invalidation/effects.go": "effects",
	"proxy/route.go":          "routes",
}

func TestTablesCoverOperations(t *testing.T) {
	names := operationNames()
	seen := 0
	for _, s := range sources(t) {
		table, ok := operationTables[s.path]
		if !ok {
			continue
		}
		seen++
		rows := rowsOf(s.file, table)
		if rows == nil {
			t.Errorf("%s has no table %s", s.path, table)
		}
		for name := range names {
			if !rows[name] {
				t.Errorf("%s: table %s has no row for %s", s.path, table, name)
			}
		}
	}
	if seen != len(operationTables) {
		t.Errorf("%d of %d tables were found", seen, len(operationTables))
	}
}

// rowsOf collects the keys of the composite literal that the package-level variable table is set to; a key may be
// qualified by its package. It is nil when there is no such variable.
func rowsOf(file *ast.File, table string) map[string]bool {
	var rows map[string]bool
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || v.Names[0].Name != table || len(v.Values) != 1 {
				continue
			}
			literal, ok := v.Values[0].(*ast.CompositeLit)
			if !ok {
				continue
			}
			rows = map[string]bool{}
			for _, element := range literal.Elts {
				pair, ok := element.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				switch key := pair.Key.(type) {
				case *ast.Ident:
					rows[key.Name] = true
				case *ast.SelectorExpr:
					rows[key.Sel.Name] = true
				}
			}
		}
	}
	return rows
}
