"""The schema of PostgreSQL: version and columns as on SQLite, refusals that change nothing."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from app.database import open_store
from app.database.postgres.migrate import migrate, migrations
from app.database.postgres.store import Database
from app.database.sqlite import migrate as sqlite
from app.errors import StartError
from app.settings import load
from app.web.rate_limit import DatabaseRateLimiter
from tests.conftest import FreshStore, wait_until
from tests.database.sqlite.stores import older_store
from tests.postgres import PostgresServer

NO_TABLE = {"schema_version", "counts_due", "limits", "leases"}
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
_WAITING = """
    SELECT pid
    FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
COLUMNS = """
    SELECT table_name, column_name
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name != 'sqlite_sequence'
"""


def test_both_engines_have_the_same_last_version() -> None:
    assert max(migrations()) == max(sqlite.migrations()), (
        "a migration needs a file of the same number in app/database/postgres/migrations"
    )


def test_both_engines_have_the_same_columns(db: Database, tmp_path: Path) -> None:
    with sqlite3.connect(older_store(tmp_path / "a.db", max(sqlite.migrations()))) as driver:
        tables = [name for (name,) in driver.execute(TABLES)]
        expected = {
            (table, column)
            for table in tables
            for (column,) in driver.execute("SELECT name FROM pragma_table_info(?)", (table,))
        }
    driver.close()
    found = {(t, c) for t, c in db.connection().execute(COLUMNS) if t not in NO_TABLE}
    assert found - expected == {("changes", "id")}
    assert expected - found == set()


def test_servers_that_start_together_migrate_once(postgres: PostgresServer) -> None:
    url = postgres.create()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [url] * 4))
    assert postgres.run("SELECT version FROM schema_version", _name(url)) == [(max(migrations()),)]
    postgres.drop(url)


def test_refuses_a_newer_schema(postgres: PostgresServer, settings: object, db: Database) -> None:
    db.connection().execute("UPDATE schema_version SET version = 999")
    db.connection().execute("UPDATE program SET version = '9.1.0'")
    with pytest.raises(StartError, match=r"schema version 999.*contacts-service 9\.1\.0 or newer"):
        migrate(db._url)


def test_requests_that_wait_for_an_upgrade_get_a_response(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """A server of schema 10 counts a request while another one brings the tables to 11."""
    url, known = postgres.create(), migrations()
    for number in range(6, 11):
        postgres.run(known[number], _name(url))
    with (
        closing(Database(url, tmp_path)) as db,
        psycopg.connect(url) as upgrade,
        ThreadPoolExecutor(1) as pool,
    ):
        # The function is planned in the session of the thread.
        pool.submit(DatabaseRateLimiter(db).take, "key", 5).result()
        upgrade.execute("LOCK TABLE limits")
        asked = pool.submit(DatabaseRateLimiter(db).take, "key", 5)
        wait_until(lambda: bool(postgres.run(_WAITING, _name(url))))
        upgrade.execute(known[11].encode())
        upgrade.commit()
        assert asked.result(30).remaining == 3
        pool.submit(db.close).result()
    postgres.drop(url)


def test_a_write_that_was_prepared_before_an_upgrade_runs_again(db: Database) -> None:
    connection = db.connection()
    connection.execute("CREATE TABLE upgraded (n int)")
    for _ in range(10):  # The driver prepares what it runs often.
        connection.execute("SELECT * FROM upgraded")
    with closing(db._open()) as other:
        other.execute("ALTER TABLE upgraded ALTER COLUMN n TYPE text")
    assert db.write(lambda tx: tx.execute("SELECT * FROM upgraded")) == []
    assert db.connection() is not connection


def test_refuses_the_database_of_another_program(postgres: PostgresServer) -> None:
    url = postgres.create()
    postgres.run("CREATE TABLE contacts (name text)", _name(url))
    with pytest.raises(StartError, match="another program"):
        migrate(url)
    assert postgres.run("SELECT to_regclass('schema_version') IS NULL", _name(url)) == [(True,)]
    postgres.drop(url)


def test_reports_an_unreachable_database_without_the_password(postgres: PostgresServer) -> None:
    with pytest.raises(StartError, match=r"cannot use postgresql://who@.*/nowhere") as refused:
        migrate(f"postgresql://who:secret@/nowhere?host={postgres.folder}")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://who:sec/ret@127.0.0.1/db",
        "postgresql://who:7/ret@127.0.0.1/db",
        "postgresql://who:s@cret@127.0.0.1/db",
        "postgresql://who:secret@[::1/db",
        "postgresql://who:sec%zzret@127.0.0.1/db",
        "postgresql://who:secret@127.0.0.1/db?nonsense=1",
    ],
)
def test_shows_nothing_of_a_url_that_it_cannot_read(url: str, tmp_path: Path) -> None:
    for use in (migrate, lambda url: open_store(load({}, data=tmp_path, database_url=url))):
        with pytest.raises(StartError, match="write special characters of its password") as refused:
            use(url)
        assert not re.search("sec|ret", str(refused.value))


def test_refuses_another_encoding(postgres: PostgresServer) -> None:
    postgres.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(StartError, match="encoding LATIN1: create the database with ENCODING"):
        migrate(postgres.url("latin"))
    postgres.drop(postgres.url("latin"))


def test_names_its_engine_with_the_version(db: Database, fresh_store: FreshStore) -> None:
    assert re.match("PostgreSQL [0-9]", db.engine)


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
