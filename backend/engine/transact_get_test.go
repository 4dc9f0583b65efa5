package engine

import (
	"testing"

	"millrace/ddb"
)

func TestTransactGetAnswersByPosition(t *testing.T) {
	t.Parallel()
	// #197
	h := newHarness(t).create(hashTable, rangeTable)
	h.put("hash", `{"p":{"S":"a"},"v":{"N":"1"},"w":{"M":{"x":{"S":"y"},"z":{"S":"z"}}}}`, `{"p":{"S":"b"},"v":{"N":"2"}}`)
	h.put("range", `{"p":{"S":"a"},"s":{"N":"1"},"t":{"S":"t"}}`)
	h.ok(ddb.TransactGetItems, transactBody(
		`{"Get":{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"1"}}}}`,
		`{"Get":{"TableName":"hash","Key":{"p":{"S":"none"}}}}`,
		`{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"#w.x","ExpressionAttributeNames":{"#w":"w"}}}`,
		`{"Get":{"TableName":"hash","Key":{"p":{"S":"b"}},"ProjectionExpression":"v, #w","ExpressionAttributeNames":{"#w":"p"}}}`,
	), `{"Responses":[{"Item":{"p":{"S":"a"},"s":{"N":"1"},"t":{"S":"t"}}},{},{"Item":{"w":{"M":{"x":{"S":"y"}}}}},{"Item":{"p":{"S":"b"},"v":{"N":"2"}}}]}`)
	// Nothing of the item is projected.
	h.ok(ddb.TransactGetItems, transactBody(`{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"unset"}}`), `{"Responses":[{}]}`)
	// #121, #194: expressions are told of the request as a whole, each with the names of its own Get.
	h.invalid(ddb.TransactGetItems, transactBody(`{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"!!!"}}`),
		`Invalid ProjectionExpression: Syntax error; token: "!", near: "!!"`)
	h.invalid(ddb.TransactGetItems, transactBody(
		`{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"#w","ExpressionAttributeNames":{"#w":"w"}}}`,
		`{"Get":{"TableName":"nowhere","Key":{"p":{"S":"b"}},"ProjectionExpression":"#w"}}`),
		"Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; attribute name: #w")
	h.invalid(ddb.TransactGetItems, transactBody(
		`{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}},"ProjectionExpression":"v","ExpressionAttributeNames":{"#w":"w"}}}`),
		"Value provided in ExpressionAttributeNames unused in expressions: keys: {#w}")
	// #194: a bad key cancels, at its place.
	h.cancels(ddb.TransactGetItems, transactBody(
		`{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}}}}`, `{"Get":{"TableName":"hash","Key":{}}}`, `{"Get":{"TableName":"hash","Key":{}}}`),
		"None", "ValidationError|The provided key element does not match the schema", "None")
}
