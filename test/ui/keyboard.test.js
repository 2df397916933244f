// SPDX-License-Identifier: Apache-2.0
// Without a mouse: pages, the search, rows, dialogs; and what a theme or a lost gate does.
import { before } from "node:test";

import { until } from "../sdk/lib/process.js";
import { assert, test } from "../sdk/lib/test.js";
import { openPage, signedIn, signIn, startDashboard, visit } from "./lib/dashboard.js";

let gate;

before(async () => {
  gate = await startDashboard();
  for (const run of ["run_a", "run_b"]) await gate.chat("hello", { run });
});

const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();
const focused = (page, what) => page.evaluate((name) => document.activeElement?.matches(name), what);

test("g and a letter goes to a page, / to its search, ? lists the keys, Esc closes", async () => {
  const page = await signedIn(gate);
  await heading(page, "Now");
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await heading(page, "Runs");
  await page.keyboard.press("/");
  assert.ok(await focused(page, "[data-search]"));
  await page.keyboard.type("gc?s"); // letters in a field are letters
  await heading(page, "Runs");
  await page.locator("main h1").click();
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await heading(page, "Calls");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByText("Search this page").waitFor();
  await page.keyboard.press("Escape");
  await until(async () => (await page.getByRole("dialog").count()) === 0, "the list to close");
  await page.keyboard.press("s");
  await page.getByRole("dialog", { name: "Stop" }).waitFor();
  await page.keyboard.press("Escape");
  await until(async () => (await page.getByRole("dialog").count()) === 0, "the dialog to close");
});

test("a row is reached by Tab and opened by Enter", async () => {
  const page = await signedIn(gate);
  await visit(page, "#/runs");
  const link = page.getByRole("link", { name: "run_a" });
  await link.focus();
  await page.keyboard.press("Enter");
  await heading(page, "run_a");
  await page.goBack();
  await heading(page, "Runs");
});

test("the first Tab leads past the menu", async () => {
  const page = await signedIn(gate);
  await heading(page, "Now");
  await page.reload();
  await signIn(page, gate).catch(() => {}); // a session outlives a reload
  await heading(page, "Now");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("Tab");
  assert.ok(await focused(page, ".skip"));
  await page.keyboard.press("Enter");
  assert.ok(await focused(page, "main"));
});

test("colours: chosen by hand, kept in this browser", async () => {
  const page = await signedIn(gate);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole("radiogroup", { name: "Colours" }).getByText("dark").click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await page.locator("h1").first().waitFor();
  assert.equal(await ground(), dark);
});

test("a gate that is away is said, and found again", async () => {
  const page = await signedIn(gate);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.context().setOffline(true);
  await page.evaluate(() => globalThis.dispatchEvent(new Event("offline")));
  await page.getByText("Reconnecting").waitFor({ timeout: 15_000 });
  await page.context().setOffline(false);
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 15_000 });
});

test("a wrong token is said, and no secret stays in the address", async () => {
  const page = await openPage(gate, { hash: "#login=not-a-code" });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.ok(!page.url().includes("not-a-code"));
  await page.getByRole("alert").first().waitFor();
  await page.getByLabel("Admin token or one-time code").fill("tga_wrong_wrong_wrong_wrong_wrong_wrong_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").first().waitFor();
  assert.equal(await page.getByRole("heading", { name: "Sign in" }).count(), 1);
});
