// SPDX-License-Identifier: Apache-2.0
// Routes that have names: by header, by key, by model, of a workspace; made and changed by the API and the command line.
import fs from "node:fs";
import path from "node:path";

import OpenAI from "openai";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate, tempDir } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { assert, test, thrown } from "./lib/test.js";

const [openai, anthropic] = await Promise.all([startOpenai(), startAnthropic()]);
const both = ["openai-main", "anthropic-main"];
const day = { budgets: [{ limit: "100 usd", window: "day" }] };
const gpt = { provider: "openai", model: "gpt-4o-mini" }, claude = { provider: "anthropic", model: "claude-haiku-4-5" };
const gate = await startGate(config({ openai: openai.url, anthropic: anthropic.url }, {
  workspaces: { red: {}, blue: {} },
  routes: {
    "to-claude": claude,
    "pc-saved-1": { ...claude, models: ["house-*"] },
    house: { ...gpt, models: ["house-model"] },
    reds: { workspaces: ["red"], ...claude },
    spread: { strategy: { mode: "loadbalance", sticky: { enabled: true, hash_fields: ["user"] } }, targets: [{ ...gpt, weight: 0.5 }, { ...claude, weight: 0.5 }] },
    plans: {
      strategy: { mode: "conditional", conditions: [{ query: { "metadata.plan": { $eq: "paid" } }, then: "good" }], default: "plain" },
      targets: [{ name: "good", ...claude }, { name: "plain", ...gpt }],
    },
  },
  keys: [key("any", both, day), key("routed", both, { ...day, route: "to-claude" }), key("red", both, { ...day, workspace: "red" }), key("blue", both, { ...day, workspace: "blue" }),
    key("only-openai", ["openai-main"], day)],
}));

const hello = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello." }], max_tokens: 50 };
const client = (name, headers = {}) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/v1`, maxRetries: 0, defaultHeaders: headers });
const vendor = async (name, headers, ask = {}) =>
  (await client(name, headers).chat.completions.create({ ...hello, ...ask }).withResponse()).response.headers.get("x-tollgate-vendor");

test("a header names a route; a Portkey id is a name; the header goes before the key's", async () => {
  assert.equal(await vendor("any"), "openai");
  assert.equal(await vendor("any", { "x-tollgate-config": "to-claude" }), "anthropic");
  assert.equal(await vendor("any", { "x-portkey-config": "pc-saved-1" }), "anthropic");
  assert.equal(await vendor("routed"), "anthropic");
  assert.equal(await vendor("routed", { "x-tollgate-config": "house" }), "openai");
});

test("a model's route: an exact name goes before a pattern", async () => {
  assert.equal(await vendor("any", {}, { model: "house-model" }), "openai");
  assert.equal(await vendor("any", {}, { model: "house-other" }), "anthropic");
});

test("a route of a workspace does not exist for another one", async () => {
  assert.equal(await vendor("red", { "x-tollgate-config": "reds" }), "anthropic");
  const theirs = await thrown(client("blue", { "x-tollgate-config": "reds" }).chat.completions.create(hello));
  const nobodys = await thrown(client("blue", { "x-tollgate-config": "nowhere" }).chat.completions.create(hello));
  assert.equal(theirs.status, nobodys.status);
  assert.ok(theirs.status >= 400 && theirs.status < 500, String(theirs.status));
  assert.equal(theirs.message.replaceAll("reds", "*"), nobodys.message.replaceAll("nowhere", "*"));
});

test("no route gives a key what it does not have", async () => {
  const refused = await thrown(client("only-openai", { "x-tollgate-config": "to-claude" }).chat.completions.create(hello));
  assert.equal(refused.status, 403);
  assert.match(refused.message, /config/);
});

test("what a target may lose is left out for it alone, and told", async () => {
  const ask = { seed: 7 };
  const along = (target) => client("any", { "x-tollgate-config": JSON.stringify(target) }).chat.completions.create({ ...hello, ...ask }).withResponse();
  assert.match((await thrown(along(claude))).message, /seed/);
  assert.equal((await along({ ...claude, lose_params: ["seed"] })).response.headers.get("x-tollgate-dropped"), "seed");
});

test("parameters: filled in, set, dropped; the model of the target", async () => {
  openai.calls.length = 0;
  const route = { ...gpt, default_params: { temperature: 0.5, top_p: 0.9 }, override_params: { max_tokens: 9, user: "set" }, drop_params: ["messages[*].name", "seed"] };
  const ask = { model: "something-else", temperature: 1, seed: 3, messages: [{ role: "user", name: "n", content: "Say hello." }] };
  assert.equal(await vendor("any", { "x-tollgate-config": JSON.stringify(route) }, ask), "openai");
  const { text } = openai.calls.at(-1);
  const sent = JSON.parse(text);
  assert.deepEqual([sent.model, sent.temperature, sent.top_p, sent.max_tokens, sent.user, sent.seed, sent.messages], ["gpt-4o-mini", 1, 0.9, 9, "set", undefined, [{ role: "user", content: "Say hello." }]]);
});

test("sticky: the same user, the same vendor; several users, both vendors", async () => {
  const seen = new Map();
  for (let round = 0; round < 2; round++)
    for (let n = 0; n < 12; n++) {
      const user = `user-${n}`, at = await vendor("any", { "x-tollgate-config": "spread" }, { user });
      assert.equal(seen.get(user) ?? at, at, user);
      seen.set(user, at);
    }
  assert.equal(new Set(seen.values()).size, 2);
});

test("conditions on metadata", async () => {
  assert.equal(await vendor("any", { "x-tollgate-config": "plans", "x-portkey-metadata": JSON.stringify({ plan: "paid" }) }), "anthropic");
  assert.equal(await vendor("any", { "x-tollgate-config": "plans", "x-portkey-metadata": JSON.stringify({ plan: "free" }) }), "openai");
  assert.equal(await vendor("any", { "x-tollgate-config": "plans" }), "openai");
});

test("the API makes, changes and deletes routes, and refuses what cannot be meant", async () => {
  const made = await gate.ask("POST", "/api/v1/routes", { name: "made", ...gpt });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal(await vendor("any", { "x-tollgate-config": "made" }), "openai");
  assert.equal((await gate.ask("PATCH", "/api/v1/routes/made", claude)).status, 200);
  assert.equal(await vendor("any", { "x-tollgate-config": "made" }), "anthropic");
  const bad = await gate.ask("PATCH", "/api/v1/routes/made", { retry: { atempts: 1 } });
  assert.equal(bad.status, 422);
  assert.match(JSON.stringify(bad.body), /did you mean \\"attempts\\"/);
  const secret = await gate.ask("POST", "/api/v1/routes", { name: "leak", ...gpt, api_key: "sk-not-to-be-shown" });
  assert.equal(secret.status, 422);
  assert.ok(!JSON.stringify(secret.body).includes("not-to-be-shown"));
  assert.equal((await gate.ask("PATCH", "/api/v1/keys/any", { route: "made" })).status, 200);
  assert.equal(await vendor("any"), "anthropic");
  assert.equal((await gate.ask("DELETE", "/api/v1/routes/made")).status, 409);
  assert.equal((await gate.ask("PATCH", "/api/v1/keys/any", { route: null })).status, 200);
  assert.ok([200, 204].includes((await gate.ask("DELETE", "/api/v1/routes/made")).status));
  assert.equal(await vendor("any"), "openai");
});

test("the command line: set from a Portkey config file, list, show, rm", async () => {
  const file = path.join(tempDir("ways"), "config.json");
  fs.writeFileSync(file, JSON.stringify({ strategy: { mode: "fallback", onStatusCodes: [503] }, targets: [{ provider: "@openai", overrideParams: { model: "gpt-4o-mini" } }, claude] }));
  const done = (result) => { assert.equal(result.code, 0, result.err + result.out); return result.out; };
  done(await gate.cli("route", "set", "filed", file));
  assert.match(done(await gate.cli("route")), /filed +api +fallback +@openai\/gpt-4o-mini, anthropic\/claude-haiku-4-5|filed +api +fallback/);
  assert.match(done(await gate.cli("route", "show", "filed")), /onStatusCodes/);
  openai.play = { status: 503, error: { message: "overloaded" } };
  assert.equal(await vendor("any", { "x-tollgate-config": "filed" }), "anthropic");
  openai.play = {};
  fs.writeFileSync(file, JSON.stringify({ strategy: { mode: "falback" }, targets: [gpt, claude] }));
  const wrong = await gate.cli("route", "set", "filed", file);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /falback/);
  done(await gate.cli("route", "rm", "filed"));
  assert.equal((await gate.cli("route", "show", "filed")).code, 1);
});
