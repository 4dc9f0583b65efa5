package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"millrace/ddb"
)

// numbered fills partition p of the table range with s = 0 … n-1 and an attribute v that is even or odd.
func (h *harness) numbered(p string, n int) {
	h.t.Helper()
	for i := range n {
		h.put("range", fmt.Sprintf(`{"p":{"S":%q},"s":{"N":"%d"},"v":{"S":%q}}`, p, i, []string{"even", "odd"}[i%2]))
	}
}

func TestQueryKeyConditions(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable, stringTable)
	h.numbered("a", 6)
	h.numbered("b", 2)
	f := func(condition, values string, want ...int) {
		t.Helper()
		items := make([]string, len(want))
		for i, n := range want {
			items[i] = fmt.Sprintf(`{"s":{"N":"%d"}}`, n)
		}
		wantJSON := fmt.Sprintf(`{"Items":[%s],"Count":%d,"ScannedCount":%d}`, strings.Join(items, ","), len(want), len(want))
		h.ok(ddb.Query, fmt.Sprintf(`{"TableName":"range","KeyConditionExpression":%q,"ExpressionAttributeValues":{":p":{"S":"a"}%s},"ProjectionExpression":"s"}`, condition, values), wantJSON)
		slices.Reverse(items)
		// #162
		h.ok(ddb.Query, fmt.Sprintf(`{"TableName":"range","KeyConditionExpression":%q,"ExpressionAttributeValues":{":p":{"S":"a"}%s},"ProjectionExpression":"s","ScanIndexForward":false}`, condition, values),
			fmt.Sprintf(`{"Items":[%s],"Count":%d,"ScannedCount":%d}`, strings.Join(items, ","), len(want), len(want)))
	}
	one := `,":v":{"N":"2"}`
	// #160
	f("p = :p", "", 0, 1, 2, 3, 4, 5)
	f("p = :p AND s = :v", one, 2)
	f("p = :p AND s < :v", one, 0, 1)
	f("p = :p AND s <= :v", one, 0, 1, 2)
	f("p = :p AND s > :v", one, 3, 4, 5)
	f("p = :p AND s >= :v", one, 2, 3, 4, 5)
	f("p = :p AND s BETWEEN :v AND :w", one+`,":w":{"N":"4"}`, 2, 3, 4)
	f("p = :p AND s = :v", `,":v":{"N":"7"}`)
	f("(s > :v) and (:p = p)", one, 3, 4, 5)
	f(":v < s AND p = :p", one, 3, 4, 5)

	for _, s := range []string{"", "\\u0000", "a", "a\\u0000", "ab", "b", "ü"} {
		if s != "" {
			h.put("string", `{"p":{"S":"a"},"s":{"S":"`+s+`"}}`)
		}
	}
	g := func(condition, values string, want string) {
		t.Helper()
		got := h.items(ddb.Query, fmt.Sprintf(`{"TableName":"string","KeyConditionExpression":%q,"ExpressionAttributeValues":{":p":{"S":"a"}%s},"ProjectionExpression":"s"}`, condition, values))
		if !sameJSON(t, got, want) {
			t.Errorf("%s %s\n got %s\nwant %s", condition, values, got, want)
		}
	}
	g("p = :p AND begins_with(s, :v)", `,":v":{"S":"a"}`, `[{"s":{"S":"a"}},{"s":{"S":"a\u0000"}},{"s":{"S":"ab"}}]`)
	g("p = :p AND begins_with(s, :v)", `,":v":{"S":"a\u0000"}`, `[{"s":{"S":"a\u0000"}}]`)
	// A key that another one begins with is not the other one.
	g("p = :p AND s = :v", `,":v":{"S":"a"}`, `[{"s":{"S":"a"}}]`)
	g("p = :p AND s > :v", `,":v":{"S":"a"}`, `[{"s":{"S":"a\u0000"}},{"s":{"S":"ab"}},{"s":{"S":"b"}},{"s":{"S":"ü"}}]`)
}

func TestQueryRefusesKeyConditions(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable, hashTable)
	f := func(condition, values, want string) {
		t.Helper()
		h.invalid(ddb.Query, fmt.Sprintf(`{"TableName":"range","KeyConditionExpression":%q,"ExpressionAttributeValues":%s}`, condition, values), want)
	}
	// #161
	f("s = :v", `{":v":{"N":"1"}}`, "Query condition missed key schema element: p")
	f("x = :v", `{":v":{"N":"1"}}`, "Query condition missed key schema element: p")
	f("p = :v AND x = :v", `{":v":{"S":"1"}}`, "Query condition missed key schema element: s")
	f("p > :v", `{":v":{"S":"1"}}`, "Query key condition not supported")
	f("p = :v AND p = :v", `{":v":{"S":"1"}}`, "KeyConditionExpressions must only contain one condition per key")
	f("p = :v OR s = :v", `{":v":{"S":"1"}}`, "Invalid operator used in KeyConditionExpression: OR")
	f("p <> :v", `{":v":{"S":"1"}}`, "Invalid operator used in KeyConditionExpression: <>")
	f("p.x = :v", `{":v":{"S":"1"}}`, "KeyConditionExpressions cannot have conditions on nested attributes")
	f(":v = :v", `{":v":{"S":"1"}}`, "Invalid condition in KeyConditionExpression: No key attribute specified")
	f("p = s", `{":v":{"S":"1"}}`, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}")
	f("p = :v", `{":v":{"N":"1"}}`, "One or more parameter values were invalid: Condition parameter type does not match schema type")
	// #59: no key is empty.
	f("p = :v", `{":v":{"S":""}}`, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p")
	// #86
	f("", `{":v":{"S":"1"}}`, "Invalid KeyConditionExpression: The expression can not be empty;")
	// #145
	h.invalid(ddb.Query, `{"TableName":"range"}`, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	// #49
	h.invalid(ddb.Query, `{"TableName":"range","Limit":0,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
		"1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
}

func TestQueryFiltersAfterTheLimit(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable)
	h.numbered("a", 6)
	q := func(rest string) string {
		return `{"TableName":"range","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"},":o":{"S":"odd"}},"FilterExpression":"v = :o","ProjectionExpression":"s"` + rest + `}`
	}
	// #116: counted before and after the filter, which sees what the projection drops.
	h.ok(ddb.Query, q(""), `{"Items":[{"s":{"N":"1"}},{"s":{"N":"3"}},{"s":{"N":"5"}}],"Count":3,"ScannedCount":6}`)
	// #163, #164
	h.ok(ddb.Query, q(`,"Limit":3`), `{"Items":[{"s":{"N":"1"}}],"Count":1,"ScannedCount":3,"LastEvaluatedKey":{"p":{"S":"a"},"s":{"N":"2"}}}`)
	h.ok(ddb.Query, q(`,"Limit":1`), `{"Items":[],"Count":0,"ScannedCount":1,"LastEvaluatedKey":{"p":{"S":"a"},"s":{"N":"0"}}}`)
	h.ok(ddb.Query, q(`,"Limit":3,"ExclusiveStartKey":{"p":{"S":"a"},"s":{"N":"2"}}`), `{"Items":[{"s":{"N":"3"}},{"s":{"N":"5"}}],"Count":2,"ScannedCount":3,"LastEvaluatedKey":{"p":{"S":"a"},"s":{"N":"5"}}}`)
	h.ok(ddb.Query, q(`,"Limit":3,"ExclusiveStartKey":{"p":{"S":"a"},"s":{"N":"5"}}`), `{"Items":[],"Count":0,"ScannedCount":0}`)
	h.ok(ddb.Query, q(`,"Limit":3,"ScanIndexForward":false,"ExclusiveStartKey":{"p":{"S":"a"},"s":{"N":"2"}}`), `{"Items":[{"s":{"N":"1"}}],"Count":1,"ScannedCount":2}`)
	// #165: the start key need not exist.
	h.ok(ddb.Query, q(`,"ExclusiveStartKey":{"p":{"S":"a"},"s":{"N":"2.5"}}`), `{"Items":[{"s":{"N":"3"}},{"s":{"N":"5"}}],"Count":2,"ScannedCount":3}`)
	// #166, #171
	count := strings.Replace(q(`,"Select":"COUNT"`), `,"ProjectionExpression":"s"`, "", 1)
	h.ok(ddb.Query, count, `{"Count":3,"ScannedCount":6}`)
	h.ok(ddb.Query, `{"TableName":"range","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}},"Select":"COUNT","Limit":4}`,
		`{"Count":4,"ScannedCount":4,"LastEvaluatedKey":{"p":{"S":"a"},"s":{"N":"3"}}}`)
	// #114
	h.invalid(ddb.Query, `{"TableName":"range","KeyConditionExpression":"p = :p","FilterExpression":"s > :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
		"Filter Expression can only contain non-primary key attributes: Primary key attribute: s")
	// #115: a filter is checked even when there is nothing to filter.
	h.invalid(ddb.Query, `{"TableName":"range","KeyConditionExpression":"p = :p","FilterExpression":"begins_with(x, :n)","ExpressionAttributeValues":{":p":{"S":"none"},":n":{"N":"1"}}}`,
		"Invalid FilterExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N")
	// #89
	h.invalid(ddb.Query, `{"TableName":"range","KeyConditionExpression":"p = :p","FilterExpression":"#missing = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`,
		"Invalid FilterExpression: An expression attribute name used in the document path is not defined; attribute name: #missing")
}

func TestQueryStartKeyMustFit(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable, hashTable, indexTable)
	f := func(condition, start, want string) {
		t.Helper()
		values := `{":p":{"S":"a"}}`
		if strings.Contains(condition, ":v") {
			values = `{":p":{"S":"a"},":v":{"N":"3"}}`
		}
		h.invalid(ddb.Query, fmt.Sprintf(`{"TableName":"range","KeyConditionExpression":%q,"ExpressionAttributeValues":%s,"ExclusiveStartKey":%s}`, condition, values, start), want)
	}
	// #165
	f("p = :p", `{"p":{"S":"a"}}`, "The provided starting key is invalid")
	f("p = :p", `{}`, "The provided starting key is invalid")
	f("p = :p", `{"p":{"S":"a"},"s":{"N":"1"},"x":{"N":"1"}}`, "The provided starting key is invalid")
	f("p = :p", `{"p":{"S":"a"},"x":{"N":"1"}}`, "The provided starting key is invalid")
	f("p = :p", `{"p":{"S":"a"},"s":{"S":"1"}}`, "The provided key element does not match the schema")
	f("p = :p", `{"p":{"S":"a"},"s":{}}`, "The provided starting key is invalid: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	f("p = :p", `{"p":{"S":"b"},"s":{"N":"1"}}`, "The provided starting key is outside query boundaries based on provided conditions")
	f("p = :p AND s > :v", `{"p":{"S":"a"},"s":{"N":"3"}}`, "The provided starting key does not match the range key predicate")
	f("p = :p AND s < :v", `{"p":{"S":"a"},"s":{"N":"3"}}`, "The provided starting key does not match the range key predicate")
	f("p = :p AND s BETWEEN :v AND :v", `{"p":{"S":"a"},"s":{"N":"4"}}`, "The provided starting key does not match the range key predicate")
	f("p = :p AND s < :v", `{"p":{"S":"b"},"s":{"N":"1"}}`, "The query can return at most one row and cannot be restarted")
	h.invalid(ddb.Query, `{"TableName":"hash","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}},"ExclusiveStartKey":{"p":{"S":"a"}}}`,
		"The query can return at most one row and cannot be restarted")
	// #265: the form of the start key before the range predicate.
	f("s = :v AND p = :p", `{"p":{"S":"a"}}`, "The provided starting key is invalid")
	// An index needs its own key as well.
	g := func(start, want string) {
		t.Helper()
		h.invalid(ddb.Query, `{"TableName":"index","IndexName":"all","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"x"}},"ExclusiveStartKey":`+start+`}`, want)
	}
	g(`{"p":{"S":"a"},"s":{"S":"b"}}`, "The provided starting key is invalid")
	g(`{"p":{"S":"a"},"s":{"S":"b"},"g":{"S":"x"},"x":{"N":"1"}}`, "The provided starting key is invalid")
	g(`{"p":{"S":"a"},"s":{"N":"1"},"g":{"S":"x"},"h":{"N":"1"}}`, "The provided starting key is invalid: The provided key element does not match the schema")
	g(`{"p":{"S":"a"},"s":{"S":"b"},"g":{"S":"y"},"h":{"N":"1"}}`, "The provided starting key is outside query boundaries based on provided conditions")
}

func TestQuerySelect(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	base := `{"TableName":"index","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}`
	f := func(rest, want string) {
		t.Helper()
		// #166: Query words these as broken constraints, Scan does not.
		h.invalid(ddb.Query, base+rest+`}`, "1 validation error detected: "+want)
		h.invalid(ddb.Scan, `{"TableName":"index"`+rest+`}`, want)
	}
	f(`,"Select":"SPECIFIC_ATTRIBUTES"`, "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	f(`,"Select":"ALL_PROJECTED_ATTRIBUTES"`, "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	f(`,"Select":"ALL_ATTRIBUTES","ProjectionExpression":"a"`, "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES")
	f(`,"Select":"COUNT","ProjectionExpression":"a"`, "Cannot specify the ProjectionExpression when choosing to get only the Count")
	f(`,"Select":"ALL_PROJECTED_ATTRIBUTES","ProjectionExpression":"a"`, "Cannot specify the ProjectionExpression when choosing to get ALL_PROJECTED_ATTRIBUTES")
	h.ok(ddb.Query, base+`,"Select":"SPECIFIC_ATTRIBUTES","ProjectionExpression":"a"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
	// #50, #51
	f2 := "1 validation error detected: Value 'count' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
	h.invalid(ddb.Query, base+`,"Select":"count"}`, f2)
	h.invalid(ddb.Scan, `{"TableName":"index","Select":"count"}`, f2)
}

func TestIndexesHoldWhatTheyProject(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	h.put("index", `{"p":{"S":"p1"},"s":{"S":"s1"},"g":{"S":"G"},"h":{"N":"2"},"l":{"S":"L"},"a":{"S":"A"},"z":{"S":"Z"}}`,
		`{"p":{"S":"p1"},"s":{"S":"s2"},"a":{"S":"unindexed"}}`)
	global := func(index, rest string) string {
		return `{"TableName":"index","IndexName":"` + index + `","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"G"}}` + rest + `}`
	}
	local := func(index, rest string) string {
		return `{"TableName":"index","IndexName":"` + index + `","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p1"}}` + rest + `}`
	}
	whole := `{"p":{"S":"p1"},"s":{"S":"s1"},"g":{"S":"G"},"h":{"N":"2"},"l":{"S":"L"},"a":{"S":"A"},"z":{"S":"Z"}}`
	f := func(body, want string) {
		t.Helper()
		h.ok(ddb.Query, body, `{"Items":[`+want+`],"Count":1,"ScannedCount":1}`)
	}
	// #231, #82
	f(global("all", ""), whole)
	f(global("inc", ""), `{"p":{"S":"p1"},"s":{"S":"s1"},"g":{"S":"G"},"a":{"S":"A"}}`)
	f(global("keys", ""), `{"p":{"S":"p1"},"s":{"S":"s1"},"g":{"S":"G"}}`)
	f(local("lall", ""), whole)
	f(local("linc", ""), `{"p":{"S":"p1"},"s":{"S":"s1"},"l":{"S":"L"},"a":{"S":"A"}}`)
	f(local("lkeys", ""), `{"p":{"S":"p1"},"s":{"S":"s1"},"l":{"S":"L"}}`)
	// #232: a local index can be read strongly.
	f(local("lkeys", `,"ConsistentRead":true`), `{"p":{"S":"p1"},"s":{"S":"s1"},"l":{"S":"L"}}`)
	// #167
	f(global("all", `,"Select":"ALL_ATTRIBUTES"`), whole)
	f(local("lkeys", `,"Select":"ALL_ATTRIBUTES"`), whole)
	h.ok(ddb.Scan, `{"TableName":"index","IndexName":"lkeys","Select":"ALL_ATTRIBUTES"}`, `{"Items":[`+whole+`],"Count":1,"ScannedCount":1}`)
	const notAll = "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index keys because its projection type is not ALL"
	h.invalid(ddb.Query, global("keys", `,"Select":"ALL_ATTRIBUTES"`), notAll)
	h.invalid(ddb.Scan, `{"TableName":"index","IndexName":"keys","Select":"ALL_ATTRIBUTES"}`, notAll)
	f(global("inc", `,"Select":"ALL_PROJECTED_ATTRIBUTES"`), `{"p":{"S":"p1"},"s":{"S":"s1"},"g":{"S":"G"},"a":{"S":"A"}}`)
	// #168
	f(local("lkeys", `,"ProjectionExpression":"z, l"`), `{"z":{"S":"Z"},"l":{"S":"L"}}`)
	h.invalid(ddb.Query, global("inc", `,"ProjectionExpression":"a, z, g"`), "One or more parameter values were invalid: Global secondary index inc does not project [z]")
	h.invalid(ddb.Query, `{"TableName":"index","IndexName":"keys","KeyConditionExpression":"g = :g","FilterExpression":"a = :g","ExpressionAttributeValues":{":g":{"S":"G"}}}`,
		"One or more parameter values were invalid: Secondary index keys does not project one or more filter attributes: [a]")
	// #114: a global index can be filtered by the table's key, not by its own.
	h.ok(ddb.Query, global("all", `,"FilterExpression":"p <> :g"`), `{"Items":[`+whole+`],"Count":1,"ScannedCount":1}`)
	h.invalid(ddb.Query, global("all", `,"FilterExpression":"h <> :g"`), "Filter Expression can only contain non-primary key attributes: Primary key attribute: h")
	// #169, #170
	h.invalid(ddb.Query, global("nope", ""), "The table does not have the specified index: nope")
	h.invalid(ddb.Scan, `{"TableName":"index","IndexName":"nope"}`, "The table does not have the specified index: nope")
	h.invalid(ddb.Query, global("all", `,"ConsistentRead":true`), "Consistent reads are not supported on global secondary indexes")
	h.invalid(ddb.Scan, `{"TableName":"index","IndexName":"all","ConsistentRead":true}`, "Consistent reads are not supported on global secondary indexes")
	// #265: the index before the key condition.
	h.invalid(ddb.Query, `{"TableName":"index","IndexName":"nope","KeyConditionExpression":"x = :g","ExpressionAttributeValues":{":g":{"S":"G"}}}`, "The table does not have the specified index: nope")
}

func TestEveryWriteMaintainsIndexes(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	key := `{"p":{"S":"p"},"s":{"S":"s"}}`
	f := func(want string) {
		t.Helper()
		for _, index := range []string{"inc", "keys"} {
			var got []string
			for _, g := range []string{"A", "B"} {
				out := h.items(ddb.Query, `{"TableName":"index","IndexName":"`+index+`","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"`+g+`"}},"ProjectionExpression":"g"}`)
				got = append(got, out)
			}
			if s := strings.Join(got, ""); s != want {
				t.Errorf("index %s holds %s, want %s", index, s, want)
			}
		}
	}
	a, b := `[{"g":{"S":"A"}}][]`, `[][{"g":{"S":"B"}}]`
	// #230
	h.put("index", `{"p":{"S":"p"},"s":{"S":"s"},"g":{"S":"A"}}`)
	f(a)
	h.put("index", `{"p":{"S":"p"},"s":{"S":"s"},"g":{"S":"B"}}`)
	f(b)
	h.put("index", key)
	f("[][]")
	h.ok(ddb.UpdateItem, `{"TableName":"index","Key":`+key+`,"UpdateExpression":"SET g = :g","ExpressionAttributeValues":{":g":{"S":"A"}}}`, `{}`)
	f(a)
	h.ok(ddb.UpdateItem, `{"TableName":"index","Key":`+key+`,"UpdateExpression":"SET g = :g","ExpressionAttributeValues":{":g":{"S":"A"}}}`, `{}`)
	f(a)
	h.ok(ddb.UpdateItem, `{"TableName":"index","Key":`+key+`,"UpdateExpression":"REMOVE g"}`, `{}`)
	f("[][]")
	h.ok(ddb.BatchWriteItem, `{"RequestItems":{"index":[{"PutRequest":{"Item":{"p":{"S":"p"},"s":{"S":"s"},"g":{"S":"B"}}}}]}}`, `{"UnprocessedItems":{}}`)
	f(b)
	h.ok(ddb.BatchWriteItem, `{"RequestItems":{"index":[{"DeleteRequest":{"Key":`+key+`}}]}}`, `{"UnprocessedItems":{}}`)
	f("[][]")
	h.put("index", `{"p":{"S":"p"},"s":{"S":"s"},"g":{"S":"A"}}`)
	h.ok(ddb.DeleteItem, `{"TableName":"index","Key":`+key+`}`, `{}`)
	f("[][]")
}

func TestIndexPagesResumeInsideATie(t *testing.T) {
	t.Parallel()
	// #233, #164
	h := newHarness(t).create(indexTable)
	for i := range 7 {
		h.put("index", fmt.Sprintf(`{"p":{"S":"p%d"},"s":{"S":"s"},"g":{"S":"G"},"h":{"N":"1"},"l":{"S":"same"}}`, i))
		h.put("index", fmt.Sprintf(`{"p":{"S":"one"},"s":{"S":"s%d"},"l":{"S":"same"}}`, i))
	}
	for _, forward := range []bool{true, false} {
		for _, q := range []string{
			`"IndexName":"all","KeyConditionExpression":"g = :v AND h = :h","ExpressionAttributeValues":{":v":{"S":"G"},":h":{"N":"1"}}`,
			`"IndexName":"keys","KeyConditionExpression":"g = :v","ExpressionAttributeValues":{":v":{"S":"G"}}`,
			`"IndexName":"lall","KeyConditionExpression":"p = :v AND l = :l","ExpressionAttributeValues":{":v":{"S":"one"},":l":{"S":"same"}}`,
		} {
			seen := make(map[string]bool)
			start := ""
			for range 8 {
				body := fmt.Sprintf(`{"TableName":"index",%s,"Limit":2,"ScanIndexForward":%t%s}`, q, forward, start)
				var page struct {
					Items            []json.RawMessage
					LastEvaluatedKey json.RawMessage
				}
				if err := json.Unmarshal([]byte(h.answer(ddb.Query, body)), &page); err != nil {
					t.Fatal(err)
				}
				for _, it := range page.Items {
					if seen[string(it)] {
						t.Errorf("%s: %s came twice", body, it)
					}
					seen[string(it)] = true
				}
				if page.LastEvaluatedKey == nil {
					break
				}
				start = `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey)
			}
			if len(seen) != 7 {
				t.Errorf("%s forward=%t: %d items over all pages, want 7", q, forward, len(seen))
			}
		}
	}
}

func TestQueryPagesEndAtOneMegabyte(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable)
	const n, size = 30, 60000
	for i := range n {
		h.put("range", fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"%d"},"d":{"S":%s}}`, i, chars(size)))
	}
	// #163: 18 items are the first to reach 1048576 bytes, whatever is projected or filtered away.
	f := func(rest string, scanned int) {
		t.Helper()
		var page struct {
			Count, ScannedCount int
			LastEvaluatedKey    map[string]map[string]string
		}
		body := `{"TableName":"range","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}` + rest + `}`
		if err := json.Unmarshal([]byte(h.answer(ddb.Query, body)), &page); err != nil {
			t.Fatal(err)
		}
		if page.ScannedCount != scanned {
			t.Errorf("query %s: ScannedCount = %d, want %d", rest, page.ScannedCount, scanned)
		}
		if has := page.LastEvaluatedKey != nil; has != (scanned == 18) {
			t.Errorf("query %s: LastEvaluatedKey = %v", rest, page.LastEvaluatedKey)
		}
	}
	f("", 18)
	f(`,"ScanIndexForward":false`, 18)
	f(`,"ProjectionExpression":"s"`, 18)
	f(`,"Select":"COUNT"`, 18)
	f(`,"FilterExpression":"attribute_exists(nothing)"`, 18)
	f(`,"ExclusiveStartKey":{"p":{"S":"a"},"s":{"N":"17"}}`, 12)
}

func TestQueryOfMultiAttributeIndexKeys(t *testing.T) {
	t.Parallel()
	// #215
	h := newHarness(t).create(`{"TableName":"multi","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"a","AttributeType":"S"},{"AttributeName":"b","AttributeType":"N"},
			{"AttributeName":"x","AttributeType":"S"},{"AttributeName":"y","AttributeType":"N"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"}],
		"GlobalSecondaryIndexes":[{"IndexName":"gsi","Projection":{"ProjectionType":"ALL"},"KeySchema":[
			{"AttributeName":"a","KeyType":"HASH"},{"AttributeName":"b","KeyType":"HASH"},{"AttributeName":"x","KeyType":"RANGE"},{"AttributeName":"y","KeyType":"RANGE"}]}]}`)
	for i := range 4 {
		h.put("multi", fmt.Sprintf(`{"p":{"S":"%d"},"a":{"S":"A"},"b":{"N":"1"},"x":{"S":"%s"},"y":{"N":"%d"}}`, i, []string{"k", "l"}[i/2], i))
	}
	h.put("multi", `{"p":{"S":"other"},"a":{"S":"A"},"b":{"N":"2"},"x":{"S":"k"},"y":{"N":"0"}}`, `{"p":{"S":"sparse"},"a":{"S":"A"},"b":{"N":"1"},"x":{"S":"k"}}`)
	f := func(condition, values, want string) {
		t.Helper()
		got := h.items(ddb.Query, fmt.Sprintf(`{"TableName":"multi","IndexName":"gsi","KeyConditionExpression":%q,"ExpressionAttributeValues":{":a":{"S":"A"},":b":{"N":"1"}%s},"ProjectionExpression":"p"}`, condition, values))
		if !sameJSON(t, got, want) {
			t.Errorf("%s\n got %s\nwant %s", condition, got, want)
		}
	}
	f("a = :a AND b = :b", "", `[{"p":{"S":"0"}},{"p":{"S":"1"}},{"p":{"S":"2"}},{"p":{"S":"3"}}]`)
	f("a = :a AND b = :b AND x > :x", `,":x":{"S":"k"}`, `[{"p":{"S":"2"}},{"p":{"S":"3"}}]`)
	f("a = :a AND b = :b AND x = :x AND y >= :y", `,":x":{"S":"k"},":y":{"N":"1"}`, `[{"p":{"S":"1"}}]`)
	h.invalid(ddb.Query, `{"TableName":"multi","IndexName":"gsi","KeyConditionExpression":"a = :a","ExpressionAttributeValues":{":a":{"S":"A"}}}`, "Query condition missed key schema element: b")
	h.ok(ddb.Query, `{"TableName":"multi","IndexName":"gsi","KeyConditionExpression":"a = :a AND b = :b","ExpressionAttributeValues":{":a":{"S":"A"},":b":{"N":"1"}},"Limit":1,"Select":"COUNT"}`,
		`{"Count":1,"ScannedCount":1,"LastEvaluatedKey":{"p":{"S":"0"},"a":{"S":"A"},"b":{"N":"1"},"x":{"S":"k"},"y":{"N":"0"}}}`)
	h.ok(ddb.Query, `{"TableName":"multi","IndexName":"gsi","KeyConditionExpression":"a = :a AND b = :b","ExpressionAttributeValues":{":a":{"S":"A"},":b":{"N":"1"}},"Select":"COUNT",
		"ExclusiveStartKey":{"p":{"S":"0"},"a":{"S":"A"},"b":{"N":"1"},"x":{"S":"k"},"y":{"N":"0"}}}`, `{"Count":3,"ScannedCount":3}`)
}

func TestKeyAttributesMayHaveOddNames(t *testing.T) {
	t.Parallel()
	// #234
	h := newHarness(t).create(`{"TableName":"odd","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":":attrs","AttributeType":"S"},{"AttributeName":"a.b","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":":attrs","KeyType":"HASH"},{"AttributeName":"a.b","KeyType":"RANGE"}]}`)
	item := `{":attrs":{"S":"x"},"a.b":{"S":"y"},"attrs":{"M":{}}}`
	h.put("odd", item)
	h.ok(ddb.GetItem, `{"TableName":"odd","Key":{":attrs":{"S":"x"},"a.b":{"S":"y"}}}`, `{"Item":`+item+`}`)
	h.ok(ddb.Query, `{"TableName":"odd","KeyConditionExpression":"#p = :p","ExpressionAttributeNames":{"#p":":attrs"},"ExpressionAttributeValues":{":p":{"S":"x"}}}`, `{"Items":[`+item+`],"Count":1,"ScannedCount":1}`)
}
