// SPDX-License-Identifier: Apache-2.0
// Short words at the edge: done, or why not. Read aloud; what went wrong stays until it is closed.
import { Problem } from "../api";
import { cell, useCell } from "../store";
import { Icon } from "./icon";

interface Word {
  id: number;
  kind: "good" | "bad";
  text: string;
}

const words = cell<Word[]>([]);
let serial = 0;

const drop = (id: number): void => words.set(words.get().filter((word) => word.id !== id));

export function toast(text: string, kind: Word["kind"] = "good"): void {
  const id = ++serial;
  words.set([...words.get().slice(-3), { id, kind, text }]);
  if (kind === "good") setTimeout(() => drop(id), 5000);
}

export const toastProblem = (error: unknown): void =>
  toast(error instanceof Problem ? `${error.field ? `${error.field}: ` : ""}${error.message}` : String(error), "bad");

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {useCell(words).map((word) => (
        <div key={word.id} class={`toast ${word.kind}`}>
          <Icon name={word.kind === "good" ? "check" : "warn"} /> <span>{word.text}</span>
          <button class="icon-button" aria-label="Close" onClick={() => drop(word.id)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}
