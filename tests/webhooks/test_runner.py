"""The runner: one for each store, also after crashes; and what it removes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.contacts.handlers import delete_contact
from app.database import Database
from app.database.sqlite.locks import sole_lock
from app.journal import handlers as journal
from app.journal import store as journal_store
from app.settings import Settings
from app.webhooks import handlers
from app.webhooks.delivery import Deliverer
from app.webhooks.model import DAYS_OF_DELIVERIES, Webhook
from app.webhooks.runner import Runner, remove_old
from tests.conftest import (
    RunningServer,
    StartServer,
    clean_environ,
    run_contacts,
    wait_until,
)
from tests.webhooks.conftest import (
    PRIVATE,
    Handler,
    Receiver,
    StartReceiver,
    add_contact,
    answer,
    log,
    settle,
)

ENVIRON = {"CONTACTS_WEBHOOK_ALLOW_PRIVATE": PRIVATE}
COMMAND = [sys.executable, "-m", "app", "webhooks", "deliver"]


def add_webhook(server: RunningServer, receiver: Receiver) -> str:
    with server.session() as session:
        answer = session.post(f"{server.url}/v1/webhooks", json={"url": receiver.url}, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["webhook"]["id"])


def post(server: RunningServer, number: int) -> str:
    phone = f"91885687{number:04d}"
    assert server.post(phone=phone).status_code == 201
    return phone


def phones(receiver: Receiver) -> list[str]:
    return [each.event["data"]["phone"] for each in list(receiver.received)]


def deliveries(server: RunningServer, id: str, state: str) -> int:
    return int(
        server.get(f"/v1/webhooks/{id}/deliveries", state=state).json()["pagination"]["total"]
    )


def running_deliverers(data: Path) -> list[int]:
    """Return the processes that have the lock's file open (Linux)."""
    lock = str(data / "deliverer.lock")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(each.readlink()) == lock for each in (process / "fd").iterdir()):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def deliverer_of(data: Path) -> int:
    """Return the process that delivers; others have the file open only while they try the lock."""
    while True:
        first, second = running_deliverers(data), running_deliverers(data)
        [*steady] = set(first) & set(second)
        if len(steady) == 1:
            return steady[0]
        time.sleep(0.05)


def test_a_server_delivers_each_event_once(start_server: StartServer, receiver: Receiver) -> None:
    server = start_server(environ=ENVIRON)
    id = add_webhook(server, receiver)
    posted = [post(server, number) for number in range(20)]
    wait_until(lambda: deliveries(server, id, "delivered") == 20)
    assert sorted(phones(receiver)) == posted
    assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_another_worker_takes_over_from_a_dead_one(
    start_server: StartServer, receiver: Receiver
) -> None:
    held = threading.Event()
    receiver.behave = lambda handler: (held.wait(20), answer(204)(handler))[1]
    server = start_server(environ=ENVIRON)
    id = add_webhook(server, receiver)
    first = post(server, 1)
    wait_until(lambda: phones(receiver) == [first])
    dead = deliverer_of(server.data)
    assert dead in server.workers()
    os.kill(dead, signal.SIGKILL)
    held.set()
    # The delivery in progress is sent again: it may not have arrived.
    wait_until(lambda: phones(receiver) == [first, first])
    second = post(server, 2)
    wait_until(lambda: deliveries(server, id, "delivered") == 2)
    assert phones(receiver) == [first, first, second]
    assert deliverer_of(server.data) != dead


def test_delivers_events_committed_before_a_kill(
    start_server: StartServer, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver(answer(503))
    server = start_server(environ=ENVIRON)
    add_webhook(server, receiver)
    posted = [post(server, number) for number in range(5)]
    server.stop(signal.SIGKILL)
    receiver.behave = answer(204)
    again = start_server(data=server.data, environ=ENVIRON)
    expected = set(posted)
    wait_until(lambda: expected <= set(phones(receiver)))
    assert again.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_servers_on_a_store_deliver_once(start_server: StartServer, receiver: Receiver) -> None:
    one = start_server(environ=ENVIRON)
    id = add_webhook(one, receiver)
    other = start_server(data=one.data, environ=ENVIRON)
    posted = [post((one, other)[number % 2], number) for number in range(10)]
    wait_until(lambda: deliveries(one, id, "delivered") == 10)
    assert sorted(phones(receiver)) == posted
    at_work = one if deliverer_of(one.data) in one.workers() else other
    left = other if at_work is one else one
    assert at_work.stop() == 0
    last = post(left, 99)
    wait_until(lambda: last in phones(receiver))
    assert len(receiver.received) == 11


def test_a_receiver_that_hangs_delays_neither_the_api_nor_the_stop(
    start_server: StartServer, receiver: Receiver
) -> None:
    def hang(handler: Handler) -> None:
        handler.server.over.wait(60)

    receiver.behave = hang
    server = start_server(environ=ENVIRON)
    add_webhook(server, receiver)
    for number in range(10):
        post(server, number)
    wait_until(lambda: len(receiver.received) >= 8)
    started = time.monotonic()
    for number in range(10, 20):
        post(server, number)
    assert server.stop() == 0
    assert time.monotonic() - started < 8  # An attempt may take ten.


@pytest.mark.sqlite
def test_the_command_delivers_until_it_is_stopped(
    db: Database, settings: Settings, receiver: Receiver, webhook: Webhook
) -> None:
    with subprocess.Popen(
        [*COMMAND, "--data", str(settings.data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environ(**ENVIRON),
    ) as process:
        try:
            assert process.stdout and process.stderr
            assert process.stdout.readline() == f"Delivering the webhooks of {settings.data}\n"
            phone = add_contact(db)
            wait_until(lambda: phones(receiver) == [phone])
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


@pytest.mark.sqlite
def test_the_command_waits_for_its_turn(
    db: Database, settings: Settings, receiver: Receiver, webhook: Webhook
) -> None:
    with subprocess.Popen(
        [*COMMAND, "--data", str(settings.data)],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environ(**ENVIRON),
    ) as first:
        try:
            assert first.stdout and first.stdout.readline().startswith("Delivering")
            stop = in_background(db, settings)
            phone = add_contact(db)
            wait_until(lambda: phones(receiver) == [phone])
        finally:
            first.kill()
        try:
            phone = add_contact(db, 1)
            # A delivery that the first had not recorded may be repeated, before this one or after.
            wait_until(lambda: phone in phones(receiver))
        finally:
            stop()


def test_the_command_reports_errors_in_one_line(tmp_path: Path) -> None:
    for arguments in (["--data", str(tmp_path / "nothing")], ["--speed", "9"]):
        result = run_contacts("webhooks", "deliver", *arguments)
        assert result.returncode == 2
        assert result.stdout == "" and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "nothing").exists()


def test_only_one_can_hold_the_lock(tmp_path: Path) -> None:
    with sole_lock(tmp_path / "a.lock") as first, sole_lock(tmp_path / "a.lock") as second:
        assert (first, second) == (True, False)
    with sole_lock(tmp_path / "a.lock") as third:
        assert third
    assert (tmp_path / "a.lock").stat().st_mode & 0o777 == 0o600


def in_background(db: Database, settings: Settings) -> Callable[[], None]:
    """Run a runner in a thread; return a function that stops it."""
    stopping = threading.Event()
    thread = threading.Thread(target=Runner(db, settings, stopping).run)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(20)
        assert not thread.is_alive()

    return stop


def test_a_runner_waits_for_a_missing_folder(
    db: Database, settings: Settings, receiver: Receiver, webhook: Webhook
) -> None:
    db.close()
    away = settings.data.rename(settings.data.with_suffix(".away"))
    stop = in_background(db, settings)
    try:
        time.sleep(0.2)
        away.rename(settings.data)
        add_contact(db)
        wait_until(lambda: len(receiver.received) == 1)
    finally:
        stop()


def days_ago(days: float) -> str:
    return clock.timestamp(clock.now() - timedelta(days=days))


def add_changes(db: Database, count: int, days: float) -> None:
    with db.transaction() as tx:
        for number in range(count):
            data: dict[str, Any] = {"number": number}
            journal.append(
                tx, "contact.created", days_ago(days), data, phone=str(number), actor=None
            )


def changes(db: Database) -> int:
    [(count,)] = db.connection().execute("SELECT count(*) FROM changes")
    return int(count)


def test_removes_old_changes_a_few_at_once(db: Database) -> None:
    add_changes(db, 1_200, days=31)
    add_changes(db, 3, days=29)
    left = []
    while db.write(lambda tx: remove_old(tx, 30)):
        left.append(changes(db))
    assert left == [703, 203, 3]
    assert journal_store.removed_through(db.connection()) == 1_200


def test_the_runner_removes_old_rows(db: Database, settings: Settings) -> None:
    add_changes(db, 600, days=31)
    stop = in_background(db, settings)
    try:
        wait_until(lambda: changes(db) == 0)
    finally:
        stop()


def test_keeps_changes_that_a_webhook_has_not_queued(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    add_changes(db, 5, days=31)
    assert db.write(lambda tx: remove_old(tx, 30)) == 0
    settle(deliverer, db)
    assert len(receiver.received) == 5
    assert db.write(lambda tx: remove_old(tx, 30)) == 5
    add_changes(db, 1, days=31)
    handlers.edit_webhook(db, webhook.id, {"status": "disabled"})
    assert db.write(lambda tx: remove_old(tx, 30)) == 1


def test_removes_deliveries_that_are_long_finished(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    for number in range(3):
        add_contact(db, number)
    settle(deliverer, db)
    old = days_ago(DAYS_OF_DELIVERIES + 0.1)
    db.write(
        lambda tx: tx.change(
            "UPDATE deliveries SET finished_at = :old WHERE number < 3", {"old": old}
        )
    )
    assert db.write(lambda tx: remove_old(tx, 30)) == 2
    assert [each.number for each in log(db, webhook.id)] == [3]


def test_removes_a_deleted_webhook_with_its_deliveries(
    db: Database, deliverer: Deliverer, receiver: Receiver, webhook: Webhook
) -> None:
    delete_contact(db, add_contact(db))
    settle(deliverer, db)
    handlers.delete_webhook(db, webhook.id)
    deliverer.step()
    [row] = db.connection().execute("SELECT url, label, secret FROM webhooks")
    assert row == ("", "", "")
    assert db.write(lambda tx: remove_old(tx, 30)) == 2
    assert db.write(lambda tx: remove_old(tx, 30)) == 0
    for table in ("webhooks", "deliveries"):
        assert db.connection().execute(f"SELECT count(*) FROM {table}") == [(0,)]


def test_creating_an_application_starts_no_runner(app: object, db: Database) -> None:
    assert not [each for each in threading.enumerate() if each.name == "runner"]
