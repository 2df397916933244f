// SPDX-License-Identifier: Apache-2.0
// Amazon's own SDK as the judge: it reads the event streams that our scripted vendor sends, and it knows each member of the requests that
// we write (what it does not know, it leaves out).
import { readFileSync } from "node:fs";
import http from "node:http";
import { after, before } from "node:test";

import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelWithResponseStreamCommand } from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";

import { awsChunk, awsError, awsEvent, awsException, awsRead, awsStreamType } from "./lib/aws_stream.js";
import { assert, test } from "./lib/test.js";

const golden = (name) => readFileSync(new URL(`../unit/dialect/golden/bedrock_converse/${name}`, import.meta.url), "utf8").trim();
const events = golden("stream_all.events.jsonl").split("\n").map((line) => JSON.parse(line));
const streams = {
  whole: Buffer.concat(events.map(([name, body]) => awsEvent(name, body))),
  exception: Buffer.concat([awsEvent("messageStart", { role: "assistant" }), awsException("throttlingException", "slow down")]),
  error: Buffer.concat([awsEvent("messageStart", { role: "assistant" }), awsError("InternalFailure", "oh")]),
  chunks: Buffer.concat([awsChunk({ type: "message_start" }), awsChunk({ type: "message_stop" })]),
};
let server, client, received;

/** The model's name says which stream is wanted. */
function answer(req, res, body) {
  received = body;
  const stream = streams[decodeURIComponent(req.url.split("/")[2])];
  res.writeHead(200, { "content-type": req.url.includes("stream") ? awsStreamType : "application/json" });
  if (!req.url.includes("stream")) return res.end(golden("answer_all.json"));
  for (let i = 0; i < stream.length; i += 37) res.write(stream.subarray(i, i + 37));
  res.end();
}

before(async () => {
  server = http.createServer(async (req, res) => {
    const pieces = [];
    for await (const piece of req) pieces.push(piece);
    answer(req, res, Buffer.concat(pieces).toString());
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  client = new BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${server.address().port}`,
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    requestHandler: new NodeHttpHandler(), // its usual one speaks HTTP/2 only
  });
});
after(() => server.close());

const hi = [{ role: "user", content: [{ text: "hi" }] }];
const converse = async (modelId) => {
  const { stream } = await client.send(new ConverseStreamCommand({ modelId, messages: hi }));
  const seen = [];
  for await (const event of stream) seen.push(event);
  return seen;
};

test("Amazon's SDK reads our event streams, whatever cuts them", async () => {
  const seen = await converse("whole");
  assert.deepEqual(seen.map((event) => Object.keys(event)[0]), events.map(([name]) => name));
  assert.equal(seen.at(-1).metadata.usage.cacheReadInputTokens, 1000);
});

test("our exceptions and errors are its exceptions", async () => {
  await assert.rejects(converse("exception"), { name: "ThrottlingException", message: "slow down" });
  await assert.rejects(converse("error"), { name: "InternalFailure", message: "oh" });
});

test("it reads the chunks of an invocation", async () => {
  const { body } = await client.send(new InvokeModelWithResponseStreamCommand({ modelId: "chunks", body: "{}" }));
  const types = [];
  for await (const { chunk } of body) types.push(JSON.parse(Buffer.from(chunk.bytes)).type);
  assert.deepEqual(types, ["message_start", "message_stop"]);
});

test("our reader of event streams finds what was written, and damage", () => {
  const messages = awsRead(streams.whole);
  assert.deepEqual(messages.map(({ headers, body }) => [headers[":event-type"], JSON.parse(body)]), events);
  const damaged = Buffer.from(streams.whole);
  damaged[40] ^= 1;
  assert.throws(() => awsRead(damaged), /checksum/);
});

/** The SDK wants bytes where the wire has base64. */
const withBytes = (value, name) => {
  if (typeof value === "string" && (name === "bytes" || name === "redactedContent")) return Buffer.from(value, "base64");
  if (Array.isArray(value)) return value.map((item) => withBytes(item));
  if (value === null || typeof value !== "object" || name === "input" || name === "json") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withBytes(item, key)]));
};

for (const name of ["call_tools.json", "call_all.json"]) {
  test(`it knows each member of the request in ${name}`, async () => {
    const wire = JSON.parse(golden(name).split(/ (?:unsayable|adapted): /)[0]);
    const { output } = await client.send(new ConverseCommand({ modelId: "m", ...withBytes(wire) }));
    assert.deepEqual(JSON.parse(received), wire);
    assert.equal(output.message.content.length, 8);
  });
}
