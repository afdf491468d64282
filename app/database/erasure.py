"""Removes what a deletion leaves behind: in the write-ahead log, and in unused space."""

import threading
import time
from collections.abc import Callable

SECONDS_BETWEEN_TRIES = 0.5
REST = 20  # times as long as the work took, so that writers get their turn


class Eraser:
    """Calls `erase` in the background, again and again until it says that it could."""

    def __init__(self, erase: Callable[[], bool]) -> None:
        self._erase = erase
        self._mutex = threading.Lock()
        self._wanted = False
        self._running = False

    def request(self) -> None:
        """Have all erased that was deleted until now; returns at once."""
        with self._mutex:
            self._wanted = True
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="eraser", daemon=True).start()

    def _run(self) -> None:
        while self._is_wanted():
            started = time.monotonic()
            while not self._erase():
                time.sleep(SECONDS_BETWEEN_TRIES)
            time.sleep(REST * (time.monotonic() - started))

    def _is_wanted(self) -> bool:
        with self._mutex:
            wanted, self._wanted = self._wanted, False
            self._running = wanted
            return wanted
