// SPDX-License-Identifier: Apache-2.0
// What is kept of calls: nothing unless it is said; sealed, searched and bounded where it is; gone from every file when it is deleted.
import fs from "node:fs";
import path from "node:path";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, check, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { sleep, until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
const both = ["openai-main", "anthropic-main"], rich = { budgets: [{ limit: "1000 usd", window: "day" }] };
const capture = { redact: ["email", "card", "phone", "/order-\\d+/i"], limit: "16KiB", retention: "2d" };
const first = { provider: "openai", model: "gpt-4o-mini" }, second = { provider: "anthropic", model: "claude-haiku-4-5" };
const settings = config({ openai: openai.url, anthropic: anthropic.url }, {
  workspaces: { open: { capture }, other: { capture: true } },
  routes: { pair: { strategy: { mode: "shadow" }, targets: [first, second] } },
  keys: [
    key("off", both, rich), key("on", both, { ...rich, workspace: "open", user: "ann" }), key("silent", both, { ...rich, workspace: "open", capture: false }),
    key("other", both, { ...rich, workspace: "other" }), key("asked", both, { ...rich, capture: { by_call: true, response: false } }),
    key("never", both, { ...rich, capture: { sample: "0%" } }), key("half", both, { ...rich, capture: { sample: "50%" } }),
  ],
});
const gate = await startGate(settings);
const admin = { authorization: `Bearer ${adminToken}` };

async function ask(name, text, { headers = {}, ...more } = {}) {
  const answer = await fetch(`${gate.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: text }], max_tokens: 50, ...more }),
  });
  const said = await answer.text();
  return { said, status: answer.status, id: answer.headers.get("x-tollgate-call-id"), cache: answer.headers.get("x-tollgate-cache") };
}
const content = (id) => gate.ask("GET", `/api/v1/calls/${id}/content`);
const kept = async (id) => {
  const { status, body } = await content(id);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
};
const missing = async (id) => assert.equal((await content(id)).status, 404);

const changes = async () => (await gate.get("/audit?kind=change")).data.map((link) => link.data);

/** All files of the data directory, as bytes. */
const stored = () => Buffer.concat(fs.readdirSync(gate.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  .map((entry) => fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name))));
const exported = async () => (await fetch(`http://${gate.adminAddress}/api/v1/audit/export`, { headers: admin })).text();
async function nowhere(...words) {
  for (const [where, bytes] of [["disk", stored()], ["export", await exported()], ["log", gate.log]])
    for (const word of words) assert.ok(!bytes.includes(word), `${word} in ${where}`);
}

test("S-35: no prompts in the log: without `capture` no content is on disk, in queues or in logs, also after a kill -9, and an incident can be rebuilt from its row", async () => {
  openai.play = { text: ["CANARY-ANSWER-35"], delay: 300 };
  const run = "run_35", open = ask("off", "CANARY-PROMPT-35", { headers: { "x-agent-run-id": run } });
  await sleep(100);
  await nowhere("CANARY-PROMPT-35", "CANARY-ANSWER-35");
  const { id, status } = await open;
  assert.equal(status, 200);
  const { id: streamed } = await ask("off", "CANARY-PROMPT-35", { stream: true, headers: { "x-agent-run-id": run } });
  await missing(id);
  const row = await gate.call(id);
  assert.equal(row.captured, undefined);
  await gate.call(streamed);
  for (const name of ["route", "operation", "model", "cost_usd", "input_tokens", "output_tokens", "latency_ms", "status", "verdict", "attempts"]) assert.ok(row[name] !== null, name);
  const dying = ask("off", "CANARY-PROMPT-35").catch(() => {});
  await sleep(100);
  await gate.kill();
  await dying;
  await nowhereOnDisk("CANARY-PROMPT-35", "CANARY-ANSWER-35");
  await gate.start();
  openai.play = {};
  assert.equal((await gate.calls({ run })).length, 2);
});
function nowhereOnDisk(...words) {
  const bytes = stored();
  for (const word of words) assert.ok(!bytes.includes(word) && !gate.log.includes(word), word);
}

test("a workspace's calls are kept as their caller saw them, sealed; reading one is a row of the audit chain", async () => {
  openai.play = { text: ["CANARY-ANSWER-1"] };
  const { id } = await ask("on", "CANARY-PROMPT-1", { headers: { "x-agent-run-id": "run_1", "user-agent": "my-agent/1" } });
  const c = await kept(id);
  assert.equal(JSON.parse(c.request.body).messages[0].content, "CANARY-PROMPT-1");
  assert.equal(JSON.parse(c.response.body).choices[0].message.content, "CANARY-ANSWER-1");
  assert.deepEqual([c.request.headers["user-agent"], c.response.status, c.request.truncated, c.response.streamed, c.redacted], ["my-agent/1", 200, false, false, []]);
  assert.deepEqual([c.workspace, c.run, c.method, c.path], ["open", "run_1", "POST", "/v1/chat/completions"]);
  assert.ok(!JSON.stringify(c).includes(tokenOf("on")), "not who asked");
  assert.equal(Date.parse(c.until) - Date.parse(c.at), 2 * 86_400_000);
  assert.equal((await gate.call(id)).captured, true);
  await nowhere("CANARY-PROMPT-1", "CANARY-ANSWER-1");
  const read = (await changes()).filter((row) => row.action === "content.read");
  assert.deepEqual([read.length, read[0].object, read[0].actor], [1, id, "admin"]);
  openai.play = {};
});

test("streams are gathered as they pass, translated calls in the caller's words, refusals without an answer", async () => {
  openai.play = { text: ["CANARY-", "ANSWER-2"] };
  const streamed = await ask("on", "hello", { stream: true });
  const c = await kept(streamed.id);
  assert.equal(c.response.streamed, true);
  assert.ok(streamed.said.startsWith(c.response.body), "what the caller was told");
  assert.ok(c.response.body.includes("[DONE]"));
  const claude = new Anthropic({ apiKey: tokenOf("on"), baseURL: gate.url });
  const { response } = await claude.messages.create({ model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: "in Anthropic's words" }] }).withResponse();
  const translated = await kept(response.headers.get("x-tollgate-call-id"));
  assert.equal(translated.path, "/v1/messages");
  assert.equal(JSON.parse(translated.request.body).messages[0].content, "in Anthropic's words");
  assert.equal(JSON.parse(translated.response.body).content[0].text, "CANARY-ANSWER-2");
  const refused = await ask("on", "hello", { headers: { "x-tollgate-max-cost-usd": "0.000000001" } });
  assert.notEqual(refused.status, 200);
  const r = await kept(refused.id);
  assert.equal(r.response.body, null);
  assert.match(r.response.missing, /refused/);
  openai.play = {};
});

test("what the rule names goes before it is written, also where a stream says it in pieces; secrets always", async () => {
  openai.play = { text: ["write to ann", ".lee@mail.", "example or call +1 (415) ", "555-0100 about ORDER-77"] };
  const { id, said } = await ask("on", "card 4242 4242 4242 4242, key sk-proj-abcdefghijklmnop1234567890", { stream: true });
  assert.ok(said.includes("ann"), "the caller was told all of it");
  const c = await kept(id);
  const text = c.response.body.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? "").join("");
  assert.equal(text, "write to [email] or call [phone] about [redacted]");
  assert.equal(JSON.parse(c.request.body).messages[0].content, "card [card], key [secret]");
  assert.deepEqual(c.redacted, ["secret 1", "email 1", "card 1", "phone 1", "pattern 1"]);
  const { id: plain } = await ask("other", "mail ann@mail.example, key sk-proj-abcdefghijklmnop1234567890");
  assert.equal(JSON.parse((await kept(plain)).request.body).messages[0].content, "mail ann@mail.example, key [secret]");
  openai.play = {};
});

test("long content is cut at the limit, and says so", async () => {
  openai.play = { text: [...Array(3000)].map((_, i) => `piece ${i} `) };
  const { id } = await ask("on", "x".repeat(40_000), { stream: true });
  const c = await kept(id);
  assert.deepEqual([c.request.truncated, c.response.truncated, Buffer.byteLength(c.request.body), Buffer.byteLength(c.response.body)], [true, true, 16384, 16384]);
  openai.play = {};
});

test("a call says no: do-not-track always wins, by our field, Portkey's, LiteLLM's, or store: false; and nothing goes into the cache", async () => {
  const ways = [
    { headers: { "x-tollgate-do-not-track": "true" } }, { headers: { "x-portkey-debug": "false" } }, { headers: { "x-litellm-enable-message-redaction": "true" } },
    { store: false }, { headers: { "x-tollgate-capture": "off" } }, { headers: { "x-tollgate-do-not-track": "true", "x-tollgate-capture": "on" } },
  ];
  for (const way of ways) {
    const { id, status, said } = await ask("on", "CANARY-UNTRACKED", way);
    assert.equal(status, 200, said);
    await missing(id);
    assert.equal((await gate.call(id)).captured, undefined, JSON.stringify(way));
  }
  for (let i = 0; i < 2; i++) {
    const { cache } = await ask("on", "CANARY-UNTRACKED cached", { temperature: 0, headers: { "x-tollgate-cache": "on", "x-tollgate-do-not-track": "true" } });
    assert.equal(cache, "off");
  }
  await nowhere("CANARY-UNTRACKED");
  await kept((await ask("on", "hello", { headers: { "x-tollgate-do-not-track": "false" } })).id);
});

test("a key says: off against its workspace, only calls that ask, a share of them; a word that is none is refused", async () => {
  await missing((await ask("silent", "hello")).id);
  await missing((await ask("silent", "hello", { headers: { "x-tollgate-capture": "on" } })).id);
  await missing((await ask("asked", "hello")).id);
  const asked = await kept((await ask("asked", "hello", { headers: { "x-tollgate-capture": "on" } })).id);
  assert.deepEqual([asked.response.body, asked.response.missing], [null, "answers are not kept here"]);
  await missing((await ask("never", "hello")).id);
  await missing((await ask("never", "hello", { headers: { "x-tollgate-capture": "on" } })).id);
  const ids = await Promise.all([...Array(60)].map(async () => (await ask("half", "hello")).id));
  const answers = await Promise.all(ids.map(content));
  const share = answers.filter((answer) => answer.status === 200).length;
  assert.ok(share > 10 && share < 50, `${share} of 60`);
  const bad = await ask("on", "hello", { headers: { "x-tollgate-capture": "maybe" } });
  assert.equal(bad.status, 400);
  assert.match(bad.said, /x-tollgate-capture: found \\?"maybe/);
});

test("calls made for a call's sake follow its rule", async () => {
  const { id } = await ask("on", "mirrored", { headers: { "x-tollgate-config": "pair" } });
  const mirror = await until(async () => (await gate.calls({ workspace: "open" })).find((row) => row.mirror_of === id));
  assert.equal(JSON.parse((await kept(mirror.id)).request.body).messages[0].content, "mirrored");
  assert.ok((await kept(mirror.id)).response.body.length > 10);
  const { id: silent } = await ask("on", "mirrored", { headers: { "x-tollgate-config": "pair", "x-tollgate-do-not-track": "true" } });
  const second = await until(async () => (await gate.calls({ workspace: "open" })).find((row) => row.mirror_of === silent));
  await missing(second.id);
});

test("what cannot be searched is not kept, and says why", async () => {
  openai.play = { status: 400, error: { error: { message: "no sound here", type: "invalid_request_error" } } };
  const { id } = await (async () => {
    const form = new FormData();
    form.set("model", "whisper-1");
    form.set("file", new Blob([Buffer.from("RIFF....WAVECANARY-SOUND")]), "a.wav");
    const answer = await fetch(`${gate.url}/v1/audio/transcriptions`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("on")}` }, body: form });
    await answer.text();
    return { id: answer.headers.get("x-tollgate-call-id") };
  })();
  const c = await kept(id);
  assert.equal(c.request.body, null);
  assert.match(c.request.missing, /cannot be searched|unread/);
  await nowhere("CANARY-SOUND");
  openai.play = {};
});

test("S-50: right to forget: content, kept and cached answers go from store, log, cache and export; statistics remain, and the deletion is a row", async () => {
  openai.play = { text: ["CANARY-ANSWER-50"] };
  const on = (run) => ({ temperature: 0, headers: { "x-agent-run-id": run, "x-tollgate-cache": "on" } });
  const one = await ask("on", "CANARY-PROMPT-50", on("run_50"));
  const again = { headers: { "x-agent-run-id": "run_50", "idempotency-key": "once-50" } };
  await ask("on", "CANARY-PROMPT-50 kept", again);
  const other = await ask("on", "CANARY-PROMPT-51", on("run_51"));
  const c = await kept(one.id);
  assert.ok(c.request.body.includes("CANARY-PROMPT-50"));
  assert.equal((await ask("on", "CANARY-PROMPT-50", on("run_50"))).cache, "hit");
  const before = await gate.get("/runs/run_50");
  const gone = await gate.post("/content/delete", { run: "run_50", reason: "she asked" });
  assert.ok(gone.deleted >= 3 && gone.cache_purged >= 1, JSON.stringify(gone));
  assert.equal(gone.erased, true);
  assert.equal(fs.statSync(path.join(gate.dataDir, "tollgate.db-wal")).size < 100_000, true, "the log was cut");
  await missing(one.id);
  await kept(other.id);
  assert.deepEqual(await gate.get("/runs/run_50"), before, "the numbers remain");
  assert.equal((await gate.call(one.id)).captured, true, "a row is never changed");
  assert.equal((await ask("on", "CANARY-PROMPT-50", on("run_52"))).cache, "miss");
  const row = (await changes()).find((r) => r.action === "content.delete");
  assert.deepEqual([row.reason, row.after.run, row.after.contents], ["she asked", "run_50", gone.deleted]);
  await nowhere("CANARY-PROMPT-50", "CANARY-ANSWER-50");
  openai.play = {};
});

test("deleting by call, key, user, workspace and time; usage says what is left", async () => {
  const { id } = await ask("on", "hello");
  await kept(id);
  assert.equal((await gate.ask("DELETE", `/api/v1/calls/${id}/content`)).status, 200);
  await missing(id);
  assert.equal((await gate.ask("DELETE", `/api/v1/calls/${id}/content`)).status, 404);
  const of = async (name) => (await gate.get("/content/usage")).data.find((row) => row.workspace === name);
  const left = await of("open");
  assert.ok(left.calls > 5 && left.bytes > 1000 && Date.parse(left.oldest_at) > 0);
  assert.equal((await gate.post("/content/delete", { key: "asked", cache: false })).deleted, 1);
  assert.equal((await gate.post("/content/delete", { workspace: "other", user: "ann" })).deleted, 0);
  assert.equal((await gate.post("/content/delete", { user: "ann" })).deleted, left.calls);
  assert.equal(await of("open"), undefined);
  const cut = new Date().toISOString();
  await sleep(20);
  const late = await ask("other", "hello");
  assert.ok((await gate.post("/content/delete", { before: cut })).deleted >= 1);
  await kept(late.id);
  for (const body of [{}, { runs: "x" }, { before: "yesterday" }]) assert.equal((await gate.ask("POST", "/api/v1/content/delete", body)).status, 400, JSON.stringify(body));
});

test("content is for owners and tokens that say so, and never another workspace's", async () => {
  const token = async (name, more) => (await gate.post("/tokens", { name, ...more })).token;
  const { id } = await ask("other", "for some eyes");
  await kept(id);
  const read = async (bearer) => (await gate.ask("GET", `/api/v1/calls/${id}/content`, undefined, bearer)).status;
  const told = async (bearer) => (await gate.ask("GET", "/api/v1/session", undefined, bearer)).body.content; // so that a page offers no more, and no less
  for (const [name, more, may] of [["plain-admin", { role: "admin" }, false], ["reader", { role: "viewer", content: true }, true], ["here", { role: "owner", workspace: "other" }, true]]) {
    const bearer = await token(name, more);
    assert.equal(await told(bearer), may, name);
    assert.equal(await read(bearer), may ? 200 : 403, name);
  }
  const elsewhere = await token("elsewhere", { role: "owner", workspace: "open" });
  assert.equal(await read(elsewhere), 404);
  assert.equal((await gate.ask("DELETE", `/api/v1/calls/${id}/content`, undefined, elsewhere)).status, 404);
  assert.equal((await gate.ask("POST", "/api/v1/content/delete", { before: new Date().toISOString(), cache: false }, elsewhere)).body.deleted, 0);
  assert.deepEqual((await gate.ask("GET", "/api/v1/content/usage", undefined, elsewhere)).body, { data: [] });
  await kept(id);
  assert.ok((await changes()).some((row) => row.action === "content.read" && row.actor === "reader" && row.object === id));
});

test("what runs out is shown no more; the verbs show, delete and count", async () => {
  const { id } = await ask("other", "shown by the verb");
  await kept(id);
  const shown = await gate.cli("content", "show", id);
  assert.equal(shown.code, 0, shown.err);
  assert.ok(shown.out.includes("shown by the verb"));
  assert.match((await gate.cli("content")).out, /other +\d/);
  assert.match((await gate.cli("content", "delete", id)).out, /the content of 1 calls is deleted/);
  await missing(id);
  const metrics = await (await fetch(`http://${gate.adminAddress}/metrics`, { headers: admin })).text();
  assert.ok(Number(metrics.match(/^tollgate_content_kept_total (\d+)/m)[1]) > 10);
  assert.equal(Number(metrics.match(/^tollgate_content_waiting_bytes (\d+)/m)[1]), 0);
});

test("mistakes in `capture` name the field", async () => {
  for (const [rule, field] of [
    [{ limit: "8MiB" }, /keys\[0\]\.capture\.limit/], [{ retention: "500d" }, /capture\.retention/], [{ redact: ["emial"] }, /capture\.redact\[0\]: found "emial"/],
    [{ redact: ["/(/"] }, /capture\.redact\[0\]/], [{ sample: "101%" }, /capture\.sample/], [{ sampel: "1%" }, /sampel/], ["yes please", /capture/],
  ]) {
    const { code, err } = await check(JSON.stringify({ ...settings, keys: [key("x", both, { capture: rule })] }));
    assert.notEqual(code, 0, JSON.stringify(rule));
    assert.match(err, field);
  }
});

test("content that finds no room is counted, and the call goes on", async () => {
  const small = await startGate({ ...settings, limits: { capture_bytes: "1MiB" }, keys: [key("big", both, { ...rich, capture: { limit: "4MiB" } })] });
  const answer = await fetch(`${small.url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${tokenOf("big")}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "y".repeat(1_500_000) }], max_tokens: 5 }),
  });
  assert.equal(answer.status, 200, await answer.text());
  const row = await small.call(answer.headers.get("x-tollgate-call-id"));
  assert.equal(row.captured, false);
  assert.equal((await small.get("/content/usage")).since_start.skipped, 1);
});
