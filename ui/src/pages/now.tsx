// SPDX-License-Identifier: Apache-2.0
// What is being spent, by whom, and what wants a look: at a glance, live.
import { useState } from "preact/hooks";

import { useLoad } from "../api";
import { Badge, Bar, Empty, Figure, Head, Money, Panel, Time, Trouble } from "../components/bits";
import { Icon } from "../components/icon";
import { openStop, stops } from "../components/stop";
import { Plot } from "../components/plot";
import { Table, Waiting, type Column } from "../components/table";
import { count, nanos, percent, plural, usd } from "../format";
import { useLive } from "../live";
import { link } from "../router";
import { may } from "../session";
import { useCell } from "../store";
import type { Cap, NowAnswer, NowTick, Rate, Top } from "../types";

const SHOWN = 300; // seconds

/** What GET /now said, and each second since. */
function useNow() {
  const loaded = useLoad<NowAnswer>("/now", {}, { every: 5000 });
  const [ticks, setTicks] = useState<NowTick[]>([]);
  useLive<NowTick>("now", (tick) => setTicks((before) => [...before.slice(-(SHOWN - 1)), tick]));
  useLive("reopened", loaded.reload);
  const last = ticks.at(-1);
  const known = loaded.data?.rates ?? [];
  const end = known.at(-1)?.at ?? "";
  const rates: Rate[] = [...known, ...ticks.filter((tick) => tick.at > end)].slice(-SHOWN);
  return { ...loaded, rates, last };
}

export function Now() {
  const { data, error, loading, reload, rates, last } = useNow();
  if (!data) return <div class="page"><Head title="Now" />{error ? <Trouble of={error} retry={reload} /> : loading && <Waiting />}</div>;
  const doubts = last?.in_doubt_count ?? data.in_doubt.count;
  const minute = rates.slice(-60);
  const sum = (what: "calls" | "refused" | "errors") => minute.reduce((all, rate) => all + rate[what], 0);
  return (
    <div class="page">
      <Head title="Now" lead="What is being spent, by whom, and what wants a look." />
      {error && <Trouble of={error} retry={reload} />}
      <Alarms of={data} doubts={doubts} />
      <div class="figures">
        <Figure name="Today" note={<>{usd(data.spend.hour_usd)} this hour</>}><Money usd={data.spend.today_usd} /></Figure>
        <Figure name="This month"><Money usd={data.spend.month_usd} /></Figure>
        <Figure name="Last minute" note={plural(sum("calls"), "call")}><Money usd={data.spend.minute_usd} /></Figure>
        <Figure name="Refused, last minute" tone={sum("refused") ? "bad" : sum("errors") ? "warn" : undefined} note={plural(sum("errors"), "error")}>{count(sum("refused"))}</Figure>
        <Figure name="Under way" note={<>{usd(last?.held_usd ?? data.held_usd)} held</>}>{count(last?.open_calls ?? data.open_calls)}</Figure>
        <Figure name="In doubt" tone={doubts ? "warn" : undefined} note={doubts ? <a href={link("calls", null, { verdict: "in_doubt" })}>{usd(data.in_doubt.usd)} held for them</a> : "every outcome is known"}>{count(doubts)}</Figure>
      </div>
      <div class="columns plots">
        <Panel title="Calls per second">
          <Plot label="Calls per second, the last five minutes" at={rates.map((rate) => rate.at)} series={[
            { name: "calls", values: rates.map((rate) => rate.calls), fill: true },
            { name: "refused", values: rates.map((rate) => rate.refused), colour: "--series-bad" },
            { name: "errors", values: rates.map((rate) => rate.errors), colour: "--series-2" },
          ]} />
        </Panel>
        <Panel title="Spend per second">
          <Plot label="Dollars per second, the last five minutes" unit="usd" at={rates.map((rate) => rate.at)} series={[{ name: "spent", values: rates.map((rate) => Number(nanos(rate.cost_usd)) / 1e9), colour: "--series-3", fill: true }]} />
        </Panel>
      </div>
      <Panel flush title="Nearest to their limit" actions={<a href={link("budgets")}>All budgets</a>}>
        <Table label="Budgets nearest to their limit" columns={caps} rows={data.caps} rowKey={(cap) => cap.account}
          empty={<Empty title="No budget has been used yet">Here stand the accounts that are nearest to their limit.</Empty>} />
      </Panel>
      <div class="columns thirds">
        <Best title="Keys today" page="keys" stop="key" rows={data.top.keys} />
        <Best title="Runs today" page="runs" stop="run" rows={data.top.runs} />
        <Best title="Vendors today" page="calls" stop="vendor" rows={data.top.vendors} />
      </div>
    </div>
  );
}

const TIGHT = 80, FULL = 95; // percent of a limit

/** First what wants a look, in words; if nothing does, that. */
function Alarms({ of, doubts }: { of: NowAnswer; doubts: number }) {
  const stopped = useCell(stops).length;
  const tight = of.caps.filter((cap) => cap.percent >= TIGHT);
  if (of.alarms.length + of.approvals_waiting + tight.length + doubts + stopped === 0)
    return <p class="note good"><Icon name="check" /> All is well: no alarm, nothing is stopped or in doubt, nobody waits, no budget is above {TIGHT}%.</p>;
  if (of.alarms.length + of.approvals_waiting + tight.length === 0) return null; // the banner and the figure say the rest
  return (
    <Panel>
      <ul class="alarms">
        {tight.slice(0, 3).map((cap) => <li key={cap.account} class={cap.percent >= FULL ? "bad" : undefined}><Icon name="gauge" /> <span><a href={link("budgets", cap.budget)}>{subjectOf(cap)}</a> is at {percent(cap.percent)} of {amount(cap.unit, cap.limit)}{cap.unit !== "usd" && ` ${cap.unit}`} {windowOf(cap)}</span></li>)}
        {tight.length > 3 && <li><Icon name="gauge" /> <span>and {plural(tight.length - 3, "more budget")} above {TIGHT}%</span></li>}
        {of.approvals_waiting > 0 && <li><Icon name="hand" /> <a href={link("approvals")}>{plural(of.approvals_waiting, "call waits", "calls wait")} for a person</a></li>}
        {of.alarms.map((alarm) => <li key={alarm.code}><Icon name="warn" /> <span>{alarm.text}</span>{alarm.since && <span class="quiet"> since <Time at={alarm.since} /></span>}</li>)}
      </ul>
    </Panel>
  );
}

const subjectOf = (cap: Cap): string => (cap.subject ?? cap.budget).replace(/^key:/, "").replace(" run=", " · ");

/** What a budget's id says of its window and of what it counts: "key_1/usd/day,vendor=stripe" is "per day, vendor stripe". One with a name says nothing. */
function windowOf(cap: Cap): string {
  const [window, ...filters] = cap.budget.split("/").slice(2).join("/").split(",");
  return window ? [window === "total" ? "in total" : `per ${window}`, ...filters.map((each) => each.replace("=", " "))].join(", ") : "";
}

const amount = (unit: string, value: string | number): string => (unit === "usd" ? usd(String(value)) : count(value));
const share = (cap: Cap, value: string | number): number => (Number(cap.limit) > 0 ? (100 * Number(value)) / Number(cap.limit) : 0);

const caps: Column<Cap>[] = [
  { name: "subject", title: "Budget", cell: (cap) => <><a href={link("budgets", cap.budget)}>{subjectOf(cap)}</a> <span class="quiet">{windowOf(cap)}</span></>, wide: true },
  { name: "used", title: "Used", cell: (cap) => <Bar label={`${cap.subject ?? cap.budget}: ${percent(cap.percent)} of the limit`} spent={share(cap, cap.spent)} held={share(cap, cap.reserved)} /> },
  { name: "percent", title: "", right: true, cell: (cap) => <Badge tone={cap.percent >= FULL ? "bad" : cap.percent >= TIGHT ? "warn" : "plain"}>{percent(cap.percent)}</Badge> },
  { name: "spent", title: "Spent", right: true, minor: true, cell: (cap) => amount(cap.unit, cap.spent) },
  { name: "reserved", title: "Held", right: true, minor: true, cell: (cap) => (Number(cap.reserved) ? amount(cap.unit, cap.reserved) : <span class="quiet">–</span>) },
  { name: "limit", title: "Limit", right: true, cell: (cap) => <>{amount(cap.unit, cap.limit)}{cap.unit !== "usd" && ` ${cap.unit}`}</> },
  { name: "full", title: "Full at this pace", minor: true, cell: (cap) => (cap.full_at ? <Time at={cap.full_at} relative /> : <span class="quiet">no</span>) },
  { name: "resets", title: "Resets", minor: true, cell: (cap) => <Time at={cap.resets_at} relative /> },
];

function Best({ title, page, stop, rows }: { title: string; page: "keys" | "runs" | "calls"; stop: "key" | "run" | "vendor"; rows: Top[] }) {
  const columns: Column<Top>[] = [
    { name: "name", title: stop[0]!.toUpperCase() + stop.slice(1), wide: true, cell: (row) => row.name ?? "–" },
    { name: "calls", title: "Calls", right: true, cell: (row) => count(row.calls) },
    { name: "cost", title: "Cost", right: true, cell: (row) => <Money usd={row.cost_usd} /> },
    ...(may("change") ? [{ name: "stop", title: <span class="hidden">Stop</span>, right: true, cell: (row: Top) => row.name && <button class="icon-button stop-row" aria-label={`Stop ${stop} ${row.name}`} title={`Stop ${stop} ${row.name}`} onClick={() => openStop({ kind: stop, value: row.name! })}><Icon name="stop" /></button> }] : []),
  ];
  return (
    <Panel flush title={title}>
      <Table label={title} columns={columns} rows={rows} rowKey={(row) => row.id ?? row.name ?? ""}
        href={(row) => (page === "calls" ? link("calls", null, { vendor: row.name }) : link(page, row.id ?? row.name))}
        empty={<Empty title="Nothing yet today">Point an agent's SDK at this gate and give it a key: what it spends stands here.</Empty>} />
    </Panel>
  );
}
