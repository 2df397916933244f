// SPDX-License-Identifier: Apache-2.0
// The table of docs/portkey.md from what both gateways did. The rest of the page is written by hand.
import fs from "node:fs";

const begin = "<!-- compared: written by test/sdk/portkey_compare.test.js; MATRIX=write test/sdk/run portkey_compare -->";
const end = "<!-- /compared -->";

const code = (value) => (typeof value === "string" && !value.includes("`") ? value : `\`${JSON.stringify(value).replaceAll("|", "\\|")}\``);

function summary(view) {
  const more = [
    view.kind !== "answer" && view.kind,
    view.sent && view.sent !== "nobody" && `asked: ${view.sent}`,
    view.sent === "nobody" && "nobody asked",
    view.option && view.option !== "config" && `\`${view.option}\``,
    view.retries && view.retries !== "0" && `retries ${view.retries}`,
    view.cache && view.cache !== "DISABLED" && view.cache,
    view.seen !== undefined && code(view.seen),
  ];
  return [view.status || "no answer", ...more.filter(Boolean)].join("; ");
}

export function table(cells) {
  const rows = [], reasons = [];
  const number = (why) => {
    if (!reasons.includes(why)) reasons.push(why);
    return `[${reasons.indexOf(why) + 1}](#reasons)`;
  };
  let feature;
  for (const { one, theirs, ours, found } of cells) {
    const same = Object.keys(found).length === 0;
    const name = one.feature === feature ? "" : `**${one.feature}**`;
    feature = one.feature;
    rows.push(`| ${name} | ${one.name} | ${summary(theirs)} | ${same ? "the same" : `${summary(ours)} ${number(one.why)}`}${one.sdk ? " ·sdk" : ""} |`);
  }
  const list = reasons.map((why, i) => `${i + 1}. ${why[0].toUpperCase()}${why.slice(1)}.`).join("\n");
  const count = cells.filter(({ found }) => Object.keys(found).length === 0).length;
  return { text: `| feature | case | Portkey | Tollgate |\n|---|---|---|---|\n${rows.join("\n")}\n\n### Reasons\n\n${list}\n`, count };
}

export function section(cells, versions) {
  const { text, count } = table(cells);
  return `${begin}\n\n${cells.length} cases, of which ${count} are the same: @portkey-ai/gateway ${versions.gateway} with @hono/node-server ${versions.server}.\n\n${text}\n${end}`;
}

/** The page with the section in its place. */
export function place(page, said) {
  const whole = fs.readFileSync(page, "utf8");
  const from = whole.indexOf(begin), to = whole.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page} has no place for the table`);
  return { whole, wanted: whole.slice(0, from) + said + whole.slice(to + end.length) };
}
