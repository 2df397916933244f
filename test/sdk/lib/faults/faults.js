// SPDX-License-Identifier: Apache-2.0
// The faults of the matrix: how an upstream fails, and what that is to the gate.
//
// `is` says how the attempt ends:
//   fine     an answer, however oddly it came
//   status   the vendor refused with `status`
//   nobody   nothing was sent: no connection
//   headless it was sent, and no head came: nobody knows what became of it
//   half     a head came, and nothing that could be given to the caller
//   late     no head in time; late half: the same behind a head
//   begun    a stream broke behind its first word (late begun: it hangs there)
//   garbage  a whole answer which is none
import zlib from "node:zlib";

import { sleep } from "../process.js";
import { chunk, head, sample } from "./upstream.js";
import { refusals } from "./words.js";

export const deadline = { request: 500, event: 500 };

const fault = (is, play, more = {}) => ({ is, play, ...more });
const both = { whole: true, stream: true }, whole = { whole: true }, stream = { stream: true };
const jsonHead = (fields) => head(200, { "content-type": "application/json", ...fields });
const beforeWord = (call) => call.events.slice(0, call.words.firstWord);
const throughWord = (call) => call.events.slice(0, call.words.firstWord + 2);

const connections = {
  "connection refused": fault("nobody", null, { ...both, vendor: "gone" }),
  "accepted and closed": fault("headless", null, { ...both, vendor: "shut", unsure: true }),
  "closed before the head": fault("headless", (call) => call.end(), both),
  "reset before the head": fault("headless", (call) => call.reset(), both),
  "hangs before the head": fault("late", () => {}, { ...both, request: true }),
  "hangs inside of the head": fault("late", (call) => call.send("HTTP/1.1 200 OK\r\ncontent-ty"), { ...both, request: true }),
};

const heads = {
  "100 and 103 before the head": fault("fine", (call) => call.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n").answer(), both),
  "100 after 100, and no head": fault("late", async (call) => { for (let i = 0; i < 200 && !call.left; i++) { call.send("HTTP/1.1 100 Continue\r\n\r\n"); await sleep(20); } }, { ...both, request: true, may: ["headless"] }),
  "a field of 100 KB": fault("headless", (call) => call.send(head(200, { "content-type": "application/json", "x-long": "x".repeat(100_000), "content-length": 2 }) + "{}"), both),
  "400 fields": fault("headless", (call) => call.send(head(200, { "content-type": "application/json", ...Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`x-${i}`, "1"])), "content-length": 2 }) + "{}"), both),
  "no HTTP at all": fault("headless", (call) => call.send("SSH-2.0-OpenSSH_9.2\r\n\r\n").end(), both),
  "two lengths that differ": fault("headless", (call) => call.send(head(200, { "content-type": "application/json", "content-length": 5 }).replace("\r\n\r\n", "\r\nContent-Length: 7\r\n\r\n") + "{}"), both),
  "a redirect": fault("half", (call) => call.send(head(307, { location: "http://127.0.0.1:9/elsewhere", "content-length": 0 })), { ...both, row: 307, complete: true }),
};

const bodies = {
  "hangs after the head": fault("late half", (call) => (call.streams ? call.streamHead() : call.send(jsonHead({ "content-length": 300 }))), { ...both, event: true }),
  "drips within the deadline": fault("fine", async (call) => {
    const text = Buffer.from(call.bytes), step = Math.ceil(text.length / 12);
    for (let at = 0; at < text.length; at += step) { call.send(text.subarray(at, at + step)); await sleep(15); }
  }, { ...both, event: 5000 }),
  "drips beyond the deadline": fault("late half", async (call) => { call.send(call.streams ? head(200, { "content-type": "text/event-stream", "transfer-encoding": "chunked" }) : jsonHead({ "content-length": call.body.length }) + call.body.slice(0, 9)); await sleep(2500); call.send("x").end(); }, { ...both, event: true }),
  "a length that is too long": fault("half", (call) => call.send(jsonHead({ "content-length": Buffer.byteLength(call.body) + 50 }) + call.body).end(), whole),
  "a length that is too short": fault("garbage", (call) => call.send(jsonHead({ "content-length": Buffer.byteLength(call.body) - 60 }) + call.body), whole),
  "bytes behind the answer": fault("fine", (call) => call.answer().send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nLIES"), both),
  "chunk sizes that are none": fault("half", (call) => call.send(head(200, { "content-type": call.streams ? "text/event-stream" : "application/json", "transfer-encoding": "chunked" }) + "zz\r\n{}\r\n0\r\n\r\n"), both),
  "a chunk without its end": fault("half", (call) => call.send(head(200, { "content-type": call.streams ? "text/event-stream" : "application/json", "transfer-encoding": "chunked" }) + "400\r\n{}").end(), both),
  "a chunk that is longer than it says": fault("half", (call) => call.send(head(200, { "content-type": call.streams ? "text/event-stream" : "application/json", "transfer-encoding": "chunked" }) + "2\r\n{}{}{}\r\n0\r\n\r\n"), both),
  "gzip, unasked for": fault("fine", (call) => { const packed = zlib.gzipSync(call.streams ? call.events.join("") : call.body); call.send(head(200, { "content-type": call.streams ? "text/event-stream" : "application/json", "content-encoding": "gzip", "content-length": packed.length })).send(packed); }, both),
  "gzip that is none": fault("half", (call) => call.send(head(200, { "content-type": call.streams ? "text/event-stream" : "application/json", "content-encoding": "gzip", "content-length": 40 }) + "\x1f\x8b\x08" + "#".repeat(37)), both),
  "gzip that is cut": fault("half", (call) => { const packed = zlib.gzipSync(call.body).subarray(0, 60); call.send(jsonHead({ "content-encoding": "gzip", "content-length": packed.length })).send(packed); }, { ...whole, complete: true }),
  "a coding that nobody knows": fault("half", (call) => call.send(jsonHead({ "content-encoding": "zstd", "content-length": 2 }) + "{}"), both),
};

const nonsense = {
  "JSON that breaks off": fault("garbage", (call) => call.json(200, call.body.slice(0, -20)), whole),
  "an empty body": fault("garbage", (call) => call.json(200, ""), whole),
  "an empty object": fault("garbage", (call) => call.json(200, "{}"), whole),
  "a page of HTML, 200": fault("garbage", (call) => { const page = "<html><body>Sign in to the hotel's network</body></html>"; call.json(200, page, { "content-type": "text/html" }); }, both),
  "204 and no body": fault("garbage", (call) => call.send(head(204, {})), { ...both, row: 204 }),
  "an error under 200": fault("garbage", (call) => call.json(200, call.words.refusal("The server had an error.", "server_error")), whole),
};

const streams = {
  "a stream of nothing": fault("half", (call) => call.streamHead().send("0\r\n\r\n"), { ...stream, complete: true }),
  "an error as the first event": fault("half", (call) => call.streamHead().send(chunk(call.words.failEvent) + "0\r\n\r\n"), { ...stream, told: true, spoils: { openai: 500, anthropic: 529 } }),
  "an error behind the beginning": fault("half", (call) => call.streamHead().send(beforeWord(call).concat(call.words.failEvent).map(chunk).join("") + "0\r\n\r\n"), { ...stream, told: true, spoils: { openai: 500, anthropic: 529 } }),
  "ends before the first word": fault("half", (call) => call.streamHead().send(beforeWord(call).map(chunk).join("") + "0\r\n\r\n"), { ...stream, complete: true }),
  "cut before the first word": fault("half", (call) => call.streamHead().send(beforeWord(call).map(chunk).join("")).end(), stream),
  "hangs before the first word": fault("late half", (call) => call.streamHead().send(beforeWord(call).map(chunk).join("")), { ...stream, event: true }),
  "an event that is no JSON": fault("half", (call) => call.streamHead().send(chunk("data: {\"choices\": [\n\n") + "0\r\n\r\n"), { ...stream, complete: true, unread: true }),
  "an error behind the first words": fault("begun", (call) => call.streamHead().send(throughWord(call).concat(call.words.failEvent).map(chunk).join("") + "0\r\n\r\n"), { ...stream, told: true }),
  "ends behind the first words": fault("begun", (call) => call.streamHead().send(throughWord(call).map(chunk).join("") + "0\r\n\r\n"), { ...stream, complete: true }),
  "cut behind the first words": fault("begun", (call) => call.streamHead().send(throughWord(call).map(chunk).join("")).end(), stream),
  "reset behind the first words": fault("begun", async (call) => { call.streamHead().send(throughWord(call).map(chunk).join("")); await sleep(60); call.reset(); }, stream),
  "hangs behind the first words": fault("late begun", (call) => call.streamHead().send(throughWord(call).map(chunk).join("")), { ...stream, event: true }),
  "a chunk that is none behind the first words": fault("begun", (call) => call.streamHead().send(throughWord(call).map(chunk).join("") + "zz\r\n"), stream),
  "never closed behind its end": fault("fine", (call) => call.streamHead().send(call.events.map(chunk).join("")), { ...stream, event: true }),
};

function refusal(it) {
  return fault("status", (call) => {
    const body = it.page ?? call.words.refusal(...it[call.dialect]);
    const fields = { ...it.fields, ...(it.date ? { "retry-after": new Date(Date.now() + it.date * 1000).toUTCString() } : {}), ...(it.page === undefined ? {} : { "content-type": "text/html" }) };
    call.json(it.status, body, fields);
  }, { ...both, status: it.status, errors: it.errors ?? [], least: it.least, unwaited: it.unwaited, elsewhere: it.elsewhere });
}

export const faults = { ...connections, ...Object.fromEntries(Object.entries(refusals).map(([name, it]) => [name, refusal(it)])), ...heads, ...bodies, ...nonsense, ...streams };

/** Cut behind `at` bytes; where that is says how it ends. */
export function cut(call, at, how) {
  call.send(Buffer.from(call.bytes).subarray(0, at));
  if (how === "reset") setTimeout(() => call.reset(), 20);
  else call.end();
}

/** Where an answer of `dialect` may be cut, and what each cut is: { at, is }. */
export function cuts(dialect, streamed, every) {
  const { bytes, events, words } = sample(dialect, streamed), total = Buffer.byteLength(bytes), head = bytes.indexOf("\r\n\r\n") + 4, list = [];
  const through = (count) => head + Buffer.byteLength(events.slice(0, count).map(chunk).join("")) - 2;
  const word = through(words.firstWord + 1), end = through(events.length);
  const is = (at) => (at < head ? "headless" : !streamed || at < word ? "half" : at < end ? "begun" : "fine");
  const edges = streamed ? events.map((_, i) => through(i)).concat(word - 1, word, end - 1, end) : [];
  for (let at = 0; at < total; at++) if (at % every === 0 || edges.includes(at)) list.push({ at, is: is(at) });
  return list;
}

export function cutAt({ at, is }) {
  return fault(is, (call) => cut(call, at, at % 2 ? "reset" : "end"), { at });
}
