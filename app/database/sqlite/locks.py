"""Locks on files beside the database (flock): who writes, who has the store open, who is alone.

The kernel frees each at once when its holder dies. Writers of all threads and processes queue on
one of them in front of SQLite's own lock: the queue is fair where SQLite's busy handler is not,
and keeps a checkpoint from overlapping another writer (https://www.sqlite.org/wal.html#walresetbug).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from app.errors import Busy, Unavailable
from app.thread_pool import current_waiter

BUSY_SECONDS = 5.0
LONGEST_PAUSE, SHORTEST_PAUSE = 0.001, 0.0005  # seconds


@contextmanager
def sole_lock(path: Path) -> Iterator[bool]:
    """Hold a lock (flock) on a file while the context lasts; gives False where another does.

    The kernel frees it at once when its holder dies. Raises `OSError` where there is no file.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)


class WriteQueue:
    """One place in the queue: a lock (flock) on a file beside the database."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError` where the file cannot be opened."""
        self._file = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)

    def enter(self, seconds: float = BUSY_SECONDS) -> None:
        """Take the lock. Raises `Busy` where others hold it for as long as `seconds`.

        It asks again and again: a blocking `flock` has no time-out, and a writer that is stopped
        (SIGSTOP) while it holds the lock would stop all others with it. One thread of a process
        waits here at a time, and asks more often the longer it has waited.
        """
        if self._take():
            return
        waiter = current_waiter()
        waiter.leave_slot()
        try:
            self._wait(time.monotonic() + seconds)
        finally:
            waiter.take_slot()

    def _wait(self, deadline: float) -> None:
        pause = LONGEST_PAUSE
        while time.monotonic() < deadline:
            time.sleep(pause)
            if self._take():
                return
            pause = max(SHORTEST_PAUSE, pause / 2)
        raise Busy("The store is busy: send the request again in a second.")

    def _take(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def leave(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._file)


class InUseLock:
    """A shared lock (flock) on a file beside the database, held until it is closed.

    The kernel frees it when its holder and all processes that were forked from it are gone.
    """

    def __init__(self, path: Path) -> None:
        """Raises `Unavailable` while the store is being replaced, `OSError` without its folder."""
        self._file = os.open(_beside(path), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Unavailable("The store is being restored.", retry_after=5) from None

    def close(self) -> None:
        os.close(self._file)


def absence(path: Path) -> AbstractContextManager[bool]:
    """Keep everybody from opening a store while the context lasts; gives False if it is in use."""
    return sole_lock(_beside(path))


def _beside(path: Path) -> Path:
    return path.with_suffix(".in-use")
