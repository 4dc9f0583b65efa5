// electrodb: two entities in one table, found by one collection.

import assert from "node:assert/strict";
import test from "node:test";
import { Entity, Service } from "electrodb";
import { documents, makeTable } from "./suite.js";

const index = (hash, range, pk, sk, more = {}) => ({ pk: { field: hash, composite: pk }, sk: { field: range, composite: sk }, ...more });

async function tasks(t, table) {
  await makeTable(t, table, "pk:S", "sk:S", [{ name: "gsi1", hash: "gsi1pk:S", range: "gsi1sk:S" }]);
  const configuration = { client: documents, table };
  const Employee = new Entity({
    model: { entity: "employee", version: "1", service: "office" },
    attributes: { id: { type: "string" }, team: { type: "string" }, salary: { type: "number" } },
    indexes: {
      byId: index("pk", "sk", ["id"], []),
      members: index("gsi1pk", "gsi1sk", ["team"], ["id"], { index: "gsi1", collection: "staff" }),
    },
  }, configuration);
  const Task = new Entity({
    model: { entity: "task", version: "1", service: "office" },
    attributes: { id: { type: "string" }, team: { type: "string" }, points: { type: "number", default: 1 } },
    indexes: {
      byId: index("pk", "sk", ["id"], []),
      assigned: index("gsi1pk", "gsi1sk", ["team"], ["id"], { index: "gsi1", collection: "staff" }),
    },
  }, configuration);
  return { Employee, Task, office: new Service({ Employee, Task }, configuration) };
}

test("electrodb: every write is seen by the next read", async (t) => {
  const { Employee } = await tasks(t, "ElectroWrites");
  const get = async () => (await Employee.get({ id: "e1" }).go()).data;
  assert.equal(await get(), null);
  await Employee.create({ id: "e1", team: "blue", salary: 10 }).go();
  for (let i = 0; i < 2; i++) assert.deepEqual(await get(), { id: "e1", team: "blue", salary: 10 });
  await assert.rejects(Employee.create({ id: "e1", team: "red", salary: 1 }).go(), /conditional request failed/);
  await Employee.patch({ id: "e1" }).add({ salary: 5 }).go();
  assert.equal((await get()).salary, 15);
  await Employee.remove({ id: "e1" }).go();
  assert.equal(await get(), null);
});

test("electrodb: a collection over two entities, pages, batches and transactions", async (t) => {
  const { Employee, Task, office } = await tasks(t, "ElectroReads");
  await Employee.put(["a", "b", "c"].map((id) => ({ id, team: "blue", salary: 1 }))).go();
  await Task.put(Array.from({ length: 30 }, (_, n) => ({ id: String(n).padStart(2, "0"), team: "blue" }))).go();
  const count = async () => {
    const { data } = await office.collections.staff({ team: "blue" }).go({ pages: "all" });
    return [data.Employee.length, data.Task.length];
  };
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await count(), [3, 30]);
    const { data, unprocessed } = await Employee.get(["c", "a", "x"].map((id) => ({ id }))).go({ preserveBatchOrder: true });
    assert.deepEqual([data.map((e) => e?.id ?? null), unprocessed], [["c", "a", null], []]);
  }
  const first = await Task.query.assigned({ team: "blue" }).go({ limit: 10 });
  assert.deepEqual([first.data.length, first.data[9].id], [10, "09"]);
  const next = await Task.query.assigned({ team: "blue" }).go({ limit: 10, cursor: first.cursor });
  assert.equal(next.data[0].id, "10");
  const done = await office.transaction.write(({ Employee, Task }) => [
    Employee.delete({ id: "a" }).commit(), Task.patch({ id: "00" }).set({ team: "red" }).commit(),
  ]).go();
  assert.equal(done.canceled, false);
  assert.deepEqual(await count(), [2, 29]);
});
