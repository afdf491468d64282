"""SQLite: a connection for each thread, writers in a queue, the driver's errors as ours."""

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from app.database.chore import Chore
from app.database.group_commit import GroupCommit
from app.database.write_queue import WriteQueue
from app.errors import InsufficientStorage, ServiceError, StoreFault, Unavailable

BUSY_SECONDS = 5.0
READERS_SECONDS = 0.1

# None of these persist in the file, so each connection sets them.
PRAGMAS = {
    "foreign_keys": "ON",
    "synchronous": "FULL",
    "wal_autocheckpoint": "1000",
    "journal_size_limit": "67108864",
    "cache_size": "-8000",
    "temp_store": "MEMORY",
    "mmap_size": "0",
    "trusted_schema": "OFF",
    "cell_size_check": "ON",
    "secure_delete": "ON",
}

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNREACHABLE = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
}

_UNREACHABLE_TEXT = "The store cannot be reached: nothing was stored."

Row = tuple[Any, ...]
T = TypeVar("T")


class Connection:
    """Statements on one SQLite connection; rows come back drained, errors as ours."""

    def __init__(self, path: Path) -> None:
        self.pid = os.getpid()
        self.broken = False
        self._busy_seconds = BUSY_SECONDS
        with ExitStack() as opened:
            try:
                self._queue = WriteQueue(path)
                opened.callback(self._queue.close)
                self._driver = sqlite3.connect(
                    f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_SECONDS
                )
                opened.callback(self._driver.close)
                for name, value in PRAGMAS.items():
                    self._driver.execute(f"PRAGMA {name} = {value}").fetchall()
            except OSError as error:
                raise Unavailable(_UNREACHABLE_TEXT, retry_after=5) from error
            except sqlite3.Error as error:
                raise self._translated(error) from error
            self.close = opened.pop_all().close

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        try:
            # Drained at once: an open cursor would hold the write lock or block a checkpoint.
            return self._driver.execute(sql, parameters or {}).fetchall()
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def change(self, sql: str, parameters: Mapping[str, object]) -> int:
        """Run a statement that gives no rows; return how many it changed."""
        try:
            return self._driver.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def begin_write(self, seconds: float) -> None:
        """Wait in the queue of writers, then at most the rest of `seconds` for SQLite's lock.

        With no seconds to wait, it fails at once where another writer is at work.
        """
        deadline = time.monotonic() + seconds
        self._queue.enter(wait=seconds > 0)
        try:
            self._wait_at_most(max(0.0, deadline - time.monotonic()))
            self.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._queue.leave()
            raise

    def end_write(self, *, commit: bool) -> None:
        """Commit or roll back; a commit that fails leaves nothing of its transaction."""
        try:
            if commit:
                self.execute("COMMIT")
        finally:
            try:
                self.rollback()
            finally:
                self._queue.leave()

    def rollback(self) -> None:
        """End the transaction, where an error has not ended it already."""
        if self._driver.in_transaction:
            self.execute("ROLLBACK")

    def truncate_log(self) -> bool:
        """Fold the write-ahead log into the database and empty it; False while readers need it."""
        self._queue.enter()
        try:
            self._wait_at_most(READERS_SECONDS)
            [(blocked, _, _)] = self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._queue.leave()
        return not blocked

    def _wait_at_most(self, seconds: float) -> None:
        seconds = math.ceil(seconds * 10) / 10
        if seconds != self._busy_seconds:
            self._driver.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}").fetchall()
            self._busy_seconds = seconds

    def _translated(self, error: sqlite3.Error) -> ServiceError:
        """Return our error for the driver's (https://www.sqlite.org/rescode.html)."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        self.broken |= code in _UNREACHABLE | _DAMAGED
        if code in _BUSY:
            return Unavailable("The store is busy: send the request again in a moment.")
        if code == sqlite3.SQLITE_FULL:
            return InsufficientStorage("The disk is full: nothing was stored.")
        if code in _UNREACHABLE:
            return Unavailable(_UNREACHABLE_TEXT, retry_after=5)
        return StoreFault(f"SQLite says: {error}")


class Database:
    """One SQLite file, for all threads of a process; opened on first use, never before a fork."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._group = GroupCommit(self._commit_all)
        self._chores: dict[str, Chore] = {}

    def connection(self) -> Connection:
        """Return this thread's connection, a new one after a fork or an I/O error."""
        current: Connection | None = getattr(self._local, "connection", None)
        if current is not None and current.pid == os.getpid():
            if not current.broken:
                return current
            current.close()
        self._local.connection = None
        self._local.connection = Connection(self.path)
        return self._local.connection  # type: ignore[no-any-return]

    def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job in a write transaction; its result comes once that is committed and on disk.

        Jobs of several threads that meet here share one transaction, so a job may be run again
        when another one fails: it must depend on nothing but the connection it gets.
        """
        result: T = self._group.run(job)
        return result

    def _commit_all(
        self, jobs: Sequence[Callable[[Connection], Any]], *, waited: float
    ) -> list[Any]:
        with self.transaction(max(0.0, BUSY_SECONDS - waited)) as tx:
            return [job(tx) for job in jobs]

    @contextmanager
    def transaction(self, seconds: float = BUSY_SECONDS) -> Iterator[Connection]:
        """Run one write transaction: committed and on disk at the end, or rolled back.

        Raises `Unavailable` when other writers keep it waiting for longer than `seconds`.
        """
        connection = self.connection()
        connection.begin_write(seconds)
        try:
            yield connection
        except BaseException:
            connection.end_write(commit=False)
            raise
        connection.end_write(commit=True)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Run several reads on one state of the store."""
        connection = self.connection()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()

    def erase_log(self) -> None:
        """Soon empty the write-ahead log, so that nothing deleted lives on in it."""
        self.in_background("log eraser", self.truncate_log)

    def in_background(self, name: str, attempt: Callable[[], bool]) -> None:
        """Have a thread call `attempt` until it is true; one thread at a time for each name.

        It must close the connection of its thread.
        """
        self._chores.setdefault(name, Chore(name, attempt)).request()

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, if no reader needs it; closes this thread's connection."""
        try:
            return self.connection().truncate_log()
        except ServiceError:
            return False
        finally:
            self.close()

    def close(self) -> None:
        """Close this thread's connection."""
        current: Connection | None = getattr(self._local, "connection", None)
        if current is not None:
            self._local.connection = None
            current.close()
