// SPDX-License-Identifier: Apache-2.0
// Each way an upstream fails against each way to route: who is asked, what the caller gets, what it costs, what stays open.
// docs/faults.md is what came of it: `MATRIX=write test/sdk/run route_faults` writes it, any other run fails if it is stale.
// CELLS="hangs.*race" runs some of them.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

import { Cell } from "./lib/faults/cell.js";
import { cutAt, cuts, deadline, faults } from "./lib/faults/faults.js";
import { render } from "./lib/faults/page.js";
import { startUpstreams } from "./lib/faults/upstream.js";
import { ways } from "./lib/faults/ways.js";
import { root, startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

const page = path.join(root, "docs/faults.md"), only = process.env.CELLS ? new RegExp(process.env.CELLS) : null;
const pairs = { openai: [["openai", "anthropic"], ["openai", "openai"], ["anthropic", "openai"]], anthropic: [["anthropic", "openai"], ["openai", "anthropic"]] };
const everywhere = ["no route", "retry, and it heals", "fallback", "retry, then fallback", "race, faulty first", "race, hedged"]; // the other pairs take these
const cells = [], plays = new Map(), clients = {};
let gate, upstreams;

for (const [name, fault] of Object.entries(faults)) for (const [wayName, way] of Object.entries(ways)) for (const streamed of [false, true]) {
  if (!fault[streamed ? "stream" : "whole"] || (way.only && !way.only(fault))) continue;
  for (const [caller, list] of Object.entries(pairs)) for (const dialects of list) {
    const cell = new Cell({ fault, name, way, wayName, streamed, caller, dialects });
    if (dialects !== list[0] && !everywhere.includes(wayName)) continue;
    if (!only || only.test(cell.title)) cells.push(cell);
  }
}

// Every byte of an answer on the two ways that matter most, every few on the others; and the edges of each event of a stream.
function cutCells(name, wayNames, caller, dialects, streamed, every) {
  for (const one of cuts(dialects[0], streamed, every)) for (const wayName of wayNames) {
    const cell = new Cell({ fault: cutAt(one), name: `${name} at ${one.at}`, way: ways[wayName], wayName, streamed, caller, dialects });
    cell.cut = true;
    if (!only || only.test(cell.title)) cells.push(cell);
  }
}

for (const streamed of [false, true]) {
  cutCells("cut", ["no route", "fallback"], "openai", ["openai", "anthropic"], streamed, streamed ? 3 : 1);
  cutCells("cut", ["retry, and it heals", "race, faulty first"], "openai", ["openai", "openai"], streamed, 11);
  cutCells("cut", ["no route", "fallback", "race, hedged"], "anthropic", ["anthropic", "openai"], streamed, 7);
  cutCells("cut", ["no route", "fallback"], "openai", ["anthropic", "openai"], streamed, 7);
}

/* ---- callers ---- */

function fields(cell) {
  const route = cell.route;
  return { ...(route ? { "x-tollgate-config": JSON.stringify(route) } : { "x-portkey-provider": cell.vendors.bad }), "x-agent-run-id": cell.key };
}

const question = (cell) => [{ role: "user", content: `Who are you? #f${cell.id}#` }];

async function gathered(got, stream, word) {
  for await (const event of stream) got.text += word(event) ?? "";
}

const callers = {
  async openai(cell) {
    const got = { text: "" };
    try {
      const options = { headers: fields(cell) };
      const { data, response } = await clients.openai.withOptions({ apiKey: cell.token }).chat.completions.create({ model: "m", messages: question(cell), max_tokens: 50, ...(cell.streamed ? { stream: true } : {}) }, options).withResponse();
      got.headers = response.headers;
      if (cell.streamed) await gathered(got, data, (event) => event.choices?.[0]?.delta?.content);
      else got.text = data?.choices?.[0]?.message?.content ?? "";
    } catch (error) { got.error = error; }
    return got;
  },
  async anthropic(cell) {
    const got = { text: "" };
    try {
      const options = { headers: fields(cell) };
      const { data, response } = await clients.anthropic.withOptions({ apiKey: cell.token }).messages.create({ model: "m", messages: question(cell), max_tokens: 50, ...(cell.streamed ? { stream: true } : {}) }, options).withResponse();
      got.headers = response.headers;
      if (cell.streamed) await gathered(got, data, (event) => event.delta?.text);
      else got.text = data?.content?.map?.((part) => part.text).join("") ?? "";
    } catch (error) { got.error = error; }
    return got;
  },
};

/* ---- all of it ---- */

const long = { connect: "10s", first_byte: "20s", idle: "20s" }, short = { connect: "10s", first_byte: `${deadline.request}ms`, idle: `${deadline.event}ms` };

function configuration() {
  const credentials = {}, prices = {}, keys = [];
  for (const vendor of Object.keys(upstreams.vendors)) {
    credentials[vendor] = { vendor, secret: `upstream-secret-of-${vendor}` };
    prices[`${vendor}/m`] = { in: vendor.startsWith("good") ? "1" : "0.999", out: "2", context: 100_000, output_max: 1000 };
  }
  for (const cell of cells) {
    if (cell.account) credentials[cell.credential("bad")] = { vendor: cell.vendors.bad, secret: `upstream-secret-of-cell-${cell.id}` };
    keys.push({ name: cell.key, token: cell.token, policy: "all", credentials: [cell.credential("bad"), cell.credential("good")], budgets: [{ limit: "1 usd", window: "total" }] });
  }
  return {
    vendors: Object.fromEntries(Object.entries(upstreams.vendors).map(([name, vendor]) => [name, { ...vendor, deadlines: name.startsWith("slow") ? short : long }])),
    credentials, prices, keys, policies: { all: { allow: ["*"] } }, log_level: "error",
  };
}

async function sideBySide(list, width, run) {
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => { while (next < list.length) await run(list[next++]); }));
}

async function budgets() {
  const all = new Map();
  let cursor;
  do {
    const answer = await gate.get(`/budgets?limit=1000${cursor ? `&cursor=${cursor}` : ""}`);
    for (const budget of answer.data) all.set(budget.owner, budget.accounts[0]);
    cursor = answer.next_cursor;
  } while (cursor);
  return all;
}

before(async () => {
  upstreams = await startUpstreams(plays);
  for (const cell of cells) plays.set(cell.id, cell);
  gate = await startGate(configuration());
  clients.openai = new OpenAI({ apiKey: "none", baseURL: `${gate.url}/v1`, maxRetries: 0 });
  clients.anthropic = new Anthropic({ apiKey: "none", baseURL: gate.url, maxRetries: 0 });
  for (const cell of cells) cell.errors = cell.caller === "openai" ? OpenAI : Anthropic;
  const began = performance.now();
  await sideBySide(cells, 40, (cell) => cell.run(callers));
  console.log(`${cells.length} cells in ${Math.round(performance.now() - began)} ms`);
  assert.equal(gate.running.child.exitCode ?? gate.running.child.signalCode, null, `the gate ended: ${gate.log.slice(-2000)} ${gate.running.out().slice(-3000)}`);
  await until(async () => (await gate.get("/ledger/check")).holds === 0, "the last hold to go", { timeout: 20_000 });
  const rows = await gate.calls(), accounts = await budgets(), byKey = new Map();
  for (const row of rows) byKey.set(row.key_name, [...(byKey.get(row.key_name) ?? []), row]);
  for (const cell of cells) Object.assign(cell, { rows: byKey.get(cell.key) ?? [], budget: accounts.get(`key:${cell.key}`) });
  if (process.env.SHOW) console.log([...accounts.keys()].slice(0, 3), JSON.stringify(rows[0], null, 1));
}, { timeout: 300_000 });

for (const wayName of Object.keys(ways)) for (const streamed of [false, true]) {
  test(`${wayName}, ${streamed ? "streams" : "whole answers"}`, () => {
    const wrong = [];
    for (const cell of cells.filter((one) => !one.cut && one.wayName === wayName && one.streamed === streamed))
      for (const trouble of cell.trouble()) wrong.push(`${cell.title}: ${trouble}`);
    assert.equal(wrong.length, 0, `${wrong.length} wrong:\n${wrong.slice(0, Number(process.env.MOST ?? 25)).join("\n")}`);
  });
}

for (const streamed of [false, true]) for (const caller of Object.keys(callers)) {
  test(`cut at each byte: ${streamed ? "streams" : "whole answers"}, ${caller}`, () => {
    const wrong = cells.filter((one) => one.cut && one.streamed === streamed && one.caller === caller).flatMap((cell) => cell.trouble().map((trouble) => `${cell.title}: ${trouble}`));
    assert.equal(wrong.length, 0, `${wrong.length} wrong:\n${wrong.slice(0, Number(process.env.MOST ?? 25)).join("\n")}`);
  });
}

test("the books are right, and nothing is under way", async () => {
  const check = await gate.get("/ledger/check");
  assert.deepEqual([check.ok, check.wrong_count, check.holds, check.leaks], [true, 0, 0, 0]);
  const { targets } = await gate.get("/health");
  assert.deepEqual(targets.filter((t) => t.in_flight !== 0), []);
});

test("docs/faults.md says what these tests found", { skip: Boolean(only) }, () => {
  const said = render(cells.filter((cell) => !cell.cut), Object.keys(faults), Object.keys(ways));
  if (process.env.MATRIX === "write") fs.writeFileSync(page, said);
  assert.equal(fs.readFileSync(page, "utf8"), said, "docs/faults.md is stale: MATRIX=write test/sdk/run route_faults");
});
