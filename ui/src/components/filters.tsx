// SPDX-License-Identifier: Apache-2.0
// Filters of a list. They stand in the address; the search is sent when one pauses, and "/" goes to it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { setQuery } from "../router";
import { Icon } from "./icon";

const PAUSE_MS = 300;

export function Search({ name = "q", value, label }: { name?: string; value: string | null; label: string }) {
  const [text, setText] = useState(value ?? "");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setText(value ?? ""), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const changed = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ [name]: next.trim() || null }), PAUSE_MS);
  };
  return (
    <div class="search">
      <Icon name="search" />
      <input type="search" data-search aria-label={label} placeholder={label} value={text} spellcheck={false} onInput={(event) => changed(event.currentTarget.value)} />
    </div>
  );
}

export function Choice({ name, label, value, options }: { name: string; label: string; value: string | null; options: readonly (readonly [string, string])[] }) {
  return (
    <select aria-label={label} value={value ?? ""} onChange={(event) => setQuery({ [name]: event.currentTarget.value || null })}>
      {options.map(([each, text]) => <option key={each} value={each}>{text}</option>)}
    </select>
  );
}

/** Any filter of a list: its name chosen, its value typed. It becomes a chip. */
export function FilterBy({ names }: { names: readonly (readonly [string, string])[] }) {
  const [name, setName] = useState(names[0]![0]);
  const [value, setValue] = useState("");
  const add = (event: Event) => {
    event.preventDefault();
    if (!value.trim()) return;
    setQuery({ [name]: value.trim() });
    setValue("");
  };
  return (
    <form class="filter-by" onSubmit={add}>
      <select aria-label="Filter by" value={name} onChange={(event) => setName(event.currentTarget.value)}>
        {names.map(([each, text]) => <option key={each} value={each}>{text}</option>)}
      </select>
      <input aria-label="Filter's value" placeholder={name === "from" || name === "to" ? "2026-01-31" : "is …"} value={value} spellcheck={false} onInput={(event) => setValue(event.currentTarget.value)} />
      <button>Add</button>
    </form>
  );
}

/** What is filtered by, each with a button that takes it away. */
export function Chips({ query, names, children }: { query: URLSearchParams; names: readonly (readonly [string, string])[]; children?: ComponentChildren }) {
  const set = names.filter(([name]) => query.get(name));
  if (set.length === 0 && !children) return null;
  return (
    <div class="chips">
      {set.map(([name, text]) => (
        <span class="chip" key={name}>
          {text}: <b title={query.get(name)!}>{query.get(name)}</b>
          <button class="icon-button" aria-label={`Without ${text} ${query.get(name)}`} onClick={() => setQuery({ [name]: null })}><Icon name="close" /></button>
        </span>
      ))}
      {children}
    </div>
  );
}
