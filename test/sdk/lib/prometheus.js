// SPDX-License-Identifier: Apache-2.0
// A real Prometheus server (Debian's package) on a free loopback port, and its tool for checking what it reads.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

import { tempDir } from "./gate.js";
import { freePort, start, until } from "./process.js";

export const promtool = (args, input) => {
  const done = spawnSync("promtool", args, { input, encoding: "utf8" });
  return { code: done.status, text: `${done.stdout ?? ""}${done.stderr ?? ""}${done.error ?? ""}` };
};

/** Samples of a page: { name, labels: {}, value }, and what each family is. */
export function readMetrics(text) {
  const samples = [];
  const types = {};
  for (const line of text.split("\n")) {
    const type = line.match(/^# TYPE (\S+) (\S+)$/);
    if (type) types[type[1]] = type[2];
    const sample = line.match(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/);
    if (!sample) continue;
    const labels = {};
    for (const [, name, value] of (sample[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value;
    samples.push({ name: sample[1], labels, value: Number(sample[3]) });
  }
  const find = (name, labels = {}) => samples.filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v));
  return { samples, types, find, value: (name, labels) => find(name, labels).reduce((sum, s) => sum + s.value, 0) };
}

/** Scrapes `target` each second. */
export async function startPrometheus(target, { token, rules = [] } = {}) {
  const dir = tempDir("prometheus");
  const port = await freePort();
  const scrape = { job_name: "tollgate", scrape_interval: "1s", static_configs: [{ targets: [target] }], ...(token ? { authorization: { credentials: token } } : {}) };
  const file = path.join(dir, "prometheus.yml");
  fs.writeFileSync(file, JSON.stringify({ global: { evaluation_interval: "1s" }, rule_files: rules, scrape_configs: [scrape] }));
  const running = start("prometheus", [`--config.file=${file}`, `--storage.tsdb.path=${path.join(dir, "data")}`, `--web.listen-address=127.0.0.1:${port}`], { cwd: dir });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/-/ready`).catch(() => null))?.ok, `Prometheus; it said: ${running.err()}`, { timeout: 20_000 });
  const ask = async (what) => (await (await fetch(`${url}${what}`)).json()).data;
  return {
    url,
    ask,
    /** The value of the first series; undefined: there is none. */
    query: async (expression) => (await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`)).result.map((r) => Number(r.value[1]))[0],
    target: async () => (await ask("/api/v1/targets")).activeTargets[0],
  };
}
