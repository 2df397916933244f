// SPDX-License-Identifier: Apache-2.0
// stripe-stateful-mock with its events written down in the order in which it carried them out, and its own ledger: what its API lists
// when it is asked directly, beside the gate. It marks with `name` what calls carried as metadata[name].
import http from "node:http";
import { createRequire } from "node:module";

import Stripe from "stripe";

import { listen } from "./recorder.js";

const require = createRequire(import.meta.url);

/** { port, url, log, ledger() }; an event: { method, path, key, name, body, status, replayed, answer }. */
export async function startStripeLedger() {
  process.env.LOG_LEVEL ??= "silent";
  const app = require("stripe-stateful-mock").createExpressApp();
  const log = [];
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
    const end = res.end.bind(res);
    // It answers in the turn in which it does its work: the order of the answers is that of the events.
    res.end = (...args) => {
      if (req.method === "POST") log.push({
        method: req.method, path: req.url.split("?")[0], key: req.headers["idempotency-key"], body: req.body, name: req.body?.metadata?.name,
        status: res.statusCode, replayed: res.getHeader("idempotent-replayed") === "true", answer: JSON.parse(String(args[0] ?? "null")),
      });
      return end(...args);
    };
    app(req, res);
  });
  const port = await listen(server);
  const direct = new Stripe("sk_test_direct", { host: "127.0.0.1", port, protocol: "http", telemetry: false });
  const all = async (list) => {
    const found = [];
    for await (const each of list({ limit: 100 })) found.push(each);
    return found;
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    log,
    async ledger() {
      return { charges: await all((o) => direct.charges.list(o)), refunds: await all((o) => direct.refunds.list(o)) };
    },
  };
}

/** Cents that an event moved: what was captured and what was refunded. Declined charges and replays move nothing. */
export function movedBy(event) {
  if (event.status !== 200 || event.replayed) return 0;
  if (event.path === "/v1/charges") return event.answer.captured ? event.answer.amount_captured : 0;
  if (/^\/v1\/charges\/[^/]+\/capture$/.test(event.path)) return event.answer.amount_captured;
  return event.path === "/v1/refunds" ? event.answer.amount : 0;
}
