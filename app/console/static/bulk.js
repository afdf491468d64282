// What is done with all contacts that a search finds: add or remove a tag, export.

import { html, useRef, useState } from "./htm-preact.js";
import { call, send } from "./api.js";
import { toRows } from "./filters.js";
import { Dialog, Field, Problem, plural, useAction } from "./ui.js";

const CUSTOM = "custom_fields.";
const BOUNDS = { created_at: "created", updated_at: "updated" };
const ENDINGS = { gte: "since", lt: "before" };

// Returns the search as parameters of an export, or null where only a filter tree can say it.
export function asQuery({ q, filter, segment }) {
  const rows = filter ? toRows(JSON.parse(filter)) : { match: "all", rows: [] };
  if (!rows || (rows.match === "any" && rows.rows.length > 1)) return null;
  const query = { q, segment };
  for (const { field, op, value } of rows.rows) {
    let name;
    if (field === "tag" && op === "eq") { (query.tag = query.tag || []).push(value); continue; }
    if (field === "segment" && op === "eq" && !query.segment) name = "segment";
    else if (["email", "phone"].includes(field) && op === "eq") name = field;
    else if (BOUNDS[field] && ENDINGS[op]) name = `${BOUNDS[field]}_${ENDINGS[op]}`;
    else if (field.startsWith(CUSTOM)) name = `custom_fields[${field.slice(CUSTOM.length)}][${op}]`;
    if (!name || name in query && query[name]) return null;
    query[name] = Array.isArray(value) ? value.join(",") : String(value);
  }
  return query;
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Runs a call again after the wait that the server asks for: the key's rate limit, a busy store.
async function patiently(run) {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (error.status !== 429 && error.status !== 503) throw error;
      await new Promise((done) => setTimeout(done, (error.retryAfter || 2) * 1000));
    }
  }
}

// Calls `use` with each page of a search, until `isStopped()`.
async function eachPage(body, use, isStopped) {
  let cursor = "start";
  while (cursor && !isStopped()) {
    const page = await patiently(() => call("POST", "v1/contacts/search", { body: { ...body, limit: 100, cursor } }));
    await use(page.contacts);
    cursor = page.pagination.next_cursor;
  }
}

export function BulkDialog({ body, state, total, tags, scopes, onClose }) {
  const [tag, setTag] = useState("");
  const [format, setFormat] = useState("csv");
  const [done, setDone] = useState(null);
  const stopped = useRef(false);
  const query = asQuery(state);
  // The order of arrival: what a change of tags moves in another order would be met twice.
  const search = { ...body, sort: undefined };
  const all = total === null ? "all contacts found" : plural(total, "contact");

  const [apply, isBusy, error] = useAction(async (kind) => {
    stopped.current = false;
    const count = { seen: 0, changed: 0, failed: 0, kind };
    setDone({ ...count });
    // Read first, then write: the search may be about this very tag.
    const phones = [];
    await eachPage(search, (contacts) => { phones.push(...contacts.map(({ phone }) => phone)); setDone({ kind: "read", seen: phones.length }); }, () => stopped.current);
    for (let at = 0; at < phones.length && !stopped.current; at += 500) {
      const contacts = phones.slice(at, at + 500).map((phone) => ({ phone, [kind]: [tag.trim()] }));
      const answer = await patiently(() => call("POST", "v1/contacts/batch", { body: { contacts } }));
      count.seen += contacts.length;
      count.changed += answer.updated + answer.created;
      count.failed += answer.failed;
      setDone({ ...count, total: phones.length });
    }
    setDone({ ...count, total: phones.length, isOver: true, isStopped: stopped.current });
  });
  const [save, isSaving, failure] = useAction(async () => {
    stopped.current = false;
    if (query) {
      const response = await send("GET", "v1/contacts/export", { query: { ...query, format } });
      download(await response.blob(), `contacts.${format}`);
      return;
    }
    const lines = [];
    await eachPage(search, (contacts) => {
      lines.push(...contacts.map((contact) => `${JSON.stringify(contact)}\n`));
      setDone({ kind: "export", seen: lines.length });
    }, () => stopped.current);
    if (!stopped.current) download(new Blob(lines, { type: "application/x-ndjson" }), "contacts.jsonl");
    setDone(null);
  });
  const isWorking = isBusy || isSaving;
  return html`<${Dialog} title=${`Tag or export ${all}`} onClose=${() => { stopped.current = true; onClose(); }}>
    ${scopes.includes("contacts:write") && html`<section><h3>Tags</h3>
      <${Field} label="Tag"><input list="bulk-tags" value=${tag} disabled=${isWorking} onInput=${(event) => setTag(event.target.value)} /></${Field}>
      <datalist id="bulk-tags">${tags.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
      <button type="button" disabled=${!tag.trim() || isWorking} onClick=${() => apply("add_tags")}>Add to all</button>${" "}
      <button type="button" disabled=${!tag.trim() || isWorking} onClick=${() => apply("remove_tags")}>Remove from all</button></section>`}
    <section><h3>Export</h3>
      ${query ? html`<${Field} label="Format"><select value=${format} onChange=${(event) => setFormat(event.target.value)}>
        <option value="csv">CSV</option><option value="xlsx">Excel (.xlsx)</option><option value="vcf">vCard</option><option value="jsonl">JSON Lines</option></select></${Field}>`
        : html`<p class="hint">This filter is exported as JSON Lines.</p>`}
      <button type="button" disabled=${isWorking} onClick=${save}>${isSaving ? "Exporting …" : "Download"}</button></section>
    ${done && html`<div role="status"><progress max=${done.total || total || 1} value=${done.isOver ? done.total || 1 : done.seen}></progress>
      <p>${done.isStopped ? "Stopped. " : ""}${plural(done.seen, "contact")}${["export", "read"].includes(done.kind) ? " read" : ` done, ${done.changed} changed${done.failed ? `, ${done.failed} failed` : ""}`}.</p>
      ${isWorking && html`<button type="button" onClick=${() => { stopped.current = true; }}>Stop</button>`}</div>`}
    <${Problem} error=${error || failure} />
  </${Dialog}>`;
}
