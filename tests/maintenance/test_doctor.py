"""Doctor checks a store, reports what is wrong, and fixes counts and index rows."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from app import clock
from app.contacts import handlers
from app.contacts.model import Draft
from app.database import Database
from app.database.sqlite.locks import InUseLock, absence
from app.errors import StartError
from app.maintenance.doctor import Finding, check_sqlite, examine, has_log_bug
from app.maintenance.exclusive import exclusive
from tests.conftest import SOME, store_faults
from tests.database.sqlite.stores import change, damage, nothing, older_store, other_program

CHECKS = [
    *("schema", "integrity", "contacts"),
    *("counters", "search", "segments", "values", "clock"),
]


def _examined(path: Path) -> dict[str, Finding]:
    return {each.check: each for each in examine(path, fix=False, progress=nothing)}


def _fixed(path: Path) -> list[Finding]:
    with exclusive(path, "contacts doctor --fix"):
        return list(examine(path, fix=True, progress=nothing))


def _problems(found: dict[str, Finding]) -> list[str]:
    return [name for name, each in found.items() if each.state == "problem"]


def test_finds_nothing_in_a_sound_store_that_is_in_use(filled_db: Database) -> None:
    handlers.upsert_contact(filled_db, Draft("918856879188"))
    found = _examined(filled_db.path)
    assert list(found) == CHECKS
    assert {each.state for each in found.values()} == {"ok"}
    assert f"{SOME + 1:,} contacts" in found["counters"].text
    assert not any(each.advice for each in found.values())


def test_finds_and_fixes_wrong_counts(filled_db: Database) -> None:
    filled_db.close()
    path = change(
        filled_db.path,
        "UPDATE counters SET value = 5 WHERE name = 'contacts'",
        "DELETE FROM contact_words WHERE contact_id = 1",
    )
    found = _examined(path)
    assert _problems(found) == ["counters", "search"]
    assert all(found[name].advice == "contacts doctor --fix" for name in ("counters", "search"))
    states = [(each.check, each.state) for each in _fixed(path)]
    assert states[3:] == [
        ("counters", "problem"),
        ("search", "problem"),
        ("segments", "ok"),
        ("values", "ok"),
        ("fix", "ok"),
        ("counters", "ok"),
        ("search", "ok"),
        ("segments", "ok"),
        ("values", "ok"),
        ("clock", "ok"),
    ]
    assert store_faults(path) == []
    assert "fix" not in {each.check for each in _fixed(path)}


def test_refuses_to_fix_a_store_that_is_in_use(filled_db: Database) -> None:
    assert filled_db.connection()
    with pytest.raises(StartError, match="is in use: stop the server"):
        _fixed(filled_db.path)


def test_reports_damage_and_changes_nothing(filled_folder: Path) -> None:
    path = filled_folder / "contacts.db"
    damage(path)
    before = path.read_bytes()
    found = _fixed(path)
    assert found[-1].state == "problem"
    assert "restore a backup" in found[-1].advice
    assert path.read_bytes() == before


def test_finds_pages_that_no_table_or_index_uses(filled_db: Database) -> None:
    filled_db.close()
    with closing(sqlite3.connect(filled_db.path, isolation_level=None)) as driver:
        driver.execute("PRAGMA writable_schema = ON")
        driver.execute("DELETE FROM sqlite_schema WHERE name = 'contacts_by_email'")
    assert _problems(_examined(filled_db.path)) == ["integrity"]


def test_finds_a_document_that_cannot_be_read(filled_db: Database) -> None:
    filled_db.close()
    change(filled_db.path, "UPDATE contacts SET document = '{' WHERE id = 1")
    found = _examined(filled_db.path)
    assert list(found) == ["schema", "integrity", "contacts"]
    assert "restore a backup" in found["contacts"].advice


@pytest.mark.parametrize("content", [b"garbage" * 2_000, b"", b"SQLite format 3\x00"])
def test_reports_a_file_that_is_not_a_store(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "contacts.db"
    path.write_bytes(content)
    [problem] = _problems(_examined(path))
    assert problem in ("store", "schema")


def test_names_the_database_of_another_program(tmp_path: Path) -> None:
    found = _examined(other_program(tmp_path / "contacts.db"))
    assert list(found) == ["schema"]
    assert "another program" in found["schema"].text


def test_reports_an_outdated_schema(tmp_path: Path, filled_db: Database) -> None:
    older = _examined(older_store(tmp_path / "older.db", 2))
    assert (older["schema"].state, older["integrity"].state) == ("warning", "ok")
    assert "contacts serve" in older["schema"].advice
    filled_db.close()
    newer = _examined(change(filled_db.path, "PRAGMA user_version = 999"))
    assert _problems(newer) == ["schema"]
    assert "or newer" in newer["schema"].advice


def test_names_a_store_without_a_log(filled_db: Database) -> None:
    filled_db.close()
    found = _examined(change(filled_db.path, "PRAGMA journal_mode = DELETE"))
    assert found["schema"].state == "warning"
    assert list(found) == CHECKS


def test_finds_a_clock_that_is_behind_the_store(filled_db: Database) -> None:
    filled_db.close()
    later = clock.timestamp(clock.now() + timedelta(hours=2))
    change(filled_db.path, f"UPDATE contacts SET updated_at = '{later}' WHERE id = 1")
    found = _examined(filled_db.path)
    assert _problems(found) == ["clock"]
    assert later in found["clock"].text
    soon = clock.timestamp(clock.now() + timedelta(seconds=60))
    change(filled_db.path, f"UPDATE contacts SET updated_at = '{soon}' WHERE id = 1")
    assert _problems(_examined(filled_db.path)) == []


def test_reports_a_running_restore(filled_db: Database) -> None:
    filled_db.close()
    with absence(filled_db.path):
        found = _examined(filled_db.path)
    assert found["store"].text == "The store is being restored."
    with closing(InUseLock(filled_db.path)):
        assert _problems(_examined(filled_db.path)) == []


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_warns_of_sqlite_versions_with_the_log_bug(version: tuple[int, ...], has_it: bool) -> None:
    assert has_log_bug(version) == has_it
    assert check_sqlite(version).state == ("warning" if has_it else "ok")


def test_refuses_a_sqlite_that_is_too_old() -> None:
    assert check_sqlite((3, 36, 0)).state == "problem"
