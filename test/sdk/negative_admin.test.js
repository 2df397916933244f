// SPDX-License-Identifier: Apache-2.0
// Ways past the admin plane's doors: roles, workspaces, sessions, and what is written into the answers. Every route of the table is tried with
// every role, and with a token of another workspace; a workspace's names and amounts are never seen by another's token.
import fs from "node:fs";
import http from "node:http";
import { before } from "node:test";

import { key, tokenOf } from "./lib/config.js";
import { adminToken, startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test } from "./lib/test.js";

const secrets = { credential: "sk_test_cAnArY_credential_77", hook: "whsec_cAnArY_hook_7777777", admin: "cAnArY-finance-token-of-admin-1" };
const roles = ["viewer", "finance", "admin", "owner"];
const evil = "=HYPERLINK(\"http://canary.example\")";
const runB = "run-bbcanary-1", runA = newRun();
let gate, upstream, pager, routes, serial = 0, address = 1;
const tokens = {};

/** One request as bytes say it: fetch would tidy up paths, methods and doubled fields. Each comes from an address of its own. */
function raw(method, path, { headers = {}, body, timeout = 10_000, from = "127.0.0.1" } = {}) {
  const [host, port] = gate.adminAddress.split(":");
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path, headers: { ...(body !== undefined ? { "content-length": Buffer.byteLength(body) } : {}), ...headers }, localAddress: from, agent: false, timeout }, (answer) => {
      const chunks = [];
      const done = () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString("utf8"), bytes: Buffer.concat(chunks) });
      answer.on("data", (chunk) => {
        chunks.push(chunk);
        if (answer.headers["content-type"] === "text/event-stream") setTimeout(() => request.destroy(), 1500), answer.once("close", done);
      });
      answer.on("end", done);
      answer.on("error", done);
    });
    request.on("timeout", () => request.destroy(new Error(`${method} ${path}: no answer`)));
    request.on("error", reject);
    request.end(body);
  });
}
const json = { "content-type": "application/json" };
const bearer = (token) => ({ authorization: `Bearer ${token}` });
const as = (token, method, path, body, more = {}) => raw(method, path, { headers: { ...bearer(token), ...(body !== undefined ? json : {}), ...more }, body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body) });
const make = async (more) => (await gate.post("/tokens", { name: `t${++serial}`, ...more })).token;
const stranger = () => `127.0.${1 + (address >> 8)}.${1 + (address++ & 127)}`;
const codeOf = (answer) => { try { return JSON.parse(answer.text).code; } catch { return undefined; } };
const charge = (name, headers = {}, body = "amount=1234&currency=usd&source=tok_visa") =>
  fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded", ...headers }, body });
async function login(token, headers = {}, from) {
  const answer = await raw("POST", "/api/v1/session", { headers: { ...json, ...headers }, body: JSON.stringify({ token }), from });
  const cookie = answer.headers["set-cookie"]?.[0];
  return { answer, cookie: cookie?.split(";")[0], attributes: cookie, csrf: answer.status === 200 ? JSON.parse(answer.text).csrf : undefined };
}

before(async () => {
  upstream = await startScripted((call, res) => {
    const form = new URLSearchParams(call.text);
    answerJson(res, 200, { id: `ch_${++serial}`, object: "charge", amount: Number(form.get("amount")), currency: "usd", status: "succeeded", captured: true, amount_captured: Number(form.get("amount")) });
  });
  pager = await startScripted((call, res) => res.writeHead(204).end());
  gate = await startGate({
    admin: { listen: "127.0.0.1:0", token: adminToken, requests_per_minute: 60000, tokens: [{ name: "canned", token: secrets.admin, role: "finance" }] },
    vendors: { stripe: { base_url: upstream.url } },
    credentials: { "s-a": { vendor: "stripe", secret: secrets.credential, hook_secret: secrets.hook }, "s-bbcanary": { vendor: "stripe", secret: secrets.credential } },
    policies: { all: { allow: ["*"] }, held: { allow: ["*"], approvals: [{ above: "50 usd" }] }, "policy-bbcanary": { allow: ["*"], approvals: [{ above: "500 usd" }] } },
    workspaces: { red: { budgets: [{ limit: "777 usd", window: "month" }] }, "blue-bbcanary": { budgets: [{ limit: "88888.31 usd", window: "month" }] } },
    budgets: [{ name: "gate-bbcanary", limit: "99999.77 usd", window: "month", workspace: "blue-bbcanary" }],
    keys: [key("a", ["s-a"], { workspace: "red", policy: "held", budgets: [{ limit: "1000 usd", window: "day" }], owner: "Ann", purpose: evil }),
      key("b-bbcanary", ["s-bbcanary"], { workspace: "blue-bbcanary", policy: "policy-bbcanary", budgets: [{ limit: "12345.67 usd", window: "day" }], owner: "Bob bbcanary", purpose: "purpose-bbcanary" }),
      key("free", ["s-a"])],
    alerts: [{ name: "pager", webhook: pager.url, secret: "whsec-cAnArY-alert-0001", events: ["threshold"] }],
  });
  for (const role of roles) tokens[role] = await make({ role });
  for (const role of roles) tokens[`red-${role}`] = await make({ role, workspace: "red" });
  await charge("a", { "x-agent-run-id": runA, "x-agent-step": "@SUM(1+1)" });
  for (let i = 0; i < 3; i++) await charge("b-bbcanary", { "x-agent-run-id": runB, "x-agent-step": "step-bbcanary" }, "amount=4711&currency=usd&source=tok_visa");
  await charge("b-bbcanary", { "x-agent-run-id": runB }, "amount=99900&currency=usd&source=tok_visa");
  await charge("free", {}, "amount=100&currency=usd&source=tok_visa");
  await gate.post("/stop", { run: `${runB}-other`, reason: "stopped-bbcanary" });
  await gate.post("/stop", { key: "b-bbcanary", writes_only: true, reason: "reason-bbcanary" });
  await until(async () => (await gate.calls()).length >= 5, "the rows");
  const { paths } = await gate.get("/openapi.json");
  routes = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).filter(([name]) => ["get", "post", "put", "patch", "delete"].includes(name)).map(([method]) => ({ method: method.toUpperCase(), path })));
  assert.ok(routes.length > 90, `${routes.length} routes`);
});

const filled = (path) => path.replace("{provider}", "openai").replace("{model}", "nothing-there").replace(/\{[^}]+\}/g, "nothing-there");
/** What stands fast, whatever the table says: whoever changes one of these changes who may. */
const fixed = { "GET /api/v1/tokens": "owner", "POST /api/v1/tokens": "owner", "DELETE /api/v1/tokens/{id}": "owner", "POST /api/v1/tokens/{id}/rotate": "owner", "POST /api/v1/workspaces": "owner", "PATCH /api/v1/settings/{id}": "owner",
  "POST /api/v1/keys": "admin", "POST /api/v1/keys/{id}/rotate": "admin", "POST /api/v1/keys/retire": "admin", "PATCH /api/v1/credentials/{id}": "admin", "PATCH /api/v1/policies/{id}": "admin", "POST /api/v1/stop": "admin", "POST /api/v1/resume": "admin",
  "POST /api/v1/approvals/{id}/approve": "admin", "POST /api/v1/doubts/{id}/resolve": "admin", "POST /api/v1/alerts": "admin", "POST /api/v1/budgets/{id}/increase": "finance", "PATCH /api/v1/budgets/{id}": "finance", "PUT /api/v1/prices/{provider}/{model}": "finance", "GET /api/v1/calls": "viewer", "GET /api/v1/now": "viewer" };

test("no route but the open ones answers without a token, with a key's, or with a wrong one", async () => {
  const open = new Set(["POST /api/v1/session", "GET /healthz", "GET /readyz", "GET /"]);
  for (const { method, path } of routes) {
    if (open.has(`${method} ${path}`)) continue;
    for (const headers of [{}, bearer(tokenOf("a")), bearer(""), bearer(`${adminToken}x`), { authorization: `Basic ${Buffer.from(`x:${adminToken}`).toString("base64")}` }, { cookie: `tollgate_session=${"0".repeat(64)}` },
      { "x-api-key": adminToken }]) {
      const answer = await raw(method, filled(path), { headers, from: stranger() });
      assert.equal(answer.status, 401, `${method} ${path} ${JSON.stringify(headers)}: ${answer.status}`);
      assert.equal(answer.headers["cache-control"], "no-store");
    }
  }
  for (const path of [`/api/v1/calls?token=${adminToken}`, `/api/v1/calls?access_token=${adminToken}`]) assert.equal((await raw("GET", path, { from: stranger() })).status, 401);
});

test("each route x each role: refused exactly where the role is too low", async () => {
  let denied = 0, let_in = 0;
  for (const { method, path } of routes) {
    if (path === "/api/v1/reload" || path === "/api/v1/events" || (method === "POST" && path === "/api/v1/session") || path === "/") continue;
    const outcomes = [];
    for (const role of roles) {
      const answer = await as(tokens[role], method, filled(path), method === "GET" || method === "DELETE" ? undefined : "{\"nonsense\":1}");
      assert.notEqual(answer.status, 401, `${role} ${method} ${path}`);
      outcomes.push(codeOf(answer) !== "role_denied");
      outcomes.at(-1) ? let_in++ : denied++;
    }
    const first = outcomes.indexOf(true);
    assert.ok(first >= 0, `${method} ${path}: nobody may`);
    assert.deepEqual(outcomes, roles.map((_, i) => i >= first), `${method} ${path}: a higher role may what a lower one may`);
    const wanted = fixed[`${method} ${path}`];
    if (wanted) assert.equal(roles[first], wanted, `${method} ${path}`);
    if (method !== "GET" && !/session|explain|reports.invoice/.test(path)) assert.ok(first > 0, `${method} ${path}: a viewer changes nothing`);
  }
  for (const name of Object.keys(fixed)) assert.ok(routes.some(({ method, path }) => name === `${method} ${path}`), `${name} is no route any more`);
  assert.ok(denied > 100 && let_in > 100, `${denied} ${let_in}`);
});

test("odd methods, paths and headers open nothing", async () => {
  for (const [method, path] of [["HEAD", "/api/v1/tokens"], ["GET", "/api/v1//tokens"], ["GET", "/api/v1/tokens/"], ["GET", "/api/v1/./tokens"], ["GET", "/api/v1/calls/../tokens"], ["GET", "/api/v1/%74okens"], ["GET", "/API/v1/tokens"], ["GET", "//api/v1/tokens"],
    ["PROPFIND", "/api/v1/tokens"], ["OPTIONS", "/api/v1/tokens"], ["TRACE", "/api/v1/tokens"], ["GET", "/api/v1/tokens;x"], ["GET", "/api/v1/tokens%00"], ["GET", "/healthz/../api/v1/tokens"], ["GET", "/healthz%2f..%2fapi/v1/tokens"]]) {
    for (const token of [tokens.viewer, tokens["red-owner"]]) {
      const answer = await as(token, method, path).catch((error) => ({ status: 400, text: String(error) }));
      if (path === "/api/v1/tokens" && method === "HEAD" && token === tokens["red-owner"]) continue;
      assert.ok(answer.status >= 400, `${method} ${path}: ${answer.status} ${answer.text}`);
      assert.ok(!answer.text.includes("\"data\""), answer.text);
    }
    const nobody = await raw(method, path, { from: stranger() }).catch(() => ({ status: 400, text: "" }));
    assert.ok([400, 401, 405, 501].includes(nobody.status), `${method} ${path}: ${nobody.status}`);
  }
  const doubled = await raw("GET", "/api/v1/tokens", { headers: { Authorization: [`Bearer ${tokens.viewer}`, `Bearer ${adminToken}`] }, from: stranger() });
  assert.equal(doubled.status, 401, doubled.text);
  for (const more of [{ "x-http-method-override": "DELETE" }, { "x-original-url": "/api/v1/tokens" }, { "x-forwarded-for": "127.0.0.1" }, { "x-tollgate-role": "owner" }, { "x-tollgate-workspace": "" }]) {
    const answer = await as(tokens["red-viewer"], "GET", "/api/v1/keys", undefined, more);
    assert.equal(answer.status, 200);
    assert.ok(!answer.text.includes("bbcanary"));
  }
  const session = await login(tokens.owner);
  const both = await raw("GET", "/api/v1/tokens", { headers: { ...bearer(tokens.viewer), cookie: session.cookie } });
  assert.equal(codeOf(both), "role_denied", "the token that is shown counts, not the cookie beside it");
});

test("an admin token buys nothing on the data plane", async () => {
  const count = upstream.count;
  for (const token of [adminToken, tokens.owner, secrets.admin]) {
    const answer = await fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/x-www-form-urlencoded" }, body: "amount=1&currency=usd" });
    assert.equal(answer.status, 401);
    await answer.text();
  }
  assert.equal(upstream.count, count);
});

test("a token of one workspace: no route tells it another's names or amounts, none changes another's things", async () => {
  const canaries = [/bbcanary/i, /4711/, /47\.11/, /141\.33/, /12345\.67/, /88888\.31/, /99999\.77/];
  const ids = { key: (await gate.get("/keys")).data.find(({ name }) => name === "b-bbcanary").id, call: (await gate.calls({ workspace: "blue-bbcanary" }))[0].id,
    approval: (await gate.get("/approvals")).data[0].id, budgets: (await gate.get("/budgets")).data.filter((one) => JSON.stringify(one).includes("bbcanary")).map(({ id }) => id), token: (await gate.get("/tokens")).data.find(({ name }) => name === "canned").id };
  const before = JSON.stringify([await gate.get("/keys"), await gate.get("/stops"), (await gate.get("/approvals")).data.map(({ state }) => state)]);
  const names = [ids.key, "b-bbcanary", ids.call, ids.approval, ...ids.budgets, runB, "blue-bbcanary", "s-bbcanary", "policy-bbcanary", "stripe", ids.token];
  const queries = ["", "?workspace=blue-bbcanary", "?workspace=", "?workspace=*", `?run=${runB}`, "?key=b-bbcanary", `?key=${ids.key}`, "?by=key,run", "?by=workspace", "?by=operation,step", "?by=none&step=day", "?by=key&step=day", "?format=csv", "?label_depth=1", "?owner=Bob%20bbcanary", "?q=bbcanary", "?limit=1"];
  const bodies = [{}, { name: "x", workspace: "blue-bbcanary" }, { workspace: "blue-bbcanary", reason: "r" }, { workspace: null }, { run: "run-of-nobody", reason: "r" }, { key: "b-bbcanary", reason: "r" }, { key: ids.key }, { vendor: "stripe", reason: "r" }, { all: true, reason: "r" },
    { owner: "Bob bbcanary", reason: "r" }, { by: "5 usd", for: "1h", reason: "r" }, { before: "2030-01-01T00:00:00Z" }, { key: "b-bbcanary", method: "POST", url: "/stripe/v1/charges" }, { reason: "r" },
    "{\"workspace\":\"red\",\"workspace\":\"blue-bbcanary\",\"name\":\"dup\",\"policy\":\"held\",\"credentials\":[\"s-a\"]}", "{\"work\\u0073pace\":\"blue-bbcanary\",\"name\":\"dup2\",\"policy\":\"held\",\"credentials\":[\"s-a\"]}",
    { name: "k9", policy: "policy-bbcanary", credentials: ["s-a"] }, { name: "k8", policy: "held", credentials: ["s-bbcanary"] }];
  const seen = new Map();
  let answers = 0;
  const look = (what, sent, answer) => {
    answers++;
    seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    let text = answer.text;
    for (const word of sent) text = text.replaceAll(word, ""); // what was asked for may be said again in a refusal
    if (answer.status < 300) text = answer.text;
    for (const canary of canaries) assert.ok(!canary.test(text), `${what}: ${answer.status} ${answer.text.slice(0, 1500)}`);
  };
  for (const { method, path } of routes) {
    if (/\/openapi.json$|^\/$|\/events$|\/session$/.test(path)) continue;
    const places = path.includes("{") ? names.map((name) => path.replace("{provider}", "stripe").replace("{model}", name).replace(/\{[^}]+\}/, encodeURIComponent(name))) : [path];
    for (const token of [tokens["red-owner"], ...(path.includes("{") ? [] : [tokens["red-viewer"]])])
      for (const place of places)
        if (method === "GET") for (const query of path.includes("{") ? ["", "?workspace=blue-bbcanary"] : queries) look(`GET ${place}${query}`, [...names, "blue-bbcanary"], await as(token, "GET", place + query));
        else for (const body of method === "DELETE" ? [undefined] : path.includes("{") ? bodies.slice(0, 16).filter((_, i) => [0, 1, 3, 10, 13].includes(i)) : bodies) look(`${method} ${place} ${JSON.stringify(body)}`, [...names, "Bob bbcanary", "bbcanary"], await as(token, method, place, body));
  }
  assert.ok(answers > 1000, `${answers}`);
  const now = JSON.stringify([await gate.get("/keys"), await gate.get("/stops"), (await gate.get("/approvals")).data.map(({ state }) => state)]);
  const others = (text) => JSON.stringify(JSON.parse(text).map((part) => (part.data ?? part).filter((one) => JSON.stringify(one).includes("bbcanary"))));
  assert.equal(others(now), others(before), "nothing of the other workspace was changed");
  assert.deepEqual((await gate.get("/keys")).data.filter(({ name }) => /^(dup|dup2|k8|k9)$/.test(name)).filter(({ workspace }) => workspace !== "red"), []);
  assert.deepEqual((await gate.get("/stops")).data.filter((stop) => stop.kind === "all" || stop.all || stop.kind === "vendor"), [], "nobody confined stops a vendor or everything");
  console.log(`# ${answers} answers: ${[...seen].map(([status, n]) => `${status} x${n}`).join(", ")}`);
});

test("a stop of a run by a workspace's token holds that run in its own workspace alone", async () => {
  const run = newRun();
  assert.equal((await as(tokens["red-admin"], "POST", "/api/v1/stop", { run, reason: "r" })).status, 200);
  assert.equal((await charge("a", { "x-agent-run-id": run })).headers.get("x-tollgate-denied"), "stopped", "the test can fail");
  assert.equal((await charge("free", { "x-agent-run-id": run })).status, 200);
  assert.equal((await as(tokens["red-admin"], "POST", "/api/v1/resume", { run, reason: "r" })).status, 200);
  await gate.post("/stop", { run, reason: "of the whole gate" });
  assert.equal((await as(tokens["red-owner"], "POST", "/api/v1/resume", { run, reason: "r" })).status, 403, "what the gate stopped, no workspace lets go");
  assert.equal((await charge("a", { "x-agent-run-id": run })).headers.get("x-tollgate-denied"), "stopped");
  for (const body of [{ vendor: "stripe", reason: "r" }, { all: true, reason: "r" }, { workspace: "blue-bbcanary", reason: "r" }, { key: "b-bbcanary", reason: "r" }])
    for (const verb of ["stop", "resume"]) assert.ok([403, 404].includes((await as(tokens["red-owner"], "POST", `/api/v1/${verb}`, body)).status), `${verb} ${JSON.stringify(body)}`);
});

test("the event stream of a workspace's token hears of nothing else's", async () => {
  const stream = as(tokens["red-viewer"], "GET", "/api/v1/events");
  const all = as(tokens.viewer, "GET", "/api/v1/events");
  await new Promise((resolve) => setTimeout(resolve, 200));
  await charge("b-bbcanary", { "x-agent-run-id": runB, "x-agent-step": "step-bbcanary" });
  const confined = await stream, free = await all;
  assert.match(confined.text, /event: now/);
  assert.ok(!/bbcanary/.test(confined.text), confined.text);
  assert.match(free.text, /bbcanary/, "who is not confined hears of it: the test can fail");
});

const openStream = (headers) => new Promise((resolve, reject) => {
  const [host, port] = gate.adminAddress.split(":");
  const request = http.get({ host, port, path: "/api/v1/events", headers, agent: false }, (answer) => {
    const state = { status: answer.statusCode, text: "", over: false };
    answer.on("data", (chunk) => (state.text += chunk));
    for (const name of ["end", "close", "error"]) answer.on(name, () => (state.over = true));
    resolve({ state, close: () => request.destroy() });
  });
  request.on("error", reject);
});

test("streams and sessions of tokens that are deleted, rotated, expired or given less end", { timeout: 60_000 }, async () => {
  const made = {};
  for (const name of ["deleted", "lowered", "confined", "expired", "kept"]) {
    const { id, token } = await gate.post("/tokens", { name: `stream-${name}`, role: "admin", ...(name === "expired" ? { expires_at: new Date(Date.now() + 1500).toISOString() } : {}) });
    made[name] = { id, token, session: await login(token), stream: await openStream(bearer(token)) };
    assert.equal(made[name].stream.state.status, 200);
  }
  assert.equal((await gate.ask("DELETE", `/api/v1/tokens/${made.deleted.id}`)).status, 204);
  assert.equal((await gate.ask("PATCH", `/api/v1/tokens/${made.lowered.id}`, { role: "viewer" })).status, 200);
  assert.equal((await gate.ask("PATCH", `/api/v1/tokens/${made.confined.id}`, { workspace: "red" })).status, 200);
  const bySession = (name) => raw("GET", "/api/v1/keys", { headers: { cookie: made[name].session.cookie } });
  assert.equal((await bySession("deleted")).status, 401);
  assert.ok(!(await bySession("confined")).text.includes("bbcanary"), "a session has what its token has now");
  await until(async () => (await bySession("expired")).status === 401, "the session of an expired token ends");
  await until(() => ["deleted", "lowered", "confined", "expired"].every((name) => made[name].stream.state.over), "the streams end", { timeout: 25_000 });
  assert.equal(made.kept.stream.state.over, false, "the stream of a token that is as it was goes on");
  made.kept.stream.close();
});

test("what a token may is asked again when a slow body is whole", async () => {
  const { id, token } = await gate.post("/tokens", { name: "slow-body", role: "owner" });
  const [host, port] = gate.adminAddress.split(":");
  const body = JSON.stringify({ name: "made-by-slow", policy: "all", credentials: ["s-a"] });
  const slow = new Promise((resolve, reject) => {
    const request = http.request({ host, port, method: "POST", path: "/api/v1/keys", headers: { ...bearer(token), ...json, "content-length": body.length }, agent: false }, (answer) => resolve(answer.statusCode));
    request.on("error", reject);
    request.write(body.slice(0, 10));
    setTimeout(async () => {
      await gate.ask("PATCH", `/api/v1/tokens/${id}`, { role: "viewer" });
      request.end(body.slice(10));
    }, 300);
  });
  assert.ok([401, 403].includes(await slow));
  assert.ok(!(await gate.get("/keys")).data.some(({ name }) => name === "made-by-slow"));
});

test("a write with a cookie needs its own CSRF token and the gate's own page", async () => {
  const mine = await login(tokens.owner), other = await login(tokens.owner), host = gate.adminAddress;
  assert.match(mine.attributes, /HttpOnly/);
  assert.match(mine.attributes, /SameSite=Strict/);
  assert.match(mine.attributes, /Path=\//);
  const write = (headers) => raw("POST", "/api/v1/stop", { headers: { ...json, cookie: mine.cookie, ...headers }, body: JSON.stringify({ run: newRun(), reason: "csrf" }) });
  assert.equal((await write({ "x-tollgate-csrf": mine.csrf })).status, 200, "the test can fail");
  assert.equal((await write({ "x-tollgate-csrf": mine.csrf, origin: `http://${host}`, "sec-fetch-site": "same-origin" })).status, 200);
  for (const headers of [{}, { "x-tollgate-csrf": "" }, { "x-tollgate-csrf": other.csrf }, { "x-tollgate-csrf": mine.csrf.toUpperCase().replace(/^./, "X") }, { "x-tollgate-csrf": mine.csrf.slice(0, -1) }, { "x-tollgate-csrf": mine.csrf, origin: "http://evil.example" },
    { "x-tollgate-csrf": mine.csrf, origin: "null" }, { "x-tollgate-csrf": mine.csrf, origin: `http://${host}.evil.example` }, { "x-tollgate-csrf": mine.csrf, origin: `http://evil@${host}` }, { "x-tollgate-csrf": mine.csrf, origin: `http://${host.replace(/:.*/, ":1")}` },
    { "x-tollgate-csrf": mine.csrf, "sec-fetch-site": "cross-site" }, { "x-tollgate-csrf": mine.csrf, "sec-fetch-site": "same-site" }, { "x-tollgate-csrf": [mine.csrf, mine.csrf].join(",") }]) {
    const answer = await write(headers);
    assert.equal(answer.status, 403, `${JSON.stringify(headers)}: ${answer.status}`);
  }
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) assert.ok((await write({ "x-tollgate-csrf": mine.csrf, "content-type": type })).status === 415);
  assert.equal((await raw("POST", "/api/v1/session", { headers: { ...json, origin: "http://evil.example" }, body: JSON.stringify({ token: tokens.owner }) })).status, 403, "nobody is logged in from elsewhere");
  const fixed = await raw("POST", "/api/v1/session", { headers: { ...json, cookie: `tollgate_session=${"ab".repeat(32)}` }, body: JSON.stringify({ token: tokens.viewer }) });
  assert.ok(!fixed.headers["set-cookie"][0].includes("ab".repeat(32)), "a cookie that was brought along is not taken over");
  assert.equal((await raw("DELETE", "/api/v1/session", { headers: { cookie: mine.cookie } })).status, 403, "nobody is logged out from elsewhere");
  assert.equal((await raw("DELETE", "/api/v1/session", { headers: { cookie: mine.cookie, "x-tollgate-csrf": mine.csrf } })).status, 204);
  assert.equal((await raw("GET", "/api/v1/keys", { headers: { cookie: mine.cookie } })).status, 401, "after the log out the cookie is nothing");
  assert.equal((await raw("GET", "/api/v1/keys", { headers: { cookie: other.cookie } })).status, 200);
});

test("one-time codes: once, of their token, guessed by nobody", async () => {
  const { code } = JSON.parse((await as(tokens.viewer, "POST", "/api/v1/session/link")).text);
  const take = (from) => raw("POST", "/api/v1/session", { headers: json, body: JSON.stringify({ code }), from });
  const both = await Promise.all([take(), take(), take()]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 401, 401]);
  const cookie = both.find(({ status }) => status === 200).headers["set-cookie"][0].split(";")[0];
  assert.equal(codeOf(await raw("POST", "/api/v1/session/link", { headers: { cookie, "x-tollgate-csrf": JSON.parse(both.find(({ status }) => status === 200).text).csrf } })), "role_denied", "a session makes no link that outlives it");
  assert.equal(codeOf(await raw("GET", "/api/v1/tokens", { headers: { cookie } })), "role_denied", "what it may is what its token may");
  const from = stranger();
  const guesses = [];
  for (let i = 0; i < 40; i++) guesses.push((await raw("POST", "/api/v1/session", { headers: json, body: JSON.stringify({ code: i.toString(16).padStart(40, "0") }), from })).status);
  assert.ok(guesses.filter((status) => status === 401).length <= 21, `${guesses}`);
  assert.equal(guesses.at(-1), 429);
  assert.equal((await raw("GET", "/api/v1/keys", { headers: bearer(adminToken) })).status, 200, "from elsewhere it goes on");
});

test("one token's logins and links push out nobody else's", async () => {
  const other = await login(tokens.owner), link = JSON.parse((await as(tokens.owner, "POST", "/api/v1/session/link")).text);
  const mine = [];
  for (let i = 0; i < 300; i++) mine.push((await login(tokens.viewer)).cookie);
  for (let i = 0; i < 40; i++) await as(tokens.viewer, "POST", "/api/v1/session/link");
  assert.equal((await raw("GET", "/api/v1/keys", { headers: { cookie: other.cookie } })).status, 200);
  assert.equal((await raw("POST", "/api/v1/session", { headers: json, body: JSON.stringify({ code: link.code }) })).status, 200);
  assert.equal((await raw("GET", "/api/v1/keys", { headers: { cookie: mine[0] } })).status, 401, "the oldest of its own gave way");
  assert.equal((await raw("GET", "/api/v1/keys", { headers: { cookie: mine.at(-1) } })).status, 200);
});

test("pages and answers: policy, framing, caching", async () => {
  for (const path of ["/", "/index.html"]) {
    const { status, headers } = await raw("GET", path);
    if (status !== 200) continue;
    assert.match(headers["content-security-policy"], /default-src 'none'/);
    assert.match(headers["content-security-policy"], /frame-ancestors 'none'/);
    assert.ok(!/unsafe|\*/.test(headers["content-security-policy"]));
    assert.equal(headers["x-frame-options"], "DENY");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
  }
  for (const { method, path } of routes) {
    if (method !== "GET" || path === "/" || /events|evidence/.test(path)) continue;
    const { headers } = await as(adminToken, "GET", filled(path));
    assert.equal(headers["cache-control"], "no-store", path);
    assert.equal(headers["x-content-type-options"], "nosniff", path);
    assert.equal(headers["x-frame-options"], "DENY", path);
    assert.ok(!headers["access-control-allow-origin"], path);
  }
});

/** The cells of our own CSV. */
const cells = (text) => [...text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g)].map(([, cell]) => cell.replace(/^"|"$/g, "").replaceAll("\"\"", "\""));

test("no cell of a CSV is a formula", async () => {
  await charge("a", { "x-agent-run-id": "@SUM(1+9)*cmd".replace(/[()*+]/g, "_"), "x-agent-step": "+1+cmd" });
  await charge("a", { "x-agent-run-id": "-2-3", "x-agent-step": "=1+1" });
  await gate.post("/stop", { run: "-run-of-canary", reason: "=cmd|' /C calc'!A0" });
  await until(async () => (await gate.calls({ run: "-2-3" })).length, "the row");
  let formulas = 0;
  for (const path of ["/audit/export?format=csv", "/reports/spend?format=csv&by=run,step", "/reports/access?format=csv", "/reports/reconciliation?format=csv", "/reports/units?format=csv&by=run", "/reports/chargeback?format=csv&label_depth=1", "/reports/forecast?format=csv&by=run"]) {
    const { status, text } = await as(adminToken, "GET", `/api/v1${path}`);
    if (status === 400 && path.includes("chargeback")) continue;
    assert.equal(status, 200, `${path}: ${text}`);
    for (const cell of cells(text)) {
      formulas += /^'[=+\-@]/.test(cell);
      assert.ok(!/^[=+@\t\r]/.test(cell) && (!cell.startsWith("-") || /^-\d+(\.\d+)?$/.test(cell)), `${path}: ${cell}`);
    }
  }
  assert.ok(formulas >= 5, `${formulas}: there were some to disarm`);
});

test("bombs: deep JSON, wide bodies, packed bodies and huge invoices are refused, and a stop does not wait", { timeout: 90_000 }, async () => {
  for (const body of ["[".repeat(500_000), "{\"a\":".repeat(100_000), `{"name":"${"x".repeat(900_000)}"}`, `{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":1`).join(",")}}`, "&a [*a]", "a: &a [1]\nb: [*a,*a]", "\u0000", "{\"name\":\"\ud800\"}"]) {
    const answer = await as(adminToken, "POST", "/api/v1/keys", body);
    assert.ok(answer.status >= 400 && answer.status < 500, `${body.slice(0, 40)}: ${answer.status}`);
  }
  const big = await as(adminToken, "POST", "/api/v1/keys", "x".repeat(2 << 20)).catch((error) => ({ status: 413, text: String(error) }));
  assert.equal(big.status, 413);
  const zipped = await raw("POST", "/api/v1/keys", { headers: { ...bearer(adminToken), ...json, "content-encoding": "gzip" }, body: "\x1f\x8b\x08" });
  assert.ok(zipped.status >= 400 && zipped.status < 500);
  const rss = gate.rss();
  const lines = { wide: `${"a,".repeat(300)}\n`.repeat(20_000), many: `id,Amount,Fee,Currency,Created (UTC)\n${"ch_1,1.00,0.10,usd,2026-01-01 00:00:00\n".repeat(400_000)}`, quote: `id,"${"x".repeat(10 << 20)}`, json: `[${"[".repeat(1_000_000)}` };
  for (const [name, body] of Object.entries(lines)) {
    const asked = as(adminToken, "POST", "/api/v1/reports/invoice?vendor=stripe", body, { "content-type": name === "json" ? "application/json" : "text/csv" }).catch((error) => ({ status: 413, text: String(error) }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const began = Date.now();
    await gate.post("/stop", { run: newRun(), reason: "meanwhile" });
    assert.ok(Date.now() - began < 3000, `${name}: a stop took ${Date.now() - began} ms`);
    const { status, text } = await asked;
    assert.ok(status < 500 || status === 503, `${name}: ${status} ${text.slice(0, 300)}`);
  }
  await until(() => gate.rss() - rss < 1 << 20, `memory after invoices: ${gate.rss() - rss} KiB more`);
});

test("large bodies: two at a time, one of a token, refused before they are read", async () => {
  const [host, port] = gate.adminAddress.split(":"), path = "/api/v1/reports/invoice?vendor=stripe", csv = { "content-type": "text/csv" };
  const others = [await make({ role: "viewer" }), await make({ role: "viewer" }), await make({ role: "viewer" })];
  const begun = (token) => {
    const request = http.request({ host, port, method: "POST", path, headers: { ...bearer(token), ...csv, "content-length": 2 << 20 }, agent: false });
    request.on("error", () => {});
    request.write("id,Amount\n");
    return request;
  };
  /** What a head alone is answered, without its body. */
  const headOnly = (token, length = { "content-length": 2 << 20 }) => new Promise((resolve) => {
    const request = http.request({ host, port, method: "POST", path, headers: { ...bearer(token), ...csv, ...length }, agent: false }, (answer) => resolve(answer.statusCode));
    request.on("error", () => resolve(0));
    request.setTimeout(700, () => (resolve("waits"), request.destroy()));
    request.flushHeaders();
  });
  const first = begun(others[0]);
  await until(async () => (await headOnly(others[0])) === 503, "its second is refused");
  assert.equal(await headOnly(others[0], { "transfer-encoding": "chunked" }), 503, "one of no said length, too");
  assert.notEqual((await as(others[0], "POST", path, "id,Amount\n", csv)).status, 503, "small ones are as before");
  assert.equal(await headOnly(others[1]), "waits", "another token has the second place");
  const second = begun(others[1]);
  await until(async () => (await headOnly(others[1])) === 503, "the second is under way");
  assert.equal(await headOnly(others[2]), 503);
  first.destroy(), second.destroy();
  await until(async () => (await headOnly(others[2])) === "waits", "who goes away makes room");
});

test("trace contexts, labels and run ids of no form break nothing and are told to nobody", async () => {
  for (const traceparent of ["00-", "ff-00000000000000000000000000000000-0000000000000000-00", "x".repeat(5000), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"]) {
    const answer = await charge("a", { traceparent, tracestate: "a=b,".repeat(400), "x-tollgate-metadata": JSON.stringify({ label: "<img src=x onerror=alert(1)>" }) });
    assert.ok(answer.status < 500, `${traceparent.slice(0, 40)}: ${answer.status}`);
    await answer.text();
  }
});

test("header injection: no line end gets into what is sent to others", async () => {
  for (const body of [{ name: "inj", webhook: `${pager.url}/x\r\nx-injected: 1`, secret: "0123456789abcdef", events: ["threshold"] }, { name: "inj2", webhook: pager.url, secret: "0123456789abcdef\r\nx-injected: 1", events: ["threshold"] }]) {
    const { status, body: said } = await gate.ask("POST", "/api/v1/alerts", body);
    if (status === 201) await gate.ask("POST", `/api/v1/alerts/${said.id}/test`);
    assert.ok(status >= 400 || body.name === "inj2", JSON.stringify(said));
  }
  assert.ok(!JSON.stringify(pager.calls ?? []).includes("x-injected\":"));
});

test("exports write and send nowhere else than they say, and tell no secret", async () => {
  const secret = "cAnArY-export-secret-88", make = (body) => gate.ask("POST", "/api/v1/exports", body);
  let refused = 0;
  for (const body of [{ name: "../x", kind: "file" }, { name: "x/../../y", kind: "file" }, { name: "e1", kind: "file", dir: "/etc" }, { name: "e2", kind: "file", dir: "../../.." }, { name: "e3", kind: "file", dir: "a/../../../b" },
    { name: "e4", kind: "webhook", url: `${pager.url}/\r\nx-injected: 1`, secret }, { name: "e5", kind: "otlp", url: pager.url, secret, header: "x-a\r\nx-injected" }, { name: "e6", kind: "otlp", url: pager.url, secret: `${secret}\r\nx-injected: 1` },
    { name: "e7", kind: "s3", bucket: "a\r\nb", region: "eu-central-1", key_id: "AK", secret }, { name: "e8", kind: "s3", bucket: "acme", region: "eu-central-1", prefix: "../../x\r\n", key_id: "AK", secret }, { name: "e9", kind: "webhook", url: "file:///etc/passwd", secret },
    { name: "e10", kind: "webhook", url: "gopher://127.0.0.1/", secret }, { name: "e11", kind: "webhook", url: "http://user:pass@127.0.0.1/", secret }, { name: "e12", kind: "webhook", url: "http://192.0.2.1/", secret }, { name: "e13", kind: "s3", bucket: "acme", region: "eu\nx", key_id: "AK", secret },
    { name: "e14", kind: "s3", bucket: "acme", region: "eu-central-1", key_id: "AK\r\nx: y", secret }, { name: "e15", kind: "langfuse", url: pager.url, public_key: "pk\r\nx", secret }]) {
    const { status, body: said } = await make(body);
    assert.ok(status >= 400 && status < 500, `${JSON.stringify(body)}: ${status} ${JSON.stringify(said)}`);
    assert.ok(!JSON.stringify(said).includes(secret), JSON.stringify(said));
    refused++;
  }
  assert.equal(refused, 17);
  assert.equal((await make({ name: "hooked", kind: "webhook", url: pager.url, secret, start: "beginning", every: "100ms" })).status, 201);
  assert.equal((await make({ name: "sheet", kind: "file", format: "csv", start: "beginning", every: "100ms" })).status, 201);
  await until(() => pager.calls.some(({ text }) => text.includes("bbcanary")), "the export delivers");
  for (const path of ["/exports", "/exports/hooked", "/exports/hooked/status", "/audit?limit=100", "/audit/export"]) assert.ok(!(await as(adminToken, "GET", `/api/v1${path}`)).text.includes(secret), path);
  const moved = await gate.ask("PATCH", "/api/v1/exports/hooked", { url: `${pager.url}/elsewhere` });
  assert.ok(moved.status >= 400, "a secret goes to no other address than the one it was given for");
  assert.ok(!pager.calls.some(({ text }) => [secret, secrets.credential, secrets.hook, adminToken].some((word) => text.includes(word))));
  const file = `${gate.dataDir}/exports/sheet/sheet.csv`;
  await until(() => fs.existsSync(file) && fs.readFileSync(file, "utf8").includes("bbcanary"), "the file");
  for (const cell of cells(fs.readFileSync(file, "utf8"))) assert.ok(!/^[=+@\t\r]/.test(cell) && (!cell.startsWith("-") || /^-\d+(\.\d+)?$/.test(cell)), cell);
  for (const token of [tokens["red-owner"], tokens.viewer, tokens.admin]) assert.equal((await as(token, "POST", "/api/v1/exports", { name: "mine", kind: "file" })).status, 403);
  for (const path of ["/exports", "/exports/hooked", "/exports/hooked/status"]) assert.equal((await as(tokens["red-owner"], "GET", `/api/v1${path}`)).status, 403);
});

test("nothing on the disk lets anybody in, and no secret given to the API lies there plain", async () => {
  const secret = "sk_test_cAnArY_on_disk_4242", token = await make({ role: "owner" }), { cookie } = await login(token);
  assert.equal((await gate.ask("POST", "/api/v1/credentials", { name: "kept", vendor: "stripe", secret })).status, 201);
  const { token: minted } = await gate.post("/keys", { name: "minted", policy: "all", credentials: ["kept"] });
  await gate.get("/calls");
  let files = 0;
  for (const name of fs.readdirSync(gate.dataDir, { recursive: true })) {
    const file = `${gate.dataDir}/${name}`;
    if (!fs.statSync(file).isFile()) continue;
    files++;
    assert.ok(name.endsWith(".pub") || (fs.statSync(file).mode & 0o007) === 0, `${name} is for its owner`);
    const bytes = fs.readFileSync(file);
    for (const word of [secret, token, minted, cookie.split("=")[1], secrets.credential, secrets.admin]) assert.ok(!bytes.includes(word), `${name}: ${word.slice(0, 8)}`);
  }
  assert.ok(files >= 3, `${files}`);
  const { status } = await gate.ask("POST", "/api/v1/tokens", { name: "line\n{\"level\":\"info\"}", role: "viewer" });
  assert.ok(status >= 400, "a name has no line end: it stands in the log and in the audit log");
});

test("an answer that is given again is given to nobody else", async () => {
  const once = { "idempotency-key": "the-same-word" }, other = await make({ role: "admin" });
  const ask = (token, body, path = "/api/v1/keys") => as(token, "POST", path, body, once);
  const first = await ask(tokens.admin, { name: "once", policy: "all", credentials: ["s-a"] });
  assert.equal(first.status, 201, first.text);
  const { id, token: minted } = JSON.parse(first.text);
  assert.equal((await ask(tokens.admin, { name: "once", policy: "all", credentials: ["s-a"] })).text, first.text, "the test can fail");
  for (const [token, body, path] of [[other, { name: "once", policy: "all", credentials: ["s-a"] }], [tokens["red-admin"], { name: "once", policy: "all", credentials: ["s-a"] }], [tokens.owner, { name: "once", policy: "all", credentials: ["s-a"] }],
    [tokens.admin, { name: "once2", policy: "all", credentials: ["s-a"] }], [tokens.admin, { name: "once", policy: "all", credentials: ["s-a"] }, "/api/v1/keys?x=1"], [tokens.viewer, { name: "once", policy: "all", credentials: ["s-a"] }]]) {
    const answer = await ask(token, body, path);
    assert.ok(answer.status >= 400 && !answer.text.includes(minted), `${answer.status} ${answer.text}`);
  }
  const rotate = (token) => as(token, "POST", `/api/v1/keys/${id}/rotate`, {}, once);
  const rotated = JSON.parse((await rotate(tokens.admin)).text);
  assert.equal(JSON.parse((await rotate(tokens.admin)).text).token, rotated.token, "the test can fail");
  const stolen = await rotate(other);
  assert.ok(!stolen.text.includes(rotated.token), "who rotates with another's word gets no secret of that one");
});

test("nobody listens to so many streams that others hear nothing", async () => {
  const token = await make({ role: "viewer" });
  const streams = [];
  for (let i = 0; i < 40; i++) streams.push(await openStream(bearer(token)));
  assert.equal(streams.filter(({ state }) => state.status === 200).length, 32);
  const other = await openStream(bearer(tokens.admin));
  assert.equal(other.state.status, 200);
  for (const { close } of [...streams, other]) close();
});

test("no answer, export, packet, metric or log has a secret in it", async () => {
  const words = [secrets.credential, secrets.hook, secrets.admin, "whsec-cAnArY-alert-0001", adminToken, ...Object.values(tokens), tokenOf("a"), tokenOf("b-bbcanary")];
  let bytes = 0;
  const clean = (what, text) => {
    bytes += text.length;
    for (const word of words) assert.ok(!text.includes(word), `${what}: ${word.slice(0, 10)}`);
  };
  for (const { method, path } of routes) {
    if (method !== "GET" || path.endsWith("/events") || path === "/") continue;
    for (const place of path.includes("{id}") ? ["a", "s-a", "pager", "canned", "stripe", "red", "all"].map((id) => path.replace("{id}", id)) : [filled(path)]) {
      const answer = await as(adminToken, "GET", place);
      clean(`GET ${place}`, answer.text);
      if (path.endsWith("evidence")) {
        const { gunzipSync } = await import("node:zlib");
        assert.equal(answer.status, 200);
        clean("the evidence packet", gunzipSync(answer.bytes).toString("latin1"));
      }
    }
  }
  clean("the log", gate.log);
  assert.ok(bytes > 50_000);
});
