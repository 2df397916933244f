// SPDX-License-Identifier: Apache-2.0
// The same call twice: one goes to the vendor, the other gets its answer. S-27 to S-29, for vendors with and without keys of their own.
import fs from "node:fs";
import path from "node:path";

import Stripe from "stripe";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, sleep, startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test, thrown } from "./lib/test.js";

const canary = "canary-in-an-answer-7f3a";
let serial = 0;

const stripe = await startScripted(async (call, res) => {
  const form = new URLSearchParams(call.text);
  if (form.get("description") === "slow") await sleep(300);
  if (form.get("source") === "tok_bad") return answerJson(res, 400, { error: { type: "invalid_request_error", message: "no such token" } });
  const amount = Number(form.get("amount"));
  answerJson(res, 200, { id: `ch_${++serial}`, object: "charge", amount, amount_captured: amount, currency: "usd", captured: true, status: "succeeded", note: canary });
});
const twilio = await startScripted((call, res) => {
  answerJson(res, 201, { sid: `SM${String(++serial).padStart(32, "0")}`, num_segments: "1", price: null, price_unit: "USD", status: "queued" });
});
const gate = await startGate(
  config({ stripe: stripe.url, twilio: twilio.url }, {
    keys: [
      key("one", ["stripe-main", "twilio-main"], { budgets: [{ limit: "1000 usd", window: "day" }] }),
      key("two", ["stripe-main"], { budgets: [{ limit: "1000 usd", window: "day" }] }),
      key("tight", ["stripe-main"], { budgets: [{ limit: "1 usd", window: "day" }] }),
    ],
    idempotency: { retention: "7d", wait: "2s" },
  }),
);

const form = { "content-type": "application/x-www-form-urlencoded" };

/** One charge, as a plain client sends it. */
async function charge(name, body, headers = {}) {
  const answer = await fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf(name)}`, ...form, ...headers },
    body: new URLSearchParams({ amount: "100", currency: "usd", source: "tok_visa", ...body }).toString(),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

describe("the caller's own key", () => {
  test("pitfall_61: a repeat gets the first answer, costs nothing, and the vendor sees one", async () => {
    const once = { "idempotency-key": newRun() };
    stripe.clear();
    const first = await charge("one", {}, once);
    const second = await charge("one", {}, once);
    assert.equal(second.status, 200);
    assert.deepEqual(second.body, first.body);
    assert.equal(second.headers.get("idempotent-replayed"), "true");
    assert.equal(first.headers.get("idempotent-replayed"), null);
    assert.equal(stripe.count, 1);
    const [again, row] = await gate.calls({ key: "one" });
    assert.equal(nanos(again.cost_usd), 0n);
    assert.equal(again.verdict, "allowed");
    assert.equal(again.repeat_of, row.id);
    assert.equal(nanos(row.cost_usd), 1_000_000_000n);
  });

  test("it outlives the process, and what is kept is sealed", async () => {
    const once = { "idempotency-key": newRun() };
    const first = await charge("one", {}, once);
    await gate.restart();
    stripe.clear();
    const second = await charge("one", {}, once);
    assert.deepEqual(second.body, first.body);
    assert.equal(stripe.count, 0);
    await gate.restart();
    for (const name of fs.readdirSync(gate.dataDir))
      assert.equal(fs.readFileSync(path.join(gate.dataDir, name)).includes(canary), false, `${name} holds content in clear`);
  });

  test("S-28: twenty at once: one goes, nineteen wait for its answer", async () => {
    const once = { "idempotency-key": newRun() };
    stripe.clear();
    const answers = await Promise.all(Array.from({ length: 20 }, () => charge("one", { description: "slow" }, once)));
    assert.equal(stripe.count, 1);
    assert.deepEqual([...new Set(answers.map((answer) => answer.body.id))].length, 1);
    assert.ok(answers.every((answer) => answer.status === 200));
    assert.equal(answers.filter((answer) => answer.headers.get("idempotent-replayed") === "true").length, 19);
  });

  test("another body is a conflict, in Stripe's own shape; no retry", async () => {
    const client = new Stripe(tokenOf("one"), { host: "127.0.0.1", port: gate.port, protocol: "http", maxNetworkRetries: 2 });
    const once = { idempotencyKey: newRun() };
    await client.charges.create({ amount: 100, currency: "usd", source: "tok_visa" }, once);
    stripe.clear();
    const error = await thrown(client.charges.create({ amount: 200, currency: "usd", source: "tok_visa" }, once));
    assert.ok(error instanceof Stripe.errors.StripeIdempotencyError, error.constructor.name);
    assert.equal(error.code, "idempotency_conflict");
    assert.equal(stripe.count, 0);
  });

  test("two of our keys never meet: each has its own answer, and its own key at the vendor", async () => {
    const once = { "idempotency-key": newRun() };
    stripe.clear();
    const one = await charge("one", {}, once);
    const two = await charge("two", {}, once);
    assert.notEqual(one.body.id, two.body.id);
    const [a, b] = stripe.calls.map((call) => call.headers["idempotency-key"]);
    assert.match(a, /^tg-/);
    assert.notEqual(a, b);
    assert.notEqual(a, once["idempotency-key"]);
  });

  test("what was refused, by us or by the vendor, may be asked again under the same key", async () => {
    const once = { "idempotency-key": newRun() };
    assert.equal((await charge("tight", { amount: "500" }, once)).headers.get("x-tollgate-denied"), "budget_exceeded");
    assert.equal((await charge("tight", { amount: "100" }, once)).status, 200);
    const other = { "idempotency-key": newRun() };
    stripe.clear();
    assert.equal((await charge("one", { source: "tok_bad" }, other)).status, 400);
    assert.equal((await charge("one", {}, other)).status, 200);
    const [a, b] = stripe.calls.map((call) => call.headers["idempotency-key"]);
    assert.equal(a, b, "the vendor is asked under the same key");
  });

  test("a reader's key means nothing, and one of 256 characters is refused", async () => {
    const long = await charge("one", {}, { "idempotency-key": "x".repeat(256) });
    assert.equal(long.headers.get("x-tollgate-denied"), "bad_request");
    stripe.clear();
    for (let i = 0; i < 2; i++)
      await fetch(`${gate.url}/stripe/v1/customers/cus_1`, { headers: { authorization: `Bearer ${tokenOf("one")}`, "idempotency-key": "k" } });
    assert.equal(stripe.count, 2);
  });
});

test("retention 0: nothing is kept here, and the vendor gets one key for one name", async () => {
  const forgetful = await startGate(config({ stripe: stripe.url }, { keys: [key("one", ["stripe-main"])], idempotency: { retention: "0s" } }));
  const send = (headers) => fetch(`${forgetful.url}/stripe/v1/charges`, {
    method: "POST", headers: { authorization: `Bearer ${tokenOf("one")}`, ...form, ...headers }, body: "amount=100&currency=usd&source=tok_visa",
  });
  const step = { "x-agent-run-id": newRun(), "x-agent-step": "bill" };
  stripe.clear();
  for (const headers of [{ "idempotency-key": "order-7" }, { "idempotency-key": "order-7" }, step, step, {}, {}]) assert.equal((await send(headers)).status, 200);
  const sent = stripe.calls.map((call) => call.headers["idempotency-key"]);
  assert.equal(sent[0], sent[1]);
  assert.equal(sent[2], sent[3]);
  assert.equal(new Set(sent).size, 4, "and each call without a name its own");
});

describe("run and step", () => {
  const step = (run) => ({ "x-agent-run-id": run, "x-agent-step": "bill-customer" });

  test("S-27: a workflow that runs again from its first step charges once, also after a restart", async () => {
    const run = newRun();
    stripe.clear();
    const first = await charge("one", {}, step(run));
    assert.deepEqual((await charge("one", {}, step(run))).body, first.body);
    await gate.restart();
    assert.deepEqual((await charge("one", {}, step(run))).body, first.body);
    assert.equal(stripe.count, 1);
    assert.equal(nanos((await gate.get(`/runs/${run}`)).total_usd), 1_000_000_000n);
  });

  test("another charge of the same step, the same charge of another step or run, and calls without a step go through", async () => {
    const run = newRun();
    stripe.clear();
    await charge("one", {}, step(run));
    await charge("one", { amount: "300" }, step(run));
    await charge("one", {}, { ...step(run), "x-agent-step": "next" });
    await charge("one", {}, step(newRun()));
    await charge("one", {}, { "x-agent-run-id": run });
    await charge("one", {}, { "x-agent-run-id": run });
    assert.equal(stripe.count, 6);
  });
});

describe("a vendor without idempotency of its own", () => {
  async function message(headers, text = "hello") {
    const answer = await fetch(`${gate.url}/twilio/2010-04-01/Accounts/AC${"0".repeat(32)}/Messages.json`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf("one")}`, ...form, ...headers },
      body: new URLSearchParams({ To: "+14155550100", From: "+14155550101", Body: text }).toString(),
    });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  }

  test("pitfall_61: a text is sent once, by key and by step", async () => {
    twilio.clear();
    const once = { "idempotency-key": newRun() };
    const first = await message(once);
    assert.deepEqual((await message(once)).body, first.body);
    const step = { "x-agent-run-id": newRun(), "x-agent-step": "tell" };
    const told = await message(step);
    assert.deepEqual((await message(step)).body, told.body);
    assert.equal(twilio.count, 2);
    assert.ok(twilio.calls.every((call) => call.headers["idempotency-key"] === undefined));
  });

  test("two at once: one text", async () => {
    twilio.clear();
    const once = { "idempotency-key": newRun() };
    const answers = await Promise.all(Array.from({ length: 8 }, () => message(once)));
    assert.equal(new Set(answers.map((answer) => answer.body.sid)).size, 1);
    assert.equal(twilio.count, 1);
  });

  test("another text under the same key: 409 idempotency_conflict", async () => {
    const once = { "idempotency-key": newRun() };
    await message(once);
    const other = await message(once, "good-bye");
    assert.equal(other.status, 409);
    assert.equal(other.headers.get("x-tollgate-denied"), "idempotency_conflict");
  });
});

test("a duplicate does not wait for ever: 409 duplicate_in_flight, worth a retry", async () => {
  let release;
  stripe.hold = async (call, res) => {
    await new Promise((resolve) => { release = resolve; });
    answerJson(res, 200, { id: "ch_late", object: "charge", amount: 100, amount_captured: 100, currency: "usd", captured: true });
    return true;
  };
  const once = { "idempotency-key": newRun() };
  const first = charge("one", {}, once);
  await sleep(200);
  const second = await charge("one", {}, once);
  assert.equal(second.headers.get("x-tollgate-denied"), "duplicate_in_flight");
  assert.equal(second.status, 409);
  assert.ok(second.headers.get("retry-after"));
  release();
  assert.equal((await first).body.id, "ch_late");
  assert.equal((await charge("one", {}, once)).body.id, "ch_late");
});
