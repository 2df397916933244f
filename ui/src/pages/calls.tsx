// SPDX-License-Identifier: Apache-2.0
// Calls: searched, filtered, as they happen; and the whole story of one, from the policy's verdict to the last digit of its price.
import { useState } from "preact/hooks";

import { get, remove, useList, useLoad, useUntilFound, type Problem } from "../api";
import { Badge, Bar, Dotted, Empty, Facts, Figure, Head, Id, Json, Money, Panel, Time, Trouble, Verdict } from "../components/bits";
import { Confirm } from "../components/dialog";
import { Chips, Choice, FilterBy, Search } from "../components/filters";
import { Icon } from "../components/icon";
import { listProps, Table, Waiting, type Column } from "../components/table";
import { toast, toastProblem } from "../components/toast";
import { addMoney, clock, count, jsonText, ms, nanos, percent, usd } from "../format";
import { useLive } from "../live";
import type { PageProps } from "../pages";
import { link } from "../router";
import { may, mayReadContent } from "../session";
import type { Attempt, BudgetAfter, Call, PriceLine, WholeCall } from "../types";

export function Calls({ id, query }: PageProps) {
  return id ? <OneCall key={id} id={id} /> : <AllCalls query={query} />;
}

export const callColumns: Column<Call>[] = [
  { name: "at", title: "At", cell: (call) => <Time at={call.at} /> },
  { name: "verdict", title: "Verdict", cell: (call) => <Verdict verdict={call.verdict} denied={call.denied} /> },
  { name: "operation", title: "Operation", wide: true, cell: (call) => <><Dotted name={call.operation ?? call.path ?? "–"} />{call.model && <span class="quiet"> {call.model}</span>}</> },
  { name: "key", title: "Key", minor: true, cell: (call) => call.key_name ?? <span class="quiet">none</span> },
  { name: "run", title: "Run", minor: true, cell: (call) => (call.run ? <a href={link("runs", call.run)}>{call.run}</a> : <span class="quiet">–</span>) },
  { name: "step", title: "Step", minor: true, cell: (call) => call.step ?? <span class="quiet">–</span> },
  { name: "status", title: "Status", right: true, minor: true, cell: (call) => call.status || "–" },
  { name: "tokens", title: "Tokens in / out", right: true, minor: true, cell: (call) => (call.input_tokens || call.output_tokens ? `${count(call.input_tokens)} / ${count(call.output_tokens)}` : <span class="quiet">–</span>) },
  { name: "took", title: "Took", right: true, minor: true, cell: (call) => ms(call.latency_ms) },
  { name: "cost", title: "Cost", right: true, cell: (call) => <Money usd={call.cost_usd} /> },
];

const verdicts: readonly (readonly [string, string])[] = [["", "Any verdict"], ["allowed", "Allowed"], ["denied", "Denied"], ["error", "Error"], ["in_doubt", "In doubt"]];
const costs: readonly (readonly [string, string])[] = [["", "Any cost"], ["0.01", "$0.01 or more"], ["0.1", "$0.10 or more"], ["1", "$1 or more"], ["10", "$10 or more"], ["100", "$100 or more"]];
const filters: readonly (readonly [string, string])[] = [["run", "Run"], ["key", "Key"], ["vendor", "Vendor"], ["operation", "Operation"], ["model", "Model"], ["denied", "Refused as"], ["step", "Step"], ["label", "Label"], ["user", "User"], ["status", "Status"], ["credential", "Credential"], ["route", "Route"], ["workspace", "Workspace"], ["from", "From"], ["to", "To"]];

const LIVE_MOST = 500;

/** Whether a live row belongs into what is shown. A search is the gate's to answer: then nothing is added. */
function belongs(call: Call, query: URLSearchParams): boolean {
  for (const [name, value] of query) {
    if (name === "live") continue;
    if (name === "min_cost_usd" ? nanos(call.cost_usd) < nanos(value) : name === "key" ? call.key !== value && call.key_name !== value : name in call ? String(call[name as keyof Call] ?? "") !== value : true) return false;
  }
  return true;
}

function AllCalls({ query }: { query: URLSearchParams }) {
  const asked = Object.fromEntries([...query].filter(([name]) => name !== "live"));
  const list = useList<Call>("/calls", { ...asked, limit: 50 });
  useUntilFound(list);
  const [tail, setTail] = useState(true);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  useLive<Call>("call", (call) => {
    if (!tail || !belongs(call, query)) return;
    setFresh((before) => new Set([...before, call.id].slice(-60)));
    list.edit((rows) => (rows.some((row) => row.id === call.id) ? rows : [call, ...rows].slice(0, Math.max(LIVE_MOST, rows.length))));
  });
  useLive("reopened", list.reload);
  useLive("gap", list.reload);
  const tone = (call: Call) => [fresh.has(call.id) && "fresh", call.verdict === "denied" ? "refused" : call.verdict === "allowed" ? "" : "trouble-row"].filter(Boolean).join(" ");
  return (
    <div class="page">
      <Head title="Calls" lead="Each request of an agent: what it was, what was decided, what it cost. The newest first.">
        <button aria-pressed={tail} onClick={() => (setTail(!tail), tail || list.reload())}><Icon name="pulse" /> {tail ? "Following" : "Follow"}</button>
      </Head>
      <div class="filters">
        <Search value={query.get("q")} label="Search a call, run, key or a vendor's own id" />
        <Choice name="verdict" label="Verdict" value={query.get("verdict")} options={verdicts} />
        <Choice name="min_cost_usd" label="Cost" value={query.get("min_cost_usd")} options={costs} />
        <FilterBy names={filters} />
      </div>
      <Chips query={query} names={filters} />
      <Panel flush>
        <Table label="Calls" columns={callColumns} {...listProps(list)} rowKey={(call) => call.id} href={(call) => link("calls", call.id)} tone={tone}
          empty={query.size ? <Empty title="No call fits">Take a filter away, or search for something else.</Empty> : <Empty title="No call yet">Point an SDK's base URL at this gate and give it a key: its calls appear here as they happen.</Empty>} />
      </Panel>
    </div>
  );
}

/* ---- one ---- */

function OneCall({ id }: { id: string }) {
  const { data: call, error, reload } = useLoad<WholeCall>(`/calls/${encodeURIComponent(id)}`);
  if (!call) return <div class="page"><Head title={<code>{id}</code>} back={{ href: link("calls"), text: "Calls" }} />{error ? <Trouble of={error} retry={reload} /> : <Waiting />}</div>;
  return (
    <div class="page">
      <Head back={call.run ? { href: link("runs", call.run), text: `Run ${call.run}` } : { href: link("calls"), text: "Calls" }} title={<><span>{call.operation ?? call.path}</span><Verdict verdict={call.verdict} denied={call.denied} /></>} lead={<><Id id={call.id} /> at <Time at={call.at} /></>} />
      {call.reason && <p class={call.verdict === "denied" ? "trouble" : "note warn"}>{call.reason}</p>}
      <div class="figures">
        <Figure name="Cost" note={call.estimated ? "estimated" : call.settled ? "settled" : "not settled yet"} tone={call.settled ? undefined : "warn"}><Money usd={call.cost_usd} /></Figure>
        <Figure name="Reserved before">{usd(call.reserved_usd)}</Figure>
        <Figure name="Tokens in" note={call.cached_tokens ? `${count(call.cached_tokens)} from the cache` : undefined}>{count(call.input_tokens)}</Figure>
        <Figure name="Tokens out" note={call.reasoning_tokens ? `${count(call.reasoning_tokens)} reasoning` : undefined}>{count(call.output_tokens)}</Figure>
        <Figure name="Took" note={call.first_byte_ms ? `first byte ${ms(call.first_byte_ms)}` : undefined}>{ms(call.latency_ms)}</Figure>
        <Figure name="In the gate">{ms(call.gate_us / 1000)}</Figure>
      </div>
      <Story call={call} />
      <div class="columns">
        <Panel title="What was asked"><Facts of={askedOf(call)} /></Panel>
        <Panel title="Who asked"><Facts of={whoOf(call)} /></Panel>
      </div>
      <Prices call={call} />
      {call.attempts.length > 0 && <Panel flush title="Attempts"><Table label="Attempts" columns={attemptColumns} rows={call.attempts} rowKey={(attempt) => String(call.attempts.indexOf(attempt))} empty={null} /></Panel>}
      {call.skipped && <p class="note">Not asked: {call.skipped}</p>}
      {call.budgets.length > 0 && <Panel flush title="Budgets after it"><Table label="Budgets after the call" columns={budgetColumns(call)} rows={call.budgets} rowKey={(each) => each.budget} empty={null} /></Panel>}
      <Later call={call} />
      <Content call={call} />
      <Panel title="Proof">
        <Facts of={[["Hash", <Id id={call.hash} />], ["Hash before it", <code>{call.prev_hash}</code>]]} />
        <details class="whole"><summary>The row as it is kept</summary><Json value={call} /></details>
      </Panel>
    </div>
  );
}

const named = (page: string, id: string | null, query?: Record<string, string>) => (id ? <a href={query ? link(page, null, query) : link(page, id)}>{id}</a> : null);

const askedOf = (call: WholeCall) => [
  ["Request", <code>{call.method} {call.path}</code>],
  ["Vendor", call.vendor && named("calls", call.vendor, { vendor: call.vendor })],
  ["Model", call.model && (call.model_requested && call.model_requested !== call.model ? <>{call.model} <span class="quiet">asked for {call.model_requested}</span></> : call.model)],
  ["Route", call.route],
  ["Credential", call.credential],
  ["Cache", call.cache],
  ["Output limit set by the gate", call.output_limit_set && count(call.output_limit_set)],
  ["Idempotency key", call.idempotency && <code>{call.idempotency}</code>],
  ["Vendor's request id", call.upstream_request_id && <Id id={call.upstream_request_id} />],
  ["Object made", call.upstream_object_id && <Id id={call.upstream_object_id} />],
  ["Scopes", Object.keys(call.scopes).length > 0 && <code>{Object.entries(call.scopes).map(([name, value]) => `${name}=${value}`).join(", ")}</code>],
  ["Answer of", call.repeat_of && named("calls", call.repeat_of)],
] as const;

const whoOf = (call: WholeCall) => [
  ["Key", call.key && <a href={link("keys", call.key)}>{call.key_name ?? call.key}</a>],
  ["Workspace", call.workspace],
  ["Run", call.run && <a href={link("runs", call.run)}>{call.run}</a>],
  ["Step", call.step],
  ["Label", call.label],
  ["User", call.user],
  ["From", call.caller_address],
  ["Trace", call.trace_id && <Id id={call.trace_id} />],
  ["Metadata", Object.keys(call.metadata).length > 0 && <code>{Object.entries(call.metadata).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ")}</code>],
] as const;

/** From the verdict to the settlement, in the order in which it happened. */
function Story({ call }: { call: WholeCall }) {
  const forwarded = call.attempts.length > 0;
  const steps: [string, string, string][] = [];
  const denied = call.verdict === "denied";
  steps.push([denied ? "bad" : "good", denied ? `Refused: ${(call.denied ?? "").replaceAll("_", " ")}` : "Allowed", [call.policy_version && `policy ${call.policy_version}`, call.rule && `rule ${call.rule}`].filter(Boolean).join(", ")]);
  if (call.approval) steps.push(["good", "Approved", call.approval]);
  if (call.reserved_usd) steps.push([denied ? "plain" : "good", `Reserved ${usd(call.reserved_usd)}`, "the most it could cost, on every account it touches"]);
  if (forwarded) steps.push([call.verdict === "allowed" ? "good" : "warn", call.attempts.length === 1 ? `Asked ${call.attempts[0]!.vendor ?? call.vendor}` : `Asked ${call.attempts.length} times`, `${ms(call.upstream_ms)} at the vendor${call.status ? `, answered ${call.status}` : ""}`]);
  else steps.push(["plain", call.repeat_of ? "Answered from what is kept" : "Not forwarded", call.repeat_of ? "nothing was asked again" : "no vendor was contacted"]);
  if (call.verdict === "in_doubt") steps.push(["warn", "In doubt", "sent, never answered: the reservation stays until it is known"]);
  else if (forwarded) steps.push([call.settled ? "good" : "warn", `Settled at ${usd(call.cost_usd)}`, settledNote(call)]);
  for (const each of call.settlements) steps.push(["good", `${(each.outcome ?? "settled").replaceAll("_", " ")}: ${usd(each.cost_usd)}`, `${clock(each.at)}${each.reason ? `, ${each.reason}` : ""}`]);
  return (
    <Panel title="What became of it">
      <ol class="story">{steps.map(([tone, what, note]) => <li key={what} class={tone}><b>{what}</b><span class="quiet">{note}</span></li>)}</ol>
    </Panel>
  );
}

function settledNote(call: Call): string {
  const back = nanos(call.reserved_usd) - nanos(call.cost_usd);
  const given = back > 0n ? `${usd(addMoney(call.reserved_usd, `-${call.cost_usd ?? "0"}`))} given back` : "";
  return [call.estimated ? "estimated: the vendor did not say" : "by the vendor's own usage", given].filter(Boolean).join(", ");
}

const meters: Record<string, string> = {
  in: "Input", out: "Output", cache_read: "Input from the cache", cache_write: "Input written to the cache", cache_write_1h: "Input written to the cache for an hour",
  reason: "Reasoning", audio_in: "Audio in", audio_out: "Audio out", image_in: "Image in", image_out: "Image out",
};
const inTokens = (line: PriceLine): boolean => line.per > 1;

/** "1,200 × $0.15/M = $0.00018" */
const priceColumns: Column<PriceLine>[] = [
  { name: "what", title: "What", wide: true, cell: (line) => meters[line.what] ?? line.what.replaceAll("_", " ") },
  { name: "count", title: "Count", right: true, cell: (line) => <span class="fold">{count(line.count)}{inTokens(line) && " tokens"}</span> },
  { name: "price", title: "Price", right: true, cell: (line) => <span class="fold">×{"\u00a0"}{usd(line.price_usd, { exact: true })}{inTokens(line) && " /\u00a0M"}</span> },
  { name: "cost", title: "Cost", right: true, cell: (line) => <>= <Money usd={line.cost_usd} exact /></> },
];

function Prices({ call }: { call: WholeCall }) {
  if (!call.price_lines?.length) return null;
  return (
    <Panel flush title="Price" actions={<><span class="quiet">prices of {call.price_snapshot}</span> <b class="num">{usd(call.cost_usd, { exact: true })}</b></>}>
      <Table label="Price lines" columns={priceColumns} rows={call.price_lines} rowKey={(line) => line.what} empty={null} />
    </Panel>
  );
}

const attemptColumns: Column<Attempt>[] = [
  { name: "vendor", title: "Vendor", cell: (attempt) => attempt.vendor ?? "–" },
  { name: "model", title: "Model", wide: true, cell: (attempt) => attempt.model ?? <span class="quiet">–</span> },
  { name: "credential", title: "Credential", minor: true, cell: (attempt) => attempt.credential ?? <span class="quiet">–</span> },
  { name: "why", title: "Why it ended", minor: true, cell: (attempt) => attempt.reason ?? <span class="quiet">–</span> },
  { name: "status", title: "Status", right: true, cell: (attempt) => attempt.status || "–" },
  { name: "took", title: "Took", right: true, cell: (attempt) => ms(attempt.ms) },
  { name: "cost", title: "Cost", right: true, cell: (attempt) => <Money usd={attempt.cost_usd} exact /> },
];

const part = (of: BudgetAfter, value: string | number): number => (Number(of.limit) > 0 ? (100 * Number(value)) / Number(of.limit) : 0);
const amount = (of: BudgetAfter, value: string | number): string => (of.unit === "usd" ? usd(String(value)) : count(value));

/** "key_1f3c…/usd/day" as people know it: the key's name in place of its id. */
const budgetName = (call: WholeCall, id: string): string => (call.key && call.key_name && id.startsWith(`${call.key}/`) ? call.key_name + id.slice(call.key.length) : id);

const budgetColumns = (call: WholeCall): Column<BudgetAfter>[] => [
  { name: "budget", title: "Budget", wide: true, cell: (each) => <a href={link("budgets", each.budget)} title={each.budget}>{budgetName(call, each.budget)}</a> },
  { name: "used", title: "Used", cell: (each) => <Bar label={`${each.budget}: ${percent(part(each, each.spent))} used`} spent={part(each, each.spent)} held={part(each, each.reserved)} /> },
  { name: "spent", title: "Spent", right: true, cell: (each) => amount(each, each.spent) },
  { name: "reserved", title: "Held", right: true, minor: true, cell: (each) => amount(each, each.reserved) },
  { name: "limit", title: "Limit", right: true, cell: (each) => <>{amount(each, each.limit)}{each.unit !== "usd" && ` ${each.unit}`}</> },
  { name: "resets", title: "Resets", minor: true, cell: (each) => <Time at={each.resets_at} relative /> },
];

function Later({ call }: { call: WholeCall }) {
  if (call.settlements.length + call.events.length === 0) return null;
  return (
    <Panel title="What was learned later">
      <ul class="later">
        {[...call.settlements, ...call.events].map((row) => (
          <li key={row.id}><Time at={row.at} /> <Badge>{String(row.kind ?? "settlement")}</Badge> {String(row.outcome ?? row.reason ?? "")} {row.cost_usd ? <Money usd={String(row.cost_usd)} exact /> : null}<details><summary>Row</summary><Json value={row} /></details></li>
        ))}
      </ul>
    </Panel>
  );
}

/** Only where it was captured, and only when someone asks: each reading is a row of the audit chain. */
function Content({ call }: { call: WholeCall }) {
  const [content, setContent] = useState<Captured | null>(null);
  const [error, setError] = useState<Problem | null>(null);
  const [deleting, setDeleting] = useState(false);
  const path = `/calls/${encodeURIComponent(call.id)}/content`;
  if (!call.captured) return <Panel title="Content"><p class="quiet">{call.captured === false ? "There was no room to keep it: the limit of what may wait was reached." : "Not captured: prompts and answers are not kept unless a workspace, key or call asks for it. The numbers above are all there is."}</p></Panel>;
  if (!mayReadContent()) return <Panel title="Content"><p class="quiet">It was captured. Owners may read it, and admin tokens that say so; each reading is written to the audit log.</p></Panel>;
  const read = () => get<Captured>(path).then((got) => (setContent(got), setError(null)), setError);
  const drop = async () => {
    setDeleting(false);
    await remove(path).then(() => (setContent(null), toast("Content deleted; the numbers remain.")), toastProblem);
  };
  return (
    <Panel title="Content" actions={may("own") && <button class="small danger quiet-danger" onClick={() => setDeleting(true)}>Delete content</button>}>
      {error && <Trouble of={error} />}
      {content ? <Said of={content} /> : <p><button onClick={read}>Show content</button> <span class="quiet">Each reading is written to the audit log.</span></p>}
      <Confirm open={deleting} title="Delete this call's content?" verb="Delete" danger onClose={() => setDeleting(false)} onConfirm={() => void drop()}><p>Request and answer go for good. The numbers and the audit row stay.</p></Confirm>
    </Panel>
  );
}

interface Side {
  headers: Record<string, string>;
  body: string | null;
  missing: string | null;
  truncated: boolean;
}

interface Captured {
  until: string | null;
  redacted: string[];
  request: Side;
  response: Side;
}

const Said = ({ of }: { of: Captured }) => (
  <div class="later">
    <Facts of={[["Kept until", of.until && <Time at={of.until} />], ["Taken out before it was written", of.redacted.join(", ")]]} />
    <h3>Request</h3><SaidBy side={of.request} name="Request" />
    <h3>Answer</h3><SaidBy side={of.response} name="Answer" />
  </div>
);

/** JSON is set out; anything else stands as it came. */
function laidOut(body: string): string {
  try {
    return jsonText(JSON.parse(body));
  } catch {
    return body;
  }
}

const SaidBy = ({ side, name }: { side: Side; name: string }) => (
  <>
    {side.body === null || side.body === undefined ? <p class="quiet">Nothing was kept{side.missing ? `: ${side.missing.replaceAll("_", " ")}` : ""}.</p> : <pre class="json" tabIndex={0} aria-label={name}>{laidOut(side.body)}</pre>}
    {side.truncated && <p class="note warn">It was longer; this is its beginning.</p>}
    <details class="whole"><summary>Headers</summary><Json value={side.headers} /></details>
  </>
);
