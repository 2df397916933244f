// SPDX-License-Identifier: Apache-2.0
// The red button, from every page: what to stop is preset by where one is, so that two clicks stop it. What is stopped stands on top of
// every page with what was refused and forwarded since, measured anew each second, so that nobody presses again.
import { useEffect, useState } from "preact/hooks";

import { get, post, type Page } from "../api";
import { ago, count } from "../format";
import { useLive } from "../live";
import { link, parse } from "../router";
import { everywhere, may, session } from "../session";
import { cell, useCell } from "../store";
import { Time, useTick } from "./bits";
import { Dialog } from "./dialog";
import { Form, SelectField, TextField, CheckField } from "./form";
import { Icon } from "./icon";
import { toast, toastProblem } from "./toast";

export type Scope = "run" | "key" | "vendor" | "workspace" | "link" | "all";

/** A stop in force, as GET /stops has it. */
export interface Stop {
  id: string;
  kind: Scope;
  value: string | null;
  key_name?: string;
  code: string;
  reason: string | null;
  by: string | null;
  liftable: boolean; // not by a workspace's people, where the gate's operators set it
  writes_only: boolean;
  mode: "cut" | "drain";
  created_at: string | null;
  expires_at: string | null;
  refused_since: number;
  forwarded_since: number | null;
}

export const stops = cell<Stop[]>([]);

export async function readStops(): Promise<void> {
  try {
    stops.set((await get<Page<Stop>>("/stops")).data.filter((stop) => stop.code === "stopped"));
  } catch {
    /* the last known ones go on being shown; the frame says that the gate is away */
  }
}

/** What lifts or makes a stop of this: { run: "run_7" } or { all: true }. */
const subject = (kind: Scope, value: string | null): Record<string, unknown> => ({ [kind]: kind === "all" ? true : value });

export const stopName = ({ kind, value, key_name }: Pick<Stop, "kind" | "value" | "key_name">): string =>
  kind === "all" ? "everything" : kind === "link" ? `links of ${value}` : `${kind} ${key_name ?? value ?? ""}`;

export async function resume(stop: Stop): Promise<void> {
  try {
    const { remaining } = await post<{ remaining: Stop[] }>("/resume", subject(stop.kind, stop.value));
    const [other] = remaining;
    toast(other ? `Lifted; ${stopName(stop)} stays stopped${other.by ? ` by ${other.by}` : ""}.` : `Resumed: ${stopName(stop)}.`);
  } catch (error) {
    toastProblem(error);
  }
  await readStops();
}

/** "0 forwarded since, 41 refused since": what counts is that it holds. */
export function Since({ stop }: { stop: Stop }) {
  return (
    <span class="since">
      <b>{stop.forwarded_since === null ? "–" : count(stop.forwarded_since)}</b> forwarded since, <b>{count(stop.refused_since)}</b> refused since
    </span>
  );
}

function useStops(): Stop[] {
  const list = useCell(stops);
  useLive("stop", () => void readStops());
  useLive("resume", () => void readStops());
  useLive("reopened", () => void readStops());
  const held = list.length > 0;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || void readStops(), held ? 1000 : 15_000);
    return () => clearInterval(timer);
  }, [held]);
  return list;
}

export function StopBanner() {
  const list = useStops();
  useEffect(() => void readStops(), []);
  useTick(list.length > 0);
  if (list.length === 0) return null;
  return (
    <section class="stops" aria-label="Stopped">
      <ul>
        {list.map((stop) => (
          <li key={stop.id}>
            <span class="what">
              <Icon name="stop" /> {stop.writes_only ? "Writes stopped: " : "Stopped: "}
              {stop.kind === "run" && stop.value ? <a href={link("runs", stop.value)}>run {stop.value}</a> : stopName(stop)}
            </span>
            <span class="quiet why" title={stop.reason ?? undefined}>
              {ago(stop.created_at)}{stop.expires_at && <>, until <Time at={stop.expires_at} /></>}{stop.by && <>, by <span>{stop.by}</span></>}{stop.reason && <> · <span>{stop.reason}</span></>}
            </span>
            <Since stop={stop} />
            {may("change") && stop.liftable && <button class="small" onClick={() => void resume(stop)} aria-label={`Resume ${stopName(stop)}`}>Resume</button>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Of several on one thing, the one that can be lifted here. */
export const foremost = (list: readonly Stop[]): Stop | undefined => list.find((stop) => stop.liftable) ?? list[0];

/* ---- the dialog ---- */

interface Target {
  kind: Scope;
  value: string;
}

const asked = cell<Target | null>(null);

/** Opens the dialog; without a target it takes what the page at hand shows. */
export function openStop(target?: Target): void {
  if (may("change")) asked.set(target ?? targetOfPage());
}

function targetOfPage(): Target {
  const { page, id, query } = parse(location.hash);
  if (page === "runs" && id) return { kind: "run", value: id };
  if (page === "keys" && id) return { kind: "key", value: id };
  if (page === "vendors" && id) return { kind: "vendor", value: id.split("/")[0]! };
  for (const kind of ["run", "key", "vendor"] as const) {
    const value = query.get(kind);
    if (value) return { kind, value };
  }
  return { kind: session.get()?.actor.workspace ? "workspace" : "all", value: session.get()?.actor.workspace ?? "" };
}

export function StopDialog() {
  const target = useCell(asked);
  const [done, setDone] = useState<Target | null>(null);
  const close = () => (asked.set(null), setDone(null));
  return (
    <Dialog open={target !== null} title={done ? "Stopped" : "Stop"} onClose={close}>
      {done ? <Done target={done} close={close} /> : target && <Ask target={target} close={close} done={setDone} />}
    </Dialog>
  );
}

const scopes: readonly (readonly [Scope, string])[] = [["run", "Run"], ["key", "Key"], ["workspace", "Workspace"], ["vendor", "Vendor"], ["all", "Everything"]];
const whole: readonly Scope[] = ["vendor", "all"]; // reach beyond a workspace

const spans: readonly (readonly [string, string])[] = [["", "Until resumed"], ["15", "15 minutes"], ["60", "1 hour"], ["240", "4 hours"], ["1440", "1 day"]];

/** Names to choose from; a run that is not listed may be typed. */
function useNames(kind: Scope): string[] {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    let on = true;
    const path = { run: "/runs", key: "/keys", vendor: "/usage", workspace: "/keys", link: null, all: null }[kind];
    setNames([]);
    if (!path) return undefined;
    void get<Page<Record<string, string | null>>>(path, path === "/usage" ? { by: "vendor", window: "month" } : { limit: 200 }).then(
      ({ data }) => on && setNames([...new Set(data.map((row) => (kind === "key" ? row.name : row[kind])).filter((name): name is string => !!name))].sort()),
      () => {},
    );
    return () => void (on = false);
  }, [kind]);
  return names;
}

function Ask({ target, close, done }: { target: Target; close: () => void; done: (target: Target) => void }) {
  const [kind, setKind] = useState<Scope>(target.kind);
  const [value, setValue] = useState(target.value);
  const [writes, setWrites] = useState(false);
  const [reason, setReason] = useState("");
  const [by, setBy] = useState(session.get()?.actor.name ?? "");
  const [span, setSpan] = useState("");
  const [mode, setMode] = useState("cut");
  const names = useNames(kind);
  const submit = async () => {
    await post("/stop", {
      ...subject(kind, value.trim()), mode,
      ...(writes ? { writes_only: true } : {}), ...(reason ? { reason } : {}), ...(by ? { by } : {}),
      ...(span ? { expires_at: new Date(Date.now() + Number(span) * 60_000).toISOString() } : {}),
    });
    await readStops();
    done({ kind, value: value.trim() });
  };
  const choose = (next: Scope) => {
    setKind(next);
    setValue(next === target.kind ? target.value : "");
  };
  return (
    <Form onSubmit={submit} verb={writes ? "Stop writes now" : "Stop now"} danger onCancel={close} disabled={kind !== "all" && !value.trim()}>
      <fieldset>
        <legend>What</legend>
        <div class="choices">
          {scopes.filter(([each]) => everywhere() || !whole.includes(each)).map(([each, text]) => (
            <label key={each}><input type="radio" name="scope" checked={kind === each} onChange={() => choose(each)} /> {text}</label>
          ))}
        </div>
      </fieldset>
      {kind !== "all" && <TextField name={kind} label={scopes.find(([each]) => each === kind)![1]} value={value} onInput={setValue} suggestions={names} required />}
      <CheckField name="writes_only" label="Writes only: reads that cost nothing still pass" checked={writes} onChange={setWrites} />
      <TextField name="reason" label="Reason" value={reason} onInput={setReason} placeholder="What happened" />
      <div class="pair">
        <TextField name="by" label="Owner" value={by} onInput={setBy} />
        <SelectField name="expires_at" label="For" value={span} onChange={setSpan} options={spans} />
        <SelectField name="mode" label="Calls under way" value={mode} onChange={setMode} options={[["cut", "Cut them"], ["drain", "Let them end"]]} />
      </div>
    </Form>
  );
}

const matches = (stop: Stop, { kind, value }: Target): boolean => stop.kind === kind && (kind === "all" || stop.value === value || stop.key_name === value);

function Done({ target, close }: { target: Target; close: () => void }) {
  const stop = foremost(useCell(stops).filter((each) => matches(each, target)));
  useTick();
  return (
    <>
      <div class="stop-done" role="status">
        <b>{stop ? `${stop.writes_only ? "Writes of " : ""}${stopName(stop)}` : target.value}</b>
        {stop ? <span class="figure-value"><Since stop={stop} /></span> : <span>No longer stopped.</span>}
        {stop && <span class="quiet">Stopped {ago(stop.created_at)}{stop.expires_at ? <>, until <Time at={stop.expires_at} /></> : ", until resumed"}.</span>}
      </div>
      <footer>
        {stop?.liftable && <button onClick={() => void resume(stop)}>Resume</button>}
        <button class="primary" onClick={close}>Close</button>
      </footer>
    </>
  );
}
