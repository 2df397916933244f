// SPDX-License-Identifier: Apache-2.0
// Alerts, from a budget that passes its marks to a webhook that checks the signature with the very lines of docs/alerts.md.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { before } from "node:test";
import Stripe from "stripe";

import { config, key, tokenOf } from "./lib/config.js";
import { startEndpoints } from "./lib/endpoints_mock.js";
import { root, startGate } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { atEnd, sleep, until } from "./lib/process.js";
import { startScripted } from "./lib/recorder.js";
import { assert, newRun, test } from "./lib/test.js";

const secret = "whsec-of-the-tests-0001";
const page = fs.readFileSync(path.join(root, "docs/alerts.md"), "utf8");
const block = (language) => page.match(new RegExp("```" + language + "\\n([^]*?)```"))[1];
const { isFromTheGate } = await import(`data:text/javascript,${encodeURIComponent(block("js"))}`);

/** A webhook: what came, as { event, ... } with its headers; `next` statuses are answered first, then 204. */
async function startHook() {
  const next = [];
  const hook = await startScripted((call, res) => {
    const status = next.shift() ?? 204;
    call.status = status;
    res.writeHead(status, { "content-length": 0 });
    res.end();
  });
  hook.next = next;
  hook.taken = () => hook.calls.filter((call) => call.status < 300 && call.text).map((call) => ({ ...JSON.parse(call.text), headers: call.headers, raw: call.body }));
  hook.await = (fits, what) => until(() => hook.taken().find(fits), `${what}; came: ${JSON.stringify(hook.calls.map((c) => c.text))}`, { timeout: 25_000 });
  return hook;
}

let gate, stripe, models, all, brakes, flaky;

const sdk = (name, of = gate) => {
  const [host, port] = of.data.split(":");
  return new Stripe(tokenOf(name), { host, port, protocol: "http", maxNetworkRetries: 0 });
};
const charge = (client, cents, run) => client.charges.create({ amount: cents, currency: "usd", source: "tok_visa" }, run ? { headers: { "x-agent-run-id": run } } : undefined);

before(async () => {
  stripe = await startStripe();
  models = await startEndpoints();
  all = await startHook();
  brakes = await startHook();
  flaky = await startHook();
  gate = await startGate(
    config({ stripe: stripe.url, openai: models.url, anthropic: models.url }, {
      policies: {
        braked: { allow: ["stripe.*"], brakes: [{ repeat: 3, within: "60s", action: "deny" }] },
      },
      keys: [
        key("model", ["openai-main", "anthropic-main"]),
        key("marks", ["stripe-main"], { budgets: [{ name: "daily", limit: "10 usd", window: "day", alert: ["50%", "80%", "100%"] }] }),
        key("twice", ["stripe-main"], { budgets: [{ name: "daily", limit: "10 usd", window: "day", alert: ["50%"] }] }),
        key("tight", ["stripe-main"], { budgets: [{ name: "daily", limit: "5 usd", window: "day", alert: ["50%"] }] }),
        key("loop", ["stripe-main"], { policy: "braked", budgets: [{ limit: "100 usd", window: "day", alert: [] }] }),
      ],
      alerts: [
        { name: "all", webhook: `${all.url}/hook?token=of-the-path`, secret },
        { name: "brakes", webhook: brakes.url, secret, events: ["brake"] },
        { name: "flaky", webhook: flaky.url, secret },
      ],
    }),
  );
}, { timeout: 60_000 });

test("each mark of a budget is told once, signed", async () => {
  const run = newRun();
  await charge(sdk("marks"), 400, run);
  assert.equal(all.taken().filter((a) => a.owner === "marks").length, 0, "40 % is no mark");
  await charge(sdk("marks"), 200, run);
  const half = await all.await((a) => a.key_name === "marks" && a.percent === 50, "50 %");
  await charge(sdk("marks"), 200, run);
  await all.await((a) => a.key_name === "marks" && a.percent === 80, "80 %");
  await charge(sdk("marks"), 200, run);
  const full = await all.await((a) => a.key_name === "marks" && a.percent === 100, "100 %");
  assert.equal(half.event, "threshold");
  assert.equal(half.run, run);
  assert.equal(half.vendor, "stripe");
  assert.equal(half.operation, "stripe.charges.create");
  assert.equal(half.unit, "usd");
  assert.equal(half.spent, "6");
  assert.equal(half.limit, "10");
  assert.match(half.text, /10 usd per day has reached 50 %: 6 usd/);
  assert.equal(full.spent, "10");
  for (const alert of [half, full]) {
    assert.equal(alert.headers["x-tollgate-event"], "threshold");
    assert.match(alert.headers["x-tollgate-delivery"], /^[1-9]\d*$/);
    assert.ok(isFromTheGate(secret, alert.headers["x-tollgate-signature"], alert.raw));
    assert.ok(!isFromTheGate("another-secret", alert.headers["x-tollgate-signature"], alert.raw));
    assert.ok(!isFromTheGate(secret, alert.headers["x-tollgate-signature"], Buffer.concat([alert.raw, Buffer.from(" ")])));
    assert.ok(!isFromTheGate(secret, alert.headers["x-tollgate-signature"], alert.raw, Date.now() / 1000 + 3600));
  }
  assert.equal(brakes.count, 0, "who wants brakes only hears of no budget");
});

test("Python's lines say the same", { skip: spawnSync("python3", ["--version"]).status !== 0 }, async () => {
  const alert = await all.await((a) => a.percent === 50, "an alert");
  const code = `${block("python")}\nimport json, sys\ns, h, b = json.load(sys.stdin)\nprint(is_from_the_gate(s, h, b.encode()), is_from_the_gate("other", h, b.encode()), is_from_the_gate(s, h, b.encode() + b" "), is_from_the_gate(s, None, b""))`;
  const { stdout, stderr } = spawnSync("python3", ["-c", code], { input: JSON.stringify([secret, alert.headers["x-tollgate-signature"], alert.raw.toString()]), encoding: "utf8" });
  assert.equal(stdout.trim(), "True False False False", stderr);
});

test("the page's own numbers are right", () => {
  const [, signature] = page.match(/`(t=1790000000,v1=[0-9a-f]{64})`/);
  assert.ok(isFromTheGate("whsec_example", signature, Buffer.from('{"event":"test"}'), 1790000000));
});

test("an endpoint that failed gets it again, the others do not", async () => {
  await until(async () => (await gate.get("/alerts/deliveries")).data.every((d) => d.done), "what came before is delivered");
  flaky.next.push(500, 503);
  await charge(sdk("twice"), 600);
  const fits = (a) => a.key_name === "twice" && a.percent === 50;
  await flaky.await(fits, "the third try");
  await until(async () => (await gate.get("/alerts/deliveries")).data.find((d) => d.done && fits(d.alert)), "the delivery is done");
  assert.equal(all.taken().filter(fits).length, 1);
  assert.equal(flaky.taken().filter(fits).length, 1);
  const tries = flaky.calls.filter((call) => call.text.includes('"twice"'));
  assert.deepEqual(tries.map((call) => call.status), [500, 503, 204]);
  assert.equal(new Set(tries.map((call) => call.headers["x-tollgate-delivery"])).size, 1);
  assert.equal(new Set(tries.map((call) => call.text)).size, 1);
  const after = tries.map((call) => (call.at - Date.parse(JSON.parse(call.text).at)) / 1000);
  assert.ok(after[0] < 3 && after[1] >= 4.9 && after[1] < 8 && after[2] >= 14.9 && after[2] < 20, String(after));
});

test("a budget that refuses says so once", async () => {
  await charge(sdk("tight"), 200);
  for (let i = 0; i < 3; i++) await assert.rejects(charge(sdk("tight"), 400));
  const alert = await all.await((a) => a.key_name === "tight" && a.refused, "the refusal");
  assert.equal(alert.event, "threshold");
  assert.equal(alert.spent, "2");
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(all.taken().filter((a) => a.key_name === "tight" && a.refused).length, 1);
});

test("a brake is told once, to those who asked for brakes", async () => {
  const run = newRun();
  for (let i = 0; i < 6; i++) await charge(sdk("loop"), 1, run).catch(() => {});
  const alert = await brakes.await((a) => a.run === run, "the brake");
  assert.equal(alert.event, "brake");
  assert.equal(alert.action, "deny");
  assert.equal(alert.rule, "repeat 3 within 60s");
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(brakes.taken().filter((a) => a.run === run).length, 1);
});

test("the test button", async () => {
  const { body } = await gate.ask("POST", "/api/v1/alerts/all/test");
  assert.equal(body.sent, true, JSON.stringify(body));
  const alert = await all.await((a) => a.event === "test", "the test");
  assert.equal(alert.headers["x-tollgate-delivery"], "0");
  assert.ok(isFromTheGate(secret, alert.headers["x-tollgate-signature"], alert.raw));
  assert.equal((await gate.ask("POST", "/api/v1/alerts/nobody/test")).status, 404);
});

test("what waits survives a kill, and is told once", async () => {
  const gone = await startHook();
  const { port } = gone;
  gone.server.closeAllConnections();
  await new Promise((resolve) => gone.server.close(resolve));
  const here = await startHook();
  const of = await startGate(
    config({ stripe: stripe.url }, {
      keys: [key("k", ["stripe-main"], { budgets: [{ limit: "10 usd", window: "day", alert: ["50%"] }] })],
      alerts: [
        { name: "here", webhook: here.url, secret },
        { name: "gone", webhook: `http://127.0.0.1:${port}/`, secret },
      ],
    }),
  );
  await charge(sdk("k", of), 600);
  await here.await((a) => a.percent === 50, "the one that is there");
  await until(async () => (await of.get("/alerts/deliveries")).data.some((d) => d.pending === "gone" && /reached/.test(d.trouble)), "the note of it");
  await of.kill();
  const back = await startHook();
  const forward = net.createServer((socket) => socket.on("error", () => {}).pipe(net.connect(back.port, "127.0.0.1").on("error", () => {})).pipe(socket));
  await new Promise((resolve) => forward.listen(port, "127.0.0.1", resolve));
  atEnd(() => forward.close());
  await of.start();
  await back.await((a) => a.percent === 50, "the one that came back");
  assert.equal(here.taken().length, 1);
  assert.equal(back.taken().length, 1);
});

test("no secret in the log, and not in what the API shows", async () => {
  const shown = JSON.stringify([await gate.get("/alerts"), await gate.get("/alerts/deliveries")]);
  assert.ok(!shown.includes(secret));
  assert.ok(!gate.log.includes(secret) && !gate.log.includes("of-the-path"), gate.log);
});

test("an account without money at its vendor is told once an hour, a rate limit is not", async () => {
  const ask = (path, body) => fetch(`${gate.url}/${path}`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("model")}`, "content-type": "application/json" }, body: JSON.stringify({ max_tokens: 5, messages: [{ role: "user", content: "hi" }], ...body }) });
  const told = () => all.taken().filter((a) => a.event === "credit");
  models.play = { status: 429, error: { error: { message: "Rate limit reached for requests", type: "requests", param: null, code: "rate_limit_exceeded" } } };
  assert.equal((await ask("openai/v1/chat/completions", { model: "gpt-4o-mini" })).status, 429);
  await sleep(300);
  assert.equal(told().length, 0);
  models.play = { status: 429, error: { error: { message: "You exceeded your current quota, please check your plan and billing details.", type: "insufficient_quota", param: null, code: "insufficient_quota" } } };
  for (let i = 0; i < 3; i++) assert.equal((await ask("openai/v1/chat/completions", { model: "gpt-4o-mini" })).status, 429);
  models.play = { status: 400, error: { type: "error", error: { type: "invalid_request_error", message: "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits." } } };
  assert.equal((await ask("anthropic/v1/messages", { model: "claude-haiku-4-5" })).status, 400);
  const first = await all.await((a) => a.event === "credit" && a.credential === "openai-main", "OpenAI's");
  assert.equal(first.status, 429);
  assert.match(first.text, /openai says that the account of credential openai-main has no money left/);
  assert.equal((await all.await((a) => a.event === "credit" && a.credential === "anthropic-main", "Anthropic's")).key_name, "model");
  assert.equal(told().filter((a) => a.credential === "openai-main").length, 1);
});
