// SPDX-License-Identifier: Apache-2.0
// Corners of the contract that no SDK's file owns: addresses, caps as 429, links and encodings in answers, a row for everything.
import zlib from "node:zlib";
import { before } from "node:test";

import Stripe from "stripe";
import twilio from "twilio";

import { config, key, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { connect, request } from "./lib/raw.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test, thrown } from "./lib/test.js";

let upstream, gate;
const charged = { id: "ch_1", object: "charge", amount: 100, amount_captured: 100, currency: "usd", captured: true };
const charge = { amount: 100, currency: "usd", source: "tok_visa" };
const sdk = (name, of = gate) => new Stripe(tokenOf(name), { host: "127.0.0.1", port: of.port, protocol: "http", maxNetworkRetries: 2 });

before(async () => {
  upstream = await startScripted((call, res) => upstream.answer(call, res));
  upstream.answer = (call, res) => answerJson(res, 200, charged);
  gate = await startGate(config({ stripe: upstream.url, twilio: upstream.url }, {
    policies: { cheap: { allow: ["*"], max_call_usd: "0.50" } },
    keys: [
      key("plain", ["stripe-main", "twilio-main"]),
      key("elsewhere", ["stripe-main"], { addresses: ["10.0.0.0/8", "2001:db8::/32"] }),
      key("here", ["stripe-main"], { addresses: ["127.0.0.0/8"] }),
      key("cheap", ["stripe-main"], { policy: "cheap" }),
      key("day", ["stripe-main"], { budgets: [{ limit: "5 usd", window: "day" }] }),
    ],
  }));
});

test("where a key may be used from", async () => {
  const error = await thrown(sdk("elsewhere").charges.create(charge));
  assert.equal(error.code, "address_denied");
  assert.equal((await sdk("here").charges.create(charge)).id, "ch_1");
  const raw = await connect(gate.port);
  raw.write(request("GET", "/stripe/v1/charges", { authorization: `Bearer ${tokenOf("elsewhere")}`, "x-forwarded-for": "10.1.1.1", forwarded: "for=10.1.1.1", "x-real-ip": "10.1.1.1" }));
  assert.equal((await raw.answer()).headers["x-tollgate-denied"], "address_denied", "what a caller says about itself counts nothing");
  raw.destroy();
});

test("the most one call may cost", async () => {
  const error = await thrown(sdk("cheap").charges.create(charge));
  assert.equal(error.code, "budget_exceeded");
  assert.equal((await sdk("cheap").charges.create({ ...charge, amount: 50 })).id, "ch_1");
});

test("caps_as_429: a budget is answered with 429, still once", async () => {
  const other = await startGate(config({ stripe: upstream.url }, {
    caps_as_429: true,
    keys: [key("capped", ["stripe-main"], { budgets: [{ limit: "0.5 usd", window: "day" }] })],
  }));
  const error = await thrown(sdk("capped", other).charges.create(charge));
  assert.ok(error instanceof Stripe.errors.StripeRateLimitError, error.constructor.name);
  assert.equal(error.code, "budget_exceeded");
  assert.equal((await other.calls()).length, 1);
});

test("caps_as_429: bodies that repeat the status say 429, too", async () => {
  const other = await startGate(config({ openai: upstream.url, anthropic: upstream.url, gemini: upstream.url }, {
    caps_as_429: true,
    credentials: { "gemini-main": { secret: "gm-upstream-0001" } },
    keys: [key("capped", ["openai-main", "anthropic-main", "gemini-main"], { budgets: [{ limit: "0.000000001 usd", window: "day" }] })],
  }));
  const asks = [
    ["/v1beta/models/gemini-2.5-flash:generateContent", { contents: [{ parts: [{ text: "Hi" }] }], generationConfig: { maxOutputTokens: 20 } }],
    ["/v1/chat/completions", { model: "gpt-4o-mini", max_tokens: 20, messages: [{ role: "user", content: "Hi" }] }],
    ["/v1/responses", { model: "gpt-4o-mini", max_output_tokens: 20, input: "Hi" }],
    ["/v1/messages", { model: "claude-sonnet-4-5", max_tokens: 20, messages: [{ role: "user", content: "Hi" }] }],
  ];
  for (const [path, body] of asks) {
    const answer = await fetch(other.url + path, { method: "POST", headers: { authorization: `Bearer ${tokenOf("capped")}`, "content-type": "application/json" }, body: JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, 429, text);
    assert.equal(answer.headers.get("x-tollgate-denied"), "budget_exceeded");
    assert.doesNotMatch(text, /\b402\b/, path);
    if (path.includes("v1beta")) assert.equal(JSON.parse(text).error.code, 429);
  }
});

test("an output limit of 0 is none: who would write without end gets one, who refuses it is asked as it is", async () => {
  const vendors = { openai: upstream.url, anthropic: upstream.url, gemini: upstream.url, ollama: upstream.url, groq: `${upstream.url}/openai/v1` };
  const names = Object.keys(vendors).map((vendor) => `${vendor}-main`);
  const other = await startGate(config(vendors, {
    credentials: { "gemini-main": { secret: "gm-upstream-0001" }, "groq-main": { secret: "gq-upstream-0001" } },
    keys: [key("tokens", names, { budgets: [{ limit: "5000 tokens", window: "day", per: "run" }] }), key("more", names, { budgets: [{ limit: "100000 tokens", window: "day", per: "run" }] })],
  }));
  const messages = [{ role: "user", content: "Hi" }];
  const asks = [
    ["/ollama/api/chat", { model: "qwen3:4b", messages, stream: false, options: { num_predict: 0 } }, (sent) => sent.options.num_predict > 0],
    ["/ollama/v1/chat/completions", { model: "qwen3:4b", messages, max_tokens: 0 }, (sent) => sent.max_tokens > 0],
    ["/gemini/v1beta/models/gemini-2.5-flash:generateContent", { contents: [{ parts: [{ text: "Hi" }] }], generationConfig: { maxOutputTokens: 0 } }, (sent) => sent.generationConfig.maxOutputTokens > 0],
    ["/groq/v1/chat/completions", { model: "llama-3.3-70b-versatile", messages, max_completion_tokens: 0 }, (sent) => sent.max_completion_tokens > 0],
    ["/openai/v1/chat/completions", { model: "gpt-4o-mini", messages, max_completion_tokens: 0 }, (sent) => sent.max_completion_tokens === 0, 16384],
    ["/openai/v1/responses", { model: "gpt-4o-mini", input: "Hi", max_output_tokens: 0 }, (sent) => sent.max_output_tokens === 0, 16384],
    ["/anthropic/v1/messages", { model: "claude-sonnet-4-5", messages, max_tokens: 0 }, (sent) => sent.max_tokens === 0, 64000],
  ];
  upstream.answer = (call, res) => answerJson(res, 200, {}); // says nothing of usage: the reservation stands
  for (const [path, body, right, whole] of asks) {
    const run = newRun();
    const ask = (name) => fetch(other.url + path, { method: "POST", headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/json", "x-agent-run-id": run }, body: JSON.stringify(body) });
    if (whole) assert.equal((await ask("tokens")).headers.get("x-tollgate-denied"), "budget_exceeded", `${path}: no smaller limit is told, so none is reserved for`);
    const answer = await ask(whole ? "more" : "tokens");
    assert.equal(answer.status, 200, `${path}: ${await answer.text()}`);
    assert.ok(right(JSON.parse(upstream.last().text)), `${path}: ${upstream.last().text}`);
    const [row] = await other.calls({ run, status: 200 });
    assert.ok(whole ? row.output_tokens === whole : row.output_tokens > 1000, `${path}: ${row.output_tokens}`);
  }
  upstream.answer = (call, res) => answerJson(res, 200, charged);
});

test("deep research: each round is reserved for, and rounds without a limit are refused", async () => {
  const other = await startGate(config({ openai: upstream.url }, {
    keys: [key("little", ["openai-main"], { budgets: [{ limit: "1.5 usd", window: "day" }] }), key("enough", ["openai-main"], { budgets: [{ limit: "40 usd", window: "day" }] }),
      key("counted", ["openai-main"], { budgets: [{ limit: "1000000 tokens", window: "day" }] })],
  }));
  const body = { model: "o4-mini-deep-research", input: "All of it.", max_output_tokens: 1000, tools: [{ type: "web_search_preview" }] };
  const usage = { input_tokens: 2_000_000, input_tokens_details: { cached_tokens: 0 }, output_tokens: 1000, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 2_001_000 };
  upstream.answer = (call, res) => answerJson(res, 200, { id: "resp_1", object: "response", status: "completed", model: body.model, output: [], usage });
  const ask = async (name, more) => {
    const answer = await fetch(`${other.url}/openai/v1/responses`, { method: "POST", headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/json" }, body: JSON.stringify({ ...body, ...more }) });
    return { answer, text: await answer.text(), denied: answer.headers.get("x-tollgate-denied") };
  };
  assert.equal((await ask("little", { max_tool_calls: 60 })).denied, "budget_exceeded");
  for (const [name, tools] of [["enough", undefined], ["enough", [{ type: "mcp" }]], ["counted", [{ type: "mcp" }]]]) {
    const refused = await ask(name, tools && { tools });
    assert.equal(refused.denied, "price_unknown");
    assert.match(refused.text, /max_tool_calls/);
  }
  const { answer, text } = await ask("enough", { max_tool_calls: 60 });
  assert.equal(answer.status, 200, text);
  const row = await other.call(answer.headers.get("x-tollgate-call-id"));
  assert.ok(nanos(row.reserved_usd) >= 61n * 200_000n * 2000n && nanos(row.cost_usd) <= nanos(row.reserved_usd), row.reserved_usd);
  upstream.answer = (call, res) => answerJson(res, 200, charged);
});

test("a cap does not burn the idempotency key: once there is room, the same key goes through", async () => {
  const other = await startGate(config({ stripe: upstream.url }, { keys: [] , budgets: [{ name: "gate", limit: "0.5 usd", window: "day" }] }));
  const made = await other.post("/keys", { name: "k", policy: "all", credentials: ["stripe-main"] });
  const client = new Stripe(made.token, { host: "127.0.0.1", port: other.port, protocol: "http" });
  const once = { idempotencyKey: newRun() };
  assert.equal((await thrown(client.charges.create(charge, once))).code, "budget_exceeded");
  const next = config({ stripe: upstream.url }, { keys: [], budgets: [{ name: "gate", limit: "50 usd", window: "day" }] });
  other.writeConfig({ listen: other.data, admin: { listen: other.adminAddress, token: "admin-token-of-the-tests-1" }, ...next });
  await other.post("/reload");
  assert.equal((await client.charges.create(charge, once)).id, "ch_1");
});

describe("answers", () => {
  const back = () => { upstream.answer = (call, res) => answerJson(res, 200, charged); };

  test("the vendor is asked not to compress", async () => {
    await fetch(`${gate.url}/stripe/v1/charges`, { headers: { authorization: `Bearer ${tokenOf("plain")}`, "accept-encoding": "gzip, br" } });
    const asked = upstream.last().headers["accept-encoding"];
    assert.ok(asked === undefined || asked === "identity", asked);
  });

  test("one that is compressed all the same is passed on whole, and the reservation stands for its cost", async () => {
    const run = newRun();
    upstream.answer = (call, res) => {
      const bytes = zlib.gzipSync(JSON.stringify(charged));
      res.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip", "content-length": bytes.length });
      res.end(bytes);
    };
    const answer = await fetch(`${gate.url}/stripe/v1/charges`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf("day")}`, "content-type": "application/x-www-form-urlencoded", "x-agent-run-id": run },
      body: "amount=100&currency=usd&source=tok_visa",
    });
    back();
    assert.deepEqual(await answer.json(), charged);
    const [row] = await gate.calls({ run });
    assert.equal(nanos(row.cost_usd), 1_000_000_000n);
  });

  test("an answer that is no JSON settles at the reservation", async () => {
    const run = newRun();
    upstream.answer = (call, res) => res.writeHead(200, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
    await thrown(sdk("day").charges.create(charge, { headers: { "x-agent-run-id": run } }));
    back();
    const rows = await gate.calls({ run });
    assert.equal(rows.length, 1);
    assert.equal(nanos(rows[0].cost_usd ?? rows[0].reserved_usd), 1_000_000_000n);
  });

  test("Stripe-Should-Retry of the vendor is Stripe's own; ours says false", async () => {
    const error = await thrown(new Stripe("tg_unknown_key_0123456789", { host: "127.0.0.1", port: gate.port, protocol: "http" }).charges.create(charge));
    assert.equal(error.headers["stripe-should-retry"], "false");
  });

  test("absolute links to the vendor do not lead around the gate: Twilio's next page comes through it", async () => {
    const page = (more, url) => ({
      services: [{ sid: `VA${"a".repeat(32)}`, account_sid: twilioSid, friendly_name: "x", date_created: "2026-01-01T00:00:00Z", date_updated: "2026-01-01T00:00:00Z", links: {}, url: "https://verify.twilio.com/v2/Services/VA1" }],
      meta: { page: 0, page_size: 1, first_page_url: "https://verify.twilio.com/v2/Services?PageSize=1&Page=0", previous_page_url: null, url, next_page_url: more, key: "services" },
    });
    const seen = [];
    upstream.answer = (call, res) => {
      seen.push(call.url);
      const first = !call.url.includes("Page=1");
      answerJson(res, 200, page(first ? "https://verify.twilio.com/v2/Services?PageSize=1&Page=1&PageToken=t" : null, `https://verify.twilio.com${call.url}`));
    };
    const client = twilio(twilioSid, tokenOf("plain"));
    client.verify.baseUrl = `${gate.url}/twilio/verify`;
    const asked = [];
    const plain = client.httpClient.request.bind(client.httpClient);
    client.httpClient.request = (options) => {
      asked.push(options.uri);
      if (!options.uri.startsWith(gate.url)) throw new Error(`the SDK was led around the gate, to ${options.uri}`);
      return plain(options);
    };
    const list = await client.verify.v2.services.list({ pageSize: 1, limit: 2 });
    back();
    assert.equal(list.length, 2);
    assert.equal(seen.length, 2);
    assert.ok(asked.every((uri) => uri.startsWith(gate.url)), asked.join(" "));
  });
});

describe("a row for everything", () => {
  for (const [what, bytes, code] of [
    ["an unknown key", () => request("GET", "/stripe/v1/charges", { authorization: "Bearer nobody-knows-this-0123" }), "key_unknown"],
    ["no key", () => request("GET", "/stripe/v1/charges"), "key_unknown"],
    ["a path that is not canonical", () => request("GET", "/stripe/v1//charges", { authorization: `Bearer ${tokenOf("plain")}` }), "not_canonical"],
    ["an unknown operation", () => request("GET", "/stripe/v1/unheard", { authorization: `Bearer ${tokenOf("plain")}` }), "operation_denied"],
    ["a head that cannot be read", () => "GET / HTTP/1.1\r\nhost: a\r\nbad header: x\r\n\r\n", "bad_request"],
    ["an unknown method", () => "BREW /stripe/v1/charges HTTP/1.1\r\nhost: a\r\n\r\n", "method_not_allowed"],
  ]) {
    test(what, async () => {
      const before = (await gate.calls()).length;
      const raw = await connect(gate.port);
      raw.write(bytes());
      const answer = await raw.answer();
      raw.destroy();
      assert.equal(answer.headers["x-tollgate-denied"], code);
      assert.equal(JSON.parse(answer.text).error.code, code, "and in the body");
      const rows = await gate.calls();
      assert.equal(rows.length, before + 1);
      assert.equal(rows[0].denied, code);
      assert.equal(rows[0].verdict, "denied");
    });
  }
});
