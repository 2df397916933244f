// SPDX-License-Identifier: Apache-2.0
// Realtime sessions over a WebSocket: who may open one, what passes, what it costs, and how it ends. OpenAI's own client, and `ws`.
import { before, beforeEach } from "node:test";
import fs from "node:fs";

import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { WebSocket } from "ws";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate, tempDir } from "./lib/gate.js";
import { sleep, until } from "./lib/process.js";
import { startRealtime, usage } from "./lib/realtime_mock.js";
import { assert, newRun, test } from "./lib/test.js";
import { makeAuthority } from "./lib/tls.js";

let gate, vendor, secure, ca;
const model = "gpt-realtime";
const quiet = { type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: null } } } };
const create = { type: "response.create" };
const used = usage({
  total_tokens: 1300, input_tokens: 1000, output_tokens: 300,
  input_token_details: { cached_tokens: 128, text_tokens: 400, audio_tokens: 500, image_tokens: 100, cached_tokens_details: { text_tokens: 64, audio_tokens: 60, image_tokens: 4 } },
  output_token_details: { text_tokens: 50, audio_tokens: 250 },
});
const cost = 336n * 4000n + 64n * 400n + 440n * 32000n + 60n * 400n + 96n * 5000n + 4n * 500n + 50n * 16000n + 250n * 64000n;

/** A client that notes what it hears. */
function connect(name, { run = newRun(), path = `/openai/v1/realtime?model=${model}`, headers, protocols = [], url = gate.url, ca: trusted } = {}) {
  const ws = new WebSocket(url.replace("http", "ws") + path, protocols, { headers: headers ?? { authorization: `Bearer ${tokenOf(name)}`, "x-agent-run-id": run }, perMessageDeflate: true, ...(trusted ? { ca: trusted } : {}) });
  const c = { ws, run, events: [], code: null, reason: null, refused: null };
  c.opened = new Promise((resolve) => {
    ws.on("open", () => resolve(true));
    ws.on("unexpected-response", (request, response) => {
      let text = "";
      response.on("data", (bytes) => (text += bytes));
      response.on("end", () => { c.refused = { status: response.statusCode, headers: response.headers, body: JSON.parse(text) }; resolve(false); });
    });
  });
  ws.on("message", (bytes) => c.events.push(JSON.parse(bytes.toString())));
  ws.on("close", (code, reason) => { c.code = code; c.reason = reason.toString(); });
  ws.on("error", () => {});
  c.send = (event) => ws.send(typeof event === "string" ? event : JSON.stringify(event));
  c.heard = (type, count = 1) => until(() => { const found = c.events.filter((e) => e.type === type); return found.length >= count && found; }, `${type} (heard: ${c.events.map((e) => e.type)})`);
  c.closed = () => until(() => c.code !== null && c, "the close");
  return c;
}
const row = (run) => until(async () => { const found = await gate.calls({ run }); return found.length === 1 && found[0]; }, `the row of ${run}`);
async function open(name, more) {
  const c = connect(name, more);
  assert.equal(await c.opened, true, JSON.stringify(c.refused));
  await c.heard("session.created");
  return c;
}
async function refused(c, status, code) {
  const count = vendor.count;
  assert.equal(await c.opened, false);
  assert.equal(c.refused.status, status, JSON.stringify(c.refused.body));
  assert.equal(c.refused.headers["x-tollgate-denied"], code);
  assert.equal(vendor.count, count, "the vendor is not contacted");
}
const reserved = async (name) => (await gate.get("/budgets")).budgets.filter((b) => b.account?.includes(name) || b.owner?.includes(name));

before(async () => {
  vendor = await startRealtime();
  const made = config({ openai: vendor.url }, {
    policies: { other: { allow: ["*"], models: ["gpt-4o"] }, few: { allow: ["openai.models"] }, some: { allow: ["*"], models: [model, "whisper-1"] }, cheap: { allow: ["*"], max_call_usd: "0.6" } },
    keys: [
      key("free", ["openai-main"]),
      key("ten", ["openai-main"], { budgets: [{ limit: "10 usd", window: "day" }] }),
      key("rich", ["openai-main"], { budgets: [{ limit: "1000 usd", window: "day" }] }),
      key("one", ["openai-main"], { budgets: [{ limit: "0.45 usd", window: "total" }] }),
      key("held", ["openai-main"], { budgets: [{ limit: "1 usd", window: "total" }] }),
      key("ears", ["openai-main"], { budgets: [{ limit: "0.6 usd", window: "total" }] }),
      key("cent", ["openai-main"], { budgets: [{ limit: "0.01 usd", window: "day" }] }),
      key("stopme", ["openai-main"], { budgets: [{ limit: "10 usd", window: "day" }] }),
      key("other", ["openai-main"], { policy: "other" }),
      key("few", ["openai-main"], { policy: "few" }),
      key("some", ["openai-main"], { policy: "some", budgets: [{ limit: "10 usd", window: "day" }] }),
      key("cheap", ["openai-main"], { policy: "cheap" }),
    ],
  });
  gate = await startGate(made);
  const dir = tempDir("wss");
  const authority = makeAuthority(dir);
  const { certFile, keyFile } = authority.issue("gate", "IP:127.0.0.1");
  ca = fs.readFileSync(authority.file);
  secure = await startGate({ ...made, durability: "strict", tls: { cert: certFile, key: keyFile } });
});

beforeEach(() => { vendor.play = {}; });

test("refused before the vendor is contacted: key, operation, model, budget, price, and what is no WebSocket", async () => {
  await refused(connect("nobody"), 401, "key_unknown");
  await refused(connect("few"), 403, "operation_denied");
  await refused(connect("other"), 403, "model_denied");
  await refused(connect("cent"), 402, "budget_exceeded");
  await refused(connect("ten", { path: "/openai/v1/realtime?model=no-such-model" }), 422, "price_unknown");
  await refused(connect("ten", { path: "/openai/v1/realtime" }), 400, "bad_request");
  await refused(connect("ten", { path: `/openai/v1/realtime?model=${model}&model=gpt-4o` }), 400, "not_canonical");
  const plain = await fetch(`${gate.url}/openai/v1/realtime?model=${model}`, { headers: { authorization: `Bearer ${tokenOf("ten")}` } });
  assert.equal(plain.status, 400);
  assert.equal(vendor.count, 0);
});

test("the vendor's refusal comes back as what it is, and costs nothing", async () => {
  vendor.play = { refuse: 404 };
  const c = connect("ten");
  assert.equal(await c.opened, false);
  assert.equal(c.refused.status, 404);
  assert.equal(c.refused.body.error.code, "model_not_found");
  assert.equal(nanos((await row(c.run)).cost_usd), 0n);
});

test("a session: events pass both ways, the vendor sees its secret and never the key, every response is charged to the nano-dollar", async () => {
  vendor.play = { usage: used };
  const c = await open("ten");
  const s = vendor.last();
  assert.equal(s.url, `/v1/realtime?model=${model}`);
  assert.equal(s.headers.authorization, `Bearer ${secrets.openai}`);
  assert.equal(s.headers["sec-websocket-extensions"], undefined);
  assert.equal(c.ws.extensions, "");
  assert.ok(!JSON.stringify(s.headers).includes(tokenOf("ten")));
  c.send(quiet);
  await c.heard("session.updated");
  c.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: "grüß Gott" }] } });
  c.send(create);
  await c.heard("response.done");
  c.send(create);
  await c.heard("response.done", 2);
  assert.deepEqual(s.events.map((e) => e.type), ["session.update", "conversation.item.create", "response.create", "response.create"]);
  assert.equal(s.events[1].item.content[0].text, "grüß Gott");
  c.ws.close(1000, "bye");
  await c.closed();
  assert.equal(c.code, 1000);
  const r = await row(c.run);
  assert.equal(nanos(r.cost_usd), 2n * cost);
  assert.equal(r.verdict, "allowed");
  assert.equal(r.settled, true);
  assert.equal(r.status, 101);
  assert.equal(r.operation, "openai.realtime");
  assert.equal(r.model, model);
  await until(() => s.code === 1000, "the vendor's close");
  assert.equal(nanos((await gate.get(`/runs/${c.run}`)).total_usd), 2n * cost);
});

test("where SDKs put the key: api-key, and a browser's subprotocol, which goes no further", async () => {
  const c = await open("ten", { headers: { "api-key": tokenOf("ten") } });
  c.ws.close();
  const b = await open("ten", { headers: {}, protocols: ["realtime", `openai-insecure-api-key.${tokenOf("ten")}`, "openai-organization.org-1", "openai-beta.realtime-v1"] });
  assert.equal(b.ws.protocol, "realtime");
  const s = vendor.last();
  assert.equal(s.headers["sec-websocket-protocol"], "realtime, openai-beta.realtime-v1");
  assert.equal(s.headers.authorization, `Bearer ${secrets.openai}`);
  assert.ok(!JSON.stringify([s.headers, s.url]).includes(tokenOf("ten")));
  b.ws.close();
  await b.closed();
});

test("OpenAI's own client, over TLS", async () => {
  vendor.play = { usage: used };
  const client = new OpenAI({ apiKey: tokenOf("ten"), baseURL: `https://127.0.0.1:${secure.port}/v1` });
  const rt = new OpenAIRealtimeWS({ model, options: { ca } }, client);
  const heard = [];
  rt.on("event", (event) => heard.push(event.type));
  await new Promise((resolve, reject) => { rt.socket.on("open", resolve); rt.on("error", reject); });
  rt.send(quiet);
  rt.send({ type: "response.create" });
  const done = await new Promise((resolve) => rt.on("response.done", resolve));
  assert.equal(done.response.usage.total_tokens, 1300);
  rt.close();
  const found = await until(async () => { const rows = await secure.calls({}); return rows.length === 1 && rows[0]; }, "the row");
  assert.equal(nanos(found.cost_usd), cost);
});

test("the budget runs out in the middle: the response under way is finished, the next one is refused, and the session closed with 1008", async () => {
  vendor.play = { usage: used, hold: true };
  const c = await open("one");
  c.send(quiet);
  await c.heard("session.updated");
  c.send(create);
  await c.heard("response.created");
  c.send({ ...create, event_id: "mine_2" });
  const [error] = await c.heard("error");
  assert.equal(error.error.code, "budget_exceeded");
  assert.equal(error.error.type, "insufficient_quota");
  assert.equal(error.error.event_id, "mine_2");
  assert.equal(c.code, null, "the response under way goes on");
  const s = vendor.last();
  assert.equal(s.events.filter((e) => e.type === "response.create").length, 1, "the refused one was not sent on");
  s.finish();
  await c.heard("response.done");
  await c.closed();
  assert.equal(c.code, 1008);
  assert.equal(c.reason, "budget_exceeded");
  const r = await row(c.run);
  assert.equal(nanos(r.cost_usd), cost);
  assert.equal(r.denied, "budget_exceeded");
  assert.equal(r.settled, true);
  const again = await open("one");
  again.send(create);
  await again.closed();
  assert.equal(again.code, 1008, "what is left is too little for a response");
  assert.equal(vendor.last().events.filter((e) => e.type === "response.create").length, 0);
  assert.equal(nanos((await row(again.run)).cost_usd), 0n);
});

test("a response that the vendor begins by itself is covered before the sound that leads to it passes", async () => {
  vendor.play = { usage: used, hold: true };
  const c = await open("ears");
  c.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(4800).toString("base64") });
  const s = vendor.last();
  await until(() => s.events.length === 1, "the sound");
  s.begin(); /* and the one behind it does not fit any more */
  const [error] = await c.heard("error");
  assert.equal(error.error.code, "budget_exceeded");
  await until(() => s.events.some((e) => e.type === "session.update" && e.session.audio.input.turn_detection === null), "the vendor is told to begin no more");
  c.send({ type: "input_audio_buffer.append", audio: "AAAA" });
  s.finish();
  await c.closed();
  assert.equal(c.code, 1008);
  assert.equal(s.events.filter((e) => e.type === "input_audio_buffer.append").length, 1, "no more sound was sent on");
  assert.equal(nanos((await row(c.run)).cost_usd), cost);
});

test("what is written down of what was heard is charged by its own model", async () => {
  const c = await open("some");
  c.send({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: null, transcription: { model: "gpt-4o-transcribe" } } } } });
  const [no] = await c.heard("error");
  assert.equal(no.error.code, "model_denied");
  assert.equal(vendor.last().events.length, 0);
  c.send({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: null, transcription: { model: "whisper-1" } } } } });
  await c.heard("session.updated");
  c.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(48000).toString("base64") });
  await until(() => vendor.last().events.length === 2, "the sound");
  vendor.last().send({ type: "conversation.item.input_audio_transcription.completed", item_id: "i", content_index: 0, transcript: "yes", usage: { type: "duration", seconds: 3 } });
  await c.heard("conversation.item.input_audio_transcription.completed");
  c.ws.close();
  await c.closed();
  assert.equal(nanos((await row(c.run)).cost_usd), 300_000n);
});

test("another model than the one that was allowed is refused inside the session, too; what is no event as well", async () => {
  const c = await open("some");
  c.send({ type: "session.update", event_id: "m", session: { model: "gpt-4o-realtime-preview" } });
  c.send({ type: "response.create", response: { model: "gpt-4o-realtime-preview" } });
  c.send("{");
  c.send('{"type":"response.cancel","type":"response.create"}');
  const errors = await c.heard("error", 4);
  assert.deepEqual(errors.map((e) => e.error.code), ["model_denied", "model_denied", "bad_request", "not_canonical"]);
  assert.equal(errors[0].error.event_id, "m");
  assert.equal(vendor.last().events.length, 0);
  c.ws.close();
  await c.closed();
});

test("a ceiling for one call is one for the session", async () => {
  vendor.play = { usage: used, hold: true };
  const c = await open("cheap");
  c.send(quiet);
  await c.heard("session.updated");
  c.send(create);
  c.send(create);
  await c.heard("error");
  vendor.last().finish();
  await c.closed();
  assert.equal(c.code, 1008);
});

test("a stop cuts an open session; what was under way is charged at most", async () => {
  vendor.play = { usage: used, hold: true };
  const c = await open("stopme");
  c.send(quiet);
  await c.heard("session.updated");
  c.send(create);
  await c.heard("response.created");
  await gate.post("/stop", { run: c.run, reason: "enough", mode: "cut" });
  await c.closed();
  assert.equal(c.code, 1008);
  assert.equal(c.events.at(-1).error.code, "stopped");
  const r = await row(c.run);
  assert.equal(r.denied, "stopped");
  assert.equal(r.settled, false);
  assert.ok(nanos(r.cost_usd) > cost, "the reservation stands in for the response that nobody heard the end of");
  await until(() => vendor.last().code !== null, "the vendor's side is closed");
});

test("a stop that drains: the response under way is finished, and nothing more begins", async () => {
  vendor.play = { usage: used, hold: true };
  const c = await open("ten");
  c.send(quiet);
  await c.heard("session.updated");
  c.send(create);
  await c.heard("response.created");
  await gate.post("/stop", { run: c.run, mode: "drain" });
  c.send(create);
  const [error] = await c.heard("error");
  assert.equal(error.error.code, "stopped");
  assert.equal(c.code, null);
  vendor.last().finish();
  await c.heard("response.done");
  await c.closed();
  assert.equal(c.code, 1008);
  assert.equal(nanos((await row(c.run)).cost_usd), cost);
});

test("durability: strict: what is asked for waits until its hold is on the platter, in order", async () => {
  vendor.play = { usage: used };
  const run = newRun();
  const c = await open("rich", { url: `https://127.0.0.1:${secure.port}`, run, ca });
  c.send(quiet);
  for (let i = 0; i < 20; i++) {
    c.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: `${i} ${"x".repeat(2000)}` }] } });
    c.send(create);
  }
  await c.heard("response.done", 20);
  const events = vendor.last().events.slice(1);
  assert.equal(events.length, 40);
  events.forEach((event, i) => assert.equal(event.type, i % 2 ? "response.create" : "conversation.item.create"));
  events.filter((_, i) => i % 2 === 0).forEach((event, i) => assert.ok(event.item.content[0].text.startsWith(`${i} `)));
  c.ws.close();
  await c.closed();
  const found = await until(async () => (await secure.calls({ run }))[0], "the row");
  assert.equal(nanos(found.cost_usd), 20n * cost);
});

test("the vendor drops: 1011, and the responses that were over are charged", async () => {
  vendor.play = { usage: used };
  const c = await open("ten");
  c.send(quiet);
  c.send(create);
  await c.heard("response.done");
  vendor.last().ws.terminate();
  await c.closed();
  assert.equal(c.code, 1011);
  const r = await row(c.run);
  assert.equal(r.denied, "upstream_broken");
  assert.equal(nanos(r.cost_usd), cost);
});

test("the vendor closes in order: its code comes through", async () => {
  const c = await open("ten");
  vendor.last().ws.close(4001, "session expired");
  await c.closed();
  assert.equal(c.code, 4001);
  assert.equal((await row(c.run)).verdict, "allowed");
});

test("the caller drops in the middle of a response: it is cancelled at the vendor, and what it cost is heard", async () => {
  vendor.play = { usage: used, hold: true };
  const c = await open("ten");
  c.send(quiet);
  await c.heard("session.updated");
  c.send(create);
  await c.heard("response.created");
  c.ws.terminate();
  await until(() => vendor.last().events.some((e) => e.type === "response.cancel"), "the cancellation");
  const r = await row(c.run);
  assert.equal(nanos(r.cost_usd), cost);
  assert.equal(r.settled, true);
  await until(() => vendor.last().code !== null, "the vendor's side is closed");
});

test("messages over the limit, and binary ones, end the session with the code that says so", async () => {
  const large = await open("ten");
  large.send({ type: "input_audio_buffer.append", audio: "A".repeat(17 << 20) });
  await large.closed();
  assert.equal(large.code, 1009);
  const binary = await open("ten");
  binary.ws.send(Buffer.from([1, 2, 3]));
  await binary.closed();
  assert.equal(binary.code, 1003);
});

test("large messages pass whole, both ways", async () => {
  const c = await open("free");
  const audio = "B".repeat(8 << 20);
  c.send({ type: "input_audio_buffer.append", audio });
  await until(() => vendor.last().events.length === 1, "the sound");
  assert.equal(vendor.last().events[0].audio, audio);
  vendor.last().send({ type: "response.output_audio.delta", delta: audio });
  const [got] = await c.heard("response.output_audio.delta");
  assert.equal(got.delta, audio);
  c.ws.close();
  await c.closed();
});

test("what the vendor repeats of its secret is blotted out", async () => {
  const c = await open("ten");
  vendor.last().send({ type: "error", error: { type: "x", code: "y", message: `bad key ${secrets.openai}`, param: null, event_id: null } });
  const [error] = await c.heard("error");
  assert.ok(!JSON.stringify(error).includes(secrets.openai));
  assert.match(error.error.message, /^bad key \*+$/);
  c.ws.close();
  await c.closed();
});

test("while a session is open its money is reserved; a crash leaves it so, as one call in doubt", async () => {
  vendor.play = { usage: used, hold: true };
  const c = await open("held");
  c.send(quiet);
  await c.heard("session.updated");
  c.send(create);
  c.send(create);
  await c.heard("response.created", 2);
  await sleep(1500); /* the first hold has moved into the store by now */
  await gate.kill();
  await c.closed();
  await gate.start();
  const r = await row(c.run);
  assert.equal(r.verdict, "in_doubt");
  assert.ok(nanos(r.reserved_usd) > 800_000_000n && nanos(r.reserved_usd) <= 1_000_000_000n, r.reserved_usd);
  await refused(connect("held"), 402, "budget_exceeded");
});
