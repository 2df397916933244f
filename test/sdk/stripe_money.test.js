// SPDX-License-Identifier: Apache-2.0
// What Stripe's money calls reserve and settle, with the official SDK: each line of the money table in docs/vendors/stripe.md.
// The amounts a call holds are read from the refusal of a budget that fits nothing; prism has Stripe's own fixtures behind it.
import { before } from "node:test";

import Stripe from "stripe";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, sleep, startGate } from "./lib/gate.js";
import { startEmulate, startPrismStripe, startStripe } from "./lib/mocks.js";
import { until } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const keys = [
  key("free", ["stripe-main"]),
  key("none", ["stripe-main"], { budgets: [{ limit: "0.01 usd", window: "day" }] }),
  key("big", ["stripe-main"], { budgets: [{ limit: "100000 usd", window: "day" }] }),
];
const policies = { all: { allow: ["*", "stripe.refunds.create.legacy", "stripe.subscription_items.usage_records.create.legacy"] } };
const vendors = { stripe: { settings: { fx: { eur: "1.10" }, fx_margin: "0%" } } };
let fixtures, stateful, emulated;

/** A gate of its own before each upstream. */
async function front(upstream) {
  return { upstream, gate: await startGate(config({ stripe: upstream.url }, { keys, policies, vendors })) };
}

function sdk(of, name) {
  return new Stripe(tokenOf(name), { host: "127.0.0.1", port: of.gate.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 });
}

before(async () => {
  fixtures = await front(await startPrismStripe());
  stateful = await front(await startStripe());
  emulated = await front((await startEmulate()).stripe);
}, { timeout: 120_000 });

/** Dollars that a call holds, by the budget that refuses it; or the code of another refusal; or 0 when it goes through. */
async function holds(of, call) {
  const count = of.upstream.count;
  let error;
  try {
    await call(sdk(of, "none"));
    return 0;
  } catch (thrownError) {
    error = thrownError;
  }
  if (error.code !== "budget_exceeded") return error.code ?? error.message;
  assert.ok(error instanceof Stripe.errors.StripePermissionError);
  assert.ok(of.upstream.calls.slice(count).every((sent) => sent.method === "GET"), "only reads of the gate's own");
  return Number(nanos(error.raw.tollgate.attempted)) / 1e9;
}

const intent = "pi_1PgafyB7WZ01zgkWSjxsAJo3", invoice = "in_1Pgc6tB7WZ01zgkWu9fdqL6I", price = "price_1PgafmB7WZ01zgkW6dKueIc5";
const chargeId = "ch_1PgafuB7WZ01zgkWXYmPNZs8", transfer = "tr_1Pgc7BB7WZ01zgkWVJfE40RX";
const inline = (unit_amount, quantity) => ({ price_data: { currency: "usd", product: "prod_1", unit_amount }, quantity });

const rows = [
  ["charges.create", 12, (s) => s.charges.create({ amount: 1200, currency: "usd", source: "tok_visa" })],
  ["charges.create in another currency", 13.2, (s) => s.charges.create({ amount: 1200, currency: "eur", source: "tok_visa" })],
  ["charges.create in a currency without a rate", "price_unknown", (s) => s.charges.create({ amount: 1200, currency: "sek" })],
  ["charges.capture", 1, (s) => s.charges.capture(chargeId)],
  ["payment_intents.create", 20, (s) => s.paymentIntents.create({ amount: 2000, currency: "usd" })],
  ["payment_intents.update of the amount", 30, (s) => s.paymentIntents.update(intent, { amount: 3000 })],
  ["payment_intents.update of something else", 0, (s) => s.paymentIntents.update(intent, { description: "x" })],
  ["payment_intents.confirm", 10.99, (s) => s.paymentIntents.confirm(intent)],
  ["payment_intents.capture of a part", 5, (s) => s.paymentIntents.capture(intent, { amount_to_capture: 500 })],
  ["payment_intents.increment_authorization", 12, (s) => s.paymentIntents.incrementAuthorization(intent, { amount: 1200 })],
  ["payment_intents.apply_customer_balance", 10.99, (s) => s.paymentIntents.applyCustomerBalance(intent)],
  ["payment_intents.cancel", 0, (s) => s.paymentIntents.cancel(intent)],
  ["refunds.create", 0.4, (s) => s.refunds.create({ charge: chargeId, amount: 40 })],
  ["refunds.create without an amount", 1, (s) => s.refunds.create({ charge: chargeId })],
  ["refunds.create.legacy", 1, (s) => s.rawRequest("POST", `/v1/charges/${chargeId}/refunds`)],
  ["credit_notes.create", 3, (s) => s.creditNotes.create({ invoice, amount: 300 })],
  ["credit_notes.create by lines", 10, (s) => s.creditNotes.create({ invoice, lines: [{ type: "invoice_line_item", invoice_line_item: "il_1", quantity: 1 }] })],
  ["terminal.readers.refund_payment", 1, (s) => s.terminal.readers.refundPayment("tmr_1", { charge: chargeId })],
  ["terminal.readers.process_payment_intent", 10.99, (s) => s.terminal.readers.processPaymentIntent("tmr_1", { payment_intent: intent })],
  ["payouts.create", 7, (s) => s.payouts.create({ amount: 700, currency: "usd" })],
  ["transfers.create", 7, (s) => s.transfers.create({ amount: 700, currency: "usd", destination: "acct_1" })],
  ["transfers.create of a charge", 1, (s) => s.transfers.create({ currency: "usd", destination: "acct_1", source_transaction: chargeId })],
  ["transfers.reversals.create", 11, (s) => s.transfers.createReversal(transfer)],
  ["topups.create", 7, (s) => s.topups.create({ amount: 700, currency: "usd" })],
  ["treasury.outbound_payments.create", 7, (s) => s.treasury.outboundPayments.create({ amount: 700, currency: "usd", financial_account: "fa_1" })],
  ["v2 outbound_payments.create", 12.34, (s) => s.v2.moneyManagement.outboundPayments.create({ amount: { value: 1234, currency: "usd" },
    from: { currency: "usd", financial_account: "fa_1" }, to: { recipient: "acct_1" } })],
  ["v2 payout_intents.create", 12.34, (s) => s.rawRequest("POST", "/v2/money_management/payout_intents",
    { amount: { value: 1234, currency: "usd" }, from: { currency: "usd", financial_account: "fa_1" }, to: {} })],
  ["invoices.pay", 10, (s) => s.invoices.pay(invoice)],
  ["invoices.finalize", 10, (s) => s.invoices.finalizeInvoice(invoice)],
  ["invoices.send", 10, (s) => s.invoices.sendInvoice(invoice)],
  ["invoices.attach_payment", 10.99, (s) => s.invoices.attachPayment(invoice, { payment_intent: intent })],
  ["invoices.create", 0, (s) => s.invoices.create({ customer: "cus_1" })],
  ["invoices.create with auto_advance", "price_unknown", (s) => s.invoices.create({ customer: "cus_1", auto_advance: true })],
  ["invoiceitems.create", 2.5, (s) => s.invoiceItems.create({ customer: "cus_1", amount: 250, currency: "usd" })],
  ["subscriptions.create with one price", 60, (s) => s.subscriptions.create({ customer: "cus_1", items: [{ price, quantity: 3 }] })],
  ["subscriptions.create with prices inline", 21, (s) => s.subscriptions.create({ customer: "cus_1",
    items: [{ ...inline(700, 3), price_data: { ...inline(700).price_data, recurring: { interval: "month" } } }] })],
  ["subscriptions.create with two prices", "price_unknown", (s) => s.subscriptions.create({ customer: "cus_1", items: [{ price }, { price: "price_2" }] })],
  ["subscription_items.create", 40, (s) => s.subscriptionItems.create({ subscription: "sub_1", price, quantity: 2 })],
  ["subscription_schedules.create", "price_unknown", (s) => s.subscriptionSchedules.create({ customer: "cus_1", phases: [{ items: [{ price }] }] })],
  ["quotes.accept of one that cannot be read", "price_unknown", (s) => s.quotes.accept("qt_1")],
  ["checkout.sessions.create", 41, (s) => s.checkout.sessions.create({ mode: "payment", line_items: [{ price, quantity: 2 }, inline(100, 1)] })],
  ["checkout.sessions.create with shipping", "price_unknown", (s) => s.checkout.sessions.create({ mode: "payment", line_items: [{ price, quantity: 1 }],
    shipping_options: [{ shipping_rate: "shr_1" }] })],
  ["payment_links.create", "price_unknown", (s) => s.paymentLinks.create({ line_items: [{ price, quantity: 1 }] })],
  ["payment_links.create for ten", 200, (s) => s.paymentLinks.create({ line_items: [{ price, quantity: 1 }], restrictions: { completed_sessions: { limit: 10 } } })],
  ["issuing.cards.create", "price_unknown", (s) => s.issuing.cards.create({ currency: "usd", type: "virtual", cardholder: "ich_1" })],
  ["issuing.cards.create with a limit for all time", 50, (s) => s.issuing.cards.create({ currency: "usd", type: "virtual", cardholder: "ich_1",
    spending_controls: { spending_limits: [{ amount: 5000, interval: "all_time" }] } })],
  ["issuing.authorizations.approve of one that cannot be read", "price_unknown", (s) => s.issuing.authorizations.approve("iauth_1")],
  ["climate.orders.create", 5, (s) => s.climate.orders.create({ amount: 500, currency: "usd", product: "climsku_1" })],
  ["disputes.close of one that cannot be read", "price_unknown", (s) => s.disputes.close("dp_lost")],
  ["customers.balance_transactions.create", 5, (s) => s.customers.createBalanceTransaction("cus_1", { amount: -500, currency: "usd" })],
  ["customers.update of a balance", "price_unknown", (s) => s.customers.update("cus_1", { balance: -500 })],
  ["billing.credit_grants.create", 10, (s) => s.billing.creditGrants.create({ customer: "cus_1", category: "paid",
    amount: { type: "monetary", monetary: { value: 1000, currency: "usd" } }, applicability_config: { scope: { price_type: "metered" } } })],
  ["coupons.create", 20, (s) => s.coupons.create({ amount_off: 500, currency: "usd", max_redemptions: 4 })],
  ["coupons.create of a percentage", "price_unknown", (s) => s.coupons.create({ percent_off: 100 })],
  ["promotion_codes.create", "price_unknown", (s) => s.promotionCodes.create({ promotion: { type: "coupon", coupon: "c_1" } })],
  ["prices.create", "price_unknown", (s) => s.prices.create({ unit_amount: 1, currency: "usd", product: "prod_1" })],
  ["billing.meter_events.create", "price_unknown", (s) => s.billing.meterEvents.create({ event_name: "x", payload: { value: "1", stripe_customer_id: "cus_1" } })],
  ["subscription_items.usage_records.create.legacy", "price_unknown", (s) => s.rawRequest("POST", "/v1/subscription_items/si_1/usage_records", { quantity: 1 })],
];

for (const [name, dollars, call] of rows) {
  test(`${name}: ${typeof dollars === "number" ? `holds $${dollars}` : `refused, ${dollars}`}`, async () => {
    assert.equal(await holds(fixtures, call), dollars);
  });
}

const denied = [
  ["forwarding.requests.create", (s) => s.forwarding.requests.create({ payment_method: "pm_1", url: "https://x.example", replacements: ["card_number"] })],
  ["webhook_endpoints.create", (s) => s.webhookEndpoints.create({ url: "https://x.example", enabled_events: ["*"] })],
  ["v2.core.event_destinations.create", (s) => s.v2.core.eventDestinations.create({ name: "x", type: "webhook_endpoint", event_payload: "thin", enabled_events: ["*"] })],
  ["ephemeral_keys.create", (s) => s.ephemeralKeys.create({ customer: "cus_1" }, { apiVersion: "2024-06-20" })],
  ["account_links.create", (s) => s.accountLinks.create({ account: "acct_1", type: "account_onboarding" })],
  ["account_sessions.create", (s) => s.accountSessions.create({ account: "acct_1", components: {} })],
  ["customer_sessions.create", (s) => s.customerSessions.create({ customer: "cus_1", components: { pricing_table: { enabled: true } } })],
  ["billing_portal.sessions.create", (s) => s.billingPortal.sessions.create({ customer: "cus_1" })],
  ["accounts.login_links.create", (s) => s.accounts.createLoginLink("acct_1")],
  ["apps.secrets.find", (s) => s.apps.secrets.find({ name: "x", scope: { type: "account" } })],
  ["terminal.connection_tokens.create", (s) => s.terminal.connectionTokens.create()],
  ["file_links.create", (s) => s.fileLinks.create({ file: "file_1" })],
  ["disputes.close.legacy", (s) => s.rawRequest("POST", "/v1/charges/ch_1/dispute/close")],
];

for (const [name, call] of denied) {
  test(`${name} is denied to a wildcard`, async () => {
    const count = fixtures.upstream.count;
    const error = await thrown(call(sdk(fixtures, "free")));
    assert.ok(error instanceof Stripe.errors.StripePermissionError, error.constructor.name);
    assert.equal(error.code, "operation_denied");
    assert.equal(fixtures.upstream.count, count, "nothing is forwarded");
  });
}

const cost = async (of, run) => Number(nanos((await of.gate.get(`/runs/${run}`)).total_usd)) / 1e9;
const on = (run) => ({ headers: { "x-agent-run-id": run } });

test("an intent counts once: created, updated, confirmed", async () => {
  const client = sdk(emulated, "big");
  const run = newRun();
  const made = await client.paymentIntents.create({ amount: 4000, currency: "usd" }, on(run));
  assert.equal(await cost(emulated, run), 40);
  await client.paymentIntents.update(made.id, { amount: 4500 }, on(run));
  assert.equal(await cost(emulated, run), 45);
  const sure = await client.paymentIntents.confirm(made.id, { payment_method: "pm_card_visa" }, on(run));
  assert.equal(sure.status, "succeeded");
  assert.equal(await cost(emulated, run), 45, "confirming adds nothing");
  await until(() => emulated.upstream.calls.some((sent) => sent.url.startsWith(`/v1/payment_intents/${made.id}?expand[]=latest_charge`)), "its end is asked for");
  await sleep(500);
  assert.equal(await cost(emulated, run), 45, "and takes nothing away");
});

test("a canceled intent gives back what it held", async () => {
  const client = sdk(emulated, "big");
  const run = newRun();
  const made = await client.paymentIntents.create({ amount: 4000, currency: "usd" }, on(run));
  assert.equal(await cost(emulated, run), 40);
  await client.paymentIntents.cancel(made.id, {}, on(run));
  await until(async () => (await cost(emulated, run)) === 0, "the intent's 40 dollars come back");
});

test("an intent from elsewhere counts when it is confirmed", async () => {
  const elsewhere = new Stripe("sk_test_elsewhere", { host: "127.0.0.1", port: emulated.upstream.port, protocol: "http" });
  const made = await elsewhere.paymentIntents.create({ amount: 1500, currency: "usd" });
  const client = sdk(emulated, "big");
  const run = newRun();
  await client.paymentIntents.update(made.id, { metadata: { order: "1" } }, on(run));
  assert.equal(await cost(emulated, run), 0);
  await client.paymentIntents.confirm(made.id, { payment_method: "pm_card_visa" }, on(run));
  assert.equal(await cost(emulated, run), 15);
});

test("charges: authorised nothing, captured what was captured, refunded what remained", async () => {
  const client = sdk(stateful, "big");
  const run = newRun();
  const held = await client.charges.create({ amount: 2000, currency: "usd", source: "tok_visa", capture: false }, on(run));
  assert.equal(await cost(stateful, run), 0);
  await client.charges.capture(held.id, { amount: 1500 }, on(run));
  assert.equal(await cost(stateful, run), 15);
  const paid = await client.charges.create({ amount: 1000, currency: "usd", source: "tok_visa" }, on(run));
  await client.refunds.create({ charge: paid.id, amount: 300 }, on(run));
  await client.refunds.create({ charge: paid.id }, on(run));
  assert.equal(await cost(stateful, run), 35, "15 + 10 + 3 + 7");
});
