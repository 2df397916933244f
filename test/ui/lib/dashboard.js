// SPDX-License-Identifier: Apache-2.0
// A sandbox gate with calls in its books, and a browser that is signed in to its dashboard.
import fs from "node:fs";
import path from "node:path";

import { chromium } from "playwright-core";

import { root } from "../../sdk/lib/gate.js";
import { atEnd, until } from "../../sdk/lib/process.js";
import { sandboxKey, startSandbox } from "../../sdk/lib/sandbox.js";
import { assert } from "../../sdk/lib/test.js";

export const supportKey = "tg_support_0000000000000000000";
export const shots = path.join(root, "build/ui-shots");
const axeSource = fs.readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

let browser;
async function launched() {
  if (browser) return browser;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"] });
  atEnd(() => browser.close());
  return browser;
}

/** A sandbox gate; `ask` speaks to its admin API, `call` and `chat` through it as an agent. */
export async function startDashboard() {
  const gate = await startSandbox();
  gate.admin = `http://${gate.adminAddress}`;
  gate.ask = async (method, target, body) => {
    const headers = { authorization: `Bearer ${gate.token}`, ...(body ? { "content-type": "application/json" } : {}) };
    const answer = await fetch(`${gate.admin}/api/v1${target}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
  };
  gate.call = (target, { key = sandboxKey, run, step, method = "POST", form, json } = {}) =>
    fetch(`${gate.url}${target}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`, ...(run ? { "x-agent-run-id": run } : {}), ...(step ? { "x-tollgate-metadata": JSON.stringify({ step }), "x-agent-step": step } : {}),
        ...(json ? { "content-type": "application/json" } : form ? { "content-type": "application/x-www-form-urlencoded" } : {}),
      },
      body: json ? JSON.stringify(json) : form ? new URLSearchParams(form) : undefined,
    });
  gate.chat = (content, more = {}) => gate.call("/v1/chat/completions", { ...more, json: { model: "gpt-4o-mini", messages: [{ role: "user", content }], max_tokens: 200, ...more.body } });
  gate.charge = (amount, more = {}) => gate.call("/stripe/v1/charges", { ...more, form: { amount: String(amount), currency: "usd", source: "tok_visa", customer: "cus_ada" } });
  return gate;
}

/** "#login=CODE", as the first start of the gate prints it. */
export const firstLink = (gate) => gate.running.err().match(/#login=[0-9a-f]{40}/)[0];

/** What a day at a gate leaves behind: runs with steps, refusals, something waiting. */
export async function fill(gate) {
  const texts = ["Summarise this ticket", "Which customer is meant?", "Draft a friendly answer to Ada about her refund", "Translate the answer to German"];
  for (let run = 1; run <= 6; run++) {
    const id = `run_support_${2040 + run}`;
    for (const [at, text] of texts.entries()) await gate.chat(text.repeat(run), { run: id, step: ["plan", "look-up", "draft", "translate"][at], body: { model: at === 2 ? "gpt-4o" : "gpt-4o-mini" } });
    await gate.charge(150 * run, { run: id, step: "refund" });
    if (run % 2) await gate.call("/stripe/v1/payouts", { run: id, form: { amount: "5000", currency: "usd" } });
  }
  await gate.call("/anthropic/v1/messages", { run: "run_research_7", json: { model: "claude-sonnet-4-5", max_tokens: 300, messages: [{ role: "user", content: "What changed in our refund policy?" }] } });
  await gate.charge(25_000, { key: supportKey, run: "run_support_2046" });
  await gate.charge(999_900, { run: "run_support_2046" });
}

const devices = {
  wide: { viewport: { width: 1360, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

/** A browser page, not signed in; what it logs as an error is in page.troubles. */
export async function openPage(gate, { device = "wide", scheme = "light", hash = "" } = {}) {
  const context = await (await launched()).newContext({ ...devices[device], colorScheme: scheme, reducedMotion: "reduce", timezoneId: "UTC", locale: "en-US" });
  atEnd(() => context.close());
  const page = await context.newPage();
  page.troubles = [];
  page.setDefaultTimeout(10_000);
  page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && page.troubles.push(message.text()));
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  await page.goto(`${gate.admin}/${hash}`);
  return page;
}

export async function signIn(page, gate) {
  await page.getByLabel("Admin token or one-time code").fill(gate.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#main").waitFor();
}

export async function signedIn(gate, options) {
  const page = await openPage(gate, options);
  await signIn(page, gate);
  return page;
}

/** Goes to "#/runs" and waits until nothing is being loaded. */
export async function visit(page, hash) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await page.locator("main h1").first().waitFor();
  await until(async () => (await page.locator("main .waiting").count()) === 0, `${hash} to be loaded`);
  await page.waitForTimeout(150); // plots are drawn
}

/** What axe finds serious or worse. */
export async function seriousOf(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`).join(" | ")}`);
}

/** True when nothing but tables and code scrolls sideways. */
export const fitsWidth = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.querySelector("main").scrollWidth <= document.querySelector("main").clientWidth);

export async function shoot(page, name) {
  fs.mkdirSync(shots, { recursive: true });
  // The whole page, not only what the main part's scroll shows.
  const { height } = page.viewportSize();
  const needed = await page.evaluate(() => { const main = document.querySelector("main"); return main.scrollHeight - main.clientHeight; });
  await page.setViewportSize({ width: page.viewportSize().width, height: Math.min(4000, height + Math.max(0, needed)) });
  await page.waitForTimeout(120);
  await page.screenshot({ path: path.join(shots, `${name}.png`) });
  await page.setViewportSize({ width: page.viewportSize().width, height });
}

const lookers = new Map();
/** A signed-in page for each way of looking, kept: signing in again for each page would only take time. */
async function looker(gate, look) {
  const name = `${gate.admin} ${look.device} ${look.scheme}`;
  if (!lookers.has(name)) lookers.set(name, await signedIn(gate, look));
  const page = lookers.get(name);
  page.troubles.length = 0;
  return page;
}

/** One page in every way it is looked at: drawn without an error, nothing serious for axe, no wider than the screen; its pictures. */
export async function checkPage(gate, name, hash, ready) {
  for (const look of [{ scheme: "light" }, { scheme: "dark" }, { scheme: "light", device: "phone" }]) {
    const page = await looker(gate, look);
    await visit(page, hash);
    await ready?.(page);
    const as = look.device ?? look.scheme;
    await shoot(page, `${name}-${as}`);
    assert.deepEqual(await seriousOf(page), [], `${name}, ${as}`);
    assert.ok(await fitsWidth(page), `${name} is wider than the screen (${as})`);
    assert.deepEqual(page.troubles, [], `${name}, ${as}`);
  }
}
