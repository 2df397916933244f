// SPDX-License-Identifier: Apache-2.0
// Forms. The gate is the one that judges: a refused change names its field, and what it said is shown there.
import { createContext, type ComponentChildren } from "preact";
import { useContext, useEffect, useId, useRef, useState } from "preact/hooks";

import { Problem } from "../api";

interface Judged {
  problem: Problem | null;
  claim: (name: string) => () => void;
  /** Whether what the gate said is about one of these fields: then it must be seen. */
  concernsAny: (names: readonly string[]) => boolean;
}

/** What the gate said of this form. */
export const Verdicts = createContext<Judged>({ problem: null, claim: () => () => {}, concernsAny: () => false });

/** "budgets[0].limit" belongs to the field "budgets" where none is nearer. */
const concerns = (field: string | null, name: string): boolean =>
  field !== null && (field === name || field.startsWith(`${name}.`) || field.startsWith(`${name}[`) || field.endsWith(`.${name}`));

interface FormProps {
  /** Throws a Problem when the gate refuses. */
  onSubmit: () => Promise<void>;
  children: ComponentChildren;
  /** What the button does: "Create key". */
  verb: string;
  danger?: boolean;
  onCancel?: () => void;
  disabled?: boolean;
}

export function Form({ onSubmit, children, verb, danger, onCancel, disabled }: FormProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const names = useRef(new Set<string>());
  const form = useRef<HTMLFormElement>(null);
  const claim = (name: string) => {
    names.current.add(name);
    return () => void names.current.delete(name);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await onSubmit();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, "error", String(error)));
    }
    setBusy(false);
  };
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [problem]);
  const concernsAny = (some: readonly string[]) => !!problem && some.some((name) => concerns(problem.field, name));
  const placed = concernsAny([...names.current]);
  return (
    <Verdicts.Provider value={{ problem, claim, concernsAny }}>
      <form ref={form} class="form" onSubmit={submit} noValidate>
        {problem && !placed && <p class="trouble" role="alert">{problem.field ? <b>{problem.field}: </b> : null}{problem.message}</p>}
        {children}
        <footer>
          {onCancel && <button type="button" onClick={onCancel}>Cancel</button>}
          <button type="submit" class={danger ? "danger" : "primary"} disabled={busy || disabled}>{busy ? "…" : verb}</button>
        </footer>
      </form>
    </Verdicts.Provider>
  );
}

interface FieldProps {
  /** As the API calls it: problems that name it are shown here. */
  name: string;
  label: string;
  hint?: ComponentChildren;
}

interface Wired {
  id: string;
  name: string;
  "aria-invalid"?: "true";
  "aria-describedby"?: string;
}

/** A label, a control, a hint and what the gate said of it. The control takes the attributes that tie them together. */
export function Field({ name, label, hint, children }: FieldProps & { children: (wired: Wired) => ComponentChildren }) {
  const id = useId();
  const { problem, claim } = useContext(Verdicts);
  useEffect(() => claim(name), [name]);
  const wrong = problem && concerns(problem.field, name);
  const described = [wrong && `${id}-wrong`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, name, "aria-invalid": wrong ? "true" : undefined, "aria-describedby": described || undefined })}
      {wrong && <p class="wrong" id={`${id}-wrong`} role="alert">{problem.message}</p>}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

interface Text extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password" | "number" | "datetime-local" | "email" | "url" | "search";
  placeholder?: string;
  autoFocus?: boolean;
  autoComplete?: string;
  required?: boolean;
  /** What may be chosen from; anything else may be typed. */
  suggestions?: readonly string[];
}

export function TextField({ name, label, hint, value, onInput, type = "text", suggestions, required, autoFocus, ...rest }: Text) {
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => void (autoFocus && input.current?.focus()), []);
  return (
    <Field name={name} label={label} hint={hint}>
      {(wired) => (
        <>
          <input {...wired} {...rest} ref={input} type={type as "text"} value={value} aria-required={required} list={suggestions ? list : undefined}
            spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)} />
          {suggestions && <datalist id={list}>{suggestions.map((each) => <option key={each} value={each} />)}</datalist>}
        </>
      )}
    </Field>
  );
}

export function AreaField({ name, label, hint, value, onInput, rows = 3 }: FieldProps & { value: string; onInput: (value: string) => void; rows?: number }) {
  return (
    <Field name={name} label={label} hint={hint}>
      {(wired) => <textarea {...wired} rows={rows} value={value} onInput={(event) => onInput(event.currentTarget.value)} />}
    </Field>
  );
}

interface Select extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  options: readonly (string | readonly [value: string, text: string])[];
}

export function SelectField({ name, label, hint, value, onChange, options }: Select) {
  return (
    <Field name={name} label={label} hint={hint}>
      {(wired) => (
        <select {...wired} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map((option) => {
            const [each, text] = typeof option === "string" ? [option, option] : option;
            return <option key={each} value={each}>{text}</option>;
          })}
        </select>
      )}
    </Field>
  );
}

export function CheckField({ name, label, hint, checked, onChange }: FieldProps & { checked: boolean; onChange: (checked: boolean) => void }) {
  const id = useId();
  return (
    <div class="field check">
      <label for={id}><input id={id} name={name} type="checkbox" aria-describedby={hint ? `${id}-hint` : undefined} checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} /> {label}</label>
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

/** Some of a few words, each a box to tick. */
export function SetField({ name, label, hint, value, options, onChange }: FieldProps & { value: readonly string[]; options: readonly string[]; onChange: (value: string[]) => void }) {
  const id = useId();
  const { problem, claim } = useContext(Verdicts);
  useEffect(() => claim(name), [name]);
  const wrong = problem && concerns(problem.field, name);
  return (
    <fieldset class="field" aria-describedby={[wrong && `${id}-wrong`, hint && `${id}-hint`].filter(Boolean).join(" ") || undefined}>
      <legend>{label}</legend>
      <div class="choices">
        {options.map((each) => (
          <label key={each}><input type="checkbox" name={name} aria-invalid={wrong ? "true" : undefined} checked={value.includes(each)}
            onChange={(event) => onChange(event.currentTarget.checked ? [...value, each] : value.filter((other) => other !== each))} /> {each}</label>
        ))}
      </div>
      {wrong && <p class="wrong" id={`${id}-wrong`} role="alert">{problem.message}</p>}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </fieldset>
  );
}

/** A text area for code: no wrapping, Tab indents (Esc, then Tab leaves), lines are numbered. */
export function CodeEditor({ name, label, hint, value, onInput, rows = 16, readOnly }: FieldProps & { value: string; onInput?: (value: string) => void; rows?: number; readOnly?: boolean }) {
  const lines = useRef<HTMLPreElement>(null);
  const [tabs, setTabs] = useState(true);
  const pressed = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    if (event.key === "Escape") {
      setTabs(false);
      event.stopPropagation();
    }
    if (event.key !== "Tab" || event.shiftKey || !tabs || readOnly) return;
    event.preventDefault();
    const area = event.currentTarget;
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    onInput?.(area.value);
  };
  return (
    <Field name={name} label={label} hint={hint}>
      {(wired) => (
        <div class="code-editor">
          <pre ref={lines} aria-hidden="true">{value.split("\n").map((_, at) => at + 1).join("\n")}</pre>
          <textarea {...wired} rows={rows} value={value} readOnly={readOnly} spellcheck={false} wrap="off" onKeyDown={pressed} onFocus={() => setTabs(true)}
            onScroll={(event) => void (lines.current && (lines.current.scrollTop = event.currentTarget.scrollTop))}
            onInput={(event) => onInput?.(event.currentTarget.value)} />
        </div>
      )}
    </Field>
  );
}
