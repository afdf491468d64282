"""Starts a stand-in: its folder, its key, what is in it at first, and the server itself."""

import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from app import clock
from app.api_keys import store
from app.api_keys.model import SCOPES, ApiKey, digest
from app.database import Database
from app.database.kinds import STAND_IN
from app.database.migrate import migrate
from app.errors import ServiceError, StartError
from app.serving.server import Server
from app.serving.startup import prepare_folder
from app.settings import PrivateTargets, Settings, parse_targets
from app.standin import exchanges, routes
from app.standin.state import START, State, attach

KEY = "YOUR_API_KEY"
LIMIT = 120
LOOPBACK = parse_targets("127.0.0.0/8,::1,localhost")

Fill = Callable[[Database, Settings], None]


def check_loopback(host: str) -> None:
    """Raises `StartError` where anybody but this machine could reach the stand-in."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    if not found or not all(ipaddress.ip_address(place[0]).is_loopback for *_, place in found):
        raise StartError(
            f"a stand-in listens on this machine only, not on {host}: its key is known to all; "
            "use --host 127.0.0.1"
        )


@contextmanager
def folder_for(data: str | None) -> Iterator[str]:
    """Give the folder that was chosen, or one that goes when the server does."""
    if data is not None:
        yield data
        return
    folder = tempfile.mkdtemp(prefix="contacts-stand-in-")
    owner = os.getpid()
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # And not one of the workers, which come this way too.
            shutil.rmtree(folder, ignore_errors=True)


def prepare(settings: Settings, fill: Fill) -> State:
    """Make the store ready and fill it; `POST /stand-in/reset` comes back to what it is then."""
    prepare_folder(settings.data)
    migrate(settings.database, STAND_IN)
    found = State(settings.database)
    clock.follow(found.clock.moved)
    db = Database(settings.database)
    try:
        _add_key(db)
        fill(db, settings)
        found.snapshot(START)
    except ServiceError as error:
        raise StartError(f"cannot use {settings.database}: {error.message}") from error
    finally:
        db.close()
    return found


def _add_key(db: Database) -> None:
    if store.find_api_key(db.connection(), digest(KEY)) is None:
        key = ApiKey("key_standin", "stand-in", SCOPES, None, clock.timestamp())
        with db.transaction() as tx:
            store.insert_api_key(tx, key, digest(KEY))


class StandInServer(Server):
    """The server, with the stand-in's routes and clock in each worker."""

    def __init__(self, settings: Settings, found: State, on_ready: Callable[[str], None]) -> None:
        private = settings.webhook_allow_private
        opened = PrivateTargets(
            private.networks + LOOPBACK.networks, private.hosts + LOOPBACK.hosts
        )
        self.found = found
        super().__init__(replace(settings, webhook_allow_private=opened), on_ready)

    def load(self) -> Any:
        app = super().load()
        register(app, self.found)
        return app


def register(app: Any, found: State) -> None:
    attach(app, found)
    exchanges.register(app)
    app.register_blueprint(routes.blueprint)
