"""A client of the API under test: one request at a time, over urllib3."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

from app.errors import StartError

SECONDS = 20.0
MAX_BYTES = 16 * 2**20
MAX_WAIT_SECONDS = 65


@dataclass(frozen=True)
class Answer:
    """A response; `body` is the parsed JSON with its keys in order, None if it is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> object:
        """Return the code of a failure in the documented envelope, None if there is none."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error.get("code") if isinstance(error, dict) else None


class Api:
    """A base URL, without `/v1`, and a key for it."""

    def __init__(self, url: str, key: str) -> None:
        """Raises `StartError` for what is no HTTP URL, or no key."""
        if not re.match("https?://[^/?#]", url):
            raise StartError(f"--against must be a URL, such as https://api.example.com, not {url}")
        if not (key.isascii() and key.isprintable()):
            raise StartError("--key has characters that cannot be sent in a header")
        self.url = url.rstrip("/").removesuffix("/v1")
        self._key = key
        # Redirects are not followed: the key is for this server only.
        self._pool = urllib3.PoolManager(retries=False, timeout=SECONDS)

    def get(
        self, path: str = "/v1/contacts", headers: Mapping[str, str] | None = None, **query: object
    ) -> Answer:
        """Send a GET; `headers` replace the key."""
        return self._send("GET", path + (f"?{urlencode(query)}" if query else ""), None, headers)

    def post(self, body: object) -> Answer:
        """Create or update a contact; bytes are sent unchanged."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._send("POST", "/v1/contacts", sent)

    def find(self, id: str) -> Answer:
        """Get one contact; the route is not documented, so a server may not have it."""
        return self.get(f"/v1/contacts/{id}")

    def delete(self, id: str) -> Answer:
        return self._send("DELETE", f"/v1/contacts/{id}")

    @property
    def key_as_help_centre(self) -> dict[str, str]:
        return {"X-API-Key": self._key}

    def check_key(self) -> None:
        """Raises `StartError` if the server rejects the key, however it is sent."""
        answers = [self.get(limit=1, headers=each) for each in (None, self.key_as_help_centre)]
        if all(each.status in (401, 403) for each in answers):
            raise StartError(f"{self.url} rejects the key ({answers[0].status}): check --key")

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        answer = self._exchange(method, path, body, headers)
        wait = answer.headers.get("Retry-After", "")
        if answer.status == 429 and wait.isdigit():
            # Rate limits have a check of their own.
            time.sleep(min(int(wait), MAX_WAIT_SECONDS))
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
        try:
            with self._pool.request(
                method,
                self.url + path,
                body=body,
                headers=sent,
                redirect=False,
                preload_content=False,
            ) as response:
                return Answer(response.status, response.headers, _json(response.read(MAX_BYTES)))
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise StartError(f"cannot reach {self.url}: {error.__cause__ or error}") from None


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
