// SPDX-License-Identifier: Apache-2.0
// A call's price lines are its cost, to the last digit: with cached tokens, and through another vendor's dialect.
import { before } from "node:test";

import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, openai, anthropic;
before(async () => {
  [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
  gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, { keys: [key("day", ["openai-main", "anthropic-main"], { budgets: [{ limit: "100 usd", window: "day" }] })] }));
});

/** The row of one call, and what its lines say, checked against the cost the vendor's price list makes of the usage. */
async function lines(model, cost) {
  const run = newRun(), client = new OpenAI({ apiKey: tokenOf("day"), baseURL: `${gate.url}/v1`, maxRetries: 0 });
  await client.chat.completions.create({ model, messages: [{ role: "user", content: "Say hello." }] }, { headers: { "x-agent-run-id": run } });
  const [row, ...more] = await gate.calls({ run });
  assert.deepEqual(more, []);
  const found = (await gate.call(row.id)).price_lines;
  assert.equal(nanos(row.cost_usd), cost);
  assert.equal(found.reduce((sum, line) => sum + nanos(line.cost_usd), 0n), cost, JSON.stringify(found));
  return found.map((line) => line.count).sort((a, b) => a - b);
}

test("a chat with cached tokens: what was cached is a line of its own, at its own price", async () => {
  openai.play = { usage: { prompt_tokens: 2007, completion_tokens: 13, total_tokens: 2020, prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 0 } } };
  assert.deepEqual(await lines("gpt-4o-mini", 983n * 150n + 1024n * 75n + 13n * 600n), [13, 983, 1024]);
});

test("a translated chat: the lines are those of the vendor that answered", async () => {
  anthropic.play = { usage: { input_tokens: 101, cache_read_input_tokens: 3001, cache_creation_input_tokens: 503, output_tokens: 53 } };
  assert.deepEqual(await lines("claude-haiku-4-5", 101n * 1000n + 3001n * 100n + 503n * 1250n + 53n * 5000n), [53, 101, 503, 3001]);
});
