// One contact beside the table: edit, tags, fields, history, phone, twins, merge, erase.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./htm-preact.js";
import { call, get, part, send } from "./api.js";
import { Event, shown } from "./events.js";
import { Confirm, Dialog, Field, Loading, More, Problem, countryName, fieldError, formatDate, nameOf, useAction, useData } from "./ui.js";

const NAMES = [["first_name", "First name"], ["last_name", "Last name"], ["email", "E-mail"]];

// Whether the contact beside the table has changes that are not saved.
export const unsaved = { is: false };

const readContact = async (id, signal) => {
  const response = await send("GET", `v1/contacts/${part(id)}`, { signal });
  return { contact: (await response.json()).contact, etag: response.headers.get("ETag") };
};

// Returns what differs between a form and the contact that it began with, as a merge patch.
function patchOf(form, contact) {
  const patch = {};
  for (const [name] of NAMES) if ((form[name] || "") !== (contact[name] || "")) patch[name] = form[name] || null;
  const fields = {};
  for (const key of new Set([...Object.keys(form.custom_fields), ...Object.keys(contact.custom_fields)])) {
    const value = form.custom_fields[key];
    if (value === undefined || value === "") { if (key in contact.custom_fields) fields[key] = null; } else if (value !== contact.custom_fields[key]) fields[key] = value;
  }
  if (Object.keys(fields).length) patch.custom_fields = fields;
  return patch;
}

const formOf = (contact) => ({ first_name: contact.first_name, last_name: contact.last_name, email: contact.email, custom_fields: { ...contact.custom_fields } });

function CustomField({ name, value, type, change, error }) {
  const label = html`<bdi>${name}</bdi> <small>${type}</small>`;
  if (type === "boolean") {
    return html`<${Field} label=${label} error=${error}><select value=${value === undefined ? "" : String(value)} onChange=${(event) => change(event.target.value === "" ? undefined : event.target.value === "true")}>
      <option value="">not set</option><option value="true">true</option><option value="false">false</option></select></${Field}>`;
  }
  if (type === "number") {
    return html`<${Field} label=${label} error=${error}><input type="number" step="any" value=${value ?? ""} onInput=${(event) => change(event.target.value === "" ? undefined : Number(event.target.value))} /></${Field}>`;
  }
  return html`<${Field} label=${label} error=${error}><input type=${type === "date" ? "date" : "text"} value=${value ?? ""} onInput=${(event) => change(event.target.value)} /></${Field}>`;
}

function Edit({ data, names, onSaved, onReload }) {
  const { contact, etag } = data;
  const [form, setForm] = useState(() => formOf(contact));
  const [newField, setNewField] = useState("");
  const [other, setOther] = useState(null);
  const patch = patchOf(form, contact);
  const isChanged = Object.keys(patch).length > 0;
  // At once: Escape may follow a key within a frame.
  useLayoutEffect(() => { unsaved.is = isChanged; }, [isChanged]);
  useLayoutEffect(() => () => { unsaved.is = false; }, []);
  const setCustom = (key, value) => setForm({ ...form, custom_fields: { ...form.custom_fields, [key]: value } });
  // Fields that are not loaded yet have no type: a stored number stays one.
  const typeOf = (key) => {
    const field = names.fields.find((each) => each.key === key);
    const type = field?.required_type || field?.type || "mixed";
    return type === "mixed" ? typeof (contact.custom_fields[key] ?? form.custom_fields[key] ?? "") : type;
  };
  const [save, isBusy, error] = useAction(async (tag = etag) => {
    try {
      await call("PATCH", `v1/contacts/${part(contact.id)}`, { body: patch, headers: { "If-Match": tag } });
    } catch (failure) {
      if (failure.status !== 412) throw failure;
      setOther(await readContact(contact.id));
      return;
    }
    setOther(null);
    onSaved();
  });
  const detail = (field) => fieldError(error, field);

  return html`<form onSubmit=${(event) => { event.preventDefault(); save(); }}>
    ${NAMES.map(([name, title]) => html`<${Field} key=${name} label=${title} error=${detail(name)}>
      <input dir="auto" value=${form[name] || ""} onInput=${(event) => setForm({ ...form, [name]: event.target.value })} /></${Field}>`)}
    <h3>Custom fields</h3>
    ${Object.keys(form.custom_fields).map((key) => html`<${CustomField} key=${key} name=${key} type=${typeOf(key)} value=${form.custom_fields[key]}
      error=${error?.details?.custom_fields?.[key] ? String(error.details.custom_fields[key]) : ""} change=${(value) => setCustom(key, value)} />`)}
    <div class="condition"><input aria-label="New custom field" list="known-fields" value=${newField} placeholder="name of a field" onInput=${(event) => setNewField(event.target.value)} />
      <datalist id="known-fields">${names.fields.map(({ key }) => html`<option key=${key} value=${key} />`)}</datalist>
      <button type="button" disabled=${!names.areLoaded || !newField.trim() || newField.trim() in form.custom_fields} onClick=${() => { setCustom(newField.trim(), typeOf(newField.trim()) === "boolean" ? true : ""); setNewField(""); }}>Add field</button></div>
    <${Problem} error=${error} />
    ${other && html`<div class="problem" role="alert"><p>Someone else changed this contact while you edited it.</p>
      <table><thead><tr><th>Field</th><th>Theirs</th><th>Yours</th></tr></thead><tbody>
        ${differences(patch, other.contact).map(([field, theirs, yours]) => html`<tr key=${field}><td><bdi>${field}</bdi></td><td><bdi>${shown(theirs)}</bdi></td><td><bdi>${shown(yours)}</bdi></td></tr>`)}</tbody></table>
      <button type="button" onClick=${() => save(other.etag)}>Save mine</button> <button type="button" onClick=${() => { setOther(null); onReload(); }}>Take theirs</button></div>`}
    ${(isChanged || isBusy) && html`<footer class="sticky"><button type="button" onClick=${() => setForm(formOf(contact))}>Undo</button><button class="main" disabled=${isBusy}>${isBusy ? "Saving …" : "Save"}</button></footer>`}
  </form>`;
}

const differences = (patch, theirs) => [
  ...Object.entries(patch).filter(([field]) => field !== "custom_fields").map(([field, value]) => [field, theirs[field], value]),
  ...Object.entries(patch.custom_fields || {}).map(([key, value]) => [key, theirs.custom_fields[key], value]),
];

function TagEditor({ contact, tags, onDone, canWrite }) {
  const [typed, setTyped] = useState("");
  const path = `v1/contacts/${part(contact.id)}/tags`;
  const [add, isBusy, error] = useAction(async () => { await call("POST", path, { body: { tags: [typed.trim()] } }); setTyped(""); onDone(); });
  const [remove, isRemoving, failure] = useAction(async (name) => { await call("DELETE", `${path}/${part(name)}`); onDone(); });
  return html`<div class="tags" role="group" aria-label="Tags">${contact.tags.map((name) => html`<span class="tag" key=${name}><bdi>${name}</bdi>
      ${canWrite && html`<button type="button" aria-label=${`Remove tag ${name}`} disabled=${isRemoving} onClick=${() => remove(name)}>✕</button>`}</span>`)}
    ${canWrite && html`<form onSubmit=${(event) => { event.preventDefault(); add(); }}>
      <input aria-label="Add a tag" placeholder="Add a tag" list="panel-tags" value=${typed} onInput=${(event) => setTyped(event.target.value)} />
      <datalist id="panel-tags">${tags.filter((name) => !contact.tags.includes(name)).map((name) => html`<option key=${name} value=${name} />`)}</datalist>
      ${typed.trim() && html`<button disabled=${isBusy}>Add</button>`}</form>`}
    <${Problem} error=${error || failure} /></div>`;
}

function Phone({ contact, scopes, onMerged }) {
  const { data, error } = useData((signal) => get(`v1/phone/${part(`+${contact.phone}`)}`, {}, signal), [contact.phone]);
  const [twin, setTwin] = useState(null);
  if (error) return html`<${Problem} error=${error} />`;
  if (!data) return null;
  const { phone } = data;
  const twins = phone.twins.filter(({ exists }) => exists);
  return html`<p class="hint">${[phone.region && countryName(phone.region), phone.kind, phone.valid ? "a valid number" : "possible, not in an assigned range"].filter(Boolean).join(" · ")}</p>
    ${twins.map((each) => html`<div class="notice" key=${each.phone}><p>+${each.phone} is stored too, and may be the same person.</p>
      ${scopes.includes("contacts:write") && html`<button type="button" onClick=${() => setTwin(each.phone)}>Merge it into this contact</button>`}</div>`)}
    ${twin && html`<${Confirm} title=${`Merge +${twin}?`} action="Merge" onClose=${() => setTwin(null)}
      run=${async () => { await call("POST", `v1/contacts/${part(contact.id)}/merge`, { body: { from: `cnt_${twin}` } }); onMerged(); }}>
      <p>Tags, and values that this contact lacks, come over. +${twin} goes on as another number of this contact.</p></${Confirm}>`}`;
}

function History({ id, turn }) {
  const [pages, setPages] = useState([]);
  const first = useData((signal) => get(`v1/contacts/${part(id)}/history`, { limit: 10 }, signal), [id, turn]);
  const later = pages[0]?.of === first.data ? pages : [];
  const [load, isBusy, error] = useAction(async () => {
    const cursor = (later.at(-1) || first.data).pagination.next_cursor;
    const page = await get(`v1/contacts/${part(id)}/history`, { limit: 10, cursor });
    setPages([...later, { ...page, of: first.data }]);
  });
  const events = [first.data, ...later].flatMap((page) => page?.history || []);
  return html`<section><h3>History</h3><${Problem} error=${first.error || error} />
    <ol class="events">${events.map((event) => html`<${Event} key=${event.seq} event=${event} />`)}</ol>
    <${More} pagination=${(later.at(-1) || first.data)?.pagination} load=${load} isBusy=${isBusy} /></section>`;
}

export function ContactPanel({ id, scopes, names, onClose, onChange, onOpen }) {
  const { data, error, isLoading, reload } = useData((signal) => readContact(id, signal), [id]);
  const [isErasing, setErasing] = useState(false);
  const canWrite = scopes.includes("contacts:write");
  const changed = () => { reload(); onChange(); };
  const contact = data?.contact;
  const title = useRef();
  useEffect(() => { if (contact) title.current.focus({ preventScroll: true }); }, [Boolean(contact)]);
  return html`<aside class="panel" aria-label="Contact">
    <header><h2 ref=${title} tabindex="-1"><bdi>${contact ? nameOf(contact) : "…"}</bdi></h2><button type="button" class="quiet" aria-label="Close contact" onClick=${onClose}>✕</button></header>
    <${Loading} when=${isLoading && !data} /><${Problem} error=${error} retry=${reload} />
    ${contact && html`
      <p class="phone"><bdi dir="ltr">+${contact.phone}</bdi> <small>created ${formatDate(contact.created_at)}, changed ${formatDate(contact.updated_at)}</small></p>
      <${Phone} contact=${contact} scopes=${scopes} onMerged=${changed} />
      <${TagEditor} contact=${contact} tags=${names.tags} onDone=${changed} canWrite=${canWrite} />
      ${canWrite ? html`<${Edit} key=${data.etag} data=${data} names=${names} onSaved=${changed} onReload=${reload} />`
        : html`<dl>${NAMES.map(([name, title]) => html`<div key=${name}><dt>${title}</dt><dd><bdi>${contact[name] || "—"}</bdi></dd></div>`)}
          ${Object.entries(contact.custom_fields).map(([key, value]) => html`<div key=${key}><dt><bdi>${key}</bdi></dt><dd><bdi>${String(value)}</bdi></dd></div>`)}</dl>`}
      <${History} id=${contact.id} turn=${data.etag} />
      ${canWrite && html`<p><button type="button" class="danger" onClick=${() => setErasing(true)}>Erase this contact …</button></p>`}
      ${isErasing && html`<${Confirm} title="Erase this contact?" action="Erase" onClose=${() => setErasing(false)}
        run=${async () => { await call("DELETE", `v1/contacts/${part(contact.id)}`); onChange(); onClose(); }}>
        <p><b><bdi>${nameOf(contact)}</bdi></b>, +${contact.phone}, with its tags, fields and history, is removed from every table, index and log of the server. Merged numbers go too. Backups keep it until they expire. This cannot be undone.</p></${Confirm}>`}`}
  </aside>`;
}

export function NewContact({ onClose, ...more }) {
  return html`<${Dialog} title="New contact" onClose=${onClose}><${ContactForm} onClose=${onClose} ...${more} /></${Dialog}>`;
}

export function ContactForm({ tags, onClose, onDone }) {
  const [form, setForm] = useState({ phone: "", first_name: "", last_name: "", email: "", tag: "" });
  const [save, isBusy, error] = useAction(async () => {
    const { tag, ...body } = Object.fromEntries(Object.entries(form).filter(([, value]) => value.trim()));
    const known = await call("POST", "v1/contacts/lookup", { body: { phones: [form.phone] } });
    if (known.results?.[0]?.id) { onDone(known.results[0].id); return; }
    const answer = await call("POST", "v1/contacts", { body: tag ? { ...body, tags: [tag.trim()] } : body });
    onDone(answer.contact.id);
  });
  const input = (name, title, more = {}) => html`<${Field} label=${title} error=${fieldError(error, name)} hint=${more.hint}>
    <input dir="auto" value=${form[name]} ...${more.attributes} onInput=${(event) => setForm({ ...form, [name]: event.target.value })} /></${Field}>`;
  return html`<form onSubmit=${(event) => { event.preventDefault(); save(); }}>
      ${input("phone", "Phone", { hint: "With the country code. A number that is stored already opens its contact.", attributes: { required: true, inputmode: "tel", autofocus: Boolean(onClose), placeholder: "+91 88568 79188" } })}
      ${NAMES.map(([name, title]) => input(name, title))}
      ${input("tag", "Tag", { attributes: { list: "new-tags" } })}
      <datalist id="new-tags">${tags.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
      <${Problem} error=${error} />
      <footer>${onClose && html`<button type="button" onClick=${onClose}>Cancel</button>`}<button class="main" disabled=${isBusy}>${isBusy ? "Saving …" : "Create"}</button></footer></form>`;
}
