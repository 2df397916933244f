// SPDX-License-Identifier: Apache-2.0
// Incidents and wishes from users' lives that are about routes: docs/scenarios.md has the table of all.
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { Portkey } from "portkey-ai";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { caughtUp, sleep, until } from "./lib/process.js";
import { startScripted } from "./lib/recorder.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const [openai, anthropic, spare] = await Promise.all([startOpenai(), startAnthropic(), startOpenai()]);
const hook = await startScripted((call, res) => res.writeHead(204, { "content-length": 0 }).end());
const alerts = () => hook.calls.filter((call) => call.text).map((call) => JSON.parse(call.text));

const gpt = { provider: "openai", model: "gpt-4o-mini" }, claude = { provider: "anthropic", model: "claude-haiku-4-5" }, llama = { provider: "spare", model: "llama" };
const plain = { provider: "spare", model: "plain" }; // neither tools nor room
const codes = [429, 500, 502, 503, 504], cooldown = 4000;
const all = ["openai-main", "anthropic-main", "spare-main"], day = { budgets: [{ limit: "100 usd", window: "day" }] };

const built = config({ openai: openai.url, anthropic: anthropic.url, spare: `${spare.url}/v1` }, {
  vendors: { openai: { region: "us" }, anthropic: { region: "eu", zero_retention: true }, spare: { dialect: "openai", auth: "bearer", region: "eu" } },
  credentials: { "spare-main": { secret: "sk-spare-upstream-0001" } },
  prices: { "spare/llama": { in: "1", out: "2", context: 100000, output_max: 1000, abilities: "stream tools schema" }, "spare/plain": { in: "1", out: "2", context: 1000, output_max: 1000, abilities: "stream" } },
  routes: { chain: { strategy: { mode: "fallback", on_status_codes: codes }, breaker: { failures: 3, cooldown }, targets: [gpt, claude, llama] } },
  keys: [
    key("any", all, day), key("chained", all, { ...day, route: "chain" }), key("twin", ["openai-main", "openai-b"], day),
    key("tight", all, { budgets: [{ limit: "0.0001 usd", window: "day" }] }), key("job", all, { budgets: [...day.budgets, { limit: "4 requests", window: "run" }] }),
  ],
  alerts: [{ name: "ops", webhook: hook.url, secret: "whsec-of-the-tests-0001", events: ["breaker"] }],
});
built.credentials["openai-b"] = { vendor: "openai", secret: "sk-upstream-openai-b-0001" };
const gate = await startGate(built);

const down = { status: 503, error: { error: { message: "overloaded" } } };
const hello = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello." }], max_tokens: 50 };
const tool = { type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } };
const sdk = (route, name = "any", options = {}) =>
  new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/v1`, maxRetries: 0, ...options, defaultHeaders: route ? { "x-tollgate-config": JSON.stringify(route) } : {} });
const ask = (route, more = {}, name = "any") => sdk(route, name).chat.completions.create({ ...hello, ...more }).withResponse();
const rowOf = (response) => gate.call(response.headers.get("x-tollgate-call-id"));
const rowsOf = (run, count) => until(async () => { const rows = await gate.calls({ run }); return rows.length >= count && rows; }, `${count} rows of ${run}`);
const tried = (row) => row.attempts.map((a) => [a.vendor, a.status]);
const usual = new Map([openai, anthropic, spare].map((vendor) => [vendor, vendor.hold]));

/** All vendors are well, nobody was asked, and nothing is remembered of how they did. */
async function fresh() {
  for (const [vendor, hold] of usual) Object.assign(vendor, { hold, play: {} }).calls.length = 0;
  for (const vendor of ["openai", "anthropic", "spare"]) await gate.ask("POST", "/api/v1/health/reset", { vendor });
}

/** `vendor` waits for `ready` with each answer, and notes when the caller's side is closed. */
function holdBack(vendor, ready) {
  vendor.hold = async (call, res) => {
    res.on("close", () => { call.closedAt = performance.now(); });
    await ready(call, res);
    return usual.get(vendor)(call, res);
  };
}
const never = () => new Promise(() => {});

test("S-39: an outage: the second answers, the first is left alone, and one probe brings it back", { timeout: 60_000 }, async () => {
  await fresh();
  const run = newRun(), named = { "x-agent-run-id": run };
  openai.play = anthropic.play = down;
  const { data, response } = await sdk(null, "chained").chat.completions.create(hello, { headers: named }).withResponse();
  assert.equal(data.choices[0].message.content, "Hello there!");
  const long = await rowOf(response);
  assert.deepEqual(tried(long), [["openai", 503], ["anthropic", 503], ["spare", 200]]);
  assert.deepEqual(long.attempts.map((a) => a.cost_usd), ["0", "0", long.cost_usd]);
  assert.ok(long.attempts.every((a) => Number.isInteger(a.ms) && a.ms >= 0), JSON.stringify(long.attempts));
  assert.equal(nanos(long.cost_usd), 19n * 1000n + 10n * 2000n);

  anthropic.play = {};
  const claudeSays = await new Anthropic({ apiKey: tokenOf("chained"), baseURL: gate.url, maxRetries: 0, defaultHeaders: named }).messages.create({ ...hello, max_tokens: 50 });
  assert.equal(claudeSays.content[0].text, "Hello there!");
  const genai = new GoogleGenAI({ apiKey: tokenOf("chained"), httpOptions: { baseUrl: gate.url, headers: named } });
  const opened = Date.now();
  assert.equal((await genai.models.generateContent({ model: "gemini-2.5-flash", contents: "Say hello." })).text, "Hello there!");
  for (const row of (await rowsOf(run, 3)).slice(0, 2)) assert.deepEqual(tried(row), [["openai", 503], ["anthropic", 200]]);
  assert.equal(openai.count, 3);

  const target = async () => (await gate.get("/health")).targets.find((t) => t.vendor === "openai" && t.model === gpt.model);
  const open = await target();
  assert.equal(open.breaker, "open");
  assert.match(open.why, /3 failures in a row, the last: status 503/);
  assert.match((await gate.cli("health", "openai")).out, /openai\/openai-main\/gpt-4o-mini +open .*3 failures in a row, the last: status 503/);
  const alert = await until(() => alerts().find((a) => a.breaker === "open" && a.target === "openai/openai-main/gpt-4o-mini"), "the alert");
  assert.match(alert.why, /3 failures in a row/);

  const portkey = new Portkey({ apiKey: tokenOf("chained"), baseURL: `${gate.url}/v1`, traceID: "outage" });
  assert.equal((await portkey.chat.completions.create(hello)).choices[0].message.content, "Hello there!");
  for (let i = 0; i < 10; i++) {
    const around = await rowOf((await ask(null, {}, "chained")).response);
    if (openai.count > 3) break; // so slow a machine that the cool-down was over
    assert.deepEqual(tried(around), [["anthropic", 200]]);
    assert.match(around.skipped, /targets\[0\].*breaker is open/);
  }
  assert.ok(openai.count <= 3 + Math.floor((Date.now() - opened) / cooldown), `${openai.count} calls reached it`);

  let release, done = 0;
  const well = new Promise((resolve) => { release = resolve; });
  openai.play = {};
  holdBack(openai, () => well);
  await sleep(Math.max(0, Date.parse((await target()).until) - Date.now()) + 50);
  openai.calls.length = 0;
  const from = Date.now();
  const crowd = Array.from({ length: 50 }, () => ask(null, {}, "chained").finally(() => done++));
  await until(() => openai.count > 0 && done + openai.count === 50, "all but the probe", { timeout: 20_000 });
  assert.ok(openai.count <= 1 + Math.floor((Date.now() - from) / cooldown), `${openai.count} probes`);
  const probes = openai.count;
  release();
  const by = (await Promise.all(crowd)).map(({ response }) => response.headers.get("x-tollgate-vendor"));
  assert.deepEqual([by.filter((v) => v === "openai").length, by.filter((v) => v === "anthropic").length], [probes, 50 - probes]);
  await until(async () => (await target()).breaker === "closed", "the breaker's end");
  await Promise.all(Array.from({ length: 20 }, () => ask(null, {}, "chained")));
  assert.equal(openai.count, probes + 20, "all are back");
  await until(() => alerts().find((a) => a.breaker === "closed" && a.target === alert.target), "the alert of its end");
});

test("S-40: a 400 is not retried, and leads on only where a fallback does not say after what", async () => {
  await fresh();
  const bad = { status: 400, error: { error: { message: "messages: wrong", type: "invalid_request_error", param: "messages", code: null } } };
  for (const [what, route] of Object.entries({
    "a retry": { ...gpt, retry: { attempts: 3 } },
    "a list of codes": { strategy: { mode: "fallback", on_status_codes: codes }, retry: 2, targets: [gpt, claude] },
    "a list of classes": { strategy: { mode: "fallback", on_errors: ["outage", "rate_limit", "timeout"] }, targets: [gpt, claude] },
  })) {
    await fresh();
    openai.play = bad;
    const run = newRun();
    const error = await thrown(sdk(route, "any", { maxRetries: 2 }).chat.completions.create(hello, { headers: { "x-agent-run-id": run } }));
    assert.ok(error instanceof OpenAI.BadRequestError, what);
    assert.match(error.message, /messages: wrong/);
    assert.deepEqual([openai.count, anthropic.count], [1, 0], what);
    const [row] = await rowsOf(run, 1);
    assert.deepEqual(tried(row), [["openai", 400]], what);
    assert.equal(row.cost_usd, "0");
  }
  await fresh();
  openai.play = bad;
  const { response } = await ask({ strategy: { mode: "fallback" }, retry: 2, targets: [gpt, claude] });
  assert.deepEqual(tried(await rowOf(response)), [["openai", 400], ["anthropic", 200]], "after anything that is no answer");
});

test("S-41: retries of client, gate and job: one budget of attempts and one deadline for each call, and no retry of what the gate refuses", async () => {
  await fresh();
  openai.play = anthropic.play = down;
  const quick = { attempts: 2, base: 5, most: 10 }, run = newRun(), headers = { "x-agent-run-id": run };
  const route = { strategy: { mode: "fallback", on_status_codes: codes }, tries: 4, retry: quick, breaker: "off", targets: [gpt, claude] };
  const client = sdk(route, "job", { maxRetries: 2 }), errors = [];
  for (let work = 0; work < 3; work++) errors.push(await thrown(client.chat.completions.create(hello, { headers })));
  assert.equal(errors[0].status, 503, "the vendor's own, after the client's three tries");
  for (const error of errors.slice(1)) assert.equal(error.headers.get("x-should-retry"), "false", error.message);
  const rows = await rowsOf(run, 6);
  assert.equal(rows.filter((row) => row.verdict === "denied").length, 2, "a refusal is asked once: the client does not try again");
  const forwarded = rows.filter((row) => row.verdict !== "denied");
  assert.equal(forwarded.length, 4, "the run's budget counts calls, whoever made them");
  for (const row of forwarded) assert.deepEqual(tried(row), [["openai", 503], ["openai", 503], ["openai", 503], ["anthropic", 503]]);
  assert.equal(openai.count + anthropic.count, 4 * 4, "all in all, where retries alone would make 3 jobs x 3 tries x 2 targets x 3");

  await fresh();
  for (const vendor of [openai, anthropic]) holdBack(vendor, never);
  const late = newRun(), slow = { ...route, tries: 16, deadline: 700, request_timeout: 200, retry: { ...quick, attempts: 5 }, strategy: { mode: "fallback" } };
  const error = await thrown(sdk(slow, "job", { maxRetries: 2 }).chat.completions.create(hello, { headers: { "x-agent-run-id": late } }));
  assert.equal(error.code, "upstream_timeout");
  assert.equal(error.headers.get("x-should-retry"), "false");
  const [row, ...others] = await rowsOf(late, 1);
  assert.equal(others.length, 0);
  assert.ok(row.attempts.length >= 1 && row.attempts.length <= 8, `${row.attempts.length} attempts of 200 ms within 700 ms, where 12 are allowed`);
  assert.ok(nanos(row.cost_usd) > 0n && nanos(row.cost_usd) <= nanos(row.reserved_usd), "what a vendor may have done is counted");
  const upstream = row.attempts.reduce((total, a) => total + a.ms, 0);
  assert.ok(row.gate_us <= (row.latency_ms - upstream + row.attempts.length) * 1000, `${row.gate_us} us of the gate's own, where all was waiting`);
});

const completion = (message) => ({
  id: "chatcmpl-1", object: "chat.completion", created: 1, model: gpt.model, choices: [{ index: 0, message: { role: "assistant", content: null, refusal: null, ...message }, finish_reason: "stop" }],
  usage: { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29 },
});
const sum = (row) => row.attempts.reduce((total, a) => total + nanos(a.cost_usd), 0n);

test("S-42: a race of three: what is no answer does not win, losers are cut at the socket, and the call's cost and cap are of all of them", async () => {
  const city = { type: "json_schema", json_schema: { name: "city", strict: true, schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } } };
  const race = { strategy: { mode: "race" }, targets: [gpt, claude, llama] }, cuts = [];
  for (const [what, message, why] of [
    ["a refusal", { refusal: "I cannot help with that." }, /refusal/], ["an empty answer", { content: "" }, /empty/],
    ["no JSON", { content: "The city is Oslo." }, /schema/], ["JSON without what is required", { content: '{"town":"Oslo"}' }, /schema/], ["a failure", null, /503/],
  ]) {
    await fresh();
    openai.play = message ? { status: 200, error: completion(message) } : down;
    anthropic.play = { text: ['{"city":', '"Oslo"}'] };
    holdBack(anthropic, async () => { await until(() => openai.calls[0]?.closed, "the quick one's end"); await sleep(60); });
    holdBack(spare, never);
    const run = newRun(), { data, response } = await sdk(race).chat.completions.create({ ...hello, response_format: city }, { headers: { "x-agent-run-id": run } }).withResponse();
    assert.equal(data.choices[0].message.content, '{"city":"Oslo"}', what);
    await until(() => spare.calls[0]?.closedAt, "the slow one's end");
    cuts.push(spare.calls[0].closedAt - anthropic.calls[0].closedAt);
    const row = await rowOf(response), [quick, winner, slow] = row.attempts;
    assert.deepEqual(row.attempts.map((a) => a.vendor), ["openai", "anthropic", "spare"], what);
    assert.match(quick.reason, why);
    assert.match(slow.reason, /another target was faster/);
    assert.equal(nanos(quick.cost_usd), message ? 19n * 150n + 10n * 600n : 0n, `${what} costs what its vendor says`);
    assert.equal(nanos(winner.cost_usd), 25n * 1000n + 15n * 5000n);
    assert.ok(nanos(slow.cost_usd) > 0n, "what was cut may have cost something");
    assert.equal(nanos(row.cost_usd), sum(row));
    assert.ok(nanos(row.reserved_usd) >= nanos(row.cost_usd) && row.estimated);
    assert.equal((await gate.get(`/runs/${run}`)).total_usd, row.cost_usd);
  }
  assert.ok(cuts.sort((a, b) => a - b)[2] < 500, `cut after ${cuts.map(Math.round)} ms`); // the middle one: a slow machine may hold up some

  await fresh();
  holdBack(anthropic, async () => { await until(() => openai.calls[0]?.sentEvents >= 1, "the silent one's first event"); });
  openai.play = { text: ["never", " heard"], pause: 60_000 }; // its first event has no words
  const run = newRun();
  let text = "";
  for await (const chunk of await sdk({ ...race, targets: [gpt, claude] }).chat.completions.create({ ...hello, stream: true }, { headers: { "x-agent-run-id": run } })) text += chunk.choices[0]?.delta?.content ?? "";
  assert.equal(text, "Hello there!");
  await until(() => openai.calls[0].closed, "the silent stream's end");
  const [row] = await rowsOf(run, 1);
  assert.deepEqual(tried(row), [["openai", 200], ["anthropic", 200]]);
  assert.ok(nanos(row.attempts[0].cost_usd) > 0n);
  assert.equal(nanos(row.cost_usd), sum(row));

  await fresh();
  const alone = await ask({ ...race, targets: [gpt, claude] }, {}, "tight");
  assert.equal(alone.data.choices[0].message.content, "Hello there!");
  assert.deepEqual(tried(await rowOf(alone.response)), [["openai", 200]], "the one that the budget has no room for does not start");
  const refused = await thrown(ask({ ...race, targets: [claude, gpt] }, {}, "tight"));
  assert.equal(refused.code, "budget_exceeded");
  assert.equal(anthropic.count, 0);
});

test("S-43: a hedge: the second is not called while the first may be in time, and is when it is not", async () => {
  const hedged = (stagger) => ({ strategy: { mode: "race", stagger }, targets: [gpt, claude] });
  await fresh();
  for (let i = 0; i < 5; i++) assert.deepEqual(tried(await rowOf((await ask(hedged(10_000))).response)), [["openai", 200]]);
  assert.equal(anthropic.count, 0);

  const secondCameAfter = async (stagger) => {
    holdBack(openai, never);
    const from = performance.timeOrigin + performance.now(), { response } = await ask(hedged(stagger));
    assert.equal(response.headers.get("x-tollgate-vendor"), "anthropic");
    return anthropic.last().at - from;
  };
  const after = await secondCameAfter(300);
  assert.ok(after >= 298, `${after} ms`);

  await fresh();
  openai.play = down;
  const quick = await ask(hedged(20_000));
  assert.equal(quick.response.headers.get("x-tollgate-vendor"), "anthropic", "a failure lets the next one go at once: this test's time is not 20 s");

  await fresh();
  openai.play = { delay: 1200 };
  await Promise.all(Array.from({ length: 40 }, () => ask(gpt)));
  const { first_byte_p95_us: p95 } = (await gate.get("/health")).targets.find((t) => t.vendor === "openai" && t.model === gpt.model);
  assert.ok(p95 >= 1_150_000, String(p95));
  assert.ok((await secondCameAfter("p95")) * 1000 >= p95 - 2000, "as late as 95 of 100 answers of the first begin");
});

test("S-44: a fallback that lacks what the call needs is passed over, or the call is refused", async () => {
  const fallback = (...targets) => ({ strategy: { mode: "fallback" }, targets }), text = "word ".repeat(1200);
  for (const [what, route, more, why] of [
    ["tools", fallback(gpt, plain, claude), { tools: [tool] }, /targets\[1\]: .*lacks tools/],
    ["room", fallback(gpt, plain, claude), { messages: [{ role: "user", content: text }] }, /targets\[1\]: .*lacks a context of \d+ tokens \(it has 1000\)/],
    ["a region", fallback(gpt, { ...llama, region: "us" }, { ...claude, region: "eu" }), {}, /targets\[1\]: .*region us/],
    ["zero retention", fallback(gpt, { ...llama, zero_retention: true }, { ...claude, zero_retention: true }), {}, /targets\[1\]: .*keep nothing/],
  ]) {
    await fresh();
    openai.play = down;
    const { data, response } = await ask(route, more), row = await rowOf(response);
    assert.equal(data.choices[0].message.content, "Hello there!", what);
    assert.deepEqual(tried(row), [["openai", 503], ["anthropic", 200]], what);
    assert.match(row.skipped, why);
    if (more.tools) assert.equal(JSON.parse(anthropic.last().text).tools[0].name, "weather");
    anthropic.calls.length = 0;
    const error = await thrown(ask({ ...route, targets: route.targets.slice(0, 2) }, more));
    assert.ok(error instanceof OpenAI.APIError && error.status >= 500, `${what}: ${error.message}`);
    assert.match((await rowOf({ headers: error.headers })).skipped, why, what);
    assert.deepEqual([spare.count, anthropic.count], [0, 0], `${what}: nobody is asked who cannot serve it`);
  }
  for (const [what, more, expected] of [["a region", { region: "eu" }, ["spare", "anthropic"]], ["zero retention", { zero_retention: true }, ["anthropic"]]]) {
    await fresh();
    spare.play = down;
    const { response } = await ask({ ...fallback(gpt, llama, claude), ...more });
    assert.deepEqual((await rowOf(response)).attempts.map((a) => a.vendor), expected, `${what}, said once for all`);
    const error = await thrown(ask({ ...fallback(gpt), ...more }));
    assert.equal(error.status, 403, what);
    assert.equal(openai.count, 0, what);
  }
});

test("S-46: ten calls of one conversation meet the same account while it is well, move when it is not, and come back", async () => {
  await fresh();
  const accounts = { [`Bearer ${secrets.openai}`]: "openai-main", "Bearer sk-upstream-openai-b-0001": "openai-b" };
  const route = (field) => ({
    strategy: { mode: "balance", sticky: [field], failover: true }, breaker: { failures: 1, cooldown: 1000 }, ...gpt, targets: [{ credential: "openai-main" }, { credential: "openai-b" }],
  });
  const last = () => accounts[openai.last().headers.authorization];
  const one = async (field, options, body = {}) => {
    const client = new Portkey({ apiKey: tokenOf("twin"), baseURL: `${gate.url}/v1`, config: route(field), ...options });
    await client.chat.completions.create({ ...hello, ...body });
    return last();
  };
  for (const [field, make] of Object.entries({
    prompt: (who) => (i) => [{}, { messages: [{ role: "system", content: `You serve ${who}.` }, ...Array.from({ length: i + 1 }, (_, k) => ({ role: "user", content: `question ${k}` }))] }],
    "metadata.user_id": (who) => (i) => [{ metadata: { user_id: who } }, { seed: i }],
    user: (who) => (i) => [{}, { user: who, seed: i }],
  })) {
    const met = new Map();
    for (const who of ["ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hal"]) {
      for (let i = 0; i < 10; i++) {
        const account = await one(field, ...make(who)(i));
        assert.equal(account, met.get(who) ?? account, `${field}: call ${i} of ${who}`);
        met.set(who, account);
      }
    }
    assert.equal(new Set(met.values()).size, 2, `${field}: both accounts are used`);
    if (field !== "prompt") continue;

    const home = met.get("ada"), other = home === "openai-main" ? "openai-b" : "openai-main", neighbour = [...met.keys()].find((who) => met.get(who) === other);
    openai.play = (call) => (accounts[call.headers.authorization] === home ? down : {});
    for (let i = 0; i < 3; i++) assert.equal(await one(field, ...make("ada")(i)), other, "another account while its own is down");
    openai.play = {};
    await until(async () => (await one(field, ...make("ada")(4))) === home, "its own account again", { timeout: 15_000 });
    for (let i = 0; i < 10; i++) assert.equal(await one(field, ...make("ada")(i)), home);
    assert.equal(await one(field, ...make(neighbour)(0)), other);
    await gate.restart();
    assert.deepEqual([await one(field, ...make("ada")(5)), await one(field, ...make(neighbour)(5))], [home, other], "also after a restart");
  }
});
