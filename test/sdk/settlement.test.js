// SPDX-License-Identifier: Apache-2.0
// What a call to a model is settled by: the price that the operator set, and, where its stream ended before its usage, what is known by then.
import { before, beforeEach } from "node:test";

import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, openai, anthropic;
const say = (content) => [{ role: "user", content }];
const day = { budgets: [{ limit: "1000 usd", window: "day" }] };

before(async () => {
  openai = await startOpenai();
  anthropic = await startAnthropic();
  gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
    prices: {
      "openai/gpt-4o": { in: "0.1", out: "0.2" },
      "openai/gpt-4.1": { in: "200", out: "800" },
      "openai/gpt-4.1-mini-2025-04-14": { in: "3", out: "5" },
    },
    keys: [key("day", ["openai-main", "anthropic-main"], day), key("free", ["openai-main", "anthropic-main"])],
  }));
});

beforeEach(() => { openai.play = anthropic.play = {}; });

const rowOf = (run) => until(async () => (await gate.calls({ run }))[0], `the row of ${run}`);

test("an override of the name asked for is the price also when the vendor answers with a dated name", async () => {
  const sdk = new OpenAI({ apiKey: tokenOf("day"), baseURL: `${gate.url}/openai/v1`, maxRetries: 0 });
  for (const [model, answered, cost] of [
    ["gpt-4o", "gpt-4o-2024-08-06", 10n * 100n + 1000n * 200n],
    ["gpt-4.1", "gpt-4.1-2025-04-14", 10n * 200_000n + 1000n * 800_000n],
    ["gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 10n * 3000n + 1000n * 5000n],
    ["gpt-4o", "gpt-4o-mini-2024-07-18", 10n * 150n + 1000n * 600n], // another model
  ]) {
    const run = newRun();
    openai.play = { model: answered, usage: { prompt_tokens: 10, completion_tokens: 1000, total_tokens: 1010 } };
    await sdk.chat.completions.create({ model, max_tokens: 1000, messages: say("Say hello.") }, { headers: { "x-agent-run-id": run } });
    const row = await rowOf(run);
    assert.equal(nanos(row.cost_usd), cost, answered);
    assert.equal(row.model, answered);
    assert.equal(row.price_lines.reduce((sum, line) => sum + nanos(line.cost_usd), 0n), cost, `${answered}: what it is made of`);
    if (model !== "gpt-4.1-mini" && !answered.includes("4o-mini")) assert.ok(nanos(row.cost_usd) <= nanos(row.reserved_usd), `${row.cost_usd} of ${row.reserved_usd}`);
  }
});
