// SPDX-License-Identifier: Apache-2.0
// Addresses: everything behind the "#", so that the page works from any path of any proxy and the gate needs to know none of it.
//
//   #/runs                 page "runs"
//   #/runs/run_7?by=step   page "runs", of the run run_7
import { useEffect, useState } from "preact/hooks";

export interface Route {
  page: string;
  id: string | null;
  query: URLSearchParams;
}

export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const at = path.indexOf("/");
  const page = at < 0 ? path : path.slice(0, at);
  const id = at < 0 ? "" : decode(path.slice(at + 1));
  return { page, id: id || null, query: new URLSearchParams(search) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** "#/calls/call_1?x=y": empty members of `query` are left out. */
export function link(page: string, id?: string | null, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== "" && value !== false) search.set(name, String(value));
  const text = search.toString();
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}

export function go(hash: string, { replace = false } = {}): void {
  if (!replace) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, "", hash);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return parse(hash);
}

/** Filters that stand in the address: what is seen can be linked to. Setting one replaces the address, so Back leaves the page. */
export function setQuery(changes: Query): void {
  const route = parse(location.hash);
  const query: Query = Object.fromEntries(route.query);
  go(link(route.page, route.id, { ...query, ...changes }), { replace: true });
}
