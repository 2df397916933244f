// SPDX-License-Identifier: Apache-2.0
// How many tokens a call has: as the public tokenizer counts them, before the call where money is short, after it where nobody told.
import { before, beforeEach } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import { countTokens as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k } from "gpt-tokenizer/encoding/o200k_base";
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";
import { texts } from "./lib/token_texts.js";

let gate, vendor;
const plain = { disallowedSpecial: new Set() };
const oai = (name) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/openai/v1`, maxRetries: 0 });
const on = (run) => ({ headers: { "x-agent-run-id": run } });
const onlyRow = (run) => until(async () => (await gate.calls({ run }))[0]);

before(async () => {
  vendor = await startOpenai();
  gate = await startGate(
    config({ openai: vendor.url }, {
      keys: [
        key("free", ["openai-main"]),
        key("day", ["openai-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
        key("tokens", ["openai-main"], { budgets: [{ limit: "3000 tokens", window: "day" }] }),
        key("short", ["openai-main"], { budgets: [{ limit: "1500 tokens", window: "day" }] }),
        key("clamp", ["openai-main"], { budgets: [{ limit: "4000 tokens", window: "day" }] }),
      ],
    }),
  );
});

beforeEach(() => { vendor.play = {}; });

for (const [model, count] of [["gpt-4o", o200k], ["gpt-4", cl100k]])
  test(`count_tokens for ${model}: 1,600 texts as the public tokenizer counts them`, { timeout: 120_000 }, async () => {
    const ant = new Anthropic({ apiKey: tokenOf("free"), baseURL: gate.url, maxRetries: 0 });
    const all = texts(1800, model.length).map(String).filter((text) => text.length).slice(0, 1600);
    const wrong = [];
    const ask = async (text) => {
      const { input_tokens } = await ant.messages.countTokens({ model, messages: [{ role: "user", content: text }] });
      if (input_tokens !== count(text, plain) + 3 + 3 + 1) wrong.push([text, input_tokens]);
    };
    for (let at = 0; at < all.length; at += 16) await Promise.all(all.slice(at, at + 16).map(ask));
    assert.equal(all.length, 1600);
    assert.deepEqual(wrong, []);
  });

const words = (count) => " wonderful".repeat(count);

test("a call that really fits is not refused for its bytes", async () => {
  const text = words(1000); // 10,000 bytes, 1,000 tokens
  assert.equal(o200k(text), 1000);
  const run = newRun();
  vendor.play = { usage: { prompt_tokens: 1008, completion_tokens: 3, total_tokens: 1011 } };
  await oai("tokens").chat.completions.create({ model: "gpt-4o-mini", max_tokens: 500, messages: [{ role: "user", content: text }] }, on(run));
  const row = await onlyRow(run);
  assert.equal(row.input_tokens, 1008);
  const error = await thrown(oai("short").chat.completions.create({ model: "gpt-4o-mini", max_tokens: 500, messages: [{ role: "user", content: text }] }));
  assert.equal(error.code, "budget_exceeded", "1,000 and 500 and what is around them do not fit into 1,500");
});

test("what the gate leaves for an answer is by the tokens, not the bytes", async () => {
  await oai("clamp").chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: words(1000) }] });
  const { max_tokens, max_completion_tokens } = JSON.parse(vendor.last().text);
  const limit = max_completion_tokens ?? max_tokens;
  assert.ok(limit > 2700 && limit < 3000, String(limit));
});

test("a stream that breaks off is billed by the tokens that came", async () => {
  const run = newRun(), content = words(300);
  vendor.play = { text: Array(40).fill(" wonderful"), cutAfter: 21 };
  await thrown((async () => {
    for await (const chunk of await oai("day").chat.completions.create({ model: "gpt-4o-mini", stream: true, messages: [{ role: "user", content }] }, on(run))) void chunk;
  })());
  const row = await onlyRow(run);
  assert.equal(row.estimated, true);
  assert.equal(row.output_tokens, 20);
  assert.equal(row.input_tokens, o200k(content) + 3 + 3 + 1);
  assert.ok(nanos(row.cost_usd) > 0n && nanos(row.cost_usd) < nanos(row.reserved_usd));
});
