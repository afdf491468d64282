"""The deliverer: at least once, in order for each contact, no receiver delays another."""

import json
import logging
import threading
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Library

from app import clock
from app.contacts.handlers import delete_contact, merge_contacts
from app.database import Database
from app.errors import ServiceError
from app.journal import handlers as journal
from app.journal.model import CREATED
from app.settings import Settings
from app.webhooks import handlers, outbox
from app.webhooks.delivery import MAX_ATTEMPTS, Deliverer
from app.webhooks.model import Webhook
from app.webhooks.sender import Sender
from tests.conftest import wait_until
from tests.webhooks.conftest import (
    LOCAL,
    Handler,
    Receiver,
    StartReceiver,
    add_contact,
    answer,
    log,
    settle,
    step_until,
)


def test_sends_the_documented_event_headers_and_signature(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    before = int(time.time())
    add_contact(db, first_name="प्रिया", tags=("VIP",))
    settle(deliverer, db)
    [received] = receiver.received
    event = received.event
    assert list(event) == ["event", "timestamp", "data"]
    assert event["event"] == "contact.created"
    assert type(event["timestamp"]) is int and before <= event["timestamp"] <= time.time()
    assert event["data"]["first_name"] == "प्रिया" and event["data"]["tags"] == ["VIP"]
    assert Library(webhook.secret).verify(received.body, received.headers) == event
    [delivery] = log(db, webhook.id)
    assert received.headers["webhook-id"] == delivery.id
    assert (delivery.state, delivery.attempt, delivery.status) == ("delivered", 1, 204)


def test_sends_only_events_after_its_creation(
    db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    add_contact(db, 1)
    handlers.create_webhook(db, url=receiver.url)
    phone = add_contact(db, 2)
    settle(deliverer, db)
    assert [each.event["data"]["phone"] for each in receiver.received] == [phone]


def test_sends_only_the_events_asked_for(
    db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    handlers.create_webhook(db, url=receiver.url, events=("contact.updated", "contact.deleted"))
    phone = add_contact(db)
    add_contact(db, first_name="Priya")
    delete_contact(db, phone)
    settle(deliverer, db)
    assert [each.event["event"] for each in receiver.received] == [
        "contact.updated",
        "contact.deleted",
    ]


def test_keeps_the_order_of_each_contact_over_failures(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    failed = set()

    def fail_every_third_once(handler: Handler) -> None:
        delivery = handler.headers["webhook-id"]
        if len(receiver.received) % 3 or delivery in failed:
            answer(200)(handler)
        else:
            failed.add(delivery)
            answer(500)(handler)

    receiver.behave = fail_every_third_once
    for turn in range(5):
        for number in range(4):
            add_contact(db, number, first_name=str(turn))
    settle(deliverer, db)
    assert failed
    assert {each.state for each in log(db, webhook.id)} == {"delivered"}
    for number in range(4):
        names = [
            each.event["data"]["first_name"]
            for each in receiver.received
            if each.event["data"]["phone"] == f"91885687{number:04d}"
        ]
        assert names == sorted(names) and set(names) == set("01234")


def test_sends_one_at_a_time_for_a_contact(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    at_work: list[int] = []
    most = []

    def slow(handler: Handler) -> None:
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.05)
        at_work.pop()
        answer(204)(handler)

    receiver.behave = slow
    for turn in range(6):
        add_contact(db, first_name=str(turn))
    settle(deliverer, db)
    assert len(receiver.received) == 6 and max(most) == 1


def test_retries_after_the_documented_times(
    db: Database, receiver: Receiver, webhook: Webhook
) -> None:
    delays = Settings.webhook_retries
    assert delays == (10, 60, 300)
    receiver.behave = answer(500, b"no")
    deliverer = Deliverer(db, Sender(LOCAL, seconds=30).send)
    add_contact(db)
    for attempt, delay in enumerate(delays, 1):
        step_until(deliverer, lambda n=attempt: log_attempt(db, webhook) == n)  # type: ignore[misc]
        [delivery] = log(db, webhook.id)
        assert delivery.state == "pending" and delivery.attempted_at and delivery.due
        attempted = datetime.fromisoformat(delivery.attempted_at).timestamp()
        assert delay - 1 <= delivery.due - attempted <= delay + 7
        deliverer.step()
        assert len(receiver.received) == attempt
        db.write(lambda tx: tx.change("UPDATE deliveries SET due = 0 WHERE due > 0", {}))
    step_until(deliverer, lambda: log_attempt(db, webhook) == 4)
    [delivery] = log(db, webhook.id)
    assert (delivery.state, delivery.due, delivery.answer) == ("dead", None, "no")
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1


def log_attempt(db: Database, webhook: Webhook) -> int:
    found = log(db, webhook.id)
    return found[0].attempt if found else 0


def test_a_webhook_is_failing_from_the_first_dead_delivery_until_the_next_success(
    db: Database,
    deliverer: Deliverer,
    receiver: Receiver,
    webhook: Webhook,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.behave = answer(500)
    handlers.edit_webhook(db, webhook.id, {"url": receiver.url + "?token=secret"})
    for number in range(3):
        add_contact(db, number, first_name="Priya")
        settle(deliverer, db)
        assert status(db, webhook) == "failing"
    logged = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(logged) == 4 and "Answered 500" in logged[0] and "is failing" in logged[1]
    assert not [each for each in logged if "secret" in each or "Priya" in each or "9188" in each]
    receiver.behave = answer(200)
    add_contact(db, 3)
    settle(deliverer, db)
    assert status(db, webhook) == "active"
    assert [each.state for each in log(db, webhook.id)] == ["dead"] * 3 + ["delivered"]


def status(db: Database, webhook: Webhook) -> str:
    return handlers.get_webhook(db.connection(), webhook.id).status


def test_slow_receivers_do_not_delay_others(db: Database, start_receiver: StartReceiver) -> None:
    def hang(handler: Handler) -> None:
        handler.server.over.wait(30)

    slow = [start_receiver(hang) for _ in range(5)]
    quick = start_receiver()
    for receiver in (*slow, quick):
        handlers.create_webhook(db, url=receiver.url)
    deliverer = Deliverer(db, Sender(LOCAL, seconds=30).send)
    for number in range(MAX_ATTEMPTS + 5):
        add_contact(db, number)
    step_until(deliverer, lambda: len(quick.received) == MAX_ATTEMPTS + 5)
    step_until(deliverer, lambda: all(len(each.received) == MAX_ATTEMPTS for each in slow))
    deliverer.step()
    assert all(len(each.received) == MAX_ATTEMPTS for each in slow)


def test_deleting_a_contact_erases_it_from_deliveries(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    def echo(handler: Handler) -> None:
        answer(200, receiver.received[-1].body)(handler)

    receiver.behave = echo
    phone = add_contact(db, first_name="Priya")
    settle(deliverer, db)
    assert "Priya" in str(log(db, webhook.id)[0].answer)
    add_contact(db, first_name="Priyanka")
    delete_contact(db, phone)
    settle(deliverer, db)
    sent = [json.loads(each.body)["data"] for each in receiver.received[1:]]
    assert sent == [{"id": f"cnt_{phone}", "deleted": True}] * 2
    assert "Priya" not in str(log(db, webhook.id))


def test_keeps_no_response_about_a_contact_that_was_deleted(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    phone = add_contact(db, first_name="Priya")
    came, deleted = threading.Event(), threading.Event()

    def echo_later(handler: Handler) -> None:
        came.set()
        deleted.wait(20)
        answer(200, receiver.received[0].body)(handler)

    receiver.behave = echo_later
    step_until(deliverer, came.is_set)
    delete_contact(db, phone)
    deleted.set()
    settle(deliverer, db)
    assert len(log(db, webhook.id)) == 2 and "Priya" not in str(log(db, webhook.id))


def test_a_merge_keeps_both_contacts_in_order_and_erasable(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.behave = answer(500, b"Priya")
    one, other = add_contact(db, 1), add_contact(db, 2, first_name="Priya")
    step_until(deliverer, lambda: len(receiver.received) >= 2)
    merge_contacts(db, one, other)
    receiver.behave = answer(200, b"Priya")
    settle(deliverer, db)
    assert receiver.received[-1].event["event"] == "contact.merged"
    delete_contact(db, one)
    assert "Priya" not in str(log(db, webhook.id))


def test_an_enabled_webhook_gets_no_events_from_while_it_was_disabled(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    handlers.edit_webhook(db, webhook.id, {"status": "disabled"})
    add_contact(db, 1)
    deliverer.step()
    handlers.edit_webhook(db, webhook.id, {"status": "active"})
    phone = add_contact(db, 2)
    settle(deliverer, db)
    assert [each.event["data"]["phone"] for each in receiver.received] == [phone]


def test_an_event_missing_in_the_journal_is_dead_at_once(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    handlers.test_webhook(db, webhook.id)
    db.write(lambda tx: tx.change("UPDATE deliveries SET seq = 77", {}))
    settle(deliverer, db)
    [delivery] = log(db, webhook.id)
    assert (delivery.state, delivery.attempt) == ("dead", 1)
    assert receiver.received == []


@pytest.mark.sqlite
def test_sends_nothing_twice_while_the_store_cannot_be_written(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    held = threading.Event()
    receiver.behave = lambda handler: (held.wait(20), answer(200)(handler))[1]
    add_contact(db)
    step_until(deliverer, lambda: bool(receiver.received))
    db.connection().execute(
        """
        CREATE TEMP TRIGGER full BEFORE UPDATE ON deliveries BEGIN
            SELECT RAISE(ABORT, 'no more room');
        END
        """
    )
    held.set()
    wait_until(lambda: step_fails(deliverer))
    assert all(step_fails(deliverer) for _ in range(3))
    db.connection().execute("DROP TRIGGER full")
    settle(deliverer, db)
    assert len(receiver.received) == 1
    assert log(db, webhook.id)[0].state == "delivered"


def step_fails(deliverer: Deliverer) -> bool:
    try:
        deliverer.step()
    except ServiceError:
        return True
    return False


def test_a_queue_whose_first_delivery_was_removed_continues(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    """The first of three deliveries leaves the queue of its contact."""
    receiver.behave = answer(500)
    for name in "abc":
        phone = add_contact(db, first_name=name)
    outbox.queue_changes(db)
    db.write(lambda tx: tx.change("UPDATE deliveries SET line = 'x' WHERE number = 1", {}))
    receiver.behave = answer(200)
    add_contact(db, first_name="d")
    settle(deliverer, db)
    assert phones_of(receiver) == {phone} and len(receiver.received) == 4


def phones_of(receiver: Receiver) -> set[str]:
    return {each.event["data"]["phone"] for each in receiver.received}


def test_another_process_continues_after_a_deliverer_dies(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    hang = threading.Event()
    receiver.behave = lambda handler: (hang.wait(20), answer(200)(handler))[1]
    add_contact(db)
    step_until(deliverer, lambda: bool(receiver.received))
    receiver.behave = answer(200)
    settle(Deliverer(db, Sender(LOCAL, seconds=30).send), db)
    hang.set()
    assert len(receiver.received) == 2
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert log(db, webhook.id)[0].attempt == 1


def test_the_previous_secret_ends_after_a_day(db: Database, webhook: Webhook) -> None:
    rotated = handlers.rotate_secret(db, webhook.id)
    assert rotated.previous_until
    until = datetime.fromisoformat(rotated.previous_until).astimezone(UTC)
    assert 86_390 <= (until - datetime.now(UTC)).total_seconds() <= 86_401
    assert rotated.secrets(rotated.updated_at) == [rotated.secret, webhook.secret]
    assert rotated.secrets(rotated.previous_until) == [rotated.secret]


def test_delivers_many_events_in_order(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    with db.transaction() as tx:
        for number in range(200):
            data = {"number": number}
            phone = str(number % 40)
            journal.append(tx, CREATED, clock.timestamp(), data, phone=phone, actor=None)
    settle(deliverer, db)
    numbers = [each.event["data"]["number"] for each in receiver.received]
    assert sorted(numbers) == list(range(200))
    for phone in range(40):
        line = [number for number in numbers if number % 40 == phone]
        assert line == sorted(line)
