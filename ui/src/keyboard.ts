// SPDX-License-Identifier: Apache-2.0
// Keys: "g" and a letter goes to a page, "/" to the search, "s" to the stop, "?" shows what there is. Nothing while one types.
import { pages } from "./pages";
import { go, link } from "./router";
import { cell } from "./store";

export const helpOpen = cell(false);

export const shortcuts: readonly (readonly [string, string])[] = [
  ["/", "Search this page"],
  ["s", "Stop something"],
  ["?", "This list"],
  ["Esc", "Close what is open"],
];

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function search(): boolean {
  const field = document.querySelector<HTMLInputElement>("main [data-search]");
  field?.focus();
  field?.select();
  return field !== null;
}

export function followKeys(openStop: () => void): () => void {
  let g = 0; // when "g" was pressed
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const page = Date.now() - g < 1500 ? pages.find((each) => each.key === event.key) : undefined;
    g = 0;
    if (page) go(link(page.path));
    else if (event.key === "g") g = Date.now();
    else if (event.key === "s") openStop();
    else if (event.key === "?") helpOpen.set(true);
    else if (event.key !== "/" || !search()) return;
    event.preventDefault();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
