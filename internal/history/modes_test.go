package history

import (
	"bufio"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/internal/node"
	"millrace/internal/units"
)

// live gives everything a time to live.
func live(c *node.Config, ttl time.Duration) {
	c.Cache.ItemTTL, c.Cache.QueryTTL, c.Cache.NegativeTTL = units.Duration(ttl), units.Duration(ttl), units.Duration(ttl)
}

// replicaLag is the core's assumption about an eventual read (A2): what one fills is taken to have been current so long before.
const replicaLag = 2 * time.Second

// TestOtherModesHistoriesAreAsPromised makes histories of what is offered beside the default, each held to what it promises and no more.
// There is one write in ten operations: what these modes hold is bought with few strong reads, or was read eventually.
//
//	fill: auto, eventual reads upstream behind by up to 100 ms: within delta as by default; hits show what was acknowledged and shown
//	before. Answers that are no hits may be upstream's own eventual reads, and these may be behind.
//
//	fill: eventual, the same upstream: within the time to live, and nothing that nobody wrote. No more, and so a build that invalidates nothing
//	passes. What is filled eventually counts as two seconds old, so that an item that nothing else renews is seen sooner by these.
//
//	fill: eventual, an upstream that does not lag: besides, whatever was acknowledged and shown before.
//
//	streams: off before a table that has a stream: as without one.
//
//	coherence: dax-compatible: items show own writes; pages are as old as their time to live.
//
//	mode: observe: nothing comes from a cache, so that reads of an upstream that does not lag are linearizable; see watched.
func TestOtherModesHistoriesAreAsPromised(t *testing.T) {
	t.Parallel()
	const (
		lag   = 100 * time.Millisecond
		delta = 800 * time.Millisecond
		ttl   = 200 * time.Millisecond
		fresh = 500 * time.Millisecond // of what was read eventually
		aged  = fresh + replicaLag
	)
	table := func(c *node.Config, config node.TableConfig) {
		c.Upstream.StreamLag = units.Duration(50 * time.Millisecond)
		config.Delta = units.Duration(delta)
		c.Tables = map[string]node.TableConfig{"*": config}
	}
	eventual := func(c *node.Config) {
		live(c, aged)
		table(c, node.TableConfig{Fill: "eventual"})
	}
	for _, x := range []struct {
		name     string
		promised promise
		lag      time.Duration
		slow     bool // what stays unseen for long must not be long to be judged
		change   func(c *node.Config)
	}{
		{"fill auto", promise{slack: delta, sessions: Op.Hit}, lag, true, func(c *node.Config) { table(c, node.TableConfig{Fill: "auto"}) }},
		{"fill eventual", promise{slack: aged, outside: fresh + lag, sessions: noReads}, lag, true, eventual},
		{"fill eventual without lag", promise{slack: aged, outside: fresh}, 0, true, eventual},
		{"streams off", promise{slack: ttl}, 0, false, func(c *node.Config) {
			live(c, ttl)
			table(c, node.TableConfig{Streams: "off"})
		}},
		{"dax-compatible", promise{slack: aged, outside: fresh, sessions: ofItems}, 0, true, func(c *node.Config) {
			live(c, aged)
			table(c, node.TableConfig{Coherence: "dax-compatible"})
		}},
		{"observe", promise{blind: true}, 0, true, func(c *node.Config) {
			live(c, 5*time.Second)
			table(c, node.TableConfig{Fill: "auto"})
			c.Mode = "observe"
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			config := DefaultConfig()
			config.Stream, config.ItemOps = true, 80
			if x.slow {
				config.Ops, config.Pause = 300, 10*time.Millisecond
				config.Items, config.ItemOps, config.Writes = 2, 160, 10
			}
			if x.promised.blind {
				config.Writes = 5 // Within two seconds of a write to a key, an eventual answer would fill nothing.
			}
			judgeUpstream(t, config, x.promised, x.lag, x.change)
		})
	}
}

// mostStale is the end of the first bucket of millrace_staleness_seconds that has room for delta and the stream's lag.
const mostStale = "1.048576"

// verdicts is when all answers that would have differed must have been looked into: they live for five seconds.
const verdicts = 20 * time.Second

// watched judges what an observing millrace, whose admin port is at url, says that its caches would have answered: of all reads, consistent
// ones among them, as many as serving ones must be hits; and no answer that differed would have been served for longer than delta and
// the stream's lag. Without invalidation it would, until its time to live.
func watched(t *testing.T, url string) {
	t.Helper()
	var saw map[string]float64
	sum := func(family string, labels ...string) (n float64) {
		for name, v := range saw {
			if strings.HasPrefix(name, family+"{") && !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(name, l) }) {
				n += v
			}
		}
		return n
	}
	// What differed is looked into until it would not be served any more, and then there is a verdict.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(verdicts); ; <-tick.C {
		saw = scrape(t, url)
		if sum("millrace_observe_verdicts_total") == sum("millrace_observe_reads_total", `result="differing"`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("answers that would have differed have no verdict after %s: %v", verdicts, saw)
		}
	}
	all, hits, differing := sum("millrace_observe_reads_total"), sum("millrace_observe_reads_total", `result="hit"`), sum("millrace_observe_reads_total", `result="differing"`)
	old := sum("millrace_staleness_seconds_count") - sum("millrace_staleness_seconds_bucket", `le="`+mostStale+`"`)
	t.Logf("%.0f of %.0f reads would have been hits, %.0f would have differed, %.0f of these for longer than promised", hits, all, differing, old)
	if hits < leastHits*all {
		t.Errorf("%.0f of %.0f reads would have been hits, want %.0f %%", hits, all, 100*leastHits)
	}
	if beyond := sum("millrace_observe_verdicts_total", `verdict="beyond_bound"`); old > 0 || beyond > 0 {
		t.Errorf("%.0f answers would have been stale for longer than promised, and %.0f beyond the bound that the caches go by; want none", old, beyond)
	}
}

// scrape is the samples of the admin port at url by name and labels.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	samples := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			samples[name+"}"] = n
		}
	}
	return samples
}

// noReads are none, ofItems those by key.
func noReads(Op) bool    { return false }
func ofItems(op Op) bool { return op.Via == "GetItem" || op.Via == "BatchGetItem" }
