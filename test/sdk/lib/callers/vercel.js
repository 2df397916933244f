// SPDX-License-Identifier: Apache-2.0
// Callers that ask with the Vercel AI SDK, over each of its provider packages.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateText, jsonSchema, streamText, tool } from "ai";

const finishes = { stop: "stop", length: "length", "tool-calls": "tools", "content-filter": "filter" };
const value = (m) => (m.url ? new URL(m.url) : m.data);

function asked(model, ask, options) {
  const content = [{ type: "text", text: ask.user }];
  if (ask.image) content.push({ type: "image", image: value(ask.image), mediaType: "image/png" });
  if (ask.pdf) content.push({ type: "file", data: value(ask.pdf), mediaType: "application/pdf", filename: "paper.pdf" });
  return {
    model, maxRetries: 0, headers: ask.headers, abortSignal: ask.signal, messages: ask.history ?? [{ role: "user", content }], ...(ask.system ? { system: ask.system } : {}),
    ...(ask.limit ? { maxOutputTokens: ask.limit } : {}), providerOptions: options(ask),
    ...(ask.tools ? { tools: Object.fromEntries(ask.tools.map((t) => [t.name, tool({ description: t.description, inputSchema: jsonSchema(t.schema) })])) } : {}),
    ...(ask.schema ? { output: Output.object({ schema: jsonSchema(ask.schema) }) } : {}),
  };
}

function gotOf(body, r, pieces = []) {
  return {
    text: r.text, thinking: r.reasoningText ?? "", refusal: "", finish: finishes[r.finishReason] ?? r.finishReason, pieces,
    calls: r.toolCalls.map((c) => ({ id: c.toolCallId, name: c.toolName, args: c.input })),
    usage: { input: r.usage.inputTokens, output: r.usage.outputTokens, cached: r.usage.inputTokenDetails?.cacheReadTokens ?? 0, reasoning: r.usage.outputTokenDetails?.reasoningTokens ?? 0 },
    next: (results) => [...body.messages, ...r.response.messages, { role: "tool", content: results.map((c) => ({ type: "tool-result", toolCallId: c.id, toolName: c.name, output: { type: "text", value: c.text } })) }],
  };
}

class Vercel {
  constructor() { this.errors = { APIError: APICallError }; }

  async whole(ask) {
    const body = asked(this.model(ask.model), ask, this.options);
    return gotOf(body, await generateText(body));
  }

  async stream(ask) {
    const pieces = [], body = asked(this.model(ask.model), ask, this.options), r = streamText({ ...body, onError() {} });
    const tools = [];
    let failed;
    for await (const part of r.fullStream) {
      if (part.type === "text-delta" && part.text) pieces.push({ kind: "text", text: part.text });
      if (part.type === "reasoning-delta" && part.text) pieces.push({ kind: "thinking", text: part.text });
      if (part.type === "tool-input-start") tools.push(part.id);
      if (part.type === "tool-input-delta" && part.delta) pieces.push({ kind: "args", text: part.delta, index: tools.indexOf(part.id) });
      if (part.type === "error") failed = part.error;
      if (part.type === "abort") failed = new Error("aborted");
    }
    if (failed) throw failed instanceof Error ? failed : new Error(JSON.stringify(failed));
    const [text, reasoningText, finishReason, toolCalls, usage, response] = await Promise.all([r.text, r.reasoningText, r.finishReason, r.toolCalls, r.usage, r.response]);
    return gotOf(body, { text, reasoningText, finishReason, toolCalls, usage, response }, pieces);
  }

  named(vendor, model) { return { model: `@${vendor}/${model}` }; }
}

export class VercelChat extends Vercel {
  constructor({ url, key }) {
    super();
    const provider = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
    this.model = (id) => provider.chat(id);
    this.options = (ask) => ({ openai: { forceReasoning: true, ...(ask.thinks ? { reasoningEffort: "high" } : {}) } });
  }
}

export class VercelResponses extends Vercel {
  constructor({ url, key }) {
    super();
    const provider = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
    this.model = (id) => provider.responses(id);
    this.options = (ask) => ({ openai: { store: false, ...(ask.thinks ? { reasoningEffort: "high", reasoningSummary: "auto", forceReasoning: true, include: ["reasoning.encrypted_content"] } : {}) } });
  }
}

export class VercelAnthropic extends Vercel {
  constructor({ url, key }) {
    super();
    const provider = createAnthropic({ baseURL: `${url}/v1`, apiKey: key });
    this.model = (id) => provider(id);
    this.options = (ask) => ({ anthropic: { structuredOutputMode: "outputFormat", ...(ask.thinks ? { thinking: { type: "enabled", budgetTokens: 10_000 } } : {}) } });
  }
}

export class VercelGoogle extends Vercel {
  constructor({ url, key }) {
    super();
    const provider = createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key });
    this.model = (id) => provider(id);
    this.options = (ask) => (ask.thinks ? { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 10_000 } } } : {});
  }

  whole(ask) { return super.whole(withRoom(ask)); }

  stream(ask) { return super.stream(withRoom(ask)); }

  named(vendor, model) { return { model, headers: { "x-portkey-provider": vendor } }; }
}

/** A budget for thinking needs a limit above it. */
const withRoom = (ask) => ({ ...ask, limit: ask.limit ?? (ask.thinks ? 20_000 : undefined) });

export class VercelCompatible extends Vercel {
  constructor({ url, key }) {
    super();
    const provider = createOpenAICompatible({ name: "gate", baseURL: `${url}/v1`, apiKey: key, includeUsage: true, supportsStructuredOutputs: true });
    this.model = (id) => provider(id);
    this.options = (ask) => (ask.thinks ? { gate: { reasoningEffort: "high" } } : {});
  }
}
