"""Sends the requests of `examples.json` in order to an application with an empty store.

`python -m tests.api_docs.exchanges` records the responses in the file.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock, create_app
from app.api_docs.examples import PATH
from app.api_keys import handlers as api_keys
from app.api_keys.handlers import create_api_key
from app.api_keys.model import SCOPES
from app.database import Database
from app.errors import InsufficientStorage
from app.journal.store import remove_events
from app.settings import load
from app.web import rate_limit
from app.web.service import service_of
from app.webhooks import handlers as webhooks
from app.webhooks import signing
from app.webhooks.delivery import Deliverer
from app.webhooks.model import Outcome

NOON = datetime(2026, 6, 2, 8, tzinfo=UTC)


class StoppedClock:
    """Replaces the clock of the rate limiter."""

    monotonic_ns = staticmethod(lambda: 10**18)
    time_ns = staticmethod(lambda: int(NOON.timestamp()) * 10**9)


class Counter:
    """Replaces the module `secrets`: unique values that are the same in each run."""

    def __init__(self, first: int = 1) -> None:
        self._numbers = count(first)

    def token_bytes(self, length: int) -> bytes:
        return next(self._numbers).to_bytes(length)

    def token_urlsafe(self, length: int) -> str:
        return self.token_hex(length)

    def token_hex(self, length: int) -> str:
        return self.token_bytes(length).hex()


def stop_clocks(replace: Callable[[Any, str, Any], None] = setattr) -> None:
    """Make responses the same in each run."""
    replace(clock, "now", lambda: NOON)
    replace(rate_limit, "clock", StoppedClock)
    # Requests without a store need the key that the worker remembers.
    replace(api_keys, "SECONDS_REMEMBERED", 10**9)
    replace(api_keys, "secrets", Counter())
    counter = Counter()
    replace(signing, "secrets", counter)
    replace(webhooks, "secrets", counter)


def exchanges() -> list[dict[str, Any]]:
    return json.loads(PATH.read_text(encoding="utf-8"))


def send_requests(app: Flask) -> Iterator[tuple[dict[str, Any], TestResponse]]:
    """Send every request; call `stop_clocks` first."""
    db: Database = service_of(app).db
    client = app.test_client()
    keys: dict[object, str] = {}
    # The same values however many keys the store has already.
    cast(Any, api_keys).secrets = Counter(256)
    for exchange in exchanges():
        request = exchange["request"]
        headers = {"X-Request-Id": "example", **request.get("headers", {})}
        if scopes := tuple(request.get("scopes", SCOPES)):
            limit = request.get("rate_limit")
            if (scopes, limit) not in keys:
                keys[scopes, limit] = create_api_key(
                    db, label="crm", scopes=scopes, rate_limit=limit
                )
            headers["Authorization"] = f"Bearer {keys[scopes, limit]}"
        if "store" in request:
            _STATES[request["store"]](db)
        yield exchange, _send(client, request, headers)


def _send(client: FlaskClient, request: dict[str, Any], headers: dict[str, str]) -> TestResponse:
    length = headers.pop("Content-Length", None)
    return client.open(
        request["path"],
        method=request["method"],
        headers=headers,
        environ_overrides={"CONTENT_LENGTH": length} if length else {},
        **{"json": request["body"]} if "body" in request else {"data": request.get("text")},
    )


def recorded(response: TestResponse) -> dict[str, Any]:
    """Return the recorded part of a response: its body if that is JSON or a file of contacts."""
    if response.mimetype in ("text/csv", "application/x-ndjson"):
        text = response.get_data(as_text=True)
        return {"status": response.status_code, "media_type": response.mimetype, "body": text}
    body = response.get_json() if response.is_json and response.data else None
    return {"status": response.status_code} | ({"body": body} if body else {})


def _forget(db: Database) -> None:
    with db.transaction() as tx:
        remove_events(tx, before="2026-06-03T00:00:00Z", most=3)


def _deliver(db: Database) -> None:
    """Deliver the queue to receivers that accept every request."""
    deliverer = Deliverer(db, lambda *_: Outcome(200, answer="thanks", duration_ms=87))
    deliverer.step()
    deliverer.finish(10)


def _fill(db: Database) -> None:
    """Fill every page of the database, so that no large value fits."""
    db.connection().execute("PRAGMA max_page_count = 1")
    with suppress(InsufficientStorage):
        for number in range(1_000):
            with db.transaction() as tx:
                tx.execute(f"CREATE TABLE filler_{number} (value)")


def _lose(db: Database) -> None:
    db.close()
    db.path.rename(db.path.with_suffix(".away"))


def _damage(db: Database) -> None:
    db.path.with_suffix(".away").rename(db.path)
    for path in db.path.parent.glob("contacts.db*"):
        path.write_bytes(b"damaged" * 10_000)


_STATES = {"old": _forget, "delivered": _deliver, "full": _fill, "lost": _lose, "damaged": _damage}


def main() -> None:
    stop_clocks()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(load({}, data=Path(folder) / "data"))
        with closing(service_of(app).db):
            found = [
                {**exchange, "response": recorded(response)}
                for exchange, response in send_requests(app)
            ]
    PATH.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
