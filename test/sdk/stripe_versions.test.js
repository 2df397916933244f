// SPDX-License-Identifier: Apache-2.0
// Four majors of Stripe's SDK: which calls they make, and what they make of each answer (how often they ask, what they throw).
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import Stripe23 from "stripe";
import Stripe14 from "s14";
import Stripe17 from "s17";
import Stripe20 from "s20";

import { config, key, tokenOf } from "./lib/config.js";
import { root, startGate } from "./lib/gate.js";
import { minuteStays, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const majors = { 14: Stripe14, 17: Stripe17, 20: Stripe20, 23: Stripe23 };
const charge = { amount: 100, currency: "usd", source: "tok_visa" };
let gate, upstream, answer;

before(async () => {
  upstream = await startScripted((call, res) => answer(call, res));
  gate = await startGate(config({ stripe: upstream.url }, {
    policies: {
      reads: { allow: ["stripe.charges.retrieve"] },
      pinned: { allow: ["*"], scopes: { "stripe.customer": ["cus_mine"], "stripe.account": ["acct_mine"] } },
      bounded: { allow: ["*"], parameters: { "stripe.charges.create": { amount: { max: 50 } } } },
    },
    keys: [
      key("free", ["stripe-main"]),
      key("reads", ["stripe-main"], { policy: "reads" }),
      key("pinned", ["stripe-main"], { policy: "pinned" }),
      key("bounded", ["stripe-main"], { policy: "bounded" }),
      key("poor", ["stripe-main"], { budgets: [{ limit: "0.50 usd", window: "day" }] }),
      key("rate", ["stripe-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
      key("expired", ["stripe-main"], { expires_at: "2020-01-01T00:00:00Z" }),
      ...Object.keys(majors).map((major) => key(`revoked${major}`, ["stripe-main"])),
      ...Object.keys(majors).map((major) => key(`rate${major}`, ["stripe-main"], { budgets: [{ limit: "1 requests", window: "minute" }] })),
    ],
  }));
});

/** With a run the key carries it: SDKs before 18 have no fields for single calls. */
const sdk = (Stripe, name, run) =>
  new Stripe(run ? `${tokenOf(name)}.${run}` : tokenOf(name), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false, maxNetworkRetries: 2 });
const fine = (call, res) => answerJson(res, 200, { id: "ch_1", object: "charge", amount: 100, amount_captured: 100, captured: true, currency: "usd", status: "succeeded" });

/** What a call came to: the exception, how often the SDK asked the gate, how often Stripe was asked. */
async function outcome(Stripe, name, call) {
  const run = newRun();
  const count = upstream.count;
  const error = await thrown(call(sdk(Stripe, name, run)));
  const rows = await gate.calls({ run });
  return { error, asked: rows.length, sent: upstream.count - count };
}

// ---- calls ----

/** Method and path of all that an SDK can call, from its own sources: "POST /v1/charges/{}". */
function callsOf(name) {
  const calls = new Set();
  const dir = path.join(root, "test/sdk/node_modules", name, "cjs/resources");
  for (const file of fs.readdirSync(dir, { recursive: true })) {
    if (!String(file).endsWith(".js")) continue;
    const text = fs.readFileSync(path.join(dir, String(file)), "utf8");
    for (const [, spec] of text.matchAll(/stripeMethod\(\{(.*?)\}\)/gs)) {
      const [, method] = spec.match(/method: '(\w+)'/) ?? [];
      const [, target] = spec.match(/fullPath:\s*'([^']+)'/) ?? [];
      if (method && target) calls.add(`${method} ${target.replace(/\{[^}]*\}/g, "{}")}`);
    }
    for (const [, method, target] of text.matchAll(/_makeRequest\(\s*'(\w+)',\s*[`']([^`']+)[`']/g)) calls.add(`${method} ${target.replace(/\$\{[^}]*\}/g, "{}")}`);
  }
  return calls;
}

function callsNamed() {
  const text = fs.readFileSync(path.join(root, "vendors/stripe.yaml"), "utf8");
  const operations = text.slice(text.indexOf("\noperations:\n"));
  return new Set([...operations.matchAll(/(?:^  [\w.]+: |call: "?)(GET|POST|DELETE) (\/[^\s",]+)/gm)].map(([, method, target]) => `${method} ${target.replace(/\{[^}]*\}/g, "{}")}`));
}

for (const name of ["s14", "s17", "s20", "stripe"]) {
  test(`every call that ${name} can make is named`, () => {
    const named = callsNamed();
    const calls = callsOf(name);
    assert.ok(calls.size > 400, `${calls.size} calls were found in its sources`);
    assert.deepEqual([...calls].filter((call) => !named.has(call)), []);
    if (name === "stripe") assert.equal(calls.size, 650);
  });
}

// ---- refusals of the gate: one call, one exception ----

const refusals = [
  ["an operation that is not allowed", "reads", 403, "StripePermissionError", "operation_denied", (s) => s.charges.create(charge)],
  ["a customer that is not allowed", "pinned", 403, "StripePermissionError", "scope_denied", (s) => s.charges.create({ ...charge, customer: "cus_other" })],
  ["an account that is not allowed", "pinned", 403, "StripePermissionError", "scope_denied",
    (s) => s.charges.create({ ...charge, customer: "cus_mine" }, { stripeAccount: "acct_other" })],
  ["an amount that is not allowed", "bounded", 403, "StripePermissionError", "parameter_denied", (s) => s.charges.create(charge)],
  ["a cap", "poor", 403, "StripePermissionError", "budget_exceeded", (s) => s.charges.create(charge)],
  ["a cost that is not known", "poor", 422, undefined, "price_unknown", (s) => s.charges.create({ ...charge, currency: "sek" })],
  ["a key that has expired", "expired", 401, "StripeAuthenticationError", undefined, (s) => s.charges.create(charge)],
];

for (const [major, Stripe] of Object.entries(majors)) {
  for (const [what, name, status, type, code, call] of refusals) {
    test(`${major}: ${what}: one call, ${status}`, async () => {
      answer = fine;
      const { error, asked, sent } = await outcome(Stripe, name, call);
      assert.equal(sent, 0, "nothing is forwarded");
      assert.equal(error.statusCode, status, error.message);
      if (type) assert.equal(error.type, type);
      if (code) assert.equal(error.code, code);
      assert.ok(error.message.length > 12, error.message);
      assert.equal(error.headers["stripe-should-retry"], "false");
      if (name !== "expired") assert.equal(asked, 1, "asked once");
    });
  }

  test(`${major}: a rate of ours: StripeRateLimitError, once`, async () => {
    await minuteStays();
    answer = fine;
    const client = sdk(Stripe, `rate${major}`);
    await client.charges.create(charge);
    const { error, asked, sent } = await outcome(Stripe, `rate${major}`, (s) => s.charges.create(charge));
    assert.equal(error.type, "StripeRateLimitError");
    assert.deepEqual([error.code, asked, sent], ["rate_limited", 1, 0]);
  });

  test(`${major}: a revoked key: StripeAuthenticationError`, async () => {
    answer = fine;
    const client = sdk(Stripe, `revoked${major}`);
    await client.charges.create(charge);
    const found = (await gate.get("/keys")).data.find((one) => one.name === `revoked${major}`);
    await gate.post(`/keys/${found.id}/revoke`);
    const error = await thrown(client.charges.create(charge));
    assert.equal(error.type, "StripeAuthenticationError");
    assert.equal(error.statusCode, 401);
  });

  test(`${major}: an idempotency key used for something else: StripeIdempotencyError, once`, async () => {
    answer = fine;
    const client = sdk(Stripe, "free");
    const idempotencyKey = `idem-${newRun()}`;
    await client.charges.create(charge, { idempotencyKey });
    const { error, asked, sent } = await outcome(Stripe, "free", (s) => s.charges.create({ ...charge, amount: 101 }, { idempotencyKey }));
    assert.equal(error.type, "StripeIdempotencyError");
    assert.deepEqual([asked, sent], [1, 0]);
  });
}

// ---- Stripe's own answers: what the SDK makes of them is what it made without a gate ----

const envelope = (more = {}) => ({ error: { type: "invalid_request_error", message: "No, because of a reason.", ...more } });
const answers = [
  [400, envelope(), {}, "StripeInvalidRequestError", 1],
  [400, envelope({ type: "idempotency_error" }), {}, "StripeIdempotencyError", 1],
  [404, envelope({ code: "resource_missing" }), {}, "StripeInvalidRequestError", 1],
  [402, envelope({ type: "card_error", code: "card_declined", decline_code: "do_not_honor" }), {}, "StripeCardError", 1],
  [403, envelope(), {}, "StripePermissionError", 1],
  [422, envelope(), {}, "StripeAPIError", 1],
  [424, envelope(), {}, "StripeAPIError", 1],
  [429, envelope(), {}, "StripeRateLimitError", 1],
  [409, envelope(), {}, "StripeAPIError", 3],
  [500, envelope({ type: "api_error" }), {}, "StripeAPIError", 3],
  [503, envelope({ type: "api_error" }), {}, "StripeAPIError", 3],
  [409, envelope(), { "stripe-should-retry": "false" }, "StripeAPIError", 1],
  [500, envelope({ type: "api_error" }), { "stripe-should-retry": "false" }, "StripeAPIError", 1],
  [403, envelope(), { "stripe-should-retry": "true" }, "StripePermissionError", 3],
  [200, envelope(), {}, "StripeAPIError", 1],
];

for (const [status, body, headers, type, times] of answers) {
  const should = headers["stripe-should-retry"] ? ` and Stripe-Should-Retry: ${headers["stripe-should-retry"]}` : "";
  test(`Stripe says ${status}${body.error.type === "invalid_request_error" ? "" : ` ${body.error.type}`}${should}: ${type}, asked ${times} times`, async () => {
    answer = (call, res) => answerJson(res, status, body, headers);
    const { error, asked } = await outcome(Stripe23, "free", (s) => s.charges.retrieve("ch_1"));
    assert.equal(error.type, type);
    assert.equal(asked, times);
    if (status !== 200) assert.equal(error.statusCode, status);
  });
}

test("Stripe says 401 to the secret of the gate: the agent does not hear of it", async () => {
  answer = (call, res) => answerJson(res, 401, envelope({ message: "Invalid API Key provided: sk_live_****abcd" }));
  const error = await thrown(sdk(Stripe23, "free").charges.retrieve("ch_1"));
  assert.ok(!/sk_live|abcd/.test(JSON.stringify(error.raw ?? {}) + error.message), error.message);
});

test("no JSON at all: StripeAPIError", async () => {
  answer = (call, res) => { res.writeHead(200, { "content-type": "text/html" }); res.end("<html>"); };
  const error = await thrown(sdk(Stripe23, "free").charges.retrieve("ch_1"));
  assert.equal(error.type, "StripeAPIError");
});

test("a broken connection: one exception; the gate finds out under the same key what became of it", { timeout: 60_000 }, async () => {
  let broken = 0;
  answer = (call, res) => (broken++ < 1 ? res.destroy() : fine(call, res));
  const run = newRun();
  const count = upstream.count;
  const error = await thrown(sdk(Stripe23, "free", run).charges.create(charge));
  assert.deepEqual([error.type, error.code], ["StripeAPIError", "upstream_broken"]);
  assert.equal((await gate.calls({ run })).length, 1, "asked once");
  await until(() => upstream.count === count + 2, "the gate asks again", { timeout: 30_000 });
  const [first, second] = upstream.calls.slice(count).map((call) => call.headers["idempotency-key"]);
  assert.ok(first);
  assert.equal(first, second);
});

test("v2: 403 in v2's own shape too", async () => {
  const error = await thrown(sdk(Stripe23, "poor").v2.moneyManagement.outboundPayments.create({
    amount: { value: 1234, currency: "usd" }, from: { currency: "usd", financial_account: "fa_1" }, to: { recipient: "acct_1" } }));
  assert.equal(error.statusCode, 403);
  assert.equal(error.code, "budget_exceeded");
});
