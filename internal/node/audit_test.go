package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/internal/admin"
	"millrace/internal/units"
	"millrace/metrics"
)

// withholder stands between a node and its upstream and takes the records out of what streams answer, when told to.
func withholder(t *testing.T, behind *running, withhold *atomic.Bool) *httptest.Server {
	t.Helper()
	target, err := url.Parse(behind.address())
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if !withhold.Load() || !strings.HasSuffix(r.Request.Header.Get("X-Amz-Target"), ".GetRecords") || r.StatusCode != 200 {
				return nil
			}
			var answer map[string]json.RawMessage
			if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
				return err
			}
			answer["Records"] = json.RawMessage("[]")
			body, err := json.Marshal(answer)
			if err != nil {
				return err
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.Header.Del("X-Amz-Crc32")
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			r.ContentLength = int64(len(body))
			return nil
		},
	}
	s := httptest.NewServer(pass)
	t.Cleanup(s.Close)
	return s
}

// auditedConfig is a node before url whose every hit is audited.
func auditedConfig(url string, delta time.Duration) Config {
	c := upstreamConfig(url)
	c.Audit = AuditConfig{Sample: 1, RCUBudget: 1e6}
	c.Upstream.StreamLag = units.Duration(200 * time.Millisecond)
	c.Tables = map[string]TableConfig{"*": {Delta: units.Duration(delta)}}
	return c
}

// auditGet is the read that is audited.
const auditGet = `{"TableName":"t-1","Key":{"p":{"S":"a"}}}`

// covered waits until the stream of t-1 is followed, its reads are hits, and its cache has earned audits.
func (r *running) covered() {
	r.t.Helper()
	hits := 0
	for end := time.Now().Add(2 * time.Minute); hits < 400; {
		header, _ := r.mustCall("GetItem", auditGet)
		tables := r.node.streams.Tables()
		if len(tables) == 1 && tables[0].Watermark > 0 && header.Get("X-Millrace-Cache") == "hit" {
			hits++
		}
		if time.Now().After(end) {
			r.t.Fatalf("%d hits within two minutes; %+v", hits, tables)
		}
	}
}

// put writes version v of the audited item.
func (r *running) put(v int) {
	r.t.Helper()
	r.mustCall("PutItem", fmt.Sprintf(`{"TableName":"t-1","Item":{"p":{"S":"a"},"v":{"N":"%d"}}}`, v))
}

// breachTrail finds what the log of a breach tells of an entry that came by a read.
var breachTrail = regexp.MustCompile(`transitions="?\[[^]]*: filled by a read[^]]*\]`)

// An upstream whose stream keeps records back, and says that there are none: what millrace promises rests on an assumption
// that does not hold. The audit finds it, the table is forgotten, the stream is taken to lag, and from then on nothing is served
// that is older than Delta.
func TestAuditFindsAStreamThatWithholds(t *testing.T) {
	t.Parallel()
	const delta = time.Second
	var withhold atomic.Bool
	behind := run(t, testConfig())
	front := run(t, auditedConfig(withholder(t, behind, &withhold).URL, delta))
	front.mustCall("CreateTable", streamed)
	front.put(1)
	front.covered()
	if got := front.node.metrics.Audited.Total(); got.Agreed == 0 || got.BeyondBound != 0 {
		t.Fatalf("audits while all is well: %+v", got)
	}
	// The record of another's write takes what is cached away, and a read brings the new.
	behind.put(2)
	for end := time.Now().Add(2 * time.Minute); ; {
		header, body := front.mustCall("GetItem", auditGet)
		if strings.Contains(body, `"2"`) && header.Get("X-Millrace-Cache") == "hit" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("another's write is not seen within two minutes")
		}
	}
	before := front.node.streams.Lag("", "t-1")
	withhold.Store(true)
	behind.put(3)
	for end := time.Now().Add(2 * time.Minute); front.node.metrics.Audited.Total().BeyondBound == 0; {
		front.mustCall("GetItem", auditGet)
		if time.Now().After(end) {
			t.Fatalf("no breach is found within two minutes; audits %+v", front.node.metrics.Audited.Total())
		}
	}
	// What is read next is what upstream has: the table was forgotten.
	for end := time.Now().Add(2 * time.Minute); ; {
		if _, body := front.mustCall("GetItem", auditGet); strings.Contains(body, `"3"`) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the table is not forgotten within two minutes of the breach")
		}
	}
	for end := time.Now().Add(2 * time.Minute); front.node.streams.Lag("", "t-1") <= before+delta; {
		if time.Now().After(end) {
			t.Fatalf("the stream is taken to lag by %v, it was %v before; want more than %v more", front.node.streams.Lag("", "t-1"), before, delta)
		}
	}
	// The stream still says nothing, and yet nothing older than Delta is served.
	behind.put(4)
	written := time.Now()
	for {
		asked := time.Now()
		header, body := front.mustCall("GetItem", auditGet)
		if strings.Contains(body, `"4"`) {
			break
		}
		if asked.Sub(written) > delta+100*time.Millisecond {
			t.Fatalf("%v after a write GetItem is %s (%s), want nothing older than %v", asked.Sub(written), body, header.Get("X-Millrace-Cache"), delta)
		}
	}
	list := apiAs[items[admin.Coherence]](front, "GET", "/api/v1/coherence", "")
	if len(list.Items) != 1 || list.Items[0].Audit.BeyondBound == 0 || list.Items[0].Audit.Sample != 1 || list.Items[0].StreamLag == nil || *list.Items[0].StreamLag < delta.Seconds() {
		t.Errorf("/api/v1/coherence = %+v, want what the audit found", list.Items)
	}
	if s := apiAs[admin.Stats](front, "GET", "/api/v1/stats", ""); s.Audit.BeyondBound == 0 {
		t.Errorf("/api/v1/stats: audits %+v, want a breach", s.Audit)
	}
	if err := front.wait(); err != nil {
		t.Error(err)
	}
	log := front.log.String()
	if !strings.Contains(log, "an entry is served beyond its bound") || !strings.Contains(log, "table forgotten") {
		t.Errorf("the log does not tell: %s", log)
	}
	// What led to it: the record of the second write, and the read that the entry came by; the third has no record.
	if told := breachTrail.FindString(log); told == "" || !strings.Contains(told, ": a record of ") {
		t.Errorf("the log does not tell what happened to the entry: %s", log)
	}
}

// Others write all the time, and their stream tells of it: audits find entries that are old for a moment, and none that is
// beyond the bound.
func TestAuditBlamesNobodyWhileOthersWrite(t *testing.T) {
	t.Parallel()
	var withhold atomic.Bool
	behind := run(t, testConfig())
	front := run(t, auditedConfig(withholder(t, behind, &withhold).URL, 2*time.Second))
	front.mustCall("CreateTable", streamed)
	front.put(0)
	front.covered()
	var count metrics.AuditCounts
	for v, end := 1, time.Now().Add(2*time.Minute); ; v++ {
		behind.put(v % 2) // a value that comes back is nobody's fault
		for range 5 {
			front.mustCall("GetItem", auditGet)
		}
		if count = front.node.metrics.Audited.Total(); v > 300 && count.Stale >= 20 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("audits found %+v within two minutes, want some that were old", count)
		}
	}
	if count.BeyondBound != 0 || count.WithinBound == 0 || count.Agreed == 0 {
		t.Errorf("audits: %+v, want some of each kind, and none beyond the bound", count)
	}
	_, text := front.admin("/metrics")
	for _, want := range []string{`millrace_audits_total{table="t-1",verdict="beyond_bound"} 0`, `millrace_staleness_seconds_count{table="t-1"}`, `millrace_capacity_units_total{entry="audits",table="t-1"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics has no %q", want)
		}
	}
}
