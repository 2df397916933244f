// SPDX-License-Identifier: Apache-2.0
// What strangers write stays text: on no page does it run, lead away, turn its neighbours around or push the page wider than a phone.
import { before } from "node:test";

import { assert, test } from "../sdk/lib/test.js";
import { fitsWidth, shoot, signedIn, visit } from "./lib/dashboard.js";
import { all, image, long, run, script, startHostile, turned } from "./lib/hostile.js";

let gate;

before(async () => {
  gate = await startHostile();
});

/** What would have been done, or could be with a click; in the page's own words. */
async function harmIn(page) {
  return page.evaluate(() => {
    const found = [];
    if (globalThis.__x !== undefined) found.push("a stranger's script ran");
    const made = [...document.body.querySelectorAll("img, iframe, object, embed, base, script:not([src]), [srcdoc], [style*='url(']")];
    found.push(...made.map((each) => `made of text: ${each.outerHTML.slice(0, 80)}`));
    for (const each of document.body.querySelectorAll("*")) for (const { name, value } of each.attributes) {
      if (/^on/.test(name)) found.push(`${name}="${value.slice(0, 60)}"`);
      if (/^(href|src|action|formaction|xlink:href)$/.test(name) && /^(javascript|data|vbscript):/i.test(new URL(value, location.href).protocol)) found.push(`${name}="${value.slice(0, 60)}"`);
    }
    return found;
  });
}

/** Texts after a direction mark that share its line: they would be read backwards. An element of its own ends what began inside. */
async function turnedIn(page) {
  return page.evaluate(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    const ends = (element) => getComputedStyle(element).display !== "inline" || /isolate|plaintext/.test(getComputedStyle(element).unicodeBidi);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      if (!/[\u202a-\u202e\u2066-\u2069]/.test(node.data)) continue;
      let whole = node;
      while (!ends(whole.parentElement)) whole = whole.parentElement;
      for (let next = whole; next; next = next.nextSibling) {
        const text = next === whole ? "" : next.textContent.trim();
        if (text && (next.nodeType === Node.TEXT_NODE || !ends(next))) found.push(`"${text.slice(0, 40)}" after "${node.data.slice(0, 40)}"`);
      }
    }
    return found;
  });
}

async function watched(device) {
  const page = await signedIn(gate, { device });
  page.harm = [];
  page.on("dialog", (dialog) => (page.harm.push(`a dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("popup", (other) => page.harm.push(`a window: ${other.url()}`));
  page.on("console", (message) => /Content Security Policy/i.test(message.text()) && page.harm.push(message.text()));
  await page.exposeFunction("violated", (what) => page.harm.push(what));
  await page.evaluate(() => document.addEventListener("securitypolicyviolation", (event) => globalThis.violated(`${event.violatedDirective} ${event.blockedURI}`)));
  return page;
}

/** What reaches beyond the screen and cannot be scrolled to by itself. */
const wideIn = (page) =>
  page.evaluate(() => [...document.querySelectorAll("main *, header.top *, .stops *, dialog[open] *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".table-frame, pre, .tabs, .code-editor, .hidden, textarea"))
    .slice(0, 3).map((each) => `beyond the screen: ${each.tagName}.${each.className}: ${each.textContent.slice(0, 40)}`));

/** All that is wrong with what a page shows, behind its address. */
async function wrongWith(page, hash) {
  const found = [...(await harmIn(page)), ...(await turnedIn(page)), ...(await wideIn(page)), ...page.harm.splice(0), ...page.troubles.splice(0)];
  if (!(await fitsWidth(page))) found.push("wider than the screen");
  return found.map((each) => `${hash.slice(0, 60)}: ${each}`);
}

const harmless = async (page, hash) => assert.deepEqual(await wrongWith(page, hash), []);

/** Goes everywhere first, so that one run tells all. */
async function harmlessAll(page, hashes) {
  const found = [];
  let seen = "";
  for (const hash of hashes) {
    await visit(page, hash);
    found.push(...(await wrongWith(page, hash)));
    seen += await page.locator("main").textContent();
  }
  assert.deepEqual(found, []);
  for (const text of [...all, long.slice(0, 400)]) assert.ok(seen.includes(text), `${text.slice(0, 60)} was nowhere: the test looks at nothing`);
}

/** Every page, with every id that there is. */
async function places() {
  const ids = async (path, page, name = "id") => (await gate.get(path)).data.map((each) => `#/${page}/${encodeURIComponent(each[name])}`);
  const of = encodeURIComponent(image);
  return [
    "#/now", "#/runs", `#/runs/${encodeURIComponent(run)}`, "#/calls", ...(await ids("/calls?limit=50", "calls")), "#/keys", ...(await ids("/keys", "keys")), "#/keys/new",
    "#/policies", "#/policies/asks", "#/policies/new", "#/budgets", ...(await ids("/budgets?limit=100", "budgets")), "#/budgets/new",
    "#/vendors", "#/vendors/openai", "#/vendors/stripe", ...["models", "targets", "credentials", "prices"].map((view) => `#/vendors?view=${view}`), `#/vendors?view=prices&q=${of}`,
    "#/approvals", "#/approvals?state=refused", ...(await ids("/approvals?limit=10", "approvals")), "#/audit", "#/audit?kind=all", "#/audit?kind=change",
    "#/reports", ...["forecast", "units", "chargeback", "reconciliation", "access", "invoice", "evidence"].map((report) => `#/reports/${report}`),
    ...["vendor", "model", "key", "user", "label", "operation", "step", "run", "metadata:feature"].map((by) => `#/reports/spend?by=${by}`),
    ...["access", "workspaces", "alerts", "exports", "fields", "books"].map((view) => `#/settings?view=${view}`),
  ];
}

/** A link can be anybody's: what stands in the address is a stranger's, too. */
function links() {
  const texts = [...all, long].map(encodeURIComponent);
  const pages = ["runs", "calls", "keys", "policies", "budgets", "vendors", "approvals", "audit", "reports", "settings", ""];
  return [
    ...pages.flatMap((page) => texts.slice(0, 2).map((text) => `#/${page}/${text}`)), ...texts.map((text) => `#/${text}`), ...texts.map((text) => `#/runs/${text}`),
    ...texts.map((text) => `#/calls?q=${text}&run=${text}&user=${text}&model=${text}`), ...["keys", "policies", "budgets", "audit", "vendors"].map((page) => `#/${page}?q=${texts[1]}&view=${texts[0]}&kind=${texts[0]}&by=${texts[0]}`),
    `#/reports/spend?by=${texts[0]}&from=${texts[1]}`, `#/login=${texts[0]}`, "#/calls?from=javascript:1&to=%E0%A4%A", "#/calls/%E0%A4%A",
  ];
}

for (const device of ["wide", "phone"])
  test(`every page shows it as text (${device})`, { timeout: 240_000 }, async () => {
    const page = await watched(device);
    await harmlessAll(page, await places());
    await visit(page, `#/runs/${encodeURIComponent(run)}`);
    await shoot(page, `hostile-run-${device}`);
    await visit(page, "#/calls");
    await shoot(page, `hostile-calls-${device}`);
  });

test("an address of somebody else's making is text, too", { timeout: 240_000 }, async () => {
  const page = await watched("phone");
  await harmlessAll(page, links());
});

test("what is captured, what was tried and what is stopped are text where they are opened", { timeout: 120_000 }, async () => {
  const page = await watched("phone");
  const [call] = (await gate.get("/calls?limit=1&verdict=allowed&vendor=openai")).data;
  await visit(page, `#/calls/${call.id}`);
  await page.getByRole("button", { name: "Show content" }).click();
  await page.getByText("Answer", { exact: true }).waitFor();
  for (const each of await page.locator("main summary").all()) await each.click();
  await harmless(page, "content");
  for (const text of await page.locator("main pre.json").allTextContents()) assert.ok(!/[\u202a-\u202e\u2066-\u2069]/.test(text), "JSON writes out what would turn its lines around");
  await shoot(page, "hostile-content-phone");
  await visit(page, `#/runs/${encodeURIComponent(run)}`);
  await page.getByRole("banner").getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill(`${image} ${turned} ${"W".repeat(300)}`);
  await page.getByRole("dialog").getByLabel("Owner").fill(script);
  await page.getByRole("dialog").getByLabel("For", { exact: true }).selectOption("1 hour");
  await page.getByRole("dialog").getByRole("button", { name: "Stop now" }).click();
  await page.getByRole("dialog").getByText("forwarded since").waitFor();
  await harmless(page, "the dialog");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click({ trial: true });
  await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click({ trial: true });
  await shoot(page, "hostile-stopped-phone");
  await page.keyboard.press("Escape");
  await harmless(page, "stopped");
  await visit(page, "#/keys");
  await harmless(page, "keys, while something is stopped");
});

test("a click on what is shown stays here", { timeout: 120_000 }, async () => {
  const page = await watched("wide");
  const here = new URL(page.url()).origin;
  for (const hash of ["#/calls", "#/runs", "#/now", `#/runs/${encodeURIComponent(run)}`]) {
    await visit(page, hash);
    const found = await page.locator("a[href]").evaluateAll((all) => all.map((each) => each.href));
    for (const href of found) assert.equal(new URL(href).origin, here, href.slice(0, 80));
  }
  await visit(page, "#/runs");
  await page.locator("main tbody a").first().click();
  await page.getByText("Bill").first().waitFor();
  await harmless(page, "a run that was clicked");
});
