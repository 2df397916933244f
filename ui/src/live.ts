// SPDX-License-Identifier: Apache-2.0
// What happens, as it happens: one stream of events for the whole page. It is read with fetch, not EventSource, so that a session
// that is over is told from a gate that is away. A stream that falls silent for longer than its heartbeat is opened anew.
import { useEffect, useRef } from "preact/hooks";

import { openEvents, Problem } from "./api";
import { cell } from "./store";

export type LiveState = "off" | "connecting" | "live";
export const liveState = cell<LiveState>("off");

type Listener = (data: unknown) => void;
const listeners = new Map<string, Set<Listener>>();

/** Names: "call", "stop", "resume", "config", "now", "gap", ...; "reopened": events may have been missed, read again. */
export function on(name: string, fn: Listener): () => void {
  const set = listeners.get(name) ?? new Set();
  listeners.set(name, set.add(fn));
  return () => void set.delete(fn);
}

/** The newest `fn` is called; it need not be kept the same. */
export function useLive<T = unknown>(name: string, fn: (data: T) => void): void {
  const newest = useRef(fn);
  newest.current = fn;
  useEffect(() => on(name, (data) => newest.current(data as T)), [name]);
}

function tell(name: string, text: string): void {
  let data: unknown = text;
  try {
    data = JSON.parse(text);
  } catch {
    /* said as it came */
  }
  for (const fn of [...(listeners.get(name) ?? [])]) fn(data);
}

/** Takes whole events off the front of `text`; what is left of it. */
export function takeEvents(text: string, event: (name: string, data: string) => void): string {
  for (;;) {
    const end = text.indexOf("\n\n");
    if (end < 0) return text;
    let name = "message";
    const data: string[] = [];
    for (const line of text.slice(0, end).split("\n")) {
      if (line.startsWith("event:")) name = line.slice(6).trim();
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
    if (data.length) event(name, data.join("\n"));
    text = text.slice(end + 2);
  }
}

const SILENCE_MS = 40_000; // a heartbeat comes every 15 s
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

let current: AbortController | null = null;
let attempt: AbortController | null = null;
window.addEventListener("offline", () => attempt?.abort()); // told at once, not by a silence

async function read(answer: Response, stop: AbortController): Promise<void> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const silence = setTimeout(() => stop.abort(), SILENCE_MS);
    const { value, done } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    text = takeEvents((text + value).replaceAll("\r\n", "\n"), tell);
  }
}

async function follow(whole: AbortController): Promise<void> {
  for (let tries = 0, opened = 0; !whole.signal.aborted; tries++) {
    const stop = (attempt = new AbortController());
    const end = () => stop.abort();
    whole.signal.addEventListener("abort", end);
    liveState.set("connecting");
    try {
      const answer = await openEvents(stop.signal);
      liveState.set("live");
      tries = 0;
      if (opened++) tell("reopened", "{}");
      await read(answer, stop);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) break; // the session is over: the page asks for a new one
    }
    whole.signal.removeEventListener("abort", end);
    if (whole.signal.aborted) break;
    liveState.set("connecting");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]));
  }
  if (current === whole) liveState.set("off");
}

export function startLive(): void {
  stopLive();
  current = new AbortController();
  void follow(current);
}

export function stopLive(): void {
  current?.abort();
  current = null;
  liveState.set("off");
}
