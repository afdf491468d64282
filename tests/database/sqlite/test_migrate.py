"""A database is migrated to the newest schema in full or not at all."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.database.sqlite import migrate as module
from app.database.sqlite.migrate import APPLICATION_ID, migrate, migrations
from app.errors import StartError

NEWEST = max(migrations())
KILLED_HALF_WAY = """
import os, sys
from itertools import islice
from pathlib import Path
from app.database.sqlite import migrate

def half(sql, whole=migrate._statements):
    yield from islice(whole(sql), 5)
    os._exit(9)

migrate._statements = half
migrate.migrate(Path(sys.argv[1]))
"""
AFTER_A_LINE_OF_INPUT = """
import sys
from pathlib import Path
from app.database.sqlite.migrate import migrate

print("ready", flush=True)
sys.stdin.readline()
migrate(Path(sys.argv[1]))
"""


def _schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as driver:
        return driver.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()


def _pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as driver:
        return driver.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "contacts.db"


@pytest.fixture
def whole(tmp_path: Path) -> list[tuple[str, str]]:
    """The schema of a database after an uninterrupted migration."""
    migrate(tmp_path / "whole.db")
    return _schema(tmp_path / "whole.db")


def test_creates_a_database(path: Path) -> None:
    migrate(path)
    assert _pragma(path, "user_version") == NEWEST
    assert _pragma(path, "application_id") == APPLICATION_ID
    assert _pragma(path, "journal_mode") == "wal"
    assert {"contacts", "tags", "api_keys"} <= {name for name, _ in _schema(path)}
    assert path.stat().st_mode & 0o777 == 0o600


def test_makes_old_contacts_searchable(path: Path) -> None:
    people = [("918856879188", "Łukasz", "O'Neill"), ("918856879189", None, None)]
    with closing(sqlite3.connect(path, isolation_level=None)) as driver:
        for version in (1, 2):
            module._apply_one(driver, version, migrations()[version])
        for phone, first, last in people:
            view = {"phone": phone, "first_name": first, "last_name": last, "email": None}
            driver.execute(
                "INSERT INTO contacts (phone, document, custom_fields, created_at, updated_at) "
                "VALUES (?, ?, '{}', '2026', '2026')",
                (phone, json.dumps(view)),
            )
    migrate(path)
    with closing(sqlite3.connect(path)) as driver:
        assert driver.execute(
            "SELECT first_name_key, last_name_key, email_key, words FROM contacts ORDER BY id"
        ).fetchall() == [("lukasz", "o'neill", None, " lukasz o neill"), (None, None, None, "")]
        assert driver.execute("SELECT word, contact_id FROM contact_words").fetchall() == [
            ("lukasz", 1),
            ("neill", 1),
            ("o", 1),
        ]


def test_numbers_its_migrations_without_a_gap() -> None:
    assert list(migrations()) == list(range(1, NEWEST + 1))


def test_makes_only_strict_tables(path: Path) -> None:
    migrate(path)
    with closing(sqlite3.connect(path)) as driver:
        loose = driver.execute(
            "SELECT name FROM pragma_table_list WHERE NOT strict AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
    assert loose == []


def test_changes_nothing_the_second_time(path: Path) -> None:
    migrate(path)
    before = path.read_bytes()
    migrate(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", list(migrations()))
def test_migrates_from_every_older_version(
    path: Path, version: int, whole: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    older = {number: sql for number, sql in migrations().items() if number <= version}
    with monkeypatch.context() as patched:
        patched.setattr(module, "migrations", lambda: older)
        migrate(path)
    assert _pragma(path, "user_version") == version
    migrate(path)
    assert _schema(path) == whole


def test_accepts_an_empty_file(path: Path, whole: list[tuple[str, str]]) -> None:
    path.touch(mode=0o644)
    migrate(path)
    assert _schema(path) == whole
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_migration_that_fails_half_way_leaves_nothing(
    path: Path, whole: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {1: migrations()[1] + "INSERT INTO nowhere VALUES (1);\n"}
    with monkeypatch.context() as patched:
        patched.setattr(module, "migrations", lambda: broken)
        with pytest.raises(StartError, match="nowhere"):
            migrate(path)
    assert _schema(path) == []
    assert _pragma(path, "user_version") == 0
    migrate(path)
    assert _schema(path) == whole


def test_a_process_killed_half_way_leaves_nothing(path: Path, whole: list[tuple[str, str]]) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_HALF_WAY, str(path)], timeout=60)
    assert killed.returncode == 9
    assert path.exists()
    migrate(path)
    assert _schema(path) == whole


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.soak)])
def test_processes_that_start_at_once_make_one_database(
    tmp_path: Path, whole: list[tuple[str, str]], times: int
) -> None:
    for number in range(times):
        path = tmp_path / f"{number}.db"
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", AFTER_A_LINE_OF_INPUT, str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        errors = [process.communicate(timeout=60)[1] for process in processes]
        assert errors == [""] * len(processes)
        assert {process.returncode for process in processes} == {0}
        assert _schema(path) == whole


def test_refuses_a_newer_database(path: Path) -> None:
    migrate(path)
    with closing(sqlite3.connect(path)) as driver:
        driver.execute(f"PRAGMA user_version = {NEWEST + 1}")
    before = path.read_bytes()
    with pytest.raises(StartError, match=r"install contacts-service .* or newer"):
        migrate(path)
    assert path.read_bytes() == before


def test_refuses_a_network_file_system(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "network_filesystem", lambda folder: "nfs4")
    with pytest.raises(StartError, match="nfs4"):
        migrate(path)
    assert not path.exists()


def test_refuses_an_old_sqlite(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(StartError, match=r"99\.0\.0 or newer"):
        migrate(path)
    assert not path.exists()


def test_splits_a_script_at_its_statements() -> None:
    for sql in migrations().values():
        statements = list(module._statements(sql))
        assert "".join(statements).strip() == sql.strip()
        assert sum("CREATE TRIGGER" in each for each in statements) == sql.count("CREATE TRIGGER")
