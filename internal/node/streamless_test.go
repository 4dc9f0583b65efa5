package node

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/cache"
	"millrace/internal/units"
	"millrace/invalidation/stream"
)

// What is checked where the tables' endpoint answers and that of their streams does not, or refuses connections:
//
//   - no answer is older than delta, and the stream's lag, while the stream had been followed before, and than the time to live where
//     it never was; nor does one lack an own write;
//   - every request is answered, and hits go on;
//   - /readyz stays 200 and says with ?verbose what is wrong;
//   - when streams are read again all is as before.
func TestStreamsEndpointAloneIsAway(t *testing.T) {
	t.Parallel()
	const (
		lag   = 50 * time.Millisecond
		delta = 700 * time.Millisecond
		ttl   = 1500 * time.Millisecond
		slack = 100 * time.Millisecond // between an acknowledgement upstream and this test's hearing of it, and the same of reads
	)
	const get, query = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`, `{"TableName":"t-1","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`
	for _, x := range []struct {
		name  string
		warm  bool // the stream had been followed before
		away  func(*silencer)
		bound time.Duration
		says  string
	}{
		{"mute", true, func(s *silencer) { s.mute.Store(true) }, delta + lag, "[!] streams: that of table t-1 tells nothing of the last "},
		{"refused", true, (*silencer).refuse, delta + lag, "[!] streams: that of table t-1 tells nothing of the last "},
		{"mute from the start", false, func(s *silencer) { s.mute.Store(true) }, ttl, "[!] streams: that of table t-1 is not followed yet: "},
		{"refused from the start", false, (*silencer).refuse, ttl, "[!] streams: that of table t-1 is not followed yet: "},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			behind := run(t, testConfig())
			behind.mustCall("CreateTable", streamed)
			gate := newSilencer(t, behind)
			if !x.warm {
				x.away(gate)
			}
			c := upstreamConfig(behind.address())
			c.Upstream.StreamsURL, c.Upstream.StreamLag = gate.url(), units.Duration(lag)
			c.Cache.ItemTTL, c.Cache.QueryTTL, c.Cache.NegativeTTL = units.Duration(ttl), units.Duration(ttl), units.Duration(ttl)
			c.Tables = map[string]TableConfig{"*": {Delta: units.Duration(delta)}}
			front := run(t, c)
			w := &versions{r: behind}
			w.write()
			until := func(what string, ok func() bool) {
				t.Helper()
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for end := time.Now().Add(time.Minute); !ok(); <-tick.C {
					if time.Now().After(end) {
						_, ready := front.admin("/readyz?verbose")
						t.Fatalf("%s: not within a minute: %+v\n%s", what, front.node.streams.Tables(), ready)
					}
				}
			}
			covered := func() bool {
				front.mustCall("GetItem", get)
				tables := front.node.streams.Tables()
				return len(tables) == 1 && tables[0].Mode == cache.Stream && tables[0].Watermark > 0 && tables[0].Age < delta
			}
			ready := func(words string) func() bool {
				return func() bool {
					status, body := front.admin("/readyz?verbose")
					if status != http.StatusOK || !strings.Contains(body, "[+] upstream: ok") {
						t.Errorf("/readyz?verbose = %d %s", status, body)
					}
					return strings.Contains(body, words)
				}
			}
			if x.warm {
				until("the stream is followed", covered)
				until("readiness says so", ready("[+] streams: ok"))
				x.away(gate)
			}
			// Reads and foreign writes for as long as it takes to be told of, and some bounds more.
			told, hits, reads := time.Time{}, 0, 0
			next := time.Now()
			until("readiness tells of it", func() bool {
				if time.Since(next) > 0 {
					next = time.Now().Add(90 * time.Millisecond)
					w.write()
				}
				for _, ask := range [][2]string{{"GetItem", get}, {"Query", query}} {
					sent := time.Now()
					header, body := front.mustCall(ask[0], ask[1])
					if least, got := w.acked(sent.Add(-x.bound-slack)), versionIn(t, body); got < least {
						t.Errorf("%s shows version %d, and %d was acknowledged %v before (%s)", ask[0], got, least, x.bound+slack, header.Get("X-Millrace-Cache"))
					}
					if reads++; header.Get("X-Millrace-Cache") == "hit" {
						hits++
					}
				}
				if told.IsZero() && ready(x.says)() {
					told = time.Now()
				}
				return !told.IsZero() && time.Since(told) > 2*x.bound
			})
			_, words := front.admin("/readyz?verbose")
			t.Logf("%d hits of %d reads; %s", hits, reads, words)
			if hits < reads/4 {
				t.Errorf("%d hits of %d reads, want them to go on", hits, reads)
			}
			// An own write is seen by the next read.
			for n := range 3 {
				v := strconv.Itoa(100_000 + n)
				front.mustCall("PutItem", `{"TableName":"t-1","Item":{"p":{"S":"own"},"v":{"N":"`+v+`"}}}`)
				if _, body := front.mustCall("GetItem", `{"TableName":"t-1","Key":{"p":{"S":"own"}}}`); !strings.Contains(body, v) {
					t.Errorf("after an own write of %s: %s", v, body)
				}
			}
			if gate.mute.Swap(false) {
				until("the stream is followed again", covered)
				until("readiness says so", ready("[+] streams: ok"))
				w.write()
				until("the foreign write is seen", func() bool {
					_, body := front.mustCall("GetItem", get)
					return versionIn(t, body) == w.n
				})
			}
		})
	}
}

func TestStreamsCheckTellsWhatFollows(t *testing.T) {
	now := time.Now()
	late := func(name string) stream.TableState {
		return stream.TableState{Table: name, Mode: cache.Stream, ARN: "arn", Delta: 5 * time.Second, Age: 8 * time.Second}
	}
	failing := func(s stream.TableState, at time.Time) stream.TableState {
		s.LastError, s.LastErrorAt = "GetRecords: no answer", at
		return s
	}
	begun := stream.TableState{Table: "b", Mode: cache.TTL, Why: "finding the position in the stream", ARN: "arn"}
	young := late("a")
	young.Age = 4 * time.Second
	const tells = "that of table a tells nothing of the last 8s: what is cached is served for delta, 5s, only"
	for _, x := range []struct {
		name   string
		tables []stream.TableState
		want   string
	}{
		{"no tables", nil, ""},
		{"within delta", []stream.TableState{failing(young, now)}, ""},
		{"beginning", []stream.TableState{begun}, ""},
		{"beginning, and an error of long ago", []stream.TableState{failing(begun, now.Add(-time.Minute))}, ""},
		{"a stream lost", []stream.TableState{{Table: "d", Mode: cache.TTL, Why: "the table has no stream", Lost: time.Unix(1e9, 0)}},
			"table d has none any more, found out at 2001-09-09T01:46:40Z: writes of others are seen when the time to live is over, until it is enabled again"},
		{"without a stream", []stream.TableState{failing(stream.TableState{Table: "c", Mode: cache.TTL, Why: "the table has no stream"}, now)}, ""},
		{"late", []stream.TableState{late("a")}, tells},
		{"late, and an error of long ago", []stream.TableState{failing(late("a"), now.Add(-time.Minute))}, tells},
		{"late, and failing", []stream.TableState{failing(late("a"), now)}, tells + " (GetRecords: no answer)"},
		{"never followed", []stream.TableState{failing(begun, now)},
			"that of table b is not followed yet: writes of others are seen when the time to live is over (GetRecords: no answer)"},
		{"many", []stream.TableState{late("a"), late("a"), late("a"), late("d"), late("e")}, tells + "; " + tells + "; " + tells + "; and 2 more"},
	} {
		if got := streamsCheck(x.tables); got.Fault != x.want || !got.Advisory || got.Name != "streams" {
			t.Errorf("%s: %+v, want %q", x.name, got, x.want)
		}
	}
}

// versions writes an item straight to r, in versions 1, 2, 3 and so on, and knows when each was acknowledged. One goroutine uses it.
type versions struct {
	r  *running
	n  int
	at []time.Time
}

// write writes the next version.
func (w *versions) write() {
	w.r.t.Helper()
	w.n++
	w.r.mustCall("PutItem", fmt.Sprintf(`{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"%d"}}}`, w.n))
	w.at = append(w.at, time.Now())
}

// acked is the latest version that was acknowledged by then.
func (w *versions) acked(then time.Time) (n int) {
	for n < len(w.at) && w.at[n].Before(then) {
		n++
	}
	return n
}

// numbered is where an answer has its item's version.
var numbered = regexp.MustCompile(`"v":\{"N":"(\d+)"\}`)

// versionIn is the version that an answer shows.
func versionIn(t *testing.T, body string) int {
	t.Helper()
	m := numbered.FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("an answer without a version: %s", body)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
