// SPDX-License-Identifier: Apache-2.0
// Models compared on mirrored calls: pairs, a judge who sees both orders, intervals, and a recommendation only where they say something.
import fs from "node:fs";
import path from "node:path";

import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { sleep, until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
const first = { provider: "openai", model: "gpt-4o" }, second = { provider: "anthropic", model: "claude-haiku-4-5" }, judge = { provider: "openai", model: "gpt-4o-mini" };
const way = (experiment) => ({ strategy: { mode: "shadow", experiment: { judge, ...experiment } }, targets: [first, second] });
const both = ["openai-main", "anthropic-main"], rich = { budgets: [{ limit: "1000 usd", window: "day" }] };
const gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
  routes: {
    better: way({ name: "better", question: "Prefer the answer that is polite." }), level: way({ name: "level" }), biased: way({ name: "biased" }), tenth: way({ name: "tenth", percent: 10 }),
    failing: { ...way({ name: "failing" }), breaker: "off" }, mumbling: way({ name: "mumbling" }), streamed: way({ name: "streamed" }), quiet: way({ name: "quiet" }),
  },
  keys: [key("any", both, rich)],
}));

// What the judge says of request n, by what it sees in each place: "FIRST ..." or "SECOND ...".
let opinion = () => "tie", failing = () => false;
const number = (text) => Number(text.match(/request (\d+)/)?.[1] ?? 0);
const judged = [];
openai.play = (call) => {
  const ask = JSON.parse(call.text);
  if (ask.model !== judge.model) return { text: ["FIRST answer"], usage: { prompt_tokens: 100 + (number(call.text) % 7), completion_tokens: 20 } };
  const said = JSON.parse(ask.messages[1].content);
  judged.push(ask);
  return { text: [opinion(said, number(said.request))], usage: { prompt_tokens: 200, completion_tokens: 5 } };
};
anthropic.play = (call) => {
  const n = number(call.text);
  if (failing(n)) return { status: 500, error: { type: "error", error: { type: "api_error", message: "no" } } };
  return { text: ["SECOND ", "answer"], usage: { input_tokens: 80 + (n % 5), output_tokens: 15 } };
};
const winner = (name) => JSON.stringify({ winner: name });
/** Names the place where the answer stands that begins with `word`. */
const place = (said, word) => winner(said.answer_a.startsWith(word) ? "A" : "B");

async function ask(route, n, more = {}, headers = {}) {
  const answer = await fetch(`${gate.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("any")}`, "content-type": "application/json", "x-tollgate-config": route, ...headers },
    body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "system", content: "Be brief." }, { role: "user", content: `request ${n}` }], max_tokens: 50, ...more }),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return { text, id: answer.headers.get("x-tollgate-call-id"), cache: answer.headers.get("x-tollgate-cache") };
}

async function askAll(route, count) {
  let next = 0;
  const worker = async () => {
    while (next < count) await ask(route, next++);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

const shown = async (name) => (await gate.ask("GET", `/api/v1/experiments/${name}`)).body.data?.[0];
const total = (e) => e && e.judged + e.unjudged;
const allPairs = (name, count) => until(async () => {
  const e = await shown(name);
  return total(e) === count && e;
}, `${count} pairs of ${name}`, { timeout: 120_000 });

const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
/** Mean and 95 % interval, the textbook's way: two passes. */
function interval(list) {
  const m = mean(list), s = Math.sqrt(list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1)), half = (1.959964 * s) / Math.sqrt(list.length);
  return { low: m - half, mid: m, high: m + half };
}
const near = (got, want, most, what) => assert.ok(Math.abs(Number(got) - want) <= most, `${what}: ${got}, and not ${want}`);

test("S-49: a cheaper model on evidence: win rate, cost and time with intervals, the judge's cost; nothing is recommended while the interval spans zero", async () => {
  opinion = (said, n) => place(said, n % 5 < 3 ? "SECOND" : "FIRST");
  await askAll("better", 500);
  const better = await allPairs("better", 500);
  assert.deepEqual([better.first, better.second, better.judge], ["openai/gpt-4o", "anthropic/claude-haiku-4-5", "gpt-4o-mini"]);
  assert.deepEqual([better.judged, better.wins, better.losses, better.ties, better.no_answer, better.unjudged], [500, 300, 200, 0, 0, 0]);
  // Bonett and Price by hand: (301 - 201)/502 +- 1.96 sqrt((502/502 - 0.1992^2)/502) = 0.1992 +- 0.0857, as a rate (1 + d)/2.
  assert.deepEqual(better.win_rate, { low: 0.5567, mid: 0.6, high: 0.6425 });
  assert.equal(better.recommendation, "second");

  const rows = (await gate.calls()).filter((row) => row.experiment === "better"), byId = new Map((await gate.calls({ model: "gpt-4o" })).map((row) => [row.id, row]));
  const mirrors = rows.filter((row) => row.vendor === "anthropic"), judges = rows.filter((row) => row.vendor === "openai");
  assert.deepEqual([mirrors.length, judges.length], [500, 1000]);
  const pairs = mirrors.map((row) => [byId.get(row.mirror_of), row]);
  assert.ok(pairs.every(([a]) => a), "each mirror is one of a caller's call");
  const cost = interval(pairs.map(([a, b]) => Number(nanos(b.cost_usd) - nanos(a.cost_usd)))), ms = interval(pairs.map(([a, b]) => b.upstream_ms - a.upstream_ms));
  for (const end of ["low", "mid", "high"]) {
    near(nanos(better.cost_usd.difference[end]), cost[end], 1, `cost ${end}`);
    near(better.latency_ms.difference[end], ms[end], 0.06, `ms ${end}`);
  }
  assert.ok(cost.high < 0, "the second is the cheaper one");
  near(nanos(better.cost_usd.first), mean(pairs.map(([a]) => Number(nanos(a.cost_usd)))), 1, "cost of the first");
  assert.equal(nanos(better.judge_cost_usd), judges.reduce((sum, row) => sum + nanos(row.cost_usd), 0n));

  opinion = (said, n) => place(said, n % 25 < 13 ? "SECOND" : "FIRST");
  await askAll("level", 500);
  const level = await allPairs("level", 500);
  assert.deepEqual([level.wins, level.losses], [260, 240]);
  assert.ok(level.win_rate.low < 0.5 && level.win_rate.high > 0.5, JSON.stringify(level.win_rate));
  assert.equal(level.recommendation, "none");
  assert.match(level.why, /spans/);

  await askAll("tenth", 600);
  const tenth = await until(async () => {
    const before = total(await shown("tenth"));
    await sleep(500);
    return before && total(await shown("tenth")) === before && before;
  });
  assert.ok(tenth > 25 && tenth < 105, `${tenth} of 600 were drawn for 10 %`); // 60 +- 6 standard deviations

  const { code, out } = await gate.cli("experiment");
  assert.equal(code, 0);
  assert.match(out, /better.*500.*0\.6000.*0\.5567 \.\. 0\.6425.*anthropic\/claude-haiku-4-5/);
  assert.match(out, /level.*nothing/);
});

test("the judge is asked twice, each answer once in front, and told what counts", async () => {
  opinion = (said) => place(said, "SECOND");
  judged.length = 0;
  const { id } = await ask("better", 9001);
  const event = await until(async () => (await gate.get(`/calls/${id}`)).events?.[0]);
  const [one, two] = judged.filter((body) => body.messages[1].content.includes("9001")), said = [one, two].map((body) => JSON.parse(body.messages[1].content));
  assert.deepEqual(said, [{ request: "request 9001", answer_a: "FIRST answer", answer_b: "SECOND answer" }, { request: "request 9001", answer_a: "SECOND answer", answer_b: "FIRST answer" }]);
  assert.equal(one.temperature, 0);
  assert.equal(one.response_format.type, "json_schema");
  assert.match(one.messages[0].content, /Prefer the answer that is polite\.$/);
  assert.equal(event.operation, "experiment.pair");
  assert.equal(event.pair.verdict, "win");
  assert.equal(event.pair.first.call, id);
  assert.equal(event.pair.judge.calls.length, 2);
  const judges = await Promise.all(event.pair.judge.calls.map((call) => gate.call(call)));
  for (const row of judges) assert.deepEqual([row.mirror_of, row.experiment, row.key_name, row.verdict], [id, "better", "any", "allowed"]);
});

test("a judge who goes by the place decides nothing: both orders contradict each other", async () => {
  opinion = () => winner("A");
  await askAll("biased", 40);
  const e = await allPairs("biased", 40);
  assert.deepEqual([e.wins, e.losses, e.ties, e.contradicted, e.recommendation], [0, 0, 40, 40, "none"]);
});

test("a second that does not answer has lost; a judge that names nobody has not judged", async () => {
  opinion = (said) => place(said, "SECOND");
  failing = (n) => n % 2 === 1;
  await askAll("failing", 40);
  const e = await allPairs("failing", 40);
  failing = () => false;
  assert.deepEqual([e.judged, e.wins, e.losses, e.no_answer], [40, 20, 0, 20]);
  opinion = () => "I like both.";
  await askAll("mumbling", 3);
  const m = await allPairs("mumbling", 3);
  assert.deepEqual([m.judged, m.unjudged, m.recommendation], [0, 3, "none"]);
});

test("a judge whom the key may not ask judges nothing, and the pair's row says why", async () => {
  const count = judged.length;
  const { id } = await ask(JSON.stringify(way({ name: "barred", judge: { ...judge, credential: "somebody-elses" } })), 9050);
  const event = await until(async () => (await gate.get(`/calls/${id}`)).events?.[0]);
  assert.equal(event.pair.verdict, "unjudged");
  assert.equal(event.reason, "the judge: config.targets[0]: the key has no credential for it");
  assert.equal(judged.length, count, "nothing was forwarded");
  const e = await shown("barred");
  assert.deepEqual([e.judged, e.unjudged, e.judge_cost_usd], [0, 1, "0"]);
});

test("streams are compared as well, and their caller waits for nobody", async () => {
  opinion = (said) => place(said, "FIRST");
  judged.length = 0;
  const { text } = await ask("streamed", 9100, { stream: true });
  assert.match(text, /FIRST answer/);
  const e = await allPairs("streamed", 1);
  assert.equal(e.losses, 1);
  assert.equal(JSON.parse(judged[0].messages[1].content).answer_b, "SECOND answer");
});

test("an experiment that cannot be meant is refused with the field's name", async () => {
  const refused = async (experiment) => {
    const answer = await fetch(`${gate.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf("any")}`, "content-type": "application/json", "x-tollgate-config": JSON.stringify({ strategy: { mode: "shadow", experiment }, targets: [first, second] }) },
      body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hello" }] }),
    });
    assert.equal(answer.status, 400);
    return (await answer.json()).error.message;
  };
  assert.match(await refused({ name: "x", judge: { provider: "openai" } }), /experiment\.judge\.model/);
  assert.match(await refused({ judge }), /experiment\.name/);
  assert.match(await refused({ name: "x", judge, percent: 0 }), /experiment\.percent/);
  assert.match(await refused({ name: "x", judge, jugde: 1 }), /jugde/);
  assert.equal((await gate.ask("GET", "/api/v1/experiments/nobody")).status, 404);
});

/** All that a gate keeps. */
function stored(dir) {
  return Buffer.concat(fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name))));
}

test("S-50: right to forget: an experiment's content is in no file and no export, what the cache has of it goes when it is purged, and the statistics remain", async () => {
  opinion = (said) => place(said, "SECOND");
  const secret = { messages: [{ role: "user", content: "request 9200 FORGET-THIS-PROMPT" }], temperature: 0 }, cached = { "x-tollgate-cache": "on" };
  assert.equal((await ask("quiet", 0, secret, cached)).cache, "miss");
  const before = await allPairs("quiet", 1);
  assert.ok(judged.some((body) => body.messages[1].content.includes("FORGET-THIS-PROMPT")), "the judge was shown it");
  assert.equal((await ask("quiet", 0, secret, cached)).cache, "hit");
  assert.ok((await gate.post("/cache/purge", { all: true })).purged >= 1);
  assert.equal((await ask("quiet", 0, secret, cached)).cache, "miss", "the cache has it no more");
  const after = await allPairs("quiet", 2);
  assert.deepEqual([before.wins, after.wins], [1, 2]);
  await gate.post("/cache/purge", { all: true });
  const exported = await (await fetch(`http://${gate.adminAddress}/api/v1/audit/export`, { headers: { authorization: `Bearer ${adminToken}` } })).text();
  assert.ok(exported.includes("experiment.pair"));
  await gate.restart();
  for (const [where, bytes] of [["disk", stored(gate.dataDir)], ["export", exported], ["log", gate.log]])
    for (const word of ["FORGET-THIS", "FIRST answer", "SECOND answer"]) assert.ok(!bytes.includes(word), `${word} in ${where}`);
  assert.deepEqual(await shown("quiet"), after, "the statistics remain");
});
