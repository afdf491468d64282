"""Copies a store, while it is in use, into one file that is whole and verified."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.database.migrate import APPLICATION_ID
from app.database.presence import Presence
from app.errors import Damaged, StartError

PAGES_AT_ONCE = 1_000
PART = ".part"
SECONDS_UNTIL_ABANDONED = 86_400
# What a restored store is compared with, and what a summary tells.
COUNTED = ("contacts", "tags", "custom_fields", "api_keys", "webhooks", "changes")

Progress = Callable[[str, float], object]  # What is done, and the part of it that is done.


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
    _remove_abandoned(file)
    part = file.with_name(f".{file.name}.{os.getpid()}{PART}")
    try:
        with closing(Presence(store)):
            _copy_to_new(store, part, progress)
        copied = verified(part, progress, called=f"the copy of {store}")
        sync(part)
        part.rename(file)
        sync(file.parent)
    except OSError as error:
        raise StartError(f"cannot write {file}: {error.strerror}") from None
    finally:
        _remove(part)
    return copied


def _copy_to_new(store: Path, part: Path, progress: Progress) -> None:
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with opened(store, "rw") as source:
        copy(source, part, progress)


def copy(source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    """Copy one state of a database into an empty file, and leave that without a log of its own."""
    with opened(target, "rw") as driver:
        # The file is nothing until it is verified and synced: a crash needs no way back.
        driver.execute("PRAGMA synchronous = OFF").fetchall()
        # A copy in steps starts over when others write, but not within a read transaction.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        source.backup(
            driver,
            pages=PAGES_AT_ONCE,
            progress=lambda _, left, all_: progress("copying", 1 - left / max(all_, 1)),
        )
        source.execute("ROLLBACK")
        driver.execute("PRAGMA journal_mode = DELETE").fetchall()


def verified(file: Path, progress: Progress, *, called: str) -> Copy:
    """Open a file anew and check it. Raises `StartError` where it is not an intact store."""
    progress("verifying", 0)
    with opened(file, "ro", called) as driver:
        if pragma(driver, "application_id") != APPLICATION_ID:
            raise StartError(f"{called} is not a store of this service")
        faults = [text for (text,) in driver.execute("PRAGMA quick_check(1)") if text != "ok"]
        if faults:
            raise Damaged(f"{called} is damaged: {_one_line(faults[0])}")
        found = Copy(pragma(driver, "user_version"), count(driver))
    progress("verifying", 1)
    return found


def count(driver: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows the `COUNTED` tables have, those of them that there are."""
    tables = {name for (name,) in driver.execute("SELECT name FROM sqlite_schema")}
    return {
        name: driver.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in COUNTED
        if name in tables
    }


@contextmanager
def opened(file: Path, mode: str, called: str | None = None) -> Iterator[sqlite3.Connection]:
    """Open a database that is there; whatever SQLite finds wrong is a `StartError`.

    The mode `ro` leaves no file beside one without a log.
    """
    still = mode == "ro" and not _log(file).exists()
    uri = f"{file.absolute().as_uri()}?mode={mode}{'&immutable=1' if still else ''}"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)) as driver:
            driver.execute("PRAGMA cell_size_check = ON").fetchall()
            driver.execute("PRAGMA trusted_schema = OFF").fetchall()
            yield driver
    except sqlite3.Error as error:
        raise _translated(called or str(file), error) from None


def _translated(file: str, error: sqlite3.Error) -> StartError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return Damaged(f"{file} is not a SQLite database")
    if code == sqlite3.SQLITE_CORRUPT:
        return Damaged(f"{file} is damaged: {error}")
    return StartError(f"cannot use {file}: {error}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def pragma(driver: sqlite3.Connection, name: str) -> int:
    return int(driver.execute(f"PRAGMA {name}").fetchone()[0])


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk; for files that are open nowhere."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _log(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def _remove(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            part.with_name(part.name + ending).unlink()


def _remove_abandoned(file: Path) -> None:
    """Remove what a backup into this folder left when it was killed, a day ago or more."""
    for part in file.parent.glob(f".*{PART}"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - SECONDS_UNTIL_ABANDONED:
                _remove(part)
