package ddb

import (
	"testing"
)

func TestOutputsAreWrittenAsDynamoDBDoes(t *testing.T) {
	t.Parallel()
	f := func(v any, want string) {
		t.Helper()
		if got := string(AppendShape(nil, v)); got != want {
			t.Errorf("%T writes as\n     %s\nwant %s", v, got, want)
		}
	}
	item := Item{{"a", StringValue("x")}}
	half := 0.5
	// #147, #118: an absent item, and a present one with nothing to show.
	f(&GetItemOutput{}, `{}`)
	f(&GetItemOutput{Item: Item{}}, `{"Item":{}}`)
	f(&GetItemOutput{Item: item, ConsumedCapacity: &ConsumedCapacity{TableName: "t", CapacityUnits: 0.5}},
		`{"Item":{"a":{"S":"x"}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":0.5}}`)
	f(&GetItemOutput{ConsumedCapacity: &ConsumedCapacity{TableName: "t", CapacityUnits: 2, ReadCapacityUnits: &half, Table: &Capacity{},
		GlobalSecondaryIndexes: map[string]Capacity{"z": {CapacityUnits: 1}, "a": {CapacityUnits: 1.5}}}},
		`{"ConsumedCapacity":{"TableName":"t","CapacityUnits":2.0,"ReadCapacityUnits":0.5,"Table":{"CapacityUnits":0.0},"GlobalSecondaryIndexes":{"a":{"CapacityUnits":1.5},"z":{"CapacityUnits":1.0}}}}`)
	// #166, #171: Items is left out for COUNT and else there, the counts always; the cost never.
	f(&QueryOutput{}, `{"Count":0,"ScannedCount":0}`)
	f(&QueryOutput{Items: []Item{}, Cost: &ReadCost{Table: 1}}, `{"Items":[],"Count":0,"ScannedCount":0}`)
	f(&QueryOutput{Items: []Item{item, {}}, Count: 2, ScannedCount: 3, LastEvaluatedKey: item},
		`{"Items":[{"a":{"S":"x"}},{}],"Count":2,"ScannedCount":3,"LastEvaluatedKey":{"a":{"S":"x"}}}`)
	// #184: both always there.
	f(&BatchGetItemOutput{}, `{"Responses":{},"UnprocessedKeys":{}}`)
	f(&BatchGetItemOutput{Responses: map[string][]Item{"t": {}}, UnprocessedKeys: map[string]KeysAndAttributes{"t": {Keys: []Item{item}}}},
		`{"Responses":{"t":[]},"UnprocessedKeys":{"t":{"Keys":[{"a":{"S":"x"}}]}}}`)
	f(&BatchWriteItemOutput{UnprocessedItems: map[string][]WriteRequest{"t": {{PutRequest: &PutRequest{Item: item}}}}},
		`{"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"a":{"S":"x"}}}}]}}`)
	// #217: seconds with milliseconds; zeros of throughput are told.
	f(&DescribeTableOutput{Table: &TableDescription{TableName: "t", TableStatus: "ACTIVE", CreationDateTime: 1421866952.0625,
		KeySchema: KeySchema{{"a", "HASH"}}, ProvisionedThroughput: &ProvisionedThroughputDescription{}}},
		`{"Table":{"TableName":"t","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}],"TableStatus":"ACTIVE","CreationDateTime":1421866952.063,`+
			`"ProvisionedThroughput":{"NumberOfDecreasesToday":0,"ReadCapacityUnits":0,"WriteCapacityUnits":0},"TableSizeBytes":0,"ItemCount":0,"DeletionProtectionEnabled":false}}`)
	f(&ListTablesOutput{}, `{"TableNames":[]}`)
	f(&UpdateTimeToLiveOutput{&TimeToLiveSpecification{Enabled: false, AttributeName: "ttl"}}, `{"TimeToLiveSpecification":{"Enabled":false,"AttributeName":"ttl"}}`)
	// #243, #247: stream records have their own spelling.
	f(&GetRecordsOutput{Records: []Record{{EventID: "1", EventName: "REMOVE", AWSRegion: "us-east-1", DynamoDB: &StreamRecord{Keys: item, SizeBytes: 2},
		UserIdentity: &Identity{PrincipalID: "dynamodb.amazonaws.com", Type: "Service"}}}},
		`{"Records":[{"eventID":"1","eventName":"REMOVE","awsRegion":"us-east-1","dynamodb":{"Keys":{"a":{"S":"x"}},"SizeBytes":2},"userIdentity":{"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"}}]}`)
	f(&TransactGetItemsOutput{Responses: []ItemResponse{{Item: item}, {}}}, `{"Responses":[{"Item":{"a":{"S":"x"}}},{}]}`)
	// Requests, for a backend that wants JSON.
	f(&GetItemInput{TableName: "t", Key: item, ExpressionAttributeNames: Names{"#b": "2", "#a": "1"}},
		`{"TableName":"t","Key":{"a":{"S":"x"}},"ExpressionAttributeNames":{"#a":"1","#b":"2"}}`)
	f(&PutItemInput{TableName: "t", Item: Item{}, ExpressionAttributeValues: Values{":v": NullValue(), ":a": BinaryValue("\xFF")}},
		`{"TableName":"t","Item":{},"ExpressionAttributeValues":{":a":{"B":"/w=="},":v":{"NULL":true}}}`)
}

func TestRequestAndResponseMakeTheOtherFormOnce(t *testing.T) {
	t.Parallel()
	req := NewTypedRequest(&DescribeTableInput{TableName: "t"})
	body, err := req.JSON()
	if err != nil || string(body) != `{"TableName":"t"}` || req.Name != "DescribeTable" {
		t.Errorf("JSON of %s = %s, %v", req.Name, body, err)
	}
	req = NewRequest(GetItem, []byte(`{"TableName":"t"}`))
	_, first := InputAs[GetItemInput](req)
	_, second := InputAs[GetItemInput](req)
	if first == nil || first != second {
		t.Errorf("InputAs fails with %v, then %v", first, second)
	}
	out, err := OutputAs[GetItemOutput](NewResponse([]byte(`{"Item":{"a":{"N":"1"}},"New":{}}`)))
	if err != nil || string(AppendItemJSON(nil, out.Item)) != `{"a":{"N":"1"}}` {
		t.Errorf("OutputAs = %v, %v", out, err)
	}
}
