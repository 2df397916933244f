// SPDX-License-Identifier: Apache-2.0
// The official Plaid SDK through the gate: id and secret in header fields or in the body, and never the caller's.
import { before } from "node:test";

import { Configuration, PlaidApi } from "plaid";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { secretOf, startVendor } from "./lib/vendor.js";

let v;
const usd = (n) => BigInt(Math.round(n * 1e9));
const sdk = (key, run) =>
  new PlaidApi(new Configuration({ basePath: v.url, baseOptions: { headers: { "PLAID-CLIENT-ID": "whatever", "PLAID-SECRET": v.token(key, run), "Plaid-Version": "2020-09-14" } } }));
const inBody = () => new PlaidApi(new Configuration({ basePath: v.url, baseOptions: { headers: {} } }));
const transfer = (more = {}) => ({ access_token: "access-1", account_id: "acc_1", authorization_id: "auth_1", amount: "12.34", description: "pay", ...more });

function answer(call) {
  const said = JSON.parse(call.text || "{}");
  if (call.url === "/transfer/create") return [200, { transfer: { id: "tr_1", amount: said.amount, iso_currency_code: "USD" }, request_id: "r" }];
  if (call.url === "/transfer/refund/create") return [200, { refund: { id: "rf_1", amount: said.amount }, request_id: "r" }];
  if (call.url === "/accounts/balance/get") return [200, { accounts: [], item: {}, request_id: "r" }];
  if (call.url === "/payment_initiation/payment/create") return [200, { payment_id: "pay_1", status: "PAYMENT_STATUS_INPUT_NEEDED", request_id: "r" }];
  return [200, { request_id: "r" }];
}

before(async () => {
  v = await startVendor("plaid", {
    answer,
    credential: { key_id: "client-id-0001" },
    policies: {
      reads: { allow: ["plaid.accounts.*"] },
      payees: { allow: ["plaid.*"], scopes: { "plaid.payee": ["acc_1", "recipient_1"] } },
    },
    keys: {
      reads: { policy: "reads" },
      payees: { policy: "payees" },
      cap: { budgets: [{ limit: "90 usd", window: "day" }] },
      day: { budgets: [{ limit: "1000 usd", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a transfer goes through as it was: both halves swapped in the header fields", async () => {
  const row = await v.row((run) => sdk("day", run).transferCreate(transfer()));
  const sent = v.upstream.last();
  v.carries(sent, "plaid-secret");
  assert.equal(sent.headers["plaid-client-id"], "client-id-0001");
  assert.equal(sent.headers["plaid-version"], "2020-09-14");
  assert.deepEqual(JSON.parse(sent.text), transfer());
  assert.equal(row.operation, "plaid.transfer.create");
  assert.equal(nanos(row.cost_usd), usd(12.34));
  assert.deepEqual(row.scopes["plaid.payee"], ["acc_1"]);
  assert.equal(row.upstream_object_id, "tr_1");
});

test("a key in the body leaves it, and with it the caller's own id", async () => {
  await inBody().accountsBalanceGet({ client_id: "whatever", secret: v.token("free"), access_token: "access-1" });
  const sent = v.upstream.last();
  assert.deepEqual(JSON.parse(sent.text), { access_token: "access-1" });
  assert.equal(sent.headers["plaid-secret"], secretOf("plaid"));
  assert.equal(sent.headers["plaid-client-id"], "client-id-0001");
  v.carries(sent, "plaid-secret");
});

test("balances are billed one by one; refunds and payments are counted", async () => {
  const balance = await v.row((run) => sdk("day", run).accountsBalanceGet({ access_token: "access-1" }));
  assert.equal(nanos(balance.cost_usd), usd(0.1));
  const refund = await v.row((run) => sdk("day", run).transferRefundCreate({ transfer_id: "tr_1", amount: "2.00", idempotency_key: "k" }));
  assert.equal(nanos(refund.cost_usd), usd(2));
  await v.refused(() => sdk("day").paymentInitiationPaymentCreate({ recipient_id: "recipient_1", reference: "r", amount: { currency: "XAU", value: 5 } }), "price_unknown");
  await v.refused(() => sdk("day").transferRecurringCreate({ access_token: "a", idempotency_key: "k", account_id: "acc_1", type: "credit", network: "ach", amount: "1.00", description: "d", schedule: {}, user: {} }), "price_unknown");
});

test("a refusal is one call, and reads as Plaid's own", async () => {
  const error = await v.refused(() => sdk("reads").transferCreate(transfer()), "operation_denied");
  assert.equal(error.response.status, 403);
  assert.equal(error.response.data.error_code, "UNAUTHORIZED_ROUTE_ACCESS");
  assert.equal(error.response.data.error_type, "INVALID_REQUEST");
  assert.equal(error.response.data.code, "operation_denied");
  await v.refused(() => sdk("free").processorTokenCreate({ access_token: "a", account_id: "acc_1", processor: "dwolla" }), "operation_denied");
});

test("payees are pinned", async () => {
  await sdk("payees").transferCreate(transfer());
  await v.refused(() => sdk("payees").transferCreate(transfer({ account_id: "acc_2" })), "scope_denied");
});

test("an unknown path is refused", async () => {
  const res = await fetch(`${v.url}/transfer/everything`, { method: "POST", headers: { "plaid-secret": v.token("free"), "content-type": "application/json" }, body: "{}" });
  assert.equal(res.status, 403);
  assert.equal((await res.json()).code, "operation_denied");
});

test("a cap holds for many at once", { timeout: 30_000 }, async () => {
  await v.capHolds({ fits: 7, call: () => sdk("cap").transferCreate(transfer()) });
});
