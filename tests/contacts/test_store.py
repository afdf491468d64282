"""The SQL of contacts: what it stores, that it uses indexes, that counters are exact."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, product
from pathlib import Path

import pytest

from app.api_keys import store as api_keys
from app.api_keys.model import ApiKey, digest
from app.contacts import store
from app.contacts.handlers import upsert_contact
from app.contacts.model import Contact, Draft, FieldValue
from app.contacts.store import Save
from app.contacts.writer import upsert_edit, write_edits
from app.database import Database
from app.database.sqlite.connection import Connection, Parameters, Row
from app.search import store as lists

PRIYA = Contact(
    "918856879188",
    created_at="2026-06-02T08:00:00Z",
    updated_at="2026-06-02T09:00:00Z",
    first_name="Priya",
    last_name=None,
    email="priya@example.com",
    tags=("VIP", "Lead"),
    custom_fields={"plan": "pro", "age": 30, "score": 1.5, "active": True},
)
ASHA = PRIYA._replace(phone="919000000001", first_name="Asha", tags=("Lead",), custom_fields={})
# Scans of few rows: at most 100 of a page, 400 given values, one of a list and its first id. The
# index contacts_by_id has ids only.
BOUNDED = re.compile(
    r"SCAN (\(subquery|page$|tag_sweeps$|given|(listed|first)$|CONSTANT ROW$|\d+ CONSTANT ROWS"
    r"|(word|json_each|asked) VIRTUAL TABLE|sqlite_sequence$"
    r"|contacts USING COVERING INDEX contacts_by_id)"
)


class Recorder(Connection):
    """A connection of its own that keeps the query plan of each statement before it runs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.plans: dict[str, list[str]] = {}

    def execute(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        self._keep_plan(sql, parameters)
        return super().execute(sql, parameters)

    def change(self, sql: str, parameters: Parameters) -> int:
        self._keep_plan(sql, parameters)
        return super().change(sql, parameters)

    def change_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        for row in rows[:1]:
            self._keep_plan(sql, row)
        super().change_many(sql, rows)

    def _keep_plan(self, sql: str, parameters: Parameters | None) -> None:
        plan = super().execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        self.plans[" ".join(sql.split())] = [detail for *_, detail in plan]


@pytest.fixture
def recorder(db: Database) -> Iterator[Recorder]:
    with closing(Recorder(db.path)) as recorder:
        yield recorder


def insert(db: Database, *contacts: Contact) -> None:
    with db.transaction() as tx:
        store.insert_contacts(tx, contacts)


def update(tx: Connection, after: Contact) -> None:
    """Update a stored contact with the statements that `write_edits` runs."""
    known = store.look_up(tx, [after.phone], after.custom_fields, after.tags)
    store.save(tx, [Save(known.contacts[after.phone], after, store.columns(after))], known)


def assert_indexed(plans: Mapping[str, list[str]], orderly: str = "?") -> None:
    """Fail if a step sorts, or scans a whole table other than in the order of a page."""
    for sql, plan in plans.items():
        for step in plan:
            assert "TEMP B-TREE" not in step, sql
            allowed = BOUNDED.match(step) or step.startswith(f"SCAN {orderly}")
            assert allowed or not step.startswith("SCAN"), (step, sql)


def test_finds_inserted_contacts_by_phone(db: Database) -> None:
    insert(db, PRIYA, ASHA)
    assert store.find_contact(db.connection(), PRIYA.phone) == PRIYA
    assert store.find_contact(db.connection(), ASHA.phone) == ASHA
    assert store.find_contact(db.connection(), "910000000000") is None


def test_returns_the_types_that_were_stored(db: Database) -> None:
    insert(db, PRIYA)
    found = store.find_contact(db.connection(), PRIYA.phone)
    assert found
    assert {key: type(value) for key, value in found.custom_fields.items()} == {
        "plan": str,
        "age": int,
        "score": float,
        "active": bool,
    }


def test_updates_a_contact(db: Database) -> None:
    after = PRIYA._replace(
        last_name="Rao",
        tags=("New", "VIP"),
        custom_fields={"plan": "free", "age": "30", "score": 1.5, "active": 1},
        updated_at="2026-06-03T08:00:00Z",
    )
    insert(db, PRIYA, ASHA)
    with db.transaction() as tx:
        update(tx, after)
    assert store.find_contact(db.connection(), PRIYA.phone) == after
    assert store.find_contact(db.connection(), ASHA.phone) == ASHA


def test_a_tag_without_contacts_is_not_listed(db: Database) -> None:
    insert(db, PRIYA, ASHA)
    with db.transaction() as tx:
        update(tx, PRIYA._replace(tags=()))
    assert db.connection().execute("SELECT name, contacts FROM tags") == [("Lead", 1)]


def test_a_field_without_contacts_is_not_listed(db: Database) -> None:
    insert(db, PRIYA)
    with db.transaction() as tx:
        update(tx, PRIYA._replace(custom_fields={"age": 30}))
    assert db.connection().execute("SELECT key, numbers FROM custom_fields") == [("age", 1)]


def test_reads_use_an_index(db: Database, recorder: Recorder) -> None:
    insert(db, PRIYA, ASHA)
    store.find_contact(recorder, PRIYA.phone)
    for tag, offset in product((None, "Lead"), (0, 1)):
        for names in ((), ("custom_fields",), ("updated_at",), ("custom_fields", "updated_at")):
            include = frozenset(names)
            lists.list_contacts(recorder, tag=tag, limit=20, offset=offset, include=include)
    assert len(recorder.plans) == 17
    assert_indexed(recorder.plans)


def test_writes_use_an_index(recorder: Recorder) -> None:
    after = PRIYA._replace(
        last_name="Rao", tags=("VIP", "New"), custom_fields={"plan": "free", "new": False}
    )
    store.insert_contacts(recorder, [PRIYA])
    update(recorder, after)
    for table in (
        "contacts",
        "contact_tags",
        "tags",
        "custom_field_values",
        "custom_fields",
        "contact_words",
    ):
        assert any(f"INTO {table} " in sql for sql in recorder.plans)
    assert_indexed(recorder.plans)


def test_deletes_search_the_rows_of_one_contact(recorder: Recorder) -> None:
    store.insert_contacts(recorder, [PRIYA])
    after = PRIYA._replace(email=None, tags=(), custom_fields={"plan": "free"})
    update(recorder, after)
    for table in ("contact_tags", "custom_field_values", "contact_words"):
        plans = [plan for sql, plan in recorder.plans.items() if f"DELETE FROM {table} " in sql]
        searches = [step for step in chain(*plans) if step.startswith(f"SEARCH {table} ")]
        assert searches and all("contact_id=?" in step for step in searches), searches


def test_known_tags_and_fields_take_one_statement_each(db: Database, recorder: Recorder) -> None:
    insert(db, PRIYA)
    draft = Draft("919000000002", "Priya", None, PRIYA.email, PRIYA.tags, PRIYA.custom_fields)
    write_edits(recorder, [upsert_edit(draft)])
    tables = ("contacts", "contact_words", "contact_tags", "custom_field_values", "changes")
    # Listeners, which this process may have, have statements of their own.
    own = [sql for sql in recorder.plans if not re.search("segment|FROM tag_sweeps|new_name", sql)]
    read, *inserts = own
    assert read.startswith("SELECT 'contact'")
    assert [sql.split()[:3] for sql in inserts] == [["INSERT", "INTO", name] for name in tables]


@pytest.mark.sqlite
def test_triggers_use_an_index(db: Database) -> None:
    found = db.connection().execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")
    plans = {}
    for (trigger,) in found:
        body = trigger.partition("BEGIN")[2].rpartition("END")[0]
        for sql in filter(str.strip, body.split(";")):
            sql = re.sub(r"\b(?:NEW|OLD)\.(\w+)", r"1", sql)
            plans[sql] = [row[-1] for row in db.connection().execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert len(plans) >= 8
    assert_indexed(plans)


def test_api_key_statements_use_an_index(recorder: Recorder) -> None:
    now = "2026-06-02T08:00:00Z"
    key = ApiKey("key_1", "tests", ("admin",), None, created_at=now)
    api_keys.insert_api_key(recorder, key, digest("secret"))
    api_keys.touch_api_key(recorder, key.id, now, now)
    api_keys.revoke_api_key(recorder, key.id, now)
    assert api_keys.find_api_key(recorder, digest("secret"))
    assert len(recorder.plans) == 4
    assert_indexed(recorder.plans)


def test_the_plan_check_detects_a_missing_index(recorder: Recorder) -> None:
    recorder.execute("SELECT phone FROM contacts WHERE document = 'x'")
    with pytest.raises(AssertionError):
        assert_indexed(recorder.plans)


def _random_draft(source: random.Random) -> Draft:
    values: list[FieldValue] = [0, 1, 1.0, True, False, "1", "", "x"]
    return Draft(
        f"9188568791{source.randrange(20):02}",
        first_name=source.choice([None, "Priya", "Asha"]),
        tags=source.choice([None, tuple(source.sample("abcdef", source.randrange(6)))]),
        custom_fields={key: source.choice(values) for key in source.sample("klmno", 2)},
    )


@pytest.mark.sqlite
@pytest.mark.parametrize("seed", range(3))
def test_counters_equal_the_tables(db: Database, seed: int) -> None:
    source = random.Random(seed)
    for _ in range(150):
        upsert_contact(db, _random_draft(source))
    with db.transaction() as tx:
        tx.execute("DELETE FROM contacts WHERE phone = (SELECT min(phone) FROM contacts)")
    for counted, expected in COUNTERS.items():
        assert db.connection().execute(counted) == db.connection().execute(expected)


COUNTERS = {
    "SELECT value FROM counters WHERE name = 'contacts'": "SELECT count(*) FROM contacts",
    "SELECT name, contacts FROM tags ORDER BY name": """
        SELECT name, count(*) FROM contact_tags JOIN tags ON tags.id = tag_id
        GROUP BY name ORDER BY name
    """,
    "SELECT key, strings, numbers, booleans FROM custom_fields ORDER BY key": """
        SELECT key, sum(type = 'string'), sum(type = 'number'), sum(type = 'boolean')
        FROM custom_field_values JOIN custom_fields ON custom_fields.id = field_id
        GROUP BY key ORDER BY key
    """,
}


@pytest.mark.sqlite
def test_links_equal_the_documents(db: Database) -> None:
    source = random.Random(7)
    for _ in range(150):
        upsert_contact(db, _random_draft(source))
    [documents, links, fields, values] = [
        db.connection().execute(sql)
        for sql in (
            "SELECT contacts.id, value FROM contacts, json_each(document, '$.tags') ORDER BY 1, 2",
            "SELECT contact_id, name FROM contact_tags JOIN tags ON id = tag_id ORDER BY 1, 2",
            """SELECT contacts.id, key, each.type IN ('true', 'false'), each.atom
               FROM contacts, json_each(custom_fields) AS each ORDER BY 1, 2""",
            """SELECT contact_id, key, type = 'boolean', value
               FROM custom_field_values JOIN custom_fields ON id = field_id ORDER BY 1, 2""",
        )
    ]
    assert documents == links and documents
    assert fields == values and fields
