// Segments: saved filters with their counts.

import { html, useEffect, useState } from "./htm-preact.js";
import { call, get, part } from "./api.js";
import { NOTHING_KNOWN, known } from "./contacts.js";
import { FilterBuilder } from "./filters.js";
import { address, go } from "./route.js";
import { usePage } from "./tags.js";
import { Confirm, Dialog, Field, Loading, Problem, fieldError, formatNumber, plural, useAction, useData, useSettled } from "./ui.js";

function Count({ filter }) {
  const settled = useSettled(JSON.stringify(filter), 400);
  const { data, error } = useData((signal) => (settled === "null" ? Promise.resolve(null)
    : call("POST", "v1/contacts/search", { body: { filter: JSON.parse(settled), limit: 1 }, signal })), [settled]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!data) return html`<p class="hint">Add a condition.</p>`;
  return html`<p role="status"><b>${data.pagination.total === null ? "More contacts than the server counts" : plural(data.pagination.total, "contact")}</b> match now.</p>`;
}

function Editor({ segment, onClose }) {
  const { data: names } = useData(known, []);
  const [name, setName] = useState(segment?.name || "");
  const [filter, setFilter] = useState(segment?.filter || null);
  const [notify, setNotify] = useState(false);
  const [save, isBusy, error] = useAction(async () => {
    await call("PUT", `v1/segments/${part(name.trim())}`, { body: notify ? { filter, notify } : { filter } });
    onClose(true);
  });
  return html`<${Dialog} title=${segment ? segment.name : "New segment"} onClose=${() => onClose(false)} wide>
    <form onSubmit=${(event) => { event.preventDefault(); save(); }}>
      ${!segment && html`<${Field} label="Name" error=${fieldError(error, "name")}><input dir="auto" required autofocus value=${name} onInput=${(event) => setName(event.target.value)} /></${Field}>`}
      ${names && html`<${FilterBuilder} filter=${filter} onChange=${setFilter} ...${names || NOTHING_KNOWN} isNested=${false} />`}
      <${Count} filter=${filter} />
      <label class="check"><input type="checkbox" checked=${notify} onChange=${(event) => setNotify(event.target.checked)} /> Send events for the contacts that this moves</label>
      <${Problem} error=${error} />
      <footer><button type="button" onClick=${() => onClose(false)}>Cancel</button><button class="main" disabled=${isBusy || !filter || !name.trim()}>${isBusy ? "Saving …" : "Save"}</button></footer></form></${Dialog}>`;
}

export function Segments({ state, scopes }) {
  const page = usePage("v1/segments", "segments");
  const [isNew, setNew] = useState(false);
  const [deleted, setDeleted] = useState(null);
  const isAdmin = scopes.includes("admin");
  const { data: opened } = useData((signal) => (state.open ? get(`v1/segments/${part(state.open)}`, {}, signal) : Promise.resolve(null)), [state.open]);
  const isBuilding = page.rows.some(({ state: its }) => its === "building");
  useEffect(() => {
    if (!isBuilding) return undefined;
    const timer = setInterval(page.reload, 2000);
    return () => clearInterval(timer);
  }, [isBuilding]);
  const close = (isDone) => { setNew(false); go("segments", {}); if (isDone) page.reload(); };
  return html`<h1>Segments</h1>
    <p class="hint">A segment is a saved filter. When a change moves a contact in or out, the journal and webhooks say so.</p>
    ${isAdmin && html`<div class="bar"><button type="button" class="main" onClick=${() => setNew(true)}>New segment</button></div>`}
    <${Problem} error=${page.error} retry=${page.reload} /><${Loading} when=${page.isLoading && !page.data} />
    <div class="table"><table><thead><tr><th scope="col">Segment</th><th scope="col">Contacts</th>${isAdmin && html`<th scope="col"><span class="hidden">Actions</span></th>`}</tr></thead>
      <tbody>${page.rows.map((segment) => html`<tr key=${segment.name}><td data-title="Segment"><bdi>${segment.name}</bdi></td>
        <td data-title="Contacts"><a href=${address("contacts", { segment: segment.name })}>${formatNumber(segment.contacts)}</a>
          ${segment.state === "building" && html` <small>${Math.round(segment.progress * 100)} % looked at</small>`}</td>
        ${isAdmin && html`<td class="actions"><button type="button" onClick=${() => go("segments", { open: segment.name })}>Edit</button>
          <button type="button" class="danger" onClick=${() => setDeleted(segment)}>Delete</button></td>`}</tr>`)}</tbody></table>
      ${page.data && !page.rows.length && html`<p class="hint">No segments yet.</p>`}</div>${page.buttons}
    ${isNew && html`<${Editor} onClose=${close} />`}
    ${state.open && opened?.segment?.name === state.open && isAdmin && html`<${Editor} key=${state.open} segment=${opened.segment} onClose=${close} />`}
    ${deleted && html`<${Confirm} title="Delete a segment?" action="Delete" onClose=${() => setDeleted(null)}
      run=${async () => { await call("DELETE", `v1/segments/${part(deleted.name)}`); page.reload(); }}><p>“<bdi>${deleted.name}</bdi>” no longer exists then. Its contacts stay.</p></${Confirm}>`}`;
}
