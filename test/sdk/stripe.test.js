// SPDX-License-Identifier: Apache-2.0
// The official Stripe SDK through the gate, against two upstreams nobody here wrote.
import { before } from "node:test";

import Stripe from "stripe";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startEmulate, startStripe } from "./lib/mocks.js";
import { minuteStays } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, upstream;
const charge = { amount: 1200, currency: "usd", source: "tok_visa" };

/** host, port and protocol: all that the SDK offers. The path stays bare; the key says whose it is. */
function sdk(name, more = {}, of = gate) {
  return new Stripe(tokenOf(name), { host: "127.0.0.1", port: of.port, protocol: "http", telemetry: false, ...more });
}

before(async () => {
  upstream = await startStripe();
  gate = await startGate(
    config({ stripe: upstream.url }, {
      vendors: { stripe: { settings: { fx: { eur: "1.10" }, fx_margin: "0%" } } },
      policies: {
        charges: { allow: ["stripe.charges.create", "stripe.charges.retrieve"] },
        customer: { allow: ["stripe.*"], scopes: { "stripe.customer": ["cus_mine"] } },
        account: { allow: ["stripe.*"], scopes: { "stripe.account": ["acct_mine"] } },
        small: { allow: ["stripe.*"], parameters: { "stripe.charges.create": { amount: { max: 5000 }, currency: ["usd"] } } },
      },
      keys: [
        key("free", ["stripe-main"]),
        key("charges", ["stripe-main"], { policy: "charges" }),
        key("customer", ["stripe-main"], { policy: "customer" }),
        key("account", ["stripe-main"], { policy: "account" }),
        key("small", ["stripe-main"], { policy: "small" }),
        key("day", ["stripe-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
        key("tight", ["stripe-main"], { budgets: [{ limit: "10 usd", window: "day" }] }),
        key("race", ["stripe-main"], { budgets: [{ limit: "10 usd", window: "day" }] }),
        key("run", ["stripe-main"], { budgets: [{ limit: "20 usd", window: "run" }] }),
        key("rate", ["stripe-main"], { budgets: [{ limit: "2 requests", window: "minute" }] }),
        key("expired", ["stripe-main"], { expires_at: "2020-01-01T00:00:00Z" }),
        key("replay", ["stripe-main"], { budgets: [{ limit: "20 usd", window: "day" }] }),
        key("euro", ["stripe-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
      ],
    }),
  );
});

/** Nothing but the gate's own reads may go up while `fn` runs; what it throws. */
async function refused(fn, reads = 0) {
  const count = upstream.count;
  const error = await thrown(fn());
  const sent = upstream.calls.slice(count);
  assert.equal(sent.length, reads, "nothing is forwarded");
  assert.ok(sent.every((call) => call.method === "GET"));
  return error;
}

test("a charge goes through: secret swapped, run id kept here, row priced", async () => {
  const run = newRun();
  const made = await sdk("day").charges.create(charge, { headers: { "x-agent-run-id": run } });
  assert.equal(made.object, "charge");
  assert.equal(made.amount, 1200);
  const sent = upstream.last();
  assert.equal(sent.headers.authorization, `Bearer ${secrets.stripe}`);
  assert.equal(sent.url, "/v1/charges");
  assert.equal(sent.headers["x-agent-run-id"], undefined);
  assert.equal(sent.headers.host, `127.0.0.1:${upstream.port}`);
  assert.ok(!JSON.stringify(sent.rawHeaders).includes(tokenOf("day")), "our key stays here");
  const [row] = await gate.calls({ run });
  assert.equal(row.operation, "stripe.charges.create");
  assert.equal(row.verdict, "allowed");
  assert.equal(nanos(row.cost_usd), 12_000_000_000n);
  assert.equal(nanos(row.reserved_usd), 12_000_000_000n);
  assert.equal(row.settled, true);
  assert.equal(row.key_name, "day");
  assert.equal(row.status, 200);
  assert.equal(row.upstream_object_id, made.id);
});

test("the SDK's answer carries our headers and Stripe's request id", async () => {
  const made = await sdk("free").charges.create(charge);
  const { headers, requestId } = made.lastResponse;
  assert.match(headers["x-tollgate-call-id"], /^call_/);
  assert.equal(headers["x-tollgate-vendor"], "stripe");
  assert.equal(headers["x-tollgate-attempts"], "1");
  assert.equal(nanos(headers["x-tollgate-cost-usd"]), 12_000_000_000n);
  assert.equal(requestId, upstream.last().answerHeaders["request-id"]);
});

test("telemetry and agent headers of the SDK stay here", async () => {
  const client = sdk("free", { telemetry: true });
  await client.charges.create(charge);
  await client.charges.create(charge);
  const { headers } = upstream.last();
  assert.equal(headers["x-stripe-client-telemetry"], undefined);
  assert.equal(headers["x-stripe-client-user-agent"], undefined);
  assert.ok(headers["stripe-version"]);
  assert.equal(headers["content-type"], "application/x-www-form-urlencoded");
});

test("a prefix through the fetch client", async () => {
  const httpClient = Stripe.createFetchHttpClient((url, init) => {
    const to = new URL(url);
    return fetch(`${gate.url}/stripe${to.pathname}${to.search}`, init);
  });
  const made = await new Stripe(tokenOf("free"), { httpClient }).charges.create(charge);
  assert.equal(made.amount, 1200);
  assert.equal(upstream.last().url, "/v1/charges");
});

test("a prefix, the key and the run id through the authenticator hook", async () => {
  const run = newRun();
  const client = new Stripe(null, {
    host: "127.0.0.1", port: gate.port, protocol: "http",
    authenticator: async (request) => {
      request.headers.Authorization = `Bearer ${tokenOf("free")}`;
      request.headers["x-agent-run-id"] = run;
      request.path = `/stripe${request.path}`;
    },
  });
  assert.equal((await client.charges.create(charge)).amount, 1200);
  assert.equal((await gate.calls({ run })).length, 1);
});

test("the key as user of Basic, as curl sends it", async () => {
  const answer = await fetch(`${gate.url}/stripe/v1/charges`, { headers: { authorization: `Basic ${btoa(`${tokenOf("free")}:`)}` } });
  assert.equal(answer.status, 200);
  assert.equal(upstream.last().headers.authorization, `Bearer ${secrets.stripe}`);
});

test("a payout that is not allowed: StripePermissionError, once", async () => {
  let heard = 0;
  const client = sdk("charges", { maxNetworkRetries: 2 });
  client.on("request", () => heard++);
  const error = await refused(() => client.payouts.create({ amount: 500, currency: "usd" }));
  assert.ok(error instanceof Stripe.errors.StripePermissionError, error.constructor.name);
  assert.equal(heard, 1, "the SDK does not try again");
  assert.equal(error.statusCode, 403);
  assert.equal(error.code, "operation_denied");
  assert.match(error.message, /stripe\.payouts\.create/);
  assert.equal(error.headers["x-tollgate-denied"], "operation_denied");
  assert.equal(error.headers["stripe-should-retry"], "false");
  assert.equal((await gate.calls({ key: "charges", denied: "operation_denied" })).length, 1, "one row: one call");
});

test("an unknown key: StripeAuthenticationError", async () => {
  const client = new Stripe("tg_nobody_knows_this_key_at_all_0000", { host: "127.0.0.1", port: gate.port, protocol: "http" });
  const error = await refused(() => client.charges.create(charge));
  assert.ok(error instanceof Stripe.errors.StripeAuthenticationError, error.constructor.name);
  assert.equal(error.code, "key_unknown");
  assert.equal(error.statusCode, 401);
});

test("an expired key: StripeAuthenticationError", async () => {
  const error = await refused(() => sdk("expired").charges.create(charge));
  assert.ok(error instanceof Stripe.errors.StripeAuthenticationError, error.constructor.name);
  assert.equal(error.code, "key_expired");
});

test("a budget that would be passed: StripePermissionError, once, saying what is left", async () => {
  const client = sdk("tight", { maxNetworkRetries: 2 });
  await client.charges.create({ ...charge, amount: 700 });
  const error = await refused(() => client.charges.create({ ...charge, amount: 301 }));
  assert.ok(error instanceof Stripe.errors.StripePermissionError, error.constructor.name);
  assert.equal(error.statusCode, 403);
  assert.equal(error.code, "budget_exceeded");
  assert.equal(error.headers["x-tollgate-denied"], "budget_exceeded");
  const { tollgate } = error.raw;
  assert.equal(nanos(tollgate.limit), 10_000_000_000n);
  assert.equal(nanos(tollgate.spent), 7_000_000_000n);
  assert.equal(nanos(tollgate.reserved), 0n);
  assert.equal(nanos(tollgate.attempted), 3_010_000_000n);
  assert.match(tollgate.resets_at, /^\d{4}-\d\d-\d\dT00:00:00/);
  const small = await client.charges.create({ ...charge, amount: 300 });
  assert.equal(small.amount, 300, "what still fits goes through");
  assert.equal(nanos(small.lastResponse.headers["x-tollgate-budget-remaining-usd"]), 0n);
});

test("a budget of one run does not touch another", async () => {
  const client = sdk("run");
  const [first, second] = [newRun(), newRun()];
  const on = (run) => ({ headers: { "x-agent-run-id": run } });
  await client.charges.create({ ...charge, amount: 2000 }, on(first));
  const error = await refused(() => client.charges.create({ ...charge, amount: 100 }, on(first)));
  assert.equal(error.code, "budget_exceeded");
  assert.equal((await client.charges.create({ ...charge, amount: 2000 }, on(second))).amount, 2000);
});

test("a rate of ours: StripeRateLimitError with Retry-After", async () => {
  await minuteStays();
  const client = sdk("rate");
  await client.charges.list();
  await client.charges.list();
  const error = await refused(() => client.charges.list());
  assert.ok(error instanceof Stripe.errors.StripeRateLimitError, error.constructor.name);
  assert.equal(error.code, "rate_limited");
  assert.ok(Number(error.headers["retry-after"]) >= 1 && Number(error.headers["retry-after"]) <= 60);
});

test("parameters: an amount above the maximum, a currency not listed", async () => {
  const client = sdk("small");
  assert.equal((await refused(() => client.charges.create({ ...charge, amount: 5001 }))).code, "parameter_denied");
  assert.equal((await refused(() => client.charges.create({ ...charge, amount: 100, currency: "eur" }))).code, "parameter_denied");
  assert.equal((await client.charges.create({ ...charge, amount: 5000 })).amount, 5000);
});

test("currency: converted at the rate of the configuration, unknown ones refused under a money budget", async () => {
  const client = sdk("euro");
  const run = newRun();
  await client.charges.create({ ...charge, amount: 1000, currency: "eur" }, { headers: { "x-agent-run-id": run } });
  const [row] = await gate.calls({ run });
  assert.equal(nanos(row.cost_usd), 11_000_000_000n);
  const error = await refused(() => client.charges.create({ ...charge, currency: "sek" }));
  assert.equal(error.code, "price_unknown");
  assert.equal(error.statusCode, 422);
});

test("a refund is spend of its own; one without an amount is what remains of the charge", async () => {
  const client = sdk("day");
  const run = newRun();
  const on = { headers: { "x-agent-run-id": run } };
  const made = await client.charges.create({ ...charge, amount: 900 }, on);
  const refund = await client.refunds.create({ charge: made.id, amount: 400 }, on);
  assert.equal(refund.amount, 400);
  const bill = await gate.get(`/runs/${run}`);
  assert.equal(nanos(bill.total_usd), 13_000_000_000n, "gross: the charge and the refund");
  const rest = await client.refunds.create({ charge: made.id }, on);
  assert.equal(rest.amount, 500);
  assert.equal(nanos((await gate.get(`/runs/${run}`)).total_usd), 18_000_000_000n);
  const error = await refused(() => client.refunds.create({ charge: "ch_lost" }, on), 1);
  assert.equal(error.code, "price_unknown", "a charge that cannot be read");
});

test("a replayed answer costs nothing", async () => {
  const client = sdk("replay");
  const options = { idempotencyKey: `idem-${newRun()}` };
  const first = await client.charges.create({ ...charge, amount: 800 }, options);
  const second = await client.charges.create({ ...charge, amount: 800 }, options);
  assert.equal(second.id, first.id);
  assert.equal(second.lastResponse.headers["idempotent-replayed"], "true");
  const rows = await gate.calls({ key: "replay" });
  assert.deepEqual(rows.map((row) => [nanos(row.cost_usd), row.replayed]), [[0n, true], [8_000_000_000n, false]]);
  assert.equal((await client.charges.create({ ...charge, amount: 1200 })).amount, 1200, "12 of 20 are left");
});

test("the same idempotency key with another body: StripeIdempotencyError", async () => {
  const client = sdk("free");
  const options = { idempotencyKey: `idem-${newRun()}` };
  await client.charges.create(charge, options);
  const error = await thrown(client.charges.create({ ...charge, amount: 1 + charge.amount }, options));
  assert.ok(error instanceof Stripe.errors.StripeIdempotencyError, error.constructor.name);
});

test("a declined card is Stripe's own answer, byte for byte, and costs nothing", async () => {
  const run = newRun();
  const error = await thrown(sdk("day").charges.create({ ...charge, source: "tok_chargeDeclined" }, { headers: { "x-agent-run-id": run } }));
  assert.ok(error instanceof Stripe.errors.StripeCardError, error.constructor.name);
  assert.equal(error.code, "card_declined");
  const sent = upstream.last();
  const again = await fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("free")}`, "content-type": "application/x-www-form-urlencoded" },
    body: "amount=100&currency=usd&source=tok_chargeDeclined",
  });
  assert.equal(again.status, 402);
  assert.equal(await again.text(), upstream.last().answer.toString());
  assert.equal(sent.status, 402);
  const [row] = await gate.calls({ run });
  assert.equal(nanos(row.cost_usd), 0n);
  assert.equal(row.verdict, "allowed");
  assert.equal(row.status, 402);
});

test("an authorisation costs nothing before it is captured", async () => {
  const client = sdk("day");
  const run = newRun();
  const on = { headers: { "x-agent-run-id": run } };
  const made = await client.charges.create({ ...charge, amount: 1000, capture: false }, on);
  assert.equal(nanos((await gate.calls({ run }))[0].cost_usd), 0n);
  await client.charges.capture(made.id, { amount: 400 }, on);
  assert.equal(nanos((await gate.get(`/runs/${run}`)).total_usd), 4_000_000_000n);
});

test("Stripe-Account reaches Stripe when it may, and only then", async () => {
  await thrown(sdk("free").charges.create(charge, { stripeAccount: "acct_other" })); // the mock knows no such account
  assert.equal(upstream.last().headers["stripe-account"], "acct_other");
  const error = await refused(() => sdk("account").charges.create(charge, { stripeAccount: "acct_other" }));
  assert.equal(error.code, "scope_denied");
  assert.ok(error instanceof Stripe.errors.StripePermissionError, error.constructor.name);
  await thrown(sdk("account").charges.create(charge, { stripeAccount: "acct_mine" }));
  assert.equal(upstream.last().headers["stripe-account"], "acct_mine");
});

test("Stripe-Account and Stripe-Context together are refused", async () => {
  const error = await refused(() => sdk("free").charges.create(charge, { headers: { "Stripe-Account": "acct_a", "Stripe-Context": "acct_b" } }));
  assert.ok(["not_canonical", "bad_request"].includes(error.code), error.code);
});

test("a customer outside the scope, and a call that shows none, are refused", async () => {
  const client = sdk("customer");
  for (const [ask, reads = 0] of [
    [() => client.charges.create({ ...charge, customer: "cus_other" })],
    [() => client.customers.retrieve("cus_other")],
    [() => client.charges.create(charge)],
    [() => client.refunds.create({ charge: "ch_1", amount: 100 }), 1],
    [() => client.customers.list()],
  ]) {
    assert.equal((await refused(ask, reads)).code, "scope_denied");
  }
  const count = upstream.count;
  await client.charges.create({ amount: 100, currency: "usd", customer: "cus_mine" }).catch(() => {});
  assert.equal(upstream.count, count + 1);
});

test("ids that try to leave their place in the path are refused", async () => {
  const client = sdk("charges");
  for (const id of ["../payouts", "..%2Fpayouts", "ch_1/../../payouts"]) {
    const count = upstream.count;
    await thrown(client.charges.retrieve(id));
    const sent = upstream.calls.slice(count);
    assert.ok(sent.every((call) => !call.url.includes("payouts")), JSON.stringify(sent.map((call) => call.url)));
  }
});

test("50 charges of $1 at once against $10: exactly 10 reach Stripe", async () => {
  const client = sdk("race");
  const count = upstream.count;
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => client.charges.create({ ...charge, amount: 100 })));
  const good = results.filter((result) => result.status === "fulfilled");
  const bad = results.filter((result) => result.status === "rejected").map((result) => result.reason);
  assert.equal(good.length, 10);
  assert.equal(upstream.count - count, 10);
  assert.ok(bad.every((error) => error instanceof Stripe.errors.StripePermissionError && error.code === "budget_exceeded"));
  const rows = await gate.calls({ key: "race" });
  assert.equal(rows.length, 50);
  assert.equal(rows.reduce((sum, row) => sum + nanos(row.cost_usd), 0n), 10_000_000_000n);
});

test("emulate: customers, intents and lists work unmodified", { timeout: 60_000 }, async () => {
  const emulate = await startEmulate();
  const other = await startGate(config({ stripe: emulate.stripe.url }, {
    keys: [key("emulate", ["stripe-main"], { budgets: [{ limit: "50 usd", window: "day" }] })],
  }));
  const client = sdk("emulate", {}, other);
  const customer = await client.customers.create({ email: "a@example.com", metadata: { team: "blue", "with space": "ä&=" } });
  assert.match(customer.id, /^cus_/);
  assert.equal(customer.metadata["with space"], "ä&=");
  const intent = await client.paymentIntents.create({ amount: 4000, currency: "usd", customer: customer.id });
  assert.equal(intent.amount, 4000);
  const error = await thrown(client.paymentIntents.create({ amount: 2000, currency: "usd" }));
  assert.equal(error.code, "budget_exceeded", "an intent is reserved when it is made: a browser can confirm it");
  const list = await client.customers.list({ limit: 3, expand: ["data.subscriptions"] });
  assert.equal(list.object, "list");
  assert.equal((await client.customers.retrieve(customer.id)).email, "a@example.com");
});
