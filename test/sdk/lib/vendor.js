// SPDX-License-Identifier: Apache-2.0
// What the tests of all vendors ask for: a gate in front of one upstream of ours that records, and the claims that hold for each of
// them: the secret goes up and the key never does, a refusal is one call that reaches nobody, a cap is exact under concurrency.
//
//   const v = await startVendor("postmark", { answer: (call) => [200, { MessageID: "m1" }], policies, keys });
//   const client = new ServerClient(v.token("free"), { requestHost: `${v.host}/postmark`, ... });
//   v.carries(v.upstream.last(), "x-postmark-server-token");
//   await v.refused(() => client.sendEmail(mail), "scope_denied");
//   await v.capHolds({ key: "cap", fits: 7, call: (i) => client.sendEmail({ ...mail, Subject: `${i}` }) });
import { config, key, tokenOf } from "./config.js";
import { startGate } from "./gate.js";
import { answerJson, startScripted } from "./recorder.js";
import { assert, newRun } from "./test.js";

/** Told apart from keys at sight. */
export const secretOf = (vendor) => `upstream-secret-of-${vendor}-0001`;

class Vendor {
  constructor(name, gate, upstream) {
    this.name = name;
    this.gate = gate;
    this.upstream = upstream;
    this.secret = secretOf(name);
    this.url = `${gate.url}/${name}`;
    this.host = gate.data;
  }

  /** What the SDK is given for a key; with a run behind it where the SDK cannot send a field. */
  token(key, run) {
    return run ? `${tokenOf(key)}.${run}` : tokenOf(key);
  }

  /** The secret stands in `field` of what was forwarded (as it is, behind a scheme, or in Basic), and the gate's key nowhere. */
  carries(call, field = "authorization") {
    assert.ok(call, "something was forwarded");
    const value = call.headers[field] ?? "";
    const plain = /^Basic /.test(value) ? Buffer.from(value.slice(6), "base64").toString() : value;
    assert.ok(plain.includes(this.secret), `the secret stands in ${field}: ${value}`);
    const all = [call.url, call.text, ...call.rawHeaders, plain].join("\n");
    assert.ok(!/key-of-/.test(all), "no key of the gate goes up");
    assert.equal(call.headers["x-agent-run-id"], undefined);
  }

  /** `call` fails, by the SDK's own exception; nothing is forwarded; the gate was asked once. Gives the exception. */
  async refused(call, code, { forwarded = 0 } = {}) {
    const count = this.upstream.count;
    const rows = (await this.gate.calls()).length;
    let error, value;
    try {
      value = await call();
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error, `refused, not ${JSON.stringify(value)?.slice(0, 200)}`);
    const all = await this.gate.calls();
    assert.equal(all[0]?.denied, code, `${all[0]?.denied}: ${all[0]?.reason}`);
    assert.equal(all.length - rows, 1, "the SDK asked once");
    assert.equal(this.upstream.count - count, forwarded, "nothing is forwarded");
    return error;
  }

  /** Of `many` calls at once exactly `fits` come through, and the rest is refused as over the budget. */
  async capHolds({ call, fits, many = 20, code = "budget_exceeded" }) {
    const count = this.upstream.count;
    const before = (await this.gate.calls({ denied: code })).length;
    const all = await Promise.allSettled(Array.from({ length: many }, (_, i) => call(i)));
    const through = all.filter((one) => one.status === "fulfilled").length;
    const why = all.find((one) => one.status === "rejected")?.reason;
    assert.equal(through, fits, `${through} of ${many} came through; ${why?.stack ?? why}`);
    assert.equal(this.upstream.count - count, fits, "forwarded as many as came through");
    assert.equal((await this.gate.calls({ denied: code })).length - before, many - fits);
  }

  /** The row of what `call` does; `call` gets the run it must carry. */
  async row(call) {
    const run = newRun();
    await call(run);
    const rows = await this.gate.calls({ run });
    assert.equal(rows.length, 1, "one row");
    return rows[0];
  }
}

/**
 * `answer(call)` gives [status, body, fields] or nothing (404); or writes to its second argument itself and gives true.
 * `policies` and `keys` as in a configuration, keys by name: { cap: { budgets: [...] } }; there is always the key `free`.
 */
export async function startVendor(name, { answer, policies = {}, keys = {}, credential = {}, vendor = {}, ...more }) {
  const upstream = await startScripted(async (call, res) => {
    const said = await answer(call, res);
    if (said === true) return;
    const [status, body, fields] = said ?? [404, { message: "the upstream of the test has no answer to this" }];
    answerJson(res, status, body ?? "", fields);
  });
  const credentials = { [`${name}-main`]: { secret: secretOf(name), ...credential } };
  const list = Object.entries({ free: {}, ...keys }).map(([one, rest]) => key(one, [`${name}-main`], rest));
  const gate = await startGate(config({ [name]: upstream.url }, { policies, keys: list, credentials, vendors: { [name]: vendor }, ...more }));
  return new Vendor(name, gate, upstream);
}
