// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 by hand: bytes as a test writes them, answers as they come.
import net from "node:net";

import { atEnd } from "./process.js";

class Raw {
  constructor(socket) {
    this.socket = socket;
    this.bytes = Buffer.alloc(0);
    this.ended = false;
    this.waiting = null;
    const wake = () => this.waiting?.();
    socket.on("data", (bytes) => {
      this.bytes = Buffer.concat([this.bytes, bytes]);
      wake();
    });
    for (const name of ["end", "error", "close"]) socket.on(name, () => { this.ended = true; wake(); });
    atEnd(() => socket.destroy());
  }

  write(bytes) {
    this.socket.write(bytes);
    return this;
  }

  /** Ends our direction only. */
  half() {
    this.socket.end();
    return this;
  }

  destroy() {
    this.socket.destroy();
  }

  async #more(what) {
    if (this.ended) throw new Error(`the connection ended before ${what}; had ${JSON.stringify(this.bytes.toString().slice(0, 200))}`);
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${what} within 5 s; had ${JSON.stringify(this.bytes.toString().slice(0, 200))}`)), 5000);
      this.waiting = () => { clearTimeout(timer); resolve(); };
    });
    this.waiting = null;
  }

  #take(count) {
    const taken = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return taken;
  }

  async #line() {
    let at;
    while ((at = this.bytes.indexOf("\r\n")) < 0) await this.#more("line");
    return this.#take(at + 2).toString().slice(0, -2);
  }

  async #exactly(count) {
    while (this.bytes.length < count) await this.#more("body");
    return this.#take(count);
  }

  async #chunks() {
    const parts = [];
    for (;;) {
      const size = parseInt(await this.#line(), 16);
      if (size === 0) break;
      parts.push(await this.#exactly(size));
      await this.#line();
    }
    const trailers = {};
    for (let line = await this.#line(); line; line = await this.#line()) {
      const [name, ...value] = line.split(":");
      trailers[name.toLowerCase()] = value.join(":").trim();
    }
    return { body: Buffer.concat(parts), trailers };
  }

  /** The next answer; interim ones (100) as well. */
  async answer({ head = false } = {}) {
    const [, status, reason] = (await this.#line()).match(/^HTTP\/1\.1 (\d{3}) ?(.*)$/);
    const headers = {};
    for (let line = await this.#line(); line; line = await this.#line()) {
      const [name, ...value] = line.split(":");
      headers[name.toLowerCase()] = value.join(":").trim();
    }
    const answer = { status: Number(status), reason, headers, body: Buffer.alloc(0), trailers: {} };
    if (head || answer.status < 200 || answer.status === 204 || answer.status === 304) return answer;
    if (/chunked/i.test(headers["transfer-encoding"] ?? "")) Object.assign(answer, await this.#chunks());
    else if (headers["content-length"] !== undefined) answer.body = await this.#exactly(Number(headers["content-length"]));
    else { await this.closed(); answer.body = this.#take(this.bytes.length); }
    answer.text = answer.body.toString();
    return answer;
  }

  async closed(timeout = 5000) {
    const end = Date.now() + timeout;
    while (!this.ended) {
      if (Date.now() > end) throw new Error("the connection stays open");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

export async function connect(port) {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  await new Promise((resolve, reject) => { socket.once("connect", resolve); socket.once("error", reject); });
  return new Raw(socket);
}

export { Raw };

/** A request as text. `headers` are lines or [name, value] pairs. */
export function request(method, target, headers = {}, body = "") {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${target} HTTP/1.1\r\nhost: gate\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;
}
