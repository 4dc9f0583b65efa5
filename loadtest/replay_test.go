package loadtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace/ddb"
	"millrace/internal/node"
	"millrace/internal/node/nodetest"
)

// asked is what is compared of a recorded request: everything but its moment, with keys numbered in the order in which they
// first come, so that two recordings with secrets of their own can be equal.
func asked(t *testing.T, file, prefix string) (requests []string, at []time.Duration, text string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := readTrace(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("read %s: %v\n%s", file, err, b)
	}
	if !trace.Whole || trace.Lost != 0 {
		t.Errorf("%s is whole: %v, lost: %d", file, trace.Whole, trace.Lost)
	}
	known := map[string]int{}
	number := func(value string) string {
		if value == "" {
			return "-"
		}
		if known[value] == 0 {
			known[value] = len(known) + 1
		}
		return fmt.Sprint(known[value], value[2:3])
	}
	for i := range trace.requests {
		r := &trace.requests[i]
		line := fmt.Sprintf("%v limit %d found %d descending %v consistent %v", r.op, r.limit, r.found, r.descending, r.consistent)
		for _, p := range r.parts {
			index := ""
			if p.index != nil {
				index = p.index.name
			}
			line += fmt.Sprintf(" | %s %s %s %s %s", strings.TrimPrefix(p.table.name, prefix), index, p.do, number(p.partition), number(p.sort))
		}
		requests = append(requests, line)
		at = append(at, r.at)
	}
	return requests, at, string(b)
}

// record serves, runs play against it and returns what was recorded.
func record(t *testing.T, keys, prefix string, play func(url string)) (file string, requests []string, at []time.Duration, text string) {
	t.Helper()
	file = t.TempDir() + "/requests.trace"
	url, stop := nodetest.Start(t, func(c *node.Config) { c.Record.File, c.Record.Keys = file, keys })
	play(url)
	stop()
	requests, at, text = asked(t, file, prefix)
	return file, requests, at, text
}

// story is made of requests of every kind that can be replayed, about keys of all types.
var story = []struct {
	op   ddb.Operation
	body string
}{
	{ddb.PutItem, `{"TableName":"orders","Item":{"who":{"S":"ann"},"n":{"N":"1"},"state":{"S":"open"},"note":{"S":"secret"}}}`},
	{ddb.PutItem, `{"TableName":"orders","Item":{"who":{"S":"ann"},"n":{"N":"2"},"state":{"S":"open"}}}`},
	{ddb.GetItem, `{"TableName":"orders","Key":{"who":{"S":"ann"},"n":{"N":"1.0"}}}`},
	{ddb.GetItem, `{"TableName":"orders","Key":{"n":{"N":"9"},"who":{"S":"ann"}},"ConsistentRead":true}`},
	{ddb.Query, `{"TableName":"orders","KeyConditionExpression":"who = :w","ExpressionAttributeValues":{":w":{"S":"ann"}},"ScanIndexForward":false}`},
	{ddb.Query, `{"TableName":"orders","KeyConditionExpression":"who = :w AND n = :n","ExpressionAttributeValues":{":w":{"S":"ann"},":n":{"N":"2"}}}`},
	{ddb.UpdateItem, `{"TableName":"orders","Key":{"who":{"S":"bob"},"n":{"N":"1"}},"UpdateExpression":"SET note = :x","ExpressionAttributeValues":{":x":{"S":"hidden"}}}`},
	{ddb.BatchWriteItem, `{"RequestItems":{"orders":[{"PutRequest":{"Item":{"who":{"S":"cy"},"n":{"N":"5"}}}},{"DeleteRequest":{"Key":{"who":{"S":"ann"},"n":{"N":"2"}}}}]}}`},
	{ddb.BatchGetItem, `{"RequestItems":{"orders":{"Keys":[{"who":{"S":"ann"},"n":{"N":"1"}},{"who":{"S":"cy"},"n":{"N":"5"}}]}}}`},
	{ddb.TransactWriteItems, `{"TransactItems":[{"Put":{"TableName":"orders","Item":{"who":{"S":"dee"},"n":{"N":"7"}}}},{"Update":{"TableName":"blobs","Key":{"id":{"B":"AAEC"}},"UpdateExpression":"SET a = :a","ExpressionAttributeValues":{":a":{"N":"1"}}}},{"ConditionCheck":{"TableName":"orders","Key":{"who":{"S":"bob"},"n":{"N":"1"}},"ConditionExpression":"attribute_exists(who)"}}]}`},
	{ddb.TransactGetItems, `{"TransactItems":[{"Get":{"TableName":"orders","Key":{"who":{"S":"dee"},"n":{"N":"7"}}}},{"Get":{"TableName":"blobs","Key":{"id":{"B":"AAEC"}}}}]}`},
	{ddb.Query, `{"TableName":"orders","IndexName":"by-state","KeyConditionExpression":"#s = :s","ExpressionAttributeNames":{"#s":"state"},"ExpressionAttributeValues":{":s":{"S":"none"}},"Limit":3}`},
	{ddb.DeleteItem, `{"TableName":"orders","Key":{"who":{"S":"cy"},"n":{"N":"5"}}}`},
	{ddb.Scan, `{"TableName":"blobs","Limit":10}`},
	{ddb.GetItem, `{"TableName":"blobs","Key":{"id":{"B":"AAEC"}}}`},
}

// tell makes the story's tables and plays it, a request every gap.
func tell(t *testing.T, url string, gap time.Duration) {
	t.Helper()
	target, err := newRawTarget(url, clock{time.Now()}, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newControl(target)
	defer c.close()
	call := func(op ddb.Operation, body string) {
		if _, err := c.call(t.Context(), op, []byte(body)); err != nil {
			t.Fatalf("%v: %v", op, err)
		}
	}
	call(ddb.CreateTable, `{"TableName":"orders","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"who","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}],
		"AttributeDefinitions":[{"AttributeName":"who","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"},{"AttributeName":"state","AttributeType":"S"}],
		"GlobalSecondaryIndexes":[{"IndexName":"by-state","KeySchema":[{"AttributeName":"state","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`)
	call(ddb.CreateTable, `{"TableName":"blobs","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"B"}]}`)
	ticker := time.NewTicker(gap)
	defer ticker.Stop()
	for _, s := range story {
		call(s.op, s.body)
		<-ticker.C
	}
}

// What was recorded is played, and what is recorded of that is the same: operations, tables, which keys are equal, what was
// found, order; and the same moments, or half of them at twice the speed.
func TestReplayRepeatsWhatWasRecorded(t *testing.T) {
	t.Parallel()
	for keys, speed := range map[string]float64{"hashed": 1, "plain": 2} {
		t.Run(keys, func(t *testing.T) {
			t.Parallel()
			replayStory(t, keys, speed)
		})
	}
}

// replayStory records the story with such keys and plays it at a speed.
func replayStory(t *testing.T, keys string, speed float64) {
	const gap = 100 * time.Millisecond
	file, first, when, text := record(t, keys, "", func(url string) { tell(t, url, gap) })
	if len(first) != len(story) {
		t.Fatalf("%d requests were recorded of %d:\n%s", len(first), len(story), text)
	}
	for _, secret := range []string{"secret", "hidden"} {
		if strings.Contains(text, secret) {
			t.Errorf("the trace holds %q, which is no key", secret)
		}
	}
	for _, key := range []string{`"ann"`, `"bob"`, `"AAEC"`} {
		if strings.Contains(text, key) != (keys == "plain") {
			t.Errorf("with %s keys the trace has %s: %v", keys, key, keys != "plain")
		}
	}
	_, again, _, _ := record(t, keys, "again-", func(url string) {
		trace, err := ReadTrace(file)
		if err != nil {
			t.Fatal(err)
		}
		c := quick(t, "", Target{"it", url})
		// Over one connection nothing can overtake.
		c.Replay, c.Speed, c.Prefix, c.Duration, c.Connections = trace, speed, "again-", 0, 1
		r, err := Run(t.Context(), c, NewProgress(io.Discard, false))
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Targets[0].Counts; n.Answered != len(story) || r.Settings.Unplayed != 2 {
			t.Errorf("%d of %d were answered, %d were not played (the two tables' making): %v", n.Answered, len(story), r.Settings.Unplayed, r.Targets[0].Errors)
		}
	})
	// The items that must be there are loaded in batches of their own, before.
	loads := len(again) - len(story)
	if loads < 0 {
		t.Fatalf("%d requests came of %d", len(again), len(story))
	}
	got, want := strings.Join(renumber(again[loads:]), "\n"), strings.Join(renumber(first), "\n")
	if got != want {
		t.Errorf("played\n%s\nwant\n%s", got, want)
	}
	trace, err := ReadTrace(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, sent := range moments(t, trace, speed) {
		if want := time.Duration(float64(when[i]-when[0]) / speed); (sent - want).Abs() > time.Microsecond {
			t.Errorf("at %vx request %d came %v after the first, want %v", speed, i, sent, want)
		}
	}
}

// moments are when a trace's requests come, from the first on. It is played in a bubble, where nothing is late.
func moments(t *testing.T, trace *Trace, speed float64) (at []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(nil)
		s.latency = func(int) time.Duration {
			at = append(at, time.Since(s.start))
			return 0
		}
		c := quick(t, "", Target{"it", "http://127.0.0.1:1"})
		c.Replay, c.Speed, c.Duration = trace, speed, 0
		f := newStubFleet(t, 1, time.Minute, s.pipe, bubbleSleep)
		target := &targetRun{Target: c.Targets[0], name: "it", fleet: f, grown: map[*kind]int{}}
		r := &runner{config: &c, progress: NewProgress(io.Discard, false), clock: f.clock, started: f.clock.start, window: newWindow(), targets: []*targetRun{target}}
		if err := r.measure(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.close()
		s.wg.Wait()
	})
	if len(at) != len(trace.requests) {
		t.Fatalf("%d requests came of %d", len(at), len(trace.requests))
	}
	first := at[0]
	for i := range at {
		at[i] -= first
	}
	return at
}

// renumber counts keys anew from the first line that is compared: loading has seen some before.
func renumber(lines []string) []string {
	known := map[string]int{}
	out := make([]string, 0, len(lines))
	for _, line := range lines {
		words := strings.Split(line, " ")
		for i, w := range words {
			// A key is a number and the letter of its type.
			if len(w) >= 2 && strings.ContainsAny(w[len(w)-1:], "SNB") && strings.Trim(w[:len(w)-1], "0123456789") == "" {
				if known[w] == 0 {
					known[w] = len(known) + 1
				}
				words[i] = fmt.Sprint(known[w], w[len(w)-1:])
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func TestTracesThatCannotBeReadSayWhy(t *testing.T) {
	t.Parallel()
	const head = `{"millrace_trace":1,"started":"2026-01-01T00:00:00Z","keys":"hashed"}` + "\n"
	const table = `{"table":"t","partition":"id S"}` + "\n"
	const get = `{"at":10,"took":5,"op":"GetItem","on":[{"table":"t","do":"get","key":["a"]}],"found":1,"out":20,"cache":"hit"}` + "\n"
	f := func(text, want string) {
		t.Helper()
		_, err := readTrace(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
	f("", "no request")
	f("{}\n"+get, "does not begin with a line like")
	f(`{"millrace_trace":2}`+"\n"+get, "its format is 2, this version reads 1")
	f(head+"nonsense\n"+get, "line 2")
	f(head+`{"table":"t","partition":"id"}`+"\n"+get, "line 2: table t")
	f(head+get, "no request")
	trace, err := readTrace(strings.NewReader(head + table + get + `{"at":20,"op":"CreateTable","out":1,"cache":"forward"}` + "\n" + `{"lost":3}` + "\n" + get[:30]))
	if err != nil || len(trace.requests) != 1 || trace.Unplayed != 1 || trace.Lost != 3 || trace.Whole {
		t.Errorf("a trace that was cut off reads as %+v, %v", trace, err)
	}
}

func FuzzReadTrace(f *testing.F) {
	f.Add([]byte(`{"millrace_trace":1}` + "\n" + `{"table":"t","partition":"id S","sort":"n N","indexes":[{"name":"x","partition":"a S"}]}` + "\n" +
		`{"at":1,"op":"Query","on":[{"table":"t","index":"x","key":["v"]}],"range":["BETWEEN","1","2"],"limit":1}` + "\n" +
		`{"at":1,"op":"TransactWriteItems","on":[{"table":"t","do":"put","key":["v","1"],"bytes":-5}]}`))
	// Nothing is like this that was recorded whole: a transaction that does what there is not, and names that must be quoted.
	const header, table = `{"millrace_trace":1}` + "\n", `{"table":"t","partition":"id S"}` + "\n"
	f.Add([]byte(header + table + `{"op":"TransactWriteItems","on":[{"table":"t","do":"pu","key":["v"]}]}` + "\n" + `{"op":"DeleteItem","on":[{"table":"t","key":["v"]}]}`))
	f.Add([]byte(header + `{"table":"\"\u0000","partition":"\"\\ S","sort":"a\"b \u0001c N","indexes":[{"name":"\"","partition":"x\" S","sort":"\" S"}]}` + "\n" +
		`{"op":"Query","on":[{"table":"\"\u0000","index":"\"","key":["\""]}],"range":["=","\""]}` + "\n" +
		`{"op":"TransactWriteItems","on":[{"table":"\"\u0000","do":"put","key":["\"","1"]}]}` + "\n" +
		`{"op":"BatchGetItem","on":[{"table":"\"\u0000","key":["\"","1"]}]}` + "\n" + `{"op":"Scan","on":[{"table":"\"\u0000","index":"\""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		trace, err := readTrace(bytes.NewReader(b))
		if err != nil {
			return
		}
		w, fill := newWriter(newFill(1)), request{}
		s := trace.schedule(1)
		for k := range s.due() {
			s.build(w, k, &fill)
			if !json.Valid(fill.body) {
				t.Fatalf("request %d of %q is %s", k, b, fill.body)
			}
		}
	})
}
