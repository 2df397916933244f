// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document against the gate that writes it: it is sound, it describes every route, and what the gate really answers is what
// it says, status by status and member by member.
import { before, describe } from "node:test";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

let gate, document, ajv;

const operations = () => Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, about]) => ({ path, method, about })));

function each(value, visit) {
  if (value === null || typeof value !== "object") return;
  visit(value);
  for (const one of Object.values(value)) each(one, visit);
}

const find = (ref) => ref.slice(2).split("/").reduce((at, name) => at?.[name], document);

/** Asks, and lays the answer against the document. */
async function ask(method, path, target = path, body, { headers = {} } = {}) {
  const about = document.paths[path]?.[method.toLowerCase()];
  assert.ok(about, `${method} ${path} stands in the document`);
  const answer = await fetch(`http://${gate.adminAddress}${target}`, {
    method,
    headers: { authorization: "Bearer admin-token-of-the-tests-1", ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = path.endsWith("/events") ? "" : await answer.text();
  if (path.endsWith("/events")) await answer.body.cancel();
  const type = (answer.headers.get("content-type") ?? "").split(";")[0];
  let told = about.responses[answer.status];
  assert.ok(told, `${method} ${target} answered ${answer.status}, which is not documented: ${text.slice(0, 300)}`);
  if (told.$ref) told = find(told.$ref);
  if (!told.content) {
    assert.equal(text, "", `${method} ${target}`);
    return { status: answer.status };
  }
  assert.ok(told.content[type], `${method} ${target} answered ${type}, documented: ${Object.keys(told.content)}`);
  if (!type.endsWith("json") || !text) return { status: answer.status };
  const judge = ajv.compile({ ...told.content[type].schema, components: document.components });
  const json = JSON.parse(text);
  assert.ok(judge(json), `${method} ${target}: ${ajv.errorsText(judge.errors)} in ${text.slice(0, 1500)}`);
  return { status: answer.status, body: json, headers: answer.headers };
}

before(async () => {
  const vendor = await startScripted((call, res) => {
    const amount = Number(new URLSearchParams(call.text).get("amount"));
    if (amount === 1313) return void res.socket.destroy();
    answerJson(res, 200, { id: `ch_${vendor.count}`, object: "charge", amount, amount_captured: amount, captured: true, paid: true, currency: "usd" });
  });
  gate = await startGate(
    config({ stripe: vendor.url }, {
      policies: { all: { allow: ["*"], approvals: [{ name: "large", operations: ["stripe.charges.create"], above: "200 usd", wait: "30m" }] } },
      workspaces: { acme: { caps_as_429: true } },
      budgets: [{ name: "whole", limit: "5000 usd", window: "month", scopes: { "stripe.customer": "cus_*" } }, { name: "many", limit: "60000 requests", window: "minute" }],
      keys: [key("agent", ["stripe-main"], { workspace: "acme", user: "ann", team: "ops", metadata: { task: "x" }, expires_at: "2099-01-01T00:00:00Z", addresses: ["127.0.0.0/8"], budgets: [{ limit: "1000 usd", window: "day" }, { limit: "900 usd", window: "run", alert: ["50%"] }] })],
      alerts: [{ name: "hook", webhook: `${vendor.url}/alert`, secret: "whsec-of-the-tests-0001" }],
      exports: undefined,
    }),
  );
  document = await gate.get("/openapi.json");
  ajv = new Ajv({ strict: false, allErrors: true });
  formats(ajv);
  const charge = (amount, run) => fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("agent")}`, "x-agent-run-id": run, "x-agent-step": "s", "content-type": "application/x-www-form-urlencoded" }, body: `amount=${amount}&currency=usd&source=tok_visa` }).catch(() => {});
  for (const [amount, run] of [[50, "run-a"], [40, "run-a"], [90, "run-a"], [1313, "run-b"], [30000, "run-c"]]) await charge(amount, run);
  await fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": "application/x-www-form-urlencoded" }, body: "amount=1313&currency=usd&source=tok_visa" }).catch(() => {});
  await until(async () => (await gate.get("/doubts")).data.length > 0 && (await gate.get("/approvals")).data.length > 0, "a doubt and an approval");
});

describe("the document", () => {
  test("is sound: references, parameters, names, schemas", () => {
    assert.equal(document.openapi, "3.1.0");
    each(document, (one) => one.$ref && assert.ok(find(one.$ref), one.$ref));
    const names = operations().map(({ about }) => about.operationId);
    assert.equal(new Set(names).size, names.length, "operation ids are unique");
    for (const { path, method, about } of operations()) {
      const what = `${method} ${path}`;
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((one) => one[1]);
      assert.deepEqual(about.parameters.filter((one) => one.in === "path").map((one) => one.name), inPath, what);
      assert.ok(about.parameters.every((one) => one.schema?.type && one.in !== "path" || one.required), what);
      assert.ok(about.summary && about.tags.length === 1, what);
      assert.ok(about.security.length === 0 || ["viewer", "finance", "admin", "owner"].includes(about["x-tollgate-role"]), what);
      assert.ok(Object.keys(about.responses).some((status) => status < "300"), what);
      each(about.security, () => {});
      for (const scheme of about.security.flatMap(Object.keys)) assert.ok(document.components.securitySchemes[scheme], `${what}: ${scheme}`);
    }
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      assert.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText(ajv.errors)}`);
      for (const member of schema.required) assert.ok(schema.properties[member], `${name}.${member}`);
    }
  });

  test("says of every route what it answers, and of every write what it reads", () => {
    for (const { path, method, about } of operations()) {
      const [, told] = Object.entries(about.responses).find(([status]) => status < "300");
      const json = told.content?.["application/json"];
      if (json) assert.ok(Object.keys(json.schema).length > 0, `${method} ${path}: its handler has no row in shapes.c`);
      if (["post", "patch", "put"].includes(method)) assert.ok(about.requestBody, `${method} ${path}: it reads something`);
    }
  });
});

describe("what the gate answers", () => {
  const lists = ["keys", "tokens", "credentials", "policies", "budgets", "vendors", "workspaces", "routes", "settings", "alerts", "exports", "calls", "doubts", "approvals", "runs"];

  test("every read", async () => {
    await ask("POST", "/api/v1/tokens", "/api/v1/tokens", { name: "v", role: "viewer", workspace: "acme", owner: "o", expires_at: "2099-01-01T00:00:00Z" });
    await ask("POST", "/api/v1/stop", "/api/v1/stop", { run: "run-z", reason: "r", expires_at: "2099-01-01T00:00:00Z" });
    await ask("POST", "/api/v1/stop", "/api/v1/stop", { vendor: "stripe", writes_only: true });
    const seen = new Set();
    const skip = new Set(["/api/v1/reports/evidence"]); // an archive: evidence.test.js
    for (const { path, method } of operations()) {
      if (method !== "get" || path.includes("{") || skip.has(path)) continue;
      const { status } = await ask("GET", path);
      assert.ok(status === 200 || status === 400, `${path}: ${status}`);
      seen.add(path);
    }
    for (const query of ["?by=key,vendor,day", "?by=run", "?window=month"]) await ask("GET", "/api/v1/usage", `/api/v1/usage${query}`);
    for (const query of ["?kind=change", "?kind=settlement", "?limit=3"]) await ask("GET", "/api/v1/audit", `/api/v1/audit${query}`);
    for (const kind of lists) {
      const { body } = await ask("GET", `/api/v1/${kind}`);
      for (const one of body.data.slice(0, 4)) {
        const id = one.run ?? one.call ?? one.id;
        if (kind === "budgets" && id.includes("/")) continue; // of a key: part of it
        const { status } = await ask("GET", `/api/v1/${kind}/{id}`, `/api/v1/${kind}/${encodeURIComponent(kind === "runs" ? one.run : kind === "doubts" ? one.call : one.id)}`);
        assert.equal(status, 200, `${kind} ${id}`);
      }
      assert.equal((await ask("GET", `/api/v1/${kind}/{id}`, `/api/v1/${kind}/no-such-thing`)).status, 404, kind);
    }
    assert.ok((await ask("GET", "/api/v1/calls")).body.data.length >= 5);
    await ask("GET", "/api/v1/prices/{provider}/{model}", "/api/v1/prices/openai/gpt-4o-mini");
    await ask("GET", "/api/v1/budgets/{id}/forecast", "/api/v1/budgets/whole/forecast");
    assert.ok(seen.size > 40, String(seen.size));
  });

  test("every write, done and refused", async () => {
    const both = async (method, path, target, good, bad, want) => {
      if (bad !== undefined) assert.ok((await ask(method, path, target, bad)).status >= 400, `${method} ${target} ${JSON.stringify(bad)}`);
      const { status, body } = await ask(method, path, target, good);
      assert.ok(want.includes(status), `${method} ${target}: ${status} ${JSON.stringify(body)}`);
      return body;
    };
    const objects = [
      ["keys", { name: "k", policy: "all", credentials: ["stripe-main"] }, { user: "u" }], ["tokens", { name: "t", role: "viewer" }, { role: "finance" }],
      ["credentials", { name: "c", vendor: "stripe", secret: "sk_test_of_a_test_0001" }, { disabled: true }], ["policies", { name: "p", allow: ["stripe.*"] }, { deny: ["stripe.payouts.*"] }],
      ["budgets", { name: "b", limit: "1000 usd", window: "day" }, { limit: "2000 usd" }], ["workspaces", { name: "w" }, { caps_as_429: true }],
      ["alerts", { name: "a", webhook: "http://127.0.0.1:1/x", secret: "whsec-0000001" }, { plain: true }],
      ["routes", { name: "r", strategy: { mode: "single" }, targets: [{ vendor: "stripe" }] }, null], ["vendors", { name: "mine", base_url: "https://mine.example" }, null],
      ["exports", { name: "e" }, null], ["settings", { name: "log_level", value: "warn" }, { value: "info" }],
    ];
    for (const [kind, good, change] of objects) {
      const made = await ask("POST", `/api/v1/${kind}`, `/api/v1/${kind}`, good);
      if (made.status !== 201) continue; // refused as documented; what is made stands above
      await ask("POST", `/api/v1/${kind}`, `/api/v1/${kind}`, { name: "x", no_such_field: 1 });
      if (change) await both("PATCH", `/api/v1/${kind}/{id}`, `/api/v1/${kind}/${good.name}`, change, { no_such_field: 1 }, [200]);
    }
    await both("POST", "/api/v1/keys/{id}/rotate", "/api/v1/keys/k/rotate", {}, { overlap: "soon" }, [200]);
    await both("POST", "/api/v1/keys/{id}/revoke", "/api/v1/keys/k/revoke", {}, { mode: "gently" }, [200]);
    await both("POST", "/api/v1/tokens/{id}/rotate", "/api/v1/tokens/t/rotate", {}, { overlap: "soon" }, [200]);
    await both("POST", "/api/v1/budgets/{id}/increase", "/api/v1/budgets/b/increase", { by: "1 usd", for: "1h" }, { by: "1 usd" }, [200]);
    await both("DELETE", "/api/v1/budgets/{id}/increase", "/api/v1/budgets/b/increase", undefined, undefined, [204]);
    for (const [kind, name] of [["keys", "k"], ["tokens", "t"], ["credentials", "c"], ["policies", "p"], ["budgets", "b"], ["workspaces", "w"], ["alerts", "a"]]) {
      await both("DELETE", `/api/v1/${kind}/{id}`, `/api/v1/${kind}/${name}`, undefined, undefined, [204]);
      assert.equal((await ask("DELETE", `/api/v1/${kind}/{id}`, `/api/v1/${kind}/${name}`)).status, 404);
    }
    await both("POST", "/api/v1/resume", "/api/v1/resume", { run: "run-z" }, { run: "never" }, [200]);
    await both("POST", "/api/v1/resume", "/api/v1/resume", { vendor: "stripe" }, {}, [200]);
    await both("POST", "/api/v1/explain", "/api/v1/explain", { key: "agent", method: "POST", url: "/stripe/v1/charges", body: "amount=1500&currency=usd" }, { key: "nobody", method: "GET", url: "/x" }, [200]);
    await both("PUT", "/api/v1/prices/{provider}/{model}", "/api/v1/prices/openai/gpt-4o-mini", { in: "1", out: "2" }, { in: "much" }, [200]);
    await both("DELETE", "/api/v1/prices/{provider}/{model}", "/api/v1/prices/openai/gpt-4o-mini", undefined, undefined, [204]);
    await both("POST", "/api/v1/alerts/{id}/test", "/api/v1/alerts/hook/test", {}, undefined, [200]);
    await both("POST", "/api/v1/cache/purge", "/api/v1/cache/purge", { all: true }, {}, [200]);
    await both("POST", "/api/v1/content/delete", "/api/v1/content/delete", { run: "run-a", reason: "r" }, {}, [200]);
    const [doubt] = (await gate.get("/doubts")).data;
    await both("POST", "/api/v1/doubts/ask", "/api/v1/doubts/ask", {}, undefined, [202]);
    await both("POST", "/api/v1/doubts/{id}/resolve", `/api/v1/doubts/${doubt.call}/resolve`, { outcome: "not_spent", reason: "looked it up" }, { outcome: "maybe" }, [200, 404]);
    const [waiting] = (await gate.get("/approvals")).data;
    await both("POST", "/api/v1/approvals/{id}/approve", `/api/v1/approvals/${waiting.id}/approve`, { reason: "r" }, { cause: "r" }, [200]);
    assert.equal((await ask("POST", "/api/v1/approvals/{id}/refuse", `/api/v1/approvals/${waiting.id}/refuse`, {})).status, 409);
    await both("POST", "/api/v1/keys/retire", "/api/v1/keys/retire", { owner: "nobody" }, {}, [200, 404]);
    await both("POST", "/api/v1/health/reset", "/api/v1/health/reset", { vendor: "nobody" }, {}, [404]);
    await both("POST", "/api/v1/reload", "/api/v1/reload", {}, undefined, [200]);
    await both("POST", "/api/v1/session/link", "/api/v1/session/link", {}, undefined, [201]);
    await both("POST", "/api/v1/session", "/api/v1/session", { token: "admin-token-of-the-tests-1" }, {}, [200]);
    await both("DELETE", "/api/v1/session", "/api/v1/session", undefined, undefined, [204]);
  });

  test("who has no token, or too small a role", async () => {
    for (const { path, method, about } of operations()) {
      if (about.security.length === 0 || path === "/metrics") continue;
      const target = path.replace(/\{\w+\}/g, "x");
      const { status } = await ask(method.toUpperCase(), path, target, undefined, { headers: { authorization: "" } });
      assert.equal(status, 401, `${method} ${path}`);
    }
    const { body } = await ask("POST", "/api/v1/tokens", "/api/v1/tokens", { name: "small", role: "viewer" });
    for (const { path, method, about } of operations()) {
      if (about.security.length === 0 || about["x-tollgate-role"] === "viewer") continue;
      const { status } = await ask(method.toUpperCase(), path, path.replace(/\{\w+\}/g, "x"), undefined, { headers: { authorization: `Bearer ${body.token}` } });
      assert.equal(status, 403, `${method} ${path} is for ${about["x-tollgate-role"]}`);
    }
  });

  test("a version, and a change that comes late", async () => {
    const { headers } = await ask("GET", "/api/v1/policies/{id}", "/api/v1/policies/all");
    const tag = headers.get("etag");
    assert.equal((await ask("GET", "/api/v1/policies/{id}", "/api/v1/policies/all", undefined, { headers: { "if-none-match": tag } })).status, 304);
    assert.equal((await ask("PATCH", "/api/v1/policies/{id}", "/api/v1/policies/all", {}, { headers: { "if-match": '"another"' } })).status, 412);
  });
});
