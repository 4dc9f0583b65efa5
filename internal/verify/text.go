package verify

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// line is a row in a line of progress.
func (r *Row) line() string {
	s := fmt.Sprintf("%-22s %s, %d reads, %d writes, %d samples, %s", r.Name, r.Verdict, r.Reads, r.Writes, r.Samples, round(r.Took))
	if r.Why != "" {
		s += ": " + r.Why
	}
	return s
}

// worstText is how long a write stayed unseen at worst, a dash if none did.
func (r *Row) worstText() string {
	if r.Worst <= 0 {
		return "-"
	}
	return fmt.Sprint(round(r.Worst))
}

// hitsText is a row's share of hits, as far as it is known.
func (r *Row) hitsText(known bool) string {
	switch {
	case r.Reads == 0:
		return "-"
	case !known:
		return "unknown"
	}
	return fmt.Sprintf("%.2f", r.Hits)
}

// violationsText is "0 of 1234".
func (r *Row) violationsText() string {
	if r.Reads == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", r.Violations, r.Reads+r.Swaps)
}

// unit names what violations are counted in.
func (r *Row) unit() string {
	if r.Swaps > 0 {
		return "reads and swaps"
	}
	return "reads"
}

// delayText sums up the delays.
func (r *Row) delayText() string {
	if len(r.Delays) == 0 {
		return ""
	}
	return fmt.Sprintf("unseen for %s at the median, %s at the 99th percentile, %s at most, over %d writes",
		round(quantile(r.Delays, 0.5)), round(quantile(r.Delays, 0.99)), round(r.Delays[len(r.Delays)-1]), len(r.Delays))
}

// quantile is a quantile of sorted durations, of which there is at least one.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// WriteText writes the report for a person at a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var out strings.Builder
	for _, t := range r.Targets {
		t.writeText(&out)
	}
	fmt.Fprintf(&out, "verdict: %s\n", r.Verdict)
	_, err := io.WriteString(w, out.String())
	return err
}

// writeText writes one target's table and what is behind its violations.
func (t *Target) writeText(out *strings.Builder) {
	fmt.Fprintf(out, "%s: %s", t.Name, t.Target)
	if t.Writer != "" {
		fmt.Fprintf(out, ", foreign writes by %s, seen within %s", t.Writer, t.Bound)
	}
	fmt.Fprintf(out, "\npromise: %s; %d requests in %s", t.Promise, t.Requests, round(t.Took))
	switch {
	case t.MinHits > 0:
		fmt.Fprintf(out, "; at least %.2f hits", t.MinHits)
	case !t.HitsKnown:
		out.WriteString("; whether anything was a cache hit is unknown")
	}
	out.WriteString("\n\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "row\tverdict\tviolations\tstale\tworst\thits\twrites\tsamples\twhat was asked")
	for _, r := range t.ran() {
		stale := "-"
		if r.Reads > 0 {
			stale = fmt.Sprint(r.Stale)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", r.Name, r.Verdict, r.violationsText(), stale, r.worstText(), r.hitsText(t.HitsKnown), r.Writes, r.Samples, r.Title)
	}
	_ = table.Flush() // A strings.Builder takes everything.
	fmt.Fprintf(out, "\nviolations in all rows: %s\n\n", t.totalText())
	if idle := t.idle(); idle != "" {
		fmt.Fprintf(out, "not run: %s\n\n", idle)
	}
	if t.Why != "" {
		fmt.Fprintf(out, "%s\n\n", t.Why)
	}
	for _, warning := range t.Warnings {
		fmt.Fprintf(out, "warning: %s\n\n", warning)
	}
	for _, r := range t.Rows {
		t.writeDetails(out, r)
	}
}

// writeDetails writes what a row has to say beyond its line.
func (t *Target) writeDetails(out *strings.Builder, r *Row) {
	var lines []string
	if r.Why != "" && r.Verdict != NotRun {
		lines = append(lines, r.Why)
	}
	if text := r.delayText(); text != "" && r.Delays[len(r.Delays)-1] > 0 {
		lines = append(lines, text)
	}
	if r.Repeats > 1 {
		lines = append(lines, fmt.Sprintf("a condition failed %d times running on the version just read", r.Repeats))
	}
	if r.Errors > 0 {
		lines = append(lines, fmt.Sprintf("%d requests had no usable answer", r.Errors))
	}
	for _, h := range r.Histories {
		lines = append(lines, h.Says)
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(out, "%s\n", r.Name)
	for _, line := range lines {
		fmt.Fprintf(out, "  %s\n", line)
	}
	if len(r.Histories) > 0 {
		r.Histories[0].writeText(out)
	}
	out.WriteString("\n")
}

// writeText writes a history, one operation a line.
func (h History) writeText(out *strings.Builder) {
	table := tabwriter.NewWriter(out, 4, 0, 2, ' ', 0)
	for _, op := range h.Ops {
		if op.LeftOut > 0 {
			fmt.Fprintf(table, "    ...\t\t\t%d more\t\t\t\n", op.LeftOut)
		}
		end := "never"
		if op.End != never {
			end = fmt.Sprintf("%.3f", op.End.Seconds())
		}
		fmt.Fprintf(table, "    %.3f\t%s\t%s\t%s\t%s\t%s\t%s\n", op.Start.Seconds(), end, op.Client, op.Name, op.value(), op.Cache, op.Mark)
	}
	_ = table.Flush() // A strings.Builder takes everything.
}
