"""Sweeps of tags: other writers are not blocked, and a kill loses nothing."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from app.contacts import sweeps
from app.contacts.handlers import edit_contact, get_contact, upsert_contact
from app.contacts.model import Draft, add_tags, remove_tag
from app.database import Connection
from app.database.sqlite.store import Database
from app.errors import NotFound, Unavailable
from app.serving.startup import ResumeSweeps, finish_sweeps
from app.tags import handlers, store
from tests.conftest import (
    MANY,
    SOME,
    RunningServer,
    StartServer,
    store_faults,
    tables_with,
    wait_for_workers,
    wait_until,
)


def _start(db: Database, name: str, new_name: str | None) -> None:
    """Begin a change as a process does that is killed after its first batch."""
    db.write(lambda tx: handlers._start(tx, name=name, new_name=new_name))
    assert [each.name for each in store.list_sweeps(db.connection())] == [name]


def _counts(db: Database) -> dict[str, int]:
    return {tag.name: tag.contacts for tag in store.list_tags(db.connection(), limit=9, offset=0)}


def _other_documents(db: Database) -> int:
    """Count the contacts whose document has other tags than Lead and Gold."""
    [(count,)] = db.connection().execute(
        "SELECT count(*) FROM contacts WHERE json_extract(document, '$.tags') != :tags",
        {"tags": '["Lead","Gold"]'},
    )
    return int(count)


@pytest.mark.soak
def test_other_requests_write_during_a_rename_of_many_contacts(large_folder: Path) -> None:
    large_db = Database(large_folder / "contacts.db")
    waits: list[float] = []
    finished = threading.Event()

    def write() -> None:
        other = Database(large_db.path)
        while not finished.is_set():
            started = time.monotonic()
            upsert_contact(other, Draft(f"44{len(waits):010d}", tags=("Gold",)))
            waits.append(time.monotonic() - started)
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    count, changed = handlers.rename_tag(large_db, "VIP", "Gold")
    finished.set()
    writer.join()
    assert changed == MANY <= count
    assert len(waits) > 10
    assert max(waits) < 1.0
    assert _counts(large_db) == {"Gold": MANY + len(waits), "Lead": MANY}
    assert store_faults(large_db) == []
    large_db.close()


def test_batches_have_at_most_the_largest_size(
    filled_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(
        handlers,
        "edit_contacts",
        lambda tx, ids, *rest: sizes.append(len(ids)) or sweeps.edit_contacts(tx, ids, *rest),  # type: ignore[func-returns-value]
    )
    handlers.delete_tag(filled_db, "VIP")
    assert sum(sizes) == SOME
    assert max(sizes) <= sweeps.LARGEST_BATCH


def test_finishes_an_interrupted_sweep_in_the_background(filled_db: Database) -> None:
    _start(filled_db, "VIP", "Gold")
    assert _counts(filled_db)["Gold"] == sweeps.FIRST_BATCH
    assert store_faults(filled_db) == []
    finish_sweeps(filled_db)
    wait_until(lambda: _counts(filled_db) == {"Lead": SOME, "Gold": SOME})
    wait_until(lambda: store.list_sweeps(filled_db.connection()) == [])
    assert _other_documents(filled_db) == 0
    assert store_faults(filled_db) == []


def test_resumes_only_sweeps_that_make_no_progress(filled_db: Database) -> None:
    resume = ResumeSweeps()
    _start(filled_db, "VIP", "Gold")
    resume(filled_db)
    [pending] = store.list_sweeps(filled_db.connection())
    filled_db.write(lambda tx: handlers._run_batch(pending.tag_id, tx, 20))
    resume(filled_db)
    assert "tags" not in [each.name for each in threading.enumerate()]
    resume(filled_db)
    wait_until(lambda: store.list_sweeps(filled_db.connection()) == [])
    assert _other_documents(filled_db) == 0


def test_several_processes_can_finish_the_same_sweep(filled_db: Database) -> None:
    _start(filled_db, "VIP", "Gold")
    others = [Database(filled_db.path) for _ in range(3)]

    def ask(db: Database) -> tuple[int, int] | None:
        try:
            return handlers.rename_tag(db, "VIP", "Gold")
        except NotFound:  # The others had finished by its turn.
            return None
        finally:
            db.close()

    with ThreadPoolExecutor(3) as clients:
        with Database(filled_db.path).transaction():  # Until all of them wait to write.
            finish_sweeps(filled_db)
            asked = [clients.submit(ask, other) for other in others]
            wait_until(lambda: all(other._group._led for other in others))
        answers = [answer for each in asked if (answer := each.result())]
    assert {count for count, _ in answers} == {SOME}
    assert all(0 < changed < SOME for _, changed in answers)
    assert _counts(filled_db) == {"Lead": SOME, "Gold": SOME}
    assert _other_documents(filled_db) == 0
    assert store_faults(filled_db) == []


def test_reports_a_deletion_whose_last_contact_loses_the_tag_during_the_sweep(
    filled_db: Database,
) -> None:
    _start(filled_db, "VIP", None)
    with filled_db.transaction() as tx:
        tx.execute("DELETE FROM contact_tags WHERE tag_id = (SELECT tag_id FROM tag_sweeps)")
    assert store.find_tag(filled_db.connection(), "VIP") is None
    finish_sweeps(filled_db)
    wait_until(lambda: store.list_sweeps(filled_db.connection()) == [])
    query = "SELECT data FROM changes WHERE event = 'tag.deleted'"
    assert filled_db.connection().execute(query) == [('{"name":"VIP"}',)]


def test_a_repeated_request_continues_the_sweep(filled_db: Database) -> None:
    _start(filled_db, "VIP", "Gold")
    assert handlers.rename_tag(filled_db, "VIP", "Gold") == (SOME, SOME - sweeps.FIRST_BATCH)
    with pytest.raises(NotFound):
        handlers.rename_tag(filled_db, "VIP", "Gold")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda db: handlers.rename_tag(db, "Gold", "Silver"), {"Silver"}),
        (lambda db: handlers.rename_tag(db, "Lead", "VIP"), {"Gold", "VIP"}),
        (lambda db: handlers.rename_tag(db, "Gold", "VIP"), {"VIP"}),
        (lambda db: handlers.delete_tag(db, "Gold"), set()),
    ],
    ids=["chain", "into the old name", "back", "delete the new"],
)
def test_changes_of_one_tag_are_serialised(
    filled_db: Database, change: Callable[[Database], object], expected: set[str]
) -> None:
    _start(filled_db, "VIP", "Gold")
    change(filled_db)
    assert {name for name in _counts(filled_db) if name != "Lead"} == expected
    assert store_faults(filled_db) == []


def test_a_tag_that_is_being_renamed_is_not_found(filled_db: Database) -> None:
    _start(filled_db, "VIP", "Gold")
    with pytest.raises(NotFound):
        handlers.delete_tag(filled_db, "VIP")
    assert _counts(filled_db) == {"Lead": SOME, "Gold": SOME}


def test_keeps_changes_of_contacts_made_during_the_sweep(filled_db: Database) -> None:
    _start(filled_db, "VIP", "Gold")
    done, ahead, gone, new = "910000000000", "910000000900", "910000000901", "448888888888"
    edit_contact(filled_db, done, lambda before, now: add_tags(before, ("VIP",), now))
    edit_contact(filled_db, ahead, lambda before, now: add_tags(before, ("Gold",), now))
    edit_contact(filled_db, gone, lambda before, now: remove_tag(before, "VIP", now))
    upsert_contact(filled_db, Draft(new, tags=("VIP",)))
    finish_sweeps(filled_db)
    wait_until(lambda: store.list_sweeps(filled_db.connection()) == [])
    tags = [get_contact(filled_db, phone).tags for phone in (done, ahead, gone, new)]
    # Contacts that got the old name after their batch, or were created with it, keep it.
    assert tags == [("Lead", "Gold", "VIP"), ("Lead", "Gold"), ("Lead",), ("VIP",)]
    assert _counts(filled_db)["VIP"] == 2
    assert store_faults(filled_db) == []


def test_finishes_a_rename_in_the_background_after_a_failure(
    filled_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(tx: Connection, *_: object) -> None:
        raise Unavailable("busy")

    with monkeypatch.context() as patched:
        patched.setattr(sweeps, "in_batches", busy)
        with pytest.raises(Unavailable):
            handlers.rename_tag(filled_db, "VIP", "Gold")
    wait_until(lambda: _counts(filled_db) == {"Lead": SOME, "Gold": SOME})
    wait_until(lambda: store.list_sweeps(filled_db.connection()) == [])
    assert store_faults(filled_db) == []


@pytest.mark.sqlite
def test_a_renamed_tag_remains_only_in_the_journal(db: Database) -> None:
    upsert_contact(db, Draft("918856879188", tags=("Betelgeuse-Five",)))
    handlers.rename_tag(db, "Betelgeuse-Five", "Earth")
    log = db.path.with_name("contacts.db-wal")
    wait_until(lambda: log.stat().st_size == 0)
    assert tables_with(db, "Betelgeuse-Five") == {"changes"}


def _is_half_way(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as driver:
        return driver.execute("SELECT 1 FROM tag_sweeps WHERE position > 500").fetchall() != []


def _rename_until_killed(server: RunningServer, kill: Callable[[], object]) -> None:
    def rename() -> None:
        with server.session() as session, pytest.raises(requests.ConnectionError):
            session.patch(f"{server.url}/v1/tags/VIP", json={"name": "Gold"}, timeout=60)

    with ThreadPoolExecutor(1) as client:
        renamed = client.submit(rename)
        while not _is_half_way(server.data / "contacts.db"):
            assert not renamed.done()
        kill()
        renamed.result()


def _tags(server: RunningServer) -> dict[str, int]:
    return {tag["name"]: tag["contacts"] for tag in server.get("/v1/tags").json()["tags"]}


@pytest.mark.soak
def test_a_killed_server_finishes_its_rename_when_started_again(
    start_server: StartServer, large_folder: Path
) -> None:
    server = start_server(data=large_folder)
    wait_for_workers(server)
    _rename_until_killed(server, lambda: server.stop(signal.SIGKILL))
    assert _is_half_way(large_folder / "contacts.db")
    assert store_faults(large_folder / "contacts.db") == []
    again = start_server(data=large_folder)
    wait_until(lambda: _tags(again) == {"Gold": MANY, "Lead": MANY})
    again.stop()
    assert store_faults(large_folder / "contacts.db") == []


@pytest.mark.soak
def test_a_killed_worker_leaves_its_rename_to_the_next(
    start_server: StartServer, large_folder: Path
) -> None:
    server = start_server("--workers", "1", data=large_folder)
    wait_for_workers(server, 1)
    _rename_until_killed(server, lambda: os.kill(server.workers()[0], signal.SIGKILL))
    wait_until(lambda: _tags(server) == {"Gold": MANY, "Lead": MANY})
    assert store_faults(large_folder / "contacts.db") == []
