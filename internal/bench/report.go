package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// samples holds what each side came to in each round, by name.
type samples map[string][]float64

// add notes one round's figure.
func (s samples) add(name string, v float64) { s[name] = append(s[name], v) }

// over divides, round by round, one side's figures by another's: what disturbs the machine in a round disturbs both.
func (s samples) over(a, b string) []float64 {
	n := min(len(s[a]), len(s[b]))
	ratios := make([]float64, 0, n)
	for i := range n {
		ratios = append(ratios, s[a][i]/s[b][i])
	}
	return ratios
}

// spread is the median of values with their least and greatest.
func spread(values []float64) string { return spreadTo(3, values) }

// spreadTo is spread to a number of digits.
func spreadTo(digits int, values []float64) string {
	if len(values) == 0 {
		return "not measured"
	}
	sorted := slices.Sorted(slices.Values(values))
	return fmt.Sprintf("%.*g (%.*g..%.*g)", digits, median(sorted), digits, sorted[0], digits, sorted[len(sorted)-1])
}

// median is the middle of values.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// row prints one line of the report: what was measured, the figure, and how it stands to its target, if it has one.
func row(out io.Writer, what string, values []float64, verdict string) {
	rowTo(out, 3, what, values, verdict)
}

// rowTo is row to a number of digits, for what comes close to its target.
func rowTo(out io.Writer, digits int, what string, values []float64, verdict string) {
	fmt.Fprintf(out, "  %-62s %-24s %s\n", what, spreadTo(digits, values), verdict)
}

// atLeast judges a median against the least that is owed.
func atLeast(values []float64, owed float64) string {
	return judge(values, owed, ">=", median(values) >= owed)
}

// atMost judges a median against the most that is allowed.
func atMost(values []float64, allowed float64) string {
	return judge(values, allowed, "<=", median(values) <= allowed)
}

// judge words a verdict.
func judge(values []float64, target float64, sign string, met bool) string {
	switch {
	case len(values) == 0:
		return ""
	case met:
		return fmt.Sprintf("%s %g: reached", sign, target)
	}
	return fmt.Sprintf("%s %g: FALLS SHORT", sign, target)
}

// millis is d in milliseconds.
func millis(d time.Duration) float64 { return d.Seconds() * 1000 }

// machine is a line about how busy the machine is, without which no figure means anything.
func machine() string {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	fields := strings.Fields(string(load))
	return fmt.Sprintf("%d cores, load %s", runtime.NumCPU(), strings.Join(fields[:min(3, len(fields))], " "))
}
