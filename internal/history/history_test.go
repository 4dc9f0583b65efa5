package history

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millrace/internal/node"
	"millrace/internal/node/nodetest"
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
// 30 % of the plain reads must be hits. In a build with the tag millrace_deaf each test must fail, and in one with the tag
// millrace_deaf_records, which hears of own writes, the one with a stream, for want of an order; .ci/run checks that.

var (
	seedFlag      = flag.Uint64("seed", 0, "seed of the first history; 0 for a new one")
	historiesFlag = flag.Int("histories", 1, "histories of each mode")
	patience      = flag.Duration("patience", 20*time.Second, "how long the search for an order may take for one item")
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
	url, _ := nodetest.Start(t, change)
	return strings.TrimPrefix(url, "http://")
}

// createTable makes the table at address.
func createTable(t *testing.T, address string, config Config) {
	t.Helper()
	if status, reply := nodetest.Call(t, "http://"+address, "CreateTable", config.CreateTable()); status != http.StatusOK {
		t.Fatalf("CreateTable: %d %s", status, reply)
	}
}

// promise is what a mode promises beside that consistent reads are linearizable.
type promise struct {
	// slack is how long before a plain read what it shows may have been current last.
	slack time.Duration
	// sessions says which reads show all that was acknowledged and shown before; nil is all.
	sessions func(Op) bool
	// lagging is an upstream whose own eventual reads, past the target, may be behind and so tell nothing.
	lagging bool
	// outside is slack for items that are neither written nor read consistently through the target; 0 is slack.
	outside time.Duration
	// blind modes have no hits at all, and nothing that stays unseen. What they would have had is judged by watched.
	blind bool
}

// mostHistories are made until they show what they must: of few faults and writes none may have met what it takes.
const mostHistories = 5

// firstSeed is that of the first history and of the faults.
func firstSeed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64()
}

// judge makes histories and fails if one cannot have happened, if too few reads were hits, or if they do not show what they must: a write of
// unknown outcome, and one whose operations tested is true of.
func judge(t *testing.T, config Config, promised promise, tested func([]Op) bool, proxies ...*faultProxy) {
	t.Helper()
	seed := config.Seed
	var all, reads, hits, unknown int
	put := false // to the test
	for i := 0; i < *historiesFlag || (unknown == 0 || !put) && i < *historiesFlag+mostHistories-1; i++ {
		config.Seed, config.Prefix = seed+uint64(i), fmt.Sprintf("item-%d", i)
		ops, err := Record(t.Context(), config)
		if err != nil {
			t.Fatalf("-seed %d: %v", config.Seed, err)
		}
		if promised.lagging {
			ops = slices.DeleteFunc(ops, func(op Op) bool { return op.Foreign && op.Kind == Read && !op.Strong })
		}
		ordered(t, config.Seed, ops, promised.slack)
		if promised.outside > 0 {
			ordered(t, config.Seed, unmended(ops), promised.outside)
		}
		if broken := Sessions(ops, promised.sessions); len(broken) > 0 {
			t.Errorf("-seed %d: %d reads are stale or go back, the first: %s", config.Seed, len(broken), broken[0])
		}
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
		put = put || tested(ops)
	}
	var faults bytes.Buffer
	for _, p := range proxies {
		for f := range p.counts {
			fmt.Fprintf(&faults, " %d", p.counts[f].Load())
		}
	}
	t.Logf("-seed %d: %d operations, %d of unknown outcome; %d hits of %d plain reads; faults%s", seed, all, unknown, hits, reads, faults.String())
	if promised.blind && hits > 0 || !promised.blind && float64(hits) < leastHits*float64(reads) {
		t.Errorf("%d of %d plain reads were hits, want %.0f %%; of one that only watches none", hits, reads, 100*leastHits)
	}
	if t.Failed() {
		return
	}
	if unknown == 0 {
		t.Error("no write had an unknown outcome, want some")
	}
	if !put {
		t.Error("plain reads were never behind writes past millrace, want some")
	}
}

// leastHits is the share of plain reads that must be hits.
const leastHits = 0.3

// ordered fails unless there is an order of the operations with that slack.
func ordered(t *testing.T, seed uint64, ops []Op, slack time.Duration) {
	t.Helper()
	violation, err := Linearizable(ops, slack, *patience)
	if err != nil {
		t.Errorf("-seed %d: %v", seed, err)
	}
	if violation != nil {
		t.Errorf("-seed %d: with a slack of %s there is no order for\n%s", seed, slack, text(violation))
	}
}

// unmended are the operations on items that are neither written nor read consistently through the target.
func unmended(ops []Op) []Op {
	mended := map[string]bool{}
	for _, op := range ops {
		if !op.Foreign && (op.Kind != Read || op.Strong) {
			mended[op.Key] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ops), func(op Op) bool { return mended[op.Key] })
}

func TestEmbeddedHistoriesAreLinearizable(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.Seed = firstSeed()
	address := start(t, func(*node.Config) {})
	createTable(t, address, config)
	proxy := newFaultProxy(t, address, 30, config.Timeout+50*time.Millisecond, config.Seed)
	config.Target = proxy.url()
	judge(t, config, promise{}, func([]Op) bool { return true }, proxy)
}

// transport is what slack has added for the way of a reply.
const transport = 20 * time.Millisecond

// judgeUpstream makes histories before an upstream whose eventual reads lag by up to lag, with faults on both sides and two clients
// past millrace.
func judgeUpstream(t *testing.T, config Config, promised promise, lag time.Duration, change func(*node.Config)) {
	t.Helper()
	config.Seed = firstSeed()
	upstream := start(t, func(c *node.Config) {
		c.Cache.Enabled = false
		c.Engine.Faults.Enabled, c.Engine.Faults.ReplicaLag = lag > 0, units.Duration(lag)
	})
	createTable(t, upstream, config)
	behind := newFaultProxy(t, upstream, 10, config.Timeout+50*time.Millisecond, config.Seed)
	front, _ := nodetest.Run(t, func(c *node.Config) {
		c.Backend, c.Upstream.URL, c.Upstream.Region = "aws", behind.url(), "us-east-1"
		if promised.blind {
			c.Admin.Listen = "127.0.0.1:0"
		}
		change(c)
	})
	before := newFaultProxy(t, front.Addr().String(), 20, config.Timeout+50*time.Millisecond, config.Seed+1)
	config.Target, config.Writer, config.Foreign, config.Outside = before.url(), "http://"+upstream, 2, 1
	promised.slack, promised.lagging = promised.slack+transport, lag > 0
	if promised.outside > 0 {
		promised.outside += transport
	}
	judge(t, config, promised, func(ops []Op) bool {
		if promised.blind {
			return true
		}
		// Without the slack the same history must be impossible, or the bound was never put to the test.
		violation, err := Linearizable(ops, 0, *patience)
		return err != nil || violation != nil
	}, before, behind)
	if promised.blind {
		watched(t, "http://"+front.AdminAddr().String())
	}
}

func TestUpstreamHistoriesAreLinearizableWithinTheTimeToLive(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.ItemOps = 80
	const ttl = 200 * time.Millisecond
	judgeUpstream(t, config, promise{slack: ttl}, 0, func(c *node.Config) { live(c, ttl) })
}

func TestStreamHistoriesAreLinearizableWithinDelta(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.Stream = true
	config.Ops, config.Pause = 300, 10*time.Millisecond
	const delta = 800 * time.Millisecond
	judgeUpstream(t, config, promise{slack: delta}, 0, func(c *node.Config) {
		c.Upstream.StreamLag = units.Duration(50 * time.Millisecond)
		c.Tables = map[string]node.TableConfig{"*": {Delta: units.Duration(delta)}}
	})
}
