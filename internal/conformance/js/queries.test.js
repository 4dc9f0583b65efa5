import assert from "node:assert/strict";
import test from "node:test";
import { DescribeTableCommand, paginateListTables, paginateScan } from "@aws-sdk/client-dynamodb";
import { BatchWriteCommand, DeleteCommand, paginateQuery, PutCommand, QueryCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { client, documents, makeTable, refused } from "./suite.js";

async function fill(TableName, count) {
  const items = [...Array(count).keys()].map((sk) => ({ pk: "p", sk, g: `g${sk % 3}`, r: count - sk }));
  for (let at = 0; at < count; at += 25) {
    await documents.send(new BatchWriteCommand({
      RequestItems: { [TableName]: items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } })) },
    }));
  }
  return items;
}

test("queries, forwards and backwards, filtered and projected", async (t) => {
  await makeTable(t, "JsQuery", "pk:S", "sk:N");
  await fill("JsQuery", 30);
  const ask = (more) => documents.send(new QueryCommand({
    TableName: "JsQuery", KeyConditionExpression: "pk = :p AND sk BETWEEN :a AND :b",
    ExpressionAttributeValues: { ":p": "p", ":a": 5, ":b": 9, ...more?.values }, ...more?.input,
  }));
  for (let i = 0; i < 2; i++) {
    assert.deepEqual((await ask()).Items.map((x) => x.sk), [5, 6, 7, 8, 9]);
    assert.deepEqual((await ask({ input: { ScanIndexForward: false, Limit: 2 } })).Items.map((x) => x.sk), [9, 8]);
    const filtered = await ask({
      values: { ":g": "g0" }, input: { FilterExpression: "g = :g", ProjectionExpression: "sk" },
    });
    assert.deepEqual([filtered.Items, filtered.Count, filtered.ScannedCount], [[{ sk: 6 }, { sk: 9 }], 2, 5]);
  }
  await documents.send(new DeleteCommand({ TableName: "JsQuery", Key: { pk: "p", sk: 7 } }));
  assert.deepEqual((await ask()).Items.map((x) => x.sk), [5, 6, 8, 9]);
  await documents.send(new PutCommand({ TableName: "JsQuery", Item: { pk: "p", sk: 7.5 } }));
  assert.deepEqual((await ask()).Items.map((x) => x.sk), [5, 6, 7.5, 8, 9]);
});

test("paginators", async (t) => {
  await makeTable(t, "JsPages", "pk:S", "sk:N");
  await fill("JsPages", 40);
  const sizes = [];
  const got = [];
  for await (const page of paginateQuery({ client: documents, pageSize: 15 }, {
    TableName: "JsPages", KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": "p" },
  })) {
    sizes.push(page.Count);
    got.push(...page.Items.map((x) => x.sk));
  }
  assert.deepEqual(sizes, [15, 15, 10]);
  assert.deepEqual(got, [...Array(40).keys()]);
  let scanned = 0;
  for await (const page of paginateScan({ client, pageSize: 7 }, { TableName: "JsPages" })) scanned += page.Count;
  assert.equal(scanned, 40);
  const names = [];
  for await (const page of paginateListTables({ client, pageSize: 1 }, {})) names.push(...page.TableNames);
  assert.ok(names.includes("JsPages"));
});

test("indexes follow every write", async (t) => {
  const table = await makeTable(t, "JsIndexes", "pk:S", "sk:N", [
    { name: "by-group", hash: "g:S", range: "r:N" },
    { name: "by-rank", hash: "pk:S", range: "r:N", projection: { ProjectionType: "KEYS_ONLY" }, local: true },
  ]);
  assert.equal(table.GlobalSecondaryIndexes[0].IndexStatus, "ACTIVE");
  await fill("JsIndexes", 9);
  const group = async (g) => (await documents.send(new QueryCommand({
    TableName: "JsIndexes", IndexName: "by-group", KeyConditionExpression: "g = :g",
    ExpressionAttributeValues: { ":g": g },
  }))).Items.map((x) => x.sk);
  const ranks = async () => (await documents.send(new QueryCommand({
    TableName: "JsIndexes", IndexName: "by-rank", KeyConditionExpression: "pk = :p AND r < :r", ConsistentRead: true,
    ExpressionAttributeValues: { ":p": "p", ":r": 4 },
  }))).Items;
  assert.deepEqual(await group("g0"), [6, 3, 0]);
  assert.deepEqual(await ranks(), [{ pk: "p", sk: 8, r: 1 }, { pk: "p", sk: 7, r: 2 }, { pk: "p", sk: 6, r: 3 }]);
  await documents.send(new PutCommand({ TableName: "JsIndexes", Item: { pk: "p", sk: 6, g: "g1", r: 50 } }));
  assert.deepEqual(await group("g0"), [3, 0]);
  assert.deepEqual(await group("g1"), [7, 4, 1, 6]);
  assert.deepEqual(await ranks(), [{ pk: "p", sk: 8, r: 1 }, { pk: "p", sk: 7, r: 2 }]);
  await refused(documents.send(new QueryCommand({
    TableName: "JsIndexes", IndexName: "by-group", KeyConditionExpression: "g = :g", ConsistentRead: true,
    ExpressionAttributeValues: { ":g": "g0" },
  })), "ValidationException", "Consistent reads are not supported on global secondary indexes");
});

test("scans by segment see everything once", async (t) => {
  await makeTable(t, "JsScan", "pk:S");
  for (let n = 0; n < 20; n++) await documents.send(new PutCommand({ TableName: "JsScan", Item: { pk: `p${n}` } }));
  const got = [];
  for (let Segment = 0; Segment < 3; Segment++) {
    const page = await documents.send(new ScanCommand({ TableName: "JsScan", Segment, TotalSegments: 3 }));
    got.push(...page.Items.map((x) => x.pk));
  }
  assert.deepEqual(got.sort(), [...Array(20).keys()].map((n) => `p${n}`).sort());
});

test("describe gives dates as dates", async (t) => {
  await makeTable(t, "JsDescribe", "pk:S");
  const { Table } = await client.send(new DescribeTableCommand({ TableName: "JsDescribe" }));
  assert.ok(Table.CreationDateTime instanceof Date);
  assert.ok(Math.abs(Table.CreationDateTime - Date.now()) < 60_000);
  assert.equal(Table.TableStatus, "ACTIVE");
});
