// SPDX-License-Identifier: Apache-2.0
// Settings are filled in, not written: each common one has a field, what the gate refuses stands at the field it names, and the same
// object as JSON is a click away, with what the form does not show kept.
import { before } from "node:test";

import { assert, test } from "../sdk/lib/test.js";
import { fitsWidth, openPage, seriousOf, shoot, signIn, signedIn, startDashboard, visit } from "./lib/dashboard.js";

let gate;

before(async () => {
  gate = await startDashboard();
});

const dialogOf = (page) => page.getByRole("dialog");
const save = (page) => dialogOf(page).getByRole("button", { name: "Save" }).click();
const theOne = async (path) => (await gate.ask("GET", path)).body;

async function opened(page, view, button) {
  await visit(page, `#/settings?view=${view}`);
  await page.getByRole("button", { name: button }).click();
  await dialogOf(page).getByRole("tab", { name: "Form" }).waitFor();
  return dialogOf(page);
}

/** The message stands at the field, names it, and the field has the focus. */
async function refusedAt(page, label, message) {
  const field = dialogOf(page).getByLabel(label, { exact: true });
  await page.waitForFunction((element) => element.getAttribute("aria-invalid") === "true", await field.elementHandle());
  const told = await field.evaluate((element) => element.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id).textContent).join(" "));
  assert.match(told, message);
  assert.ok(await field.evaluate((element) => element === document.activeElement), `${label} has the focus`);
}

test("a workspace's capture and retention are fields", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  const dialog = await opened(page, "workspaces", "Create workspace");
  await dialog.getByLabel("Name", { exact: true }).fill("acme");
  assert.equal(await dialog.getByLabel("Kept for").count(), 0, "nothing is asked about what is not kept");
  await dialog.getByLabel("Keep what calls say").check();
  await dialog.getByLabel("Kept for").fill("900d");
  await dialog.getByLabel("email", { exact: true }).check();
  await dialog.getByLabel("Patterns that go too").fill("/order-\\d+, \\w/i");
  await save(page);
  await refusedAt(page, "Kept for", /capture\.retention: found "900d"; allowed: 1m to 400d/);
  assert.deepEqual(await seriousOf(page), []);
  await dialog.getByLabel("Kept for").fill("7d");
  await dialog.getByLabel("Answers").uncheck();
  await save(page);
  await page.getByRole("row", { name: /acme/ }).waitFor();
  assert.deepEqual((await theOne("/workspaces/acme")).capture, { retention: "7d", redact: ["email", "/order-\\d+, \\w/i"], response: false });
  assert.deepEqual(page.troubles, []);
});

test("what is cleared inside a map is gone", { timeout: 60_000 }, async () => {
  const { status } = await gate.ask("POST", "/workspaces", { name: "cleared", capture: { retention: "7d", redact: ["email"], request: false, by_call: true } });
  assert.equal(status, 201);
  const page = await signedIn(gate);
  await visit(page, "#/settings?view=workspaces");
  await page.getByRole("row", { name: /cleared/ }).getByRole("button", { name: "Change" }).click();
  const dialog = dialogOf(page);
  await dialog.getByLabel("Keep requests").check();
  await dialog.getByLabel("email", { exact: true }).uncheck();
  await dialog.getByText("More: ").click();
  await dialog.getByLabel("Only calls that ask").uncheck();
  await save(page);
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual((await theOne("/workspaces/cleared")).capture, { retention: "7d" });
  assert.deepEqual(page.troubles, []);
});

test("an alert's address, secret and events are fields; a secret that is not typed again stays", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  const dialog = await opened(page, "alerts", "Create alert");
  await dialog.getByLabel("Name", { exact: true }).fill("pager");
  await dialog.getByLabel("Webhook's address").fill("https://hooks.example/in");
  await save(page);
  await refusedAt(page, "Secret that signs", /alerts\.pager\.secret: is required/);
  await dialog.getByLabel("Secret that signs").fill("whsec_0123456789");
  await dialog.getByLabel("brake", { exact: true }).check();
  await save(page);
  const row = page.getByRole("row", { name: /pager/ });
  await row.getByRole("button", { name: "Change" }).click();
  assert.equal(await dialog.getByLabel("Secret that signs").inputValue(), "");
  await dialog.getByLabel("doubt", { exact: true }).check();
  await save(page);
  await dialog.waitFor({ state: "detached" });
  const { events, webhook, secret_set: set } = await theOne("/alerts/pager");
  assert.deepEqual([events.includes("brake") && events.includes("doubt"), webhook, set], [true, "https://hooks.example/in", true]);
  await row.getByRole("button", { name: "Change" }).click();
  await dialog.getByLabel("How").selectOption("smtp");
  await dialog.getByLabel("Mail server").fill("smtp://localhost:587");
  await dialog.getByLabel("To", { exact: true }).fill("finance@example.com, oncall@example.com");
  await save(page);
  await refusedAt(page, "From", /alerts\.pager\.from/);
  await dialog.getByLabel("From", { exact: true }).fill("tollgate@example.com");
  await save(page);
  await dialog.waitFor({ state: "detached" });
  const mail = await theOne("/alerts/pager");
  assert.deepEqual([mail.webhook, mail.smtp, mail.to], [undefined, "smtp://localhost:587", ["finance@example.com", "oncall@example.com"]]);
  assert.deepEqual(page.troubles, []);
});

test("an export asks for what its kind needs", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  const dialog = await opened(page, "exports", "Create export");
  await dialog.getByLabel("Name", { exact: true }).fill("lake");
  assert.equal(await dialog.getByLabel("Bucket").count(), 0);
  await dialog.getByLabel("Kind", { exact: true }).selectOption("s3");
  await save(page);
  await refusedAt(page, "Bucket", /exports\.lake\.bucket/);
  await dialog.getByLabel("Kind", { exact: true }).selectOption("file");
  await dialog.getByLabel("Format").selectOption("csv");
  await dialog.getByText("More: ").click();
  await dialog.getByLabel("Files kept").fill("400");
  await dialog.getByLabel("Longest wait of a row").fill("2y");
  await dialog.getByText("More: ").click();
  await save(page);
  await refusedAt(page, "Longest wait of a row", /exports\.lake\.every/);
  await dialog.getByLabel("Longest wait of a row").fill("");
  await save(page);
  await page.getByRole("row", { name: /lake/ }).waitFor();
  const lake = await theOne("/exports/lake");
  assert.deepEqual([lake.kind, lake.format, Number(lake.keep_files), lake.every], ["file", "csv", 400, undefined]);
  assert.deepEqual(page.troubles, []);
});

test("how long answers are kept for repeats is a field", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  const dialog = await opened(page, "fields", "Create setting");
  await dialog.getByLabel("Setting", { exact: true }).selectOption("idempotency");
  await dialog.getByLabel("Answers are kept for").fill("900d");
  await save(page);
  await refusedAt(page, "Answers are kept for", /idempotency\.retention: found "900d"; allowed: .*366d/);
  await dialog.getByLabel("Answers are kept for").fill("9d");
  await save(page);
  await page.getByRole("row", { name: /idempotency.*9d/ }).waitFor();
  assert.deepEqual((await theOne("/settings/idempotency")).value, { retention: "9d" });
  const row = page.getByRole("row", { name: /idempotency/ });
  await row.getByRole("button", { name: "Change" }).click();
  await dialog.getByLabel("A duplicate waits for the first for").fill("5s");
  await dialog.getByLabel("Answers are kept for").fill("");
  await save(page);
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual((await theOne("/settings/idempotency")).value, { wait: "5s" });
  await row.getByRole("button", { name: "Change" }).click();
  await dialog.getByLabel("A duplicate waits for the first for").fill("");
  await save(page);
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual((await theOne("/settings/idempotency")).value ?? {}, {});
  assert.deepEqual(page.troubles, []);
});

test("the same as JSON: what the form does not show is kept, and what is no JSON says so", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  const dialog = await opened(page, "exports", "Create export");
  await dialog.getByLabel("Name", { exact: true }).fill("second");
  await dialog.getByRole("tab", { name: "JSON" }).click();
  const text = dialog.getByLabel("As JSON");
  const draft = JSON.parse(await text.inputValue());
  assert.equal(draft.name, "second", "what was typed is there");
  await text.fill("{ not JSON");
  await dialog.getByRole("tab", { name: "Form" }).click();
  await dialog.getByRole("alert").getByText(/no JSON/).waitFor();
  await text.fill(JSON.stringify({ ...draft, batch_rows: 7 }));
  await dialog.getByRole("tab", { name: "Form" }).click();
  await dialog.getByLabel("Name", { exact: true }).fill("third");
  await save(page);
  await page.getByRole("row", { name: /third/ }).waitFor();
  assert.equal((await theOne("/exports/third")).batch_rows, 7);
  assert.deepEqual(page.troubles, []);
});

test("each form in light, dark and on a phone", { timeout: 120_000 }, async () => {
  const forms = [["workspaces", "Create workspace", "Keep what calls say"], ["alerts", "Create alert"], ["exports", "Create export"], ["fields", "Create setting"]];
  for (const look of [{ scheme: "light" }, { scheme: "dark" }, { device: "phone" }]) {
    const page = await openPage(gate, look);
    await signIn(page, gate);
    for (const [view, button, check] of forms) {
      const dialog = await opened(page, view, button);
      if (check) await dialog.getByLabel(check).check();
      if (view === "fields") {
        await dialog.getByLabel("Setting", { exact: true }).selectOption("idempotency");
        await dialog.getByLabel("Answers are kept for").fill("900d");
      }
      await save(page);
      await dialog.locator(".wrong").first().waitFor();
      await shoot(page, `form-${view}-${look.device ?? look.scheme}`);
      assert.deepEqual(await seriousOf(page), [], `${view}, ${look.device ?? look.scheme}`);
      assert.ok(await fitsWidth(page) && await dialog.evaluate((element) => element.scrollWidth <= element.clientWidth), `${view} fits`);
      await dialog.getByRole("button", { name: "Close" }).click();
    }
    assert.deepEqual(page.troubles, []);
    await page.context().close();
  }
});
