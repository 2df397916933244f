// SPDX-License-Identifier: Apache-2.0
// One reading or none, held against servers that nobody here wrote: thousands of Stripe calls in odd spellings go through the real
// gate to stripe-stateful-mock (Express, qs) and to emulate (a router and a form reader of its own). Each is refused, or the server
// runs the handler of the very operation that the gate's row names, with the amount, currency, customer and ids that the row has.
//
//   SEED=7 ROUTES_CALLS=8000 test/sdk/run routes         the same calls again; more of them (emulate takes 5000 an hour)
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import { createRequire } from "node:module";
import path from "node:path";
import { before } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { config, key, tokenOf } from "./lib/config.js";
import { binary, cleanEnv, nanos, startGate } from "./lib/gate.js";
import { atEnd, freePort, run } from "./lib/process.js";
import { connect } from "./lib/raw.js";
import { listen } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

const require = createRequire(import.meta.url);
const here = path.dirname(fileURLToPath(import.meta.url));
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const count = Number(process.env.ROUTES_CALLS ?? 2500);
const form = "application/x-www-form-urlencoded";
const fx = { eur: "1.1", jpy: "0.02" };

/** A small generator that gives the same again for the same seed (mulberry32). */
function chance(state) {
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)], once: (n) => below(n) === 0 };
}

/* ---- the servers: each tells by whom a call was answered, and what it read in it ---- */

/** "/v1/charges/:id/capture" and "/v1/charges/{charge}/capture" are one shape. */
const shape = (method, template) => `${method} ${template.replace(/:\w+|\{\w+\}/g, "*")}`;

async function startStateful(seen) {
  require("loglevel").setLevel("silent");
  const app = require("stripe-stateful-mock").createExpressApp();
  app.set("env", "test"); // else it prints what it cannot read
  const table = new Set();
  for (const layer of app._router.stack.find((l) => l.name === "router").handle.stack) {
    for (const method of Object.keys(layer.route?.methods ?? {})) table.add(shape(method.toUpperCase(), layer.route.path));
  }
  const server = http.createServer((req, res) => {
    const note = { method: req.method, url: req.url, probe: req.headers["user-agent"] };
    seen.push(note);
    res.on("finish", () => {
      note.status = res.statusCode;
      note.route = req.route && req.route.path !== "*" ? shape(req.method, req.route.path) : null; // "*" says 404
      note.read = req.body ?? {};
      note.ids = Object.values(req.params ?? {});
    });
    app(req, res);
  });
  return { table, url: `http://127.0.0.1:${await listen(server)}` };
}

/** Its routes are wrapped as its plugin registers them. What it read is what its answer says. */
async function startEmulateHere(seen) {
  const dist = path.join(here, "node_modules/emulate/dist");
  const file = fs.readdirSync(dist).find((name) => /^dist-.*\.js$/.test(name) && /\bstripePlugin,?\n/.test(fs.readFileSync(path.join(dist, name), "utf8")));
  const { stripePlugin } = await import(pathToFileURL(path.join(dist, file)));
  const { createEmulator } = await import("emulate");
  const table = new Set();
  const register = stripePlugin.register, notes = new WeakMap();
  stripePlugin.register = (app, ...rest) => {
    app.use("*", async (c, next) => {
      const note = { method: c.req.method, url: new URL(c.req.url).pathname, probe: c.req.header("user-agent"), route: null };
      notes.set(c, note);
      seen.push(note);
      await next();
    });
    const told = new Proxy(app, {
      get: (target, name) => (["get", "post", "put", "patch", "delete"].includes(name) ? (template, handler) => {
        const own = shape(name.toUpperCase(), template);
        table.add(own);
        return target[name](template, async (c, next) => {
          const answer = await handler(c, next);
          Object.assign(notes.get(c), { route: own, ids: Object.values(c.req.param()), status: answer.status, read: answer.ok ? await answer.clone().json() : {} });
          return answer;
        });
      } : target[name]),
    });
    return register(told, ...rest);
  };
  const port = await freePort();
  const plain = net.Server.prototype.listen;
  net.Server.prototype.listen = function (at, ...rest) {
    return plain.call(this, { port: at, host: "127.0.0.1" }, rest.find((x) => typeof x === "function"));
  };
  const emulator = await createEmulator({ service: "stripe", port }).finally(() => (net.Server.prototype.listen = plain));
  atEnd(() => emulator.close());
  return { table, url: `http://127.0.0.1:${port}` };
}

/* ---- what is asked ---- */

const amounts = ["100", "5000", "77", "99999999"];
const charge = (r, k) => [["amount", r.pick(amounts)], ["currency", r.pick(["usd", "usd", "eur", "jpy", "USD"])], r.once(2) ? ["source", "tok_visa"] : ["customer", r.pick(k.customers)]];

/** Calls that these servers have, plain. `k`: ids that are there. */
const plainCalls = {
  stateful: [
    (r, k) => ["POST", "/v1/charges", charge(r, k)],
    (r, k) => ["POST", "/v1/charges", charge(r, k)],
    (r, k) => ["POST", "/v1/charges", [["description", "a b&c=d"], ...charge(r, k)]],
    (r, k) => ["POST", "/v1/charges", [...charge(r, k), ["capture", r.pick(["true", "false"])], ["metadata[order]", "6735"]]],
    () => ["GET", "/v1/charges", []],
    (r, k) => ["GET", `/v1/charges/${r.pick(k.charges)}`, []],
    (r, k) => ["POST", `/v1/charges/${r.pick(k.charges)}`, [["description", "x y"]]],
    (r, k) => ["POST", `/v1/charges/${r.pick(k.charges)}/capture`, r.once(2) ? [] : [["amount", "50"]]],
    (r, k) => ["GET", `/v1/charges/${r.pick(k.charges)}/refunds`, []],
    (r, k) => ["POST", "/v1/refunds", [["charge", r.pick(k.charges)], ...(r.once(3) ? [] : [["amount", r.pick(["1", "50"])]])]],
    () => ["GET", "/v1/refunds", []],
    () => ["POST", "/v1/customers", [["email", "a@b.example"], ["metadata[a]", "1"]]],
    (r, k) => ["GET", `/v1/customers/${r.pick(k.customers)}`, []],
    (r, k) => ["POST", `/v1/customers/${r.pick(k.customers)}`, [["description", "d"]]],
    (r, k) => ["POST", `/v1/customers/${r.pick(k.customers)}/sources`, [["source", "tok_visa"]]],
    () => ["POST", "/v1/products", [["name", "p"], ["type", "service"]]],
    () => ["POST", "/v1/accounts", [["type", "custom"], ["country", "US"]]],
    () => ["GET", "/v1/prices", []],
    (r, k) => ["GET", `/v1/disputes/${r.pick(k.charges)}`, []],
    () => ["POST", "/v1/tax_rates", [["display_name", "VAT"], ["percentage", "10"], ["inclusive", "true"]]],
    () => ["POST", "/v1/payouts", [["amount", "100"], ["currency", "usd"]]],
    () => ["POST", "/v1/transfers", [["amount", "100"], ["currency", "usd"], ["destination", "acct_1"]]],
  ],
  emulate: [
    (r, k) => ["POST", "/v1/payment_intents", [...charge(r, k).slice(0, 2), ...(r.once(2) ? [["customer", r.pick(k.customers)]] : [])]],
    (r, k) => ["POST", "/v1/payment_intents", charge(r, k).slice(0, 2)],
    (r, k) => ["POST", "/v1/payment_intents", [...charge(r, k).slice(0, 2), ["payment_method", "pm_card_visa"], ["metadata[order]", "6735"]]],
    () => ["GET", "/v1/payment_intents", []],
    (r, k) => ["GET", `/v1/payment_intents/${r.pick(k.intents)}`, []],
    (r, k) => ["POST", `/v1/payment_intents/${r.pick(k.intents)}`, [["amount", r.pick(amounts)]]],
    (r, k) => ["POST", `/v1/payment_intents/${r.pick(k.intents)}/confirm`, [["payment_method", "pm_card_visa"]]],
    (r, k) => ["POST", `/v1/payment_intents/${r.pick(k.intents)}/cancel`, []],
    () => ["POST", "/v1/customers", [["email", "a@b.example"]]],
    (r, k) => ["GET", `/v1/customers/${r.pick(k.customers)}`, []],
    (r, k) => ["POST", `/v1/customers/${r.pick(k.customers)}`, [["name", "n"]]],
    () => ["GET", "/v1/customers", []],
    () => ["GET", "/v1/charges", []],
    () => ["POST", "/v1/products", [["name", "p"]]],
    () => ["POST", "/v1/prices", [["currency", "usd"], ["unit_amount", "500"], ["product", "prod_1"]]],
    () => ["POST", "/v1/checkout/sessions", [["mode", "payment"], ["line_items[0][price]", "price_1"], ["line_items[0][quantity]", "2"]]],
    () => ["POST", "/v1/payouts", [["amount", "100"], ["currency", "usd"]]],
  ],
};

const written = (pairs) => pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
const escaped = (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
const at = (text, i, by, gone = 0) => text.slice(0, i) + by + text.slice(i + gone);

/** Tricks of the corpus (docs/canonical.md), each on a request { method, path, query, body, type, fields }. */
const tricks = {
  "an escaped character": (q, r) => { const i = 1 + r.below(q.path.length - 1); q.path = at(q.path, i, escaped(q.path[i]), 1); },
  "a doubled slash": (q, r) => { const i = r.pick([...q.path.matchAll(/\//g)]).index; q.path = at(q.path, i, "/"); },
  "a run of slashes in front": (q) => { q.path = `//${q.path}`; },
  "an escaped slash": (q, r) => { const i = q.path.lastIndexOf("/"); q.path = at(q.path, i, r.pick(["%2F", "%2f"]), 1); },
  "dot segments": (q, r) => { q.path = q.path.replace(/\/([^/]+)$/, `/$1/${r.pick(["..", "%2e%2e", ".%2e", "%2E%2E", "."])}/${r.pick(["payouts", "refunds", "$1"])}`); },
  "a dot in front": (q, r) => { q.path = `/${r.pick([".", "..", "v1/..", "%2e"])}${q.path}`; },
  "another case": (q, r) => { const i = 1 + r.below(q.path.length - 1); q.path = at(q.path, i, q.path[i].toUpperCase(), 1); },
  "a slash at the end": (q) => { q.path += "/"; },
  "something behind the path": (q, r) => { q.path += r.pick([";x=1", "%3Bx", "%23", "%3Fa=b", ".json", "%00", "%20", "%0d%0a", "\\", "%5c", ":", "@", "*", "~", "%7e", "+"]); },
  "encoded twice": (q) => { q.path = q.path.replace(/([a-z])([^/]*)$/, (_, c, rest) => `%25${escaped(c).slice(1)}${rest}`); },
  "an absolute target": (q, r) => { q.path = `${r.pick(["http://api.stripe.com", "http://x", "//api.stripe.com"])}${q.path}`; },
  "a parameter in the query": (q) => { q.query = "amount=9999"; },
  "an odd query": (q, r) => { q.query = r.pick(["limit=1", "limit=1&limit=2", "limit[]=1", "a=%zz", "&&", "?", "limit=1;limit=2", "expand[]=data.customer", "expand[0]=x", "a[b=1"]); },
  "a name twice": (q, r) => { const [name] = r.pick(q.pairs); q.body += `&${name}=${r.pick(["9999", "jpy", ""])}`; },
  "a name twice, in front": (q, r) => { const [name] = r.pick(q.pairs); q.body = `${name}=9999&${q.body}`; },
  "a name twice, escaped": (q, r) => { const [name] = r.pick(q.pairs); q.body += `&${escaped(name[0])}${name.slice(1)}=9999`; },
  "an escaped name": (q, r) => { const i = r.below(Math.max(1, q.body.indexOf("="))); if (q.body) q.body = at(q.body, i, escaped(q.body[i]), 1); },
  "a list of one": (q, r) => { const [name] = r.pick(q.pairs); q.body = q.body.replace(`${name}=`, `${name}${r.pick(["[]", "[0]", "%5B%5D", "[1]", "[x]", "["])}=`); },
  "a scalar and a list": (q, r) => { const [name] = r.pick(q.pairs); q.body += `&${name}${r.pick(["[]", "[0]", "[a]", "%5b%5d"])}=9999`; },
  "an odd number": (q, r) => { q.body = q.body.replace(/amount=\d+/, `amount=${r.pick(["1e4", "0x270f", "%209999", "9999%20", "+9999", "100.5", "-5", "0100", "1_000", "1,000", "%EF%BC%91", "99999999999999999999", "", "NaN", "0", "1e400", "100%00"])}`); },
  "pairs split by semicolons": (q) => { q.body = q.body.replace("&", ";") + ";amount=9999"; },
  "an odd currency": (q, r) => { q.body = q.body.replace(/currency=\w+/, `currency=${r.pick(["USD", "Usd", "usd%20", "xxx", "", "u", "%75sd", "jpy", "JPY", "usd%00"])}`); },
  "names of another case": (q) => { q.body = q.body.replace(/^[a-z]/, (c) => c.toUpperCase()); },
  "an override of the method": (q, r) => { q.fields["x-http-method-override"] = r.pick(["POST", "DELETE", "GET"]); q.body += q.body && "&_method=DELETE"; },
  "another path in a field": (q, r) => { q.fields[r.pick(["x-original-url", "x-rewrite-url", "x-forwarded-uri", "x-forwarded-prefix"])] = "/v1/payouts"; },
  "another method": (q, r) => { q.method = r.pick(["PUT", "PATCH", "DELETE", "post", "GET", "POST", "HEAD", "OPTIONS"]); },
  "an odd type": (q, r) => { q.type = r.pick([`${form}; charset=utf-16`, `${form}; charset=utf-8`, `${form};charset=UTF-8`, "application/json", "multipart/form-data; boundary=x", "text/plain", "", `${form}, text/plain`, form.toUpperCase()]); },
  "JSON in a form's place": (q) => { q.type = "application/json"; q.body = JSON.stringify(Object.fromEntries(q.pairs)); },
  "said to be compressed": (q, r) => { q.fields["content-encoding"] = r.pick(["gzip", "identity", "deflate, gzip", "x"]); },
  "chunked": (q) => { q.chunked = true; },
  "a body on GET": (q) => { if (q.method === "GET") q.body = "amount=9999"; },
  "empty pieces": (q, r) => { q.body = r.pick([`&${q.body}`, `${q.body}&`, q.body.replace("&", "&&"), `${q.body}&x`, `${q.body}&=1`, `${q.body}&[]=1`]); },
  "a proto": (q, r) => { q.body += `&${r.pick(["__proto__[amount]=1", "constructor[prototype][amount]=9999", "hasOwnProperty=1", "amount[__proto__]=1", "toString=1"])}`; },
  "deep": (q) => { q.body += `&metadata${"[a]".repeat(9)}=1`; },
  "another id": (q, r) => { q.path = q.path.replace(/(ch|cus|pi)_\w+/, r.pick(["search", "..", "%2e%2e", "ch_1%2Frefund", "ch_1?x", "ch_1#x", "a%20b", "%E2%82%AC", "*", "new", "ch_1/refund", "null"])); },
};
const kinds = Object.keys(tricks);

function makeCall(r, calls, known, number) {
  const [method, target, pairs] = r.pick(calls)(r, known);
  const q = { method, path: target, query: "", pairs: pairs.length ? pairs : [["x", "1"]], body: written(pairs), type: form, fields: {}, used: [] };
  for (let n = r.pick([0, 1, 1, 1, 1, 2, 2, 3]); n > 0; n--) {
    const kind = r.pick(kinds);
    q.used.push(kind);
    tricks[kind](q, r);
    q.path ||= "/";
  }
  q.probe = `probe-${number}`;
  return q;
}

/* ---- asking ---- */

function bytesOf(q, port) {
  const absolute = /^http:/.test(q.path);
  const target = `${absolute ? q.path : `/stripe${q.path}`}${q.query && `?${q.query}`}`;
  const lines = [`${q.method} ${target} HTTP/1.1`, `host: 127.0.0.1:${port}`, `authorization: Bearer ${tokenOf("all")}`, `user-agent: ${q.probe}`];
  if (q.type && q.body) lines.push(`content-type: ${q.type}`);
  for (const [name, value] of Object.entries(q.fields)) lines.push(`${name}: ${value}`);
  if (q.chunked) return `${lines.join("\r\n")}\r\ntransfer-encoding: chunked\r\n\r\n${q.body && `${Buffer.byteLength(q.body).toString(16)}\r\n${q.body}\r\n`}0\r\n\r\n`;
  if (q.body || q.method === "POST") lines.push(`content-length: ${Buffer.byteLength(q.body)}`);
  return `${lines.join("\r\n")}\r\n\r\n${q.body}`;
}

class Line {
  constructor(port) {
    this.port = port;
  }

  async ask(q) {
    this.raw ??= await connect(this.port);
    this.raw.write(bytesOf(q, this.port));
    const answer = await this.raw.answer({ head: q.method === "HEAD" });
    if (answer.headers.connection === "close" || this.raw.ended) {
      this.raw.destroy();
      this.raw = null;
    }
    return answer;
  }
}

/* ---- the comparator ---- */

/** Dollars of an amount in the smallest unit, in nanos. */
function worth(amount, currency) {
  const digits = currency === "jpy" ? 1n : 100n;
  const rate = BigInt(Math.round(Number(fx[currency] ?? "1") * 1000));
  return (BigInt(amount) * 1_000_000_000n * rate) / digits / 1000n;
}

const simple = (value) => value === undefined || value === null || typeof value === "string" || typeof value === "number";
/** Calls whose whole price stands in them. */
const priced = new Set(["POST /v1/charges", "POST /v1/payment_intents", "POST /v1/refunds"]);

/** Calls that have an amount at all: a customer has none. */
const amounted = new Set([...priced, "POST /v1/charges/*/capture", "POST /v1/payment_intents/*", "POST /v1/payment_intents/*/confirm"]);

function wrongMoney(row, { amount, currency = "usd" }) {
  const taken = /^\d{1,12}$/.test(String(amount)) && simple(currency) ? worth(amount, String(currency).toLowerCase()) : undefined;
  return taken === nanos(row.reserved_usd) ? [] : [`the row reserved ${row.reserved_usd}, the server took ${JSON.stringify(amount)} ${currency}`];
}

/** A server that does not have "GET /v1/customers/search" reads a customer of that id: there is none. */
const takenForId = (named, route, table) => !table.has(named) && named.startsWith("GET ") && route === named.replace(/[^/]+$/, "*");

/** What is wrong with a call that arrived; empty if the server did what the row says. `operations` is the manifest's table. */
function disagreements(row, note, { operations, table }) {
  const operation = operations.get(row.operation);
  if (!operation) return [`the row names ${row.operation}, which the manifest does not have`];
  const wrong = [];
  const named = shape(operation.method, operation.path);
  if (note.route !== (table.has(named) ? named : null) && !takenForId(named, note.route, table)) wrong.push(`the row names ${named}, the server ran ${note.route}`);
  const { amount, currency, customer } = note.read ?? {};
  if (!simple(customer) || (amounted.has(named) && ![amount, currency].every(simple))) wrong.push(`the server read ${JSON.stringify(note.read)}`);
  if (priced.has(named) && note.route && amount !== undefined) wrong.push(...wrongMoney(row, note.read));
  const touched = note.ids?.find((one) => one.startsWith("cus_")) ?? customer ?? undefined;
  const noted = row.scopes["stripe.customer"] ?? [];
  if (touched !== undefined && !noted.includes(touched)) wrong.push(`the row names ${noted}, the server took ${touched}`);
  return wrong;
}

/* ---- the runs ---- */

let gates, operations;
const servers = {};
const seen = { stateful: [], emulate: [] };
const arrived = (name, probe) => seen[name].filter((note) => note.probe === probe);

async function stock(gate, name) {
  const post = async (target, fields) => {
    const answer = await fetch(`${gate.url}/stripe${target}`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("all")}` }, body: new URLSearchParams(fields) });
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()).id;
  };
  const many = (make) => Promise.all(Array.from({ length: 6 }, make));
  if (name === "emulate") return { customers: await many(() => post("/v1/customers", { email: "a@b.example" })), intents: await many(() => post("/v1/payment_intents", { amount: "5000", currency: "usd" })) };
  const customers = await many(() => post("/v1/customers", { source: "tok_visa" }));
  const charges = await many((_, i) => post("/v1/charges", { amount: "90000", currency: "usd", source: "tok_visa", capture: String(i % 2 === 0) }));
  return { customers, charges };
}

before(async () => {
  servers.stateful = await startStateful(seen.stateful);
  servers.emulate = await startEmulateHere(seen.emulate);
  const file = path.join(here, "../../vendors/stripe.yaml");
  const { out, err } = await run(binary, ["vendor", "operations", "--json", file], { env: cleanEnv() });
  assert.ok(out, err);
  operations = new Map(JSON.parse(out).map((one) => [one.name, one]));
  gates = {};
  for (const [name, server] of Object.entries(servers)) {
    gates[name] = await startGate(config({ stripe: server.url }, {
      vendors: { stripe: { settings: { fx, fx_margin: "0%" } } },
      keys: [key("all", ["stripe-main"], { budgets: [{ limit: "1000000000 usd", window: "day" }] })],
    }));
  }
}, { timeout: 60_000 });

/** All calls of a run: what was asked, answered, and arrived. */
async function play(name) {
  const gate = gates[name];
  const known = await stock(gate, name);
  const r = chance(seed + name.length);
  const line = new Line(gate.port);
  const calls = [];
  for (let number = 0; number < count; number++) {
    const q = makeCall(r, plainCalls[name], known, number);
    const answer = await line.ask(q);
    calls.push({ q, denied: answer.headers["x-tollgate-denied"], id: answer.headers["x-tollgate-call-id"], status: answer.status });
  }
  line.raw?.destroy();
  const rows = new Map((await gate.calls()).map((row) => [row.id, row]));
  return calls.map((call) => ({ ...call, row: rows.get(call.id), notes: arrived(name, call.q.probe) }));
}

const told = ({ q, status, denied }) => `SEED=${seed} ${q.probe} [${q.used}] ${q.method} ${q.path}?${q.query} ${q.type} ${JSON.stringify(q.fields)} ${q.body} -> ${status} ${denied ?? ""}`;

/** What arrived for the call itself: before money moves, the gate may read (GET) the objects that the call only names. */
const own = ({ q, notes }) => notes.filter((note) => note.method !== "GET" || q.method === "GET");

function judge(name, calls) {
  for (const call of calls) {
    const notes = own(call);
    if (call.denied || notes.length === 0) {
      assert.deepEqual(notes, [], `refused, and yet it arrived: ${told(call)}`);
      assert.ok(call.denied || call.status === 400 || call.status === 501, `neither refused nor forwarded: ${told(call)}`);
      continue;
    }
    assert.equal(notes.length, 1, `once: ${told(call)}`);
    assert.ok(call.row, `a row: ${told(call)}`);
    assert.deepEqual(disagreements(call.row, notes[0], { operations, table: servers[name].table }), [], `${told(call)}; ${JSON.stringify(notes[0])}`);
  }
}

/** How many calls came through, by trick: nothing is shown by a run in which all is refused. */
function summary(calls) {
  const by = {};
  for (const call of calls) for (const kind of call.q.used.length ? call.q.used : ["plain"]) {
    by[kind] ??= [0, 0];
    by[kind][own(call).length ? 0 : 1]++;
  }
  return by;
}

for (const name of ["stateful", "emulate"]) {
  test(`${name}: thousands of spellings, each refused or run as it was named`, { timeout: 120_000 + count * 20 }, async (t) => {
    const calls = await play(name);
    judge(name, calls);
    const by = summary(calls), through = calls.filter((call) => own(call).length).length;
    t.diagnostic(`SEED=${seed}: ${calls.length} calls, ${through} forwarded, ${calls.length - through} refused; ${calls.filter((call) => own(call).some((note) => priced.has(note.route) && note.read?.amount !== undefined)).length} compared by amount`);
    t.diagnostic(Object.entries(by).map(([kind, [yes, no]]) => `${kind} ${yes}/${yes + no}`).join(", "));
    assert.ok(through > count / 5 && through < count, `${through} of ${count} were forwarded`);
    assert.ok(count < 1000 || kinds.every((kind) => by[kind]), "every trick was tried");
  });
}

describe("the comparator sees what is wrong", () => {
  const book = () => ({ operations, table: servers.stateful.table });
  const row = { operation: "stripe.charges.create", reserved_usd: "1", scopes: { "stripe.customer": ["cus_1"] } };
  const note = { route: "POST /v1/charges", read: { amount: "100", currency: "usd", customer: "cus_1" }, ids: [] };
  test("nothing, where nothing is", () => assert.deepEqual(disagreements(row, note, book()), []));
  for (const [what, other] of Object.entries({
    "another handler": { ...note, route: "POST /v1/refunds" }, "no handler": { ...note, route: null },
    "another amount": { ...note, read: { ...note.read, amount: "9999" } }, "a list": { ...note, read: { ...note.read, amount: ["100", "9999"] } },
    "an exponent": { ...note, read: { ...note.read, amount: "1e2" } }, "another currency": { ...note, read: { ...note.read, currency: "jpy" } },
    "another customer": { ...note, read: { ...note.read, customer: "cus_2" } }, "a customer in the path": { ...note, ids: ["cus_2"] },
  })) {
    test(what, () => assert.ok(disagreements(row, other, book()).length > 0));
  }

  test("without a gate the same calls do go astray", { timeout: 60_000 }, async (t) => {
    const r = chance(7), known = await stock(gates.stateful, "stateful");
    const astray = new Set();
    for (let number = 0; number < 500; number++) {
      const state = makeCall(r, plainCalls.stateful, known, `direct-${number}`);
      if (state.chunked || !state.used.length) continue;
      const raw = await connect(new URL(servers.stateful.url).port);
      raw.write(bytesOf(state, 1).replace("/stripe", "").replace(tokenOf("all"), "sk_test_1").replace("host:", "connection: close\r\nhost:"));
      await raw.answer({ head: state.method === "HEAD" }).catch(() => {});
      raw.destroy();
      const [arrival] = arrived("stateful", state.probe);
      if (!arrival?.route) continue;
      // What a careless gate would note: the last amount it sees, and the operation whose path is written there.
      const careless = [...operations.values()].find((one) => shape(one.method, one.path) === `${state.method} ${state.path}`);
      const read = new URLSearchParams(state.body), amount = read.getAll("amount").at(-1) ?? "0";
      const noted = { operation: careless?.name ?? "none", reserved_usd: `${(Number.parseInt(amount, 10) || 0) / 100}`, scopes: { "stripe.customer": read.getAll("customer") } };
      if (careless && disagreements(noted, arrival, book()).length) for (const kind of state.used) astray.add(kind);
    }
    t.diagnostic(`astray: ${[...astray].join(", ")}`);
    assert.ok(astray.size >= 3, [...astray].join(", "));
  });
});
