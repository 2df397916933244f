// SPDX-License-Identifier: Apache-2.0
// The negative guard of the LLM half: callers that try for a secret, for another host, for more than was set aside, for another key's words,
// and vendors that lie, echo what they were sent, or never end; in every dialect, translated and passed on.
import net from "node:net";
import { before, beforeEach } from "node:test";

import { key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { sleep, until } from "./lib/process.js";
import { startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test } from "./lib/test.js";

const secret = (vendor) => `sk-${vendor}/9f3a71c2+77aa`;
const vendors = ["openai", "anthropic", "gemini", "cohere", "openrouter", "bedrock"];
const models = { openai: "gpt-4o-mini", anthropic: "claude-haiku-4-5", gemini: "gemini-2.5-flash", cohere: "command-a-03-2025" };
const heard = []; // all that was forwarded, to whatever vendor
let gate, say;

before(async () => {
  const built = { vendors: {}, credentials: {}, policies: { all: { allow: ["*"] }, small: { allow: ["*"], models: ["gpt-4o-mini", "gemini-2.5-flash"] } }, keys: [] };
  for (const vendor of vendors) {
    const server = await startScripted((call, res) => {
      call.vendor = vendor;
      heard.push(call);
      return say(call, res);
    });
    built.vendors[vendor] = { base_url: server.url, ...(vendor === "bedrock" ? { settings: { region: "eu-west-1" } } : {}) };
    built.credentials[vendor] = { vendor, secret: secret(vendor), ...(vendor === "bedrock" ? { key_id: "AKIANEGATIVE1" } : {}) };
  }
  built.keys.push(
    key("all", vendors), key("other", vendors), key("small", vendors, { policy: "small" }),
    key("dry", vendors, { dry_run: true }),
    key("money", vendors, { budgets: [{ limit: "1000 usd", window: "day" }] }),
    key("cent", vendors, { budgets: [{ limit: "0.01 usd", window: "day" }] }),
    key("three", vendors, { budgets: [{ limit: "0.0165 usd", window: "day" }] }), key("lies", vendors, { budgets: [{ limit: "1000 usd", window: "day" }] }), key("cut", vendors, { budgets: [{ limit: "1000 usd", window: "day" }] }),
    key("gemini-only", ["gemini"]), key("openrouter", ["openrouter"]), key("openrouter-small", ["openrouter"], { policy: "small" }),
  );
  gate = await startGate(built);
});

beforeEach(() => { heard.length = 0; });

/* ---- callers ---- */

/** A body of each dialect, and the path it goes to. */
const ask = {
  chat: (model, more = {}) => ["/v1/chat/completions", { model, messages: [{ role: "user", content: "Hi" }], ...more }],
  responses: (model, more = {}) => ["/v1/responses", { model, input: "Hi", ...more }],
  messages: (model, more = {}) => ["/v1/messages", { model, max_tokens: 100, messages: [{ role: "user", content: "Hi" }], ...more }],
  gemini: (model, { stream, ...more } = {}) => [`/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`, { contents: [{ role: "user", parts: [{ text: "Hi" }] }], ...more }],
};

async function post(target, body, { as = "all", headers = {}, method = "POST" } = {}) {
  const answer = await fetch(gate.url + target, {
    method, headers: { authorization: `Bearer ${tokenOf(as)}`, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, all: `${fields}\n\n${text}`, get json() { return JSON.parse(text); } };
}

/* ---- vendors ---- */

const json = (res, status, body, headers = {}) => res.writeHead(status, { "content-type": "application/json", ...headers }).end(typeof body === "string" ? body : JSON.stringify(body));
const sse = (res, events) => res.writeHead(200, { "content-type": "text/event-stream" }).end(events.join(""));
const data = (body) => `data: ${typeof body === "string" ? body : JSON.stringify(body)}\n\n`;
const named = (type, body) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;

/** Answers that hold these texts (a stream: one delta each), in a vendor's words. `args`: as the arguments of a tool. */
const words = {
  openai(res, { model, stream }, texts, { args, usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } } = {}) {
    const part = (text) => (args ? { tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "f", arguments: text } }] } : { content: text });
    if (!stream) return json(res, 200, { id: "x", object: "chat.completion", model, choices: [{ index: 0, message: { role: "assistant", content: null, ...part(texts.join("")) }, finish_reason: args ? "tool_calls" : "stop" }], usage });
    const chunk = (choices, more = {}) => data({ id: "x", object: "chat.completion.chunk", model, choices, ...more });
    return sse(res, [...texts.map((text) => chunk([{ index: 0, delta: part(text), finish_reason: null }])), chunk([{ index: 0, delta: {}, finish_reason: "stop" }]), chunk([], { usage }), data("[DONE]")]);
  },
  anthropic(res, { model, stream }, texts, { args, usage = { input_tokens: 10, output_tokens: 5 } } = {}) {
    const message = { id: "m", type: "message", role: "assistant", model, content: [], stop_reason: null, usage };
    const block = args ? { type: "tool_use", id: "t1", name: "f", input: {} } : { type: "text", text: "" };
    if (!stream) return json(res, 200, { ...message, stop_reason: "end_turn", content: [args ? { ...block, input: JSON.parse(texts.join("")) } : { type: "text", text: texts.join("") }] });
    const delta = (text) => named("content_block_delta", { index: 0, delta: args ? { type: "input_json_delta", partial_json: text } : { type: "text_delta", text } });
    return sse(res, [named("message_start", { message }), named("content_block_start", { index: 0, content_block: block }), ...texts.map(delta),
      named("content_block_stop", { index: 0 }), named("message_delta", { delta: { stop_reason: "end_turn" }, usage }), named("message_stop", {})]);
  },
  gemini(res, { stream }, texts, { args, usage = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 } } = {}) {
    const answer = (text, more = {}) => ({ candidates: [{ index: 0, content: { role: "model", parts: [args ? { functionCall: { name: "f", args: JSON.parse(text) } } : { text }] }, ...more }], usageMetadata: usage, modelVersion: "gemini-2.5-flash" });
    if (!stream) return json(res, 200, answer(texts.join(""), { finishReason: "STOP" }));
    return sse(res, (args ? [texts.join("")] : texts).map((text, i, all) => data(answer(text, i === all.length - 1 || args ? { finishReason: "STOP" } : {}))));
  },
};
words.openrouter = words.openai;
const asked = (call) => ((body) => ({ ...body, stream: call.url.includes("stream") || body.stream }))(JSON.parse(call.text || "{}"));
/** Every vendor says this. */
const speaks = (texts, more) => (call, res) => words[call.vendor](res, asked(call), texts, more);

/* ---- secrets ---- */

const core = "9f3a71c2";

/** Neither as it stands, nor escaped, nor in base64, nor in pieces that a caller's SDK puts together. */
function leaks(text) {
  const plain = text.replace(/\\u([0-9a-f]{4})/gi, (_, code) => String.fromCharCode(parseInt(code, 16))).replaceAll("\\", "");
  for (const one of [text, plain]) if (one.includes(core)) return one.slice(Math.max(0, one.indexOf(core) - 200), one.indexOf(core) + 50);
  for (const run of text.match(/[A-Za-z0-9+/_=-]{12,}/g) ?? []) if (Buffer.from(run, "base64").toString("latin1").includes(core)) return `base64: ${run}`;
  return undefined;
}

const unicode = (text) => [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");

describe("a secret that a vendor echoes never reaches the caller", () => {
  for (const vendor of ["openai", "anthropic", "gemini"])
    for (const caller of Object.keys(ask))
      for (const stream of [false, true])
        test(`${caller} at ${vendor}${stream ? ", streamed" : ""}`, async () => {
          const s = secret(vendor), all = [];
          const call = async (how, answer, more = {}) => {
            say = answer;
            const { all: got } = await post(...ask[caller](models[vendor], { stream, ...more }));
            all.push([how, got]);
          };
          await call("in the text", speaks([`I was sent ${s}.`]));
          await call("base64", speaks([`I was sent ${Buffer.from(`xy${s}`).toString("base64")}.`]));
          await call("in arguments", speaks([JSON.stringify({ a: s })], { args: true }));
          await call("escaped", (c, res) => {
            const end = res.end.bind(res);
            res.end = (text) => end(text.replaceAll("MARK", unicode(s)));
            words[vendor](res, asked(c), ["I was sent MARK."]);
          });
          await call("in an error", (c, res) => json(res, 400, { error: { message: `Bad ${s}`, status: s, type: s, code: 400 }, message: s }, { "x-request-id": s, "x-ratelimit-remaining-requests": s, "retry-after": s }));
          await call("in an error, escaped", (c, res) => json(res, 401, `{"type":"error","error":{"message":"Bad ${unicode(s)}","type":"${unicode(s)}","code":"${unicode(s)}"}}`));
          await gate.forgive();
          await call("as plain text", (c, res) => res.writeHead(500, { "content-type": "text/plain" }).end(`Bad ${s}`));
          await call("as the model's name", (c, res) => words[vendor](res, { ...asked(c), model: s }, ["x"]));
          if (stream) await call("in an error event", (c, res) => sse(res, [named("error", { error: { type: "x", message: s, code: s } }), data({ error: { message: s, code: 500, status: s } })]));
          assert.deepEqual(all.flatMap(([how, got]) => { const leak = leaks(got); return leak ? [`${how}: ${leak}`] : []; }), []);
        });
});

test("what came in pieces is not kept in one: a Responses state tells no secret", async () => {
  const s = secret("anthropic");
  say = speaks([s.slice(0, 9), s.slice(9)]);
  const { text } = await post(...ask.responses(models.anthropic, { stream: true }));
  const id = /"id":"(resp_call_\w+)"/.exec(text)[1];
  const kept = await until(async () => { const got = await post(`/v1/responses/${id}`, undefined, { method: "GET" }); return got.status === 200 && got; }, "the state");
  assert.equal(leaks(kept.text), undefined);
  assert.match(kept.text, /\*{9}/);
});

/* ---- hosts ---- */

describe("what a caller names leads to no other host or path", () => {
  const odd = ["..", "../../v1/files", "a/../../b", "%2e%2e", "..%2f..%2fv1%2ffiles", "x%2fy", "x?y=z", "x#y", "x@evil.example", "@evil.example/x", "http://evil.example/", "//evil.example/x", "x;y", "x\\y", "x y", "x\u0000y", "x\ny", "x\r\nhost: evil", "\u00e9", "x".repeat(300), "x".repeat(5000), "models/../x", "x:countTokens", "x:generateContent", "arn:aws:bedrock:eu-west-1:1:inference-profile/../../x"];
  const right = { openai: /^\/v1\/(chat\/completions|responses)$/, anthropic: /^\/v1\/messages$/, gemini: /^\/v1beta\/models\/[^/?#]+:(generateContent|streamGenerateContent\?alt=sse)$/, bedrock: /^\/model\/[^/?#]+\/(converse|invoke)$/, cohere: /^\/v2\/chat$/, openrouter: /^\/v1\/chat\/completions$|^\/chat\/completions$/ };
  for (const vendor of vendors)
    for (const caller of ["chat", "responses", "messages", "gemini"])
      test(`${caller} at ${vendor}`, async () => {
        say = (call, res) => json(res, 400, { error: { message: "no" }, message: "no" });
        for (const model of odd) {
          const [target, body] = ask[caller](model);
          if (caller === "gemini" && /[\u0000-\u0020\u007f-\uffff]/.test(model)) continue;
          await post(target, body, { headers: { "x-portkey-provider": vendor, "x-forwarded-host": "evil.example" } }).catch((error) => error);
          for (const evil of [{ "x-portkey-custom-host": "http://evil.example" }, { "x-portkey-config": '{"provider":"openai","custom_host":"http://evil.example"}' }])
            await post(target, body, { headers: { "x-portkey-provider": vendor, ...evil } }).catch((error) => error);
        }
        for (const call of heard) {
          assert.equal(call.vendor, vendor);
          assert.match(call.url, right[vendor], `${call.url}`);
          assert.match(call.headers.host, /^127\.0\.0\.1:/);
          assert.ok(!Object.keys(call.headers).some((name) => name.startsWith("x-portkey") || name.startsWith("x-forwarded") || name.startsWith("x-tollgate")), JSON.stringify(call.headers));
          assert.ok(!JSON.stringify(call.headers).includes(tokenOf("all")), "the gate's own key went up");
        }
      });
});

function raw(text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(gate.port, "127.0.0.1", () => socket.end(text));
    let got = "";
    socket.on("data", (bytes) => { got += bytes; }).on("close", () => resolve(got)).on("error", reject);
    setTimeout(() => socket.destroy(), 3000);
  });
}

test("an absolute target, a Host header and a provider that is an address go nowhere else", async () => {
  say = speaks(["Hello"]);
  const body = JSON.stringify(ask.chat("gpt-4o-mini")[1]);
  const head = (target, fields) => `POST ${target} HTTP/1.1\r\nauthorization: Bearer ${tokenOf("all")}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n${fields}\r\n${body}`;
  for (const text of [head("http://evil.example/v1/chat/completions", "host: evil.example\r\n"), head("/v1/chat/completions", "host: anthropic.evil.example\r\n"), head("/v1/chat/completions", "host: evil.example:443\r\n"),
    head("/v1/chat/completions", "host: x\r\nx-portkey-provider: http://evil.example\r\n"), head("/v1/chat/completions", "host: x\r\nx-portkey-provider: openai\r\nx-portkey-provider: anthropic\r\n"), head("//evil.example/v1/chat/completions", "host: x\r\n")])
    await raw(text);
  for (const call of heard) assert.match(call.headers.host, /^127\.0\.0\.1:/);
});

describe("what is said twice, or in no way that all readers take alike, is refused before anything is forwarded", () => {
  const odd = {
    chat: ['"max_tokens":5,"max_tokens":100000', '"max_tokens":5,"Max_Tokens":100000', '"max_tokens":5,"max\\u005ftokens":100000', '"max_tokens":-1', '"max_tokens":1e9', '"max_tokens":"100000"', '"max_tokens":99999999999999999999', '"max_tokens":5.5', '"n":1,"n":100', '"n":-1', '"model":"o1-pro"', '"\\u006dodel":"o1-pro"', '"stream":false,"stream":true'],
    messages: ['"max_tokens":5', '"max_tokens":100000.0', '"Max_Tokens":100000', '"model":"o1-pro"'],
    responses: ['"max_output_tokens":16,"max_output_tokens":100000', '"max_output_tokens":16,"MAX_output_tokens":100000', '"max_output_tokens":-5', '"input":"Ho"'],
    gemini: ['"generationConfig":{"maxOutputTokens":5,"max_output_tokens":100000}', '"generationConfig":{"maxOutputTokens":5},"generation_config":{"maxOutputTokens":100000}', '"generationConfig":{"maxOutputTokens":5,"maxOutputTokens":100000}', '"generationConfig":{"candidateCount":1,"candidate_count":8}', '"generationConfig":{"maxOutputTokens":-1}', '"generationConfig":{"maxOutputTokens":1e9}', '"model":"models/gemini-2.5-pro"', '"contents":[]'],
  };
  for (const [caller, members] of Object.entries(odd))
    for (const vendor of Object.keys(models))
      test(`${caller} at ${vendor}`, async () => {
        say = speaks(["Hello"]);
        const [target, body] = ask[caller](models[vendor]);
        for (const member of members) {
          const got = await post(target, `${JSON.stringify(body).slice(0, -1)},${member}}`, { as: "money", headers: { "x-portkey-provider": vendor } });
          assert.equal(got.status, 400, `${member}: ${got.text}`);
        }
        assert.equal(heard.length, 0);
      });
});

test("one idempotency key: another model, another dialect or another limit is a conflict, never the first one's answer", async () => {
  const once = (n) => ({ headers: { "idempotency-key": `once-${n}` } });
  const more = { messages: [{ role: "user", content: "Which one?" }] };
  const pairs = [
    [ask.chat("gemini-2.5-flash", more), ask.chat("gemini-2.5-pro", more)],
    [ask.chat("bedrock/amazon.nova-lite-v1:0", more), ask.chat("bedrock/amazon.nova-pro-v1:0", more)],
    [ask.chat("gemini-2.5-flash"), ask.messages("gemini-2.5-flash")],
    [ask.chat("claude-haiku-4-5"), ask.chat("claude-haiku-4-5", { max_tokens: 7 })],
    [ask.gemini("gemini-2.5-flash"), ask.gemini("gemini-2.5-pro")],
  ];
  say = (call, res) => (call.vendor === "bedrock" ? json(res, 200, { output: { message: { role: "assistant", content: [{ text: call.url }] } }, stopReason: "end_turn", usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } }) : speaks([call.url])(call, res));
  for (const [n, [first, second]] of pairs.entries()) {
    const a = await post(...first, once(n)), b = await post(...second, once(n)), again = await post(...first, once(n));
    assert.deepEqual([a.status, b.status, again.status], [200, 409, 200], `${n}: ${b.text}`);
    assert.equal(again.text, a.text, "the same answer, in the caller's own words");
  }
});

/* ---- policy ---- */

test("an allowlist of models holds for every way of naming one, and for those that may answer instead", async () => {
  say = speaks(["Hello"]);
  const refused = [
    [...ask.chat("gpt-4o-mini", { models: ["openai/o1-pro"] }), { as: "openrouter-small" }],
    [...ask.chat("gpt-4o-mini", { models: [], fallbacks: ["openai/o1-pro"] }), { as: "openrouter-small" }],
    [...ask.messages("gpt-4o-mini", { models: ["openai/o1-pro"] }), { as: "openrouter-small" }],
    [...ask.messages("claude-haiku-4-5", { fallbacks: [{ model: "claude-opus-4-1" }] }), { as: "all" }],
    [...ask.messages("gpt-4o-mini", { fallbacks: [{ model: "claude-opus-4-1" }] }), { as: "small" }],
    [...ask.chat("GPT-4o-mini"), { as: "small" }], [...ask.chat("@openai/o1-pro"), { as: "small" }], [...ask.chat("openai/openai/o1-pro"), { as: "small" }],
    [...ask.chat("openai/gpt-4o-mini/../o1-pro"), { as: "small" }], [...ask.gemini("models%2fgemini-2.5-pro"), { as: "small" }], [...ask.gemini("gemini-2.5-pr%6f"), { as: "small" }],
    [...ask.chat("models/gemini-2.5-pro"), { as: "small", headers: { "x-portkey-provider": "gemini" } }], [...ask.chat("o1-pro"), { as: "small", headers: { "x-portkey-provider": "openrouter" } }],
    ["/v1/messages/count_tokens", { model: "claude-opus-4-1", messages: [{ role: "user", content: "x" }] }, { as: "small" }], ["/v1beta/models/gemini-2.5-pro:countTokens", { contents: [] }, { as: "small" }],
  ];
  for (const [target, body, how] of refused) {
    const got = await post(target, body, how);
    assert.ok(got.status === 400 || got.status === 403, `${target} ${JSON.stringify(body)}: ${got.status} ${got.text}`);
  }
  assert.equal(heard.length, 0);
  assert.equal((await post(...ask.chat("@openai/gpt-4o-mini"), { as: "small" })).status, 200);
  assert.equal((await post(...ask.chat("gpt-4o-mini", { models: [] }), { as: "openrouter-small" })).status, 200);
});

test("a dry run of a translated call sends nothing", async () => {
  for (const stream of [false, true]) assert.equal((await post(...ask.messages("gpt-4o-mini", { stream }), { as: "dry" })).headers.get("x-tollgate-dry-run"), "allowed");
  assert.equal(heard.length, 0);
});

/* ---- money ---- */

const rowOf = async (run) => until(async () => (await gate.calls({ run }))[0], `the row of ${run}`);
const tag = (run, more = {}) => ({ headers: { "x-agent-run-id": run, ...more } });

test("tools without a known most are refused where a money budget applies", async () => {
  say = speaks(["Hello"]);
  const refused = [
    ask.responses("gpt-4o-mini", { tools: [{ type: "image_generation" }] }), ask.responses("gpt-4o-mini", { tools: [{ type: "web_search" }] }), ask.responses("gpt-4o-mini", { tools: [{ type: "file_search", vector_store_ids: ["v"] }] }),
    ask.messages("claude-haiku-4-5", { tools: [{ type: "web_search_20250305", name: "web_search" }] }), ask.gemini("gemini-2.5-flash", { tools: [{ googleSearch: {} }] }), ask.gemini("gemini-2.5-flash", { tools: [{ google_search: {} }] }),
    ask.chat("claude-haiku-4-5", { web_search_options: {} }), ask.chat("gemini-2.5-flash", { web_search_options: {} }), ask.messages("gemini-2.5-flash", { tools: [{ type: "web_search_20250305", name: "web_search" }] }),
    ask.gemini("claude-haiku-4-5", { tools: [{ googleSearch: {} }] }), ask.responses("claude-haiku-4-5", { tools: [{ type: "web_search" }] }), ask.responses("gemini-2.5-flash", { tools: [{ type: "web_search" }] }),
  ];
  for (const [target, body] of refused) {
    const got = await post(target, body, { as: "money" });
    assert.equal(got.status, 422, `${target} ${JSON.stringify(body)}: ${got.text}`);
  }
  assert.equal(heard.length, 0);
});

describe("usage that lies", () => {
  const lies = {
    openai: [{ prompt_tokens: -5, completion_tokens: -5 }, { prompt_tokens: 1e30, completion_tokens: 1e30 }, { prompt_tokens: "5", completion_tokens: "5" }, {}, null, { prompt_tokens: 1.5, completion_tokens: 2.5 }, { prompt_tokens: 5, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 1000000 } }],
    anthropic: [{ input_tokens: -5, output_tokens: -5 }, { input_tokens: 1e30, output_tokens: 1e30 }, { input_tokens: "5" }, {}, null, { input_tokens: -1000000, output_tokens: 100 }, { input_tokens: 5, output_tokens: 5, cache_read_input_tokens: -1000000 }],
    gemini: [{ promptTokenCount: -5, candidatesTokenCount: -5 }, { promptTokenCount: 1e30, candidatesTokenCount: 1e30 }, {}, null, { promptTokenCount: 5, candidatesTokenCount: 5, cachedContentTokenCount: 1000000 }],
  };
  for (const vendor of Object.keys(lies))
    for (const stream of [false, true])
      test(`${vendor}${stream ? ", streamed" : ""}: no call costs less than nothing or is free`, async () => {
        for (const usage of lies[vendor])
          for (const caller of ["chat", "messages"]) {
            const run = newRun();
            say = speaks(["Hello there, this is some text"], { usage });
            await post(...ask[caller](models[vendor], { stream, max_tokens: 100 }), { as: "lies", ...tag(run) });
            const row = await rowOf(run);
            assert.ok(nanos(row.cost_usd) > 0n, `${caller} ${JSON.stringify(usage)}: ${row.cost_usd}`);
            assert.ok(nanos(row.cost_usd) < 10n ** 15n, `${caller} ${JSON.stringify(usage)}: ${row.cost_usd}`);
          }
      });
});

test("a vendor that answers as a model of any length and letters keeps no row out of the books", { timeout: 60_000 }, async () => {
  for (const name of ["m".repeat(5000), "m".repeat(100_000), "m".repeat(900_000), "<img src=x onerror=alert(1)>", "gpt\r\nx-tollgate-cost-usd: 0", "gpt\u202e4o", ""])
    for (const vendor of ["openai", "anthropic"])
      for (const stream of [false, true]) {
        const run = newRun();
        say = (call, res) => words[call.vendor](res, { ...asked(call), model: name }, ["Hello"]);
        const answer = await post(...ask[vendor === "openai" ? "chat" : "messages"](models[vendor], { stream, max_tokens: 100 }), { as: "lies", ...tag(run) });
        assert.equal(answer.status, 200, `${vendor} ${stream} ${name.slice(0, 30)}: ${answer.text.slice(0, 200)}`);
        const row = await rowOf(run);
        assert.equal(row.model, models[vendor], `${vendor} ${stream} ${name.slice(0, 30)}`);
        assert.ok(nanos(row.cost_usd) > 0n);
      }
  assert.ok(!gate.log.includes("cannot write") && !gate.log.includes("could not be recorded"), gate.log);
});

test("a stream that is cut behind any event is billed once, and nothing stays reserved", async () => {
  const bad = [];
  for (const [vendor, caller] of [["anthropic", "chat"], ["openai", "messages"], ["gemini", "responses"], ["anthropic", "gemini"], ["openai", "responses"]]) {
    for (let cut = 0; cut < 8; cut++) {
      const run = newRun();
      say = (call, res) => {
        const end = res.end.bind(res);
        res.end = (text) => {
          const events = text.split(/(?<=\n\n)/);
          if (cut >= events.length) return end(text);
          res.write(events.slice(0, cut).join("") || ": \n\n");
          return void setTimeout(() => res.destroy(), 15);
        };
        words[vendor](res, asked(call), ["Hello", " there", "!"]);
      };
      const got = await post(...ask[caller](models[vendor], { stream: true, ...(caller === "gemini" ? { generationConfig: { maxOutputTokens: 100 } } : caller === "responses" ? { max_output_tokens: 100 } : { max_tokens: 100 }) }), { as: "cut", ...tag(run) }).catch((error) => ({ error }));
      const rows = await until(async () => { const list = await gate.calls({ run }); return list.length && list; });
      if (rows.length !== 1 || nanos(rows[0].cost_usd) <= 0n) bad.push([vendor, caller, cut, rows.length, rows[0].cost_usd, got.status]);
    }
  }
  assert.deepEqual(bad, []);
  const { data: budgets } = await gate.get("/budgets");
  assert.equal(budgets.find((b) => b.owner === "key:cut").accounts[0].reserved_usd, "0");
});

test("200 translated calls at once on a budget that fits 3: no more is forwarded than fits", async () => {
  say = async (call, res) => { await sleep(300); words[call.vendor](res, asked(call), ["x"], { usage: { input_tokens: 10, output_tokens: 1000 } }); };
  const answers = await Promise.all(Array.from({ length: 200 }, () => post(...ask.chat("claude-haiku-4-5", { max_tokens: 1000 }), { as: "three" })));
  const count = (status) => answers.filter((a) => a.status === status).length;
  assert.equal(count(200), heard.length);
  assert.ok(heard.length <= 3, `${heard.length} were forwarded`);
  assert.equal(count(200) + count(402), 200);
});

/* ---- isolation ---- */

test("an answer that is kept is its key's alone, and no guessed id finds it", async () => {
  say = speaks(["A secret of its key."]);
  const { json: first } = await post(...ask.responses("claude-haiku-4-5"));
  for (const as of ["other", "money", "small"]) {
    for (const method of ["GET", "DELETE"]) assert.equal((await post(`/v1/responses/${first.id}`, undefined, { as, method })).status, 404);
    assert.equal((await post(`/v1/responses/${first.id}/input_items`, undefined, { as, method: "GET" })).status, 404);
    assert.equal((await post(...ask.responses(as === "small" ? "gemini-2.5-flash" : "claude-haiku-4-5", { previous_response_id: first.id }), { as })).status, 404);
  }
  for (const id of [`${first.id}x`, first.id.slice(0, -1), `${first.id}%00`, "resp_call_0", `resp_call_${"x".repeat(4000)}`, "resp_call_*"])
    assert.ok((await post(`/v1/responses/${id}`, undefined, { method: "GET" })).status >= 400, id);
  assert.equal((await post(`/v1/responses/${first.id}`, undefined, { method: "GET" })).status, 200);
});

test("GET /v1/models shows nothing of vendors that the key has no credential for, nor of models it may not call", async () => {
  const ids = async (as) => (await post("/v1/models", undefined, { as, method: "GET" })).json.data.map((m) => m.id);
  assert.deepEqual([...new Set((await ids("small")).map((id) => id.split("/").at(-1)))].sort(), ["gemini-2.5-flash", "gpt-4o-mini"]);
  const google = (await post("/v1/models", undefined, { as: "gemini-only", method: "GET" })).json.data;
  assert.ok(google.length > 5 && google.every((model) => model.tollgate.vendor === "gemini"));
});

/* ---- size ---- */

for (const vendor of Object.keys(models))
  test(`a conversation of 10,000 results of tools is written in a time that grows with it alone: ${vendor}`, async () => {
    say = (call, res) => json(res, 400, { error: { message: "no" }, message: "no" });
    const turns = Array.from({ length: 10_000 }, (_, i) => [
      { role: "assistant", content: null, tool_calls: [{ id: `c${i}`, type: "function", function: { name: "f", arguments: "{}" } }] }, { role: "tool", tool_call_id: `c${i}`, content: "ok" },
    ]);
    const [target, body] = ask.chat(models[vendor], { messages: [{ role: "user", content: "Hi" }, ...turns.flat()] }), began = performance.now();
    assert.equal((await post(target, body)).status, 400);
    assert.equal(heard.length, 1);
    const ms = performance.now() - began;
    assert.ok(ms < 5000, `${ms} ms`);
  });
