// SPDX-License-Identifier: Apache-2.0
// Cohere's chat, version 2. Source: Cohere's API reference.
import { argsOf, joined, media, need, only, sseNamed, text, toolsOf } from "./words.js";

const members = "model messages stream tools documents citation_options response_format safety_mode max_tokens stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs tool_choice strict_tools thinking priority raw_prompting";

/* ---- what was asked ---- */

function part(p, where) {
  if (p.type === "text") return { text: only(p, "type text", where).text };
  if (p.type === "thinking") return { thinking: { text: only(p, "type thinking", where).thinking } };
  if (p.type === "document") return { document: { text: JSON.stringify(p.document) } };
  need(p.type === "image_url", `${where}.type is ${p.type}`);
  only(p, "type image_url", where);
  return { image: media(only(p.image_url, "url detail", where).url) };
}

const parts = (content, where) => (typeof content === "string" ? [{ text: content }] : (content ?? []).map((p, i) => part(p, `${where}.content[${i}]`)));
const roles = { system: "role content", user: "role content", assistant: "role content tool_calls tool_plan citations", tool: "role content tool_call_id" };

function messages(list) {
  const heard = { system: "", turns: [] }, names = new Map(), open = new Set();
  list.forEach((m, i) => {
    const where = `messages[${i}]`;
    need(roles[m.role], `${where}.role is ${m.role}`);
    only(m, roles[m.role], where);
    const said = parts(m.content, where);
    if (m.role === "system") heard.system += said.map((p) => p.text).join("");
    else if (m.role === "tool") {
      need(open.delete(m.tool_call_id), `${where}: no tool call ${m.tool_call_id}`);
      heard.turns.push({ role: "user", parts: [{ result: { id: m.tool_call_id, name: names.get(m.tool_call_id), text: said.map((p) => p.text ?? "").join("") } }] });
    } else {
      for (const call of m.tool_calls ?? []) {
        only(only(call, "id type function", where).function, "name arguments", where);
        open.add(call.id);
        names.set(call.id, call.function.name);
        said.push({ call: { id: call.id, name: call.function.name, args: JSON.parse(call.function.arguments) } });
      }
      need(said.length, `${where} is empty`);
      heard.turns.push({ role: m.role, parts: said });
    }
  });
  need(open.size === 0, "a tool call has no result");
  return heard;
}

export function hear(call) {
  const ask = only(JSON.parse(call.text), members, "the call");
  need(typeof ask.model === "string", "model is missing");
  for (const tool of ask.tools ?? []) only(only(tool, "type function", "a tool").function, "name description parameters", "a function");
  if (ask.response_format) {
    only(ask.response_format, "type json_schema schema", "response_format");
    need(!ask.tools?.length, "response_format is not supported with tools");
  }
  if (ask.thinking) only(ask.thinking, "type token_budget", "thinking");
  return {
    ...messages(ask.messages), ask, model: ask.model, stream: ask.stream === true, tools: (ask.tools ?? []).map((t) => ({ name: t.function.name, schema: t.function.parameters })),
    format: ask.response_format?.json_schema ?? ask.response_format?.schema, thinks: ask.thinking?.type === "enabled", limit: ask.max_tokens,
  };
}

/* ---- what is answered ---- */

const finishes = { stop: "COMPLETE", length: "MAX_TOKENS", tools: "TOOL_CALL", filter: "ERROR", refusal: "COMPLETE" };
const usage = ({ input, cached = 0, output }) => ({
  billed_units: { input_tokens: input, output_tokens: output }, tokens: { input_tokens: input + 60, output_tokens: output }, ...(cached ? { cached_tokens: cached } : {}),
});
const toolCall = (t) => ({ id: t.id, type: "function", function: { name: t.name, arguments: argsOf(t) } });

export function whole(script) {
  const content = script.parts.filter((p) => !p.tool).map((p) => (p.thinking ? { type: "thinking", thinking: text(p.thinking) } : { type: "text", text: text(p.text ?? p.refusal) }));
  const tools = toolsOf(script).map(toolCall);
  const message = { role: "assistant", ...(content.length ? { content } : {}), ...(tools.length ? { tool_plan: joined(script, "text") || "I will look.", tool_calls: tools } : {}) };
  if (tools.length && message.content) message.content = content.filter((c) => c.type === "thinking");
  return { id: "c1", message, finish_reason: finishes[script.finish], usage: usage(script.usage) };
}

export function stream(script) {
  const event = (name, body) => sseNamed(name, body);
  const events = [event("message-start", { id: "c1", delta: { message: { role: "assistant", content: [], tool_plan: "", tool_calls: [], citations: [] } } })];
  let index = 0, tool = 0;
  for (const p of script.parts) {
    if (p.tool) {
      const at = tool++;
      const full = toolCall(p.tool);
      events.push(event("tool-call-start", { index: at, delta: { message: { tool_calls: { ...full, function: { ...full.function, arguments: "" } } } } }));
      for (const piece of p.tool.args) events.push(event("tool-call-delta", { index: at, delta: { message: { tool_calls: { function: { arguments: piece } } } } }));
      events.push(event("tool-call-end", { index: at }));
      continue;
    }
    const kind = p.thinking ? "thinking" : "text", at = index++;
    events.push(event("content-start", { index: at, delta: { message: { content: { type: kind, [kind]: "" } } } }));
    for (const piece of p[kind] ?? [p.refusal]) events.push(event("content-delta", { index: at, delta: { message: { content: { [kind]: piece } } } }));
    events.push(event("content-end", { index: at }));
  }
  events.push(event("message-end", { id: "c1", delta: { finish_reason: finishes[script.finish], usage: usage(script.usage) } }));
  return events;
}

export const fault = ({ message }) => ({ id: "e1", message });
export const streamType = "text/event-stream";
