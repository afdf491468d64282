"""The sweep that deletes a custom field, and its races."""

import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

from app.contacts.handlers import get_contact, upsert_contact
from app.contacts.model import Draft
from app.custom_fields import handlers, store
from app.database.sqlite.store import Database
from app.errors import NotFound
from app.serving.startup import finish_sweeps
from tests.conftest import (
    MANY,
    SOME,
    StartServer,
    store_faults,
    tables_with,
    wait_for_workers,
    wait_until,
)


def _start(db: Database, key: str) -> None:
    """Begin a deletion as a process does that is killed after its first batch."""
    db.write(lambda tx: handlers._start(tx, key=key))
    assert len(store.list_sweeps(db.connection())) == 1


def _counts(db: Database) -> dict[str, int]:
    fields = store.list_custom_fields(db.connection(), limit=9, offset=0)
    return {field.key: field.contacts for field in fields}


def _finish(db: Database) -> None:
    finish_sweeps(db)
    wait_until(lambda: store.list_sweeps(db.connection()) == [])


@pytest.mark.parametrize("key", ["plan", "n"])
def test_deletes_a_field_from_all_contacts(filled_db: Database, key: str) -> None:
    assert handlers.delete_custom_field(filled_db, key) == SOME
    assert _counts(filled_db) == {other: SOME for other in ("plan", "n") if other != key}
    assert store.list_sweeps(filled_db.connection()) == []
    assert store_faults(filled_db) == []


@pytest.mark.parametrize("key", ["plan", "n"])
def test_finishes_an_interrupted_sweep_in_the_background(filled_db: Database, key: str) -> None:
    _start(filled_db, key)
    assert 0 < _counts(filled_db)[key] < SOME
    assert store_faults(filled_db) == []
    _finish(filled_db)
    assert key not in _counts(filled_db)
    assert store_faults(filled_db) == []


def test_a_repeated_request_continues_the_sweep(filled_db: Database) -> None:
    _start(filled_db, "plan")
    left = _counts(filled_db)["plan"]
    assert handlers.delete_custom_field(filled_db, "plan") == left
    assert "plan" not in _counts(filled_db)


def test_concurrent_requests_run_the_task_once(filled_db: Database) -> None:
    others = [Database(filled_db.path) for _ in range(3)]

    def ask(db: Database) -> int:
        with closing(db), suppress(NotFound):  # A request after the deletion finds no such field.
            return handlers.delete_custom_field(db, "plan")
        return 0

    _start(filled_db, "plan")
    with ThreadPoolExecutor(3) as clients:
        answers = list(clients.map(ask, others))
    assert all(changed < SOME for changed in answers) and any(answers)
    assert _counts(filled_db) == {"n": SOME}
    assert store_faults(filled_db) == []


def test_keeps_values_of_contacts_created_during_the_deletion(filled_db: Database) -> None:
    _start(filled_db, "plan")
    upsert_contact(filled_db, Draft("448888888888", custom_fields={"plan": "pro"}))
    upsert_contact(filled_db, Draft("910000000900", custom_fields={"plan": "zero"}))
    _finish(filled_db)
    assert get_contact(filled_db, "448888888888").custom_fields == {"plan": "pro"}
    assert get_contact(filled_db, "910000000900").custom_fields == {"n": 900}
    assert _counts(filled_db)["plan"] == 1
    assert store_faults(filled_db) == []


def test_keeps_a_pin_set_during_the_deletion(filled_db: Database) -> None:
    _start(filled_db, "plan")
    handlers.pin_custom_field(filled_db, "plan", label="Plan", required_type=None)
    _finish(filled_db)
    assert _counts(filled_db)["plan"] == 0
    assert handlers.delete_custom_field(filled_db, "plan") == 0
    assert "plan" not in _counts(filled_db)
    assert store_faults(filled_db) == []


@pytest.mark.sqlite
def test_a_deleted_field_remains_only_in_the_journal(db: Database) -> None:
    fields = {"pan-galactic": "Betelgeuse-Five"}
    upsert_contact(db, Draft("918856879188", custom_fields=fields))
    handlers.delete_custom_field(db, "pan-galactic")
    log = db.path.with_name("contacts.db-wal")
    wait_until(lambda: log.stat().st_size == 0)
    for secret in ("pan-galactic", "Betelgeuse-Five"):
        assert tables_with(db, secret) == {"changes"}


def _is_half_way(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as driver:
        return driver.execute("SELECT 1 FROM custom_field_sweeps").fetchall() != []


@pytest.mark.soak
def test_a_killed_server_finishes_its_deletion_when_started_again(
    start_server: StartServer, large_folder: Path
) -> None:
    server = start_server(data=large_folder)
    wait_for_workers(server)

    def delete() -> None:
        with server.session() as session, pytest.raises(requests.ConnectionError):
            session.delete(f"{server.url}/v1/custom-fields/n", timeout=60)

    with ThreadPoolExecutor(1) as client:
        deleted = client.submit(delete)
        while not _is_half_way(large_folder / "contacts.db"):
            assert not deleted.done()
        server.stop(signal.SIGKILL)
        deleted.result()
    assert _is_half_way(large_folder / "contacts.db")
    again = start_server(data=large_folder)
    wait_until(lambda: not _is_half_way(large_folder / "contacts.db"))
    [field] = again.get("/v1/custom-fields").json()["custom_fields"]
    assert (field["key"], field["contacts"]) == ("plan", MANY)
    again.stop()
    assert store_faults(large_folder / "contacts.db") == []
