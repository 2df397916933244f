// SPDX-License-Identifier: Apache-2.0
// Settings: who may come here, where rows and alerts go, what is kept, and whether the books agree with themselves.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { post, remove, useList, useLoad, type Role } from "../api";
import { Badge, Copy, Empty, Facts, Head, Json, Money, Panel, Tabs, Time, Trouble } from "../components/bits";
import { Confirm, Dialog } from "../components/dialog";
import { CheckField, Form, SelectField, TextField } from "../components/form";
import { Objects } from "../components/objects";
import { listProps, Table, type Column } from "../components/table";
import { toast, toastProblem } from "../components/toast";
import { bytes, count, ms, percent, plural } from "../format";
import type { PageProps } from "../pages";
import { link, setQuery } from "../router";
import { everywhere, may, session } from "../session";
import { useCell } from "../store";
import { sheets } from "./settings-sheets";

const tabs = [["access", "Access"], ["workspaces", "Workspaces"], ["alerts", "Alerts"], ["exports", "Exports"], ["fields", "Fields"], ["books", "Books"]] as const;
const confined: readonly Tab[] = ["access", "workspaces"]; // all that who is confined to a workspace sees
type Tab = (typeof tabs)[number][0];

export function Settings({ query }: PageProps) {
  const seen = tabs.filter(([name]) => everywhere() || confined.includes(name));
  const tab = seen.find(([name]) => name === query.get("view"))?.[0] ?? "access";
  return (
    <div class="page">
      <Head title="Settings" lead="What stands in the configuration file is shown too; what is set here lies over it and survives a reload." >
        {may("own") && everywhere() && <Reload />}
      </Head>
      <Tabs tabs={seen} at={tab} onChange={(view) => setQuery({ view })} label="What to set" />
      {tab === "access" && <Access />}
      {tab === "workspaces" && <Objects kind="workspace" path="/workspaces" area="own" lead="A tenant: nothing crosses it, neither keys nor budgets nor rows." sheet={sheets.workspace} start={{ name: "" }}
        empty={<Empty title="No workspace">Keys that name none are all in the one called “default”. Make one for each tenant whose keys, budgets and rows shall be apart.</Empty>} />}
      {tab === "alerts" && <Alerts />}
      {tab === "exports" && <Exports />}
      {tab === "fields" && <Objects kind="setting" path="/settings" area="own" lead="Fields at the top of the configuration (limits, fx, log_level, ...) that were set over the file." sheet={sheets.setting} start={{ name: "log_level", value: "info" }}
        empty={<Empty title="Nothing is set over the file">All fields are as the configuration file, or the program itself, has them. What is set here is in force at once and survives a reload.</Empty>} />}
      {tab === "books" && <Books />}
    </div>
  );
}

function Reload() {
  const reload = async () => {
    try {
      await post("/reload");
      toast("The configuration was read again and is in force.");
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return <button onClick={reload}>Read the file again</button>;
}

/* ---- who may come here ---- */

interface Token {
  id: string;
  name: string;
  role: Role;
  workspace: string | null;
  owner: string | null;
  content: boolean;
  created_at: string | null;
  expires_at: string | null;
  last_used_at: string | null;
}

const roles: readonly (readonly [Role, string])[] = [["viewer", "viewer: sees"], ["finance", "finance: and sets budgets and prices"], ["admin", "admin: and changes keys, policies, vendors; stops"], ["owner", "owner: and decides who may come here"]];

function Access() {
  const here = useCell(session);
  const list = useList<Token>(may("own") ? "/tokens" : null, { limit: 200 });
  const [making, make] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const [dropping, drop] = useState<Token | null>(null);
  const remove1 = async () => {
    const { id } = dropping!;
    drop(null);
    try {
      await remove(`/tokens/${encodeURIComponent(id)}`);
      toast("Gone, and its sessions with it.");
      list.reload();
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <>
      {here && <Panel title="You"><Facts of={[["Name", here.actor.name], ["Role", here.actor.role], ["Captured content", here.content ? "may be read" : "may not be read"], ["Workspace", here.actor.workspace ?? "all"], ["This session ends", here.expires_at && <Time at={here.expires_at} relative />], ["Gate", here.version && `Tollgate ${here.version}`]]} /></Panel>}
      {may("own") && <Panel title="Admin tokens" flush actions={<button class="primary" onClick={() => make(true)}>Create token</button>}>
        <Table label="Admin tokens" {...listProps(list)} rowKey={(each) => each.id} columns={tokenColumns(drop)}
          empty={<Empty title="Only the first token">It stands in the data directory or the configuration. Make one for each person and each machine, with no more than it needs.</Empty>} />
      </Panel>}
      {making && <NewToken onClose={() => make(false)} onMade={(token) => (make(false), setMade(token), list.reload())} />}
      {made && (
        <Dialog open title="The token" onClose={() => setMade(null)}>
          <p>It is shown this once.</p>
          <p class="secret"><code>{made}</code> <Copy text={made} label="Copy the token" /></p>
          <footer><button class="primary" onClick={() => setMade(null)}>I have it</button></footer>
        </Dialog>
      )}
      <Confirm open={!!dropping} title={`Delete ${dropping?.name}?`} verb="Delete" danger onClose={() => drop(null)} onConfirm={remove1}><p>Who holds it is signed out at once.</p></Confirm>
    </>
  );
}

const tokenColumns = (drop: (token: Token) => void): Column<Token>[] => [
  { name: "name", title: "Token", cell: (each) => <b>{each.name}</b>, sort: (each) => each.name },
  { name: "role", title: "Role", cell: (each) => <><Badge tone={each.role === "owner" ? "warn" : "plain"}>{each.role}</Badge>{each.content && <> <Badge tone="warn" title="May read what was captured of calls">content</Badge></>}</> },
  { name: "workspace", title: "Workspace", cell: (each) => each.workspace ?? "all", minor: true },
  { name: "owner", title: "Owner", cell: (each) => each.owner ?? "–", wide: true, minor: true },
  { name: "used", title: "Last used", cell: (each) => <Time at={each.last_used_at} relative />, right: true, minor: true },
  { name: "expires", title: "Expires", cell: (each) => (each.expires_at ? <Time at={each.expires_at} relative /> : "never"), right: true, minor: true },
  { name: "do", title: "", cell: (each) => <button class="small danger quiet-danger" onClick={() => drop(each)}>Delete</button> },
];

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: (token: string) => void }) {
  const [draft, setDraft] = useState({ name: "", role: "viewer" as Role, workspace: "", owner: "", expires_at: "", content: false });
  const set = (change: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...change }));
  const submit = async () => {
    const members = Object.fromEntries(Object.entries(draft).filter(([, value]) => value));
    onMade((await post<{ token: string }>("/tokens", members)).token);
  };
  return (
    <Dialog open title="Create an admin token" onClose={onClose}>
      <Form onSubmit={submit} verb="Create token" onCancel={onClose}>
        <TextField name="name" label="Name" value={draft.name} onInput={(name) => set({ name })} autoFocus required hint="Of a person or a machine; it stands in the audit log." />
        <SelectField name="role" label="Role" value={draft.role} onChange={(role) => set({ role: role as Role })} options={roles} />
        <TextField name="workspace" label="Only in workspace" value={draft.workspace} onInput={(workspace) => set({ workspace })} placeholder="all" />
        <TextField name="owner" label="Owner" value={draft.owner} onInput={(owner) => set({ owner })} />
        {draft.role !== "owner" && <CheckField name="content" label="May read captured content, too" checked={draft.content} onChange={(content) => set({ content })} />}
        <TextField name="expires_at" label="Expires" value={draft.expires_at} onInput={(expires_at) => set({ expires_at })} placeholder="never; or 2027-01-31" />
      </Form>
    </Dialog>
  );
}

/* ---- alerts ---- */

interface Delivery {
  id: number;
  at: string;
  tries: number;
  done: boolean;
  trouble: string | null;
  alert: { event: string; text: string };
}

function Alerts() {
  const told = useList<Delivery>("/alerts/deliveries", { limit: 50 });
  const test = async (id: string) => {
    try {
      await post(`/alerts/${encodeURIComponent(id)}/test`);
      toast(`${id} took the test.`);
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <>
      <Objects kind="alert" path="/alerts" area="change" lead="Who is told: by signed webhook, Slack or mail" sheet={sheets.alert} start={{ name: "", webhook: "" }}
        empty={<Empty title="Nobody is told">A budget that runs full, a call that waits for a person, a vendor that fails: name who shall hear of it.</Empty>}
        more={[{ name: "test", title: "", cell: (each) => may("change") && <button class="small" onClick={() => test(each.id)}>Send a test</button> }]} />
      <Panel title="What was told" flush>
        <Table label="Deliveries" {...listProps(told)} rowKey={(each) => String(each.id)} empty={<Empty title="Nothing was told yet">“Send a test” beside an endpoint says whether it can be reached.</Empty>}
          columns={[
            { name: "at", title: "When", cell: (each) => <Time at={each.at} relative /> },
            { name: "event", title: "Event", minor: true, cell: (each) => <Badge>{each.alert.event}</Badge> },
            { name: "text", title: "What", cell: (each) => each.alert.text, wide: true },
            { name: "state", title: "", cell: (each) => <Badge tone={each.trouble ? "warn" : each.done ? "good" : "plain"} title={each.trouble ?? undefined}>{each.trouble ? "trouble" : each.done ? "told" : "waits"}</Badge> },
          ]} />
      </Panel>
    </>
  );
}

/* ---- exports ---- */

interface ExportStatus {
  position: number;
  newest: number;
  lag_rows: number;
  lag_seconds: number;
  last_sent_at: string | null;
  trouble: string | null;
}

function Lag({ id }: { id: string }) {
  const { data, error } = useLoad<ExportStatus>(`/exports/${encodeURIComponent(id)}/status`, {}, { every: 5000 });
  if (error) return <Badge tone="warn" title={error.message}>unknown</Badge>;
  if (!data) return <span class="quiet">…</span>;
  if (data.trouble) return <Badge tone="bad" title={data.trouble}>{count(data.lag_rows)} behind: {data.trouble}</Badge>;
  return data.lag_rows ? <Badge tone="warn">{count(data.lag_rows)} rows behind</Badge> : <Badge tone="good">up to date</Badge>;
}

function Exports() {
  const test = async (id: string) => {
    try {
      await post(`/exports/${encodeURIComponent(id)}/test`);
      toast(`${id} took the test.`);
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <Objects kind="export" path="/exports" area="own" lead="Where rows go: files, buckets, webhooks, collectors. From the audit chain itself, so nothing is lost while one is away." sheet={sheets.export} start={{ name: "", kind: "file", format: "jsonl" }}
      empty={<Empty title="Rows stay here">They are in the audit chain. An export hands them on as they come, to a file, a bucket, a webhook or a collector.</Empty>}
      more={[{ name: "lag", title: "State", cell: (each) => <Lag id={each.id} /> }, { name: "test", title: "", cell: (each) => may("own") && <button class="small" onClick={() => test(each.id)}>Test</button> }]} />
  );
}

/* ---- the books ---- */

interface Check {
  ok: boolean;
  at: string;
  ms: number;
  accounts: number;
  checked: number;
  moving: number;
  wrong_count: number;
  holds: number;
  oldest_hold: { call: string; at: string } | null;
  leaks: number;
  doubts: number;
  doubts_usd: string;
}

interface CacheState {
  entries: number;
  bytes: number;
  memory_limit: number;
  disk_entries: number;
  disk_bytes: number;
  disk_limit: number;
  disk_dropped: number;
  hits: number;
  misses: number;
  saved_usd: string;
}

const checkFacts = (of: Check): [string, ComponentChildren][] => [
  ["Accounts checked", `${count(of.checked)} of ${count(of.accounts)}, in ${ms(of.ms)}`], ["Changing while it looked", count(of.moving)], ["Do not agree", count(of.wrong_count)], ["Reservations held", count(of.holds)],
  ["The oldest of them", of.oldest_hold && <><a href={link("calls", of.oldest_hold.call)}>{of.oldest_hold.call}</a>, <Time at={of.oldest_hold.at} relative /></>], ["Older than any call may be", count(of.leaks)],
  ["Calls in doubt", count(of.doubts)], ["Held for those", <Money usd={of.doubts_usd} exact />],
];

const share = (of: CacheState): string => (of.hits + of.misses ? percent((100 * of.hits) / (of.hits + of.misses)) : "–");

const cacheFacts = (of: CacheState): [string, ComponentChildren][] => [
  ["In memory", `${plural(of.entries, "answer")}, ${bytes(of.bytes)} of ${bytes(of.memory_limit)}`], ["On disk", of.disk_limit ? `${plural(of.disk_entries, "answer")}, ${bytes(of.disk_bytes)} of ${bytes(of.disk_limit)}` : "off"],
  ["Given again", `${count(of.hits)} of ${count(of.hits + of.misses)} (${share(of)})`], ["Saved by it", <Money usd={of.saved_usd} exact />], ["Dropped from the disk", count(of.disk_dropped)],
];

const Whole = ({ of }: { of: unknown }) => <details class="whole"><summary>As JSON</summary><Json value={of} /></details>;

function Books() {
  const check = useLoad<Check>("/ledger/check");
  const cache = useLoad<CacheState>("/cache");
  return (
    <div class="columns">
      <Panel title="The ledger against the books" actions={<button onClick={check.reload}>Check now</button>}>
        {check.error && <Trouble of={check.error} retry={check.reload} />}
        {check.data && <p><Badge tone={check.data.ok ? "good" : "bad"}>{check.data.ok ? "they agree" : "they differ"}</Badge> <Time at={check.data.at} relative /></p>}
        {check.data && <div class="whole"><Facts of={checkFacts(check.data)} /><Whole of={check.data} /></div>}
      </Panel>
      <Panel title="Answers that are given again">{cache.error ? <Trouble of={cache.error} /> : cache.data && <><Facts of={cacheFacts(cache.data)} /><Whole of={cache.data} /></>}</Panel>
    </div>
  );
}
