// SPDX-License-Identifier: Apache-2.0
// The official Lob SDK through the gate: letters have a price of yours, a check is money.
import { before } from "node:test";

import { AddressesApi, ChecksApi, Configuration, LettersApi, PostcardsApi, UsVerificationsApi } from "@lob/lob-typescript-sdk";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

let v;
const dollar = 1_000_000_000n;
const letter = { to: "adr_good0001", from: "adr_home0001", file: "<p>hi</p>", color: false, use_type: "operational" };
const check = { to: "adr_good0001", from: "adr_home0001", bank_account: "bank_1", amount: 22.5, use_type: "operational" };

const of = (Api, key, run) => new Api(new Configuration({ username: v.token(key, run), basePath: `${v.url}/v1` }));

before(async () => {
  v = await startVendor("lob", {
    answer(call) {
      const body = call.text ? JSON.parse(call.text) : {};
      if (call.method === "POST" && call.url === "/v1/letters") return [200, { id: "ltr_0001", object: "letter" }];
      if (call.method === "POST" && call.url === "/v1/postcards") return [200, { id: "psc_0001", object: "postcard" }];
      if (call.method === "POST" && call.url === "/v1/checks") return [200, { id: "chk_0001", amount: body.amount, object: "check" }];
      if (call.method === "POST" && call.url === "/v1/us_verifications") return [200, { id: "us_ver_1", deliverability: "deliverable" }];
      if (call.method === "GET" && call.url.startsWith("/v1/addresses")) return [200, { data: [], object: "list", count: 0, next_url: null, previous_url: null }];
    },
    policies: {
      letters: { allow: ["lob.letters.create"] },
      inside: { allow: ["lob.*"], scopes: { "lob.to": ["adr_good*"], "lob.bank_account": ["bank_1"] } },
      small: { allow: ["lob.*"], parameters: { "lob.checks.create": { amount: { max: 100 } } } },
    },
    keys: {
      letters: { policy: "letters" },
      inside: { policy: "inside" },
      small: { policy: "small" },
      day: { budgets: [{ limit: "1000 usd", window: "day" }] },
      cap: { budgets: [{ limit: "175 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

test("a letter goes through: secret swapped, priced by your settings", async () => {
  const row = await v.row((run) => of(LettersApi, "day", run).create(letter));
  v.carries(v.upstream.last());
  assert.equal(Buffer.from(v.upstream.last().headers.authorization.slice(6), "base64").toString(), `${v.secret}:`);
  assert.equal(v.upstream.last().url, "/v1/letters");
  assert.equal(row.operation, "lob.letters.create");
  assert.equal(nanos(row.cost_usd), 2n * dollar);
  assert.equal(row.upstream_object_id, "ltr_0001");
});

test("a check is money, and a sheet of paper", async () => {
  const row = await v.row((run) => of(ChecksApi, "day", run).create(check));
  assert.equal(nanos(row.cost_usd), 25n * dollar);
});

test("an idempotency key: the gate's goes out, the caller's does not, and a repeat is answered here", async () => {
  const one = of(ChecksApi, "day");
  const first = await one.create(check, "order-1");
  assert.ok(v.upstream.last().headers["idempotency-key"]);
  assert.notEqual(v.upstream.last().headers["idempotency-key"], "order-1");
  const count = v.upstream.count;
  const again = await one.create(check, "order-1");
  assert.equal(again.id, first.id);
  assert.equal(v.upstream.count, count);
});

test("not allowed: the SDK's error with status and message", async () => {
  const error = await v.refused(() => of(AddressesApi, "letters").list(), "operation_denied");
  assert.match(JSON.stringify(error.message ?? error), /lob\.addresses\.list/);
});

test("a cap is exact: 20 checks of 25 dollars at once, 7 fit into 175", async () => {
  await v.capHolds({ fits: 7, call: (i) => of(ChecksApi, "cap").create({ ...check, memo: `check ${i}` }) });
  await v.capHolds({ fits: 7, call: (i) => of(PostcardsApi, "seven").create({ to: letter.to, from: letter.from, front: `<p>${i}</p>`, back: "<p>x</p>", use_type: "operational" }) });
});

test("who is written to, and whose account pays", async () => {
  await of(ChecksApi, "inside").create(check);
  await v.refused(() => of(ChecksApi, "inside").create({ ...check, to: "adr_other001" }), "scope_denied");
  await v.refused(() => of(ChecksApi, "inside").create({ ...check, bank_account: "bank_2" }), "scope_denied");
  const inline = { name: "X", address_line1: "1 Elsewhere St", address_city: "SF", address_state: "CA", address_zip: "94107" };
  await v.refused(() => of(LettersApi, "inside").create({ ...letter, to: inline }), "scope_denied");
  await of(LettersApi, "free").create({ ...letter, to: inline });
});

test("a check's amount has a limit by policy", async () => {
  await of(ChecksApi, "small").create({ ...check, amount: 100 });
  await v.refused(() => of(ChecksApi, "small").create({ ...check, amount: 100.01 }), "parameter_denied");
  await v.refused(() => of(ChecksApi, "day").create({ ...check, amount: undefined }), "bad_request");
});

test("look-ups are billed; forms are not taken where money moves", async () => {
  const row = await v.row((run) => of(UsVerificationsApi, "day", run).verifySingle({ primary_line: "1 Main St", zip_code: "94107" }));
  assert.equal(nanos(row.cost_usd), 50_000_000n);
  const count = v.upstream.count;
  const answer = await fetch(`${v.url}/v1/checks`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", authorization: `Basic ${Buffer.from(`${v.token("free")}:`).toString("base64")}` },
    body: "to=adr_good0001&from=adr_home0001&bank_account=bank_1&amount=22.50",
  });
  assert.equal(answer.status, 400);
  assert.equal((await answer.json()).code, "not_canonical");
  assert.equal(v.upstream.count, count);
});

test("an unknown call is refused", async () => {
  const answer = await fetch(`${v.url}/v1/no/such/thing`, { headers: { authorization: `Basic ${Buffer.from(`${v.token("free")}:`).toString("base64")}` } });
  assert.equal(answer.status, 403);
  assert.equal((await answer.json()).code, "operation_denied");
});
