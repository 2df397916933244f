// SPDX-License-Identifier: Apache-2.0
// The bad line of the doubt tests does what it says, and its till agrees with the upstreams behind it. No gate here.
import { spawn } from "node:child_process";
import http from "node:http";
import path from "node:path";

import { startBank, startFlaky } from "./lib/flaky.js";
import { root } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { assert, describe, test } from "./lib/test.js";

let serial = 0;
/** A charge of $5 or something else: { status, body, headers }; { cut } with the error's code when the connection went. */
function charge(port, { key = `k${++serial}`, form = "amount=500&currency=usd&source=tok_visa", target = "/v1/charges", agent } = {}) {
  return new Promise((resolve) => {
    const headers = { authorization: "Bearer sk_test_1", "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(form) };
    if (key) headers["idempotency-key"] = key;
    const parts = [];
    let status;
    const cut = (error) => resolve({ cut: error.code, status, part: Buffer.concat(parts).length });
    const req = http.request({ port, host: "127.0.0.1", method: "POST", path: target, headers, agent }, (res) => {
      status = res.statusCode;
      res.on("data", (bytes) => parts.push(bytes));
      res.on("error", cut);
      res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: JSON.parse(Buffer.concat(parts).toString()) }));
    });
    req.on("error", cut);
    req.end(form);
  });
}

for (const [name, start] of [["the npm mock", startStripe], ["the small bank", startBank]]) {
  describe(name, () => {
    test("a cut after the upstream has answered: money moved, and a replay tells so", async () => {
      const line = await startFlaky((await start()).port);
      line.plan({ do: "cut-after", path: "/v1/charges" });
      const lost = await charge(line.port, { key: `doubt-${name}` });
      assert.equal(lost.cut, "ECONNRESET");
      assert.equal(line.moved("charges"), 500);
      const again = await charge(line.port, { key: `doubt-${name}` });
      assert.equal(again.status, 200);
      assert.equal(again.headers["idempotent-replayed"], "true");
      assert.equal(again.body.amount, 500);
      assert.deepEqual([line.reached.length, line.count(), line.moved()], [2, 1, 500]);
    });

    test("a cut before it: nothing moved, and asking again does it once", async () => {
      const line = await startFlaky((await start()).port);
      for (const how of ["cut-early", "cut-before"]) {
        line.plan({ do: how });
        const before = line.moved();
        assert.ok((await charge(line.port, { key: `${how}-${name}` })).cut);
        assert.equal(line.moved(), before);
        const again = await charge(line.port, { key: `${how}-${name}` });
        assert.equal(again.status, 200);
        assert.equal(again.headers["idempotent-replayed"], undefined);
        assert.equal(line.moved(), before + 500);
      }
      assert.equal(line.calls.length, 4);
      assert.equal(line.reached.length, 2);
    });

    test("another body under the same key is refused and moves nothing; declined cards move nothing", async () => {
      const line = await startFlaky((await start()).port);
      await charge(line.port, { key: `same-${name}` });
      const other = await charge(line.port, { key: `same-${name}`, form: "amount=700&currency=usd&source=tok_visa" });
      assert.equal(other.status, 400);
      assert.equal(other.body.error.type, "idempotency_error");
      assert.equal((await charge(line.port, { form: "amount=900&currency=usd&source=tok_chargeDeclined" })).status, 402);
      assert.equal(line.moved(), 500);
    });

    test("refunds are counted beside charges", async () => {
      const line = await startFlaky((await start()).port);
      const { body } = await charge(line.port);
      assert.equal((await charge(line.port, { target: "/v1/refunds", form: `charge=${body.id}&amount=200` })).status, 200);
      assert.deepEqual([line.moved("charges"), line.moved("refunds"), line.moved()], [500, 200, 700]);
    });
  });
}

test("the n-th one, for some time", async () => {
  const bank = await startBank();
  const line = await startFlaky(bank.port);
  line.plan({ do: "status", status: 502, nth: 2, times: 2 });
  const seen = [];
  for (let i = 0; i < 5; i++) seen.push((await charge(line.port)).status);
  assert.deepEqual(seen, [200, 502, 502, 200, 200]);
  assert.equal(line.reached.length, 3);
  assert.equal(bank.made.length, 3);
});

test("an answer cut in the middle, an answer replaced, one that is late, one that never comes", async () => {
  const line = await startFlaky((await startBank()).port);
  line.plan({ do: "cut-mid" });
  const half = await charge(line.port);
  assert.equal(half.status, 200);
  assert.ok(half.cut && half.part > 0);
  line.plan({ do: "status-after", status: 500 });
  assert.equal((await charge(line.port)).status, 500);
  line.plan({ do: "delay-answer", ms: 120 });
  const start = performance.now();
  assert.equal((await charge(line.port)).status, 200);
  assert.ok(performance.now() - start >= 115);
  const plan = line.plan({ do: "hang", how: "end" });
  const waiting = charge(line.port);
  while (!line.held.size) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(plan.done, 1);
  line.release();
  assert.ok((await waiting).cut);
  assert.deepEqual([line.count(), line.moved()], [4, 2000]);
});

test("a connection that is kept is cut as well", async () => {
  const line = await startFlaky((await startBank()).port);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  line.plan({ do: "cut-before", nth: 2 });
  assert.equal((await charge(line.port, { agent })).status, 200);
  assert.ok((await charge(line.port, { agent })).cut);
  assert.equal((await charge(line.port, { agent })).status, 200);
  agent.destroy();
  assert.equal(line.moved(), 1000);
});

test("two at once under one key: one is carried out", async () => {
  const bank = await startBank({ ms: 50 });
  const line = await startFlaky(bank.port);
  const [first, second] = await Promise.all([charge(line.port, { key: "twice" }), charge(line.port, { key: "twice" })]);
  assert.deepEqual([first.status, second.status].sort(), [200, 409]);
  assert.equal(line.moved(), 500);
});

test("the control port, and the line by itself", async () => {
  const bank = await startBank();
  const child = spawn(process.execPath, [path.join(root, "test/sdk/lib/flaky.js"), String(bank.port)], { stdio: ["ignore", "pipe", "inherit"] });
  const said = await new Promise((resolve) => child.stdout.once("data", (bytes) => resolve(bytes.toString())));
  const [, port, control] = said.match(/^ready data=127\.0\.0\.1:(\d+) control=(\S+)\n$/);
  const command = async (method, target, body) => {
    const answer = await fetch(`http://${control}${target}`, { method, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  assert.equal((await command("POST", "/plan", { do: "cut-after", path: "/v1/charges" })).body.plans.length, 1);
  assert.ok((await charge(Number(port))).cut);
  const { body } = await command("GET", "/state");
  assert.deepEqual([body.came, body.reached, body.moved, body.by_kind.charges], [1, 1, 500, 500]);
  const wrong = await command("POST", "/plan", { do: "cut" });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body.error, /allowed: cut-early/);
  assert.match((await command("POST", "/plan", { do: "delay", mz: 1 })).body.error, /"mz"; allowed: do, path/);
  assert.equal((await command("POST", "/clear", { all: true })).body.came, 0);
  child.kill();
});
