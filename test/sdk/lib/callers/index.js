// SPDX-License-Identifier: Apache-2.0
// The callers of the matrix: official SDKs, each as its documentation says, all asked alike.
//
// An ask: { model, user, system, image: { data, type } | { url }, pdf, tools: [{ name, description, schema }], schema, thinks, limit, history,
// headers, signal }. What a caller gives: { text, thinking, refusal, calls: [{ id, name, args }], finish, usage, pieces: [{ kind, text }], next },
// where next(results) is the history with which the conversation goes on.
import { AnthropicMessages } from "./anthropic.js";
import { Genai } from "./genai.js";
import { OpenaiChat, OpenaiResponses, PortkeyChat } from "./openai.js";
import { VercelAnthropic, VercelChat, VercelCompatible, VercelGoogle, VercelResponses } from "./vercel.js";

export const callers = {
  "openai: chat": { Caller: OpenaiChat, dialect: "chat" },
  "openai: responses": { Caller: OpenaiResponses, dialect: "responses" },
  "@anthropic-ai/sdk": { Caller: AnthropicMessages, dialect: "messages" },
  "@google/genai": { Caller: Genai, dialect: "gemini" },
  "portkey-ai": { Caller: PortkeyChat, dialect: "chat" },
  "@ai-sdk/openai: chat": { Caller: VercelChat, dialect: "chat" },
  "@ai-sdk/openai: responses": { Caller: VercelResponses, dialect: "responses" },
  "@ai-sdk/anthropic": { Caller: VercelAnthropic, dialect: "messages" },
  "@ai-sdk/google": { Caller: VercelGoogle, dialect: "gemini" },
  "@ai-sdk/openai-compatible": { Caller: VercelCompatible, dialect: "chat" },
};
