package stream

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/metrics"
)

// committed is a foreign write and a moment at which it was committed.
type committed struct {
	v  string
	at coherence.Time
}

// judge checks that every write was applied, and before the watermark passed a moment at which it was committed. The
// engine shows a commit in its stream at once, so that holds with next to no lag.
func (r *rig) judge(writes []committed) {
	r.t.Helper()
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	early, never, advances := 0, 0, r.record.advances
	for _, w := range writes {
		call := r.record.applied[w.v]
		if call == 0 {
			never++
			continue
		}
		// Within one coverage the watermark only rises.
		first := sort.Search(len(advances), func(i int) bool { return advances[i].watermark >= w.at })
		if first < len(advances) && advances[first].call < call {
			early++
		}
	}
	if early > 0 || never > 0 {
		r.t.Errorf("of %d writes %d were never applied, and the watermark was ahead of %d", len(writes), never, early)
	}
	if len(r.record.lost) > 0 || len(r.record.covers) != 1 {
		r.t.Errorf("covered %q, lost the position: %q", r.record.covers, r.record.lost)
	}
}

// Properties: (1) every foreign write's record is applied; (2) when the watermark passes a moment at which a write was
// committed, it has been; (3) the position is not lost; while four writers write, and shards are split for their heat
// and rolled for their age.
func TestNothingIsMissedOverSplitsAndRolls(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", streams: engine.StreamConfig{Shards: 2, MaxShards: 8, ShardLifetime: 10 * time.Minute, SplitRate: 20}})
	r.covered()
	const writers, each = 4, 1000
	var all [writers][]committed
	var done sync.WaitGroup
	for n := range writers {
		done.Go(func() {
			for i := range each {
				v := fmt.Sprintf("%d-%d", n, i)
				all[n] = append(all[n], committed{v, r.foreign(fmt.Sprintf("k%d", i%97), v)})
				if n == 0 && i%250 == 125 {
					r.engine.AdvanceClock(11 * time.Minute)
				}
			}
		})
	}
	done.Wait()
	r.covered()
	var writes []committed
	for _, w := range all {
		writes = append(writes, w...)
	}
	r.judge(writes)
	stream := r.describeStream()
	if len(stream.Shards) < 12 {
		t.Errorf("the stream has %d shards, want a dozen and more for the test to mean something", len(stream.Shards))
	}
	t.Logf("%d shards, %+v", len(stream.Shards), r.manager.Counters())
}

// describeStream is the stream of "ttt".
func (r *rig) describeStream() *ddb.StreamDescription {
	r.t.Helper()
	resp, err := r.engine.Do(r.t.Context(), ddb.NewTypedRequest(&ddb.DescribeStreamInput{StreamArn: r.state().ARN}))
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := ddb.OutputAs[ddb.DescribeStreamOutput](resp)
	if err != nil {
		r.t.Fatal(err)
	}
	return out.StreamDescription
}

func TestStreamsOfManyShardsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "KEYS_ONLY", streams: engine.StreamConfig{Shards: 230, MaxShards: 230, ShardLifetime: time.Hour}})
	r.covered()
	if s := r.state(); s.Shards != 230 {
		t.Errorf("%d shards are read, want 230", s.Shards)
	}
}

// An upstream that does not know ShardFilter is asked for all shards.
func TestChildrenAreFoundWithoutShardFilter(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{
		view: "NEW_IMAGE", streams: engine.StreamConfig{Shards: 2, MaxShards: 2, ShardLifetime: 10 * time.Minute},
		config: func(c *Config) { c.Walk = time.Hour },
	})
	r.covered()
	refuse := func(req *ddb.Request) error {
		if req.Op != ddb.DescribeStream {
			return nil
		}
		if in, err := ddb.InputAs[ddb.DescribeStreamInput](req); err != nil || in.ShardFilter != nil {
			return ddb.Validation("Unknown parameter ShardFilter")
		}
		return nil
	}
	r.next.before.Store(&refuse)
	r.engine.AdvanceClock(11 * time.Minute)
	at := r.foreign("a", "after the roll")
	r.past(at)
	r.judge([]committed{{"after the roll", at}})
}

func TestFailuresResumeWithoutGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES"})
	r.covered()
	var writes []committed
	// A record in every shard, so that a position can be found again.
	for i := range 32 {
		v := fmt.Sprintf("before-%d", i)
		writes = append(writes, committed{v, r.foreign(v, v)})
	}
	r.covered()
	for _, code := range []string{"InternalServerError", "LimitExceededException", "ThrottlingException", "ExpiredIteratorException"} {
		r.faults(engine.FaultRule{Name: code, Operations: []ddb.Operation{ddb.GetRecords, ddb.GetShardIterator, ddb.DescribeStream}, Probability: 0.3, Error: code})
		if code == "ExpiredIteratorException" {
			r.faults(engine.FaultRule{Name: code, Operations: []ddb.Operation{ddb.GetRecords}, Count: 12, Error: code})
		}
		for i := range 50 {
			v := fmt.Sprintf("%s-%d", code, i)
			writes = append(writes, committed{v, r.foreign(v, v)})
		}
		r.covered()
	}
	r.faults()
	r.covered()
	r.judge(writes)
	if c := r.manager.Counters(); c.Throttled == 0 || c.Failed == 0 {
		t.Errorf("%+v, want throttled and failed requests", c)
	}
}

// An iterator that has shown no record cannot be replaced by one at the same place.
func TestExpiryOfAnEmptyPositionIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", streams: engine.StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: time.Hour}})
	r.covered()
	r.engine.AdvanceClock(16 * time.Minute)
	r.await("the position is lost", func() bool { return len(r.record.losses()) == 1 })
	r.covered()
}

func TestTrimmedRecordsAreLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", streams: engine.StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: 100 * time.Hour}})
	r.covered()
	at := r.foreign("a", "1")
	r.past(at)
	r.faults(engine.FaultRule{Name: "outage", Operations: []ddb.Operation{ddb.GetRecords}, Error: "ServiceUnavailable"})
	r.foreign("b", "2")
	r.engine.AdvanceClock(25 * time.Hour)
	r.foreign("c", "3")
	r.await("the record of b is trimmed", func() bool {
		s := r.describeStream().Shards[0]
		_, err := r.engine.Do(t.Context(), ddb.NewRequest(ddb.GetShardIterator, fmt.Appendf(nil,
			`{"StreamArn":%q,"ShardId":%q,"ShardIteratorType":"AFTER_SEQUENCE_NUMBER","SequenceNumber":%q}`, r.state().ARN, s.ShardId, r.last())))
		return err != nil
	})
	r.faults()
	r.await("the position is lost", func() bool { return len(r.record.losses()) == 1 })
	r.past(r.foreign("d", "4"))
	if !r.record.has("4") {
		t.Error("what was written after the gap was not applied")
	}
}

// last is the sequence number of the record applied last.
func (r *rig) last() string {
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	return r.record.changes[len(r.record.changes)-1].Sequence
}

func TestStreamsComeAndGo(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.await("it is known that there is no stream", func() bool { return r.state().Why == "the table has no stream" })
	set := func(view string) {
		t.Helper()
		spec := `{"StreamEnabled":false}`
		if view != "" {
			spec = fmt.Sprintf(`{"StreamEnabled":true,"StreamViewType":%q}`, view)
		}
		r.upstream(ddb.UpdateTable, fmt.Sprintf(`{"TableName":"ttt","StreamSpecification":%s}`, spec))
	}
	for i, view := range []string{"KEYS_ONLY", "NEW_AND_OLD_IMAGES"} {
		set(view)
		r.covered()
		at := r.foreign("a", fmt.Sprint(i))
		r.past(at)
		if s := r.state(); s.View != view || s.Mode != cache.Stream || s.Records != uint64(i+1) {
			t.Errorf("%+v, want %d records of view %s", s, i+1, view)
		}
		set("")
		r.await("the stream is followed no longer", func() bool { return r.state().Mode == cache.TTL })
		if got := r.store.CoverageOf("", "ttt"); got != cache.TTL {
			t.Errorf("coverage is %s, want ttl", got)
		}
	}
}

// A table of the same name is another table: its stream is followed, and nothing of the old one is left.
func TestTablesAreMadeAnew(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES"})
	r.covered()
	first := r.state().ARN
	old := r.learn("ttt")
	r.upstream(ddb.DeleteTable, `{"TableName":"ttt"}`)
	r.await("the schema of the old table is stale", old.Stale)
	r.create("ttt", "NEW_AND_OLD_IMAGES")
	r.await("the new stream is followed", func() bool { return r.state().ARN != first && r.state().Mode == cache.Stream })
	at := r.foreign("a", "new")
	r.past(at)
	if !r.record.has("new") {
		t.Error("what was written to the new table was not applied")
	}
	// And at once, with nobody looking in between.
	r.upstream(ddb.DeleteTable, `{"TableName":"ttt"}`)
	r.upstream(ddb.CreateTable, `{"TableName":"ttt","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"h","AttributeType":"S"}],"KeySchema":[{"AttributeName":"h","KeyType":"HASH"}]}`)
	r.await("the table has no stream any more", func() bool {
		r.learn("ttt")
		return r.state().Mode == cache.TTL && r.state().Why == "the table has no stream"
	})
}

func TestDeniedStreamsLeaveTheTableToItsTimes(t *testing.T) {
	t.Parallel()
	for _, op := range []ddb.Operation{ddb.DescribeStream, ddb.GetShardIterator, ddb.GetRecords} {
		t.Run(op.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", config: func(c *Config) { c.Forgive = 30 * time.Minute }})
			r.covered()
			r.faults(engine.FaultRule{Name: "denied", Operations: []ddb.Operation{op}, Error: "AccessDeniedException"})
			if op == ddb.GetShardIterator {
				r.engine.AdvanceClock(5 * time.Hour) // rolled
			}
			want := "dynamodb:" + op.String() + " is denied"
			r.await(want, func() bool { return r.state().Why == want })
			if got := r.store.CoverageOf("", "ttt"); got != cache.TTL {
				t.Errorf("coverage is %s, want ttl", got)
			}
			// Asked again, denied again, told once.
			r.clock.ahead.Add(int64(time.Hour))
			before := r.manager.Counters().Failed
			r.await("it is asked for again", func() bool { return r.manager.Counters().Failed > before && r.state().Why == want })
			if n := r.log.count("level=WARN"); n != 1 || r.log.count(want) < 1 {
				t.Errorf("%d warnings, want one that says %q", n, want)
			}
			r.faults()
			r.clock.ahead.Add(int64(time.Hour))
			r.covered()
			r.past(r.foreign("a", "allowed"))
			if !r.record.has("allowed") {
				t.Error("not followed when it was allowed again")
			}
		})
	}
}

// A record in which a string is no text is no reason to stand still, nor a gap: of the others nothing is lost, and of itself what it leaves
// open counts as unknown.
func TestRecordsThatCannotBeReadAreAppliedAsUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", streams: engine.StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: time.Hour}})
	r.covered()
	spoil := func(req *ddb.Request, resp *ddb.Response) *ddb.Response {
		if req.Op != ddb.GetRecords {
			return resp
		}
		body, err := resp.JSON()
		if err != nil {
			t.Error(err)
		}
		return ddb.NewResponse(bytes.ReplaceAll(body, []byte(`"half"`), []byte(`"\ud800"`)))
	}
	r.next.spoil.Store(&spoil)
	var last coherence.Time
	for i, put := range [][2]string{{"a", "1"}, {"a", "half"}, {"half", "2"}, {"b", "3"}} {
		if last = r.foreign(put[0], put[1]); i == 1 {
			r.past(last)
		}
	}
	r.past(last)
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	if len(r.record.changes) != 4 || len(r.record.lost) > 0 {
		t.Fatalf("%d changes, lost the position: %q; want 4 and none", len(r.record.changes), r.record.lost)
	}
	for i, want := range []struct{ key, unknown bool }{{true, false}, {true, true}, {false, true}, {true, false}} {
		if c := &r.record.changes[i]; (c.Key != nil) != want.key || c.NewUnknown != want.unknown || !c.HasNew {
			t.Errorf("change %d: %+v, want a key: %v, the image unknown: %v", i, c, want.key, want.unknown)
		}
	}
	if got := r.store.CoverageOf("", "ttt"); got != cache.Stream {
		t.Errorf("coverage is %s, want stream", got)
	}
}

func TestStreamsAreEnabledWhereTheSettingSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{tables: cache.TableConfig{Remote: cache.RemoteConfig{Streams: cache.StreamsEnable}}})
	r.await("the stream is followed", func() bool {
		r.learn("ttt")
		return r.state().Mode == cache.Stream
	})
	if s := r.state(); s.View != "NEW_AND_OLD_IMAGES" || r.log.count("enabled the table's stream") != 1 {
		t.Errorf("%+v, want NEW_AND_OLD_IMAGES enabled once", s)
	}
	// Who disables it has a reason.
	r.upstream(ddb.UpdateTable, `{"TableName":"ttt","StreamSpecification":{"StreamEnabled":false}}`)
	r.await("the stream is followed no longer", func() bool { return r.state().Why == "the table has no stream" })
	seen := r.manager.Counters().Descriptions
	r.await("the table was described again", func() bool { return r.manager.Counters().Descriptions > seen+2 })
	if n := r.log.count("enabled the table's stream"); n != 1 {
		t.Errorf("enabled %d times, want once", n)
	}
}

// A stream that was followed and is disabled by others is warned of once for each time, and nothing else is: neither a table that never
// had one, nor one that is deleted, nor the end of this process.
func TestLostStreamsAreWarnedOfOnce(t *testing.T) {
	t.Parallel()
	const (
		warning = "level=WARN msg=\"the table's stream was followed and is gone"
		disable = `{"TableName":"ttt","StreamSpecification":{"StreamEnabled":false}}`
		enable  = `{"TableName":"ttt","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}}`
	)
	r := newRig(t, options{})
	look := func() {
		t.Helper()
		seen := r.manager.Counters().Descriptions
		r.await("the table was described again", func() bool { return r.manager.Counters().Descriptions > seen+2 })
	}
	look()
	if n := r.log.count(warning); n != 0 || !r.state().Lost.IsZero() {
		t.Errorf("%d warnings of a table that never had a stream, %+v", n, r.state())
	}
	for i := range 2 {
		r.upstream(ddb.UpdateTable, enable)
		r.await("the stream is followed", func() bool { return r.state().Mode == cache.Stream })
		if !r.state().Lost.IsZero() {
			t.Errorf("a stream that is followed counts as lost: %+v", r.state())
		}
		r.upstream(ddb.UpdateTable, disable)
		r.await("the stream is lost", func() bool { return !r.state().Lost.IsZero() })
		look()
		if n := r.log.count(warning); n != i+1 || r.state().Lost.IsZero() {
			t.Errorf("%d warnings after %d losses, %+v", n, i+1, r.state())
		}
	}
	r.upstream(ddb.UpdateTable, enable)
	r.await("the stream is followed", func() bool { return r.state().Mode == cache.Stream })
	r.upstream(ddb.DeleteTable, `{"TableName":"ttt"}`)
	r.await("the table is gone", func() bool { return len(r.manager.Tables()) == 0 })
	if n := r.log.count(warning); n != 2 {
		t.Errorf("%d warnings after the table was deleted, want 2", n)
	}
}

// What Prometheus shows of a table's stream: whether it is followed, and how old what was applied is only as long as it is.
func TestMetricsTellWhetherAStreamIsFollowed(t *testing.T) {
	t.Parallel()
	names := metrics.Names{CacheOf: func(int) string { return "" }}
	counted := func(o options) (*rig, func(what, followed string)) {
		m := metrics.New(names)
		set := o.config
		o.config = func(c *Config) {
			c.Metrics = &m.Streams
			if set != nil {
				set(c)
			}
		}
		r := newRig(t, o)
		return r, func(what, followed string) {
			t.Helper()
			// A loss, too, leaves no age behind; one that is followed has one as soon as something was read.
			r.await(fmt.Sprintf("%s: followed is %q", what, followed), func() bool {
				w := httptest.NewRecorder()
				m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
				got := ""
				if _, after, ok := strings.Cut(w.Body.String(), "\nmillrace_stream_followed{table=\"ttt\"} "); ok {
					got, _, _ = strings.Cut(after, "\n")
				}
				aged := strings.Contains(w.Body.String(), "\nmillrace_stream_watermark_age_seconds{table=\"ttt\"} ")
				return got == followed && aged == (followed == "1")
			})
		}
	}
	const (
		disable = `{"TableName":"ttt","StreamSpecification":{"StreamEnabled":false}}`
		enable  = `{"TableName":"ttt","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}}`
	)
	r, shows := counted(options{config: func(c *Config) { c.Forgive = 30 * time.Minute }})
	look := func() {
		t.Helper()
		seen := r.manager.Counters().Descriptions
		r.await("the table was described again", func() bool { return r.manager.Counters().Descriptions > seen+2 })
	}
	look()
	shows("a table that never had one", "")
	for range 2 {
		r.upstream(ddb.UpdateTable, enable)
		shows("enabled", "1")
		r.upstream(ddb.UpdateTable, disable)
		shows("disabled", "0")
		look()
		shows("disabled, and looked at again", "0")
	}
	r.faults(engine.FaultRule{Name: "denied", Operations: []ddb.Operation{ddb.GetRecords}, Error: "AccessDeniedException"})
	r.upstream(ddb.UpdateTable, enable)
	shows("denied from its beginning", "0")
	r.faults()
	r.clock.ahead.Add(int64(time.Hour))
	shows("allowed", "1")
	r.faults(engine.FaultRule{Name: "denied", Operations: []ddb.Operation{ddb.GetRecords}, Error: "AccessDeniedException"})
	shows("denied", "0")
	r.upstream(ddb.UpdateTable, disable)
	r.await("it is known that there is no stream", func() bool { return r.state().Why == noStream })
	shows("denied, and disabled", "0")
	r.faults()
	r.upstream(ddb.UpdateTable, enable)
	r.clock.ahead.Add(int64(time.Hour))
	shows("allowed again", "1")
	r.upstream(ddb.DeleteTable, `{"TableName":"ttt"}`)
	shows("deleted", "")

	r, shows = counted(options{view: "NEW_IMAGE", tables: cache.TableConfig{Remote: cache.RemoteConfig{Streams: cache.StreamsOff}}})
	r.await("the setting is known", func() bool { return r.state().Why == "streams are off for this table" })
	shows("streams: off", "")
}

func TestStreamsAreLeftAloneWhereTheSettingSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", tables: cache.TableConfig{Remote: cache.RemoteConfig{Streams: cache.StreamsOff}}})
	r.await("the setting is known", func() bool { return r.state().Why == "streams are off for this table" })
	if c := r.manager.Counters(); c.Listings != 0 || c.Reads != 0 {
		t.Errorf("%+v, want neither listings nor reads", c)
	}
}

func TestViewsTellWhatTheyCarry(t *testing.T) {
	t.Parallel()
	for view, want := range map[string][2]bool{ // old and new unknown, for a change of an item
		"KEYS_ONLY": {true, true}, "NEW_IMAGE": {true, false}, "OLD_IMAGE": {false, true}, "NEW_AND_OLD_IMAGES": {false, false},
	} {
		t.Run(view, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, options{view: view})
			r.covered()
			r.foreign("a", "1")
			r.foreign("a", "2")
			r.upstream(ddb.DeleteItem, `{"TableName":"ttt","Key":{"h":{"S":"a"}}}`)
			r.past(r.store.Now())
			r.record.mu.Lock()
			defer r.record.mu.Unlock()
			if len(r.record.changes) != 3 {
				t.Fatalf("%d changes, want 3", len(r.record.changes))
			}
			insert, modify, remove := r.record.changes[0], r.record.changes[1], r.record.changes[2]
			if insert.HasOld || insert.OldUnknown || !insert.HasNew || insert.NewUnknown != want[1] {
				t.Errorf("insert: %+v", insert)
			}
			if !modify.HasOld || !modify.HasNew || [2]bool{modify.OldUnknown, modify.NewUnknown} != want {
				t.Errorf("modify: %+v, want unknown %v", modify, want)
			}
			if !remove.HasOld || remove.HasNew || remove.NewUnknown || remove.OldUnknown != want[0] {
				t.Errorf("remove: %+v", remove)
			}
		})
	}
}

// Properties: while this process stands still between sending a read and looking at its answer, for longer than anything
// is allowed to take, nothing is claimed that was not read: a write committed meanwhile is applied before the watermark
// passes it.
func TestPausesClaimNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", streams: engine.StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: time.Hour}})
	r.covered()
	var writes []committed
	for i := range 5 {
		// The answer to the next read is there, and does not show what comes now.
		paused, resume := make(chan bool), make(chan bool)
		var once sync.Once
		pause := func(req *ddb.Request) {
			if req.Op == ddb.GetRecords {
				once.Do(func() {
					paused <- true
					<-resume
				})
			}
		}
		r.next.after.Store(&pause)
		<-paused
		v := fmt.Sprint("during pause ", i)
		at := r.foreign("a", v)
		r.clock.ahead.Add(int64(15 * time.Second)) // SIGSTOP, and SIGCONT
		writes = append(writes, committed{v, at})
		resume <- true
		r.covered()
	}
	r.judge(writes)
}

func TestLagIsLearnedFromOwnWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{view: "NEW_AND_OLD_IMAGES", streams: engine.StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: time.Hour}})
	r.covered()
	if err := r.engine.SetFaults(engine.Faults{StreamLag: engine.Lag{Min: 200 * time.Millisecond, Max: 200 * time.Millisecond}}); err != nil {
		t.Fatal(err)
	}
	// A sample is how old the write was when a read was sent that did not show it yet, so that one which a busy machine sends late shows less
	// than the lag, and so does each write of that moment. Others follow until one is met in time.
	writes, next := 0, time.Time{}
	r.await("a lag of 200 ms is learned from 15 own writes or more", func() bool {
		if now := time.Now(); now.After(next) {
			for range 5 {
				r.own(fmt.Sprint(writes), fmt.Sprint(writes))
				writes++
			}
			next = now.Add(300 * time.Millisecond)
		}
		s := r.state()
		return s.Samples >= 15 && s.Lag >= 200*time.Millisecond
	})
	if s := r.state(); s.Samples > uint64(writes) {
		t.Errorf("%d samples of %d own writes", s.Samples, writes)
	}
}
