// SPDX-License-Identifier: Apache-2.0
// Answers given again: what is the same and what is not, streams and whole answers, one flight for many, purge, restart, and S-48.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import { callers } from "./lib/callers/index.js";
import { nanos, sleep, startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { startOpenai } from "./lib/llm.js";
import { startMarket } from "./lib/speakers/index.js";
import { assert, describe, newRun, test } from "./lib/test.js";

const key = "key-of-cache-0123456789";
const says = (...text) => ({ parts: [{ text }], finish: "stop", usage: { input: 120, output: 30 } });
let market, gate;

before(async () => {
  market = await startMarket(key);
  gate = market.gate;
});

/** One chat call; what came back with its fields. */
async function chat(body, headers = {}, { url = gate.url, token = key } = {}) {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers }, body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  const own = (name) => answer.headers.get(name);
  return { status: answer.status, text, json: own("content-type")?.includes("application/json") ? JSON.parse(text) : null, cache: own("x-tollgate-cache"), cost: own("x-tollgate-cost-usd"), saved: own("x-tollgate-cache-saved-usd"), age: own("age"), id: own("x-tollgate-call-id"), headers: answer.headers };
}

const on = { "x-tollgate-cache": "on" };
const asked = (play, more = {}) => ({ model: "@openai/gpt-5.1", messages: [{ role: "user", content: `What about it? #m${play.id}#` }], ...more });

describe("S-48: caching and cost", () => {
  test("without the flag two equal calls both go upstream", async () => {
    const play = market.play(says("Good ", "morning."));
    for (const _ of [1, 2]) assert.equal((await chat(asked(play))).cache, "off");
    assert.equal(play.calls.length, 2);
  });

  test("with the flag the second is a hit: no cost, what it saved, no reservation, and a row that says whose answer it is", async () => {
    const play = market.play(says("Good ", "morning.")), run = newRun();
    const first = await chat(asked(play), { ...on, "x-agent-run-id": run }), second = await chat(asked(play), { ...on, "x-agent-run-id": run });
    assert.deepEqual([first.cache, second.cache, second.status], ["miss", "hit", 200]);
    assert.deepEqual(second.json, first.json);
    assert.equal(second.cost, "0");
    assert.equal(second.saved, first.cost);
    assert.ok(nanos(first.cost) > 0n);
    assert.match(second.age, /^\d+$/);
    assert.equal(play.calls.length, 1);
    const row = await gate.call(second.id);
    assert.deepEqual([row.cache, row.cost_usd, row.saved_usd, row.repeat_of, row.reserved_usd ?? "0", row.attempts.length], ["hit", "0", first.cost, first.id, "0", 0]);
    assert.equal((await gate.call(first.id)).cache, "miss");
    assert.equal((await gate.get(`/runs/${run}`)).total_usd, first.cost, "a hit costs nothing");
  });

  test("any parameter of the generation misses; order, blanks and how it travels do not", async () => {
    const play = market.play(says("One.")), base = asked(play);
    await chat(base, on);
    const others = [{ temperature: 0.5 }, { temperature: 0.50 + 0.1 }, { top_p: 0.9 }, { seed: 1 }, { max_completion_tokens: 40 }, { stop: ["x"] }, { presence_penalty: 0.1 }, { reasoning_effort: "low" }, { user: "ada" },
      { tools: [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }] }, { response_format: { type: "json_object" } }, { n: 1 }];
    for (const [i, more] of others.entries()) {
      assert.equal((await chat({ ...base, ...more }, on)).cache, "miss", JSON.stringify(more));
      assert.equal(play.calls.length, i + 2);
    }
    const text = `{ "messages" : [ {"content":"What about \\u0069t? #m${play.id}#","role":"user"} ],\n "model":"@openai/gpt-5.1" }`;
    assert.equal((await chat(text, on)).cache, "hit", "the same in other words");
    assert.equal((await chat({ ...base, messages: [{ role: "system", content: "x" }, ...base.messages] }, on)).cache, "miss");
    assert.equal((await chat({ ...base, model: "@openai/gpt-5-mini" }, on)).cache, "miss", "another model");
    assert.equal((await chat(base, { ...on, "x-tollgate-drop-params": "logit_bias" })).cache, "miss", "what may be left out");
  });

  test("two tenants never share", async () => {
    const play = market.play(says("Mine."));
    await gate.post("/workspaces", { name: "other" });
    const other = await gate.post("/keys", { name: "other-key", workspace: "other", policy: "all", credentials: ["openai"] });
    assert.equal((await chat(asked(play), on)).cache, "miss");
    assert.equal((await chat(asked(play), on, { token: other.token })).cache, "miss");
    assert.equal((await chat(asked(play), on)).cache, "hit");
    assert.equal((await chat(asked(play), on, { token: other.token })).cache, "hit");
    assert.equal(play.calls.length, 2);
  });

  test("what failed is never kept: refusals of the vendor, cut streams, answers held back", async () => {
    const failing = { error: { kind: "server", message: "down" } };
    for (const [name, script, more, status] of [["500", failing, {}, 500], ["cut", { ...says("a", "b", "c", "d", "e", "f"), cut: true }, { stream: true }, 200], ["filter", { ...says("no"), finish: "filter" }, {}, 200]]) {
      const play = market.play(script, says("Well."));
      const first = await chat(asked(play, more), on).catch((error) => ({ status, error }));
      assert.equal(first.status, status, name);
      const second = await chat(asked(play, more), on);
      assert.deepEqual([second.status, second.cache, play.calls.length], [200, "miss", 2], name);
    }
  });
});

describe("all four dialects, whole and streamed, stored and asked", () => {
  const at = { "openai: chat": "@openai/gpt-5.1", "openai: responses": "@openai/gpt-5.1", "@anthropic-ai/sdk": "@anthropic/claude-haiku-4-5", "@google/genai": "@gemini/gemini-2.5-flash" };
  const elsewhere = { "openai: chat": "@anthropic/claude-haiku-4-5", "openai: responses": "@anthropic/claude-haiku-4-5", "@anthropic-ai/sdk": "@openai/gpt-5.1", "@google/genai": "@openai/gpt-5.1" };
  const weather = { name: "get_weather", description: "The weather", schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
  const plain = (got) => ({ text: got.text, finish: got.finish, calls: got.calls.map(({ name, args }) => ({ name, args })), usage: got.usage && { input: got.usage.input, output: got.usage.output } });

  for (const [name, models] of Object.keys(at).flatMap((n) => [[n, at], [n, elsewhere]]))
    for (const stored of ["whole", "stream"])
      for (const kind of ["text", "tool"])
        test(`${name} at ${models[name]}: a ${kind} answer ${stored === "stream" ? "streamed" : "whole"} first`, async () => {
          const caller = new callers[name].Caller({ url: gate.url, key }), run = newRun();
          const play = market.play(kind === "text" ? says("Good ", "morning, ", "\"Ada\" \u00e9\u{1f600}.") : { parts: [{ tool: { id: "call_oslo1", name: "get_weather", args: ['{"ci', 'ty":"Os', 'lo"}'] } }], finish: "tools", usage: { input: 120, output: 30 } });
          const ask = { model: models[name], user: `What about it? #m${play.id}#`, headers: { ...on, "x-agent-run-id": run }, ...(kind === "tool" ? { tools: [weather] } : {}) };
          const first = plain(await caller[stored](ask));
          for (const how of ["whole", "stream", "whole"]) assert.deepEqual(plain(await caller[how](ask)), first, how);
          assert.equal(play.calls.length, 1, "one call went upstream");
          const rows = await gate.calls({ run });
          assert.deepEqual(rows.map((row) => row.cache).sort(), ["hit", "hit", "hit", "miss"]);
          assert.equal(rows.filter((row) => row.cost_usd === "0").length, 3);
        });

  test("a stream that was asked for without its usage tells none, also from the cache", async () => {
    const play = market.play(says("Good."));
    await chat(asked(play, { stream: true }), on);
    const again = await chat(asked(play, { stream: true }), on);
    assert.equal(again.cache, "hit");
    assert.match(again.headers.get("content-type"), /^text\/event-stream/);
    assert.ok(again.text.trimEnd().endsWith("data: [DONE]") && !again.text.includes("prompt_tokens"), again.text);
    const wanted = await chat(asked(play, { stream: true, stream_options: { include_usage: true } }), on);
    assert.equal(wanted.cache, "hit");
    assert.match(wanted.text, /"prompt_tokens":120/);
  });

  for (const model of ["@openai/gpt-5.1", "@anthropic/claude-haiku-4-5"])
    for (const stream of [false, true])
      test(`responses of ${model}${stream ? ", streamed" : ""}: a kept one can be gone on with by its id; each key has its own`, async () => {
        const play = market.play(says("Good."));
        const other = await gate.post("/keys", { name: `mate-${play.id}`, policy: "all", credentials: ["openai", "anthropic"] });
        const ask = async (more, token = key, headers = on) => {
          const answer = await fetch(`${gate.url}/v1/responses`, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers }, body: JSON.stringify({ model, input: `Hi #m${play.id}#`, stream, ...more }) });
          const text = await answer.text();
          return { status: answer.status, text, cache: answer.headers.get("x-tollgate-cache"), why: answer.headers.get("x-tollgate-cache-reason"), id: /"(resp_[^"]+)"/.exec(text)?.[1] };
        };
        const first = await ask({}), second = await ask({}), mate = await ask({}, other.token);
        assert.deepEqual([first.cache, second.cache, second.id, mate.cache], ["miss", "hit", first.id, "miss"]);
        assert.equal((await ask({ stream: !stream })).id, first.id);
        for (const [token, id] of [[key, second.id], [other.token, mate.id]]) {
          const count = play.calls.length, next = await ask({ input: `And then? #m${play.id}#`, previous_response_id: id }, token);
          assert.deepEqual([next.status, next.cache, play.calls.length], [200, "off", count + 1], next.text);
          const sent = play.calls.at(-1).text;
          assert.ok(model.startsWith("@openai") ? sent.includes(id) : sent.includes("Hi #m") && sent.includes("Good.") && sent.includes("And then?"), sent);
        }
        const alike = await ask({ input: `Hi there #m${play.id}#` }, key, { "x-portkey-cache": "semantic" });
        assert.equal(alike.cache, "semantic_miss");
        assert.match(alike.why, /stored is given for its own words only/);
        assert.deepEqual([(await ask({ store: true })).cache, (await ask({ store: true })).cache], ["off", "off"], "its caller wants one of its own there");
        assert.deepEqual([(await ask({ store: false })).cache, (await ask({ store: false }, other.token)).cache], ["miss", "hit"], "nothing is stored: whose it is does not matter");
      });
});

describe("single flight", () => {
  test("fifty at once: one goes, and its answer is everyone's", async () => {
    const play = market.play({ ...says("Slow ", "answer."), pause: 100 });
    const got = await Promise.all(Array.from({ length: 50 }, (_, i) => chat(asked(play, { stream: i % 2 === 0 }), on)));
    assert.equal(play.calls.length, 1);
    assert.equal(got.filter((one) => one.cache === "miss").length, 1);
    assert.equal(got.filter((one) => one.cache === "hit").length, 49);
    for (const one of got) assert.match(one.text, /Slow /);
  });

  test("the first fails: exactly one of the others goes next", async () => {
    const play = market.play({ error: { kind: "server", message: "down" } }, { ...says("Well."), pause: 50 });
    const got = await Promise.all(Array.from({ length: 20 }, () => chat(asked(play), on)));
    assert.equal(play.calls.length, 2);
    assert.equal(got.filter((one) => one.status === 500).length, 1);
    assert.equal(got.filter((one) => one.cache === "hit").length, 18);
  });

  test("a caller that leaves, first or waiting, leaves nobody behind", async () => {
    const play = market.play({ ...says("a", "b", "c", "d", "e", "f", "g", "h"), pause: 150 }, says("Well."));
    const gone = new AbortController(), left = new AbortController();
    const first = fetch(`${gate.url}/v1/chat/completions`, { method: "POST", signal: gone.signal, headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...on }, body: JSON.stringify(asked(play, { stream: true })) }).then((r) => r.text()).catch(() => "gone");
    await until(() => play.calls.length === 1, "the first went");
    const waits = fetch(`${gate.url}/v1/chat/completions`, { method: "POST", signal: left.signal, headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...on }, body: JSON.stringify(asked(play)) }).then((r) => r.text()).catch(() => "gone");
    const others = Array.from({ length: 5 }, () => chat(asked(play), on));
    await sleep(200);
    left.abort();
    await sleep(200); // else it may be the one that goes next
    gone.abort();
    assert.deepEqual([await first, await waits], ["gone", "gone"]);
    const got = await Promise.all(others);
    assert.ok(got.every((one) => one.status === 200), "nobody was left behind");
    assert.equal(play.calls.length, 2, JSON.stringify(got.map((one) => [one.cache, one.text])));
  });
});

describe("what callers say", () => {
  test("refresh asks anew, and what it got is given from then on", async () => {
    const play = market.play(says("Old."), says("New."));
    await chat(asked(play), on);
    const fresh = await chat(asked(play), { "x-tollgate-cache": "refresh" });
    assert.equal(fresh.cache, "refresh");
    assert.match(fresh.text, /New\./);
    assert.match((await chat(asked(play), on)).text, /New\./);
    assert.equal(play.calls.length, 2);
  });

  test("max-age ends it, no-store keeps nothing, no-cache asks anew", async () => {
    const play = market.play(says("One."));
    const short = { ...on, "cache-control": "max-age=1" };
    assert.deepEqual([(await chat(asked(play), short)).cache, (await chat(asked(play), short)).cache], ["miss", "hit"]);
    await sleep(1100);
    assert.equal((await chat(asked(play), on)).cache, "miss", "it was kept for a second");
    await sleep(1100);
    assert.equal((await chat(asked(play), on)).cache, "hit");
    assert.equal((await chat(asked(play), short)).cache, "miss", "too old for this asker");
    assert.equal((await chat(asked(play), { ...on, "cache-control": "no-store" })).cache, "off");
    assert.equal((await chat(asked(play), { ...on, "cache-control": "no-cache" })).cache, "refresh");
  });

  test("Portkey's fields mean the same", async () => {
    const play = market.play(says("One."));
    const simple = { "x-portkey-cache": "simple" };
    assert.deepEqual([(await chat(asked(play), simple)).cache, (await chat(asked(play), simple)).cache], ["miss", "hit"]);
    assert.equal((await chat(asked(play), { ...simple, "x-portkey-cache-force-refresh": "true" })).cache, "refresh");
    assert.equal((await chat(asked(play), { ...simple, "x-portkey-cache-namespace": "mine" })).cache, "miss");
    assert.equal((await chat(asked(play), { ...simple, "x-portkey-cache-namespace": "mine" })).cache, "hit");
    assert.equal((await chat(asked(play), { ...simple, "x-portkey-debug": "false" })).cache, "off", "what is not to be tracked is not kept");
  });

  test("what cannot be is refused by its name", async () => {
    const play = market.play(says("One."));
    const bad = await chat(asked(play), { "x-tollgate-cache": "yes" });
    assert.equal(bad.status, 400);
    assert.match(bad.text, /x-tollgate-cache: found \\"yes\\"; allowed: on, off, refresh/);
    assert.equal(play.calls.length, 0);
  });
});

describe("where answers stand", () => {
  const config = async (vendor) => ({ vendors: { openai: { base_url: vendor } }, credentials: { openai: { vendor: "openai", secret: "upstream-secret-0001" } }, policies: { all: { allow: ["*"] } },
    keys: [{ name: "plain", token: key, policy: "all", credentials: ["openai"], metadata: { task: "summary" } }, { name: "cached", token: `${key}-on`, policy: "all", credentials: ["openai"], cache: "exact" }] });

  test("a key may have it on; embeddings are kept; a restart keeps, a purge takes by key, tag and run, also from the disk", async () => {
    const vendor = await startOpenai(), own = await startGate(await config(vendor.url)), at = { url: own.url };
    const body = { model: "gpt-5.1", messages: [{ role: "user", content: "Hello" }] };
    const cached = () => chat(body, {}, { ...at, token: `${key}-on` });
    assert.deepEqual([(await cached()).cache, (await cached()).cache, (await chat(body, { "x-tollgate-cache": "off" }, { ...at, token: `${key}-on` })).cache], ["miss", "hit", "off"]);
    const embed = async () => (await fetch(`${own.url}/v1/embeddings`, { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...on }, body: JSON.stringify({ model: "text-embedding-3-small", input: "Hello" }) })).headers.get("x-tollgate-cache");
    assert.deepEqual([await embed(), await embed()], ["miss", "hit"]);
    await own.restart();
    at.url = own.url;
    assert.equal((await cached()).cache, "hit", "after a restart");
    assert.ok(fs.statSync(path.join(own.dataDir, "cache.db")).size > 0);
    assert.ok(!fs.readFileSync(path.join(own.dataDir, "cache.db")).includes("Hello there"), "sealed");
    assert.equal((await own.post("/cache/purge", { key: "plain", tag: "task=other" })).purged, 0);
    assert.equal((await own.post("/cache/purge", { key: "plain", tag: "task=summary" })).purged, 1);
    assert.deepEqual([await embed(), (await cached()).cache], ["miss", "hit"]);
    const said = await own.cli("cache", "purge", "--key", "cached");
    assert.equal(said.code, 0, said.err);
    assert.match(said.out, /1 answers are gone/);
    assert.equal((await cached()).cache, "miss");
    assert.match((await own.cli("cache")).out, /hits/);
    assert.equal((await own.ask("POST", "/api/v1/cache/purge", {})).status, 400, "nothing is said");
    const { data } = await own.get("/audit?kind=change&limit=20");
    assert.ok(data.some(({ data: row }) => row.action === "cache.purge" && row.after.key && row.after.entries === 1), "it stands in the audit log");
  });
});
