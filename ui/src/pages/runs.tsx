// SPDX-License-Identifier: Apache-2.0
// Runs, and the bill of one: tokens and charges together, by everything they can be asked by; when what happened; and its stop.
import { useState } from "preact/hooks";

import { useList, useLoad, useUntilFound } from "../api";
import { Badge, Empty, Figure, Head, Id, Money, Panel, Tabs, Time, Trouble } from "../components/bits";
import { Chips, Choice, FilterBy, Search } from "../components/filters";
import { Icon } from "../components/icon";
import { foremost, openStop, resume, stops } from "../components/stop";
import { listProps, Table, Waiting, type Column } from "../components/table";
import { Timeline } from "../components/timeline";
import { count, nanos, plural, spanText, usd } from "../format";
import { useLive } from "../live";
import type { PageProps } from "../pages";
import { link } from "../router";
import { may } from "../session";
import { useCell } from "../store";
import type { Call, Group, Run, WholeRun } from "../types";
import { callColumns } from "./calls";

export function Runs({ id, query }: PageProps) {
  return id ? <OneRun key={id} id={id} /> : <AllRuns query={query} />;
}

const columns: Column<Run>[] = [
  { name: "run", title: "Run", wide: true, cell: (run) => <code>{run.run}</code> },
  { name: "state", title: "", cell: (run) => (run.stopped ? <Badge tone="bad">stopped</Badge> : null) },
  { name: "cost", title: "Cost", right: true, cell: (run) => <Money usd={run.total_usd} /> },
  { name: "doubt", title: "In doubt", right: true, minor: true, cell: (run) => (nanos(run.in_doubt_usd) ? <Money usd={run.in_doubt_usd} /> : <span class="quiet">–</span>) },
  { name: "calls", title: "Calls", right: true, minor: true, cell: (run) => count(run.calls) },
  { name: "refused", title: "Refused", right: true, cell: (run) => (run.refused ? count(run.refused) : <span class="quiet">0</span>) },
  { name: "tokens", title: "Tokens in / out", right: true, minor: true, cell: (run) => `${count(run.input_tokens)} / ${count(run.output_tokens)}` },
  { name: "workspace", title: "Workspace", minor: true, cell: (run) => run.workspace },
  { name: "first", title: "Began", minor: true, cell: (run) => <Time at={run.first_at} /> },
  { name: "last", title: "Last call", cell: (run) => <Time at={run.last_at} relative /> },
];

const since: readonly (readonly [string, string])[] = [["", "Any time"], ["1", "Last hour"], ["24", "Last day"], ["168", "Last week"]];
const fromOf = (hours: string | null): string | null => (hours ? new Date(Math.floor(Date.now() / 60_000) * 60_000 - Number(hours) * 3_600_000).toISOString() : null);

const filters: readonly (readonly [string, string])[] = [["key", "Key"], ["label", "Label"], ["workspace", "Workspace"], ["from", "From"], ["to", "To"]];

function AllRuns({ query }: { query: URLSearchParams }) {
  const list = useList<Run>("/runs", { q: query.get("q"), key: query.get("key"), label: query.get("label"), from: query.get("from") ?? fromOf(query.get("hours")), to: query.get("to"), workspace: query.get("workspace"), limit: 50 });
  useUntilFound(list);
  return (
    <div class="page">
      <Head title="Runs" lead="Everything that carried one x-agent-run-id: what it cost, tokens and charges together." />
      <div class="filters">
        <Search value={query.get("q")} label="Search runs by id" />
        <Choice name="hours" label="When" value={query.get("hours")} options={since} />
        <FilterBy names={filters} />
        <button onClick={list.reload}>Refresh</button>
      </div>
      <Chips query={query} names={filters} />
      <Panel flush>
        <Table label="Runs" columns={columns} {...listProps(list)} rowKey={(run) => `${run.workspace}/${run.run}`} href={(run) => link("runs", run.run)} tone={(run) => (run.stopped ? "refused" : undefined)}
          empty={query.size ? <Empty title="No run fits">Take a filter away, or search for less.</Empty> : <Empty title="No run yet">A run begins with the first call that carries the header <code>x-agent-run-id</code>.</Empty>} />
      </Panel>
    </div>
  );
}

/* ---- one ---- */

type By = "vendor" | "operation" | "model" | "step" | "key";
const bys: readonly (readonly [By, string])[] = [["step", "Step"], ["vendor", "Vendor"], ["operation", "Operation"], ["model", "Model"], ["key", "Key"]];

function OneRun({ id }: { id: string }) {
  const run = useLoad<WholeRun>(`/runs/${encodeURIComponent(id)}`);
  const calls = useList<Call>("/calls", { run: id, limit: 200 });
  const stop = foremost(useCell(stops).filter((each) => each.kind === "run" && each.value === id));
  useLive<Call>("call", (call) => {
    if (call.run !== id) return;
    calls.edit((rows) => (rows.some((row) => row.id === call.id) ? rows : [call, ...rows]));
    run.reload();
  });
  useLive("reopened", () => (run.reload(), calls.reload()));
  if (!run.data) {
    return <div class="page"><Head title={<code>{id}</code>} back={{ href: link("runs"), text: "Runs" }} />{run.error ? <Trouble of={run.error} retry={run.reload} /> : <Waiting />}</div>;
  }
  const { data } = run;
  const lasted = data.first_at && data.last_at ? new Date(data.last_at).getTime() - new Date(data.first_at).getTime() : 0;
  return (
    <div class="page">
      <Head back={{ href: link("runs"), text: "Runs" }} title={<><Id id={id} />{stop && <Badge tone="bad">stopped</Badge>}</>} lead={<>Began <Time at={data.first_at} />, last call <Time at={data.last_at} relative />.</>}>
        <a class="button" href={link("calls", null, { run: id })}>Its calls</a>
        {may("change") && (stop
          ? stop.liftable && <button onClick={() => void resume(stop)}>Resume this run</button>
          : <button class="danger quiet-danger" onClick={() => openStop({ kind: "run", value: id })}><Icon name="stop" /> Stop this run</button>)}
      </Head>
      {run.error && <Trouble of={run.error} retry={run.reload} />}
      <div class="figures">
        <Figure name="Cost" note={nanos(data.in_doubt_usd) ? <>and {usd(data.in_doubt_usd)} in doubt</> : "settled"}><Money usd={data.total_usd} /></Figure>
        <Figure name="Calls" note={`${count(data.forwarded)} forwarded`}>{count(data.calls)}</Figure>
        <Figure name="Refused" tone={data.refused ? "bad" : undefined}>{count(data.refused)}</Figure>
        <Figure name="Tokens in">{count(data.input_tokens)}</Figure>
        <Figure name="Tokens out">{count(data.output_tokens)}</Figure>
        <Figure name="Lasted">{lasted < 1000 ? "< 1 s" : spanText(lasted)}</Figure>
      </div>
      <Bill of={data} />
      <Panel title="Timeline" actions={<span class="quiet">{calls.hasMore ? `the latest ${plural(calls.rows.length, "call")}` : plural(calls.rows.length, "call")}</span>}>
        <Timeline calls={calls.rows} />
      </Panel>
      <Panel flush title="Calls">
        <Table label="Calls of this run" columns={callColumns.filter((column) => column.name !== "run")} {...listProps(calls)} rowKey={(call) => call.id} href={(call) => link("calls", call.id)}
          tone={(call) => (call.verdict === "denied" ? "refused" : call.verdict === "allowed" ? undefined : "trouble-row")} empty={<Empty title="No call is listed yet">Each stands here when it ends, refused ones too.</Empty>} />
      </Panel>
    </div>
  );
}

/** The bill; the sums of each view equal the total to the last digit. */
function Bill({ of }: { of: WholeRun }) {
  const [by, setBy] = useState<By>(of.by_step.some((row) => row.step) ? "step" : "vendor");
  const rows = of[`by_${by}`];
  const columns: Column<Group>[] = [
    { name: by, title: bys.find(([name]) => name === by)![1], wide: true, cell: (row) => (row[by] as string | null) ?? <span class="quiet">none</span>, sort: (row) => String(row[by] ?? "") },
    { name: "calls", title: "Calls", right: true, minor: true, cell: (row) => count(row.calls), sort: (row) => row.calls },
    { name: "refused", title: "Refused", right: true, minor: true, cell: (row) => (row.refused ? count(row.refused) : <span class="quiet">0</span>), sort: (row) => row.refused },
    { name: "in", title: "Tokens in", right: true, minor: true, cell: (row) => count(row.input_tokens), sort: (row) => row.input_tokens },
    { name: "out", title: "Tokens out", right: true, minor: true, cell: (row) => count(row.output_tokens), sort: (row) => row.output_tokens },
    { name: "doubt", title: "In doubt", right: true, minor: true, cell: (row) => (nanos(row.in_doubt_usd) ? <Money usd={row.in_doubt_usd} exact /> : <span class="quiet">–</span>), sort: (row) => nanos(row.in_doubt_usd) },
    { name: "cost", title: "Cost", right: true, cell: (row) => <Money usd={row.cost_usd} exact />, sort: (row) => nanos(row.cost_usd) },
  ];
  return (
    <Panel flush title="Bill" actions={<b class="num">Total {usd(of.total_usd, { exact: true })}</b>}>
      <Tabs label="Bill by" tabs={bys} at={by} onChange={setBy} />
      <Table label={`Bill by ${by}`} columns={columns} rows={rows} rowKey={(row) => String(row[by] ?? "")} empty={<Empty title="Nothing yet">The bill begins with the first call of this run that ends.</Empty>} />
    </Panel>
  );
}
