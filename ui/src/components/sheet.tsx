// SPDX-License-Identifier: Apache-2.0
// An object as a form, from a list of lines that say which member is asked for and how. What no line shows stays as it is. The gate
// judges; a line only knows how its member is written.
import { useContext } from "preact/hooks";

import { CheckField, Field, SelectField, SetField, TextField, Verdicts } from "./form";

export type Draft = Record<string, unknown>;

interface Of {
  /** Where the member stands: "capture.retention". */
  at: string;
  label: string;
  hint?: string;
  /** Not asked in this state of the object. */
  unless?: (draft: Draft) => boolean;
  /** Seldom wanted: behind "More". */
  more?: boolean;
  /** As the gate calls it where it refuses it, if that is not `at`. */
  told?: string;
}

export type Line =
  | (Of & { as: "text" | "number" | "words" | "secret"; /** Sent even when empty: then the gate says what is missing. */ needed?: boolean; usual?: string })
  | (Of & { as: "choice"; options: readonly (readonly [string, string])[]; /** When the member is not there. */ usual?: string; write?: (draft: Draft, value: string) => Draft; read?: (draft: Draft) => string })
  | (Of & { as: "check"; /** When the member is not there. */ usual?: boolean; write?: (draft: Draft, on: boolean) => Draft; read?: (draft: Draft) => boolean })
  | (Of & { as: "set"; options: readonly string[] })
  | (Of & { as: "rest"; /** What the set beside it shows: not shown here. */ options: readonly string[]; usual?: string });

const isMap = (value: unknown): value is Draft => typeof value === "object" && value !== null && !Array.isArray(value);

/** A member of a member; undefined where there is none. */
export function member(draft: unknown, at: string): unknown {
  return at.split(".").reduce<unknown>((from, name) => (isMap(from) ? from[name] : undefined), draft);
}

/** The same with one member changed; undefined takes it away. What holds it becomes a map. */
export function withMember(draft: Draft, at: string, value: unknown): Draft {
  const [name = "", ...rest] = at.split(".");
  const inner = rest.length ? withMember(isMap(draft[name]) ? (draft[name] as Draft) : {}, rest.join("."), value) : value;
  const { [name]: _, ...others } = draft;
  return inner === undefined ? others : { ...draft, [name]: inner };
}

/** What makes `after` of `before` as a PATCH: members are merged at any depth, so what went must be sent as null, where it stood. */
export function patchOf(before: Draft, after: Draft): Draft {
  const changed = ([name, value]: [string, unknown]): [string, unknown] => {
    const was = before[name];
    return [name, isMap(was) && isMap(value) ? patchOf(was, value) : value];
  };
  const gone = Object.keys(before).filter((name) => !(name in after)).map((name) => [name, null]);
  return Object.fromEntries([...gone, ...Object.entries(after).map(changed)]) as Draft;
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)]);
const unlessEmpty = (list: string[]): string[] | undefined => (list.length ? list : undefined);

interface SheetProps {
  lines: readonly Line[];
  draft: Draft;
  /** The gate has its secret, which it does not tell. */
  secretSet: boolean;
  onChange: (draft: Draft) => void;
}

export function Sheet({ lines, draft, secretSet, onChange }: SheetProps) {
  const asked = lines.filter((line) => !line.unless?.(draft));
  const behind = asked.filter((line) => line.more);
  const { concernsAny } = useContext(Verdicts);
  const show = (line: Line) => <One key={`${line.at} ${line.as}`} line={line} draft={draft} secretSet={secretSet} onChange={onChange} />;
  return (
    <>
      {asked.filter((line) => !line.more).map(show)}
      {behind.length > 0 && (
        <details open={concernsAny(behind.map(nameOf)) || undefined}>
          <summary>More: {behind.map((line) => line.label[0]!.toLowerCase() + line.label.slice(1)).join(", ")}</summary>
          <div class="form">{behind.map(show)}</div>
        </details>
      )}
    </>
  );
}

const nameOf = (line: Line): string => line.told ?? line.at;

function One({ line, draft, secretSet, onChange }: Omit<SheetProps, "lines"> & { line: Line }) {
  const value = member(draft, line.at);
  const set = (next: unknown) => onChange(withMember(draft, line.at, next));
  const { label, hint } = line;
  const field = { name: nameOf(line), label, hint };
  switch (line.as) {
    case "choice": {
      const choose = (next: string) => (line.write ? onChange(line.write(draft, next)) : set(next === line.usual ? undefined : next));
      return <SelectField {...field} value={line.read?.(draft) ?? String(value ?? line.usual ?? "")} options={line.options} onChange={choose} />;
    }
    case "check": {
      const check = (on: boolean) => (line.write ? onChange(line.write(draft, on)) : set(on === !!line.usual ? undefined : on));
      return <CheckField {...field} checked={line.read?.(draft) ?? Boolean(value ?? line.usual)} onChange={check} />;
    }
    case "set": {
      const list = listOf(value);
      const others = list.filter((each) => !line.options.includes(each));
      return <SetField {...field} value={list} options={line.options} onChange={(next) => set(unlessEmpty([...line.options.filter((each) => next.includes(each)), ...others]))} />;
    }
    case "rest": {
      const [shown, rest] = [listOf(value).filter((each) => line.options.includes(each)), listOf(value).filter((each) => !line.options.includes(each))];
      return <Patterns {...field} list={rest} onChange={(next) => set(unlessEmpty([...shown, ...next]))} />;
    }
    case "words":
      return <Words {...field} list={listOf(value)} usual={line.usual} onChange={(next) => set(line.needed ? next : unlessEmpty(next))} />;
    case "number":
      return <TextField {...field} value={String(value ?? "")} placeholder={line.usual} onInput={(text) => set(text === "" ? undefined : /^\d+$/.test(text) ? Number(text) : text)} />;
    case "secret":
      return <TextField {...field} type="password" autoComplete="new-password" value={String(value ?? "")} placeholder={secretSet ? "set; empty leaves it as it is" : undefined} onInput={(text) => set(text || undefined)} />;
    case "text":
      return <TextField {...field} value={String(value ?? "")} required={line.needed} placeholder={line.usual} onInput={(text) => set(text || (line.needed ? "" : undefined))} />;
  }
}

interface TypedProps {
  name: string;
  label: string;
  hint?: string;
  list: string[];
  onChange: (list: string[]) => void;
}

/* Both show what was typed: neither a comma nor an empty line at its end is taken away while one types. */

function Words({ list, usual, onChange, ...field }: TypedProps & { usual?: string }) {
  return (
    <Field {...field}>
      {(wired) => <input {...wired} type="text" defaultValue={list.join(", ")} placeholder={usual} spellcheck={false} onInput={(event) => onChange(words(event.currentTarget.value))} />}
    </Field>
  );
}

function Patterns({ list, onChange, ...field }: TypedProps) {
  return (
    <Field {...field}>
      {(wired) => <textarea {...wired} rows={2} defaultValue={list.join("\n")} spellcheck={false} onInput={(event) => onChange(event.currentTarget.value.split("\n").filter(Boolean))} />}
    </Field>
  );
}
