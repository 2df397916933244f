// SPDX-License-Identifier: Apache-2.0
// Exports of the audit chain: files, a bucket, a webhook, traces. Nothing is lost by a kill, a receiver that is down, or another configuration; what
// comes twice carries the same numbers.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { before, describe } from "node:test";
import zlib from "node:zlib";

import { SignatureV4 } from "@smithy/signature-v4";

import { config, key, tokenOf } from "./lib/config.js";
import { mayMount, mountDisk } from "./lib/disk.js";
import { binary, cleanEnv, root, startGate, tempDir } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { run, sleep, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, newRun, test } from "./lib/test.js";

const secret = "export-secret-of-the-tests-1";
const page = fs.readFileSync(path.join(root, "docs/alerts.md"), "utf8");
const { isFromTheGate } = await import(`data:text/javascript,${encodeURIComponent(page.match(/```js\n([^]*?)```/)[1])}`);

let stripe, openai;
before(async () => {
  stripe = await startScripted((call, res) => answerJson(res, 200, { id: `ch_${stripe.count}`, object: "charge", amount: 100, currency: "usd", status: "succeeded", paid: true, captured: true }));
  openai = await startOpenai();
}, { timeout: 60_000 });

const gateWith = (exports, more = {}) => startGate(config({ stripe: stripe.url, openai: openai.url }, {
  keys: [key("agent", ["stripe-main", "openai-main"], { budgets: [{ limit: "1000 usd", window: "day" }] }), key("poor", ["openai-main"], { budgets: [{ limit: "0.000001 usd", window: "day" }] })],
  exports, ...more,
}));

const charge = (gate, headers = {}) => fetch(`${gate.url}/stripe/v1/charges`, {
  method: "POST", body: "amount=100&currency=usd&source=tok_visa",
  headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": "application/x-www-form-urlencoded", ...headers },
}).then((r) => r.text());
const chat = (gate, name = "agent", headers = {}) => fetch(`${gate.url}/v1/chat/completions`, {
  method: "POST", body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }),
  headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/json", ...headers },
}).then((r) => r.text());

/** Every row of the chain, the oldest first: { number, kind, hash, data }. */
async function chain(gate) {
  const rows = [];
  for (let cursor = ""; cursor !== null;) {
    const p = await gate.get(`/audit?limit=1000${cursor ? `&cursor=${cursor}` : ""}`);
    rows.push(...p.data);
    cursor = p.next_cursor;
  }
  return rows.reverse();
}
const status = (gate, name) => gate.get(`/exports/${name}/status`);
const caughtUp = (gate, name, timeout = 20_000) => until(async () => {
  const s = await status(gate, name);
  return s.position >= 0 && s.lag_rows === 0 && s.position === s.newest + 1 && s.newest + 1 === (await chain(gate)).length && s;
}, `${name} has caught up`, { timeout, every: 100 });
const numbers = (rows) => rows.map((row) => row.number);
const upTo = (n) => Array.from({ length: n }, (_, i) => i);
const exportsDir = (gate, name) => path.join(gate.dataDir, "exports", name);
const textOf = (file) => { const bytes = fs.readFileSync(file); return (file.endsWith(".gz") ? zlib.gunzipSync(bytes) : bytes).toString(); };

/** The files of an export, the oldest first; the one that is written last. */
function filesOf(gate, name) {
  const dir = exportsDir(gate, name), all = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
  return [...all.filter((f) => f.startsWith(`${name}-`)).sort(), ...all.filter((f) => f.startsWith(`${name}.`))].map((f) => path.join(dir, f));
}
const rowsOf = (gate, name) => filesOf(gate, name).flatMap((file) => {
  const text = textOf(file);
  assert.ok(text === "" || text.endsWith("\n"), `${file} ends in a whole line`);
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
});

/** A receiver of batches; `next` answers are given first: a status, or [status, headers], or a function. */
async function startReceiver() {
  const next = [], taken = [];
  const hook = await startScripted(async (call, res) => {
    const how = next.shift() ?? 204;
    if (typeof how === "function") return how(call, res, taken);
    const [code, headers = {}] = [].concat(how);
    if (code < 300) taken.push(call);
    res.writeHead(code, { "content-length": 0, ...headers }).end();
  });
  return Object.assign(hook, { next, taken, rows: () => taken.flatMap((call) => JSON.parse((call.headers["content-encoding"] === "gzip" ? zlib.gunzipSync(call.body) : call.body).toString())) });
}

describe("files", () => {
  test("every row once, in order, as the chain has them; rotated, compressed", { timeout: 60_000 }, async () => {
    const gate = await gateWith({ audit: { kind: "file", start: "beginning", gzip: true, rotate_bytes: "16KiB", batch_rows: 5, every: "100ms" } });
    for (let i = 0; i < 60; i++) await charge(gate, { "x-agent-run-id": `run-${i % 7}` });
    await caughtUp(gate, "audit");
    const rows = rowsOf(gate, "audit"), want = await chain(gate);
    assert.deepEqual(numbers(rows), upTo(want.length));
    for (const [i, row] of rows.entries()) {
      assert.equal(row.hash, want[i].hash);
      assert.deepEqual(row.data, want[i].data);
      assert.equal(row.row, undefined, "the proof only where it is wished");
    }
    const files = filesOf(gate, "audit");
    assert.ok(files.length >= 3, files.join());
    let number = 0;
    for (const file of files.slice(0, -1)) {
      const [, from, to] = path.basename(file).match(/^audit-\d{8}T\d{6}Z-(\d{12})-(\d{12})\.jsonl\.gz$/) ?? assert.fail(file);
      assert.equal(Number(from), number);
      number = Number(to) + 1;
      assert.deepEqual(numbers(textOf(file).split("\n").filter(Boolean).map((l) => JSON.parse(l))), upTo(number).slice(Number(from)));
      assert.ok(textOf(file).length <= 16 * 1024 + 8 * 1024, "a file ends when it is full");
    }
    for (const file of files) assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.equal((await status(gate, "audit")).trouble, null);
    assert.equal((await gate.stop()).code, 0);
  });

  test("old ones go when there are too many, and that is said", { timeout: 60_000 }, async () => {
    const gate = await gateWith({ audit: { kind: "file", start: "beginning", rotate_bytes: "4KiB", keep_files: 3, batch_rows: 2, every: "100ms" } });
    for (let i = 0; i < 40; i++) await charge(gate);
    const s = await caughtUp(gate, "audit");
    assert.equal(filesOf(gate, "audit").length, 4);
    assert.ok(s.dropped_files > 0 && s.dropped_bytes > 0, JSON.stringify(s));
    assert.match(gate.log, /old files of \d+ bytes were thrown away/);
    const { body } = await gate.ask("GET", "/metrics");
    assert.equal(Number(body.match(/^tollgate_export_dropped_files_total\{export="audit"\} (\d+)$/m)[1]), s.dropped_files);
    const rows = numbers(rowsOf(gate, "audit")), last = (await chain(gate)).length - 1;
    assert.deepEqual(rows, upTo(last + 1).slice(rows[0]), "what is left has no gap");
    await gate.stop();
  });

  test("with the proof a file can be checked alone", { timeout: 60_000 }, async () => {
    const gate = await gateWith({ audit: { kind: "file", start: "beginning", proof: true, every: "100ms" } });
    for (let i = 0; i < 5; i++) await charge(gate);
    await caughtUp(gate, "audit");
    let prev = Buffer.alloc(32);
    for (const row of rowsOf(gate, "audit")) {
      const id = Buffer.alloc(8), digits = "0123456789abcdefghjkmnpqrstvwxyz";
      let value = 0n;
      for (const c of row.id.slice(5)) value = value * 32n + BigInt(digits.indexOf(c));
      id.writeBigUInt64BE(value);
      assert.equal(row.prev_hash, prev.toString("hex"));
      prev = crypto.createHash("sha256").update(prev).update(id).update(Buffer.from(row.row, "base64")).digest();
      assert.equal(row.hash, prev.toString("hex"));
    }
    await gate.stop();
  });

  test("CSV that a strict reader takes, with its head in every file", { timeout: 60_000 }, async () => {
    const gate = await gateWith({ sheet: { kind: "file", format: "csv", start: "beginning", rotate_bytes: "4KiB", batch_rows: 3, every: "100ms", rows: ["call"] } });
    const odd = 'a,"b" c';
    for (let i = 0; i < 20; i++) await charge(gate, { "x-tollgate-step": odd, "x-agent-run-id": "r1" });
    await caughtUp(gate, "sheet");
    const calls = (await chain(gate)).filter((row) => row.kind === "call");
    const all = [];
    const files = filesOf(gate, "sheet");
    assert.ok(files.length > 1);
    for (const file of files) {
      const [head, ...lines] = parseCsv(textOf(file));
      for (const line of lines) all.push(Object.fromEntries(head.map((name, i) => [name, line[i]])));
    }
    assert.deepEqual(all.map((row) => Number(row.number)), numbers(calls));
    for (const [i, row] of all.entries()) {
      assert.equal(row.id, calls[i].data.id);
      assert.equal(row.cost_usd, calls[i].data.cost_usd);
      assert.equal(row.step, calls[i].data.step ?? "");
      assert.equal(row.hash, calls[i].hash);
    }
    await gate.stop();
  });

  test("kill -9 over and over: no row is lost, none stands there twice or by halves", { timeout: 120_000 }, async () => {
    const hook = await startReceiver();
    const gate = await gateWith({
      audit: { kind: "file", start: "beginning", rotate_bytes: "20KiB", gzip: true, batch_rows: 7, every: "100ms" },
      hook: { kind: "webhook", url: hook.url, secret, start: "beginning", batch_rows: 7, every: "100ms" },
    });
    for (let round = 0; round < 8; round++) {
      const load = Promise.all(Array.from({ length: 4 }, async () => { for (let i = 0; i < 20; i++) await charge(gate).catch(() => {}); }));
      await sleep(150 + 97 * round);
      await gate.kill();
      await load;
      await gate.start();
    }
    await caughtUp(gate, "audit");
    await caughtUp(gate, "hook");
    const want = await chain(gate);
    assert.deepEqual(numbers(rowsOf(gate, "audit")), upTo(want.length));
    const came = new Map();
    for (const row of hook.rows()) {
      if (came.has(row.number)) assert.equal(came.get(row.number), row.hash, "a double is the same row");
      came.set(row.number, row.hash);
    }
    assert.deepEqual([...came.keys()].sort((a, b) => a - b), upTo(want.length));
    for (const row of want) assert.equal(came.get(row.number), row.hash);
    const bodies = new Map();
    for (const call of hook.taken) {
      const id = call.headers["x-tollgate-delivery"];
      if (bodies.has(id)) assert.equal(bodies.get(id), call.text, "a delivery of one name has one content");
      bodies.set(id, call.text);
    }
    await gate.stop();
  });

  test("stays where it may write", async () => {
    const bad = async (exports, more = {}) => (await gateCheck({ exports, ...more })).err;
    assert.match(await bad({ a: { kind: "file", dir: "../x" } }), /exports\.a\.dir: found "\.\.\/x"; allowed: a name below DATA\/exports/);
    assert.match(await bad({ a: { kind: "file", dir: "/etc" } }), /exports\.a\.dir/);
    assert.match(await bad({ a: { kind: "file", url: "https://x" } }), /exports\.a\.url: does not belong to an export of kind file/);
    assert.match(await bad({ a: { kind: "ftp" } }), /exports\.a\.kind/);
    assert.match(await bad({ a: { kind: "s3", bucket: "b" } }), /exports\.a\.bucket/);
    assert.match(await bad({ a: { kind: "webhook", url: "http://example.com/x", secret } }), /exports\.a\.url: would send in the clear/);
    assert.match(await bad({ a: { kind: "webhook", url: "https://example.com/x" } }), /exports\.a\.secret: is required/);
    assert.match(await bad({ a: { kind: "otlp", url: "https://example.com/x", rows: ["change"] } }), /exports\.a\.rows/);
    assert.match(await bad({ a: { kind: "file", start: "soon" } }), /exports\.a\.start/);
    assert.match(await bad({ a: { kind: "file", verdicts: ["good"] } }), /exports\.a\.verdicts: found "good"/);
    assert.equal((await gateCheck({ exports: { a: { kind: "file", dir: "/srv/out/x" } }, export_dirs: ["/srv/out"] })).code, 0);
    const gate = await gateWith({ a: { kind: "file", start: "beginning", every: "100ms" } });
    await gate.stop();
    fs.rmSync(exportsDir(gate, "a"), { recursive: true, force: true });
    fs.mkdirSync(path.dirname(exportsDir(gate, "a")), { recursive: true });
    fs.symlinkSync("/tmp", exportsDir(gate, "a"));
    await gate.start();
    await charge(gate);
    await until(async () => /leads out/.test((await status(gate, "a")).trouble), "the link is refused");
    assert.ok(!fs.existsSync("/tmp/a.jsonl"));
    const test = await gate.post("/exports/a/test");
    assert.equal(test.sent, false);
    await gate.stop();
  });

  test("a full disk is waited out", { timeout: 90_000, skip: mayMount() !== "yes" && "mounting is root's" }, async () => {
    const at = path.join(tempDir("exports"), "disk");
    const disk = mountDisk(at, 2);
    const gate = await gateWith({ audit: { kind: "file", dir: path.join(at, "out"), start: "beginning", every: "100ms", batch_rows: 10 } }, { export_dirs: [at] });
    for (let i = 0; i < 10; i++) await charge(gate);
    await caughtUp(gate, "audit");
    disk.fill();
    for (let i = 0; i < 30; i++) await charge(gate);
    await until(async () => /the disk is full/.test((await status(gate, "audit")).trouble), "it is said");
    disk.empty();
    await caughtUp(gate, "audit", 30_000);
    const rows = fs.readFileSync(path.join(at, "out", "audit.jsonl"), "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
    assert.deepEqual(numbers(rows), upTo((await chain(gate)).length));
    await gate.stop();
  });
});

/** RFC 4180 and nothing else: every record as long as the first, CR LF behind each, quotes where they have to be. */
function parseCsv(text) {
  const records = [];
  let at = 0, record = [];
  while (at < text.length) {
    let cell;
    if (text[at] === '"') {
      cell = "";
      for (at++; ; at++) {
        assert.ok(at < text.length, "a quote that never ends");
        if (text[at] !== '"') cell += text[at];
        else if (text[at + 1] === '"') cell += text[at++];
        else break;
      }
      at++;
    } else {
      [cell] = text.slice(at).match(/^[^",\r\n]*/);
      at += cell.length;
    }
    record.push(cell);
    if (text[at] === ",") { at++; continue; }
    assert.equal(text.slice(at, at + 2), "\r\n", `after a cell at ${at}`);
    at += 2;
    records.push(record);
    record = [];
  }
  assert.equal(record.length, 0);
  for (const r of records) assert.equal(r.length, records[0].length);
  return records;
}

async function gateCheck(more) {
  const dir = fs.mkdtempSync("/tmp/tollgate-exports-");
  const file = path.join(dir, "tollgate.yaml");
  fs.writeFileSync(file, JSON.stringify({ data: path.join(dir, "data"), ...config({ stripe: stripe.url }, { keys: [key("agent", ["stripe-main"])] }), ...more }));
  const result = await run(binary, ["serve", "--config", file, "--check"], { env: cleanEnv() });
  fs.rmSync(dir, { recursive: true, force: true });
  return result;
}

describe("webhook", () => {
  test("signed batches; filters; failures are tried again; a slow one holds nobody up", { timeout: 90_000 }, async () => {
    const all = await startReceiver(), refused = await startReceiver(), slow = await startReceiver();
    slow.next.push(async (call, res, taken) => { await sleep(4000); taken.push(call); res.writeHead(204).end(); });
    const gate = await gateWith({
      all: { kind: "webhook", url: `${all.url}/in?x=1`, secret, start: "beginning", every: "100ms" },
      refused: { kind: "webhook", url: refused.url, secret, start: "beginning", every: "100ms", rows: ["call"], verdicts: ["denied"], vendors: ["open*"], gzip: true },
      slow: { kind: "webhook", url: slow.url, secret, start: "beginning", every: "100ms" },
    });
    all.next.push(500, [429, { "retry-after": "2" }], [302, { location: `${slow.url}/elsewhere` }], (call, res) => res.socket.destroy(), (call, res) => res.socket.end("garbage\r\n\r\n"));
    const began = Date.now();
    for (let i = 0; i < 5; i++) await charge(gate);
    await chat(gate, "poor");
    await caughtUp(gate, "all", 60_000);
    assert.ok(Date.now() - began > 4000, "500: a moment, 429: as long as it said, and so on");
    const want = await chain(gate);
    assert.deepEqual(numbers(all.rows()), upTo(want.length), "a refused batch comes once more, an accepted one does not");
    assert.ok(!slow.calls.some((call) => call.url.includes("elsewhere")), "redirects are not followed");
    for (const call of all.taken) {
      assert.equal(call.headers["x-tollgate-event"], "export");
      assert.equal(call.headers["content-type"], "application/json");
      assert.ok(isFromTheGate(secret, call.headers["x-tollgate-signature"], call.body));
      const rows = JSON.parse(call.text);
      assert.equal(call.headers["x-tollgate-delivery"], `all:${rows[0].number}-${rows.at(-1).number}`);
    }
    await caughtUp(gate, "refused");
    assert.deepEqual(refused.rows().map((row) => row.data.denied), ["budget_exceeded"]);
    assert.ok(isFromTheGate(secret, refused.taken[0].headers["x-tollgate-signature"], refused.taken[0].body), "what is signed is what is sent");
    await caughtUp(gate, "slow", 30_000);
    assert.deepEqual(numbers(slow.rows()), upTo((await chain(gate)).length));
    const s = await status(gate, "all");
    assert.ok(s.failures >= 5 && s.trouble === null, JSON.stringify(s));
    await gate.stop();
  });

  test("a receiver that is down: behind, told, and then all of it; through another configuration, too", { timeout: 90_000 }, async () => {
    const hook = await startReceiver(), bell = await startReceiver();
    hook.next.push(...Array(1000).fill(503));
    const gate = await gateWith({ hook: { kind: "webhook", url: hook.url, secret, start: "beginning", every: "100ms", alarm_after: "1s", batch_rows: 4 } },
      { alerts: [{ name: "bell", webhook: bell.url, secret, events: ["export"] }] });
    for (let i = 0; i < 10; i++) await charge(gate);
    const s = await until(async () => { const now = await status(gate, "hook"); return now.lag_rows >= 10 && now.lag_seconds >= 1 && now; }, "it is behind");
    assert.equal(s.trouble, "it answered 503");
    const told = await until(() => bell.taken.map((c) => JSON.parse(c.text)).find((a) => a.event === "export"), "an alert");
    assert.equal(told.export, "hook");
    assert.match(told.text, /the export hook is behind: \d+ rows are not delivered.*it answered 503/);
    const { body } = await gate.ask("GET", "/metrics");
    assert.ok(Number(body.match(/^tollgate_export_lag_rows\{export="hook"\} (\d+)$/m)[1]) >= 10);
    // It leaves the configuration, calls go on, it comes back under its name.
    const file = JSON.parse(fs.readFileSync(gate.file, "utf8")), kept = file.exports;
    gate.writeConfig({ ...file, exports: {} });
    gate.signal("SIGHUP");
    await until(async () => (await gate.ask("GET", "/api/v1/exports/hook/status")).status === 404, "it is gone");
    for (let i = 0; i < 5; i++) await charge(gate);
    hook.next.length = 0;
    gate.writeConfig({ ...file, exports: { hook: { ...kept.hook, batch_rows: 3, format: "json" } } });
    gate.signal("SIGHUP");
    await until(async () => (await gate.ask("GET", "/api/v1/exports/hook/status")).status === 200, "it is back");
    await caughtUp(gate, "hook", 30_000);
    assert.deepEqual([...new Set(numbers(hook.rows()))], upTo((await chain(gate)).length));
    await gate.stop();
  });

  test("one that is paused says how far behind it is, after a restart too", { timeout: 60_000 }, async () => {
    const hook = await startReceiver();
    const gate = await gateWith({ hook: { kind: "webhook", url: hook.url, secret, start: "beginning", every: "100ms" } });
    await charge(gate);
    const { position } = await caughtUp(gate, "hook");
    const file = JSON.parse(fs.readFileSync(gate.file, "utf8"));
    gate.writeConfig({ ...file, exports: { hook: { ...file.exports.hook, paused: true } } });
    await gate.restart();
    await charge(gate);
    const s = await until(async () => { const now = await status(gate, "hook"); return now.lag_rows > 0 && now.lag_seconds > 0 && now; }, "it is behind");
    assert.deepEqual([s.paused, s.position], [true, position]);
    const { body } = await gate.ask("GET", "/metrics");
    assert.ok(Number(body.match(/^tollgate_export_lag_rows\{export="hook"\} (\d+)$/m)[1]) > 0);
    await gate.stop();
  });

  test("a batch that is too large for the receiver is made smaller", { timeout: 60_000 }, async () => {
    const hook = await startReceiver();
    const judge = (call, res, taken) => {
      hook.next.unshift(judge);
      const small = JSON.parse(call.text).length <= 3;
      if (small) taken.push(call);
      res.writeHead(small ? 200 : 413).end();
    };
    hook.next.push(judge);
    const gate = await gateWith({ hook: { kind: "webhook", url: hook.url, secret, start: "beginning", every: "1s" } });
    for (let i = 0; i < 12; i++) await charge(gate);
    await caughtUp(gate, "hook", 40_000);
    assert.deepEqual(numbers(hook.rows()), upTo((await chain(gate)).length));
    await gate.stop();
  });
});

test("a row that is too large even alone holds up none behind it", { timeout: 90_000 }, async () => {
  const hook = await startReceiver(), traces = await startReceiver(), bell = await startReceiver();
  const judge = (receiver, large) => (call, res, taken) => {
    receiver.next.unshift(judge(receiver, large));
    const fits = !large(call.text);
    if (fits) taken.push(call);
    res.writeHead(fits ? 200 : 413).end();
  };
  hook.next.push(judge(hook, (text) => text.includes("run_of_a_giant") || JSON.parse(text).length > 6));
  traces.next.push(judge(traces, (text) => text.includes("run_of_a_giant")));
  const gate = await gateWith({
    hook: { kind: "webhook", url: hook.url, secret, start: "beginning", every: "1s" },
    traces: { kind: "otlp", url: `${traces.url}/v1/traces`, start: "beginning", every: "1s" },
  }, { alerts: [{ name: "bell", webhook: bell.url, secret, events: ["export"] }] });
  for (let i = 0; i < 6; i++) await charge(gate, i === 3 ? { "x-agent-run-id": "run_of_a_giant" } : {});
  await caughtUp(gate, "hook", 40_000);
  await caughtUp(gate, "traces", 40_000);
  const giant = (await chain(gate)).find((row) => row.data.run === "run_of_a_giant"), rows = hook.rows();
  assert.deepEqual(numbers(rows), upTo((await chain(gate)).length));
  assert.deepEqual(rows.filter((row) => row.too_large), [{ number: giant.number, kind: "call", id: giant.data.id, data: null, hash: giant.hash, too_large: true }]);
  for (const name of ["hook", "traces"]) {
    const s = await status(gate, name);
    assert.deepEqual([s.too_large, s.trouble], [1, null], name);
    const told = await until(() => bell.taken.map((c) => JSON.parse(c.text)).find((a) => a.event === "export" && a.export === name), "an alert");
    assert.equal(told.too_large, giant.number);
  }
  const { body } = await gate.ask("GET", "/metrics");
  assert.match(body, /^tollgate_export_too_large_total\{export="hook"\} 1$/m);
  await gate.stop();
});

describe("a bucket", () => {
  const keys = { accessKeyId: "AKIDEXAMPLE0002", secretAccessKey: "s3/secret+of-the-tests" };

  /** Keeps objects, and takes only what is signed as the protocol says: by the specification's own words, and by the SDK's implementation. */
  async function startBucket(region) {
    const objects = new Map(), wrong = [];
    const bucket = await startScripted(async (call, res) => {
      const trouble = await judge(call, region).catch((e) => String(e));
      if (trouble) wrong.push(trouble);
      if (trouble) return answerJson(res, 403, { trouble });
      const how = bucket.next.shift();
      if (call.method === "PUT") { objects.set(call.url, call.body); (bucket.order ??= []).push(call.url); }
      if (call.method === "DELETE") objects.delete(call.url);
      if (how === "lost") return res.socket.destroy();
      res.writeHead(call.method === "DELETE" ? 204 : 200).end();
    });
    return Object.assign(bucket, { objects, wrong, next: [] });
  }

  const hmac = (k, text) => crypto.createHmac("sha256", k).update(text).digest();
  const sha = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

  async function judge(call, region) {
    const h = call.headers, m = h.authorization?.match(/^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/);
    if (!m) return "no signature";
    const [, id, day, where, signed, signature] = m;
    if (id !== keys.accessKeyId || where !== region || !h["x-amz-date"].startsWith(day)) return "another key, region or day";
    if (h["x-amz-content-sha256"] !== sha(call.body)) return "another body";
    const names = signed.split(";");
    if (!names.includes("host") || Object.keys(h).some((name) => name.startsWith("x-amz-") && !names.includes(name))) return "something is not signed";
    const canonical = [call.method, call.url, "", ...names.map((name) => `${name}:${h[name].trim()}`), "", signed, h["x-amz-content-sha256"]].join("\n");
    const toSign = ["AWS4-HMAC-SHA256", h["x-amz-date"], `${day}/${region}/s3/aws4_request`, sha(canonical)].join("\n");
    const k = ["aws4_request"].reduce(hmac, hmac(hmac(hmac(`AWS4${keys.secretAccessKey}`, day), region), "s3"));
    if (hmac(k, toSign).toString("hex") !== signature) return "the specification says another signature";
    const at = new Date(h["x-amz-date"].replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3:$4:$5Z"));
    class Sha256 {
      constructor(s) { this.hash = s ? crypto.createHmac("sha256", s) : crypto.createHash("sha256"); }
      update(data) { this.hash.update(data); }
      async digest() { return new Uint8Array(this.hash.digest()); }
    }
    const theirs = await new SignatureV4({ credentials: keys, region, service: "s3", sha256: Sha256, applyChecksum: true, uriEscapePath: false })
      .sign({ method: call.method, protocol: "http:", hostname: "x", path: call.url, query: {}, headers: Object.fromEntries(names.map((n) => [n, h[n]])), body: call.body }, { signingDate: at });
    return theirs.headers.authorization.endsWith(signature) ? null : "the SDK says another signature";
  }

  test("objects of rows, signed, named by time and numbers; a lost answer makes no second object", { timeout: 90_000 }, async () => {
    const bucket = await startBucket("eu-central-1");
    bucket.next.push("lost");
    const gate = await gateWith({
      lake: { kind: "s3", bucket: "tollgate-rows", region: "eu-central-1", endpoint: bucket.url, prefix: "gate/audit", key_id: keys.accessKeyId, secret: keys.secretAccessKey, start: "beginning", every: "500ms", batch_rows: 10 },
    });
    for (let i = 0; i < 25; i++) await charge(gate);
    await caughtUp(gate, "lake", 30_000);
    assert.deepEqual(bucket.wrong, []);
    const want = await chain(gate), rows = [];
    for (const url of [...bucket.objects.keys()].sort()) {
      const [, from, to] = url.match(/^\/tollgate-rows\/gate\/audit\/\d{4}\/\d\d\/\d\d\/\d{6}-(\d{12})-(\d{12})\.jsonl\.gz$/) ?? assert.fail(url);
      const lines = zlib.gunzipSync(bucket.objects.get(url)).toString().trim().split("\n").map((l) => JSON.parse(l));
      assert.deepEqual([lines[0].number, lines.at(-1).number], [Number(from), Number(to)]);
      rows.push(...lines);
    }
    assert.deepEqual(numbers(rows).sort((a, b) => a - b), upTo(want.length), "each row in one object, although one was put twice");
    assert.equal(bucket.order.length, bucket.objects.size + 1, "one came twice, under one name");
    const tried = await gate.post("/exports/lake/test");
    assert.deepEqual([tried.sent, tried.trouble], [true, null]);
    assert.ok(![...bucket.objects.keys()].some((url) => url.includes("test")), "the test's object is taken away again");
    assert.deepEqual(bucket.wrong, []);
    // The bucket before the host: *.localhost is this machine.
    const { status: code, body } = await gate.ask("POST", "/api/v1/exports", { name: "host", kind: "s3", bucket: "tollgate-rows", region: "eu-central-1", endpoint: bucket.url.replace("127.0.0.1", "localhost"), path_style: false, key_id: keys.accessKeyId, secret: keys.secretAccessKey, every: "100ms" });
    assert.equal(code, 201, JSON.stringify(body));
    await gate.stop();
  });

  test("another secret is refused, and said", { timeout: 60_000 }, async () => {
    const bucket = await startBucket("us-east-1");
    const gate = await gateWith({ lake: { kind: "s3", bucket: "tollgate-rows", region: "us-east-1", endpoint: bucket.url, key_id: keys.accessKeyId, secret: "another-secret-0001", start: "beginning", every: "100ms" } });
    await charge(gate);
    await until(async () => (await status(gate, "lake")).trouble === "it answered 403", "it is said");
    assert.equal(bucket.objects.size, 0);
    const { code } = await run(binary, ["export", "test", "lake"], { env: cleanEnv({ TOLLGATE_ADMIN: `http://${gate.adminAddress}`, TOLLGATE_ADMIN_TOKEN: "admin-token-of-the-tests-1" }) });
    assert.notEqual(code, 0);
    await gate.stop();
  });
});

describe("traces", () => {
  const value = { stringValue: "string", intValue: "string", doubleValue: "number", boolValue: "boolean" };
  const only = (object, names, what) => { for (const name of Object.keys(object)) assert.ok(names.includes(name), `${what} has ${name}`); };

  /** The JSON that protobuf's mapping gives for ExportTraceServiceRequest, with OTLP's exception: ids in hex. */
  function checkOtlp(body) {
    const spans = [];
    only(body, ["resourceSpans"], "the request");
    for (const r of body.resourceSpans) {
      only(r, ["resource", "scopeSpans", "schemaUrl"], "resourceSpans");
      assert.equal(attributesOf(r.resource)["service.name"], "tollgate");
      for (const s of r.scopeSpans) {
        only(s, ["scope", "spans", "schemaUrl"], "scopeSpans");
        only(s.scope, ["name", "version"], "scope");
        for (const span of s.spans) {
          only(span, ["traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status", "links", "events"], "a span");
          assert.match(span.traceId, /^[0-9a-f]{32}$/);
          assert.match(span.spanId, /^[0-9a-f]{16}$/);
          if (span.parentSpanId !== undefined) assert.match(span.parentSpanId, /^[0-9a-f]{16}$/);
          assert.match(span.startTimeUnixNano, /^\d{19}$/);
          assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
          assert.ok(Number.isInteger(span.kind) && span.name);
          only(span.status, ["code", "message"], "a status");
          spans.push({ ...span, a: attributesOf(span) });
        }
      }
    }
    return spans;
  }
  function attributesOf({ attributes }) {
    const seen = {};
    for (const { key: name, value: v, ...rest } of attributes) {
      assert.deepEqual(rest, {});
      const [[type, what], ...more] = Object.entries(v);
      assert.equal(more.length, 0);
      assert.equal(typeof what, value[type], `${name} is ${type}`);
      if (type === "intValue") assert.match(what, /^-?\d+$/);
      assert.ok(!(name in seen), `${name} stands twice`);
      seen[name] = type === "intValue" ? Number(what) : what;
    }
    return seen;
  }

  async function startCollector() {
    const spans = [];
    const collector = await startScripted((call, res) => {
      const how = collector.next.shift();
      if (how) return answerJson(res, how, {});
      call.spans = checkOtlp(JSON.parse((call.headers["content-encoding"] === "gzip" ? zlib.gunzipSync(call.body) : call.body).toString()));
      spans.push(...call.spans);
      answerJson(res, 200, collector.answer ?? {});
    });
    return Object.assign(collector, { spans, next: [] });
  }

  test("a run is a trace, a call a span, its attempts spans below; refusals are errors", { timeout: 60_000 }, async () => {
    const collector = await startCollector();
    collector.next.push(503);
    const gate = await gateWith({ traces: { kind: "otlp", url: `${collector.url}/v1/traces`, secret: "collector-token", start: "beginning", every: "200ms", gzip: true } });
    const runId = newRun();
    await chat(gate, "agent", { "x-agent-run-id": runId });
    await charge(gate, { "x-agent-run-id": runId });
    await chat(gate, "poor");
    await caughtUp(gate, "traces", 30_000);
    assert.equal(collector.calls.at(-1).headers.authorization, "Bearer collector-token");
    assert.equal(collector.calls.at(-1).headers["content-type"], "application/json");
    const calls = (await chain(gate)).filter((row) => row.kind === "call").map((row) => row.data);
    const of = (id) => collector.spans.filter((s) => s.a["tollgate.call_id"] === id);
    const [llm, saas, poor] = [calls.find((c) => c.model && c.verdict === "allowed"), calls.find((c) => c.vendor === "stripe"), calls.find((c) => c.verdict === "denied")].map((c) => {
      assert.equal(of(c.id).length, 1, "one span a call");
      return { row: c, span: of(c.id)[0] };
    });
    assert.equal(llm.span.traceId, saas.span.traceId, "one trace a run");
    assert.notEqual(llm.span.traceId, poor.span.traceId);
    assert.equal(llm.span.name, "chat gpt-4o-mini");
    assert.equal(llm.span.kind, 3);
    const a = llm.span.a;
    assert.equal(a["gen_ai.operation.name"], "chat");
    assert.equal(a["gen_ai.provider.name"], "openai");
    assert.equal(a["gen_ai.request.model"], "gpt-4o-mini");
    assert.equal(a["gen_ai.response.model"], llm.row.model);
    assert.equal(a["gen_ai.usage.input_tokens"], llm.row.input_tokens);
    assert.equal(a["gen_ai.usage.output_tokens"], llm.row.output_tokens);
    assert.equal(a["tollgate.cost_usd"], llm.row.cost_usd);
    assert.equal(a["tollgate.cost"], Number(llm.row.cost_usd));
    assert.equal(a["tollgate.run"], runId);
    assert.equal(a["http.response.status_code"], 200);
    assert.equal(BigInt(llm.span.startTimeUnixNano), BigInt(Date.parse(llm.row.at)) * 1_000_000n);
    assert.equal(saas.span.name, "POST stripe.charges.create");
    assert.equal(saas.span.a["http.request.method"], "POST");
    assert.equal(saas.span.a["gen_ai.operation.name"], undefined);
    assert.equal(poor.span.status.code, 2);
    assert.equal(poor.span.a["error.type"], "budget_exceeded");
    for (const { row, span } of [llm, saas, poor]) {
      const below = collector.spans.filter((s) => s.parentSpanId === span.spanId);
      assert.equal(below.length, row.attempts.length, "a span an attempt");
      for (const attempt of below) assert.ok(attempt.traceId === span.traceId && BigInt(attempt.endTimeUnixNano) <= BigInt(span.endTimeUnixNano));
    }
    const said = JSON.stringify(collector.spans);
    assert.ok(!said.includes("Hello") && !said.includes(tokenOf("agent")), "no content, no key");
    // Sent once more: the same ids, so a receiver keeps one.
    const before = new Set(collector.spans.map((s) => s.spanId)), count = collector.spans.length;
    await gate.post("/exports/traces/rewind", { from: "beginning", reason: "once more" });
    await until(() => collector.spans.length >= 2 * count, "all of it again");
    assert.deepEqual(new Set(collector.spans.map((s) => s.spanId)), before);
    collector.answer = { partialSuccess: { rejectedSpans: "2", errorMessage: "no" } };
    await charge(gate);
    await until(async () => (await status(gate, "traces")).rejected === 2, "what was thrown away is counted");
    await gate.stop();
  });

  test("Langfuse: model, tokens, cost, session", { timeout: 60_000 }, async () => {
    const langfuse = await startCollector();
    const gate = await gateWith({ langfuse: { kind: "langfuse", url: langfuse.url, public_key: "pk-lf-1", secret: "sk-lf-1", start: "beginning", every: "200ms" } });
    const runId = newRun();
    await chat(gate, "agent", { "x-agent-run-id": runId });
    await charge(gate, { "x-agent-run-id": runId });
    await caughtUp(gate, "langfuse", 30_000);
    const last = langfuse.calls.at(-1);
    assert.equal(last.url, "/api/public/otel/v1/traces");
    assert.equal(last.headers.authorization, `Basic ${Buffer.from("pk-lf-1:sk-lf-1").toString("base64")}`);
    const row = (await gate.calls({ run: runId })).find((c) => c.model);
    const { a } = langfuse.spans.find((s) => s.a["tollgate.call_id"] === row.id);
    assert.equal(a["langfuse.trace.name"], runId);
    assert.equal(a["langfuse.session.id"], runId);
    assert.equal(a["langfuse.observation.type"], "generation");
    assert.equal(a["langfuse.observation.model.name"], row.model);
    const usage = JSON.parse(a["langfuse.observation.usage_details"]);
    assert.equal(usage.total, row.input_tokens + row.output_tokens);
    assert.equal(Object.entries(usage).filter(([k]) => k !== "total").reduce((sum, [, n]) => sum + n, 0), usage.total, "parts that add up");
    assert.deepEqual(JSON.parse(a["langfuse.observation.cost_details"]), { total: Number(row.cost_usd) });
    const other = langfuse.spans.find((s) => s.a["tollgate.operation"] === "stripe.charges.create").a;
    assert.equal(other["langfuse.observation.type"], "span");
    const paid = (await gate.calls({ run: runId })).find((c) => c.vendor === "stripe");
    assert.deepEqual(JSON.parse(other["langfuse.observation.cost_details"]), { total: Number(paid.cost_usd) });
    assert.ok(Number(paid.cost_usd) > 0);
    await gate.stop();
  });
});

describe("the API", () => {
  test("objects, masked secrets, audit rows, test, rewind, status, the command line", { timeout: 90_000 }, async () => {
    const hook = await startReceiver();
    const gate = await gateWith({});
    const made = await gate.ask("POST", "/api/v1/exports", { name: "hook", kind: "webhook", url: hook.url, secret, every: "100ms" });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    assert.equal(made.body.secret, undefined);
    assert.equal(made.body.secret_set, true);
    await until(async () => (await status(gate, "hook")).position >= 0, "it begins");
    const start = (await status(gate, "hook")).position;
    await charge(gate);
    await caughtUp(gate, "hook");
    assert.ok(numbers(hook.rows())[0] >= start, "from now on, not from the beginning");
    assert.deepEqual((await gate.post("/exports/hook/test")).sent, true);
    const moved = await gate.ask("PATCH", "/api/v1/exports/hook", { url: `${hook.url}/other` });
    assert.equal(moved.status, 422);
    assert.equal(moved.body.field, "secret", "a secret goes nowhere else by itself");
    const again = await gate.ask("PATCH", "/api/v1/exports/hook", { url: `${hook.url}/other`, secret: "another-secret-0002" });
    assert.equal(again.status, 200);
    hook.taken.length = 0;
    const back = await gate.post("/exports/hook/rewind", { from: "beginning", reason: "a new warehouse" });
    assert.equal(back.position, 0);
    await until(() => hook.rows().some((row) => row.number === 0), "it begins again");
    await caughtUp(gate, "hook");
    assert.ok(hook.taken.every((call) => call.url === "/other" && isFromTheGate("another-secret-0002", call.headers["x-tollgate-signature"], call.body)));
    const changes = (await chain(gate)).filter((row) => row.kind === "change").map((row) => row.data);
    assert.deepEqual(changes.filter((c) => c.object === "hook").map((c) => c.action), ["export.create", "export.update", "export.rewind"]);
    const said = JSON.stringify([changes, await gate.get("/exports"), hook.rows()]);
    assert.ok(!said.includes(secret) && !said.includes("another-secret-0002"), "no secret is shown");
    assert.ok(!fs.readFileSync(path.join(gate.dataDir, "tollgate.db")).includes(secret), "nor kept as it is");
    for (const [body, field] of [[{}, "from"], [{ from: "soon" }, "from"], [{ from: "now", why: 1 }, "why"]]) {
      const bad = await gate.ask("POST", "/api/v1/exports/hook/rewind", body);
      assert.equal(bad.status, 422);
      assert.equal(bad.body.field, field, JSON.stringify(bad.body));
    }
    for (const [method, where] of [["GET", "status"], ["POST", "test"], ["POST", "rewind"]]) assert.equal((await gate.ask(method, `/api/v1/exports/none/${where}`, method === "POST" ? { from: "now" } : undefined)).status, 404);
    const moment = new Date().toISOString();
    await sleep(20);
    await charge(gate);
    const want = (await chain(gate)).find((row) => row.data.at >= moment);
    assert.equal((await gate.post("/exports/hook/rewind", { from: moment })).position, want.number);
    const env = cleanEnv({ TOLLGATE_ADMIN: `http://${gate.adminAddress}`, TOLLGATE_ADMIN_TOKEN: "admin-token-of-the-tests-1" });
    const listed = await run(binary, ["export"], { env });
    assert.match(listed.out, /hook\s+webhook/, listed.err);
    assert.match((await run(binary, ["export", "test", "hook"], { env })).out, /^taken after \d+ ms/);
    assert.match((await run(binary, ["export", "rewind", "hook", "--from", "now"], { env })).out, /hook goes on from row \d+/);
    assert.equal((await gate.ask("PATCH", "/api/v1/exports/hook", { paused: true })).status, 200);
    await until(async () => (await status(gate, "hook")).paused, "it rests");
    assert.equal((await gate.ask("DELETE", "/api/v1/exports/hook")).status, 204);
    await gate.stop();
  });
});
