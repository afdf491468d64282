"""The statements on many contacts: that each has an index, and writes what a single one does."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from app.contacts import bulk, bulk_store, store
from app.contacts.model import Draft
from app.contacts.pins import required_types
from app.custom_fields.store import list_keys
from app.database import Database
from tests.conftest import store_faults
from tests.contacts.test_store import ASHA, PRIYA, Recorder, assert_indexed, insert


@pytest.fixture
def recorder(db: Database) -> Iterator[Recorder]:
    insert(db, PRIYA)
    with closing(Recorder(db.path)) as recorder:
        yield recorder


def test_reads_use_an_index(recorder: Recorder) -> None:
    assert bulk_store.find_contacts(recorder, [PRIYA.phone, "1"]) == {PRIYA.phone: PRIYA}
    assert required_types(recorder, ["plan", "age"]) == {}
    assert list_keys(recorder) == sorted(PRIYA.custom_fields)
    assert bulk_store._ids(recorder, "tags", "name", set(PRIYA.tags)).keys() == set(PRIYA.tags)
    assert len(recorder.plans) == 4
    # Of what was asked for a walk, and of the fields by their keys.
    plans = {
        sql: [each for each in plan if "json_each" not in each and "asked" not in each]
        for sql, plan in recorder.plans.items()
    }
    assert_indexed(plans, orderly="custom_fields USING INDEX")


def test_inserts_what_single_ones_do(db: Database) -> None:
    many = [
        replace(each, phone=f"{each.phone[:8]}{number:04}")
        for number in range(150)
        for each in (PRIYA, ASHA)
    ]
    tables = ("contacts", "contact_words", "contact_tags", "tags", "custom_fields")
    found = []
    for insert_all in (
        lambda tx: [store.insert_contact(tx, each) for each in many],
        lambda tx: bulk_store.insert_contacts(tx, [(each, store.columns(each)) for each in many]),
    ):
        with db.transaction() as tx:
            insert_all(tx)
        read = db.connection().execute
        found.append([read(f"SELECT * FROM {table} ORDER BY 2, 1") for table in tables])
        found[-1].append(
            read(
                "SELECT key, type, value, contact_id FROM custom_field_values JOIN custom_fields"
                " ON field_id = custom_fields.id ORDER BY contact_id, key"
            )
        )
        assert store_faults(db.path) == []
        with db.transaction() as tx:
            for each in many:
                store.delete_contact(tx, each)
            tx.execute("DELETE FROM sqlite_sequence WHERE name IN ('contacts')")
    strip = [[row[1:] for row in table] for table in found[0]]
    assert strip == [[row[1:] for row in table] for table in found[1]]


def test_updates_what_it_has_just_inserted(db: Database) -> None:
    drafts = [Draft("918856879188", first_name=name) for name in ("a", "b", "b", "a")]
    drafts.insert(2, Draft("14155552671", tags=("x",)))
    outcomes = bulk.upsert_all(db, drafts)
    found = [each.status for each in outcomes if not isinstance(each, Exception)]
    assert found == ["created", "updated", "created", "unchanged", "updated"]
    assert store_faults(db.path) == []
