// SPDX-License-Identifier: Apache-2.0
// Vendors that answer by a script of the case that asks. Two gateways ask them at once, and many cases: a mark in the request's text
// ("#c12t#") says which case and whose gateway it is.
//
// A step: { status, error, headers, text, delay, hang, refuse, stream: { cutAfter }, tool }. The steps of a vendor are taken in turn; its
// last one goes on. A vendor without a script answers "Hello from NAME".
import { atEnd, sleep } from "./process.js";
import { answerJson, startScripted } from "./recorder.js";

const usage = { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29 };
const anthropicUsage = { input_tokens: 19, output_tokens: 10 };
const errorOf = (status) => ({ error: { message: `scripted ${status}`, type: "scripted_error", param: null, code: `code_${status}` } });

function chat(ask, text) {
  return {
    id: "chatcmpl-1", object: "chat.completion", created: 1_700_000_000, model: ask.model, system_fingerprint: "fp_1",
    choices: [{ index: 0, message: { role: "assistant", content: text, refusal: null }, logprobs: null, finish_reason: "stop" }], usage,
  };
}

function chatEvents(ask, text) {
  const chunk = (delta, finish_reason = null) =>
    `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model: ask.model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  const pieces = text.match(/\S+\s*/g) ?? [];
  const last = ask.stream_options?.include_usage
    ? [`data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model: ask.model, choices: [], usage })}\n\n`]
    : [];
  return [chunk({ role: "assistant", content: "" }), ...pieces.map((content) => chunk({ content })), chunk({}, "stop"), ...last, "data: [DONE]\n\n"];
}

function messages(ask, text) {
  return { id: "msg_1", type: "message", role: "assistant", model: ask.model, content: [{ type: "text", text }], stop_reason: "end_turn", stop_sequence: null, usage: anthropicUsage };
}

function messageEvents(ask, text) {
  const event = (type, body) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
  return [
    event("message_start", { message: { ...messages(ask, ""), content: [], stop_reason: null, usage: { input_tokens: 19, output_tokens: 1 } } }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    ...(text.match(/\S+\s*/g) ?? []).map((piece) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text: piece } })),
    event("content_block_stop", { index: 0 }),
    event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 10 } }),
    event("message_stop", {}),
  ];
}

function response(ask, text) {
  const message = { type: "message", id: "msg_1", status: "completed", role: "assistant", content: [{ type: "output_text", text, annotations: [] }] };
  return {
    id: "resp_1", object: "response", created_at: 1_700_000_000, status: "completed", error: null, incomplete_details: null, instructions: null, model: ask.model,
    output: [message], parallel_tool_calls: true, temperature: 1, tool_choice: "auto", tools: [], top_p: 1, metadata: {},
    usage: { input_tokens: 19, input_tokens_details: { cached_tokens: 0 }, output_tokens: 10, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 29 },
  };
}

function embeddings(ask) {
  return { object: "list", data: [].concat(ask.input).map((_, index) => ({ object: "embedding", index, embedding: [0.25, 0.5] })), model: ask.model, usage: { prompt_tokens: 8, total_tokens: 8 } };
}

async function sendEvents(call, res, events, { cutAfter } = {}, headers) {
  res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", ...headers });
  res.flushHeaders();
  for (let i = 0; i < events.length; i++) {
    if (i === cutAfter) {
      await sleep(60); // what was written is on its way
      return res.destroy();
    }
    if (call.closed) return undefined;
    res.write(events[i]);
  }
  return res.end();
}

async function answer(call, res, ask, step) {
  if (step.delay) await sleep(step.delay);
  if (step.refuse) return res.destroy();
  if (step.hang) return undefined;
  const path = call.url.split("?")[0];
  const text = step.text;
  if (step.status >= 300 || step.status < 200) return answerJson(res, step.status, step.error ?? errorOf(step.status), step.headers);
  if (step.raw !== undefined) return answerJson(res, step.status, step.raw, step.headers);
  if (path.endsWith("/embeddings")) return answerJson(res, 200, embeddings(ask), step.headers);
  if (path.endsWith("/responses")) return answerJson(res, 200, response(ask, text), step.headers);
  const anthropic = path.endsWith("/messages");
  if (ask.stream) return sendEvents(call, res, (anthropic ? messageEvents : chatEvents)(ask, text), step.stream, step.headers);
  return answerJson(res, 200, (anthropic ? messages : chat)(ask, text), step.headers);
}

export async function startUpstreams(names) {
  const scripts = new Map(), heard = new Map();
  const urls = {};
  for (const name of names) {
    const vendor = await startScripted(async (call, res) => {
      const mark = call.text.match(/#c(\d+[tu])#/)?.[1] ?? "none";
      let ask = {};
      try { ask = JSON.parse(call.text); } catch { /* not JSON: said of it is only that it came */ }
      const list = heard.get(mark) ?? heard.set(mark, []).get(mark);
      const steps = scripts.get(mark)?.[name] ?? [];
      const turn = list.filter((each) => each.to === name).length;
      list.push({ to: name, model: ask.model, path: call.url, body: ask, text: call.text, headers: call.headers, at: performance.now() });
      await answer(call, res, ask, { status: 200, text: `Hello from ${name}`, ...steps[Math.min(turn, steps.length - 1)] });
    });
    vendor.server.keepAliveTimeout = 120_000;
    urls[name] = vendor.url;
  }
  atEnd(() => scripts.clear());
  return {
    urls,
    script: (mark, plan) => scripts.set(mark, plan ?? {}),
    heard: (mark) => heard.get(mark) ?? [],
  };
}
