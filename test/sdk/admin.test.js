// SPDX-License-Identifier: Apache-2.0
// The operator's side: keys, stops under load, bills, rows, reloads.
import fs from "node:fs";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, check, nanos, startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { startStripe } from "./lib/mocks.js";
import { caughtUp, freePort, sleep, until } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, stripe, openai;

const charge = (token, { run, amount = 100, of = gate } = {}) =>
  fetch(`${of.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/x-www-form-urlencoded", ...(run ? { "x-agent-run-id": run } : {}) },
    body: `amount=${amount}&currency=usd&source=tok_visa`,
  });

const chat = (token, more = {}, { run, of = gate, signal } = {}) =>
  fetch(`${of.url}/openai/v1/chat/completions`, {
    method: "POST", signal,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...(run ? { "x-agent-run-id": run } : {}) },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 100, ...more }),
  });

function base() {
  return config({ stripe: stripe.url, openai: openai.url }, {
    policies: { narrow: { allow: ["stripe.charges.list"] } },
    keys: [
      key("agent", ["stripe-main", "openai-main"], { budgets: [{ limit: "1000000 usd", window: "day" }, { limit: "1000000 usd", window: "run" }] }),
      key("other", ["stripe-main"]),
    ],
  });
}

before(async () => {
  [stripe, openai] = [await startStripe(), await startOpenai()];
  gate = await startGate(base());
});

test("the API wants its token", async () => {
  for (const token of [null, "wrong-token-0123456789", `${adminToken}x`, tokenOf("agent")]) {
    const { status } = await gate.ask("GET", "/api/v1/keys", undefined, token);
    assert.equal(status, 401, String(token));
  }
  assert.equal((await gate.ask("GET", "/healthz", undefined, null)).status, 200);
  assert.equal((await gate.ask("GET", "/readyz", undefined, null)).status, 200);
});

test("the API describes itself, and every listed route answers", async () => {
  const document = (await gate.ask("GET", "/api/v1/openapi.json")).body;
  assert.match(document.openapi, /^3\.1/);
  for (const path of ["/api/v1/keys", "/api/v1/calls", "/api/v1/runs", "/api/v1/stop", "/api/v1/usage", "/api/v1/events"]) {
    assert.ok(document.paths[path], path);
  }
  const metrics = (await gate.ask("GET", "/metrics")).body;
  assert.match(metrics, /^tollgate_calls_total \d+$/m);
});

test("a key: made, shown once, used, revoked", async () => {
  const made = await gate.post("/keys", { name: "fresh", policy: "all", credentials: ["stripe-main"], budgets: [{ limit: "5 usd", window: "day" }] });
  assert.match(made.token, /^tg_[0-9A-Za-z]{38}$/);
  const shown = await gate.get("/keys/fresh");
  assert.notEqual(shown.token, made.token);
  assert.ok(!JSON.stringify(await gate.get("/keys")).includes(made.token));
  assert.equal((await charge(made.token)).status, 200);
  assert.equal((await charge(made.token, { amount: 500 })).status, 403, "its own budget holds");
  const revoked = await gate.post(`/keys/${made.id}/revoke`);
  assert.ok(revoked.revoked_at);
  const count = stripe.count;
  const after = await charge(made.token);
  assert.equal(after.status, 401);
  assert.equal(after.headers.get("x-tollgate-denied"), "key_revoked");
  assert.equal(stripe.count, count);
  const damaged = await charge(made.token.slice(0, -1) + (made.token.endsWith("0") ? "1" : "0"));
  assert.equal(damaged.headers.get("x-tollgate-denied"), "key_unknown");
  assert.match(await damaged.text(), /checksum/);
});

test("a key rotated: both tokens work during the overlap, then only the new one", async () => {
  const made = await gate.post("/keys", { name: "turning", policy: "all", credentials: ["stripe-main"] });
  const turned = await gate.post("/keys/turning/rotate", { overlap: "1500ms" });
  assert.notEqual(turned.token, made.token);
  assert.equal((await charge(made.token)).status, 200, "the old one during the overlap");
  assert.equal((await charge(turned.token)).status, 200);
  await sleep(1700);
  assert.equal((await charge(made.token)).status, 401, "the old one after it");
  assert.equal((await charge(turned.token)).status, 200);
});

test("a key changed: the next call sees the policy", async () => {
  const made = await gate.post("/keys", { name: "changing", policy: "all", credentials: ["stripe-main"] });
  assert.equal((await charge(made.token)).status, 200);
  const { status } = await gate.ask("PATCH", "/api/v1/keys/changing", { policy: "narrow" });
  assert.equal(status, 200);
  assert.equal((await charge(made.token)).status, 403);
  assert.equal((await gate.ask("PATCH", "/api/v1/keys/changing", { policy: "nobody" })).status, 422);
  assert.equal((await gate.ask("DELETE", "/api/v1/keys/changing")).status, 204);
  assert.equal((await charge(made.token)).status, 401);
});

test("keys made by the API outlive a restart", async () => {
  const other = await startGate(base());
  const made = await other.post("/keys", { name: "lasting", policy: "all", credentials: ["stripe-main"], budgets: [{ limit: "2 usd", window: "day" }] });
  assert.equal((await charge(made.token, { of: other })).status, 200);
  await other.restart();
  assert.equal((await charge(made.token, { of: other })).status, 200);
  assert.equal((await charge(made.token, { of: other })).status, 403, "what was spent before counts");
});

/** Stops in force, without those that hold revoked keys. */
const stops = async () => (await gate.get("/stops")).data.filter((stop) => stop.code === "stopped");

async function load(make) {
  const going = { on: true, results: [] };
  going.done = Promise.all(Array.from({ length: 8 }, async () => {
    while (going.on) going.results.push(await make());
  }));
  going.end = async () => {
    going.on = false;
    await going.done;
    return going.results;
  };
  return going;
}

for (const [what, subject] of [["a run", { run: "run_stopped" }], ["a key", { key: "agent" }], ["a vendor", { vendor: "stripe" }], ["all", { all: true }]]) {
  test(`stop ${what} under load: nothing is forwarded after it returned`, async () => {
    const going = await load(async () => {
      const answer = await charge(tokenOf("agent"), { run: "run_stopped" });
      await answer.arrayBuffer();
      return { status: answer.status, denied: answer.headers.get("x-tollgate-denied") };
    });
    await until(() => going.results.filter((result) => result.status === 200).length >= 20, "calls that go through");
    await gate.post("/stop", { ...subject, reason: "test" });
    await caughtUp();
    const returned = performance.timeOrigin + performance.now();
    await sleep(500);
    await until(() => going.results.some((result) => result.denied === "stopped"), "calls that are refused");
    const results = await going.end();
    const late = stripe.calls.filter((call) => call.at > returned);
    assert.equal(late.length, 0, `${late.length} calls reached Stripe after the stop had returned`);
    assert.ok(results.some((result) => result.status === 200));
    assert.ok(results.some((result) => result.denied === "stopped" && result.status === 403));
    const [stop] = await stops();
    assert.equal(stop.forwarded_since, 0);
    assert.ok(stop.refused_since > 0);
    await gate.post("/resume", subject);
    assert.equal((await charge(tokenOf("agent"), { run: "run_stopped" })).status, 200);
    assert.equal((await stops()).length, 0);
  });
}

test("a stop cuts a stream under way; drain lets it end", async () => {
  openai.play = { pause: 100, text: Array.from({ length: 20 }, (_, i) => ` w${i}`) };
  try {
    for (const mode of ["cut", "drain"]) {
      const run = newRun();
      const answer = await chat(tokenOf("agent"), { stream: true }, { run });
      const reader = answer.body.getReader();
      await reader.read();
      const outcome = await gate.post("/stop", { run, mode });
      let text = "";
      for (;;) {
        const { done, value } = await reader.read().catch(() => ({ done: true }));
        if (done) break;
        text += Buffer.from(value).toString();
      }
      assert.equal(text.includes("[DONE]"), mode === "drain", mode);
      assert.equal(outcome[mode === "cut" ? "cut" : "in_flight"], 1);
      const row = await until(async () => (await gate.calls({ run }))[0], "the row");
      if (mode === "cut") {
        assert.equal(row.denied, "stopped");
        assert.match(text, /stopped/, "the stream says why");
        assert.ok(nanos(row.cost_usd) > 0n);
        await until(() => openai.last().closed, "the end at the vendor", { timeout: 500 });
      } else {
        assert.equal(row.verdict, "allowed");
      }
      await gate.post("/resume", { run });
    }
  } finally {
    openai.play = {};
  }
});

test("a stop refuses whatever else is wrong with a call, and counts it", async () => {
  const other = await startGate(base());
  await other.post("/stop", { key: "agent", reason: "now" });
  const headers = { authorization: `Bearer ${tokenOf("agent")}`, "x-tollgate-metadata": JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`name${i}`, "x"]))) };
  const { status, headers: said } = await fetch(`${other.url}/stripe/v1/balance`, { headers });
  assert.deepEqual([status, said.get("x-tollgate-denied")], [403, "stopped"]);
  const { data } = await other.get("/stops");
  assert.equal(data[0].refused_since, 1);
});

test("a stop outlives a restart, and ends by itself when it says so", async () => {
  const other = await startGate(base());
  await other.post("/stop", { key: "agent", reason: "lasting" });
  await other.restart();
  assert.equal((await charge(tokenOf("agent"), { of: other })).status, 403);
  await other.post("/resume", { key: "agent" });
  await other.post("/stop", { all: true, expires_at: new Date(Date.now() + 1500).toISOString() });
  assert.equal((await charge(tokenOf("agent"), { of: other })).status, 403);
  await sleep(1700);
  assert.equal((await charge(tokenOf("agent"), { of: other })).status, 200);
});

test("what does not exist cannot be stopped", async () => {
  for (const subject of [{ key: "nobody" }, { vendor: "nobody" }, {}, { key: "agent", run: "x" }, { all: false }, { run: "a b" }]) {
    const { status } = await gate.ask("POST", "/api/v1/stop", subject);
    assert.ok(status === 404 || status === 422 || status === 400, JSON.stringify(subject));
  }
  assert.equal((await stops()).length, 0);
});

test("a run's bill: tokens and charges in one sum", async () => {
  const run = newRun();
  openai.play = { usage: { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 } };
  await (await charge(tokenOf("agent"), { run, amount: 1250 })).text();
  await (await chat(tokenOf("agent"), {}, { run })).text();
  await (await chat(tokenOf("agent"), { stream: true }, { run })).text();
  openai.play = {};
  const bill = await gate.get(`/runs/${run}`);
  const tokens = 2n * (1000n * 150n + 500n * 600n);
  assert.equal(nanos(bill.total_usd), 12_500_000_000n + tokens);
  assert.equal(bill.calls, 3);
  const by = Object.fromEntries(bill.by_vendor.map((part) => [part.vendor, nanos(part.cost_usd)]));
  assert.deepEqual(by, { stripe: 12_500_000_000n, openai: tokens });
  for (const part of ["by_vendor", "by_operation", "by_model", "by_step", "by_key"]) {
    assert.equal(bill[part].reduce((sum, row) => sum + nanos(row.cost_usd), 0n), nanos(bill.total_usd), part);
  }
  const listed = (await gate.get("/runs")).data.find((row) => row.run === run);
  assert.equal(nanos(listed.total_usd), nanos(bill.total_usd));
});

test("one budget holds tokens and charges together", async () => {
  const other = await startGate(config({ stripe: stripe.url, openai: openai.url }, {
    keys: [key("joint", ["stripe-main", "openai-main"], { budgets: [{ limit: "1 usd", window: "run" }] })],
  }));
  const run = newRun();
  assert.equal((await charge(tokenOf("joint"), { run, amount: 100, of: other })).status, 200);
  assert.equal((await chat(tokenOf("joint"), {}, { run, of: other })).status, 402, "the charge used it up");
  assert.equal((await chat(tokenOf("joint"), {}, { run: newRun(), of: other })).status, 200);
});

test("calls: filters and pages", async () => {
  const run = newRun();
  for (let i = 0; i < 5; i++) await (await charge(tokenOf("other"), { run })).text();
  await (await charge("no-such-key-0123456789", { run })).text();
  assert.equal((await gate.calls({ run })).length, 6);
  assert.equal((await gate.calls({ run, key: "other" })).length, 5);
  assert.equal((await gate.calls({ run, denied: "key_unknown" })).length, 1);
  assert.equal((await gate.calls({ run, verdict: "allowed" })).length, 5);
  assert.equal((await gate.calls({ run, vendor: "openai" })).length, 0);
  assert.equal((await gate.calls({ run, operation: "stripe.charges.create" })).length >= 5, true);
  assert.equal((await gate.calls({ run, to: "2020-01-01T00:00:00Z" })).length, 0);
  const seen = [];
  let cursor;
  do {
    const page = await gate.get(`/calls?run=${run}&limit=2${cursor ? `&cursor=${cursor}` : ""}`);
    assert.ok(page.data.length <= 2);
    seen.push(...page.data.map((row) => row.id));
    cursor = page.next_cursor;
  } while (cursor);
  assert.equal(new Set(seen).size, 6);
  assert.deepEqual(seen, [...seen].sort().reverse(), "newest first");
  const one = await gate.get(`/calls/${seen[0]}`);
  assert.equal(one.id, seen[0]);
  assert.match(one.hash, /^[0-9a-f]{64}$/);
  assert.equal((await gate.ask("GET", "/api/v1/calls?limit=0")).status >= 400, true);
  assert.equal((await gate.ask("GET", "/api/v1/calls?nonsense=1")).status >= 400, true);
  assert.equal((await gate.ask("GET", "/api/v1/calls/call_0000000000000")).status, 404);
});

test("rows by all dimensions sum to the same total", async () => {
  const totals = new Set();
  for (const by of ["key", "vendor", "operation", "model", "run", "workspace"]) {
    const usage = await gate.get(`/usage?by=${by}`);
    totals.add(usage.data.reduce((sum, row) => sum + nanos(row.cost_usd), 0n));
  }
  const rows = await gate.calls();
  totals.add(rows.reduce((sum, row) => sum + (row.cost_usd === null ? 0n : nanos(row.cost_usd)), 0n));
  assert.equal(totals.size, 1, [...totals].join(" "));
});

test("events: a call is told as it ends", async () => {
  const abort = new AbortController();
  const stream = await fetch(`http://${gate.adminAddress}/api/v1/events`, { headers: { authorization: `Bearer ${adminToken}` }, signal: abort.signal });
  assert.match(stream.headers.get("content-type"), /^text\/event-stream/);
  const run = newRun();
  const reader = stream.body.getReader();
  await (await charge(tokenOf("other"), { run })).text();
  let text = "";
  while (!text.includes(run)) text += Buffer.from((await reader.read()).value).toString();
  abort.abort();
  assert.match(text, /event: call/);
});

test("budgets are listed with what is spent and left", async () => {
  const { data } = await gate.get("/budgets");
  assert.ok(data.length >= 2);
  assert.match(JSON.stringify(data), /"spent/);
});

test("SIGHUP: a good file is taken, a bad one is refused and the running one stays", async () => {
  const other = await startGate(base());
  const next = base();
  next.keys.push(key("later", ["stripe-main"]));
  other.writeConfig({ listen: other.data, admin: { listen: other.adminAddress, token: adminToken }, ...next });
  assert.equal((await charge(tokenOf("later"), { of: other })).status, 401);
  other.signal("SIGHUP");
  await until(async () => (await charge(tokenOf("later"), { of: other })).status === 200, "the new key");
  other.writeConfig('listen: 127.0.0.1:0\nkeys:\n  - name: broken\n    policy: nowhere\n');
  other.signal("SIGHUP");
  await until(() => /nowhere/.test(other.log), "the complaint in the log");
  assert.match(other.log, /tollgate\.yaml:4/);
  assert.equal((await charge(tokenOf("later"), { of: other })).status, 200);
  other.writeConfig("\n");
  other.signal("SIGHUP");
  await until(() => /the file is empty/.test(other.log), "the complaint about the empty file");
  assert.equal((await charge(tokenOf("later"), { of: other })).status, 200);
  fs.rmSync(other.file);
  other.signal("SIGHUP");
  await sleep(200);
  assert.equal((await charge(tokenOf("later"), { of: other })).status, 200);
  const { status, body } = await other.ask("POST", "/api/v1/reload", {});
  assert.ok(status >= 400, JSON.stringify(body));
});

test("a reload under load loses no call", async () => {
  const other = await startGate(base());
  const next = { listen: other.data, admin: { listen: other.adminAddress, token: adminToken }, workers: 2, ...base() };
  const going = await load(async () => {
    const answer = await charge(tokenOf("other"), { of: other });
    await answer.arrayBuffer();
    return answer.status;
  });
  for (let i = 0; i < 5; i++) {
    await sleep(60);
    next.policies[`p${i}`] = { allow: ["stripe.*"] };
    other.writeConfig(next);
    other.signal("SIGHUP");
  }
  const results = await going.end();
  assert.deepEqual([...new Set(results)], [200]);
  assert.equal((await other.get("/policies")).data.length, 2 + 5);
});

test("SIGTERM drains: the stream under way ends whole, new calls are refused, exit code 0", async () => {
  openai.play = { pause: 100, text: Array.from({ length: 8 }, (_, i) => ` w${i}`) };
  const other = await startGate(base());
  const answer = await chat(tokenOf("agent"), { stream: true }, { of: other });
  const reader = answer.body.getReader();
  let text = Buffer.from((await reader.read()).value).toString();
  const ended = other.stop();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += Buffer.from(value).toString();
  }
  openai.play = {};
  assert.match(text, /\[DONE\]/);
  assert.equal((await ended).code, 0, other.log);
});

const files = [
  ["an unknown field", "listen: 127.0.0.1:0\nnonsense: 1\n", /tollgate\.yaml:2.*nonsense/],
  ["no YAML", "listen: [127.0.0.1:0\n", /tollgate\.yaml:\d/],
  ["an unknown policy", "keys:\n  - name: a\n    policy: b\n", /tollgate\.yaml:3: keys\[0\]\.policy/],
  ["a bad budget", 'policies: { p: { allow: ["*"] } }\nkeys:\n  - name: a\n    policy: p\n    budgets:\n      - { limit: 10 euros, window: day }\n', /tollgate\.yaml:6: keys\[0\]\.budgets\[0\]\.limit.*10 euros/],
  ["a bad window", 'policies: { p: { allow: ["*"] } }\nkeys:\n  - name: a\n    policy: p\n    budgets:\n      - limit: 10 usd\n        window: fortnight\n', /tollgate\.yaml:7: .*window.*fortnight.*day/],
  ["a secret from an unset variable", "credentials:\n  c:\n    vendor: stripe\n    secret: ${NOT_SET_ANYWHERE}\n", /tollgate\.yaml:4: .*secret.*NOT_SET_ANYWHERE/],
  ["the same key twice", 'policies: { p: { allow: ["*"] } }\nkeys:\n  - { name: a, policy: p }\n  - { name: a, policy: p }\n', /tollgate\.yaml:4/],
  ["the same field twice", "listen: 127.0.0.1:0\nlisten: 127.0.0.1:1\n", /tollgate\.yaml:2/],
  ["a bad address", "listen: here\n", /tollgate\.yaml:1: listen.*here/],
  ["a bad limit", "limits:\n  body_bytes: 1\n", /tollgate\.yaml:2: limits\.body_bytes/],
];

for (const [what, text, message] of files) {
  test(`a configuration with ${what} names file, line and field, and exits 4`, async () => {
    const { code, err, out } = await check(text);
    assert.equal(code, 4, err + out);
    assert.match(err, message);
    assert.match(err, /allowed|expected|is not set|twice|duplicate/i);
  });
}

test("a port that is taken is said at start-up", async () => {
  const port = await freePort();
  const first = await startGate({ ...base(), listen: `127.0.0.1:${port}` });
  await assert.rejects(startGate({ ...base(), listen: `127.0.0.1:${port}` }), new RegExp(String(port)));
  assert.equal((await charge(tokenOf("other"), { of: first })).status, 200);
});
