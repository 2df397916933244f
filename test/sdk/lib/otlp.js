// SPDX-License-Identifier: Apache-2.0
// A stand-in for an OpenTelemetry collector's metrics receiver. It takes what the protocol's JSON mapping allows and nothing else: names in
// lowerCamelCase, 64-bit numbers as decimal strings, enums as numbers, histograms whose counts and bounds agree. A member that is not
// in the protocol's messages is refused, though a real collector would pass it over.
import assert from "node:assert/strict";

import { answerJson, startScripted } from "./recorder.js";

const u64 = (v, at) => assert.ok(typeof v === "string" && /^\d{1,20}$/.test(v) && BigInt(v) < 1n << 64n, `${at}: ${JSON.stringify(v)} is no fixed64`);
const text = (v, at) => assert.equal(typeof v, "string", at);
const number = (v, at) => assert.ok(typeof v === "number" && Number.isFinite(v), `${at}: ${JSON.stringify(v)} is no double`);
const list = (check) => (v, at) => {
  assert.ok(Array.isArray(v), `${at} is no list`);
  v.forEach((item, i) => check(item, `${at}[${i}]`));
};
const message = (fields, required, rule) => (v, at) => {
  assert.ok(v && typeof v === "object" && !Array.isArray(v), `${at} is no message`);
  for (const [name, value] of Object.entries(v)) {
    assert.ok(fields[name], `${at}.${name} is no field`);
    fields[name](value, `${at}.${name}`);
  }
  for (const name of required) assert.ok(name in v, `${at}.${name} is missing`);
  rule?.(v, at);
};

const anyValue = message({ stringValue: text, boolValue: (v, at) => assert.equal(typeof v, "boolean", at), intValue: u64, doubleValue: number }, [], (v, at) => assert.equal(Object.keys(v).length, 1, at));
const keyValue = message({ key: text, value: anyValue }, ["key", "value"], (v, at) => assert.ok(v.key, at));
const attributes = (v, at) => {
  list(keyValue)(v, at);
  assert.equal(new Set(v.map((a) => a.key)).size, v.length, `${at}: a key is given twice`);
};
const times = { attributes, startTimeUnixNano: u64, timeUnixNano: u64 };
const ordered = (v, at) => assert.ok(BigInt(v.startTimeUnixNano) <= BigInt(v.timeUnixNano), `${at}: it ends before it begins`);
const numberPoint = message({ ...times, asInt: u64, asDouble: number }, ["startTimeUnixNano", "timeUnixNano"], (v, at) => {
  ordered(v, at);
  assert.equal(("asInt" in v) + ("asDouble" in v), 1, at);
});
const histogramPoint = message({ ...times, count: u64, sum: number, bucketCounts: list(u64), explicitBounds: list(number) }, ["startTimeUnixNano", "timeUnixNano", "count"], (v, at) => {
  ordered(v, at);
  assert.equal(v.bucketCounts.length, v.explicitBounds.length + 1, `${at}: counts and bounds`);
  assert.equal(v.bucketCounts.reduce((sum, n) => sum + BigInt(n), 0n), BigInt(v.count), `${at}: counts add up`);
  for (let i = 1; i < v.explicitBounds.length; i++) assert.ok(v.explicitBounds[i] > v.explicitBounds[i - 1], `${at}: bounds grow`);
});
const cumulative = (v, at) => assert.equal(v, 2, at);
const metric = message(
  {
    name: text, description: text, unit: text,
    sum: message({ dataPoints: list(numberPoint), aggregationTemporality: cumulative, isMonotonic: (v, at) => assert.equal(v, true, at) }, ["dataPoints", "aggregationTemporality", "isMonotonic"]),
    histogram: message({ dataPoints: list(histogramPoint), aggregationTemporality: cumulative }, ["dataPoints", "aggregationTemporality"]),
  },
  ["name"],
  (v, at) => {
    assert.equal(("sum" in v) + ("histogram" in v), 1, at);
    const points = (v.sum ?? v.histogram).dataPoints.map((p) => JSON.stringify([...p.attributes].sort((a, b) => (a.key < b.key ? -1 : 1))));
    assert.equal(new Set(points).size, points.length, `${at}: two points of one series`);
  },
);
const scope = message({ name: text, version: text }, ["name"]);
const request = message(
  { resourceMetrics: list(message({ resource: message({ attributes }, []), scopeMetrics: list(message({ scope, metrics: list(metric) }, ["metrics"])) }, ["scopeMetrics"])) },
  ["resourceMetrics"],
);

/** `pushes`: what was taken, each { headers, metrics: { name: { unit, points: [{ attributes: {}, ... }] } }, resource: {} }. `answer`: a status to give instead. */
export async function startCollector() {
  const pushes = [];
  const mistakes = [];
  const collector = await startScripted((call, res) => {
    if (collector.answer) return answerJson(res, collector.answer, { message: "not now" });
    try {
      assert.equal(`${call.method} ${call.url}`, "POST /v1/metrics");
      assert.equal(call.headers["content-type"], "application/json");
      const body = JSON.parse(call.text);
      request(body, "request");
      const plain = (list) => Object.fromEntries((list ?? []).map((a) => [a.key, Object.values(a.value)[0]]));
      const [{ resource, scopeMetrics }] = body.resourceMetrics;
      const metrics = {};
      for (const m of scopeMetrics.flatMap((s) => s.metrics))
        metrics[m.name] = { unit: m.unit, points: (m.sum ?? m.histogram).dataPoints.map((p) => ({ ...p, attributes: plain(p.attributes) })) };
      pushes.push({ headers: call.headers, resource: plain(resource?.attributes), metrics });
    } catch (error) {
      mistakes.push(error.message);
      return answerJson(res, 400, { code: 3, message: error.message });
    }
    return answerJson(res, 200, {});
  });
  return Object.assign(collector, { pushes, mistakes, answer: null });
}
