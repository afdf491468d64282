// The state of the page is in its address, after the #: `#/contacts?q=pri&open=cnt_91…`.

import { useEffect, useState } from "./htm-preact.js";

export function readRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: path || "home", state: Object.fromEntries(new URLSearchParams(query || "")) };
}

export function address(view, state = {}) {
  const kept = Object.entries(state).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(kept).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

export function go(view, state, { replace = false } = {}) {
  const target = address(view, state);
  if (target === location.hash) return;
  if (replace) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
  dispatchEvent(new Event("hashchange"));
}

export function useRoute() {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const follow = () => setRoute(readRoute());
    addEventListener("hashchange", follow);
    addEventListener("popstate", follow);
    return () => { removeEventListener("hashchange", follow); removeEventListener("popstate", follow); };
  }, []);
  return route;
}
