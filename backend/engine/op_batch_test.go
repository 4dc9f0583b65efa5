package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"millrace/ddb"
)

// repeat joins n elements that make makes, with commas.
func repeat(n int, element func(i int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = element(i)
	}
	return strings.Join(parts, ",")
}

func TestBatchWriteThenBatchGet(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, rangeTable)
	h.put("hash", `{"p":{"S":"old"}}`)
	// #184: UnprocessedItems is always there. #181: one key in two tables is fine.
	h.ok(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"PutRequest":{"Item":{"p":{"S":"a"},"x":{"N":"1"}}}},{"DeleteRequest":{"Key":{"p":{"S":"old"}}}},{"DeleteRequest":{"Key":{"p":{"S":"none"}}}}],
		"range":[{"PutRequest":{"Item":{"p":{"S":"a"},"s":{"N":"1"},"x":{"N":"2"},"y":{"N":"3"}}}}]}}`, `{"UnprocessedItems":{}}`)
	// #184: every table has its list, missing items are left out. #121: options are by table.
	h.ok(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[{"p":{"S":"old"}}],"ConsistentRead":true},"range":{"Keys":[{"p":{"S":"a"},"s":{"N":"1"}}],"ProjectionExpression":"#x","ExpressionAttributeNames":{"#x":"x"}}}}`,
		`{"Responses":{"hash":[],"range":[{"x":{"N":"2"}}]},"UnprocessedKeys":{}}`)
	h.ok(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[{"p":{"S":"a"}},{"p":{"S":"none"}}]}}}`, `{"Responses":{"hash":[{"p":{"S":"a"},"x":{"N":"1"}}]},"UnprocessedKeys":{}}`)
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, rangeTable)
	// #178
	h.invalid(ddb.BatchGetItem, `{"RequestItems":{}}`, "The requestItems parameter is required for BatchGetItem")
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{}}`, "The requestItems parameter is required for BatchWriteItem")
	h.invalid(ddb.BatchGetItem, `{}`, "1 validation error detected: Value null at 'requestItems' failed to satisfy constraint: Member must not be null")
	key := func(i int) string { return fmt.Sprintf(`{"p":{"S":"%d"}}`, i) }
	rangeKey := func(i int) string { return fmt.Sprintf(`{"p":{"S":"%d"},"s":{"N":"1"}}`, i) }
	// #179
	h.answer(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[`+repeat(100, key)+`]}}}`)
	h.invalid(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[`+repeat(101, key)+`]}}}`,
		"1 validation error detected: Value at 'RequestItems.hash.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100")
	h.invalid(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[`+repeat(60, key)+`]},"range":{"Keys":[`+repeat(60, rangeKey)+`]}}}`, "Too many items requested for the BatchGetItem call")
	// #180
	put := func(i int) string { return `{"PutRequest":{"Item":` + key(i) + `}}` }
	putRange := func(i int) string { return `{"PutRequest":{"Item":` + rangeKey(i) + `}}` }
	h.ok(ddb.BatchWriteItem, `{"RequestItems":{"hash":[`+repeat(25, put)+`]}}`, `{"UnprocessedItems":{}}`)
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[`+repeat(20, put)+`],"range":[`+repeat(20, putRange)+`]}}`, "Too many items requested for the BatchWriteItem call")
	for _, n := range []int{0, 26} {
		_, bad := h.do(ddb.BatchWriteItem, `{"RequestItems":{"hash":[`+repeat(n, put)+`]}}`)
		const tail = "' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"
		if bad == nil || !strings.HasPrefix(bad.Message, "1 validation error detected: Value '{hash=[") || !strings.HasSuffix(bad.Message, tail) {
			t.Errorf("BatchWriteItem of %d: %v", n, bad)
		}
	}
	// #181
	const duplicates = "Provided list of item keys contains duplicates"
	h.invalid(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[`+key(1)+`,`+key(2)+`,`+key(1)+`]}}}`, duplicates)
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[`+put(1)+`,{"DeleteRequest":{"Key":`+key(1)+`}}]}}`, duplicates)
	// #69
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"range":[{"DeleteRequest":{"Key":{"p":{"S":"a"},"s":{"N":"10"}}}},{"DeleteRequest":{"Key":{"p":{"S":"a"},"s":{"N":"1e1"}}}}]}}`, duplicates)
	// #48: one table under two names is one table.
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[`+put(1)+`],"arn:aws:dynamodb:us-east-1:000000000000:table/hash":[`+put(1)+`]}}`, duplicates)
	// #183
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"PutRequest":{"Item":`+key(1)+`},"DeleteRequest":{"Key":`+key(1)+`}}]}}`,
		"Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{}]}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	// #264: values before duplicates, keys before duplicates.
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[`+put(1)+`,`+put(1)+`,{"PutRequest":{"Item":{"p":{"S":"a"},"x":{}}}}]}}`,
		"Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"DeleteRequest":{"Key":{"q":{"S":"a"}}}},`+put(1)+`,`+put(1)+`]}}`, "The provided key element does not match the schema")
	// A put's key too: missing, or of another kind.
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"PutRequest":{"Item":{"q":{"S":"a"}}}}]}}`, "The provided key element does not match the schema")
	h.invalid(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"PutRequest":{"Item":{"p":{"N":"1"}}}}]}}`, "The provided key element does not match the schema")
}

func TestRefusedBatchWritesNothing(t *testing.T) {
	t.Parallel()
	// #182
	h := newHarness(t).create(hashTable, indexTable)
	good := `{"PutRequest":{"Item":{"p":{"S":"good"}}}}`
	for _, bad := range []string{
		`"hash":[` + good + `,{"PutRequest":{"Item":{"q":{"S":"a"}}}}]`,
		`"hash":[` + good + `,{"PutRequest":{"Item":{"p":{"N":"1"}}}}]`,
		`"hash":[` + good + `,{"PutRequest":{"Item":{"p":{"S":""}}}}]`,
		`"hash":[` + good + `],"index":[{"PutRequest":{"Item":{"p":{"S":"a"},"s":{"S":"b"},"g":{"N":"1"}}}}]`,
		`"hash":[` + good + `],"index":[{"PutRequest":{"Item":{"p":{"S":"a"},"s":{"S":"b"},"g":{"S":""}}}}]`,
		`"hash":[` + good + `],"none":[{"DeleteRequest":{"Key":{"p":{"S":"a"}}}}]`,
	} {
		if out, e := h.do(ddb.BatchWriteItem, `{"RequestItems":{`+bad+`}}`); e == nil {
			t.Errorf("%s: answer %s, want a refusal", bad, out)
		}
	}
	h.ok(ddb.Scan, `{"TableName":"hash"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
}

func TestBatchGetAnswersSixteenMegabytes(t *testing.T) {
	t.Parallel()
	// #185, #186
	h := newHarness(t).create(hashTable)
	const n, size = 100, 300 << 10
	for i := 0; i < n; i += 25 {
		h.ok(ddb.BatchWriteItem, `{"RequestItems":{"hash":[`+repeat(25, func(j int) string {
			return fmt.Sprintf(`{"PutRequest":{"Item":{"p":{"S":"%d"},"d":{"S":%s}}}}`, i+j, chars(size))
		})+`]}}`, `{"UnprocessedItems":{}}`)
	}
	request := `{"hash":{"Keys":[` + repeat(n, func(i int) string { return fmt.Sprintf(`{"p":{"S":"%d"}}`, i) }) +
		`],"ConsistentRead":true,"ProjectionExpression":"#p","ExpressionAttributeNames":{"#p":"p"}}}`
	var got []string
	for range 5 {
		var out struct {
			Responses       map[string][]map[string]map[string]string
			UnprocessedKeys json.RawMessage
		}
		if err := json.Unmarshal([]byte(h.answer(ddb.BatchGetItem, `{"RequestItems":`+request+`}`)), &out); err != nil {
			t.Fatal(err)
		}
		// 54 items of 300 KB and a few bytes are the most below 16 MB.
		if k := len(out.Responses["hash"]); k == 0 || k > 54 {
			t.Errorf("one answer has %d items, want 1 to 54", k)
		}
		for _, it := range out.Responses["hash"] {
			if len(it) != 1 {
				t.Errorf("item has %d attributes: the projection was lost", len(it))
			}
			got = append(got, it["p"]["S"])
		}
		request = string(out.UnprocessedKeys)
		if request == "{}" {
			break
		}
		// The options come with the keys.
		for _, option := range []string{`"ConsistentRead":true`, `"ProjectionExpression":"#p"`, `"ExpressionAttributeNames":{"#p":"p"}`} {
			if !strings.Contains(request, option) {
				t.Errorf("UnprocessedKeys lacks %s: %s", option, clip(request))
			}
		}
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != n {
		t.Errorf("%d items over all answers, want %d", len(got), n)
	}
}
