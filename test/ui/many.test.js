// SPDX-License-Identifier: Apache-2.0
// More than one page of what is searched and put in order here: it is said that there is more, a search finds all of it, and each has its own page.
import { before } from "node:test";

import { config, key } from "../sdk/lib/config.js";
import { adminToken, startGate } from "../sdk/lib/gate.js";
import { until } from "../sdk/lib/process.js";
import { assert, test } from "../sdk/lib/test.js";
import { shoot, signedIn, visit } from "./lib/dashboard.js";

const KEYS = 260, EACH = 5, BUDGETS = KEYS * EACH;
let gate;

before(async () => {
  const name = (at) => `key-${String(at).padStart(4, "0")}`;
  const budgets = (at) => Array.from({ length: EACH }, (_, n) => ({ limit: `${n + 1} usd`, window: "day", model: `model-${at}-${n}` }));
  gate = await startGate(config({ openai: "http://127.0.0.1:9" }, { keys: Array.from({ length: KEYS }, (_, at) => key(name(at), ["openai-main"], { budgets: budgets(at) })) }));
  gate.admin = `http://${gate.adminAddress}`;
  gate.token = adminToken;
});

const rows = (page) => page.locator("main tbody tr").count();

test("budgets: that there are more is said, all are read when asked, a search finds the last", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  await visit(page, "#/budgets");
  await page.getByText("Only 1,000 budgets were read").waitFor();
  await shoot(page, "budgets-many-light");
  await page.getByRole("button", { name: "Read all" }).click();
  await until(async () => (await rows(page)) === BUDGETS, "all of them");
  assert.equal(await page.getByText("were read").count(), 0);
  await visit(page, "#/now");
  const last = (await gate.get(`/budgets?limit=1000&cursor=${encodeURIComponent((await gate.get("/budgets?limit=1000")).next_cursor)}`)).data.at(-1);
  await visit(page, `#/budgets?q=${last.model}`);
  await until(async () => (await rows(page)) === 1, "the last one");
  await visit(page, "#/budgets?q=nowhere");
  await page.getByText("No budget like this").waitFor();
  await visit(page, `#/budgets/${encodeURIComponent(last.id)}`);
  await page.getByText(last.model).first().waitFor();
  await page.getByRole("heading", { level: 1, name: "per day" }).waitFor();
  await visit(page, "#/budgets/nowhere");
  await page.getByText("There is no budget “nowhere”.").waitFor();
  assert.deepEqual(page.troubles, []);
});

test("keys: a search reads on until it has found", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate, { device: "phone" });
  await visit(page, "#/keys");
  await page.getByText("Only 200 keys were read").waitFor();
  await shoot(page, "keys-many-phone");
  await page.getByLabel("Search keys by name, policy, workspace, owner or label").fill("key-0259");
  await until(async () => (await rows(page)) === 1, "the last one");
  await page.getByLabel("Search keys by name, policy, workspace, owner or label").fill("nobody");
  await page.getByText("No key like this").waitFor();
  assert.deepEqual(page.troubles, []);
});

test("a search whose first pages are empty looks further back by itself", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate, { device: "phone" });
  const asked = [];
  const row = { id: "call_far_back", at: "2026-01-01T00:00:00.000Z", workspace: "default", key: "key_1", key_name: "key-0001", run: "run_old", step: null, vendor: "stripe", operation: "stripe.charges.create",
    model: null, verdict: "allowed", denied: null, status: 200, cost_usd: "1.5", input_tokens: 0, output_tokens: 0, latency_ms: 3 };
  await page.route(/api\/v1\/calls\?/, async (route) => { // as a gate of ten million calls answers: short pages, with a cursor
    asked.push(new URL(route.request().url()).searchParams.get("cursor"));
    const last = asked.length === 4;
    await new Promise((done) => setTimeout(done, 150));
    await route.fulfill({ contentType: "application/json", body: JSON.stringify({ data: last ? [row] : [], next_cursor: last ? null : `c${asked.length}` }) });
  });
  await page.evaluate(() => { location.hash = "#/calls?q=req_far_back"; });
  await page.getByText("looking further back").waitFor();
  await page.locator("main tbody").getByText("stripe.").first().waitFor();
  assert.deepEqual(asked.slice(-4), [null, "c1", "c2", "c3"]);
  assert.deepEqual(page.troubles, []);
});
