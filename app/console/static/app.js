// The page: sign-in, navigation, and the view that the address names.

import { html, render, useEffect, useState } from "./htm-preact.js";
import { get, key } from "./api.js";
import { address, go, useRoute } from "./route.js";
import { Command, Problem, useAction } from "./ui.js";
import { Home } from "./home.js";
import { Contacts } from "./contacts.js";
import { Import } from "./import.js";
import { TagList } from "./tags.js";
import { FieldList } from "./fields.js";
import { Segments } from "./segments.js";
import { Webhooks } from "./webhooks.js";

// View, title, component, scope that it needs.
const VIEWS = [
  ["home", "Home", Home, "contacts:read"],
  ["contacts", "Contacts", Contacts, "contacts:read"],
  ["import", "Import", Import, "contacts:write"],
  ["tags", "Tags", TagList, "contacts:read"],
  ["fields", "Fields", FieldList, "contacts:read"],
  ["segments", "Segments", Segments, "contacts:read"],
  ["webhooks", "Webhooks", Webhooks, "admin"],
];

const CREATE = "contacts keys create --label console";
const COMMANDS = [
  ["Installed, or the one file", CREATE],
  ["From the sources", `.venv/bin/${CREATE}`],
  ["In a container", `docker compose -f deploy/compose.yaml exec contacts ${CREATE}`],
];

function SignIn({ onProfile, problem }) {
  const [typed, setTyped] = useState("");
  const [enter, isBusy, error] = useAction(async () => {
    key.set(typed.trim());
    try {
      onProfile((await get("v1/profile")).profile);
    } catch (failure) {
      key.clear();
      throw failure;
    }
  });
  return html`<main class="sign-in"><h1>Contacts</h1>
    <form onSubmit=${(event) => { event.preventDefault(); enter(); }}>
      <label class="field"><span>API key</span>
        <input type="password" autocomplete="off" autofocus required value=${typed} placeholder="ak_live_…"
          onInput=${(event) => setTyped(event.target.value)} /></label>
      <${Problem} error=${error || problem} />
      <button class="main" disabled=${isBusy || !typed.trim()}>${isBusy ? "Signing in …" : "Sign in"}</button>
      <p class="hint">The key stays in this tab, until you close it or sign out.</p>
    </form>
    <section class="help"><h2>Where is my key?</h2>
      <p>The first start of the server created one. It is on the terminal, or in the file <code>first-admin-key</code> of the data folder.
        You can create another at any time, where the server runs:</p>
      <dl>${COMMANDS.map(([where, command]) => html`<dt key=${where}>${where}</dt><dd><${Command} text=${command} /></dd>`)}</dl>
    </section></main>`;
}

function App() {
  const [profile, setProfile] = useState(null);
  const [problem, setProblem] = useState(null);
  const [isAsking, setAsking] = useState(Boolean(key.get()));
  const { view, state } = useRoute();

  const ask = () => {
    setAsking(true);
    get("v1/profile").then(
      (answer) => { setProfile(answer.profile); setProblem(null); },
      (error) => { if (error.status === 401) key.clear(); setProblem(error); },
    ).finally(() => setAsking(false));
  };
  useEffect(() => { if (key.get()) ask(); }, []);
  useEffect(() => {
    const [, title] = VIEWS.find(([name]) => name === view) || VIEWS[0];
    document.title = profile ? `${title} · Contacts` : "Contacts";
  }, [view, profile]);

  if (isAsking) return html`<p class="lone" role="status">Signing in …</p>`;
  if (!profile && key.get()) return html`<main class="sign-in"><h1>Contacts</h1><${Problem} error=${problem} retry=${ask} /></main>`;
  if (!profile) return html`<${SignIn} onProfile=${setProfile} problem=${problem} />`;

  const shown = VIEWS.filter(([, , , scope]) => profile.scopes.includes(scope));
  const [name, , View] = shown.find(([each]) => each === view) || shown[0] || [];
  const signOut = () => { key.clear(); setProfile(null); setProblem(null); go("home", {}); };
  return html`<a class="skip" href="#content" onClick=${(event) => { event.preventDefault(); document.getElementById("content").focus(); }}>Skip to content</a>
    <nav aria-label="Main">
      <strong>Contacts</strong>
      <ul>${shown.map(([each, title]) => html`<li key=${each}><a href=${address(each)} aria-current=${each === name ? "page" : null}>${title}</a></li>`)}</ul>
      <p class="key"><bdi>${profile.label}</bdi> <button type="button" class="quiet" onClick=${signOut}>Sign out</button></p>
    </nav>
    <main id="content" tabindex="-1">${View
      ? html`<${View} key=${name} state=${state} scopes=${profile.scopes} />`
      : html`<p>This key has no scope that the console uses. It needs <code>contacts:read</code>.</p>`}</main>`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
