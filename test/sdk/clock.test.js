// SPDX-License-Identifier: Apache-2.0
// The wall clock goes over midnight, over both changes of summer time and the month's end, slides, and is set back and forward:
// caps hold, windows begin at nothing, nothing has to be reset, ids rise.
import { startClock } from "./lib/clock.js";
import { config, key, tokenOf } from "./lib/config.js";
import { startBank, startFlaky } from "./lib/flaky.js";
import { binary, cleanEnv, nanos, sleep, startGate } from "./lib/gate.js";
import { run, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

const bank = await startBank();
const line = await startFlaky(bank.port);

async function start(time, budgets, more = {}) {
  const clock = startClock(time);
  const gate = await startGate(config({ stripe: line.url }, { keys: [key("k", ["stripe-main"], { budgets })], log_level: "warn", ...more }), { env: clock.env });
  return { clock, gate };
}

/** A charge of so many dollars: "ok", or why not. */
async function charge(gate, dollars, headers = {}) {
  const answer = await fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST", headers: { authorization: `Bearer ${tokenOf("k")}`, "content-type": "application/x-www-form-urlencoded", ...headers },
    body: `amount=${dollars * 100}&currency=usd&source=tok_visa`,
  });
  await answer.arrayBuffer();
  return answer.status === 200 ? "ok" : answer.headers.get("x-tollgate-denied");
}

/** The account of the one budget that a call would count on now: { spent, resets_at }; nothing was spent where there is none. */
async function account(gate, time) {
  const [budget] = (await gate.get("/budgets")).data.filter((each) => each.owner === "key:k");
  const now = budget.accounts.find((each) => each.resets_at === time);
  return { spent: now ? now.spent_usd : "0", all: budget.accounts };
}

async function spendAll(gate, dollars) {
  for (let i = 0; i < dollars; i++) assert.equal(await charge(gate, 1), "ok", `dollar ${i + 1} of ${dollars}`);
  assert.equal(await charge(gate, 1), "budget_exceeded");
}

/** Rows by id: ids rise in the order in which calls were made, and none is there twice. */
async function checkIds(gate, calls) {
  const ids = (await gate.calls()).map((row) => row.id);
  assert.equal(ids.length, calls);
  assert.equal(new Set(ids).size, calls);
}

async function finish(gate) {
  assert.ok((await gate.get("/ledger/check")).ok);
  assert.equal((await gate.stop()).code, 0);
  const proof = await run(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv() });
  assert.equal(proof.code, 0, proof.out + proof.err);
}

const day = (timezone = "Europe/Berlin") => [{ limit: "3 usd", window: "day", timezone }];

/** `windows`: each begins, has moments within, and ends: full at its first one, refused at the others, whole again in the next. */
async function walk(budget, windows) {
  const { clock, gate } = await start(windows[0].moments[0], budget);
  let calls = 0;
  for (const { moments, resets } of windows) {
    clock.set(moments[0]);
    assert.deepEqual((await account(gate, resets)).spent, "0", `at ${moments[0]} the window is whole`);
    await spendAll(gate, 3);
    calls += 4;
    for (const moment of moments.slice(1)) {
      clock.set(moment);
      assert.equal(await charge(gate, 1), "budget_exceeded", `at ${moment} it is still the same`);
      calls++;
    }
    const { spent, all } = await account(gate, resets);
    assert.equal(spent, "3", `resets_at is ${resets}: ${JSON.stringify(all)}`);
    const [row] = await gate.calls({ limit: "1" });
    assert.equal(row.budgets[0].resets_at, resets);
  }
  await checkIds(gate, calls);
  await finish(gate);
}

describe("calendar windows in Europe/Berlin", () => {
  test("a day ends at its midnight, 23:00 UTC in winter", () => walk(day(), [
    { moments: ["2026-01-14T23:00:00Z", "2026-01-15T12:00:00Z", "2026-01-15T22:59:50Z"], resets: "2026-01-15T23:00:00.000Z" },
    { moments: ["2026-01-15T23:00:00Z", "2026-01-16T22:59:50Z"], resets: "2026-01-16T23:00:00.000Z" },
  ]));

  test("the day of 23 hours: 2026-03-29", () => walk(day(), [
    { moments: ["2026-03-28T22:59:30Z"], resets: "2026-03-28T23:00:00.000Z" },
    { moments: ["2026-03-28T23:00:01Z", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T21:59:50Z"], resets: "2026-03-29T22:00:00.000Z" },
    { moments: ["2026-03-29T22:00:00Z", "2026-03-30T21:59:50Z"], resets: "2026-03-30T22:00:00.000Z" },
  ]));

  test("the day of 25 hours: 2026-10-25", () => walk(day(), [
    { moments: ["2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T22:59:50Z"], resets: "2026-10-25T23:00:00.000Z" },
    { moments: ["2026-10-25T23:00:00Z", "2026-10-26T22:59:50Z"], resets: "2026-10-26T23:00:00.000Z" },
  ]));

  test("months of 28 and 31 days, the second one with the change in it", () => walk([{ limit: "3 usd", window: "month", timezone: "Europe/Berlin" }], [
    { moments: ["2026-01-31T23:00:00Z", "2026-02-28T22:59:50Z"], resets: "2026-02-28T23:00:00.000Z" },
    { moments: ["2026-02-28T23:00:00Z", "2026-03-31T21:59:50Z"], resets: "2026-03-31T22:00:00.000Z" },
    { moments: ["2026-03-31T22:00:00Z"], resets: "2026-04-30T22:00:00.000Z" },
  ]));

  test("while the clock runs over midnight, under load: three before, three after", async () => {
    const { clock, gate } = await start("2026-01-15T22:59:58Z", day());
    const seen = { ok: 0 };
    const before = bank.made.length;
    const end = Date.now() + 4000;
    await Promise.all(Array.from({ length: 4 }, async () => {
      while (Date.now() < end) {
        if ((await charge(gate, 1)) === "ok") seen.ok++;
        await sleep(20);
      }
    }));
    assert.equal(seen.ok, 6);
    assert.equal(bank.made.length - before, 6);
    clock.set("2026-01-15T23:30:00Z");
    await finish(gate);
  });

  test("pitfall_08: a restart over midnight keeps yesterday's day full and today's whole", async () => {
    const { clock, gate } = await start("2026-01-15T22:50:00Z", day());
    await spendAll(gate, 3);
    await gate.kill();
    await gate.start();
    assert.equal(await charge(gate, 1), "budget_exceeded", "what was spent is known before the first call");
    await gate.stop();
    clock.set("2026-01-15T23:00:05Z");
    await gate.start();
    await spendAll(gate, 3);
    clock.set("2026-01-15T22:50:00Z");
    assert.equal(await charge(gate, 1), "budget_exceeded", "yesterday is full also when the clock goes back to it");
    await finish(gate);
  });
});

test("rolling 1h: full for an hour, free by its sixtieth, never a jump", async () => {
  const { clock, gate } = await start("2026-03-29T00:10:30Z", [{ limit: "3 usd", window: "rolling 1h" }]);
  assert.equal(await charge(gate, 2), "ok");
  clock.set("2026-03-29T00:40:00Z");
  assert.equal(await charge(gate, 1), "ok");
  assert.equal(await charge(gate, 1), "budget_exceeded");
  for (const moment of ["2026-03-29T01:00:00Z", "2026-03-29T01:10:20Z", "2026-03-29T01:10:55Z"]) {
    clock.set(moment);
    assert.equal(await charge(gate, 1), "budget_exceeded", moment);
  }
  clock.set("2026-03-29T01:11:01Z");
  assert.equal(await charge(gate, 2), "ok", "what was spent at 00:10 has left");
  assert.equal(await charge(gate, 1), "budget_exceeded", "what was spent at 00:40 has not");
  await gate.restart();
  assert.equal(await charge(gate, 1), "budget_exceeded");
  clock.set("2026-03-29T01:41:01Z");
  assert.equal(await charge(gate, 1), "ok");
  assert.equal(await charge(gate, 1), "budget_exceeded");
  await finish(gate);
});

describe("the clock is set", () => {
  test("back by an hour, within a day and over its beginning", async () => {
    const { clock, gate } = await start("2026-05-10T12:00:00Z", day("UTC"));
    await spendAll(gate, 3);
    clock.set("2026-05-10T11:00:00Z");
    assert.equal(await charge(gate, 1), "budget_exceeded");
    clock.set("2026-05-11T00:10:00Z");
    await spendAll(gate, 3);
    clock.set("2026-05-10T23:10:00Z");
    assert.equal(await charge(gate, 1), "budget_exceeded", "the day before is as full as it was");
    clock.set("2026-05-11T00:11:00Z");
    assert.equal(await charge(gate, 1), "budget_exceeded");
    await checkIds(gate, 11);
    await finish(gate);
  });

  test("two gates over one vendor's secret at the same moment: two charges, though their calls have one id", async () => {
    const gates = [];
    for (let i = 0; i < 2; i++) {
      const { clock, gate } = await start("2026-05-10T12:00:00Z", day("UTC"), { workers: 1 });
      clock.stop("2026-05-10T12:00:05Z");
      gates.push(gate);
    }
    for (const gate of gates) assert.equal(await charge(gate, 1), "ok");
    for (const gate of gates) assert.equal((await gate.lastCall()).cost_usd, "1", "not taken for a replay of the other's");
    for (const gate of gates) await finish(gate);
  });

  test("back by two days, with a rolling window: nothing is freed for a window's length, also not by a restart", async () => {
    const { clock, gate } = await start("2026-05-10T12:00:00Z", [{ limit: "3 usd", window: "rolling 24h" }]);
    await spendAll(gate, 3);
    for (const moment of ["2026-05-10T11:00:00Z", "2026-05-08T12:00:00Z", "2026-05-09T11:00:00Z"]) {
      clock.set(moment);
      assert.equal(await charge(gate, 1), "budget_exceeded", moment);
    }
    await gate.restart();
    assert.equal(await charge(gate, 1), "budget_exceeded");
    clock.set("2026-05-11T13:00:00Z");
    assert.equal(await charge(gate, 3), "ok", "a day and more after the last of it");
    await finish(gate);
  });

  test("forward by two days and back again: what was spent is still known", async () => {
    const { clock, gate } = await start("2026-05-10T12:00:00Z", day("UTC"));
    await spendAll(gate, 3);
    clock.set("2026-05-12T12:00:00Z");
    assert.equal(await charge(gate, 2), "ok");
    clock.set("2026-05-10T12:01:00Z");
    assert.equal(await charge(gate, 1), "budget_exceeded");
    clock.set("2026-05-12T12:01:00Z");
    assert.equal(await charge(gate, 2), "budget_exceeded");
    assert.equal(await charge(gate, 1), "ok");
    await finish(gate);
  });

  test("ids rise and are there once: the clock stands still, goes back, and the gate starts again", async () => {
    const { clock, gate } = await start("2026-05-10T12:00:00Z", [{ limit: "1000 usd", window: "total" }]);
    const made = [];
    const once = async () => {
      const answer = await fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("k")}`, "content-type": "application/x-www-form-urlencoded" }, body: "amount=100&currency=usd" });
      await answer.arrayBuffer();
      made.push(answer.headers.get("x-tollgate-call-id"));
    };
    clock.stop("2026-05-10T12:00:00Z");
    for (let i = 0; i < 30; i++) await once();
    for (const moment of ["2026-05-10T12:00:00Z", "2026-05-08T12:00:00Z"]) {
      clock.stop(moment);
      await gate.kill();
      await gate.start();
      for (let i = 0; i < 20; i++) await once();
    }
    assert.equal(new Set(made).size, 70);
    const rows = await gate.calls();
    assert.equal(rows.length, 70, "no row was left out for an id that was there");
    assert.deepEqual(new Set(rows.map((row) => row.id)), new Set(made));
    const last = (part) => part.toSorted().at(-1);
    for (const count of [30, 50]) assert.ok(made.slice(count).every((id) => id > last(made.slice(0, count))), "higher than all before the restart");
    assert.equal(nanos((await gate.get("/usage?by=key&window=total")).total?.cost_usd ?? "0"), 70n * 1_000_000_000n);
    await finish(gate);
  });
});

test("doubts and alerts: told once, asked again in time, whatever the clock does", async () => {
  const alerts = [];
  const hook = await startScripted(async (call, res) => {
    alerts.push(JSON.parse(call.text));
    answerJson(res, 200, {});
  });
  const { clock, gate } = await start("2026-05-10T12:00:00Z", day("UTC"), { alerts: [{ name: "hook", webhook: hook.url, secret: "secret-of-the-hook" }] });
  line.plan({ do: "cut-after", path: "/v1/charges" });
  const before = line.count();
  assert.equal(await charge(gate, 1), "upstream_broken");
  assert.equal((await gate.get("/doubts")).data.length, 1);
  clock.set("2026-05-08T12:00:00Z");
  await until(async () => (await gate.get("/doubts")).data.length === 0, "the vendor to be asked again, 5 s after", { timeout: 9000, every: 200 });
  assert.equal(line.count() - before, 1);
  clock.set("2026-05-10T12:00:30Z");
  await spendAll(gate, 2);
  for (const moment of ["2026-05-10T11:00:00Z", "2026-05-10T13:00:00Z", "2026-05-08T12:00:00Z", "2026-05-10T12:00:00Z"]) {
    clock.set(moment);
    if (!moment.startsWith("2026-05-08")) assert.equal(await charge(gate, 1), "budget_exceeded", moment);
    await sleep(300);
  }
  await until(() => alerts.some((alert) => alert.percent === 100), "the alert of 100 %", { timeout: 5000 });
  await sleep(500);
  const names = alerts.map((alert) => `${alert.event} ${alert.percent ?? ""} ${alert.account ?? alert.call}${alert.refused ? " refused" : ""}`);
  assert.equal(new Set(names).size, names.length, `each once: ${names.join("; ")}`);
  assert.ok(names.length <= 6, names.join("; "));
  await finish(gate);
});
