package check

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// expression is one that a dashboard or a rule has.
type expression struct{ where, text string }

// dashboard is the part of Grafana's model that is looked at.
type dashboard struct {
	Title      string
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
			Definition string
		}
	}
	Panels []struct {
		Title, Type string
		ID          int
		FieldConfig struct{ Defaults struct{ Unit string } }
		Datasource  struct{ UID string }
		Targets     []struct{ Expr, LegendFormat string }
	}
}

// dashboards reads the folder.
func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	paths, err := filepath.Glob(repository("docker", "grafana", "dashboards", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	out := map[string]dashboard{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out[filepath.Base(path)] = d
	}
	return out
}

// variables are what Grafana puts in the place of its own words.
var variables = strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*", "$table", ".*")

// dashboardExpressions are those of all panels, as Grafana sends them.
func dashboardExpressions(t *testing.T) []expression {
	var out []expression
	for name, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				out = append(out, expression{name + ", " + p.Title, variables.Replace(target.Expr)})
			}
		}
	}
	return out
}

// ruleExpressions are those of all alerts and recorded series.
func ruleExpressions(t *testing.T) []expression {
	t.Helper()
	paths, err := filepath.Glob(repository("docker", "prometheus", "alerts*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []expression
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Groups []struct {
				Rules []struct{ Alert, Record, Expr string }
			}
		}
		if err := yaml.Unmarshal(b, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				out = append(out, expression{filepath.Base(path) + ", " + r.Alert + r.Record, r.Expr})
			}
		}
	}
	return out
}

// names matches the families of millrace, Go and the process; it is blind to what else an expression holds.
var names = regexp.MustCompile(`\b(?:millrace|go|process)_[a-z0-9_]+`)

// scrape is the text of a millrace's /metrics.
func scrape(t *testing.T, n node) string {
	t.Helper()
	resp, err := http.Get("http://" + n.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("scrape: %d, %v", resp.StatusCode, err)
	}
	return string(b)
}

// declared matches an instrument in metrics/instruments.go: name, kind, unit.
var declared = regexp.MustCompile(`instrument\{"([a-z0-9_.]+)", (counter|gauge|histogram), "([^"]*)"`)

// families are the names that series may have, with whether the running millraces have one of them now. Some of those that
// are declared are there only when something happened, such as a retry; that all others are declared shows that the
// declarations are read rightly.
func families(t *testing.T, nodes ...node) map[string]bool {
	t.Helper()
	source, err := os.ReadFile(repository("metrics", "instruments.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, m := range declared.FindAllStringSubmatch(string(source), -1) {
		name := strings.ReplaceAll(m[1], ".", "_") + map[string]string{"s": "_seconds", "By": "_bytes", "1": "_ratio"}[m[3]]
		switch m[2] {
		case "counter":
			out[name+"_total"] = false
		case "gauge":
			out[name] = false
		case "histogram":
			out[name+"_bucket"], out[name+"_sum"], out[name+"_count"] = false, false, false
		}
	}
	for _, n := range nodes {
		for line := range strings.Lines(scrape(t, n)) {
			name := names.FindString(line)
			if name == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if _, known := out[name]; !known && strings.HasPrefix(name, "millrace_") {
				t.Errorf("%s is scraped and not declared in metrics/instruments.go", name)
			}
			out[name] = true
		}
	}
	return out
}

func TestEveryExpressionIsAnsweredByPrometheus(t *testing.T) {
	store := millrace(t)
	front := millrace(t, "MILLRACE_BACKEND=aws", "MILLRACE_UPSTREAM_URL=http://"+store.endpoint, "MILLRACE_UPSTREAM_REGION=us-east-1")
	front.call(t, "CreateTable", `{"TableName":"Table","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`)
	front.traffic(t)
	p := startPrometheus(t, front.admin, store.admin)
	// A rate needs two scrapes; what happened between them is the second traffic.
	p.waitFor(t, `count_over_time(millrace_build_info{instance="`+front.admin+`"}[1m]) > 1`)
	front.traffic(t)
	p.waitFor(t, `sum(rate(millrace_requests_total[1m])) > 0`)

	there := families(t, front, store)
	answered, empty := 0, 0
	for _, e := range append(dashboardExpressions(t), ruleExpressions(t)...) {
		series, err := p.query(e.text)
		if err != nil {
			t.Errorf("%s: %s: %v", e.where, e.text, err)
			continue
		}
		used := names.FindAllString(e.text, -1)
		now := len(used) > 0
		for _, name := range used {
			present, known := there[name]
			if !known {
				t.Errorf("%s: there is no %s", e.where, name)
			}
			now = now && present
		}
		alert := strings.HasPrefix(e.where, "alerts")
		switch {
		case series > 0 && alert:
			t.Errorf("%s fires in a millrace that is well: %s", e.where, e.text)
		case series > 0:
			answered++
		case now && !alert && !strings.Contains(e.text, "class!="):
			t.Errorf("%s is empty although what it is about was scraped: %s", e.where, e.text)
		default:
			empty++
		}
	}
	t.Logf("%d expressions answered with series; %d are about what did not happen", answered, empty)
}

func TestPromtoolAcceptsConfigurationAndRules(t *testing.T) {
	rules, err := filepath.Glob(repository("docker", "prometheus", "alerts*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "config", repository("docker", "prometheus", "prometheus.yml")}, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, rules...)} {
		if args[1] == "rules" && len(rules) == 0 {
			continue
		}
		if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	n := millrace(t)
	n.call(t, "CreateTable", `{"TableName":"Table","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}]}`)
	n.traffic(t)
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(scrape(t, n))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// graphVariables are the template variables that a dashboard must have.
var graphVariables = []string{"datasource", "instance", "table"}

func TestDashboardsAreWholeAndPortable(t *testing.T) {
	for name, d := range dashboards(t) {
		var found []string
		for _, v := range d.Templating.List {
			found = append(found, v.Name)
		}
		if !slices.Equal(found, graphVariables) || d.Title == "" {
			t.Errorf("%s is called %q and has variables %q, want %q", name, d.Title, found, graphVariables)
		}
		ids := map[int]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: two panels have id %d", name, p.ID)
			}
			ids[p.ID] = true
			if p.Type == "row" {
				continue
			}
			if p.Datasource.UID != "${datasource}" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
				t.Errorf("%s: panel %q has data source %q, unit %q and %d expressions", name, p.Title, p.Datasource.UID, p.FieldConfig.Defaults.Unit, len(p.Targets))
			}
			for _, target := range p.Targets {
				if target.LegendFormat == "" || !strings.Contains(target.Expr, "$instance") {
					t.Errorf("%s: panel %q: %q is without a legend or does not heed $instance", name, p.Title, target.Expr)
				}
			}
		}
	}
}

func TestProvisioningIsYAMLThatNamesTheFolders(t *testing.T) {
	f := func(path string, want ...string) {
		t.Helper()
		b, err := os.ReadFile(repository("docker", "grafana", "provisioning", path))
		if err != nil {
			t.Fatal(err)
		}
		var into map[string]any
		if err := yaml.UnmarshalStrict(b, &into); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, w := range want {
			if !strings.Contains(string(b), w) {
				t.Errorf("%s lacks %q", path, w)
			}
		}
	}
	f("datasources/prometheus.yaml", "type: prometheus", "url: http://127.0.0.1:9090")
	f("dashboards/millrace.yaml", "path: /etc/grafana/dashboards")
}
