// dynamodb-admin, the web page that people look into a local DynamoDB with: a process of its own, asked as a browser asks it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { documents, endpoint, makeTable } from "./suite.js";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// start runs dynamodb-admin until test t ends and gives a function that asks it: ask(method, path, body).
async function start(t) {
  const program = fileURLToPath(new URL("node_modules/dynamodb-admin/dist/dynamodb-admin.js", import.meta.url));
  const port = await freePort();
  const child = spawn(process.execPath, [program, "--host", "127.0.0.1", "--port", String(port)], {
    env: { ...process.env, DYNAMO_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: "suite", AWS_SECRET_ACCESS_KEY: "suite", AWS_REGION: "us-east-1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  let said = "";
  child.stderr.on("data", (b) => { said += b; });
  await new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error("dynamodb-admin ended: " + said)));
    child.stdout.on("data", (b) => { said += b; if (said.includes("listening on")) resolve(); });
  });
  return async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path} = ${response.status} ${text}`);
    return text;
  };
}

test("dynamodb-admin shows and changes what others see", async (t) => {
  await makeTable(t, "AdminBooks", "author:S", "title:S", [{ name: "byYear", hash: "year:N", range: "title:S" }]);
  const ask = await start(t);
  assert.match(await ask("GET", "/"), /AdminBooks/);
  assert.match(await ask("GET", "/tables/AdminBooks"), /byYear/);

  const Key = { author: "Lem", title: "Solaris" };
  await documents.send(new PutCommand({ TableName: "AdminBooks", Item: { ...Key, year: 1961 } }));
  const items = async (query = "") => JSON.parse(await ask("GET", "/tables/AdminBooks/items" + query)).Items.map((i) => i.title);
  assert.deepEqual(await items(), ["Solaris"]);
  await ask("PUT", "/tables/AdminBooks/add-item", { author: "Lem", title: "Fiasco", year: 1986 });
  assert.deepEqual(await items(), ["Fiasco", "Solaris"]);
  const filters = encodeURIComponent(JSON.stringify({ year: { operator: "=", type: "N", value: "1961" } }));
  assert.deepEqual(await items(`?operationType=query&queryableSelection=byYear&filters=${filters}`), ["Solaris"]);

  // What it writes is what the SDK reads, also where that was cached, and the other way round.
  const get = async () => (await documents.send(new GetCommand({ TableName: "AdminBooks", Key }))).Item;
  assert.equal((await get()).year, 1961);
  const path = "/tables/AdminBooks/items/" + encodeURIComponent("Lem,Solaris");
  await ask("PUT", path, { ...Key, year: 1970 });
  assert.equal((await get()).year, 1970);
  assert.match(await ask("GET", path), /1970/);
  await ask("DELETE", path);
  assert.equal(await get(), undefined);
  assert.deepEqual(await items(), ["Fiasco"]);
  assert.match(await ask("GET", "/tables/AdminBooks/meta"), /AdminBooks/);
});
