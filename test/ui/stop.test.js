// SPDX-License-Identifier: Apache-2.0
// The red button: from every page within two clicks, with what was refused and forwarded since (S-17), one thing and not all (S-15), and a
// vendor's writes alone, with an owner and an expiry (S-19).
import { before } from "node:test";

import { until } from "../sdk/lib/process.js";
import { assert, test } from "../sdk/lib/test.js";
import { fitsWidth, seriousOf, shoot, signedIn, startDashboard, visit } from "./lib/dashboard.js";

let gate;

before(async () => {
  gate = await startDashboard();
  await gate.chat("hello", { run: "run_loose" });
  await gate.chat("hello", { run: "run_good" });
});

const banner = (page) => page.getByRole("region", { name: "Stopped" });

test("a run is stopped with two clicks from its page, the others go on, and it is resumed", async () => {
  const page = await signedIn(gate);
  const well = page.getByText("All is well");
  await visit(page, "#/now");
  await well.waitFor();
  await visit(page, "#/runs/run_loose");
  await page.getByRole("banner").getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop now" }).click();
  const dialog = page.getByRole("dialog", { name: "Stopped" });
  await dialog.getByText("0 forwarded since").waitFor();
  assert.equal((await gate.chat("again", { run: "run_loose" })).status, 403);
  assert.equal((await gate.chat("again", { run: "run_loose" })).status, 403);
  assert.equal((await gate.chat("again", { run: "run_good" })).status, 200);
  await dialog.getByText("0 forwarded since, 2 refused since").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await banner(page).getByText("run run_loose").waitFor();
  await shoot(page, "stopped-light");
  await visit(page, "#/now");
  assert.equal(await well.count(), 0, "something is stopped");
  await banner(page).getByRole("button", { name: "Resume run run_loose" }).click();
  await until(async () => (await banner(page).count()) === 0, "the banner to go");
  assert.equal((await gate.chat("again", { run: "run_loose" })).status, 200);
  assert.deepEqual(page.troubles, []);
});

test("a vendor's writes alone, with reason, owner and expiry", async () => {
  const page = await signedIn(gate, { scheme: "dark" });
  await page.keyboard.press("s");
  const dialog = page.getByRole("dialog", { name: "Stop" });
  await dialog.getByLabel("Vendor").check();
  await dialog.getByRole("combobox", { name: "Vendor" }).fill("stripe");
  await dialog.getByLabel("Writes only: reads that cost nothing still pass").check();
  await dialog.getByLabel("Reason").fill("duplicate charges");
  await dialog.getByLabel("Owner").fill("ann");
  await dialog.getByLabel("For", { exact: true }).selectOption("1 hour");
  await shoot(page, "stop-dialog-dark");
  assert.deepEqual(await seriousOf(page), []);
  await dialog.getByRole("button", { name: "Stop writes now" }).click();
  await page.getByRole("dialog", { name: "Stopped" }).getByText("0 forwarded since").waitFor();
  const [stop] = (await gate.ask("GET", "/stops")).body.data;
  assert.equal(stop.kind, "vendor");
  assert.equal(stop.value, "stripe");
  assert.equal(stop.writes_only, true);
  assert.equal(stop.by, "ann");
  assert.ok(Math.abs(Date.parse(stop.expires_at) - Date.now() - 3_600_000) < 60_000);
  const write = await gate.charge(100);
  assert.equal(write.status, 403);
  assert.equal(write.headers.get("x-tollgate-denied"), "stopped");
  assert.equal((await gate.call("/stripe/v1/charges", { method: "GET" })).status, 200);
  await page.keyboard.press("Escape");
  await banner(page).getByText("Writes stopped: vendor stripe").waitFor();
  await banner(page).getByText("by ann").waitFor();
  await gate.ask("POST", "/resume", { vendor: "stripe" });
  await until(async () => (await banner(page).count()) === 0, "the banner to go when someone else resumed");
});

test("what the gate refuses is said at its field", async () => {
  const page = await signedIn(gate);
  await page.getByRole("banner").getByRole("button", { name: "Stop" }).click();
  const dialog = page.getByRole("dialog", { name: "Stop" });
  await dialog.getByLabel("Key").check();
  await dialog.getByRole("combobox", { name: "Key" }).fill("nobody");
  await dialog.getByRole("button", { name: "Stop now" }).click();
  await dialog.getByText('there is no key "nobody"').waitFor();
  assert.equal(await dialog.getByRole("combobox", { name: "Key" }).getAttribute("aria-invalid"), "true");
  assert.deepEqual((await gate.ask("GET", "/stops")).body.data, []);
});

test("on a phone: the button is there, and the dialog fits", async () => {
  const page = await signedIn(gate, { device: "phone" });
  await page.getByRole("banner").getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog", { name: "Stop" }).getByLabel("Everything").waitFor();
  await shoot(page, "stop-dialog-phone");
  assert.ok(await fitsWidth(page));
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("link", { name: "Runs" }).click();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  assert.equal(await page.getByRole("navigation", { name: "Pages" }).isVisible(), false, "the menu closes behind one");
});
