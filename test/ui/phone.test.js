// SPDX-License-Identifier: Apache-2.0
// At 2 a.m., on a phone: what one looks for is not cut off, tabs are all there, numbers have units, and what is empty says what to do.
import { before } from "node:test";

import { assert, test } from "../sdk/lib/test.js";
import { checkPage, fill, signedIn, startDashboard, visit } from "./lib/dashboard.js";

let gate, fresh, page;

before(async () => {
  [gate, fresh] = [await startDashboard(), await startDashboard()];
  await fill(gate);
  page = await signedIn(gate, { device: "phone" });
});

/** Names of the tables that show less than they have; those behind a plot's "As a table" are not looked at. */
const cutTables = (where) => where.evaluate(() => [...document.querySelectorAll("main .table-frame")].filter((each) => !each.closest("details:not([open])") && each.scrollWidth > each.clientWidth + 1)
  .map((each) => `${each.getAttribute("aria-label")}: ${each.scrollWidth} of ${each.clientWidth}`));

const first = async (list, query = "") => (await gate.ask("GET", `/${list}?limit=100${query}`)).body.data;

test("no table is wider than a phone where one looks at night", { timeout: 90_000 }, async () => {
  await gate.ask("POST", "/exports", { name: "siem", kind: "webhook", url: "http://127.0.0.1:9/in", secret: "0123456789abcdef0123456789abcdef" });
  const budget = (await first("budgets")).find((each) => each.unit === "usd" && each.window === "day" && each.account_count > 0).id;
  const [call] = await first("calls", "&vendor=openai&verdict=allowed");
  const pages = ["now", "runs", "runs/run_support_2045", "calls", `calls/${call.id}`, "keys", "policies", "budgets", `budgets/${encodeURIComponent(budget)}`, "vendors", "vendors?view=targets",
    "vendors?view=models", "vendors?view=credentials", "vendors?view=prices&q=gpt-4o-mini", "vendors/openai", "approvals", "audit", "settings", "settings?view=alerts", "settings?view=exports"];
  const cut = [];
  for (const each of pages) {
    await visit(page, `#/${each}`);
    for (const table of await cutTables(page)) cut.push(`${each}: ${table}`);
  }
  assert.deepEqual(cut, []);
  assert.deepEqual(page.troubles, []);
});

test("a budget after a call is named by its key's name, not by a number", { timeout: 60_000 }, async () => {
  const [call] = await first("calls", "&vendor=openai&verdict=allowed");
  await visit(page, `#/calls/${call.id}`);
  await page.locator("main").getByRole("link", { name: "demo/usd/day" }).waitFor();
});

test("every tab can be seen", { timeout: 60_000 }, async () => {
  for (const [hash, name] of [["#/settings", "Books"], ["#/vendors", "Prices"]]) {
    await visit(page, hash);
    const box = await page.getByRole("tab", { name }).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 390, `${name} at ${box.x} to ${box.x + box.width}`);
  }
});

test("reports say what each field and each number is", { timeout: 60_000 }, async () => {
  await visit(page, "#/reports/spend?by=vendor");
  assert.equal(await page.getByLabel("by", { exact: true }).inputValue(), "vendor");
  assert.ok(await page.locator("main .filters label").first().getByText("by").isVisible(), "still when it is filled in");
  await visit(page, "#/reports/units");
  const heads = await page.locator("main thead th").allTextContents();
  assert.equal(new Set(heads).size, heads.length, `${heads}`);
  await page.locator("main").getByText(/^\$4\.50/).waitFor(); // usd per run
});

test("the books are told in words and units", { timeout: 90_000 }, () =>
  checkPage(gate, "settings-books-said", "#/settings?view=books", async (where) => {
    for (const text of ["they agree", "64 MiB", "Accounts checked"]) await where.locator("main").getByText(text).first().waitFor();
  }));

test("what is empty says what to do next", { timeout: 90_000 }, async () => {
  const empty = await signedIn(fresh, { device: "phone" });
  for (const [hash, text] of [["#/now", "Point an agent's SDK at this gate"], ["#/settings?view=alerts", "Send a test"], ["#/reports/spend?by=vendor", "another time"], ["#/vendors/openai", "Calls of an earlier day"]]) {
    await visit(empty, hash);
    await empty.locator("main").getByText(text).first().waitFor();
  }
});
