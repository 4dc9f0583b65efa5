package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/ddb"
)

// lagged is what a test knows of one item whose attribute n counts its versions.
type lagged struct {
	*aided
	// wrote is when each version was written, on the clock of the test; version 0 is the absence of the item.
	wrote []time.Duration
}

// newLagged opens an engine with an item that is not there yet, in a table with indexes.
func newLagged(t testing.TB, f Faults) *lagged {
	h := &lagged{aided: newAided(t, func(c *Config) { c.Faults = f }), wrote: []time.Duration{0}}
	h.create(indexTable)
	return h
}

// write makes the next version.
func (h *lagged) write() {
	h.t.Helper()
	h.put("index", fmt.Sprintf(`{"p":{"S":"p"},"s":{"S":"s"},"g":{"S":"g"},"h":{"N":"1"},"l":{"S":"l"},"n":{"N":"%d"}}`, len(h.wrote)))
	h.wrote = append(h.wrote, time.Duration(h.ahead.Load()))
}

// lagReads are the kinds of reads, by what they can lag.
var lagReads = []struct {
	name, body string
	op         ddb.Operation
	// strong reads never lag; indexed ones lag as global indexes do.
	strong, indexed bool
}{
	{"GetItem", `{"TableName":"index","Key":{"p":{"S":"p"},"s":{"S":"s"}}}`, ddb.GetItem, false, false},
	{"strong GetItem", `{"TableName":"index","Key":{"p":{"S":"p"},"s":{"S":"s"}},"ConsistentRead":true}`, ddb.GetItem, true, false},
	{"BatchGetItem", `{"RequestItems":{"index":{"Keys":[{"p":{"S":"p"},"s":{"S":"s"}}]}}}`, ddb.BatchGetItem, false, false},
	{"strong BatchGetItem", `{"RequestItems":{"index":{"Keys":[{"p":{"S":"p"},"s":{"S":"s"}}],"ConsistentRead":true}}}`, ddb.BatchGetItem, true, false},
	{"Query", `{"TableName":"index","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}}}`, ddb.Query, false, false},
	{"strong Query", `{"TableName":"index","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"ConsistentRead":true}`, ddb.Query, true, false},
	{"Query of a local index", `{"TableName":"index","IndexName":"lall","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}}}`, ddb.Query, false, false},
	{"Query that fetches", `{"TableName":"index","IndexName":"lkeys","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"Select":"ALL_ATTRIBUTES"}`, ddb.Query, false, false},
	{"strong Query that fetches", `{"TableName":"index","IndexName":"lkeys","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"Select":"ALL_ATTRIBUTES","ConsistentRead":true}`, ddb.Query, true, false},
	{"Query of a global index", `{"TableName":"index","IndexName":"all","KeyConditionExpression":"g = :p","ExpressionAttributeValues":{":p":{"S":"g"}}}`, ddb.Query, false, true},
	{"Scan", `{"TableName":"index"}`, ddb.Scan, false, false},
	{"strong Scan", `{"TableName":"index","ConsistentRead":true}`, ddb.Scan, true, false},
	{"Scan of a global index", `{"TableName":"index","IndexName":"all"}`, ddb.Scan, false, true},
	{"SELECT", `{"Statement":"SELECT * FROM \"index\" WHERE p = 'p'"}`, ddb.ExecuteStatement, false, false},
	{"strong SELECT", `{"Statement":"SELECT * FROM \"index\" WHERE p = 'p'","ConsistentRead":true}`, ddb.ExecuteStatement, true, false},
	{"SELECT of a global index", `{"Statement":"SELECT * FROM \"index\".\"all\" WHERE g = 'g'"}`, ddb.ExecuteStatement, false, true},
	{"SELECT in a batch", `{"Statements":[{"Statement":"SELECT * FROM \"index\" WHERE p = 'p' AND s = 's'"}]}`, ddb.BatchExecuteStatement, false, false},
	{"TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"index","Key":{"p":{"S":"p"},"s":{"S":"s"}}}}]}`, ddb.TransactGetItems, true, false},
}

// read is the version that read i sees.
func (h *lagged) read(i int) int {
	h.t.Helper()
	body := h.answer(lagReads[i].op, lagReads[i].body)
	return versionIn(h.t, body)
}

// versionIn finds the value of attribute n in an answer; 0 if there is none.
func versionIn(t testing.TB, body string) int {
	t.Helper()
	_, rest, found := strings.Cut(body, `"n":{"N":"`)
	if !found {
		return 0
	}
	digits, _, _ := strings.Cut(rest, `"`)
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatalf("version in %s: %v", body, err)
	}
	return n
}

// lagRanges draws a Lag of up to a second.
var lagRanges = rapid.Custom(func(t *rapid.T) Lag {
	most := time.Duration(rapid.IntRange(0, 1000).Draw(t, "max")) * time.Millisecond
	return Lag{Min: time.Duration(rapid.IntRange(0, int(most)).Draw(t, "min")), Max: most}
})

// Properties, for any bounds and any script of writes, waits and reads:
//   - a strong read, and one in a transaction, sees the newest version;
//   - any other sees a version that was the newest at some time within the bound;
//   - it sees none that is younger than the least lag, to within a step.
func TestLagKeepsItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		f := Faults{
			Seed:       rapid.Uint64().Draw(rt, "seed"),
			ReplicaLag: lagRanges.Draw(rt, "replica lag"),
			IndexLag:   lagRanges.Draw(rt, "index lag"),
		}
		h := newLagged(t, f)
		defer h.close()
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) { h.write() },
			"wait": func(rt *rapid.T) {
				h.wait(time.Duration(rapid.IntRange(0, 400).Draw(rt, "milliseconds")) * time.Millisecond)
			},
			"wait a moment": func(rt *rapid.T) {
				h.wait(time.Duration(rapid.IntRange(0, 20).Draw(rt, "milliseconds")) * time.Millisecond)
			},
			"read": func(rt *rapid.T) {
				i := rapid.IntRange(0, len(lagReads)-1).Draw(rt, "kind")
				kind, got, newest := lagReads[i], h.read(i), len(h.wrote)-1
				if kind.strong {
					if got != newest {
						rt.Fatalf("%s sees version %d, want %d", kind.name, got, newest)
					}
					return
				}
				now, low, high := time.Duration(h.ahead.Load()), f.ReplicaLag.Min, f.ReplicaLag.Max
				if kind.indexed {
					low, high = max(low, f.IndexLag.Min), max(high, f.IndexLag.Max)
				}
				if got < newest && now-h.wrote[got+1] > high {
					rt.Fatalf("%s sees version %d, which was replaced %v ago; the bound is %v", kind.name, got, now-h.wrote[got+1], high)
				}
				step := max(f.ReplicaLag.Max, f.IndexLag.Max) / lagSteps
				if got > 0 && now-h.wrote[got] < low-step {
					rt.Fatalf("%s sees version %d, which is %v old; the least lag is %v", kind.name, got, now-h.wrote[got], low)
				}
			},
		})
	})
}

// versionsSeen is what a fixed script of writes and reads sees.
func versionsSeen(t *testing.T, f Faults) []int {
	t.Helper()
	h := newLagged(t, f)
	defer h.close()
	var seen []int
	for range 40 {
		h.write()
		h.wait(25 * time.Millisecond)
		for i := range lagReads {
			seen = append(seen, h.read(i))
		}
	}
	return seen
}

func TestLagRepeatsWithItsSeed(t *testing.T) {
	t.Parallel()
	f := Faults{Seed: 7, ReplicaLag: Lag{Max: 300 * time.Millisecond}, IndexLag: Lag{Max: 600 * time.Millisecond}}
	first := versionsSeen(t, f)
	if again := versionsSeen(t, f); !slices.Equal(first, again) {
		t.Errorf("the same seed gave other versions:\n%v\n%v", first, again)
	}
	f.Seed = 8
	if other := versionsSeen(t, f); slices.Equal(first, other) {
		t.Errorf("another seed gave the same versions: %v", first)
	}
}

func TestReadsReallyLag(t *testing.T) {
	t.Parallel()
	h := newLagged(t, Faults{ReplicaLag: Lag{Max: 100 * time.Millisecond}, IndexLag: Lag{Max: time.Second}})
	defer h.close()
	behind := make([]int, len(lagReads))
	for range 200 {
		h.write()
		h.wait(10 * time.Millisecond)
		for i := range lagReads {
			behind[i] += len(h.wrote) - 1 - h.read(i)
		}
	}
	for i, kind := range lagReads {
		// Ten versions are written in 100 ms, a hundred in a second: on average half of that is missed.
		low, high := 3*200, 7*200
		switch {
		case kind.strong:
			low, high = 0, 0
		case kind.indexed:
			low, high = 30*200, 60*200
		}
		if behind[i] < low || behind[i] > high {
			t.Errorf("%s: %d versions behind in 200 reads, want %d to %d", kind.name, behind[i], low, high)
		}
	}
	// Once it is off nothing lags, and nothing is kept.
	h.faults(Faults{})
	h.write()
	for i, kind := range lagReads {
		if got, want := h.read(i), len(h.wrote)-1; got != want {
			t.Errorf("%s sees version %d after lag was switched off, want %d", kind.name, got, want)
		}
	}
}

// Property, with real time and writers and readers at once: when a read begins, what it will see was replaced by nothing that was
// acknowledged longer ago than the bound.
func TestLagKeepsItsBoundUnderLoad(t *testing.T) {
	t.Parallel()
	const bound, writes = 20 * time.Millisecond, 1500
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Faults = true, Faults{ReplicaLag: Lag{Max: bound}, IndexLag: Lag{Max: bound}}
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, e: e}
	h.create(indexTable)
	var mu sync.Mutex
	acknowledged := []time.Time{time.Now()}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for worker := range 4 {
		readers.Go(func() {
			for n := worker; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				kind := lagReads[n%len(lagReads)]
				began := time.Now()
				resp, err := e.Do(t.Context(), ddb.NewRequest(kind.op, []byte(kind.body)))
				if err != nil {
					// A transaction may conflict with nothing here.
					t.Errorf("%s: %v", kind.name, err)
					return
				}
				body, err := resp.JSON()
				if err != nil {
					t.Error(err)
					return
				}
				got := versionIn(t, string(body))
				mu.Lock()
				if got+1 < len(acknowledged) && began.Sub(acknowledged[got+1]) > bound {
					t.Errorf("%s sees version %d, which was replaced %v before it began", kind.name, got, began.Sub(acknowledged[got+1]))
				}
				mu.Unlock()
			}
		})
	}
	for n := 1; n <= writes; n++ {
		h.put("index", fmt.Sprintf(`{"p":{"S":"p"},"s":{"S":"s"},"g":{"S":"g"},"h":{"N":"1"},"l":{"S":"l"},"n":{"N":"%d"}}`, n))
		mu.Lock()
		acknowledged = append(acknowledged, time.Now())
		mu.Unlock()
	}
	close(done)
	readers.Wait()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// Property: whatever the bounds, and though shards end, a reader of a stream gets every record once and in order, each no later
// than the bound after its write.
func TestLaggingStreamsLoseNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		lag := lagRanges.Draw(rt, "stream lag")
		seed := rapid.Uint64().Draw(rt, "seed")
		h := newAided(t, func(c *Config) { c.Streams, c.Faults = oneShard(), Faults{Seed: seed, StreamLag: lag} })
		defer h.close()
		arn := h.createStream("events", "NEW_IMAGE")
		shard := h.shards(arn)[0].ShardId
		// kind and last say where in the shard the reader is.
		kind, last, ended := "TRIM_HORIZON", "", 0
		iterator := h.iterator(arn, shard, kind, last)
		// wrote has the times of writes, of which got were seen.
		var wrote []time.Duration
		got := 0
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) {
				h.put("events", fmt.Sprintf(`{"p":{"S":"p"},"s":{"N":"1"},"n":{"N":"%d"}}`, len(wrote)+1))
				wrote = append(wrote, time.Duration(h.ahead.Load()))
			},
			"wait": func(rt *rapid.T) {
				h.wait(time.Duration(rapid.IntRange(0, 400).Draw(rt, "milliseconds")) * time.Millisecond)
			},
			"end the shard": func(rt *rapid.T) {
				// Records are kept for a day.
				if ended == 4 {
					return
				}
				ended++
				// Shards and iterators go by the engine's time, lag does not.
				h.e.AdvanceClock(4*time.Hour + time.Minute)
				if err := h.e.tend(t.Context()); err != nil {
					rt.Fatal(err)
				}
				iterator = h.iterator(arn, shard, kind, last)
			},
			"read": func(rt *rapid.T) {
				out := typed[ddb.GetRecordsOutput](h.harness, ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q,"Limit":3}`, iterator))
				for _, r := range out.Records {
					n, _ := r.DynamoDB.NewImage.Get("n")
					if got++; n.Num() != strconv.Itoa(got) {
						rt.Fatalf("record %d is of version %s", got, n.Num())
					}
					kind, last = "AFTER_SEQUENCE_NUMBER", r.DynamoDB.SequenceNumber
				}
				now := time.Duration(h.ahead.Load())
				if len(out.Records) < 3 && out.NextShardIterator != nil && got < len(wrote) && now-wrote[got] > lag.Max {
					rt.Fatalf("version %d is not there %v after it was written; the bound is %v", got+1, now-wrote[got], lag.Max)
				}
				if out.NextShardIterator != nil {
					iterator = *out.NextShardIterator
					return
				}
				children := h.shards(arn)
				at := slices.IndexFunc(children, func(s ddb.Shard) bool { return s.ParentShardId == shard })
				if at < 0 {
					rt.Fatalf("shard %s has ended and has no child", shard)
				}
				shard, kind, last = children[at].ShardId, "TRIM_HORIZON", ""
				iterator = h.iterator(arn, shard, kind, last)
			},
		})
	})
}

func TestAReadWhoseViewWasReplacedMeanwhileGivesItBack(t *testing.T) {
	t.Parallel()
	h := newLagged(t, Faults{ReplicaLag: Lag{Min: time.Second, Max: time.Second}})
	h.wait(10 * time.Second)
	v := h.e.acquireView()
	// What was the newest view is now one that is kept, and the one to be seen.
	h.write()
	tab, bad := v.table("", "index")
	if bad != nil {
		t.Fatal(bad)
	}
	seen := h.e.replica(v, tab, nil, false)
	if seen != v {
		t.Error("the read does not see the view before the write")
	}
	seen.releaseUnless(v)
	v.release()
	h.close() // reports what was not given back
}

func TestFewViewsAreKeptForLag(t *testing.T) {
	t.Parallel()
	h := newLagged(t, Faults{ReplicaLag: Lag{Max: time.Second}})
	defer h.close()
	for range 1000 {
		h.write()
		h.wait(3 * time.Millisecond)
	}
	l := h.e.lag.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.kept); n < lagSteps/2 || n > lagSteps+1 {
		t.Errorf("%d views are kept, want about %d", n, lagSteps)
	}
}

func TestLagDoesNotShowAnIndexBeingBuilt(t *testing.T) {
	t.Parallel()
	h := openAided(t, func(c *Config) { c.Faults = Faults{IndexLag: Lag{Min: time.Second, Max: time.Second}} })
	h.create(hashTable)
	h.put("hash", `{"p":{"S":"a"},"g":{"S":"g"}}`)
	h.wait(2 * time.Second)
	h.answer(ddb.UpdateTable, `{"TableName":"hash","AttributeDefinitions":[{"AttributeName":"g","AttributeType":"S"}],"GlobalSecondaryIndexUpdates":[
		{"Create":{"IndexName":"gsi","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}}]}`)
	h.chores()
	// The view of a second ago has no index.
	h.ok(ddb.Scan, `{"TableName":"hash","IndexName":"gsi"}`, `{"Items":[{"p":{"S":"a"},"g":{"S":"g"}}],"Count":1,"ScannedCount":1}`)
	h.wait(500 * time.Millisecond)
	h.put("hash", `{"p":{"S":"b"},"g":{"S":"g"}}`)
	if got := h.member(ddb.Scan, `{"TableName":"hash","IndexName":"gsi"}`, "Count"); got != "1" {
		t.Errorf("the index has %s items at once, want the 1 of before", got)
	}
	h.wait(time.Second)
	if got := h.member(ddb.Scan, `{"TableName":"hash","IndexName":"gsi"}`, "Count"); got != "2" {
		t.Errorf("the index has %s items after the lag, want 2", got)
	}
}

func TestTablesMadeAnewDoNotShowTheItemsOfTheOldOnes(t *testing.T) {
	t.Parallel()
	h := openAided(t, func(c *Config) { c.Faults = Faults{ReplicaLag: Lag{Min: time.Second, Max: time.Second}} })
	h.create(hashTable)
	h.put("hash", `{"p":{"S":"a"}}`)
	h.wait(5 * time.Second)
	h.answer(ddb.DeleteTable, `{"TableName":"hash"}`)
	h.create(hashTable)
	h.ok(ddb.Scan, `{"TableName":"hash"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{}`)
}
