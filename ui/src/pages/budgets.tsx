// SPDX-License-Identifier: Apache-2.0
// Budgets: what is spent, held and left of each limit, how it burns down, and when it would be used up.
import { useEffect, useState } from "preact/hooks";

import { post, Problem, remove, useList, useLoad, useWhole, type Page } from "../api";
import { Badge, Bar, Empty, Facts, Figure, Head, Money, Panel, Time, Trouble } from "../components/bits";
import { Dialog } from "../components/dialog";
import { Search } from "../components/filters";
import { Form, SelectField, TextField } from "../components/form";
import { Plot } from "../components/plot";
import { listProps, Partly, Table, Waiting, type Column } from "../components/table";
import { toast, toastProblem } from "../components/toast";
import { units, windows } from "../components/budgets";
import { count, plural, usd } from "../format";
import { useLive } from "../live";
import type { PageProps } from "../pages";
import { go, link } from "../router";
import { may } from "../session";

interface Account {
  account: string;
  limit?: number;
  limit_usd?: string;
  spent?: number;
  spent_usd?: string;
  reserved?: number;
  reserved_usd?: string;
  in_doubt_usd?: string;
  remaining?: number;
  remaining_usd?: string;
  percent: number | null;
  forecast_at: string | null;
  resets_at: string | null;
}

interface Budget {
  id: string;
  owner: string;
  unit: string;
  limit?: number;
  limit_usd?: string;
  increase?: number;
  increase_usd?: string;
  increase_until: string | null;
  window: string;
  timezone: string;
  vendor: string | null;
  operation: string | null;
  model: string | null;
  scopes: Record<string, string>;
  metadata: Record<string, string>;
  per: string[];
  soft: boolean;
  refunds: string;
  on_tight: string;
  account_count: number;
  accounts: Account[];
}

const PAGE = 1000; // the most that the gate gives at once

export function Budgets({ id, query }: PageProps) {
  if (id === "new") return <NewBudget />;
  return id ? <OneBudget id={id} /> : <AllBudgets query={query} />;
}

/** In the budget's own unit: dollars or a number. */
const amount = (of: object, name: string): string => {
  const values = of as Record<string, string | number | null | undefined>;
  const dollars = values[`${name}_usd`];
  return dollars !== undefined ? usd(dollars as string | null) : count(values[name] as number | null | undefined);
};

const fullest = (budget: Budget): Account | undefined => budget.accounts.reduce<Account | undefined>((most, each) => (!most || (each.percent ?? 0) > (most.percent ?? 0) ? each : most), undefined);
const percentOf = (budget: Budget): number => fullest(budget)?.percent ?? 0;

function narrowed(budget: Budget): string {
  const parts = [budget.vendor, budget.operation, budget.model, ...Object.entries(budget.scopes).map(([name, value]) => `${name} ${value}`), ...Object.entries(budget.metadata).map(([name, value]) => `${name}=${value}`)];
  return [...parts.filter(Boolean), ...budget.per.map((each) => `each ${each}`)].join(", ");
}

function Owner({ of }: { of: string }) {
  const [kind, name] = of.split(":", 2);
  if (kind === "key") return <a href={link("keys", null, { q: name })}>{name}</a>;
  return <span>{of}</span>;
}

/* ---- all of them ---- */

function AllBudgets({ query }: { query: URLSearchParams }) {
  const list = useList<Budget>("/budgets", { limit: PAGE });
  const [all, setAll] = useState(false);
  const wanted = (query.get("q") ?? "").toLowerCase();
  useWhole(list, all || !!wanted);
  const rows = list.rows.filter((each) => !wanted || `${each.id} ${each.owner} ${narrowed(each)}`.toLowerCase().includes(wanted)).sort((a, b) => percentOf(b) - percentOf(a));
  useLive("config", list.reload);
  return (
    <div class="page">
      <Head title="Budgets" lead="Settled and held together never pass a limit. The fullest come first.">
        {may("money") && <a class="button primary" href={link("budgets", "new")}>Create budget</a>}
      </Head>
      <div class="filters">
        <Search value={query.get("q")} label="Search budgets by owner, vendor, model or scope" />
        <button onClick={list.reload}>Refresh</button>
      </div>
      <Partly list={list} what="budgets" readAll={() => setAll(true)} />
      <Panel flush>
        <Table label="Budgets" columns={columns} {...listProps(list)} rows={rows} rowKey={(each) => each.id} href={(each) => link("budgets", each.id)}
          empty={wanted ? <Empty title="No budget like this">None has “{query.get("q")}” in its id, owner, or what it counts.</Empty> : <Empty title="No budget">A budget is a limit over a window, for a key, a workspace, or anything else that is counted. Without one nothing bounds what is spent.</Empty>} />
      </Panel>
    </div>
  );
}

const columns: Column<Budget>[] = [
  { name: "owner", title: "Of", cell: (each) => <b>{each.owner.replace(/^key:/, "")}</b>, sort: (each) => each.owner },
  { name: "limit", title: "Limit", cell: (each) => <>{amount(each, "limit")} {each.unit === "usd" ? "" : each.unit}</>, right: true },
  { name: "window", title: "Per", cell: (each) => each.window },
  { name: "narrowed", title: "Counts", cell: (each) => narrowed(each) || "everything", wide: true, minor: true },
  { name: "used", title: "Used", cell: (each) => <Used of={each} />, sort: percentOf },
  { name: "percent", title: "%", cell: (each) => (fullest(each) ? `${percentOf(each)}%` : "–"), right: true, minor: true, sort: percentOf },
  { name: "full", title: "Full at this pace", cell: (each) => <Time at={fullest(each)?.forecast_at} relative />, right: true, minor: true },
  { name: "resets", title: "Resets", cell: (each) => <Time at={fullest(each)?.resets_at} relative />, right: true, minor: true },
];

const share = (account: Account, name: "spent" | "reserved"): number => {
  const values = account as unknown as Record<string, string | number | undefined>;
  const of = Number(values.limit_usd ?? values.limit ?? 0);
  return of > 0 ? (Number(values[`${name}_usd`] ?? values[name] ?? 0) / of) * 100 : 0;
};

function Used({ of }: { of: Budget }) {
  const most = fullest(of);
  if (!most) return <span class="quiet">nothing yet</span>;
  return <><Bar spent={share(most, "spent")} held={share(most, "reserved")} label={`Used of ${of.id}`} />{of.account_count > 1 && <small class="quiet">fullest of {count(of.account_count)}</small>}</>;
}

/* ---- one ---- */

interface Forecast {
  account: string | null;
  window_start: string | null;
  resets_at: string | null;
  series: { at: string[]; spent: (string | number | null)[] };
  per_hour: string | number | null;
  full_at: string | null;
  at_end: string | number | null;
}

/** Budgets of keys and workspaces stand in the list alone: it is read until this one is there, and then that page of it again and again. */
function useBudget(id: string): { budget: Budget | null; error: Problem | null; reload: () => void } {
  const [cursor, setCursor] = useState<string | null>(null);
  const { data, error, reload } = useLoad<Page<Budget>>("/budgets", { limit: PAGE, cursor }, { every: 5000 });
  const budget = data?.data.find((each) => each.id === id) ?? null;
  const next = data && !budget ? data.next_cursor : null;
  useEffect(() => {
    if (next) setCursor(next);
  }, [next]);
  return { budget, error: error ?? (data && !budget && !next ? new Problem(404, "not_found", `There is no budget “${id}”.`) : null), reload };
}

function OneBudget({ id }: { id: string }) {
  const path = `/budgets/${encodeURIComponent(id)}`;
  const { budget, error, reload } = useBudget(id);
  const burn = useLoad<Forecast>(`${path}/forecast`, {}, { every: 30_000 });
  const [raising, raise] = useState(false);
  if (error && !budget) return <div class="page"><Head title="Budget" back={{ href: link("budgets"), text: "Budgets" }} /><Trouble of={error} retry={reload} /></div>;
  if (!budget) return <div class="page"><Waiting /></div>;
  const most = fullest(budget);
  const takeBack = async () => {
    try {
      await remove(`${path}/increase`);
      toast("The limit is what it was.");
      reload();
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <div class="page">
      <Head title={<>{amount(budget, "limit")} {budget.unit === "usd" ? "" : budget.unit} {budget.window === "total" ? "in total" : `per ${budget.window}`}</>} lead={<>Of <Owner of={budget.owner} />; counts <span>{narrowed(budget) || "everything"}</span>.</>} back={{ href: link("budgets"), text: "Budgets" }}>
        {may("money") && <button onClick={() => raise(true)}>Raise for a while</button>}
        {may("money") && budget.increase_until && <button onClick={takeBack}>Take the increase back</button>}
      </Head>
      {most && (
        <div class="figures">
          <Figure name="Spent">{amount(most, "spent")}</Figure>
          <Figure name="Held for calls under way" note={most.in_doubt_usd && most.in_doubt_usd !== "0" ? <><Money usd={most.in_doubt_usd} /> of it in doubt</> : undefined}>{amount(most, "reserved")}</Figure>
          <Figure name="Left" tone={(most.percent ?? 0) >= 95 ? "bad" : undefined} note={<>resets <Time at={most.resets_at} relative /></>}>{amount(most, "remaining")}</Figure>
          <Figure name="Full at this pace">{most.forecast_at ? <Time at={most.forecast_at} relative /> : "not in this window"}</Figure>
        </div>
      )}
      <Panel title="Burn-down">{burn.error ? <Trouble of={burn.error} retry={burn.reload} /> : <BurnDown of={budget} burn={burn.data} />}</Panel>
      <div class="columns">
        <Panel title="Rules">
          <Facts of={[
            ["Id", <code>{budget.id}</code>],
            ["Timezone", budget.timezone],
            ["Refunds count", budget.refunds === "net" ? "against what was charged (net)" : "as spend of their own (gross)"],
            ["When it gets tight", budget.on_tight],
            ["Soft", budget.soft ? "yes: it warns, and refuses nothing" : null],
            ["Raised by", budget.increase_until && <>{amount(budget, "increase")} until <Time at={budget.increase_until} /></>],
          ]} />
        </Panel>
        <Panel title={plural(budget.account_count, "account")} flush>
          <Table label="Accounts" columns={accountColumns} rows={budget.accounts} rowKey={(each) => each.account} empty={<Empty title="Nothing was counted yet">It begins with the first call that this budget counts.</Empty>} />
        </Panel>
      </div>
      {raising && <Raise of={budget} path={path} onClose={() => raise(false)} onDone={() => (raise(false), reload())} />}
    </div>
  );
}

const accountColumns: Column<Account>[] = [
  { name: "account", title: "Account", cell: (each) => <code>{each.account.split("|").slice(1).join(" ") || each.account}</code>, wide: true },
  { name: "spent", title: "Spent", cell: (each) => amount(each, "spent"), right: true, sort: (each) => share(each, "spent") },
  { name: "held", title: "Held", cell: (each) => amount(each, "reserved"), right: true, minor: true },
  { name: "left", title: "Left", cell: (each) => amount(each, "remaining"), right: true },
  { name: "percent", title: "%", cell: (each) => (each.percent === null ? "–" : <Badge tone={each.percent >= 95 ? "bad" : each.percent >= 80 ? "warn" : "plain"}>{each.percent}%</Badge>), right: true, sort: (each) => each.percent ?? 0 },
];

/** Spent so far against the limit, and on at the present pace. Numbers in a plot are drawn, not counted with. */
function BurnDown({ of, burn }: { of: Budget; burn: Forecast | null }) {
  if (!burn) return <Waiting />;
  if (burn.series.at.length < 2) return <Empty title="Too little to draw">A plot comes with the second hour in which something was counted.</Empty>;
  const end = burn.resets_at && burn.at_end !== null ? [burn.resets_at] : [];
  const at = [...burn.series.at, ...end];
  const spent = burn.series.spent.map((one) => (one === null ? null : Number(one)));
  const limit = Number(of.limit_usd ?? of.limit ?? 0);
  const pace = at.map((_, n) => (n < spent.length - 1 ? null : n === spent.length - 1 ? spent[n]! : Number(burn.at_end)));
  return (
    <Plot label="Spent in this window" at={at} unit={of.unit === "usd" ? "usd" : "count"}
      series={[{ name: "spent", values: [...spent, ...end.map(() => null)], fill: true }, { name: "at this pace", values: pace, dashed: true, colour: "--series-2" }, { name: "limit", values: at.map(() => limit), dashed: true, colour: "--series-bad" }]} />
  );
}

function Raise({ of, path, onClose, onDone }: { of: Budget; path: string; onClose: () => void; onDone: () => void }) {
  const [by, setBy] = useState("");
  const [span, setSpan] = useState("24h");
  const [reason, setReason] = useState("");
  const submit = async () => {
    await post(`${path}/increase`, { by: /^\s*[\d.]+\s*$/.test(by) ? `${by.trim()} ${of.unit}` : by, for: span, reason: reason || undefined });
    toast("Raised. It falls back by itself.");
    onDone();
  };
  return (
    <Dialog open title="Raise the limit for a while" onClose={onClose}>
      <Form onSubmit={submit} verb="Raise" onCancel={onClose}>
        <TextField name="by" label={`By how much (${of.unit})`} value={by} onInput={setBy} autoFocus required />
        <TextField name="for" label="For how long" value={span} onInput={setSpan} hint="“2h”, “3d”" />
        <TextField name="reason" label="Why" value={reason} onInput={setReason} />
      </Form>
    </Dialog>
  );
}

function NewBudget() {
  const [draft, setDraft] = useState({ name: "", amount: "", unit: "usd", window: "day", vendor: "", per: "" });
  const set = (change: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...change }));
  const submit = async () => {
    const { name, vendor, per } = draft;
    const made = await post<{ id: string }>("/budgets", { name, limit: `${draft.amount} ${draft.unit}`, window: draft.window, vendor: vendor || undefined, per: per ? per.split(/[\s,]+/) : undefined });
    toast("In force.");
    go(link("budgets", made.id));
  };
  return (
    <div class="page">
      <Head title="Create a budget" back={{ href: link("budgets"), text: "Budgets" }} lead="For everybody. Limits of one key stand in the key." />
      <Panel>
        <Form onSubmit={submit} verb="Create budget" onCancel={() => go(link("budgets"))}>
          <TextField name="name" label="Name" value={draft.name} onInput={(name) => set({ name })} autoFocus required />
          <TextField name="limit" label="Limit" value={draft.amount} onInput={(value) => set({ amount: value })} required />
          <SelectField name="unit" label="Unit" value={draft.unit} onChange={(unit) => set({ unit })} options={units} />
          <SelectField name="window" label="Window" value={draft.window} onChange={(window) => set({ window })} options={windows.map((each) => [each, each === "total" ? "in total" : `per ${each}`] as const)} />
          <TextField name="vendor" label="Only of vendor" value={draft.vendor} onInput={(vendor) => set({ vendor })} placeholder="any" />
          <TextField name="per" label="An account for each" value={draft.per} onInput={(per) => set({ per })} placeholder="all together; or key, user, run, model, ..." />
        </Form>
      </Panel>
    </div>
  );
}
