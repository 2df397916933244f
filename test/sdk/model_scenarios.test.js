// SPDX-License-Identifier: Apache-2.0
// Incidents and wishes from users' lives that are about models: docs/scenarios.md has the table of all.
import fs from "node:fs";
import path from "node:path";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const oai = (name) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/v1`, maxRetries: 0 });
const ant = (name) => new Anthropic({ apiKey: tokenOf(name), baseURL: gate.url, maxRetries: 0 });
const on = (run) => ({ headers: { "x-agent-run-id": run } });
const hello = { model: "claude-haiku-4-5", messages: [{ role: "user", content: "Say hello." }] };

const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
/** A vendor of texts and pictures. */
const mixed = await startScripted((call, res) => {
  if (call.url.endsWith("/images/generations")) return answerJson(res, 200, { created: 1, data: [{ url: "https://pictures.example/1.png" }] });
  answerJson(res, 200, {
    id: "chatcmpl-1", object: "chat.completion", created: 1, model: "llama",
    choices: [{ index: 0, message: { role: "assistant", content: "Hello", refusal: null }, finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
  });
});
const day = { budgets: [{ limit: "100 usd", window: "day" }] };

const gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url, studio: `${mixed.url}/v1` }, {
  vendors: { studio: { dialect: "openai", auth: "bearer" } },
  credentials: { "studio-main": { secret: "sk-studio-upstream-0001" } },
  prices: { "studio/llama": { in: "1", out: "2", output_max: 1000 }, "studio/dall-e-2": { units: [{ kind: "image_out", usd: "0.02" }] } },
  keys: [
    key("any", ["openai-main", "anthropic-main"], day),
    key("modal", ["studio-main"], { budgets: [...day.budgets, { limit: "3 requests", window: "day", operation: "*.images.*" }] }),
    key("priced", ["studio-main"], day),
    key("counted", ["anthropic-main"], { budgets: [{ limit: "100000 tokens", window: "day" }] }),
  ],
}));

/** Every byte on disk. */
function stored(dir) {
  return Buffer.concat(fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name))));
}

test("S-35: no prompt and no answer is on disk: not of translated calls, not of conversations that are kept", async () => {
  anthropic.play = { text: ["ANSWER-THAT-", "STAYS-OUT"] };
  await oai("any").chat.completions.create({ ...hello, messages: [{ role: "user", content: "PROMPT-THAT-STAYS-OUT" }] });
  const kept = await oai("any").responses.create({ model: hello.model, input: "PROMPT-THAT-STAYS-OUT" });
  assert.equal((await oai("any").responses.create({ model: hello.model, input: "Go on", previous_response_id: kept.id })).previous_response_id, kept.id);
  anthropic.play = {};
  await until(async () => (await gate.calls({ vendor: "anthropic" })).length >= 3);
  const bytes = stored(gate.dataDir);
  assert.ok(bytes.includes("claude-haiku-4-5"), "rows are there");
  for (const word of ["THAT-STAYS-OUT", "ANSWER-THAT-"]) assert.ok(!bytes.includes(word), word);
  assert.ok(!gate.log.includes("STAYS-OUT"));
});

test("S-45: a broken stream costs what was delivered, also where nothing but tokens is limited", async () => {
  const run = newRun();
  anthropic.play = { text: Array(50).fill("word "), cutAfter: 23 };
  await thrown((async () => {
    for await (const _ of await oai("counted").chat.completions.create({ ...hello, stream: true }, on(run)));
  })());
  anthropic.play = {};
  const row = await until(async () => (await gate.calls({ run }))[0]);
  assert.equal(row.estimated, true);
  assert.ok(nanos(row.cost_usd) > 0n && nanos(row.cost_usd) <= nanos(row.reserved_usd), `${row.cost_usd} of ${row.reserved_usd}`);
});

test("S-45: a stream breaks half-way: a well-formed error, what was delivered is billed, nothing is spliced in", async () => {
  const run = newRun(), before = openai.count;
  anthropic.play = { text: Array(50).fill("word "), cutAfter: 23 };
  let text = "";
  const error = await thrown((async () => {
    for await (const chunk of await oai("any").chat.completions.create({ ...hello, stream: true }, on(run))) text += chunk.choices[0]?.delta?.content ?? "";
  })());
  anthropic.play = {};
  assert.equal(text, "word ".repeat(20), "what came before the break was delivered");
  assert.ok(error instanceof OpenAI.APIError, error.constructor.name);
  assert.equal(error.code, "upstream_broken");
  const row = await until(async () => (await gate.calls({ run }))[0]);
  assert.equal(row.verdict, "error");
  assert.ok(nanos(row.cost_usd) > 0n, row.cost_usd);
  assert.equal(row.estimated, true);
  assert.equal(openai.count, before);
});

test("S-47: an Anthropic SDK asks for a GPT model with a system text, tools and streaming: answer, events, stop reason and usage are Anthropic's", async () => {
  openai.play = { usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120, prompt_tokens_details: { cached_tokens: 60 } } };
  const tools = [{ name: "weather", description: "The weather at a place", input_schema: { type: "object", properties: { place: { type: "string" } }, required: ["place"] } }];
  const run = newRun(), types = [];
  const stream = ant("any").messages.stream({ model: "gpt-4o-mini", max_tokens: 50, system: "Be brief.", tools, messages: hello.messages }, on(run));
  stream.on("streamEvent", (event) => types.push(event.type));
  const message = await stream.finalMessage();
  openai.play = {};
  const sent = JSON.parse(openai.last().text);
  assert.deepEqual(sent.messages[0], { role: "system", content: "Be brief." });
  assert.deepEqual(sent.tools[0].function.parameters, tools[0].input_schema);
  assert.deepEqual(types.filter((type, i) => type !== types[i - 1]),
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]);
  assert.equal(message.type, "message");
  assert.equal(message.stop_reason, "end_turn");
  assert.equal(message.content[0].text, "Hello there!");
  assert.equal(message.usage.input_tokens, 40, "as Anthropic counts: without what was cached");
  assert.equal(message.usage.cache_read_input_tokens, 60);
  assert.equal(message.usage.output_tokens, 20);
  assert.equal(nanos((await until(async () => (await gate.calls({ run }))[0])).cost_usd), 40n * 150n + 60n * 75n + 20n * 600n);
});

test("S-54: a quota of one modality stops a loop of pictures, and text goes on", async () => {
  const picture = () => oai("modal").images.generate({ model: "dall-e-2", prompt: "a gate", n: 1 });
  for (let i = 0; i < 3; i++) await picture();
  const count = mixed.count;
  const error = await thrown(picture());
  assert.equal(error.code, "budget_exceeded", error.message);
  assert.match(error.error.tollgate.rule, /operation=\*\.images\.\*: 3 requests per day/, "the quota of that modality is named");
  assert.equal(mixed.count, count, "the fourth is not forwarded");
  assert.equal((await oai("modal").chat.completions.create({ ...hello, model: "llama" })).choices[0].message.content, "Hello");
});

test("S-56: a model without a price is refused with a price error, never served at a guess", async () => {
  const count = mixed.count;
  for (const model of ["no-such-model", "llama-2"]) {
    const error = await thrown(oai("priced").chat.completions.create({ ...hello, model }));
    assert.equal(error.status, 422);
    assert.equal(error.code, "price_unknown");
    assert.match(error.message, new RegExp(model));
  }
  assert.equal(mixed.count, count);
});

test("S-57: catalogue, list of models, estimate and row say the same price, under one id", async () => {
  const run = newRun();
  await oai("priced").chat.completions.create({ ...hello, model: "llama", max_tokens: 500 }, on(run));
  const row = await until(async () => (await gate.calls({ run }))[0]);
  const shown = await gate.get("/prices/studio/llama");
  const listed = (await oai("priced").models.list()).data.find((model) => model.id === "llama");
  const told = await gate.post("/explain", { key: "priced", method: "POST", url: "/v1/chat/completions", body: { ...hello, model: "llama", max_tokens: 500 } });
  assert.equal(row.price_snapshot, shown.snapshot);
  assert.equal((await gate.get("/prices/snapshots")).data[0].id, shown.snapshot);
  assert.equal(shown.price.in, listed.tollgate.usd_per_million.input_usd);
  assert.equal(shown.price.out, listed.tollgate.usd_per_million.output_usd);
  assert.equal(nanos(row.cost_usd), 10n * 1000n + 1n * 2000n);
  assert.equal(nanos(told.budgets.find((budget) => budget.unit === "usd").needs_usd), nanos(row.reserved_usd), "what is estimated is what is held");
});
