import assert from "node:assert/strict";
import test from "node:test";
import {
  ConditionalCheckFailedException, GetItemCommand, PutItemCommand, ResourceNotFoundException,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand, BatchWriteCommand, DeleteCommand, GetCommand, NumberValue, PutCommand, ScanCommand, UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { client, documents, makeTable, refused } from "./suite.js";

const get = async (TableName, Key, more = {}) => (await documents.send(new GetCommand({ TableName, Key, ...more }))).Item;

test("every type comes back as it went", async (t) => {
  await makeTable(t, "JsTypes", "pk:S");
  const item = {
    pk: "p", text: "héllo \u0000 \"quoted\" \u{1f600}", empty: "", number: -1234.5, big: 9007199254740993n,
    bytes: new Uint8Array([0, 255, 128]), yes: true, no: false, nothing: null,
    words: new Set(["a", "b"]), numbers: new Set([1, 2.5]), blobs: new Set([new Uint8Array([1])]),
    list: [1, "two", [3.5], { four: null }], map: { a: { b: [true, {}] }, "dotted.name": 1 }, none: [], nor: {},
  };
  await documents.send(new PutCommand({ TableName: "JsTypes", Item: item }));
  for (const ConsistentRead of [false, false, true]) {
    const got = await get("JsTypes", { pk: "p" }, { ConsistentRead });
    assert.deepEqual(got, item);
  }
});

test("numbers keep 38 digits", async (t) => {
  await makeTable(t, "JsNumbers", "pk:S");
  const digits = "1234567890123456789012345678.9012345678";
  await documents.send(new PutCommand({ TableName: "JsNumbers", Item: { pk: "p", n: NumberValue.from(digits) } }));
  for (let i = 0; i < 2; i++) {
    const raw = await client.send(new GetItemCommand({ TableName: "JsNumbers", Key: { pk: { S: "p" } } }));
    assert.deepEqual(raw.Item, { pk: { S: "p" }, n: { N: digits } });
  }
});

test("every write is seen by the next read", async (t) => {
  await makeTable(t, "JsWrites", "pk:S", "sk:N");
  const Key = { pk: "p", sk: 1 };
  assert.equal(await get("JsWrites", Key), undefined);
  assert.equal(await get("JsWrites", Key), undefined);
  for (let n = 0; n < 10; n++) {
    await documents.send(new PutCommand({ TableName: "JsWrites", Item: { ...Key, n } }));
    assert.deepEqual(await get("JsWrites", Key), { ...Key, n });
    const updated = await documents.send(new UpdateCommand({
      TableName: "JsWrites", Key, UpdateExpression: "SET n = n + :h ADD tags :t REMOVE gone",
      ExpressionAttributeValues: { ":h": 100, ":t": new Set(["x"]) }, ReturnValues: "ALL_NEW",
    }));
    const want = { ...Key, n: n + 100, tags: new Set(["x"]) };
    assert.deepEqual(updated.Attributes, want);
    assert.deepEqual(await get("JsWrites", Key), want);
    assert.deepEqual(await get("JsWrites", Key, { ProjectionExpression: "tags" }), { tags: want.tags });
  }
  const deleted = await documents.send(new DeleteCommand({ TableName: "JsWrites", Key, ReturnValues: "ALL_OLD" }));
  assert.equal(deleted.Attributes.n, 109);
  assert.equal(await get("JsWrites", Key), undefined);
});

test("conditions that fail have their class and can bring the item", async (t) => {
  await makeTable(t, "JsConditions", "pk:S");
  await documents.send(new PutCommand({ TableName: "JsConditions", Item: { pk: "p", a: 1 } }));
  const error = await refused(client.send(new PutItemCommand({
    TableName: "JsConditions", Item: { pk: { S: "p" } }, ConditionExpression: "attribute_not_exists(pk)",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  })), "ConditionalCheckFailedException", "The conditional request failed");
  assert.ok(error instanceof ConditionalCheckFailedException);
  assert.deepEqual(error.Item, { pk: { S: "p" }, a: { N: "1" } });
  assert.deepEqual(await get("JsConditions", { pk: "p" }), { pk: "p", a: 1 });
});

test("errors have DynamoDB's names and texts", async (t) => {
  await makeTable(t, "JsErrors", "pk:S");
  const missing = await refused(get("JsNowhere", { pk: "p" }), "ResourceNotFoundException", "Requested resource not found");
  assert.ok(missing instanceof ResourceNotFoundException);
  await refused(get("JsErrors", { other: "p" }), "ValidationException", "The provided key element does not match the schema");
  await refused(get("JsErrors", { pk: "p" }, { ProjectionExpression: "name" }), "ValidationException",
    "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name");
  await refused(documents.send(new UpdateCommand({
    TableName: "JsErrors", Key: { pk: "p" }, UpdateExpression: "SET pk = :p", ExpressionAttributeValues: { ":p": "q" },
  })), "ValidationException",
  "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key");
});

test("batches", async (t) => {
  await makeTable(t, "JsBatch", "pk:S");
  const put = (n) => ({ PutRequest: { Item: { pk: `p${n}`, n } } });
  const all = [...Array(25).keys()];
  const wrote = await documents.send(new BatchWriteCommand({ RequestItems: { JsBatch: all.map(put) } }));
  assert.deepEqual(wrote.UnprocessedItems, {});
  assert.deepEqual(await get("JsBatch", { pk: "p3" }), { pk: "p3", n: 3 });
  for (let i = 0; i < 2; i++) {
    const got = await documents.send(new BatchGetCommand({
      RequestItems: { JsBatch: { Keys: [1, 2, 3, 99].map((n) => ({ pk: `p${n}` })) } },
    }));
    assert.deepEqual(got.Responses.JsBatch.map((item) => item.n).sort(), [1, 2, 3]);
    assert.deepEqual(got.UnprocessedKeys, {});
  }
  await documents.send(new BatchWriteCommand({
    RequestItems: { JsBatch: [{ DeleteRequest: { Key: { pk: "p1" } } }, { PutRequest: { Item: { pk: "p2", n: "new" } } }] },
  }));
  const got = await documents.send(new BatchGetCommand({
    RequestItems: { JsBatch: { Keys: [{ pk: "p1" }, { pk: "p2" }] } },
  }));
  assert.deepEqual(got.Responses.JsBatch, [{ pk: "p2", n: "new" }]);
  assert.equal((await documents.send(new ScanCommand({ TableName: "JsBatch", Select: "COUNT" }))).Count, 24);
});
