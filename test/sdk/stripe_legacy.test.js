// SPDX-License-Identifier: Apache-2.0
// Older spellings of Stripe's calls: a wildcard does not open them, a policy that names one does, with the same cost and scopes.
import { before } from "node:test";

import Stripe from "s14";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, upstream;

before(async () => {
  upstream = await startStripe();
  gate = await startGate(config({ stripe: upstream.url }, {
    policies: {
      named: { allow: ["stripe.charges.*", "stripe.refunds.create.legacy", "stripe.invoices.*"] },
      pinned: { allow: ["*", "stripe.refunds.create.legacy"], scopes: { "stripe.customer": ["cus_mine"] } },
    },
    keys: [key("wild", ["stripe-main"]), key("named", ["stripe-main"], { policy: "named" }), key("pinned", ["stripe-main"], { policy: "pinned" })],
  }));
});

async function post(name, target, body, run) {
  const answer = await fetch(`${gate.url}/stripe${target}`, {
    method: body === undefined ? "DELETE" : "POST",
    headers: { authorization: `Bearer ${run ? `${tokenOf(name)}.${run}` : tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded" },
    body,
  });
  return { status: answer.status, body: await answer.json() };
}

const writes = ["POST /v1/accounts/acct_1/bank_accounts", "POST /v1/accounts/acct_1/bank_accounts/ba_1", "DELETE /v1/accounts/acct_1/bank_accounts/ba_1",
  "POST /v1/accounts/acct_1/people", "POST /v1/accounts/acct_1/people/person_1", "DELETE /v1/accounts/acct_1/people/person_1",
  "POST /v1/application_fees/fee_1/refund", "POST /v1/charges/ch_1/dispute", "POST /v1/charges/ch_1/dispute/close", "POST /v1/charges/ch_1/refund",
  "POST /v1/charges/ch_1/refunds", "POST /v1/charges/ch_1/refunds/re_1", "POST /v1/customers/cus_1/bank_accounts", "POST /v1/customers/cus_1/bank_accounts/ba_1",
  "DELETE /v1/customers/cus_1/bank_accounts/ba_1", "POST /v1/customers/cus_1/bank_accounts/ba_1/verify", "POST /v1/customers/cus_1/cards",
  "POST /v1/customers/cus_1/cards/card_1", "DELETE /v1/customers/cus_1/cards/card_1", "POST /v1/customers/cus_1/subscriptions",
  "POST /v1/customers/cus_1/subscriptions/sub_1", "DELETE /v1/customers/cus_1/subscriptions/sub_1", "DELETE /v1/customers/cus_1/subscriptions/sub_1/discount",
  "POST /v1/issuing/settlements/ise_1", "POST /v1/link_account_sessions", "POST /v1/linked_accounts/fca_1/disconnect", "POST /v1/linked_accounts/fca_1/refresh",
  "POST /v1/subscription_items/si_1/usage_records"];

test("all 28 are refused by name to a policy that allows everything", async () => {
  assert.equal(writes.length, 28);
  const count = upstream.count;
  for (const call of writes) {
    const [method, target] = call.split(" ");
    const { status, body } = await post("wild", target, method === "POST" ? "a=1" : undefined);
    assert.equal(status, 403, call);
    assert.equal(body.error.code, "operation_denied", call);
    const row = await gate.lastCall();
    assert.match(row.operation ?? "", /^stripe\..*\.legacy$/, call);
  }
  assert.equal(upstream.count, count);
});

test("what is not even an older spelling is unknown", async () => {
  for (const target of ["/v1/account/bank_accounts", "/v1/orders/or_1/pay", "/v1/recipients", "/v1/charges/ch_1/refundz"]) {
    const { status, body } = await post("wild", target, "a=1");
    assert.deepEqual([status, body.error.code], [403, "operation_denied"], target);
  }
});

test("named, an older refund goes through and costs what the newer one costs", async () => {
  const client = new Stripe(tokenOf("named"), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false });
  const made = await client.charges.create({ amount: 1000, currency: "usd", source: "tok_visa" });
  const run = newRun();
  await post("named", `/v1/charges/${made.id}/refunds`, "amount=400", run); // the stand-in knows the path or not: what counts is what is held
  const [row] = await gate.calls({ run });
  assert.equal(row.operation, "stripe.refunds.create.legacy");
  assert.equal(row.verdict, "allowed");
  assert.equal(nanos(row.reserved_usd), 4_000_000_000n);
  assert.equal((await post("named", `/v1/charges/${made.id}/refund`, "amount=400")).body.error.code, "operation_denied", "the other spelling was not named");
});

test("scopes hold for older spellings too", async () => {
  const { status, body } = await post("pinned", "/v1/charges/ch_nothing/refunds", "amount=1");
  assert.deepEqual([status, body.error.code], [403, "scope_denied"]);
});

test("an older major's own call: invoices.retrieveUpcoming is a read with a name", async () => {
  const client = new Stripe(tokenOf("named"), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 });
  await client.invoices.retrieveUpcoming({ customer: "cus_1" }).catch(() => {});
  assert.equal(upstream.last().url, "/v1/invoices/upcoming?customer=cus_1");
  assert.equal((await gate.lastCall()).operation, "stripe.invoices.upcoming.legacy");
});
