// SPDX-License-Identifier: Apache-2.0
// A day of agents that do what a subclass invents, repeat themselves, lose their answers and ask again, before a gate that is killed
// meanwhile over a bad line; and how the day is closed: doubts gone, books proven. What was bought and what it cost is the subclass's.
import Stripe from "stripe";

import { tokenOf } from "./config.js";
import { adminToken, binary, cleanEnv, nanos, sleep } from "./gate.js";
import { run as runProgram, until } from "./process.js";
import { assert } from "./test.js";

/** What the line does to whatever comes next. */
const faults = [
  [3, { do: "cut-early" }], [4, { do: "cut-before" }], [8, { do: "cut-after" }], [3, { do: "cut-mid" }], [3, { do: "hang" }], [4, { do: "delay-answer", ms: 150 }],
  [2, { do: "delay", ms: 60 }], [2, { do: "status", status: 429 }], [3, { do: "status", status: 500 }], [3, { do: "status-after", status: 500 }], [2, { do: "status-after", status: 503 }],
];

function spoil(line, dice) {
  line.plan({ path: "/v1/", ...(dice.chance(0.8) ? { method: "POST" } : {}), how: dice.pick(["reset", "end"]), ...dice.weighted(faults) });
}

export async function allRows(gate) {
  const answer = await fetch(`http://${gate.adminAddress}/api/v1/audit/export?format=jsonl&kind=calls`, { headers: { authorization: `Bearer ${adminToken}` } });
  assert.equal(answer.status, 200);
  const lines = (await answer.text()).trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.at(-1).summary, "the export is whole");
  return lines.slice(0, -1).map((line) => line.data);
}

/** Kills it with -9 while it works, once or twice before it is up again. */
async function die(gate, dice) {
  await gate.kill();
  await sleep(dice.below(200));
  await gate.start();
  if (!dice.chance(0.2)) return;
  await gate.kill();
  await gate.start();
}

export async function openDoubts(gate) {
  return (await gate.get("/doubts?limit=1000")).data;
}

/** Until the gate knows what became of all that it lost. */
export async function clearUp(gate, { forPeople = () => false, explain = () => null, patient = false } = {}) {
  const end = Date.now() + (patient ? 250_000 : 60_000);
  for (;;) {
    const open = [];
    for (const { call } of await openDoubts(gate)) {
      const { metadata } = await gate.call(call);
      if (!forPeople(metadata.name)) open.push([call, metadata.name]);
    }
    if (open.length === 0) return;
    assert.ok(Date.now() < end, `still in doubt: ${JSON.stringify(open.map(([call, name]) => [call, explain(name)]), null, 1)}`);
    if (!patient) await gate.ask("POST", "/api/v1/doubts/ask", {});
    await sleep(300);
  }
}

/** Its own proofs: the ledger, the chain; nothing is reserved. */
export async function prove(gate) {
  const check = await gate.cli("ledger", "check");
  assert.equal(check.code, 0, check.out + check.err);
  const { ok, wrong, holds, doubts } = await gate.get("/ledger/check");
  assert.deepEqual({ ok, wrong, holds, doubts }, { ok: true, wrong: [], holds: 0, doubts: 0 });
  for (const budget of (await gate.get("/budgets?limit=10000")).data)
    for (const account of budget.accounts) assert.equal(nanos(account.reserved_usd ?? "0"), 0n, `${budget.id} ${JSON.stringify(account)}`);
  assert.equal((await gate.stop()).code, 0);
  const proof = await runProgram(binary, ["audit", "verify", "--data", gate.dataDir], { env: cleanEnv(), timeout: 60_000 });
  assert.equal(proof.code, 0, proof.out + proof.err);
}

/** No event of the vendor's took a group beyond its limit; what was the closest. */
export function neverBeyond(cap, events) {
  const sums = new Map();
  let most = 0;
  for (const event of events) {
    const group = cap.of(event);
    if (group === undefined) continue;
    const sum = (sums.get(group) ?? 0) + event.cents * (cap.net && event.refund ? -1 : 1);
    sums.set(group, sum);
    most = Math.max(most, sum);
    assert.ok(sum <= cap.limit * 100, `${cap.name} of ${group}: ${sum} cents moved, the cap is ${cap.limit} usd: ${JSON.stringify(event)}`);
  }
  return most;
}

const styles = [[3, "key"], [3, "sdk"], [2, "step"], [1, "none"], [1, "hasty"]];

/**
 * A subclass has invent(key), which gives an op { ...this.op(key), kind, body, ... }; path(op) and sdk(client, op, body, options), which send it;
 * keep(op, answer), once for each op that was answered (for each read); and may have isOver(op, error): refused for good.
 * How an op is named: `key` by the agent's own idempotency key, `sdk` by the SDK's (which asks again by itself), `step` by run and step,
 * `hasty` like key, and hangs up soon; `none` not at all. Those that have a name are asked for until it is known what became of them.
 */
export class Day {
  constructor({ dice, gate, line, keys, calls }) {
    Object.assign(this, { dice, gate, line, keys, calls, left: calls, serial: 0, ops: new Map(), odd: [], told: new Map(), clients: new Map() });
    this.named = new Map(keys.map((name) => [name, []]));
  }

  op(key) {
    const run = `${key}-r${Math.floor(++this.serial / 60)}`;
    return { key, run, name: `${run}-${this.serial}`, how: this.dice.weighted(styles), answers: new Set() };
  }

  take(list) {
    return list.splice(this.dice.below(list.length), 1)[0];
  }

  count(what) {
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
  }

  isOver() {
    return false;
  }

  client(name, how) {
    const id = `${name} ${how}`;
    if (!this.clients.has(id)) this.clients.set(id, new Stripe(tokenOf(name), {
      host: "127.0.0.1", port: this.gate.port, protocol: "http", telemetry: false,
      maxNetworkRetries: how === "sdk" ? 3 : 0, timeout: how === "hasty" ? 120 : 20_000,
    }));
    return this.clients.get(id);
  }

  send(op) {
    const headers = { "x-agent-run-id": op.run, "x-tollgate-metadata": JSON.stringify({ name: op.name }) };
    const body = { ...op.body, metadata: { name: op.name } };
    if (op.how === "step") return this.plain(op, { ...headers, "x-agent-step": op.name });
    if (op.how === "none") return this.plain(op, headers);
    const key = op.how === "sdk" ? {} : { idempotencyKey: `once-${op.name}` };
    return this.sdk(this.client(op.key, op.how), op, body, { headers, ...key });
  }

  /** The SDK gives each POST a key of its own; callers without one speak HTTP. */
  async plain(op, headers) {
    const form = new URLSearchParams({ ...JSON.parse(JSON.stringify(op.body ?? {})), "metadata[name]": op.name });
    let answer;
    try {
      answer = await fetch(`${this.gate.url}/stripe/v1${this.path(op)}`, {
        headers: { ...headers, authorization: `Bearer ${tokenOf(op.key)}` }, ...(op.kind === "read" ? {} : { method: "POST", body: form }),
      });
      answer.json = JSON.parse(await answer.text());
    } catch (error) {
      throw Object.assign(error, { type: "StripeConnectionError" });
    }
    if (answer.ok) return answer.json;
    throw Object.assign(new Error(answer.json.error?.message), { type: answer.json.error?.type, statusCode: answer.status, code: answer.json.error?.code, headers: Object.fromEntries(answer.headers) });
  }

  /** Once: "done", "over" (it will not be) or "open" (nobody knows). */
  async attempt(op) {
    let answer;
    try {
      answer = await this.send(op);
    } catch (error) {
      return this.failed(op, error);
    }
    this.count("done");
    if (op.kind === "read") {
      this.keep(op, answer);
      return "done";
    }
    op.answers.add(answer.id);
    if (op.answers.size > 1) this.odd.push(`${op.name} has several answers: ${[...op.answers]}`);
    if (op.answers.size === 1 && !op.kept) this.keep(op, answer);
    op.kept = true;
    return "done";
  }

  failed(op, error) {
    const denied = error.headers?.["x-tollgate-denied"];
    this.count(denied ?? error.code ?? error.type ?? String(error));
    if (error.statusCode === 402 || ["budget_exceeded", "price_unknown"].includes(denied)) return "over";
    if (!denied && this.isOver(op, error)) return "over";
    if (denied === "duplicate_in_flight" || error.statusCode >= 500 || error.statusCode === 429 || error.type === "StripeConnectionError") return "open";
    this.odd.push(`${op.name} (${op.kind} ${op.how}): ${error.statusCode} ${denied} ${error.stack}`);
    return "over";
  }

  /** As a workflow does: again until it knows, if what it does has a name. */
  async perform(op) {
    this.ops.set(op.name, op);
    const named = ["key", "step", "hasty"].includes(op.how) && op.kind !== "read";
    for (let tries = 0; tries < (named ? 5 : 1); tries++) {
      this.left--;
      const twice = named && this.dice.chance(0.08);
      const [how] = await Promise.all([this.attempt(op), twice ? this.attempt(op) : 0]);
      op.became = how;
      if (how !== "open") break;
      await sleep(20 + this.dice.below(300));
    }
    if (named && op.became !== "over") this.named.get(op.key).push(op);
  }

  async agent(key) {
    const named = this.named.get(key);
    while (this.left > 0) {
      if (this.dice.chance(0.12)) spoil(this.line, this.dice);
      if (named.length && this.dice.chance(0.08)) {
        this.left--;
        await this.attempt(this.dice.pick(named)); // on purpose
      } else await this.perform(this.invent(key));
    }
  }

  /** `times` kills, spread over the day. */
  async killer(times) {
    for (let i = 1; i <= times; i++) {
      await until(() => this.left <= this.calls * (1 - i / (times + 1)), "the next kill", { timeout: 900_000, every: 10 });
      await die(this.gate, this.dice);
    }
  }

  async live({ agents, kills }) {
    await Promise.all([this.killer(kills), ...this.keys.flatMap((key) => Array.from({ length: agents }, () => this.agent(key)))]);
    this.line.clear();
    if (this.line.trouble) throw this.line.trouble;
  }

  /** About `many` of those that have a name: what was answered is answered again. How many were asked. */
  async askAgain(many) {
    const all = [...this.named.values()].flat();
    const asked = all.filter(() => this.dice.chance(many / all.length));
    const unknown = [];
    for (const op of asked) if ((await this.attempt(op)) !== "done" && op.answers.size) unknown.push(op.name);
    assert.deepEqual(unknown, [], "answered before, and not now");
    return asked.length;
  }
}

/**
 * `moved`: by the vendor's books, a unit (an op, an intent) to { cents, run, key }. The rows and settlements of each unit (`unitOf` a row) say the
 * same, and so do their sums by run and key, which are given back in nano-dollars.
 */
export function compareBooks(rows, moved, unitOf) {
  const mine = { unit: new Map(), run: new Map(), key: new Map() }, theirs = { unit: new Map(), run: new Map(), key: new Map() };
  const add = (map, name, nano) => nano && map.set(name, (map.get(name) ?? 0n) + nano);
  const calls = new Map(rows.filter((row) => !row.kind).map((row) => [row.id, row]));
  for (const row of rows) {
    const call = calls.get(row.of ?? row.id), booked = nanos(row.cost_usd ?? "0");
    if (!call) assert.equal(booked, 0n, `what is no call's costs nothing: ${JSON.stringify(row)}`);
    if (!call) continue;
    add(mine.unit, unitOf(call), booked);
    add(mine.run, call.run, booked);
    add(mine.key, call.key_name, booked);
  }
  for (const [unit, { cents, run, key }] of moved) {
    const nano = BigInt(cents) * 10_000_000n;
    add(theirs.unit, unit, nano);
    add(theirs.run, run, nano);
    add(theirs.key, key, nano);
  }
  const wrong = [];
  for (const unit of new Set([...mine.unit.keys(), ...theirs.unit.keys()])) {
    const booked = mine.unit.get(unit) ?? 0n, real = theirs.unit.get(unit) ?? 0n;
    if (booked === real) continue;
    const about = rows.filter((row) => calls.has(row.of ?? row.id) && unitOf(calls.get(row.of ?? row.id)) === unit);
    wrong.push(`${unit}: booked ${booked}, moved ${real}: ${JSON.stringify(moved.get(unit))}\n${about.map((row) => `    ${row.at} ${row.id} ${row.kind ?? "call"} ${row.of ?? ""} ${row.operation} ${row.verdict} ${row.status} ${row.outcome ?? ""} ${row.cost_usd} ${row.reason ?? ""}`).join("\n")}`);
  }
  assert.equal(wrong.length, 0, `${wrong.length} are not what the vendor says:\n${wrong.slice(0, 10).join("\n")}`);
  const sorted = (map) => [...map].filter(([, nano]) => nano).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const what of ["run", "key"]) assert.deepEqual(sorted(mine[what]), sorted(theirs[what]), `by ${what}`);
  return theirs;
}

/** Each that was carried out has one row that says so, and no more than one: { name: [call ids] }. */
export function carriedOut(rows) {
  const settled = new Map(rows.filter((row) => row.kind === "settlement" && row.reason !== "the vendor told what it cost").map((row) => [row.of, row]));
  const carried = new Map();
  for (const row of rows) {
    if (row.kind || row.method !== "POST" || row.repeat_of || row.replayed) continue;
    if (row.verdict === "in_doubt") assert.ok(settled.has(row.id), `settled: ${JSON.stringify(row)}`);
    const spent = row.verdict === "in_doubt" ? settled.get(row.id).outcome === "spent" : row.verdict === "allowed" && row.status < 300;
    if (spent) carried.set(row.metadata.name, [...(carried.get(row.metadata.name) ?? []), row.id]);
  }
  return carried;
}
