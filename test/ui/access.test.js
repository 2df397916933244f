// SPDX-License-Identifier: Apache-2.0
// Who is here: the one-time code of the first start, a cookie that no script reads, writes that need the page's own word, signing out; and
// pages that offer each role what it may do, and each workspace what is its own.
import { before } from "node:test";

import { until } from "../sdk/lib/process.js";
import { assert, test } from "../sdk/lib/test.js";
import { firstLink, openPage, seriousOf, shoot, signIn, signedIn, startDashboard, visit } from "./lib/dashboard.js";

let gate;

before(async () => {
  gate = await startDashboard();
  await gate.chat("hello", { run: "run_default" });
});

const session = async (page) => (await page.context().cookies()).find(({ name }) => name === "tollgate_session");
const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

/** What the page itself would get for a request of its own; its cookie goes along. */
const asked = (page, method, path, headers = {}) =>
  page.evaluate(async ([how, where, more]) => {
    const answer = await fetch(`api/v1${where}`, { method: how, headers: { "content-type": "application/json", ...more }, body: how === "GET" ? undefined : "{}" });
    return { status: answer.status, code: answer.status < 400 ? null : (await answer.json()).code };
  }, [method, path, headers]);

test("the first start's code signs in once; the cookie is HttpOnly and SameSite=Strict; nothing secret stays in the page", async () => {
  const page = await openPage(gate, { hash: firstLink(gate) });
  await heading(page, "Now");
  assert.ok(!page.url().includes("login="), page.url());
  const cookie = await session(page);
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Strict");
  assert.equal(cookie.path, "/");
  assert.equal(await page.evaluate(() => document.cookie), "");
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]));
  for (const secret of [gate.token, cookie.value, firstLink(gate).slice(-40)]) assert.ok(!kept.includes(secret) && secret.length >= 20);
  await page.reload();
  await heading(page, "Now");
  assert.deepEqual(page.troubles, []);

  const again = await openPage(gate, { hash: firstLink(gate) });
  await again.getByText("this code was used").waitFor();
  assert.equal(await session(again), undefined);
});

test("a write with the cookie alone is refused, and so is one from another page", async () => {
  const page = await signedIn(gate);
  assert.deepEqual(await asked(page, "GET", "/stops"), { status: 200, code: null });
  assert.deepEqual(await asked(page, "POST", "/reload"), { status: 403, code: "csrf_denied" });
  assert.deepEqual(await asked(page, "POST", "/reload", { "x-tollgate-csrf": "0".repeat(32) }), { status: 403, code: "csrf_denied" });
  const csrf = await page.evaluate(async () => (await (await fetch("api/v1/session")).json()).csrf);
  assert.deepEqual(await asked(page, "POST", "/explain", { "x-tollgate-csrf": csrf }), { status: 422, code: "config_invalid" }, "past the door: only its body is refused");
  const cookie = `tollgate_session=${(await session(page)).value}`;
  const elsewhere = await fetch(`${gate.admin}/api/v1/reload`, { method: "POST", headers: { cookie, "x-tollgate-csrf": csrf, origin: "https://evil.example" } });
  assert.equal(elsewhere.status, 403);
  assert.equal((await elsewhere.json()).code, "csrf_denied");
});

test("signing out ends the session, not only the page", async () => {
  const page = await signedIn(gate);
  const cookie = `tollgate_session=${(await session(page)).value}`;
  const known = () => fetch(`${gate.admin}/api/v1/session`, { headers: { cookie } });
  assert.equal((await known()).status, 200);
  await page.getByRole("button", { name: "Sign out" }).click();
  await heading(page, "Sign in");
  assert.equal((await known()).status, 401);
  await page.reload();
  await heading(page, "Sign in");
});

test("a token that is deleted ends its sessions: the page asks who is there", async () => {
  const { body } = await gate.ask("POST", "/tokens", { name: "leaver", role: "admin" });
  const page = await openPage(gate);
  await signIn(page, { token: body.token });
  await page.getByText("leaver").first().waitFor();
  await gate.ask("DELETE", `/tokens/${body.id}`);
  await visit(page, "#/keys").catch(() => {});
  await heading(page, "Sign in");
});

/* ---- roles ---- */

// Where a button stands, what it says, and the area it needs.
const buttons = [
  ["#/now", "Stop", "change"], ["#/runs/run_default", "Stop this run", "change"], ["#/keys", "Create key", "change"], ["#/policies", "Create policy", "change"],
  ["#/budgets", "Create budget", "money"], ["#/vendors/openai", "Stop", "change"], ["#/vendors?view=credentials", "Add a credential", "change"], ["#/approvals", "Approve", "change"],
  ["#/settings", "Create token", "own"], ["#/settings", "Read the file again", "own"], ["#/settings?view=alerts", "Create alert", "change"], ["#/settings?view=workspaces", "Create workspace", "own"],
];
const areas = { viewer: ["read"], finance: ["read", "money"], admin: ["read", "money", "change"], owner: ["read", "money", "change", "own"] };

for (const role of Object.keys(areas))
  test(`${role}: what may not be done is not offered`, { timeout: 60_000 }, async () => {
    if (role === "viewer") await gate.charge(25_000, { key: "tg_support_0000000000000000000", run: "run_waits" });
    const { body } = await gate.ask("POST", "/tokens", { name: `some-${role}`, role });
    const page = await openPage(gate);
    await signIn(page, { token: body.token });
    await page.getByText(`some-${role}`).first().waitFor();
    for (const [hash, name, area] of buttons) {
      await visit(page, hash);
      const found = await page.locator("main, header.top").getByRole("button", { name, exact: true }).or(page.locator("main").getByRole("link", { name, exact: true })).count();
      assert.equal(found > 0, areas[role].includes(area), `${name} on ${hash}`);
    }
    await page.keyboard.press("s");
    const stop = page.getByRole("dialog", { name: "Stop" });
    if (areas[role].includes("change")) await stop.waitFor();
    else await page.waitForTimeout(300).then(async () => assert.equal(await stop.count(), 0));
    assert.deepEqual(page.troubles, []);
    if (role !== "viewer") return;
    await page.keyboard.press("Escape");
    await visit(page, "#/settings");
    await shoot(page, "viewer-light");
    assert.deepEqual(await seriousOf(page), []);
    const csrf = await page.evaluate(async () => (await (await fetch("api/v1/session")).json()).csrf);
    assert.deepEqual(await asked(page, "POST", "/stop", { "x-tollgate-csrf": csrf }), { status: 403, code: "role_denied" }, "and it would be refused");
  });

test("who is confined to a workspace sees that one's things, live too", async () => {
  await gate.ask("POST", "/workspaces", { name: "acme" });
  const made = (await gate.ask("POST", "/keys", { name: "acme-agent", workspace: "acme", policy: "demo", credentials: ["openai-sandbox"] })).body;
  const { body } = await gate.ask("POST", "/tokens", { name: "acme-admin", role: "admin", workspace: "acme" });
  await gate.chat("hello", { key: made.token, run: "run_acme" });
  const page = await openPage(gate);
  await signIn(page, { token: body.token });
  await page.getByText("acme", { exact: false }).first().waitFor();
  const main = page.locator("main");
  await visit(page, "#/keys");
  await main.getByText("acme-agent").waitFor();
  assert.equal(await main.getByText("support", { exact: true }).count(), 0);
  await visit(page, "#/runs");
  await main.getByText("run_acme").waitFor();
  assert.equal(await main.getByText("run_default").count(), 0);
  await visit(page, "#/calls");
  await main.getByText("run_acme").waitFor();
  assert.equal(await main.getByText("run_default").count(), 0);
  await page.getByText("Live", { exact: true }).waitFor();
  await gate.chat("not yours", { run: "run_foreign" });
  await gate.chat("yours", { key: made.token, run: "run_acme_2" });
  await main.getByText("run_acme_2").waitFor();
  assert.equal(await main.getByText("run_foreign").count(), 0);
  assert.deepEqual(await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents().then((all) => all.map((text) => text.trim())),
    ["Now", "Runs", "Calls", "Keys", "Budgets", "Approvals", "Audit", "Reports", "Settings"]);
  for (const hash of ["#/now", "#/budgets", "#/approvals", "#/audit", "#/settings", "#/settings?view=workspaces", "#/keys/new"]) {
    await visit(page, hash);
    assert.deepEqual(await main.getByRole("alert").allTextContents(), [], `${hash} shows no trouble`);
  }
  await until(async () => (await page.getByText("support", { exact: true }).count()) === 0, "nothing of another workspace");
  assert.deepEqual(page.troubles, []);
});

test("what the gate's operators stopped, a workspace's people are not offered to resume", async () => {
  const { body } = await gate.ask("POST", "/tokens", { name: "acme-second", role: "admin", workspace: "acme" });
  await gate.ask("POST", "/stop", { workspace: "acme", by: "olga", reason: "an inquiry" });
  const page = await openPage(gate);
  await signIn(page, { token: body.token });
  const banner = page.getByRole("region", { name: "Stopped" });
  await banner.getByText("by olga").waitFor();
  assert.equal(await banner.getByRole("button").count(), 0);
  await page.keyboard.press("s");
  await page.getByRole("dialog", { name: "Stop" }).getByRole("button", { name: "Stop now" }).click();
  const done = page.getByRole("dialog", { name: "Stopped" });
  await done.getByRole("button", { name: "Resume" }).click();
  await page.getByText("Lifted; workspace acme stays stopped by olga.").waitFor();
  await done.getByRole("button", { name: "Close" }).last().click();
  await until(async () => (await banner.getByRole("button").count()) === 0, "the own one to go");
  await gate.ask("POST", "/resume", { workspace: "acme" });
  await until(async () => (await banner.count()) === 0, "the banner to go");
  assert.deepEqual(page.troubles, []);
});
