"""Checks find every difference between index rows and contacts; the rebuild removes it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.contacts import handlers
from app.contacts.model import Draft
from app.database import Database
from app.database.sqlite.migrate import add_functions
from app.maintenance import index_checks
from app.maintenance.index_checks import unreadable_contacts, wrong_counts, wrong_index_rows
from app.maintenance.index_rebuild import rebuild
from tests.conftest import store_faults
from tests.database.sqlite.stores import nothing

FAULTS = {
    "counters": "UPDATE counters SET value = value + 3 WHERE name IN ('contacts', 'tags')",
    "a counter that is gone": "DELETE FROM counters WHERE name = 'custom_fields'",
    "counts of tags": "UPDATE tags SET contacts = contacts - 1 WHERE name = 'Lead'",
    "counts of custom fields": "UPDATE custom_fields SET strings = 9, numbers = 7",
    "a sort key": "UPDATE contacts SET last_name_key = 'zaphod' WHERE id = 2",
    "words": "UPDATE contacts SET words = ' other' WHERE id = 2",
    "words that are gone": "DELETE FROM contact_words WHERE contact_id < 5",
    "words too many": "INSERT INTO contact_words VALUES ('ghost', 3), ('ghost', 999999)",
    "tags that are gone": "DELETE FROM contact_tags WHERE contact_id < 5",
    "a tag that is gone": "DELETE FROM contact_tags",
    "tags too many": "INSERT INTO contact_tags SELECT id, 999999 FROM tags",
    "a tag of nobody": "INSERT INTO tags (name) VALUES ('ghost')",
    "values that are gone": "DELETE FROM custom_field_values WHERE contact_id < 5",
    "a field that is gone": "DELETE FROM custom_field_values",
    "values too many": "INSERT INTO custom_field_values VALUES (1, 'string', 'ghost', 4)",
    "values of nobody": "INSERT INTO custom_field_values VALUES (1, 'number', 4, 999999)",
    "a value of another type": "UPDATE custom_field_values SET type = 'boolean' WHERE value = 4",
    "a field of nobody": "INSERT INTO custom_fields (key) VALUES ('ghost')",
    "an alias of nobody": "INSERT INTO aliases VALUES ('918856879100', 999999)",
    "an alias that is a contact's": "INSERT INTO aliases SELECT phone, 1 FROM contacts LIMIT 1",
    "a contact that is gone": "DELETE FROM contacts WHERE id = 7",
}


@pytest.fixture
def driver(filled_db: Database) -> Iterator[sqlite3.Connection]:
    filled_db.connection().execute(
        "UPDATE custom_fields SET label = 'Plan', required_type = 'string' WHERE key = 'plan'"
    )
    for tags in (("VIP",), ()):
        draft = Draft("918856879188", "Łukasz", "O'Neill", "l@example.com", tags, {"ok": True})
        handlers.upsert_contact(filled_db, draft)
    filled_db.close()
    with closing(sqlite3.connect(filled_db.path, isolation_level=None)) as driver:
        add_functions(driver)
        yield driver


def _faults(driver: sqlite3.Connection) -> list[str]:
    return wrong_counts(driver) + wrong_index_rows(driver)


def _dump(driver: sqlite3.Connection) -> list[str]:
    """Return what is stored, without counters that a rebuild changes."""
    changed = ("sqlite_sequence", "segments_version")
    return sorted(line for line in driver.iterdump() if not any(each in line for each in changed))


def test_finds_nothing_in_a_sound_store_and_changes_nothing(
    driver: sqlite3.Connection, filled_db: Database
) -> None:
    before = _dump(driver)
    assert unreadable_contacts(driver) == 0
    assert _faults(driver) == []
    rebuild(driver, filled_db.path, nothing)
    assert _dump(driver) == before


@pytest.mark.parametrize("fault", FAULTS)
def test_finds_and_repairs_each_fault(
    driver: sqlite3.Connection, filled_db: Database, fault: str
) -> None:
    driver.execute(FAULTS[fault])
    assert _faults(driver)
    rebuild(driver, filled_db.path, nothing)
    assert _faults(driver) == []
    assert store_faults(filled_db) == []
    assert driver.execute("SELECT label FROM custom_fields WHERE key = 'plan'").fetchall() == [
        ("Plan",)
    ]


def test_repairs_everything_at_once(driver: sqlite3.Connection, filled_db: Database) -> None:
    for statement in FAULTS.values():
        driver.execute(statement.replace("INSERT", "INSERT OR IGNORE", 1))
    rebuild(driver, filled_db.path, nothing)
    assert _faults(driver) == []
    assert store_faults(filled_db) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contacts SET document = substr(document, 2) WHERE id = 3",
        "UPDATE contacts SET custom_fields = '' WHERE id = 3",
        "UPDATE contacts SET document = (SELECT document FROM contacts WHERE id = 4) WHERE id = 3",
        "UPDATE contacts SET created_at = '2020-01-01T00:00:00Z' WHERE id = 3",
    ],
)
def test_finds_documents_that_cannot_be_right(driver: sqlite3.Connection, statement: str) -> None:
    driver.execute(statement)
    assert unreadable_contacts(driver) == 1


def test_no_query_sorts_or_builds_an_index(driver: sqlite3.Connection) -> None:
    """Each query scans one side and looks up the other: its memory does not grow with the store."""
    queries = index_checks._UNUSED | index_checks._INDEX_ROWS
    for name, query in (queries | {"contacts": index_checks._CONTACTS}).items():
        plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert not [each for each in plan if "TEMP B-TREE" in each], name
        assert not [each for each in plan if "AUTOMATIC" in each], name
