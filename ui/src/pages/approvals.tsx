// SPDX-License-Identifier: Apache-2.0
// Calls that wait for a person: what each would do, for whom, and why it waits. Decided once; silence refuses.
import { useState } from "preact/hooks";

import { post, useList } from "../api";
import { Badge, Empty, Facts, Head, Id, Json, Money, Panel, Time, type Tone } from "../components/bits";
import { Dialog } from "../components/dialog";
import { Form, TextField } from "../components/form";
import { listProps, Table, type Column } from "../components/table";
import { toast } from "../components/toast";
import { ago } from "../format";
import { useLive } from "../live";
import type { PageProps } from "../pages";
import { link, setQuery } from "../router";
import { may } from "../session";

interface Approval {
  id: string;
  state: "pending" | "approved" | "refused" | "used" | "expired";
  at: string;
  until: string;
  most_usd: string | null;
  messages: number;
  workspace: string;
  key: string;
  key_name: string;
  run: string | null;
  step: string | null;
  vendor: string;
  operation: string;
  rule: string;
  customer: string | null;
  reason: string | null;
  actor: string | null;
  note: string | null;
  request: unknown;
  decided_at: string | null;
  call: string;
  used_by: string | null;
}

const tones: Record<string, Tone> = { pending: "warn", approved: "good", used: "good", refused: "bad", expired: "plain" };
const states = ["pending", "approved", "used", "refused", "expired"];

export function Approvals({ id, query }: PageProps) {
  const state = query.get("state") ?? "";
  const list = useList<Approval>("/approvals", { state, limit: 100 });
  const [decision, decide] = useState<{ of: Approval; yes: boolean } | null>(null);
  useLive<{ kind: string }>("config", ({ kind }) => kind === "approval" && list.reload());
  useLive<{ denied: string | null }>("call", ({ denied }) => denied === "approval_required" && list.reload());
  useLive("reopened", list.reload);
  const waiting = list.rows.filter((each) => each.state === "pending");
  const opened = list.rows.find((each) => each.id === id);
  return (
    <div class="page">
      <Head title="Approvals" lead="Calls that a policy lets through only with a person's yes. Nothing is reserved while they wait; silence ends in refusal." />
      {waiting.map((each) => <Waiting1 key={each.id} of={each} onDecide={(yes) => decide({ of: each, yes })} />)}
      <div class="filters">
        <select aria-label="State" value={state} onChange={(event) => setQuery({ state: event.currentTarget.value })}>
          <option value="">all of the last day</option>
          {states.map((name) => <option key={name}>{name}</option>)}
        </select>
      </div>
      <Panel flush>
        <Table label="Approvals" columns={columns} {...listProps(list)} rowKey={(each) => each.id} href={(each) => link("approvals", each.id, { state })}
          empty={<Empty title="Nothing waits">A rule such as “charges above $200 wait for a person” stands in a policy, under <code>approvals</code>.</Empty>} />
      </Panel>
      {opened && <Dialog open wide title={opened.operation} onClose={() => history.back()}><Told of={opened} /></Dialog>}
      {decision && <Decide of={decision.of} yes={decision.yes} onClose={() => decide(null)} onDone={() => (decide(null), list.reload())} />}
    </div>
  );
}

const columns: Column<Approval>[] = [
  { name: "operation", title: "Operation", cell: (each) => <code>{each.operation}</code>, wide: true },
  { name: "state", title: "State", cell: (each) => <Badge tone={tones[each.state]}>{each.state}</Badge> },
  { name: "most", title: "At most", cell: (each) => <Money usd={each.most_usd} />, right: true },
  { name: "key", title: "Key", cell: (each) => <a href={link("keys", each.key)}>{each.key_name}</a>, minor: true },
  { name: "run", title: "Run", cell: (each) => (each.run ? <a href={link("runs", each.run)}>{each.run}</a> : "–"), minor: true },
  { name: "by", title: "Decided by", cell: (each) => each.actor ?? "–", minor: true },
  { name: "note", title: "Note", cell: (each) => each.note ?? each.reason ?? "", minor: true },
  { name: "at", title: "Asked", cell: (each) => <Time at={each.at} relative />, right: true },
];

function Waiting1({ of, onDecide }: { of: Approval; onDecide: (yes: boolean) => void }) {
  return (
    <Panel title={<><Badge tone="warn">waits</Badge> <code>{of.operation}</code> {of.most_usd && <>for up to <Money usd={of.most_usd} /></>}</>}
      actions={may("change") && <><button class="primary" onClick={() => onDecide(true)}>Approve</button><button class="danger" onClick={() => onDecide(false)}>Refuse</button></>}>
      <Told of={of} />
    </Panel>
  );
}

function Told({ of }: { of: Approval }) {
  return (
    <>
      <Facts of={[
        ["Key", <a href={link("keys", of.key)}>{of.key_name}</a>],
        ["Run", of.run && <a href={link("runs", of.run)}>{of.run}</a>],
        ["Step", of.step],
        ["Customer", of.customer],
        ["At most", of.most_usd && <Money usd={of.most_usd} exact />],
        ["Messages", of.messages || null],
        ["Rule", of.rule],
        ["Reason the agent gave", of.reason],
        ["Asked", <Time at={of.at} relative />],
        ["Refused by itself", of.state === "pending" ? ago(of.until) : null],
        ["Decided", of.decided_at && <><Time at={of.decided_at} relative /> by {of.actor}{of.note ? `: “${of.note}”` : ""}</>],
        ["Call", <Id id={of.call} href={link("calls", of.call)} />],
        ["Made as", of.used_by && <Id id={of.used_by} href={link("calls", of.used_by)} />],
      ]} />
      <details><summary>The request</summary><Json value={of.request} /></details>
    </>
  );
}

function Decide({ of, yes, onClose, onDone }: { of: Approval; yes: boolean; onClose: () => void; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const submit = async () => {
    await post(`/approvals/${of.id}/${yes ? "approve" : "refuse"}`, reason ? { reason } : {});
    toast(yes ? "Approved: this one call may be made." : "Refused.");
    onDone();
  };
  return (
    <Dialog open title={`${yes ? "Approve" : "Refuse"} ${of.operation}?`} onClose={onClose}>
      <p>{yes ? <>This one request{of.most_usd && <>, for at most <Money usd={of.most_usd} exact /></>}{of.customer && ` for ${of.customer}`}, may be made once by {of.key_name}. Another amount or customer has to ask again.</>
        : <>{of.key_name} is told that a person refused it.</>}</p>
      <Form onSubmit={submit} verb={yes ? "Approve" : "Refuse"} danger={!yes} onCancel={onClose}>
        <TextField name="reason" label="Why" value={reason} onInput={setReason} autoFocus hint="Stands in the audit log beside your name." />
      </Form>
    </Dialog>
  );
}
