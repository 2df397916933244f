// SPDX-License-Identifier: Apache-2.0
// The longest silence in a stream is the vendor's: a caller that does not read makes nobody else look slow.
import http from "node:http";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { startGate } from "./lib/gate.js";
import { startOpenai } from "./lib/llm.js";
import { sleep } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

let gate, openai;
before(async () => {
  openai = await startOpenai();
  gate = await startGate(config({ openai: openai.url }, { keys: [key("day", ["openai-main"], { budgets: [{ limit: "100 usd", window: "day" }] })] }));
});

/** A streamed chat of which nothing is read for so long; its row. */
async function streamed(unreadMs) {
  const request = http.request(`${gate.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("day")}`, "content-type": "application/json" } });
  request.end(JSON.stringify({ model: "gpt-4o-mini", stream: true, messages: [{ role: "user", content: "Say much." }] }));
  const answer = await new Promise((resolve, reject) => request.on("response", resolve).on("error", reject));
  assert.equal(answer.statusCode, 200);
  await sleep(unreadMs); // a stream that is not listened to is not read
  let bytes = 0;
  for await (const piece of answer) bytes += piece.length;
  const row = await gate.call(answer.headers["x-tollgate-call-id"]);
  return { bytes, gap: row.longest_gap_ms ?? 0, latency: row.latency_ms };
}

test("a caller that reads nothing for a while is no silence of the vendor's", async () => {
  openai.play = { text: Array(200).fill("word ".repeat(13_000)) };
  const { bytes, gap, latency } = await streamed(2000);
  assert.ok(bytes > 200 * 65_000, `${bytes} bytes`);
  assert.ok(latency >= 1900, `it was over in ${latency} ms: the caller's room was never used up`);
  assert.ok(gap < 1000, `${gap} ms`);
});

test("a vendor that says nothing for a while is told of", async () => {
  openai.play = { pause: 400 };
  const { gap } = await streamed(0);
  assert.ok(gap >= 350 && gap < 2000, `${gap} ms`);
});
