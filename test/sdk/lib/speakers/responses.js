// SPDX-License-Identifier: Apache-2.0
// OpenAI's responses. Source: OpenAI's API reference.
import { argsOf, media, need, only, sseNamed, text } from "./words.js";
import { fault } from "./chat.js";

const members = "model input background context_management conversation include instructions max_output_tokens max_tool_calls metadata moderation parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user";

/* ---- what was asked ---- */

function part(p, role, where) {
  switch (p.type) {
    case "input_text":
      only(p, "type text", where);
      need(role !== "assistant", `${where}: an assistant has no input_text`);
      return { text: p.text };
    case "output_text":
      only(p, "type text annotations logprobs", where);
      need(role === "assistant", `${where}: only an assistant has output_text`);
      return { text: p.text };
    case "refusal":
      return { refusal: p.refusal };
    case "input_image":
      only(p, "type image_url file_id detail", where);
      return { image: media(p.image_url) };
    case "input_file":
      only(p, "type file_data file_id file_url filename detail", where);
      if (p.file_data) need(p.filename, `${where}.filename is missing`);
      return { document: media(p.file_data ?? p.file_url) };
    default:
      throw need(false, `${where}.type is ${p.type}`);
  }
}

function items(list) {
  const heard = { system: "", turns: [] }, names = new Map();
  const open = new Set();
  let thinking = null;
  list.forEach((item, i) => {
    const where = `input[${i}]`, type = item.type ?? "message";
    need(thinking === null || type !== "message" || item.role === "assistant", `${where}: reasoning ${thinking} stands without what followed it`);
    thinking = type === "reasoning" ? item.id : null;
    if (type === "message") {
      only(item, item.role === "assistant" ? "type role content id status phase" : "type role content status", where);
      const said = typeof item.content === "string" ? [{ text: item.content }] : item.content.map((p, k) => part(p, item.role, `${where}.content[${k}]`));
      if (item.role === "system" || item.role === "developer") heard.system += said.map((p) => p.text).join("");
      else heard.turns.push({ role: item.role, parts: said });
    } else if (type === "function_call") {
      only(item, "type id call_id name arguments status", where);
      if (item.id !== undefined) need(/^fc_/.test(item.id), `${where}.id ${item.id} does not begin with fc_`);
      open.add(item.call_id);
      names.set(item.call_id, item.name);
      heard.turns.push({ role: "assistant", parts: [{ call: { id: item.call_id, name: item.name, args: JSON.parse(item.arguments) } }] });
    } else if (type === "function_call_output") {
      only(item, "type id call_id output status", where);
      need(open.delete(item.call_id), `${where}: no function_call ${item.call_id}`);
      const output = typeof item.output === "string" ? item.output : item.output.map((p) => p.text).join("");
      heard.turns.push({ role: "user", parts: [{ result: { id: item.call_id, name: names.get(item.call_id), text: output } }] });
    } else if (type === "reasoning") {
      only(item, "type id summary content encrypted_content status", where);
      need(item.encrypted_content === undefined || item.encrypted_content === null || item.encrypted_content.startsWith("sig"), `${where}.encrypted_content is none of ours: ${item.encrypted_content}`);
      heard.turns.push({ role: "assistant", parts: [{ thinking: { text: item.summary.map((s) => s.text).join(""), signature: item.encrypted_content } }] });
    } else need(false, `${where}.type is ${type}`);
  });
  need(open.size === 0, `No tool output found for function call ${[...open]}`);
  return heard;
}

export function hear(call) {
  const ask = only(JSON.parse(call.text), members, "the call");
  need(typeof ask.model === "string", "model is missing");
  need(ask.temperature === undefined || ask.temperature === 1, "temperature is not supported with this model");
  need(ask.max_output_tokens === undefined || ask.max_output_tokens >= 16, "max_output_tokens is below 16");
  const heard = items(typeof ask.input === "string" ? [{ role: "user", content: ask.input }] : ask.input);
  for (const tool of ask.tools ?? []) only(tool, "type name description parameters strict defer_loading", "a tool");
  if (ask.text) only(ask.text, "format verbosity", "text");
  if (ask.text?.format?.type === "json_schema") only(ask.text.format, "type name description schema strict", "text.format");
  if (ask.reasoning) only(ask.reasoning, "effort summary generate_summary", "reasoning");
  return {
    ...heard, ask, model: ask.model, stream: ask.stream === true, system: (ask.instructions ?? "") + heard.system,
    tools: (ask.tools ?? []).map((t) => ({ name: t.name, schema: t.parameters })), format: ask.text?.format?.schema,
    thinks: ask.reasoning?.effort !== undefined && ask.reasoning.effort !== "none", limit: ask.max_output_tokens,
  };
}

/* ---- what is answered ---- */

const usage = ({ input, cached = 0, output, reasoning = 0 }) => ({
  input_tokens: input, input_tokens_details: { cached_tokens: cached }, output_tokens: output,
  output_tokens_details: { reasoning_tokens: reasoning }, total_tokens: input + output,
});

/** Each part as an item of the output, with its pieces. */
function output(script) {
  return script.parts.map((p, i) => {
    if (p.thinking) {
      const summary = [{ type: "summary_text", text: text(p.thinking) }];
      return { id: `rs_${i}`, type: "reasoning", summary, ...(p.signature ? { encrypted_content: p.signature } : {}) };
    }
    if (p.tool) return { id: `fc_${i}`, type: "function_call", status: "completed", call_id: p.tool.id, name: p.tool.name, arguments: argsOf(p.tool) };
    const content = p.refusal ? { type: "refusal", refusal: p.refusal } : { type: "output_text", text: text(p.text), annotations: [], logprobs: [] };
    return { id: `msg_${i}`, type: "message", status: "completed", role: "assistant", content: [content] };
  });
}

const response = (heard, status, more = {}) => ({
  id: "resp_1", object: "response", created_at: 1_700_000_000, status, background: false, error: null, incomplete_details: null, instructions: null,
  max_output_tokens: null, model: heard.model, output: [], parallel_tool_calls: true, previous_response_id: null, reasoning: { effort: null, summary: null },
  service_tier: "default", store: true, temperature: 1, text: { format: { type: "text" } }, tool_choice: "auto", tools: [], top_p: 1, truncation: "disabled",
  usage: null, user: null, metadata: {}, ...more,
});

export function whole(script, heard) {
  const cut = { length: "max_output_tokens", filter: "content_filter" }[script.finish];
  return response(heard, cut ? "incomplete" : "completed", { output: output(script), usage: usage(script.usage), ...(cut ? { incomplete_details: { reason: cut } } : {}) });
}

function itemEvents(event, p, item, output_index) {
  const at = { item_id: item.id, output_index };
  const added = (body) => event("response.output_item.added", { output_index, item: { ...item, status: "in_progress", ...body } });
  const done = event.bind(null, "response.output_item.done");
  if (p.thinking) {
    const here = { ...at, summary_index: 0 };
    return [() => added({ summary: [], encrypted_content: undefined, status: undefined }), () => event("response.reasoning_summary_part.added", { ...here, part: { type: "summary_text", text: "" } }),
      ...p.thinking.map((delta) => () => event("response.reasoning_summary_text.delta", { ...here, delta })),
      () => event("response.reasoning_summary_text.done", { ...here, text: text(p.thinking) }),
      () => event("response.reasoning_summary_part.done", { ...here, part: item.summary[0] }), () => done({ output_index, item })];
  }
  if (p.tool) {
    return [() => added({ arguments: "" }), ...p.tool.args.map((delta) => () => event("response.function_call_arguments.delta", { ...at, delta })),
      () => event("response.function_call_arguments.done", { ...at, name: item.name, arguments: item.arguments }), () => done({ output_index, item })];
  }
  const kind = p.refusal ? "refusal" : "output_text", here = { ...at, content_index: 0 }, part = item.content[0];
  const empty = p.refusal ? { type: kind, refusal: "" } : { type: kind, text: "", annotations: [], logprobs: [] };
  const full = p.refusal ? { refusal: p.refusal } : { text: part.text, logprobs: [] };
  return [() => added({ content: [] }), () => event("response.content_part.added", { ...here, part: empty }),
    ...(p.text ?? [p.refusal]).map((delta) => () => event(`response.${kind}.delta`, { ...here, delta, ...(p.refusal ? {} : { logprobs: [] }) })),
    () => event(`response.${kind}.done`, { ...here, ...full }), () => event("response.content_part.done", { ...here, part }), () => done({ output_index, item })];
}

export function stream(script, heard) {
  let number = 0;
  const event = (name, body) => sseNamed(name, { sequence_number: number++, ...body });
  const all = whole(script, heard), events = [event("response.created", { response: response(heard, "in_progress") }), event("response.in_progress", { response: response(heard, "in_progress") })];
  script.parts.forEach((p, i) => { for (const make of itemEvents(event, p, all.output[i], i)) events.push(make()); });
  events.push(event(`response.${all.status}`, { response: all }));
  return events;
}

export const dialect = "responses";
export const streamType = "text/event-stream; charset=utf-8";
export { fault };
