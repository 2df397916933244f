// SPDX-License-Identifier: Apache-2.0
// A reporter for node:test: one line for each test that failed, with its place and its message. test/sdk/run puts them behind all
// else, so that the end of a long log tells what broke.
import path from "node:path";

const most = 600;

const oneLine = (text) => String(text).replace(/\u001b\[[0-9;]*m/g, "").replace(/\s+/g, " ").trim();
const cut = (text) => (text.length > most ? `${text.slice(0, most)} ...` : text);

/** Where the test file itself was, when the error came. */
function place(error, file) {
  const frame = String(error?.stack ?? "").split("\n").find((line) => line.includes(`/${file}:`));
  return frame ? ` (line ${frame.slice(frame.indexOf(`/${file}:`) + file.length + 2).split(":")[0]})` : "";
}

function message(error, said) {
  const cause = error?.cause ?? error;
  const text = oneLine(cause?.message ?? cause);
  // A file that died outside its tests has no message: what it wrote last.
  return text === "test failed" ? `${text}; ${oneLine(said).slice(-most)}` : text;
}

export default async function* failures(events) {
  const names = [];
  const said = new Map();
  for await (const { type, data } of events) {
    if (type === "test:start") names.splice(data.nesting, Infinity, data.name);
    if (type === "test:stderr") said.set(data.file, ((said.get(data.file) ?? "") + data.message).slice(-4 * most));
    if (type !== "test:fail" || data.details.error?.failureType === "subtestsFailed") continue;
    const { error } = data.details, name = path.basename(data.file ?? "?");
    const label = [...names.slice(0, data.nesting), data.name].map((each) => (each === data.file ? "the file" : each)).join(" > ");
    yield `FAIL ${name} ${label}: ${cut(message(error, said.get(data.file) ?? ""))}${place(error?.cause, name)}\n`;
  }
}
