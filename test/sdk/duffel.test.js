// SPDX-License-Identifier: Apache-2.0
// The official Duffel SDK through the gate. It drops what stands before the path, so that its calls come bare: the key tells the vendor.
import { before } from "node:test";

import { Duffel, DuffelError } from "@duffel/api";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const dollar = 1_000_000_000n;
const sdk = (key, run) => new Duffel({ token: v.token(key, run), basePath: v.gate.url });
const order = (amount, more = {}) => ({ type: "instant", selected_offers: ["off_1"], passengers: [], payments: [{ type: "balance", amount, currency: "USD" }], ...more });

before(async () => {
  v = await startVendor("duffel", {
    answer(call) {
      const data = call.text ? JSON.parse(call.text).data : {};
      if (call.method === "POST" && call.url === "/air/orders") return [201, { data: { id: "ord_1", offer_id: "off_1", total_amount: data.payments?.[0]?.amount ?? "0", total_currency: "USD" } }];
      if (call.method === "POST" && call.url === "/air/payments") return [200, { data: { id: "pay_1", amount: data.payment.amount, currency: data.payment.currency, status: "succeeded" } }];
      if (call.url.startsWith("/air/offer_requests")) return [200, { data: { id: "orq_1", offers: [] } }];
      if (call.url === "/stays/quotes/quo_1") return [200, { data: { id: "quo_1", total_amount: "250.00", total_currency: "USD" } }];
      if (call.method === "POST" && call.url === "/stays/bookings") return [200, { data: { id: "bok_1" } }];
      if (call.method === "POST" && call.url === "/payments/refunds") return [200, { data: { id: "ref_1" } }];
      if (call.url.startsWith("/air/airlines")) return [200, { data: [], meta: { after: null } }];
    },
    policies: {
      search: { allow: ["duffel.offer_requests.*", "duffel.offers.*"] },
      holds: { allow: ["duffel.*"], parameters: { "duffel.orders.create": { "data.type": ["hold"] } } },
      mine: { allow: ["duffel.*"], scopes: { "duffel.order": ["ord_1"] } },
    },
    keys: {
      search: { policy: "search" },
      holds: { policy: "holds" },
      mine: { policy: "mine" },
      day: { budgets: [{ limit: "10000 usd", window: "day" }] },
      cap: { budgets: [{ limit: "2100.70 usd", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("an order goes through: secret swapped, its payment counted", async () => {
  const row = await v.row((run) => sdk("day", run).orders.create(order("90.80")));
  v.carries(v.upstream.last());
  assert.equal(v.upstream.last().url, "/air/orders");
  assert.equal(v.upstream.last().headers["duffel-version"], "v2");
  assert.equal(row.operation, "duffel.orders.create");
  assert.equal(nanos(row.cost_usd), 90_800_000_000n);
  assert.equal(row.upstream_object_id, "ord_1");
});

test("several payments add up; a hold costs nothing until it is paid", async () => {
  const both = [{ type: "balance", amount: "10.25", currency: "USD" }, { type: "balance", amount: "5.50", currency: "USD" }];
  const split = await v.row((run) => sdk("day", run).orders.create(order("0", { payments: both })));
  assert.equal(nanos(split.cost_usd), 15_750_000_000n);
  const hold = await v.row((run) => sdk("day", run).orders.create(order("0", { type: "hold", payments: undefined })));
  assert.equal(nanos(hold.cost_usd), 0n);
  await v.refused(() => sdk("day").orders.create(order("0", { payments: undefined })), "price_unknown");
  const paid = await v.row((run) => sdk("day", run).payments.create({ order_id: "ord_1", payment: { type: "balance", amount: "30.20", currency: "USD" } }));
  assert.equal(nanos(paid.cost_usd), 30_200_000_000n);
});

test("currencies without a rate have no price", async () => {
  await v.refused(() => sdk("day").orders.create(order("0", { payments: [{ type: "balance", amount: "1.00", currency: "GBP" }] })), "price_unknown");
});

test("not allowed: a DuffelError with status 403", async () => {
  await sdk("search").offerRequests.create({ slices: [], passengers: [], cabin_class: "economy" });
  const error = await v.refused(() => sdk("search").orders.create(order("90.80")), "operation_denied");
  assert.ok(error instanceof DuffelError);
  assert.equal(error.meta.status, 403);
  assert.equal(error.errors[0].code, "operation_denied");
  assert.match(error.errors[0].message, /duffel\.orders\.create/);
});

test("a cap is exact: 20 orders of 300.10 at once, 7 fit into 2100.70", async () => {
  await v.capHolds({ fits: 7, call: () => sdk("cap").orders.create(order("300.10")) });
  await v.refused(() => sdk("cap").orders.create(order("0.01")), "budget_exceeded");
});

test("rules of a policy: holds only, one order only", async () => {
  await sdk("holds").orders.create(order("0", { type: "hold", payments: undefined }));
  await v.refused(() => sdk("holds").orders.create(order("90.80")), "parameter_denied");
  await sdk("mine").payments.create({ order_id: "ord_1", payment: { type: "balance", amount: "1.00", currency: "USD" } });
  await v.refused(() => sdk("mine").payments.create({ order_id: "ord_2", payment: { type: "balance", amount: "1.00", currency: "USD" } }), "scope_denied");
});

test("a room costs what its quote says, which is read first", async () => {
  const row = await v.row((run) => sdk("day", run).stays.bookings.create({ quote_id: "quo_1", guests: [], email: "a@example.org", phone_number: "+15550100" }));
  assert.equal(nanos(row.cost_usd), 250n * dollar);
  assert.equal(v.upstream.calls.at(-2).url, "/stays/quotes/quo_1");
  await v.refused(() => sdk("day").stays.bookings.create({ quote_id: "quo_2", guests: [] }), "price_unknown", { forwarded: 1 });
});

test("a refund to a traveller is spend", async () => {
  const row = await v.row((run) => sdk("day", run).refunds.create({ payment_intent_id: "pit_1", amount: "12.00", currency: "USD" }));
  assert.equal(nanos(row.cost_usd), 12n * dollar);
});

test("links, keys and webhooks are refused whatever the policy says", async () => {
  const one = sdk("free");
  await v.refused(() => one.links.create({ reference: "x", success_url: "https://elsewhere.net" }), "operation_denied");
  await v.refused(() => one.webhooks.create({ url: "https://elsewhere.net", events: [] }), "operation_denied");
});

test("an unknown call is refused", async () => {
  const answer = await fetch(`${v.gate.url}/air/no/such/thing`, { headers: { authorization: `Bearer ${v.token("free")}` } });
  assert.equal(answer.status, 403);
});
