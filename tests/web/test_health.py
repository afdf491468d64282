"""`/healthz` and `/readyz`."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from flask.testing import FlaskClient

from app.database import Database


@pytest.fixture
def version(db: Database) -> Iterator[Callable[[], int]]:
    """Return a number that changes with each write to the database file."""
    with closing(sqlite3.connect(db.path)) as reader:
        yield lambda: reader.execute("PRAGMA data_version").fetchone()[0]


def set_last_check(db: Database, instant: float) -> None:
    with db.transaction() as tx:
        tx.execute("UPDATE readiness SET checked_at = :instant", {"instant": instant})


def last_check(db: Database) -> float:
    [(instant,)] = db.connection().execute("SELECT checked_at FROM readiness")
    return float(instant)


def test_is_alive_without_a_key(anonymous: FlaskClient) -> None:
    response = anonymous.get("/healthz")
    assert (response.status_code, response.get_json()) == (
        200,
        {"success": True, "status": "alive"},
    )


def test_is_ready_without_a_key(anonymous: FlaskClient) -> None:
    response = anonymous.get("/readyz")
    assert (response.status_code, response.get_json()) == (
        200,
        {"success": True, "status": "ready"},
    )


@pytest.mark.sqlite
def test_is_alive_without_a_store(anonymous: FlaskClient, db: Database) -> None:
    db.close()
    db.path.unlink()
    assert anonymous.get("/healthz").status_code == 200


def test_readiness_writes_to_the_store(anonymous: FlaskClient, db: Database) -> None:
    started = time.time()
    anonymous.get("/readyz")
    assert started <= last_check(db) <= time.time()


@pytest.mark.sqlite
def test_readiness_writes_once_a_second(
    anonymous: FlaskClient, db: Database, version: Callable[[], int]
) -> None:
    set_last_check(db, time.time())
    before = version()
    for _ in range(5):
        assert anonymous.get("/readyz").status_code == 200
    assert version() == before
    set_last_check(db, time.time() - 1.1)
    before = version()
    anonymous.get("/readyz")
    assert version() != before


def test_readiness_survives_a_clock_set_back(anonymous: FlaskClient, db: Database) -> None:
    set_last_check(db, time.time() + 86_400)
    assert anonymous.get("/readyz").status_code == 200
    assert last_check(db) <= time.time()


@pytest.mark.sqlite
def test_is_not_ready_without_a_store(anonymous: FlaskClient, db: Database) -> None:
    db.close()
    db.path.unlink()
    response = anonymous.get("/readyz")
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "unavailable")
    assert "Retry-After" in response.headers


@pytest.mark.sqlite
def test_is_not_ready_without_a_data_folder(anonymous: FlaskClient, db: Database) -> None:
    db.close()
    db.path.parent.rename(db.path.parent.with_suffix(".away"))
    assert anonymous.get("/readyz").status_code == 503


@pytest.mark.sqlite
def test_is_not_ready_where_it_cannot_write(anonymous: FlaskClient, db: Database) -> None:
    set_last_check(db, 0)
    db.connection().execute("PRAGMA query_only = ON")
    response = anonymous.get("/readyz")
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "unavailable")
