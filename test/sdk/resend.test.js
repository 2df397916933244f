// SPDX-License-Identifier: Apache-2.0
// The official Resend SDK through the gate. It never throws: what counts is { data, error }.
import { createHmac } from "node:crypto";
import { before } from "node:test";

import { Resend } from "resend";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startEmulate } from "./lib/mocks.js";
import { until, minuteStays } from "./lib/process.js";
import { answerJson } from "./lib/recorder.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, upstream;
const hookSecret = `whsec_${btoa("the hook secret of 24 by")}`;
const each = 900_000n; // a mail, in nano-dollars
const mail = { from: "Team <team@example.com>", to: "a@example.org", subject: "hi", text: "hello" };

const sdk = (name, slash = "") => new Resend(tokenOf(name), { baseUrl: `${gate.url}/resend${slash}` });

before(async () => {
  ({ resend: upstream } = await startEmulate());
  gate = await startGate(
    config({ resend: upstream.url }, {
      credentials: { "resend-main": { hook_secret: hookSecret } },
      policies: {
        mails: { allow: ["resend.emails.send"] },
        inside: { allow: ["resend.*"], scopes: { "resend.to": ["*@example.org"], "resend.from": ["example.com"] } },
        replies: { allow: ["resend.*"], scopes: { "resend.reply_to": ["*@example.com"], "resend.template": ["welcome"] } },
        files: { allow: ["resend.*"], scopes: { "resend.attachment_url": ["https://files.example/*"] } },
      },
      keys: [
        key("free", ["resend-main"]),
        key("mails", ["resend-main"], { policy: "mails" }),
        key("inside", ["resend-main"], { policy: "inside" }),
        key("day", ["resend-main"], { budgets: [{ limit: "1 usd", window: "day" }] }),
        key("count", ["resend-main"], { budgets: [{ limit: "3 messages", window: "day" }] }),
        key("replies", ["resend-main"], { policy: "replies" }),
        key("files", ["resend-main"], { policy: "files" }),
        key("loop", ["resend-main"], { budgets: [{ limit: "100 messages", window: "day" }, { limit: "1 usd", window: "day" }] }),
        key("flat", ["resend-main"], { budgets: [{ limit: "1000 messages", window: "day" }, { limit: "0.0100 usd", window: "day" }] }),
        key("rate", ["resend-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
      ],
    }),
  );
}, { timeout: 60_000 });

async function refused(fn) {
  const count = upstream.count;
  const { data, error } = await fn();
  assert.equal(data, null);
  assert.equal(upstream.count, count, "nothing is forwarded");
  return error;
}

test("a mail goes through: secret swapped, recipients priced", async () => {
  const run = newRun();
  const { data, error } = await sdk("day").emails.send(
    { ...mail, to: ["a@example.org", "b@example.org"], cc: "c@example.org", bcc: ["d@example.org"] },
    { headers: { "x-agent-run-id": run } },
  );
  assert.equal(error, null);
  assert.ok(data.id);
  const sent = upstream.last();
  assert.equal(sent.headers.authorization, `Bearer ${secrets.resend}`);
  assert.equal(sent.headers["x-agent-run-id"], undefined);
  assert.equal(sent.url, "/emails");
  const [row] = await gate.calls({ run });
  assert.equal(row.operation, "resend.emails.send");
  assert.equal(nanos(row.cost_usd), 4n * each);
  assert.equal(row.settled, true);
  assert.equal(row.upstream_object_id, data.id);
});

test("a base URL that ends in a slash: the double slash is legitimate", async () => {
  const { error } = await sdk("free", "/").emails.send(mail);
  assert.equal(error, null);
  assert.equal(upstream.last().url, "/emails");
});

test("not allowed: invalid_access", async () => {
  const error = await refused(() => sdk("mails").domains.create({ name: "example.com" }));
  assert.equal(error.name, "invalid_access");
  assert.equal(error.statusCode, 403);
  assert.equal(error.code, "operation_denied");
  assert.match(error.message, /resend\.domains\.create/);
});

test("a new key at Resend is refused whatever the policy says", async () => {
  assert.equal((await refused(() => sdk("free").apiKeys.create({ name: "x" }))).code, "operation_denied");
});

test("an unknown key: restricted_api_key, 401", async () => {
  const client = new Resend("re_this_key_is_not_known", { baseUrl: `${gate.url}/resend` });
  const error = await refused(() => client.emails.send(mail));
  assert.equal(error.name, "restricted_api_key");
  assert.equal(error.statusCode, 401);
  assert.equal(error.code, "key_unknown");
});

test("a budget: daily_quota_exceeded, 429, and what fits goes through", async () => {
  const client = sdk("count");
  assert.equal((await client.emails.send({ ...mail, to: ["a@example.org", "b@example.org"] })).error, null);
  const error = await refused(() => client.emails.send({ ...mail, to: ["a@example.org", "b@example.org"] }));
  assert.equal(error.name, "daily_quota_exceeded");
  assert.equal(error.statusCode, 429);
  assert.equal(error.code, "budget_exceeded");
  assert.equal(String(error.tollgate.limit), "3");
  assert.equal(String(error.tollgate.spent), "2");
  assert.equal((await client.emails.send(mail)).error, null);
});

test("a rate of ours: rate_limit_exceeded", async () => {
  await minuteStays();
  const client = sdk("rate");
  await client.domains.list();
  const error = await refused(() => client.domains.list());
  assert.equal(error.name, "rate_limit_exceeded");
  assert.equal(error.statusCode, 429);
});

test("who may write and be written to", async () => {
  const client = sdk("inside");
  assert.equal((await client.emails.send(mail)).error, null);
  for (const change of [
    { to: "a@elsewhere.net" },
    { to: ["a@example.org", "b@elsewhere.net"] },
    { bcc: ["b@elsewhere.net"] },
    { from: "Team <team@elsewhere.net>" },
    { from: "team@example.com.elsewhere.net" },
  ]) {
    assert.equal((await refused(() => client.emails.send({ ...mail, ...change }))).code, "scope_denied", JSON.stringify(change));
  }
});

test("S-06 fifty thousand e-mails: the send cap and the flat price both hold, and others' quota is untouched", { timeout: 60_000 }, async () => {
  const client = sdk("loop");
  const before = upstream.count;
  let refusals = 0;
  for (let i = 0; i < 300; i++) {
    const { error } = await client.emails.send({ ...mail, subject: `${i}` });
    if (error) {
      assert.equal(error.name, "daily_quota_exceeded");
      refusals++;
    }
  }
  assert.equal(upstream.count - before, 100, "what the cap allows, and no more");
  assert.equal(refusals, 200);
  const flat = upstream.count;
  for (let i = 0; i < 20; i++) await sdk("flat").emails.send({ ...mail, subject: `${i}` });
  assert.equal(upstream.count - flat, 11, "0.01 dollars at 0.0009 each");
  assert.equal((await sdk("free").emails.send(mail)).error, null, "another key sends on");
});

test("one address a text: lists in one are refused, whatever the policy", async () => {
  for (const change of [{ to: "a@example.org, b@elsewhere.net" }, { cc: ["a@example.org;b@elsewhere.net"] }, { bcc: "a@example.org b@elsewhere.net" }, { replyTo: "a@example.org,b@elsewhere.net" }, { from: "a@example.com, b@elsewhere.net" }]) {
    assert.equal((await refused(() => sdk("free").emails.send({ ...mail, ...change }))).code, "parameter_denied", JSON.stringify(change));
    assert.equal((await refused(() => sdk("free").batch.send([mail, { ...mail, ...change }]))).code, "parameter_denied", JSON.stringify(change));
  }
  const { error } = await sdk("free").emails.send({ ...mail, to: ['"Roe, Jo" <a@example.org>', "Jo <b@example.org>", "c@example.org"] });
  assert.equal(error, null);
});

test("fields and lines that a header could smuggle in are refused, in a batch too", async () => {
  for (const change of [{ headers: { Sender: "x@elsewhere.net" } }, { headers: { "Resent-To": "x@elsewhere.net" } }, { headers: { "X-A": "1\r\nBcc: x@elsewhere.net" } },
    { headers: { "X-A\r\nBcc": "x@elsewhere.net" } }, { headers: { "Reply-To": "x@elsewhere.net" } }, { subject: "hi\r\nBcc: x@elsewhere.net" }]) {
    assert.equal((await refused(() => sdk("free").emails.send({ ...mail, ...change }))).code, "parameter_denied", JSON.stringify(change));
    assert.equal((await refused(() => sdk("free").batch.send([{ ...mail, ...change }]))).code, "parameter_denied", JSON.stringify(change));
  }
  assert.equal((await sdk("free").emails.send({ ...mail, headers: { "X-Entity-Ref-ID": "1" } })).error, null);
});

test("attachments that Resend would fetch pass only where a policy names the address", async () => {
  const attachments = [{ filename: "a.pdf", path: "https://files.example/a.pdf" }];
  assert.equal((await refused(() => sdk("free").emails.send({ ...mail, attachments }))).code, "scope_denied");
  assert.equal((await refused(() => sdk("files").emails.send({ ...mail, attachments: [{ filename: "a", path: "http://169.254.169.254/latest" }] }))).code, "scope_denied");
  assert.equal((await refused(() => sdk("free").batch.send([{ ...mail, attachments }]))).code, "scope_denied");
  assert.equal((await sdk("files").emails.send({ ...mail, attachments })).error, null);
  assert.equal((await sdk("free").emails.send({ ...mail, attachments: [{ filename: "a.txt", content: "aGk=" }] })).error, null);
});

test("whom an answer goes to, and which template is sent", async () => {
  assert.equal((await sdk("replies").emails.send({ ...mail, replyTo: ["Help <help@example.com>"] })).error, null);
  assert.equal((await refused(() => sdk("replies").emails.send({ ...mail, replyTo: "x@elsewhere.net" }))).code, "scope_denied");
  assert.equal((await refused(() => sdk("replies").emails.send({ from: mail.from, to: mail.to, subject: "s", template: { id: "other" } }))).code, "scope_denied");
});

test("what mints, opens or has no known size is refused: keys, webhooks, domains, links to mails, broadcasts, events", async () => {
  const client = sdk("day");
  for (const call of [() => client.apiKeys.create({ name: "x" }), () => client.webhooks.create({ endpoint: "https://x.example", events: ["email.sent"] }),
    () => client.domains.create({ name: "x.example" }), () => client.domains.remove("d1")]) {
    assert.equal((await refused(call)).code, "operation_denied");
  }
  assert.equal((await refused(() => client.broadcasts.create({ segmentId: "s1", from: mail.from, subject: "s", html: "h", send: true }))).code, "price_unknown");
  assert.equal((await refused(() => client.broadcasts.send("b1"))).code, "price_unknown");
  assert.equal((await refused(() => client.events.send({ event: "e", email: "a@example.org" }))).code, "price_unknown");
});

test("nothing is thrown and nothing repeated, whatever is refused; a redirect is never given", async () => {
  const rows = (await gate.calls({ key: "mails" })).length;
  const { data, error, headers } = await sdk("mails").domains.list();
  assert.equal(data, null);
  assert.deepEqual([error.statusCode, error.name, error.code], [403, "invalid_access", "operation_denied"]);
  assert.ok(headers);
  assert.equal((await gate.calls({ key: "mails" })).length, rows + 1);
});

test("a key that was revoked: restricted_api_key", async () => {
  const { token, id } = await gate.post("/keys", { name: "brief", policy: "all", credentials: ["resend-main"] });
  const client = new Resend(token, { baseUrl: `${gate.url}/resend` });
  assert.equal((await client.emails.send(mail)).error, null);
  await gate.ask("DELETE", `/api/v1/keys/${id}`);
  const error = await refused(() => client.emails.send(mail));
  assert.deepEqual([error.statusCode, error.name], [401, "restricted_api_key"]);
});

test("a permissive batch settles by what was taken", async () => {
  const run = newRun();
  upstream.hold = async (call, res) => {
    upstream.hold = null;
    assert.equal(call.headers["x-batch-validation"], "permissive");
    answerJson(res, 200, { data: [{ id: "e1" }], errors: [{ index: 1, message: "the address does not exist" }] });
    return true;
  };
  const { error } = await sdk("day").batch.send([mail, mail], { batchValidation: "permissive", headers: { "x-agent-run-id": run } });
  assert.equal(error, null);
  const [row] = await gate.calls({ run });
  assert.equal(nanos(row.reserved_usd), 2n * each);
  assert.equal(nanos(row.cost_usd), each);
});

/** As Resend signs (Svix); the SDK's own check must agree. */
function signed(event, secret, id) {
  const payload = JSON.stringify(event), timestamp = `${Math.floor(Date.now() / 1000)}`;
  const signature = createHmac("sha256", Buffer.from(secret.slice(6), "base64")).update(`${id}.${timestamp}.${payload}`).digest("base64");
  new Resend("re_x").webhooks.verify({ payload, headers: { id, timestamp, signature: `v1,${signature}` }, webhookSecret: secret });
  return { payload, headers: { "content-type": "application/json", "svix-id": id, "svix-timestamp": timestamp, "svix-signature": `v1,${signature}` } };
}

test("a mail that bounced stands with the call that sent it", async () => {
  const { data } = await sdk("free").emails.send(mail);
  const [row] = await gate.calls({ key: "free", limit: 1 });
  const event = { type: "email.bounced", created_at: new Date().toISOString(), data: { email_id: data.id, from: mail.from, to: [mail.to], subject: "hi" } };
  const tell = ({ payload, headers }) => fetch(`${gate.url}/hooks/resend/resend-main`, { method: "POST", headers, body: payload });
  assert.equal((await tell(signed(event, `whsec_${btoa("some other secret of 24b")}`, "msg_0"))).status, 401);
  assert.equal((await tell(signed(event, hookSecret, "msg_1"))).status, 200);
  assert.equal((await tell(signed(event, hookSecret, "msg_1"))).status, 200, "told again");
  const events = await until(async () => {
    const { events } = await gate.call(row.id);
    return events?.length && events;
  }, "the event");
  assert.equal(events.length, 1, "taken once");
  assert.equal(events[0].outcome, "bounced");
});

test("recipients in headers are refused", async () => {
  assert.equal((await refused(() => sdk("free").emails.send({ ...mail, headers: { Bcc: "b@elsewhere.net" } }))).code, "parameter_denied");
  assert.equal((await refused(() => sdk("free").emails.send({ ...mail, headers: { bCC: "b@elsewhere.net" } }))).code, "parameter_denied");
});

test("a batch counts every recipient", async () => {
  const run = newRun();
  const { data, error } = await sdk("day").batch.send([mail, { ...mail, to: ["a@example.org", "b@example.org"] }], { headers: { "x-agent-run-id": run } });
  assert.equal(error, null);
  assert.equal(data.data.length, 2);
  const [row] = await gate.calls({ run });
  assert.equal(row.operation, "resend.emails.batch");
  assert.equal(nanos(row.cost_usd), 3n * each);
});

test("Resend's own errors pass through as they are and cost nothing", async () => {
  const run = newRun();
  const { data, error } = await sdk("day").emails.send({ ...mail, subject: undefined, text: undefined }, { headers: { "x-agent-run-id": run } });
  const [row] = await gate.calls({ run });
  if (data) return assert.equal(row.status, 200); // the mock takes mails without a subject
  assert.ok(error.statusCode >= 400);
  assert.equal(nanos(row.cost_usd), 0n);
});
