//go:build millrace_deaf

package verify

import "testing"

// TestDeafMillraceIsFoundOut runs only in a build that never invalidates, and names the rows that must show it.
// Transactions are not cached, and what never changes never goes back.
func TestDeafMillraceIsFoundOut(t *testing.T) {
	target, err := Run(t.Context(), quick(t, startNode(t), ""))
	if err != nil {
		t.Fatal(err)
	}
	check(t, target, "own-item", "own-batch", "own-query", "own-pages", "own-local-index", "own-global-index", "own-scan", "own-insert",
		"own-strong", "own-condition", "own-transaction", "own-recreate")
}
