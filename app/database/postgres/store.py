"""A store in PostgreSQL: a connection for each thread, transactions that run again on conflicts."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from app.database.background_task import BackgroundTask
from app.database.base import ERASURES_DUE, SUBTRACT_ERASURES, BaseDatabase
from app.database.interface import BUSY, WAITED_NANOSECONDS, WAITS, Retry, Turn
from app.database.postgres.connection import Connection
from app.database.postgres.lease import Lease
from app.errors import Busy, ServiceError

BUSY_SECONDS = 5.0
MOST_TRIES = 10
SECONDS_OF_VACUUM = 60.0
NO_WAIT = 5_000_000  # nanoseconds

T = TypeVar("T")


class Database(BaseDatabase[Connection]):
    """One PostgreSQL database, for all threads of a process; opened on first use."""

    def __init__(self, url: str, folder: Path) -> None:
        """`folder` has the counters of this server, which its own metrics sum up."""
        super().__init__(folder)
        self._url = url
        self._vacuum = BackgroundTask("vacuum", self._vacuum_tables)

    def _open(self) -> Connection:
        return Connection(self._url)

    @property
    def engine(self) -> str:
        [(version,)] = self.connection().execute("SHOW server_version")
        return f"PostgreSQL {str(version).split()[0]}"

    def hold(self) -> None:
        """Nothing replaces a database that is in use."""

    def write(self, job: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Run a job in a write transaction; return its result once that is committed.

        After a conflict with another transaction it runs again, for at most `BUSY_SECONDS`.
        """
        return self._write(job, BUSY_SECONDS, alone=alone)

    def _write(self, job: Callable[[Connection], T], seconds: float, *, alone: bool) -> T:
        deadline = time.monotonic() + seconds
        for number in range(MOST_TRIES):
            try:
                with self._transaction(max(0.0, deadline - time.monotonic()), alone=alone) as tx:
                    return job(tx)
            except Retry:
                if number + 1 == MOST_TRIES or time.monotonic() >= deadline:
                    raise
                time.sleep(0.002 * number)
        raise AssertionError("unreachable")

    def _commit_all(
        self, take: Callable[[], Sequence[Callable[[Connection], T]]], *, waited: float
    ) -> list[T]:
        writes: list[Callable[[Connection], T]] = []

        def job(tx: Connection) -> list[T]:
            writes.extend(() if writes else take())  # The same ones again after a conflict.
            return [write(tx) for write in writes]

        return self._write(job, max(0.0, BUSY_SECONDS - waited), alone=False)

    def write_long(self, job: Callable[[Connection], T]) -> T:
        return self.write(job)

    @contextmanager
    def transaction(self, seconds: float = BUSY_SECONDS) -> Iterator[Connection]:
        """Run one write transaction, alone: committed at the end, or rolled back.

        Raises `Unavailable` when other writers keep it waiting for longer than `seconds`.
        """
        with self._transaction(seconds, alone=True) as tx:
            yield tx

    @contextmanager
    def _transaction(self, seconds: float, *, alone: bool) -> Iterator[Connection]:
        connection = self.connection()
        self._begin(connection, seconds, alone=alone)
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.end_write(commit=True)

    def _begin(self, connection: Connection, seconds: float, *, alone: bool) -> None:
        begun = time.monotonic_ns()
        try:
            connection.begin_write(seconds, alone=alone)
        except Busy:
            if seconds > 0:
                self.counters.add({BUSY: 1})
            raise
        finally:
            waited = time.monotonic_ns() - begun
            if waited > NO_WAIT:
                self.counters.add({WAITS: 1, WAITED_NANOSECONDS: waited})

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Run several reads on one state of the store."""
        connection = self.connection()
        connection.begin_read()
        try:
            yield connection
        finally:
            connection.rollback()

    def check_file(self) -> None:
        """Check that the database can be reached, over a new connection."""
        with closing(Connection(self._url)) as fresh:
            fresh.execute("SELECT 1")

    def erase(self) -> None:
        """Soon remove deleted rows from the tables; see docs/postgresql.md for what remains."""
        self._vacuum.request()

    def finish_erasure(self) -> None:
        """Remove what a process that was killed had deleted."""
        with suppress(ServiceError):
            if self.connection().execute(ERASURES_DUE):
                self.erase()

    def erase_log(self) -> None:
        """The server recycles its write-ahead log by itself."""

    def truncate_log(self) -> bool:
        return True

    def settle(self, seconds: float) -> None:
        """Go on: that rows are to be removed is stored, and any server does it."""

    @contextmanager
    def turn(self, name: str) -> Iterator[Turn | None]:
        """Take the lease of a turn, and give it back; None while another process has it."""
        lease = Lease(self, name)
        if not lease.take():
            yield None
            return
        try:
            yield lease
        finally:
            lease.give_back()

    def _vacuum_tables(self) -> bool:
        """Remove deleted rows, once in `SECONDS_OF_VACUUM` over all servers; False before that."""
        try:
            connection = self.connection()
            if due := connection.execute(ERASURES_DUE):
                # Nobody gives it back: it ends.
                if not Lease(self, "vacuum", SECONDS_OF_VACUUM).take():
                    return False
                connection.execute(f"VACUUM {', '.join(_TABLES)}")
                with self.transaction() as tx:
                    tx.change(SUBTRACT_ERASURES, {"done": due[0][0]})
        except ServiceError:
            pass  # The next deletion, or autovacuum, tries again.
        finally:
            self.close()
        return True


_TABLES = (
    *("contacts", "contact_words", "contact_tags", "custom_field_values", "aliases"),
    *("changes", "deliveries", "tags", "custom_fields"),
)
