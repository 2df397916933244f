// SPDX-License-Identifier: Apache-2.0
// The official Square SDK through the gate. Money is whole numbers of the smallest unit; idempotency keys stand in the body.
import { before } from "node:test";

import { SquareClient, SquareError } from "square";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const dollar = 1_000_000_000n;
const money = (amount, currency = "USD") => ({ amount: BigInt(amount), currency });
let serial = 0;
const payment = (more = {}) => ({ sourceId: "cnon:card-nonce-ok", idempotencyKey: `key-${++serial}`, amountMoney: money(1500), locationId: "L1", ...more });

const sdk = (key, run, more = {}) => new SquareClient({ token: v.token(key, run), baseUrl: v.url, ...more });

function answer(call) {
  const body = call.text ? JSON.parse(call.text) : {};
  if (call.method === "POST" && call.url === "/v2/payments") {
    const total = body.amount_money.amount + (body.tip_money?.amount ?? 0);
    const status = body.source_id === "cnon:fails" ? "FAILED" : "COMPLETED";
    return [200, { payment: { id: `pay-${body.idempotency_key}`, status, amount_money: body.amount_money, total_money: { amount: total, currency: body.amount_money.currency } } }];
  }
  if (call.method === "GET" && call.url === "/v2/payments/pay-of-a") return [200, { payment: { id: "pay-of-a", customer_id: "CUST_A", location_id: "L1" } }];
  if (call.method === "GET" && call.url === "/v2/payments/pay-of-b") return [200, { payment: { id: "pay-of-b", customer_id: "CUST_B", location_id: "L2" } }];
  if (call.method === "POST" && call.url === "/v2/refunds") return [200, { refund: { id: "ref-1", status: "PENDING", amount_money: body.amount_money, payment_id: body.payment_id } }];
  if (call.method === "PUT" && call.url.startsWith("/v2/payments/")) return [200, { payment: { id: call.url.split("/").at(-1) } }];
  if (call.url === "/v2/gift-cards/activities") return [200, { gift_card_activity: { id: "act-1" } }];
  if (call.url === "/v2/webhooks/subscriptions/wh1") return [200, { subscription: { id: "wh1", signature_key: "a-real-signature-key" } }];
  if (call.url === "/v2/customers/CUST_A") return [200, { customer: { id: "CUST_A" } }];
  if (call.method === "PUT" && call.url === "/v2/orders/o1") return [200, { order: { id: "o1" } }];
  if (call.method === "PUT" && call.url === "/v2/invoices/i1") return [200, { invoice: { id: "i1" } }];
  if (call.url === "/v2/terminals/checkouts") return [200, { checkout: { id: "chk-1" } }];
}

before(async () => {
  v = await startVendor("square", {
    answer,
    vendor: { settings: { fx: { eur: "1.10" } } },
    policies: {
      payments: { allow: ["square.payments.create"] },
      inside: { allow: ["square.*"], scopes: { "square.customer": ["CUST_A"], "square.location": ["L1"] } },
      small: { allow: ["square.*"], parameters: { "square.payments.create": { "amount_money.amount": { max: 2000 } } } },
    },
    keys: {
      payments: { policy: "payments" },
      inside: { policy: "inside" },
      small: { policy: "small" },
      day: { budgets: [{ limit: "1000 usd", window: "day" }] },
      cap: { budgets: [{ limit: "70 usd", window: "day" }] },
      net: { budgets: [{ limit: "20 usd", window: "day", refunds: "net" }] },
    },
  });
}, { timeout: 60_000 });

test("a payment goes through: secret swapped, the amount and the tip counted", async () => {
  const row = await v.row((run) => sdk("day", run).payments.create(payment({ tipMoney: money(200) })));
  v.carries(v.upstream.last());
  assert.equal(v.upstream.last().url, "/v2/payments");
  assert.ok(v.upstream.last().headers["square-version"]);
  assert.match(JSON.parse(v.upstream.last().text).idempotency_key, /^key-/);
  assert.equal(row.operation, "square.payments.create");
  assert.equal(nanos(row.cost_usd), 17n * dollar);
  assert.match(row.upstream_object_id, /^pay-key-/);
});

test("other currencies by their own exponent and rate", async () => {
  const row = await v.row((run) => sdk("day", run).payments.create(payment({ amountMoney: money(1000, "EUR") })));
  assert.equal(nanos(row.cost_usd), 11n * dollar);
  assert.ok(nanos(row.reserved_usd) > 11n * dollar, "with a margin");
  await v.refused(() => sdk("day").payments.create(payment({ amountMoney: money(1000, "JPY") })), "price_unknown");
  await v.refused(() => sdk("day").payments.create(payment({ amountMoney: money(1000, "CHF") })), "price_unknown");
});

test("a payment that failed costs nothing", async () => {
  const row = await v.row((run) => sdk("day", run).payments.create(payment({ sourceId: "cnon:fails" })));
  assert.equal(nanos(row.cost_usd), 0n);
});

test("not allowed: a SquareError with status 403, one call", async () => {
  const error = await v.refused(() => sdk("payments").customers.get({ customerId: "CUST_A" }), "operation_denied");
  assert.ok(error instanceof SquareError);
  assert.equal(error.statusCode, 403);
  assert.equal(error.errors[0].code, "FORBIDDEN");
  assert.match(error.errors[0].detail, /square\.customers\.get/);
});

test("an unknown key: 401", async () => {
  const error = await new SquareClient({ token: "EAAA-no-such-key", baseUrl: v.url }).payments.create(payment()).then(() => null, (thrown) => thrown);
  assert.ok(error instanceof SquareError);
  assert.equal(error.statusCode, 401);
});

test("a cap is exact: 20 of 10 dollars at once, 7 fit into 70", async () => {
  await v.capHolds({ fits: 7, call: () => sdk("cap").payments.create(payment({ amountMoney: money(1000) })) });
  const error = await v.refused(() => sdk("cap").payments.create(payment({ amountMoney: money(1) })), "budget_exceeded");
  assert.equal(error.statusCode, 403);
});

test("a parameter rule of a policy", async () => {
  await sdk("small").payments.create(payment({ amountMoney: money(2000) }));
  await v.refused(() => sdk("small").payments.create(payment({ amountMoney: money(2001) })), "parameter_denied");
});

test("fields in another spelling, which a server might take too, are refused", async () => {
  const post = (body) => fetch(`${v.url}/v2/payments`, { method: "POST", headers: { authorization: `Bearer ${v.token("inside")}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  const good = { source_id: "x", idempotency_key: "k", amount_money: { amount: 100, currency: "USD" }, customer_id: "CUST_A", location_id: "L1" };
  for (const more of [{ tipMoney: { amount: 9999, currency: "USD" } }, { amountMoney: { amount: 9999, currency: "USD" } }, { customerId: "CUST_B" }])
    assert.equal((await post({ ...good, ...more })).status, 403, JSON.stringify(more));
  assert.equal((await post(good)).status, 200);
});

test("whose payment: a refund is followed to its customer before it goes out", async () => {
  const one = sdk("inside");
  await one.payments.create(payment({ customerId: "CUST_A" }));
  await v.refused(() => one.payments.create(payment({ customerId: "CUST_B" })), "scope_denied");
  await v.refused(() => one.payments.create(payment({ customerId: "CUST_A", locationId: "L2" })), "scope_denied");
  await v.refused(() => one.payments.create(payment()), "scope_denied");
  const row = await v.row((run) => sdk("inside", run).refunds.refundPayment({ idempotencyKey: "r1", paymentId: "pay-of-a", amountMoney: money(500) }));
  assert.deepEqual(row.scopes["square.customer"], ["CUST_A"]);
  await v.refused(() => one.refunds.refundPayment({ idempotencyKey: "r2", paymentId: "pay-of-b", amountMoney: money(500) }), "scope_denied", { forwarded: 1 });
  await v.refused(() => one.customers.get({ customerId: "CUST_B" }), "scope_denied");
  await one.customers.get({ customerId: "CUST_A" });
});

test("a refund counts down where the budget says so", async () => {
  await sdk("net").payments.create(payment({ amountMoney: money(1900) }));
  await v.refused(() => sdk("net").payments.create(payment({ amountMoney: money(500) })), "budget_exceeded");
  await sdk("net").refunds.refundPayment({ idempotencyKey: "r3", paymentId: "pay-of-a", amountMoney: money(1900) });
  await sdk("net").payments.create(payment({ amountMoney: money(500) }));
});

test("other ways that money goes", async () => {
  const one = sdk("day");
  const loaded = await v.row((run) =>
    sdk("day", run).giftCards.activities.create({ idempotencyKey: "g1", giftCardActivity: { type: "LOAD", locationId: "L1", giftCardId: "gc1", loadActivityDetails: { amountMoney: money(2500) } } }));
  assert.equal(nanos(loaded.cost_usd), 25n * dollar);
  const terminal = await v.row((run) => sdk("day", run).terminal.checkouts.create({ idempotencyKey: "t1", checkout: { amountMoney: money(300), deviceOptions: { deviceId: "d1" } } }));
  assert.equal(nanos(terminal.cost_usd), 3n * dollar);
  await v.refused(() => one.subscriptions.create({ idempotencyKey: "s1", locationId: "L1", customerId: "CUST_A", planVariationId: "p1" }), "price_unknown");
  await v.refused(() => one.invoices.publish({ invoiceId: "inv1", version: 1 }), "price_unknown");
  await v.refused(() => one.disputes.accept({ disputeId: "dp1" }), "price_unknown");
});

test("an amount changed later counts what is more", async () => {
  const client = sdk("cap");
  const made = await sdk("day").payments.create(payment({ autocomplete: false }));
  const row = await v.row((run) => sdk("day", run).payments.update({ paymentId: made.payment.id, idempotencyKey: "u1", payment: { amountMoney: money(2000) } }));
  assert.equal(nanos(row.reserved_usd), 5n * dollar);
  await v.refused(() => client.payments.update({ paymentId: "pay-x", idempotencyKey: "u2", payment: { amountMoney: money(2000) } }), "budget_exceeded");
});

test("an order that may grow has no known cost: a link may charge it", async () => {
  const update = (key, order, more = {}) => sdk(key).orders.update({ orderId: "o1", order: { locationId: "L1", version: 1, ...order }, ...more });
  const dearer = [
    { lineItems: [{ name: "more", quantity: "1", basePriceMoney: money(9999) }] },
    { serviceCharges: [{ name: "more", amountMoney: money(9999), calculationPhase: "SUBTOTAL_PHASE" }] },
    { taxes: [{ name: "more", percentage: "50", scope: "ORDER" }] },
    { discounts: [{ name: "less", percentage: "100", scope: "ORDER" }] },
  ];
  for (const order of dearer) await v.refused(() => update("day", order), "price_unknown");
  await v.refused(() => update("day", {}, { fieldsToClear: ["discounts"] }), "price_unknown");
  await update("day", { state: "CANCELED", metadata: { note: "x" } });
  await update("free", dearer[0]);
});

test("what counts where it stands is not taken in another spelling", async () => {
  const send = async (method, path, body) =>
    (await fetch(`${v.url}${path}`, { method, headers: { authorization: `Bearer ${v.token("free")}`, "content-type": "application/json" }, body: JSON.stringify(body) })).status;
  const count = v.upstream.count;
  const much = { amount: 9999, currency: "USD" };
  assert.equal(await send("PUT", "/v2/payments/pay-of-a", { idempotency_key: "s1", payment: { amountMoney: much } }), 403);
  assert.equal(await send("PUT", "/v2/payments/pay-of-a", { idempotency_key: "s2", payment: { tipMoney: much } }), 403);
  assert.equal(await send("POST", "/v2/terminals/checkouts", { idempotency_key: "s3", checkout: { amount_money: { amount: 1, currency: "USD" }, tipMoney: much } }), 403);
  assert.equal(await send("POST", "/v2/gift-cards/activities", { idempotency_key: "s4", gift_card_activity: { type: "LOAD", loadActivityDetails: { amountMoney: much } } }), 403);
  assert.equal(await send("PUT", "/v2/online-checkout/payment-links/l1", { payment_link: { version: 1, checkoutOptions: { shippingFee: { charge: much } } } }), 403);
  assert.equal(await send("PUT", "/v2/orders/o1", { order: { version: 1, lineItems: [{ quantity: "1" }] } }), 403);
  assert.equal(v.upstream.count, count);
});

test("an order or an invoice that is changed need not name its customer, and where it does it is the key's", async () => {
  const one = sdk("inside");
  await one.orders.update({ orderId: "o1", order: { locationId: "L1", version: 1, state: "CANCELED" } });
  await one.invoices.update({ invoiceId: "i1", invoice: { version: 1, title: "a better one" } });
  await one.orders.update({ orderId: "o1", order: { locationId: "L1", version: 1, customerId: "CUST_A" } });
  await v.refused(() => one.orders.update({ orderId: "o1", order: { locationId: "L1", version: 1, customerId: "CUST_B" } }), "scope_denied");
  await v.refused(() => one.invoices.update({ invoiceId: "i1", invoice: { version: 1, primaryRecipient: { customerId: "CUST_B" } } }), "scope_denied");
});

test("tokens, webhooks and their keys", async () => {
  const one = sdk("free");
  await v.refused(() => one.oAuth.obtainToken({ clientId: "x", clientSecret: "y", grantType: "authorization_code", code: "z" }), "key_unknown"); // it sends no key with it
  await v.refused(() => one.webhooks.subscriptions.create({ subscription: { name: "x", notificationUrl: "https://elsewhere.net" } }), "operation_denied");
  const { subscription } = await one.webhooks.subscriptions.get({ subscriptionId: "wh1" });
  assert.ok(!JSON.stringify(subscription, (_, x) => (typeof x === "bigint" ? String(x) : x)).includes("a-real-signature-key"));
});

test("an unknown call is refused", async () => {
  const count = v.upstream.count;
  const answer = await fetch(`${v.url}/v2/payments/pay-1/no-such-thing`, { method: "POST", headers: { authorization: `Bearer ${v.token("free")}`, "content-type": "application/json" }, body: "{}" });
  assert.equal(answer.status, 403);
  assert.equal(v.upstream.count, count);
});
