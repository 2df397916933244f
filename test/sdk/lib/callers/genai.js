// SPDX-License-Identifier: Apache-2.0
// Callers that ask with Google's SDK.
import { ApiError, GoogleGenAI } from "@google/genai";

const media = (m, type) => (m.url ? { fileData: { fileUri: m.url, mimeType: m.type ?? type } } : { inlineData: { mimeType: m.type, data: m.data } });

function asked(ask) {
  const parts = [{ text: ask.user }];
  if (ask.image) parts.push(media(ask.image, "image/png"));
  if (ask.pdf) parts.push(media(ask.pdf, "application/pdf"));
  return {
    model: ask.model, contents: ask.history ?? [{ role: "user", parts }],
    config: {
      httpOptions: { headers: ask.headers }, abortSignal: ask.signal, ...(ask.system ? { systemInstruction: ask.system } : {}), ...(ask.limit ? { maxOutputTokens: ask.limit } : {}),
      ...(ask.tools ? { tools: [{ functionDeclarations: ask.tools.map((t) => ({ name: t.name, description: t.description, parametersJsonSchema: t.schema })) }] } : {}),
      ...(ask.schema ? { responseMimeType: "application/json", responseJsonSchema: ask.schema } : {}),
      ...(ask.thinks ? { thinkingConfig: { includeThoughts: true, thinkingBudget: 10_000 }, maxOutputTokens: 20_000 } : {}),
    },
  };
}

const finishes = { STOP: "stop", MAX_TOKENS: "length", SAFETY: "filter", PROHIBITED_CONTENT: "filter" };

function gotOf(body, parts, finish, u, pieces = []) {
  const said = (thought) => parts.filter((p) => p.text && Boolean(p.thought) === thought).map((p) => p.text).join("");
  const calls = parts.filter((p) => p.functionCall).map((p) => ({ id: p.functionCall.id, name: p.functionCall.name, args: p.functionCall.args ?? {} }));
  const responses = (results) => results.map((r) => ({ functionResponse: { ...(r.id ? { id: r.id } : {}), name: r.name, response: { output: r.text } } }));
  return {
    text: said(false), thinking: said(true), refusal: "", calls, pieces, finish: calls.length ? "tools" : (finishes[finish] ?? finish),
    usage: u && { input: u.promptTokenCount, output: (u.candidatesTokenCount ?? 0) + (u.thoughtsTokenCount ?? 0), cached: u.cachedContentTokenCount ?? 0, reasoning: u.thoughtsTokenCount ?? 0 },
    next: (results) => [...body.contents, { role: "model", parts }, { role: "user", parts: responses(results) }],
  };
}

export class Genai {
  constructor({ url, key }) {
    this.client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
    this.errors = { APIError: ApiError };
  }

  async whole(ask) {
    const body = asked(ask), answer = await this.client.models.generateContent(body), candidate = answer.candidates[0];
    return gotOf(body, candidate.content?.parts ?? [], candidate.finishReason, answer.usageMetadata);
  }

  async stream(ask) {
    const body = asked(ask), pieces = [], parts = [];
    let finish, usage;
    for await (const chunk of await this.client.models.generateContentStream(body)) {
      const candidate = chunk.candidates?.[0];
      for (const part of candidate?.content?.parts ?? []) {
        if (part.text) pieces.push({ kind: part.thought ? "thinking" : "text", text: part.text });
        if (part.text || part.functionCall || part.thoughtSignature) parts.push(part);
      }
      finish = candidate?.finishReason ?? finish;
      usage = chunk.usageMetadata ?? usage;
    }
    if (!finish) throw new Error("the stream ended without a finishReason");
    return gotOf(body, parts, finish, usage, pieces);
  }

  /** The model stands in the path here: its vendor is told beside it. */
  named(vendor, model) { return { model, headers: { "x-portkey-provider": vendor } }; }
}
