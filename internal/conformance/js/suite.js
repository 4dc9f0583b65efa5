// The clients, the transcript and the tables that every test file uses.
//
// MILLRACE_ENDPOINT names the server, by the SDK's own endpoint variable. MILLRACE_TRANSCRIPT names the file that
// gets one JSON line for each call and its answer, so that two runs can be compared; a second file, of the same
// name with ".cache", gets each reply's X-Millrace-Cache header, which may differ between runs.

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import {
  CreateTableCommand, DeleteTableCommand, DescribeTableCommand, DynamoDBClient, waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

export const endpoint = process.env.MILLRACE_ENDPOINT;
if (!endpoint) throw new Error("MILLRACE_ENDPOINT is not set: give the URL of a running millrace");
process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint;

const file = process.env.MILLRACE_TRANSCRIPT;
let paused = 0;

// Members whose value is a moment or an identity of the run, not an answer.
const volatile = new Set([
  "CreationDateTime", "TableId", "LastIncreaseDateTime", "LastDecreaseDateTime", "LastUpdateToPayPerRequestDateTime",
  "$metadata", "$response",
]);

// normalise makes a value that JSON can hold, with members in one order and without what may differ between runs.
function normalise(value) {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (value instanceof Set) return { set: [...value].map(normalise) };
  if (typeof value === "bigint") return { bigint: String(value) };
  if (Array.isArray(value)) return value.map(normalise);
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value).filter((k) => !volatile.has(k) && value[k] !== undefined).sort();
  return Object.fromEntries(keys.map((k) => [k, normalise(value[k])]));
}

function write(suffix, line) {
  if (file && !paused) appendFileSync(file + suffix, JSON.stringify(line) + "\n");
}

// settings are an application's that was given nothing but the endpoint variable, except that it does not retry: a retry
// would hide a fault.
export const settings = {
  region: "us-east-1", credentials: { accessKeyId: "suite", secretAccessKey: "suite" }, maxAttempts: 1,
};

// recorded makes a client write its calls to the transcript.
export function recorded(client) {
  client.middlewareStack.add((next, context) => async (args) => {
    const line = { operation: context.commandName, request: normalise(args.input) };
    try {
      const result = await next(args);
      write("", { ...line, answer: normalise(result.output) });
      return result;
    } catch (error) {
      write("", { ...line, error: { name: error.name, message: error.message, item: normalise(error.Item) } });
      throw error;
    }
  }, { step: "initialize", name: "transcript", priority: "high" });

  client.middlewareStack.add((next, context) => async (args) => {
    const result = await next(args);
    write(".cache", { operation: context.commandName, cache: result.response.headers["x-millrace-cache"] ?? "" });
    return result;
  }, { step: "deserialize", name: "cacheWord", priority: "low" });
  return client;
}

const client = recorded(new DynamoDBClient(settings));

export { client };
export const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });

// unrecorded runs f without writing its calls: how many a wait makes is a matter of time.
export async function unrecorded(f) {
  paused++;
  try {
    return await f();
  } finally {
    paused--;
  }
}

// makeTable creates a table that is deleted when test t ends. A key is "name:TYPE"; an index is
// { name, hash, range, projection, local }.
export async function makeTable(t, name, hash, range, indexes = []) {
  const types = new Map();
  const schema = (...keys) => keys.filter(Boolean).map((key, i) => {
    const [attribute, type] = key.split(":");
    types.set(attribute, type);
    return { AttributeName: attribute, KeyType: i === 0 ? "HASH" : "RANGE" };
  });
  const input = { TableName: name, KeySchema: schema(hash, range), BillingMode: "PAY_PER_REQUEST" };
  for (const index of indexes) {
    const member = index.local ? "LocalSecondaryIndexes" : "GlobalSecondaryIndexes";
    (input[member] ??= []).push({
      IndexName: index.name, KeySchema: schema(index.hash, index.range),
      Projection: index.projection ?? { ProjectionType: "ALL" },
    });
  }
  input.AttributeDefinitions = [...types].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType }));
  const wait = { client, minDelay: 1, maxDelay: 1, maxWaitTime: 60 };
  await client.send(new CreateTableCommand(input));
  t.after(() => unrecorded(async () => {
    await client.send(new DeleteTableCommand({ TableName: name }));
    await waitUntilTableNotExists(wait, { TableName: name });
  }));
  await unrecorded(() => waitUntilTableExists(wait, { TableName: name }));
  return (await unrecorded(() => client.send(new DescribeTableCommand({ TableName: name })))).Table;
}

// refused asserts that promise ends in exactly this service exception, and gives it.
export async function refused(promise, name, message) {
  const error = await promise.then(() => assert.fail(`succeeded, want ${name}`), (e) => e);
  assert.deepEqual({ name: error.name, message: error.message }, { name, message });
  return error;
}
