// SPDX-License-Identifier: Apache-2.0
// The official Slack SDK through the gate. It takes anything but a 200 for a hiccup and asks again for half an hour, so a refusal is one.
import { before } from "node:test";

import { ErrorCode, WebClient } from "@slack/web-api";

import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const sdk = (key, run) => new WebClient(v.token(key, run), { slackApiUrl: `${v.url}/api/`, logLevel: "error" });
const form = (call) => Object.fromEntries(new URLSearchParams(call.text));

function answer(call) {
  if (form(call).channel === "C-gone") return [200, { ok: false, error: "channel_not_found" }];
  if (call.url === "/chat.postMessage") return [200, { ok: true, channel: form(call).channel, ts: "1700000000.000100", message: { text: form(call).text } }];
  if (call.url === "/conversations.list") return [200, { ok: true, channels: [{ id: "C1" }], response_metadata: { next_cursor: "" } }];
  if (call.url === "/auth.test") return [200, { ok: true, team: "t" }];
  return [200, { ok: true }];
}

before(async () => {
  v = await startVendor("slack", {
    answer,
    policies: {
      posts: { allow: ["slack.chat.postMessage", "slack.conversations.*"] },
      inside: { allow: ["slack.*"], scopes: { "slack.channel": ["C1", "C2"] } },
    },
    keys: {
      posts: { policy: "posts" },
      inside: { policy: "inside" },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
      count: { budgets: [{ limit: "5 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a message goes through as it was: token swapped, one message counted", async () => {
  const row = await v.row((run) => sdk("count", run).chat.postMessage({ channel: "C1", text: "hi & bye", thread_ts: "1.2", blocks: [{ type: "divider" }] }));
  const sent = v.upstream.last();
  v.carries(sent);
  assert.equal(sent.url, "/chat.postMessage");
  assert.deepEqual(form(sent), { channel: "C1", text: "hi & bye", thread_ts: "1.2", blocks: '[{"type":"divider"}]' });
  assert.equal(row.operation, "slack.chat.postMessage");
  assert.equal(row.settled, true);
  assert.equal(row.upstream_object_id, "1700000000.000100");
});

test("a token that is given with the call leaves the body", async () => {
  const client = new WebClient(undefined, { slackApiUrl: `${v.url}/api/`, logLevel: "error" });
  await client.chat.postMessage({ token: v.token("free"), channel: "C1", text: "hi" });
  v.carries(v.upstream.last());
  assert.deepEqual(form(v.upstream.last()), { channel: "C1", text: "hi" });
});

test("a refusal is the SDK's own exception, at once and once", async () => {
  const began = performance.now();
  const error = await v.refused(() => sdk("posts").pins.add({ channel: "C1", timestamp: "1.2" }), "operation_denied");
  assert.equal(error.code, ErrorCode.PlatformError);
  assert.equal(error.data.ok, false);
  assert.equal(error.data.code, "operation_denied");
  assert.ok(performance.now() - began < 5000, "nothing is asked again");
  const unknown = await v.refused(() => sdk("free").apiCall("chat.postEverything", {}), "operation_denied");
  assert.equal(unknown.code, ErrorCode.PlatformError);
});

test("channels are pinned; what could read all of them is not inside", async () => {
  await sdk("inside").chat.postMessage({ channel: "C2", text: "x" });
  await sdk("inside").conversations.list({});
  const error = await v.refused(() => sdk("inside").chat.postMessage({ channel: "C3", text: "x" }), "scope_denied");
  assert.equal(error.data.error, "restricted_action");
  await v.refused(() => sdk("inside").search.messages({ query: "salary" }), "scope_denied");
  await v.refused(() => sdk("inside").files.info({ file: "F1" }), "scope_denied");
});

test("what gives a token or an address past the gate needs its own name in a policy", async () => {
  await v.refused(() => sdk("free").apps.connections.open({}), "operation_denied");
  await v.refused(() => sdk("free").files.getUploadURLExternal({ filename: "a", length: 1 }), "operation_denied");
});

test("what Slack refuses costs nothing", async () => {
  await assert.rejects(sdk("count").chat.postMessage({ channel: "C-gone", text: "x" }), { code: ErrorCode.PlatformError });
  const [row] = await v.gate.calls({ key: "count" });
  assert.equal(row.operation, "slack.chat.postMessage");
  for (let i = 0; i < 4; i++) await sdk("count").chat.postMessage({ channel: "C1", text: `${i}` });
  const error = await v.refused(() => sdk("count").chat.postMessage({ channel: "C1", text: "one more" }), "budget_exceeded");
  assert.equal(error.data.error, "message_limit_exceeded");
});

test("a cap holds for many at once", { timeout: 30_000 }, async () => {
  await v.capHolds({ fits: 7, call: (i) => sdk("seven").chat.postMessage({ channel: "C1", text: `${i}` }) });
});
