// SPDX-License-Identifier: Apache-2.0
// Scripted model vendors: answers in the documented shapes of OpenAI and Anthropic, with the usage a test asks for.
//
// A test steers an answer by `play`, or a function (call, how many so far) that gives it: { text, usage, model, delay, status, error, cutAfter, pause, headers, tokens }.
import { sleep } from "./process.js";
import { answerJson, startScripted } from "./recorder.js";

const defaults = { text: ["Hello", " there", "!"], delay: 0, pause: 0 };

function openStream(res, headers = {}) {
  res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_llm_1", ...headers });
  res.flushHeaders();
}

/** Events one after the other; true if all of them went out. */
async function sendEvents(call, res, events, play) {
  openStream(res, play.headers);
  for (let i = 0; i < events.length; i++) {
    if (play.cutAfter === i) {
      await sleep(30); // what was written is on its way
      res.destroy();
      return false;
    }
    if (play.endAfter === i) {
      res.end();
      return false;
    }
    if (call.closed) return false;
    res.write(events[i]);
    call.sentEvents = i + 1;
    if (play.pause) await sleep(play.pause);
  }
  res.end();
  return true;
}

const data = (body) => `data: ${JSON.stringify(body)}\n\n`;
const named = (name, body) => `event: ${name}\ndata: ${JSON.stringify({ type: name, ...body })}\n\n`;

function chatUsage(play) {
  return {
    prompt_tokens: 19,
    completion_tokens: 10,
    total_tokens: 29,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    ...play.usage,
  };
}

async function chat(call, res, ask, play) {
  const model = play.model ?? ask.model;
  const head = { id: "chatcmpl-1", created: 1_700_000_000, model, system_fingerprint: "fp_1" };
  if (!ask.stream) {
    return answerJson(res, 200, {
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: play.text.join(""), refusal: null }, logprobs: null, finish_reason: "stop" }],
      usage: chatUsage(play),
      service_tier: "default",
    }, { "x-request-id": "req_llm_1" });
  }
  const wanted = ask.stream_options?.include_usage === true;
  const chunk = (choices, more = {}) => data({ ...head, object: "chat.completion.chunk", choices, ...(wanted ? { usage: null } : {}), ...more });
  const events = [chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }])];
  for (const text of play.text) events.push(chunk([{ index: 0, delta: { content: text }, finish_reason: null }]));
  events.push(chunk([{ index: 0, delta: {}, finish_reason: "stop" }]));
  if (wanted) events.push(chunk([], { usage: chatUsage(play) }));
  events.push("data: [DONE]\n\n");
  await sendEvents(call, res, events, play);
}

async function responses(call, res, ask, play) {
  const usage = {
    input_tokens: 36,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 87,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 123,
    ...play.usage,
  };
  const text = play.text.join("");
  const message = { type: "message", id: "msg_1", status: "completed", role: "assistant", content: [{ type: "output_text", text, annotations: [] }] };
  const response = (status, more = {}) => ({
    id: "resp_1", object: "response", created_at: 1_700_000_000, status, error: null, incomplete_details: null, instructions: null,
    model: play.model ?? ask.model, output: [], parallel_tool_calls: true, temperature: 1, tool_choice: "auto", tools: [], top_p: 1,
    usage: null, metadata: {}, service_tier: "default", ...more,
  });
  const whole = response("completed", { output: [message], usage });
  if (!ask.stream) return answerJson(res, 200, whole);
  let number = 0;
  const event = (name, body) => named(name, { sequence_number: number++, ...body });
  const at = { item_id: "msg_1", output_index: 0, content_index: 0 };
  const events = [
    event("response.created", { response: response("in_progress") }),
    event("response.output_item.added", { output_index: 0, item: { ...message, status: "in_progress", content: [] } }),
    event("response.content_part.added", { ...at, part: { type: "output_text", text: "", annotations: [] } }),
  ];
  for (const delta of play.text) events.push(event("response.output_text.delta", { ...at, delta }));
  events.push(event("response.output_text.done", { ...at, text }));
  events.push(event("response.content_part.done", { ...at, part: message.content[0] }));
  events.push(event("response.output_item.done", { output_index: 0, item: message }));
  events.push(event("response.completed", { response: whole }));
  await sendEvents(call, res, events, play);
}

function embeddings(res, ask, play) {
  const inputs = Array.isArray(ask.input) ? ask.input : [ask.input];
  const vector = ask.encoding_format === "base64" ? Buffer.from(new Float32Array([0.25, 0.5]).buffer).toString("base64") : [0.25, 0.5];
  answerJson(res, 200, {
    object: "list",
    data: inputs.map((_, index) => ({ object: "embedding", index, embedding: vector })),
    model: play.model ?? ask.model,
    usage: { prompt_tokens: 8, total_tokens: 8, ...play.usage },
  });
}

export async function startOpenai() {
  const vendor = await startScripted(async (call, res) => {
    const play = { ...defaults, ...(typeof vendor.play === "function" ? vendor.play(call, vendor.calls.length) : vendor.play) };
    const path = call.url.split("?")[0];
    if (play.delay) await sleep(play.delay);
    if (play.status) return answerJson(res, play.status, play.error, play.headers);
    if (path === "/v1/models") return answerJson(res, 200, { object: "list", data: [{ id: "gpt-4o-mini", object: "model", created: 1, owned_by: "system" }] });
    const ask = call.text ? JSON.parse(call.text) : {};
    if (path === "/v1/chat/completions") return chat(call, res, ask, play);
    if (path === "/v1/responses") return responses(call, res, ask, play);
    if (path === "/v1/embeddings") return embeddings(res, ask, play);
    return answerJson(res, 404, { error: { message: `Invalid URL (${call.method} ${path})`, type: "invalid_request_error", param: null, code: null } });
  });
  vendor.play = {};
  return vendor;
}

async function messages(call, res, ask, play) {
  const usage = { input_tokens: 25, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 15, service_tier: "standard", ...play.usage };
  const message = { id: "msg_01", type: "message", role: "assistant", model: play.model ?? ask.model, stop_sequence: null };
  const headers = { "request-id": "req_ant_1" };
  if (!ask.stream) {
    return answerJson(res, 200, { ...message, content: [{ type: "text", text: play.text.join("") }], stop_reason: "end_turn", usage }, headers);
  }
  const events = [
    named("message_start", { message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } }),
    named("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    named("ping", {}),
  ];
  for (const text of play.text) events.push(named("content_block_delta", { index: 0, delta: { type: "text_delta", text } }));
  events.push(named("content_block_stop", { index: 0 }));
  events.push(named("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: usage.output_tokens } }));
  events.push(named("message_stop", {}));
  await sendEvents(call, res, events, { ...play, headers });
}

export async function startAnthropic() {
  const vendor = await startScripted(async (call, res) => {
    const play = { ...defaults, ...(typeof vendor.play === "function" ? vendor.play(call, vendor.calls.length) : vendor.play) };
    const path = call.url.split("?")[0];
    if (play.delay) await sleep(play.delay);
    if (play.status) return answerJson(res, play.status, play.error, play.headers);
    const ask = call.text ? JSON.parse(call.text) : {};
    if (path === "/v1/messages") return messages(call, res, ask, play);
    if (path === "/v1/messages/count_tokens") return answerJson(res, 200, { input_tokens: 14 });
    return answerJson(res, 404, { type: "error", error: { type: "not_found_error", message: "Not found" } });
  });
  vendor.play = {};
  return vendor;
}
