"""Copies a store, while it is in use, into one file that is whole and verified."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.database.files import Driver, Progress, attend, copy, last_backup, opened, pragma, sync
from app.database.locks import InUseLock
from app.database.migrate import APPLICATION_ID
from app.errors import Damaged, StartError

PART, ENDING = ".contacts-backup-", ".part"
SECONDS_UNTIL_ABANDONED = 86_400
# What a restored store is compared with, and what a summary tells.
COUNTED = ("contacts", "tags", "custom_fields", "api_keys", "webhooks", "changes")


@dataclass(frozen=True)
class Copy:
    """What a file was found to hold; `counts` are of the `COUNTED` tables that it has."""

    schema_version: int
    counts: dict[str, int]


def back_up(store: Path, file: Path, progress: Progress) -> Copy:
    """Copy one state of a store into a new file, which appears once it is verified and on disk.

    Raises `StartError`, and leaves nothing behind, where that cannot be.
    """
    if os.path.lexists(file):
        raise StartError(f"{file} exists: choose another name")
    try:
        present = InUseLock(store)
    except OSError as error:
        raise StartError(f"cannot use the data folder {store.parent}: {error.strerror}") from None
    with closing(present):
        try:
            with _part_of(file) as part:
                copy(store, "rw", part, progress, called=str(file))
                copied = verified(part, progress, called=f"the copy of {store}")
                sync(part)
                part.rename(file)
                sync(file.parent)
        except OSError as error:
            raise StartError(f"cannot write {file}: {error.strerror}") from None
        with suppress(OSError):  # For those who watch over backups; a backup it is without.
            last_backup(store).touch(mode=0o600)
    return copied


@contextmanager
def _part_of(file: Path) -> Iterator[Path]:
    """Have a file of another name in the same folder, for its owner only; it does not stay."""
    _remove_abandoned(file.parent)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=PART, suffix=ENDING)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        _remove(Path(name))


def verified(file: Path, progress: Progress, *, called: str) -> Copy:
    """Open a file anew and check it. Raises `StartError` where it is not an intact store."""
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
    """Return how many rows the `COUNTED` tables have, those of them that there are."""
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
    """Remove what backups into a folder left when they were killed, a day ago or more."""
    for part in folder.glob(f"{PART}*{ENDING}"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - SECONDS_UNTIL_ABANDONED:
                _remove(part)
