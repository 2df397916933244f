// SPDX-License-Identifier: Apache-2.0
// Sums over calls by any dimension, by time and by label; calls and runs by every filter.
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { startStripe } from "./lib/mocks.js";
import { assert, test } from "./lib/test.js";

let gate;

const charge = (name, { run, step, amount = 100, metadata } = {}) =>
  fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded",
      ...(run ? { "x-agent-run-id": run } : {}), ...(step ? { "x-agent-step": step } : {}),
      ...(metadata ? { "x-tollgate-metadata": JSON.stringify(metadata) } : {}),
    },
    body: `amount=${amount}&currency=usd&source=tok_visa`,
  });

before(async () => {
  const [stripe, openai] = [await startStripe(), await startOpenai()];
  gate = await startGate(config({ stripe: stripe.url, openai: openai.url }, {
    policies: { narrow: { allow: ["stripe.charges.list"] } },
    keys: [
      key("support", ["stripe-main"], { label: "acme:support", user: "ann" }),
      key("sales", ["stripe-main"], { label: "acme:sales" }),
      key("bare", ["stripe-main"]),
      key("barred", ["stripe-main"], { policy: "narrow", label: "beta" }),
    ],
  }));
  await charge("support", { run: "run_1", step: "plan", amount: 100, metadata: { label: "mail", customer: "c1" } });
  await charge("support", { run: "run_1", step: "act", amount: 200, metadata: { label: "acme:support:chat", customer: "c2" } });
  await charge("sales", { run: "run_2", amount: 400, metadata: { label: "no label at all" } });
  await charge("bare", { run: "run_3", amount: 800, metadata: { label: "beta:x" } });
  assert.equal((await charge("barred", { run: "run_4", amount: 1600 })).status, 403);
});

const sums = async (query) => Object.fromEntries((await gate.get(`/usage?${query}`)).data.map((row) => [row[new URLSearchParams(query).get("by").split(",")[0]], row.cost_usd]));
const runs = async (query) => (await gate.get(`/calls?${query}`)).data.map((row) => row.run);

test("a call's label extends its key's, and never replaces it", async () => {
  const { data } = await gate.get("/calls");
  assert.deepEqual(data.map((row) => row.label ?? null).reverse(), ["acme:support:mail", "acme:support:chat", "acme:sales", "beta:x", "beta"]);
});

test("sums by label, whole or by its first parts", async () => {
  assert.deepEqual(await sums("by=label:1"), { acme: "7", beta: "8" });
  assert.deepEqual(await sums("by=label:2"), { "acme:support": "3", "acme:sales": "4", "beta:x": "8", beta: "0" });
  assert.deepEqual(await sums("by=label&label=acme:support"), { "acme:support:mail": "1", "acme:support:chat": "2" });
});

test("sums by everything else that a row has, equal to the last digit", async () => {
  assert.deepEqual(await sums("by=metadata:customer&key=support"), { c1: "1", c2: "2" });
  assert.deepEqual(await sums("by=status_class"), { "2xx": "15", "4xx": "0" });
  assert.deepEqual(await sums("by=credential&key=sales"), { "stripe-main": "4" });
  const total = nanos((await gate.get("/usage")).total.cost_usd);
  for (const by of ["key", "run", "vendor", "operation", "model", "step", "workspace", "user", "denied", "credential", "status_class", "verdict", "minute", "hour", "day", "month", "label", "label:1",
    "metadata:customer", "scope:stripe.customer", "vendor,hour,key,label:1", "day,user,step"]) {
    const { data } = await gate.get(`/usage?by=${by}`);
    assert.equal(data.reduce((sum, row) => sum + nanos(row.cost_usd), 0n), total, by);
    assert.equal(data.reduce((sum, row) => sum + row.calls, 0), 5, by);
  }
});

test("a dimension that there is none is named, with those that there are", async () => {
  for (const by of ["nothing", "label:0", "label:9", "metadata", "key,run,vendor,model,step"]) {
    const { status, body } = await gate.ask("GET", `/api/v1/usage?by=${by}`);
    assert.equal(status, 400, by);
    assert.equal(body.field, "by");
    assert.match(body.detail, /metadata:NAME/);
  }
});

test("calls by every filter", async () => {
  assert.deepEqual(await runs("label=acme"), ["run_2", "run_1", "run_1"]);
  assert.deepEqual(await runs("label=acm"), []);
  assert.deepEqual(await runs("step=plan"), ["run_1"]);
  assert.deepEqual(await runs("user=ann&limit=1"), ["run_1"]);
  assert.deepEqual(await runs("status=4xx"), ["run_4"]);
  assert.deepEqual(await runs("status=403&verdict=denied"), ["run_4"]);
  assert.deepEqual(await runs("min_cost_usd=3"), ["run_3", "run_2"]);
  assert.deepEqual(await runs("credential=stripe-main&key=bare"), ["run_3"]);
  assert.deepEqual(await runs("route=single&key=sales"), ["run_2"]);
  for (const [query, field] of [["status=9xx", "status"], ["status=42", "status"], ["min_cost_usd=much", "min_cost_usd"]]) {
    const { status, body } = await gate.ask("GET", `/api/v1/calls?${query}`);
    assert.deepEqual([status, body.field], [400, field], query);
  }
});

test("q finds a call, a run, a key, a vendor's id", async () => {
  const { data } = await gate.get("/calls");
  const one = data.find((row) => row.run === "run_2");
  assert.deepEqual(await runs(`q=${one.id}`), ["run_2"]);
  assert.deepEqual(await runs("q=run_1"), ["run_1", "run_1"]);
  assert.deepEqual(await runs("q=bare"), ["run_3"]);
  assert.ok(one.upstream_object_id);
  assert.ok((await runs(`q=${one.upstream_object_id}`)).includes("run_2"));
  assert.deepEqual(await runs("q=nothing_of_ours"), []);
});

test("pages of a filter go on where the last one ended", async () => {
  const seen = [];
  for (let cursor = ""; cursor !== null;) {
    const page = await gate.get(`/calls?vendor=stripe&limit=2${cursor ? `&cursor=${cursor}` : ""}`);
    assert.ok(page.data.length <= 2);
    seen.push(...page.data.map((row) => row.run));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen, ["run_4", "run_3", "run_2", "run_1", "run_1"]);
});

test("runs by key, label and a part of their name", async () => {
  const names = async (query) => (await gate.get(`/runs?${query}`)).data.map((row) => row.run);
  assert.deepEqual(await names("key=sales"), ["run_2"]);
  assert.deepEqual((await names("label=acme")).sort(), ["run_1", "run_2"]);
  assert.deepEqual(await names("label=acme:support:chat"), ["run_1"]);
  assert.deepEqual(await names("q=n_3"), ["run_3"]);
  assert.deepEqual(await names("to=2020-01-01"), []);
});

test("a series has a place for each step, and its lines add up to the total", async () => {
  for (const step of ["minute", "hour", "day"]) {
    const body = await gate.get(`/series?by=key&step=${step}&top=2`);
    assert.equal(body.step, step);
    assert.deepEqual(body.series.map((line) => line.rest ? "other" : line.key_name), ["bare", "sales", "other"]);
    for (const line of [...body.series, body.total]) assert.equal(line.cost_usd.length, body.at.length);
    assert.equal(body.total.cost_usd.reduce((sum, amount) => sum + nanos(amount), 0n), nanos("15"));
    assert.equal(body.total.refused.reduce((a, b) => a + b), 1);
    for (let i = 0; i < body.at.length; i++)
      assert.equal(body.series.reduce((sum, line) => sum + nanos(line.cost_usd[i]), 0n), nanos(body.total.cost_usd[i]));
  }
  const { status, body } = await gate.ask("GET", "/api/v1/series?step=minute&from=2020-01-01&to=2026-01-01");
  assert.deepEqual([status, body.field], [400, "from"]);
});

test("a key's label is checked when it is written", async () => {
  const { status, body } = await gate.ask("PATCH", "/api/v1/keys/bare", { label: "a::b" });
  assert.equal(status, 422);
  assert.match(body.detail, /8 parts/);
  assert.equal((await gate.ask("PATCH", "/api/v1/keys/bare", { label: "gamma" })).status, 200);
  await charge("bare", { run: "run_5", metadata: { label: "beta:x" } });
  assert.equal((await gate.get("/calls?run=run_5")).data[0].label, "gamma:beta:x");
});

test("tollgate series says from when to when, with dates, and the sum of all", async () => {
  const { code, out, err } = await gate.cli("series", "--by", "vendor");
  assert.equal(code, 0, err);
  const [, from, to] = out.match(/^(\d{4}-\d\d-\d\dT\d\d:\d\d) \.\. (\d{4}-\d\d-\d\dT\d\d:\d\d) UTC, a mark each hour$/m);
  assert.ok(from < to);
  assert.match(out, /^total\b/m);
});
