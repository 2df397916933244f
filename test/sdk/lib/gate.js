// SPDX-License-Identifier: Apache-2.0
// Runs the real binary: one gate on free loopback ports, with a data directory of its own, and a client for its admin plane.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { atEnd, run, sleep, start, until } from "./process.js";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const binary = process.env.TOLLGATE ?? path.join(root, "build/tollgate");
export const adminToken = "admin-token-of-the-tests-1";

/** A folder that is gone when the test file is over. */
export function tempDir(name = "t") {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `tollgate-${name}-`));
  atEnd(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A plain environment: what the tests' own environment says about proxies must not reach the gate. */
export function cleanEnv(more = {}) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME ?? "/tmp", ...more };
  if (process.env.ASAN_OPTIONS) env.ASAN_OPTIONS = process.env.ASAN_OPTIONS;
  return env;
}

class Gate {
  constructor(dir, env) {
    this.dir = dir;
    this.file = path.join(dir, "tollgate.yaml");
    this.dataDir = path.join(dir, "data");
    this.env = env;
  }

  /** JSON is YAML: an object is written as it is. */
  writeConfig(config) {
    // As a careful editor does: the gate never sees half a file.
    fs.writeFileSync(`${this.file}.new`, typeof config === "string" ? config : JSON.stringify(config, null, 2));
    fs.renameSync(`${this.file}.new`, this.file);
  }

  async start() {
    const running = start(binary, ["serve", "--config", this.file, "--data", this.dataDir], { env: this.env, cwd: this.dir });
    this.running = running;
    let over;
    running.exit.then((how) => (over = how));
    const line = await until(
      () => {
        if (over) throw new Error(`the gate ended (${over.code ?? over.signal}): ${running.err()}${running.out()}`);
        return running.out().match(/^ready data=(\S+) admin=(\S+)$/m);
      },
      `the ready line; said so far: ${running.err()}`,
      { timeout: 20_000 },
    );
    [, this.data, this.adminAddress] = line;
    this.port = Number(this.data.split(":").at(-1));
    this.url = `http://${this.data}`;
    return this;
  }

  get log() {
    return this.running.err();
  }

  get pid() {
    return this.running.child.pid;
  }

  signal(name) {
    this.running.child.kill(name);
  }

  /** Asks it to end; its exit code. */
  async stop(signal = "SIGTERM") {
    if (this.running.child.exitCode === null && this.running.child.signalCode === null) this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), 40_000);
    const how = await this.running.exit;
    clearTimeout(timer);
    return how;
  }

  async kill() {
    return this.stop("SIGKILL");
  }

  async restart() {
    await this.stop();
    return this.start();
  }

  /** Resident memory in KiB. */
  rss() {
    const status = fs.readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(status.match(/^VmRSS:\s+(\d+)/m)[1]);
  }

  async ask(method, target, body, token = adminToken) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(`http://${this.adminAddress}${target}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const json = text && (answer.headers.get("content-type") ?? "").includes("json") ? JSON.parse(text) : text;
    return { status: answer.status, body: json, headers: answer.headers };
  }

  async get(target) {
    const { status, body } = await this.ask("GET", `/api/v1${target}`);
    if (status !== 200) throw new Error(`GET ${target}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async post(target, body = {}) {
    const { status, body: answer } = await this.ask("POST", `/api/v1${target}`, body);
    if (status >= 300) throw new Error(`POST ${target}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Credentials that a vendor refused once are used again. */
  async forgive() {
    const { refused } = await this.get("/health");
    for (const { vendor, credential } of refused) await this.post("/health/reset", { vendor, credential });
  }

  /** All rows that fit, newest first, page by page. */
  async calls(query = {}) {
    const rows = [];
    let cursor;
    do {
      const search = new URLSearchParams({ limit: "1000", ...query, ...(cursor ? { cursor } : {}) });
      const page = await this.get(`/calls?${search}`);
      rows.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor);
    return rows;
  }

  async lastCall(query = {}) {
    const page = await this.get(`/calls?${new URLSearchParams({ limit: "1", ...query })}`);
    return page.data[0];
  }

  /** The row of a call that may still be closing. */
  async call(id) {
    return until(async () => {
      const { status, body } = await this.ask("GET", `/api/v1/calls/${id}`);
      return status === 200 && body;
    }, `the row of ${id}`);
  }

  /** A client verb of the binary, spoken to this gate. */
  async cli(...args) {
    return run(binary, args, {
      env: cleanEnv({ TOLLGATE_ADMIN: `http://${this.adminAddress}`, TOLLGATE_ADMIN_TOKEN: adminToken }),
      cwd: this.dir,
    });
  }
}

const wherever = { listen: "127.0.0.1:0", admin: { listen: "127.0.0.1:0", token: adminToken } };

/** Starts a gate. `config` is an object (listeners are added) or YAML text (as it is); `before` sees the gate before it is started. */
export async function startGate(config, { env = {}, before } = {}) {
  const gate = new Gate(tempDir("gate"), cleanEnv(env));
  await before?.(gate);
  gate.writeConfig(typeof config === "string" ? config : { ...wherever, workers: 2, ...config });
  atEnd(() => gate.running && gate.stop("SIGKILL"));
  await gate.start();
  return gate;
}

/** Writes a configuration and lets the binary judge it: { code, out, err }. */
export async function check(text, { env = {} } = {}) {
  const dir = tempDir("check");
  const file = path.join(dir, "tollgate.yaml");
  fs.writeFileSync(file, text);
  return run(binary, ["serve", "--config", file, "--data", path.join(dir, "data"), "--check"], { env: cleanEnv(env), cwd: dir });
}

/** Money as integers of 10^-9 dollars: sums must fit to the last digit. */
export function nanos(text) {
  const [, sign, whole, part = ""] = text.match(/^(-?)(\d+)(?:\.(\d+))?$/);
  const value = BigInt(whole) * 1_000_000_000n + BigInt(part.padEnd(9, "0"));
  return sign ? -value : value;
}

export { sleep };
