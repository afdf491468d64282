"""Long polling: a limited number of requests wait for changes, so that others find a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.database.shared_counters import PRESENT

SECONDS_BETWEEN_LOOKS = 0.1
WAITERS = f"{PRESENT}waiters"  # The number of requests that wait now.


class LongPollSlots:
    """The threads of a process that may wait at the same time; none while it is `stopping`."""

    def __init__(self, slots: threading.Semaphore, stopping: threading.Event) -> None:
        self._slots = slots
        self._stopping = stopping

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Hold a slot while the context lasts; yield False if none is free."""
        if self._stopping.is_set() or not self._slots.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            self._slots.release()

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Return when `is_over()`, after `seconds`, or when the process stops."""
        deadline = time.monotonic() + seconds
        while not is_over():
            left = deadline - time.monotonic()
            if left <= 0 or self._stopping.wait(min(SECONDS_BETWEEN_LOOKS, left)):
                return
