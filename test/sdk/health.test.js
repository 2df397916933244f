// SPDX-License-Identifier: Apache-2.0
// How targets are doing: active probes, refused credentials, alerts, the API and the command line (docs/health.md).
import { before } from "node:test";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { check, startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { until } from "./lib/process.js";
import { startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

let gate, openai, anthropic, hook;

const denied = { status: 401, error: { error: { message: "Incorrect API key provided", type: "invalid_request_error", code: "invalid_api_key" } } };
const refused = async (of = gate) => (await of.get("/health")).refused;
const alerts = () => hook.calls.filter((call) => call.text).map((call) => JSON.parse(call.text));

before(async () => {
  openai = await startOpenai();
  anthropic = await startAnthropic();
  anthropic.play = denied;
  hook = await startScripted((call, res) => res.writeHead(204, { "content-length": 0 }).end());
  gate = await startGate(
    config({ openai: openai.url, anthropic: anthropic.url }, {
      vendors: {
        openai: { probe: { path: "/v1/models", interval: "1s", timeout: "500ms" } },
        anthropic: { probe: { path: "/v1/models?limit=1", interval: "24h" } },
      },
      keys: [key("agent", ["openai-main", "anthropic-main"], { budgets: [{ limit: "10 requests", window: "day" }] })],
      alerts: [{ name: "ops", webhook: hook.url, secret: "whsec-of-the-tests-0001", events: ["credential"] }],
    }),
  );
}, { timeout: 60_000 });

describe("active probes", () => {
  test("ask with the credential, again and again, and are no calls", async () => {
    await until(() => openai.count >= 2, "two probes", { timeout: 10_000 });
    const [probe] = openai.calls;
    assert.equal(probe.method, "GET");
    assert.equal(probe.url, "/v1/models");
    assert.equal(probe.headers.authorization, `Bearer ${secrets.openai}`);
    assert.equal(probe.text, "");
    const [other] = await until(() => anthropic.count && anthropic.calls, "the other vendor's");
    assert.equal(other.url, "/v1/models?limit=1");
    assert.equal(other.headers["x-api-key"], secrets.anthropic);
    assert.deepEqual(await gate.calls(), []);
    const [budget] = (await gate.get("/budgets")).data;
    assert.equal(budget.accounts?.length ?? 0, 0, JSON.stringify(budget));
  });

  test("what an operator stopped is not asked", async () => {
    await gate.post("/stop", { vendor: "openai" });
    const count = openai.count;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.ok(openai.count <= count + 1, `${count} then ${openai.count}: one may have been on its way`);
    await gate.post("/resume", { vendor: "openai" });
    const then = openai.count;
    await until(() => openai.count > then, "it goes on", { timeout: 5000 });
  });

  const vendors = (probe, vendor = "openai") => JSON.stringify(config({ [vendor]: "http://127.0.0.1:9" }, { vendors: { [vendor]: { probe } }, keys: [] }));
  for (const [what, text, said] of [
    ["no path", vendors({ interval: "30s" }), /probe\.path.* is required/],
    ["a path that no operation has", vendors({ path: "/v1/nothing/here/at/all" }), /probe\.path.*found "\/v1\/nothing/],
    ["an operation that is no GET", vendors({ path: "/v1/audio/speech" }), /probe\.path/],
    ["no path at all", vendors({ path: "v1/models/../x" }), /probe\.path/],
    ["too often", vendors({ path: "/v1/models", interval: "10ms" }), /probe\.interval.*1s to 24h/],
    ["a timeout too long", vendors({ path: "/v1/models", timeout: "5m" }), /probe\.timeout.*10ms to 60s/],
    ["a field it does not have", vendors({ path: "/v1/models", method: "POST" }), /method/],
  ]) {
    test(`refused: ${what}`, async () => {
      const { code, err } = await check(text);
      assert.equal(code, 4, err);
      assert.match(err, said);
    });
  }
});

describe("a refused credential", () => {
  test("is told, shown, and forgiven by hand, which is in the audit log", async () => {
    const found = await until(async () => (await refused()).find((c) => c.vendor === "anthropic"), "the refusal", { timeout: 10_000 });
    assert.equal(found.credential, "anthropic-main");
    assert.equal(found.status, 401);
    assert.match(found.since, /^\d{4}-\d\d-\d\dT/);
    const alert = await until(() => alerts().find((a) => a.event === "credential"), "the alert", { timeout: 10_000 });
    assert.equal(alert.vendor, "anthropic");
    assert.equal(alert.credential, "anthropic-main");
    assert.equal(alert.status, 401);
    assert.match(alert.text, /tollgate health reset anthropic\/anthropic-main/);

    const table = await gate.cli("health");
    assert.equal(table.code, 0, table.err);
    assert.match(table.out, /anthropic\/anthropic-main +401/);
    assert.equal((await refused()).length, 1);
    assert.deepEqual((await gate.get("/health?vendor=openai")).refused, []);

    for (const wrong of ["openai/no-such", "nobody", "anthropic/anthropic-main/no-such-model"]) {
      const { code, err } = await gate.cli("health", "reset", wrong);
      assert.equal(code, 1, wrong);
      assert.match(err, /there is no target or refused credential/);
    }
    const { code, out, err } = await gate.cli("health", "reset", "anthropic/anthropic-main", "--reason", "a new secret is there");
    assert.equal(code, 0, err);
    assert.match(out, /anthropic\/anthropic-main is reset/);
    assert.deepEqual(await refused(), []);
    const [{ data: row }] = (await gate.get("/audit?kind=change&limit=1")).data;
    assert.equal(row.action, "health.reset");
    assert.equal(row.object, "anthropic/anthropic-main");
    assert.equal(row.reason, "a new secret is there");
  });

  test("is forgiven when a probe goes well again", async () => {
    openai.play = denied;
    await until(async () => (await refused()).find((c) => c.vendor === "openai"), "the refusal", { timeout: 10_000 });
    openai.play = {};
    await until(async () => !(await refused()).length, "its end", { timeout: 10_000 });
  });
});

describe("the API", () => {
  test("reset wants to know what", async () => {
    for (const [body, field] of [[{}, "vendor"], [{ vendor: "openai", model: "gpt-4o" }, "credential"], [{ vendor: "openai", what: 1 }, "what"], [{ vendor: "openai", reason: "r".repeat(600) }, "reason"]]) {
      const { status, body: problem } = await gate.ask("POST", "/api/v1/health/reset", body);
      assert.equal(status, 422, JSON.stringify(problem));
      assert.match(JSON.stringify(problem), new RegExp(field));
    }
  });

  test("needs the token, and knows its parameters", async () => {
    assert.equal((await gate.ask("GET", "/api/v1/health", undefined, "")).status, 401);
    assert.equal((await gate.ask("POST", "/api/v1/health/reset", { vendor: "openai" }, "")).status, 401);
    assert.equal((await gate.ask("GET", "/api/v1/health?model=x")).status, 400);
  });
});

describe("the command line", () => {
  test("says what it takes", async () => {
    for (const args of [["health", "reset"], ["health", "openai", "more"], ["health", "reset", "openai", "--watch"], ["health", "--reason", "x"]])
      assert.equal((await gate.cli(...args)).code, 2, args.join(" "));
    assert.deepEqual(Object.keys(JSON.parse((await gate.cli("health", "--json")).out)), ["targets", "refused"]);
  });
});

describe("live calls", () => {
  const chat = (name, body = {}, headers = {}) =>
    fetch(`${live.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hello" }], max_tokens: 10, ...body }),
    }).then(async (answer) => ({ status: answer.status, body: await answer.json() }));
  const target = async (credential, model = "gpt-4o-mini") => (await live.get("/health")).targets.find((t) => t.credential === credential && t.model === model);
  const used = () => vendor.calls.map((call) => call.headers.authorization.replace("Bearer ", ""));
  let live, vendor;

  before(async () => {
    vendor = await startOpenai();
    const credential = (secret) => ({ vendor: "openai", secret });
    live = await startGate({
      vendors: { openai: { base_url: vendor.url } },
      credentials: { "openai-a": credential("sk-account-a-0001"), "openai-b": credential("sk-account-b-0001"), "openai-c": credential("sk-account-c-0001") },
      policies: { all: { allow: ["*"] } },
      routes: { careful: { targets: [{ provider: "openai", credential: "openai-c" }], breaker: { failures: 3, cooldown: "1s" }, retry: { attempts: 0 } } },
      keys: [
        key("turns", ["openai-a", "openai-b"]),
        key("first", ["openai-a", "openai-b"], { rotate: false }),
        key("one", ["openai-c"]),
      ],
    });
  }, { timeout: 60_000 });

  test("credentials of one model vendor take turns", async () => {
    for (let i = 0; i < 40; i++) assert.equal((await chat("turns")).status, 200);
    const a = used().filter((secret) => secret === "sk-account-a-0001").length;
    assert.ok(a >= 6 && a <= 34, `${a} of 40 went with the first`);
    assert.equal(new Set(used()).size, 2);
    const shown = await target("openai-a");
    assert.equal(shown.calls, a);
    assert.equal(shown.failures, 0);
    assert.equal(shown.in_flight, 0);
    assert.equal(shown.breaker, "closed");
    assert.ok(shown.first_byte_us > 0, JSON.stringify(shown));
  });

  test("what names something of one account goes with the first, and so does all of a key that says so", async () => {
    vendor.calls.length = 0;
    for (let i = 0; i < 12; i++) await chat("first");
    for (let i = 0; i < 12; i++) await chat("turns", { messages: [{ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }] });
    for (let i = 0; i < 12; i++) await fetch(`${live.url}/openai/v1/models`, { headers: { authorization: `Bearer ${tokenOf("turns")}` } });
    assert.deepEqual(new Set(used()), new Set(["sk-account-a-0001"]));
    assert.ok(vendor.count >= 24, String(vendor.count));
  });

  test("what the vendor tells of its rate limit is shown", async () => {
    vendor.play = { headers: { "x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "60", "x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "250" } };
    // Only the scripted stream sends these.
    const answer = await fetch(`${live.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf("one")}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", stream: true, max_tokens: 10, messages: [{ role: "user", content: "hello" }] }),
    });
    await answer.text();
    vendor.play = {};
    assert.equal((await target("openai-c")).headroom_ppm, 250_000);
    assert.match((await live.cli("health")).out, /openai\/openai-c\/gpt-4o-mini +closed .* 25%/);
  });

  test("a caller's own 401 takes the credential from nobody, a vendor's does", async () => {
    vendor.play = denied;
    assert.equal((await chat("turns", {}, { "openai-organization": "org-of-somebody-else" })).status, 401);
    vendor.play = { status: 401, error: { error: { message: "You have insufficient permissions for this operation. Missing scopes: model.request" } } };
    assert.equal((await chat("turns")).status, 401);
    assert.deepEqual(await refused(live), []);
    vendor.play = denied;
    assert.equal((await chat("turns")).status, 401);
    const [first] = await until(async () => { const list = await refused(live); return list.length && list; }, "the refusal");
    vendor.play = {};
    vendor.calls.length = 0;
    for (let i = 0; i < 10; i++) assert.equal((await chat("turns")).status, 200);
    assert.equal(new Set(used()).size, 1);
    assert.ok(!used().includes(first.credential === "openai-a" ? "sk-account-a-0001" : "sk-account-b-0001"));
    await live.post("/health/reset", { vendor: "openai", credential: first.credential });
    vendor.calls.length = 0;
    for (let i = 0; i < 40; i++) await chat("turns");
    assert.equal(new Set(used()).size, 2);
  });

  test("a key whose only credential is refused is told so, and the vendor is left alone", async () => {
    vendor.play = denied;
    assert.equal((await chat("one")).status, 401);
    vendor.play = {};
    vendor.calls.length = 0;
    const { status, body } = await chat("one");
    assert.equal(status, 403);
    assert.match(JSON.stringify(body), /refuses the credential openai-c/);
    assert.equal(vendor.count, 0);
    await live.post("/health/reset", { vendor: "openai" });
    assert.equal((await chat("one")).status, 200);
  });

  test("a breaker opens, holds calls back, lets one through, and closes", async () => {
    const routed = () => chat("one", {}, { "x-tollgate-config": "careful" });
    vendor.play = { status: 500, error: { error: { message: "the server had an error", type: "server_error" } } };
    for (let i = 0; i < 3; i++) assert.equal((await routed()).status, 500);
    const open = await target("openai-c");
    assert.equal(open.breaker, "open");
    assert.match(open.why, /3 failures in a row, the last: status 500/);
    assert.ok(Date.parse(open.until) > Date.now() - 1000);
    assert.match((await live.cli("health", "openai")).out, /openai-c\/gpt-4o-mini +open/);
    vendor.calls.length = 0;
    const held = await routed();
    assert.equal(vendor.count, 0, JSON.stringify(held));
    assert.ok(held.status >= 500, JSON.stringify(held));
    vendor.play = {};
    await until(async () => (await routed()).status === 200, "the call that is let through", { timeout: 5000 });
    assert.equal((await target("openai-c")).breaker, "closed");
  });

  test("an operator closes it by hand", async () => {
    const routed = () => chat("one", {}, { "x-tollgate-config": "careful" });
    vendor.play = { status: 503, error: { error: { message: "overloaded" } } };
    for (let i = 0; i < 3; i++) await routed();
    assert.equal((await target("openai-c")).breaker, "open");
    vendor.play = {};
    assert.equal((await live.cli("health", "reset", "openai/openai-c/gpt-4o-mini")).code, 0);
    assert.equal((await target("openai-c")).breaker, "closed");
    assert.equal((await routed()).status, 200);
  });
});
