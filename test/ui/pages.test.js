// SPDX-License-Identifier: Apache-2.0
// Each page with data in it: in light, in dark and on a phone; with axe; and its picture.
import { before } from "node:test";

import { until } from "../sdk/lib/process.js";
import { assert, test } from "../sdk/lib/test.js";
import { checkPage, fill, fitsWidth, openPage, seriousOf, shoot, signIn, signedIn, startDashboard, visit } from "./lib/dashboard.js";

let gate;

before(async () => {
  gate = await startDashboard();
  await fill(gate);
});

const shows = (...texts) => async (page) => {
  for (const text of texts) await page.locator("main").getByText(text).locator("visible=true").first().waitFor();
};

const firstCall = async (query) => (await gate.ask("GET", `/calls?limit=1&${query}`)).body.data[0].id;

test("login", async () => {
  for (const look of [{ scheme: "light" }, { scheme: "dark" }, { device: "phone" }]) {
    const page = await openPage(gate, look);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.deepEqual(await seriousOf(page), []);
    await shoot(page, `login-${look.device ?? look.scheme}`);
    await page.context().close();
  }
});

test("now", { timeout: 60_000 }, () => checkPage(gate, "now", "#/now", shows("Calls per second", "Nearest to their limit", "demo")));
test("runs", { timeout: 60_000 }, () => checkPage(gate, "runs", "#/runs", shows("run_support_2046", "run_research_7")));
test("one run", { timeout: 60_000 }, () => checkPage(gate, "run", "#/runs/run_support_2045", shows("Bill", "Timeline", "stripe.charges.create")));
test("calls", { timeout: 60_000 }, () => checkPage(gate, "calls", "#/calls", shows("openai.chat.completions", "operation denied")));
test("one call that was forwarded", { timeout: 60_000 }, async () => checkPage(gate, "call", `#/calls/${await firstCall("vendor=openai&verdict=allowed")}`, shows("What became of it", "Settled at", "Budgets after it")));
test("one call that was refused", { timeout: 60_000 }, async () => checkPage(gate, "call-refused", `#/calls/${await firstCall("denied=operation_denied")}`, shows("Not forwarded", "Refused: operation denied")));
const one = (name, hash, ...texts) => test(name, { timeout: 90_000 }, async () => checkPage(gate, name.replaceAll(" ", "-"), typeof hash === "function" ? await hash() : hash, shows(...texts)));
const budgetId = async () => (await gate.ask("GET", "/budgets?limit=100")).body.data.find((each) => each.unit === "usd" && each.window === "day" && each.account_count > 0).id;
const keyId = async () => (await gate.ask("GET", "/keys")).body.data.find(({ name }) => name === "demo").id;

one("keys", "#/keys", "demo", "support");
one("key", async () => `#/keys/${await keyId()}`, "Spent today", "openai-sandbox", "stripe-sandbox");
one("key new", "#/keys/new", "Credentials", "Create key");
one("policies", "#/policies", "demo", "support", "stripe.charges.*");
one("policy", "#/policies/support", "Try a request", "What would become of it?");
one("budgets", "#/budgets", "$100", "requests");
one("budget", async () => `#/budgets/${encodeURIComponent(await budgetId())}`, "Burn-down", "Full at this pace");
one("approvals", "#/approvals", "stripe.charges.create", "cus_ada", "pending", "waits");
one("audit", "#/audit", "gate.start", "Verify the chain");
one("vendors", "#/vendors", "openai", "anthropic", "stripe");
one("models", "#/vendors?view=models", "gpt-4o-mini", "claude-sonnet-4-5");
one("health", "#/vendors?view=targets", "openai/openai-sandbox", "closed");
one("credentials", "#/vendors?view=credentials", "twilio-sandbox", "sealed");
one("prices", "#/vendors?view=prices&q=gpt-4o-mini", "gpt-4o-mini", "The book in force");
one("vendor", "#/vendors/openai", "openai.chat.completions", "Cost, last 24 hours", "gpt-4o-mini");
one("reports", "#/reports", "Spend", "Forecast", "Chargeback", "Evidence");
one("report spend", "#/reports/spend?by=vendor", "stripe", "anthropic", "total", "$31.5");
one("report access", "#/reports/access", "demo", "support");
one("report invoice", "#/reports/invoice", "Lay it against the ledger");
one("settings", "#/settings", "owner", "Admin tokens");
one("settings alerts", "#/settings?view=alerts", "What was told", "approval");
one("settings books", "#/settings?view=books", "they agree");
one("settings workspaces", "#/settings?view=workspaces", "No workspace", "Create workspace");
one("settings exports", "#/settings?view=exports", "Rows stay here");
one("settings fields", "#/settings?view=fields", "Nothing is set over the file");
test("settings with something in them", { timeout: 90_000 }, async () => {
  await gate.ask("POST", "/workspaces", { name: "acme", capture: { redact: ["email"] } });
  await gate.ask("POST", "/exports", { name: "archive", kind: "file" });
  await gate.ask("POST", "/exports", { name: "siem", kind: "webhook", url: "http://127.0.0.1:9/in", secret: "0123456789abcdef0123456789abcdef", start: "beginning" });
  assert.equal((await gate.ask("PATCH", "/settings/log_level", { value: "info" })).status, 200);
  for (const [name, role, more] of [["ann", "admin", { owner: "ann@shop.example" }], ["prometheus", "viewer", { expires_at: "2030-01-01" }], ["reviewer", "viewer", { content: true }]]) await gate.ask("POST", "/tokens", { name, role, ...more });
  await until(async () => (await gate.ask("GET", "/exports/siem/status")).body.trouble, "the webhook that is not there to be missed");
  await checkPage(gate, "settings-workspaces-some", "#/settings?view=workspaces", shows("acme"));
  await checkPage(gate, "settings-exports-some", "#/settings?view=exports", shows("archive", "up to date", "behind"));
  await checkPage(gate, "settings-fields-some", "#/settings?view=fields", shows("log_level"));
  await checkPage(gate, "settings-tokens-some", "#/settings", shows("ann", "reviewer", "content"));
});

test("a field is set, an export is made, and what the gate refuses is said", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  const dialog = page.getByRole("dialog");
  await visit(page, "#/settings?view=fields");
  await page.getByRole("button", { name: "Create setting" }).click();
  await dialog.getByRole("tab", { name: "JSON" }).click();
  await dialog.getByLabel("As JSON").fill(JSON.stringify({ name: "log_level", value: "loud" }));
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText(/allowed: .*warn/).waitFor();
  await shoot(page, "settings-refused-light");
  assert.deepEqual(await seriousOf(page), []);
  await dialog.getByLabel("As JSON").fill(JSON.stringify({ name: "log_level", value: "debug" }));
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("row", { name: /log_level.*debug/ }).waitFor();
  await visit(page, "#/settings?view=exports");
  await page.getByRole("button", { name: "Create export" }).click();
  await dialog.getByRole("tab", { name: "JSON" }).click();
  await dialog.getByLabel("As JSON").fill("{ not JSON");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("alert").first().waitFor();
  await shoot(page, "export-dialog-light");
  await dialog.getByLabel("As JSON").fill(JSON.stringify({ name: "second", kind: "file" }));
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("row", { name: /second/ }).waitFor();
  assert.deepEqual(page.troubles, []);
});

/* ---- what else there is to see ---- */

one("report forecast", "#/reports/forecast", "month");
one("report units", "#/reports/units", "usd per call");
one("report chargeback", "#/reports/chargeback", "unlabelled", "charges");
one("report reconciliation", "#/reports/reconciliation", "call_");
one("report evidence", "#/reports/evidence", "Evidence");
one("policy new", "#/policies/new", "Create");
one("budget new", "#/budgets/new", "Create a budget");
one("approval", async () => `#/approvals/${(await gate.ask("GET", "/approvals?limit=1")).body.data[0].id}`, "cus_ada");
one("audit all", "#/audit?kind=call", "stripe.charges.create");

test("what is not there says so", { timeout: 60_000 }, () => checkPage(gate, "empty", "#/calls?run=run_nobody", shows("No call fits")));

test("a page in nobody's menu", async () => {
  const page = await openPage(gate, { hash: "#/nowhere" });
  await page.getByLabel("Admin token or one-time code").fill(gate.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "No such page" }).waitFor();
  assert.ok(await fitsWidth(page));
});

/* ---- what pages do with what they show ---- */

const rowsOf = (page) => page.locator("main tbody tr");

test("calls are found by what they are: text, cost, label, status, user", { timeout: 60_000 }, async () => {
  const [demo] = (await gate.ask("GET", "/keys?limit=50")).body.data.filter(({ name }) => name === "demo");
  assert.equal((await gate.ask("PATCH", `/keys/${demo.id}`, { label: "acme:support" })).status, 200);
  await gate.chat("hello", { run: "run_labelled" });
  const page = await signedIn(gate);
  const only = async (hash, count) => {
    await visit(page, hash);
    await until(async () => (await rowsOf(page).count()) === count, `${count} rows on ${hash}`);
  };
  await only("#/calls?label=acme", 1);
  await page.locator("main").getByText("run_labelled").waitFor();
  await only("#/calls?label=acme:supporters", 0);
  await only("#/calls?min_cost_usd=1", (await gate.ask("GET", "/calls?min_cost_usd=1&limit=100")).body.data.length);
  assert.ok((await rowsOf(page).count()) > 0 && (await rowsOf(page).count()) < 10, "the charges alone");
  await visit(page, "#/calls");
  await page.getByLabel("Search a call, run, key or a vendor's own id").fill("run_labelled");
  await until(async () => (await rowsOf(page).count()) === 1, "the search");
  await visit(page, "#/calls");
  await page.getByLabel("Filter by").selectOption("Status");
  await page.getByLabel("Filter's value").fill("4xx");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByText("Status: 4xx").waitFor();
  const refused = (await gate.ask("GET", "/calls?status=4xx&limit=100")).body.data.length;
  await until(async () => (await rowsOf(page).count()) === refused, `${refused} rows of 4xx`);
  assert.ok(refused > 0);
  await page.getByRole("button", { name: "Without Status 4xx" }).click();
  await until(async () => (await rowsOf(page).count()) > refused, "all of them again");
  await only("#/runs?q=2046", 1);
  await only("#/runs?label=acme", 1);
  await only("#/runs?to=2020-01-01", 0);
  await only(`#/runs?key=${demo.id}&q=run_research_7`, 1);
  assert.deepEqual(page.troubles, []);
});

/** The id of a call whose content is kept. */
async function capturedCall(run) {
  const [demo] = (await gate.ask("GET", "/keys?limit=50")).body.data.filter(({ name }) => name === "demo");
  assert.equal((await gate.ask("PATCH", `/keys/${demo.id}`, { capture: { redact: ["email"] } })).status, 200);
  await gate.chat("Write to ann@mail.example about her parrot", { run });
  assert.equal((await gate.ask("PATCH", `/keys/${demo.id}`, { capture: null })).status, 200);
  const id = await firstCall(`run=${run}`);
  await until(async () => (await gate.ask("GET", `/calls/${id}/content`)).status === 200, "the content to be kept");
  return id;
}

test("what was captured of a call is shown to an owner, its reading is written down, and it is deleted", { timeout: 60_000 }, async () => {
  const id = await capturedCall("run_kept");
  const page = await signedIn(gate);
  await visit(page, `#/calls/${id}`);
  assert.equal(await page.getByText("her parrot").count(), 0, "not before somebody asks");
  await page.getByRole("button", { name: "Show content" }).click();
  await page.locator("main").getByText("Write to [email] about her parrot").first().waitFor();
  await page.getByText(/^email \d/).waitFor();
  await shoot(page, "content-light");
  assert.deepEqual(await seriousOf(page), []);
  await page.getByRole("button", { name: "Delete content" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Content deleted; the numbers remain.").waitFor();
  assert.notEqual((await gate.ask("GET", `/calls/${id}/content`)).status, 200);
  await visit(page, "#/audit");
  await page.locator("main").getByText("content.read").first().waitFor();
  await page.locator("main").getByText("content.delete").first().waitFor();

  const viewer = (await gate.ask("POST", "/tokens", { name: "looker", role: "viewer" })).body;
  const other = await openPage(gate);
  await signIn(other, { token: viewer.token });
  await visit(other, `#/calls/${id}`);
  await other.getByText("Owners may read it").waitFor();
  assert.equal(await other.getByRole("button", { name: /content/ }).count(), 0);
});

test("a viewer whose token says so reads what was captured, and is not offered to delete it", { timeout: 60_000 }, async () => {
  const id = await capturedCall("run_kept_too");
  const page = await signedIn(gate);
  await visit(page, "#/settings");
  await page.getByRole("button", { name: "Create token" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("reader-of-content");
  await dialog.getByLabel("May read captured content, too").check();
  await dialog.getByRole("button", { name: "Create token" }).click();
  const token = await dialog.locator(".secret code").textContent();
  const other = await openPage(gate);
  await signIn(other, { token });
  await visit(other, `#/calls/${id}`);
  await other.getByRole("button", { name: "Show content" }).click();
  await other.locator("main").getByText("Write to [email] about her parrot").first().waitFor();
  assert.equal(await other.getByRole("button", { name: "Delete content" }).count(), 0);
  assert.deepEqual(other.troubles, []);
});

test("a request is tried against a policy, and against what is not saved yet", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  await visit(page, "#/policies/demo");
  const tried = page.getByRole("button", { name: "What would become of it?" });
  await page.getByRole("button", { name: "charge", exact: true }).click();
  await tried.click();
  await page.locator(".told").getByText("allowed").waitFor();
  const editor = page.getByLabel("The policy as JSON");
  const before = await editor.inputValue();
  await editor.fill(JSON.stringify({ ...JSON.parse(before), deny: ["stripe.charges.*"] }));
  await tried.click();
  await page.locator(".told").getByText("operation denied").waitFor();
  await page.locator(".told").getByText("by the text that is not saved").waitFor();
  assert.deepEqual((await gate.ask("GET", "/policies/demo")).body.deny, ["stripe.payouts.*"], "nothing is in force yet");
  assert.deepEqual(page.troubles, []);
});

test("the chain is verified, and a token is made that is shown once", { timeout: 60_000 }, async () => {
  const page = await signedIn(gate);
  await visit(page, "#/audit");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByText("unbroken").waitFor({ timeout: 20_000 });
  await visit(page, "#/settings");
  await page.getByRole("button", { name: "Create token" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("grace");
  await page.getByRole("dialog").getByLabel("Role").selectOption("finance");
  await page.getByRole("dialog").getByRole("button", { name: "Create token" }).click();
  const token = await page.getByRole("dialog").locator(".secret code").textContent();
  assert.match(token, /^tga_/);
  await page.getByRole("button", { name: "I have it" }).click();
  await page.getByRole("row", { name: /grace/ }).waitFor();
  const answer = await fetch(`${gate.admin}/api/v1/session`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await answer.json()).actor.role, "finance");
  assert.deepEqual(page.troubles, []);
});
