"""The SQL of tags: every statement uses an index."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.database import Database
from app.tags import handlers, store
from tests.contacts.test_store import PRIYA, Recorder, assert_indexed, insert


@pytest.fixture
def recorder(db: Database) -> Iterator[Recorder]:
    insert(db, PRIYA)
    with closing(Recorder(db.path)) as recorder:
        yield recorder


def test_reads_use_an_index(recorder: Recorder) -> None:
    store.list_tags(recorder, limit=20, offset=1)
    store.find_tag(recorder, "VIP")
    store.count_tags(recorder)
    assert len(recorder.plans) == 3
    # A page is read in the order of the index on names.
    assert_indexed(recorder.plans, orderly="tags USING INDEX")


@pytest.mark.parametrize("new_name", ["Lead", "New", None])
def test_a_change_uses_an_index(recorder: Recorder, new_name: str | None) -> None:
    handlers._start(recorder, name="VIP", new_name=new_name)
    assert store.find_tag(recorder, "VIP") is None
    # It has one row for each unfinished sweep.
    assert_indexed(recorder.plans, orderly="tag_sweeps")
    walks = [plan for sql, plan in recorder.plans.items() if "contact_id > :position" in sql]
    steps = [step for plan in walks for step in plan if "contact_tags" in step]
    assert steps and all("tag_id=? AND contact_id>? AND contact_id<?" in step for step in steps)
