// SPDX-License-Identifier: Apache-2.0
// One dialect in, another out: which vendor a model finds, what is refused or left out, what a call costs, what a conversation goes on with.
// Each dialect against each other, feature by feature: matrix.test.js.
import { before, beforeEach } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, openai, anthropic;
const oai = (name, more = {}) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/v1`, maxRetries: 0, ...more });
const ant = (name, more = {}) => new Anthropic({ apiKey: tokenOf(name), baseURL: gate.url, maxRetries: 0, ...more });
const gem = (name) => new GoogleGenAI({ apiKey: tokenOf(name), httpOptions: { baseUrl: gate.url } });
const hello = { model: "claude-haiku-4-5", messages: [{ role: "user", content: "Say hello." }] };
const onlyRow = async (run) => {
  const rows = await gate.calls({ run });
  assert.equal(rows.length, 1);
  return rows[0];
};

before(async () => {
  [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
  const drain = { on_client_gone: "drain" };
  gate = await startGate(
    config({ openai: openai.url, anthropic: anthropic.url }, {
      policies: {
        nothing_of_anthropic: { allow: ["openai.*"] },
        small: { allow: ["*"], models: ["gpt-4o-mini"] },
      },
      vendors: { openai: { base_url: openai.url, ...drain }, anthropic: { base_url: anthropic.url } },
      keys: [
        key("both", ["openai-main", "anthropic-main"]),
        key("openai", ["openai-main"]),
        key("anthropic", ["anthropic-main"]),
        key("denied", ["openai-main", "anthropic-main"], { policy: "nothing_of_anthropic" }),
        key("small", ["openai-main", "anthropic-main"], { policy: "small" }),
        key("day", ["openai-main", "anthropic-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
        key("cent", ["openai-main", "anthropic-main"], { budgets: [{ limit: "0.01 usd", window: "day" }] }),
        key("empty", ["openai-main", "anthropic-main"], { budgets: [{ limit: "0 usd", window: "day" }] }),
      ],
    }),
  );
});

beforeEach(() => { openai.play = {}; anthropic.play = {}; });

test("a model finds its vendor: by the price book, by its prefix, by @, by x-portkey-provider", async () => {
  const said = async (body, headers = {}) => (await oai("both").chat.completions.create({ ...hello, ...body }, { headers }).withResponse()).response.headers;
  for (const model of ["claude-haiku-4-5", "anthropic/claude-haiku-4-5", "@anthropic/claude-haiku-4-5"]) {
    const headers = await said({ model });
    assert.equal(headers.get("x-tollgate-vendor"), "anthropic", model);
    assert.equal(JSON.parse(anthropic.last().text).model, "claude-haiku-4-5", model);
  }
  assert.equal((await said({ model: "gpt-4o-mini" })).get("x-tollgate-vendor"), "openai");
  assert.equal((await said({ model: "openai/gpt-4o-mini" })).get("x-tollgate-vendor"), "openai");
  assert.equal(JSON.parse(openai.last().text).model, "gpt-4o-mini", "a prefix is not the model's name at the vendor");
  assert.equal((await said({ model: "made-up" }, { "x-portkey-provider": "@anthropic" })).get("x-tollgate-vendor"), "anthropic");
});

test("a vendor that the key has no credential for is refused, and nothing is forwarded", async () => {
  const before = openai.count + anthropic.count;
  for (const [body, headers] of [[{ model: "@groq/llama-3.3-70b" }, {}], [{}, { "x-portkey-provider": "groq" }]]) {
    const error = await thrown(oai("both").chat.completions.create({ ...hello, ...body }, { headers }));
    assert.ok(error instanceof OpenAI.PermissionDeniedError, error.constructor.name);
    assert.match(error.message, /groq/);
  }
  const error = await thrown(oai("openai").chat.completions.create({ ...hello, model: "@anthropic/claude-haiku-4-5" }));
  assert.equal(error.code, "operation_denied");
  assert.equal(openai.count + anthropic.count, before);
});

test("the policy sees the operation that is forwarded, and the model", async () => {
  assert.equal((await thrown(oai("denied").chat.completions.create(hello))).code, "operation_denied");
  assert.equal((await thrown(oai("small").chat.completions.create(hello))).code, "model_denied");
});

test("a translated call costs what the vendor's usage says, whole and streamed", async () => {
  const run = newRun(), streamed = newRun();
  anthropic.play = { usage: { input_tokens: 100, cache_read_input_tokens: 3000, cache_creation_input_tokens: 500, output_tokens: 50 } };
  const cost = 100n * 1000n + 3000n * 100n + 500n * 1250n + 50n * 5000n;
  const answer = await oai("day").chat.completions.create(hello, { headers: { "x-agent-run-id": run } });
  assert.equal(answer.choices[0].message.content, "Hello there!");
  assert.equal(answer.usage.prompt_tokens, 3600, "OpenAI's way of counting: cached tokens are among them");
  assert.equal(answer.usage.prompt_tokens_details.cached_tokens, 3000);
  const row = await onlyRow(run);
  assert.equal(nanos(row.cost_usd), cost);
  assert.equal(row.operation, "anthropic.messages");
  assert.equal(row.path, "/v1/chat/completions");
  const texts = [];
  for await (const chunk of await oai("day").chat.completions.create({ ...hello, stream: true }, { headers: { "x-agent-run-id": streamed } })) {
    texts.push(chunk.choices[0]?.delta?.content ?? "");
    assert.equal(chunk.usage ?? null, null, "nobody asked for usage");
  }
  assert.equal(texts.join(""), "Hello there!");
  assert.equal(nanos((await onlyRow(streamed)).cost_usd), cost);
});

test("what the vendor cannot be told refuses the call, by name; x-tollgate-drop-params lets it be left out, and says so", async () => {
  const before = anthropic.count;
  const body = { ...hello, seed: 7, logit_bias: { 50256: -100 } };
  const error = await thrown(oai("both").chat.completions.create(body));
  assert.ok(error instanceof OpenAI.BadRequestError, error.constructor.name);
  assert.match(error.message, /seed/);
  assert.match(error.message, /logit_bias/);
  assert.match(error.message, /x-tollgate-drop-params/);
  assert.equal(anthropic.count, before);
  const { response } = await oai("both").chat.completions.create(body, { headers: { "x-tollgate-drop-params": "seed, logit_bias" } }).withResponse();
  assert.deepEqual(response.headers.get("x-tollgate-dropped").split(", ").sort(), ["logit_bias", "seed"]);
  assert.equal(JSON.parse(anthropic.last().text).seed, undefined);
});

test("what is said otherwise stands in x-tollgate-adapted", async () => {
  const messages = [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }, { role: "system", content: "Be brief." }, { role: "user", content: "Go on" }];
  const { response } = await oai("both").chat.completions.create({ ...hello, messages }).withResponse();
  assert.match(response.headers.get("x-tollgate-adapted"), /messages\[2\]/);
  const sent = JSON.parse(anthropic.last().text);
  assert.match(JSON.stringify(sent.system), /Be brief/);
});

test("a budget refuses in the caller's own dialect", async () => {
  const chat = await thrown(oai("empty").chat.completions.create(hello));
  assert.equal(chat.status, 402);
  assert.equal(chat.code, "budget_exceeded");
  const messages = await thrown(ant("empty").messages.create({ ...hello, model: "gpt-4o-mini", max_tokens: 100 }));
  assert.equal(messages.status, 402);
  assert.equal(messages.error.type, "error");
  assert.equal(messages.error.error.code ?? messages.error.error.tollgate?.code, "budget_exceeded");
  const gemini = await thrown(gem("empty").models.generateContent({ model: "gpt-4o-mini", contents: "Hi" }));
  assert.equal(gemini.status, 402);
});

test("a call without a limit gets one that fits the budget, in the vendor's words", async () => {
  await oai("cent").chat.completions.create(hello);
  const most = JSON.parse(anthropic.last().text).max_tokens;
  assert.ok(most > 16 && most <= 2000, `0.01 usd are at most 2000 tokens at 5 usd a million: ${most}`);
});

test("the vendor's errors come in the caller's dialect", async () => {
  anthropic.play = { status: 429, error: { type: "error", error: { type: "rate_limit_error", message: "Slow down" } }, headers: { "retry-after": "7" } };
  const chat = await thrown(oai("both").chat.completions.create(hello));
  assert.ok(chat instanceof OpenAI.RateLimitError, chat.constructor.name);
  assert.match(chat.message, /Slow down/);
  assert.equal(chat.headers.get("retry-after"), "7");
  openai.play = { status: 401, error: { error: { message: "Incorrect API key provided", type: "invalid_request_error", param: null, code: "invalid_api_key" } } };
  const messages = await thrown(ant("both").messages.create({ ...hello, model: "gpt-4o-mini", max_tokens: 10 }));
  assert.ok(messages instanceof Anthropic.AuthenticationError, messages.constructor.name);
  await gate.forgive();
});

test("a conversation goes on by previous_response_id where the vendor keeps none", async () => {
  const first = await oai("both").responses.create({ model: "claude-haiku-4-5", input: "My name is Ada." });
  assert.equal(first.output_text, "Hello there!");
  const second = await oai("both").responses.create({ model: "claude-haiku-4-5", input: "What is my name?", previous_response_id: first.id });
  assert.equal(second.previous_response_id, first.id);
  assert.deepEqual(JSON.parse(anthropic.last().text).messages.map((m) => m.role), ["user", "assistant", "user"]);
  const stream = await oai("both").responses.create({ model: "claude-haiku-4-5", input: "And now?", previous_response_id: second.id, stream: true });
  let third;
  for await (const event of stream) if (event.type === "response.completed") third = event.response;
  assert.equal(JSON.parse(anthropic.last().text).messages.length, 5);
  await oai("both").responses.create({ model: "claude-haiku-4-5", input: "Still there?", previous_response_id: third.id });
  assert.equal(JSON.parse(anthropic.last().text).messages.length, 7, "a streamed answer is kept whole");
  assert.equal((await oai("both").responses.retrieve(first.id)).output_text ?? "Hello there!", "Hello there!");
  assert.equal((await oai("both").responses.inputItems.list(first.id)).data.length, 1);
  await oai("both").responses.delete(first.id);
  const gone = await thrown(oai("both").responses.create({ model: "claude-haiku-4-5", input: "?", previous_response_id: first.id }));
  assert.equal(gone.status, 404);
});

test("another key's conversation cannot be gone on with; store: false keeps nothing", async () => {
  const first = await oai("both").responses.create({ model: "claude-haiku-4-5", input: "A secret." });
  assert.equal((await thrown(oai("day").responses.create({ model: "claude-haiku-4-5", input: "?", previous_response_id: first.id }))).status, 404);
  assert.equal((await thrown(oai("day").responses.retrieve(first.id))).status, 404);
  const unkept = await oai("both").responses.create({ model: "claude-haiku-4-5", input: "A secret.", store: false });
  assert.equal((await thrown(oai("both").responses.create({ model: "claude-haiku-4-5", input: "?", previous_response_id: unkept.id }))).status, 404);
});

test("GET /v1/models lists what the key may call, in each dialect's shape, with prices", async () => {
  const models = (await oai("both").models.list()).data;
  const haiku = models.find((m) => m.id === "anthropic/claude-haiku-4-5");
  assert.equal(haiku.tollgate.usd_per_million.input_usd, "1");
  assert.equal(haiku.tollgate.usd_per_million.output_usd, "5");
  assert.match(haiku.tollgate.abilities, /tools/);
  assert.ok(models.some((m) => m.id === "openai/gpt-4o-mini"));
  assert.ok(!models.some((m) => m.id.startsWith("groq/")));
  assert.deepEqual((await oai("small").models.list()).data.map((m) => m.id), ["openai/gpt-4o-mini"]);
  assert.ok((await oai("anthropic").models.list()).data.some((m) => m.id === "claude-haiku-4-5"), "one vendor: names as the vendor has them");
  assert.equal((await oai("both").models.retrieve("claude-haiku-4-5")).owned_by, "anthropic");
  assert.equal((await thrown(oai("small").models.retrieve("claude-haiku-4-5"))).status, 404);
  assert.ok((await ant("both").models.list()).data.some((m) => m.id === "anthropic/claude-haiku-4-5" && m.type === "model"));
  const names = [];
  for await (const model of await gem("anthropic").models.list()) names.push(model.name);
  assert.ok(names.includes("models/claude-haiku-4-5"));
});

test("tokens are counted for any model: the vendor counts its own, the gate the others'", async () => {
  const own = await ant("both").messages.countTokens({ model: "claude-haiku-4-5", messages: hello.messages });
  assert.equal(own.input_tokens, 14, "Anthropic's own count");
  const before = openai.count;
  const other = await ant("both").messages.countTokens({ model: "gpt-4o-mini", messages: hello.messages });
  assert.ok(other.input_tokens >= 3 && other.input_tokens < 20, String(other.input_tokens));
  assert.equal(openai.count, before, "nothing was asked");
  const gemini = await gem("both").models.countTokens({ model: "gpt-4o-mini", contents: "Say hello." });
  assert.ok(gemini.totalTokens >= 3 && gemini.totalTokens < 20);
});

test("[pitfall 23, 26] a caller that leaves a translated stream: the vendor is left at once, the row says what it cost", async () => {
  const run = newRun();
  anthropic.play = { text: Array(200).fill("word "), pause: 20 };
  const stream = await oai("day").chat.completions.create({ ...hello, stream: true }, { headers: { "x-agent-run-id": run } });
  for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) break;
  await until(() => anthropic.last().closed);
  const row = await until(async () => (await gate.calls({ run }))[0]);
  assert.equal(row.verdict, "error");
  assert.ok(nanos(row.cost_usd) > 0n);
  assert.ok(anthropic.last().sentEvents < 50);
});

test("[pitfall 25] a vendor that is drained: the caller leaves, the end with its usage is waited for and billed", async () => {
  const run = newRun();
  openai.play = { text: Array(20).fill("word "), pause: 10, usage: { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 } };
  const stream = await ant("day").messages.create({ ...hello, model: "gpt-4o-mini", max_tokens: 1000, stream: true }, { headers: { "x-agent-run-id": run } });
  for await (const event of stream) if (event.type === "content_block_delta") break;
  const row = await until(async () => (await gate.calls({ run }))[0]);
  assert.equal(nanos(row.cost_usd), 1000n * 150n + 500n * 600n);
  assert.equal(row.settled, true);
});

test("[pitfall 84] a stream that is cut off is an error in the caller's dialect, never a clean end", async () => {
  for (const how of [{ cutAfter: 4 }, { endAfter: 4 }]) {
    anthropic.play = how;
    const error = await thrown((async () => {
      for await (const chunk of await oai("both").chat.completions.create({ ...hello, stream: true })) void chunk;
    })());
    assert.match(String(error.message), /upstream_broken|middle|broke/i);
    openai.play = how;
    const other = await thrown((async () => {
      for await (const event of await ant("both").messages.create({ ...hello, model: "gpt-4o-mini", max_tokens: 10, stream: true })) void event;
    })());
    assert.ok(other instanceof Anthropic.APIError, other.constructor.name);
  }
});

test("a vendor's path with another dialect's call is translated, too", async () => {
  const client = new OpenAI({ apiKey: tokenOf("both"), baseURL: `${gate.url}/anthropic/v1`, maxRetries: 0 });
  assert.equal((await client.chat.completions.create(hello)).choices[0].message.content, "Hello there!");
});

test("a Gemini caller that does not ask for events gets one JSON array, as from Google", async () => {
  const ask = (query) => fetch(`${gate.url}/v1beta/models/claude-haiku-4-5:streamGenerateContent${query}`, {
    method: "POST", headers: { "x-goog-api-key": tokenOf("both"), "content-type": "application/json" },
    body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: "Hi" }] }] }),
  });
  const answer = await ask("");
  assert.match(answer.headers.get("content-type"), /application\/json/);
  const chunks = await answer.json();
  assert.equal(chunks.map((c) => c.candidates[0].content.parts[0].text ?? "").join(""), "Hello there!");
  assert.match((await ask("?alt=sse")).headers.get("content-type"), /text\/event-stream/);
  anthropic.play = { cutAfter: 5 };
  const cut = await (await ask("")).json();
  assert.ok(cut.at(-1).error, "a stream that breaks is still an array, and its last item is the error");
});
