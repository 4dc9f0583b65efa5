package runs

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Needed is how many seeds it took to notice that a rule is off, by a table of docs/COHERENCE.md.
type Needed struct {
	Seeds int
	// Aimed counts only the worlds that are made for the rare.
	Aimed bool
}

// Within is how many seeds may be tried before a simulator that does not notice is no longer what its table says. Another draw
// may come before the one that noticed; four times as many and a few do not.
func (n Needed) Within() int { return 4*n.Seeds + 8 }

// The columns of the tables, by the simulator that they are of.
const (
	OfCore   = "seeds to the first failure"
	OfNodes  = "seeds of whole nodes"
	OfTailer = "seeds of the tailer"
)

// Documented is what the column of that name says in docs/COHERENCE.md, by rule. A rule of which it has no number is left out.
func Documented(t *testing.T, column string) map[string]Needed {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(root(t), "docs", "COHERENCE.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Needed{}
	for rule, cell := range Column(string(doc), column) {
		number, aimed := strings.CutSuffix(cell, " aimed")
		if n, err := strconv.Atoi(number); err == nil {
			out[rule] = Needed{n, aimed}
		}
	}
	return out
}

// Column is a column of the tables of rules in doc, by rule.
func Column(doc, name string) map[string]string {
	out := map[string]string{}
	at := -1
	for line := range strings.Lines(doc) {
		cells := cellsOf(line)
		switch {
		case len(cells) == 0:
			at = -1
		case cells[0] == "rule":
			at = slices.Index(cells, name)
		case at > 0 && at < len(cells) && cells[0] != "" && !strings.HasPrefix(cells[0], "---"):
			out[cells[0]] = cells[at]
		}
	}
	return out
}

// cellsOf are the cells of a table's row, none of another line.
func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// root is the directory of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = filepath.Dir(dir)
	}
}
