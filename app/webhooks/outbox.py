"""Turns journal events into queued deliveries, and records their attempts."""

import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from app import clock
from app.database import Connection, Database
from app.database.interface import Turn
from app.journal import handlers as journal
from app.journal.model import Event, Subject
from app.webhooks import delivery_store, store
from app.webhooks.handlers import new_delivery_id
from app.webhooks.model import (
    DEAD,
    DELIVERED,
    DISABLED,
    NARROWED,
    PENDING,
    STATES,
    TEST,
    Attempt,
    Delivery,
    Webhook,
)
from app.webhooks.signing import signed_headers

BATCH = 200
# Names of the counters of attempts, by the state of the delivery after the attempt.
ATTEMPTS = {state: f"webhook_attempts {state}" for state in STATES}

# What a test sends: the data of an event, with an invented contact.
SAMPLE: dict[str, Any] = {
    "id": "cnt_918856879188",
    "phone": "918856879188",
    "first_name": "Priya",
    "last_name": "Sharma",
    "email": "priya@example.com",
    "tags": ["Lead", "VIP"],
    "created_at": None,
    "custom_fields": {"plan": "pro"},
    "updated_at": None,
    "changed": ["tags", "custom_fields.plan"],
    "previous": {"tags": ["Lead"], "custom_fields.plan": "free"},
}

_log = logging.getLogger(__name__)


def queue_changes(db: Database, turn: Turn | None = None) -> bool:
    """Queue the next events for the webhooks that want them; return whether there are more."""
    db.connection().number_changes()
    last = journal.last_change(db.connection())
    behind = [each for each in store.list_webhooks(db.connection()) if _lags(each, last)]
    more = False
    for webhook in behind:
        more |= db.write(partial(_queue_some, webhook.id, turn))
    return more


def _lags(webhook: Webhook, last: int) -> bool:
    return webhook.status != DISABLED and webhook.position < last


def _queue_some(id: str, turn: Turn | None, tx: Connection) -> bool:
    if turn:
        turn.check(tx)
    webhook = store.find_webhook(tx, id)
    if webhook is None or webhook.status == DISABLED:
        return False
    subjects = journal.list_subjects(tx, after=webhook.position, most=BATCH)
    now = clock.now()
    for subject in subjects:
        if webhook.wants(subject) and _changes_its_fields(tx, webhook, subject):
            delivery_store.queue_delivery(
                tx,
                id=new_delivery_id(),
                webhook_id=id,
                seq=subject.seq,
                event=subject.event,
                line=subject.phone or "",
                now=now,
            )
    if subjects:
        store.set_position(tx, id, subjects[-1].seq)
    return len(subjects) == BATCH


def _changes_its_fields(db: Connection, webhook: Webhook, subject: Subject) -> bool:
    if webhook.fields is None or subject.event not in NARROWED:
        return True
    changed = journal.changed_fields(db, subject.seq)
    return changed is not None and not set(webhook.fields).isdisjoint(changed)


def find_change(db: Connection, delivery: Delivery) -> Event | None:
    """Return the event of a delivery, None if the journal has removed it."""
    if delivery.seq is not None:
        return journal.find_change(db, delivery.seq)
    at = delivery.created_at
    data = SAMPLE | {"created_at": at, "updated_at": at, "webhook": delivery.webhook_id}
    return Event(0, TEST, at, None, json.dumps(data))


def render(change: Event) -> bytes:
    """Return the body that sends an event, as the vendor documents it."""
    seconds = int(datetime.fromisoformat(change.timestamp).timestamp())
    return f'{{"event":"{change.event}","timestamp":{seconds},"data":{change.data}}}'.encode()


def headers(webhook: Webhook, delivery: Delivery, change: Event, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery.

    They sign the body with the real time: receivers reject old ones.
    """
    keys = webhook.secrets(clock.timestamp())
    found = signed_headers(keys, delivery.id, int(time.time()), body)
    if delivery.seq is not None:
        found["X-Contacts-Seq"] = str(delivery.seq)
    if change.actor is not None:
        found["X-Contacts-Actor"] = change.actor
    return found


def record_attempts(
    db: Database, attempts: Sequence[Attempt], delays: Sequence[float], turn: Turn
) -> None:
    """Record the outcomes of attempts, and make the next deliveries of their queues due."""

    def write(tx: Connection) -> list[tuple[str, bool]]:
        turn.check(tx)
        return [_record(tx, attempt, delays) for attempt in attempts]

    results = db.write(write)
    db.counters.add(Counter(ATTEMPTS[state] for state, _ in results))
    for attempt, (state, is_failing) in zip(attempts, results, strict=True):
        webhook_id, number = attempt.delivery.webhook_id, attempt.delivery.attempt + 1
        if state == DEAD:
            _log.warning(
                "webhook %s: delivery %s is dead after attempt %d: %s",
                *(webhook_id, attempt.delivery.id, number, attempt.outcome.error),
            )
        if is_failing:
            _log.warning("webhook %s is failing", webhook_id)


def _record(tx: Connection, attempt: Attempt, delays: Sequence[float]) -> tuple[str, bool]:
    """Return the new state of a delivery, and whether its webhook became failing."""
    delivery, outcome, now = attempt.delivery, attempt.outcome, clock.now()
    state, due = DELIVERED, None
    if outcome.error is not None:
        state = DEAD
        if not outcome.final and delivery.attempt < len(delays):
            delay = timedelta(seconds=delays[delivery.attempt])
            state, due = PENDING, (now + delay).timestamp()
    if not delivery_store.record_attempt(
        tx, attempt, state=state, due=due, answer=_keepable_answer(tx, attempt)
    ):
        return state, False
    if state == PENDING:
        return state, False
    delivery_store.advance_queue(tx, delivery.number, now.timestamp())
    if state == DEAD:
        return state, store.mark_failing(tx, delivery.webhook_id)
    store.mark_recovered(tx, delivery.webhook_id)
    return state, False


def _keepable_answer(tx: Connection, attempt: Attempt) -> str | None:
    """Return the response body, unless it could quote a contact that has been deleted."""
    if attempt.outcome.answer is None:
        return None
    change = find_change(tx, attempt.delivery)
    return None if change is None or _is_erased(change) else attempt.outcome.answer


def _is_erased(change: Event) -> bool:
    """Return whether the event was erased: only the id of its contact is left."""
    data = json.loads(change.data)
    return bool(data.get("deleted")) or len(data.get("contact", data)) == 1
