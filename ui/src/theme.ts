// SPDX-License-Identifier: Apache-2.0
// Light, dark, or as the system says (the default). Kept in this browser alone.
import { cell } from "./store";

export type Theme = "system" | "light" | "dark";

const NAME = "tollgate.theme";

function kept(): Theme {
  try {
    const text = localStorage.getItem(NAME);
    return text === "light" || text === "dark" ? text : "system";
  } catch {
    return "system"; // no storage: nothing is remembered
  }
}

export const theme = cell<Theme>(kept());
/** Counts changes of colours: what draws by itself (plots) begins anew. */
export const colours = cell(0);

function show(): void {
  const wanted = theme.get();
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  colours.set(colours.get() + 1);
}

export function followTheme(): void {
  show();
  theme.follow((wanted) => {
    try {
      localStorage.setItem(NAME, wanted);
    } catch {
      /* no storage: nothing is remembered */
    }
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}

/** A variable of theme.css as it is in force: colour("--accent") is "rgb(11, 107, 93)"; with `alpha`, that much of it. */
export function colour(name: string, alpha = 1): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return alpha === 1 ? found : found.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}

export const font = (): string => getComputedStyle(document.body).fontFamily;
