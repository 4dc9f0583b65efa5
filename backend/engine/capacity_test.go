package engine

import (
	"fmt"
	"testing"

	"millrace/ddb"
)

// sized is an item of the table hash that weighs n bytes; n is at least 8.
func sized(p string, n int) string {
	return fmt.Sprintf(`{"p":{"S":%q},"d":{"S":%s}}`, p, chars(n-len("p")-len(p)-len("d")))
}

func TestReadsAreChargedByFourKilobytes(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", sized("exact", 4096), sized("over", 4097))
	f := func(rest, want string) {
		t.Helper()
		if got := h.member(ddb.GetItem, `{"TableName":"hash",`+rest+`}`, "ConsumedCapacity"); !sameJSON(t, got, want) {
			t.Errorf("GetItem %s: ConsumedCapacity = %s, want %s", rest, got, want)
		}
	}
	// #154
	f(`"Key":{"p":{"S":"exact"}},"ReturnConsumedCapacity":"TOTAL"`, `{"TableName":"hash","CapacityUnits":0.5}`)
	f(`"Key":{"p":{"S":"exact"}},"ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL"`, `{"TableName":"hash","CapacityUnits":1}`)
	f(`"Key":{"p":{"S":"over"}},"ReturnConsumedCapacity":"TOTAL"`, `{"TableName":"hash","CapacityUnits":1}`)
	f(`"Key":{"p":{"S":"over"}},"ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL"`, `{"TableName":"hash","CapacityUnits":2}`)
	f(`"Key":{"p":{"S":"over"}},"ProjectionExpression":"p","ReturnConsumedCapacity":"TOTAL"`, `{"TableName":"hash","CapacityUnits":1}`)
	// #147
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"none"}},"ReturnConsumedCapacity":"TOTAL"}`, `{"ConsumedCapacity":{"TableName":"hash","CapacityUnits":0.5}}`)
	f(`"Key":{"p":{"S":"none"}},"ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL"`, `{"TableName":"hash","CapacityUnits":1}`)
	// #153
	f(`"Key":{"p":{"S":"none"}},"ReturnConsumedCapacity":"NONE"`, "")
	f(`"Key":{"p":{"S":"none"}}`, "")
	f(`"Key":{"p":{"S":"exact"}},"ReturnConsumedCapacity":"INDEXES"`, `{"TableName":"hash","CapacityUnits":0.5,"Table":{"CapacityUnits":0.5}}`)
	h.invalid(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"ReturnConsumedCapacity":"DUMMY"}`,
		"1 validation error detected: Value 'DUMMY' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]")
	// A table named by its ARN is called so in the answer. (API Reference, ConsumedCapacity: TableName.)
	arn := "arn:aws:dynamodb:us-east-1:000000000000:table/hash"
	if got := h.member(ddb.GetItem, `{"TableName":"`+arn+`","Key":{"p":{"S":"a"}},"ReturnConsumedCapacity":"TOTAL"}`, "ConsumedCapacity"); !sameJSON(t, got, `{"TableName":"`+arn+`","CapacityUnits":0.5}`) {
		t.Errorf("GetItem of %s: ConsumedCapacity = %s", arn, got)
	}
	// #154: a page is summed up and rounded once.
	page := func(op ddb.Operation, rest, want string) {
		t.Helper()
		if got := h.member(op, `{"TableName":"hash"`+rest+`,"ReturnConsumedCapacity":"TOTAL"}`, "ConsumedCapacity"); !sameJSON(t, got, want) {
			t.Errorf("%s %s: ConsumedCapacity = %s, want %s", op, rest, got, want)
		}
	}
	// 8193 bytes are three times 4 KB begun.
	page(ddb.Scan, ``, `{"TableName":"hash","CapacityUnits":1.5}`)
	page(ddb.Scan, `,"ConsistentRead":true`, `{"TableName":"hash","CapacityUnits":3}`)
	page(ddb.Scan, `,"Select":"COUNT"`, `{"TableName":"hash","CapacityUnits":1.5}`)
	page(ddb.Scan, `,"FilterExpression":"attribute_exists(nothing)"`, `{"TableName":"hash","CapacityUnits":1.5}`)
	none := `,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"none"}}`
	page(ddb.Query, none, `{"TableName":"hash","CapacityUnits":0.5}`)
	// #155: by item, one entry for each table.
	h.create(rangeTable)
	got := h.member(ddb.BatchGetItem, `{"RequestItems":{"hash":{"Keys":[{"p":{"S":"exact"}},{"p":{"S":"over"}},{"p":{"S":"none"}}]},"range":{"Keys":[{"p":{"S":"a"},"s":{"N":"1"}}],"ConsistentRead":true}},"ReturnConsumedCapacity":"TOTAL"}`, "ConsumedCapacity")
	if want := `[{"TableName":"hash","CapacityUnits":2},{"TableName":"range","CapacityUnits":1}]`; !sameJSON(t, got, want) {
		t.Errorf("BatchGetItem: ConsumedCapacity = %s, want %s", got, want)
	}
}

func TestWritesAreChargedByOneKilobyte(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	f := func(op ddb.Operation, rest string, units float64) {
		t.Helper()
		got := h.member(op, `{"TableName":"hash",`+rest+`,"ReturnConsumedCapacity":"TOTAL"}`, "ConsumedCapacity")
		if want := fmt.Sprintf(`{"TableName":"hash","CapacityUnits":%g}`, units); !sameJSON(t, got, want) {
			t.Errorf("%s %s: ConsumedCapacity = %s, want %s", op, clip(rest), got, want)
		}
	}
	// #156
	f(ddb.PutItem, `"Item":`+sized("a", 1024), 1)
	f(ddb.PutItem, `"Item":`+sized("a", 1025), 2)
	f(ddb.PutItem, `"Item":`+sized("a", 3000), 3)
	f(ddb.PutItem, `"Item":{"p":{"S":"a"}}`, 3)
	f(ddb.PutItem, `"Item":{"p":{"S":"a"}}`, 1)
	f(ddb.UpdateItem, `"Key":{"p":{"S":"a"}},"UpdateExpression":"SET d = :v","ExpressionAttributeValues":{":v":{"S":`+chars(2048)+`}}`, 3)
	f(ddb.UpdateItem, `"Key":{"p":{"S":"a"}},"UpdateExpression":"SET d = :v","ExpressionAttributeValues":{":v":{"S":"short"}}`, 3)
	f(ddb.UpdateItem, `"Key":{"p":{"S":"none"}},"UpdateExpression":"REMOVE d"`, 1)
	f(ddb.PutItem, `"Item":`+sized("a", 2049), 3)
	f(ddb.DeleteItem, `"Key":{"p":{"S":"a"}}`, 3)
	f(ddb.DeleteItem, `"Key":{"p":{"S":"a"}}`, 1)
	// #155
	h.put("hash", sized("big", 1025))
	got := h.member(ddb.BatchWriteItem, `{"RequestItems":{"hash":[{"PutRequest":{"Item":{"p":{"S":"big"}}}},{"DeleteRequest":{"Key":{"p":{"S":"none"}}}},{"PutRequest":{"Item":`+sized("new", 1025)+`}}]},"ReturnConsumedCapacity":"INDEXES"}`, "ConsumedCapacity")
	if want := `[{"TableName":"hash","CapacityUnits":5,"Table":{"CapacityUnits":5}}]`; !sameJSON(t, got, want) {
		t.Errorf("BatchWriteItem: ConsumedCapacity = %s, want %s", got, want)
	}
}

func TestIndexesAreChargedForWhatTheyWrite(t *testing.T) {
	t.Parallel()
	// #157
	h := newHarness(t).create(indexTable)
	f := func(op ddb.Operation, rest, want string) {
		t.Helper()
		if got := h.member(op, `{"TableName":"index",`+rest+`,"ReturnConsumedCapacity":"INDEXES"}`, "ConsumedCapacity"); !sameJSON(t, got, want) {
			t.Errorf("%s %s\n got %s\nwant %s", op, clip(rest), got, want)
		}
	}
	key := `"Key":{"p":{"S":"a"},"s":{"S":"b"}}`
	// No index has it.
	f(ddb.PutItem, `"Item":{"p":{"S":"a"},"s":{"S":"b"}}`, `{"TableName":"index","CapacityUnits":1,"Table":{"CapacityUnits":1}}`)
	// New entries in two global indexes; all lacks h.
	f(ddb.UpdateItem, key+`,"UpdateExpression":"SET g = :g","ExpressionAttributeValues":{":g":{"S":"x"}}`,
		`{"TableName":"index","CapacityUnits":3,"Table":{"CapacityUnits":1},"GlobalSecondaryIndexes":{"inc":{"CapacityUnits":1},"keys":{"CapacityUnits":1}}}`)
	// An attribute that only inc holds; keys stays as it is and costs nothing.
	f(ddb.UpdateItem, key+`,"UpdateExpression":"SET a = :a","ExpressionAttributeValues":{":a":{"S":`+chars(1024)+`}}`,
		`{"TableName":"index","CapacityUnits":4,"Table":{"CapacityUnits":2},"GlobalSecondaryIndexes":{"inc":{"CapacityUnits":2}}}`)
	// A moved entry is a delete and a put.
	f(ddb.UpdateItem, key+`,"UpdateExpression":"SET g = :g","ExpressionAttributeValues":{":g":{"S":"y"}}`,
		`{"TableName":"index","CapacityUnits":8,"Table":{"CapacityUnits":2},"GlobalSecondaryIndexes":{"inc":{"CapacityUnits":4},"keys":{"CapacityUnits":2}}}`)
	// What no index holds.
	f(ddb.UpdateItem, key+`,"UpdateExpression":"SET z = :z","ExpressionAttributeValues":{":z":{"S":"y"}}`, `{"TableName":"index","CapacityUnits":2,"Table":{"CapacityUnits":2}}`)
	// Local indexes have their own part.
	f(ddb.UpdateItem, key+`,"UpdateExpression":"SET l = :l REMOVE a, z, g","ExpressionAttributeValues":{":l":{"S":"y"}}`,
		`{"TableName":"index","CapacityUnits":8,"Table":{"CapacityUnits":2},"GlobalSecondaryIndexes":{"inc":{"CapacityUnits":2},"keys":{"CapacityUnits":1}},
			"LocalSecondaryIndexes":{"lall":{"CapacityUnits":1},"linc":{"CapacityUnits":1},"lkeys":{"CapacityUnits":1}}}`)
	f(ddb.DeleteItem, key, `{"TableName":"index","CapacityUnits":4,"Table":{"CapacityUnits":1},
		"LocalSecondaryIndexes":{"lall":{"CapacityUnits":1},"linc":{"CapacityUnits":1},"lkeys":{"CapacityUnits":1}}}`)
	if got := h.member(ddb.PutItem, `{"TableName":"index","Item":{"p":{"S":"a"},"s":{"S":"b"},"l":{"S":"x"}},"ReturnConsumedCapacity":"TOTAL"}`, "ConsumedCapacity"); !sameJSON(t, got, `{"TableName":"index","CapacityUnits":4}`) {
		t.Errorf("TOTAL sums up the indexes: got %s", got)
	}
}

func TestIndexReadsAreChargedToTheIndex(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	for i := range 3 {
		h.put("index", fmt.Sprintf(`{"p":{"S":"p"},"s":{"S":"%d"},"g":{"S":"G"},"l":{"S":"L"},"z":{"S":%s}}`, i, chars(5000)))
	}
	f := func(rest, want string) {
		t.Helper()
		if got := h.member(ddb.Query, `{"TableName":"index",`+rest+`,"ReturnConsumedCapacity":"INDEXES"}`, "ConsumedCapacity"); !sameJSON(t, got, want) {
			t.Errorf("%s\n got %s\nwant %s", rest, got, want)
		}
	}
	// #158
	f(`"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}}`, `{"TableName":"index","CapacityUnits":2,"Table":{"CapacityUnits":2}}`)
	f(`"IndexName":"keys","KeyConditionExpression":"g = :p","ExpressionAttributeValues":{":p":{"S":"G"}}`,
		`{"TableName":"index","CapacityUnits":0.5,"Table":{"CapacityUnits":0},"GlobalSecondaryIndexes":{"keys":{"CapacityUnits":0.5}}}`)
	f(`"IndexName":"lall","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"ConsistentRead":true`,
		`{"TableName":"index","CapacityUnits":4,"Table":{"CapacityUnits":0},"LocalSecondaryIndexes":{"lall":{"CapacityUnits":4}}}`)
	// Fetches from the table are charged item by item, beside the entries. (Developer Guide, "Local secondary indexes".)
	f(`"IndexName":"lkeys","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"Select":"ALL_ATTRIBUTES"`,
		`{"TableName":"index","CapacityUnits":3.5,"Table":{"CapacityUnits":3},"LocalSecondaryIndexes":{"lkeys":{"CapacityUnits":0.5}}}`)
}

func TestReadCostIsKnownToCaches(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	h.put("index", fmt.Sprintf(`{"p":{"S":"p"},"s":{"S":"s"},"l":{"S":"L"},"z":{"S":%s}}`, chars(9000)))
	cost := func(body string) ddb.ReadCost {
		t.Helper()
		resp, err := h.e.Do(t.Context(), ddb.NewRequest(ddb.Query, []byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := ddb.OutputAs[ddb.QueryOutput](resp)
		if err != nil || out.Cost == nil {
			t.Fatalf("%s: cost %v, error %v", body, out.Cost, err)
		}
		return *out.Cost
	}
	// In half units, read eventually consistently, whatever the request says.
	const condition = `"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"ConsistentRead":true`
	if got, want := cost(`{"TableName":"index",`+condition+`}`), (ddb.ReadCost{Table: 3}); got != want {
		t.Errorf("query of the table: cost %+v, want %+v", got, want)
	}
	if got, want := cost(`{"TableName":"index","IndexName":"lkeys",`+condition+`,"ProjectionExpression":"z"}`), (ddb.ReadCost{Table: 3, Index: 1}); got != want {
		t.Errorf("query of an index with fetches: cost %+v, want %+v", got, want)
	}
	// None of it is on the wire.
	if got := h.member(ddb.Query, `{"TableName":"index",`+condition+`}`, "Cost"); got != "" {
		t.Errorf("the answer has a member Cost: %s", got)
	}
}

func TestItemCollectionMetrics(t *testing.T) {
	t.Parallel()
	// #76
	h := newHarness(t).create(indexTable, hashTable)
	const want = `{"ItemCollectionKey":{"p":{"S":"a"}},"SizeEstimateRangeGB":[0,1]}`
	f := func(op ddb.Operation, body, want string) {
		t.Helper()
		if got := h.member(op, body, "ItemCollectionMetrics"); !sameJSON(t, got, want) {
			t.Errorf("%s %s: ItemCollectionMetrics = %s, want %s", op, body, got, want)
		}
	}
	f(ddb.PutItem, `{"TableName":"index","Item":{"p":{"S":"a"},"s":{"S":"b"}},"ReturnItemCollectionMetrics":"SIZE"}`, want)
	f(ddb.UpdateItem, `{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"b"}},"ReturnItemCollectionMetrics":"SIZE"}`, want)
	f(ddb.DeleteItem, `{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"b"}},"ReturnItemCollectionMetrics":"SIZE"}`, want)
	f(ddb.BatchWriteItem, `{"RequestItems":{"index":[{"PutRequest":{"Item":{"p":{"S":"a"},"s":{"S":"b"}}}}],"hash":[{"PutRequest":{"Item":{"p":{"S":"a"}}}}]},"ReturnItemCollectionMetrics":"SIZE"}`, `{"index":[`+want+`]}`)
	f(ddb.PutItem, `{"TableName":"index","Item":{"p":{"S":"a"},"s":{"S":"b"}},"ReturnItemCollectionMetrics":"NONE"}`, "")
	// Without a local index items are in no collection.
	f(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"ReturnItemCollectionMetrics":"SIZE"}`, "")
}
