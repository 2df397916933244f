// SPDX-License-Identifier: Apache-2.0
// kill -9, again and again, under a load that moves money, while the gate comes up and while it goes down. After each restart
// the vendors' own books are held against the caps, every call they saw against the rows, every answer against the first one.
//
//   CRASHES=200   how many times (200)
//   SEED=1        the same moments and the same mix again (printed at the start)
import http from "node:http";

import { config, key, tokenOf, twilioSid } from "./lib/config.js";
import { startBank, startFlaky } from "./lib/flaky.js";
import { binary, cleanEnv, nanos, startGate } from "./lib/gate.js";
import { modelPrice, startMarket } from "./lib/market.js";
import { run as runProgram, sleep, start, until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

const crashes = Number(process.env.CRASHES ?? 200);
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const perKey = 10; // crashes until the load goes on with a key of its own, whose budgets are whole
const keys = Math.ceil(crashes / perKey);
const callers = 16;
const usd = 1_000_000_000n;
const caps = { total: 500n * usd, run: 20n * usd, stripe: 420n * usd, texts: 120, atOnce: 12, rolling: 1500 };

/** mulberry32: small, and the same everywhere. */
let state = seed;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (most) => Math.floor(random() * most);
const chance = (part) => random() < part;

const market = await startMarket({ ms: () => Math.random() * 20 });
const line = await startFlaky(Number(new URL(market.stripeUrl).port));

function budgets() {
  return [
    { limit: `${caps.total / usd} usd` },
    { limit: `${caps.run / usd} usd`, window: "run" },
    { limit: `${caps.stripe / usd} usd`, vendor: "stripe" },
    { limit: `${caps.texts} messages` },
    { limit: `${caps.atOnce} calls` },
  ];
}

const gateConfig = config({ stripe: line.url, twilio: market.twilioUrl, openai: market.modelUrl }, {
  keys: Array.from({ length: keys }, (_, i) => key(`k${i}`, ["stripe-main", "twilio-main", "openai-main"], { budgets: budgets() })),
  budgets: [
    { name: "smooth", limit: `${caps.rolling} requests`, window: "rolling 1m", vendor: "openai" },
    { name: "day", limit: "1000000 usd", window: "day", timezone: "Europe/Berlin" },
  ],
  prices: { "openai/gpt-4o-mini": modelPrice },
  idempotency: { retention: "1d", wait: "100ms" },
  log_level: "warn",
});

// ---- the load ----

let serial = 0;

/** What one call is to do; `how` names it: by an idempotency key, by run and step, or not at all. */
function invent(group) {
  const run = `r${Math.floor(serial / 40)}`; // goes on after the restart
  const name = `${group}-${run}-${++serial}`;
  const dice = random();
  const vendor = dice < 0.5 ? "stripe" : dice < 0.65 ? "twilio" : "openai";
  const call = { name, group, vendor, run: `${group}-${run}`, how: ["key", "step", "none"][below(3)] };
  if (vendor === "stripe") {
    const refund = chance(0.2);
    const form = { amount: String(1 + below(refund ? 60 : 300)), currency: "usd", "metadata[name]": name, ...(refund ? { charge: "ch_1" } : { source: "tok_visa" }) };
    return { ...call, path: `/stripe/v1/${refund ? "refunds" : "charges"}`, body: new URLSearchParams(form).toString() };
  }
  if (vendor === "twilio") {
    const form = { To: `+1415555${1000 + below(9000)}`, From: "+14155550101", Body: `${name} your code` };
    return { ...call, path: `/twilio/2010-04-01/Accounts/${twilioSid}/Messages.json`, body: new URLSearchParams(form).toString() };
  }
  const stream = chance(0.5);
  const ask = { model: "gpt-4o-mini", messages: [{ role: "user", content: `${name} hello` }], ...(stream ? { stream } : {}), ...(chance(0.7) ? { max_tokens: 20 } : {}) };
  if (stream || call.how === "step") call.how = "none"; // answers of models are kept by key, and whole ones
  return { ...call, path: "/openai/v1/chat/completions", body: JSON.stringify(ask) };
}

const answers = new Map(); // by name, the first answer of calls that have a name
const told = []; // call ids of answers that callers got, since the last look
const odd = []; // what no caller should ever see
const refusals = new Map();
const lineFaults = [500, "upstream_broken"]; // of the bad line before Stripe
const allowedRefusals = ["budget_exceeded", "rate_limited", "duplicate_in_flight", "idempotency_conflict"];

function compare(call, text) {
  const first = answers.get(call.name);
  if (first === undefined) answers.set(call.name, { call, text });
  else if (first.text !== text) odd.push(`${call.name}: another answer than the first: ${text} / ${first.text}`);
}

/** Sends it; the status, 0 when the connection went. A caller may lose its patience. */
function send(gate, agent, call, patience = 10_000) {
  const headers = {
    authorization: `Bearer ${tokenOf(call.group)}`,
    "content-type": call.vendor === "openai" ? "application/json" : "application/x-www-form-urlencoded",
    "content-length": Buffer.byteLength(call.body),
    "x-agent-run-id": call.run,
    "x-tollgate-metadata": JSON.stringify({ name: call.name }),
    ...(call.how === "key" ? { "idempotency-key": `once-${call.name}` } : {}),
    ...(call.how === "step" ? { "x-agent-step": call.name } : {}),
  };
  return new Promise((resolve) => {
    const req = http.request({ host: "127.0.0.1", port: gate.port, method: "POST", path: call.path, headers, agent }, (res) => {
      const parts = [];
      res.on("data", (bytes) => parts.push(bytes));
      res.on("error", () => resolve(0));
      res.on("close", () => resolve(0));
      res.on("end", () => {
        const text = Buffer.concat(parts).toString();
        const denied = res.headers["x-tollgate-denied"];
        if (denied) refusals.set(denied, (refusals.get(denied) ?? 0) + 1);
        if (res.statusCode < 300) {
          told.push({ id: res.headers["x-tollgate-call-id"], name: call.name });
          if (call.how !== "none") compare(call, text);
        } else if (!allowedRefusals.includes(denied) && !(call.vendor === "stripe" && lineFaults.includes(denied ?? res.statusCode))) odd.push(`${call.name}: ${res.statusCode} ${denied} ${text.slice(0, 300)}`);
        resolve(res.statusCode);
      });
    });
    const timer = setTimeout(() => req.destroy(), patience);
    req.on("error", () => resolve(0));
    req.on("close", () => clearTimeout(timer));
    req.end(call.body);
  });
}

/** impatient: some callers hang up. Not those of models' calls that have a key: such a call is paid for, and goes again when it is asked again. */
function load(gate, group, repeatable, impatient) {
  const agent = new http.Agent({ keepAlive: true });
  let on = true;
  const done = Promise.all(Array.from({ length: callers }, async () => {
    while (on) {
      const old = repeatable.length && chance(0.2) ? repeatable[below(repeatable.length)] : null;
      const call = old ?? invent(group);
      const twice = call.how !== "none" && chance(0.1);
      if (!old && call.how !== "none") repeatable.push(call);
      const patience = impatient && chance(0.05) && (call.vendor !== "openai" || call.how === "none") ? 1 + below(15) : undefined;
      const [status] = await Promise.all([send(gate, agent, call, patience), twice ? send(gate, agent, call) : 0]);
      if (status === 0 && patience === undefined) return; // the gate is dead
      if (status >= 400) await sleep(2);
    }
  }));
  return { async end() { on = false; await done; agent.destroy(); } };
}

// ---- the books ----

const rows = new Map(); // by name: rows by id
const rowOf = new Map();

let read = Date.now();

/** Of a model's answer that its caller left, the gate counts what was said until then, or all that was reserved (docs/models.md); the
 *  market counts what it would have said. How much of that was on its way nobody knows: such a call costs what the gate says. */
function countLeft(row) {
  const done = market.done.get(row.metadata.name), cost = nanos(row.cost_usd);
  if (!done) return;
  assert.ok(row.estimated && cost > 0n && cost <= nanos(row.reserved_usd), JSON.stringify(row));
  done.nanos = cost;
}

/** The rows that began since the last look. */
async function readRows(gate) {
  const from = read;
  read = Date.now() - 5;
  for (const row of await gate.calls({ from: new Date(from).toISOString() })) {
    rowOf.set(row.id, row);
    const name = row.metadata?.name;
    if (!name) continue;
    if (!rows.has(name)) rows.set(name, new Map());
    rows.get(name).set(row.id, row);
    if (row.vendor === "openai" && row.denied === "client_gone") countLeft(row);
  }
}

function checkRows(group, round) {
  for (const [name, came] of market.came) {
    if (!name.startsWith(`${group}-`)) continue;
    const found = [...(rows.get(name)?.values() ?? [])].filter((row) => ["allowed", "error", "in_doubt"].includes(row.verdict));
    assert.ok(found.length > 0, `round ${round}: ${name} reached its vendor ${came} times, and no row says so: ${JSON.stringify([...(rows.get(name)?.values() ?? [])])}`);
  }
  for (const { id, name } of told.splice(0)) assert.equal(rowOf.get(id)?.verdict, "allowed", `round ${round}: ${name} (${id}) was answered, and its row is ${JSON.stringify(rowOf.get(id))}`);
  for (const [name, done] of market.done) if (done.group === group) assert.equal(done.count, 1, `round ${round}: ${name} (${done.vendor}) was carried out ${done.count} times: ${JSON.stringify([...rows.get(name).values()])}`);
}

/** exact: nothing was asked again and nobody hung up, so that what is under way here is under way there. */
function checkVendors(group, round, exact) {
  const mine = (done) => done.group === group;
  const say = (what) => `round ${round}: the vendors' own sum of ${what}`;
  assert.ok(market.sum(mine) <= caps.total, `${say("all")}: ${market.sum(mine)}`);
  assert.ok(market.sum((done) => mine(done) && done.vendor === "stripe") <= caps.stripe, say("stripe"));
  assert.ok(market.count((done) => mine(done) && done.vendor === "twilio") <= caps.texts, say("texts"));
  const runs = new Map();
  for (const done of market.done.values()) if (mine(done)) runs.set(done.run, (runs.get(done.run) ?? 0n) + done.nanos);
  for (const [run, sum] of runs) assert.ok(sum <= caps.run, `${say(run)}: ${sum}`);
  if (exact) assert.ok((market.peak.get(group) ?? 0) <= caps.atOnce, `${say("calls at once")}: ${market.peak.get(group)}`);
}

/** No stretch of a minute holds more than the cap. Times are the vendor's: a call may have been counted a little earlier. */
function checkRolling() {
  const slack = 1000;
  const times = [...market.done.values()].filter((done) => done.vendor === "openai").map((done) => done.at).sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last++) {
    while (times[last] - times[first] > 60_000 - slack) first++;
    most = Math.max(most, last - first + 1);
  }
  assert.ok(most <= caps.rolling, `${most} model calls within a minute`);
  return most;
}

/** The self-check, once nothing is under way. */
async function quiet(gate, round) {
  const check = await until(async () => {
    const now = await gate.get("/ledger/check");
    return now.holds === 0 && now.moving === 0 && now;
  }, `round ${round}: no call under way`);
  assert.ok(check.ok, `round ${round}: ${JSON.stringify(check)}`);
  assert.equal(check.leaks, 0);
  return check;
}

/** Some answers of Stripe get lost on their way. */
function planFaults() {
  line.clear(true);
  for (const fault of ["cut-before", "cut-after", "cut-mid", "status-after"])
    if (chance(0.4)) line.plan({ do: fault, path: "/v1/", nth: 1 + below(60), status: 500 });
}

/** What each budget enforces is within its limit, holds nothing but what is in doubt, and is no less than the vendors know of. */
async function checkBudgets(gate, group, round) {
  const { data } = await gate.get("/budgets?limit=10000");
  const enforced = (account, what) => (account[`${what}_usd`] !== undefined ? nanos(account[`${what}_usd`]) : BigInt(account[what]));
  for (const budget of data) {
    for (const account of budget.accounts) {
      const where = `round ${round}: ${budget.id} ${JSON.stringify(account)}`;
      assert.ok(enforced(account, "spent") + enforced(account, "reserved") <= enforced(account, "limit"), where);
      assert.equal(enforced(account, "reserved"), enforced(account, "in_doubt"), where);
      if (budget.unit === "calls") assert.equal(enforced(account, "reserved"), 0n, `${where}: a call that was lost is under way no more`);
    }
  }
  const atLeast = (fits, sum) => {
    const budget = data.find((each) => each.owner === `key:${group}` && fits(each));
    const booked = budget.accounts.reduce((all, account) => all + enforced(account, "spent") + enforced(account, "reserved"), 0n);
    assert.ok(booked >= sum, `round ${round}: ${budget.id} has ${booked}, the vendors ${sum}`);
  };
  const mine = (done) => done.group === group;
  atLeast((budget) => budget.unit === "usd" && budget.window === "total" && !budget.vendor, market.sum(mine));
  atLeast((budget) => budget.vendor === "stripe", market.sum((done) => mine(done) && done.vendor === "stripe"));
  atLeast((budget) => budget.unit === "messages", BigInt(market.count((done) => mine(done) && done.vendor === "twilio")));
}

async function allDoubts(gate) {
  const all = [];
  let cursor = "";
  do {
    const page = await gate.get(`/doubts?limit=1000${cursor && `&cursor=${cursor}`}`);
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor);
  return all;
}

async function verifyChain(gate, round) {
  const proof = await runProgram(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv(), timeout: 60_000 });
  assert.equal(proof.code, 0, `round ${round}: ${proof.out}${proof.err}`);
}

// ---- the deaths ----

/** Kill it under load; sometimes while it is told to end. */
async function die(gate) {
  if (chance(0.15)) {
    gate.signal("SIGTERM");
    await sleep(below(80));
  }
  await gate.kill();
}

/** Comes up, and is killed before it is. */
async function dieWhileComingUp(gate) {
  const half = start(binary, ["serve", "--config", gate.file, "--data", gate.dataDir], { env: gate.env, cwd: gate.dir });
  await sleep(below(120));
  half.child.kill("SIGKILL");
  await half.exit;
}

/** Calls that were answered before the crash get the same answer again, and no vendor hears of it. */
async function checkRepeats(gate, repeatable) {
  const agent = new http.Agent({ keepAlive: true });
  const answered = repeatable.filter((call) => answers.has(call.name));
  for (let i = 0; i < 6 && answered.length; i++) {
    const call = answered[below(answered.length)];
    const before = market.came.get(call.name);
    const status = await send(gate, agent, call);
    assert.ok(status === 200 || status === 201, `${call.name} was answered before; now ${status}: ${odd}`);
    assert.equal(market.came.get(call.name), before, `${call.name} went to its vendor again`);
  }
  agent.destroy();
}

test(`pitfall_03 pitfall_08 pitfall_74: kill -9, ${crashes} times under load (SEED=${seed})`, { timeout: 900_000 }, async (t) => {
  const gate = await startGate(gateConfig);
  const began = Date.now();
  let repeatable = [];
  let startUps = 0;
  let asks = 0;
  let lastStart = Date.now();
  for (let round = 0; round < crashes; round++) {
    const group = `k${Math.floor(round / perKey)}`;
    if (round % perKey === 0) repeatable = [];
    market.peak.clear();
    planFaults();
    if (chance(0.1)) {
      const value = ["money", "strict", "relaxed"][below(3)];
      assert.equal((await gate.ask("PATCH", "/api/v1/settings/durability", { value })).status, 200);
    }
    const impatient = chance(0.3);
    const going = load(gate, group, repeatable, impatient);
    const asked = chance(0.3);
    if (asked) {
      asks++;
      void gate.ask("POST", "/api/v1/doubts/ask", {}).catch(() => {}); // killed while it asks
    }
    await sleep(below(300));
    await die(gate);
    await going.end();
    while (chance(0.25)) {
      startUps++;
      await dieWhileComingUp(gate);
    }
    if (round % 10 === 9) await verifyChain(gate, round);
    await gate.start();
    lastStart = Date.now();
    await quiet(gate, round);
    await readRows(gate);
    checkVendors(group, round, !asked && !impatient);
    checkRows(group, round);
    await checkBudgets(gate, group, round);
    await checkRepeats(gate, repeatable);
    assert.deepEqual(odd, []);
    if (market.trouble) throw market.trouble;
  }
  const killed = Date.now() - began;
  const rolling = checkRolling();

  line.clear();

  // Stripe's doubts by themselves, 20 s after a start; Twilio's by its list where that is clear.
  const doubts = () => allDoubts(gate);
  const before = await doubts();
  await until(async () => !(await doubts()).some((doubt) => doubt.vendor === "stripe"), "Stripe's doubts to resolve", { timeout: 300_000, every: 500 });
  const waited = Date.now() - lastStart;
  const left = await doubts();
  for (const doubt of left.filter((each) => each.vendor === "twilio")) {
    const { metadata } = await gate.call(doubt.call);
    assert.ok(!market.done.has(metadata.name), `${metadata.name} was sent, and Twilio's list says so`);
  }
  // The rest is the operator's: as it was.
  for (const doubt of left) {
    const { metadata } = await gate.call(doubt.call);
    const done = market.done.get(metadata.name);
    const cost = done && `${done.nanos / usd}.${String(done.nanos % usd).padStart(9, "0")}`;
    await gate.post(`/doubts/${doubt.call}/resolve`, done ? { outcome: "spent", cost_usd: cost, reason: "seen at the vendor" } : { outcome: "not_spent", reason: "not seen at the vendor" });
  }
  assert.deepEqual(await doubts(), []);
  const check = await quiet(gate, "the end");
  for (let i = 0; i < keys; i++) {
    const { data } = await gate.get(`/usage?by=vendor&window=total&key=k${i}`);
    const booked = (vendor) => nanos(data.find((group) => group.vendor === vendor)?.cost_usd ?? "0");
    const till = (vendor) => market.sum((done) => done.group === `k${i}` && done.vendor === vendor);
    assert.equal(booked("stripe"), till("stripe"), `Stripe's till of k${i}`);
    assert.equal(booked("twilio"), till("twilio"), `Twilio's till of k${i}`);
    assert.equal(booked("openai"), till("openai"), `the model's till of k${i}`);
  }
  assert.equal((await gate.stop()).code, 0);
  await verifyChain(gate, "the end");
  t.diagnostic(`seed ${seed}: ${crashes} crashes under load and ${startUps} while coming up in ${Math.round(killed / 1000)} s; ${serial} calls invented, ` +
    `${market.came.size} reached a vendor, ${market.done.size} carried out, ${answers.size} answers by name; refusals ${JSON.stringify(Object.fromEntries(refusals))}; ` +
    `asked for doubts ${asks} times, ${before.length} open at the end, Stripe's gone ${Math.round(waited / 1000)} s after the start, ${left.length} by hand; ` +
    `${rolling} model calls in a minute at most (${caps.rolling}); ${check.checked} accounts checked`);
});

test("pitfall_03: a call whose answer was lost keeps its money, and its place among the calls at once goes back", async () => {
  const line = await startFlaky((await startBank()).port);
  const one = await startGate(config({ stripe: line.url }, { keys: [key("k", ["stripe-main"], { budgets: [{ limit: "10 usd" }, { limit: "1 calls" }] })] }));
  const charge = (amount) => fetch(`${one.url}/stripe/v1/charges`, {
    method: "POST", headers: { authorization: `Bearer ${tokenOf("k")}`, "content-type": "application/x-www-form-urlencoded" }, body: `amount=${amount}&currency=usd&source=tok_visa`,
  });
  const inDoubt = async () => Object.fromEntries((await one.get("/budgets")).data.map((budget) => [budget.unit, budget.accounts[0]?.in_doubt_usd ?? budget.accounts[0]?.in_doubt ?? 0]));
  line.plan({ do: "cut-after", path: "/v1/charges" });
  assert.equal((await charge(300)).status, 502);
  assert.deepEqual(await inDoubt(), { usd: "3", calls: 0 });
  assert.equal((await charge(200)).status, 200);
  assert.equal((await charge(600)).headers.get("x-tollgate-denied"), "budget_exceeded", "3 in doubt and 2 spent, of 10");
  await one.restart();
  assert.deepEqual(await inDoubt(), { usd: "3", calls: 0 });
  assert.equal((await charge(100)).status, 200);
  await one.post("/doubts/ask");
  await until(async () => (await one.get("/doubts")).data.length === 0, "Stripe to be asked again");
  assert.deepEqual(await inDoubt(), { usd: "0", calls: 0 });
  assert.ok((await one.get("/ledger/check")).ok);
  assert.equal((await one.get("/usage?by=vendor&window=total")).total.cost_usd, "6");
});
