// Webhooks: add, change, test, rotate the secret, see deliveries and send them again.

import { html, useState } from "./htm-preact.js";
import { call, get, part } from "./api.js";
import { Confirm, Dialog, Field, Loading, Problem, fieldError, formatDate, formatNumber, useAction, useData } from "./ui.js";

const EVENTS = ["contact.created", "contact.updated", "contact.deleted", "contact.merged", "segment.entered", "segment.left"];
const split = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);

function Secret({ secret, onClose }) {
  return html`<${Dialog} title="The secret, shown only now" onClose=${onClose}><p><code class="secret">${secret}</code></p>
    <p class="hint">Store it where your program verifies requests. No other page shows it.</p>
    <footer><button type="button" onClick=${() => navigator.clipboard?.writeText(secret)}>Copy</button><button type="button" class="main" onClick=${onClose}>I have stored it</button></footer></${Dialog}>`;
}

function Editor({ webhook, onClose }) {
  const [form, setForm] = useState({
    url: webhook?.url || "", label: webhook?.label || "", events: webhook?.events || [],
    fields: (webhook?.fields || []).join(", "), exclude_actor: (webhook?.exclude_actor || []).join(", "),
  });
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  const [save, isBusy, error] = useAction(async () => {
    const body = { url: form.url.trim(), label: form.label.trim() || null, events: form.events.length ? form.events : null,
      fields: split(form.fields).length ? split(form.fields) : null, exclude_actor: split(form.exclude_actor).length ? split(form.exclude_actor) : null };
    const answer = webhook ? await call("PATCH", `v1/webhooks/${webhook.id}`, { body }) : await call("POST", "v1/webhooks", { body });
    onClose(answer.webhook);
  });
  return html`<${Dialog} title=${webhook ? "Change a webhook" : "New webhook"} onClose=${() => onClose(null)}>
    <form onSubmit=${(event) => { event.preventDefault(); save(); }}>
      <${Field} label="URL" error=${fieldError(error, "url")}><input type="url" required autofocus value=${form.url} placeholder="https://" onInput=${set("url")} /></${Field}>
      <${Field} label="Label" error=${fieldError(error, "label")}><input dir="auto" value=${form.label} onInput=${set("label")} /></${Field}>
      <fieldset><legend>Events</legend>${EVENTS.map((name) => html`<label class="check" key=${name}><input type="checkbox" checked=${form.events.includes(name)}
        onChange=${(event) => setForm({ ...form, events: event.target.checked ? [...form.events, name] : form.events.filter((each) => each !== name) })} /> ${name}</label>`)}
        <small>None chosen means all.</small></fieldset>
      <${Field} label="Only changes of these fields" error=${fieldError(error, "fields")} hint="Such as email, custom_fields.plan. Empty means all."><input value=${form.fields} onInput=${set("fields")} /></${Field}>
      <${Field} label="Not for changes by these keys" error=${fieldError(error, "exclude_actor")} hint="Ids such as key_…, separated by commas."><input value=${form.exclude_actor} onInput=${set("exclude_actor")} /></${Field}>
      <${Problem} error=${error} />
      <footer><button type="button" onClick=${() => onClose(null)}>Cancel</button><button class="main" disabled=${isBusy}>${isBusy ? "Saving …" : "Save"}</button></footer></form></${Dialog}>`;
}

function Deliveries({ webhook, onClose }) {
  const [state, setState] = useState("");
  const { data, error, isLoading, reload } = useData((signal) => get(`v1/webhooks/${webhook.id}/deliveries`, { state, limit: 50 }, signal), [state]);
  const [again, isBusy, failure] = useAction(async (id) => { await call("POST", `v1/webhooks/${webhook.id}/deliveries/${part(id)}/redeliver`); reload(); });
  const [all, isAll, trouble] = useAction(async () => { await call("POST", `v1/webhooks/${webhook.id}/redeliver`, { body: { state: "dead" } }); reload(); });
  return html`<${Dialog} title=${`Deliveries of ${webhook.label || webhook.url}`} onClose=${onClose} wide>
    <div class="bar"><label>State <select value=${state} onChange=${(event) => setState(event.target.value)}><option value="">all</option>
      ${["pending", "delivered", "dead"].map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></label>
      <button type="button" onClick=${reload}>Refresh</button><button type="button" disabled=${isAll} onClick=${all}>Send all dead ones again</button></div>
    <${Problem} error=${error || failure || trouble} /><${Loading} when=${isLoading && !data} />
    <div class="table"><table><thead><tr>${["Event", "State", "Attempts", "Time", "Answer"].map((title) => html`<th scope="col" key=${title}>${title}</th>`)}<th scope="col"><span class="hidden">Actions</span></th></tr></thead>
      <tbody>${(data?.deliveries || []).map((each) => html`<tr key=${each.id}><td data-title="Event">${each.event}</td><td data-title="State"><span class=${each.state === "dead" ? "bad" : each.state === "delivered" ? "good" : ""}>${each.state}</span></td>
        <td data-title="Attempts">${formatNumber(each.attempt)}</td><td data-title="Time">${formatDate(each.attempted_at || each.next_attempt_at)}</td>
        <td data-title="Answer">${each.status ?? ""} <bdi>${each.error || ""}</bdi>${each.answer ? html`<details><summary>Body</summary><pre>${each.answer}</pre></details>` : null}</td>
        <td class="actions">${each.state !== "pending" && html`<button type="button" disabled=${isBusy} onClick=${() => again(each.id)}>Send again</button>`}</td></tr>`)}</tbody></table>
      ${data && !data.deliveries.length && html`<p class="hint">No deliveries.</p>`}</div></${Dialog}>`;
}

export function Webhooks() {
  const { data, error, isLoading, reload } = useData((signal) => get("v1/webhooks", {}, signal), []);
  const [dialog, setDialog] = useState(null);
  const [secret, setSecret] = useState(null);
  const [notice, setNotice] = useState("");
  const close = (saved) => { setDialog(null); if (saved?.secret) setSecret(saved.secret); if (saved) reload(); };
  const [act, isBusy, failure] = useAction(async (method, path, body, text) => {
    const answer = await call(method, path, { body });
    if (answer.webhook?.secret) setSecret(answer.webhook.secret);
    setNotice(text);
    reload();
  });
  return html`<h1>Webhooks</h1>
    <div class="bar"><button type="button" class="main" onClick=${() => setDialog(["edit", null])}>New webhook</button></div>
    <${Problem} error=${error || failure} retry=${error && reload} /><${Loading} when=${isLoading && !data} />
    <p role="status" class="hint">${notice}</p>
    <ul class="cards">${(data?.webhooks || []).map((webhook) => html`<li key=${webhook.id}>
      <h2><bdi>${webhook.label || webhook.url}</bdi> <span class=${webhook.status === "failing" ? "bad" : webhook.status === "active" ? "good" : ""}>${webhook.status}</span></h2>
      <p><bdi>${webhook.url}</bdi><br /><small>${webhook.events ? webhook.events.join(", ") : "all events"}${webhook.fields ? ` · fields ${webhook.fields.join(", ")}` : ""}</small></p>
      <p class="actions"><button type="button" onClick=${() => setDialog(["deliveries", webhook])}>Deliveries</button>
        <button type="button" disabled=${isBusy} onClick=${() => act("POST", `v1/webhooks/${webhook.id}/test`, undefined, "A test is on its way: see the deliveries.")}>Send a test</button>
        <button type="button" onClick=${() => setDialog(["edit", webhook])}>Change</button>
        <button type="button" disabled=${isBusy} onClick=${() => act("PATCH", `v1/webhooks/${webhook.id}`, { status: webhook.status === "disabled" ? "active" : "disabled" }, "")}>${webhook.status === "disabled" ? "Enable" : "Disable"}</button>
        <button type="button" onClick=${() => setDialog(["rotate", webhook])}>New secret</button>
        <button type="button" class="danger" onClick=${() => setDialog(["delete", webhook])}>Delete</button></p></li>`)}</ul>
    ${data && !data.webhooks.length && html`<p class="hint">No webhooks yet. A webhook sends every change to your own server.</p>`}
    ${dialog?.[0] === "edit" && html`<${Editor} webhook=${dialog[1]} onClose=${close} />`}
    ${dialog?.[0] === "deliveries" && html`<${Deliveries} webhook=${dialog[1]} onClose=${() => setDialog(null)} />`}
    ${dialog?.[0] === "rotate" && html`<${Confirm} title="A new secret?" action="Make a new secret" onClose=${() => setDialog(null)} run=${() => act("POST", `v1/webhooks/${dialog[1].id}/rotate-secret`, undefined, "")}>
      <p>The present secret also signs for 24 hours, so that your program can change over.</p></${Confirm}>`}
    ${dialog?.[0] === "delete" && html`<${Confirm} title="Delete a webhook?" action="Delete" onClose=${() => setDialog(null)} run=${() => act("DELETE", `v1/webhooks/${dialog[1].id}`, undefined, "")}>
      <p>Nothing is sent to <bdi>${dialog[1].url}</bdi> from then on. Its deliveries are forgotten.</p></${Confirm}>`}
    ${secret && html`<${Secret} secret=${secret} onClose=${() => setSecret(null)} />`}`;
}
