// SPDX-License-Identifier: Apache-2.0
// The gate's admin API, as the browser speaks it: a session cookie that scripts cannot read, its CSRF token on writes, problems as
// exceptions that name the field, pages by cursor, and changes that say which version they change.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Session {
  actor: { name: string; role: Role; workspace: string | null };
  areas: Area[];
  /** May read what was captured of calls. */
  content: boolean;
  csrf: string | null;
  expires_at: string | null;
  version: string;
  sandbox: boolean;
}
export type Role = "owner" | "admin" | "finance" | "viewer";
export type Area = "read" | "money" | "change" | "own";

/** What the gate refused, and why (RFC 9457). status 0: it was not reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

interface Ask {
  query?: Query;
  body?: unknown;
  /** A file, as it is, in place of `body`. */
  file?: { text: string; type: string };
  /** The ETag that the change is made against: 412 if someone was faster. */
  ifMatch?: string | null;
  signal?: AbortSignal;
}

let csrf: string | null = null;
let lost: () => void = () => {};

/** Called when the gate no longer knows this session. */
export const onSessionLost = (fn: () => void): void => void (lost = fn);

export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== "" && value !== false) search.set(name, String(value));
  const text = search.toString();
  return `api/v1${path}${text ? `?${text}` : ""}`;
}

/** Works without a secure context too, which crypto.randomUUID does not. */
export const randomName = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function headersOf(method: string, { body, file, ifMatch }: Ask): Record<string, string> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (file) headers["content-type"] = file.type;
  if (ifMatch) headers["if-match"] = ifMatch;
  if (csrf && method !== "GET") headers["x-tollgate-csrf"] = csrf;
  if (method === "POST") headers["idempotency-key"] = randomName();
  return headers;
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const told = await answer.json();
    return new Problem(answer.status, told.code ?? "error", told.detail || told.title || `the gate answered ${answer.status}`, told.field ?? null);
  } catch {
    return new Problem(answer.status, "error", `the gate answered ${answer.status}`);
  }
}

async function send(method: string, path: string, ask: Ask): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address(path, ask.query), {
      method,
      headers: headersOf(method, ask),
      credentials: "same-origin",
      body: ask.file?.text ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body)),
      signal: ask.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "The gate cannot be reached.");
  }
  if (answer.status === 401 && path !== "/session") lost();
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

async function json<T>(method: string, path: string, ask: Ask): Promise<T> {
  const answer = await send(method, path, ask);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const get = <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> => json<T>("GET", path, { query, signal });
export const post = <T = unknown>(path: string, body: unknown = {}): Promise<T> => json<T>("POST", path, { body });
export const upload = <T>(path: string, query: Query, file: { text: string; type: string }): Promise<T> => json<T>("POST", path, { query, file });
export const put = <T = unknown>(path: string, body: unknown, ifMatch?: string | null): Promise<T> => json<T>("PUT", path, { body, ifMatch });
export const patch = <T = unknown>(path: string, body: unknown, ifMatch?: string | null): Promise<T> => json<T>("PATCH", path, { body, ifMatch });
export const remove = (path: string, ifMatch?: string | null): Promise<void> => json<void>("DELETE", path, { ifMatch });

/** One object and the ETag to change it with. */
export async function getTagged<T>(path: string, signal?: AbortSignal): Promise<{ value: T; etag: string | null }> {
  const answer = await send("GET", path, { signal });
  return { value: await answer.json(), etag: answer.headers.get("etag") };
}

/** An answer that is not JSON (a report as CSV, an archive), as it came. */
export const fetchRaw = (path: string, query: Query = {}): Promise<Response> => send("GET", path, { query });

/** Puts an answer into a file of the reader's. */
export async function download(path: string, query: Query, name: string): Promise<void> {
  const answer = await fetchRaw(path, query);
  const place = URL.createObjectURL(await answer.blob());
  const anchor = document.createElement("a");
  anchor.href = place;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(place), 10_000);
}

/** The event stream's answer; live.ts reads it. */
export const openEvents = (signal: AbortSignal): Promise<Response> => send("GET", "/events", { signal });

/* ---- sessions ---- */

function taken(session: Session): Session {
  csrf = session.csrf;
  return session;
}

export const login = async (secret: { token: string } | { code: string }): Promise<Session> => taken(await post<Session>("/session", secret));
export const currentSession = async (): Promise<Session> => taken(await get<Session>("/session"));
export async function logout(): Promise<void> {
  await remove("/session");
  csrf = null;
}

/* ---- hooks ---- */

export interface Loaded<T> {
  data: T | null;
  error: Problem | null;
  /** Nothing came yet. While something newer is on its way, the old stays. */
  loading: boolean;
  reload: () => void;
}

const problem = (error: unknown): Problem => (error instanceof Problem ? error : new Problem(0, "error", String(error)));
const aborted = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

/** What a path answers; path null: nothing is asked. `every`: asked again after so many milliseconds. */
export function useLoad<T>(path: string | null, query: Query = {}, { every = 0 } = {}): Loaded<T> {
  const [state, setState] = useState<{ of: string; data: T | null; error: Problem | null }>({ of: "", data: null, error: null });
  const [turn, setTurn] = useState(0);
  const name = path === null ? "" : address(path, query);
  const shown = useRef("");
  useEffect(() => {
    if (path === null) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (shown.current !== name) setState((before) => ({ ...before, of: "", error: null }));
    const ask = async () => {
      try {
        const data = await get<T>(path, query, stop.signal);
        shown.current = name;
        setState({ of: name, data, error: null });
      } catch (error) {
        if (aborted(error)) return;
        setState((before) => ({ of: name, data: before.of === name ? before.data : null, error: problem(error) }));
      }
      if (every && !stop.signal.aborted) timer = setTimeout(ask, document.hidden ? Math.max(every, 15_000) : every);
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [name, turn, every]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return { data: state.data, error: state.error, loading: path !== null && state.of !== name, reload };
}

export interface Listed<T> {
  rows: T[];
  error: Problem | null;
  loading: boolean;
  /** There are more rows than were read. */
  hasMore: boolean;
  more: () => void;
  reload: () => void;
  /** Changes what is shown without asking (a live row, say). */
  edit: (fn: (rows: T[]) => T[]) => void;
}

/** A list, page by page: `more` reads the next one behind those that are there. */
export function useList<T>(path: string | null, query: Query = {}): Listed<T> {
  const [state, setState] = useState<{ of: string; rows: T[]; cursor: string | null; error: Problem | null; busy: boolean }>({ of: "", rows: [], cursor: null, error: null, busy: false });
  const [turn, setTurn] = useState(0);
  const name = path === null ? "" : address(path, query);
  const stop = useRef<AbortController | null>(null);
  const ask = async (cursor: string | null) => {
    if (path === null) return;
    stop.current?.abort();
    const mine = (stop.current = new AbortController());
    setState((before) => ({ ...before, busy: true }));
    try {
      const page = await get<Page<T>>(path, { ...query, cursor }, mine.signal);
      setState((before) => ({ of: name, rows: cursor ? [...before.rows, ...page.data] : page.data, cursor: page.next_cursor, error: null, busy: false }));
    } catch (error) {
      if (!aborted(error)) setState((before) => ({ ...before, of: name, rows: before.of === name ? before.rows : [], error: problem(error), busy: false }));
    }
  };
  useEffect(() => {
    void ask(null);
    return () => stop.current?.abort();
  }, [name, turn]);
  return {
    rows: state.rows,
    error: state.error,
    loading: path !== null && (state.of !== name || state.busy),
    hasMore: state.of === name && state.cursor !== null,
    more: () => void ask(state.cursor),
    reload: useCallback(() => setTurn((n) => n + 1), []),
    edit: useCallback((fn: (rows: T[]) => T[]) => setState((before) => ({ ...before, rows: fn(before.rows) })), []),
  };
}

/** For lists that are searched or put in order here: what was not read cannot be found. All pages, one after the other, while it is `wanted`. */
export function useWhole<T>(list: Listed<T>, wanted: boolean): void {
  const next = wanted && list.hasMore && !list.loading && !list.error;
  useEffect(() => {
    if (next) list.more();
  }, [next, list.rows.length]);
}

/** For lists whose pages take bounded time: one may be empty, and not be the last. Until something is there, the next one is asked for. */
export const useUntilFound = <T>(list: Listed<T>): void => useWhole(list, list.rows.length === 0);
