// SPDX-License-Identifier: Apache-2.0
// What all scripted vendors share: how they refuse what their documentation does not allow, and how a script is told.
//
// A script: { parts: [{ text: [...] } | { thinking: [...], signature } | { tool: { id, name, args: [...] } } | { refusal }], finish, usage,
// error, cutAfter, pause }. Lists of texts are pieces, which a stream sends one by one. `usage` counts as a bill does: input with all that was
// cached, output with all reasoning: { input, cached, written, output, reasoning }.
//
// What was asked is told alike, too: { system, turns: [{ role, parts }], tools, format, thinks, limit }, with parts { text } | { image: { data,
// type } | { url } } | { document } | { call: { id, name, args } } | { result: { id, name, text } } | { thinking: { text, signature } }.

/** The vendor's own 400. */
export class Refused extends Error {}

export function need(condition, why) {
  if (!condition) throw new Refused(why);
}

/** `object` has no members but these ("a b c"). */
export function only(object, members, where) {
  need(object !== null && typeof object === "object" && !Array.isArray(object), `${where} is no object`);
  const known = new Set(members.split(" "));
  for (const name of Object.keys(object)) need(known.has(name), `${where} has an unknown member ${name}`);
  return object;
}

export const text = (pieces) => (Array.isArray(pieces) ? pieces.join("") : (pieces ?? ""));
export const toolsOf = (script) => script.parts.filter((part) => part.tool).map((part) => part.tool);
export const joined = (script, kind) => script.parts.filter((part) => part[kind] !== undefined).map((part) => text(part[kind])).join("");
export const argsOf = (tool) => text(tool.args) || "{}";

/** "data:image/png;base64,AAAA" or an address. */
export function media(url) {
  const data = /^data:([^;,]*);base64,(.*)$/s.exec(url);
  return data ? { type: data[1], data: data[2] } : { url };
}

export const sse = (body) => `data: ${JSON.stringify(body)}\n\n`;
export const sseNamed = (name, body) => `event: ${name}\ndata: ${JSON.stringify({ type: name, ...body })}\n\n`;

/** Turns of one role after the other where the vendor wants them so. */
export function alternate(turns, first, second) {
  need(turns.length > 0, "there is no message");
  turns.forEach((turn, i) => need(turn.role === (i % 2 ? second : first), `message ${i} is of ${turn.role}: roles must alternate, ${first} first`));
}
