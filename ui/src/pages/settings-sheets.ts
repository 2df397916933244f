// SPDX-License-Identifier: Apache-2.0
// What is asked for in the forms of Settings: the common members of each kind. The others are set as JSON.
import { member, withMember, type Draft, type Line } from "../components/sheet";

const name: Line = { as: "text", at: "name", label: "Name", needed: true, hint: "1 to 64 letters, digits, _ - and full stops." };

/* ---- workspaces ---- */

const found = ["email", "card", "phone", "iban", "ssn"] as const;
const notCaptured = (draft: Draft): boolean => !draft.capture;

const workspace: readonly Line[] = [
  name,
  { as: "check", at: "capture", label: "Keep what calls say", hint: "Sealed, for a time; keys may say otherwise. Without it only the row of a call is kept: who, what, how much.",
    read: (draft) => !!draft.capture, write: (draft, on) => withMember(draft, "capture", on || undefined) },
  { as: "text", at: "capture.retention", label: "Kept for", usual: "30d", hint: "“12h”, “7d”: 1m to 400d, then it is deleted.", unless: notCaptured },
  { as: "check", at: "capture.request", label: "Keep requests", usual: true, unless: notCaptured },
  { as: "check", at: "capture.response", label: "Keep answers", usual: true, unless: notCaptured },
  { as: "set", at: "capture.redact", label: "Goes before it is written", options: found, unless: notCaptured },
  { as: "rest", at: "capture.redact", label: "Patterns that go too", options: found, hint: "One a line, between slashes: /order-\\d+/i", unless: notCaptured },
  { as: "text", at: "capture.limit", label: "Most of each side", usual: "256KiB", hint: "1KiB to 4MiB; what is longer is cut.", unless: notCaptured, more: true },
  { as: "text", at: "capture.sample", label: "Share of the calls", usual: "100%", unless: notCaptured, more: true },
  { as: "check", at: "capture.by_call", label: "Only calls that ask for it", hint: "By the header x-tollgate-capture: on.", unless: notCaptured, more: true },
  { as: "check", at: "caps_as_429", label: "Refuse beyond a budget with 429", hint: "Instead of the status that each vendor's SDK expects.", more: true },
];

/* ---- alerts ---- */

const ways = ["webhook", "slack", "smtp"] as const;
const wayOf = (draft: Draft): string => ways.find((way) => way in draft) ?? "webhook";
const notBy = (way: string) => (draft: Draft): boolean => wayOf(draft) !== way;
const ofOneWay = ["webhook", "slack", "smtp", "secret", "user", "password", "from", "to"];

/** Another way has another address and another secret: those of the old one go. */
function byWay(draft: Draft, way: string): Draft {
  const kept = Object.fromEntries(Object.entries(draft).filter(([each]) => !ofOneWay.includes(each)));
  return way === "smtp" ? { ...kept, smtp: "", from: "", to: [] } : { ...kept, [way]: "" };
}

const events = ["threshold", "forecast", "brake", "doubt", "ledger", "approval", "address", "prices", "breaker", "credential", "export", "login", "credit"] as const;

const alert: readonly Line[] = [
  name,
  { as: "choice", at: "way", label: "How", options: [["webhook", "signed webhook"], ["slack", "Slack"], ["smtp", "mail"]], read: wayOf, write: byWay },
  { as: "text", at: "webhook", label: "Webhook's address", needed: true, usual: "https://hooks.example/tollgate", unless: notBy("webhook") },
  { as: "secret", at: "secret", label: "Secret that signs", hint: "At least 8 characters; the receiver checks the signature with it.", unless: notBy("webhook") },
  { as: "text", at: "slack", label: "Slack's address", needed: true, usual: "https://hooks.slack.com/services/…", hint: "The address itself is the secret: it is not shown again.", unless: notBy("slack") },
  { as: "text", at: "smtp", label: "Mail server", needed: true, usual: "smtp://mail.example:587", hint: "smtp:// with STARTTLS, or smtps://host:465", unless: notBy("smtp") },
  { as: "text", at: "from", label: "From", needed: true, usual: "tollgate@example.com", unless: notBy("smtp") },
  { as: "words", at: "to", label: "To", needed: true, usual: "oncall@example.com, finance@example.com", unless: notBy("smtp") },
  { as: "text", at: "user", label: "User at the server", unless: notBy("smtp") },
  { as: "secret", at: "password", label: "Password at the server", unless: notBy("smtp") },
  { as: "set", at: "events", label: "Told of", options: events, hint: "None ticked: of all." },
  { as: "check", at: "plain", label: "Without TLS, to another machine too", more: true },
];

/* ---- exports ---- */

const kindOf = (draft: Draft): string => String(draft.kind ?? "file");
const notOf = (...kinds: string[]) => (draft: Draft): boolean => !kinds.includes(kindOf(draft));
const common = ["name", "kind", "rows", "workspaces", "vendors", "verdicts", "start", "every", "batch_rows", "batch_bytes", "alarm_rows", "alarm_after", "paused"];
const needs: Record<string, Draft> = { s3: { bucket: "", region: "", key_id: "" }, webhook: { url: "" }, otlp: { url: "" }, langfuse: { url: "", public_key: "" } };

/** What belongs to the old kind is refused by the gate: only what all kinds have goes along. */
const ofKind = (draft: Draft, kind: string): Draft => ({ ...Object.fromEntries(Object.entries(draft).filter(([each]) => common.includes(each))), ...needs[kind], kind });

const formats: Line[] = [
  { as: "choice", at: "format", label: "Format", usual: "jsonl", options: [["jsonl", "JSON, a line each"], ["csv", "CSV"]], unless: notOf("file", "s3") },
  { as: "choice", at: "format", label: "Format", usual: "json", options: [["json", "JSON, a list"], ["jsonl", "JSON, a line each"]], unless: notOf("webhook") },
];

const exported: readonly Line[] = [
  name,
  { as: "choice", at: "kind", label: "Kind", options: [["file", "files here"], ["s3", "S3-compatible bucket"], ["webhook", "webhook"], ["otlp", "OpenTelemetry collector"], ["langfuse", "Langfuse"]], read: kindOf, write: ofKind },
  { as: "text", at: "url", label: "Address", needed: true, usual: "https://collector.example/v1/traces", unless: notOf("webhook", "otlp", "langfuse") },
  { as: "text", at: "bucket", label: "Bucket", needed: true, unless: notOf("s3") },
  { as: "text", at: "region", label: "Region", needed: true, usual: "eu-central-1", unless: notOf("s3") },
  { as: "text", at: "key_id", label: "Access key's id", needed: true, unless: notOf("s3") },
  { as: "text", at: "public_key", label: "Public key", needed: true, usual: "pk-lf-…", unless: notOf("langfuse") },
  { as: "secret", at: "secret", label: "Secret", hint: "Sealed, and bound to the address: another address needs it again.", unless: notOf("s3", "webhook", "otlp", "langfuse") },
  { as: "text", at: "endpoint", label: "Endpoint", usual: "AWS; or https://minio.example:9000", unless: notOf("s3") },
  { as: "text", at: "dir", label: "Directory", usual: "the export's name", hint: "Below DATA/exports, or a path below one of export_dirs.", unless: notOf("file") },
  ...formats,
  { as: "set", at: "rows", label: "Rows", options: ["call", "settlement", "change", "event"], hint: "None ticked: all (traces: calls and settlements)." },
  { as: "text", at: "start", label: "Begins", usual: "now; or beginning, or 2026-11-01T00:00:00Z" },
  { as: "check", at: "paused", label: "Paused: nothing is sent, its place stays" },
  { as: "number", at: "keep_files", label: "Files kept", usual: "100", unless: notOf("file"), more: true },
  { as: "text", at: "keep_bytes", label: "Bytes kept in all", usual: "10GiB", unless: notOf("file"), more: true },
  { as: "text", at: "every", label: "Longest wait of a row", usual: "1s to 60s, by kind", hint: "100ms to 1d", more: true },
  { as: "text", at: "alarm_after", label: "Alert when behind by", usual: "15m", more: true },
  { as: "words", at: "workspaces", label: "Only workspaces", usual: "all; or acme-*", more: true },
  { as: "words", at: "vendors", label: "Only vendors", usual: "all", more: true },
];

/* ---- fields at the top of the configuration ---- */

const settingOf = (draft: Draft): string => String(draft.name ?? "");
const notThe = (setting: string) => (draft: Draft): boolean => settingOf(draft) !== setting;
const part = (setting: string, each: string, label: string, usual: string, hint?: string): Line => ({ as: "text", at: `value.${each}`, told: `${setting}.${each}`, label, usual, hint, unless: notThe(setting) });
const starts: Record<string, unknown> = { log_level: "info", durability: "money", caps_as_429: true, idempotency: {}, limits: {} };
const settings: readonly (readonly [string, string])[] = [
  ["log_level", "log_level: how much is logged"], ["idempotency", "idempotency: answers kept for repeats"], ["limits", "limits: sizes and times"], ["durability", "durability: what waits for the disk"],
  ["caps_as_429", "caps_as_429: refuse beyond a budget with 429"], ["public_url", "public_url: where vendors reach the gate"], ["result_link_time", "result_link_time: how long links to results are good"],
];
const others = ["listen", "workers", "prices", "fx", "private_callbacks", "private_results"];

const setting: readonly Line[] = [
  { as: "choice", at: "name", label: "Setting", options: settings, hint: `As JSON: ${others.join(", ")}.`, read: settingOf, write: (_, each) => ({ name: each, value: starts[each] ?? "" }) },
  { as: "choice", at: "value", told: "log_level", label: "Level", options: ["debug", "info", "warn", "error"].map((each) => [each, each] as const), unless: notThe("log_level") },
  { as: "choice", at: "value", told: "durability", label: "Durability", options: [["money", "money: calls that move money wait"], ["strict", "strict: all wait"], ["relaxed", "relaxed: none waits"]], unless: notThe("durability") },
  { as: "check", at: "value", told: "caps_as_429", label: "Refuse beyond a budget with 429", unless: notThe("caps_as_429"), read: (draft) => member(draft, "value") === true, write: (draft, on) => ({ ...draft, value: on }) },
  part("idempotency", "retention", "Answers are kept for", "7d", "0s (not at all) to 366d"),
  part("idempotency", "wait", "A duplicate waits for the first for", "60s", "0s to 30m"),
  part("limits", "body_bytes", "Largest body that is read", "32MiB"),
  part("limits", "answer_bytes", "Largest answer that is held", "8MiB", "A larger one is streamed, its cost comes in a trailer."),
  part("limits", "call_memory", "Memory of a call", "96MiB", "At least twice the largest body."),
  part("limits", "call_time", "Longest call", "30m"),
  part("limits", "drain_time", "Time to end calls at a shutdown", "30s"),
  part("limits", "capture_bytes", "Content that waits to be sealed", "64MiB", "Over all calls; what finds no room is not kept."),
  { as: "text", at: "value", told: "public_url", label: "Address", usual: "https://gate.example", needed: true, unless: notThe("public_url") },
  { as: "text", at: "value", told: "result_link_time", label: "Good for", usual: "1h", hint: "1s to 7d", needed: true, unless: notThe("result_link_time") },
];

export const sheets = { workspace, alert, export: exported, setting };
