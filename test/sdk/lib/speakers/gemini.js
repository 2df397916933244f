// SPDX-License-Identifier: Apache-2.0
// Google's generateContent and streamGenerateContent, at the Gemini API and on Vertex. Source: the API's reference.
import { argsOf, need, only, sse } from "./words.js";

const members = "contents tools toolConfig safetySettings systemInstruction generationConfig cachedContent serviceTier store";
const config = "stopSequences responseMimeType responseSchema responseJsonSchema _responseJsonSchema responseFormat responseModalities candidateCount maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs enableEnhancedCivicAnswers speechConfig thinkingConfig imageConfig mediaResolution";

/* ---- what was asked ---- */

function part(p, where) {
  only(p, "text thought thoughtSignature inlineData fileData functionCall functionResponse mediaResolution partMetadata executableCode codeExecutionResult", where);
  const signature = p.thoughtSignature;
  need(signature === undefined || /^sig/.test(signature), `${where}.thoughtSignature is not valid: ${signature}`);
  if (p.thought) return { thinking: { text: p.text, signature } };
  if (p.text !== undefined) return { text: p.text, ...(signature ? { signature } : {}) };
  if (p.inlineData) {
    only(p.inlineData, "mimeType data displayName", where);
    const value = { type: p.inlineData.mimeType, data: p.inlineData.data };
    return /^image/.test(value.type) ? { image: value } : { document: value };
  }
  if (p.fileData) {
    only(p.fileData, "mimeType fileUri displayName", where);
    return /^image/.test(p.fileData.mimeType ?? "image") ? { image: { url: p.fileData.fileUri } } : { document: { url: p.fileData.fileUri } };
  }
  if (p.functionCall) return { call: { id: p.functionCall.id, name: p.functionCall.name, args: only(p.functionCall, "id name args", where).args ?? {}, signature } };
  need(p.functionResponse, `${where} holds nothing: the oneof field data is required`);
  only(p.functionResponse, "id name response parts willContinue scheduling", where);
  const { id, name, response } = p.functionResponse;
  need(name, `${where}.functionResponse.name cannot be empty`);
  need(response && typeof response === "object" && !Array.isArray(response), `${where}.functionResponse.response is no Struct`);
  const said = response.output ?? response.result ?? response.error ?? response;
  return { result: { id, name, text: typeof said === "string" ? said : JSON.stringify(said) } };
}

function turns(contents) {
  const said = contents.map((c, i) => {
    only(c, "role parts", `contents[${i}]`);
    need(c.parts?.length, `contents[${i}].parts is empty`);
    return { role: c.role === "model" ? "assistant" : "user", parts: c.parts.map((p, k) => part(p, `contents[${i}].parts[${k}]`)) };
  });
  said.forEach((turn, i) => {
    const calls = turn.parts.filter((p) => p.call).length;
    if (!calls) return;
    const results = (said[i + 1]?.parts ?? []).filter((p) => p.result).length;
    need(results === calls, "the number of function response parts must equal the number of function call parts of the function call turn");
  });
  need(said[0].role === "user", "contents must begin with a turn of the user");
  return said;
}

export function hear(call) {
  const ask = only(JSON.parse(call.text), members, "the call");
  const streams = /:streamGenerateContent/.test(call.url);
  if (streams) need(/[?&]alt=sse/.test(call.url), "a stream without alt=sse is one JSON array");
  const c = only(ask.generationConfig ?? {}, config, "generationConfig");
  if (c.thinkingConfig) only(c.thinkingConfig, "includeThoughts thinkingBudget thinkingLevel", "thinkingConfig");
  if (c.responseSchema || c.responseJsonSchema) need(c.responseMimeType === "application/json", "a schema without responseMimeType application/json");
  need(!(c.responseSchema && c.responseJsonSchema), "two schemas");
  const functions = (ask.tools ?? []).flatMap((t) => only(t, "functionDeclarations googleSearch codeExecution urlContext googleSearchRetrieval", "a tool").functionDeclarations ?? []);
  for (const f of functions) {
    only(f, "name description parameters parametersJsonSchema response responseJsonSchema behavior", "a function");
    need(!(f.parameters && f.parametersJsonSchema), "parameters and parametersJsonSchema");
  }
  return {
    ask, model: decodeURIComponent(/models\/([^/:]*):/.exec(call.url)[1]), stream: streams, turns: turns(ask.contents),
    system: (ask.systemInstruction?.parts ?? []).map((p) => p.text).join(""),
    tools: functions.map((f) => ({ name: f.name, schema: f.parametersJsonSchema ?? f.parameters })),
    format: c.responseJsonSchema ?? c._responseJsonSchema ?? c.responseSchema,
    thinks: c.thinkingConfig !== undefined && c.thinkingConfig.thinkingBudget !== 0, limit: c.maxOutputTokens,
  };
}

/* ---- what is answered ---- */

const finishes = { stop: "STOP", length: "MAX_TOKENS", tools: "STOP", filter: "SAFETY", refusal: "PROHIBITED_CONTENT" };

const usage = ({ input, cached = 0, output, reasoning = 0 }) => ({
  promptTokenCount: input, candidatesTokenCount: output - reasoning, totalTokenCount: input + output,
  ...(cached ? { cachedContentTokenCount: cached } : {}), ...(reasoning ? { thoughtsTokenCount: reasoning } : {}),
  promptTokensDetails: [{ modality: "TEXT", tokenCount: input }],
});

const called = (t, withIds) => ({ functionCall: { ...(withIds ? { id: t.id } : {}), name: t.name, args: JSON.parse(argsOf(t)) }, ...(t.signature ? { thoughtSignature: t.signature } : {}) });
const answer = (heard, parts, finishReason, more = {}) => ({
  candidates: [{ content: { role: "model", parts }, index: 0, ...(finishReason ? { finishReason } : {}) }], modelVersion: heard.model, responseId: "resp-1", ...more,
});
const pieces = (p) => (p.thinking ? p.thinking.map((t) => ({ text: t, thought: true })) : p.tool ? [called(p.tool)] : (p.text ?? []).map((t) => ({ text: t })));

export function whole(script, heard) {
  const parts = script.parts.flatMap((p) => (p.thinking ? [{ text: p.thinking.join(""), thought: true }] : p.tool ? [called(p.tool)] : p.text ? [{ text: p.text.join("") }] : []));
  return answer(heard, parts, finishes[script.finish], { usageMetadata: usage(script.usage) });
}

export function stream(script, heard) {
  const all = script.parts.flatMap(pieces);
  const some = { promptTokenCount: script.usage.input, totalTokenCount: script.usage.input };
  return [...all.map((p) => sse(answer(heard, [p], null, { usageMetadata: some }))), sse(answer(heard, [{ text: "" }], finishes[script.finish], { usageMetadata: usage(script.usage) }))];
}

const states = { rate: [429, "RESOURCE_EXHAUSTED"], key: [401, "UNAUTHENTICATED"], server: [500, "INTERNAL"], request: [400, "INVALID_ARGUMENT"], missing: [404, "NOT_FOUND"] };
export const fault = ({ kind, message }) => ({ error: { code: states[kind][0], message, status: states[kind][1] } });
export const dialect = "gemini";
export const streamType = "text/event-stream";
