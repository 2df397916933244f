// SPDX-License-Identifier: Apache-2.0
// Calls that wait for a person, with the official SDK: held, told, decided once, made once; and what kills, clocks and crowds do to that.
import { before, describe } from "node:test";
import Stripe from "stripe";

import { startClock } from "./lib/clock.js";
import { config, key, secrets, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const hookSecret = "whsec-of-the-tests-0001";
const approvals = [
  { name: "large", operations: ["stripe.charges.create"], above: "200 usd", wait: "30m", use_within: "10m" },
  { name: "payouts", operations: ["stripe.payouts.create"] },
];

/** A Stripe that takes every charge; `next` answers in place of that. */
async function startVendor() {
  const vendor = await startScripted(async (call, res) => {
    if (vendor.next) return vendor.next(call, res);
    const form = new URLSearchParams(call.text);
    answerJson(res, 200, { id: `ch_${vendor.count}`, object: "charge", amount: Number(form.get("amount")), amount_captured: Number(form.get("amount")), captured: true, paid: true, currency: "usd", customer: form.get("customer") });
  });
  return vendor;
}

async function startHook() {
  const hook = await startScripted((call, res) => res.writeHead(204).end());
  hook.told = (id) => hook.calls.map((call) => JSON.parse(call.text)).filter((alert) => alert.event === "approval" && (!id || alert.approval.id === id));
  return hook;
}

async function setUp({ policy = { allow: ["*"], approvals }, more = {}, env = {}, budgets } = {}) {
  const vendor = await startVendor();
  const hook = await startHook();
  const gate = await startGate(
    config({ stripe: vendor.url }, {
      policies: { watched: policy },
      keys: [key("agent", ["stripe-main"], { policy: "watched", ...(budgets ? { budgets } : {}) }), key("other", ["stripe-main"], { policy: "watched" })],
      alerts: [{ name: "owner", webhook: hook.url, secret: hookSecret, events: ["approval"] }],
      ...more,
    }),
    { env },
  );
  return { vendor, hook, gate };
}

const sdk = (gate, name = "agent") => {
  const [host, port] = gate.data.split(":");
  return new Stripe(tokenOf(name), { host, port, protocol: "http", maxNetworkRetries: 2 });
};

const charge = (gate, { dollars = 250, customer = "cus_A", run, reason = "the order of Ms Smith", name, once } = {}) =>
  sdk(gate, name).charges.create({ amount: dollars * 100, currency: "usd", customer }, {
    headers: { ...(run ? { "x-agent-run-id": run } : {}), "x-tollgate-reason": reason },
    ...(once ? { idempotencyKey: once } : {}),
  });

/** The approval that a refused call names. */
async function held(promise) {
  const error = await thrown(promise);
  assert.equal(error.headers?.["x-tollgate-denied"], "approval_required", error.message);
  assert.equal(error.statusCode, 403);
  assert.equal(error.headers["x-should-retry"], "false");
  const [id] = error.message.match(/apr_[0-9a-f]{16}/) ?? [];
  assert.ok(id, error.message);
  return { id, error };
}

async function refused(promise, says) {
  const error = await thrown(promise);
  assert.equal(error.headers?.["x-tollgate-denied"], "approval_refused", error.message);
  assert.match(error.message, says);
}

const decide = (gate, id, what, reason) => gate.ask("POST", `/api/v1/approvals/${id}/${what}`, reason ? { reason } : {});
const approve = async (gate, id) => assert.equal((await decide(gate, id, "approve", "I know them")).status, 200);

describe("S-25: approval for the unusual", () => {
  let vendor, hook, gate;
  const run = newRun();

  before(async () => {
    ({ vendor, hook, gate } = await setUp());
  });

  test("what is usual is not held", async () => {
    await charge(gate, { dollars: 200, run });
    assert.equal(vendor.count, 1);
    assert.deepEqual((await gate.get("/approvals")).data, []);
  });

  test("what is unusual is, and a person sees what it would do", async () => {
    vendor.clear();
    const { id, error } = await held(charge(gate, { run }));
    assert.match(error.message, /exactly the same request again/);
    assert.equal((await held(charge(gate, { run }))).id, id, "asking again asks nobody anew");
    assert.equal(vendor.count, 0);

    const alert = await until(() => hook.told(id)[0], "the webhook");
    for (const part of [/250 usd/, /cus_A/, new RegExp(run), /stripe\.charges\.create/, /the order of Ms Smith/, new RegExp(`tollgate approval approve ${id}`)]) assert.match(alert.text, part);
    assert.equal(alert.key_name, "agent");

    const { data } = await gate.get("/approvals?state=pending");
    assert.equal(data.length, 1);
    const [shown] = data;
    assert.deepEqual(shown, await gate.get(`/approvals/${id}`));
    assert.deepEqual(alert.approval.request, shown.request);
    assert.equal(shown.most_usd, "250");
    assert.equal(shown.customer, "cus_A");
    assert.equal(shown.run, run);
    assert.equal(shown.reason, "the order of Ms Smith");
    assert.equal(shown.rule, "large");
    assert.equal(shown.request.method, "POST");
    assert.equal(shown.request.parameters.amount, "25000");
    assert.ok(Date.parse(shown.until) - Date.parse(shown.at) === 30 * 60_000);
    assert.ok(!JSON.stringify(shown).includes(secrets.stripe) && !JSON.stringify(shown).includes(tokenOf("agent")));
    const row = await gate.lastCall({ run });
    assert.equal(row.denied, "approval_required");
    assert.equal(row.approval, id);
  });

  test("it is decided once, and made once", async () => {
    vendor.clear();
    const { id } = await held(charge(gate, { run }));
    const both = await Promise.all([decide(gate, id, "approve", "I know them"), decide(gate, id, "refuse", "never")]);
    assert.deepEqual(both.map((answer) => answer.status).sort(), [200, 409]);
    const won = both.find((answer) => answer.status === 200).body;
    if (won.state === "refused") { // the other one was faster: another request for the rest
      await refused(charge(gate, { run }), /never/);
      return;
    }
    assert.equal((await decide(gate, id, "approve")).status, 409, "a second decision, of the same kind too");
    assert.match((await decide(gate, id, "refuse")).body.detail, /decided already, by admin/);
    assert.ok(await charge(gate, { run }));
    assert.equal(vendor.count, 1);
    const used = await gate.get(`/approvals/${id}`);
    const row = await gate.lastCall({ run });
    assert.equal(used.state, "used");
    assert.equal(used.used_by, row.id);
    assert.equal(row.verdict, "allowed");
    assert.equal(row.approval, id);
    assert.notEqual((await held(charge(gate, { run }))).id, id, "the next one of its kind needs its own");
    assert.equal(vendor.count, 1);
    const { data } = await gate.get("/audit?kind=change");
    const changes = data.filter((link) => link.data.object === id).map((link) => link.data);
    assert.equal(changes.length, 1);
    assert.equal(changes[0].action, "approval.approve");
    assert.equal(changes[0].reason, "I know them");
    assert.equal(changes[0].after.state, "approved");
  });

  test("another body, run or key needs its own", async () => {
    const mine = newRun();
    vendor.clear();
    const { id } = await held(charge(gate, { run: mine, customer: "cus_B" }));
    await approve(gate, id);
    const others = [{ run: mine, dollars: 251, customer: "cus_B" }, { run: mine, customer: "cus_C" }, { run: newRun(), customer: "cus_B" }, { run: mine, customer: "cus_B", name: "other" }];
    for (const other of others) assert.notEqual((await held(charge(gate, other))).id, id, JSON.stringify(other));
    assert.equal(vendor.count, 0);
    assert.ok(await charge(gate, { run: mine, customer: "cus_B", reason: "said otherwise" }), "the reason is no part of the request");
    assert.equal(vendor.count, 1);
  });

  test("a no is told with its reason, and stands", async () => {
    const mine = newRun();
    vendor.clear();
    const { id } = await held(charge(gate, { run: mine }));
    assert.equal((await decide(gate, id, "refuse", "split it up")).body.state, "refused");
    for (let i = 0; i < 2; i++) await refused(charge(gate, { run: mine }), /split it up/);
    assert.equal((await decide(gate, id, "approve")).status, 409);
    assert.equal(vendor.count, 0);
    assert.equal((await gate.lastCall({ run: mine })).denied, "approval_refused");
  });

  test("every payout waits, whatever it costs", async () => {
    vendor.clear();
    await held(sdk(gate).payouts.create({ amount: 100, currency: "usd" }, { headers: { "x-agent-run-id": newRun() } }));
    assert.equal(vendor.count, 0);
  });

  test("a card's number is not shown, told or kept", async () => {
    const mine = newRun();
    const raw = { amount: 25_000, currency: "usd", source: { object: "card", number: "4242424242424242", exp_month: 12, exp_year: 2030, cvc: "973" } };
    const { id } = await held(sdk(gate).charges.create(raw, { headers: { "x-agent-run-id": mine } }));
    const shown = await gate.get(`/approvals/${id}`);
    const alert = await until(() => hook.told(id)[0], "the webhook");
    for (const text of [JSON.stringify(shown), JSON.stringify(alert)]) assert.ok(!text.includes("4242424242424242") && !text.includes("973\""), text);
    assert.equal(shown.request.parameters["source.number"], "[hidden]");
    assert.equal(shown.request.parameters["source.cvc"], "[hidden]");
    assert.equal(shown.request.parameters.amount, "25000");
    await approve(gate, id);
    vendor.clear();
    assert.ok(await sdk(gate).charges.create(raw, { headers: { "x-agent-run-id": mine } }));
    assert.match(vendor.last().text, /4242424242424242/);
  });

  test("what is no approval is said so", async () => {
    assert.equal((await decide(gate, "apr_0000000000000000", "approve")).status, 404);
    assert.equal((await gate.ask("GET", "/api/v1/approvals/apr_0000000000000000")).status, 404);
    assert.equal((await gate.ask("GET", "/api/v1/approvals?state=open")).status, 400);
    assert.equal((await gate.ask("GET", "/api/v1/approvals?cursor=apr_1")).status, 400);
    const { id } = await held(charge(gate, { run: newRun() }));
    assert.equal((await gate.ask("POST", `/api/v1/approvals/${id}/approve`, { because: "x" })).status, 422);
    assert.equal((await gate.ask("POST", `/api/v1/approvals/${id}/approve`, { reason: "x".repeat(501) })).status, 422);
    assert.equal((await gate.ask("POST", `/api/v1/approvals/${id}/approve`, {}, null)).status, 401);
    assert.equal((await gate.get(`/approvals/${id}`)).state, "pending");
  });

  test("pages", async () => {
    const ids = (await gate.get("/approvals?limit=1000")).data.map((each) => each.id);
    const paged = [];
    for (let cursor; paged.length < ids.length; ) {
      const page = await gate.get(`/approvals?limit=2${cursor ? `&cursor=${cursor}` : ""}`);
      paged.push(...page.data.map((each) => each.id));
      cursor = page.next_cursor;
      if (!cursor) break;
    }
    assert.deepEqual(paged, ids);
    assert.equal(new Set(ids).size, ids.length);
  });

  test("the command line decides", async () => {
    const mine = newRun();
    const { id } = await held(charge(gate, { run: mine, customer: "cus_CLI" }));
    const list = await gate.cli("approval");
    assert.equal(list.code, 0, list.err);
    const line = list.out.split("\n").find((each) => each.includes(id));
    for (const part of ["pending", "250", "stripe.charges.create", "cus_CLI", "agent", mine, "the order of Ms Smith"]) assert.ok(line.includes(part), `${part} in ${line}`);
    assert.match((await gate.cli("approval", "show", id)).out, /"rule": "large"/);
    const yes = await gate.cli("approval", "approve", id, "--reason", "fine");
    assert.equal(yes.code, 0, yes.err);
    assert.match(yes.out, /goes through once/);
    const again = await gate.cli("approval", "refuse", id);
    assert.equal(again.code, 1);
    assert.match(again.err, /decided already/);
    assert.ok(!(await gate.cli("approval")).out.includes(id));
    assert.ok((await gate.cli("approval", "list", "--state", "approved")).out.includes(id));
    assert.ok(await charge(gate, { run: mine, customer: "cus_CLI" }));
    assert.ok((await gate.cli("approval", "list", "--all")).out.includes(id));
  });
});

test("fifty that ask at once after one yes: one is made", async () => {
  const { vendor, gate } = await setUp();
  const run = newRun();
  const { id } = await held(charge(gate, { run }));
  await approve(gate, id);
  const answers = await Promise.allSettled(Array.from({ length: 50 }, () => charge(gate, { run })));
  assert.equal(answers.filter((each) => each.status === "fulfilled").length, 1);
  assert.equal(vendor.count, 1);
  const codes = new Set(answers.filter((each) => each.status === "rejected").map((each) => each.reason.headers["x-tollgate-denied"]));
  assert.deepEqual([...codes], ["approval_required"]);
  const { data } = await gate.get("/approvals");
  assert.equal(data.length, 2, "the others wait for one of their own");
});

test("an idempotency key: the repeat of what went through needs nothing", async () => {
  const { vendor, gate } = await setUp();
  const run = newRun();
  const once = `once-${run}`;
  const { id } = await held(charge(gate, { run, once }));
  await approve(gate, id);
  const first = await charge(gate, { run, once });
  const again = await charge(gate, { run, once });
  assert.equal(again.id, first.id);
  assert.equal(vendor.count, 1);
  assert.equal((await gate.get("/approvals?state=pending")).data.length, 0);
});

test("kill -9 at every stage loses nothing", { timeout: 60_000 }, async () => {
  const { vendor, gate } = await setUp();
  const run = newRun();
  const again = async () => { await gate.kill(); await gate.start(); };
  const { id } = await held(charge(gate, { run }));
  await again();
  assert.equal((await held(charge(gate, { run }))).id, id, "pending");
  await approve(gate, id);
  await again();
  assert.equal((await gate.get(`/approvals/${id}`)).state, "approved");
  assert.equal((await decide(gate, id, "refuse")).status, 409);
  assert.ok(await charge(gate, { run }), "approved");
  assert.equal(vendor.count, 1);
  await again();
  assert.equal((await gate.get(`/approvals/${id}`)).state, "used");
  const next = await held(charge(gate, { run }));
  assert.notEqual(next.id, id, "used");
  await decide(gate, next.id, "refuse", "enough");
  await again();
  await refused(charge(gate, { run }), /enough/);
  assert.equal(vendor.count, 1);
  assert.equal((await gate.stop()).code, 0);
});

test("an approved call that was not sent gives its approval back", async () => {
  const { vendor, gate } = await setUp({ budgets: [{ name: "day", limit: "100 usd", window: "day" }] });
  const run = newRun();
  const { id } = await held(charge(gate, { run }));
  await approve(gate, id);
  const error = await thrown(charge(gate, { run }));
  assert.equal(error.headers["x-tollgate-denied"], "budget_exceeded");
  assert.equal((await gate.get(`/approvals/${id}`)).state, "approved");
  await gate.kill();
  await gate.start();
  const [budget] = (await gate.get("/budgets")).data.filter((each) => each.owner === "key:agent");
  await gate.post(`/budgets/${encodeURIComponent(budget.id)}/increase`, { by: "400 usd", for: "1h", reason: "this once" });
  assert.ok(await charge(gate, { run }));
  assert.equal(vendor.count, 1);
});

test("a charge that the vendor declined has used its approval", async () => {
  const { vendor, gate } = await setUp();
  const run = newRun();
  const { id } = await held(charge(gate, { run }));
  await approve(gate, id);
  vendor.next = (call, res) => answerJson(res, 402, { error: { type: "card_error", code: "card_declined", message: "declined" } });
  assert.equal((await thrown(charge(gate, { run }))).code, "card_declined");
  assert.equal((await gate.get(`/approvals/${id}`)).state, "used");
  await held(charge(gate, { run }));
});

test("first seen: a customer that no allowed call has touched", async () => {
  const { vendor, gate } = await setUp({ policy: { allow: ["*"], approvals: [{ name: "new-customer", first_seen: "stripe.customer" }] } });
  const pay = (customer, run = newRun()) => charge(gate, { dollars: 5, customer, run });
  const run = newRun();
  const { id } = await held(pay("cus_new", run));
  const other = await held(pay("cus_other"));
  await approve(gate, id);
  await pay("cus_new", run);
  await pay("cus_new"); // in another run: they are known now
  assert.equal(vendor.count, 2);
  await held(pay("cus_third"));
  assert.equal((await decide(gate, other.id, "refuse")).status, 200);
  assert.ok(!(await gate.get(`/approvals/${other.id}`)).used_by);
  await gate.kill();
  await gate.start();
  await pay("cus_new");
  assert.equal(vendor.count, 3, "known after a restart, too");
  await sdk(gate).charges.create({ amount: 500, currency: "usd", customer: "cus_new", description: "x" }, { headers: { "x-agent-run-id": newRun() } });
  await held(sdk(gate).charges.create({ amount: 500, currency: "usd", source: "tok_visa" }, { headers: { "x-agent-run-id": newRun() } })); // whose it is, it does not say
  await sdk(gate).balance.retrieve();
});

test("first seen above an amount: neither a read, nor a small payment, nor one that failed makes a payee known", async () => {
  const { vendor, gate } = await setUp({ policy: { allow: ["*"], approvals: [
    { name: "new-customer", first_seen: "stripe.customer", above: "50 usd" },
    { name: "new-and-much", first_seen: "stripe.customer", above: "500 usd" },
  ] } });
  const pay = (dollars, run = newRun()) => charge(gate, { dollars, customer: "cus_new", run });
  const run = newRun();
  const { id } = await held(pay(200, run));
  await sdk(gate).customers.retrieve("cus_new");
  await sdk(gate).customers.update("cus_new", { description: "an old friend" });
  assert.equal((await held(pay(200, run))).id, id, "reading makes nobody known");
  await pay(50);
  assert.equal((await held(pay(200, run))).id, id, "nor does a payment that the rule is not about");
  assert.equal(vendor.count, 3);
  vendor.next = (call, res) => { vendor.next = null; answerJson(res, 402, { error: { type: "card_error", code: "card_declined", message: "no" } }); };
  await approve(gate, id);
  await thrown(pay(200, run));
  const again = await held(pay(200, run));
  await approve(gate, again.id);
  await pay(200, run);
  await pay(300);
  assert.match((await held(pay(600))).error.message, /new-and-much/);
  await gate.kill();
  await gate.start();
  await pay(51);
  await held(pay(501));
  assert.equal(vendor.count, 7);
});

test("silence is refusal, and a yes does not hold for ever", { timeout: 60_000 }, async () => {
  const clock = startClock("2026-03-28T10:00:00Z");
  const { vendor, gate } = await setUp({ env: clock.env });
  const run = newRun();
  const silent = await held(charge(gate, { run, customer: "cus_S" }));
  const slow = await held(charge(gate, { run, customer: "cus_T" }));
  clock.set("2026-03-28T10:25:00Z");
  assert.equal((await held(charge(gate, { run, customer: "cus_S" }))).id, silent.id);
  await approve(gate, slow.id);
  clock.set("2026-03-28T10:31:00Z");
  await refused(charge(gate, { run, customer: "cus_S" }), /nobody approved this call in time/);
  const late = await decide(gate, silent.id, "approve");
  assert.equal(late.status, 409);
  assert.match(late.body.detail, /nobody decided/);
  assert.equal((await gate.get("/approvals?state=expired")).data.length, 1);
  clock.set("2026-03-28T10:36:00Z"); // use_within: 10m
  assert.notEqual((await held(charge(gate, { run, customer: "cus_T" }))).id, slow.id);
  await gate.kill();
  await gate.start();
  await refused(charge(gate, { run, customer: "cus_S" }), /nobody approved/);
  clock.set("2026-03-29T10:32:00Z");
  assert.notEqual((await held(charge(gate, { run, customer: "cus_S" }))).id, silent.id, "a day later it may be asked again");
  assert.equal(vendor.count, 0);
  assert.equal((await gate.get(`/approvals/${silent.id}`)).state, "expired", "by id it is still known");
});

test("several workers, one table", { timeout: 60_000 }, async () => {
  const { vendor, gate } = await setUp({ more: { workers: 4 } });
  const runs = Array.from({ length: 20 }, newRun);
  const ids = await Promise.all(runs.map(async (run) => (await held(charge(gate, { run }))).id));
  assert.equal(new Set(ids).size, 20);
  await Promise.all(ids.map((id) => approve(gate, id)));
  await Promise.all(runs.map((run) => charge(gate, { run })));
  assert.equal(vendor.count, 20);
  assert.equal((await gate.get("/approvals?state=used")).data.length, 20);
  assert.ok((await gate.get("/ledger/check")).ok);
});
