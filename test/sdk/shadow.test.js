// SPDX-License-Identifier: Apache-2.0
// A policy on trial beside the one in force: no call is decided by it, every difference is in the rows, and the command line sums them up.
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

let gate, upstream;

before(async () => {
  upstream = await startScripted((call, res) => answerJson(res, 200, { id: "ch_1", object: "charge", amount: 100, amount_captured: 100, currency: "usd", captured: true }));
  gate = await startGate(config({ stripe: upstream.url }, {
    policies: {
      now: { allow: ["stripe.charges.*", "stripe.customers.*"] },
      next: { allow: ["stripe.charges.*", "stripe.products.list"], parameters: { "stripe.charges.create": { amount: { max: 500 } } } },
    },
    keys: [
      key("tried", ["stripe-main"], { policy: "now", shadow: "next" }),
      key("dry", ["stripe-main"], { policy: "now", shadow: "next", dry_run: true, budgets: [{ limit: "5 usd", window: "day" }] }),
      key("plain", ["stripe-main"], { policy: "now" }),
    ],
  }));
  const send = async (method, path, body, name = "tried") => {
    const answer = await fetch(`${gate.url}/stripe${path}`, { method, body, headers: { authorization: `Bearer ${tokenOf(name)}`, ...(body ? { "content-type": "application/x-www-form-urlencoded" } : {}) } });
    return answer.status;
  };
  for (let i = 0; i < 3; i++) assert.equal(await send("POST", "/v1/charges", "amount=900&currency=usd&source=tok_visa"), 200);
  assert.equal(await send("POST", "/v1/charges", "amount=100&currency=usd&source=tok_visa"), 200);
  assert.equal(await send("GET", "/v1/customers"), 200);
  assert.equal(await send("GET", "/v1/products"), 403);
  assert.equal(await send("GET", "/v1/payouts"), 403);
  assert.equal(await send("POST", "/v1/charges", "amount=900&currency=usd&source=tok_visa", "plain"), 200);
  assert.equal(await send("POST", "/v1/charges", "amount=900&currency=usd&source=tok_visa", "dry"), 403, "over its budget");
});

describe("a policy on trial", () => {
  test("the rows that differ, and only those, page by page", async () => {
    const rows = await gate.calls({ shadow: "differs", key: "tried" });
    assert.deepEqual(rows.map((row) => [row.operation, row.denied ?? "allowed", row.shadow.denied ?? "allowed"]), [
      ["stripe.products.list", "operation_denied", "allowed"],
      ["stripe.customers.list", "allowed", "operation_denied"],
      ["stripe.charges.create", "allowed", "parameter_denied"],
      ["stripe.charges.create", "allowed", "parameter_denied"],
      ["stripe.charges.create", "allowed", "parameter_denied"],
    ]);
    const seen = [];
    let cursor;
    do {
      const page = await gate.get(`/calls?shadow=differs&key=tried&limit=2${cursor ? `&cursor=${cursor}` : ""}`);
      assert.ok(page.data.length <= 2);
      seen.push(...page.data.map((row) => row.id));
      cursor = page.next_cursor;
    } while (cursor);
    assert.deepEqual(seen, rows.map((row) => row.id));
    const { status, body } = await gate.ask("GET", "/api/v1/calls?shadow=same");
    assert.equal(status, 400);
    assert.equal(body.field, "shadow");
  });

  test("the command line sums them up", async () => {
    const { code, out, err } = await gate.cli("policy", "shadow", "next", "--key", "tried", "--json");
    assert.equal(code, 0, err);
    const report = JSON.parse(out);
    assert.equal(report.would_refuse, 4);
    assert.equal(report.would_allow, 1);
    assert.deepEqual(report.differences.map((d) => [d.operation, d.calls, d.in_force, d.on_trial]), [
      ["stripe.charges.create", 3, "allowed", "parameter_denied"],
      ["stripe.customers.list", 1, "allowed", "operation_denied"],
      ["stripe.products.list", 1, "operation_denied", "allowed"],
    ]);
    const shown = await gate.cli("policy", "shadow", "next", "--since", "1h");
    assert.match(shown.out, /stripe\.charges\.create +\d+ +allowed +parameter_denied/);
    assert.match(shown.out, /would have refused \d+ calls that went through, and let 1 through that were refused/);
    assert.match((await gate.cli("policy", "shadow", "now")).out, /no call would have been decided otherwise/);
    assert.equal((await gate.cli("policy", "shadow", "next", "--since", "yesterday")).code, 2);
  });
});
