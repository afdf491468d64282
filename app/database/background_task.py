"""Runs a task on a background thread, and retries it until it succeeds."""

import logging
import threading
import time
from collections.abc import Callable

SECONDS_BETWEEN_TRIES = 0.5
# Later and later: an attempt may hold up writers, and what is in its way may never go (a replicator
# that always reads the log).
MOST_SECONDS_BETWEEN_TRIES = 30.0

_log = logging.getLogger(__name__)


class BackgroundTask:
    """Calls `attempt` in a thread of its own, again and again until it says that it is done.

    One that raises is logged and made again: the thread of later requests must not end with it.
    It then rests for `rest` times as long as the last attempt took, so that writers get their turn.
    """

    def __init__(self, name: str, attempt: Callable[[], bool], *, rest: float = 0) -> None:
        self._name = name
        self._attempt = attempt
        self._rest = rest
        self._changed = threading.Condition()
        self._wanted = False
        self._working = False
        self._running = False

    def request(self) -> None:
        """Have it done for all that is there now; returns at once."""
        with self._changed:
            self._wanted = True
            if not self._running:
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
                self._running = True  # Unless there is no room for a thread.

    def wait(self, seconds: float) -> None:
        """Wait at most `seconds` until all requested runs are done."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._wanted or self._working), seconds)

    def _run(self) -> None:
        while self._begins():
            pause = SECONDS_BETWEEN_TRIES
            while (seconds := self._seconds_to_success()) is None:
                time.sleep(pause)
                pause = min(pause * 2, MOST_SECONDS_BETWEEN_TRIES)
            with self._changed:
                self._working = False
                self._changed.notify_all()
            time.sleep(self._rest * seconds)

    def _begins(self) -> bool:
        with self._changed:
            self._working = self._running = self._wanted
            self._wanted = False
            return self._working

    def _seconds_to_success(self) -> float | None:
        started = time.monotonic()
        try:
            done = self._attempt()
        except Exception:
            _log.exception("A background task failed: %s", self._name)
            done = False
        return time.monotonic() - started if done else None
