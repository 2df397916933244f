// SPDX-License-Identifier: Apache-2.0
// Drawings, 20 by 20, in the colour of the text. They say nothing that a word beside them does not.
const paths = {
  mark: "M5 16V5M3.5 16h3M5 7.5l11.5-2.6",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  pulse: "M2 10.5h3.5l2.5-6 4 11 2.5-5H18",
  run: "M4 4.5h7a3 3 0 0 1 0 6H8a2.5 2.5 0 0 0 0 5h8M14 13l2.5 2.5L14 18",
  list: "M7 5h10M7 10h10M7 15h10M3 5h.01M3 10h.01M3 15h.01",
  key: "M12.5 3.5a4 4 0 1 1-3.4 6.1L3 15.7V17h2.5v-2H8v-2.5l1.5-1.4M13.5 6.5h.01",
  shield: "M10 2.5l6 2.2v4.6c0 3.8-2.5 6.6-6 8.2-3.5-1.6-6-4.4-6-8.2V4.7zM7.2 9.8l2 2 3.6-3.8",
  gauge: "M3 14a7.5 7.5 0 1 1 14 0M10 12.5l3.2-4.2",
  plug: "M7 2.5v4M13 2.5v4M5 6.5h10v3a5 5 0 0 1-10 0zM10 14.5v3",
  hand: "M6 10V5.5a1.3 1.3 0 0 1 2.5 0V9m0-4.8a1.3 1.3 0 0 1 2.6 0V9m0-3.6a1.3 1.3 0 0 1 2.5 0V11m0-2.6a1.2 1.2 0 0 1 2.4 0v4c0 3-2 5.1-4.9 5.1-2.6 0-3.7-1-4.9-3L4 11.200a1.3 1.3 0 0 1 2-1.200",
  chain: "M8.500 11.500a3 3 0 0 0 4.300 0l2.700-2.700a3 3 0 0 0-4.300-4.300L10 5.700M11.500 8.500a3 3 0 0 0-4.300 0l-2.700 2.700a3 3 0 0 0 4.300 4.300L10 14.300",
  chart: "M3 3v14h14M7 13V9.500M11 13V6M15 13v-2",
  gear: "M10 7.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600M10 2.500v2M10 15.500v2M2.500 10h2M15.500 10h2M4.700 4.700l1.400 1.400M13.900 13.900l1.400 1.400M4.700 15.300l1.400-1.400M13.900 6.100l1.400-1.400",
  stop: "M6.500 2.800h7l3.700 3.700v7l-3.700 3.700h-7l-3.700-3.700v-7zM7.500 7.500h5v5h-5z",
  search: "M9 3.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11M13 13l4 4",
  copy: "M7 7h9v9H7zM4 13V4h9",
  check: "M4 10.500l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  warn: "M10 3l7.500 13.500h-15zM10 8v4M10 14.300h.01",
  plus: "M10 4v12M4 10h12",
  down: "M5 8l5 5 5-5",
  external: "M8 4H4v12h12v-4M11 3.500h5.500V9M16 4l-7 7",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
