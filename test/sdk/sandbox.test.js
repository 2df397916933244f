// SPDX-License-Identifier: Apache-2.0
// What a newcomer sees: the sandbox with six official SDKs, and its walk-through.
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { Resend } from "resend";
import Stripe from "stripe";
import twilio from "twilio";

import { binary, cleanEnv, nanos } from "./lib/gate.js";
import { run as runBinary, until } from "./lib/process.js";
import { sandboxKey, startSandbox } from "./lib/sandbox.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let box;

const supportKey = "tg_support_0000000000000000000"; // printed in docs/sandbox.md

async function api(target, more = {}) {
  const answer = await fetch(`http://${box.adminAddress}/api/v1${target}`, { ...more, headers: { authorization: `Bearer ${box.token}`, "content-type": "application/json" } });
  assert.equal(answer.status, 200);
  return answer.json();
}

test("it starts by itself and keeps its token to its owner", async () => {
  box = await startSandbox();
  assert.ok(box.token.length >= 32 && !box.running.out().includes(box.token) && !box.running.err().includes(box.token));
  assert.equal((await fetch(`http://${box.adminAddress}/api/v1/keys`)).status, 401);
});

test("five SDKs, one run, one bill", async () => {
  const run = newRun();
  const headers = { "x-agent-run-id": run };
  const [host, port] = box.data.split(":");

  const stripe = new Stripe(null, {
    host, port, protocol: "http",
    authenticator: async (request) => { request.headers.Authorization = `Bearer ${sandboxKey}`; request.path = `/stripe${request.path}`; },
  });
  const charge = await stripe.charges.create({ amount: 1500, currency: "usd", source: "tok_visa" }, { headers });
  assert.equal(charge.amount, 1500);
  assert.equal((await stripe.charges.retrieve(charge.id, {}, { headers })).id, charge.id);
  const declined = await thrown(stripe.charges.create({ amount: 100, currency: "usd", source: "tok_chargeDeclined" }, { headers }));
  assert.ok(declined instanceof Stripe.errors.StripeCardError);
  const payout = await thrown(stripe.payouts.create({ amount: 100, currency: "usd" }, { headers }));
  assert.ok(payout instanceof Stripe.errors.StripePermissionError);
  assert.equal(payout.code, "operation_denied");

  const sid = `AC${"0".repeat(32)}`;
  const texts = twilio(sid, `${sandboxKey}.${run}`);
  texts.api.baseUrl = `${box.url}/twilio`;
  const message = await texts.messages.create({ to: "+15551234567", from: "+15557654321", body: "hello" });
  assert.equal(message.price, null);
  await until(async () => (await texts.messages(message.sid).fetch()).price, "the price of a text", { timeout: 5000 });

  const mails = new Resend(sandboxKey, { baseUrl: `${box.url}/resend` });
  const mail = await mails.emails.send({ from: "shop@example.com", to: ["you@example.com"], subject: "hello", text: "hello" }, { headers });
  assert.ok(mail.data.id, JSON.stringify(mail.error));

  const openai = new OpenAI({ apiKey: sandboxKey, baseURL: `${box.url}/openai/v1` });
  const ask = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hello" }] };
  assert.ok((await openai.chat.completions.create(ask, { headers })).choices[0].message.content);
  let streamed = "";
  for await (const chunk of await openai.chat.completions.create({ ...ask, stream: true }, { headers })) streamed += chunk.choices[0]?.delta?.content ?? "";
  assert.ok(streamed.length > 0);
  assert.ok((await openai.responses.create({ model: "gpt-4o-mini", input: "hello" }, { headers })).output_text);
  assert.ok((await openai.embeddings.create({ model: "text-embedding-3-small", input: "hello" }, { headers })).data[0].embedding.length > 0);

  const anthropic = new Anthropic({ apiKey: sandboxKey, baseURL: `${box.url}/anthropic` });
  const words = await anthropic.messages.stream({ model: "claude-haiku-4-5", max_tokens: 100, messages: [{ role: "user", content: "hello" }] }, { headers }).finalMessage();
  assert.ok(words.content[0].text.length > 0);

  const bill = await api(`/runs/${run}`);
  assert.deepEqual(bill.by_vendor.map((part) => part.vendor).sort(), ["anthropic", "openai", "resend", "stripe", "twilio"]);
  assert.ok(nanos(bill.total_usd) > 15_000_000_000n && nanos(bill.total_usd) < 16_000_000_000n, bill.total_usd);

  const cap = await thrown(stripe.charges.create({ amount: 600, currency: "usd", source: "tok_visa" }, { headers }));
  assert.equal(cap.code, "budget_exceeded");
});

test("three SDKs, three vendors: each reaches each other's models, whole and streamed", async () => {
  const vendors = { "gpt-4o-mini": "openai", "claude-haiku-4-5": "anthropic", "gemini-2.5-flash": "gemini" };
  const run = newRun();
  const defaultHeaders = { "x-agent-run-id": run };
  const openai = new OpenAI({ apiKey: sandboxKey, baseURL: `${box.url}/v1`, defaultHeaders });
  const anthropic = new Anthropic({ apiKey: sandboxKey, baseURL: box.url, defaultHeaders });
  const gemini = new GoogleGenAI({ apiKey: sandboxKey, httpOptions: { baseUrl: box.url, headers: defaultHeaders } });
  const messages = [{ role: "user", content: "Who are you?" }];
  const contents = "Who are you?";
  for (const model of Object.keys(vendors)) {
    const texts = [];
    texts.push((await openai.chat.completions.create({ model, messages })).choices[0].message.content);
    texts.push((await openai.responses.create({ model, input: contents })).output_text);
    texts.push((await anthropic.messages.create({ model, messages, max_tokens: 200 })).content[0].text);
    texts.push((await gemini.models.generateContent({ model, contents })).text);
    let chunks = "";
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true })) chunks += chunk.choices[0]?.delta?.content ?? "";
    texts.push(chunks);
    texts.push((await anthropic.messages.stream({ model, messages, max_tokens: 200 }).finalMessage()).content[0].text);
    chunks = "";
    for await (const chunk of await gemini.models.generateContentStream({ model, contents })) chunks += chunk.text ?? "";
    texts.push(chunks);
    for (const [i, text] of texts.entries()) assert.match(text, /You asked: "Who are you\?"$/, `${model}, ${i}`);
  }
  const rows = (await api(`/calls?run=${run}&limit=100`)).data;
  assert.equal(rows.length, 21);
  for (const row of rows) {
    assert.equal(row.vendor, vendors[row.model_requested], JSON.stringify(row));
    assert.ok(nanos(row.cost_usd) > 0n, JSON.stringify(row));
  }
});

test("the key `support` acts for one customer, and large charges wait for a person", async () => {
  const [host, port] = box.data.split(":");
  const headers = { "x-agent-run-id": newRun() };
  const stripe = new Stripe(supportKey, { host, port, protocol: "http" });
  const ada = { amount: 25_000, currency: "usd", customer: "cus_ada" };
  assert.equal((await thrown(stripe.charges.create({ ...ada, amount: 100, customer: "cus_bob" }, { headers }))).code, "scope_denied");
  assert.equal((await thrown(stripe.refunds.create({ charge: "ch_of_bob", amount: 100 }, { headers }))).code, "scope_denied");
  assert.equal((await thrown(stripe.refunds.create({ charge: "ch_of_ada", amount: 5001 }, { headers }))).code, "parameter_denied");
  assert.equal((await stripe.refunds.create({ charge: "ch_of_ada", amount: 100 }, { headers })).charge, "ch_of_ada");

  const waits = await thrown(stripe.charges.create(ada, { headers }));
  assert.equal(waits.code, "approval_required");
  const [{ id }] = (await api("/approvals?state=pending")).data;
  assert.ok(waits.message.includes(id));
  await api(`/approvals/${id}/approve`, { method: "POST", body: "{}" });
  assert.equal((await stripe.charges.create(ada, { headers })).amount, 25_000);

  const intent = await stripe.paymentIntents.create({ amount: 700, currency: "usd", customer: "cus_ada", payment_method: "pm_card_visa", capture_method: "manual" }, { headers });
  assert.equal((await stripe.paymentIntents.confirm(intent.id, {}, { headers })).status, "requires_capture");
  const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 500 }, { headers });
  assert.equal(captured.amount_received, 500);
  assert.equal((await stripe.paymentIntents.retrieve(intent.id, {}, { headers })).status, "succeeded");
  assert.equal((await stripe.refunds.create({ payment_intent: intent.id, amount: 500 }, { headers })).charge, captured.latest_charge);
});

test("the walk-through shows what is allowed, refused, held, priced later, capped, stopped, and a bill", { timeout: 60_000 }, async () => {
  const walking = await startSandbox({ walk: true });
  await until(() => walking.running.out().includes("Now you"), "the end of the walk-through on a pipe", { timeout: 10_000 });
  const out = walking.running.out();
  assert.ok(!out.includes("did not happen"), out);
  for (const word of [/payout/i, /operation_denied/, /scope_denied.*cus_bob/, /approval_required/, /corrected by -0\.\d+ USD/, /anthropic's answer/, /openai's answer/, /budget_exceeded/, /stopped/, /stripe/, /twilio/, /openai/]) {
    assert.match(out, word);
  }
  assert.ok(out.split("\n").length <= 75, "it fits a screen or two");
  assert.equal((await walking.stop()).code, 0);
  assert.ok(!/\x1b\[/.test(out), "no colour where there is no terminal");
});

test("each report can be looked at as a table", async () => {
  const cli = (...args) => runBinary(binary, args, { cwd: box.dir, env: cleanEnv({ TOLLGATE_ADMIN: `http://${box.adminAddress}`, TOLLGATE_ADMIN_TOKEN: box.token }) });
  const ids = JSON.parse((await cli("report", "--json")).out).data.map((one) => one.id);
  assert.ok(ids.includes("access") && ids.length >= 6, `${ids}`);
  for (const id of ids) {
    const { code, err } = await cli("report", id);
    assert.ok(code === 0 || code === 2, `report ${id}: ${code} ${err}`);
  }
  const access = await cli("report", "access");
  assert.equal(access.code, 0, access.err);
  assert.match(access.out, /KEY.*CAPS/);
});

test("it ends at once and with 0 when asked", async () => {
  const began = performance.now();
  assert.equal((await box.stop()).code, 0, box.running.err());
  assert.ok(performance.now() - began < 5000);
});
