// Counts, changes for each day, the latest changes as they happen, and how the server is.

import { html, useEffect, useState } from "./htm-preact.js";
import { BASE, get, send } from "./api.js";
import { Bars } from "./charts.js";
import { Event, bounds } from "./events.js";
import { address, go } from "./route.js";
import { Start } from "./start.js";
import { Loading, Problem, formatDate, formatNumber, useData } from "./ui.js";

const DAYS = 14;
const PAGES = 5; // Of 1,000 events, which the chart counts at most.
const LATEST = 20;

// Reads the newest events, oldest first, and where the feed ends: from its end back to the first day of the chart.
async function newestEvents(signal) {
  const [removed, last] = await bounds(signal);
  const since = Date.now() - DAYS * 86_400_000;
  let events = [];
  let end = last;
  for (let count = 0; count < PAGES && end > removed; count += 1) {
    const start = Math.max(removed, end - 1000);
    const page = await get("v1/changes", { after: start, limit: end - start }, signal);
    events = page.changes.filter(({ seq }) => seq <= end).concat(events);
    end = start;
    if (!page.changes.length || Date.parse(page.changes[0].timestamp) < since) return { events, last, isPartial: false };
  }
  return { events, last, isPartial: end > removed };
}

function byDay(events) {
  const days = new Map();
  const today = new Date();
  for (let back = DAYS - 1; back >= 0; back -= 1) {
    const day = new Date(today.getFullYear(), today.getMonth(), today.getDate() - back);
    days.set(day.toDateString(), { day, created: 0, changed: 0 });
  }
  for (const { event, timestamp } of events) {
    const bucket = days.get(new Date(timestamp).toDateString());
    if (bucket) bucket[event === "contact.created" ? "created" : "changed"] += 1;
  }
  return [...days.values()];
}

// Follows the feed: the newest events first, at most LATEST.
function useLatest(start) {
  const [events, setEvents] = useState([]);
  useEffect(() => {
    if (!start) return undefined;
    const abort = new AbortController();
    setEvents(start.events.slice(-LATEST).reverse());
    (async () => {
      let after = start.last;
      while (!abort.signal.aborted) {
        try {
          const page = await get("v1/changes", { after, wait: 20, limit: 100 }, abort.signal);
          after = page.next_after;
          if (page.changes.length) setEvents((old) => [...page.changes.reverse(), ...old].slice(0, LATEST));
          else await new Promise((done) => setTimeout(done, 500));
        } catch (error) {
          if (error.name === "AbortError") return;
          await new Promise((done) => setTimeout(done, 5000));
        }
      }
    })();
    return () => abort.abort();
  }, [start]);
  return events;
}

async function readHealth(scopes, signal) {
  const { version } = await get("v1/status", {}, signal);
  const ready = await fetch(new URL("readyz", BASE), { signal }).then((answer) => answer.ok, () => false);
  const health = { version, ready };
  if (scopes.includes("admin")) {
    const text = await (await send("GET", "metrics", { signal })).text();
    const found = /^contacts_last_backup_timestamp_seconds (\S+)/m.exec(text);
    health.backup = found && Number(found[1]) ? new Date(Number(found[1]) * 1000) : null;
  }
  return health;
}

export function Home({ scopes }) {
  const totals = useData(async (signal) => {
    const [contacts, tags, fields] = await Promise.all([
      get("v1/contacts", { limit: 1 }, signal),
      get("v1/tags", { limit: 1 }, signal),
      get("v1/custom-fields", { limit: 1 }, signal),
    ]);
    return { contacts: contacts.pagination.total, tags: tags.pagination.total, fields: fields.pagination.total };
  }, []);
  const journal = useData(newestEvents, []);
  const health = useData((signal) => readHealth(scopes, signal), []);
  const latest = useLatest(journal.data);
  const days = journal.data ? byDay(journal.data.events) : [];

  const isEmpty = totals.data?.contacts === 0;

  return html`<h1>Home</h1>
    <${Problem} error=${totals.error || journal.error || health.error} retry=${() => { totals.reload(); journal.reload(); health.reload(); }} />
    <${Loading} when=${totals.isLoading} />
    <dl class="totals">
      ${[["Contacts", "contacts"], ["Tags", "tags"], ["Custom fields", "fields"]].map(([title, name]) => html`
        <div key=${name}><dt>${title}</dt><dd><a href=${address(name)}>${totals.data ? formatNumber(totals.data[name]) : "…"}</a></dd></div>`)}
      <div><dt>Server</dt><dd class="small">${health.data ? html`
        <span class=${health.data.ready ? "good" : "bad"}>${health.data.ready ? "Ready" : "Cannot write"}</span>
        <small>Version ${health.data.version}</small>
        ${"backup" in health.data && html`<small>${health.data.backup ? `Last backup ${formatDate(health.data.backup)}` : html`No backup yet: run <code>contacts backup</code>`}</small>`}` : "…"}</dd></div>
    </dl>
    ${isEmpty && html`<${Start} scopes=${scopes} tags=${[]} onDone=${(id) => go("contacts", { open: id })} />`}
    ${!isEmpty && html`<section><h2>Changes per day</h2>
      ${journal.data?.isPartial && html`<p class="hint">Of the latest ${formatNumber(PAGES * 1000)} changes.</p>`}
      <${Bars} days=${days} label=${`Contacts created and changed in the last ${DAYS} days`} /></section>`}
    ${(!isEmpty || latest.length > 0) && html`<section><h2>Latest changes</h2>
      ${latest.length ? html`<ol class="events" aria-live="polite">${latest.map((event) => html`<${Event} key=${event.seq} event=${event} linked />`)}</ol>`
        : html`<p class="hint">${journal.isLoading ? "Loading …" : "Nothing has changed yet."}</p>`}</section>`}`;
}
