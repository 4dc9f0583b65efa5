package facts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// streamFacts are about streams.
var streamFacts = []fact{
	{235, "a table's description names its stream", func(s *session) {
		arn := s.streamed("NEW_IMAGE")
		s.has("DescribeTable", `{}`, `{"Table":{"LatestStreamArn":"arn:aws:dynamodb:…:table/$T/stream/…","LatestStreamLabel":"20…-…T…","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}}}`)
		s.want("ListStreams", `{"TableName":"$T"}`, `{"Streams":[{"StreamArn":"`+arn+`","TableName":"$T","StreamLabel":"`+arn[strings.LastIndex(arn, "/")+1:]+`"}]}`)
		s.ok("UpdateTable", `{`+addIndex("by-g", "g")+`}`)
		s.active("$T")
		if now := s.streamARN(); now != arn {
			s.t.Errorf("LatestStreamArn = %q after an index was added, was %q", now, arn)
		}
	}},
	{236, "there are four view types, and a stream is switched on once", func(s *session) {
		in := tableInput("$T", "pk:S")
		in["StreamSpecification"] = object{"StreamEnabled": true, "StreamViewType": "EVERYTHING"}
		s.invalid("CreateTable", encode(in), "…streamViewType…")
		for i, view := range []string{"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"} {
			name := "$" + string(rune('A'+i))
			in := tableInput(name, "pk:S")
			in["StreamSpecification"] = object{"StreamEnabled": true, "StreamViewType": view}
			s.create(in)
			s.has("DescribeTable", `{"TableName":"`+name+`"}`, `{"Table":{"StreamSpecification":{"StreamViewType":"`+view+`"}}}`)
		}
		s.invalid("UpdateTable", `{"TableName":"$A","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}}`, "Table already has an enabled stream…")
		s.ok("UpdateTable", `{"TableName":"$A","StreamSpecification":{"StreamEnabled":false}}`)
		s.active("$A")
		s.invalid("UpdateTable", `{"TableName":"$A","StreamSpecification":{"StreamEnabled":false}}`, "…no stream to disable…")
	}},
	{237, "a stream that was switched off can be read to its end, a new one is another", func(s *session) {
		arn := s.streamed("NEW_IMAGE")
		s.put(`{"pk":{"S":"a"}}`)
		s.ok("UpdateTable", `{"StreamSpecification":{"StreamEnabled":false}}`)
		s.active("$T")
		s.has("DescribeStream", `{"StreamArn":"`+arn+`"}`, `{"StreamDescription":{"StreamStatus":"DISABLED","StreamViewType":"NEW_IMAGE"}}`)
		records, open := s.records(arn)
		if len(records) != 1 || open {
			s.t.Errorf("stream has %d records and goes on: %v; want 1 and an end", len(records), open)
		}
		s.put(`{"pk":{"S":"b"}}`)
		s.ok("UpdateTable", `{"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}}`)
		s.active("$T")
		second := s.streamARN()
		if second == arn {
			s.t.Errorf("the new stream has the old ARN %s", arn)
		}
		s.put(`{"pk":{"S":"c"}}`)
		if records, open := s.records(second); len(records) != 1 || !open {
			s.t.Errorf("new stream has %d records and goes on: %v; want 1 and true", len(records), open)
		}
		streams, _ := s.ok("ListStreams", `{"TableName":"$T"}`)["Streams"].([]any)
		if len(streams) != 2 {
			s.t.Errorf("ListStreams has %s, want both", encode(streams))
		}
	}},
	{238, "ListStreams is paged by ARN", func(s *session) {
		arn := s.streamed("KEYS_ONLY")
		s.ok("UpdateTable", `{"StreamSpecification":{"StreamEnabled":false}}`)
		s.active("$T")
		s.ok("UpdateTable", `{"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}}`)
		s.active("$T")
		seen, start := []string{}, ""
		for {
			got := s.ok("ListStreams", `{"TableName":"$T","Limit":1`+start+`}`)
			for _, stream := range got["Streams"].([]any) {
				seen = append(seen, stream.(map[string]any)["StreamArn"].(string))
			}
			last, more := got["LastEvaluatedStreamArn"]
			if !more {
				break
			}
			start = `,"ExclusiveStartStreamArn":` + encode(last)
		}
		if len(seen) != 2 || !slices.Contains(seen, arn) || !slices.Contains(seen, s.streamARN()) {
			s.t.Errorf("pages have %v", seen)
		}
		s.invalid("ListStreams", `{"Limit":0}`, "…")
		s.invalid("ListStreams", `{"Limit":101}`, "…")
		s.invalid("ListStreams", `{"ExclusiveStartStreamArn":"nonsense-that-is-long-enough-to-be-an-arn"}`, "…")
		s.ok("DeleteTable", `{}`)
		s.quiet().ok("ListStreams", `{"Limit":1,"ExclusiveStartStreamArn":"`+arn+`"}`)
	}},
	{239, "DescribeStream tells the shards, in their order", func(s *session) {
		arn := s.streamed("NEW_AND_OLD_IMAGES")
		s.put(`{"pk":{"S":"a"}}`)
		s.has("DescribeStream", `{"StreamArn":"`+arn+`"}`, `{"StreamDescription":{"StreamArn":"`+arn+`","StreamStatus":"ENABLED","StreamViewType":"NEW_AND_OLD_IMAGES","TableName":"$T",`+
			`"StreamLabel":"…","CreationRequestDateTime":`+encode(s.quiet().stream(arn)["CreationRequestDateTime"])+`,"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}}`)
		shards := s.shards(arn)
		if len(shards) == 0 {
			s.t.Fatal("the stream has no shards")
		}
		var ids []string
		for _, shard := range shards {
			if diff := differ(shard, s.decode(`{"ShardId":"shardId-…","SequenceNumberRange":{"StartingSequenceNumber":"…"}}`), "", true); diff != "" {
				s.t.Error(diff)
			}
			ids = append(ids, shard["ShardId"].(string))
		}
		if !slices.IsSorted(ids) {
			s.t.Errorf("shards = %v, want them sorted", ids)
		}
		last := ids[len(ids)-1]
		s.has("DescribeStream", `{"StreamArn":"`+arn+`","ExclusiveStartShardId":"`+last+`"}`, `{"StreamDescription":{"Shards":[]}}`)
		s.has("DescribeStream", `{"StreamArn":"`+arn+`","Limit":1}`, `{"StreamDescription":{"Shards":[{"ShardId":"`+ids[0]+`"}]}}`)
		s.has("DescribeStream", `{"StreamArn":"`+arn+`","ShardFilter":{"Type":"CHILD_SHARDS","ShardId":"`+last+`"}}`, `{"StreamDescription":{"StreamStatus":"ENABLED"}}`)
		s.invalid("DescribeStream", `{"StreamArn":"`+arn+`","ShardFilter":{"Type":"ALL","ShardId":"`+last+`"}}`, "…")
		s.invalid("DescribeStream", `{"StreamArn":"`+arn+`","ShardFilter":{"Type":"CHILD_SHARDS"}}`, "…")
		s.invalid("DescribeStream", `{"StreamArn":"this is no ARN, however long it may become"}`, "…")
		for _, unknown := range []string{arn[:strings.LastIndex(arn, "/")] + "/2020-01-01T00:00:00.000", strings.Replace(arn, s.expand("$T"), "no-such", 1)} {
			s.refuses("DescribeStream", `{"StreamArn":"`+unknown+`"}`, "ResourceNotFoundException", "…")
		}
	}},
	{240, "ids of shards and events and sequence numbers have their forms", func(s *session) {
		arn := s.streamed("KEYS_ONLY")
		for i := range 5 {
			s.put(`{"pk":{"S":"same"},"v":{"N":"` + text(i) + `"}}`)
		}
		for _, shard := range s.shards(arn) {
			if id := shard["ShardId"].(string); len(id) < 28 || len(id) > 65 {
				s.t.Errorf("ShardId = %q, want 28 to 65 characters", id)
			}
		}
		records, _ := s.records(arn)
		before, events := "", map[string]bool{}
		for _, r := range records {
			number := r.DynamoDB.SequenceNumber
			if len(number) < 21 || len(number) > 40 || strings.Trim(number, "0123456789") != "" {
				s.t.Errorf("SequenceNumber = %q, want 21 to 40 digits", number)
			}
			if len(number) < len(before) || len(number) == len(before) && number <= before {
				s.t.Errorf("SequenceNumber %s comes after %s", number, before)
			}
			before, events[r.EventID] = number, true
		}
		if len(events) != 5 {
			s.t.Errorf("%d event ids, want 5", len(events))
		}
	}},
	{241, "iterators begin in four places", func(s *session) {
		arn := s.streamed("KEYS_ONLY")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`, `{"pk":{"S":"a"},"v":{"N":"2"}}`, `{"pk":{"S":"a"},"v":{"N":"3"}}`)
		all, shard := s.recordsOfOneShard(arn)
		if len(all) != 3 {
			s.t.Fatalf("the shard has %d records, want 3", len(all))
		}
		count := func(kind, more string) int {
			records, _ := s.read(s.iterator(arn, shard, kind, more))
			return len(records)
		}
		second := `,"SequenceNumber":"` + all[1].DynamoDB.SequenceNumber + `"`
		for _, c := range []struct {
			kind, more string
			want       int
		}{{"TRIM_HORIZON", "", 3}, {"LATEST", "", 0}, {"AT_SEQUENCE_NUMBER", second, 2}, {"AFTER_SEQUENCE_NUMBER", second, 1}} {
			if got := count(c.kind, c.more); got != c.want {
				s.t.Errorf("%s reads %d records, want %d", c.kind, got, c.want)
			}
		}
		s.invalid("GetShardIterator", `{"StreamArn":"`+arn+`","ShardId":"`+shard+`","ShardIteratorType":"AT_SEQUENCE_NUMBER"}`, "…")
		s.invalid("GetShardIterator", `{"StreamArn":"`+arn+`","ShardId":"`+shard+`","ShardIteratorType":"EARLIEST"}`, "…")
		s.refuses("GetShardIterator", `{"StreamArn":"`+arn+`","ShardId":"shardId-00000000000000000000-00000000","ShardIteratorType":"LATEST"}`, "ResourceNotFoundException", "…")
		s.refuses("GetShardIterator", `{"StreamArn":"`+strings.Replace(arn, s.expand("$T"), "no-such", 1)+`","ShardId":"`+shard+`","ShardIteratorType":"LATEST"}`, "ResourceNotFoundException", "…")
	}},
	{242, "records are read in portions, each once", func(s *session) {
		arn := s.streamed("KEYS_ONLY")
		for i := range 10 {
			s.put(`{"pk":{"S":"a"},"v":{"N":"` + text(i) + `"}}`)
		}
		all, shard := s.recordsOfOneShard(arn)
		got := s.ok("GetRecords", `{"ShardIterator":"`+s.iterator(arn, shard, "LATEST", "")+`"}`)
		if records, ok := got["Records"].([]any); !ok || len(records) != 0 || got["NextShardIterator"] == nil {
			s.t.Errorf("answer = %s, want no records and an iterator", encode(got))
		}
		at, seen := s.iterator(arn, shard, "TRIM_HORIZON", ""), []string{}
		for range 5 {
			got := s.ok("GetRecords", `{"Limit":3,"ShardIterator":"`+at+`"}`)
			records := parsed(got["Records"])
			if len(records) > 3 {
				s.t.Errorf("GetRecords with Limit 3 has %d records", len(records))
			}
			for _, r := range records {
				seen = append(seen, r.DynamoDB.SequenceNumber)
			}
			at = got["NextShardIterator"].(string)
		}
		if len(seen) != len(all) || len(slices.Compact(slices.Clone(seen))) != len(all) {
			s.t.Errorf("portions have %d records, want %d: %v", len(seen), len(all), seen)
		}
		// The same iterator reads the same again.
		again := s.iterator(arn, shard, "TRIM_HORIZON", "")
		a, _ := s.read(again)
		b, _ := s.read(again)
		if len(a) != len(b) || a[0].EventID != b[0].EventID {
			s.t.Errorf("one iterator reads %d records and then %d", len(a), len(b))
		}
		for _, limit := range []string{"0", "1001"} {
			s.invalid("GetRecords", `{"Limit":`+limit+`,"ShardIterator":"`+at+`"}`, "…")
		}
		s.invalid("GetRecords", `{"ShardIterator":"nonsense"}`, "…")
	}},
	{243, "a record tells what happened to which item", func(s *session) {
		arn := s.streamed("NEW_AND_OLD_IMAGES")
		s.put(`{"pk":{"S":"a"},"v":{"N":"1"}}`, `{"pk":{"S":"a"},"v":{"N":"2"}}`)
		s.want("DeleteItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
		records, _ := s.records(arn)
		const (
			keys   = `"Keys":{"pk":{"S":"a"}},`
			first  = `{"pk":{"S":"a"},"v":{"N":"1"}}`
			second = `{"pk":{"S":"a"},"v":{"N":"2"}}`
		)
		for i, want := range []string{
			`"eventName":"INSERT","dynamodb":{` + keys + `"NewImage":` + first, `"eventName":"MODIFY","dynamodb":{` + keys + `"NewImage":` + second + `,"OldImage":` + first,
			`"eventName":"REMOVE","dynamodb":{` + keys + `"OldImage":` + second,
		} {
			if i >= len(records) {
				s.t.Fatalf("the stream has %d records, want 3", len(records))
			}
			got := s.decode(string(records[i].raw))
			change, _ := got["dynamodb"].(map[string]any)
			if created := fmt.Sprint(change["ApproximateCreationDateTime"]); strings.Trim(created, "0123456789.E+") != "" {
				s.t.Errorf("ApproximateCreationDateTime = %s, want seconds", created)
			}
			if diff := differ(got, s.decode(`{"eventID":"…","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1",`+want+
				`,"SequenceNumber":"…","StreamViewType":"NEW_AND_OLD_IMAGES","SizeBytes":`+encode(change["SizeBytes"])+`,"ApproximateCreationDateTime":`+encode(change["ApproximateCreationDateTime"])+`}}`), "", false); diff != "" {
				s.t.Errorf("record %d: %s", i, diff)
			}
		}
	}},
	{244, "images are whole, and those that are not there are left out", func(s *session) {
		for view, images := range inOrder(map[string][3]string{
			"KEYS_ONLY": {"", "", ""}, "NEW_IMAGE": {"N", "N", ""}, "OLD_IMAGE": {"", "O", "O"}, "NEW_AND_OLD_IMAGES": {"N", "NO", "O"},
		}) {
			arn := s.streamedAs("$"+strings.ReplaceAll(view, "_", "-"), view)
			table := `"TableName":"$` + strings.ReplaceAll(view, "_", "-") + `",`
			s.want("PutItem", `{`+table+`"Item":{"pk":{"S":"only-key"}}}`, `{}`)
			s.want("PutItem", `{`+table+`"Item":{"pk":{"S":"only-key"},"v":{"N":"1"}}}`, `{}`)
			s.want("DeleteItem", `{`+table+`"Key":{"pk":{"S":"only-key"}}}`, `{}`)
			records, _ := s.records(arn)
			if len(records) != 3 {
				s.t.Fatalf("%s: %d records, want 3", view, len(records))
			}
			for i, r := range records {
				got := ""
				if r.DynamoDB.NewImage != nil {
					got += "N"
				}
				if r.DynamoDB.OldImage != nil {
					got += "O"
				}
				if got != images[i] {
					s.t.Errorf("%s: record %d has images %q, want %q", view, i, got, images[i])
				}
			}
			if strings.Contains(images[0], "N") && len(records[0].DynamoDB.NewImage) != 1 {
				s.t.Errorf("%s: NewImage of an item that is only its key = %v", view, records[0].DynamoDB.NewImage)
			}
		}
	}},
	{245, "what changes nothing is no event", func(s *session) {
		arn := s.streamed("NEW_AND_OLD_IMAGES")
		const item = `{"pk":{"S":"a"},"m":{"M":{"x":{"N":"1"},"y":{"SS":["p","q"]}}},"n":{"N":"1"}}`
		s.put(item)
		s.put(item)
		s.put(`{"n":{"N":"1.0"},"pk":{"S":"a"},"m":{"M":{"y":{"SS":["q","p"]},"x":{"N":"1"}}}}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n=:n REMOVE nothing","ExpressionAttributeValues":{":n":{"N":"1"}}}`, `{}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"a"}}}`, `{}`)
		s.want("DeleteItem", `{"Key":{"pk":{"S":"none"}}}`, `{}`)
		s.want("UpdateItem", `{"Key":{"pk":{"S":"none"}},"UpdateExpression":"REMOVE n"}`, `{}`)
		s.ok("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":`+item+`}},{"DeleteRequest":{"Key":{"pk":{"S":"none"}}}}]}}`)
		s.ok("TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"$T","Item":`+item+`}}]}`)
		s.refuses("PutItem", `{"Item":{"pk":{"S":"b"}},"ConditionExpression":"attribute_exists(pk)"}`, "ConditionalCheckFailedException", "The conditional request failed")
		if records, _ := s.records(arn); len(records) != 1 {
			s.t.Errorf("the stream has %d records, want 1", len(records))
		}
	}},
	{246, "a put over an item is one event, and one item's events are in order", func(s *session) {
		arn := s.streamed("NEW_AND_OLD_IMAGES")
		s.put(`{"pk":{"S":"a"},"v":{"N":"0"}}`, `{"pk":{"S":"a"},"w":{"N":"1"}}`)
		s.ok("BatchWriteItem", `{"RequestItems":{"$T":[{"PutRequest":{"Item":{"pk":{"S":"b"}}}},{"PutRequest":{"Item":{"pk":{"S":"c"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"a"}}}}]}}`)
		for i := range 20 {
			s.put(`{"pk":{"S":"d"},"v":{"N":"` + text(i) + `"}}`)
		}
		records, _ := s.records(arn)
		names, last := map[string]string{}, -1
		for _, r := range records {
			pk := r.DynamoDB.Keys["pk"]["S"].(string)
			names[pk] += " " + r.EventName
			if pk == "d" {
				var n int
				if _, err := fmt.Sscan(fmt.Sprint(r.DynamoDB.NewImage["v"]["N"]), &n); err != nil || n != last+1 {
					s.t.Errorf("event of v=%d follows v=%d", n, last)
				}
				last = n
			}
		}
		if names["a"] != " INSERT MODIFY REMOVE" || names["b"] != " INSERT" || names["c"] != " INSERT" || last != 19 {
			s.t.Errorf("events = %v", names)
		}
	}},
	{247, "an expiry is marked as the service's", func(s *session) {
		arn := s.streamed("OLD_IMAGE")
		s.ok("UpdateTimeToLive", `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
		s.quiet().put(s.expiring("a", -60))
		s.quiet().gone("a")
		s.quiet().put(`{"pk":{"S":"b"}}`)
		s.quiet().want("DeleteItem", `{"Key":{"pk":{"S":"b"}}}`, `{}`)
		records, _ := s.quiet().records(arn)
		for _, r := range records {
			identity := s.decode(string(r.raw))["userIdentity"]
			switch pk := r.DynamoDB.Keys["pk"]["S"]; {
			case r.EventName == "REMOVE" && pk == "a":
				if diff := differ(identity, s.decode(`{"Type":"Service","PrincipalId":"dynamodb.amazonaws.com"}`), "userIdentity", false); diff != "" {
					s.t.Error(diff)
				}
			case identity != nil:
				s.t.Errorf("%s of %v has the identity %s", r.EventName, pk, encode(identity))
			}
		}
		if len(records) != 4 {
			s.t.Errorf("the stream has %d records, want 4", len(records))
		}
	}},
	{248, "ListTables has no table of a stream", func(s *session) {
		s.streamed("KEYS_ONLY")
		got, _ := s.quiet().ok("ListTables", `{"ExclusiveStartTableName":"`+s.prefix+`"}`)["TableNames"].([]any)
		mine := 0
		for _, name := range got {
			if strings.Contains(name.(string), s.prefix) {
				mine++
			}
		}
		if mine != 1 {
			s.t.Errorf("%d tables have this test's prefix, want 1: %v", mine, got)
		}
	}},
}

// event is a stream's record.
type event struct {
	EventID   string `json:"eventID"`
	EventName string `json:"eventName"`
	DynamoDB  struct {
		SequenceNumber           string
		Keys, NewImage, OldImage map[string]map[string]any
	} `json:"dynamodb"`

	raw []byte
}

// streamed creates "$T" with a stream and gives the stream's ARN.
func (s *session) streamed(view string) string {
	s.t.Helper()
	return s.streamedAs("$T", view)
}

// streamedAs is streamed for a table of another name.
func (s *session) streamedAs(name, view string) string {
	s.t.Helper()
	in := tableInput(name, "pk:S")
	in["StreamSpecification"] = object{"StreamEnabled": true, "StreamViewType": view}
	s.create(in)
	return s.streamOf(name)
}

// streamARN is that of "$T" now.
func (s *session) streamARN() string {
	s.t.Helper()
	return s.streamOf("$T")
}

// streamOf is the ARN of a table's stream, which there must be.
func (s *session) streamOf(name string) string {
	s.t.Helper()
	table, _ := s.quiet().ok("DescribeTable", encode(object{"TableName": name}))["Table"].(map[string]any)
	arn, ok := table["LatestStreamArn"].(string)
	if !ok {
		s.t.Fatalf("%s has no stream: %s", name, encode(table))
	}
	return arn
}

// stream is a stream's description.
func (s *session) stream(arn string) map[string]any {
	s.t.Helper()
	description, _ := s.ok("DescribeStream", `{"StreamArn":"`+arn+`"}`)["StreamDescription"].(map[string]any)
	return description
}

// shards are all of a stream's.
func (s *session) shards(arn string) []map[string]any {
	s.t.Helper()
	var all []map[string]any
	start := ""
	for {
		description, _ := s.ok("DescribeStream", `{"StreamArn":"`+arn+`"`+start+`}`)["StreamDescription"].(map[string]any)
		list, _ := description["Shards"].([]any)
		for _, shard := range list {
			all = append(all, shard.(map[string]any))
		}
		last, more := description["LastEvaluatedShardId"]
		if !more {
			return all
		}
		start = `,"ExclusiveStartShardId":` + encode(last)
	}
}

// iterator gets a shard's.
func (s *session) iterator(arn, shard, kind, more string) string {
	s.t.Helper()
	got := s.ok("GetShardIterator", `{"StreamArn":"`+arn+`","ShardId":"`+shard+`","ShardIteratorType":"`+kind+`"`+more+`}`)
	return got["ShardIterator"].(string)
}

// read reads from an iterator until there is nothing more now. open is false when the shard has ended.
func (s *session) read(at string) (records []event, open bool) {
	s.t.Helper()
	for {
		got := s.ok("GetRecords", `{"ShardIterator":"`+at+`"}`)
		portion := parsed(got["Records"])
		records = append(records, portion...)
		next, more := got["NextShardIterator"].(string)
		if !more {
			return records, false
		}
		if len(portion) == 0 {
			return records, true
		}
		at = next
	}
}

// records are all of a stream's, shard after shard, parents first. open tells whether some shard goes on.
func (s *session) records(arn string) (records []event, open bool) {
	s.t.Helper()
	for _, shard := range s.shards(arn) {
		some, more := s.read(s.iterator(arn, shard["ShardId"].(string), "TRIM_HORIZON", ""))
		records, open = append(records, some...), open || more
	}
	return records, open
}

// recordsOfOneShard are those of the shard that has any, and its id; of the last shard when none has.
func (s *session) recordsOfOneShard(arn string) (records []event, shard string) {
	s.t.Helper()
	for _, one := range s.shards(arn) {
		shard = one["ShardId"].(string)
		if records, _ = s.read(s.iterator(arn, shard, "TRIM_HORIZON", "")); len(records) > 0 {
			break
		}
	}
	return records, shard
}

// parsed are the records of a decoded answer.
func parsed(list any) []event {
	records, _ := list.([]any)
	var out []event
	for _, record := range records {
		var e event
		e.raw = []byte(encode(record))
		if json.Unmarshal(e.raw, &e) == nil {
			out = append(out, e)
		}
	}
	return out
}
