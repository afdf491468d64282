// What all views share: loading data, dialogs, notices, forms, formats.

import { html, useCallback, useEffect, useRef, useState } from "./htm-preact.js";

export const formatDate = (text) =>
  text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "";
export const formatDay = (text) => (text ? new Date(text).toLocaleDateString(undefined, { dateStyle: "medium" }) : "");
export const formatNumber = (number) => (number ?? 0).toLocaleString();
export const nameOf = (contact) =>
  [contact.first_name, contact.last_name].filter(Boolean).join(" ") || `+${contact.phone}`;
export const plural = (number, one, many = `${one}s`) => `${formatNumber(number)} ${number === 1 ? one : many}`;

const countries = new Intl.DisplayNames(undefined, { type: "region", fallback: "code" });
export const countryName = (code) => { try { return countries.of(code); } catch { return code; } };

// Runs `load(signal)` again whenever `inputs` change; keeps the old data on the screen meanwhile.
export function useData(load, inputs) {
  const [state, setState] = useState({ data: null, error: null, isLoading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => ({ ...old, isLoading: true }));
    load(abort.signal).then(
      (data) => abort.signal.aborted || setState({ data, error: null, isLoading: false }),
      (error) => abort.signal.aborted || setState((old) => ({ ...old, error, isLoading: false })),
    );
    return () => abort.abort();
  }, [...inputs, turn]);
  return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []), setData: (data) => setState({ data, error: null, isLoading: false }) };
}

// Runs an action once at a time: [run, isBusy, error].
export function useAction(action) {
  const [state, setState] = useState({ isBusy: false, error: null });
  const run = async (...given) => {
    setState({ isBusy: true, error: null });
    try {
      const result = await action(...given);
      setState({ isBusy: false, error: null });
      return result;
    } catch (error) {
      setState({ isBusy: false, error });
      return undefined;
    }
  };
  return [run, state.isBusy, state.error, () => setState({ isBusy: false, error: null })];
}

export function Problem({ error, retry }) {
  if (!error) return null;
  const details = Object.entries(error.details || {});
  return html`<div class="problem" role="alert">
    <p>${error.message}</p>
    ${details.length > 1 && html`<ul>${details.map(([field, texts]) => html`<li><b>${field}</b>: ${flat(texts)}</li>`)}</ul>`}
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

const flat = (value) =>
  Array.isArray(value) ? value.join(" ")
    : value && typeof value === "object" ? Object.entries(value).map(([k, v]) => `${k}: ${flat(v)}`).join(" ") : String(value);

// The message of the API for one field of a form.
export const fieldError = (error, field) => (error?.details?.[field] ? flat(error.details[field]) : "");

export function Field({ label, error, hint, children }) {
  return html`<label class="field"><span>${label}</span>${children}
    ${hint && html`<small>${hint}</small>`}
    ${error && html`<small class="wrong" role="alert">${error}</small>`}</label>`;
}

// A modal dialog; Escape and the button close it, and the focus goes back to where it was.
export function Dialog({ title, onClose, children, wide }) {
  const element = useRef();
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-labelledby="dialog-title"
      onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <header><h2 id="dialog-title">${title}</h2>
      <button type="button" class="quiet" aria-label="Close" onClick=${onClose}>✕</button></header>
    ${children}
  </dialog>`;
}

// Asks before something that cannot be undone.
export function Confirm({ title, action, onClose, run, children }) {
  const [go, isBusy, error] = useAction(async () => { await run(); onClose(); });
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${children}<${Problem} error=${error} />
    <footer><button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="danger" disabled=${isBusy} onClick=${go}>${isBusy ? "Working …" : action}</button></footer>
  </${Dialog}>`;
}

export function Tags({ names, most = names.length }) {
  const rest = names.slice(most);
  return html`<span class="tags">${names.slice(0, most).map((name) => html`<span class="tag" key=${name}><bdi>${name}</bdi></span>`)}
    ${rest.length > 0 && html`<span class="tag" title=${rest.join(", ")}>+${rest.length}</span>`}</span>`;
}

export function Loading({ when }) {
  return html`<div class="loading" role="status">${when ? "Loading …" : ""}</div>`;
}

// Calls `run` when the value has been the same for a while: search as you type.
export function useSettled(value, milliseconds = 250) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

export function More({ pagination, load, isBusy }) {
  return pagination?.next_cursor
    ? html`<button type="button" class="more" disabled=${isBusy} onClick=${load}>${isBusy ? "Loading …" : "Show more"}</button>` : null;
}

// A command or a call, with a button that copies it.
export function Command({ text }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => { await navigator.clipboard.writeText(text); setCopied(true); };
  return html`<div class="command"><code>${text}</code>
    ${navigator.clipboard && html`<button type="button" class="quiet" onClick=${copy}>${isCopied ? "Copied" : "Copy"}</button>`}</div>`;
}
