// SPDX-License-Identifier: Apache-2.0
// The audit chain: every call, what became of it later, and every change that a person made, one after the other, each bound to the one
// before it. It can be checked here, and offline with `tollgate audit verify`.
import { useState } from "preact/hooks";

import { download, get, useList, useLoad, type Problem } from "../api";
import { Badge, Empty, Facts, Head, Id, Json, Money, Panel, Time, Trouble, Verdict } from "../components/bits";
import { Dialog } from "../components/dialog";
import { listProps, Table, type Column } from "../components/table";
import { toastProblem } from "../components/toast";
import { count, plural } from "../format";
import type { PageProps } from "../pages";
import { link, setQuery } from "../router";
import { everywhere } from "../session";

interface Link {
  number: number;
  kind: "call" | "settlement" | "change" | "event";
  data: Record<string, unknown> & { id: string; at: string };
  prev_hash: string;
  hash: string;
}

interface Proved {
  valid: boolean;
  rows: number;
  checkpoints: number;
  signed_rows: number;
  key: string | null;
  bad: string | null;
  trouble: string | null;
}

interface Checkpoint {
  rows: number;
  at: string;
  hash: string;
  signature: string;
  key: string;
}

const kinds = (): readonly string[] => (everywhere() ? ["change", "call", "settlement", "event"] : ["call", "settlement", "event"]); // changes concern the whole gate
const filters = ["kind", "from", "to"] as const;

export function Audit({ query }: PageProps) {
  const [opened, open] = useState<Link | null>(null);
  const asked = { kind: query.get("kind") ?? kinds()[0]!, from: query.get("from"), to: query.get("to"), limit: 100 };
  const list = useList<Link>("/audit", { ...asked, kind: asked.kind === "all" ? null : asked.kind });
  const save = async (format: "jsonl" | "csv") => {
    try {
      await download("/audit/export", { format, kind: asked.kind === "all" ? null : asked.kind, from: asked.from, to: asked.to }, `audit.${format}`);
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <div class="page">
      <Head title="Audit" lead="Append-only: every call and every change, each row bound to the one before it by its hash.">
        {everywhere() && <button onClick={() => save("jsonl")}>Export JSON lines</button>}
        {everywhere() && <button onClick={() => save("csv")}>Export CSV</button>}
      </Head>
      {everywhere() && <Proof />}
      <div class="filters">
        <select aria-label="Kind of row" value={asked.kind} onChange={(event) => setQuery({ kind: event.currentTarget.value })}>
          {kinds().map((kind) => <option key={kind} value={kind}>{kind}s</option>)}
          <option value="all">all kinds</option>
        </select>
        {filters.slice(1).map((name) => (
          <input key={name} aria-label={name} placeholder={`${name} 2026-01-31`} value={query.get(name) ?? ""} onChange={(event) => setQuery({ [name]: event.currentTarget.value })} />
        ))}
      </div>
      <Panel flush>
        <Table label="Rows of the audit chain" columns={columnsFor(open)} {...listProps(list)} rowKey={(each) => String(each.number)}
          empty={<Empty title="No such row">Changes that people make by API, command line or this page stand here, with who and why.</Empty>} />
      </Panel>
      {everywhere() && <Checkpoints />}
      {opened && <Opened of={opened} onClose={() => open(null)} />}
    </div>
  );
}

const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));

const columnsFor = (open: (row: Link) => void): Column<Link>[] => [
  { name: "number", title: "No.", cell: (each) => <button class="plain" onClick={() => open(each)}>{count(each.number)}</button>, right: true },
  { name: "at", title: "When", cell: (each) => <Time at={each.data.at} /> },
  { name: "kind", title: "Kind", cell: (each) => <Badge tone={each.kind === "change" ? "info" : "plain"}>{each.kind}</Badge> },
  { name: "who", title: "Who", cell: (each) => text(each.data.actor ?? each.data.key_name) || "–" },
  { name: "what", title: "What", cell: (each) => <code>{text(each.data.action ?? each.data.operation) || "–"}</code> },
  { name: "object", title: "Of", cell: (each) => (each.kind === "call" ? <Verdict verdict={text(each.data.verdict)} denied={each.data.denied as string | null} /> : text(each.data.object ?? each.data.of)), minor: true },
  { name: "why", title: "Why", cell: (each) => text(each.data.reason), wide: true, minor: true },
  { name: "cost", title: "Cost", cell: (each) => (each.data.cost_usd ? <Money usd={text(each.data.cost_usd)} /> : ""), right: true, minor: true },
];

function Opened({ of, onClose }: { of: Link; onClose: () => void }) {
  const { data } = of;
  return (
    <Dialog open wide title={`Row ${count(of.number)}: ${text(data.action ?? data.operation ?? of.kind)}`} onClose={onClose}>
      <Facts of={[
        ["Id", of.kind === "call" ? <Id id={data.id} href={link("calls", data.id)} /> : <Id id={data.id} />],
        ["When", <Time at={data.at} />],
        ["Who", text(data.actor ?? data.key_name)],
        ["Why", text(data.reason)],
        ["Hash", <code class="hash">{of.hash}</code>],
        ["Of the row before", <code class="hash">{of.prev_hash}</code>],
      ]} />
      {of.kind === "change" && <div class="columns"><Panel title="Before"><Json value={data.before ?? null} /></Panel><Panel title="After"><Json value={data.after ?? null} /></Panel></div>}
      {of.kind !== "change" && <Json value={Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null && JSON.stringify(value) !== "[]" && JSON.stringify(value) !== "{}"))} />}
    </Dialog>
  );
}

function Proof() {
  const [state, setState] = useState<{ busy: boolean; found: Proved | null; problem: Problem | null }>({ busy: false, found: null, problem: null });
  const verify = async () => {
    setState({ busy: true, found: null, problem: null });
    try {
      setState({ busy: false, found: await get<Proved>("/audit/verify"), problem: null });
    } catch (problem) {
      setState({ busy: false, found: null, problem: problem as Problem });
    }
  };
  const { found } = state;
  return (
    <Panel title="Proof" actions={<button class="primary" onClick={verify} disabled={state.busy}>{state.busy ? "Checking every row…" : "Verify the chain"}</button>}>
      {state.problem && <Trouble of={state.problem} retry={verify} />}
      <div role="status">
        {found?.valid && <p><Badge tone="good">unbroken</Badge> {plural(found.rows, "row")} checked, {plural(found.checkpoints, "signed checkpoint")} over {count(found.signed_rows)} of them.</p>}
        {found && !found.valid && <p><Badge tone="bad">broken</Badge> {found.trouble}{found.bad && <> at <code>{found.bad}</code></>}. Keep this database as it is, and compare it with your exports.</p>}
        {!found && !state.problem && <p class="quiet">Every hash is computed anew, and every signature checked. The same works without this gate: <code>tollgate audit verify FILE</code>.</p>}
      </div>
    </Panel>
  );
}

function Checkpoints() {
  const { data } = useLoad<{ data: Checkpoint[] }>("/audit/checkpoints", { limit: 5 });
  if (!data?.data.length) return null;
  return (
    <Panel title="Signed checkpoints" flush>
      <Table label="Signed checkpoints" rows={data.data} rowKey={(each) => String(each.rows)} empty={null}
        columns={[
          { name: "rows", title: "Rows", cell: (each) => count(each.rows), right: true },
          { name: "at", title: "Signed", cell: (each) => <Time at={each.at} /> },
          { name: "hash", title: "Hash", cell: (each) => <code class="hash">{each.hash}</code>, wide: true },
          { name: "key", title: "Key", cell: (each) => <code class="hash">{each.key.slice(0, 16)}…</code>, minor: true },
        ]} />
    </Panel>
  );
}
