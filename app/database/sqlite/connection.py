"""One SQLite connection: its settings, its place in the queue of writers, its errors as ours."""

import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from app.database.interface import FieldValues, Parameters, Row
from app.database.sqlite.locks import BUSY_SECONDS, InUseLock, WriteQueue
from app.errors import Busy, InsufficientStorage, ServiceError, StoreFault, Unavailable
from app.thread_pool import current_waiter

SQLITE_VERSION = sqlite3.sqlite_version
READERS_SECONDS = 0.1
MOST_ROWS = 64  # Of one statement.
MOST_ROWS_AT_WILL = 16
KNOWN_STATEMENTS = 256  # That the driver keeps prepared.

# None of these persist in the file, so each connection sets them.
PRAGMAS = {
    "foreign_keys": "ON",
    "synchronous": "FULL",
    "wal_autocheckpoint": "4000",  # Pages, 16 MB: each checkpoint costs two fsyncs more.
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

_log = logging.getLogger(__name__)
_UNREACHABLE_TEXT = "The store cannot be reached: nothing was stored."


class Connection:
    """Statements on one SQLite connection; rows come back drained, errors as ours."""

    field_values = FieldValues()
    contacts_per_scan = 100_000

    def __init__(self, path: Path, *, is_alone: bool = False) -> None:
        """`is_alone` where the caller holds the in-use lock exclusively, as `absence`."""
        self.pid = os.getpid()
        self.broken = False
        self._busy_seconds = BUSY_SECONDS
        with ExitStack() as opened:
            try:
                if not is_alone:
                    opened.callback(InUseLock(path).close)
                self._queue = WriteQueue(path)
                opened.callback(self._queue.close)
                self._driver = sqlite3.connect(
                    f"{path.as_uri()}?mode=rw",
                    uri=True,
                    isolation_level=None,
                    timeout=BUSY_SECONDS,
                    cached_statements=KNOWN_STATEMENTS,
                )
                opened.callback(self._driver.close)
                for name, value in PRAGMAS.items():
                    self._driver.execute(f"PRAGMA {name} = {value}").fetchall()
            except OSError as error:
                raise Unavailable(_UNREACHABLE_TEXT, retry_after=5) from error
            except sqlite3.Error as error:
                raise self._translated(error) from error
            self.close = opened.pop_all().close

    def execute(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        try:
            # Drained at once: an open cursor would hold the write lock or block a checkpoint.
            return self._driver.execute(sql, parameters or {}).fetchall()
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def execute_planned(self, sql: str, parameters: Parameters) -> list[Row]:
        """Run a statement: SQLite has no statistics, so its plans are the same for all values."""
        return self.execute(sql, parameters)

    def change(self, sql: str, parameters: Parameters) -> int:
        """Run a statement that gives no rows; return how many it changed."""
        try:
            return self._driver.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def change_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement that gives no rows once for each row of parameters (`?`)."""
        if rows:
            try:
                self._driver.executemany(sql, rows)
            except sqlite3.Error as error:
                raise self._translated(error) from error

    def insert_many(self, head: str, rows: Sequence[Sequence[object]], tail: str = "") -> None:
        """Run `head VALUES … tail` for all rows, in few statements: each lets other threads in."""
        self._in_few_statements(lambda values: f"{head} VALUES {values} {tail}", rows)

    def update_many(
        self, table: str, key: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> None:
        """Set columns where `key` is the first value of a row, to the others; in few statements."""
        if len(rows) == 1:
            [(id, *values)] = rows
            set_ = ", ".join(f"{name} = ?" for name in columns)
            self.change(f"UPDATE {table} SET {set_} WHERE {key} = ?", (*values, id))
            return
        set_ = ", ".join(f"{name} = given.{name}" for name in columns)
        self._in_few_statements(
            lambda values: (
                f"WITH given ({key}, {', '.join(columns)}) AS (VALUES {values}) "
                f"UPDATE {table} SET {set_} FROM given WHERE {table}.{key} = given.{key}"
            ),
            rows,
        )

    def new_ids(self, table: str, count: int, last: int) -> Sequence[int]:
        """Return the ids after `last`: nobody else writes in this transaction."""
        return range(last + 1, last + 1 + count)

    def lock_contacts(self, phones: Collection[str]) -> None:
        """Return None: a transaction that writes is alone."""

    def number_changes(self) -> None:
        """Events are numbered when they are inserted."""

    def _in_few_statements(
        self, sql: Callable[[str], str], rows: Sequence[Sequence[object]]
    ) -> None:
        place = 0
        while place < len(rows):
            size = _size_of_statement(len(rows) - place)
            one = f"({', '.join('?' * len(rows[0]))})"
            values = [value for row in rows[place : place + size] for value in row]
            self.change(sql(", ".join([one] * size)), values)
            place += size

    def begin_write(self, seconds: float) -> None:
        """Wait in the queue of writers, then at most the rest of `seconds` for SQLite's lock.

        With no seconds to wait, it fails at once where another writer is at work.
        """
        deadline = time.monotonic() + seconds
        self._queue.enter(seconds)
        try:
            self._wait_at_most(max(0.0, deadline - time.monotonic()))
            self.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._queue.leave()
            raise

    def end_write(self, *, commit: bool) -> None:
        """Commit or roll back; a commit that fails leaves nothing of its transaction."""
        waiter = current_waiter()
        waiter.leave_slot()
        try:
            if commit:
                self.execute("COMMIT")
        finally:
            try:
                self.rollback()
            finally:
                self._queue.leave()
                waiter.take_slot()

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

    def compact(self, most: int) -> None:
        """Rewrite the database without its unused space, unless it has more bytes than `most`."""
        [(pages,)], [(size,)] = self.execute("PRAGMA page_count"), self.execute("PRAGMA page_size")
        if pages * size > most:
            return
        self._queue.enter()
        try:
            self.execute("VACUUM")
        finally:
            self._queue.leave()

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
            return Busy("The store is busy: send the request again in a second.")
        if code == sqlite3.SQLITE_FULL:
            return InsufficientStorage("The disk is full: nothing was stored.")
        if code in _UNREACHABLE:
            _log.warning("The store cannot be reached: %s", error.sqlite_errorname)
            return Unavailable(_UNREACHABLE_TEXT, retry_after=5)
        return StoreFault(f"SQLite says: {error}")


def _size_of_statement(rows: int) -> int:
    """Return how many of the rows the next statement takes.

    Large ones have a few sizes only, so that the driver knows each statement already.
    """
    return rows if rows <= MOST_ROWS_AT_WILL else min(MOST_ROWS, 1 << (rows.bit_length() - 1))
