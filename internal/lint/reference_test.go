package lint

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"millrace/internal/node"
	"millrace/metrics"
)

// rewrite writes the generated parts of documents anew.
var rewrite = flag.Bool("rewrite", false, "write the generated parts of docs/ anew")

// The marks around what is generated in a document.
const (
	generatedBegin = "<!-- generated: go test ./internal/lint -run Generated -rewrite -->\n"
	generatedEnd   = "<!-- end of generated -->\n"
)

// checkGenerated compares what stands between the marks of a document with want.
func checkGenerated(t *testing.T, path, want string) {
	t.Helper()
	text := read(t, path)
	before, rest, ok := strings.Cut(text, generatedBegin)
	got, after, ended := strings.Cut(rest, generatedEnd)
	if !ok || !ended {
		t.Fatalf("%s has no marks around what is generated", path)
	}
	if got == want {
		return
	}
	if *rewrite {
		if err := os.WriteFile(filepath.Join(root, path), []byte(before+generatedBegin+want+generatedEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have := strings.Split(got, "\n")
	for i, line := range strings.Split(want, "\n") {
		if i >= len(have) || have[i] != line {
			t.Fatalf("%s is not what the code says, at %q; run go test ./internal/lint -run Generated -rewrite", path, line)
		}
	}
	t.Fatalf("%s says more than the code; run go test ./internal/lint -run Generated -rewrite", path)
}

// settingFlag matches a flag's field in cmd/millrace/settings.go: its name and its setting.
var settingFlag = regexp.MustCompile("(?m)^\t([A-Z][A-Za-z]*) +\\*\\w+ +`setting:\"([^\"]+)\"")

func TestGeneratedConfigReference(t *testing.T) {
	flags := map[string]string{}
	for _, m := range settingFlag.FindAllStringSubmatch(read(t, "cmd/millrace/settings.go"), -1) {
		flags[m[2]] = "-" + regexp.MustCompile("[A-Z]").ReplaceAllStringFunc(m[1], func(c string) string { return "-" + strings.ToLower(c) })
	}
	if len(flags) < 10 {
		t.Fatalf("only %d flags were found", len(flags))
	}
	var want bytes.Buffer
	if err := node.WriteReference(&want, flags); err != nil {
		t.Fatal(err)
	}
	checkGenerated(t, "docs/CONFIG.md", want.String())
}

func TestGeneratedMetricsReference(t *testing.T) {
	var want strings.Builder
	want.WriteString("| Prometheus | OpenTelemetry | kind | labels | meaning |\n|---|---|---|---|---|\n")
	for _, i := range metrics.Instruments() {
		labels := "–"
		if len(i.Labels) > 0 {
			labels = "`" + strings.Join(i.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&want, "| `%s` | `%s` | %s | %s | %s |\n", i.Prometheus, i.OTLP, i.Kind, labels, i.Help)
	}
	checkGenerated(t, "docs/METRICS.md", want.String())
}

// ours matches a metric of ours, with the suffixes that Prometheus gives histograms.
var ours = regexp.MustCompile(`\bmillrace_[a-z0-9_]+\b`)

// alertNamed matches an alert's name in the rules, and runbookEntry its entry in the runbook.
var (
	alertNamed   = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	runbookEntry = regexp.MustCompile(`(?m)^## (Millrace\w+)$`)
	runbookLink  = regexp.MustCompile(`runbook: docs/RUNBOOK\.md#(\w+)`)
)

func TestEveryAlertHasAnEntryInTheRunbook(t *testing.T) {
	rules, runbook := read(t, "docker/prometheus/alerts.yml"), read(t, "docs/RUNBOOK.md")
	entries := map[string]bool{}
	for _, m := range runbookEntry.FindAllStringSubmatch(runbook, -1) {
		entries[m[1]] = true
	}
	alerts := alertNamed.FindAllStringSubmatch(rules, -1)
	if len(alerts) == 0 {
		t.Fatal("there are no alerts")
	}
	for _, m := range alerts {
		if !entries[m[1]] {
			t.Errorf("docs/RUNBOOK.md has no entry for %s", m[1])
		}
		if !strings.Contains(rules, "#"+strings.ToLower(m[1])+"\n") {
			t.Errorf("alert %s has no link to its entry", m[1])
		}
		delete(entries, m[1])
	}
	for name := range entries {
		t.Errorf("docs/RUNBOOK.md has an entry for %s, which is no alert", name)
	}
	if n := len(runbookLink.FindAllString(rules, -1)); n != len(alerts) {
		t.Errorf("%d links to the runbook for %d alerts", n, len(alerts))
	}
}

func TestMetricsNamedAnywhereExist(t *testing.T) {
	names := map[string]bool{}
	for _, i := range metrics.Instruments() {
		names[i.Prometheus] = true
	}
	for _, path := range []string{"docker/prometheus/alerts.yml", "docker/grafana/dashboards/millrace.json", "docs/RUNBOOK.md", "docs/METRICS.md"} {
		for _, name := range ours.FindAllString(read(t, path), -1) {
			base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
			if !names[name] && !names[base] {
				t.Errorf("%s names %s, which is no metric", path, name)
			}
		}
	}
}
