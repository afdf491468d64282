"""Doctor finds wrong and missing members of segments, and rebuilds them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask.testing import FlaskClient

from app.database.sqlite.migrate import add_functions
from app.database.sqlite.store import Database
from app.maintenance.index_rebuild import rebuild
from app.maintenance.segment_checks import connection_of, wrong_segments
from tests.conftest import run_contacts
from tests.database.sqlite.stores import nothing
from tests.segments.conftest import PLAN_PRO, VIP

pytestmark = pytest.mark.sqlite

FAULTS = {
    "a member too many": "INSERT INTO segment_members SELECT id, 2 FROM segments",
    "a member that is gone": "DELETE FROM segment_members WHERE contact_id = 1",
    "no members": "DELETE FROM segment_members",
    "a member that does not exist": "INSERT INTO segment_members SELECT id, 99 FROM segments",
    "no moments": "DELETE FROM segment_moments",
    "a moment that is too late": "UPDATE segment_moments SET at = at + 1 WHERE contact_id = 2",
    "a count": "UPDATE segments SET contacts = contacts + 1",
    "another member that is gone": "DELETE FROM segment_members WHERE contact_id = 3",
}


@pytest.fixture
def store(client: FlaskClient, db: Database) -> Database:
    """Four contacts, every second a VIP."""
    client.put("/v1/segments/VIP", json={"filter": VIP})
    client.put("/v1/segments/pro", json={"filter": PLAN_PRO})
    recent = {"field": "created_at", "op": "gte", "value": "-1h"}
    client.put("/v1/segments/recent", json={"filter": {"all": [recent, VIP]}})
    for number in range(4):
        tags = ["VIP"] if number % 2 == 0 else []
        client.post("/v1/contacts", json={"phone": f"91885687910{number}", "tags": tags})
    return db


@pytest.fixture
def driver(store: Database) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as driver:
        add_functions(driver)
        yield driver


def faults(driver: sqlite3.Connection) -> list[str]:
    return wrong_segments(connection_of(driver))


def test_finds_nothing_wrong(driver: sqlite3.Connection) -> None:
    assert faults(driver) == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_finds_and_repairs_damage(store: Database, driver: sqlite3.Connection, fault: str) -> None:
    driver.execute(fault)
    assert faults(driver)
    store.close()
    rebuild(driver, store.path, nothing)
    assert faults(driver) == []
    [(events,)] = driver.execute("SELECT count(*) FROM changes WHERE event LIKE 'segment.%'")
    assert events == 4


def test_ignores_members_whose_change_by_time_is_pending(driver: sqlite3.Connection) -> None:
    """Their moment came while the server was stopped."""
    driver.execute("UPDATE segment_moments SET at = 1")
    driver.execute("DELETE FROM segment_members WHERE segment_id = 3 AND contact_id = 1")
    driver.execute("UPDATE segments SET contacts = contacts - 1 WHERE id = 3")
    assert faults(driver) == []


def test_doctor_reports_missing_members(store: Database, driver: sqlite3.Connection) -> None:
    driver.execute("DELETE FROM segment_members WHERE contact_id = 1")
    store.close()
    found = run_contacts("doctor", "--data", str(store.path.parent))
    assert found.returncode == 1
    assert "1 contact in VIP" in found.stdout + found.stderr
