// SPDX-License-Identifier: Apache-2.0
// Portkey's SDK, unmodified, and Portkey's header fields at this gate: what they mean, what they are answered with, what is refused.
import { before } from "node:test";

import { Portkey } from "portkey-ai";
import errors from "portkey-ai/dist/src/error.js";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { startUpstreams } from "./lib/portkey_upstreams.js";
import { connect } from "./lib/raw.js";
import { minuteStays } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

const secretOf = (name) => `sk-ours-${name}-000000000001`;
let gate, upstreams, serial = 0;

before(async () => {
  upstreams = await startUpstreams(["openai", "groq"]);
  const credentials = { "openai-main": { secret: secretOf("openai") }, "groq-main": { secret: secretOf("groq") } };
  const built = config(upstreams.urls, {
    credentials,
    policies: { mini: { allow: ["*"], models: ["gpt-4o-mini"] } },
    keys: [
      key("agent", ["openai-main", "groq-main"]),
      key("both", ["openai-main", "openai-second", "groq-main"]),
      key("mini", ["openai-main"], { policy: "mini" }),
      key("poor", ["openai-main"], { budgets: [{ limit: "0 usd", window: "day" }] }),
      key("slow", ["openai-main"], { budgets: [{ limit: "1 requests", window: "minute" }] }),
    ],
  });
  built.credentials["openai-second"] = { vendor: "openai", secret: secretOf("second") };
  gate = await startGate(built);
});

/** A mark of its own for each test, with a script for it. */
function scripted(plan) {
  const mark = `${900_000 + ++serial}u`;
  upstreams.script(mark, plan);
  return { text: `#c${mark}#`, heard: () => upstreams.heard(mark) };
}

const sdk = (options = {}, who = "agent") => new Portkey({ apiKey: tokenOf(who), baseURL: `${gate.url}/v1`, provider: "openai", ...options });
const chat = (text, more = {}) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content: text }], ...more });

async function post(headers, body, target = "/v1/chat/completions") {
  const answer = await fetch(`${gate.url}${target}`, { method: "POST", headers: { "content-type": "application/json", "x-portkey-api-key": tokenOf("agent"), ...headers }, body: JSON.stringify(body) });
  return { status: answer.status, headers: answer.headers, text: await answer.text(), get json() { return JSON.parse(this.text); } };
}

test("chat: the answer, and what getHeaders() says of it", async () => {
  const { text, heard } = scripted();
  const answer = await sdk({ traceID: "trace-7" }).chat.completions.create(chat(text));
  assert.equal(answer.choices[0].message.content, "Hello from openai");
  const said = answer.getHeaders();
  assert.equal(said["trace-id"], "trace-7");
  assert.equal(said.provider, "openai");
  assert.equal(said["last-used-option-index"], "config");
  assert.equal(said["retry-attempt-count"], "0");
  assert.equal(said["cache-status"], "DISABLED");
  assert.equal(heard()[0].headers.authorization, `Bearer ${secretOf("openai")}`);
});

test("a trace id is made where none is given: the call's own", async () => {
  const { text } = scripted();
  const answer = await post({ "x-portkey-provider": "openai" }, chat(text));
  assert.equal(answer.headers.get("x-portkey-trace-id"), answer.headers.get("x-tollgate-call-id"));
});

test("a stream, piece by piece", async () => {
  const { text } = scripted();
  const pieces = [];
  for await (const chunk of await sdk().chat.completions.create(chat(text, { stream: true }))) pieces.push(chunk.choices[0]?.delta?.content ?? "");
  assert.equal(pieces.join(""), "Hello from openai");
  assert.ok(pieces.filter(Boolean).length >= 3);
});

test("embeddings", async () => {
  const { text } = scripted();
  const answer = await sdk().embeddings.create({ model: "text-embedding-3-small", input: [text, "b"] });
  assert.equal(answer.data.length, 2);
});

test("what the SDK says of itself is in nobody's way", async () => {
  const { text, heard } = scripted();
  const answer = await sdk().chat.completions.create(chat(text));
  assert.equal(answer.getHeaders()["x-tollgate-dropped"], undefined);
  assert.ok(!Object.keys(heard()[0].headers).some((name) => name.startsWith("x-portkey-")));
});

test("classes of errors, and both shapes of a refusal", async () => {
  await minuteStays();
  const cases = [
    [() => sdk({ apiKey: "tg_nobody" }), 401, errors.AuthenticationError, "key_unknown"],
    [() => sdk({ provider: "nobody" }), 403, errors.PermissionDeniedError, "operation_denied"],
    [() => sdk({}, "poor"), 402, errors.APIError, "budget_exceeded"],
    [() => sdk({ requestTimeout: "soon" }), 400, errors.BadRequestError, "bad_request"],
  ];
  for (const [client, status, kind, code] of cases) {
    const { text, heard } = scripted();
    const error = await thrown(client().chat.completions.create(chat(text)));
    assert.equal(error.status, status, error.message);
    assert.ok(error instanceof kind, error.constructor.name);
    assert.equal(error.error.status, "failure");
    assert.equal(error.error.error.code, code);
    assert.equal(error.error.message, error.error.error.message);
    assert.equal(heard().length, 0);
  }
  const first = scripted(), second = scripted();
  await sdk({}, "slow").chat.completions.create(chat(first.text));
  const error = await thrown(sdk({}, "slow").chat.completions.create(chat(second.text)));
  assert.ok(error instanceof errors.RateLimitError);
});

test("a caller that is none of Portkey's is answered as ever", async () => {
  const { text } = scripted();
  const answer = await post({ "x-portkey-api-key": "", authorization: `Bearer ${tokenOf("mini")}` }, chat(text, { model: "o1-pro" }));
  assert.ok(answer.status >= 400);
  const plain = await fetch(`${gate.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${tokenOf("mini")}` }, body: JSON.stringify(chat(text, { model: "o1-pro" })) });
  assert.equal(plain.status, 403);
  const body = await plain.json();
  assert.deepEqual([body.status, body.message, body.error.code], [undefined, undefined, "model_denied"]);
  assert.equal(plain.headers.get("x-portkey-trace-id"), null);
});

test("the gate's key goes before a vendor's secret in Authorization, which goes nowhere", async () => {
  const { text, heard } = scripted();
  const answer = await post({ "x-portkey-provider": "openai", authorization: "Bearer sk-of-the-callers-own-000000" }, chat(text));
  assert.equal(answer.status, 200, answer.text);
  assert.ok(!JSON.stringify(heard()[0].headers).includes("sk-of-the-callers"));
});

test("the gate's key in Authorization alone", async () => {
  const { text } = scripted();
  const answer = await sdk({ apiKey: undefined, Authorization: `Bearer ${tokenOf("agent")}` }).chat.completions.create(chat(text));
  assert.equal(answer.choices[0].message.content, "Hello from openai");
});

test("what has no effect is named", async () => {
  const { text } = scripted();
  const answer = await post({ "x-portkey-provider": "openai", "x-portkey-azure-api-version": "2024-10-21", "x-portkey-strict-open-ai-compliance": "true", "x-portkey-mode": "proxy", "x-portkey-forward-headers": "cookie, x-team", cookie: "a=b", "x-team": "blue" }, chat(text));
  assert.equal(answer.status, 200, answer.text);
  const said = answer.headers.get("x-tollgate-dropped");
  for (const name of ["x-portkey-azure-api-version", "x-portkey-strict-open-ai-compliance", "x-portkey-mode", "x-portkey-forward-headers: cookie"]) assert.ok(said.includes(name), said);
  assert.ok(!said.includes("x-team"));
});

test("of an inline config: what is of no effect is named, its secrets go nowhere", async () => {
  const { text, heard } = scripted();
  const answer = await post({ "x-portkey-config": JSON.stringify({ provider: "openai", api_key: "sk-of-the-callers-own-000000" }) }, chat(text));
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get("x-tollgate-dropped"), /api_key/);
  assert.ok(!JSON.stringify(heard()[0]).includes("sk-of-the-callers"));
  const rows = JSON.stringify(await gate.calls());
  assert.ok(!rows.includes("sk-of-the-callers"));
});

test("guardrails in a header are refused, not left out", async () => {
  for (const name of ["x-portkey-default-input-guardrails", "x-portkey-default-output-guardrails"]) {
    const { text, heard } = scripted();
    const answer = await post({ "x-portkey-provider": "openai", [name]: "[]" }, chat(text));
    assert.equal(answer.status, 400);
    assert.match(answer.json.message, /guardrails stand in/);
    assert.equal(heard().length, 0);
  }
});

test("a virtual key is a credential by its name, and no other key's", async () => {
  for (const [name, vendor, secret] of [["openai-second", "openai", "second"], ["openai-main", "openai", "openai"], ["groq-main", "groq", "groq"]]) {
    const { text, heard } = scripted();
    const answer = await sdk({ provider: undefined, virtualKey: name }, "both").chat.completions.create(chat(text));
    assert.equal(answer.getHeaders().provider, vendor);
    assert.equal(heard()[0].headers.authorization, `Bearer ${secretOf(secret)}`);
  }
  const { text, heard } = scripted();
  const error = await thrown(sdk({ provider: undefined, virtualKey: "openai-second" }).chat.completions.create(chat(text)));
  assert.equal(error.status, 403);
  assert.match(error.message, /openai-second/);
  assert.equal(heard().length, 0);
});

test("no secret leaves for another host", async () => {
  for (const host of ["http://evil.example/v1", "https://127.0.0.1/v1", `${upstreams.urls.groq}/v1`, "http://127.0.0.1@evil.example/v1", "x", upstreams.urls.openai.replace("http:", "https:")]) {
    const { text, heard } = scripted();
    const answer = await post({ "x-portkey-provider": "openai", "x-portkey-custom-host": host }, chat(text));
    assert.equal(answer.status, 403, host);
    assert.match(answer.json.message, /x-portkey-custom-host/);
    assert.equal(heard().length, 0);
  }
  const { text, heard } = scripted();
  const answer = await post({ "x-portkey-provider": "openai", "x-portkey-custom-host": `${upstreams.urls.openai}/v1` }, chat(text));
  assert.deepEqual([answer.status, heard().length], [200, 1]);
});

test("forwarded: what is named, but never what says who asks or how", async () => {
  const { text, heard } = scripted();
  const never = { "x-api-key": "a", "api-key": "b", cookie: "c", "openai-organization": "d", "x-forwarded-for": "1.2.3.4", "x-http-method-override": "DELETE", "x-auth-request": "e" };
  const answer = await post({ "x-portkey-provider": "openai", "x-portkey-forward-headers": `X-Team, x-absent, user-agent, ${Object.keys(never).join(", ")}`, "x-team": "blue", "user-agent": "mine/1", ...never }, chat(text));
  assert.equal(answer.status, 200, answer.text);
  const { headers } = heard()[0];
  assert.deepEqual([headers["x-team"], headers["user-agent"]], ["blue", "mine/1"]);
  for (const name of Object.keys(never)) assert.equal(headers[name], undefined, name);
});

test("a field that decides must not be said twice", async () => {
  for (const [name, value] of [["x-portkey-request-timeout", "5000"], ["x-portkey-custom-host", upstreams.urls.openai], ["x-portkey-provider", "openai"]]) {
    const { text, heard } = scripted();
    const body = JSON.stringify(chat(text));
    const raw = await connect(gate.port);
    raw.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\nx-portkey-api-key: ${tokenOf("agent")}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n${`${name}: ${value}\r\n`.repeat(2)}\r\n${body}`);
    const answer = await raw.answer();
    assert.equal(answer.headers["x-tollgate-denied"], "not_canonical", answer.text);
    assert.equal(heard().length, 0);
    raw.destroy();
  }
});

test("the row says the run that stands behind the key", async () => {
  const run = newRun(), { text } = scripted();
  await sdk({ apiKey: `${tokenOf("agent")}.${run}` }).chat.completions.create(chat(text));
  const [row] = await gate.calls({ run });
  assert.equal(row.status, 200);
});
