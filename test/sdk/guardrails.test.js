// SPDX-License-Identifier: Apache-2.0
// Guardrails of a route's targets, over the wire: what goes to a model in any dialect, what comes back, streams, Portkey's answers.
import http from "node:http";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { check, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { assert, test } from "./lib/test.js";

let gate, openai, anthropic;
const ban = { "default.contains": { words: ["SECRET"], operator: "none" }, deny: true, id: "no-secrets" };

before(async () => {
  [openai, anthropic] = [await startOpenai(), await startAnthropic()];
  gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
    routes: { guarded: { targets: [{ provider: "openai" }], input_guardrails: [ban], output_guardrails: [ban] } },
    keys: [key("models", ["openai-main", "anthropic-main"], { budgets: [{ limit: "1000 usd", window: "day" }] }), key("tagged", ["openai-main"], { metadata: { desk: "front" } })],
  }));
});

/** A call with a route in its header; portkey: in Portkey's own. */
function ask(path, body, route, { portkey = false, headers = {}, form, name = "models" } = {}) {
  return fetch(`${gate.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf(name)}`, ...(form ? {} : { "content-type": "application/json" }),
      ...(route ? { [portkey ? "x-portkey-config" : "x-tollgate-config"]: JSON.stringify(route) } : {}), ...headers },
    body: form ?? JSON.stringify(body),
  });
}

const chat = (content, more = {}) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content }], ...more });
const input = (...list) => ({ input_guardrails: list });
const output = (...list) => ({ output_guardrails: list });

test("what is forbidden does not reach the vendor, from any message, in any dialect", async () => {
  const calls = [
    ["/v1/chat/completions", { model: "gpt-4o-mini", messages: [{ role: "system", content: "SECRET" }, { role: "user", content: "hi" }] }],
    ["/v1/chat/completions", { model: "gpt-4o-mini", messages: [{ role: "user", content: [{ type: "text", text: "SECRET" }] }, { role: "assistant", content: "x" }, { role: "user", content: "hi" }] }],
    ["/v1/responses", { model: "gpt-4o-mini", input: "SECRET" }],
    ["/v1/responses", { model: "gpt-4o-mini", instructions: "SECRET", input: "hi" }],
    ["/v1/messages", { model: "claude-sonnet-4-5", max_tokens: 10, messages: [{ role: "user", content: "SECRET" }] }],
    ["/v1beta/models/gpt-4o-mini:generateContent", { contents: [{ parts: [{ text: "SECRET" }] }] }],
    ["/v1/embeddings", { model: "text-embedding-3-small", input: ["a", "SECRET"] }],
    ["/v1/images/generations", { model: "dall-e-3", prompt: "SECRET", size: "1024x1024" }],
    ["/v1/audio/speech", { model: "tts-1", input: "SECRET", voice: "alloy" }],
    ["/v1/completions", { model: "gpt-3.5-turbo-instruct", prompt: "SECRET", max_tokens: 5 }],
    ["/v1/moderations", { model: "omni-moderation-latest", input: "SECRET" }],
    ["/v1/videos", { model: "sora-2", prompt: "SECRET" }],
    ["/openai/v1/chat/completions", { model: "gpt-4o-mini", messages: [{ role: "user", content: "SECRET" }] }],
    ["/openai/v1/responses", { model: "gpt-4o-mini", input: "SECRET" }],
  ];
  for (const [path, body] of calls) {
    const [before, other] = [openai.calls.length, anthropic.calls.length];
    const answer = await ask(path, body, input(ban));
    assert.equal(answer.status, 403, `${path}: ${answer.status}`);
    assert.equal(answer.headers.get("x-tollgate-denied"), "guardrail_denied", path);
    const said = await answer.json();
    assert.equal(said.hook_results.before_request_hooks[0].verdict, false, path);
    assert.equal(said.hook_results.before_request_hooks[0].id, "no-secrets");
    assert.ok(!JSON.stringify(said).includes("SECRET"), `${path}: the text is not repeated`);
    assert.deepEqual([openai.calls.length, anthropic.calls.length], [before, other], path);
  }
  const form = new FormData();
  form.set("model", "gpt-image-1");
  form.set("prompt", "SECRET");
  form.set("image", new Blob([new Uint8Array(10)], { type: "image/png" }), "a.png");
  assert.equal((await ask("/v1/images/edits", null, input(ban), { form })).status, 403);
});

test("what cannot be looked at is refused: sessions, batches, operations that are no model's", async () => {
  const refusal = (path, body, headers) => ask(path, body, input(ban), { headers });
  for (const [path, body] of [["/openai/v1/batches", { input_file_id: "file-1", endpoint: "/v1/chat/completions", completion_window: "24h" }], ["/openai/v1/vector_stores", { name: "SECRET" }]]) {
    const count = openai.calls.length;
    const answer = await refusal(path, body);
    assert.equal(answer.status, 403, path);
    assert.match(await answer.text(), /cannot be looked at/);
    assert.equal(openai.calls.length, count);
  }
  const status = await new Promise((resolve, reject) => {
    const req = http.request({ host: "127.0.0.1", port: gate.port, path: "/openai/v1/realtime?model=gpt-realtime", headers: {
      authorization: `Bearer ${tokenOf("models")}`, connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "x-tollgate-config": JSON.stringify(input(ban)) } }, (res) => resolve(res.statusCode));
    req.on("upgrade", () => resolve(101));
    req.on("error", reject);
    req.end();
  });
  assert.equal(status, 403);
});

test("what is fine goes on, and its caller is told", async () => {
  const answer = await ask("/v1/chat/completions", chat("hello"), input(ban));
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("x-tollgate-guardrails"), "passed");
  assert.equal((await answer.json()).hook_results, undefined, "only Portkey's callers get more than the vendor said");
});

test("Portkey's callers get 446, 246 and hook_results", async () => {
  let answer = await ask("/v1/chat/completions", chat("SECRET"), input(ban), { portkey: true });
  assert.equal(answer.status, 446);
  let said = await answer.json();
  assert.equal(said.error.type, "hooks_failed");
  assert.equal(said.hook_results.before_request_hooks[0].checks[0].id, "default.contains");
  assert.deepEqual(said.hook_results.after_request_hooks, []);
  answer = await ask("/v1/chat/completions", chat("SECRET"), input({ ...ban, deny: false }), { portkey: true });
  assert.equal(answer.status, 246);
  said = await answer.json();
  assert.equal(said.choices[0].message.content, "Hello there!");
  assert.equal(said.hook_results.before_request_hooks[0].verdict, false);
  answer = await ask("/v1/chat/completions", chat("fine"), input(ban), { portkey: true });
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).hook_results.before_request_hooks[0].verdict, true);
});

test("what is rewritten goes on rewritten, in every message and dialect", async () => {
  const redact = { "default.regexReplace": { rule: "\\d{3}-\\d{2}-\\d{4}", redactText: "[SSN]" } };
  const answer = await ask("/v1/chat/completions",
    { model: "gpt-4o-mini", messages: [{ role: "user", content: "mine is 123-45-6789" }, { role: "assistant", content: "ok" }, { role: "user", content: "so: 987-65-4321\n" }] }, input(redact));
  assert.equal(answer.status, 200);
  assert.deepEqual(JSON.parse(openai.last().body).messages.map((m) => m.content), ["mine is [SSN]", "ok", "so: [SSN]\n"]);
  const other = await ask("/v1/chat/completions", { model: "claude-sonnet-4-5", max_tokens: 20, messages: [{ role: "user", content: "123-45-6789" }] }, input(redact));
  assert.equal(other.status, 200);
  assert.ok(anthropic.last().body.includes("[SSN]") && !anthropic.last().body.includes("123-45"), "before it is translated");
});

test("an answer that is denied was paid for, and its caller gets none of it", async () => {
  openai.play = { text: ["a ", "SEC", "RET"] };
  const answer = await ask("/v1/chat/completions", chat("hello"), output(ban));
  assert.equal(answer.status, 403);
  assert.equal(answer.headers.get("x-tollgate-denied"), "guardrail_denied");
  assert.ok(Number(answer.headers.get("x-tollgate-cost-usd")) > 0, `cost ${answer.headers.get("x-tollgate-cost-usd")}`);
  const said = await answer.text();
  assert.ok(!said.includes("SECRET") && said.includes("after_request_hooks"));
  const portkey = await ask("/v1/chat/completions", chat("hello"), output(ban), { portkey: true });
  assert.equal(portkey.status, 446);
  openai.play = { text: ["all ", "good"] };
  assert.equal((await (await ask("/v1/chat/completions", chat("hello"), output(ban))).json()).choices[0].message.content, "all good");
});

test("a stream is held until it was judged: no byte of a denied one goes out", async () => {
  openai.play = { text: ["a ", "SEC", "RET"] };
  const denied = await ask("/v1/chat/completions", chat("hello", { stream: true }), output(ban));
  assert.equal(denied.status, 403);
  assert.ok(!(await denied.text()).includes("SEC"));
  const translated = await ask("/v1/messages", { model: "gpt-4o-mini", max_tokens: 50, stream: true, messages: [{ role: "user", content: "hi" }] }, output(ban));
  assert.equal(translated.status, 403);
  const array = await ask("/v1beta/models/gpt-4o-mini:streamGenerateContent", { contents: [{ parts: [{ text: "hi" }] }] }, output(ban));
  assert.equal(array.status, 403);
  openai.play = { text: ["all ", "is ", "good"] };
  const fine = await ask("/v1/chat/completions", chat("hello", { stream: true }), output(ban));
  assert.equal(fine.status, 200);
  const text = await fine.text();
  assert.ok(text.includes('"all "') && text.includes('"good"') && text.includes("data: [DONE]"), text);
  const anthropics = await ask("/v1/messages", { model: "gpt-4o-mini", max_tokens: 50, stream: true, messages: [{ role: "user", content: "hi" }] }, output(ban));
  assert.ok((await anthropics.text()).includes("message_stop"));
  openai.play = undefined;
});

test("an answer is rewritten in place", async () => {
  openai.play = { text: ["call 123-45-6789"] };
  const answer = await ask("/v1/messages", { model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: "hi" }] },
    output({ "default.regexReplace": { rule: "/\\d{3}-\\d{2}-\\d{4}/g" } }));
  assert.equal((await answer.json()).content[0].text, "call [REDACTED]");
  const streamed = await ask("/v1/chat/completions", chat("hi", { stream: true }), output({ "default.regexReplace": { rule: "\\d{3}-\\d{2}-\\d{4}" }, deny: true }));
  assert.equal(streamed.status, 403, "a stream cannot be rewritten, and who denies says so");
  openai.play = undefined;
});

test("a misspelt or unsupported check is refused, never passed", async () => {
  for (const [guard, words] of [
    [{ "default.contians": { words: ["x"] }, deny: true }, /no check "contians"/],
    [{ "default.contains": { word: ["x"] }, deny: true }, /word/],
    [{ "default.webhook": { webhookURL: "http://x" }, deny: true }, /"webhook" is not done here/],
    [{ "portkey.pii": { redact: true }, deny: true }, /partner/],
    [{ deny: true }, /without a check/],
  ]) {
    for (const route of [input(guard), output(guard)]) {
      const before = openai.calls.length;
      const answer = await ask("/v1/chat/completions", chat("hello"), route);
      assert.equal(answer.status, 400, JSON.stringify(guard));
      assert.match((await answer.json()).error.message, words);
      assert.equal(openai.calls.length, before);
    }
  }
});

test("types, models and metadata are checked on every path", async () => {
  const types = input({ "default.allowedRequestTypes": { allowedTypes: ["chatComplete"] }, deny: true });
  assert.equal((await ask("/v1/chat/completions", chat("x"), types)).status, 200);
  assert.equal((await ask("/v1/embeddings", { model: "text-embedding-3-small", input: "x" }, types)).status, 403);
  const models = input({ "default.modelwhitelist": { models: ["gpt-4o-mini"] }, deny: true });
  assert.equal((await ask("/v1/chat/completions", chat("x"), models)).status, 200);
  assert.equal((await ask("/v1/chat/completions", { ...chat("x"), model: "gpt-4o" }, models)).status, 403);
  const keys = input({ "default.requiredMetadataKeys": { metadataKeys: ["team"] }, deny: true });
  assert.equal((await ask("/v1/chat/completions", chat("x"), keys)).status, 403);
  assert.equal((await ask("/v1/chat/completions", chat("x"), keys, { headers: { "x-tollgate-metadata": '{"team":"red"}' } })).status, 200);
  const mine = input({ "default.requiredMetadataKeys": { metadataKeys: ["desk", "team"], operator: "all" }, deny: true });
  assert.equal((await ask("/v1/chat/completions", chat("x"), mine, { headers: { "x-tollgate-metadata": '{"team":"red"}' } })).status, 403);
  assert.equal((await ask("/v1/chat/completions", chat("x"), mine, { headers: { "x-tollgate-metadata": '{"team":"red"}' }, name: "tagged" })).status, 200, "the key's count");
});

test("a pattern that takes for ever denies, and holds up nobody", async () => {
  const before = Date.now();
  const slow = ask("/v1/chat/completions", chat(`${"a".repeat(50_000)}!`), input({ "default.regexMatch": { rule: "^(a+)+$", not: true }, deny: true }));
  const other = await ask("/v1/chat/completions", chat("hello"), {});
  assert.equal(other.status, 200);
  assert.equal((await slow).status, 403);
  assert.ok(Date.now() - before < 3000, `${Date.now() - before} ms`);
});

test("a fallback's next target is asked where the first one's guard says no", async () => {
  const answer = await ask("/v1/chat/completions", chat("SECRET"), {
    strategy: { mode: "fallback" },
    targets: [{ provider: "openai", ...input(ban) }, { provider: "anthropic", override_params: { model: "claude-sonnet-4-5" } }],
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("x-tollgate-vendor"), "anthropic");
});

test("a route of the configuration has its guards, and those that are misspelt stop it", async () => {
  for (let i = 0; i < 2; i++) {
    assert.equal((await ask("/v1/chat/completions", chat("SECRET"), undefined, { headers: { "x-tollgate-config": "guarded" } })).status, 403);
    assert.equal((await ask("/v1/chat/completions", chat("fine"), undefined, { headers: { "x-tollgate-config": "guarded" } })).status, 200);
    gate.signal("SIGHUP");
  }
  const built = config({ openai: openai.url }, { keys: [key("models", ["openai-main"])] });
  built.routes = { bad: { targets: [{ provider: "openai", output_guardrails: [{ "default.contians": { words: ["x"] } }] }] } };
  const { code, err } = await check(JSON.stringify(built));
  assert.notEqual(code, 0);
  assert.match(err, /routes\.bad\.targets\[0\]\.output_guardrails\[0\].*no check "contians"/);
});

test("a race is won by the answer that its guards accept, streamed or not", async () => {
  openai.play = { text: ["a SECRET"] };
  const race = {
    strategy: { mode: "race", accept: { guards: [ban] } },
    targets: [{ provider: "openai" }, { provider: "anthropic", override_params: { model: "claude-sonnet-4-5" } }],
  };
  for (const stream of [false, true]) {
    const answer = await ask("/v1/chat/completions", chat("hi", { stream, max_tokens: 50 }), race);
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.equal(answer.headers.get("x-tollgate-vendor"), "anthropic");
    assert.ok(!(await answer.text()).includes("SECRET"));
  }
  openai.play = undefined;
});

test("a denied answer is not kept by the cache, and one that is kept was judged", async () => {
  for (const stream of [false, true]) {
    const route = { cache: { mode: "simple" }, ...output(ban) };
    const call = () => ask("/v1/chat/completions", chat(`kept? ${stream}`, { stream, temperature: 0 }), route);
    openai.play = { text: ["a SEC", "RET"] };
    assert.equal((await call()).status, 403);
    const looser = await ask("/v1/chat/completions", chat(`kept? ${stream}`, { stream, temperature: 0 }), { cache: { mode: "simple" } });
    assert.equal(looser.headers.get("x-tollgate-cache"), "miss");
    assert.match(await looser.text(), /SEC/);
    openai.play = { text: ["all ", "good"] };
    const fine = await call();
    assert.equal(fine.status, 200, "what another route kept is not given");
    assert.match(await fine.text(), /good/);
    const again = await call();
    assert.equal(again.headers.get("x-tollgate-cache"), "hit");
    assert.match(await again.text(), /good/);
  }
  openai.play = undefined;
});
