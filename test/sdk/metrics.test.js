// SPDX-License-Identifier: Apache-2.0
// /metrics: counters that are right, stay right over a reload, and are read by a real Prometheus.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, check, root, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { promtool, readMetrics, startPrometheus } from "./lib/prometheus.js";
import { startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

let gate, openai, stripe, built;

const client = (name = "agent", more = {}) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/v1`, maxRetries: 0, ...more });
const ask = (more = {}, options) => client().chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }], ...more }, options);
const page = async (token = adminToken) => gate.ask("GET", "/metrics", undefined, token);
const metrics = async () => readMetrics((await page()).body);
const chat = { vendor: "openai", operation: "openai.chat.completions" };

before(async () => {
  openai = await startOpenai();
  stripe = await startScripted((call, res) => res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "ch_1", object: "charge", amount: 100, currency: "usd" })));
  built = config({ openai: openai.url, stripe: stripe.url }, {
    keys: [key("agent", ["openai-main", "stripe-main"], { budgets: [{ limit: "100 usd", window: "day" }] }), key("small", ["openai-main"], { budgets: [{ limit: "0.000001 usd", window: "day" }] })],
    metrics: { keys: true, aliases: "litellm" },
  });
  gate = await startGate(built);
  built = JSON.parse(fs.readFileSync(gate.file, "utf8")); // with its addresses
  for (let i = 0; i < 3; i++) await ask();
  openai.play = { pause: 20 }; // so that there is a gap
  const stream = await ask({ stream: true });
  for await (const chunk of stream) void chunk;
  await assert.rejects(client("small").chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }));
  openai.play = { status: 500, error: { error: { message: "trouble" } } };
  await assert.rejects(ask());
  openai.play = {};
  await fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": "application/x-www-form-urlencoded" }, body: "amount=100&currency=usd&source=tok_visa" });
}, { timeout: 60_000 });

describe("counters", () => {
  test("are clean by promtool", async () => {
    const { status, headers, body } = await page();
    assert.equal(status, 200);
    assert.match(headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
    const { code, text } = promtool(["check", "metrics"], body);
    // LiteLLM's own names are what they are.
    assert.deepEqual(text.split("\n").filter((line) => line && !line.startsWith("litellm_")), []);
    assert.ok([0, 3].includes(code), text);
  });
  test("without aliases promtool has nothing to say at all", async () => {
    const plain = (await page()).body.split("\n").filter((line) => !line.includes("litellm_")).join("\n");
    const { code, text } = promtool(["check", "metrics"], plain);
    assert.equal(`${code} ${text}`, "0 ");
  });
  test("tell what became of calls, by vendor and operation", async () => {
    const m = await metrics();
    assert.equal(m.value("tollgate_operation_calls_total", { ...chat, verdict: "allowed" }), 5); // a vendor's 500 is an answer
    assert.equal(m.value("tollgate_operation_calls_total", { ...chat, verdict: "denied", code: "budget_exceeded" }), 1);
    assert.equal(m.value("tollgate_operation_failures_total", chat), 1);
    assert.equal(m.value("tollgate_operation_calls_total", { vendor: "stripe", operation: "stripe.charges.create", verdict: "allowed" }), 1);
    assert.equal(m.value("tollgate_attempts_total", { vendor: "openai", status: "2xx" }), 4);
    assert.equal(m.value("tollgate_attempts_total", { vendor: "openai", status: "5xx" }), 1);
  });
  test("add up to what the audit log says", async () => {
    const m = await metrics();
    const { data } = await gate.get("/calls?limit=100");
    assert.equal(m.value("tollgate_operation_calls_total"), data.length);
    const nano = (text) => Math.round(Number(text) * 1e9);
    const cost = data.reduce((sum, call) => sum + nano(call.cost_usd ?? "0"), 0);
    assert.equal(nano(m.value("tollgate_operation_cost_usd_total")), cost);
    const answered = data.filter((call) => call.model?.startsWith("gpt") && call.verdict === "allowed");
    assert.equal(m.value("tollgate_model_tokens_total", { model: "gpt-4o-mini", kind: "input" }), answered.reduce((sum, call) => sum + call.input_tokens, 0));
    assert.equal(m.value("tollgate_model_tokens_total", { model: "gpt-4o-mini", kind: "output" }), answered.reduce((sum, call) => sum + call.output_tokens, 0));
  });
  test("histograms grow towards +Inf and agree with their count", async () => {
    const m = await metrics();
    for (const name of Object.keys(m.types).filter((n) => m.types[n] === "histogram")) {
      for (const total of m.find(`${name}_count`)) {
        const buckets = m.find(`${name}_bucket`, total.labels).map((s) => s.value);
        assert.ok(buckets.length > 10, name);
        for (let i = 1; i < buckets.length; i++) assert.ok(buckets[i] >= buckets[i - 1], name);
        assert.equal(buckets.at(-1), total.value, name);
      }
    }
    assert.equal(m.value("tollgate_operation_duration_seconds_count", chat), 6);
    assert.equal(m.value("tollgate_model_first_byte_seconds_count", { model: "gpt-4o-mini" }), 1);
    assert.equal(m.value("tollgate_model_gap_seconds_count", { model: "gpt-4o-mini" }), 1);
  });
  test("of keys stand there only where they are asked for", async () => {
    const m = await metrics();
    assert.equal(m.value("tollgate_key_calls_total", { key: "agent" }), 6);
    assert.equal(m.value("tollgate_key_refused_total", { key: "small" }), 1);
  });
  test("LiteLLM's names say the same", async () => {
    const m = await metrics();
    for (const [theirs, ours] of [["requests_metric_total", "model_calls_total"], ["spend_metric_total", "model_cost_usd_total"]]) {
      assert.ok(m.value(`litellm_${theirs}`, { model: "gpt-4o-mini" }) > 0);
      assert.equal(m.value(`litellm_${theirs}`, { model: "gpt-4o-mini" }), m.value(`tollgate_${ours}`, { model: "gpt-4o-mini" }));
    }
    assert.equal(m.value("litellm_total_tokens_metric_total"), m.value("tollgate_model_tokens_total", { kind: "input" }) + m.value("tollgate_model_tokens_total", { kind: "output" }));
  });
  test("strangers' words are no series", async () => {
    const strange = async (from) => {
      openai.play = { status: 404, error: { error: { message: "no such model" } } };
      for (let i = from; i < from + 20; i++) {
        await assert.rejects(ask({ model: `made-up-${i}` }));
        await fetch(`${gate.url}/openai/v1/made/up/${i}`, { headers: { authorization: `Bearer ${tokenOf("agent")}`, "x-agent-run-id": `run_${i}` } });
      }
      openai.play = {};
      return (await page()).body;
    };
    const once = await strange(0);
    const twice = await strange(100);
    assert.ok(!twice.includes("made-up") && !twice.includes("run_1"));
    assert.equal(readMetrics(twice).samples.length, readMetrics(once).samples.length);
  });
});

describe("over a reload", () => {
  test("no counter falls, and aliases come and go", async () => {
    const before = await metrics();
    gate.writeConfig({ ...built, metrics: {} });
    assert.equal((await gate.ask("POST", "/api/v1/reload", {})).status, 200);
    const after = await metrics();
    let compared = 0;
    for (const sample of before.samples.filter((s) => !s.name.startsWith("litellm_") && !s.name.startsWith("tollgate_key_"))) {
      const family = sample.name.replace(/_(bucket|sum|count)$/, "");
      if (after.types[sample.name] !== "counter" && after.types[family] !== "histogram") continue;
      const [now] = after.find(sample.name, sample.labels);
      assert.ok(now && now.value >= sample.value, `${sample.name} ${JSON.stringify(sample.labels)}`);
      compared++;
    }
    assert.ok(compared > 50, String(compared));
    assert.equal(after.find("tollgate_key_calls_total").length, 0);
    assert.ok(!after.samples.some((s) => s.name.startsWith("litellm_")));
  });
});

describe("who may read", () => {
  test("nobody without a token", async () => assert.equal((await page(null)).status, 401));
  test("anybody, where it says so", async () => {
    gate.writeConfig({ ...built, metrics: { open: true } });
    await gate.ask("POST", "/api/v1/reload", {});
    assert.equal((await page(null)).status, 200);
    assert.equal((await gate.ask("GET", "/api/v1/now", undefined, null)).status, 401);
    gate.writeConfig(built);
    await gate.ask("POST", "/api/v1/reload", {});
    assert.equal((await page(null)).status, 401);
  });
});

describe("a real Prometheus", () => {
  let prometheus;
  before(async () => (prometheus = await startPrometheus(gate.adminAddress, { token: adminToken })), { timeout: 30_000 });
  test("scrapes with a bearer token", async () => {
    await until(async () => (await prometheus.target())?.health === "up", "a scrape that worked", { timeout: 15_000 });
    assert.equal((await prometheus.target()).lastError, "");
  });
  test("and its queries give the right numbers", async () => {
    const m = await metrics();
    const wanted = m.value("tollgate_operation_calls_total", { ...chat, verdict: "allowed" });
    const asked = () => prometheus.query('sum(tollgate_operation_calls_total{vendor="openai",operation="openai.chat.completions",verdict="allowed"})');
    assert.equal(await until(asked, "the number"), wanted);
    await ask();
    await until(async () => (await asked()) === wanted + 1, "one more", { timeout: 5000 });
    const p50 = await prometheus.query('histogram_quantile(0.5, sum by (le) (tollgate_operation_duration_seconds_bucket{vendor="openai"}))');
    assert.ok(p50 > 0 && p50 < 5, String(p50));
    assert.equal(await prometheus.query("tollgate_store_healthy"), 1);
  });
});

describe("mistakes", () => {
  for (const [metrics, field] of [[{ keys: "some" }, "metrics.keys"], [{ aliases: "portkey" }, "metrics.aliases"], [{ colour: 1 }, "metrics.colour"], ["on", "metrics"]]) {
    test(`metrics: ${JSON.stringify(metrics)}`, async () => {
      const { code, err } = await check(JSON.stringify({ ...built, metrics }));
      assert.notEqual(code, 0);
      assert.ok(err.includes(field), err);
    });
  }
});

describe("docs/observability.md", () => {
  test("its table names all there is, and nothing else", async () => {
    const { types } = await metrics();
    const text = fs.readFileSync(path.join(root, "docs/observability.md"), "utf8");
    const told = Object.fromEntries([...text.matchAll(/^\| `((?:tollgate|process|litellm)_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => [name, type]));
    // Of a check that runs by itself five seconds after the start, and then each minute.
    for (const [name, type] of Object.entries(told)) if (name.startsWith("tollgate_ledger_") || name.startsWith("tollgate_doubts_")) types[name] ??= type;
    assert.deepEqual(told, types);
  });
});
