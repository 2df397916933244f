// SPDX-License-Identifier: Apache-2.0
// Debian's python3-stripe (5.0.0) through the gate, by path prefix: what works without a gate works, and refusals are its own exceptions.
import { before } from "node:test";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { minuteStays, run } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, upstream;

before(async () => {
  const there = await run("/usr/bin/python3", ["-c", "import stripe.version; print(stripe.version.VERSION)"]);
  assert.equal(there.code, 0, `python3-stripe is missing: run script/setup --tests\n${there.err}`);
  upstream = await startStripe();
  gate = await startGate(config({ stripe: upstream.url }, {
    policies: { charges: { allow: ["stripe.charges.create"] }, pinned: { allow: ["*"], scopes: { "stripe.customer": ["cus_mine"] } } },
    keys: [
      key("free", ["stripe-main"]),
      key("poor", ["stripe-main"], { budgets: [{ limit: "5 usd", window: "day" }] }),
      key("charges", ["stripe-main"], { policy: "charges" }),
      key("pinned", ["stripe-main"], { policy: "pinned" }),
      key("rate", ["stripe-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
    ],
  }));
});

/** Runs lines of Python with `stripe` set up; what `say(...)` was given, or the exception: { class, status, code, body }. */
async function python(name, lines, runId) {
  const script = `
import json, stripe
stripe.api_key = ${JSON.stringify(runId ? `${tokenOf(name)}.${runId}` : tokenOf(name))}
stripe.api_base = ${JSON.stringify(`${gate.url}/stripe`)}
def say(x): print(json.dumps(x))
try:
${lines.map((line) => `    ${line}`).join("\n")}
except stripe.error.StripeError as e:
    say({"class": type(e).__name__, "status": e.http_status, "code": (e.json_body or {}).get("error", {}).get("code"), "message": str(e)})
`;
  const { code, out, err } = await run("/usr/bin/python3", ["-c", script]);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

test("a charge goes through: the secret is swapped, the row is priced", async () => {
  const runId = newRun();
  const made = await python("free", ['c = stripe.Charge.create(amount=1200, currency="usd", source="tok_visa")', "say(c)"], runId);
  assert.equal(made.amount, 1200);
  assert.equal(upstream.last().headers.authorization, `Bearer ${secrets.stripe}`);
  const [row] = await gate.calls({ run: runId });
  assert.equal(nanos(row.cost_usd), 12_000_000_000n);
});

test("a refund without an amount is what remains", async () => {
  const runId = newRun();
  const back = await python("free", [
    'c = stripe.Charge.create(amount=1000, currency="usd", source="tok_visa")',
    "stripe.Refund.create(charge=c.id, amount=300)",
    "say(stripe.Refund.create(charge=c.id))",
  ], runId);
  assert.equal(back.amount, 700);
  assert.equal(nanos((await gate.get(`/runs/${runId}`)).total_usd), 20_000_000_000n);
});

const refusals = [
  ["an operation that is not allowed", "charges", ["stripe.Payout.create(amount=5, currency='usd')"], "PermissionError", 403, "operation_denied"],
  ["a customer that is not allowed", "pinned", ["stripe.Customer.retrieve('cus_other')"], "PermissionError", 403, "scope_denied"],
  ["a cap", "poor", ["stripe.Charge.create(amount=501, currency='usd', source='tok_visa')"], "PermissionError", 403, "budget_exceeded"],
  ["a rate", "rate", ["stripe.Charge.list()", "stripe.Charge.list()"], "RateLimitError", 429, "rate_limited"],
  ["an unknown key", "nobody", ["stripe.Charge.list()"], "AuthenticationError", 401, undefined],
];

for (const [what, name, lines, type, status, code] of refusals) {
  test(`${what}: ${type}`, async () => {
    await minuteStays();
    const count = upstream.count;
    const error = await python(name, lines);
    assert.equal(error.class, type);
    assert.equal(error.status, status);
    if (code) assert.equal(error.code, code);
    assert.equal(upstream.count - count, lines.length - 1, "nothing is forwarded");
  });
}

test("a declined card is Stripe's own answer", async () => {
  const error = await python("free", ["stripe.Charge.create(amount=100, currency='usd', source='tok_chargeDeclined')"]);
  assert.deepEqual([error.class, error.status, error.code], ["CardError", 402, "card_declined"]);
});

test("True is true: an invoice that Stripe collects by itself has no known price", async () => {
  const count = upstream.count;
  const error = await python("poor", ['stripe.Invoice.create(customer="cus_1", auto_advance=True)', 'say({"class": "none"})']);
  assert.equal(error.code, "price_unknown", JSON.stringify(error));
  assert.equal(upstream.count, count, "nothing is forwarded");
  await python("free", ['stripe.Invoice.create(customer="cus_1", auto_advance=True)', 'say({"class": "none"})']);
  assert.equal(upstream.last().text, "customer=cus_1&auto_advance=true");
});

test("nested parameters arrive as they were meant", async () => {
  await python("free", ['say(stripe.Customer.create(email="a@b.example", metadata={"order": "ä b&c=1"}))']);
  assert.match(decodeURIComponent(upstream.last().text), /metadata\[order\]=ä b&c=1/);
});
