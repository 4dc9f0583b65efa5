// dynamoose: models that make their own table.

import assert from "node:assert/strict";
import test from "node:test";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import dynamoose from "dynamoose";
import { recorded, settings, unrecorded } from "./suite.js";

const client = recorded(new DynamoDB(settings));
dynamoose.aws.ddb.set(client);

async function users(t, name) {
  const User = dynamoose.model("User" + name, new dynamoose.Schema({
    id: { type: String, hashKey: true }, joined: { type: Number, rangeKey: true },
    team: { type: String, index: { name: "byTeam", type: "global", rangeKey: "joined" } },
    name: String, tags: { type: Set, schema: [String] },
  }, { saveUnknown: false }));
  // It makes the table, and waits for it by asking again and again, which is not recorded.
  const table = new dynamoose.Table(name, [User], { initialize: false, throughput: "ON_DEMAND" });
  await unrecorded(() => table.initialize());
  t.after(() => unrecorded(() => client.deleteTable({ TableName: name })));
  return User;
}

test("dynamoose: every write is seen by the next read", async (t) => {
  const User = await users(t, "DynamooseWrites");
  const key = { id: "u1", joined: 2024 };
  assert.equal(await User.get(key), undefined);
  await User.create({ ...key, name: "Ada", team: "blue", tags: new Set(["x"]) });
  for (let i = 0; i < 2; i++) {
    const user = await User.get(key);
    assert.deepEqual([user.id, user.joined, user.name, user.team, [...user.tags]], ["u1", 2024, "Ada", "blue", ["x"]]);
  }
  await assert.rejects(User.create({ ...key, name: "Eve" }), { name: "ConditionalCheckFailedException" });
  await User.update(key, { $SET: { name: "Ada L." }, $REMOVE: ["tags"] });
  assert.deepEqual((await User.get(key)).toJSON(), { ...key, name: "Ada L.", team: "blue" });
  await User.delete(key);
  assert.equal(await User.get(key), undefined);
});

test("dynamoose: queries, scans, batches and transactions", async (t) => {
  const User = await users(t, "DynamooseReads");
  const made = Array.from({ length: 20 }, (_, n) => ({ id: "u" + (n % 2), joined: n, team: n % 2 ? "odd" : "even", name: "n" + n }));
  await User.batchPut(made);
  for (let i = 0; i < 2; i++) {
    const found = await User.query("id").eq("u1").where("joined").between(5, 11).sort("descending").exec();
    assert.deepEqual(found.map((u) => u.joined), [11, 9, 7, 5]);
    const team = await User.query("team").eq("even").using("byTeam").where("joined").lt(6).exec();
    assert.deepEqual(team.map((u) => u.name), ["n0", "n2", "n4"]);
    const got = await User.batchGet([{ id: "u0", joined: 0 }, { id: "u1", joined: 1 }, { id: "u1", joined: 2 }]);
    assert.deepEqual(got.map((u) => u.name).sort(), ["n0", "n1"]);
  }
  assert.equal((await User.scan("name").beginsWith("n1").exec()).count, 11);
  await dynamoose.transaction([
    User.transaction.create({ id: "u1", joined: 21, team: "odd", name: "n21" }), User.transaction.delete({ id: "u1", joined: 1 }),
  ]);
  assert.equal((await User.query("id").eq("u1").count().exec()).count, 10);
});
