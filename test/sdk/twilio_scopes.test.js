// SPDX-License-Identifier: Apache-2.0
// Whom Twilio's SDK may reach, by what, and what it never sees: scopes over all products, TwiML, keys in answers.
import { before } from "node:test";

import twilio from "twilio";

import { config, key, secrets, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, upstream;
const message = { to: "+15558675310", from: "+15551234567", body: "hello" };
const good = "https://voice.example/answer.xml";

/** Every product behind the gate. */
function sdk(name, { sid = twilioSid, run } = {}) {
  const client = twilio(sid, tokenOf(name) + (run ? `.${run}` : ""));
  client.api.baseUrl = `${gate.url}/twilio`;
  for (const product of ["verify", "lookups", "studio", "conversations", "notify", "proxy", "taskrouter", "messaging", "iam"]) client[product].baseUrl = `${gate.url}/twilio/${product}`;
  return client;
}

const answers = [
  [/\/Accounts\/AC\w+\.json$/, { sid: twilioSid, auth_token: "the-real-auth-token", friendly_name: "main", status: "active" }],
  [/\/Keys\.json$/, { sid: `SK${"0".repeat(32)}`, friendly_name: "k", secret: "a-minted-secret" }],
  [/PhoneNumbers\/\+/, { phone_number: message.to, valid: true, caller_name: { caller_name: "x" } }],
  [/Verifications$/, { sid: `VE${"0".repeat(32)}`, to: message.to, channel: "sms", status: "pending" }],
  [/Services\?/, { services: [], meta: { key: "services", page: 0, page_size: 50, url: "https://verify.twilio.com/v2/Services?PageSize=50&Page=0", first_page_url: "https://verify.twilio.com/v2/Services?PageSize=50&Page=0", next_page_url: "https://verify.twilio.com/v2/Services?PageSize=50&Page=1&PageToken=x", previous_page_url: null } }],
];

before(async () => {
  upstream = await startScripted((call, res) => {
    const found = answers.find(([like]) => like.test(call.url));
    answerJson(res, call.method === "POST" ? 201 : 200, found?.[1] ?? { sid: `SM${"0".repeat(32)}`, status: "queued", price: null, price_unit: "USD" });
  });
  const dollar = { budgets: [{ limit: "1 usd", window: "day" }] };
  gate = await startGate(config({ twilio: upstream.url }, {
    policies: {
      america: { allow: ["twilio.*"], scopes: { "twilio.country": ["US", "CA"] } },
      numbers: { allow: ["twilio.*"], scopes: { "twilio.to": ["+1555867*"], "twilio.sender": ["+15551234567"] } },
      calls: { allow: ["twilio.*"], scopes: { "twilio.url": ["https://voice.example/*"] } },
      secret: { allow: ["twilio.accounts.retrieve", "twilio.keys.create"] },
    },
    keys: [
      key("free", ["twilio-main"]), key("dollar", ["twilio-main"], dollar), key("america", ["twilio-main"], { policy: "america" }),
      key("numbers", ["twilio-main"], { policy: "numbers" }), key("calls", ["twilio-main"], { policy: "calls" }), key("secret", ["twilio-main"], { policy: "secret" }),
    ],
  }));
});

async function refused(call, code) {
  const count = upstream.count;
  const error = await thrown(call());
  assert.equal(upstream.count, count, "nothing is forwarded");
  assert.equal(error.moreInfo, `tollgate:${code}`, error.message);
  assert.ok(error instanceof twilio.RestException);
  return error;
}

test("+1 is not one country: the Caribbean, premium numbers and other channels are told apart", async () => {
  const client = sdk("america");
  await client.messages.create(message);
  await client.messages.create({ ...message, to: "+14165550100" });
  await client.messages.create({ ...message, to: "whatsapp:+14165550100", from: "whatsapp:+15551234567" });
  for (const to of ["+18765550100", "+16585550100", "+12425550100", "+18095550100", "+17875550100", "+19005550100", "+447700900123", "+881612345678", "whatsapp:+18765550100", "client:joe", "sip:joe@example.com"]) {
    assert.match((await refused(() => client.messages.create({ ...message, to }), "scope_denied")).message, /twilio\.country/);
  }
});

test("numbers and senders: a service, another sender, a look-up and a flow cannot slip past", async () => {
  const client = sdk("numbers");
  await client.messages.create(message);
  await client.lookups.v2.phoneNumbers(message.to).fetch();
  await refused(() => client.messages.create({ ...message, to: "+15558600000" }), "scope_denied");
  await refused(() => client.messages.create({ ...message, from: "+15550000000" }), "scope_denied");
  await refused(() => client.messages.create({ ...message, from: undefined, messagingServiceSid: `MG${"0".repeat(32)}` }), "scope_denied");
  await refused(() => client.lookups.v2.phoneNumbers("+447700900123").fetch({ fields: "caller_name" }), "scope_denied");
  await refused(() => client.studio.v2.flows(`FW${"0".repeat(32)}`).executions.create({ to: "+447700900123", from: message.from }), "scope_denied");
  await refused(() => client.verify.v2.services(`VA${"0".repeat(32)}`).verifications.create({ to: "+447700900123", channel: "sms" }), "scope_denied");
  await refused(() => client.conversations.v1.conversations(`CH${"0".repeat(32)}`).messages.create({ body: "x" }), "scope_denied");
  await refused(() => client.notify.v1.services(`IS${"0".repeat(32)}`).notifications.create({ identity: ["a"], body: "x" }), "scope_denied");
});

test("TwiML, Url and ApplicationSid pass only where a policy names twilio.url", async () => {
  const call = { to: message.to, from: message.from };
  const app = `AP${"0".repeat(32)}`;
  for (const more of [{ twiml: "<Response><Dial>+19005550100</Dial></Response>" }, { url: good }, { applicationSid: app }]) {
    assert.match((await refused(() => sdk("free").calls.create({ ...call, ...more }), "scope_denied")).message, /twilio\.url.*rule about this scope/);
  }
  await sdk("calls").calls.create({ ...call, url: good });
  for (const more of [{ twiml: "<Response><Dial>+19005550100</Dial></Response>" }, { url: "https://evil.example/x" }, { url: good, fallbackUrl: "https://evil.example/x" }, { applicationSid: app }]) {
    await refused(() => sdk("calls").calls.create({ ...call, ...more }), "scope_denied");
  }
  const live = `CA${"0".repeat(32)}`;
  await refused(() => sdk("free").calls(live).update({ twiml: "<Response/>" }), "scope_denied");
  await sdk("free").calls(live).update({ status: "completed" });
  await refused(() => sdk("free").applications(app).update({ voiceUrl: "https://evil.example/x" }), "scope_denied");
  await refused(() => sdk("free").incomingPhoneNumbers(`PN${"0".repeat(32)}`).update({ smsUrl: "https://evil.example/x" }), "scope_denied");
});

test("products that bill by what comes of a call are refused under a money budget until the operator says how much", async () => {
  const client = sdk("dollar");
  for (const call of [
    () => client.studio.v2.flows(`FW${"0".repeat(32)}`).executions.create({ to: message.to, from: message.from }),
    () => client.conversations.v1.conversations(`CH${"0".repeat(32)}`).messages.create({ body: "x" }),
    () => client.notify.v1.services(`IS${"0".repeat(32)}`).notifications.create({ identity: ["a"], body: "x" }),
    () => client.proxy.v1.services(`KS${"0".repeat(32)}`).sessions(`KC${"0".repeat(32)}`).participants(`KP${"0".repeat(32)}`).messageInteractions.create({ body: "x" }),
    () => client.taskrouter.v1.workspaces(`WS${"0".repeat(32)}`).tasks.create({ attributes: "{}" }),
    () => client.incomingPhoneNumbers.create({ phoneNumber: "+15550001111" }),
    () => client.lookups.v2.phoneNumbers(message.to).fetch({ fields: "something_new" }),
    () => client.messages.create({ ...message, to: "whatsapp:+15558675310" }),
  ]) await refused(call, "price_unknown");
});

test("Verify and Lookup are priced by what is asked for", async () => {
  for (const [cost, call] of [
    [64_000_000n, (client) => client.verify.v2.services(`VA${"0".repeat(32)}`).verifications.create({ to: message.to, channel: "sms" })],
    [0n, (client) => client.lookups.v2.phoneNumbers(message.to).fetch()],
    [18_000_000n, (client) => client.lookups.v2.phoneNumbers(message.to).fetch({ fields: "caller_name,line_type_intelligence" })],
    [15_000_000n, (client) => client.lookups.v1.phoneNumbers(message.to).fetch({ type: ["carrier", "caller-name"] })],
  ]) {
    const run = newRun();
    await call(sdk("dollar", { run }));
    assert.match(upstream.last().headers.authorization, new RegExp(btoa(`${twilioSid}:${secrets.twilio}`)));
    const [row] = await gate.calls({ run });
    assert.equal(nanos(row.cost_usd), cost, `${row.operation} ${row.path}`);
  }
});

test("keys: refused to a wildcard, and hidden where a policy names the call", async () => {
  await refused(() => sdk("free").api.v2010.accounts(twilioSid).fetch(), "operation_denied");
  await refused(() => sdk("free").newKeys.create({}), "operation_denied");
  await refused(() => sdk("free").api.v2010.accounts.list({ limit: 1 }), "operation_denied");
  await refused(() => sdk("free").tokens.create({}), "operation_denied");
  await refused(() => sdk("free").newSigningKeys.create({}), "operation_denied");
  const account = await sdk("secret").api.v2010.accounts(twilioSid).fetch();
  assert.equal(account.authToken, "[hidden by tollgate]");
  assert.equal(account.friendlyName, "main");
  assert.equal((await sdk("secret").newKeys.create({})).secret, "[hidden by tollgate]");
});

test("another account, in the path or by its parent's token, is refused", async () => {
  const other = `AC${"1".repeat(32)}`;
  await refused(() => sdk("free", { sid: other }).messages.create(message), "scope_denied");
  await refused(() => sdk("free").api.v2010.accounts(other).messages.create(message), "scope_denied");
});

test("only .json, and an absolute link of a list leads back through the gate", async () => {
  const headers = { authorization: `Basic ${btoa(`${twilioSid}:${tokenOf("free")}`)}` };
  for (const end of ["", ".csv", ".xml", ".html"]) {
    const count = upstream.count;
    const answer = await fetch(`${gate.url}/twilio/2010-04-01/Accounts/${twilioSid}/Messages${end}`, { headers });
    assert.equal(answer.status, 403, end);
    assert.equal(upstream.count, count);
  }
  const page = await (await fetch(`${gate.url}/twilio/verify/v2/Services?PageSize=50`, { headers })).json();
  assert.ok(page.meta.next_page_url.startsWith(`${gate.url}/twilio/verify/v2/Services`), page.meta.next_page_url);
});
