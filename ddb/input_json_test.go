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
		for _, in := range []any{get, query} {
			if got, want := appendInput(nil, in), AppendShape(nil, in); string(got) != string(want) {
				t.Fatalf("%T is written as\n%s, want\n%s", in, got, want)
			}
		}
	})
}
