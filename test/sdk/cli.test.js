// SPDX-License-Identifier: Apache-2.0
// The command line against a running gate: tables for people, JSON for scripts, honest exit codes.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { adminToken, binary, cleanEnv, nanos, startGate, tempDir } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { run, start, until } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

let gate, stripe;
const bill = newRun();

const charge = (token, { amount = 100, id = bill } = {}) =>
  fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/x-www-form-urlencoded", "x-agent-run-id": id },
    body: `amount=${amount}&currency=usd&source=tok_visa`,
  });

const done = (result) => { assert.equal(result.code, 0, result.err + result.out); return result; };
const json = async (...args) => JSON.parse(done(await gate.cli(...args, "--json")).out);

before(async () => {
  stripe = await startStripe();
  gate = await startGate(config({ stripe: stripe.url }, {
    keys: [key("agent", ["stripe-main"], { budgets: [{ limit: "20 usd", window: "day" }] })],
  }));
  await charge(tokenOf("agent"), { amount: 1250 });
  await charge(tokenOf("agent"), { amount: 9900 });
});

test("help, of all and of one verb; wrong ones exit 2", async () => {
  assert.match(done(await gate.cli("help")).out, /tollgate/);
  assert.match(done(await gate.cli("--help")).out, /tollgate/);
  assert.match(done(await gate.cli("calls", "--help")).out, /--run/);
  for (const args of [["nonsense"], ["calls", "--nonsense"], ["stop"], ["key", "frobnicate"], ["run", "a", "b"]]) {
    const { code, err, out } = await gate.cli(...args);
    assert.equal(code, 2, `${args}: ${err}${out}`);
    assert.ok(err.length > 0, `${args}: the reason stands on standard error`);
  }
});

test("run: the bill of one, as a table and as JSON", async () => {
  const { out } = done(await gate.cli("run", bill));
  assert.match(out, /stripe/);
  assert.match(out, /12\.5/);
  assert.ok(!/\x1b\[/.test(out), "no colour where there is no terminal");
  const body = await json("run", bill);
  assert.equal(nanos(body.total_usd), 12_500_000_000n);
  assert.match(done(await gate.cli("run")).out, new RegExp(bill));
  const missing = await gate.cli("run", "run_nobody_knows");
  assert.equal(missing.code, 1);
  assert.match(missing.err, /run_nobody_knows/);
});

test("calls: newest first, filtered, one whole", async () => {
  const body = await json("calls", "--run", bill);
  assert.equal(body.data.length, 2);
  assert.equal(body.data[0].denied, "budget_exceeded");
  const denied = done(await gate.cli("calls", "--denied")).out;
  assert.match(denied, /budget_exceeded/);
  assert.equal((await json("calls", "--run", bill, "--code", "budget_exceeded")).data.length, 1);
  assert.equal((await json("calls", "--run", bill, "--limit", "1")).data.length, 1);
  assert.equal((await json("calls", "--since", "1h", "--verdict", "allowed", "--run", bill)).data.length, 1);
  const { out } = done(await gate.cli("calls", body.data[1].id));
  assert.match(out, /stripe\.charges\.create/);
  assert.match(out, /12\.5/);
  assert.equal((await gate.cli("calls", "call_0000000000000")).code, 1);
});

test("key: created, its text alone on standard output, used, rotated, revoked, deleted", async () => {
  const made = done(await gate.cli("key", "create", "--name", "made", "--policy", "all", "--credential", "stripe-main", "--budget", "5 usd/day", "--budget", "2 usd/run on stripe", "--expires", "1h"));
  const token = made.out.trim();
  assert.match(token, /^tg_\w{38}$/, "nothing else on standard output");
  assert.equal((await charge(token, { id: newRun() })).status, 200);
  assert.equal((await charge(token, { amount: 201, id: newRun() })).status, 403);
  const list = done(await gate.cli("key")).out;
  assert.match(list, /made/);
  assert.ok(!list.includes(token));
  assert.equal((await json("key", "show", "made")).name, "made");
  const turned = done(await gate.cli("key", "rotate", "made", "--overlap", "0s")).out.trim();
  assert.equal((await charge(token)).status, 401);
  assert.equal((await charge(turned, { id: newRun() })).status, 200);
  done(await gate.cli("key", "revoke", "made", "--reason", "test"));
  assert.equal((await charge(turned)).status, 401);
  done(await gate.cli("key", "delete", "made"));
  assert.equal((await gate.cli("key", "show", "made")).code, 1);
  const wrong = await gate.cli("key", "create", "--name", "bad", "--policy", "nobody", "--credential", "stripe-main");
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /nobody/);
});

test("stop, stops, resume", async () => {
  const held = newRun();
  done(await gate.cli("stop", "--run", held, "--reason", "refund loop"));
  const refused = await charge(tokenOf("agent"), { id: held });
  assert.equal(refused.status, 403);
  assert.match(await refused.text(), /refund loop/);
  const list = done(await gate.cli("stops")).out;
  assert.match(list, new RegExp(held));
  assert.match(list, /refund loop/);
  done(await gate.cli("resume", "--run", held));
  assert.equal((await charge(tokenOf("agent"), { id: held })).status, 200);
  assert.equal((await gate.cli("resume", "--run", held)).code, 1, "there is nothing to lift");
  done(await gate.cli("stop", "--all", "--writes-only", "--for", "1h"));
  assert.equal((await charge(tokenOf("agent"))).status, 403);
  assert.equal((await fetch(`${gate.url}/stripe/v1/charges`, { headers: { authorization: `Bearer ${tokenOf("agent")}` } })).status, 200, "reads pass");
  done(await gate.cli("resume", "--all"));
});

test("budget: limits with what is spent and left", async () => {
  const { out } = done(await gate.cli("budget"));
  assert.match(out, /20/);
  assert.ok((await json("budget")).data.length >= 1);
});

test("policy: listed, shown, applied whole, deleted", async () => {
  const file = path.join(tempDir("cli"), "narrow.yaml");
  fs.writeFileSync(file, 'allow: ["stripe.charges.list"]\n');
  done(await gate.cli("policy", "apply", "narrow", file));
  assert.match(done(await gate.cli("policy", "show", "narrow")).out, /stripe\.charges\.list/);
  assert.match(done(await gate.cli("policy")).out, /narrow/);
  fs.writeFileSync(file, "alow: []\n");
  const wrong = await gate.cli("policy", "apply", "narrow", file);
  assert.ok([1, 4].includes(wrong.code), String(wrong.code));
  assert.match(wrong.err, /alow/);
  assert.equal((await gate.cli("policy", "apply", "narrow", "/nonexistent.yaml")).code, 4);
  done(await gate.cli("policy", "delete", "narrow"));
});

test("credential: the secret from a file, never shown", async () => {
  const file = path.join(tempDir("cli"), "secret.txt");
  fs.writeFileSync(file, "sk_test_from_a_file_0001\n");
  done(await gate.cli("credential", "create", "--name", "second", "--vendor", "stripe", "--secret-file", file));
  const all = done(await gate.cli("credential")).out + done(await gate.cli("credential", "show", "second")).out + JSON.stringify(await json("credential"));
  assert.match(all, /second/);
  assert.ok(!all.includes("sk_test_from_a_file_0001") && !all.includes(secrets.stripe));
  done(await gate.cli("credential", "delete", "second"));
});

test("vendor: known ones, and the operations that policies name", async () => {
  assert.match(done(await gate.cli("vendor")).out, /stripe/);
  assert.match(done(await gate.cli("vendor", "operations", "stripe")).out, /stripe\.charges\.create|charges\.create/);
});

test("tail: calls as they happen", async () => {
  const tail = start(binary, ["tail"], { env: cleanEnv({ TOLLGATE_ADMIN: `http://${gate.adminAddress}`, TOLLGATE_ADMIN_TOKEN: adminToken }) });
  const id = newRun();
  await until(async () => { await charge(tokenOf("agent"), { id }); return tail.out().includes(id); }, `the call in the tail: ${tail.out()}${tail.err()}`, { every: 200 });
  tail.child.kill("SIGTERM");
  await tail.exit;
});

test("reload: taken, or refused with the reason", async () => {
  const good = fs.readFileSync(gate.file, "utf8");
  done(await gate.cli("reload"));
  gate.writeConfig("nonsense: 1\n");
  const { code, err } = await gate.cli("reload");
  assert.ok([1, 4].includes(code), String(code));
  assert.match(err, /nonsense/);
  gate.writeConfig(good);
  done(await gate.cli("reload"));
});

test("a gate that is not there: 3; a wrong token: 1", async () => {
  const away = await run(binary, ["calls", "--admin", "http://127.0.0.1:1", "--token", adminToken], { env: cleanEnv() });
  assert.equal(away.code, 3, away.err);
  assert.match(away.err, /127\.0\.0\.1:1/);
  const wrong = await run(binary, ["calls", "--admin", `http://${gate.adminAddress}`, "--token", "a-wrong-token-0123456789"], { env: cleanEnv() });
  assert.equal(wrong.code, 1, wrong.err);
  assert.ok(!wrong.err.includes("a-wrong-token"), "the token is not repeated");
});

test("audit verify: proves the log while the gate runs, and after", async () => {
  const busy = await run(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv() });
  assert.equal(busy.code, 0, busy.err);
  await gate.stop();
  const proof = await run(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv() });
  assert.equal(proof.code, 0, proof.err);
  assert.match(proof.out, /\d+/);
  await gate.start();
});
