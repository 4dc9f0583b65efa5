package loadtest

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// row is one figure of each target, side by side.
type row struct {
	name string
	cell func(t *TargetReport) string
}

// fromUS is a number of microseconds for people.
func fromUS(v float64) string { return text(time.Duration(v * 1e3)) }

// rows are the lines of the table.
var rows = []row{
	{"requests due", func(t *TargetReport) string { return fmt.Sprint(t.Counts.Due) }},
	{"a second, due", func(t *TargetReport) string { return fmt.Sprintf("%.1f", t.OfferedRate) }},
	{"a second, answered", func(t *TargetReport) string { return fmt.Sprintf("%.1f", t.AchievedRate) }},
	{"refused", func(t *TargetReport) string { return fmt.Sprint(t.Counts.Refused) }},
	{"timed out, broken", func(t *TargetReport) string {
		return fmt.Sprintf("%d, %d", t.Counts.TimedOut, t.Counts.Broken)
	}},
	{"dropped", func(t *TargetReport) string { return fmt.Sprint(t.Counts.Dropped) }},
	{"sent 1 ms late or more", func(t *TargetReport) string { return share(t.Counts.Late, t.Counts.Due) }},
	{"waited for a connection", func(t *TargetReport) string { return share(t.Counts.Queued, t.Counts.Due) }},
	{"cache hits", func(t *TargetReport) string {
		if t.HitShare == nil {
			return "-"
		}
		return percent(*t.HitShare)
	}},
	{"", nil},
	{"latency p50", func(t *TargetReport) string { return fromUS(t.Corrected.P50) }},
	{"        p90", func(t *TargetReport) string { return fromUS(t.Corrected.P90) }},
	{"        p99", func(t *TargetReport) string { return fromUS(t.Corrected.P99) }},
	{"        p99.9", func(t *TargetReport) string { return fromUS(t.Corrected.P999) }},
	{"        p99.99", func(t *TargetReport) string { return fromUS(t.Corrected.P9999) }},
	{"        max", func(t *TargetReport) string { return fromUS(t.Corrected.Max) }},
	{"        mean", func(t *TargetReport) string { return fromUS(t.Corrected.Mean) }},
	{"uncorrected p50", func(t *TargetReport) string { return fromUS(t.Uncorrected.P50) }},
	{"            p99", func(t *TargetReport) string { return fromUS(t.Uncorrected.P99) }},
	{"            p99.9", func(t *TargetReport) string { return fromUS(t.Uncorrected.P999) }},
	{"client's own lag p99", func(t *TargetReport) string { return fromUS(t.OwnLag.P99) }},
}

// share is a part of a whole for people.
func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d (%.2f %%)", n, 100*float64(n)/float64(of))
}

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) {
	s := &r.Settings
	fmt.Fprintf(w, "\n%s%s\n", s.Workload, about(s.About))
	rate := fmt.Sprintf("%s arrivals at %s/s", s.Arrivals, three(s.Rate))
	if s.Goals != "" {
		rate = "the highest rate with " + s.Goals
	}
	fmt.Fprintf(w, "%s · %s client · %d connections a target · %d items · seed %d\n", rate, s.Mode, s.Connections, s.Items, s.Seed)
	if s.Goals != "" {
		fmt.Fprint(w, "each try ")
	}
	fmt.Fprintf(w, "measured %v s after %v s of warm-up", rounded(s.DurationS), rounded(s.WarmupS))
	if s.SliceS > 0 {
		fmt.Fprintf(w, ", targets in turns of %v s", s.SliceS)
	}
	fmt.Fprintf(w, " · %s, %d cores, %s\n", r.Machine.CPU, r.Machine.Cores, r.Go)
	if r.Cut != "" {
		fmt.Fprintf(w, "CUT SHORT: %s; what follows is what was measured until then\n", r.Cut)
	}
	r.writeRows(w)
	r.writeKinds(w)
	r.writeSearch(w)
	r.writeNotes(w)
}

// rounded is v to a tenth.
func rounded(v float64) float64 { return math.Round(v*10) / 10 }

// about is a sentence in parentheses, if there is one.
func about(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// writeRows writes the targets side by side; what is not the first is also given as a multiple of it.
func (r *Report) writeRows(w io.Writer) {
	const wide = 18
	fmt.Fprintf(w, "\n%-25s", "")
	for i := range r.Targets {
		fmt.Fprintf(w, "%*s", wide, r.Targets[i].Name)
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		if row.cell == nil {
			fmt.Fprintln(w)
			continue
		}
		fmt.Fprintf(w, "%-25s", row.name)
		for i := range r.Targets {
			fmt.Fprintf(w, "%*s", wide, row.cell(&r.Targets[i]))
		}
		fmt.Fprintln(w)
	}
	for i := 1; i < len(r.Targets); i++ {
		a, b := &r.Targets[0].Corrected, &r.Targets[i].Corrected
		if a.P50 > 0 && a.P99 > 0 && a.P999 > 0 {
			fmt.Fprintf(w, "\n%s ÷ %s: p50 %.2f, p99 %.2f, p99.9 %.2f\n", r.Targets[i].Name, r.Targets[0].Name, b.P50/a.P50, b.P99/a.P99, b.P999/a.P999)
		}
	}
}

// writeKinds writes what became of each kind of request, and of each cache result.
func (r *Report) writeKinds(w io.Writer) {
	line := func(name, target string, count any, p50, p99 float64) {
		fmt.Fprintf(w, "%-34s %-12s %10v %12s %12s\n", name, target, count, fromUS(p50), fromUS(p99))
	}
	fmt.Fprintf(w, "\n%-34s %-12s %10s %12s %12s\n", "request", "target", "count", "p50", "p99")
	if len(r.Targets) == 0 {
		return
	}
	for _, name := range kindNames(r.Targets) {
		for i := range r.Targets {
			for _, k := range r.Targets[i].Requests {
				if k.Name == name {
					line(name, r.Targets[i].Name, k.Count, k.P50, k.P99)
				}
			}
		}
	}
	for i := range r.Targets {
		for _, c := range r.Targets[i].Cache {
			line("reads: "+c.Result, r.Targets[i].Name, c.Count, c.P50, c.P99)
		}
	}
}

// kindNames are the kinds of requests in the order in which the targets have them.
func kindNames(targets []TargetReport) (names []string) {
	for i := range targets {
		for _, k := range targets[i].Requests {
			if !slices.Contains(names, k.Name) {
				names = append(names, k.Name)
			}
		}
	}
	return names
}

// writeSearch writes a search's tries and its result.
func (r *Report) writeSearch(w io.Writer) {
	for i := range r.Targets {
		t := &r.Targets[i]
		if len(t.Search) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s: tries\n%12s %12s %12s %12s\n", t.Name, "a second", "p50", "p99", "p99.9")
		for _, s := range t.Search {
			result := "ok"
			if !s.Passed {
				result = s.Why
			}
			fmt.Fprintf(w, "%12s %12s %12s %12s  %s\n", three(s.Rate), fromUS(s.P50), fromUS(s.P99), fromUS(s.P999), result)
		}
		if t.HighestRate == nil {
			fmt.Fprintf(w, "%s met %s at none of these rates\n", t.Name, r.Settings.Goals)
		} else {
			fmt.Fprintf(w, "%s meets %s up to about %s requests a second\n", t.Name, r.Settings.Goals, three(*t.HighestRate))
		}
	}
}

// writeNotes writes what a reader must know.
func (r *Report) writeNotes(w io.Writer) {
	fmt.Fprintln(w)
	for i := range r.Targets {
		t := &r.Targets[i]
		for _, n := range t.Notes {
			fmt.Fprintf(w, "NOTE %s: %s.\n", t.Name, n)
		}
		var names []string
		for name := range t.Errors {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { return t.Errors[b] - t.Errors[a] })
		for _, name := range names[:min(len(names), 5)] {
			fmt.Fprintf(w, "     %s: %d x %s\n", t.Name, t.Errors[name], name)
		}
	}
	for _, l := range r.Client.Limits {
		fmt.Fprintf(w, "CLIENT: %s.\n", l)
	}
	if len(r.Client.Limits) == 0 {
		fmt.Fprintf(w, "The client was no limit: it used %.2f of %d cores", r.Client.CoresUsed, r.Machine.Cores)
		var lags []string
		for i := range r.Targets {
			lags = append(lags, fromUS(r.Targets[i].OwnLag.P99))
		}
		fmt.Fprintf(w, " and sent 99 %% of what it was free to send within %s of its time.\n", strings.Join(lags, " and "))
	}
}
