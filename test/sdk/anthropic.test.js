// SPDX-License-Identifier: Apache-2.0
// The official Anthropic SDK through the gate, against a scripted vendor.
import { before, beforeEach } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic } from "./lib/llm.js";
import { until, minuteStays } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, vendor;
const ask = { model: "claude-haiku-4-5", max_tokens: 1024, messages: [{ role: "user", content: "Say hello." }] };
const sdk = (name, more = {}) => new Anthropic({ apiKey: tokenOf(name), baseURL: `${gate.url}/anthropic`, ...more });
const on = (run) => ({ headers: { "x-agent-run-id": run } });
const onlyRow = async (run) => {
  const rows = await gate.calls({ run });
  assert.equal(rows.length, 1);
  return rows[0];
};

before(async () => {
  vendor = await startAnthropic();
  gate = await startGate(
    config({ anthropic: vendor.url }, {
      policies: { haiku: { allow: ["anthropic.*"], models: ["claude-haiku-*"] } },
      keys: [
        key("free", ["anthropic-main"]),
        key("haiku", ["anthropic-main"], { policy: "haiku" }),
        key("day", ["anthropic-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
        key("empty", ["anthropic-main"], { budgets: [{ limit: "0 usd", window: "day" }] }),
        key("rate", ["anthropic-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
      ],
    }),
  );
});

beforeEach(() => { vendor.play = {}; });

async function refused(fn) {
  const count = vendor.count;
  const error = await thrown(fn());
  assert.equal(vendor.count, count, "nothing is forwarded");
  return error;
}

test("messages: the answer as it is, the price with cache reads and writes to the last digit", async () => {
  const run = newRun();
  vendor.play = { usage: { input_tokens: 100, cache_creation_input_tokens: 2000, cache_read_input_tokens: 3000, output_tokens: 50, cache_creation: { ephemeral_5m_input_tokens: 1500, ephemeral_1h_input_tokens: 500 } } };
  const answer = await sdk("day").messages.create(ask, on(run));
  assert.equal(answer.content[0].text, "Hello there!");
  const sent = vendor.last();
  assert.equal(sent.headers["x-api-key"], secrets.anthropic);
  assert.equal(sent.headers.authorization, undefined);
  assert.equal(sent.headers["anthropic-version"].length, 10, "the SDK's own");
  assert.equal(sent.headers["x-agent-run-id"], undefined);
  const row = await onlyRow(run);
  // haiku 4.5: in 1, cache read 0.10, write 1.25, write for an hour 2, out 5 USD a million
  assert.equal(nanos(row.cost_usd), 100n * 1000n + 3000n * 100n + 1500n * 1250n + 500n * 2000n + 50n * 5000n);
  assert.equal(row.input_tokens, 5100);
  assert.equal(row.cached_tokens, 3000);
  assert.equal(row.operation, "anthropic.messages");
  assert.equal(row.upstream_request_id, "req_ant_1");
});

test("an advisor is another model: the call is refused, and tokens of one are not priced as the caller's", async () => {
  const advisor = { type: "advisor_20260301", name: "advisor", model: "claude-opus-4-1" };
  const error = await refused(() => sdk("free").messages.create({ ...ask, tools: [advisor] }));
  assert.equal(error.status, 400);
  assert.match(error.message, /names another model/);
  const iterations = [{ type: "message", input_tokens: 10, output_tokens: 5 }, { type: "advisor_message", model: "claude-opus-4-1", input_tokens: 1000, output_tokens: 500 }];
  for (const stream of [false, true]) {
    const run = newRun();
    vendor.play = { usage: { input_tokens: 10, output_tokens: 5, iterations } };
    if (stream) await sdk("day").messages.stream(ask, on(run)).finalMessage();
    else await sdk("day").messages.create(ask, on(run));
    const row = await onlyRow(run);
    assert.equal(nanos(row.cost_usd), nanos(row.reserved_usd), "the reservation stands");
    assert.equal(row.estimated, true);
  }
});

test("a stream: text arrives, usage of start and end is priced", async () => {
  const run = newRun();
  vendor.play = { usage: { cache_read_input_tokens: 1000 } };
  const stream = sdk("day").messages.stream(ask, on(run));
  const texts = [];
  stream.on("text", (text) => texts.push(text));
  const last = await stream.finalMessage();
  assert.equal(texts.join(""), "Hello there!");
  assert.equal(last.usage.output_tokens, 15);
  const row = await onlyRow(run);
  assert.equal(nanos(row.cost_usd), 25n * 1000n + 1000n * 100n + 15n * 5000n);
  assert.equal(row.settled, true);
});

test("a raw stream: every event in order, then our comment", async () => {
  const answer = await fetch(`${gate.url}/anthropic/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": tokenOf("day"), "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ ...ask, stream: true }),
  });
  const text = await answer.text();
  const direct = await (await fetch(`${vendor.url}/v1/messages`, { method: "POST", body: JSON.stringify({ ...ask, stream: true }) })).text();
  assert.ok(text.startsWith(direct), "the vendor's bytes");
  assert.match(text.slice(direct.length), /^: x-tollgate-cost-usd=0\.0001\n\n$/);
});

test("a stream that breaks off raises", async () => {
  for (const play of [{ cutAfter: 5 }, { endAfter: 5 }]) {
    const run = newRun();
    vendor.play = play;
    const seen = [];
    const error = await thrown((async () => {
      for await (const event of await sdk("day").messages.create({ ...ask, stream: true }, on(run))) seen.push(event.type);
    })());
    assert.ok(error instanceof Error);
    assert.ok(seen.includes("content_block_delta"));
    const row = await onlyRow(run);
    assert.equal(row.denied, "upstream_broken");
    assert.ok(nanos(row.cost_usd) > 0n && nanos(row.cost_usd) <= nanos(row.reserved_usd));
  }
});

test("a caller that leaves a stream ends it at the vendor within 100 ms, and the row is there", async () => {
  const run = newRun();
  vendor.play = { pause: 50, text: Array.from({ length: 100 }, (_, i) => ` w${i}`) };
  const stream = await sdk("day").messages.create({ ...ask, stream: true }, on(run));
  let left;
  for await (const event of stream) {
    if (event.type !== "content_block_delta") continue;
    left = performance.now();
    stream.controller.abort();
    break;
  }
  await until(() => vendor.last().closed, "the end at the vendor", { timeout: 1000, every: 2 });
  assert.ok(performance.now() - left < 100, `${performance.now() - left} ms`);
  const row = await until(async () => (await gate.calls({ run }))[0], "the row");
  assert.equal(row.denied, "client_gone");
});

test("count_tokens is free, batches have no meter and are refused under a money budget", async () => {
  assert.equal((await sdk("day").messages.countTokens({ model: ask.model, messages: ask.messages })).input_tokens, 14);
  const error = await refused(() => sdk("day").messages.batches.create({ requests: [{ custom_id: "a", params: ask }] }));
  assert.equal(error.status, 422);
  assert.equal(error.error.error.code, "price_unknown");
});

test("the key as Bearer, as authToken sends it", async () => {
  const client = new Anthropic({ apiKey: null, authToken: tokenOf("free"), baseURL: `${gate.url}/anthropic` });
  assert.equal((await client.messages.create(ask)).type, "message");
  assert.equal(vendor.last().headers["x-api-key"], secrets.anthropic);
  assert.equal(vendor.last().headers.authorization, undefined);
});

test("a model that is not allowed: PermissionDeniedError, once", async () => {
  const error = await refused(() => sdk("haiku").messages.create({ ...ask, model: "claude-sonnet-4-5" }));
  assert.ok(error instanceof Anthropic.PermissionDeniedError, error.constructor.name);
  assert.equal(error.error.type, "error");
  assert.equal(error.error.error.type, "permission_error");
  assert.equal(error.error.error.code, "model_denied");
  assert.match(error.requestID ?? error.error.request_id, /^call_/);
  assert.equal((await gate.calls({ key: "haiku" })).length, 1);
});

test("an unknown key: AuthenticationError", async () => {
  const client = new Anthropic({ apiKey: "sk-ant-nobody-knows-this", baseURL: `${gate.url}/anthropic` });
  const error = await refused(() => client.messages.create(ask));
  assert.ok(error instanceof Anthropic.AuthenticationError, error.constructor.name);
  assert.equal(error.error.error.code, "key_unknown");
});

test("a budget: APIError 402, once", async () => {
  const error = await refused(() => sdk("empty", { maxRetries: 3 }).messages.create(ask));
  assert.ok(error instanceof Anthropic.APIError, error.constructor.name);
  assert.equal(error.status, 402);
  assert.equal(error.error.error.type, "billing_error");
  assert.equal(error.error.error.code, "budget_exceeded");
  assert.equal((await gate.calls({ key: "empty" })).length, 1);
});

test("a rate of ours: RateLimitError with Retry-After", async () => {
  await minuteStays();
  const client = sdk("rate", { maxRetries: 0 });
  await client.messages.create(ask);
  const error = await refused(() => client.messages.create(ask));
  assert.ok(error instanceof Anthropic.RateLimitError, error.constructor.name);
  assert.ok(Number(error.headers.get("retry-after")) >= 1);
});

test("the vendor's own errors pass as they are", async () => {
  for (const [status, type, kind] of [[400, "invalid_request_error", Anthropic.BadRequestError], [529, "overloaded_error", Anthropic.InternalServerError]]) {
    const run = newRun();
    vendor.play = { status, error: { type: "error", error: { type, message: "no" }, request_id: "req_x" }, headers: { "request-id": "req_x" } };
    const error = await thrown(sdk("day", { maxRetries: 0 }).messages.create(ask, on(run)));
    assert.ok(error instanceof kind, error.constructor.name);
    assert.equal(error.error.error.type, type);
    assert.equal(error.requestID, "req_x");
    assert.equal(nanos((await onlyRow(run)).cost_usd), 0n);
  }
});
