// SPDX-License-Identifier: Apache-2.0
// `tollgate top` on a pseudo terminal, against a stand-in for GET /now whose numbers the test knows; and against the real gate.
import http from "node:http";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { adminToken, binary, cleanEnv, startGate } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { atEnd, run, start, until } from "./lib/process.js";
import { assert, describe, newRun, test } from "./lib/test.js";

const now = {
  at: "2026-11-22T12:34:56.000Z",
  spend: { minute_usd: "0.5", hour_usd: "12.25", today_usd: "99.123456789", month_usd: "1000" },
  rates: Array.from({ length: 300 }, (_, i) => ({ at: "2026-11-22T12:30:00.000Z", calls: i, refused: i === 299 ? 7 : 0, errors: i === 299 ? 3 : 0, cost_usd: "0" })),
  open_calls: 4, held_usd: "2.5", in_doubt: { count: 2, usd: "1.75" }, approvals_waiting: 6,
  stops: [{ kind: "vendor", value: "twilio", reason: "incident\u001b[31m", forwarded_since: 0, refused_since: 12 }],
  caps: [{ account: "a", budget: "daily", subject: "key:support", unit: "usd", limit: "100", spent: "95", reserved: "1.5", percent: "96.5", resets_at: "2026-11-23T00:00:00.000Z", full_at: null }],
  top: {
    keys: [{ id: "key_1", name: "support", cost_usd: "9.5", calls: 900 }, { id: "key_2", name: "batch", cost_usd: "80.1", calls: 5 }],
    runs: [{ run: "run_a", cost_usd: "3", calls: 1 }, { run: "run_b", cost_usd: "12", calls: 1 }],
    vendors: [{ id: "openai", cost_usd: "1", calls: 1 }],
  },
  alarms: [{ code: "disk_low", text: "3 GiB are left", since: "2026-11-22T12:00:00.000Z" }],
};

let env, stops, refuse;

before(async () => {
  stops = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => (body += bytes));
    request.on("end", () => {
      if (request.url === "/api/v1/stop") stops.push(JSON.parse(body));
      response.writeHead(refuse ? 500 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(request.url === "/api/v1/now" ? now : { stopped: {} }));
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  atEnd(() => server.close());
  env = cleanEnv({ TOLLGATE_ADMIN: `http://127.0.0.1:${server.address().port}`, TOLLGATE_ADMIN_TOKEN: adminToken, TERM: "xterm" });
});

/** The lines that stand on the screen after what was written to it; enough of a terminal for what top sends. */
function screen(text) {
  const frame = text.split("\x1b[H").at(-1);
  return frame.replaceAll(/\x1b\[[?\d;]*[A-Za-z]/g, "").split("\r\n").map((line) => line.trimEnd());
}

const open = (size = "rows 30 cols 110") => {
  const top = start("script", ["-qefc", `stty ${size}; ${binary} top`, "/dev/null"], { env, stdio: ["pipe", "pipe", "pipe"] });
  top.press = (keys) => top.child.stdin.write(keys);
  top.shows = (what) => until(() => screen(top.out()).some((line) => what.test(line)), `${what} on the screen: ${screen(top.out()).join("\n")}`);
  return top;
};

test("--once: one frame, without colours, with every number", async () => {
  const { code, out, err } = await run(binary, ["top", "--once"], { env });
  assert.equal(code, 0, err);
  assert.ok(!out.includes("\x1b"), "no colour, and nothing of a stranger drives the terminal");
  for (const what of [/minute 0\.5 +hour 12\.25 +today 99\.123456 +month 1000/, /299, 7 refused, 3 errors/, /open calls 4 +held 2\.5 USD +in doubt 2 \(1\.75 USD\) +waiting for a person 6 +stops 1/,
    /stopped: vendor twilio, 0 forwarded and 12 refused since: incident\?/, /96\.5% +daily key:support.* 95 \+ 1\.5 held of 100 usd/, /! disk_low: 3 GiB are left/, /openai/, /run_b/, /█/])
    assert.match(out, what);
  assert.ok(out.search(/^  batch/m) < out.search(/^  support/m), "the dearest first");
  assert.ok(out.search(/^  run_b/m) < out.search(/^  run_a/m), "12 is more than 3");
  assert.deepEqual(JSON.parse((await run(binary, ["top", "--json"], { env })).out), now);
});

describe("on a terminal", () => {
  test("draws, sorts, pauses, ends; the terminal is as it was", async () => {
    const top = open();
    await top.shows(/^> run_b/);
    assert.ok(top.out().includes("\x1b[?1049h"), "a screen of its own");
    top.press("\t");
    await top.shows(/^> batch/);
    top.press("s");
    await top.shows(/^> support/);
    top.press("\x1b[B");
    await top.shows(/^> batch/);
    top.press("\x1b[D");
    await top.shows(/^runs of today/);
    top.press("p");
    await top.shows(/paused/);
    for (const line of screen(top.out())) assert.ok([...line].length <= 110, line);
    assert.ok(screen(top.out()).length <= 30);
    top.press("q");
    assert.equal((await top.exit).code, 0);
    assert.ok(top.out().trimEnd().endsWith("\x1b[?25h\x1b[?1049l"), "given back");
  });

  test("k asks; only y stops", async () => {
    const top = open();
    await top.shows(/^> run_b/);
    top.press("k");
    await top.shows(/^stop run run_b\? y/);
    top.press("n");
    await until(() => !screen(top.out()).some((line) => /\? y/.test(line)), "the question is gone");
    assert.equal(stops.length, 0);
    top.press("\t");
    await top.shows(/^> batch/);
    top.press("k");
    await top.shows(/^stop key key_2\? y/);
    top.press("y");
    await top.shows(/^stopped;/);
    assert.deepEqual(stops, [{ key: "key_2", reason: "stopped from tollgate top" }]);
    top.press("q");
    await top.exit;
  });

  test("a small screen, and trouble, are told", async () => {
    const top = open("rows 10 cols 40");
    await top.shows(/^tollgate top/);
    for (const line of screen(top.out())) assert.ok([...line].length <= 40, line);
    assert.ok(screen(top.out()).length <= 10, JSON.stringify(screen(top.out())));
    refuse = true;
    await top.shows(/^the gate answered an error/);
    refuse = false;
    await until(() => !screen(top.out()).some((line) => /error;/.test(line)), "better again");
    top.press("q");
    await top.exit;
  });
});
test("the real gate: what was spent stands there", async () => {
  const stripe = await startStripe();
  const gate = await startGate(config({ stripe: stripe.url }, { keys: [key("agent", ["stripe-main"], { budgets: [{ limit: "20 usd", window: "day" }] })] }));
  const id = newRun();
  const charge = (amount) => fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("agent")}`, "content-type": "application/x-www-form-urlencoded", "x-agent-run-id": id }, body: `amount=${amount}&currency=usd&source=tok_visa` });
  assert.equal((await charge(1250)).status, 200);
  const once = () => gate.cli("top", "--once");
  await until(async () => (await once()).out.includes(id), "the run");
  const { code, out } = await once();
  assert.equal(code, 0);
  assert.match(out, /today 12\.5 /);
  assert.match(out, /6[23][.\d]*%.* 12\.5 \+ 0 held of 20 usd/);
});
