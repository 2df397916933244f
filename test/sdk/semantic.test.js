// SPDX-License-Identifier: Apache-2.0
// A question that was asked before in other words: which calls are alike, what the embedding costs, and what happens when there is none.
import { after, before } from "node:test";

import { nanos, sleep, startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

const DIMENSIONS = 64;

/** Texts of the same words have the same vector; each other word turns it a little. */
function vectorOf(text) {
  const v = Array(DIMENSIONS).fill(0.001);
  for (const word of text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean)) {
    let hash = 7;
    for (const c of word) hash = (hash * 31 + c.charCodeAt(0)) % 65_521;
    v[hash % DIMENSIONS] += 1;
  }
  return v;
}

/** Chats and embeddings of OpenAI, Gemini and a local server, at their own paths. */
async function startModels() {
  const models = { chats: [], embeddings: [], play: {} };
  const server = await startScripted(async (call, res) => {
    const ask = JSON.parse(call.text);
    if (call.url.endsWith("/embeddings")) {
      models.embeddings.push({ ...ask, url: call.url, headers: call.headers });
      const { status, delay, hangUp, broken } = models.play;
      if (delay) await sleep(delay);
      if (hangUp) return res.destroy();
      if (status) return answerJson(res, status, { error: { message: "no" } });
      if (broken) return answerJson(res, 200, { data: [] });
      return answerJson(res, 200, { object: "list", model: ask.model, data: [{ object: "embedding", index: 0, embedding: vectorOf(ask.input) }], usage: { prompt_tokens: 1000, total_tokens: 1000 } });
    }
    models.chats.push(ask);
    return answerJson(res, 200, { id: "chatcmpl-1", object: "chat.completion", created: 1, model: ask.model, usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
      choices: [{ index: 0, message: { role: "assistant", content: `Answer ${models.chats.length}` }, finish_reason: "stop" }] });
  });
  models.url = `http://127.0.0.1:${server.port}`;
  return models;
}

const semantic = { mode: "semantic", threshold: 0.8 };
const keyed = (name, more = {}) => ({ name, token: `key-of-${name}-0123456789`, policy: "all", credentials: ["openai-main"], cache: semantic, ...more });
let models, gate;

before(async () => {
  models = await startModels();
  gate = await startGate({
    vendors: { openai: { base_url: models.url }, gemini: { base_url: models.url }, ollama: { base_url: models.url } },
    credentials: { "openai-main": { vendor: "openai", secret: "sk-upstream-1" }, "gemini-main": { vendor: "gemini", secret: "AIza-upstream-1" }, "ollama-main": { vendor: "ollama" } },
    policies: { all: { allow: ["*"] }, chats: { allow: ["openai.chat.completions"] } },
    // A chat of ours costs 0.0003 at most and 0.0002 really; an embedding of 1,000 tokens 0.001.
    prices: { "openai/gpt-4o-mini": { in: "1", out: "10" }, "openai/text-embedding-3-small": { in: "1", out: "0" }, "gemini/gemini-embedding-001": { in: "2", out: "0" } },
    workspaces: { other: {} },
    keys: [keyed("main"), keyed("strict", { cache: { mode: "semantic", threshold: 0.99 } }), keyed("other", { workspace: "other" }), keyed("chats", { policy: "chats" }),
      keyed("exact", { cache: "exact" }), keyed("gemini", { credentials: ["openai-main", "gemini-main"], cache: { ...semantic, model: "@gemini/gemini-embedding-001" } }),
      keyed("ollama", { credentials: ["openai-main", "ollama-main"], cache: { ...semantic, model: "@ollama/nomic-embed-text" } }),
      keyed("nobody", { cache: { ...semantic, model: "@cohere/embed-v4" } }), keyed("broke", { budgets: [{ limit: "0.01 usd", window: "day" }] })],
  });
});

async function chat(text, { key = "main", headers = {}, system = "You help.", ...more } = {}) {
  const answer = await fetch(`${gate.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer key-of-${key}-0123456789`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 10, messages: [{ role: "system", content: system }, { role: "user", content: text }], ...more }),
  });
  const body = await answer.text(), own = (name) => answer.headers.get(`x-tollgate-${name}`);
  return { status: answer.status, body, text: body.startsWith("{") ? JSON.parse(body).choices?.[0].message.content : undefined, cache: own("cache"), score: own("cache-score"), why: own("cache-reason"), cost: own("cost-usd"), id: own("call-id") };
}

const words = ["alpha", "bravo", "carrot", "delta", "echo", "forest", "garden", "hotel", "island", "jacket"];
let topic = 0;
/** Two questions of the same ten words, the second with one more, and one of other words. */
function questions() {
  const own = words.map((w) => `${w}${++topic}`).join(" ");
  return [own, `please ${own}`, words.map((w) => `${w}x${++topic}`).join(" ")];
}

describe("the semantic cache", () => {
  test("a question in other words gets the answer, at the price of its embedding, with the score", async () => {
    const [first, alike, other] = questions();
    const a = await chat(first), b = await chat(alike), c = await chat(other);
    assert.deepEqual([a.status, a.cache, b.status, b.cache, c.cache], [200, "semantic_miss", 200, "semantic_hit", "semantic_miss"]);
    assert.equal(b.text, a.text);
    assert.notEqual(c.text, a.text);
    assert.match(b.score, /^0\.[89]\d\d$/);
    assert.equal(a.score, null);
    assert.equal(nanos(b.cost), nanos("0.001"), "the embedding alone");
    assert.equal(nanos(a.cost), nanos("0.001") + nanos("0.0002"), "the embedding and the call");
    const row = await gate.call(b.id);
    assert.equal(row.cache, "semantic_hit");
    assert.equal(row.cost_usd, "0.001");
    assert.deepEqual(row.attempts.map((t) => [t.vendor, t.model, t.status, t.cost_usd, t.reason]), [["openai", "text-embedding-3-small", 200, "0.001", "embedding"]]);
    assert.equal((await gate.call(a.id)).attempts.length, 2);
  });

  test("the very same words are an exact hit, and are not embedded again", async () => {
    const [first] = questions();
    await chat(first);
    const before = models.embeddings.length;
    assert.deepEqual([(await chat(first)).cache, models.embeddings.length], ["hit", before]);
    const again = await chat(first, { system: "Another." });
    assert.deepEqual([again.cache, models.embeddings.length], ["semantic_miss", before], "its vector is known");
    assert.equal(nanos(again.cost), nanos("0.0002"));
  });

  test("everything but the last turn's words must be the same", async () => {
    const [first, alike] = questions();
    await chat(first);
    for (const more of [{ system: "You do not help." }, { temperature: 0.5 }, { model: "gpt-4o" }, { seed: 1 }, { tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }] },
      { messages: [{ role: "system", content: "You help." }, { role: "user", content: "Hi" }, { role: "assistant", content: "Ho" }, { role: "user", content: alike }] }])
      assert.equal((await chat(alike, more)).cache, "semantic_miss", JSON.stringify(more));
    assert.equal((await chat(alike)).cache, "semantic_hit");
  });

  test("below the threshold it goes to its vendor", async () => {
    const [first, alike] = questions();
    await chat(first, { key: "strict" });
    assert.equal((await chat(alike, { key: "strict" })).cache, "semantic_miss");
  });

  test("workspaces never share", async () => {
    const [first, alike] = questions();
    await chat(first);
    assert.equal((await chat(alike, { key: "other" })).cache, "semantic_miss");
  });

  test("it is told as a stream to who wants one", async () => {
    const [first, alike] = questions();
    const a = await chat(first), b = await chat(alike, { stream: true });
    assert.equal(b.cache, "semantic_hit");
    assert.match(b.body, /^data: /);
    const said = b.body.split("\n").filter((l) => l.startsWith("data: {")).map((l) => JSON.parse(l.slice(6)).choices[0]?.delta?.content ?? "").join("");
    assert.equal(said, a.text);
    assert.ok(b.body.includes("data: [DONE]"), b.body);
  });

  test("what was purged is gone", async () => {
    const [first, alike] = questions();
    await chat(first);
    await gate.post("/cache/purge", { workspace: "default" });
    assert.equal((await chat(alike)).cache, "semantic_miss");
  });

  test("pictures in the last turn are not compared, and nothing is embedded", async () => {
    const before = models.embeddings.length;
    const got = await chat("", { messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] }] });
    assert.deepEqual([got.status, got.cache, models.embeddings.length], [200, "semantic_miss", before]);
    assert.match(got.why, /something else than words/);
  });

  test("a rule that says exact embeds nothing", async () => {
    const before = models.embeddings.length;
    assert.equal((await chat(questions()[0], { key: "exact" })).cache, "miss");
    assert.equal(models.embeddings.length, before);
  });
});

describe("who embeds", () => {
  for (const [key, path, model] of [["gemini", "/v1beta/openai/embeddings", "gemini-embedding-001"], ["ollama", "/v1/embeddings", "nomic-embed-text"]])
    test(`${key}: at its own path, with its own secret`, async () => {
      const [first, alike] = questions();
      const a = await chat(first, { key }), b = await chat(alike, { key });
      assert.deepEqual([a.cache, a.why, b.cache], ["semantic_miss", null, "semantic_hit"]);
      const sent = models.embeddings.at(-1);
      assert.deepEqual([sent.url, sent.model, sent.input], [path, model, alike]);
      assert.ok(!JSON.stringify(sent.headers).includes("key-of-"), "the caller's key stays here");
      assert.equal(nanos(b.cost), key === "gemini" ? nanos("0.002") : 0n);
    });

  test("a vendor that the key has no credential for, an operation that its policy denies: exact only, with the reason", async () => {
    for (const [key, why] of [["nobody", /none of the key's credentials/], ["chats", /not allowed/]]) {
      const before = models.embeddings.length, got = await chat(questions()[0], { key });
      assert.deepEqual([got.status, got.cache, models.embeddings.length], [200, "semantic_miss", before]);
      assert.match(got.why, why);
    }
  });
});

describe("an embedding that does not come never fails the call", () => {
  after(() => { models.play = {}; });
  for (const [name, play, why, cost] of [["500", { status: 500 }, /answered 500/, "0"], ["a hang-up", { hangUp: true }, /cannot be reached/, null], ["no vector", { broken: true }, /gave no vector/, null], ["4 s", { delay: 4000 }, /in time/, null]])
    test(name, async () => {
      models.play = play;
      const began = Date.now(), got = await chat(questions()[0]);
      models.play = {};
      assert.deepEqual([got.status, got.cache], [200, "semantic_miss"]);
      assert.match(got.why, why);
      assert.ok(Date.now() - began < 3900);
      const row = await gate.call(got.id);
      assert.equal(row.attempts.length, 2);
      assert.match(row.attempts[0].reason, /^embedding: /);
      if (cost !== null) assert.equal(row.attempts[0].cost_usd, cost);
    });
});

describe("money", () => {
  test("what does not fit beside the call is not embedded; the call goes on; nothing is overspent", async () => {
    const seen = [];
    for (let i = 0; i < 40; i++) {
      const got = await chat(questions()[0], { key: "broke" });
      seen.push(got.status === 200 ? (got.why ? "without" : "with") : got.status);
    }
    assert.ok(seen.includes("with") && seen.includes("without"), seen.join(" "));
    assert.equal(seen.at(-1), 402);
    const spent = (await gate.calls({ key: "broke" })).reduce((sum, row) => sum + nanos(row.cost_usd ?? "0"), 0n);
    assert.ok(spent <= nanos("0.01"), `${spent}`);
  });
});

describe("a restart", () => {
  test("what is alike is still found", async () => {
    const [first, alike] = questions();
    const a = await chat(first);
    await gate.restart();
    const b = await chat(alike);
    assert.deepEqual([b.cache, b.text], ["semantic_hit", a.text]);
  });
});
