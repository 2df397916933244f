// SPDX-License-Identifier: Apache-2.0
// Limits as they stand in a key, a workspace or by themselves: rows of amount, unit, window and what they are narrowed to.
import { Icon } from "./icon";

/** As the API has it: "20 usd" a "run", perhaps for one vendor. */
export interface Limit {
  limit: string;
  window: string;
  vendor?: string;
  operation?: string;
  model?: string;
  [more: string]: unknown;
}

export const windows = ["run", "minute", "hour", "day", "week", "month", "total"] as const;
export const units = ["usd", "requests", "tokens", "messages"] as const;

const split = (limit: string): [amount: string, unit: string] => {
  const [amount = "", unit = "usd"] = limit.trim().split(/\s+/);
  return [amount, unit];
};

/** "$20 a run on stripe" */
export function said({ limit, window, vendor, operation, model }: Limit): string {
  const [amount, unit] = split(limit);
  const what = unit === "usd" ? `$${amount}` : `${amount} ${unit}`;
  const narrowed = [vendor, operation, model].filter(Boolean).join(", ");
  return `${what} ${window === "total" ? "in total" : `per ${window}`}${narrowed ? ` on ${narrowed}` : ""}`;
}

/** What was not understood by this editor (scopes, alerts, ...) stays in its row as it is. */
export function LimitsEditor({ value, onChange }: { value: readonly Limit[]; onChange: (value: Limit[]) => void }) {
  const set = (at: number, change: Partial<Limit>) => onChange(value.map((each, n) => (n === at ? { ...each, ...change } : each)));
  return (
    <fieldset class="limits">
      <legend>Budgets</legend>
      {value.map((each, at) => {
        const [amount, unit] = split(each.limit);
        return (
          <div class="row" key={at}>
            <input aria-label={`Limit ${at + 1}`} inputMode="decimal" value={amount} onInput={(event) => set(at, { limit: `${event.currentTarget.value} ${unit}` })} />
            <select aria-label={`Unit of limit ${at + 1}`} value={unit} onChange={(event) => set(at, { limit: `${amount} ${event.currentTarget.value}` })}>
              {units.map((name) => <option key={name}>{name}</option>)}
            </select>
            <select aria-label={`Window of limit ${at + 1}`} value={each.window} onChange={(event) => set(at, { window: event.currentTarget.value })}>
              {(windows as readonly string[]).includes(each.window) ? null : <option>{each.window}</option>}
              {windows.map((name) => <option key={name} value={name}>{name === "total" ? "in total" : `per ${name}`}</option>)}
            </select>
            <input aria-label={`Vendor of limit ${at + 1}`} placeholder="any vendor" value={each.vendor ?? ""} onInput={(event) => set(at, { vendor: event.currentTarget.value || undefined })} />
            <button type="button" class="icon-button" aria-label={`Remove limit ${at + 1}`} onClick={() => onChange(value.filter((_, n) => n !== at))}><Icon name="close" /></button>
          </div>
        );
      })}
      <button type="button" class="small" onClick={() => onChange([...value, { limit: "20 usd", window: value.length ? "run" : "day" }])}><Icon name="plus" /> Add a limit</button>
    </fieldset>
  );
}
