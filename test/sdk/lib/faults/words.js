// SPDX-License-Identifier: Apache-2.0
// What the upstreams of the fault matrix say: answers, streams and refusals of two dialects, in the shapes that their vendors document.

export const usage = { input: 19, output: 10 };

const sse = (body) => `data: ${JSON.stringify(body)}\n\n`;
const named = (name, body) => `event: ${name}\ndata: ${JSON.stringify({ type: name, ...body })}\n\n`;

/** Of each dialect: a whole answer, the events of a stream, which of them has the first word and which the end; and refusals. */
export const dialects = {
  openai: {
    whole: (pieces) => JSON.stringify({
      id: "chatcmpl-1", object: "chat.completion", created: 1_700_000_000, model: "m",
      choices: [{ index: 0, message: { role: "assistant", content: pieces.join(""), refusal: null }, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: usage.input, completion_tokens: usage.output, total_tokens: usage.input + usage.output },
    }),
    events(pieces) {
      const chunk = (choices, more) => sse({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model: "m", choices, ...more });
      return [
        chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]),
        ...pieces.map((content) => chunk([{ index: 0, delta: { content }, finish_reason: null }])),
        chunk([{ index: 0, delta: {}, finish_reason: "stop" }]),
        chunk([], { usage: { prompt_tokens: usage.input, completion_tokens: usage.output, total_tokens: usage.input + usage.output } }),
        "data: [DONE]\n\n",
      ];
    },
    firstWord: 1,
    failEvent: sse({ error: { message: "The server had an error while processing your request. Sorry about that!", type: "server_error", param: null, code: null } }),
    refusal: (message, type, code = null, param = null) => JSON.stringify({ error: { message, type, param, code } }),
  },
  anthropic: {
    whole: (pieces) => JSON.stringify({
      id: "msg_01", type: "message", role: "assistant", model: "m", content: [{ type: "text", text: pieces.join("") }], stop_reason: "end_turn", stop_sequence: null,
      usage: { input_tokens: usage.input, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: usage.output },
    }),
    events: (pieces) => [
      named("message_start", { message: { id: "msg_01", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null,
        usage: { input_tokens: usage.input, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 } } }),
      named("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
      ...pieces.map((text) => named("content_block_delta", { index: 0, delta: { type: "text_delta", text } })),
      named("content_block_stop", { index: 0 }),
      named("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: usage.output } }),
      named("message_stop", {}),
    ],
    firstWord: 2,
    failEvent: named("error", { error: { type: "overloaded_error", message: "Overloaded" } }),
    refusal: (message, type) => JSON.stringify({ type: "error", error: { type, message } }),
  },
};

const page = (status, text) => `<html>\r\n<head><title>${status} ${text}</title></head>\r\n<body>\r\n<center><h1>${status} ${text}</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n`;

/** Refusals: status, what the body is in each dialect, and the classes of `on_errors` that it belongs to. */
export const refusals = {
  "400 invalid": { status: 400, openai: ["Unrecognized request argument supplied: foo", "invalid_request_error"], anthropic: ["foo: Extra inputs are not permitted", "invalid_request_error"] },
  "400 context_length_exceeded": {
    status: 400, errors: ["context_window"],
    openai: ["This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages.", "invalid_request_error", "context_length_exceeded", "messages"],
    anthropic: ["prompt is too long: 208310 tokens > 200000 maximum", "invalid_request_error"],
  },
  "400 content_filter": {
    status: 400, errors: ["content_policy"],
    openai: ["The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.", null, "content_filter", "prompt"],
    anthropic: ["Output blocked by content filtering policy: content filter", "invalid_request_error"],
  },
  "401 invalid_api_key": { status: 401, errors: ["auth"], openai: ["Incorrect API key provided: sk-up*****0001. You can find your API key at https://platform.openai.com/account/api-keys.", "invalid_request_error", "invalid_api_key"], anthropic: ["invalid x-api-key", "authentication_error"] },
  "403 forbidden": { status: 403, errors: ["auth"], openai: ["Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"], anthropic: ["Your API key does not have permission to use the specified resource.", "permission_error"] },
  "404 model_not_found": { status: 404, openai: ["The model `m` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"], anthropic: ["model: m", "not_found_error"] },
  "408 timeout": { status: 408, errors: ["timeout"], openai: ["Request timed out.", "timeout"], anthropic: ["Request timed out.", "timeout_error"] },
  "413 too large": { status: 413, openai: ["The payload is too large.", "invalid_request_error"], anthropic: ["Request exceeds the maximum size", "request_too_large"] },
  "422 unprocessable": { status: 422, openai: ["Input should be a valid string", "invalid_request_error"], anthropic: ["Input should be a valid string", "invalid_request_error"] },
  "429 in milliseconds": { status: 429, errors: ["rate_limit"], fields: { "retry-after-ms": "120" }, least: 120, openai: ["Rate limit reached for m in organization org-1 on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 120ms.", "requests", "rate_limit_exceeded"], anthropic: ["This request would exceed your organization's rate limit.", "rate_limit_error"] },
  "429 in a second": { status: 429, errors: ["rate_limit"], fields: { "retry-after": "1" }, least: 1000, openai: ["Rate limit reached for m.", "tokens", "rate_limit_exceeded"], anthropic: ["This request would exceed your organization's rate limit.", "rate_limit_error"] },
  "429 at a date": { status: 429, errors: ["rate_limit"], date: 2, least: 500, openai: ["Rate limit reached for m.", "tokens", "rate_limit_exceeded"], anthropic: ["This request would exceed your organization's rate limit.", "rate_limit_error"] },
  "429 in two minutes": { status: 429, errors: ["rate_limit"], fields: { "retry-after": "120" }, unwaited: true, openai: ["Rate limit reached for m.", "tokens", "rate_limit_exceeded"], anthropic: ["This request would exceed your organization's rate limit.", "rate_limit_error"] },
  "429 insufficient_quota": { status: 429, elsewhere: { openai: 402, anthropic: 402 }, errors: ["rate_limit"], openai: ["You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"], anthropic: ["Your credit balance is too low to access the Anthropic API.", "rate_limit_error"] },
  "500 server_error": { status: 500, errors: ["outage"], openai: ["The server had an error while processing your request. Sorry about that!", "server_error"], anthropic: ["Internal server error", "api_error"] },
  "502 as a page": { status: 502, errors: ["outage"], page: page(502, "Bad Gateway") },
  "503 overloaded": { status: 503, elsewhere: { anthropic: 500, openai: 529 }, errors: ["outage"], openai: ["The engine is currently overloaded, please try again later.", "server_error", "overloaded"], anthropic: ["Service unavailable", "api_error"] },
  "503 with nothing": { status: 503, elsewhere: { openai: 529 }, errors: ["outage"], page: "" },
  "504 as a page": { status: 504, errors: ["timeout", "outage"], page: page(504, "Gateway Time-out") },
  "529 overloaded_error": { status: 529, errors: ["outage"], openai: ["Overloaded", "overloaded_error"], anthropic: ["Overloaded", "overloaded_error"] },
};
