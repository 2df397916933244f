// SPDX-License-Identifier: Apache-2.0
// Portkey's header fields, envelopes, streams and paths. What a case is: portkey_cases.js.
import { onlyOurs, onlyTheirs } from "./portkey_unlike.js";

const openai = { "x-portkey-provider": "openai" };
const config = { provider: "openai" };
const sent = (name) => ({ heard }) => heard.map(({ headers }) => headers[name] ?? null);
const stream = { stream: true };
const vendorError = (status, type, code, message) => ({ status, error: { error: { message, type, param: null, code } } });
const errorMembers = ({ body }) => body?.error && { type: body.error.type, code: body.error.code ?? null, message: body.error.message, provider: body.provider ?? null };

const envelopes = [
  [400, "invalid_request_error", "unsupported_value", "Unsupported value: 'temperature'."],
  [401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."],
  [404, "invalid_request_error", "model_not_found", "The model does not exist."],
  [429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."],
  [500, "server_error", null, "The server had an error."],
].map(([status, type, code, message]) => {
  const provider = status === 401 ? "cerebras" : "openai"; // a credential that its vendor refuses is not used again: one of its own
  return {
    feature: "errors", name: `a vendor's ${status}`, config: { provider }, upstream: { [provider]: [vendorError(status, type, code, message)] }, sdk: status !== 401, see: errorMembers,
    differs: { seen: [{ type, code, message: `${provider} error: ${message}`, provider }, { type, code, message, provider: null }] },
    why: "the vendor's own words, unchanged; whose they are says the field x-portkey-provider",
    ...(status >= 500 ? { bySdk: { sent: ["openai ×2", "openai"] } } : {}),
  };
});

export const wire = [
  { feature: "x-portkey-provider", name: "without a config", headers: openai, sdk: true },
  { feature: "x-portkey-provider", name: "another one", headers: { "x-portkey-provider": "groq" } },
  { feature: "x-portkey-provider", name: "`@slug`", headers: { "x-portkey-provider": "@openai" }, differs: onlyOurs(400, "openai"), why: "slugs of a hosted workspace; here a credential of the key is meant" },
  { feature: "x-portkey-provider", name: "an unknown one", headers: { "x-portkey-provider": "nobody" }, differs: { status: [400, 403] }, why: "the key has no credential for it: `operation_denied`" },
  { feature: "x-portkey-provider", name: "neither it nor a config", headers: {}, differs: onlyOurs(400, "openai"), why: "the model says which vendor is meant: models.md" },
  { feature: "@slug/model", name: "in the model", headers: {}, body: { model: "@groq/llama-3.3-70b-versatile" }, differs: onlyOurs(400, "groq"), why: "the model says which vendor is meant: models.md" },
  { feature: "@slug/model", name: "`@slug` as a target's provider", config: { provider: "@groq" }, differs: onlyOurs(400, "groq"), why: "slugs of a hosted workspace; here a credential of the key is meant" },
  { feature: "x-portkey-config", name: "not JSON", config: "{oops" },
  { feature: "x-portkey-config", name: "an unknown strategy", config: { strategy: { mode: "both" }, targets: [config] } },
  { feature: "x-portkey-config", name: "no provider, no targets", config: { retry: { attempts: 1 } }, differs: onlyOurs(400, "openai"), why: "the model says which vendor is meant: models.md" },
  { feature: "x-portkey-config", name: "an unknown member", config: { provider: "openai", colour: "red" }, differs: onlyTheirs(400, "openai"), why: "a member that means nothing is a mistake of whoever wrote it, and said to be one" },
  { feature: "x-portkey-config", name: "a saved id that is not there", config: "pc-nothing-000000" },

  { feature: "request", name: "members that nobody knows", config, body: { foo: "bar", enable_thinking: true }, see: ({ heard }) => heard.map(({ body }) => [body.foo ?? null, body.enable_thinking ?? null]), differs: { seen: [[[null, null]], [["bar", true]]] }, why: "theirs drops what is not on its list, in silence" },
  { feature: "request", name: "a value out of range", config, body: { temperature: 5 }, see: ({ heard }) => heard.map(({ body }) => body.temperature), differs: { seen: [[2], [5]] }, why: "theirs changes the number in silence; the vendor should say what it takes" },
  { feature: "request", name: "a body that is not JSON", config, body: "{\"model\": ", differs: { status: [500, 400] }, why: "what the caller did wrong is a 400" },
  { feature: "request", name: "tools to deepinfra", config: { provider: "deepinfra", override_params: { model: "NousResearch/Hermes-3-Llama-3.1-405B" } }, body: { tools: [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }] }, see: ({ heard }) => heard.map(({ body }) => Boolean(body.tools)), differs: { seen: [[false], [true]] }, why: "theirs drops tools for 14 providers, in silence" },

  { feature: "x-portkey-trace-id", name: "echoed", config, headers: { "x-portkey-trace-id": "trace-1" }, see: ({ portkey }) => portkey("trace-id"), sdk: true, option: { traceID: "trace-1" } },
  { feature: "x-portkey-trace-id", name: "not given", config, see: ({ portkey }) => (portkey("trace-id") ? "one is made" : "empty"), differs: { seen: ["empty", "one is made"] }, why: "the call's id, under which its row is found" },
  { feature: "x-portkey-metadata", name: "accepted, not forwarded", config, headers: { "x-portkey-metadata": '{"_user":"u1"}' }, see: sent("x-portkey-metadata") },
  { feature: "x-portkey-span-id", name: "accepted, not forwarded", config, headers: { "x-portkey-span-id": "s1", "x-portkey-span-name": "n", "x-portkey-parent-span-id": "p1" }, see: sent("x-portkey-span-id") },
  { feature: "x-portkey-forward-headers", name: "by header", headers: { ...openai, "x-portkey-forward-headers": "x-team", "x-team": "blue" }, see: sent("x-team") },
  { feature: "x-portkey-forward-headers", name: "what is not named stays", headers: { ...openai, "x-team": "blue" }, see: sent("x-team") },
  { feature: "forward_headers", name: "in the config", config: { provider: "openai", forward_headers: ["x-team"] }, headers: { "x-team": "blue" }, see: sent("x-team") },
  { feature: "forward_headers", name: "inherited", config: { strategy: { mode: "fallback" }, forward_headers: ["x-team"], targets: [config] }, headers: { "x-team": "blue" }, see: sent("x-team") },
  {
    feature: "x-portkey-forward-headers", name: "a secret", headers: { ...openai, "x-portkey-forward-headers": "x-api-key", "x-api-key": "mine" }, see: sent("x-api-key"),
    differs: { seen: [["mine"], [null]] }, why: "who asks is the gate's to say; `x-tollgate-dropped` names it",
  },
  { feature: "x-portkey-custom-host", name: "the vendor's own", headers: ({ urls }) => ({ ...openai, "x-portkey-custom-host": `${urls.openai}/v1` }) },
  {
    feature: "x-portkey-custom-host", name: "another host", headers: ({ urls }) => ({ ...openai, "x-portkey-custom-host": `${urls.groq}/v1` }),
    differs: onlyTheirs(403, "groq", { provider: "openai" }), why: "a caller who names the host gets the secret sent there; here a credential is bound to its vendor's hosts",
  },
  { feature: "custom_host", name: "another host, in the config", config: { provider: "openai", custom_host: "http://127.0.0.1:9/v1" },
    differs: { status: [500, 400], kind: ["other", "failure"], option: ["config", null], retries: ["0", null], provider: ["openai", null], cache: ["DISABLED", null] }, why: "a caller who names the host gets the secret sent there; here a credential is bound to its vendor's hosts" },
  { feature: "x-portkey-strict-open-ai-compliance", name: "`false`", config, headers: { "x-portkey-strict-open-ai-compliance": "false" } },
  { feature: "x-portkey-strict-open-ai-compliance", name: "`true`", config, headers: { "x-portkey-strict-open-ai-compliance": "true" } },
  { feature: "x-portkey-cache-force-refresh", name: "without a cache", config, headers: { "x-portkey-cache-force-refresh": "true" } },
  { feature: "x-portkey-debug", name: "`false`", config, headers: { "x-portkey-debug": "false" } },
  { feature: "x-portkey-virtual-key", name: "alone", headers: { "x-portkey-virtual-key": "groq-main" }, differs: onlyOurs(400, "groq"), why: "names one of the key's credentials" },
  { feature: "cache", name: "`simple`, asked twice", config: { provider: "openai", cache: { mode: "simple" } }, again: true, differs: { cache: ["DISABLED", "HIT"], sent: ["openai ×2", "openai"] }, why: "theirs is compiled off in the npm package" },

  ...envelopes,
  { feature: "errors", name: "a page instead of JSON", config, upstream: { openai: [{ status: 502, error: "<html>bad gateway</html>" }] }, differs: { status: [500, 502], kind: ["failure", "other"], option: [null, "config"], retries: [null, "0"], provider: [null, "openai"], cache: [null, "DISABLED"] }, why: "the vendor's own words, unchanged; whose they are says the field x-portkey-provider" },
  { feature: "errors", name: "JSON that is none, with 200", config, upstream: { openai: [{ raw: "{\"id\":" }] }, differs: { status: [500, 200], kind: ["failure", "answer"], option: [null, "config"], retries: [null, "0"], provider: [null, "openai"], cache: [null, "DISABLED"] }, why: "what a vendor says with 200 is passed on as it comes; a race's winner is looked at" },

  { feature: "streams", name: "whole", config, body: stream, sdk: true },
  { feature: "streams", name: "a fallback before the first byte", config: { strategy: { mode: "fallback" }, targets: [config, { provider: "groq" }] }, body: stream, upstream: { openai: [{ status: 500 }] }, sdk: true },
  {
    feature: "streams", name: "cut by the vendor", config, body: stream, upstream: { openai: [{ stream: { cutAfter: 3 } }] },
    differs: { kind: ["stream, then nothing", "stream, then an error event"] }, why: "a truncated answer must not look whole; the tokens so far are billed",
  },
  { feature: "streams", name: "from another dialect", config: { provider: "anthropic", override_params: { model: "claude-haiku-4-5", max_tokens: 64 } }, body: stream },

  { feature: "paths", name: "/v1/embeddings", config, path: "/v1/embeddings", only: { model: "#MODEL#", input: "#MARK#" }, sdk: "embeddings" },
  { feature: "paths", name: "/v1/responses", config, path: "/v1/responses", only: { model: "#MODEL#", input: "#MARK#" } },
  { feature: "paths", name: "/v1/responses at anthropic", config: { provider: "anthropic" }, path: "/v1/responses", only: { model: "claude-haiku-4-5", input: "#MARK#", max_output_tokens: 64 }, differs: onlyOurs(500, "anthropic"), why: "any vendor's model on any dialect's path: matrix.md" },
  { feature: "paths", name: "/v1/messages at anthropic", config: { provider: "anthropic" }, path: "/v1/messages", only: { model: "claude-haiku-4-5", max_tokens: 64, messages: [{ role: "user", content: "#MARK#" }] } },
  { feature: "paths", name: "/v1/messages at openai", config, path: "/v1/messages", only: { model: "#MODEL#", max_tokens: 64, messages: [{ role: "user", content: "#MARK#" }] }, differs: onlyOurs(500, "openai"), why: "any vendor's model on any dialect's path: matrix.md" },
  { feature: "paths", name: "another dialect than the caller's", config: { provider: "anthropic", override_params: { model: "claude-haiku-4-5", max_tokens: 64 } } },
  { feature: "paths", name: "nowhere", path: "/nowhere", config, differs: { status: [404, 403], kind: ["other", "failure"] }, why: "what the gate does not know is refused: `operation_denied`" },

  { feature: "guardrails", name: "input: a word, `deny`", config: { provider: "openai", input_guardrails: [{ "default.contains": { words: ["hello"], operator: "none" }, deny: true }] }, differs: { cache: [null, "DISABLED"] }, why: "every answer says it" },
  { feature: "guardrails", name: "input: a word, no `deny`", config: { provider: "openai", input_guardrails: [{ "default.contains": { words: ["hello"], operator: "none" }, deny: false }] } },
  { feature: "guardrails", name: "input passes", config: { provider: "openai", input_guardrails: [{ "default.contains": { words: ["goodbye"], operator: "none" }, deny: true }] } },
  { feature: "guardrails", name: "output: a word, `deny`", config: { provider: "openai", output_guardrails: [{ "default.contains": { words: ["Hello"], operator: "none" }, deny: true }] } },
  { feature: "guardrails", name: "an unknown check with `deny`", config: { provider: "openai", input_guardrails: [{ "default.containz": { words: ["hello"] }, deny: true }] }, differs: onlyTheirs(400, "openai"), why: "a misspelt check lets everything pass there; here it is refused" },
  { feature: "guardrails", name: "output, streamed", config: { provider: "openai", output_guardrails: [{ "default.contains": { words: ["Hello"], operator: "none" }, deny: true }] }, body: stream, differs: { status: [200, 446], kind: ["stream", "error"], text: ["Hello from openai", null] }, why: "theirs does not look at streams; here what a guardrail may refuse is held until it was judged" },
  { feature: "guardrails", name: "on /v1/responses", config: { provider: "openai", input_guardrails: [{ "default.contains": { words: ["hello"], operator: "none" }, deny: true }] }, path: "/v1/responses", only: { model: "#MODEL#", input: "hello #MARK#" }, differs: { status: [200, 446], kind: ["answer", "error"], text: ["Hello from openai", null], sent: ["openai", "nobody"] }, why: "theirs guards four paths; here all" },
];

