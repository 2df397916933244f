// SPDX-License-Identifier: Apache-2.0
// Whom a call of Stripe touches: customers behind ids, found out by the gate's own reads before anything is forwarded; accounts; payees.
import http from "node:http";
import { before } from "node:test";

import Stripe from "stripe";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let scripted, second, objects;
const sdk = (name) => new Stripe(tokenOf(name), { host: "127.0.0.1", port: second.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 });

before(async () => {
  // Objects that stay what the test says they are; what is written is answered with the object.
  objects = new Map();
  scripted = await startScripted((call, res) => {
    const [, target] = call.url.match(/^([^?]*)/);
    const found = objects.get(target) ?? objects.get(target.replace(/\/[a-z_]+$/, ""));
    if (found) answerJson(res, 200, found);
    else if (call.method === "POST") answerJson(res, 200, { id: "made_1", object: "thing", status: "succeeded", amount: 100, currency: "usd" });
    else answerJson(res, 404, { error: { type: "invalid_request_error", code: "resource_missing", message: "No such object" } });
  });
  second = await startGate(config({ stripe: scripted.url }, {
    policies: {
      mine: { allow: ["*"], scopes: { "stripe.customer": ["cus_mine"] } },
      account: { allow: ["*"], scopes: { "stripe.account": ["acct_mine"] } },
      two: { allow: ["stripe.charges.create", "stripe.refunds.create"] },
      bounded: { allow: ["*"], parameters: {
        "stripe.refunds.create": { amount: { max: 5000, required: true }, currency: ["usd"], "metadata.order": { required: true } },
        "stripe.v2.money_management.outbound_payments.create": { "amount.value": { max: 5000 }, "amount.currency": ["usd"] },
      } },
      payee: { allow: ["*"], scopes: { "stripe.destination": ["ba_mine", "acct_mine"] } },
    },
    keys: [key("free", ["stripe-main"]), key("two", ["stripe-main"], { policy: "two" }), key("bounded", ["stripe-main"], { policy: "bounded" }), key("mine", ["stripe-main"], { policy: "mine" }), key("account", ["stripe-main"], { policy: "account" }), key("payee", ["stripe-main"], { policy: "payee" })],
  }));
});

/** As no SDK would send it. */
async function raw(name, target, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: second.port, method: "POST", path: target,
      headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded", ...headers } }, (answer) => answer.resume().on("end", () => resolve(answer.statusCode)));
    request.on("error", reject);
    request.end(body);
  });
}

/** Refused with this code; only reads of the gate's own went up. */
async function refused(call, code = "scope_denied", of = scripted) {
  const count = of.count;
  const error = await thrown(call());
  assert.equal(error.code, code, error.message);
  assert.ok(error instanceof Stripe.errors.StripePermissionError);
  assert.ok(of.calls.slice(count).every((sent) => sent.method === "GET"), "nothing is forwarded");
}

test("S-20: a refund of a charge of another customer is refused before it is forwarded", async () => {
  objects.set("/v1/charges/ch_theirs", { id: "ch_theirs", customer: "cus_other", amount: 900, amount_refunded: 0, currency: "usd" });
  objects.set("/v1/charges/ch_ours", { id: "ch_ours", customer: "cus_mine", amount: 900, amount_refunded: 0, currency: "usd" });
  await refused(() => sdk("mine").refunds.create({ charge: "ch_theirs" }));
  await refused(() => sdk("mine").refunds.create({ charge: "ch_theirs", amount: 1 }));
  await refused(() => sdk("mine").charges.retrieve("ch_theirs"));
  await refused(() => sdk("mine").charges.retrieve("ch_nothing"));
  const run = newRun();
  await sdk("mine").refunds.create({ charge: "ch_ours", amount: 100 }, { headers: { "x-agent-run-id": run } });
  const [row] = await second.calls({ run });
  assert.deepEqual(row.scopes["stripe.customer"], ["cus_mine"], "the row says whom the money touched");
  assert.equal(nanos(row.cost_usd), 1_000_000_000n);
});

test("the row names the customer also where no policy asks for it, if it shall; else nothing is read", async () => {
  const refundOn = async (gate) => {
    const run = newRun(), count = scripted.count;
    await new Stripe(tokenOf("free"), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false })
      .refunds.create({ charge: "ch_theirs", amount: 100 }, { headers: { "x-agent-run-id": run } });
    return { asked: scripted.count - count, customer: (await gate.calls({ run }))[0].scopes["stripe.customer"] };
  };
  assert.deepEqual(await refundOn(second), { asked: 1, customer: ["?"] });
  const third = await startGate(config({ stripe: scripted.url }, { keys: [key("free", ["stripe-main"])], vendors: { stripe: { read_objects: "always" } } }));
  assert.deepEqual(await refundOn(third), { asked: 2, customer: ["cus_other"] });
});

test("an owner is remembered: the second call reads nothing", async () => {
  objects.set("/v1/charges/ch_again", { id: "ch_again", customer: "cus_mine", amount: 900, amount_refunded: 0, currency: "usd" });
  const client = sdk("mine");
  await client.charges.update("ch_again", { description: "a" });
  const count = scripted.count;
  await client.charges.update("ch_again", { description: "b" });
  assert.equal(scripted.count - count, 1);
  await client.refunds.create({ charge: "ch_again", amount: 100 });
  assert.equal(scripted.count - count, 2, "nor does a refund that names its amount: its currency, too, is the charge's for ever");
});

test("an intent that is moved to a customer after the check is checked again", async () => {
  const client = sdk("mine");
  objects.set("/v1/payment_intents/pi_1", { id: "pi_1", object: "payment_intent", amount: 100, currency: "usd", status: "requires_confirmation", customer: "cus_mine" });
  await client.paymentIntents.update("pi_1", { metadata: { a: "b" } });
  await refused(() => client.paymentIntents.update("pi_1", { customer: "cus_other" }));
  await refused(() => client.paymentIntents.update("pi_1", { customer_account: "acct_other" }));
  objects.get("/v1/payment_intents/pi_1").customer = "cus_other"; // by somebody else, meanwhile
  await refused(() => client.paymentIntents.confirm("pi_1"));
  await refused(() => client.paymentIntents.capture("pi_1"));
  await refused(() => client.terminal.readers.processPaymentIntent("tmr_1", { payment_intent: "pi_1" }));
});

test("what only names other objects is led to its customer", async () => {
  const client = sdk("mine");
  objects.set("/v1/charges/ch_1", { id: "ch_1", customer: "cus_other", amount: 100, amount_refunded: 0, currency: "usd" });
  objects.set("/v1/charges/ch_2", { id: "ch_2", customer: "cus_mine", amount: 100, amount_refunded: 0, currency: "usd" });
  objects.set("/v1/disputes/dp_1", { id: "dp_1", charge: "ch_1", amount: 100, currency: "usd" });
  objects.set("/v1/disputes/dp_2", { id: "dp_2", charge: "ch_2", amount: 100, currency: "usd" });
  objects.set("/v1/subscriptions/sub_1", { id: "sub_1", customer: "cus_other" });
  objects.set("/v1/subscription_items/si_1", { id: "si_1", subscription: "sub_1", quantity: 1 });
  objects.set("/v1/invoices/in_1", { id: "in_1", customer: "cus_other", amount_remaining: 5, currency: "usd" });
  objects.set("/v1/payment_methods/pm_1", { id: "pm_1", customer: "cus_other" });
  objects.set("/v1/quotes/qt_1", { id: "qt_1", customer: "cus_other", amount_total: 5, currency: "usd" });
  for (const call of [
    () => client.disputes.close("dp_1"),
    () => client.subscriptionItems.update("si_1", { quantity: 2 }),
    () => client.subscriptions.cancel("sub_1"),
    () => client.invoices.pay("in_1"),
    () => client.invoices.list({ subscription: "sub_1" }),
    () => client.paymentMethods.detach("pm_1"),
    () => client.quotes.accept("qt_1"),
    () => client.refunds.list({ charge: "ch_1" }),
    () => client.invoiceItems.create({ customer: "cus_mine", invoice: "in_1", amount: 5, currency: "usd" }),
  ]) await refused(call);
  await client.disputes.retrieve("dp_2");
  await client.disputes.close("dp_2");
});

test("lists, searches and expansions", async () => {
  const client = sdk("mine");
  objects.set("/v1/charges", { object: "list", data: [], has_more: false, url: "/v1/charges" });
  objects.set("/v1/charges/search", { object: "search_result", data: [], has_more: false, url: "/v1/charges/search" });
  objects.set("/v1/payouts", { object: "list", data: [], has_more: false, url: "/v1/payouts" });
  await refused(() => client.charges.list());
  await client.charges.list({ customer: "cus_mine" });
  await refused(() => client.charges.list({ customer: "cus_other" }));
  await client.charges.search({ query: "customer:'cus_mine' AND amount>100" });
  await refused(() => client.charges.search({ query: "customer:'cus_other'" }));
  await refused(() => client.charges.search({ query: "customer:'cus_mine' OR amount>100" }));
  await refused(() => client.charges.search({ query: "amount>100" }));
  await client.payouts.list();
  await refused(() => client.payouts.list({ expand: ["data.balance_transaction.source"] }));
  await refused(() => client.balanceTransactions.list());
  await refused(() => client.events.list());
});

test("S-22: another connected account is refused, by field, context, body or path", async () => {
  const client = sdk("account");
  const charge = { amount: 100, currency: "usd", source: "tok_visa" };
  await client.charges.create(charge, { stripeAccount: "acct_mine" });
  await refused(() => client.charges.create(charge, { stripeAccount: "acct_other" }));
  await refused(() => client.charges.create(charge, { stripeContext: "acct_mine/acct_other" }));
  await client.charges.create(charge, { stripeContext: "acct_other/acct_mine" });
  await refused(() => client.charges.create({ ...charge, on_behalf_of: "acct_other" }));
  await refused(() => client.charges.create({ ...charge, transfer_data: { destination: "acct_other" } }));
  await refused(() => client.paymentIntents.create({ amount: 5, currency: "usd", transfer_data: { destination: "acct_other" } }, { stripeAccount: "acct_mine" }));
  await refused(() => client.transfers.create({ amount: 100, currency: "usd", destination: "acct_other" }));
  await refused(() => client.accounts.update("acct_other", { email: "a@b.example" }));
  await refused(() => client.subscriptions.create({ customer: "cus_1", items: [], invoice_settings: { issuer: { type: "account", account: "acct_other" } } }));
  await refused(() => client.v2.moneyManagement.outboundPayments.create({ amount: { value: 5, currency: "usd" }, from: { currency: "usd", financial_account: "fa" },
    to: { recipient: "acct_other" } }));
});

test("an object is read for the account that the call is for", async () => {
  objects.set("/v1/charges/ch_9", { id: "ch_9", customer: "cus_mine", amount: 100, amount_refunded: 0, currency: "usd" });
  const client = sdk("mine");
  const count = scripted.count;
  await client.refunds.create({ charge: "ch_9" }, { stripeAccount: "acct_9" });
  const [read, sent] = scripted.calls.slice(count);
  assert.deepEqual([read.method, read.headers["stripe-account"], sent.method, sent.headers["stripe-account"]], ["GET", "acct_9", "POST", "acct_9"]);
  assert.equal(read.headers["stripe-version"], sent.headers["stripe-version"]);
  assert.equal(read.headers.authorization, sent.headers.authorization);
  assert.equal(read.headers["idempotency-key"], undefined);
});

test("payees: a payout goes where the policy says, and nowhere by default", async () => {
  const client = sdk("payee");
  await client.payouts.create({ amount: 5, currency: "usd", destination: "ba_mine" });
  await refused(() => client.payouts.create({ amount: 5, currency: "usd", destination: "ba_other" }));
  await refused(() => client.payouts.create({ amount: 5, currency: "usd" }));
  await client.transfers.create({ amount: 5, currency: "usd", destination: "acct_mine" });
  await refused(() => client.transfers.create({ amount: 5, currency: "usd", destination: "acct_other" }));
  await client.charges.create({ amount: 5, currency: "usd", source: "tok_visa" });
  await refused(() => client.charges.create({ amount: 5, currency: "usd", source: "tok_visa", transfer_data: { destination: "acct_other" } }));
});

test("the number of an issued card and signing secrets do not come back", async () => {
  const client = sdk("payee");
  objects.set("/v1/issuing/cards/ic_1", { id: "ic_1", object: "issuing.card", number: "4000009990000005", cvc: "123", last4: "0005" });
  const card = await client.issuing.cards.retrieve("ic_1", { expand: ["number", "cvc"] });
  assert.equal(card.last4, "0005");
  assert.ok(!JSON.stringify(card).includes("4000009990000005"), card.number);
  assert.notEqual(card.cvc, "123");
});

test("S-21: a payout under an allowlist of two operations is refused, however its path is spelled", async () => {
  const count = scripted.count;
  const error = await thrown(sdk("two").payouts.create({ amount: 5, currency: "usd" }));
  assert.equal(error.code, "operation_denied");
  assert.match(error.message, /stripe\.payouts\.create/, "the attempted operation");
  assert.match(error.message, /stripe\.charges\.create/, "the allowed ones");
  for (const [target, more] of [
    ["//v1/payouts"], ["/v1//payouts"], ["/v1/p%61youts"], ["/v1/payouts/"], ["/v1/charges/../payouts"], ["/v1/charges/%2e%2e/payouts"], ["/V1/payouts"],
    ["/v1/charges", { "x-http-method-override": "PUT", "x-original-url": "/v1/payouts", "x-rewrite-url": "/v1/payouts" }],
  ]) {
    const before = scripted.count;
    await raw("two", target, "amount=5&currency=usd", more);
    assert.ok(scripted.calls.slice(before).every((sent) => sent.url === "/v1/charges" && !Object.keys(sent.headers).some((name) => name.startsWith("x-"))), target);
  }
  assert.equal(scripted.count - count, 1, "the charge alone, without the fields that would make it something else");
});

test("S-24: a refund beyond $50, in another currency or without an order is refused with the name of the field", async () => {
  objects.set("/v1/charges/ch_24", { id: "ch_24", customer: "cus_mine", amount: 90000, amount_refunded: 0, currency: "usd" });
  const good = { charge: "ch_24", amount: 5000, currency: "usd", metadata: { order: "7" } };
  const client = sdk("bounded");
  await client.refunds.create(good);
  for (const [field, more] of [["amount", { amount: 5001 }], ["amount", { amount: undefined }], ["currency", { currency: "eur" }], ["metadata.order", { metadata: {} }]]) {
    const error = await thrown(client.refunds.create({ ...good, ...more }));
    assert.equal(error.code, "parameter_denied");
    assert.ok(error.message.includes(field), error.message);
  }
  const paid = (value, currency) => client.v2.moneyManagement.outboundPayments.create({ amount: { value, currency }, from: { currency: "usd", financial_account: "fa" }, to: { recipient: "acct_1" } });
  await paid(5000, "usd");
  for (const [field, call] of [["amount.value", () => paid(5001, "usd")], ["amount.currency", () => paid(5000, "eur")]]) {
    const error = await thrown(call());
    assert.equal(error.code, "parameter_denied");
    assert.ok(error.message.includes(field), error.message);
  }
});
