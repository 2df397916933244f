// SPDX-License-Identifier: Apache-2.0
// Ways around the person: approvals of others, of other bodies and runs, decided twice, by the thousand; keys that only rehearse; policies on trial;
// explanations. None of them forwards, holds or changes anything.
import { before } from "node:test";

import { key, tokenOf } from "./lib/config.js";
import { adminToken, nanos, startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, upstream, serial = 0;

before(async () => {
  upstream = await startScripted((call, res) => {
    const form = new URLSearchParams(call.text);
    answerJson(res, 200, { id: `ch_${++serial}`, amount: Number(form.get("amount")), currency: "usd", status: "succeeded", captured: true, amount_captured: Number(form.get("amount")) });
  });
  gate = await startGate({
    vendors: { stripe: { base_url: upstream.url } },
    credentials: { s: { vendor: "stripe", secret: "sk_test_upstream_0001" } },
    policies: {
      held: { allow: ["*"], approvals: [{ above: "50 usd" }] },
      none: { allow: ["stripe.customers.*"] },
      all: { allow: ["*"] },
    },
    keys: [key("a", ["s"], { policy: "held", budgets: [{ limit: "100000 usd", window: "day" }] }), key("b", ["s"], { policy: "held" }),
      key("dry", ["s"], { policy: "held", dry_run: true, budgets: [{ limit: "100 usd", window: "day" }] }),
      key("dryfree", ["s"], { policy: "all", dry_run: true, budgets: [{ limit: "100 usd", window: "day" }] }),
      key("shadowed", ["s"], { policy: "all", shadow: "none" }), key("shadowheld", ["s"], { policy: "all", shadow: "held" }), key("strict", ["s"], { policy: "none", shadow: "all" })],
  });
});

const post = async (name, body, headers = {}, target = "/stripe/v1/charges") => {
  const answer = await fetch(gate.url + target, { method: "POST", headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded", ...headers }, body });
  const text = await answer.text();
  return { status: answer.status, denied: answer.headers.get("x-tollgate-denied"), headers: answer.headers, text };
};
const form = (more = {}) => new URLSearchParams({ amount: "9000", currency: "usd", source: "tok_visa", ...more }).toString();
const idIn = (answer) => answer.text.match(/apr_[a-z0-9]+/)?.[0];
const pending = async () => (await gate.get("/approvals?state=pending&limit=1000")).data;

test("a yes holds for that key, run, body, path and account, and once", async () => {
  const run = newRun(), headers = { "x-agent-run-id": run };
  const first = await post("a", form({ description: "one" }), headers);
  assert.equal(first.denied, "approval_required", first.text);
  const id = idIn(first);
  await gate.post(`/approvals/${id}/approve`, {});
  const before = upstream.count;
  for (const [name, body, more, target] of [
    ["b", form({ description: "one" }), headers], ["a", form({ description: "two" }), headers], ["a", form({ description: "one", amount: "9001" }), headers], ["a", form({ description: "one", customer: "cus_2" }), headers],
    ["a", form({ description: "one" }), { "x-agent-run-id": newRun() }], ["a", form({ description: "one" }), {}], ["a", form({ description: "one" }), { ...headers, "stripe-account": "acct_2" }],
    ["a", form({ description: "one" }), headers, "/stripe/v1/payment_intents"],
  ]) {
    for (const trick of [{}, { "x-tollgate-approval": id }, { "x-tollgate-approval": `${id}, ${id}` }, { "x-tollgate-approval": id.toUpperCase() }]) {
      const answer = await post(name, body, { ...more, ...trick }, target);
      assert.ok(answer.status >= 400 && answer.denied, `${name} ${body} ${JSON.stringify({ ...more, ...trick })}: ${answer.status} ${answer.text}`);
    }
  }
  assert.equal(upstream.count, before, "none of them is forwarded");
  assert.equal((await post("a", form({ description: "one" }), { ...headers, "x-tollgate-approval": id })).status, 200);
  assert.ok((await post("a", form({ description: "one" }), { ...headers, "x-tollgate-approval": id })).denied);
  assert.equal(upstream.count, before + 1);
});

test("an idempotency key for one account gives nothing of it to another", async () => {
  const once = { "idempotency-key": "one-key-two-accounts" };
  assert.equal((await post("a", form({ amount: "100" }), { ...once, "stripe-account": "acct_1" })).status, 200);
  const other = await post("a", form({ amount: "100" }), { ...once, "stripe-account": "acct_2" });
  assert.equal(other.status, 200, other.text);
  assert.equal(other.headers.get("idempotent-replayed"), null, "another account's call is another call, as it is at Stripe");
  for (const account of ["acct_1", "acct_2"])
    assert.equal((await post("a", form({ amount: "100" }), { ...once, "stripe-account": account })).headers.get("idempotent-replayed"), "true");
});

test("fields of an agent decide nothing", async () => {
  const before = upstream.count;
  for (const headers of [{ "x-tollgate-approved": "true" }, { "x-tollgate-approval": "*" }, { "x-tollgate-approval": "approved" }, { "x-tollgate-dry-run": "false" }, { "x-tollgate-policy": "all" }, { "x-http-method-override": "GET" },
    { "x-tollgate-max-cost-usd": "1000000" }, { "x-tollgate-reason": "x".repeat(3000) }, { "x-forwarded-for": "127.0.0.1", "x-original-url": "/stripe/v1/customers" }, { "x-tollgate-metadata": '{"approved":true}' }]) {
    const answer = await post("a", form({ description: `f${JSON.stringify(headers).slice(0, 60)}` }), headers);
    assert.ok(answer.status >= 400 && answer.denied, `${JSON.stringify(headers).slice(0, 80)}: ${answer.status}`);
  }
  for (const token of [tokenOf("a"), "", "admin-token-of-the-tests-2"]) {
    const [one] = await pending();
    const { status } = await gate.ask("POST", `/api/v1/approvals/${one.id}/approve`, {}, token);
    assert.ok(status === 401 || status === 403, `${status}`);
    assert.equal((await fetch(`${gate.url}/api/v1/approvals/${one.id}/approve`, { method: "POST", headers: { authorization: `Bearer ${adminToken}` }, body: "{}" })).ok, false, "the data plane has no such path");
  }
  assert.equal(upstream.count, before);
});

test("two operators at once: one decides; a no and a yes at once: one of them stands", async () => {
  for (let i = 0; i < 20; i++) {
    const held = await post("a", form({ description: `two operators ${i}` }), { "x-agent-run-id": `run_ops_${i}` });
    const id = idIn(held);
    const both = await Promise.all([gate.ask("POST", `/api/v1/approvals/${id}/approve`, {}), gate.ask("POST", `/api/v1/approvals/${id}/${i % 2 ? "approve" : "deny"}`, {})]);
    assert.equal(both.filter((one) => one.status === 200).length, 1, JSON.stringify(both.map((one) => one.status)));
    const { state } = (await gate.get(`/approvals/${id}`));
    const again = await post("a", form({ description: `two operators ${i}` }), { "x-agent-run-id": `run_ops_${i}`, "x-tollgate-approval": id });
    assert.equal(again.status === 200, state === "approved", `${state}: ${again.status} ${again.text}`);
  }
});

test("a key that rehearses forwards nothing, asks nobody, and spends nothing, however often", async () => {
  const before = upstream.count, waiting = (await pending()).length;
  for (const [name, amount] of [["dry", "9000"], ["dryfree", "9000"], ["dryfree", "99"], ["dry", "99"], ["dryfree", "99999999"]]) {
    const all = await Promise.all(Array.from({ length: 30 }, (_, i) => post(name, form({ amount, description: `${i}` }), { "idempotency-key": `dry-${amount}-${i % 5}`, "x-agent-run-id": newRun() })));
    assert.ok(all.every((one) => one.status < 500));
  }
  assert.equal(upstream.count, before);
  assert.equal((await pending()).length, waiting);
  for (const row of (await gate.calls()).filter((one) => /dry/.test(JSON.stringify(one.key)))) assert.equal(nanos(row.cost_usd), 0n);
  // The budget is as it was: $100 of it still fit.
  const whole = await post("dryfree", form({ amount: "10000" }));
  assert.notEqual(whole.denied, "budget_exceeded", whole.text);
});

test("a policy on trial changes nothing: neither lets through nor holds back", async () => {
  const waiting = (await pending()).length;
  for (const name of ["shadowed", "shadowheld"]) assert.equal((await post(name, form())).status, 200, name);
  const before = upstream.count;
  assert.equal((await post("strict", form())).denied, "operation_denied");
  assert.equal(upstream.count, before);
  assert.equal((await pending()).length, waiting);
});

test("explaining forwards and holds nothing, and is the operator's alone", async () => {
  const before = upstream.count, waiting = (await pending()).length, rows = (await gate.calls()).length;
  const question = { key: "a", method: "POST", url: "https://api.stripe.com/v1/charges", headers: { "content-type": "application/x-www-form-urlencoded" }, body: form({ description: "why" }) };
  for (let i = 0; i < 5; i++) assert.equal((await gate.ask("POST", "/api/v1/explain", question)).status, 200);
  for (const token of [tokenOf("a"), "", "x"]) assert.ok([401, 403].includes((await gate.ask("POST", "/api/v1/explain", question, token)).status));
  assert.equal((await fetch(`${gate.url}/api/v1/explain`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("a")}` }, body: JSON.stringify(question) })).ok, false);
  assert.equal(upstream.count, before);
  assert.equal((await pending()).length, waiting);
  assert.equal((await gate.calls()).length - rows <= 1, true);
});

test("a key may have so many calls wait, and not more: the rest is refused, others' are heard", { timeout: 60_000 }, async () => {
  const before = upstream.count;
  const codes = new Map();
  for (let i = 0; i < 1100; i += 50) {
    const all = await Promise.all(Array.from({ length: 50 }, (_, k) => post("a", form({ description: `flood ${i + k}` }), { "x-agent-run-id": `run_flood_${i + k}` })));
    for (const one of all) codes.set(one.denied, (codes.get(one.denied) ?? 0) + 1);
  }
  assert.ok(!codes.has(null) && !codes.has(undefined), JSON.stringify([...codes]));
  assert.ok((await pending()).length <= 1000, `${(await pending()).length}`);
  assert.equal(upstream.count, before);
});

test("a yes is used up once a target was asked, wherever the route goes from there", { timeout: 30_000 }, async () => {
  const silent = await startScripted(() => new Promise(() => {})), other = await startScripted((call, res) => answerJson(res, 200, {}));
  const routed = await startGate({
    vendors: { openai: { base_url: silent.url }, anthropic: { base_url: other.url } },
    credentials: { o: { vendor: "openai", secret: "sk-upstream-openai-0001" }, n: { vendor: "anthropic", secret: "sk-ant-upstream-0001" } },
    policies: { held: { allow: ["*"], deny: ["anthropic.*"], approvals: [{ operations: ["openai.*"] }] } },
    routes: { both: { strategy: { mode: "fallback" }, request_timeout: 1500, targets: [{ provider: "openai", model: "gpt-4o-mini" }, { provider: "anthropic", model: "claude-haiku-4-5" }] } },
    keys: [key("routed", ["o", "n"], { policy: "held", route: "both" })],
  });
  const run = newRun();
  const send = async () => {
    const answer = await fetch(`${routed.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("routed")}`, "content-type": "application/json", "x-agent-run-id": run },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hello" }], max_tokens: 20 }) });
    return { denied: answer.headers.get("x-tollgate-denied"), text: await answer.text() };
  };
  const held = await send();
  assert.equal(held.denied, "approval_required", held.text);
  const id = idIn(held);
  await routed.post(`/approvals/${id}/approve`, {});
  await send();
  assert.equal(silent.count, 1, "it was sent, and timed out");
  assert.equal(other.count, 0);
  assert.equal((await routed.get(`/approvals/${id}`)).state, "used");
  assert.equal((await send()).denied, "approval_required");
  assert.equal(silent.count, 1);
});
