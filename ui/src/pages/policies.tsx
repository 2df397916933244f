// SPDX-License-Identifier: Apache-2.0
// Policies: what keys may do. The editor writes JSON, as the API has it; a request can be tried against it before it is saved.
import { useEffect, useState } from "preact/hooks";

import { getTagged, patch, post, remove, useList, useLoad, useWhole, type Page, Problem } from "../api";
import { Badge, Cut, Empty, Facts, Head, Money, Panel, Time, Trouble, Verdict } from "../components/bits";
import { Confirm } from "../components/dialog";
import { Search } from "../components/filters";
import { AreaField, CodeEditor, Form, SelectField, TextField } from "../components/form";
import { listProps, Table, Waiting, type Column } from "../components/table";
import { toast, toastProblem } from "../components/toast";
import { jsonText, plural } from "../format";
import { useLive } from "../live";
import type { PageProps } from "../pages";
import { go, link } from "../router";
import { may } from "../session";

interface Policy {
  id: string;
  name: string;
  origin: string;
  allow?: string[];
  deny?: string[];
  models?: string[];
  scopes?: Record<string, unknown>;
  parameters?: Record<string, unknown>;
  approvals?: unknown[];
  brakes?: unknown[];
  guardrails?: unknown;
}

export function Policies({ id, query }: PageProps) {
  if (id === "new") return <NewPolicy />;
  return id ? <OnePolicy key={id} id={id} /> : <AllPolicies query={query} />;
}

const some = (list: readonly string[] | undefined): string => list?.join(", ") ?? "";
const rules = (of: Policy): string =>
  [[Object.keys(of.scopes ?? {}).length, "scope"], [Object.keys(of.parameters ?? {}).length, "parameter rule"], [of.approvals?.length ?? 0, "approval"], [of.brakes?.length ?? 0, "brake"]]
    .filter(([n]) => n).map(([n, what]) => plural(n as number, what as string)).join(", ");

function AllPolicies({ query }: { query: URLSearchParams }) {
  const list = useList<Policy>("/policies", { limit: 500 });
  const wanted = (query.get("q") ?? "").toLowerCase();
  useWhole(list, !!wanted);
  useLive<{ kind: string }>("config", ({ kind }) => kind === "policy" && list.reload());
  return (
    <div class="page">
      <Head title="Policies" lead="What a key may do: operations, models, parameters, scopes. What no rule allows is refused.">
        {may("change") && <a class="button primary" href={link("policies", "new")}>Create policy</a>}
      </Head>
      <div class="filters">
        <Search value={query.get("q")} label="Search policies by name, operation or model" />
      </div>
      <Panel flush>
        <Table label="Policies" columns={columns} {...listProps(list)} rows={list.rows.filter((each) => !wanted || JSON.stringify(each).toLowerCase().includes(wanted))} rowKey={(each) => each.id} href={(each) => link("policies", each.name)}
          empty={<Empty title="No policy">A key without a policy could do nothing. A policy names the operations it may use, such as <code>stripe.refunds.create</code> or <code>openai.*</code>.</Empty>} />
      </Panel>
    </div>
  );
}

const columns: Column<Policy>[] = [
  { name: "name", title: "Policy", cell: (each) => <b>{each.name}</b>, sort: (each) => each.name },
  { name: "allow", title: "Allows", cell: (each) => some(each.allow), wide: true },
  { name: "deny", title: "Denies", cell: (each) => <Cut text={some(each.deny)} />, minor: true },
  { name: "models", title: "Models", cell: (each) => <Cut text={some(each.models) || "any"} />, minor: true },
  { name: "rules", title: "Rules", cell: (each) => <Cut text={rules(each)} />, minor: true },
  { name: "origin", title: "From", cell: (each) => <Badge>{each.origin}</Badge>, minor: true },
];

/* ---- the editor ---- */

/** What the API adds and does not take. */
const shown = ({ id: _id, origin: _origin, ...rest }: Policy): string => jsonText(rest);

/** The text as an object, or why it is none. */
function read(text: string): { value: Record<string, unknown>; wrong: null } | { value: null; wrong: string } {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? { value, wrong: null } : { value: null, wrong: "An object in braces is wanted." };
  } catch (error) {
    return { value: null, wrong: error instanceof Error ? error.message : String(error) };
  }
}

/** As a merge patch: what was there and is not any more is removed. */
const patchOf = (before: object, after: Record<string, unknown>): Record<string, unknown> => ({ ...Object.fromEntries(Object.keys(before).filter((name) => !(name in after)).map((name) => [name, null])), ...after });

function OnePolicy({ id }: { id: string }) {
  const path = `/policies/${encodeURIComponent(id)}`;
  const [found, setFound] = useState<{ value: Policy; etag: string | null } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [text, setText] = useState("");
  const [asking, ask] = useState(false);
  const load = async () => {
    try {
      const got = await getTagged<Policy>(path);
      setFound(got);
      setText(shown(got.value));
    } catch (error) {
      setProblem(error as Problem);
    }
  };
  useEffect(() => void load(), [path]);
  if (problem) return <div class="page"><Head title="Policy" back={{ href: link("policies"), text: "Policies" }} /><Trouble of={problem} /></div>;
  if (!found) return <div class="page"><Waiting /></div>;
  const base = JSON.parse(shown(found.value)) as object;
  const draft = read(text);
  const changed = text !== shown(found.value);
  const save = async () => {
    if (!draft.value) throw new Problem(0, "bad_request", draft.wrong, "policy");
    await patch(path, patchOf(base, draft.value), found.etag);
    toast("In force, for every call from now on.");
    await load();
  };
  const drop = async () => {
    ask(false);
    try {
      await remove(path);
      toast("Deleted.");
      go(link("policies"));
    } catch (error) {
      toastProblem(error);
    }
  };
  return (
    <div class="page">
      <Head title={found.value.name} lead={found.value.origin === "file" ? "Written in the configuration file; what is changed here lies over it." : undefined} back={{ href: link("policies"), text: "Policies" }}>
        <a class="button" href={link("keys", null, { q: found.value.name })}>Keys with it</a>
        {may("change") && found.value.origin !== "file" && <button class="danger quiet-danger" onClick={() => ask(true)}>Delete</button>}
      </Head>
      <div class="columns">
        <Panel title="Rules">
          <Form onSubmit={save} verb={changed ? "Save" : "Saved"} disabled={!changed || !may("change")}>
            <CodeEditor name="policy" label="The policy as JSON" value={text} onInput={setText} rows={24} readOnly={!may("change")} hint={draft.wrong ?? (changed ? "Not saved yet: what is tried beside it is judged by this text." : "docs/configuration.md lists every member.")} />
          </Form>
        </Panel>
        <Try policy={found.value.name} draft={changed ? draft.value && patchOf(base, draft.value) : null} broken={changed && !draft.value} />
      </div>
      <Confirm open={asking} title={`Delete ${found.value.name}?`} verb="Delete" danger onClose={() => ask(false)} onConfirm={drop}><p>It cannot be deleted while a key has it.</p></Confirm>
    </div>
  );
}

function NewPolicy() {
  const [name, setName] = useState("");
  const [allow, setAllow] = useState("");
  const [models, setModels] = useState("");
  const lines = (text: string): string[] | undefined => text.split(/[\s,]+/).filter(Boolean);
  const submit = async () => {
    await post("/policies", { name, allow: lines(allow), ...(models ? { models: lines(models) } : {}) });
    toast("Created.");
    go(link("policies", name));
  };
  return (
    <div class="page">
      <Head title="Create a policy" back={{ href: link("policies"), text: "Policies" }} lead="Start with what it allows; the editor that follows has everything else." />
      <Panel>
        <Form onSubmit={submit} verb="Create policy" onCancel={() => go(link("policies"))}>
          <TextField name="name" label="Name" value={name} onInput={setName} autoFocus required />
          <AreaField name="allow" label="Operations it allows" value={allow} onInput={setAllow} hint="One a line: stripe.charges.create, stripe.customers.*, openai.*" />
          <AreaField name="models" label="Models" value={models} onInput={setModels} rows={2} hint="Patterns; empty: any model of the operations above." />
        </Form>
      </Panel>
    </div>
  );
}

/* ---- a request against it ---- */

interface Explained {
  verdict: "allowed" | "denied" | "depends";
  code: string | null;
  status: number | null;
  rule: string | null;
  reason: string | null;
  operation: string | null;
  vendor: string | null;
  model: string | null;
  note: string | null;
  approval: unknown;
  unread: string[];
  cost: { known: boolean; most_usd: string | null };
  scopes: { name: string; value: string }[];
  budgets: { budget: string; owner: string; unit: string; window: string; limit_usd?: string; limit?: number; needs_usd?: string; needs?: number; fits: boolean; resets_at: string | null }[];
}

const examples: Record<string, { method: string; url: string; body: string }> = {
  refund: { method: "POST", url: "/stripe/v1/refunds", body: "charge=ch_1&amount=900" },
  charge: { method: "POST", url: "/stripe/v1/charges", body: "amount=1500&currency=usd&customer=cus_1" },
  text: { method: "POST", url: "/twilio/2010-04-01/Accounts/AC1/Messages.json", body: "To=%2B15005550006&From=%2B15005550001&Body=hello" },
  mail: { method: "POST", url: "/resend/emails", body: '{"from":"a@example.com","to":["b@example.com"],"subject":"hello","text":"hello"}' },
  chat: { method: "POST", url: "/v1/chat/completions", body: '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}' },
};

function Try({ policy, draft, broken }: { policy: string; draft: Record<string, unknown> | null; broken: boolean }) {
  const keys = useLoad<Page<{ id: string; name: string; policy: string }>>("/keys", { limit: 1000 });
  const fitting = keys.data?.data.filter((each) => each.policy === policy) ?? [];
  const [key, setKey] = useState("");
  const [asked, setAsked] = useState(examples.refund!);
  const [told, setTold] = useState<Explained | null>(null);
  const who = key || fitting[0]?.name || "";
  const submit = async () => setTold(await post<Explained>("/explain", { key: who, ...asked, ...(draft ? { policy: { ...draft, name: policy } } : {}) }));
  if (keys.data && fitting.length === 0) return <Panel title="Try a request"><Empty title="No key has this policy">A request is always some key's: give the policy to one, then try.</Empty></Panel>;
  return (
    <Panel title="Try a request">
      <Form onSubmit={submit} verb="What would become of it?" disabled={broken}>
        <SelectField name="key" label="As" value={who} onChange={setKey} options={fitting.map((each) => [each.name, each.name] as const)} />
        <div class="row">{Object.entries(examples).map(([name, example]) => <button key={name} type="button" class="small" onClick={() => setAsked(example)}>{name}</button>)}</div>
        <SelectField name="method" label="Method" value={asked.method} onChange={(method) => setAsked({ ...asked, method })} options={["GET", "POST", "PUT", "PATCH", "DELETE"]} />
        <TextField name="url" label="Address" value={asked.url} onInput={(url) => setAsked({ ...asked, url })} hint="The gate's path, or the vendor's own address." />
        <AreaField name="body" label="Body" value={asked.body} onInput={(body) => setAsked({ ...asked, body })} />
      </Form>
      <div role="status">{told && <Told of={told} draft={draft !== null} />}</div>
    </Panel>
  );
}

function Told({ of, draft }: { of: Explained; draft: boolean }) {
  return (
    <>
      <p class="told"><Verdict verdict={of.verdict} denied={of.code} /> {draft && <Badge tone="info">by the text that is not saved</Badge>} {of.reason}</p>
      <Facts of={[
        ["Operation", of.operation && <code>{of.operation}</code>],
        ["Model", of.model],
        ["Rule", of.rule],
        ["Status the agent sees", of.status],
        ["Costs at most", of.cost.known ? <Money usd={of.cost.most_usd} exact /> : "not known without asking the vendor"],
        ["Touches", of.scopes.map(({ name, value }) => `${name} ${value}`).join(", ")],
        ["Would be read first", of.unread.join(", ")],
        ["Waits for a person", of.approval ? "yes" : null],
        ["Note", of.note],
      ]} />
      {of.budgets.length > 0 && (
        <Table label="Budgets that it would touch" rows={of.budgets} rowKey={(each) => each.budget} empty={null}
          columns={[
            { name: "owner", title: "Budget of", cell: (each) => `${each.owner.replace(/^key:/, "")}, per ${each.window}` },
            { name: "needs", title: "Needs", cell: (each) => (each.needs_usd !== undefined ? <Money usd={each.needs_usd} /> : each.needs), right: true },
            { name: "fits", title: "", cell: (each) => <Badge tone={each.fits ? "good" : "bad"}>{each.fits ? "fits" : "does not fit"}</Badge> },
            { name: "resets", title: "Resets", cell: (each) => <Time at={each.resets_at} relative />, right: true, minor: true },
          ]} />
      )}
    </>
  );
}
