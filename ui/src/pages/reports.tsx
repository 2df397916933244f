// SPDX-License-Identifier: Apache-2.0
// Reports: what was spent, by whom and for what; what the month will cost; who can reach what; an invoice laid against the ledger. Each is
// shown as the gate writes it, and leaves as CSV with the same numbers.
import { useState } from "preact/hooks";

import { download, get, Problem, upload, useLoad } from "../api";
import { Empty, Facts, Head, Money, Panel, Time, Trouble } from "../components/bits";
import { Form, SelectField, TextField } from "../components/form";
import { Table, Waiting, type Column } from "../components/table";
import { toastProblem } from "../components/toast";
import { count } from "../format";
import type { PageProps } from "../pages";
import { link, setQuery } from "../router";
import { may, session } from "../session";

interface Report {
  id: string;
  method: string;
  path: string;
  title: string;
  query: string[];
}

type Row = Record<string, unknown>;
type Paper = Row & { data: Row[]; total?: Row };

export function Reports({ id, query }: PageProps) {
  const { data, error, loading, reload } = useLoad<{ data: Report[] }>("/reports");
  if (error) return <div class="page"><Head title="Reports" /><Trouble of={error} retry={reload} /></div>;
  if (!data || loading) return <div class="page"><Waiting /></div>;
  const report = data.data.find((each) => each.id === id);
  if (report?.id === "invoice") return <Invoice report={report} />;
  if (report?.id === "evidence") return <Evidence report={report} />;
  return report ? <OneReport key={report.id} report={report} query={query} /> : <AllReports reports={data.data} />;
}

const nameOf = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1).replaceAll("_", " ");

function AllReports({ reports }: { reports: Report[] }) {
  return (
    <div class="page">
      <Head title="Reports" lead="Sums equal the ledger to the last digit, whichever way they are cut." />
      <div class="columns cards">
        {reports.filter((each) => each.id !== "evidence" || !session.get()?.actor.workspace).map((each) => (
          <Panel key={each.id} title={<a href={link("reports", each.id)}>{nameOf(each.id)}</a>}><p>{each.title}</p></Panel>
        ))}
      </div>
    </div>
  );
}

const back = { href: link("reports"), text: "Reports" };
const hints: Record<string, string> = { by: "key, vendor, model, label:2, metadata:team", from: "2026-01-01", to: "2026-02-01", month: "2026-01", label_depth: "2", owner: "ann@example.com" };

function OneReport({ report, query }: { report: Report; query: URLSearchParams }) {
  const fields = report.query.filter((name) => name !== "format" && name !== "totals");
  const asked = Object.fromEntries(fields.map((name) => [name, query.get(name)]));
  const [draft, setDraft] = useState<Record<string, string>>(Object.fromEntries(fields.map((name) => [name, query.get(name) ?? ""])));
  const path = report.path.replace("/api/v1", "");
  const paper = useLoad<Paper>(path, asked);
  const save = async () => {
    try {
      await download(path, { ...asked, format: "csv" }, `${report.id}.csv`);
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return (
    <div class="page">
      <Head title={nameOf(report.id)} lead={report.title} back={back}><button onClick={save}>Save as CSV</button></Head>
      <form class="filters of-report" onSubmit={(event) => (event.preventDefault(), setQuery(draft))}>
        {fields.map((name) => <label key={name}>{name.replaceAll("_", " ")} <input placeholder={hints[name] ?? "any"} value={draft[name]} onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })} /></label>)}
        <button class="primary">Show</button>
      </form>
      {paper.error && <Trouble of={paper.error} retry={paper.reload} />}
      {!paper.error && !paper.data && <Waiting />}
      {paper.data && <Shown paper={paper.data} />}
    </div>
  );
}

const isMoney = (name: string): boolean => name.endsWith("_usd") || name.startsWith("usd_per_") || name === "usd";
const isTime = (value: unknown): value is string => typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value);
/** "cost_usd" is "cost"; "tokens_usd" beside a count of tokens is "cost of tokens". */
function words(name: string, others: readonly string[] = []): string {
  const plain = name.replace(/_usd$/, "").replaceAll("_", " ");
  return name.endsWith("_usd") && others.includes(name.slice(0, -4)) ? `cost of ${plain}` : plain;
}

function cell(name: string, value: unknown) {
  if (value === null || value === undefined || value === "") return <span class="quiet">–</span>;
  if (isMoney(name)) return <Money usd={String(value)} />;
  if (isTime(value)) return <Time at={value} />;
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "number") return count(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function Shown({ paper }: { paper: Paper }) {
  const { data, total, ...rest } = paper;
  const notes = Object.entries(rest).filter(([, value]) => value !== null && !Array.isArray(value) && typeof value !== "object");
  const lists = Object.entries(rest).filter((entry): entry is [string, Row[]] => Array.isArray(entry[1]) && typeof entry[1][0] === "object");
  return (
    <>
      {notes.length > 0 && <Panel><Facts of={notes.map(([name, value]) => [words(name, notes.map(([other]) => other)), cell(name, value)] as const)} /></Panel>}
      <Rows label="Rows" rows={data} total={total} />
      {lists.map(([name, rows]) => <Panel key={name} title={words(name)} flush><Rows label={words(name)} rows={rows} /></Panel>)}
    </>
  );
}

/** The sum below its rows; one row of nothing but numbers is its own. */
function withTotal(rows: Row[], total: Row | undefined, names: readonly string[]): Row[] {
  const first = names[0];
  if (!total || first === undefined || isMoney(first) || typeof rows[0]![first] === "number") return rows;
  const numbers = Object.entries(total).filter(([, value]) => value !== "total");
  return [...rows, { ...Object.fromEntries(numbers), [first]: "total" }];
}

function Rows({ label, rows, total }: { label: string; rows: Row[]; total?: Row }) {
  const names = Object.keys(rows[0] ?? {});
  const all = withTotal(rows, total, names);
  const columns: Column<Row>[] = names.map((name, at) => {
    const right = isMoney(name) || rows.some((row) => typeof row[name] === "number");
    return { name, title: words(name, names), cell: (row) => cell(name, row[name]), right, wide: at === 0, minor: at > 5 };
  });
  return <Panel flush><Table label={label} columns={columns} rows={all} rowKey={(row) => String(all.indexOf(row))} tone={(row) => (all.length > rows.length && row === all.at(-1) ? "total" : undefined)} empty={<Empty title="Nothing in this time">Ask for another time, or take a filter away.</Empty>} /></Panel>;
}

/* ---- an invoice ---- */

const issuers = ["openai", "anthropic", "stripe", "twilio"];

function Invoice({ report }: { report: Report }) {
  const [vendor, setVendor] = useState("stripe");
  const [range, setRange] = useState({ from: "", to: "", tolerance: "" });
  const [file, setFile] = useState<File | null>(null);
  const [paper, setPaper] = useState<Paper | null>(null);
  const submit = async () => {
    if (!file) throw new Problem(0, "bad_request", "choose the file that the vendor gave", "file");
    setPaper(null);
    setPaper(await upload<Paper>("/reports/invoice", { vendor, ...range }, { text: await file.text(), type: file.name.endsWith(".json") ? "application/json" : "text/csv" }));
  };
  return (
    <div class="page">
      <Head title="Invoice" lead={report.title} back={back} />
      <Panel>
        <Form onSubmit={submit} verb="Lay it against the ledger">
          <SelectField name="vendor" label="Vendor" value={vendor} onChange={setVendor} options={issuers} />
          <div class="field"><label for="invoice-file">The vendor's export (CSV or JSON)</label><input id="invoice-file" type="file" accept=".csv,.json" onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} /></div>
          <TextField name="from" label="From" value={range.from} onInput={(from) => setRange({ ...range, from })} placeholder="what the file covers; or 2026-01-01" />
          <TextField name="to" label="To, not included" value={range.to} onInput={(to) => setRange({ ...range, to })} placeholder="2026-02-01" />
          <TextField name="tolerance" label="Tolerance: dollars, tokens or 0.5%" value={range.tolerance} onInput={(tolerance) => setRange({ ...range, tolerance })} placeholder="0" />
        </Form>
      </Panel>
      {paper && <Shown paper={paper} />}
    </div>
  );
}

/* ---- a packet for a reviewer ---- */

function Evidence({ report }: { report: Report }) {
  const [range, setRange] = useState({ from: "", to: "" });
  const submit = async () => {
    await get("/session"); // a session that is over is said before the browser waits for a file
    await download("/reports/evidence", range, `tollgate-evidence-${new Date().toISOString().slice(0, 10)}.tar.gz`);
  };
  return (
    <div class="page">
      <Head title="Evidence" lead={report.title} back={back} />
      <Panel>
        <p>One archive from the gate's own records: what is kept and for how long, where data goes, who has access, when secrets were last changed, what was refused and why, and the proof that no row was changed. No secret and no content is in it.</p>
        {may("read") && (
          <Form onSubmit={submit} verb="Make the packet">
            <TextField name="from" label="From" value={range.from} onInput={(from) => setRange({ ...range, from })} placeholder="the last 30 days; or 2026-01-01" />
            <TextField name="to" label="To, not included" value={range.to} onInput={(to) => setRange({ ...range, to })} placeholder="now" />
          </Form>
        )}
      </Panel>
    </div>
  );
}
