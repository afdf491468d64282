"""Every query of webhooks and deliveries uses an index."""

from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest

from app import clock
from app.database import Database
from app.journal import store as journal_store
from app.webhooks import delivery_store, handlers, store
from app.webhooks.model import Attempt, Outcome, Webhook
from tests.contacts.test_store import Recorder
from tests.webhooks.conftest import log

# Webhooks are few, and so are the events of a subquery with a limit.
BOUNDED = ("SCAN webhooks", "USE TEMP B-TREE FOR ORDER BY", "CO-ROUTINE", "SCAN oldest")


@pytest.fixture
def recorder(db: Database) -> Iterator[Recorder]:
    with closing(Recorder(db.path)) as recorder:
        yield recorder


def test_every_query_uses_an_index(db: Database, recorder: Recorder, webhook: Webhook) -> None:
    handlers.test_webhook(db, webhook.id)
    [delivery] = log(db, webhook.id)
    store.list_webhooks(recorder)
    store.find_webhook(recorder, webhook.id)
    store.list_deleted(recorder)
    store.lowest_position(recorder)
    store.mark_failing(recorder, webhook.id)
    store.mark_recovered(recorder, webhook.id)
    delivery_store.advance_queue(recorder, delivery.number, 0.0)
    delivery_store.list_due(recorder, webhook.id, 0.0, 10)
    attempt = Attempt(delivery, "", Outcome())
    delivery_store.record_attempt(recorder, attempt, state="pending", due=None, answer=None)
    delivery_store.find_delivery(recorder, webhook.id, delivery.id)
    for state in (None, "dead"):
        delivery_store.list_deliveries(recorder, webhook.id, state=state, limit=1, offset=0)
    delivery_store.remove_finished(recorder, "2026-01-01T00:00:00Z", 10)
    delivery_store.remove_all(recorder, webhook.id, 10)
    delivery_store.queue_delivery(
        recorder,
        id="dlv_1",
        webhook_id=webhook.id,
        seq=1,
        event="contact.created",
        line="9188",
        now=clock.now(),
    )
    journal_store.find_event(recorder, 1)
    journal_store.list_subjects(recorder, after=0, most=10)
    journal_store.remove_events(recorder, "2026-01-01T00:00:00Z", 10, 0)
    assert len(recorder.plans) >= 17
    for sql, steps in recorder.plans.items():
        for step in steps:
            known = step.startswith(("SEARCH ", "SCALAR SUBQUERY", "LIST SUBQUERY", *BOUNDED))
            assert known and not step.startswith("SCAN deliveries"), (step, sql)


@pytest.mark.sqlite
def test_triggers_find_deliveries_by_an_index(db: Database) -> None:
    sql = "UPDATE deliveries SET answer = NULL WHERE seq = :seq"
    [step] = plan(db, sql, {"seq": 1})
    assert step.startswith("SEARCH deliveries USING INDEX deliveries_by_seq")


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("due <= 1 ORDER BY due, number", "deliveries_due (webhook_id=? AND due<?)"),
        ("state = 'dead' ORDER BY number DESC", "deliveries_by_state (webhook_id=? AND state=?)"),
        ("1 ORDER BY number DESC", "deliveries_by_webhook (webhook_id=?)"),
    ],
)
def test_pages_are_read_in_the_order_of_an_index(db: Database, sql: str, index: str) -> None:
    [step] = plan(db, f"SELECT id FROM deliveries WHERE webhook_id = 'a' AND {sql}", {})
    assert index in step


def plan(db: Database, sql: str, values: Mapping[str, object]) -> list[str]:
    rows = db.connection().execute(f"EXPLAIN QUERY PLAN {sql}", values)
    return [str(row[3]) for row in rows]


def test_a_disabled_webhook_stays_disabled_after_its_last_attempt(db: Database) -> None:
    id = handlers.create_webhook(db, url="https://example.com/").id
    handlers.edit_webhook(db, id, {"status": "disabled"})
    assert db.write(lambda tx: store.mark_failing(tx, id)) is False
    db.write(lambda tx: store.mark_recovered(tx, id))
    assert handlers.get_webhook(db.connection(), id).status == "disabled"
