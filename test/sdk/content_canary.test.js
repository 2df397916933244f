// SPDX-License-Identifier: Apache-2.0
// Everything that could tell what calls said is switched on at once: capture, the finest log, exports, traces, metrics, alerts, a cache, kept answers. What
// callers and vendors said is then where capture puts it, sealed, and in nothing that anybody else is sent, reads or finds on the disk; secrets are in none of it.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { startCollector } from "./lib/otlp.js";
import { sleep, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

const said = { prompt: "CANARY-PROMPT-c91f", answer: "CANARY-ANSWER-77aa", field: "CANARY-FIELD-30bd", fault: "CANARY-FAULT-e2d4", mail: "canary.person@mail.example", charge: "CANARY-CHARGE-5b16" };
const given = {
  openai: "sk-canary-openai-credential-0001", stripe: "sk_test_canary_stripe_credential_0001", hook: "canary-hook-secret-0001", receiver: "canary-receiver-secret-0001",
  collector: "canary-collector-key-0001", agent: tokenOf("agent"), poor: tokenOf("poor"), admin: adminToken, viewer: "canary-viewer-token-0001",
};
const held_back = "CANARY-HELD-14c8"; // of a call that waits for a person, who is shown what it says
const ruled_out = "CANARY-RULED-9e70"; // what a rule of a policy did not allow of a charge: its row says so
const heard = { alerts: [], rows: [], spans: [], answers: [] };
let gate, openai, stripe, collector, minted;

const deaf = (list) => startScripted((call, res) => {
  list.push(call.text);
  answerJson(res, 200, {});
});

before(async () => {
  const [pager, receiver, tracer] = [await deaf(heard.alerts), await deaf(heard.rows), await deaf(heard.spans)];
  [openai, collector] = [await startOpenai(), await startCollector()];
  stripe = await startScripted((call, res) => {
    if (call.text.includes("amount=1313")) return void res.socket.destroy();
    if (call.text.includes("amount=402")) return answerJson(res, 402, { error: { type: "card_error", message: `${said.fault} for ${call.headers.authorization}` } });
    answerJson(res, 200, { id: `ch_${stripe.count}`, object: "charge", amount: 100, amount_captured: 100, captured: true, paid: true, currency: "usd", status: "succeeded", description: said.answer });
  });
  const often = { start: "beginning", every: "100ms", batch_rows: 3 };
  const exports = {
    file: { kind: "file", proof: true, ...often }, sheet: { kind: "file", format: "csv", ...often },
    siem: { kind: "webhook", url: receiver.url, secret: given.receiver, ...often }, traces: { kind: "otlp", url: `${tracer.url}/v1/traces`, secret: given.receiver, ...often },
    langfuse: { kind: "langfuse", url: tracer.url, public_key: "pk-lf-1", secret: given.receiver, ...often },
  };
  const built = config({ openai: openai.url, stripe: stripe.url }, {
    log: { format: "json", level: "debug" },
    workspaces: { open: { capture: { redact: ["email"] } } },
    policies: { strict: { allow: ["*"], parameters: { "stripe.*": { description: ["refund"] }, "openai.*": { "messages*": ["user"] } } }, braked: { allow: ["*"], brakes: [{ repeat: 3, within: "60s", action: "deny" }] }, held: { allow: ["*"], approvals: [{ name: "large", operations: ["stripe.charges.create", "openai.*"], wait: "30m" }] } },
    routes: { guarded: { targets: [{ provider: "openai", model: "gpt-4o-mini" }], input_guardrails: [{ deny: true, "default.contains": { words: [said.prompt], operator: "none" } }] } },
    cache: { memory: "8MiB", disk: "64MiB" },
    keys: [
      key("agent", ["openai-main", "stripe-main"], { workspace: "open", budgets: [{ limit: "1000 usd", window: "day" }] }),
      key("poor", ["openai-main"], { workspace: "open", budgets: [{ limit: "0.000001 usd", window: "day" }] }),
      key("looping", ["openai-main"], { workspace: "open", policy: "braked", budgets: [{ limit: "10 usd", window: "day" }] }),
      key("careful", ["stripe-main", "openai-main"], { workspace: "open", policy: "held", budgets: [{ limit: "1000 usd", window: "day" }] }),
      key("strict", ["openai-main", "stripe-main"], { workspace: "open", policy: "strict", budgets: [{ limit: "10 usd", window: "day" }] }),
      key("guarded", ["openai-main"], { workspace: "open", route: "guarded", budgets: [{ limit: "10 usd", window: "day" }] }),
    ],
    alerts: [{ name: "pager", webhook: pager.url, secret: given.hook }],
    exports, telemetry: { otlp: { endpoint: collector.url, interval: "1s", headers: { "x-api-key": given.collector } } },
    admin: { listen: "127.0.0.1:0", token: adminToken, tokens: [{ name: "vera", token: given.viewer, role: "viewer" }] },
  });
  built.credentials["openai-main"].secret = given.openai;
  built.credentials["stripe-main"].secret = given.stripe;
  gate = await startGate(built);
  const credential = "sk_test_canary_made_by_the_api_0001";
  await gate.post("/credentials", { name: "made", vendor: "stripe", secret: credential });
  minted = { credential, key: (await gate.post("/keys", { name: "made", policy: "all", credentials: ["made"] })).token, token: (await gate.post("/tokens", { name: "made", role: "viewer" })).token };
}, { timeout: 60_000 });

async function ask(name, body, headers = {}, target = "/v1/chat/completions") {
  const answer = await fetch(gate.url + target, {
    method: "POST", headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": typeof body === "string" && body.startsWith("amount") ? "application/x-www-form-urlencoded" : "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  }).catch(() => null);
  const text = await answer?.text().catch(() => "");
  return { status: answer?.status, id: answer?.headers.get("x-tollgate-call-id"), text };
}
const chat = (more = {}) => ({ model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content: `${said.prompt} ${said.mail}` }], ...more });
const charge = (amount) => `amount=${amount}&currency=usd&source=tok_visa&description=${said.charge}`;

/** All files of the data directory, as bytes. */
const stored = () => Buffer.concat(fs.readdirSync(gate.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  .map((entry) => fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name))));

const bearer = { authorization: `Bearer ${adminToken}` };
const read = async (target) => (await fetch(`http://${gate.adminAddress}${target}`, { headers: bearer })).text();

/** Everything that somebody else is sent, reads, or finds. */
async function places() {
  return {
    log: gate.log, stdout: gate.running.out(), "data directory": stored(), alerts: heard.alerts.join("\n"), "webhook's rows": heard.rows.join("\n"), spans: heard.spans.join("\n"),
    "metrics that are pushed": JSON.stringify(collector.pushes.map(({ resource, metrics }) => [resource, metrics])),
    "/metrics": await read("/metrics"), calls: await read("/api/v1/calls?limit=1000"), audit: await read("/api/v1/audit/export"), "audit as CSV": await read("/api/v1/audit/export?format=csv"),
    deliveries: await read("/api/v1/alerts/deliveries"), approvals: await read("/api/v1/approvals"), doubts: await read("/api/v1/doubts"), now: await read("/api/v1/now"),
  };
}

async function nowhere(words) {
  const found = [];
  for (const [where, bytes] of Object.entries(await places()))
    for (const [what, word] of Object.entries(words)) if (bytes.includes(word)) found.push(`${what} in ${where}: ${bytes.toString().slice(Math.max(0, bytes.indexOf(word) - 150), bytes.indexOf(word) + 60)}`);
  assert.deepEqual(found, []);
}

let kept;
test("calls of all kinds, good and bad, are made", async () => {
  openai.play = { text: [said.answer.slice(0, 6), said.answer.slice(6)] };
  kept = await ask("agent", chat(), { "x-agent-run-id": "run-1", "x-tollgate-cache": "on", "idempotency-key": "once-1" });
  assert.equal(kept.status, 200, kept.text);
  assert.equal((await ask("agent", chat(), { "x-tollgate-cache": "on" })).status, 200);
  await ask("agent", chat({ stream: true }), { "x-agent-run-id": "run-1" });
  await ask("agent", chat(), {}, "/v1/messages");
  await ask("agent", { model: "gpt-4o-mini", input: said.prompt }, {}, "/v1/responses");
  assert.equal((await ask("poor", chat())).status, 402);
  for (let i = 0; i < 5; i++) await ask("looping", chat());
  assert.equal((await ask("guarded", chat())).status, 403, "the guard refuses the prompt");
  assert.match((await ask("strict", charge(100).replace(said.charge, ruled_out), {}, "/stripe/v1/charges")).text, /parameter_denied/);
  assert.match((await ask("strict", chat())).text, /found another text/);
  openai.play = { status: 400, error: { error: { message: `${said.fault}: ${said.prompt} with ${given.openai}`, type: "invalid_request_error" } } };
  await ask("agent", chat());
  openai.play = { status: 401, error: { error: { message: `Incorrect API key provided: ${given.openai}. ${said.fault}` } } };
  await ask("agent", chat());
  await gate.forgive();
  openai.play = { text: [said.answer, said.answer], cutAfter: 2 };
  await ask("agent", chat({ stream: true }));
  openai.play = {};
  for (const wrong of [`{"${said.prompt}`, { model: "gpt-4o-mini", messages: said.prompt }, chat({ messages: [{ role: "user", content: { [said.prompt]: said.prompt } }] }), chat({ tools: said.prompt }),
    chat({ max_tokens: said.field }), chat({ temperature: said.field }), chat({ messages: [{ role: said.field, content: said.prompt }] }), chat({ stop: { x: said.field } }), chat({ stream: said.field })])
    for (const target of ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/openai/v1/chat/completions"]) await ask("agent", wrong, {}, target);
  assert.equal((await ask("agent", charge(100), {}, "/stripe/v1/charges")).status, 200);
  for (const amount of [402, 1313, `x${said.field}`]) await ask("agent", charge(amount), {}, "/stripe/v1/charges");
  for (const held of [await ask("careful", charge(9900).replace(said.charge, held_back), {}, "/stripe/v1/charges"), await ask("careful", chat()), await ask("careful", { model: "gpt-4o-mini", input: said.prompt }, {}, "/v1/responses")])
    assert.match(held.text, /approval_required/);
  await fetch(`${gate.url}/stripe/v1/charges`, { headers: { authorization: `Bearer ${minted.key}` } });
  for (const token of [given.admin, given.openai, `${given.agent}x`]) await fetch(`${gate.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body: "{}" });
  for (const token of [given.agent, given.openai, minted.key]) await gate.ask("GET", "/api/v1/keys", undefined, token);
  await gate.post("/stop", { key: "poor" });
});

test("capture keeps what was said, redacted; everything that is switched on has got its rows", async () => {
  const content = await gate.get(`/calls/${kept.id}/content`);
  assert.ok(content.request.body.includes(`${said.prompt} [email]`) && content.response.body.includes(said.answer), JSON.stringify(content));
  const call = (await gate.calls()).length;
  await until(() => heard.rows.join("").split('"kind":"call"').length > call, "the webhook's rows");
  await until(() => heard.spans.join("").includes(kept.id) && heard.spans.join("").includes("langfuse."), "spans");
  await until(() => ["threshold", "brake", "approval", "doubt"].every((event) => heard.alerts.some((text) => JSON.parse(text).event === event)), "alerts", { timeout: 20_000 });
  await until(() => fs.existsSync(`${gate.dataDir}/exports/file/file.jsonl`) && fs.readFileSync(`${gate.dataDir}/exports/file/file.jsonl`, "utf8").includes(kept.id), "the file");
  await until(() => fs.existsSync(`${gate.dataDir}/exports/sheet/sheet.csv`) && fs.readFileSync(`${gate.dataDir}/exports/sheet/sheet.csv`, "utf8").includes(kept.id), "the sheet");
  const pushed = collector.pushes.length;
  await until(() => collector.pushes.length > pushed, "metrics", { timeout: 20_000 });
});

test("what calls said is in nothing else, and on the disk sealed", () => nowhere(said));
test("what a person is shown of a charge that waits is told to that person, and is in no row; a value that a rule refused is in its row", async () => {
  const told = Object.entries(await places()).filter(([, bytes]) => bytes.includes(held_back)).map(([where]) => where);
  assert.deepEqual(told.sort(), ["alerts", "approvals", "data directory", "deliveries"]);
  const sent = Object.entries(await places()).filter(([, bytes]) => bytes.includes(ruled_out)).map(([where]) => where);
  assert.ok(sent.includes("audit"));
  assert.deepEqual(sent.filter((where) => /log|stdout|metrics|alerts|deliveries/.test(where)), []);
  const { data } = await gate.get("/approvals");
  const shown = data.find((one) => one.operation === "openai.chat.completions").request.parameters;
  assert.deepEqual(shown, { model: "gpt-4o-mini", max_tokens: "50" }, "of a model's call its settings");
});
test("secrets are in none of it", () => nowhere({ ...given, ...minted }));

test("nor is any of it found after a crash", async () => {
  openai.play = { text: [said.answer], delay: 400 };
  const dying = ask("agent", chat(), { "idempotency-key": "once-2" });
  await sleep(150);
  await gate.kill();
  await dying;
  await gate.start();
  await nowhere({ ...said, ...given, ...minted });
});
