// SPDX-License-Identifier: Apache-2.0
// HTTP as it is on the wire, both sides: framing, pipelining, half close, smuggling, sizes, hang-ups, streams, TLS, proxies.
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate, tempDir } from "./lib/gate.js";
import { atEnd, sleep, until } from "./lib/process.js";
import { connect, request } from "./lib/raw.js";
import { answerJson, listen, startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test } from "./lib/test.js";
import { makeAuthority } from "./lib/tls.js";

const MiB = 1 << 20;
let gate, upstream;
const auth = { authorization: `Bearer ${tokenOf("plain")}` };
const form = { ...auth, "content-type": "application/x-www-form-urlencoded" };
const charge = "amount=100&currency=usd&source=tok_visa";
const charged = { id: "ch_1", object: "charge", amount: 100, amount_captured: 100, currency: "usd", captured: true };

const manifest = (base_url) => ({
  vendor: "wide", title: "Wide", base_url, key_in: ["bearer"], send: "bearer", body: "json",
  operations: {
    "blobs.put": { call: "PUT /blobs/{id}", body: "opaque" },
    "blobs.get": "GET /blobs/{id}",
    "blobs.head": "HEAD /blobs/{id}",
    "things.list": "GET /things",
    "things.create": "POST /things",
    "things.delete": "DELETE /things/{id}",
  },
});

function wideConfig(url, more = {}) {
  return {
    vendors: { wide: { base_url: url, manifest: manifest(url) } },
    credentials: { w: { vendor: "wide", secret: "wide-upstream-secret" } },
    policies: { all: { allow: ["*"] } },
    keys: [key("plain", ["w"])],
    ...more,
  };
}

before(async () => {
  upstream = await startScripted((call, res) => answerJson(res, 200, charged));
  gate = await startGate(config({ stripe: upstream.url }, { keys: [key("plain", ["stripe-main"])], limits: { body_bytes: "1MiB", head_bytes: "16KiB" } }));
});

/** An upstream that handles sockets itself. */
async function startSockets(onSocket) {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => {});
    atEnd(() => socket.destroy());
    onSocket(socket);
  });
  const port = await listen(server);
  return { port, url: `http://127.0.0.1:${port}`, server };
}

describe("requests", () => {
  test("pipelined requests are answered in order, also when a refused one is between them", async () => {
    const raw = await connect(gate.port);
    raw.write(
      request("GET", "/stripe/v1/charges?limit=1", auth) + request("GET", "/stripe/v1/unknown", auth) +
      request("POST", "/stripe/v1/charges", { ...form, "content-length": charge.length }, charge) + request("GET", "/stripe/v1/charges?limit=2", auth),
    );
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await raw.answer()).status);
    assert.deepEqual(statuses, [200, 403, 200, 200]);
    raw.destroy();
  });

  test("a request that arrives byte by byte", async () => {
    const raw = await connect(gate.port);
    for (const byte of request("POST", "/stripe/v1/charges", { ...form, "transfer-encoding": "chunked" }, `5\r\namoun\r\n${(charge.length - 5).toString(16)}\r\n${charge.slice(5)}\r\n0\r\n\r\n`)) {
      raw.write(byte);
      await sleep(0);
    }
    assert.equal((await raw.answer()).status, 200);
    assert.equal(upstream.last().text, charge);
    raw.destroy();
  });

  test("Expect: 100-continue is answered, and not forwarded", async () => {
    const raw = await connect(gate.port);
    raw.write(request("POST", "/stripe/v1/charges", { ...form, expect: "100-continue", "content-length": charge.length }));
    assert.equal((await raw.answer()).status, 100);
    raw.write(charge);
    assert.equal((await raw.answer()).status, 200);
    assert.equal(upstream.last().headers.expect, undefined);
    raw.destroy();
  });

  test("Expect: 100-continue of a call that is refused: the refusal, without 100", async () => {
    const raw = await connect(gate.port);
    raw.write(request("POST", "/stripe/v1/unknown", { ...form, expect: "100-continue", "content-length": 1000 }));
    assert.equal((await raw.answer()).status, 403);
    raw.destroy();
  });

  test("HEAD has no body, and the connection goes on", async () => {
    const raw = await connect(gate.port);
    raw.write(request("HEAD", "/stripe/v1/charges", auth));
    const answer = await raw.answer({ head: true });
    assert.equal(answer.status, 403);
    assert.ok(Number(answer.headers["content-length"]) > 0);
    raw.write(request("GET", "/stripe/v1/charges", auth));
    assert.equal((await raw.answer()).status, 200);
    raw.destroy();
  });

  test("a caller that said it is its last request and closes its half gets its answer", async () => {
    const raw = await connect(gate.port);
    raw.write(request("POST", "/stripe/v1/charges", { ...form, connection: "close", "content-length": charge.length }, charge)).half();
    assert.equal((await raw.answer()).status, 200);
    await raw.closed();
  });

  test("a body cut short is not forwarded", async () => {
    for (const end of ["half", "destroy"]) {
      const count = upstream.count;
      const raw = await connect(gate.port);
      raw.write(request("POST", "/stripe/v1/charges", { ...form, connection: "close", "content-length": 500 }, charge));
      await sleep(20);
      raw[end]();
      await sleep(100);
      raw.destroy();
      assert.equal(upstream.count, count);
    }
  });

  test("HTTP/1.0 is answered and closed", async () => {
    const raw = await connect(gate.port);
    raw.write(`GET /stripe/v1/charges HTTP/1.0\r\nhost: gate\r\nauthorization: ${auth.authorization}\r\n\r\n`);
    const answer = await raw.answer();
    assert.ok(answer.status === 200 || answer.status === 505, String(answer.status));
    await raw.closed();
  });

  test("connection: close is obeyed", async () => {
    const raw = await connect(gate.port);
    raw.write(request("GET", "/stripe/v1/charges", { ...auth, connection: "close" }));
    assert.equal((await raw.answer()).status, 200);
    await raw.closed();
  });
});

describe("smuggling", () => {
  const body = `${charge.length.toString(16)}\r\n${charge}\r\n0\r\n\r\n`;
  const head = (lines) => `POST /stripe/v1/charges HTTP/1.1\r\nhost: gate\r\nauthorization: ${auth.authorization}\r\ncontent-type: ${form["content-type"]}\r\n${lines}`;
  const tail = "GET /stripe/v1/charges?smuggled=1 HTTP/1.1\r\nhost: gate\r\n\r\n";
  for (const [what, bytes] of [
    ["Content-Length and Transfer-Encoding", head(`content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n\r\n${body}`)],
    ["Transfer-Encoding and Content-Length", head(`transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n${body}`)],
    ["two Content-Lengths", head(`content-length: ${charge.length}\r\ncontent-length: 5\r\n\r\n${charge}`)],
    ["the same Content-Length twice", head(`content-length: ${charge.length}\r\ncontent-length: ${charge.length}\r\n\r\n${charge}`)],
    ["a list of Content-Lengths", head(`content-length: ${charge.length}, ${charge.length}\r\n\r\n${charge}`)],
    ["a Content-Length with a sign", head(`content-length: +${charge.length}\r\n\r\n${charge}`)],
    ["a negative Content-Length", head(`content-length: -1\r\n\r\n${charge}`)],
    ["a hexadecimal Content-Length", head(`content-length: 0x27\r\n\r\n${charge}`)],
    ["an enormous Content-Length", head(`content-length: 99999999999999999999\r\n\r\n${charge}`)],
    ["an empty Content-Length", head(`content-length: \r\n\r\n${charge}`)],
    ["Transfer-Encoding: identity", head(`transfer-encoding: identity\r\n\r\n${body}`)],
    ["Transfer-Encoding: chunked, identity", head(`transfer-encoding: chunked, identity\r\n\r\n${body}`)],
    ["Transfer-Encoding: xchunked", head(`transfer-encoding: xchunked\r\n\r\n${body}`)],
    ["Transfer-Encoding: gzip, chunked", head(`transfer-encoding: gzip, chunked\r\n\r\n${body}`)],
    ["Transfer-Encoding twice", head(`transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n${body}`)],
    ["Transfer-Encoding with a blank before the colon", head(`transfer-encoding : chunked\r\n\r\n${body}`)],
    ["Transfer-Encoding with a vertical tab", head(`transfer-encoding: \x0bchunked\r\n\r\n${body}`)],
    ["a folded field", head(`x-a: b\r\n c: d\r\ncontent-length: ${charge.length}\r\n\r\n${charge}`)],
    ["bare LF", head(`content-length: ${charge.length}\n\n${charge}`)],
    ["bare CR in a value", head(`x-a: b\rtransfer-encoding: chunked\r\ncontent-length: ${charge.length}\r\n\r\n${charge}`)],
    ["NUL in a value", head(`x-a: b\0c\r\ncontent-length: ${charge.length}\r\n\r\n${charge}`)],
    ["a chunk size with a sign", head(`transfer-encoding: chunked\r\n\r\n+5\r\namoun\r\n0\r\n\r\n`)],
    ["a chunk size too large", head(`transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\namoun\r\n0\r\n\r\n`)],
    ["a chunk longer than it says", head(`transfer-encoding: chunked\r\n\r\n3\r\namount=1\r\n0\r\n\r\n`)],
    ["a chunk ended by bare LF", head(`transfer-encoding: chunked\r\n\r\n5\namoun\n0\n\n`)],
    ["no Host", `GET /stripe/v1/charges HTTP/1.1\r\nauthorization: ${auth.authorization}\r\n\r\n`],
    ["two Hosts", `GET /stripe/v1/charges HTTP/1.1\r\nhost: a\r\nhost: b\r\nauthorization: ${auth.authorization}\r\n\r\n`],
    ["two Authorizations", `GET /stripe/v1/charges HTTP/1.1\r\nhost: a\r\nauthorization: ${auth.authorization}\r\nauthorization: Bearer x\r\n\r\n`],
    ["a blank in the target", `GET /stripe/v1/charges /x HTTP/1.1\r\nhost: a\r\nauthorization: ${auth.authorization}\r\n\r\n`],
    ["HTTP/2.0", `GET /stripe/v1/charges HTTP/2.0\r\nhost: a\r\nauthorization: ${auth.authorization}\r\n\r\n`],
    ["a preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["something else", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ]) {
    test(what, async () => {
      const count = upstream.count;
      const raw = await connect(gate.port);
      raw.write(Buffer.from(bytes + tail, "latin1")).half();
      const answer = await raw.answer().catch(() => null);
      if (answer) assert.ok((answer.status >= 400 && answer.status < 500) || answer.status === 501 || answer.status === 505, String(answer.status));
      await raw.closed();
      await sleep(20);
      const sent = upstream.calls.slice(count);
      assert.deepEqual(sent.map((call) => call.url), [], "nothing is forwarded, and nothing behind it is read");
    });
  }

  test("after all this the gate still works", async () => {
    const raw = await connect(gate.port);
    raw.write(request("GET", "/stripe/v1/charges", auth));
    assert.equal((await raw.answer()).status, 200);
    raw.destroy();
  });
});

describe("sizes", () => {
  test("a head too large", async () => {
    const raw = await connect(gate.port);
    raw.write(request("GET", "/stripe/v1/charges", { ...auth, "x-a": "y".repeat(20_000) }));
    const answer = await raw.answer();
    assert.ok([413, 431].includes(answer.status), String(answer.status));
    assert.equal(answer.headers["x-tollgate-denied"], "too_large");
  });

  test("heads larger than what is read at once: taken up to the bound that is set, refused beyond it, at once", async () => {
    for (const [head_bytes, size, status] of [["64KiB", 65_462, 401], ["64KiB", 65_480, 431], ["64KiB", 100_000, 431], ["256KiB", 100_000, 401], ["1MiB", 900_000, 401], ["1MiB", 1_100_000, 431]]) {
      const wide = await startGate(config({}, { keys: [key("nobody", [])], limits: { head_bytes, head_time: "20s" } })), raw = await connect(wide.port), began = Date.now();
      const text = request("GET", "/v1/models", { authorization: "Bearer x", "x-long": "y".repeat(size) });
      raw.write(text.slice(0, 65_536));
      await sleep(50);
      raw.write(text.slice(65_536));
      assert.equal((await raw.answer()).status, status, `${size} bytes of ${head_bytes}`);
      assert.ok(Date.now() - began < 5000);
      await wide.kill();
    }
  });

  test("too many fields", async () => {
    const raw = await connect(gate.port);
    raw.write(request("GET", "/stripe/v1/charges", { ...auth, ...Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`x${i}`, "1"])) }));
    assert.ok([413, 431].includes((await raw.answer()).status));
  });

  test("a body too large, said and not said", async () => {
    for (const [headers, body] of [
      [{ "content-length": 2 * MiB }, ""],
      [{ "transfer-encoding": "chunked" }, `${(2 * MiB).toString(16)}\r\n${"a".repeat(2 * MiB)}\r\n0\r\n\r\n`],
    ]) {
      const count = upstream.count;
      const raw = await connect(gate.port);
      raw.write(request("POST", "/stripe/v1/charges", { ...form, ...headers }, body));
      const answer = await raw.answer();
      assert.equal(answer.status, 413);
      assert.equal(answer.headers["x-tollgate-denied"], "too_large");
      assert.equal(upstream.count, count);
      raw.destroy();
    }
  });
});

describe("hang-ups", () => {
  test("a caller that leaves during a charge: the answer is awaited, the row tells the truth", async () => {
    const run = newRun();
    const slow = await startScripted(async (call, res) => {
      await sleep(300);
      answerJson(res, 200, charged);
    });
    const other = await startGate(config({ stripe: slow.url }, { keys: [key("plain", ["stripe-main"], { budgets: [{ limit: "10 usd", window: "day" }] })] }));
    const raw = await connect(other.port);
    raw.write(request("POST", "/stripe/v1/charges", { ...form, "x-agent-run-id": run, "content-length": charge.length }, charge));
    await until(() => slow.count === 1, "the call at the vendor");
    raw.destroy();
    const row = await until(async () => (await other.calls({ run }))[0], "the row");
    assert.equal(nanos(row.cost_usd), 1_000_000_000n);
    assert.equal(row.settled, true);
  });

  test("a vendor that hangs up before it answers a charge: in doubt, still reserved", async () => {
    const run = newRun();
    const rude = await startSockets((socket) => socket.once("data", () => setTimeout(() => socket.destroy(), 20)));
    const other = await startGate(config({ stripe: rude.url }, { keys: [key("plain", ["stripe-main"], { budgets: [{ limit: "1.5 usd", window: "day" }] })] }));
    const raw = await connect(other.port);
    const ask = request("POST", "/stripe/v1/charges", { ...form, "x-agent-run-id": run, "content-length": charge.length }, charge);
    raw.write(ask);
    assert.equal((await raw.answer()).status, 502);
    const [row] = await other.calls({ run });
    assert.equal(row.verdict, "in_doubt");
    assert.equal(nanos(row.budgets[0].reserved), 1_000_000_000n);
    raw.write(ask);
    const second = await raw.answer();
    assert.equal(second.headers["x-tollgate-denied"], "budget_exceeded");
  });

  test("a vendor that is slow to begin: 504, and in doubt when it may have happened", async () => {
    const silent = await startSockets(() => {});
    const other = await startGate(config({ stripe: silent.url }, { keys: [key("plain", ["stripe-main"])], limits: { first_byte_time: "200ms" } }));
    const raw = await connect(other.port);
    raw.write(request("POST", "/stripe/v1/charges", { ...form, "content-length": charge.length }, charge));
    const answer = await raw.answer();
    assert.equal(answer.status, 504);
    assert.equal(answer.headers["x-tollgate-denied"], "upstream_timeout");
    assert.equal((await other.lastCall()).verdict, "in_doubt");
    raw.write(request("GET", "/stripe/v1/charges", auth));
    assert.equal((await raw.answer()).status, 504);
    assert.equal((await other.lastCall()).verdict, "error");
  });

  test("a pooled connection that died is replaced for a read", async () => {
    let connections = 0;
    const fickle = await startSockets((socket) => {
      connections++;
      let answered = 0;
      socket.on("data", () => {
        if (++answered > 1) return socket.destroy();
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');
      });
    });
    const other = await startGate({ ...config({ stripe: fickle.url }, { keys: [key("plain", ["stripe-main"])] }), workers: 1 });
    const raw = await connect(other.port);
    for (let i = 0; i < 4; i++) {
      raw.write(request("GET", "/stripe/v1/charges", auth));
      assert.equal((await raw.answer()).status, 200);
    }
    assert.ok(connections >= 2);
  });
});

describe("answers of vendors", () => {
  const cases = [
    ["204", "HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n", 204, ""],
    ["chunked with extensions and trailers", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nx-t: 1\r\n\r\n", 200, "{}"],
    ["100 before it", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}", 200, "{}"],
    ["103 before it", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}", 200, "{}"],
    ["until the end of the connection", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{}", 200, "{}", true],
    ["redirect", "HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n", 502, null],
    ["both framings", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 502, null],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}", 502, null],
    ["garbage", "SSH-2.0-OpenSSH_9.2\r\n", 502, null, true],
    ["cookies and hop-by-hop fields", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: a=b\r\nkeep-alive: timeout=5\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\ncontent-length: 2\r\n\r\n{}", 200, "{}"],
  ];
  for (const [what, bytes, status, text, close] of cases) {
    test(what, async () => {
      const vendor = await startSockets((socket) => socket.on("data", () => { socket.write(bytes); if (close) socket.end(); }));
      const other = await startGate(wideConfig(vendor.url));
      const raw = await connect(other.port);
      raw.write(request("GET", "/wide/things", auth));
      const answer = await raw.answer();
      assert.equal(answer.status, status);
      if (text !== null) assert.equal(answer.body.toString(), text);
      else assert.equal(answer.headers["x-tollgate-denied"], "upstream_broken");
      for (const name of ["set-cookie", "keep-alive", "x-hop", "location"]) assert.equal(answer.headers[name], undefined, name);
      raw.write(request("GET", "/wide/nothing", auth));
      assert.equal((await raw.answer()).status, 403, "the connection goes on");
      raw.destroy();
    });
  }

  test("HEAD with a length and no body", async () => {
    const vendor = await startSockets((socket) => socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\netag: x\r\n\r\n")));
    const other = await startGate(wideConfig(vendor.url));
    const raw = await connect(other.port);
    for (let i = 0; i < 2; i++) {
      raw.write(request("HEAD", "/wide/blobs/a", auth));
      const answer = await raw.answer({ head: true });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-length"], "1000");
    }
    raw.destroy();
  });

  test("an answer cut short is not made to look whole", async () => {
    const vendor = await startSockets((socket) => socket.on("data", () => { socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 1000\r\n\r\nabc"); setTimeout(() => socket.destroy(), 50); }));
    const other = await startGate(wideConfig(vendor.url));
    const raw = await connect(other.port);
    raw.write(request("GET", "/wide/blobs/a", auth));
    const outcome = await raw.answer().then((answer) => answer.status, () => "cut");
    assert.ok(outcome === "cut" || outcome === 502, String(outcome));
  });

  test("connections to a vendor are kept and used again", async () => {
    let connections = 0;
    const server = http.createServer((req, res) => answerJson(res, 200, {}));
    server.on("connection", () => connections++);
    const port = await listen(server);
    const other = await startGate({ ...wideConfig(`http://127.0.0.1:${port}`), workers: 1 });
    const raw = await connect(other.port);
    for (let i = 0; i < 30; i++) {
      raw.write(request("GET", "/wide/things", auth));
      assert.equal((await raw.answer()).status, 200);
    }
    assert.equal(connections, 1);
    raw.destroy();
  });
});

describe("streams", () => {
  const total = 192 * MiB;
  const piece = Buffer.alloc(256 * 1024, "x");

  async function watch(of, fn) {
    const before = of.rss();
    let most = before;
    const timer = setInterval(() => { most = Math.max(most, of.rss()); }, 20);
    const result = await fn();
    clearInterval(timer);
    return { result, grown: (most - before) / 1024 };
  }

  test("a large upload goes through without being kept", { timeout: 60_000 }, async () => {
    let got = 0;
    const server = http.createServer((req, res) => {
      req.on("data", (bytes) => { got += bytes.length; });
      req.on("end", () => answerJson(res, 200, { got }));
    });
    const other = await startGate(wideConfig(`http://127.0.0.1:${await listen(server)}`));
    const { result, grown } = await watch(other, () => new Promise((resolve, reject) => {
      const req = http.request({ host: "127.0.0.1", port: other.port, method: "PUT", path: "/wide/blobs/a", headers: { ...auth, "content-type": "application/octet-stream", "content-length": total } }, (res) => {
        const parts = [];
        res.on("data", (bytes) => parts.push(bytes));
        res.on("end", () => resolve(JSON.parse(Buffer.concat(parts))));
      });
      req.on("error", reject);
      let left = total;
      const more = () => {
        while (left > 0) {
          left -= piece.length;
          if (!req.write(piece)) return req.once("drain", more);
        }
        req.end();
      };
      more();
    }));
    assert.equal(result.got, total);
    assert.ok(grown < 48, `memory grew by ${grown} MiB`);
  });

  test("a large upload to a vendor that does not read: the caller is held back", { timeout: 60_000 }, async () => {
    const vendor = await startSockets((socket) => socket.pause());
    const other = await startGate(wideConfig(vendor.url));
    const raw = await connect(other.port);
    let written = 0;
    raw.write(request("PUT", "/wide/blobs/a", { ...auth, "content-type": "application/octet-stream", "content-length": total }));
    const { grown } = await watch(other, async () => {
      for (let i = 0; i < 100; i++) {
        if (!raw.socket.writableNeedDrain) { raw.socket.write(piece); written += piece.length; }
        await sleep(10);
      }
    });
    assert.ok(written < 64 * MiB, `${written / MiB} MiB were taken`);
    assert.ok(grown < 48, `memory grew by ${grown} MiB`);
    raw.destroy();
  });

  test("a large download to a caller that reads slowly: the vendor is held back", { timeout: 60_000 }, async () => {
    let sent = 0;
    const server = http.createServer((req, res) => {
      res.writeHead(200, { "content-type": "application/octet-stream", "content-length": total });
      const more = () => {
        while (sent < total) {
          sent += piece.length;
          if (!res.write(piece)) return res.once("drain", more);
        }
        res.end();
      };
      more();
    });
    const other = await startGate(wideConfig(`http://127.0.0.1:${await listen(server)}`));
    const { grown } = await watch(other, () => new Promise((resolve, reject) => {
      http.get({ host: "127.0.0.1", port: other.port, path: "/wide/blobs/a", headers: auth }, (res) => {
        let got = 0;
        res.pause();
        setTimeout(() => {
          assert.ok(sent < 64 * MiB, `${sent / MiB} MiB were sent to a caller that does not read`);
          res.on("data", (bytes) => { got += bytes.length; });
          res.resume();
        }, 500);
        res.on("end", () => { assert.equal(got, total); resolve(); });
        res.on("error", reject);
      }).on("error", reject);
    }));
    assert.ok(grown < 48, `memory grew by ${grown} MiB`);
  });

  test("a caller that leaves an upload ends it at the vendor", async () => {
    let closed = 0;
    const vendor = await startSockets((socket) => { socket.on("data", () => {}); socket.on("close", () => { closed = performance.now(); }); socket.on("end", () => socket.end()); });
    const other = await startGate(wideConfig(vendor.url));
    const raw = await connect(other.port);
    raw.write(request("PUT", "/wide/blobs/a", { ...auth, "content-type": "application/octet-stream", "content-length": MiB }, "abc"));
    await sleep(100);
    const left = performance.now();
    raw.destroy();
    await until(() => closed, "the end at the vendor", { timeout: 2000, every: 2 });
    assert.ok(closed - left < 100, `${closed - left} ms`);
  });

  test("500 idle callers do not hold up another", async () => {
    const idle = await Promise.all(Array.from({ length: 500 }, () => connect(gate.port)));
    const raw = await connect(gate.port);
    const began = performance.now();
    raw.write(request("GET", "/stripe/v1/charges", auth));
    assert.equal((await raw.answer()).status, 200);
    assert.ok(performance.now() - began < 500);
    for (const one of idle) one.destroy();
  });

  test("a caller that never ends its head is let go", async () => {
    const other = await startGate(wideConfig(upstream.url, { limits: { head_time: "300ms" } }));
    const raw = await connect(other.port);
    raw.write("GET /wide/things HTTP/1.1\r\nhost: a\r\n");
    const answer = await raw.answer().catch(() => null);
    if (answer) assert.equal(answer.status, 408);
    await raw.closed(2000);
  });
});

describe("TLS", () => {
  const dir = tempDir("tls");
  const authority = makeAuthority(dir);
  const stranger = makeAuthority(dir, "stranger");

  const get = (port, path, ca, servername = "gate.test") => new Promise((resolve, reject) => {
    https.get({ host: "127.0.0.1", port, path, ca, servername, headers: auth, agent: false }, (res) => {
      const certificate = res.socket.getPeerCertificate();
      res.resume();
      res.on("end", () => resolve({ status: res.statusCode, certificate }));
    }).on("error", reject);
  });

  test("the listener: served, renewed on SIGHUP, kept when the new one is no good", async () => {
    const first = authority.issue("first", "DNS:gate.test,IP:127.0.0.1");
    const second = authority.issue("second", "DNS:gate.test,IP:127.0.0.1");
    const [certFile, keyFile] = [`${dir}/in-use.pem`, `${dir}/in-use.key`];
    const use = (pair) => { fs.copyFileSync(pair.certFile, certFile); fs.copyFileSync(pair.keyFile, keyFile); };
    use(first);
    const ca = fs.readFileSync(authority.file);
    const other = await startGate(wideConfig(upstream.url, { tls: { cert: certFile, key: keyFile } }));
    assert.equal((await get(other.port, "/wide/things", ca)).certificate.subject.CN, "first");
    const kept = tls.connect({ host: "127.0.0.1", port: other.port, ca, servername: "gate.test" });
    await new Promise((resolve) => kept.once("secureConnect", resolve));
    use(second);
    other.signal("SIGHUP");
    await until(async () => (await get(other.port, "/wide/things", ca)).certificate.subject.CN === "second", "the new certificate");
    kept.write(request("GET", "/wide/things", auth));
    const text = await new Promise((resolve) => kept.once("data", (bytes) => resolve(bytes.toString())));
    assert.match(text, /^HTTP\/1\.1 200/, "connections of before go on");
    kept.destroy();
    fs.writeFileSync(certFile, "no certificate");
    other.signal("SIGHUP");
    await until(() => /certificate/.test(other.log), "the complaint");
    assert.equal((await get(other.port, "/wide/things", ca)).certificate.subject.CN, "second");
    const plain = await connect(other.port);
    plain.write(request("GET", "/wide/things", auth));
    await plain.closed();
    assert.ok(!plain.bytes.toString().includes("HTTP/1.1 200"), "plain text on a TLS port is not served");
  });

  async function startTls(subjects, by = authority) {
    const leaf = by.issue(`up${Math.random().toString(36).slice(2, 8)}`, subjects);
    const names = [];
    let sessions = 0;
    const server = https.createServer({ cert: leaf.cert, key: leaf.key }, (req, res) => {
      names.push(req.socket.servername);
      if (req.socket.isSessionReused()) sessions++;
      answerJson(res, 200, {}, { connection: "close" });
    });
    server.on("tlsClientError", () => {});
    const port = await listen(server);
    return { port, names, get resumed() { return sessions; } };
  }

  const things = async (other) => {
    const raw = await connect(other.port);
    raw.write(request("GET", "/wide/things", auth));
    const answer = await raw.answer();
    raw.destroy();
    return answer;
  };

  test("the vendor's certificate is verified against ca_file, with SNI and sessions", async () => {
    const vendor = await startTls("DNS:localhost,IP:127.0.0.1");
    const other = await startGate({ ...wideConfig(`https://localhost:${vendor.port}`, { ca_file: authority.file }), workers: 1 });
    for (let i = 0; i < 3; i++) assert.equal((await things(other)).status, 200);
    assert.deepEqual([...new Set(vendor.names)], ["localhost"]);
    assert.ok(vendor.resumed > 0, "sessions are resumed");
  });

  test("a certificate of a stranger, or for another name, or no CA of ours: refused, the secret not sent", async () => {
    for (const [subjects, by, ca] of [["DNS:localhost", stranger, authority.file], ["DNS:other.test", authority, authority.file], ["DNS:localhost", authority, undefined]]) {
      const vendor = await startTls(subjects, by);
      const other = await startGate(wideConfig(`https://localhost:${vendor.port}`, ca ? { ca_file: ca } : {}));
      const answer = await things(other);
      assert.equal(answer.status, 502, subjects);
      assert.equal(answer.headers["x-tollgate-denied"], "upstream_unreachable");
      assert.equal(vendor.names.length, 0, "no request was made");
    }
  });

  test("HTTPS_PROXY: CONNECT with its password, NO_PROXY without", async () => {
    const vendor = await startTls("DNS:api.vendor.test");
    const connects = [];
    const proxy = http.createServer((req, res) => res.writeHead(500).end());
    proxy.on("connect", (req, socket, head) => {
      connects.push({ to: req.url, auth: req.headers["proxy-authorization"], secret: JSON.stringify(req.rawHeaders) });
      const onward = net.connect(vendor.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.write(head);
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    const port = await listen(proxy);
    const at = { ca_file: authority.file };
    const other = await startGate(wideConfig(`https://api.vendor.test:${vendor.port}`, at), { env: { HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${port}` } });
    assert.equal((await things(other)).status, 200);
    assert.equal(connects[0].to, `api.vendor.test:${vendor.port}`);
    assert.equal(connects[0].auth, `Basic ${btoa("me:p@ss")}`);
    assert.ok(!connects[0].secret.includes("wide-upstream-secret"));
    const direct = await startGate(wideConfig(`https://api.vendor.test:${vendor.port}`, at), { env: { HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: ".vendor.test" } });
    const count = connects.length;
    assert.equal((await things(direct)).status, 502, "the name does not exist without the proxy");
    assert.equal(connects.length, count);
  });

  test("a proxy that refuses is said", async () => {
    const proxy = http.createServer();
    proxy.on("connect", (req, socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"));
    const port = await listen(proxy);
    const other = await startGate(wideConfig("https://api.vendor.test", { ca_file: authority.file }), { env: { https_proxy: `http://127.0.0.1:${port}` } });
    const answer = await things(other);
    assert.equal(answer.status, 502);
    assert.equal(answer.headers["x-tollgate-denied"], "upstream_unreachable");
  });
});
