package ddb

import (
	"testing"

	"pgregory.net/rapid"
)

// Whichever members a request has, it is written as AppendShape writes it.
func TestInputsAreWrittenAsTheirShapes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) *string {
			return rapid.Ptr(genText, true).Draw(t, name)
		}
		truth := func(name string) *bool { return rapid.Ptr(rapid.Bool(), true).Draw(t, name) }
		rare := func(name string) *string {
			if rapid.IntRange(0, 9).Draw(t, name) > 0 {
				return nil
			}
			return text(name)
		}
		names, values := Names(nil), Values(nil)
		if rapid.Bool().Draw(t, "names") {
			names = rapid.MapOfN(genText, genText, 0, 3).Draw(t, "names")
		}
		if rapid.Bool().Draw(t, "values") {
			values = rapid.MapOfN(genText, genValue(1), 0, 3).Draw(t, "values")
		}
		get := &GetItemInput{TableName: genText.Draw(t, "table"), ConsistentRead: truth("strong"), ReturnConsumedCapacity: rare("capacity"), ProjectionExpression: rare("projection")}
		query := &QueryInput{
			TableName: genText.Draw(t, "table"), IndexName: text("index"), Select: rare("select"), ConsistentRead: truth("strong"), ScanIndexForward: truth("forward"),
			ReturnConsumedCapacity: text("capacity"), ProjectionExpression: rare("projection"), FilterExpression: rare("filter"), KeyConditionExpression: text("condition"),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		}
		if rapid.Bool().Draw(t, "key") {
			get.Key = genItem(0).Draw(t, "key")
		}
		if rapid.IntRange(0, 9).Draw(t, "start") == 0 {
			query.ExclusiveStartKey = genItem(0).Draw(t, "start")
		}
		batch := &BatchGetItemInput{ReturnConsumedCapacity: rare("capacity")}
		for range rapid.IntRange(0, 3).Draw(t, "tables") {
			part := KeysAndAttributes{ConsistentRead: truth("strong"), ProjectionExpression: rare("projection")}
			if rapid.IntRange(0, 9).Draw(t, "others") == 0 {
				part.ExpressionAttributeNames, part.AttributesToGet = names, []string{"a"}
			}
			if rapid.IntRange(0, 9).Draw(t, "keyless") > 0 {
				part.Keys = rapid.SliceOfN(genItem(0), 0, 3).Draw(t, "keys")
			}
			if batch.RequestItems == nil {
				batch.RequestItems = map[string]KeysAndAttributes{}
			}
			batch.RequestItems[genText.Draw(t, "table")] = part
		}
		for _, in := range []any{get, query, batch} {
			if got, want := appendInput(nil, in), AppendShape(nil, in); string(got) != string(want) {
				t.Fatalf("%T is written as\n%s, want\n%s", in, got, want)
			}
		}
	})
}
