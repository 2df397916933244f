// SPDX-License-Identifier: Apache-2.0
// Callers that ask with Anthropic's SDK.
import Anthropic from "@anthropic-ai/sdk";

const source = (m) => (m.url ? { type: "url", url: m.url } : { type: "base64", media_type: m.type, data: m.data });

function bodyOf(ask) {
  const content = [{ type: "text", text: ask.user }];
  if (ask.image) content.push({ type: "image", source: source(ask.image) });
  if (ask.pdf) content.push({ type: "document", source: source(ask.pdf), title: "paper.pdf" });
  return {
    model: ask.model, max_tokens: ask.limit ?? 20_000, messages: ask.history ?? [{ role: "user", content }], ...(ask.system ? { system: ask.system } : {}),
    ...(ask.tools ? { tools: ask.tools.map((t) => ({ name: t.name, description: t.description, input_schema: t.schema })) } : {}),
    ...(ask.schema ? { output_config: { format: { type: "json_schema", schema: ask.schema } } } : {}),
    ...(ask.thinks ? { thinking: { type: "enabled", budget_tokens: 10_000 } } : {}),
  };
}

const finishes = { end_turn: "stop", stop_sequence: "stop", max_tokens: "length", tool_use: "tools", refusal: "filter" };

function gotOf(body, message, pieces = []) {
  const of = (type) => message.content.filter((b) => b.type === type), u = message.usage;
  return {
    text: of("text").map((b) => b.text).join(""), thinking: of("thinking").map((b) => b.thinking).join(""), refusal: "", finish: finishes[message.stop_reason] ?? message.stop_reason, pieces,
    calls: of("tool_use").map((b) => ({ id: b.id, name: b.name, args: b.input })),
    usage: { input: u.input_tokens + (u.cache_read_input_tokens ?? 0) + (u.cache_creation_input_tokens ?? 0), output: u.output_tokens, cached: u.cache_read_input_tokens ?? 0, written: u.cache_creation_input_tokens ?? 0 },
    next: (results) => [...body.messages, { role: "assistant", content: message.content }, { role: "user", content: results.map((r) => ({ type: "tool_result", tool_use_id: r.id, content: r.text })) }],
  };
}

const kinds = { text_delta: ["text", "text"], thinking_delta: ["thinking", "thinking"], input_json_delta: ["args", "partial_json"] };

export class AnthropicMessages {
  constructor({ url, key }) {
    this.client = new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0, timeout: 20_000 });
    this.errors = Anthropic;
  }

  async whole(ask) {
    const body = bodyOf(ask);
    return gotOf(body, await this.client.messages.create(body, { headers: ask.headers, signal: ask.signal }));
  }

  async stream(ask) {
    const body = bodyOf(ask), pieces = [], stream = this.client.messages.stream(body, { headers: ask.headers, signal: ask.signal });
    for await (const event of stream) {
      const [kind, member] = (event.type === "content_block_delta" && kinds[event.delta.type]) || [];
      if (kind && event.delta[member]) pieces.push({ kind, text: event.delta[member], index: event.index });
    }
    return gotOf(body, await stream.finalMessage(), pieces);
  }

  named(vendor, model) { return { model: `@${vendor}/${model}` }; }
}
