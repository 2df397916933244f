// SPDX-License-Identifier: Apache-2.0
// `tollgate doctor`: each thing it looks at, whole and broken. What it says is asserted with the next step beside it.
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { before } from "node:test";

import { config, key, secrets } from "./lib/config.js";
import { mayMount, mountDisk } from "./lib/disk.js";
import { adminToken, binary, cleanEnv, startGate, tempDir } from "./lib/gate.js";
import { atEnd, freePort, run } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

/** A vendor that answers `status`, and writes down what it was asked. */
async function vendor({ status = 200, date } = {}) {
  const it = { asked: [], status, date };
  const server = http.createServer((request, response) => {
    it.asked.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization });
    response.sendDate = !it.date;
    response.writeHead(it.status, { "content-type": "application/json", ...(it.date ? { date: it.date } : {}) });
    response.end("{}");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  atEnd(() => server.close());
  it.url = `http://127.0.0.1:${server.address().port}`;
  return it;
}

let stripe;
before(async () => { stripe = await vendor(); });

/** Runs doctor on a configuration in a place of its own: { code, findings, has(level, area, pattern) }. */
async function doctor(settings, { args = [], env = {}, prepare } = {}) {
  const dir = tempDir("doctor");
  const file = path.join(dir, "tollgate.yaml");
  const data = path.join(dir, "data");
  fs.writeFileSync(file, typeof settings === "string" ? settings : JSON.stringify({ listen: "127.0.0.1:0", admin: { listen: "127.0.0.1:0", token: adminToken }, ...settings }));
  prepare?.(data);
  const { code, out, err } = await run(binary, ["doctor", "--config", file, "--data", data, "--json", "--admin", "http://127.0.0.1:1", ...args], { env: cleanEnv(env), timeout: 30_000 });
  assert.ok(out.startsWith("{"), err + out);
  const { findings, ...rest } = JSON.parse(out);
  const it = { code, findings, ...rest, text: out + err, data };
  it.has = (level, area, pattern, next) => {
    const one = findings.find((f) => f.level === level && f.area === area && pattern.test(f.found));
    assert.ok(one, `${level} ${area} ${pattern}: ${JSON.stringify(findings, null, 1)}`);
    if (level !== "ok") assert.match(one.next ?? "", next ?? /\w{4}/, "the next step");
  };
  return it;
}

const sound = (more = {}) => config({ stripe: stripe.url }, { keys: [key("agent", ["stripe-main"], { budgets: [{ limit: "20 usd", window: "day" }] })], ...more });

describe("a sound gate", () => {
  test("before its first start: nothing is wrong, nothing is made, the secret goes to its vendor alone", async () => {
    stripe.asked = [];
    const it = await doctor(sound());
    assert.equal(it.code, 0, it.text);
    assert.equal(it.healthy, true);
    it.has("ok", "configuration", /1 keys, 1 credentials/);
    it.has("ok", "vendor stripe", /answers in \d+ ms, without TLS/);
    it.has("ok", "credential", /stripe-main: stripe takes it \(200\)/);
    it.has("ok", "clock", /agrees/);
    it.has("ok", "time zones", /there/);
    it.has("ok", "prices", /days old/);
    it.has("warn", "gate", /none answers/, /tollgate serve/);
    assert.deepEqual(stripe.asked, [{ line: "GET /v1/balance", authorization: `Bearer ${secrets.stripe}` }]);
    assert.ok(!fs.existsSync(it.data), "no file was made");
    assert.ok(!it.text.includes(secrets.stripe), "no secret is shown");
  });

  test("running: ports are the gate's, objects of the admin API are known, text for people", async () => {
    const gate = await startGate(sound());
    await gate.post("/credentials", { name: "second", vendor: "stripe", secret: "sk_test_made_by_the_api_1" });
    stripe.asked = [];
    const env = cleanEnv({ TOLLGATE_ADMIN: `http://${gate.adminAddress}`, TOLLGATE_ADMIN_TOKEN: adminToken });
    const { code, out } = await run(binary, ["doctor", "--config", gate.file, "--data", gate.dataDir], { env });
    assert.equal(code, 0, out);
    assert.match(out, /^ok +gate +it runs at .* and takes calls$/m);
    assert.match(out, /^ok +credential +second: stripe takes it/m);
    assert.match(out, /^ok +journal +\d+ files/m);
    assert.match(out, /^\d+ ok, \d+ to look at, 0 wrong$/m);
    assert.deepEqual(stripe.asked.map((one) => one.authorization).sort(), [`Bearer ${secrets.stripe}`, "Bearer sk_test_made_by_the_api_1"].sort(), "sealed secrets are opened");
  });

  test("--offline asks nobody", async () => {
    stripe.asked = [];
    const it = await doctor(sound(), { args: ["--offline"] });
    assert.equal(it.code, 0);
    assert.deepEqual(stripe.asked, []);
  });
});

describe("what is wrong has a name and a next step", () => {
  test("the configuration: file, line, field", async () => {
    const it = await doctor("listen: 127.0.0.1:0\nkees: []\n");
    assert.equal(it.code, 1);
    it.has("fail", "configuration", /tollgate\.yaml:2: kees/, /--check/);
  });

  test("a credential that its vendor refuses, may not use, or is throttled", async () => {
    for (const [status, level, code] of [[401, "fail", 1], [403, "warn", 0], [429, "warn", 0], [500, "warn", 0]]) {
      stripe.status = status;
      const it = await doctor(sound());
      it.has(level, "credential", new RegExp(`stripe-main: .*${status}`));
      assert.equal(it.code, code, String(status));
    }
    stripe.status = 200;
  });

  test("a name that is not known, a port that nobody listens on", async () => {
    (await doctor(config({ stripe: "http://no-such-host.invalid" }, { keys: [] }))).has("fail", "vendor stripe", /no-such-host\.invalid: name: /, /base_url/);
    const port = await freePort();
    (await doctor(config({ stripe: `http://127.0.0.1:${port}` }, { keys: [] }))).has("fail", "vendor stripe", /connect: Connection refused/, /firewall/);
  });

  test("a certificate that nobody vouches for", async () => {
    const dir = tempDir("doctor-tls");
    const made = await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", `${dir}/k.pem`, "-out", `${dir}/c.pem`, "-days", "3", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    assert.equal(made.code, 0, made.err);
    const server = tls.createServer({ key: fs.readFileSync(`${dir}/k.pem`), cert: fs.readFileSync(`${dir}/c.pem`) }, (socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
      socket.on("error", () => {});
    });
    server.on("tlsClientError", () => {});
    await new Promise((done) => server.listen(0, "localhost", done));
    atEnd(() => server.close());
    const url = `https://localhost:${server.address().port}`;
    (await doctor(config({ stripe: url }, { keys: [] }))).has("fail", "vendor stripe", /tls: self-signed certificate/, /ca_file/);
    const trusted = await doctor(config({ stripe: url }, { keys: [], ca_file: `${dir}/c.pem` }));
    trusted.has("warn", "vendor stripe", /certificate is good for [23] days/, /renew/);
    trusted.has("ok", "credential", /takes it/);
  });

  test("the gate's own certificate: not there, of another key, soon over", async () => {
    const dir = tempDir("doctor-own");
    for (const [name, days] of [["a", 3], ["b", 90]]) {
      const made = await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", `${dir}/${name}.key`, "-out", `${dir}/${name}.pem`, "-days", String(days), "-subj", "/CN=gate.example"]);
      assert.equal(made.code, 0, made.err);
    }
    const look = (cert, of) => doctor(sound({ tls: { cert: `${dir}/${cert}`, key: `${dir}/${of}` } }), { args: ["--offline"] });
    for (const [cert, of] of [["nowhere.pem", "a.key"], ["a.pem", "b.key"]]) {
      const it = await look(cert, of);
      assert.equal(it.code, 1, it.text);
      it.has("fail", "certificate", /pem|key/, /tls:/);
    }
    (await look("a.pem", "a.key")).has("warn", "certificate", /a\.pem is good for [23] days more/, /reload/);
    (await look("b.pem", "b.key")).has("ok", "certificate", /good for (89|90) days more, and its key fits/);
  });

  test("a proxy that lets nobody through", async () => {
    const server = http.createServer().on("connect", (request, socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    atEnd(() => server.close());
    const it = await doctor(config({ stripe: "https://stripe.invalid" }, { keys: [] }), { env: { HTTPS_PROXY: `http://127.0.0.1:${server.address().port}` } });
    it.has("fail", "vendor stripe", /proxy: it answered 407/, /HTTPS_PROXY/);
  });

  test("a master key that is none; a database that is none", async () => {
    const key = await doctor(sound(), { args: ["--offline"], env: { TOLLGATE_MASTER_KEY: "short" } });
    assert.equal(key.code, 1);
    key.has("fail", "master key", /\w/, /put the key back/);
    const store = await doctor(sound(), { args: ["--offline"], prepare: (data) => {
      fs.mkdirSync(data, { mode: 0o700 });
      fs.writeFileSync(path.join(data, "tollgate.db"), "this is no database ".repeat(500), { mode: 0o600 });
    } });
    assert.equal(store.code, 1);
    store.has("fail", "store", /tollgate\.db cannot be read/, /put a copy back/);
  });

  test("a disk that is nearly full", { skip: mayMount() !== "yes" && "a file system cannot be mounted here" }, async () => {
    const it = await doctor(sound(), { args: ["--offline"], prepare: (data) => mountDisk(data, 64) });
    assert.equal(it.code, 1);
    it.has("fail", "disk", /^6\d MiB are free/, /make room/);
  });

  test("a clock that all vendors disagree with", async () => {
    stripe.date = new Date(Date.now() + 3_600_000).toUTCString();
    const it = await doctor(sound());
    stripe.date = undefined;
    assert.equal(it.code, 1);
    it.has("fail", "clock", /36\d\d|35\d\d/, /NTP/);
  });

  test("files that others can read", async () => {
    const it = await doctor(sound(), { args: ["--offline"], prepare: (data) => {
      fs.mkdirSync(data, { mode: 0o755 });
      fs.writeFileSync(path.join(data, "admin.token"), "x", { mode: 0o644 });
    } });
    assert.equal(it.code, 1);
    it.has("warn", "data", /open to others/, /chmod 700/);
    it.has("fail", "data", /admin\.token can be read by others \(mode 644\)/, /chmod 600/);
  });

  test("a port that somebody else has", async () => {
    const server = net.createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    const it = await doctor({ ...sound(), listen: `127.0.0.1:${port}` }, { args: ["--offline"] });
    server.close();
    assert.equal(it.code, 1);
    it.has("fail", "ports", new RegExp(`calls 127\\.0\\.0\\.1:${port}: Address already in use`), /ss -ltnp/);
  });

  test("alerts that cannot be reached; no limit; no credential", async () => {
    const port = await freePort();
    const it = await doctor(sound({ alerts: { ops: { webhook: `http://127.0.0.1:${port}/hook`, secret: "whsec_0123456789abcdef" } } }));
    it.has("fail", "alerts", /ops: .*connect: Connection refused/);
    const bare = await doctor(config({}, { keys: [] }));
    bare.has("warn", "credential", /there is none/, /credential create/);
    bare.has("warn", "alerts", /nobody is told/);
    (await doctor(config({ stripe: stripe.url }, { keys: [key("free", ["stripe-main"])] }))).has("warn", "budgets", /nothing limits what key free spends/, /budget create/);
  });

  test("exports and metrics that cannot go where they are to go", async () => {
    const away = `http://127.0.0.1:${await freePort()}`;
    const dir = path.join(tempDir("doctor-exports"), "sheets");
    fs.writeFileSync(dir, "no directory");
    const it = await doctor(sound({
      export_dirs: [path.dirname(dir)],
      exports: { hook: { kind: "webhook", url: `${away}/rows`, secret: "whsec_0123456789abcdef" }, sheet: { kind: "file", dir, format: "csv" }, near: { kind: "webhook", url: `${stripe.url}/rows`, secret: "whsec_0123456789abcdef" } },
      telemetry: { otlp: { endpoint: away, plain: true } },
    }));
    assert.equal(it.code, 1);
    it.has("fail", "exports", /^hook: .*connect: Connection refused/, /firewall/);
    it.has("ok", "exports", /^near: .*`tollgate export test near` sends something/);
    it.has("fail", "exports", /^sheet: .* is no directory/, /gate's user/);
    it.has("fail", "telemetry", /^metrics: .*Connection refused/);
    assert.ok(!it.text.includes("whsec_"), "no secret is shown");
  });

  test("each vendor is asked in its own way, with what its calls carry", async () => {
    const reads = {
      vonage: "GET /account/get-balance", shopify: "GET /admin/oauth/access_scopes.json", duffel: "GET /air/airlines", shippo: "GET /addresses",
      "postmark-account": "GET /domains?count=1&offset=0", azure: "GET /models?api-version=2024-10-21",
    };
    for (const [name, line] of Object.entries(reads)) {
      const one = await vendor();
      const it = await doctor({ vendors: { [name]: { base_url: one.url } }, credentials: { c: { vendor: name, secret: "secret-of-it-0123456789", ...(name === "vonage" ? { key_id: "k1" } : {}) } }, policies: {}, keys: [] });
      it.has("ok", "credential", /c: .* takes it \(200\)/);
      assert.deepEqual(one.asked.map((asked) => asked.line), [line]);
    }
  });

  test("a vendor whose manifest names no harmless read is not asked", async () => {
    const slack = await vendor();
    const it = await doctor({ vendors: { slack: { base_url: slack.url } }, credentials: { s: { vendor: "slack", secret: "xoxb-1-0123456789" } }, policies: {}, keys: [] });
    it.has("warn", "credential", /s: not asked: no harmless read is known/, /probe/);
    assert.deepEqual(slack.asked, []);
  });
});
