// SPDX-License-Identifier: Apache-2.0
// Who may do what on the admin plane: roles, workspaces, sessions of browsers, first logins, wrong tokens; writes that are sent twice or
// late. And what a key may ask of itself.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { before, describe } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, binary, cleanEnv, startGate } from "./lib/gate.js";
import { run, sleep, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

const token = (name, role, more = {}) => ({ name, token: `admin-token-of-${name}-01`, role, ...more });
const adminOf = (name) => `admin-token-of-${name}-01`;
const budget = (limit, window = "day", more = {}) => ({ limit, window, ...more });

let gate, vendor;

/** A Stripe that takes charges; one of 13 cents is never answered. */
async function startVendor() {
  const scripted = await startScripted((call, res) => {
    const amount = Number(new URLSearchParams(call.text).get("amount"));
    if (amount === 1313) return void res.socket.destroy();
    answerJson(res, 200, { id: `ch_${scripted.count}`, object: "charge", amount, amount_captured: amount, captured: true, paid: true, currency: "usd" });
  });
  return scripted;
}

const approvals = [{ name: "large", operations: ["stripe.charges.create"], above: "200 usd", wait: "30m" }];
const base = () =>
  config({ stripe: vendor.url }, {
    policies: { all: { allow: ["*"], approvals }, wide: { allow: ["*"] }, "rival-policy": { allow: ["stripe.*"], approvals } },
    workspaces: { acme: {}, rival: { budgets: [budget("777 usd", "month")] } },
    budgets: [
      { name: "rival-budget", limit: "555 usd", window: "week", workspace: "rival" },
      { name: "acme-budget", limit: "222 usd", window: "week", workspace: "acme" },
      { name: "shared-budget", limit: "98765.43 usd", window: "week" },
    ],
    keys: [
      key("acme-key", ["stripe-main"], { workspace: "acme", budgets: [budget("100 usd")] }),
      key("rival-key", ["stripe-main"], { workspace: "rival", policy: "rival-policy", user: "rival-user", budgets: [budget("431.07 usd")], metadata: { team: "rival-team" } }),
      key("rival-other", ["stripe-main"], { workspace: "rival", policy: "rival-policy" }),
    ],
    admin: {
      listen: "127.0.0.1:0", token: adminToken,
      tokens: [
        token("vera", "viewer"), token("finn", "finance"), token("ada", "admin"), token("olga", "owner"),
        token("acme-owner", "owner", { workspace: "acme" }), token("acme-viewer", "viewer", { workspace: "acme" }),
        token("rival-owner", "owner", { workspace: "rival", owner: "rival-person" }),
      ],
    },
  });

const charge = (name, cents, { run, of = gate } = {}) =>
  fetch(`${of.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded", ...(run ? { "x-agent-run-id": run } : {}) },
    body: `amount=${cents}&currency=usd&source=tok_visa`,
  });

/** A request with any headers; { status, body, headers }. */
async function raw(method, target, { headers = {}, body, of = gate } = {}) {
  const answer = await fetch(`http://${of.adminAddress}${target}`, {
    method, headers: { ...(body !== undefined ? { "content-type": "application/json" } : {}), ...headers }, body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: (answer.headers.get("content-type") ?? "").includes("json") && text ? JSON.parse(text) : text };
}

const bearer = (name) => ({ authorization: `Bearer ${name === "admin" ? adminToken : adminOf(name)}` });

before(async () => {
  vendor = await startVendor();
  gate = await startGate(base());
});

describe("roles", () => {
  const tries = [
    ["viewer", "GET", "/api/v1/keys", undefined],
    ["finance", "POST", "/api/v1/budgets", { name: "b1", limit: "1000000 usd", window: "day" }],
    ["finance", "PUT", "/api/v1/prices/openai/gpt-4o-mini", { in: "1", out: "2" }],
    ["admin", "POST", "/api/v1/keys", { name: "k1", policy: "all" }],
    ["admin", "POST", "/api/v1/stop", { run: "no-such-run" }],
    ["owner", "GET", "/api/v1/tokens", undefined],
    ["owner", "POST", "/api/v1/workspaces", { name: "w1" }],
    ["owner", "POST", "/api/v1/reload", {}],
  ];
  const people = [["vera", "viewer"], ["finn", "finance"], ["ada", "admin"], ["olga", "owner"]];
  const rank = ["viewer", "finance", "admin", "owner"];

  for (const [needed, method, target, body] of tries) {
    test(`${method} ${target} needs ${needed}`, async () => {
      for (const [name, role] of people) {
        const { status, body: told } = await gate.ask(method, target, body, adminOf(name));
        if (rank.indexOf(role) >= rank.indexOf(needed)) {
          assert.ok(status < 300 || status === 409, `${name}: ${status} ${JSON.stringify(told)}`);
          continue;
        }
        assert.equal(status, 403, name);
        assert.equal(told.code, "role_denied");
        assert.match(told.detail, new RegExp(`needs the role ${needed}\\b`));
      }
    });
  }

  test("whoever changes something stands in the audit log", async () => {
    await gate.ask("POST", "/api/v1/keys", { name: "by-ada", policy: "all" }, adminOf("ada"));
    const { data } = await gate.get("/audit?kind=change&limit=5");
    assert.equal(data.find((row) => row.data.action === "key.create").data.actor, "ada");
  });

  test("a token: made, shown once, used, rotated, deleted", async () => {
    const made = await gate.post("/tokens", { name: "new-one", role: "viewer", owner: "someone" });
    assert.match(made.token, /^tga_[0-9A-Za-z]{38}$/);
    assert.deepEqual({ ...made, token: 0, created_at: 0 },
      { id: "new-one", name: "new-one", origin: "api", role: "viewer", workspace: null, owner: "someone", created_at: 0, expires_at: null, content: false, token: 0, last_used_at: null });
    assert.ok(!JSON.stringify(await gate.get("/tokens")).includes(made.token));
    assert.equal((await gate.ask("GET", "/api/v1/calls", undefined, made.token)).status, 200);
    assert.ok((await gate.get("/tokens/new-one")).last_used_at);
    const turned = await gate.post("/tokens/new-one/rotate", { overlap: "0s" });
    assert.match(turned.token, /^tga_/);
    assert.equal((await gate.ask("GET", "/api/v1/calls", undefined, made.token)).status, 401);
    assert.equal((await gate.ask("GET", "/api/v1/calls", undefined, turned.token)).status, 200);
    assert.equal((await gate.ask("DELETE", "/api/v1/tokens/new-one")).status, 204);
    assert.equal((await gate.ask("GET", "/api/v1/calls", undefined, turned.token)).status, 401);
  });

  test("a token's time ends", async () => {
    const made = await gate.post("/tokens", { name: "short", role: "viewer", expires_at: new Date(Date.now() + 1500).toISOString() });
    assert.equal((await gate.ask("GET", "/api/v1/calls", undefined, made.token)).status, 200);
    await sleep(1700);
    assert.equal((await gate.ask("GET", "/api/v1/calls", undefined, made.token)).status, 401);
  });

  test("what is wrong with a token is said with its field", async () => {
    for (const [body, field] of [[{ name: "x", role: "king" }, "role"], [{ name: "x" }, "role"], [{ name: "admin", role: "viewer" }, "name"],
      [{ name: "x", role: "viewer", workspace: "nowhere" }, "workspace"], [{ name: "x", role: "viewer", token: "short" }, "token"]]) {
      const { status, body: told } = await gate.ask("POST", "/api/v1/tokens", body);
      assert.equal(status, 422, JSON.stringify(body));
      assert.match(told.field, new RegExp(field), JSON.stringify(told));
    }
  });
});

describe("a token of one workspace", () => {
  let ids, paths, lost, waiting, rows;

  before(async () => {
    for (const [name, run] of [["acme-key", "acme-run"], ["rival-key", "rival-run"], ["rival-key", "shared-run"], ["acme-key", "shared-run"]]) await charge(name, name === "rival-key" ? 4107 : 500, { run });
    await charge("rival-key", 1313, { run: "rival-run" }).catch(() => {});
    await charge("rival-key", 30007, { run: "rival-run" });
    await gate.post("/tokens", { name: "rival-made", role: "viewer", workspace: "rival" });
    await gate.post("/stop", { key: "rival-other", reason: "rival-reason" });
    lost = await until(async () => (await gate.get("/doubts")).data[0], "a call in doubt");
    waiting = await until(async () => (await gate.get("/approvals")).data[0], "an approval");
    rows = await gate.calls({ workspace: "rival" });
    assert.ok(rows.length >= 4 && lost && waiting, JSON.stringify([rows.length, lost, waiting]));
    const keys = (await gate.get("/keys")).data;
    ids = {
      keys: ["rival-key", keys.find((one) => one.name === "rival-key").id], tokens: ["rival-made", "rival-owner", "vera"], budgets: ["rival-budget", "shared-budget", `${keys.find((one) => one.name === "rival-key").id}/usd/day`],
      calls: rows.map((row) => row.id), doubts: [lost.call], approvals: [waiting.id], runs: ["rival-run"], workspaces: ["rival", "default"],
    };
    paths = (await gate.get("/openapi.json")).paths;
  });

  /** What must not be told: names, ids, amounts of the other workspace. */
  function leak(text, sent) {
    let told = text.replaceAll(/\{[^{}]*gate\/shared-budget[^{}]*\}/g, ""); // a cap that binds both is told to both: in the rows of their calls,
    told = told.replaceAll(/"98765\.43 usd[^"]*"/g, ""); // and beside their keys
    for (const id of sent) told = told.replaceAll(id, "");
    const secret = [/rival/, /41\.07/, /431\.07/, /"555"/, /"777"/, /98765\.43/, ...Object.values(ids).flat().filter((id) => /^(key_|call_|apr)/.test(id)).map((id) => new RegExp(id))];
    return secret.filter((one) => one.test(told)).map(String);
  }

  /** All that operators have made, as an owner of the whole sees it. */
  const state = async () => {
    const all = {};
    for (const what of ["keys", "tokens", "policies", "credentials", "workspaces", "stops", "vendors", "routes", "alerts", "approvals", "doubts"]) all[what] = (await gate.get(`/${what}`)).data;
    for (const one of all.tokens) delete one.last_used_at;
    for (const one of all.doubts) delete one.age_s;
    for (const one of all.stops) delete one.refused_since;
    all.budgets = (await gate.get("/budgets")).data.map(({ accounts, account_count, ...rest }) => rest);
    return JSON.stringify(all, (name, value) => (JSON.stringify(value) ?? "").includes("acme") && Array.isArray(value) ? value.filter((one) => !JSON.stringify(one).includes("acme")) : value);
  };

  const bodies = (route) => {
    if (route.endsWith("/explain")) return [{ key: "rival-key", method: "GET", url: "/stripe/v1/charges" }];
    if (route.endsWith("/purge")) return [{ workspace: "rival" }, { key: "rival-key" }];
    if (route.endsWith("/stop") || route.endsWith("/resume")) return [{ key: "rival-key" }, { workspace: "rival" }, { vendor: "stripe" }, { all: true }, { key: "rival-other" }];
    if (route.endsWith("/keys")) return [{ name: "n1", policy: "all", workspace: "rival" }, { name: "n2", policy: "rival-policy" }, { name: "n3", policy: "all", credentials: ["nothing"] }, { name: "n4", policy: "wide" }];
    if (route.endsWith("/budgets")) return [{ name: "n5", limit: "1 usd", window: "day", workspace: "rival" }, { name: "n6", limit: "1 usd", window: "day", key: "rival-key" }];
    if (route.endsWith("/tokens")) return [{ name: "n7", role: "viewer", workspace: "rival" }];
    if (route.includes("/keys/{id}")) return [{}, { workspace: "rival" }, { policy: "wide" }];
    if (route.endsWith("/resolve")) return [{ outcome: "not_spent", reason: "mine" }];
    if (route.endsWith("/increase")) return [{ by: "1 usd", for: "1h" }];
    if (route.includes("/tokens/{id}")) return [{}, { workspace: null }, { role: "owner" }];
    if (route.includes("/workspaces")) return [{ caps_as_429: true, name: "n8" }];
    return [{}];
  };

  test("no route tells anything of another, and none changes it", async (t) => {
    const was = await state();
    let asked = 0, answered = 0;
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, about] of Object.entries(methods)) {
        if (path === "/" || path.endsWith("/events") || about.security?.length === 0) continue;
        const kind = path.split("/")[3];
        const places = path.includes("{id}") ? (ids[kind] ?? ["rival-key"]) : [""];
        for (const id of places) {
          for (const body of method === "get" || method === "delete" ? [undefined] : bodies(path)) {
            for (const query of method === "get" && !path.includes("{") ? ["", "?workspace=rival", "?key=rival-key", "?run=rival-run", "?by=workspace,key"] : [""]) {
              const target = path.replace("{id}", encodeURIComponent(id)).replace("{provider}", "openai").replace("{model}", "gpt-4o-mini") + query;
              if (method === "delete" && path.endsWith("/session")) continue;
              const { status, text } = await raw(method.toUpperCase(), target, { headers: bearer("acme-owner"), body });
              const what = `${method} ${target} ${JSON.stringify(body)}: ${status} ${text.slice(0, 400)}`;
              asked++;
              answered += status < 300;
              assert.ok(status < 500, what);
              const sent = [id, ...JSON.stringify(body ?? "").match(/rival[\w-]*/g) ?? [], ...query.match(/rival[\w-]*/g) ?? []].filter(Boolean);
              assert.deepEqual(leak(path.endsWith("openapi.json") ? "" : text, sent), [], what);
              if (path.includes("{id}") && id) {
                const nobody = await raw(method.toUpperCase(), target.replace(encodeURIComponent(id), "no-such-thing"), { headers: bearer("acme-owner"), body });
                assert.equal(status, nobody.status, `it shows that it is there: ${what} beside ${nobody.text}`);
                assert.ok(status >= 400, what);
              }
            }
          }
        }
      }
    }
    t.diagnostic(`${asked} requests, ${answered} of them answered`);
    assert.ok(answered > 15, `it was let in somewhere: ${answered}`);
    assert.equal(await state(), was);
    assert.equal((await charge("rival-key", 100)).status, 200, "the other's key goes on");
  });

  test("its own it sees and changes", async () => {
    const mine = bearer("acme-owner");
    const list = async (what) => (await raw("GET", `/api/v1/${what}`, { headers: mine })).body.data;
    assert.deepEqual((await list("keys")).map((one) => one.name), ["acme-key"]);
    assert.deepEqual((await list("workspaces")).map((one) => one.id), ["acme"]);
    assert.deepEqual((await list("budgets")).map((one) => one.id).sort(), ["acme-budget", (await list("keys"))[0].id + "/usd/day"].sort());
    assert.deepEqual((await list("tokens")).map((one) => one.name), ["acme-owner", "acme-viewer"]);
    assert.deepEqual((await list("runs")).map((one) => one.run).sort(), ["acme-run", "shared-run"]);
    const calls = await list("calls");
    assert.ok(calls.length >= 2 && calls.every((row) => row.workspace === "acme"));
    const run = (await raw("GET", "/api/v1/runs/shared-run", { headers: mine })).body;
    assert.equal(run.total_usd, "5", "its part of a run that two share");
    const made = await raw("POST", "/api/v1/keys", { headers: mine, body: { name: "acme-second", policy: "all", credentials: ["stripe-main"] } });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.workspace, "acme");
    assert.equal((await raw("PATCH", "/api/v1/keys/acme-second", { headers: mine, body: { user: "u" } })).status, 200);
    const helper = await raw("POST", "/api/v1/tokens", { headers: mine, body: { name: "acme-third", role: "viewer" } });
    assert.equal(helper.body.workspace, "acme", helper.text);
    const cap = await raw("POST", "/api/v1/budgets", { headers: mine, body: { name: "acme-cap", limit: "3 usd", window: "hour" } });
    assert.equal(cap.body.workspace, "acme", cap.text);
    for (const what of ["keys/acme-second", "tokens/acme-third", "budgets/acme-cap"]) assert.equal((await raw("DELETE", `/api/v1/${what}`, { headers: mine })).status, 204, what);
  });

  test("a run that it stops goes on in other workspaces", async () => {
    const mine = bearer("acme-owner");
    const { status, body } = await raw("POST", "/api/v1/stop", { headers: mine, body: { run: "shared-run", reason: "enough" } });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.stopped.workspace, "acme");
    assert.equal((await charge("acme-key", 100, { run: "shared-run" })).status, 403);
    assert.equal((await charge("rival-key", 100, { run: "shared-run" })).status, 200);
    assert.equal((await raw("GET", "/api/v1/stops", { headers: bearer("rival-owner") })).body.data.filter((stop) => stop.kind === "run").length, 0);
    assert.equal((await raw("POST", "/api/v1/resume", { headers: mine, body: { run: "shared-run" } })).status, 200);
    assert.equal((await charge("acme-key", 100, { run: "shared-run" })).status, 200);
  });

  test("what the gate's operators stopped only they lift", async () => {
    const mine = bearer("acme-owner");
    const ask = (verb, body) => raw("POST", `/api/v1/${verb}`, { headers: mine, body });
    const subjects = [{ workspace: "acme" }, { key: "acme-key" }, { run: "their-run" }];
    const before = new Set((await gate.get("/stops")).data.map((stop) => stop.id));
    const fresh = (list) => list.filter((stop) => !before.has(stop.id));
    for (const subject of subjects) {
      const name = JSON.stringify(subject);
      const run = subject.run;
      await gate.post("/stop", { ...subject, reason: "an inquiry", by: "ada" });
      const refused = await ask("resume", subject);
      assert.equal(refused.status, 403, name);
      assert.equal(refused.body.code, "role_denied", name);
      assert.match(refused.body.detail, /set by ada, for the gate's operators.*without a workspace/, name);
      assert.equal((await ask("stop", { ...subject, reason: "ours, too", writes_only: true })).body.stopped.liftable, true, name);
      const both = fresh((await gate.get("/stops")).data);
      assert.deepEqual(both.map((stop) => [stop.by, stop.reason, stop.workspace, stop.liftable]).sort(), [["acme-owner", "ours, too", "acme", true], ["ada", "an inquiry", null, true]], name);
      const seen = fresh((await raw("GET", "/api/v1/stops", { headers: mine })).body.data);
      assert.deepEqual(seen.map((stop) => [stop.by, stop.liftable]).sort(), run ? [["acme-owner", true]] : [["acme-owner", true], ["ada", false]], name);
      const lifted = await ask("resume", subject);
      assert.equal(lifted.status, 200, name);
      assert.deepEqual([lifted.body.resumed.map((stop) => stop.by), lifted.body.remaining.map((stop) => stop.by)], [["acme-owner"], ["ada"]], name);
      assert.equal((await charge("acme-key", 100, { run })).status, 403, `${name}: it holds`);
      assert.equal((await ask("resume", subject)).status, 403, name);
      await ask("stop", subject);
      const all = await gate.post("/resume", subject);
      assert.deepEqual([all.resumed.length, all.remaining.length], [2, 0], `${name}: an operator lifts both`);
      assert.equal((await charge("acme-key", 100, { run })).status, 200, name);
    }
  });

  test("a key that the operators stopped is not deleted from under their stop", async () => {
    const mine = bearer("acme-owner");
    for (const name of ["held", "our-own"]) assert.equal((await raw("POST", "/api/v1/keys", { headers: mine, body: { name, policy: "all", credentials: ["stripe-main"] } })).status, 201);
    await gate.post("/stop", { key: "held", reason: "an inquiry", by: "ada" });
    assert.equal((await raw("POST", "/api/v1/stop", { headers: mine, body: { key: "held" } })).status, 200, "a stop of its own beside it changes nothing");
    const refused = await raw("DELETE", "/api/v1/keys/held", { headers: mine });
    assert.equal(refused.status, 403, refused.text);
    assert.equal(refused.body.code, "role_denied");
    assert.match(refused.body.detail, /ada stopped this key, for the gate's operators.*without a workspace/);
    const held = (stops) => stops.filter((stop) => stop.key_name === "held");
    assert.equal(held((await gate.get("/stops")).data).length, 2, "both stand");
    assert.equal((await raw("POST", "/api/v1/stop", { headers: mine, body: { key: "our-own" } })).status, 200);
    assert.equal((await raw("DELETE", "/api/v1/keys/our-own", { headers: mine })).status, 204, "its own stop goes with its key");
    assert.equal((await gate.ask("DELETE", "/api/v1/keys/held")).status, 204, "operators delete it");
    assert.equal((await gate.get("/stops")).data.filter((stop) => /deleted/.test(stop.reason)).length, 0);
    const actions = (await gate.get("/audit?kind=change&limit=4")).data.map((row) => row.data.action);
    assert.deepEqual(actions.slice(0, 4).sort(), ["key.delete", "stop.create", "stop.lift", "stop.lift"].sort());
  });

  test("a key is given what one key of the workspace has, and nothing that binds it is loosened", async () => {
    const mine = bearer("acme-owner");
    const soon = new Date(Date.now() + 3_600_000).toISOString(), later = new Date(Date.now() + 7_200_000).toISOString();
    const own = { workspace: "acme" };
    const other = await startGate({ ...base(), credentials: { "stripe-main": { vendor: "stripe", secret: "sk_test_main_0001" }, "stripe-far": { vendor: "stripe", secret: "sk_test_far_00001" } },
      keys: [key("near", ["stripe-main"], { ...own, policy: "wide" }), key("far", ["stripe-main", "stripe-far"], own), key("over", ["stripe-far"], { ...own, policy: "wide", revoked_at: "2026-01-01T00:00:00Z" }),
        key("past", ["stripe-far"], { ...own, policy: "rival-policy", expires_at: "2026-01-01T00:00:00Z" }),
        key("bound", ["stripe-main"], { ...own, addresses: ["127.0.0.0/8"], expires_at: soon, budgets: [budget("100 usd"), budget("9 requests", "minute")] })] });
    const ask = (method, target, body) => raw(method, `/api/v1/keys${target}`, { headers: mine, body, of: other });
    const refused = async (answer, field) => assert.deepEqual([answer.status, answer.body.code, answer.body.field], [403, "role_denied", field], answer.text);
    await refused(await ask("POST", "", { name: "mix", policy: "wide", credentials: ["stripe-far"] }), "credentials");
    await refused(await ask("POST", "", { name: "dead", policy: "rival-policy", credentials: ["stripe-main"] }), "policy");
    assert.equal((await ask("POST", "", { name: "like-far", policy: "all", credentials: ["stripe-far"] })).status, 201, "a part of what one has");
    await refused(await ask("PATCH", "/like-far", { policy: "wide" }), "credentials");
    await refused(await ask("PATCH", "/near", { credentials: ["stripe-main", "stripe-far"] }), "credentials");
    assert.equal((await ask("PATCH", "/like-far", { policy: "wide", credentials: ["stripe-main"] })).status, 200, "as near has it");
    await refused(await ask("PATCH", "/over", { revoked_at: null }), "revoked_at");
    for (const expires_at of [null, later]) await refused(await ask("PATCH", "/bound", { expires_at }), "expires_at");
    for (const addresses of [null, ["127.0.0.1", "10.0.0.0/8"], ["0.0.0.0/0"]]) await refused(await ask("PATCH", "/bound", { addresses }), "addresses");
    for (const budgets of [null, [], [budget("100 usd")], [budget("101 usd"), budget("9 requests", "minute")], [budget("100 usd", "month"), budget("9 requests", "minute")], [budget("100 usd", "day", { vendor: "stripe" }), budget("9 requests", "minute")],
      [budget("100 usd", "day", { soft: true }), budget("9 requests", "minute")]]) await refused(await ask("PATCH", "/bound", { budgets }), "budgets");
    const narrower = { addresses: ["127.0.0.1"], expires_at: new Date(Date.now() + 1_800_000).toISOString(), budgets: [budget("9 requests", "minute"), budget("50 usd"), budget("1 usd", "run")], user: "u" };
    assert.equal((await ask("PATCH", "/bound", narrower)).status, 200);
    assert.equal((await ask("PATCH", "/over", { user: "u" })).status, 200, "what has ended can be described");
    assert.equal((await ask("POST", "/over/revoke", {})).status, 200);
    assert.equal((await other.ask("PATCH", "/api/v1/keys/bound", { addresses: null, expires_at: later, budgets: [], policy: "wide" })).status, 200, "operators loosen");
    assert.equal((await other.ask("PATCH", "/api/v1/keys/over", { revoked_at: null })).status, 200);
    await other.stop();
  });

  test("what hangs on its keys is not raised by its own token, what it may change is", async () => {
    const raise = (id, headers) => raw("POST", `/api/v1/budgets/${encodeURIComponent(id)}/increase`, { headers, body: { by: "1 usd", for: "1h" } });
    const hung = (await raw("GET", "/api/v1/budgets", { headers: bearer("acme-owner") })).body.data.find((one) => one.owner?.startsWith("key:")).id;
    const refused = await raise(hung, bearer("acme-owner"));
    assert.deepEqual([refused.status, refused.body.code], [403, "role_denied"], refused.text);
    assert.equal((await raise("acme-budget", bearer("acme-owner"))).status, 200);
    assert.equal((await raw("DELETE", "/api/v1/budgets/acme-budget/increase", { headers: bearer("acme-owner") })).status, 204);
  });

  test("1,000 stops of its own, and the red button beside them; the operators have no such bound", { timeout: 120_000 }, async () => {
    const mine = bearer("acme-owner"), expires_at = new Date(Date.now() + 3_600_000).toISOString();
    const other = await startGate(base());
    const ask = (body, headers = mine) => raw("POST", "/api/v1/stop", { headers, body, of: other });
    for (let i = 0; i < 1000; i += 20) await Promise.all(Array.from({ length: 20 }, async (_, k) => assert.equal((await ask({ run: `many-${i + k}`, expires_at })).status, 200)));
    const refused = await ask({ run: "one-more" });
    assert.deepEqual([refused.status, refused.body.code], [409, "conflict"], refused.text);
    assert.match(refused.body.detail, /1000 stops of this workspace are in force/);
    assert.equal((await ask({ key: "acme-key" })).status, 409);
    assert.equal((await ask({ run: "many-0", reason: "anew" })).status, 200, "what is set anew");
    assert.equal((await ask({ workspace: "acme" })).status, 200, "the red button");
    assert.equal((await ask({ run: "one-more" }, bearer("rival-owner"))).status, 200, "another workspace");
    for (const body of [{ run: "one-more" }, { key: "acme-key" }, { all: true }]) assert.equal((await ask(body, bearer("admin"))).status, 200, JSON.stringify(body));
    assert.equal((await raw("POST", "/api/v1/resume", { headers: mine, body: { run: "many-1" }, of: other })).status, 200);
    assert.equal((await ask({ run: "one-more" })).status, 200);
    await other.stop();
  });

  test("its own tokens make the 50th of the workspace, and not one more", async () => {
    const other = await startGate(base());
    const make = (name, headers = bearer("acme-owner"), more = {}) => raw("POST", "/api/v1/tokens", { headers, body: { name, role: "viewer", ...more }, of: other });
    for (let i = 2; i < 50; i++) assert.equal((await make(`more-${i}`)).status, 201);
    const refused = await make("too-many");
    assert.deepEqual([refused.status, refused.body.code], [409, "conflict"], refused.text);
    assert.match(refused.body.detail, /it has 50 admin tokens/);
    assert.equal((await make("rivals", bearer("rival-owner"))).status, 201, "another workspace");
    assert.equal((await make("by-an-operator", bearer("admin"), { workspace: "acme" })).status, 201);
    for (const name of ["more-2", "more-3"]) assert.equal((await raw("DELETE", `/api/v1/tokens/${name}`, { headers: bearer("acme-owner"), of: other })).status, 204);
    assert.equal((await make("room-again")).status, 201);
    await other.stop();
  });

  test("whose a stop is outlives the gate", async () => {
    const other = await startGate(base());
    const mine = bearer("acme-owner");
    await other.post("/stop", { key: "acme-key" });
    assert.equal((await raw("POST", "/api/v1/stop", { headers: mine, body: { workspace: "acme" }, of: other })).status, 200);
    await other.restart();
    assert.equal((await charge("acme-key", 100, { of: other })).status, 403);
    assert.equal((await raw("POST", "/api/v1/resume", { headers: mine, body: { key: "acme-key" }, of: other })).status, 403);
    assert.equal((await raw("POST", "/api/v1/resume", { headers: mine, body: { workspace: "acme" }, of: other })).status, 200);
    await other.post("/resume", { key: "acme-key" });
    assert.equal((await charge("acme-key", 100, { of: other })).status, 200);
    await other.stop();
  });

  test("a key that its workspace stopped is stopped wherever an operator moves it", async () => {
    const mine = bearer("acme-owner");
    const made = await raw("POST", "/api/v1/keys", { headers: mine, body: { name: "mover", policy: "all", credentials: ["stripe-main"] } });
    assert.equal((await raw("POST", "/api/v1/stop", { headers: mine, body: { key: "mover" } })).status, 200);
    await gate.ask("PATCH", "/api/v1/keys/mover", { workspace: "rival" });
    const mover = async (headers) => (await raw("GET", "/api/v1/stops", { headers })).body.data.find((stop) => stop.key_name === "mover");
    assert.equal((await mover(bearer("admin"))).workspace, "acme");
    assert.equal((await fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${made.body.token}` } })).headers.get("x-tollgate-denied"), "stopped");
    assert.equal((await raw("POST", "/api/v1/resume", { headers: bearer("rival-owner"), body: { key: "mover" } })).status, 403);
    assert.equal((await mover(bearer("rival-owner"))).liftable, false);
    assert.equal((await gate.post("/resume", { key: "mover" })).resumed.length, 1);
    await gate.ask("DELETE", "/api/v1/keys/mover");
  });

  test("the stops of /now are those of /stops", async () => {
    const mine = bearer("acme-owner");
    const more = { vendor: { vendor: "stripe", writes_only: true }, all: { all: true, mode: "drain" }, foreign: { workspace: "rival" }, run: { run: "whole-run" } };
    assert.equal((await raw("POST", "/api/v1/stop", { headers: mine, body: { run: "shared-run" } })).status, 200);
    assert.equal((await raw("POST", "/api/v1/stop", { headers: mine, body: { key: "acme-key" } })).status, 200);
    for (const body of Object.values(more)) await gate.post("/stop", body);
    const ids = (stops) => stops.map((stop) => stop.id).sort();
    const seen = async (path, headers) => (await raw("GET", path, { headers })).body;
    for (const [headers, least] of [[mine, 4], [bearer("rival-owner"), 4], [bearer("admin"), 7]]) {
      const listed = ids((await seen("/api/v1/stops", headers)).data);
      assert.deepEqual(ids((await seen("/api/v1/now", headers)).stops), listed);
      assert.ok(listed.length >= least, listed.join(" "));
    }
    for (const body of Object.values(more)) await gate.post("/resume", { ...body, mode: undefined, writes_only: undefined });
    for (const body of [{ run: "shared-run" }, { key: "acme-key" }]) assert.equal((await raw("POST", "/api/v1/resume", { headers: mine, body })).status, 200);
  });

  test("its stream of events has its own calls alone", async () => {
    let told = "";
    const request = http.get(`http://${gate.adminAddress}/api/v1/events`, { headers: bearer("acme-viewer") }, (answer) => answer.on("data", (bytes) => (told += bytes)));
    await until(() => told.includes("retry"), "the stream");
    await charge("rival-key", 4107, { run: "rival-run" });
    await gate.post("/stop", { run: "rival-run-2", reason: "rival-reason" });
    await gate.post("/resume", { run: "rival-run-2" });
    await charge("acme-key", 100, { run: "acme-run" });
    await until(() => told.includes("acme-key"), "its call");
    await sleep(1500);
    request.destroy();
    assert.deepEqual(leak(told, []), []);
  });
});

describe("sessions of browsers", () => {
  async function login(body, headers = {}) {
    const answer = await raw("POST", "/api/v1/session", { body, headers });
    const cookie = answer.headers.get("set-cookie");
    return { ...answer, cookie: cookie?.split(";")[0], set: cookie };
  }

  test("a token is given once, a cookie comes back", async () => {
    const { status, body, cookie, set } = await login({ token: adminOf("ada") });
    assert.equal(status, 200);
    assert.match(set, /^tollgate_session=[0-9a-f]{64}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/);
    assert.deepEqual(body.actor, { name: "ada", role: "admin", workspace: null });
    assert.deepEqual(body.areas, ["read", "money", "change"]);
    assert.ok(!JSON.stringify(body).includes(cookie.split("=")[1]));
    const again = await raw("GET", "/api/v1/session", { headers: { cookie } });
    assert.equal(again.body.csrf, body.csrf);
    assert.equal((await raw("GET", "/api/v1/calls", { headers: { cookie } })).status, 200);
    assert.equal((await raw("GET", "/api/v1/tokens", { headers: { cookie } })).status, 403, "its token's role");
    assert.equal((await raw("GET", "/api/v1/session", { headers: bearer("vera") })).body.csrf, null);
  });

  test("a write needs the page's own word, and comes from the page", async () => {
    const { body: { csrf }, cookie } = await login({ token: adminOf("ada") });
    const write = (headers) => raw("POST", "/api/v1/stop", { headers: { cookie, ...headers }, body: { run: "csrf-run" } });
    const own = `http://${gate.adminAddress}`;
    assert.equal((await write({})).body.code, "csrf_denied");
    assert.equal((await write({ "x-tollgate-csrf": "0".repeat(32) })).body.code, "csrf_denied");
    assert.equal((await write({ "x-tollgate-csrf": csrf, origin: "https://evil.example" })).body.code, "csrf_denied");
    assert.equal((await write({ "x-tollgate-csrf": csrf, origin: "null" })).body.code, "csrf_denied");
    assert.equal((await write({ "x-tollgate-csrf": csrf, "sec-fetch-site": "cross-site" })).body.code, "csrf_denied");
    assert.equal((await gate.get("/stops")).data.filter((stop) => stop.value === "csrf-run").length, 0);
    assert.equal((await write({ "x-tollgate-csrf": csrf, origin: own })).status, 200);
    assert.equal((await login({ token: adminOf("ada") }, { origin: "https://evil.example" })).status, 403);
  });

  test("it ends by logging out, and with its token", async () => {
    const first = await login({ token: adminOf("ada") });
    assert.equal((await raw("DELETE", "/api/v1/session", { headers: { cookie: first.cookie, "x-tollgate-csrf": first.body.csrf } })).status, 204);
    assert.equal((await raw("GET", "/api/v1/session", { headers: { cookie: first.cookie } })).status, 401);
    const made = await gate.post("/tokens", { name: "leaving", role: "viewer" });
    const second = await login({ token: made.token });
    let over = false;
    http.get(`http://${gate.adminAddress}/api/v1/events`, { headers: { cookie: second.cookie } }, (answer) => answer.resume().on("close", () => (over = true)));
    await gate.ask("DELETE", "/api/v1/tokens/leaving");
    assert.equal((await raw("GET", "/api/v1/session", { headers: { cookie: second.cookie } })).status, 401);
    await until(() => over, "the end of its stream", { timeout: 20_000 });
  });

  test("a restart keeps sessions, but none that was ended; what is on the disk lets nobody in", async () => {
    const other = await startGate(base());
    const enter = async (token) => {
      const answer = await raw("POST", "/api/v1/session", { body: { token }, of: other });
      return { cookie: answer.headers.get("set-cookie").split(";")[0], csrf: answer.body.csrf };
    };
    const known = async ({ cookie }) => raw("GET", "/api/v1/session", { headers: { cookie }, of: other });
    const { token: leaving } = await other.post("/tokens", { name: "leaving", role: "viewer" });
    const [stays, leaves, loses, falls] = [await enter(adminOf("ada")), await enter(adminOf("vera")), await enter(leaving), await enter(adminOf("finn"))];
    assert.equal((await raw("DELETE", "/api/v1/session", { headers: { cookie: leaves.cookie, "x-tollgate-csrf": leaves.csrf }, of: other })).status, 204);
    await other.ask("DELETE", "/api/v1/tokens/leaving");

    const file = path.join(other.dataDir, "sessions");
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    const value = stays.cookie.split("=")[1];
    for (const name of fs.readdirSync(other.dataDir)) {
      if (!fs.statSync(path.join(other.dataDir, name)).isFile()) continue;
      const bytes = fs.readFileSync(path.join(other.dataDir, name));
      for (const secret of [value, Buffer.from(value, "hex"), stays.csrf, adminOf("ada")]) assert.ok(!bytes.includes(secret), `${name} holds what opens a session`);
    }

    await other.kill();
    await other.start();
    assert.equal((await known(stays)).body.csrf, stays.csrf, "the page that is open goes on");
    assert.equal((await raw("POST", "/api/v1/stop", { headers: { cookie: stays.cookie, "x-tollgate-csrf": stays.csrf }, body: { run: "after-restart" }, of: other })).status, 200);
    assert.equal((await known(leaves)).status, 401, "it was logged out");
    assert.equal((await known(loses)).status, 401, "its token was deleted");

    const later = base();
    later.admin.tokens = later.admin.tokens.filter(({ name }) => name !== "ada").map((each) => (each.name === "finn" ? { ...each, role: "viewer" } : each));
    await other.stop();
    other.writeConfig(later);
    await other.start();
    assert.equal((await known(stays)).status, 401, "its token went while nobody was there");
    assert.deepEqual((await known(falls)).body.areas, ["read"], "what its token may by now");
    other.writeConfig(base());
    await other.restart();
    assert.equal((await known(stays)).status, 401, "it does not come back with its token");
    assert.equal((await known(falls)).status, 200);

    await other.stop();
    fs.writeFileSync(file, Buffer.concat([fs.readFileSync(file).subarray(0, -1), Buffer.from("x")]));
    await other.start();
    assert.equal((await known(falls)).status, 401, "a file that was touched is not believed");
    assert.equal((await known(await enter(adminOf("finn")))).status, 200);
  });

  test("a login link opens once, and is made by a token alone", async () => {
    const out = (await gate.cli("login-link")).out;
    const [, code] = out.match(new RegExp(`^http://${gate.adminAddress}/#login=([0-9a-f]{40})\n$`));
    const { status, body, cookie } = await login({ code });
    assert.equal(status, 200);
    assert.equal(body.actor.role, "owner");
    assert.equal((await login({ code })).status, 401, "a second time");
    const more = await raw("POST", "/api/v1/session/link", { headers: { cookie, "x-tollgate-csrf": body.csrf }, body: {} });
    assert.equal(more.status, 403, "a session makes no link: it would outlive itself");
  });

  test("without an admin token in the configuration the first start says a link, later ones do not", async () => {
    const other = await startGate({ admin: { listen: "127.0.0.1:0" }, policies: {}, keys: [] });
    const found = await until(() => other.log.match(/#login=([0-9a-f]{40})/), "the link");
    const answer = await raw("POST", "/api/v1/session", { body: { code: found[1] }, of: other });
    assert.equal(answer.body.actor.name, "admin");
    await other.restart();
    await sleep(300);
    assert.ok(!other.log.includes("#login="));
    assert.ok(!(await startGate(base())).log.includes("#login="), "none where a token is configured");
  });

  test("where people come by TLS the cookie is for TLS alone", async () => {
    const other = await startGate({ ...base(), admin: { listen: "127.0.0.1:0", token: adminToken, url: "https://gate.example" } });
    const answer = await raw("POST", "/api/v1/session", { body: { token: adminToken }, headers: { origin: "https://gate.example" }, of: other });
    assert.match(answer.headers.get("set-cookie"), /; Secure$/);
  });
});

describe("too often", () => {
  test("an address that sends wrong tokens is slowed down and told of", async () => {
    const other = await startGate(base());
    const seen = [];
    for (let i = 0; i < 24; i++) seen.push(await other.ask("GET", "/api/v1/keys", undefined, `wrong-token-number-${i}-0123`));
    assert.deepEqual([...new Set(seen.map((one) => one.status))], [401, 429]);
    assert.equal(seen.filter((one) => one.status === 401).length, 20);
    assert.ok(Number(seen.at(-1).headers.get("retry-after")) > 0);
    assert.ok(!other.log.includes("wrong-token"), "no secret in the log");
    const right = [{ headers: bearer("admin") }, { headers: bearer("vera") }];
    for (const headers of right) assert.equal((await raw("GET", "/api/v1/keys", { ...headers, of: other })).status, 200, "who sends wrong ones shuts out nobody behind the same address");
    const { body: link } = await raw("POST", "/api/v1/session/link", { headers: bearer("admin"), of: other });
    const login = async (body) => (await raw("POST", "/api/v1/session", { body, of: other }));
    assert.equal((await login({ code: link.code })).status, 200);
    assert.equal((await login({ token: adminToken })).status, 200);
    for (const wrong of [{ code: link.code }, { token: "wrong-token-number-24-0123" }]) {
      const told = await login(wrong);
      assert.equal(told.status, 429);
      assert.ok(Number(told.headers.get("retry-after")) > 0);
    }
    assert.equal((await other.ask("GET", "/api/v1/keys", undefined, "wrong-token-number-25-0123")).status, 429, "and right ones do not make up for wrong ones");
    assert.equal((await other.ask("GET", "/healthz", undefined, null)).status, 200);
    await until(async () => (await other.ask("GET", "/api/v1/alerts/deliveries")).body.data?.some((one) => one.alert.event === "login"), "the alert", { timeout: 15_000 });
  });

  test("a token that can be guessed waits like a wrong one: a right guess must not show", async () => {
    const other = await startGate({ ...base(), admin: { listen: "127.0.0.1:0", token: "short-one" } });
    const ask = (token) => other.ask("GET", "/api/v1/keys", undefined, token);
    assert.equal((await ask("short-one")).status, 200);
    for (let i = 0; i < 20; i++) assert.equal((await ask(`short-${i}`)).status, 401);
    assert.equal((await ask("short-one")).status, 429);
    assert.equal((await raw("POST", "/api/v1/session", { body: { token: "short-one" }, of: other })).status, 429);
  });

  test("a token has so many requests a minute", async () => {
    const other = await startGate({ ...base(), admin: { listen: "127.0.0.1:0", token: adminToken, requests_per_minute: 30 } });
    const seen = [];
    for (let i = 0; i < 40; i++) seen.push((await other.ask("GET", "/api/v1/keys")).status);
    assert.ok(seen.slice(0, 30).every((status) => status === 200) && seen.at(-1) === 429, String(seen));
  });
});

describe("writes", () => {
  test("a change says from which answer it was made", async () => {
    await gate.post("/policies", { name: "tagged", allow: ["stripe.*"] });
    const { headers } = await gate.ask("GET", "/api/v1/policies/tagged");
    const tag = headers.get("etag");
    const change = (etag, allow) => raw("PATCH", "/api/v1/policies/tagged", { headers: { ...bearer("admin"), "if-match": etag }, body: { allow } });
    assert.equal((await raw("GET", "/api/v1/policies/tagged", { headers: { ...bearer("admin"), "if-none-match": tag } })).status, 304);
    assert.equal((await change(tag, ["stripe.charges.*"])).status, 200);
    const late = await change(tag, ["stripe.refunds.*"]);
    assert.equal(late.status, 412);
    assert.equal(late.body.code, "precondition_failed");
    assert.deepEqual((await gate.get("/policies/tagged")).allow, ["stripe.charges.*"]);
    assert.equal((await raw("DELETE", "/api/v1/policies/tagged", { headers: { ...bearer("admin"), "if-match": tag } })).status, 412);
    assert.equal((await change("*", ["stripe.customers.*"])).status, 200);
    assert.equal((await raw("DELETE", "/api/v1/policies/tagged", { headers: { ...bearer("admin"), "if-match": (await gate.ask("GET", "/api/v1/policies/tagged")).headers.get("etag") } })).status, 204);
    assert.equal((await change(tag, [])).status, 412, "gone");
  });

  test("a POST sent twice is done once", async () => {
    const once = { ...bearer("admin"), "idempotency-key": "the-first-0001" };
    const body = { name: "only-one", policy: "all", credentials: ["stripe-main"] };
    const first = await raw("POST", "/api/v1/keys", { headers: once, body });
    const second = await raw("POST", "/api/v1/keys", { headers: once, body });
    assert.equal(first.status, 201);
    assert.equal(second.status, 201);
    assert.equal(second.text, first.text, "its token, too");
    assert.equal(second.headers.get("idempotency-replayed"), "true");
    const other = await raw("POST", "/api/v1/keys", { headers: once, body: { ...body, name: "another" } });
    assert.equal(other.status, 409);
    assert.equal(other.body.code, "idempotency_conflict");
    const wrong = await raw("POST", "/api/v1/keys", { headers: { ...once, "idempotency-key": "the-second" }, body: { name: "bad", policy: "none" } });
    assert.equal(wrong.status, 422);
    const right = await raw("POST", "/api/v1/keys", { headers: { ...once, "idempotency-key": "the-second" }, body: { name: "good", policy: "all" } });
    assert.equal(right.status, 201, "what was refused did nothing, and is no first time");
    const elsewhere = await raw("POST", "/api/v1/keys", { headers: { ...bearer("ada"), "idempotency-key": "the-first-0001" }, body: { name: "adas", policy: "all" } });
    assert.equal(elsewhere.status, 201, "each token has names of its own");
  });
});

describe("many writes, each with a name", () => {
  test("a token's own oldest make way for its new ones, nobody else's and nothing under way", { timeout: 120_000 }, async () => {
    let release;
    const slow = await startScripted((call, res) => new Promise((resolve) => (release = () => resolve(res.writeHead(204).end()))));
    const other = await startGate({ ...base(), alerts: [{ name: "slow", webhook: slow.url, secret: "whsec-of-slow-0001", events: ["threshold"] }] });
    const post = (name, target, body, once) => raw("POST", `/api/v1${target}`, { headers: { ...bearer(name), "idempotency-key": once }, body, of: other });
    const replayed = (answer) => answer.headers.get("idempotency-replayed") === "true";
    await post("olga", "/stop", { run: "olgas" }, "first");
    const tried = post("ada", "/alerts/slow/test", {}, "slow");
    await until(() => slow.count === 1, "the test is under way");
    await post("ada", "/stop", { run: "adas" }, "first");
    for (let i = 0; i < 520; i += 20) await Promise.all(Array.from({ length: 20 }, async (_, k) => assert.equal((await post("ada", "/stop", { run: "adas" }, `n${i + k}`)).status, 200)));
    assert.equal((await post("ada", "/alerts/slow/test", {}, "slow")).body.code, "duplicate_in_flight", "what is under way is not forgotten");
    assert.ok(replayed(await post("ada", "/stop", { run: "adas" }, "n519")));
    assert.ok(replayed(await post("olga", "/stop", { run: "olgas" }, "first")), "another's stands");
    assert.ok(!replayed(await post("ada", "/stop", { run: "adas" }, "first")), "its own oldest has made way");
    release();
    assert.equal((await tried).status, 200);
    assert.ok(replayed(await post("ada", "/alerts/slow/test", {}, "slow")));
    assert.equal(slow.count, 1, "and was done once");
    await post("olga", "/explain", { key: "acme-key", method: "GET", url: "/stripe/v1/charges" }, "look");
    assert.ok(!replayed(await post("olga", "/explain", { key: "acme-key", method: "GET", url: "/stripe/v1/charges" }, "look")), "what changes nothing is looked at anew");
    await other.stop();
  });
});

describe("a key reads its own allowance", () => {
  const self = (name, { run, of = gate } = {}) => fetch(`${of.url}/v1/tollgate/self`, { headers: { authorization: `Bearer ${tokenOf(name)}`, ...(run ? { "x-agent-run-id": run } : {}) } });

  test("what it may spend, what was spent; no call, no row", async () => {
    const other = await startGate({ ...base(), keys: [key("worker", ["stripe-main"], { workspace: "acme", budgets: [budget("20 usd"), budget("4 usd", "run"), budget("9 requests", "minute", { vendor: "stripe" })] }), key("bare", [])] });
    await charge("worker", 150, { run: "r1", of: other });
    const before = (await other.calls()).length;
    const answer = await self("worker", { run: "r1", of: other });
    assert.equal(answer.status, 200);
    const told = await answer.json();
    assert.deepEqual([told.name, told.workspace, told.policy, told.run], ["worker", "acme", "all", "r1"]);
    const of = (window) => told.budgets.find((one) => one.window === window && one.budget.startsWith("key_"));
    assert.deepEqual([of("day").limit_usd, of("day").spent_usd, of("day").remaining_usd, of("day").reserved_usd], ["20", "1.5", "18.5", "0"]);
    assert.equal(of("run").spent_usd, "1.5");
    assert.deepEqual(of("minute").counts, { vendor: "stripe" });
    assert.ok(of("day").resets_at);
    assert.deepEqual(told.stops, []);
    const blind = await (await self("worker", { of: other })).json();
    assert.equal(blind.budgets.find((one) => one.window === "run" && one.budget.startsWith("key_")).known, false, "which run?");
    assert.equal((await (await self("bare", { of: other })).json()).name, "bare");
    assert.equal((await other.calls()).length, before);
    assert.equal((await self("worker-x", { of: other })).status, 401);
    await other.post("/stop", { key: "worker", reason: "a look" });
    const stopped = await (await self("worker", { of: other })).json();
    assert.deepEqual(stopped.stops.map((one) => [one.kind, one.reason]), [["key", "a look"]]);
    assert.equal((await fetch(`${other.url}/v1/tollgate/self`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("worker")}` } })).status, 405);
  });

  test("tollgate self: the same as a table, with a key and no admin token", async () => {
    const other = await startGate({ ...base(), keys: [key("worker", ["stripe-main"], { workspace: "acme", budgets: [budget("20 usd"), budget("4 usd", "run"), budget("9 requests", "minute", { vendor: "stripe" })] }), key("bare", [])] });
    await charge("worker", 150, { run: "r1", of: other });
    const ask = (args, env = {}) => run(binary, ["self", ...args], { env: cleanEnv({ TOLLGATE_GATE: other.url, ...env }), cwd: other.dir });
    const worker = { TOLLGATE_KEY: tokenOf("worker") };

    const told = await ask(["--run", "r1"], worker);
    assert.equal(told.code, 0, told.err);
    assert.match(told.out, /^key worker, workspace acme, policy all, run r1\n/);
    assert.match(told.out, /^BUDGET +LIMIT +SPENT +RESERVED +LEFT +UNIT +RESETS/m);
    assert.match(told.out, /^day +20 +1\.5 +0 +18\.5 +usd /m);
    assert.match(told.out, /^run +4 +1\.5 +0 +2\.5 +usd/m);
    assert.match(told.out, /^minute, vendor stripe +9 .* requests /m);
    assert.match((await ask([], worker)).out, /^run +4 .*which run\? --run RUN$/m);

    const file = path.join(other.dir, "worker.key");
    fs.writeFileSync(file, `${tokenOf("worker")}\n`);
    const body = JSON.parse((await ask(["--key-file", file, "--run", "r1", "--json"])).out);
    assert.equal(body.budgets.find((one) => one.window === "day" && one.budget.startsWith("key_")).remaining_usd, "18.5");
    await other.post("/stop", { key: "worker", reason: "a look" });
    assert.match((await ask(["--key-file", file])).out, /^stopped: key key_\w+: a look$/m, "a key that is stopped is told by what");

    const wrong = await ask([], { TOLLGATE_KEY: "tg_nobody_0000000000000000" });
    assert.deepEqual([wrong.code, wrong.out], [1, ""]);
    assert.match(wrong.err, /401 key_unknown/);
    assert.ok(!wrong.err.includes("tg_nobody"), "a key is never repeated");
    const none = await ask([]);
    assert.equal(none.code, 1);
    assert.match(none.err, /TOLLGATE_KEY/);
    assert.equal((await ask(["--key-file", "/nowhere"])).code, 1);
    assert.equal((await ask(["--key-file", "-", "--watch"])).code, 2);
    assert.equal((await ask([worker.TOLLGATE_KEY], worker)).code, 2, "a key is no operand: command lines are read by others");
    assert.equal((await ask(["--gate", "http://127.0.0.1:1"], worker)).code, 3);
    const elsewhere = await ask(["--gate", `http://${other.adminAddress}`], worker);
    assert.equal(elsewhere.code, 3);
    assert.match(elsewhere.err, /admin API/);
  });
});
