"""Makes a data folder ready to serve from, and looks at the address; says in one line why not."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from app.api_keys.handlers import create_first_api_key
from app.custom_fields import handlers as custom_fields
from app.database import Database
from app.database.migrate import migrate
from app.errors import ServiceError, StartError
from app.settings import Settings, default_data_folder
from app.tags import handlers as tags

KEY_FILE = "first-admin-key"


def keep_first_key(settings: Settings, key: str) -> Path:
    """Write the first admin key where only its owner can read it; returns the file."""
    path = settings.data / KEY_FILE
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(key + "\n")
    except OSError as error:
        raise StartError(f"cannot write the first key to {path}: {error.strerror}") from None
    return path


def prepare(settings: Settings, tell: Callable[[Settings, str], object] = keep_first_key) -> None:
    """Bring the store up to date; nothing of it stays open.

    `tell` gets the first admin key, where the store has just got one. Raises `StartError`.
    """
    prepare_folder(settings.data)
    migrate(settings.database)
    db = Database(settings.database)
    db.truncate_log()
    try:
        create_first_api_key(db, lambda key: tell(settings, key))
    except ServiceError as error:
        raise StartError(f"cannot use {settings.database}: {error.message}") from error
    finally:
        db.close()


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
    """Have what a killed process left half done over many contacts finished in the background.

    For a process that serves, once it will not fork any more.
    """
    tags.finish_sweeps(db)
    custom_fields.finish_sweeps(db)


def check_address(settings: Settings) -> None:
    """Raises `StartError` where the address cannot be listened on."""
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
