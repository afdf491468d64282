// All tags: rename, merge, delete, with the number of contacts.

import { html, useState } from "./htm-preact.js";
import { call, get, part } from "./api.js";
import { address } from "./route.js";
import { Confirm, Dialog, Field, Loading, Problem, fieldError, formatNumber, plural, useAction, useData } from "./ui.js";

const LIMIT = 100;

// A page of a list by offset, with buttons to the others.
export function usePage(path, list) {
  const [offset, setOffset] = useState(0);
  const page = useData((signal) => get(path, { limit: LIMIT, offset }, signal), [path, offset]);
  const total = page.data?.pagination.total ?? 0;
  const buttons = total > LIMIT && html`<p class="pages"><button type="button" disabled=${!offset} onClick=${() => setOffset(offset - LIMIT)}>Previous</button>
    ${formatNumber(offset + 1)}–${formatNumber(Math.min(total, offset + LIMIT))} of ${formatNumber(total)}
    <button type="button" disabled=${offset + LIMIT >= total} onClick=${() => setOffset(offset + LIMIT)}>Next</button></p>`;
  return { ...page, rows: page.data?.[list] || [], total, buttons };
}

function Rename({ tag, all, onClose }) {
  const [name, setName] = useState(tag.name);
  const target = name.trim();
  const merges = all.find((each) => each.name === target && target !== tag.name);
  const [save, isBusy, error] = useAction(async () => { await call("PATCH", `v1/tags/${part(tag.name)}`, { body: { name: target } }); onClose(true); });
  return html`<${Dialog} title="Rename a tag" onClose=${() => onClose(false)}>
    <form onSubmit=${(event) => { event.preventDefault(); save(); }}>
      <${Field} label="Name" error=${fieldError(error, "name")}><input dir="auto" autofocus value=${name} onInput=${(event) => setName(event.target.value)} /></${Field}>
      ${merges && html`<p class="notice">“<bdi>${target}</bdi>” exists, with ${plural(merges.contacts, "contact")}. The two become one. This cannot be undone.</p>`}
      <p class="hint">${plural(tag.contacts, "contact")} will change.</p>
      <${Problem} error=${error} />
      <footer><button type="button" onClick=${() => onClose(false)}>Cancel</button>
        <button class=${merges ? "danger" : "main"} disabled=${isBusy || !target || target === tag.name}>${isBusy ? "Working …" : merges ? "Merge" : "Rename"}</button></footer></form></${Dialog}>`;
}

export function TagList({ scopes }) {
  const page = usePage("v1/tags", "tags");
  const [renamed, setRenamed] = useState(null);
  const [deleted, setDeleted] = useState(null);
  const canWrite = scopes.includes("contacts:write");
  return html`<h1>Tags</h1><p class="count" role="status">${page.data ? plural(page.total, "tag") : ""}</p>
    <${Problem} error=${page.error} retry=${page.reload} /><${Loading} when=${page.isLoading && !page.data} />
    <div class="table"><table><thead><tr><th scope="col">Tag</th><th scope="col">Contacts</th>${canWrite && html`<th scope="col"><span class="hidden">Actions</span></th>`}</tr></thead>
      <tbody>${page.rows.map((tag) => html`<tr key=${tag.name}>
        <td data-title="Tag"><bdi>${tag.name}</bdi></td>
        <td data-title="Contacts"><a href=${address("contacts", { filter: JSON.stringify({ field: "tag", op: "eq", value: tag.name }) })}>${formatNumber(tag.contacts)}</a></td>
        ${canWrite && html`<td class="actions"><button type="button" onClick=${() => setRenamed(tag)}>Rename</button>
          <button type="button" class="danger" onClick=${() => setDeleted(tag)}>Delete</button></td>`}</tr>`)}</tbody></table>
      ${page.data && !page.rows.length && html`<p class="hint">No tags yet. A contact gets its tags when it is created, changed or imported.</p>`}</div>
    ${page.buttons}
    ${renamed && html`<${Rename} tag=${renamed} all=${page.rows} onClose=${(isDone) => { setRenamed(null); if (isDone) page.reload(); }} />`}
    ${deleted && html`<${Confirm} title="Delete a tag?" action="Delete" onClose=${() => setDeleted(null)}
      run=${async () => { await call("DELETE", `v1/tags/${part(deleted.name)}`); page.reload(); }}>
      <p>“<bdi>${deleted.name}</bdi>” is removed from ${plural(deleted.contacts, "contact")}. This cannot be undone.</p></${Confirm}>`}`;
}
