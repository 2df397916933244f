// SPDX-License-Identifier: Apache-2.0
// Answers given again of APIs that are no models: reads whose manifest says so, for callers who want that.
import crypto from "node:crypto";
import { before } from "node:test";

import { Octokit } from "@octokit/rest";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { sleep, until } from "./lib/process.js";
import { answerJson, startScripted } from "./lib/recorder.js";
import { assert, describe, newRun, test } from "./lib/test.js";

const on = { "x-tollgate-cache": "on" };
const signingSecret = "whsec_of_the_cache_tests";
let serial = 0, stripe, github, gate;

/** Every answer is another one, so that it is seen which was given. */
async function sell(call, res) {
  const url = new URL(call.url, "http://x"), id = url.pathname.split("/").at(-1);
  if (id.startsWith("slow")) await sleep(200);
  if (id === "price_none") return answerJson(res, 404, { error: { type: "invalid_request_error", message: "No such price" } });
  if (id === "price_down") return answerJson(res, 500, { error: { type: "api_error", message: "down" } });
  return answerJson(res, 200, { id, object: url.pathname.split("/").at(-2).replace(/s$/, ""), active: true, serial: ++serial }, { "request-id": `req_${serial}` });
}

function host(call, res) {
  const path = call.url.split("?")[0], link = path === "/licenses/paged" ? { link: '<https://api.github.com/licenses/paged?page=2>; rel="next"' } : {};
  answerJson(res, 200, { full_name: path.slice(7), url: `https://api.github.com${path}`, temp_clone_token: "AREALTOKEN", serial: ++serial }, link);
}

before(async () => {
  [stripe, github] = [await startScripted(sell), await startScripted(host)];
  const built = config({ stripe: stripe.url, github: github.url }, {
    credentials: {
      "stripe-main": { hook_secret: signingSecret },
      "github-main": { secret: "gh-upstream-secret-0001" },
    },
    workspaces: { elsewhere: {} },
    policies: { reads: { allow: ["stripe.*"], deny: ["stripe.prices.*"] }, pinned: { allow: ["github.*"], scopes: { "github.owner": ["octo"], "github.repo": ["hello"] } },
      careful: { allow: ["*"], approvals: [{ name: "refunds", operations: ["stripe.refunds.create"] }] } },
    keys: [
      key("a", ["stripe-main", "github-main"]), key("b", ["stripe-main"]), key("other", ["stripe-other"]), key("denied", ["stripe-main"], { policy: "reads" }),
      key("elsewhere", ["stripe-main"], { workspace: "elsewhere" }), key("always", ["stripe-main"], { cache: "exact" }), key("pinned", ["github-main"], { policy: "pinned" }),
      key("careful", ["stripe-main"], { policy: "careful" }), key("dry", ["stripe-main"], { dry_run: true }), key("one", ["stripe-main"], { budgets: [{ limit: "1 requests", window: "day" }] }),
    ],
  });
  built.credentials["stripe-other"] = { vendor: "stripe", secret: "sk_test_upstream_secret_0002" };
  gate = await startGate(built);
}, { timeout: 60_000 });

/** One call; what came back. */
async function ask(target, { as = "a", method = "GET", headers = on, body } = {}) {
  const answer = await fetch(`${gate.url}${target}`, { method, body, headers: { authorization: `Bearer ${tokenOf(as)}`, ...(body ? { "content-type": "application/x-www-form-urlencoded" } : {}), ...headers } });
  const text = await answer.text();
  return { status: answer.status, cache: answer.headers.get("x-tollgate-cache"), age: answer.headers.get("age"), id: answer.headers.get("x-tollgate-call-id"), type: answer.headers.get("content-type"), denied: answer.headers.get("x-tollgate-denied"), text, json: JSON.parse(text) };
}

const fresh = (kind = "prices", prefix = kind === "prices" ? "price" : "prod") => `/stripe/v1/${kind}/${prefix}_${crypto.randomBytes(6).toString("hex")}`;

describe("reads that a manifest lets be given again", () => {
  test("only who asks for it gets one: by a field, or by the key", async () => {
    const target = fresh(), count = stripe.count;
    assert.deepEqual([(await ask(target, { headers: {} })).cache, (await ask(target, { headers: {} })).cache], ["off", "off"]);
    const first = await ask(target), second = await ask(target);
    assert.deepEqual([first.cache, second.cache, second.status], ["miss", "hit", 200]);
    assert.deepEqual([second.json, second.type], [first.json, first.type]);
    assert.match(second.age, /^\d+$/);
    assert.equal((await ask(target, { as: "always", headers: {} })).cache, "hit");
    assert.equal((await ask(target, { as: "always", headers: { "x-tollgate-cache": "off" } })).cache, "off");
    assert.equal(stripe.count - count, 4);
    const row = await gate.call(second.id);
    assert.deepEqual([row.cache, row.operation, row.cost_usd ?? "0", row.saved_usd, row.repeat_of, row.attempts.length], ["hit", "stripe.prices.retrieve", "0", "0", first.id, 0]);
  });

  test("other reads are asked each time: what tells of one customer, and lists", async () => {
    for (const target of ["/stripe/v1/customers/cus_1", "/stripe/v1/charges/ch_1", "/stripe/v1/balance", "/stripe/v1/prices"]) {
      const count = stripe.count;
      assert.deepEqual([(await ask(target)).cache, (await ask(target)).cache, stripe.count - count], ["off", "off", 2], target);
    }
  });

  test("for as long as the manifest says at most, and the caller may say less", async () => {
    const target = fresh(), brief = { ...on, "cache-control": "max-age=1" };
    assert.deepEqual([(await ask(target, { headers: brief })).cache, (await ask(target, { headers: brief })).cache], ["miss", "hit"]);
    await sleep(1100);
    assert.equal((await ask(target)).cache, "miss");
    const { json } = await ask(target, { headers: { "x-tollgate-cache": "refresh" } });
    assert.equal((await ask(target)).json.serial, json.serial);
  });

  test("another query, field, account, credential or workspace is another question; another key of the workspace is not", async () => {
    const target = fresh();
    const first = await ask(target);
    for (const [name, more, where] of [
      ["query", {}, `${target}?expand[]=product`], ["version", { headers: { ...on, "stripe-version": "2024-06-20" } }], ["account", { headers: { ...on, "stripe-account": "acct_1" } }],
      ["language", { headers: { ...on, "accept-language": "de" } }], ["credential", { as: "other" }], ["workspace", { as: "elsewhere" }],
    ]) {
      const one = await ask(where ?? target, more), two = await ask(where ?? target, more);
      assert.deepEqual([one.status, one.cache, two.cache], [200, "miss", "hit"], name);
      assert.ok(one.json.serial > first.json.serial && two.json.serial === one.json.serial, name);
    }
    const same = await ask(target, { as: "b", headers: { ...on, "user-agent": "another", "x-agent-run-id": newRun(), "x-stripe-client-user-agent": "{}" } });
    assert.deepEqual([same.cache, same.json.serial], ["hit", first.json.serial]);
  });

  test("who may not ask gets none: by policy, by scope; a rehearsal neither looks nor keeps; what failed is not kept", async () => {
    const target = fresh();
    await ask(target);
    assert.deepEqual([(await ask(target, { as: "denied" })).status, (await ask(target, { as: "denied" })).denied], [403, "operation_denied"]);
    const [mine, others] = ["/github/repos/octo/hello", "/github/repos/octo/secret"];
    assert.deepEqual([(await ask(mine)).cache, (await ask(others)).cache, (await ask(others)).cache], ["miss", "miss", "hit"]);
    assert.equal((await ask(mine, { as: "pinned" })).cache, "hit");
    const refused = await ask(others, { as: "pinned" });
    assert.deepEqual([refused.status, refused.denied], [403, "scope_denied"]);
    assert.ok(!refused.text.includes("serial"));
    assert.notEqual((await ask(target, { as: "dry" })).cache, "hit");
    assert.equal((await ask(target, { as: "careful" })).cache, "off", "a person may have to say yes");
    for (const [id, status] of [["price_none", 404], ["price_down", 500]])
      for (const _ of [1, 2]) assert.deepEqual([(await ask(`/stripe/v1/prices/${id}`)).cache, (await ask(`/stripe/v1/prices/${id}`)).status], ["miss", status]);
  });

  test("a hit asks nothing of a budget, also of one that is spent", async () => {
    const target = fresh();
    assert.deepEqual([(await ask(target, { as: "one" })).cache, (await ask(target, { as: "one" })).cache, (await ask(target, { as: "one" })).cache], ["miss", "hit", "hit"]);
    assert.equal((await ask(fresh(), { as: "one" })).denied, "budget_exceeded");
  });

  test("what is covered in an answer is covered in the kept one, and links lead into the gate as each caller knows it", async () => {
    const sdk = new Octokit({ auth: tokenOf("a"), baseUrl: `${gate.url}/github`, log: { debug() {}, info() {}, warn() {}, error() {} } });
    const get = () => sdk.rest.repos.get({ owner: "octo", repo: "covered", headers: on });
    const first = await get(), second = await get();
    assert.deepEqual([first.headers["x-tollgate-cache"], second.headers["x-tollgate-cache"]], ["miss", "hit"]);
    assert.deepEqual(second.data, first.data);
    assert.equal(JSON.stringify(second.data).includes("AREALTOKEN"), false);
    assert.equal(second.data.url, `${gate.url}/github/repos/octo/covered`);
    const local = await fetch(`http://localhost:${gate.port}/github/repos/octo/covered`, { headers: { ...on, authorization: `token ${tokenOf("a")}`, accept: "application/vnd.github.v3+json", "user-agent": "x" } });
    const text = await local.text();
    assert.ok(text.includes(`http://localhost:${gate.port}/github/repos/octo/covered`), text);
    assert.ok(!text.includes("AREALTOKEN"));
    const paged = "/github/licenses/paged";
    assert.deepEqual([(await ask(paged)).cache, (await ask(paged)).cache], ["miss", "miss"], "the next page stands in the head");
  });
});

describe("what changes there", () => {
  const price = (target, more) => ask(target, { method: "POST", body: "nickname=x", ...more });

  test("no write is ever answered from what was kept", async () => {
    const target = fresh("products");
    await ask(target);
    const [one, two] = [await price(target), await price(target)];
    assert.deepEqual([one.cache, two.cache, one.status], ["off", "off", 200]);
    assert.notEqual(one.json.serial, two.json.serial);
  });

  test("a write at the account makes its reads old before its caller has the answer; another account's stay", async () => {
    const [target, also] = [fresh("products"), fresh()];
    for (const where of [target, also]) await ask(where);
    const kept = await ask(target, { as: "other" });
    const wrote = await price(target, { as: "b" });
    assert.equal(wrote.status, 200);
    const after = await ask(target);
    assert.equal(after.cache, "miss");
    assert.ok(after.json.serial > wrote.json.serial);
    assert.equal((await ask(also)).cache, "miss", "all that was read of that account");
    assert.deepEqual([(await ask(target, { as: "other" })).json.serial, (await ask(target)).cache], [kept.json.serial, "hit"]);
    assert.equal((await price(target, { as: "denied", headers: {} })).status, 200);
    assert.equal((await ask(target)).cache, "miss", "a write of any key");
  });

  test("a write that was refused here changes nothing; one that the vendor answered with an error may have", async () => {
    const target = fresh();
    await ask(target);
    assert.equal((await price("/stripe/v1/prices/price_1", { as: "denied" })).status, 403);
    assert.equal((await ask(target)).cache, "hit");
    assert.equal((await price("/stripe/v1/products/price_down")).status, 500);
    assert.equal((await ask(target)).cache, "miss");
  });

  test("a read that was under way during a write is not given to who asks after it", async () => {
    const target = fresh("products", "slow");
    const going = ask(target);
    await until(() => stripe.last().url.endsWith(target.split("/").at(-1)), "the read is under way");
    await price("/stripe/v1/products/prod_1");
    assert.equal((await going).cache, "miss");
    assert.equal((await ask(target)).cache, "miss");
  });

  test("an event that the vendor signed says so, too; one that it did not sign says nothing", async () => {
    const target = fresh();
    const tell = (secret) => {
      const body = JSON.stringify({ id: `evt_${newRun()}`, object: "event", type: "product.updated", data: { object: { id: "prod_1", object: "product" } } }), at = Math.floor(Date.now() / 1000);
      const signature = crypto.createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
      return fetch(`${gate.url}/hooks/stripe/stripe-main`, { method: "POST", body, headers: { "content-type": "application/json", "stripe-signature": `t=${at},v1=${signature}` } });
    };
    await ask(target);
    assert.notEqual((await tell("whsec_of_somebody_else")).status, 200);
    assert.equal((await ask(target)).cache, "hit");
    const told = await tell(signingSecret);
    assert.equal(told.status, 200, await told.text());
    await until(async () => (await ask(target)).cache === "miss", "it is asked anew");
  });

  test("a purge takes them, by key or all; after a restart none is known", async () => {
    const target = fresh();
    const first = await ask(target, { as: "b" });
    assert.equal((await gate.post("/cache/purge", { key: "always" })).purged, 0);
    assert.equal((await ask(target)).json.serial, first.json.serial);
    assert.ok((await gate.post("/cache/purge", { key: "b" })).purged >= 1);
    assert.deepEqual([(await ask(target)).cache, (await ask(target)).cache], ["miss", "hit"]);
    await gate.restart();
    assert.equal((await ask(target)).cache, "miss");
  });
});

test("equal reads at one time make one", async () => {
  const target = fresh("prices", "slow"), count = stripe.count;
  const got = await Promise.all(Array.from({ length: 20 }, () => ask(target)));
  assert.equal(stripe.count - count, 1);
  assert.equal(new Set(got.map((one) => one.text)).size, 1);
});
