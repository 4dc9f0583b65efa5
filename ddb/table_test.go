package ddb

import (
	"fmt"
	"reflect"
	"testing"
)

// musicTable has a local index and two global ones, one of them with a key of several attributes.
func musicTable() *TableDescription {
	return &TableDescription{
		AttributeDefinitions:  []AttributeDefinition{{"Artist", "S"}, {"Song", "S"}, {"Year", "N"}, {"Cover", "B"}},
		KeySchema:             KeySchema{{"Artist", "HASH"}, {"Song", "RANGE"}},
		LocalSecondaryIndexes: []LocalSecondaryIndexDescription{{IndexName: "by-year", KeySchema: KeySchema{{"Artist", "HASH"}, {"Year", "RANGE"}}, Projection: &Projection{ProjectionType: "ALL"}}},
		GlobalSecondaryIndexes: []GlobalSecondaryIndexDescription{
			{IndexName: "years", KeySchema: KeySchema{{"Year", "HASH"}}, Projection: &Projection{ProjectionType: "INCLUDE", NonKeyAttributes: []string{"Label"}}},
			{IndexName: "multi", KeySchema: KeySchema{{"Year", "HASH"}, {"Cover", "HASH"}, {"Artist", "RANGE"}, {"Song", "RANGE"}}},
		},
	}
}

func TestTableDescriptionLooksUpIndexes(t *testing.T) {
	t.Parallel()
	table := musicTable()
	f := func(name string, want *IndexInfo) {
		t.Helper()
		got, ok := table.Index(name)
		if ok != (want != nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("Index(%q) = %+v, %v, want %+v", name, got, ok, want)
		}
	}
	f("by-year", &IndexInfo{"by-year", false, KeySchema{{"Artist", "HASH"}, {"Year", "RANGE"}}, Projection{ProjectionType: "ALL"}, 1})
	f("years", &IndexInfo{"years", true, KeySchema{{"Year", "HASH"}}, Projection{"INCLUDE", []string{"Label"}}, 2})
	f("Years", nil)
	f("", nil)
	var names []string
	for i, info := range table.Indexes() {
		names = append(names, fmt.Sprint(info.Name, info.Number))
		if info.Number != i+1 {
			t.Errorf("%s has number %d at place %d", info.Name, info.Number, i)
		}
	}
	if got, want := fmt.Sprint(names), "[by-year1 years2 multi3]"; got != want {
		t.Errorf("Indexes are %s, want %s", got, want)
	}
}

func TestAttributeKind(t *testing.T) {
	t.Parallel()
	table := musicTable()
	for name, want := range map[string]Kind{"Artist": KindS, "Year": KindN, "Cover": KindB, "Label": KindInvalid} {
		if got := table.AttributeKind(name); got != want {
			t.Errorf("AttributeKind(%q) = %v, want %v", name, got, want)
		}
	}
	for kind := KindS; kind <= KindM; kind++ {
		if got := KindOf(kind.String()); got != kind {
			t.Errorf("KindOf(%q) = %v", kind, got)
		}
	}
}

func TestKeySchema(t *testing.T) {
	t.Parallel()
	s := musicTable().GlobalSecondaryIndexes[1].KeySchema
	// #215: several attributes of each type.
	if s.Hash() != "Year" || s.Range() != "Artist" || fmt.Sprint(s.HashAll(), s.RangeAll()) != "[Year Cover] [Artist Song]" {
		t.Errorf("%v: hash %q, range %q, all %q %q", s, s.Hash(), s.Range(), s.HashAll(), s.RangeAll())
	}
	if !s.Has("Song") || s.Has("Label") {
		t.Errorf("%v: Has is wrong", s)
	}
	if (KeySchema{{"a", "HASH"}}).Range() != "" {
		t.Error("a schema without a sort key has one")
	}
	item := Item{{"Artist", StringValue("x")}, {"Label", StringValue("y")}, {"Song", StringValue("z")}}
	key, ok := musicTable().KeySchema.KeyOf(item)
	if want := item.Without("Label"); !ok || !EqualItems(key, want) {
		t.Errorf("KeyOf = %v, %v, want %v", key, ok, want)
	}
	if _, ok := s.KeyOf(item); ok {
		t.Error("KeyOf finds a key in an item without one")
	}
}

func TestARNs(t *testing.T) {
	t.Parallel()
	arn := TableARN("eu-west-1", "123456789012", "Music")
	if want := "arn:aws:dynamodb:eu-west-1:123456789012:table/Music"; arn != want {
		t.Errorf("TableARN = %s, want %s", arn, want)
	}
	f := func(arn string, want ParsedARN) {
		t.Helper()
		if got, ok := ParseARN(arn); got != want || ok != (want != ParsedARN{}) {
			t.Errorf("ParseARN(%s) = %+v, %v, want %+v", arn, got, ok, want)
		}
	}
	f(arn, ParsedARN{"aws", "eu-west-1", "123456789012", "Music", ""})
	f(IndexARN(arn, "by-year"), ParsedARN{"aws", "eu-west-1", "123456789012", "Music", "index/by-year"})
	f(StreamARN(arn, "2024-01-01T00:00:00.000"), ParsedARN{"aws", "eu-west-1", "123456789012", "Music", "stream/2024-01-01T00:00:00.000"})
	for _, bad := range []string{"", "Music", "arn:aws:s3:eu-west-1:123456789012:table/Music", "arn:aws:dynamodb:eu-west-1:123456789012:table/", "arn:aws:dynamodb:table/x", "arn:aws:dynamodb:eu-west-1:1:global-table/x"} {
		f(bad, ParsedARN{})
	}
	for in, want := range map[string]string{arn: "Music", "Music": "Music", IndexARN(arn, "i"): IndexARN(arn, "i")} {
		if got := TableName(in); got != want {
			t.Errorf("TableName(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	f := func(target string, op Operation, name string, ok bool) {
		t.Helper()
		gotOp, gotName, gotOK := ParseTarget(target)
		if gotOp != op || gotName != name || gotOK != ok {
			t.Errorf("ParseTarget(%q) = %d, %q, %v, want %d, %q, %v", target, gotOp, gotName, gotOK, op, name, ok)
		}
	}
	// #1, #18
	f("DynamoDB_20120810.GetItem", GetItem, "GetItem", true)
	f("DynamoDBStreams_20120810.GetRecords", GetRecords, "GetRecords", true)
	f("DynamoDB_20120810.Brew", UnknownOperation, "Brew", true)
	f("DynamoDB_20120810.getItem", UnknownOperation, "getItem", true)
	f("DynamoDB_20120810.", UnknownOperation, "", true)
	f("DynamoDB_20120810.GetRecords", UnknownOperation, "GetRecords", true)
	f("DynamoDBStreams_20120810.GetItem", UnknownOperation, "GetItem", true)
	f("DynamoDB_20111205.GetItem", UnknownOperation, "", false)
	f("DynamoDB_20120810", UnknownOperation, "", false)
	f("", UnknownOperation, "", false)
}

func TestEveryOperationHasItsFacts(t *testing.T) {
	t.Parallel()
	for op := UnknownOperation + 1; op < NumOperations; op++ {
		facts := op.Facts()
		if facts.Name == "" || facts.Kind == 0 || facts.Service == "" {
			t.Errorf("operation %d: %+v", op, facts)
		}
		if got, _, ok := ParseTarget(facts.Service + "." + facts.Name); got != op || !ok {
			t.Errorf("the target of %v is %v, %v", op, got, ok)
		}
	}
	if UnknownOperation.String() != "" || UnknownOperation.Facts().NewInput != nil {
		t.Error("UnknownOperation has a name or an input")
	}
}
