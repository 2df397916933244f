// SPDX-License-Identifier: Apache-2.0
// Parts of text messages: what the gate reserves for 10,000 generated texts is what Twilio's own calculator counts. Through the whole
// gate, by calls of a key that only rehearses, so that nothing needs an upstream.
import { before } from "node:test";
import http from "node:http";

import calculator from "sms-segments-calculator";

import { config, key, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { dice, randomText } from "./lib/texts.js";

const { SegmentedMessage } = calculator;
const each = 1_000_000n; // one part, in nano-dollars
const texts = 10_000;
let gate;

before(async () => {
  gate = await startGate(config({ twilio: "http://127.0.0.1:9" }, {
    vendors: { twilio: { settings: { sms_price_usd: { 1: "0.001" } } } },
    keys: [key("rehearsal", ["twilio-main"], { dry_run: true })],
    durability: "relaxed",
  }));
});

const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });

/** One call; its run names the text, so that rows are told apart. */
function send(index, { text, smart }) {
  const body = new URLSearchParams({ To: "+15558675310", From: "+15551234567", Body: text, SmartEncoded: String(smart) }).toString();
  return new Promise((resolve, reject) => {
    const request = http.request(`${gate.url}/twilio/2010-04-01/Accounts/${twilioSid}/Messages.json`, {
      agent,
      method: "POST",
      headers: {
        authorization: `Basic ${btoa(`${twilioSid}:${tokenOf("rehearsal")}.t${index}`)}`,
        "content-type": "application/x-www-form-urlencoded",
        "content-length": Buffer.byteLength(body),
      },
    }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    });
    request.on("error", reject);
    request.end(body);
  });
}

test(`${texts} generated texts have as many parts as Twilio's calculator says`, { timeout: 120_000 }, async () => {
  const die = dice(20261121);
  const all = Array.from({ length: texts }, () => ({ text: randomText(die), smart: die(2) === 1 }));
  let next = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (next < all.length) {
      const i = next++;
      const status = await send(i, all[i]);
      assert.ok(status < 300, `text ${i}: ${status}`);
    }
  }));
  agent.destroy();
  const rows = await gate.calls();
  assert.equal(rows.length, texts);
  const wrong = [];
  const seen = new Map();
  for (const row of rows) {
    const one = all[Number(row.run.slice(1))];
    const expected = BigInt(new SegmentedMessage(one.text, "auto", one.smart).segments.length);
    seen.set(expected, (seen.get(expected) ?? 0) + 1);
    if (nanos(row.reserved_usd) !== expected * each) wrong.push({ ...one, expected, reserved: row.reserved_usd });
  }
  assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of ${texts} differ`);
  assert.ok(seen.size >= 6, `texts of many lengths: ${[...seen.keys()]}`);
});
