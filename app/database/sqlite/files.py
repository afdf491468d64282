"""Opens, copies and checks SQLite database files, for backup, restore and doctor."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from app.errors import Damaged, StartError

Driver = sqlite3.Connection

PAGES_AT_ONCE = 1_000
OPCODES_BETWEEN = 1_000_000

# What is being done, and the part of it that is done, where that is known.
Progress = Callable[[str, float | None], object]


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


def copy(source: Path, mode: str, target: Path, progress: Progress, *, called: str) -> None:
    """Copy a snapshot of a database into an empty file, which has no write-ahead log afterwards.

    Raises `StartError` if it fails; the message names the target by `called`.
    """
    with ExitStack() as stack:
        flush = stack.enter_context(_flushed(target))
        origin = stack.enter_context(opened(source, mode))
        driver = stack.enter_context(opened(target, "rw", called))

        def step(_: int, left: int, pages: int) -> None:
            flush()
            progress("copying", 1 - left / max(pages, 1))

        # A crash needs no recovery: the file is discarded unless it is verified and synced.
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


def fold_log(file: Path, application_ids: tuple[int, ...]) -> None:
    """Make a database one file, without a write-ahead log; a damaged one stays as it is.

    Raises `StartError` where it has another application id, or any program has it open.
    """
    driver = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=5)
    try:
        if pragma(driver, "application_id") not in application_ids:
            raise StartError(f"{file} is the database of another program: choose another --data")
        # Refused while any other program, even one that is not ours, has the database open.
        driver.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StartError(f"another program has {file} open: close it first") from None
    finally:
        driver.close()


@contextmanager
def _flushed(file: Path) -> Iterator[Callable[[], None]]:
    """Have what is written go to disk bit by bit: all at once, it would hold up others' commits."""
    handle = os.open(file, os.O_RDWR)
    try:
        yield lambda: os.fsync(handle)
    finally:
        os.close(handle)


def attend(driver: sqlite3.Connection, what: str, progress: Progress) -> None:
    """Tell of what long statements do, and let Ctrl-C end them."""

    def tell() -> None:
        progress(what, None)

    tell()
    driver.set_progress_handler(tell, OPCODES_BETWEEN)


def last_backup(store: Path) -> Path:
    """Return the file whose time of change is that of the last backup."""
    return store.with_name("last-backup")


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
