"""The store: a connection for each thread, transactions, and what deletions leave behind."""

import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from app.database.background_task import BackgroundTask
from app.database.base import ERASURES_DUE, SUBTRACT_ERASURES, BaseDatabase
from app.database.interface import BUSY, WAITED_NANOSECONDS, WAITS, Turn
from app.database.sqlite.connection import SQLITE_VERSION, Connection
from app.database.sqlite.locks import BUSY_SECONDS, InUseLock, sole_lock
from app.errors import Busy, ServiceError

MAX_COMPACTED_BYTES = 128 * 1024 * 1024  # About a second, in which writers wait.
REST = 20
NO_WAIT = 1_000_000  # nanoseconds

T = TypeVar("T")


class Database(BaseDatabase[Connection]):
    """One SQLite file, for all threads of a process; opened on first use, never before a fork."""

    engine = f"SQLite {SQLITE_VERSION}"

    def __init__(self, path: Path) -> None:
        super().__init__(path.parent)
        self.path = path
        self._log_eraser = BackgroundTask("log eraser", self.truncate_log, rest=REST)
        self._compactor = BackgroundTask("compactor", self._compact, rest=REST)

    def _open(self) -> Connection:
        return Connection(self.path)

    def hold(self) -> None:
        """Keep the store from being replaced for as long as this process lives."""
        weakref.finalize(self, InUseLock(self.path).close)

    def write(self, job: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Run a job in a write transaction; return its result once that is committed and on disk.

        Jobs of threads that wait at the same time share one transaction, so a job may be run again
        when another one fails: it must depend on nothing but the connection it gets. Every
        transaction is `alone`.
        """
        result: T = self._group.run(lambda tx, _: [job(tx)], None)
        return result

    def write_long(self, job: Callable[[Connection], T]) -> T:
        """Write as `write` does, in a transaction of its own."""
        with self.transaction() as tx:
            return job(tx)

    def _commit_all(
        self, take: Callable[[], Sequence[Callable[[Connection], T]]], *, waited: float
    ) -> list[T]:
        with self.transaction(max(0.0, BUSY_SECONDS - waited)) as tx:
            return [write(tx) for write in take()]

    @contextmanager
    def transaction(self, seconds: float = BUSY_SECONDS) -> Iterator[Connection]:
        """Run one write transaction: committed and on disk at the end, or rolled back.

        Raises `Unavailable` when other writers keep it waiting for longer than `seconds`.
        """
        connection = self.connection()
        self._begin_write(connection, seconds)
        try:
            yield connection
        except BaseException:
            connection.end_write(commit=False)
            raise
        connection.end_write(commit=True)

    def _begin_write(self, connection: Connection, seconds: float) -> None:
        begun = time.monotonic_ns()
        try:
            connection.begin_write(seconds)
        except Busy:
            if seconds > 0:
                self.counters.add({BUSY: 1})
            raise
        finally:
            waited = time.monotonic_ns() - begun
            if waited > NO_WAIT:
                self.counters.add({WAITS: 1, WAITED_NANOSECONDS: waited})

    def check_file(self) -> None:
        """See that there is a database under its name; raises as any read does.

        A connection outlives its file and remembers pages of it, so this takes a new one, and not
        `open()`: closing that would end the locks of all others in this process
        (https://www.sqlite.org/howtocorrupt.html, 2.2).
        """
        with closing(Connection(self.path)) as fresh:
            fresh.execute("SELECT count(*) FROM sqlite_schema")

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Run several reads on one state of the store."""
        connection = self.connection()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()

    def erase(self) -> None:
        """Soon leave no trace of what was deleted: first in the log, then in unused space.

        A store of more than `MAX_COMPACTED_BYTES` keeps what lies in unused space. The deletion's
        own transaction calls `note_erasure`, so that a process that starts later goes on where this
        one is killed.
        """
        self._log_eraser.request()
        self._compactor.request()

    def finish_erasure(self) -> None:
        """Erase what a process that was killed had deleted, and what its log may still hold."""
        with suppress(ServiceError):
            if self.connection().execute(ERASURES_DUE):
                self.erase()
                return
        self.erase_log()

    def erase_log(self) -> None:
        """Empty the write-ahead log in the background, so that it keeps no deleted data."""
        self._log_eraser.request()

    def settle(self, seconds: float) -> None:
        """Wait at most `seconds` until deleted data is erased."""
        deadline = time.monotonic() + seconds
        for task in (self._compactor, self._log_eraser):
            task.wait(deadline - time.monotonic())

    @contextmanager
    def turn(self, name: str) -> Iterator[Turn | None]:
        """Hold the lock of a turn; None while another process holds it. Raises `OSError`."""
        with sole_lock(self.path.with_name(f"{name}.lock")) as is_sole:
            yield Turn() if is_sole else None

    def _compact(self) -> bool:
        try:
            connection = self.connection()
            due = connection.execute(ERASURES_DUE)
            connection.compact(MAX_COMPACTED_BYTES)
            if due:
                with self.transaction() as tx:
                    tx.change(SUBTRACT_ERASURES, {"done": due[0][0]})
        except ServiceError:
            pass  # No room for a copy, or others keep the store: the next deletion tries again.
        finally:
            self.close()
        self._log_eraser.request()
        return True

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, if no reader needs it; closes this thread's connection."""
        try:
            return self.connection().truncate_log()
        except ServiceError:
            return False
        finally:
            self.close()
