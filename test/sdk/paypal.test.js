// SPDX-License-Identifier: Apache-2.0
// The official PayPal SDK through the gate. Its address cannot be set: it is led here. It asks for a token first and gets its own key; the real
// token is the gate's, fetched once.
import { before } from "node:test";

import { ledElsewhere } from "./lib/elsewhere.js";
import { nanos } from "./lib/gate.js";
import { assert, newRun, test } from "./lib/test.js";
import { secretOf, startVendor } from "./lib/vendor.js";

const hosts = {};
ledElsewhere(hosts);
const { ApiError, Client, Environment, OrdersController, PaymentsController } = await import("@paypal/paypal-server-sdk");

let v, tokens = 0;
const realToken = "A21-real-token-0001";
const usd = (n) => BigInt(Math.round(n * 1e9));
const sdk = (key, run) => new Client({ clientCredentialsAuthCredentials: { oAuthClientId: "whatever", oAuthClientSecret: v.token(key, run) }, environment: Environment.Production, timeout: 0 });
const money = (value, currencyCode = "USD") => ({ currencyCode, value });
const order = (...values) => ({ body: { intent: "CAPTURE", purchaseUnits: values.map((value, i) => ({ referenceId: `${i}`, amount: money(value) })) }, prefer: "return=minimal" });
const raw = (key, method, path, body, more = {}) => fetch(v.url + path, { method, headers: { authorization: `Bearer ${v.token(key)}`, "content-type": "application/json", ...more }, body: body && JSON.stringify(body) });

/** The row of what `call` does, beside that of the SDK's own question for a token. */
async function rowOf(call) {
  const run = newRun();
  await call(run);
  const rows = (await v.gate.calls({ run })).filter((row) => row.operation !== "paypal.tokens.create");
  assert.equal(rows.length, 1, "one row");
  return rows[0];
}

let made = 0;
const orders = new Map();
function answer(call) {
  if (call.url === "/v1/oauth2/token") {
    tokens++;
    return [200, { access_token: realToken, token_type: "Bearer", expires_in: 32400, scope: "x" }];
  }
  const said = call.text ? JSON.parse(call.text) : {};
  const read = /^\/v2\/checkout\/orders\/([^/]*)(\/capture)?$/.exec(call.url);
  if (call.url === "/v2/checkout/orders") {
    const id = `O-${++made}`;
    orders.set(id, said.purchase_units);
    return [201, { id, status: "CREATED", links: [{ href: `https://api-m.paypal.com/v2/checkout/orders/${id}`, rel: "self", method: "GET" }, { href: `https://www.paypal.com/checkoutnow?token=${id}`, rel: "approve", method: "GET" }] }];
  }
  if (read) {
    const units = orders.get(read[1]) ?? [{ amount: { currency_code: "USD", value: "40.00" } }];
    return [read[2] ? 201 : 200, { id: read[1], status: read[2] ? "COMPLETED" : "APPROVED", purchase_units: units, payer: { payer_id: "PAYER1" } }];
  }
  if (call.url === "/v2/payments/captures/C-1") return [200, { id: "C-1", amount: { currency_code: "USD", value: "25.00" } }];
  if (call.url === "/v2/payments/captures/C-1/refund") return [201, { id: "R-1", status: "COMPLETED", amount: said.amount ?? { currency_code: "USD", value: "25.00" } }];
  if (call.url === "/v1/payments/payouts") return [201, { batch_header: { payout_batch_id: "P-1", batch_status: "PENDING" }, links: [] }];
}

before(async () => {
  v = await startVendor("paypal", {
    answer,
    credential: { key_id: "client-id-0001" },
    policies: {
      reads: { allow: ["paypal.orders.retrieve"] },
      payees: { allow: ["paypal.*"], scopes: { "paypal.receiver": ["a@example.org"] } },
    },
    keys: {
      reads: { policy: "reads" },
      payees: { policy: "payees" },
      day: { budgets: [{ limit: "10000 usd", window: "day" }] },
      cap: { budgets: [{ limit: "90 usd", window: "day" }] },
    },
  });
  hosts["api-m.paypal.com"] = v.url;
}, { timeout: 60_000 });

/** The gate's token, and neither the key, the secret nor the caller's token. */
function carriesToken(call) {
  assert.equal(call.headers.authorization, `Bearer ${realToken}`);
  const all = [call.url, call.text, ...call.rawHeaders].join("\n");
  assert.ok(!/key-of-/.test(all) && !all.includes(secretOf("paypal")));
}

test("an order goes through: a token of the gate's, fetched once with the real secret", async () => {
  const row = await rowOf(async (run) => {
    const { result } = await new OrdersController(sdk("day", run)).createOrder(order("12.34", "5.00"));
    assert.equal(result.id, "O-1");
    assert.equal(result.links[0].href, `${v.url}/v2/checkout/orders/O-1`, "links lead back through the gate");
    assert.match(result.links[1].href, /^https:\/\/www\.paypal\.com\//);
  });
  const sent = v.upstream.last();
  carriesToken(sent);
  assert.equal(sent.url, "/v2/checkout/orders");
  assert.equal(sent.headers.prefer, "return=minimal");
  assert.deepEqual(JSON.parse(sent.text).purchase_units[0].amount, { currency_code: "USD", value: "12.34" });
  assert.equal(row.operation, "paypal.orders.create");
  assert.equal(nanos(row.cost_usd), usd(17.34));
  const login = v.upstream.calls.find((call) => call.url === "/v1/oauth2/token");
  assert.equal(Buffer.from(login.headers.authorization.slice(6), "base64").toString(), `client-id-0001:${secretOf("paypal")}`);
  assert.equal(login.text, "grant_type=client_credentials");
  await new OrdersController(sdk("day")).getOrder({ id: "O-1" });
  assert.equal(tokens, 1, "it is kept");
});

test("the SDK's token is its own key", async () => {
  const count = v.upstream.count;
  const res = await fetch(`${v.url}/v1/oauth2/token`, { method: "POST", headers: { authorization: `Basic ${Buffer.from(`whatever:${v.token("free")}`).toString("base64")}`, "content-type": "application/x-www-form-urlencoded" }, body: "grant_type=client_credentials" });
  assert.equal(res.status, 200);
  const said = await res.json();
  assert.equal(said.access_token, v.token("free"));
  assert.equal(said.token_type, "Bearer");
  assert.equal(v.upstream.count, count, "nothing is forwarded");
});

test("a capture counts what its order did not count here", async () => {
  const controller = new OrdersController(sdk("day"));
  const { result } = await controller.createOrder(order("30.00"));
  const counted = await rowOf((run) => new OrdersController(sdk("day", run)).captureOrder({ id: result.id, prefer: "return=minimal" }));
  assert.equal(nanos(counted.cost_usd), 0n, "the order did");
  const foreign = await rowOf((run) => new OrdersController(sdk("day", run)).captureOrder({ id: "O-elsewhere", prefer: "return=minimal" }));
  assert.equal(nanos(foreign.cost_usd), usd(40), "made elsewhere: it is read first");
});

test("a refund without an amount is as large as its capture", async () => {
  const row = await rowOf((run) => new PaymentsController(sdk("day", run)).refundCapturedPayment({ captureId: "C-1", prefer: "return=minimal" }));
  assert.equal(nanos(row.cost_usd), usd(25));
  const part = await rowOf((run) => new PaymentsController(sdk("day", run)).refundCapturedPayment({ captureId: "C-1", prefer: "return=minimal", body: { amount: money("3.00") } }));
  assert.equal(nanos(part.cost_usd), usd(3));
});

test("payouts add up their items, to receivers that are pinned", async () => {
  const items = (...list) => ({ sender_batch_header: { sender_batch_id: "b" }, items: list.map(([receiver, value]) => ({ recipient_type: "EMAIL", receiver, amount: { value, currency: "USD" } })) });
  assert.equal((await raw("day", "POST", "/v1/payments/payouts", items(["a@example.org", "1.00"], ["b@example.org", "2.50"]))).status, 201);
  const [row] = await v.gate.calls({ key: "day" });
  assert.equal(nanos(row.cost_usd), usd(3.5));
  assert.equal((await raw("payees", "POST", "/v1/payments/payouts", items(["a@example.org", "1.00"]))).status, 201);
  const res = await raw("payees", "POST", "/v1/payments/payouts", items(["a@example.org", "1.00"], ["b@example.org", "2.50"]));
  assert.equal(res.status, 403);
  assert.equal((await res.json()).details[0].issue, "scope_denied");
});

test("a refusal is the SDK's own exception, once", async () => {
  await new OrdersController(sdk("reads")).getOrder({ id: "O-1" });
  const client = sdk("reads");
  const count = v.upstream.count;
  const error = await new OrdersController(client).createOrder(order("1.00")).then(() => null, (thrown) => thrown);
  assert.ok(error instanceof ApiError, `${error}`);
  assert.equal(error.statusCode, 403);
  const said = JSON.parse(error.body);
  assert.equal(said.name, "NOT_AUTHORIZED");
  assert.equal(said.details[0].issue, "operation_denied");
  assert.equal(v.upstream.count, count);
  assert.equal((await raw("free", "POST", "/v2/checkout/everything", {})).status, 403);
  assert.equal((await raw("free", "POST", "/v1/identity/generate-token", {})).status, 403);
  assert.equal((await raw("free", "GET", "/v2/checkout/orders/O-1", null, { "paypal-auth-assertion": "x.y." })).status, 403);
});

test("a cap holds for many at once", { timeout: 30_000 }, async () => {
  const controller = new OrdersController(new Client({ clientCredentialsAuthCredentials: { oAuthClientId: "x", oAuthClientSecret: "x", oAuthToken: { accessToken: v.token("cap"), tokenType: "Bearer", expiry: BigInt(Math.round(Date.now() / 1000) + 3600) } }, environment: Environment.Production, timeout: 0 }));
  await v.capHolds({ fits: 7, call: () => controller.createOrder(order("12.34")) });
});
