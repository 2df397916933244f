// SPDX-License-Identifier: Apache-2.0
// One cell of the fault matrix: a caller, a way and a fault; what came of it, and what is wrong with that.
import { monitorEventLoopDelay } from "node:perf_hooks";

import { nanos } from "../gate.js";
import { sleep } from "../process.js";
import { pieces } from "./upstream.js";
import { deadline } from "./faults.js";
import { usage } from "./words.js";

export const rates = { in: 1000n, out: 2000n }; // nanodollars for a token
const goodCost = BigInt(usage.input) * rates.in + BigInt(usage.output) * rates.out;
const texts = { bad: pieces.bad.join(""), good: pieces.good.join("") };
const late = 4000; // what a busy machine may add
const noHead = ["nobody", "headless", "late"];

// How long this process itself was away at most: what it sees late is no fault of the gate's.
const delays = monitorEventLoopDelay({ resolution: 10 });
delays.enable();
const lag = () => delays.max / 1e6;

let count = 0;

export class Cell {
  constructor({ fault, name, way, wayName, streamed, caller, dialects: [bad, good] }) {
    Object.assign(this, { id: ++count, fault, name, way, wayName, streamed, caller, bad, good, calls: [] });
    this.key = `cell-${this.id}`;
    this.token = `key-of-${this.key}-0123456789`;
    this.account = fault.status === 401 || fault.status === 403; // a refused credential is the cell's own
    const impatient = wayName === "no route" && (fault.request || fault.event === true); // nobody else says how long to wait
    this.vendors = { bad: `${fault.vendor ?? (impatient ? "slow" : "bad")}-${bad}`, good: `good-${good}` };
    this.started = new Promise((resolve) => { this.hasStarted = resolve; });
  }

  get title() { return `${this.name} / ${this.wayName} / ${this.streamed ? "stream" : "whole"} / ${this.caller} -> ${this.bad}, ${this.good}`; }
  credential(role) { return role === "bad" && this.account ? `${this.vendors.bad}-${this.id}` : this.vendors[role]; }

  target(role) {
    const own = role === "bad" ? { ...(this.fault.request ? { request_timeout: deadline.request } : {}), ...(this.fault.event ? { event_timeout: this.fault.event === true ? deadline.event : this.fault.event } : {}) } : {};
    return { provider: this.vendors[role], model: "m", credential: this.credential(role), breaker: "off", ...own };
  }

  get route() { return this.way.route(this.target("bad"), this.target("good")); }
  get expected() { return this.way.expect(this.fault.spoils ? { ...this.fault, status: this.fault.spoils[this.bad] } : this.fault); }

  /** What the upstreams do. A healthy racer waits until the faulty one has failed. */
  async play(call) {
    if (call.role === "good") {
      if (this.way.races && !this.fault.vendor) await Promise.race([this.started, sleep(2000)]);
      if (this.way.races) await sleep(80);
      return call.answer();
    }
    if (this.way.heals && call.number > 1) return call.answer();
    const playing = this.fault.play(call);
    this.hasStarted();
    return playing;
  }

  async run(callers) {
    this.began = performance.now();
    this.got = await callers[this.caller](this);
    this.ended = performance.now();
  }

  /* ---- what is wrong ---- */

  trouble() {
    const wrong = [];
    const say = (condition, text) => { if (!condition) wrong.push(text); };
    this.mark = "?";
    const { tries, winner, loose } = this.expected;
    const rows = this.rows.filter((row) => !row.mirror_of);
    if (rows.length !== 1) return [`${rows.length} rows; got ${this.got.error?.message ?? this.got.text}`];
    const [row] = rows;
    const asked = row.attempts.map((a) => (a.vendor === this.vendors.bad ? "bad" : a.vendor === this.vendors.good ? "good" : a.vendor));
    this.judgeAnswer(say, winner, asked, row);
    if (!(this.way.drawn && asked[0] === "good")) {
      if (!loose) say(`${asked}` === `${tries}`, `asked ${asked}, not ${tries}`);
    }
    this.judgeRow(say, row, asked);
    this.judgeMoney(say, row, asked);
    this.judgeTimes(say, asked);
    return wrong;
  }

  judgeAnswer(say, winner, asked, row) {
    const { got, fault } = this;
    if (this.way.drawn && asked[0] === "good") winner = "good";
    if (winner === "either") winner = got.text.startsWith("From the h") ? "good" : "bad";
    if (winner === "good" || winner === "healed" || fault.is === "fine") {
      const from = winner === "good" ? "good" : "bad";
      say(!got.error, `an error: ${got.error?.constructor.name} ${got.error?.status} ${got.error?.message?.slice(0, 160)}`);
      say(got.text === texts[from], `the text of the ${from} one, whole, once; got ${JSON.stringify(got.text)}`);
      say(row.verdict === "allowed" && !row.reason, `the row says ${row.verdict}: ${row.reason}`);
      this.mark = from === "good" ? "✓" : "=";
      if (this.way.races && fault.is === "fine") this.mark = "= or ✓"; // whoever was faster
      return;
    }
    this.judgeFault(say, row);
  }

  judgeFault(say, row) {
    const { got, fault } = this, { error } = got, E = this.errors;
    const same = this.caller === this.bad;
    if (fault.is === "garbage" && same) {
      say(got.text === "", `no text: ${JSON.stringify(got.text)}`);
      this.mark = "as it is";
      return;
    }
    if (!error) return say(false, `no error; got ${JSON.stringify(got.text)}`);
    this.mark = `${error.status ?? "event"}`;
    if (fault.is === "status") {
      const status = same ? fault.status : fault.elsewhere?.[this.bad] ?? fault.status;
      const name = { 400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError", 422: "UnprocessableEntityError", 429: "RateLimitError" }[status] ?? (status >= 500 ? "InternalServerError" : "APIError");
      say(error instanceof E[name], `${name}, not ${error.constructor.name}: ${error.message}`);
      return say(error.status === status, `status ${status}, not ${error.status}: ${error.message?.slice(0, 120)}`);
    }
    if (fault.spoils && error.status) { // nothing of it had gone out: it is the answer that its error would have been
      say(error instanceof E.InternalServerError && error.status === fault.spoils[this.bad], `status ${fault.spoils[this.bad]}, not ${error.status}: ${error.message}`);
      return say(!error.headers?.get("x-tollgate-denied") && row.verdict === "allowed" && row.status === error.status, `the vendor's own error; the row says ${row.verdict}, ${row.status}`);
    }
    const begun = fault.is === "begun" || fault.is === "late begun";
    if (error instanceof SyntaxError && fault.unread && same && !this.route) return void (this.mark = "as it is");
    say(error instanceof E.APIError, `an APIError, not ${error.constructor.name}: ${error.message}`);
    if (begun) {
      this.mark = "… event";
      say(got.text.length > 0 && texts.bad.startsWith(got.text), `the beginning: ${JSON.stringify(got.text)}`);
      return say(error.status === undefined || error.status === null, `inside of the stream, not ${error.status}`);
    }
    say(got.text === "", `nothing before the error: ${JSON.stringify(got.text)}`);
    const codes = { nobody: [502, "upstream_unreachable"], headless: [502, "upstream_broken"], half: [502, "upstream_broken"], garbage: [502, "upstream_broken"], late: [504, "upstream_timeout"], "late half": [504, "upstream_timeout"] };
    const [status, code] = codes[fault.is];
    const inside = this.streamed && !noHead.includes(fault.is) && !error.status;
    const may = fault.may ? [502, 504] : [status];
    if (!inside) say(may.includes(error.status), `status ${status}, not ${error.status}: ${error.message?.slice(0, 120)}`);
    if (!inside && !fault.may && !(fault.unsure)) say(error.headers?.get("x-tollgate-denied") === code, `${code}, not ${error.headers?.get("x-tollgate-denied")}: ${error.message?.slice(0, 120)}`);
    if (!inside && !fault.told) say(row.verdict === "error" || row.verdict === "in_doubt", `the row says ${row.verdict}`);
  }

  judgeRow(say, row, asked) {
    const { fault } = this;
    row.attempts.forEach((a, i) => {
      const isBad = asked[i] === "bad" && !(this.way.heals && i > 0 && !fault.vendor);
      const lost = this.way.races && (fault.is === "fine" || i > 1 || !isBad || /another target was faster|not fit/.test(a.reason ?? ""));
      if (lost) return;
      const status = !isBad || ["fine", "half", "late half", "begun", "late begun", "garbage"].includes(fault.is) ? (isBad && fault.row) || 200 : fault.is === "status" ? fault.status : 0;
      const last = i === row.attempts.length - 1 && !this.way.races;
      if (isBad && fault.spoils && this.route) say(a.status === fault.spoils[this.bad] || (last && a.status === 200), `attempt ${i} (${asked[i]}): status ${a.status}, not its error's`);
      else say(a.status === status, `attempt ${i} (${asked[i]}): status ${a.status}, not ${status}`);
      const over = i < row.attempts.length - 1 || this.way.races;
      if (isBad && over && this.route && fault.is !== "fine" && !fault.is.includes("begun")) say(a.reason, `attempt ${i} has no reason`);
    });
  }

  judgeMoney(say, row, asked) {
    const { fault } = this, sum = (list) => list.reduce((all, one) => all + nanos(one ?? "0"), 0n);
    const cost = nanos(row.cost_usd ?? "0");
    say(cost === sum(row.attempts.map((a) => a.cost_usd)), `cost ${row.cost_usd}, attempts ${row.attempts.map((a) => a.cost_usd)}`);
    const doubt = row.verdict === "in_doubt";
    const unknown = ["headless", "late"].includes(fault.is) && asked.at(-1) === "bad" && (!this.way.races || Boolean(this.way.only)) && !(this.way.heals && asked.length > 1 && !fault.vendor);
    if (!fault.unsure) say(doubt === unknown, `verdict ${row.verdict}: ${row.reason}`);
    row.attempts.forEach((a, i) => {
      const c = nanos(a.cost_usd ?? "0");
      const fails = asked[i] === "bad" && !(this.way.heals && i > 0 && !fault.vendor);
      if (asked[i] === "good" && this.mark === "✓") say(c === goodCost || (fault.is === "fine" && this.way.races), `the healthy one costs ${a.cost_usd}`);
      if (fails && (fault.is === "status" || fault.is === "nobody")) say(c === 0n, `attempt ${i}: a refusal costs ${a.cost_usd}`);
      if (fails && !fault.unsure && !["status", "nobody", "fine"].includes(fault.is) && !(doubt && i === row.attempts.length - 1)) say(c > 0n, `attempt ${i} costs nothing, though it was sent`);
    });
    const all = sum(this.rows.map((r) => r.cost_usd));
    say(nanos(this.budget?.spent_usd ?? "0") === all, `the budget says ${this.budget?.spent_usd}, the rows ${all}`);
    const kept = sum(this.rows.filter((r) => r.verdict === "in_doubt").map((r) => r.reserved_usd));
    const reserved = nanos(this.budget?.reserved_usd ?? "0");
    say(doubt || this.way.shadow ? reserved <= kept : reserved === 0n, `reserved is still ${this.budget?.reserved_usd}`);
  }

  judgeTimes(say, asked) {
    const { fault, calls } = this, bad = calls.filter((call) => call.role === "bad");
    const rounds = asked.filter((role) => role === "bad").length;
    const most = rounds * ((fault.request ? deadline.request : 0) + (fault.event === true ? deadline.event : 0) + (fault.least ?? 0) + 1000) + late;
    say(this.ended - this.began < most, `took ${Math.round(this.ended - this.began)} ms`);
    for (let i = 1; i < bad.length && !this.way.races; i++) {
      const gap = bad[i].at - bad[i - 1].at;
      say(gap >= (fault.least ?? 0) - 20, `try ${i} after ${Math.round(gap)} ms, not ${fault.least}`);
    }
    const kept = ["status", "fine", "garbage"].includes(fault.is) && !this.way.races;
    for (const call of bad) {
      if (kept || this.way.shadow || (this.way.heals && call.number > 1)) continue;
      if (call.closed === undefined) { if (!["status", "garbage", "fine"].includes(fault.is) && !fault.told && !fault.complete) say(false, "the faulty one's connection stays open"); }
      else say(call.closed - this.ended < (this.way.races ? 500 : 2000) + lag(), `the faulty one's connection is closed ${Math.round(call.closed - this.ended)} ms later`);
    }
  }
}
