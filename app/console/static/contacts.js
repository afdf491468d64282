// The table of contacts: search, filter, sort, columns, and what is done with all that is filtered.

import { html, useEffect, useMemo, useRef, useState } from "./htm-preact.js";
import { call, get } from "./api.js";
import { BulkDialog } from "./bulk.js";
import { ContactPanel, NewContact, unsaved } from "./contact.js";
import { FilterBuilder, toRows, words } from "./filters.js";
import { go } from "./route.js";
import { Start } from "./start.js";
import { Confirm, Dialog, More, Problem, Tags, formatDate, formatDay, formatNumber, nameOf, plural, useData, useSettled } from "./ui.js";

const LIMIT = 50;
const TAGS_WIDTH = 22; // Characters.
const COLUMNS = [
  ["name", "Name", "first_name"],
  ["phone", "Phone", "phone"],
  ["email", "E-mail", "email"],
  ["tags", "Tags", null],
  ["created_at", "Created", "created_at"],
  ["updated_at", "Changed", "updated_at"],
];

// All names, of up to 1,000 tags, fields or segments: for completion and columns.
export async function known(signal) {
  const pages = async (path, list) => {
    let found = [];
    for (let offset = 0; offset < 1000; offset += 100) {
      const page = await get(path, { limit: 100, offset }, signal);
      found = found.concat(page[list]);
      if (found.length >= page.pagination.total) break;
    }
    return found;
  };
  const [tags, fields, segments] = await Promise.all([
    pages("v1/tags", "tags"), pages("v1/custom-fields", "custom_fields"),
    pages("v1/segments", "segments").catch(() => []),
  ]);
  return { areLoaded: true, tags: tags.map(({ name }) => name), fields, segments: segments.map(({ name }) => name) };
}

export const NOTHING_KNOWN = { tags: [], fields: [], segments: [] };

// What is no JSON stays a text, which the API rejects: no filter would be all contacts.
const parsed = (text) => { try { return text ? JSON.parse(text) : null; } catch { return text; } };

export function searchBody({ q, filter, sort, segment }) {
  const body = { limit: LIMIT, cursor: "start", include: ["custom_fields", "updated_at"] };
  const parts = [parsed(filter), segment ? { field: "segment", op: "eq", value: segment } : null].filter(Boolean);
  if (parts.length) body.filter = parts.length === 1 ? parts[0] : { all: parts };
  if (q?.trim()) body.q = q.trim();
  if (sort) body.sort = sort;
  return body;
}

// Returns how many tags have room in a cell: one at least.
function fitting(tags) {
  let room = TAGS_WIDTH;
  const first = tags.findIndex((name) => (room -= name.length + 2) < 0);
  return first < 0 ? tags.length : Math.max(1, first);
}

function Cell({ column, contact }) {
  if (column === "name") return html`<bdi>${nameOf(contact)}</bdi>`;
  if (column === "phone") return html`<bdi dir="ltr">+${contact.phone}</bdi>`;
  if (column === "tags") return html`<${Tags} names=${contact.tags} most=${fitting(contact.tags)} />`;
  if (column.endsWith("_at")) return html`<time datetime=${contact[column]} title=${formatDate(contact[column])}>${formatDay(contact[column])}</time>`;
  const value = column.startsWith("cf:") ? contact.custom_fields?.[column.slice(3)] : contact[column];
  return html`<bdi>${value === undefined || value === null ? "" : String(value)}</bdi>`;
}

function useRows(body) {
  const text = JSON.stringify(body);
  const first = useData((signal) => call("POST", "v1/contacts/search", { body, signal }), [text]);
  const [more, setMore] = useState({ text, contacts: [], pagination: null, isBusy: false, error: null });
  const later = more.text === text && more.of === first.data ? more : { contacts: [], pagination: null };
  const load = async () => {
    const before = later.contacts;
    const cursor = (later.pagination || first.data.pagination).next_cursor;
    setMore({ text, of: first.data, contacts: before, pagination: later.pagination, isBusy: true });
    try {
      const page = await call("POST", "v1/contacts/search", { body: { ...body, cursor } });
      setMore({ text, of: first.data, contacts: [...before, ...page.contacts], pagination: page.pagination });
    } catch (error) {
      setMore({ text, of: first.data, contacts: before, pagination: later.pagination, error });
    }
  };
  return {
    ...first,
    error: first.error || later.error,
    contacts: [...(first.data?.contacts || []), ...later.contacts],
    total: first.data?.pagination.total,
    pagination: later.pagination || first.data?.pagination,
    isBusy: later.isBusy,
    load,
  };
}

export function Contacts({ state, scopes }) {
  const [typed, setTyped] = useState(state.q || "");
  const q = useSettled(typed);
  const search = useRef();
  const { data: names = NOTHING_KNOWN, isLoading: areOld, error: unknown, reload: askAgain } = useData(known, []);
  const { tags, fields, segments } = names || NOTHING_KNOWN;
  const [dialog, setDialog] = useState(null);
  const change = (next, options) => go("contacts", { ...state, ...next }, options);
  useEffect(() => { if (q !== (state.q || "")) change({ q }, { replace: true }); }, [q]);
  useEffect(() => { if ((state.q || "") !== q) setTyped(state.q || ""); }, [state.q]);

  const body = useMemo(() => searchBody(state), [state.q, state.filter, state.sort, state.segment]);
  const rows = useRows(body);
  const columns = [...COLUMNS.filter(([name]) => (state.columns || "name,phone,email,tags,created_at").split(",").includes(name)),
    ...(state.columns || "").split(",").filter((name) => name.startsWith("cf:")).map((name) => [name, name.slice(3), null])];
  const filter = parsed(state.filter);
  const built = toRows(filter);
  // Opens another contact, or none, unless the one beside the table has changes that nobody saved.
  const open = (id) => {
    if (id === state.open) return;
    if (unsaved.is) { setDialog({ leaveTo: id }); return; }
    change({ open: id });
    if (!id) document.querySelector(`tr[data-id="${CSS.escape(state.open)}"]`)?.focus();
  };

  useEffect(() => {
    const onKey = (event) => {
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (document.querySelector("dialog[open]")) return;
      if (event.key === "/" && !isTyping) { event.preventDefault(); search.current.focus(); }
      if (event.key === "Escape" && state.open) open("");
      const lines = [...document.querySelectorAll("tbody tr")];
      const at = lines.indexOf(document.activeElement);
      if (event.key === "ArrowDown" && (at >= 0 || event.target === search.current)) { event.preventDefault(); lines[at + 1]?.focus(); }
      if (event.key === "ArrowUp" && at >= 0) { event.preventDefault(); (lines[at - 1] || search.current).focus(); }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });

  const sortBy = (field) => change({ sort: state.sort === field ? `-${field}` : state.sort === `-${field}` ? "" : field });
  const sortOf = (field) => (state.sort === field ? "ascending" : state.sort === `-${field}` ? "descending" : "none");
  const isFiltered = Boolean(state.q || state.filter || state.segment);
  const isEmpty = rows.data && !rows.contacts.length && !isFiltered;
  const isWhole = rows.data && !rows.pagination.next_cursor;
  const count = rows.total ?? (isWhole ? rows.contacts.length : null);
  const counted = !rows.data ? (rows.isLoading ? "Loading …" : "") : count === null ? `${formatNumber(rows.contacts.length)}+ contacts` : plural(count, "contact");

  if (isEmpty && !state.open && !rows.isLoading) {
    return html`<h1>Contacts</h1><${Start} scopes=${scopes} tags=${tags} onDone=${(id) => { rows.reload(); open(id); }} />`;
  }
  return html`<header class="title"><h1>Contacts</h1><p class="count" role="status">${counted}</p></header>
    <div class="bar">
      <input ref=${search} type="search" aria-label="Search contacts" placeholder="Search names, e-mail, phone ( / )" value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      <button type="button" onClick=${() => setDialog("filter")}>Filter${filter ? " ●" : ""}</button>
      <button type="button" onClick=${() => setDialog("columns")}>Columns</button>
      <button type="button" onClick=${() => { askAgain(); setDialog("bulk"); }} disabled=${!rows.contacts.length || Boolean(rows.error)}>Tag or export …</button>
      ${scopes.includes("contacts:write") && html`<button type="button" class="main" onClick=${() => setDialog("new")}>New contact</button>`}
    </div>
    ${isFiltered && html`<p class="filters">
      ${built ? built.rows.map((row, index) => html`<span class="tag" key=${index}><bdi>${words(row)}</bdi></span>${index < built.rows.length - 1 ? html`<small>${built.match === "all" ? "and" : "or"}</small>` : null}`) : html`<span class="tag">a filter in JSON</span>`}
      ${state.segment && html`<span class="tag">segment <bdi>${state.segment}</bdi></span>`}
      <button type="button" class="quiet" onClick=${() => { setTyped(""); change({ q: "", filter: "", segment: "" }); }}>Show all contacts</button></p>`}
    <${Problem} error=${rows.error} retry=${rows.reload} />
    <div class=${state.open ? "split" : ""}>
      <div class="table contacts" aria-busy=${rows.isLoading}>
        <table><thead><tr>${columns.map(([name, title, field]) => html`<th key=${name} scope="col" aria-sort=${field ? sortOf(field) : null}>
          ${field ? html`<button type="button" class="quiet" onClick=${() => sortBy(field)}>${title}</button>` : html`<bdi>${title}</bdi>`}</th>`)}</tr></thead>
          <tbody>${rows.contacts.map((contact) => html`<tr key=${contact.id} data-id=${contact.id} tabindex="0" aria-selected=${contact.id === state.open}
            onClick=${() => open(contact.id)} onKeyDown=${(event) => event.key === "Enter" && open(contact.id)}>
            ${columns.map(([name, title]) => html`<td key=${name} data-title=${title}><${Cell} column=${name} contact=${contact} /></td>`)}</tr>`)}</tbody></table>
        ${rows.data && !rows.contacts.length && html`<p class="hint empty">${isWhole ? "No contact matches." : "No match so far: the server has read 100,000 contacts. “Show more” reads on."}</p>`}
        <${More} pagination=${rows.pagination} load=${rows.load} isBusy=${rows.isBusy} />
      </div>
      ${state.open && html`<${ContactPanel} key=${state.open} id=${state.open} scopes=${scopes} names=${names || NOTHING_KNOWN}
        onClose=${() => open("")} onChange=${rows.reload} onOpen=${open} />`}
    </div>
    ${dialog === "filter" && html`<${FilterDialog} filter=${filter} names=${names || NOTHING_KNOWN} onClose=${() => setDialog(null)} onApply=${(next) => { change({ filter: next ? JSON.stringify(next) : "" }); setDialog(null); }} />`}
    ${dialog === "columns" && html`<${ColumnsDialog} columns=${columns.map(([name]) => name)} fields=${fields} onClose=${() => setDialog(null)} onApply=${(next) => { change({ columns: next.join(",") }); setDialog(null); }} />`}
    ${dialog === "bulk" && html`<${BulkDialog} body=${body} total=${count} tags=${tags} fields=${areOld || unknown ? [] : fields} scopes=${scopes} onClose=${() => { setDialog(null); rows.reload(); }} />`}
    ${dialog?.leaveTo !== undefined && html`<${Confirm} title="Discard your changes?" action="Discard" onClose=${() => setDialog(null)}
      run=${async () => { unsaved.is = false; change({ open: dialog.leaveTo }); }}><p>You have changed this contact, and not saved it.</p></${Confirm}>`}
    ${dialog === "new" && html`<${NewContact} tags=${tags} onClose=${() => setDialog(null)} onDone=${(id) => { setDialog(null); rows.reload(); open(id); }} />`}`;
}

function FilterDialog({ filter, names, onClose, onApply }) {
  const [draft, setDraft] = useState(filter);
  return html`<${Dialog} title="Filter" onClose=${onClose} wide>
    <form onSubmit=${(event) => { event.preventDefault(); onApply(draft); }}>
      <${FilterBuilder} filter=${filter} onChange=${setDraft} ...${names} />
      <footer><button type="button" onClick=${() => onApply(null)}>Clear</button><button class="main">Apply</button></footer></form></${Dialog}>`;
}

function ColumnsDialog({ columns, fields, onClose, onApply }) {
  const [chosen, setChosen] = useState(columns);
  const box = (name, title) => html`<label key=${name} class="check"><input type="checkbox" checked=${chosen.includes(name)}
    onChange=${(event) => setChosen(event.target.checked ? [...chosen, name] : chosen.filter((each) => each !== name))} /> <bdi>${title}</bdi></label>`;
  return html`<${Dialog} title="Columns" onClose=${onClose}>
    <form onSubmit=${(event) => { event.preventDefault(); onApply(chosen.length ? chosen : ["name"]); }}>
      ${COLUMNS.map(([name, title]) => box(name, title))}
      ${fields.length > 0 && html`<h3>Custom fields</h3>`}${fields.map(({ key, label }) => box(`cf:${key}`, label || key))}
      <footer><button class="main">Apply</button></footer></form></${Dialog}>`;
}
