// SPDX-License-Identifier: Apache-2.0
// A vendor that carries a charge out and whose answer is lost: the money stays reserved, the gate asks again with the same key and
// finds out, or an operator says what happened. Whatever comes, the vendor's own sum never passes the cap, and the books agree.
import Stripe from "stripe";

import { config, key, tokenOf } from "./lib/config.js";
import { startBank, startFlaky } from "./lib/flaky.js";
import { adminToken, nanos, startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

const limit = 50; // dollars

async function setUp(more = {}) {
  const line = await startFlaky((await startBank()).port);
  const gate = await startGate(config({ stripe: `http://127.0.0.1:${line.port}` }, {
    keys: [key("shop", ["stripe-main"], { budgets: [{ limit: `${limit} usd`, window: "total" }] })], ...more,
  }));
  return { line, gate };
}

let serial = 0;
async function charge(gate, amount = 500) {
  const answer = await fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("shop")}`, "content-type": "application/x-www-form-urlencoded", "x-agent-run-id": `run_${++serial}` },
    body: `amount=${amount}&currency=usd&source=tok_visa`,
  });
  await answer.arrayBuffer();
  return { status: answer.status, id: answer.headers.get("x-tollgate-call-id"), denied: answer.headers.get("x-tollgate-denied") };
}

/** The one call that is in doubt now. */
async function theDoubt(gate) {
  const { data } = await gate.get("/doubts");
  assert.equal(data.length, 1, JSON.stringify(data));
  return data[0];
}

async function account(gate) {
  const { data } = await gate.get("/budgets");
  return data[0].accounts[0];
}

async function agrees(gate) {
  const check = await until(async () => {
    const now = await gate.get("/ledger/check");
    return now.moving === 0 && now.checked === now.accounts && now;
  }, "what was settled is in the store");
  assert.equal(check.ok, true, JSON.stringify(check));
  return check;
}

/** Asks about all of them until none is left: one that has just arisen may not be settled before the store has synced its row. */
async function settleAll(gate) {
  await until(async () => {
    if ((await gate.get("/doubts")).data.length === 0) return true;
    await gate.post("/doubts/ask");
    return false;
  }, "all outcomes", { timeout: 60_000, every: 1000 });
}

describe("an answer that is lost after the charge was made", () => {
  test("stays reserved, is listed, and asking again finds that it was spent, once", { timeout: 60_000 }, async () => {
    const { line, gate } = await setUp();
    line.plan({ do: "cut-after", path: "/v1/charges" });
    const lost = await charge(gate);
    assert.equal(lost.status >= 500, true, String(lost.status));
    const doubt = await theDoubt(gate);
    assert.equal(doubt.call, lost.id);
    assert.equal(doubt.operation, "stripe.charges.create");
    assert.equal(doubt.key_name, "shop");
    assert.equal(doubt.reserved_usd, "5");
    assert.equal(doubt.can_ask, true);
    assert.equal(doubt.accounts[0].in_doubt_usd, "5");
    assert.equal((await account(gate)).remaining_usd, String(limit - 5));
    assert.equal((await agrees(gate)).doubts, 1);
    assert.equal((await gate.cli("doubt")).out.includes(lost.id), true);
    const asked = await gate.cli("doubt", "ask", lost.id);
    assert.equal(asked.code, 0, asked.err);
    const row = await until(async () => {
      const whole = await gate.get(`/calls/${lost.id}`);
      if (whole.settlements.length === 0) await gate.ask("POST", `/api/v1/doubts/${lost.id}/ask`, {});
      return whole.settlements.length > 0 && whole;
    }, "the settlement", { timeout: 30_000, every: 1000 });
    assert.equal(row.verdict, "in_doubt", "the row stays as it was written");
    assert.equal(row.settlements.length, 1);
    assert.equal(row.settlements[0].of, lost.id);
    assert.equal(row.settlements[0].cost_usd, "5");
    assert.equal(row.settlements[0].actor, "gate");
    assert.equal(line.moved("charges"), 500, "the vendor charged once");
    assert.equal((await gate.get("/doubts")).data.length, 0);
    assert.equal((await account(gate)).spent_usd, "5");
    assert.equal((await account(gate)).in_doubt_usd, "0");
    assert.equal((await agrees(gate)).doubts, 0);
    assert.equal((await gate.get("/usage")).total.cost_usd, "5");
  });

  test("and a dispute of it has the label and the user that the call had, not those that the key has now", { timeout: 60_000 }, async () => {
    const secret = "whsec_of_the_tests_0001";
    const { line, gate } = await setUp({ keys: [key("shop", ["stripe-main"], { label: "acme:support", user: "ann" })], credentials: { "stripe-main": { hook_secret: secret } } });
    line.plan({ do: "cut-after", path: "/v1/charges" });
    const lost = await charge(gate);
    const renamed = await gate.ask("PATCH", "/api/v1/keys/shop", { label: "beta", user: "bob" });
    assert.equal(renamed.status, 200, JSON.stringify(renamed.body));
    await settleAll(gate);
    const [settled] = (await gate.get(`/calls/${lost.id}`)).settlements;
    const payload = JSON.stringify({ id: "evt_1", object: "event", type: "charge.dispute.funds_withdrawn", data: { object: { id: "dp_1", object: "dispute", charge: settled.upstream_object_id, amount: 500, currency: "usd" } } });
    const signature = new Stripe(tokenOf("shop")).webhooks.generateTestHeaderString({ payload, secret });
    const told = await fetch(`${gate.url}/hooks/stripe/stripe-main`, { method: "POST", headers: { "stripe-signature": signature }, body: payload });
    assert.equal(told.status, 200);
    await until(async () => (await gate.get("/usage")).total.cost_usd === "25", "5, 5 and 15 of the fee");
    for (const [by, name] of [["label:1", "acme"], ["label", "acme:support"], ["user", "ann"]])
      assert.deepEqual((await gate.get(`/usage?by=${by}`)).data.map((row) => [row[by], row.cost_usd]), [[name, "25"]], by);
    await gate.stop();
  });

  test("an operator says that it was spent, or that it was not; once", async () => {
    const { line, gate } = await setUp();
    line.plan({ do: "cut-after", path: "/v1/charges", times: Infinity });
    const [first, second] = [await charge(gate), await charge(gate, 700)];
    const before = await account(gate);
    assert.equal(nanos(before.in_doubt_usd), 12_000_000_000n);
    for (const args of [[], ["--not-spent"], ["--spent", "--not-spent"], ["--spent", "much"]]) {
      const wrong = await gate.cli("doubt", "resolve", first.id, ...args);
      assert.ok([1, 2].includes(wrong.code), `${args}: ${wrong.out}`);
    }
    const spent = await gate.cli("doubt", "resolve", first.id, "--spent", "4.25", "--reason", "seen in the dashboard");
    assert.equal(spent.code, 0, spent.err);
    const not = await gate.cli("doubt", "resolve", second.id, "--not-spent", "--reason", "no such charge there");
    assert.equal(not.code, 0, not.err);
    assert.equal((await gate.cli("doubt", "resolve", second.id, "--spent")).code, 1, "a second time");
    assert.equal((await gate.ask("POST", `/api/v1/doubts/${second.id}/ask`, {})).status, 404);
    const after = await account(gate);
    assert.equal(after.spent_usd, "4.25");
    assert.equal(after.in_doubt_usd, "0");
    const row = await gate.get(`/calls/${first.id}`);
    assert.equal(row.settlements[0].actor, "admin");
    assert.equal(row.settlements[0].reason, "seen in the dashboard");
    await agrees(gate);
    await gate.restart();
    assert.equal((await account(gate)).spent_usd, "4.25");
    await agrees(gate);
    const { summary } = JSON.parse((await gate.cli("audit", "export", "--kind", "calls")).out.trim().split("\n").at(-1));
    assert.equal(summary.settlements, 2);
    assert.equal(summary.cost_usd, (await gate.get("/usage")).total.cost_usd);
    assert.equal(summary.cost_usd, "4.25");
  });

  test("outlives a kill -9, in doubt as before, and is asked again by itself", { timeout: 90_000 }, async () => {
    const { line, gate } = await setUp();
    line.plan({ do: "cut-after", path: "/v1/charges" });
    const lost = await charge(gate);
    await gate.kill();
    await gate.start();
    assert.equal((await theDoubt(gate)).call, lost.id);
    assert.equal((await account(gate)).in_doubt_usd, "5");
    await agrees(gate);
    await until(async () => (await gate.get("/doubts")).data.length === 0, "the gate to ask again", { timeout: 60_000, every: 500 });
    assert.equal((await account(gate)).spent_usd, "5");
    assert.equal(line.moved("charges"), 500);
    await agrees(gate);
  });
});

test("a cut before the vendor had it: asking again does it, or nothing was spent; never twice", { timeout: 60_000 }, async () => {
  const { line, gate } = await setUp();
  line.plan({ do: "cut-before", path: "/v1/charges" });
  const lost = await charge(gate);
  await settleAll(gate);
  assert.ok(lost.status >= 500);
  assert.ok([0, 500].includes(line.moved("charges")), String(line.moved("charges")));
  assert.equal(nanos((await account(gate))?.spent_usd ?? "0"), BigInt(line.moved("charges")) * 10_000_000n, "the books say what the vendor says");
  await agrees(gate);
});

test("many lost answers under load: the vendor's sum stays under the cap, and the books come to it", { timeout: 120_000 }, async () => {
  const { line, gate } = await setUp();
  line.plan({ do: "cut-after", path: "/v1/charges", nth: 2, times: 3 });
  line.plan({ do: "cut-before", path: "/v1/charges", nth: 7, times: 2 });
  const seen = [];
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let i = 0; i < 10; i++) seen.push(await charge(gate, 300));
  }));
  assert.ok(line.moved("charges") <= limit * 100, String(line.moved("charges")));
  assert.ok(seen.some((call) => call.denied === "budget_exceeded"), "the cap was reached");
  const held = await account(gate);
  assert.ok(nanos(held.spent_usd) + nanos(held.reserved_usd) <= BigInt(limit) * 1_000_000_000n, JSON.stringify(held));
  await agrees(gate);
  await settleAll(gate);
  assert.equal(nanos((await account(gate)).spent_usd), BigInt(line.moved("charges")) * 10_000_000n);
  assert.ok(line.moved("charges") <= limit * 100);
  await agrees(gate);
  const verified = await gate.cli("audit", "verify", gate.dataDir);
  assert.equal(verified.code, 0, verified.out);
});

test("a vendor that can be neither asked again nor looked up: only an operator ends it", async () => {
  const upstream = await startScripted((call, res) => res.socket.destroy());
  const gate = await startGate(config({ openai: upstream.url }, {
    keys: [key("shop", ["openai-main"], { budgets: [{ limit: "10 usd", window: "total" }] })],
  }));
  const answer = await fetch(`${gate.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("shop")}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 10 }),
  });
  await answer.arrayBuffer();
  assert.ok(answer.status >= 500);
  const doubt = await theDoubt(gate);
  const asked = await gate.ask("POST", `/api/v1/doubts/${doubt.call}/ask`, {});
  assert.equal(asked.status, 409, JSON.stringify(asked.body));
  assert.equal((await gate.cli("doubt", "resolve", doubt.call, "--not-spent", "--reason", "nothing was generated")).code, 0);
  assert.equal((await gate.get("/doubts")).data.length, 0);
  await agrees(gate);
});

test("the self-check and its metrics", async () => {
  const { line, gate } = await setUp();
  line.plan({ do: "cut-after", path: "/v1/charges" });
  await charge(gate);
  const checked = await gate.cli("ledger", "check");
  assert.equal(checked.code, 0, checked.out + checked.err);
  assert.match(checked.out, /agrees with the books/);
  const metrics = await (await fetch(`http://${gate.adminAddress}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } })).text();
  for (const name of ["ledger_check_ok 1", "ledger_check_wrong_accounts 0", "ledger_leaked_holds 0", "doubts_open 1", "doubts_usd 5"]) {
    assert.ok(metrics.includes(`\ntollgate_${name}\n`), name);
  }
  for (const name of ["ledger_oldest_hold_seconds", "journal_lag_bytes", "alerts_waiting"]) assert.ok(metrics.includes(`\ntollgate_${name} `), name);
});
