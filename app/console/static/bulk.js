// What is done with all contacts that a search finds: add or remove a tag, export.

import { html, useRef, useState } from "./htm-preact.js";
import { call, send } from "./api.js";
import { NUMBER } from "./filters.js";
import { Dialog, Field, Problem, plural, useAction } from "./ui.js";

const CUSTOM = "custom_fields.";
const PARAMETERS = {
  "tag eq": "tag", "segment eq": "segment", "email eq": "email", "phone eq": "phone",
  "created_at gte": "created_since", "created_at lt": "created_before",
  "updated_at gte": "updated_since", "updated_at lt": "updated_before",
};
const MAX_TAGS = 20; // Of one query,
const MAX_LENGTH = 3500; // and the characters of its address.

// Returns the conditions that must all hold; one without a field is an operator, such as `not`.
const conditions = (node) => (node.all ? node.all.flatMap(conditions) : node.any?.length === 1 ? conditions(node.any[0]) : [node]);

// Returns whether a parameter, which has no type, finds in a custom field what the value finds. As
// a parameter, `10` is the number and the text, but only the number where it is compared by order.
function isSame(value, op, type) {
  if (op === "exists") return typeof value === "boolean";
  if (op === "in") return Array.isArray(value) && value.every((each) => !String(each).includes(",") && isSame(each, "eq", type));
  const isText = typeof value === "string";
  if (op === "contains" || op === "starts_with") return isText;
  if (op !== "eq" && op !== "ne") return isText ? !NUMBER.test(value) : typeof value === "number";
  if (isText) return ["string", "date", "datetime"].includes(type) || !(NUMBER.test(value) || value === "true" || value === "false");
  return ["number", "boolean"].includes(typeof value) && ["number", "boolean"].includes(type);
}

// Returns a search as parameters of an export, or null where only its filter tree can say it.
// `fields` are the custom fields with the types of their values.
export function asQuery({ q, filter }, fields) {
  const query = { q };
  for (const { field, op, value } of filter ? conditions(filter) : []) {
    const key = field?.startsWith(CUSTOM) ? field.slice(CUSTOM.length) : null;
    const name = key === null ? PARAMETERS[`${field} ${op}`] : `custom_fields[${key}][${op}]`;
    const type = fields.find((each) => each.key === key)?.type;
    const text = String(value); // A list with commas.
    // An empty parameter would not be sent.
    if (!name || !text || !(key === null ? typeof value === "string" : isSame(value, op, type))) return null;
    if (name === "tag") query.tag = [...(query.tag || []), value];
    else if (name in query) return null;
    else query[name] = text;
  }
  const { length } = String(new URLSearchParams(query));
  return query.tag?.length > MAX_TAGS || length > MAX_LENGTH ? null : query;
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

export function BulkDialog({ body, total, tags, fields, scopes, onClose }) {
  const [tag, setTag] = useState("");
  const [format, setFormat] = useState("csv");
  const [done, setDone] = useState(null);
  const stopped = useRef(false);
  const query = asQuery(body, fields);
  // The order of arrival: what a change of tags moves in another order would be met twice.
  const search = { ...body, sort: undefined, include: undefined };
  const all = total === null ? "all contacts found" : plural(total, "contact");

  const [apply, isBusy, error] = useAction(async (kind) => {
    stopped.current = false;
    const count = { seen: 0, changed: 0, failed: 0, kind };
    setDone({ ...count });
    // Read first, then write: the search may be about this very tag.
    const phones = [];
    await eachPage(search, (contacts) => { phones.push(...contacts.map(({ phone }) => phone)); setDone({ kind: "read", seen: phones.length }); }, () => stopped.current);
    for (let at = 0; at < phones.length && !stopped.current; at += 500) {
      // A batch would create again who was erased since the reading.
      const { results } = await patiently(() => call("POST", "v1/contacts/lookup", { body: { phones: phones.slice(at, at + 500) } }));
      const contacts = results.filter(({ id, reason }) => id || reason).map(({ input }) => ({ phone: input, [kind]: [tag.trim()] }));
      const answer = await patiently(() => call("POST", "v1/contacts/batch", { body: { contacts } }));
      count.seen += results.length;
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
    await eachPage({ ...search, include: ["custom_fields", "updated_at", "aliases"] }, (contacts) => {
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
