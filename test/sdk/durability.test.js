// SPDX-License-Identifier: Apache-2.0
// Who waits for the disk, as the system sees it (strace): in which mode a call's record is synced, and that it is before the call is sent.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

import { config, key, tokenOf } from "./lib/config.js";
import { startBank } from "./lib/flaky.js";
import { check, nanos, startGate, tempDir } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { sleep, start, until } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

const bank = await startBank();
const openai = await startOpenai();

const settings = (durability) => config({ stripe: `http://127.0.0.1:${bank.port}`, openai: openai.url }, {
  keys: [key("k", ["stripe-main", "openai-main"], { budgets: [{ limit: "1000 usd", window: "day" }] })],
  workers: 1, log_level: "warn", ...(durability ? { durability } : {}),
});

async function charge(gate) {
  const answer = await fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST", headers: { authorization: `Bearer ${tokenOf("k")}`, "content-type": "application/x-www-form-urlencoded" }, body: "amount=100&currency=usd&source=tok_visa",
  });
  await answer.arrayBuffer();
  assert.equal(answer.status, 200);
}

async function chat(gate) {
  const answer = await fetch(`${gate.url}/openai/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${tokenOf("k")}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 20 }),
  });
  await answer.arrayBuffer();
  assert.equal(answer.status, 200);
}

async function list(gate) {
  await (await fetch(`${gate.url}/stripe/v1/customers/cus_1`, { headers: { authorization: `Bearer ${tokenOf("k")}` } })).arrayBuffer();
}

// ---- what the process asks of the system ----

function mayTrace() {
  const { stderr } = spawnSync("sh", ["-c", "sleep 5 & timeout 0.5 strace -o /dev/null -p $!; kill $!"]);
  return /attached/.test(String(stderr));
}

/** Follows the gate: `around(act)` gives what it did meanwhile, in order: "sync" for a sync of a journal that is done, "send" for a request to a vendor, "answer" for the answer to the caller. */
async function trace(gate, ...more) {
  const file = path.join(tempDir("trace"), "calls");
  const tracer = start("strace", ["-f", "-y", "-s", "48", "-o", file, "-e", "trace=fdatasync,fsync,msync,write,writev,sendto,sendmsg", ...more, "-p", String(gate.pid)]);
  await until(() => /attached/.test(tracer.err()), "strace to attach");
  const read = (from) => {
    const open = new Set(); // threads with a sync under way
    const events = [];
    for (const line of fs.readFileSync(file, "utf8").slice(from).split("\n")) {
      const thread = line.split(" ")[0];
      if (/(fdatasync|fsync|msync)\(.*journal-\d+-\d+\.log/.test(line)) {
        if (line.includes("<unfinished")) open.add(thread);
        else events.push("sync");
      } else if (/<\.\.\. (fdatasync|fsync) resumed>/.test(line) && open.delete(thread)) events.push("sync");
      else if (/"(POST|GET) \/v1\//.test(line)) events.push("send");
      else if (/"HTTP\/1\.1 \d/.test(line)) events.push("answer");
    }
    return events;
  };
  return {
    async around(act) {
      await sleep(300); // what came before is over
      const from = fs.statSync(file).size;
      await act();
      await sleep(300);
      return read(from);
    },
    end() {
      tracer.child.kill("SIGTERM");
      return tracer.exit;
    },
  };
}

const skip = !mayTrace() && "NOT TESTED: strace is not there or may not attach here";
if (skip) console.error(`durability.test.js: ${skip}`);

/** What charge, chat and read do in a mode: each as a text of events. */
async function habits(gate) {
  const tracer = await trace(gate);
  const seen = {};
  for (const [name, act] of [["charge", charge], ["chat", chat], ["read", list]]) seen[name] = (await tracer.around(() => act(gate))).join(" ");
  await tracer.end();
  return seen;
}

const expected = {
  money: { charge: "sync send answer", chat: "send answer", read: "send answer" },
  strict: { charge: "sync send sync answer", chat: "sync send sync answer", read: "send answer" },
  relaxed: { charge: "send answer", chat: "send answer", read: "send answer" },
};

function compare(mode, seen) {
  assert.deepEqual(seen, expected[mode], mode);
}

describe("who waits for the disk", { skip }, () => {
  for (const mode of [undefined, "strict", "relaxed"]) {
    test(`${mode ?? "money, which is the default"}`, async () => {
      const gate = await startGate(settings(mode));
      await charge(gate);
      await chat(gate); // connections and segments are there from here on
      compare(mode ?? "money", await habits(gate));
    });
  }

  test("set through the API: in force at once, over the file, and after a restart", async () => {
    const gate = await startGate(settings("relaxed"));
    await charge(gate);
    await chat(gate);
    for (const mode of ["strict", "money"]) {
      const { status, body } = await gate.ask("PATCH", "/api/v1/settings/durability", { value: mode });
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.value, mode);
      compare(mode, await habits(gate));
    }
    await gate.restart();
    assert.equal((await gate.get("/settings/durability")).value, "money");
    await charge(gate);
    await chat(gate);
    compare("money", await habits(gate));
    assert.equal((await gate.ask("PATCH", "/api/v1/settings/durability", { value: "fast" })).status, 422);
    assert.equal((await gate.get("/settings/durability")).value, "money");
  });

  test("calls at the same moment share a sync", async () => {
    const gate = await startGate(settings("money"));
    await charge(gate);
    const tracer = await trace(gate, "-e", "inject=fdatasync:delay_enter=20000"); // a disk of 20 ms: calls come while it syncs
    const events = await tracer.around(() => Promise.all(Array.from({ length: 64 }, () => charge(gate))));
    await tracer.end();
    const syncs = events.filter((event) => event === "sync").length;
    assert.equal(events.filter((event) => event === "send").length, 64);
    assert.ok(syncs >= 1 && syncs < 64, `${syncs} syncs for 64 charges`);
    assert.equal(events[0], "sync");
  });
});

test("a mode that there is not is refused by name, with those there are", async () => {
  const { code, err } = await check(JSON.stringify({ durability: "fast" }));
  assert.equal(code, 4);
  assert.match(err, /durability.*fast.*allowed.*(money|strict|relaxed)/s);
});

for (const mode of ["money", "strict", "relaxed"]) {
  test(`pitfall_07 pitfall_74: ${mode}: killed and ended in order, nothing that was answered is forgotten or counted twice`, async () => {
    const gate = await startGate(settings(mode));
    const before = bank.made.length;
    let answered = 0;
    for (const end of ["kill", "stop"]) {
      await Promise.all(Array.from({ length: 40 }, async (_, i) => {
        await (i % 2 ? charge(gate) : chat(gate));
        answered++;
      }));
      await gate[end]();
      await gate.start();
    }
    assert.equal(answered, 80);
    assert.equal(bank.made.length - before, 40);
    const rows = await gate.calls();
    assert.equal(rows.length, 80);
    assert.ok(rows.every((row) => row.verdict === "allowed" && row.settled));
    const [budget] = (await gate.get("/budgets")).data;
    const sum = rows.reduce((all, row) => all + nanos(row.cost_usd), 0n);
    assert.equal(nanos(budget.accounts[0].spent_usd), sum);
    assert.equal(nanos(budget.accounts[0].reserved_usd), 0n);
    assert.equal(sum - rows.filter((row) => row.vendor === "openai").reduce((all, row) => all + nanos(row.cost_usd), 0n), 40n * 1_000_000_000n);
    assert.ok((await gate.get("/ledger/check")).ok);
  });
}
