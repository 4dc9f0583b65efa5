package engine

import (
	"testing"

	"millrace/ddb"
)

func TestLegacyParametersOfWrites(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	const failed = "The conditional request failed"
	// #140
	h.ok(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"},"x":{"N":"1"}},"Expected":{"p":{"Exists":false}}}`, `{}`)
	h.fails(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"Expected":{"p":{"Exists":false}}}`, "ConditionalCheckFailedException", failed)
	h.fails(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"Expected":{"x":{"Value":{"N":"2"}}}}`, "ConditionalCheckFailedException", failed)
	// #143: AND unless OR is asked for.
	two := `"Expected":{"x":{"ComparisonOperator":"GT","AttributeValueList":[{"N":"0"}]},"y":{"ComparisonOperator":"NOT_NULL"}}`
	h.fails(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},`+two+`}`, "ConditionalCheckFailedException", failed)
	h.ok(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},`+two+`,"ConditionalOperator":"OR","ReturnValues":"ALL_OLD"}`, `{"Attributes":{"p":{"S":"a"},"x":{"N":"1"}}}`)
	h.invalid(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"ConditionalOperator":"OR"}`, "ConditionalOperator cannot be used without Filter or Expected")
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"Expected":{},"ConditionalOperator":"OR"}`, "ConditionalOperator cannot be used without Filter or Expected")
	h.invalid(ddb.DeleteItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"Expected":{"x":{"Value":{"N":"1"},"AttributeValueList":[]}}}`,
		"One or more parameter values were invalid: Value and AttributeValueList cannot be used together for Attribute: x")
	// #141
	h.invalid(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}},"Expected":{"x":{"ComparisonOperator":"NULL","AttributeValueList":[{"S":"a"}]}}}`,
		"One or more parameter values were invalid: Invalid number of argument(s) for the NULL ComparisonOperator")
	// #138
	update := func(updates, want string) {
		t.Helper()
		h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"u"}},"AttributeUpdates":`+updates+`,"ReturnValues":"ALL_NEW"}`, want)
	}
	update(`{"a":{"Value":{"N":"1"}},"l":{"Action":"ADD","Value":{"L":[{"S":"x"}]}},"s":{"Action":"ADD","Value":{"SS":["a","b"]}}}`,
		`{"Attributes":{"p":{"S":"u"},"a":{"N":"1"},"l":{"L":[{"S":"x"}]},"s":{"SS":["a","b"]}}}`)
	update(`{"a":{"Action":"ADD","Value":{"N":"2"}},"l":{"Action":"ADD","Value":{"L":[{"S":"y"}]}},"s":{"Action":"DELETE","Value":{"SS":["a"]}}}`,
		`{"Attributes":{"p":{"S":"u"},"a":{"N":"3"},"l":{"L":[{"S":"x"},{"S":"y"}]},"s":{"SS":["b"]}}}`)
	update(`{"l":{"Action":"DELETE"},"s":{"Action":"DELETE"},"a.b":{"Action":"PUT","Value":{"S":"dot"}}}`, `{"Attributes":{"p":{"S":"u"},"a":{"N":"3"},"a.b":{"S":"dot"}}}`)
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"u"}},"AttributeUpdates":{"a":{"Action":"ADD","Value":{"SS":["x"]}}}}`, "Type mismatch for attribute to update")
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"u"}},"AttributeUpdates":{"a":{"Action":"PUT"}}}`,
		"One or more parameter values were invalid: Only DELETE action is allowed when no attribute value is specified")
	// #139
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"u"}},"AttributeUpdates":{"p":{"Value":{"S":"u"}}}}`,
		"One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key")
	// #137
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"u"}},"AttributeUpdates":{"a":{"Value":{"N":"9"}},"z":{"Action":"DELETE"}},"ReturnValues":"UPDATED_OLD"}`, `{"Attributes":{"a":{"N":"3"}}}`)
	// #135
	h.ok(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"gone"}},"AttributeUpdates":{"a":{"Action":"DELETE"}}}`, `{}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"gone"}}}`, `{}`)
}

func TestLegacyParametersOfReads(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable)
	h.numbered("a", 6)
	one := `{"p":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}}`
	two := `{"p":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]},"s":{"ComparisonOperator":"GT","AttributeValueList":[{"N":"3"}]}}`
	// #144, #120
	h.ok(ddb.Query, `{"TableName":"range","KeyConditions":`+two+`,"AttributesToGet":["s"]}`, `{"Items":[{"s":{"N":"4"}},{"s":{"N":"5"}}],"Count":2,"ScannedCount":2}`)
	h.ok(ddb.GetItem, `{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"1"}},"AttributesToGet":["v","nothing"]}`, `{"Item":{"v":{"S":"odd"}}}`)
	h.ok(ddb.BatchGetItem, `{"RequestItems":{"range":{"Keys":[{"p":{"S":"a"},"s":{"N":"1"}}],"AttributesToGet":["v"]}}}`, `{"Responses":{"range":[{"v":{"S":"odd"}}]},"UnprocessedKeys":{}}`)
	h.invalid(ddb.Query, `{"TableName":"range","KeyConditions":{"p":{"ComparisonOperator":"GT","AttributeValueList":[{"S":"a"}]}}}`, "Query key condition not supported")
	h.invalid(ddb.Query, `{"TableName":"range","KeyConditions":{"s":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"1"}]}}}`, "Query condition missed key schema element: p")
	// #116 in the old words
	odd := `{"v":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"odd"}]}}`
	h.ok(ddb.Query, `{"TableName":"range","KeyConditions":`+two+`,"QueryFilter":`+odd+`,"Select":"COUNT"}`, `{"Count":1,"ScannedCount":2}`)
	h.ok(ddb.Scan, `{"TableName":"range","ScanFilter":`+odd+`,"Select":"COUNT"}`, `{"Count":3,"ScannedCount":6}`)
	// #143
	either := `{"v":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"odd"}]},"s":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"0"}]}}`
	h.ok(ddb.Scan, `{"TableName":"range","ScanFilter":`+either+`,"ConditionalOperator":"OR","Select":"COUNT"}`, `{"Count":4,"ScannedCount":6}`)
	h.invalid(ddb.Scan, `{"TableName":"range","ConditionalOperator":"OR"}`, "ConditionalOperator cannot be used without Filter or Expected")
	// #114
	h.invalid(ddb.Query, `{"TableName":"range","KeyConditions":`+one+`,"QueryFilter":{"s":{"ComparisonOperator":"NOT_NULL"}}}`, "QueryFilter can only contain non-primary key attributes: Primary key attribute: s")
	// #120
	h.invalid(ddb.Scan, `{"TableName":"range","AttributesToGet":["v","v"]}`, "One or more parameter values were invalid: Duplicate value in attribute name: v")
	h.invalid(ddb.Scan, `{"TableName":"range","AttributesToGet":[]}`, "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy constraint: Member must have length greater than or equal to 1")
	h.invalid(ddb.Scan, `{"TableName":"range","AttributesToGet":["v"],"Select":"COUNT"}`, "Cannot specify the AttributesToGet when choosing to get only the Count")
	// #93, #146, #145
	const mixed = "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: "
	h.invalid(ddb.GetItem, `{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"1"}},"AttributesToGet":["v"],"ProjectionExpression":"v"}`, mixed+"{AttributesToGet} Expression parameters: {ProjectionExpression}")
	h.invalid(ddb.Query, `{"TableName":"range","KeyConditions":`+one+`,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`, mixed+"{KeyConditions} Expression parameters: {KeyConditionExpression}")
	h.invalid(ddb.Query, `{"TableName":"range","QueryFilter":`+odd+`,"ConditionalOperator":"AND","AttributesToGet":["v"],"KeyConditionExpression":"p = :p","ProjectionExpression":"v"}`,
		mixed+"{AttributesToGet, QueryFilter, ConditionalOperator} Expression parameters: {ProjectionExpression, KeyConditionExpression}")
	h.invalid(ddb.Scan, `{"TableName":"range","ScanFilter":`+odd+`,"ProjectionExpression":"v"}`, mixed+"{ScanFilter} Expression parameters: {ProjectionExpression}")
	// #146: KeyConditions goes with the other expressions.
	h.ok(ddb.Query, `{"TableName":"range","KeyConditions":`+two+`,"ProjectionExpression":"s","FilterExpression":"v = :o","ExpressionAttributeValues":{":o":{"S":"odd"}}}`,
		`{"Items":[{"s":{"N":"5"}}],"Count":1,"ScannedCount":2}`)
}

func TestExpressionsCannotNameWhatNoAttributeIsCalled(t *testing.T) {
	t.Parallel()
	// #60
	h := newHarness(t).create(hashTable)
	long := chars(65536)
	const want = "One or more parameter values were invalid: Attribute name is too large, must be less than 65536 bytes"
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET #n = :v","ExpressionAttributeNames":{"#n":`+long+`},"ExpressionAttributeValues":{":v":{"N":"1"}}}`, want)
	h.invalid(ddb.UpdateItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"AttributeUpdates":{`+long+`:{"Value":{"N":"1"}}}}`, want)
	h.invalid(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}},"AttributesToGet":[`+long+`]}`, want)
	h.invalid(ddb.Scan, `{"TableName":"hash","FilterExpression":"attribute_exists(#n)","ExpressionAttributeNames":{"#n":`+long+`}}`, want)
}
