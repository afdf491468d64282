"""Backs up a store that is in use into one complete, verified file."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.database.sqlite.files import (
    Driver,
    Progress,
    attend,
    copy,
    last_backup,
    opened,
    pragma,
    sync,
)
from app.database.sqlite.locks import InUseLock
from app.database.sqlite.migrate import APPLICATION_ID
from app.errors import Damaged, StartError

PART, ENDING = ".contacts-backup-", ".part"
SECONDS_UNTIL_ABANDONED = 86_400
# The tables whose rows a summary counts, and a restored store is compared by.
COUNTED = ("contacts", "tags", "custom_fields", "api_keys", "webhooks", "changes")


@dataclass(frozen=True)
class Copy:
    """The content of a backup; `counts` has the rows of those `COUNTED` tables that exist."""

    schema_version: int
    counts: dict[str, int]


def back_up(
    store: Path, file: Path, progress: Progress, before_naming: Callable[[], object] = lambda: None
) -> Copy:
    """Copy one state of a store into a new file, which appears once it is verified and on disk.

    `before_naming` is called right before the file gets its name: the backup is complete from then
    on. Raises `StartError`, and leaves nothing behind, if the backup fails.
    """
    if os.path.lexists(file):
        raise StartError(f"{file} exists: choose another name")
    try:
        in_use = InUseLock(store)
    except OSError as error:
        raise StartError(f"cannot use the data folder {store.parent}: {error.strerror}") from None
    with closing(in_use):
        try:
            with _part_of(file) as part:
                copy(store, "rw", part, progress, called=str(file))
                copied = verified(part, progress, called=f"the copy of {store}")
                sync(part)
                before_naming()
                part.rename(file)
                sync(file.parent)
        except OSError as error:
            raise StartError(f"cannot write {file}: {error.strerror}") from None
        with suppress(OSError):  # For monitoring; the backup is complete without it.
            last_backup(store).touch(mode=0o600)
    return copied


@contextmanager
def _part_of(file: Path) -> Iterator[Path]:
    """Create a temporary file in the same folder, which only its owner can read."""
    _remove_abandoned(file.parent)
    part = file.with_name(f"{PART}{secrets.token_hex(8)}{ENDING}")
    try:
        # Inside, so that a signal that comes right after the creation removes it too.
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
    finally:
        _remove(part)


def verified(file: Path, progress: Progress, *, called: str) -> Copy:
    """Open a finished copy and check it. Raises `StartError` if it is not an intact store."""
    with opened(file, "ro", called) as driver:
        attend(driver, "verifying", progress)
        if pragma(driver, "application_id") != APPLICATION_ID:
            raise StartError(f"{called} is not a store of this service")
        faults = [text for (text,) in driver.execute("PRAGMA quick_check(1)") if text != "ok"]
        if faults:
            raise Damaged(f"{called} is damaged: {_one_line(faults[0])}")
        return Copy(pragma(driver, "user_version"), count(driver))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def count(driver: Driver) -> dict[str, int]:
    """Return the number of rows of each `COUNTED` table that exists."""
    tables = {name for (name,) in driver.execute("SELECT name FROM sqlite_schema")}
    return {
        name: driver.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in COUNTED
        if name in tables
    }


def _remove(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            part.with_name(part.name + ending).unlink()


def _remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of backups that were killed a day ago or earlier."""
    for part in folder.glob(f"{PART}*{ENDING}"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - SECONDS_UNTIL_ABANDONED:
                _remove(part)
