package engine

import (
	"testing"

	"millrace/ddb"
)

func TestTransactionsAreRecorded(t *testing.T) {
	t.Parallel()
	// #246: each item that a transaction changes, once, in the order of its actions; nothing of a check, of a change to what
	// is there, of a transaction that was cancelled, and of one that was sent again.
	h := newStreamHarness(t, oneShard())
	arn := h.createStream("tbl", "NEW_AND_OLD_IMAGES")
	h.put("tbl", `{"p":{"S":"a"},"s":{"N":"1"},"v":{"S":"x"}}`, `{"p":{"S":"a"},"s":{"N":"2"},"v":{"S":"y"}}`, `{"p":{"S":"a"},"s":{"N":"3"},"v":{"S":"z"}}`)
	body := withToken("t",
		`{"Delete":{"TableName":"tbl","Key":{"p":{"S":"a"},"s":{"N":"2"}}}}`,
		`{"Put":{"TableName":"tbl","Item":{"p":{"S":"a"},"s":{"N":"3"},"v":{"S":"z"}}}}`,
		`{"ConditionCheck":{"TableName":"tbl","Key":{"p":{"S":"c"},"s":{"N":"1"}},"ConditionExpression":"attribute_not_exists(p)"}}`,
		`{"Update":{"TableName":"tbl","Key":{"p":{"S":"a"},"s":{"N":"1"}},"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"S":"w"}}}}`,
		`{"Put":{"TableName":"tbl","Item":{"p":{"S":"b"},"s":{"N":"1"},"v":{"S":"new"}}}}`)
	h.ok(ddb.TransactWriteItems, body, `{}`)
	h.ok(ddb.TransactWriteItems, body, `{}`)
	h.cancels(ddb.TransactWriteItems, transactBody(
		`{"Put":{"TableName":"tbl","Item":{"p":{"S":"d"},"s":{"N":"1"}}}}`,
		`{"ConditionCheck":{"TableName":"tbl","Key":{"p":{"S":"c"},"s":{"N":"1"}},"ConditionExpression":"attribute_exists(p)"}}`), "None", failedReason)
	h.streamHas(arn, "INSERT a/1 ->x", "INSERT a/2 ->y", "INSERT a/3 ->z",
		"REMOVE a/2 y>-", "MODIFY a/1 x>w", "INSERT b/1 ->new")
}
