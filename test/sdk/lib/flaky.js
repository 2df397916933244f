// SPDX-License-Identifier: Apache-2.0
// A bad line in front of an upstream: cuts, delays and 5xx on demand. And the upstream's till: what really reached it, and the
// money that moved there, whatever the caller got to hear of it.
//
//   const line = await startFlaky(mock.port);           // in a test; ends with the test file
//   line.plan({ do: "cut-after", path: "/v1/charges", nth: 3 });
//   line.reached.length; line.moved();                  // requests forwarded; cents that charges, refunds, ... moved
//   node lib/flaky.js 4242                              // by itself: "ready data=... control=..."
//
// A plan: { do, path, method, nth, times, ms, status, how }. `path` is a part of the URL or a RegExp; `nth` counts the requests
// that fit since the plan was made (1: the next one); `times` is for how many from there on (1; Infinity for all).
//   cut-early      the connection is cut when the head is there; nothing is forwarded
//   cut-before     ... when the whole request is there; nothing is forwarded
//   cut-after      the upstream has answered, the caller hears nothing: in doubt
//   cut-mid        ... the caller gets the head and half of the body
//   hang           the upstream has answered, the caller waits until it gives up or release() is called, then is cut off
//   delay          `ms` before forwarding         delay-answer   `ms` before answering
//   status         `status` (503) instead of forwarding          status-after   ... instead of the upstream's answer
// `how` is "reset" (RST, the default) or "end" (FIN). The control port takes the same: POST /plan, POST /clear, POST /release, GET /state.
import http from "node:http";
import { pathToFileURL } from "node:url";

const actions = ["cut-early", "cut-before", "cut-after", "cut-mid", "hang", "delay", "delay-answer", "status", "status-after"];
const allowed = ["do", "path", "method", "nth", "times", "ms", "status", "how"];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function readAll(stream) {
  return new Promise((resolve, reject) => {
    const parts = [];
    stream.on("data", (bytes) => parts.push(bytes));
    stream.on("end", () => resolve(Buffer.concat(parts)));
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("the connection went away")));
  });
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server.address().port;
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What kinds of money there are: the form's `amount`, else the answer's. */
const kinds = [
  [/^\/v1\/charges$/, "charges"],
  [/^\/v1\/refunds$/, "refunds"],
  [/^\/v1\/payouts$/, "payouts"],
  [/^\/v1\/transfers$/, "transfers"],
  [/^\/v1\/payment_intents$/, "payment_intents"],
  [/\/Messages\.json$/, "messages"],
  [/\/Calls\.json$/, "calls"],
  [/^\/emails$/, "emails"],
];

/** What one answered request moved: { kind, amount }; nothing for replays, refusals and reads. Messages count 1 each. */
function moneyOf(call, seen) {
  const path = call.url.split("?")[0];
  const kind = kinds.find(([pattern]) => pattern.test(path))?.[1];
  if (!kind || call.method !== "POST" || call.status < 200 || call.status >= 300) return null;
  const answer = json(call.answer);
  if (call.replayed) return null;
  // Stripe's keys hold for one account; a vendor that marks no replay (Resend) gives the same id again.
  const name = call.key ? `key ${call.headers.authorization} ${call.headers["stripe-account"] ?? ""} ${path} ${call.key}` : null;
  const id = answer?.id ?? answer?.sid;
  const made = id ? `id ${kind} ${id}` : null;
  if ((name && seen.has(name)) || (made && seen.has(made))) return null;
  if (name) seen.add(name);
  if (made) seen.add(made);
  const form = new URLSearchParams(call.text).get("amount");
  const amount = ["messages", "calls", "emails"].includes(kind) ? 1 : Number(form ?? answer?.amount ?? NaN);
  if (!Number.isSafeInteger(amount)) throw new Error(`flaky: how much moved? ${call.method} ${call.url} ${call.text}`);
  return { kind, amount };
}

class Line {
  constructor(target) {
    this.target = target;
    this.calls = []; // every request that came, in order: { method, url, headers, text, did, reached, status, answer, moved, cut }
    this.plans = [];
    this.seen = new Set();
    this.held = new Set();
    this.agent = new http.Agent({ keepAlive: true });
    this.server = http.createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (req, res) => {
      this.#serve(req, res).catch((error) => {
        this.trouble ??= error; // a test looks at this, since nobody awaits a connection
        req.socket.destroy();
      });
    });
  }

  /** Requests that were forwarded. */
  get reached() {
    return this.calls.filter((call) => call.reached);
  }

  /** Minor units (or messages) that moved at the upstream: in all, or of one kind ("charges", "refunds", ...). */
  moved(kind) {
    if (this.trouble) throw this.trouble;
    return this.calls.reduce((sum, call) => sum + (call.moved && (!kind || call.moved.kind === kind) ? call.moved.amount : 0), 0);
  }

  /** How often something moved: charges that were really made. */
  count(kind) {
    return this.calls.filter((call) => call.moved && (!kind || call.moved.kind === kind)).length;
  }

  plan(plan) {
    const unknown = Object.keys(plan).find((name) => !allowed.includes(name));
    if (unknown) throw new Error(`flaky: found "${unknown}"; allowed: ${allowed.join(", ")}`);
    if (!actions.includes(plan.do)) throw new Error(`flaky: found do: "${plan.do}"; allowed: ${actions.join(", ")}`);
    const made = { nth: 1, times: 1, ms: 100, status: 503, how: "reset", ...plan, fits: 0, done: 0 };
    this.plans.push(made);
    return made;
  }

  /** Forgets the plans; with `all` what was counted as well. */
  clear(all = false) {
    this.plans.length = 0;
    this.release();
    if (!all) return;
    this.calls.length = 0;
    this.seen.clear();
  }

  /** Cuts off those that hang. */
  release() {
    for (const end of this.held) end();
    this.held.clear();
  }

  state() {
    return {
      came: this.calls.length,
      reached: this.reached.length,
      moved: this.moved(),
      by_kind: Object.fromEntries([...new Set(this.calls.flatMap((call) => call.moved?.kind ?? []))].map((kind) => [kind, this.moved(kind)])),
      plans: this.plans.map(({ path, ...plan }) => ({ ...plan, path: path && String(path) })),
    };
  }

  async close() {
    this.release();
    this.agent.destroy();
    for (const server of [this.server, this.control]) {
      server?.closeAllConnections();
      server?.close();
    }
  }

  /** The plan whose turn it is. Every plan counts the requests that fit it. */
  #next(call) {
    let turn = null;
    for (const plan of this.plans) {
      const path = plan.path === undefined || (plan.path instanceof RegExp ? plan.path.test(call.url) : call.url.includes(plan.path));
      if (!path || (plan.method && plan.method !== call.method)) continue;
      plan.fits++;
      if (turn || plan.fits < plan.nth || plan.done >= plan.times) continue;
      plan.done++;
      turn = plan;
    }
    return turn;
  }

  #cut(call, req, plan) {
    call.cut = true;
    if (plan.how === "end") req.socket.destroy();
    else req.socket.resetAndDestroy();
  }

  /** Forwards and waits for the whole answer, whether or not the caller is still there: that is the point. */
  async #forward(call) {
    call.reached = true;
    const answer = await new Promise((resolve, reject) => {
      const onward = http.request(
        { host: "127.0.0.1", port: this.target, method: call.method, path: call.url, headers: call.headers, agent: this.agent },
        resolve,
      );
      onward.on("error", reject);
      onward.end(call.body);
    });
    const body = await readAll(answer);
    call.status = answer.statusCode;
    call.answer = body.toString();
    call.replayed = answer.headers["idempotent-replayed"] === "true";
    call.moved = moneyOf(call, this.seen);
    return { status: answer.statusCode, headers: answer.rawHeaders, body };
  }

  async #serve(req, res) {
    const call = { method: req.method, url: req.url, headers: req.headers, key: req.headers["idempotency-key"], at: Date.now(), reached: false };
    this.calls.push(call);
    const plan = this.#next(call);
    call.did = plan?.do;
    if (plan?.do === "cut-early") return this.#cut(call, req, plan);
    try {
      call.body = await readAll(req);
    } catch {
      call.broken = true; // the caller went away in the middle of its request
      return;
    }
    call.text = call.body.toString();
    if (plan?.do === "cut-before") return this.#cut(call, req, plan);
    if (plan?.do === "status") return void this.#answer(res, plan.status);
    if (plan?.do === "delay") await sleep(plan.ms);
    let answer;
    try {
      answer = await this.#forward(call);
    } catch (error) {
      if (error.message.startsWith("flaky:")) throw error;
      return this.#cut(call, req, { how: "end" }); // no upstream: as if there were no line
    }
    await this.#back(call, plan, answer, req, res);
  }

  async #back(call, plan, answer, req, res) {
    switch (plan?.do) {
      case "cut-after":
        return this.#cut(call, req, plan);
      case "hang":
        await new Promise((resolve) => {
          this.held.add(resolve);
          res.on("close", resolve);
        });
        return this.#cut(call, req, plan);
      case "status-after":
        return this.#answer(res, plan.status);
      case "cut-mid":
        res.writeHead(answer.status, answer.headers);
        res.write(answer.body.subarray(0, answer.body.length >> 1));
        await sleep(30); // what was written is on its way
        return this.#cut(call, req, plan);
      case "delay-answer":
        await sleep(plan.ms);
    }
    res.writeHead(answer.status, answer.headers);
    res.end(answer.body);
  }

  #answer(res, status) {
    const text = JSON.stringify({ error: { type: "api_error", message: "a bad line" } });
    res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    res.end(text);
  }

  async #command(req) {
    if (req.method === "GET" && req.url === "/state") return this.state();
    const body = json((await readAll(req)).toString() || "{}");
    if (req.method !== "POST" || !body) throw new Error("allowed: POST /plan, POST /clear, POST /release, GET /state; JSON");
    if (req.url === "/plan") this.plan(body);
    else if (req.url === "/clear") this.clear(body.all === true);
    else if (req.url === "/release") this.release();
    else throw new Error("allowed: POST /plan, POST /clear, POST /release, GET /state");
    return this.state();
  }

  async open() {
    this.port = await listen(this.server);
    this.url = `http://127.0.0.1:${this.port}`;
    this.control = http.createServer(async (req, res) => {
      let status = 200;
      const answer = await this.#command(req).catch((error) => ((status = 400), { error: error.message }));
      res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
    this.controlUrl = `http://127.0.0.1:${await listen(this.control)}`;
    return this;
  }
}

/** In front of http://127.0.0.1:`target`. */
export async function startFlaky(target) {
  const { atEnd } = await import("./process.js"); // only in tests: it knows node:test
  const line = await new Line(target).open();
  atEnd(() => line.close());
  return line;
}

/**
 * A small bank behind the line: charges and refunds as Stripe answers them, with its idempotency (the first answer once the work
 * began, marked as a replay; 400 for another body, 409 while the first is under way). Faster than the npm mock, for load; `ms` is how
 * long a charge takes. `bank.made` is what it holds. What it is not: a check that the gate understands Stripe.
 */
export async function startBank({ ms = 0 } = {}) {
  const bank = { made: [], kept: new Map(), ms };
  const reply = (res, status, body, headers = {}) => {
    const text = JSON.stringify(body);
    res.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text), "request-id": `req_${bank.made.length}`, ...headers });
    res.end(text);
  };
  const refuse = (res, status, type, message) => reply(res, status, { error: { type, message } });
  const make = (path, form) => {
    const amount = Number(form.get("amount"));
    if (!/^\d{1,12}$/.test(form.get("amount") ?? "")) return [400, { error: { type: "invalid_request_error", message: "amount" } }, false];
    if (form.get("source") === "tok_chargeDeclined") return [402, { error: { type: "card_error", code: "card_declined", message: "Your card was declined." } }, true];
    const refund = path === "/v1/refunds";
    const object = { id: `${refund ? "re" : "ch"}_${bank.made.length + 1}`, object: refund ? "refund" : "charge", amount, currency: form.get("currency") ?? "usd", status: "succeeded" };
    if (!refund) Object.assign(object, { amount_captured: amount, captured: true, paid: true });
    bank.made.push(object);
    return [200, object, true];
  };
  const server = http.createServer({ keepAliveTimeout: 60_000 }, async (req, res) => {
    const text = (await readAll(req).catch(() => null))?.toString();
    const path = req.url.split("?")[0];
    if (text === undefined) return;
    if (req.method !== "POST" || !["/v1/charges", "/v1/refunds"].includes(path)) return refuse(res, 404, "invalid_request_error", "Unrecognized request URL");
    const key = req.headers["idempotency-key"] && `${req.headers.authorization} ${req.headers["stripe-account"] ?? ""} ${req.headers["idempotency-key"]}`;
    const kept = key && bank.kept.get(key);
    const echo = key ? { "idempotency-key": req.headers["idempotency-key"] } : {};
    if (kept && kept.request !== `${path} ${text}`) return refuse(res, 400, "idempotency_error", "Keys for idempotent requests can only be used with the same parameters they were first used with.");
    if (kept && !kept.answer) return refuse(res, 409, "idempotency_error", "There is currently another in-progress request using this idempotent key.");
    if (kept) return reply(res, kept.answer[0], kept.answer[1], { ...echo, "idempotent-replayed": "true" });
    if (key) bank.kept.set(key, { request: `${path} ${text}` });
    if (bank.ms) await sleep(bank.ms);
    const [status, body, began] = make(path, new URLSearchParams(text));
    if (key && began) bank.kept.get(key).answer = [status, body];
    else if (key) bank.kept.delete(key);
    reply(res, status, body, echo);
  });
  const { atEnd } = await import("./process.js");
  bank.port = await listen(server);
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return bank;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const target = Number(process.argv[2]);
  if (!Number.isInteger(target) || target < 1 || target > 65_535) {
    console.error("flaky.js: usage: node lib/flaky.js PORT (of the upstream on 127.0.0.1)");
    process.exit(2);
  }
  const line = await new Line(target).open();
  console.log(`ready data=127.0.0.1:${line.port} control=${line.controlUrl.slice(7)}`);
}
