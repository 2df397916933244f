// SPDX-License-Identifier: Apache-2.0
// OpenAI's chat completions, as OpenAI, Azure and Mistral speak them. Source: OpenAI's API reference; Mistral's API reference.
import { argsOf, joined, media, need, only, sse, toolsOf } from "./words.js";

const openai = "model messages audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options";
const mistral = "model messages temperature top_p max_tokens stream stop random_seed metadata response_format tools tool_choice presence_penalty frequency_penalty n prediction parallel_tool_calls prompt_mode reasoning_effort guardrails safe_prompt prompt_cache_key service_tier";

/* ---- what was asked ---- */

function part(p, where, flavour) {
  switch (p.type) {
    case "text":
      only(p, "type text", where);
      need(typeof p.text === "string", `${where}.text is no string`);
      return { text: p.text };
    case "image_url":
      only(p, "type image_url", where);
      if (typeof p.image_url !== "string") only(p.image_url, "url detail", `${where}.image_url`);
      need(flavour !== "ollama" || media(p.image_url.url).data, "invalid image input");
      return { image: media(p.image_url.url ?? p.image_url) };
    case "file":
      need(flavour === "openai" || flavour === "azure", `${where}: no files`);
      only(p, "type file", where);
      only(p.file, "file_data file_id filename", `${where}.file`);
      need(p.file.filename, `${where}.file.filename is missing`);
      return { document: media(p.file.file_data) };
    case "document_url":
      need(flavour === "mistral", `${where}: no document_url`);
      only(p, "type document_url document_name", where);
      return { document: media(p.document_url) };
    case "refusal":
      return { refusal: p.refusal };
    case "thinking":
      need(flavour === "mistral", `${where}: no thinking`);
      only(p, "type thinking closed signature", where);
      return { thinking: { text: p.thinking.map((t) => t.text).join("") } };
    default:
      throw need(false, `${where}.type is ${p.type}`);
  }
}

const parts = (content, where, flavour) => {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [{ text: content }];
  need(Array.isArray(content) && content.length, `${where}.content is empty`);
  return content.map((p, i) => part(p, `${where}.content[${i}]`, flavour));
};

const members = {
  system: "role content name",
  developer: "role content name",
  user: "role content name",
  assistant: "role content name refusal audio tool_calls function_call annotations", // what was answered may be sent back as it is
  tool: "role content tool_call_id",
};

function messages(list, flavour) {
  const heard = { system: "", turns: [] }, names = new Map();
  let open = new Set();
  need(Array.isArray(list) && list.length, "messages is empty");
  list.forEach((m, i) => {
    const where = `messages[${i}]`;
    need(members[m.role], `${where}.role is ${m.role}`);
    only(m, members[m.role] + (flavour === "mistral" ? { assistant: " prefix", tool: " name" }[m.role] ?? "" : flavour === "ollama" && m.role === "assistant" ? " reasoning reasoning_content reasoning_details" : ""), where);
    need(m.role === "tool" || open.size === 0, `${where}: tool calls ${[...open]} have no result`);
    const said = parts(m.content, where, flavour);
    if (m.role === "system" || m.role === "developer") heard.system += said.map((p) => p.text).join("");
    else if (m.role === "tool") {
      need(open.delete(m.tool_call_id), `${where}.tool_call_id ${m.tool_call_id} belongs to no call`);
      heard.turns.push({ role: "user", parts: [{ result: { id: m.tool_call_id, name: names.get(m.tool_call_id), text: said.map((p) => p.text).join("") } }] });
    } else {
      need(said.length || m.tool_calls?.length || m.refusal, `${where} is empty`);
      for (const call of m.tool_calls ?? []) {
        only(call, "id type function", `${where}.tool_calls`);
        open.add(call.id);
        names.set(call.id, call.function.name);
        if (flavour === "mistral") need(/^[a-zA-Z0-9_-]{1,64}$/.test(call.id), `${where}.tool_calls: id ${call.id}`);
        said.push({ call: { id: call.id, name: call.function.name, args: JSON.parse(call.function.arguments) } });
      }
      heard.turns.push({ role: m.role, parts: said });
    }
  });
  need(open.size === 0, "tool calls have no result");
  return heard;
}

export function hear(call, flavour = "openai") {
  const ask = JSON.parse(call.text);
  only(ask, flavour === "mistral" ? mistral : openai, "the call");
  need(typeof ask.model === "string" || flavour === "azure", "model is missing");
  if (flavour === "openai" || flavour === "azure") {
    need(ask.max_tokens === undefined, "max_tokens is not supported with this model: use max_completion_tokens");
    need(ask.temperature === undefined || ask.temperature === 1, "temperature is not supported with this model");
    need(!ask.stream_options || ask.stream === true, "stream_options without stream");
    need(ask.reasoning_effort === undefined || /^(none|minimal|low|medium|high|xhigh)$/.test(ask.reasoning_effort), `reasoning_effort ${ask.reasoning_effort}`);
  } else if (flavour === "mistral") need(ask.reasoning_effort === undefined || /^(none|high)$/.test(ask.reasoning_effort), `reasoning_effort ${ask.reasoning_effort}`);
  for (const tool of ask.tools ?? []) {
    need(tool.type === "function", `a tool of type ${tool.type}`);
    only(tool, "type function", "a tool");
    only(tool.function, "name description parameters strict", "a function");
  }
  const format = ask.response_format;
  if (format) {
    only(format, "type json_schema", "response_format");
    if (format.type === "json_schema") {
      only(format.json_schema, "name description schema strict", "response_format.json_schema");
      need(/^[a-zA-Z0-9_-]{1,64}$/.test(format.json_schema.name), "response_format.json_schema.name");
    }
  }
  return {
    ...messages(ask.messages, flavour), ask, model: ask.model, stream: ask.stream === true,
    tools: (ask.tools ?? []).map((t) => ({ name: t.function.name, schema: t.function.parameters })),
    format: format?.json_schema?.schema, thinks: ask.reasoning_effort !== undefined && ask.reasoning_effort !== "none",
    limit: ask.max_completion_tokens ?? ask.max_tokens,
  };
}

/* ---- what is answered ---- */

const finishes = { stop: "stop", length: "length", tools: "tool_calls", filter: "content_filter", refusal: "stop" };

function usage({ input, cached = 0, output, reasoning = 0 }) {
  return {
    prompt_tokens: input, completion_tokens: output, total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}

const thought = (t) => ({ type: "thinking", thinking: [{ type: "text", text: t }] });
const head = (heard) => ({ id: "chatcmpl-1", created: 1_700_000_000, model: heard.model ?? "gpt-5.1", system_fingerprint: "fp_1" });

export function whole(script, heard, flavour = "openai") {
  const thoughts = joined(script, "thinking"), said = joined(script, "text"), tools = toolsOf(script);
  const content = flavour === "mistral" && thoughts ? [thought(thoughts), { type: "text", text: said }] : said || null;
  const message = { role: "assistant", content, refusal: joined(script, "refusal") || null, annotations: [] };
  if (flavour === "ollama" && thoughts) message.reasoning = thoughts;
  if (tools.length) message.tool_calls = tools.map((t) => ({ id: t.id, type: "function", function: { name: t.name, arguments: argsOf(t) } }));
  return { ...head(heard), object: "chat.completion", choices: [{ index: 0, message, logprobs: null, finish_reason: finishes[script.finish] }], usage: usage(script.usage), service_tier: "default" };
}

export function stream(script, heard, flavour = "openai") {
  const wanted = heard.ask.stream_options?.include_usage === true, always = flavour === "mistral";
  const chunk = (choices, more = {}) => sse({ ...head(heard), object: "chat.completion.chunk", choices, ...(wanted ? { usage: null } : {}), ...more });
  const delta = (d, finish_reason = null) => [{ index: 0, delta: d, finish_reason }];
  const events = [chunk(delta({ role: "assistant", content: "", refusal: null }))];
  let index = 0;
  for (const p of script.parts) {
    if (p.thinking && flavour === "mistral") for (const t of p.thinking) events.push(chunk(delta({ content: [thought(t)] })));
    if (p.thinking && flavour === "ollama") for (const t of p.thinking) events.push(chunk(delta({ reasoning: t })));
    for (const t of p.text ?? []) events.push(chunk(delta({ content: t })));
    if (p.refusal) events.push(chunk(delta({ refusal: p.refusal })));
    if (!p.tool) continue;
    const { id, name } = p.tool, at = index++;
    events.push(chunk(delta({ tool_calls: [{ index: at, id, type: "function", function: { name, arguments: "" } }] })));
    for (const piece of p.tool.args) events.push(chunk(delta({ tool_calls: [{ index: at, function: { arguments: piece } }] })));
  }
  events.push(chunk(delta({}, finishes[script.finish]), always ? { usage: usage(script.usage) } : {}));
  if (wanted) events.push(chunk([], { usage: usage(script.usage) }));
  events.push("data: [DONE]\n\n");
  return events;
}

const faults = { rate: ["rate_limit_error", "rate_limit_exceeded"], key: ["invalid_request_error", "invalid_api_key"], server: ["server_error", null], request: ["invalid_request_error", null], missing: ["invalid_request_error", "model_not_found"] };

export function fault({ kind, message }, flavour = "openai") {
  const [type, code] = faults[kind] ?? faults.request;
  if (flavour === "mistral") return { object: "error", message, type, param: null, code: code ?? "1000" };
  return { error: { message, type, param: null, code } };
}

export const streamType = "text/event-stream; charset=utf-8";
export const flavoured = (flavour) => ({ dialect: flavour === "mistral" ? "mistral" : "chat", streamType, hear: (call) => hear(call, flavour), whole: (s, h) => whole(s, h, flavour), stream: (s, h) => stream(s, h, flavour), fault: (e) => fault(e, flavour) });
