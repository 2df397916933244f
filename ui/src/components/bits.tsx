// SPDX-License-Identifier: Apache-2.0
// Small things that many pages show: money, times, states, bars, pairs of name and value.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import type { Problem } from "../api";
import { ago, clock, jsonText, usd } from "../format";
import { Icon } from "./icon";

/** Decimal text as dollars; the exact amount is its title. */
export function Money({ usd: text, exact }: { usd: string | null | undefined; exact?: boolean }) {
  return <span class="num" title={text ? `$${text}` : undefined}>{usd(text, { exact })}</span>;
}

let ticking = new Set<() => void>();
setInterval(() => ticking.forEach((tick) => tick()), 1000);

/** Renders again each second. */
export function useTick(on = true): void {
  const [, setTurn] = useState(0);
  useEffect(() => {
    if (!on) return undefined;
    const tick = () => setTurn((n) => n + 1);
    ticking.add(tick);
    return () => void ticking.delete(tick);
  }, [on]);
}

/** A moment: the clock, or (relative) how long ago; the whole is its title. */
export function Time({ at, relative }: { at: string | null | undefined; relative?: boolean }) {
  useTick(!!relative);
  if (!at) return <span class="quiet">–</span>;
  return <time class="num" dateTime={at} title={`${new Date(at).toString()} (${at})`}>{relative ? ago(at) : clock(at)}</time>;
}

/** A long text in a table: its beginning; the whole is its title. */
export const Cut = ({ text }: { text: string }) => <span class="cut" title={text}>{text}</span>;

/** openai.chat.completions: where there is no room it breaks behind a dot. */
export const Dotted = ({ name }: { name: string }) => <>{name.split(/(?<=\.)/).map((part, at) => (at ? [<wbr key={at} />, part] : part))}</>;

export type Tone = "good" | "bad" | "warn" | "info" | "plain";

export function Badge({ tone = "plain", children, title }: { tone?: Tone; children: ComponentChildren; title?: string }) {
  return <span class={`badge ${tone}`} title={title}>{children}</span>;
}

const verdicts: Record<string, Tone> = { allowed: "good", denied: "bad", error: "warn", in_doubt: "warn" };
export const Verdict = ({ verdict, denied }: { verdict: string; denied?: string | null }) => (
  <Badge tone={verdicts[verdict] ?? "plain"}>{denied ? denied.replaceAll("_", " ") : verdict.replaceAll("_", " ")}</Badge>
);

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      fallback(text); // no secure context
    }
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return <button type="button" class="icon-button copy" aria-label={done ? "Copied" : `${label}: ${text.slice(0, 40)}`} title={label} onClick={copy}><Icon name={done ? "check" : "copy"} /></button>;
}

function fallback(text: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** An identifier: monospaced, and copied with a click. */
export const Id = ({ id, href }: { id: string; href?: string }) => (
  <span class="id">{href ? <a href={href}><code>{id}</code></a> : <code>{id}</code>}<Copy text={id} /></span>
);

/** What is spent (full), held (hatched) and left of a limit. All in percent of the limit. */
export function Bar({ spent, held = 0, label }: { spent: number; held?: number; label: string }) {
  const full = Math.min(100, Math.max(0, spent));
  const rest = Math.min(100 - full, Math.max(0, held));
  const tone = spent + held >= 95 ? "bad" : spent + held >= 80 ? "warn" : "good";
  return (
    <div class={`bar ${tone}`} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(spent + held)}>
      <i style={{ width: `${full}%` }} /><b style={{ width: `${rest}%` }} />
    </div>
  );
}

/** Name and value, one below the other. A value that is null or undefined is left out. */
export function Facts({ of }: { of: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false).map(([name, value]) => (
        <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}

/** A number that matters, with its name. */
export function Figure({ name, children, note, tone }: { name: string; children: ComponentChildren; note?: ComponentChildren; tone?: Tone }) {
  return (
    <div class={`figure ${tone ?? ""}`}>
      <span class="figure-name">{name}</span>
      <span class="figure-value num">{children}</span>
      {note && <span class="figure-note">{note}</span>}
    </div>
  );
}

export const Json = ({ value }: { value: unknown }) => <pre class="json" tabIndex={0}>{jsonText(value)}</pre>;

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><p><b>{title}</b></p>{children && <p>{children}</p>}</div>;
}

export function Trouble({ of, retry }: { of: Problem; retry?: () => void }) {
  return (
    <p class="trouble" role="alert"><Icon name="warn" /> <span>{of.field && <b>{of.field}: </b>}{of.message}</span> {retry && <button onClick={retry}>Try again</button>}</p>
  );
}

/** The head of a page: its name, a line on what it answers, and what can be done. */
export function Head({ title, lead, children, back }: { title: ComponentChildren; lead?: ComponentChildren; children?: ComponentChildren; back?: { href: string; text: string } }) {
  return (
    <header class="page-head">
      <div>
        {back && <a class="back" href={back.href}>‹ {back.text}</a>}
        <h1>{title}</h1>
        {lead && <p class="lead">{lead}</p>}
      </div>
      {children && <div class="row">{children}</div>}
    </header>
  );
}

export function Panel({ title, children, actions, flush }: { title?: ComponentChildren; children: ComponentChildren; actions?: ComponentChildren; flush?: boolean }) {
  return (
    <section class={`panel${flush ? " flush" : ""}`}>
      {title && <header><h2>{title}</h2>{actions && <div class="row">{actions}</div>}</header>}
      {children}
    </section>
  );
}

/** One of several views of the same thing. */
export function Tabs<T extends string>({ tabs, at, onChange, label }: { tabs: readonly (readonly [T, string])[]; at: T; onChange: (tab: T) => void; label: string }) {
  const pressed = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const now = tabs.findIndex(([name]) => name === at);
    const next = tabs[(now + step + tabs.length) % tabs.length];
    if (!step || !next) return;
    onChange(next[0]);
    (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=tab]")[(now + step + tabs.length) % tabs.length]?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={pressed}>
      {tabs.map(([name, text]) => (
        <button key={name} role="tab" type="button" aria-selected={name === at} tabIndex={name === at ? 0 : -1} onClick={() => onChange(name)}>{text}</button>
      ))}
    </div>
  );
}
