"""Starts a stand-in: its data folder, its key, its first contacts, and the server."""

import ipaddress
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from app import clock, segments
from app.api_keys import store
from app.api_keys.model import SCOPES, ApiKey, digest
from app.database import Database, open_store
from app.database.sqlite.kinds import STAND_IN
from app.database.sqlite.locks import InUseLock, absence
from app.database.sqlite.migrate import migrate
from app.errors import ServiceError, StartError
from app.maintenance.replace import copy
from app.serving.server import Server
from app.serving.startup import prepare_folder
from app.setting_values import PrivateTargets, parse_targets
from app.settings import Settings
from app.standin import middleware, routes
from app.standin.movable_clock import MovableClock
from app.standin.state import State

KEY = "YOUR_API_KEY"
# The vendor's limit. A simulated delay holds a thread, and there is one process only.
DEFAULTS = {"rate_limit": 120, "threads": 8}
_LOOPBACK = parse_targets("127.0.0.0/8,::1,localhost")

_FOLDERS = "contacts-stand-in-"
_ABANDONED_AFTER = 60  # Seconds; a younger folder may not be locked yet.


def check_loopback(host: str) -> None:
    """Raises `StartError` if other machines could reach the stand-in."""
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
def data_folder(data: str | None) -> Iterator[str]:
    """Give the folder of `--data`, or a temporary one that is removed at the end."""
    if data is not None:
        yield data
        return
    _remove_abandoned()
    folder = tempfile.mkdtemp(prefix=_FOLDERS)
    owner = os.getpid()
    with closing(InUseLock(Path(folder, "contacts.db"))):
        try:
            yield folder
        finally:
            if os.getpid() == owner:  # The worker leaves the context too.
                shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned() -> None:
    """Remove the folders of killed stand-ins: this user's, and locked by no process (flock)."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        with suppress(OSError):
            found = folder.lstat()
            is_old = found.st_mtime < time.time() - _ABANDONED_AFTER
            if is_old and found.st_uid == os.getuid():
                with absence(folder / "contacts.db") as is_abandoned:
                    if is_abandoned:
                        shutil.rmtree(folder, ignore_errors=True)


def prepare(settings: Settings, fill: Callable[[Database], None]) -> bytes:
    """Bring the store up to date and fill it; return its content, to which a reset returns.

    Raises `StartError`.
    """
    prepare_folder(settings.data)
    migrate(settings.database, STAND_IN)
    MovableClock(settings.data)
    segments.follow()
    db = open_store(settings)
    try:
        _add_key(db)
        fill(db)
        return copy(settings.database)
    except ServiceError as error:
        raise StartError(f"cannot use {settings.database}: {error.message}") from error
    finally:
        db.close()


def _add_key(db: Database) -> None:
    if store.find_api_key(db.connection(), digest(KEY)) is None:
        key = ApiKey("key_standin", "stand-in", SCOPES, None, clock.timestamp())
        with db.transaction() as tx:
            store.insert_api_key(tx, key, digest(KEY))


class StandInServer(Server):
    """The server with the stand-in's routes, in one worker, whose memory holds the state."""

    def __init__(self, settings: Settings, start: bytes, on_ready: Callable[[str], None]) -> None:
        """`start` is the content of the store to which a reset returns."""
        given = settings.webhook_allow_private
        allowed = PrivateTargets(given.networks + _LOOPBACK.networks, given.hosts + _LOOPBACK.hosts)
        self.start = start
        # Its key is known to all: no page of another origin may call it, whatever the setting.
        adapted = replace(settings, workers=1, webhook_allow_private=allowed, cors_origins=())
        super().__init__(adapted, on_ready)

    def load(self) -> Any:
        app = super().load()
        found = State(self.settings.database, self.start)
        found.attach(app)
        middleware.register(app, found)
        app.register_blueprint(routes.blueprint)
        return app
