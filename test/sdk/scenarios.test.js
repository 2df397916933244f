// SPDX-License-Identifier: Apache-2.0
// Incidents and wishes from users' lives, played with the official SDKs. docs/scenarios.md has the table of all, with those that are
// played in other files; the last test here holds it to the truth.
import fs from "node:fs";
import path from "node:path";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import OpenAI from "openai";
import Stripe from "stripe";
import twilio from "twilio";
import { z } from "zod";

import { config, key, tokenOf, twilioSid } from "./lib/config.js";
import { startBank, startFlaky } from "./lib/flaky.js";
import { nanos, root, sleep, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { startStripe } from "./lib/mocks.js";
import { until } from "./lib/process.js";
import { connect, request } from "./lib/raw.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const usd = (text) => nanos(String(text));
const on = (run) => ({ headers: { "x-agent-run-id": run } });
const sdk = (token, of, options = {}) => new Stripe(token, { host: "127.0.0.1", port: of.port, protocol: "http", telemetry: false, maxNetworkRetries: 2, ...options });
const charge = (amount, more = {}) => ({ amount, currency: "usd", source: "tok_visa", ...more });

/** A vendor that charges whatever it is asked to; `wait` holds an answer back. */
let serial = 0;
const stripe = await startScripted(async (call, res) => {
  if (call.method === "GET") return answerJson(res, 200, { object: "list", data: [], has_more: false, url: "/v1/charges" });
  const form = new URLSearchParams(call.text), amount = Number(form.get("amount") ?? 0);
  if (stripe.wait) await stripe.wait(call);
  if (stripe.busy) return answerJson(res, 429, { error: { type: "invalid_request_error", code: "rate_limit", message: "Too many requests" } }, { "retry-after": "1" });
  answerJson(res, 200, { id: `ch_${++serial}`, object: "charge", amount, amount_captured: amount, currency: "usd", captured: true, status: "succeeded" });
});
const openai = await startOpenai();
const alerts = await startScripted((call, res) => res.writeHead(204).end());
const upstreams = { stripe: stripe.url, openai: openai.url, twilio: stripe.url };
const day = (limit, more = {}) => ({ limit, window: "day", ...more });

const gate = await startGate(config(upstreams, {
  policies: {
    loop: { allow: ["*"], brakes: [{ repeat: 25, within: "60s", action: "stop" }] },
    spree: { allow: ["*"], brakes: [{ spend: "50 usd", within: "1m", action: "stop", per: "key" }] },
    shop: { allow: ["stripe.charges.*"], parameters: { "stripe.charges.create": { amount: { max: 500 } } } },
  },
  keys: [
    key("race", ["stripe-main"], { budgets: [day("10 usd")] }),
    key("line", ["stripe-main"], { budgets: [day("250 usd")] }),
    key("loop", ["stripe-main"], { policy: "loop" }),
    key("spree", ["stripe-main"], { policy: "spree" }),
    key("rich", ["openai-main"], { budgets: [{ limit: "5 usd" }] }),
    key("dev", ["stripe-main"], { budgets: [day("5 usd")] }),
    key("production", ["stripe-main"], { budgets: [day("100000 usd")] }),
    key("runs", ["stripe-main"]),
    key("leaked", ["stripe-main"], { addresses: ["10.0.0.0/8"] }),
    key("shop", ["stripe-main"]),
    key("assistant", ["stripe-main"], { policy: "shop", budgets: [day("12 usd")] }),
    key("once", ["stripe-main"]),
    key("capped", ["stripe-main", "openai-main", "twilio-main"], { budgets: [day("0.00001 usd")] }),
    key("free", ["stripe-main"]),
  ],
  alerts: [{ name: "on-call", webhook: alerts.url, secret: "whsec-of-the-tests-0001", events: ["address"] }],
  budgets: [{ name: "house", limit: "1000000 usd", window: "month" }],
}));

const made = (name) => gate.post("/keys", { name, policy: "all", credentials: ["stripe-main"] });
const account = async (name, fits = () => true) => (await gate.get("/budgets")).data.find((one) => one.owner === `key:${name}` && fits(one)).accounts[0];
const settledAll = (results) => ({ through: results.filter((r) => r.status === "fulfilled"), refused: results.filter((r) => r.status === "rejected").map((r) => r.reason) });

/** Agents that go on calling until they are told not to: what each call came to, and when it was begun. */
function hammer(call, { agents = 4, every = 0 } = {}) {
  const going = { on: true, results: [] };
  const agent = async () => {
    while (going.on) {
      const at = performance.timeOrigin + performance.now();
      going.results.push({ at, error: await call().then(() => null, (error) => error) });
      await sleep(every);
    }
  };
  const all = Promise.all(Array.from({ length: agents }, agent));
  going.end = async () => {
    going.on = false;
    await all;
    return going.results;
  };
  return going;
}
const now = () => performance.timeOrigin + performance.now();

test("S-02: fifty at once for the last ten dollars: ten go", async () => {
  const lines = await Promise.all(Array.from({ length: 50 }, () => connect(gate.port)));
  const body = "amount=100&currency=usd&source=tok_visa";
  const text = request("POST", "/stripe/v1/charges", { authorization: `Bearer ${tokenOf("race")}`, "content-type": "application/x-www-form-urlencoded", "content-length": body.length }, body);
  stripe.clear();
  stripe.wait = () => sleep(200);
  for (const line of lines) line.write(text);
  await until(() => stripe.count >= 10, "the ten");
  const during = await account("race");
  assert.ok(usd(during.spent_usd) + usd(during.reserved_usd) <= usd("10"), JSON.stringify(during));
  const answers = await Promise.all(lines.map((line) => line.answer()));
  stripe.wait = null;
  for (const line of lines) line.destroy();
  assert.equal(answers.filter((answer) => answer.status === 200).length, 10);
  assert.equal(answers.filter((answer) => answer.headers["x-tollgate-denied"] === "budget_exceeded").length, 40);
  assert.equal(stripe.count, 10);
  assert.equal((await account("race")).spent_usd, "10");
});

test("S-03: the call that would cross the line is refused with all the numbers, a smaller one goes", async () => {
  await sdk(tokenOf("line"), gate).charges.create(charge(24950));
  stripe.clear();
  const error = await thrown(sdk(tokenOf("line"), gate).charges.create(charge(100)));
  assert.equal(stripe.count, 0);
  const { limit, spent, attempted, resets_at } = error.raw.tollgate;
  assert.deepEqual([limit, spent, attempted].map(usd), ["250", "249.5", "1"].map(usd));
  assert.match(resets_at, /^\d{4}-\d\d-\d\dT00:00:00/);
  assert.match(error.message, /250/);
  await sdk(tokenOf("line"), gate).charges.create(charge(50));
  assert.equal((await account("line")).remaining_usd, "0");
});

test("S-07: four hundred calls that all succeed, and all are wrong: repetition stops them, and so does what they add up to", { timeout: 60_000 }, async () => {
  const agents = 8;
  for (const [name, most, make] of [["loop", 25, () => charge(100)], ["spree", 50 + agents, () => charge(100 + (++serial % 7))]]) {
    stripe.clear();
    const run = newRun(), client = sdk(tokenOf(name), gate), errors = [];
    await Promise.all(Array.from({ length: agents }, async () => {
      for (let i = 0; i < 400 / agents; i++) await client.charges.create(make(), on(run)).catch((error) => errors.push(error));
    }));
    assert.equal(stripe.count, 400 - errors.length, "none failed at the vendor");
    assert.ok(stripe.count > 10 && stripe.count <= most, `${name}: ${stripe.count} went`);
    assert.ok(errors.every((error) => error instanceof Stripe.errors.StripePermissionError && ["stopped", "loop_detected"].includes(error.code)), [...new Set(errors.map((error) => error.code))].join());
    assert.ok(errors.some((error) => error.code === "stopped"), "it stays stopped");
  }
});

test("S-09: a refunded charge counts gross, net or both, as declared", { timeout: 60_000 }, async () => {
  const bank = await startStripe();
  const other = await startGate(config({ stripe: bank.url }, {
    keys: [key("till", ["stripe-main"], { budgets: [{ name: "turnover", limit: "1000 usd" }, { name: "out", limit: "1000 usd", refunds: "net" }] })],
  }));
  const client = sdk(tokenOf("till"), other);
  const sold = await client.charges.create(charge(8000));
  await client.refunds.create({ charge: sold.id });
  const [row] = await other.calls();
  assert.equal(row.operation, "stripe.refunds.create");
  const spent = Object.fromEntries(row.budgets.map((one) => [one.budget.match(/(turnover|out)/)[1], one.spent]));
  assert.deepEqual(spent, { turnover: "160", out: "0" }, "the row shows each by its name");
});

test("S-10: a rich house does not lift a quota of five dollars", async () => {
  const client = new OpenAI({ apiKey: tokenOf("rich"), baseURL: `${gate.url}/v1`, maxRetries: 2 });
  openai.clear();
  const ask = { model: "gpt-4", messages: [{ role: "user", content: "hello" }], max_tokens: 8000, stream: true };
  const error = await thrown(client.chat.completions.create({ ...ask, n: 19 })); // 19 answers of 8000 tokens at $60 a million: $9.12
  assert.equal(error.code, "budget_exceeded", error.message);
  assert.equal(openai.count, 0);
  for await (const _ of await client.chat.completions.create({ ...ask, n: 9 }));
  assert.equal(openai.count, 1, "one that fits streams");
});

test("S-11: a runaway test stops its own key; production neither slows nor loses budget", async () => {
  const dev = sdk(tokenOf("dev"), gate), production = sdk(tokenOf("production"), gate);
  const runaway = hammer(() => dev.charges.create(charge(100)));
  const { through, refused } = settledAll(await Promise.allSettled(Array.from({ length: 100 }, () => production.charges.create(charge(200)))));
  const results = await runaway.end();
  assert.equal(results.filter((one) => !one.error).length, 5);
  assert.ok(results.length > 5 && results.filter((one) => one.error).every((one) => one.error.code === "budget_exceeded"));
  assert.deepEqual(refused, []);
  assert.equal(through.length, 100);
  assert.equal((await account("production")).spent_usd, "200");
});

test("S-14: at two in the morning revoke means now", async () => {
  const agent = await made("night");
  const client = sdk(agent.token, gate);
  stripe.clear();
  const going = hammer(() => client.charges.create(charge(100)), { every: 20 });
  await until(() => stripe.count > 10, "calls under way");
  await gate.post(`/keys/${agent.id}/revoke`, { reason: "it runs away" });
  const returned = now();
  await sleep(1200);
  const results = await going.end();
  assert.equal(stripe.calls.filter((call) => call.at > returned + 5).length, 0, "nothing reaches the vendor from then on");
  const later = results.filter((one) => one.at > returned);
  assert.ok(later.length > 10 && later.every((one) => one.error instanceof Stripe.errors.StripeAuthenticationError), String(later[0]?.error));
});

test("S-15: one run of twenty is stopped; nineteen go on, with the same secret", async () => {
  const client = sdk(tokenOf("runs"), gate), runs = Array.from({ length: 20 }, newRun);
  const all = () => Promise.allSettled(runs.map((run) => client.charges.create(charge(100), on(run))));
  assert.ok((await all()).every((one) => one.status === "fulfilled"));
  await gate.post("/stop", { run: runs[7], reason: "loops", by: "on-call" });
  stripe.clear();
  const { through, refused } = settledAll(await all());
  assert.equal(through.length, 19);
  assert.equal(refused.length, 1);
  assert.equal(refused[0].code, "stopped");
  assert.equal(new Set(stripe.calls.map((call) => call.headers.authorization)).size, 1, "no secret was rotated");
  await gate.post("/resume", { run: runs[7] });
});

test("S-16: a call that is under way when its key is revoked is delivered or cut as asked, and counted either way", { timeout: 60_000 }, async () => {
  for (const mode of ["drain", "cut"]) {
    const agent = await made(`under-way-${mode}`);
    let let_go;
    const held = new Promise((resolve) => { let_go = resolve; });
    stripe.wait = () => held;
    stripe.clear();
    const run = newRun();
    const asked = sdk(agent.token, gate, { maxNetworkRetries: 0 }).charges.create(charge(300), on(run)).then((value) => ({ value }), (error) => ({ error }));
    await until(() => stripe.count === 1, "the charge at the vendor");
    await gate.post(`/keys/${agent.id}/revoke`, { mode });
    let_go();
    const { value, error } = await asked;
    stripe.wait = null;
    if (mode === "drain") assert.equal(value?.amount, 300, String(error));
    const row = await until(async () => (await gate.calls({ run }))[0], "the row");
    assert.equal(row.cost_usd, "3", `${mode}: what was charged is counted, whoever hears of it`);
    assert.equal((await thrown(sdk(agent.token, gate).charges.create(charge(300)))).code, "key_revoked");
  }
});

test("S-17: the button worked, and one can see it: revoked at, forwarded since, refused since", async () => {
  const agent = await made("hammering");
  const client = sdk(agent.token, gate);
  const going = hammer(() => client.charges.create(charge(100)), { every: 10 });
  await sleep(100);
  await gate.post(`/keys/${agent.id}/revoke`, { reason: "leaked", mode: "drain" });
  await sleep(400);
  const refused = (await going.end()).filter((one) => one.error).length;
  const stop = (await gate.get("/stops")).data.find((one) => one.value === agent.id || one.value === "hammering");
  assert.equal(stop.code, "key_revoked");
  assert.equal(stop.reason, "leaked");
  assert.ok(Date.now() - Date.parse(stop.created_at) < 10_000);
  assert.equal(stop.forwarded_since, 0);
  assert.equal(stop.refused_since, refused);
  assert.ok((await gate.get(`/keys/${agent.id}`)).revoked_at);
});

test("S-18: a leaked key is refused from elsewhere, which is told, and rotated without a gap", async () => {
  stripe.clear();
  const error = await thrown(sdk(tokenOf("leaked"), gate).charges.create(charge(100)));
  assert.equal(error.code, "address_denied");
  assert.equal(stripe.count, 0);
  const [row] = await gate.calls({ key: "leaked" });
  assert.equal(row.caller_address, "127.0.0.1", "the row says from where");
  await thrown(sdk(tokenOf("leaked"), gate).charges.create(charge(100)));
  const told = JSON.parse((await until(() => alerts.calls.find((call) => call.text), "the alert")).text);
  assert.deepEqual([told.event, told.key_name, told.address], ["address", "leaked", "127.0.0.1"]);
  assert.match(told.text, /leaked was used from 127\.0\.0\.1/);
  const agent = await made("rotating");
  const users = hammer(() => sdk(agent.token, gate).charges.create(charge(100)), { agents: 2, every: 10 });
  const next = await gate.post(`/keys/${agent.id}/rotate`, { overlap: "2s" });
  const moved = hammer(() => sdk(next.token, gate).charges.create(charge(100)), { agents: 2, every: 10 });
  await sleep(300);
  for (const going of [users, moved]) assert.ok((await going.end()).every((one) => !one.error), "both tokens open it meanwhile");
  await sleep(2000);
  assert.ok((await thrown(sdk(agent.token, gate).charges.create(charge(100)))) instanceof Stripe.errors.StripeAuthenticationError);
  await sdk(next.token, gate).charges.create(charge(100));
  assert.equal(alerts.count, 1, "one alert for the key and the hour");
});

test("S-19: all writes of a vendor are paused: reads pass, the pause has an owner and an end", async () => {
  const client = sdk(tokenOf("shop"), gate);
  const { stopped } = await gate.post("/stop", { vendor: "stripe", writes_only: true, by: "ops@example.com", reason: "incident 7", expires_at: new Date(Date.now() + 1500).toISOString() });
  assert.equal(stopped.by, "ops@example.com");
  assert.ok(stopped.expires_at);
  stripe.clear();
  assert.deepEqual((await client.charges.list()).data, []);
  const error = await thrown(client.charges.create(charge(100)));
  assert.equal(error.code, "stopped");
  assert.equal(error.headers["x-tollgate-denied"], "stopped");
  assert.match(error.message, /incident 7/);
  assert.deepEqual(stripe.calls.map((call) => call.method), ["GET"]);
  await sleep(1700);
  await client.charges.create(charge(100));
});

/** A vendor's MCP server as one finds it: it takes a key and, if it is told one, another place for the API. It knows nothing of gates. */
function vendorServer({ apiKey, apiBase }) {
  const { hostname, port } = new URL(apiBase);
  const client = new Stripe(apiKey, { host: hostname, port, protocol: "http", maxNetworkRetries: 2 });
  const server = new McpServer({ name: "payments", version: "1.0.0" });
  const tool = (name, shape, call) =>
    server.registerTool(name, { description: name, inputSchema: shape }, async (args) => {
      try {
        return { content: [{ type: "text", text: JSON.stringify(await call(args)) }] };
      } catch (error) {
        return { isError: true, content: [{ type: "text", text: `${error.type} ${error.code}: ${error.message}` }] };
      }
    });
  tool("create_charge", { amount: z.number(), currency: z.string() }, (args) => client.charges.create({ ...args, source: "tok_visa" }));
  tool("list_charges", {}, () => client.charges.list());
  tool("create_payout", { amount: z.number(), currency: z.string() }, (args) => client.payouts.create(args));
  return server;
}

test("S-23: an MCP server with another base URL and key: each tool call passes policy, cap and audit", async () => {
  const run = newRun();
  const server = vendorServer({ apiKey: `${tokenOf("assistant")}.${run}`, apiBase: `${gate.url}/` });
  const client = new Client({ name: "desktop", version: "1.0.0" });
  const [here, there] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(there), client.connect(here)]);
  stripe.clear();
  const call = async (name, args = {}) => {
    const { isError, content } = await client.callTool({ name, arguments: args });
    return { isError: isError ?? false, text: content[0].text };
  };
  assert.equal((await client.listTools()).tools.length, 3);
  assert.equal((await call("list_charges")).isError, false);
  for (let i = 0; i < 2; i++) assert.equal(JSON.parse((await call("create_charge", { amount: 500, currency: "usd" })).text).amount, 500);
  const beyond = await call("create_charge", { amount: 501, currency: "usd" });
  assert.match(beyond.text, /parameter_denied.*amount/);
  assert.match((await call("create_payout", { amount: 100, currency: "usd" })).text, /operation_denied/);
  assert.match((await call("create_charge", { amount: 300, currency: "usd" })).text, /budget_exceeded/);
  await client.close();
  const rows = (await gate.calls({ run })).reverse();
  assert.deepEqual(rows.map((row) => [row.operation, row.denied]), [
    ["stripe.charges.list", null], ["stripe.charges.create", null], ["stripe.charges.create", null],
    ["stripe.charges.create", "parameter_denied"], ["stripe.payouts.create", "operation_denied"], ["stripe.charges.create", "budget_exceeded"],
  ]);
  assert.deepEqual(stripe.calls.map((one) => one.method), ["GET", "POST", "POST"]);
  assert.ok(stripe.calls.every((one) => one.headers.authorization === "Bearer sk_test_upstream_secret_0001" && !one.text.includes("key-of-")));
});

test("S-29: the same key with another amount is a conflict, and only the first went out", async () => {
  const client = sdk(tokenOf("once"), gate), idempotencyKey = newRun();
  stripe.clear();
  await client.charges.create(charge(100), { idempotencyKey });
  const error = await thrown(client.charges.create(charge(200), { idempotencyKey }));
  assert.equal(error.code, "idempotency_conflict");
  assert.ok(error instanceof Stripe.errors.StripeIdempotencyError);
  assert.equal(stripe.count, 1);
});

test("S-30: the line breaks after sending: the outcome is unknown, the money stays reserved, no second charge goes out", { timeout: 60_000 }, async () => {
  const line = await startFlaky((await startBank()).port);
  const other = await startGate(config({ stripe: `http://127.0.0.1:${line.port}` }, { keys: [key("buyer", ["stripe-main"], { budgets: [{ limit: "50 usd" }] })] }));
  const client = sdk(tokenOf("buyer"), other, { maxNetworkRetries: 0 }), idempotencyKey = newRun();
  line.plan({ do: "cut-after", path: "/v1/charges" });
  await thrown(client.charges.create(charge(500), { idempotencyKey }));
  const [row] = await other.calls();
  assert.equal(row.verdict, "in_doubt");
  assert.equal((await other.get("/doubts")).data[0].reserved_usd, "5");
  const [balance] = (await other.get("/budgets")).data[0].accounts;
  assert.equal(balance.remaining_usd, "45", "what may have been spent cannot be spent again");
  await until(() => client.charges.create(charge(500), { idempotencyKey }).then(() => true, () => false), "an answer to the retry", { timeout: 40_000, every: 500 });
  assert.equal(line.moved("charges"), 500, "the vendor charged once");
  await until(async () => (await other.get("/doubts")).data.length === 0, "the outcome", { timeout: 40_000, every: 500 });
  assert.equal((await other.get("/budgets")).data[0].accounts[0].spent_usd, "5");
});

test("S-31: a cap is no rate limit: status, field and code differ, and clients that back off on 429 stop", { timeout: 60_000 }, async () => {
  const client = sdk(tokenOf("capped"), gate, { maxNetworkRetries: 3 });
  const rows = async () => (await gate.calls({ key: "capped" })).length;
  const cap = await thrown(client.charges.create(charge(100)));
  assert.equal(await rows(), 1, "asked once");
  stripe.busy = true;
  const busy = await thrown(sdk(tokenOf("free"), gate, { maxNetworkRetries: 0 }).charges.create(charge(100)));
  stripe.busy = false;
  assert.deepEqual([cap.statusCode, cap.code, cap.headers["x-tollgate-denied"], cap.headers["retry-after"]], [403, "budget_exceeded", "budget_exceeded", undefined]);
  assert.deepEqual([busy.statusCode, busy.code, busy.headers["x-tollgate-denied"]], [429, "rate_limit", undefined]);
  const model = new OpenAI({ apiKey: tokenOf("capped"), baseURL: `${gate.url}/v1`, maxRetries: 3 });
  assert.equal((await thrown(model.chat.completions.create({ model: "gpt-4o", max_tokens: 1000, messages: [{ role: "user", content: "hello" }] }))).code, "budget_exceeded");
  assert.equal(await rows(), 2);
  const texts = twilio(twilioSid, tokenOf("capped"), { autoRetry: true, maxRetries: 3 });
  texts.api.baseUrl = `${gate.url}/twilio`;
  assert.equal((await thrown(texts.messages.create({ to: "+15558675310", from: "+15551234567", body: "hello" }))).status, 403);
  assert.equal(await rows(), 3);
});

test("docs/scenarios.md names a test for each of S-01 to S-60, or says why there is none", () => {
  const table = new Map([...fs.readFileSync(path.join(root, "docs/scenarios.md"), "utf8").matchAll(/^\| (S-\d\d) \|(.*)\|$/gm)].map(([, id, cells]) => [id, cells]));
  const later = [], numbers = Array.from({ length: 60 }, (_, i) => `S-${String(i + 1).padStart(2, "0")}`);
  for (const id of new Set([...numbers, ...table.keys()])) {
    const cells = table.get(id);
    assert.ok(cells, `${id} has a row`);
    const files = [...cells.matchAll(/`(test\/[^`]+)`/g)].map(([, file]) => file);
    if (files.length === 0) later.push(id);
    for (const file of files) assert.match(fs.readFileSync(path.join(root, file), "utf8"), new RegExp(`(test|describe)\\(\\s*["'\`]${id}[ :]`), `${id}: ${file} has no such test`);
  }
  assert.deepEqual(later, ["S-13"], "those that are still to come");
});
