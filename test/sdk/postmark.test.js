// SPDX-License-Identifier: Apache-2.0
// The official Postmark SDK through the gate. Addresses are texts with commas between them.
import { before } from "node:test";

import { AccountClient, Errors, ServerClient } from "postmark";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const each = 1_800_000n; // a mail, in nano-dollars
const mail = { From: "Team <team@example.com>", To: "a@example.org", Subject: "hi", TextBody: "hello" };
const sdk = (key, run) => new ServerClient(v.token(key, run), { useHttps: false, requestHost: `${v.host}/postmark` });

const accepted = (n = 0) => ({ To: "a@example.org", SubmittedAt: "2026-11-21T12:00:00Z", MessageID: `m-${n}`, ErrorCode: 0, Message: "OK" });
const refusedItem = { ErrorCode: 406, Message: "You tried to send to a recipient that has been marked as inactive." };

function answer(call) {
  if (call.method === "POST" && call.url === "/email") return [200, accepted()];
  if (call.url === "/email/withTemplate") return [200, accepted()];
  if (call.url === "/email/batch") return [200, JSON.parse(call.text).map((one, i) => (one.Subject === "bad" ? refusedItem : accepted(i)))];
  if (call.url === "/email/batchWithTemplates") return [200, JSON.parse(call.text).Messages.map((_, i) => accepted(i))];
  if (call.url === "/email/bulk") return [200, { ID: "bulk-1", Status: "Accepted" }];
  if (call.url === "/templates/") return [200, { TemplateId: 1, Name: "t", Active: true, Alias: "" }];
  if (call.url === "/server") return [200, { ID: 1, Name: "s", ApiTokens: ["a-real-token-of-the-server"], InboundHash: "0123" }];
  if (call.url.startsWith("/deliveryStats")) return [200, { InactiveMails: 0, Bounces: [] }];
}

before(async () => {
  v = await startVendor("postmark", {
    answer,
    policies: {
      mails: { allow: ["postmark.email.send"] },
      inside: { allow: ["postmark.*"], scopes: { "postmark.to": ["*@example.org"], "postmark.from": ["example.com"] } },
    },
    keys: {
      mails: { policy: "mails" },
      inside: { policy: "inside" },
      day: { budgets: [{ limit: "1 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
      count: { budgets: [{ limit: "5 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a mail goes through: secret swapped, every recipient priced", async () => {
  const row = await v.row((run) => sdk("day", run).sendEmail({ ...mail, To: "a@example.org, B <b@example.org>", Cc: "c@example.org", Bcc: "d@example.org,e@example.org" }));
  v.carries(v.upstream.last(), "x-postmark-server-token");
  assert.equal(v.upstream.last().url, "/email");
  assert.equal(row.operation, "postmark.email.send");
  assert.equal(nanos(row.cost_usd), 5n * each);
  assert.equal(row.settled, true);
  assert.equal(row.upstream_object_id, "m-0");
});

test("a template and a path that ends in a slash", async () => {
  await sdk("day").sendEmailWithTemplate({ From: mail.From, To: mail.To, TemplateId: 1, TemplateModel: {} });
  assert.equal(v.upstream.last().url, "/email/withTemplate");
  await sdk("free").createTemplate({ Name: "t", Subject: "s", TextBody: "x" });
  assert.equal(v.upstream.last().url, "/templates/");
});

test("a batch counts every recipient; what was refused is given back", async () => {
  const row = await v.row((run) => sdk("day", run).sendEmailBatch([mail, { ...mail, To: "a@example.org,b@example.org" }, { ...mail, Subject: "bad" }]));
  assert.equal(row.operation, "postmark.email.batch");
  assert.equal(nanos(row.reserved_usd), 4n * each);
  assert.equal(nanos(row.cost_usd), 3n * each);
  const templates = await v.row((run) => sdk("day", run).sendEmailBatchWithTemplates([{ From: mail.From, To: "a@example.org, b@example.org", TemplateId: 1, TemplateModel: {} }]));
  assert.equal(nanos(templates.cost_usd), 2n * each);
});

test("a bulk counts what its messages say", async () => {
  const row = await v.row((run) => sdk("day", run).sendBulkEmail({ From: mail.From, Subject: "hi", TextBody: "x", Messages: [{ To: "a@example.org" }, { To: "b@example.org, c@example.org" }] }));
  assert.equal(nanos(row.cost_usd), 3n * each);
});

test("not allowed: a PostmarkError with the code", async () => {
  const error = await v.refused(() => sdk("mails").getDeliveryStatistics(), "operation_denied");
  assert.ok(error instanceof Errors.PostmarkError);
  assert.equal(error.statusCode, 403);
  assert.match(error.message, /postmark\.delivery_stats/);
});

test("an unknown key: InvalidAPIKeyError", async () => {
  const client = new ServerClient("00000000-0000-0000-0000-000000000000", { useHttps: false, requestHost: `${v.host}/postmark` });
  const count = v.upstream.count;
  const error = await client.sendEmail(mail).then(() => null, (thrown) => thrown);
  assert.ok(error instanceof Errors.InvalidAPIKeyError, String(error));
  assert.equal(error.code, 10);
  assert.equal(v.upstream.count, count);
});

test("a budget: RateLimitExceededError, and what fits goes through", async () => {
  const client = sdk("count");
  await client.sendEmail({ ...mail, To: "a@example.org,b@example.org,c@example.org" });
  const error = await v.refused(() => client.sendEmail({ ...mail, To: "a@example.org, b@example.org", Cc: "c@example.org" }), "budget_exceeded");
  assert.ok(error instanceof Errors.RateLimitExceededError, error.constructor.name);
  await client.sendEmail({ ...mail, Cc: "b@example.org" });
});

test("a cap is exact: 20 at once, 7 fit", async () => {
  await v.capHolds({ fits: 7, call: (i) => sdk("seven").sendEmail({ ...mail, Subject: `mail ${i}` }) });
});

test("who may write and be written to", async () => {
  const client = sdk("inside");
  await client.sendEmail({ ...mail, To: "a@example.org, b@example.org" });
  for (const change of [
    { To: "a@elsewhere.net" },
    { To: "a@example.org, b@elsewhere.net" },
    { To: "a@example.org,,b@example.org" },
    { Cc: "\"x, b@elsewhere.net\" <a@example.org>" },
    { Bcc: "b@elsewhere.net" },
    { From: "team@elsewhere.net" },
    { From: "team@example.com.elsewhere.net" },
  ])
    await v.refused(() => client.sendEmail({ ...mail, ...change }), "scope_denied");
  await v.refused(() => client.sendEmailBatch([mail, { ...mail, Cc: "b@elsewhere.net" }]), "scope_denied");
});

test("names of fields are the same in any letter case, as the vendor reads them", async () => {
  await v.refused(() => sdk("inside").sendEmail({ ...mail, bcc: "b@elsewhere.net" }), "scope_denied");
  await v.refused(() => sdk("inside").sendEmailBatch([{ ...mail, CC: "b@elsewhere.net" }]), "scope_denied");
  await v.refused(() => sdk("free").sendEmail({ ...mail, headers: [{ name: "Bcc", value: "b@elsewhere.net" }] }), "parameter_denied");
  const row = await v.row((run) => sdk("day", run).sendEmail({ ...mail, cc: "b@example.org" }));
  assert.equal(nanos(row.cost_usd), 2n * each);
});

test("recipients in header fields are refused", async () => {
  for (const Name of ["Bcc", "cC", "Resent-To", "Return-Path"])
    await v.refused(() => sdk("free").sendEmail({ ...mail, Headers: [{ Name, Value: "b@elsewhere.net" }] }), "parameter_denied");
  await sdk("free").sendEmail({ ...mail, Headers: [{ Name: "X-Order", Value: "1" }] });
  await v.refused(() => sdk("free").sendEmailBatch([{ ...mail, Headers: [{ Name: "BCC", Value: "b@elsewhere.net" }] }]), "parameter_denied");
});

test("the server's tokens do not come back, and cannot be changed", async () => {
  const server = await sdk("free").getServer();
  assert.equal(server.Name, "s");
  assert.ok(!JSON.stringify(server).includes("a-real-token"));
  await v.refused(() => sdk("free").editServer({ Name: "x" }), "operation_denied");
  await v.refused(() => sdk("free").createWebhook({ Url: "https://elsewhere.net/hook" }), "operation_denied");
});

test("an unknown call is refused", async () => {
  const client = new AccountClient(v.token("free"), { useHttps: false, requestHost: `${v.host}/postmark` });
  const count = v.upstream.count;
  await assert.rejects(() => client.createServer({ Name: "x" }), Errors.PostmarkError);
  assert.equal(v.upstream.count, count);
  await v.refused(() => sdk("free").processRequestWithoutBody("GET", "/email/batch/else", {}), "operation_denied");
});
