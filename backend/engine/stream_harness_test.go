package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/ddb"
)

// streamHarness is an engine whose clock stands still until it is moved, with short names for what readers of streams do.
type streamHarness struct {
	*harness
	// now is in milliseconds of the Unix epoch.
	now atomic.Int64
}

// streamStart is when a streamHarness begins: 2033-05-18T03:33:20.123Z.
const streamStart = 2_000_000_000_123

// oneShard are streams of one shard that is never split.
func oneShard() StreamConfig {
	return StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: 4 * time.Hour}
}

// newStreamHarness opens an engine in memory.
func newStreamHarness(t testing.TB, streams StreamConfig) *streamHarness {
	t.Helper()
	h := &streamHarness{}
	h.now.Store(streamStart)
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Streams = true, streams
	cfg.Clock = func() time.Time { return time.UnixMilli(h.now.Load()) }
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	h.harness = &harness{t: t, e: e}
	return h
}

// wait moves the clock and does what Run does now and then.
func (h *streamHarness) wait(d time.Duration) {
	h.t.Helper()
	h.now.Add(d.Milliseconds())
	if err := h.e.tend(context.Background()); err != nil {
		h.t.Fatalf("tend: %v", err)
	}
	mustHold(h.t, h.e)
}

// streamTable is the body of a CreateTable of the table name with key p (S), s (N) and a stream of that view.
func streamTable(name, view string) string {
	return fmt.Sprintf(`{"TableName":%q,"BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
		"StreamSpecification":{"StreamEnabled":true,"StreamViewType":%q}}`, name, view)
}

// createStream makes a table with a stream and returns the stream's ARN.
func (h *harness) createStream(name, view string) string {
	h.t.Helper()
	h.answer(ddb.CreateTable, streamTable(name, view))
	return h.latestStream(name)
}

// latestStream is a table's LatestStreamArn.
func (h *harness) latestStream(table string) string {
	h.t.Helper()
	out := typed[ddb.DescribeTableOutput](h, ddb.DescribeTable, fmt.Sprintf(`{"TableName":%q}`, table))
	return out.Table.LatestStreamArn
}

// setStream enables a table's stream with that view, or disables it if view is empty.
func (h *harness) setStream(table, view string) {
	h.t.Helper()
	spec := `{"StreamEnabled":false}`
	if view != "" {
		spec = fmt.Sprintf(`{"StreamEnabled":true,"StreamViewType":%q}`, view)
	}
	h.answer(ddb.UpdateTable, fmt.Sprintf(`{"TableName":%q,"StreamSpecification":%s}`, table, spec))
}

// typed is the typed output of a request that must succeed.
func typed[T any](h *harness, op ddb.Operation, body string) *T {
	h.t.Helper()
	resp, err := h.e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		h.t.Fatalf("%s %s: error %v, want success", op, clip(body), err)
	}
	out, err := ddb.OutputAs[T](resp)
	if err != nil {
		h.t.Fatalf("%s %s: %v", op, clip(body), err)
	}
	return out
}

// describe is a stream with all its shards, read in pages of the given size.
func (h *harness) describe(arn string, limit int) *ddb.StreamDescription {
	h.t.Helper()
	var all *ddb.StreamDescription
	for start := ""; ; {
		d := typed[ddb.DescribeStreamOutput](h, ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q,"Limit":%d%s}`, arn, limit, start)).StreamDescription
		if len(d.Shards) > limit {
			h.t.Fatalf("DescribeStream with Limit %d: %d shards", limit, len(d.Shards))
		}
		if all == nil {
			all = d
		} else {
			all.Shards = append(all.Shards, d.Shards...)
		}
		if d.LastEvaluatedShardId == nil {
			return all
		}
		if last := d.Shards[len(d.Shards)-1].ShardId; *d.LastEvaluatedShardId != last {
			h.t.Fatalf("LastEvaluatedShardId %s, want that of the last shard listed, %s", *d.LastEvaluatedShardId, last)
		}
		start = fmt.Sprintf(`,"ExclusiveStartShardId":%q`, *d.LastEvaluatedShardId)
	}
}

// shards are a stream's shards.
func (h *harness) shards(arn string) []ddb.Shard {
	h.t.Helper()
	return h.describe(arn, 100).Shards
}

// iterator is a new iterator; sequence is empty for the types that need none.
func (h *harness) iterator(arn, shard, kind, sequence string) string {
	h.t.Helper()
	out := typed[ddb.GetShardIteratorOutput](h, ddb.GetShardIterator, iteratorBody(arn, shard, kind, sequence))
	return *out.ShardIterator
}

// iteratorBody is the body of a GetShardIterator.
func iteratorBody(arn, shard, kind, sequence string) string {
	if sequence != "" {
		sequence = fmt.Sprintf(`,"SequenceNumber":%q`, sequence)
	}
	return fmt.Sprintf(`{"StreamArn":%q,"ShardId":%q,"ShardIteratorType":%q%s}`, arn, shard, kind, sequence)
}

// next reads up to limit records; the second result is empty at the end of a shard.
func (h *harness) next(iterator string, limit int) ([]ddb.Record, string) {
	h.t.Helper()
	out := typed[ddb.GetRecordsOutput](h, ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q,"Limit":%d}`, iterator, limit))
	if out.NextShardIterator == nil {
		return out.Records, ""
	}
	return out.Records, *out.NextShardIterator
}

// drain reads on from an iterator in pages of the given size until there is nothing more for now.
func (h *harness) drain(iterator string, limit int) []ddb.Record {
	h.t.Helper()
	var all []ddb.Record
	for iterator != "" {
		records, next := h.next(iterator, limit)
		if all = append(all, records...); len(records) == 0 && next != "" {
			break
		}
		iterator = next
	}
	return all
}

// readStream reads a whole stream, each shard after its parent.
func (h *harness) readStream(arn string) []ddb.Record {
	h.t.Helper()
	var all []ddb.Record
	// Shards are listed in the order of their ids, which is that of their age.
	for _, sh := range h.shards(arn) {
		all = append(all, h.drain(h.iterator(arn, sh.ShardId, "TRIM_HORIZON", ""), 7)...)
	}
	return all
}

// summaries are records in short: event, key and the values of the attribute v before and after, "-" where there is none.
func summaries(records []ddb.Record) []string {
	value := func(item ddb.Item) string {
		if v, ok := item.Get("v"); ok {
			return v.Str()
		}
		return "-"
	}
	var out []string
	for _, r := range records {
		p, _ := r.DynamoDB.Keys.Get("p")
		s, _ := r.DynamoDB.Keys.Get("s")
		out = append(out, fmt.Sprintf("%s %s/%s %s>%s", r.EventName, p.Str(), s.Num(), value(r.DynamoDB.OldImage), value(r.DynamoDB.NewImage)))
	}
	return out
}

// streamHas checks what a stream has, in short.
func (h *harness) streamHas(arn string, want ...string) {
	h.t.Helper()
	if got := summaries(h.readStream(arn)); !slices.Equal(got, want) {
		h.t.Errorf("stream has\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// checkStreams compares the records of the streams in the store with their lineage and their tables: it returns the first
// of these that does not hold.
//
//	S1 the open shards of an enabled stream cover every hash once; those of a disabled one are none
//	S2 a child begins after its parent's end, and has no hash that its parent had not
//	S3 a record lies between its shard's ends, after what was trimmed, and in the range of its item
//	S4 a table's stream is there, enabled, and what its description says
//	S5 nothing else is stored about streams
func checkStreams(v *view) error {
	for _, s := range v.cat.streams.byNumber {
		if err := checkShards(s); err != nil {
			return fmt.Errorf("stream %q: %w", s.record.ARN, err)
		}
	}
	for _, t := range v.cat.byNumber {
		s := v.cat.streams.byNumber[t.record.Stream]
		switch {
		case t.record.Stream == 0 && t.desc.StreamSpecification != nil:
			return fmt.Errorf("S4: table %q shows a stream that it has not", t.desc.TableName)
		case t.record.Stream == 0:
		case s == nil || s.record.Closed != 0 || s.record.ARN != t.desc.LatestStreamArn || s.record.View != t.desc.StreamSpecification.StreamViewType:
			return fmt.Errorf("S4: table %q has not the stream that it shows", t.desc.TableName)
		}
	}
	for _, family := range []byte{familyStream, familyShard, familyLog} {
		if err := v.snap.each([]byte{family}, func(k, value []byte) error { return checkStreamKey(v, k, value) }); err != nil {
			return err
		}
	}
	return nil
}

// checkShards checks S1 and S2.
func checkShards(s *stream) error {
	low := uint64(0)
	for i, sh := range s.open {
		if sh.record.Low != low || sh.record.High < low || (i == len(s.open)-1) != (sh.record.High == logEnd) {
			return fmt.Errorf("S1: shard %s has the hashes %x to %x", sh.id, sh.record.Low, sh.record.High)
		}
		low = sh.record.High + 1
	}
	if (s.record.Closed == 0) != (len(s.open) > 0) {
		return fmt.Errorf("S1: %d shards are open", len(s.open))
	}
	for i, sh := range s.shards {
		if i > 0 && s.shards[i-1].id >= sh.id {
			return fmt.Errorf("S2: shard %s after %s", sh.id, s.shards[i-1].id)
		}
		parent, ok := s.shard(sh.record.Parent)
		if !ok {
			continue
		}
		p, c := parent.record, sh.record
		if p.End == 0 || c.Start <= p.End || c.Low < p.Low || c.High > p.High {
			return fmt.Errorf("S2: shard %+v is no child of %+v", c, p)
		}
	}
	return nil
}

// checkStreamKey checks S3 and S5 for one key.
func checkStreamKey(v *view, k, value []byte) error {
	s := v.cat.streams.byNumber[tableOf(k)]
	if s == nil {
		return fmt.Errorf("S5: key %x belongs to no stream", k)
	}
	if k[0] == familyStream {
		return nil
	}
	_, number := shardKeyParts(k)
	sh, ok := s.numbered(number)
	if !ok {
		return fmt.Errorf("S5: key %x belongs to no shard", k)
	}
	if k[0] == familyShard {
		return nil
	}
	n := logSequence(k)
	if n < sh.oldest() || n == sh.record.Start || (sh.record.End != 0 && n >= sh.record.End) {
		return fmt.Errorf("S3: record %d is in shard %+v", n, sh.record)
	}
	r, err := s.decodeRecord("", n, value)
	if err != nil {
		return err
	}
	hash, _ := r.DynamoDB.Keys.Get(s.record.KeySchema.Hash())
	if at := binary.BigEndian.Uint64(appendHash(nil, hash)); at < sh.record.Low || at > sh.record.High {
		return fmt.Errorf("S3: item with hash %x is in shard %+v", at, sh.record)
	}
	return nil
}
