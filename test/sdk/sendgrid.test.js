// SPDX-License-Identifier: Apache-2.0
// The official SendGrid SDK through the gate. A mail has personalizations, each with its own recipients.
import { before } from "node:test";

import { Client } from "@sendgrid/client";
import mailer from "@sendgrid/mail";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

const { MailService } = mailer;
console.warn = () => {}; // it says that keys should begin with SG.

let v;
const each = 1_300_000n; // a mail, in nano-dollars
const mail = { from: { email: "team@example.com", name: "Team" }, to: "a@example.org", subject: "hi", text: "hello" };

function client(key, run) {
  const one = new Client();
  one.setApiKey(v.token(key, run));
  one.setDefaultRequest("baseUrl", `${v.url}/`);
  return one;
}

function sdk(key, run) {
  const service = new MailService();
  service.setClient(client(key, run));
  return service;
}

before(async () => {
  v = await startVendor("sendgrid", {
    answer(call, res) {
      if (call.method === "POST" && call.url === "/v3/mail/send") {
        res.writeHead(202, { "x-message-id": "sg-1", "content-length": "0" }).end();
        return true;
      }
      if (call.url.startsWith("/v3/templates")) return [200, { result: [], _metadata: { next: "https://api.sendgrid.com/v3/templates?page_token=2" } }];
      if (call.url === "/v3/validations/email") return [200, { result: { verdict: "Valid" } }];
    },
    policies: {
      mails: { allow: ["sendgrid.mail.send"] },
      inside: { allow: ["sendgrid.*"], scopes: { "sendgrid.to": ["*@example.org"], "sendgrid.from": ["example.com"] } },
      sub: { allow: ["sendgrid.*"], scopes: { "sendgrid.subuser": ["shop"] } },
    },
    keys: {
      mails: { policy: "mails" },
      inside: { policy: "inside" },
      sub: { policy: "sub" },
      day: { budgets: [{ limit: "1 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a mail goes through: secret swapped, every recipient of every personalization priced", async () => {
  const row = await v.row((run) =>
    sdk("day", run).send({
      ...mail,
      to: undefined,
      personalizations: [{ to: ["a@example.org", { email: "b@example.org", name: "B" }], cc: "c@example.org" }, { to: "d@example.org", bcc: ["e@example.org"] }],
    }));
  v.carries(v.upstream.last());
  assert.equal(v.upstream.last().url, "/v3/mail/send");
  assert.equal(row.operation, "sendgrid.mail.send");
  assert.equal(nanos(row.cost_usd), 5n * each);
  assert.equal(row.upstream_request_id, "sg-1");
});

test("many mails of their own, one personalization each", async () => {
  const row = await v.row((run) => sdk("day", run).send({ ...mail, to: ["a@example.org", "b@example.org"], isMultiple: true }));
  assert.equal(JSON.parse(v.upstream.last().text).personalizations.length, 2);
  assert.equal(nanos(row.cost_usd), 2n * each);
});

test("the sandbox sends nothing and costs nothing", async () => {
  const row = await v.row((run) => sdk("day", run).send({ ...mail, mailSettings: { sandboxMode: { enable: true } } }));
  assert.equal(nanos(row.cost_usd), 0n);
});

test("not allowed: a ResponseError with the reasons", async () => {
  const error = await v.refused(() => client("mails").request({ method: "GET", url: "/v3/templates" }), "operation_denied");
  assert.equal(error.code, 403);
  assert.match(error.response.body.errors[0].message, /sendgrid\.templates\.list/);
});

test("a cap is exact: 20 at once, 7 fit", async () => {
  await v.capHolds({ fits: 7, call: (i) => sdk("seven").send({ ...mail, subject: `mail ${i}` }) });
});

test("a budget refuses what would pass it: ResponseError, 403", async () => {
  const error = await v.refused(() => sdk("seven").send(mail), "budget_exceeded");
  assert.equal(error.code, 403);
  assert.equal(error.response.body.errors[0].error_id, "budget_exceeded");
});

test("who may write and be written to", async () => {
  const service = sdk("inside");
  await service.send(mail);
  for (const change of [
    { to: "a@elsewhere.net" },
    { to: ["a@example.org", "b@elsewhere.net"] },
    { bcc: "b@elsewhere.net" },
    { from: "team@elsewhere.net" },
    { to: undefined, personalizations: [{ to: "a@example.org" }, { to: "a@example.org", cc: "x@elsewhere.net" }] },
    { to: undefined, personalizations: [{ to: "a@example.org", from: "x@elsewhere.net" }] },
  ])
    await v.refused(() => service.send({ ...mail, ...change }), "scope_denied");
});

test("on-behalf-of is a scope: the account itself is not a subuser", async () => {
  const one = client("sub");
  one.setImpersonateSubuser("shop");
  await one.request({ method: "GET", url: "/v3/templates" });
  assert.equal(v.upstream.last().headers["on-behalf-of"], "shop");
  one.setImpersonateSubuser("other");
  await v.refused(() => one.request({ method: "GET", url: "/v3/templates" }), "scope_denied");
  await v.refused(() => client("sub").request({ method: "GET", url: "/v3/templates" }), "scope_denied");
});

test("recipients by other ways are refused", async () => {
  await v.refused(() => sdk("free").send({ ...mail, headers: { Bcc: "b@elsewhere.net" } }), "parameter_denied");
  await v.refused(() => sdk("free").send({ ...mail, mailSettings: { bcc: { enable: true, email: "b@elsewhere.net" } } }), "parameter_denied");
  await v.refused(() => sdk("free").send({ ...mail, to: undefined, personalizations: [{ to: "a@example.org", headers: { cC: "b@elsewhere.net" } }] }), "parameter_denied");
});

test("keys, people and webhooks are refused whatever the policy says", async () => {
  const one = client("free");
  await v.refused(() => one.request({ method: "POST", url: "/v3/api_keys", body: { name: "x" } }), "operation_denied");
  await v.refused(() => one.request({ method: "POST", url: "/v3/teammates", body: { email: "x@elsewhere.net" } }), "operation_denied");
  await v.refused(() => one.request({ method: "PATCH", url: "/v3/user/webhooks/event/settings", body: { url: "https://elsewhere.net" } }), "operation_denied");
  await v.refused(() => one.request({ method: "GET", url: "/v3/no/such/thing" }), "operation_denied");
});

test("a campaign has no known size", async () => {
  await v.refused(() => client("day").request({ method: "POST", url: "/v3/campaigns/1/schedules/now" }), "price_unknown");
  await v.refused(() => client("seven").request({ method: "PUT", url: "/v3/marketing/singlesends/1/schedule", body: { send_at: "now" } }), "price_unknown");
});

test("absolute links lead back through the gate", async () => {
  const [, body] = await client("free").request({ method: "GET", url: "/v3/templates" });
  assert.equal(body._metadata.next, `${v.url}/v3/templates?page_token=2`);
});
