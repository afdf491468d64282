"""The background work of a store: one process at a time delivers events and prunes old rows."""

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from app import clock
from app.database import Connection, Database
from app.database.interface import Turn
from app.errors import ServiceError
from app.journal import handlers as journal
from app.settings import Settings
from app.webhooks import delivery_store, store
from app.webhooks.delivery import Deliverer
from app.webhooks.model import DAYS_OF_DELIVERIES, Outcome

if TYPE_CHECKING:
    from app.webhooks.sender import Sender

SECONDS_BETWEEN_TRIES = 0.5  # To take over from a runner that has stopped.
SECONDS_TO_FINISH = 1.0
SECONDS_AFTER_AN_ERROR = 1.0
SECONDS_BETWEEN_PRUNINGS = 60.0
SECONDS_BETWEEN_CALLS = 60.0  # Of `each_minute`.
SECONDS_BETWEEN_RESUMES = 2.0
SECONDS_BETWEEN_REMOVALS = 0.2
REMOVED_AT_ONCE = 500

_log = logging.getLogger(__name__)


class Runner:
    """Runs in a thread of each process until `stopping`; opens nothing before `run`.

    `on_turn` is called with True when it begins to work, with False when another process works.
    `each_minute` is called each minute by the one that works; it returns whether it has more to do.
    `resume` is called every two seconds by the one that works.
    """

    def __init__(
        self,
        db: Database,
        settings: Settings,
        stopping: threading.Event,
        on_turn: Callable[[bool], object] = bool,
        each_minute: Callable[[Database], bool] = lambda _: False,
        resume: Callable[[Database], object] = bool,
    ) -> None:
        self._db = db
        self._settings = settings
        self._stopping = stopping
        self._on_turn = on_turn
        self._each_minute = each_minute
        self._resume = resume
        self._next_minute = 0.0
        self._next_resume = 0.0
        self._next_pruning = 0.0
        self._last_problem = ""

    def run(self) -> None:
        """Wait for the runner's lock, then deliver and prune."""
        is_mine: bool | None = None
        while not self._stopping.is_set():
            try:
                with self._db.turn("deliverer") as mine:
                    if (mine is not None) is not is_mine:
                        is_mine = mine is not None
                        self._on_turn(is_mine)
                    if mine is not None:
                        self._work(mine)
            except ServiceError as error:
                self._report(f"the store cannot be used ({error.code})")
            except OSError as error:
                # The folder may come back, such as a network mount; the store is retried as well.
                self._report(f"no lock in the data folder: {error.strerror}")
            self._stopping.wait(SECONDS_BETWEEN_TRIES)
        self._db.close()

    def _work(self, turn: Turn) -> None:
        """Deliver and prune until the process stops, or loses its turn."""
        retries = self._settings.webhook_retries
        deliverer = Deliverer(self._db, self._send, turn, delays=retries)
        while not self._stopping.is_set():
            try:
                if not turn.seconds_left():
                    break
                deliverer.step()
                self._prune()
                self._look_at_clock()
                self._last_problem = ""
            except ServiceError as error:
                self._report(f"the store cannot be used ({error.code})")
                self._stopping.wait(SECONDS_AFTER_AN_ERROR)
            except Exception as error:
                # The traceback, not the message, which could quote a contact.
                frames = "".join(traceback.format_tb(error.__traceback__))
                self._report(f"{type(error).__name__}\n{frames}")
                self._stopping.wait(SECONDS_AFTER_AN_ERROR)
        with suppress(ServiceError):
            deliverer.finish(SECONDS_TO_FINISH)

    def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        return self._sender.send(url, headers, body)

    @cached_property
    def _sender(self) -> "Sender":
        """Create the sender on first use: urllib3 and the certificates take time to load."""
        from app.webhooks.sender import Sender

        return Sender(self._settings.webhook_allow_private)

    def _report(self, problem: str) -> None:
        """Log a problem once, until it changes or is solved."""
        if problem != self._last_problem:
            _log.warning("deliveries wait: %s", problem)
        self._last_problem = problem

    def _look_at_clock(self) -> None:
        """Call `each_minute` and `resume` when they are due.

        `each_minute` is called again at the next step while it has more to do.
        """
        now = clock.monotonic_ns() / 10**9
        if now >= self._next_resume:
            self._next_resume = now + SECONDS_BETWEEN_RESUMES
            self._resume(self._db)
        if now >= self._next_minute and not self._each_minute(self._db):
            self._next_minute = now + SECONDS_BETWEEN_CALLS

    def _prune(self) -> None:
        now = clock.monotonic_ns() / 10**9
        if now >= self._next_pruning:
            removed = self._db.write(
                lambda tx: remove_old(tx, self._settings.changes_days), alone=True
            )
            pause = SECONDS_BETWEEN_REMOVALS if removed else SECONDS_BETWEEN_PRUNINGS
            self._next_pruning = now + pause
            if removed:
                self._db.erase_log()


def remove_old(tx: Connection, changes_days: int) -> int:
    """Remove some expired changes or deliveries, or rows of deleted webhooks; return how many."""
    before = clock.timestamp(clock.now() - timedelta(days=DAYS_OF_DELIVERIES))
    removed = journal.remove_changes(
        tx, days=changes_days, through=store.lowest_position(tx), most=REMOVED_AT_ONCE
    )
    removed = removed or delivery_store.remove_finished(tx, before, REMOVED_AT_ONCE)
    for id in () if removed else store.list_deleted(tx):
        removed = delivery_store.remove_all(tx, id, REMOVED_AT_ONCE)
        if removed:
            break
        store.remove_webhook(tx, id)
    return removed
