"""The delivery loop: queues new events, sends due deliveries, records the attempts."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from app import clock
from app.database import Database
from app.database.interface import Turn
from app.settings import Settings
from app.webhooks import delivery_store, outbox, store
from app.webhooks.model import DISABLED, Attempt, Delivery, Outcome, Webhook

MAX_ATTEMPTS = 8  # At once for one webhook: the threads that a slow receiver can occupy.
SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_OF_ATTEMPT = 11.0  # The time-out of an attempt, and a second to begin it.

Send = Callable[[str, Mapping[str, str], bytes], Outcome]

_log = logging.getLogger(__name__)


class Deliverer:
    """Only one may run on a store. Its state is in the store, except for the running attempts.

    `send` runs in a thread for each attempt: at most `MAX_ATTEMPTS` for each webhook and one for
    each contact, since only the first pending delivery of a contact is due.
    """

    def __init__(
        self,
        db: Database,
        send: Send,
        turn: Turn | None = None,
        *,
        delays: Sequence[float] = Settings.webhook_retries,
    ) -> None:
        """`delays` are the seconds before each retry."""
        self._db = db
        self._send = send
        self._turn = turn or Turn()
        self._delays = delays
        self._running: dict[int, str] = {}
        self._finished: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        self._unrecorded: list[Attempt] = []

    def step(self) -> None:
        """Do what is due now, or wait up to `SECONDS_BETWEEN_LOOKS` for an attempt to finish.

        Raises a `ServiceError` if the store cannot be used; a later step continues from there.
        """
        self._record()
        more = outbox.queue_changes(self._db, self._turn)
        self._send_due()
        self._collect(0 if more else SECONDS_BETWEEN_LOOKS)

    def finish(self, seconds: float) -> None:
        """Wait for running attempts and record them, so that they are not repeated."""
        while self._running and seconds > 0:
            self._collect(0.05)
            seconds -= 0.05
            self._record()

    def _collect(self, seconds: float) -> None:
        """Collect finished attempts; wait for the first one."""
        try:
            self._unrecorded.append(self._finished.get(timeout=seconds))
            while True:
                self._unrecorded.append(self._finished.get_nowait())
        except queue.Empty:
            return

    def _record(self) -> None:
        if self._unrecorded:
            # Until they are recorded, these deliveries are not sent again.
            outbox.record_attempts(self._db, self._unrecorded, self._delays, self._turn)
            for attempt in self._unrecorded:
                del self._running[attempt.delivery.number]
            self._unrecorded = []

    def _send_due(self) -> None:
        db, now = self._db.connection(), clock.now().timestamp()
        running = Counter(self._running.values())
        for webhook in store.list_webhooks(db):
            # An attempt that one of the next process could overlap is not begun.
            if self._turn.seconds_left() < SECONDS_OF_ATTEMPT:
                return
            free = MAX_ATTEMPTS - running[webhook.id]
            if free > 0 and webhook.status != DISABLED:
                due = delivery_store.list_due(db, webhook.id, now, most=2 * MAX_ATTEMPTS)
                waiting = [each for each in due if each.number not in self._running]
                for delivery in waiting[:free]:
                    self._start(webhook, delivery)

    def _start(self, webhook: Webhook, delivery: Delivery) -> None:
        at = clock.timestamp()
        change = outbox.find_change(self._db.connection(), delivery)
        if change is None:
            gone = Outcome(error="The journal no longer has this event.", final=True)
            self._finished.put(Attempt(delivery, at, gone))
        else:
            body = outbox.render(change)
            headers = outbox.headers(webhook, delivery, change, body)
            threading.Thread(
                target=lambda: self._finished.put(
                    Attempt(delivery, at, self._sent(webhook.url, headers, body))
                ),
                name="sender",
                daemon=True,
            ).start()
        self._running[delivery.number] = webhook.id

    def _sent(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            return self._send(url, headers, body)
        except Exception as error:  # Otherwise the delivery would count as running for ever.
            _log.error("an attempt at a delivery raised %s", type(error).__name__)
            return Outcome(error="The attempt failed before it was made.")
