// SPDX-License-Identifier: Apache-2.0
// Rows. A list of the gate comes page by page ("More"); sums come whole and can be sorted here.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Listed, Problem } from "../api";
import { count } from "../format";
import { Trouble } from "./bits";

export interface Column<T> {
  name: string;
  title: ComponentChildren;
  cell: (row: T) => ComponentChildren;
  /** Numbers stand right. */
  right?: boolean;
  /** Takes what room is left, and is cut rather than wrapped. */
  wide?: boolean;
  /** Left out on a phone. */
  minor?: boolean;
  /** What it is sorted by, for lists that are here as a whole. */
  sort?: (row: T) => number | bigint | string;
}

interface TableProps<T> {
  /** Read aloud: what the rows are. */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** Where a row leads; the whole row can be clicked, the first column holds the link. */
  href?: (row: T) => string;
  loading?: boolean;
  error?: Problem | null;
  retry?: () => void;
  empty: ComponentChildren;
  hasMore?: boolean;
  more?: () => void;
  tone?: (row: T) => string | undefined;
}

/** The props that a list gives a table: <Table {...listProps(list)} .../>. */
export const listProps = <T,>(list: Listed<T>) => ({ rows: list.rows, loading: list.loading, error: list.error, hasMore: list.hasMore, more: list.more, retry: list.reload });

function sorted<T>(rows: readonly T[], column: Column<T> | undefined, down: boolean): readonly T[] {
  if (!column?.sort) return rows;
  const by = column.sort;
  const side = down ? -1 : 1;
  return [...rows].sort((a, b) => (by(a) < by(b) ? -side : by(a) > by(b) ? side : 0));
}

export function Table<T>({ label, columns, rows, rowKey, href, loading, error, retry, empty, hasMore, more, tone }: TableProps<T>) {
  const [order, setOrder] = useState<{ name: string; down: boolean } | null>(null);
  const shown = order ? sorted(rows, columns.find((each) => each.name === order.name), order.down) : rows;
  if (error && rows.length === 0) return <Trouble of={error} retry={retry} />;
  if (rows.length === 0) return loading || hasMore ? <Waiting further={hasMore} /> : <div class="table-empty">{empty}</div>;
  return (
    <>
      {error && <Trouble of={error} retry={retry} />}
      <div class="table-frame" role="region" aria-label={label} tabIndex={0}>
        <table>
          <thead>
            <tr>{columns.map((each) => <Title key={each.name} column={each} order={order} setOrder={setOrder} />)}</tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={rowKey(row)} class={[href && "linked", tone?.(row)].filter(Boolean).join(" ") || undefined} onClick={href && ((event) => follow(event, href(row)))}>
                {columns.map((each, at) => (
                  <td key={each.name} class={classes(each)}>{href && at === 0 ? <a href={href(row)}>{each.cell(row)}</a> : each.cell(row)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {hasMore && <div class="table-end"><button onClick={more} disabled={loading}>{loading ? "…" : "More"}</button></div>}
    </>
  );
}

/** Said over a list that is put in order here and was read in part: the first of it may not be the first of all. */
export function Partly<T>({ list, what, readAll }: { list: Listed<T>; what: string; readAll: () => void }) {
  if (!list.hasMore || list.rows.length === 0) return null;
  return <p class="note row">Only {count(list.rows.length)} {what} were read, and put in order among themselves: there are more. <button class="small" onClick={readAll}>Read all</button></p>;
}

const classes = <T,>({ right, wide, minor }: Column<T>): string | undefined => [right && "right num", wide && "wide", minor && "minor"].filter(Boolean).join(" ") || undefined;

function Title<T>({ column, order, setOrder }: { column: Column<T>; order: { name: string; down: boolean } | null; setOrder: (order: { name: string; down: boolean }) => void }) {
  const mine = order?.name === column.name;
  const down = mine ? !order.down : !!column.right; // numbers: the largest first
  return (
    <th scope="col" class={classes(column)} aria-sort={mine ? (order.down ? "descending" : "ascending") : undefined}>
      {column.sort ? <button type="button" onClick={() => setOrder({ name: column.name, down })}>{column.title}<i aria-hidden="true">{mine ? (order.down ? "↓" : "↑") : ""}</i></button> : column.title}
    </th>
  );
}

/** A click on a row is one on its link; not when it hit something else that can be used, or marked text. */
function follow(event: MouseEvent, to: string): void {
  if ((event.target as HTMLElement).closest("a, button, input, label") || getSelection()?.toString()) return;
  if (event.metaKey || event.ctrlKey) window.open(to);
  else location.hash = to;
}

/** `further`: nothing was on the pages that came so far. */
export const Waiting = ({ further = false }: { further?: boolean }) => (
  <div class="waiting" role="status">{further ? <span class="quiet">Nothing among the newest; looking further back …</span> : <span class="hidden">Loading</span>}<i /><i /><i /></div>
);
