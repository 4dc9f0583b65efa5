// Load by the SDK for JavaScript as an application gets it: see ../python/life.py, which does the same.

import { text } from "node:stream/consumers";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

const workers = 8;
const told = { calls: 0, faults: [], stale: [] };
let stopped = false;

async function work(n) {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({
    endpoint: process.env.MILLRACE_ENDPOINT, region: "us-east-1", credentials: { accessKeyId: "life", secretAccessKey: "life" },
  }));
  const Key = { pk: `js-${n}`, sk: 0 };
  const call = (Command, input) => {
    told.calls++;
    return client.send(new Command({ TableName: "Life", ...input }));
  };
  for (let count = 1; !stopped; count++) {
    try {
      await call(PutCommand, { Item: { ...Key, n: count } });
      const query = { KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": Key.pk } };
      const update = { Key, UpdateExpression: "SET n = :n", ExpressionAttributeValues: { ":n": count }, ReturnValues: "ALL_NEW" };
      const seen = [
        (await call(GetCommand, { Key })).Item?.n, (await call(QueryCommand, query)).Items[0]?.n,
        (await call(UpdateCommand, update)).Attributes.n,
      ];
      if (seen.some((v) => v !== count)) told.stale.push(`wrote ${count}, saw ${seen}`);
      if (count % 10 === 0) {
        await call(DeleteCommand, { Key });
        if ((await call(GetCommand, { Key })).Item) told.stale.push("saw what was deleted");
      }
    } catch (error) {
      told.faults.push(`${error.name}: ${error.message}`);
    }
    if (n === 0 && count === 1) console.log("begun");
  }
}

const working = Promise.all(Array.from({ length: workers }, (_, n) => work(n)));
await text(process.stdin);
stopped = true;
await working;
console.log(JSON.stringify(told));
