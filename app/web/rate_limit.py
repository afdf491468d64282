"""Exact rate limits over a rolling minute, shared by all threads and processes on one store.

Each key has a file with a ring of the instants of its counted requests, by the clock that all
processes of a machine share and nobody sets (CLOCK_MONOTONIC).
"""

import errno
import fcntl
import mmap
import os
import struct
import threading
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from app import clock

WINDOW = 60 * 10**9  # nanoseconds
_MAGIC = 0x436E74634C696D31
_HEADER = 4  # magic, places in the ring, first and end of those counted


@dataclass(frozen=True)
class Quota:
    """What is left of a key's minute; `reset` is in Unix seconds, `retry_after` None if allowed."""

    limit: int
    remaining: int
    reset: int
    retry_after: int | None = None


class RateLimiter:
    """Counts the requests of each key, in files of a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._rings: dict[tuple[str, int], _Ring] = {}
        self._pid = 0

    def take(self, key: str, limit: int, *, count: bool = True) -> Quota:
        """Count a request of a key, if its limit allows it; or only look.

        Raises `OSError` or `ValueError` where the key's file cannot be used.
        """
        with self._mutex:
            ring = self._ring(key, limit)
            try:
                return ring.take(count=count)
            except (OSError, ValueError):
                del self._rings[key, limit]
                ring.close()
                raise

    def _ring(self, key: str, limit: int) -> "_Ring":
        if self._pid != os.getpid():
            self._rings, self._pid = {}, os.getpid()
        ring = self._rings.get((key, limit))
        if ring is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            ring = self._rings[key, limit] = _Ring(self._folder / f"{key}-{limit}", limit)
        return ring


class _Ring:
    """Words of 64 bits: four of a header, then the instants, in nanoseconds."""

    def __init__(self, path: Path, limit: int) -> None:
        self._limit = limit
        self._size = 8 * (_HEADER + limit)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if not os.fstat(self._file).st_size:
                self._fill()
            self._check_size()
            self._words = memoryview(mmap.mmap(self._file, self._size)).cast("Q")
            fcntl.flock(self._file, fcntl.LOCK_UN)
        except BaseException:
            os.close(self._file)
            raise

    def _fill(self) -> None:
        """Write all of an empty file: a hole in a map kills where the disk is full."""
        blank = struct.pack("=2Q", _MAGIC, self._limit).ljust(self._size, b"\0")
        try:
            if os.pwrite(self._file, blank, 0) < self._size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.truncate(self._file, 0)  # To be made when there is room.
            raise

    def close(self) -> None:
        os.close(self._file)

    def take(self, *, count: bool) -> Quota:
        words, limit = self._words, self._limit
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            now = clock.monotonic_ns()  # Not before the lock: instants must stand in their order.
            first, end = self._counted(now)
            allowed = end - first < limit
            if allowed and count:
                words[_HEADER + end % limit] = now
                words[3] = end = end + 1
            oldest = words[_HEADER + first % limit] if end > first else now
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        left = oldest + WINDOW - now
        if allowed:
            return Quota(limit, limit - (end - first), -(-(clock.time_ns() + left) // 10**9))
        retry_after = max(1, -(-left // 10**9))
        return Quota(limit, 0, clock.time_ns() // 10**9 + retry_after, retry_after)

    def _counted(self, now: int) -> tuple[int, int]:
        """Return the first and the end of the requests that still count."""
        self._check_size()
        words, limit = self._words, self._limit
        magic, places, first, end = words[:_HEADER]
        if magic != _MAGIC or places != limit or not 0 <= end - first <= limit:
            raise ValueError("not a file of this rate limit")
        start = first
        if end > first and words[_HEADER + (end - 1) % limit] > now:
            first = end  # Counted before the machine started anew.
        if end > first and words[_HEADER + first % limit] <= now - WINDOW:
            first = bisect_right(
                range(end),
                now - WINDOW,
                lo=first,
                key=lambda place: words[_HEADER + place % limit],
            )
        if first != start:
            words[2] = first
        return first, end

    def _check_size(self) -> None:
        """A map of a file that was cut short would kill the process."""
        if os.fstat(self._file).st_size < self._size:
            raise ValueError("a rate limit's file was cut short")
