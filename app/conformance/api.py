"""A server that is asked: one request at a time, over HTTP, by the standard library alone."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.errors import StartError

SECONDS = 20.0
MOST_BYTES = 16 * 2**20
MOST_WAITING = 65


@dataclass(frozen=True)
class Answer:
    """`body` is what the JSON holds, None where there is none; keys keep their order."""

    status: int
    headers: Message
    body: Any

    @property
    def code(self) -> object:
        """Return the code of a failure in the documented envelope, None where there is none."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error.get("code") if isinstance(error, dict) else None


class _KeepRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None  # A key is not taken to another place.


class Api:
    """A base URL, in front of `/v1`, and a key for it."""

    def __init__(self, url: str, key: str) -> None:
        """Raises `StartError` for what is no URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise StartError(f"--against must be a URL, such as https://api.example.com, not {url}")
        self.url = url.rstrip("/").removesuffix("/v1")
        self._key = key
        self._opener = urllib.request.build_opener(_KeepRedirects)

    def get(
        self, path: str = "/v1/contacts", headers: Mapping[str, str] | None = None, **query: object
    ) -> Answer:
        """Ask for something; `headers` come in place of the key."""
        return self._ask("GET", path + (f"?{urlencode(query)}" if query else ""), None, headers)

    def post(self, body: object) -> Answer:
        """Create or update a contact; a text is sent as it is."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask("POST", "/v1/contacts", sent, None)

    def find(self, id: str) -> Answer:
        """Ask for one contact, which is not documented: a server may have no such route."""
        return self.get(f"/v1/contacts/{id}")

    def delete(self, id: str) -> Answer:
        return self._ask("DELETE", f"/v1/contacts/{id}", None, None)

    @property
    def key_as_help_centre(self) -> dict[str, str]:
        return {"X-API-Key": self._key}

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> Answer:
        answer = self._exchange(method, path, body, headers)
        wait = answer.headers.get("Retry-After", "")
        if answer.status == 429 and wait.isdigit():
            # Its limit is not what is asked about.
            time.sleep(min(int(wait), MOST_WAITING))
            answer = self._exchange(method, path, body, headers)
        if answer.status == 429:
            raise StartError(f"{self.url} refuses more requests (429): try again later")
        return answer

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> Answer:
        sent = {"Authorization": f"Bearer {self._key}"} if headers is None else dict(headers)
        sent["User-Agent"] = "contacts-check"
        if body is not None:
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, body, sent, method=method)
        try:
            try:
                response = self._opener.open(request, timeout=SECONDS)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                text = response.read(MOST_BYTES)
                return Answer(response.status, response.headers, _json(text))
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise StartError(f"cannot reach {self.url}: {why}") from None


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
