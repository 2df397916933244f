// SPDX-License-Identifier: Apache-2.0
// Portkey's own gateway and ours, driven by the same requests against the same scripted vendors: what differs is what is listed, and
// nothing else. The table of docs/portkey.md is what came of it.
import fs from "node:fs";
import path from "node:path";
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { root, startGate } from "./lib/gate.js";
import { cases } from "./lib/portkey_cases.js";
import { startPortkey, versions } from "./lib/portkey_gateway.js";
import { place, section } from "./lib/portkey_page.js";
import { askBySdk } from "./lib/portkey_sdk.js";
import { ask, differences, viewOf } from "./lib/portkey_sides.js";
import { startUpstreams } from "./lib/portkey_upstreams.js";
import { assert, describe, test } from "./lib/test.js";

const page = path.join(root, "docs/portkey.md");
const vendors = ["openai", "groq", "deepinfra", "cerebras", "anthropic"];
// CASES="retry.*503" runs some of them.
const only = process.env.CASES ? new RegExp(process.env.CASES) : null;
const cells = new Map();
let upstreams, worlds;

before(async () => {
  upstreams = await startUpstreams(vendors);
  const credentials = Object.fromEntries(vendors.map((name) => [`${name}-main`, { secret: `sk-ours-${name}-000000000001` }]));
  const portkey = await startPortkey();
  const gate = await startGate(config(upstreams.urls, { credentials, keys: [key("agent", vendors.map((name) => `${name}-main`))] }));
  const common = { urls: upstreams.urls, heard: upstreams.heard };
  worlds = { theirs: { ...common, url: portkey.url, key: "pk-theirs" }, ours: { ...common, url: gate.url, key: tokenOf("agent") } };
}, { timeout: 90_000 });

async function both(one, id, how) {
  const plan = typeof one.upstream === "function" ? one.upstream() : one.upstream;
  upstreams.script(`${id}t`, plan);
  upstreams.script(`${id}u`, plan);
  const [theirs, ours] = await Promise.all(["theirs", "ours"].map((side) => how(side, one, { ...worlds[side], id })));
  return { theirs, ours };
}

const looked = async (side, one, world) => viewOf(one, await ask(side, one, world));

describe("raw", { concurrency: 8 }, () => {
  for (const one of cases) {
    const title = `${one.feature}: ${one.name}`;
    if (only && !only.test(title)) continue;
    test(title, async () => {
      const { theirs, ours } = await both(one, one.id, looked);
      const found = differences(theirs, ours);
      cells.set(one.id, { one, theirs, ours, found });
      assert.deepEqual(found, one.differs ?? {}, `theirs ${JSON.stringify(theirs)}\nours ${JSON.stringify(ours)}`);
      assert.ok(!one.differs || one.why, "a difference has its reason");
    });
  }
});

/** The members that a case lists as unlike are so by the SDK, too; `seen` is about the wire. Portkey's gateway makes no trace id, without which its
 *  SDK asks once more after a 5xx. */
const listed = (one) => Object.fromEntries(Object.entries({ ...one.differs, ...one.bySdk }).filter(([name]) => name !== "seen" && name !== "kind"));

describe("portkey-ai", { concurrency: 8 }, () => {
  for (const one of cases.filter(({ sdk }) => sdk)) {
    const title = `${one.feature}: ${one.name}`;
    if (only && !only.test(title)) continue;
    test(title, async () => {
      const { theirs, ours } = await both(one, one.id + 1000, askBySdk);
      const { kind, ...found } = differences(theirs, ours);
      assert.deepEqual({ ...found, thrown: [theirs.thrown, ours.thrown] }, { ...listed(one), thrown: [theirs.thrown, theirs.thrown] }, `theirs ${JSON.stringify(theirs)}\nours ${JSON.stringify(ours)}`);
      assert.equal(ours.status, (one.differs?.status ?? [])[1] ?? cells.get(one.id)?.ours.status ?? ours.status, "as it was raw");
    });
  }
});

test("every case was asked of both", { skip: Boolean(only) }, () => assert.deepEqual([...cells.keys()].sort((a, b) => a - b), cases.map(({ id }) => id)));

test("docs/portkey.md says what these tests found", { skip: Boolean(only) }, () => {
  const { whole, wanted } = place(page, section(cases.map(({ id }) => cells.get(id)), versions()));
  if (process.env.MATRIX === "write") fs.writeFileSync(page, wanted);
  else assert.equal(whole, wanted, "docs/portkey.md is stale: MATRIX=write test/sdk/run portkey_compare");
});
