"""Brings a database file to the schema of this version, or refuses it untouched."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from app.database.sqlite.filesystem import network_filesystem
from app.database.sqlite.kinds import KINDS, NORMAL, check_kind
from app.database.sqlite.locks import InUseLock, WriteQueue
from app.database.text import fold, words
from app.errors import Busy, StartError, Unavailable
from app.version import VERSION

APPLICATION_ID = NORMAL
SQLITE_VERSION_INFO = sqlite3.sqlite_version_info
SECONDS_TO_WAIT = 60  # For another process that migrates the same store.
NAMES_PROGRAM = 10  # The schema that first says which program made it.
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_MIGRATIONS = Path(__file__).parent / "migrations"


def migrations() -> dict[int, str]:
    """Return the SQL of each schema version, oldest first."""
    return {int(path.name[:4]): path.read_text() for path in sorted(_MIGRATIONS.glob("*.sql"))}


def migrate(path: Path, kind: int | None = NORMAL) -> int:
    """Create the database or bring it up to date; safe beside others who do the same.

    Returns its kind; with `kind` None an existing one may be of either. Raises `StartError`, and
    leaves the file as it is, where it is of another kind, not ours, newer, damaged or cannot be
    written.
    """
    _check_place(path)
    try:
        with closing(InUseLock(path)):
            _prepare_file(path, kind)
            # SQLite does not wait for another process that changes the journal mode too.
            with closing(WriteQueue(path)) as queue:
                queue.enter(SECONDS_TO_WAIT)
                return _apply(path, kind)
    except Busy:
        raise StartError(f"another process is writing to {path}: stop it, or wait for it") from None
    except Unavailable:
        raise StartError(f"{path} is being restored: wait until that has ended") from None
    except OSError as error:
        raise StartError(f"cannot use {path}: {error.strerror}") from None
    except sqlite3.Error as error:
        raise StartError(f"cannot use {path}: {error}") from None


def _prepare_file(path: Path, kind: int | None) -> None:
    if path.exists() and path.stat().st_size:
        _check_file(path, kind)
    else:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def _check_place(path: Path) -> None:
    if SQLITE_VERSION_INFO < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StartError(f"SQLite {sqlite3.sqlite_version} is too old: {oldest} or newer is needed")
    network = network_filesystem(path.parent)
    if network:
        raise StartError(
            f"{path.parent} is on a network file system ({network}), where SQLite loses data: "
            "choose a local folder with --data"
        )


def _check_file(path: Path, kind: int | None) -> None:
    """Look at an existing file through a read-only connection, which leaves its WAL alone."""
    driver = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        # One state: another process may be creating the store at this moment.
        driver.execute("BEGIN")
        version = _pragma(driver, "user_version")
        application_id = _pragma(driver, "application_id")
        tables = driver.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        needed = program_of(driver) if version > max(migrations()) else ""
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise StartError(f"{path} is not an intact SQLite database: {error}") from None
        raise
    finally:
        driver.close()
    check_kind(path, application_id, kind)
    if application_id not in KINDS and (application_id or version or tables):
        raise StartError(f"{path} is the database of another program: choose another --data")
    if version > max(migrations()):
        raise StartError(
            f"{path} has schema version {version}, this program knows {max(migrations())}: "
            f"install {needed}"
        )


def program_of(driver: sqlite3.Connection) -> str:
    """Return the version of the program that a store with a newer schema needs, in words."""
    try:
        [(version,)] = driver.execute("SELECT version FROM program").fetchall()
    except (sqlite3.OperationalError, ValueError):
        return "a newer contacts-service"
    return f"contacts-service {version} or newer"


def _apply(path: Path, kind: int | None) -> int:
    driver = sqlite3.connect(path, isolation_level=None, timeout=30)
    add_functions(driver)
    try:
        mode = driver.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StartError(f"{path} cannot use a write-ahead log on this file system")
        # What a power cut takes of it is done again at the next start; the first commit of data
        # syncs the log as a whole, and so all of this with it.
        driver.execute("PRAGMA synchronous = NORMAL")
        for version, sql in migrations().items():
            if version > _pragma(driver, "user_version"):
                _apply_one(driver, version, sql, kind or NORMAL)
        application_id = _pragma(driver, "application_id")
        check_kind(path, application_id, kind)  # Another process may have just created it.
        return application_id
    finally:
        driver.close()


def add_functions(driver: sqlite3.Connection) -> None:
    """Let SQL fold text, and find its words, each with a space in front."""
    driver.create_function("fold", 1, fold)
    driver.create_function(
        "words", -1, lambda *texts: "".join(f" {word}" for word in words(*texts))
    )


def _apply_one(driver: sqlite3.Connection, version: int, sql: str, kind: int = NORMAL) -> None:
    driver.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have done it while this one waited.
        if version > _pragma(driver, "user_version"):
            for statement in _statements(sql):
                driver.execute(statement)
            if not _pragma(driver, "application_id"):
                driver.execute(f"PRAGMA application_id = {kind}")
            driver.execute(f"PRAGMA user_version = {version}")
            if version >= NAMES_PROGRAM:
                driver.execute("UPDATE program SET version = :version", {"version": VERSION})
        driver.execute("COMMIT")
    finally:
        if driver.in_transaction:
            driver.execute("ROLLBACK")


def _statements(sql: str) -> Iterator[str]:
    """Split a script; `executescript` is no use, it commits first."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(driver: sqlite3.Connection, name: str) -> int:
    return int(driver.execute(f"PRAGMA {name}").fetchone()[0])
