// SPDX-License-Identifier: Apache-2.0
// A small till for what stripe-stateful-mock lacks: payment intents (made, updated, confirmed, captured in part, cancelled, paid later or
// in a browser) and their refunds, with Stripe's idempotency and its events. What it is not: a check that the gate understands Stripe.
//
//   const till = await startIntents();
//   till.intents, till.refunds        // what there is; an intent's `received` and `peak` (the most it ever asked for) in cents
//   till.log                          // { name, intent, cents, refund }: what moved, in order
//   till.happen(id, "succeeded")      // by itself: in a browser, at a bank
//   till.events.splice(0)             // [{ type, object }] that nobody has delivered yet
import http from "node:http";

import { answerJson, listen } from "./recorder.js";

const open = ["requires_payment_method", "requires_confirmation", "requires_capture"];

class Refusal extends Error {
  constructor(status, code, message = code) {
    super(message);
    this.answer = [status, { error: { type: status === 402 ? "card_error" : "invalid_request_error", code, message } }];
  }
}

class Till {
  constructor() {
    Object.assign(this, { intents: new Map(), refunds: [], log: [], events: [], kept: new Map(), serial: 0 });
  }

  tell(type, intent) {
    this.events.push({ type: `payment_intent.${type}`, object: { ...this.show(intent) } });
  }

  show({ received, peak, refunded, declined, ...intent }) {
    return { ...intent, object: "payment_intent", amount_received: received };
  }

  find(id) {
    const intent = this.intents.get(id);
    if (!intent) throw new Refusal(404, "resource_missing");
    return intent;
  }

  must(intent, ...states) {
    if (!states.includes(intent.status)) throw new Refusal(400, "payment_intent_unexpected_state", `its status is ${intent.status}`);
  }

  ask(intent, amount) {
    intent.amount = amount;
    intent.peak = Math.max(intent.peak, amount);
    if (intent.status === "requires_capture") intent.amount_capturable = amount;
  }

  pay(intent, cents, name) {
    Object.assign(intent, { status: "succeeded", received: cents, amount_capturable: 0, latest_charge: `ch_of_${intent.id}` });
    this.log.push({ name, intent: intent.id, cents, refund: false });
    this.tell("succeeded", intent);
  }

  cancel(intent) {
    Object.assign(intent, { status: "canceled", amount_capturable: 0 });
    this.tell("canceled", intent);
  }

  /** With a card that pays at once, later or never. */
  confirm(intent, method, name) {
    this.must(intent, "requires_payment_method", "requires_confirmation");
    if (method === "pm_declined") {
      intent.status = "requires_payment_method";
      this.tell("payment_failed", intent);
      throw new Refusal(402, "card_declined");
    }
    if (method === "pm_slow") {
      intent.status = "processing";
      this.tell("processing", intent);
    } else if (intent.capture_method === "manual") {
      Object.assign(intent, { status: "requires_capture", amount_capturable: intent.amount });
      this.tell("amount_capturable_updated", intent);
    } else this.pay(intent, intent.amount, name);
  }

  /** Without any call: a browser pays, a bank says yes or no, a hold expires. */
  happen(id, what) {
    const intent = this.find(id);
    if (intent.declined) return;
    if (what === "succeeded" && [...open, "processing"].includes(intent.status)) this.pay(intent, intent.amount, null);
    if (what === "failed" && intent.status === "processing") {
      intent.status = "requires_payment_method";
      this.tell("payment_failed", intent);
    }
    if (what === "canceled" && open.includes(intent.status)) this.cancel(intent);
  }

  create(form, name) {
    const intent = {
      id: `pi_${++this.serial}`, amount: Number(form.get("amount")), currency: form.get("currency"), capture_method: form.get("capture_method") ?? "automatic",
      status: "requires_confirmation", amount_capturable: 0, latest_charge: null, metadata: { name }, client_secret: `pi_${this.serial}_secret`, received: 0, peak: 0, refunded: 0,
    };
    this.ask(intent, intent.amount);
    this.intents.set(intent.id, intent);
    if (form.get("confirm") !== "true") return intent;
    // Declined at once: it is there, and its caller was told no id.
    intent.declined = form.get("payment_method") === "pm_declined";
    if (intent.declined) intent.peak = 0;
    this.confirm(intent, form.get("payment_method"), name);
    return intent;
  }

  change(intent, verb, form, name) {
    const amount = Number(form.get("amount"));
    switch (verb) {
      case undefined:
        this.must(intent, "requires_payment_method", "requires_confirmation");
        if (form.has("amount")) this.ask(intent, amount);
        return;
      case "confirm":
        return this.confirm(intent, form.get("payment_method"), name);
      case "cancel":
        this.must(intent, ...open);
        return this.cancel(intent);
      case "increment_authorization":
        this.must(intent, "requires_capture");
        if (amount <= intent.amount) throw new Refusal(400, "parameter_invalid", "not more than before");
        return this.ask(intent, amount);
      case "capture": {
        this.must(intent, "requires_capture");
        const cents = Number(form.get("amount_to_capture") ?? intent.amount);
        if (cents > intent.amount) throw new Refusal(400, "amount_too_large");
        return this.pay(intent, cents, name);
      }
      default:
        throw new Refusal(404, "unrecognized");
    }
  }

  refund(form, name) {
    const intent = this.find(form.get("payment_intent"));
    this.must(intent, "succeeded");
    const left = intent.received - intent.refunded, amount = Number(form.get("amount") ?? left);
    if (amount < 1 || amount > left) throw new Refusal(400, "charge_already_refunded");
    intent.refunded += amount;
    const made = { id: `re_${++this.serial}`, object: "refund", amount, currency: intent.currency, payment_intent: intent.id, charge: intent.latest_charge, status: "succeeded", metadata: { name } };
    this.refunds.push(made);
    this.log.push({ name, intent: intent.id, cents: amount, refund: true });
    return made;
  }

  read(path) {
    const [, kind, id] = path.match(/^\/v1\/(payment_intents|charges)\/([^/]+)$/) ?? [];
    if (kind === "payment_intents") return this.show(this.find(id));
    const intent = kind && this.find(id.replace("ch_of_", ""));
    if (!intent?.latest_charge) throw new Refusal(404, "resource_missing");
    return { id, object: "charge", amount: intent.amount, amount_captured: intent.received, amount_refunded: intent.refunded, captured: true, currency: intent.currency, status: "succeeded", payment_intent: intent.id };
  }

  carryOut(path, form) {
    const name = form.get("metadata[name]");
    if (path === "/v1/payment_intents") return this.show(this.create(form, name));
    if (path === "/v1/refunds") return this.refund(form, name);
    const [, id, verb] = path.match(/^\/v1\/payment_intents\/([^/]+)(?:\/([a-z_]+))?$/) ?? [];
    if (!id) throw new Refusal(404, "unrecognized");
    const intent = this.find(id);
    this.change(intent, verb, form, name);
    return this.show(intent);
  }

  answer(work) {
    try {
      return [200, work()];
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  serve(req, text) {
    const [path] = req.url.split("?");
    if (req.method === "GET") return this.answer(() => this.read(path));
    const key = req.headers["idempotency-key"], request = `${path} ${text}`, kept = this.kept.get(key);
    if (!key) return new Refusal(400, "no_key").answer;
    if (kept && kept.request !== request) return new Refusal(400, "idempotency_key_in_use").answer;
    if (kept) return [...kept.answer, { "idempotent-replayed": "true" }];
    const answer = this.answer(() => this.carryOut(path, new URLSearchParams(text)));
    this.kept.set(key, { request, answer });
    return answer;
  }
}

export async function startIntents() {
  const till = new Till();
  const server = http.createServer({ keepAliveTimeout: 60_000 }, async (req, res) => {
    const parts = [];
    for await (const bytes of req) parts.push(bytes);
    answerJson(res, ...till.serve(req, Buffer.concat(parts).toString()));
  });
  till.port = await listen(server);
  return till;
}
