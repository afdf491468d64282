"""Fixtures: receivers that listen on real sockets, and a deliverer."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.contacts.handlers import upsert_contact
from app.contacts.model import Draft
from app.database import Database
from app.setting_values import parse_targets
from app.settings import Settings
from app.webhooks import handlers
from app.webhooks.delivery import Deliverer
from app.webhooks.model import Delivery, Webhook
from app.webhooks.sender import Sender
from tests.conftest import wait_until

PRIVATE = "127.0.0.0/8"
LOCAL = parse_targets(PRIVATE)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, webhook_allow_private=LOCAL)


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes
    path: str = "/"
    at: float = field(default_factory=time.monotonic)

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]


Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Keeps each request, then calls `behave` of its receiver."""

    server: "Receiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received(dict(self.headers.items()), body, self.path))
        self.server.behave(self)

    def log_message(self, *_: object) -> None:
        pass


def answer(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


accept = answer(204)


class Receiver(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, behave: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave = behave
        self.received: list[Received] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def handle_error(self, *_: object) -> None:
        pass  # Some tests disconnect on purpose.


StartReceiver = Callable[..., Receiver]


@pytest.fixture
def start_receiver() -> Iterator[StartReceiver]:
    """Start a receiver on a free port; by default it responds 204."""
    started: list[Receiver] = []

    def start(behave: Behaviour = accept) -> Receiver:
        receiver = Receiver(behave)
        threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.over.set()
        receiver.shutdown()
        receiver.server_close()


@pytest.fixture
def receiver(start_receiver: StartReceiver) -> Receiver:
    return start_receiver()


@pytest.fixture
def deliverer(db: Database) -> Deliverer:
    """A deliverer that retries at once."""
    return Deliverer(db, Sender(LOCAL, seconds=30).send, delays=(0, 0, 0))


def step_until(deliverer: Deliverer, condition: Callable[[], bool], seconds: float = 20) -> None:
    def stepped() -> bool:
        deliverer.step()
        return condition()

    wait_until(stepped, seconds)


def settle(deliverer: Deliverer, db: Database) -> None:
    """Deliver until nothing is pending."""
    step_until(deliverer, lambda: not any(pending(db, each) for each in all_webhooks(db)))


def all_webhooks(db: Database) -> list[str]:
    return [id for (id,) in db.connection().execute("SELECT id FROM webhooks")]


def pending(db: Database, id: str) -> bool:
    [(last,)] = db.connection().execute("SELECT coalesce(max(seq), 0) FROM changes")
    return handlers.get_webhook(db.connection(), id).position < last or bool(
        log(db, id, state="pending")
    )


def log(db: Database, id: str, state: str | None = None) -> list[Delivery]:
    """Return the deliveries of a webhook, oldest first."""
    found, _ = handlers.list_deliveries(db, id, state=state, limit=100_000, offset=0)
    return found[::-1]


def add_contact(db: Database, number: int = 0, **values: Any) -> str:
    phone = f"91885687{number:04d}"
    upsert_contact(db, Draft(phone=phone, custom_fields={}, **values))
    return phone


@pytest.fixture
def webhook(db: Database, receiver: Receiver) -> Webhook:
    return handlers.create_webhook(db, url=receiver.url)
