// SPDX-License-Identifier: Apache-2.0
// W3C trace context: taken, noted in the row, passed on with the attempt as the parent; never baggage; and JSON logs that say nothing of calls.
import { before } from "node:test";

import OpenAI from "openai";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { check, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = `00-${trace}-00f067aa0ba902b7-01`;
let gate, openai, stripe, resend, built;

const charge = (headers, vendor = "stripe") =>
  fetch(`${gate.url}/${vendor}${vendor === "stripe" ? "/v1/charges" : "/emails"}`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": vendor === "stripe" ? "application/x-www-form-urlencoded" : "application/json", ...headers },
    body: vendor === "stripe" ? "amount=100&currency=usd&source=tok_visa" : JSON.stringify({ from: "a@example.com", to: ["b@example.com"], subject: "Hi", text: "Hello" }),
  });
const rowOf = (answer) => gate.call(answer.headers.get("x-tollgate-call-id"));

before(async () => {
  openai = await startOpenai();
  stripe = await startScripted((call, res) => res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "ch_1", object: "charge", amount: 100, currency: "usd" })));
  resend = await startScripted((call, res) => res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "em_1" })));
  built = config({ openai: openai.url, stripe: stripe.url, resend: resend.url }, {
    vendors: { resend: { trace: "none" }, openai: { trace: "parent" } },
    keys: [key("agent", ["openai-main", "stripe-main", "resend-main"], { budgets: [{ limit: "100 usd" }] })],
  });
  gate = await startGate(built);
}, { timeout: 60_000 });

describe("a trace", () => {
  test("is passed on, with the attempt as the parent", async () => {
    const answer = await charge({ traceparent: parent, tracestate: "rojo=00f067aa0ba902b7,congo=t61", baggage: "user=ann" });
    assert.equal(answer.status, 200);
    const { headers } = stripe.calls.at(-1);
    const [version, id, span, flags] = headers.traceparent.split("-");
    assert.deepEqual([version, id, flags], ["00", trace, "01"]);
    assert.match(span, /^[0-9a-f]{16}$/);
    assert.equal(headers.tracestate, "rojo=00f067aa0ba902b7,congo=t61");
    assert.equal(headers.baggage, undefined);
    const row = await rowOf(answer);
    assert.equal(row.trace_id, trace);
    assert.equal(row.parent_span_id, "00f067aa0ba902b7");
    assert.match(row.span_id, /^[0-9a-f]{16}$/);
    assert.notEqual(row.span_id, span, "the call's own span is above its attempt's");
  });
  test("goes with a model's call, without its state where the vendor gets none", async () => {
    const client = new OpenAI({ apiKey: tokenOf("agent"), baseURL: `${gate.url}/v1`, maxRetries: 0 });
    await client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }, { headers: { traceparent: parent, tracestate: "rojo=1" } });
    const { headers } = openai.calls.at(-1);
    assert.ok(headers.traceparent.startsWith(`00-${trace}-`));
    assert.equal(headers.tracestate, undefined);
    assert.equal((await gate.lastCall({ vendor: "openai" })).trace_id, trace);
  });
  test("stays here where the vendor is told of none", async () => {
    const answer = await charge({ traceparent: parent, tracestate: "rojo=1" }, "resend");
    assert.equal(answer.status, 200);
    assert.equal(resend.calls.at(-1).headers.traceparent, undefined);
    assert.equal((await rowOf(answer)).trace_id, trace);
  });
  test("that cannot be read is as if it were not there", async () => {
    for (const bad of ["00-4bf9-00f067aa0ba902b7-01", `ff${parent.slice(2)}`, parent.replace(trace, "0".repeat(32)), parent.toUpperCase()]) {
      const answer = await charge({ traceparent: bad, tracestate: "rojo=1" });
      assert.equal(answer.status, 200);
      const { headers } = stripe.calls.at(-1);
      assert.deepEqual([headers.traceparent, headers.tracestate], [undefined, undefined]);
      assert.equal((await rowOf(answer)).trace_id, undefined);
    }
  });
  test("a state that cannot be read is left out", async () => {
    await charge({ traceparent: parent, tracestate: "Not A State" });
    const { headers } = stripe.calls.at(-1);
    assert.ok(headers.traceparent);
    assert.equal(headers.tracestate, undefined);
  });
  test("no trace, no fields", async () => {
    const answer = await charge({});
    assert.equal(stripe.calls.at(-1).headers.traceparent, undefined);
    assert.ok(!("trace_id" in (await rowOf(answer))));
  });
  test("a refused call is part of it, too", async () => {
    const answer = await fetch(`${gate.url}/stripe/v1/nothing/like/it`, { headers: { authorization: `Bearer ${tokenOf("agent")}`, traceparent: parent } });
    assert.ok(answer.status >= 400);
    assert.equal((await rowOf(answer)).trace_id, trace);
  });
});

test("trace: is checked", async () => {
  const { code, err } = await check(JSON.stringify({ ...built, vendors: { ...built.vendors, stripe: { base_url: stripe.url, trace: "some" } } }));
  assert.notEqual(code, 0);
  assert.match(err, /stripe\.trace.*some.*full, parent, none/s);
});

describe("logs", () => {
  test("are lines of JSON that tell no secret and no content", async () => {
    const planted = "planted-content-0c9f1b";
    await charge({ "x-agent-run-id": "run_log", traceparent: parent });
    await fetch(`${gate.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": "application/json" }, body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: planted }] }) });
    openai.play = { status: 401, error: { error: { message: `Incorrect API key provided: ${secrets.openai}` } } };
    await fetch(`${gate.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": "application/json" }, body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: planted }] }) });
    openai.play = {};
    await fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: "Bearer tg_planted_key_of_a_stranger_000001" }, body: planted });
    await gate.post("/keys", { name: "fresh", policy: "all", credentials: ["stripe-main"] });
    await gate.stop();
    const lines = gate.log.split("\n").filter(Boolean);
    assert.ok(lines.length >= 3, gate.log);
    for (const line of lines) {
      assert.ok(line.startsWith("{"), line);
      const { at, level, area, message, ...more } = JSON.parse(line);
      assert.match(at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.ok(["debug", "info", "warn", "error"].includes(level) && area && message, line);
      assert.deepEqual(more, {});
    }
    for (const word of [planted, "planted_key", tokenOf("agent"), "admin-token-of-the-tests", ...Object.values(secrets)]) assert.ok(!gate.log.includes(word), word);
  });
  test("are text where the configuration says so, and its level counts", async () => {
    const text = await startGate({ ...built, log: { format: "text", level: "debug" } });
    await text.stop();
    const lines = text.log.split("\n").filter((line) => line && !line.includes("admin token was made")); // before the configuration is read
    assert.ok(lines.length > 0);
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) +\w+: /);
    const quiet = await startGate({ ...built, log: { level: "error" } });
    await quiet.stop();
    assert.deepEqual(quiet.log.split("\n").filter((line) => line && !line.includes("admin token was made")), []);
  });
  for (const [log, field] of [[{ format: "xml" }, "log.format"], [{ level: "loud" }, "log.level"], ["json", "log"], [{ file: "x" }, "log.file"]]) {
    test(`log: ${JSON.stringify(log)} is a mistake`, async () => {
      const { code, err } = await check(JSON.stringify({ ...built, log }));
      assert.notEqual(code, 0);
      assert.ok(err.includes(field), err);
    });
  }
});
