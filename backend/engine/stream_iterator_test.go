package engine

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/ddb"
)

// plus is a sequence number so much further on.
func plus(sequence string, n int64) string {
	v, _ := new(big.Int).SetString(sequence, 10)
	return v.Add(v, big.NewInt(n)).String()
}

// sequences are the records' sequence numbers.
func sequences(records []ddb.Record) []string {
	var list []string
	for _, r := range records {
		list = append(list, r.DynamoDB.SequenceNumber)
	}
	return list
}

func TestShardIteratorTypes(t *testing.T) {
	t.Parallel()
	// #241, #242
	h := newStreamHarness(t, oneShard())
	arn := h.createStream("tbl", "KEYS_ONLY")
	shard := h.shards(arn)[0]
	start := shard.SequenceNumberRange.StartingSequenceNumber
	tip := h.iterator(arn, shard.ShardId, "LATEST", "")
	h.ok(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, h.iterator(arn, shard.ShardId, "TRIM_HORIZON", "")),
		fmt.Sprintf(`{"Records":[],"NextShardIterator":%q}`, h.iterator(arn, shard.ShardId, "TRIM_HORIZON", "")))
	for i := range 5 {
		h.put("tbl", fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"%d"}}`, i))
	}
	all := sequences(h.readStream(arn))
	if len(all) != 5 || !slices.IsSorted(all) {
		t.Fatalf("sequence numbers %q, want five that rise", all)
	}
	f := func(kind, sequence string, want []string) {
		t.Helper()
		if got := sequences(h.drain(h.iterator(arn, shard.ShardId, kind, sequence), 2)); !slices.Equal(got, want) {
			t.Errorf("%s %s: records %q, want %q", kind, sequence, got, want)
		}
	}
	f("TRIM_HORIZON", "", all)
	f("LATEST", "", nil)
	f("AT_SEQUENCE_NUMBER", start, all)
	f("AFTER_SEQUENCE_NUMBER", start, all)
	for i, n := range all {
		// AT reads the same record again, AFTER the next one.
		f("AT_SEQUENCE_NUMBER", n, all[i:])
		f("AFTER_SEQUENCE_NUMBER", n, all[i+1:])
	}
	// What came after an iterator was made is read with it; what was read is not read again.
	records, next := h.next(tip, 1000)
	if got := sequences(records); !slices.Equal(got, all) {
		t.Errorf("LATEST from before the writes: %q, want %q", got, all)
	}
	if records, _ = h.next(next, 1000); len(records) != 0 {
		t.Errorf("after the last record: %d more", len(records))
	}
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"9"}}`)
	if records, _ = h.next(next, 1000); len(records) != 1 || slices.Contains(all, records[0].DynamoDB.SequenceNumber) {
		t.Errorf("after another write: %q, want a new one", sequences(records))
	}
	f("LATEST", "", nil)

	bad := func(arn, shard, kind, sequence, message string) {
		t.Helper()
		h.invalid(ddb.GetShardIterator, iteratorBody(arn, shard, kind, sequence), message)
	}
	id := shard.ShardId
	bad(arn, id, "AT_SEQUENCE_NUMBER", "", "One or more parameter values were invalid: SequenceNumber must be specified when ShardIteratorType is AT_SEQUENCE_NUMBER")
	bad(arn, id, "AFTER_SEQUENCE_NUMBER", "", "One or more parameter values were invalid: SequenceNumber must be specified when ShardIteratorType is AFTER_SEQUENCE_NUMBER")
	bad(arn, id, "TRIM_HORIZON", start, "One or more parameter values were invalid: SequenceNumber must not be specified when ShardIteratorType is TRIM_HORIZON")
	bad(arn, id, "LATEST", start, "One or more parameter values were invalid: SequenceNumber must not be specified when ShardIteratorType is LATEST")
	bad(arn, id, "bulle", start, "1 validation error detected: Value 'bulle' at 'shardIteratorType' failed to satisfy constraint: "+
		"Member must satisfy enum value set: [TRIM_HORIZON, LATEST, AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER]")
	bad(arn, id, "AT_SEQUENCE_NUMBER", "sdfsafglldfngjdafnasdflgnaldklkafdsgklna", "Invalid SequenceNumber")
	bad(arn, id, "AT_SEQUENCE_NUMBER", strings.Repeat("9", 40), "Invalid SequenceNumber")
	bad(arn, id, "AT_SEQUENCE_NUMBER", plus(start, -1), "Invalid SequenceNumber")
	bad(arn, id, "AFTER_SEQUENCE_NUMBER", plus(all[4], 1000), "Invalid SequenceNumber")
	bad("sdfadsfsdfsdgdfsgsfdabadfbabdadsfsdfsdfsdfsdfsdfsdfdfdssdffbdfdf", id, "LATEST", "", "Invalid StreamArn")
	gone := strings.Replace(arn, "table/tbl/", "table/usr/", 1)
	h.fails(ddb.GetShardIterator, iteratorBody(gone, id, "LATEST", ""), "ResourceNotFoundException", "Requested resource not found: Stream: "+gone+" not found")
	h.fails(ddb.GetShardIterator, iteratorBody(arn, "semprinidfaasdasfsdvacsdcfsdsvsdvsdvsdvsdvsdv", "LATEST", ""),
		"ResourceNotFoundException", "Requested resource not found: Shard does not exist")
}

func TestGetRecordsKeepsItsLimits(t *testing.T) {
	t.Parallel()
	// #242
	h := newStreamHarness(t, oneShard())
	arn := h.createStream("tbl", "NEW_AND_OLD_IMAGES")
	shard := h.shards(arn)[0].ShardId
	start := h.iterator(arn, shard, "TRIM_HORIZON", "")
	for batch := range 44 {
		var puts []string
		for i := range 25 {
			puts = append(puts, fmt.Sprintf(`{"PutRequest":{"Item":{"p":{"S":"a"},"s":{"N":"%d"}}}}`, batch*25+i))
		}
		h.answer(ddb.BatchWriteItem, `{"RequestItems":{"tbl":[`+strings.Join(puts, ",")+`]}}`)
	}
	out := typed[ddb.GetRecordsOutput](h.harness, ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, start))
	if len(out.Records) != 1000 || out.NextShardIterator == nil {
		t.Fatalf("without Limit: %d records of 1100, want 1000 and an iterator for the others", len(out.Records))
	}
	all := sequences(h.drain(start, 1000))
	for _, limit := range []int{1, 99, 100, 550, 1000} {
		if got := sequences(h.drain(start, limit)); !slices.Equal(got, all) || len(all) != 1100 {
			t.Errorf("by %d: %d records, want the same 1100", limit, len(got))
		}
		if records, _ := h.next(start, limit); len(records) != limit {
			t.Errorf("by %d: the first page has %d", limit, len(records))
		}
	}
	// A page ends before the record that would make it more than 1 MB, but never has none.
	pages := func(bytes, records int, want ...int) {
		t.Helper()
		tip := h.iterator(arn, shard, "LATEST", "")
		for i := range records {
			h.put("tbl", fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"%d%s"}}`, i, strings.Repeat("x", bytes)))
		}
		for page, n := range want {
			var got []ddb.Record
			if got, tip = h.next(tip, 1000); len(got) != n {
				t.Errorf("page %d has %d records with images of %d bytes, want %d", page, len(got), bytes, n)
			}
		}
	}
	// The first record has the small old image.
	pages(250_000, 4, 2, 2, 0)
	pages(400_000, 3, 1, 1, 1, 0)
	limits := func(limit int) string { return fmt.Sprintf(`{"ShardIterator":%q,"Limit":%d}`, start, limit) }
	h.invalid(ddb.GetRecords, limits(1001), "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000")
	h.invalid(ddb.GetRecords, limits(0), "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	h.invalid(ddb.GetRecords, limits(-1), "1 validation error detected: Value '-1' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
}

func TestIteratorsExpire(t *testing.T) {
	t.Parallel()
	// #242
	h := newStreamHarness(t, oneShard())
	arn := h.createStream("tbl", "KEYS_ONLY")
	it := h.iterator(arn, h.shards(arn)[0].ShardId, "LATEST", "")
	h.now.Add((15 * time.Minute).Milliseconds())
	_, next := h.next(it, 1)
	h.now.Add(1)
	h.fails(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, it), "ExpiredIteratorException", "The provided iterator exceeds the maximum age allowed.")
	// The one that came with the records is as old as they are.
	h.now.Add((15*time.Minute - time.Millisecond).Milliseconds())
	h.next(next, 1)
}

func TestIteratorsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	// #242
	h := newStreamHarness(t, oneShard())
	arn, other := h.createStream("tbl", "KEYS_ONLY"), h.createStream("usr", "KEYS_ONLY")
	it := h.iterator(arn, h.shards(arn)[0].ShardId, "TRIM_HORIZON", "")
	f := func(text string) {
		t.Helper()
		h.invalid(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, text), "Invalid ShardIterator")
	}
	f("sdfsdfsgagaddafgagasgasgasdfasdfasdfasdfasdgasdasdgasdg")
	f(strings.Replace(it, arn, other, 1))
	f(it + "=")
	f(it[:len(it)-4])
	f(it[len(arn):])
	// No bit of it can be changed.
	body, err := base64.StdEncoding.DecodeString(it[len(arn)+len(iteratorMark):])
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] ^= 1
		f(arn + iteratorMark + base64.StdEncoding.EncodeToString(body))
		body[i] ^= 1
	}
	// Another engine's, of a stream with the same name and numbers.
	foreign := newStreamHarness(t, oneShard())
	if same := foreign.createStream("tbl", "KEYS_ONLY"); same != arn {
		t.Fatalf("streams %q and %q, want the same ARN", same, arn)
	}
	f(foreign.iterator(arn, foreign.shards(arn)[0].ShardId, "TRIM_HORIZON", ""))
}

func TestScopesHaveTheirOwnStreams(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.InMemory, cfg.Isolate, cfg.Streams = true, true, oneShard()
	cfg.Clock = func() time.Time { return time.UnixMilli(streamStart) }
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	do := func(scope string, op ddb.Operation, body string) (*ddb.Response, error) {
		req := ddb.NewRequest(op, []byte(body))
		req.Scope = scope
		return e.Do(context.Background(), req)
	}
	must := func(scope string, op ddb.Operation, body string) *ddb.Response {
		t.Helper()
		resp, err := do(scope, op, body)
		if err != nil {
			t.Fatalf("%s in scope %s: %v", op, scope, err)
		}
		return resp
	}
	iterator := func(scope string) string {
		t.Helper()
		list, _ := ddb.OutputAs[ddb.ListStreamsOutput](must(scope, ddb.ListStreams, `{}`))
		if len(list.Streams) != 1 {
			t.Fatalf("scope %s sees %d streams, want its own", scope, len(list.Streams))
		}
		arn := list.Streams[0].StreamArn
		d, _ := ddb.OutputAs[ddb.DescribeStreamOutput](must(scope, ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q}`, arn)))
		out, _ := ddb.OutputAs[ddb.GetShardIteratorOutput](must(scope, ddb.GetShardIterator,
			iteratorBody(arn, d.StreamDescription.Shards[0].ShardId, "TRIM_HORIZON", "")))
		return *out.ShardIterator
	}
	for _, scope := range []string{"a", "b"} {
		must(scope, ddb.CreateTable, streamTable("tbl", "KEYS_ONLY"))
	}
	must("a", ddb.PutItem, `{"TableName":"tbl","Item":{"p":{"S":"a"},"s":{"N":"1"}}}`)
	a, b := iterator("a"), iterator("b")
	for scope, want := range map[string]int{"a": 1, "b": 0} {
		it := map[string]string{"a": a, "b": b}[scope]
		out, _ := ddb.OutputAs[ddb.GetRecordsOutput](must(scope, ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, it)))
		if len(out.Records) != want {
			t.Errorf("scope %s reads %d records, want %d", scope, len(out.Records), want)
		}
	}
	if _, err := do("b", ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, a)); err == nil || err.Error() != "ValidationException: Invalid ShardIterator" {
		t.Errorf("iterator of another scope: %v, want ValidationException: Invalid ShardIterator", err)
	}
	if _, err := do("c", ddb.ListStreams, `{}`); err != nil {
		t.Error(err)
	}
	mustHold(t, e)
}

// FuzzShardIterator: whatever a client sends for an iterator is answered with records of the one stream there is, from an
// iterator that was given out, or refused.
func FuzzShardIterator(f *testing.F) {
	h := newStreamHarness(f, oneShard())
	arn := h.createStream("tbl", "NEW_IMAGE")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"}}`)
	shard := h.shards(arn)[0].ShardId
	given := map[string]bool{}
	for _, kind := range []string{"TRIM_HORIZON", "LATEST"} {
		it := h.iterator(arn, shard, kind, "")
		given[it] = true
		f.Add(it)
		f.Add(strings.Replace(it, "|1|", "|2|", 1))
	}
	f.Add("")
	f.Add(arn + iteratorMark)
	f.Add(arn + iteratorMark + base64.StdEncoding.EncodeToString(make([]byte, iteratorBytes+sealBytes)))
	f.Add("|1||1|")
	f.Fuzz(func(t *testing.T, text string) {
		body := ddb.AppendJSONString([]byte(`{"ShardIterator":`), text)
		_, err := h.e.Do(t.Context(), ddb.NewRequest(ddb.GetRecords, append(body, '}')))
		bad, refused := ddb.AsError(err)
		switch {
		case err == nil && !given[text]:
			t.Errorf("iterator %q was never given out and is served", text)
		case err == nil:
		case !refused || (bad.Code != "ValidationException" && bad.Code != "SerializationException"):
			t.Errorf("iterator %q: %v, want a ValidationException", text, err)
		}
	})
}

// FuzzGetShardIterator: what a client sends for the place of an iterator is a place in the shard, or refused.
func FuzzGetShardIterator(f *testing.F) {
	h := newStreamHarness(f, oneShard())
	arn := h.createStream("tbl", "KEYS_ONLY")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"}}`)
	shard := h.shards(arn)[0]
	last := h.readStream(arn)[0].DynamoDB.SequenceNumber
	f.Add(arn, shard.ShardId, "AT_SEQUENCE_NUMBER", last)
	f.Add(arn, shard.ShardId, "AFTER_SEQUENCE_NUMBER", shard.SequenceNumberRange.StartingSequenceNumber)
	f.Add(arn, shard.ShardId, "LATEST", "1")
	f.Add("arn:aws:dynamodb:::table//stream/xxxxxxxxxxxxxxxxx", "shardId-00000000000000000000", "TRIM_HORIZON", "")
	f.Add(arn, shard.ShardId, "AT_SEQUENCE_NUMBER", "118446744073709551615")
	f.Fuzz(func(t *testing.T, arn, id, kind, sequence string) {
		body := ddb.AppendJSONString([]byte(`{"StreamArn":`), arn)
		body = ddb.AppendJSONString(append(body, `,"ShardId":`...), id)
		body = ddb.AppendJSONString(append(body, `,"ShardIteratorType":`...), kind)
		if sequence != "" {
			body = ddb.AppendJSONString(append(body, `,"SequenceNumber":`...), sequence)
		}
		resp, err := h.e.Do(t.Context(), ddb.NewRequest(ddb.GetShardIterator, append(body, '}')))
		if err != nil {
			if _, refused := ddb.AsError(err); !refused {
				t.Errorf("%s: %v", body, err)
			}
			return
		}
		out, err := ddb.OutputAs[ddb.GetShardIteratorOutput](resp)
		if err != nil {
			t.Fatal(err)
		}
		it, _, bad := h.e.unseal("", *out.ShardIterator)
		lowest, _ := parseSequence(shard.SequenceNumberRange.StartingSequenceNumber)
		highest, _ := parseSequence(last)
		if bad != nil || id != shard.ShardId || it.position < lowest || it.position > highest+1 {
			t.Errorf("%s: an iterator at %d (%v), want one from %d to %d", body, it.position, bad, lowest, highest+1)
		}
	})
}
