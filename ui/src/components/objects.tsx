// SPDX-License-Identifier: Apache-2.0
// Objects of the configuration that are little more than their fields: a list, and a dialog with a form for what is common and the whole
// as JSON for the rest.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { patch, post, Problem, remove, useList } from "../api";
import { jsonLine, jsonText } from "../format";
import { useLive } from "../live";
import { may } from "../session";
import { Badge, Panel, Tabs } from "./bits";
import { Confirm, Dialog } from "./dialog";
import { CodeEditor, Form } from "./form";
import { patchOf, Sheet, type Draft, type Line } from "./sheet";
import { listProps, Table, type Column } from "./table";
import { toast, toastProblem } from "./toast";

export type Thing = Draft & { id: string; origin?: string };

interface ObjectsProps {
  kind: string;
  path: string;
  area: "change" | "own";
  lead: string;
  /** Its form. */
  sheet: readonly Line[];
  /** What a new one begins with. */
  start: Draft;
  /** What stands where nothing is, and how it comes to be. */
  empty: ComponentChildren;
  /** Columns beside the name. */
  more?: Column<Thing>[];
}

export function Objects({ kind, path, area, lead, sheet, start, empty, more = [] }: ObjectsProps) {
  const list = useList<Thing>(path, { limit: 200 });
  const [edited, edit] = useState<Thing | "new" | null>(null);
  const [dropping, drop] = useState<Thing | null>(null);
  useLive<{ kind: string }>("config", (event) => event.kind === kind && list.reload());
  const allowed = may(area);
  const remove1 = async () => {
    const { id } = dropping!;
    drop(null);
    try {
      await remove(`${path}/${encodeURIComponent(id)}`);
      toast("Deleted.");
      list.reload();
    } catch (problem) {
      toastProblem(problem);
    }
  };
  const columns: Column<Thing>[] = [
    { name: "id", title: kind[0]!.toUpperCase() + kind.slice(1), cell: (each) => <b>{String(each.name ?? each.id)}</b> },
    ...more,
    { name: "body", title: "As it is", cell: (each) => <code>{jsonLine(tellingOf(each))}</code>, wide: true, minor: true },
    { name: "origin", title: "From", cell: (each) => <Badge>{each.origin ?? "api"}</Badge>, minor: true },
    { name: "do", title: "", cell: (each) => allowed && <span class="row"><button class="small" onClick={() => edit(each)}>Change</button>{each.origin !== "file" && <button class="small danger quiet-danger" onClick={() => drop(each)}>Delete</button>}</span> },
  ];
  return (
    <Panel title={lead} flush actions={allowed && <button class="primary" onClick={() => edit("new")}>Create {kind}</button>}>
      <Table label={`${kind}s`} columns={columns} {...listProps(list)} rowKey={(each) => each.id} empty={empty} />
      {edited && <Editor kind={kind} path={path} of={edited === "new" ? null : edited} sheet={sheet} start={start} onClose={() => edit(null)} onDone={() => (edit(null), list.reload())} />}
      <Confirm open={!!dropping} title={`Delete ${dropping?.id}?`} verb="Delete" danger onClose={() => drop(null)} onConfirm={remove1}><p>It is gone from the configuration; rows remain.</p></Confirm>
    </Panel>
  );
}

/** What is worth a column: not what stands beside it, nor what is as it always is. */
const tellingOf = (thing: Thing): object => Object.fromEntries(Object.entries(membersOf(thing)).filter(([name, value]) => name !== "name" && value !== null));

/** What may be sent back: the rest the gate says of it, and does not take. */
const membersOf = ({ id: _id, origin: _origin, secret_set: _set, ...rest }: Thing): Draft => rest;

interface EditorProps {
  kind: string;
  path: string;
  of: Thing | null;
  sheet: readonly Line[];
  start: Draft;
  onClose: () => void;
  onDone: () => void;
}

const views = [["form", "Form"], ["json", "JSON (advanced)"]] as const;

function parsed(text: string, kind: string): Draft {
  try {
    return JSON.parse(text) as Draft;
  } catch (error) {
    throw new Problem(0, "json", `${kind}: this is no JSON: ${error instanceof Error ? error.message : error}`, kind);
  }
}

/** One object: the form and the text are two views of the same draft, and switching carries over what was typed. */
function Editor({ kind, path, of, sheet, start, onClose, onDone }: EditorProps) {
  const before = of ? membersOf(of) : start;
  const [draft, setDraft] = useState<Draft>(before);
  const lines = of ? sheet.filter((line) => line.at !== "name") : sheet;
  const [text, setText] = useState<string | null>(lines.some((line) => !line.unless?.(before)) ? null : jsonText(before)); // null: the form is shown
  const [unread, setUnread] = useState<string | null>(null);
  const show = (view: "form" | "json") => {
    try {
      setUnread(null);
      if (view === "form" && text !== null) setDraft(parsed(text, kind));
      setText(view === "form" ? null : jsonText(draft));
    } catch (problem) {
      setUnread((problem as Problem).message);
    }
  };
  const submit = async () => {
    const after = text === null ? draft : parsed(text, kind);
    if (of) await patch(`${path}/${encodeURIComponent(of.id)}`, patchOf(before, after));
    else if (kind === "setting") await patch(`${path}/${encodeURIComponent(String(after.name))}`, { value: after.value }); // fields are there or not: none is made
    else await post(path, after);
    toast("In force.");
    onDone();
  };
  return (
    <Dialog open wide title={of ? `Change ${kind} ${of.id}` : `Create ${kind}`} onClose={onClose}>
      <Tabs tabs={views} at={text === null ? "form" : "json"} onChange={show} label="As a form, or whole" />
      {unread && <p class="trouble" role="alert">{unread}</p>}
      <Form onSubmit={submit} verb="Save" onCancel={onClose}>
        {text === null ? <Sheet lines={lines} draft={draft} secretSet={of?.secret_set === true} onChange={setDraft} /> : <CodeEditor name={kind} label="As JSON" value={text} onInput={setText} rows={14} />}
      </Form>
    </Dialog>
  );
}
