// SPDX-License-Identifier: Apache-2.0
// docs/budgets.md, sentence by sentence, through the real binary: units, windows, filters, accounts, manners, many at once.
import OpenAI from "openai";
import Stripe from "stripe";

import { startClock } from "./lib/clock.js";
import { config, key, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, sleep, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { startStripe } from "./lib/mocks.js";
import { until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test, thrown } from "./lib/test.js";

const usd = (text) => nanos(String(text));
let serial = 0;

/* ---- upstreams ---- */

const stripe = await startScripted(async (call, res) => {
  const [, charge] = /^\/v1\/charges\/(\w+)/.exec(call.url) ?? [];
  if (call.method === "GET" && charge && charge !== "ch_lost") /* one of nobody: whose it is, the vendor does not say either */
    return answerJson(res, 200, { id: charge, object: "charge", amount: 1_000_000, amount_captured: 1_000_000, amount_refunded: 0, currency: "usd", customer: null, status: "succeeded" });
  if (call.method === "GET" && charge) return answerJson(res, 404, { error: { type: "invalid_request_error", message: "No such charge" } });
  if (call.method === "GET") return answerJson(res, 200, { object: "list", data: [], has_more: false, url: call.url.split("?")[0] });
  const form = new URLSearchParams(call.text);
  const amount = Number(form.get("amount") ?? 0);
  if (form.get("description") === "slow") await sleep(400);
  const refund = call.url.startsWith("/v1/refunds");
  answerJson(res, 200, refund
    ? { id: `re_${++serial}`, object: "refund", amount, currency: "usd", status: "succeeded" }
    : { id: `ch_${++serial}`, object: "charge", amount, amount_captured: amount, currency: "usd", captured: true, status: "succeeded" });
});
const twilio = await startScripted((call, res) =>
  answerJson(res, 201, { sid: `SM${String(++serial).padStart(32, "0")}`, num_segments: "1", price: null, price_unit: "USD", status: "queued" }));
const resend = await startScripted((call, res) => answerJson(res, 200, { id: `mail_${++serial}` }));
const openai = await startOpenai();
const all = { stripe: stripe.url, twilio: twilio.url, resend: resend.url, openai: openai.url };
const credentials = Object.keys(all).map((vendor) => `${vendor}-main`);

/* ---- one call of each kind: { status, code, headers, body } ---- */

async function call(gate, name, target, body, headers = {}) {
  const form = body instanceof URLSearchParams;
  const answer = await fetch(`${gate.url}${target}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      authorization: `Bearer ${tokenOf(name)}`,
      ...(body === undefined ? {} : { "content-type": form ? "application/x-www-form-urlencoded" : "application/json" }),
      ...headers,
    },
    body: form ? body.toString() : body && JSON.stringify(body),
  });
  const text = await answer.text();
  const json = (answer.headers.get("content-type") ?? "").includes("json") ? JSON.parse(text) : text;
  return { status: answer.status, code: answer.headers.get("x-tollgate-denied"), headers: answer.headers, body: json };
}

const charge = (gate, name, cents, form = {}, headers) =>
  call(gate, name, "/stripe/v1/charges", new URLSearchParams({ amount: String(cents), currency: "usd", source: "tok_visa", ...form }), headers);
const refund = (gate, name, cents, form = {}) => call(gate, name, "/stripe/v1/refunds", new URLSearchParams({ charge: "ch_1", amount: String(cents), ...form }));
const list = (gate, name, headers) => call(gate, name, "/stripe/v1/balance", undefined, headers);
const text = (gate, name, to = "+14155550100") =>
  call(gate, name, `/twilio/2010-04-01/Accounts/${twilioSid}/Messages.json`, new URLSearchParams({ To: to, From: "+14155550101", Body: "hello" }));
const mail = (gate, name, to) => call(gate, name, "/resend/emails", { from: "a@example.com", to, subject: "s", text: "t" });
const chat = (gate, name, more = {}, headers) =>
  call(gate, name, "/openai/v1/chat/completions", { model: "gpt-4o-mini", max_tokens: 100, messages: [{ role: "user", content: "Say hello." }], ...more }, headers);
const on = (run) => ({ "x-agent-run-id": run });
const tags = (members) => ({ "x-tollgate-metadata": JSON.stringify(members) });

/* ---- what the gate says of its budgets ---- */

/** One budget of `owner` (a key's name, "gate", ...): its line with accounts by what stands behind the id. */
async function budget(gate, owner, id) {
  let cursor, found;
  do {
    const page = await gate.get(`/budgets?${new URLSearchParams({ limit: "100", ...(cursor ? { cursor } : {}) })}`);
    found = page.data.find((line) => line.owner.endsWith(owner) && line.budget.endsWith(`/${id}`));
    cursor = page.next_cursor;
  } while (!found && cursor);
  assert.ok(found, `a budget ${id} of ${owner}`);
  const accounts = Object.fromEntries(found.accounts.map((account) => [account.account.split("|").slice(1).join("|"), account]));
  return { ...found, accounts };
}

const amount = (account, what) => (account?.[`${what}_usd`] !== undefined ? usd(account[`${what}_usd`]) : BigInt(account?.[what] ?? 0));
async function spent(gate, owner, id) {
  const { accounts } = await budget(gate, owner, id);
  return Object.values(accounts).reduce((sum, account) => sum + amount(account, "spent"), 0n);
}
async function spentBy(gate, owner, id) {
  const { accounts } = await budget(gate, owner, id);
  return Object.fromEntries(Object.entries(accounts).map(([name, account]) => [name, amount(account, "spent")]));
}
async function nothingHeld(gate) {
  const check = await gate.get("/ledger/check");
  assert.equal(check.wrong?.length ?? 0, 0, JSON.stringify(check));
  const { data } = await gate.get("/budgets?limit=100");
  for (const line of data) for (const account of line.accounts) assert.equal(amount(account, "reserved"), 0n, account.account);
}

const gateOf = (keys, more = {}) => startGate(config(all, { keys, ...more }));
const owned = (name, ...budgets) => key(name, credentials, { budgets });

describe("units", async () => {
  const units = ["usd", "tokens", "input_tokens", "output_tokens", "requests", "messages"];
  const gate = await gateOf([
    owned("units", ...units.map((unit) => ({ limit: `100000 ${unit}` })), { limit: "4 calls" }),
    owned("zero", { limit: "0 usd" }),
    owned("two", { limit: "2 calls" }),
    owned("mails", { limit: "4 messages" }),
    owned("input", { limit: "4000 input_tokens" }),
    owned("nothing"),
  ]);
  const now = async () => Object.fromEntries(await Promise.all([...units, "calls"].map(async (unit) => [unit, await spent(gate, "units", `${unit}/total`)])));
  async function counted(fn) {
    const before = await now();
    const answer = await fn();
    const after = await now();
    return { answer, delta: Object.fromEntries(Object.keys(after).filter((unit) => after[unit] !== before[unit]).map((unit) => [unit, after[unit] - before[unit]])) };
  }

  test("a model call counts dollars, tokens and a request: streamed or not, the same", async () => {
    openai.play = { usage: { prompt_tokens: 40, completion_tokens: 30, total_tokens: 70 } };
    const expected = { usd: 40n * 150n + 30n * 600n, tokens: 70n, input_tokens: 40n, output_tokens: 30n, requests: 1n };
    for (const more of [{}, { stream: true }, { stream: true, stream_options: { include_usage: true } }]) {
      const { answer, delta } = await counted(() => chat(gate, "units", more));
      assert.equal(answer.status, 200);
      assert.deepEqual(delta, expected, JSON.stringify(more));
    }
    openai.play = {};
  });

  test("a charge counts dollars, a text and a mail messages too, a listing only a request", async () => {
    assert.deepEqual((await counted(() => charge(gate, "units", 1250))).delta, { usd: 12_500_000_000n, requests: 1n });
    assert.deepEqual((await counted(() => list(gate, "units"))).delta, { requests: 1n });
    const { delta } = await counted(() => text(gate, "units"));
    assert.equal(delta.messages, 1n);
    assert.equal(delta.requests, 1n);
    assert.ok(delta.usd > 0n);
    assert.deepEqual((await counted(() => mail(gate, "units", ["a@x.com", "b@x.com", "c@x.com"]))).delta, { usd: 3n * 900_000n, messages: 3n, requests: 1n });
  });

  test("a refused call counts nothing, a request neither", async () => {
    const { answer, delta } = await counted(() => charge(gate, "units", 100, {}, { "x-tollgate-max-cost-usd": "0.5" }));
    assert.equal(answer.code, "budget_exceeded");
    assert.deepEqual(delta, {});
  });

  test("0 usd refuses what costs and lets pass what does not; no budget is no limit", async () => {
    assert.equal((await charge(gate, "zero", 1)).code, "budget_exceeded");
    assert.equal((await list(gate, "zero")).status, 200);
    assert.equal((await charge(gate, "nothing", 99_999_999)).status, 200);
  });

  test("calls at once: a place is given back at the end, whatever the end is", async () => {
    const slow = () => charge(gate, "two", 100, { description: "slow" });
    const three = await Promise.all([slow(), slow(), slow()]);
    assert.deepEqual(three.map((answer) => answer.code ?? "passed").sort(), ["passed", "passed", "rate_limited"]);
    assert.equal((await charge(gate, "two", 100)).status, 200);
    const leaving = new AbortController();
    const gone = fetch(`${gate.url}/openai/v1/chat/completions`, {
      method: "POST", signal: leaving.signal, headers: { authorization: `Bearer ${tokenOf("two")}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 5, stream: true, messages: [] }),
    }).catch(() => {});
    openai.play = { delay: 5000 };
    await sleep(100);
    leaving.abort();
    await gone;
    openai.play = {};
    await until(async () => (await Promise.all([charge(gate, "two", 1), charge(gate, "two", 1)])).every((answer) => answer.status === 200), "both places");
  });

  test("messages are counted before they are sent: five recipients do not fit into four", async () => {
    const count = resend.count;
    const refused = await mail(gate, "mails", ["a@x.com", "b@x.com", "c@x.com", "d@x.com", "e@x.com"]);
    assert.equal(refused.code, "budget_exceeded");
    assert.equal(refused.body.tollgate.unit, "messages");
    assert.equal(resend.count, count);
    assert.equal((await mail(gate, "mails", ["a@x.com", "b@x.com", "c@x.com", "d@x.com"])).status, 200);
    assert.equal((await mail(gate, "mails", ["a@x.com"])).code, "budget_exceeded");
  });

  test("input tokens are bounded by the request's own size, or its tokens where that is too much", async () => {
    openai.play = { usage: { prompt_tokens: 1200, completion_tokens: 1, total_tokens: 1201 } };
    const long = { messages: [{ role: "user", content: "x".repeat(1500) }] };
    assert.equal((await chat(gate, "input", long)).status, 200);
    assert.equal((await chat(gate, "input", long)).status, 200);
    const third = await chat(gate, "input", { messages: [{ role: "user", content: " x".repeat(3000) }] });
    assert.equal(third.code, "budget_exceeded");
    assert.equal(third.body.error.tollgate.spent, "2400");
    openai.play = {};
    assert.equal((await chat(gate, "input", { messages: [] })).status, 200, "a smaller one fits");
  });

  test("nothing stays reserved", () => nothingHeld(gate));
});

/* ---- windows ---- */

/** The next moment at which `fits` holds of the calendar's date in `zone`. */
function turn(zone, fits) {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "numeric" });
  const quarter = 15 * 60_000;
  let last = format.format(Date.now());
  for (let when = Math.ceil(Date.now() / quarter) * quarter; ; when += quarter) {
    const parts = format.formatToParts(when);
    const date = format.format(when);
    const of = (type) => parts.find((part) => part.type === type).value;
    if (date !== last && fits({ weekday: of("weekday"), day: Number(of("day")) })) return new Date(when).toISOString();
    last = date;
  }
}
const sameMoment = (a, b, why) => assert.equal(new Date(a).toISOString(), new Date(b).toISOString(), why);

describe("windows", async () => {
  const zone = "America/New_York";
  const windows = ["run", "minute", "hour", "day", "week", "month", "total", "rolling 1m", "rolling 24h", "rolling 30d"];
  const gate = await gateOf([
    owned("every", ...windows.map((window) => ({ limit: "100 usd", window, ...(["day", "week", "month"].includes(window) ? { timezone: zone } : {}) }))),
    owned("runs", { limit: "5 usd", window: "run" }),
  ]);

  test("each window has an account of its own, which says when it turns", async () => {
    await until(() => Date.now() % 60_000 < 57_000, "no minute turns during this test", { timeout: 5000 });
    const run = newRun();
    assert.equal((await charge(gate, "every", 300, {}, on(run))).status, 200);
    const { data } = await gate.get("/budgets?limit=100");
    const lines = data.filter((line) => line.owner.endsWith("every"));
    assert.deepEqual(lines.map((line) => line.accounts.length), windows.map(() => 1));
    const of = (window) => lines.find((line) => line.window === window).accounts[0];
    for (const line of lines) assert.equal(usd(line.accounts[0].spent_usd), 3_000_000_000n, line.window);
    sameMoment(of("minute").resets_at, Math.ceil((Date.now() + 1) / 60_000) * 60_000);
    sameMoment(of("hour").resets_at, Math.ceil((Date.now() + 1) / 3_600_000) * 3_600_000);
    sameMoment(of("day").resets_at, turn(zone, () => true));
    sameMoment(of("week").resets_at, turn(zone, ({ weekday }) => weekday === "Mon"));
    sameMoment(of("month").resets_at, turn(zone, ({ day }) => day === 1));
    assert.equal(of("total").resets_at, null);
    assert.equal(of("run").resets_at, null);
    assert.match(of("run").account, new RegExp(`\\|run=${run}$`));
    for (const [window, length] of [["rolling-1m", 60_000], ["rolling-24h", 86_400_000], ["rolling-30d", 30 * 86_400_000]])
      assert.ok(Math.abs(new Date(of(window).resets_at) - Date.now() - (length * 121) / 120) <= length / 120 + 3000, `${window}: ${of(window).resets_at}, when what was spent leaves`);
  });

  test("each run has its own; calls without a run share one", async () => {
    const [one, two] = [newRun(), newRun()];
    assert.equal((await charge(gate, "runs", 500, {}, on(one))).status, 200);
    assert.equal((await charge(gate, "runs", 1, {}, on(one))).code, "budget_exceeded");
    assert.equal((await charge(gate, "runs", 500, {}, on(two))).status, 200);
    assert.equal((await charge(gate, "runs", 400)).status, 200);
    const refused = await charge(gate, "runs", 200);
    assert.equal(refused.code, "budget_exceeded");
    assert.ok(refused.body.error.tollgate.resets_at, "it begins anew each day");
    assert.equal((await charge(gate, "runs", 100)).status, 200);
  });

  test("rolling 1m slides by a second: what was spent is free after 60 to 61 s, one by one", async () => {
    const clock = startClock("2026-11-21T12:00:00Z");
    const quick = await startGate(config(all, { keys: [owned("slide", { limit: "3 requests", window: "rolling 1m" })] }), { env: clock.env });
    const used = async () => (await budget(quick, "slide", "requests/rolling-1m")).accounts[""].spent;
    const at = async (time, code) => {
      clock.stop(`2026-11-21T${time}Z`);
      assert.equal((await list(quick, "slide")).code, code, time);
    };
    await at("12:00:00", null);
    await at("12:00:20", null);
    await at("12:00:20", null);
    await at("12:00:20", "rate_limited");
    const refused = await list(quick, "slide");
    assert.equal(refused.headers.get("retry-after"), "41", "when the oldest leaves");
    assert.equal(refused.body.error.tollgate.resets_at, "2026-11-21T12:01:01.000Z");
    assert.equal((await budget(quick, "slide", "requests/rolling-1m")).accounts[""].resets_at, "2026-11-21T12:01:01.000Z");
    await at("12:00:59", "rate_limited");
    await at("12:01:00", "rate_limited");
    assert.equal(await used(), 3);
    clock.stop("2026-11-21T12:01:01Z");
    assert.equal(await used(), 2, "the account shows it as well");
    await at("12:01:01", null);
    await at("12:01:01", "rate_limited");
    assert.equal((await list(quick, "slide")).headers.get("retry-after"), "20");
    await at("12:01:21", null);
    await at("12:01:21", null);
    await at("12:01:21", "rate_limited");
    await quick.stop();
  });

  test("S-08: a day turns at midnight of its zone, and only there; what is under way stays in its day", async () => {
    const clock = startClock("2026-11-21T22:59:00Z");
    const night = await startGate(
      config(all, { keys: [owned("berlin", { limit: "5 usd", window: "day", timezone: "Europe/Berlin" }), owned("utc", { limit: "5 usd", window: "day" })] }), { env: clock.env });
    for (const name of ["berlin", "utc"]) {
      assert.equal((await charge(night, name, 400)).status, 200);
      assert.equal((await charge(night, name, 200)).code, "budget_exceeded");
    }
    sameMoment((await charge(night, "berlin", 200)).body.error.tollgate.resets_at, "2026-11-21T23:00:00Z");
    sameMoment((await charge(night, "utc", 200)).body.error.tollgate.resets_at, "2026-11-22T00:00:00Z");
    let release;
    const plain = stripe.hold;
    stripe.hold = async (held, res) => {
      await new Promise((resolve) => { release = resolve; });
      return plain(held, res);
    };
    const underWay = charge(night, "berlin", 100);
    await until(() => release, "the charge at the vendor");
    stripe.hold = plain;
    clock.set("2026-11-21T22:59:59Z");
    await until(async () => (await charge(night, "berlin", 500)).status === 200, "midnight in Berlin", { timeout: 8000, every: 50 });
    release();
    assert.equal((await underWay).status, 200);
    assert.deepEqual(await spentBy(night, "berlin", "usd/day,timezone=Europe/Berlin"), { "2026-11-20T23:00:00Z": 5_000_000_000n, "2026-11-21T23:00:00Z": 5_000_000_000n });
    assert.equal((await charge(night, "utc", 200)).code, "budget_exceeded", "no midnight in UTC");
    await night.stop();
  });
});

/* ---- filters and accounts ---- */

describe("filters", async () => {
  const gate = await gateOf(
    [
      owned("f", { limit: "1000 usd", vendor: "stripe" }, { limit: "1000 usd", operation: "stripe.charges.*" }, { limit: "1000 tokens", model: "gpt-4o-*" },
        { limit: "1000 usd", scopes: { "stripe.customer": "cus_vip_*" } }, { limit: "1000 usd", metadata: { tenant: "acme" } }, { limit: "1000 usd", metadata: { tenant: "*" } },
        { limit: "1000 usd", vendor: "stripe", operation: "*.refunds.create", metadata: { tier: "2" } }),
      key("acme", credentials, { metadata: { tenant: "acme" }, budgets: [{ limit: "10 usd", metadata: { tenant: "acme" } }, { limit: "1000 usd", per: "metadata.tenant" }] }),
      key("bot-1", credentials, { user: "ann", team: "blue", workspace: "research" }),
      key("bot-2", credentials, { user: "bob", team: "blue" }),
      owned("vip", { limit: "10 usd", scopes: { "stripe.customer": "cus_vip_*" } }),
      owned("number", { limit: "1 requests", metadata: { tier: "2", beta: "true" } }),
    ],
    {
      workspaces: { research: { budgets: [{ limit: "1000 requests" }] } },
      budgets: [
        { name: "bots", limit: "1000 requests", key: "bot-*" },
        { name: "ann", limit: "1000 requests", user: "ann" },
        { name: "blue", limit: "1000 requests", team: ["blue", "red"] },
        { name: "of-research", limit: "1000 requests", workspace: "research" },
      ],
    },
  );
  const count = (id, owner = "f") => spent(gate, owner, id);

  test("vendor, operation and model", async () => {
    await charge(gate, "f", 100);
    await refund(gate, "f", 30);
    await chat(gate, "f");
    await chat(gate, "f", { model: "gpt-4.1-mini" });
    assert.equal(await count("usd/total,vendor=stripe"), 1_300_000_000n);
    assert.equal(await count("usd/total,operation=stripe.charges.*"), 1_000_000_000n);
    assert.equal(await count("tokens/total,model=gpt-4o-*"), 29n);
  });

  test("scopes: another customer does not count; one that cannot be told does", async () => {
    const now = () => count("usd/total,scope.stripe.customer=cus_vip_*");
    const before = await now();
    await charge(gate, "f", 100, { customer: "cus_other" });
    assert.equal(await now(), before);
    await charge(gate, "f", 100, { customer: "cus_vip_1" });
    assert.equal(await now(), before + 1_000_000_000n);
    await refund(gate, "f", 50);
    assert.equal(await now(), before + 1_500_000_000n, "whose charge it was, the request does not say");
  });

  test("an owner that cannot be told does not get past a customer's limit", async () => {
    assert.equal((await charge(gate, "vip", 900, { customer: "cus_vip_1" })).status, 200);
    assert.equal((await refund(gate, "vip", 200)).code, "budget_exceeded");
    assert.equal((await charge(gate, "vip", 5000, { customer: "cus_other" })).status, 200);
  });

  test("metadata: the key's and the call's; numbers and booleans are members", async () => {
    const before = [await count("usd/total,metadata.tenant=acme"), await count("usd/total,metadata.tenant=*")];
    await charge(gate, "f", 100, {}, tags({ tenant: "acme" }));
    await charge(gate, "f", 100, {}, tags({ tenant: "other" }));
    await charge(gate, "f", 100, {}, tags({ list: ["acme"], tenant: { a: 1 } }));
    await charge(gate, "f", 100);
    assert.deepEqual([await count("usd/total,metadata.tenant=acme"), await count("usd/total,metadata.tenant=*")], [before[0] + 1_000_000_000n, before[1] + 2_000_000_000n]);
    await refund(gate, "f", 10, {});
    const both = { tier: 2, beta: true };
    assert.equal((await call(gate, "number", "/stripe/v1/balance", undefined, tags(both))).status, 200);
    assert.ok((await call(gate, "number", "/stripe/v1/balance", undefined, tags(both))).code);
    assert.equal((await call(gate, "number", "/stripe/v1/balance", undefined, tags({ tier: 3, beta: true }))).status, 200);
    assert.equal((await call(gate, "number", "/stripe/v1/balance", undefined, tags(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`m${i}`, i]))))).status, 400);
  });

  test("what a key's metadata sets, a call cannot change", async () => {
    assert.equal((await charge(gate, "acme", 600, {}, tags({ tenant: "other" }))).status, 200);
    assert.equal((await charge(gate, "acme", 600, {}, tags({ tenant: "" }))).code, "budget_exceeded");
    assert.equal((await charge(gate, "acme", 600, {}, tags({ tenant: null }))).code, "budget_exceeded");
    assert.equal((await charge(gate, "acme", 600, {}, tags({ tenant: { x: 1 } }))).code, "budget_exceeded");
    assert.equal(await count("usd/total,metadata.tenant=acme", "acme"), 6_000_000_000n);
    assert.deepEqual(await spentBy(gate, "acme", "usd/total,per=metadata.tenant"), { "metadata.tenant=acme": 6_000_000_000n });
  });

  test("rows and sums say what the budgets counted: the key's metadata, and what the call adds", async () => {
    const charged = async (headers) => (await gate.call((await charge(gate, "acme", 10, {}, headers)).headers.get("x-tollgate-call-id"))).metadata;
    assert.deepEqual(await charged(), { tenant: "acme" });
    assert.deepEqual(await charged(tags({ tenant: "elsewhere" })), { tenant: "acme" });
    assert.deepEqual(await charged(tags({ tenant: { x: [1] }, "a\"b": "c", deep: { tenant: 1 } })), { tenant: "acme", "a\"b": "c", deep: { tenant: 1 } });
    assert.deepEqual(await charged({ "x-portkey-metadata": '{"tenant":"elsewhere","x":1}' }), { tenant: "acme", x: 1 });
    const { data } = await gate.get("/usage?by=metadata:tenant");
    const of = (name) => data.find((one) => Object.values(one).includes(name));
    assert.equal(of("elsewhere"), undefined, JSON.stringify(data));
    assert.ok(of("acme"));
    const refused = await call(gate, "acme", "/stripe/v1/nothing_like_this", undefined, tags({ tenant: "elsewhere" }));
    assert.equal((await gate.call(refused.headers.get("x-tollgate-call-id"))).metadata.tenant, "acme");
  });

  test("at the top: keys by name, user, team and workspace", async () => {
    for (let i = 0; i < 2; i++) await list(gate, "bot-1");
    await list(gate, "bot-2");
    const top = async (name) => amount(Object.values((await budget(gate, "gate", `${name}/requests/total`)).accounts)[0], "spent");
    assert.deepEqual([await top("bots"), await top("ann"), await top("blue"), await top("of-research")], [3n, 2n, 3n, 2n]);
    assert.equal(await count("requests/total", "research"), 2n);
  });
});

describe("per", async () => {
  const per = (...names) => ({ limit: "10 usd", per: names });
  const gate = await gateOf(
    [
      key("ann-1", credentials, { user: "ann", team: "blue" }),
      owned("kinds", per("run"), per("vendor"), per("operation"), per("metadata.tenant"), per("stripe.account")),
      key("ann-2", credentials, { user: "ann", team: "red" }),
      key("bob", credentials, { user: "bob", team: "red", workspace: "research" }),
      key("nobody", credentials),
      owned("models", { limit: "1000 tokens", per: ["model", "run"] }),
      owned("customers", per("customer")),
      owned("tenants", per("metadata.tenant")),
      owned("scoped", per("stripe.customer")),
      owned("mails", { limit: "3 messages", per: "customer" }),
      owned("wide", { limit: "100 messages", per: "resend.to" }),
    ],
    {
      workspaces: { research: {} },
      budgets: [
        { name: "users", limit: "10 usd", per: "user", key: ["ann-*", "bob", "nobody"] },
        { name: "keys", limit: "1000 usd", per: ["key"], key: ["ann-*", "bob"] },
        { name: "pairs", limit: "1000 usd", per: ["workspace", "team"], key: ["ann-*", "bob"] },
      ],
    },
  );

  test("user, key, workspace and team: an account for each value and combination", async () => {
    assert.equal((await charge(gate, "ann-1", 600)).status, 200);
    assert.equal((await charge(gate, "ann-2", 400)).status, 200);
    const refused = await charge(gate, "ann-2", 1);
    assert.equal(refused.code, "budget_exceeded");
    assert.match(refused.body.error.message, /users/);
    assert.equal((await charge(gate, "bob", 900)).status, 200);
    assert.equal((await charge(gate, "nobody", 1000)).status, 200);
    assert.equal((await charge(gate, "nobody", 1)).code, "budget_exceeded", "no user is a user as well");
    assert.deepEqual(await spentBy(gate, "gate", "users/usd/total,per=user"), { "user=ann": 10_000_000_000n, "user=bob": 9_000_000_000n, "user=": 10_000_000_000n });
    assert.deepEqual(Object.values(await spentBy(gate, "gate", "keys/usd/total,per=key")).sort(), [4_000_000_000n, 6_000_000_000n, 9_000_000_000n]);
    assert.deepEqual(await spentBy(gate, "gate", "pairs/usd/total,per=team,per=workspace"), {
      "team=blue|workspace=default": 6_000_000_000n, "team=red|workspace=default": 4_000_000_000n, "team=red|workspace=research": 9_000_000_000n,
    });
  });

  test("run, vendor, operation, metadata and a vendor's object", async () => {
    const run = newRun();
    const headers = { ...on(run), ...tags({ tenant: "t|1" }), "stripe-account": "acct_1" };
    assert.equal((await charge(gate, "kinds", 200, {}, headers)).status, 200);
    assert.equal((await refund(gate, "kinds", 100)).status, 200);
    const by = (id) => spentBy(gate, "kinds", `usd/total,per=${id}`);
    const [first, second] = [2_000_000_000n, 1_000_000_000n];
    assert.deepEqual(await by("run"), { [`run=${run}`]: first, "run=": second });
    assert.deepEqual(await by("vendor"), { "vendor=stripe": first + second });
    assert.deepEqual(await by("operation"), { "operation=stripe.charges.create": first, "operation=stripe.refunds.create": second });
    assert.deepEqual(await by("stripe.account"), { "stripe.account=acct_1": first, "stripe.account=": second });
    const tenants = await by("metadata.tenant");
    assert.deepEqual(Object.values(tenants).sort(), [second, first]);
    assert.ok(Object.keys(tenants).every((name) => name.split("|").length === 1), `escaped: ${Object.keys(tenants)}`);
  });

  test("values of strangers: long ones and odd ones never meet, and never leave their place", async () => {
    const long = "x".repeat(200);
    for (const tenant of [`${long}a`, `${long}b`, `${long}a`, "a|metadata.tenant=b", "a/b", "ä", "A"])
      assert.equal((await charge(gate, "tenants", 100, {}, { "x-tollgate-metadata": Buffer.from(JSON.stringify({ tenant })).toString("latin1") })).status, 200, tenant);
    const mine = await spentBy(gate, "tenants", "usd/total,per=metadata.tenant");
    assert.deepEqual(Object.values(mine).sort(), [1n, 1n, 1n, 1n, 1n, 2n].map((n) => n * 1_000_000_000n), JSON.stringify(Object.keys(mine)));
    assert.ok(Object.keys(mine).every((name) => name.length < 150 && name.split("|").length === 1), JSON.stringify(Object.keys(mine)));
  });

  test("model and run together", async () => {
    const run = newRun();
    for (const model of ["gpt-4o-mini", "gpt-4.1-mini", "gpt-4o-mini"]) await chat(gate, "models", { model }, on(run));
    assert.deepEqual(await spentBy(gate, "models", "tokens/total,per=run,per=model"), {
      [`run=${run}|model=gpt-4o-mini`]: 58n, [`run=${run}|model=gpt-4.1-mini`]: 29n,
    });
  });

  test("customer: each its own, two vendors' apart, the unknown ones together", async () => {
    for (const name of ["customers", "scoped"]) {
      assert.equal((await charge(gate, name, 1000, { customer: "cus_a" })).status, 200);
      assert.equal((await charge(gate, name, 1, { customer: "cus_a" })).code, "budget_exceeded");
      assert.equal((await charge(gate, name, 1000, { customer: "cus_b" })).status, 200);
      assert.equal((await refund(gate, name, 1000)).status, 200);
      assert.equal((await charge(gate, name, 1)).code, "budget_exceeded", "whoever it is: nobody gets a limit of their own by leaving the name out");
      assert.equal((await charge(gate, name, 1, { customer: "?" })).code, "budget_exceeded");
    }
  });

  test("a call that touches two customers counts its whole amount on each, and needs room on both", async () => {
    const two = { customer: "cus_c", "shipping[customer]": "cus_d" };
    assert.equal((await charge(gate, "customers", 600, two)).status, 200);
    assert.equal((await charge(gate, "customers", 400, { customer: "cus_d" })).status, 200);
    const refused = await charge(gate, "customers", 400, { customer: "cus_c", "shipping[customer]": "cus_d" });
    assert.equal(refused.code, "budget_exceeded");
    assert.equal((await charge(gate, "customers", 400, { customer: "cus_c" })).status, 200, "the refused one took nothing from the other");
    assert.equal((await charge(gate, "customers", 1, { customer: "cus_c" })).code, "budget_exceeded");
  });

  test("recipients: each counts the whole mail; more than can be counted at once are refused", async () => {
    assert.equal((await mail(gate, "wide", ["a@x.com", "b@x.com"])).status, 200);
    assert.equal((await mail(gate, "wide", "B@x.com")).status, 200);
    const mine = await spentBy(gate, "wide", "messages/total,per=resend.to");
    assert.deepEqual(Object.values(mine).sort(), [2n, 3n], JSON.stringify(Object.keys(mine)));
    const count = resend.count;
    const many = await mail(gate, "wide", Array.from({ length: 30 }, (_, i) => `m${i}@x.com`));
    assert.equal(many.code, "scope_denied");
    assert.equal(resend.count, count);
  });
});

/* ---- manners ---- */

describe("soft, refunds, on_tight", async () => {
  const gate = await gateOf([
    owned("soft", { limit: "1 usd", soft: true }, { limit: "3 requests", soft: true }),
    owned("soft-and-hard", { limit: "1 usd", soft: true }, { limit: "5 usd", name: "wall" }),
    owned("clamp", { limit: "0.002 usd" }),
    owned("clamp-tokens", { limit: "700 output_tokens" }),
    owned("deny", { limit: "0.002 usd", on_tight: "deny" }),
    owned("wide-deny", { limit: "1 usd", on_tight: "deny" }),
    owned("fees", { limit: "0.05 usd" }),
    owned("searches", { limit: "24 usd" }),
  ]);
  const openaiOf = (name) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/openai/v1`, maxRetries: 0 });
  const ask = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Tell me everything." }] };

  test("soft counts and never refuses", async () => {
    for (let i = 0; i < 5; i++) assert.equal((await charge(gate, "soft", 100)).status, 200);
    assert.equal(await spent(gate, "soft", "usd/total"), 5_000_000_000n);
    assert.equal(await spent(gate, "soft", "requests/total"), 5n);
  });

  test("soft beside hard: the hard one refuses, and says so", async () => {
    for (let i = 0; i < 5; i++) assert.equal((await charge(gate, "soft-and-hard", 100)).status, 200);
    const refused = await charge(gate, "soft-and-hard", 1);
    assert.equal(refused.code, "budget_exceeded");
    assert.match(refused.body.error.message, /wall/);
    assert.equal(await spent(gate, "soft-and-hard", "usd/total"), 5_000_000_000n);
  });

  test("clamp: a call without a limit gets one that fits, and the answer is cut there", async () => {
    const client = openaiOf("clamp");
    const hold = openai.hold;
    openai.hold = async (sent, res) => { // a vendor that keeps to the limit, and talks as long as it may
      const body = JSON.parse(sent.text);
      const limit = body.max_completion_tokens ?? body.max_tokens;
      answerJson(res, 200, { id: "c", object: "chat.completion", created: 1, model: body.model, usage: { prompt_tokens: 20, completion_tokens: limit, total_tokens: 20 + limit },
        choices: [{ index: 0, message: { role: "assistant", content: "word ".repeat(5) }, finish_reason: "length" }] });
      return true;
    };
    const answer = await client.chat.completions.create(ask);
    assert.equal(answer.choices[0].finish_reason, "length");
    const limit = answer.usage.completion_tokens;
    assert.ok(limit > 1000 && limit * 600 <= 2_000_000, String(limit));
    const used = await spent(gate, "clamp", "usd/total");
    assert.ok(used <= 2_000_000n && used > 1_900_000n, String(used));
    const error = await thrown(client.chat.completions.create(ask));
    assert.equal(error.code, "budget_exceeded");
    const tokens = await openaiOf("clamp-tokens").chat.completions.create({ ...ask, n: 2 });
    assert.equal(tokens.usage.completion_tokens, 350, "two answers share what is left");
    openai.hold = hold;
  });

  test("clamp leaves room for what else the call may be charged: a prediction that is refused", async () => {
    const answer = await chat(gate, "fees", { model: "gpt-4o", max_tokens: undefined, prediction: { type: "content", content: "x".repeat(1000) } });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const sent = JSON.parse(openai.last().text);
    assert.ok((sent.max_completion_tokens ?? sent.max_tokens) >= 16);
    assert.equal(usd((await gate.call(answer.headers.get("x-tollgate-call-id"))).reserved_usd) <= 50_000_000n, true);
  });

  test("... and web searches, which are paid by the piece", async () => {
    const search = { model: "gpt-5.4", input: "news?", tools: [{ type: "web_search" }], max_tool_calls: 3 };
    const answer = await call(gate, "searches", "/openai/v1/responses", search);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.ok(JSON.parse(openai.last().text).max_output_tokens >= 16);
    assert.equal((await call(gate, "searches", "/openai/v1/responses", { ...search, max_tool_calls: undefined })).code, "price_unknown", "any number of searches");
    assert.equal((await call(gate, "searches", "/openai/v1/responses", { ...search, max_tool_calls: 100 })).code, "budget_exceeded");
    assert.equal((await call(gate, "searches", "/openai/v1/responses", { ...search, max_tool_calls: 2 ** 40 })).code, "price_unknown", "more than can be counted");
  });

  test("deny: the same call is refused; with a limit that fits it passes; with room it passes", async () => {
    const client = openaiOf("deny");
    const count = openai.count;
    const error = await thrown(client.chat.completions.create(ask));
    assert.equal(error.code, "budget_exceeded");
    assert.equal(openai.count, count);
    assert.equal((await client.chat.completions.create({ ...ask, max_tokens: 50 })).object, "chat.completion");
    assert.equal((await openaiOf("wide-deny").chat.completions.create(ask)).object, "chat.completion");
    assert.equal(JSON.parse(openai.last().text).max_tokens ?? JSON.parse(openai.last().text).max_completion_tokens, 16_384, "the model's longest");
  });
});

describe("refunds with the official SDK", async () => {
  const upstream = await startStripe();
  const gate = await startGate(config({ stripe: upstream.url }, {
    keys: [
      key("gross", ["stripe-main"], { budgets: [{ limit: "10 usd" }] }),
      key("net", ["stripe-main"], { budgets: [{ limit: "10 usd", refunds: "net" }] }),
      key("both", ["stripe-main"], { budgets: [{ limit: "10 usd", refunds: "net" }, { limit: "15 usd", name: "turnover" }] }),
      key("below", ["stripe-main"], { budgets: [{ limit: "10 usd", refunds: "net", vendor: "stripe" }] }),
      key("maker", ["stripe-main"]),
    ],
  }));
  const sdk = (name) => new Stripe(tokenOf(name), { host: "127.0.0.1", port: gate.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 });
  const make = (name, cents) => sdk(name).charges.create({ amount: cents, currency: "usd", source: "tok_visa" });
  const back = (name, made, cents) => sdk(name).refunds.create({ charge: made.id, amount: cents });

  test("gross: a refund is spend of its own", async () => {
    const made = await make("gross", 600);
    await back("gross", made, 400);
    assert.equal(await spent(gate, "gross", "usd/total"), 10_000_000_000n);
    assert.equal((await thrown(back("gross", made, 100))).code, "budget_exceeded");
    assert.equal((await thrown(make("gross", 1))).code, "budget_exceeded");
  });

  test("net: it counts down, and what came back can be charged again", async () => {
    const made = await make("net", 1000);
    assert.equal((await thrown(make("net", 1))).code, "budget_exceeded");
    await back("net", made, 400);
    assert.equal(await spent(gate, "net", "usd/total"), 6_000_000_000n);
    await make("net", 400);
    assert.equal((await thrown(make("net", 1))).code, "budget_exceeded");
    assert.equal(await spent(gate, "net", "usd/total"), 10_000_000_000n);
  });

  test("net beside gross: each counts in its own way", async () => {
    const made = await make("both", 800);
    await back("both", made, 500);
    assert.equal(await spent(gate, "both", "usd/total"), 3_000_000_000n);
    assert.equal(await spent(gate, "both", "turnover:usd/total"), 13_000_000_000n);
    assert.match((await thrown(back("both", made, 300))).message, /turnover/);
    assert.equal(await spent(gate, "both", "usd/total"), 3_000_000_000n, "refused: it gave nothing back either");
  });

  test("an account below zero gives no more than its limit", async () => {
    const made = await make("maker", 5000);
    await back("below", made, 3000);
    const { accounts } = await budget(gate, "below", "usd/total,vendor=stripe");
    assert.equal(usd(accounts[""].spent_usd), -30_000_000_000n);
    assert.equal(usd(accounts[""].remaining_usd), 10_000_000_000n);
    const error = await thrown(make("below", 1001));
    assert.equal(error.code, "budget_exceeded");
    const one = await make("below", 1000);
    assert.ok(usd(one.lastResponse.headers["x-tollgate-budget-remaining-usd"]) <= 10_000_000_000n, one.lastResponse.headers["x-tollgate-budget-remaining-usd"]);
  });
});

describe("one call's ceiling", async () => {
  const gate = await gateOf(
    [key("free", credentials), key("policy", credentials, { policy: "five" })],
    { policies: { five: { allow: ["*"], max_call_usd: "5" } } },
  );
  const most = (max) => ({ "x-tollgate-max-cost-usd": max });

  test("x-tollgate-max-cost-usd holds without any budget, and says what it was", async () => {
    const refused = await charge(gate, "free", 501, {}, most("5"));
    assert.equal(refused.code, "budget_exceeded");
    assert.match(refused.body.error.message, /5\.01 usd.*x-tollgate-max-cost-usd.*5/);
    assert.equal((await charge(gate, "free", 500, {}, most("5"))).status, 200);
    assert.equal((await charge(gate, "free", 500, {}, most("5.00001"))).status, 200);
    for (const bad of ["five", "-1", "1e3", "", "1,5"]) assert.equal((await charge(gate, "free", 1, {}, most(bad))).code, "bad_request", bad);
    assert.equal((await refund(gate, "free", 100)).status, 200);
    assert.equal((await call(gate, "free", "/stripe/v1/refunds", new URLSearchParams({ charge: "ch_1" }), most("5"))).code, "budget_exceeded", "all that is left of the charge");
    assert.equal((await call(gate, "free", "/stripe/v1/refunds", new URLSearchParams({ charge: "ch_lost" }), most("5"))).code, "price_unknown", "an amount nobody knows");
  });

  test("the policy's max_call_usd; the smaller of both counts", async () => {
    assert.equal((await charge(gate, "policy", 501)).code, "budget_exceeded");
    assert.equal((await charge(gate, "policy", 501, {}, most("100"))).code, "budget_exceeded", "a caller cannot raise it");
    assert.match((await charge(gate, "policy", 501)).body.error.message, /max_call_usd/);
    assert.equal((await charge(gate, "policy", 500)).status, 200);
    assert.equal((await charge(gate, "policy", 101, {}, most("1"))).code, "budget_exceeded");
  });

  test("a model call without an output limit gets one that fits the ceiling", async () => {
    assert.equal((await chat(gate, "free", { max_tokens: undefined }, most("0.001"))).status, 200);
    const sent = JSON.parse(openai.last().text);
    assert.ok((sent.max_completion_tokens ?? sent.max_tokens) * 600 <= 1_000_000);
    assert.equal((await chat(gate, "free", { max_tokens: undefined }, most("0.000001"))).code, "budget_exceeded");
  });
});

describe("increase", async () => {
  const gate = await gateOf([owned("api", { limit: "1 usd" }), owned("rate", { limit: "10 requests" })]);
  const idOf = async (name, id = "usd/total") => (await budget(gate, name, id)).budget;

  test("by the file: more until that moment, and then no more", async () => {
    const soon = new Date(Date.now() + 2500).toISOString();
    const other = await gateOf([owned("file", { limit: "1 usd", increase: { by: "1 usd", until: soon, reason: "invoices" } })]);
    assert.equal((await charge(other, "file", 150)).status, 200);
    assert.equal((await charge(other, "file", 51)).code, "budget_exceeded");
    await until(() => Date.now() > new Date(soon).getTime() + 50, "the end");
    const refused = await charge(other, "file", 1);
    await other.stop();
    assert.equal(refused.code, "budget_exceeded", "what was spent stays spent");
    assert.equal(usd(refused.body.error.tollgate.limit), 1_000_000_000n);
  });

  test("by the API: at once, survives a restart, ends by itself", async () => {
    assert.equal((await charge(gate, "api", 100)).status, 200);
    assert.equal((await charge(gate, "api", 1)).code, "budget_exceeded");
    const target = `/budgets/${encodeURIComponent(await idOf("api"))}/increase`;
    const answer = await gate.post(target, { by: "2 usd", for: "3s", reason: "month's end" });
    const end = Date.now() + 3000;
    assert.ok(answer);
    assert.equal((await charge(gate, "api", 100)).status, 200);
    const line = await budget(gate, "api", "usd/total");
    assert.equal(usd(line.increase_usd), 2_000_000_000n);
    assert.equal(usd(line.limit_usd), 1_000_000_000n);
    await gate.restart();
    assert.equal((await charge(gate, "api", 50)).status, 200);
    await until(() => Date.now() > end + 50, "the end");
    assert.equal((await charge(gate, "api", 1)).code, "budget_exceeded");
    assert.equal(usd((await budget(gate, "api", "usd/total")).increase_usd), 0n);
  });

  test("its unit is the budget's own, and its end lies ahead", async () => {
    const target = async (name, id) => `/api/v1/budgets/${encodeURIComponent(await idOf(name, id))}/increase`;
    for (const body of [{ by: "5 usd", for: "1h" }, { by: "5 requests", until: "2020-01-01T00:00:00Z" }, { by: "5 requests" }, { by: "-5 requests", for: "1h" }, { by: "5 requests", for: "1h", x: 1 }])
      assert.ok((await gate.ask("POST", await target("rate", "requests/total"), body)).status >= 400, JSON.stringify(body));
    assert.equal((await gate.ask("POST", await target("rate", "requests/total"), { by: "5 requests", for: "1h" })).status < 300, true);
    for (let i = 0; i < 15; i++) assert.equal((await list(gate, "rate")).status, 200);
    assert.ok((await list(gate, "rate")).code);
    assert.equal((await gate.ask("DELETE", await target("rate", "requests/total"))).status < 300, true);
    assert.equal((await budget(gate, "rate", "requests/total")).increase, 0);
  });
});

/* ---- many at once ---- */

describe("several budgets at once", async () => {
  const gate = await gateOf(
    [
      owned("both", { limit: "100 usd" }, { limit: "3 requests" }, { limit: "5 usd", window: "run" }, { limit: "2 messages" }),
      ...Array.from({ length: 5 }, (_, i) => key(`p${i}`, credentials, { user: `u${i % 2}`, team: "t", budgets: [{ limit: "30 usd" }, { limit: "10 usd", window: "run" }] })),
      ...Array.from({ length: 4 }, (_, i) => key(`fit${i}`, credentials)),
      owned("tiny", { limit: "1 usd" }),
    ],
    {
      budgets: [
        { name: "team", limit: "100 usd", key: "p*" },
        { name: "users", limit: "55 usd", per: "user", key: "p*" },
        { name: "exact", limit: "24 usd", key: ["fit*", "tiny"] },
        { name: "exact-requests", limit: "24 requests", key: "fit*" },
      ],
    },
  );
  const top = async (name, id) => Object.values((await budget(gate, "gate", `${name}/${id}`)).accounts);

  test("check all, take all or none", async () => {
    const run = newRun();
    const all = async () => [await spent(gate, "both", "usd/total"), await spent(gate, "both", "requests/total"), (await spentBy(gate, "both", "usd/run"))[`run=${run}`] ?? 0n];
    assert.equal((await charge(gate, "both", 400, {}, on(run))).status, 200);
    const before = await all();
    const refused = await charge(gate, "both", 200, {}, on(run));
    assert.equal(refused.code, "budget_exceeded");
    assert.match(refused.body.error.message, /usd\/run/);
    assert.deepEqual(await all(), before, "the refused one consumed nothing from any");
    assert.equal((await charge(gate, "both", 100, {}, on(run))).status, 200);
    assert.equal((await charge(gate, "both", 100, {}, on(newRun()))).status, 200);
    assert.match((await charge(gate, "both", 1, {}, on(newRun()))).body.error.message, /requests\/total/);
    assert.equal(await spent(gate, "both", "usd/total"), 6_000_000_000n);
  });

  test("50 callers over overlapping budgets on two workers: never past any of them", async () => {
    const runs = Array.from({ length: 3 }, newRun);
    stripe.clear();
    let most = 0n, watching = true;
    const watch = (async () => {
      while (watching) {
        for (const account of await top("team", "usd/total")) {
          const used = amount(account, "spent") + amount(account, "reserved");
          if (used > most) most = used;
        }
        await sleep(5);
      }
    })();
    const callers = Array.from({ length: 50 }, async (_, i) => {
      let good = 0;
      for (let n = 0; n < 8; n++) {
        const cents = 37 + ((i * 31 + n * 17) % 300);
        if ((await charge(gate, `p${i % 5}`, cents, {}, on(runs[(i + n) % 3]))).status === 200) good += cents;
      }
      return good;
    });
    const good = (await Promise.all(callers)).reduce((sum, cents) => sum + cents, 0);
    watching = false;
    await watch;
    const moved = stripe.calls.reduce((sum, sent) => sum + Number(new URLSearchParams(sent.text).get("amount")), 0);
    assert.equal(moved, good, "the vendor's sum is the callers'");
    assert.ok(most <= 100_000_000_000n, `team at ${most}`);
    assert.equal(amount((await top("team", "usd/total"))[0], "spent"), BigInt(moved) * 10_000_000n);
    for (const account of await top("users", "usd/total,per=user")) assert.ok(amount(account, "spent") <= 55_000_000_000n, account.account);
    for (let i = 0; i < 5; i++) {
      assert.ok((await spent(gate, `p${i}`, "usd/total")) <= 30_000_000_000n);
      for (const [run, sum] of Object.entries(await spentBy(gate, `p${i}`, "usd/run"))) assert.ok(sum <= 10_000_000_000n, run);
    }
    assert.ok(moved > 9000, `and what fits goes through: ${moved}`);
    await nothingHeld(gate);
  });

  test("no spurious refusals: of 60 at once exactly the 24 that fit go through", async () => {
    stripe.clear();
    const answers = await Promise.all([
      ...Array.from({ length: 60 }, (_, i) => charge(gate, `fit${i % 4}`, 100)),
      ...Array.from({ length: 60 }, () => charge(gate, "tiny", 200)), // each of these is refused by its own budget: it must not get in the way of the others
    ]);
    assert.equal(answers.slice(60).filter((answer) => answer.status === 200).length, 0);
    assert.equal(answers.slice(0, 60).filter((answer) => answer.status === 200).length, 24);
    assert.equal(stripe.count, 24);
    assert.ok(answers.every((answer) => answer.status === 200 || answer.code === "budget_exceeded"));
  });
});

describe("a mix of everything", async () => {
  const keys = ["m0", "m1", "m2"];
  const gate = await gateOf(
    keys.map((name, i) => key(name, credentials, { user: `u${i}`, budgets: [{ limit: "25 usd" }, { limit: "9 usd", window: "run" }, { limit: "250 requests" }, { limit: "12 calls" }, { limit: "400000 tokens", window: "day" }, { limit: "8 usd", vendor: "stripe", refunds: "net", per: "customer" }] })),
    { budgets: [{ name: "all", limit: "60 usd" }, { name: "mails", limit: "100 messages", per: "vendor" }, { name: "models", limit: "0.2 usd", vendor: "openai", per: ["model", "user"], on_tight: "deny" }] },
  );
  let seed = 20261121;
  const pick = (most) => Math.floor(((seed = (seed * 48271) % 2147483647) / 2147483647) * most);
  const runs = Array.from({ length: 4 }, newRun);

  async function leave(name, headers) {
    const gone = new AbortController();
    setTimeout(() => gone.abort(), pick(40));
    await fetch(`${gate.url}/openai/v1/chat/completions`, {
      method: "POST", signal: gone.signal, headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "gpt-4o-mini", stream: pick(2) === 1, messages: [{ role: "user", content: "leaving" }] }),
    }).then((answer) => answer.text()).catch(() => {});
  }
  async function one() {
    const name = keys[pick(3)];
    const headers = on(runs[pick(4)]);
    switch (pick(10)) {
      case 0: return leave(name, headers);
      case 1: return chat(gate, name, { max_tokens: undefined }, headers);
      case 2: return chat(gate, name, { stream: true, max_tokens: 20 + pick(500) }, headers);
      case 3: return chat(gate, name, { model: "gpt-4o", max_tokens: 100_000 }, headers);
      case 4: return mail(gate, name, ["a@x.com", "b@x.com"].slice(pick(2)));
      case 5: return text(gate, name);
      case 6: return refund(gate, name, 1 + pick(30));
      case 7: return list(gate, name, headers);
      default: return charge(gate, name, 1 + pick(60), { customer: `cus_${pick(3)}`, ...(pick(9) ? {} : { description: "slow" }) }, headers);
    }
  }
  const balances = async () => Object.fromEntries((await gate.get("/budgets?limit=100")).data.flatMap((line) => line.accounts.map((account) => [account.account, [amount(account, "spent"), amount(account, "reserved")]])));

  test("no account is ever passed, none keeps a hold, and each adds up to its rows; also after a kill", async () => {
    openai.play = { delay: 15, pause: 3, usage: { prompt_tokens: 30, completion_tokens: 20, total_tokens: 50 } };
    let over = false;
    const watch = (async () => {
      while (!over) {
        for (const line of (await gate.get("/budgets?limit=100")).data)
          for (const account of line.accounts)
            assert.ok((amount(account, "spent") > 0n ? amount(account, "spent") : 0n) + amount(account, "reserved") <= amount(account, "limit"), JSON.stringify(account));
        await sleep(20);
      }
    })();
    await Promise.all(Array.from({ length: 40 }, async () => {
      for (let i = 0; i < 25; i++) await one();
    }));
    over = true;
    await watch;
    openai.play = {};
    await until(async () => Object.values(await balances()).every(([, reserved]) => reserved === 0n), "all calls to end");
    const before = await balances();
    const rows = (await gate.calls()).filter((row) => row.verdict !== "denied");
    assert.ok(rows.length > 200, `${rows.length} of 1000 went through`);
    const sum = (fits, of) => rows.filter(fits).reduce((total, row) => total + of(row), 0n);
    const total = (end, owner) => Object.entries(before).filter(([name]) => name.includes(end) && (!owner || name.startsWith(owner))).reduce((all, [, [used]]) => all + used, 0n);
    assert.equal(total("gate/all/usd/total"), sum(() => true, (row) => usd(row.cost_usd)));
    for (const name of keys) {
      const id = rows.find((row) => row.key_name === name).key;
      const mine = (row) => row.key_name === name;
      assert.equal(total("/usd/total", id) - total("/usd/total,vendor=stripe", id), sum(mine, (row) => usd(row.cost_usd)), name);
      assert.equal(total("/usd/run", id), sum(mine, (row) => usd(row.cost_usd)), name);
      assert.equal(total("/usd/total,vendor=stripe", id), sum((row) => mine(row) && row.vendor === "stripe", (row) => usd(row.cost_usd) * (row.operation === "stripe.refunds.create" ? -1n : 1n)), name);
      assert.equal(total("/tokens/", id), sum(mine, (row) => BigInt((row.input_tokens ?? 0) + (row.output_tokens ?? 0))), name);
    }
    await nothingHeld(gate);
    await gate.kill();
    await gate.start();
    assert.deepEqual(await balances(), before);
    assert.equal((await gate.get("/ledger/check")).ok, true);
  });
});

describe("what keeps what was spent", async () => {
  const start = [owned("k", { limit: "10 usd", window: "day" }, { limit: "50 requests" })];
  const gate = await gateOf(start);
  const reload = async (...budgets) => {
    gate.writeConfig({ listen: "127.0.0.1:0", admin: { listen: "127.0.0.1:0", token: "admin-token-of-the-tests-1" }, workers: 2, ...config(all, { keys: [owned("k", ...budgets)] }) });
    await gate.post("/reload");
  };

  test("another limit or order keeps it; another window, filter or name starts at 0", async () => {
    assert.equal((await charge(gate, "k", 900)).status, 200);
    await reload({ limit: "50 requests" }, { limit: "9.50 usd", window: "day", soft: false, on_tight: "deny", alert: [] });
    assert.equal((await charge(gate, "k", 100)).code, "budget_exceeded");
    assert.equal((await charge(gate, "k", 50)).status, 200);
    await reload({ limit: "5 usd", window: "day" });
    assert.equal((await charge(gate, "k", 1)).code, "budget_exceeded", "a limit below what was spent refuses");
    for (const other of [{ window: "week" }, { window: "day", timezone: "Asia/Tokyo" }, { window: "day", vendor: "stripe" }, { window: "day", name: "daily" }]) {
      await reload({ limit: "5 usd", ...other });
      assert.equal((await charge(gate, "k", 500)).status, 200, JSON.stringify(other));
      assert.equal((await charge(gate, "k", 1)).code, "budget_exceeded");
    }
    const underWay = charge(gate, "k", 0, { description: "slow" });
    const slow = charge(gate, "k", 100, { description: "slow" });
    await sleep(100);
    await reload({ limit: "10 usd", window: "day" });
    await Promise.all([underWay, slow]);
    await nothingHeld(gate);
    assert.equal((await charge(gate, "k", 51)).code, "budget_exceeded", "the first one is still there");
    assert.equal((await charge(gate, "k", 50)).status, 200);
  });
});
