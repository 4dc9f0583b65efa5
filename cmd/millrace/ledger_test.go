package main

import (
	"strings"
	"testing"

	"millrace/internal/admin"
)

// A loss is printed as one, in read units and in money, with what to do about it.
func TestLedgerPrintsALoss(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := printLedger(&out, admin.Ledger{NetUnits: -2.5, NetDollars: -0.00288, Tables: []admin.LedgerTable{
		{Table: "t-1", ReadsAvoided: 1, StrongFills: 3.5, StreamReads: 14400, NetUnits: -2.5, NetDollars: -0.00288, Advice: "do this"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"-2.5 read units, $-0.002880", "14400            -2.5       $-0.002880\n", "\nt-1: do this\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("printLedger = %s, want %q in it", out.String(), want)
		}
	}
}
