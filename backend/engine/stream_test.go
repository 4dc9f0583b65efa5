package engine

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/ddb"
)

func TestTablesShowTheirStream(t *testing.T) {
	t.Parallel()
	// #235, #236
	for _, view := range []string{"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"} {
		h := newStreamHarness(t, oneShard())
		const arn = "arn:aws:dynamodb:us-east-1:123456789012:table/tbl/stream/2033-05-18T03:33:20.123"
		check := func(what string, d *ddb.TableDescription) {
			t.Helper()
			spec := d.StreamSpecification
			if spec == nil || !spec.StreamEnabled || spec.StreamViewType != view {
				t.Errorf("%s: StreamSpecification %+v, want one of %s", what, spec, view)
			}
			if d.LatestStreamArn != arn || d.LatestStreamLabel != "2033-05-18T03:33:20.123" {
				t.Errorf("%s: stream %q with label %q, want %q", what, d.LatestStreamArn, d.LatestStreamLabel, arn)
			}
		}
		check("CreateTable", typed[ddb.CreateTableOutput](h.harness, ddb.CreateTable, streamTable("tbl", view)).TableDescription)
		check("DescribeTable", typed[ddb.DescribeTableOutput](h.harness, ddb.DescribeTable, `{"TableName":"tbl"}`).Table)
		// Changes of other settings leave the stream alone.
		h.wait(time.Hour)
		check("UpdateTable", typed[ddb.UpdateTableOutput](h.harness, ddb.UpdateTable, `{"TableName":"tbl","DeletionProtectionEnabled":true}`).TableDescription)
		check("DescribeTable", typed[ddb.DescribeTableOutput](h.harness, ddb.DescribeTable, `{"TableName":"tbl"}`).Table)
		h.ok(ddb.ListStreams, `{"TableName":"tbl"}`, fmt.Sprintf(`{"Streams":[{"StreamArn":%q,"TableName":"tbl","StreamLabel":"2033-05-18T03:33:20.123"}]}`, arn))
	}
}

func TestStreamSpecificationIsChecked(t *testing.T) {
	t.Parallel()
	h := newStreamHarness(t, oneShard())
	create := func(spec string) string {
		return strings.Replace(hashTable, "{", `{"StreamSpecification":`+spec+`,`, 1)
	}
	update := func(spec string) string { return `{"TableName":"hash","StreamSpecification":` + spec + `}` }
	enum := "1 validation error detected: Value 'Fisk' at 'streamSpecification.streamViewType' failed to satisfy constraint: " +
		"Member must satisfy enum value set: [NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY]"
	// #236
	h.invalid(ddb.CreateTable, create(`{"StreamEnabled":true,"StreamViewType":"Fisk"}`), enum)
	h.invalid(ddb.CreateTable, create(`{"StreamEnabled":true}`),
		"One or more parameter values were invalid: Table is being created with a stream enabled, UpdateViewType is required")
	// #218
	h.invalid(ddb.CreateTable, create(`{"StreamEnabled":false,"StreamViewType":"KEYS_ONLY"}`),
		"One or more parameter values were invalid: Table is being created with a stream disabled, UpdateViewType should not be specified")
	h.answer(ddb.CreateTable, create(`{"StreamEnabled":false}`))
	for _, member := range []string{"StreamSpecification", "LatestStreamArn", "LatestStreamLabel"} {
		if got := h.member(ddb.DescribeTable, `{"TableName":"hash"}`, "Table"); strings.Contains(got, member) {
			t.Errorf("table without a stream shows %s: %s", member, got)
		}
	}
	// #236
	const none = "Table has no stream to disable: TableName: hash"
	const enabled = "Table already has an enabled stream: TableName: hash"
	h.invalid(ddb.UpdateTable, update(`{"StreamEnabled":false}`), none)
	h.invalid(ddb.UpdateTable, update(`{"StreamEnabled":true,"StreamViewType":"Fisk"}`), enum)
	h.invalid(ddb.UpdateTable, update(`{"StreamEnabled":true}`),
		"One or more parameter values were invalid: If stream is being enabled then UpdateViewType is required")
	h.setStream("hash", "KEYS_ONLY")
	h.invalid(ddb.UpdateTable, update(`{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}`), enabled)
	h.invalid(ddb.UpdateTable, update(`{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}`), enabled)
	h.invalid(ddb.UpdateTable, update(`{"StreamEnabled":false,"StreamViewType":"KEYS_ONLY"}`),
		"One or more parameter values were invalid: If stream is being disabled, then UpdateViewType must not be specified")
	h.setStream("hash", "")
	h.invalid(ddb.UpdateTable, update(`{"StreamEnabled":false}`), none)
	mustHold(t, h.e)
}

func TestADisabledStreamStaysReadableForADay(t *testing.T) {
	t.Parallel()
	// #237
	h := newStreamHarness(t, oneShard())
	first := h.createStream("tbl", "NEW_IMAGE")
	tip := h.iterator(first, h.shards(first)[0].ShardId, "LATEST", "")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"x"}}`)
	h.setStream("tbl", "")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"unheard"}}`)
	d := typed[ddb.DescribeTableOutput](h.harness, ddb.DescribeTable, `{"TableName":"tbl"}`).Table
	if d.StreamSpecification != nil || d.LatestStreamArn != first {
		t.Errorf("table after its stream was disabled: StreamSpecification %+v, LatestStreamArn %q, want none and %q", d.StreamSpecification, d.LatestStreamArn, first)
	}
	h.setStream("tbl", "NEW_IMAGE")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"y"}}`)
	second := h.latestStream("tbl")
	if second == first {
		t.Errorf("the new stream has the old ARN %q, also in the millisecond in which that was made", first)
	}
	arns := func() (list []string) {
		for _, s := range typed[ddb.ListStreamsOutput](h.harness, ddb.ListStreams, `{"TableName":"tbl"}`).Streams {
			list = append(list, s.StreamArn)
		}
		return list
	}
	check := func() {
		t.Helper()
		if got := arns(); !slices.Equal(got, []string{first, second}) {
			t.Errorf("ListStreams: %q, want %q and %q", got, first, second)
		}
		old := h.describe(first, 100)
		if old.StreamStatus != "DISABLED" || old.StreamViewType != "NEW_IMAGE" || old.TableName != "tbl" {
			t.Errorf("disabled stream: %+v", old)
		}
		for _, sh := range old.Shards {
			if sh.SequenceNumberRange.EndingSequenceNumber == "" {
				t.Errorf("shard %s of a disabled stream is open", sh.ShardId)
			}
		}
		if now := h.describe(second, 100); now.StreamStatus != "ENABLED" {
			t.Errorf("new stream is %s, want ENABLED", now.StreamStatus)
		}
		h.streamHas(first, "INSERT a/1 ->x")
		h.streamHas(second, "MODIFY a/1 ->y")
	}
	check()
	records, next := h.next(tip, 10)
	if got := summaries(records); !slices.Equal(got, []string{"INSERT a/1 ->x"}) || next != "" {
		t.Errorf("iterator from before the end: %q, next %q, want the last record and no next iterator", got, next)
	}
	h.wait(23 * time.Hour)
	check()
	h.wait(time.Hour + time.Minute)
	if got := arns(); !slices.Equal(got, []string{second}) {
		t.Errorf("ListStreams after a day: %q, want %q alone", got, second)
	}
	h.fails(ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q}`, first), "ResourceNotFoundException",
		"Requested resource not found: Stream: "+first+" not found")
}

func TestDeletingATableClosesItsStream(t *testing.T) {
	t.Parallel()
	h := newStreamHarness(t, oneShard())
	arn := h.createStream("tbl", "NEW_AND_OLD_IMAGES")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"x"}}`)
	tip := h.iterator(arn, h.shards(arn)[0].ShardId, "TRIM_HORIZON", "")
	h.answer(ddb.DeleteTable, `{"TableName":"tbl"}`)
	mustHold(t, h.e)
	if got := h.describe(arn, 100).StreamStatus; got != "DISABLED" {
		t.Errorf("stream of a deleted table is %s, want DISABLED", got)
	}
	if records, next := h.next(tip, 10); len(records) != 1 || next != "" {
		t.Errorf("stream of a deleted table: %d records, next iterator %q, want one and none", len(records), next)
	}
	// A new table of that name has a stream of its own.
	again := h.createStream("tbl", "KEYS_ONLY")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"x"}}`)
	if again == arn {
		t.Errorf("the new table's stream has the old ARN %q", arn)
	}
	h.streamHas(arn, "INSERT a/1 ->x")
	h.streamHas(again, "INSERT a/1 ->-")
	h.wait(25 * time.Hour)
	h.fails(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, tip), "ExpiredIteratorException", "The provided iterator exceeds the maximum age allowed.")
	h.fails(ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q}`, arn), "ResourceNotFoundException",
		"Requested resource not found: Stream: "+arn+" not found")
	if got := h.describe(again, 100).StreamStatus; got != "ENABLED" {
		t.Errorf("stream of the new table is %s, want ENABLED", got)
	}
}

func TestListStreamsInPages(t *testing.T) {
	t.Parallel()
	// #238
	h := newStreamHarness(t, oneShard())
	var want []string
	for i := range 7 {
		want = append(want, h.createStream(fmt.Sprintf("table-%d", i), "KEYS_ONLY"))
	}
	h.create(hashTable)
	for limit := 1; limit <= 8; limit++ {
		var got []string
		start, pages := "", 0
		for {
			out := typed[ddb.ListStreamsOutput](h.harness, ddb.ListStreams, fmt.Sprintf(`{"Limit":%d%s}`, limit, start))
			pages++
			for _, s := range out.Streams {
				got = append(got, s.StreamArn)
			}
			if out.LastEvaluatedStreamArn == nil {
				break
			}
			if len(out.Streams) != limit || *out.LastEvaluatedStreamArn != got[len(got)-1] {
				t.Fatalf("page of %d streams that ends at %s, LastEvaluatedStreamArn %s", len(out.Streams), got[len(got)-1], *out.LastEvaluatedStreamArn)
			}
			start = fmt.Sprintf(`,"ExclusiveStartStreamArn":%q`, *out.LastEvaluatedStreamArn)
		}
		if !slices.Equal(got, want) || pages != (6+limit)/limit {
			t.Errorf("ListStreams by %d: %q in %d pages, want %q", limit, got, pages, want)
		}
	}
	// Tables made between two pages do not move what was there.
	first := typed[ddb.ListStreamsOutput](h.harness, ddb.ListStreams, `{"Limit":3}`)
	h.createStream("another", "KEYS_ONLY")
	h.createStream("table-35", "KEYS_ONLY")
	rest := typed[ddb.ListStreamsOutput](h.harness, ddb.ListStreams, fmt.Sprintf(`{"ExclusiveStartStreamArn":%q}`, *first.LastEvaluatedStreamArn))
	if len(rest.Streams) != 5 {
		t.Errorf("second page has %d streams, want the four that were left and a new one", len(rest.Streams))
	}
	// A cookie works when its table is gone, and when its stream is.
	h.answer(ddb.DeleteTable, `{"TableName":"table-2"}`)
	h.wait(25 * time.Hour)
	rest = typed[ddb.ListStreamsOutput](h.harness, ddb.ListStreams, fmt.Sprintf(`{"ExclusiveStartStreamArn":%q,"Limit":1}`, want[2]))
	if len(rest.Streams) != 1 || rest.Streams[0].StreamArn != want[3] {
		t.Errorf("page after a stream that is gone: %+v, want %s", rest.Streams, want[3])
	}
	h.ok(ddb.ListStreams, `{"TableName":"hash"}`, `{"Streams":[]}`)
	h.ok(ddb.ListStreams, `{"TableName":"nobody"}`, `{"Streams":[]}`)
	h.invalid(ddb.ListStreams, `{"Limit":0}`,
		"1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	h.invalid(ddb.ListStreams, `{"Limit":101}`,
		"1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100")
	h.invalid(ddb.ListStreams, `{"ExclusiveStartStreamArn":"kossaapaaasdafsdaasdasdasdasasdasfadfadfasdasdas"}`, "Invalid StreamArn")
	h.invalid(ddb.ListStreams, `{"ExclusiveStartStreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/table-1"}`, "Invalid StreamArn")
}

func TestDescribeStreamInPages(t *testing.T) {
	t.Parallel()
	// #239, #240
	h := newStreamHarness(t, StreamConfig{Shards: 23, MaxShards: 23, ShardLifetime: time.Hour})
	arn := h.createStream("tbl", "OLD_IMAGE")
	h.wait(2 * time.Hour)
	all := h.describe(arn, 100)
	if all.StreamArn != arn || all.StreamLabel != "2033-05-18T03:33:20.123" || all.StreamStatus != "ENABLED" ||
		all.StreamViewType != "OLD_IMAGE" || all.TableName != "tbl" || all.CreationRequestDateTime != streamStart/1e3 ||
		all.KeySchema.Hash() != "p" || all.KeySchema.Range() != "s" {
		t.Errorf("DescribeStream: %+v", all)
	}
	if len(all.Shards) != 46 {
		t.Fatalf("%d shards, want 23 and a child of each", len(all.Shards))
	}
	ids := shardIDs(all.Shards)
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != 46 {
		t.Errorf("shards are not in the order of their ids: %q", ids)
	}
	for _, sh := range all.Shards {
		r := sh.SequenceNumberRange
		if len(sh.ShardId) < 28 || len(sh.ShardId) > 65 {
			t.Errorf("shard id %q has %d characters, want 28 to 65", sh.ShardId, len(sh.ShardId))
		}
		for _, n := range []string{r.StartingSequenceNumber, r.EndingSequenceNumber} {
			if !regexp.MustCompile(`^([0-9]{21,40})?$`).MatchString(n) {
				t.Errorf("sequence number %q, want 21 to 40 digits", n)
			}
		}
		if (sh.ParentShardId == "") != (r.EndingSequenceNumber != "") {
			t.Errorf("shard %+v %+v: want parents closed and children open", sh, r)
		}
	}
	for _, limit := range []int{1, 2, 7, 23, 45, 46, 47} {
		if got := shardIDs(h.describe(arn, limit).Shards); !slices.Equal(got, ids) {
			t.Errorf("DescribeStream by %d: %q, want %q", limit, got, ids)
		}
	}
	last := typed[ddb.DescribeStreamOutput](h.harness, ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q,"ExclusiveStartShardId":%q}`, arn, ids[45]))
	if d := last.StreamDescription; len(d.Shards) != 0 || d.LastEvaluatedShardId != nil {
		t.Errorf("DescribeStream after the last shard: %+v, want an empty page", d)
	}
	h.ok(ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q,"ExclusiveStartShardId":"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"}`, arn),
		fmt.Sprintf(`{"StreamDescription":{"StreamArn":%q,"StreamLabel":"2033-05-18T03:33:20.123","StreamStatus":"ENABLED",
			"StreamViewType":"OLD_IMAGE","CreationRequestDateTime":2000000000.123,"TableName":"tbl",
			"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],"Shards":[]}}`, arn))
	// Children of one shard.
	filter := func(rest string) string { return fmt.Sprintf(`{"StreamArn":%q,"ShardFilter":{%s}}`, arn, rest) }
	for i, parent := range all.Shards[:23] {
		children := typed[ddb.DescribeStreamOutput](h.harness, ddb.DescribeStream, filter(`"Type":"CHILD_SHARDS","ShardId":"`+parent.ShardId+`"`))
		if got := children.StreamDescription.Shards; len(got) != 1 || got[0].ParentShardId != parent.ShardId {
			t.Errorf("children of shard %d: %+v", i, got)
		}
	}
	none := typed[ddb.DescribeStreamOutput](h.harness, ddb.DescribeStream, filter(`"Type":"CHILD_SHARDS","ShardId":"`+ids[45]+`"`))
	if got := none.StreamDescription.Shards; len(got) != 0 {
		t.Errorf("children of an open shard: %+v", got)
	}
	h.invalid(ddb.DescribeStream, filter(`"ShardId":"`+ids[0]+`"`), "One or more parameter values were invalid: Type must be specified in ShardFilter")
	h.invalid(ddb.DescribeStream, filter(`"Type":"CHILD_SHARDS"`),
		"One or more parameter values were invalid: ShardId must be specified in ShardFilter when Type is CHILD_SHARDS")
	h.invalid(ddb.DescribeStream, filter(`"Type":"PARENTS","ShardId":"`+ids[0]+`"`),
		"1 validation error detected: Value 'PARENTS' at 'shardFilter.type' failed to satisfy constraint: Member must satisfy enum value set: [CHILD_SHARDS]")
	// Streams that are none.
	h.invalid(ddb.DescribeStream, `{"StreamArn":"sdfadfsdfnlfkajakfgjalksfgklasjklasdjfklasdfasdfgasf"}`, "Invalid StreamArn")
	h.invalid(ddb.DescribeStream, `{"StreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/tbl/index/stream"}`, "Invalid StreamArn")
	for _, gone := range []string{strings.Replace(arn, "table/tbl/", "table/usr/", 1), strings.Replace(arn, "2033", "2034", 1)} {
		h.fails(ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q}`, gone), "ResourceNotFoundException", "Requested resource not found: Stream: "+gone+" not found")
	}
}

// shardIDs are the shards' ids.
func shardIDs(shards []ddb.Shard) []string {
	var ids []string
	for _, sh := range shards {
		ids = append(ids, sh.ShardId)
	}
	return ids
}

func TestStreamRecordOnTheWire(t *testing.T) {
	t.Parallel()
	// #243, #244. What happens, and the sizes, are those of the sample event in the Developer Guide, "DynamoDB Streams and
	// AWS Lambda triggers".
	h := newStreamHarness(t, oneShard())
	h.answer(ddb.CreateTable, `{"TableName":"ExampleTableWithStream","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"Id","AttributeType":"N"}],"KeySchema":[{"AttributeName":"Id","KeyType":"HASH"}],
		"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`)
	h.put("ExampleTableWithStream", `{"Id":{"N":"101"},"Message":{"S":"New item!"}}`)
	h.now.Add(1999)
	h.put("ExampleTableWithStream", `{"Id":{"N":"101"},"Message":{"S":"This item has changed"}}`)
	h.answer(ddb.DeleteItem, `{"TableName":"ExampleTableWithStream","Key":{"Id":{"N":"101"}}}`)
	// A key-only item has images like any other.
	h.put("ExampleTableWithStream", `{"Id":{"N":"102"}}`)
	h.answer(ddb.DeleteItem, `{"TableName":"ExampleTableWithStream","Key":{"Id":{"N":"102"}}}`)
	arn := h.latestStream("ExampleTableWithStream")
	it := h.iterator(arn, h.shards(arn)[0].ShardId, "TRIM_HORIZON", "")
	var got struct {
		Records []map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(h.answer(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, it))), &got); err != nil {
		t.Fatal(err)
	}
	const (
		fresh   = `{"Id":{"N":"101"},"Message":{"S":"New item!"}}`
		changed = `{"Id":{"N":"101"},"Message":{"S":"This item has changed"}}`
	)
	want := []struct {
		event, change string
	}{
		{"INSERT", `"ApproximateCreationDateTime":2000000000,"Keys":{"Id":{"N":"101"}},"NewImage":` + fresh + `,"SizeBytes":26`},
		{"MODIFY", `"ApproximateCreationDateTime":2000000002,"Keys":{"Id":{"N":"101"}},"NewImage":` + changed + `,"OldImage":` + fresh + `,"SizeBytes":59`},
		{"REMOVE", `"ApproximateCreationDateTime":2000000002,"Keys":{"Id":{"N":"101"}},"OldImage":` + changed + `,"SizeBytes":38`},
		{"INSERT", `"ApproximateCreationDateTime":2000000002,"Keys":{"Id":{"N":"102"}},"NewImage":{"Id":{"N":"102"}},"SizeBytes":10`},
		{"REMOVE", `"ApproximateCreationDateTime":2000000002,"Keys":{"Id":{"N":"102"}},"OldImage":{"Id":{"N":"102"}},"SizeBytes":10`},
	}
	if len(got.Records) != len(want) {
		t.Fatalf("%d records, want %d", len(got.Records), len(want))
	}
	ids, before := make(map[string]bool), ""
	for i, r := range got.Records {
		var change struct{ SequenceNumber string }
		if err := json.Unmarshal(r["dynamodb"], &change); err != nil {
			t.Fatal(err)
		}
		// #240
		if !regexp.MustCompile(`^[0-9]{21,40}$`).MatchString(change.SequenceNumber) || change.SequenceNumber <= before {
			t.Errorf("record %d: sequence number %q after %q", i, change.SequenceNumber, before)
		}
		before = change.SequenceNumber
		if !regexp.MustCompile(`^"[0-9a-f]{32}"$`).MatchString(string(r["eventID"])) || ids[string(r["eventID"])] {
			t.Errorf("record %d: eventID %s is malformed or another's", i, r["eventID"])
		}
		ids[string(r["eventID"])] = true
		delete(r, "eventID")
		body, _ := json.Marshal(r)
		full := fmt.Sprintf(`{"eventName":%q,"eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1",
			"dynamodb":{%s,"SequenceNumber":%q,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`, want[i].event, want[i].change, change.SequenceNumber)
		if !sameJSON(t, string(body), full) {
			t.Errorf("record %d\n got %s\nwant %s", i, body, full)
		}
	}
}

func TestRecordsHoldTheImagesOfTheirView(t *testing.T) {
	t.Parallel()
	// #236, #244
	f := func(view string, want ...string) {
		t.Helper()
		h := newStreamHarness(t, oneShard())
		arn := h.createStream("tbl", view)
		h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"x"}}`, `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"y"}}`)
		h.answer(ddb.DeleteItem, `{"TableName":"tbl","Key":{"p":{"S":"a"},"s":{"N":"1"}}}`)
		h.streamHas(arn, want...)
		for _, r := range h.readStream(arn) {
			c := r.DynamoDB
			if c.StreamViewType != view || c.SizeBytes != int64(c.Keys.Size()+c.OldImage.Size()+c.NewImage.Size()) {
				t.Errorf("%s: record of %s with SizeBytes %d", view, c.StreamViewType, c.SizeBytes)
			}
		}
	}
	f("KEYS_ONLY", "INSERT a/1 ->-", "MODIFY a/1 ->-", "REMOVE a/1 ->-")
	f("NEW_IMAGE", "INSERT a/1 ->x", "MODIFY a/1 ->y", "REMOVE a/1 ->-")
	f("OLD_IMAGE", "INSERT a/1 ->-", "MODIFY a/1 x>-", "REMOVE a/1 y>-")
	f("NEW_AND_OLD_IMAGES", "INSERT a/1 ->x", "MODIFY a/1 x>y", "REMOVE a/1 y>-")
}

func TestAWriteThatChangesNothingIsNotRecorded(t *testing.T) {
	t.Parallel()
	// #245, #135
	h := newStreamHarness(t, oneShard())
	arn := h.createStream("tbl", "NEW_AND_OLD_IMAGES")
	const item = `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"x"},"m":{"M":{"a":{"N":"1"},"b":{"NS":["1","2"]}}}}`
	h.put("tbl", item)
	update := func(expression, values string) string {
		return fmt.Sprintf(`{"TableName":"tbl","Key":{"p":{"S":"a"},"s":{"N":"1.0"}},"UpdateExpression":%q%s}`, expression, values)
	}
	h.put("tbl", item)
	h.put("tbl", `{"m":{"M":{"b":{"NS":["2.0","1"]},"a":{"N":"1.00"}}},"p":{"S":"a"},"s":{"N":"1.0"},"v":{"S":"x"}}`)
	h.answer(ddb.UpdateItem, update("SET v = :v", `,"ExpressionAttributeValues":{":v":{"S":"x"}}`))
	h.answer(ddb.UpdateItem, update("SET m = :v", `,"ExpressionAttributeValues":{":v":{"M":{"b":{"NS":["2","1"]},"a":{"N":"1"}}}}`))
	h.answer(ddb.UpdateItem, update("REMOVE nothing", ""))
	h.answer(ddb.UpdateItem, `{"TableName":"tbl","Key":{"p":{"S":"b"},"s":{"N":"1"}},"UpdateExpression":"REMOVE v"}`)
	h.answer(ddb.DeleteItem, `{"TableName":"tbl","Key":{"p":{"S":"b"},"s":{"N":"1"}}}`)
	h.answer(ddb.BatchWriteItem, `{"RequestItems":{"tbl":[{"PutRequest":{"Item":`+item+`}},{"DeleteRequest":{"Key":{"p":{"S":"c"},"s":{"N":"1"}}}}]}}`)
	h.fails(ddb.PutItem, `{"TableName":"tbl","Item":{"p":{"S":"a"},"s":{"N":"1"}},"ConditionExpression":"attribute_not_exists(p)"}`,
		"ConditionalCheckFailedException", "The conditional request failed")
	h.streamHas(arn, "INSERT a/1 ->x")
}

func TestEveryWritePathIsRecorded(t *testing.T) {
	t.Parallel()
	// #246, #247
	h := newStreamHarness(t, oneShard())
	arn := h.createStream("tbl", "NEW_AND_OLD_IMAGES")
	h.setTTL("tbl", "ttl")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"put"},"w":{"S":"goes"}}`)
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"over"}}`)
	h.answer(ddb.UpdateItem, `{"TableName":"tbl","Key":{"p":{"S":"a"},"s":{"N":"1"}},"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"S":"update"}}}`)
	h.answer(ddb.UpdateItem, `{"TableName":"tbl","Key":{"p":{"S":"a"},"s":{"N":"2"}}}`)
	h.answer(ddb.DeleteItem, `{"TableName":"tbl","Key":{"p":{"S":"a"},"s":{"N":"1"}}}`)
	h.answer(ddb.BatchWriteItem, `{"RequestItems":{"tbl":[{"PutRequest":{"Item":{"p":{"S":"b"},"s":{"N":"1"},"v":{"S":"batch"}}}},{"DeleteRequest":{"Key":{"p":{"S":"a"},"s":{"N":"2"}}}}]}}`)
	h.answer(ddb.TransactWriteItems, `{"TransactItems":[
		{"Update":{"TableName":"tbl","Key":{"p":{"S":"b"},"s":{"N":"1"}},"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"S":"transact"}}}},
		{"Put":{"TableName":"tbl","Item":{"p":{"S":"c"},"s":{"N":"1"},"v":{"S":"transact"}}}},
		{"ConditionCheck":{"TableName":"tbl","Key":{"p":{"S":"d"},"s":{"N":"1"}},"ConditionExpression":"attribute_not_exists(p)"}}]}`)
	h.answer(ddb.ExecuteStatement, `{"Statement":"INSERT INTO tbl VALUE {'p':'d','s':1,'v':'statement'}"}`)
	h.answer(ddb.ExecuteStatement, `{"Statement":"DELETE FROM tbl WHERE p = 'd' AND s = 1"}`)
	h.put("tbl", `{"p":{"S":"x"},"s":{"N":"1"},"v":{"S":"late"},"ttl":{"N":"2000000009"}}`)
	h.now.Add(10_000)
	if err := h.e.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.streamHas(arn,
		"INSERT a/1 ->put", "MODIFY a/1 put>over", "MODIFY a/1 over>update", "INSERT a/2 ->-", "REMOVE a/1 update>-",
		"INSERT b/1 ->batch", "REMOVE a/2 ->-", "MODIFY b/1 batch>transact", "INSERT c/1 ->transact",
		"INSERT d/1 ->statement", "REMOVE d/1 statement>-", "INSERT x/1 ->late", "REMOVE x/1 late>-")
	records := h.readStream(arn)
	for i, r := range records {
		expired := r.UserIdentity != nil && *r.UserIdentity == ddb.Identity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}
		if last := i == len(records)-1; expired != last || (r.UserIdentity != nil) != last {
			t.Errorf("record %d (%s): userIdentity %+v", i, r.EventName, r.UserIdentity)
		}
	}
	body := h.answer(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q}`, h.iterator(arn, h.shards(arn)[0].ShardId, "TRIM_HORIZON", "")))
	if want := `"userIdentity":{`; strings.Count(body, want) != 1 || !strings.Contains(body, `"PrincipalId":"dynamodb.amazonaws.com"`) || !strings.Contains(body, `"Type":"Service"`) {
		t.Errorf("GetRecords has not one %s with PrincipalId and Type: %s", want, body)
	}
	// #248
	h.ok(ddb.ListTables, `{}`, `{"TableNames":["tbl"]}`)
	mustHold(t, h.e)
}

// setTTL enables time to live on a table.
func (h *streamHarness) setTTL(table, attribute string) {
	h.t.Helper()
	h.answer(ddb.UpdateTimeToLive, fmt.Sprintf(`{"TableName":%q,"TimeToLiveSpecification":{"AttributeName":%q,"Enabled":true}}`, table, attribute))
}
