"""Empties the write-ahead log after a deletion: what was deleted would live on in it."""

import threading
import time
from collections.abc import Callable

SECONDS_BETWEEN_TRIES = 0.5


class LogEraser:
    """Calls `truncate` in the background, again and again until it says that it could."""

    def __init__(self, truncate: Callable[[], bool]) -> None:
        self._truncate = truncate
        self._mutex = threading.Lock()
        self._wanted = False
        self._running = False

    def request(self) -> None:
        """Have the log emptied of all that is in it now; returns at once."""
        with self._mutex:
            self._wanted = True
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="log eraser", daemon=True).start()

    def _run(self) -> None:
        while self._is_wanted():
            while not self._truncate():
                time.sleep(SECONDS_BETWEEN_TRIES)

    def _is_wanted(self) -> bool:
        with self._mutex:
            wanted, self._wanted = self._wanted, False
            self._running = wanted
            return wanted
