"""The background of a store: one runner at a time delivers, and removes what is kept no longer."""

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from app import clock
from app.database import Connection, Database, sole_lock
from app.errors import ServiceError
from app.journal import handlers as journal
from app.settings import Settings
from app.webhooks import delivery_store, store
from app.webhooks.delivery import Deliverer
from app.webhooks.model import Outcome

if TYPE_CHECKING:
    from app.webhooks.sender import Sender

SECONDS_BETWEEN_TRIES = 0.5  # To take the place of one that has stopped or died.
SECONDS_TO_FINISH = 1.0
SECONDS_AFTER_A_FAULT = 1.0
SECONDS_BETWEEN_PRUNINGS = 60.0
SECONDS_BETWEEN_REMOVALS = 0.2
REMOVED_AT_ONCE = 500
DAYS_OF_DELIVERIES = 7

_log = logging.getLogger(__name__)


class Runner:
    """Runs for one process, until `stopping`; opens nothing before `run`.

    `on_turn` gets True when it begins to work, False when it must wait for another one.
    """

    def __init__(
        self,
        db: Database,
        settings: Settings,
        stopping: threading.Event,
        on_turn: Callable[[bool], object] = bool,
    ) -> None:
        self._db = db
        self._settings = settings
        self._stopping = stopping
        self._on_turn = on_turn
        self._next_pruning = 0.0
        self._told = ""

    def run(self) -> None:
        """Wait for the place of the runner, then deliver and prune."""
        turn: bool | None = None
        while not self._stopping.is_set():
            try:
                with sole_lock(self._settings.deliverer_lock) as is_sole:
                    if is_sole is not turn:
                        turn = is_sole
                        self._on_turn(is_sole)
                    if is_sole:
                        self._work()
            except OSError as error:
                # A folder that is away for a while is tried again, as the store in it is.
                self._report(f"no lock in the data folder: {error.strerror}")
            self._stopping.wait(SECONDS_BETWEEN_TRIES)
        self._db.close()

    def _work(self) -> None:
        deliverer = Deliverer(self._db, self._send)
        while not self._stopping.is_set():
            try:
                deliverer.step()
                self._prune()
                self._told = ""
            except ServiceError as error:
                self._report(f"the store cannot be used ({error.code})")
                self._stopping.wait(SECONDS_AFTER_A_FAULT)
            except Exception as error:
                # Where it happened, and not its message, which may quote a contact.
                frames = "".join(traceback.format_tb(error.__traceback__))
                self._report(f"{type(error).__name__}\n{frames}")
                self._stopping.wait(SECONDS_AFTER_A_FAULT)
        with suppress(ServiceError):
            deliverer.finish(SECONDS_TO_FINISH)

    def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        return self._sender.send(url, headers, body)

    @cached_property
    def _sender(self) -> "Sender":
        """Made once there is something to send: it takes a while to import, and to trust."""
        from app.webhooks.sender import Sender

        return Sender(self._settings.webhook_allow_private)

    def _report(self, what: str) -> None:
        """Log what is wrong, once for as long as it stays so."""
        if what != self._told:
            _log.warning("deliveries wait: %s", what)
        self._told = what

    def _prune(self) -> None:
        now = clock.monotonic_ns() / 10**9
        if now >= self._next_pruning:
            removed = self._db.write(lambda tx: remove_old(tx, self._settings.changes_days))
            pause = SECONDS_BETWEEN_REMOVALS if removed else SECONDS_BETWEEN_PRUNINGS
            self._next_pruning = now + pause
            if removed:
                self._db.erase_log()


def remove_old(tx: Connection, changes_days: int) -> int:
    """Remove a few of what is kept no longer; return how many."""
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
