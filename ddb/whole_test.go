package ddb

import "testing"

// TestWholeOutputs: what an answer says beyond its output is noticed, and what it does not say otherwise is taken.
func TestWholeOutputs(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`: true,
		`{"Item":{"a":{"S":"x"},"b":{"M":{"c":{"L":[{"NULL":true},{"N":"1.50"}]}}},"d":{"SS":["y","x"]}}}`: true,
		`{"Item":{"a":{"S":"😀"}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":1,"Future":2}}`:       true,
		`{"Item":{"a":{"S":"\ud83d\ude00"}}}`:              true,
		`{"Item":{"a":{"S":"\ud83d"}}}`:                    false,
		`{"Item":{"a":{"B":"AA"}}}`:                        false,
		`{"Item":{"a":{"NEWTYPE":"z"}}}`:                   false,
		`{"Item":{"a":{"S":"x","NEWTYPE":"z"}}}`:           false,
		`{"Item":{"a":{"M":{"x":{"NEWTYPE":{"y":1}}}}}}`:   false,
		`{"Item":{"a":{"L":[{"FUT":"x"},{"S":"kept"}]}}}`:  false,
		`{"Item":{"a":{"L":[null]}}}`:                      false,
		`{"Item":{"a":null}}`:                              false,
		`{"Item":{"a":{}}}`:                                false,
		`{"Item":{"a":{"N":"1e300"}}}`:                     false,
		`{"Item":{"a":{"SS":[]}}}`:                         false,
		`{"Item":{"a":{"NULL":false}}}`:                    false,
		`{"Item":{"a":{"BOOL":"true"}}}`:                   false,
		`{"Item":{"a":{"S":"x"},"a":{"S":"y"}}}`:           false,
		`{"Item":{"a":{"S":"x","N":"1"}}}`:                 false,
		`{"Item":{"a":{"S":"x","S":"y"}}}`:                 false,
		`{"Item":{"a":{"S":"x"}},"Extra":1}`:               false,
		`{"Item":null}`:                                    false,
		`{"Item":{"a":{"S":"x"}},"ConsumedCapacity":null}`: true,
		`{"message":"try later"}`:                          false,
		``:                                                 false,
		`{`:                                                false,
		`<html>`:                                           false,
	} {
		if _, ok := WholeOutputAs[GetItemOutput](NewResponse([]byte(body))); ok != want {
			t.Errorf("GetItem's %s: whole %v", body, ok)
		}
	}
	for body, want := range map[string]bool{
		`{"Count":0,"ScannedCount":0}`:                           true,
		`{"Items":[{"a":{"S":"x"}}],"Count":1,"ScannedCount":1}`: true,
		`{"Items":[],"Count":1.5,"ScannedCount":1}`:              false,
		`{"Items":[{"a":{"FUT":1}}],"Count":1,"ScannedCount":1}`: false,
		`{"Items":[{"a":{"S":"x"}}],"Count":1}`:                  false,
		`{"Items":[],"Count":0,"ScannedCount":0,"Extra":[]}`:     false,
		`{}`: false,
	} {
		if _, ok := WholeOutputAs[QueryOutput](NewResponse([]byte(body))); ok != want {
			t.Errorf("Query's %s: whole %v", body, ok)
		}
	}
	for body, want := range map[string]bool{
		`{"Responses":{"t":[{"a":{"S":"x"}}]},"UnprocessedKeys":{}}`:   true,
		`{"Responses":{"t":[{"a":{"FUT":"x"}}]},"UnprocessedKeys":{}}`: false,
		`{"Responses":{"t":[],"t":[]},"UnprocessedKeys":{}}`:           false,
		`{"message":"try later"}`:                                      false,
	} {
		if _, ok := WholeOutputAs[BatchGetItemOutput](NewResponse([]byte(body))); ok != want {
			t.Errorf("BatchGetItem's %s: whole %v", body, ok)
		}
	}
}

// TestNullTellsOfNoAbsence: where a member's absence tells that there is no item, null does not.
func TestNullTellsOfNoAbsence(t *testing.T) {
	const null = `{"Attributes":null}`
	if _, ok := WholeOutputAs[PutItemOutput](NewResponse([]byte(null))); ok {
		t.Errorf("PutItem's %s: whole", null)
	}
	if _, ok := WholeOutputAs[UpdateItemOutput](NewResponse([]byte(null))); ok {
		t.Errorf("UpdateItem's %s: whole", null)
	}
	if _, ok := WholeOutputAs[DeleteItemOutput](NewResponse([]byte(null))); ok {
		t.Errorf("DeleteItem's %s: whole", null)
	}
	for body, want := range map[string]bool{`{"Responses":[{"Item":null}]}`: false, `{"Responses":[{}]}`: true} {
		if _, ok := WholeOutputAs[TransactGetItemsOutput](NewResponse([]byte(body))); ok != want {
			t.Errorf("TransactGetItems' %s: whole %v", body, ok)
		}
	}
}

// TestPartialRequests: a request that says more than its input is known for it.
func TestPartialRequests(t *testing.T) {
	for body, want := range map[string]bool{
		`{"TableName":"ttt","Item":{"a":{"S":"x"}}}`:                 false,
		`{"TableName":"ttt","Item":{"a":{"S":"x"},"b":{"FUT":"x"}}}`: true,
		`{"TableName":"ttt","Item":{"a":{"S":"x"}},"Mode":"MERGE"}`:  true,
	} {
		req := NewRequest(PutItem, []byte(body))
		if _, err := InputAs[PutItemInput](req); err != nil || req.Partial() != want {
			t.Errorf("%s: partial %v, error %v", body, req.Partial(), err)
		}
	}
	for body, want := range map[string]bool{
		`{"TableName":"ttt","ConsistentRead":null}`:                                              false,
		`{"TableName":"ttt","ExpressionAttributeNames":{"#a":"x","#b":"x"}}`:                     false,
		`{"TableName":"ttt","ExpressionAttributeNames":{"#a":"y","#a":"x"}}`:                     true,
		`{"TableName":"ttt","ExpressionAttributeValues":{":a":{"S":"x"},":b":{"S":"x"}}}`:        false,
		`{"TableName":"ttt","ExpressionAttributeValues":{":a":{"S":"y"},":\u0061":{"S":"x"}}}`:   true,
		`{"TableName":"ttt","TableName":"ttt"}`:                                                  true,
		`{"TableName":null,"TableName":"ttt"}`:                                                   true,
		`{"TableName":"ttt","ConsistentRead":null,"ConsistentRead":null}`:                        true,
		`{"TableName":"ttt","FutureOption":null}`:                                                true,
		`{"TableName":"ttt","ExclusiveStartKey":{"a":{"S":"x"},"a":{"S":"x"}},"Select":"COUNT"}`: true,
	} {
		req := NewRequest(Query, []byte(body))
		if _, err := InputAs[QueryInput](req); err != nil || req.Partial() != want {
			t.Errorf("%s: partial %v, error %v", body, req.Partial(), err)
		}
	}
}

// TestRepeatedRequests: a request that says something twice is known for it, and one that says what nobody knows is none.
func TestRepeatedRequests(t *testing.T) {
	for body, want := range map[string]bool{
		`{"TableName":"ttt","Item":{"a":{"S":"x"}}}`:                                                false,
		`{"TableName":"ttt","Item":{"a":{"S":"x"}},"Mode":"MERGE","Mode":"MERGE"}`:                  false,
		`{"TableName":"ttt","Item":{"a":{"S":"x"},"b":{"M":{"c":{"S":"x"},"d":{"S":"x"}}}}}`:        false,
		`{"TableName":"ttt","TableName":"uuu","Item":{"a":{"S":"x"}}}`:                              true,
		`{"TableName":null,"TableName":"uuu","Item":{"a":{"S":"x"}}}`:                               true,
		`{"TableName":"ttt","Item":{"a":{"S":"y"}},"Item":{"a":{"S":"x"}}}`:                         true,
		`{"TableName":"ttt","Item":{"a":{"S":"y"},"a":{"S":"x"}}}`:                                  true,
		`{"TableName":"ttt","Item":{"a":{"S":"y","S":"x"}}}`:                                        true,
		`{"TableName":"ttt","Item":{"a":{"S":"y"}},"ExpressionAttributeNames":{"#a":"a","#a":"b"}}`: true,
	} {
		req := NewRequest(PutItem, []byte(body))
		if _, err := InputAs[PutItemInput](req); err != nil || req.Repeated() != want || want && !req.Partial() {
			t.Errorf("%s: repeated %v, partial %v, error %v", body, req.Repeated(), req.Partial(), err)
		}
	}
}

// TestWriteAnswers: only what can be DynamoDB's own answer tells that something was written.
func TestWriteAnswers(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`: true,
		`{"Attributes":{"a":{"S":"\ud83d"}},"ConsumedCapacity":{"x":"\udc00"}}`: true,
		"{\"Attributes\":{\"a\":{\"S\":\"\xff\"}}}":                             true,
		` { } `:                   true,
		``:                        false,
		`{`:                       false,
		`<html>login</html>`:      false,
		`{"message":"try later"}`: false,
		`{"Attributes":{"a":{}`:   false,
		`{} {}`:                   false,
	} {
		if got := IsWriteAnswer(UpdateItem, NewResponse([]byte(body))); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	if !IsWriteAnswer(TagResource, NewResponse([]byte{})) {
		t.Error("TagResource has an empty answer")
	}
}

// TestCutBesideWhatCannotBeRead: a member is cut out whatever the strings hold.
func TestCutBesideWhatCannotBeRead(t *testing.T) {
	got, ok := CutMember([]byte(`{"Attributes":{"a":{"S":"\ud83d"}},"ConsumedCapacity":{"TableName":"t"}}`), "Attributes")
	if want := `{"ConsumedCapacity":{"TableName":"t"}}`; !ok || string(got) != want {
		t.Errorf("%s, %v; want %s", got, ok, want)
	}
}
