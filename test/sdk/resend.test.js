// SPDX-License-Identifier: Apache-2.0
// The official Resend SDK through the gate. It never throws: what counts is { data, error }.
import { before } from "node:test";

import { Resend } from "resend";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startEmulate } from "./lib/mocks.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, upstream;
const each = 900_000n; // a mail, in nano-dollars
const mail = { from: "Team <team@example.com>", to: "a@example.org", subject: "hi", text: "hello" };

const sdk = (name, slash = "") => new Resend(tokenOf(name), { baseUrl: `${gate.url}/resend${slash}` });

before(async () => {
  ({ resend: upstream } = await startEmulate());
  gate = await startGate(
    config({ resend: upstream.url }, {
      policies: {
        mails: { allow: ["resend.emails.send"] },
        inside: { allow: ["resend.*"], scopes: { "resend.to": ["*@example.org"], "resend.from": ["example.com"] } },
      },
      keys: [
        key("free", ["resend-main"]),
        key("mails", ["resend-main"], { policy: "mails" }),
        key("inside", ["resend-main"], { policy: "inside" }),
        key("day", ["resend-main"], { budgets: [{ limit: "1 usd", window: "day" }] }),
        key("count", ["resend-main"], { budgets: [{ limit: "3 messages", window: "day" }] }),
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

test("a list of addresses in one text can be read in two ways", async () => {
  const error = await refused(() => sdk("day").emails.send({ ...mail, to: "a@example.org, b@example.org" }));
  assert.ok(["not_canonical", "bad_request", "scope_denied", "price_unknown"].includes(error.code), error.code);
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
