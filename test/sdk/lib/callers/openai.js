// SPDX-License-Identifier: Apache-2.0
// Callers that ask with OpenAI's SDK (chat completions, responses) and with Portkey's. What all callers give and take: index.js.
import OpenAI from "openai";
import { Portkey } from "portkey-ai";
import * as portkeyErrors from "portkey-ai/dist/src/error.js";

const parsed = (text) => (text ? JSON.parse(text) : {});
const dataUrl = (m) => m.url ?? `data:${m.type};base64,${m.data}`;

/* ---- chat completions ---- */

function chatBody(ask) {
  const content = [{ type: "text", text: ask.user }];
  if (ask.image) content.push({ type: "image_url", image_url: { url: dataUrl(ask.image) } });
  if (ask.pdf) content.push({ type: "file", file: { filename: "paper.pdf", file_data: dataUrl(ask.pdf) } });
  const messages = ask.history ?? [...(ask.system ? [{ role: "system", content: ask.system }] : []), { role: "user", content: content.length > 1 ? content : ask.user }];
  return {
    model: ask.model, messages,
    ...(ask.limit ? { max_completion_tokens: ask.limit } : {}),
    ...(ask.tools ? { tools: ask.tools.map((t) => ({ type: "function", function: { name: t.name, description: t.description, parameters: t.schema } })) } : {}),
    ...(ask.schema ? { response_format: { type: "json_schema", json_schema: { name: "answer", schema: ask.schema, strict: true } } } : {}),
    ...(ask.thinks ? { reasoning_effort: "high" } : {}),
  };
}

const chatFinish = { stop: "stop", length: "length", tool_calls: "tools", content_filter: "filter" };
const chatUsage = (u) => u && { input: u.prompt_tokens, output: u.completion_tokens, cached: u.prompt_tokens_details?.cached_tokens ?? 0, reasoning: u.completion_tokens_details?.reasoning_tokens ?? 0 };

function chatGot(messages, message, finish, usage, pieces = []) {
  return {
    text: message.content ?? "", thinking: message.reasoning_content ?? message.reasoning ?? "", refusal: message.refusal ?? "", finish: chatFinish[finish] ?? finish, usage: chatUsage(usage), pieces,
    calls: (message.tool_calls ?? []).map((c) => ({ id: c.id, name: c.function.name, args: parsed(c.function.arguments) })),
    next: (results) => [...messages, message, ...results.map((r) => ({ role: "tool", tool_call_id: r.id, content: r.text }))],
  };
}

function addDelta(message, delta, pieces) {
  if (delta.content) pieces.push({ kind: "text", text: delta.content });
  const thought = delta.reasoning_content ?? delta.reasoning; // Ollama's own name for it
  if (thought) pieces.push({ kind: "thinking", text: thought });
  for (const name of ["content", "reasoning_content", "reasoning", "refusal"]) if (delta[name]) message[name] = (message[name] ?? "") + delta[name];
  for (const detail of delta.reasoning_details ?? []) {
    message.reasoning_details ??= [];
    const known = message.reasoning_details.find((d) => d.index === detail.index);
    if (!known) message.reasoning_details.push({ ...detail });
    else for (const name of ["text", "signature", "data"]) if (detail[name]) known[name] = (known[name] ?? "") + detail[name];
  }
  for (const call of delta.tool_calls ?? []) {
    message.tool_calls ??= [];
    const known = (message.tool_calls[call.index] ??= { id: call.id, type: "function", function: { name: call.function.name, arguments: "" } });
    if (call.extra_content) known.extra_content = call.extra_content;
    if (!call.function?.arguments) continue;
    known.function.arguments += call.function.arguments;
    pieces.push({ kind: "args", text: call.function.arguments, index: call.index });
  }
}

async function chatStream(stream, messages, signal) {
  const message = { role: "assistant", content: null }, pieces = [];
  let finish, usage;
  for await (const chunk of stream) {
    if (signal?.aborted) break; // Portkey's SDK knows no signal: whoever leaves the loop, leaves
    usage = chunk.usage ?? usage;
    const choice = chunk.choices?.[0];
    if (!choice) continue;
    addDelta(message, choice.delta ?? {}, pieces);
    finish = choice.finish_reason ?? finish;
  }
  if (!finish) throw new Error("the stream ended without a finish_reason");
  return chatGot(messages, message, finish, usage, pieces);
}

export class OpenaiChat {
  constructor({ url, key }) {
    this.client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 });
    this.errors = OpenAI;
  }

  create(body, ask) {
    return this.client.chat.completions.create(body, { headers: ask.headers, signal: ask.signal });
  }

  async whole(ask) {
    const body = chatBody(ask), answer = await this.create(body, ask);
    return chatGot(body.messages, answer.choices[0].message, answer.choices[0].finish_reason, answer.usage);
  }

  async stream(ask) {
    const body = chatBody(ask);
    return chatStream(await this.create({ ...body, stream: true, stream_options: { include_usage: true } }, ask), body.messages, ask.signal);
  }

  named(vendor, model) { return { model: `@${vendor}/${model}` }; }
}

/** The vendor by x-portkey-provider, as the SDK says it; the run behind the key. */
export class PortkeyChat extends OpenaiChat {
  constructor({ url, key }) {
    super({ url, key });
    this.portkey = (run) => new Portkey({ apiKey: `${key}.${run}`, baseURL: `${url}/v1` });
    this.errors = portkeyErrors.default ?? portkeyErrors;
  }

  create(body, ask) {
    return this.portkey(ask.headers["x-agent-run-id"]).chat.completions.create(body, { provider: ask.provider }, { signal: ask.signal, maxRetries: 0 });
  }

  named(vendor, model) { return { model, provider: `@${vendor}` }; }
}

/* ---- responses ---- */

function responsesBody(ask) {
  const content = [{ type: "input_text", text: ask.user }];
  if (ask.image) content.push({ type: "input_image", image_url: dataUrl(ask.image), detail: "auto" });
  if (ask.pdf) content.push(ask.pdf.url ? { type: "input_file", file_url: ask.pdf.url } : { type: "input_file", filename: "paper.pdf", file_data: dataUrl(ask.pdf) });
  return {
    model: ask.model, input: ask.history ?? [{ role: "user", content }], store: false, ...(ask.system ? { instructions: ask.system } : {}),
    ...(ask.limit ? { max_output_tokens: ask.limit } : {}),
    ...(ask.tools ? { tools: ask.tools.map((t) => ({ type: "function", name: t.name, description: t.description, parameters: t.schema, strict: false })) } : {}),
    ...(ask.schema ? { text: { format: { type: "json_schema", name: "answer", schema: ask.schema, strict: true } } } : {}),
    ...(ask.thinks ? { reasoning: { effort: "high", summary: "auto" }, include: ["reasoning.encrypted_content"] } : {}),
  };
}

function responsesGot(body, response, pieces = []) {
  const of = (type) => response.output.filter((item) => item.type === type);
  const content = of("message").flatMap((item) => item.content), calls = of("function_call");
  const cut = { max_output_tokens: "length", content_filter: "filter" }[response.incomplete_details?.reason];
  const u = response.usage;
  return {
    text: content.map((c) => c.text ?? "").join(""), refusal: content.map((c) => c.refusal ?? "").join(""), pieces,
    thinking: of("reasoning").flatMap((item) => [...item.summary, ...(item.content ?? [])]).map((s) => s.text).join(""),
    calls: calls.map((c) => ({ id: c.call_id, name: c.name, args: parsed(c.arguments) })), finish: cut ?? (calls.length ? "tools" : response.status === "completed" ? "stop" : response.status),
    usage: u && { input: u.input_tokens, output: u.output_tokens, cached: u.input_tokens_details.cached_tokens, reasoning: u.output_tokens_details.reasoning_tokens },
    next: (results) => [...body.input, ...response.output, ...results.map((r) => ({ type: "function_call_output", call_id: r.id, output: r.text }))],
  };
}

const responsePieces = { "response.output_text.delta": "text", "response.reasoning_summary_text.delta": "thinking", "response.reasoning_text.delta": "thinking", "response.function_call_arguments.delta": "args" };

export class OpenaiResponses extends OpenaiChat {
  async whole(ask) {
    const body = responsesBody(ask);
    return responsesGot(body, await this.client.responses.create(body, { headers: ask.headers, signal: ask.signal }));
  }

  async stream(ask) {
    const body = responsesBody(ask), pieces = [];
    let response;
    for await (const event of await this.client.responses.create({ ...body, stream: true }, { headers: ask.headers, signal: ask.signal })) {
      const kind = responsePieces[event.type];
      if (kind) pieces.push({ kind, text: event.delta, index: event.output_index });
      if (event.type === "error") throw new OpenAI.APIError(undefined, event, event.message);
      if (event.type === "response.failed") throw new OpenAI.APIError(undefined, event.response.error, event.response.error.message);
      if (event.type === "response.completed" || event.type === "response.incomplete") response = event.response;
    }
    if (!response) throw new Error("the stream ended without response.completed");
    return responsesGot(body, response, pieces);
  }
}
