package node

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// When a table's place in its stream is lost under load all of its readers miss at once. Their strong fills keep to the budget, every read is
// answered, and the cache is warm again when the budget has brought all keys back.
func TestRefillsAfterAGapKeepTheirBudget(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	l := newLeaderless(t, behind)
	gate := newStreamGate(t, behind)
	const keys, rate = 300, 60
	config := upstreamConfig(l.URL)
	config.Upstream.StreamsURL = gate.url
	config.Tables = map[string]TableConfig{"*": {RefillRate: rate}}
	front := run(t, config)
	front.mustCall("CreateTable", strings.TrimSuffix(createTable, "}")+`,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`)
	front.quiet() // when a process starts all is read strongly, for another may just have shown what replicas lack
	// pass asks for every key once, four at a time, in 0.6 s, so that a key comes again and again while it waits for its turn. It tells what became of them.
	pass := func() map[string]int {
		results := map[string]int{}
		var mu sync.Mutex
		var readers sync.WaitGroup
		next := make(chan int)
		for range 4 {
			readers.Go(func() {
				for key := range next {
					status, header, body := front.call("GetItem", fmt.Sprintf(`{"TableName":"t-1","Key":{"p":{"S":"k%d"}}}`, key))
					if status != 200 {
						t.Errorf("GetItem = %d %s", status, body)
					}
					mu.Lock()
					results[header.Get("X-Millrace-Cache")]++
					mu.Unlock()
				}
			})
		}
		tick := time.NewTicker(600 * time.Millisecond / keys)
		defer tick.Stop()
		for key := range keys {
			<-tick.C
			next <- key
		}
		close(next)
		readers.Wait()
		return results
	}
	state := func() (forgotten, cold uint64) {
		for _, c := range front.node.coherence() {
			if c.Table == "t-1" {
				return c.Forgotten, c.WeakFills["cold"]
			}
		}
		t.Fatal("the table is not known")
		return 0, 0
	}
	// warm reads until everything is a hit, and tells how long that took, how many strong fills it cost, and how often all was dropped
	// meanwhile: a reader that is behind the end of what is kept may have to begin more than once.
	warm := func() (took time.Duration, strong int, drops uint64) {
		l.take()
		start := time.Now()
		before, _ := state()
		for {
			results := pass()
			if results["negative"] == keys {
				after, _ := state()
				return took, strong, after - before
			}
			strong += strings.Count(l.take(), "GetItem strong")
			took = time.Since(start)
			if took > time.Minute {
				t.Fatalf("not warm after %v: %v", took, results)
			}
		}
	}
	check := func(when string, took time.Duration, strong int, drops uint64) {
		t.Helper()
		t.Logf("%s: %d strong fills in %v, dropped %d times meanwhile", when, strong, took, drops)
		if allowed := float64(rate)*(took.Seconds()+1+float64(drops)) + 10; float64(strong) > allowed {
			t.Errorf("%s: %d strong fills in %v, want %.0f at most", when, strong, took, allowed)
		}
		if strong < keys {
			t.Errorf("%s: %d strong fills have brought %d keys back", when, strong, keys)
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C { // there is no gap in a stream that is not followed
		front.mustCall("GetItem", rewriteGet)
		if tables := front.node.streams.Tables(); len(tables) == 1 && tables[0].Watermark > 0 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the stream is not followed: %+v", tables)
		}
	}
	took, strong, drops := warm()
	check("at the start", took, strong, drops)
	before, weak := state()
	if weak == 0 {
		t.Error("no read was passed on as its client sent it")
	}
	front.quiet() // what was filled a moment ago has been shown, and replicas may lack it
	gate.mu.Lock()
	gate.trimmed = true
	gate.mu.Unlock()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		if now, _ := state(); now > before {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no gap is noticed: %+v", front.node.streams.Tables())
		}
	}
	gate.mu.Lock()
	gate.trimmed = false
	gate.mu.Unlock()
	took, strong, drops = warm()
	check("after the gap", took, strong, drops)
	if _, now := state(); now == weak {
		t.Error("no read was passed on as its client sent it after the gap")
	}
}

// A batch is read strongly or not as a whole, so that batches bring keys back too.
func TestBatchesKeepTheRefillBudgetAsAWhole(t *testing.T) {
	t.Parallel()
	behind := run(t, testConfig())
	l := newLeaderless(t, behind)
	config := upstreamConfig(l.URL)
	config.Tables = map[string]TableConfig{"*": {RefillRate: 1}}
	front := run(t, config)
	front.mustCall("CreateTable", createTable)
	front.mustCall("GetItem", rewriteGet)
	batch := func(of string) string {
		keys := make([]string, 15)
		for i := range keys {
			keys[i] = fmt.Sprintf(`{"p":{"S":"%s-%d"}}`, of, i)
		}
		return `{"RequestItems":{"t-1":{"Keys":[` + strings.Join(keys, ",") + `]}}}`
	}
	type outcome struct{ sent, result string }
	ask := func(of string) outcome {
		l.take()
		header, _ := front.mustCall("BatchGetItem", batch(of))
		result, _, _ := strings.Cut(header.Get("X-Millrace-Cache"), ";")
		return outcome{l.take(), result}
	}
	for try := range 10 {
		front.quiet()
		a, b, start := fmt.Sprint("a", try), fmt.Sprint("b", try), time.Now()
		got := []outcome{ask(a), ask(b), ask(a), ask(b), ask(b)}
		if time.Since(start) > 1500*time.Millisecond {
			continue // so slow that the budget was full again in between
		}
		want := []outcome{{"BatchGetItem strong", "miss"}, {"BatchGetItem", "forward"}, {"", "hit"},
			{"BatchGetItem", "forward"}, // however often: the first has spent the budget of a quarter of a minute
			{"BatchGetItem", "forward"}}
		if !slices.Equal(got, want) {
			t.Errorf("batches of new keys, of others, and both again: %+v, want %+v", got, want)
		}
		return
	}
	t.Fatal("the machine is too slow")
}
