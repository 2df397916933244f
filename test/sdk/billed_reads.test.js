// SPDX-License-Identifier: Apache-2.0
// A read that costs (a Twilio Lookup) moves money as a write does: its answer may be lost, its caller may leave, the gate may be
// killed, and the vendor bills it all the same. What nobody knows the end of stays reserved.
import net from "node:net";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { sleep, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

const lookup = "/twilio/lookups/v2/PhoneNumbers/%2B15558675310?Fields=pre_fill"; // $0.25
const free = "/twilio/lookups/v2/PhoneNumbers/%2B15558675310";
const found = { phone_number: "+15558675310", valid: true };

async function setUp(answer) {
  const upstream = await startScripted(answer);
  const gate = await startGate(config({ twilio: upstream.url }, {
    keys: [key("agent", ["twilio-main"], { budgets: [{ limit: "1 usd", window: "day" }] })],
    workers: 1, // each has a pool of its own
    idempotency: { wait: "300ms" },
  }));
  return { upstream, gate };
}

async function ask(gate, path = lookup, headers = {}) {
  const answer = await fetch(`${gate.url}${path}`, { headers: { authorization: `Bearer ${tokenOf("agent")}`, ...headers } });
  await answer.arrayBuffer();
  return { status: answer.status, denied: answer.headers.get("x-tollgate-denied") };
}

const account = async (gate) => (await gate.get("/budgets")).data[0].accounts[0];

/** A caller that leaves as soon as its request is at the vendor. */
async function askAndLeave(gate, upstream, path = lookup) {
  const count = upstream.count;
  const socket = net.connect(gate.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer ${tokenOf("agent")}\r\n\r\n`);
  await until(() => upstream.count > count, "the request at the vendor");
  socket.destroy();
}

test("a lookup whose answer is lost stays reserved, and the fifth finds the day's dollar taken", async () => {
  const { upstream, gate } = await setUp((call, res) => res.destroy());
  for (let i = 0; i < 4; i++) {
    assert.equal((await ask(gate)).status, 502);
    const row = (await gate.calls())[0];
    assert.deepEqual([row.verdict, row.reserved_usd], ["in_doubt", "0.25"]);
  }
  assert.deepEqual(await ask(gate), { status: 403, denied: "budget_exceeded" });
  assert.equal(upstream.count, 4);
  const books = await account(gate);
  assert.deepEqual([books.in_doubt_usd, books.spent_usd], ["1", "0"]);
});

test("its caller leaves: the answer is awaited and billed", async () => {
  const { upstream, gate } = await setUp(async (call, res) => {
    await sleep(200);
    answerJson(res, 200, found);
  });
  for (let i = 1; i <= 4; i++) {
    await askAndLeave(gate, upstream);
    await until(async () => (await account(gate)).spent_usd === String(i / 4), `${i / 4} dollars spent`);
  }
  assert.deepEqual(await ask(gate), { status: 403, denied: "budget_exceeded" });
  assert.equal(upstream.count, 4);
  assert.equal((await account(gate)).in_doubt_usd, "0");
});

test("a connection of the pool that dies under a lookup is not a reason to buy it twice; a free one is asked anew", async () => {
  const sockets = new Map(); // each connection serves one request and dies under the next
  const { upstream, gate } = await setUp((call, res) => {
    const served = sockets.get(res.socket) ?? 0;
    sockets.set(res.socket, served + 1);
    if (served > 0) res.socket.destroy();
    else answerJson(res, 200, found);
  });
  assert.equal((await ask(gate)).status, 200);
  assert.equal((await ask(gate)).status, 502);
  assert.equal(upstream.count, 2, "not sent again");
  let books = await account(gate);
  assert.deepEqual([books.spent_usd, books.in_doubt_usd], ["0.25", "0.25"]);
  assert.equal((await ask(gate, free)).status, 200);
  assert.equal((await ask(gate, free)).status, 200);
  assert.equal(upstream.count, 5, "a read that costs nothing was sent again");
  books = await account(gate);
  assert.deepEqual([books.spent_usd, books.in_doubt_usd], ["0.25", "0.25"]);
});

test("kill -9 with a lookup on its way keeps its hold", async () => {
  const { upstream, gate } = await setUp(() => {});
  void ask(gate).catch(() => {});
  await until(() => upstream.count === 1, "the request at the vendor");
  await gate.kill();
  await gate.start();
  const books = await account(gate);
  assert.deepEqual([books.in_doubt_usd, books.spent_usd], ["0.25", "0"]);
  assert.equal((await gate.get("/doubts")).data[0].operation, "twilio.lookups.v2.phone_numbers.retrieve");
});

test("an operator presses stop: what is on its way is awaited, not dropped", async () => {
  let release;
  const { upstream, gate } = await setUp((call, res) => { release = () => answerJson(res, 200, found); });
  const asked = ask(gate);
  await until(() => upstream.count === 1, "the request at the vendor");
  const { cut, in_flight } = await gate.post("/stop", { all: true });
  assert.deepEqual([cut, in_flight], [0, 1]);
  release();
  assert.equal((await asked).status, 200);
  assert.equal((await account(gate)).spent_usd, "0.25");
});

test("a stop of writes is there to stop spending: a billed read is refused under it, a free one passes", async () => {
  const { upstream, gate } = await setUp((call, res) => answerJson(res, 200, found));
  await gate.post("/stop", { vendor: "twilio", writes_only: true, reason: "the month is paid" });
  assert.deepEqual(await ask(gate), { status: 403, denied: "stopped" });
  assert.deepEqual(await ask(gate, free), { status: 200, denied: null });
  assert.equal(upstream.count, 1);
  assert.deepEqual((await account(gate)).spent_usd, "0");
  const explained = await gate.post("/explain", { key: "agent", method: "GET", url: lookup });
  assert.deepEqual([explained.verdict, explained.code], ["denied", "stopped"]);
  assert.equal((await gate.get("/stops")).data[0].refused_since, 1, "an explanation is no call");
  await gate.post("/resume", { vendor: "twilio" });
  assert.equal((await ask(gate)).status, 200);
});

test("asked again under its caller's key it is answered from the book and paid for once; without one it is paid for anew", async () => {
  let found = 0;
  const { upstream, gate } = await setUp((call, res) => answerJson(res, 200, { valid: true, serial: ++found }));
  const read = async (headers, path = lookup) => {
    const answer = await fetch(`${gate.url}${path}`, { headers: { authorization: `Bearer ${tokenOf("agent")}`, ...headers } });
    return [answer.status, answer.headers.get("idempotent-replayed"), (await answer.json()).serial];
  };
  const once = { "idempotency-key": "lookup-of-ann" };
  assert.deepEqual(await read(once), [200, null, 1]);
  assert.deepEqual(await read(once), [200, "true", 1]);
  assert.equal(upstream.count, 1);
  assert.equal(upstream.calls[0].headers["idempotency-key"], undefined, "the key is ours");
  assert.equal((await account(gate)).spent_usd, "0.25");
  assert.equal((await gate.calls())[0].repeat_of, (await gate.calls())[1].id);
  assert.deepEqual(await ask(gate, lookup.replace("310", "311"), once), { status: 409, denied: "idempotency_conflict" });
  const step = { "x-agent-run-id": "r1", "x-agent-step": "check" };
  assert.deepEqual([await read(step), await read(step)], [[200, null, 2], [200, null, 3]], "what has changed is seen");
  assert.equal((await account(gate)).spent_usd, "0.75");
  const freely = { "idempotency-key": "free" };
  assert.deepEqual([await read(freely, free), await read(freely, free)], [[200, null, 4], [200, null, 5]]);
});

test("whose answer was lost under a key is not bought again under it", async () => {
  const { upstream, gate } = await setUp((call, res) => res.destroy());
  const once = { "idempotency-key": "lost" };
  assert.equal((await ask(gate, lookup, once)).status, 502);
  assert.deepEqual(await ask(gate, lookup, once), { status: 409, denied: "duplicate_in_flight" });
  assert.equal(upstream.count, 1);
  assert.equal((await account(gate)).in_doubt_usd, "0.25");
});

test("a vendor that breaks down under a lookup that costs nothing leaves no doubt; under a billed one it does", async () => {
  const { gate } = await setUp((call, res) => answerJson(res, 503, { code: 20503, message: "down" }));
  assert.equal((await ask(gate, free)).status, 503);
  assert.equal((await gate.calls())[0].verdict, "allowed");
  assert.equal((await gate.get("/doubts")).data.length, 0);
  assert.equal((await ask(gate)).status, 503);
  assert.equal((await gate.get("/doubts")).data.length, 1);
  assert.equal((await account(gate)).in_doubt_usd, "0.25");
});
