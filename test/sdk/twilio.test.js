// SPDX-License-Identifier: Apache-2.0
// The official Twilio SDK through the gate, against emulate (stateful) and prism with Twilio's own OpenAPI document.
import { before } from "node:test";

import twilio from "twilio";

import { config, key, secrets, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startEmulate, startPrismTwilio } from "./lib/mocks.js";
import { until, minuteStays } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, upstream;
const from = "+15551234567";
const message = { to: "+15558675310", from, body: "hello" };
const oneSegment = 14_000_000n; // the manifest's estimate for +1, in nano-dollars
const { RestException } = twilio;

/** The usual carrier: the account as user, the key as password. */
function sdk(name, { prefix = "/twilio", of = gate, sid = twilioSid, suffix = "" } = {}) {
  const client = twilio(sid, tokenOf(name) + suffix);
  client.api.baseUrl = of.url + prefix;
  return client;
}

before(async () => {
  ({ twilio: upstream } = await startEmulate());
  gate = await startGate(
    config({ twilio: upstream.url }, {
      policies: {
        texts: { allow: ["twilio.messages.create", "twilio.messages.retrieve"] },
        usa: { allow: ["twilio.*"], scopes: { "twilio.to": ["+1*"] } },
      },
      keys: [
        key("free", ["twilio-main"]),
        key("texts", ["twilio-main"], { policy: "texts" }),
        key("usa", ["twilio-main"], { policy: "usa" }),
        key("day", ["twilio-main"], { budgets: [{ limit: "1 usd", window: "day" }] }),
        key("tight", ["twilio-main"], { budgets: [{ limit: "0.02 usd", window: "day" }] }),
        key("count", ["twilio-main"], { budgets: [{ limit: "2 messages", window: "day" }] }),
        key("rate", ["twilio-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
        key("retry", ["twilio-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
        key("race", ["twilio-main"], { budgets: [{ limit: "0.07 usd", window: "day" }] }),
      ],
    }),
  );
}, { timeout: 60_000 });

async function refused(fn) {
  const count = upstream.count;
  const error = await thrown(fn());
  assert.equal(upstream.count, count, "nothing is forwarded");
  return error;
}

test("a message goes through: the account's token swapped in, an estimate reserved", async () => {
  const run = newRun();
  const made = await sdk("day", { suffix: `.${run}` }).messages.create(message);
  assert.match(made.sid, /^(SM|MM)/);
  assert.equal(made.price, null);
  const sent = upstream.last();
  assert.equal(sent.headers.authorization, `Basic ${btoa(`${twilioSid}:${secrets.twilio}`)}`);
  assert.equal(sent.url, `/2010-04-01/Accounts/${twilioSid}/Messages.json`);
  assert.ok(!JSON.stringify(sent.rawHeaders).includes("key-of-"));
  const [row] = await gate.calls({ run });
  assert.equal(row.operation, "twilio.messages.create");
  assert.equal(nanos(row.reserved_usd), oneSegment);
  assert.equal(nanos(row.cost_usd), oneSegment, "until Twilio says a price, the estimate counts");
  assert.equal(row.settled, false);
  assert.equal(row.estimated, true);
  assert.equal(row.upstream_object_id, made.sid);
});

test("segments are counted as Twilio counts them", async () => {
  for (const [body, segments] of [
    ["x".repeat(160), 1n],
    ["x".repeat(161), 2n],
    ["€".repeat(80), 1n],
    ["€".repeat(81), 2n],
    ["ж".repeat(70), 1n],
    ["ж".repeat(71), 2n],
    ["x".repeat(459), 3n],
    ["x".repeat(460), 4n],
  ]) {
    const run = newRun();
    await sdk("free", { suffix: `.${run}` }).messages.create({ ...message, body });
    const [row] = await gate.calls({ run });
    assert.equal(nanos(row.reserved_usd), segments * oneSegment, `${body.length} x ${body[0]}`);
  }
});

test("without a prefix: the key is bound to one vendor", async () => {
  const made = await sdk("free", { prefix: "" }).messages.create(message);
  assert.equal((await sdk("free", { prefix: "" }).messages(made.sid).fetch()).sid, made.sid);
  assert.equal(upstream.last().url, `/2010-04-01/Accounts/${twilioSid}/Messages/${made.sid}.json`);
});

test("the key as user with the account given apart", async () => {
  const client = twilio(tokenOf("free"), "not-used", { accountSid: twilioSid });
  client.api.baseUrl = `${gate.url}/twilio`;
  assert.match((await client.messages.create(message)).sid, /^SM/);
});

test("a call that is not allowed: RestException, once", async () => {
  const client = sdk("texts");
  const error = await refused(() => client.calls.create({ to: message.to, from, url: "http://example.com/x.xml" }));
  assert.ok(error instanceof RestException, error.constructor.name);
  assert.equal(error.status, 403);
  assert.equal(error.code, 20403);
  assert.match(error.message, /twilio\.calls\.create/);
  assert.equal(error.moreInfo, "tollgate:operation_denied");
  assert.equal((await gate.calls({ key: "texts", denied: "operation_denied" })).length, 1);
});

test("autoRetry does not repeat a refusal", async () => {
  const client = twilio(twilioSid, tokenOf("tight"), { autoRetry: true, maxRetries: 3 });
  client.api.baseUrl = `${gate.url}/twilio`;
  const error = await refused(() => client.messages.create({ ...message, body: "x".repeat(161) }));
  assert.equal(error.status, 403);
  assert.equal(error.moreInfo, "tollgate:budget_exceeded");
  assert.equal((await gate.calls({ key: "tight" })).length, 1);
  assert.match((await client.messages.create(message)).sid, /^SM/, "one segment still fits");
});

test("autoRetry repeats our 429 as it would Twilio's, three times, and nothing is forwarded", { timeout: 40_000 }, async () => {
  await minuteStays();
  const client = twilio(twilioSid, tokenOf("retry"), { autoRetry: true, maxRetries: 3 });
  client.api.baseUrl = `${gate.url}/twilio`;
  await client.messages.list({ limit: 1 });
  const error = await refused(() => client.messages.list({ limit: 1 }));
  assert.equal(error.status, 429);
  assert.equal(error.code, 20429);
  assert.equal((await gate.calls({ key: "retry", denied: "rate_limited" })).length, 4);
});

test("what RestException carries: status, Twilio's kind of code, our code, message and details", async () => {
  const error = await refused(() => sdk("tight").messages.create({ ...message, body: "x".repeat(161) }));
  assert.equal(error.status, 403);
  assert.equal(typeof error.code, "number");
  assert.equal(error.details.code, "budget_exceeded");
  assert.equal(error.details.unit, "usd");
  assert.equal(error.details.limit, "0.02");
  assert.ok(error.details.call_id);
  assert.match(error.message, /0\.02/);
});

test("a list that is refused throws as well, and a key that is revoked is 20003", async () => {
  assert.equal((await refused(() => sdk("texts").calls.list({ limit: 1 }))).status, 403);
  const { token, id } = await gate.post("/keys", { name: "brief", policy: "all", credentials: ["twilio-main"] });
  const client = twilio(twilioSid, token);
  client.api.baseUrl = `${gate.url}/twilio`;
  await client.messages.list({ limit: 1 });
  await gate.ask("DELETE", `/api/v1/keys/${id}`);
  const error = await refused(() => client.messages.list({ limit: 1 }));
  assert.equal(error.status, 401);
  assert.equal(error.code, 20003);
});

test("an unknown key: RestException 401 with Twilio's own code", async () => {
  const client = twilio(twilioSid, "this-key-is-not-known-at-all");
  client.api.baseUrl = `${gate.url}/twilio`;
  const error = await refused(() => client.messages.create(message));
  assert.ok(error instanceof RestException, error.constructor.name);
  assert.equal(error.status, 401);
  assert.equal(error.code, 20003);
  assert.equal(error.moreInfo, "tollgate:key_unknown");
});

test("a rate of ours: 429 with Twilio's code", async () => {
  await minuteStays();
  const client = sdk("rate");
  await client.messages.list({ limit: 1 });
  const error = await refused(() => client.messages.list({ limit: 1 }));
  assert.equal(error.status, 429);
  assert.equal(error.code, 20429);
});

test("another account in the path is refused", async () => {
  const error = await refused(() => sdk("free", { sid: `AC${"1".repeat(32)}` }).messages.create(message));
  assert.equal(error.status, 403);
  assert.equal(error.moreInfo, "tollgate:scope_denied");
});

test("who may be written to", async () => {
  assert.match((await sdk("usa").messages.create(message)).sid, /^SM/);
  for (const to of ["+447700900123", "whatsapp:+447700900123"]) {
    assert.equal((await refused(() => sdk("usa").messages.create({ ...message, to }))).moreInfo, "tollgate:scope_denied");
  }
});

test("what answers with the account's secret is refused whatever the policy says", async () => {
  assert.equal((await refused(() => sdk("free").api.v2010.accounts(twilioSid).fetch())).moreInfo, "tollgate:operation_denied");
  assert.equal((await refused(() => sdk("free").newKeys.create({}))).moreInfo, "tollgate:operation_denied");
});

test("messages are a unit of their own", async () => {
  const client = sdk("count");
  await client.messages.create(message);
  await client.messages.create(message);
  assert.equal((await refused(() => client.messages.create(message))).moreInfo, "tollgate:budget_exceeded");
});

test("repeated To and From are refused, repeated MediaUrl is not", async () => {
  const post = (body) => fetch(`${gate.url}/twilio/2010-04-01/Accounts/${twilioSid}/Messages.json`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${twilioSid}:${tokenOf("free")}`)}`, "content-type": "application/x-www-form-urlencoded" },
    body,
  });
  const count = upstream.count;
  const twice = await post("To=%2B15558675310&To=%2B447700900123&From=%2B15551234567&Body=x");
  assert.equal(twice.status, 400);
  assert.equal(twice.headers.get("x-tollgate-denied"), "not_canonical");
  assert.equal(upstream.count, count);
  const media = await post("To=%2B15558675310&From=%2B15551234567&MediaUrl=http%3A%2F%2Fe.com%2Fa&MediaUrl=http%3A%2F%2Fe.com%2Fb");
  assert.equal(media.status, 201);
  assert.match(upstream.last().text, /MediaUrl=.*MediaUrl=/);
});

test("20 texts at once against the price of 5: exactly 5 go up", async () => {
  const count = upstream.count;
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => sdk("race").messages.create(message)));
  assert.equal(results.filter((result) => result.status === "fulfilled").length, 5);
  assert.equal(upstream.count - count, 5);
});

test("prism with Twilio's document: create, fetch, list, and no price becomes a wrong one", { timeout: 120_000 }, async () => {
  const prism = await startPrismTwilio();
  const other = await startGate(config({ twilio: prism.url }, { keys: [key("prism", ["twilio-main"], { budgets: [{ limit: "1 usd", window: "day" }] })] }));
  const client = sdk("prism", { of: other });
  const made = await client.messages.create(message);
  assert.equal(made.price, null);
  const sid = `SM${"a".repeat(32)}`;
  assert.equal((await client.messages(sid).fetch()).price, "-0.00750");
  assert.ok(Array.isArray(await client.messages.list({ limit: 2 })));
  const rows = await other.calls({ key: "prism" });
  assert.deepEqual([...new Set(rows.map((row) => row.operation))].sort(), ["twilio.messages.create", "twilio.messages.list", "twilio.messages.retrieve"]);
  assert.equal(nanos(rows.at(-1).cost_usd), oneSegment);
  const late = await until(async () => (await other.call(rows.at(-1).id)).settlements?.[0], "the price prism fills in", { timeout: 20_000, every: 100 });
  assert.equal(nanos(late.cost_usd), 7_500_000n - oneSegment, "the difference to the estimate is booked");
});
