// SPDX-License-Identifier: Apache-2.0
// What strangers may say to the gate, and vendors that lie to it: forged and repeated webhooks, callbacks to where nobody shall be led, prices that
// are none, token endpoints that stall, redirect or never stop refusing.
import crypto from "node:crypto";
import http from "node:http";
import { before } from "node:test";

import Stripe from "stripe";
import twilio from "twilio/lib/webhooks/webhooks.js";

import { config, key, secrets, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, sleep, startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test } from "./lib/test.js";

const signing = "whsec_of_the_tests_0001", another = "whsec_of_another_0002";
const stripe = new Stripe("sk_x");
const signed = (payload, secret, more = {}) => stripe.webhooks.generateTestHeaderString({ payload, secret, ...more });

describe("webhooks", () => {
  let gate, upstream;
  before(async () => {
    upstream = await startScripted((call, res) => answerJson(res, 200, { id: "ch_1", amount: 2000, currency: "usd", status: "succeeded", captured: true, amount_captured: 2000 }));
    gate = await startGate(config({ stripe: upstream.url }, {
      keys: [key("free", ["stripe-main"])], workers: 2,
      credentials: { "stripe-main": { hook_secret: signing }, "stripe-other": { vendor: "stripe", secret: "sk_test_another_0009", hook_secret: another } },
    }));
  });

  const send = (payload, header, path = "/hooks/stripe/stripe-main", more = {}) => fetch(gate.url + path, { method: "POST", headers: { "content-type": "application/json", ...(header ? { "stripe-signature": header } : {}), ...more }, body: payload });
  const event = (id, object, type = "charge.dispute.funds_withdrawn") => JSON.stringify({ id, object: "event", type, data: { object } });
  const dispute = { id: "dp_9", object: "dispute", charge: "ch_1", amount: 2000, currency: "usd", status: "lost" };
  const run = newRun();
  const spent = async () => Number(nanos((await gate.get(`/runs/${run}`)).total_usd)) / 1e9;

  test("a charge that they are about", async () => {
    const charges = new Stripe(tokenOf("free"), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 }).charges;
    await charges.create({ amount: 2000, currency: "usd", source: "tok_visa" }, { headers: { "x-agent-run-id": run } });
    assert.equal(await spent(), 20);
  });

  test("forged, old, unsigned, signed by another credential's secret or for another body: refused, and noted nowhere", async () => {
    const payload = event("evt_f", dispute);
    const good = signed(payload, signing);
    const [, t, v1] = good.match(/t=(\d+),v1=([0-9a-f]+)/);
    for (const [body, header, path] of [
      [payload, undefined], [payload, ""], [payload, signed(payload, another)], [payload, signed(payload, secrets.stripe)], [`${payload} `, good], [payload, `t=${t}`], [payload, `v1=${v1}`],
      [payload, `t=${t},v0=${v1}`], [payload, `t=${Number(t) + 1},v1=${v1}`], [payload, `t=${t},t=1,v1=${v1}`.replace(v1, v1.slice(1))], [payload, `t=${t},v1=`], [payload, `t=${t},v1=${v1.slice(0, 8)}`],
      [payload, signed(payload, signing, { timestamp: Math.floor(Date.now() / 1000) - 4000 })], [payload, signed(payload, signing, { timestamp: Math.floor(Date.now() / 1000) + 4000 })],
      [payload, good, "/hooks/stripe/stripe-other"], [payload, good, "/hooks/stripe/nobody"], [payload, good, "/hooks/twilio/stripe-main"], [payload, good, "/hooks/stripe/"], [payload, good, "/hooks/stripe/stripe-main/x"],
      [payload, good, "/hooks/stripe/stripe-main?to=00ff&call=call_1"], [payload, good, "/hooks/stripe/stripe-main?to=00ff"],
    ]) {
      const answer = await send(body, header, path);
      assert.ok(answer.status >= 400 && answer.status < 500, `${header} ${path}: ${answer.status}`);
    }
    await sleep(300);
    assert.equal(await spent(), 20);
  });

  test("two signatures of which one is ours, as while a secret is rolled", async () => {
    const payload = event("evt_two", { ...dispute, id: "dp_two" });
    const [, t, v1] = signed(payload, signing).match(/t=(\d+),v1=([0-9a-f]+)/);
    assert.equal((await send(payload, `t=${t},v1=${"0".repeat(64)},v1=${v1}`)).status, 200);
  });

  test("the same event 200 times at once is one", { timeout: 60_000 }, async () => {
    await until(async () => (await spent()) === 55, "the one before: 20, and 20 with 15 of the fee");
    for (let round = 0; round < 10; round++) {
      const payload = event(`evt_once_${round}`, { ...dispute, id: `dp_${round}` });
      const header = signed(payload, signing);
      const all = await Promise.all(Array.from({ length: 200 }, () => send(payload, header)));
      assert.ok(all.every((answer) => answer.status === 200));
    }
    await sleep(500);
    assert.equal(await spent(), 55 + 10 * 35, "ten events at $35");
  });

  test("10,000 objects in one, 200 levels, amounts of no sense: taken or refused, and the gate lives", async () => {
    for (const object of [
      { ...dispute, id: Array.from({ length: 10_000 }, (_, i) => `dp_${i}`) }, { ...dispute, data: Array.from({ length: 10_000 }, (_, i) => ({ id: `x${i}` })) },
      { ...dispute, amount: 1e308 }, { ...dispute, amount: -2000 }, { ...dispute, amount: "2000" }, { ...dispute, amount: 9007199254740993 }, { ...dispute, amount: null }, { ...dispute, currency: "xxx" },
      { ...dispute, currency: 7 }, { ...dispute, id: "x".repeat(100_000) }, { ...dispute, charge: { id: "ch_1" } }, null, [], "x", 7,
    ]) {
      const payload = event(`evt_${crypto.randomUUID()}`, object);
      const { status } = await send(payload, signed(payload, signing));
      assert.ok(status === 200 || (status >= 400 && status < 500), `${payload.slice(0, 200)}: ${status}`);
    }
    for (const payload of ["", "null", "[]", "{", '{"id":1}', '{"id":"e","type":"charge.dispute.created"}', `{"id":"e2","type":"${"x".repeat(5000)}","data":{"object":{}}}`, `${"[".repeat(300)}${"]".repeat(300)}`]) {
      const { status } = await send(payload, signed(payload, signing));
      assert.ok(status === 200 || (status >= 400 && status < 500), `${payload.slice(0, 60)}: ${status}`);
    }
    const { status } = await send("x".repeat(3 << 20), "t=1,v1=00");
    assert.ok(status >= 400 && status < 500, `${status}`);
    assert.equal((await fetch(`http://${gate.adminAddress}/healthz`)).status, 200);
    await sleep(300);
    assert.ok(Math.abs(await spent()) < 10_000, `${await spent()}`);
  });

  test("agents' keys do not open it, and it opens nothing", async () => {
    const before = upstream.count;
    const answer = await fetch(`${gate.url}/hooks/stripe/stripe-main`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("free")}` }, body: event("evt_k", dispute) });
    assert.ok(answer.status >= 400);
    assert.equal((await fetch(`${gate.url}/hooks/stripe/stripe-main`)).status >= 400, true);
    assert.equal(upstream.count, before);
  });
});

describe("Twilio's callbacks and prices", () => {
  let gate, upstream, agents, price;
  const things = new Map();
  before(async () => {
    let serial = 0;
    agents = await startScripted((_, res) => res.writeHead(204).end());
    upstream = await startScripted((call, res) => {
      const sid = call.url.match(/Messages\/(SM[^.]*)\.json/)?.[1];
      if (sid) return res.writeHead(200, { "content-type": "application/json" }).end(`{"sid":"${sid}","status":"delivered","price":${price},"price_unit":"USD","num_segments":"1"}`);
      const form = new URLSearchParams(call.text);
      const made = `SM${String(++serial).padStart(32, "0")}`;
      things.set(made, form.get("StatusCallback"));
      answerJson(res, 201, { sid: made, status: "queued", price: null, price_unit: "USD", num_segments: "1", to: form.get("To") });
    });
    gate = await startGate(config({ twilio: upstream.url }, {
      public_url: "https://gate.example.com",
      vendors: { twilio: { settings: { sms_price_usd: { default: "0.05" } } } },
      keys: [key("free", ["twilio-main"], { budgets: [{ limit: "50 usd", window: "day" }] })],
    }));
  });

  const text = (callback, run) => new Promise((resolve, reject) => {
    const body = new URLSearchParams({ To: "+15551230000", From: "+15550000000", Body: "x", ...(callback ? { StatusCallback: callback } : {}) }).toString();
    const request = http.request({ host: "127.0.0.1", port: gate.port, method: "POST", path: `/twilio/2010-04-01/Accounts/${twilioSid}/Messages.json`,
      headers: { authorization: `Basic ${Buffer.from(`${twilioSid}:${tokenOf("free")}`).toString("base64")}`, "content-type": "application/x-www-form-urlencoded", "x-agent-run-id": run } }, (answer) => {
      const parts = [];
      answer.on("data", (bytes) => parts.push(bytes));
      answer.on("end", () => resolve({ status: answer.statusCode, body: JSON.parse(Buffer.concat(parts).toString()) }));
    });
    request.on("error", reject);
    request.end(body);
  });
  const deliver = (sid, url, address = url) => {
    const params = { MessageSid: sid, MessageStatus: "delivered", AccountSid: twilioSid };
    const { pathname, search } = new URL(address);
    return fetch(gate.url + pathname + search, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": twilio.getExpectedTwilioSignature(secrets.twilio, url, params) }, body: new URLSearchParams(params) });
  };

  test("an address inside is never called, however it is written", { timeout: 60_000 }, async () => {
    const port = new URL(agents.url).port;
    price = "null";
    for (const where of [`http://127.0.0.1:${port}/`, `http://localhost:${port}/`, `http://[::1]:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`, `http://0.0.0.0:${port}/`, `http://2130706433:${port}/`, `http://0x7f.1:${port}/`, `http://127.1:${port}/`,
      `http://017700000001:${port}/`, `http://user@127.0.0.1:${port}/`, `http://localhost.:${port}/`, "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "gopher://127.0.0.1/", `HTTP://LOCALHOST:${port}/`, `//127.0.0.1:${port}/`, "javascript:1"]) {
      const made = await text(where, newRun());
      if (made.status >= 400) continue;
      const ours = things.get(made.body.sid);
      assert.ok(ours.startsWith("https://gate.example.com/hooks/twilio/twilio-main?call="), ours);
      assert.equal((await deliver(made.body.sid, ours)).status, 200, where);
    }
    await sleep(3000);
    assert.equal(agents.count, 0, agents.calls.map((call) => call.headers.host).join());
  });

  test("a ticket that is forged, cut, or of another call is refused", async () => {
    const [one, two] = [await text("https://agent.example/one", newRun()), await text("https://agent.example/two", newRun())];
    const [a, b] = [new URL(things.get(one.body.sid)), new URL(things.get(two.body.sid))];
    const swapped = `${a.origin}${a.pathname}?call=${a.searchParams.get("call")}&to=${b.searchParams.get("to")}`;
    const to = a.searchParams.get("to");
    const flipped = (to[40] === "0" ? "1" : "0");
    for (const url of [swapped, a.href.replace(to, to.slice(0, -2)), a.href.replace(to, `${to.slice(0, 40)}${flipped}${to.slice(41)}`), a.href.replace(to, ""), a.href.replace(to, Buffer.from("http://evil.example/").toString("hex")), a.href.replace(/call=[^&]*&/, "")]) {
      assert.equal((await deliver(one.body.sid, url)).status, 400, url);
    }
    assert.ok([401, 403].includes((await deliver(one.body.sid, b.href, a.href)).status), "signed for another address");
    assert.equal((await deliver(one.body.sid, a.href)).status, 200);
  });

  test("prices that are none, or of no sense, are not booked: the estimate stands until a price is told", { timeout: 60_000 }, async () => {
    for (const said of ['"1e400"', '"-1e400"', "1e999", '"NaN"', '"abc"', "{}", "[1]", "true", '"0x10"', '"-9223372036854775808"', '"99999999999999999999"', '"1,5"', '" "']) {
      price = said;
      const run = newRun();
      const made = await text(undefined, run);
      assert.equal(made.status, 201);
      assert.equal((await deliver(made.body.sid, things.get(made.body.sid))).status, 200);
      await sleep(250);
      const total = nanos((await gate.get(`/runs/${run}`)).total_usd);
      assert.ok(total >= 0n && total <= 50_000_000n, `${said}: ${total}`);
    }
    // Let the askings after the nudges come; the odd prices must not have moved the balance below zero or beyond.
    await sleep(1500);
    price = '"-0.0079"';
    const run = newRun();
    const made = await text(undefined, run);
    await deliver(made.body.sid, things.get(made.body.sid));
    await until(async () => nanos((await gate.get(`/runs/${run}`)).total_usd) === 7_900_000n, "the price is booked", { timeout: 15_000 });
  });
});

describe("a brokered token", () => {
  let gate, upstream, elsewhere, token, calls;
  const clientSecret = "client-secret-of-paypal-1", otherSecret = "client-secret-of-paypal-2";
  before(async () => {
    elsewhere = await startScripted((_, res) => answerJson(res, 200, { access_token: "stolen", token_type: "Bearer", expires_in: 100 }));
    upstream = await startScripted((call, res) => (call.url === "/v1/oauth2/token" ? token(call, res) : calls(call, res)));
    gate = await startGate({
      vendors: { paypal: { base_url: upstream.url, deadlines: { first_byte: "1s", idle: "1s" } } },
      credentials: { one: { vendor: "paypal", key_id: "client-1-0001", secret: clientSecret }, two: { vendor: "paypal", key_id: "client-2-0002", secret: otherSecret } },
      policies: { all: { allow: ["*"] } },
      keys: [key("one", ["one"]), key("two", ["two"])],
    });
  });
  const get = async (who, more = {}) => {
    const answer = await fetch(`${gate.url}/paypal/v2/checkout/orders/O-1`, { headers: { authorization: `Bearer ${tokenOf(who)}`, ...more } });
    return { status: answer.status, text: `${JSON.stringify([...answer.headers])}${await answer.text()}` };
  };
  const good = (value, more = {}) => (_, res) => answerJson(res, 200, { access_token: value, token_type: "Bearer", expires_in: 3000, ...more });
  const fine = (_, res) => answerJson(res, 200, { id: "O-1", status: "CREATED" });
  const asked = () => upstream.calls.filter((call) => call.url === "/v1/oauth2/token").length;

  test("an endpoint that gives none: refused; the secret goes nowhere else and is not told", { timeout: 60_000 }, async () => {
    calls = fine;
    for (const [what, answer] of Object.entries({
      "a redirect": (_, res) => res.writeHead(302, { location: `${elsewhere.url}/v1/oauth2/token` }).end(),
      "a 307": (_, res) => res.writeHead(307, { location: `${elsewhere.url}/v1/oauth2/token` }).end(),
      "HTML": (_, res) => res.writeHead(200, { "content-type": "text/html" }).end(`<html>${clientSecret}</html>`),
      "an echo": (call, res) => answerJson(res, 401, { error: clientSecret, error_description: call.headers.authorization }),
      "an echo in the error's code": (_, res) => answerJson(res, 400, { error: "client_secret_is_wrong", error_description: clientSecret }),
      "a negative time": good("tok", { expires_in: -5 }), "no time of sense": good("tok", { expires_in: "soon" }), "too long a time": good("tok", { expires_in: 1e300 }),
      "a huge one": good("x".repeat(100_000)), "one with line ends": good("tok\r\nx-evil: 1"), "an empty one": good(""), "none": (_, res) => answerJson(res, 200, {}), "a list": (_, res) => answerJson(res, 200, [1]),
      "another type": good("tok", { token_type: "mac" }), "3 MiB": (_, res) => answerJson(res, 200, { access_token: "t", x: "y".repeat(3 << 20) }),
      "a cut": (_, res) => { res.writeHead(200, { "content-length": 500 }); res.write("{"); setTimeout(() => res.destroy(), 10); }, "nothing": (_, res) => res.destroy(),
      "a stall": () => {},
    })) {
      token = answer;
      const before = upstream.calls.filter((call) => call.url.startsWith("/v2")).length;
      const { status, text } = await get("one");
      assert.ok(status >= 500, `${what}: ${status} ${text}`);
      assert.equal(upstream.calls.filter((call) => call.url.startsWith("/v2")).length, before, `${what}: nothing without a token`);
      assert.ok(!text.includes(clientSecret) && !text.includes(Buffer.from(`client-1-0001:${clientSecret}`).toString("base64")), what);
    }
    assert.equal(elsewhere.count, 0);
  });

  test("two credentials never share one, and none is told", async () => {
    token = (call, res) => good(call.headers.authorization.includes(Buffer.from(`client-1-0001:${clientSecret}`).toString("base64")) ? "token-of-one-111" : "token-of-two-222")(call, res);
    calls = (call, res) => answerJson(res, 200, { id: "O-1", echo: call.headers.authorization });
    for (let i = 0; i < 5; i++) {
      for (const who of ["one", "two"]) {
        const { text } = await get(who);
        assert.equal(upstream.last().headers.authorization, `Bearer token-of-${who}-${who === "one" ? "111" : "222"}`);
        assert.ok(!text.includes("token-of-"), text);
      }
    }
  });

  test("100 at once while it is slow: all go through, with it alone", async () => {
    await gate.post("/reload").catch(() => null);
    calls = fine;
    token = (call, res) => setTimeout(() => good("slow-token-3333")(call, res), 300);
    const all = await Promise.all(Array.from({ length: 100 }, () => get("one")));
    assert.ok(all.every((one) => one.status === 200));
  });

  test("a vendor that refuses every token: asked once more, then its refusal, without the token", async () => {
    token = good("refused-token-444");
    calls = (call, res) => answerJson(res, 401, { name: "AUTHENTICATION_FAILURE", message: call.headers.authorization });
    const [tokens, sent] = [asked(), upstream.calls.filter((call) => call.url.startsWith("/v2")).length];
    const { status, text } = await get("one");
    assert.equal(status, 401);
    assert.ok(!text.includes("token-444") && !text.includes("3333"), text);
    assert.ok(asked() - tokens <= 1, `${asked() - tokens} tokens`);
    assert.ok(upstream.calls.filter((call) => call.url.startsWith("/v2")).length - sent <= 2);
  });

  test("one that a caller brings is never the vendor's", async () => {
    calls = fine;
    token = good("fresh-token-5555");
    const before = upstream.count;
    const { status } = await get("one", { "paypal-auth-assertion": "eyJhbGciOiJub25lIn0.e30." });
    assert.ok(status >= 400, "another merchant's account is not the caller's to choose");
    assert.equal(upstream.count, before);
    await get("one", { "x-paypal-auth": "x", cookie: "a=b" });
    const call = upstream.last();
    assert.equal(call.headers["x-paypal-auth"] ?? call.headers.cookie, undefined);
    assert.ok(!call.rawHeaders.join().includes("key-of-"));
  });
});
