package verify

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"go.uber.org/goleak"

	"millrace/internal/amazon"
	"millrace/internal/node"
	"millrace/internal/node/nodetest"
)

func TestMain(m *testing.M) {
	// fasthttp's clock never ends, and its cleaners of idle workers and connections sleep for seconds before they do.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"))
}

// startNode runs a millrace in memory and returns its URL.
func startNode(t *testing.T, change ...func(*node.Config)) string {
	t.Helper()
	url, _ := nodetest.Start(t, change...)
	return url
}

// quick is a small run with bounds that a cache of a second exceeds.
func quick(t *testing.T, target, writer string) Config {
	c := DefaultConfig()
	c.Target, c.Writer, c.Rounds, c.Concurrency, c.Duration = target, writer, 6, 2, 3*time.Minute
	c.Bound, c.IndexBound = 100*time.Millisecond, 50*time.Millisecond
	c.MinSamples = 2 // Two rounds of each client is all that rows of foreign writes make.
	c.Progress = func(line string) { t.Log(line) }
	return c
}

// check fails unless exactly the rows in violated are violated, and the others hold or are not run.
func check(t *testing.T, target *Target, violated ...string) {
	t.Helper()
	for _, r := range target.Rows {
		want := Holds
		if slices.Contains(violated, r.Name) {
			want = Violated
		}
		if r.Verdict == NotRun && want == Holds {
			continue
		}
		if r.Verdict != want {
			t.Errorf("row %s: %s (%s), want %s", r.Name, r.Verdict, r.Why, want)
		}
		if r.Verdict == Violated && len(r.Histories) == 0 {
			t.Errorf("row %s is violated and has no history", r.Name)
		}
		for _, h := range r.Histories {
			offending := slices.IndexFunc(h.Ops, func(op Op) bool { return op.Mark == "offending" && !op.Write })
			if offending < 0 {
				t.Errorf("row %s: history without an offending read: %+v", r.Name, h)
			}
			missed := slices.IndexFunc(h.Ops, func(op Op) bool { return op.Mark == "missed" || op.Mark == "contradicted" })
			if missed < 0 || h.Ops[missed].End > h.Ops[offending].Start {
				t.Errorf("row %s: history without what the read missed before it was sent: %+v", r.Name, h)
			}
		}
	}
	want := Holds
	if len(violated) > 0 {
		want = Violated
	}
	if target.Verdict != want {
		t.Errorf("verdict: %s, want %s", target.Verdict, want)
	}
}

// tablesAt lists the tables at an endpoint.
func tablesAt(t *testing.T, url string) []string {
	t.Helper()
	e, err := newEndpoint(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	out, err := e.api.ListTables(context.Background(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return out.TableNames
}

func TestMillraceHoldsAndHits(t *testing.T) {
	t.Parallel()
	url := startNode(t)
	cfg := quick(t, url, "")
	target, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, target)
	for _, r := range target.Rows {
		if !rowNamed(r.Name).seldomHits && r.Verdict != NotRun && r.Hits < 0.3 {
			t.Errorf("row %s: %.2f hits, want 0.3", r.Name, r.Hits)
		}
	}
	if !target.HitsKnown || target.MinHits != 0.3 {
		t.Errorf("hits known %v, floor %g, want true and 0.3", target.HitsKnown, target.MinHits)
	}
	// Making and deleting tables is not in the bound: a few requests for each of four.
	if most := int64(BoundOf(cfg).Requests) + 200; target.Requests > most {
		t.Errorf("%d requests, want at most %d", target.Requests, most)
	}
	if left := tablesAt(t, url); len(left) > 0 {
		t.Errorf("tables %q are left", left)
	}
}

// The rows that a cache with a time to live breaks when it forgets items that were written through it.
var (
	ownPages    = []string{"own-query", "own-pages", "own-local-index", "own-global-index", "own-scan", "own-insert", "own-transaction", "own-recreate"}
	foreignRows = []string{"foreign-item", "foreign-query", "foreign-local-index", "foreign-global-index", "foreign-scan", "foreign-insert", "foreign-transaction", "foreign-condition", "foreign-recreate"}
)

func TestCacheWithATimeToLiveIsFoundOut(t *testing.T) {
	t.Parallel()
	upstream := startNode(t)
	cache, url := newTTLCache(t, upstream, time.Minute, 1)
	cfg := quick(t, url, upstream)
	target, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, target, append(slices.Clone(ownPages), foreignRows...)...)
	if target.HitsKnown || cache.hits.Load() == 0 {
		t.Errorf("hits known %v, %d hits, want false and some", target.HitsKnown, cache.hits.Load())
	}
	for _, r := range target.Rows {
		if strings.HasPrefix(r.Name, "foreign-") && r.Verdict == Violated && len(r.Delays) == 0 {
			t.Errorf("row %s has no delays", r.Name)
		}
	}
	if left := tablesAt(t, upstream); len(left) > 0 {
		t.Errorf("tables %q are left", left)
	}
}

// scanAgain runs rows of scans that hold again, some times: each scan follows a write that may keep its page from being cached, and so all of
// the few there are may be right by chance.
func scanAgain(t *testing.T, target *Target, cfg Config) {
	t.Helper()
	for i, row := range target.Rows {
		for try := 0; rowNamed(row.Name).scans && row.Verdict == Holds && try < 5; try++ {
			cfg.Only = []string{row.Name}
			again, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(again.Rows, func(r *Row) bool { return r.Name == row.Name })
			row = again.Rows[at]
			target.Rows[i] = row
		}
	}
}

// before makes a node one before an upstream.
func before(upstream string) func(*node.Config) {
	return func(c *node.Config) {
		c.Backend, c.Upstream.URL, c.Upstream.Region = "aws", upstream, "us-east-1"
	}
}

// noCaches makes a node a plain store.
func noCaches(c *node.Config) { c.Cache.Enabled = false }

func TestDAXCompatibleMillraceIsFoundOut(t *testing.T) {
	t.Parallel()
	upstream := startNode(t, noCaches)
	cfg := quick(t, startNode(t, before(upstream), func(c *node.Config) {
		c.Tables = map[string]node.TableConfig{"*": {Coherence: "dax-compatible"}}
	}), upstream)
	target, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	scanAgain(t, target, cfg)
	// A condition that fails drops the item even so, and the loop gets on.
	foreign := slices.DeleteFunc(slices.Clone(foreignRows), func(name string) bool { return name == "foreign-condition" })
	check(t, target, append(foreign, ownPages...)...)
}

func TestMillraceThatFollowsTheStreamHolds(t *testing.T) {
	t.Parallel()
	upstream := startNode(t, noCaches)
	cfg := quick(t, startNode(t, before(upstream)), upstream)
	cfg.Bound, cfg.IndexBound = 5*time.Second, time.Second
	target, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, target)
	for _, r := range target.Rows {
		if !rowNamed(r.Name).seldomHits && r.Hits < 0.3 {
			t.Errorf("row %s: %.2f hits, want 0.3", r.Name, r.Hits)
		}
	}
}

func TestNodesThatTakeTurnsGoBack(t *testing.T) {
	t.Parallel()
	upstream := startNode(t)
	_, url := newTTLCache(t, upstream, 20*time.Millisecond, 2)
	cfg := quick(t, url, "")
	cfg.Only, cfg.Rounds = []string{"own-monotonic"}, 30
	target, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, target, "own-monotonic")
}

func TestWhatATargetLacksIsNotHeldAgainstIt(t *testing.T) {
	t.Parallel()
	upstream := startNode(t)
	_, url := newTTLCache(t, upstream, 0, 1, "TransactWriteItems", "TransactGetItems", "CreateTable", "DeleteTable")
	cfg := quick(t, url, upstream)
	cfg.Only = []string{"own-item", "own-query", "own-transaction", "own-transact-get", "own-recreate", "foreign-query"}
	target, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range target.Rows {
		want := Holds
		if slices.Contains([]string{"own-transaction", "own-transact-get", "own-recreate"}, r.Name) {
			want = NotSupported
		}
		if r.Verdict != want {
			t.Errorf("row %s: %s (%s), want %s", r.Name, r.Verdict, r.Why, want)
		}
	}
	if target.Verdict != Holds {
		t.Errorf("verdict: %s, want %s", target.Verdict, Holds)
	}
}

func TestTooFewHitsAreNoProof(t *testing.T) {
	t.Parallel()
	_, url := newTTLCache(t, startNode(t), 0, 1)
	cfg := quick(t, url, "")
	cfg.Only, cfg.MinHits = []string{"own-item", "own-strong"}, 0.3
	target, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if target.Rows[0].Verdict != TooFewHits || target.Rows[1].Verdict != Holds || target.Verdict != TooFewHits {
		t.Errorf("verdicts: %s, %s, %s, want %s, %s, %s", target.Rows[0].Verdict, target.Rows[1].Verdict, target.Verdict, TooFewHits, Holds, TooFewHits)
	}
}

// Whenever a run is interrupted, while a table is made, while it is waited for, or in the middle of a row, it says so and its tables go.
func TestTablesGoWhenTheRunIsInterrupted(t *testing.T) {
	t.Parallel()
	f := func(name string, when func(op string) bool) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := startNode(t)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			cfg := quick(t, newLiar(t, upstream, func(op string, body []byte, forward func([]byte) (int, []byte)) (int, []byte) {
				if when(op) {
					interrupt()
				}
				return forward(body)
			}), "")
			cfg.Rounds, cfg.Duration = 100_000, time.Hour
			target, err := Run(ctx, cfg)
			if err == nil || !strings.Contains(err.Error(), "interrupted") {
				t.Errorf("Run = %v, want an interruption", err)
			}
			if left := tablesAt(t, upstream); len(left) > 0 {
				t.Errorf("tables %q are left; verdict %s", left, target.Verdict)
			}
		})
	}
	f("making", func(op string) bool { return op == "CreateTable" })
	f("waiting", func(op string) bool { return op == "DescribeTable" })
	f("probing", func(op string) bool { return !strings.HasSuffix(op, "Table") })
}

func TestTargetThatIsNotThere(t *testing.T) {
	t.Parallel()
	target, err := Run(t.Context(), quick(t, "http://127.0.0.1:1", ""))
	if err == nil || target.Verdict != Failed {
		t.Errorf("Run = %s, %v, want %s and an error", target.Verdict, err, Failed)
	}
}

func TestConfigurationsAreChecked(t *testing.T) {
	t.Parallel()
	f := func(says string, change func(*Config)) {
		t.Helper()
		c := DefaultConfig()
		c.Target = "http://127.0.0.1:8000"
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Check = %v, want %q", err, says)
		}
	}
	f("no target", func(c *Config) { c.Target = "" })
	f("promise is", func(c *Config) { c.Promise = "x" })
	f("bound is", func(c *Config) { c.Bound = 0 })
	f("index bound is", func(c *Config) { c.IndexBound = -1 })
	f("share of hits", func(c *Config) { c.MinHits = 1.5 })
	f("number of samples", func(c *Config) { c.MinSamples = 0 })
	f("duration is", func(c *Config) { c.Duration = 0 })
	f("concurrency is", func(c *Config) { c.Concurrency = 0 })
	f("rounds are", func(c *Config) { c.Rounds = 0 })
	f("no row \"x\"", func(c *Config) { c.Only = []string{"x"} })
}

func TestAWSEndpointsAreKnown(t *testing.T) {
	t.Parallel()
	f := func(url string, aws bool, region string) {
		t.Helper()
		if got := amazon.Has(url); got != aws {
			t.Errorf("amazon.Has(%q) = %v, want %v", url, got, aws)
		}
		host, _, _ := strings.Cut(strings.TrimPrefix(url, "https://"), ":")
		if got := regionOf(host); got != region {
			t.Errorf("regionOf(%q) = %q, want %q", host, got, region)
		}
	}
	f("https://dynamodb.eu-west-1.amazonaws.com", true, "eu-west-1")
	f("https://DYNAMODB.us-gov-west-1.amazonaws.com.:443", true, "us-gov-west-1")
	f("https://dynamodb.cn-north-1.amazonaws.com.cn", true, "cn-north-1")
	f("https://dynamodb.eu-west-1.api.aws", true, "eu-west-1")
	f("https://dynamodb.eusc-de-east-1.amazonaws.eu", true, "eusc-de-east-1")
	f("https://dynamodb.us-iso-east-1.c2s.ic.gov", true, "us-iso-east-1")
	f("https://123456789012.ddb.us-east-1.amazonaws.com", true, "us-east-1")
	f("http://127.0.0.1:8000", false, "")
	f("https://amazonaws.com.example.org", false, "")
}

// forms are a report as text, as a page and as JSON.
func forms(t *testing.T, report Report) (text, page, asJSON string) {
	t.Helper()
	var asText, asPage strings.Builder
	if err := report.WriteText(&asText); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteHTML(&asPage); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	return asText.String(), asPage.String(), string(b)
}

// pageFlag keeps the page of TestReportsSayTheSame, with some more rows, for docs/VERIFY.md.
var pageFlag = flag.String("page", "", "file for the report's page of a cache with a time to live beside millrace")

func TestReportsSayTheSame(t *testing.T) {
	t.Parallel()
	upstream := startNode(t)
	_, url := newTTLCache(t, upstream, time.Minute, 1)
	report := Report{Began: time.Now(), Version: "test", Seed: 1}
	for _, at := range []string{url, upstream} {
		cfg := quick(t, at, upstream)
		cfg.Name = map[bool]string{true: "<TTL cache>", false: "millrace"}[at == url]
		cfg.Only = []string{"own-item", "own-query", "foreign-item", "foreign-query"}
		if *pageFlag != "" {
			cfg.Bound, cfg.Rounds, cfg.Concurrency = time.Second, 20, 4
			cfg.Only = append(cfg.Only, "own-insert", "own-strong", "foreign-condition", "foreign-strong")
		}
		target, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		report.Targets = append(report.Targets, target)
	}
	report.Took = time.Since(report.Began)
	report.Judge()
	if report.Verdict != Violated {
		t.Errorf("verdict: %s", report.Verdict)
	}
	text, page, asJSON := forms(t, report)
	var back Report
	if err := json.Unmarshal([]byte(asJSON), &back); err != nil || len(back.Targets) != 2 || back.Verdict != Violated {
		t.Errorf("the JSON does not come back: %v", err)
	}
	if *pageFlag != "" {
		if err := os.WriteFile(*pageFlag, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	says := report.Targets[0].Rows[slices.IndexFunc(report.Targets[0].Rows, func(r *Row) bool { return r.Name == "own-query" })].Histories[0].Says
	for _, want := range []string{says, "own-query", "foreign-query", "verdict: violated"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	for _, want := range []string{says, "foreign-query", "<svg class=\"history\"", "<svg class=\"delays\"", "&lt;TTL cache&gt;", "prefers-color-scheme: dark"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, foreign := range []string{"<script", "<link", "src=", "@import", "url("} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page refers to something outside by %q", foreign)
		}
	}
}
