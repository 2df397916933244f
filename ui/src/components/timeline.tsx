// SPDX-License-Identifier: Apache-2.0
// Calls as bars over time, the first one on top: what ran side by side, what took long, what was refused. The table below it says the
// same in words; each bar leads to its call.
import { clock, ms, usd } from "../format";
import { link } from "../router";
import type { Call } from "../types";

const MOST = 60;

export function Timeline({ calls }: { calls: readonly Call[] }) {
  const shown = [...calls].slice(0, MOST).reverse();
  if (shown.length === 0) return <p class="quiet">Nothing to draw yet.</p>;
  const from = Math.min(...shown.map((call) => Date.parse(call.at)));
  const to = Math.max(...shown.map((call) => Date.parse(call.at) + call.latency_ms), from + 1);
  const place = (time: number) => `${(100 * (time - from)) / (to - from)}%`;
  return (
    <div class="timeline">
      <ol>
        {shown.map((call) => {
          const begin = Date.parse(call.at);
          const said = `${clock(call.at)} ${call.step ? `${call.step}, ` : ""}${call.operation ?? call.vendor ?? "call"}: ${call.denied ?? call.verdict}, ${ms(call.latency_ms)}, ${usd(call.cost_usd)}`;
          return (
            <li key={call.id}>
              <a href={link("calls", call.id)} title={said}>
                <span class="timeline-name">{call.step ?? call.operation ?? call.vendor}</span>
                <span class="timeline-track"><i class={call.verdict} style={{ left: place(begin), width: `max(3px, ${(100 * call.latency_ms) / (to - from)}%)` }} /></span>
                <span class="timeline-cost num">{usd(call.cost_usd)}</span>
              </a>
            </li>
          );
        })}
      </ol>
      <div class="timeline-scale quiet num"><span>{clock(new Date(from).toISOString())}</span><span>{ms(to - from)}</span></div>
    </div>
  );
}
