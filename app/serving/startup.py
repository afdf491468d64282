"""Prepares the data folder and checks the address before a server starts."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from app.api_keys.handlers import create_first_api_key
from app.custom_fields import handlers as custom_fields
from app.custom_fields import store as custom_field_store
from app.database import Database, open_store, prepare_store
from app.errors import ServiceError, StartError
from app.segments import build as segments
from app.settings import Settings, default_data_folder
from app.tags import handlers as tags
from app.tags import store as tag_store

KEY_FILE = "first-admin-key"


def keep_first_key(settings: Settings, key: str) -> Path:
    """Write the first admin key to a file that only its owner can read; return the file."""
    path = settings.data / KEY_FILE
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(key + "\n")
    except OSError as error:
        raise StartError(f"cannot write the first key to {path}: {error.strerror}") from None
    return path


def prepare(
    settings: Settings, on_first_key: Callable[[Settings, str], object] = keep_first_key
) -> None:
    """Create or migrate the store, and leave nothing of it open.

    `on_first_key` gets the first admin key, if this call creates it. Raises `StartError`.
    """
    prepare_folder(settings.data)
    prepare_store(settings)
    db = open_store(settings)
    db.truncate_log()
    try:
        create_first_api_key(db, lambda key: on_first_key(settings, key))
    except ServiceError as error:
        raise StartError(f"cannot use {_store(settings)}: {error.message}") from error
    finally:
        db.close()


def _store(settings: Settings) -> str:
    return "the database" if settings.database_url else str(settings.database)


def prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder == default_data_folder():
            folder.chmod(0o700)
    except OSError as error:
        raise StartError(f"cannot use the data folder {folder}: {error.strerror}") from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise StartError(f"cannot write to the data folder {folder}: choose another with --data")


def finish_sweeps(db: Database) -> None:
    """Finish interrupted changes of many contacts, in background threads.

    For a process that serves, and does not fork afterwards.
    """
    tags.finish_sweeps(db)
    custom_fields.finish_sweeps(db)
    segments.finish(db)


class ResumeSweeps:
    """Finishes what another server left when it was killed; call it every few seconds.

    A change of many contacts counts as interrupted when it is where it was at the last call. If it
    runs all the same, nothing is done twice: any process may run its next batch.
    """

    def __init__(self) -> None:
        self._seen: list[object] = []

    def __call__(self, db: Database) -> None:
        """Raises a `ServiceError` if the store cannot be read."""
        connection = db.connection()
        found: list[object] = [
            *tag_store.list_sweeps(connection),
            *custom_field_store.list_sweeps(connection),
        ]
        if any(each in self._seen for each in found):
            finish_sweeps(db)
        self._seen = found


def check_address(settings: Settings) -> None:
    """Raise `StartError` if the server cannot listen on its address."""
    where = f"port {settings.port} on {settings.host}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "not a host name"
        raise StartError(
            f"cannot listen on {where}: {why}; choose another with --port or --host"
        ) from None
