// Calls the public API with the key of this tab. The key is in sessionStorage alone.

const STORED = "contacts-key";
// The page may be behind a path prefix: this file is in `console/` below it.
export const BASE = new URL("../", import.meta.url);

export const key = {
  get: () => sessionStorage.getItem(STORED),
  set: (value) => sessionStorage.setItem(STORED, value),
  clear: () => sessionStorage.removeItem(STORED),
};

export class ApiError extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.details = error.details || {};
    this.retryAfter = error.retry_after_seconds;
  }
}

// Returns the response, or raises ApiError: for status 0 the server was not reached.
export async function send(method, path, { query, body, headers, signal } = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query || {})) {
    for (const each of [value].flat()) {
      if (each !== undefined && each !== null && each !== "") url.searchParams.append(name, each);
    }
  }
  const sent = { Authorization: `Bearer ${key.get() || ""}`, ...headers };
  let content = body;
  if (body !== undefined && !(body instanceof Blob)) {
    sent["Content-Type"] = "application/json";
    content = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(url, { method, headers: sent, body: content, signal, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, {
      code: "network",
      message: "The server does not answer. Nothing was lost here: check the connection, then try again.",
    });
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new ApiError(response.status, error || {
    code: "http",
    message: `The server answered with status ${response.status}.`,
  });
}

export async function call(method, path, options) {
  return (await send(method, path, options)).json();
}

export const get = (path, query, signal) => call("GET", path, { query, signal });
// A segment of a path, such as a tag's name.
export const part = encodeURIComponent;
