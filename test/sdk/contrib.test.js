// SPDX-License-Identifier: Apache-2.0
// contrib/: the rules fire when they should, and every metric that a dashboard or a rule names is one that the gate writes.
import fs from "node:fs";
import path from "node:path";

import { root, tempDir } from "./lib/gate.js";
import { promtool } from "./lib/prometheus.js";
import { assert, describe, test } from "./lib/test.js";

const read = (file) => fs.readFileSync(path.join(root, file), "utf8");
const rules = path.join(root, "contrib/prometheus");
// docs/observability.md's tables are what a running gate writes: metrics.test.js compares them both ways.
const types = Object.fromEntries([...read("docs/observability.md").matchAll(/^\| `((?:tollgate|process)_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => [name, type]));
const exists = (name) => types[name] || types[name.replace(/_(bucket|sum|count)$/, "")] === "histogram";
const named = (text) => [...new Set(text.match(/\b(?:tollgate|process)_[a-z_]+\b/g))];

describe("alert rules", () => {
  test("are clean", () => assert.equal(promtool(["check", "rules", path.join(rules, "alerts.yml")]).code, 0));
  test("fire when they should, and not else", () => {
    const { code, text } = promtool(["test", "rules", path.join(rules, "alerts.test.yml")]);
    assert.equal(code, 0, text);
  });
  test("each is tried", () => {
    const alerts = [...read("contrib/prometheus/alerts.yml").matchAll(/- alert: (\w+)/g)].map((m) => m[1]);
    assert.ok(alerts.length > 8);
    for (const alert of alerts) assert.ok(read("contrib/prometheus/alerts.test.yml").includes(`alertname="${alert}"`), alert);
  });
  test("name metrics that exist", () => {
    for (const name of named(read("contrib/prometheus/alerts.yml"))) assert.ok(exists(name), name);
  });
});

describe("the dashboard", () => {
  const dashboard = JSON.parse(read("contrib/grafana/tollgate.json"));
  const expressions = dashboard.panels.flatMap((p) => p.targets ?? []).map((t) => t.expr);
  test("names metrics that exist", () => {
    assert.ok(expressions.length > 15);
    for (const name of named([...expressions, ...dashboard.templating.list.map((v) => JSON.stringify(v.query))].join("\n"))) assert.ok(exists(name), name);
  });
  test("asks what Prometheus can read", () => {
    const dir = tempDir("contrib");
    const file = path.join(dir, "rules.yml");
    const plain = expressions.map((e) => e.replaceAll("$instance", ".*").replaceAll("$vendor", ".*"));
    fs.writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules: plain.map((expr, i) => ({ record: `panel_${i}`, expr })) }] }));
    const { code, text } = promtool(["check", "rules", file]);
    assert.equal(code, 0, text);
  });
  test("panels have ids of their own and do not overlap", () => {
    const ids = dashboard.panels.map((p) => p.id);
    assert.equal(new Set(ids).size, ids.length);
    const taken = new Set();
    for (const { gridPos: { x, y, w, h } } of dashboard.panels)
      for (let i = x; i < x + w; i++)
        for (let k = y; k < y + h; k++) {
          assert.ok(i < 24 && !taken.has(`${i},${k}`), `${i},${k}`);
          taken.add(`${i},${k}`);
        }
  });
});
