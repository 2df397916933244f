// SPDX-License-Identifier: Apache-2.0
// What a call can cost at most holds for what the vendor does with it: tools that the vendor runs, plugins, limits by the name that it reads.
import { before, beforeEach } from "node:test";

import { key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

const vendors = ["openai", "groq", "gemini", "openrouter", "xai", "deepseek"];
const heard = [];
let gate, answer;

before(async () => {
  const built = { vendors: {}, credentials: {}, policies: { all: { allow: ["*"] } }, keys: [] };
  for (const vendor of vendors) {
    const server = await startScripted((call, res) => {
      heard.push(JSON.parse(call.text));
      return answerJson(res, 200, answer);
    });
    built.vendors[vendor] = { base_url: server.url };
    built.credentials[vendor] = { vendor, secret: `secret-of-${vendor}-000001` };
  }
  built.keys.push(key("free", vendors), key("money", vendors, { budgets: [{ limit: "1000 usd", window: "day" }] }));
  gate = await startGate(built);
});

const completion = { id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } };
beforeEach(() => {
  heard.length = 0;
  answer = completion;
});

async function post(as, path, body) {
  const res = await fetch(gate.url + path, { method: "POST", headers: { authorization: `Bearer ${tokenOf(as)}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  const text = await res.text();
  return { status: res.status, headers: res.headers, text, body: JSON.parse(text), row: await gate.call(res.headers.get("x-tollgate-call-id")) };
}

/** Refused where money is counted, before anybody is asked; passed on as it is where it is not. */
async function unpriced(path, body) {
  const refused = await post("money", path, body);
  assert.deepEqual([refused.status, refused.body.code ?? refused.body.error?.code], [422, "price_unknown"], refused.text);
  assert.equal(heard.length, 0);
  const passed = await post("free", path, body);
  assert.equal(passed.status, 200, passed.text);
  return passed;
}

const messages = [{ role: "user", content: "news?" }];
const chat = (model, more) => ({ model, messages, max_tokens: 50, ...more });

test("chat: tools that the vendor runs have no bound, functions have one", async () => {
  for (const type of ["browser_search", "code_interpreter", "tool_of_tomorrow"])
    await unpriced("/v1/chat/completions", chat("@groq/openai/gpt-oss-120b", { tools: [{ type }] })).finally(() => (heard.length = 0));
  await unpriced("/v1/chat/completions", chat("@openrouter/openai/gpt-5", { tools: [{ type: "openrouter:web_search" }] }));
  const functions = await post("money", "/v1/chat/completions", chat("@groq/openai/gpt-oss-120b", { tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }] }));
  assert.equal(functions.status, 200, functions.text);
});

test("chat: OpenRouter's plugins cost by the result, of a free model too", async () => {
  const free = "@openrouter/cohere/north-mini-code:free";
  await unpriced("/v1/chat/completions", chat(free, { plugins: [{ id: "web" }] }));
  assert.deepEqual(heard[0].plugins, [{ id: "web" }]);
});

test("chat: a content cached at Google is reserved for by the model's context", async () => {
  const body = chat("gemini-2.5-flash", { extra_body: { google: { cached_content: "cachedContents/1" } } });
  const [plain, cached] = [await post("money", "/gemini/v1beta/openai/chat/completions", chat("gemini-2.5-flash")), await post("money", "/gemini/v1beta/openai/chat/completions", body)];
  assert.deepEqual([plain.status, cached.status], [200, 200], cached.text);
  assert.ok(Number(cached.row.reserved_usd) > 100 * Number(plain.row.reserved_usd), `${cached.row.reserved_usd} ${plain.row.reserved_usd}`);
});

test("chat: a limit is said by the name that the vendor reads, as it was reserved for", async () => {
  const ask = { model: "deepseek-chat", messages };
  for (const [path, model] of [["/v1/chat/completions", "@deepseek/deepseek-chat"], ["/deepseek/chat/completions", "deepseek-chat"]])
    for (const [limits, want] of [[{ max_completion_tokens: 5 }, 5], [{ max_completion_tokens: 5, max_tokens: 9 }, 9], [{ max_tokens: 5, max_completion_tokens: 9 }, 9]])
      for (const as of ["money", "free"]) {
        const passed = await post(as, path, { ...ask, model, ...limits });
        assert.equal(passed.status, 200, passed.text);
        assert.deepEqual(heard.pop(), { ...ask, max_tokens: want }, `${path} ${as}`);
        assert.equal(passed.headers.get("x-tollgate-adapted"), "max_completion_tokens");
      }
  const old = await post("money", "/deepseek/chat/completions", { ...ask, max_tokens: 5 });
  assert.deepEqual([heard.pop(), old.headers.get("x-tollgate-adapted")], [{ ...ask, max_tokens: 5 }, null]);
  await post("money", "/v1/chat/completions", { ...ask, model: "@groq/openai/gpt-oss-120b", max_completion_tokens: 5 });
  assert.equal(heard.pop().max_completion_tokens, 5, "what the vendor reads stays as it is");
});

const usage = { input_tokens: 20, output_tokens: 5, total_tokens: 25 };
const response = (output, more = {}) => ({ id: "resp_1", object: "response", status: "completed", output, usage: { ...usage, ...more } });

test("responses: a picture that a tool makes is another model's, and has no price here", async () => {
  const tools = [{ type: "image_generation", quality: "high" }];
  answer = response([{ type: "image_generation_call", id: "ig_1", status: "completed", result: "AAAA" }]);
  const passed = await unpriced("/v1/responses", { model: "gpt-5", input: "draw", tools, max_tool_calls: 1, max_output_tokens: 50 });
  assert.equal(passed.row.cost_usd ?? null, null, "never as if there had been none");
  assert.equal(passed.headers.get("x-tollgate-cost-usd"), null);
});

test("responses: code costs by the container", async () => {
  const ask = { model: "gpt-5", input: "count", tools: [{ type: "code_interpreter", container: { type: "auto" } }], max_output_tokens: 50 };
  answer = response([{ type: "code_interpreter_call", container_id: "cntr_1" }, { type: "code_interpreter_call", container_id: "cntr_1" }]);
  await unpriced("/v1/responses", ask);
  const bounded = await post("money", "/v1/responses", { ...ask, max_tool_calls: 2 });
  assert.equal(bounded.status, 200, bounded.text);
  assert.ok(Number(bounded.row.reserved_usd) > 0.06, bounded.row.reserved_usd);
  assert.equal(bounded.headers.get("x-tollgate-cost-usd"), "0.030075");
});

test("responses: xAI's tools cost by the call", async () => {
  const ask = { model: "grok-4", input: "news?", tools: [{ type: "x_search" }, { type: "code_interpreter" }], max_output_tokens: 50 };
  answer = response([{ type: "custom_tool_call", name: "x_keyword_search" }], { server_side_tool_usage_details: { x_search_calls: 1, code_interpreter_calls: 1 } });
  await unpriced("/xai/v1/responses", ask);
  const bounded = await post("money", "/xai/v1/responses", { ...ask, max_tool_calls: 2 });
  assert.equal(bounded.status, 200, bounded.text);
  assert.equal(bounded.headers.get("x-tollgate-cost-usd"), "0.010135");
});
