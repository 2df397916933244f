// SPDX-License-Identifier: Apache-2.0
// What texts and calls really cost: Twilio says it later. An upstream of ours plays Twilio's part in time (no mock fills prices in);
// the SDK is Twilio's, and so is the code that signs its callbacks.
import { before } from "node:test";
import fs from "node:fs";
import path from "node:path";

import twilio from "twilio";

import { config, key, secrets, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, startGate, tempDir } from "./lib/gate.js";
import { freePort, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const { getExpectedTwilioSignature } = twilio.validateRequest ? await import("twilio/lib/webhooks/webhooks.js").then((m) => m.default) : {};
const message = { to: "+15558675310", from: "+15551234567", body: "hello" };
const estimate = 14_000_000n; // one part to +1, in nano-dollars
const twiml = "https://agent.example/answer.xml";
const things = new Map(); // what was made, by id
let gate, upstream, agent, serial = 0;

/** Twilio's part: makes messages and calls without a price, and says later what was set meanwhile. */
function play(call, res) {
  const [target] = call.url.split("?");
  const form = new URLSearchParams(call.text);
  const made = target.match(/\/(Messages|Calls)\.json$/);
  if (call.method === "POST" && made) {
    const sid = `${made[1] === "Calls" ? "CA" : "SM"}${String(++serial).padStart(32, "0")}`;
    things.set(sid, { sid, status: "queued", to: form.get("To"), price: null, price_unit: "USD", num_segments: "1", callback: form.get("StatusCallback") });
    return answerJson(res, 201, things.get(sid));
  }
  const thing = things.get(target.match(/\/((?:SM|CA)\d+)\.json$/)?.[1]);
  return thing ? answerJson(res, 200, thing) : answerJson(res, 404, { code: 20404, message: "not found", status: 404 });
}

/** Twilio calls back: signed by its own SDK's code. */
async function callBack(sid, status, { token = secrets.twilio, changes = {} } = {}) {
  const thing = things.get(sid);
  const params = sid.startsWith("CA") ? { CallSid: sid, CallStatus: status, AccountSid: twilioSid } : { MessageSid: sid, MessageStatus: status, AccountSid: twilioSid };
  return fetch(thing.callback, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": getExpectedTwilioSignature(token, thing.callback, params) },
    body: new URLSearchParams({ ...params, ...changes }),
  });
}

function sdk(name, run) {
  const client = twilio(twilioSid, tokenOf(name) + (run ? `.${run}` : ""));
  client.api.baseUrl = `${gate.url}/twilio`;
  return client;
}

/** A message of a run of its own, with its row. */
async function send(name, more = {}) {
  const run = newRun();
  const made = await sdk(name, run).messages.create({ ...message, ...more });
  const [row] = await gate.calls({ run });
  return { ...made, run, row };
}

const corrected = (row) => until(async () => {
  const { settlements } = await gate.call(row.id);
  return settlements?.find((one) => one.reason === "the vendor told what it cost");
}, `a late price of ${row.id}`);

const spent = async (run) => nanos((await gate.get(`/runs/${run}`)).total_usd);

let slow;
before(async () => {
  upstream = await startScripted(play);
  agent = await startScripted((_, res) => answerJson(res, 200, {}));
  const port = await freePort();
  gate = await startGate(
    config({ twilio: upstream.url }, {
      listen: `127.0.0.1:${port}`,
      public_url: `http://127.0.0.1:${port}`,
      private_callbacks: true,
      policies: {
        calls: { allow: ["twilio.*"], scopes: { "twilio.url": [twiml] } },
        speed: { allow: ["twilio.*"], brakes: [{ spend: "0.5 usd", within: "1m", action: "stop", per: "key" }] },
      },
      keys: [
        key("free", ["twilio-main"]),
        key("cap", ["twilio-main"], { budgets: [{ limit: "0.1 usd", window: "day" }] }),
        key("count", ["twilio-main"], { budgets: [{ limit: "1 messages", window: "day" }] }),
        key("calls", ["twilio-main"], { policy: "calls", budgets: [{ limit: "1 usd", window: "day" }] }),
        key("speed", ["twilio-main"], { policy: "speed", budgets: [{ limit: "100 usd", window: "day" }] }),
      ],
    }),
  );
  slow = await send("free"); // no callback will come for it: see the last test
  things.get(slow.sid).price = "-0.00750";
});

test("S-04 cost known only afterwards: estimates hold the cap, prices make room, the error is shown", async () => {
  const sent = [];
  for (let i = 0; i < 7; i++) sent.push(await send("cap"));
  for (const { row } of sent) {
    assert.equal(nanos(row.reserved_usd), estimate);
    assert.equal(nanos(row.cost_usd), estimate);
    assert.equal(row.estimated, true);
  }
  const error = await thrown(sdk("cap").messages.create(message));
  assert.equal(error.moreInfo, "tollgate:budget_exceeded");
  for (const [i, { sid }] of sent.entries()) {
    Object.assign(things.get(sid), { status: "delivered", price: i ? "-0.00790" : "-0.02000" });
    assert.equal((await callBack(sid, "delivered")).status, 200);
  }
  for (const { row } of sent) await corrected(row);
  assert.equal(await spent(sent[1].run), 7_900_000n, "what Twilio says it cost");
  assert.equal(await spent(sent[0].run), 20_000_000n, "dearer than estimated: the error of one message");
  await send("cap"); // 0.0674 spent, 0.014 more fits
  assert.equal((await thrown(sdk("cap").messages.create({ ...message, body: "x".repeat(161) }))).moreInfo, "tollgate:budget_exceeded");
});

test("the agent's own StatusCallback is called in turn, and Twilio sees only ours", async () => {
  const own = `${agent.url}/status?x=1`;
  const { sid, row } = await send("free", { statusCallback: own });
  const forwarded = things.get(sid).callback;
  assert.ok(forwarded.startsWith(`${gate.url}/hooks/twilio/twilio-main`), forwarded);
  assert.ok(!forwarded.includes(agent.url), "sealed");
  Object.assign(things.get(sid), { status: "delivered", price: "-0.00790" });
  assert.equal((await callBack(sid, "delivered")).status, 200);
  const carried = await until(() => agent.calls.find((call) => call.url === "/status?x=1"), "the agent's callback");
  assert.match(carried.text, new RegExp(`MessageSid=${sid}`));
  assert.match(carried.text, /MessageStatus=delivered/);
  await corrected(row);
});

test("a callback that Twilio did not sign is refused and asks for nothing", async () => {
  const { sid, row } = await send("free");
  const count = upstream.count;
  Object.assign(things.get(sid), { status: "delivered", price: "-9.00000" });
  assert.equal((await callBack(sid, "delivered", { token: "guessed" })).status, 401);
  assert.equal((await callBack(sid, "delivered", { changes: { MessageStatus: "failed" } })).status, 401);
  assert.equal(upstream.count, count);
  assert.equal((await gate.call(row.id)).settlements?.length ?? 0, 0);
});

test("canceled and failed messages give back what they held", async () => {
  for (const status of ["canceled", "failed"]) {
    const { sid, row, run } = await send("free");
    things.get(sid).status = status;
    await callBack(sid, status);
    await corrected(row);
    assert.equal(await spent(run), 0n, status);
  }
  const first = await send("count");
  assert.equal((await thrown(sdk("count").messages.create(message))).moreInfo, "tollgate:budget_exceeded");
  things.get(first.sid).status = "canceled";
  await callBack(first.sid, "canceled");
  await corrected(first.row);
  await send("count");
});

test("failed with a fee costs the fee", async () => {
  const { sid, row, run } = await send("free");
  Object.assign(things.get(sid), { status: "failed", price: "-0.00100" });
  await callBack(sid, "failed");
  await corrected(row);
  assert.equal(await spent(run), 1_000_000n);
});

test("a call may last as long as the operator says, and settles to its price", async () => {
  const run = newRun();
  const made = await sdk("calls", run).calls.create({ to: message.to, from: message.from, url: twiml });
  assert.match(upstream.last().text, /TimeLimit=600/);
  const [row] = await gate.calls({ run });
  assert.equal(nanos(row.reserved_usd), 10n * 22_000_000n);
  const error = await thrown(sdk("calls").calls.create({ to: message.to, from: message.from, url: twiml, timeLimit: 14400 }));
  assert.equal(error.moreInfo, "tollgate:parameter_denied");
  assert.match(error.message, /TimeLimit/);
  Object.assign(things.get(made.sid), { status: "completed", price: "-0.01400" });
  assert.equal((await callBack(made.sid, "completed")).status, 200);
  await corrected(row);
  assert.equal(await spent(run), 14_000_000n);
});

test("media, the dearer part of a service, templates and shortened links", async () => {
  for (const [more, cost] of [
    [{ mediaUrl: ["https://e.example/a", "https://e.example/b"] }, estimate + 70_000_000n],
    [{ sendAsMms: true }, estimate + 35_000_000n],
    [{ contentSid: `HX${"0".repeat(32)}`, body: undefined }, 24n * estimate],
    [{ shortenUrls: true }, 24n * estimate],
    [{ body: "\t".repeat(70), messagingServiceSid: `MG${"0".repeat(32)}`, from: undefined }, 4n * estimate],
    [{ to: "+18765550100" }, 300_000_000n],
    [{ to: "+14165550100" }, estimate],
  ]) {
    const { row } = await send("free", more);
    assert.equal(nanos(row.reserved_usd), cost, JSON.stringify(more));
  }
});

// A multiple of the normal speed: brakes.test.js.
test("S-05 twenty-five hundred texts on a dear route: the key is stopped at half a dollar a minute, not at the cap of a hundred", async () => {
  const to = "+447700900123"; // 0.06 each: 2,500 of them are 150 dollars
  let through = 0, error;
  for (; !error && through < 2500; through += error ? 0 : 1) error = await sdk("speed").messages.create({ ...message, to, body: `${through}` }).then(() => null, (refusal) => refusal);
  assert.equal(through, 9); // the ninth passed the half dollar
  assert.equal(error.moreInfo, "tollgate:loop_detected");
  const count = upstream.count;
  await thrown(sdk("speed").messages.create(message));
  assert.equal(upstream.count, count, "nothing more is forwarded");
});

test("prices are imported from the Pricing API's documents and from CSV", async () => {
  const dir = tempDir("prices");
  const write = (name, text) => fs.writeFileSync(path.join(dir, name), typeof text === "string" ? text : JSON.stringify(text));
  const sms = (iso, ...prices) => ({
    country: iso, iso_country: iso, price_unit: "USD", url: "x", inbound_sms_prices: [],
    outbound_sms_prices: prices.map((price, i) => ({ carrier: `c${i}`, mcc: "001", mnc: `${i}`, prices: [{ number_type: "local", base_price: "9", current_price: price }, { number_type: "mobile", base_price: "0.01", current_price: "0.01" }] })),
  });
  write("de.json", sms("DE", "0.0750", "0.1120", "0.0900"));
  write("list.json", [sms("JM", "0.2500"), sms("US", "0.0079")]);
  write("voice.json", { country: "Jamaica", iso_country: "JM", price_unit: "USD", outbound_prefix_prices: [
    { friendly_name: "Mobile", destination_prefixes: ["1876", "1658"], origination_prefixes: ["ALL"], base_price: "0.3", current_price: "0.2100" } ] });
  write("more.csv", "ISO,Country,Description,\"Price / msg\"\nGB,United Kingdom,\"O2, all\",0.0400\nGB,United Kingdom,EE,0.0463\n");
  const before = (await gate.get("/vendors/twilio")).settings ?? {};
  write("bad.json", { ...sms("FR", "0.05"), outbound_sms_prices: [{ prices: [{ current_price: "0,05" }] }] });
  const bad = await gate.cli("vendor", "prices", "twilio", path.join(dir, "de.json"), path.join(dir, "bad.json"));
  assert.equal(bad.code, 4, bad.err);
  assert.match(bad.err, /bad\.json: outbound_sms_prices\[0\]\.prices\[0\]\.current_price: found "0,05"; allowed: a decimal/);
  assert.deepEqual((await gate.get("/vendors/twilio")).settings ?? {}, before, "nothing is changed");
  write("bad.csv", "DE,0.1\nxx-yy,0.2\n");
  assert.match((await gate.cli("vendor", "prices", "twilio", path.join(dir, "bad.csv"))).err, /bad\.csv: line 2: found "xx-yy"/);
  const euro = await gate.cli("vendor", "prices", "twilio", "--print", (write("eur.json", { ...sms("DE", "0.1"), price_unit: "EUR" }), path.join(dir, "eur.json")));
  assert.match(euro.err, /price_unit: found "EUR"; allowed: USD/);
  for (const name of ["bad.json", "bad.csv", "eur.json"]) fs.rmSync(path.join(dir, name));
  const printed = await gate.cli("vendor", "prices", "twilio", dir, "--print");
  assert.equal(printed.code, 0, printed.err);
  assert.match(printed.out, /sms_price_usd:\n[^]*"44": "0\.0463"\n[^]*"49": "0\.112"\n[^]*voice_price_usd:\n[^]*"1876": "0\.21"/);
  const done = await gate.cli("vendor", "prices", "twilio", dir);
  assert.equal(done.code, 0, done.err);
  for (const [to, cost] of [["+4915112345678", 112_000_000n], ["+18765550100", 250_000_000n], ["+447700900123", 46_300_000n], ["+15558675310", 10_000_000n], ["+33612345678", 90_000_000n]]) {
    const { row } = await send("free", { to });
    assert.equal(nanos(row.reserved_usd), cost, to);
  }
  const run = newRun();
  await sdk("calls", run).calls.create({ to: "+18765550100", from: message.from, url: twiml, timeLimit: 61 });
  assert.equal(nanos((await gate.calls({ run }))[0].reserved_usd), 2n * 210_000_000n);
});

test("without a callback the price is asked for", { timeout: 40_000 }, async () => {
  await until(async () => (await gate.call(slow.row.id)).settlements?.find((one) => one.reason === "the vendor told what it cost"), "the price", { timeout: 30_000, every: 200 });
  assert.equal(await spent(slow.run), 7_500_000n);
  const asked = upstream.calls.filter((call) => call.url.includes(slow.sid));
  assert.equal(asked.length, 1);
  assert.equal(asked[0].method, "GET");
});
