// SPDX-License-Identifier: Apache-2.0
// Ollama's own chat. Source: its API document.
import { argsOf, joined, need, only, toolsOf } from "./words.js";

/* ---- what was asked ---- */

function turn(m, where) {
  only(m, "role content images tool_calls tool_name tool_call_id thinking", where);
  need(["system", "user", "assistant", "tool"].includes(m.role), `${where}.role is ${m.role}`);
  need(typeof m.content === "string" || m.tool_calls, `${where}.content is no string`);
  if (m.role === "tool") return { role: "user", parts: [{ result: { name: m.tool_name, id: m.tool_call_id, text: m.content } }] };
  const parts = [];
  if (m.thinking) parts.push({ thinking: { text: m.thinking } });
  if (m.content) parts.push({ text: m.content });
  for (const data of m.images ?? []) {
    need(/^[A-Za-z0-9+/=]+$/.test(data), `${where}.images: illegal base64 data`);
    parts.push({ image: { data } });
  }
  for (const call of m.tool_calls ?? []) {
    only(call, "id function", where);
    only(call.function, "index name arguments", where);
    need(typeof call.function.arguments === "object", `${where}: arguments are no object`);
    parts.push({ call: { id: call.id, name: call.function.name, args: call.function.arguments } });
  }
  return { role: m.role, parts };
}

export function hear(call) {
  const ask = only(JSON.parse(call.text), "model messages tools format options stream keep_alive think logprobs top_logprobs truncate shift", "the call");
  const all = ask.messages.map((m, i) => turn(m, `messages[${i}]`));
  for (const tool of ask.tools ?? []) only(only(tool, "type function", "a tool").function, "name description parameters", "a function");
  return {
    ask, model: ask.model, stream: ask.stream !== false, turns: all.filter((t) => t.role !== "system"),
    system: all.filter((t) => t.role === "system").map((t) => t.parts[0].text).join(""), tools: (ask.tools ?? []).map((t) => ({ name: t.function.name, schema: t.function.parameters })),
    format: ask.format, thinks: ask.think !== undefined && ask.think !== false, limit: ask.options?.num_predict,
  };
}

/* ---- what is answered ---- */

const done = (script) => ({
  done: true, done_reason: script.finish === "length" ? "length" : "stop", total_duration: 5_000_000, load_duration: 1000, prompt_eval_count: script.usage.input,
  prompt_eval_duration: 1000, eval_count: script.usage.output, eval_duration: 1000,
});
const line = (heard, message, more = { done: false }) => ({ model: heard.model, created_at: "2023-11-14T22:13:20.5Z", message: { role: "assistant", content: "", ...message }, ...more });
const called = (t, index) => ({ id: t.id, function: { index, name: t.name, arguments: JSON.parse(argsOf(t)) } });

export function whole(script, heard) {
  const thinking = joined(script, "thinking"), tools = toolsOf(script);
  return line(heard, { content: joined(script, "text"), ...(thinking ? { thinking } : {}), ...(tools.length ? { tool_calls: tools.map(called) } : {}) }, done(script));
}

export function stream(script, heard) {
  let index = 0;
  const messages = script.parts.flatMap((p) => (p.thinking ? p.thinking.map((thinking) => ({ thinking })) : p.tool ? [{ tool_calls: [called(p.tool, index++)] }] : (p.text ?? []).map((content) => ({ content }))));
  return [...messages.map((m) => line(heard, m)), line(heard, {}, done(script))].map((l) => `${JSON.stringify(l)}\n`);
}

export const fault = ({ message }) => ({ error: message });
export const streamType = "application/x-ndjson";
