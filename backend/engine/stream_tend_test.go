package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/ddb"
)

func TestShardsRollAtTheEndOfTheirLife(t *testing.T) {
	t.Parallel()
	h := newStreamHarness(t, StreamConfig{Shards: 3, MaxShards: 3, ShardLifetime: time.Hour})
	arn := h.createStream("tbl", "NEW_IMAGE")
	parents := h.shards(arn)
	write := func(v string) {
		for i := range 20 {
			h.put("tbl", fmt.Sprintf(`{"p":{"S":"%d"},"s":{"N":"1"},"v":{"S":%q}}`, i, v))
		}
	}
	write("before")
	h.wait(time.Hour)
	if got := h.shards(arn); len(got) != 3 {
		t.Fatalf("%d shards when they are as old as they may be, want 3", len(got))
	}
	var tips []string
	for _, sh := range parents {
		tips = append(tips, h.iterator(arn, sh.ShardId, "TRIM_HORIZON", ""))
	}
	h.wait(time.Minute)
	write("after")
	shards := h.shards(arn)
	if len(shards) != 6 {
		t.Fatalf("%d shards after their life, want 3 and a child of each", len(shards))
	}
	for i, p := range parents {
		records, next := h.next(tips[i], 1000)
		if next != "" {
			t.Errorf("closed shard %s has a next iterator after its last record", p.ShardId)
		}
		end := shards[i].SequenceNumberRange.EndingSequenceNumber
		at := slices.IndexFunc(shards, func(sh ddb.Shard) bool { return sh.ParentShardId == p.ShardId })
		if at < 0 || end == "" || shards[at].SequenceNumberRange.StartingSequenceNumber <= end {
			t.Fatalf("shard %s, closed at %q, has no child that begins later: %+v", p.ShardId, end, shards)
		}
		// The child has the same items, and goes on where the parent ended.
		of := func(records []ddb.Record, v string) (keys []string) {
			for _, r := range records {
				key, _ := r.DynamoDB.Keys.Get("p")
				if got, _ := r.DynamoDB.NewImage.Get("v"); got.Str() != v {
					t.Errorf("record of %q in the wrong shard", got.Str())
				}
				keys = append(keys, key.Str())
			}
			return keys
		}
		child := h.drain(h.iterator(arn, shards[at].ShardId, "TRIM_HORIZON", ""), 5)
		if was, is := of(records, "before"), of(child, "after"); !slices.Equal(was, is) || len(was) == 0 {
			t.Errorf("shard %s has the items %q, its child %q", p.ShardId, was, is)
		}
		// #237, #242: the closed shard can be read again from its start, by its ends as well.
		for _, it := range []string{
			h.iterator(arn, p.ShardId, "TRIM_HORIZON", ""),
			h.iterator(arn, p.ShardId, "AT_SEQUENCE_NUMBER", p.SequenceNumberRange.StartingSequenceNumber),
		} {
			if again := h.drain(it, 1000); len(again) != len(records) {
				t.Errorf("closed shard has %d records, want %d", len(again), len(records))
			}
		}
		for _, it := range []string{
			h.iterator(arn, p.ShardId, "LATEST", ""), h.iterator(arn, p.ShardId, "AT_SEQUENCE_NUMBER", end),
			h.iterator(arn, p.ShardId, "AFTER_SEQUENCE_NUMBER", end),
		} {
			if rest, next := h.next(it, 1); len(rest) != 0 || next != "" {
				t.Errorf("at the end of a closed shard: %d records, next iterator %q, want none and none", len(rest), next)
			}
		}
	}
}

func TestHotShardsSplit(t *testing.T) {
	t.Parallel()
	// One record a second, over ten.
	h := newStreamHarness(t, StreamConfig{Shards: 1, MaxShards: 3, ShardLifetime: 24 * time.Hour, SplitRate: 1})
	arn := h.createStream("tbl", "KEYS_ONLY")
	n := 0
	write := func(count int, every time.Duration) {
		for range count {
			h.put("tbl", fmt.Sprintf(`{"p":{"S":"%d"},"s":{"N":"1"}}`, n))
			n++
			h.now.Add(every.Milliseconds())
		}
		h.wait(0)
	}
	open := func(want int) {
		t.Helper()
		got := 0
		for _, sh := range h.shards(arn) {
			if sh.SequenceNumberRange.EndingSequenceNumber == "" {
				got++
			}
		}
		if got != want {
			t.Errorf("%d open shards, want %d", got, want)
		}
	}
	write(40, time.Second)
	open(1)
	write(11, 0)
	open(2)
	// No more than MaxShards, however hot.
	write(200, 0)
	open(3)
	h.now.Add(time.Minute.Milliseconds())
	write(200, 0)
	open(3)
	if got := h.readStream(arn); len(got) != n {
		t.Errorf("%d records, want %d", len(got), n)
	}
	// A split shard has two children, which divide its items.
	for _, sh := range h.shards(arn) {
		if sh.SequenceNumberRange.EndingSequenceNumber == "" {
			continue
		}
		d := typed[ddb.DescribeStreamOutput](h.harness, ddb.DescribeStream,
			fmt.Sprintf(`{"StreamArn":%q,"ShardFilter":{"Type":"CHILD_SHARDS","ShardId":%q}}`, arn, sh.ShardId))
		if len(d.StreamDescription.Shards) != 2 {
			t.Errorf("split shard has %d children, want 2", len(d.StreamDescription.Shards))
		}
	}
}

func TestRecordsAreTrimmedAfterADay(t *testing.T) {
	t.Parallel()
	// #242
	cfg := oneShard()
	cfg.ShardLifetime = 100 * time.Hour
	h := newStreamHarness(t, cfg)
	arn := h.createStream("tbl", "NEW_IMAGE")
	shard := h.shards(arn)[0].ShardId
	put := func(v string) {
		h.put("tbl", fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":%q}}`, v))
	}
	put("one")
	put("two")
	h.wait(12 * time.Hour)
	put("three")
	h.wait(12*time.Hour - time.Minute)
	all := h.readStream(arn)
	h.streamHas(arn, "INSERT a/1 ->one", "MODIFY a/1 ->two", "MODIFY a/1 ->three")
	horizon := h.iterator(arn, shard, "TRIM_HORIZON", "")
	first := h.iterator(arn, shard, "AFTER_SEQUENCE_NUMBER", all[0].DynamoDB.SequenceNumber)
	second := h.iterator(arn, shard, "AFTER_SEQUENCE_NUMBER", all[1].DynamoDB.SequenceNumber)
	h.wait(3 * time.Minute)
	h.streamHas(arn, "MODIFY a/1 ->three")
	const trimmed = "The data you are trying to access has been trimmed"
	// Iterators from before: those that would skip a record say so.
	for _, it := range []string{horizon, first} {
		h.fails(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, it), "TrimmedDataAccessException", trimmed)
	}
	if got := summaries(h.drain(second, 10)); !slices.Equal(got, []string{"MODIFY a/1 ->three"}) {
		t.Errorf("after the last record that was trimmed: %q", got)
	}
	at := func(kind string, i int) string { return iteratorBody(arn, shard, kind, all[i].DynamoDB.SequenceNumber) }
	for i := range 2 {
		h.fails(ddb.GetShardIterator, at("AT_SEQUENCE_NUMBER", i), "TrimmedDataAccessException", trimmed)
	}
	h.fails(ddb.GetShardIterator, at("AFTER_SEQUENCE_NUMBER", 0), "TrimmedDataAccessException", trimmed)
	h.answer(ddb.GetShardIterator, at("AFTER_SEQUENCE_NUMBER", 1))
	h.answer(ddb.GetShardIterator, at("AT_SEQUENCE_NUMBER", 2))
	// The shard begins where it can be read.
	start := h.shards(arn)[0].SequenceNumberRange.StartingSequenceNumber
	if got := h.drain(h.iterator(arn, shard, "AT_SEQUENCE_NUMBER", start), 10); len(got) != 1 {
		t.Errorf("from the shard's start: %d records, want 1", len(got))
	}
	// Everything goes in the end; the shard is open and stays, and who waits at its tip misses nothing.
	tip := h.iterator(arn, shard, "LATEST", "")
	for range 3 {
		h.wait(10 * time.Minute)
		_, tip = h.next(tip, 1)
	}
	h.wait(13 * time.Hour)
	h.streamHas(arn)
	put("four")
	h.streamHas(arn, "MODIFY a/1 ->four")
}

func TestAnIdleReaderIsNeverToldOfTrimmedData(t *testing.T) {
	t.Parallel()
	// An empty shard, and one whose records are all gone, have nothing that a reader could have missed.
	cfg := oneShard()
	cfg.ShardLifetime = 100 * time.Hour
	h := newStreamHarness(t, cfg)
	arn := h.createStream("tbl", "KEYS_ONLY")
	shard := h.shards(arn)[0].ShardId
	poll := func(it string) string {
		for range 200 {
			h.wait(10 * time.Minute)
			var records []ddb.Record
			if records, it = h.next(it, 1); len(records) != 0 {
				t.Fatalf("%d records from an idle table", len(records))
			}
		}
		return it
	}
	it := poll(h.iterator(arn, shard, "TRIM_HORIZON", ""))
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"}}`)
	records, it := h.next(it, 10)
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	poll(it)
}

func TestClosedShardsGoAfterADay(t *testing.T) {
	t.Parallel()
	h := newStreamHarness(t, StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: 4 * time.Hour})
	arn := h.createStream("tbl", "KEYS_ONLY")
	first := h.shards(arn)[0].ShardId
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"}}`)
	it := h.iterator(arn, first, "TRIM_HORIZON", "")
	most := 0
	for i := range 24 * 12 {
		h.wait(5 * time.Minute)
		if i == 24*12-3 {
			it = h.iterator(arn, first, "LATEST", "")
		}
		most = max(most, len(h.shards(arn)))
	}
	for range 24 * 12 {
		h.wait(5 * time.Minute)
		most = max(most, len(h.shards(arn)))
	}
	// One every four hours, for a day and its own life.
	if n := len(h.shards(arn)); n > 8 || n < 7 || most > 8 {
		t.Errorf("%d shards after two days, at most %d; want 7 or 8", n, most)
	}
	oldest := h.shards(arn)[0]
	if oldest.ParentShardId == "" {
		t.Errorf("the oldest shard has no parent: it names the one that is gone")
	}
	h.fails(ddb.GetShardIterator, iteratorBody(arn, first, "TRIM_HORIZON", ""), "ResourceNotFoundException", "Requested resource not found: Shard does not exist")
	h.fails(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, it), "ExpiredIteratorException", "The provided iterator exceeds the maximum age allowed.")
}

func TestAnIteratorOfAShardThatIsGone(t *testing.T) {
	t.Parallel()
	h := newStreamHarness(t, StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: time.Hour})
	arn := h.createStream("tbl", "KEYS_ONLY")
	first := h.shards(arn)[0].ShardId
	h.wait(time.Hour + time.Minute)
	h.wait(24 * time.Hour)
	it := h.iterator(arn, first, "TRIM_HORIZON", "")
	h.wait(2 * time.Minute)
	h.fails(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, it), "TrimmedDataAccessException", "The data you are trying to access has been trimmed")
	// The stream itself is gone.
	h.iterator(arn, h.shards(arn)[0].ShardId, "TRIM_HORIZON", "")
	h.setStream("tbl", "")
	h.now.Add((24*time.Hour + time.Minute).Milliseconds())
	it = h.iterator(arn, h.shards(arn)[len(h.shards(arn))-1].ShardId, "TRIM_HORIZON", "")
	h.wait(time.Minute)
	h.fails(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, it), "ResourceNotFoundException", "Requested resource not found: Stream: "+arn+" not found")
}

func TestTendingTellsNobodyOfTheTable(t *testing.T) {
	t.Parallel()
	// Caches forget a table that has changed; a shard that rolls is no such change.
	rec := &tableHooks{}
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Hooks = true, rec
	cfg.Streams = StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: time.Nanosecond}
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	h := &harness{t: t, e: e}
	arn := h.createStream("tbl", "KEYS_ONLY")
	before := len(rec.tables)
	for len(h.shards(arn)) < 5 {
		if err := e.tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if before != 1 || len(rec.tables) != 1 {
		t.Errorf("TablesChanged was told of %q, want of the table's making alone", rec.tables)
	}
}

// tableHooks keeps the names that TablesChanged is told.
type tableHooks struct {
	noHooks
	tables []string
}

// TablesChanged keeps the name.
func (h *tableHooks) TablesChanged(_, table string) { h.tables = append(h.tables, table) }

func TestRunTendsStreams(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.InMemory = true
	cfg.SweepInterval = time.Millisecond
	cfg.Streams = StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: time.Millisecond}
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	h := &harness{t: t, e: e}
	arn := h.createStream("tbl", "KEYS_ONLY")
	done := make(chan error)
	go func() { done <- e.Run(t.Context()) }()
	for len(h.shards(arn)) < 3 {
		select {
		case err := <-done:
			t.Fatalf("Run ended: %v", err)
		default:
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Run after Close: %v", err)
	}
}

func TestStreamsAreTendedAtOnceWhenThereIsReason(t *testing.T) {
	t.Parallel()
	// Looks by themselves are an hour apart.
	f := func(what string, streams StreamConfig, reason func(h *harness)) {
		t.Helper()
		cfg := DefaultConfig()
		cfg.InMemory, cfg.SweepInterval, cfg.Streams = true, time.Hour, streams
		e, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		h := &harness{t: t, e: e}
		arn := h.createStream("tbl", "KEYS_ONLY")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- e.Run(ctx) }()
		reason(h)
		for len(h.shards(arn)) == 1 {
			select {
			case err := <-done:
				t.Fatalf("%s: Run ended before the shard did: %v", what, err)
			default:
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: Run: %v", what, err)
		}
	}
	// A shard is hot.
	f("heat", StreamConfig{Shards: 1, MaxShards: 2, ShardLifetime: time.Hour, SplitRate: 1}, func(h *harness) {
		for i := range 11 {
			h.put("tbl", fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"%d"}}`, i))
		}
	})
	// The clock was moved past a shard's life.
	f("clock", oneShard(), func(h *harness) { h.e.AdvanceClock(5 * time.Hour) })
}

func TestStreamsSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := int64(streamStart)
	open := func() *harness {
		cfg := diskConfig(dir)
		cfg.Streams = StreamConfig{Shards: 2, MaxShards: 2, ShardLifetime: time.Hour}
		cfg.Clock = func() time.Time { return time.UnixMilli(now) }
		e, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return &harness{t: t, e: e}
	}
	h := open()
	arn := h.createStream("tbl", "NEW_AND_OLD_IMAGES")
	write := func(v string) {
		for i := range 5 {
			h.put("tbl", fmt.Sprintf(`{"p":{"S":"%d"},"s":{"N":"1"},"v":{"S":%q}}`, i, v))
		}
	}
	write("a")
	now += (2 * time.Hour).Milliseconds()
	if err := h.e.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	write("b")
	shards, records := h.shards(arn), sequences(h.readStream(arn))
	it := h.iterator(arn, shards[3].ShardId, "LATEST", "")
	if err := h.e.Close(); err != nil {
		t.Fatal(err)
	}
	// The clock goes back: sequence numbers do not.
	now -= time.Hour.Milliseconds()
	h = open()
	mustHold(t, h.e)
	if got := shardIDs(h.shards(arn)); !slices.Equal(got, shardIDs(shards)) {
		t.Errorf("shards after a restart: %q, want %q", got, shardIDs(shards))
	}
	if got := sequences(h.readStream(arn)); !slices.Equal(got, records) {
		t.Errorf("records after a restart: %q, want %q", got, records)
	}
	write("c")
	// Iterators go on, and so does the order.
	fresh := h.drain(it, 10)
	if len(fresh) == 0 || slices.Min(sequences(fresh)) <= slices.Max(records) {
		t.Errorf("records after a restart with an older clock: %q, want some after %q", sequences(fresh), slices.Max(records))
	}
	// A stream that is made after one was removed does not get its number.
	h.setStream("tbl", "")
	now += (48 * time.Hour).Milliseconds()
	if err := h.e.tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.e.Close(); err != nil {
		t.Fatal(err)
	}
	h = open()
	defer h.e.Close()
	h.setStream("tbl", "KEYS_ONLY")
	again := h.latestStream("tbl")
	write("d")
	if got := h.readStream(again); len(got) != 5 {
		t.Errorf("new stream has %d records, want 5", len(got))
	}
	h.fails(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, h.forge(arn, 1, 3)), "ResourceNotFoundException", "Requested resource not found: Stream: "+arn+" not found")
	mustHold(t, h.e)
}

// forge seals an iterator of a stream that may be gone.
func (h *harness) forge(arn string, stream, shard uint32) string {
	s := newStream(stream, streamRecord{ARN: arn}, nil)
	return h.e.seal(s, shardIterator{stream, shard, 1, h.e.cfg.Clock().UnixMilli()})
}

func TestStreamConfigIsChecked(t *testing.T) {
	t.Parallel()
	f := func(change func(*StreamConfig), want string) {
		t.Helper()
		cfg := DefaultConfig()
		cfg.InMemory = true
		change(&cfg.Streams)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate: %v, want an error with %q", err, want)
		}
	}
	f(func(c *StreamConfig) { c.Shards = 0 }, "shards")
	f(func(c *StreamConfig) { c.Shards = maxStreamShards + 1 }, "shards")
	f(func(c *StreamConfig) { c.MaxShards = 3 }, "most shards")
	f(func(c *StreamConfig) { c.MaxShards = maxStreamShards + 1 }, "most shards")
	f(func(c *StreamConfig) { c.ShardLifetime = 0 }, "lifetime")
	f(func(c *StreamConfig) { c.SplitRate = -1 }, "rate")
}

func TestRangesOfShardsCoverEveryHashOnce(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 100; n++ {
		ends := splitRange(n)
		if len(ends) != n || ends[n-1] != logEnd || !slices.IsSorted(ends) || len(slices.Compact(ends)) != n {
			t.Errorf("splitRange(%d) = %x", n, ends)
		}
	}
}
