// SPDX-License-Identifier: Apache-2.0
// Each official SDK against each vendor's dialect, feature by feature: every cell is asserted, or stands in lib/impossible.js with its reason.
// docs/matrix.md is what came of it: `MATRIX=write test/sdk/run matrix` writes it, any other run fails if it is stale.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import { callers } from "./lib/callers/index.js";
import { OpenaiChat } from "./lib/callers/openai.js";
import { root } from "./lib/gate.js";
import { impossible } from "./lib/impossible.js";
import { Cell, features, key, refusedKey, targets } from "./lib/matrix.js";
import { render } from "./lib/matrix_page.js";
import { startMarket } from "./lib/speakers/index.js";
import { assert, describe, newRun, test } from "./lib/test.js";

let market;
const page = path.join(root, "docs/matrix.md"), made = new Map(), cells = {};

before(async () => {
  market = await startMarket(key);
  for (const [name, { Caller }] of Object.entries(callers)) made.set(name, new Caller({ url: market.gate.url, key }));
});

/** What cannot be said to this vendor is refused by name, before anything is forwarded; or the vendor itself refuses it. */
async function refuses(cell, feature, reason) {
  const started = [];
  const play = cell.market.play;
  cell.market = { ...cell.market, play: (...scripts) => { started.push(play(...scripts)); return started.at(-1); } };
  const error = await features[feature].run(cell).then(() => null, (thrown) => thrown);
  assert.ok(error && error.code !== "ERR_ASSERTION", `refused, not ${error?.message ?? "answered"}`);
  assert.equal(error.status ?? error.statusCode, 400, error.message);
  assert.match(error.message, reason.refusal ?? reason.vendor);
  assert.equal(started[0].calls.length, reason.refusal ? 0 : 1, "what is forwarded");
}

// CELLS="portkey.*cancel" runs some of them.
const only = process.env.CELLS ? new RegExp(process.env.CELLS) : null;

for (const [name, { dialect }] of Object.entries(callers)) {
  describe(name, { concurrency: 12 }, () => {
    for (const [at, target] of Object.entries(targets)) for (const feature of Object.keys(features)) {
      const title = `${name} -> ${at}: ${feature}`;
      if (only && !only.test(title)) continue;
      const reason = impossible(name, dialect, at, target, feature);
      test(reason ? `${title}: ${reason.text}` : title, async () => {
        const cell = new Cell(market, made.get(name), dialect, target);
        if (!reason) await features[feature].run(cell);
        else if (reason.lost) await features[feature].run(Object.assign(cell, { lost: true }));
        else if (reason.refusal || reason.vendor) await refuses(cell, feature, reason);
        ((cells[feature] ??= {})[name] ??= {})[at] = { own: cell.own, lost: reason?.lost, reason: reason?.text };
      });
    }
  });
}

test("a vendor that refuses the gate's credential: each SDK's own exception", async () => {
  for (const [name, { dialect }] of Object.entries(callers)) for (const [at, target] of Object.entries(targets))
    if (!impossible(name, dialect, at, target, "errors")) await refusedKey(new Cell(market, made.get(name), dialect, target));
});

test("Azure's own path names the model, and its body may not: whole and streamed", async () => {
  for (const stream of [false, true]) {
    const run = newRun(), play = market.play({ parts: [{ text: ["Good ", "morning."] }], finish: "stop", usage: { input: 100, output: 10 } });
    const answer = await fetch(`${market.gate.url}/azure/openai/deployments/prod-chat/chat/completions?api-version=2024-10-21`, {
      method: "POST", headers: { "api-key": key, "content-type": "application/json", "x-agent-run-id": run },
      body: JSON.stringify({ stream, messages: [{ role: "user", content: `Hello #m${play.id}#` }] }),
    });
    const said = await answer.text();
    assert.equal(answer.status, 200, said);
    assert.match(said, stream ? /"Good ".*"morning\."/s : /Good morning\./);
    assert.match(answer.headers.get("content-type"), stream ? /event-stream/ : /json/);
    const [row] = await market.gate.calls({ run });
    assert.equal(row.cost_usd, "0.000225", "100 tokens of 1.25, 10 of 10 USD a million");
  }
});

test("what only Mistral knows goes to Mistral: beside the call written anew, or, inside of messages, as it is", async () => {
  const { client } = new OpenaiChat({ url: market.gate.url, key });
  const ask = async (body, ...messages) => {
    const play = market.play({ parts: [{ text: ["Good morning."] }], finish: "stop", usage: { input: 100, output: 10 } });
    await client.chat.completions.create({ model: "@mistral/mistral-medium-2604", messages: [{ role: "user", content: `Hello #m${play.id}#` }, ...messages], ...body });
    assert.equal(play.calls[0].refused, undefined);
    return play.calls[0].heard.ask;
  };
  const told = await ask({ safe_prompt: true, max_completion_tokens: 50, seed: 7 });
  assert.deepEqual([told.safe_prompt, told.max_tokens, told.random_seed], [true, 50, 7]);
  const begun = await ask({ safe_prompt: true }, { role: "assistant", content: "Good", prefix: true });
  assert.deepEqual([begun.safe_prompt, begun.messages[1].prefix], [true, true]);
});

test("docs/matrix.md says what these tests found", { skip: Boolean(only) }, () => {
  const said = render({ callers: Object.keys(callers), targets: Object.keys(targets), features, cells });
  if (process.env.MATRIX === "write") fs.writeFileSync(page, said);
  assert.equal(fs.readFileSync(page, "utf8"), said, "docs/matrix.md is stale: MATRIX=write test/sdk/run matrix");
});
