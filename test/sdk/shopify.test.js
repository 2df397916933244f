// SPDX-License-Identifier: Apache-2.0
// Shopify's Admin API client through the gate: GraphQL by its root fields, REST beside it. The client throws nothing.
import { createHmac } from "node:crypto";
import { before } from "node:test";

import { createAdminApiClient } from "@shopify/admin-api-client";

import { nanos } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
let serial = 0;
const hookSecret = "hook-secret-of-the-store";
const version = "2026-01";
const client = (key, run) =>
  createAdminApiClient({
    storeDomain: "store.myshopify.com",
    apiVersion: version,
    accessToken: v.token(key, run),
    customFetchApi: (url, init) => fetch(`${v.url}${new URL(url).pathname}${new URL(url).search}`, init), // the store's host is all it can be told
  });

const refund = `mutation Refund($input: RefundInput!) { refundCreate(input: $input) { refund { id } userErrors { message } } }`;
const refundOf = (amount, order = "gid://shopify/Order/1") => ({
  variables: { input: { orderId: order, currency: "USD", transactions: [{ orderId: order, kind: "REFUND", gateway: "x", parentId: "gid://shopify/OrderTransaction/1", amount }] } },
});
const cancel = `mutation ($id: ID!, $refund: Boolean) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true, refund: $refund) { job { id } } }`;

function answer(call) {
  const said = call.text && JSON.parse(call.text);
  if (call.text.includes("breaks")) return [500, { errors: "broke down" }];
  if (call.url.endsWith("/graphql.json")) {
    if (said.query.includes("fails")) return [200, { errors: [{ message: "no" }] }];
    return [200, { data: { shop: { name: "s", accessToken: "shpat_real" }, refundCreate: { refund: { id: `gid://shopify/Refund/${++serial}` } } } }];
  }
  if (call.url.includes("/orders.json")) return [200, { orders: [] }, { link: `<https://your-store.myshopify.com/admin/api/${version}/orders.json?page_info=abc&limit=1>; rel="next"` }];
  if (call.method === "POST" && call.url.includes("/refunds.json")) return [201, { refund: { id: 5, order_id: 1 } }];
  if (call.method === "POST" && call.url.includes("/draft_orders.json")) return [201, { draft_order: { id: 7 } }];
  if (call.method === "POST" && call.url.includes("/gift_cards.json")) return [201, { gift_card: { id: 6 } }];
}

before(async () => {
  v = await startVendor("shopify", {
    credential: { hook_secret: hookSecret },
    answer,
    policies: {
      refunds: { allow: ["shopify.graphql.refunds.create", "shopify.graphql.read"] },
      one: { allow: ["shopify.*"], scopes: { "shopify.order": ["1"] } },
      small: { allow: ["shopify.*"], parameters: { "shopify.graphql.refunds.create": { "input.transactions.amount": { max: 5 } } } },
    },
    keys: {
      refunds: { policy: "refunds" },
      one: { policy: "one" },
      small: { policy: "small" },
      day: { budgets: [{ limit: "10 usd", window: "day" }] },
      worth: { budgets: [{ limit: "1000 usd", window: "day" }] },
      rest: { budgets: [{ limit: "10 usd", window: "day" }] },
      store: { budgets: [{ limit: "3 requests", window: "run", operation: "shopify.graphql.orders.cancel" }] },
    },
  });
}, { timeout: 60_000 });

test("a query goes through: secret swapped, a token in the answer hidden", async () => {
  const said = await client("free").request("query { shop { name accessToken } }");
  assert.deepEqual(said.data.shop, { name: "s", accessToken: "[hidden by tollgate]" });
  v.carries(v.upstream.last(), "x-shopify-access-token");
  assert.equal(v.upstream.last().url, `/admin/api/${version}/graphql.json`);
});

test("a refund is named by its root field, priced by its variables", async () => {
  const row = await v.row((run) => client("refunds", run).request(refund, refundOf("4.50")));
  assert.equal(row.operation, "shopify.graphql.refunds.create");
  assert.equal(nanos(row.cost_usd), 4_500_000_000n);
  assert.match(JSON.stringify(row.scopes), /"shopify\.order":(\["1"\]|"1")/);
});

test("an answer with errors alone cost nothing", async () => {
  const row = await v.row((run) => client("refunds", run).request(refund.replace("Refund(", "fails("), refundOf("4.50")));
  assert.equal(nanos(row.cost_usd), 0n);
});

async function refusedWith(call, code) {
  const count = v.upstream.count;
  const said = await call();
  assert.ok(said.errors, JSON.stringify(said));
  assert.equal(said.data, undefined);
  assert.equal(v.upstream.count, count, "nothing is forwarded");
  assert.equal((await v.gate.calls())[0].denied, code);
  return said.errors;
}

test("a refusal surfaces as the client's errors", async () => {
  const errors = await refusedWith(() => client("refunds").request(cancel, { variables: { id: "gid://shopify/Order/1" } }), "operation_denied");
  assert.equal(errors.networkStatusCode, 403);
  await refusedWith(() => client("free").request("mutation { bulkOperationRunMutation(mutation: \"x\", stagedUploadPath: \"y\") { job { id } } }"), "operation_denied");
});

test("two mutations, hidden ones and secrets under another name do not pass", async () => {
  const two = "mutation { a: orderClose(input: {id: \"1\"}) { order { id } } b: orderCancel(orderId: \"1\", reason: OTHER, restock: true) { job { id } } }";
  await refusedWith(() => client("free").request(two), "not_canonical");
  await refusedWith(() => client("free").request(`query Q { shop { name } } ${refund}`, refundOf("1")), "not_canonical");
  await refusedWith(() => client("refunds").request("query { shop { x: accessToken } }"), "not_canonical");
  await refusedWith(() => client("free").request("mutation { ...F } fragment F on Mutation { delegateAccessTokenCreate(input: {}) { userErrors { message } } }"), "operation_denied");
});

test("a pinned order: another, or none, is refused", async () => {
  assert.ok((await client("one").request(refund, refundOf("1"))).data);
  await refusedWith(() => client("one").request(refund, refundOf("1", "gid://shopify/Order/2")), "scope_denied");
  await refusedWith(() => client("one").request("mutation { giftCardCreate(input: {initialValue: \"5\"}) { giftCard { id } } }"), "scope_denied");
});

test("a policy bounds what stands in variables by its plain name", async () => {
  assert.ok((await client("small").request(refund, refundOf("5.00"))).data);
  await refusedWith(() => client("small").request(refund, refundOf("5.01")), "parameter_denied");
});

test("the cap in dollars holds under concurrency", async () => {
  const count = v.upstream.count;
  const all = await Promise.all(Array.from({ length: 20 }, () => client("day").request(refund, refundOf("2.50"))));
  assert.equal(all.filter((one) => one.data).length, 4);
  assert.equal(v.upstream.count - count, 4);
  await refusedWith(() => client("day").request("mutation { draftOrderComplete(id: \"gid://shopify/DraftOrder/1\") { draftOrder { id } } }"), "price_unknown");
});

test("S-26: a loop that cancels every order is stopped by a count per run", async () => {
  const run = newRun();
  let cancelled = 0;
  for (let i = 1; i <= 10; i++) {
    const said = await client("store", run).request(cancel, { variables: { id: `gid://shopify/Order/${i}`, refund: false } });
    if (said.data) cancelled++;
    else assert.equal((await v.gate.calls())[0].denied, "budget_exceeded");
  }
  assert.equal(cancelled, 3);
  assert.ok((await client("store", run).request("query { shop { name } }")).data, "reads go on");
  assert.ok((await client("store", newRun()).request(cancel, { variables: { id: "gid://shopify/Order/11", refund: false } })).data, "another run");
});

test("a discount takes money away: what it is worth is not known", async () => {
  const one = client("worth");
  const draft = (input) => one.request("mutation ($input: DraftOrderInput!) { draftOrderCreate(input: $input) { draftOrder { id } } }", { variables: { input } });
  const off = { valueType: "PERCENTAGE", value: 100 };
  assert.ok((await draft({ lineItems: [{ variantId: "gid://shopify/ProductVariant/1", quantity: 1 }] })).data);
  await refusedWith(() => draft({ appliedDiscount: off, lineItems: [] }), "price_unknown");
  await refusedWith(() => draft({ lineItems: [{ variantId: "gid://shopify/ProductVariant/1", quantity: 1, appliedDiscount: off }] }), "price_unknown");
  await refusedWith(() => draft({ lineItems: [{ variantId: "gid://shopify/ProductVariant/1", quantity: 1, priceOverride: { amount: "0", currencyCode: "USD" } }] }), "price_unknown");
  const code = { basicCodeDiscount: { title: "all", code: "ALL" } };
  for (const name of ["discountCodeBasicCreate", "discountAutomaticBasicCreate"])
    await refusedWith(() => one.request(`mutation ($in: Input!) { ${name}(basicCodeDiscount: $in) { userErrors { message } } }`, { variables: { in: code } }), "price_unknown");
  await refusedWith(() => one.request("mutation ($in: Input!) { discountCodeBasicUpdate(id: \"1\", basicCodeDiscount: $in) { userErrors { message } } }", { variables: { in: code } }), "price_unknown");
  assert.ok((await one.request("mutation { discountCodeDelete(id: \"1\") { deletedCodeDiscountId } }")).data);
  assert.equal((await rest("worth", "POST", "/price_rules.json", { price_rule: { value: "-100.0", value_type: "percentage" } })).status, 422);
  assert.equal((await rest("worth", "POST", "/price_rules/1/discount_codes.json", { discount_code: { code: "ALL" } })).status, 422);
  assert.equal((await rest("worth", "POST", "/draft_orders.json", { draft_order: { applied_discount: { value: "100", value_type: "percentage" }, line_items: [] } })).status, 422);
  assert.equal((await rest("worth", "PUT", "/draft_orders/1.json", { draft_order: { line_items: [{ variant_id: 1, quantity: 1, applied_discount: { value: "9", value_type: "fixed_amount" } }] } })).status, 422);
  assert.equal((await rest("worth", "POST", "/draft_orders.json", { draft_order: { line_items: [{ variant_id: 1, quantity: 1 }] } })).status, 201);
});

async function hook(topic, id, event, secret = hookSecret) {
  const body = JSON.stringify(event);
  const headers = { "x-shopify-hmac-sha256": createHmac("sha256", secret).update(body).digest("base64"), "x-shopify-topic": topic, "x-shopify-webhook-id": id, "content-type": "application/json" };
  return (await fetch(`${v.gate.url}/hooks/shopify/shopify-main`, { method: "POST", headers, body })).status;
}

test("the store's event of a refund stands with the call that made it, once", async () => {
  const row = await v.row((run) => client("free", run).request(refund, refundOf("1.00")));
  assert.equal(row.upstream_object_id, `gid://shopify/Refund/${serial}`);
  const event = { id: serial, admin_graphql_api_id: row.upstream_object_id, order_id: 1 };
  assert.equal(await hook("refunds/create", "w1", event, "another"), 401);
  assert.equal(await hook("refunds/create", "w1", event), 200);
  assert.equal(await hook("refunds/create", "w1", event), 200, "told again");
  const { events } = await until(async () => {
    const call = await v.gate.call(row.id);
    return call.events?.length && call;
  }, "the event");
  assert.equal(events.length, 1, "taken once");
  assert.equal(events[0].outcome, "refund");
});

const rest = (key, method, path, body) =>
  fetch(`${v.url}/admin/api/${version}${path}`, { method, headers: { "x-shopify-access-token": v.token(key), "content-type": "application/json" }, body: body && JSON.stringify(body) });

test("REST: refunds and gift cards are priced, paging stays inside the gate", async () => {
  const list = await rest("free", "GET", "/orders.json?limit=1");
  assert.equal(list.headers.get("link"), `<${v.url}/admin/api/${version}/orders.json?page_info=abc&limit=1>; rel="next"`);
  const said = await rest("rest", "POST", "/orders/1/refunds.json", { refund: { currency: "USD", transactions: [{ amount: "1.25", kind: "refund" }, { amount: "0.50", kind: "refund" }] } });
  assert.equal(said.status, 201);
  const [row] = await v.gate.calls();
  assert.equal(nanos(row.cost_usd), 1_750_000_000n);
  assert.equal(row.upstream_object_id, "5");
  assert.equal((await rest("rest", "POST", "/gift_cards.json", { gift_card: { initial_value: "100.00" } })).status, 402);
  assert.equal((await rest("rest", "POST", "/webhooks.json", { webhook: {} })).status, 403);
});

test("the vendor breaks down: a draft is not in doubt and may be asked again, one with a discount is in doubt", async () => {
  const post = async (path, once, body) => {
    const run = newRun();
    const headers = { "x-shopify-access-token": v.token("free", run), "content-type": "application/json", "idempotency-key": once };
    const { status } = await fetch(`${v.url}/admin/api/${version}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { status, verdict: (await v.gate.calls({ run }))[0].verdict };
  };
  const rest = (more) => ["/draft_orders.json", `rest-${JSON.stringify(more)}`, { draft_order: { note: "breaks", line_items: [{ variant_id: 1, quantity: 1, ...more }] } }];
  const field = (more) => [
    "/graphql.json",
    `field-${JSON.stringify(more)}`,
    { query: "mutation ($input: DraftOrderInput!) { draftOrderCreate(input: $input) { draftOrder { id } } }", variables: { input: { note: "breaks", lineItems: [{ variantId: "1", quantity: 1, ...more }] } } },
  ];
  for (const free of [rest({}), field({})]) {
    const count = v.upstream.count;
    assert.deepEqual(await post(...free), { status: 500, verdict: "allowed" });
    assert.deepEqual(await post(...free), { status: 500, verdict: "allowed" });
    assert.equal(v.upstream.count, count + 2, "asked again");
  }
  assert.equal((await post(...rest({ applied_discount: { value: "9", value_type: "fixed_amount" } }))).verdict, "in_doubt");
  assert.equal((await post(...field({ appliedDiscount: { value: 9, valueType: "FIXED_AMOUNT" } }))).verdict, "in_doubt");
});
