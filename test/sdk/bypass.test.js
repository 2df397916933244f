// SPDX-License-Identifier: Apache-2.0
// Tricks that made independent servers disagree: each is refused, or forwarded in the one form that was checked. The upstream
// answers everything with success, so whatever reaches it would have happened.
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { connect } from "./lib/raw.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

let gate, upstream;
const form = "application/x-www-form-urlencoded";
const good = "amount=100&currency=usd&source=tok_visa";

before(async () => {
  upstream = await startScripted((call, res) => {
    const amount = Number(new URLSearchParams(call.text).get("amount"));
    answerJson(res, 200, { id: "ch_1", object: "charge", amount, amount_captured: amount, currency: "usd", captured: true });
  });
  gate = await startGate(config({ stripe: upstream.url }, {
    policies: {
      charges: { allow: ["stripe.charges.*"], parameters: { "stripe.charges.create": { amount: { max: 500 } } }, scopes: {} },
      mine: { allow: ["stripe.*"], scopes: { "stripe.customer": ["cus_mine"] } },
    },
    keys: [key("charges", ["stripe-main"], { policy: "charges", budgets: [{ limit: "1000 usd", window: "day" }] }), key("mine", ["stripe-main"], { policy: "mine" })],
  }));
});

/** One request on a connection of its own; the answer and what went up. */
async function send({ method = "POST", path = "/stripe/v1/charges", body = "", type = form, name = "charges", headers = {}, framing = true }) {
  const from = upstream.count;
  const raw = await connect(gate.port);
  const lines = [`${method} ${path} HTTP/1.1`, "host: gate", `authorization: Bearer ${tokenOf(name)}`];
  if (type && (body || method !== "GET")) lines.push(`content-type: ${type}`);
  for (const [field, value] of Object.entries(headers)) lines.push(`${field}: ${value}`);
  if (framing && (body || method === "POST")) lines.push(`content-length: ${Buffer.byteLength(body)}`);
  raw.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  const answer = await raw.answer({ head: method === "HEAD" });
  raw.destroy();
  return { answer, sent: upstream.calls.slice(from) };
}

const refusedAs = async (ask, codes) => {
  const { answer, sent } = await send(ask);
  assert.deepEqual(sent.map((call) => `${call.method} ${call.url} ${call.text}`), [], "nothing is forwarded");
  assert.ok((answer.status >= 400 && answer.status < 500) || answer.status === 501, String(answer.status));
  assert.ok(answer.headers["x-tollgate-denied"], "the refusal says which it is");
  assert.equal(answer.headers["x-should-retry"], "false");
  if (codes) assert.ok(codes.includes(answer.headers["x-tollgate-denied"]), answer.headers["x-tollgate-denied"]);
};

test("the plain call goes through", async () => {
  const { answer, sent } = await send({ body: good });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(sent[0].text, good);
});

describe("paths that lead to payouts", () => {
  for (const path of [
    "/stripe/v1/payouts", "/stripe/v1//payouts", "/stripe/v1/p%61youts", "/stripe/v1%2Fpayouts", "/stripe/v1/charges/../payouts",
    "/stripe/v1/charges/%2e%2e/payouts", "/stripe/v1/charges/%2E%2E/payouts", "/stripe/v1/charges/..%2fpayouts", "/stripe/v1/charges/.%2e/payouts",
    "/stripe/V1/payouts", "/stripe/v1/Payouts", "/stripe/v1/payouts/", "/stripe/v1/payouts;x=1", "/stripe/v1/payouts%3Bx=1", "/stripe/v1/payouts%23",
    "/stripe/v1/payouts%3Fa=b", "/stripe/v1/payouts.json", "/stripe/v1/charges\\..\\payouts", "/stripe/v1/charges/%5c..%5cpayouts", "/stripe/v1/%2570ayouts",
    "/stripe/v1/./payouts", "/stripe/./v1/payouts", "//stripe/v1/payouts", "/stripe//v1/payouts", "/stripe/stripe/v1/payouts", "/stripe/v1/payouts%00",
    "/stripe/v1/payouts%20", "/stripe/v1/payouts%0d%0a", "/stripe/v1/p\u0430youts", "/v1/payouts", "/r/run_1/stripe/v1/payouts", "/r/../stripe/v1/payouts",
    "http://api.stripe.com/v1/payouts", "/stripe/http://x/v1/payouts", "/stripe@x/v1/payouts", "/stripe/v1/charges/../../v1/payouts", "/stripe/v2/../v1/payouts",
    "/stripe/v1/charges/ch_1/refund", "/stripe/v1/charges/ch_1/refunds", "/stripe/v1/charges/ch_1/dispute/close", "/stripe/v1/account/bank_accounts",
  ]) {
    test(path, () => refusedAs({ path, body: "amount=100&currency=usd" }));
  }
});

describe("odd spellings of a call that is allowed: one of the servers took each for it", () => {
  for (const path of [
    "/stripe/v1//charges", "/stripe/v1%2Fcharges", "/stripe/v1/refunds/../charges", "/stripe/v1/refunds/%2e%2e/charges", "/stripe/V1/charges", "/stripe/v1/Charges",
    "/stripe/v1/charges/", "/stripe/v1/charges;x=1", "/stripe/v1\\charges", "/stripe/v1/charges%23", "/stripe/v1/charges%3F", "/stripe/v1/charges.json",
  ]) {
    test(path, () => refusedAs({ path, body: good }, ["not_canonical", "operation_denied", "bad_request"]));
  }
});

describe("an encoded letter is forwarded decoded", () => {
  test("/v1/ch%61rges", async () => {
    const { answer, sent } = await send({ path: "/stripe/v1/ch%61rges", body: good });
    assert.equal(answer.status, 200);
    assert.equal(sent[0].url, "/v1/charges");
  });
  test("am%6Funt=100", async () => {
    const { answer, sent } = await send({ body: "am%6Funt=100&currenc%79=usd&source=tok_visa" });
    assert.equal(answer.status, 200);
    assert.equal(sent[0].text, good);
  });
});

describe("methods", () => {
  for (const [method, headers] of [
    ["post", {}], ["Post", {}], ["pOST", {}], ["PUT", {}], ["PATCH", {}], ["DELETE", {}], ["OPTIONS", {}], ["TRACE", {}], ["CONNECT", {}], ["FOO", {}],
  ]) {
    test(`${method} on charges`, () => refusedAs({ method, headers, body: good }));
  }
  test("an override header changes nothing", async () => {
    const { answer, sent } = await send({ method: "GET", type: "", headers: { "x-http-method-override": "POST", "x-method-override": "DELETE" } });
    assert.equal(answer.status, 200);
    assert.equal(sent[0].method, "GET");
    assert.equal(sent[0].headers["x-http-method-override"], undefined);
  });
  test("_method in the body does not change what is checked", async () => {
    const { sent } = await send({ body: `${good}&_method=DELETE` });
    assert.ok(sent.every((call) => call.method === "POST"));
  });
});

describe("amounts", () => {
  for (const body of [
    "amount=100&amount=9999&currency=usd", "amount=9999&amount=100&currency=usd", "amount[]=9999&currency=usd", "amount=100&amount[]=9999&currency=usd",
    "amount[0]=9999&currency=usd", "amount=100&am%6Funt=9999&currency=usd", "am%6Funt=9999&currency=usd", "amount=1e4&currency=usd", "amount=0x270f&currency=usd",
    "amount=%209999&currency=usd", "amount=+9999&currency=usd", "amount=100.5&currency=usd", "amount=-5&currency=usd", "amount=0100&currency=usd",
    "amount=100;amount=9999&currency=usd", "amount=9999&currency=usd", "amount=501&currency=usd", "amount=&currency=usd", "currency=usd",
    "amount=99999999999999999999&currency=usd", "amount=%EF%BC%91&currency=usd", "amount%00=100&currency=usd", "amount=100%00&currency=usd",
    "amount=%zz&currency=usd", "amount=100&currency=usd&amount%5B%5D=9999", "Amount=9999&currency=usd&amount[x]=1", "amount=100&currency=usd&currency=jpy",
    "amount=100&currency[]=usd", "amount=1,000&currency=usd", "amount=1_000&currency=usd", "amount=NaN&currency=usd", "amount=Infinity&currency=usd",
  ]) {
    test(body, () => refusedAs({ body }));
  }
  test("an upper-case currency is folded or refused, never another price", async () => {
    const { answer, sent } = await send({ body: "amount=100&currency=USD&source=tok_visa" });
    if (!sent.length) return assert.ok(answer.status < 500);
    const row = await gate.call(answer.headers["x-tollgate-call-id"]);
    assert.equal(nanos(row.reserved_usd), 1_000_000_000n);
  });
});

describe("content types and encodings", () => {
  for (const [what, ask] of [
    ["JSON", { type: "application/json", body: '{"amount":100,"currency":"usd"}' }],
    ["multipart", { type: "multipart/form-data; boundary=x", body: "--x\r\nContent-Disposition: form-data; name=amount\r\n\r\n100\r\n--x--\r\n" }],
    ["no type", { type: "", body: good }],
    ["utf-16", { type: `${form}; charset=utf-16`, body: good }],
    ["utf-7", { type: `${form}; charset=utf-7`, body: good }],
    ["gzip said, plain sent", { headers: { "content-encoding": "gzip" }, body: good }],
    ["two types", { headers: { "content-type": "text/plain" }, body: good }],
    ["a query beside the body", { path: "/stripe/v1/charges?amount=9999", body: good }],
    ["the amount in the query", { path: "/stripe/v1/charges?amount=100&currency=usd", body: "source=tok_visa" }],
  ]) {
    test(what, () => refusedAs({ body: "", ...ask }));
  }
  test("a body on GET is refused or left out", async () => {
    const { sent } = await send({ method: "GET", body: "amount=9999" });
    assert.ok(sent.every((call) => call.text === ""));
  });
});

describe("chunked bodies are checked and framed anew", () => {
  test("amount split over chunks", async () => {
    const raw = await connect(gate.port);
    const from = upstream.count;
    raw.write(`POST /stripe/v1/charges HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer ${tokenOf("charges")}\r\ncontent-type: ${form}\r\ntransfer-encoding: chunked\r\n\r\n`);
    for (const part of ["amou", "nt=10", "0&currency=usd&sour", "ce=tok_visa"]) raw.write(`${part.length.toString(16)}\r\n${part}\r\n`);
    raw.write("0\r\namount: 9999\r\n\r\n");
    assert.equal((await raw.answer()).status, 200);
    const [sent] = upstream.calls.slice(from);
    assert.equal(sent.text, good);
    assert.equal(sent.headers["content-length"], String(good.length));
    assert.equal(sent.headers["transfer-encoding"], undefined);
    raw.destroy();
  });
});

describe("customers by every name they have", () => {
  for (const body of [
    "amount=100&currency=usd&customer=cus_other", "amount=100&currency=usd&customer=cus_mine&customer=cus_other", "amount=100&currency=usd&customer[]=cus_other",
    "amount=100&currency=usd&customer=cus_mine&customer_account=acct_other", "amount=100&currency=usd&customer=cus_mine&customer[id]=cus_other",
    "amount=100&currency=usd&cust%6Fmer=cus_other", "amount=100&currency=usd&customer=cus_mine%20", "amount=100&currency=usd&customer=CUS_MINE",
    "amount=100&currency=usd&customer=", "amount=100&currency=usd",
  ]) {
    test(body, () => refusedAs({ body, name: "mine" }));
  }
  test("in the path", () => refusedAs({ method: "GET", type: "", path: "/stripe/v1/customers/cus_other", name: "mine" }, ["scope_denied"]));
  test("one's own goes through", async () => {
    const { answer } = await send({ body: "amount=100&currency=usd&customer=cus_mine", name: "mine" });
    assert.equal(answer.status, 200, answer.text);
  });
});

test("after all this, only charges within the limit have reached the upstream", () => {
  for (const call of upstream.calls) {
    assert.match(call.url, /^\/v1\/charges(\?|$)/);
    if (call.method === "POST") assert.ok(Number(new URLSearchParams(call.text).get("amount")) <= 500, call.text);
  }
});

describe("a rule about parameters is about something, or it is no rule", () => {
  const names = ["messages.content", "messages.*.content", "messages.*.content*", "messages*"];
  const policies = Object.fromEntries(names.map((name, i) => [`p${i}`, { allow: ["*"], parameters: { "openai.chat.completions": { [name]: ["fine"] } } }]));
  const built = (more = {}) =>
    config({ openai: upstream.url, stripe: upstream.url }, { policies: { ...policies, ...more }, keys: names.map((_, i) => key(`chat${i}`, ["openai-main"], { policy: `p${i}` })) });
  let models;
  before(async () => (models = await startGate(built())));

  for (const [i, name] of names.entries())
    test(`${name} of a chat`, async () => {
      const ask = (content) =>
        fetch(`${models.url}/v1/chat/completions`, {
          method: "POST", headers: { authorization: `Bearer ${tokenOf(`chat${i}`)}`, "content-type": "application/json" },
          body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "fine" }, { role: "user", content }] }),
        });
      const refused = await ask("not fine");
      assert.deepEqual([refused.status, refused.headers.get("x-tollgate-denied")], [403, "parameter_denied"]);
      const { message } = (await refused.json()).error;
      assert.match(message, /^.*parameter messages\.(content|role) of openai\.chat\.completions/);
      if (name.endsWith("content")) assert.notEqual((await ask("fine")).headers.get("x-tollgate-denied"), "parameter_denied");
      if (name.endsWith("content*")) assert.equal((await ask([{ type: "text", text: "not fine" }])).headers.get("x-tollgate-denied"), "parameter_denied", "in parts, too");
    });

  for (const [operation, name, says] of [
    ["openai.chat.completions", "messages.0.content", "list's own name"], ["openai.chat.completions", "messages[].content", "joined by dots"],
    ["stripe.charges.create", "metadata[order]", "joined by dots"], ["openai.chat.completion", "messages.content", "matches no operation"], ["opnai.chat.completions", "messages.content", "no vendor"],
  ])
    test(`${operation} ${name} is refused when it is written`, async () => {
      const { status, body } = await models.ask("POST", "/api/v1/policies", { name: "wrong", allow: ["*"], parameters: { [operation]: { [name]: { forbidden: true } } } });
      assert.equal(status, 422, JSON.stringify(body));
      assert.ok(body.detail.includes(says), body.detail);
    });
});
