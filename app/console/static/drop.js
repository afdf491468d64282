// The area that takes a file for an import, and a file on its way to that view.

import { html, useState } from "./htm-preact.js";
import { formatNumber } from "./ui.js";

let waiting = null;
export const handOver = (file) => { waiting = file; };
export const takeOver = () => { const file = waiting; waiting = null; return file; };

export function Drop({ file, onFile }) {
  const [isOver, setOver] = useState(false);
  const take = (chosen) => { if (chosen) onFile(chosen); };
  return html`<label class=${`drop ${isOver ? "over" : ""} ${file ? "chosen" : ""}`} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
      onDrop=${(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files[0]); }}>
    <input type="file" class="hidden" accept=".csv,.tsv,.txt,.jsonl,.ndjson,.xlsx,.vcf" onChange=${(event) => { take(event.target.files[0]); event.target.value = ""; }} />
    ${file ? html`<b><bdi>${file.name}</bdi></b> <small>${formatNumber(Math.ceil(file.size / 1024))} KiB · choose another</small>`
      : html`<b>Drop a file here, or choose one</b> <small>CSV, Excel (.xlsx), vCard, JSON Lines. Nothing is stored before you have seen what would happen.</small>`}
  </label>`;
}
