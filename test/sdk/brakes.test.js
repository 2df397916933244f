// SPDX-License-Identifier: Apache-2.0
// Brakes: loops and runaway speed are stopped long before the budget is, and each vendor's own SDK can tell.
import { before } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { Resend } from "resend";
import Stripe from "stripe";
import twilio from "twilio";

import { config, key, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { startEmulate, startStripe } from "./lib/mocks.js";
import { sleep, until } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, stripe, texts, mails, openai, anthropic;
const repeat = { repeat: 5, within: "60s", action: "deny" };
const text = { to: "+15558675310", from: "+15551234567", body: "hello" };
const each = 14_000_000n; // one segment to +1, in nano-dollars
const on = (run) => ({ headers: { "x-agent-run-id": run } });

const stripeAs = (name) => new Stripe(tokenOf(name), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false });
function twilioAs(name, run) {
  const client = twilio(twilioSid, tokenOf(name) + (run ? `.${run}` : ""), { autoRetry: true, maxRetries: 3 });
  client.api.baseUrl = `${gate.url}/twilio`;
  return client;
}
const stopsOf = async (fits) => (await gate.get("/stops")).data.filter(fits);

before(async () => {
  ({ twilio: texts, resend: mails } = await startEmulate());
  stripe = await startStripe();
  openai = await startOpenai();
  anthropic = await startAnthropic();
  gate = await startGate(
    config({ stripe: stripe.url, twilio: texts.url, resend: mails.url, openai: openai.url, anthropic: anthropic.url }, {
      policies: {
        loop: { allow: ["*"], brakes: [repeat] },
        "loop-stop": { allow: ["*"], brakes: [{ repeat: 3, within: "2s", action: "stop" }] },
        "loop-alert": { allow: ["*"], brakes: [{ repeat: 3, within: "60s", action: "alert" }] },
        velocity: { allow: ["*"], brakes: [{ spend: "0.5 usd", within: "1m", action: "stop", per: "key" }] },
        speed: { allow: ["*"], brakes: [{ spend: "5x", within: "1s", least: "0.05 usd", action: "stop", per: "key" }] },
        storm: { allow: ["*"], brakes: [{ errors: 4, within: "60s", action: "stop" }] },
      },
      keys: [
        key("seller", ["stripe-main"]),
        key("loop", ["stripe-main", "twilio-main", "resend-main", "openai-main", "anthropic-main"], { policy: "loop" }),
        key("loop-stop", ["stripe-main"], { policy: "loop-stop" }),
        key("loop-alert", ["stripe-main"], { policy: "loop-alert" }),
        key("texts", ["twilio-main"], { policy: "velocity", budgets: [{ limit: "100 usd", window: "day" }] }),
        key("speed", ["twilio-main"], { policy: "speed", budgets: [{ limit: "100 usd", window: "day" }] }),
        key("storm", ["stripe-main"], { policy: "storm" }),
        key("refunds", ["stripe-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
      ],
    }),
  );
}, { timeout: 60_000 });

/** Five times all is well; what the sixth throws, with nothing forwarded. */
async function sixth(upstream, call) {
  for (let i = 0; i < 5; i++) await call();
  const count = upstream.count;
  const error = await thrown(call());
  assert.equal(upstream.count, count, "the sixth is not forwarded");
  return error;
}

test("the same call for the sixth time, Stripe: StripePermissionError", async () => {
  const run = newRun();
  const client = stripeAs("loop");
  const error = await sixth(stripe, () => client.charges.create({ amount: 100, currency: "usd", source: "tok_visa" }, on(run)));
  assert.ok(error instanceof Stripe.errors.StripePermissionError, error.constructor.name);
  assert.equal(error.code, "loop_detected");
  assert.equal(error.headers["stripe-should-retry"], "false");
  assert.match(error.message, /6th time.*5 are allowed.*repeat 5 within 60s/);
  await client.charges.create({ amount: 101, currency: "usd", source: "tok_visa" }, on(run)); // another call of the run
  await client.charges.create({ amount: 100, currency: "usd", source: "tok_visa" }, on(newRun())); // the same of another run
  const [row] = await gate.calls({ run, denied: "loop_detected" });
  assert.equal(row.verdict, "denied");
  assert.match(row.reason, /repeat 5 within 60s/);
  assert.equal(nanos(row.cost_usd), 0n);
});

test("Twilio: RestException, once", async () => {
  const client = twilioAs("loop", newRun());
  const error = await sixth(texts, () => client.messages.create(text));
  assert.ok(error instanceof twilio.RestException, error.constructor.name);
  assert.equal(error.status, 403);
  assert.equal(error.code, 20403);
  assert.equal(error.moreInfo, "tollgate:loop_detected");
});

test("Resend: an error, not an exception", async () => {
  const client = new Resend(tokenOf("loop"), { baseUrl: `${gate.url}/resend` });
  const options = on(newRun());
  const send = () => client.emails.send({ from: "Team <team@example.com>", to: "a@example.org", subject: "hi", text: "hello" }, options);
  for (let i = 0; i < 5; i++) assert.equal((await send()).error, null);
  const { data, error } = await send();
  assert.equal(data, null);
  assert.equal(error.code, "loop_detected");
  assert.equal(error.statusCode, 403);
});

test("OpenAI: PermissionDeniedError", async () => {
  const client = new OpenAI({ apiKey: tokenOf("loop"), baseURL: `${gate.url}/openai/v1` });
  const options = on(newRun());
  const error = await sixth(openai, () => client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "again" }] }, options));
  assert.ok(error instanceof OpenAI.PermissionDeniedError, error.constructor.name);
  assert.equal(error.code, "loop_detected");
});

test("Anthropic: PermissionDeniedError", async () => {
  const client = new Anthropic({ apiKey: tokenOf("loop"), baseURL: `${gate.url}/anthropic` });
  const options = on(newRun());
  const ask = { model: "claude-haiku-4-5", max_tokens: 16, messages: [{ role: "user", content: "again" }] };
  const error = await sixth(anthropic, () => client.messages.create(ask, options));
  assert.ok(error instanceof Anthropic.PermissionDeniedError, error.constructor.name);
  assert.equal(error.headers.get("x-tollgate-denied"), "loop_detected");
});

test("at once as well: of fifty identical calls five go", async () => {
  const run = newRun();
  const count = stripe.count;
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, () => stripeAs("loop").charges.create({ amount: 777, currency: "usd", source: "tok_visa" }, on(run))),
  );
  assert.equal(results.filter((r) => r.status === "fulfilled").length, 5);
  assert.equal(stripe.count - count, 5);
  for (const { reason } of results.filter((r) => r.status === "rejected")) assert.equal(reason.code, "loop_detected");
});

test("stop: the run is stopped, is listed, and a resume lifts it", async () => {
  const run = newRun();
  const client = stripeAs("loop-stop");
  const charge = (amount) => client.charges.create({ amount, currency: "usd", source: "tok_visa" }, on(run));
  for (let i = 0; i < 3; i++) await charge(100);
  const error = await thrown(charge(100));
  assert.equal(error.code, "loop_detected");
  assert.match(error.message, /the run is stopped until an operator resumes it/);
  const [stop] = await until(async () => {
    const found = await stopsOf((s) => JSON.stringify(s).includes(run));
    return found.length ? found : null;
  }, "the stop");
  assert.match(stop.reason, /4th time/);
  const count = stripe.count;
  assert.equal((await thrown(charge(5))).code, "stopped", "another call of the run");
  assert.equal(stripe.count, count);
  await client.charges.create({ amount: 100, currency: "usd", source: "tok_visa" }, on(newRun())); // other runs go on
  await gate.post("/resume", { run });
  assert.equal((await stopsOf((s) => JSON.stringify(s).includes(run))).length, 0);
  await charge(100);
});

test("stop outlives a restart", async () => {
  const run = newRun();
  const client = stripeAs("loop-stop");
  const charge = () => client.charges.create({ amount: 100, currency: "usd", source: "tok_visa" }, on(run));
  for (let i = 0; i < 3; i++) await charge();
  assert.equal((await thrown(charge())).code, "loop_detected");
  await until(async () => (await stopsOf((s) => JSON.stringify(s).includes(run))).length, "the stop");
  await gate.restart();
  assert.equal((await thrown(stripeAs("loop-stop").charges.create({ amount: 1, currency: "usd", source: "tok_visa" }, on(run)))).code, "stopped");
  await gate.post("/resume", { run });
});

test("alert: nothing is refused", async () => {
  const run = newRun();
  const client = stripeAs("loop-alert");
  for (let i = 0; i < 6; i++) await client.charges.create({ amount: 100, currency: "usd", source: "tok_visa" }, on(run));
  assert.equal((await gate.calls({ run, denied: "loop_detected" })).length, 0);
});

test("an error storm stops the run", async () => {
  const run = newRun();
  const client = stripeAs("storm");
  const retrieve = (id) => client.charges.retrieve(id, on(run));
  for (let i = 0; i < 4; i++) await thrown(retrieve(`ch_nobody_${i}`));
  const count = stripe.count;
  assert.equal((await thrown(retrieve("ch_nobody_5"))).code, "loop_detected");
  assert.equal(stripe.count, count);
});

test("S-05: a stuck loop of texts is stopped by its velocity within a minute, long before the cap", { timeout: 60_000 }, async () => {
  const client = twilioAs("texts", newRun());
  const before = texts.count;
  const began = Date.now();
  let sent = 0, error;
  while (!error && Date.now() - began < 50_000) {
    try {
      await client.messages.create({ ...text, body: `message ${sent}` }); // never the same call
      sent++;
    } catch (refusal) {
      error = refusal;
    }
  }
  assert.equal(error?.moreInfo, "tollgate:loop_detected");
  assert.ok(Date.now() - began < 50_000);
  // One more than half a dollar buys: what is spent is known when a call is over.
  assert.equal(BigInt(sent), 500_000_000n / each + 1n);
  assert.equal(texts.count - before, sent);
  // The key is stopped, whatever its run.
  await until(async () => (await stopsOf((s) => /spent/.test(s.reason ?? ""))).length, "the stop of the key");
  assert.equal((await thrown(twilioAs("texts", newRun()).messages.create(text))).moreInfo, "tollgate:stopped");
  assert.equal(texts.count - before, sent);
});

test("S-05: a key that leaves its normal speed is stopped", { timeout: 60_000 }, async () => {
  const client = twilioAs("speed", newRun());
  let sent = 0;
  for (const end = Date.now() + 12_000; Date.now() < end; await sleep(450)) await client.messages.create({ ...text, body: `normal ${sent++}` });
  const before = texts.count;
  const began = Date.now();
  let error;
  for (let i = 0; !error && i < 200; i++) await client.messages.create({ ...text, body: `mad ${i}` }).catch((refusal) => { error = refusal; });
  assert.equal(error?.moreInfo, "tollgate:loop_detected");
  assert.match(error.message, /are normal for it/);
  assert.ok(Date.now() - began < 5_000);
  assert.ok(texts.count - before < 25, `${texts.count - before} went out`);
});

test("S-01: of a refund storm no more than the cap goes out", { timeout: 60_000 }, async () => {
  const sold = await stripeAs("seller").charges.create({ amount: 50_000, currency: "usd", source: "tok_visa" });
  const count = stripe.count;
  const client = new Stripe(tokenOf("refunds"), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false, maxNetworkRetries: 2 });
  const results = [];
  for (let i = 0; i < 10; i++) {
    results.push(...(await Promise.allSettled(Array.from({ length: 10 }, () => client.refunds.create({ charge: sold.id, amount: 500 })))));
  }
  const refused = results.filter((r) => r.status === "rejected");
  assert.equal(stripe.count - count, 20);
  assert.equal(refused.length, 80);
  for (const { reason } of refused) assert.equal(reason.code, "budget_exceeded");
  const shown = await until(async () => {
    const rows = await gate.calls({ key: "refunds", denied: "budget_exceeded" });
    return rows.length === 80 && rows;
  }, "the refusals are shown", { timeout: 2_000 });
  assert.ok(shown.every((row) => row.operation === "stripe.refunds.create"));
});

test("S-01: with a brake the storm ends at the fifth refund", async () => {
  const sold = await stripeAs("seller").charges.create({ amount: 50_000, currency: "usd", source: "tok_visa" });
  const run = newRun();
  const error = await sixth(stripe, () => stripeAs("loop").refunds.create({ charge: sold.id, amount: 500 }, on(run)));
  assert.equal(error.code, "loop_detected");
});
