package lint

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"millrace/backend/engine"
	"millrace/ddb"
)

// read gives a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// operationRow matches a row of docs/COMPATIBILITY.md's table of operations: name and status.
var operationRow = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| ([a-z ]+) \\|")

// The two words that the table uses for an operation's status.
const (
	served    = "served"
	notServed = "not served"
)

func TestCompatibilityTellsWhatTheEngineServes(t *testing.T) {
	statuses := map[string]string{}
	for _, m := range operationRow.FindAllStringSubmatch(read(t, "docs/COMPATIBILITY.md"), -1) {
		if statuses[m[1]] != "" {
			t.Errorf("docs/COMPATIBILITY.md has two rows for %s", m[1])
		}
		statuses[m[1]] = m[2]
	}
	cfg := engine.DefaultConfig()
	cfg.InMemory = true
	e, err := engine.Open(cfg)
	if err != nil {
		t.Fatalf("open the engine: %v", err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	}()
	for op := ddb.UnknownOperation + 1; op < ddb.NumOperations; op++ {
		// An empty request is refused in some way by most operations, but as unknown only where none serves it.
		_, err := e.Do(t.Context(), ddb.NewRequest(op, []byte("{}")))
		want := served
		var refusal *ddb.Error
		if errors.As(err, &refusal) && refusal.Code == "UnknownOperationException" {
			want = notServed
		}
		if got := statuses[op.String()]; got != want {
			t.Errorf("docs/COMPATIBILITY.md says %q of %s, the engine %q", got, op, want)
		}
		delete(statuses, op.String())
	}
	for name := range statuses {
		t.Errorf("docs/COMPATIBILITY.md has a row for %s, which is no operation", name)
	}
}

// documents are the texts whose links must lead somewhere.
var documents = []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"}

// link matches a Markdown link to a file of the repository, without its anchor.
var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestLinksLeadToFiles(t *testing.T) {
	for _, path := range markdown(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, path), -1) {
			target := filepath.Join(root, filepath.Dir(filepath.FromSlash(path)), filepath.FromSlash(m[1]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}

// testNamed matches the mention of a test in running text.
var testNamed = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*)`")

func TestDocumentsNameTestsThatExist(t *testing.T) {
	var code strings.Builder
	for _, s := range sources(t) {
		if s.test {
			code.WriteString(read(t, s.path))
		}
	}
	for _, path := range markdown(t) {
		for _, m := range testNamed.FindAllStringSubmatch(read(t, path), -1) {
			if !strings.Contains(code.String(), "func "+m[1]+"(") {
				t.Errorf("%s names %s, which is no test", path, m[1])
			}
		}
	}
}

// makeTarget matches a target of the Makefile, and makeNamed the mention of one in running text.
var (
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	makeNamed  = regexp.MustCompile("`make ([a-z][a-z-]*)[^`]*`")
)

func TestDocumentsNameMakeTargetsThatExist(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, path := range markdown(t) {
		for _, m := range makeNamed.FindAllStringSubmatch(read(t, path), -1) {
			if !targets[m[1]] {
				t.Errorf("%s names make %s, which is no target", path, m[1])
			}
		}
	}
}

// markdown lists the documents' files, relative to the repository.
func markdown(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, document := range documents {
		if strings.HasSuffix(document, ".md") {
			paths = append(paths, document)
			continue
		}
		entries, err := os.ReadDir(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".md") {
				paths = append(paths, document+"/"+e.Name())
			}
		}
	}
	return paths
}
