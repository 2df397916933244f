// SPDX-License-Identifier: Apache-2.0
// Child processes and other things that must not outlive a test file: whatever is started here is ended here.
import { spawn } from "node:child_process";
import net from "node:net";
import { after } from "node:test";

const children = new Set();
const endings = [];

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

after(async () => {
  for (const end of endings.reverse()) await end();
  for (const child of children) child.kill("SIGKILL");
});

/** Runs `end` when the test file is over. */
export function atEnd(end) {
  endings.push(end);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What others sent to this process is read by then: it may still lie in a socket when the answer to something later has come. */
export async function caughtUp() {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Polls until `probe` gives something true. */
/** No minute turns within the next eight seconds: for tests of limits per minute. */
export const minuteStays = () => until(() => Date.now() % 60_000 < 52_000, "a minute that has not nearly ended", { timeout: 12_000 });

export async function until(probe, what, { timeout = 10_000, every = 20 } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`gave up waiting for ${what}`);
    await sleep(every);
  }
}

/** A child with its output collected: { child, out(), err(), exit: Promise<{code, signal}> }. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const out = [];
  const err = [];
  children.add(child);
  child.stdout?.on("data", (bytes) => out.push(bytes));
  child.stderr?.on("data", (bytes) => err.push(bytes));
  const exit = new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: -1, signal: null, error }));
    child.on("close", (code, signal) => {
      children.delete(child);
      resolve({ code, signal });
    });
  });
  const text = (parts) => () => Buffer.concat(parts).toString();
  return { child, out: text(out), err: text(err), exit };
}

/** Runs to the end: { code, out, err }. */
export async function run(command, args, { timeout = 20_000, ...options } = {}) {
  const running = start(command, args, options);
  const timer = setTimeout(() => running.child.kill("SIGKILL"), timeout);
  const { code, signal } = await running.exit;
  clearTimeout(timer);
  return { code, signal, out: running.out(), err: running.err() };
}

function tryPort(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(0));
    server.listen(port, "127.0.0.1", () => {
      const got = server.address().port;
      server.close(() => resolve(got));
    });
  });
}

/** `count` free neighbouring ports on loopback; the first of them. */
export async function freePort(count = 1) {
  for (let tries = 0; tries < 100; tries++) {
    const first = await tryPort(0);
    let good = first > 0 && first + count < 65_535;
    for (let i = 1; good && i < count; i++) good = (await tryPort(first + i)) > 0;
    if (good) return first;
  }
  throw new Error("no free ports");
}

export function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
