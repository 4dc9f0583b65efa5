package engine

import (
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// transact sends a TransactWriteItems of actions.
func (h *harness) transact(actions ...string) (string, *ddb.Error) {
	h.t.Helper()
	return h.do(ddb.TransactWriteItems, transactBody(actions...))
}

// transactBody is the body of a TransactWriteItems.
func transactBody(actions ...string) string {
	return `{"TransactItems":[` + strings.Join(actions, ",") + `]}`
}

// cancels checks that the request is cancelled for these reasons: "None", or a code, a message and, in a third part, the
// item, with a bar between.
func (h *harness) cancels(op ddb.Operation, body string, reasons ...string) {
	h.t.Helper()
	codes := make([]string, len(reasons))
	want := make([]ddb.CancellationReason, len(reasons))
	for i, r := range reasons {
		parts := strings.SplitN(r, "|", 3)
		codes[i], want[i].Code = parts[0], parts[0]
		if len(parts) > 1 {
			want[i].Message = parts[1]
		}
		if len(parts) > 2 {
			item, err := ddb.ParseItemJSON([]byte(parts[2]))
			if err != nil {
				h.t.Fatal(err)
			}
			want[i].Item, want[i].HasItem = item, true
		}
	}
	got := h.fails(op, body, "TransactionCanceledException",
		"Transaction cancelled, please refer cancellation reasons for specific reasons ["+strings.Join(codes, ", ")+"]")
	if got.HTTPStatus() != 400 || len(got.CancellationReasons) != len(want) {
		h.t.Errorf("%s %s: status %d, reasons %+v", op, clip(body), got.HTTPStatus(), got.CancellationReasons)
		return
	}
	for i, g := range got.CancellationReasons {
		w := want[i]
		if g.Code != w.Code || g.Message != w.Message || g.HasItem != w.HasItem || !ddb.EqualItems(g.Item, w.Item) {
			h.t.Errorf("%s %s: reason %d is %+v, want %+v", op, clip(body), i, g, w)
		}
	}
}

// got checks what a GetItem of the item with partition key p answers; empty is no item.
func (h *harness) got(table, p, want string) {
	h.t.Helper()
	body := fmt.Sprintf(`{"TableName":%q,"Key":{"p":{"S":%q}}}`, table, p)
	if item := h.member(ddb.GetItem, body, "Item"); !sameJSON(h.t, item, want) {
		h.t.Errorf("item %q of table %q is %s, want %s", p, table, item, want)
	}
}

// The actions of these tests, on the table hash.
const (
	failedReason = "ConditionalCheckFailed|The conditional request failed"
	putA         = `{"Put":{"TableName":"hash","Item":{"p":{"S":"a"},"v":{"N":"1"}}}}`
	putB         = `{"Put":{"TableName":"hash","Item":{"p":{"S":"b"},"v":{"N":"1"}}}}`
	deleteA      = `{"Delete":{"TableName":"hash","Key":{"p":{"S":"a"}}}}`
	checkNoA     = `{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"a"}},"ConditionExpression":"attribute_not_exists(p)"}}`
	addToA       = `{"Update":{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}}`
)

func TestTransactWriteDoesAllItsActions(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, rangeTable)
	h.put("hash", `{"p":{"S":"gone"}}`, `{"p":{"S":"changed"},"n":{"N":"1"}}`, `{"p":{"S":"checked"}}`)
	h.ok(ddb.TransactWriteItems, transactBody(
		putA,
		`{"Put":{"TableName":"range","Item":{"p":{"S":"a"},"s":{"N":"1"}},"ConditionExpression":"attribute_not_exists(p)"}}`,
		`{"Delete":{"TableName":"hash","Key":{"p":{"S":"gone"}},"ConditionExpression":"attribute_exists(p)"}}`,
		`{"Update":{"TableName":"hash","Key":{"p":{"S":"changed"}},"UpdateExpression":"SET n = n + :one","ExpressionAttributeValues":{":one":{"N":"1"}}}}`,
		`{"Update":{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/hash","Key":{"p":{"S":"new"}},"UpdateExpression":"SET #s = :s","ExpressionAttributeNames":{"#s":"status"},"ExpressionAttributeValues":{":s":{"S":"x"}}}}`,
		`{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"checked"}},"ConditionExpression":"attribute_exists(p)"}}`,
	), `{}`)
	h.got("hash", "a", `{"p":{"S":"a"},"v":{"N":"1"}}`)
	h.got("hash", "gone", ``)
	h.got("hash", "changed", `{"p":{"S":"changed"},"n":{"N":"2"}}`)
	h.got("hash", "new", `{"p":{"S":"new"},"status":{"S":"x"}}`)
	h.got("hash", "checked", `{"p":{"S":"checked"}}`)
	h.ok(ddb.GetItem, `{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"1"}}}`, `{"Item":{"p":{"S":"a"},"s":{"N":"1"}}}`)
	// A put replaces, and does not merge; deleting what is not there is no fault.
	h.ok(ddb.TransactWriteItems, transactBody(`{"Put":{"TableName":"hash","Item":{"p":{"S":"a"},"w":{"N":"2"}}}}`,
		`{"Delete":{"TableName":"hash","Key":{"p":{"S":"gone"}}}}`), `{}`)
	h.got("hash", "a", `{"p":{"S":"a"},"w":{"N":"2"}}`)
	mustHold(t, h.e)
}

func TestTransactWriteTakesOneToAHundredActions(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	actions := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"Put":{"TableName":"hash","Item":{"p":{"S":"%d"}}}}`, i)
		}
		return transactBody(list...)
	}
	// #188
	const text = "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1"
	h.invalid(ddb.TransactWriteItems, actions(0), text)
	h.invalid(ddb.TransactGetItems, actions(0), text)
	h.invalid(ddb.TransactWriteItems, `{}`, "1 validation error detected: Value null at 'transactItems' failed to satisfy constraint: Member must not be null")
	h.ok(ddb.TransactWriteItems, actions(100), `{}`)
	for _, op := range []ddb.Operation{ddb.TransactWriteItems, ddb.TransactGetItems} {
		_, bad := h.do(op, strings.ReplaceAll(actions(101), `"Put"`, map[bool]string{true: `"Put"`, false: `"Get"`}[op == ddb.TransactWriteItems]))
		if bad == nil || bad.Code != "ValidationException" ||
			!strings.HasPrefix(bad.Message, "1 validation error detected: Value '[") && op == ddb.TransactWriteItems ||
			!strings.Contains(bad.Message, "' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100") {
			t.Errorf("%s of 101 actions: %.300v", op, bad)
		}
	}
}

func TestTransactWriteRefusesTwoActionsOnOneItem(t *testing.T) {
	t.Parallel()
	// #189
	const text = "Transaction request cannot include multiple operations on one item"
	h := newHarness(t).create(hashTable, rangeTable)
	f := func(actions ...string) {
		t.Helper()
		h.invalid(ddb.TransactWriteItems, transactBody(actions...), text)
	}
	f(putA, putA)
	f(putA, putB, deleteA)
	f(checkNoA, putA)
	f(checkNoA, checkNoA)
	// Named in two ways, and with two spellings of one number.
	f(putA, `{"Delete":{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/hash","Key":{"p":{"S":"a"}}}}`)
	f(`{"Delete":{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"1"}}}}`, `{"Delete":{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"1.0"}}}}`)
	h.got("hash", "a", ``)
	// Reads too.
	const get = `{"Get":{"TableName":"hash","Key":{"p":{"S":"a"}}}}`
	h.invalid(ddb.TransactGetItems, transactBody(get, get), text)
}

func TestTransactionsNeedTheirTables(t *testing.T) {
	t.Parallel()
	// #190, and told before what else is wrong with the actions.
	h := newHarness(t).create(hashTable)
	f := func(op ddb.Operation, actions ...string) {
		t.Helper()
		h.fails(op, transactBody(actions...), "ResourceNotFoundException", "Requested resource not found")
	}
	f(ddb.TransactWriteItems, putA, `{"Put":{"TableName":"nowhere","Item":{"p":{"S":"x"}}}}`)
	f(ddb.TransactWriteItems, `{"Delete":{"TableName":"hash","Key":{"q":{"S":"x"}}}}`, `{"Put":{"TableName":"nowhere","Item":{"p":{"S":"x"}}}}`)
	f(ddb.TransactGetItems, `{"Get":{"TableName":"nowhere","Key":{"p":{"S":"x"}}}}`)
	h.got("hash", "a", ``)
}

func TestTransactWriteActionsAreOfOneKind(t *testing.T) {
	t.Parallel()
	// #191
	h := newHarness(t).create(hashTable)
	h.invalid(ddb.TransactWriteItems, transactBody(`{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"a"}}}}`),
		"1 validation error detected: Value null at 'transactItems.1.member.conditionCheck.conditionExpression' failed to satisfy constraint: Member must not be null")
	h.invalid(ddb.TransactWriteItems, transactBody(`{"Update":{"TableName":"hash","Key":{"p":{"S":"a"}}}}`),
		"1 validation error detected: Value null at 'transactItems.1.member.update.updateExpression' failed to satisfy constraint: Member must not be null")
	h.invalid(ddb.TransactWriteItems, transactBody(`{"Put":{"TableName":"hash","Item":{"p":{"S":"a"}}},"Delete":{"TableName":"hash","Key":{"p":{"S":"a"}}}}`),
		"TransactItems can only contain one of Check, Put, Update or Delete")
	h.invalid(ddb.TransactWriteItems, transactBody(putA, `{}`),
		"Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
	h.invalid(ddb.TransactGetItems, transactBody(`{}`),
		"1 validation error detected: Value null at 'transactItems.1.member.get' failed to satisfy constraint: Member must not be null")
	h.invalid(ddb.TransactWriteItems, transactBody(`{"Delete":{"TableName":"hash","Key":{"p":{"S":"a"}},"ReturnValuesOnConditionCheckFailure":"dog"}}`),
		"1 validation error detected: Value 'dog' at 'transactItems.1.member.delete.returnValuesOnConditionCheckFailure' failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, NONE]")
}

func TestFailedConditionsCancelATransaction(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	h.put("hash", `{"p":{"S":"a"},"v":{"N":"1"}}`)
	const noSuch = `{"Update":{"TableName":"hash","Key":{"p":{"S":"c"}},"UpdateExpression":"SET x = :x","ConditionExpression":"attribute_exists(p)","ExpressionAttributeValues":{":x":{"N":"1"}}%s}}`
	old := `,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"`
	// #192: one reason for each action, in order; the item only where it was asked for and is there.
	h.cancels(ddb.TransactWriteItems, transactBody(checkNoA, putB), failedReason, "None")
	h.cancels(ddb.TransactWriteItems, transactBody(putB, strings.Replace(checkNoA, `}},"Cond`, `}}`+old+`,"Cond`, 1)),
		"None", failedReason+`|{"p":{"S":"a"},"v":{"N":"1"}}`)
	h.cancels(ddb.TransactWriteItems, transactBody(fmt.Sprintf(noSuch, old)), failedReason)
	// #193: all of them are told.
	h.cancels(ddb.TransactWriteItems, transactBody(checkNoA, putB, fmt.Sprintf(noSuch, "")), failedReason, "None", failedReason)
	// #195: nothing is left of the others.
	h.got("hash", "b", ``)
	h.got("hash", "c", ``)
	// An update that cannot be done fails like a condition, at its place.
	h.cancels(ddb.TransactWriteItems, transactBody(
		`{"Update":{"TableName":"hash","Key":{"p":{"S":"x"}},"UpdateExpression":"SET n = n + :one","ExpressionAttributeValues":{":one":{"N":"1"}}}}`, checkNoA),
		"ValidationError|The provided expression refers to an attribute that does not exist in the item", failedReason)
	mustHold(t, h.e)
}

func TestFaultsOfATransactionAreToldInOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, binaryTable, indexTable)
	const (
		badCondition = `{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"c"}},"ConditionExpression":"attribute_not_exists("}}`
		unused       = `{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"c"}},"ConditionExpression":"attribute_not_exists(p)","ExpressionAttributeValues":{":v":{"S":"x"}}}}`
		nowhere      = `{"Put":{"TableName":"nowhere","Item":{"p":{"S":"x"}}}}`
		wrongKind    = `{"Put":{"TableName":"hash","Item":{"p":{"N":"7"}}}}`
		emptyKey     = `{"Put":{"TableName":"hash","Item":{"p":{"S":""}}}}`
		syntax       = `Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "("`
		unusedText   = "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"
		mismatch     = "ValidationError|One or more parameter values were invalid: Type mismatch for key p expected: S actual: N"
		emptyText    = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p"
	)
	deep := `{"S":"leaf"}`
	for range 32 {
		deep = `{"M":{"n":` + deep + `}}`
	}
	tooDeep := `{"Put":{"TableName":"hash","Item":{"p":{"S":"d"},"x":` + deep + `}}}`
	invalid := func(message string, actions ...string) {
		t.Helper()
		h.invalid(ddb.TransactWriteItems, transactBody(actions...), message)
	}
	// #194: what is wrong with an expression is told of the request as a whole, before tables, duplicates and keys.
	invalid(syntax, nowhere, badCondition)
	invalid(unusedText, nowhere, unused)
	invalid(unusedText, unused, nowhere)
	invalid(unusedText, `{"Put":{"TableName":"hash","Item":{"p":{"S":"c"}}}}`, unused)
	invalid(unusedText, wrongKind, unused)
	invalid("Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #x",
		`{"Put":{"TableName":"hash","Item":{"p":{"S":"c"}},"ConditionExpression":"attribute_exists(#x)"}}`)
	invalid("Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: name",
		`{"Update":{"TableName":"hash","Key":{"p":{"S":"c"}},"UpdateExpression":"REMOVE name"}}`)
	// Of two actions with a fault of the request, the first one's.
	invalid(syntax, badCondition, tooDeep)
	invalid(ddb.NestingText, tooDeep, badCondition)
	// #194: the first action with a bad key cancels; the others, bad ones and false conditions among them, have no reason.
	h.cancels(ddb.TransactWriteItems, transactBody(putB, wrongKind, wrongKind,
		`{"Put":{"TableName":"hash","Item":{"p":{"S":"c"}},"ConditionExpression":"attribute_exists(p)"}}`), "None", mismatch, "None", "None")
	h.cancels(ddb.TransactWriteItems, transactBody(wrongKind), mismatch)
	h.cancels(ddb.TransactWriteItems, transactBody(putA, wrongKind, putA), "None", mismatch, "None")
	// #77
	h.cancels(ddb.TransactWriteItems, transactBody(`{"Put":{"TableName":"hash","Item":{"q":{"S":"a"}}}}`),
		"ValidationError|One or more parameter values were invalid: Missing the key p in the item")
	// #78: actions with a Key have one text for all.
	for _, key := range []string{`{"p":{"N":"5"}}`, `{"p":{"L":[{"S":"x"}]}}`, `{}`, `{"p":{"S":"a"},"q":{"S":"a"}}`} {
		for _, action := range []string{
			`{"Delete":{"TableName":"hash","Key":%s}}`,
			`{"Update":{"TableName":"hash","Key":%s,"UpdateExpression":"REMOVE x"}}`,
			`{"ConditionCheck":{"TableName":"hash","Key":%s,"ConditionExpression":"attribute_not_exists(p)"}}`,
		} {
			h.cancels(ddb.TransactWriteItems, transactBody(fmt.Sprintf(action, key)), "ValidationError|The provided key element does not match the schema")
		}
		h.cancels(ddb.TransactGetItems, transactBody(fmt.Sprintf(`{"Get":{"TableName":"hash","Key":%s}}`, key)),
			"ValidationError|The provided key element does not match the schema")
	}
	// An empty key is told of the request, before a key that cancels.
	invalid(emptyText, wrongKind, emptyKey)
	invalid(emptyText, `{"Delete":{"TableName":"hash","Key":{"p":{"S":""}}}}`)
	invalid(strings.Replace(emptyText, "string", "binary", 1),
		`{"ConditionCheck":{"TableName":"binary","Key":{"p":{"B":""},"s":{"B":"AA=="}},"ConditionExpression":"attribute_not_exists(p)"}}`)
	h.invalid(ddb.TransactGetItems, transactBody(`{"Get":{"TableName":"hash","Key":{"p":{"S":""}}}}`), emptyText)
	// #73, #79, #81
	h.cancels(ddb.TransactWriteItems, transactBody(`{"Put":{"TableName":"hash","Item":{"p":{"S":`+chars(2049)+`}}}}`),
		"ValidationError|One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes")
	h.cancels(ddb.TransactWriteItems, transactBody(`{"Update":{"TableName":"hash","Key":{"p":{"S":"c"}},"UpdateExpression":"SET p = :v","ExpressionAttributeValues":{":v":{"S":"x"}}}}`),
		"ValidationError|One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key")
	h.cancels(ddb.TransactWriteItems, transactBody(`{"Update":{"TableName":"hash","Key":{"p":{"S":"c"}},"UpdateExpression":"SET v = p.x"}}`),
		"ValidationError|Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: p")
	// #80: index keys, by put and by update, in a wrong kind and empty.
	const (
		indexPut    = `{"Put":{"TableName":"index","Item":{"p":{"S":"a"},"s":{"S":"a"},"l":%s}}}`
		indexUpdate = `{"Update":{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"a"}},"UpdateExpression":"SET l = :v","ExpressionAttributeValues":{":v":%s}}}`
		indexKind   = "ValidationError|One or more parameter values were invalid: Type mismatch for Index Key l Expected: S Actual: %s IndexName: lall"
	)
	for _, action := range []string{indexPut, indexUpdate} {
		h.cancels(ddb.TransactWriteItems, transactBody(putB, fmt.Sprintf(action, `{"N":"5"}`)), "None", fmt.Sprintf(indexKind, "N"))
		h.cancels(ddb.TransactWriteItems, transactBody(fmt.Sprintf(action, `{"L":[]}`)), fmt.Sprintf(indexKind, "L"))
	}
	invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. "+
		"The AttributeValue for a key attribute cannot contain an empty string value. IndexName: lall, IndexKey: l", fmt.Sprintf(indexPut, `{"S":""}`))
	invalid("One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. "+
		"The AttributeValue for a key attribute cannot contain an empty string value.", fmt.Sprintf(indexUpdate, `{"S":""}`))
	h.got("hash", "b", ``)
}

func TestOfTwoIndexesTheFirstByNameIsTold(t *testing.T) {
	t.Parallel()
	// #80
	h := newHarness(t).create(`{"TableName":"both","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"},{"AttributeName":"k","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
		"LocalSecondaryIndexes":[{"IndexName":"lsi1","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"k","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}],
		"GlobalSecondaryIndexes":[{"IndexName":"gsi2","KeySchema":[{"AttributeName":"k","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}},
			{"IndexName":"gsi1","KeySchema":[{"AttributeName":"k","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`)
	const text = "One or more parameter values were invalid: Type mismatch for Index Key k Expected: S Actual: N IndexName: gsi1"
	h.invalid(ddb.PutItem, `{"TableName":"both","Item":{"p":{"S":"a"},"s":{"S":"a"},"k":{"N":"5"}}}`, text)
	h.cancels(ddb.TransactWriteItems, transactBody(`{"Put":{"TableName":"both","Item":{"p":{"S":"a"},"s":{"S":"a"},"k":{"N":"5"}}}}`), "ValidationError|"+text)
	h.cancels(ddb.TransactWriteItems, transactBody(`{"Update":{"TableName":"both","Key":{"p":{"S":"a"},"s":{"S":"a"}},"UpdateExpression":"SET k = :k","ExpressionAttributeValues":{":k":{"N":"5"}}}}`), "ValidationError|"+text)
}

func TestTransactionsAreLimitedInSize(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	puts := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"Put":{"TableName":"hash","Item":{"p":{"S":"%02d"},"x":{"S":%s}}}}`, i, chars(350_000))
		}
		return list
	}
	// #195
	const text = "Transaction payload size cannot exceed 4194304 bytes"
	h.invalid(ddb.TransactWriteItems, transactBody(puts(12)...), text)
	h.got("hash", "00", ``)
	h.ok(ddb.TransactWriteItems, transactBody(puts(11)...), `{}`)
	h.put("hash", `{"p":{"S":"11"},"x":{"S":`+chars(350_000)+`}}`)
	// What lies in the table does not count for a write, but for a read.
	var gets, updates, deletes []string
	for i := range 12 {
		key := fmt.Sprintf(`"TableName":"hash","Key":{"p":{"S":"%02d"}}`, i)
		gets = append(gets, `{"Get":{`+key+`}}`)
		updates = append(updates, `{"Update":{`+key+`,"UpdateExpression":"SET y = :y","ExpressionAttributeValues":{":y":{"N":"1"}}}}`)
		deletes = append(deletes, `{"Delete":{`+key+`}}`)
	}
	h.ok(ddb.TransactWriteItems, transactBody(updates...), `{}`)
	h.invalid(ddb.TransactGetItems, transactBody(gets...), text)
	h.answer(ddb.TransactGetItems, transactBody(gets[:11]...))
	h.ok(ddb.TransactWriteItems, transactBody(deletes...), `{}`)
	// #74: an item that is too large to put is told of the request, one that an update makes too large cancels.
	h.invalid(ddb.TransactWriteItems, transactBody(`{"Put":{"TableName":"nowhere","Item":{"p":{"S":"a"},"x":{"S":`+chars(409_600)+`}}}}`),
		"Item size has exceeded the maximum allowed size")
	h.cancels(ddb.TransactWriteItems, transactBody(putB, `{"Update":{"TableName":"hash","Key":{"p":{"S":"a"}},"UpdateExpression":"SET x = :x","ExpressionAttributeValues":{":x":{"S":`+chars(409_600)+`}}}}`),
		"None", "ValidationError|Item size to update has exceeded the maximum allowed size")
}

func TestTransactionsTellWhatTheyCost(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable, rangeTable, indexTable)
	h.put("hash", `{"p":{"S":"big"},"x":{"S":`+chars(9_000)+`}}`, `{"p":{"S":"checked"}}`)
	capacity := func(op ddb.Operation, mode string, want string, actions ...string) {
		t.Helper()
		body := strings.TrimSuffix(transactBody(actions...), "}") + `,"ReturnConsumedCapacity":"` + mode + `"}`
		if got := h.member(op, body, "ConsumedCapacity"); !sameJSON(t, got, want) {
			t.Errorf("%s %s\n got %s\nwant %s", op, clip(body), got, want)
		}
	}
	check := `{"ConditionCheck":{"TableName":"hash","Key":{"p":{"S":"checked"}},"ConditionExpression":"attribute_exists(p)"}}`
	get := func(table, key string) string { return `{"Get":{"TableName":"` + table + `","Key":` + key + `}}` }
	// #159: twice the units of each item, rounded first, one entry for each table; a check as if it wrote.
	capacity(ddb.TransactWriteItems, "TOTAL", `[{"TableName":"hash","CapacityUnits":6.0,"WriteCapacityUnits":6.0},{"TableName":"range","CapacityUnits":2.0,"WriteCapacityUnits":2.0}]`,
		putA, `{"Put":{"TableName":"range","Item":{"p":{"S":"a"},"s":{"N":"1"}}}}`, putB, check)
	capacity(ddb.TransactWriteItems, "INDEXES", `[{"TableName":"hash","CapacityUnits":2.0,"WriteCapacityUnits":2.0,"Table":{"WriteCapacityUnits":2.0,"CapacityUnits":2.0}}]`, check)
	capacity(ddb.TransactWriteItems, "NONE", ``, putA)
	// #159: reads, missing items included.
	capacity(ddb.TransactGetItems, "TOTAL", `[{"TableName":"hash","CapacityUnits":8.0,"ReadCapacityUnits":8.0},{"TableName":"range","CapacityUnits":2.0,"ReadCapacityUnits":2.0}]`,
		get("hash", `{"p":{"S":"big"}}`), get("hash", `{"p":{"S":"none"}}`), get("range", `{"p":{"S":"none"},"s":{"N":"1"}}`))
	capacity(ddb.TransactGetItems, "INDEXES", `[{"TableName":"hash","CapacityUnits":2.0,"ReadCapacityUnits":2.0,"Table":{"ReadCapacityUnits":2.0,"CapacityUnits":2.0}}]`, get("hash", `{"p":{"S":"a"}}`))
	// What is deleted counts with its size.
	capacity(ddb.TransactWriteItems, "TOTAL", `[{"TableName":"hash","CapacityUnits":18.0,"WriteCapacityUnits":18.0}]`, `{"Delete":{"TableName":"hash","Key":{"p":{"S":"big"}}}}`)
	// #157: indexes cost what they cost without a transaction.
	capacity(ddb.TransactWriteItems, "INDEXES", `[{"TableName":"index","CapacityUnits":5.0,"WriteCapacityUnits":5.0,"Table":{"WriteCapacityUnits":2.0,"CapacityUnits":2.0},
		"LocalSecondaryIndexes":{"lall":{"WriteCapacityUnits":1.0,"CapacityUnits":1.0},"linc":{"WriteCapacityUnits":1.0,"CapacityUnits":1.0},"lkeys":{"WriteCapacityUnits":1.0,"CapacityUnits":1.0}}}]`,
		`{"Put":{"TableName":"index","Item":{"p":{"S":"a"},"s":{"S":"a"},"l":{"S":"x"}}}}`)
	// #76: collections of what was written.
	metrics := h.member(ddb.TransactWriteItems, `{"ReturnItemCollectionMetrics":"SIZE","TransactItems":[`+putA+`,
		{"Put":{"TableName":"index","Item":{"p":{"S":"b"},"s":{"S":"a"}}}},
		{"ConditionCheck":{"TableName":"index","Key":{"p":{"S":"c"},"s":{"S":"a"}},"ConditionExpression":"attribute_not_exists(p)"}}]}`, "ItemCollectionMetrics")
	if want := `{"index":[{"ItemCollectionKey":{"p":{"S":"b"}},"SizeEstimateRangeGB":[0.0,1.0]}]}`; !sameJSON(t, metrics, want) {
		t.Errorf("collections %s, want %s", metrics, want)
	}
	h.invalid(ddb.TransactWriteItems, `{"ReturnItemCollectionMetrics":"BOGUS2","ReturnConsumedCapacity":"BOGUS","TransactItems":[{"Put":{"TableName":"nowhere","Item":{"p":{"S":"a"}}}}]}`,
		"2 validation errors detected: Value 'BOGUS' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; "+
			"Value 'BOGUS2' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]")
}
