// SPDX-License-Identifier: Apache-2.0
// The official MessageBird SDK through the gate. Its hosts are written into it, so this test stands in for them, as a name server
// and a certificate of one's own would: everything it sends over https comes to the gate.
import http from "node:http";
import https from "node:https";
import { before } from "node:test";
import { promisify } from "node:util";

import messagebird from "messagebird";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

const prefix = { "rest.messagebird.com": "", "conversations.messagebird.com": "/conversations", "voice.messagebird.com": "/voice" };
let v;

https.request = (options) =>
  http.request({ ...options, hostname: "127.0.0.1", port: v.gate.port, path: `/messagebird${prefix[options.hostname]}${options.path}`, headers: options.headers });

function sdk(key, run) {
  const client = messagebird.initClient(v.token(key, run));
  const of = (part, name) => promisify(client[part][name].bind(client[part]));
  return { send: of("messages", "create"), list: of("messages", "list"), balance: of("balance", "read"), verify: of("verify", "create"), hlr: of("hlr", "create"), reply: of("conversations", "reply"), talk: of("conversations", "start"), flow: of("callflows", "create"), call: of("calls", "create") };
}

const text = { originator: "Team", recipients: ["31612345678"], body: "hello" };

before(async () => {
  v = await startVendor("messagebird", {
    answer(call) {
      const body = call.text ? JSON.parse(call.text) : {};
      if (call.method === "POST" && call.url === "/messages")
        return [201, { id: "mb-1", href: "https://rest.messagebird.com/messages/mb-1", recipients: { totalCount: 1, items: [].concat(body.recipients).map((recipient) => ({ recipient, status: "sent" })) } }];
      if (call.url === "/messages/mb-1") return [200, { id: "mb-1", recipients: { items: [] } }];
      if (call.url === "/balance") return [200, { payment: "prepaid", type: "euros", amount: 10 }];
      if (call.url === "/verify") return [201, { id: "ver-1", status: "sent" }];
      if (call.url === "/v1/conversations/start") return [201, { id: "conv-1" }];
      if (call.url === "/calls") return [201, { data: [{ id: "call-1" }] }];
    },
    vendor: { settings: { sms_price_usd: { default: "0.50", 31: "0.10" }, channel_price_usd: { default: "0.08" }, voice_price_usd: { 31: "0.05" } } },
    policies: {
      texts: { allow: ["messagebird.messages.create"] },
      reader: { allow: ["messagebird.*.list", "messagebird.messages.delete"] },
      inside: { allow: ["messagebird.*"], scopes: { "messagebird.to": ["316*"] } },
    },
    keys: {
      texts: { policy: "texts" },
      inside: { policy: "inside" },
      reader: { policy: "reader", budgets: [{ limit: "0 usd", window: "day" }, { limit: "0 messages", window: "day" }] },
      day: { budgets: [{ limit: "10 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a text goes through: secret swapped, every recipient priced", async () => {
  let sent;
  const row = await v.row(async (run) => { sent = await sdk("day", run).send({ ...text, recipients: ["31612345678", "31612345679", "353861234567"] }); });
  v.carries(v.upstream.last());
  assert.equal(v.upstream.last().headers.authorization, `AccessKey ${v.secret}`);
  assert.equal(v.upstream.last().url, "/messages");
  assert.equal(row.operation, "messagebird.messages.create");
  assert.equal(nanos(row.reserved_usd), 700_000_000n);
  assert.ok(sent.href.startsWith(v.gate.url), sent.href);
});

test("recipients as one text, and parts", async () => {
  const row = await v.row((run) => sdk("day", run).send({ ...text, recipients: "31612345678,31612345679", body: "x".repeat(161) }));
  assert.equal(nanos(row.reserved_usd), 400_000_000n);
});

test("not allowed: an error with the reasons", async () => {
  const error = await v.refused(() => sdk("texts").balance(), "operation_denied");
  assert.equal(error.statusCode, 403);
  assert.equal(error.errors[0].parameter, "operation_denied");
  assert.match(error.errors[0].description, /messagebird\.balance\.retrieve/);
});

test("a cap is exact: 20 at once, 7 fit", async () => {
  await v.capHolds({ fits: 7, call: (i) => sdk("seven").send({ ...text, body: `text ${i}` }) });
  const error = await v.refused(() => sdk("seven").send(text), "budget_exceeded");
  assert.equal(error.errors[0].code, 25);
});

test("who may be written to", async () => {
  const one = sdk("inside");
  await one.send(text);
  for (const recipients of [["4915112345678"], ["31612345678", "4915112345678"], "31612345678,4915112345678"])
    await v.refused(() => one.send({ ...text, recipients }), "scope_denied");
  await v.refused(() => one.verify("4915112345678", { originator: "Team" }), "scope_denied");
  await v.refused(() => one.talk({ to: "4915112345678", channelId: "c1", type: "text", content: { text: "x" } }), "scope_denied");
});

test("a group has no known size", async () => {
  await v.refused(() => sdk("day").send({ ...text, groupIds: ["g1"] }), "price_unknown");
});

test("other hosts stand behind their names", async () => {
  await sdk("day").talk({ to: "+31612345678", channelId: "c1", type: "text", content: { text: "x" } });
  assert.equal(v.upstream.last().url, "/v1/conversations/start");
  const row = await v.row((run) => sdk("day", run).call({ source: "31612345678", destination: "31612345679", maxDuration: 61, callFlow: { steps: [] } }));
  assert.equal(row.operation, "messagebird.voice.calls.create");
  assert.equal(nanos(row.reserved_usd), 100_000_000n);
  await v.refused(() => sdk("day").flow({ steps: [] }), "price_unknown");
});

test("an unknown call is refused", async () => {
  const answer = await fetch(`${v.url}/no/such/thing`, { headers: { authorization: `AccessKey ${v.token("free")}` } });
  assert.equal(answer.status, 403);
  assert.ok((await answer.json()).errors);
});

test("no parameter stands for the method", async () => {
  const count = v.upstream.count;
  const text = "originator=x&recipients=31612345678&body=hello";
  for (const [method, path] of [["GET", `/messages?_method=POST&${text}`], ["GET", `/messages?_Method=POST&${text}`], ["DELETE", "/messages/m1?_method=PATCH"], ["POST", `/messages?_method=GET&${text}`]]) {
    const key = method === "POST" ? "free" : "reader";
    const json = method === "POST" ? { body: "{}", headers: { "content-type": "application/json" } } : {};
    const answer = await fetch(v.url + path, { method, ...json, headers: { ...json.headers, authorization: `AccessKey ${v.token(key)}` } });
    assert.equal(answer.status, 400, path);
    assert.match((await answer.json()).errors[0].description, /_method/);
  }
  assert.equal(v.upstream.count, count, "nothing is forwarded");
});
