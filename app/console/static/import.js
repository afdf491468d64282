// Import: drop a file, look at what would happen, change the mapping, run it.

import { html, useEffect, useRef, useState } from "./htm-preact.js";
import { ApiError, BASE, key } from "./api.js";
import { Drop, takeOver } from "./drop.js";
import { bounds } from "./events.js";
import { Field, Problem, Tags, countryName, formatNumber, plural, useAction } from "./ui.js";

const TYPES = {
  csv: "text/csv", tsv: "text/csv", txt: "text/csv", jsonl: "application/x-ndjson", ndjson: "application/x-ndjson",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", vcf: "text/vcard",
};
const TARGETS = ["phone", "first_name", "last_name", "full_name", "email", "tags"];
const OUTCOMES = [["created", "New"], ["updated", "Changed"], ["unchanged", "Unchanged"], ["rejected", "Rejected"]];

// Sends a file; unlike fetch, XMLHttpRequest says how much of it was sent. Returns {promise, abort}.
function upload(file, options, onSent) {
  const url = new URL("v1/contacts/import", BASE);
  for (const [name, value] of options) if (value !== "" && value !== false) url.searchParams.append(name, value);
  const request = new XMLHttpRequest();
  const promise = new Promise((resolve, reject) => {
    request.open("POST", url);
    request.setRequestHeader("Authorization", `Bearer ${key.get() || ""}`);
    request.setRequestHeader("Content-Type", TYPES[file.name.split(".").pop().toLowerCase()] || "text/csv");
    request.upload.onprogress = (event) => onSent(event.loaded / event.total);
    request.onload = () => {
      let answer;
      try { answer = JSON.parse(request.responseText); } catch { answer = { error: { code: "http", message: `The server answered with status ${request.status}.` } }; }
      if (answer.success) resolve(answer); else reject(new ApiError(request.status, answer.error));
    };
    request.onerror = () => reject(new ApiError(0, { code: "network", message: "The connection broke while the file was sent. Import it again: rows that are stored already stay unchanged." }));
    request.onabort = () => reject(new ApiError(0, { code: "stopped", message: "Cancelled before the whole file was sent: nothing is stored." }));
    request.send(file);
  });
  return { promise, abort: () => request.abort() };
}

function download(rows, name) {
  const cell = (value) => { const text = String(value ?? ""); return `"${(/^[=+\-@]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`; };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Returns how many changes the feed has after `before`, once it stands still for a second.
async function settled(before) {
  for (let count = -1; ;) {
    const [, now] = await bounds();
    if (now - before === count) return count;
    count = now - before;
    await new Promise((done) => setTimeout(done, 1000));
  }
}

export function Import({ scopes }) {
  const [file, setFile] = useState(null);
  const [options, setOptions] = useState({ default_country: "", international: false, tags: "add", add_tag: "", tag_separator: "", sheet: "", lenient: false, match_twins: false });
  const [mapping, setMapping] = useState({});
  const [answer, setAnswer] = useState(null);
  const [progress, setProgress] = useState(null);
  const [report, setReport] = useState(null);
  const [stopped, setStopped] = useState(null);
  const running = useRef(null);
  const query = () => [...Object.entries(options), ...Object.entries(mapping).map(([column, field]) => ["map", `${column}=${field}`])]
    .filter(([name, value]) => !(name === "tags" && value === "add"));

  const [look, isLooking, lookError] = useAction(async (chosen = file) => {
    setReport(null);
    const work = upload(chosen, [...query(), ["dry_run", "true"]], () => {});
    running.current = work;
    setAnswer(await work.promise);
  });
  const [run, isRunning, runError] = useAction(async () => {
    const [, before] = await bounds();
    const expected = answer.report.created + answer.report.updated;
    let sent = 0;
    setStopped(null);
    // The server stops after the batch that it stores when this page, or a proxy, closes the connection.
    const work = upload(file, [...query(), ["stop_on_disconnect", "true"]], (part) => { sent = part; setProgress({ sent, stored: 0, expected }); });
    running.current = { abort: work.abort, isRun: true };
    const timer = setInterval(async () => {
      const [, now] = await bounds().catch(() => [0, before]);
      setProgress((old) => old && { ...old, stored: Math.min(expected, now - before) });
    }, 1000);
    try {
      setReport((await work.promise).report);
    } catch (error) {
      if (error.code !== "stopped" || sent < 1) throw error;
      clearInterval(timer);
      setProgress(null);
      setStopped({ stored: await settled(before), expected });
    } finally {
      clearInterval(timer);
      setProgress(null);
    }
  });
  useEffect(() => {
    take(takeOver());
    // A preview ends with the view; an import that runs goes on.
    return () => running.current?.isRun || running.current?.abort();
  }, []);
  useEffect(() => {
    if (!isRunning) return undefined;
    const warn = (event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isRunning]);
  const take = (chosen) => { if (chosen) { setFile(chosen); setMapping({}); setAnswer(null); setReport(null); setStopped(null); look(chosen); } };
  const set = (name) => (event) => setOptions({ ...options, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const preview = answer?.preview;
  const isReadOnly = !scopes.includes("contacts:read");

  return html`<h1>Import</h1>
    <${Drop} file=${file} onFile=${take} />
    ${file && html`<details class="more-options"><summary>Options</summary><form class="options" onSubmit=${(event) => { event.preventDefault(); look(); }}>
      <${Field} label="Country of numbers without +" hint="Two letters, such as IN"><input size="4" maxlength="2" value=${options.default_country} onInput=${set("default_country")} /></${Field}>
      <${Field} label="Tag for every row"><input dir="auto" value=${options.add_tag} onInput=${set("add_tag")} /></${Field}>
      <${Field} label="Tags of known contacts"><select value=${options.tags} onChange=${set("tags")}><option value="add">are kept, new ones added</option><option value="replace">are replaced</option></select></${Field}>
      <${Field} label="Between tags in a cell"><input size="4" value=${options.tag_separator} placeholder=";" onInput=${set("tag_separator")} /></${Field}>
      ${answer?.report.format === "xlsx" && html`<${Field} label="Sheet"><input value=${options.sheet} onInput=${set("sheet")} /></${Field}>`}
      <label class="check"><input type="checkbox" checked=${options.international} onChange=${set("international")} /> All numbers begin with a country code</label>
      <label class="check"><input type="checkbox" checked=${options.lenient} onChange=${set("lenient")} /> Leave out bad optional cells instead of their rows</label>
      <label class="check"><input type="checkbox" checked=${options.match_twins} onChange=${set("match_twins")} /> Join numbers that differ by Brazil's or Argentina's 9</label>
      <p><button disabled=${isLooking || isRunning}>${isLooking ? "Reading …" : "Preview again"}</button></p></form></details>`}
    <${Problem} error=${lookError || runError} />
    ${isLooking && html`<p role="status">Reading the whole file …</p>`}
    ${preview && !report && html`<${Preview} answer=${answer} mapping=${mapping} onMap=${(column, field) => setMapping({ ...mapping, [column]: field })} />
      <footer class="sticky">${Object.keys(mapping).length > 0 && html`<button type="button" disabled=${isLooking} onClick=${() => look()}>Preview with this mapping</button>`}
        ${progress ? html`<span role="status"><progress value=${progress.sent < 1 ? progress.sent * 0.2 : 0.2 + 0.8 * (progress.stored / (progress.expected || 1))}></progress>
          ${progress.sent < 1 ? "Sending the file" : `${formatNumber(progress.stored)} of ${formatNumber(progress.expected)} stored`}</span>
          <button type="button" onClick=${() => running.current.abort()}>Cancel</button>`
        : html`<button type="button" class="main" disabled=${isRunning || isLooking || Boolean(preview.problem) || isReadOnly || answer.report.created + answer.report.updated === 0} onClick=${run}>Import ${plural(answer.report.created + answer.report.updated, "contact")}</button>`}</footer>`}
    ${isRunning && !progress && html`<p role="status">Cancelling: the server ends the batch that it stores …</p>`}
    ${stopped && html`<section class="notice" role="status"><h2>Cancelled</h2>
      <p>About ${formatNumber(stopped.stored)} of ${plural(stopped.expected, "contact")} are stored, and stay. To store the rest, import the same file again: what is stored already does not change.</p></section>`}
    ${report && html`<section class="notice" role="status"><h2>Imported</h2><${Counts} report=${report} /><${Rejected} report=${report} name=${file.name} /></section>`}`;
}

function Counts({ report }) {
  return html`<dl class="totals">${OUTCOMES.map(([name, title]) => html`<div key=${name}><dt>${title}</dt><dd>${formatNumber(report[name])}</dd></div>`)}</dl>`;
}

function Rejected({ report, name }) {
  if (!report.rejected) return null;
  const rows = [["line", "column", "reason"], ...report.errors.map(({ line, column, reason }) => [line, column, reason])];
  return html`<p>${plural(report.rejected, "row")} rejected.${report.errors.length < report.rejected ? ` The list has the first ${report.errors.length} reasons; contacts import writes all rejected rows to a file.` : ""}${" "}
    <button type="button" onClick=${() => download(rows, `${name}.rejected.csv`)}>Download the list</button></p>`;
}

function Preview({ answer, mapping, onMap }) {
  const { report, preview } = answer;
  const numbers = Object.entries(report.numbers || {});
  const targetOf = (column) => mapping[column.column] ?? (column.field || "");
  return html`<section class="preview" aria-label="Preview">
    ${preview.problem && html`<div class="problem" role="alert"><p>${typeof preview.problem === "string" ? preview.problem : preview.problem.message || JSON.stringify(preview.problem)}</p></div>`}
    ${report.warnings?.length > 0 && html`<div class="notice"><h2>Warnings</h2><ul>${report.warnings.slice(0, 20).map((each, index) => html`<li key=${index}>${each.line ? `Line ${each.line}: ` : ""}${each.column ? html`<b><bdi>${each.column}</bdi></b>: ` : null}<bdi>${each.reason}</bdi></li>`)}</ul></div>`}
    <h2>What would happen</h2>
    <p class="hint">${[report.format, report.encoding, report.profile && `as ${report.profile} writes it`].filter(Boolean).join(" · ")}</p>
    <${Counts} report=${report} />
    ${numbers.length > 0 && html`<p>Numbers: ${numbers.map(([code, count]) => `${countryName(code)} ${formatNumber(count)}`).join(" · ")}</p>`}
    ${preview.new_tags.length > 0 && html`<p>New tags: <${Tags} names=${preview.new_tags} /></p>`}
    ${preview.new_fields.length > 0 && html`<p>New fields: <${Tags} names=${preview.new_fields} /></p>`}
    <h2>Columns</h2>
    <div class="table"><table><thead><tr><th scope="col">Column</th><th scope="col">Becomes</th><th scope="col">Samples</th></tr></thead>
      <tbody>${[...preview.columns].sort((a, b) => (b.samples.length > 0) - (a.samples.length > 0)).map((column) => html`<tr key=${column.column}><td data-title="Column"><bdi>${column.column}</bdi></td>
        <td data-title="Becomes"><select aria-label=${`${column.column} becomes`} value=${targetOf(column)} onChange=${(event) => onMap(column.column, event.target.value)}>
          <option value="">nothing</option>
          ${[...new Set([...TARGETS, `custom_fields.${column.column}`, targetOf(column)])].filter(Boolean).map((field) => html`<option key=${field} value=${field}>${field}</option>`)}</select></td>
        <td data-title="Samples"><bdi>${column.samples.join(" · ")}</bdi></td></tr>`)}</tbody></table></div>
    ${OUTCOMES.filter(([name]) => preview.samples[name]?.length).map(([name, title]) => html`<details key=${name} open=${name === "rejected" || name === "updated"}><summary>${title}: ${plural(report[name], "row")}</summary>
      <ul>${preview.samples[name].map((sample) => html`<li key=${sample.line}>Line ${sample.line}: ${name === "rejected" ? html`<bdi>${sample.reasons.join(" ")}</bdi>` : html`+${sample.phone} <${Sample} sample=${sample} />`}</li>`)}</ul></details>`)}
    <${Rejected} report=${report} name="preview" />
  </section>`;
}

function Sample({ sample }) {
  const flat = (value) => (Array.isArray(value) ? value.join(", ") : String(value));
  return html`${Object.entries(sample.added).map(([field, value]) => html` <span key=${field}>+<b><bdi>${field}</bdi></b> <ins><bdi>${flat(value)}</bdi></ins></span>`)}
    ${Object.entries(sample.replaced).map(([field, { before, after }]) => html` <span key=${field}><b><bdi>${field}</bdi></b> <del><bdi>${flat(before)}</bdi></del> → <ins><bdi>${flat(after)}</bdi></ins></span>`)}
    ${Object.entries(sample.removed).map(([field, value]) => html` <span key=${field}>−<b><bdi>${field}</bdi></b> <del><bdi>${flat(value)}</bdi></del></span>`)}`;
}
