"""Deleted data is erased from the files of a store, also after failures."""

import random
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest

from app.contacts import handlers
from app.contacts.model import Draft
from app.database.background_task import SECONDS_BETWEEN_TRIES, BackgroundTask
from app.database.sqlite.store import Database
from app.settings import Settings
from tests.conftest import ROOT, StartServer, wait_until

SECRETS = ("Zaphod", "Beeblebrox", "zaphod@example.com", "Betelgeuse-Five", "pan-galactic")
SECRETS += ("zaphod", "beeblebrox")


def _store(db: Database, phone: str = "918856879188") -> None:
    draft = Draft(
        phone,
        first_name="Zaphod",
        last_name="Beeblebrox",
        email="zaphod@example.com",
        tags=("Betelgeuse-Five",),
        custom_fields={"drink": "pan-galactic", "pan-galactic": 1},
    )
    handlers.upsert_contact(db, draft)


def _traces(db: Database) -> list[str]:
    files = [db.path, db.path.with_name("contacts.db-wal")]
    content = b"".join(path.read_bytes() for path in files if path.exists())
    return [secret for secret in SECRETS if secret.encode() in content]


def test_erases_a_deleted_contact_from_all_files(db: Database) -> None:
    for number in range(200):
        handlers.upsert_contact(db, Draft(f"9188{number:08d}", first_name="Other"))
    _store(db)
    handlers.upsert_contact(db, Draft("918856879188", last_name="Prefect"))
    assert _traces(db)
    handlers.delete_contact(db, "918856879188")
    wait_until(lambda: not _traces(db))


def _store_among_others(db: Database, phone: str) -> None:
    """Store a contact among others: pages that split and merge keep copies of it."""
    source = random.Random(2)

    def store_another() -> None:
        number = source.randrange(400)
        handlers.upsert_contact(
            db,
            Draft(
                f"9188{number:08d}",
                first_name="x" * source.randrange(1, 200),
                email=f"{'y' * source.randrange(1, 40)}{number}@example.com",
                tags=tuple(f"t{source.randrange(40)}" for _ in range(3)),
                custom_fields={f"k{source.randrange(10)}": "v" * source.randrange(300)},
            ),
        )

    for number in range(400):
        store_another()
        if number == 100:
            _store(db, phone)


def test_erases_deleted_rows_that_sqlite_moved_to_other_pages(db: Database) -> None:
    _store_among_others(db, "918800000999")
    handlers.delete_contact(db, "918800000999")
    db.settle(20)
    assert not _traces(db)


def test_a_stopping_server_finishes_erasing(
    db: Database, settings: Settings, start_server: StartServer
) -> None:
    _store_among_others(db, "918800000999")
    db.close()
    server = start_server(data=settings.data)
    with server.session() as session:
        url = f"{server.url}/v1/contacts/918800000999"
        assert session.delete(url, timeout=10).status_code == 200
    assert server.stop() == 0
    assert not _traces(db)


def test_waits_for_readers(db: Database) -> None:
    _store(db)
    reader = Database(db.path)
    with reader.snapshot() as snapshot:
        snapshot.execute("SELECT count(*) FROM contacts")
        handlers.delete_contact(db, "918856879188")
        assert not db.truncate_log()
        assert _traces(db)
    reader.close()
    wait_until(lambda: not _traces(db))


def test_writes_continue_while_a_reader_keeps_the_log(db: Database) -> None:
    _store(db)
    reader = Database(db.path)
    with reader.snapshot() as snapshot:
        snapshot.execute("SELECT count(*) FROM contacts")
        handlers.delete_contact(db, "918856879188")
        assert handlers.upsert_contact(db, Draft("14155552671")).created
    reader.close()


def test_truncating_the_log_erases_deleted_rows(db: Database) -> None:
    _store(db)
    with db.transaction() as tx:
        for table in (
            "contacts",
            "contact_tags",
            "custom_field_values",
            "contact_words",
            "changes",
        ):
            tx.execute(f"DELETE FROM {table}")
    assert _traces(db)
    assert db.truncate_log()
    assert not _traces(db)


def test_retries_a_task_until_it_succeeds() -> None:
    outcomes, done = [False, False, True], threading.Event()

    def truncate() -> bool:
        outcome = outcomes.pop(0)
        if not outcomes:
            done.set()
        return outcome

    task = BackgroundTask("test", truncate)
    task.request()
    assert done.wait(10)
    task.wait(10)


def test_retries_a_task_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    def attempt() -> bool:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("Zaphod")
        return True

    task = BackgroundTask("test", attempt)
    for expected in (2, 3):
        task.request()
        task.wait(10)
        assert len(runs) == expected
    assert "A background task failed: test" in caplog.messages


def test_retries_a_failing_task_less_often() -> None:
    started, outcomes = [], [False, False, False, True]

    def attempt() -> bool:
        started.append(time.monotonic())
        return outcomes.pop(0)

    task = BackgroundTask("test", attempt)
    task.request()
    task.wait(20)
    first, second, third = (later - sooner for sooner, later in pairwise(started))
    assert first >= SECONDS_BETWEEN_TRIES
    assert second >= SECONDS_BETWEEN_TRIES * 2
    assert third >= SECONDS_BETWEEN_TRIES * 4


def test_pauses_at_most_as_long_as_the_work_took() -> None:
    started, outcomes = [], [False, True, True]

    def attempt() -> bool:
        started.append(time.monotonic())
        return outcomes.pop(0)

    task = BackgroundTask("test", attempt, rest=20)
    for _ in range(2):
        task.request()
        task.wait(20)
    assert outcomes == []
    assert started[2] - started[1] < SECONDS_BETWEEN_TRIES * 20 / 2


def test_a_request_during_a_run_is_not_lost() -> None:
    started, go_on, runs = threading.Event(), threading.Event(), []

    def truncate() -> bool:
        runs.append(1)
        started.set()
        return go_on.wait(10)

    task = BackgroundTask("test", truncate)
    task.request()
    assert started.wait(10)
    task.request()
    go_on.set()
    wait_until(lambda: len(runs) == 2)


def test_finishes_the_erasure_of_a_killed_process(db: Database) -> None:
    for number in range(200):
        handlers.upsert_contact(db, Draft(f"9188{number:08d}", first_name="Other"))
    _store(db)
    script = (
        "import os, sys; from pathlib import Path; from app.contacts import handlers;"
        "from app.database import background_task; from app.database.sqlite.store import Database;"
        "background_task.BackgroundTask.request = lambda self: os._exit(9);"
        "handlers.delete_contact(Database(Path(sys.argv[1])), '918856879188')"
    )
    killed = subprocess.run([sys.executable, "-c", script, db.path], cwd=ROOT, check=False)
    assert killed.returncode == 9
    due = "SELECT value FROM counters WHERE name = 'erasures_due'"
    assert db.connection().execute(due) == [(1,)]
    db.finish_erasure()
    wait_until(lambda: db.connection().execute(due) == [(0,)] and not _traces(db))
