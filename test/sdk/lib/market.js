// SPDX-License-Identifier: Apache-2.0
// Three vendors that count, for load: what came, what was carried out and what it cost, by the name that each call carries.
// Charges and refunds as Stripe answers them, with its idempotency; texts with Twilio's list to look them up; a model that
// answers whole or in a stream. What it is not: a check that the gate understands its vendors.
//
//   const market = await startMarket({ ms: () => Math.random() * 20 });
//   market.done.get(name)      // { vendor, group, run, nanos, count, at }: carried out, `count` times (more than 1: a repeat came through)
//   market.came.get(name)      // how often it came, replays of the vendor included
//
// A call carries its name where its vendor has room for it: Stripe's metadata[name], the first word of a text, the first
// word of a chat's first message; `group-run-rest`, parted at "-", so that sums can be told apart here.
import http from "node:http";

import { sleep } from "./process.js";
import { answerJson, listen } from "./recorder.js";

/** Dollars per million tokens, for the configuration's `prices`. */
export const modelPrice = { in: "1000", out: "2000" };
const inputNanos = 1_000_000n;
const outputNanos = 2_000_000n;
const textNanos = { known: 10_000_000n, estimate: 14_000_000n };
const cent = 10_000_000n;

async function textOf(req) {
  const parts = [];
  try {
    for await (const bytes of req) parts.push(bytes);
  } catch {
    return undefined; // the gate was killed in the middle
  }
  return req.complete ? Buffer.concat(parts).toString() : undefined;
}

class Market {
  constructor(ms) {
    this.ms = ms;
    this.came = new Map();
    this.done = new Map();
    this.open = new Map(); // by group: requests under way, first ones only
    this.peak = new Map();
    this.bank = new Map();
    this.texts = [];
    this.serial = 0;
  }

  /** Counts one that came, and how many of its group are under way. */
  arrive(name, res) {
    const group = name.split("-")[0];
    const before = this.came.get(name) ?? 0;
    this.came.set(name, before + 1);
    if (before) return;
    this.open.set(group, (this.open.get(group) ?? 0) + 1);
    this.peak.set(group, Math.max(this.peak.get(group) ?? 0, this.open.get(group)));
    // Over when the answer is written, not when it is known to have left: its caller may be quicker with the next one.
    const end = res.end.bind(res);
    let over = false;
    const leave = () => {
      if (!over) this.open.set(group, this.open.get(group) - 1);
      over = true;
    };
    res.once("close", leave);
    res.end = (...args) => {
      leave();
      return end(...args);
    };
  }

  carryOut(name, vendor, nanos) {
    const [group, run] = name.split("-");
    const was = this.done.get(name);
    if (was) {
      was.count++;
      was.nanos += nanos;
    } else this.done.set(name, { vendor, group, run: `${group}-${run}`, nanos, count: 1, at: Date.now() });
  }

  /** What was carried out, in nano-dollars, of those that fit. */
  sum(fits = () => true) {
    let sum = 0n;
    for (const done of this.done.values()) if (fits(done)) sum += done.nanos;
    return sum;
  }

  count(fits) {
    let count = 0;
    for (const done of this.done.values()) if (fits(done)) count += done.count;
    return count;
  }

  async stripe(req, res) {
    const text = await textOf(req);
    if (text === undefined) return;
    const form = new URLSearchParams(text);
    const name = form.get("metadata[name]");
    const key = req.headers["idempotency-key"];
    this.arrive(name, res);
    const kept = this.bank.get(key);
    const wrong = (status, message) => answerJson(res, status, { error: { type: "idempotency_error", message } });
    if (!key) return answerJson(res, 400, { error: { type: "invalid_request_error", message: "no key" } });
    if (kept && kept.text !== text) return wrong(400, "Keys for idempotent requests can only be used with the same parameters.");
    if (kept && !kept.object) return wrong(409, "There is currently another in-progress request using this idempotent key.");
    if (kept) return answerJson(res, 200, kept.object, { "idempotent-replayed": "true" });
    const entry = { text };
    this.bank.set(key, entry);
    await sleep(this.ms());
    const amount = Number(form.get("amount"));
    const refund = req.url === "/v1/refunds";
    this.carryOut(name, "stripe", BigInt(amount) * cent);
    entry.object = { id: `${refund ? "re" : "ch"}_${++this.serial}`, object: refund ? "refund" : "charge", amount, currency: "usd", status: "succeeded" };
    if (!refund) Object.assign(entry.object, { amount_captured: amount, captured: true, paid: true });
    answerJson(res, 200, entry.object);
  }

  async twilio(req, res) {
    if (req.method === "GET") {
      const to = new URL(req.url, "http://twilio").searchParams.get("To");
      const messages = this.texts.filter((text) => text.to === to).reverse();
      return answerJson(res, 200, { messages, next_page_uri: null, page: 0, page_size: 200 });
    }
    const text = await textOf(req);
    if (text === undefined) return;
    const form = new URLSearchParams(text);
    const name = form.get("Body").split(" ")[0];
    this.arrive(name, res);
    await sleep(this.ms());
    const known = this.serial % 2 === 0;
    const message = {
      sid: `SM${String(++this.serial).padStart(32, "0")}`, to: form.get("To"), from: form.get("From"), body: form.get("Body"), num_segments: "1",
      price: known ? "-0.01000" : null, price_unit: "USD", status: "sent", date_created: new Date().toUTCString().replace("GMT", "+0000"),
    };
    this.texts.push(message);
    this.carryOut(name, "twilio", known ? textNanos.known : textNanos.estimate);
    answerJson(res, 201, message);
  }

  async model(req, res) {
    const text = await textOf(req);
    if (text === undefined) return;
    const ask = JSON.parse(text);
    const name = ask.messages[0].content.split(" ")[0];
    const limit = ask.max_completion_tokens ?? ask.max_tokens;
    this.arrive(name, res);
    await sleep(this.ms() / 2);
    const usage = { prompt_tokens: 12, completion_tokens: Math.min(limit, 1 + (this.serial % 30)) };
    usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
    this.carryOut(name, "openai", BigInt(usage.prompt_tokens) * inputNanos + BigInt(usage.completion_tokens) * outputNanos);
    const head = { id: `chatcmpl-${++this.serial}`, created: 1_700_000_000, model: ask.model };
    if (!ask.stream) {
      const choices = [{ index: 0, message: { role: "assistant", content: "fine" }, logprobs: null, finish_reason: "stop" }];
      return answerJson(res, 200, { ...head, object: "chat.completion", choices, usage });
    }
    const event = (body) => res.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...body })}\n\n`);
    res.writeHead(200, { "content-type": "text/event-stream" });
    for (let i = 0; i < usage.completion_tokens; i += 5) {
      event({ choices: [{ index: 0, delta: { content: "word " }, finish_reason: null }] });
      await sleep(this.ms() / 8);
    }
    event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    event({ choices: [], usage });
    res.end("data: [DONE]\n\n");
  }
}

export async function startMarket({ ms = () => 0 } = {}) {
  const market = new Market(ms);
  for (const vendor of ["stripe", "twilio", "model"]) {
    const server = http.createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (req, res) => {
      market[vendor](req, res).catch((error) => {
        market.trouble ??= error;
        req.socket.destroy();
      });
    });
    market[`${vendor}Url`] = `http://127.0.0.1:${await listen(server)}`;
  }
  return market;
}
