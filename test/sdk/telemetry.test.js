// SPDX-License-Identifier: Apache-2.0
// Metrics that are pushed to a collector: OTLP over HTTP in JSON, by OpenTelemetry's conventions for generative models.
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { check, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { startCollector } from "./lib/otlp.js";
import { sleep, until } from "./lib/process.js";
import { readMetrics } from "./lib/prometheus.js";
import { assert, describe, test } from "./lib/test.js";

let gate, openai, anthropic, collector, built;
const secret = "collector-key-of-the-tests-0001";

const chat = (body = {}) =>
  fetch(`${gate.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }], ...body }) }).then((r) => r.text());
const messages = () =>
  fetch(`${gate.url}/v1/messages`, { method: "POST", headers: { "x-api-key": tokenOf("agent"), "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ model: "claude-sonnet-4-5", max_tokens: 100, messages: [{ role: "user", content: "Hello" }] }) }).then((r) => r.text());
const last = () => collector.pushes.at(-1)?.metrics;
const points = (name, attributes = {}) => (last()?.[name]?.points ?? []).filter((p) => Object.entries(attributes).every(([k, v]) => p.attributes[k] === v));
const sum = (list, of) => list.reduce((n, p) => n + Number(of(p)), 0);

before(async () => {
  [openai, anthropic, collector] = [await startOpenai(), await startAnthropic(), await startCollector()];
  built = config({ openai: openai.url, anthropic: anthropic.url }, {
    keys: [key("agent", ["openai-main", "anthropic-main"], { budgets: [{ limit: "100 usd" }] })],
    telemetry: { otlp: { endpoint: collector.url, interval: "1s", headers: { "x-api-key": secret } } },
  });
  gate = await startGate(built);
  for (let i = 0; i < 3; i++) await chat();
  await chat({ stream: true });
  await messages();
  await chat({ model: "a-model-without-a-price" });
  const pushed = collector.pushes.length;
  await until(() => collector.pushes.length >= pushed + 2 || collector.mistakes.length, "pushes", { timeout: 20_000 });
}, { timeout: 60_000 });

describe("what a collector gets", () => {
  test("is what the protocol allows", () => assert.deepEqual(collector.mistakes, []));
  test("says who it is from, with the operator's fields", () => {
    const { resource, headers } = collector.pushes.at(-1);
    assert.equal(resource["service.name"], "tollgate");
    assert.match(resource["service.version"], /^\d+\.\d+\.\d+/);
    assert.equal(headers["x-api-key"], secret);
  });
  test("counts tokens by model, as the vendor did", async () => {
    const rows = await gate.calls({ vendor: "openai", verdict: "allowed" });
    assert.equal(last()["gen_ai.client.token.usage"].unit, "{token}");
    for (const type of ["input", "output"]) {
      const [point, ...more] = points("gen_ai.client.token.usage", { "gen_ai.provider.name": "openai", "gen_ai.token.type": type });
      assert.equal(more.length, 0);
      assert.deepEqual([point.attributes["gen_ai.operation.name"], point.attributes["gen_ai.request.model"]], ["chat", "gpt-4o-mini"]);
      assert.equal(Number(point.count), 4);
      assert.equal(point.sum, rows.reduce((n, row) => n + row[`${type}_tokens`], 0));
    }
    assert.equal(points("gen_ai.client.token.usage", { "gen_ai.provider.name": "anthropic" }).length, 2);
  });
  test("times operations in seconds, first pieces of streams alone", () => {
    const [whole] = points("gen_ai.client.operation.duration", { "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini" });
    assert.equal(last()["gen_ai.client.operation.duration"].unit, "s");
    assert.equal(Number(whole.count), 4);
    assert.ok(whole.sum > 0 && whole.sum < 60, String(whole.sum));
    const [first] = points("gen_ai.client.operation.time_to_first_chunk", { "gen_ai.provider.name": "openai" });
    assert.equal(Number(first.count), 1);
  });
  test("counts all calls and their cost as /metrics does", async () => {
    const m = readMetrics((await gate.ask("GET", "/metrics")).body);
    assert.equal(sum(points("tollgate.calls"), (p) => p.asInt), m.value("tollgate_operation_calls_total"));
    assert.equal(sum(points("tollgate.calls", { "tollgate.verdict": "denied", "error.type": "price_unknown" }), (p) => p.asInt), m.value("tollgate_operation_calls_total", { code: "price_unknown" }));
    assert.equal(sum(points("tollgate.cost"), (p) => p.asDouble).toFixed(9), m.value("tollgate_operation_cost_usd_total").toFixed(9));
  });
  test("grows, and begins at one moment", async () => {
    const early = points("gen_ai.client.operation.duration", { "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini" })[0];
    await chat();
    const now = await until(() => points("gen_ai.client.operation.duration", { "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini" }).find((p) => Number(p.count) === Number(early.count) + 1), "one more", { timeout: 5000 });
    assert.equal(now.startTimeUnixNano, early.startTimeUnixNano);
    assert.ok(BigInt(now.timeUnixNano) > BigInt(early.timeUnixNano));
  });
});

describe("a collector that is away", () => {
  test("is counted, told of once, and holds up no call", async () => {
    collector.answer = 503;
    const failures = async () => readMetrics((await gate.ask("GET", "/metrics")).body).value("tollgate_telemetry_push_failures_total");
    await until(async () => (await failures()) >= 2, "two failures", { timeout: 10_000 });
    const started = Date.now();
    await chat();
    assert.ok(Date.now() - started < 1000);
    assert.equal(gate.log.match(/metrics were not taken/g).length, 1);
    assert.ok(!gate.log.includes(secret) && !gate.log.includes(collector.url));
    collector.answer = null;
    await until(() => gate.log.includes("metrics are taken again"), "the news", { timeout: 5000 });
  });
  test("gets the last word when the gate ends", async () => {
    await chat();
    const before = collector.pushes.length;
    assert.equal((await gate.stop()).code, 0);
    assert.ok(collector.pushes.length > before);
    assert.deepEqual(collector.mistakes, []);
  });
});

test("nothing is pushed where nothing is said", async () => {
  const quiet = await startGate({ ...built, telemetry: undefined });
  const before = collector.count;
  await sleep(1500);
  assert.equal(collector.count, before);
  await quiet.stop();
});

describe("mistakes", () => {
  for (const [telemetry, field] of [
    ["on", "telemetry"], [{ otlp: "on" }, "telemetry.otlp"], [{ otlp: {} }, "telemetry.otlp.endpoint"], [{ otlp: { endpoint: "collector" } }, "telemetry.otlp.endpoint"],
    [{ otlp: { endpoint: "http://collector.example" } }, "telemetry.otlp.endpoint"], [{ otlp: { endpoint: "https://c.example", interval: "10ms" } }, "telemetry.otlp.interval"],
    [{ otlp: { endpoint: "https://c.example", headers: { "content-length": "1" } } }, "telemetry.otlp.headers"], [{ otlp: { endpoint: "https://c.example", headers: { "a b": "1" } } }, "telemetry.otlp.headers"],
    [{ otlp: { endpoint: "https://c.example", headers: { a: "1\r\nb: 2" } } }, "telemetry.otlp.headers"], [{ statsd: {} }, "telemetry.statsd"],
  ])
    test(JSON.stringify(telemetry), async () => {
      const { code, err } = await check(JSON.stringify({ ...built, telemetry }));
      assert.notEqual(code, 0);
      assert.ok(err.includes(field), err);
    });
});
