package facts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lastFact is the greatest number of a fact; they begin at 1.
const lastFact = 266

// fact is the test of one numbered fact, or of a part of one: several may have the same number.
type fact struct {
	number int
	// name says what is so.
	name  string
	check func(*session)
}

// groups are all facts, by what they are about.
var groups = [][]fact{
	httpFacts, encodingFacts, jsonFacts, constraintFacts, valueFacts, numberFacts, keyFacts, expressionFacts, conditionFacts,
	projectionFacts, updateFacts, legacyFacts, itemFacts, capacityFacts, queryFacts, scanFacts, batchFacts, transactionFacts,
	statementFacts, createTableFacts, tableFacts, indexFacts, streamFacts, expiryFacts, tagFacts, orderFacts,
}

// TestMain refuses to run without a server rather than to pass having tested nothing.
func TestMain(m *testing.M) {
	if os.Getenv("MILLRACE_ENDPOINT") == "" {
		fmt.Fprintln(os.Stderr, "MILLRACE_ENDPOINT is not set: give the URL of a running millrace")
		os.Exit(2)
	}
	code := m.Run()
	if err := recorded.write(os.Getenv("MILLRACE_TRANSCRIPT")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestFacts(t *testing.T) {
	parts := map[int]int{}
	for _, group := range groups {
		for _, f := range group {
			part := parts[f.number]
			parts[f.number]++
			t.Run(fmt.Sprintf("%03d %s", f.number, f.name), func(t *testing.T) {
				t.Parallel()
				f.check(newSession(t, fmt.Sprintf("Fact%03d%c.", f.number, 'a'+part)))
			})
		}
	}
}

func TestEveryFactHasATestOrAReason(t *testing.T) {
	tested := map[int]bool{}
	for _, group := range groups {
		for _, f := range group {
			if f.number < 1 || f.number > lastFact {
				t.Errorf("there is no fact %d, which %q tests", f.number, f.name)
			}
			tested[f.number] = true
		}
	}
	for number := 1; number <= lastFact; number++ {
		switch _, excused := untested[number]; {
		case !tested[number] && !excused:
			t.Errorf("fact %d has neither a test nor a reason", number)
		case tested[number] && excused:
			t.Errorf("fact %d has both a test and a reason to have none", number)
		}
	}
}

func TestReasonsAreInTheCompatibilityTable(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "COMPATIBILITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, reasons := range []map[int]string{untested, different} {
		for number, reason := range reasons {
			if row := fmt.Sprintf("| %d | %s |", number, reason); !strings.Contains(string(b), row) {
				t.Errorf("docs/COMPATIBILITY.md lacks %q", row)
			}
		}
	}
}
