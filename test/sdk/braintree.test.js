// SPDX-License-Identifier: Apache-2.0
// Braintree's official SDK through the gate: it is told a host and a port and nothing else, sends JSON and reads XML.
import { before } from "node:test";

import braintree from "braintree";

import { tokenOf } from "./lib/config.js";
import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
function sdk(key, run) {
  const { hostname, port } = new URL(v.gate.url);
  const environment = new braintree.Environment(hostname, port, "", false, hostname, port);
  return new braintree.BraintreeGateway({ environment, merchantId: "m1", publicKey: "any", privateKey: `tg_${v.token(key, run)}` });
}
// Behind Basic's user that is not ours only "tg_" tells a key, where no path says whose SDK it is.
const keyed = (keys) => Object.fromEntries(Object.entries(keys).map(([name, more]) => [name, { token: `tg_${tokenOf(name)}`, ...more }]));
const sale = (amount, more = {}) => ({ amount, paymentMethodNonce: "fake-valid-nonce", customerId: "c1", options: { submitForSettlement: true }, ...more });
const xml = (body) => ["<?xml version=\"1.0\"?>" + body, { "content-type": "application/xml; charset=utf-8" }];

function answer(call, res) {
  if (call.url === "/graphql") return [200, { data: { refundTransaction: { refund: { id: "r1" } }, authorizePaymentMethod: { transaction: { id: "a1" } }, captureTransaction: { transaction: { id: "a1" } } } }];
  if (!call.url.startsWith("/merchants/m1/")) return;
  const id = call.url.endsWith("/refund") ? "t2" : "t1";
  const [body, fields] = xml(`<transaction><id>${id}</id><amount>1.00</amount><status>authorized</status></transaction>`);
  res.writeHead(call.method === "POST" ? 201 : 200, fields);
  res.end(body);
  return true;
}

before(async () => {
  v = await startVendor("braintree", {
    answer,
    credential: { account: "m1", key_id: "public-1" },
    policies: {
      sales: { allow: ["braintree.transactions.create", "braintree.transactions.get"] },
      one: { allow: ["braintree.*"], scopes: { "braintree.customer": ["c1"] } },
    },
    keys: keyed({
      free: {},
      sales: { policy: "sales" },
      one: { policy: "one" },
      day: { budgets: [{ limit: "10 usd", window: "day" }] },
      captures: { budgets: [{ limit: "10 usd", window: "day" }] },
      held: { budgets: [{ limit: "10 usd", window: "day" }] },
    }),
  });
}, { timeout: 60_000 });

test("a sale goes through: secret and public key swapped, priced by its amount", async () => {
  let said;
  const row = await v.row(async (run) => { said = await sdk("sales", run).transaction.sale(sale("4.20")); });
  assert.ok(said.success, JSON.stringify(said));
  assert.equal(said.transaction.id, "t1");
  v.carries(v.upstream.last());
  assert.equal(Buffer.from(v.upstream.last().headers.authorization.slice(6), "base64").toString(), `public-1:${v.secret}`);
  assert.equal(row.operation, "braintree.transactions.create");
  assert.equal(nanos(row.cost_usd), 4_200_000_000n);
});

test("a refusal is the SDK's AuthorizationError", async () => {
  const error = await v.refused(() => sdk("sales").transaction.void("t1"), "operation_denied");
  assert.equal(error.type, "authorizationError");
  await v.refused(() => sdk("free").clientToken.generate({}), "operation_denied");
});

test("a payout without a sale is refused, and another merchant's path", async () => {
  await v.refused(() => sdk("free").transaction.credit(sale("1.00")), "parameter_denied");
  const other = sdk("free");
  other.config.merchantId = "m2";
  await v.refused(() => other.transaction.find("t1"), "scope_denied");
});

test("a pinned customer", async () => {
  await sdk("one").transaction.sale(sale("1.00"));
  await v.refused(() => sdk("one").transaction.sale(sale("1.00", { customerId: "c2" })), "scope_denied");
});

test("the cap holds; what cannot be priced is refused under it", async () => {
  await v.capHolds({ fits: 4, call: () => sdk("day").transaction.sale(sale("2.50")) });
  const error = await v.refused(() => sdk("day").transaction.refund("t1"), "price_unknown");
  assert.equal(error.type, "authorizationError");
  await v.refused(() => sdk("day").transaction.sale(sale("0.01", { merchantAccountId: "eur" })), "price_unknown");
  assert.ok((await sdk("free").transaction.refund("t1", "1.00")).success);
});

test("a capture counts its own amount, whoever authorised it; without one it has no known price", async () => {
  const row = await v.row(async (run) => assert.ok((await sdk("captures", run).transaction.submitForSettlement("t9", "3.00")).success));
  assert.equal(nanos(row.cost_usd), 3_000_000_000n);
  assert.ok((await sdk("captures").transaction.submitForPartialSettlement("t9", "6.50")).success);
  await v.refused(() => sdk("captures").transaction.submitForPartialSettlement("t9", "0.51"), "budget_exceeded");
  await v.refused(() => sdk("captures").transaction.submitForSettlement("t9"), "price_unknown");
  assert.ok((await sdk("free").transaction.submitForSettlement("t9")).success);
});

const graphql = (key, query, input, run) =>
  fetch(`${v.url}/graphql`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`any:tg_${v.token(key, run)}`).toString("base64")}`, "content-type": "application/json", "braintree-version": "2019-01-01" },
    body: JSON.stringify({ query, variables: { input } }),
  });

// Not by the SDK's own client for GraphQL: its target names the server without a port, so it needs a gate at 80 or 443.
test("GraphQL is named and priced by its root field", async () => {
  const query = "mutation ($input: RefundTransactionInput!) { refundTransaction(input: $input) { refund { id } } }";
  const ask = (key, amount, run) => graphql(key, query, { transactionId: "t1", refund: { amount } }, run);
  const row = await v.row(async (run) => assert.equal((await ask("free", "1.50", run)).status, 200));
  assert.equal(row.operation, "braintree.graphql.refund");
  assert.equal(nanos(row.cost_usd), 1_500_000_000n);
  v.carries(v.upstream.last());
  assert.equal((await ask("sales", "1.50")).status, 403);
  assert.equal((await ask("day", "1.50")).status, 403, "over the budget that is used up");
});

test("GraphQL: a capture counts what its authorisation has not", async () => {
  const authorize = "mutation ($input: AuthorizePaymentMethodInput!) { authorizePaymentMethod(input: $input) { transaction { id } } }";
  const capture = "mutation ($input: CaptureTransactionInput!) { captureTransaction(input: $input) { transaction { id } } }";
  const cost = async (call) => nanos((await v.row(async (run) => assert.equal((await call(run)).status, 200))).cost_usd);
  assert.equal(await cost((run) => graphql("held", authorize, { paymentMethodId: "p", transaction: { amount: "4.00" } }, run)), 4_000_000_000n);
  assert.equal(await cost((run) => graphql("held", capture, { transactionId: "a1", transaction: { amount: "4.00" } }, run)), 0n);
  assert.equal(await cost((run) => graphql("held", capture, { transactionId: "a1", transaction: { amount: "5.00" } }, run)), 1_000_000_000n, "more than was authorised");
  const part = "mutation ($input: PartialCaptureTransactionInput!) { partialCaptureTransaction(input: $input) { capture { id } } }";
  assert.equal(await cost((run) => graphql("held", part, { transactionId: "elsewhere", transaction: { amount: "3.00" } }, run)), 3_000_000_000n);
  assert.equal(await cost((run) => graphql("held", part, { transactionId: "elsewhere", transaction: { amount: "2.00" } }, run)), 2_000_000_000n, "and so does the next part");
  assert.equal((await graphql("held", capture, { transactionId: "another", transaction: { amount: "0.01" } })).status, 403);
  assert.equal((await graphql("held", capture, { transactionId: "a1" })).status, 403, "how much is not said");
});
