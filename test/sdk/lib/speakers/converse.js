// SPDX-License-Identifier: Apache-2.0
// Bedrock's Converse and ConverseStream. Source: the Bedrock Runtime API reference.
import { awsEvent, awsStreamType } from "../aws_stream.js";
import { alternate, argsOf, need, only, text } from "./words.js";

const members = "messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields promptVariables additionalModelResponseFieldPaths requestMetadata performanceConfig serviceTier outputConfig";

/* ---- what was asked ---- */

function bytes(value, members, where) {
  only(value, members, where);
  only(value.source, "bytes s3Location text content", `${where}.source`);
  need(/^[A-Za-z0-9+/=]+$/.test(value.source.bytes), `${where}.source.bytes is no base64`);
  return value.source.bytes;
}

function block(b, where, names) {
  need(Object.keys(b).length === 1, `${where}: exactly one member is expected, found ${Object.keys(b)}`);
  if (b.text !== undefined) {
    need(b.text.trim().length, `${where}.text is blank`);
    return { text: b.text };
  }
  if (b.image) return { image: { type: `image/${b.image.format}`, data: bytes(b.image, "format source", `${where}.image`) } };
  if (b.document) {
    need(/^[A-Za-z0-9\-()[\]]+( [A-Za-z0-9\-()[\]]+)*$/.test(b.document.name), `${where}.document.name ${b.document.name}`);
    return { document: { type: `application/${b.document.format}`, data: bytes(b.document, "format name source context citations", `${where}.document`) } };
  }
  if (b.toolUse) {
    only(b.toolUse, "toolUseId name input type", where);
    need(/^[a-zA-Z0-9_-]{1,64}$/.test(b.toolUse.toolUseId), `${where}.toolUseId ${b.toolUse.toolUseId}`);
    names.set(b.toolUse.toolUseId, b.toolUse.name);
    return { call: { id: b.toolUse.toolUseId, name: b.toolUse.name, args: b.toolUse.input } };
  }
  if (b.toolResult) {
    only(b.toolResult, "toolUseId content status type", where);
    const said = b.toolResult.content.map((c) => c.text ?? JSON.stringify(c.json)).join("");
    return { result: { id: b.toolResult.toolUseId, name: names.get(b.toolResult.toolUseId), text: said } };
  }
  if (b.reasoningContent) {
    const { reasoningText } = b.reasoningContent;
    need(reasoningText && /^sig/.test(reasoningText.signature), `${where}: the signature is not valid`);
    return { thinking: only(reasoningText, "text signature", where) };
  }
  need(b.cachePoint, `${where} holds ${Object.keys(b)}`);
  return { cache: true };
}

export function hear(call) {
  const ask = only(JSON.parse(call.text), members, "the call");
  const names = new Map();
  const turns = ask.messages.map((m, i) => {
    only(m, "role content", `messages[${i}]`);
    need(m.content.length, `messages[${i}].content is empty`);
    return { role: m.role, parts: m.content.map((b, k) => block(b, `messages[${i}].content[${k}]`, names)) };
  });
  alternate(turns, "user", "assistant");
  turns.forEach((turn, i) => {
    const calls = turn.parts.filter((p) => p.call), results = (turns[i + 1]?.parts ?? []).filter((p) => p.result);
    if (calls.length) need(results.length === calls.length, "the number of toolResult blocks does not fit the toolUse blocks of the previous turn");
  });
  const limits = only(ask.inferenceConfig ?? {}, "maxTokens temperature topP stopSequences", "inferenceConfig");
  const specs = (only(ask.toolConfig ?? { tools: [] }, "tools toolChoice", "toolConfig").tools ?? []).filter((t) => t.toolSpec).map((t) => only(t.toolSpec, "name description inputSchema strict", "a toolSpec"));
  need(specs.length || !turns.some((t) => t.parts.some((p) => p.call || p.result)), "toolConfig must be defined when toolUse and toolResult blocks are used");
  const extra = ask.additionalModelRequestFields ?? {}, thinks = extra.thinking?.type === "enabled";
  if (thinks) need(extra.thinking.budget_tokens >= 1024 && extra.thinking.budget_tokens < (limits.maxTokens ?? 64_000), "thinking.budget_tokens");
  const format = ask.outputConfig?.textFormat;
  if (format) need(typeof format.structure.jsonSchema.schema === "string", "outputConfig: schema is no string");
  return {
    ask, turns, model: decodeURIComponent(/\/model\/([^/]*)\//.exec(call.url)[1]), stream: /converse-stream$/.test(call.url),
    system: (ask.system ?? []).map((s) => s.text ?? "").join(""), tools: specs.map((t) => ({ name: t.name, schema: t.inputSchema.json })),
    format: format ? JSON.parse(format.structure.jsonSchema.schema) : undefined, thinks, limit: limits.maxTokens,
  };
}

/* ---- what is answered ---- */

const stops = { stop: "end_turn", length: "max_tokens", tools: "tool_use", filter: "content_filtered", refusal: "guardrail_intervened" };

const usage = ({ input, cached = 0, written = 0, output }) => ({
  inputTokens: input - cached - written, outputTokens: output, totalTokens: input + output, cacheReadInputTokens: cached, cacheWriteInputTokens: written,
});

function blockOf(p) {
  if (p.thinking) return { reasoningContent: { reasoningText: { text: text(p.thinking), signature: p.signature } } };
  if (p.tool) return { toolUse: { toolUseId: p.tool.id, name: p.tool.name, input: JSON.parse(argsOf(p.tool)) } };
  return { text: text(p.text ?? p.refusal) };
}

export const whole = (script) => ({
  output: { message: { role: "assistant", content: script.parts.map(blockOf) } }, stopReason: stops[script.finish], usage: usage(script.usage), metrics: { latencyMs: 5 },
});

function deltas(p) {
  if (p.thinking) return [...p.thinking.map((t) => ({ reasoningContent: { text: t } })), { reasoningContent: { signature: p.signature } }];
  if (p.tool) return p.tool.args.map((input) => ({ toolUse: { input } }));
  return (p.text ?? [p.refusal]).map((t) => ({ text: t }));
}

export function stream(script) {
  const events = [awsEvent("messageStart", { role: "assistant" })];
  script.parts.forEach((p, contentBlockIndex) => {
    if (p.tool) events.push(awsEvent("contentBlockStart", { contentBlockIndex, start: { toolUse: { toolUseId: p.tool.id, name: p.tool.name } } }));
    for (const delta of deltas(p)) events.push(awsEvent("contentBlockDelta", { contentBlockIndex, delta }));
    events.push(awsEvent("contentBlockStop", { contentBlockIndex }));
  });
  events.push(awsEvent("messageStop", { stopReason: stops[script.finish] }), awsEvent("metadata", { usage: usage(script.usage), metrics: { latencyMs: 5 } }));
  return events;
}

const names = { rate: "ThrottlingException", key: "UnrecognizedClientException", server: "InternalServerException", request: "ValidationException", missing: "ResourceNotFoundException" };
export const fault = ({ message }) => ({ message });
export const faultFields = ({ kind }) => ({ "x-amzn-errortype": `${names[kind]}:http://internal.amazon.com/coral/` });
export const streamType = awsStreamType;
