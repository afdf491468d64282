"""Rate limits over a rolling minute, exact over all threads and processes that use a store.

Beside a SQLite store each key has a file: a ring buffer of the times of its counted requests, by
the clock that all processes of a machine share and nobody can set (CLOCK_MONOTONIC).
"""

import math
import os
import threading
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app import clock
from app.database import Database
from app.database.shared_words import SharedWords

WINDOW = 60 * 10**9  # nanoseconds
_MAGIC = 0x436E74634C696D31
_HEADER = 4  # Words: magic, size of the ring, first and end of those that count.


@dataclass(frozen=True)
class Quota:
    """What a key has left; `reset` is in Unix seconds, `retry_after` is None if allowed."""

    limit: int
    remaining: int
    reset: int
    retry_after: int | None = None


class RateLimiter(Protocol):
    def take(self, key: str, limit: int, *, count: bool = True) -> Quota:
        """Return what a key has left, after counting a request if it is allowed and `count`.

        Raises `OSError` or `ValueError` if the key's file cannot be used, or a `ServiceError`.
        """
        ...


class DatabaseRateLimiter:
    """Counts the requests of each key in the database that several servers share, by its clock."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def take(self, key: str, limit: int, *, count: bool = True) -> Quota:
        [(allowed, used, seconds)] = self._db.connection().execute(
            "SELECT allowed, used, seconds FROM take(:key, :limit, :count)",
            {"key": key, "limit": limit, "count": count},
        )
        now = clock.time_ns() / 10**9
        if allowed:
            return Quota(limit, limit - used, math.ceil(now + seconds))
        retry_after = max(1, math.ceil(seconds))
        return Quota(limit, 0, int(now) + retry_after, retry_after)


class FileRateLimiter:
    """Counts the requests of each key in files of its own folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._rings: dict[tuple[str, int], _Ring] = {}
        self._pid = 0

    def take(self, key: str, limit: int, *, count: bool = True) -> Quota:
        with self._mutex:
            try:
                return self._ring(key, limit).take(count=count)
            except (OSError, ValueError):
                self._rings.pop((key, limit), None)
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
    """Four words of a header, then the times of the last `limit` requests, in nanoseconds."""

    def __init__(self, path: Path, limit: int) -> None:
        self._limit = limit
        self._words = SharedWords(path, _HEADER + limit, first=(_MAGIC, limit))

    def take(self, *, count: bool) -> Quota:
        words, limit = self._words.values, self._limit
        self._words.lock()
        try:
            now = clock.monotonic_ns()  # Not before the lock: the times must be in order.
            first, end = self._counted(now)
            allowed = end - first < limit
            if allowed and count:
                words[_HEADER + end % limit] = now
                words[3] = end = end + 1
            oldest = words[_HEADER + first % limit] if end > first else now
        finally:
            self._words.unlock()
        left = oldest + WINDOW - now
        if allowed:
            return Quota(limit, limit - (end - first), -(-(clock.time_ns() + left) // 10**9))
        retry_after = max(1, -(-left // 10**9))
        return Quota(limit, 0, clock.time_ns() // 10**9 + retry_after, retry_after)

    def _counted(self, now: int) -> tuple[int, int]:
        """Return the first and the end of the requests in the window."""
        self._words.check_size()
        words, limit = self._words.values, self._limit
        magic, places, first, end = words[:_HEADER]
        if magic != _MAGIC or places != limit or not 0 <= end - first <= limit:
            raise ValueError("not a file of this rate limit")
        start = first
        if end > first and words[_HEADER + (end - 1) % limit] > now:
            first = end  # Counted before the machine was restarted.
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
