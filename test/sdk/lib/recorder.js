// SPDX-License-Identifier: Apache-2.0
// Stands in front of an upstream and sees what is really forwarded: counts, heads as they came, bodies.
import http from "node:http";

import { atEnd } from "./process.js";

export async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return server.address().port;
}

function readAll(stream) {
  return new Promise((resolve, reject) => {
    const parts = [];
    stream.on("data", (bytes) => parts.push(bytes));
    stream.on("end", () => resolve(Buffer.concat(parts)));
    stream.on("error", reject);
  });
}

/** Passes everything on to http://127.0.0.1:`target`. `calls` holds every request; `hold(request)` may delay or answer one. */
export async function startRecorder(target) {
  const calls = [];
  const recorder = { calls, hold: null, get count() { return calls.length; } };
  recorder.clear = () => { calls.length = 0; };
  recorder.last = () => calls.at(-1);
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer({ keepAliveTimeout: 60_000 }, async (req, res) => {
    const call = { method: req.method, url: req.url, headers: req.headers, rawHeaders: req.rawHeaders, at: performance.timeOrigin + performance.now() };
    calls.push(call);
    try {
      call.body = await readAll(req);
    } catch {
      call.broken = true;
      return;
    }
    call.text = call.body.toString();
    res.on("close", () => { call.closed = true; });
    if (recorder.hold && (await recorder.hold(call, res))) return;
    const pass = () => {
      const onward = http.request(
        { host: "127.0.0.1", port: target, method: req.method, path: req.url, headers: req.headers, agent },
        (answer) => {
          call.status = answer.statusCode;
          const parts = [];
          answer.on("data", (bytes) => parts.push(bytes));
          answer.on("end", () => { call.answer = Buffer.concat(parts); call.answerHeaders = answer.headers; });
          res.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
          answer.pipe(res);
        },
      );
      onward.on("error", (error) => {
        if (res.headersSent) return;
        // The upstream closed an idle connection, after five seconds mostly, just when it was taken again: nobody's fault.
        if (onward.reusedSocket && error.code === "ECONNRESET") pass();
        else res.writeHead(502).end(String(error));
      });
      onward.end(call.body);
    };
    pass();
  });
  atEnd(() => agent.destroy());
  recorder.port = await listen(server);
  recorder.url = `http://127.0.0.1:${recorder.port}`;
  recorder.server = server;
  return recorder;
}

/** An upstream of ours: `answer(call, res)` for each request, which is recorded first. */
export async function startScripted(answer) {
  const recorder = await startRecorder(0);
  recorder.hold = async (call, res) => {
    await answer(call, res);
    return true;
  };
  return recorder;
}

export function answerJson(res, status, body, headers = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers });
  res.end(text);
}
