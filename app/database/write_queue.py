"""Writers of all threads and processes queue here, in front of SQLite's own lock.

The queue is fair where SQLite's busy handler is not, and keeps a checkpoint from overlapping
another writer (https://www.sqlite.org/wal.html#walresetbug).
"""

import fcntl
import os
from pathlib import Path

from app.errors import Busy


class WriteQueue:
    """One place in the queue: a lock (flock) on a file beside the database."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError` where the file cannot be opened."""
        self._file = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)

    def enter(self, *, wait: bool = True) -> None:
        """Come to the head of the queue; nobody stays there long, unless stopped there.

        Raises `Busy` where another writer is there and this one does not `wait`.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("Another writer is at work.") from None

    def leave(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._file)
