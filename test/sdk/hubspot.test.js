// SPDX-License-Identifier: Apache-2.0
// HubSpot's official client through the gate.
import { before } from "node:test";

import { Client } from "@hubspot/api-client";

import { assert, newRun, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const sdk = (key, run) => new Client({ accessToken: v.token(key, run), basePath: v.url, numberOfApiCallRetries: 0 });
const mail = { emailId: 1, message: { to: "a@example.org" }, contactProperties: {}, customProperties: {} };

function answer(call) {
  const url = new URL(call.url, "http://x");
  if (url.pathname === "/crm/v3/objects/contacts" && call.method === "POST") return [201, { id: "501", properties: {}, createdAt: "2026-11-21T12:00:00Z", updatedAt: "2026-11-21T12:00:00Z" }];
  if (url.pathname === "/crm/v3/objects/contacts")
    return [200, { results: [{ id: "1", properties: {} }], paging: { next: { after: "2", link: "https://api.hubapi.com/crm/v3/objects/contacts?after=2" } } }];
  if (url.pathname === "/crm/v3/objects/contacts/search") return [200, { total: 0, results: [] }];
  if (url.pathname === "/crm/v3/objects/contacts/501" && call.method === "DELETE") return [204];
  if (url.pathname === "/marketing/v3/transactional/single-email/send") return [200, { status: "PENDING", statusId: "s1" }];
}

before(async () => {
  v = await startVendor("hubspot", {
    answer,
    policies: {
      reads: { allow: ["hubspot.crm.contacts.basic.getPage", "hubspot.crm.contacts.search.doSearch"] },
      inside: { allow: ["hubspot.*"], scopes: { "hubspot.to": ["*@example.org"] } },
    },
    keys: {
      reads: { policy: "reads" },
      inside: { policy: "inside" },
      mails: { budgets: [{ limit: "5 messages", window: "day" }] },
      run: { budgets: [{ limit: "2 requests", window: "run", operation: "hubspot.crm.contacts.basic.archive" }] },
    },
  });
}, { timeout: 60_000 });

test("a contact is made: secret swapped, the row says what it was", async () => {
  const row = await v.row((run) => sdk("free", run).crm.contacts.basicApi.create({ properties: { email: "a@example.org" }, associations: [] }));
  v.carries(v.upstream.last());
  assert.equal(row.operation, "hubspot.crm.contacts.basic.create");
});

test("links of the next page lead through the gate", async () => {
  const page = await sdk("reads").crm.contacts.basicApi.getPage(1);
  assert.equal(page.paging.next.link, `${v.url}/crm/v3/objects/contacts?after=2`);
});

test("a search is a read; a refusal is an ApiException", async () => {
  await sdk("reads").crm.contacts.searchApi.doSearch({ filterGroups: [], limit: 1, after: "0", sorts: [], properties: [] });
  const error = await v.refused(() => sdk("reads").crm.contacts.basicApi.archive("501"), "operation_denied");
  assert.equal(error.code, 403);
  assert.match(JSON.stringify(error.body ?? error.message), /operation_denied/);
});

test("a mail counts as a message; the cap holds, and so does the pin of its recipient", async () => {
  await v.capHolds({ fits: 5, call: () => sdk("mails").marketing.transactional.singleSendApi.sendEmail(mail) });
  await sdk("inside").marketing.transactional.singleSendApi.sendEmail(mail);
  await v.refused(() => sdk("inside").marketing.transactional.singleSendApi.sendEmail({ ...mail, message: { to: "a@evil.example" } }), "scope_denied");
});

test("a count per run stops a loop that deletes", async () => {
  const run = newRun();
  let deleted = 0;
  for (let i = 0; i < 5; i++)
    await sdk("run", run).crm.contacts.basicApi.archive("501").then(() => deleted++, (error) => assert.equal(error.code, 402));
  assert.equal(deleted, 2);
});

test("tokens are refused unless a policy names them", async () => {
  await v.refused(() => sdk("free").marketing.transactional.publicSMTPTokensApi.getTokensPage(), "operation_denied");
});
