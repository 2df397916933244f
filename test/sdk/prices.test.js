// SPDX-License-Identifier: Apache-2.0
// What models cost: set over the API, read from a file of the operator's, brought from other people's lists; and what a broken file
// does to a running gate (pitfall 49).
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

import { config, key } from "./lib/config.js";
import { binary, cleanEnv, startGate, tempDir } from "./lib/gate.js";
import { run, until } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

/** A book with its header. */
function book(rows, date = "2026-11-21") {
  const body = rows.map((row) => `${row}\n`).join("");
  return `tollgate-prices\t1\t${date}\t${rows.length}\t${crypto.createHash("sha256").update(body).digest("hex")}\n${body}`;
}
const row = (model, prices, provider = "mine") => `${provider}\t${model}\t8192\t1024\tstream\t${prices}`;
const plain = () => config({}, { keys: [key("a", [])] });
const price = async (gate, name) => (await gate.get(`/prices/${name}`)).price;

describe("prices over the API", () => {
  test("one is set, read back, in the audit log, and taken back", async () => {
    const gate = await startGate(plain());
    const before = await gate.get("/prices/openai/gpt-4o");
    assert.equal(before.origin, "book");
    assert.equal(before.price.in, "2.5");
    const wanted = { in: "2", out: "8", tiers: [{ above: 200000, in: "4" }], units: [{ kind: "web_search", usd: "10", per: 1000 }], context: 64000 };
    const put = await gate.ask("PUT", "/api/v1/prices/openai/gpt-4o", wanted);
    assert.equal(put.status, 200, JSON.stringify(put.body));
    assert.equal(put.body.origin, "override");
    assert.equal(put.body.context, 64000);
    assert.equal(put.body.output_max, before.output_max);
    assert.deepEqual(put.body.price, { in: "2", out: "8", tiers: wanted.tiers, units: wanted.units });
    assert.notEqual(put.body.snapshot, before.snapshot);
    const snapshots = (await gate.get("/prices/snapshots")).data;
    assert.deepEqual(snapshots.map((s) => s.in_force), [true, false]);
    assert.equal(snapshots[0].id, put.body.snapshot);
    assert.equal(snapshots[1].id, before.snapshot);
    const changes = (await gate.get("/audit?kind=change&limit=5")).data;
    assert.ok(JSON.stringify(changes).includes("price.set"), JSON.stringify(changes));
    await gate.restart();
    assert.equal((await price(gate, "openai/gpt-4o")).in, "2");
    const again = await gate.ask("PUT", "/api/v1/prices/openai/gpt-4o", { in: "1" });
    assert.deepEqual(again.body.price, { in: "1" });
    assert.equal((await gate.ask("DELETE", "/api/v1/prices/openai/gpt-4o")).status, 204);
    assert.equal((await gate.get("/prices/openai/gpt-4o")).snapshot, before.snapshot);
    assert.equal((await gate.ask("DELETE", "/api/v1/prices/openai/gpt-4o")).status, 404);
  });

  test("a model of one's own, with slashes in its name; what is wrong is named", async () => {
    const gate = await startGate({ ...plain(), prices: { "mine/a": { in: "1", out: "2" } } });
    const put = await gate.ask("PUT", "/api/v1/prices/mine/org/model-1", { in: "0.1", out: "0.3", mode: "chat", dim: 12 });
    assert.equal(put.status, 200, JSON.stringify(put.body));
    assert.equal(put.body.model, "org/model-1");
    assert.equal((await price(gate, "mine/org%2Fmodel-1")).out, "0.3");
    const listed = await gate.get("/prices?provider=mine");
    assert.deepEqual(listed.data.map((p) => p.id), ["mine/a", "mine/org/model-1"]);
    for (const [body, field] of [
      [{ inn: "1" }, "prices.mine/x"],
      [{ in: "-1" }, "prices.mine/x.in"],
      [{ in: "1", tiers: [{ in: "2" }] }, "prices.mine/x.tiers[0].above"],
      [{ in: "1", windows: [{ days: "8-9", utc: "x", in: "1" }] }, "prices.mine/x"],
      [{ in: "1", windows: [{ days: "1-5", utc: "00:00-01:00" }] }, "prices.mine/x.windows[0]"],
      [{ in: "1", service_tiers: { flex: { tiers: [{ above: 1 }] } } }, "prices.mine/x.service_tiers.flex.tiers[0]"],
      [{ units: [{ kind: "hugs", usd: "1" }] }, "prices.mine/x.units[0]"],
      [{ factors: { fast: "0" } }, "prices.mine/x.factors.fast"],
    ]) {
      const { status, body: said } = await gate.ask("PUT", "/api/v1/prices/mine/x", body);
      assert.equal(status, 422, JSON.stringify([body, said]));
      assert.equal(said.field, field, JSON.stringify(said));
      assert.match(said.detail, /allowed|each name may stand once/);
    }
    assert.equal((await gate.ask("GET", "/api/v1/prices/mine/x")).status, 404);
    assert.equal((await gate.ask("DELETE", "/api/v1/prices/mine/a")).status, 409);
  });

  test("lists go page by page", async () => {
    const gate = await startGate(plain());
    const seen = [];
    let cursor;
    do {
      const page = await gate.get(`/prices?${new URLSearchParams({ provider: "openai", model: "gpt-4*", limit: "7", ...(cursor ? { cursor } : {}) })}`);
      seen.push(...page.data.map((p) => p.model));
      cursor = page.next_cursor;
    } while (cursor);
    assert.ok(seen.length > 20 && new Set(seen).size === seen.length, String(seen.length));
    assert.ok(seen.includes("gpt-4o") && seen.every((m) => m.startsWith("gpt-4")));
  });
});

describe("a price file", () => {
  test("pitfall_49: is in force at once and after a reload; broken ones are told of and change nothing", async () => {
    const file = path.join(tempDir("prices"), "prices.tsv");
    fs.writeFileSync(file, book([row("a", "in=1 out=2"), row("b", "in=3"), row("c", "in=5"), row("d", "in=7")]));
    const gate = await startGate({ ...plain(), prices_file: file });
    assert.equal((await price(gate, "mine/a")).in, "1");
    assert.equal((await gate.ask("GET", "/api/v1/prices/openai/gpt-4o")).status, 404);
    const rewrite = async (text) => (fs.writeFileSync(file, text), (await gate.ask("POST", "/api/v1/reload", {})).status);
    assert.equal(await rewrite(book([row("a", "in=1.5"), row("b", "in=3"), row("c", "in=5")])), 200);
    assert.equal((await price(gate, "mine/a")).in, "1.5");
    const good = (await gate.get("/prices/snapshots")).data[0].id;
    for (const [bad, why] of [
      [book([row("a", "in=9")]), /has 1 rows and the one in force 3/],
      [book([row("a", "in=9"), row("b", "in=9"), row("c", "in=9")]).replace("in=9", "in=8"), /SHA-256/],
      [book([row("a", "in=9"), row("b", "inn=9"), row("c", "in=9")]), /line 3 cannot be read/],
      [book([row("b", "in=9"), row("a", "in=9"), row("c", "in=9")]), /out of order/],
      [row("a", "in=9"), /no readable header/],
      ["", /no readable header/],
    ]) {
      assert.equal(await rewrite(bad), 200);
      const state = await gate.get("/prices/snapshots");
      assert.match(state.refused_file.reason, why);
      assert.equal(state.data[0].id, good);
      assert.equal((await price(gate, "mine/a")).in, "1.5");
      assert.match((await gate.ask("GET", "/metrics")).body, /tollgate_prices_file_refused 1/);
    }
    await until(() => gate.log.includes("the last good one stays"), "the log says so");
    const told = (await gate.get("/alerts/deliveries")).data;
    assert.ok(told.some((t) => JSON.stringify(t).includes("prices")), JSON.stringify(told));
    assert.equal((await gate.ask("PUT", "/api/v1/prices/mine/own", { in: "2" })).status, 200); // other changes go on
    fs.writeFileSync(file, book([row("a", "in=2"), row("b", "in=3")]));
    gate.signal("SIGHUP");
    await until(async () => (await price(gate, "mine/a")).in === "2", "the next good file is taken");
    assert.equal((await gate.get("/prices/snapshots")).refused_file, null);
    fs.writeFileSync(file, "nonsense\n");
    await gate.stop();
    await assert.rejects(gate.start());
  });
});

describe("tollgate prices", () => {
  const dir = tempDir("prices");
  const cli = (...args) => run(binary, ["prices", ...args], { env: cleanEnv(), cwd: dir });
  const file = (name, value) => (fs.writeFileSync(path.join(dir, name), typeof value === "string" ? value : JSON.stringify(value)), name);
  const importing = async (name, from, value) => {
    const made = await cli("import", file(name, value), "--from", from, "--date", "2026-11-21");
    assert.equal(made.code, 0, made.err);
    return { rows: Object.fromEntries(made.out.trim().split("\n").slice(1).map((l) => [l.split("\t").slice(0, 2).join("/"), l.split("\t")])), err: made.err, out: made.out };
  };

  test("LiteLLM's list: exact decimals, tiers, service tiers, pieces; what was left out is told", async () => {
    const text = `{
      "sample_spec": { "input_cost_per_token": 0 },
      "some-chat": { "litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000, "max_output_tokens": 16384,
        "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6.00e-7, "cache_read_input_token_cost": 7.5e-08,
        "input_cost_per_token_priority": 0.0000003, "input_cost_per_token_above_272k_tokens": 3e-07,
        "input_cost_per_token_above_272k_tokens_priority": 6e-07, "output_cost_per_token_batches": 3e-07,
        "search_context_cost_per_query": { "search_context_size_low": 0.025, "search_context_size_medium": 0.0275, "search_context_size_high": 0.03 },
        "supports_vision": true, "supports_function_calling": true, "new_kind_of_cost_per_moon": 4 },
      "vertex_ai/claude-x": { "litellm_provider": "vertex_ai-anthropic_models", "mode": "chat", "input_cost_per_token": 0.000003,
        "output_cost_per_token": 0.000015, "cache_creation_input_token_cost_above_1hr": 6e-06, "provider_specific_entry": { "us": 1.1, "fast": 6.0 } },
      "noisy": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.9999999999999999e-06 },
      "hd/1024-x-1792/pictures": { "litellm_provider": "openai", "mode": "image_generation", "output_cost_per_image": 0.12 },
      "1024-x-1024/pictures": { "litellm_provider": "openai", "mode": "image_generation", "output_cost_per_image": 0.04 },
      "hearing": { "litellm_provider": "openai", "mode": "audio_transcription", "input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001 } }`;
    const { rows, err } = await importing("litellm.json", "litellm", text);
    assert.deepEqual(rows["openai/some-chat"].slice(2), [
      "128000", "16384", "vision tools",
      "in=0.15 out=0.6 cache_read=0.075;tier>272000 in=0.3;svc:batch out=0.3;svc:priority in=0.3;svc:priority>272000 in=0.6;unit web_search[ctx=low]=0.025/1 web_search[ctx=medium]=0.0275/1 web_search[ctx=high]=0.03/1",
    ]);
    assert.equal(rows["vertex/claude-x"][5], "in=3 out=15 cache_write_1h=6;mul geo_us=1.1 fast=6");
    assert.equal(rows["openai/noisy"][5], "in=2");
    assert.equal(rows["openai/pictures"][5], "is mode=image_generation;unit image_out[q=hd,size=1024x1792]=0.12/1 image_out[size=1024x1024]=0.04/1");
    assert.equal(rows["openai/hearing"][5], "is mode=audio_transcription;unit audio_in=0.0001/1");
    assert.match(err, /^5 models/);
    assert.match(err, /new_kind_of_cost_per_moon: 1 times, first at some-chat/);
    assert.match(err, /input_cost_per_token rounded to 9 decimals: 1 times, first at noisy/);
  });

  test("models.dev: tiers before the older form, modalities, states", async () => {
    const { rows, err } = await importing("api.json", "models.dev", {
      google: { id: "google", models: {
        "g-1": { id: "g-1", reasoning: true, tool_call: true, temperature: false, status: "beta", modalities: { input: ["text", "image", "pdf"], output: ["text"] },
          limit: { context: 1000000, output: 65536, input: 900000 },
          cost: { input: 1.25, output: 10, cache_read: 0.125, input_audio: 2, tiers: [{ input: 2.5, output: 15, tier: { type: "context", size: 200000 } }], context_over_200k: { input: 99 } } },
        "g-2": { id: "g-2", limit: { context: 10, output: 5 }, cost: { input: 1, output: 2, moons: 3, context_over_200k: { input: 2, output: 4 } } } } } });
    assert.deepEqual(rows["gemini/g-1"].slice(2, 4), ["1000000", "65536"]);
    assert.deepEqual(new Set(rows["gemini/g-1"][4].split(" ")), new Set(["tools", "reason", "notemp", "vision", "pdf"]));
    assert.equal(rows["gemini/g-1"][5], "is in_max=900000 st=preview;in=1.25 out=10 cache_read=0.125 audio_in=2;tier>200000 in=2.5 out=15");
    assert.equal(rows["gemini/g-2"][5], "in=1 out=2;tier>200000 in=2 out=4");
    assert.match(err, /cost\.moons: 1 times, first at g-2/);
  });

  test("genai-prices: steps, days, times of day", async () => {
    const { rows, err } = await importing("genai.json", "genai-prices", [
      { id: "anthropic", models: [
        { id: "c-1", match: { equals: "c-1" }, context_window: 200000, prices: { input_mtok: { base: 3, tiers: [{ start: 200000, price: 6 }] }, output_mtok: 15, requests_kcount: 5 } },
        { id: "c-2", match: { starts_with: "c-2" }, prices: [{ prices: { input_mtok: 1 } }, { constraint: { start_date: "2026-09-01" }, prices: { input_mtok: 2 } },
          { constraint: { start_time: "16:30:00Z", end_time: "00:30:00Z" }, prices: { input_mtok: 0.5 } }, { constraint: { moon: "full" }, prices: { input_mtok: 9 } }] }] }]);
    assert.equal(rows["anthropic/c-1"][5], "in=3 out=15;tier>200000 in=6;unit request=5/1000");
    assert.equal(rows["anthropic/c-2"][5], "in=1;from:2026-09-01 in=2;win:1-7/00:00-00:30,16:30-24:00 in=0.5");
    assert.match(err, /names by pattern/);
    assert.match(err, /neither a day nor a time/);
  });

  test("a book of one's own gets its header; -o writes a file a gate takes; diff says what changed", async () => {
    const raw = [row("b", "in=2"), row("a", "in=1")].join("\n");
    const made = await cli("import", file("own.tsv", raw), "--from", "tollgate", "-o", "made.tsv", "--date", "2026-11-21");
    assert.equal(made.code, 0, made.err);
    assert.equal(fs.readFileSync(path.join(dir, "made.tsv"), "utf8"), book([row("a", "in=1"), row("b", "in=2")]));
    const gate = await startGate({ ...plain(), prices_file: path.join(dir, "made.tsv") });
    assert.equal((await price(gate, "mine/b")).in, "2");
    fs.writeFileSync(path.join(dir, "next.tsv"), book([row("a", "in=1;svc:flex in=0.5"), row("c", "in=3")]));
    const told = await cli("diff", "made.tsv", "next.tsv", "--json");
    const { data, ...counts } = JSON.parse(told.out);
    assert.deepEqual(counts, { added: 1, removed: 1, changed: 1 });
    assert.deepEqual(data[0], { change: "changed", provider: "mine", model: "a", before: null, now: "svc:flex in=0.5" });
    assert.match((await cli("diff", "made.tsv", "next.tsv")).out, /1 added, 1 removed, 1 changed/);
    const bad = await cli("import", file("bad.tsv", row("a", "inn=1")), "--from", "tollgate");
    assert.equal(bad.code, 4);
    assert.match(bad.err, /line 1 cannot be read/);
    assert.equal((await cli("import", "bad.tsv", "--from", "litellm")).code, 4);
    assert.equal((await cli("import", "bad.tsv", "--from", "moon")).code, 2);
  });

  test("show: a table, or JSON; from a gate or from a book", async () => {
    const table = await cli("show", "openai/gpt-5.4", "--built-in");
    assert.equal(table.code, 0, table.err);
    assert.match(table.out, /standard, input above 272000 +5 +22\.5 +0\.5/);
    assert.match(table.out, /web_search +10 +1000/);
    const json = JSON.parse((await cli("show", "openai/gpt-5.4", "--built-in", "--json")).out);
    assert.equal(json.price.service_tiers.priority.out, "30");
    const gate = await startGate(plain());
    const asked = await gate.cli("prices", "show", "fireworks/accounts/fireworks/models/kimi-k2p6");
    assert.equal(asked.code, 0, asked.err);
    assert.equal((await gate.cli("prices", "show", "openai/no-such-model")).code, 1);
    assert.equal((await cli("show", "openai/no-such-model", "--built-in")).code, 1);
  });
});
