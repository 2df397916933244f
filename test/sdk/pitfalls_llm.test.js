// SPDX-License-Identifier: Apache-2.0
// Ways in which streams of other gateways failed in public: spend that was not recorded, texts that came twice or late, memory. Each is tried
// in every lane: what passes as it is, and what is translated. docs/pitfalls.md has the table; pitfalls.test.js holds it to the truth.
import fs from "node:fs";
import path from "node:path";
import { before, beforeEach } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, root, sleep, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { run as command, until } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
const credentials = ["openai-main", "anthropic-main"];
let gate;
before(async () => {
  gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
    keys: [
      key("day", credentials, { budgets: [{ limit: "100 usd", window: "day" }] }),
      key("few", credentials, { budgets: [{ limit: "1000 tokens", window: "day" }] }),
    ],
  }));
});
beforeEach(() => { openai.play = {}; anthropic.play = {}; });

/* ---- the lanes ---- each: where a call goes, how it looks, which vendor hears it */

const say = [{ role: "user", content: "Say hello." }];
const chat = { messages: say, max_tokens: 100, stream: true }, messages = { messages: say, max_tokens: 100, stream: true };
const responses = { input: "Say hello.", max_output_tokens: 100, stream: true, store: false };
const cheap = "gpt-4o-mini", claude = "claude-haiku-4-5";
const lanes = [
  { name: "chat", path: "/openai/v1/chat/completions", body: { ...chat, model: cheap }, vendor: openai },
  { name: "chat onto Anthropic", path: "/v1/chat/completions", body: { ...chat, model: claude }, vendor: anthropic },
  { name: "responses", path: "/openai/v1/responses", body: { ...responses, model: cheap }, vendor: openai, nested: true },
  { name: "responses onto Anthropic", path: "/v1/responses", body: { ...responses, model: claude }, vendor: anthropic },
  { name: "messages", path: "/anthropic/v1/messages", body: { ...messages, model: claude }, vendor: anthropic },
  { name: "messages onto OpenAI", path: "/v1/messages", body: { ...messages, model: cheap }, vendor: openai },
  { name: "generateContent onto OpenAI", path: `/v1beta/models/${cheap}:streamGenerateContent?alt=sse`, body: { contents: [{ role: "user", parts: [{ text: "Say hello." }] }], generationConfig: { maxOutputTokens: 100 } }, vendor: openai },
  { name: "generateContent onto Anthropic", path: `/v1beta/models/${claude}:streamGenerateContent?alt=sse`, body: { contents: [{ role: "user", parts: [{ text: "Say hello." }] }], generationConfig: { maxOutputTokens: 100 } }, vendor: anthropic },
];
// 1000 in, of them 400 cached; 50 out.
const anthropicUsage = { input_tokens: 600, cache_read_input_tokens: 400, output_tokens: 50 };
const chatUsage = { prompt_tokens: 1000, prompt_tokens_details: { cached_tokens: 400 }, completion_tokens: 50, total_tokens: 1050 };
const responsesUsage = { input_tokens: 1000, input_tokens_details: { cached_tokens: 400 }, output_tokens: 50, total_tokens: 1050 };
const usageOf = (lane) => (lane.vendor === anthropic ? anthropicUsage : lane.nested ? responsesUsage : chatUsage);
const costOf = (lane) => (lane.vendor === anthropic ? 600n * 1000n + 400n * 100n + 50n * 5000n : 600n * 150n + 400n * 75n + 50n * 600n);
const play = (lane, more) => { lane.vendor.play = { usage: usageOf(lane), ...more }; };
const words = Array.from({ length: 40 }, (_, i) => `w${i} `);

async function open(lane, { name = "day", run = newRun(), body = {} } = {}) {
  const leave = new AbortController();
  const answer = await fetch(gate.url + lane.path, {
    method: "POST", signal: leave.signal, body: JSON.stringify({ ...lane.body, ...body }),
    headers: { "content-type": "application/json", authorization: `Bearer ${tokenOf(name)}`, "x-agent-run-id": run },
  });
  return { answer, run, leave };
}

/** All of a stream as text: { text, broken }. */
async function readAll({ answer }) {
  let text = "";
  try {
    for await (const bytes of answer.body) text += Buffer.from(bytes).toString();
  } catch { return { text, broken: true }; }
  return { text, broken: false };
}

async function readUntil({ answer }, wanted) {
  const reader = answer.body.getReader();
  for (let text = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return false;
    text += Buffer.from(value).toString();
    if (text.includes(wanted)) return true;
  }
}

const rowOf = (run) => until(async () => {
  const rows = await gate.calls({ run });
  assert.ok(rows.length < 2, "one row a call");
  return rows[0]?.cost_usd !== undefined && rows[0];
}, "the row");
const held = async () => (await gate.get("/budgets?limit=100")).data.flatMap((line) => line.accounts).reduce((sum, account) => sum + nanos(String(account.reserved_usd ?? 0)), 0n);

/* ---- streaming and cancellation ---- */

for (const lane of lanes) {
  test(`[pitfall 23, 26] ${lane.name}: a caller that leaves is a row with what it cost, and the vendor is left within 100 ms`, async () => {
    play(lane, { text: words, pause: 20 });
    const call = await open(lane);
    assert.ok(await readUntil(call, "w3 "));
    const left = performance.now(), forwarded = lane.vendor.last();
    call.leave.abort();
    await until(() => forwarded.closed, "the end at the vendor", { timeout: 1000, every: 2 });
    assert.ok(performance.now() - left < 100, `${performance.now() - left} ms`);
    const row = await rowOf(call.run);
    assert.equal(row.denied, "client_gone");
    assert.ok(nanos(row.cost_usd) > 0n && nanos(row.cost_usd) < nanos(row.reserved_usd), `${row.cost_usd} of ${row.reserved_usd}`);
  });

  test(`[pitfall 24, 28, 29, 31, 32, 50] ${lane.name}: the final usage is priced, by the model that was let in, and told in the stream`, async () => {
    play(lane, { model: "inner-name-of-the-vendor" });
    const call = await open(lane);
    const { text } = await readAll(call);
    const row = await rowOf(call.run);
    assert.equal(nanos(row.cost_usd), costOf(lane));
    assert.equal(nanos(text.match(/^: x-tollgate-cost-usd=(\S+)$/m)[1]), costOf(lane));
    assert.deepEqual([row.input_tokens, row.cached_tokens, row.output_tokens].map(Number), [1000, 400, 50]);
    const said = JSON.stringify(row.usage);
    assert.match(said, lane.vendor === anthropic ? /"cache_read_input_tokens":400/ : /"cached_tokens":400/, "the vendor's own words stay on the row");
  });

  test(`[pitfall 83, 84] ${lane.name}: a stream that breaks off is an error, once, and nothing is said again`, async () => {
    play(lane, { text: words.slice(0, 6), cutAfter: 6 });
    const before = lane.vendor.count, call = await open(lane), { text, broken } = await readAll(call);
    assert.equal(lane.vendor.count, before + 1, "never asked twice");
    assert.equal(text.split("w0 ").length, 2, "never said twice");
    assert.ok(broken || /error/.test(text), text.slice(-300));
    assert.ok(!/\[DONE\]|message_stop|response\.completed|"finishReason":"STOP"/.test(text), "no clean end");
    const row = await rowOf(call.run);
    assert.ok(nanos(row.cost_usd) > 0n, "what was said is paid for");
    assert.equal(await until(async () => (await held()) === 0n, "nothing is held"), true);
  });

  test(`[pitfall 85] ${lane.name}: each event is passed on when it comes`, async () => {
    play(lane, { text: ["early ", "late"], pause: 150 });
    const began = performance.now(), call = await open(lane);
    assert.ok(await readUntil(call, "early "));
    const early = performance.now() - began, sent = lane.vendor.last().sentEvents;
    call.leave.abort();
    assert.ok(sent <= 5 && early < 150 * sent + 100, `${early} ms, behind ${sent} events`);
  });
}

test("[pitfall 33] what is said to be left is what is left", async () => {
  openai.play = { usage: { prompt_tokens: 10, completion_tokens: 90, total_tokens: 100 } };
  const left = async () => {
    const { data } = await gate.get("/budgets?limit=100");
    const [account] = data.find((line) => line.unit === "tokens").accounts;
    return 1000 - Number(account.spent) - Number(account.reserved);
  };
  for (let i = 0; i < 5; i++) {
    const call = await open(lanes[i % 2 ? 0 : 5], { name: "few", body: { stream: false, max_tokens: 90 } });
    assert.equal(call.answer.status, 200, await call.answer.text());
    await until(async () => (await left()) === 1000 - 100 * (i + 1), `what is left behind call ${i}`);
  }
  const refused = await open(lanes[0], { name: "few", body: { stream: false, max_tokens: 501 } });
  assert.equal(refused.answer.status, 402, "more than what is left");
  const { error: { tollgate } } = await refused.answer.json();
  assert.equal(Number(tollgate.limit) - Number(tollgate.spent) - Number(tollgate.reserved ?? 0), 500);
  assert.ok(Number(tollgate.attempted) > 500);
});

/* ---- memory ---- */

test("[pitfall 77] memory stays where it is: hundreds of streams in each lane", { timeout: 120_000 }, async () => {
  const round = async (n) => {
    for (let i = 0; i < n; i += 20)
      await Promise.all(Array.from({ length: 20 }, async (_, k) => {
        const lane = lanes[(i + k) % lanes.length];
        return readAll(await open(lane));
      }));
  };
  await round(400);
  const warm = gate.rss();
  await round(1200);
  const grown = gate.rss() - warm;
  assert.ok(grown < 12 * 1024, `grew by ${grown} KiB`);
});

test("[pitfall 79] forty bodies of 150 KB at once, translated, take a few times their size", { timeout: 60_000 }, async () => {
  const large = "x".repeat(150_000), before = gate.rss();
  anthropic.play = openai.play = { delay: 500 };
  const calls = Array.from({ length: 40 }, (_, i) => open(lanes[i % 2 ? 1 : 5], { body: { stream: false, messages: [{ role: "user", content: large }] } }));
  await sleep(400);
  const grown = gate.rss() - before;
  for (const call of await Promise.all(calls)) {
    assert.equal(call.answer.status, 200);
    await call.answer.arrayBuffer();
  }
  assert.ok(grown < 80 * 1024, `${grown} KiB for 6 MB of bodies`);
});

test("[pitfall 82] both ends end at the same moment: each call is closed once", { timeout: 60_000 }, async () => {
  const runs = [];
  for (let i = 0; i < 160; i++) {
    const lane = lanes[i % lanes.length], run = newRun();
    play(lane, i % 3 ? {} : { cutAfter: 3 });
    runs.push(run);
    const call = await open(lane, { run });
    const leaving = i % 2 ? Promise.resolve().then(() => call.leave.abort()) : sleep(i % 5).then(() => call.leave.abort());
    await Promise.all([readAll(call), leaving]);
  }
  for (const run of runs) await rowOf(run);
  await until(async () => (await held()) === 0n, "nothing is held");
  const check = await gate.get("/ledger/check");
  assert.ok(check.ok, JSON.stringify(check));
});

test("[pitfall 80] the benchmark is one command, and the page says which and on what", async () => {
  const { code, out } = await command(path.join(root, "script/bench"), ["--help"], { env: process.env });
  assert.equal(code, 0);
  assert.match(out, /quick/);
  const page = fs.readFileSync(path.join(root, "docs/benchmarks.md"), "utf8");
  assert.match(page, /script\/bench/);
  assert.match(page, /cores|CPU/);
});
