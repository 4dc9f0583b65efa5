// dynamodb-toolbox: a table and an entity with its own names for attributes.

import assert from "node:assert/strict";
import test from "node:test";
import { Entity, GetItemCommand, PutItemCommand, QueryCommand, DeleteItemCommand, Table, UpdateItemCommand, item, number, string, set, $add } from "dynamodb-toolbox";
import { BatchGetCommand, BatchGetRequest, executeBatchGet } from "dynamodb-toolbox";
import { executeTransactWrite, PutTransaction, ConditionCheck } from "dynamodb-toolbox";
import { documents, makeTable } from "./suite.js";

async function orders(t, name) {
  await makeTable(t, name, "pk:S", "sk:S", [{ name: "byStatus", hash: "status:S", range: "sk:S" }]);
  const table = new Table({
    documentClient: documents, name, partitionKey: { name: "pk", type: "string" }, sortKey: { name: "sk", type: "string" },
    indexes: { byStatus: { type: "global", partitionKey: { name: "status", type: "string" }, sortKey: { name: "sk", type: "string" } } },
  });
  const order = new Entity({
    name: "Order", table, timestamps: false,
    schema: item({
      customer: string().key().savedAs("pk"), day: string().key().savedAs("sk"),
      status: string().default("open"), total: number().optional(), tags: set(string()).optional(),
    }),
  });
  return { table, order };
}

test("toolbox: an entity is put, read, updated and deleted, and every read sees it", async (t) => {
  const { order } = await orders(t, "ToolboxOrders");
  const key = { customer: "c1", day: "2024-02-01" };
  const get = async () => (await order.build(GetItemCommand).key(key).send()).Item;
  assert.equal(await get(), undefined);
  await order.build(PutItemCommand).item({ ...key, total: 5, tags: new Set(["new"]) }).send();
  for (let i = 0; i < 2; i++) assert.deepEqual(await get(), { ...key, status: "open", total: 5, tags: new Set(["new"]) });
  await order.build(UpdateItemCommand).item({ ...key, status: "paid", total: $add(2) }).send();
  assert.deepEqual(await get(), { ...key, status: "paid", total: 7, tags: new Set(["new"]) });
  await assert.rejects(
    order.build(PutItemCommand).item({ ...key }).options({ condition: { attr: "customer", exists: false } }).send(),
    { name: "ConditionalCheckFailedException" });
  await order.build(DeleteItemCommand).key(key).send();
  assert.equal(await get(), undefined);
});

test("toolbox: queries on the table and an index, batches and transactions", async (t) => {
  const { table, order } = await orders(t, "ToolboxQueries");
  for (let day = 1; day <= 9; day++) {
    await order.build(PutItemCommand).item({ customer: "c1", day: `2024-02-0${day}`, total: day, status: day % 2 ? "odd" : "even" }).send();
  }
  const query = async (q) => (await table.build(QueryCommand).entities(order).query(q).send()).Items.map((o) => o.total);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await query({ partition: "c1", range: { gte: "2024-02-07" } }), [7, 8, 9]);
    assert.deepEqual(await query({ index: "byStatus", partition: "even" }), [2, 4, 6, 8]);
    const { Responses } = await executeBatchGet(table.build(BatchGetCommand).requests(
      ...["1", "2", "0"].map((day) => order.build(BatchGetRequest).key({ customer: "c1", day: `2024-02-0${day}` }))));
    assert.deepEqual(Responses[0].map((o) => o?.total), [1, 2, undefined]);
  }
  await executeTransactWrite(
    order.build(PutTransaction).item({ customer: "c1", day: "2024-02-10", total: 10, status: "even" }),
    order.build(ConditionCheck).key({ customer: "c1", day: "2024-02-01" }).condition({ attr: "total", eq: 1 }));
  assert.deepEqual(await query({ index: "byStatus", partition: "even" }), [2, 4, 6, 8, 10]);
});
