// SPDX-License-Identifier: Apache-2.0
// Objects that a call names only by id, read from an upstream that lies, stalls, or answers garbage: under a rule about customers the call is refused
// every time and nothing but the gate's own reads goes up. And the same under races: what one intent costs is never let through for less than it is.
import http from "node:http";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test } from "./lib/test.js";

let upstream, gate, read, write;

before(async () => {
  upstream = await startScripted((call, res) => (call.method === "GET" ? read(call, res) : write(call, res)));
  gate = await startGate(config({ stripe: upstream.url }, {
    vendors: { stripe: { deadlines: { idle: "1s", first_byte: "1s" } } },
    policies: { mine: { allow: ["*"], scopes: { "stripe.customer": ["cus_mine"] } } },
    keys: [key("mine", ["stripe-main"], { policy: "mine" }), key("cap", ["stripe-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
      key("refunds", ["stripe-main"], { budgets: [{ limit: "100 usd", window: "day" }] })],
  }));
});

/** As no SDK would send it. */
function post(name, target, body = "", headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: gate.port, method: "POST", path: target,
      headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/x-www-form-urlencoded", ...headers } }, (answer) => {
      const parts = [];
      answer.on("data", (bytes) => parts.push(bytes));
      answer.on("end", () => resolve({ status: answer.statusCode, denied: answer.headers["x-tollgate-denied"], text: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function closed(target, body, where) {
  const count = upstream.count;
  write = (_, res) => answerJson(res, 200, { id: "made", amount: 1, currency: "usd", status: "succeeded" });
  const answer = await post("mine", target, body);
  assert.ok(upstream.calls.slice(count).every((call) => call.method === "GET"), `${where}: forwarded`);
  assert.ok(answer.status >= 400 && answer.denied, `${where}: ${answer.status} ${answer.text}`);
  return answer;
}

const charge = (more) => JSON.stringify({ id: "ch_1", object: "charge", customer: "cus_mine", amount: 100, amount_refunded: 0, currency: "usd", ...more });
const says = (status, text, headers = {}) => (_, res) => res.writeHead(status, { "content-type": "application/json", ...headers }).end(text);

describe("an object that is not what it should be", () => {
  const answers = {
    "of another customer": says(200, charge({ customer: "cus_other" })),
    "of nobody": says(200, charge({ customer: null })),
    "without the field": says(200, JSON.stringify({ id: "ch_1", amount: 100, currency: "usd" })),
    "of a customer without a name": says(200, charge({ customer: "" })),
    "of a customer that is expanded": says(200, charge({ customer: { id: "cus_mine", object: "customer" } })),
    "of a customer in a list": says(200, charge({ customer: ["cus_mine", "cus_other"] })),
    "of a number": says(200, charge({ customer: 1 })),
    "of two owners": says(200, charge({ customer_account: "acct_other" })),
    "of two customers": says(200, '{"id":"ch_1","customer":"cus_mine","customer":"cus_other","amount":100,"currency":"usd"}'),
    "of two customers, the other way": says(200, '{"id":"ch_1","customer":"cus_other","customer":"cus_mine","amount":100,"currency":"usd"}'),
    "of two, one spelled with an escape": says(200, '{"id":"ch_1","customer":"cus_mine","custome\\u0072":"cus_other","amount":100,"currency":"usd"}'),
    "of the same name in another case": says(200, charge({ customer: "CUS_MINE" })),
    "of the same name with blanks": says(200, charge({ customer: " cus_mine" })),
    "of the same name with a NUL": says(200, charge({ customer: "cus_mine\u0000" })),
    "another one": says(200, charge({ id: "ch_2" })),
    "an id that is no text": says(200, charge({ id: { x: "ch_1" } })),
    "a list": says(200, JSON.stringify({ object: "list", data: [JSON.parse(charge())] })),
    "a bare list": says(200, `[${charge()}]`),
    "null": says(200, "null"),
    "a text": says(200, '"cus_mine"'),
    "nothing": says(200, ""),
    "no content": says(204, ""),
    "HTML": says(200, "<html>cus_mine</html>", { "content-type": "text/html" }),
    "cut JSON": says(200, charge().slice(0, -1)),
    "JSON and more": says(200, `${charge()}${charge()}`),
    "no UTF-8": (_, res) => res.writeHead(200).end(Buffer.concat([Buffer.from('{"id":"ch_1","customer":"cus_mine'), Buffer.from([0xff]), Buffer.from('"}')])),
    "deep": says(200, `{"id":"ch_1","customer":${"[".repeat(2000)}${"]".repeat(2000)}}`),
    "3 MiB": says(200, charge({ x: "y".repeat(3 << 20) })),
    "an error with its owner": says(404, charge()),
    "a breakdown with its owner": says(500, charge()),
    "a redirect": says(302, charge(), { location: "/v1/charges/ch_mine" }),
    "a 203 of somebody in between, in a coding": says(203, "\x1f\x8b", { "content-encoding": "gzip" }),
    "a broken connection": (_, res) => res.destroy(),
    "a body that is cut": (_, res) => { res.writeHead(200, { "content-length": 1000 }); res.write(charge()); setTimeout(() => res.destroy(), 20); },
  };
  for (const [what, answer] of Object.entries(answers)) {
    test(what, async () => {
      read = answer;
      await closed("/v1/charges/ch_1/capture", "", what);
      await closed("/v1/refunds", "charge=ch_1", what);
      await closed("/v1/refunds", "charge=ch_1&amount=1", what);
    });
  }

  test("one that never ends", { timeout: 30_000 }, async () => {
    const open = new Set();
    read = (_, res) => { open.add(res); res.writeHead(200, { "content-type": "application/json" }); res.write('{"id":"ch_1","x":"'); };
    try {
      await closed("/v1/refunds", "charge=ch_1&amount=1", "never ends");
    } finally {
      for (const res of open) res.destroy();
    }
  });

  test("the denial does not repeat a secret that stands in an object", async () => {
    read = says(200, charge({ customer: "sk_test_upstream_secret_0001" }));
    const answer = await closed("/v1/refunds", "charge=ch_1", "secret");
    assert.ok(!answer.text.includes("upstream_secret"), answer.text);
  });
});

describe("ids with tricks", () => {
  const of = (call) => decodeURIComponent(call.url.split("?")[0].split("/").at(-1));
  const kind = { ch_other: "cus_other", ch_mine: "cus_mine" };
  const lenient = (call, res) => { // a server that trims, folds and cuts ids as it likes
    const id = of(call).trim().toLowerCase().replace(/[?#;].*$/, "").replace(/^.*\//, "").replace(/\0.*$/, "").normalize("NFKC");
    if (!kind[id]) return answerJson(res, 404, { error: { message: "No such charge" } });
    return answerJson(res, 200, { id, customer: kind[id], amount: 100, amount_refunded: 0, currency: "usd" });
  };
  for (const id of ["ch_other", "ch_mine?expand[]=customer", "ch_mine/../ch_other", "../charges/ch_other", "ch_mine#", "ch_mine;x=1", "ch_mine%00", "ch_mine%2f..%2fch_other", "CH_MINE", "ch_mine ", " ch_mine", "ch_mine\t",
    "ch_mine\u200b", "ｃh_mine", "ch_mine,ch_other", "ch_mine\nch_other", "", ".", "..", "%2e%2e", "ch_mine\u0000ch_other", "x".repeat(5000), "cus_mine", "pi_1"]) {
    test(JSON.stringify(id.slice(0, 40)), async () => {
      read = lenient;
      await closed("/v1/refunds", `charge=${encodeURIComponent(id)}&amount=1`, id);
      await closed("/v1/refunds", `charge=ch_mine&charge=${encodeURIComponent(id)}&amount=1`, `${id} twice`);
      await closed("/v1/refunds", `charge=ch_mine&payment_intent=${encodeURIComponent(id)}&amount=1`, `${id} as intent`);
      await closed("/v1/refunds", `charge[]=ch_mine&charge[]=${encodeURIComponent(id)}&amount=1`, `${id} in a list`);
      await closed("/v1/refunds", `charge[id]=ch_mine&amount=1`, "nested");
      if (id && !/[\0\n]/.test(id)) await closed(`/v1/charges/${encodeURIComponent(id)}/capture`, "", `${id} in the path`);
    });
  }

  test("the id as it should be goes through", async () => {
    read = lenient;
    const count = upstream.count;
    assert.equal((await post("mine", "/v1/refunds", "charge=ch_mine&amount=1")).status, 200);
    assert.equal(upstream.calls.slice(count).filter((call) => call.method === "POST").length, 1);
  });
});

describe("an owner that changes", () => {
  test("an intent is read anew for each call, and never remembered", async () => {
    let owner = "cus_mine";
    read = (_, res) => answerJson(res, 200, { id: "pi_1", customer: owner, amount: 100, currency: "usd", amount_received: 0, amount_capturable: 0 });
    write = (_, res) => answerJson(res, 200, { id: "pi_1", amount: 100, currency: "usd", status: "succeeded" });
    for (let i = 0; i < 6; i++) {
      owner = i % 2 ? "cus_other" : "cus_mine";
      const count = upstream.count;
      const { status } = await post("mine", "/v1/payment_intents/pi_1/confirm");
      assert.equal(status, i % 2 ? 403 : 200);
      assert.equal(upstream.calls.slice(count).filter((call) => call.method === "POST").length, i % 2 ? 0 : 1);
    }
  });

  test("what was unknown is not remembered: the next read decides", async () => {
    for (const [answer, status] of [[says(200, charge({ id: "ch_9", customer: null })), 403], [says(500, "{}"), 403], [says(200, charge({ id: "ch_9" })), 200], [says(500, "{}"), 200]]) {
      read = answer;
      write = (_, res) => answerJson(res, 200, { id: "ch_9", amount: 100, amount_captured: 100, currency: "usd" });
      assert.equal((await post("mine", "/v1/charges/ch_9/capture", "amount=1")).status === 200 || status !== 200, true);
    }
  });
});

describe("races over one object's money", () => {
  const spent = async (name) => {
    const balances = (await gate.get("/budgets")).data.filter((one) => JSON.stringify(one).includes(name));
    return JSON.stringify(balances);
  };

  test("200 at once confirm an intent from elsewhere: what goes through is held in full each", { timeout: 60_000 }, async () => {
    let through = 0, early = 0;
    read = (_, res) => answerJson(res, 200, { id: "pi_f", amount: 4000, currency: "usd", amount_received: 0, amount_capturable: 0, customer: null });
    write = async (_, res) => {
      if (!through) early++;
      await new Promise((resolve) => setTimeout(resolve, 100));
      through++;
      answerJson(res, 200, { id: "pi_f", amount: 4000, currency: "usd", status: "succeeded", amount_received: 4000 });
    };
    const run = newRun();
    const all = await Promise.all(Array.from({ length: 200 }, () => post("cap", "/v1/payment_intents/pi_f/confirm", "", { "x-agent-run-id": run })));
    const rows = (await gate.calls({ run })).filter((row) => !row.denied);
    const reserved = rows.reduce((sum, row) => sum + nanos(row.reserved_usd), 0n);
    assert.ok(early <= 2, `${early} at $40 each of $100, before the first was counted`); // those after it confirm what is counted already
    assert.equal(all.filter((one) => one.status === 200).length, through);
    assert.ok(rows.filter((row) => nanos(row.reserved_usd) === 40_000_000_000n).length >= 1, `${reserved}, ${await spent("cap")}`);
    const cost = rows.reduce((sum, row) => sum + nanos(row.cost_usd), 0n);
    assert.ok(cost >= 40_000_000_000n && cost <= 80_000_000_000n, `${cost}`);
  });

  test("refunds of one charge at once, without amounts: each is held in full", { timeout: 60_000 }, async () => {
    let through = 0;
    read = (_, res) => answerJson(res, 200, { id: "ch_r", amount: 3000, amount_refunded: 0, currency: "usd", customer: "cus_1" });
    write = async (_, res) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      answerJson(res, 200, { id: `re_${++through}`, amount: 3000, currency: "usd", status: "succeeded", charge: "ch_r" });
    };
    const all = await Promise.all(Array.from({ length: 100 }, () => post("refunds", "/v1/refunds", "charge=ch_r")));
    assert.equal(through, 3, "3 of $30 fit into $100");
    assert.equal(all.filter((one) => one.denied === "budget_exceeded").length, 97);
  });
});
