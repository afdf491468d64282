// Custom fields: what types they have, labels, pinned types, deletion.

import { html, useState } from "./htm-preact.js";
import { call, part } from "./api.js";
import { address } from "./route.js";
import { usePage } from "./tags.js";
import { Confirm, Dialog, Field, Loading, Problem, fieldError, formatNumber, plural, useAction } from "./ui.js";

const TYPES = ["string", "number", "boolean", "date", "datetime"];

function Pin({ field, onClose }) {
  const [label, setLabel] = useState(field.label || "");
  const [type, setType] = useState(field.required_type || "");
  const [convert, setConvert] = useState(false);
  const [result, setResult] = useState(null);
  const [save, isBusy, error] = useAction(async () => {
    const body = { label: label.trim() || null, type: type || null };
    if (convert && type) body.convert = true;
    const answer = await call("PUT", `v1/custom-fields/${part(field.key)}`, { body });
    const counts = answer.converted === undefined ? answer.custom_field : answer;
    if (body.convert && counts?.converted !== undefined) setResult(counts);
    else onClose(true);
  });
  if (result) {
    return html`<${Dialog} title="Converted" onClose=${() => onClose(true)}><p>${plural(result.converted, "contact")} converted, ${formatNumber(result.unconverted)} left as they are.</p>
      <footer><button type="button" class="main" onClick=${() => onClose(true)}>Close</button></footer></${Dialog}>`;
  }
  return html`<${Dialog} title=${field.key} onClose=${() => onClose(false)}>
    <form onSubmit=${(event) => { event.preventDefault(); save(); }}>
      <${Field} label="Label" error=${fieldError(error, "label")}><input dir="auto" value=${label} onInput=${(event) => setLabel(event.target.value)} /></${Field}>
      <${Field} label="Required type" error=${fieldError(error, "type")} hint="From then on a value of another type is rejected, unless it can be converted without loss.">
        <select value=${type} onChange=${(event) => setType(event.target.value)}><option value="">any</option>${TYPES.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></${Field}>
      ${type && html`<label class="check"><input type="checkbox" checked=${convert} onChange=${(event) => setConvert(event.target.checked)} /> Convert the values that are stored</label>`}
      <${Problem} error=${error} />
      <footer><button type="button" onClick=${() => onClose(false)}>Cancel</button><button class="main" disabled=${isBusy}>${isBusy ? "Working …" : "Save"}</button></footer></form></${Dialog}>`;
}

export function FieldList({ scopes }) {
  const page = usePage("v1/custom-fields", "custom_fields");
  const [pinned, setPinned] = useState(null);
  const [deleted, setDeleted] = useState(null);
  const isAdmin = scopes.includes("admin");
  return html`<h1>Custom fields</h1><p class="count" role="status">${page.data ? plural(page.total, "field") : ""}</p>
    <${Problem} error=${page.error} retry=${page.reload} /><${Loading} when=${page.isLoading && !page.data} />
    <div class="table"><table><thead><tr>${["Field", "Label", "Found type", "Required type", "Contacts"].map((title) => html`<th scope="col" key=${title}>${title}</th>`)}
      ${isAdmin && html`<th scope="col"><span class="hidden">Actions</span></th>`}</tr></thead>
      <tbody>${page.rows.map((field) => html`<tr key=${field.key}>
        <td data-title="Field"><bdi>${field.key}</bdi></td><td data-title="Label"><bdi>${field.label || ""}</bdi></td>
        <td data-title="Found type">${field.type || "—"}</td><td data-title="Required type">${field.required_type || "any"}</td>
        <td data-title="Contacts"><a href=${address("contacts", { filter: JSON.stringify({ field: `custom_fields.${field.key}`, op: "exists", value: true }), columns: `name,phone,cf:${field.key}` })}>${formatNumber(field.contacts)}</a></td>
        ${isAdmin && html`<td class="actions"><button type="button" onClick=${() => setPinned(field)}>Edit</button>
          <button type="button" class="danger" onClick=${() => setDeleted(field)}>Delete</button></td>`}</tr>`)}</tbody></table>
      ${page.data && !page.rows.length && html`<p class="hint">No custom fields yet. A field exists as soon as a contact has a value for it.</p>`}</div>
    ${page.buttons}
    ${pinned && html`<${Pin} field=${pinned} onClose=${(isDone) => { setPinned(null); if (isDone) page.reload(); }} />`}
    ${deleted && html`<${Confirm} title="Delete a custom field?" action="Delete" onClose=${() => setDeleted(null)}
      run=${async () => { await call("DELETE", `v1/custom-fields/${part(deleted.key)}`); page.reload(); }}>
      <p>“<bdi>${deleted.key}</bdi>” is removed from ${plural(deleted.contacts, "contact")}, with its values. This cannot be undone.</p></${Confirm}>`}`;
}
