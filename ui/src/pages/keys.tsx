// SPDX-License-Identifier: Apache-2.0
// Keys: who may call, with whose secrets, and how much. A token is shown once, when it is made.
import { useState } from "preact/hooks";

import { get, getTagged, patch, post, remove, useList, useLoad, useWhole, type Page, type Problem } from "../api";
import { Badge, Copy, Empty, Facts, Figure, Head, Id, Money, Panel, Time, Trouble } from "../components/bits";
import { LimitsEditor, said, type Limit } from "../components/budgets";
import { Confirm, Dialog } from "../components/dialog";
import { Search } from "../components/filters";
import { CheckField, Form, SelectField, TextField } from "../components/form";
import { openStop } from "../components/stop";
import { listProps, Partly, Table, Waiting, type Column } from "../components/table";
import { toast, toastProblem } from "../components/toast";
import { count } from "../format";
import { useLive } from "../live";
import type { PageProps } from "../pages";
import { go, link } from "../router";
import { everywhere, may } from "../session";

export interface Key {
  id: string;
  name: string;
  origin: "file" | "api";
  token: string;
  policy: string;
  credentials?: string[];
  budgets?: Limit[];
  workspace?: string;
  user?: string;
  team?: string;
  owner?: string;
  purpose?: string;
  label?: string;
  expires_at?: string;
  revoked_at?: string;
  addresses?: string[];
  dry_run?: boolean;
  route?: string;
  shadow?: string;
  metadata?: Record<string, unknown>;
}

interface Sums {
  key: string;
  cost_usd: string;
  calls: number;
  refused: number;
  last_at: string | null;
}

export function Keys({ id, query }: PageProps) {
  return id ? <OneKey id={id} /> : <AllKeys query={query} />;
}

const PolicyName = ({ of }: { of: string }) => (everywhere() ? <a href={link("policies", of)}>{of}</a> : <>{of}</>);

export function KeyState({ of }: { of: Key }) {
  if (of.revoked_at) return <Badge tone="bad">revoked</Badge>;
  if (of.expires_at && Date.parse(of.expires_at) <= Date.now()) return <Badge tone="bad">expired</Badge>;
  return of.dry_run ? <Badge tone="info">rehearsal</Badge> : <Badge tone="good">open</Badge>;
}

/* ---- all of them ---- */

function AllKeys({ query }: { query: URLSearchParams }) {
  const list = useList<Key>("/keys", { limit: 200 });
  const [all, setAll] = useState(false);
  const spent = useLoad<{ data: Sums[] }>("/usage", { by: "key", window: "day" }, { every: 10_000 });
  const sums = new Map(spent.data?.data.map((each) => [each.key, each]));
  const wanted = (query.get("q") ?? "").toLowerCase();
  const rows = list.rows.filter((key) => [key.name, key.id, key.policy, key.workspace, key.user, key.owner, key.label].some((text) => text?.toLowerCase().includes(wanted)) || !wanted);
  useWhole(list, all || !!wanted);
  useLive("config", list.reload);
  return (
    <div class="page">
      <Head title="Keys" lead="An agent holds a key, never a vendor's secret. Here is who may call, with which policy, and how much.">
        {may("change") && <a class="button primary" href={link("keys", "new")}>Create key</a>}
      </Head>
      <div class="filters">
        <Search value={query.get("q")} label="Search keys by name, policy, workspace, owner or label" />
      </div>
      <Partly list={list} what="keys" readAll={() => setAll(true)} />
      <Panel flush>
        <Table label="Keys" columns={columnsWith(sums)} {...listProps(list)} rows={rows} rowKey={(key) => key.id} href={(key) => link("keys", key.id)}
          empty={wanted ? <Empty title="No key like this">None has “{wanted}” in its name, policy, workspace, owner or label.</Empty>
            : <Empty title="No key yet">A key is what an agent holds instead of a secret. Create one, and point the agent's SDK at this gate.</Empty>} />
      </Panel>
    </div>
  );
}

const columnsWith = (sums: Map<string, Sums>): Column<Key>[] => [
  { name: "name", title: "Key", cell: (key) => <b>{key.name}</b>, sort: (key) => key.name },
  { name: "state", title: "State", cell: (key) => <KeyState of={key} /> },
  { name: "policy", title: "Policy", cell: (key) => <PolicyName of={key.policy} />, sort: (key) => key.policy },
  { name: "budgets", title: "Budgets", cell: (key) => (key.budgets?.length ? key.budgets.map(said).join(" · ") : <span class="quiet">none of its own</span>), wide: true, minor: true },
  { name: "workspace", title: "Workspace", cell: (key) => key.workspace ?? "default", minor: true },
  { name: "today", title: "Today", cell: (key) => <Money usd={sums.get(key.id)?.cost_usd ?? "0"} />, right: true, sort: (key) => Number(sums.get(key.id)?.cost_usd ?? 0) },
  { name: "calls", title: "Calls", cell: (key) => count(sums.get(key.id)?.calls ?? 0), right: true, minor: true, sort: (key) => sums.get(key.id)?.calls ?? 0 },
  { name: "refused", title: "Refused", cell: (key) => count(sums.get(key.id)?.refused ?? 0), right: true, minor: true, sort: (key) => sums.get(key.id)?.refused ?? 0 },
  { name: "last", title: "Last call", cell: (key) => <Time at={sums.get(key.id)?.last_at} relative />, right: true, minor: true },
];

/* ---- one ---- */

function OneKey({ id }: { id: string }) {
  if (id === "new") return <NewKey />;
  return <ShownKey id={id} />;
}

function ShownKey({ id }: { id: string }) {
  const { data: key, error, loading, reload } = useLoad<Key>(`/keys/${encodeURIComponent(id)}`);
  const [asked, ask] = useState<"revoke" | "delete" | "rotate" | "change" | null>(null);
  const [token, setToken] = useState<string | null>(null);
  useLive("config", reload);
  if (error) return <div class="page"><Head title="Key" back={{ href: link("keys"), text: "Keys" }} /><Trouble of={error as Problem} retry={reload} /></div>;
  if (!key || loading) return <div class="page"><Waiting /></div>;
  const act = (verb: string, done: string) => async () => {
    ask(null);
    try {
      if (verb === "delete") await remove(`/keys/${encodeURIComponent(id)}`);
      else await post(`/keys/${encodeURIComponent(id)}/${verb}`);
      toast(done);
      if (verb === "delete") go(link("keys"));
      else reload();
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <div class="page">
      <Head title={key.name} lead={key.purpose} back={{ href: link("keys"), text: "Keys" }}>
        <a class="button" href={link("calls", null, { key: key.id })}>Its calls</a>
        {may("change") && !key.revoked_at && <button onClick={() => ask("change")}>Change</button>}
        {may("change") && !key.revoked_at && <button onClick={() => ask("rotate")}>Rotate</button>}
        {may("change") && !key.revoked_at && <button onClick={() => openStop({ kind: "key", value: key.id })}>Stop for a while</button>}
        {may("change") && !key.revoked_at && <button class="danger" onClick={() => ask("revoke")}>Revoke</button>}
        {may("change") && key.revoked_at && key.origin === "api" && <button class="danger" onClick={() => ask("delete")}>Delete</button>}
      </Head>
      <KeySums id={key.id} />
      <div class="columns">
        <Panel title="What it may">
          <Facts of={[
            ["State", <KeyState of={key} />],
            ["Policy", <PolicyName of={key.policy} />],
            ["Tried beside it", key.shadow],
            ["Credentials", key.credentials?.join(", ") || "none"],
            ["Route", key.route],
            ["Addresses", key.addresses?.join(", ")],
            ["Budgets", key.budgets?.length ? <ul>{key.budgets.map((each) => <li key={said(each)}>{said(each)}</li>)}</ul> : "none of its own"],
          ]} />
        </Panel>
        <Panel title="Whose it is">
          <Facts of={[
            ["Id", <Id id={key.id} />],
            ["Token", <code>{key.token}</code>],
            ["Workspace", key.workspace ?? "default"],
            ["Owner", key.owner],
            ["User", key.user],
            ["Team", key.team],
            ["Label", key.label],
            ["Written in", key.origin === "file" ? "the configuration file" : "the API"],
            ["Expires", key.expires_at && <Time at={key.expires_at} relative />],
            ["Revoked", key.revoked_at && <Time at={key.revoked_at} relative />],
          ]} />
        </Panel>
      </div>
      <Confirm open={asked === "revoke"} title={`Revoke ${key.name}?`} verb="Revoke" danger onClose={() => ask(null)} onConfirm={act("revoke", "Revoked: nothing of this key is forwarded any more.")}>
        <p>From the next moment on no call of this key is forwarded, and calls under way are cut. This cannot be taken back: a new key has to be made.</p>
      </Confirm>
      <Confirm open={asked === "delete"} title={`Delete ${key.name}?`} verb="Delete" danger onClose={() => ask(null)} onConfirm={act("delete", "Deleted.")}>
        <p>Its rows and what it cost remain.</p>
      </Confirm>
      {asked === "rotate" && <Rotate of={key} onClose={() => ask(null)} onToken={(made) => (ask(null), setToken(made), reload())} />}
      {asked === "change" && <Change of={key} onClose={() => ask(null)} onDone={() => (ask(null), toast("Changed."), reload())} />}
      {token && <Token name={key.name} token={token} onClose={() => setToken(null)} />}
    </div>
  );
}

function KeySums({ id }: { id: string }) {
  const day = useLoad<{ total: Sums & { forwarded: number } }>("/usage", { key: id, window: "day" }, { every: 5000 });
  const month = useLoad<{ total: Sums & { forwarded: number } }>("/usage", { key: id, window: "month" }, { every: 30_000 });
  const today = day.data?.total;
  return (
    <div class="figures">
      <Figure name="Spent today"><Money usd={today?.cost_usd ?? "0"} /></Figure>
      <Figure name="Spent this month"><Money usd={month.data?.total.cost_usd ?? "0"} /></Figure>
      <Figure name="Calls today" note={`${count(today?.forwarded ?? 0)} forwarded`}>{count(today?.calls ?? 0)}</Figure>
      <Figure name="Refused today" tone={today?.refused ? "bad" : undefined}>{count(today?.refused ?? 0)}</Figure>
    </div>
  );
}

function Rotate({ of, onClose, onToken }: { of: Key; onClose: () => void; onToken: (token: string) => void }) {
  const [overlap, setOverlap] = useState("24h");
  const submit = async () => onToken((await post<{ token: string }>(`/keys/${encodeURIComponent(of.id)}/rotate`, overlap ? { overlap } : {})).token);
  return (
    <Dialog open title={`A new token for ${of.name}`} onClose={onClose}>
      <Form onSubmit={submit} verb="Rotate" onCancel={onClose}>
        <TextField name="overlap" label="The old one stays valid for" value={overlap} onInput={setOverlap} hint="“24h”, “7d”, at most 90 days; empty: it ends at once." />
      </Form>
    </Dialog>
  );
}

function Token({ name, token, onClose }: { name: string; token: string; onClose: () => void }) {
  return (
    <Dialog open title={`The token of ${name}`} onClose={onClose}>
      <p>It is shown this once; the gate keeps only a hash. Give it to the agent where its SDK wants the vendor's secret.</p>
      <p class="secret"><code data-token>{token}</code> <Copy text={token} label="Copy the token" /></p>
      <footer><button class="primary" onClick={onClose}>I have it</button></footer>
    </Dialog>
  );
}

/* ---- making and changing ---- */

interface Draft {
  name: string;
  policy: string;
  credentials: string[];
  budgets: Limit[];
  workspace: string;
  owner: string;
  purpose: string;
  label: string;
  addresses: string;
  expires: string;
  dryRun: boolean;
}

const draftOf = (key?: Key): Draft => ({
  name: key?.name ?? "", policy: key?.policy ?? "", credentials: key?.credentials ?? [], budgets: key?.budgets ?? (key ? [] : [{ limit: "20 usd", window: "day" }]), workspace: key?.workspace ?? "",
  owner: key?.owner ?? "", purpose: key?.purpose ?? "", label: key?.label ?? "", addresses: key?.addresses?.join(", ") ?? "", expires: key?.expires_at?.slice(0, 10) ?? "", dryRun: key?.dry_run ?? false,
});

/** Members that are empty are left out of a new key, and removed (null) from one that is there. */
function bodyOf(draft: Draft, none: null | undefined) {
  const list = draft.addresses.split(/[\s,]+/).filter(Boolean);
  return {
    name: draft.name, policy: draft.policy, credentials: draft.credentials.filter(Boolean), budgets: draft.budgets, workspace: draft.workspace || none, owner: draft.owner || none, purpose: draft.purpose || none,
    label: draft.label || none, addresses: list.length ? list : none, expires_at: draft.expires || none, dry_run: draft.dryRun || none,
  };
}

interface Named {
  id: string;
  name: string;
  vendor?: string;
}

function KeyFields({ draft, set }: { draft: Draft; set: (change: Partial<Draft>) => void }) {
  const policies = useLoad<Page<Named>>(everywhere() ? "/policies" : null, { limit: 500 });
  const credentials = useLoad<Page<Named>>(everywhere() ? "/credentials" : null, { limit: 500 });
  const toggle = (name: string, on: boolean) => set({ credentials: on ? [...draft.credentials, name] : draft.credentials.filter((each) => each !== name) });
  return (
    <>
      <TextField name="name" label="Name" value={draft.name} onInput={(name) => set({ name })} required autoFocus hint="Of the agent, say; it stands in rows and reports." />
      {everywhere() ? <SelectField name="policy" label="Policy" value={draft.policy} onChange={(policy) => set({ policy })} options={[["", "choose one"], ...(policies.data?.data.map((each) => [each.name, each.name] as const) ?? [])]} />
        : <TextField name="policy" label="Policy" value={draft.policy} onInput={(policy) => set({ policy })} required hint="One that a key of your workspace has already." />}
      {everywhere() ? <fieldset class="choices">
        <legend>Credentials</legend>
        {credentials.data?.data.map((each) => (
          <CheckField key={each.name} name="credentials" label={`${each.name} (${each.vendor})`} checked={draft.credentials.includes(each.name)} onChange={(on) => toggle(each.name, on)} />
        ))}
        {credentials.data?.data.length === 0 && <p class="hint">None yet: a credential is a vendor's secret that the gate keeps. Make one under Vendors.</p>}
      </fieldset> : <TextField name="credentials" label="Credentials" value={draft.credentials.join(", ")} onInput={(text) => set({ credentials: text.split(/[\s,]+/) })} hint="Of those that keys of your workspace have already." />}
      <LimitsEditor value={draft.budgets} onChange={(budgets) => set({ budgets })} />
      <details>
        <summary>More: owner, purpose, label, workspace, addresses, expiry, rehearsal</summary>
        <TextField name="owner" label="Owner" value={draft.owner} onInput={(owner) => set({ owner })} hint="Who answers for it; access reports list keys by owner." />
        <TextField name="purpose" label="Purpose" value={draft.purpose} onInput={(purpose) => set({ purpose })} />
        <TextField name="label" label="Label" value={draft.label} onInput={(label) => set({ label })} placeholder="tenant:agent:feature" hint="Reports can be made by any part of it, from the left." />
        <TextField name="workspace" label="Workspace" value={draft.workspace} onInput={(workspace) => set({ workspace })} placeholder="default" />
        <TextField name="addresses" label="Addresses it may be used from" value={draft.addresses} onInput={(addresses) => set({ addresses })} placeholder="any; or 203.0.113.0/24, 2001:db8::1" />
        <TextField name="expires_at" label="Expires" value={draft.expires} onInput={(expires) => set({ expires })} placeholder="never; or 2027-01-31" />
        <CheckField name="dry_run" label="Rehearsal: judge and record its calls, forward nothing" checked={draft.dryRun} onChange={(dryRun) => set({ dryRun })} />
      </details>
    </>
  );
}

function NewKey() {
  const [draft, setDraft] = useState(draftOf());
  const [made, setMade] = useState<Key | null>(null);
  const submit = async () => setMade(await post<Key>("/keys", bodyOf(draft, undefined)));
  return (
    <div class="page">
      <Head title="Create a key" back={{ href: link("keys"), text: "Keys" }} lead="The budgets hold for all its calls, tokens and charges together, and are never passed." />
      <Panel>
        <Form onSubmit={submit} verb="Create key" onCancel={() => go(link("keys"))}>
          <KeyFields draft={draft} set={(change) => setDraft((before) => ({ ...before, ...change }))} />
        </Form>
      </Panel>
      {made && <Token name={made.name} token={made.token} onClose={() => go(link("keys", made.id))} />}
    </div>
  );
}

function Change({ of, onClose, onDone }: { of: Key; onClose: () => void; onDone: () => void }) {
  const [draft, setDraft] = useState(draftOf(of));
  const path = `/keys/${encodeURIComponent(of.id)}`;
  const submit = async () => {
    const { etag } = await getTagged<Key>(path);
    const now = await get<Key>(path);
    if (JSON.stringify(now) !== JSON.stringify(of)) throw new Error("Somebody else changed this key meanwhile. Close this, look at it, and change it again.");
    await patch(path, bodyOf(draft, null), etag);
    onDone();
  };
  return (
    <Dialog open wide title={`Change ${of.name}`} onClose={onClose}>
      <Form onSubmit={submit} verb="Save" onCancel={onClose}>
        <KeyFields draft={draft} set={(change) => setDraft((before) => ({ ...before, ...change }))} />
      </Form>
    </Dialog>
  );
}
