// What an empty store shows: a first contact, a file, a call from a program.

import { html, useState } from "./htm-preact.js";
import { BASE } from "./api.js";
import { ContactForm } from "./contact.js";
import { Drop, handOver } from "./drop.js";
import { go } from "./route.js";
import { Command } from "./ui.js";

const call = () => `curl -X POST ${new URL("v1/contacts", BASE)} \\
  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"phone": "+918856879188", "first_name": "Priya", "tags": ["Lead"]}'`;

export function Start({ scopes, tags, onDone }) {
  const [made] = useState(call);
  if (!scopes.includes("contacts:write")) return html`<p class="hint">No contacts yet. This key cannot create any.</p>`;
  return html`<p class="hint">No contacts yet. Three ways to begin:</p>
    <div class="start">
      <section><h2>Add your first contact</h2><${ContactForm} tags=${tags} onDone=${onDone} /></section>
      <div><section><h2>Bring a file</h2><${Drop} onFile=${(file) => { handOver(file); go("import", {}); }} /></section>
        <section><h2>Send one from a program</h2><${Command} text=${made} /><p class="hint">All calls, to try: <a href="docs">the API</a>.</p></section></div>
    </div>`;
}
