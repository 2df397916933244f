// SPDX-License-Identifier: Apache-2.0
// What a race is worth: two vendors, each slow for one call in ten and independently of the other, asked alone, raced and hedged. How many calls meet a
// slow answer is what theory says, and the bill shows what was paid for it.
//
// Nothing is timed, so no machine is too slow for it: which answers are slow is drawn beforehand by seeded dice and stands in the answer, and a slow
// answer that a quick one beats is held back until its connection is cut.
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { Dice } from "./lib/dice.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { sleep, until } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

const calls = 400, slowShare = 0.1, quickMs = 20, slowMs = 400, atOnce = 8;
const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
const gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
  keys: [key("any", ["openai-main", "anthropic-main"], { budgets: [{ limit: "100 usd", window: "day" }] })],
}));
const gpt = { provider: "openai", model: "gpt-4o-mini" }, claude = { provider: "anthropic", model: "claude-haiku-4-5" };

/** Which of the calls are slow at each of the two. */
function drawn(seed) {
  const dice = new Dice(seed);
  return Array.from({ length: calls }, () => [dice.chance(slowShare), dice.chance(slowShare)]);
}

const answerOf = new Map([openai, anthropic].map((vendor) => [vendor, vendor.hold]));
function play(vendor, side, slow, alone) {
  vendor.play = (call) => ({ text: [slow[call.number][side] ? "slow" : "quick"] });
  vendor.hold = async (call, res) => {
    call.number = Number(/#(\d+)#/.exec(call.text)[1]);
    const [mine, other] = [slow[call.number][side], slow[call.number][1 - side]];
    if (mine && !other && !alone) await until(() => call.closed, `call ${call.number}: the quick one wins and this one is cut`);
    else await sleep(mine ? slowMs : quickMs);
    return answerOf.get(vendor)(call, res);
  };
}

/** All calls, some at once: how many were answered slowly, and their rows. */
async function play400(slow, targets, strategy = { mode: "single" }) {
  const run = newRun(), headers = { "x-tollgate-config": JSON.stringify({ strategy, breaker: "off", targets }), "x-agent-run-id": run };
  const client = new OpenAI({ apiKey: tokenOf("any"), baseURL: `${gate.url}/v1`, maxRetries: 0, defaultHeaders: headers });
  [openai, anthropic].forEach((vendor, side) => play(vendor, side, slow, targets.length === 1));
  let next = 0, slowly = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let i = next++; i < calls; i = next++) {
      const answer = await client.chat.completions.create({ model: gpt.model, max_tokens: 50, messages: [{ role: "user", content: `Say hello #${i}#` }] });
      slowly += answer.choices[0].message.content === "slow";
    }
  }));
  const rows = await until(async () => { const found = await gate.calls({ run }); return found.length === calls && found; }, "all rows");
  const { total_usd } = await gate.get(`/runs/${run}`);
  assert.equal(rows.reduce((sum, row) => sum + nanos(row.cost_usd), 0n), nanos(total_usd));
  return { slowly, rows, cost: nanos(total_usd) };
}

/** Of that many calls with such a chance, the counts that all but one run in ten thousand have: by four deviations, and a little for small means. */
function usual(chance) {
  const mean = calls * chance, apart = 4 * Math.sqrt(mean * (1 - chance)) + 2;
  return [Math.max(0, mean - apart), mean + apart];
}
const within = (count, [least, most], what) => assert.ok(count >= least && count <= most, `${what}: ${count}, expected ${least} to ${most}`);
const p95IsSlow = ({ slowly }) => slowly > calls * 0.05;

const slow = drawn(20261122), both = slow.filter(([a, b]) => a && b).length, first = slow.filter(([a]) => a).length, alone = [];

test("alone: one answer in ten is slow, and so is the 95th of a hundred", { timeout: 120_000 }, async () => {
  for (const [side, target] of [gpt, claude].entries()) {
    alone[side] = await play400(slow, [target]);
    assert.equal(alone[side].slowly, slow.filter((pair) => pair[side]).length);
    within(alone[side].slowly, usual(slowShare), target.provider);
    assert.ok(p95IsSlow(alone[side]));
    for (const row of alone[side].rows) assert.equal(row.attempts.length, 1);
  }
});

test("a race: one answer in a hundred is slow, the 95th is quick, and the losers are on the bill", { timeout: 120_000 }, async () => {
  const raced = await play400(slow, [gpt, claude], { mode: "race" });
  assert.equal(raced.slowly, both, "only where both are slow");
  within(raced.slowly, usual(slowShare ** 2), "the race");
  assert.ok(!p95IsSlow(raced));
  let lost = 0n;
  for (const row of raced.rows) {
    assert.deepEqual(row.attempts.map((a) => a.vendor), ["openai", "anthropic"]);
    assert.equal(row.attempts.reduce((sum, a) => sum + nanos(a.cost_usd), 0n), nanos(row.cost_usd));
    const losers = row.attempts.filter((a) => a.reason === "another target was faster");
    assert.equal(losers.length, 1);
    assert.ok(nanos(losers[0].cost_usd) > 0n, "its prompt was read");
    lost += nanos(losers[0].cost_usd);
  }
  assert.ok(lost > 0n && lost < raced.cost);
  for (const one of alone) assert.ok(raced.cost > one.cost, "a race costs more than either alone");
});

test("a hedge: as few slow answers, and the second is paid for only where it is called", { timeout: 120_000 }, async () => {
  const hedged = await play400(slow, [gpt, claude], { mode: "race", stagger: slowMs / 2 });
  assert.ok(hedged.slowly >= both && hedged.slowly <= usual(slowShare ** 2)[1], `${hedged.slowly} slow answers`);
  const second = hedged.rows.filter((row) => row.attempts.length === 2);
  assert.ok(second.length >= first, `${second.length} of ${first} calls whose first was slow`);
  assert.ok(second.length < calls / 2, `${second.length} calls for the second: a race would make ${calls}`);
  for (const row of hedged.rows) assert.equal(row.attempts.reduce((sum, a) => sum + nanos(a.cost_usd), 0n), nanos(row.cost_usd));
});
