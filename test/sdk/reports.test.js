// SPDX-License-Identifier: Apache-2.0
// Finance, the reviewer and whoever leaves: reports, an invoice against the ledger, and the evidence packet, through the binary.
import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import OpenAI from "openai";
import Stripe from "stripe";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { adminToken, nanos, startGate, tempDir } from "./lib/gate.js";
import { startBank, startFlaky } from "./lib/flaky.js";
import { startOpenai } from "./lib/llm.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { until } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

const usd = (text) => nanos(String(text));
const sum = (rows, name) => rows.reduce((all, row) => all + usd(row[name]), 0n);
const today = new Date().toISOString().slice(0, 10);
const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
const month = today.slice(0, 7);
const dir = tempDir("reports");

/** RFC 4180, for reading our own CSV back. */
function csv(text) {
  const rows = [];
  let row = [], cell = "", quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') cell += text[++i];
      else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"') quoted = true;
    else if (c === ",") row.push(cell), (cell = "");
    else if (c === "\n") row.push(cell.replace(/\r$/, "")), rows.push(row), (row = []), (cell = "");
    else cell += c;
  }
  const [head, ...rest] = rows;
  return rest.map((one) => Object.fromEntries(head.map((name, i) => [name, one[i]])));
}

let serial = 0, gate;
const charges = [];
const stripe = await startScripted((call, res) => {
  const form = new URLSearchParams(call.text), amount = Number(form.get("amount"));
  const refund = call.url.includes("/refunds");
  if (call.method === "GET") return answerJson(res, 200, { ...charges.find((one) => call.url.includes(one.id)), object: "charge", customer: null, currency: "usd" });
  const made = { id: `${refund ? "re" : "ch"}_${++serial}`, object: refund ? "refund" : "charge", amount, amount_captured: amount, currency: "usd", captured: true, status: "succeeded" };
  charges.push(made);
  answerJson(res, 200, made);
});
const openai = await startOpenai();
const pager = await startScripted((call, res) => res.writeHead(204).end());
const sdk = (name) => new Stripe(tokenOf(name), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false });
const llm = (name) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/openai/v1`, maxRetries: 0 });
const ask = (text) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content: text }], max_tokens: 20 });
const run = newRun();
const on = (id, step) => ({ headers: { "x-agent-run-id": id, ...(step ? { "x-agent-step": step } : {}) } });
const report = (name, query = {}) => gate.get(`/reports/${name}?${new URLSearchParams(query)}`);
const sheet = async (name, query = {}) => {
  const { status, body, headers } = await gate.ask("GET", `/api/v1/reports/${name}?${new URLSearchParams({ format: "csv", ...query })}`);
  assert.equal(status, 200, JSON.stringify(body));
  assert.match(headers.get("content-type"), /^text\/csv/);
  return csv(body);
};

before(async () => {
  gate = await startGate(config({ stripe: stripe.url, openai: openai.url }, {
    keys: [
      key("bot", ["stripe-main", "openai-main"], { owner: "Ann Lee", purpose: "answers customers", budgets: [{ limit: "1000 usd", window: "day" }] }),
      key("shop", ["stripe-main"], { owner: "Ann Lee", purpose: "=HYPERLINK(\"x\")", budgets: [{ limit: "50 usd", window: "day" }, { limit: "60 requests", window: "minute" }] }),
      key("other", ["openai-main"], { owner: "Bob" }),
      key("idle", ["openai-main"]),
      key("wall", ["stripe-main"], { budgets: [{ limit: "10 usd", window: "day", alert: ["50%", "80%"] }] }),
    ],
    alerts: [{ name: "on-call", webhook: pager.url, secret: "whsec-of-the-tests-0001", events: ["threshold"] }],
  }));
  await sdk("bot").charges.create({ amount: 1250, currency: "usd", source: "tok_visa" }, { ...on(run) });
  await sdk("bot").charges.create({ amount: 333, currency: "usd", source: "tok_visa" }, { ...on(run) });
  await sdk("shop").charges.create({ amount: 777, currency: "usd", source: "tok_visa" });
  await sdk("bot").refunds.create({ charge: "ch_1", amount: 250 }, { ...on(run) });
  for (let i = 0; i < 3; i++) await llm("bot").chat.completions.create(ask(`${i}`), on(run));
  await llm("other").chat.completions.create(ask("hello"));
  await assert.rejects(sdk("shop").charges.create({ amount: 9900, currency: "usd", source: "tok_visa" }));
  await until(async () => (await gate.calls()).length >= 9, "the rows");
});

test("S-32: what did run_abc cost? Tokens and charges on one bill", async () => {
  const { data, total } = await report("spend", { run, by: "vendor" });
  assert.deepEqual(data.map((row) => row.vendor), ["stripe", "openai"]);
  assert.equal(usd(total.charges_usd), usd("18.33"));
  assert.ok(usd(total.tokens_usd) > 0n);
  assert.equal(usd(total.tokens_usd) + usd(total.charges_usd), usd(total.cost_usd));
  assert.equal(sum(data, "cost_usd"), usd(total.cost_usd));
  const bill = await gate.get(`/runs/${run}`);
  assert.equal(bill.total_usd, total.cost_usd);
  assert.equal((await report("spend", { run, by: "step" })).total.cost_usd, total.cost_usd);
});

test("spend by several dimensions adds up, as JSON and CSV; mistakes are named", async () => {
  const json = await report("spend", { by: "key,vendor,operation" });
  assert.equal(sum(json.data, "cost_usd"), usd(json.total.cost_usd));
  assert.ok(json.data.some((row) => row.key_name === "shop" && usd(row.cost_usd) === usd("7.77")));
  assert.equal(json.from, `${month}-01T00:00:00.000Z`);
  const rows = await sheet("spend", { by: "key,vendor,operation", totals: "1" });
  assert.equal(rows.length, json.data.length + 1);
  assert.equal(sum(rows.slice(0, -1), "cost_usd"), usd(rows.at(-1).cost_usd));
  assert.equal((await report("spend", { by: "vendor", vendor: "stripe" })).data.length, 1);
  for (const [query, field] of [["by=nonsense", "by"], ["by=key,key", "by"], ["by=key,run,vendor,step", "by"], ["month=2026-13", "month"], ["month=2026-06&from=2026-06-01", "month"], ["format=xml", "format"],
    ["from=2026-06-02&to=2026-06-01", "from"], ["totals=yes", "totals"]]) {
    const { status, body } = await gate.ask("GET", `/api/v1/reports/spend?${query}`);
    assert.equal(status, 400, query);
    assert.equal(body.field, field, `${query}: ${JSON.stringify(body)}`);
  }
  assert.equal((await report("spend", { month: "2020-02" })).data.length, 0);
  assert.ok((await gate.get("/reports")).data.some(({ id }) => id === "chargeback"));
});

test("forecast: honest when there is too little to go by", async () => {
  const { total, data, interval } = await report("forecast", { by: "vendor" });
  assert.equal(total.method, "too_little_data");
  assert.equal(total.expected_usd, null);
  assert.equal(total.spent_usd, (await report("spend")).total.cost_usd);
  assert.equal(sum(data, "spent_usd"), usd(total.spent_usd));
  assert.equal(interval, "80%");
});

test("units: a call, a thousand tokens, a refund, a run", async () => {
  const { data, total, usd_per_run, runs } = await report("units", { by: "key" });
  const bot = data.find((row) => row.key_name === "bot");
  assert.equal(bot.refunds, 1);
  assert.equal(usd(bot.usd_per_refund), usd("2.5"));
  assert.equal(usd(bot.usd_per_1k_tokens), (usd(bot.tokens_usd) * 1000n + BigInt(bot.tokens) / 2n) / BigInt(bot.tokens));
  assert.equal(total.usd_per_message, null, "none was sent");
  assert.equal(runs, 1);
  assert.equal(usd(usd_per_run), usd((await gate.get(`/runs/${run}`)).total_usd));
  assert.equal(sum(data, "cost_usd"), usd(total.cost_usd));
  const runsOf = async (filter) => (({ runs, runs_usd, usd_per_run }) => [runs, runs_usd, usd_per_run])(await report("units", filter));
  const bill = (await gate.get(`/runs/${run}`)).total_usd;
  assert.deepEqual(await runsOf({ run }), [1, bill, bill]);
  assert.deepEqual(await runsOf({ run: "none" }), [0, "0", null]);
  for (const part of [{ key: "bot" }, { vendor: "openai" }, { operation: "stripe.refund" }, { model: "gpt-4o-mini" }]) assert.deepEqual(await runsOf(part), [null, null, null], JSON.stringify(part));
});

test("S-36: the reconciliation export: prices, models, the vendor's ids; sums by model and by key equal the total", async () => {
  const { data, by_model, by_key, total } = await report("reconciliation", { from: today, to: tomorrow });
  assert.equal(sum(data, "cost_usd"), usd(total.cost_usd));
  assert.equal(sum(by_model, "cost_usd"), usd(total.cost_usd));
  assert.equal(sum(by_key, "cost_usd"), usd(total.cost_usd));
  assert.equal(total.cost_usd, (await report("spend", { from: today, to: tomorrow })).total.cost_usd);
  const model = data.find((row) => row.model);
  assert.equal(model.model_requested, "gpt-4o-mini");
  assert.match(model.price_snapshot, /\w/);
  assert.ok(data.some((row) => row.upstream_object_id === "re_4" || row.upstream_object_id?.startsWith("re_")));
  const rows = await sheet("reconciliation", { from: today, to: tomorrow, totals: "1" });
  assert.equal(rows.length, data.length + by_model.length + by_key.length + 1);
  assert.equal(rows.at(-1).kind, "total");
  assert.equal(usd(rows.at(-1).cost_usd), usd(total.cost_usd));
  // Half-open: two windows that meet have every row once.
  const middle = data[3].at;
  const [left, right] = await Promise.all([report("reconciliation", { from: today, to: middle }), report("reconciliation", { from: middle, to: tomorrow })]);
  assert.equal(left.data.length + right.data.length, data.length);
  assert.ok(left.data.every((row) => row.at < middle) && right.data.every((row) => row.at >= middle));
});

// ---- invoices ----

const balance = (rows) => ["balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id",
  ...rows.map(([id, gross, kind, source], i) => `txn_${i},${today} 10:00:00,usd,${gross},0.30,1,${kind},${source},${id},`)].join("\n");
const post = (text, query, type = "text/csv") => fetch(`http://${gate.adminAddress}/api/v1/reports/invoice?${new URLSearchParams(query)}`,
  { method: "POST", headers: { authorization: `Bearer ${adminToken}`, "content-type": type }, body: text });
const whole = () => balance([["ch_1", "12.50", "charge", "ch_1"], ["ch_2", "3.33", "charge", "ch_2"], ["ch_3", "7.77", "charge", "ch_3"], ["ch_1", "-2.50", "refund", charges.find(({ id }) => id.startsWith("re_")).id],
  ["", "-100.00", "payout", "po_1"]]);

test("S-36: Stripe's balance against the ledger, by object: clean, and what is not", async () => {
  const clean = await (await post(whole(), { vendor: "stripe" })).json();
  assert.equal(clean.clean, true, JSON.stringify(clean));
  assert.match(clean.compared, /gross volume/);
  assert.equal(clean.invoice_usd, "26.1");
  assert.equal(clean.difference_usd, "0");
  assert.equal(clean.apart_usd, "100");
  assert.equal(clean.fee_usd, "1.2");
  const text = balance([["ch_1", "12.50", "charge", "ch_1"], ["ch_2", "3.00", "charge", "ch_2"], ["ch_99", "5.00", "charge", "ch_99"]]);
  const found = await (await post(text, { vendor: "stripe" })).json();
  assert.equal(found.clean, false);
  assert.deepEqual(found.data.map(({ state, key: of }) => `${state} ${of}`).sort(), ["differs ch_2", "invoice_only ch_99", "ledger_only ch_3", `ledger_only ${charges.find(({ id }) => id.startsWith("re_")).id}`, "matched ch_1"].sort());
  assert.equal(sum(found.data, "invoice_usd"), usd(found.invoice_usd));
  assert.equal(sum(found.data, "ledger_usd"), usd(found.ledger_usd));
  assert.equal(usd(found.invoice_usd) - usd(found.ledger_usd), usd(found.difference_usd));
  assert.equal((await (await post(text, { vendor: "stripe", tolerance: "1%" })).json()).clean, false);
  const wide = await (await post(balance([["ch_1", "12.49", "charge", "ch_1"]]), { vendor: "stripe", tolerance: "0.01" })).json();
  assert.equal(wide.data.find(({ key: of }) => of === "ch_1").state, "matched");
  const wrong = await post("a,b\n1,2\n", { vendor: "stripe" });
  assert.equal(wrong.status, 400);
  assert.match((await wrong.json()).detail, /balance_transaction_id/);
  assert.equal((await post(text, { vendor: "acme" })).status, 400);
  const early = await post(whole(), { vendor: "stripe", from: "2020-01-01", to: "2020-02-01" });
  assert.equal(early.status, 400, "nothing on either side");
  assert.deepEqual((await early.json()).field, "from");
  const partly = await (await post(whole().replace(`${today} 10:00:00`, "2020-01-01 10:00:00"), { vendor: "stripe", from: today, to: tomorrow })).json();
  assert.deepEqual([partly.clean, partly.lines_outside, clean.lines_outside], [false, 1, 0]);
  const cents = charges.filter(({ object }) => object !== "refund").map(({ id, amount }) => ({ type: "charge", source: id, amount, fee: 30, currency: "usd", created: Math.floor(Date.now() / 1000) }));
  const list = { object: "list", has_more: false, data: [...cents, { ...cents[0], type: "refund", amount: -250, fee: 0, source: charges.find(({ id }) => id.startsWith("re_")).id }] };
  const json = await (await post(JSON.stringify(list), { vendor: "stripe" }, "application/json")).json();
  assert.deepEqual([json.clean, json.invoice_usd, json.form], [true, "26.1", "Stripe balance transactions, JSON"], JSON.stringify(json));
});

test("S-36: OpenAI's costs by day and model, CSV and JSON; tokens too", async () => {
  const { data } = await report("spend", { by: "model", vendor: "openai", from: today });
  const cost = data.find(({ model }) => model).cost_usd, tokens = data.reduce((all, row) => all + row.input_tokens + row.output_tokens, 0);
  const start = Date.parse(`${today}T00:00:00Z`) / 1000;
  const sheetText = `start_time,end_time,amount_value,amount_currency,line_item,project_id\n${start},${start + 86400},${cost},usd,"gpt-4o-mini-2024-07-18, input",p\n`;
  const matched = await (await post(sheetText, { vendor: "openai", tolerance: "0" })).json();
  assert.equal(matched.clean, true, JSON.stringify(matched));
  const json = JSON.stringify({ object: "page", has_more: false, data: [{ object: "bucket", start_time: start, results: [{ amount: { value: Number(cost) + 1, currency: "usd" }, line_item: "gpt-4o-mini, output" }] }] });
  const off = await (await post(json, { vendor: "openai" }, "application/json")).json();
  assert.equal(off.clean, false);
  assert.equal(off.data[0].state, "differs");
  assert.equal(off.data[0].key, `${today} gpt-4o-mini`);
  const usage = `start_time,model,input_tokens,output_tokens\n${start},gpt-4o-mini-2024-07-18,${tokens - 1},1\n`;
  const counted = await (await post(usage, { vendor: "openai" })).json();
  assert.equal(counted.clean, true, JSON.stringify(counted));
  assert.equal(counted.ledger_tokens, tokens);
  const more = usage.replace(`,${tokens - 1},1`, `,${tokens},1`), counted_with = (tolerance) => post(more, { vendor: "openai", ...tolerance });
  const one = await (await counted_with({})).json();
  assert.deepEqual([one.clean, one.difference_tokens, one.tolerance_tokens], [false, 1, 0], "one token is a difference");
  assert.equal((await (await counted_with({ tolerance: "1" })).json()).clean, true);
  assert.equal((await (await counted_with({ tolerance: "10%" })).json()).clean, true);
  const cents = await counted_with({ tolerance: "0.01" });
  assert.deepEqual([cents.status, (await cents.json()).field], [400, "tolerance"], "tokens are no dollars");
  for (const [range, field] of [[{ from: `${today}T10:00:00Z` }, "from"], [{ to: `${tomorrow}T00:00:01Z` }, "to"]]) {
    const half = await post(usage, { vendor: "openai", ...range });
    assert.deepEqual([half.status, (await half.json()).field], [400, field], "days have no halves");
  }
  assert.equal((await (await post(usage, { vendor: "openai", from: today, to: tomorrow })).json()).clean, true);
  assert.equal((await post("x".repeat(2 << 20), { vendor: "openai" })).status, 400, "larger than other bodies may be, and read");
});

test("tollgate reconcile: exit code 0 when clean, 1 when not; Markdown and CSV into files", async () => {
  const good = path.join(dir, "good.csv"), bad = path.join(dir, "bad.csv"), out = path.join(dir, "out.md");
  fs.writeFileSync(good, whole());
  fs.writeFileSync(bad, balance([["ch_99", "5.00", "charge", "ch_99"]]));
  const fine = await gate.cli("reconcile", "--invoice", good);
  assert.equal(fine.code, 0, fine.err + fine.out);
  assert.match(fine.out, /matched/);
  const not = await gate.cli("reconcile", "--invoice", bad, "--vendor", "stripe");
  assert.equal(not.code, 1, not.err + not.out);
  assert.match(not.out, /invoice_only\s+ch_99/);
  assert.equal((await gate.cli("reconcile", "--invoice", bad, "--format", "md", "--out", out)).code, 1);
  assert.match(fs.readFileSync(out, "utf8"), /\*\*Not clean\.\*\*[\s\S]*## invoice_only[\s\S]*ch_99/);
  assert.equal((await gate.cli("reconcile")).code, 2);
  assert.equal((await gate.cli("reconcile", "--invoice", path.join(dir, "none.csv"))).code, 1);
});

test("a settlement is of the time of its call, whenever it was made", { timeout: 60_000 }, async () => {
  const line = await startFlaky((await startBank()).port);
  const own = await startGate(config({ stripe: `http://127.0.0.1:${line.port}` }, { keys: [key("shop", ["stripe-main"])] }));
  line.plan({ do: "cut-after", path: "/v1/charges" });
  const lost = await fetch(`${own.url}/stripe/v1/charges`, { method: "POST", body: "amount=500&currency=usd&source=tok_visa",
    headers: { authorization: `Bearer ${tokenOf("shop")}`, "content-type": "application/x-www-form-urlencoded" } });
  const id = lost.headers.get("x-tollgate-call-id");
  await lost.arrayBuffer();
  const call = await until(async () => {
    const all = await own.get(`/calls/${id}`);
    if (!all.settlements.length) await own.ask("POST", `/api/v1/doubts/${id}/ask`, {});
    return all.settlements.length && all;
  }, "the settlement", { timeout: 30_000, every: 200 });
  const [settled] = call.settlements;
  assert.ok(settled.at > call.at);
  const payout = (at) => balance([["", "-100.00", "payout", "po_1"]]).replace(`${today} 10:00:00`, at);
  const states = async (from, to, at) => {
    const query = new URLSearchParams({ vendor: "stripe", from, to });
    const answer = await fetch(`http://${own.adminAddress}/api/v1/reports/invoice?${query}`, { method: "POST", headers: { authorization: `Bearer ${adminToken}`, "content-type": "text/csv" }, body: payout(at) });
    const body = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(body));
    return body.data.map(({ state, ledger_usd }) => `${state} ${ledger_usd}`);
  };
  assert.deepEqual(await states(call.at.slice(0, 10), settled.at, call.at), ["ledger_only 5"], "the time of the call");
  assert.deepEqual(await states(settled.at, `${Number(call.at.slice(0, 4)) + 1}-01-01`, settled.at), [], "the time after it");
});

// ---- access, evidence ----

test("S-57: the price of estimate, row and export has one snapshot", async () => {
  const { data } = await report("reconciliation", { from: today, to: tomorrow, vendor: "openai" });
  const snapshots = new Set(data.filter((row) => usd(row.cost_usd)).map((row) => row.price_snapshot));
  assert.equal(snapshots.size, 1);
  const row = await gate.call(data[0].id);
  assert.ok(snapshots.has(row.price_snapshot));
  assert.equal(row.cost_usd, data[0].cost_usd);
});

test("S-33: a vendor's one line is split by tenant, agent and feature, and the shares add up to it", async () => {
  let bill = 0n; // what the vendor counts itself, at gpt-4o-mini's prices: $0.15 and $0.60 a million
  const model = await startOpenai();
  model.play = (call, n) => {
    const usage = { prompt_tokens: 1000 * n + 7, completion_tokens: 10 * n + 3 };
    bill += BigInt(usage.prompt_tokens) * 150n + BigInt(usage.completion_tokens) * 600n;
    return { usage };
  };
  const own = await startGate(config({ openai: model.url }, {
    keys: [key("acme-mail", ["openai-main"], { label: "acme:mailer" }), key("acme-chat", ["openai-main"], { label: "acme:chat" }), key("globex", ["openai-main"], { label: "globex" }), key("plain", ["openai-main"])],
  }));
  const say = (name, feature) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${own.url}/openai/v1`, maxRetries: 0 }).chat.completions.create(ask("hello"),
    feature ? { headers: { "x-tollgate-metadata": JSON.stringify({ label: feature }) } } : {});
  for (const [name, feature] of [["acme-mail", "digest"], ["acme-mail", "reply"], ["acme-mail", "reply"], ["acme-chat", "faq"], ["globex", "bot:faq"], ["plain"]]) await say(name, feature);
  const shares = async (depth) => {
    const { data, total } = await own.get(`/reports/chargeback?label_depth=${depth}&vendor=openai`);
    assert.equal(usd(total.cost_usd), bill, "the vendor's line");
    assert.equal(sum(data, "cost_usd"), bill, `the shares at depth ${depth}`);
    return Object.fromEntries(data.map((row) => [row.label, row.calls]));
  };
  await until(async () => (await own.calls()).length === 6, "the rows");
  assert.deepEqual(await shares(1), { acme: 4, globex: 1, unlabelled: 1 });
  assert.deepEqual(await shares(2), { "acme:mailer": 3, "acme:chat": 1, "globex:bot": 1, unlabelled: 1 });
  assert.deepEqual(await shares(3), { "acme:mailer:digest": 1, "acme:mailer:reply": 2, "acme:chat:faq": 1, "globex:bot:faq": 1, unlabelled: 1 });
  const { out, code, err } = await own.cli("report", "chargeback", "--depth", "2", "--csv");
  assert.equal(code, 0, err);
  assert.equal(sum(csv(out), "cost_usd"), bill, "the sheet that finance gets");
});

test("a forecast shows the account that is asked for", async () => {
  const { data } = await gate.get("/budgets");
  const budget = data.find(({ owner, unit }) => owner === "key:bot" && unit === "usd"), [account] = budget.accounts;
  const of = (name) => gate.ask("GET", `/api/v1/budgets/${encodeURIComponent(budget.budget)}/forecast?account=${encodeURIComponent(name)}`);
  const found = await of(account.account);
  assert.equal(found.status, 200, JSON.stringify(found.body));
  assert.deepEqual([found.body.account, found.body.spent], [account.account, account.spent_usd]);
  assert.equal((await of("none-of-that-name")).body.spent, "0");
});

test("S-38: the budget says how it is used up, and when all of it will be", async () => {
  const { data } = await gate.get("/budgets");
  const budget = data.find(({ owner, unit }) => owner === "key:bot" && unit === "usd");
  const found = await gate.get(`/budgets/${encodeURIComponent(budget.budget)}/forecast`);
  assert.equal(found.spent, budget.accounts[0].spent_usd);
  assert.equal(found.limit, "1000");
  assert.equal(found.series.at.length, found.series.spent.length);
  assert.equal(found.series.spent.at(-1), found.spent);
  assert.ok(found.series.spent.every((one, i, all) => !i || usd(one) >= usd(all[i - 1])), "spending grows");
  assert.ok(usd(found.per_hour) > 0n);
  assert.ok(found.full_at === null || found.full_at > today);
  const cli = await gate.cli("budget", "forecast", budget.budget);
  assert.equal(cli.code, 0, cli.err);
  assert.match(cli.out, /an hour/);
  assert.equal((await gate.ask("GET", "/api/v1/budgets/nobody/forecast")).status, 404);
});

test("S-38: a threshold is told once, with when 100 % will come", async () => {
  pager.clear();
  await sdk("wall").charges.create({ amount: 400, currency: "usd", source: "tok_visa" });
  await sdk("wall").charges.create({ amount: 590, currency: "usd", source: "tok_visa" });
  await until(() => pager.count >= 2, "both marks");
  const told = pager.calls.map(({ text }) => JSON.parse(text));
  assert.deepEqual(told.map(({ percent }) => percent).sort(), [50, 80]);
  for (const alert of told) {
    const start = Date.parse(`${alert.at.slice(0, 10)}T00:00:00Z`), full = start + ((Date.parse(alert.at) - start) * 10) / 9.9;
    if (full >= start + 86_400_000) assert.equal(alert.full_at, null);
    else {
      assert.ok(Math.abs(Date.parse(alert.full_at) - full) < 1000, `${alert.full_at} ${new Date(full).toISOString()}`);
      assert.match(alert.text, /all of it is used up at/);
    }
  }
});

/** The archive of a gate, unpacked: where it is, and its files' texts. */
async function unpacked(of, name) {
  const into = path.join(dir, name), file = path.join(into, "evidence.tar.gz");
  fs.mkdirSync(into);
  const { code, err } = await of.cli("evidence", "--out", file);
  assert.equal(code, 0, err);
  execFileSync("tar", ["-xzf", file, "-C", into]);
  const [folder] = fs.readdirSync(into).filter((one) => /^evidence-\d{8}T\d{6}Z$/.test(one));
  const at = (one) => path.join(into, folder, one);
  return { at, folder: path.join(into, folder), text: (one) => fs.readFileSync(at(one), "utf8") };
}

test("S-58: evidence on demand: a dated archive that proves itself and holds no secret", async () => {
  const { token: clerk } = await gate.post("/tokens", { name: "clerk", role: "finance" });
  await gate.post("/tokens", { name: "never-used", role: "viewer" });
  assert.equal((await fetch(`http://${gate.adminAddress}/api/v1/reports`, { headers: { authorization: `Bearer ${clerk}` } })).status, 200);
  const { at, folder, text } = await unpacked(gate, "whole");
  const manifest = text("MANIFEST.sha256").trim().split("\n").map((line) => line.split("  "));
  for (const [hash, name] of manifest) assert.equal(crypto.createHash("sha256").update(fs.readFileSync(at(name))).digest("hex"), hash, name);
  const names = manifest.map(([, name]) => name);
  for (const name of ["README.md", "retention.json", "data-path.json", "access-keys.csv", "policies.json", "credentials.json", "rotations.csv", "changes.csv", "refusals.jsonl", "chain/verdict.json", "chain/checkpoints.jsonl"])
    assert.ok(names.includes(name), name);
  execFileSync("sha256sum", ["--quiet", "-c", "MANIFEST.sha256"], { cwd: folder });
  assert.equal(JSON.parse(text("chain/verdict.json")).valid, true);
  assert.ok(JSON.parse(text("data-path.json")).vendors.some(({ vendor }) => vendor === "stripe"));
  const tokens = Object.fromEntries(JSON.parse(text("access-tokens.json")).map((token) => [token.name, token]));
  assert.deepEqual([tokens.clerk.role, tokens["never-used"].role, tokens["never-used"].last_used_at], ["finance", "viewer", null]);
  assert.ok(tokens.clerk.last_used_at > today);
  const theirs = path.join(dir, "clerks.tar.gz");
  fs.writeFileSync(theirs, Buffer.from(await (await fetch(`http://${gate.adminAddress}/api/v1/reports/evidence`, { headers: { authorization: `Bearer ${clerk}` } })).arrayBuffer()));
  assert.deepEqual(names.filter((name) => !execFileSync("tar", ["-tzf", theirs], { encoding: "utf8" }).includes(`/${name}\n`)), ["access-tokens.json"], "below owner all but that");
  assert.match(execFileSync("tar", ["-xzOf", theirs, "--wildcards", "*/README.md"], { encoding: "utf8" }), /access-tokens\.json \|.*left out: .* no owner/);
  assert.doesNotMatch(text("README.md"), /left out/);
  assert.match(text("rotations.csv"), /,token\.create,/);
  assert.ok(text("rotations.csv").trim().split("\n").slice(1).every((line) => /,(key|token|credential)\./.test(line)));
  const refusals = text("refusals.jsonl").trim().split("\n").map(JSON.parse);
  assert.equal(refusals[0].denied, "budget_exceeded");
  assert.match(text("access-keys.csv"), /Ann Lee,answers customers/);
  for (const name of names) for (const secret of [...Object.values(secrets ?? {}), tokenOf("bot"), adminToken, clerk]) assert.ok(!text(name).includes(secret), `${name} has a secret`);
  assert.equal(JSON.parse(text("retention.json")).capture, "none", "nobody's content is kept");
  const { exports, alerts, telemetry, callbacks, vendors } = JSON.parse(text("data-path.json"));
  assert.deepEqual([exports, telemetry, callbacks], [[], null, null]);
  assert.deepEqual(alerts, [{ name: "on-call", kind: "webhook", host: new URL(pager.url).host, tls: false, content: false }]);
  assert.ok(vendors.every(({ proxy }) => proxy === null));
});

test("S-58: evidence says whose content is kept, and where else data goes: hosts, and nothing that opens them", async () => {
  const opens = ["T0LEAK", "path-token-leak", "query-token-leak", "user-leak", "whsec-leak-0001", "s3-secret-leak", "AKIALEAK", "collector-leak", "lf-secret-leak", "mail-password-leak", "proxy-leak"];
  const held = { paused: true }; // nobody is there
  const own = await startGate(config({ openai: openai.url, anthropic: "https://anthropic.invalid" }, {
    workspaces: { support: { capture: { redact: ["email", "/order-\\d+/i"], limit: "64KiB", retention: "7d", response: false } }, quiet: {}, empty: { capture: true }, off: { capture: false } },
    keys: [
      key("desk", ["openai-main"], { workspace: "support" }),
      key("clinic", ["openai-main"], { workspace: "support", capture: false }),
      key("trial", ["openai-main"], { workspace: "quiet", capture: { by_call: true, sample: "2.5%" } }),
      key("plain", ["openai-main"], { workspace: "quiet" }),
    ],
    public_url: "https://gate.example",
    exports: {
      archive: { kind: "file", dir: "audit" },
      lake: { ...held, kind: "s3", bucket: "acme-audit", region: "eu-central-1", prefix: "gate", key_id: "AKIALEAK", secret: "s3-secret-leak" },
      siem: { ...held, kind: "webhook", url: "https://siem.example:8443/in/path-token-leak?key=query-token-leak", secret: "whsec-leak-0001" },
      traces: { ...held, kind: "langfuse", url: "https://traces.example", public_key: "pk-lf-x", secret: "lf-secret-leak" },
    },
    alerts: [
      { name: "pager", webhook: "https://pager.example?to=query-token-leak", secret: "whsec-leak-0001", events: ["ledger"] },
      { name: "chat", slack: "https://hooks.slack.example/services/T0LEAK/B0/path-token-leak", events: ["approval", "ledger"] },
      { name: "mail", smtp: "smtps://mail.example:465", user: "user-leak", password: "mail-password-leak", from: "gate@acme.example", to: ["ann@acme.example"], events: ["ledger"] },
    ],
    telemetry: { otlp: { endpoint: "https://[::1]:4318/path-token-leak", interval: "1h", headers: { "x-api-key": "collector-leak" } } },
  }), { env: { HTTPS_PROXY: "http://user-leak:proxy-leak@proxy.invalid:3128" } });
  const { text } = await unpacked(own, "goes");
  const rule = { request: true, response: true, by_call: false, sample: "100.00%", limit_bytes: 262144, retention_seconds: 30 * 86400, redact: ["secret"] };
  const { workspaces, keys } = JSON.parse(text("retention.json")).capture;
  assert.deepEqual(workspaces, [
    { workspace: "support", ...rule, response: false, limit_bytes: 65536, retention_seconds: 7 * 86400, redact: ["secret", "email", "/order-\\d+/i"] },
    { workspace: "empty", ...rule },
  ]);
  assert.equal(keys.length, 2, "those with a word of their own");
  const { data: all } = await own.get("/keys"), id = (name) => all.find((one) => one.name === name).id;
  assert.deepEqual(keys, [
    { key: id("clinic"), key_name: "clinic", workspace: "support", capture: "none" },
    { key: id("trial"), key_name: "trial", workspace: "quiet", ...rule, by_call: true, sample: "2.50%" },
  ]);
  const goes = JSON.parse(text("data-path.json"));
  assert.deepEqual(goes.vendors.map(({ vendor, proxy }) => [vendor, proxy]).sort(), [["anthropic", "proxy.invalid"], ["openai", null]]);
  const made = { content: false, paused: true, tls: true, bucket: null, directory: null };
  assert.deepEqual(goes.exports, [
    { ...made, name: "archive", kind: "file", host: null, tls: null, directory: goes.exports[0].directory, paused: false },
    { ...made, name: "lake", kind: "s3", host: "s3.eu-central-1.amazonaws.com", bucket: "acme-audit" },
    { ...made, name: "siem", kind: "webhook", host: "siem.example:8443" },
    { ...made, name: "traces", kind: "langfuse", host: "traces.example" },
  ]);
  assert.match(goes.exports[0].directory, /\/exports\/audit$/);
  assert.deepEqual(goes.alerts, [
    { name: "pager", kind: "webhook", host: "pager.example", tls: true, content: false },
    { name: "chat", kind: "slack", host: "hooks.slack.example", tls: true, content: true },
    { name: "mail", kind: "smtp", host: "mail.example:465", tls: true, content: false },
  ]);
  assert.deepEqual(goes.telemetry, { kind: "otlp", host: "[::1]:4318", tls: true, content: false });
  assert.deepEqual(goes.callbacks, { to: "the address that the call's own caller named", private_networks: false, content: true });
  for (const name of text("MANIFEST.sha256").trim().split("\n").map((line) => line.split("  ")[1])) for (const one of opens) assert.ok(!text(name).includes(one), `${name} has ${one}`);
});

test("evidence is about the whole gate: a token of one workspace does not get it", async () => {
  const { token } = await gate.post("/tokens", { name: "confined", role: "owner", workspace: "default" });
  const answer = await fetch(`http://${gate.adminAddress}/api/v1/reports/evidence`, { headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual([answer.status, (await answer.json()).code], [403, "role_denied"]);
});

test("S-37: a leaver: keys by owner, purpose, last use, reach and cap; one action retires them", async () => {
  const { data } = await report("access", { owner: "Ann Lee" });
  assert.deepEqual(data.map((row) => row.key_name), ["bot", "shop"]);
  const [bot, shop] = data;
  assert.equal(bot.purpose, "answers customers");
  assert.ok(bot.last_used_at > today);
  assert.deepEqual(bot.vendors.sort(), ["openai", "stripe"]);
  assert.deepEqual(bot.credentials.sort(), ["openai-main", "stripe-main"]);
  assert.deepEqual(shop.caps, ["50 usd per day", "60 requests per minute"]);
  const rows = await sheet("access");
  assert.equal(rows.length, 5);
  assert.equal(rows.find(({ key_name }) => key_name === "shop").purpose, `'=HYPERLINK("x")`, "no formula for a sheet");
  assert.equal(rows.find(({ key_name }) => key_name === "idle").last_used_at, "");
  const { code, out } = await gate.cli("key", "retire", "Ann Lee", "--reason", "last day");
  assert.equal(code, 0);
  assert.match(out, /2 keys of Ann Lee are retired/);
  await assert.rejects(sdk("bot").charges.create({ amount: 1, currency: "usd", source: "tok_visa" }), (error) => error.statusCode === 401);
  await llm("other").chat.completions.create(ask("still here"));
  assert.deepEqual((await report("access", { owner: "Ann Lee" })).data.map(({ state }) => state), ["revoked", "revoked"]);
  assert.equal((await gate.post("/keys/retire", { owner: "Ann Lee" })).count, 0, "once more changes nothing");
  assert.equal((await gate.ask("POST", "/api/v1/keys/retire", { owner: "Nobody" })).status, 404);
  assert.equal((await gate.ask("POST", "/api/v1/keys/retire", {})).body.field, "owner");
  const { data: log } = await gate.get("/audit?kind=change");
  assert.ok(log.some(({ data: row }) => row.action === "key.retire" && row.reason === "last day"));
});

test("the access report says what each cap counts, and what it does not", async () => {
  const until = "2099-01-01T00:00:00.000Z";
  const own = await startGate(config({ stripe: stripe.url }, {
    keys: [key("capped", ["stripe-main"], { budgets: [
      { limit: "50 usd", window: "day", vendor: "twilio" },
      { limit: "7 usd", window: "day", soft: true, name: "told" },
      { limit: "3 usd", window: "day", per: ["run", "metadata.tenant"] },
      { limit: "9 usd", window: "day", operation: "stripe.refunds.*", refunds: "net" },
      { limit: "4 requests", scopes: { "stripe.customer": "cus_*" }, metadata: { tenant: "acme" } },
      { limit: "2 usd", window: "hour", model: "gpt-*", increase: { by: "5 usd", until } },
    ] })],
    budgets: [{ name: "all", limit: "100 usd", window: "month", key: "capped" }, { name: "others", limit: "1 usd", window: "day", user: "ann" }],
  }));
  const { data: [{ caps }] } = await own.get("/reports/access");
  assert.deepEqual(caps.slice(0, 6), [
    "50 usd per day, vendor twilio",
    "7 usd per day (soft, refuses nothing)",
    "3 usd per day for each run and metadata.tenant",
    "9 usd per day, operation stripe.refunds.* (refunds count down)",
    "4 requests in total, stripe.customer cus_*, metadata.tenant acme",
    `2 usd per hour, model gpt-* (raised by 5 usd until ${until})`,
  ]);
  assert.match(caps[6], /^100 usd per month \(/);
  const made = await own.cli("key", "create", "--name", "made", "--policy", "all", "--credential", "stripe-main", "--budget", "50 usd/day on stripe");
  assert.equal(made.code, 0, made.err);
  const { data } = await own.get("/reports/access");
  assert.ok(data.find((row) => row.key_name === "made").caps.includes("50 usd per day, vendor stripe"));
});

test("tollgate report: a table, CSV into a file, the list", async () => {
  const list = await gate.cli("report");
  assert.match(list.out, /chargeback/);
  const table = await gate.cli("report", "spend", "--by", "vendor");
  assert.equal(table.code, 0, table.err);
  assert.match(table.out, /VENDOR\s+COST USD/);
  const file = path.join(dir, "rows.csv");
  assert.equal((await gate.cli("report", "reconciliation", "--out", file)).code, 0);
  assert.ok(csv(fs.readFileSync(file, "utf8")).length >= 8);
  assert.equal((await gate.cli("report", "nonsense")).code, 1);
});
