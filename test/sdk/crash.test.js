// SPDX-License-Identifier: Apache-2.0
// kill -9 under load. Afterwards: the upstream saw no more than the budget, every call it saw has a row, the books go on.
import fs from "node:fs";
import path from "node:path";

import { config, key, tokenOf } from "./lib/config.js";
import { binary, cleanEnv, nanos, startGate } from "./lib/gate.js";
import { run as runProgram, sleep } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

const limit = 200; // charges of $1

async function setUp(delay = 5) {
  const upstream = await startScripted(async (call, res) => {
    await sleep(Math.random() * delay);
    call.answered = true;
    answerJson(res, 200, { id: `ch_${upstream.count}`, object: "charge", amount: 100, amount_captured: 100, currency: "usd", captured: true });
  });
  const gate = await startGate(config({ stripe: upstream.url }, {
    keys: [key("crash", ["stripe-main"], { budgets: [{ limit: `${limit} usd`, window: "total" }] })],
  }));
  return { upstream, gate };
}

/** Charges of $1 until told to stop; the statuses that callers saw. */
function load(gate, callers = 16) {
  const seen = [];
  let on = true;
  let serial = 0;
  const done = Promise.all(Array.from({ length: callers }, async () => {
    while (on) {
      const run = `crash_${process.pid}_${gate.port}_${serial++}`;
      try {
        const answer = await fetch(`${gate.url}/stripe/v1/charges`, {
          method: "POST",
          headers: { authorization: `Bearer ${tokenOf("crash")}`, "content-type": "application/x-www-form-urlencoded", "x-agent-run-id": run },
          signal: AbortSignal.timeout(10_000),
          body: `amount=100&currency=usd&source=tok_visa&metadata[run]=${run}`,
        });
        await answer.arrayBuffer();
        seen.push({ run, status: answer.status, denied: answer.headers.get("x-tollgate-denied") });
        if (answer.status !== 200) return;
      } catch (error) {
        seen.push({ run, status: 0, error: String(error) });
        return;
      }
    }
  }));
  return { seen, end: async () => { on = false; await done; }, done };
}

const runsOf = (upstream) => upstream.calls.map((call) => new URLSearchParams(call.text).get("metadata[run]"));

for (const after of [60, 150, 300]) {
  test(`kill -9 after ${after} ms of load`, { timeout: 60_000 }, async () => {
    const { upstream, gate } = await setUp(after === 150 ? 40 : 5);
    const first = load(gate);
    await sleep(after);
    await gate.kill();
    await first.done;
    await sleep(100);
    const before = upstream.count;
    await gate.start();
    const rows = await gate.calls();
    const byRun = new Map(rows.map((row) => [row.run, row]));
    for (const run of runsOf(upstream)) {
      const row = byRun.get(run);
      assert.ok(row, `the upstream saw ${run}, and there is no row`);
      assert.ok(["allowed", "in_doubt"].includes(row.verdict), row.verdict);
    }
    for (const { run, status } of first.seen) {
      if (status === 200) assert.equal(byRun.get(run)?.verdict, "allowed", "what a caller was told is not forgotten");
    }
    const held = rows.reduce((sum, row) => sum + (row.verdict === "in_doubt" ? nanos(row.reserved_usd) : nanos(row.cost_usd ?? "0")), 0n);
    assert.ok(held >= BigInt(before) * 1_000_000_000n, "the books hold at least what was spent");

    const second = load(gate);
    await second.done; // each caller ends at its first refusal
    assert.ok(upstream.count <= limit, `${upstream.count} charges of $1 against $${limit}`);
    const ends = second.seen.filter((call) => call.status !== 200);
    assert.ok(ends.every((call) => call.denied === "budget_exceeded"), JSON.stringify(ends));
    const after2 = await gate.calls();
    const doubt = after2.filter((row) => row.verdict === "in_doubt").length;
    const spent = after2.filter((row) => row.verdict === "allowed").length;
    assert.equal(spent + doubt, limit, "and used to the end: nothing is lost");
    assert.equal((await gate.stop()).code, 0);
    const proof = await runProgram(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv() });
    assert.equal(proof.code, 0, proof.err + proof.out);
  });
}

test("kill -9 three times in a row, while coming up too", { timeout: 60_000 }, async () => {
  const { upstream, gate } = await setUp();
  for (let i = 0; i < 3; i++) {
    const going = load(gate, 8);
    await sleep(40 + 30 * i);
    await gate.kill();
    await going.done;
    await gate.start();
    await gate.kill();
    await gate.start();
  }
  const byRun = new Map((await gate.calls()).map((row) => [row.run, row]));
  for (const run of runsOf(upstream)) assert.ok(byRun.has(run), run);
  const last = load(gate);
  await last.done;
  assert.ok(upstream.count <= limit);
  assert.equal((await gate.stop()).code, 0);
  const proof = await runProgram(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv() });
  assert.equal(proof.code, 0, proof.err + proof.out);
});

test("a row changed behind the gate's back is found by audit verify", async () => {
  const { gate } = await setUp();
  const going = load(gate, 4);
  await sleep(100);
  await going.end();
  await gate.stop();
  // One call is moved to another run, wherever the run stands: rows, columns, indexes.
  const run = going.seen.find((call) => call.status === 200).run;
  const other = run.replace("crash_", "crush_");
  let changed = 0;
  for (const name of fs.readdirSync(gate.dataDir)) {
    const file = path.join(gate.dataDir, name);
    const bytes = fs.readFileSync(file);
    for (let at = bytes.indexOf(run); at >= 0; at = bytes.indexOf(run, at + 1)) {
      bytes.write(other, at);
      changed++;
    }
    fs.writeFileSync(file, bytes);
  }
  assert.ok(changed > 0, `the run was found in ${fs.readdirSync(gate.dataDir)}`);
  const proof = await runProgram(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv() });
  assert.equal(proof.code, 1, proof.out + proof.err);
  assert.match(proof.out + proof.err, /call_/);
});
