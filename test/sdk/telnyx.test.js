// SPDX-License-Identifier: Apache-2.0
// The official Telnyx SDK through the gate. What a message cost stands in its answer, or later in the message.
import { before } from "node:test";

import Telnyx from "telnyx";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const text = { from: "+15550100", to: "+15558675310", text: "hello" };
const sdk = (key, run) => new Telnyx({ apiKey: v.token(key, run), baseURL: v.url });

before(async () => {
  v = await startVendor("telnyx", {
    answer(call) {
      const body = call.text ? JSON.parse(call.text) : {};
      if (call.method === "POST" && call.url === "/v2/messages")
        return [200, { data: { id: "m-1", to: [{ phone_number: body.to, status: "queued" }], parts: 1, cost: { amount: "0.0051", currency: "USD" } } }];
      if (call.method === "POST" && call.url === "/v2/messages/group_mms")
        return [200, { data: { id: "m-2", cost: { amount: "0.0400", currency: "USD" } } }];
      if (call.method === "POST" && call.url === "/v2/calls") return [200, { data: { call_control_id: "c-1", is_alive: false } }];
      if (call.url === "/v2/verifications/sms") return [200, { data: { id: "ver-1", status: "pending" } }];
      if (call.url === "/v2/messaging_profiles") return [200, { data: [], meta: { total_pages: 0 } }];
      if (call.url.startsWith("/v2/credential_connections/")) return [200, { data: { id: "cc1", user_name: "u", password: "a-real-password" } }];
    },
    vendor: { settings: { sms_price_usd: { default: "0.50", 1: "0.01" } } },
    policies: {
      texts: { allow: ["telnyx.messages.send"] },
      inside: { allow: ["telnyx.*"], scopes: { "telnyx.to": ["+1555*"], "telnyx.country": ["US", "CA"] } },
      us: { allow: ["telnyx.*"], scopes: { "telnyx.country": ["US"] } },
    },
    keys: {
      texts: { policy: "texts" },
      inside: { policy: "inside" },
      us: { policy: "us" },
      day: { budgets: [{ limit: "10 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a text goes through: secret swapped, settled by its answer's cost", async () => {
  const row = await v.row((run) => sdk("day", run).messages.send(text));
  v.carries(v.upstream.last());
  assert.equal(v.upstream.last().url, "/v2/messages");
  assert.equal(row.operation, "telnyx.messages.send");
  assert.equal(nanos(row.reserved_usd), 10_000_000n);
  assert.equal(nanos(row.cost_usd), 5_100_000n);
  assert.equal(row.upstream_object_id, "m-1");
});

test("the base URL with its version is the same", async () => {
  await new Telnyx({ apiKey: v.token("free"), baseURL: `${v.url}/v2` }).messages.send(text);
  assert.equal(v.upstream.last().url, "/v2/messages");
});

test("parts, countries and pictures make the reservation", async () => {
  const long = await v.row((run) => sdk("day", run).messages.send({ ...text, text: "x".repeat(161) }));
  assert.equal(nanos(long.reserved_usd), 20_000_000n);
  const far = await v.row((run) => sdk("day", run).messages.send({ ...text, to: "+353861234567" }));
  assert.equal(nanos(far.reserved_usd), 500_000_000n);
  const group = await v.row((run) => sdk("day", run).messages.sendGroupMms({ from: text.from, to: ["+15558675310", "+15558675311"], text: "hi", media_urls: ["https://example.com/a.png"] }));
  assert.ok(nanos(group.reserved_usd) >= 160_000_000n, group.reserved_usd);
  assert.equal(nanos(group.cost_usd), 40_000_000n);
});

test("not allowed: PermissionDeniedError, one call", async () => {
  const error = await v.refused(() => sdk("texts").messagingProfiles.list(), "operation_denied");
  assert.ok(error instanceof Telnyx.PermissionDeniedError);
  assert.match(JSON.stringify(error.error ?? error.message), /telnyx\.messaging_profiles\.list/);
});

test("a cap is exact: 20 at once, 7 fit; the SDK does not try again", async () => {
  await v.capHolds({ fits: 7, call: (i) => sdk("seven").messages.send({ ...text, text: `text ${i}` }) });
  const error = await v.refused(() => sdk("seven").messages.send(text), "budget_exceeded");
  assert.ok(error instanceof Telnyx.PermissionDeniedError);
});

test("who may be written to and called", async () => {
  const one = sdk("inside");
  await one.messages.send(text);
  await v.refused(() => one.messages.send({ ...text, to: "+4915112345678" }), "scope_denied");
  await v.refused(() => one.calls.dial({ connection_id: "1", from: text.from, to: "+4915112345678" }), "scope_denied");
  await v.refused(() => one.messages.sendNumberPool({ messaging_profile_id: "p", to: "+18765550100", text: "x" }), "scope_denied");
  await v.refused(() => sdk("us").messages.send({ ...text, to: "+18765550100" }), "scope_denied");
  await v.refused(() => one.verifications.triggerSMS({ phone_number: "+4915112345678", verify_profile_id: "vp" }), "scope_denied");
});

test("a call is priced by the minute up to its limit", async () => {
  const row = await v.row((run) => sdk("day", run).calls.dial({ connection_id: "1", from: text.from, to: text.to, time_limit_secs: 61 }));
  assert.equal(nanos(row.reserved_usd), 2n * 22_000_000n);
  await v.refused(() => sdk("day").calls.dial({ connection_id: "1", from: text.from, to: "+870773100000" }), "price_unknown");
  const error = await v.refused(() => sdk("day").calls.dial({ connection_id: "1", from: text.from, to: text.to, record: "record-from-answer" }), "price_unknown");
  assert.match(error.message, /vendors\.telnyx\.settings\.recording_price_usd is not set/);
});

test("what makes something without a price is refused under a budget", async () => {
  const one = sdk("day");
  await v.refused(() => one.numberOrders.create({ phone_numbers: [{ phone_number: "+15550101" }] }), "price_unknown");
  await v.refused(() => one.faxes.create({ connection_id: "1", from: text.from, to: text.to, media_url: "https://example.com/a.pdf" }), "price_unknown");
  await one.messagingProfiles.list();
});

test("secrets: not made, not shown", async () => {
  const one = sdk("free");
  await v.refused(() => one.telephonyCredentials.createToken("tc1"), "operation_denied");
  await v.refused(() => one.integrationSecrets.create({ identifier: "x", type: "bearer", token: "y" }), "operation_denied");
  const connection = await one.credentialConnections.retrieve("cc1");
  assert.equal(connection.data.user_name, "u");
  assert.ok(!JSON.stringify(connection).includes("a-real-password"));
});

test("an unknown call is refused", async () => {
  await v.refused(() => sdk("free").get("/v2/no/such/thing"), "operation_denied");
});
