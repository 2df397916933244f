// SPDX-License-Identifier: Apache-2.0
// A cache.db that cannot be written or opened, and a full disk: answers are kept in memory, callers hear of nothing, one warning says so.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { config, key, tokenOf } from "./lib/config.js";
import { mayMount, mountDisk } from "./lib/disk.js";
import { startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { run, until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

const openai = await startOpenai();
const settings = (more = {}) => config({ openai: openai.url }, { keys: [key("k", ["openai-main"], { cache: "exact" })], log_level: "warn", ...more });
const warnings = (gate) => gate.log.split("\n").filter((line) => /cache\.db|kept in memory/.test(line));
const ready = async (gate) => (await fetch(`http://${gate.adminAddress}/readyz`)).status;

async function ask(gate, content) {
  const answer = await fetch(`${gate.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("k")}`, "content-type": "application/json" }, body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }] }) });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return answer.headers.get("x-tollgate-cache");
}

test("a cache.db that cannot be opened: memory only, one warning, ready all the same", async () => {
  const gate = await startGate(settings(), { before: (fresh) => fs.mkdirSync(path.join(fresh.dataDir, "cache.db"), { recursive: true, mode: 0o700 }) });
  for (let i = 0; i < 5; i++) assert.deepEqual([await ask(gate, `${i}`), await ask(gate, `${i}`)], ["miss", "hit"]);
  assert.equal(await ready(gate), 200);
  assert.equal(warnings(gate).length, 1, gate.log);
  assert.match(gate.log, /answers are kept in memory only: .*cache\.db/);
  const told = await gate.get("/cache");
  assert.deepEqual([told.entries, told.disk_entries, told.disk_limit], [5, 0, 0]);
  assert.equal((await gate.post("/cache/purge", { all: true })).purged, 5);
  assert.equal(await ask(gate, "0"), "miss");
});

/** A disk of the cache's own: the books have room. */
async function fullDisk() {
  let disk, room;
  const gate = await startGate(settings(), {
    before: (fresh) => {
      room = path.join(fresh.dir, "room");
      disk = mountDisk(room, 8);
      fs.mkdirSync(fresh.dataDir, { mode: 0o700 });
      fs.symlinkSync(path.join(room, "cache.db"), path.join(fresh.dataDir, "cache.db"));
    },
  });
  const told = () => gate.get("/cache");
  assert.deepEqual([await ask(gate, "before"), await ask(gate, "before")], ["miss", "hit"]);
  await until(async () => (await told()).disk_entries === 1, "it is on the disk");
  openai.play = { text: ["x".repeat(200 << 10)] };
  disk.fill();
  for (let i = 0; i < 12; i++) assert.deepEqual([await ask(gate, `full ${i}`), await ask(gate, `full ${i}`)], ["miss", "hit"], `${i}`);
  await until(async () => (await told()).disk_dropped > 0, "something could not be written");
  assert.equal(await ask(gate, "before"), "hit");
  assert.equal(await ready(gate), 200);
  assert.equal(warnings(gate).length, 1, gate.log);
  disk.empty();
  openai.play = {};
  await until(async () => (await ask(gate, `after ${Math.random()}`)) === "miss" && (await told()).disk_entries > 1, "it is written again");
  assert.equal(await ask(gate, "after"), "miss");
  assert.equal((await gate.stop()).code, 0);
  await gate.start();
  assert.equal(await ask(gate, "after"), "hit", "what was written since is there");
}

const may = mayMount();
if (may === "unshare" && process.env.TOLLGATE_TEST_MOUNTS !== "1") {
  test("a full disk, in a mount namespace", { timeout: 120_000 }, async () => {
    const env = { ...process.env, TOLLGATE_TEST_MOUNTS: "1" };
    delete env.NODE_TEST_CONTEXT;
    const done = await run("unshare", ["-rm", process.execPath, "--test", fileURLToPath(import.meta.url)], { env, timeout: 110_000 });
    assert.equal(done.code, 0, done.out + done.err);
  });
} else {
  const skip = may === "no" && "NOT TESTED: neither mount nor `unshare -rm` is allowed here; run it as root: test/sdk/run cache_disk";
  if (skip) console.error(`cache_disk.test.js: ${skip}`);
  test("a full disk: memory goes on, one warning, ready; and it heals by itself", { timeout: 110_000, skip }, fullDisk);
}
