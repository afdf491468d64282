"""The SQL of custom fields: every statement uses an index."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.custom_fields import handlers, store
from app.database import Database
from tests.contacts.test_store import PRIYA, Recorder, assert_indexed, insert


@pytest.fixture
def recorder(db: Database) -> Iterator[Recorder]:
    insert(db, PRIYA)
    with closing(Recorder(db.path)) as recorder:
        yield recorder


def test_reads_use_an_index(recorder: Recorder) -> None:
    store.list_custom_fields(recorder, limit=20, offset=1)
    store.find_custom_field(recorder, "plan")
    store.count_custom_fields(recorder)
    assert len(recorder.plans) == 3
    # A page is read in the order of the index on keys.
    assert_indexed(recorder.plans, orderly="custom_fields USING INDEX")


def test_pins_use_an_index(recorder: Recorder) -> None:
    store.pin_custom_field(recorder, "plan", "Plan", "string")
    assert_indexed(recorder.plans)


def test_a_deletion_uses_an_index(recorder: Recorder) -> None:
    handlers._start(recorder, key="plan")
    assert store.list_sweeps(recorder) == []
    assert store.find_custom_field(recorder, "plan") is None
    # It has one row for each unfinished sweep.
    assert_indexed(recorder.plans, orderly="custom_field_sweeps")
    walks = [plan for sql, plan in recorder.plans.items() if "(type, value, contact_id) >" in sql]
    steps = [step for plan in walks for step in plan if "custom_field_values" in step]
    assert steps and all("field_id=? AND (type,value,contact_id)>(?,?,?)" in s for s in steps)
