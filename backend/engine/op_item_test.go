package engine

import (
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

func TestGetItemReturnsWhatWasPut(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	// #147: no Item member for a missing item.
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{}`)
	item := `{"p":{"S":"a"},"n":{"N":"1.5"},"b":{"B":"AQI="},"bool":{"BOOL":true},"null":{"NULL":true},"e":{"S":""},"eb":{"B":""},
		"ss":{"SS":["a","b"]},"ns":{"NS":["1","2"]},"bs":{"BS":["AQ==","Ag=="]},"l":{"L":[{"S":"x"},{"L":[]}]},"m":{"M":{"k":{"N":"1"},"z":{"M":{}}}}}`
	// #149: no options, no members. #57: empty strings, binaries, lists and maps are values.
	h.put("hash", item)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{"Item":`+item+`}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ConsistentRead":true}`, `{"Item":`+item+`}`)
	// #148: a put replaces the whole item.
	h.put("hash", `{"p":{"S":"a"},"z":{"S":"only"}}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{"Item":{"p":{"S":"a"},"z":{"S":"only"}}}`)
	// #48: the table by its ARN.
	h.ok(ddb.GetItem, `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/hash","Key":{"p":{"S":"a"}}}`,
		`{"Item":{"p":{"S":"a"},"z":{"S":"only"}}}`)
}

func TestNamesAndStringsHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	// #58
	h := newHarness(t).create(hashTable)
	item := `{"p":{"S":"\u0000ü\u2028😀"},"a.b":{"S":"dot"},"q\"uote":{"S":"x"},"new\nline":{"S":"y"},"\u0000":{"S":"nul"}}`
	h.put("hash", item)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"\u0000ü\u2028😀"}}}`, `{"Item":`+item+`}`)
	// A dot in a #name's value is literal.
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"\u0000ü\u2028😀"}},"ProjectionExpression":"#n","ExpressionAttributeNames":{"#n":"a.b"}}`,
		`{"Item":{"a.b":{"S":"dot"}}}`)
}

func TestGetItemProjects(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"a"},"x":{"N":"1"},"l":{"L":[{"S":"0"},{"S":"1"},{"S":"2"},{"S":"3"}]},"m":{"M":{"k":{"S":"v"},"o":{"S":"w"}}}}`)
	f := func(projection, want string) {
		t.Helper()
		h.ok(ddb.GetItem, fmt.Sprintf(`{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":%q}`, projection), want)
	}
	// #121, #118: keys are not added by themselves.
	f("x", `{"Item":{"x":{"N":"1"}}}`)
	// #117: nesting stays, list elements close up in index order.
	f("l[3], l[1], m.k, nowhere", `{"Item":{"l":{"L":[{"S":"1"},{"S":"3"}]},"m":{"M":{"k":{"S":"v"}}}}}`)
	// #118: an item of which nothing is projected is there, but empty.
	f("nowhere", `{"Item":{}}`)
	// #119
	h.invalid(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"m, m.k"}`,
		"Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m], path two: [m, k]")
	// #87
	h.invalid(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"!!! INVALID !!!"}`,
		`Invalid ProjectionExpression: Syntax error; token: "!", near: "!!"`)
	// A missing item stays missing whatever is projected.
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"none"}},"ProjectionExpression":"x"}`, `{}`)
}

func TestReturnValuesOfPutAndDelete(t *testing.T) {
	t.Parallel()
	// #148
	h := newHarness(t).create(hashTable)
	h.ok(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"x":{"N":"1"}},"ReturnValues":"ALL_OLD"}`, `{}`)
	h.ok(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"x":{"N":"2"}},"ReturnValues":"ALL_OLD"}`,
		`{"Attributes":{"p":{"S":"a"},"x":{"N":"1"}}}`)
	h.ok(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"x":{"N":"3"}},"ReturnValues":"NONE"}`, `{}`)
	h.ok(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ReturnValues":"ALL_OLD"}`,
		`{"Attributes":{"p":{"S":"a"},"x":{"N":"3"}}}`)
	h.ok(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ReturnValues":"ALL_OLD"}`, `{}`)
	h.ok(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{}`)
	// #52
	for _, mode := range []string{"ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"} {
		h.invalid(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"ReturnValues":"`+mode+`"}`, "ReturnValues can only be ALL_OLD or NONE")
		h.invalid(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ReturnValues":"`+mode+`"}`, "ReturnValues can only be ALL_OLD or NONE")
	}
}

func TestConditionsDecideWrites(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const failed = "The conditional request failed"
	// #113: on a missing item even the request's own key attributes are missing.
	h.ok(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"x":{"N":"1"}},"ConditionExpression":"attribute_not_exists(p) AND p <> :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, `{}`)
	// #150
	e := h.fails(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"ConditionExpression":"attribute_not_exists(p)"}`, "ConditionalCheckFailedException", failed)
	if e.HasItem {
		t.Errorf("a failed condition without ReturnValuesOnConditionCheckFailure carries the item %v", e.Item)
	}
	e = h.fails(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"ConditionExpression":"attribute_not_exists(p)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`, "ConditionalCheckFailedException", failed)
	if got := string(ddb.AppendItemJSON(nil, e.Item)); !e.HasItem || !sameJSON(t, got, `{"p":{"S":"a"},"x":{"N":"1"}}`) {
		t.Errorf("ReturnValuesOnConditionCheckFailure ALL_OLD: item %s, present %t", got, e.HasItem)
	}
	e = h.fails(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"none"}},"ConditionExpression":"attribute_exists(p)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`, "ConditionalCheckFailedException", failed)
	if e.HasItem {
		t.Errorf("a failed condition on a missing item carries the item %v", e.Item)
	}
	h.invalid(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"ReturnValuesOnConditionCheckFailure":"SOME"}`,
		"1 validation error detected: Value 'SOME' at 'returnValuesOnConditionCheckFailure' failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, NONE]")
	h.fails(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ConditionExpression":"x = :v","ExpressionAttributeValues":{":v":{"N":"2"}}}`, "ConditionalCheckFailedException", failed)
	h.fails(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET x = :v","ConditionExpression":"x = :v","ExpressionAttributeValues":{":v":{"N":"2"}}}`, "ConditionalCheckFailedException", failed)
	// #136: a failed condition leaves nothing behind.
	h.fails(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"ghost"}},"UpdateExpression":"SET x = :v","ConditionExpression":"attribute_exists(p)","ExpressionAttributeValues":{":v":{"N":"2"}}}`, "ConditionalCheckFailedException", failed)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"ghost"}}}`, `{}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{"Item":{"p":{"S":"a"},"x":{"N":"1"}}}`)
	h.ok(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ConditionExpression":"x = :v","ExpressionAttributeValues":{":v":{"N":"1"}}}`, `{}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{}`)
}

func TestUpdateItemCreatesAndChanges(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	f := func(update, values, want string) {
		t.Helper()
		body := fmt.Sprintf(`{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":%q,"ReturnValues":"ALL_NEW"`, update)
		if values != "" {
			body += `,"ExpressionAttributeValues":` + values
		}
		h.ok(ddb.UpdateItem, body+"}", `{"Attributes":`+want+`}`)
	}
	// #135: an update makes the item.
	f("SET a = :v, b = :w", `{":v":{"N":"1"},":w":{"S":"x"}}`, `{"p":{"S":"a"},"a":{"N":"1"},"b":{"S":"x"}}`)
	// #127: right sides see the item as it was.
	f("SET a = b, b = a", "", `{"p":{"S":"a"},"a":{"S":"x"},"b":{"N":"1"}}`)
	// #125, #70
	f("SET b = b + :v REMOVE a", `{":v":{"N":"0.5"}}`, `{"p":{"S":"a"},"b":{"N":"1.5"}}`)
	// #126
	f("SET l = list_append(if_not_exists(l, :e), :v)", `{":e":{"L":[]},":v":{"L":[{"N":"1"},{"N":"2"}]}}`, `{"p":{"S":"a"},"b":{"N":"1.5"},"l":{"L":[{"N":"1"},{"N":"2"}]}}`)
	// #131
	f("SET l[7] = :x, l[0] = :y REMOVE b", `{":x":{"N":"9"},":y":{"N":"0"}}`, `{"p":{"S":"a"},"l":{"L":[{"N":"0"},{"N":"2"},{"N":"9"}]}}`)
	f("REMOVE l[0], l[2], l[5]", "", `{"p":{"S":"a"},"l":{"L":[{"N":"2"}]}}`)
	// #133, #134
	f("ADD n :n, s :s REMOVE l", `{":n":{"N":"2"},":s":{"SS":["x","y"]}}`, `{"p":{"S":"a"},"n":{"N":"2"},"s":{"SS":["x","y"]}}`)
	f("ADD n :n DELETE s :s", `{":n":{"N":"-5"},":s":{"SS":["x","z"]}}`, `{"p":{"S":"a"},"n":{"N":"-3"},"s":{"SS":["y"]}}`)
	f("DELETE s :s", `{":s":{"SS":["y"]}}`, `{"p":{"S":"a"},"n":{"N":"-3"}}`)
	// #135: an item of nothing but its key, with no UpdateExpression at all.
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"empty"}}}`, `{}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"empty"}}}`, `{"Item":{"p":{"S":"empty"}}}`)
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ReturnValues":"ALL_NEW"}`, `{"Attributes":{"p":{"S":"a"},"n":{"N":"-3"}}}`)
	// #135: but nothing is made by an update that only removes.
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"gone"}},"UpdateExpression":"REMOVE a DELETE s :s","ExpressionAttributeValues":{":s":{"SS":["y"]}}}`, `{}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"gone"}}}`, `{}`)
}

func TestUpdateItemRefusesAtRunTime(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"a"},"s":{"S":"x"},"m":{"M":{}}}`)
	f := func(update, values, want string) {
		t.Helper()
		body := fmt.Sprintf(`{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":%q`, update)
		if values != "" {
			body += `,"ExpressionAttributeValues":` + values
		}
		h.invalid(ddb.UpdateItem, body+"}", want)
	}
	// #128
	f("SET a = nowhere", "", "The provided expression refers to an attribute that does not exist in the item")
	// #129
	f("SET a = s + :v", `{":v":{"N":"1"}}`, "An operand in the update expression has an incorrect data type")
	// #130
	f("SET nowhere.x = :v", `{":v":{"N":"1"}}`, "The document path provided in the update expression is invalid for update")
	f("REMOVE nowhere.x", "", "The document path provided in the update expression is invalid for update")
	// #133
	f("ADD s :v", `{":v":{"N":"1"}}`, "An operand in the update expression has an incorrect data type")
	// #122
	f("SET a = :v SET b = :v", `{":v":{"N":"1"}}`, `Invalid UpdateExpression: The "SET" section can only be used once in an update expression;`)
	// #123
	f("SET m.x = :v REMOVE m", `{":v":{"N":"1"}}`, "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m, x], path two: [m]")
	// #132
	f("REMOVE m[:v]", `{":v":{"N":"1"}}`, `Invalid UpdateExpression: Syntax error; token: ":v", near: "[:v]"`)
	// #266: the condition is looked at first.
	h.fails(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET a = nowhere","ConditionExpression":"attribute_not_exists(p)"}`,
		"ConditionalCheckFailedException", "The conditional request failed")
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{"Item":{"p":{"S":"a"},"s":{"S":"x"},"m":{"M":{}}}}`)
}

func TestReturnValuesOfUpdate(t *testing.T) {
	t.Parallel()
	// #137
	h := newHarness(t).create(hashTable)
	f := func(mode, update, want string) {
		t.Helper()
		h.ok(ddb.UpdateItem, fmt.Sprintf(`{"TableName":"hash","Key":{"p":{"S":%q}},"UpdateExpression":%q,"ExpressionAttributeValues":{":v":{"N":"1"}},"ReturnValues":%q}`,
			h.t.Name(), update, mode), want)
	}
	// Old images of a new item: none.
	f("ALL_OLD", "SET a = :v", `{}`)
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"new"}},"UpdateExpression":"SET a = :v","ExpressionAttributeValues":{":v":{"N":"1"}},"ReturnValues":"UPDATED_OLD"}`, `{}`)
	f("ALL_OLD", "SET b = :v", `{"Attributes":{"p":{"S":"TestReturnValuesOfUpdate"},"a":{"N":"1"}}}`)
	f("UPDATED_OLD", "SET a = a + :v, c = :v", `{"Attributes":{"a":{"N":"1"}}}`)
	f("UPDATED_NEW", "SET a = a + :v REMOVE c", `{"Attributes":{"a":{"N":"3"}}}`)
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"TestReturnValuesOfUpdate"}},"UpdateExpression":"SET m = :m","ExpressionAttributeValues":{":m":{"M":{"x":{"N":"1"},"y":{"N":"2"}}}},"ReturnValues":"NONE"}`, `{}`)
	// Only the leaf of a nested path.
	f("UPDATED_NEW", "SET m.x = m.x + :v", `{"Attributes":{"m":{"M":{"x":{"N":"2"}}}}}`)
	f("UPDATED_OLD", "SET m.x = m.x + :v", `{"Attributes":{"m":{"M":{"x":{"N":"2"}}}}}`)
	f("UPDATED_NEW", "ADD n :v", `{"Attributes":{"n":{"N":"1"}}}`)
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"TestReturnValuesOfUpdate"}},"UpdateExpression":"REMOVE n","ReturnValues":"UPDATED_NEW"}`, `{}`)
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"TestReturnValuesOfUpdate"}},"UpdateExpression":"REMOVE b","ReturnValues":"UPDATED_OLD"}`, `{"Attributes":{"b":{"N":"1"}}}`)
	// Attributes is left out, never empty.
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"gone"}},"UpdateExpression":"REMOVE b","ReturnValues":"ALL_NEW"}`, `{}`)
}

func TestKeysMustMatchTheSchema(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, rangeTable)
	keyed := func(key, want string) {
		t.Helper()
		h.invalid(ddb.GetItem, `{"TableName":"range","Key":`+key+`}`, want)
		h.invalid(ddb.DeleteItem, `{"TableName":"range","Key":`+key+`}`, want)
		h.invalid(ddb.UpdateItem, `{"TableName":"range","Key":`+key+`}`, want)
		h.invalid(ddb.BatchGetItem, `{"RequestItems":{"range":{"Keys":[`+key+`]}}}`, want)
		h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"range":[{"DeleteRequest":{"Key":`+key+`}}]}}`, want)
	}
	const mismatch = "The provided key element does not match the schema"
	// #78
	keyed(`{"p":{"S":"a"}}`, mismatch)
	keyed(`{"p":{"S":"a"},"s":{"S":"1"}}`, mismatch)
	keyed(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"N":"1"}}`, mismatch)
	keyed(`{"p":{"S":"a"},"x":{"N":"1"}}`, mismatch)
	keyed(`{}`, mismatch)
	// #79
	keyed(`{"p":{"BOOL":true},"s":{"N":"1"}}`, mismatch)
	// #59
	keyed(`{"p":{"S":""},"s":{"N":"1"}}`, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p")
	// #73
	keyed(`{"p":{"S":`+chars(2049)+`},"s":{"N":"1"}}`, "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes")
	// #61, #53: values are checked before the table is looked up.
	h.invalid(ddb.GetItem, `{"TableName":"none","Key":{"p":{}}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	h.invalid(ddb.GetItem, `{"TableName":"range","Key":{"p":{"S":"a","N":"1"},"s":{"N":"1"}}}`, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")

	put := func(item, want string) {
		t.Helper()
		h.invalid(ddb.PutItem, `{"TableName":"range","Item":`+item+`}`, want)
		h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"range":[{"PutRequest":{"Item":`+item+`}}]}}`, want)
	}
	// #77; in a BatchWriteItem it is the text for keys.
	unkeyed := func(item, want string) {
		t.Helper()
		h.invalid(ddb.PutItem, `{"TableName":"range","Item":`+item+`}`, want)
		h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"range":[{"PutRequest":{"Item":`+item+`}}]}}`, mismatch)
	}
	unkeyed(`{"s":{"N":"1"}}`, "One or more parameter values were invalid: Missing the key p in the item")
	unkeyed(`{"p":{"S":"1"}}`, "One or more parameter values were invalid: Missing the key s in the item")
	unkeyed(`{"p":{"N":"1"},"s":{"N":"1"}}`, "One or more parameter values were invalid: Type mismatch for key p expected: S actual: N")
	unkeyed(`{"p":{"NULL":true},"s":{"N":"1"}}`, "One or more parameter values were invalid: Type mismatch for key p expected: S actual: NULL")
	put(`{"p":{"S":""},"s":{"N":"1"}}`, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p")
	put(`{"p":{"S":`+chars(2049)+`},"s":{"N":"1"}}`, "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes")
	// #60
	put(`{"p":{"S":"a"},"s":{"N":"1"},"":{"S":"x"}}`, "One or more parameter values were invalid: Empty attribute name")
	put(`{"p":{"S":"a"},"s":{"N":"1"},`+chars(65536)+`:{"S":"x"}}`, "One or more parameter values were invalid: Attribute name is too large, must be less than 65536 bytes")
	h.put("range", `{"p":{"S":"a"},"s":{"N":"1"},`+chars(65535)+`:{"S":"x"}}`)
	// #54, #55
	put(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"NULL":false}}`, "One or more parameter values were invalid: Null attribute value types must have the value of true")
	put(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"SS":[]}}`, "One or more parameter values were invalid: An string set  may not be empty")
	put(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"L":[{"M":{"y":{"NS":[]}}}]}}`, "One or more parameter values were invalid: An number set  may not be empty")
	// #56
	put(`{"p":{"S":"a"},"s":{"N":"1"},"x":{"SS":["a","a"]}}`, "One or more parameter values were invalid: Input collection [a, a] contains duplicates.")
	// The longest keys there are.
	h.put("range", `{"p":{"S":`+chars(2048)+`},"s":{"N":"1"}}`)
}

func TestBinaryKeysHaveTheirLimits(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(binaryTable, stringTable)
	// #73: raw bytes count, not base64.
	b64 := func(n int) string {
		return `"` + strings.Repeat("AAAA", n/3) + map[int]string{0: "", 1: "AA==", 2: "AAA="}[n%3] + `"`
	}
	h.put("binary", `{"p":{"B":`+b64(2048)+`},"s":{"B":`+b64(1024)+`}}`)
	h.ok(ddb.GetItem, `{"TableName":"binary","Key":{"p":{"B":`+b64(2048)+`},"s":{"B":`+b64(1024)+`}},"ProjectionExpression":"x"}`, `{"Item":{}}`)
	const tooLong = "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
	h.invalid(ddb.PutItem, `{"TableName":"binary","Item":{"p":{"B":"AA=="},"s":{"B":`+b64(1025)+`}}}`, tooLong)
	h.invalid(ddb.GetItem, `{"TableName":"binary","Key":{"p":{"B":"AA=="},"s":{"B":`+b64(1025)+`}}}`, tooLong)
	h.invalid(ddb.PutItem, `{"TableName":"string","Item":{"p":{"S":"a"},"s":{"S":`+chars(1025)+`}}}`, tooLong)
	// #59
	h.invalid(ddb.PutItem, `{"TableName":"binary","Item":{"p":{"B":"AA=="},"s":{"B":""}}}`,
		"One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty binary value. Key: s")
	// Bytes that matter to the key encoding keep their places.
	for _, s := range []string{"AA==", "AAA=", "AAE=", "AAH/", "AQ==", "fw==", "gA==", "/w==", "//8="} {
		h.put("binary", `{"p":{"B":"AQ=="},"s":{"B":"`+s+`"}}`)
	}
	got := h.items(ddb.Query, `{"TableName":"binary","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"B":"AQ=="}},"ProjectionExpression":"s"}`)
	// #105: unsigned bytes.
	want := `[{"s":{"B":"AA=="}},{"s":{"B":"AAA="}},{"s":{"B":"AAE="}},{"s":{"B":"AAH/"}},{"s":{"B":"AQ=="}},{"s":{"B":"fw=="}},{"s":{"B":"gA=="}},{"s":{"B":"/w=="}},{"s":{"B":"//8="}}]`
	if !sameJSON(t, got, want) {
		t.Errorf("binary sort keys\n got %s\nwant %s", got, want)
	}
}

func TestNumericKeysAreNormalised(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable)
	// #67, #66
	h.put("range", `{"p":{"S":"a"},"s":{"N":"1e3"},"v":{"S":"first"}}`, `{"p":{"S":"a"},"s":{"N":"+01000.0"},"v":{"S":"second"}}`)
	h.ok(ddb.GetItem, `{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"1000"}}}`, `{"Item":{"p":{"S":"a"},"s":{"N":"1000"},"v":{"S":"second"}}}`)
	h.ok(ddb.DeleteItem, `{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"10e2"}}}`, `{}`)
	// #71: by value, through negative, zero and both ends of the range.
	numbers := []string{"9.9e125", "-9.9e125", "0", "-1", "1", "1e-130", "-1e-130", "10", "9", "-10", "0.5", "12345678901234567890123456789012345678", "12345678901234567890123456789012345677"}
	for _, n := range numbers {
		h.put("range", `{"p":{"S":"n"},"s":{"N":"`+n+`"},"v":{"S":"`+n+`"}}`)
	}
	got := h.items(ddb.Query, `{"TableName":"range","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"n"}},"ProjectionExpression":"v"}`)
	want := []string{"-9.9e125", "-10", "-1", "-1e-130", "0", "1e-130", "0.5", "1", "9", "10", "12345678901234567890123456789012345677", "12345678901234567890123456789012345678", "9.9e125"}
	if !sameJSON(t, got, `[{"v":{"S":"`+strings.Join(want, `"}},{"v":{"S":"`)+`"}}]`) {
		t.Errorf("numeric sort keys: got %s, want %v", got, want)
	}
	// #63, #62
	h.invalid(ddb.PutItem, `{"TableName":"range","Item":{"p":{"S":"a"},"s":{"N":"1e126"}}}`, "Number overflow. Attempting to store a number with magnitude larger than supported range")
	h.invalid(ddb.GetItem, `{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"123456789012345678901234567890123456789"}}}`, "Attempting to store more than 38 significant digits in a Number")
}

func TestItemSizeLimit(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	// #74, #75: p(1) + a(1) + the name d(1) + value = 409600.
	fits := 409600 - 3
	h.put("hash", `{"p":{"S":"a"},"d":{"S":`+chars(fits)+`}}`)
	h.invalid(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"d":{"S":`+chars(fits+1)+`}}}`, "Item size has exceeded the maximum allowed size")
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"PutRequest":{"Item":{"p":{"S":"b"}}}},{"PutRequest":{"Item":{"p":{"S":"a"},"d":{"S":`+chars(fits+1)+`}}}}]}}`, "Item size has exceeded the maximum allowed size")
	// #182: nothing of the batch was written.
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"b"}}}`, `{}`)
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET e = :v","ExpressionAttributeValues":{":v":{"S":"x"}}}`, "Item size to update has exceeded the maximum allowed size")
	// #263: before the table.
	h.invalid(ddb.PutItem, `{"TableName":"none","Item":{"p":{"S":"a"},"d":{"S":`+chars(fits+1)+`}}}`, "Item size has exceeded the maximum allowed size")
	// A shrinking update goes through.
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET d = :v","ExpressionAttributeValues":{":v":{"S":"x"}},"ReturnValues":"ALL_NEW"}`, `{"Attributes":{"p":{"S":"a"},"d":{"S":"x"}}}`)
}

func TestUpdateCannotNestDeeperThanItems(t *testing.T) {
	t.Parallel()
	// #28: 32 levels are the most, the item itself included.
	h := newHarness(t).create(hashTable)
	deep := func(n int) string { return strings.Repeat(`{"L":[`, n) + strings.Repeat(`]}`, n) }
	h.put("hash", `{"p":{"S":"a"},"x":`+deep(31)+`}`)
	h.invalid(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"x":`+deep(32)+`}}`, nestingText(t, h))
	h.put("hash", `{"p":{"S":"a"},"m":{"M":{}}}`)
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET m.x = :v","ExpressionAttributeValues":{":v":`+deep(30)+`}}`, `{}`)
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET m.x = :v","ExpressionAttributeValues":{":v":`+deep(31)+`}}`, nestingText(t, h))
}

// nestingText is what a value that is too deep is refused with, which the facts do not give in full.
func nestingText(t *testing.T, h *harness) string {
	t.Helper()
	_, bad := h.do(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"x":`+strings.Repeat(`{"L":[`, 40)+strings.Repeat(`]}`, 40)+`}}`)
	if bad == nil || !strings.Contains(strings.ToLower(bad.Message), "nest") {
		t.Fatalf("putting a value 40 levels deep: %v, want a refusal that speaks of nesting", bad)
	}
	return bad.Message
}

func TestKeyAttributesAreScalarsAndFixed(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, stringTable, indexTable)
	// #124
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET p = :v","ExpressionAttributeValues":{":v":{"S":"a"}}}`,
		"One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key")
	h.invalid(ddb.UpdateItem, `{"TableName":"string","Key":{"p":{"S":"a"},"s":{"S":"b"}},"UpdateExpression":"REMOVE s"}`,
		"One or more parameter values were invalid: Cannot update attribute s. This attribute is part of the key")
	// Something in a key is told as the key, as dynalite's tests have it.
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET p.x = :v","ExpressionAttributeValues":{":v":{"S":"a"}}}`,
		"One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key")
	// #81
	const scalar = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET v = p.x"}`, scalar+"Key: p")
	h.invalid(ddb.UpdateItem, `{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"b"}},"UpdateExpression":"SET g[1] = :v","ExpressionAttributeValues":{":v":{"S":"a"}}}`, scalar+"IndexKey: g")
	h.invalid(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"p.x"}`, scalar+"Key: p")
	h.invalid(ddb.DeleteItem, `{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"b"}},"ConditionExpression":"attribute_exists(h.x)"}`, scalar+"IndexKey: h")
}

func TestIndexKeysMustFitTheirIndex(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	put := func(item, want string) {
		t.Helper()
		h.invalid(ddb.PutItem, `{"TableName":"index","Item":`+item+`}`, want)
		h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"index":[{"PutRequest":{"Item":`+item+`}}]}}`, want)
	}
	// #80
	put(`{"p":{"S":"a"},"s":{"S":"b"},"h":{"S":"x"}}`, "One or more parameter values were invalid: Type mismatch for Index Key h Expected: N Actual: S IndexName: all")
	put(`{"p":{"S":"a"},"s":{"S":"b"},"h":{"NULL":true}}`, "One or more parameter values were invalid: Type mismatch for Index Key h Expected: N Actual: NULL IndexName: all")
	update := func(value, want string) {
		t.Helper()
		h.invalid(ddb.UpdateItem, `{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"b"}},"UpdateExpression":"SET l = :v","ExpressionAttributeValues":{":v":`+value+`}}`, want)
	}
	update(`{"N":"1"}`, "The update expression attempted to update the secondary index key to unsupported type")
	// #59
	put(`{"p":{"S":"a"},"s":{"S":"b"},"l":{"S":""}}`, "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "+
		"The AttributeValue for a key attribute cannot contain an empty string value. IndexName: lall, IndexKey: l")
	update(`{"S":""}`, "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. "+
		"The AttributeValue for a key attribute cannot contain an empty string value.")
	// #73
	put(`{"p":{"S":"a"},"s":{"S":"b"},"g":{"S":`+chars(2049)+`}}`, "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes")
	update(`{"S":`+chars(1025)+`}`, "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
	// #82: without the attribute the item is only not in the index.
	h.put("index", `{"p":{"S":"a"},"s":{"S":"b"}}`)
	h.ok(ddb.Scan, `{"TableName":"index","IndexName":"keys"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
	h.ok(ddb.Scan, `{"TableName":"index"}`, `{"Items":[{"p":{"S":"a"},"s":{"S":"b"}}],"Count":1,"ScannedCount":1}`)
}

func TestMissingTableIsResourceNotFound(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	// #151
	f := func(op ddb.Operation, body string) {
		t.Helper()
		h.fails(op, body, "ResourceNotFoundException", "Requested resource not found")
	}
	f(ddb.GetItem, `{"TableName":"none","Key":{"p":{"S":"a"}}}`)
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{"S":"a"}}}`)
	f(ddb.UpdateItem, `{"TableName":"none","Key":{"p":{"S":"a"}}}`)
	f(ddb.DeleteItem, `{"TableName":"none","Key":{"p":{"S":"a"}}}`)
	// #169
	f(ddb.Query, `{"TableName":"none","IndexName":"none","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`)
	f(ddb.Scan, `{"TableName":"none"}`)
	// #187
	f(ddb.BatchGetItem, `{"RequestItems":{"none":{"Keys":[{"p":{"S":"a"}}]}}}`)
	f(ddb.BatchWriteItem, `{"RequestItems":{"none":[{"PutRequest":{"Item":{"p":{"S":"a"}}}}]}}`)
}

func TestFaultsAreReportedInOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	f := func(op ddb.Operation, body, want string) {
		t.Helper()
		h.invalid(op, body, want)
	}
	// #262: each request has the named fault and all later ones that its operation can have.
	// (2) constraints, #40, #43.
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{}},"ReturnConsumedCapacity":"X","ReturnValues":"Y","Expected":{"p":{"Exists":false}},"ConditionExpression":""}`,
		"2 validation errors detected: Value 'Y' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; "+
			"Value 'X' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]")
	// (3) #93
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{}},"Expected":{"p":{"Exists":false}},"ConditionExpression":""}`,
		"Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}")
	f(ddb.UpdateItem, `{"TableName":"none","Key":{"p":{}},"AttributeUpdates":{"x":{"Value":{"S":"a"}}},"Expected":{"p":{"Exists":false}},"ConditionExpression":"","UpdateExpression":""}`,
		"Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates, Expected} Expression parameters: {UpdateExpression, ConditionExpression}")
	// (4) values
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{}},"ReturnValues":"ALL_NEW","ExpressionAttributeNames":{}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	// (5) #91, #92
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{"S":"a"}},"ExpressionAttributeValues":{":v":{"S":"unused"}}}`, "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null")
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{"S":"a"}},"ExpressionAttributeNames":{"#a":"a"}}`, "ExpressionAttributeNames can only be specified when using expressions")
	f(ddb.UpdateItem, `{"TableName":"none","Key":{"p":{"S":"a"}},"ExpressionAttributeValues":{":v":{"S":"unused"}}}`,
		"ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null")
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{"S":"a"}},"ConditionExpression":"","ExpressionAttributeNames":{}}`, "ExpressionAttributeNames must not be empty")
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{"S":"a"}},"ConditionExpression":"","ExpressionAttributeNames":{"x":"a"}}`, `ExpressionAttributeNames contains invalid key: Syntax error; key: "x"`)
	f(ddb.PutItem, `{"TableName":"none","Item":{"p":{"S":"a"}},"ConditionExpression":"","ExpressionAttributeValues":{":v":{}}}`,
		"ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes for key :v")
	// (7) #86; the update before the condition.
	f(ddb.UpdateItem, `{"TableName":"none","Key":{"p":{"S":"a"}},"UpdateExpression":"","ConditionExpression":""}`, "Invalid UpdateExpression: The expression can not be empty;")
	f(ddb.UpdateItem, `{"TableName":"none","Key":{"p":{"S":"a"}},"UpdateExpression":"REMOVE x","ConditionExpression":""}`, "Invalid ConditionExpression: The expression can not be empty;")
	// (8) #90: over all expressions, and before the condition is looked at.
	f(ddb.UpdateItem, `{"TableName":"none","Key":{"p":{"S":"a"}},"UpdateExpression":"REMOVE #a","ConditionExpression":"attribute_exists(x)","ExpressionAttributeNames":{"#a":"a","#b":"b"}}`,
		"Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}")
	f(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"ConditionExpression":"attribute_exists(x)","ExpressionAttributeValues":{":v":{"S":"a"}}}`,
		"Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}")
	// (9) the table, before (10) the key.
	h.fails(ddb.GetItem, `{"TableName":"none","Key":{"q":{"S":"a"}}}`, "ResourceNotFoundException", "Requested resource not found")
	// (10) before (12): the key before the condition.
	f(ddb.DeleteItem, `{"TableName":"hash","Key":{"q":{"S":"a"}},"ConditionExpression":"attribute_exists(x)"}`, "The provided key element does not match the schema")
	f(ddb.PutItem, `{"TableName":"hash","Item":{"q":{"S":"a"}},"ConditionExpression":"attribute_exists(x)"}`, "One or more parameter values were invalid: Missing the key p in the item")
	// #46
	h.invalid(ddb.PutItem, `{"TableName":"","Item":{"p":{"S":"a"}}}`, "1 validation error detected: "+
		"Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1")
	f(ddb.GetItem, `{"TableName":"`+strings.Repeat("a", 256)+`","Key":{"p":{"S":"a"}}}`,
		"1 validation error detected: Value '"+strings.Repeat("a", 256)+"' at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 255")
	// #47
	f(ddb.DeleteItem, `{"TableName":"bad table!@#","Key":{"p":{"S":"a"}}}`,
		"1 validation error detected: Value 'bad table!@#' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	// #44, #45
	f(ddb.PutItem, `{"Item":{"p":{"S":"a"}}}`, "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
}
