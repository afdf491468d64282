"""Operations on webhooks: create, change, delete, test, redeliver, rotate the secret."""

import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from app import clock
from app.database import Connection, Database
from app.errors import Conflict, NotFound
from app.journal import handlers as journal
from app.webhooks import delivery_store, store
from app.webhooks.model import (
    ACTIVE,
    DAYS_OF_DELIVERIES,
    DISABLED,
    FAILING,
    MAX_WEBHOOKS,
    PENDING,
    TEST,
    Delivery,
    Webhook,
)
from app.webhooks.signing import new_secret

HOURS_OF_PREVIOUS_SECRET = 24
MAX_REDELIVERED = 10_000  # By one call, which takes about two seconds.
REDELIVERED_AT_ONCE = 200
PAUSE_SECONDS = 0.002  # Between batches, for other writers.


def create_webhook(
    db: Database,
    *,
    url: str,
    events: tuple[str, ...] | None = None,
    fields: tuple[str, ...] | None = None,
    exclude_actor: tuple[str, ...] | None = None,
    label: str = "",
) -> Webhook:
    """Store a webhook that gets all later events. Raises `Conflict` at `MAX_WEBHOOKS`."""
    now = clock.timestamp()
    webhook = Webhook(
        id=f"whk_{secrets.token_hex(8)}",
        url=url,
        label=label,
        events=events,
        fields=fields,
        exclude_actor=exclude_actor,
        status=ACTIVE,
        secret=new_secret(),
        previous_secret=None,
        previous_until=None,
        position=0,
        created_at=now,
        updated_at=now,
    )

    def write(tx: Connection) -> Webhook:
        if len(store.list_webhooks(tx)) >= MAX_WEBHOOKS:
            raise Conflict(f"There are {MAX_WEBHOOKS} webhooks already: delete one first.")
        tx.number_changes()
        placed = replace(webhook, position=journal.last_change(tx))
        store.insert_webhook(tx, placed)
        return placed

    return db.write(write, alone=True)


@dataclass(frozen=True)
class Load:
    """Events to queue, deliveries to send, and the number of webhooks by status."""

    events: int
    deliveries: int
    webhooks: Mapping[str, int]


def measure(db: Connection) -> Load:
    """Needs a snapshot."""
    webhooks, last = store.list_webhooks(db), journal.last_change(db)
    served = [each for each in webhooks if each.status != DISABLED]
    counts = Counter(each.status for each in webhooks)
    return Load(
        events=sum(last - each.position for each in served),
        deliveries=sum(delivery_store.count_pending(db, each.id) for each in served),
        webhooks={status: counts[status] for status in (ACTIVE, FAILING, DISABLED)},
    )


def get_webhook(db: Connection, id: str) -> Webhook:
    """Raises `NotFound`."""
    webhook = store.find_webhook(db, id)
    if webhook is None:
        raise NotFound("There is no such webhook: GET /v1/webhooks lists them.")
    return webhook


def edit_webhook(db: Database, id: str, values: Mapping[str, Any]) -> Webhook:
    """Change a webhook; one that is enabled again gets only later events. Raises `NotFound`."""

    def write(tx: Connection) -> Webhook:
        before = get_webhook(tx, id)
        position = before.position
        if before.status == DISABLED and values.get("status") == ACTIVE:
            tx.number_changes()
            position = journal.last_change(tx)
        after = replace(before, **values, position=position, updated_at=clock.timestamp())
        store.update_webhook(tx, after)
        return after

    return db.write(write, alone=True)


def delete_webhook(db: Database, id: str) -> None:
    """Raises `NotFound`."""

    def write(tx: Connection) -> None:
        get_webhook(tx, id)
        store.delete_webhook(tx, id)

    db.write(write, alone=True)
    db.erase_log()


def rotate_secret(db: Database, id: str) -> Webhook:
    """Give a webhook a new secret; the previous one also signs for a day. Raises `NotFound`."""
    secret = new_secret()
    until = clock.timestamp(clock.now() + timedelta(hours=HOURS_OF_PREVIOUS_SECRET))

    def write(tx: Connection) -> Webhook:
        before = get_webhook(tx, id)
        after = replace(
            before,
            secret=secret,
            previous_secret=before.secret,
            previous_until=until,
            updated_at=clock.timestamp(),
        )
        store.update_webhook(tx, after)
        return after

    return db.write(write, alone=True)


def test_webhook(db: Database, id: str) -> Delivery:
    """Queue a test delivery. Raises `NotFound`, or `Conflict` if the webhook is disabled."""
    delivery_id = new_delivery_id()

    def write(tx: Connection) -> Delivery:
        _check_enabled(get_webhook(tx, id))
        delivery_store.queue_delivery(
            tx,
            id=delivery_id,
            webhook_id=id,
            seq=None,
            event=TEST,
            line=delivery_id,
            now=clock.now(),
        )
        return _found(tx, id, delivery_id)

    return db.write(write, alone=True)


def redeliver(db: Database, id: str, delivery_id: str) -> Delivery:
    """Queue a finished delivery again, with the same id and all attempts.

    Raises `NotFound`, or `Conflict` if it is pending or the webhook is disabled.
    """

    def write(tx: Connection) -> Delivery:
        _check_enabled(get_webhook(tx, id))
        delivery = _found(tx, id, delivery_id)
        if delivery.state == PENDING:
            raise Conflict(f"{delivery_id} is still pending: see next_attempt_at.")
        delivery_store.requeue_delivery(tx, delivery.number)
        delivery_store.advance_queue(tx, delivery.number, clock.now().timestamp())
        return _found(tx, id, delivery_id)

    return db.write(write, alone=True)


def redeliver_dead(db: Database, id: str, since: str | None = None) -> tuple[int, int]:
    """Queue dead deliveries again, the oldest first: those that died at an instant or later.

    Returns how many are queued, `MAX_REDELIVERED` at most, and how many dead ones are left. Runs in
    batches, so that other writers are not blocked. Raises `NotFound`, or `Conflict` if the webhook
    is disabled.
    """
    queued, died = 0, {"since": since or "", "until": clock.timestamp()}

    def write(tx: Connection) -> int:
        _check_enabled(get_webhook(tx, id))
        found = delivery_store.requeue_dead(tx, id, **died, most=REDELIVERED_AT_ONCE)
        # One delivery of each queue: the first pending one becomes due, the others follow it.
        for number in {line: number for number, line in found}.values():
            delivery_store.advance_queue(tx, number, clock.now().timestamp())
        return len(found)

    while queued < MAX_REDELIVERED:
        count = db.write(write, alone=True)
        queued += count
        if count < REDELIVERED_AT_ONCE:
            break
        time.sleep(PAUSE_SECONDS)
    return queued, delivery_store.count_dead(db.connection(), id, **died)


def list_deliveries(
    db: Database, id: str, *, state: str | None, limit: int, offset: int
) -> tuple[list[Delivery], int]:
    """Return a page of deliveries, newest first, and their total number. Raises `NotFound`."""
    with db.snapshot() as snapshot:
        get_webhook(snapshot, id)
        return delivery_store.list_deliveries(snapshot, id, state=state, limit=limit, offset=offset)


def new_delivery_id() -> str:
    """Return a random id, unique also after a restore: receivers detect repeats by it."""
    return f"dlv_{secrets.token_hex(12)}"


def _check_enabled(webhook: Webhook) -> None:
    if webhook.status == DISABLED:
        raise Conflict(f"{webhook.id} is disabled: enable it first.")


def _found(db: Connection, webhook_id: str, id: str) -> Delivery:
    delivery = delivery_store.find_delivery(db, webhook_id, id)
    if delivery is None:
        raise NotFound(
            f"There is no such delivery: finished ones are kept for {DAYS_OF_DELIVERIES} days."
        )
    return delivery
