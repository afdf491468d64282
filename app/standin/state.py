"""What a stand-in holds beside its store: faults, requests, inbox, snapshots and its clock."""

import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, cast

from flask import Flask, current_app

from app.errors import Conflict, NotFound
from app.maintenance import replace
from app.standin.faults import Rules
from app.standin.movable_clock import MovableClock

MAX_REQUESTS = 1_000
MAX_DELIVERIES = 200
MAX_SNAPSHOTS = 100
WINDOW_SECONDS = 60.0
_NAME = "standin"


class Records:
    """The last records, numbered from 1; all threads may use it at once."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._records: deque[dict[str, Any]] = deque(maxlen=size)
        self._number = 0
        self._reset_at = 0

    def add(self, record: dict[str, Any], began: int) -> None:
        """Add the record of a request, unless a reset has come since `began` (perf_counter_ns)."""
        with self._lock:
            if began >= self._reset_at:
                self._number += 1
                self._records.appendleft({"number": self._number, **record})

    def newest_first(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._records)

    def clear(self) -> None:
        with self._lock:
            self._records.clear()
            self._number = 0

    def reset(self) -> None:
        """Clear the records, and take none of a request that is under way."""
        self._reset_at = time.perf_counter_ns()
        self.clear()


class State:
    """The state of one stand-in, in the memory of its one process."""

    def __init__(self, store: Path, start: bytes) -> None:
        """`start` is the content of the store to which a reset returns."""
        self._store = store
        self._start = start
        self._lock = threading.Lock()
        self._snapshots: dict[str, bytes] = {}
        self.clock = MovableClock(store.parent)
        self.faults = Rules()
        self.requests = Records(MAX_REQUESTS)
        self.inbox = Records(MAX_DELIVERIES)

    def reset(self) -> None:
        """Return to the state at the start, with the real time and no rate limit used up.

        Snapshots stay. Raises `StartError` or `OSError`.
        """
        with self._lock:
            replace.put_back(self._start, self._store)
        # Rate limits use the monotonic clock: after one whole window nothing counts any more.
        self.clock.reset(WINDOW_SECONDS)
        self.faults.clear()
        self.requests.reset()
        self.inbox.reset()

    def snapshot(self, name: str) -> None:
        """Keep the content of the store under a name.

        Raises `Conflict` if there are too many, `StartError`.
        """
        with self._lock:
            if name not in self._snapshots and len(self._snapshots) >= MAX_SNAPSHOTS:
                raise Conflict("There are too many snapshots: overwrite one of them.")
            self._snapshots[name] = replace.copy(self._store)

    def restore(self, name: str) -> None:
        """Put the store back. Raises `NotFound`, `StartError` or `OSError`."""
        with self._lock:
            if name not in self._snapshots:
                raise NotFound("No snapshot has this name: GET /stand-in/snapshot lists them.")
            replace.put_back(self._snapshots[name], self._store)

    def snapshots(self) -> list[str]:
        return sorted(self._snapshots)

    def attach(self, app: Flask) -> None:
        app.extensions[_NAME] = self


def state() -> State:
    """Return the state of the stand-in that serves this request."""
    return cast(State, current_app.extensions[_NAME])
