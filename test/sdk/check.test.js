// SPDX-License-Identifier: Apache-2.0
// `tollgate serve --check` reads and makes nothing, beside a gate that runs and where none ever ran; and what a first start makes.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

import { config, key } from "./lib/config.js";
import { binary, cleanEnv, startGate, tempDir } from "./lib/gate.js";
import { run, until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

const whole = () => config({ stripe: "http://127.0.0.1:9" }, { keys: [key("agent", ["stripe-main"])] });
const check = (dir) => run(binary, ["serve", "--config", path.join(dir, "tollgate.yaml"), "--data", path.join(dir, "data"), "--check"], { env: cleanEnv() });

function fresh(more = {}) {
  const dir = tempDir("check");
  fs.writeFileSync(path.join(dir, "tollgate.yaml"), JSON.stringify({ ...whole(), ...more }));
  return dir;
}

test("where no gate ever ran nothing is made", async () => {
  const dir = fresh();
  const { code, out, err } = await check(dir);
  assert.equal(code, 0, err);
  assert.match(out, /^the configuration is valid \(/);
  assert.deepEqual(fs.readdirSync(dir), ["tollgate.yaml"]);
});

test("a gate that runs is not in the way, and its objects are read", async () => {
  const gate = await startGate(whole());
  await gate.post("/keys", { name: "made", policy: "all", credentials: ["stripe-main"] });
  const ask = () => run(binary, ["serve", "--config", path.join(gate.dir, "tollgate.yaml"), "--check"], { env: cleanEnv(), cwd: gate.dir });
  const { code, err } = await ask();
  assert.equal(code, 0, err);
  gate.writeConfig({ listen: "127.0.0.1:0", ...whole(), policies: { other: { allow: ["*"] } }, keys: [] });
  const bad = await ask();
  assert.notEqual(bad.code, 0, "the key that the API made wants its policy");
  assert.match(bad.err, /policy/);
});

const there = !spawnSync("sqlite3", ["--version"]).error;

/** What a gate left behind, with a database that `sql` has edited. */
async function left(sql) {
  const gate = await startGate(whole());
  await gate.post("/keys", { name: "made", policy: "all", credentials: ["stripe-main"] });
  await gate.stop();
  execFileSync("sqlite3", [path.join(gate.dataDir, "tollgate.db"), sql]);
  return gate;
}

test("tables of an older gate: its objects are left out, and that is said", { skip: !there }, async () => {
  const gate = await left("PRAGMA user_version = 4");
  const ask = () => run(binary, ["serve", "--config", path.join(gate.dir, "tollgate.yaml"), "--check"], { env: cleanEnv(), cwd: gate.dir });
  const { code, out, err } = await ask();
  assert.equal(code, 0, err);
  assert.match(out, /^the configuration is valid \(/);
  assert.match(err, /stored objects were not read: their tables are older/);
  assert.equal(execFileSync("sqlite3", [path.join(gate.dataDir, "tollgate.db"), "PRAGMA user_version"]).toString().trim(), "4", "nothing was brought up");
  const doctor = await run(binary, ["doctor", "--config", path.join(gate.dir, "tollgate.yaml")], { env: cleanEnv(), cwd: gate.dir });
  assert.match(doctor.out, /warn.*stored objects were not read[\s\S]*start the gate: it brings the tables up to date/i);
  fs.writeFileSync(path.join(gate.dir, "tollgate.yaml"), "version: 1\nkeys: [\n");
  const broken = await ask();
  assert.equal(broken.code, 4, broken.err);
  assert.match(broken.err, /tollgate\.yaml/);
});

for (const [what, sql, says] of [
  ["a newer gate", "PRAGMA user_version = 99", /version 99.*use the one that wrote it/],
  ["another program", "PRAGMA application_id = 7; PRAGMA user_version = 1", /no database of a tollgate/],
  ["nobody, without its objects", "DROP TABLE objects", /cannot be read: its stored objects: the table is damaged or missing/],
]) {
  test(`a database of ${what} is refused`, { skip: !there }, async () => {
    const gate = await left(sql);
    const { code, err } = await run(binary, ["serve", "--config", path.join(gate.dir, "tollgate.yaml"), "--check"], { env: cleanEnv(), cwd: gate.dir });
    assert.equal(code, 4);
    assert.match(err, says);
  });
}

test("a certificate is read as serve reads it", async () => {
  const { code, err } = await check(fresh({ tls: { cert: "/etc/passwd", key: "/etc/passwd" } }));
  assert.notEqual(code, 0);
  assert.match(err, /\/etc\/passwd/);
});

test("an admin token is made and announced where the configuration has none, and only there", async () => {
  const own = await startGate(whole());
  await own.get("/keys");
  assert.ok(!/admin token was made/.test(own.log), own.log);
  assert.ok(!fs.readdirSync(path.join(own.dir, "data")).includes("admin.token"));
  const without = await startGate({ ...whole(), admin: { listen: "127.0.0.1:0" } });
  await until(() => /admin token was made/.test(without.log), "the announcement");
  const token = fs.readFileSync(path.join(without.dir, "data/admin.token"), "utf8").trim();
  assert.equal((await without.ask("GET", "/api/v1/keys", undefined, token)).status, 200);
  await without.restart();
  assert.equal((await without.ask("GET", "/api/v1/keys", undefined, token)).status, 200);
});

test("a reload that would leave nobody a token is refused", async () => {
  const gate = await startGate(whole());
  gate.writeConfig({ listen: "127.0.0.1:0", ...whole(), admin: { listen: "127.0.0.1:0" } });
  const refused = await gate.ask("POST", "/api/v1/reload");
  assert.equal(refused.status, 422);
  assert.match(refused.body.detail, /admin\.token.*allowed: a token, or a restart/);
  assert.equal((await gate.ask("GET", "/api/v1/keys")).status, 200, "the token still opens");
});
