// SPDX-License-Identifier: Apache-2.0
// docs/govern-your-api.md, from its first line to its last: each file it shows is written, each step is run in its order, against a tiny API.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";

import { adminToken, binary, cleanEnv, root, tempDir } from "./lib/gate.js";
import { accepts, atEnd, freePort, run, start, until } from "./lib/process.js";
import { assert, test } from "./lib/test.js";

/** Blocks in their order, each with the mark that stands before it: "file: NAME", "step", "step: STATUS CODE", "serve", or none. */
function blocks() {
  const text = fs.readFileSync(path.join(root, "docs/govern-your-api.md"), "utf8");
  return [...text.matchAll(/(?:<!-- ([^>]+) -->\n)?```(\w*)\n([\s\S]*?)```/g)].map(([, mark, language, body]) => ({ mark, language, body }));
}

/** The internal API of the page. */
async function startApi(port) {
  const credits = [];
  const server = http.createServer((req, res) => {
    let text = "";
    req.on("data", (part) => (text += part));
    req.on("end", () => {
      const answer = (status, body) => res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      if (req.headers.authorization !== "Bearer the-real-secret") return answer(401, { code: "unauthorized", message: "who are you?" });
      const [, customer] = req.url.match(/^\/customers\/(\w+)\/credits$/) ?? [];
      if (req.method !== "POST" || !customer) return answer(404, { code: "not_found", message: "no" });
      const { amount, currency } = JSON.parse(text);
      credits.push({ id: `cr_${credits.length + 1}`, customer, amount, currency, key: req.headers["x-request-key"] });
      answer(201, credits.at(-1));
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  atEnd(() => server.close());
  return credits;
}

test("S-60: an internal API in a file: its caps, scopes, log and stops are those of any vendor, as the page says", { timeout: 120_000 }, async () => {
  const dir = tempDir("govern");
  const [api, data, admin] = [await freePort(), await freePort(), await freePort()].flat();
  const credits = await startApi(api);
  fs.mkdirSync(path.join(dir, "bin"));
  fs.symlinkSync(binary, path.join(dir, "bin/tollgate"));
  const here = (text) => text.replaceAll("127.0.0.1:9090", `127.0.0.1:${api}`).replaceAll("127.0.0.1:8080", `127.0.0.1:${data}`);
  const variables = {};
  const env = () => cleanEnv({ PATH: `${path.join(dir, "bin")}:${process.env.PATH}`, TOLLGATE_ADMIN: `http://127.0.0.1:${admin}`, TOLLGATE_ADMIN_TOKEN: adminToken, ...variables });
  let steps = 0;
  for (const { mark, language, body } of blocks()) {
    if (mark?.startsWith("file: ")) {
      let text = here(body);
      if (mark === "file: tollgate.yaml") text += `listen: 127.0.0.1:${data}\nadmin: { listen: "127.0.0.1:${admin}", token: ${adminToken} }\n`;
      fs.writeFileSync(path.join(dir, mark.slice(6)), text);
    } else if (mark === "serve") {
      for (const [, name, value] of body.matchAll(/(\w+)=(\S+)/g)) variables[name] = value;
      const [, args] = body.match(/^tollgate (serve .*)$/m);
      const gate = start(binary, args.split(" "), { cwd: dir, env: env() });
      atEnd(() => gate.child.kill("SIGKILL"));
      await until(() => gate.out().includes("ready"), `the gate; it says ${gate.err()}`);
      assert.ok(await accepts(data));
    } else if (mark?.startsWith("step")) {
      assert.equal(language, "sh");
      const { code, out, err } = await run("bash", ["-euo", "pipefail", "-c", here(body)], { cwd: dir, env: env(), timeout: 30_000 });
      assert.equal(code, 0, `${body}\n${out}\n${err}`);
      const [, status, denied] = mark.match(/^step: (\d+) (\w+)$/) ?? [];
      if (status) {
        assert.match(out, new RegExp(`^HTTP/1.1 ${status} `), out);
        assert.match(out, new RegExp(`x-tollgate-denied: ${denied}`, "i"), out);
      }
      steps++;
    } else if (!language && body.startsWith("operation ")) {
      const call = `POST /customers/c_1/credits {"amount":1250,"currency":"usd"}`;
      const { out } = await run(binary, ["vendor", "check", "manifests/billing.yaml", "--call", call], { cwd: dir, env: env() });
      assert.equal(out, body, "the output that the page shows");
    }
  }
  assert.ok(steps >= 12, String(steps));
  assert.deepEqual(credits.map((c) => [c.customer, c.amount]), [["c_1", 1250], ["c_1", 1800], ["c_2", 1800]]);
  assert.ok(credits.every((c) => c.key), "each with an idempotency key of the gate's");
  const { out } = await run(binary, ["calls", "--json"], { cwd: dir, env: env() });
  const rows = JSON.parse(out).data;
  assert.deepEqual(rows.filter((row) => row.verdict === "allowed").map((row) => row.cost_usd).sort(), ["12.5", "18", "18"]);
  assert.deepEqual(rows.map((row) => row.denied).filter(Boolean).sort(), ["budget_exceeded", "key_revoked", "operation_denied", "parameter_denied", "scope_denied"]);
  assert.ok(rows.every((row) => row.denied === "key_revoked" || row.vendor === "billing"));
  assert.deepEqual(rows.find((row) => row.cost_usd === "12.5").scopes, { "billing.customer": ["c_1"] });
});

test("the draft already finds what matters, and compiles", async () => {
  const dir = tempDir("govern");
  const [{ body }] = blocks().filter((block) => block.mark === "file: billing-openapi.yaml");
  fs.writeFileSync(path.join(dir, "api.yaml"), body);
  const { code, out, err } = await run(binary, ["vendor", "draft", path.join(dir, "api.yaml"), "--name", "billing"], { env: cleanEnv() });
  assert.equal(code, 0, err);
  for (const part of ["vendor: billing", "minor_units(body.amount, body.currency)", 'from: ["path.customer"]', "secret: true", "customers.credits.list:", '"code":"{{code}}"', "object_id: answer.id"]) {
    assert.ok(out.includes(part), `${part}: ${out}`);
  }
});
