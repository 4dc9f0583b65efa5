package main

import (
	"fmt"
	"io"

	"millrace/internal/admin"
)

// printLedger prints what the caches have saved and cost.
func printLedger(w io.Writer, l admin.Ledger) error {
	p := newPrinter(w)
	p.row("net", fmt.Sprintf("%.1f read units, $%.6f", l.NetUnits, l.NetDollars))
	p.row("memory", fmt.Sprintf("%.1f MiB held, $%.6f", float64(l.MemoryBytes)/(1<<20), l.MemoryDollars))
	if l.Mode == "observe" {
		o, v := l.Observed, l.Verdicts
		p.row("observed", fmt.Sprintf("%d reads would have been hits, %d would have differed, %d misses, %d are never cached", o["hit"], o["differing"], o["miss"], o["forward"]))
		p.row("not known", fmt.Sprintf("%d misses or hits: a strong read, or one for the whole item, would have filled the cache, and observing makes none", o["unfilled"]))
		p.row("of those that differ", fmt.Sprintf("%d where the backend's answer was the older, %d old within the bound, %d beyond it, %d not found out",
			v["backend_older"], v["within_bound"], v["beyond_bound"], v["unresolved"]))
	}
	if len(l.Tables) > 0 {
		p.row("")
		p.row("TABLE", "READS", "WRITES", "AVOIDED", "STRONG FILLS", "AUDITS", "STREAM REQUESTS", "NET UNITS", "NET")
		for _, t := range l.Tables {
			p.row(t.Table, t.ReadsConsumed, t.WritesConsumed, t.ReadsAvoided, t.StrongFills, t.Audits, t.StreamReads, t.NetUnits, fmt.Sprintf("$%.6f", t.NetDollars))
		}
		for _, t := range l.Tables {
			if t.Estimated {
				p.row("")
				p.row(t.Table + ": what queries and scans cost is estimated from the sizes of the items they show, for the upstream is not asked")
			}
			if t.Advice != "" {
				p.row("")
				p.row(t.Table + ": " + t.Advice)
			}
		}
	}
	return p.flush()
}
