// SPDX-License-Identifier: Apache-2.0
// Upstreams by hand, on plain sockets: what they say to a call is the play of its cell, byte by byte. The words "#f7#" in a question say which
// cell it belongs to; so cells run side by side.
import net from "node:net";

import { atEnd } from "../process.js";
import { dialects } from "./words.js";

export const pieces = { bad: ["From", " the", " faulty", " one."], good: ["From", " the", " healthy", " one."] };

const reasons = { 200: "OK", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable" };

export function head(status, fields) {
  return `HTTP/1.1 ${status} ${reasons[status] ?? "Whatever"}\r\n${Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

export const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** One call that came: what to say to it in its dialect, and the means to say it badly. */
class Call {
  constructor(role, dialect, socket, text) {
    Object.assign(this, { role, socket, at: performance.now(), words: dialects[dialect], dialect });
    this.streams = /"stream":\s*true/.test(text);
    this.body = this.words.whole(pieces[role]);
    this.events = this.words.events(pieces[role]);
  }

  get left() { return this.socket.destroyed; }
  send(bytes) { if (!this.left) this.socket.write(bytes); return this; }
  json(status, body, fields = {}) { return this.send(head(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...fields }) + body); }
  streamHead(fields = {}) { return this.send(head(200, { "content-type": "text/event-stream", "transfer-encoding": "chunked", ...fields })); }
  /** The bytes of what a healthy one says. */
  get bytes() {
    if (!this.streams) return head(200, { "content-type": "application/json", "content-length": Buffer.byteLength(this.body) }) + this.body;
    return head(200, { "content-type": "text/event-stream", "transfer-encoding": "chunked" }) + this.events.map(chunk).join("") + "0\r\n\r\n";
  }
  answer() { return this.send(this.bytes); }
  end() { this.socket.end(); }
  reset() { this.socket.resetAndDestroy(); }
}

/** Reads requests off one connection, one after the other. */
function attend(socket, role, dialect, plays, open) {
  let bytes = Buffer.alloc(0), current = null;
  open.add(socket);
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("close", () => { open.delete(socket); if (current) current.closed = performance.now(); });
  socket.on("data", (more) => {
    bytes = Buffer.concat([bytes, more]);
    for (;;) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/content-length: *(\d+)/i.exec(bytes.subarray(0, end).toString())?.[1] ?? 0);
      if (bytes.length < end + 4 + length) return;
      const text = bytes.subarray(end + 4, end + 4 + length).toString();
      bytes = bytes.subarray(end + 4 + length);
      const cell = plays.get(Number(/#f(\d+)#/.exec(text)?.[1]));
      if (!cell) return void socket.destroy();
      current = new Call(role, dialect, socket, text);
      cell.calls.push(current);
      current.number = cell.calls.filter((call) => call.role === role).length;
      cell.play(current);
    }
  });
}

const listen = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

async function serve(attending) {
  const open = new Set(), server = net.createServer({ allowHalfOpen: false }, (socket) => attending(socket, open));
  const port = await listen(server);
  atEnd(() => { for (const socket of open) socket.destroy(); server.close(); });
  return { port, open };
}

/** Vendors by name: bad-openai, good-openai, ...; gone (nobody listens), shut (closes what it accepts). */
export async function startUpstreams(plays) {
  const vendors = {}, open = {};
  const add = (name, port, dialect) => { vendors[name] = { base_url: `http://127.0.0.1:${port}`, dialect }; };
  const shut = await serve((socket) => { socket.on("error", () => {}); socket.destroy(); });
  const nobody = net.createServer();
  const gone = await listen(nobody);
  await new Promise((resolve) => nobody.close(resolve));
  for (const dialect of Object.keys(dialects)) {
    for (const role of ["bad", "good"]) {
      const server = await serve((socket, all) => attend(socket, role, dialect, plays, all));
      add(`${role}-${dialect}`, server.port, dialect);
      if (role === "bad") add(`slow-${dialect}`, server.port, dialect);
      open[`${role}-${dialect}`] = server.open;
    }
    add(`shut-${dialect}`, shut.port, dialect);
    add(`gone-${dialect}`, gone, dialect);
  }
  return { vendors, open };
}

/** What a faulty one would say if it were well. */
export const sample = (dialect, streamed) => new Call("bad", dialect, null, streamed ? '"stream":true' : "");
