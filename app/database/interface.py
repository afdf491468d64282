"""What features may use of a database, whichever engine stores it."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from app.database.shared_counters import SharedCounters
from app.errors import Unavailable

# Counters of writers that waited for others.
WAITS, WAITED_NANOSECONDS, BUSY = "write_waits", "write_waited_nanoseconds", "write_busy"

Row = tuple[Any, ...]
Parameters = Mapping[str, object] | Sequence[object]
T = TypeVar("T")
Item = TypeVar("Item")


class FieldValues:
    """The forms in which an engine stores and compares the values of custom fields: as they are."""

    def in_index(self, value: object) -> object:
        """Return what `custom_field_values.value` holds."""
        return value

    def in_json(self, value: object) -> object:
        """Return what `json_each` returns for a value."""
        return value

    def bound(self, operator: str, value: object) -> tuple[str, object]:
        """Return a comparison with the index that holds wherever that with `value` does."""
        return operator, value

    def prefix(self, text: str) -> str:
        """Return a beginning of `text` that the index holds as it is."""
        return text


class Retry(Unavailable):
    """Another transaction changed what this one relies on: it rolls back and runs again."""


class Connection(Protocol):
    """Statements on one connection; rows come back drained, errors as ours."""

    field_values: FieldValues
    contacts_per_scan: int
    """How many contacts a search tests at most, which takes about half a second."""

    def execute(self, sql: str, parameters: Parameters | None = None) -> list[Row]: ...

    def execute_planned(self, sql: str, parameters: Parameters) -> list[Row]:
        """Run a statement that is planned for these values, as they decide which index is best."""
        ...

    def change(self, sql: str, parameters: Parameters) -> int:
        """Run a statement that returns no rows; return how many rows it changed."""
        ...

    def change_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement that returns no rows once for each row of parameters (`?`)."""
        ...

    def insert_many(self, head: str, rows: Sequence[Sequence[object]], tail: str = "") -> None:
        """Run `head VALUES … tail` for all rows, in few statements."""
        ...

    def update_many(
        self, table: str, key: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> None:
        """Set columns where `key` is the first value of a row, to the others; in few statements."""
        ...

    def new_ids(self, table: str, count: int, last: int) -> Sequence[int]:
        """Return ids for rows to insert; `last` is the newest in `sqlite_sequence`, or 0."""
        ...

    def lock_contacts(self, phones: Collection[str]) -> Collection[int] | None:
        """Wait for other writers of these contacts, and keep them waiting until the commit.

        Returns the row ids, for `check_locked`; None where nobody else writes.
        """
        ...

    def number_changes(self) -> None:
        """Number the events that are committed; readers of the journal call this first."""
        ...


class Turn:
    """A turn at work that one process at a time does; this one lasts as long as its process."""

    def seconds_left(self) -> float:
        """Renew the turn where that is due; return for how long nobody else has it, 0 if lost."""
        return math.inf

    def check(self, tx: Connection) -> None:
        """Keep the turn until the transaction ends. Raises `Unavailable` if it is lost."""


class Database(Protocol):
    """One store, for all threads of a process; opened on first use, never before a fork."""

    counters: SharedCounters

    @property
    def engine(self) -> str:
        """Return the name and version of the engine."""
        ...

    def __hash__(self) -> int: ...

    def hold(self) -> None:
        """Keep the store from being replaced for as long as this process lives."""
        ...

    def connection(self) -> Connection:
        """Return this thread's connection, a new one after a fork or an I/O error."""
        ...

    def write(self, job: Callable[[Connection], T], *, alone: bool = False) -> T:
        """Run a job in a write transaction; return its result once that is committed and on disk.

        A job may be run again: it must depend on nothing but the connection it gets. With `alone`
        nobody else writes at the same time; otherwise others may write other contacts.
        """
        ...

    def write_long(self, job: Callable[[Connection], T]) -> T:
        """Write as `write` does, without others in the same transaction: the job takes long."""
        ...

    def write_together(
        self, write: Callable[[Connection, list[Item]], Sequence[T]], item: Item
    ) -> T:
        """Write an item as `write` does, which gets all items that wait for it at the same time.

        `write` returns a result for each item, and may run again as a job of `write` may.
        """
        ...

    def gathers_writes(self) -> bool:
        """Return whether writes gather just now, whose transaction will begin in a moment."""
        ...

    def transaction(self, seconds: float = ...) -> AbstractContextManager[Connection]:
        """Run one write transaction, alone: committed and on disk at the end, or rolled back.

        Raises `Unavailable` if other writers keep it waiting for longer than `seconds`.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Run several reads on one state of the store."""
        ...

    def check_file(self) -> None:
        """Check that the store can be reached; raises as any read does."""
        ...

    def erase(self) -> None:
        """Soon leave no trace of deleted data; the deletion's transaction calls `note_erasure`."""
        ...

    def finish_erasure(self) -> None:
        """Erase what a process that was killed had deleted."""
        ...

    def erase_log(self) -> None:
        """Soon leave no trace of deleted data in the write-ahead log."""
        ...

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, if no reader needs it; closes this thread's connection."""
        ...

    def settle(self, seconds: float) -> None:
        """Wait until deleted data is erased, for at most `seconds`."""
        ...

    def turn(self, name: str) -> AbstractContextManager[Turn | None]:
        """Take a turn while the context lasts; None while another process has it.

        Raises `OSError` or a `ServiceError` where that cannot be known.
        """
        ...

    def in_background(self, name: str, attempt: Callable[[], bool]) -> None:
        """Have a thread call `attempt` until it returns True; one thread at a time for each name.

        It must close the connection of its thread.
        """
        ...

    def close(self) -> None:
        """Close this thread's connection."""
        ...


def check_locked(locked: Collection[int] | None, ids: Iterable[int]) -> None:
    """Raise `Retry` if a contact that was read was created after the others had been locked."""
    if locked is not None and not set(ids).issubset(locked):
        raise Retry("Another request created the same contact: send this one again.")


def note_erasure(tx: Connection) -> None:
    """Store, in the transaction of a deletion, that what it deleted must be erased."""
    tx.change(
        """
        INSERT INTO counters (name, value)
        VALUES ('erasures_due', 1)
        ON CONFLICT (name) DO UPDATE SET value = counters.value + 1
        """,
        {},
    )
