// SPDX-License-Identifier: Apache-2.0
// `tollgate import`: what other gateways' files become is taken by the binary, answers calls as before, and says of each field what became
// of it; secrets of the source are printed nowhere.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { adminToken, binary, check, cleanEnv, startGate, tempDir } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { run } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

const sha256 = (text) => crypto.createHash("sha256").update(text).digest("hex");

/** Writes the files, imports them: { code, out, err, json }. */
async function bring(from, files, ...more) {
  const dir = tempDir("import");
  const names = Object.entries(files).map(([name, content]) => {
    fs.writeFileSync(path.join(dir, name), typeof content === "string" ? content : JSON.stringify(content));
    return path.join(dir, name);
  });
  const plain = await run(binary, ["import", from, ...names, ...more], { env: cleanEnv(), cwd: dir });
  const json = await run(binary, ["import", from, ...names, "--json", "--dry-run"], { env: cleanEnv(), cwd: dir });
  return { ...plain, dir, json: json.out ? JSON.parse(json.out) : undefined };
}

const lost = (got) => got.json.not_mapped.map((n) => n.path);
const paths = (got) => ["mapped", "differs", "not_mapped"].flatMap((kind) => got.json[kind].map((n) => n.path));

const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048, privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } });
const keyFile = JSON.stringify({ client_email: "a@example.com", private_key_id: "1", private_key: privateKey });

/** A value for all variables, and the binary's own judgement. */
async function accepted(got) {
  const value = (name) => (/base|url/i.test(name) ? "https://example.com/v1" : /KEY_FILE/.test(name) ? keyFile : "value-0123456789");
  const env = Object.fromEntries(got.json.set.map((v) => [v.name, value(v.name)]));
  const { code, err } = await check(got.json.config, { env });
  assert.equal(code, 0, err);
}

const here = (yaml) => `listen: 127.0.0.1:0\nadmin: { listen: "127.0.0.1:0", token: ${adminToken} }\n${yaml}`;

async function ask(gate, token, model, more = {}) {
  const answer = await fetch(`${gate.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: 20, messages: [{ role: "user", content: "hello" }], ...more }),
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

describe("LiteLLM", () => {
  const small = { "config.yaml": "model_list:\n  - model_name: fast\n    litellm_params: { model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY }\n" };

  test("a small one: everything is mapped, exit code 0", async () => {
    const got = await bring("litellm", small);
    assert.equal(got.code, 0, got.err);
    assert.deepEqual(lost(got), []);
    assert.match(got.out, /models: \[fast\]/);
    assert.match(got.out, /secret: "\$\{OPENAI_API_KEY\}"/);
    assert.match(got.err, /OPENAI_API_KEY/);
    await accepted(got);
  });

  test("a medium one: orders, weights, fallbacks, aliases, limits, clouds; what is not mapped is named, exit code 5", async () => {
    const got = await bring("litellm", {
      "config.yaml": `
model_list:
  - model_name: chat
    litellm_params: { model: azure/prod, api_base: "https://res-a.openai.azure.com/", api_key: azure-literal-secret-1, api_version: "2024-10-21", order: 1, weight: 3, max_budget: 5, budget_duration: 1d }
    model_info: { base_model: azure/gpt-4o, access_groups: [team-a], id: one, mode: chat, supports_vision: true }
  - model_name: chat
    litellm_params: { model: azure/prod, api_base: "https://res-b.openai.azure.com/", api_key: azure-literal-secret-2, order: 1, weight: 1 }
    model_info: { base_model: azure/gpt-4o }
  - model_name: chat
    litellm_params: { model: gpt-4o, order: 2, timeout: 20, stream_timeout: 5, max_retries: 9, temperature: 0.1, tags: [eu], mock_response: hi }
  - model_name: claude
    litellm_params: { model: bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0, aws_region_name: eu-west-1, aws_access_key_id: AKIALITERAL, aws_secret_access_key: aws-literal-secret, aws_role_name: r }
  - model_name: gem
    litellm_params: { model: vertex_ai/gemini-2.5-flash, vertex_project: p, vertex_location: europe-west1, vertex_credentials: /etc/sa.json }
  - model_name: groq/*
    litellm_params: { model: groq/*, api_key: os.environ/GROQ_API_KEY }
router_settings:
  routing_strategy: least-busy
  num_retries: 2
  allowed_fails: 3
  cooldown_time: 45
  timeout: 60
  max_fallbacks: 3
  redis_host: r
  enable_tag_filtering: true
  fallbacks: [ { chat: [claude, nowhere] }, { ghost: [chat] } ]
  context_window_fallbacks: [ { chat: [gem] } ]
  content_policy_fallbacks: [ { chat: [claude] } ]
  default_fallbacks: [gem]
  model_group_alias: { gpt-4: chat, hidden: { model: claude, hidden: true }, lost: nothing }
  provider_budget_config: { openai: { budget_limit: 100, time_period: 1d } }
  retry_policy: { TimeoutErrorRetries: 3, RateLimitErrorRetries: 4, AuthenticationErrorRetries: 0 }
litellm_settings: { drop_params: true, cache: true, cache_params: { type: redis-semantic, ttl: 600, similarity_threshold: 0.9, supported_call_types: [completion] }, max_budget: 1000, budget_duration: 30d, callbacks: [langfuse], brand_new_field: 1 }
general_settings: { master_key: sk-master-literal, database_url: "postgres://u:database-literal@h/d", allowed_ips: [10.0.0.0/8], alerting: [slack], pass_through_endpoints: [ { path: /v1/x, target: "https://x" } ] }
guardrails: [ { guardrail_name: pii, litellm_params: { guardrail: presidio, mode: pre_call } } ]
`,
    });
    assert.equal(got.code, 5, got.err);
    for (const path of ["model_list[2].litellm_params.tags", "model_list[2].litellm_params.mock_response", "model_list[3].litellm_params.aws_role_name", "router_settings.enable_tag_filtering",
      "router_settings.fallbacks[0].chat", "router_settings.fallbacks[1].ghost", "router_settings.model_group_alias.lost", "litellm_settings.callbacks", "litellm_settings.brand_new_field",
      "litellm_settings.cache_params.supported_call_types", "general_settings.database_url", "general_settings.alerting", "general_settings.pass_through_endpoints[0]", "guardrails[0]"]) {
      assert.ok(lost(got).includes(path), `${path} is not named: ${lost(got)}`);
      assert.ok(got.err.includes(path), `${path} is not in the table`);
    }
    assert.deepEqual(lost(got).filter((p) => p.startsWith("model_list[0]") || p.startsWith("model_list[1]")), []);
    await accepted(got);
    for (const secret of ["azure-literal-secret-1", "azure-literal-secret-2", "AKIALITERAL", "aws-literal-secret", "sk-master-literal", "database-literal"])
      assert.ok(![got.out, got.err, JSON.stringify(got.json)].join("").includes(secret), `${secret} was printed`);
    const json = JSON.stringify(got.json.config);
    for (const part of ["resource: res-a", "region: eu-west-1", "by: busy", "on_errors: [context_window]", "on_errors: [content_policy]", "tries: 4", "cooldown: \\\"45s\\\"", "failures: 4"])
      assert.ok(json.includes(part), `${part} is missing: ${got.json.config}`);
  });

  test("a nasty one: names, wrong kinds, references in texts, secrets in addresses", async () => {
    const got = await bring("litellm", {
      "config.yaml": `
include: [more.yaml]
model_list:
  - { model_name: "key_\u00e9 / \\"x\\"", litellm_params: { model: hosted_vllm/m, api_base: "http://10.0.0.5:8000/v1/" } }
  - { model_name: env, litellm_params: { model: openai/m, api_base: os.environ/MY_BASE, api_key: "" , stop: "\${HOME}" } }
  - { model_name: user, litellm_params: { model: openai/m, api_base: "https://u:password-in-address@h/v1" } }
  - { model_name: who, litellm_params: { model: nobody/knows } }
  - { model_name: none }
  - not a map
  - { model_name: neg, litellm_params: { model: openai/gpt-4o, weight: -1, timeout: soon, max_retries: many, input_cost_per_token: free } }
router_settings: { fallbacks: 7, routing_strategy: mine, num_retries: -3, retry_policy: 5 }
litellm_settings: [1]
`,
      "more.yaml": "model_list: [ { model_name: included, litellm_params: { model: openai/gpt-4o } } ]\n",
    });
    assert.equal(got.code, 5, got.err);
    for (const path of ["model_list[2].litellm_params.api_base", "model_list[3].litellm_params.model", "model_list[4]", "model_list[5]", "model_list[6].litellm_params.weight",
      "model_list[6].litellm_params.timeout", "model_list[6].litellm_params.max_retries", "model_list[6].litellm_params.input_cost_per_token", "router_settings.fallbacks",
      "router_settings.routing_strategy", "router_settings.num_retries", "litellm_settings"])
      assert.ok(lost(got).includes(path), `${path} is not named: ${lost(got)}`);
    assert.ok(paths(got).includes("include[0]"));
    assert.match(got.json.config, /models: \[included\]/);
    assert.match(got.json.config, /\$\$\{HOME\}/);
    assert.ok(![got.out, got.err, JSON.stringify(got.json)].join("").includes("password-in-address"));
    await accepted(got);
  });

  test("the old key opens, its models and its limits hold; a blocked and an expired one do not", async () => {
    const [dead, alive] = [await startOpenai(), await startOpenai()];
    dead.play = { status: 500, error: { error: { message: "down", type: "server_error" } } };
    const params = (vendor) => ({ model: "openai/gpt-4o-mini", api_base: `${vendor.url}/v1`, api_key: "sk-upstream-secret-1" });
    const token = "sk-of-the-old-gateway-0123456789";
    const got = await bring("litellm", {
      "config.yaml": {
        model_list: [{ model_name: "fast", litellm_params: params(alive) }, { model_name: "broken", litellm_params: params(dead) }],
        router_settings: { num_retries: 0, fallbacks: [{ broken: ["fast"] }], model_group_alias: { quick: "fast" } },
      },
      "keys.json": { keys: [
        { token: sha256(token), key_alias: "old agent", key_name: "sk-...6789", models: ["fast", "broken"], rpm_limit: 3, max_budget: 1, budget_duration: "1d", user_id: "u1", team_id: null, spend: 0, blocked: false, metadata: {} },
        { token: sha256("sk-blocked-0123456789"), key_alias: "blocked", models: [], blocked: true },
        { token: sha256("sk-over-0123456789012"), key_alias: "over", models: [], expires: "2024-01-01T00:00:00Z", allowed_routes: ["/chat"] },
      ] },
    });
    assert.equal(got.code, 5);
    assert.deepEqual(lost(got), ["keys[2].allowed_routes"]);
    assert.ok(!got.out.includes(token) && !got.out.includes("sk-upstream-secret-1"));
    const gate = await startGate(here(got.json.config), { env: Object.fromEntries(got.json.set.map((v) => [v.name, "sk-upstream-secret-1"])) });
    assert.equal((await ask(gate, "sk-blocked-0123456789", "fast")).status, 401);
    assert.equal((await ask(gate, "sk-over-0123456789012", "fast")).status, 401);
    assert.equal((await ask(gate, sha256(token), "fast")).status, 401, "the hash is no token");
    const direct = await ask(gate, token, "gpt-4o-mini");
    assert.equal(direct.status, 200, direct.text);
    assert.equal((await gate.lastCall()).key_name, "old-agent");
    assert.equal((await ask(gate, token, "o1-pro")).status, 403, "no model that is behind no group");
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await ask(gate, token, "gpt-4o-mini")).status);
    assert.ok(statuses.some((s) => s !== 200), `three requests a minute, but ${statuses}`);
  });

  test("an alias answers, and a group that fails is followed by the next", {}, async () => {
    const [dead, alive] = [await startOpenai(), await startOpenai()];
    dead.play = { status: 500, error: { error: { message: "down", type: "server_error" } } };
    const params = (vendor) => ({ model: "openai/gpt-4o-mini", api_base: `${vendor.url}/v1`, api_key: "sk-upstream-secret-1" });
    const token = "sk-of-the-old-gateway-0123456789";
    const got = await bring("litellm", {
      "config.yaml": {
        model_list: [{ model_name: "fast", litellm_params: params(alive) }, { model_name: "broken", litellm_params: params(dead) }],
        router_settings: { num_retries: 0, fallbacks: [{ broken: ["fast"] }], model_group_alias: { quick: "fast" } },
      },
      "keys.json": [{ token: sha256(token), key_alias: "agent", models: ["fast"] }],
    });
    const gate = await startGate(here(got.json.config), { env: Object.fromEntries(got.json.set.map((v) => [v.name, "sk-upstream-secret-1"])) });
    const alias = await ask(gate, token, "quick");
    assert.equal(alias.status, 200, alias.text);
    assert.equal(JSON.parse(alive.last().text).model, "gpt-4o-mini");
    assert.equal(alive.last().headers.authorization, "Bearer sk-upstream-secret-1");
    const followed = await ask(gate, token, "broken");
    assert.equal(followed.status, 200, followed.text);
    assert.ok(dead.calls.length >= 1);
  });

  test("--apply seals the secrets in a running gate; --dry-run sends nothing", async () => {
    const upstream = await startOpenai();
    const dir = tempDir("apply");
    const token = "sk-of-the-old-gateway-applied-1";
    fs.writeFileSync(path.join(dir, "config.yaml"), JSON.stringify({ model_list: [{ model_name: "gpt-4o-mini", litellm_params: { model: "openai/gpt-4o-mini", api_base: `${upstream.url}/v1`, api_key: "sk-upstream-literal-7" } }] }));
    fs.writeFileSync(path.join(dir, "keys.json"), JSON.stringify([{ token: sha256(token), key_alias: "moved", models: [] }]));
    const gate = await startGate({});
    const files = [path.join(dir, "config.yaml"), path.join(dir, "keys.json")];
    const dry = await gate.cli("import", "litellm", ...files, "--apply", "--dry-run");
    assert.equal(dry.code, 0, dry.err);
    assert.deepEqual((await gate.get("/keys")).data, []);
    const done = await gate.cli("import", "litellm", ...files, "--apply");
    assert.equal(done.code, 0, done.err);
    assert.ok(![done.out, done.err, JSON.stringify(await gate.get("/credentials")), JSON.stringify(await gate.get("/keys"))].join("").includes("sk-upstream-literal-7"));
    const answer = await ask(gate, token, "gpt-4o-mini");
    assert.equal(answer.status, 200, answer.text);
    assert.equal(upstream.last().headers.authorization, "Bearer sk-upstream-literal-7");
    const again = await gate.cli("import", "litellm", ...files, "--apply");
    assert.equal(again.code, 0, again.err);
    assert.equal((await gate.get("/keys")).data.length, 1);
  });

  test("--out writes the file, a directory that is not there is told", async () => {
    const got = await bring("litellm", small, "--out", "made.yaml");
    assert.equal(got.code, 0, got.err);
    assert.match(got.out, /written: made\.yaml/);
    assert.equal(fs.readFileSync(path.join(got.dir, "made.yaml"), "utf8"), got.json.config);
    assert.equal((await bring("litellm", small, "--out", "no/such/made.yaml")).code, 1);
  });
});

describe("Portkey", () => {
  const virtualKeys = { data: [
    { name: "OpenAI", slug: "openai-vk", ai_provider_name: "open-ai", status: "active", usage_limits: { credit_limit: 100, alert_threshold: 80, periodic_reset: "monthly" } },
    { name: "Anthropic", slug: "anth-vk", ai_provider_name: "anthropic", status: "archived" },
  ] };
  const config = (more) => ({ data: [{ id: "pc-prod-1a2b", name: "prod", config: more }] });

  test("a small one", async () => {
    const got = await bring("portkey", { "configs.json": config({ virtual_key: "openai-vk", override_params: { model: "gpt-4o-mini" } }), "vk.json": virtualKeys });
    assert.equal(got.code, 0, got.err);
    assert.match(got.out, /pc-prod-1a2b:/);
    await accepted(got);
  });

  test("a nasty one: nested, camelCase, JSON in a text, inline secrets, ids of what only their service has", async () => {
    const nested = { strategy: { mode: "loadbalance", sticky: { enabled: true, hashFields: ["metadata.user"], ttl: 60 }, cbConfig: { failureThreshold: 3, cooldownInterval: 30000 } },
      retry: { attempts: 9, onStatusCodes: [429], useRetryAfterHeaders: true }, cache: "simple", input_guardrails: ["pg-1"], output_guardrails: [{ "default.contains": { words: ["x"] }, deny: true }],
      targets: [{ virtualKey: "openai-vk", weight: 0.7 }, { provider: "@anth-vk", weight: 0.3, override_params: { model: "claude-haiku-4-5" } },
        { strategy: { mode: "fallback", on_status_codes: [429] }, targets: [{ provider: "groq", api_key: "gsk_literal_secret_1" }, { provider: "openai", custom_host: "https://llm.example.com/v1", api_key: "host-literal-secret" }, { virtual_key: "gone" }, { provider: "no-such-provider" }] }],
      before_request_hooks: [{ id: "h" }], prompt_id: "pp-1", forward_headers: ["x-a"], brand_new: true };
    const got = await bring("portkey", { "configs.json": config(JSON.stringify(nested)), "vk.json": virtualKeys,
      "keys.json": [{ id: "1", name: "Team A", type: "workspace-service", status: "active", scopes: ["completions.write"], usage_limits: { credit_limit: 10, type: "cost", periodic_reset_days: 10 }, rate_limits: [{ type: "tokens", unit: "rpm", value: 1000 }, { type: "requests", unit: "rps", value: 1 }],
        defaults: { config_id: "pc-prod-1a2b", metadata: { team: "a" } }, expires_at: "2027-01-01T00:00:00Z" }] });
    assert.equal(got.code, 5, got.err);
    for (const end of ["input_guardrails[0]", "output_guardrails[0]", "before_request_hooks", "prompt_id", "brand_new", "targets[2].targets[2].virtual_key", "targets[2].targets[3].provider", "scopes", "rate_limits[1]"])
      assert.ok(lost(got).some((p) => p.endsWith(end)), `${end} is not named: ${lost(got)}`);
    await accepted(got);
    for (const secret of ["gsk_literal_secret_1", "host-literal-secret"]) assert.ok(![got.out, got.err, JSON.stringify(got.json)].join("").includes(secret), secret);
    assert.match(got.json.config, /route: pc-prod-1a2b/);
    assert.match(got.json.config, /disabled: true/);
  });

  test("a virtual key that no file lists needs --vendor", async () => {
    const files = { "configs.json": config({ virtual_key: "mine", override_params: { model: "gpt-4o-mini" } }) };
    assert.equal((await bring("portkey", files)).code, 5);
    const told = await bring("portkey", files, "--vendor", "mine=openai");
    assert.equal(told.code, 0, told.err);
    assert.match(told.out, /mine: \{ vendor: openai/);
  });
});

describe("OpenRouter", () => {
  test("preferences become routes, keys keep what was left", async () => {
    const got = await bring("openrouter", {
      "prefs.json": { chat: { models: ["anthropic/claude-sonnet-4.5", "openai/gpt-4o-mini"], route: "fallback", temperature: 0.2 },
        cheap: { model: "meta-llama/llama-3.3-70b-instruct", provider: { only: ["DeepInfra", "Nobody"], sort: "price", max_price: { prompt: 1 }, quantizations: ["fp8"], require_parameters: true } },
        private: { model: "openai/gpt-4o", provider: { data_collection: "deny", order: ["OpenAI"], allow_fallbacks: false } },
        strange: { model: "no-such-maker/model-x:free", transforms: ["middle-out"], brand_new: 1 } },
      "keys.json": { data: [{ hash: "h", name: "prod", limit: 50, limit_remaining: 20.5, limit_reset: null, usage: 29.5, disabled: false }, { hash: "g", name: "day", limit: 5, limit_reset: "daily", usage: 1, disabled: true }] },
    });
    assert.equal(got.code, 5, got.err);
    assert.deepEqual(lost(got).sort(), ["cheap.provider.max_price", "cheap.provider.only[1]", "cheap.provider.quantizations", "strange.brand_new", "strange.transforms"].sort());
    await accepted(got);
    for (const part of ["provider: anthropic, credential: anthropic, model: claude-sonnet-4-5", "limit: \"20.5 usd\", window: total", "limit: \"5 usd\", window: day", "zero_retention: true", "revoked_at", "provider: openrouter"])
      assert.ok(got.json.config.includes(part), `${part}: ${got.json.config}`);
  });

  test("a small one, and files that hold nothing of it", async () => {
    const got = await bring("openrouter", { "p.json": { model: "openai/gpt-4o-mini" } });
    assert.equal(got.code, 0, got.err);
    await accepted(got);
    for (const wrong of ["[]", "7", "{}", "{ not: [a, config }"]) assert.equal((await bring("openrouter", { "p.json": wrong })).code, 4, wrong);
  });
});

describe("the command line", () => {
  test("what is missing or unknown is told with exit code 2", async () => {
    for (const args of [["import"], ["import", "litellm"], ["import", "helicone", "x"], ["import", "litellm", "x", "--apply", "--out", "y"]])
      assert.equal((await run(binary, args, { env: cleanEnv() })).code, 2, args.join(" "));
    assert.notEqual((await run(binary, ["import", "litellm", "/no/such/file"], { env: cleanEnv() })).code, 0);
  });
});
