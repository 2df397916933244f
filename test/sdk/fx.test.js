// SPDX-License-Identifier: Apache-2.0
// What foreign money is worth: from the file, by the command line, and what a broken file does to a running gate.
import fs from "node:fs";
import path from "node:path";

import { config, key } from "./lib/config.js";
import { binary, cleanEnv, startGate, tempDir } from "./lib/gate.js";
import { run, until } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

const xml = (date, rates) =>
  `<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><Cube><Cube time='${date}'>${Object.entries(rates)
    .map(([code, rate]) => `<Cube currency='${code}' rate='${rate}'/>`)
    .join("\n")}</Cube></Cube></gesmes:Envelope>\n`;

describe("rates of exchange", () => {
  test("a file's rates are in force, another day's after a reload, and a broken file changes nothing", async () => {
    const file = path.join(tempDir("fx"), "eurofxref-daily.xml");
    fs.writeFileSync(file, xml("2026-11-19", { USD: "1.25", JPY: "160" }));
    const gate = await startGate({ ...config({}, { keys: [key("a", [])] }), fx: { file, margin: "2%" } });
    assert.deepEqual(await gate.get("/fx"), { date: "2026-11-19", margin: "2%", rates: { eur: "1.25", jpy: "0.0078125" } });
    fs.writeFileSync(file, xml("2026-11-20", { USD: "1.2", JPY: "160" }));
    await gate.post("/reload");
    assert.equal((await gate.get("/fx")).rates.eur, "1.2");
    fs.writeFileSync(file, xml("2026-11-21", { USD: "1.3", JPY: "160" }).slice(0, -30));
    const { status, body } = await gate.ask("POST", "/api/v1/reload");
    assert.equal(status, 422);
    assert.equal(body.field, "fx.file");
    assert.equal((await gate.get("/fx")).date, "2026-11-20");
    gate.signal("SIGHUP");
    await until(() => gate.log.includes("is not whole"), "the log says so");
    assert.equal((await gate.get("/fx")).rates.eur, "1.2");
  });

  test("the command line brings them to a gate, and takes out what the bank has no more", async () => {
    const dir = tempDir("fx");
    const gate = await startGate({ ...config({}, { keys: [key("a", [])] }), fx: { rates: { eur: "1.08" }, margin: "1.5%" } });
    const file = (text) => (fs.writeFileSync(path.join(dir, "rates"), text), path.join(dir, "rates"));
    const first = await gate.cli("fx", "import", file(xml("2026-11-19", { USD: "1.25", JPY: "160", BGN: "1.9558" })));
    assert.equal(first.code, 0, first.err);
    assert.equal((await gate.get("/fx")).margin, "1.5%");
    assert.deepEqual(Object.keys((await gate.get("/fx")).rates), ["bgn", "eur", "jpy"]);
    const second = await gate.cli("fx", "import", file("Date, USD, JPY, \n20 November 2026, 1.2, 160, \n"), "--margin", "3%");
    assert.equal(second.code, 0, second.err);
    assert.deepEqual(await gate.get("/fx"), { date: "2026-11-20", margin: "3%", rates: { eur: "1.2", jpy: "0.0075" } });
    const shown = await gate.cli("fx");
    assert.match(shown.out, /rates of 2026-11-20; 3% on top/);
    assert.match(shown.out, /eur +1\.2/);
    await gate.restart();
    assert.equal((await gate.get("/fx")).rates.eur, "1.2");
    const { status, body } = await gate.ask("PATCH", "/api/v1/settings/fx", { value: { file: "/etc/passwd" } });
    assert.equal(status, 422);
    assert.equal(body.field, "fx.file");
  });

  test("a file that is none is refused before the gate is asked; --print needs no gate", async () => {
    const file = path.join(tempDir("fx"), "rates.csv");
    fs.writeFileSync(file, "Date, USD\n20 November 2026, much\n");
    const bad = await run(binary, ["fx", "import", file], { env: cleanEnv() });
    assert.equal(bad.code, 4);
    assert.match(bad.err, /found the rate "much"/);
    fs.writeFileSync(file, "Date, USD, CHF\n20 November 2026, 1.1, 0.95\n");
    const good = await run(binary, ["fx", "import", file, "--print", "--margin", "2%"], { env: cleanEnv() });
    assert.equal(good.code, 0, good.err);
    assert.equal(good.out, 'fx:\n  date: 2026-11-20\n  margin: 2%\n  rates:\n    chf: "1.157894737"\n    eur: "1.1"\n');
  });
});

describe("what a charge in another currency counts", () => {
  const cost = async (gate, body) => (await gate.post("/explain", { key: "a", method: "POST", url: "https://api.stripe.com/v1/charges", body })).cost;
  const start = (more) => startGate({ ...config({ stripe: "http://127.0.0.1:9" }, { keys: [key("a", ["stripe-main"], { budgets: [{ limit: "1000 usd", window: "day" }] })], ...more }) });

  test("the rate with its margin; the digits of the currency; nothing without a rate", async () => {
    const gate = await start({ fx: { rates: { eur: "1.1", jpy: "0.0065" }, margin: "2%" } });
    assert.equal((await cost(gate, "amount=1000&currency=eur&source=tok_visa")).most_usd, "11.22");
    assert.equal((await cost(gate, "amount=1000&currency=jpy&source=tok_visa")).most_usd, "6.63");
    assert.equal((await cost(gate, "amount=1000&currency=usd&source=tok_visa")).most_usd, "10");
    const told = await gate.post("/explain", { key: "a", method: "POST", url: "/stripe/v1/charges", body: "amount=1000&currency=sek&source=tok_visa" });
    assert.equal(told.code, "price_unknown");
    assert.equal((await gate.cli("fx", "import", ...[(() => { const file = path.join(tempDir("fx"), "r.csv"); fs.writeFileSync(file, "Date, USD, SEK\n20 November 2026, 1.2, 12\n"); return file; })(), "--margin", "3%"])).code, 0);
    assert.equal((await cost(gate, "amount=1000&currency=sek&source=tok_visa")).most_usd, "1.03");
  });
  test("a vendor's own rate goes before it", async () => {
    const gate = await start({ fx: { rates: { eur: "1.1" } }, vendors: { stripe: { settings: { fx: { eur: "1.5" } } } } });
    assert.equal((await cost(gate, "amount=1000&currency=eur&source=tok_visa")).most_usd, "15.3");
  });
});
