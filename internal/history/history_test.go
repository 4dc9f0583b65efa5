package history

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace/internal/node"
	"millrace/internal/units"
)

// The properties, for concurrent clients over real sockets whose requests and answers are delayed, cut and reset on the
// way. Writes of unknown outcome may happen at any time after they were sent.
//
//	embedded: all reads, of items and of pages, consistent or not, together with all writes, deletions and conditions are
//	linearizable: plain reads are no staler than consistent ones.
//
//	upstream with a stream: consistent reads are linearizable with the writes through millrace and past it; plain reads show
//	what was current at some time within the table's delta before they were sent; sessions as below.
//
//	upstream without a stream: consistent reads are linearizable with the writes through millrace and past it; plain reads
//	show what was current at some time within the caches' time to live before they were sent; and of plain reads none
//	shows what was overwritten by a write acknowledged through millrace, or goes back.
//
// 30 % of the plain reads must be hits. In a build with the tag millrace_deaf the tests must fail; .ci/run checks that.

var (
	seedFlag      = flag.Uint64("seed", 0, "seed of the first history; 0 for a new one")
	historiesFlag = flag.Int("histories", 1, "histories of each mode")
)

func TestMain(m *testing.M) {
	// fasthttp's clock never ends, and its cleaners of idle workers and connections sleep for seconds before they do.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"))
}

// start runs a millrace and returns the address of its data port.
func start(t *testing.T, change func(*node.Config)) string {
	t.Helper()
	c := node.DefaultConfig()
	c.Listen, c.Admin.Listen, c.InMemory, c.Shutdown.Delay = "127.0.0.1:0", "", true, 0
	change(&c)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n, err := node.New(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return n.Addr().String()
}

// createTable makes the table at address.
func createTable(t *testing.T, address string, config Config) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, strings.NewReader(config.CreateTable()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.CreateTable")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if reply, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("CreateTable: %d %s", resp.StatusCode, reply)
	}
}

// patience is how long the search for an order may take for one item.
const patience = 20 * time.Second

// judge makes histories and fails if one cannot have happened, or if too few reads were hits. It returns the last one.
func judge(t *testing.T, config Config, slack time.Duration, proxies ...*faultProxy) (last []Op) {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	var all, reads, hits, unknown int
	for i := range *historiesFlag {
		config.Seed, config.Prefix = seed+uint64(i), fmt.Sprintf("item-%d", i)
		ops, err := Record(t.Context(), config)
		if err != nil {
			t.Fatalf("-seed %d: %v", config.Seed, err)
		}
		violation, err := Linearizable(ops, slack, patience)
		if err != nil {
			t.Errorf("-seed %d: %v", config.Seed, err)
		}
		if violation != nil {
			t.Errorf("-seed %d: with a slack of %s there is no order for\n%s", config.Seed, slack, text(violation))
		}
		if broken := Sessions(ops); len(broken) > 0 {
			t.Errorf("-seed %d: %d reads are stale or go back, the first: %s", config.Seed, len(broken), broken[0])
		}
		last = ops
		r, h := Hits(ops)
		all, reads, hits = all+len(ops), reads+r, hits+h
		for _, op := range ops {
			if op.Return == Never {
				unknown++
			}
		}
		if t.Failed() {
			break
		}
	}
	var faults bytes.Buffer
	for _, p := range proxies {
		for f := range p.counts {
			fmt.Fprintf(&faults, " %d", p.counts[f].Load())
		}
	}
	t.Logf("-seed %d: %d operations, %d of unknown outcome; %d hits of %d plain reads; faults%s", seed, all, unknown, hits, reads, faults.String())
	if float64(hits) < 0.3*float64(reads) {
		t.Errorf("%d of %d plain reads were hits, want 30 %%", hits, reads)
	}
	if unknown == 0 {
		t.Error("no write had an unknown outcome, want some")
	}
	return last
}

func TestEmbeddedHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	address := start(t, func(*node.Config) {})
	createTable(t, address, config)
	proxy := newFaultProxy(t, address, 30, config.Timeout+50*time.Millisecond, *seedFlag)
	config.Target = proxy.url()
	judge(t, config, 0, proxy)
}

// judgeUpstream makes histories before an upstream, with faults on both sides and two clients past millrace. What stays
// unseen is bounded by slack.
func judgeUpstream(t *testing.T, config Config, slack time.Duration, change func(*node.Config)) {
	t.Helper()
	upstream := start(t, func(c *node.Config) { c.Cache.Enabled = false })
	createTable(t, upstream, config)
	behind := newFaultProxy(t, upstream, 10, config.Timeout+50*time.Millisecond, *seedFlag)
	address := start(t, func(c *node.Config) {
		c.Backend, c.Upstream.URL, c.Upstream.Region = "aws", behind.url(), "us-east-1"
		change(c)
	})
	before := newFaultProxy(t, address, 20, config.Timeout+50*time.Millisecond, *seedFlag+1)
	config.Target, config.Writer, config.Foreign = before.url(), "http://"+upstream, 2
	ops := judge(t, config, slack+20*time.Millisecond, before, behind)
	// Without the slack the same history must be impossible, or the bound was never put to the test.
	if violation, err := Linearizable(ops, 0, patience); err == nil && violation == nil {
		t.Error("plain reads were never behind writes past millrace, want some")
	}
}

func TestUpstreamHistoriesAreLinearizableWithinTheTimeToLive(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.ItemOps = 80
	const ttl = 200 * time.Millisecond
	judgeUpstream(t, config, ttl, func(c *node.Config) {
		c.Cache.ItemTTL, c.Cache.QueryTTL, c.Cache.NegativeTTL = units.Duration(ttl), units.Duration(ttl), units.Duration(ttl)
	})
}

func TestStreamHistoriesAreLinearizableWithinDelta(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.Stream = true
	const delta = 500 * time.Millisecond
	judgeUpstream(t, config, delta, func(c *node.Config) {
		c.Upstream.StreamLag = units.Duration(100 * time.Millisecond)
		c.Tables = map[string]node.TableConfig{"*": {Delta: units.Duration(delta)}}
	})
}
