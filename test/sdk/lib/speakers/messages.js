// SPDX-License-Identifier: Apache-2.0
// Anthropic's messages, at Anthropic, on Bedrock (InvokeModel) and on Vertex. Source: Anthropic's API reference, "Claude on Amazon Bedrock",
// "Claude on Vertex AI".
import { awsChunk, awsStreamType } from "../aws_stream.js";
import { alternate, argsOf, need, only, sseNamed, text } from "./words.js";

const members = "max_tokens messages metadata output_config service_tier stop_sequences stream system temperature thinking tool_choice tools top_k top_p container context_management mcp_servers cache_control inference_geo";
const elsewhere = { bedrock: "bedrock-2023-05-31", vertex: "vertex-2023-10-16" };

/* ---- what was asked ---- */

function source(s, where, plain, place) {
  only(s, "type media_type data url file_id", where);
  need(s.type !== "url" || !place, `${where}: URL sources are not supported`);
  if (s.type === "url") return { url: s.url };
  need(s.type === (plain ? "text" : "base64") || s.type === "base64", `${where}.type is ${s.type}`);
  return { type: s.media_type, data: s.data };
}

function block(b, role, where, names, place) {
  const user = () => need(role === "user", `${where}: ${b.type} in a message of the assistant`);
  const assistant = () => need(role === "assistant", `${where}: ${b.type} in a message of the user`);
  switch (b.type) {
    case "text":
      only(b, "type text cache_control citations", where);
      need(b.text.trim().length > 0, `${where}: text content blocks must be non-empty`);
      return { text: b.text };
    case "image":
      user();
      only(b, "type source cache_control", where);
      return { image: source(b.source, `${where}.source`, false, place) };
    case "document":
      user();
      only(b, "type source title context citations cache_control", where);
      return { document: source(b.source, `${where}.source`, true, place) };
    case "tool_use":
      assistant();
      only(b, "type id name input cache_control caller", where);
      need(/^[a-zA-Z0-9_-]+$/.test(b.id), `${where}.id ${b.id} does not match ^[a-zA-Z0-9_-]+$`);
      need(b.input && typeof b.input === "object" && !Array.isArray(b.input), `${where}.input is no object`);
      names.set(b.id, b.name);
      return { call: { id: b.id, name: b.name, args: b.input } };
    case "tool_result":
      user();
      only(b, "type tool_use_id content is_error cache_control", where);
      return { result: { id: b.tool_use_id, name: names.get(b.tool_use_id), text: typeof b.content === "string" ? b.content : (b.content ?? []).map((c) => c.text).join("") } };
    case "thinking":
      assistant();
      only(b, "type thinking signature", where);
      need(/^sig/.test(b.signature), `${where}.signature is invalid: ${b.signature}`);
      return { thinking: { text: b.thinking, signature: b.signature } };
    case "redacted_thinking":
      return { thinking: { redacted: b.data } };
    default:
      throw need(false, `${where}.type is ${b.type}`);
  }
}

function turns(list, thinks, place) {
  const names = new Map();
  const said = list.map((m, i) => {
    only(m, "role content", `messages[${i}]`);
    need(m.content.length > 0, `messages[${i}] is empty`);
    const blocks = typeof m.content === "string" ? [{ text: m.content }] : m.content.map((b, k) => block(b, m.role, `messages[${i}].content[${k}]`, names, place));
    return { role: m.role, parts: blocks };
  });
  alternate(said, "user", "assistant");
  said.forEach((turn, i) => {
    const calls = turn.parts.filter((p) => p.call).map((p) => p.call.id);
    if (!calls.length) return;
    const results = (said[i + 1]?.parts ?? []);
    for (const id of calls) need(results.some((p) => p.result?.id === id), `messages[${i}]: tool_use ${id} without a tool_result in the next message`);
    need(results.slice(0, calls.length).every((p) => p.result), `messages[${i + 1}]: tool_result blocks come first`);
    if (thinks) need(turn.parts[0].thinking, `messages[${i}]: expected thinking, found tool_use: a final assistant message must start with a thinking block`);
  });
  return said;
}

export function hear(call, place) {
  const ask = JSON.parse(call.text);
  only(ask, place ? `${members} anthropic_version anthropic_beta` : `${members} model`, "the call");
  if (place) need(ask.anthropic_version === elsewhere[place], `anthropic_version ${ask.anthropic_version}`);
  else need(/^\d{4}-\d\d-\d\d$/.test(call.headers["anthropic-version"]), "anthropic-version: missing");
  if (place === "bedrock") need(ask.stream === undefined, "stream: extraneous key");
  need(Number.isInteger(ask.max_tokens) && ask.max_tokens >= 1, "max_tokens: field required");
  const thinks = ask.thinking?.type === "enabled";
  if (ask.thinking) only(ask.thinking, "type budget_tokens display", "thinking");
  if (thinks) {
    need(ask.thinking.budget_tokens >= 1024 && ask.thinking.budget_tokens < ask.max_tokens, `thinking.budget_tokens ${ask.thinking.budget_tokens} of ${ask.max_tokens}`);
    need(ask.temperature === undefined || ask.temperature === 1, "temperature may only be set to 1 when thinking is enabled");
  }
  need(ask.temperature === undefined || (ask.temperature >= 0 && ask.temperature <= 1), "temperature: range 0..1");
  for (const tool of ask.tools ?? []) {
    only(tool, "type name description input_schema cache_control strict eager_input_streaming defer_loading input_examples allowed_callers", "a tool");
    need(tool.input_schema?.type === "object", "input_schema.type: object is required");
  }
  if (ask.output_config) only(ask.output_config, "effort format task_budget", "output_config");
  if (ask.output_config?.format) only(ask.output_config.format, "type schema", "output_config.format");
  const system = typeof ask.system === "string" ? ask.system : (ask.system ?? []).map((b) => only(b, "type text cache_control citations", "system").text).join("");
  return {
    ask, system, turns: turns(ask.messages, thinks, place), stream: ask.stream === true || /stream/i.test(call.url),
    model: ask.model ?? decodeURIComponent(/(?:model|models)\/([^/:]*)/.exec(call.url)[1]), thinks, limit: ask.max_tokens,
    tools: (ask.tools ?? []).map((t) => ({ name: t.name, schema: t.input_schema })), format: ask.output_config?.format?.schema,
  };
}

/* ---- what is answered ---- */

const stops = { stop: "end_turn", length: "max_tokens", tools: "tool_use", filter: "refusal", refusal: "refusal" };

const usage = ({ input, cached = 0, written = 0, output }) => ({
  input_tokens: input - cached - written, cache_creation_input_tokens: written, cache_read_input_tokens: cached,
  cache_creation: { ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 }, output_tokens: output, service_tier: "standard",
});

function blockOf(p) {
  if (p.thinking) return { type: "thinking", thinking: text(p.thinking), signature: p.signature ?? "sig-none" };
  if (p.tool) return { type: "tool_use", id: p.tool.id, name: p.tool.name, input: JSON.parse(argsOf(p.tool)) };
  return { type: "text", text: text(p.text ?? p.refusal) };
}

const head = (heard) => ({ id: "msg_01", type: "message", role: "assistant", model: heard.model, stop_sequence: null });

export function whole(script, heard) {
  return { ...head(heard), content: script.parts.map(blockOf), stop_reason: stops[script.finish], usage: usage(script.usage) };
}

function deltas(p) {
  if (p.thinking) return [...p.thinking.map((thinking) => ({ type: "thinking_delta", thinking })), { type: "signature_delta", signature: p.signature ?? "sig-none" }];
  if (p.tool) return p.tool.args.map((partial_json) => ({ type: "input_json_delta", partial_json }));
  return (p.text ?? [p.refusal]).map((t) => ({ type: "text_delta", text: t }));
}

function bodies(script, heard) {
  const empty = (b) => ({ ...b, ...(b.type === "text" ? { text: "" } : b.type === "thinking" ? { thinking: "", signature: "" } : { input: {} }) });
  const all = [{ type: "message_start", message: { ...head(heard), content: [], stop_reason: null, usage: { ...usage(script.usage), output_tokens: 1 } } }];
  script.parts.forEach((p, index) => {
    all.push({ type: "content_block_start", index, content_block: empty(blockOf(p)) });
    if (index === 0) all.push({ type: "ping" });
    for (const delta of deltas(p)) all.push({ type: "content_block_delta", index, delta });
    all.push({ type: "content_block_stop", index });
  });
  all.push({ type: "message_delta", delta: { stop_reason: stops[script.finish], stop_sequence: null }, usage: { output_tokens: script.usage.output } });
  all.push({ type: "message_stop" });
  return all;
}

const kinds = { rate: "rate_limit_error", key: "authentication_error", server: "api_error", request: "invalid_request_error", missing: "not_found_error" };
const amazon = { rate: "ThrottlingException", key: "UnrecognizedClientException", server: "InternalServerException", request: "ValidationException", missing: "ResourceNotFoundException" };

export const anthropic = {
  dialect: "messages", streamType: "text/event-stream; charset=utf-8", hear: (call) => hear(call), whole,
  stream: (script, heard) => bodies(script, heard).map(({ type, ...body }) => sseNamed(type, body)),
  fault: ({ kind, message }) => ({ type: "error", error: { type: kinds[kind], message }, request_id: "req_1" }),
};
export const vertex = { ...anthropic, hear: (call) => hear(call, "vertex") };
export const bedrock = {
  dialect: "messages", streamType: awsStreamType, hear: (call) => hear(call, "bedrock"), whole,
  stream: (script, heard) => bodies(script, heard).map(awsChunk),
  fault: ({ message }) => ({ message }),
  faultFields: ({ kind }) => ({ "x-amzn-errortype": `${amazon[kind]}:http://internal.amazon.com/` }),
};
