// SPDX-License-Identifier: Apache-2.0
// Debian's python3-twilio (7.7.1) through the gate: the same refusals arrive as TwilioRestException.
import { before } from "node:test";
import fs from "node:fs";

import { config, key, tokenOf, twilioSid } from "./lib/config.js";
import { nanos, startGate } from "./lib/gate.js";
import { startEmulate } from "./lib/mocks.js";
import { run } from "./lib/process.js";
import { assert, newRun, test } from "./lib/test.js";

const python = "/usr/bin/python3"; // Debian's own, whose packages these are
const skip = !fs.existsSync("/usr/lib/python3/dist-packages/twilio") && "Debian's python3-twilio is not installed";
let gate, upstream;

const program = `
import json, sys
from twilio.rest import Client
from twilio.base.exceptions import TwilioRestException
url, account, tokens = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
def client(name):
    c = Client(account, tokens[name])
    c.api.base_url = url + "/twilio"
    return c
out = {}
def attempt(name, call):
    try:
        out[name] = {"sid": call()}
    except TwilioRestException as e:
        out[name] = {"status": e.status, "code": e.code, "message": e.msg, "details": e.details}
text = dict(to="+15558675310", from_="+15551234567", body="hello")
attempt("sent", lambda: client("free").messages.create(**text).sid)
attempt("smart", lambda: client("free").messages.create(**dict(text, smart_encoded=True)).sid)
attempt("listed", lambda: len(client("free").messages.list(limit=1)))
attempt("scope", lambda: client("usa").messages.create(**dict(text, to="+18765550100")).sid)
attempt("cap", lambda: client("tight").messages.create(**dict(text, body="x" * 161)).sid)
attempt("operation", lambda: client("texts").calls.create(to=text["to"], from_=text["from_"], url="http://example.com").sid)
attempt("twiml", lambda: client("free").calls.create(to=text["to"], from_=text["from_"], twiml="<Response/>").sid)
attempt("account", lambda: client("free").api.accounts(account).fetch().auth_token)
attempt("unknown", lambda: client("unknown").messages.create(**text).sid)
print(json.dumps(out))
`;

before(async () => {
  if (skip) return;
  ({ twilio: upstream } = await startEmulate());
  gate = await startGate(config({ twilio: upstream.url }, {
    policies: {
      texts: { allow: ["twilio.messages.create"] },
      usa: { allow: ["twilio.*"], scopes: { "twilio.country": ["US"] } },
    },
    keys: [
      key("free", ["twilio-main"]), key("texts", ["twilio-main"], { policy: "texts" }), key("usa", ["twilio-main"], { policy: "usa" }),
      key("tight", ["twilio-main"], { budgets: [{ limit: "0.02 usd", window: "day" }] }),
    ],
  }));
}, { timeout: 60_000 });

test("Python: sent, listed, refused by scope, cap, operation, TwiML and key", { skip }, async () => {
  const mine = newRun();
  const tokens = { free: `${tokenOf("free")}.${mine}`, texts: tokenOf("texts"), usa: tokenOf("usa"), tight: tokenOf("tight"), unknown: "nobody-knows-this-key" };
  const { code, out, err } = await run(python, ["-c", program, gate.url, twilioSid, JSON.stringify(tokens)], { env: { PATH: process.env.PATH } });
  assert.equal(code, 0, err);
  const said = JSON.parse(out);
  assert.match(said.sent.sid, /^SM/);
  assert.match(said.smart.sid ?? "", /^SM/, JSON.stringify(said.smart));
  assert.equal(said.listed.sid, 1);
  for (const [name, reason] of [["scope", "scope_denied"], ["cap", "budget_exceeded"], ["operation", "operation_denied"], ["twiml", "scope_denied"], ["account", "operation_denied"]]) {
    assert.equal(said[name].status, 403, `${name}: ${JSON.stringify(said[name])}`);
    assert.equal(said[name].code, 20403);
    assert.equal(said[name].details.code, reason, name);
    assert.ok(said[name].message.length > 20);
  }
  assert.equal(said.unknown.status, 401);
  assert.equal(said.unknown.code, 20003);
  const sent = (await gate.calls({ run: mine })).find((row) => row.operation === "twilio.messages.create");
  assert.equal(nanos(sent.cost_usd), 14_000_000n);
  assert.equal((await gate.calls({ key: "tight" })).length, 1, "asked once");
});
