"""The loop that delivers: queues what is new, sends what is due, writes down what came of it."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from app import clock
from app.database import Database
from app.webhooks import delivery_store, outbox, store
from app.webhooks.model import DISABLED, Attempt, Delivery, Outcome, Webhook

PLACES = 8  # Attempts at once for one webhook, so that a slow one takes no more.
SECONDS_BETWEEN_LOOKS = 0.25

Send = Callable[[str, Mapping[str, str], bytes], Outcome]

_log = logging.getLogger(__name__)


class Deliverer:
    """The only one at work on a store. All of its state but what is under way is in the store.

    `send` runs in a thread for each attempt: at most `PLACES` for each webhook, and one for a
    contact, of which only the first in line is due.
    """

    def __init__(
        self, db: Database, send: Send, *, delays: Sequence[float] = outbox.DELAYS
    ) -> None:
        self._db = db
        self._send = send
        self._delays = delays
        self._under_way: dict[int, str] = {}
        self._came: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        self._unrecorded: list[Attempt] = []

    def step(self) -> None:
        """Do what there is to do now; wait for a moment where that is nothing.

        Raises a `ServiceError` where the store cannot be used; a later step goes on from there.
        """
        self._record()
        more = outbox.queue_changes(self._db)
        self._send_due()
        self._collect(0 if more else SECONDS_BETWEEN_LOOKS)

    def finish(self, seconds: float) -> None:
        """Wait a little for what is under way, so that it is not sent again."""
        while self._under_way and seconds > 0:
            self._collect(0.05)
            seconds -= 0.05
            self._record()

    def _collect(self, seconds: float) -> None:
        """Take what came back; with nothing there, wait for something."""
        try:
            self._unrecorded.append(self._came.get(timeout=seconds))
            while True:
                self._unrecorded.append(self._came.get_nowait())
        except queue.Empty:
            return

    def _record(self) -> None:
        if self._unrecorded:
            # Until it is written down, nothing of it is sent again.
            outbox.record_attempts(self._db, self._unrecorded, self._delays)
            for attempt in self._unrecorded:
                del self._under_way[attempt.delivery.number]
            self._unrecorded = []

    def _send_due(self) -> None:
        db, now = self._db.connection(), clock.now().timestamp()
        taken = Counter(self._under_way.values())
        for webhook in store.list_webhooks(db):
            free = PLACES - taken[webhook.id]
            if free > 0 and webhook.status != DISABLED:
                due = delivery_store.list_due(db, webhook.id, now, most=2 * PLACES)
                waiting = [each for each in due if each.number not in self._under_way]
                for delivery in waiting[:free]:
                    self._start(webhook, delivery)

    def _start(self, webhook: Webhook, delivery: Delivery) -> None:
        at = clock.timestamp()
        body = outbox.render(self._db.connection(), delivery)
        if body is None:
            gone = Outcome(error="The journal keeps this event no longer.", final=True)
            self._came.put(Attempt(delivery, at, gone))
        else:
            headers = outbox.sign(webhook, delivery, body)
            threading.Thread(
                target=lambda: self._came.put(
                    Attempt(delivery, at, self._sent(webhook.url, headers, body))
                ),
                name="sender",
                daemon=True,
            ).start()
        self._under_way[delivery.number] = webhook.id

    def _sent(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            return self._send(url, headers, body)
        except Exception as error:  # Or the place would be taken for ever.
            _log.error("an attempt failed here: %s", type(error).__name__)
            return Outcome(error="The attempt failed before it was made.")
