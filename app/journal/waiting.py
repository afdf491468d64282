"""Requests that wait for a change: a few at a time, so that others find a free thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.database.tally import PRESENT

SECONDS_BETWEEN_LOOKS = 0.1
WAITERS = f"{PRESENT}waiters"  # Counted while they wait.


class WaitingRoom:
    """Seats for those who wait in this process; all go home when it is `closed`."""

    def __init__(self, seats: int, closed: threading.Event) -> None:
        self._seats = threading.Semaphore(seats)
        self._closed = closed

    @contextmanager
    def seat(self) -> Iterator[bool]:
        """Take a seat while the context lasts; gives False where none is free."""
        if self._closed.is_set() or not self._seats.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            self._seats.release()

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Return once `is_over`, the seconds have passed or the room is closed."""
        deadline = time.monotonic() + seconds
        while not is_over():
            left = deadline - time.monotonic()
            if left <= 0 or self._closed.wait(min(SECONDS_BETWEEN_LOOKS, left)):
                return
