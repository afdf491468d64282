"""Does in the background what must come about, trying again until it has."""

import threading
import time
from collections.abc import Callable

SECONDS_BETWEEN_TRIES = 0.5


class Chore:
    """Calls `attempt` in a thread of its own, again and again until it says that it is done.

    It then rests for `rest` times as long as the work took, so that writers get their turn.
    """

    def __init__(self, name: str, attempt: Callable[[], bool], *, rest: float = 0) -> None:
        self._name = name
        self._attempt = attempt
        self._rest = rest
        self._mutex = threading.Lock()
        self._wanted = False
        self._running = False

    def request(self) -> None:
        """Have it done for all that is there now; returns at once."""
        with self._mutex:
            self._wanted = True
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while self._is_wanted():
            started = time.monotonic()
            while not self._attempt():
                time.sleep(SECONDS_BETWEEN_TRIES)
            time.sleep(self._rest * (time.monotonic() - started))

    def _is_wanted(self) -> bool:
        with self._mutex:
            wanted, self._wanted = self._wanted, False
            self._running = wanted
            return wanted
