// The filter builder: rows of conditions, and the JSON of the API that they make.

import { html, useState } from "./htm-preact.js";
import { shown } from "./events.js";

const WORDS = {
  eq: "is", ne: "is not", gt: "is more than", gte: "is at least", lt: "is less than", lte: "is at most",
  contains: "contains", starts_with: "starts with", exists: "is set", in: "is one of",
};
const TEXT = ["eq", "ne", "contains", "starts_with", "exists", "in", "gt", "gte", "lt", "lte"];
const FIELDS = {
  tag: ["Tag", ["eq", "ne", "in", "exists"]],
  segment: ["Segment", ["eq", "ne", "in"]],
  first_name: ["First name", TEXT],
  last_name: ["Last name", TEXT],
  email: ["E-mail", TEXT],
  phone: ["Phone", ["eq", "ne", "starts_with", "in"]],
  created_at: ["Created", ["gte", "lt"]],
  updated_at: ["Changed", ["gte", "lt"]],
};
const DATE_WORDS = { gte: "since", lt: "before" };
const CUSTOM = "custom_fields.";
export const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/; // As a query string takes it.

// Returns {match, rows} of a filter that the builder can show, else null.
export function toRows(filter) {
  if (!filter) return { match: "all", rows: [] };
  const [match, leaves] = filter.all ? ["all", filter.all] : filter.any ? ["any", filter.any] : ["all", [filter]];
  const isFlat = Array.isArray(leaves) && leaves.every((leaf) => leaf?.field && leaf.op);
  return isFlat ? { match, rows: leaves } : null;
}

export function toFilter({ match, rows }) {
  const whole = rows.filter((row) => row.op === "exists" || (row.value !== "" && row.value?.length !== 0));
  if (!whole.length) return null;
  return whole.length === 1 ? whole[0] : { [match]: whole };
}

export const words = (row) =>
  `${FIELDS[row.field]?.[0] || row.field.replace(CUSTOM, "")} ${row.op === "exists" ? (row.value ? "is set" : "is not set") : `${WORDS[row.op]} ${shown(row.value)}`}`;

const typeOf = (row, fields) => {
  const field = fields.find(({ key }) => `${CUSTOM}${key}` === row.field);
  return field ? field.required_type || field.type : "string";
};

// The value as the API takes it: numbers and booleans where the field has these.
function typed(text, type) {
  if (type === "boolean") return text === "true";
  if ((type === "number" || type === "mixed") && NUMBER.test(text)) return Number(text);
  return text;
}

function Value({ row, change, fields }) {
  const type = typeOf(row, fields);
  const set = (value) => change({ ...row, value });
  if (row.op === "exists" || (type === "boolean" && row.op !== "in")) {
    const [yes, no] = row.op === "exists" ? ["yes", "no"] : ["true", "false"];
    return html`<select aria-label="Value" value=${String(row.value)} onChange=${(event) => set(event.target.value === "true")}>
      <option value="true">${yes}</option><option value="false">${no}</option></select>`;
  }
  const isDate = ["created_at", "updated_at"].includes(row.field) || type === "date" || type === "datetime";
  const list = row.field === "tag" ? "known-tags" : row.field === "segment" ? "known-segments" : null;
  const text = row.op === "in" ? [row.value].flat().join(", ") : String(row.value ?? "");
  return html`<input aria-label="Value" list=${list} value=${text} placeholder=${isDate ? "2026-06-02T08:00:00Z, -7d" : row.op === "in" ? "a, b, c" : ""}
    onInput=${(event) => {
      const given = event.target.value;
      set(row.op === "in" ? given.split(",").map((each) => typed(each.trim(), type)).filter((each) => each !== "") : typed(given, type));
    }} />`;
}

export function FilterBuilder({ filter, onChange, fields, tags, segments, isNested = true }) {
  const rows = toRows(filter);
  const [draft, setDraft] = useState(rows || { match: "all", rows: [] });
  const [text, setText] = useState(rows ? null : JSON.stringify(filter, null, 2));
  const [wrong, setWrong] = useState("");
  const update = (next) => { setDraft(next); onChange(toFilter(next)); };
  const changeRow = (index, row) => update({ ...draft, rows: draft.rows.map((each, at) => (at === index ? row : each)) });

  if (text !== null) {
    return html`<div class="builder"><label class="field"><span>Filter as JSON</span>
      <textarea rows="8" spellcheck="false" value=${text} onInput=${(event) => {
        setText(event.target.value);
        try { onChange(event.target.value.trim() ? JSON.parse(event.target.value) : null); setWrong(""); } catch (error) { setWrong(error.message); }
      }}></textarea>${wrong && html`<small class="wrong">${wrong}</small>`}</label>
      <button type="button" onClick=${() => { setText(null); update({ match: "all", rows: [] }); }}>Start again with rows</button></div>`;
  }
  return html`<div class="builder">
    <datalist id="known-tags">${tags.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
    <datalist id="known-segments">${segments.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
    ${draft.rows.length > 1 && html`<label>Contacts match <select value=${draft.match} onChange=${(event) => update({ ...draft, match: event.target.value })}>
      <option value="all">all of these</option><option value="any">any of these</option></select></label>`}
    ${draft.rows.map((row, index) => html`<div class="condition" key=${index} role="group" aria-label=${`Condition ${index + 1}`}>
      <select aria-label="Field" value=${row.field} onChange=${(event) => {
        const field = event.target.value;
        const op = (FIELDS[field]?.[1] || TEXT)[0];
        const boolean = typeOf({ field }, fields) === "boolean";
        changeRow(index, { field, op, value: boolean ? true : "" });
      }}>
        ${Object.entries(FIELDS).filter(([name]) => isNested || name !== "segment").map(([name, [title]]) => html`<option key=${name} value=${name}>${title}</option>`)}
        ${fields.map(({ key, label }) => html`<option key=${key} value=${CUSTOM + key}>${label || key}</option>`)}
      </select>
      <select aria-label="Comparison" value=${row.op} onChange=${(event) => {
        const op = event.target.value;
        const value = op === "exists" ? true : op === "in" ? [row.value].flat().filter((each) => each !== "" && typeof each !== "boolean")
          : row.op === "exists" ? "" : [row.value].flat()[0] ?? "";
        changeRow(index, { ...row, op, value });
      }}>${(FIELDS[row.field]?.[1] || TEXT).map((op) => html`<option key=${op} value=${op}>${row.field.endsWith("ed_at") ? DATE_WORDS[op] : WORDS[op]}</option>`)}</select>
      <${Value} row=${row} change=${(next) => changeRow(index, next)} fields=${fields} />
      <button type="button" class="quiet" aria-label="Remove condition" onClick=${() => update({ ...draft, rows: draft.rows.filter((_, at) => at !== index) })}>✕</button>
    </div>`)}
    <p><button type="button" onClick=${() => update({ ...draft, rows: [...draft.rows, { field: "tag", op: "eq", value: "" }] })}>Add a condition</button></p>
    <details><summary>The JSON that this sends</summary><pre>${JSON.stringify(toFilter(draft), null, 2)}</pre>
      <button type="button" onClick=${() => setText(JSON.stringify(toFilter(draft), null, 2) === "null" ? "" : JSON.stringify(toFilter(draft), null, 2))}>Edit the JSON</button></details>
  </div>`;
}
