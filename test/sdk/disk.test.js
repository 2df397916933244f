// SPDX-License-Identifier: Apache-2.0
// A full disk under load: calls are refused, none of those is forwarded, none that was forwarded is lost, and it heals by itself.
import http from "node:http";
import { fileURLToPath } from "node:url";

import { config, key, tokenOf } from "./lib/config.js";
import { mayMount, mountDisk } from "./lib/disk.js";
import { binary, cleanEnv, nanos, startGate } from "./lib/gate.js";
import { startMarket } from "./lib/market.js";
import { atEnd, run, sleep, start, until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

let serial = 0;

/** Charges of $1, each with a name of its own; `seen` gets { name, status, denied }. */
function load(gate, seen, callers = 24) {
  const agent = new http.Agent({ keepAlive: true });
  let on = true;
  const charge = () => new Promise((resolve) => {
    const name = `k-r-${++serial}`;
    const body = new URLSearchParams({ amount: "100", currency: "usd", source: "tok_visa", "metadata[name]": name }).toString();
    const headers = {
      authorization: `Bearer ${tokenOf("k")}`, "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body),
      "x-tollgate-metadata": JSON.stringify({ name }), "idempotency-key": name,
    };
    const end = (status, denied, text) => {
      seen.push({ name, status, denied, text });
      resolve(status);
    };
    const req = http.request({ host: "127.0.0.1", port: gate.port, method: "POST", path: "/stripe/v1/charges", headers, agent }, (res) => {
      const parts = [];
      res.on("data", (bytes) => parts.push(bytes));
      res.on("error", () => end(0));
      res.on("end", () => end(res.statusCode, res.headers["x-tollgate-denied"], Buffer.concat(parts).toString()));
    });
    req.on("error", (error) => end(0, error.code));
    req.end(body);
  });
  atEnd(() => { on = false; }); // a test that failed must not go on for ever
  const done = Promise.all(Array.from({ length: callers }, async () => {
    while (on) if ((await charge()) !== 200) await sleep(5);
  }));
  return { async end() { on = false; await done; agent.destroy(); } };
}

async function checkBooks(gate, market, seen) {
  await until(async () => (await gate.get("/ledger/check")).holds === 0, "no call under way");
  const rows = new Map((await gate.calls()).filter((row) => row.verdict !== "denied").map((row) => [row.metadata.name, row]));
  for (const name of market.came.keys()) assert.ok(rows.has(name), `${name} was forwarded and has no row`);
  for (const { name, status, denied, text } of seen) {
    if (status === 200) assert.equal(rows.get(name)?.verdict, "allowed");
    else assert.equal(denied, "ledger_unavailable", `${status} ${text}`);
    if (denied) assert.equal(market.came.has(name), false, `${name} was refused and forwarded`);
  }
  for (const done of market.done.values()) assert.equal(done.count, 1);
  const check = await gate.get("/ledger/check");
  assert.ok(check.ok, JSON.stringify(check));
  const [budget] = (await gate.get("/budgets")).data;
  const spent = nanos(budget.accounts[0].spent_usd), doubt = nanos(budget.accounts[0].in_doubt_usd);
  assert.equal(nanos(budget.accounts[0].reserved_usd), doubt);
  assert.ok(spent <= market.sum() && market.sum() <= spent + doubt, `${spent} spent, ${doubt} in doubt, ${market.sum()} at the vendor`);
}

async function verifyChain(gate) {
  const proof = await run(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv() });
  assert.equal(proof.code, 0, proof.out + proof.err);
}

/** How a start ends: { ready } or { code, said }. */
async function tryStart(gate) {
  const running = start(binary, ["serve", "--config", gate.file, "--data", gate.dataDir], { env: gate.env, cwd: gate.dir });
  let over;
  running.exit.then((how) => (over = how));
  await until(() => over || /^ready /m.test(running.out()), "a start or an end", { timeout: 20_000 });
  if (over) return { code: over.code, said: running.err() };
  running.child.kill("SIGKILL");
  await running.exit;
  return { ready: true };
}

async function fullDisk(t) {
  const market = await startMarket();
  let disk;
  const gate = await startGate(config({ stripe: market.stripeUrl }, { keys: [key("k", ["stripe-main"], { budgets: [{ limit: "1000000 usd" }] })], log_level: "warn" }), {
    before: (fresh) => { disk = mountDisk(fresh.dataDir, 28); },
  });
  const seen = [];
  const refused = () => seen.filter((each) => each.denied === "ledger_unavailable").length;
  const going = load(gate, seen);
  await sleep(300);
  const before = seen.length;
  const taken = disk.fill();
  const memory = gate.rss();
  await until(() => refused() > 50, "calls to be refused", { timeout: 25_000 });
  const served = seen.length - before - refused();
  await sleep(300);
  assert.equal((await fetch(`http://${gate.adminAddress}/healthz`)).status, 200);
  const grown = (gate.rss() - memory) / 1024;
  // AddressSanitizer keeps what was freed.
  assert.ok(grown < 24 || process.env.ASAN_OPTIONS, `memory grew by ${grown} MiB while nothing could be stored`);
  disk.empty();
  const emptied = Date.now();
  const at = seen.length;
  await until(() => seen.slice(at).some((each) => each.status === 200), "it to heal by itself", { timeout: 10_000 });
  const healed = Date.now() - emptied;
  await sleep(300);
  await going.end();
  await checkBooks(gate, market, seen);
  assert.match(gate.log, /no room|full/i, "the log says so");

  // Killed on a disk that is full, and started there.
  const more = load(gate, seen);
  await sleep(100);
  disk.fill();
  await sleep(200);
  await gate.kill();
  await more.end();
  const how = await tryStart(gate);
  if (!how.ready) assert.match(how.said, /room|space|full/i, "a clear message");
  const there = how.ready ? "comes up" : `ends with ${how.code}: ${how.said.trim().split("\n").at(-1)}`;
  disk.empty();
  await gate.start();
  const late = [];
  const last = load(gate, late, 4);
  await sleep(100);
  await last.end();
  assert.ok(late.length > 0 && late.every((each) => each.status === 200), JSON.stringify(late.find((each) => each.status !== 200)));
  await checkBooks(gate, market, seen.filter((each) => each.status === 200 || each.denied === "ledger_unavailable"));
  assert.equal((await gate.stop()).code, 0);
  await verifyChain(gate);

  disk.readOnly(true);
  const readOnly = await tryStart(gate);
  assert.ok(readOnly.code > 0, "no start on a read-only file system");
  assert.match(readOnly.said, /read-only/i);
  disk.readOnly(false);
  await gate.start();
  await gate.stop();

  // Nothing is there yet, and no room for it.
  gate.dataDir = `${gate.dir}/small`;
  mountDisk(gate.dataDir, 1);
  const small = await tryStart(gate);
  assert.ok(small.code > 0, "no start without room for the journals");
  assert.match(small.said, /room|space|full/i);
  t.diagnostic(`${seen.length} charges, ${served} went through on the full disk (${taken.toFixed(1)} MiB of filler) before the first refusal, ${refused()} refused; ` +
    `healed ${healed} ms after room was given back; a start on the full disk ${there}; on a read-only one it said: ${readOnly.said.trim().split("\n").at(-1)}; ` +
    `on one of 1 MiB: ${small.said.trim().split("\n").at(-1)}; memory ${grown.toFixed(1)} MiB more`);
}

const may = mayMount();
const inside = process.env.TOLLGATE_TEST_MOUNTS === "1";

if (may === "unshare" && !inside) {
  test("pitfall_75 pitfall_76: a full disk, in a mount namespace", { timeout: 120_000 }, async (t) => {
    const env = { ...process.env, TOLLGATE_TEST_MOUNTS: "1" };
    delete env.NODE_TEST_CONTEXT;
    const done = await run("unshare", ["-rm", process.execPath, "--test", fileURLToPath(import.meta.url)], { env, timeout: 110_000 });
    assert.equal(done.code, 0, done.out + done.err);
    t.diagnostic(done.out.match(/# (\d+ charges.*)/)?.[1] ?? "");
  });
} else {
  const skip = may === "no" && "NOT TESTED: neither mount nor `unshare -rm` is allowed here; run it as root: test/sdk/run disk";
  if (skip) console.error(`disk.test.js: ${skip}`);
  test("pitfall_75 pitfall_76: a full disk under load", { timeout: 110_000, skip }, fullDisk);
}
