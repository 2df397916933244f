// SPDX-License-Identifier: Apache-2.0
// The official Plivo SDK through the gate. Several numbers stand in one text, with '<' between them; every path ends in a slash.
import { before } from "node:test";

import plivo from "plivo";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

const authId = "MAXXXXXXXXXXXXXXXXXX";
let v;
const sdk = (key, run, id = authId) => new plivo.Client(id, v.token(key, run), { url: `${v.url}/v1/Account/${id}` });
const send = (one, dst = "+15558675310", more = {}) => one.messages.create({ src: "+15550100", dst, text: "hello", ...more });

before(async () => {
  v = await startVendor("plivo", {
    credential: { account: authId },
    answer(call) {
      const base = `/v1/Account/${authId}`;
      const body = call.text ? JSON.parse(call.text) : {};
      if (call.method === "POST" && call.url === `${base}/Message/`)
        return [202, { message: "message(s) queued", message_uuid: body.dst.split("<").map((_, i) => `uuid-${i}`), api_id: "api-1" }];
      if (call.method === "GET" && call.url.startsWith(`${base}/Message/?`)) return [200, { objects: [], meta: { total_count: 0, limit: 20, offset: 0 } }];
      if (call.method === "POST" && call.url === `${base}/Call/`) return [201, { message: "call fired", request_uuid: "req-1", api_id: "api-1" }];
      if (call.method === "POST" && call.url === `${base}/Verify/Session/`) return [202, { api_id: "api-1", session_uuid: "ses-1", message: "Session initiated" }];
      if (call.method === "GET" && call.url.startsWith(`${base}/Subaccount/`)) return [200, { auth_id: "SA1", auth_token: "a-real-auth-token", name: "sub" }];
    },
    vendor: { settings: { sms_price_usd: { default: "0.50", 1: "0.01" } } },
    policies: {
      texts: { allow: ["plivo.messages.send"] },
      inside: { allow: ["plivo.*"], scopes: { "plivo.to": ["+1555*"] } },
    },
    keys: {
      texts: { policy: "texts" },
      inside: { policy: "inside" },
      day: { budgets: [{ limit: "10 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a text goes through: secret and account swapped, every number priced", async () => {
  const row = await v.row((run) => send(sdk("day", run), "+15558675310<+15558675311<+353861234567"));
  v.carries(v.upstream.last());
  assert.equal(Buffer.from(v.upstream.last().headers.authorization.slice(6), "base64").toString(), `${authId}:${v.secret}`);
  assert.equal(v.upstream.last().url, `/v1/Account/${authId}/Message/`);
  assert.equal(row.operation, "plivo.messages.send");
  assert.equal(nanos(row.reserved_usd), 520_000_000n);
});

test("parts count for every number", async () => {
  const row = await v.row((run) => send(sdk("day", run), "+15558675310<+15558675311", { text: "x".repeat(161) }));
  assert.equal(nanos(row.reserved_usd), 40_000_000n);
});

// Its exceptions lose their class (they are plain Errors with status, message and apiID).
test("not allowed: an exception with our reason, and not a matter of countries", async () => {
  const error = await v.refused(() => sdk("texts").messages.list(), "operation_denied");
  assert.equal(error.status, 400);
  assert.match(error.message, /plivo\.messages\.list/);
  assert.match(error.apiID, /^call_/);
  const scope = await v.refused(() => send(sdk("inside"), "+4915112345678"), "scope_denied");
  assert.equal(scope.status, 400);
});

test("an unknown key: 401", async () => {
  const count = v.upstream.count;
  const error = await send(new plivo.Client(authId, "no-such-key", { url: `${v.url}/v1/Account/${authId}` })).then(() => null, (thrown) => thrown);
  assert.equal(error.status, 401);
  assert.equal(v.upstream.count, count);
});

test("another account than the credential's is refused", async () => {
  await v.refused(() => send(sdk("free", undefined, "MAYYYYYYYYYYYYYYYYYY")), "scope_denied");
});

test("a cap is exact: 20 at once, 7 fit", async () => {
  await v.capHolds({ fits: 7, call: (i) => send(sdk("seven"), "+15558675310", { text: `text ${i}` }) });
  await v.refused(() => send(sdk("seven")), "budget_exceeded");
});

test("one text to eight numbers is eight", async () => {
  const numbers = Array.from({ length: 8 }, (_, i) => `+1555867531${i}`);
  const day = await v.row((run) => send(sdk("day", run), numbers));
  assert.equal(v.upstream.last().text.includes("<"), true);
  assert.equal(nanos(day.reserved_usd), 80_000_000n);
});

test("who may be written to: every number between the '<'", async () => {
  const one = sdk("inside");
  await send(one, "+15558675310<+15558675311");
  for (const dst of ["+15558675310<+4915112345678", "+4915112345678<+15558675310", "+15558675310<", "+15558675310<<+15558675311"])
    await v.refused(() => send(one, dst), "scope_denied");
  await v.refused(() => one.verify_session.create({ recipient: "+4915112345678" }), "scope_denied");
});

// The SDK sends calls to hosts that it has written into it; this is what arrives where the gate stands in for them.
test("a call is priced by the minute up to its limit", async () => {
  const call = (key, body) => fetch(`${v.url}/v1/Account/${authId}/Call/`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Basic ${Buffer.from(`${authId}:${key}`).toString("base64")}` },
    body: JSON.stringify({ from: "15550100", answer_url: "https://example.com/a.xml", ...body }),
  });
  const row = await v.row((run) => call(v.token("day", run), { to: "15558675310<15558675311", time_limit: 61 }));
  assert.equal(nanos(row.reserved_usd), 4n * 22_000_000n);
  const far = await call(v.token("day"), { to: "870773100000" });
  assert.equal((await far.json()).code, "price_unknown");
});

test("what rents or registers is refused under a budget; subaccounts' tokens do not come back", async () => {
  await v.refused(() => sdk("day").numbers.buy("15550101"), "price_unknown");
  await v.refused(() => sdk("free").subAccounts.create("x", true), "operation_denied");
  const sub = await sdk("free").subAccounts.get("SAXXXXXXXXXXXXXXXXXX");
  assert.ok(!JSON.stringify(sub).includes("a-real-auth-token"));
});

test("an unknown call is refused, and a path without its slash", async () => {
  const count = v.upstream.count;
  for (const path of ["Nothing/", "Message"]) {
    const answer = await fetch(`${v.url}/v1/Account/${authId}/${path}`, { headers: { authorization: `Basic ${Buffer.from(`${authId}:${v.token("free")}`).toString("base64")}` } });
    assert.equal(answer.status, 400);
  }
  assert.equal(v.upstream.count, count);
});
