"""Requests that wait for a change: a few at a time, so that others find a free thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.database.shared_counters import PRESENT

SECONDS_BETWEEN_LOOKS = 0.1
WAITERS = f"{PRESENT}waiters"  # Counted while they wait.


class LongPollSlots:
    """The threads of a process that may wait at once; none waits once it is `stopping`."""

    def __init__(self, slots: threading.Semaphore, stopping: threading.Event) -> None:
        self._slots = slots
        self._stopping = stopping

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Hold a slot while the context lasts; gives False where none is free."""
        if self._stopping.is_set() or not self._slots.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            self._slots.release()

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Return once `is_over`, the seconds have passed or the process stops."""
        deadline = time.monotonic() + seconds
        while not is_over():
            left = deadline - time.monotonic()
            if left <= 0 or self._stopping.wait(min(SECONDS_BETWEEN_LOOKS, left)):
                return
