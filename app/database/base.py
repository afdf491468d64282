"""What the stores of both engines share: a connection for each thread, group commit, background."""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from app.database.background_task import BackgroundTask
from app.database.group_commit import GroupCommit
from app.database.shared_counters import SharedCounters

# What `note_erasure` counts: deletions whose traces are still there.
ERASURES_DUE = "SELECT value FROM counters WHERE name = 'erasures_due' AND value > 0"
SUBTRACT_ERASURES = "UPDATE counters SET value = value - :done WHERE name = 'erasures_due'"


class _ThreadConnection(Protocol):
    """A connection, the process that opened it, and whether it can no longer be used."""

    pid: int
    broken: bool

    def close(self) -> None: ...


C = TypeVar("C", bound=_ThreadConnection)
T = TypeVar("T")
Item = TypeVar("Item")


class BaseDatabase(ABC, Generic[C]):
    """One store, for all threads of a process; opened on first use, never before a fork."""

    def __init__(self, folder: Path) -> None:
        """`folder` has the counters of this server."""
        self.counters = SharedCounters(folder / "metrics")
        self._local = threading.local()
        self._group = GroupCommit(self._commit_all)
        self._tasks: dict[str, BackgroundTask] = {}

    @abstractmethod
    def _open(self) -> C: ...

    @abstractmethod
    def _commit_all(
        self, take: Callable[[], Sequence[Callable[[C], Any]]], *, waited: float
    ) -> list[Any]:
        """Run writes in one transaction, as `CommitAll` says."""

    def connection(self) -> C:
        """Return this thread's connection, a new one after a fork or when it is broken."""
        current: C | None = getattr(self._local, "connection", None)
        if current is not None and current.pid == os.getpid():
            if not current.broken:
                return current
            current.close()
        self._local.connection = None
        self._local.connection = opened = self._open()
        return opened

    def close(self) -> None:
        """Close this thread's connection."""
        current: C | None = getattr(self._local, "connection", None)
        if current is not None:
            self._local.connection = None
            current.close()

    def write_together(self, write: Callable[[C, list[Item]], Sequence[T]], item: Item) -> T:
        """Write an item as `write` does, which gets all items that wait for it at the same time.

        `write` returns a result for each item, and may run again as a job of `write` may.
        """
        result: T = self._group.run(write, item)
        return result

    def gathers_writes(self) -> bool:
        return self._group.gathers

    def in_background(self, name: str, attempt: Callable[[], bool]) -> None:
        """Have a thread call `attempt` until it is true; one thread at a time for each name.

        It must close the connection of its thread.
        """
        self._tasks.setdefault(name, BackgroundTask(name, attempt)).request()
