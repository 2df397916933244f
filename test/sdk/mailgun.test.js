// SPDX-License-Identifier: Apache-2.0
// The official Mailgun SDK through the gate: forms as multipart, several addresses in one text.
import { before } from "node:test";

import FormData from "form-data";
import Mailgun from "mailgun.js";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const each = 1_800_000n; // a mail, in nano-dollars
const mail = { from: "Team <team@example.com>", to: "a@example.org", subject: "hi", text: "hello" };
const domain = "mg.example.com";

const sdk = (key, run, form = FormData) => new Mailgun(form).client({ username: "api", key: v.token(key, run), url: v.url });

before(async () => {
  v = await startVendor("mailgun", {
    answer(call) {
      if (/^\/v3\/[^/]*\/messages(\.mime)?$/.test(call.url)) return [200, { id: "<1@mg.example.com>", message: "Queued. Thank you." }];
      if (call.url.startsWith("/v3/mg.example.com/events")) return [200, { items: [], paging: { next: "https://api.mailgun.net/v3/mg.example.com/events/W3siYSI6" } }];
      if (call.url.startsWith("/v4/address/validate")) return [200, { address: "a@example.org", result: "deliverable", risk: "low" }];
      if (call.url.startsWith("/v4/domains")) return [200, { total_count: 0, items: [] }];
    },
    vendor: { settings: { list_members: { [`news@${domain}`]: 120 } } },
    policies: {
      mails: { allow: ["mailgun.messages.send"] },
      inside: {
        allow: ["mailgun.*"],
        scopes: { "mailgun.to": ["*@example.org"], "mailgun.from": ["example.com"], "mailgun.domain": [domain] },
      },
    },
    keys: {
      mails: { policy: "mails" },
      inside: { policy: "inside" },
      day: { budgets: [{ limit: "1 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a mail goes through: secret swapped, every recipient priced", async () => {
  const row = await v.row((run) => sdk("day", run).messages.create(domain, { ...mail, to: ["a@example.org", "B <b@example.org>"], cc: "c@example.org, d@example.org", bcc: "e@example.org" }));
  v.carries(v.upstream.last());
  assert.match(Buffer.from(v.upstream.last().headers.authorization.slice(6), "base64").toString(), /^api:/);
  assert.match(v.upstream.last().headers["content-type"], /^multipart\/form-data; boundary=/);
  assert.equal(row.operation, "mailgun.messages.send");
  assert.equal(nanos(row.cost_usd), 5n * each);
  assert.equal(row.upstream_object_id, "<1@mg.example.com>");
});

test("the runtime's own forms, files and variables", async () => {
  const row = await v.row((run) =>
    sdk("day", run, globalThis.FormData).messages.create(domain, {
      ...mail,
      to: ["a@example.org", "b@example.org"],
      "recipient-variables": JSON.stringify({ "a@example.org": { n: 1 }, "b@example.org": { n: 2 } }),
      "h:Reply-To": "help@example.com",
      "v:order": "1",
      attachment: { filename: "a.txt", data: Buffer.from("\0\xff\r\n--not a boundary", "latin1") },
    }));
  assert.equal(nanos(row.cost_usd), 2n * each);
  assert.ok(v.upstream.last().body.includes(Buffer.from("--not a boundary")));
});

test("a mail as MIME counts its recipients", async () => {
  const row = await v.row((run) => sdk("day", run).messages.create(domain, { to: "a@example.org,b@example.org", message: Buffer.from("Subject: hi\r\n\r\nhello") }));
  assert.equal(row.operation, "mailgun.messages.send_mime");
  assert.equal(nanos(row.cost_usd), 2n * each);
  await v.refused(() => sdk("inside").messages.create(domain, { to: "a@example.org", message: Buffer.from("From: x@elsewhere.net\r\n\r\n") }), "scope_denied");
});

test("not allowed: an MGApiError with the message", async () => {
  const error = await v.refused(() => sdk("mails").domains.list(), "operation_denied");
  assert.equal(error.status, 403);
  assert.match(error.details, /mailgun\.domains\.list/);
});

test("a cap is exact: 20 at once, 7 fit", async () => {
  await v.capHolds({ fits: 7, call: (i) => sdk("seven").messages.create(domain, { ...mail, subject: `mail ${i}` }) });
  assert.equal((await v.refused(() => sdk("seven").messages.create(domain, mail), "budget_exceeded")).status, 403);
});

test("a mailing list counts its people, where they are known", async () => {
  const send = (key, to, run) => sdk(key, run).messages.create(domain, { ...mail, to });
  const row = await v.row((run) => send("day", `News <news@${domain}>, a@example.org`, run));
  assert.equal(nanos(row.reserved_usd), 121n * each);
  await v.refused(() => send("day", `team@${domain}`), "price_unknown");
  await v.refused(() => sdk("day").messages.create(domain, { ...mail, bcc: `team@${domain.toUpperCase()}` }), "price_unknown");
  await v.refused(() => sdk("day").messages.create(domain, { to: `team@${domain}`, message: Buffer.from("Subject: hi\r\n\r\nhello") }), "price_unknown");
  await send("free", `team@${domain}`);
});

test("who may write, be written to, and from which domain", async () => {
  const one = sdk("inside");
  await one.messages.create(domain, { ...mail, to: ["a@example.org", "b@example.org, c@example.org"] });
  for (const change of [
    { to: "a@elsewhere.net" },
    { to: "a@example.org, b@elsewhere.net" },
    { to: ["a@example.org", "b@elsewhere.net"] },
    { cc: "b@elsewhere.net" },
    { from: "team@elsewhere.net" },
  ])
    await v.refused(() => one.messages.create(domain, { ...mail, ...change }), "scope_denied");
  await v.refused(() => one.messages.create("other.example.com", mail), "scope_denied");
});

test("recipients and senders in header fields are refused", async () => {
  for (const name of ["h:Bcc", "h:to", "h:SENDER", "h:From"])
    await v.refused(() => sdk("free").messages.create(domain, { ...mail, [name]: "b@elsewhere.net" }), "parameter_denied");
});

test("a form that can be read in two ways goes nowhere", async () => {
  const post = (body, type = "multipart/form-data; boundary=b1") => fetch(`${v.url}/v3/${domain}/messages`, {
    method: "POST",
    headers: { "content-type": type, authorization: `Basic ${Buffer.from(`api:${v.token("inside")}`).toString("base64")}` },
    body,
  });
  const field = (name, value, more = "") => `--b1\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const count = v.upstream.count;
  const good = field("from", "team@example.com") + field("to", "a@example.org") + field("text", "x");
  for (const [body, type] of [
    [`${good}${field("To", "b@elsewhere.net")}--b1--`],
    [`${good}${field("from", "b@elsewhere.net")}--b1--`],
    [`${good}${field("a[to]", "b@elsewhere.net")}--b1--`],
    [`preamble\r\n${good}--b1--`],
    [`${good}--b1--\r\n${field("to", "b@elsewhere.net")}--b1--`],
    [`${good}--b1--`, "multipart/form-data; boundary=b1; boundary=b2"],
    [`${good}--b1--`, "multipart/mixed; boundary=b1"],
    ["from=team%40example.com&to=a%40example.org", "application/x-www-form-urlencoded"],
  ]) {
    const answer = await post(body, type);
    assert.equal(answer.status, 400, body);
    assert.equal((await answer.json()).code, "not_canonical");
  }
  const file = await post(`${field("from", "team@example.com")}${field("to", "a@example.org", '; filename="to"')}${field("text", "x")}--b1--`);
  assert.equal((await file.json()).code, "scope_denied", "a file is no address");
  assert.equal(v.upstream.count, count);
  assert.equal((await post(`${good}${field("CC", "b@elsewhere.net")}--b1--`)).status, 403, "in any letter case");
  const asked = await fetch(`${v.url}/v3/${domain}/messages?cc=b%40elsewhere.net`, {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=b1", authorization: `Basic ${Buffer.from(`api:${v.token("free")}`).toString("base64")}` },
    body: `${good}--b1--`,
  });
  assert.equal((await asked.json()).code, "parameter_denied", "not in the query");
  assert.equal(v.upstream.count, count);
  assert.equal((await post(`${good}--b1--`)).status, 200);
});

test("logins, keys, routes and webhooks are refused whatever the policy says", async () => {
  const one = sdk("free");
  await v.refused(() => one.domains.domainCredentials.create(domain, { mailbox: "x", password: "y" }), "operation_denied");
  await v.refused(() => one.routes.create({ expression: "match_all()", action: ["forward('https://elsewhere.net')"] }), "operation_denied");
  await v.refused(() => one.webhooks.create(domain, "opened", "https://elsewhere.net"), "operation_denied");
  await v.refused(() => one.request.get("/v3/no/such/thing/at/all"), "operation_denied");
});

test("a validation has a price, and links lead back through the gate", async () => {
  const row = await v.row((run) => sdk("day", run).validate.get("a@example.org"));
  assert.equal(row.operation, "mailgun.validate.retrieve");
  assert.equal(nanos(row.cost_usd), 12_000_000n);
  const page = await sdk("free").events.get(domain);
  assert.ok(page.pages.next.url.startsWith(`${v.url}/v3/`), page.pages.next.url);
});
