// SPDX-License-Identifier: Apache-2.0
// Four ways of finding the vendor, three of naming the run.
import http from "node:http";
import { before } from "node:test";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { startAnthropic, startOpenai } from "./lib/llm.js";
import { startStripe } from "./lib/mocks.js";
import { freePort } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, stripe, openai, anthropic, own, stripePort;

/** A request as it is written, with any Host. */
export function ask(port, path, { method = "GET", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (res) => {
      const parts = [];
      res.on("data", (bytes) => parts.push(bytes));
      res.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: res.statusCode, headers: res.headers, text, json: () => JSON.parse(text) });
      });
    });
    req.on("error", reject);
    req.end(body);
  });
}

const bearer = (name, more = {}) => ({ authorization: `Bearer ${tokenOf(name)}`, ...more });

before(async () => {
  [stripe, openai, anthropic] = [await startStripe(), await startOpenai(), await startAnthropic()];
  own = await startScripted((call, res) => answerJson(res, 200, { ok: true }));
  stripePort = await freePort();
  const built = config({ stripe: stripe.url, openai: openai.url, anthropic: anthropic.url }, {
    vendors: { stripe: { listen: `127.0.0.1:${stripePort}` } },
    keys: [
      key("stripe", ["stripe-main"]),
      key("both", ["stripe-main", "openai-main"]),
      key("models", ["openai-main", "anthropic-main"]),
      key("own", ["own-main"]),
    ],
  });
  built.vendors.mine = {
    manifest: {
      vendor: "mine", title: "Mine", base_url: own.url, key_in: ["bearer"], send: "header:x-secret", body: "json",
      deny: { body: '{"oops":"{{code}}","message":"{{message}}"}' },
      operations: { "things.list": "GET /things", "things.create": { call: "POST /things", reserve: { usd: "2" } } },
    },
  };
  built.credentials["own-main"] = { vendor: "mine", secret: "own-upstream-secret-1" };
  gate = await startGate(built);
});

test("by path", async () => {
  const answer = await ask(gate.port, "/stripe/v1/charges", { headers: bearer("both") });
  assert.equal(answer.status, 200);
  assert.equal(stripe.last().url, "/v1/charges");
});

test("by the label of Host", async () => {
  for (const host of ["stripe.gate.example", "stripe.gate.example:8080", "stripe.localhost"]) {
    const answer = await ask(gate.port, "/v1/charges?limit=3", { headers: bearer("both", { host }) });
    assert.equal(answer.status, 200, host);
    assert.equal(stripe.last().url, "/v1/charges?limit=3");
    assert.equal(stripe.last().headers.host, `127.0.0.1:${stripe.port}`, "the caller's Host stays here");
  }
});

test("by the port", async () => {
  const answer = await ask(stripePort, "/v1/charges", { headers: bearer("both") });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["x-tollgate-vendor"], "stripe");
  const other = await ask(stripePort, "/openai/v1/models", { headers: bearer("both") });
  assert.equal(other.status, 403, "a vendor's port leads to that vendor only");
  assert.ok(other.json().error.code);
});

test("by the one vendor a key is bound to", async () => {
  assert.equal((await ask(gate.port, "/v1/charges", { headers: bearer("stripe") })).status, 200);
});

test("by the path that only one of the key's vendors has", async () => {
  assert.equal((await ask(gate.port, "/v1/charges", { headers: bearer("both") })).headers["x-tollgate-vendor"], "stripe");
  assert.equal((await ask(gate.port, "/v1/vector_stores", { headers: bearer("both") })).headers["x-tollgate-vendor"], "openai");
});

test("a bare path of two vendors of a key: both speak differently, so it is refused", async () => {
  const answer = await ask(gate.port, "/v1/files", { headers: bearer("models") });
  assert.equal(answer.status, 400);
  assert.equal(answer.headers["x-tollgate-denied"], "not_canonical");
});

test("a key without a credential for the vendor is refused", async () => {
  const answer = await ask(gate.port, "/openai/v1/models", { headers: bearer("stripe") });
  assert.equal(answer.status, 403);
  assert.equal(answer.headers["x-tollgate-denied"], "operation_denied");
});

test("an unknown vendor and an unknown operation are refused", async () => {
  for (const path of ["/nobody/v1/things", "/stripe/v1/unheard_of", "/", "/stripe", "/stripe/"]) {
    const answer = await ask(gate.port, path, { headers: bearer("both") });
    assert.ok([400, 403, 404].includes(answer.status), `${path}: ${answer.status}`);
    assert.ok(answer.headers["x-tollgate-denied"], path);
  }
});

test("a vendor of one's own, written into the configuration", async () => {
  const answer = await ask(gate.port, "/mine/things", { headers: bearer("own") });
  assert.equal(answer.status, 200);
  assert.equal(own.last().headers["x-secret"], "own-upstream-secret-1");
  const denied = await ask(gate.port, "/mine/nothing", { headers: bearer("own") });
  assert.equal(denied.json().oops, "operation_denied");
});

test("the run id by header, by path and as a suffix of the key; it is never forwarded", async () => {
  const runs = [newRun(), newRun(), newRun()];
  await ask(gate.port, "/stripe/v1/charges", { headers: bearer("stripe", { "x-agent-run-id": runs[0] }) });
  await ask(gate.port, `/r/${runs[1]}/stripe/v1/charges`, { headers: bearer("stripe") });
  await ask(gate.port, "/stripe/v1/charges", { headers: { authorization: `Bearer ${tokenOf("stripe")}.${runs[2]}` } });
  await ask(gate.port, `/r/${runs[1]}/v1/charges`, { headers: bearer("stripe") });
  for (const run of runs) {
    const rows = await gate.calls({ run });
    assert.equal(rows.length, run === runs[1] ? 2 : 1, run);
    assert.ok(rows.every((row) => row.status === 200 && row.run === run));
  }
  for (const call of stripe.calls) {
    const all = `${call.url} ${JSON.stringify(call.rawHeaders)}`;
    assert.ok(runs.every((run) => !all.includes(run)), all);
  }
});

test("run ids that differ, or are none, are refused", async () => {
  const count = stripe.count;
  const differ = await ask(gate.port, "/r/run_a/stripe/v1/charges", { headers: bearer("stripe", { "x-agent-run-id": "run_b" }) });
  assert.equal(differ.status, 400);
  for (const run of ["a b", "x".repeat(129), "<script>"]) {
    const answer = await ask(gate.port, "/stripe/v1/charges", { headers: bearer("stripe", { "x-agent-run-id": run }) });
    assert.equal(answer.status, 400, run);
    assert.equal(answer.headers["x-tollgate-denied"], "bad_request");
  }
  assert.equal(stripe.count, count);
});

test("steps and metadata land in the row", async () => {
  const run = newRun();
  await ask(gate.port, "/stripe/v1/charges", {
    headers: bearer("stripe", { "x-agent-run-id": run, "x-agent-step": "refund", "x-tollgate-metadata": '{"team":"blue","n":1}' }),
  });
  const [row] = await gate.calls({ run });
  assert.equal(row.step, "refund");
  assert.deepEqual(row.metadata, { team: "blue", n: 1 });
  const sent = stripe.last();
  assert.equal(sent.headers["x-agent-step"], undefined);
  assert.equal(sent.headers["x-tollgate-metadata"], undefined);
});

test("headers go up by an allowlist", async () => {
  await ask(gate.port, "/stripe/v1/charges", {
    headers: bearer("stripe", {
      "stripe-version": "2024-06-20", cookie: "a=b", forwarded: "for=1.2.3.4", "x-forwarded-for": "1.2.3.4", "x-real-ip": "1.2.3.4",
      "x-http-method-override": "POST", "x-original-url": "/v1/payouts", "x-rewrite-url": "/v1/payouts", via: "1.1 me", te: "trailers",
      "x-anything": "1", "proxy-authorization": "Basic x", origin: "http://x", referer: "http://x",
    }),
  });
  const { headers } = stripe.last();
  assert.equal(headers["stripe-version"], "2024-06-20");
  for (const name of ["cookie", "forwarded", "x-forwarded-for", "x-real-ip", "x-http-method-override", "x-original-url", "x-rewrite-url", "via", "te", "x-anything", "proxy-authorization", "origin", "referer"]) {
    assert.equal(headers[name], undefined, name);
  }
  assert.equal(headers.authorization, `Bearer ${secrets.stripe}`);
});
