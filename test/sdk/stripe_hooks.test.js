// SPDX-License-Identifier: Apache-2.0
// Stripe's calls to the gate, signed by Stripe's own SDK: what happens after a call stands in the bill of the run that caused it.
import { before } from "node:test";

import Stripe from "stripe";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test } from "./lib/test.js";

const secret = "whsec_of_the_tests_0001";
let gate, upstream, objects;
let serial = 0;

before(async () => {
  objects = new Map();
  upstream = await startScripted((call, res) => {
    const [target] = call.url.split("?");
    if (call.method === "GET") return answerJson(res, objects.has(target) ? 200 : 404, objects.get(target) ?? { error: { message: "No such object" } });
    const form = Object.fromEntries(new URLSearchParams(call.text));
    const prefix = { "/v1/charges": "ch", "/v1/payment_intents": "pi", "/v1/payouts": "po", "/v1/refunds": "re", "/v1/subscriptions": "sub" }[target];
    const id = `${prefix}_${++serial}`;
    const made = { id, amount: Number(form.amount), currency: form.currency ?? "usd", customer: form.customer ?? null, amount_refunded: 0, amount_received: 0,
      ...(prefix === "ch" ? { captured: true, amount_captured: Number(form.amount), status: "succeeded" } : {}),
      ...(prefix === "pi" ? { status: "requires_payment_method" } : {}),
      ...(prefix === "po" || prefix === "re" ? { status: "pending" } : {}),
      ...(prefix === "sub" ? { status: "active", latest_invoice: { status: "paid", amount_paid: 1500, currency: "usd" } } : {}) };
    objects.set(`${target}/${id}`, made);
    answerJson(res, 200, made);
  });
  gate = await startGate(config({ stripe: upstream.url }, { vendors: { stripe: { settings: { fx: { eur: "1.10" }, fx_margin: "0%" } } }, keys: [key("free", ["stripe-main"]), key("support", ["stripe-main"], { label: "acme:support", user: "ann" })], credentials: { "stripe-main": { hook_secret: secret } } }));
});

const sdk = (name = "free") => new Stripe(tokenOf(name), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 });
const on = (run) => ({ headers: { "x-agent-run-id": run } });
const cost = async (run) => Number(nanos((await gate.get(`/runs/${run}`)).total_usd)) / 1e9;

async function hook(type, object, { id = `evt_${++serial}`, with: signing = secret, timestamp, more = {} } = {}) {
  const payload = JSON.stringify({ id, object: "event", type, data: { object }, ...more });
  const header = sdk().webhooks.generateTestHeaderString({ payload, secret: signing, ...(timestamp ? { timestamp } : {}) });
  const answer = await fetch(`${gate.url}/hooks/stripe/stripe-main`, { method: "POST", headers: { "stripe-signature": header, "content-type": "application/json" }, body: payload });
  return { status: answer.status, id };
}

test("a dispute stands in the bill of the run that charged: amount and fee, once", async () => {
  const run = newRun();
  const made = await sdk().charges.create({ amount: 2000, currency: "usd", source: "tok_visa" }, on(run));
  const dispute = { id: "dp_1", object: "dispute", charge: made.id, amount: 2000, currency: "usd", status: "needs_response" };
  assert.equal((await hook("charge.dispute.created", dispute)).status, 200);
  assert.equal(await cost(run), 20, "an opened dispute moves nothing yet");
  const { status, id } = await hook("charge.dispute.funds_withdrawn", dispute);
  assert.equal(status, 200);
  await until(async () => (await cost(run)) === 55, "20 + 20 + 15 of the fee");
  assert.equal((await hook("charge.dispute.funds_withdrawn", dispute, { id })).status, 200, "delivered twice");
  assert.equal(await cost(run), 55);
});

test("a dispute has the label and the user of the call: every way to ask says the same, before and after a restart", async () => {
  const run = newRun();
  const charge = (amount) => sdk("support").charges.create({ amount, currency: "usd", source: "tok_visa" }, { headers: { "x-agent-run-id": run, "x-tollgate-metadata": JSON.stringify({ label: "mail" }) } });
  const withdraw = (made) => hook("charge.dispute.funds_withdrawn", { id: `dp_of_${made.id}`, object: "dispute", charge: made.id, amount: made.amount, currency: "usd" });
  const by = async (dimension, name, query) => Number(nanos((await gate.get(`/usage?by=${dimension}&${query}`)).data.find((row) => row[dimension] === name)?.cost_usd ?? "0")) / 1e9;
  const { id } = (await gate.get("/keys")).data.find((each) => each.name === "support");
  const check = async (usd) => {
    await until(async () => (await cost(run)) === usd, `${usd} in the run's bill`);
    for (const [dimension, name] of [["label:1", "acme"], ["label:2", "acme:support"], ["label", "acme:support:mail"], ["user", "ann"], ["run", run], ["key", id]])
      for (const query of ["", `run=${run}`, "label=acme", "user=ann"]) assert.equal(await by(dimension, name, query), usd, `by ${dimension}, ${query}`);
  };
  const [first, second] = [await charge(50_000), await charge(10_000)];
  await check(600);
  assert.equal((await withdraw(first)).status, 200);
  await check(1115);
  await gate.restart();
  assert.equal((await withdraw(second)).status, 200);
  await check(1230);
});

test("a signature that is wrong, old or missing is refused", async () => {
  const run = newRun();
  const made = await sdk().charges.create({ amount: 2000, currency: "usd", source: "tok_visa" }, on(run));
  const dispute = { id: "dp_2", charge: made.id, amount: 2000, currency: "usd" };
  const wrong = await hook("charge.dispute.funds_withdrawn", dispute, { with: "whsec_of_somebody_else" });
  const old = await hook("charge.dispute.funds_withdrawn", dispute, { timestamp: Math.floor(Date.now() / 1000) - 3600 });
  const bare = await fetch(`${gate.url}/hooks/stripe/stripe-main`, { method: "POST", body: "{}" });
  for (const status of [wrong.status, old.status, bare.status]) assert.ok(status >= 400 && status < 500, String(status));
  assert.equal(await cost(run), 20);
});

test("payment_intent.canceled gives back what the intent held", async () => {
  const run = newRun();
  const made = await sdk().paymentIntents.create({ amount: 3000, currency: "usd" }, on(run));
  assert.equal(await cost(run), 30);
  objects.get(`/v1/payment_intents/${made.id}`).status = "canceled";
  await hook("payment_intent.canceled", { id: made.id, object: "payment_intent" });
  await until(async () => (await cost(run)) === 0, "the hold comes back");
});

test("payment_intent.succeeded in a browser, for less than it was made for", async () => {
  const run = newRun();
  const made = await sdk().paymentIntents.create({ amount: 3000, currency: "usd" }, on(run));
  Object.assign(objects.get(`/v1/payment_intents/${made.id}`), { status: "succeeded", amount_received: 2500 });
  await hook("payment_intent.succeeded", { id: made.id, object: "payment_intent" });
  await until(async () => (await cost(run)) === 25, "what was received counts");
});

test("payout.failed and refund.failed give back", async () => {
  const run = newRun();
  const payout = await sdk().payouts.create({ amount: 900, currency: "usd" }, on(run));
  const made = await sdk().charges.create({ amount: 400, currency: "usd", source: "tok_visa" }, on(run));
  const refund = await sdk().refunds.create({ charge: made.id, amount: 400 }, on(run));
  assert.equal(await cost(run), 17);
  objects.get(`/v1/payouts/${payout.id}`).status = "failed";
  objects.get(`/v1/refunds/${refund.id}`).status = "failed";
  await hook("payout.failed", { id: payout.id, object: "payout" });
  await hook("refund.failed", { id: refund.id, object: "refund", charge: made.id });
  await until(async () => (await cost(run)) === 4, "only the charge is left");
});

test("invoice.paid of a subscription that a run made: later periods are its own", async () => {
  const run = newRun();
  const made = await sdk().subscriptions.create({ customer: "cus_1", items: [{ price_data: { currency: "usd", product: "prod_1", unit_amount: 1500, recurring: { interval: "month" } } }] }, on(run));
  assert.equal(await cost(run), 15);
  const invoice = { object: "invoice", amount_paid: 1500, currency: "usd", parent: { subscription_details: { subscription: made.id } } };
  await hook("invoice.paid", { ...invoice, id: "in_first", billing_reason: "subscription_create" });
  await hook("invoice.paid", { ...invoice, id: "in_second", billing_reason: "subscription_cycle" });
  await until(async () => (await cost(run)) === 30, "the second period counts, the first has been");
  await hook("invoice.paid", { ...invoice, id: "in_old", parent: undefined, subscription: made.id, billing_reason: "subscription_cycle" });
  await until(async () => (await cost(run)) === 45, "also where an old version names it");
});

test("a charge in euros is settled by Stripe's own rate when it is known", async () => {
  const run = newRun();
  const made = await sdk().charges.create({ amount: 1000, currency: "eur", source: "tok_visa" }, on(run));
  assert.equal(await cost(run), 11, "the table's rate until then");
  objects.get(`/v1/charges/${made.id}`).balance_transaction = { id: "txn_1", amount: 1087, currency: "usd", exchange_rate: 1.087 };
  await hook("charge.succeeded", { id: made.id, object: "charge" });
  await until(async () => (await cost(run)) === 10.87, "the balance transaction counts");
  assert.ok(upstream.calls.some((sent) => sent.url === `/v1/charges/${made.id}?expand[]=balance_transaction`));
});

test("what has no rule is taken and changes nothing", async () => {
  assert.equal((await hook("customer.created", { id: "cus_1", object: "customer" })).status, 200);
  assert.equal((await hook("charge.dispute.funds_withdrawn", { id: "dp_9", charge: "ch_unknown", amount: 5, currency: "usd" })).status, 200);
});
