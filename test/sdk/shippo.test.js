// SPDX-License-Identifier: Apache-2.0
// The official Shippo SDK through the gate. A label names its rate, and the price stands there: it is read first.
import { before } from "node:test";

import { Shippo } from "shippo";
import { SDKError } from "shippo/models/errors/sdkerror.js";

import { nanos } from "./lib/gate.js";
import { assert, newRun, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const dollar = 1_000_000_000n;
// It sends what it is given as it is, with the scheme in front or without.
const sdk = (key, run, scheme = "ShippoToken ") => new Shippo({ apiKeyHeader: `${scheme}${v.token(key, run)}`, serverURL: v.url });
const label = (one, rate) => one.transactions.create({ rate, labelFileType: "PDF", async: false });

const rates = {
  "rate-usps": { amount: "5.50", currency: "USD", provider: "USPS", shipment: "ship-1", carrier_account: "ca-1", servicelevel: { token: "usps_priority" } },
  "rate-ups": { amount: "20.00", currency: "USD", provider: "UPS", shipment: "ship-2", carrier_account: "ca-2", servicelevel: { token: "ups_ground" } },
  "rate-eur": { amount: "10.00", currency: "EUR", provider: "DHL", shipment: "ship-3", carrier_account: "ca-3", servicelevel: { token: "dhl_express" } },
  "rate-chf": { amount: "10.00", currency: "CHF", provider: "DHL", shipment: "ship-3", carrier_account: "ca-3", servicelevel: { token: "dhl_express" } },
};

function answer(call) {
  const [, rate] = call.url.match(/^\/rates\/([^/?]*)$/) ?? [];
  if (rate && rates[rate]) return [200, { object_id: rate, object_created: "2026-11-21T12:00:00Z", object_owner: "x", amount_local: "0", currency_local: "USD", attributes: [], messages: [], test: true, ...rates[rate] }];
  if (call.method === "POST" && call.url === "/transactions") {
    const body = JSON.parse(call.text);
    const failed = body.metadata === "fails";
    return [201, { object_id: `txn-${body.rate}`, status: failed ? "ERROR" : "SUCCESS", rate: body.rate, object_created: "2026-11-21T12:00:00Z", label_url: "https://shippo-delivery.example/label.pdf", messages: [] }];
  }
  if (call.url === "/shipments") return [200, { object_id: "ship-1" }];
  if (call.text && JSON.parse(call.text).metadata === "breaks") return [500, { detail: "broke down" }];
  if (call.url.startsWith("/addresses")) return [200, { next: "https://api.goshippo.com/addresses?page=2", previous: null, results: [] }];
  if (call.url.startsWith("/refunds")) return [200, { next: null, previous: null, results: [] }];
}

const forwardedLabels = () => v.upstream.calls.filter((call) => call.url === "/transactions").length;

before(async () => {
  v = await startVendor("shippo", {
    answer,
    vendor: { settings: { fx: { eur: "1.10" } } },
    policies: {
      labels: { allow: ["shippo.transactions.create"] },
      usps: { allow: ["shippo.*"], scopes: { "shippo.carrier": ["USPS"] } },
    },
    keys: {
      labels: { policy: "labels" },
      usps: { policy: "usps" },
      day: { budgets: [{ limit: "1000 usd", window: "day" }] },
      cap: { budgets: [{ limit: "140 usd", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a label goes through: secret swapped, priced by its rate", async () => {
  const row = await v.row((run) => label(sdk("day", run), "rate-usps"));
  const [read, sent] = v.upstream.calls.slice(-2);
  assert.equal(read.url, "/rates/rate-usps");
  v.carries(read);
  v.carries(sent);
  assert.equal(sent.headers.authorization, `ShippoToken ${v.secret}`);
  assert.ok(sent.headers["shippo-api-version"]);
  assert.equal(row.operation, "shippo.transactions.create");
  assert.equal(nanos(row.cost_usd), 5_500_000_000n);
  assert.equal(row.upstream_object_id, "txn-rate-usps");
  assert.deepEqual(row.scopes["shippo.carrier"], ["USPS"]);
  assert.deepEqual(row.scopes["shippo.shipment"], ["ship-1"]);
});

test("a rate in another currency; without a rate of exchange there is no price", async () => {
  const row = await v.row((run) => label(sdk("day", run), "rate-eur"));
  assert.ok(nanos(row.reserved_usd) >= 11n * dollar);
  const labels = forwardedLabels();
  await v.refused(() => label(sdk("day"), "rate-chf"), "price_unknown", { forwarded: 1 });
  assert.equal(forwardedLabels(), labels);
});

test("a label that failed costs nothing", async () => {
  const row = await v.row((run) => sdk("day", run).transactions.create({ rate: "rate-ups", metadata: "fails", async: false }));
  assert.equal(nanos(row.cost_usd), 0n);
});

test("a key without a scheme in front", async () => {
  await label(sdk("free", undefined, ""), "rate-usps");
  v.carries(v.upstream.last());
  assert.equal(v.upstream.last().headers.authorization, `ShippoToken ${v.secret}`);
});

test("not allowed: an SDKError with status 403", async () => {
  const error = await v.refused(() => sdk("labels").addresses.list(1), "operation_denied");
  assert.ok(error instanceof SDKError, error.constructor.name);
  assert.equal(error.statusCode, 403);
  assert.match(error.body, /shippo\.addresses\.list/);
});

test("a cap is exact: 20 labels of 20 dollars at once, 7 fit into 140", async () => {
  await label(sdk("day"), "rate-ups"); // its rate is remembered from here on
  await v.capHolds({ fits: 7, call: () => label(sdk("cap"), "rate-ups") });
});

test("whose label: the carrier stands in the rate", async () => {
  await label(sdk("usps"), "rate-usps");
  const labels = forwardedLabels();
  await assert.rejects(() => label(sdk("usps"), "rate-ups"));
  assert.equal((await v.gate.lastCall()).denied, "scope_denied");
  await assert.rejects(() => label(sdk("usps"), "rate-that-is-not-there"));
  assert.equal((await v.gate.lastCall()).denied, "scope_denied");
  assert.equal(forwardedLabels(), labels);
});

test("a label without a rate, a batch and carriers' logins", async () => {
  const one = sdk("day");
  const shipment = { addressFrom: "a", addressTo: "b", parcels: ["p"] };
  await v.refused(() => one.transactions.create({ shipment, carrierAccount: "ca-1", servicelevelToken: "usps_priority" }), "price_unknown");
  const both = await fetch(`${v.url}/transactions`, { method: "POST", headers: { authorization: `ShippoToken ${v.token("day")}`, "content-type": "application/json" }, body: JSON.stringify({ rate: "rate-usps", shipment }) });
  assert.equal((await both.json()).code, "price_unknown", "a rate beside a shipment says two things");
  await v.refused(() => one.batches.purchase("batch-1"), "price_unknown");
  await v.refused(() => sdk("free").carrierAccounts.create({ accountId: "x", carrier: "ups", parameters: { password: "y" } }), "operation_denied");
  await v.refused(() => sdk("free").webhooks.createWebhook({ event: "track_updated", url: "https://elsewhere.net" }), "operation_denied");
});

test("addresses that a shipment is to validate are billed: only a money budget refuses them", async () => {
  const ask = async (key, body) => {
    const answer = await fetch(`${v.url}/shipments`, { method: "POST", headers: { authorization: `ShippoToken ${v.token(key)}`, "content-type": "application/json" }, body: JSON.stringify({ parcels: ["p"], address_from: "a", address_to: "b", ...body }) });
    return [answer.status, (await answer.json()).code];
  };
  for (const side of ["address_from", "address_to", "address_return"]) {
    const validate = (said) => ({ [side]: { country: "DE", validate: said } });
    assert.deepEqual(await ask("free", validate(true)), [200, undefined], side);
    assert.deepEqual(await ask("usps", validate(true)), [200, undefined], `${side}: a shipment has no carrier yet`);
    assert.deepEqual(await ask("day", validate(true)), [422, "price_unknown"], side);
    for (const said of [false, null, undefined]) assert.deepEqual(await ask("day", validate(said)), [200, undefined], `${side}: ${said}`);
    assert.deepEqual(await ask("day", { [side]: "address-1" }), [200, undefined], side);
  }
});

test("links lead back through the gate, and a path may end in a slash where the vendor's does", async () => {
  const page = await sdk("free").addresses.list(1);
  assert.equal(page.next, `${v.url}/addresses?page=2`);
  await sdk("free").refunds.list();
  assert.equal(v.upstream.last().url, "/refunds/");
});

test("an unknown call is refused, and another account's field does not go on", async () => {
  const headers = { authorization: `ShippoToken ${v.token("free")}`, "shippo-account-id": "other" };
  assert.equal((await fetch(`${v.url}/no/such/thing`, { headers })).status, 403);
  assert.equal((await fetch(`${v.url}/addresses`, { headers })).status, 200);
  assert.equal(v.upstream.last().headers["shippo-account-id"], undefined);
});

test("the vendor breaks down: what costs nothing is not in doubt and may be asked again, what is validated is", async () => {
  const post = async (once, body) => {
    const run = newRun();
    const headers = { authorization: `ShippoToken ${v.token("free", run)}`, "content-type": "application/json", "idempotency-key": once };
    const { status } = await fetch(`${v.url}/addresses`, { method: "POST", headers, body: JSON.stringify({ country: "US", metadata: "breaks", ...body }) });
    return { status, row: (await v.gate.calls({ run }))[0] };
  };
  for (const tries of [1, 2]) {
    const { status, row } = await post("an-address", {});
    assert.deepEqual([status, row.verdict, row.repeat_of, tries], [500, "allowed", undefined, tries]);
  }
  const count = v.upstream.count;
  assert.equal((await post("validated", { validate: true })).row.verdict, "in_doubt");
  assert.equal(v.upstream.count, count + 1);
});

test("an address made twice in a step is made twice", async () => {
  const headers = { authorization: `ShippoToken ${v.token("free")}`, "content-type": "application/json", "x-agent-run-id": newRun(), "x-agent-step": "addresses" };
  const count = v.upstream.count;
  for (let i = 0; i < 2; i++) assert.equal((await fetch(`${v.url}/addresses`, { method: "POST", headers, body: JSON.stringify({ country: "US" }) })).status, 200);
  assert.equal(v.upstream.count, count + 2);
});
