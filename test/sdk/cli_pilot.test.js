// SPDX-License-Identifier: Apache-2.0
// `tollgate pilot` (S-55): each check is a call that is made and a row that is looked up; one that fails is a no-go. Against the sandbox, and
// against model vendors that do what a test tells them.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { before } from "node:test";

import { config } from "./lib/config.js";
import { adminToken, binary, cleanEnv, root, startGate, tempDir } from "./lib/gate.js";
import { atEnd, run } from "./lib/process.js";
import { startSandbox } from "./lib/sandbox.js";
import { assert, describe, test } from "./lib/test.js";

/** OpenAI's chat completions with tools, streams and errors; `broken`: what it is bad at. */
async function startModels() {
  const it = { broken: null, longest: 0, asked: [] };
  const server = http.createServer((request, response) => {
    let text = "";
    request.on("data", (bytes) => (text += bytes));
    request.on("end", () => {
      const json = (status, body) => { response.writeHead(status, { "content-type": "application/json" }); response.end(JSON.stringify(body)); };
      const ask = JSON.parse(text);
      it.asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      it.longest = Math.max(it.longest, text.length);
      if (!Array.isArray(ask.messages)) return json(400, it.broken === "errors" ? { oops: true } : { error: { message: "messages is no list", type: "invalid_request_error", param: "messages", code: null } });
      const usage = { prompt_tokens: Math.ceil(text.length / 4), completion_tokens: 2, total_tokens: Math.ceil(text.length / 4) + 2 };
      const about = { id: "chatcmpl-1", created: 1, model: ask.model };
      if (ask.stream) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const send = (body) => response.write(`data: ${JSON.stringify({ ...about, object: "chat.completion.chunk", ...body })}\n\n`);
        send({ choices: [{ index: 0, delta: { role: "assistant", content: "OK" }, finish_reason: null }] });
        send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
        send({ choices: [], usage });
        return response.end(it.broken === "stream" ? "" : "data: [DONE]\n\n");
      }
      const message = ask.tools && it.broken !== "tools"
        ? { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: { name: "pilot_sum", arguments: '{"a":2,"b":3}' } }] }
        : { role: "assistant", content: "OK" };
      json(200, { ...about, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }], usage });
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  atEnd(() => server.close());
  it.url = `http://127.0.0.1:${server.address().port}`;
  return it;
}

/** Somebody's service, with the line that the note changes. */
const service = `import OpenAI from "openai";
const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY });
const ask = { model: "gpt-4o-mini", max_tokens: 20, messages: [{ role: "user", content: "What is 2 and 3?" }] };
const found = { text: "" };
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
  found.text += chunk.choices[0]?.delta?.content ?? "";
  found.streamed = chunk.usage ?? found.streamed;
}
const tools = [{ type: "function", function: { name: "pilot_sum", parameters: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } } } }];
const answer = await client.chat.completions.create({ ...ask, tools });
found.tool = answer.choices[0].message.tool_calls[0].function;
found.usage = answer.usage;
found.error = await client.chat.completions.create({ ...ask, messages: "none" }).catch(({ status, type, param, message }) => ({ status, type, param, message }));
console.log(JSON.stringify(found));
`;

let models, gate;
before(async () => {
  models = await startModels();
  gate = await startGate(config({ openai: models.url }, { keys: [] }));
});

const pilot = (place, ...args) =>
  run(binary, ["pilot", ...args], { env: cleanEnv({ TOLLGATE_ADMIN: `http://${place.adminAddress}`, TOLLGATE_ADMIN_TOKEN: place.token ?? adminToken, TOLLGATE_GATE: place.url }), timeout: 60_000 });
const results = (out) => Object.fromEntries(JSON.parse(out).checks.map((check) => [check.what, check.result]));

describe("a model vendor", () => {
  test("go: every step, and nothing stays behind", async () => {
    const note = path.join(tempDir("pilot"), "note.md");
    const { code, out, err } = await pilot(gate, "--vendor", "openai", "--out", note, "--json");
    assert.equal(code, 0, err + out);
    const found = JSON.parse(out);
    assert.equal(found.go, true);
    assert.deepEqual([...new Set(found.checks.map((check) => check.step))], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(found.checks.filter((check) => check.result !== "passed"), []);
    assert.ok(models.longest > 20_000, "the long context was long");
    const rows = await gate.calls({ run: found.run });
    assert.equal((await gate.get(`/runs/${found.run}`)).total_usd, found.cost_usd, "the note's cost is the run's");
    assert.ok(Number(found.cost_usd) > 0 && rows.length >= 6);
    assert.deepEqual([(await gate.get("/keys")).data, (await gate.get("/policies")).data.map((policy) => policy.name), (await gate.get("/stops")).data], [[], ["all"], []]);
    const text = fs.readFileSync(note, "utf8");
    for (const what of [/^# Pilot: openai through Tollgate: GO$/m, /^## 1\. Freeze/m, /^## 7\. Decision/m, /at the prices of snapshot \d{4}/, /\| tools \| passed \|/]) assert.match(text, what);
  });

  test("the change, and the change back, are diffs that undo each other", async () => {
    const { out } = await pilot(gate, "--vendor", "openai");
    const diffs = [...out.matchAll(/^(python|js|sh):\n\n```diff\n-(.*)\n\+(.*)\n```/gm)].map(([, language, minus, plus]) => ({ language, minus, plus }));
    assert.equal(diffs.length, 6);
    for (const [i, there] of diffs.slice(0, 3).entries()) {
      const back = diffs[i + 3];
      assert.deepEqual([back.language, back.minus, back.plus], [there.language, there.plus, there.minus]);
      assert.ok(there.plus.includes(`${gate.url}/openai/v1`) && there.plus.includes("TOLLGATE_KEY"), there.plus);
      assert.ok(there.minus.includes("OPENAI_API_KEY"));
    }
  });

  test("S-55: two lines and back: a service with the SDK, changed by the note's diff, gets the same stream, tool call, error and usage; the diff back restores it", { timeout: 60_000 }, async () => {
    const { out } = await pilot(gate, "--vendor", "openai");
    const [there, back] = [...out.matchAll(/^js:\n\n```diff\n-(.*)\n\+(.*)\n```/gm)].map(([, minus, plus]) => ({ minus, plus }));
    const file = path.join(root, "test/sdk", `.pilot-service-${process.pid}.mjs`); // beside the SDK that it imports
    atEnd(() => fs.rmSync(file, { force: true }));
    const change = (diff) => {
      const text = fs.readFileSync(file, "utf8");
      assert.equal(text.split(diff.minus).length, 2, `the line is there once: ${diff.minus}`);
      fs.writeFileSync(file, text.replace(diff.minus, diff.plus));
    };
    const { token } = await gate.post("/keys", { name: "service", policy: "all", credentials: ["openai-main"] });
    const serve = async () => {
      const env = cleanEnv({ OPENAI_API_KEY: "sk-direct-0001", OPENAI_BASE_URL: `${models.url}/v1`, TOLLGATE_KEY: token });
      const { code, out: said, err } = await run(process.execPath, [file], { env, timeout: 20_000 });
      assert.equal(code, 0, err);
      return JSON.parse(said);
    };
    const rows = async () => (await gate.calls({ key: "service" })).length;
    fs.writeFileSync(file, service);
    const direct = await serve(), before = fs.readFileSync(file, "utf8");
    assert.deepEqual([direct.text, direct.tool, direct.error.type], ["OK", { name: "pilot_sum", arguments: '{"a":2,"b":3}' }, "invalid_request_error"], "the service does what it is for");
    assert.equal(await rows(), 0);
    change(there);
    assert.deepEqual(await serve(), direct);
    assert.equal(await rows(), 3);
    change(back);
    assert.equal(fs.readFileSync(file, "utf8"), before);
    assert.deepEqual(await serve(), direct);
    assert.equal(await rows(), 3, "the old route again");
    await gate.ask("DELETE", `/api/v1/keys/service`);
  });

  test("the direct route, where its secret is given: the same answers, or no go", async () => {
    const direct = await startModels();
    const file = path.join(tempDir("pilot"), "secret");
    fs.writeFileSync(file, "sk-compared-with-it\n");
    const ask = () => pilot(gate, "--vendor", "openai", "--direct", `${direct.url}/v1`, "--direct-key-file", file, "--json");
    const same = await ask();
    assert.equal(same.code, 0, same.err + same.out);
    assert.deepEqual(direct.asked, Array(5).fill("POST /v1/chat/completions Bearer sk-compared-with-it"));
    assert.match(JSON.parse(same.out).checks.find((check) => check.what === "a plain answer: as directly").found, /^200 in \d+ ms directly, 200 in \d+ ms through the gate$/);
    assert.ok(!(same.out + same.err).includes("sk-compared"), "no secret is shown");
    assert.ok(models.asked.every((one) => !one.includes("sk-compared")), "nor sent elsewhere");
    direct.broken = "tools";
    const other = await ask();
    assert.equal(other.code, 1);
    assert.deepEqual([results(other.out).tools, results(other.out)["tools: as directly"]], ["passed", "failed"]);
    assert.match(JSON.parse(other.out).checks.find((check) => check.what === "tools: as directly").found, /directly without choices\.0\.message\.tool_calls/);
    assert.equal((await pilot(gate, "--vendor", "openai", "--direct-key-file", "/nowhere")).code, 1);
    assert.equal((await pilot(gate, "--vendor", "openai", "--direct", "http://127.0.0.1:1/v1", "--direct-key-file", file)).code, 1);
  });

  for (const [broken, what] of [["stream", "stream"], ["tools", "tools"], ["errors", "errors in the vendor's shape"]]) {
    test(`no go: ${what}`, async () => {
      models.broken = broken;
      const { code, out, err } = await pilot(gate, "--vendor", "openai", "--json");
      models.broken = null;
      assert.equal(code, 1, err);
      assert.equal(JSON.parse(out).go, false);
      assert.equal(results(out)[what], "failed");
      assert.equal(results(out)["a plain answer"], "passed");
    });
  }

  test("no go: no credential; a limit that the pilot itself would pass; a vendor it does not know", async () => {
    const none = await pilot(gate, "--vendor", "anthropic", "--json");
    assert.equal(none.code, 1);
    assert.equal(results(none.out).credential, "failed");
    const dear = await pilot(gate, "--vendor", "openai", "--cap", "0.0000001 usd", "--json");
    assert.equal(dear.code, 1);
    assert.match(JSON.parse(dear.out).checks.find((check) => check.what === "a plain answer").found, /budget_exceeded/);
    const unknown = await pilot(gate, "--vendor", "nobody");
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /found "nobody"; allowed: openai, anthropic, stripe/);
    assert.deepEqual((await gate.get("/keys")).data, []);
  });
});

describe("the sandbox", () => {
  for (const vendor of ["openai", "anthropic"]) {
    test(`${vendor}: go, the call of a tool among it`, async () => {
      const box = await startSandbox();
      const { code, out, err } = await pilot(box, "--vendor", vendor, "--json");
      assert.equal(code, 0, err + out);
      assert.equal(JSON.parse(out).go, true);
      assert.deepEqual(Object.entries(results(out)).filter(([, result]) => result !== "passed"), []);
    });
  }

  test("stripe: read there and directly, and nothing is made twice", async () => {
    const box = await startSandbox();
    const asked = [];
    const server = http.createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const none = request.url.includes("none");
      response.writeHead(none ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(none ? { error: { type: "x", message: "y" } } : { object: "balance", available: [], data: [], has_more: false }));
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    atEnd(() => server.close());
    const file = path.join(tempDir("pilot"), "secret");
    fs.writeFileSync(file, "sk_direct_of_the_tests");
    const { code, out, err } = await pilot(box, "--vendor", "stripe", "--writes", "--direct", `http://127.0.0.1:${server.address().port}/`, "--direct-key-file", file, "--json");
    assert.equal(code, 0, err + out);
    assert.deepEqual(asked, ["GET /v1/balance", "GET /v1/charges?limit=1", "GET /v1/charges/ch_tollgate_pilot_none"]);
  });

  test("stripe: reads alone, and with --writes the idempotency", async () => {
    const box = await startSandbox();
    const careful = await pilot(box, "--vendor", "stripe", "--json");
    assert.equal(careful.code, 0, careful.err + careful.out);
    assert.equal(results(careful.out).idempotency, "not_tried");
    const whole = await pilot(box, "--vendor", "stripe", "--writes", "--json");
    assert.equal(whole.code, 0, whole.err + whole.out);
    assert.deepEqual(Object.values(results(whole.out)).filter((result) => result !== "passed"), []);
  });
});
