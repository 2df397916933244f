// SPDX-License-Identifier: Apache-2.0
// What the matrix is made of: the vendors that answer, what each can, and what a cell does. Cells are plays: the caller asks, the vendor's
// server checks what it is sent by its own documentation, answers by the script, and both sides are compared.
import { assert, newRun } from "./test.js";

export const key = "key-of-matrix-0123456789";

const claude = { in: 1000n, out: 5000n, cached: 100n, written: 1250n };
const gpt = { in: 1250n, out: 10_000n, cached: 125n };
const flash = { in: 300n, out: 2500n, cached: 30n };

/**
 * shows: its answers hold thoughts; signs: it wants them back as they were; pieces: it streams arguments in pieces; counts: what its usage
 * tells apart; rates: nanodollars for a token, as in the price book.
 */
export const targets = {
  "OpenAI chat": { vendor: "openai", model: "gpt-5.1", path: /chat\/completions/, pieces: true, counts: ["cached", "reasoning"], rates: gpt },
  "OpenAI responses": { vendor: "openai", model: "gpt-5-codex", path: /responses/, shows: true, signs: true, pieces: true, counts: ["cached", "reasoning"], rates: gpt },
  Anthropic: { vendor: "anthropic", model: "claude-haiku-4-5", shows: true, signs: true, pieces: true, counts: ["cached", "written"], rates: claude },
  Gemini: { vendor: "gemini", model: "gemini-2.5-flash", shows: true, signsCalls: true, counts: ["cached", "reasoning"], rates: flash },
  Azure: { vendor: "azure", model: "prod-chat", pieces: true, counts: ["cached", "reasoning"], rates: gpt },
  "Bedrock Claude": { vendor: "bedrock", model: "anthropic.claude-haiku-4-5-20251001-v1:0", shows: true, signs: true, pieces: true, counts: ["cached", "written"], rates: claude },
  "Bedrock Nova": { vendor: "bedrock", model: "amazon.nova-pro-v1:0", path: /converse/, pieces: true, thinks: false, counts: ["cached"], rates: { in: 800n, out: 3200n, cached: 200n } },
  "Vertex Gemini": { vendor: "vertex", model: "gemini-2.5-flash", shows: true, signsCalls: true, counts: ["cached", "reasoning"], rates: flash },
  "Vertex Claude": { vendor: "vertex", model: "claude-haiku-4-5@20251001", shows: true, signs: true, pieces: true, counts: ["cached", "written"], rates: claude },
  Cohere: { vendor: "cohere", model: "command-a-plus-05-2026", shows: true, pieces: true, counts: [], rates: { in: 2500n, out: 10_000n } },
  Mistral: { vendor: "mistral", model: "mistral-medium-2604", shows: true, pieces: true, counts: [], rates: { in: 1500n, out: 7500n } },
  Ollama: { vendor: "ollama", model: "llama3.1", shows: true, counts: [], rates: { in: 100n, out: 300n } },
};

const usage = { input: 120, output: 30 };
const weather = { name: "get_weather", description: "The weather of a city", schema: { type: "object", properties: { city: { type: "string", description: "Its name" } }, required: ["city"] } };
const clock = { name: "get_time", description: "The time in a city", schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const oslo = { id: "call_oslo1", name: "get_weather", args: ['{"ci', 'ty":"Os', 'lo"}'] };
const rome = { id: "call_rome2", name: "get_time", args: ['{"city":', '"Rome"}'] };
export const png = { type: "image/png", data: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==" };
export const pdf = { type: "application/pdf", data: Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF").toString("base64") };
const schema = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };

const says = (...text) => ({ parts: [{ text }], finish: "stop", usage });
const callsFor = (...tools) => ({ parts: tools.map((tool) => ({ tool })), finish: "tools", usage });
const parsed = (tool) => ({ name: tool.name, args: JSON.parse(tool.args.join("")) });
const named = ({ name, args }) => ({ name, args });

/** One caller at one vendor. */
export class Cell {
  constructor(market, caller, dialect, target) {
    Object.assign(this, { market, caller, dialect, target, run: newRun() });
  }

  /** Sets the stage for these answers, and gives what the caller is to ask. */
  script(...scripts) {
    this.stage = this.market.play(...scripts);
    const { headers, ...name } = this.caller.named(this.target.vendor, this.target.model);
    return { ...name, headers: { "x-agent-run-id": this.run, ...headers }, user: `What about it? #m${this.stage.id}#` };
  }

  /** What the vendor was sent last; it was right by its documentation. */
  get heard() {
    const call = this.stage.calls.at(-1);
    assert.ok(call, "something was forwarded");
    assert.equal(call.refused, undefined);
    assert.equal(call.vendor, this.target.vendor);
    if (this.target.path && !(this.dialect === "responses" && this.target.vendor === "openai")) assert.match(call.url, this.target.path);
    return call.heard;
  }

  /** It was asked in the caller's own dialect. */
  get own() { return this.stage?.calls.at(-1)?.spoken.dialect === this.dialect; }

  get parts() { return this.heard.turns.flatMap((turn) => turn.parts); }

  async row() {
    const rows = await this.market.gate.calls({ run: this.run });
    assert.equal(rows.length, 1, "one row");
    return rows[0];
  }
}

/* ---- features: each asserts one cell ---- */

async function text(c) {
  const got = await c.caller.whole({ ...c.script(says("Good ", "morning.")), system: "Be brief." });
  assert.equal(got.text, "Good morning.");
  assert.equal(got.finish, "stop");
  assert.match(c.heard.system, /Be brief\./);
  assert.ok(c.parts.some((p) => p.text?.includes(`#m${c.stage.id}#`)));
  if (c.target.vendor !== "azure") assert.equal(c.heard.model, c.target.model);
}

async function stream(c) {
  const pieces = ["Good", " mor", "ning,", " \"Ada\" \u00e9\u{1f600}."];
  const got = await c.caller.stream({ ...c.script(says(...pieces)), system: "Be brief." });
  assert.deepEqual(got.pieces.filter((p) => p.kind === "text").map((p) => p.text), pieces);
  assert.equal(got.text, pieces.join(""));
  assert.equal(got.finish, "stop");
  assert.equal(c.heard.stream, true);
}

function checkTools(c, tools) {
  assert.deepEqual(c.heard.tools.map((t) => t.name), tools.map((t) => t.name));
  for (const [i, tool] of c.heard.tools.entries()) assert.deepEqual(Object.keys(tool.schema.properties), Object.keys(tools[i].schema.properties));
}

async function tool(c) {
  const got = await c.caller.whole({ ...c.script(callsFor(oslo)), tools: [weather] });
  assert.deepEqual(got.calls.map(named), [parsed(oslo)]);
  assert.equal(got.finish, "tools");
  checkTools(c, [weather]);
}

async function parallel(c) {
  for (const how of ["whole", "stream"]) {
    const got = await c.caller[how]({ ...c.script(callsFor(oslo, rome)), tools: [weather, clock] });
    assert.deepEqual(got.calls.map(named), [parsed(oslo), parsed(rome)], how);
    assert.equal(got.finish, "tools", how);
    if (c.dialect !== "gemini") assert.equal(new Set(got.calls.map((call) => call.id)).size, 2, "ids of their own");
    checkTools(c, [weather, clock]);
  }
}

async function args(c) {
  const got = await c.caller.stream({ ...c.script(callsFor(oslo)), tools: [weather] });
  assert.deepEqual(got.calls.map(named), [parsed(oslo)]);
  if (c.dialect === "gemini") return;
  const pieces = got.pieces.filter((p) => p.kind === "args").map((p) => p.text);
  assert.deepEqual(JSON.parse(pieces.join("")), { city: "Oslo" });
  if (c.target.pieces) assert.deepEqual(pieces, oslo.args);
}

/** The Vercel SDK for Google wraps a result: {"name": ..., "content": "It rains."}. */
const spoken = ({ text }) => (text.startsWith("{") ? JSON.parse(text).content : text);

async function result(c) {
  for (const how of ["whole", "stream"]) {
    const ask = c.script(callsFor(oslo, rome), says("Rain."));
    const first = await c.caller[how]({ ...ask, tools: [weather, clock] });
    const results = first.calls.map((call, i) => ({ ...call, text: ["It rains.", "Noon."][i] }));
    const second = await c.caller[how]({ ...ask, tools: [weather, clock], history: first.next(results) });
    assert.equal(second.text, "Rain.");
    const calls = c.parts.filter((p) => p.call).map((p) => p.call), told = c.parts.filter((p) => p.result).map((p) => p.result);
    assert.deepEqual(calls.map(named), [parsed(oslo), parsed(rome)], how);
    assert.deepEqual(told.map(spoken), ["It rains.", "Noon."], how);
    if (told[0].name) assert.deepEqual(told.map((r) => r.name), ["get_weather", "get_time"]);
    if (told[0].id) assert.deepEqual(told.map((r) => r.id), calls.map((call) => call.id));
  }
}

async function image(c) {
  await c.caller.whole({ ...c.script(says("A dot.")), image: png });
  const seen = c.parts.find((p) => p.image)?.image;
  assert.equal(seen?.data, png.data);
  assert.equal(seen.type ?? png.type, png.type);
}

async function imageUrl(c) {
  await c.caller.whole({ ...c.script(says("A dot.")), image: { url: "https://pictures.example/a.png" } });
  assert.equal(c.parts.find((p) => p.image)?.image.url, "https://pictures.example/a.png");
}

async function document(c) {
  await c.caller.whole({ ...c.script(says("Empty.")), pdf });
  const seen = c.parts.find((p) => p.document)?.document;
  assert.equal(seen?.data, pdf.data);
  assert.equal(seen.type, pdf.type);
}

async function documentUrl(c) {
  await c.caller.whole({ ...c.script(says("Empty.")), pdf: { url: "https://papers.example/a.pdf" } });
  assert.equal(c.parts.find((p) => p.document)?.document.url, "https://papers.example/a.pdf");
}

async function structured(c) {
  const got = await c.caller.whole({ ...c.script(says('{"name":"Ada",', '"age":36}')), schema });
  assert.deepEqual(JSON.parse(got.text), { name: "Ada", age: 36 });
  assert.deepEqual(Object.keys(c.heard.format.properties), ["name", "age"]);
}

const thought = { thinking: ["Let me ", "see."], signature: "sig-EqRkLm5=" };

async function thinking(c) {
  for (const how of ["whole", "stream"]) {
    const got = await c.caller[how]({ ...c.script({ parts: [...(c.target.shows ? [thought] : []), { text: ["Four", "."] }], finish: "stop", usage }), thinks: true });
    assert.equal(got.text, "Four.", how);
    assert.equal(c.heard.thinks, true, "it was told to think");
    if (!c.target.shows || c.lost) continue;
    assert.equal(got.thinking, "Let me see.", how);
    if (how === "stream") assert.deepEqual(got.pieces.map((p) => p.kind).slice(0, 3), ["thinking", "thinking", "text"]);
  }
}

async function thoughtBack(c) {
  for (const how of ["whole", "stream"]) {
    const call = { ...oslo, ...(c.target.signsCalls ? { signature: "sig-call-9x=" } : {}) };
    const ask = { ...c.script({ parts: [...(c.target.signs ? [thought] : c.target.shows ? [{ thinking: thought.thinking }] : []), { tool: call }], finish: "tools", usage }, says("Rain.")), thinks: true, tools: [weather] };
    const first = await c.caller[how](ask);
    const second = await c.caller[how]({ ...ask, history: first.next(first.calls.map((one) => ({ ...one, text: "It rains." }))) });
    assert.equal(second.text, "Rain.", how);
    assert.deepEqual(c.parts.filter((p) => p.result).map((p) => spoken(p.result)), ["It rains."]);
    if (c.lost) continue;
    if (c.target.signs) assert.deepEqual(c.parts.filter((p) => p.thinking).map((p) => p.thinking), [{ text: "Let me see.", signature: thought.signature }], how);
    if (c.target.signsCalls) assert.equal(c.parts.find((p) => p.call)?.call.signature, call.signature, how);
  }
}

const full = { input: 5200, cached: 4000, written: 300, output: 777, reasoning: 500 };
const dollars = (nanos) => `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, "0")}`;

async function counted(c) {
  const { counts, rates } = c.target;
  const tells = (name) => counts.includes(name);
  const said = { input: full.input, output: full.output, ...Object.fromEntries(counts.map((name) => [name, full[name]])) };
  const cached = BigInt(said.cached ?? 0), written = BigInt(said.written ?? 0);
  const cost = (BigInt(said.input) - cached - written) * rates.in + cached * (rates.cached ?? 0n) + written * (rates.written ?? 0n) + BigInt(said.output) * rates.out;
  for (const how of ["whole", "stream"]) {
    c.run = newRun();
    const got = await c.caller[how](c.script({ ...says("Good ", "morning."), usage: said }));
    assert.deepEqual({ input: got.usage.input, output: got.usage.output }, { input: full.input, output: full.output }, how);
    if (tells("cached")) assert.equal(got.usage.cached, full.cached, how);
    if (tells("written") && got.usage.written !== undefined) assert.equal(got.usage.written, full.written, how);
    if (tells("reasoning") && got.usage.reasoning !== undefined) assert.equal(got.usage.reasoning, full.reasoning, how);
    const row = await c.row();
    assert.equal(nanosOf(row.cost_usd), cost, `${how}: ${row.cost_usd} is not ${dollars(cost)}`);
  }
}

function nanosOf(text) {
  const [whole, part = ""] = text.split(".");
  return BigInt(whole) * 1_000_000_000n + BigInt(part.padEnd(9, "0"));
}

async function failureOf(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

const faults = { rate: [429, "RateLimitError"], request: [400, "BadRequestError"], missing: [404, "NotFoundError"], server: [500, "InternalServerError"] };
const statusOf = (error) => error.status ?? error.statusCode;

async function fault(c, kind, [status, name], how) {
  const { error, value } = await failureOf(c.caller[how](c.script({ error: { kind, message: `The vendor says ${kind}.` } })));
  assert.ok(error, `${kind} ${how}: an exception, not ${JSON.stringify(value)}`);
  const Type = c.caller.errors[name] ?? c.caller.errors.APIError;
  assert.ok(error instanceof Type, `${kind} ${how}: ${error.constructor.name}: ${error.message}`);
  assert.equal(statusOf(error), status, `${kind} ${how}: ${error.message}`);
  assert.match(error.message, new RegExp(`The vendor says ${kind}\\.`));
}

async function errors(c) {
  for (const [kind, meant] of Object.entries(faults)) for (const how of kind === "rate" ? ["whole", "stream"] : ["whole"]) await fault(c, kind, meant, how);
}

/** By itself: the gate uses a refused credential no more until it is told to (docs/health.md). */
export async function refusedKey(c) {
  await fault(c, "key", [401, "AuthenticationError"], "whole");
  await c.market.gate.forgive();
}

async function cancel(c) {
  const stop = new AbortController();
  const ask = { ...c.script({ ...says(...Array(100).fill("word ")), pause: 20 }), signal: stop.signal };
  const asking = failureOf(c.caller.stream(ask));
  const end = Date.now() + 4000;
  while (!(c.stage.calls[0]?.sent > 2) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  const { value } = await asking;
  while (!c.stage.calls[0]?.closed && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(c.stage.calls[0]?.closed && c.stage.calls[0].sent < 100, "the vendor is left");
  assert.ok(!value || value.text.length < 500, "the caller has no whole answer"); // some SDKs end a stream that is left without an error
}

async function limit(c) {
  for (const how of ["whole", "stream"]) {
    const got = await c.caller[how]({ ...c.script({ ...says("Once upon"), finish: "length" }), limit: 64 });
    assert.equal(got.finish, "length", how);
    assert.equal(got.text, "Once upon");
    assert.equal(c.heard.limit, 64);
  }
}

async function held(c) {
  for (const how of ["whole", "stream"]) {
    const got = await c.caller[how](c.script({ ...says("I will"), finish: "filter" }));
    assert.equal(got.finish, "filter", how);
    assert.equal(got.text, "I will", how);
  }
}

async function cut(c) {
  const { error, value } = await failureOf(c.caller.stream(c.script({ ...says("One", " two", " three", " four"), cut: true })));
  assert.ok(error, `an error, not ${JSON.stringify(value)}`);
}

export const features = {
  text: { title: "Text, with a system prompt", run: text },
  stream: { title: "Stream: every piece as it comes", run: stream },
  tool: { title: "A tool call", run: tool },
  parallel: { title: "Parallel tool calls, whole and streamed", run: parallel },
  args: { title: "Streamed arguments of a tool call", run: args },
  result: { title: "Results of tools, sent back", run: result },
  image: { title: "An image, inline", run: image },
  imageUrl: { title: "An image, by address", run: imageUrl },
  document: { title: "A PDF, inline", run: document },
  documentUrl: { title: "A PDF, by address", run: documentUrl },
  structured: { title: "An answer by JSON schema", run: structured },
  thinking: { title: "Thinking: asked for, and shown where the vendor shows it", run: thinking },
  thoughtBack: { title: "Thinking sent back with its signature, between tool calls", run: thoughtBack },
  counted: { title: "Usage in the SDK's shape; the row's cost, exact; whole and streamed", run: counted },
  errors: { title: "The vendor's errors as the SDK's exceptions", run: errors },
  cancel: { title: "Cancel: the vendor is left", run: cancel },
  limit: { title: "The output limit, and that it was reached", run: limit },
  held: { title: "An answer that is held back says so", run: held },
  cut: { title: "A stream that breaks off is an error", run: cut },
};
