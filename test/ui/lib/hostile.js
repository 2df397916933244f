// SPDX-License-Identifier: Apache-2.0
// A gate into which strangers have written: agents, vendors, those who ask for approval, careless operators. Wherever a text of somebody
// else's can get into the books stands one that would run, lead astray, turn the line around or push the page apart, were it taken for more than text.
import { config, key, tokenOf } from "../../sdk/lib/config.js";
import { adminToken, startGate } from "../../sdk/lib/gate.js";
import { until } from "../../sdk/lib/process.js";
import { answerJson, startScripted } from "../../sdk/lib/recorder.js";
import { assert } from "../../sdk/lib/test.js";

export const image = "<img src=x onerror=window.__x=1>";
export const script = "\"'><script>window.__x=1</script>";
export const address = "javascript:window.__x=1";
export const frame = "</textarea></pre><svg/onload=window.__x=1>";
export const template = "{{constructor.constructor('window.__x=1')()}}${window.__x=1}";
/** Turns what follows around, where nothing ends it. */
export const turned = "\u202Eevil\u2067";
export const long = "W".repeat(4096);
export const all = [image, script, address, frame, template, turned];
const mixed = all.join(" ");

/** All that a run's id may be made of. */
export const run = `javascript:window.__x/${"y".repeat(128)}`.slice(0, 128);

const hex = (text) => Buffer.from(text).toString("latin1");
const some = (room) => hex(mixed).slice(0, room);

/** A vendor that answers with all of it: in its error, its ids, its model's name and its words. */
async function startVendor() {
  const said = { "x-request-id": image, "openai-version": script, "content-type": "application/json" };
  const vendor = await startScripted((call, res) => {
    const ask = call.headers["content-type"]?.includes("json") ? JSON.parse(call.text || "{}") : {};
    if (ask.user === "cut") return res.destroy();
    if (ask.user === "fail") return answerJson(res, 400, { error: { message: `${mixed} ${long}`, type: image, param: script, code: frame } }, said);
    if (call.url.includes("charges")) return answerJson(res, 200, { id: image, object: "charge", amount: 100, amount_captured: 100, captured: true, paid: true, currency: "usd", customer: script }, { "request-id": script });
    return answerJson(res, 200, {
      id: image, object: "chat.completion", created: 1, model: `${image}${long}`, system_fingerprint: script, service_tier: frame,
      choices: [{ index: 0, message: { role: "assistant", content: `${mixed} ${long}` }, finish_reason: "stop" }],
      usage: { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29 },
    }, said);
  });
  return vendor;
}

const anyone = { budgets: [{ limit: "1000 usd", window: "day", metadata: { feature: image } }, { limit: "9 usd", window: "total", per: ["user", "metadata.feature"] }] };
const person = { user: `${image}${script}`.replaceAll(" ", "/"), team: frame.replaceAll(" ", "/"), owner: `${script} ${address}`, purpose: template.replaceAll("${", () => "$${"), metadata: { note: image, where: address, [script.slice(0, 60)]: turned, much: "W".repeat(900) } };

function configured(vendor, hook) {
  return config({ openai: vendor.url, stripe: vendor.url }, {
    policies: {
      asks: { allow: ["*"], approvals: [{ name: "large", operations: ["stripe.charges.create"], above: "200 usd" }] },
    },
    workspaces: { default: { capture: true } },
    keys: [key("hostile", ["openai-main", "stripe-main"], { policy: "asks", ...anyone, ...person }), key("n".repeat(64), ["openai-main"], anyone)],
    alerts: [{ name: "far", webhook: hook.url, secret: "whsec-of-the-tests-0001", events: ["approval", "breaker", "export"] }],
    exports: { siem: { kind: "webhook", url: hook.url, secret: "whsec-of-the-tests-0001", format: "jsonl", start: "beginning" } },
  });
}

/** What agents do, and what becomes of it. */
async function callAll(gate) {
  const chat = (body, headers = {}) => fetch(`${gate.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("hostile")}`, "content-type": "application/json", "user-agent": image, "x-agent-run-id": run, "x-agent-step": some(120),
      "x-tollgate-metadata": JSON.stringify({ feature: image, label: "a:b", user: script, [image]: frame, turned: "\\u202E", long: "W".repeat(3000) }).replaceAll("\\\\u", "\\u"), ...headers },
    body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 20, messages: [{ role: "user", content: `${mixed} ${long}` }], ...body }),
  }).then((answer) => answer.text(), String);
  const charge = (amount, customer, headers = {}) => fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf("hostile")}`, "content-type": "application/x-www-form-urlencoded", "x-agent-run-id": run, "x-agent-step": image, "x-tollgate-reason": `${some(300)} ${"W".repeat(2000)}`, "idempotency-key": some(200), ...headers },
    body: new URLSearchParams({ amount: String(amount), currency: "usd", customer, description: mixed }),
  }).then((answer) => answer.text());
  await chat({});
  await chat({ user: "fail" });
  await chat({ user: "cut" });
  await chat({ model: image });
  await chat({ model: long });
  await chat({}, { "x-agent-run-id": image });
  await chat({}, { "x-agent-step": script, "x-tollgate-metadata": script });
  await charge(100, script);
  await charge(90_000, image, { "idempotency-key": "large" });
  await charge(90_100, frame + long.slice(0, 400), { "idempotency-key": "larger" });
  for (const path of [`/openai/v1/${encodeURIComponent(image)}`, `/${encodeURIComponent(script)}`, `/openai/v1/chat/completions/${long}`, `/openai/v1/files/${encodeURIComponent(address)}?x=${encodeURIComponent(image)}`])
    await fetch(`${gate.url}${path}`, { headers: { authorization: `Bearer ${tokenOf("hostile")}`, "x-agent-run-id": run } }).then((answer) => answer.text());
}

/** What operators write, who copy it from an agent's mail. */
async function writeAll(gate) {
  const { data } = await gate.get("/approvals?limit=10");
  assert.equal(data.length, 2);
  await gate.post(`/approvals/${data[0].id}/refuse`, { reason: mixed });
  await gate.post("/stop", { run: "javascript:x", reason: mixed, by: image });
  await gate.post("/stop", { key: "n".repeat(64), reason: "W".repeat(400), by: "W".repeat(64) });
  await gate.ask("POST", "/api/v1/tokens", { name: "named", role: "viewer", owner: `${image} ${turned}` });
  await gate.ask("PUT", `/api/v1/prices/openai/${encodeURIComponent(image)}`, { in: 1, out: 2 });
  for (const name of [image, script, address, long]) for (const kind of ["keys", "policies", "budgets", "tokens"]) { // names are plain, or they are refused
    const { status } = await gate.ask("POST", `/api/v1/${kind}`, { name, policy: "asks", role: "viewer", limit: "5 usd", window: "day", allow: ["*"] });
    assert.ok(status >= 400 && status < 500, `${kind} named ${name.slice(0, 20)}: ${status}`);
  }
  await gate.post("/budgets", { name: "of-a-stranger", limit: "5 usd", window: "day", metadata: { feature: image, more: turned } });
}

export async function startHostile() {
  const vendor = await startVendor();
  const hook = await startScripted((call, res) => answerJson(res, 500, `${mixed} ${long}`));
  const gate = await startGate(configured(vendor, hook), { env: {} });
  gate.admin = `http://${gate.adminAddress}`;
  gate.token = adminToken;
  await callAll(gate);
  await until(async () => (await gate.calls()).length >= 12, "the rows");
  await writeAll(gate);
  return gate;
}
