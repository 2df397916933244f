// SPDX-License-Identifier: Apache-2.0
// docs/matrix.md from what the cells of the matrix came to.
const intro = `# Which client reaches which model

Written by \`test/sdk/matrix.test.js\`: each cell is a test in which the official SDK of that row drives the real binary, and a scripted vendor of that
column checks by its own documentation what it is sent, answers in its own wire format, and is compared with what the SDK made of it. No vendor's real
servers are asked.

* ✓: translated, and asserted.
* =: the vendor speaks the SDK's own dialect; the call passes as it is, and the same is asserted.
* a number: it cannot be, for the reason below. Where it is the vendor that cannot be told, the test asserts that the gate refuses the call by name and
  forwards nothing; ✓ or = beside a number: all else of it works, and is asserted.
`;

export function render({ callers, targets, features, cells }) {
  const reasons = [];
  const number = (reason) => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return `[${reasons.indexOf(reason) + 1}](#reasons)`;
  };
  const mark = (cell) => {
    if (!cell) return "✗";
    const sign = cell.own ? "=" : "✓";
    return !cell.reason ? sign : cell.lost ? `${sign} ${number(cell.reason)}` : number(cell.reason);
  };
  const tables = Object.entries(features).map(([feature, { title }]) => {
    const rows = callers.map((caller) => `| \`${caller}\` | ${targets.map((at) => mark(cells[feature]?.[caller]?.[at])).join(" | ")} |`);
    return `## ${title}\n\n| | ${targets.join(" | ")} |\n|---|${targets.map(() => ":-:").join("|")}|\n${rows.join("\n")}\n`;
  });
  const list = reasons.map((reason, i) => `${i + 1}. ${reason}`).join("\n");
  return `${intro}\n${tables.join("\n")}\n## Reasons\n\n${list}\n`;
}
