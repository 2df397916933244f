// SPDX-License-Identifier: Apache-2.0
// A plot over time (uPlot), in the colours of the theme, with the same numbers as a table for those who cannot see it.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";

import { clock, ms, percent, short } from "../format";
import { useCell } from "../store";
import { colour, colours, font } from "../theme";

export type Unit = "count" | "usd" | "ms" | "percent";

export interface Series {
  name: string;
  values: readonly (number | null)[];
  /** A colour of theme.css; default: the next of --series-1 to --series-8. */
  colour?: string;
  /** Filled down to zero. */
  fill?: boolean;
  /** Drawn dashed: a limit, a forecast. */
  dashed?: boolean;
}

interface PlotProps {
  /** What it shows, read aloud and as the table's caption. */
  label: string;
  /** Moments as seconds since 1970, or as the gate writes them. */
  at: readonly (number | string)[];
  series: readonly Series[];
  unit?: Unit;
  height?: number;
  /** Each on top of the ones before it. */
  stacked?: boolean;
  /** No table below: the numbers stand elsewhere on the page. */
  bare?: boolean;
}

const texts: Record<Unit, (n: number) => string> = {
  count: short,
  usd: (n) => `$${n >= 1000 ? short(n) : Number(n.toPrecision(3))}`,
  ms,
  percent,
};

const seconds = (at: number | string): number => (typeof at === "number" ? at : Date.parse(at) / 1000);

function pile(series: readonly Series[]): (number | null)[][] {
  const sums: number[] = [];
  return series.map((each) => each.values.map((value, at) => (sums[at] = (sums[at] ?? 0) + (value ?? 0))));
}

function options({ series, unit = "count", height = 180, stacked }: PlotProps, width: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `11px ${font()}`, gap: 6,
  };
  return {
    width, height,
    padding: [8, 20, 0, 0], // the last moment is written half beyond the last line
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_, __, top) => [0, top > 0 ? top * 1.08 : 1] } },
    axes: [{ ...axis, space: 70, size: 26, values: (_, marks) => marks.map((mark, at) => moment(mark, marks, at)) }, { ...axis, space: 34, size: 52, values: (_, marks) => marks.map((mark) => texts[unit](mark)) }],
    series: [
      {},
      ...series.map((each, at) => {
        const name = each.colour ?? `--series-${(at % 8) + 1}`;
        return { label: each.name, stroke: colour(name), width: 1.5, points: { show: false }, dash: each.dashed ? [5, 4] : undefined, fill: each.fill || stacked ? colour(name, stacked ? 0.55 : 0.14) : undefined };
      }),
    ],
  };
}

/** "14:03"; seconds where marks are nearer than a minute, the day where they are a day apart. */
function moment(mark: number, marks: readonly number[], at: number): string {
  const apart = marks.length > 1 ? marks[1]! - marks[0]! : 60;
  const date = new Date(mark * 1000);
  const day = `${date.toLocaleString("en", { month: "short" })} ${date.getDate()}`;
  if (apart >= 86_400) return day;
  const time = `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
  if (apart < 60) return `${time}:${String(date.getSeconds()).padStart(2, "0")}`;
  return at > 0 && time === "00:00" ? day : time;
}

function columns({ at, series, stacked }: PlotProps): uPlot.AlignedData {
  const values = stacked ? pile(series) : series.map((each) => [...each.values]);
  return [at.map(seconds), ...values];
}

/** uPlot draws the first series first: piles are handed over the highest first. */
function turned(props: PlotProps): PlotProps {
  if (!props.stacked) return props;
  const coloured = props.series.map((each, at) => ({ ...each, colour: each.colour ?? `--series-${(at % 8) + 1}` }));
  return { ...props, series: coloured };
}

export function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const shade = useCell(colours);
  const shape = JSON.stringify([props.series.map(({ name, colour: own, fill, dashed }) => [name, own, fill, dashed]), props.unit, props.height, props.stacked]);
  useEffect(() => {
    const root = place.current!;
    const ready = turned(newest.current);
    const made = options(ready, Math.max(160, root.clientWidth));
    if (ready.stacked) made.series = [made.series[0]!, ...made.series.slice(1).reverse()];
    made.hooks = { setCursor: [(u) => showTip(u, tip.current!, newest.current)] };
    const drawn = new uPlot(made, ordered(ready), root);
    plot.current = drawn;
    const watch = new ResizeObserver(() => drawn.setSize({ width: Math.max(160, root.clientWidth), height: props.height ?? 180 }));
    watch.observe(root);
    return () => {
      watch.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [shape, shade]);
  useEffect(() => plot.current?.setData(ordered(newest.current)), [props.at, props.series]);
  return (
    <figure class="plot">
      <div class="plot-place" ref={place} role="img" aria-label={`${props.label}: ${said(props)}`}><div class="plot-tip" ref={tip} hidden /></div>
      <figcaption>
        {props.series.length > 1 && <ul class="legend">{props.series.map((each, at) => <li key={each.name}><Swatch colour={each.colour ?? `--series-${(at % 8) + 1}`} />{each.name}</li>)}</ul>}
        {!props.bare && <Numbers {...props} />}
      </figcaption>
    </figure>
  );
}

const Swatch = ({ colour: name }: { colour: string }) => <i class="swatch" style={{ background: `var(${name})` }} />;

function ordered(props: PlotProps): uPlot.AlignedData {
  const [at, ...values] = columns(props);
  return [at!, ...(props.stacked ? values.reverse() : values)] as uPlot.AlignedData;
}

/** One sentence for those who do not see it. */
function said({ series, unit = "count" }: PlotProps): string {
  return series.map(({ name, values }) => {
    const known = values.filter((value): value is number => value !== null);
    const last = known.at(-1);
    return last === undefined ? `${name} none` : `${name} now ${texts[unit](last)}, at most ${texts[unit](Math.max(...known))}`;
  }).join("; ");
}

function showTip(u: uPlot, tip: HTMLElement, { at, series, unit = "count" }: PlotProps): void {
  const { idx, left = -1 } = u.cursor;
  tip.hidden = idx === null || idx === undefined || left < 0;
  if (tip.hidden || idx === null || idx === undefined || at[idx] === undefined) return;
  tip.textContent = [clock(new Date(seconds(at[idx]) * 1000).toISOString()), ...series.map(({ name, values }) => `${name} ${values[idx] === null || values[idx] === undefined ? "–" : texts[unit](values[idx])}`)].join("\n");
  tip.style.left = `${Math.min(Math.max(0, left + 60), u.width - tip.offsetWidth - 8)}px`;
}

const SHOWN = 60;

function Numbers({ label, at, series, unit = "count" }: PlotProps) {
  const from = Math.max(0, at.length - SHOWN);
  return (
    <details class="numbers">
      <summary>As a table</summary>
      <div class="table-frame" role="region" aria-label={label} tabIndex={0}>
        <table>
          <caption class="hidden">{label}</caption>
          <thead><tr><th scope="col">At</th>{series.map((each) => <th scope="col" class="right" key={each.name}>{each.name}</th>)}</tr></thead>
          <tbody>
            {at.slice(from).map((moment, row) => (
              <tr key={String(moment)}>
                <td class="num">{clock(new Date(seconds(moment) * 1000).toISOString())}</td>
                {series.map((each) => {
                  const value = each.values[from + row];
                  return <td class="right num" key={each.name}>{value === null || value === undefined ? "–" : texts[unit](value)}</td>;
                })}
              </tr>
            )).reverse()}
          </tbody>
        </table>
      </div>
    </details>
  );
}
