// SPDX-License-Identifier: Apache-2.0
// docs/faults.md from what the cells of the fault matrix came to.
const intro = `# What a failing vendor comes to

Written by \`test/sdk/route_faults.test.js\`: in each cell official SDKs (OpenAI's, Anthropic's) ask the real binary along a [route](routing.md) whose faulty target fails
as the row says, on a plain socket, while the other target is well. Each is asked in its own dialect and translated. Asserted of each cell: what the caller gets, in
the class of its SDK; who was asked, in which order, how often and after which pauses; the row's attempts, with status and reason; that the cost is the sum of the attempts' and what the
budget says; that nothing stays reserved but what is in doubt; that connections are closed, those of losers within half a second; and that no deadline is passed.

| | the caller gets |
|---|---|
| ✓ | the healthy target's answer, whole, once |
| = | the faulty target's own answer: whole after all, or at the next try |
| a number | that status, as its SDK's exception |
| event | an error inside of a stream that had begun with nothing said; … event: with its first words said |
| as it is | what the vendor sent, byte for byte; what the SDK makes of it |

More than one: as the caller is asked in its own dialect or translated; in races of two that are well, as either is faster. Whole answers and streams are also cut at their bytes and
at each event's edges: before the first word as in "cut before the first word", behind it as in "cut behind the first words". "retry" is two more tries; "codes" are 429, 503 and 529.
`;

function marksOf(cells) {
  const marks = [...new Set(cells.map((cell) => cell.mark))].sort();
  return marks.length ? marks.join(", ") : "";
}

function table(title, cells, faults, ways) {
  const lines = faults.filter((name) => cells.some((cell) => cell.name === name)).map((name) => {
    const of = cells.filter((cell) => cell.name === name);
    return `| ${name} | ${ways.map((way) => marksOf(of.filter((cell) => cell.wayName === way))).join(" | ")} |`;
  });
  return `## ${title}\n\n| | ${ways.join(" | ")} |\n|---|${ways.map(() => ":-:").join("|")}|\n${lines.join("\n")}\n`;
}

export function render(cells, faults, ways) {
  return `${intro}\n${table("Whole answers", cells.filter((c) => !c.streamed), faults, ways)}\n${table("Streams", cells.filter((c) => c.streamed), faults, ways)}`;
}
