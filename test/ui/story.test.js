// SPDX-License-Identifier: Apache-2.0
// One afternoon: sign in with the code that the first start prints, make a key, call with the official SDK, see it within two seconds, stop the run, be refused,
// resume, approve what waits, take the books home. Everything an operator does is done in the browser.
import fs from "node:fs";
import { before } from "node:test";

import OpenAI from "openai";

import { assert, test, thrown } from "../sdk/lib/test.js";
import { firstLink, openPage, shoot, startDashboard, supportKey, visit } from "./lib/dashboard.js";

const RUN = "run_story_1";
let gate, page, agent;

before(async () => {
  gate = await startDashboard();
  page = await openPage(gate, { hash: firstLink(gate) });
  await page.getByRole("heading", { level: 1, name: "Now" }).waitFor();
});

const ask = (text) => agent.chat.completions.create({ model: "gpt-4o-mini", max_tokens: 60, messages: [{ role: "user", content: text }] });
const button = (name) => page.getByRole("button", { name, exact: true });

test("a key is made; its token is shown once", async () => {
  await visit(page, "#/keys");
  await page.getByRole("link", { name: "Create key" }).click();
  await page.getByLabel("Name", { exact: true }).fill("storyteller");
  await page.getByLabel("Policy").selectOption("demo");
  await page.getByLabel("openai-sandbox (openai)").check();
  await button("Create key").click();
  const token = (await page.locator("[data-token]").textContent()).trim();
  assert.match(token, /^tg_/);
  await shoot(page, "key-token-light");
  await button("I have it").click();
  await page.getByRole("heading", { level: 1, name: "storyteller" }).waitFor();
  assert.ok(!(await page.content()).includes(token), "it is gone with the dialog");
  agent = new OpenAI({ apiKey: token, baseURL: `${gate.url}/v1`, maxRetries: 2, defaultHeaders: { "x-agent-run-id": RUN } });
});

test("a call of the official SDK is seen within two seconds", async () => {
  await visit(page, "#/calls");
  await page.getByText("Live", { exact: true }).waitFor();
  await ask("Tell me a story");
  const called = Date.now();
  await page.getByRole("link", { name: RUN }).first().waitFor({ timeout: 2000 });
  const took = Date.now() - called;
  assert.ok(took < 2000, `seen after ${took} ms`);
  await page.getByRole("row", { name: /storyteller/ }).first().click();
  await page.getByText("Settled at").waitFor();
  await page.getByRole("heading", { name: "Price" }).waitFor();
  await page.getByText("× $0.15 / M").waitFor();
});

test("the run is stopped, the SDK is refused and does not retry, the run is resumed", async () => {
  await visit(page, `#/runs/${RUN}`);
  await page.getByRole("banner").getByRole("button", { name: "Stop" }).click();
  await button("Stop now").click();
  await page.getByRole("dialog").getByText("0 forwarded since").waitFor();
  const refused = await thrown(ask("Go on"));
  assert.ok(refused instanceof OpenAI.PermissionDeniedError, String(refused));
  assert.equal(refused.headers.get("x-tollgate-denied"), "stopped");
  await page.getByRole("dialog").getByText("0 forwarded since, 1 refused since").waitFor();
  await page.keyboard.press("Escape");
  await button(`Resume run ${RUN}`).click();
  await page.getByRole("region", { name: "Stopped" }).waitFor({ state: "detached" });
  assert.ok((await ask("Go on")).choices[0].message.content);
});

test("what waits for a person is approved, and goes through once", async () => {
  const charge = () => gate.charge(25_000, { key: supportKey, run: "run_refund_9" });
  const first = await charge();
  assert.equal(first.headers.get("x-tollgate-denied"), "approval_required");
  await visit(page, "#/approvals");
  await button("Approve").first().click();
  await page.getByRole("dialog").getByLabel("Why").fill("Ada is entitled to it");
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await page.getByText("Approved: this one call may be made.").waitFor();
  assert.equal((await charge()).status, 200);
  assert.equal((await charge()).headers.get("x-tollgate-denied"), "approval_required");
});

test("the books are taken home", async () => {
  await visit(page, "#/audit?kind=all");
  const [file] = await Promise.all([page.waitForEvent("download"), button("Export JSON lines").click()]);
  const text = fs.readFileSync(await file.path(), "utf8");
  for (const said of ["storyteller", RUN, "stop.create", "stop.lift", "approval.approve"]) assert.ok(text.includes(said), said);
  assert.deepEqual(page.troubles, []);
});
