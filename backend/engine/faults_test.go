package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace/ddb"
)

func TestRulesStrikeByOperationAndTable(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	h.create(hashTable, rangeTable)
	const get = `{"TableName":"%s","Key":%s}`
	hash, ranged := fmt.Sprintf(get, "hash", `{"p":{"S":"a"}}`), fmt.Sprintf(get, "range", `{"p":{"S":"a"},"s":{"N":"1"}}`)
	f := func(r FaultRule, op ddb.Operation, body string, struck bool) {
		t.Helper()
		r.Name, r.Error = "rule", "ThrottlingException"
		h.faults(Faults{Rules: []FaultRule{r}})
		_, bad := h.do(op, body)
		if got := bad != nil && bad.Code == "ThrottlingException"; got != struck {
			t.Errorf("%s %s under %+v: struck %t, want %t", op, body, r, got, struck)
		}
	}
	f(FaultRule{}, ddb.GetItem, hash, true)
	f(FaultRule{Tables: "hash"}, ddb.GetItem, hash, true)
	f(FaultRule{Tables: "h*"}, ddb.GetItem, ranged, false)
	f(FaultRule{Operations: []ddb.Operation{ddb.PutItem, ddb.GetItem}}, ddb.GetItem, ranged, true)
	f(FaultRule{Operations: []ddb.Operation{ddb.PutItem}}, ddb.GetItem, ranged, false)
	// However the table is named, and wherever.
	arn := "arn:aws:dynamodb:us-east-1:000000000000:table/hash"
	f(FaultRule{Tables: "hash"}, ddb.GetItem, fmt.Sprintf(get, arn, `{"p":{"S":"a"}}`), true)
	f(FaultRule{Tables: "hash"}, ddb.ListTagsOfResource, `{"ResourceArn":"`+arn+`"}`, true)
	f(FaultRule{Tables: "hash"}, ddb.BatchGetItem, `{"RequestItems":{"range":{"Keys":[{"p":{"S":"a"},"s":{"N":"1"}}]},"hash":{"Keys":[{"p":{"S":"a"}}]}}}`, true)
	f(FaultRule{Tables: "hash"}, ddb.TransactGetItems, `{"TransactItems":[{"Get":`+ranged+`},{"Get":`+hash+`}]}`, true)
	f(FaultRule{Tables: "hash"}, ddb.TransactWriteItems, `{"TransactItems":[{"Delete":`+hash+`}]}`, true)
	f(FaultRule{Tables: "hash"}, ddb.ExecuteStatement, `{"Statement":"SELECT * FROM hash"}`, true)
	f(FaultRule{Tables: "hash"}, ddb.BatchExecuteStatement, `{"Statements":[{"Statement":"SELECT * FROM \"hash\" WHERE p = 'a'"}]}`, true)
	f(FaultRule{Tables: "hash"}, ddb.GetRecords, `{"ShardIterator":"`+arn+`/stream/2026-03-01T12:00:00.000|1|x"}`, true)
	// An attribute of that name names no table.
	f(FaultRule{Tables: "hash"}, ddb.PutItem, `{"TableName":"range","Item":{"p":{"S":"a"},"s":{"N":"1"},"TableName":{"S":"hash"}}}`, false)
	f(FaultRule{Tables: "hash"}, ddb.ListTables, `{}`, false)
	f(FaultRule{}, ddb.ListTables, `{}`, true)
	// What cannot be read is refused as ever.
	f(FaultRule{}, ddb.GetItem, `{"TableName":"hash"}`, false)
	h.faults(Faults{})
	h.ok(ddb.GetItem, hash, `{}`)
}

func TestInjectedErrorsAreDynamoDBs(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	h.create(hashTable)
	f := func(code string, status int, message string) {
		t.Helper()
		h.faults(Faults{Rules: []FaultRule{{Name: "x", Error: code}}})
		if bad := h.fails(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, code, message); bad.HTTPStatus() != status {
			t.Errorf("%s has status %d, want %d", code, bad.HTTPStatus(), status)
		}
	}
	f("ProvisionedThroughputExceededException", 400, "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.")
	f("InternalServerError", 500, "Internal server error")
	f("ServiceUnavailable", 503, "DynamoDB is currently unavailable.")
	for _, code := range FaultErrors() {
		h.faults(Faults{Rules: []FaultRule{{Name: "x", Error: code}}})
		if _, bad := h.do(ddb.ListTables, `{}`); bad == nil || bad.Code != code || bad.Message == "" {
			t.Errorf("injected %s, got %v", code, bad)
		}
	}
}

func TestErrorsBeforeTheCommitChangeNothingAndErrorsAfterItDo(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	h.create(hashTable)
	put := func(p string, r FaultRule) *ddb.Error {
		t.Helper()
		r.Name, r.Error, r.Operations = "x", "InternalServerError", []ddb.Operation{ddb.PutItem}
		h.faults(Faults{Rules: []FaultRule{r}})
		_, bad := h.do(ddb.PutItem, fmt.Sprintf(`{"TableName":"hash","Item":{"p":{"S":%q}},"ConditionExpression":"attribute_not_exists(p)"}`, p))
		return bad
	}
	stored := func(p string) bool {
		t.Helper()
		return h.member(ddb.GetItem, fmt.Sprintf(`{"TableName":"hash","Key":{"p":{"S":%q}}}`, p), "Item") != ""
	}
	if bad := put("before", FaultRule{}); bad == nil || bad.HTTPStatus() != 500 || stored("before") {
		t.Errorf("a failure before the commit: error %v, stored %t", bad, stored("before"))
	}
	if bad := put("after", FaultRule{After: true}); bad == nil || bad.HTTPStatus() != 500 || !stored("after") {
		t.Errorf("a failure after the commit: error %v, stored %t", bad, stored("after"))
	}
	// What was refused was not committed, and is told as it is.
	if bad := put("after", FaultRule{After: true}); bad == nil || bad.Code != "ConditionalCheckFailedException" {
		t.Errorf("a refused write fails with %v, want its own refusal", bad)
	}
}

// struck lists which of n requests a rule strikes.
func (h *aided) struck(n int, f Faults) []int {
	h.t.Helper()
	h.faults(f)
	var out []int
	for i := range n {
		if _, bad := h.do(ddb.ListTables, `{}`); bad != nil {
			out = append(out, i)
		}
	}
	return out
}

func TestRulesRepeatWithTheirSeed(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	const n = 2000
	f := Faults{Seed: 42, Rules: []FaultRule{{Name: "x", Error: "InternalServerError", Probability: 0.2}}}
	first := h.struck(n, f)
	if again := h.struck(n, f); !slices.Equal(first, again) {
		t.Errorf("the same seed strikes other requests:\n%v\n%v", first, again)
	}
	if got, want := h.e.FaultCounts()["x"], uint64(len(first)); got != want {
		t.Errorf("FaultCounts() = %d, want %d", got, want)
	}
	if len(first) < n/6 || len(first) > n/4 {
		t.Errorf("%d of %d requests are struck, want about a fifth", len(first), n)
	}
	f.Seed = 43
	if other := h.struck(n, f); slices.Equal(first, other) {
		t.Error("another seed strikes the same requests")
	}
	// Rules draw for themselves.
	f.Seed, f.Rules[0].Name = 42, "y"
	if other := h.struck(n, f); slices.Equal(first, other) {
		t.Error("another rule strikes the same requests")
	}
}

func TestRulesSkipAndCount(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	f := func(r FaultRule, want ...int) {
		t.Helper()
		r.Name, r.Error = "x", "InternalServerError"
		if got := h.struck(6, Faults{Rules: []FaultRule{r}}); !slices.Equal(got, want) {
			t.Errorf("%+v strikes %v, want %v", r, got, want)
		}
	}
	f(FaultRule{}, 0, 1, 2, 3, 4, 5)
	f(FaultRule{Count: 2}, 0, 1)
	f(FaultRule{Skip: 4}, 4, 5)
	f(FaultRule{Skip: 1, Count: 3}, 1, 2, 3)
}

func TestLatencyIsAdded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := openAided(t, nil)
		h.create(hashTable)
		took := func(op ddb.Operation, body string) time.Duration {
			began := time.Now()
			h.answer(op, body)
			return time.Since(began)
		}
		h.faults(Faults{Rules: []FaultRule{
			{Name: "all", Latency: Latency{Min: 5 * time.Millisecond}},
			{Name: "reads", Operations: []ddb.Operation{ddb.GetItem}, Tables: "hash", Latency: Latency{Min: 20 * time.Millisecond}},
			{Name: "late", Operations: []ddb.Operation{ddb.GetItem}, After: true, Latency: Latency{Min: time.Second}},
		}})
		if got, want := took(ddb.ListTables, `{}`), 5*time.Millisecond; got != want {
			t.Errorf("ListTables took %v, want %v", got, want)
		}
		if got, want := took(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`), 1025*time.Millisecond; got != want {
			t.Errorf("GetItem took %v, want %v", got, want)
		}
	})
}

func TestLatencyEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := openAided(t, nil)
		h.create(hashTable)
		put := func(p string, after bool) error {
			h.faults(Faults{Rules: []FaultRule{{Name: "x", Operations: []ddb.Operation{ddb.PutItem}, After: after, Latency: Latency{Min: time.Hour}}}})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := h.e.Do(ctx, ddb.NewRequest(ddb.PutItem, []byte(`{"TableName":"hash","Item":{"p":{"S":"`+p+`"}}}`)))
			return err
		}
		if err := put("before", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a write held up before it was executed ends with %v, want that of its context", err)
		}
		// It was committed, and that is what is told.
		if err := put("after", true); err != nil {
			t.Errorf("a write held up after it was executed ends with %v, want success", err)
		}
		h.ok(ddb.Scan, `{"TableName":"hash"}`, `{"Items":[{"p":{"S":"after"}}],"Count":1,"ScannedCount":1}`)
	})
}

func TestLatencyTexts(t *testing.T) {
	t.Parallel()
	f := func(text string, want Latency) {
		t.Helper()
		got, err := ParseLatency(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseLatency(%q) = %+v, %v; String %q; want %+v", text, got, err, got, want)
		}
	}
	f("", Latency{})
	f("5ms", Latency{Min: 5 * time.Millisecond})
	f("2ms-20ms", Latency{Min: 2 * time.Millisecond, Max: 20 * time.Millisecond})
	f("2ms~40ms", Latency{Min: 2 * time.Millisecond, Max: 40 * time.Millisecond, Skewed: true})
	for _, bad := range []string{"5", "-5ms", "20ms-2ms", "2ms-", "~2ms", "0s~1s", "2ms~2ms", "x"} {
		if l, err := ParseLatency(bad); err == nil {
			t.Errorf("ParseLatency(%q) = %+v, want an error", bad, l)
		}
	}
}

func TestLatencyDistributions(t *testing.T) {
	t.Parallel()
	quantiles := func(l Latency) (median, high, most time.Duration) {
		var all []time.Duration
		for n := range uint64(20000) {
			all = append(all, l.draw(99, n))
		}
		slices.Sort(all)
		return all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
	}
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if math.Abs(float64(got-want)) > 0.1*float64(want) {
			t.Errorf("%s is %v, want about %v", what, got, want)
		}
	}
	median, high, most := quantiles(Latency{Min: 10 * time.Millisecond, Max: 30 * time.Millisecond})
	near("median of alike", median, 20*time.Millisecond)
	near("99th percentile of alike", high, 29800*time.Microsecond)
	if most >= 30*time.Millisecond {
		t.Errorf("most of alike is %v, want less than 30ms", most)
	}
	median, high, _ = quantiles(Latency{Min: 2 * time.Millisecond, Max: 40 * time.Millisecond, Skewed: true})
	near("median of skewed", median, 2*time.Millisecond)
	near("99th percentile of skewed", high, 40*time.Millisecond)
}

func TestBatchesAreLeftUnprocessed(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	h.create(hashTable, rangeTable)
	var puts, keys []string
	for i := range 20 {
		puts = append(puts, fmt.Sprintf(`{"PutRequest":{"Item":{"p":{"S":"%d"}}}}`, i))
		keys = append(keys, fmt.Sprintf(`{"p":{"S":"%d"}}`, i))
	}
	write := `{"hash":[` + strings.Join(puts, ",") + `],"range":[{"PutRequest":{"Item":{"p":{"S":"a"},"s":{"N":"1"}}}}]}`
	h.faults(Faults{Seed: 1, Rules: []FaultRule{{Name: "x", Tables: "hash", Probability: 0.5, Unprocessed: true}}})
	// All is done once what is left is sent again and again, and nothing twice.
	rounds := 0
	for ; write != "{}"; rounds++ {
		body, none := h.do(ddb.BatchWriteItem, `{"RequestItems":`+write+`}`)
		if none != nil {
			continue
		}
		write = h.field(body, "UnprocessedItems")
		if strings.Contains(write, "range") {
			t.Fatalf("a rule about hash leaves elements of range: %s", write)
		}
	}
	if rounds < 2 {
		t.Errorf("all was done in %d rounds", rounds)
	}
	if got := h.member(ddb.Scan, `{"TableName":"hash"}`, "Count"); got != "20" {
		t.Errorf("%s items were put, want 20", got)
	}
	read, found := `{"hash":{"Keys":[`+strings.Join(keys, ",")+`],"ConsistentRead":true,"ProjectionExpression":"p"}}`, 0
	for rounds = 0; read != "{}"; rounds++ {
		body, none := h.do(ddb.BatchGetItem, `{"RequestItems":`+read+`,"ReturnConsumedCapacity":"TOTAL"}`)
		if none != nil {
			continue
		}
		resp := h.decodeBatch(body)
		found += len(resp.Responses["hash"])
		if got, want := resp.ConsumedCapacity[0].CapacityUnits, float64(len(resp.Responses["hash"])); got != want {
			t.Errorf("%v units for %v items", got, want)
		}
		read = string(resp.UnprocessedKeys)
		// The options stay with the keys.
		if read != "{}" && (!strings.Contains(read, `"ConsistentRead":true`) || !strings.Contains(read, `"ProjectionExpression":"p"`)) {
			t.Fatalf("UnprocessedKeys = %s, want the table's options in it", read)
		}
	}
	if rounds < 2 || found != 20 {
		t.Errorf("%d items were read in %d rounds", found, rounds)
	}
	// (API Reference, BatchGetItem and BatchWriteItem: none at all is an exception.)
	h.faults(Faults{Rules: []FaultRule{{Name: "x", Unprocessed: true}}})
	h.fails(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[{"p":{"S":"1"}}]}}}`, "ProvisionedThroughputExceededException", textTableThroughput)
	h.fails(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"DeleteRequest":{"Key":{"p":{"S":"1"}}}}]}}`, "ProvisionedThroughputExceededException", textTableThroughput)
}

func TestTheClockCanBeMoved(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	h.create(hashTable)
	h.answer(ddb.UpdateTimeToLive, `{"TableName":"hash","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"t"}}`)
	h.put("hash", fmt.Sprintf(`{"p":{"S":"a"},"t":{"N":"%d"}}`, aidedStart.Add(time.Hour).Unix()))
	sweep := func(want string) {
		t.Helper()
		if err := h.e.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.member(ddb.Scan, `{"TableName":"hash"}`, "Count"); got != want {
			t.Errorf("%v ahead there are %s items, want %s", h.e.ClockOffset(), got, want)
		}
	}
	h.e.AdvanceClock(59 * time.Minute)
	sweep("1")
	h.e.AdvanceClock(2 * time.Minute)
	sweep("0")
	if got, want := h.e.ClockOffset(), 61*time.Minute; got != want {
		t.Errorf("ClockOffset() = %v, want %v", got, want)
	}
	h.e.SetClockOffset(-time.Hour)
	if got, want := h.e.cfg.Clock(), aidedStart.Add(-time.Hour); !got.Equal(want) {
		t.Errorf("the engine's time is %v, want %v", got, want)
	}
}

func TestMovingTheClockExpiresAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := openAided(t, func(c *Config) { c.SweepInterval = 1000 * time.Hour })
		h.create(hashTable)
		h.answer(ddb.UpdateTimeToLive, `{"TableName":"hash","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"t"}}`)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- h.e.Run(ctx) }()
		synctest.Wait()
		for name, move := range map[string]func(){
			"AdvanceClock":   func() { h.e.AdvanceClock(2 * time.Hour) },
			"SetClockOffset": func() { h.e.SetClockOffset(2 * time.Hour) },
		} {
			h.e.SetClockOffset(0)
			synctest.Wait()
			h.put("hash", fmt.Sprintf(`{"p":{"S":"a"},"t":{"N":"%d"}}`, aidedStart.Add(time.Hour).Unix()))
			move()
			synctest.Wait()
			if got := h.member(ddb.Scan, `{"TableName":"hash"}`, "Count"); got != "0" {
				t.Errorf("after %s there are %s items, want none", name, got)
			}
		}
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

func TestFaultsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	h := openAided(t, nil)
	f := func(f Faults, want string) {
		t.Helper()
		if err := h.e.SetFaults(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetFaults(%+v) = %v, want %q", f, err, want)
		}
	}
	rule := func(r FaultRule) Faults { return Faults{Rules: []FaultRule{r}} }
	f(Faults{ReplicaLag: Lag{Min: time.Second}}, "ReplicaLag")
	f(Faults{IndexLag: Lag{Min: -1, Max: time.Second}}, "IndexLag")
	f(Faults{Creating: -1}, "Creating")
	f(rule(FaultRule{}), "does nothing")
	f(rule(FaultRule{Error: "NoSuchException"}), `"NoSuchException"`)
	f(rule(FaultRule{Error: "ThrottlingException", Probability: 1.5}), "probability")
	f(rule(FaultRule{Error: "ThrottlingException", Probability: math.NaN()}), "probability")
	f(rule(FaultRule{Error: "ThrottlingException", Tables: "["}), "glob")
	f(rule(FaultRule{Error: "ThrottlingException", Count: -1}), "count")
	f(rule(FaultRule{Error: "ThrottlingException", Unprocessed: true}), "unprocessed")
	f(rule(FaultRule{Error: "ThrottlingException", Operations: []ddb.Operation{ddb.UnknownOperation}}), "operations")
	f(Faults{Rules: []FaultRule{{Error: "ThrottlingException"}, {Error: "ThrottlingException"}}}, "twice")
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Faults = true, rule(FaultRule{})
	if _, err := Open(cfg); err == nil {
		t.Error("Open takes faults that SetFaults refuses")
	}
	if got := h.e.Faults(); len(got.Rules) != 0 {
		t.Errorf("refused faults are in force: %+v", got)
	}
}
