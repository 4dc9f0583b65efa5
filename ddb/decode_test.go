package ddb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// decodeError decodes body into a T and returns the error as "Code: Message", empty for none.
func decodeError[T any](t testing.TB, body string) string {
	t.Helper()
	err := DecodeShape([]byte(body), new(T))
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("DecodeShape(%s): %T, want *Error", body, err)
	}
	return e.Error()
}

func TestDecodeShapeReadsARequest(t *testing.T) {
	t.Parallel()
	var got GetItemInput
	err := DecodeShape([]byte(`{"TableName":"Music","Key":{"b":{"N":"1.0"},"a":{"S":"x"}},"ConsistentRead":true,
		"ExpressionAttributeNames":{"#n":"name"},"ProjectionExpression":"#n"}`), &got)
	if err != nil {
		t.Fatal(err)
	}
	consistent, projection := true, "#n"
	want := GetItemInput{
		TableName: "Music", Key: Item{{"a", StringValue("x")}, {"b", AttributeValue{kind: KindN, s: "1"}}},
		ConsistentRead: &consistent, ProjectionExpression: &projection, ExpressionAttributeNames: Names{"#n": "name"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDecodeShapeTellsEmptyFromAbsent(t *testing.T) {
	t.Parallel()
	var empty, absent PutItemInput
	if err := DecodeShape([]byte(`{"TableName":"t","Item":{},"Expected":{},"ExpressionAttributeNames":{},"ExpressionAttributeValues":{},"ConditionExpression":""}`), &empty); err != nil {
		t.Fatal(err)
	}
	if empty.Item == nil || empty.Expected == nil || empty.ExpressionAttributeNames == nil || empty.ExpressionAttributeValues == nil || empty.ConditionExpression == nil {
		t.Errorf("what was sent empty is absent: %+v", empty)
	}
	// #38: null is absence.
	if err := DecodeShape([]byte(`{"TableName":"t","Item":{},"Expected":null,"ExpressionAttributeNames":null,"ExpressionAttributeValues":null,"ConditionExpression":null,"ReturnValues":null}`), &absent); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(absent, PutItemInput{TableName: "t", Item: Item{}}) {
		t.Errorf("null is not absent: %+v", absent)
	}
}

func TestDecodeShapeIgnoresUnknownMembers(t *testing.T) {
	t.Parallel()
	// #39, whatever they hold, at any level.
	body := `{"Nope":[1,{"x":[]},-0.5e+7,"\u0041",true,null],"TableName":"t","Key":{"a":{"S":"x"}},"tableName":3}`
	if got := decodeError[GetItemInput](t, body); got != "" {
		t.Errorf("DecodeShape(%s): %s", body, got)
	}
	body = `{"TableName":"t","Item":{"a":{"S":"x","Nope":[{}]}},"Expected":{"a":{"Nope":{},"Exists":false}}}`
	if got := decodeError[PutItemInput](t, body); got != "" {
		t.Errorf("DecodeShape(%s): %s", body, got)
	}
}

func TestDecodeShapeTakesTheLastOfTwo(t *testing.T) {
	t.Parallel()
	var in GetItemInput
	body := `{"TableName":"","TableName":"t","Key":{"a":{"S":"x"}},"Key":{"b":{"S":"y"}},"ConsistentRead":true,"ConsistentRead":null,
		"AttributesToGet":[],"AttributesToGet":["c"]}`
	if err := DecodeShape([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	want := GetItemInput{TableName: "t", Key: Item{{"b", StringValue("y")}}, AttributesToGet: []string{"c"}}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("got %+v, want %+v", in, want)
	}
}

func TestDecodeShapeRefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	// #15, #16
	for _, body := range []string{
		``, ` `, `null`, `[]`, `3`, `"x"`, `true`, `{`, `}`, `{}}`, `{} x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{a:1}`, `{'a':1}`,
		`{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":5.}`, `{"a":1e}`, `{"a":-}`, `{"a":NaN}`, `{"a":tru}`, `{"a":True}`, `{"a":nul}`, `{"a":[1,]}`, `{"a":[,1]}`,
		`{"a":[1 2]}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\ud800"}`, `{"a":"\ud800\u0041"}`, `{"a":"\udc00"}`, "{\"a\":\"\n\"}", "{\"a\":\"\x00\"}",
		"{\"a\":\"\xff\"}", "{\"a\":\"\\n\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"\xc3\":1}", "\ufeff{}", "{}\x00", `{"a":1}/**/`, `{"TableName":nulL}`,
		// A syntax error later on beats a wrong type.
		`{"TableName":3,"Key":{`, `{"TableName":3} x`,
	} {
		if got := decodeError[GetItemInput](t, body); got != "SerializationException" {
			t.Errorf("DecodeShape(%q): %s, want SerializationException without a message", body, got)
		}
	}
}

// fullBodies are valid requests that between them have every kind of member.
var fullBodies = map[Operation]string{
	GetItem:            `{"TableName":"Music","Key":{"a":{"S":"\u00e9x"},"b":{"N":"-1.5e2"}},"ConsistentRead":false,"ExpressionAttributeNames":{"#a":"b"},"ProjectionExpression":"#a"}`,
	PutItem:            `{"TableName":"Music","Item":{"a":{"M":{"b":{"L":[{"B":"AAE="},{"NULL":true},{"BOOL":true}]}}},"n":{"NS":["1","2"]},"s":{"SS":["x"]},"t":{"BS":["AA=="]}},"Expected":{"a":{"Exists":true,"Value":{"N":"1"}},"b":{"ComparisonOperator":"IN","AttributeValueList":[{"S":"a"}]}}}`,
	Query:              `{"TableName":"Music","Limit":5,"KeyConditionExpression":"a = :v","ExpressionAttributeValues":{":v":{"S":"x"}},"ExclusiveStartKey":{"a":{"S":"x"}},"ReturnConsumedCapacity":"TOTAL"}`,
	BatchGetItem:       `{"RequestItems":{"Music":{"Keys":[{"a":{"S":"x"}},{"a":{"S":"y"}}],"AttributesToGet":["a"],"ConsistentRead":true}}}`,
	BatchWriteItem:     `{"RequestItems":{"Music":[{"PutRequest":{"Item":{"a":{"S":"x"}}}},{"DeleteRequest":{"Key":{"a":{"S":"y"}}}}]}}`,
	TransactWriteItems: `{"TransactItems":[{"Put":{"TableName":"Music","Item":{"a":{"S":"x"}}}},{"Update":{"TableName":"Music","Key":{"a":{"S":"y"}},"UpdateExpression":"REMOVE b"}}],"ClientRequestToken":"t"}`,
	CreateTable:        `{"TableName":"Music","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"}],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":2},"GlobalSecondaryIndexes":[{"IndexName":"idx","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["b"]}}],"Tags":[{"Key":"k","Value":""}]}`,
}

func TestEveryStrictPrefixOfABodyIsRefused(t *testing.T) {
	t.Parallel()
	// #15
	for op, body := range fullBodies {
		if err := DecodeShape([]byte(body), op.Facts().NewInput()); err != nil {
			t.Errorf("%v: DecodeShape(%s): %v", op, body, err)
		}
		for n := range body {
			err := DecodeShape([]byte(body[:n]), op.Facts().NewInput())
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != "SerializationException" {
				t.Errorf("%v: DecodeShape(%s): %v, want SerializationException", op, body[:n], err)
			}
		}
	}
}

func TestShapesRoundTrip(t *testing.T) {
	t.Parallel()
	for op, body := range fullBodies {
		in := op.Facts().NewInput()
		if err := DecodeShape([]byte(body), in); err != nil {
			t.Fatalf("%v: %v", op, err)
		}
		text := AppendShape(nil, in)
		back := op.Facts().NewInput()
		if err := DecodeShape(text, back); err != nil || !reflect.DeepEqual(in, back) {
			t.Errorf("%v: %s comes back as %+v, %v", op, text, back, err)
		}
	}
}

func TestEveryInputHasAShape(t *testing.T) {
	t.Parallel()
	shaped := 0
	for op := UnknownOperation + 1; op < NumOperations; op++ {
		newInput := op.Facts().NewInput
		if newInput == nil {
			continue
		}
		shaped++
		in := newInput()
		if in.Operation() != op {
			t.Errorf("the input of %v says it is %v's", op, in.Operation())
		}
		// No panic, and an object in any case.
		_ = DecodeShape([]byte(`{}`), in)
		if text := AppendShape(nil, newInput()); !json.Valid(text) {
			t.Errorf("an empty %T writes as %s", in, text)
		}
	}
	if shaped < 30 {
		t.Errorf("%d operations have shapes, want 30 and more", shaped)
	}
}

// wrongTypes are the values that are refused in place of a declared type, with the texts. #35, #36.
func wrongTypes(kind string) map[string]string {
	scalars := func(text string, more map[string]string) map[string]string {
		all := map[string]string{`"23"`: text, `true`: text, `23`: text, `-2147483648`: text, `34.56`: text}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	kind, class, _ := strings.Cut(kind, " ")
	model := "com.amazonaws.dynamodb.v20120810."
	if class == "java.lang.String" || strings.HasPrefix(class, "java.util") {
		model = ""
	}
	const start = "Start of structure or map found where not expected"
	const cast = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')"
	switch kind {
	case "String":
		return map[string]string{
			`true`: "TRUE_VALUE cannot be converted to String", `false`: "FALSE_VALUE cannot be converted to String",
			`23`: "NUMBER_VALUE cannot be converted to String", `2147483648`: "NUMBER_VALUE cannot be converted to String",
			`34.56`: "DECIMAL_VALUE cannot be converted to String",
			`[]`:    "Unrecognized collection type class java.lang.String", `{}`: start,
		}
	case "Boolean":
		return map[string]string{
			`"23"`: "Unexpected token received from parser", `23`: "NUMBER_VALUE cannot be converted to Boolean",
			`34.56`: "DECIMAL_VALUE cannot be converted to Boolean", `[]`: "Unrecognized collection type class java.lang.Boolean", `{}`: start,
		}
	case "Double":
		return map[string]string{
			`"23"`: "STRING_VALUE cannot be converted to Double", `true`: "TRUE_VALUE cannot be converted to Double",
			`[]`: "Unrecognized collection type class java.lang.Double", `{}`: start, `1e400`: "DECIMAL_VALUE cannot be converted to Double",
		}
	case "Integer", "Long":
		return map[string]string{
			`"23"`: "STRING_VALUE cannot be converted to " + kind, `true`: "TRUE_VALUE cannot be converted to " + kind,
			`false`: "FALSE_VALUE cannot be converted to " + kind, `[]`: "Unrecognized collection type class java.lang." + kind, `{}`: start,
			`99999999999999999999`: "NUMBER_VALUE cannot be converted to " + kind, `1e30`: "DECIMAL_VALUE cannot be converted to " + kind,
		}
	case "Blob":
		const notBase64 = "only base-64-encoded strings are convertible to bytes"
		return map[string]string{
			`true`: notBase64, `23`: notBase64, `34.56`: notBase64, `[]`: "Unrecognized collection type class java.nio.ByteBuffer", `{}`: start,
			`"23456"`: "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
			`"=+/="`:  "Invalid last non-pad Base64 character dectected", `"+/+="`: "Invalid last non-pad Base64 character dectected",
			`"AA\n="`: "Invalid last non-pad Base64 character dectected", `"éé"`: "Invalid last non-pad Base64 character dectected",
		}
	case "List":
		return scalars("Unexpected field type", map[string]string{`{}`: start})
	case "ElementList":
		return scalars(cast, map[string]string{`{}`: start})
	case "Map":
		return scalars("Unexpected field type", map[string]string{`[]`: "Unrecognized collection type java.util.Map<java.lang.String, " + model + class + ">"})
	case "ElementMap":
		return scalars(cast, map[string]string{`[]`: "Unrecognized collection type java.util.Map<java.lang.String, " + model + class + ">"})
	case "Element":
		return scalars("Unexpected value type in payload", map[string]string{`[]`: "Unrecognized collection type class " + model + class})
	case "Field":
		return scalars("Unexpected field type", map[string]string{`[]`: "Unrecognized collection type class " + model + class})
	}
	panic(kind)
}

func TestWrongJSONTypesAreNamed(t *testing.T) {
	t.Parallel()
	attributeParts := map[string]string{
		`{"S":%s}`: "String", `{"N":%s}`: "String", `{"B":%s}`: "Blob", `{"BOOL":%s}`: "Boolean", `{"NULL":%s}`: "Boolean",
		`{"SS":%s}`: "List", `{"SS":[%s]}`: "String", `{"NS":%s}`: "List", `{"NS":[%s]}`: "String", `{"BS":%s}`: "List", `{"BS":[%s]}`: "Blob",
		`{"L":%s}`: "List", `{"L":[%s]}`: "Element AttributeValue", `{"L":[{"BS":[%s]}]}`: "Blob",
		`{"M":%s}`: "Map AttributeValue", `{"M":{"a":%s}}`: "Element AttributeValue", `{"M":{"a":{"BS":%s}}}`: "List",
	}
	f := func(op Operation, body, kind string) {
		t.Helper()
		for value, want := range wrongTypes(kind) {
			text := fmt.Sprintf(body, value)
			err := DecodeShape([]byte(text), op.Facts().NewInput())
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != "SerializationException" || e.Message != want {
				t.Errorf("%v %s: %v, want SerializationException: %s", op, text, err, want)
			}
		}
	}
	attribute := func(op Operation, body, place string) {
		t.Helper()
		f(op, body, place+" AttributeValue")
		for part, kind := range attributeParts {
			f(op, fmt.Sprintf(body, part), kind)
		}
	}
	f(PutItem, `{"TableName":%s}`, "String")
	f(PutItem, `{"Item":%s}`, "Map AttributeValue")
	attribute(PutItem, `{"Item":{"a":%s}}`, "Element")
	f(PutItem, `{"Expected":%s}`, "Map ExpectedAttributeValue")
	f(PutItem, `{"Expected":{"a":%s}}`, "Element ExpectedAttributeValue")
	f(PutItem, `{"Expected":{"a":{"Exists":%s}}}`, "Boolean")
	attribute(PutItem, `{"Expected":{"a":{"Value":%s}}}`, "Field")
	f(PutItem, `{"Expected":{"a":{"AttributeValueList":%s}}}`, "List")
	attribute(PutItem, `{"Expected":{"a":{"AttributeValueList":[%s]}}}`, "Element")
	f(PutItem, `{"ExpressionAttributeNames":%s}`, "Map java.lang.String")
	f(PutItem, `{"ExpressionAttributeNames":{"#a":%s}}`, "String")
	f(PutItem, `{"ExpressionAttributeValues":%s}`, "Map AttributeValue")
	attribute(PutItem, `{"ExpressionAttributeValues":{":a":%s}}`, "Element")
	f(Query, `{"Limit":%s}`, "Integer")
	f(Query, `{"ScanIndexForward":%s}`, "Boolean")
	f(Query, `{"KeyConditions":%s}`, "Map Condition")
	f(BatchGetItem, `{"RequestItems":%s}`, "Map KeysAndAttributes")
	f(BatchGetItem, `{"RequestItems":{"a":%s}}`, "Element KeysAndAttributes")
	f(BatchGetItem, `{"RequestItems":{"a":{"Keys":%s}}}`, "List")
	f(BatchGetItem, `{"RequestItems":{"a":{"Keys":[%s]}}}`, "ElementMap AttributeValue")
	attribute(BatchGetItem, `{"RequestItems":{"a":{"Keys":[{"a":%s}]}}}`, "Element")
	f(BatchGetItem, `{"RequestItems":{"a":{"AttributesToGet":[%s]}}}`, "String")
	f(BatchWriteItem, `{"RequestItems":%s}`, "Map java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>")
	f(BatchWriteItem, `{"RequestItems":{"a":%s}}`, "ElementList")
	f(BatchWriteItem, `{"RequestItems":{"a":[%s]}}`, "Element WriteRequest")
	f(BatchWriteItem, `{"RequestItems":{"a":[{"PutRequest":%s}]}}`, "Field PutRequest")
	// #37: names of attributes in an index.
	f(CreateTable, `{"GlobalSecondaryIndexes":[{"Projection":{"NonKeyAttributes":[%s]}}]}`, "String")
	f(CreateTable, `{"ProvisionedThroughput":%s}`, "Field ProvisionedThroughput")
	f(CreateTable, `{"ProvisionedThroughput":{"ReadCapacityUnits":%s}}`, "Long")
	f(ListBackups, `{"TimeRangeLowerBound":%s}`, "Double")
	f(CreateTable, `{"KeySchema":[%s]}`, "Element KeySchemaElement")
}

func TestAWrongTypeBeatsABrokenConstraint(t *testing.T) {
	t.Parallel()
	// #17
	got := decodeError[PutItemInput](t, `{"ReturnValues":"hi","Item":{"a":{"N":3}}}`)
	if want := "SerializationException: NUMBER_VALUE cannot be converted to String"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBooleansInStrings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"true": true, "True": true, "1": true, "yes": true, "false": false, "0": false, "NO": false} {
		var in GetItemInput
		body := fmt.Sprintf(`{"TableName":"t","Key":{},"ConsistentRead":%q}`, text)
		if err := DecodeShape([]byte(body), &in); err != nil || *in.ConsistentRead != want {
			t.Errorf("%q is %v, %v, want %v", text, in.ConsistentRead, err, want)
		}
	}
}

func TestIntegersCutFractionsOff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"7": 7, "7.9": 7, "1e2": 100, "2147483647": 1<<31 - 1} {
		var in ScanInput
		if err := DecodeShape([]byte(`{"TableName":"t","Limit":`+text+`}`), &in); err != nil || *in.Limit != want {
			t.Errorf("limit %s is %v, %v, want %d", text, in.Limit, err, want)
		}
	}
	// Longs have 64 bits.
	var in CreateTableInput
	body := `{"TableName":"tab","AttributeDefinitions":[],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"ProvisionedThroughput":{"ReadCapacityUnits":9223372036854775807,"WriteCapacityUnits":1}}`
	if err := DecodeShape([]byte(body), &in); err != nil || in.ProvisionedThroughput.ReadCapacityUnits != 1<<63-1 {
		t.Errorf("DecodeShape(%s) = %+v, %v", body, in.ProvisionedThroughput, err)
	}
}

func TestTimesAreSeconds(t *testing.T) {
	t.Parallel()
	var in ListBackupsInput
	if err := DecodeShape([]byte(`{"TimeRangeLowerBound":1421866952.062,"TimeRangeUpperBound":1.5e9}`), &in); err != nil || in.TimeRangeLowerBound != 1421866952.062 || in.TimeRangeUpperBound != 1500000000 {
		t.Errorf("got %+v, %v", in, err)
	}
}

func TestResponsesAreReadWhateverConstraintsTheyBreak(t *testing.T) {
	t.Parallel()
	out, err := OutputAs[DescribeTableOutput](NewResponse([]byte(`{"Table":{"KeySchema":[{"AttributeName":"a","KeyType":"TIME"}],"AttributeDefinitions":[{"AttributeName":""}]}}`)))
	if err != nil || out.Table.KeySchema[0].KeyType != "TIME" {
		t.Errorf("got %+v, %v", out, err)
	}
	// What cannot be read is no service exception: nobody may take it for a refusal.
	for _, body := range []string{`{"Table":`, `{"Table":3}`} {
		_, err = OutputAs[DescribeTableOutput](NewResponse([]byte(body)))
		if _, refused := errors.AsType[*Error](err); err == nil || refused {
			t.Errorf("%s: %v, want an error that is none of DynamoDB's", body, err)
		}
	}
}

func TestDeepJSONIsNoTrouble(t *testing.T) {
	t.Parallel()
	// #28: brackets without end, where a value is looked at and where none is, finished and not.
	const n = 200_000
	for _, body := range []string{
		strings.Repeat("[", n), strings.Repeat(`{"a":`, n),
		`{"Nope":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`,
		`{"Item":{"a":` + strings.Repeat(`{"L":[`, n) + strings.Repeat(`]}`, n) + `}}`,
		`{"Item":{"a":` + strings.Repeat(`{"M":{"a":`, n),
		`{"Item":{"a":{"S":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}}}`,
	} {
		if got := decodeError[PutItemInput](t, body); got == "" {
			t.Errorf("%.40s… is accepted", body)
		}
	}
}

func TestUnknownMembersNestOnlySoDeep(t *testing.T) {
	t.Parallel()
	f := func(depth int, want string) {
		t.Helper()
		body := `{"TableName":"t","Key":{},"Nope":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
		if got := decodeError[GetItemInput](t, body); got != want {
			t.Errorf("%d brackets: %q, want %q", depth, got, want)
		}
	}
	// #28
	f(maxJSONDepth, "")
	f(maxJSONDepth+1, "SerializationException")
}

func TestDecodedStringsDoNotAliasTheBody(t *testing.T) {
	t.Parallel()
	body := bytes.Clone(getItemBody)
	var in GetItemInput
	if err := DecodeShape(body, &in); err != nil {
		t.Fatal(err)
	}
	clear(body)
	if in.TableName != "Music" || in.Key[0].Name != "Artist" || in.Key[0].Value.Str() != "No One You Know" {
		t.Errorf("overwriting the body changes the request: %+v", in)
	}
}

func TestScannerAgreesWithEncodingJSON(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		`{`, `}`, `[`, `]`, `,`, `:`, `"a"`, `"\u0041"`, `"\n"`, `1`, `-0.5e3`, `0`, `01`, `true`, `false`, `null`, ` `, `"`, `\`, `x`, `1.`, `-`, `""`,
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, "pieces"), "")
		s := scanner{text: text}
		if got, want := s.skip() && s.end(), json.Valid([]byte(text)); got != want {
			t.Fatalf("%s is JSON: %v, want %v", text, got, want)
		}
	})
}

func FuzzDecodeShape(f *testing.F) {
	ops := []Operation{GetItem, PutItem, Query, BatchGetItem, BatchWriteItem, TransactWriteItems, CreateTable}
	for i, op := range ops {
		f.Add(uint8(i), []byte(fullBodies[op]))
	}
	f.Add(uint8(1), []byte(`{"TableName":"","ReturnValues":"hi","Item":{"a":{"S":"x","N":"y"}},"Item":null}`))
	f.Add(uint8(4), []byte(`{"RequestItems":{"a":[null,{"PutRequest":{}}],"b;":[]}}`))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		op := ops[int(which)%len(ops)]
		in := op.Facts().NewInput()
		err := DecodeShape(body, in)
		switch e, ok := errors.AsType[*Error](err); {
		case err == nil:
			if !json.Valid(body) {
				t.Fatalf("%v accepts %q, which is no JSON", op, body)
			}
			back := op.Facts().NewInput()
			if err := DecodeShape(AppendShape(nil, in), back); err != nil {
				t.Fatalf("%v: %q writes as %s: %v", op, body, AppendShape(nil, in), err)
			}
		case !ok:
			t.Fatalf("%v: %q: %T", op, body, err)
		case e.Code != "SerializationException" && e.Code != "ValidationException":
			t.Fatalf("%v: %q: %v", op, body, err)
		}
	})
}
