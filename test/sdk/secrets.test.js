// SPDX-License-Identifier: Apache-2.0
// Secrets stay where they belong: real ones reach their vendor and nothing else; keys and the admin token are kept as hashes.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import { key, tokenOf } from "./lib/config.js";
import { adminToken, startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

const canaries = {
  openai: "canary-openai-7b1f0c93e2",
  stripe: "canary-stripe-51d2aa09c7",
  twilio: "canary-twilio-0e44b1d8f5",
  made: "canary-byapi-93aa17c2d0",
  body: "canary-body-66c0b8ed12",
};
let gate, upstream, made;
const heard = []; // everything that anyone was told

before(async () => {
  upstream = await startScripted((call, res) => {
    if (call.url.includes("/fail")) return answerJson(res, 401, { error: { message: `Invalid API Key provided: ${call.headers.authorization}` } });
    return answerJson(res, 200, { id: "x", object: "list", data: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }, model: "gpt-4o-mini" });
  });
  gate = await startGate({
    vendors: { openai: { base_url: upstream.url }, stripe: { base_url: upstream.url }, twilio: { base_url: upstream.url } },
    credentials: {
      o: { vendor: "openai", secret: "${OPENAI_SECRET}" },
      s: { vendor: "stripe", secret: canaries.stripe },
      t: { vendor: "twilio", account_sid: `AC${"0".repeat(32)}`, secret: canaries.twilio },
    },
    policies: { all: { allow: ["*"] } },
    keys: [key("secret", ["o", "s", "t"])],
  }, { env: { OPENAI_SECRET: canaries.openai } });
  await gate.post("/credentials", { name: "byapi", vendor: "stripe", secret: canaries.made });
  made = await gate.post("/keys", { name: "byapi", policy: "all", credentials: ["byapi"] });
});

const ask = async (url, options = {}) => {
  const answer = await fetch(gate.url + url, options);
  heard.push(JSON.stringify([...answer.headers]), await answer.text());
  return answer;
};
const auth = (token) => ({ authorization: `Bearer ${token}`, "content-type": "application/json" });

test("calls of all kinds, good and bad", async () => {
  const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: canaries.body }] });
  assert.equal((await ask("/openai/v1/chat/completions", { method: "POST", headers: auth(tokenOf("secret")), body })).status, 200);
  assert.equal(upstream.last().headers.authorization, `Bearer ${canaries.openai}`);
  await ask("/openai/v1/models/fail", { headers: auth(tokenOf("secret")) });
  await ask("/stripe/v1/charges", { headers: auth(tokenOf("secret")) });
  assert.equal((await ask("/stripe/v1/charges", { headers: auth(made.token) })).status, 200);
  assert.equal(upstream.last().headers.authorization, `Bearer ${canaries.made}`);
  await ask("/stripe/v1/charges", { headers: auth("a-key-that-is-unknown-0123") });
  await ask("/stripe/v1/charges/../x", { headers: auth(tokenOf("secret")) });
  await ask(`/gemini/v1/models?key=${tokenOf("secret")}`);
  await ask("/openai/v1/chat/completions", { method: "POST", headers: auth(tokenOf("secret")), body: "{" + canaries.body });
});

test("the vendor's complaint about the real key does not name it", () => {
  assert.ok(!heard.join("\n").includes(canaries.openai));
});

test("nothing that was answered, listed or logged holds a secret", async () => {
  for (const target of ["/keys", "/credentials", "/credentials/o", "/credentials/byapi", "/keys/secret", "/calls?limit=1000", "/vendors", "/settings", "/policies", "/budgets", "/runs", "/usage?by=key"]) {
    const { body } = await gate.ask("GET", `/api/v1${target}`);
    heard.push(JSON.stringify(body));
  }
  heard.push((await gate.ask("GET", "/metrics")).body);
  heard.push(JSON.stringify((await gate.ask("POST", "/api/v1/credentials", { name: "bad", vendor: "nobody", secret: canaries.made })).body));
  heard.push(JSON.stringify((await gate.ask("POST", "/api/v1/keys", { name: "bad", policy: "nobody", token: tokenOf("secret") })).body));
  heard.push(gate.log);
  const all = heard.join("\n");
  for (const secret of [...Object.values(canaries), adminToken, tokenOf("secret"), made.token]) assert.ok(!all.includes(secret), secret);
});

test("nothing on disk holds a secret in clear", async () => {
  await gate.stop();
  const seen = [];
  for (const name of fs.readdirSync(gate.dataDir, { recursive: true })) {
    const file = path.join(gate.dataDir, name);
    if (!fs.statSync(file).isFile()) continue;
    const bytes = fs.readFileSync(file);
    seen.push(name);
    for (const secret of [...Object.values(canaries), adminToken, tokenOf("secret"), made.token]) {
      assert.equal(bytes.indexOf(secret), -1, `${secret} stands in ${name}`);
      assert.equal(bytes.indexOf(Buffer.from(secret).toString("base64").slice(0, -4)), -1, `${secret} stands in ${name} as base64`);
    }
    const mine = name === "audit.key.pub" ? 0o033 : 0o077; // the public half, for those who check signatures
    assert.equal(fs.statSync(file).mode & mine, 0, `${name} is open to others`);
  }
  assert.ok(seen.length > 1, "there is something to look at");
  assert.equal(fs.statSync(gate.dataDir).mode & 0o077, 0);
  assert.ok(!gate.log.includes("canary"));
});

test("a sealed credential works after a restart", async () => {
  await gate.start();
  assert.equal((await ask("/stripe/v1/charges", { headers: auth(made.token) })).status, 200);
  assert.equal(upstream.last().headers.authorization, `Bearer ${canaries.made}`);
});

test("a query key never shows in a row", async () => {
  await ask(`/stripe/v1/charges?key=${tokenOf("secret")}`);
  const rows = JSON.stringify(await gate.calls());
  assert.ok(!rows.includes(tokenOf("secret")));
});
