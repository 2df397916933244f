// SPDX-License-Identifier: Apache-2.0
// The browser's own dialog: it keeps the focus inside, closes with Esc and gives the focus back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { Icon } from "./icon";

interface DialogProps {
  open: boolean;
  title: string;
  onClose: () => void;
  wide?: boolean;
  children: ComponentChildren;
}

export function Dialog({ open, title, onClose, wide, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (open && dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, [open]);
  if (!open) return null;
  return (
    <dialog ref={ref} class={wide ? "wide" : undefined} aria-labelledby={name} onCancel={(event) => (event.preventDefault(), onClose())}
      onClick={(event) => event.target === ref.current && onClose()}>
      <div class="dialog-body">
        <header>
          <h2 id={name}>{title}</h2>
          <button class="icon-button" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  open: boolean;
  title: string;
  /** What the button does: "Delete". */
  verb: string;
  danger?: boolean;
  onConfirm: () => void;
  onClose: () => void;
  children: ComponentChildren;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ open, title, verb, danger, onConfirm, onClose, children }: ConfirmProps) {
  return (
    <Dialog open={open} title={title} onClose={onClose}>
      {children}
      <footer>
        <button onClick={onClose}>Cancel</button>
        <button class={danger ? "danger" : "primary"} onClick={onConfirm}>{verb}</button>
      </footer>
    </Dialog>
  );
}
