// SPDX-License-Identifier: Apache-2.0
// A random day: agents that pay, decline, refund, repeat themselves and lose their answers, through a gate that is killed meanwhile, over a
// bad line. In the end what the gate has booked is what the vendor's own ledger says, to the cent, by run and by key; and at no event of
// that ledger was a cap passed. First stripe-stateful-mock (charges and refunds), then intents, which it lacks.
//
//   DAY_CALLS=5000   how many calls (1,500; as many as 5,000 wait for the gate's own second askings, fewer tell it to ask at once)
//   SEED=1           the same mix again (printed at the start)
import Stripe from "stripe";

import { config, key, tokenOf } from "./lib/config.js";
import { allRows, carriedOut, clearUp, compareBooks, Day, neverBeyond, openDoubts, prove } from "./lib/day.js";
import { Dice } from "./lib/dice.js";
import { startFlaky } from "./lib/flaky.js";
import { nanos, sleep, startGate } from "./lib/gate.js";
import { startIntents } from "./lib/intents.js";
import { freePort, until } from "./lib/process.js";
import { movedBy, startStripeLedger } from "./lib/stripe_ledger.js";
import { assert, test } from "./lib/test.js";

const calls = Number(process.env.DAY_CALLS ?? 1500);
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const patient = calls >= 5000;
const keys = ["k0", "k1", "k2", "k3"];

async function startDay(Kind, port, { caps, credentials = {}, calls: many }) {
  const dice = new Dice(seed);
  const line = await startFlaky(port);
  const budgets = (name) => [
    name === "k1" ? { limit: `${caps.net} usd`, refunds: "net" } : { limit: `${caps.key} usd` },
    { name: "run", limit: `${caps.run} usd`, window: "run" },
    { name: "refunds", limit: `${caps.refunds} usd`, operation: "stripe.refunds.*" },
  ];
  const gate = await startGate(config({ stripe: line.url }, {
    listen: `127.0.0.1:${await freePort()}`, workers: 4, durability: "money",
    keys: keys.map((name) => key(name, ["stripe-main"], { budgets: budgets(name) })),
    budgets: [{ name: "all", limit: `${caps.all} usd`, window: "month" }],
    vendors: { stripe: { deadlines: { first_byte: "400ms" } } }, credentials,
    idempotency: { wait: "150ms" }, log_level: "error",
  }));
  return new Kind({ dice, gate, line, keys, calls: many });
}

/** Over the vendor's own events { key, run, cents, refund }, in its order; how close it came. */
function checkCaps(caps, events) {
  return [
    { name: "all", limit: caps.all, of: () => "all" },
    { name: "key", limit: caps.key, of: (event) => (event.key === "k1" ? undefined : event.key) },
    { name: "net", limit: caps.net, net: true, of: (event) => (event.key === "k1" ? "k1" : undefined) },
    { name: "run", limit: caps.run, of: (event) => event.run },
    { name: "refunds", limit: caps.refunds, of: (event) => (event.refund ? event.key : undefined) },
  ].map((cap) => `${cap.name} ${neverBeyond(cap, events) / 100} of ${cap.limit}`).join(", ");
}

/** The gate's own sums of its rows. */
async function checkSums(gate, theirs) {
  const { data, total } = await gate.get("/usage?by=key&window=total");
  const usd = (map) => [...map.values()].reduce((sum, nano) => sum + nano, 0n);
  assert.equal(nanos(total.cost_usd), usd(theirs.key));
  assert.equal(data.reduce((sum, group) => sum + nanos(group.cost_usd), 0n), usd(theirs.key));
  for (const run of [...theirs.run.keys()].slice(0, 20)) assert.equal(nanos((await gate.get(`/runs/${run}`)).total_usd), theirs.run.get(run), run);
}

function tally(list) {
  const count = new Map();
  for (const each of list) count.set(each, (count.get(each) ?? 0) + 1);
  return JSON.stringify(Object.fromEntries(count));
}

function told(day, rows) {
  return `${day.ops.size} things to do, ${rows.filter((row) => !row.kind).length} rows (${rows.filter((row) => row.verdict === "in_doubt").length} in doubt, ${rows.filter((row) => row.repeat_of).length} repeats); ` +
    `the line: ${tally(day.line.calls.map((call) => call.did ?? "fine"))}; agents heard ${JSON.stringify(Object.fromEntries(day.told))}`;
}

// ---- charges and refunds ----

const declines = ["tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds", "tok_chargeDeclinedExpiredCard"];

class ChargesDay extends Day {
  till = new Map(keys.map((name) => [name, { paid: [], held: [], customers: [] }]));

  invent(name) {
    const { dice } = this;
    const till = this.till.get(name);
    const op = this.op(name);
    const charge = (more) => ({ ...op, kind: "charge", body: { amount: dice.between(50, 20_000), currency: "usd", source: "tok_visa", ...more } });
    return dice.weighted([
      [36, () => charge()],
      [6, () => (till.customers.length ? charge({ source: undefined, customer: dice.pick(till.customers) }) : { ...op, kind: "customer", body: { source: "tok_visa" } })],
      [10, () => charge({ capture: false })],
      [10, () => (till.held.length ? { ...op, kind: "capture", ...this.captureOf(this.take(till.held)) } : charge({ capture: false }))],
      [8, () => charge({ source: dice.pick(declines) })],
      [2, () => charge({ source: "tok_429" })],
      [2, () => charge({ source: `tok_429|tok_visa|again_${op.name}` })],
      [1, () => charge({ source: "tok_500" })],
      [14, () => (till.paid.length ? { ...op, kind: "refund", body: this.refundOf(dice.pick(till.paid)) } : charge())],
      [4, () => (till.paid.length ? { ...op, kind: "refund", body: { charge: this.take(till.paid).id } } : charge())],
      [2, () => ({ ...op, kind: "customer", body: { source: "tok_visa" } })],
      [3, () => ({ ...op, kind: "read" })],
    ])();
  }

  /** All of it or less. */
  captureOf(charge) {
    return { charge: charge.id, body: this.dice.chance(0.5) ? { amount: this.dice.between(50, charge.amount) } : {} };
  }

  /** A part, all of it by name, or more than there is. */
  refundOf(charge) {
    const amount = this.dice.weighted([[6, this.dice.between(1, 500)], [2, charge.amount], [1, charge.amount + 100]]);
    return { charge: charge.id, amount, ...(this.dice.chance(0.2) ? { reason: "requested_by_customer" } : {}) };
  }

  path(op) {
    return { charge: "/charges", capture: `/charges/${op.charge}/capture`, refund: "/refunds", customer: "/customers", read: "/charges?limit=3" }[op.kind];
  }

  sdk(client, op, body, options) {
    switch (op.kind) {
      case "charge": return client.charges.create(body, options);
      case "capture": return client.charges.capture(op.charge, body, options);
      case "refund": return client.refunds.create(body, options);
      case "customer": return client.customers.create(body, options);
      case "read": return client.charges.list({ limit: 3 }, { headers: options.headers });
    }
  }

  keep(op, answer) {
    const till = this.till.get(op.key);
    if (op.kind === "charge") (answer.captured ? till.paid : till.held).push({ id: answer.id, amount: answer.amount });
    if (op.kind === "capture") till.paid.push({ id: answer.id, amount: answer.amount_captured });
    if (op.kind === "customer") till.customers.push(answer.id);
  }

  /** Nothing is left of it. */
  isOver(op, error) {
    return error.statusCode === 400 && ["refund", "capture"].includes(op.kind);
  }
}

/** What the mock says of each op: { cents, refund, id, run, key }; and that no op was done twice. */
function settleUp(mock, { charges, refunds }, ops) {
  const done = new Map();
  const book = (name, id, cents, refund) => {
    assert.ok(ops.has(name), `${id} was made by nobody: ${name}`);
    assert.ok(!done.has(name), `${name} was carried out twice: ${id}, ${done.get(name)?.id}`);
    done.set(name, { id, cents, refund, run: ops.get(name).run, key: ops.get(name).key });
  };
  const captures = new Map(mock.log.filter((event) => event.path.endsWith("/capture") && movedBy(event)).map((event) => [event.answer.id, event.name]));
  const rest = new Map(); // a capture of less makes a refund of the rest, which moves nothing
  for (const charge of charges) {
    if (charge.status !== "succeeded") continue;
    const captured = captures.get(charge.id);
    book(charge.metadata.name, charge.id, captured ? 0 : charge.amount_captured, false);
    if (!captured) continue;
    book(captured, charge.id, charge.amount_captured, false);
    if (charge.amount_captured < charge.amount) rest.set(charge.id, charge.amount - charge.amount_captured);
  }
  for (const refund of refunds) {
    if (refund.metadata.name) book(refund.metadata.name, refund.id, refund.amount, true);
    else {
      assert.equal(refund.amount, rest.get(refund.charge), "the rest of a capture of less");
      rest.delete(refund.charge);
    }
  }
  assert.equal(rest.size, 0);
  return done;
}

/** By key of ours and by the vendor's: none was carried out twice. */
function noKeyTwice(log) {
  const seen = new Map();
  for (const event of log) {
    if (!movedBy(event)) continue;
    assert.ok(event.key, "the gate names all that moves money");
    const before = seen.get(`${event.path} ${event.key}`);
    assert.ok(!before, `${event.key} was carried out twice: ${before} and ${event.answer.id}`);
    seen.set(`${event.path} ${event.key}`, event.answer.id);
  }
}

test(`a random day of ${calls} calls at stripe-stateful-mock (SEED=${seed})`, { timeout: 900_000 }, async (t) => {
  const began = Date.now();
  const caps = { key: calls * 7, net: calls * 5, run: 2500, refunds: calls, all: calls * 25 };
  const mock = await startStripeLedger();
  const day = await startDay(ChargesDay, mock.port, { caps, calls });
  const { gate, ops } = day;
  const kills = Math.max(3, Math.round(calls / 400));
  await day.live({ agents: 4, kills });
  const drove = Date.now() - began;
  const forPeople = (name) => ["tok_500", "tok_429"].includes(ops.get(name)?.body?.source);
  const explain = (name) => [ops.get(name), mock.log.filter((event) => event.name === name)];
  await clearUp(gate, { forPeople, explain, patient });
  const cleared = Date.now() - began - drove;
  const again = await day.askAgain(50);
  await clearUp(gate, { forPeople, explain });
  // A vendor that only ever answers 500 (and replays that) or 429 never tells what it did: a person looks at the ledger.
  const byHand = await openDoubts(gate);
  for (const doubt of byHand) await gate.post(`/doubts/${doubt.call}/resolve`, { outcome: "not_spent", reason: "no such charge at the vendor" });
  assert.deepEqual(day.odd, []);

  const rows = await allRows(gate);
  const ledger = await mock.ledger();
  const done = settleUp(mock, ledger, ops);
  noKeyTwice(mock.log);
  const carried = carriedOut(rows);
  for (const [name, { id }] of done) assert.equal(carried.get(name)?.length, 1, `${name} made ${id}; the rows that say so: ${carried.get(name)}`);
  await checkSums(gate, compareBooks(rows, done, (row) => row.metadata?.name));
  const events = mock.log.filter(movedBy).map((event) => ({ key: ops.get(event.name).key, run: ops.get(event.name).run, id: event.answer.id, cents: movedBy(event), refund: event.path === "/v1/refunds" }));
  const closest = checkCaps(caps, events);
  await prove(gate);
  assert.ok(["done", "budget_exceeded", "card_declined"].every((what) => day.told.get(what)), "a day of all kinds");
  const usd = (refund) => [...done.values()].filter((each) => each.refund === refund).reduce((sum, each) => sum + each.cents, 0) / 100;
  t.diagnostic(`seed ${seed}: ${calls} calls in ${drove} ms, ${kills} kills, doubts gone ${cleared} ms later, ${byHand.length} by hand; ${told(day, rows)}; ${again} asked again; ` +
    `the mock: ${ledger.charges.length} charges, ${usd(false)} usd, ${ledger.refunds.length} refunds, ${usd(true)} usd; closest to its cap: ${closest}`);
});

// ---- intents ----

const hookSecret = "whsec_of_the_random_day";

class IntentsDay extends Day {
  pool = new Map(keys.map((name) => [name, []])); // those that nobody works on: { id, run, amount }
  busy = 0;

  invent(name) {
    const { dice } = this;
    const op = this.op(name);
    const pool = this.pool.get(name);
    const create = (more) => ({ ...op, kind: "create", body: { amount: dice.between(100, 20_000), currency: "usd", capture_method: dice.pick(["automatic", "manual"]), ...more } });
    if (!pool.length || dice.chance(0.3)) return dice.weighted([
      [4, () => create()],
      [4, () => create({ confirm: "true", payment_method: "pm_card" })],
      [2, () => create({ confirm: "true", payment_method: "pm_slow" })],
      [1, () => create({ confirm: "true", payment_method: "pm_declined" })],
    ])();
    const intent = this.take(pool);
    const more = intent.amount + dice.between(1, 5000);
    const own = { ...op, intent, run: intent.run }; // what is lost of one call may be counted by the next one: of the same run, so that runs can be told apart
    const fits = { update: "requires_(pay|conf)", confirm: "requires_(pay|conf)", capture: "requires_capture", increment_authorization: "requires_capture", cancel: "requires", refund: "succeeded", read: "" };
    const invented = [
      [3, () => ({ ...own, kind: "update", body: { amount: dice.chance(0.7) ? more : dice.between(100, intent.amount) } })],
      [4, () => ({ ...own, kind: "confirm", body: { payment_method: dice.weighted([[4, "pm_card"], [2, "pm_slow"], [1, "pm_declined"]]) } })],
      [4, () => ({ ...own, kind: "capture", body: dice.chance(0.6) ? { amount_to_capture: dice.between(1, intent.amount) } : {} })],
      [1, () => ({ ...own, kind: "increment_authorization", body: { amount: more } })],
      [2, () => ({ ...own, kind: "cancel", body: {} })],
      [2, () => ({ ...op, intent, kind: "refund", body: { payment_intent: intent.id, ...(dice.chance(0.6) ? { amount: dice.between(1, intent.amount) } : {}) } })],
      [1, () => ({ ...op, intent, kind: "read", body: {} })],
    ].map(([weight, make]) => [weight, make()]);
    // Mostly what its state allows, as far as the agent knows.
    return dice.weighted(dice.chance(0.1) ? invented : invented.filter(([, each]) => new RegExp(fits[each.kind]).test(intent.status)));
  }

  path(op) {
    if (op.kind === "refund") return "/refunds";
    return { create: "/payment_intents", update: `/payment_intents/${op.intent?.id}`, read: `/payment_intents/${op.intent?.id}` }[op.kind] ?? `/payment_intents/${op.intent.id}/${op.kind}`;
  }

  sdk({ paymentIntents, refunds }, op, body, options) {
    const { id } = op.intent ?? {};
    switch (op.kind) {
      case "create": return paymentIntents.create(body, options);
      case "update": return paymentIntents.update(id, body, options);
      case "confirm": return paymentIntents.confirm(id, body, options);
      case "capture": return paymentIntents.capture(id, body, options);
      case "increment_authorization": return paymentIntents.incrementAuthorization(id, body, options);
      case "cancel": return paymentIntents.cancel(id, body, options);
      case "refund": return refunds.create(body, options);
      case "read": return paymentIntents.retrieve(id, {}, { headers: options.headers });
    }
  }

  keep(op, answer) {
    if (op.kind === "create") this.pool.get(op.key).push({ id: answer.id, run: op.run, amount: answer.amount, status: answer.status });
    else if (op.kind !== "refund") Object.assign(op.intent, { amount: answer.amount, status: answer.status });
  }

  async perform(op) {
    await super.perform(op);
    if (op.intent && op.intent.status !== "canceled" && this.dice.chance(0.9)) this.pool.get(op.key).push(op.intent);
  }

  /** It is in another state by now. */
  isOver(op, error) {
    return error.statusCode === 400 && op.kind !== "create";
  }

  /** Bank and browsers, and the vendor's webhooks: late, twice, and again until they are taken. */
  async outside(till) {
    const deliver = async (event, id) => {
      await sleep(this.dice.below(200));
      while (!(await this.hook(event, id))) await sleep(100);
    };
    const under = [];
    while (!this.over) {
      const open = [...till.intents.values()].filter((intent) => !["succeeded", "canceled"].includes(intent.status));
      for (const intent of open) {
        if (intent.status === "processing") till.happen(intent.id, this.dice.chance(0.8) ? "succeeded" : "failed");
        else if (this.dice.chance(0.004)) till.happen(intent.id, this.dice.pick(["succeeded", "canceled"]));
      }
      for (const event of till.events.splice(0)) {
        if (this.dice.chance(0.1)) continue; // lost
        const id = `evt_${++this.busy}`;
        under.push(deliver(event, id), ...(this.dice.chance(0.1) ? [deliver(event, id)] : []));
      }
      await sleep(50);
    }
    await Promise.all(under);
  }

  async hook({ type, object }, id = `evt_${++this.busy}`) {
    const payload = JSON.stringify({ id, object: "event", type, data: { object } });
    const signature = await Stripe.webhooks.generateTestHeaderStringAsync({ payload, secret: hookSecret });
    const answer = await fetch(`${this.gate.url}/hooks/stripe/stripe-main`, { method: "POST", headers: { "stripe-signature": signature, "content-type": "application/json" }, body: payload }).catch(() => null);
    if (answer && answer.status >= 400 && answer.status < 500) this.odd.push(`webhook ${type}: ${answer.status} ${await answer.text()}`);
    return answer?.ok;
  }
}

/** What each intent and refund is in the end: what was received; nothing when it was cancelled; the most it asked for while it is open. */
function intentsMoved(till, ops) {
  const moved = new Map();
  for (const intent of till.intents.values()) {
    const { run, key: of } = ops.get(intent.metadata.name);
    const cents = intent.status === "succeeded" ? intent.received : intent.status === "canceled" ? 0 : intent.peak;
    moved.set(intent.id, { cents, run, key: of, intent });
  }
  for (const refund of till.refunds) {
    const { name, run, key: of } = ops.get(refund.metadata.name);
    assert.ok(!moved.has(name), `${name} refunded twice`);
    moved.set(name, { cents: refund.amount, run, key: of });
  }
  return moved;
}

test(`payment intents over a random day of ${Math.round(calls / 3)} calls (SEED=${seed})`, { timeout: 900_000 }, async (t) => {
  const began = Date.now(), many = Math.round(calls / 3);
  const caps = { key: many * 5, net: many * 4, run: 1200, refunds: many, all: many * 15 };
  const till = await startIntents();
  const day = await startDay(IntentsDay, till.port, { caps, calls: many, credentials: { "stripe-main": { hook_secret: hookSecret } } });
  const { gate, ops } = day;
  const kills = Math.max(3, Math.round(many / 200));
  const outside = day.outside(till);
  await day.live({ agents: 3, kills });
  day.over = true;
  await outside;
  const drove = Date.now() - began;
  await clearUp(gate, { patient, explain: (name) => ops.get(name) });
  // The day closes: a third of what is open is paid, a third is cancelled, the rest stays open.
  for (const { id, status } of till.intents.values()) {
    if (status === "processing") till.happen(id, "succeeded");
    else till.happen(id, day.dice.pick(["succeeded", "canceled", "nothing"]));
  }
  const names = [...new Set(till.intents.values())].map((intent) => intent.metadata.name);
  assert.equal(new Set(names).size, names.length, "an intent for each that was asked for");
  // Among the day's lost events, those of intents that the gate learnt of later: told once more.
  for (const intent of till.intents.values()) {
    const type = { succeeded: "succeeded", canceled: "canceled" }[intent.status];
    if (type) assert.ok(await day.hook({ type: `payment_intent.${type}`, object: till.show(intent) }));
  }
  const made = new Map([...till.intents.values()].map((intent) => [intent.metadata.name, intent.id]));
  const unitOf = (row) => {
    const op = ops.get(row.metadata?.name);
    return op === undefined ? row.id : op.kind === "refund" ? op.name : op.intent?.id ?? made.get(op.name) ?? op.name;
  };
  const moved = intentsMoved(till, ops);
  let rows, theirs, trouble;
  const end = Date.now() + (patient ? 60_000 : 15_000);
  do {
    await sleep(500);
    rows = await allRows(gate);
    try {
      theirs = compareBooks(rows, moved, unitOf);
    } catch (error) {
      trouble = error;
    }
  } while (!theirs && Date.now() < end);
  if (!theirs) throw trouble;
  const closed = Date.now() - began - drove;
  assert.deepEqual(day.odd, []);
  await checkSums(gate, theirs);
  const carried = carriedOut(rows);
  for (const name of made.keys()) if (!till.find(made.get(name)).declined) assert.equal(carried.get(name)?.length, 1, `${name}: ${carried.get(name)}`);
  const events = till.log.map((event) => ({ ...event, ...(event.refund ? { key: ops.get(event.name).key, run: ops.get(event.name).run } : { key: moved.get(event.intent).key, run: moved.get(event.intent).run }) }));
  const closest = checkCaps(caps, events);
  await prove(gate);
  const usd = (refund) => till.log.filter((event) => event.refund === refund).reduce((sum, event) => sum + event.cents, 0) / 100;
  t.diagnostic(`seed ${seed}: ${many} calls in ${drove} ms, ${kills} kills, closed ${closed} ms later; ${told(day, rows)}; ${day.busy} webhooks; ` +
    `the till: ${tally([...till.intents.values()].map((intent) => intent.status))}, ${usd(false)} usd received, ${till.refunds.length} refunds, ${usd(true)} usd; closest to its cap: ${closest}`);
});

test("an intent whose answer was lost: what comes of it later counts all the same, after a kill too", async () => {
  const till = await startIntents();
  const caps = { key: 1000, net: 1000, run: 500, refunds: 100, all: 2000 };
  const day = await startDay(IntentsDay, till.port, { caps, calls: 1, credentials: { "stripe-main": { hook_secret: hookSecret } } });
  const { gate, line } = day;
  const cost = async (run) => nanos((await gate.get(`/runs/${run}`)).total_usd);
  for (const [run, killed, what, cents] of [["lost-1", false, "canceled", 0n], ["lost-2", true, "canceled", 0n], ["lost-3", true, "succeeded", 2500n]]) {
    line.plan({ do: "cut-after", path: "/v1/payment_intents" });
    const op = { key: "k0", run, name: run, how: "key", kind: "create", body: { amount: 3000, currency: "usd", capture_method: "manual" }, answers: new Set() };
    await assert.rejects(day.sdk(day.client("k0", "key"), op, op.body, { headers: { "x-agent-run-id": run, "x-tollgate-metadata": "{}" }, idempotencyKey: run }), { statusCode: 502 });
    await clearUp(gate);
    assert.equal(await cost(run), 3_000_000_0000n, "as much as it asks for");
    if (killed) await gate.kill();
    if (killed) await gate.start();
    const intent = [...till.intents.values()].at(-1);
    intent.amount = 2500; // less than at first
    till.happen(intent.id, what);
    assert.ok(await day.hook(till.events.at(-1)));
    await until(async () => (await cost(run)) === cents * 10_000_000n, `${run}: ${cents} cents`, { timeout: 8000 });
  }
  await prove(gate);
});
