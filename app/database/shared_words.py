"""Files of 64-bit words that several processes map into their memory (mmap).

To write to a mapped page that has no room on the disk, or that a truncation has cut off, kills the
process (SIGBUS). So a file is written in full before it is mapped, and its size is checked before
each access.
"""

import errno
import fcntl
import mmap
import os
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path


class SharedWords:
    """A file of unsigned words; take the lock around what must be atomic."""

    def __init__(
        self, path: Path, count: int, first: Sequence[int] = (), *, keep_lock: bool = False
    ) -> None:
        """Map a file; a new one has the words `first`, then zeros.

        With `keep_lock` the lock is held until this object or the process goes. Raises
        `BlockingIOError` if another one holds it, `OSError` if there is no room.
        """
        self._size = 8 * count
        self._file = open_shared(path)
        close = weakref.finalize(self, os.close, self._file)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (fcntl.LOCK_NB if keep_lock else 0))
            start = b"".join(word.to_bytes(8, sys.byteorder) for word in first)
            fill(self._file, self._size, start)
            self.values = memoryview(mmap.mmap(self._file, self._size)).cast("Q")
            if not keep_lock:
                self.unlock()
        except BaseException:
            close()
            raise

    def lock(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def unlock(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def check_size(self) -> None:
        """Raises `ValueError` if the file was truncated."""
        if os.fstat(self._file).st_size < self._size:
            raise ValueError("the file was truncated")


def forked_words(count: int) -> memoryview:
    """Return words in memory, zeros at first, that this process shares with those it forks."""
    return memoryview(mmap.mmap(-1, 8 * count)).cast("Q")


def read_words(path: Path, count: int) -> list[int]:
    """Return the words of a file without a lock, zeros if it is not written in full yet."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < 8 * count:
            return [0] * count
        with (
            mmap.mmap(file.fileno(), 8 * count, access=mmap.ACCESS_READ) as page,
            memoryview(page) as raw,
            raw.cast("Q") as words,
        ):
            return words.tolist()


def open_shared(path: Path) -> int:
    """Open or create a file that only its owner can read."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def fill(file: int, size: int, start: bytes = b"") -> None:
    """Extend a file to `size` bytes with zeros, an empty one with `start` and zeros.

    Raises `OSError` if there is no room; the file is then as it was.
    """
    before = os.fstat(file).st_size
    missing = (b"" if before else start).ljust(size - before, b"\0")
    if before >= size:
        return
    try:
        if os.pwrite(file, missing, before) < len(missing):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.truncate(file, before)
        raise
