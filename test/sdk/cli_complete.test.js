// SPDX-License-Identifier: Apache-2.0
// Everything the admin API can do has a verb: the routes are read from the gate's own OpenAPI document, and a stand-in for the admin API
// writes down what each verb really asks. A route without a line here fails; so does a line that does not ask for its route.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { before } from "node:test";

import { config, key } from "./lib/config.js";
import { adminToken, binary, cleanEnv, startGate, tempDir } from "./lib/gate.js";
import { atEnd, run } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

const dir = tempDir("complete");
const file = path.join(dir, "body.yaml");
fs.writeFileSync(file, "name: x\n");
const fx = path.join(dir, "ecb.csv");

// Not for a command line: what browsers and scrapers ask, and what `tollgate api` is for.
const others = new Map([
  ["GET /metrics", "Prometheus asks for it"], ["GET /healthz", "load balancers ask for it"], ["GET /readyz", "load balancers ask for it"], ["GET /", "the dashboard"],
  ["GET /api/v1/session", "the dashboard's sign-in"], ["POST /api/v1/session", "the dashboard's sign-in"], ["DELETE /api/v1/session", "the dashboard's sign-in"],
]);

const objects = (plural, verb, { remove = "delete", apply = "apply" } = {}) => ({
  [`GET /api/v1/${plural}`]: [verb, "list"],
  [`GET /api/v1/${plural}/{id}`]: [verb, "show", "x"],
  [`POST /api/v1/${plural}`]: [verb, apply, "x", file],
  [`PATCH /api/v1/${plural}/{id}`]: [verb, "change", "x", file],
  [`DELETE /api/v1/${plural}/{id}`]: [verb, remove, "x"],
});

const lines = {
  ...objects("keys", "key"),
  "POST /api/v1/keys": ["key", "create", "--name", "x", "--policy", "p", "--credential", "c"],
  "POST /api/v1/keys/{id}/revoke": ["key", "revoke", "x"],
  "POST /api/v1/keys/{id}/rotate": ["key", "rotate", "x"],
  ...objects("credentials", "credential"),
  "POST /api/v1/credentials": ["credential", "create", "--name", "x", "--vendor", "stripe", "--secret-file", file],
  ...objects("policies", "policy"),
  ...objects("budgets", "budget"),
  "POST /api/v1/budgets": ["budget", "create", "--name", "x", "--of", "1 usd"],
  "POST /api/v1/budgets/{id}/increase": ["budget", "increase", "x", "1 usd", "--for", "1h"],
  "DELETE /api/v1/budgets/{id}/increase": ["budget", "increase", "x", "--undo"],
  ...objects("vendors", "vendor"),
  ...objects("workspaces", "workspace"),
  ...objects("routes", "route", { remove: "rm", apply: "set" }),
  ...objects("settings", "setting"),
  ...objects("alerts", "alert"),
  "GET /api/v1/alerts/deliveries": ["alert", "deliveries"],
  "POST /api/v1/alerts/{id}/test": ["alert", "test", "x"],
  ...objects("exports", "export"),
  "GET /api/v1/exports/{id}/status": ["export", "status", "x"],
  "POST /api/v1/exports/{id}/test": ["export", "test", "x"],
  "POST /api/v1/exports/{id}/rewind": ["export", "rewind", "x", "--from", "now"],
  ...objects("tokens", "token"),
  "POST /api/v1/tokens": ["token", "create", "--name", "x", "--role", "viewer"],
  "PATCH /api/v1/tokens/{id}": ["token", "change", "x", "--role", "viewer"],
  "POST /api/v1/tokens/{id}/rotate": ["token", "rotate", "x"],
  "POST /api/v1/explain": ["explain", "POST", "/stripe/v1/charges", "amount=1", "--key", "x"],
  "GET /api/v1/prices": ["prices", "list"],
  "GET /api/v1/prices/snapshots": ["prices", "snapshots"],
  "GET /api/v1/prices/{provider}/{model}": ["prices", "show", "openai/a/b"],
  "PUT /api/v1/prices/{provider}/{model}": ["prices", "set", "openai/a/b", file],
  "DELETE /api/v1/prices/{provider}/{model}": ["prices", "delete", "openai/a/b"],
  "GET /api/v1/fx": ["fx"],
  "GET /api/v1/content/usage": ["content"],
  "POST /api/v1/content/delete": ["content", "delete", "--run", "x"],
  "GET /api/v1/calls/{id}/content": ["content", "show", "x"],
  "DELETE /api/v1/calls/{id}/content": ["content", "delete", "x"],
  "GET /api/v1/cache": ["cache"],
  "POST /api/v1/cache/purge": ["cache", "purge", "--all"],
  "GET /api/v1/experiments": ["experiment"],
  "GET /api/v1/experiments/{id}": ["experiment", "x"],
  "GET /api/v1/calls": ["calls"],
  "GET /api/v1/calls/{id}": ["calls", "x"],
  "GET /api/v1/doubts": ["doubt"],
  "GET /api/v1/doubts/{id}": ["doubt", "show", "x"],
  "POST /api/v1/doubts/ask": ["doubt", "ask"],
  "POST /api/v1/doubts/{id}/ask": ["doubt", "ask", "x"],
  "POST /api/v1/doubts/{id}/resolve": ["doubt", "resolve", "x", "--spent", "--reason", "seen"],
  "GET /api/v1/approvals": ["approval"],
  "GET /api/v1/approvals/{id}": ["approval", "show", "x"],
  "POST /api/v1/approvals/{id}/approve": ["approval", "approve", "x"],
  "POST /api/v1/approvals/{id}/refuse": ["approval", "refuse", "x"],
  "GET /api/v1/audit": ["audit", "log"],
  "GET /api/v1/audit/export": ["audit", "export"],
  "GET /api/v1/audit/verify": ["audit", "verify"],
  "GET /api/v1/audit/checkpoints": ["audit", "checkpoints"],
  "GET /api/v1/ledger/check": ["ledger", "check"],
  "GET /api/v1/runs": ["run"],
  "GET /api/v1/runs/{id}": ["run", "x"],
  "GET /api/v1/usage": ["usage"],
  "GET /api/v1/series": ["series"],
  "GET /api/v1/now": ["top", "--once"],
  "GET /api/v1/performance": ["performance"],
  "POST /api/v1/stop": ["stop", "--all"],
  "POST /api/v1/resume": ["resume", "--all"],
  "GET /api/v1/stops": ["stops"],
  "GET /api/v1/events": ["tail", "--no-retry"],
  "GET /api/v1/health": ["health"],
  "POST /api/v1/health/reset": ["health", "reset", "openai"],
  "POST /api/v1/reload": ["reload"],
  "GET /api/v1/reports": ["report"],
  ...Object.fromEntries(["spend", "forecast", "units", "chargeback", "reconciliation", "access"].map((name) => [`GET /api/v1/reports/${name}`, ["report", name]])),
  "POST /api/v1/reports/invoice": ["reconcile", "--invoice", file, "--vendor", "openai"],
  "GET /api/v1/reports/evidence": ["evidence", "--out", path.join(dir, "evidence.tar.gz")],
  "POST /api/v1/keys/retire": ["key", "retire", "x"],
  "GET /api/v1/budgets/{id}/forecast": ["budget", "forecast", "x"],
  "POST /api/v1/session/link": ["login-link"],
  "GET /api/v1/openapi.json": ["api", "GET", "/openapi.json"],
};

let asked = [];
let stand, routes;

/** Whether a path that was asked for is this route's: "{id}" is one segment, "{model}" all that is left. */
const fits = (route, target) => new RegExp(`^${route.replaceAll(/[.]/g, "\\.").replace("{model}", ".+").replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(target.split("?")[0]);

before(async () => {
  const gate = await startGate(config({}, { keys: [] }));
  const { paths } = await gate.get("/openapi.json");
  routes = Object.entries(paths).flatMap(([target, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${target}`));
  const server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => {
      const events = request.url.startsWith("/api/v1/events");
      response.writeHead(200, { "content-type": events ? "text/event-stream" : "application/json" });
      response.end(events ? "" : '{"data":[],"next_cursor":null}');
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  atEnd(() => server.close());
  stand = `http://127.0.0.1:${server.address().port}`;
});

describe("every route has a verb", () => {
  test("none is forgotten", () => {
    assert.ok(routes.length > 60, String(routes.length));
    assert.deepEqual(routes.filter((route) => !lines[route] && !others.has(route)), [], "routes without a verb: add a verb, and a line to this file");
  });

  for (const [route, line] of Object.entries(lines)) {
    test(`${route}: tollgate ${line.map((word) => path.basename(word)).join(" ")}`, async () => {
      const [method, target] = route.split(" ");
      asked = [];
      const { code, err } = await run(binary, line, { env: cleanEnv({ TOLLGATE_ADMIN: stand, TOLLGATE_ADMIN_TOKEN: adminToken }), cwd: dir, timeout: 10_000 });
      assert.notEqual(code, 2, err);
      assert.ok(asked.some((one) => one.startsWith(`${method} `) && fits(target, one.split(" ")[1])), `asked ${JSON.stringify(asked)}: ${err}`);
    });
  }

  test("GET /v1/tollgate/self, where calls go: tollgate self", async () => {
    asked = [];
    await run(binary, ["self", "--run", "x"], { env: cleanEnv({ TOLLGATE_GATE: stand, TOLLGATE_KEY: "tg_x" }), cwd: dir, timeout: 10_000 });
    assert.deepEqual(asked, ["GET /v1/tollgate/self"]);
  });
});
