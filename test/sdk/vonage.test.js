// SPDX-License-Identifier: Apache-2.0
// The official Vonage SDK through the gate. Each part of a text has its price in the answer: that is what counts in the end.
import { before } from "node:test";

import { Auth } from "@vonage/auth";
import { SMS } from "@vonage/sms";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { secretOf, startVendor } from "./lib/vendor.js";

let v;
const usd = (n) => BigInt(Math.round(n * 1e9));
const sdk = (key, run) => new SMS(new Auth({ apiKey: "whatever", apiSecret: v.token(key, run) }), { restHost: v.url, apiHost: v.url });
const parts = (n, one) => ({ "message-count": String(n), messages: Array.from({ length: n }, (_, i) => ({ to: "14155550101", "message-id": `id-${i}`, status: "0", "remaining-balance": "3.14", "message-price": "0.00500000", network: "12345", ...one })) });

function answer(call) {
  const said = JSON.parse(call.text || "{}");
  if (call.url === "/sms/json") {
    if (said.text === "poor") return [200, parts(1, { status: "9", "error-text": "Quota exceeded", "message-price": undefined, "message-id": undefined })];
    return [200, parts(said.text.length > 160 ? 2 : 1)];
  }
  if (call.url === "/verify/json") return [200, { request_id: "v1", status: "0" }];
  return [200, {}];
}

before(async () => {
  v = await startVendor("vonage", {
    answer,
    credential: { key_id: "api-key-1" },
    vendor: { settings: { currency: "usd", sms_price_usd: { default: "0.20", 1: "0.01" } } },
    policies: {
      texts: { allow: ["vonage.sms.*"] },
      home: { allow: ["vonage.*"], scopes: { "vonage.to": ["1415*"] } },
    },
    keys: {
      texts: { policy: "texts" },
      home: { policy: "home" },
      day: { budgets: [{ limit: "1000 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a text goes through: reserved by its parts, settled by their prices", async () => {
  const row = await v.row((run) => sdk("day", run).send({ to: "14155550101", from: "Acme", text: "x".repeat(200) }));
  const sent = v.upstream.last();
  v.carries(sent);
  assert.equal(Buffer.from(sent.headers.authorization.slice(6), "base64").toString(), `api-key-1:${secretOf("vonage")}`);
  assert.equal(sent.url, "/sms/json");
  assert.deepEqual(JSON.parse(sent.text), { to: "14155550101", from: "Acme", text: "x".repeat(200) });
  assert.equal(row.operation, "vonage.sms.send");
  assert.equal(nanos(row.reserved_usd), usd(0.02));
  assert.equal(nanos(row.cost_usd), usd(0.01));
  const abroad = await v.row((run) => sdk("day", run).send({ to: "447700900000", from: "Acme", text: "hi" }));
  assert.equal(nanos(abroad.reserved_usd), usd(0.2));
  assert.equal(nanos(abroad.cost_usd), usd(0.005));
});

test("a key in the body or in the query leaves it", async () => {
  await fetch(`${v.url}/sms/json`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ api_key: "whatever", api_secret: v.token("free"), to: "14155550101", from: "A", text: "hi" }) });
  assert.deepEqual(JSON.parse(v.upstream.last().text), { to: "14155550101", from: "A", text: "hi" });
  v.carries(v.upstream.last());
  await fetch(`${v.url}/account/get-balance?api_key=whatever&api_secret=${v.token("free")}`);
  assert.equal(v.upstream.last().url, "/account/get-balance");
  v.carries(v.upstream.last());
});

test("what Vonage refuses within a 200 costs nothing", async () => {
  let run;
  const row = await v.row(async (r) => {
    run = r;
    await assert.rejects(sdk("day", r).send({ to: "14155550101", from: "A", text: "poor" }), /failed to send/);
  });
  assert.ok(run);
  assert.equal(nanos(row.cost_usd), 0n);
});

test("a refusal is the SDK's own exception, once", async () => {
  const error = await v.refused(() => sdk("home").send({ to: "447700900000", from: "A", text: "hi" }), "scope_denied");
  assert.equal(error.response?.status ?? error.status, 403);
  await v.refused(() => sdk("day").send({ to: "14155550101", from: "A", type: "binary", body: "00", udh: "00", text: "x" }), "parameter_denied");
  const several = await fetch(`${v.url}/sms/json`, { method: "POST", headers: { authorization: `Basic ${Buffer.from(`k:${v.token("day")}`).toString("base64")}`, "content-type": "application/json" }, body: JSON.stringify({ to: ["14155550101", "447700900000"], from: "A", text: "hi" }) });
  assert.ok(several.status >= 400 && several.status < 500);
});

test("unknown paths, and what makes secrets, are refused", async () => {
  const ask = (method, path) => fetch(v.url + path, { method, headers: { authorization: `Basic ${Buffer.from(`k:${v.token("free")}`).toString("base64")}`, "content-type": "application/json" }, body: method === "GET" ? undefined : "{}" });
  const count = v.upstream.count;
  for (const [method, path] of [["POST", "/sms/everything"], ["POST", "/accounts/k/secrets"], ["POST", "/v2/applications"]]) {
    const res = await ask(method, path);
    assert.equal(res.status, 403, path);
    assert.equal((await res.json()).title, "operation_denied");
  }
  assert.equal(v.upstream.count, count);
});

test("a cap holds for many at once", { timeout: 30_000 }, async () => {
  await v.capHolds({ fits: 7, call: (i) => sdk("seven").send({ to: "14155550101", from: "A", text: `${i}` }) });
});
