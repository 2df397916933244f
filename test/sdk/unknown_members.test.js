// SPDX-License-Identifier: Apache-2.0
// Nothing that a caller said is dropped in silence: a member that nobody knows, put into each object of a call that is translated, is
// refused by its name, or stands in what is forwarded, or the answer's head says what became of it.
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { startEndpoints } from "./lib/endpoints_mock.js";
import { startGate } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";

const mark = "what-nobody-knows";
let gate, vendor;

before(async () => {
  vendor = await startEndpoints();
  gate = await startGate(config({ openai: vendor.url, anthropic: vendor.url, gemini: vendor.url }, {
    credentials: { "gemini-main": { secret: "gm-upstream-0001" } },
    keys: [key("any", ["openai-main", "anthropic-main", "gemini-main"])],
  }));
});

const answers = {
  openai: { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "x" } }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } },
  anthropic: { id: "m", type: "message", role: "assistant", model: "m", content: [{ type: "text", text: "x" }], stop_reason: "end_turn", usage: { input_tokens: 1, output_tokens: 1 } },
  gemini: { candidates: [{ content: { role: "model", parts: [{ text: "x" }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } },
};
const models = { openai: "gpt-4o-mini", anthropic: "claude-haiku-4-5", gemini: "gemini-2.5-flash" };

const chat = (model) => ({ model, max_tokens: 5, messages: [{ role: "system", content: [{ type: "text", text: "s" }] }, { role: "user", content: [{ type: "text", text: "a" }, { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }, { role: "assistant", content: "t", tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }] }, { role: "tool", tool_call_id: "c1", content: "r" }], tools: [{ type: "function", function: { name: "f", description: "d", parameters: { type: "object", properties: {} } } }], tool_choice: { type: "function", function: { name: "f" } }, response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object", properties: {}, additionalProperties: false } } } });
const messages = (model) => ({ model, max_tokens: 2000, system: [{ type: "text", text: "s" }], messages: [{ role: "user", content: [{ type: "text", text: "a" }, { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }] }, { role: "assistant", content: [{ type: "tool_use", id: "c1", name: "f", input: {} }] }, { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: [{ type: "text", text: "r" }] }] }], tools: [{ name: "f", description: "d", input_schema: { type: "object", properties: {} } }], tool_choice: { type: "tool", name: "f" }, thinking: { type: "disabled" } });
const responses = (model) => ({ model, max_output_tokens: 50, instructions: "s", input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "a" }, { type: "input_image", image_url: "data:image/png;base64,AAAA" }] }, { type: "function_call", call_id: "c1", name: "f", arguments: "{}" }, { type: "function_call_output", call_id: "c1", output: "r" }], tools: [{ type: "function", name: "f", parameters: { type: "object", properties: {} }, strict: false }], tool_choice: { type: "function", name: "f" }, text: { format: { type: "json_schema", name: "n", schema: { type: "object", properties: {}, additionalProperties: false } } } });
const generate = () => ({ contents: [{ role: "user", parts: [{ text: "a" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }] }, { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] }, { role: "user", parts: [{ functionResponse: { name: "f", response: { r: 1 } } }] }], systemInstruction: { parts: [{ text: "s" }] }, tools: [{ functionDeclarations: [{ name: "f", description: "d", parameters: { type: "OBJECT", properties: {} } }] }], toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] } }, generationConfig: { maxOutputTokens: 50, thinkingConfig: { thinkingBudget: 0 } } });

/** The paths of all objects in it. */
function* objects(value, path = []) {
  if (!value || typeof value !== "object") return;
  if (!Array.isArray(value)) yield path;
  for (const name of Object.keys(value)) yield* objects(value[name], [...path, name]);
}

/** The sample with a member more in the object at `path`. */
function withMember(sample, path) {
  const copy = structuredClone(sample);
  path.reduce((at, name) => at[name], copy).unheard_of = mark;
  return copy;
}

async function ask(path, body, to) {
  vendor.play = { body: answers[to] };
  const answer = await fetch(`${gate.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("any")}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  return { status: answer.status, text: await answer.text(), said: answer.headers.get("x-tollgate-adapted") ?? answer.headers.get("x-tollgate-dropped") };
}

/** Whether anything is said of it. A tool of a kind that nobody knows is refused by its place. */
function isTold({ status, text, said }) {
  if (status === 200) return vendor.last().text.includes(mark) || said;
  return status === 400 && /unheard_of|cannot be told/.test(text);
}

for (const [speaks, path, sample] of [["openai", () => "/v1/chat/completions", chat], ["anthropic", () => "/v1/messages", messages], ["openai", () => "/v1/responses", responses], ["gemini", (model) => `/v1beta/models/${model}:generateContent`, generate]])
  for (const [to, model] of Object.entries(models)) {
    if (to === speaks) continue;
    test(`members that nobody knows, from ${path(model)} to ${to}`, async () => {
      const silent = [], body = sample(model);
      const plain = await ask(path(model), body, to);
      assert.equal(plain.status, 200, plain.text);
      assert.equal(plain.said, null, "of the sample itself nothing is lost");
      for (const at of objects(body)) if (!isTold(await ask(path(model), withMember(body, at), to))) silent.push(at.join("."));
      assert.deepEqual(silent, []);
    });
  }
