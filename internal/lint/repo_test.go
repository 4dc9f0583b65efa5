package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository, as seen from this package's folder, where go test runs.
const root = "../.."

// source is one parsed Go file of the module.
type source struct {
	// path is relative to the repository and uses slashes.
	path string
	fset *token.FileSet
	file *ast.File
	test bool
}

// at is the position of n for messages.
func (s source) at(n ast.Node) string {
	return s.path + ":" + strings.TrimPrefix(s.fset.Position(n.Pos()).String(), s.fset.Position(s.file.Package).Filename+":")
}

// sources parses every Go file of the module; folders with a go.mod of their own are other modules.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != root {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		all = append(all, source{filepath.ToSlash(relative), fset, file, strings.HasSuffix(path, "_test.go")})
		return nil
	})
	if err != nil {
		t.Fatalf("read the module's Go files: %v", err)
	}
	if len(all) == 0 {
		t.Fatal("the module has no Go files")
	}
	return all
}
