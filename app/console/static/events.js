// One event of the journal, in a line: what happened, to whom, when, and what it was before.

import { html } from "./htm-preact.js";
import { get } from "./api.js";
import { address } from "./route.js";
import { formatDate, nameOf } from "./ui.js";

const WORDS = {
  "contact.created": "created",
  "contact.updated": "changed",
  "contact.merged": "merged",
  "contact.deleted": "erased",
  "segment.entered": "entered",
  "segment.left": "left",
};

export const shown = (value) =>
  value === null || value === undefined ? "nothing" : Array.isArray(value) ? value.join(", ") || "no tags" : String(value);

function subject(data, linked) {
  const contact = data.contact || data;
  if (!contact.id) return null;
  const name = contact.phone ? nameOf(contact) : contact.id;
  return linked && contact.phone ? html`<a href=${address("contacts", { open: contact.id })}><bdi>${name}</bdi></a>` : html`<bdi>${name}</bdi>`;
}

// The value of a field that `changed` names, such as custom_fields.plan.
const valueOf = (contact, field) =>
  field.startsWith("custom_fields.") ? contact.custom_fields?.[field.slice("custom_fields.".length)] : contact[field];

export function Event({ event, linked }) {
  const { data } = event;
  const changes = data.changed || [];
  return html`<li class="event"><p><span>${linked ? subject(data, true) : null} ${WORDS[event.event] || event.event}
      ${data.segment ? html` <a href=${address("segments", { open: data.segment })}><bdi>${data.segment}</bdi></a>` : null}
      ${data.name ? html` <bdi>${data.name}</bdi>${data.new_name ? html` → <bdi>${data.new_name}</bdi>` : null}` : null}</span>
    <small><time datetime=${event.timestamp}>${formatDate(event.timestamp)}</time>${event.actor ? ` · ${event.actor}` : ""}</small></p>
    ${!linked && changes.length > 0 && html`<ul>${changes.map((field) => html`<li key=${field}><b><bdi>${field}</bdi></b>${" "}
      ${data.previous && field in data.previous ? html`<del><bdi>${shown(data.previous[field])}</bdi></del> → ` : null}<ins><bdi>${shown(valueOf(data, field))}</bdi></ins></li>`)}</ul>`}
  </li>`;
}

// Returns the numbers between which the feed has events: it names them when it is asked beyond its end.
export async function bounds(signal) {
  try {
    const page = await get("v1/changes", { after: Number.MAX_SAFE_INTEGER, limit: 1 }, signal);
    return [0, page.next_after];
  } catch (error) {
    const found = /from (\d+) to (\d+)/.exec(error.details?.after?.[0] || "");
    if (!found) throw error;
    return [Number(found[1]), Number(found[2])];
  }
}
