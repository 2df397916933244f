// SPDX-License-Identifier: Apache-2.0
// Vendors and models: how they are doing, what they cost, and the secrets the gate holds for them.
import { useState } from "preact/hooks";

import { patch, post, remove, useList, useLoad, type Page } from "../api";
import { Badge, Empty, Facts, Figure, Head, Money, Panel, Tabs, Time, Trouble, type Tone } from "../components/bits";
import { Confirm, Dialog } from "../components/dialog";
import { Form, SelectField, TextField } from "../components/form";
import { Plot } from "../components/plot";
import { openStop } from "../components/stop";
import { listProps, Table, type Column } from "../components/table";
import { toast, toastProblem } from "../components/toast";
import { count, ms, percent } from "../format";
import { useLive } from "../live";
import type { PageProps } from "../pages";
import { link, setQuery } from "../router";
import { may } from "../session";

interface Performance {
  name: string;
  calls: number;
  errors: number;
  error_rate: number | string | null;
  refused: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  first_byte_p50_ms: number | null;
  first_byte_p95_ms: number | null;
  gap_p95_ms: number | null;
  cost_usd: string;
  usd_per_call: string | null;
  input_tokens: number;
  output_tokens: number;
}

interface Target {
  vendor: string;
  credential: string;
  model: string | null;
  region: string | null;
  breaker: "closed" | "open" | "half_open";
  why: string | null;
  since: string | null;
  until: string | null;
  calls: number;
  failures: number;
  calls_1m: number;
  failures_1m: number;
  in_flight: number;
  first_byte_us: number | null;
  first_byte_p95_us: number | null;
}

interface Vendor {
  id: string;
  name: string;
  origin: string;
  base_url?: string;
}

interface Credential {
  id: string;
  name: string;
  vendor: string;
  origin: string;
  secret_set: boolean;
  disabled?: boolean;
  account?: string;
  account_sid?: string;
}

interface Price {
  id: string;
  provider: string;
  model: string;
  mode: string;
  context: number | null;
  output_max: number | null;
  origin: string;
  abilities: string[];
  price: Record<string, string>;
}

const tabs = [["vendors", "Vendors"], ["models", "Models"], ["targets", "Health"], ["credentials", "Credentials"], ["prices", "Prices"]] as const;
type Tab = (typeof tabs)[number][0];

export function Vendors({ id, query }: PageProps) {
  if (id) return <OneVendor name={id} />;
  const tab = (tabs.find(([name]) => name === query.get("view"))?.[0] ?? "vendors") as Tab;
  return (
    <div class="page">
      <Head title="Vendors and models" lead="Whom the gate asks, how they did within a day, and what they cost." />
      <Tabs tabs={tabs} at={tab} onChange={(view) => setQuery({ view, q: null })} label="What to see" />
      {tab === "vendors" && <Measured by="vendor" />}
      {tab === "models" && <Measured by="model" />}
      {tab === "targets" && <Health />}
      {tab === "credentials" && <Credentials />}
      {tab === "prices" && <Prices query={query} />}
    </div>
  );
}

/* ---- how they did ---- */

const rate = (of: Performance): number => Number(of.error_rate ?? 0) * 100;

function Measured({ by }: { by: "vendor" | "model" }) {
  const { data, error, loading, reload } = useLoad<{ data: Performance[] }>("/performance", { by }, { every: 10_000 });
  return (
    <Panel flush>
      <Table label={`What each ${by} did`} columns={measuredColumns(by)} rows={data?.data ?? []} loading={loading} error={error} retry={reload} rowKey={(each) => each.name}
        href={by === "vendor" ? (each) => link("vendors", each.name) : undefined} empty={<Empty title="Nothing was asked yet">With the first call stand here times, errors and cost.</Empty>} />
    </Panel>
  );
}

const measuredColumns = (by: string): Column<Performance>[] => [
  { name: "name", title: by === "vendor" ? "Vendor" : "Model", cell: (each) => each.name ? <b>{each.name}</b> : <span class="quiet">no model</span>, sort: (each) => each.name, wide: true },
  { name: "calls", title: "Calls", cell: (each) => count(each.calls), right: true, sort: (each) => each.calls },
  { name: "refused", title: "Refused", cell: (each) => count(each.refused), right: true, minor: true, sort: (each) => each.refused },
  { name: "errors", title: "Errors", cell: (each) => <Badge tone={rate(each) >= 5 ? "bad" : rate(each) >= 1 ? "warn" : "good"}>{percent(rate(each))}</Badge>, right: true, sort: rate },
  { name: "p50", title: "p50", cell: (each) => ms(each.p50_ms), right: true, minor: true, sort: (each) => each.p50_ms ?? 0 },
  { name: "p95", title: "p95", cell: (each) => ms(each.p95_ms), right: true, sort: (each) => each.p95_ms ?? 0 },
  { name: "first", title: "First byte p95", cell: (each) => ms(each.first_byte_p95_ms), right: true, minor: true, sort: (each) => each.first_byte_p95_ms ?? 0 },
  { name: "per", title: "Per call", cell: (each) => <Money usd={each.usd_per_call} />, right: true, minor: true },
  { name: "cost", title: "Cost", cell: (each) => <Money usd={each.cost_usd} />, right: true, sort: (each) => Number(each.cost_usd) },
];

/* ---- one vendor ---- */

interface Sums {
  operation?: string;
  cost_usd: string;
  calls: number;
  refused: number;
}

interface Course {
  at: string[];
  series: { name: string; cost_usd: string[]; calls: number[]; refused: number[] }[];
}

function OneVendor({ name }: { name: string }) {
  const since = useState(() => new Date(Date.now() - 24 * 3_600_000).toISOString())[0];
  const vendor = useLoad<Vendor>(`/vendors/${encodeURIComponent(name)}`);
  const sums = useLoad<{ data: Sums[]; total: Sums }>("/usage", { by: "operation", vendor: name, from: since });
  const course = useLoad<Course>("/series", { by: "operation", vendor: name, from: since, step: "hour" });
  return (
    <div class="page">
      <Head title={name} lead={vendor.data?.base_url && <code>{vendor.data.base_url}</code>} back={{ href: link("vendors"), text: "Vendors and models" }}>
        <a class="button" href={link("calls", null, { vendor: name })}>Its calls</a>
        {may("change") && <button class="danger" onClick={() => openStop({ kind: "vendor", value: name })}>Stop</button>}
      </Head>
      {vendor.error && <Trouble of={vendor.error} retry={vendor.reload} />}
      <div class="figures">
        <Figure name="Cost, last 24 hours"><Money usd={sums.data?.total.cost_usd} /></Figure>
        <Figure name="Calls">{count(sums.data?.total.calls)}</Figure>
        <Figure name="Refused" tone={sums.data?.total.refused ? "bad" : undefined}>{count(sums.data?.total.refused)}</Figure>
      </div>
      {course.data && course.data.at.length > 1 && (
        <Panel title="Cost by operation">
          <Plot label={`Cost of ${name} by operation`} unit="usd" stacked at={course.data.at} series={course.data.series.map((each) => ({ name: each.name, values: each.cost_usd.map(Number) }))} />
        </Panel>
      )}
      <Panel title="Operations" flush>
        <Table label="Operations" rows={sums.data?.data ?? []} loading={sums.loading} error={sums.error} retry={sums.reload} rowKey={(each) => each.operation ?? ""} href={(each) => link("calls", null, { operation: each.operation })}
          empty={<Empty title="No call within a day">Calls of an earlier day are under “Its calls”; <code>tollgate doctor</code> tries its credentials.</Empty>}
          columns={[
            { name: "operation", title: "Operation", cell: (each) => <code>{each.operation}</code>, wide: true },
            { name: "calls", title: "Calls", cell: (each) => count(each.calls), right: true, sort: (each) => each.calls },
            { name: "refused", title: "Refused", cell: (each) => count(each.refused), right: true, sort: (each) => each.refused },
            { name: "cost", title: "Cost", cell: (each) => <Money usd={each.cost_usd} />, right: true, sort: (each) => Number(each.cost_usd) },
          ]} />
      </Panel>
      <Health vendor={name} />
    </div>
  );
}

/* ---- breakers and refused credentials ---- */

const breakers: Record<string, Tone> = { closed: "good", open: "bad", half_open: "warn" };

function Health({ vendor }: { vendor?: string }) {
  const { data, error, loading, reload } = useLoad<{ targets: Target[]; refused: { vendor: string; credential: string; status?: number; since?: string }[] }>("/health", { vendor }, { every: 5000 });
  useLive("breaker", reload);
  const reset = async (of: { vendor: string; credential: string; model?: string | null }) => {
    try {
      await post("/health/reset", { vendor: of.vendor, credential: of.credential, ...(of.model ? { model: of.model } : {}), reason: "by hand, from the dashboard" });
      toast("Asked again from now on.");
      reload();
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <>
      {data?.refused.map((each) => (
        <p class="trouble" role="alert" key={`${each.vendor}/${each.credential}`}><span><b>{each.vendor}</b> refuses the credential <code>{each.credential}</code>. Give it a new secret, or <button class="small" onClick={() => reset(each)}>try it again</button></span></p>
      ))}
      <Panel title="Targets" flush>
        <Table label="Targets" rows={data?.targets ?? []} loading={loading} error={error} retry={reload} rowKey={(each) => `${each.vendor}/${each.credential}/${each.model}/${each.region}`} empty={<Empty title="Nothing was asked since the start">A target is a vendor, a credential and a model; those that fail are left alone for a while.</Empty>}
          columns={[
            { name: "target", title: "Target", cell: (each) => <span>{each.vendor}/{each.credential}{each.model && <>/<b>{each.model}</b></>}{each.region && `@${each.region}`}</span>, wide: true },
            { name: "breaker", title: "Breaker", cell: (each) => <Badge tone={breakers[each.breaker]} title={each.why ?? undefined}>{each.breaker.replace("_", " ")}</Badge> },
            { name: "until", title: "Until", cell: (each) => <Time at={each.until} relative />, minor: true },
            { name: "minute", title: "Failed, last minute", cell: (each) => `${each.failures_1m} of ${each.calls_1m}`, right: true },
            { name: "flight", title: "In flight", cell: (each) => count(each.in_flight), right: true, minor: true },
            { name: "first", title: "First byte", cell: (each) => ms(each.first_byte_us === null ? null : each.first_byte_us / 1000), right: true, minor: true },
            { name: "do", title: "", cell: (each) => each.breaker !== "closed" && may("change") && <button class="small" onClick={() => reset(each)}>Close</button> },
          ]} />
      </Panel>
    </>
  );
}

/* ---- secrets ---- */

function Credentials() {
  const list = useList<Credential>("/credentials", { limit: 500 });
  const [making, make] = useState(false);
  const [changing, change] = useState<Credential | null>(null);
  const [dropping, drop] = useState<Credential | null>(null);
  useLive<{ kind: string }>("config", ({ kind }) => kind === "credential" && list.reload());
  const act = async (fn: () => Promise<unknown>, done: string) => {
    try {
      await fn();
      toast(done);
      list.reload();
    } catch (problem) {
      toastProblem(problem);
    }
  };
  const path = (of: Credential): string => `/credentials/${encodeURIComponent(of.name)}`;
  return (
    <Panel title="Credentials" flush actions={may("change") && <button class="primary" onClick={() => make(true)}>Add a credential</button>}>
      <Table label="Credentials" {...listProps(list)} rowKey={(each) => each.id} empty={<Empty title="No credential">A vendor's secret, sealed. Agents never see it: they hold keys.</Empty>}
        columns={[
          { name: "name", title: "Credential", wide: true, cell: (each) => <b>{each.name}</b>, sort: (each) => each.name },
          { name: "vendor", title: "Vendor", minor: true, cell: (each) => <a href={link("vendors", each.vendor)}>{each.vendor}</a>, sort: (each) => each.vendor },
          { name: "state", title: "State", cell: (each) => (each.disabled ? <Badge tone="warn">disabled</Badge> : each.secret_set ? <Badge tone="good">sealed</Badge> : <Badge>no secret</Badge>) },
          { name: "account", title: "Account", cell: (each) => each.account ?? each.account_sid ?? "–", minor: true },
          { name: "origin", title: "From", cell: (each) => <Badge>{each.origin}</Badge>, minor: true },
          { name: "do", title: "", cell: (each) => may("change") && (
            <span class="row">
              <button class="small" onClick={() => change(each)}>New secret</button>
              <button class="small" onClick={() => act(() => patch(path(each), { disabled: !each.disabled }), each.disabled ? "In use again." : "Not used any more.")}>{each.disabled ? "Enable" : "Disable"}</button>
              {each.origin === "api" && <button class="small danger quiet-danger" onClick={() => drop(each)}>Delete</button>}
            </span>
          ) },
        ]} />
      {(making || changing) && <SecretForm of={changing} onClose={() => (make(false), change(null))} onDone={() => (make(false), change(null), list.reload())} />}
      <Confirm open={!!dropping} title={`Delete ${dropping?.name}?`} verb="Delete" danger onClose={() => drop(null)} onConfirm={() => dropping && (drop(null), act(() => remove(path(dropping)), "Deleted."))}>
        <p>Its sealed secret is gone then. It cannot be deleted while a key names it.</p>
      </Confirm>
    </Panel>
  );
}

function SecretForm({ of, onClose, onDone }: { of: Credential | null; onClose: () => void; onDone: () => void }) {
  const vendors = useLoad<Page<Vendor>>("/vendors", { limit: 1000 });
  const [name, setName] = useState(of?.name ?? "");
  const [vendor, setVendor] = useState(of?.vendor ?? "");
  const [secret, setSecret] = useState("");
  const [account, setAccount] = useState(of?.account ?? "");
  const submit = async () => {
    if (of) await patch(`/credentials/${encodeURIComponent(of.name)}`, { secret });
    else await post("/credentials", { name, vendor, secret, account: account || undefined });
    toast("Sealed.");
    onDone();
  };
  return (
    <Dialog open title={of ? `A new secret for ${of.name}` : "Add a credential"} onClose={onClose}>
      <Form onSubmit={submit} verb="Seal it" onCancel={onClose}>
        {!of && <TextField name="name" label="Name" value={name} onInput={setName} autoFocus required placeholder="stripe-main" />}
        {!of && <SelectField name="vendor" label="Vendor" value={vendor} onChange={setVendor} options={[["", "choose one"], ...(vendors.data?.data.map((each) => [each.name, each.name] as const) ?? [])]} />}
        <TextField name="secret" label="Secret" type="password" value={secret} onInput={setSecret} required autoComplete="off" hint="Sealed at once, sent to this vendor alone, and never shown again." />
        {!of && <TextField name="account" label="Account" value={account} onInput={setAccount} hint="Where the vendor's calls carry one (Twilio's account SID)." />}
      </Form>
    </Dialog>
  );
}

/* ---- prices ---- */

function Prices({ query }: { query: URLSearchParams }) {
  const [model, setModel] = useState(query.get("q") ?? "");
  const list = useList<Price>("/prices", { model: query.get("q"), limit: 100 });
  return (
    <>
      <form class="filters" onSubmit={(event) => (event.preventDefault(), setQuery({ q: model }))}>
        <input type="search" data-search aria-label="Search models" placeholder="gpt-4o*, claude-*" value={model} onInput={(event) => setModel(event.currentTarget.value)} />
        <button>Search</button>
      </form>
      <Panel flush>
        <Table label="Prices" {...listProps(list)} rowKey={(each) => each.id} empty={<Empty title="No such model in the book">A model without a price is refused wherever money is budgeted, never guessed.</Empty>}
          columns={[
            { name: "model", title: "Model", cell: (each) => <b>{each.model}</b>, wide: true },
            { name: "provider", title: "Provider", cell: (each) => each.provider },
            { name: "in", title: "In, per million", cell: (each) => <Money usd={each.price.in} exact />, right: true },
            { name: "out", title: "Out, per million", cell: (each) => <Money usd={each.price.out} exact />, right: true },
            { name: "cached", title: "Cached", cell: (each) => <Money usd={each.price.cached ?? each.price.cache_read} exact />, right: true, minor: true },
            { name: "context", title: "Context", cell: (each) => count(each.context), right: true, minor: true },
            { name: "origin", title: "From", cell: (each) => <Badge tone={each.origin === "book" ? "plain" : "info"}>{each.origin}</Badge>, minor: true },
          ]} />
      </Panel>
      <Snapshots />
    </>
  );
}

function Snapshots() {
  const { data } = useLoad<{ data: { id: string; since: string; rows: number; overrides: number }[] }>("/prices/snapshots");
  const now = data?.data[0];
  if (!now) return null;
  return <Panel title="The book in force"><Facts of={[["Snapshot", <code>{now.id}</code>], ["Since", <Time at={now.since} />], ["Prices", count(now.rows)], ["Of your own", count(now.overrides)]]} /></Panel>;
}
