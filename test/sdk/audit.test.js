// SPDX-License-Identifier: Apache-2.0
// The audit chain through the real binary: verified while the gate runs, by directory, by database, by exported file and by the gate;
// tampered with and found; exported in windows that add up; changes of operators, and never a secret.
import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, verify as checkSignature } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { adminToken, binary, cleanEnv, nanos, startGate, tempDir } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { run } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

const upstream = await startStripe();
const gate = await startGate(config({ stripe: `http://127.0.0.1:${upstream.port}` }, {
  keys: [key("shop", ["stripe-main"], { budgets: [{ limit: "10000 usd", window: "day" }] }), key("poor", ["stripe-main"], { budgets: [{ limit: "1 usd", window: "total" }] })],
}));

const alone = (...args) => run(binary, args, { env: cleanEnv(), cwd: tempDir("audit") });

async function raw(target) {
  const answer = await fetch(`http://${gate.adminAddress}/api/v1${target}`, { headers: { authorization: `Bearer ${adminToken}` } });
  return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
}

async function spend(count) {
  for (let i = 0; i < count; i++) {
    await gateCharge("shop", 100 + i);
    if (i % 5 === 0) await gateCharge("poor", 500).catch(() => {});
  }
}

async function gateCharge(name, amount) {
  const answer = await fetch(`${gate.url}/stripe/v1/charges`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded" },
    body: `amount=${amount}&currency=usd&source=tok_visa`,
  });
  await answer.arrayBuffer();
  return answer.status;
}

const lines = (text) => text.trim().split("\n").map((line) => JSON.parse(line));

await spend(25);
await gate.restart(); // signs what there is

describe("verify", () => {
  test("while the gate runs: the directory, the database, the gate itself", async () => {
    for (const args of [["audit", "verify", gate.dataDir], ["audit", "verify", "--data", gate.dataDir], ["audit", "verify", path.join(gate.dataDir, "tollgate.db")]]) {
      const { code, out, err } = await alone(...args);
      assert.equal(code, 0, out + err);
      assert.match(out, /rows are as they were written/);
      assert.match(out, /signed, in \d+ checkpoints/);
    }
    const asked = await gate.cli("audit", "verify");
    assert.equal(asked.code, 0, asked.err);
    assert.match(asked.out, /rows are as they were written/);
    const { valid, rows, key: signer } = JSON.parse((await alone("audit", "verify", gate.dataDir, "--json")).out);
    assert.equal(valid, true);
    assert.ok(rows > 30);
    assert.equal(signer.length, 64);
  });

  test("with the public key pinned: this one, and not another", async () => {
    const pub = path.join(gate.dataDir, "audit.key.pub");
    const raw32 = createPublicKey(fs.readFileSync(pub)).export({ format: "jwk" }).x;
    const hex = Buffer.from(raw32, "base64url").toString("hex");
    assert.equal((await alone("audit", "verify", gate.dataDir, "--key", pub)).code, 0);
    assert.equal((await alone("audit", "verify", gate.dataDir, "--key", hex)).code, 0);
    const other = await alone("audit", "verify", gate.dataDir, "--key", hex.replace(/^../, hex.startsWith("00") ? "11" : "00"));
    assert.equal(other.code, 1, other.out);
    assert.equal((await alone("audit", "verify", gate.dataDir, "--key", "nonsense")).code, 2);
  });

  test("nothing there, or no database: told, not proven", async () => {
    const empty = await alone("audit", "verify", "nowhere");
    assert.equal(empty.code, 1, empty.out);
    assert.match(empty.err, /nowhere/);
  });
});

describe("an export", () => {
  test("anyone can check it: hashes, base64 rows, signatures, sums", async () => {
    const { text, type } = await raw("/audit/export");
    assert.match(type, /jsonl/);
    const all = lines(text);
    const { summary } = all.pop();
    let prev = "0".repeat(64);
    const hashes = [];
    for (const [i, line] of all.entries()) {
      assert.equal(line.number, i);
      assert.equal(line.prev_hash, prev);
      const id = Buffer.alloc(8);
      id.writeBigUInt64BE(decodeId(line.id));
      prev = createHash("sha256").update(Buffer.from(prev, "hex")).update(id).update(Buffer.from(line.row, "base64")).digest("hex");
      assert.equal(line.hash, prev, `row ${i}`);
      hashes.push(prev);
    }
    assert.equal(summary.rows, all.length);
    const cost = all.reduce((sum, line) => sum + (line.kind === "change" ? 0n : nanos(line.data.cost_usd ?? "0")), 0n);
    assert.equal(nanos(summary.cost_usd), cost);
    assert.equal(nanos((await gate.get("/usage")).total.cost_usd), cost);
    assert.ok(summary.checkpoints.length >= 1);
    for (const point of summary.checkpoints) {
      assert.equal(point.hash, hashes[point.rows - 1]);
      const told = `tollgate checkpoint\n${point.rows}\n${Date.parse(point.at)}\n${point.hash}\n`;
      const pub = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(point.key, "hex").toString("base64url") }, format: "jwk" });
      assert.ok(checkSignature(null, Buffer.from(told), pub, Buffer.from(point.signature, "hex")));
    }
  });

  test("half-open windows add up to the whole, to the last digit", async () => {
    const rows = await gate.calls();
    const cuts = [...new Set([rows[20].at, rows[10].at, rows[3].at])].sort();
    let count = 0, cost = 0n, from = "";
    for (const to of [...cuts, ""]) {
      const window = `${from && `from=${from}&`}${to && `to=${to}&`}`;
      const { summary } = lines((await raw(`/audit/export?${window}kind=calls`)).text).pop();
      const usage = await gate.get(`/usage?${window}`);
      assert.equal(summary.cost_usd, usage.total.cost_usd);
      const vendors = summary.vendors.reduce((sum, vendor) => sum + nanos(vendor.cost_usd), 0n);
      assert.equal(vendors, nanos(summary.cost_usd));
      count += summary.rows;
      cost += nanos(summary.cost_usd);
      from = to;
    }
    assert.equal(count, rows.length);
    assert.equal(cost, nanos((await gate.get("/usage")).total.cost_usd));
  });

  test("CSV: a header, a line for each row, the totals", async () => {
    const file = path.join(tempDir("csv"), "all.csv");
    const { code, err } = await gate.cli("audit", "export", "--format", "csv", "--kind", "calls", "--totals", "--out", file);
    assert.equal(code, 0, err);
    const [head, ...body] = fs.readFileSync(file, "utf8").trimEnd().split("\r\n");
    const names = head.split(",");
    const total = body.pop().split(",");
    assert.equal(body.length, (await gate.calls()).length);
    assert.equal(total[1], "total");
    const cost = body.filter((line) => !line.includes('"')).reduce((sum, line) => sum + nanos(line.split(",")[names.indexOf("cost_usd")] || "0"), 0n);
    const quoted = body.filter((line) => line.includes('"'));
    assert.ok(quoted.every((line) => line.includes(",denied,")), "reasons have commas");
    assert.equal(nanos(total[names.indexOf("cost_usd")]), cost);
  });

  test("the file alone: good, and every edit is found and named", async () => {
    const file = path.join(tempDir("export"), "all.jsonl");
    assert.equal((await gate.cli("audit", "export", "--out", file)).code, 0);
    const good = fs.readFileSync(file, "utf8");
    const proof = await alone("audit", "verify", file);
    assert.equal(proof.code, 0, proof.out + proof.err);
    const rows = good.trimEnd().split("\n");
    const id = JSON.parse(rows[7]).id;
    const edits = {
      "a cost": rows.with(7, rows[7].replace(/"cost_usd":"1/, '"cost_usd":"2').replace(/"status":\d/, '"status":9')),
      "a row's bytes": rows.with(7, rows[7].replace(/"row":"(..)../, '"row":"$1AA')),
      "a row taken out": rows.toSpliced(7, 1),
      "two exchanged": rows.with(7, rows[8]).with(8, rows[7]),
      "the end cut off": rows.slice(0, 20),
      "a sum": rows.with(-1, rows.at(-1).replace(/"cost_usd":"\d/, '"cost_usd":"9')),
      "a signature": rows.with(-1, rows.at(-1).replace(/"signature":"../, (text) => text.slice(0, -2) + (text.endsWith("00") ? "11" : "00"))),
    };
    for (const [what, edited] of Object.entries(edits)) {
      fs.writeFileSync(file, `${edited.join("\n")}\n`);
      const found = await alone("audit", "verify", file);
      assert.equal(found.code, 1, `${what}: ${found.out}`);
      assert.match(found.out, /not as it was written/, what);
      if (what.startsWith("a row's") || what === "a cost") assert.ok(found.out.includes(id), `${what}: ${found.out}`);
    }
  });
});

describe("tampering with the database", () => {
  const edits = {
    "a column": "UPDATE calls SET cost = cost + 1 WHERE id = (SELECT id FROM calls ORDER BY id LIMIT 1 OFFSET 9)",
    "a row's bytes": "UPDATE calls SET row = row || x'00' WHERE id = (SELECT id FROM calls ORDER BY id LIMIT 1 OFFSET 9)",
    "a row": "DELETE FROM calls WHERE id = (SELECT id FROM calls ORDER BY id LIMIT 1 OFFSET 9)",
    "the order": "UPDATE calls SET id = id + 1 WHERE id = (SELECT id FROM calls ORDER BY id LIMIT 1 OFFSET 9)",
  };
  const sqlite = (file, text) => execFileSync("sqlite3", [file, text]);
  let there = true;
  try {
    execFileSync("sqlite3", ["--version"]);
  } catch {
    there = false;
  }
  for (const [what, sql] of Object.entries(edits)) {
    test(`${what} is found`, { skip: !there }, async () => {
      const copy = path.join(tempDir("tamper"), "copy.db");
      sqlite(path.join(gate.dataDir, "tollgate.db"), `.backup '${copy}'`);
      assert.equal((await alone("audit", "verify", copy)).code, 0);
      sqlite(copy, sql);
      const { code, out } = await alone("audit", "verify", copy);
      assert.equal(code, 1, out);
      assert.match(out, /call_[0-9a-z]+/);
    });
  }
});

test("operators' changes are in the chain, with what was before and after, and no secret", async () => {
  const canary = "sk_live_canary_of_the_audit_test";
  await gate.post("/credentials", { name: "second", vendor: "stripe", secret: canary });
  await gate.post("/budgets", { name: "all", limit: "500 usd", window: "day" });
  await gate.ask("PATCH", "/api/v1/budgets/all", { limit: "600 usd" });
  await gate.post("/stop", { run: "run_x", reason: "loops" });
  await gate.post("/resume", { run: "run_x" });
  gate.signal("SIGHUP");
  const { data } = await gate.get("/audit?kind=change&limit=100");
  const find = (action) => data.find((item) => item.data.action === action)?.data;
  assert.equal(find("credential.create").after.secret_set, true);
  assert.equal(find("budget.update").before.limit, "500 usd");
  assert.equal(find("budget.update").after.limit, "600 usd");
  assert.equal(find("stop.create").actor, "admin");
  assert.ok(find("stop.lift"));
  for (const name of fs.readdirSync(gate.dataDir)) {
    const bytes = fs.readFileSync(path.join(gate.dataDir, name));
    for (const secret of [canary, secrets.stripe, tokenOf("shop")]) assert.ok(!bytes.includes(secret), `${name} holds ${secret}`);
  }
  const log = await gate.cli("audit", "log");
  assert.equal(log.code, 0, log.err);
  assert.match(log.out, /budget\.update +all .*limit: "500 usd" -> "600 usd"/);
  assert.equal((await gate.cli("audit", "log", "--limit", "1")).out.trim().split("\n").length, 3, "a head, a line, where it goes on");
});

test("a long export leaves the admin plane answering", { timeout: 120_000 }, async () => {
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let i = 0; i < 150; i++) await gateCharge("shop", 100);
  }));
  const going = Array.from({ length: 3 }, () => raw("/audit/export"));
  let slowest = 0;
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    await gate.get("/stops");
    slowest = Math.max(slowest, performance.now() - began);
  }
  const done = await Promise.all(going);
  for (const { text } of done) assert.ok(lines(text).at(-1).summary.rows > 1200);
  assert.ok(slowest < 1000, `${slowest} ms`);
  await gate.stop();
  assert.equal((await alone("audit", "verify", gate.dataDir)).code, 0);
});

/** "call_" and 13 characters of base32 without i, l, o, u. */
function decodeId(text) {
  let n = 0n;
  for (const c of text.slice(5)) n = n * 32n + BigInt("0123456789abcdefghjkmnpqrstvwxyz".indexOf(c));
  return n;
}
