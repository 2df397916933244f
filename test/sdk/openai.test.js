// SPDX-License-Identifier: Apache-2.0
// The official OpenAI SDK through the gate, against a scripted vendor: whole and streamed answers, usage, prices, refusals.
import { before, beforeEach } from "node:test";

import OpenAI from "openai";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { sleep, until, minuteStays } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, vendor;
const ask = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello." }] };

function sdk(name, more = {}) {
  return new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/openai/v1`, ...more });
}

const on = (run) => ({ headers: { "x-agent-run-id": run } });
const onlyRow = async (run) => {
  const rows = await gate.calls({ run });
  assert.equal(rows.length, 1);
  return rows[0];
};

before(async () => {
  vendor = await startOpenai();
  gate = await startGate(
    config({ openai: vendor.url }, {
      policies: { mini: { allow: ["openai.*"], models: ["gpt-4o-mini"] } },
      keys: [
        key("free", ["openai-main"]),
        key("mini", ["openai-main"], { policy: "mini" }),
        key("day", ["openai-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
        key("empty", ["openai-main"], { budgets: [{ limit: "0 usd", window: "day" }] }),
        key("cent", ["openai-main"], { budgets: [{ limit: "0.01 usd", window: "day" }] }),
        key("tokens", ["openai-main"], { budgets: [{ limit: "2000 tokens", window: "day" }] }),
        key("rate", ["openai-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
        key("two", ["openai-main"], { budgets: [{ limit: "2 calls" }] }),
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

test("chat: the answer as it is, the price to the last digit", async () => {
  const run = newRun();
  vendor.play = { usage: { prompt_tokens: 1234, completion_tokens: 567, total_tokens: 1801, prompt_tokens_details: { cached_tokens: 1024 } } };
  const { data, response } = await sdk("day").chat.completions.create({ ...ask, max_tokens: 1000 }, on(run)).withResponse();
  assert.equal(data.choices[0].message.content, "Hello there!");
  const sent = vendor.last();
  assert.equal(sent.headers.authorization, `Bearer ${secrets.openai}`);
  assert.equal(sent.headers["x-agent-run-id"], undefined);
  assert.equal(sent.url, "/v1/chat/completions");
  // 210 plain at 0.15, 1024 cached at 0.075, 567 out at 0.60 USD a million
  const cost = 210n * 150n + 1024n * 75n + 567n * 600n;
  const row = await onlyRow(run);
  assert.equal(nanos(row.cost_usd), cost);
  assert.equal(nanos(response.headers.get("x-tollgate-cost-usd")), cost);
  assert.equal(response.headers.get("x-tollgate-model"), "gpt-4o-mini");
  assert.equal(row.input_tokens, 1234);
  assert.equal(row.cached_tokens, 1024);
  assert.equal(row.output_tokens, 567);
  assert.equal(row.settled, true);
  assert.equal(row.usage.prompt_tokens, 1234, "the vendor's own object");
  assert.equal(row.upstream_request_id, "req_llm_1");
  assert.ok(nanos(row.reserved_usd) >= cost);
});

test("reasoning tokens are part of the output and shown", async () => {
  const run = newRun();
  vendor.play = { usage: { completion_tokens: 900, total_tokens: 919, completion_tokens_details: { reasoning_tokens: 700 } } };
  await sdk("day").chat.completions.create({ ...ask, model: "o4-mini", max_completion_tokens: 2000 }, on(run));
  const row = await onlyRow(run);
  assert.equal(row.reasoning_tokens, 700);
  assert.equal(nanos(row.cost_usd), 19n * 1100n + 900n * 4400n);
});

test("without an output limit the gate sets one that fits the budget", async () => {
  const run = newRun();
  await sdk("cent").chat.completions.create(ask, on(run));
  const sent = JSON.parse(vendor.last().text);
  const limit = sent.max_completion_tokens ?? sent.max_tokens;
  assert.ok(limit > 1000 && limit <= 16_384, String(limit));
  const row = await onlyRow(run);
  assert.ok(nanos(row.reserved_usd) <= 10_000_000n);
  assert.equal(row.output_limit_set, limit);
});

test("a body that need not change goes up byte for byte", async () => {
  const text = '{ "model":"gpt-4o-mini",\n "messages":[{"role":"user","content":"\\u00e4 ä 🙂"}], "max_tokens": 5 , "x":1e2}';
  const answer = await fetch(`${gate.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("day")}`, "content-type": "application/json" },
    body: text,
  });
  assert.equal(answer.status, 200);
  assert.equal(vendor.last().text, text);
  assert.equal(await answer.text(), await (await fetch(`${vendor.url}/v1/chat/completions`, { method: "POST", body: text })).text());
});

test("a stream: usage asked for and hidden from who did not ask", async () => {
  const run = newRun();
  const chunks = [];
  const stream = await sdk("day").chat.completions.create({ ...ask, stream: true, max_tokens: 100 }, on(run));
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join(""), "Hello there!");
  assert.ok(chunks.every((chunk) => chunk.choices.length > 0), "no chunk without choices");
  assert.equal(JSON.parse(vendor.last().text).stream_options.include_usage, true);
  const row = await onlyRow(run);
  assert.equal(nanos(row.cost_usd), 19n * 150n + 10n * 600n);
  assert.equal(row.settled, true);
  assert.equal(row.status, 200);
});

test("a stream with include_usage: the usage chunk arrives", async () => {
  const run = newRun();
  const chunks = [];
  const stream = await sdk("day").chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } }, on(run));
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks.at(-1).usage.total_tokens, 29);
  assert.equal(chunks.at(-1).choices.length, 0);
  assert.equal(nanos((await onlyRow(run)).cost_usd), 19n * 150n + 10n * 600n);
});

test("a stream ends with its cost, as a comment and as a trailer", async () => {
  const { request } = await import("node:http");
  const body = JSON.stringify({ ...ask, stream: true, max_tokens: 50 });
  const { text, trailers, headers } = await new Promise((resolve, reject) => {
    const req = request(
      { host: "127.0.0.1", port: gate.port, method: "POST", path: "/openai/v1/chat/completions", headers: { authorization: `Bearer ${tokenOf("day")}`, "content-type": "application/json", te: "trailers" } },
      (res) => {
        const parts = [];
        res.on("data", (bytes) => parts.push(bytes));
        res.on("end", () => resolve({ text: Buffer.concat(parts).toString(), trailers: res.trailers, headers: res.headers }));
      },
    );
    req.on("error", reject);
    req.end(body);
  });
  const cost = "0.00000885";
  assert.match(headers["content-type"], /^text\/event-stream/);
  assert.match(text, /data: \[DONE\]\n\n/);
  const comment = text.match(/^: x-tollgate-cost-usd=(\S+)$/m);
  assert.equal(nanos(comment[1]), nanos(cost));
  assert.equal(nanos(trailers["x-tollgate-cost-usd"]), nanos(cost));
  const { budgets: [after], reserved_usd } = await gate.call(headers["x-tollgate-call-id"]);
  assert.equal(nanos(headers["x-tollgate-budget-remaining-usd"] ?? "0"), nanos(after.limit) - (nanos(after.spent) - nanos(cost)) - nanos(reserved_usd), "what is left while the stream holds its most");
});

test("the first event does not wait for the last", async () => {
  vendor.play = { pause: 300 };
  const began = performance.now();
  const stream = await sdk("day").chat.completions.create({ ...ask, stream: true });
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  assert.ok(performance.now() - began < 250, "the first chunk came at once");
  while (!(await iterator.next()).done);
  assert.ok(performance.now() - began > 1200);
});

test("a stream that breaks off raises", async () => {
  for (const play of [{ cutAfter: 3 }, { endAfter: 3 }]) {
    const run = newRun();
    vendor.play = play;
    const seen = [];
    const error = await thrown((async () => {
      const stream = await sdk("day").chat.completions.create({ ...ask, stream: true }, on(run));
      for await (const chunk of stream) seen.push(chunk);
    })());
    assert.ok(error instanceof OpenAI.APIError || error instanceof Error, String(error));
    assert.equal(seen.length, 3, "what arrived was passed on");
    const row = await onlyRow(run);
    assert.equal(row.verdict, "error");
    assert.equal(row.denied, "upstream_broken");
    assert.equal(row.estimated, true);
    assert.ok(nanos(row.cost_usd) > 0n && nanos(row.cost_usd) <= nanos(row.reserved_usd));
  }
});

test("an error event in the vendor's stream raises and passes as it is", async () => {
  vendor.play = { cutAfter: undefined, text: [] };
  const play = vendor.hold;
  vendor.hold = async (call, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.end('data: {"error":{"message":"The server had an error","type":"server_error","code":null}}\n\n');
    return true;
  };
  try {
    const error = await thrown((async () => {
      for await (const chunk of await sdk("day").chat.completions.create({ ...ask, stream: true })) void chunk;
    })());
    assert.match(error.message, /The server had an error/);
  } finally {
    vendor.hold = play;
  }
});

test("a caller that leaves a stream ends it at the vendor within 100 ms, and the row is there", async () => {
  const run = newRun();
  vendor.play = { pause: 50, text: Array.from({ length: 200 }, (_, i) => ` word${i}`) };
  const stream = await sdk("day").chat.completions.create({ ...ask, stream: true }, on(run));
  let left;
  for await (const chunk of stream) {
    if (!chunk.choices[0]?.delta?.content?.includes("word3")) continue;
    left = performance.now();
    stream.controller.abort();
    break;
  }
  await until(() => vendor.last().closed, "the end at the vendor", { timeout: 1000, every: 2 });
  assert.ok(performance.now() - left < 100, `${performance.now() - left} ms`);
  const row = await until(async () => (await gate.calls({ run }))[0], "the row");
  assert.equal(row.denied, "client_gone");
  assert.ok(nanos(row.cost_usd) > 0n, "what was streamed is paid for");
  assert.ok(nanos(row.cost_usd) < nanos(row.reserved_usd));
});

test("a caller that leaves before the answer ends it at the vendor, and pays what was reserved", async () => {
  const run = newRun();
  vendor.play = { status: 400, error: { error: { message: "no" } } };
  for (let i = 0; i < 8; i++) await thrown(sdk("day", { maxRetries: 0 }).chat.completions.create(ask)); // no refusal of an earlier call is taken for this one's
  vendor.play = { delay: 3000 };
  const abort = new AbortController();
  const pending = thrown(sdk("day", { maxRetries: 0 }).chat.completions.create(ask, { signal: abort.signal, ...on(run) }));
  const count = vendor.count;
  await until(() => vendor.count > count, "the call at the vendor");
  await sleep(50);
  const left = performance.now();
  abort.abort();
  await pending;
  await until(() => vendor.last().closed, "the end at the vendor", { timeout: 1000, every: 2 });
  assert.ok(performance.now() - left < 100, `${performance.now() - left} ms`);
  const row = await until(async () => (await gate.calls({ run }))[0], "the row");
  assert.deepEqual([row.denied, row.estimated], ["client_gone", true]);
  assert.equal(row.cost_usd, row.reserved_usd);
});

test("responses, whole and streamed", async () => {
  const run = newRun();
  const answer = await sdk("day").responses.create({ model: "gpt-4o-mini", input: "Say hello." }, on(run));
  assert.equal(answer.output_text, "Hello there!");
  const row = await onlyRow(run);
  assert.equal(row.operation, "openai.responses");
  assert.equal(nanos(row.cost_usd), 36n * 150n + 87n * 600n);
  const second = newRun();
  const names = [];
  for await (const event of await sdk("day").responses.create({ model: "gpt-4o-mini", input: "Say hello.", stream: true }, on(second))) names.push(event.type);
  assert.equal(names[0], "response.created");
  assert.equal(names.at(-1), "response.completed");
  assert.equal(nanos((await onlyRow(second)).cost_usd), 36n * 150n + 87n * 600n);
});

test("embeddings", async () => {
  const run = newRun();
  const answer = await sdk("day").embeddings.create({ model: "text-embedding-3-small", input: ["a", "b"] }, on(run));
  assert.equal(answer.data.length, 2);
  assert.deepEqual(answer.data[0].embedding, [0.25, 0.5]);
  const row = await onlyRow(run);
  assert.equal(row.operation, "openai.embeddings");
  assert.equal(nanos(row.cost_usd), 8n * 20n);
});

test("models: read without a price", async () => {
  const list = await sdk("day").models.list();
  assert.equal(list.data[0].id, "gpt-4o-mini");
});

test("without a prefix, and as an Azure-like header", async () => {
  const client = new OpenAI({ apiKey: tokenOf("free"), baseURL: `${gate.url}/v1` });
  assert.equal((await client.chat.completions.create(ask)).object, "chat.completion");
  const answer = await fetch(`${gate.url}/openai/v1/models`, { headers: { "api-key": tokenOf("free") } });
  assert.equal(answer.status, 200);
  assert.equal(vendor.last().headers.authorization, `Bearer ${secrets.openai}`);
  assert.equal(vendor.last().headers["api-key"], undefined);
});

test("a model that is not allowed: PermissionDeniedError, once", async () => {
  const error = await refused(() => sdk("mini").chat.completions.create({ ...ask, model: "gpt-4o" }));
  assert.ok(error instanceof OpenAI.PermissionDeniedError, error.constructor.name);
  assert.equal(error.status, 403);
  assert.equal(error.code, "model_denied");
  assert.match(error.message, /gpt-4o/);
  assert.equal((await gate.calls({ key: "mini" })).length, 1);
});

test("an unknown key: AuthenticationError", async () => {
  const client = new OpenAI({ apiKey: "sk-nobody-knows-this-one", baseURL: `${gate.url}/openai/v1` });
  const error = await refused(() => client.chat.completions.create(ask));
  assert.ok(error instanceof OpenAI.AuthenticationError, error.constructor.name);
  assert.equal(error.code, "key_unknown");
});

test("a budget: APIError 402, once", async () => {
  const error = await refused(() => sdk("empty", { maxRetries: 3 }).chat.completions.create(ask));
  assert.ok(error instanceof OpenAI.APIError, error.constructor.name);
  assert.equal(error.status, 402);
  assert.equal(error.code, "budget_exceeded");
  assert.equal(error.type, "insufficient_quota");
  assert.equal(error.headers.get("x-should-retry"), "false");
  assert.equal(error.headers.get("x-tollgate-denied"), "budget_exceeded");
  assert.equal((await gate.calls({ key: "empty" })).length, 1);
});

test("a budget in tokens: the output limit shrinks to what is left, then calls are refused", async () => {
  vendor.play = { usage: { prompt_tokens: 900, completion_tokens: 900, total_tokens: 1800 } };
  await sdk("tokens").chat.completions.create(ask);
  const error = await refused(() => sdk("tokens").chat.completions.create({ ...ask, max_tokens: 500 }));
  assert.equal(error.code, "budget_exceeded");
  assert.equal(error.error.tollgate.unit, "tokens");
});

test("a rate of ours: RateLimitError with Retry-After", async () => {
  await minuteStays();
  const client = sdk("rate", { maxRetries: 0 });
  await client.models.list();
  const error = await refused(() => client.models.list());
  assert.ok(error instanceof OpenAI.RateLimitError, error.constructor.name);
  assert.equal(error.code, "rate_limited");
  assert.ok(Number(error.headers.get("retry-after")) >= 1);
});

test("calls at once: the third of two is refused, later ones go through", async () => {
  vendor.play = { delay: 300 };
  const client = sdk("two", { maxRetries: 0 });
  const results = await Promise.allSettled([1, 2, 3].map(() => client.chat.completions.create({ ...ask, max_tokens: 5 })));
  const bad = results.filter((result) => result.status === "rejected");
  assert.equal(bad.length, 1);
  assert.equal(bad[0].reason.code, "rate_limited");
  assert.equal((await client.chat.completions.create({ ...ask, max_tokens: 5 })).object, "chat.completion");
});

test("a model without a price is refused under a money budget, and passes without one", async () => {
  const unknown = { ...ask, model: "model-of-tomorrow" };
  const error = await refused(() => sdk("day").chat.completions.create(unknown));
  assert.equal(error.status, 422);
  assert.equal(error.code, "price_unknown");
  assert.equal((await sdk("free").chat.completions.create(unknown)).model, "model-of-tomorrow");
});

test("a bound on one call, by header", async () => {
  const error = await refused(() => sdk("free").chat.completions.create({ ...ask, max_tokens: 10_000 }, { headers: { "x-tollgate-max-cost-usd": "0.0001" } }));
  assert.equal(error.status, 402);
  assert.equal(error.code, "budget_exceeded");
});

test("the vendor's own errors pass as they are: the SDK's own kinds, and cost nothing", async () => {
  for (const [status, kind] of [[400, OpenAI.BadRequestError], [404, OpenAI.NotFoundError], [429, OpenAI.RateLimitError], [500, OpenAI.InternalServerError]]) {
    const run = newRun();
    const body = { error: { message: `no: ${status}`, type: "some_type", param: null, code: `code_${status}` } };
    vendor.play = { status, error: body, headers: { "retry-after": "7", "x-request-id": "req_err" } };
    const error = await thrown(sdk("day", { maxRetries: 0 }).chat.completions.create(ask, on(run)));
    assert.ok(error instanceof kind, error.constructor.name);
    assert.equal(error.code, `code_${status}`);
    assert.equal(error.requestID, "req_err");
    assert.equal(error.headers.get("retry-after"), "7");
    const row = await onlyRow(run);
    assert.equal(nanos(row.cost_usd), 0n);
    assert.equal(row.status, status);
  }
});

test("a vendor that cannot be reached: 502, released, said so", async () => {
  const other = await startGate(config({ openai: "http://127.0.0.1:1" }, { keys: [key("lost", ["openai-main"], { budgets: [{ limit: "1 usd", window: "day" }] })] }));
  const client = new OpenAI({ apiKey: tokenOf("lost"), baseURL: `${other.url}/openai/v1`, maxRetries: 0 });
  const error = await thrown(client.chat.completions.create(ask));
  assert.equal(error.status, 502);
  assert.equal(error.code, "upstream_unreachable");
  const row = await other.lastCall();
  assert.equal(row.verdict, "error");
  assert.equal(nanos(row.cost_usd), 0n);
  assert.equal(nanos(row.budgets[0].reserved), 0n);
});

test("a body that is no JSON, or has no model: refused with a row", async () => {
  for (const body of ["{", '{"messages":[]}', '{"model":"gpt-4o-mini","model":"gpt-4o","messages":[]}', "[]"]) {
    const count = vendor.count;
    const answer = await fetch(`${gate.url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf("free")}`, "content-type": "application/json" },
      body,
    });
    assert.equal(answer.status, 400, body);
    assert.ok(["bad_request", "not_canonical"].includes(answer.headers.get("x-tollgate-denied")), body);
    assert.equal(vendor.count, count);
    assert.ok(await gate.call(answer.headers.get("x-tollgate-call-id")));
  }
});
