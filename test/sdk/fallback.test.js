// SPDX-License-Identifier: Apache-2.0
// Routes that are followed one target after the other: fallback, retry, conditions, what is counted for what failed.
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { assert, test, thrown } from "./lib/test.js";

const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
const day = { budgets: [{ limit: "100 usd", window: "day" }] };
const gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
  keys: [key("any", ["openai-main", "anthropic-main"], day), key("tight", ["openai-main", "anthropic-main"], { budgets: [{ limit: "0.001 usd", window: "day" }] })],
}));

const gpt = { provider: "openai", model: "gpt-4o-mini" }, claude = { provider: "anthropic", model: "claude-haiku-4-5" };
const hello = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello." }], max_tokens: 50 };
const along = (route, name = "any") => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/v1`, maxRetries: 0, defaultHeaders: { "x-tollgate-config": JSON.stringify(route) } });

async function asked(route, ask = hello, name) {
  openai.calls.length = anthropic.calls.length = 0;
  const { data, response } = await along(route, name).chat.completions.create(ask).withResponse();
  const row = await gate.call(response.headers.get("x-tollgate-call-id"));
  return { data, response, row };
}

test("a fallback: the second answers when the first fails, and the row tells of both", async () => {
  openai.play = { status: 503, error: { message: "overloaded" } };
  const { data, response, row } = await asked({ strategy: { mode: "fallback" }, targets: [gpt, claude] });
  openai.play = {};
  assert.equal(data.choices[0].message.content, "Hello there!");
  assert.equal(response.headers.get("x-tollgate-vendor"), "anthropic");
  assert.equal(response.headers.get("x-tollgate-attempts"), "2");
  assert.deepEqual(row.attempts.map((a) => [a.vendor, a.status, a.target]), [["openai", 503, "config.targets[0]"], ["anthropic", 200, "config.targets[1]"]]);
  assert.equal(row.verdict, "allowed");
  assert.equal(row.attempts[0].cost_usd, "0");
  assert.equal(row.attempts[1].cost_usd, row.cost_usd);
});

test("a 400 leads nowhere by the usual list of a retry, and to the next target of a fallback only if it says so", async () => {
  openai.play = { status: 400, error: { message: "no" } };
  assert.equal((await thrown(along({ strategy: { mode: "fallback", on_status_codes: [429, 500, 502, 503] }, targets: [gpt, claude] }).chat.completions.create(hello))).status, 400);
  openai.play = {};
});

test("a retry: the same target once more, after a pause", async () => {
  openai.play = (call, n) => (n === 1 ? { status: 500, error: { message: "oops" } } : {});
  const { row } = await asked({ retry: { attempts: 2 } });
  openai.play = {};
  assert.deepEqual(row.attempts.map((a) => a.status), [500, 200]);
});

test("streams: the second answers when the first breaks before its first word", async () => {
  openai.play = { cutAfter: 1 };
  const stream = await along({ strategy: { mode: "fallback" }, targets: [gpt, claude] }).chat.completions.create({ ...hello, stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  openai.play = {};
  assert.equal(text, "Hello there!");
});

test("[pitfall 83] a stream that breaks after its first word is not gone on with by another model", async () => {
  openai.play = { cutAfter: 3 };
  anthropic.calls.length = 0;
  let text = "";
  const error = await thrown((async () => {
    const stream = await along({ strategy: { mode: "fallback" }, retry: { attempts: 2 }, targets: [gpt, claude] }).chat.completions.create({ ...hello, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  })());
  openai.play = {};
  assert.ok(error, "it is an error, not an end");
  assert.ok(text.startsWith("Hello") && "Hello there!".startsWith(text), text);
  assert.equal(anthropic.calls.length, 0);
});

test("a race: the faster one answers, the other one is cut off and its cost is shown", async () => {
  openai.play = { delay: 1500 };
  const { data, response, row } = await asked({ strategy: { mode: "race" }, targets: [gpt, claude] });
  openai.play = {};
  assert.equal(data.choices[0].message.content, "Hello there!");
  assert.equal(response.headers.get("x-tollgate-vendor"), "anthropic");
  assert.equal(row.attempts.length, 2);
  assert.equal(nanos(row.cost_usd), row.attempts.reduce((sum, a) => sum + nanos(a.cost_usd), 0n));
  assert.ok(nanos(row.attempts[0].cost_usd) > 0n, "the loser is counted");
});

test("a race of streams", async () => {
  openai.play = { delay: 1500 };
  const stream = await along({ strategy: { mode: "race" }, targets: [gpt, claude] }).chat.completions.create({ ...hello, stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  openai.play = {};
  assert.equal(text, "Hello there!");
});

test("a shadow: asked the same, heard by nobody, in a row of its own", async () => {
  const { response } = await asked({ strategy: { mode: "shadow" }, targets: [gpt, claude] });
  assert.equal(response.headers.get("x-tollgate-vendor"), "openai");
  const call = response.headers.get("x-tollgate-call-id");
  await until(async () => (await gate.calls({ vendor: "anthropic" })).some((row) => row.mirror_of === call));
  assert.equal(anthropic.calls.length, 1);
  const [mirrored] = (await gate.calls({ vendor: "anthropic" })).filter((row) => row.mirror_of === call);
  assert.equal(mirrored.verdict, "allowed");
  assert.ok(nanos(mirrored.cost_usd) > 0n);
});

test("a 200 that is no answer leads on, too", async () => {
  openai.play = { status: 200, error: "<html>maintenance</html>" };
  const { data, row } = await asked({ strategy: { mode: "fallback" }, targets: [gpt, claude] });
  openai.play = {};
  assert.equal(data.choices[0].message.content, "Hello there!");
  assert.deepEqual(row.attempts.map((a) => [a.vendor, a.status]), [["openai", 200], ["anthropic", 200]]);
  assert.match(row.attempts[0].reason, /none of its own dialect/);
});

test("explain shows the route that a call would take, and asks nobody", async () => {
  openai.calls.length = anthropic.calls.length = 0;
  const route = { strategy: { mode: "fallback" }, targets: [{ provider: "openai", model: "gpt-9" }, claude, gpt] };
  const told = await gate.post("/explain", { key: "any", method: "POST", url: "/v1/chat/completions", headers: { "content-type": "application/json", "x-tollgate-config": JSON.stringify(route) }, body: JSON.stringify(hello) });
  assert.equal(told.route.mode, "fallback");
  assert.deepEqual(told.route.plan.map((p) => [p.target, p.round]), [["config.targets[0]", 0], ["config.targets[1]", 1], ["config.targets[2]", 2]]);
  assert.equal(told.route.chosen, "config.targets[1]");
  assert.match(told.route.skipped, /config\.targets\[0\]: .*price/);
  assert.equal(openai.calls.length + anthropic.calls.length, 0);
});
