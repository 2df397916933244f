// SPDX-License-Identifier: Apache-2.0
// The cache on routes: whose rule counts, what a fallback, a race, a retry and a shadow leave behind, and what the rows come to.
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { sleep, until } from "./lib/process.js";
import { assert, describe, newRun, test } from "./lib/test.js";

const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
const gpt = { provider: "openai", model: "gpt-4o-mini" }, claude = { provider: "anthropic", model: "claude-haiku-4-5" };
const exact = { cache: { mode: "exact", max_age: "1h" } }, both = ["openai-main", "anthropic-main"];
const gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
  routes: {
    kept: { ...exact, targets: [gpt] }, again: { ...exact, targets: [gpt] }, spaced: { cache: { mode: "exact", namespace: "other" }, targets: [gpt] },
    fallback: { ...exact, strategy: { mode: "fallback" }, targets: [gpt, claude] },
    "second-only": { strategy: { mode: "fallback" }, targets: [gpt, { ...claude, ...exact }] },
    race: { ...exact, strategy: { mode: "race" }, targets: [gpt, claude] },
    retry: { ...exact, retry: { attempts: 2, base: 1 }, targets: [gpt] },
    shadow: { ...exact, strategy: { mode: "shadow" }, targets: [gpt, claude] },
    never: { cache: "off", targets: [gpt] },
  },
  keys: [key("plain", both), key("routed", both, { route: "kept" }), key("always", both, { cache: "exact" })],
}));

let serial = 0;
const hello = (more = {}) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content: `Say hello ${++serial}.` }], max_tokens: 50, ...more });

/** One call; `route`: by its name, or written out. */
async function chat(ask, route, { as = "plain", headers = {}, signal } = {}) {
  const along = route ? { "x-tollgate-config": typeof route === "string" ? route : JSON.stringify(route) } : {};
  const answer = await fetch(`${gate.url}/v1/chat/completions`, { method: "POST", signal, headers: { authorization: `Bearer ${tokenOf(as)}`, "content-type": "application/json", ...along, ...headers }, body: JSON.stringify(ask) });
  const text = await answer.text(), field = (name) => answer.headers.get(`x-tollgate-${name}`);
  const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json));
  const words = ask.stream ? events.map((e) => e.choices[0]?.delta?.content ?? "").join("") : JSON.parse(text).choices?.[0]?.message?.content;
  return { status: answer.status, text, words, model: ask.stream ? events[0]?.model : JSON.parse(text).model, cache: field("cache"), vendor: field("vendor"), cost: field("cost-usd"), saved: field("cache-saved-usd"), id: field("call-id") };
}

/** What the vendors say, and how often they were asked from here on; what they did before is forgiven. */
async function vendors(first = {}, second = {}) {
  for (const vendor of ["openai", "anthropic"]) await gate.ask("POST", "/api/v1/health/reset", { vendor });
  openai.play = first;
  anthropic.play = second;
  openai.calls.length = anthropic.calls.length = 0;
  return () => [openai.calls.length, anthropic.calls.length];
}

describe("whose rule", () => {
  test("a route's own, named by the call, by the key, or written out; without it nothing", async () => {
    const ask = hello(), asked = await vendors();
    assert.deepEqual([(await chat(ask)).cache, (await chat(ask, "kept")).cache, (await chat(ask, "kept")).cache], ["off", "miss", "hit"]);
    assert.equal((await chat(ask, undefined, { as: "routed" })).cache, "hit", "the same route");
    assert.deepEqual([(await chat(ask, { ...exact, targets: [gpt] })).cache, (await chat(ask, { ...exact, targets: [gpt] })).cache], ["hit", "hit"], "the same route in other words");
    assert.deepEqual(asked(), [2, 0]);
  });

  test("the call goes before the route, the route before the key", async () => {
    const ask = hello();
    await vendors();
    assert.deepEqual([(await chat(ask, "kept", { headers: { "x-tollgate-cache": "off" } })).cache, (await chat(ask, "kept")).cache], ["off", "miss"]);
    assert.deepEqual([(await chat(ask, "never")).cache, (await chat(ask, "never", { headers: { "x-tollgate-cache": "on" } })).cache], ["off", "miss"]);
    assert.deepEqual([(await chat(ask, undefined, { as: "always" })).cache, (await chat(ask, "never", { as: "always" })).cache], ["miss", "off"]);
  });

  test("another route is another question, and a namespace another one", async () => {
    const ask = hello();
    await vendors();
    assert.deepEqual([(await chat(ask, "kept")).cache, (await chat(ask, "spaced")).cache, (await chat(ask, "spaced")).cache], ["miss", "miss", "hit"]);
    assert.equal((await chat(ask, "fallback")).cache, "miss");
    assert.equal((await chat(ask, undefined, { headers: { "x-tollgate-cache": "on" } })).cache, "miss", "no route");
  });
});

for (const stream of [false, true])
  describe(stream ? "streams" : "whole answers", () => {
    test("the answer of a fallback is the route's: it says whose model it is, and nobody else is given it", async () => {
      const ask = hello({ stream }), asked = await vendors({ status: 503, error: { message: "down" } }, { text: ["By ", "Claude."] });
      const first = await chat(ask, "fallback"), { cost_usd: cost } = await gate.call(first.id);
      assert.deepEqual([first.cache, first.vendor, first.words], ["miss", "anthropic", "By Claude."]);
      await vendors();
      const again = await chat(ask, "fallback"), other = await chat({ ...ask, stream: !stream }, "fallback");
      for (const one of [again, other]) assert.deepEqual([one.cache, one.words, one.model, one.cost, one.saved], ["hit", "By Claude.", first.model, "0", cost]);
      assert.match(first.model, /claude/);
      const row = await gate.call(again.id);
      assert.deepEqual([row.model_requested, row.model, row.attempts.length], ["gpt-4o-mini", "claude-haiku-4-5", 0]);
      const direct = await chat(ask, undefined, { headers: { "x-tollgate-cache": "on" } });
      assert.deepEqual([direct.cache, direct.words, direct.vendor], ["miss", "Hello there!", "openai"], "who asks the first target itself is answered by it");
      assert.equal(asked()[1], 0);
    });

    test("the first target's rule counts: where only the second has one, nothing is kept", async () => {
      const ask = hello({ stream });
      await vendors({ status: 503, error: { message: "down" } });
      assert.deepEqual([(await chat(ask, "second-only")).cache, (await chat(ask, "second-only")).cache], ["off", "off"]);
    });

    test("a race: what the winner said, all of it and nothing else, or nothing", async () => {
      for (const [slow, fast, name] of [[{ text: ["slow ", "gpt"], delay: 400 }, { text: ["fast ", "claude"], pause: 20 }, "claude"], [{ text: ["fast ", "gpt"], pause: 20 }, { text: ["slow ", "claude"], delay: 400 }, "gpt"]]) {
        const ask = hello({ stream }), asked = await vendors(slow, fast);
        const first = await chat(ask, "race");
        assert.deepEqual([first.cache, first.words], ["miss", `fast ${name}`]);
        assert.deepEqual(asked(), [1, 1]);
        const again = await chat(ask, "race");
        assert.deepEqual([again.cache, again.words, again.model, asked()], ["hit", `fast ${name}`, first.model, [1, 1]]);
      }
    });

    test("a retry is one flight: who waits gets the answer of the second try", async () => {
      const ask = hello({ stream }), asked = await vendors();
      openai.play = (call, n) => (n === 1 ? { status: 500, error: { message: "oops" }, delay: 100 } : { delay: 100 });
      const got = await Promise.all(Array.from({ length: 10 }, () => chat(ask, "retry")));
      assert.ok(got.every((one) => one.words === "Hello there!"), JSON.stringify(got.map((one) => one.words)));
      assert.deepEqual([got.filter((one) => one.cache === "miss").length, got.filter((one) => one.cache === "hit").length, asked()], [1, 9, [2, 0]]);
    });

    test("a stream that broke before its first word leaves nothing in what the next target says", async () => {
      const ask = hello({ stream: true });
      await vendors({ cutAfter: 1, text: ["broken "] }, { text: ["whole"] });
      const first = await chat(ask, "fallback");
      assert.deepEqual([first.words, first.cache], ["whole", "miss"]);
      const again = await chat({ ...ask, stream }, "fallback");
      assert.deepEqual([again.words, again.cache], ["whole", "hit"]);
    });

    test("the first caller leaves in the middle of a fallback: those that wait go on, one of them first", async () => {
      const ask = hello({ stream }), gone = new AbortController();
      const asked = await vendors({ status: 503, error: { message: "down" } }, { delay: 400, text: ["late"] });
      const first = chat(ask, "fallback", { signal: gone.signal }).catch(() => "gone");
      await until(() => asked()[1] === 1, "the second target is asked");
      const others = Array.from({ length: 5 }, () => chat(ask, "fallback"));
      await sleep(100);
      gone.abort();
      assert.equal(await first, "gone");
      const got = await Promise.all(others);
      assert.ok(got.every((one) => one.words === "late"), JSON.stringify(got));
      assert.equal(got.filter((one) => one.cache === "hit").length, 4);
      assert.equal(asked()[1], 2);
    });
  });

test("a shadow neither looks nor keeps, and a hit has none", async () => {
  const ask = hello(), asked = await vendors({ text: ["main"] }, { text: ["mirror"] });
  assert.deepEqual([(await chat(ask, "shadow")).words, (await chat(ask, "shadow")).words], ["main", "main"]);
  await until(() => asked()[1] >= 1, "the mirror was asked");
  await sleep(200);
  assert.deepEqual(asked(), [1, 1]);
  const mirror = await until(async () => (await gate.calls({ vendor: "anthropic" })).find((row) => row.mirror_of), "its row");
  assert.deepEqual([mirror.cache, mirror.saved_usd], ["off", undefined]);
  const direct = await chat({ ...ask, model: "claude-haiku-4-5" }, undefined, { headers: { "x-tollgate-cache": "on" } });
  assert.equal(direct.cache, "miss");
});

test("a hit's row: no tokens, for none were used; what is told of a run agrees everywhere", async () => {
  const ask = hello(), run = newRun(), headers = { "x-agent-run-id": run };
  await vendors();
  const got = [];
  for (let i = 0; i < 4; i++) got.push(await chat({ ...ask, stream: i === 3 }, "kept", { headers }));
  assert.deepEqual(got.map((one) => one.cache), ["miss", "hit", "hit", "hit"]);
  const { data } = await new OpenAI({ apiKey: tokenOf("plain"), baseURL: `${gate.url}/v1`, defaultHeaders: { "x-tollgate-config": "kept", ...headers } }).chat.completions.create(ask).withResponse();
  assert.equal(data.usage.prompt_tokens, 19, "a caller is told what the first answer's were");
  const rows = await gate.calls({ run }), [first] = rows.filter((row) => row.cache === "miss"), hits = rows.filter((row) => row.cache === "hit");
  assert.equal(hits.length, 4);
  for (const row of hits) assert.deepEqual([row.input_tokens, row.output_tokens, row.usage ?? null, row.cost_usd, row.saved_usd, row.repeat_of], [0, 0, null, "0", first.cost_usd, first.id]);
  assert.deepEqual([first.input_tokens, first.output_tokens], [19, 10]);
  const told = await gate.get(`/runs/${run}`), [usage] = (await gate.get(`/usage?by=run&run=${run}`)).data;
  assert.deepEqual([told.total_usd, usage.cost_usd], [first.cost_usd, first.cost_usd]);
  assert.deepEqual([usage.input_tokens, usage.output_tokens, usage.calls], [19, 10, 5]);
  const list = await gate.cli("calls", "--run", run, "--json");
  const listed = JSON.parse(list.out).data;
  assert.equal(listed.reduce((sum, row) => sum + nanos(row.cost_usd), 0n), nanos(first.cost_usd));
  assert.equal(listed.reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0), 29);
  assert.match((await gate.cli("run", run)).out, /\b19\s+10\s+0\.0/);
  assert.equal((await gate.get("/ledger/check")).ok, true);
});
