// SPDX-License-Identifier: Apache-2.0
// `tollgate explain` says what the gate would do, and the gate then does that: every answer here is held against a call. Nothing is sent or
// counted by asking.
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

let gate, upstream;
const form = "application/x-www-form-urlencoded";

before(async () => {
  upstream = await startScripted((call, res) => {
    if (call.method === "GET") return answerJson(res, 200, { id: "ch_1", object: "charge", customer: "cus_mine", amount: 500, currency: "usd" });
    const amount = Number(new URLSearchParams(call.text).get("amount") ?? 500);
    answerJson(res, 200, { id: "ch_1", object: "charge", amount, amount_captured: amount, currency: "usd", captured: true, customer: "cus_mine" });
  });
  gate = await startGate(config({ stripe: upstream.url }, {
    policies: {
      mine: { allow: ["stripe.charges.*", "stripe.refunds.*"], parameters: { "stripe.charges.create": { amount: { max: 5000 } } }, scopes: { "stripe.customer": ["cus_mine"] } },
      next: { allow: ["stripe.charges.create"] }, // no reads
      careful: { allow: ["stripe.*"], approvals: [{ name: "large", operations: ["stripe.charges.create"], above: "10 usd" }] },
    },
    keys: [
      key("mine", ["stripe-main"], { policy: "mine", budgets: [{ limit: "40 usd", window: "day" }] }),
      key("tried", ["stripe-main"], { policy: "mine", shadow: "next", budgets: [{ limit: "40 usd", window: "day" }] }),
      key("careful", ["stripe-main"], { policy: "careful" }),
      key("rehearsal", ["stripe-main"], { policy: "mine", dry_run: true }),
      key("home", ["stripe-main"], { policy: "mine", addresses: ["10.0.0.0/8"] }),
    ],
  }));
});

const explain = (method, url, body, more = {}) => gate.post("/explain", { key: "mine", method, url, ...(body === undefined ? {} : { body }), ...more });

/** The same by a real call: status and the code of the refusal. */
async function really(method, path, body, name = "mine", headers = {}) {
  const answer = await fetch(`${gate.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${tokenOf(name)}`, ...(body ? { "content-type": form } : {}), ...headers },
    body,
  });
  await answer.text();
  return { status: answer.status, code: answer.headers.get("x-tollgate-denied") };
}

describe("what is told is what happens", () => {
  for (const [what, method, path, body, name] of [
    ["a charge that fits", "POST", "/stripe/v1/charges", "amount=100&currency=usd&customer=cus_mine"],
    ["too much for the policy", "POST", "/stripe/v1/charges", "amount=6000&currency=usd&customer=cus_mine"],
    ["somebody else's customer", "POST", "/stripe/v1/charges", "amount=100&currency=usd&customer=cus_other"],
    ["no customer at all", "POST", "/stripe/v1/charges", "amount=100&currency=usd&source=tok_visa"],
    ["too much for the budget", "POST", "/stripe/v1/charges", "amount=4500&currency=usd&customer=cus_mine"],
    ["a currency without a rate", "POST", "/stripe/v1/charges", "amount=100&currency=eur&customer=cus_mine"],
    ["an operation that is not allowed", "POST", "/stripe/v1/payouts", "amount=100&currency=usd"],
    ["no operation", "POST", "/stripe/v1/nothing", "amount=100"],
    ["a read", "GET", "/stripe/v1/charges?customer=cus_mine"],
    ["a person has to approve", "POST", "/stripe/v1/charges", "amount=2000&currency=usd&customer=cus_mine", "careful"],
  ]) {
    test(what, async () => {
      const told = await explain(method, path, body, { key: name ?? "mine" });
      const { status, code } = await really(method, path, body, name);
      assert.equal(told.verdict, code ? "denied" : "allowed", JSON.stringify(told));
      assert.equal(told.code, code);
      if (code) assert.equal(told.status, status);
    });
  }
});

test("everything about a charge, by the vendor's own address", async () => {
  const told = await explain("POST", "https://api.stripe.com/v1/charges?", "currency=usd&amount=1500&customer=cus_mine", { run: "run_7" });
  assert.equal(told.verdict, "allowed", told.reason);
  assert.equal(told.vendor, "stripe");
  assert.equal(told.operation, "stripe.charges.create");
  assert.equal(told.path, "/v1/charges");
  assert.equal(told.run, "run_7");
  assert.deepEqual(told.scopes.filter((s) => s.name === "stripe.customer").map((s) => s.value), ["cus_mine"]);
  assert.deepEqual(told.parameters.filter((p) => p.name === "amount").map((p) => p.value), ["1500"]);
  assert.deepEqual(told.cost, { known: true, most_usd: "15", messages: 0, tokens: 0 });
  const [budget] = told.budgets;
  assert.equal(budget.limit_usd, "40");
  assert.equal(budget.needs_usd, "15");
  assert.equal(budget.fits, true);
});

test("asking changes nothing: no call, no row, no hold, no approval, no count of refused calls", async () => {
  const sent = upstream.count;
  const rows = (await gate.calls()).length;
  await gate.post("/stop", { vendor: "stripe", reason: "for the test" });
  const stopped = await explain("POST", "/stripe/v1/charges", "amount=100&currency=usd&customer=cus_mine");
  assert.equal(stopped.code, "stopped");
  const { data } = await gate.get("/stops");
  assert.equal(data[0].refused_since ?? data[0].refused, 0);
  await gate.post("/resume", { vendor: "stripe" });
  for (let i = 0; i < 20; i++) await explain("POST", "/stripe/v1/charges", "amount=3000&currency=usd&customer=cus_mine");
  await explain("POST", "/stripe/v1/charges", "amount=3900&currency=usd&customer=cus_mine", { key: "careful" });
  assert.equal(upstream.count, sent);
  assert.equal((await gate.calls()).length, rows);
  const [budget] = (await explain("POST", "/stripe/v1/charges", "amount=1&currency=usd&customer=cus_mine", { key: "tried" })).budgets;
  assert.equal(budget.reserved_usd, "0");
  assert.equal(budget.spent_usd, "0");
  const approvals = await gate.get("/approvals");
  assert.ok(!approvals.data.some((a) => JSON.stringify(a).includes("3900")));
});

test("what only the vendor knows is not asked: the verdict depends on it", async () => {
  const sent = upstream.count;
  const told = await explain("POST", "/stripe/v1/refunds", "charge=ch_never_seen&amount=100");
  assert.equal(told.verdict, "depends", JSON.stringify(told));
  assert.equal(told.unread[0].id, "ch_never_seen");
  assert.match(told.unread[0].path, /^\/v1\/charges\/ch_never_seen/);
  assert.equal(upstream.count, sent);
});

test("a policy on trial, a dry run, and a key that is bound to addresses", async () => {
  const tried = await explain("GET", "/stripe/v1/charges?customer=cus_mine", undefined, { key: "tried" });
  assert.equal(tried.verdict, "allowed", tried.reason);
  assert.equal(tried.shadow.verdict, "denied");
  assert.equal(tried.shadow.differs, true);
  const dry = await explain("POST", "/stripe/v1/charges", "amount=100&currency=usd&customer=cus_mine", { key: "rehearsal" });
  assert.equal(dry.verdict, "allowed");
  assert.equal(dry.dry_run, true);
  assert.equal((await explain("GET", "/stripe/v1/charges?customer=cus_mine", undefined, { key: "home" })).verdict, "allowed");
});

describe("S-21: each spelling that leads elsewhere is explained as refused, with the code of the real refusal", () => {
  const good = "amount=100&currency=usd&customer=cus_mine";
  for (const [url, body = good] of [
    ["https://api.stripe.com/v1/payouts"], ["https://api.stripe.com/v1//payouts"], ["https://api.stripe.com/v1/p%61youts"], ["https://api.stripe.com/v1%2Fpayouts"],
    ["https://api.stripe.com/v1/charges/../payouts"], ["https://api.stripe.com/v1/charges/%2e%2e/payouts"], ["https://api.stripe.com/v1/charges/..%2fpayouts"],
    ["https://api.stripe.com/V1/payouts"], ["https://api.stripe.com/v1/Payouts"], ["https://api.stripe.com/v1/payouts/"], ["https://api.stripe.com/v1/payouts;x=1"],
    ["https://api.stripe.com/v1/payouts%3Bx=1"], ["https://api.stripe.com/v1/payouts%23"], ["https://api.stripe.com/v1/payouts.json"],
    ["https://api.stripe.com/v1/%2570ayouts"], ["https://api.stripe.com/v1/./payouts"], ["https://api.stripe.com/v1/payouts%00"], ["https://api.stripe.com/v1/payouts%20"],
    ["https://api.stripe.com/v1/payouts%0d%0a"], ["/stripe/v1/charges\\..\\payouts"], ["//stripe/v1/payouts"], ["/stripe//v1/payouts"],
    ["https://api.stripe.com/v1/charges?amount=9999"], ["https://api.stripe.com/v1/charges", "amount=100&amount=9999&currency=usd&customer=cus_mine"],
    ["https://api.stripe.com/v1/charges", "amount[]=9999&currency=usd&customer=cus_mine"], ["https://api.stripe.com/v1/charges", "am%6Funt=9999&currency=usd&customer=cus_mine"],
    ["https://api.stripe.com/v1/charges", "amount=1e4&currency=usd&customer=cus_mine"], ["https://api.stripe.com/v1/charges", "amount=+9999&currency=usd&customer=cus_mine"],
    ["https://api.stripe.com/v1/charges", "amount=0x270f&currency=usd&customer=cus_mine"], ["https://api.stripe.com/v1/charges", "amount=0100&currency=usd&customer=cus_mine"],
    ["https://api.stripe.com/v1/charges", "amount=100&currency=usd&currency=jpy&customer=cus_mine"], ["https://api.stripe.com/v1/charges", '{"amount":100,"currency":"usd"}'],
    ["https://api.stripe.com/v1/charges", "amount=100;amount=9999&currency=usd&customer=cus_mine"], ["https://api.stripe.com.evil.example/v1/charges"],
    ["https://evil.example/v1/charges"], ["http://api.stripe.com/v1/charges"],
  ]) {
    test(`${url} ${body === good ? "" : body}`, async () => {
      const told = await explain("POST", url, body);
      assert.equal(told.verdict, "denied", JSON.stringify(told));
      assert.ok(told.code && told.reason);
      const path = url.replace(/^https:\/\/api\.stripe\.com(?=\/)/, "/stripe");
      if (!path.startsWith("/stripe") || /[\\;]/.test(path) || body.startsWith("{")) return; // what fetch would not send as it stands
      if (new URL(path, gate.url).pathname + new URL(path, gate.url).search !== path) return; // or would tidy up
      assert.equal((await really("POST", path, body)).code, told.code);
    });
  }
  for (const method of ["post", "Post", "PUT", "OPTIONS", "TRACE", "FOO"]) {
    test(`${method} on charges`, async () => assert.equal((await explain(method, "https://api.stripe.com/v1/charges", good)).verdict, "denied"));
  }
  test("two idempotency keys, two accounts", async () => {
    for (const headers of [{ "stripe-account": "acct_1", "stripe-context": "acct_2" }]) {
      const told = await explain("POST", "/stripe/v1/charges", good, { headers });
      assert.equal(told.verdict, "denied", JSON.stringify(told));
    }
  });
});

describe("the command line", () => {
  test("a table for people, the API's answer for scripts, and the verdict as exit code", async () => {
    const yes = await gate.cli("explain", "POST", "https://api.stripe.com/v1/charges", "amount=1500&currency=usd&customer=cus_mine", "--key", "mine");
    assert.equal(yes.code, 0, yes.err);
    assert.match(yes.out, /^operation +stripe\.charges\.create$/m);
    assert.match(yes.out, /^costs +15 usd at most$/m);
    assert.match(yes.out, /^verdict +allowed$/m);
    const no = await gate.cli("explain", "POST", "/stripe/v1/payouts", "amount=1", "--key", "mine");
    assert.equal(no.code, 1);
    assert.match(no.out, /^verdict +denied: operation_denied \(403\)$/m);
    const json = await gate.cli("explain", "POST", "/stripe/v1/payouts", "amount=1", "--key", "mine", "--json");
    assert.equal(json.code, 1);
    assert.equal(JSON.parse(json.out).code, "operation_denied");
    assert.equal((await gate.cli("explain", "POST", "/stripe/v1/payouts", "--key", "nobody")).code, 1);
    assert.equal((await gate.cli("explain", "POST", "/stripe/v1/payouts")).code, 2);
    assert.equal((await gate.cli("explain", "POST", "/stripe/v1/payouts", "@/no/such/file", "--key", "mine")).code, 2);
  });
  test("requests that are none", async () => {
    for (const [body, field] of [[{}, "key"], [{ key: "mine" }, "method"], [{ key: "mine", method: "GET" }, "url"], [{ key: "mine", method: "GET", url: "/", hedaers: {} }, "hedaers"],
      [{ key: "mine", method: "GET", url: "/", headers: [1] }, "headers"]]) {
      const answer = await gate.ask("POST", "/api/v1/explain", body);
      assert.equal(answer.status, 422);
      assert.equal(answer.body.field, field);
    }
    assert.equal((await gate.ask("POST", "/api/v1/explain", { key: "nobody", method: "GET", url: "/" })).status, 404);
  });
});

test("a policy that is only written so far is tried: nothing of it is in force, and what is wrong with it is said", async () => {
  const body = "amount=100&currency=usd&customer=cus_mine";
  const { policy } = (await gate.get("/keys")).data.find((key) => key.name === "mine");
  const before = await gate.get(`/policies/${policy}`);
  assert.equal((await explain("POST", "/stripe/v1/charges", body)).verdict, "allowed");
  const told = await explain("POST", "/stripe/v1/charges", body, { policy: { name: policy, deny: ["stripe.charges.*"] } });
  assert.deepEqual([told.verdict, told.code], ["denied", "operation_denied"]);
  assert.deepEqual(await gate.get(`/policies/${policy}`), before);
  assert.equal((await explain("POST", "/stripe/v1/charges", body)).verdict, "allowed", "the one in force is what it was");
  const wrong = await gate.ask("POST", "/api/v1/explain", { key: "mine", method: "POST", url: "/stripe/v1/charges", body, policy: { name: policy, denny: [] } });
  assert.equal(wrong.status, 422, JSON.stringify(wrong.body));
  assert.match(wrong.body.field, /denny/);
  const nameless = await gate.ask("POST", "/api/v1/explain", { key: "mine", method: "POST", url: "/stripe/v1/charges", body, policy: {} });
  assert.equal(nameless.body.field, "policy");
});
