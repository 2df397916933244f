// SPDX-License-Identifier: Apache-2.0
// Incidents as those see them who have to end them and to answer for them afterwards: agents go on firing while a stop is pressed on the command
// line or as the dashboard presses it, an auditor comes three months later, a model has no price. docs/scenarios.md has the table of all.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { before } from "node:test";

import OpenAI from "openai";
import Stripe from "stripe";

import { startClock } from "./lib/clock.js";
import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, binary, cleanEnv, nanos, startGate, tempDir } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { run, sleep, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const now = () => performance.timeOrigin + performance.now();
const on = (id, step) => ({ headers: { "x-agent-run-id": id, ...(step ? { "x-agent-step": step } : {}) } });
const charge = (amount, more = {}) => ({ amount, currency: "usd", source: "tok_visa", ...more });
const day = { budgets: [{ limit: "100000 usd", window: "day" }] };

let serial = 0;
const stripe = await startScripted((call, res) => {
  if (call.method === "GET") return answerJson(res, 200, { object: "list", data: [], has_more: false, url: "/v1/charges" });
  const form = new URLSearchParams(call.text), amount = Number(form.get("amount"));
  answerJson(res, 200, { id: `ch_${++serial}`, object: "charge", amount, amount_captured: amount, currency: "usd", customer: form.get("customer"), captured: true, status: "succeeded" },
    { "request-id": `req_upstream_${serial}` });
});
const openai = await startOpenai();

let gate;
before(async () => {
  gate = await startGate(config({ stripe: stripe.url, openai: openai.url, anyapi: `${openai.url}/v1` }, {
    workers: 4,
    credentials: { "anyapi-main": { secret: "sk-anyapi-upstream-0001" } },
    keys: [key("fleet", ["stripe-main"]), key("shop", ["stripe-main", "openai-main"], day), key("prices", ["anyapi-main"], day), key("unlimited", ["anyapi-main"])],
  }));
});

const sdk = (token, of = gate) => new Stripe(token, { host: "127.0.0.1", port: of.port, protocol: "http", telemetry: false, maxNetworkRetries: 0 });
const made = (name, credentials = ["stripe-main"]) => gate.post("/keys", { name, policy: "all", credentials });
const stopOf = async (value) => (await gate.get("/stops")).data.find((one) => one.value === value);

/** An agent that calls every `every` ms until it is told to end, whatever it is told: { at, error } of each call, by the time it was begun. */
function firing(call, every) {
  const results = [];
  let going = true;
  const all = (async () => {
    while (going) {
      const at = now();
      results.push({ at, error: await call().then(() => null, (error) => error) });
      await sleep(Math.max(0, at + every - now()));
    }
  })();
  return { results, end: async () => { going = false; await all; return results; } };
}

/** Twelve agents on lines of their own, beginning one after the other. */
async function fleet(call, every = 400) {
  const agents = [];
  for (let i = 0; i < 12; i++) {
    agents.push(firing(() => call(i), every));
    await sleep(every / 12);
  }
  return { end: async () => (await Promise.all(agents.map((agent) => agent.end()))).flat() };
}

/** The dashboard's way to the API: a session's cookie and its token against forged requests. */
async function signedIn() {
  const base = `http://${gate.adminAddress}/api/v1`, type = { "content-type": "application/json" };
  const signed = await fetch(`${base}/session`, { method: "POST", headers: type, body: JSON.stringify({ token: adminToken }) });
  assert.equal(signed.status, 200);
  const cookie = signed.headers.get("set-cookie").split(";")[0], { csrf } = await signed.json();
  return async (method, target, body) => {
    const answer = await fetch(`${base}${target}`, { method, headers: { cookie, "x-tollgate-csrf": csrf, ...type }, body: body && JSON.stringify(body) });
    assert.equal(answer.status, 200, `${method} ${target}`);
    return answer.json();
  };
}

test("S-14: twelve agents fire every 400 ms at two in the morning: nothing that arrives a second after the button is forwarded, by any worker", { timeout: 60_000 }, async () => {
  const night = await made("night"), clients = Array.from({ length: 12 }, () => sdk(night.token));
  const ask = await signedIn();
  stripe.clear();
  const agents = await fleet((i) => clients[i].charges.create(charge(100)));
  await until(() => stripe.count >= 24, "the agents at full speed");
  const pressed = now();
  await ask("POST", `/keys/${night.id}/revoke`, { reason: "it runs away" });
  const returned = now();
  await sleep(3500);
  const results = await agents.end();
  assert.ok(returned - pressed < 1000, `the button took ${returned - pressed} ms`);
  const forwarded = stripe.calls.filter((call) => call.at > pressed + 1000);
  assert.equal(forwarded.length, 0, "no promise but this one");
  assert.equal(stripe.calls.filter((call) => call.at > returned + 20).length, 0, "and from when it returned, none at all");
  const later = results.filter((one) => one.at > pressed + 1000);
  assert.ok(later.length >= 48, `${later.length} calls arrived later`);
  assert.ok(later.every(({ error }) => error instanceof Stripe.errors.StripeAuthenticationError && error.code === "key_revoked"), String(later.find(({ error }) => error?.code !== "key_revoked")?.error));
  assert.equal((await stopOf(night.id)).forwarded_since, 0);
});

test("S-15: twenty runs on one secret, all of them busy: one is stopped, nineteen go on, and no secret is touched", { timeout: 60_000 }, async () => {
  const client = sdk(tokenOf("fleet")), runs = Array.from({ length: 20 }, newRun), wrong = runs[13];
  stripe.clear();
  const agents = runs.map((id) => firing(() => client.charges.create(charge(100), on(id)), 50));
  await until(() => stripe.count >= 60, "all of them under way");
  const { code, out, err } = await gate.cli("stop", "--run", wrong, "--reason", "refund loop");
  const returned = now();
  assert.equal(code, 0, err);
  assert.match(out, new RegExp(`run ${wrong} is stopped`));
  await sleep(1500);
  const results = await Promise.all(agents.map((agent) => agent.end()));
  for (const [i, list] of results.entries()) {
    const later = list.filter(({ at }) => at > returned);
    assert.ok(later.length >= 3, `run ${i}: ${later.length} calls afterwards`);
    if (runs[i] === wrong) assert.ok(later.every(({ error }) => error?.code === "stopped" && error.statusCode === 403));
    else assert.deepEqual(list.filter(({ error }) => error), [], `run ${i} noticed nothing`);
  }
  assert.equal(new Set(stripe.calls.map((call) => call.headers.authorization)).size, 1, "one secret, the same before and after");
  const { data } = await gate.get("/audit?kind=change&limit=200");
  assert.deepEqual(data.filter((row) => /^credential\.|^key\.rotate/.test(row.data.action)), []);
  await gate.cli("resume", "--run", wrong);
});

test("S-16: an answer is being written when the key is revoked: cut at once or delivered to its end, recorded and counted either way", { timeout: 60_000 }, async () => {
  for (const mode of ["cut", "drain"]) {
    const agent = await made(`writer-${mode}`, ["openai-main"]), id = newRun();
    const client = new OpenAI({ apiKey: agent.token, baseURL: `${gate.url}/openai/v1`, maxRetries: 0 });
    openai.clear();
    openai.play = { text: Array(30).fill("word "), pause: 60 };
    let text = "", ended = 0;
    const reading = (async () => {
      try {
        for await (const chunk of await client.chat.completions.create({ model: "gpt-4o-mini", max_tokens: 100, stream: true, messages: [{ role: "user", content: "Write" }] }, on(id)))
          text += chunk.choices[0]?.delta?.content ?? "";
      } finally {
        ended = now();
      }
    })().then(() => null, (error) => error);
    await until(() => text.length > 20, "words under way");
    const effect = await gate.post(`/keys/${agent.id}/revoke`, { mode });
    const returned = now(), error = await reading;
    openai.play = {};
    const row = await until(async () => (await gate.calls({ run: id }))[0], `the row of ${mode}`);
    assert.ok(nanos(row.cost_usd) > 0n, `${mode}: counted`);
    assert.equal(row.key_name, `writer-${mode}`);
    if (mode === "cut") {
      assert.equal(effect.cut, 1, JSON.stringify(effect));
      assert.ok(error, "its caller is told");
      assert.ok(ended - returned < 500 && text.length < 5 * 30, `${text.length} letters, ${ended - returned} ms later`);
      assert.ok(await until(() => openai.last().closed && openai.last().sentEvents < 31, "the vendor to be left"));
      assert.deepEqual([row.verdict, row.estimated], ["error", true], JSON.stringify(row.reason));
    } else {
      assert.equal(effect.in_flight, 1, JSON.stringify(effect));
      assert.equal(error, null);
      assert.equal(text, "word ".repeat(30));
      assert.deepEqual([row.verdict, row.estimated, row.output_tokens], ["allowed", false, 10]);
    }
    assert.equal((await gate.get(`/runs/${id}`)).total_usd, row.cost_usd, "it is on the run's bill");
    assert.equal((await thrown(client.models.list())).code, "key_revoked");
  }
});

test("S-17: did the button work? Revoked at, 0 forwarded since, N refused since, and N grows while it hammers on", { timeout: 60_000 }, async () => {
  const agent = await made("hammer"), client = sdk(agent.token), ask = await signedIn();
  const agents = await fleet(() => client.charges.create(charge(100)), 60);
  await sleep(300);
  const began = Date.now();
  const { cut } = await ask("POST", `/keys/${agent.id}/revoke`, { reason: "leaked" });
  const look = async () => (await ask("GET", "/stops")).data.find((one) => one.value === agent.id);
  const first = await until(async () => { const found = await look(); return found.refused_since > 10 && found; }, "refusals");
  await sleep(300);
  const second = await look();
  assert.ok(second.refused_since > first.refused_since, "they are still coming in");
  const since = Date.parse(second.created_at);
  assert.ok(since >= began - 1000 && since <= began + 2000, second.created_at);
  const results = await agents.end();
  const last = await look();
  assert.equal(last.forwarded_since, 0);
  const refused = results.filter(({ error }) => error);
  assert.ok(refused.every(({ error }) => error.code === "key_revoked"));
  assert.equal(last.refused_since + cut, refused.length, "each refusal an agent saw, and no other; what was under way was cut, and is counted as that");
  assert.equal((await gate.calls({ key: agent.id, from: second.created_at })).filter((row) => row.verdict === "allowed" && Date.parse(row.at) > since).length, 0, "the books say so, too");
  const { out } = await gate.cli("stops");
  assert.match(out, new RegExp(`key hammer +${second.created_at.slice(11, 19)} .* 0 +${last.refused_since} `), out);
});

test("S-19: writes of one vendor are paused: reads and other vendors pass, who is refused learns what, why and until when", { timeout: 60_000 }, async () => {
  const client = sdk(tokenOf("shop")), model = new OpenAI({ apiKey: tokenOf("shop"), baseURL: `${gate.url}/openai/v1`, maxRetries: 0 });
  const { code, err } = await gate.cli("stop", "--vendor", "stripe", "--writes-only", "--for", "1h", "--reason", "incident 7");
  assert.equal(code, 0, err);
  stripe.clear();
  assert.deepEqual((await client.charges.list()).data, []);
  for (const write of [() => client.charges.create(charge(100)), () => client.refunds.create({ charge: "ch_1" }), () => client.customers.del("cus_1")]) {
    const error = await thrown(write());
    assert.deepEqual([error.statusCode, error.code, error.headers["x-tollgate-denied"]], [403, "stopped", "stopped"]);
    assert.match(error.message, /writes/);
    assert.match(error.message, /incident 7/);
    assert.match(error.message, /until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
  }
  assert.deepEqual(stripe.calls.map((call) => call.method), ["GET"]);
  assert.ok((await model.chat.completions.create({ model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: "hello" }] })).choices.length);
  const stop = await stopOf("stripe");
  assert.deepEqual([stop.by, stop.reason, stop.writes_only, stop.refused_since], ["admin", "incident 7", true, 3]);
  const ends = Date.parse(stop.expires_at) - Date.parse(stop.created_at);
  assert.ok(Math.abs(ends - 3_600_000) < 5000, String(ends));
  assert.equal((await gate.cli("resume", "--vendor", "stripe")).code, 0);
  await client.charges.create(charge(100));
});

test("S-34: an incident three months old: each row says what an auditor asks, and the log proves that it is as it was", { timeout: 60_000 }, async () => {
  const clock = startClock("2026-08-20T02:00:00Z");
  const old = await startGate(config({ stripe: stripe.url }, {
    policies: { support: { allow: ["stripe.charges.create"], scopes: { "stripe.customer": ["cus_ada"] }, parameters: { "stripe.charges.create": { amount: { max: 5000 } } } } },
    keys: [key("support", ["stripe-main"], { policy: "support", budgets: [{ name: "daily", limit: "100 usd", window: "day" }] })],
  }), { env: clock.env });
  const client = sdk(tokenOf("support"), old), id = newRun();
  await client.charges.create(charge(1250, { customer: "cus_ada" }), on(id, "refund"));
  assert.equal((await thrown(client.charges.create(charge(9900, { customer: "cus_ada" }), on(id, "refund")))).code, "parameter_denied");
  assert.equal((await thrown(client.charges.create(charge(100, { customer: "cus_eve" }), on(id, "refund")))).code, "scope_denied");
  const before = (await old.calls({ run: id }))[0].policy_version;
  clock.set("2026-11-20T09:00:00Z");
  await old.restart(); // what is asked for is on disk, not in somebody's memory
  const rows = (await old.calls({ run: id, from: "2026-08-20T00:00:00Z", to: "2026-08-21T00:00:00Z" })).reverse();
  assert.deepEqual(rows.map(({ verdict, denied }) => [verdict, denied]), [["allowed", null], ["denied", "parameter_denied"], ["denied", "scope_denied"]]);
  for (const row of rows) {
    assert.match(row.at, /^2026-08-20T02:0/);
    assert.deepEqual([row.run, row.step, row.key_name, row.policy_version], [id, "refund", "support", before]);
    assert.ok(row.policy_version.startsWith("support@"), row.policy_version);
    if (row.denied) assert.ok(row.reason.includes("support") && row.cost_usd === "0", JSON.stringify(row));
  }
  const [first] = rows;
  assert.deepEqual([first.cost_usd, first.upstream_request_id, first.upstream_object_id], ["12.5", `req_upstream_${serial}`, `ch_${serial}`]);
  assert.deepEqual(first.scopes, { "stripe.customer": ["cus_ada"] }, "the customer it touched");
  const [cap] = first.budgets;
  assert.deepEqual([cap.limit, cap.spent, cap.reserved].map((text) => nanos(text)), ["100", "12.5", "0"].map((text) => nanos(text)), "the cap after it");
  const whole = await old.cli("audit", "verify");
  assert.equal(whole.code, 0, whole.out + whole.err);
  const copy = path.join(tempDir("auditor"), "copy.db");
  execFileSync("sqlite3", [path.join(old.dataDir, "tollgate.db"), `.backup '${copy}'`]);
  execFileSync("sqlite3", [copy, "UPDATE calls SET cost = cost - 1000000000 WHERE cost > 0"]);
  const edited = await run(binary, ["audit", "verify", copy], { env: cleanEnv() });
  assert.equal(edited.code, 1, edited.out);
  assert.ok(edited.out.includes(first.id), `the row that was edited is named: ${edited.out}`);
});

test("S-56: a model of the catalogue that has no price is refused by name, by each way to ask, and estimated by none", { timeout: 60_000 }, async () => {
  const { data } = await gate.get("/prices?provider=anyapi&limit=1000");
  const bare = data.find((row) => row.mode === "chat" && !Object.keys(row.price ?? {}).length);
  assert.ok(bare, "the catalogue has such rows");
  const client = new OpenAI({ apiKey: tokenOf("prices"), baseURL: `${gate.url}/anyapi/v1`, maxRetries: 0 });
  openai.clear();
  const ask = { model: bare.model, max_tokens: 50, messages: [{ role: "user", content: "hello" }] };
  for (const more of [{}, { stream: true }]) {
    const error = await thrown(client.chat.completions.create({ ...ask, ...more }));
    assert.deepEqual([error.status, error.code], [422, "price_unknown"], error.message);
    assert.ok(error.message.includes(bare.model), error.message);
  }
  const told = await gate.post("/explain", { key: "prices", method: "POST", url: "/anyapi/v1/chat/completions", body: ask });
  assert.deepEqual([told.verdict, told.code, told.cost], ["denied", "price_unknown", { known: false }], "no number is made up");
  const shown = await gate.cli("prices", "show", `anyapi/${bare.model}`);
  assert.ok(!/\$?0(\.0+)?\b.*\/ ?M/.test(shown.out), `it is not said to be free: ${shown.out}`);
  assert.equal(openai.count, 0);
  const rows = await gate.calls({ key: "prices" });
  assert.ok(rows.length >= 2 && rows.every((row) => row.denied === "price_unknown" && row.reserved_usd === null && row.cost_usd === "0"));
  const open = new OpenAI({ apiKey: tokenOf("unlimited"), baseURL: `${gate.url}/anyapi/v1`, maxRetries: 0 });
  await open.chat.completions.create(ask); // nothing limits this key's money: it may
  const row = await until(async () => (await gate.calls({ key: "unlimited" }))[0]);
  assert.deepEqual([row.verdict, row.cost_usd], ["allowed", null], "not known is not nothing");
});
