package ddb

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestBrokenConstraintsAreListed(t *testing.T) {
	t.Parallel()
	f := func(op Operation, body string, want ...string) {
		t.Helper()
		text := fmt.Sprintf("1 validation error detected: %s", strings.Join(want, ""))
		if len(want) != 1 {
			text = fmt.Sprintf("%d validation errors detected: %s", len(want), strings.Join(want, "; "))
		}
		err := DecodeShape([]byte(body), op.Facts().NewInput())
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "ValidationException" || e.Message != text {
			t.Errorf("%v %s:\n got %v\nwant %s", op, body, err, text)
		}
	}
	null := func(path string) string {
		return "Value null at '" + path + "' failed to satisfy constraint: Member must not be null"
	}
	// #45, #40: what is required; several in declared order.
	f(PutItem, `{"Item":{"a":{"S":"x"}}}`, null("tableName"))
	f(PutItem, `{}`, null("tableName"), null("item"))
	f(PutItem, `{"Item":null,"TableName":null}`, null("tableName"), null("item"))
	f(GetItem, `{"TableName":"t"}`, null("key"))
	f(GetItem, `{"TableName":"t","Key":{},"TableName":null}`, null("tableName"))
	f(BatchGetItem, `{}`, null("requestItems"))
	f(CreateTable, `{"TableName":"abc"}`, null("attributeDefinitions"), null("keySchema"))
	f(UpdateTimeToLive, `{"TableName":"t","TimeToLiveSpecification":{}}`, null("timeToLiveSpecification.enabled"), null("timeToLiveSpecification.attributeName"))
	// #46, #47: names of tables.
	f(GetItem, `{"TableName":"","Key":{}}`,
		"Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1")
	f(PutItem, `{"TableName":"","Item":{"pk":{"S":"test"}}}`,
		"Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1")
	f(GetItem, `{"TableName":"abc;","Key":{}}`,
		"Value 'abc;' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	long := strings.Repeat("a", 256)
	f(GetItem, `{"TableName":"`+long+`","Key":{}}`,
		"Value '"+long+"' at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 255")
	f(GetItem, `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:stream/x","Key":{}}`,
		"Value 'arn:aws:dynamodb:us-east-1:000000000000:stream/x' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	f(CreateTable, `{"TableName":"ab","AttributeDefinitions":[],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"}]}`,
		"Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3")
	// #43, #50: enums together, in their odd order, whatever the order of the body.
	f(PutItem, `{"ReturnItemCollectionMetrics":"hi","ReturnValues":"hi","Item":{},"ReturnConsumedCapacity":"total","TableName":"abc;"}`,
		"Value 'abc;' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
		"Value 'hi' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]",
		"Value 'total' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]",
		"Value 'hi' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]")
	// #51: enums have a case.
	f(Scan, `{"TableName":"t","Select":"count"}`,
		"Value 'count' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]")
	f(PutItem, `{"TableName":"t","Item":{},"ConditionalOperator":"XOR","Expected":{"a b":{"ComparisonOperator":"eq"}}}`,
		"Value 'eq' at 'expected.a b.member.comparisonOperator' failed to satisfy constraint: Member must satisfy enum value set: [IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]",
		"Value 'XOR' at 'conditionalOperator' failed to satisfy constraint: Member must satisfy enum value set: [OR, AND]")
	f(UpdateItem, `{"TableName":"t","Key":{},"AttributeUpdates":{"a":{"Action":"add"}}}`,
		"Value 'add' at 'attributeUpdates.a.member.action' failed to satisfy constraint: Member must satisfy enum value set: [ADD, PUT, DELETE]")
	// #49: the two texts of a limit.
	f(Scan, `{"TableName":"t","Limit":0}`, "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	f(Query, `{"TableName":"t","Limit":0}`, "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	f(Scan, `{"TableName":"t","Limit":-1}`, "Value '-1' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	// #173
	f(Scan, `{"TableName":"t","TotalSegments":1000001,"Segment":-1}`,
		"Value '1000001' at 'totalSegments' failed to satisfy constraint: Member must have value less than or equal to 1000000",
		"Value '-1' at 'segment' failed to satisfy constraint: Member must have value greater than or equal to 0")
	// #220
	f(ListTables, `{"Limit":101,"ExclusiveStartTableName":"a;"}`,
		"Value 'a;' at 'exclusiveStartTableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
		"Value 'a;' at 'exclusiveStartTableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
		"Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100")
	// #120
	f(GetItem, `{"TableName":"t","Key":{},"AttributesToGet":[]}`,
		"Value '[]' at 'attributesToGet' failed to satisfy constraint: Member must have length greater than or equal to 1")
	// #41: positions in lists count from one, and lists in lists.
	f(CreateTable, `{"TableName":"abc","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"S"},{"AttributeName":"b","AttributeType":"x"}],
		"KeySchema":[{"AttributeName":"a"}],"GlobalSecondaryIndexes":[{"IndexName":"i;","KeySchema":[{"AttributeName":"a","KeyType":"HASH"},{"KeyType":"hash"}],"Projection":{"NonKeyAttributes":[]}}],
		"ProvisionedThroughput":{"ReadCapacityUnits":0}}`,
		"Value 'x' at 'attributeDefinitions.2.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]",
		null("keySchema.1.member.keyType"),
		"Value 'i;' at 'globalSecondaryIndexes.1.member.indexName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
		"Value 'i;' at 'globalSecondaryIndexes.1.member.indexName' failed to satisfy constraint: Member must have length greater than or equal to 3",
		null("globalSecondaryIndexes.1.member.keySchema.2.member.attributeName"),
		"Value 'hash' at 'globalSecondaryIndexes.1.member.keySchema.2.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]",
		"Value '[]' at 'globalSecondaryIndexes.1.member.projection.nonKeyAttributes' failed to satisfy constraint: Member must have length greater than or equal to 1",
		"Value '0' at 'provisionedThroughput.readCapacityUnits' failed to satisfy constraint: Member must have value greater than or equal to 1",
		null("provisionedThroughput.writeCapacityUnits"))
	// #208
	f(CreateTable, `{"TableName":"abc","AttributeDefinitions":[],"KeySchema":[{"AttributeName":"a","KeyType":"HASH"},{"AttributeName":"b","KeyType":"RANGE"},{"AttributeName":"c","KeyType":"RANGE"}]}`,
		"Value '[KeySchemaElement(attributeName=a, keyType=HASH), KeySchemaElement(attributeName=b, keyType=RANGE), KeySchemaElement(attributeName=c, keyType=RANGE)]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2")
	// #179: too many keys for one table.
	f(BatchGetItem, `{"RequestItems":{"tab":{"Keys":[`+strings.Repeat(`{},`, 100)+`{}]}}}`,
		"Value at 'RequestItems.tab.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100")
	f(BatchGetItem, `{"RequestItems":{"tab":{}}}`, null("requestItems.tab.member.keys"))
	// #180: too few and too many writes for one table.
	const valueText = "failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"
	f(BatchWriteItem, `{"RequestItems":{"tab":[]}}`, "Value '{tab=[]}' at 'requestItems' "+valueText)
	f(BatchWriteItem, `{"RequestItems":{"tab":[`+strings.Repeat(`{},`, 25)+`{}]}}`,
		"Value '{tab=["+strings.Repeat("WriteRequest(putRequest=null, deleteRequest=null), ", 25)+"WriteRequest(putRequest=null, deleteRequest=null)]}' at 'requestItems' "+valueText)
	f(BatchWriteItem, `{"RequestItems":{"t;":[{"PutRequest":{}}]}}`,
		"Value '{t;=[WriteRequest(putRequest=PutRequest(item={}), deleteRequest=null)]}' at 'requestItems' failed to satisfy constraint: "+
			"Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]",
		null("requestItems.t;.member.1.member.putRequest.item"))
	// Nulls inside lists and maps.
	f(BatchWriteItem, `{"RequestItems":{"tab":[null]}}`, null("requestItems.tab.member.1.member"))
	f(GetItem, `{"TableName":"t","Key":{},"ExpressionAttributeNames":{"#a":null}}`, null("expressionAttributeNames.#a.member"))
	// Transactions.
	f(TransactGetItems, `{"TransactItems":[]}`, "Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	f(TransactGetItems, `{"TransactItems":[{"Get":{"TableName":"t","Key":{}}},{}]}`, null("transactItems.2.member.get"))
}

func TestAtMostTenConstraintsAreListed(t *testing.T) {
	t.Parallel()
	// #43: the first ten in declared order, though the body has them last.
	index := `{"IndexName":"abc","KeySchema":[{"AttributeName":"a","KeyType":"HASH"}]}`
	body := `{"GlobalSecondaryIndexes":[` + strings.Repeat(index+",", 20) + index + `],"KeySchema":[],"AttributeDefinitions":null,"TableName":"ab"}`
	err := DecodeShape([]byte(body), new(CreateTableInput))
	e, ok := errors.AsType[*Error](err)
	if !ok || !strings.HasPrefix(e.Message, "10 validation errors detected: Value null at 'attributeDefinitions' ") {
		t.Fatalf("got %v", err)
	}
	if n := strings.Count(e.Message, "failed to satisfy constraint"); n != 10 {
		t.Errorf("%d constraints are listed, want 10: %s", n, e.Message)
	}
	if want := "'globalSecondaryIndexes.7.member.projection'"; !strings.Contains(e.Message, want) || strings.Contains(e.Message, "'globalSecondaryIndexes.8.") {
		t.Errorf("the last one listed is not at %s: %s", want, e.Message)
	}
}

func TestTableOperationsAskForTheTableNameFirst(t *testing.T) {
	t.Parallel()
	// #45
	const want = "ValidationException: The parameter 'TableName' is required but was not present in the request"
	if got := decodeError[CreateTableInput](t, `{"BillingMode":"x"}`); got != want {
		t.Errorf("CreateTable: %s", got)
	}
	if got := decodeError[DescribeTableInput](t, `{"TableName":null}`); got != want {
		t.Errorf("DescribeTable: %s", got)
	}
}

func TestTableNamesMayBeARNs(t *testing.T) {
	t.Parallel()
	// #48
	for _, name := range []string{"a", "..", "a.b-c_D9", strings.Repeat("a", 255), "arn:aws:dynamodb:us-east-1:123456789012:table/Music"} {
		body := fmt.Sprintf(`{"TableName":%q,"Key":{}}`, name)
		if got := decodeError[GetItemInput](t, body); got != "" {
			t.Errorf("%s: %s", body, got)
		}
		body = fmt.Sprintf(`{"RequestItems":{%q:[{"DeleteRequest":{"Key":{}}}]}}`, name)
		if got := decodeError[BatchWriteItemInput](t, body); got != "" {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestShownValuesAreBounded(t *testing.T) {
	t.Parallel()
	// A hundred and one actions of a few kilobytes each.
	action := `{"Put":{"TableName":"t","Item":{"a":{"S":"` + strings.Repeat("x", 4000) + `"}}}}`
	body := `{"TransactItems":[` + strings.Repeat(action+",", 100) + action + `]}`
	got := decodeError[TransactWriteItemsInput](t, body)
	if !strings.HasSuffix(got, "' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100") {
		t.Errorf("got %.100s…", got)
	}
	if len(got) > 20_000 {
		t.Errorf("the message has %d bytes", len(got))
	}
}
