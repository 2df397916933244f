// SPDX-License-Identifier: Apache-2.0
// What a newcomer sees: the sandbox with all five official SDKs, and its walk-through.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { Resend } from "resend";
import Stripe from "stripe";
import twilio from "twilio";

import { nanos } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { sandboxKey, startSandbox } from "./lib/sandbox.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let box;

async function api(target) {
  const answer = await fetch(`http://${box.adminAddress}/api/v1${target}`, { headers: { authorization: `Bearer ${box.token}` } });
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
  assert.ok((await texts.messages(message.sid).fetch()).price);

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

test("the walk-through shows an allowed charge, a refused payout, a cap, a stop and a bill", { timeout: 60_000 }, async () => {
  const walking = await startSandbox({ walk: true });
  await until(() => walking.running.out().includes("Now you"), "the end of the walk-through on a pipe", { timeout: 10_000 });
  const out = walking.running.out();
  assert.ok(!out.includes("did not happen"), out);
  for (const word of [/payout/i, /operation_denied/, /budget_exceeded/, /stopped/, /stripe/, /openai/]) assert.match(out, word);
  assert.equal((await walking.stop()).code, 0);
  assert.ok(!/\x1b\[/.test(out), "no colour where there is no terminal");
});

test("it ends at once and with 0 when asked", async () => {
  const began = performance.now();
  assert.equal((await box.stop()).code, 0, box.running.err());
  assert.ok(performance.now() - began < 5000);
});
