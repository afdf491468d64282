"""Copies a store, while it is in use, into one file that is whole and verified."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.database.migrate import APPLICATION_ID
from app.database.presence import Presence
from app.errors import Damaged, StartError

PAGES_AT_ONCE = 1_000
OPCODES_BETWEEN = 1_000_000
PART, ENDING = ".contacts-backup-", ".part"
SECONDS_UNTIL_ABANDONED = 86_400
# What a restored store is compared with, and what a summary tells.
COUNTED = ("contacts", "tags", "custom_fields", "api_keys", "webhooks", "changes")

# What is being done, and the part of it that is done, where that is known.
Progress = Callable[[str, float | None], object]


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
        present = Presence(store)
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


def last_backup(store: Path) -> Path:
    """Return the file whose time of change is that of the last backup."""
    return store.with_name("last-backup")


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


def copy(source: Path, mode: str, target: Path, progress: Progress, *, called: str) -> None:
    """Copy one state of a database into an empty file, and leave that without a log of its own.

    Raises `StartError` where that cannot be; it names the target as it is `called`.
    """
    with ExitStack() as stack:
        flush = stack.enter_context(_flushed(target))
        origin = stack.enter_context(opened(source, mode))
        driver = stack.enter_context(opened(target, "rw", called))

        def step(_: int, left: int, pages: int) -> None:
            flush()
            progress("copying", 1 - left / max(pages, 1))

        # The file is nothing until it is verified and synced: a crash needs no way back.
        driver.execute("PRAGMA synchronous = OFF").fetchall()
        # A copy in steps starts over when others write, but not within a read transaction.
        origin.execute("BEGIN")
        try:
            origin.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            origin.backup(driver, pages=PAGES_AT_ONCE, progress=step)
            origin.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            raise _translated(str(source) if _is_damage(error) else called, error) from None
        driver.execute("PRAGMA journal_mode = DELETE").fetchall()


@contextmanager
def _flushed(file: Path) -> Iterator[Callable[[], None]]:
    """Have what is written go to disk bit by bit: all at once, it would hold up others' commits."""
    handle = os.open(file, os.O_RDWR)
    try:
        yield lambda: os.fsync(handle)
    finally:
        os.close(handle)


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


def attend(driver: sqlite3.Connection, what: str, progress: Progress) -> None:
    """Tell of what long statements do, and let Ctrl-C end them."""

    def tell() -> None:
        progress(what, None)

    tell()
    driver.set_progress_handler(tell, OPCODES_BETWEEN)


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
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
        raise KeyboardInterrupt  # A signal came in `attend`, where SQLite swallows exceptions.
    if _is_damage(error):
        return Damaged(f"{file} is damaged, or no SQLite database: {error}")
    return StartError(f"cannot use {file}: {error}")


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


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


def _remove_abandoned(folder: Path) -> None:
    """Remove what backups into a folder left when they were killed, a day ago or more."""
    for part in folder.glob(f"{PART}*{ENDING}"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - SECONDS_UNTIL_ABANDONED:
                _remove(part)
