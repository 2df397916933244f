// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them. Money is decimal text from the gate and is never a float: sums are integers of 10^-9 dollars.

const NANO = 9;

export function nanos(text: string | null | undefined): bigint {
  const fits = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text ?? "");
  if (!fits) return 0n;
  const value = BigInt(fits[2]! + (fits[3] ?? "").padEnd(NANO, "0"));
  return fits[1] ? -value : value;
}

export function fromNanos(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(NANO + 1, "0");
  const part = digits.slice(-NANO).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -NANO)}${part ? `.${part}` : ""}`;
}

export const addMoney = (...texts: (string | null | undefined)[]): string => fromNanos(texts.reduce((sum, text) => sum + nanos(text), 0n));

const writtenOut = (text: string): string => text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** JSON as it is read and edited. What would turn a line around is written out, which means the same. */
export const jsonText = (value: unknown): string => writtenOut(JSON.stringify(value, null, 2));
/** Its beginning, in one line. */
export const jsonLine = (value: unknown): string => writtenOut(JSON.stringify(value).slice(0, 120));

const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ",");

/** "$1,234.50"; below a dollar as many digits as say something: "$0.00018". `exact`: all digits. */
export function usd(text: string | null | undefined, { exact = false } = {}): string {
  if (text === null || text === undefined) return "–";
  const value = nanos(text);
  const sign = value < 0n ? "−" : "";
  const size = value < 0n ? -value : value;
  const unit = 10n ** BigInt(NANO);
  let digits = NANO;
  if (!exact) digits = size === 0n || size >= unit ? 2 : size >= unit / 100n ? 4 : 6;
  const step = 10n ** BigInt(NANO - digits);
  const rounded = ((size + step / 2n) / step) * step;
  if (!exact && size > 0n && rounded === 0n) return `${sign}<$0.000001`;
  const whole = grouped((rounded / unit).toString());
  const part = (rounded % unit).toString().padStart(NANO, "0").slice(0, digits);
  const kept = part.replace(/0+$/, "").padEnd(2, "0");
  return `${sign}$${whole}.${kept}`;
}

export function count(n: number | string | null | undefined): string {
  if (n === null || n === undefined) return "–";
  const text = String(n);
  return /^-?\d+$/.test(text) ? text.replace(/\d+/, grouped) : text;
}

/** "64 MiB", "1.5 GiB". */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const at = Math.min(units.length - 1, n >= 1024 ? Math.floor(Math.log2(n) / 10) : 0);
  return `${Number((n / 1024 ** at).toPrecision(3))} ${units[at]}`;
}

/** "1.2 M", for plots and tight places. */
export function short(n: number): string {
  for (const [size, name] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (Math.abs(n) >= size) return `${Number((n / size).toPrecision(3))} ${name}`;
  }
  return String(Number(n.toPrecision(3)));
}

export function ms(n: number | null | undefined): string {
  if (n === null || n === undefined) return "–";
  if (n < 1000) return `${Number(n.toPrecision(3))} ms`;
  return n < 60_000 ? `${(n / 1000).toFixed(2)} s` : `${Math.floor(n / 60_000)} min ${Math.round((n % 60_000) / 1000)} s`;
}

export const percent = (n: number): string => `${n >= 10 ? Math.round(n) : n > 0 && n < 0.1 ? "<0.1" : Number(n.toFixed(1))}%`;

const two = (n: number): string => String(n).padStart(2, "0");

/** Today "14:03:09"; else "Nov 21 14:03". In the reader's own time zone. */
export function clock(text: string | null | undefined, now = new Date()): string {
  if (!text) return "–";
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === now.toDateString()) return `${time}:${two(at.getSeconds())}`;
  const month = at.toLocaleString("en", { month: "short" });
  const year = at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`;
  return `${month} ${at.getDate()}${year} ${time}`;
}

const SPANS: [number, string][] = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]];

/** "3 min", whichever way the time lies. */
export function spanText(milliseconds: number): string {
  const size = Math.abs(milliseconds);
  for (const [unit, name] of SPANS) if (size >= unit) return `${Math.floor(size / unit)} ${name}`;
  return "0 s";
}

/** "3 min ago", "in 2 h". */
export function ago(text: string | null | undefined, now = Date.now()): string {
  if (!text) return "–";
  const apart = now - new Date(text).getTime();
  return apart >= 0 ? `${spanText(apart)} ago` : `in ${spanText(apart)}`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;
