// SPDX-License-Identifier: Apache-2.0
// What a call to a model is settled by: the price that the operator set, and, where its stream ended before its usage, what is known by then.
import { before, beforeEach } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

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

const oai = (name, more = {}) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/openai/v1`, maxRetries: 0, ...more });
const ant = (name) => new Anthropic({ apiKey: tokenOf(name), baseURL: `${gate.url}/anthropic`, maxRetries: 0 });
const rowOf = (run) => until(async () => (await gate.calls({ run }))[0], `the row of ${run}`);

test("an override of the name asked for is the price also when the vendor answers with a dated name", async () => {
  for (const [model, answered, cost] of [
    ["gpt-4o", "gpt-4o-2024-08-06", 10n * 100n + 1000n * 200n],
    ["gpt-4.1", "gpt-4.1-2025-04-14", 10n * 200_000n + 1000n * 800_000n],
    ["gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 10n * 3000n + 1000n * 5000n],
    ["gpt-4o", "gpt-4o-mini-2024-07-18", 10n * 150n + 1000n * 600n], // another model
  ]) {
    const run = newRun();
    openai.play = { model: answered, usage: { prompt_tokens: 10, completion_tokens: 1000, total_tokens: 1010 } };
    await oai("day").chat.completions.create({ model, max_tokens: 1000, messages: say("Say hello.") }, { headers: { "x-agent-run-id": run } });
    const row = await rowOf(run);
    assert.equal(nanos(row.cost_usd), cost, answered);
    assert.equal(row.model, answered);
    assert.equal(row.price_lines.reduce((sum, line) => sum + nanos(line.cost_usd), 0n), cost, `${answered}: what it is made of`);
    if (model !== "gpt-4.1-mini" && !answered.includes("4o-mini")) assert.ok(nanos(row.cost_usd) <= nanos(row.reserved_usd), `${row.cost_usd} of ${row.reserved_usd}`);
  }
});

/** Reads a stream until an event `is` what it waits for, and leaves. The row. */
async function leave(open, is) {
  const run = newRun(), stream = await open({ headers: { "x-agent-run-id": run } });
  for await (const event of stream) {
    if (!is(event)) continue;
    stream.controller.abort();
    break;
  }
  const row = await rowOf(run);
  assert.deepEqual([row.denied, row.estimated], ["client_gone", true]);
  return row;
}
const slowly = { pause: 30, text: Array(100).fill(" word") };
const pdf = [{ type: "document", source: { type: "url", url: "https://example.com/long.pdf" } }, { type: "text", text: "hi" }];
const picture = [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }, { type: "text", text: "hi" }];

test("a caller that leaves a stream pays the input that its vendor told, whatever the body's size", async () => {
  const claude = { model: "claude-sonnet-4-5", max_tokens: 1000, stream: true, messages: say(pdf) };
  for (const name of ["day", "free"])
    for (const [usage, input, least] of [
      [{ input_tokens: 150_000 }, 150_000, 150_000n * 3000n],
      [{ input_tokens: 10, cache_read_input_tokens: 150_000 }, 150_010, 10n * 3000n + 150_000n * 300n],
      [{ input_tokens: 10, cache_creation_input_tokens: 150_000 }, 150_010, 10n * 3000n + 150_000n * 3750n],
    ]) {
      anthropic.play = { ...slowly, usage };
      const row = await leave((on) => ant(name).messages.create(claude, on), (event) => event.type === "content_block_delta");
      const said = nanos(row.cost_usd) - least;
      assert.equal(row.input_tokens, input);
      assert.ok(said > 0n && said < 100n * 15_000n, `${row.cost_usd} for ${JSON.stringify(usage)} and a few words`);
      if (name === "day") assert.ok(nanos(row.cost_usd) <= nanos(row.reserved_usd));
    }
  anthropic.play = { ...slowly, usage: { input_tokens: 8 } };
  const short = await leave((on) => ant("day").messages.create({ ...claude, messages: say("Say hello.") }, on), (event) => event.type === "content_block_delta");
  assert.equal(short.input_tokens, 8, "the vendor's count, not the bound");
});

test("where the vendor told no input and not all of it is in the body, a stream that was left costs the model's context", async () => {
  openai.play = slowly;
  for (const name of ["day", "free"])
    for (const [what, open] of [
      ["an earlier response", (on) => oai(name).responses.create({ model: "gpt-4o-mini", max_output_tokens: 100, stream: true, input: "Go on.", previous_response_id: "resp_1" }, on)],
      ["the vendor's own search", (on) => oai(name).responses.create({ model: "gpt-4o-mini", max_output_tokens: 100, stream: true, input: "Search.", max_tool_calls: 1, tools: [{ type: "web_search" }] }, on)],
      ["a picture by URL", (on) => oai(name).chat.completions.create({ model: "gpt-4o-mini", max_tokens: 100, stream: true, messages: say(picture) }, on)],
    ]) {
      const row = await leave(open, (event) => event.type === "response.output_text.delta" || event.choices?.[0]?.delta?.content);
      const input = what === "the vendor's own search" ? 256_000 : 128_000; // it may have been read once more, after the search
      const said = nanos(row.cost_usd) - BigInt(input) * 150n;
      assert.equal(row.input_tokens, input, what);
      assert.ok(said > 0n && said < 100n * 600n, `${what}: ${row.cost_usd}`);
      if (name === "day") assert.ok(nanos(row.cost_usd) < nanos(row.reserved_usd), `${what}: ${row.cost_usd} of ${row.reserved_usd}`);
    }
  const words = (on) => oai("day").chat.completions.create({ model: "gpt-4o-mini", max_tokens: 100, stream: true, messages: say("Say hello.") }, on);
  assert.ok((await leave(words, (event) => event.choices[0]?.delta.content)).input_tokens < 20, "what is in the body is counted");
});

const thinker = { model: "gpt-5", max_completion_tokens: 20_000, stream: true, messages: say("Think.") };
const wordless = { pause: 60_000, text: ["never heard"] }; // its first event has no words

test("a stream that ends before its first word costs what was reserved", async () => {
  openai.play = anthropic.play = wordless;
  const claude = { model: "claude-sonnet-4-5", max_tokens: 5000, stream: true, messages: say("Think.") };
  for (const [what, open] of [
    ["chat", (on) => oai("day").chat.completions.create(thinker, on)],
    ["responses", (on) => oai("day").responses.create({ model: "gpt-5", max_output_tokens: 20_000, stream: true, input: "Think." }, on)],
    ["messages", (on) => ant("day").messages.create(claude, on)],
  ]) {
    const row = await leave(open, () => true);
    assert.ok(nanos(row.reserved_usd) >= 5000n * 10_000n, row.reserved_usd);
    assert.equal(row.cost_usd, row.reserved_usd, what);
    assert.ok(row.output_tokens >= 5000, `${what}: the row says what the budgets counted`);
  }
  const nothing = await leave((on) => oai("free").chat.completions.create(thinker, on), () => true);
  assert.ok(nanos(nothing.cost_usd) > 0n && nothing.input_tokens < 20, "nothing was reserved: at least its input");

  const run = newRun();
  openai.play = { cutAfter: 1 };
  await thrown((async () => {
    for await (const _ of await oai("day").chat.completions.create(thinker, { headers: { "x-agent-run-id": run } }));
  })());
  const broken = await rowOf(run);
  assert.deepEqual([broken.denied, broken.cost_usd], ["upstream_broken", broken.reserved_usd]);
});

test("a race's loser that had said nothing costs what was reserved for it", async () => {
  openai.play = wordless;
  anthropic.play = { delay: 150 };
  const race = { strategy: { mode: "race" }, targets: [{ provider: "openai", model: "gpt-4o-mini" }, { provider: "anthropic", model: "claude-haiku-4-5" }] };
  const sdk = oai("day", { baseURL: `${gate.url}/v1`, defaultHeaders: { "x-tollgate-config": JSON.stringify(race) } });
  const run = newRun();
  for await (const _ of await sdk.chat.completions.create({ model: "gpt-4o-mini", max_tokens: 100, stream: true, messages: say(picture) }, { headers: { "x-agent-run-id": run } }));
  const [loser, winner] = (await rowOf(run)).attempts;
  assert.equal(nanos(loser.cost_usd), 128_000n * 150n + 100n * 600n);
  assert.equal(nanos(winner.cost_usd), 25n * 1000n + 15n * 5000n);
});

test("a stream that is an error, or ends as it should without words, does not cost what was reserved", async () => {
  const usual = openai.hold;
  const playing = async (text, ask) => {
    const run = newRun();
    openai.hold = async (call, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.end(text);
      return true;
    };
    try {
      for await (const _ of await oai("day").chat.completions.create(ask, { headers: { "x-agent-run-id": run } }));
    } catch (error) {
      assert.match(error.message, /had an error/);
    } finally {
      openai.hold = usual;
    }
    return rowOf(run);
  };
  const error = 'data: {"error":{"message":"The server had an error","type":"server_error","code":null}}\n\n';
  const chunk = (choice) => `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-5", choices: [{ index: 0, finish_reason: null, ...choice }] })}\n\n`;
  const start = chunk({ delta: { role: "assistant", content: "" } });
  for (const [text, ask] of [
    [error, thinker],
    [start + error, thinker],
    [error, { ...thinker, messages: say(picture) }],
    [`${start}${chunk({ delta: {}, finish_reason: "stop" })}data: [DONE]\n\n`, thinker],
  ]) {
    const row = await playing(text, ask);
    assert.ok(row.estimated && nanos(row.cost_usd) < 500n * 1250n, `${row.cost_usd} of ${row.reserved_usd}: ${text}`);
    assert.equal(row.output_tokens, 0);
  }
});
